"""Where something is heard in a stem, and where somebody talks, from its band levels.

A frame is speech where its 200 ms K-weighted level is within 25 dB of the loud frames of the reel or of its own
surroundings, so that a whisper 20 dB under the other lines is speech too; and where something stands out from the room
(`analysis.voice`), so that production sound whose room tone never stops, and swings, still falls into lines. Where tone
was laid around the lines alone, with digital silence between, it is told by standing still too. The loud frames are
those of the 95th percentile.

Of any other sound what is close to the loud frames is heard, though it stands still: a held chord, an engine or rain is
no room behind something else.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stemmix.analysis.voice import HOPS_TOGETHER, Codes, runs, stands_out
from stemmix.dsp.running import near_any, running_mean, running_percentile
from stemmix.dsp.spectrum import HOPS_PER_SECOND

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

WITHIN_DB = 25.0
"""Below the loud frames a frame is no speech any more."""
PARTED_DB = 23.0
"""A run that sinks as far below the loud frames and rises again is two phrases: none hides behind a louder one."""
FAINTEST_DB = 50.0
"""Below the reel's loud frames nothing is speech, however quiet its surroundings."""
ABOVE_FLOOR_DB = 4.0
LOCAL_S = 2.0
"""Surroundings that a quiet line is held against."""
FLOOR_S = 15.0
NEAR_S = 0.5
"""Around what stands out a fainter sound belongs to it, if it is above the floor."""
STEADY_S = 0.7
STEADY_WITHIN_DB = 2.0
STEADY_UNDER_DB = 15.0
WITHIN_ALWAYS_DB = 12.0
SHORTEST_FRAMES = int(0.3 * HOPS_PER_SECOND)
"""A run no longer than this is no line: a click, a breath."""
LASTS_FRAMES = 6
"""Something in a phrase goes on for 120 ms; keys, steps and a clock never do, however many come one after the other."""
KNOCK_FRAMES = 2
"""The frames of a knock's window before and after it."""
KNOCK_LEAST_DB, KNOCK_RANGE_DB = 10.0, 40.0
"""A floor that is nearer to the loudest frame, or further from it, is taken for one that is not."""
AUDIBLE_DB = -90.0


class Phrase(NamedTuple):
    """Something that is heard, between two frames; the second lies after its last."""

    start: int
    end: int
    knocks: bool
    """Whether nothing in it lasts as long as a syllable: no speech."""


def phrases_of(level_db: Floats | Singles, voice: Codes) -> list[Phrase]:
    """(frames,) K-weighted level at 50 frames a second in dB, codes of `VoiceBands` -> phrases.

    Each is longer than `SHORTEST_FRAMES`; phrases of one run meet where it is faintest.
    """
    phrases = []
    smooth_db = smoothed_db(level_db)
    floor_db = _floor_db(smooth_db)
    below_db = _below_db(smooth_db, floor_db, stands_out(voice))
    sure = below_db < PARTED_DB
    for start, end in runs(below_db < WITHIN_DB):
        cores = [(start + a, start + b) for a, b in runs(sure[start:end]) if b - a > SHORTEST_FRAMES]
        edges = [start]
        for (_, before), (after, _) in pairwise(cores):
            edges.append(before + int(np.argmin(smooth_db[before : after + 1])))
        phrases += list(pairwise([*edges, end]))
    return [
        Phrase(start, end, not _lasts(level_db[start:end], float(floor_db[start:end].min())))
        for start, end in phrases
        if end - start > SHORTEST_FRAMES
    ]


def sounding(level_db: Floats | Singles, phrases: Sequence[Phrase]) -> list[tuple[int, int]]:
    """(frames,) level and its phrases, as `phrases_of` has them -> where any sound is heard, in frames.

    Its phrases, parted where they meet, and with them what lies within `WITHIN_ALWAYS_DB` of the loud frames; of that
    gaps no longer than the shortest phrase are bridged, for a rhythm is one sound.
    """
    smooth_db = smoothed_db(level_db)
    audible = smooth_db > AUDIBLE_DB
    if not audible.any():
        return []
    heard = audible & (smooth_db > _loud_db(smooth_db[audible]) - WITHIN_ALWAYS_DB)
    for start, end in runs(~heard):
        if start > 0 and end < len(heard) and end - start <= SHORTEST_FRAMES:
            heard[start:end] = True
    parted = [after.start for before, after in pairwise(phrases) if before.end == after.start]
    for phrase in phrases:
        heard[phrase.start : phrase.end] = True
    found = []
    for start, end in runs(heard):
        inside = parted[bisect_right(parted, start) : bisect_left(parted, end)]
        found += list(pairwise([start, *inside, end]))
    return [(start, end) for start, end in found if end - start > SHORTEST_FRAMES]


