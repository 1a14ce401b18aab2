"""Meters that read a stream: loudness, loudness range, sample peak and true peak.

Sources: ITU-R BS.1770-5 (K-weighting, gating, true peak), EBU Tech 3341 (momentary, short-term), EBU Tech 3342
(loudness range). A reading may be taken at any time and stands for the signal so far; taking it changes nothing. Every
meter takes blocks of any size, zero included, and reads the same bits for all of them. Samples beyond full scale are
as good as others; NaN and infinity are to be kept out.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import kernels
from stemmix.dsp.filters import INTERPOLATOR_REACH, k_weighting, sharp_interpolator
from stemmix.units import POWER_FLOOR, db_from_gain, db_from_power

Floats = NDArray[np.float64]

_OFFSET_DB = -0.691  # BS.1770-5 Annex 1 equation 2: makes a 997 Hz sine of 0 dBFS in one front channel read -3.01 LKFS
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_RANGE_GATE_LU = -20.0
_RANGE_PERCENTILES = (0.10, 0.95)

_BINS_PER_SECOND = 100
_BINS_PER_STEP = 10  # gating blocks overlap by 75 %; Tech 3342 asks for 10 short-term values a second or more
_MOMENTARY_BINS = 40
_SHORT_TERM_BINS = 300

_PIECE = 1 << 15  # frames worked on at once: copies stay in the processor's cache, and memory bounded

_SILENT = "digital silence"


@dataclass(frozen=True)
class Loudness:
    """What a `LoudnessMeter` reads; None where there is no reading, with the reason under the same name."""

    integrated_lufs: float | None
    momentary_max_lufs: float | None
    short_term_max_lufs: float | None
    lra_lu: float | None
    momentary_lufs: Floats = field(compare=False)
    """Ten a second; entry i is the window that ends at 0.4 s + 0.1 s * i."""
    short_term_lufs: Floats = field(compare=False)
    """Ten a second; entry i is the window that ends at 3 s + 0.1 s * i."""
    reasons: dict[str, str]


@dataclass(frozen=True)
class Reading:
    """What a `Meter` reads; None where there is no reading, with the reason under the same name."""

    integrated_lufs: float | None
    short_term_max_lufs: float | None
    momentary_max_lufs: float | None
    lra_lu: float | None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None
    reasons: dict[str, str]


def gated_loudness(energies: Floats) -> float | None:
    """Integrated loudness in LUFS of gating-block energies (blocks,), or None where none passes the absolute gate.

    Blocks of several reels, put end to end, give the loudness of their programme. Source: BS.1770-5 Annex 1,
    equations 3 to 7: blocks above -70 LKFS, of those the ones above their own mean less 10 LU.
    """
    loud = energies[energies > _energy(_ABSOLUTE_GATE_LUFS)]
    if not len(loud):
        return None
    # a block at the mean is above the relative gate, so some are left
    return _loudness(float(loud[loud > loud.mean() * 10.0 ** (_RELATIVE_GATE_LU / 10.0)].mean()))


def loudness_range(energies: Floats) -> float | None:
    """LRA in LU of short-term energies (values,), or None where none passes the absolute gate.

    Source: EBU Tech 3342 section 4: values above -70 LUFS, of those the ones not under their own mean less 20 LU; the
    distance from their 10th percentile to their 95th, each the value of the nearest rank.
    """
    loud = energies[energies >= _energy(_ABSOLUTE_GATE_LUFS)]
    if not len(loud):
        return None
    ranked = np.sort(loud[loud >= loud.mean() * 10.0 ** (_RANGE_GATE_LU / 10.0)])
    low, high = (float(ranked[int(share * (len(ranked) - 1) + 0.5)]) for share in _RANGE_PERCENTILES)
    return _loudness(high) - _loudness(low)


class LoudnessMeter:
    """Momentary, short-term and integrated loudness, their maxima, and loudness range.

    Energy is kept in bins of 10 ms on the absolute sample grid (edges at n * rate / 100, rounded down, so that no rate
    drifts). Windows of 400 ms and 3 s slide by one bin: their maxima are exact to 10 ms. Gating blocks and the values
    for the loudness range are those that end on a tenth of a second. What does not fill a last bin or block is left
    out. Memory grows by 16 bytes per 100 ms: 1.2 MB in two hours.
    """

    def __init__(self, rate_hz: int, weights: Sequence[float]) -> None:
        """`weights`: BS.1770-5 weight of each channel, in order; a channel of weight 0 (LFE) costs nothing."""
        self._rate_hz = rate_hz
        self._channels = len(weights)
        self._sections = k_weighting(rate_hz)
        heard = [c for c, weight in enumerate(weights) if weight > 0.0]
        # two channels take no longer than one: an odd one rides twice, the second time for nothing
        self._pairs = [
            (
                np.array([heard[i], heard[min(i + 1, len(heard) - 1)]]),
                np.array([weights[heard[i]], weights[heard[i + 1]] if i + 1 < len(heard) else 0.0]),
                np.zeros((2, 7)),
            )
            for i in range(0, len(heard), 2)
        ]
        self._frames = 0
        self._bins = 0
        self._recent = np.zeros(0)
        self._momentary = array("d")
        self._short_term = array("d")
        self._momentary_max = 0.0
        self._short_term_max = 0.0

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        _check(block, self._channels)
        block = np.ascontiguousarray(block)
        end = self._frames + len(block)
        bins = ((end + 1) * _BINS_PER_SECOND - 1) // self._rate_hz  # the last one whose edge has been reached
        ends = np.append(self._edges(np.arange(self._bins + 1, bins + 1)) - self._frames, len(block))
        energies = np.zeros(bins - self._bins)
        for channels, weights, state in self._pairs:
            kernels.k_weighted_bins(block, channels, weights, ends, self._sections, state, energies)
        self._frames = end
        self._bins = bins
        if len(energies):
            self._slide(energies)

    def gating_energies(self) -> Floats:
        """(blocks,) mean weighted square of each 400 ms gating block, ten a second: what `gated_loudness` pools."""
        return np.array(self._momentary)

    def short_term_energies(self) -> Floats:
        """(values,) the same over 3 s, ten a second: what `loudness_range` ranks."""
        return np.array(self._short_term)

    def read(self) -> Loudness:
        """The reading so far."""
        reasons = {}
        momentary, short_term = self.gating_energies(), self.short_term_energies()
        integrated = gated_loudness(momentary)
        lra = loudness_range(short_term)
        if integrated is None:
            too_short = not len(momentary)
            reasons["integrated_lufs"] = "shorter than 400 ms" if too_short else "nothing above -70 LUFS"
        if lra is None:
            too_short = not len(short_term)
            reasons["lra_lu"] = "shorter than 3 s" if too_short else "nothing above -70 LUFS"
        maxima: dict[str, float | None] = {}
        for name, energy, bins, length in (
            ("momentary_max_lufs", self._momentary_max, _MOMENTARY_BINS, "400 ms"),
            ("short_term_max_lufs", self._short_term_max, _SHORT_TERM_BINS, "3 s"),
        ):
            maxima[name] = _loudness(energy) if energy > POWER_FLOOR else None
            if maxima[name] is None:
                reasons[name] = f"shorter than {length}" if self._bins < bins else _SILENT
        return Loudness(
            integrated_lufs=integrated,
            momentary_max_lufs=maxima["momentary_max_lufs"],
            short_term_max_lufs=maxima["short_term_max_lufs"],
            lra_lu=lra,
            momentary_lufs=_loudnesses(momentary),
            short_term_lufs=_loudnesses(short_term),
            reasons=reasons,
        )

    def _edges(self, bins: NDArray[np.int64]) -> NDArray[np.int64]:
        return bins * self._rate_hz // _BINS_PER_SECOND

    def _slide(self, energies: Floats) -> None:
        """Windows that end in the newest bins."""
        known = np.concatenate((self._recent, energies))
        momentary, ends = self._means(known, len(energies), _MOMENTARY_BINS)
        if len(ends):
            self._momentary_max = max(self._momentary_max, float(momentary.max()))
            self._momentary.extend(momentary[ends % _BINS_PER_STEP == 0])
        short_term, ends = self._means(known, len(energies), _SHORT_TERM_BINS)
        if len(ends):
            self._short_term_max = max(self._short_term_max, float(short_term.max()))
            self._short_term.extend(short_term[ends % _BINS_PER_STEP == 0])
        self._recent = known[max(0, len(known) - _SHORT_TERM_BINS + 1) :]

    def _means(self, known: Floats, new: int, width: int) -> tuple[Floats, NDArray[np.int64]]:
        """Mean weighted square of the windows of `width` bins that end in the newest bins, and those bins' numbers."""
        count = min(new, max(0, len(known) - width + 1))
        ends = np.arange(self._bins - count + 1, self._bins + 1)
        sums = np.empty(count)
        kernels.window_sums(known[len(known) - count - width + 1 :] if count else known, width, sums)
        return sums / (self._edges(ends) - self._edges(ends - width)), ends


