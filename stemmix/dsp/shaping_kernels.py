"""Compiled code of gains in time; the rules of `compiling` hold."""

from __future__ import annotations

import numpy as np

from stemmix.dsp.compiling import compiled


@compiled
def hann_rise(x):
    """Integral of a Hann window of unit length and area, centred on 0: rises from 0 at -1/2 to 1 at 1/2."""
    if x <= -0.5:
        return 0.0
    if x >= 0.5:
        return 1.0
    return 0.5 + x + np.sin(2 * np.pi * x) / (2 * np.pi)


@compiled
def _first_after(rising, value):
    """Index of the first of rising values over `value`; numpy's search takes longer to compile than all this."""
    low, high = 0, len(rising)
    while low < high:
        middle = (low + high) // 2
        if rising[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def add_pieces(samples, starts, ends, rows, gains, ramp, out):
    """Add to out (n, bands) the gains of pieces [start, end), smoothed with a Hann window of length `ramp`.

    A piece's gains are a row of gains (m, bands), by rows (pieces,). samples (n,) and starts and ends (pieces,) rise,
    and pieces do not overlap. What no ramp reaches is left as it is.
    """
    count, bands = out.shape
    if count == 0:
        return
    half = ramp / 2.0
    low = 0
    for piece in range(_first_after(ends, samples[0] - half), len(starts)):
        if starts[piece] - half >= samples[-1]:
            break
        row = rows[piece]
        while low < count and samples[low] <= starts[piece] - half:
            low += 1
        for t in range(low, count):
            if samples[t] >= ends[piece] + half:
                break
            share = hann_rise((ends[piece] - samples[t]) / ramp) - hann_rise((starts[piece] - samples[t]) / ramp)
            for b in range(bands):
                out[t, b] += share * gains[row, b]
