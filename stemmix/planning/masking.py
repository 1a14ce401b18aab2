"""The masking model: what a target's listeners can hear of it through everything else.

Excitation: power in 36 ERB bands, spread on the Bark scale with the slopes of PEAQ (ITU-R BS.1387) at 70 dB. Audibility
of a band is its level over the spread level of the maskers, SNR; of a line, the mean of
sum_b I_b clip((SNR_b + 15) / 30, 0, 1) over its frames, the speech intelligibility index of ANSI S3.5-1997 without its
thresholds: 0 nothing, 1 all. Listeners are taken to hear the mid of the stereo mix.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import CENTRE_HZ
from stemmix.dsp import elementary_kernels, hearing_kernels, masking_kernels, spreading_kernels
from stemmix.dsp.spectrum import erb_numbers

Floats = NDArray[np.float64]

MASKED_BELOW_DB = 3.0
"""A band whose SNR is lower is masked."""
PRESENT_DB = 35.0
"""A band is there to be masked within this range of the target's loudest frame in it."""
SILENT = 1e-14
"""Power of a band that nobody hears, -140 dBFS."""
WITHIN, BELOW = (10 ** (level_db / 10) for level_db in (-PRESENT_DB, MASKED_BELOW_DB))
"""Both as ratios of power."""

THIRD_OCTAVES_HZ = np.array(
    [160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000], np.float64
)
THIRD_OCTAVE_IMPORTANCE = np.array(
    [83, 95, 150, 289, 440, 578, 653, 711, 818, 844, 882, 898, 868, 844, 771, 527, 364, 185], np.float64
)
"""ANSI S3.5-1997, table 3, times 10 000."""


def _importance() -> Floats:
    width = erb_numbers(THIRD_OCTAVES_HZ * 2 ** (1 / 6)) - erb_numbers(THIRD_OCTAVES_HZ * 2 ** (-1 / 6))
    density = THIRD_OCTAVE_IMPORTANCE / width
    bands = np.interp(erb_numbers(CENTRE_HZ), erb_numbers(THIRD_OCTAVES_HZ), density, left=0.0, right=0.0)
    return np.asarray(bands / bands.sum())


def _spread() -> Floats:
    centre_hz = np.asarray(CENTRE_HZ)
    bark = 7 * np.arcsinh(centre_hz / 650)
    distance = bark[:, None] - bark[None, :]
    upper = -24 - 230 / centre_hz + 0.2 * 70
    return np.asarray(10 ** (np.where(distance < 0, 27 * distance, upper[None, :] * distance) / 10))


IMPORTANCE: Floats = _importance()
"""(36,) speech importance of the bands, summing to 1."""
SPREAD: Floats = _spread()
"""(36, 36): column k is what a unit of power in band k excites in every band."""

_FELT = 1e-6
"""Spreading more than 60 dB down is left out where speed matters."""
REACH: NDArray[np.int64] = np.array(
    [(np.flatnonzero(row > _FELT)[0], np.flatnonzero(row > _FELT)[-1] + 1) for row in SPREAD]
)
"""(36, 2): from which band to before which a band is excited."""


def power_of_db(level_db: Floats) -> Floats:
    """Levels in dB of any shape -> powers."""
    out = np.empty(level_db.shape)
    elementary_kernels.power_of_db(np.ascontiguousarray(level_db).ravel(), out.ravel())
    return out


def snr_db(target: Floats, maskers: Floats, gains: Floats) -> Floats:
    """SNR of every frame and band.

    target (frames, 36) and maskers (stems, frames, 36) are powers, gains (stems, 36) power ratios -> (frames, 36) dB.
    """
    out = np.empty_like(target)
    hearing_kernels.snr_of_frames(target, maskers, gains, SPREAD, REACH, out)
    return out


def audibility(snr: Floats, importance: Floats = IMPORTANCE) -> Floats:
    """(frames, 36) SNR in dB -> (frames,) audibility index from 0 to 1."""
    return np.asarray((np.clip((snr + 15.0) / 30.0, 0.0, 1.0) * importance).sum(axis=1))


def clarity(target: Floats, maskers: Floats, gains: Floats, importance: Floats) -> float:
    """Mean audibility index; powers and gains as in `snr_db`, importance (36,)."""
    return float(masking_kernels.audibility_of(target, maskers, gains, SPREAD, REACH, importance))


def importance_where_present(power: Floats) -> Floats:
    """(frames, 36) power of a target that is no speech -> (36,) equal importance of the bands it lives in.

    Those are the bands within `PRESENT_DB` of its strongest; a band that it does not fill cannot be hidden, and silence
    fills none.
    """
    mean = power.mean(axis=0)
    present = (mean > max(mean.max() * WITHIN, SILENT)).astype(np.float64)
    return np.asarray(present / max(present.sum(), 1.0))


def excitation(power: Floats) -> Floats:
    """(frames, 36) power -> (frames, 36) spread power."""
    out = np.empty_like(power)
    spreading_kernels.spread_power(np.ascontiguousarray(power), SPREAD, REACH, out)
    return out


def loudness(power: Floats, exponent: float) -> float:
    """Sum over frames and bands of (spread power)^exponent; power (frames, 36)."""
    return float(hearing_kernels.sum_of_powers(excitation(power), exponent))