class TruePeakMeter:
    """The highest magnitude of the signal between its samples, all channels together.

    Interpolates eightfold by 128 taps and takes a parabola through each highest point and its neighbours: that
    under-reads by no more than 0.005 dB where the bare 16x grid may lose 0.042 dB (BS.1770-5 Annex 2, attachment 1:
    20 log10 cos(pi f / (n fs))). Where the samples' magnitude times the sum of the filter's cannot beat what was found
    already, nothing is computed; that is exact.
    """

    def __init__(self, channels: int) -> None:
        """Any sample rate is read alike: all is relative to it."""
        self._channels = channels
        self._interpolator = sharp_interpolator()
        self._tail = np.zeros((2 * INTERPOLATOR_REACH, channels))
        self._peak = 0.0

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        _check(block, self._channels)
        for begin in range(0, len(block), _PIECE):
            heard = np.concatenate((self._tail, block[begin : begin + _PIECE]))
            self._peak = self._highest(heard)
            self._tail = heard[-2 * INTERPOLATOR_REACH :].copy()

    def read(self) -> float:
        """The highest magnitude so far, linear, as if the signal ended here: its tail rings out into silence."""
        return self._highest(np.concatenate((self._tail, np.zeros((2 * INTERPOLATOR_REACH, self._channels)))))

    def _highest(self, heard: Floats) -> float:
        """Over the intervals that have all of their neighbours in `heard`, a reach at either end."""
        peak = max(self._peak, _highest_sample(heard))
        if _highest_sample(heard) * self._interpolator.bounds[0] <= peak:
            return peak
        count = len(heard) - 2 * INTERPOLATOR_REACH
        scratch = np.empty(count)
        for channel in heard.T:
            found = kernels.peaks_above(
                np.ascontiguousarray(channel),
                INTERPOLATOR_REACH,
                count,
                peak,
                True,
                self._interpolator.half_taps,
                self._interpolator.quarter_taps,
                self._interpolator.bounds,
                scratch,
            )
            peak = max(peak, found)
        return peak


