"""K-weighted energy, four samples of a channel at a time.

A filter of two biquads has four numbers of state. Of four samples at once the outputs, and the state after them, are a
sum of columns, one for each number of the state before and one for each sample (`filters.in_groups`); both fill one
register, in place of a recursion that waits for every sample. The groups of four begin at the stream's first sample,
whatever the blocks; where a block ends within one, its outputs so far are those of a group that ends in zeros, for none
of them depends on what comes later. So the same bits follow from any blocks.

Source: C. S. Burrus, Block realization of digital filters, IEEE Trans. Audio Electroacoust. 20 (1972), 230-235.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic

from stemmix.dsp.compiling import compiled
from stemmix.dsp.peak_kernels import highest_magnitude
from stemmix.dsp.vector_code import VectorCode

GROUP = 4
STATE = 4
"""Numbers of state of two biquads."""
_LANES = 8

ENERGY, WAITING = _LANES, _LANES + GROUP
"""Where, in a channel's row, its energies stand, by place in the group, and the samples of a group not yet whole; the
state is before, in lanes `GROUP` to the last."""
ROW = 2 * _LANES

_CALM_FRAMES = 256
"""So often it is looked whether a filter rings down in silence: it would go on in slow denormal numbers."""


def _groups(channels: int) -> Any:
    """An intrinsic: (samples, first places of two channels, distance, groups, columns, rows, their places, energies).

    So many groups of samples, `distance` apart: the state in the rows goes on, squares of the outputs are added to
    energies, (2 * _LANES,), whose last four lanes of each eight are nothing. Of one channel the second place and row
    are nothing either.
    """

    def made(typing, samples, first, second, distance, groups, columns, rows, row, second_row, energies):
        def code_of(context, builder, signature, values):
            code = VectorCode(context, builder, types.float64)
            samples, columns, rows, energies = (code.elements(signature.args[i], values[i]) for i in (0, 5, 6, 9))
            distance, groups = values[3:5]
            nought = distance.type(0)
            firsts, places = values[1 : 1 + channels], values[7 : 7 + channels]
            kept = [cgutils.alloca_once_value(builder, code.load(rows, place)) for place in places]
            totals = [
                cgutils.alloca_once_value(builder, code.load(energies, nought.type(i * _LANES)))
                for i in range(channels)
            ]
            parts = [code.load(columns, nought.type(i * _LANES)) for i in range(STATE + GROUP)]
            with cgutils.for_range(builder, groups) as loop:
                at = builder.mul(builder.mul(loop.index, distance), nought.type(GROUP))
                for begin, its, total in zip(firsts, kept, totals, strict=True):
                    before, here = builder.load(its), builder.add(begin, at)
                    factors = [code.everywhere(before, GROUP + i) for i in range(STATE)]
                    factors += [code.spread(samples, code.further(here, distance, i)) for i in range(GROUP)]
                    after = code.sum_of_columns(parts, factors, STATE)
                    builder.store(after, its)
                    builder.store(builder.fadd(builder.load(total), builder.fmul(after, after)), total)
            for i, (place, its, total) in enumerate(zip(places, kept, totals, strict=True)):
                code.store(builder.load(its), rows, place)
                code.store(builder.load(total), energies, nought.type(i * _LANES))
            return context.get_dummy_value()

        places = (types.intp, types.intp)
        counts = (types.intp, types.intp)
        return types.void(samples, *places, *counts, columns, rows, *places, energies), code_of

    made.__name__ = made.__qualname__ = f"_groups_of_{channels}"
    return intrinsic(made)


_pair, _lone = _groups(2), _groups(1)


@compiled
def weighted_bins(block, channels, weights, ends, columns, state, phase, bins):
    """Weighted K-weighted energy of some channels, added to `bins`, which end at frames `ends[:-1]` of the block.

    block (n, channels) C-contiguous; channels, weights (heard,); ends (bins + 1,), the last being n: what follows the
    last whole bin stays in `state` (heard * ROW,); columns: of `filters.k_weighting_in_groups`; `phase` (1,): how many
    frames have been heard, by `_CALM_FRAMES`.
    """
    frames, width = block.shape
    flat = block.reshape(-1)
    heard = len(channels)
    energies = np.empty(2 * _LANES)
    at, bin_ = 0, 0
    while True:
        while bin_ < len(ends) - 1 and ends[bin_] == at:
            for c in range(heard):
                bins[bin_] += weights[c] * _taken(state, c * ROW)
            bin_ += 1
        if at == frames:
            return
        begun, left = phase[0] % GROUP, ends[bin_] - at
        if begun == 0 and left >= GROUP:
            count = min(left, _CALM_FRAMES - phase[0]) // GROUP * GROUP
            _hear_groups(flat, at * width, width, count // GROUP, channels, columns, state, energies)
        else:
            count = min(GROUP - begun, left)
            for c in range(heard):
                _hear_part(flat, at * width + channels[c], width, begun, count, columns, state, c * ROW, energies)
        at += count
        phase[0] += count
        if phase[0] == _CALM_FRAMES:
            phase[0] = 0
            for c in range(heard):
                for i in range(c * ROW, c * ROW + _LANES):
                    state[i] = 0.0 if abs(state[i]) < 1e-30 else state[i]


@compiled
def _hear_groups(flat, start, width, groups, channels, columns, state, energies):
    """Whole groups of every channel, two side by side; silence moves filters at rest by nothing."""
    if _at_rest(state, len(channels)) and _silent(flat, start, start + groups * GROUP * width):
        return
    for c in range(0, len(channels), 2):
        lone = c + 1 == len(channels)
        row, second_row = c * ROW, c * ROW if lone else (c + 1) * ROW
        for lane in range(GROUP):
            energies[lane] = state[row + ENERGY + lane]
            energies[_LANES + lane] = state[second_row + ENERGY + lane]
            energies[GROUP + lane] = energies[_LANES + GROUP + lane] = 0.0
        first = start + channels[c]
        if lone:
            _lone(flat, first, 0, width, groups, columns, state, row, 0, energies)
        else:
            second = start + channels[c + 1]
            _pair(flat, first, second, width, groups, columns, state, row, second_row, energies)
            for lane in range(GROUP):
                state[second_row + ENERGY + lane] = energies[_LANES + lane]
        for lane in range(GROUP):
            state[row + ENERGY + lane] = energies[lane]


@compiled
def _at_rest(state, channels):
    """Whether no filter has any state."""
    for c in range(channels):
        for i in range(c * ROW + GROUP, c * ROW + _LANES):
            if state[i] != 0.0:
                return False
    return True


@compiled
def _silent(flat, begin, end):
    """Whether all samples from begin to end are exactly 0; most that sound do so at once."""
    return flat[begin] == 0.0 and highest_magnitude(flat, begin, end) == 0.0


@compiled
def _hear_part(flat, start, width, begun, count, columns, state, row, energies):
    """Some samples of a group, of which `begun` were heard: their energies, and its state where they are its last.

    Copied one by one: an assignment to a slice takes longest to compile of all, for what it would say of its shape.
    """
    waiting = row + WAITING
    for i in range(begun, GROUP):
        state[waiting + i] = flat[start + (i - begun) * width] if i < begun + count else 0.0
    before = np.empty(_LANES)
    for i in range(_LANES):
        before[i] = state[row + i]
    energies[:] = 0.0
    _lone(state, waiting, 0, 1, 1, columns, state, row, 0, energies)
    for i in range(begun, begun + count):
        state[row + ENERGY + i] += energies[i]
    if begun + count < GROUP:
        for i in range(_LANES):
            state[row + i] = before[i]


@compiled
def _taken(state, row):
    """The energy of a channel so far, which then begins anew."""
    energy = 0.0
    for i in range(row + ENERGY, row + ENERGY + GROUP):
        energy += state[i]
        state[i] = 0.0
    return energy
