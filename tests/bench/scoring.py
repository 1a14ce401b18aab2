"""The ruler that mixes are held against: what a mix did for every line of dialogue, and what that cost the bed.

The stems as they came and as they were printed tell everything. A line is a run of speech frames longer than 0.3 s, its
clarity the mean over its frames of sum_b I_b clip((SNR_b + 15) / 30, 0, 1), masker spread over bands. Clarity is
judged on the mid of the stereo mix, costs on the power of both channels; costs are taken with the mix's overall gain
on the dialogue cancelled. ESTOI (Jensen and Taal, IEEE/ACM TASLP 24(11), 2016) weighs bands otherwise and is told
beside it: neither is to be believed alone.

The bands, their importance and their spreading are those of `stemmix`, which has their sources. Frames, lines and all
that is measured here are the ruler's own, so that what planning gets wrong is seen. Rate 48 kHz; audio is
(frames, 2) float64; a band's power is a sum of squares of the transform, not normalised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pystoi import stoi
from scipy.fft import irfft, rfft
from scipy.ndimage import label, maximum_filter1d, uniform_filter1d
from scipy.signal import butter, resample_poly, sosfiltfilt

from stemmix.bands import BAND_COUNT, CENTRE_HZ
from stemmix.dsp.filters import k_weighting_power
from stemmix.dsp.spectrum import ruler
from stemmix.planning.masking import IMPORTANCE, SPREAD

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RATE_HZ = 48_000
WINDOW = 2048
HOP = 512
FRAME_HZ = RATE_HZ / HOP
FRAMES_AT_ONCE = 256
"""Transforms are taken in batches that stay in the processor's cache."""

CLEAR_ENOUGH = 0.5
"""A line of less clarity is lost."""
CLEAR_AS_IT_CAME = 0.6
LONGEST_CLICK_S = 0.3
SPEECH_RANGE_DB = 25.0
NEAR_S = 0.9
"""So far from speech a cut may still be coming or going."""
AWAY_S = 1.5

_RULER = ruler(RATE_HZ)
_CENTRE_HZ = np.asarray(CENTRE_HZ)
_K_POWER = k_weighting_power(RATE_HZ, CENTRE_HZ)
_WIDE = (_CENTRE_HZ > 80) & (_CENTRE_HZ < 12_000)
_PUMPED = (_CENTRE_HZ > 80) & (_CENTRE_HZ < 10_000)
_SMOOTH_FRAMES = 8
_TINY = 1e-14
"""Added to powers before their ratio is taken: 190 dB under full scale."""


def _shares_of_bins() -> Floats:
    """(bins, 36): the triangular partition of `dsp.spectrum`."""
    shares = np.zeros((len(_RULER.bin_hz), BAND_COUNT))
    bins = np.arange(len(shares))
    shares[bins, _RULER.lower_band] = 1 - _RULER.upper_share
    shares[bins, _RULER.lower_band + 1] = _RULER.upper_share
    shares[~_RULER.heard] = 0
    return shares


_SHARES = _shares_of_bins()


# ---- signals ---------------------------------------------------------------------------------------------------------


def mid(stereo: Floats) -> Floats:
    """(frames, 2) -> (frames,)"""
    return np.asarray((stereo[:, 0] + stereo[:, 1]) * 0.5**0.5)


