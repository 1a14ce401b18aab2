"""Magnitudes and energies of all channels together; peaks between samples, computed only where they can be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic

from stemmix.dsp.compiling import compiled
from stemmix.dsp.vector_code import VectorCode

CELL = 128
"""Frames that are looked at together."""

LANES = 8

_FIRST_BEND, _LAST_BEND = -64, 67
"""Where, from its first sample, the second differences end that bend what lies in an interval: all 67 samples on either
side are in them."""


def _highest(name: str, term: Any) -> Any:
    """An intrinsic: (values, at, groups, distance) to the highest of `term` in so many groups of LANES from `at` on."""

    def made(typing, values, at, groups, distance):
        def code_of(context, builder, signature, given):
            code = VectorCode(context, builder, types.float64)
            elements = code.elements(signature.args[0], given[0])
            highest = cgutils.alloca_once_value(builder, code.constant(0.0))
            with cgutils.for_range(builder, given[2]) as loop:
                here = builder.add(given[1], builder.mul(loop.index, loop.index.type(LANES)))
                found = term(code, elements, here, given[3])
                builder.store(code.higher(found, builder.load(highest)), highest)
            return code.highest_lane(builder.load(highest))

        return types.float64(values, types.intp, types.intp, types.intp), code_of

    made.__name__ = made.__qualname__ = name
    return intrinsic(made)


def _magnitude(code: VectorCode, values: Any, at: Any, distance: Any) -> Any:
    return code.magnitude(code.load(values, at))


def _above(code: VectorCode, values: Any, at: Any, distance: Any) -> Any:
    return code.load(values, at)


def _below(code: VectorCode, values: Any, at: Any, distance: Any) -> Any:
    return code.builder.fneg(code.load(values, at))


def _bend(code: VectorCode, values: Any, at: Any, distance: Any) -> Any:
    """Second differences that end there, of values that are so far apart."""
    here, before, first = (code.load(values, code.further(at, distance, -back)) for back in range(3))
    return code.magnitude(code.builder.fadd(code.builder.fsub(here, code.builder.fadd(before, before)), first))


_highest_magnitudes = _highest("_highest_magnitudes", _magnitude)
_highest_bends = _highest("_highest_bends", _bend)
_furthest_above = _highest("_furthest_above", _above)
_furthest_below = _highest("_furthest_below", _below)


@compiled
def symmetric_fir(x, start, count, taps, out):
    """out[i] = sum over k of taps[k] * (x[start + i - k] + x[start + i + 1 + k]): a value halfway between two samples.

    The number of taps is a multiple of 4.
    """
    for i in range(count):
        out[i] = 0.0
    for k in range(0, len(taps), 4):
        h0, h1, h2, h3 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
        left = x[start - k - 3 : start - k + count]
        right = x[start + 1 + k : start + 4 + k + count]
        for i in range(count):
            out[i] += (
                h0 * (left[i + 3] + right[i])
                + h1 * (left[i + 2] + right[i + 1])
                + h2 * (left[i + 1] + right[i + 2])
                + h3 * (left[i] + right[i + 3])
            )


@compiled
def extents(values, begins, out):
    """How far values (n,) go above and below 0, from each of `begins` to the next, the last to the end: out (m, 2)."""
    for i in range(len(begins)):
        begin, end = begins[i], begins[i + 1] if i + 1 < len(begins) else len(values)
        groups = (end - begin) // LANES
        above = _furthest_above(values, begin, groups, 0)
        below = _furthest_below(values, begin, groups, 0)
        for at in range(begin + groups * LANES, end):
            above, below = max(above, values[at]), max(below, -values[at])
        out[i, 0], out[i, 1] = above, below


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
def add_energies(values, ends, lanes, place, out):
    """Sum of squares of bins of a stream, which end before `ends[:-1]` in values (n,): out (bins,).

    ends (bins + 1,), the last being n. What follows the last whole bin stays in lanes (LANES,), to which the squares
    are added in turn, the next to lane `place`, so that a sum does not depend on how values arrive. Returns that place.
    """
    at = 0
    for bin_ in range(len(ends)):
        end = ends[bin_]
        while at < end and place != 0:
            lanes[place] += values[at] * values[at]
            place, at = (place + 1) % LANES, at + 1
        whole = at + (end - at) // LANES * LANES
        for here in range(at, whole, LANES):
            _squares_added(lanes, values, here)
        for here in range(whole, end):
            lanes[place] += values[here] * values[here]
            place += 1
        at = end
        if bin_ < len(ends) - 1:
            total = 0.0
            for lane in range(LANES):
                total += lanes[lane]
                lanes[lane] = 0.0
            out[bin_] = total
            place = 0
    return place


@compiled
def highest_magnitude(values, begin, end):
    """Of values (n,) from begin to end; 0 of none."""
    groups = max(end - begin, 0) // LANES
    highest = _highest_magnitudes(values, begin, groups, 1)
    for at in range(begin + groups * LANES, end):
        highest = max(highest, abs(values[at]))
    return highest


@compiled
def highest_of_bins(values, ends, out):
    """The highest magnitude of values (n,) in bins that end before `ends` (bins,): out (bins,)."""
    begin = 0
    for i in range(len(ends)):
        out[i] = highest_magnitude(values, begin, ends[i])
        begin = ends[i]


@compiled
def _highest_bend(values, begin, end, distance):
    """The highest magnitude of the second differences that end in values (n,) from begin to end, and begin two
    `distance` before."""
    groups = max(end - begin, 0) // LANES
    highest = _highest_bends(values, begin, groups, distance)
    for at in range(begin + groups * LANES, end):
        highest = max(highest, abs(values[at] - 2.0 * values[at - distance] + values[at - 2 * distance]))
    return highest


@compiled
def _twelve_taps(far, near, count, taps, out):
    """FIR over the 2x sequence far[0] near[0] far[1] near[1] ..., one value per pair, six pairs long."""
    t0, t1, t2, t3, t4, t5 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
    t6, t7, t8, t9, t10, t11 = taps[6], taps[7], taps[8], taps[9], taps[10], taps[11]
    for i in range(count):
        out[i] = (
            t0 * far[i]
            + t1 * near[i]
            + t2 * far[i + 1]
            + t3 * near[i + 1]
            + t4 * far[i + 2]
            + t5 * near[i + 2]
            + t6 * far[i + 3]
            + t7 * near[i + 3]
            + t8 * far[i + 4]
            + t9 * near[i + 4]
            + t10 * far[i + 5]
            + t11 * near[i + 5]
        )


@compiled
def _raise_to_magnitude(values, count, out):
    """out[i] = max(out[i], |values[i]|)."""
    for i in range(count):
        out[i] = max(out[i], abs(values[i]))


@compiled
def _refined(before, here, after):
    """Height of the parabola through three neighbours of which the middle is a local maximum of the magnitude.

    A cosine of half the sample rate on the 8x grid rises no more than 1 / cos(pi / 16) over its highest point.
    """
    sign = 1.0 if here >= 0.0 else -1.0
    down_left = abs(here) - sign * before
    down_right = abs(here) - sign * after
    if down_left < 0.0 or down_right < 0.0 or down_left + down_right <= 0.0:
        return abs(here)
    rise = (down_left - down_right) * (down_left - down_right) / (8.0 * (down_left + down_right))
    return min(abs(here) + rise, abs(here) * 1.02)


@compiled
def _may_exceed(x, start, count, threshold, bounds):
    """Whether a line from sample to sample, and what the second differences within reach can add, is so high."""
    level = highest_magnitude(x, start, start + count + 1)
    bend = _highest_bend(x, start + _FIRST_BEND, start + count + _LAST_BEND, 1)
    return level * bounds[2] + bend * bounds[3] > threshold


@compiled
def peaks_of_cell(x, start, count, threshold, half_taps, quarter_taps, bounds, half, grid, top, out):
    """Peaks of the intervals [n, n + 1), n from start on, on the 8x grid: out[i] is raised where over the threshold.

    Row j of grid (8, cell + 2) holds the values at n + j / 8, its first column those of the frame before. Returns the
    highest, 0 where none is over the threshold: nothing is computed where what lies between samples cannot be.
    """
    if not _may_exceed(x, start, count, threshold, bounds):
        return 0.0
    symmetric_fir(x, start - 4, count + 7, half_taps, half)
    highest = 0.0
    for i in range(count + 7):
        highest = max(highest, abs(half[i]), abs(x[start - 3 + i]))
    if highest * bounds[1] <= threshold:
        return 0.0
    for i in range(count + 2):
        grid[0, i] = x[start - 1 + i]
    for i in range(count + 1):
        grid[4, i] = half[i + 3]
    for j in range(3):
        _twelve_taps(half, x[start - 3 :], count + 1, quarter_taps[j], grid[1 + j])
        _twelve_taps(x[start - 3 :], half[1:], count + 1, quarter_taps[j], grid[5 + j])
    for i in range(count + 1):
        top[i] = 0.0
    for j in range(8):
        _raise_to_magnitude(grid[j], count + 1, top)
    highest = 0.0
    for i in range(count):
        if top[i + 1] * 1.02 > threshold:
            peak = max(
                _refined(grid[7, i], grid[0, i + 1], grid[1, i + 1]),
                _refined(grid[6, i + 1], grid[7, i + 1], grid[0, i + 2]),
            )
            for j in range(1, 7):
                peak = max(peak, _refined(grid[j - 1, i + 1], grid[j, i + 1], grid[j + 1, i + 1]))
            if peak > threshold:
                out[i] = max(out[i], peak)
                highest = max(highest, peak)
    return highest


@compiled
def peaks_above(x, start, count, threshold, half_taps, quarter_taps, bounds, out):
    """Peaks between samples, over a threshold; nothing is computed where none can be.

    x (frames,), of which `start` and what follows are to have 67 samples on either side; out[i] is raised to the peak
    of [start + i, start + i + 1) where that is over the threshold. half_taps a multiple of
    4; quarter_taps (3, 12); bounds: see `filters.Interpolator`. Returns the highest peak found, 0 where none is over
    the threshold.
    """
    half, grid, top = np.empty(CELL + 7), np.empty((8, CELL + 2)), np.empty(CELL + 2)
    highest = 0.0
    levels = np.empty(len(x) // CELL + 1)
    for i in range(len(levels)):
        levels[i] = highest_magnitude(x, i * CELL, min((i + 1) * CELL, len(x)))
    for offset in range(0, count, CELL):
        first = start + offset
        size = min(CELL, count - offset)
        level = 0.0
        for i in range((first - 67) // CELL, (first + size + 66) // CELL + 1):
            level = max(level, levels[i])
        if level * bounds[0] <= threshold:
            continue
        found = peaks_of_cell(x, first, size, threshold, half_taps, quarter_taps, bounds, half, grid, top, out[offset:])
        highest = max(highest, found)
    return highest


@compiled
def highest_peak(block, reach, peak, half_taps, quarter_taps, bounds):
    """The highest magnitude between the samples of (n, channels), C-contiguous, or `peak` where none is over it.

    Of the intervals that have `reach` (67 or more) samples on either side. bounds: see `filters.Interpolator`.
    """
    frames, channels = block.shape
    flat = block.reshape(-1)
    levels, bends = np.empty(frames // CELL + 1), np.empty(frames // CELL + 1)
    bends[:] = -1.0
    for i in range(len(levels)):
        levels[i] = highest_magnitude(flat, i * CELL * channels, min((i + 1) * CELL, frames) * channels)
    x, out = np.empty(CELL + 2 * reach), np.empty(CELL)
    half, grid, top = np.empty(CELL + 7), np.empty((8, CELL + 2)), np.empty(CELL + 2)
    for first in range(reach, frames - reach, CELL):
        count = min(CELL, frames - reach - first)
        around = range((first - reach) // CELL, (first + count + reach - 1) // CELL + 1)
        level, bend = 0.0, 0.0
        for i in around:
            level = max(level, levels[i])
        if level * bounds[0] <= peak:
            continue
        for i in around:
            if bends[i] < 0.0:  # not asked for yet
                end = min((i + 1) * CELL, frames) * channels
                bends[i] = _highest_bend(flat, max(i * CELL, 2) * channels, end, channels)
            bend = max(bend, bends[i])
        beside = max(levels[first // CELL], levels[(first + count) // CELL])
        if beside * bounds[2] + bend * bounds[3] <= peak:
            continue
        for channel in range(channels):
            for i in range(count + 2 * reach):
                x[i] = block[first - reach + i, channel]
            for i in range(count):
                out[i] = 0.0
            found = peaks_of_cell(x, reach, count, peak, half_taps, quarter_taps, bounds, half, grid, top, out)
            peak = max(peak, found)
    return peak