def _loud_db(audible_db: Singles) -> np.float32:
    """The loud frames of those that are audible, which are put into another order."""
    return np.float32(np.percentile(audible_db, 95, overwrite_input=True))


def _lasts(level_db: Floats | Singles, floor_db: float) -> bool:
    """Whether anything stays above half of the way from the floor up to the loudest frame, or `KNOCK_LEAST_DB` below
    it, for as long as a syllable does; what does not is left out, for a word beside it may be softer."""
    left_db: Floats | Singles = level_db.copy()
    if float(left_db.max()) <= floor_db + KNOCK_LEAST_DB:
        return True
    while (highest_db := float(left_db.max())) > max(floor_db + KNOCK_LEAST_DB, AUDIBLE_DB):
        half_db = min((highest_db + max(floor_db, highest_db - KNOCK_RANGE_DB)) / 2.0, highest_db - KNOCK_LEAST_DB)
        loud = runs(np.asarray(left_db > half_db))
        if any(end - start >= LASTS_FRAMES for start, end in loud):
            return True
        knocks = [run for run in loud if float(left_db[slice(*run)].max()) >= highest_db - KNOCK_LEAST_DB]
        for start, end in knocks:
            left_db[max(start - KNOCK_FRAMES, 0) : end + KNOCK_FRAMES] = -np.inf
    return False


def smoothed_db(level_db: Floats | Singles) -> Singles:
    """Level of the mean power over 200 ms; in 32 bits, for whole reels pass through here."""
    power = running_mean(10.0 ** (np.maximum(level_db, -200.0) / 10.0), HOPS_PER_SECOND // 5, "constant")
    # running sums of power may go slightly negative: clamp
    np.maximum(power, 1e-20, out=power)
    np.log10(power, out=power)
    power *= 10.0
    return power.astype(np.float32, copy=False)


def _below_db(smooth_db: Singles, floor_db: Singles, out: NDArray[np.bool_]) -> Singles:
    """How far each frame lies below the loud frames of the reel or its surroundings; endless where it is no speech.

    `out` says ten times a second what stands out.
    """
    audible = smooth_db > AUDIBLE_DB
    if not audible.any():
        return np.full(smooth_db.shape, np.inf, np.float32)
    loud_db = _loud_db(smooth_db[audible])
    reference_db = running_percentile(smooth_db, 95, int(LOCAL_S * HOPS_PER_SECOND) | 1, "edge")
    reference_db[smooth_db <= loud_db - FAINTEST_DB] = loud_db
    below_db = np.minimum(reference_db, loud_db, out=reference_db)
    below_db -= smooth_db
    # dense speech without a pause shows no floor: within 12 dB of the loud frames that is not asked
    over = (smooth_db > floor_db + np.float32(ABOVE_FLOOR_DB)) | (smooth_db > loud_db - WITHIN_ALWAYS_DB)
    heard = _at_frames(out, len(smooth_db)) | (over & _at_frames(_widened(out, NEAR_S), len(smooth_db)))
    # what never stands out for 15 s is not held against what does
    heard |= (smooth_db > loud_db - WITHIN_ALWAYS_DB) & ~_at_frames(_widened(out, FLOOR_S / 2), len(smooth_db))
    below_db[~heard | _steady(smooth_db, float(loud_db)) | ~audible] = np.inf
    return np.asarray(below_db)


def _floor_db(smooth_db: Singles) -> Singles:
    """The faintest of the 15 s around each frame."""
    # reflected: to go on with the first frame of a fade would be to take its faintest moment for the floor
    return running_percentile(smooth_db, 2, int(FLOOR_S * HOPS_PER_SECOND) | 1, "symmetric")


def _widened(out: NDArray[np.bool_], by_s: float) -> NDArray[np.bool_]:
    """Whether something stands out within `by_s`, ten times a second."""
    return near_any(out, 2 * round(by_s * HOPS_PER_SECOND / HOPS_TOGETHER) + 1)


def _at_frames(tenths: NDArray[np.bool_], frames: int) -> NDArray[np.bool_]:
    """What is said ten times a second, for each frame."""
    return np.repeat(tenths, HOPS_TOGETHER)[:frames]


def _steady(smooth_db: Singles, loud_db: float) -> NDArray[np.bool_]:
    """Where a level far under the loud frames stands still, as a room's does and no voice's, however quiet."""
    width = int(STEADY_S * HOPS_PER_SECOND) | 1
    return near_any(_still(smooth_db, loud_db, width), width)


def _still(smooth_db: Singles, loud_db: float, width: int) -> NDArray[np.bool_]:
    """Where a window that does so has its middle."""
    highest_db = running_percentile(smooth_db, 100, width, "edge")
    faint = highest_db < loud_db - STEADY_UNDER_DB
    highest_db -= running_percentile(smooth_db, 0, width, "edge")
    return faint & (highest_db < STEADY_WITHIN_DB)
