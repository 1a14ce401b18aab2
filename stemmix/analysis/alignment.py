"""Stems that were recorded together and lie apart in time or polarity: by how much, or that they were not.

Two microphones that hear one source agree in phase over the whole spectrum once one of them is shifted. So the
cross-spectrum of each stretch is whitened, every bin one vote for a phase (Knapp and Carter, "The generalized
correlation method for estimation of time delay", IEEE Trans. ASSP 24, 1976: PHAT), averaged over all stretches in which
both sound, and turned into a correlation; level, colour and stationary tones then weigh nothing. Its highest peak is
the offset, the sign of that peak the polarity.

An offset is believed where nothing rivals it: the confidence is one minus the next highest peak, of any offset farther
than `NEARBY_S`, over the highest, so noise, loops and periodic sounds, whose peaks come in crowds, rule themselves out.
Stretches go to `TALLIES` tallies in turn, and only what all of them say, with one sign, is counted: the same footstep
in two stems is one event, not one recording. So both must sound in two stretches at the least, which is to say for five
seconds or more.

What an offset includes: a filter in one path delays (a low-pass of second order at 4 kHz by 2.7 samples at 48 kHz), and
to make up for that too is what lets the sum stay loudest. Of several sources in several places the clearest decides.
What it is not made for: clocks that run apart, and offsets of more than `FARTHEST_S`, which are seen and answered by
None. A loop that both stems play is, to this ear, a recording they share; so is hum, in ten seconds of nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.complex64]

FARTHEST_S = 1.0
"""Offsets that are answered."""
STRETCH_S = 6.0
"""Length of a transform; its last `FARTHEST_S` is silence, so that no such offset is another one that went round."""
FADE_S = 1.0
"""Stretches fade into each other: their edges, which all stems share, must not be heard."""
EDGE_S = 0.25
"""Stems begin and end together, and where they do so hard, that is not to be taken for a sound they share."""
LOWEST_HZ, HIGHEST_HZ = 80.0, 8000.0
"""Rumble below is everyone's, and above little is common to two microphones; the sample is told well without."""
SILENCE = 1e-5
"""RMS, -100 dB re full scale, under which a stretch is not looked at."""
FAINTEST = 1e-4
"""Bins this far (80 dB) under the RMS of their stretch lose their vote: rounding is no sound."""

TALLIES = 3
SHORTEST_S = 0.1
"""A stretch in which one stem sounds for less, once whitened, is not looked at: a cut or a click is no recording.

A hard cut lasts 0.03 s so measured, a footstep 0.07, a stretch with one word in it 0.2 or more.
"""
LEAST_SHARE = 0.1
"""Of all votes so many must not be lost, or the stretch is no more than a few tones, which are alike at many lags."""
MOMENTS = 400
"""Parts of a stretch whose power says how long it sounds."""
NEARBY_S = 0.03
"""Around a peak lie its reflections, and those who speak into the other's microphone: no rivals."""
LEAST_CONFIDENCE = 0.65
"""The threshold, in the middle: real voices, music, effects and ambience by two invented microphones reach 0.73 or more
in 30 s (the weakest: music under noise as loud), strangers 0.33 at the most, hard cuts, tones and repeated steps 0.54.
"""
MOST_OPPOSED = 0.8
"""Of the peak, what a peak nearby of the other polarity may reach."""
REFINED_SAMPLES = 8
"""What the first look may be wrong by, noise and all."""
BAND_HZ = 100.0
"""Width of the bands whose agreement is weighed."""


@dataclass(frozen=True)
class Offset:
    """Where a stem lies against the first stem of its group."""

    lag_samples: int
    """Positive: this stem is later by so many samples."""
    inverted: bool
    confidence: float
    """0 to 1, at least `LEAST_CONFIDENCE`; over several stems that of the weakest link."""
    against: int
    """The stem that it was held against: the first, or one that is placed itself."""


