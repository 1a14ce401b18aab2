"""Compiled code of the solver beside `masking_kernels`: for a line, as `solving` asks for it.

The rules of `compiling` hold. Powers are target (frames, 36), mid and side (stems, frames, 36); cuts (stems, 36) in dB,
at least 0.
"""

from __future__ import annotations

import numpy as np

from stemmix.dsp.compiling import compiled
from stemmix.dsp.elementary_kernels import LOG2_OF_10, exp2_of, log2_of
from stemmix.dsp.masking_kernels import audibility_of


@compiled
def slack_db(mid, side, under_sides_db):
    """(stems, 36) how far the mid of each band may be cut before its sides follow: until it is so far under them."""
    stems, frames, bands = mid.shape
    slack = np.empty((stems, bands))
    for i in range(stems):
        of_mid, of_side = np.zeros(bands), np.zeros(bands)
        for t in range(frames):
            for b in range(bands):
                of_mid[b] += mid[i, t, b]
                of_side[b] += side[i, t, b]
        for b in range(bands):
            ratio = (of_mid[b] / frames + 1e-14) / (of_side[b] / frames + 1e-14)
            slack[i, b] = max((10.0 / LOG2_OF_10) * log2_of(ratio) + under_sides_db, 0.0)
    return slack


@compiled
def audible(target, mid, cut, spread, reach, importance):
    """Audibility of the target with cuts in its maskers."""
    gains = np.empty_like(cut)
    for i in range(cut.shape[0]):
        for b in range(cut.shape[1]):
            gains[i, b] = exp2_of(cut[i, b] * (-LOG2_OF_10 / 10.0))
    return audibility_of(target, mid, gains, spread, reach, importance)


@compiled
def grouped(power, group_frames):
    """(stems, frames, 36) -> the same in means of about so many frames."""
    stems, frames, bands = power.shape
    count = max(frames // group_frames, 1)
    out = np.zeros((stems, count, bands))
    for i in range(stems):
        for g in range(count):
            first, after = g * frames // count, (g + 1) * frames // count
            for t in range(first, after):
                for b in range(bands):
                    out[i, g, b] += power[i, t, b]
            for b in range(bands):
                out[i, g, b] /= after - first
    return out
