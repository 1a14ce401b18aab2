"""Sums over bins of two channels side by side; the readable twin is `tests/reference/pairs.py`.

A cascade of biquads with s numbers of state gives g outputs at once, and the state after them, as a sum of columns: one
for each number of the state before, and one for each of the g samples. Four outputs and the four numbers of
K-weighting's state fill one register; eight outputs of the speech band, and its six, fill two.

Source: C. S. Burrus, Block realization of digital filters, IEEE Trans. Audio Electroacoust. 20 (1972), 230-235.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic

from stemmix.dsp.compiling import compiled
from stemmix.dsp.vector_code import VectorCode

COLUMNS = ("sum_a", "sum_b", "aa", "bb", "ab", "k_aa", "k_bb", "k_ab", "s_aa", "s_bb", "s_ab", "peak")
"""What `pair_bins` adds up in each bin, of channels a and b: the samples, their products, products after K-weighting
and in the band of speech, and the highest magnitude."""

LANES = 8
WEIGHTING_GROUP, BAND_GROUP = 4, 8
"""Samples at a time."""
WEIGHTING_STATE, BAND_STATE = 4, 6
"""Numbers of state."""


def _summing(states: int, group: int) -> Any:
    """An intrinsic: (samples, places of two channels, count of groups, columns, state, sums).

    columns: flat, `states` of the state before, then `group` of samples, each of `group` outputs and `states` numbers
    of the state after, padded to whole registers. state (2 * LANES,): of the two. sums (3 * LANES,), whose first
    `group` lanes of each eight are raised by the squares of one, of the other, and their product.
    """
    registers = -(-(group + states) // LANES)
    lane_of_state = group % LANES

    def made(typing, samples, first, second, groups, columns, state, sums):
        def code_of(context, builder, signature, values):
            code = VectorCode(context, builder, types.float64)
            samples, columns, state, sums = (code.elements(signature.args[i], values[i]) for i in (0, 4, 5, 6))
            nought = values[1].type(0)
            kept = [cgutils.alloca_once_value(builder, code.load(state, nought.type(i * LANES))) for i in range(2)]
            totals = [cgutils.alloca_once_value(builder, code.load(sums, nought.type(i * LANES))) for i in range(3)]
            parts = [
                [code.load(columns, nought.type((number * registers + part) * LANES)) for part in range(registers)]
                for number in range(states + group)
            ]
            with cgutils.for_range(builder, values[3]) as loop:
                at = builder.mul(loop.index, loop.index.type(group))
                given = []
                for place, its in zip(values[1:3], kept, strict=True):
                    before = builder.load(its)
                    spread = [code.everywhere(before, lane_of_state + i) for i in range(states)]
                    here = builder.add(place, at)
                    spread += [code.spread(samples, code.after(here, i)) for i in range(group)]
                    after = [
                        code.sum_of_columns([column[part] for column in parts], spread, states)
                        for part in range(registers)
                    ]
                    builder.store(after[-1], its)
                    given.append(after[0])
                for total, (one, other) in zip(totals, ((0, 0), (1, 1), (0, 1)), strict=True):
                    product = builder.fmul(given[one], given[other])
                    builder.store(builder.fadd(builder.load(total), product), total)
            for i, its in enumerate(kept):
                code.store(builder.load(its), state, nought.type(i * LANES))
            for i, total in enumerate(totals):
                code.store(builder.load(total), sums, nought.type(i * LANES))
            return context.get_dummy_value()

        return types.void(samples, types.intp, types.intp, types.intp, columns, state, sums), code_of

    made.__name__ = made.__qualname__ = f"_squares_of_{states}_by_{group}"
    return intrinsic(made)


_weighted: Any = _summing(WEIGHTING_STATE, WEIGHTING_GROUP)
_banded: Any = _summing(BAND_STATE, BAND_GROUP)


def _adding(typing, samples, first, second, groups, sums):
    """sums (6 * LANES,) of groups of eight: the samples of one, of the other, squares, products; highest magnitude."""

    def code_of(context, builder, signature, values):
        code = VectorCode(context, builder, types.float64)
        samples, sums = (code.elements(signature.args[i], values[i]) for i in (0, 4))
        nought = values[1].type(0)
        totals = [cgutils.alloca_once_value(builder, code.load(sums, nought.type(i * LANES))) for i in range(6)]
        with cgutils.for_range(builder, values[3]) as loop:
            at = builder.mul(loop.index, loop.index.type(LANES))
            a, b = (code.load(samples, builder.add(place, at)) for place in values[1:3])
            added = (a, b, builder.fmul(a, a), builder.fmul(b, b), builder.fmul(a, b))
            for total, one in zip(totals[:5], added, strict=True):
                builder.store(builder.fadd(builder.load(total), one), total)
            highest = code.higher(code.magnitude(a), code.magnitude(b))
            builder.store(code.higher(highest, builder.load(totals[5])), totals[5])
        for i, total in enumerate(totals):
            code.store(builder.load(total), sums, nought.type(i * LANES))
        return context.get_dummy_value()

    return types.void(samples, types.intp, types.intp, types.intp, sums), code_of


_added: Any = intrinsic(_adding)


@compiled
def _add_plain(samples, first, second, length, sums):
    """As `_adding`, of any length."""
    whole = length // LANES
    _added(samples, first, second, whole, sums)
    for i in range(whole * LANES, length):
        x, z = samples[first + i], samples[second + i]
        sums[0] += x
        sums[LANES] += z
        sums[2 * LANES] += x * x
        sums[3 * LANES] += z * z
        sums[4 * LANES] += x * z
        sums[5 * LANES] = max(sums[5 * LANES], abs(x), abs(z))


@compiled
def _through(x, sections, state, first):
    """One sample through biquads, transposed direct form 2; their state stands in `state` from `first` on."""
    for k in range(len(sections)):
        b0, b1, b2, a1, a2 = sections[k, 0], sections[k, 1], sections[k, 2], sections[k, 3], sections[k, 4]
        at = first + 2 * k
        y = b0 * x + state[at]
        state[at] = b1 * x - a1 * y + state[at + 1]
        state[at + 1] = b2 * x - a2 * y
        x = y
    return x


@compiled
def _rest(samples, first, second, count, sections, state, offset, sums):
    """As `_summing`, sample by sample: the few that are left of a bin whose length is no multiple of a group."""
    for i in range(count):
        u = _through(samples[first + i], sections, state, offset)
        v = _through(samples[second + i], sections, state, LANES + offset)
        sums[0] += u * u
        sums[LANES] += v * v
        sums[2 * LANES] += u * v


@compiled
def _total(sums, row, lanes):
    total = 0.0
    for lane in range(lanes):
        total += sums[row * LANES + lane]
    return total


@compiled
def _calm(weighted, banded, first):
    """A channel's filters have no state at all where what they have is next to nothing."""
    size = 0.0
    for i in range(WEIGHTING_STATE):
        size += abs(weighted[first + WEIGHTING_GROUP + i])
    for i in range(BAND_STATE):
        size += abs(banded[first + i])
    if size < 1e-30:
        for i in range(LANES):
            weighted[first + i], banded[first + i] = 0.0, 0.0


