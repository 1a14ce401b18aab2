"""Compiled code that looks for faults in samples that go by; readable twins stand in `tests/reference/watching.py`.

The rules of `compiling` hold. What a kernel carries from piece to piece is in the arrays it is given. All are given the
same rows, (channels, width) and C-contiguous: columns from `start` on are new, those before it were heard before them.
Faults are rare. Where none can be is told cheaply, by the extremes of cells or by a sample in so many, and only what is
left is looked at one by one: what is found is what would be without it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from stemmix.dsp.compiling import compiled
from stemmix.dsp.peak_kernels import peaks_of_cell
from stemmix.dsp.vector_code import VectorCode

CELL = 32
"""Samples whose extremes are known together."""

_LANES = 8
_TAKEN = 128
_SPAN = 4 * CELL


def _looking(typing, samples, at, extremes, place, distance):
    """Extremes of CELL samples from `at` on, told at `place` and one and two `distance` after it: see `extremes`."""

    def code_of(context, builder, signature, values):
        code = VectorCode(context, builder, types.float64)
        samples, extremes = (code.elements(signature.args[i], values[i]) for i in (0, 2))
        highest = lowest = bent = None
        for offset in range(0, CELL, _LANES):
            here, before, first = (code.load(samples, code.after(values[1], offset - back)) for back in range(3))
            bend = builder.fadd(builder.fsub(here, builder.fmul(code.constant(2.0), before)), first)
            bend = code.magnitude(bend)
            highest = here if highest is None else code.higher(here, highest)
            lowest = here if lowest is None else builder.select(builder.fcmp_ordered("<", here, lowest), here, lowest)
            bent = bend if bent is None else code.higher(bend, bent)
        lowest = builder.fneg(code.highest_lane(builder.fneg(lowest)))
        for row, found in enumerate((code.highest_lane(highest), lowest, code.highest_lane(bent))):
            builder.store(found, builder.gep(extremes, [code.further(values[3], values[4], row)]))
        return context.get_dummy_value()

    return types.void(samples, types.intp, extremes, types.intp, types.intp), code_of


_looked: Any = intrinsic(_looking)


@compiled
def take_in(block, start, rows):
    """rows[c, start + i] = block[i, c], a few frames at a time: each is in the nearest cache for all channels."""
    for first in range(0, len(block), _TAKEN):
        count = min(_TAKEN, len(block) - first)
        for c in range(block.shape[1]):
            # views of their own, whose places are known not to be counted from their ends
            source, target = block[first : first + count, c], rows[c, start + first : start + first + count]
            for i in range(count):
                target[i] = source[i]


@compiled
def extremes(rows, start, stop, out):
    """Of each cell of CELL columns from `start` (2 or more) to `stop`, the last being shorter where they do not fit.

    out (3, channels, cells): highest sample, lowest, highest magnitude of a second difference, which is a sample's with
    the two before it.
    """
    channels, width = rows.shape
    cells = out.shape[2]
    samples, told = rows.reshape(-1), out.reshape(-1)
    whole = (stop - start) // CELL
    for c in range(channels):
        for k in range(whole):
            _looked(samples, c * width + start + k * CELL, told, c * cells + k, channels * cells)
        if whole < cells:
            highest, lowest, bent = -1e300, 1e300, 0.0
            for i in range(start + whole * CELL, stop):
                x = rows[c, i]
                highest, lowest = max(highest, x), min(lowest, x)
                bent = max(bent, abs(x - 2.0 * rows[c, i - 1] + rows[c, i - 2]))
            out[0, c, whole], out[1, c, whole], out[2, c, whole] = highest, lowest, bent


@compiled
def full_runs(rows, start, stop, cells, first_frame, shortest, full_scale, state, events):
    """Runs of `shortest` or more equal samples at full scale or over it.

    cells: `extremes` of columns start to stop. state (channels, 3), zeros at first: the sample of the run, its length
    so far (0 if there is none), its first frame; events (m, 3): channel, first frame, end, ordered by channel. Returns
    how many.
    """
    count = 0
    for c in range(len(rows)):
        level, length, began = state[c, 0], state[c, 1], state[c, 2]
        for k in range(cells.shape[2]):
            is_near = cells[0, c, k] >= full_scale or cells[1, c, k] <= -full_scale
            if not is_near and length == 0:
                continue
            begin = start + k * CELL
            # where nothing is at full scale, the first sample ends a run
            for i in range(begin, min(begin + CELL, stop) if is_near else begin + 1):
                sample = rows[c, i]
                if length > 0 and sample == level:
                    length += 1
                    continue
                if length >= shortest:
                    events[count, 0], events[count, 1], events[count, 2] = c, began, first_frame + i - start
                    count += 1
                level, length, began = sample, 1 if abs(sample) >= full_scale else 0, first_frame + i - start
        state[c, 0], state[c, 1], state[c, 2] = level, length, began
    return count


@compiled
def flat_tops(rows, start, stop, cells, first_frame, shortest, spread, lowest, highest, corners, state, tops, events):
    """Tops that are cut flat where a channel is highest, be they dithered or not.

    cells: `extremes` of columns start to stop. tops (channels, 2): the highest magnitude so far, below zero and above.
    A top is a run of samples of `lowest` or more that are within `spread` of the highest of their side so far, and
    below `highest`; one that comes to pass them all by more than that begins anew. It is flat where it has shortest[0]
    samples or more, all equal and the highest so far, and its neighbours are more than corners[0] below it; or else
    shortest[1] samples and corners[1]. Both neighbours are above half of it: a square wave's or a pulse's are not.
    state (channels, 2, 5), zeros at first: length so far of the run (0 if there is none), its first frame, the sample
    before it, its lowest and its highest; events (m, 4), m enough for all: channel, first frame, end, the highest,
    ordered by channel. Returns how many.
    """
    count = 0
    for c in range(len(rows)):
        for k in range(cells.shape[2]):
            begin = start + k * CELL
            for side in range(2):
                peak, top = cells[0, c, k] if side else -cells[1, c, k], tops[c, side]
                is_near = peak >= lowest and peak >= top - spread
                its = state[c, side]
                if not is_near and its[0] == 0:
                    tops[c, side] = max(top, peak)
                    continue
                sign = 1.0 if side else -1.0
                # where nothing is so high, the first sample ends a run
                for i in range(begin, min(begin + CELL, stop) if is_near else begin + 1):
                    sample = sign * rows[c, i]
                    if sample > top:
                        top = sample
                        if its[0] > 0 and top - its[3] > spread:
                            its[0] = 0
                    if sample >= lowest and sample >= top - spread:
                        if its[0] == 0:
                            its[1], its[2] = first_frame + i - start, sign * rows[c, i - 1]
                            its[3], its[4] = sample, sample
                        its[0] += 1
                        its[3], its[4] = min(its[3], sample), max(its[4], sample)
                    elif its[0] > 0:
                        most, beside = its[4], max(its[2], sample)
                        kind = 0 if its[3] == top else 1
                        is_sloping = min(its[2], sample) > 0.5 * most
                        if its[0] >= shortest[kind] and most < highest and most - beside > corners[kind] and is_sloping:
                            events[count, 0], events[count, 1] = c, its[1]
                            events[count, 2], events[count, 3] = first_frame + i - start, sign * most
                            count += 1
                        its[0] = 0
                tops[c, side] = max(top, peak)
    return count


@compiled
def holes(
    rows,
    start,
    stop,
    cells,
    begin,
    first_frame,
    quiet,
    shortest,
    longest,
    near,
    around,
    loud,
    alike,
    step,
    state,
    events,
):
    """Sound that breaks off, and goes on as it was: quiet runs with a sharp edge on either side.

    At least shortest + around columns stand before `start`; cells: `extremes` of columns `begin`, `start` or before, to
    stop. A run of `shortest` to `longest` samples up to `quiet` in magnitude is a hole where one of the `near` samples
    before it, and one of those after it, is `loud`, the highest of the `around` samples on either side are no further
    apart than the factor `alike`, and one of its two neighbours is at least `step`: a wave that is soft for a while
    falls and rises smoothly. state (channels, 9): length of the run, highest `around` before it (0 if not `loud`
    nearby); of the one that what follows decides on: samples since it, highest of them, its end, its length, highest
    before it; the last sample before a run, the higher neighbour of that one. Another that ends meanwhile is part of
    what follows. In sound, one sample in `shortest` is looked at: no such run lies between two of them; of a run that
    is long enough, only cells that it may end in. events (m, 3): channel, first frame, end. Returns how many.
    """
    count = 0
    for c in range(len(rows)):
        row = rows[c]
        length, before, since, after, end = state[c, 0], state[c, 1], state[c, 2], state[c, 3], state[c, 4]
        held, kept, last, fall = state[c, 5], state[c, 6], state[c, 7], state[c, 8]
        i = start
        while i < stop:
            if length == 0 and since == 0:
                probe = i + shortest - 1
                while probe < stop and abs(row[probe]) > quiet:
                    probe += shortest
                i = max(i, probe - shortest + 1)
                edge = min(probe, stop)
                while edge > i and abs(row[edge - 1]) <= quiet:
                    edge -= 1
                i = edge
                if i == stop:
                    break
            elif since == 0 and length >= shortest:
                on = _after_quiet(cells, c, begin, i, stop, quiet)
                length += on - i
                i = on
                if i == stop:
                    break
            size = abs(row[i])
            frame = first_frame + i - start
            if since > 0:  # a hole is behind us: what follows decides
                after = max(after, size)
                since += 1
                if since >= near and after < loud:
                    since = 0
                elif since >= around:
                    if after <= alike * kept and kept <= alike * after and fall >= step:
                        events[count, 0], events[count, 1], events[count, 2] = c, end - held, end
                        count += 1
                    since = 0
            if size <= quiet:
                length += 1
                if length == shortest:
                    edge = i - shortest + 1
                    sharp, before, last = 0.0, 0.0, abs(row[edge - 1])
                    for k in range(edge - around, edge):
                        before = max(before, abs(row[k]))
                    for k in range(edge - near, edge):
                        sharp = max(sharp, abs(row[k]))
                    if sharp < loud:
                        before = 0.0
            elif length > 0:
                if length >= shortest and since == 0 and length <= longest and before > 0.0:
                    since, after, end, held, kept, fall = 1, size, frame, length, before, max(last, size)
                length = 0
            i += 1
        state[c, 0], state[c, 1], state[c, 2], state[c, 3], state[c, 4] = length, before, since, after, end
        state[c, 5], state[c, 6], state[c, 7], state[c, 8] = held, kept, last, fall
    return count


@compiled
def standstills(
    rows, start, stop, first_frame, quiet, shortest, longest, near, around, loud, alike, step, still, state, events
):
    """Sound that stands still on one value, which is not `quiet`, and goes on: what a lost block leaves held.

    Columns start - around to stop - around are looked at, of which the first is first_frame; shortest + around stand
    before them. A run of `shortest` to `longest` equal samples is told where sound around it is as that around a hole
    must be (`holes`), less the value; where some of the `around` samples on either side are over the value and some
    under it, as they are not beside a cut top; and where at most `still` of those before it, and of those after, are
    equal to the one before: a wave with plateaus of its own has others beside each. state (channels, 5): length of the
    run, 1 at first; highest difference `around` before it (0 if not `loud` nearby, or if still); difference of the last
    one, highest and lowest difference, with signs. events (m, 3): channel, first frame, end. Returns how many. One pair
    of samples in so many is looked at that no such run lies between two of them.
    """
    count = 0
    for c in range(len(rows)):
        row = rows[c]
        length, before, last, over, under = state[c, 0], state[c, 1], state[c, 2], state[c, 3], state[c, 4]
        i, end = start - around, stop - around
        while i < end:
            if length == 1:
                probe = i + shortest - 2
                while probe < end and (row[probe] != row[probe - 1] or abs(row[probe]) <= quiet):
                    probe += shortest - 1
                after = min(probe + 1, end)
                k = after - 1
                while k >= i and row[k] == row[k - 1] and abs(row[k]) > quiet:
                    k -= 1
                length, i = after - k, after
            elif row[i] == row[i - 1]:
                length += 1
                i += 1
            else:
                if shortest <= length <= longest and before > 0.0:
                    value = row[i - 1]
                    beyond, most, least = _around(row, i, i + around, i, i + near, value, loud, still)
                    is_alike = beyond <= alike * before and before <= alike * beyond
                    is_passed = max(over, most) > 0.0 and min(under, least) < 0.0
                    if beyond > 0.0 and is_alike and is_passed and max(last, abs(row[i] - value)) >= step:
                        events[count, 0], events[count, 1] = c, first_frame + i - start + around - length
                        events[count, 2] = first_frame + i - start + around
                        count += 1
                length = 1
                i += 1
                continue
            if length == shortest:
                first = i - shortest
                last = abs(row[first - 1] - row[first])
                before, over, under = _around(row, first - around, first, first - near, first, row[first], loud, still)
        state[c, 0], state[c, 1], state[c, 2], state[c, 3], state[c, 4] = length, before, last, over, under
    return count


@compiled
def _around(row, begin, end, near_begin, near_end, value, loud, still):
    """Of columns begin to end, less a value: the highest magnitude, or 0 where none of the near ones is `loud` or more
    than `still` are equal to the one before; the highest and the lowest."""
    equal, most, least, sharp = 0, -1e300, 1e300, 0.0
    for k in range(begin, end):
        equal += row[k] == row[k - 1]
        most, least = max(most, row[k] - value), min(least, row[k] - value)
    for k in range(near_begin, near_end):
        sharp = max(sharp, abs(row[k] - value))
    return max(most, -least) if sharp >= loud and equal <= still else 0.0, most, least


@compiled
def jumps(rows, start, stop, bends, begin, first_frame, reach, least, ratio, lowest, apart, state, events):
    """Breaks of the waveform that stand alone: a second difference far over all that is around it.

    Columns start - reach to stop - reach are looked at, of which the first is first_frame; bends (channels, cells): the
    highest of second differences, of `extremes` from column `begin`, start - 2 * reach or before, to stop. A break has
    a second difference of `least` or more, `ratio` times any within `reach` samples of it save the three next to it,
    and a sample of `lowest` or more on either side, so that it is inside of sound. One that has another within `apart`
    frames is a wave's own edge. state (channels, 2): frame of the last one (-apart - 1 at first), and whether it still
    waits to be alone; events (m, 2): channel, frame. Returns how many are known to be.
    """
    count = 0
    # so many cells on, all samples are more than three away from any of a cell, and fewer than `reach`
    furthest = (reach - CELL) // CELL
    for c in range(len(rows)):
        row = rows[c]
        last, waiting = state[c, 0], state[c, 1]
        for cell in range((start - reach - begin) // CELL, bends.shape[1]):
            highest = bends[c, cell]
            if highest < least:
                continue
            most = highest / ratio
            alone = True
            for k in range(2, furthest + 1):
                if cell >= k and bends[c, cell - k] > most:
                    alone = False
                if cell + k < bends.shape[1] and bends[c, cell + k] > most:
                    alone = False
            if not alone:
                continue
            first = begin + cell * CELL
            for i in range(max(first, start - reach), min(first + CELL, stop - reach)):
                if not _is_alone(row, i, reach, least, ratio, lowest):
                    continue
                frame = first_frame + i - start + reach
                if frame - last <= 8:  # the same one, seen by the next difference
                    continue
                if frame - last <= apart:
                    waiting = 0
                else:
                    if waiting:
                        events[count, 0], events[count, 1] = c, last
                        count += 1
                    waiting = 1
                last = frame
        state[c, 0], state[c, 1] = last, waiting
    return count


@compiled
def _is_alone(row, i, reach, least, ratio, lowest):
    """Whether column i is a break, but for others of its kind."""
    size = abs(row[i] - 2.0 * row[i - 1] + row[i - 2])
    if size < least:
        return False
    most = size / ratio
    for k in range(4, reach + 1):
        right = abs(row[i + k - 1] - 2.0 * row[i + k - 2] + row[i + k - 3])
        left = abs(row[i - k + 1] - 2.0 * row[i - k] + row[i - k - 1])
        if right > most or left > most:
            return False
    left, right = 0.0, 0.0
    for k in range(4, reach + 1):
        left, right = max(left, abs(row[i - k])), max(right, abs(row[i + k - 1]))
    return left >= lowest and right >= lowest


@compiled
def overs(rows, start, stop, cells, begin, reach, limit, half_taps, quarter_taps, bounds, out):
    """Peaks between samples, over a limit, of the intervals from column start - reach to stop - reach.

    cells: `extremes` of columns `begin`, start - 2 * reach or before, to stop; reach, and what follows the limit:
    `filters.INTERPOLATOR_REACH` and `filters.Interpolator`. out (stop - start,), zeros: raised to the peaks. Returns
    the highest.
    """
    found = 0.0
    count = cells.shape[2]
    half, grid, top = np.empty(_SPAN + 7), np.empty((8, _SPAN + 2)), np.empty(_SPAN + 2)
    for c in range(len(rows)):
        highest, bent = 0.0, 0.0
        for cell in range(count):
            highest = max(highest, cells[0, c, cell], -cells[1, c, cell])
            bent = max(bent, cells[2, c, cell])
        # what samples beside an interval must reach, were it as bent as the channel is anywhere
        least = (limit - bent * bounds[3]) / bounds[2] * (1.0 - 1e-9)
        if highest <= least or highest * bounds[0] <= limit:
            continue
        after = (start - reach - begin) // CELL
        while after < count:
            cell, after = after, after + 1
            if not _reaches(cells, c, cell, least):
                continue
            while after < min(cell + _SPAN // CELL, count) and _reaches(cells, c, after, least):
                after += 1
            first, last = max(begin + cell * CELL, start - reach), min(begin + after * CELL, stop - reach)
            if first < last:
                its = out[first - start + reach :]
                peak = peaks_of_cell(
                    rows[c], first, last - first, limit, half_taps, quarter_taps, bounds, half, grid, top, its
                )
                found = max(found, peak)
    return found


@compiled
def _reaches(cells, c, cell, least):
    """Whether a sample of a cell, or the first after it, may be over `least` in magnitude."""
    after = min(cell + 1, cells.shape[2] - 1)
    up, down = max(cells[0, c, cell], cells[0, c, after]), min(cells[1, c, cell], cells[1, c, after])
    return max(up, -down) > least


@compiled
def silent_runs(rows, start, stop, cells, begin, first_frame, shortest, near, state, events):
    """Runs of `shortest` or more frames that are zero in all channels, and have sound before and after them.

    At least `near` columns stand before `start`, and near <= shortest; cells: `extremes` of columns `begin`, `start` or
    before, to stop. state (5,): first frame of the silence, -1 before any sound and -2 in sound; highest magnitude of
    the `near` frames before it; of a run that has just ended its first frame and its end (-1 if none), highest
    magnitude since. In sound, one frame in `shortest` is looked at: no such run lies between two of them; of silence,
    only cells that may hold sound. events (m, 3): first frame, end, highest magnitude of the `near` frames on either
    side. Returns how many.
    """
    count = 0
    since, before, began, end, edge = state[0], state[1], state[2], state[3], state[4]
    to_frame = first_frame - start
    i = start
    if end >= 0.0:
        upto = min(int(end) + near - to_frame, stop)
        edge = max(edge, _highest(rows, start, upto))
        if upto + to_frame == end + near:
            events[count, 0], events[count, 1], events[count, 2] = began, end, edge
            count += 1
            end = -1.0
    while i < stop:
        if since == -2.0:
            probe = i + shortest - 1
            while probe < stop and _highest(rows, probe, probe + 1) > 0.0:
                probe += shortest
            i = max(i, probe - shortest + 1)
            first = min(probe, stop)
            while first > i and _highest(rows, first - 1, first) == 0.0:
                first -= 1
            i = first
            if i == stop:
                break
            # a probe that met sound has moved on: this frame is silent
            since, before = i + to_frame, _highest(rows, i - near, i)
        i = _first_sound(rows, i, stop, cells, begin)
        if i < stop:
            if since >= 0.0 and i + to_frame - since >= shortest:
                began, end = since, i + to_frame
                upto = min(i + near, stop)
                edge = max(before, _highest(rows, i, upto))
                if upto == i + near:
                    events[count, 0], events[count, 1], events[count, 2] = began, end, edge
                    count += 1
                    end = -1.0
            since = -2.0
            i += 1
    state[0], state[1], state[2], state[3], state[4] = since, before, began, end, edge
    return count


@compiled
def _highest(rows, begin, end):
    """The highest magnitude of all channels."""
    highest = 0.0
    for c in range(len(rows)):
        for i in range(begin, end):
            highest = max(highest, abs(rows[c, i]))
    return highest


@compiled
def _first_sound(rows, start, stop, cells, begin):
    """The first column in which a channel is not zero; `stop` if none."""
    for c in range(len(rows)):
        i = start
        while i < stop:
            i = _after_quiet(cells, c, begin, i, stop, 0.0)
            if i < stop and rows[c, i] != 0.0:
                stop = i
            i += 1
    return stop


@compiled
def _after_quiet(cells, c, begin, i, stop, quiet):
    """Column i, unless a cell begins there: then the beginning of the first cell from it on that may hold more than
    `quiet`, or stop."""
    if (i - begin) % CELL == 0:
        cell = (i - begin) // CELL
        while i < stop and max(cells[0, c, cell], -cells[1, c, cell]) <= quiet:
            cell += 1
            i = min(i + CELL, stop)
    return i
