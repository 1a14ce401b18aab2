"""Magnitudes and energies of all channels together; peaks between samples, computed only where they can be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from stemmix.dsp.kernels import compiled, peaks_of_cell
from stemmix.dsp.vector_code import VectorCode

CELL = 128
"""Frames that are looked at together."""

LANES = 8


def _raising(typing, highest, values, at):
    """highest[:8] = max(highest[:8], |values[at : at + 8]|)."""

    def code_of(context, builder, signature, given):
        code = VectorCode(context, builder, types.float64)
        highest, values = (code.elements(signature.args[i], given[i]) for i in (0, 1))
        nought = given[2].type(0)
        found = code.magnitude(code.load(values, given[2]))
        code.store(code.higher(found, code.load(highest, nought)), highest, nought)
        return context.get_dummy_value()

    return types.void(highest, values, types.intp), code_of


_raised: Any = intrinsic(_raising)


def _adding(typing, total, values, at):
    """total[:8] += values[at : at + 8] ** 2."""

    def code_of(context, builder, signature, given):
        code = VectorCode(context, builder, types.float64)
        total, values = (code.elements(signature.args[i], given[i]) for i in (0, 1))
        nought = given[2].type(0)
        found = code.load(values, given[2])
        code.store(builder.fadd(code.load(total, nought), builder.fmul(found, found)), total, nought)
        return context.get_dummy_value()

    return types.void(total, values, types.intp), code_of


_squares_added: Any = intrinsic(_adding)


@compiled
def energies(values, begins, out):
    """Sum of squares of values (n,) from each of `begins` to the next, the last to the end."""
    for i in range(len(begins)):
        begin, end = begins[i], begins[i + 1] if i + 1 < len(begins) else len(values)
        lanes = np.zeros(LANES)
        whole = (end - begin) // LANES * LANES
        for at in range(begin, begin + whole, LANES):
            _squares_added(lanes, values, at)
        total = 0.0
        for lane in range(LANES):
            total += lanes[lane]
        for at in range(begin + whole, end):
            total += values[at] * values[at]
        out[i] = total


@compiled
def highest_magnitude(values, begin, end):
    """Of values (n,) from begin to end; 0 of none."""
    lanes = np.zeros(LANES)
    whole = (end - begin) // LANES * LANES
    for at in range(begin, begin + whole, LANES):
        _raised(lanes, values, at)
    highest = 0.0
    for at in range(begin + whole, end):
        highest = max(highest, abs(values[at]))
    for lane in range(LANES):
        highest = max(highest, lanes[lane])
    return highest


@compiled
def highest_peak(block, reach, peak, half_taps, quarter_taps, bounds):
    """The highest magnitude between the samples of (n, channels), C-contiguous, or `peak` where none is over it.

    Of the intervals that have `reach` (67 or more) samples on either side. `bounds`: how far a value on the grid may
    exceed the samples around it, and the 2x samples around it: where samples are so low, nothing is computed.
    """
    frames, channels = block.shape
    flat = block.reshape(-1)
    levels = np.empty(frames // CELL + 1)
    for i in range(len(levels)):
        levels[i] = highest_magnitude(flat, i * CELL * channels, min((i + 1) * CELL, frames) * channels)
    x, out = np.empty(CELL + 2 * reach), np.empty(CELL)
    half, grid, top = np.empty(CELL + 7), np.empty((8, CELL + 2)), np.empty(CELL + 2)
    for first in range(reach, frames - reach, CELL):
        count = min(CELL, frames - reach - first)
        level = 0.0
        for i in range((first - reach) // CELL, (first + count + reach - 1) // CELL + 1):
            level = max(level, levels[i])
        if level * bounds[0] <= peak:
            continue
        for channel in range(channels):
            for i in range(count + 2 * reach):
                x[i] = block[first - reach + i, channel]
            for i in range(count):
                out[i] = 0.0
            found = peaks_of_cell(x, reach, count, peak, half_taps, quarter_taps, bounds[1], half, grid, top, out)
            peak = max(peak, found)
    return peak
