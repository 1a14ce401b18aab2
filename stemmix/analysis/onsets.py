"""Onsets: where energy rises suddenly, from band levels.

Spectral flux after Boeck and Widmer (SuperFlux, DAFx 2013): the rise of each band in dB over the loudest of itself and
its two neighbours one frame before, so that vibrato is no onset; the mean over bands. Peaks are picked as
`librosa.util.peak_pick` does, causal up to 60 ms; `librosa.onset` is the reference that the tests hold this against.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp import spectrum_kernels
from stemmix.dsp.running import running_mean, running_percentile

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

RANGE_DB = 60.0
"""Levels are cut off this far under full scale: a rise from silence to nothing heard is no onset."""
THRESHOLD_DB = 1.5
"""Above the mean of its surroundings a peak must stand."""
WAIT_FRAMES = 4


class FluxMeter:
    """Streaming spectral flux; keeps the one frame before."""

    def __init__(self) -> None:
        self._before = np.full(BAND_COUNT, -RANGE_DB)

    def process(self, level_db: Floats) -> Floats:
        """(n, 36 or more) levels in dB, those of the bands first -> (n,) mean rise in dB."""
        flux_db = np.empty(len(level_db))
        spectrum_kernels.rises(level_db, BAND_COUNT, -RANGE_DB, self._before, flux_db)
        return flux_db


def pick_onsets(flux_db: Floats | Singles) -> list[tuple[int, float]]:
    """(frames,) flux -> (frame, strength in dB) of each onset: the largest within 60 ms, clear of its surroundings."""
    if not len(flux_db):
        return []
    peak = flux_db >= running_percentile(flux_db, 100, 7, "constant")
    around = running_mean(flux_db, 15, "edge")
    onsets: list[tuple[int, float]] = []
    for frame in np.flatnonzero(peak & (flux_db >= around + THRESHOLD_DB)):
        if not onsets or frame - onsets[-1][0] >= WAIT_FRAMES:
            onsets.append((int(frame), round(_strength_db(flux_db, int(frame)), 2)))
    return onsets


def _strength_db(flux_db: Floats | Singles, frame: int) -> float:
    """The rise of the frame, and what the larger of its neighbours has over the other.

    Over which of them a hit is spread is chance; before and after a frame of a swell it rises alike.
    """
    before, after = (float(flux_db[one]) if 0 <= one < len(flux_db) else 0.0 for one in (frame - 1, frame + 1))
    return float(flux_db[frame]) + abs(before - after)
