"""Readable twins of the kernels of features: one frame, one band at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = Sequence[Sequence[float]]


def packed_rows(levels_db: Floats, frequencies_hz: Floats) -> NDArray[np.int16]:
    """(n, 83) levels in dB and (n, 2) centroids and rolloffs in Hz as rows; rounded to 0.01 dB and 1 Hz."""
    levels_cb = np.rint(np.clip(levels_db * 100.0, -20_000, 32_000))
    return np.hstack((levels_cb, np.rint(np.clip(frequencies_hz, 0, 32_000)))).astype(np.int16)


def level_db(power: float) -> float:
    """In dB, of 1e-20 at least."""
    return 10 * math.log10(max(power, 1e-20))


def weighted_levels(powers: Rows, weights: Sequence[float]) -> list[int]:
    """Level of each frame's weighted power in hundredths of a dB."""
    return [
        round(100 * level_db(sum(power * weight for power, weight in zip(frame, weights, strict=False))))
        for frame in powers
    ]


def character(powers: Rows, bands: int, audible_db: float) -> tuple[list[float], list[int]]:
    """Sums over frames of power, of what is weighted with it, and of the classic bands; frames by level."""
    sums, levels = [0.0] * 11, [0] * 256
    for frame in powers:
        power = sum(frame[:bands])
        parts = [power, *(power * frame[column] for column in (79, 80, 81)), *frame[72:79]]
        sums = [total + part for total, part in zip(sums, parts, strict=True)]
        if level_db(power) > audible_db:
            levels[int(min(max(-2 * level_db(power), 0), 255))] += 1
    return sums, levels


def grouped(powers: Rows, first: int, bands: int, frames: int) -> list[list[float]]:
    """Mean power of groups of bands over groups of frames, as long as both are whole."""
    groups = range(first, len(powers[0]) - bands + 1, bands) if powers else ()
    return [
        [sum(sum(frame[at : at + bands]) for frame in powers[t : t + frames]) / frames for at in groups]
        for t in range(0, len(powers) - frames + 1, frames)
    ]
