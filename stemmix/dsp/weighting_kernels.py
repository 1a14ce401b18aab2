"""K-weighted energy, eight samples of a channel at a time.

A filter of two biquads has four numbers of state, s. Of eight samples x at once the outputs are y = T x + O s, and the
state after them is B x + F s: sums of columns, each a vector, in place of a recursion that waits for every sample. The
groups of eight begin at the stream's first sample, whatever the blocks; where a block ends within one, its outputs so
far are those of a group that ends in zeros, for none of them depends on what comes later. So the same bits follow from
any blocks.

Source: C. S. Burrus, Block realization of digital filters, IEEE Trans. Audio Electroacoust. 20 (1972), 230-235.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from numba.core import types
from numba.extending import intrinsic

from stemmix.dsp.kernels import compiled
from stemmix.dsp.vector_code import VectorCode

GROUP = 8
STATE = 4
"""Numbers of state of two biquads."""

COLUMNS = GROUP + STATE
ENERGY, WAITING = STATE, STATE + GROUP
"""Where, in a channel's row, its energies stand, by place in the group, and the samples of a group not yet whole."""
ROW = STATE + 2 * GROUP


def _sum_of_columns(code: VectorCode, factors: list[list[Any]], tables: Any, first: Any, lanes: int) -> list[Any]:
    """For each channel the sum of columns times its factors, in a fixed order; columns from `first` on in the tables.

    A column is loaded once for all channels. What hangs on the state before is added last, and in pairs: the state
    after waits for nothing else.
    """
    terms: list[list[Any]] = [[] for _ in factors]
    for number in range(COLUMNS):
        column = code.load(tables, code.after(first, number * lanes), lanes)
        for its, spread in zip(terms, factors, strict=True):
            its.append(code.builder.fmul(column, code.low(spread[number], lanes)))
    add = code.builder.fadd
    totals = []
    for its in terms:
        of_samples = reduce(add, its[STATE:])
        of_state = add(add(its[0], its[1]), add(its[2], its[3]))
        totals.append(add(of_samples, of_state))
    return totals


def _groups(channels: int, *, counted: bool, advanced: bool) -> Any:
    """An intrinsic: (samples, first places of two channels, distance, tables, state, their rows, outputs).

    `counted`: squares are added to the rows' energies; else the outputs are stored. `advanced`: so are the states. Of
    one channel the second place and row are nothing.
    """

    def made(typing, samples, first, second, distance, tables, state, row, second_row, outputs):
        def code_of(context, builder, signature, values):
            code = VectorCode(context, builder, types.float64)
            samples, tables, state, outputs = (code.elements(signature.args[i], values[i]) for i in (0, 4, 5, 8))
            distance = values[3]
            nought = distance.type(0)
            rows = [values[6], values[7]][:channels]
            factors = [
                [code.spread(state, code.after(row, i)) for i in range(STATE)]
                + [code.spread(samples, code.further(at, distance, i)) for i in range(GROUP)]
                for at, row in zip(values[1:3], rows, strict=False)
            ]
            given = _sum_of_columns(code, factors, tables, nought, GROUP)
            if counted:
                for its_row, y in zip(rows, given, strict=True):
                    place = code.after(its_row, ENERGY)
                    code.store(builder.fadd(code.load(state, place), builder.fmul(y, y)), state, place)
            else:
                for channel, y in enumerate(given):
                    code.store(y, outputs, code.after(nought, channel * GROUP))
            if advanced:
                for its_row, after in zip(
                    rows,
                    _sum_of_columns(code, factors, tables, code.after(nought, COLUMNS * GROUP), STATE),
                    strict=True,
                ):
                    # a filter ringing down in silence would compute on in slow denormal numbers
                    high, low = (code.constant(side * 1e-30, STATE) for side in (1, -1))
                    audible = builder.or_(
                        builder.fcmp_unordered(">=", after, high), builder.fcmp_unordered("<=", after, low)
                    )
                    code.store(builder.select(audible, after, code.constant(0.0, STATE)), state, its_row)
            return context.get_dummy_value()

        places = (types.intp, types.intp)
        return types.void(samples, *places, types.intp, tables, state, *places, outputs), code_of

    made.__name__ = made.__qualname__ = f"_groups_of_{channels}{'_counted' * counted}{'_advanced' * advanced}"
    return intrinsic(made)


_pair = _groups(2, counted=True, advanced=True)
_lone = _groups(1, counted=True, advanced=True)
_told = _groups(1, counted=False, advanced=False)
_told_and_advanced = _groups(1, counted=False, advanced=True)


@compiled
def weighted_bins(block, channels, weights, ends, tables, state, phase, bins):
    """Weighted K-weighted energy of some channels, added to `bins`, which end at frames `ends[:-1]` of the block.

    block (n, channels) C-contiguous; channels, weights (heard,); ends (bins + 1,), the last being n: what follows the
    last whole bin stays in `state` (heard * ROW,); `phase` (1,): how many samples of a group have been heard.
    """
    frames, width = block.shape
    flat = block.reshape(-1)
    outputs = tables[:GROUP].copy()
    heard = len(channels)
    if not heard:
        return
    at, bin_ = 0, 0
    while bin_ < len(ends) - 1 and ends[bin_] == 0:
        _finish(weights, state, bins, bin_)
        bin_ += 1
    while at < frames:
        begun = phase[0]
        if begun == 0 and frames - at >= GROUP:
            groups = (ends[bin_] - at) // GROUP
            for group in range(groups):
                start = (at + group * GROUP) * width
                for c in range(0, heard - 1, 2):
                    first, second = start + channels[c], start + channels[c + 1]
                    _pair(flat, first, second, width, tables, state, c * ROW, (c + 1) * ROW, outputs)
                if heard % 2:
                    row = (heard - 1) * ROW
                    _lone(flat, start + channels[heard - 1], 0, width, tables, state, row, 0, outputs)
            at += groups * GROUP
            if groups > 0:
                while bin_ < len(ends) - 1 and ends[bin_] == at:
                    _finish(weights, state, bins, bin_)
                    bin_ += 1
                continue
        # a group in which a bin ends, or the block: sample by sample
        count = min(GROUP - begun, frames - at)
        for c in range(heard):
            row = c * ROW
            for i in range(GROUP):
                if i >= begun:
                    inside = i < begun + count
                    state[row + WAITING + i] = flat[(at + i - begun) * width + channels[c]] if inside else 0.0
        bin_here = bin_
        for c in range(heard):
            row = c * ROW
            _told(state, row + WAITING, 0, 1, tables, state, row, 0, outputs)
            bin_here = bin_
            for i in range(begun, begun + count):
                state[row + ENERGY + i] += outputs[i] * outputs[i]
                while bin_here < len(ends) - 1 and ends[bin_here] == at + i - begun + 1:
                    _finish_one(weights[c], state, row, bins, bin_here)
                    bin_here += 1
        if begun + count == GROUP:
            for c in range(heard):
                row = c * ROW
                _told_and_advanced(state, row + WAITING, 0, 1, tables, state, row, 0, outputs)
        bin_ = bin_here
        phase[0] = (begun + count) % GROUP
        at += count


@compiled
def _finish(weights, state, bins, bin_):
    """A bin ends where a group does."""
    for c in range(len(weights)):
        _finish_one(weights[c], state, c * ROW, bins, bin_)


@compiled
def _finish_one(weight, state, row, bins, bin_):
    energy = 0.0
    for i in range(GROUP):
        energy += state[row + ENERGY + i]
        state[row + ENERGY + i] = 0.0
    bins[bin_] += weight * energy