@compiled
def bin_sums(rows, start, ends, sums):
    """Sums over bins of each channel's samples, with the same bits as `pair_bins` adds them up with.

    rows (channels, width), C-contiguous; start, ends: as there; sums (bins, channels) to fill.
    """
    samples, width = rows.reshape(-1), rows.shape[1]
    plain = np.empty(6 * LANES)
    for n in range(len(ends)):
        for c in range(len(rows)):
            plain[:] = 0.0
            at = c * width + start
            _add_plain(samples, at, at, ends[n] - start, plain)
            sums[n, c] = _total(plain, 0, LANES)
        start = ends[n]


@compiled
def _add_scaled(source, share, target):
    for i in range(len(target)):
        target[i] += source[i] * share


@compiled
def mix_rows(rows, start, matrix, out):
    """out (m, n) becomes what `matrix` (m, channels) takes of n columns from `start` on, added in the channels' order.

    rows (channels, width).
    """
    out[:] = 0.0
    for target in range(len(matrix)):
        for source in range(len(rows)):
            if matrix[target, source] != 0.0:
                _add_scaled(rows[source, start : start + out.shape[1]], matrix[target, source], out[target])


@compiled
def pair_bins(rows, a, b, start, ends, weighting, band, columns, band_columns, in_band, state, bins):
    """Sums over bins of channels a and b: see `COLUMNS`.

    rows (channels, width), C-contiguous; the first bin begins at column `start`, and each of `ends` (bins,) is the one
    that a bin ends before. weighting (2, 5), band (3, 5): b0 b1 b2 a1 a2; columns, band_columns: of `_summing`, of the
    same filters; in_band: whether the band of speech is asked for, whose columns are zero else; state (2, 2 * LANES):
    of the two filters, of both channels, from lane `group % LANES` on; bins (bins, 12) to fill.
    """
    samples, width = rows.reshape(-1), rows.shape[1]
    weighted, banded = state[0], state[1]
    plain, k_sums, s_sums = np.empty(6 * LANES), np.empty(3 * LANES), np.empty(3 * LANES)
    for n in range(len(ends)):
        first, second, length = a * width + start, b * width + start, ends[n] - start
        plain[:], k_sums[:], s_sums[:] = 0.0, 0.0, 0.0
        _add_plain(samples, first, second, length, plain)
        done = length // WEIGHTING_GROUP * WEIGHTING_GROUP
        _weighted(samples, first, second, done // WEIGHTING_GROUP, columns, weighted, k_sums)
        _rest(samples, first + done, second + done, length - done, weighting, weighted, WEIGHTING_GROUP, k_sums)
        if in_band:
            done = length // BAND_GROUP * BAND_GROUP
            _banded(samples, first, second, done // BAND_GROUP, band_columns, banded, s_sums)
            _rest(samples, first + done, second + done, length - done, band, banded, 0, s_sums)
        for column in range(5):
            bins[n, column] = _total(plain, column, LANES)
        for column in range(3):
            bins[n, 5 + column] = _total(k_sums, column, WEIGHTING_GROUP)
            bins[n, 8 + column] = _total(s_sums, column, BAND_GROUP)
        highest = 0.0
        for lane in range(5 * LANES, 6 * LANES):
            highest = max(highest, plain[lane])
        bins[n, 11] = highest
        if bins[n, 2] + bins[n, 3] == 0.0:  # a filter ringing down in silence would go on in slow denormal numbers
            for channel in range(2):
                _calm(weighted, banded, channel * LANES)
        start = ends[n]
