"""Meters that read a stream: loudness, loudness range, and `Meter`, which reads everything in one pass.

Sources: ITU-R BS.1770-5 (K-weighting, gating, true peak), EBU Tech 3341 (momentary, short-term), EBU Tech 3342
(loudness range). A reading may be taken at any time and stands for the signal so far; taking it changes nothing. Every
meter takes blocks of any size, zero included, and reads the same bits for all of them. Samples beyond full scale are
as good as others; NaN and infinity are to be kept out.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import running_kernels
from stemmix.dsp.crest import GATE_ENERGY, PsrMeter
from stemmix.dsp.dialogue import SpanEnergy, SpanReading
from stemmix.dsp.leq_m import LeqMMeter
from stemmix.dsp.levels import SILENT, LevelMeter, ends_of_bins
from stemmix.dsp.true_peak import TruePeakMeter
from stemmix.dsp.weighting import KWeightedBins
from stemmix.units import LOUDNESS_OFFSET_DB, POWER_FLOOR, db_from_gain, db_from_power

Floats = NDArray[np.float64]

_RELATIVE_GATE_LU = -10.0
_RANGE_GATE_LU = -20.0
_RANGE_PERCENTILES = (0.10, 0.95)

_BINS_PER_STEP = 10  # gating blocks overlap by 75 %; Tech 3342 asks for 10 short-term values a second or more
_MOMENTARY_BINS = 40
_SHORT_TERM_BINS = 300


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
    rms_dbfs: float | None
    """Over everything, all channels alike, unweighted: a full-scale sine reads -3.01."""
    noise_floor_dbfs: float | None
    """RMS of the quietest half second that is no digital silence (`LevelMeter`)."""
    leq_m_db: float | None
    """ISO 21727 (`LeqMMeter`)."""
    plr_db: float | None
    """Peak to loudness ratio: true peak less integrated loudness (as AES e-Brief 373 sets it beside PSR)."""
    psr_db: float | None
    """The lowest peak to short-term loudness ratio (`PsrMeter`)."""
    reasons: dict[str, str]


def gated_loudness(energies: Floats) -> float | None:
    """Integrated loudness in LUFS of gating-block energies (blocks,), or None where none passes the absolute gate.

    Blocks of several reels, put end to end, give the loudness of their programme. Source: BS.1770-5 Annex 1,
    equations 3 to 7: blocks above -70 LKFS, of those the ones above their own mean less 10 LU.
    """
    loud = energies[energies > GATE_ENERGY]
    if not len(loud):
        return None
    # a block at the mean is above the relative gate, so some are left
    return _loudness(float(loud[loud > _relative_gate(loud)].mean()))


def relative_gate(energies: Floats) -> float | None:
    """The threshold in LUFS that `gated_loudness` leaves blocks out by, or None where none passes the absolute gate. It
    lies 10 LU under the mean of those that do, so less than 10 LU under their loudness with both gates."""
    loud = energies[energies > GATE_ENERGY]
    return _loudness(_relative_gate(loud)) if len(loud) else None


def loudness_range(energies: Floats) -> float | None:
    """LRA in LU of short-term energies (values,), or None where none passes the absolute gate.

    Source: EBU Tech 3342 section 4: values above -70 LUFS, of those the ones not under their own mean less 20 LU; the
    distance from their 10th percentile to their 95th, each the value of the nearest rank.
    """
    loud = energies[energies >= GATE_ENERGY]
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
    out. Memory grows by 16 bytes per 100 ms, 1.2 MB in two hours, and by nothing else: both gates need every block once
    the mean is known, and reels pool theirs. A histogram would bound it, at the price of exact readings.
    """

    def __init__(self, rate_hz: int, weights: Sequence[float], spans: Sequence[tuple[int, int]] = ()) -> None:
        """`weights`: BS.1770-5 weight of each channel, in order; a channel of weight 0 (LFE) costs nothing.

        `spans`: see `inside`. Bins are cut where one begins or ends, so that what is filtered once is read twice.
        """
        self._rate_hz = rate_hz
        self._energy = KWeightedBins(rate_hz, weights)
        self._inside = SpanEnergy(spans)
        self._begun = 0.0
        """Energy of a bin that was cut, and has not ended yet."""
        self._frames = 0
        self._bins = 0
        self._recent = np.zeros(0)
        self._momentary = array("d")
        self._short_term = array("d")
        self._momentary_max = 0.0
        self._short_term_max = 0.0

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        begun, end = self._frames, self._frames + len(block)
        edges = begun + ends_of_bins(self._rate_hz, begun, len(block))[:-1]
        ends = self._inside.cut(edges, begun, end)
        energies = self._energy.process(block, np.append(ends - begun, len(block)))
        self._inside.add(ends, energies)
        if len(ends) > len(edges) or self._begun:
            bin_of_part = np.append(0, np.searchsorted(edges, ends))
            sums = np.bincount(bin_of_part, np.append(self._begun, energies), len(edges) + 1).astype(np.float64)
            energies, self._begun = sums[:-1], float(sums[-1])
        self._frames = end
        self._bins += len(edges)
        if len(energies):
            self._slide(energies)

    def inside(self) -> SpanReading:
        """The reading so far inside the spans (`dialogue`)."""
        return self._inside.read(self._frames, self._energy.unfinished)

    def gating_energies(self) -> Floats:
        """(blocks,) mean weighted square of each 400 ms gating block, ten a second: what `gated_loudness` pools."""
        return np.array(self._momentary)

    def short_term_energies(self) -> Floats:
        """(values,) the same over 3 s, ten a second: what `loudness_range` ranks."""
        return np.array(self._short_term)

    @property
    def short_term_so_far(self) -> Sequence[float]:
        """The same as they come, not copied: more of them stand there after the next block."""
        return self._short_term

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
                reasons[name] = f"shorter than {length}" if self._bins < bins else SILENT
        return Loudness(
            integrated_lufs=integrated,
            momentary_max_lufs=maxima["momentary_max_lufs"],
            short_term_max_lufs=maxima["short_term_max_lufs"],
            lra_lu=lra,
            momentary_lufs=_loudnesses(momentary),
            short_term_lufs=_loudnesses(short_term),
            reasons=reasons,
        )

    def _slide(self, energies: Floats) -> None:
        """Windows that end in the newest bins."""
        known = np.concatenate((self._recent, energies))
        self._momentary_max = self._extend(self._momentary, self._momentary_max, known, len(energies), _MOMENTARY_BINS)
        self._short_term_max = self._extend(
            self._short_term, self._short_term_max, known, len(energies), _SHORT_TERM_BINS
        )
        self._recent = known[max(0, len(known) - _SHORT_TERM_BINS + 1) :]

    def _extend(self, kept: array[float], highest: float, known: Floats, new: int, width: int) -> float:
        """Keep the mean weighted squares of windows of `width` bins that end on a tenth of a second in one of the
        newest bins; the highest of all, on a tenth or not."""
        count = min(new, max(0, len(known) - width + 1))
        if not count:
            return highest
        means = np.empty(count)
        newest = running_kernels.window_means(
            known[len(known) - count - width + 1 :], width, self._bins, self._rate_hz, means
        )
        kept.frombytes(means[(count - 1 - self._bins) % _BINS_PER_STEP :: _BINS_PER_STEP].tobytes())
        return max(highest, float(newest))