class Aligner:
    """Streaming: call `process` with blocks of a group's stems in any size, then `finish` once.

    Each stem is transformed once. Memory depends on the number of stems alone: 2 MB a stem and 1.1 MB for each two of
    them at 48 kHz; the answer depends neither on the size of the blocks nor on threads.
    """

    def __init__(self, rate_hz: int, stems: int) -> None:
        from scipy.fft import next_fast_len

        self._farthest = round(FARTHEST_S * rate_hz)
        self._nearby = round(NEARBY_S * rate_hz)
        self._size = int(next_fast_len(round(STRETCH_S * rate_hz), real=True))
        self._first_bin = int(np.ceil(LOWEST_HZ * self._size / rate_hz))
        self._end_bin = min(int(HIGHEST_HZ * self._size / rate_hz), self._size // 2)
        self._band_bins = round(BAND_HZ * self._size / rate_hz)
        self._fade = round(FADE_S * rate_hz)
        self._window = _window(self._size - self._farthest, self._fade)
        self._hop = len(self._window) - self._fade
        edge = round(EDGE_S * rate_hz)
        self._begin, self._end = np.split(_window(2 * edge, edge), 2)
        # the first stretch fades in before the first sample
        self._pending = np.zeros((stems, len(self._window)))
        self._filled = self._fade
        self._tallies = {two: _Tallies(self._end_bin - self._first_bin) for two in combinations(range(stems), 2)}

    def process(self, block: Floats) -> None:
        """Take the next (n, stems) samples, each stem in mono."""
        taken = 0
        while taken < len(block):
            count = min(len(block) - taken, len(self._window) - self._filled)
            self._pending[:, self._filled : self._filled + count] = block[taken : taken + count].T
            self._filled += count
            taken += count
            if self._filled == len(self._window):
                self._fade_in()
                self._listen()
                self._pending[:, : -self._hop] = self._pending[:, self._hop :].copy()
                self._filled -= self._hop

    def finish(self) -> tuple[Offset | None, ...]:
        """Each stem's offset against the first, whose own is 0; None where they have no sound in common.

        A stem that has none in common with the first is held against those already placed, in their order.
        """
        if self._filled > self._fade:
            self._fade_in()
            self._pending[:, self._filled - len(self._end) : self._filled] *= self._end
            self._pending[:, self._filled :] = 0.0
            self._listen()
        stems = range(len(self._pending))
        placed = {0: Offset(0, False, 1.0, 0)}
        order = [0]
        for against in order:
            for stem in stems:
                if stem not in placed and (found := self._between(against, stem)):
                    placed[stem] = _chained(placed[against], found, against)
                    order.append(stem)
        return tuple(placed.get(stem) for stem in stems)

    def _fade_in(self) -> None:
        """Soften where the stems begin; once."""
        self._pending[:, self._fade : self._fade + len(self._begin)] *= self._begin
        self._begin = self._begin[:0]

    def _listen(self) -> None:
        """Let each two stems that both sound in the stretch at hand vote."""
        votes = [self._votes(stretch) for stretch in self._pending]
        for (one, other), tallies in self._tallies.items():
            a, b = votes[one], votes[other]
            if a is not None and b is not None:
                tallies.take(np.multiply(np.conj(a), b))

    def _votes(self, stretch: Floats) -> Singles | None:
        """The phase of each bin, as a number of magnitude 1 or, where next to nothing sounds, 0; None for silence."""
        from scipy.fft import rfft

        if np.sqrt(np.mean(np.square(stretch))) < SILENCE:
            return None
        spectrum = rfft(stretch * self._window, self._size)[self._first_bin : self._end_bin]
        magnitude = np.abs(spectrum)
        floor = FAINTEST * np.sqrt(np.mean(np.square(magnitude)))
        if floor == 0.0:
            return None
        spectrum /= magnitude + floor
        if np.mean(np.abs(spectrum)) < LEAST_SHARE or self._lasting_s(spectrum) < SHORTEST_S:
            return None
        votes: Singles = spectrum.astype(np.complex64)
        return votes

    def _lasting_s(self, votes: NDArray[np.complex128]) -> float:
        """How long what is whitened sounds: (sum p)^2 / sum p^2 of its power in moments of 15 ms.

        The band is taken down to 0 Hz: that leaves its envelope as it is.
        """
        from scipy.fft import irfft, next_fast_len

        sound = irfft(votes, int(next_fast_len(2 * len(votes), real=True)))
        each = len(sound) // MOMENTS
        power = np.square(sound[: each * MOMENTS]).reshape(MOMENTS, each).sum(axis=1)
        return float(STRETCH_S / MOMENTS * np.sum(power) ** 2 / np.sum(np.square(power)))

    def _between(self, one: int, other: int) -> _Found | None:
        """How the second of two stems lies against the first, where one peak stands alone."""
        flipped = one > other
        tallies = self._tallies[min(one, other), max(one, other)]
        if tallies.stretches < 2:
            return None
        agreed = _agreed([self._correlation(votes) for votes in tallies.sums[: tallies.stretches]])
        at = int(np.argmax(np.abs(agreed)))
        lag = _signed(at, self._size)
        if agreed[at] == 0.0 or abs(lag) > self._farthest:
            return None
        confidence = 1.0 - _rival(np.abs(agreed), at, self._nearby)
        if confidence < LEAST_CONFIDENCE:
            return None
        refined = self._refined(np.sum(tallies.sums, axis=0), tallies.stretches, lag)
        if refined is None:
            return None
        lag, inverted = refined
        return _Found(-lag if flipped else lag, inverted, round(confidence, 4))

    def _refined(self, votes: Singles, stretches: int, lag: int) -> tuple[int, bool] | None:
        """The highest peak near `lag` where each band weighs as much as it is agreed on, and whether it is negative.

        None where another nearby, of the other sign, is about as high: a narrow band does not tell its polarity.
        A vote of coherence g has a variance of (1 - g^2): the weight is signal over that (Hannan and Thomson 1973).
        """
        bins = np.arange(self._first_bin, self._end_bin)
        turned = votes * np.exp(2j * np.pi / self._size * ((bins * lag) % self._size))
        bands = np.arange(0, len(bins), self._band_bins)
        per_band = np.diff(np.append(bands, len(bins)))
        coherence = np.abs(np.add.reduceat(turned, bands)) / (per_band * stretches)
        # as much as chance alone agrees on is no agreement
        coherence = np.minimum(np.maximum(coherence - 1.5 / np.sqrt(per_band * stretches), 0.0), 0.99)
        weights = np.repeat(coherence / (1.0 - coherence**2), per_band)
        around = self._correlation(votes * weights)[(lag + np.arange(-self._nearby, self._nearby + 1)) % self._size]
        first = self._nearby - REFINED_SAMPLES
        best = first + int(np.argmax(np.abs(around[first : first + 2 * REFINED_SAMPLES + 1])))
        upright = np.copysign(1.0, around[best]) * around
        if -np.min(upright) > MOST_OPPOSED * upright[best]:
            return None
        return lag + best - self._nearby, bool(around[best] < 0.0)

    def _correlation(self, votes: NDArray[np.complexfloating]) -> Floats:
        """(size,) correlation of all lags, those before zero from the end."""
        from scipy.fft import irfft

        spectrum = np.zeros(self._size // 2 + 1, np.complex128)
        spectrum[self._first_bin : self._end_bin] = votes
        return np.asarray(irfft(spectrum, self._size))


class _Tallies:
    """The votes of two stems, summed up over all stretches in which both sound."""

    def __init__(self, bins: int) -> None:
        self.sums = np.zeros((TALLIES, bins), np.complex64)
        self.stretches = 0

    def take(self, votes: Singles) -> None:
        self.sums[self.stretches % TALLIES] += votes
        self.stretches += 1


@dataclass(frozen=True)
class _Found:
    lag_samples: int
    inverted: bool
    confidence: float


def _chained(base: Offset, found: _Found, against: int) -> Offset:
    return Offset(
        base.lag_samples + found.lag_samples,
        base.inverted != found.inverted,
        min(base.confidence, found.confidence),
        against,
    )


def _window(samples: int, fade: int) -> Floats:
    """Ones that rise and fall as half a cosine, so that windows which overlap by `fade` add to one."""
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    return np.concatenate((rise, np.ones(samples - 2 * fade), rise[::-1]))


def _agreed(correlations: list[Floats]) -> Floats:
    """At each lag what the tallies agree on: the least of them, and nothing where they differ in sign."""
    lowest, highest = np.min(correlations, axis=0), np.max(correlations, axis=0)
    return np.where(lowest > 0.0, lowest, np.where(highest < 0.0, highest, 0.0))


def _signed(at: int, size: int) -> int:
    """The lag that place `at` of a circular correlation stands for."""
    return at if at < size - at else at - size


def _rival(height: Floats, at: int, nearby: int) -> float:
    """The highest peak farther than `nearby` from `at`, of any lag, over that at `at`."""
    turned = np.roll(height, -at)
    return float(np.max(turned[nearby + 1 : -nearby]) / height[at])
