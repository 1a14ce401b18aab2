"""Power of the samples as they are, unweighted: RMS and noise floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import kernels, peak_kernels
from stemmix.dsp.true_peak import PIECE_FRAMES, check_block
from stemmix.units import POWER_FLOOR, db_from_power

Floats = NDArray[np.float64]

SILENT = "digital silence"

_BINS_PER_SECOND = 100
_FLOOR_BINS = 50


@dataclass(frozen=True)
class Levels:
    """What a `LevelMeter` reads; None where there is no reading, with the reason under the same name."""

    rms_dbfs: float | None
    noise_floor_dbfs: float | None
    reasons: dict[str, str]


class LevelMeter:
    """RMS over everything, and the noise floor.

    RMS is the root of the mean square over all samples of all channels; no 3 dB are added, so that a full-scale sine
    reads -3.01 dBFS (as ACX Check and ffmpeg's astats have it, AES17 not).

    The noise floor is the RMS of the quietest half second, as ACX Check for Audacity looks for it, over windows that
    slide by 10 ms and hold no 10 ms of digital silence: an edit's gap is no room tone.
    """

    def __init__(self, rate_hz: int, channels: int, *, noise_floor: bool = False) -> None:
        """The noise floor is read where it is asked for."""
        self._rate_hz = rate_hz
        self._channels = channels
        self._wants_floor = noise_floor
        self._energy = 0.0
        self._bins = 0
        self._rest = np.zeros((0, channels))
        self._recent = np.zeros(0)
        self._floor = np.inf

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        check_block(block, self._channels)
        for begin in range(0, len(block), PIECE_FRAMES):
            self._take(block[begin : begin + PIECE_FRAMES])

    def read(self) -> Levels:
        """The reading so far."""
        samples = (self._edge(self._bins) + len(self._rest)) * self._channels
        mean = (self._energy + float(np.square(self._rest).sum())) / max(samples, 1)
        rms_dbfs = db_from_power(mean) if mean > POWER_FLOOR else None
        reasons = {} if rms_dbfs is not None else {"rms_dbfs": SILENT}
        floor_dbfs = db_from_power(self._floor) if np.isfinite(self._floor) else None
        if self._wants_floor and floor_dbfs is None:
            reasons["noise_floor_dbfs"] = (
                "shorter than 0.5 s" if self._bins < _FLOOR_BINS else "no half second without digital silence"
            )
        return Levels(rms_dbfs=rms_dbfs, noise_floor_dbfs=floor_dbfs, reasons=reasons)

    def _take(self, piece: Floats) -> None:
        """Add up whole bins, each from its own samples alone: no bit depends on how they arrive."""
        if len(self._rest):
            missing = self._edge(self._bins + 1) - self._edge(self._bins) - len(self._rest)
            self._rest = np.concatenate((self._rest, piece[:missing]))
            piece = piece[missing:]
            if len(self._rest) < self._edge(self._bins + 1) - self._edge(self._bins):
                return
            self._add(self._rest, self._bins + 1)
        end = self._edge(self._bins) + len(piece)
        bins = ((end + 1) * _BINS_PER_SECOND - 1) // self._rate_hz
        used = self._edge(bins) - self._edge(self._bins)
        if bins > self._bins:
            self._add(piece[:used], bins)
        self._rest = piece[used:].copy()

    def _add(self, heard: Floats, bins: int) -> None:
        """The samples of whole bins, up to bin number `bins`."""
        begins = np.arange(self._bins, bins) * self._rate_hz // _BINS_PER_SECOND - self._edge(self._bins)
        energies = np.empty(len(begins))
        peak_kernels.energies(np.ascontiguousarray(heard).reshape(-1), begins * self._channels, energies)
        for energy in energies.tolist():
            self._energy += energy
        self._bins = bins
        if self._wants_floor:
            self._slide(energies)

    def _slide(self, energies: Floats) -> None:
        known = np.concatenate((self._recent, np.where(energies > 0.0, energies, np.inf)))
        count = max(0, len(known) - _FLOOR_BINS + 1)
        sums = np.empty(count)
        kernels.window_sums(known, _FLOOR_BINS, sums)
        ends = np.arange(self._bins - count + 1, self._bins + 1)
        lengths = (ends * self._rate_hz // _BINS_PER_SECOND) - (
            (ends - _FLOOR_BINS) * self._rate_hz // _BINS_PER_SECOND
        )
        self._floor = min(self._floor, float((sums / (lengths * self._channels)).min(initial=np.inf)))
        self._recent = known[max(0, len(known) - _FLOOR_BINS + 1) :]

    def _edge(self, bins: int) -> int:
        return bins * self._rate_hz // _BINS_PER_SECOND
