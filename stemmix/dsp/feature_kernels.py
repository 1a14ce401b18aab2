"""What a scan keeps of its frames: levels as they are stored, and sums over the whole stem.

Frames come as rows of `spectrum_kernels.gathered`, and are added one after another: no sum depends on how many come at
once. The rules of `compiling` hold; the readable twins stand in `tests/reference/features.py`.
"""

from __future__ import annotations

import numpy as np

from stemmix.dsp.compiling import compiled
from stemmix.dsp.elementary_kernels import LOG2_OF_10, log2_of

_LEVELS = 79
"""Columns of power: bands of both channels, of the mid, and the classic ones."""
_CENTROID, _FLATNESS, _ROLLOFF = 79, 80, 81
_HIGHEST = 32_000.0
"""Of what is stored in 16 bits."""


@compiled
def stored_rows(powers, level_db, flux_db, extent, lowest, rows):
    """Fill rows (n, 85) int16 of `model.features.COLUMNS`: levels in hundredths of a dB, none under `lowest`, and Hz.

    powers (n, 82), level_db (n, 82) their levels, flux_db (n,), extent (n, 2) magnitudes.
    """
    for t in range(len(rows)):
        for column in range(_LEVELS):
            rows[t, column] = np.int16(np.rint(min(max(100.0 * level_db[t, column], lowest), _HIGHEST)))
        rows[t, 79] = np.int16(np.rint(min(max(100.0 * level_db[t, _FLATNESS], lowest), _HIGHEST)))
        rows[t, 80] = np.int16(np.rint(min(max(100.0 * flux_db[t], lowest), _HIGHEST)))
        for side in range(2):
            level_cb = 2000.0 / LOG2_OF_10 * log2_of(max(extent[t, side], 1e-10))
            rows[t, 81 + side] = np.int16(np.rint(min(max(level_cb, lowest), _HIGHEST)))
        rows[t, 83] = np.int16(np.rint(min(powers[t, _CENTROID], _HIGHEST)))
        rows[t, 84] = np.int16(np.rint(min(powers[t, _ROLLOFF], _HIGHEST)))


@compiled
def weighted_levels(powers, weights, lowest, out):
    """Level of each frame's weighted power in hundredths of a dB, none under `lowest`: out (n,) int16.

    The first of powers' columns are bands, as many as weights (bands,).
    """
    per_octave = 1000.0 / LOG2_OF_10
    for t in range(len(out)):
        total = 0.0
        for band in range(len(weights)):
            total += powers[t, band] * weights[band]
        out[t] = np.int16(np.rint(min(max(per_octave * log2_of(max(total, 1e-20)), lowest), _HIGHEST)))


@compiled
def add_character(powers, bands, audible_db, sums, levels):
    """Add frames (n, 82) to what describes a stem, each by its power where that is usual.

    sums (11,): power of all `bands`, that times centroid in Hz, flatness and rolloff in Hz, and seven classic powers.
    levels (256,): how many frames over `audible_db` have a level of 0 to -127.5 dBFS, in half dB.
    """
    for t in range(len(powers)):
        power = 0.0
        for band in range(bands):
            power += powers[t, band]
        sums[0] += power
        sums[1] += power * powers[t, _CENTROID]
        sums[2] += power * powers[t, _FLATNESS]
        sums[3] += power * powers[t, _ROLLOFF]
        for number in range(7):
            sums[4 + number] += powers[t, _LEVELS - 7 + number]
        level_db = (10.0 / LOG2_OF_10) * log2_of(max(power, 1e-20))
        if level_db > audible_db:
            levels[int(min(max(-2.0 * level_db, 0.0), 255.0))] += 1


@compiled
def grouped_power(powers, first, bands, frames, pending, count, out):
    """Mean power of groups of neighbouring bands, over `frames` frames each: fills rows of out (m, groups).

    Groups of so many `bands` follow each other from column `first` of powers (n, columns) on. pending (groups,) is the
    sum of the `count` frames that no row has yet, and then of those that are left.
    """
    made = 0
    for t in range(len(powers)):
        for group in range(len(pending)):
            power = 0.0
            for band in range(first + group * bands, first + (group + 1) * bands):
                power += powers[t, band]
            pending[group] += power
        count += 1
        if count == frames:
            for group in range(len(pending)):
                out[made, group] = pending[group] / frames
                pending[group] = 0.0
            made += 1
            count = 0


@compiled
def stepped_levels(power, lowest_db, step_db, out):
    """Levels of (n,) powers as whole steps over `lowest_db`, 0 to 255: out (n,) uint8."""
    for i in range(len(out)):
        steps = ((10.0 / LOG2_OF_10) * log2_of(max(power[i], 1e-20)) - lowest_db) / step_db
        out[i] = np.uint8(np.rint(min(max(steps, 0.0), 255.0)))