def frame_count(samples: int) -> int:
    """Frames of a signal, with half a window of silence before it and a whole one after."""
    return -(-(samples + WINDOW) // HOP)


def _windowed(signal: Floats) -> Iterator[tuple[int, Floats]]:
    """Batches of windowed frames and the number of their first; frame t is centred on sample t * HOP."""
    count = frame_count(len(signal))
    padded = np.zeros(count * HOP + WINDOW)
    padded[WINDOW // 2 : WINDOW // 2 + len(signal)] = signal
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:count]
    for first in range(0, count, FRAMES_AT_ONCE):
        yield first, frames[first : first + FRAMES_AT_ONCE] * _RULER.window


def band_power(*channels: Floats) -> Floats:
    """(frames, 36) power of one or more (samples,) signals together."""
    out = np.zeros((frame_count(len(channels[0])), BAND_COUNT))
    for channel in channels:
        for first, frames in _windowed(channel):
            spectrum = rfft(frames, axis=1)
            out[first : first + len(frames)] += (spectrum.real**2 + spectrum.imag**2) @ _SHARES
    return out


def with_gains(signal: Floats, gain_db: Floats) -> Floats:
    """A (samples,) signal through zero-phase gains, (frames, 36) dB or (1, 36) for all frames."""
    low, share = _RULER.lower_band, _RULER.upper_share
    parts = WINDOW // HOP
    # a frame more before the first, or the signal's first samples would lie under three frames instead of four
    early = np.concatenate((np.zeros(HOP), signal))
    by_frame_db = np.concatenate((gain_db[:1], gain_db)) if len(gain_db) > 1 else gain_db
    # one row for each hop of output, begun half a window early
    out = np.zeros((frame_count(len(early)) + parts, HOP))
    for first, frames in _windowed(early):
        here_db = by_frame_db[first : first + len(frames)] if len(gain_db) > 1 else gain_db
        bins_db = here_db[:, low] * (1 - share) + here_db[:, low + 1] * share
        spectrum = rfft(frames, axis=1) * np.exp(bins_db * (np.log(10) / 20))
        made = (irfft(spectrum, WINDOW, axis=1) * _RULER.window).reshape(-1, parts, HOP)
        for part in range(parts):
            out[first + part : first + part + len(made)] += made[:, part]
    begin = WINDOW // 2 + HOP
    return out.ravel()[begin : begin + len(signal)] * (2 * HOP / WINDOW)


def to_estoi_rate(signal: Floats) -> Floats:
    """(samples,) at 48 kHz -> at 10 kHz, where ESTOI works."""
    return np.asarray(resample_poly(signal, 5, 24))


def smoothed(power: Floats, frames: int = _SMOOTH_FRAMES) -> Floats:
    """Running mean over frames; running sums may go slightly negative, so it is clamped."""
    return np.maximum(uniform_filter1d(power, frames, axis=0), 0.0)


def ratio_db(above: Floats, below: Floats) -> Floats:
    """Ratio of two powers."""
    return np.asarray(10 * np.log10((above + _TINY) / (below + _TINY)))


def widened(flags: Flags, reach_s: float) -> Flags:
    """Also what lies within `reach_s` of a flag."""
    return np.asarray(maximum_filter1d(flags.astype(np.uint8), int(2 * reach_s * FRAME_HZ) | 1).astype(bool))


def speech_of(dialogue_bands: Floats) -> Flags:
    """(frames,): where the 200 ms K-weighted power is within 25 dB of its 95th percentile, digital silence apart."""
    level_db = 10 * np.log10(smoothed(dialogue_bands @ _K_POWER, int(0.2 * FRAME_HZ)) + 1e-20)
    sounding = level_db > -120
    if not sounding.any():
        return sounding
    return np.asarray(level_db > np.percentile(level_db[sounding], 95) - SPEECH_RANGE_DB)


def worst_quarter(clarity: Floats) -> float:
    """Mean clarity of the quarter of lines that is least clear, of one at least."""
    return float(np.sort(clarity)[: max(1, len(clarity) // 4)].mean())


# ---- what is measured ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """What a mix did to a scene; None where there is nothing to measure it on. Levels in dB."""

    estoi_gain: float
    lines_lost: int
    """Lines whose clarity is under 0.5."""
    worst_quarter_gain: float
    """Of clarity."""
    sones_lost: float
    """Share of the bed's sum over speech frames and bands of (spread power)^0.23 that is gone."""
    loss_db: float
    """Of the bed, K-weighted, over frames with speech."""
    loss_between_db: float | None
    """The same within 0.9 s of speech, outside lines."""
    damage_db: float | None
    """Unevenness of the change over bands, 80 Hz to 12 kHz: SD in blocks of 1 s, half of them speech or more."""
    outside_db: float | None
    """RMS change of bands further than 0.9 s from speech."""
    clear_db: float | None
    """RMS change of bands in lines that came clear, 1.5 s away from others."""
    pumping_db: float
    """RMS of the bands' gain between 1 and 8 Hz, 80 Hz to 10 kHz."""

    @property
    def between_share(self) -> float | None:
        """Loss between lines over loss in speech."""
        if self.loss_between_db is None or self.loss_db < 0.01:
            return None
        return self.loss_between_db / self.loss_db


@dataclass(frozen=True)
class Voice:
    """What was done to the actor, in dB over lines."""

    shape_db: float
    """95th percentile of the spread of a line's change over bands."""
    ripple_db: float
    """95th percentile of the RMS of a line's gain above 0.5 Hz."""
    ride_db: float
    """From the line that was raised least to the one that was raised most."""


class Scene:
    """The stems as they came, (frames, 2) both, and everything about them that every mix of them is held against."""

    def __init__(self, dialogue: Floats, bed: Floats) -> None:
        self.dialogue, self.bed = dialogue, bed
        self.dialogue_bands = band_power(mid(dialogue))
        self.bed_mid_bands = band_power(mid(bed))
        self.bed_bands = band_power(bed[:, 0], bed[:, 1])
        self.speech = speech_of(self.dialogue_bands)
        self.near_speech = widened(self.speech, NEAR_S)
        self.lines = _lines_of(self.speech)
        self.lines_before = self.clarity(self.bed_mid_bands)
        self.bed_sones = self._sones(self.bed_bands)
        self._dialogue_10k = to_estoi_rate(mid(dialogue))
        self.estoi_before = self.estoi(to_estoi_rate(mid(bed)))

    @property
    def lost_before(self) -> int:
        return int((self.lines_before < CLEAR_ENOUGH).sum())

    @cached_property
    def clear_as_it_came(self) -> Flags:
        """Speech further than 1.5 s from every line that came less than clear."""
        unclear = np.zeros(len(self.speech), bool)
        for line, clarity in zip(self.lines, self.lines_before, strict=True):
            unclear[line] |= clarity < CLEAR_AS_IT_CAME
        return self.speech & ~widened(unclear, AWAY_S)

    def clarity(self, bed_mid_bands: Floats, dialogue_bands: Floats | None = None) -> Floats:
        """(lines,): an audibility index from 0 to 1."""
        dialogue = self.dialogue_bands if dialogue_bands is None else dialogue_bands
        snr_db = ratio_db(smoothed(dialogue), smoothed(bed_mid_bands) @ SPREAD.T)
        index = np.clip((snr_db + 15) / 30, 0, 1) @ IMPORTANCE
        return np.array([index[line].mean() for line in self.lines])

    def estoi(self, bed_10k: Floats, dialogue_10k: Floats | None = None) -> float:
        """ESTOI of the mix's mid, against the dialogue as it came; both parts at 10 kHz."""
        heard = self._dialogue_10k if dialogue_10k is None else dialogue_10k
        return float(stoi(self._dialogue_10k, heard + bed_10k, 10_000, extended=True))

    def overall_gain(self, dialogue: Floats) -> float:
        """A mix's gain on its dialogue as a whole, linear: what the lines that were raised least have in common."""
        after = band_power(mid(dialogue))
        raised = np.sort(
            [np.sqrt((after[line].sum() + _TINY) / (self.dialogue_bands[line].sum() + _TINY)) for line in self.lines]
        )
        return float(np.median(raised[: max(1, len(raised) // 4)]))

    def score(self, bed: Floats, dialogue: Floats | None = None) -> tuple[Score, Floats]:
        """A mix's score, and the clarity of its lines. The mix's overall gain is to be taken out beforehand."""
        after, before = band_power(bed[:, 0], bed[:, 1]), self.bed_bands
        bed_mid = mid(bed)
        dialogue_mid = None if dialogue is None else mid(dialogue)
        clarity = self.clarity(band_power(bed_mid), None if dialogue_mid is None else band_power(dialogue_mid))
        estoi = self.estoi(to_estoi_rate(bed_mid), None if dialogue_mid is None else to_estoi_rate(dialogue_mid))
        between = self.near_speech & ~self.speech
        score = Score(
            estoi_gain=estoi - self.estoi_before,
            lines_lost=int((clarity < CLEAR_ENOUGH).sum()),
            worst_quarter_gain=worst_quarter(clarity) - worst_quarter(self.lines_before),
            sones_lost=1 - self._sones(after) / max(self.bed_sones, _TINY),
            loss_db=_loss_db(before, after, self.speech),
            loss_between_db=_loss_db(before, after, between) if between.any() else None,
            damage_db=_damage_db(before, after, self.speech),
            outside_db=_change_db(before, after, ~self.near_speech),
            clear_db=_change_db(before, after, self.clear_as_it_came),
            pumping_db=_pumping_db(before, after),
        )
        return score, clarity

    def voice(self, dialogue: Floats) -> Voice:
        """What became of the dialogue, the overall gain taken out."""
        after, before = band_power(mid(dialogue)), self.dialogue_bands
        slow = butter(2, 0.5, "high", fs=FRAME_HZ, output="sos")
        shapes, rides, ripples = [], [], []
        for line in self.lines:
            power, power_after = before[line].sum(axis=0), after[line].sum(axis=0)
            strong = power > 1e-5 * power.sum()
            shapes.append(ratio_db(power_after, power)[strong].std())
            rides.append(float(ratio_db(power_after.sum(), power.sum())))
            gain_db = ratio_db(smoothed(after[line] @ _K_POWER), smoothed(before[line] @ _K_POWER))
            if len(gain_db) > 30:
                ripples.append(np.sqrt(np.mean(sosfiltfilt(slow, gain_db) ** 2)))
        return Voice(
            shape_db=float(np.percentile(shapes, 95)),
            ripple_db=float(np.percentile(ripples, 95)) if ripples else 0.0,
            ride_db=float(np.ptp(rides)),
        )

    def _sones(self, bands: Floats) -> float:
        return float(((bands[self.speech] @ SPREAD.T) ** 0.23).sum())


def _lines_of(speech: Flags) -> list[slice]:
    runs, count = label(speech)
    edges = [np.flatnonzero(runs == number)[[0, -1]] for number in range(1, count + 1)]
    return [slice(int(a), int(b) + 1) for a, b in edges if b + 1 - a > LONGEST_CLICK_S * FRAME_HZ]


def _loss_db(before: Floats, after: Floats, where: Flags) -> float:
    return float(ratio_db((before[where] @ _K_POWER).sum(), (after[where] @ _K_POWER).sum()))


def _damage_db(before: Floats, after: Floats, speech: Flags) -> float | None:
    second = int(FRAME_HZ)
    spreads = []
    for start in range(0, len(before) - second, second):
        spoken = start + np.flatnonzero(speech[start : start + second])
        if len(spoken) >= second / 2:
            spreads.append(ratio_db(after[spoken].sum(axis=0), before[spoken].sum(axis=0))[_WIDE].std())
    return float(np.mean(spreads)) if spreads else None


def _change_db(before: Floats, after: Floats, where: Flags) -> float | None:
    if np.count_nonzero(where) <= 20:
        return None
    change_db = ratio_db(after[where].sum(axis=0), before[where].sum(axis=0))[_WIDE]
    return float(np.sqrt(np.mean(change_db**2)))


def _pumping_db(before: Floats, after: Floats) -> float:
    """A band's gain is known where the bed is within 50 dB of its loudest there, and taken to stay elsewhere."""
    level = smoothed(before)
    known = level > 1e-5 * before.max(axis=0)
    gain_db = ratio_db(smoothed(after), level)
    latest = np.maximum.accumulate(np.where(known, np.arange(len(level))[:, None], -1), axis=0)
    held_db = np.where(latest < 0, 0.0, np.take_along_axis(gain_db, np.maximum(latest, 0), axis=0))
    band = butter(2, [1, 8], "band", fs=FRAME_HZ, output="sos")
    return float(np.sqrt(np.mean(sosfiltfilt(band, held_db[:, _PUMPED], axis=0) ** 2)))