class Meter:
    """Loudness, loudness range, true peak and sample peak in one pass."""

    def __init__(self, rate_hz: int, weights: Sequence[float]) -> None:
        """`weights`: BS.1770-5 weight of each channel, in order; LFE has 0, and counts for the peaks all the same."""
        self.loudness = LoudnessMeter(rate_hz, weights)
        self._true_peak = TruePeakMeter(len(weights))
        self._sample_peak = 0.0

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        for begin in range(0, len(block), _PIECE):
            piece = block[begin : begin + _PIECE]
            self.loudness.process(piece)
            self._true_peak.process(piece)
            self._sample_peak = max(self._sample_peak, _highest_sample(piece))

    def read(self) -> Reading:
        """The reading so far."""
        loudness = self.loudness.read()
        reasons = dict(loudness.reasons)
        peaks: dict[str, float | None] = {}
        for name, peak in (("true_peak_dbtp", self._true_peak.read()), ("sample_peak_dbfs", self._sample_peak)):
            peaks[name] = db_from_gain(peak) if peak * peak > POWER_FLOOR else None
            if peaks[name] is None:
                reasons[name] = _SILENT
        return Reading(
            integrated_lufs=loudness.integrated_lufs,
            short_term_max_lufs=loudness.short_term_max_lufs,
            momentary_max_lufs=loudness.momentary_max_lufs,
            lra_lu=loudness.lra_lu,
            true_peak_dbtp=peaks["true_peak_dbtp"],
            sample_peak_dbfs=peaks["sample_peak_dbfs"],
            reasons=reasons,
        )


def _check(block: Floats, channels: int) -> None:
    if block.ndim != 2 or block.shape[1] != channels:
        raise ValueError(f"meter: a block of shape {block.shape} is not (frames, {channels})")


def _highest_sample(block: Floats) -> float:
    return max(float(block.max()), -float(block.min())) if block.size else 0.0


def _energy(loudness_lufs: float) -> float:
    return float(10.0 ** ((loudness_lufs - _OFFSET_DB) / 10.0))


def _loudness(energy: float) -> float:
    return _OFFSET_DB + db_from_power(energy)


def _loudnesses(energies: Floats) -> Floats:
    return np.asarray(_OFFSET_DB + 10.0 * np.log10(np.maximum(energies, POWER_FLOOR)))
