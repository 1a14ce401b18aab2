"""What goes wrong in samples: clipping, overs, holes, breaks and silence, looked for while they go by.

Samples come in pieces of any size and are looked at in order; the frames that are told count from the first sample.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import kernels, watching_kernels
from stemmix.dsp.filters import INTERPOLATOR_REACH, k_weighting, sharp_interpolator
from stemmix.dsp.spells import Places
from stemmix.dsp.true_peak import highest_sample

Floats = NDArray[np.float64]

FULL_SCALE: Final = 0.99996
"""The highest 16-bit sample is 0.99997."""
CLIPPED_RUN: Final = 3
"""As many equal samples at full scale are a clipped peak: a 16-bit peak that just reaches it has one, rarely two."""
FLAT_LOWEST: Final = 0.1
"""-20 dBFS: what was clipped and then turned down further than this is told by ear, not by its tops."""
FLAT_CORNER: Final = 8 / 2**15
"""A smooth top that 16 bits make flat for three samples has neighbours within three steps of it."""

QUIET: Final = 1.5 / 2**15
"""What dither leaves of nothing in 16 bits."""
LOUD: Final = 10 ** (-40 / 20)
"""A gate or a fade is softer than this in its last millisecond, and so is the last bit of 8."""
CUT: Final = 10 ** (-50 / 20)
"""The same beside a long silence, which no wave can be taken for."""
ALIKE: Final = 10 ** (15 / 20)
"""Sound that goes on after a hole is about as loud as before; a tail that is cut before the next hit is not."""
STEP: Final = 0.01
"""Over the last bit of 8: sound that passes through nothing smoothly begins with less."""
SHORTEST_HOLE_S, LONGEST_HOLE_S = 0.001, 1.0
NEAR_S, AROUND_S = 0.001, 0.005

JUMP_LEAST: Final = 0.01
"""A break smaller than this (-40 dBFS) is not heard in a mix."""
JUMP_RATIO: Final = 10.0
"""Over anything around it: noise has differences of 5 standard deviations at most among those of 3."""
JUMP_LOWEST: Final = 10 ** (-60 / 20)
JUMP_REACH_S: Final = 0.0025
JUMP_APART_S: Final = 0.1
"""A wave with edges of its own, down to 10 Hz, has the next one before this."""

SHORTEST_SILENCE_S: Final = 0.5

SPEECH_BAND_HZ = (200.0, 4000.0)
"""Holds most of what speech is understood by (ANSI S3.5-1997, table 3); its lower edge is what an LFE should not
reach."""


class SampleWatch:
    """Faults of samples, in any number of channels."""

    def __init__(self, rate_hz: int, channels: int, keep: int, gap_s: float) -> None:
        """Of each fault the first `keep` places are kept; those nearer than `gap_s` seconds are one."""
        self._rate_hz = rate_hz
        self._channels = channels
        self._frames = 0
        self._reach = max(8, round(JUMP_REACH_S * rate_hz))
        self._near, self._around = max(1, round(NEAR_S * rate_hz)), max(1, round(AROUND_S * rate_hz))
        self._hole = max(2, round(SHORTEST_HOLE_S * rate_hz)), round(LONGEST_HOLE_S * rate_hz)
        self._tail = np.zeros(
            (max(2 * self._reach + 2, self._hole[0] + self._around, 2 * INTERPOLATOR_REACH), channels)
        )
        self._shortest_silence = round(SHORTEST_SILENCE_S * rate_hz)
        self._flat_state, self._tops = np.zeros((channels, 4)), np.zeros((channels, 2))
        self._hole_state, self._silence_state = np.zeros((channels, 9)), np.array([-1.0, 0.0, -1.0, -1.0, 0.0])
        self._jump_state = np.tile((-1e12, 0.0), (channels, 1))
        gap = round(gap_s * rate_hz)
        self.clipped, self.overs = Places(gap, keep), Places(gap, keep)
        self.holes, self.jumps, self.cuts = Places(gap, keep), Places(0, keep), Places(0, keep)
        self.pauses = 0
        """Of half a second or more, digitally silent, inside of sound; `cuts` are those with a sharp edge."""
        self.clipped_runs = 0
        self.longest_clip = 0
        self.silent_frames = 0
        self.over = 0.0
        """The highest magnitude between samples, where that is over full scale; 0 else."""
        self._flat = [(Places(gap, keep), Places(gap, keep)) for _ in range(channels)]
        self._flat_level = np.zeros((channels, 2))
        self._flat_runs = np.zeros((channels, 2), np.int64)

    def process(self, piece: Floats) -> None:
        """Hear (n, channels) samples, contiguous."""
        heard = np.concatenate((self._tail, piece))
        start = len(self._tail)
        events = np.empty((self._channels * (len(piece) // 2 + 2), 4))
        self._look_for_flat_tops(piece, events)
        found = watching_kernels.holes(
            heard, start, self._frames, QUIET, *self._hole, self._near, self._around, LOUD, ALIKE, STEP,
            self._hole_state, events,
        )  # fmt: skip
        for _, begin, end in _in_time(events[:found, :3]):
            self.holes.add(begin, end)
        self._look_for_jumps(heard[start - 2 * self._reach - 2 :], events)
        found = watching_kernels.silent_runs(
            heard, start, self._frames, self._shortest_silence, self._near, self._silence_state, events
        )
        for begin, end, edge in events[:found, :3].tolist():
            self.pauses += 1
            self.silent_frames += round(end - begin)
            if edge >= CUT:
                self.cuts.add(begin, end)
        self._look_for_overs(heard[start - 2 * INTERPOLATOR_REACH :])
        self._frames += len(piece)
        self._tail = heard[-start:].copy()

    def finish(self) -> None:
        """The sound has ended: what waited for more has heard enough."""
        frames = self._frames
        events = np.empty((self._channels * (len(self._tail) + 2), 4))
        self._look_for_flat_tops(np.zeros((1, self._channels)), events)
        silence = np.zeros((self._reach, self._channels))
        self._look_for_jumps(np.concatenate((self._tail[-2 * self._reach - 2 :], silence)), events)
        for last, waits in self._jump_state.tolist():
            if waits:
                self.jumps.add(last, last + 1)
        silence = np.zeros((INTERPOLATOR_REACH, self._channels))
        self._look_for_overs(np.concatenate((self._tail[-2 * INTERPOLATOR_REACH :], silence)))
        self._frames = frames

    @property
    def peaks(self) -> Floats:
        """(channels,): the highest magnitude of each channel's samples."""
        highest: Floats = self._tops.max(axis=1)
        return highest

    @property
    def flat_tops(self) -> tuple[int, float, list[tuple[float, float]]]:
        """How many peaks are cut flat at the highest level of their channel and side, that level, and where."""
        level, channel, side = max(
            (
                (int(self._flat_runs[c, s]), c, s)
                for c in range(self._channels)
                for s in (0, 1)
                if self._tops[c, s] == self._flat_level[c, s]
            ),
            default=(0, 0, 0),
        )
        return level, float(self._flat_level[channel, side]), self._flat[channel][side].spans

    def _look_for_flat_tops(self, piece: Floats, events: Floats) -> None:
        found = watching_kernels.flat_runs(
            piece, self._frames, CLIPPED_RUN, FULL_SCALE, FLAT_LOWEST, FLAT_CORNER, self._flat_state, self._tops, events
        )
        for channel, begin, end, level in _in_time(events[:found]):
            if abs(level) >= FULL_SCALE:
                self.clipped_runs += 1
                self.longest_clip = max(self.longest_clip, round(end - begin))
                self.clipped.add(begin, end)
                continue
            c, side = int(channel), int(level > 0)
            if abs(level) > self._flat_level[c, side]:
                self._flat_level[c, side], self._flat_runs[c, side] = abs(level), 0
                self._flat[c][side].clear()
            self._flat_runs[c, side] += 1
            self._flat[c][side].add(begin, end)

    def _look_for_jumps(self, heard: Floats, events: Floats) -> None:
        found = watching_kernels.jumps(
            heard, self._frames - self._reach, self._reach, JUMP_LEAST, JUMP_RATIO, JUMP_LOWEST,
            round(JUMP_APART_S * self._rate_hz), self._jump_state, events,
        )  # fmt: skip
        for _, frame in _in_time(events[:found, :2]):
            self.jumps.add(frame, frame + 1)

    def _look_for_overs(self, heard: Floats) -> None:
        """Of the intervals that have all their neighbours; they begin a reach before the newest samples."""
        interpolator = sharp_interpolator()
        if highest_sample(heard) * interpolator.bounds[0] <= 1.0:
            return
        count = len(heard) - 2 * INTERPOLATOR_REACH
        highest = np.zeros(count)
        for channel in heard.T:
            kernels.peaks_above(
                np.ascontiguousarray(channel), INTERPOLATOR_REACH, count, 1.0, False,
                interpolator.half_taps, interpolator.quarter_taps, interpolator.bounds, highest,
            )  # fmt: skip
        over = np.flatnonzero(highest)
        self.over = max(self.over, float(highest.max(initial=0.0)))
        for frame in (over + self._frames - INTERPOLATOR_REACH).tolist():
            self.overs.add(frame, frame + 1)


