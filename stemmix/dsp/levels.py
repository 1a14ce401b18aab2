"""Power of the samples as they are, unweighted: RMS and noise floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import peak_kernels, running_kernels
from stemmix.dsp.true_peak import check_block
from stemmix.units import POWER_FLOOR, db_from_power

Floats = NDArray[np.float64]

SILENT = "digital silence"

BINS_PER_SECOND = 100
_FLOOR_BINS = 50


def ends_of_bins(rate_hz: int, begun: int, frames: int) -> NDArray[np.int64]:
    """(bins + 1,) the frames of a block that bins of 10 ms end before, then `frames`, its length.

    The block begins at frame `begun` of a stream whose bin n begins at frame n * rate / 100, rounded down, so that no
    rate drifts.
    """
    whole, by_then = (((heard + 1) * BINS_PER_SECOND - 1) // rate_hz for heard in (begun, begun + frames))
    ends = np.arange(whole + 1, by_then + 2, dtype=np.int64)
    ends *= rate_hz
    ends //= BINS_PER_SECOND
    ends -= begun
    ends[-1] = frames
    return ends


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
        self._frames = 0
        self._bins = 0
        self._rest, self._place = np.zeros(peak_kernels.LANES), 0
        self._recent = np.zeros(0)
        self._floor = np.inf

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        check_block(block, self._channels)
        ends = ends_of_bins(self._rate_hz, self._frames, len(block))
        energies = np.empty(len(ends) - 1)
        flat = np.ascontiguousarray(block).reshape(-1)
        self._place = peak_kernels.add_energies(flat, ends * self._channels, self._rest, self._place, energies)
        self._frames += len(block)
        self._bins += len(energies)
        for energy in energies.tolist():
            self._energy += energy
        if self._wants_floor and len(energies):
            self._slide(energies)

    def read(self) -> Levels:
        """The reading so far."""
        mean = (self._energy + float(self._rest.sum())) / max(self._frames * self._channels, 1)
        rms_dbfs = db_from_power(mean) if mean > POWER_FLOOR else None
        reasons = {} if rms_dbfs is not None else {"rms_dbfs": SILENT}
        floor_dbfs = db_from_power(self._floor) if np.isfinite(self._floor) else None
        if self._wants_floor and floor_dbfs is None:
            reasons["noise_floor_dbfs"] = (
                "shorter than 0.5 s" if self._bins < _FLOOR_BINS else "no half second without digital silence"
            )
        return Levels(rms_dbfs=rms_dbfs, noise_floor_dbfs=floor_dbfs, reasons=reasons)

    def _slide(self, energies: Floats) -> None:
        known = np.concatenate((self._recent, np.where(energies > 0.0, energies, np.inf)))
        count = max(0, len(known) - _FLOOR_BINS + 1)
        means = np.empty(count)
        running_kernels.window_means(known, _FLOOR_BINS, self._bins, self._rate_hz, means)
        self._floor = min(self._floor, float(means.min(initial=np.inf)) / self._channels)
        self._recent = known[max(0, len(known) - _FLOOR_BINS + 1) :]