class Meter:
    """Loudness, loudness range, peaks, RMS and what follows from them in one pass; more where it is asked for."""

    def __init__(
        self,
        rate_hz: int,
        weights: Sequence[float],
        *,
        noise_floor: bool = False,
        psr: bool = False,
        replay_db_spl: Sequence[float] | None = None,
        spans: Sequence[tuple[int, int]] = (),
    ) -> None:
        """`weights`: BS.1770-5 weight of each channel, in order; LFE has 0, and counts for all but loudness.

        `replay_db_spl` asks for Leq(m): see `LeqMMeter`. What is not asked for reads None, without a reason. `spans`:
        see `LoudnessMeter.inside`.
        """
        self.loudness = LoudnessMeter(rate_hz, weights, spans)
        self._levels = LevelMeter(rate_hz, len(weights), noise_floor=noise_floor)
        self._true_peak = TruePeakMeter(len(weights))
        self._psr = PsrMeter(rate_hz, len(weights)) if psr else None
        self._leq_m = None if replay_db_spl is None else LeqMMeter(rate_hz, replay_db_spl)

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        for lane in self.lanes:
            lane(block)

    @property
    def lanes(self) -> tuple[Callable[[Floats], None], ...]:
        """`process` in two parts that share nothing: threads may run them side by side.

        Each is to hear every block, in order; what is read is the same to the bit.
        """
        return self._hear_energy, self._hear_peaks

    def _hear_energy(self, block: Floats) -> None:
        self.loudness.process(block)
        self._levels.process(block)
        if self._leq_m is not None:
            self._leq_m.process(block)
        if self._psr is not None:
            self._psr.process(block, self.loudness.short_term_so_far)

    def _hear_peaks(self, block: Floats) -> None:
        self._true_peak.process(block)

    def read(self) -> Reading:
        """The reading so far."""
        loudness, levels = self.loudness.read(), self._levels.read()
        reasons = loudness.reasons | levels.reasons
        peaks: dict[str, float | None] = {}
        for name, peak in (
            ("true_peak_dbtp", self._true_peak.read()),
            ("sample_peak_dbfs", self._true_peak.sample_peak),
        ):
            peaks[name] = db_from_gain(peak) if peak * peak > POWER_FLOOR else None
            if peaks[name] is None:
                reasons[name] = SILENT
        plr_db = None
        if loudness.integrated_lufs is None:
            reasons["plr_db"] = reasons["integrated_lufs"]
        elif peaks["true_peak_dbtp"] is not None:
            plr_db = peaks["true_peak_dbtp"] - loudness.integrated_lufs
        psr_db = leq_m_db = None
        if self._psr is not None:
            ratio = self._psr.read(self.loudness.short_term_so_far)
            if ratio is None:
                reasons["psr_db"] = reasons.get("lra_lu", "nothing above -70 LUFS")
            else:
                psr_db = db_from_power(ratio) - LOUDNESS_OFFSET_DB
        if self._leq_m is not None:
            leq_m_db = self._leq_m.read()
            if leq_m_db is None:
                reasons["leq_m_db"] = SILENT
        return Reading(
            integrated_lufs=loudness.integrated_lufs,
            short_term_max_lufs=loudness.short_term_max_lufs,
            momentary_max_lufs=loudness.momentary_max_lufs,
            lra_lu=loudness.lra_lu,
            true_peak_dbtp=peaks["true_peak_dbtp"],
            sample_peak_dbfs=peaks["sample_peak_dbfs"],
            rms_dbfs=levels.rms_dbfs,
            noise_floor_dbfs=levels.noise_floor_dbfs,
            leq_m_db=leq_m_db,
            plr_db=plr_db,
            psr_db=psr_db,
            reasons=reasons,
        )


def _relative_gate(loud: Floats) -> float:
    return float(loud.mean() * 10.0 ** (_RELATIVE_GATE_LU / 10.0))


def _loudness(energy: float) -> float:
    return LOUDNESS_OFFSET_DB + db_from_power(energy)


def _loudnesses(energies: Floats) -> Floats:
    return np.asarray(LOUDNESS_OFFSET_DB + 10.0 * np.log10(np.maximum(energies, POWER_FLOOR)))