class PairBins:
    """What `watching_kernels.COLUMNS` says of two channels, in bins that are named as they end."""

    def __init__(self, rate_hz: int) -> None:
        self._sections = np.concatenate((k_weighting(rate_hz), _speech_band(rate_hz)))
        self._state = np.zeros((2, 10))

    def process(self, piece: Floats, a: int, b: int, ends: NDArray[np.int64]) -> Floats:
        """(bins, columns) of channels a and b of a piece (n, channels) that ends with its last bin."""
        bins = np.zeros((len(ends), len(watching_kernels.COLUMNS)))
        watching_kernels.pair_bins(piece, a, b, ends, self._sections, self._state, bins)
        return bins


def _speech_band(rate_hz: int) -> Floats:
    """(3, 5): Butterworth, fourth order up from 200 Hz and second order down from 4 kHz, b0 b1 b2 a1 a2.

    Source: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients".
    """
    low_hz, high_hz = SPEECH_BAND_HZ
    rows = []
    for cutoff_hz, q, sign in (
        (low_hz, 0.5412, 1.0),
        (low_hz, 1.3066, 1.0),
        (min(high_hz, 0.45 * rate_hz), 0.7071, -1.0),
    ):
        angle = 2 * np.pi * cutoff_hz / rate_hz
        alpha, cosine = np.sin(angle) / (2 * q), np.cos(angle)
        outer = (1 + sign * cosine) / 2
        rows.append(np.array((outer, -sign * 2 * outer, outer, -2 * cosine, 1 - alpha)) / (1 + alpha))
    return np.stack(rows)


def _in_time(events: Floats) -> list[list[float]]:
    """Rows of channel, first frame ... in the order of their first frames."""
    found: list[list[float]] = events[np.argsort(events[:, 1], kind="stable")].tolist()
    return found
