"""Speech activity of a dialogue stem, from its band levels.

A frame is speech where its 200 ms K-weighted level is within 25 dB of the loud frames of the reel or of its own
surroundings, so that a whisper 20 dB under the other lines is speech too; and clearly above the noise floor around it,
so that production sound whose room tone never stops still falls into lines. Source: METHOD, phrase activity (25 dB
under the 95th percentile, 200 ms); the local level and the floor are
additions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.spectrum import HOPS_PER_SECOND

Floats = NDArray[np.float64]

WITHIN_DB = 23.0
"""Below the loud frames a frame is no speech any more. Two dB less than METHOD's rule: phrases part a little sooner, and
none hides behind a louder one."""
FAINTEST_DB = 50.0
"""Below the reel's loud frames nothing is speech, however quiet its surroundings."""
ABOVE_FLOOR_DB = 8.0
LOCAL_S = 2.0
"""Surroundings that a quiet line is held against."""
FLOOR_S = 8.0
SHORTEST_S = 0.3
"""A shorter run is no line: a click, a breath."""
AUDIBLE_DB = -90.0


def speech_frames(level_db: Floats) -> NDArray[np.bool_]:
    """(frames,) K-weighted level at 50 frames a second in dB -> (frames,) whether it is speech."""
    from scipy.ndimage import percentile_filter, uniform_filter1d

    power = 10.0 ** (np.maximum(level_db, -200.0) / 10.0)
    width = int(0.2 * HOPS_PER_SECOND)
    # running sums of power may go slightly negative: clamp
    smooth_db = 10.0 * np.log10(np.maximum(uniform_filter1d(power, width, mode="constant"), 1e-20))
    audible = smooth_db > AUDIBLE_DB
    if not audible.any():
        return np.zeros(level_db.shape, dtype=bool)
    loud_db = float(np.percentile(smooth_db[audible], 95))
    local_db = percentile_filter(smooth_db, 95, size=int(LOCAL_S * HOPS_PER_SECOND) | 1, mode="nearest")
    floor_db = percentile_filter(smooth_db, 10, size=int(FLOOR_S * HOPS_PER_SECOND) | 1, mode="nearest")
    # dense speech without a pause shows no floor: what is within 15 dB of the loud frames is speech all the same
    above_floor = smooth_db > np.minimum(floor_db + ABOVE_FLOOR_DB, loud_db - 15.0)
    near_loud = smooth_db > loud_db - WITHIN_DB
    near_local = (smooth_db > local_db - WITHIN_DB) & (smooth_db > loud_db - FAINTEST_DB)
    return np.asarray(audible & above_floor & (near_loud | near_local))


def speech_runs(active: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of speech frames of at least `SHORTEST_S`, as (first frame, frame after the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], active.astype(np.int8), [0]))))
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [run for run in runs if run[1] - run[0] > SHORTEST_S * HOPS_PER_SECOND]
