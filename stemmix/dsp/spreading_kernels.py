"""Spreading of power over the bands, compiled.

A band excites no more than a dozen neighbours, so that the matrix is kept as its diagonals: every band then adds as
many neighbours, and a processor does several bands at a time. How many of them does not change the order of additions.
"""

from __future__ import annotations

import numpy as np

from stemmix.dsp.compiling import compiled

BELOW, ABOVE = 8, 4
"""A band is excited from so many bands below it and above it: what lies further is not counted."""
NEIGHBOURS = BELOW + 1 + ABOVE


@compiled
def diagonals_of(spread, reach):
    """The part of a matrix (bands, bands) within reach as (13, bands): row d holds spread[b, b + d - 8] for every b.

    It is 0 where that is out of the matrix or, by row b of reach (bands, 2), not from reach[b, 0] to before
    reach[b, 1].
    """
    bands = spread.shape[0]
    diagonals = np.zeros((NEIGHBOURS, bands))
    for b in range(bands):
        for k in range(max(reach[b, 0], b - BELOW), min(reach[b, 1], b + ABOVE + 1)):
            diagonals[BELOW + k - b, b] = spread[b, k]
    return diagonals


@compiled
def turned(diagonals):
    """The diagonals of the transposed matrix: what each band gives to its neighbours, for `ABOVE` zeros before it."""
    bands = diagonals.shape[1]
    out = np.zeros((NEIGHBOURS, bands))
    for d in range(NEIGHBOURS):
        for k in range(bands):
            b = k + d - ABOVE
            if 0 <= b < bands:
                out[d, k] = diagonals[NEIGHBOURS - 1 - d, b]
    return out


@compiled
def spread_both(diagonals, padded, least, out):
    """Spread two powers at once: out[j, b] = least + sum_d diagonals[d, b] padded[j, b + d].

    padded (2, bands + 12) is the powers with `BELOW` zeros before them (turned diagonals: `ABOVE`) and zeros after
    them; out (2, bands).
    """
    for b in range(diagonals.shape[1]):
        one, other = least, least
        for d in range(NEIGHBOURS):
            one += diagonals[d, b] * padded[0, b + d]
            other += diagonals[d, b] * padded[1, b + d]
        out[0, b] = one
        out[1, b] = other


@compiled
def spread_one(diagonals, padded, out):
    """Spread one power: out[b] = 1e-14 + sum_d diagonals[d, b] padded[b + d]; as in `spread_both`."""
    for b in range(len(out)):
        excited = 1e-14
        for d in range(NEIGHBOURS):
            excited += diagonals[d, b] * padded[b + d]
        out[b] = excited


@compiled
def spread_power(power, spread, reach, out):
    """Spread (frames, bands) power: out[t, b] = sum_k spread[b, k] power[t, k], k within reach[b]."""
    frames, bands = power.shape
    diagonals = diagonals_of(spread, reach)
    padded = np.zeros(bands + NEIGHBOURS - 1)
    for t in range(frames):
        for k in range(bands):
            padded[BELOW + k] = power[t, k]
        for b in range(bands):
            excited = 0.0
            for d in range(NEIGHBOURS):
                excited += diagonals[d, b] * padded[b + d]
            out[t, b] = excited
