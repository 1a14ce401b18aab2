"""Sixteen frames at once from samples to bands: one frame in each lane of a register, as in `fft_kernels`.

Every loop over bins has one over lanes inside it, which the compiler turns into a vector instruction; so the work is in
small kernels of few arrays. A frame's numbers do not depend on what stands in the other lanes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from stemmix.dsp.elementary_kernels import LOG2_OF_10, exp2_of, log2_of
from stemmix.dsp.fft_kernels import transform
from stemmix.dsp.kernels import compiled
from stemmix.dsp.vector_code import VectorCode

_TOGETHER = 8
"""So many powers are multiplied before a logarithm is taken: none is under 1e-30, and eight do not leave float64."""
_AT_ONCE = 32
"""After so many bins it is looked whether any frame still counts."""


def _framing(typing, signal, first, distance, window, n, re, im, row):
    """Eight samples of both channels from sixteen places into eight rows of re and im, each times its window's."""

    def code_of(context, builder, signature, values):
        code = VectorCode(context, builder, types.float32)
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

    float32, in 16 lanes; the window's length a multiple of eight.
    """
    lanes = re.shape[1]
    for n in range(0, len(window), lanes // 2):
        _framed(signal, 2 * (start + n), 2 * hop, window, n, re, im, n * lanes)


@compiled
def powers_of_both(re, im, scale, both, middle):
    """From Z = L + jR, (size, lanes), the power of both channels and of the mid, (size / 2 + 1, lanes)."""
    size, lanes = re.shape
    last = size // 2
    for k in range(1, last + 1):
        # the Nyquist bin stands once in a two-sided spectrum
        share = np.float32(0.5 * scale if k < last else 0.25 * scale)
        half = np.float32(0.5)
        none = np.float32(0.0)
        for lane in range(lanes):
            a_re, a_im, b_re, b_im = re[k, lane], im[k, lane], re[size - k, lane], im[size - k, lane]
            power = share * (a_re * a_re + a_im * a_im + b_re * b_re + b_im * b_im)
            cross = share * (a_re * b_im + a_im * b_re)
            both[k, lane] = power
            middle[k, lane] = max(half * power + cross, none)


@compiled
def add_bands(powers, lower_band, upper_share, first_bin, bands):
    """Share the powers of bins (bins, lanes) between the bands next to them: bands (36, lanes)."""
    lanes = powers.shape[1]
    for k in range(first_bin, len(powers)):
        band, upper = lower_band[k], upper_share[k]
        lower = 1.0 - upper
        for lane in range(lanes):
            bands[band, lane] += lower * powers[k, lane]
        for lane in range(lanes):
            bands[band + 1, lane] += upper * powers[k, lane]


@compiled
def add_ranges(powers, edges, first_bin, ranges):
    """Sum the powers of bins between edges: ranges (len(edges) - 1, lanes)."""
    lanes = powers.shape[1]
    for number in range(len(edges) - 1):
        for k in range(max(edges[number], first_bin), edges[number + 1]):
            for lane in range(lanes):
                ranges[number, lane] += powers[k, lane]


@compiled
def roots_of(powers, first_bin, roots):
    """Magnitudes of bins: (bins, lanes)."""
    lanes = powers.shape[1]
    for k in range(first_bin, len(powers)):
        for lane in range(lanes):
            roots[k, lane] = np.sqrt(powers[k, lane])


@compiled
def add_moments(values, first_bin, total, weighted):
    """Sum over bins, and the sum of each times its number: (lanes,)."""
    lanes = values.shape[1]
    for k in range(first_bin, len(values)):
        number = float(k)
        for lane in range(lanes):
            total[lane] += values[k, lane]
            weighted[lane] += number * values[k, lane]


@compiled
def add_logarithms(powers, first_bin, product, total):
    """Sum over bins of the logarithm to base 2, none taken for less than 1e-30: total (lanes,)."""
    lanes = powers.shape[1]
    for k in range(first_bin, len(powers), _TOGETHER):
        for lane in range(lanes):
            product[lane] = 1.0
        for i in range(k, min(k + _TOGETHER, len(powers))):
            for lane in range(lanes):
                product[lane] *= max(float(powers[i, lane]), 1e-30)
        for lane in range(lanes):
            total[lane] += log2_of(product[lane])


@compiled
def count_to(roots, first_bin, left, going, counted):
    """How many bins are passed before the magnitude that is `left` is used up: counted (lanes,); not the last bin."""
    lanes = roots.shape[1]
    for first in range(first_bin, len(roots) - 1, _AT_ONCE):
        for k in range(first, min(first + _AT_ONCE, len(roots) - 1)):
            for lane in range(lanes):
                going[lane] = going[lane] if left[lane] > roots[k, lane] else 0.0
                left[lane] -= roots[k, lane]
                counted[lane] += going[lane]
        still = 0.0
        for lane in range(lanes):
            still += going[lane]
        if still == 0.0:
            break


@compiled
def described(first_bin, bins, bin_hz, power, magnitude, weighted, logarithms, counted, out):
    """Centroid in Hz, flatness and rolloff in Hz of each row of `out`, of as many lanes; 0 where silent."""
    number = bins - first_bin
    for lane in range(len(out)):
        if power[lane] > 1e-20:
            out[lane, 79] = bin_hz * weighted[lane] / magnitude[lane]
            out[lane, 80] = exp2_of(logarithms[lane] / number) / (power[lane] / number)
            out[lane, 81] = bin_hz * (first_bin + counted[lane])
        else:
            out[lane, 79] = out[lane, 80] = out[lane, 81] = 0.0


@compiled
def gathered(
    signal,
    hop,
    window,
    radices,
    table,
    re,
    im,
    work_re,
    work_im,
    bins,
    lower_band,
    upper_share,
    first_bin,
    classic_bins,
    bin_hz,
    out,
):
    """Frames of (n, 2) samples, a hop apart from the first on, gathered into rows of `out` (frames, 82).

    Columns: 36 band powers of both channels, 36 of the mid, 7 classic bands, spectral centroid in Hz, flatness, rolloff
    in Hz (85 % of the magnitude lies below). As many frames as `out` has rows, and samples for a register full of them
    from each that begins one. re to work_im (size, lanes) and bins (3, size / 2 + 1, lanes) are room to work in.
    """
    both, middle, roots = bins[0], bins[1], bins[2]
    size, lanes = re.shape
    bands = np.empty((2 * 36 + 7, lanes))
    sums = np.empty((7, lanes))
    total, mid, classic = bands[:36], bands[36:72], bands[72:]
    power, magnitude, weighted, product = sums[0], sums[1], sums[2], sums[3]
    logarithms, going, counted = sums[4], sums[5], sums[6]
    for first in range(0, len(out), lanes):
        frames_of_both(signal, first * hop, hop, window, re, im)
        transform(re, im, work_re, work_im, radices, table)
        powers_of_both(re, im, 4.0 / (size * size), both, middle)
        bands[:] = 0.0
        sums[:] = 0.0
        add_bands(both, lower_band, upper_share, first_bin, total)
        add_bands(middle, lower_band, upper_share, first_bin, mid)
        add_ranges(both, classic_bins, first_bin, classic)
        for band in range(36):
            for lane in range(lanes):
                power[lane] += total[band, lane]
        roots_of(both, first_bin, roots)
        add_moments(roots, first_bin, magnitude, weighted)
        add_logarithms(both, first_bin, product, logarithms)
        for lane in range(lanes):
            going[lane] = 1.0
            product[lane] = 0.85 * magnitude[lane]
        count_to(roots, first_bin, product, going, counted)
        rows = out[first : first + lanes]
        for lane in range(len(rows)):
            for column in range(79):
                rows[lane, column] = bands[column, lane]
        described(first_bin, size // 2 + 1, bin_hz, power, magnitude, weighted, logarithms, counted, rows)


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
