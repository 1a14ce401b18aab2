"""Sixteen frames at once from samples to bands: one frame in each lane of a register, as in `fft_kernels`.

Every loop over bins has one over lanes inside it, which the compiler turns into a vector instruction; so the work is in
small kernels of few arrays. A frame's numbers do not depend on what stands in the other lanes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from stemmix.dsp.compiling import compiled
from stemmix.dsp.elementary_kernels import LOG2_OF_10, exp2_of, log2_of
from stemmix.dsp.fft_kernels import transform
from stemmix.dsp.vector_code import VectorCode

_LEAST = 1e-30
"""No power is taken for less where its logarithm is."""
_TOGETHER = 8
"""Stretches whose products of fractions are multiplied before a logarithm is taken: under 2^512."""
_AT_ONCE = 512
"""So many samples are looked at before it is asked whether any sounds."""

_RANGES, _POWER, _MAGNITUDE, _WEIGHTED, _EXPONENTS, _FRACTIONS, _LOGARITHMS, _SUMS = 72, 80, 81, 82, 83, 84, 85, 86
"""Rows of sums, and how many there are: see `weigh_stretches`."""


@compiled
def narrowed(samples, out):
    """out = samples, (n,) float64, in float32."""
    for i in range(len(out)):
        out[i] = samples[i]


def _framing(typing, signal, first, distance, window, n, re, im, row):
    """Samples of both channels, half as many as lanes, from a place for each lane into as many rows of re and im, each
    times its window's."""

    def code_of(context, builder, signature, values):
        code = VectorCode(context, builder, signature.args[0].dtype)
        signal, window, re, im = (code.elements(signature.args[i], values[i]) for i in (0, 3, 5, 6))
        first, distance, n, row = values[1], values[2], values[4], values[7]
        heard = [code.load(signal, code.further(first, distance, lane)) for lane in range(code.lanes)]
        by_sample = code.transposed(heard)
        for i in range(code.lanes // 2):
            factor = code.spread(window, code.after(n, i))
            place = code.after(row, i * code.lanes)
            for plane, samples in zip((re, im), by_sample[2 * i : 2 * i + 2], strict=True):
                code.store(builder.fmul(samples, factor), plane, place)
        return context.get_dummy_value()

    places = (types.intp, types.intp)
    return types.void(signal, *places, window, types.intp, re, im, types.intp), code_of


_framed: Any = intrinsic(_framing)


@compiled
def frames_of_both(signal, start, hop, window, re, im):
    """Windowed frames of (n, 2) samples, one a lane, a hop apart from `start` on: left into re, right into im.

    float32 in 16 lanes, or float64 in 8; the window's length a multiple of eight.
    """
    lanes = re.shape[1]
    for n in range(0, len(window), lanes // 2):
        _framed(signal, 2 * (start + n), 2 * hop, window, n, re, im, n * lanes)


def _weighing(typing, re, im, roots, shares, first, after, scale, band, range_, sums, magnitudes, number):
    """Power and magnitude of the bins of a stretch, from Z = L + jR: magnitudes into roots, their sum into row `number`
    of magnitudes (stretches, lanes), all else added to the rows of sums, float64 (`_SUMS`, lanes)."""

    def code_of(context, builder, signature, values):
        code = VectorCode(context, builder, types.float32)
        wide = VectorCode(context, builder, types.float64)
        arrays = (0, 1, 2, 3, 9, 10)
        re, im, roots, shares, sums, magnitudes = (code.elements(signature.args[i], values[i]) for i in arrays)
        size = context.make_array(signature.args[0])(context, builder, values[0]).shape
        size = builder.extract_value(size, 0)
        first, after, scale, band, range_ = values[4:9]
        nought = first.type(0)
        lanes = nought.type(code.lanes)
        shift, mantissa, unit = (code.whole(number) for number in (23, 0x7FFFFF, 0x3F800000))
        begins = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
        totals = [cgutils.alloca_once_value(builder, code.constant(value)) for value in begins]
        exponents = cgutils.alloca_once_value(builder, code.whole(0))
        number = cgutils.alloca_once_value(builder, code.constant(0.0))
        mul, add = builder.fmul, builder.fadd
        scale = code.filled(scale)
        with cgutils.for_range(builder, builder.sub(after, first)) as loop:
            k = builder.add(first, loop.index)
            here, mirror = builder.mul(k, lanes), builder.mul(builder.sub(size, k), lanes)
            a_re, a_im, b_re, b_im = (code.load(plane, at) for at in (here, mirror) for plane in (re, im))
            squares = add(add(mul(a_re, a_re), mul(a_im, a_im)), add(mul(b_re, b_re), mul(b_im, b_im)))
            power = mul(scale, squares)
            cross = mul(scale, add(mul(a_re, b_im), mul(a_im, b_re)))
            middle = code.higher(add(mul(code.constant(0.5), power), cross), code.constant(0.0))
            root = code.root(power)
            code.store(root, roots, here)
            lower, upper = (code.spread(shares, code.after(builder.mul(k, nought.type(2)), i)) for i in range(2))
            its_number = builder.load(number)
            builder.store(add(its_number, code.constant(1.0)), number)
            added = (
                mul(lower, power),
                mul(upper, power),
                mul(lower, middle),
                mul(upper, middle),
                root,
                mul(its_number, root),
            )
            for total, value in zip(totals, added, strict=False):
                builder.store(add(builder.load(total), value), total)
            bits = code.bits(code.higher(power, code.constant(_LEAST)))
            builder.store(builder.add(builder.load(exponents), builder.lshr(bits, shift)), exponents)
            fraction = code.from_bits(builder.or_(builder.and_(bits, mantissa), unit))
            builder.store(mul(builder.load(totals[-1]), fraction), totals[-1])
        counted = builder.uitofp(builder.load(exponents), code.constant(0.0).type)
        kind = wide.constant(0.0, code.lanes).type
        found = [builder.fpext(value, kind) for value in (*map(builder.load, totals), counted)]
        both, magnitude = add(found[0], found[1]), found[4]
        weighted = add(mul(wide.filled(builder.sitofp(first, ir.DoubleType()), code.lanes), magnitude), found[5])
        for row, value in (
            (band, found[0]),
            (code.after(band, 1), found[1]),
            (code.after(band, 36), found[2]),
            (code.after(band, 37), found[3]),
            (code.after(range_, _RANGES), both),
            (nought.type(_POWER), both),
            (nought.type(_MAGNITUDE), magnitude),
            (nought.type(_WEIGHTED), weighted),
            (nought.type(_EXPONENTS), found[7]),
        ):
            place = builder.mul(row, lanes)
            wide.store(add(wide.load(sums, place, code.lanes), value), sums, place)
        place = nought.type(_FRACTIONS * code.lanes)
        wide.store(mul(wide.load(sums, place, code.lanes), found[6]), sums, place)
        wide.store(magnitude, magnitudes, builder.mul(values[11], lanes))
        return context.get_dummy_value()

    places = (types.intp, types.intp)
    return types.void(re, im, roots, shares, *places, types.float32, *places, sums, magnitudes, types.intp), code_of


_weighed: Any = intrinsic(_weighing)


@compiled
def weigh_stretches(re, im, roots, shares, stretches, sums, magnitudes):
    """Add up all that `gathered` tells of frames' spectra Z = L + jR, (size, lanes) each.

    sums (`_SUMS`, lanes): 36 band powers of both channels, 36 of the mid, 7 classic bands and what belongs to none, all
    power, magnitude, that times the bin's number, and the sum of the powers' logarithms to base 2. magnitudes
    (stretches, lanes) of each stretch; roots (bins, lanes) of each bin.
    """
    size, lanes = re.shape
    sums[:] = 0.0
    sums[_FRACTIONS] = 1.0
    for number in range(len(stretches)):
        first, after, band, range_ = stretches[number]
        # the Nyquist bin stands once in a two-sided spectrum
        share = np.float32((2.0 if first < size // 2 else 1.0) / (size * size))
        _weighed(re, im, roots, shares, first, after, share, band, range_, sums, magnitudes, number)
        if number % _TOGETHER == _TOGETHER - 1 or number == len(stretches) - 1:
            for lane in range(lanes):
                sums[_LOGARITHMS, lane] += log2_of(sums[_FRACTIONS, lane])
                sums[_FRACTIONS, lane] = 1.0
    for lane in range(lanes):
        sums[_LOGARITHMS, lane] += sums[_EXPONENTS, lane] - 127.0 * (size // 2 + 1 - stretches[0, 0])


@compiled
def passed(roots, magnitudes, stretches, left, lane):
    """The first bin at which so much magnitude is used up in a lane: whole stretches first, then bin by bin.

    roots (bins, lanes), magnitudes (stretches, lanes) of the same.
    """
    number = 0
    while number < len(stretches) - 1 and left > magnitudes[number, lane]:
        left -= magnitudes[number, lane]
        number += 1
    k = stretches[number, 0]
    while k < len(roots) - 1 and left > roots[k, lane]:
        left -= roots[k, lane]
        k += 1
    return k


@compiled
def silent(signal, begin, end):
    """Whether all of (n, 2) samples from frame begin to end are exactly 0; most that sound do so at once."""
    flat = signal.reshape(-1)[2 * begin : 2 * end]
    for at in range(0, len(flat), _AT_ONCE):
        piece = flat[at : at + _AT_ONCE]
        sounding = 0
        for i in range(len(piece)):
            sounding += 1 if piece[i] != 0.0 else 0
        if sounding:
            return False
    return True


@compiled
def gathered(signal, hop, window, radices, table, planes, roots, shares, stretches, bin_hz, out):
    """Frames of (n, 2) samples, a hop apart from the first on, gathered into rows of `out` (frames, 82).

    Columns: 36 band powers of both channels, 36 of the mid, 7 classic bands, spectral centroid in Hz, flatness, rolloff
    in Hz (85 % of the magnitude lies below). As many frames as `out` has rows, and samples for a register full of them
    from each that begins one. shares (bins, 2) float32, of the band that is next below each bin and of that above;
    stretches (n, 4): see `spectrum.Ruler`. planes (four of (size, lanes)) and roots (size / 2 + 1, lanes) are room to
    work in.
    """
    re, im, work_re, work_im = planes
    size, lanes = re.shape
    heard = size // 2 + 1 - stretches[0, 0]
    sums, magnitudes = np.empty((_SUMS, lanes)), np.empty((len(stretches), lanes))
    for first in range(0, len(out), lanes):
        rows = out[first : first + lanes]
        if silent(signal, first * hop, (first + lanes - 1) * hop + size):
            rows[:] = 0.0
            continue
        frames_of_both(signal, first * hop, hop, window, re, im)
        transform(re, im, work_re, work_im, radices, table)
        weigh_stretches(re, im, roots, shares, stretches, sums, magnitudes)
        for lane in range(len(rows)):
            for column in range(79):
                rows[lane, column] = sums[column, lane]
            power, magnitude = sums[_POWER, lane], sums[_MAGNITUDE, lane]
            if power > 1e-20:
                rows[lane, 79] = bin_hz * sums[_WEIGHTED, lane] / magnitude
                rows[lane, 80] = exp2_of(sums[_LOGARITHMS, lane] / heard) / (power / heard)
                rows[lane, 81] = bin_hz * passed(roots, magnitudes, stretches, 0.85 * magnitude, lane)
            else:
                rows[lane, 79:] = 0.0


@compiled
def decibels(powers, out):
    """10 log10 of (n,) powers, none taken for less than 1e-20."""
    per_octave = 10.0 / LOG2_OF_10
    for i in range(len(powers)):
        out[i] = per_octave * log2_of(max(powers[i], 1e-20))


@compiled
def rises(level_db, bands, floor_db, before, out):
    """Mean over bands of how far each frame's level is over the loudest of itself and its neighbours a frame before.

    level_db (frames, bands or more), of which none counts for less than `floor_db`; before (bands,): the levels of the
    frame before, and then of the last. out (frames,).
    """
    now = np.empty(bands)
    for frame in range(len(out)):
        total = 0.0
        for band in range(bands):
            now[band] = max(level_db[frame, band], floor_db)
            widest = max(before[max(band - 1, 0)], before[band], before[min(band + 1, bands - 1)])
            total += max(now[band] - widest, 0.0)
        for band in range(bands):
            before[band] = now[band]
        out[frame] = total / bands
