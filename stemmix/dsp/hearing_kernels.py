"""Compiled code of the masking model: what of each stem is hidden by the others; the rules of `kernels` hold."""

from __future__ import annotations

import numpy as np

from stemmix.dsp.kernels import compiled


@compiled
def snr_of_frames(target, maskers, gains, spread, out):
    """Level of the target over the spread power of all maskers, each at its gains, in dB.

    target (frames, 36), maskers (stems, frames, 36) and gains (stems, 36) are power; spread (36, 36), column k what
    band k does to every band; out (frames, 36).
    """
    stems, frames, bands = maskers.shape
    power = np.empty(bands)
    for t in range(frames):
        for k in range(bands):
            total = 0.0
            for i in range(stems):
                total += maskers[i, t, k] * gains[i, k]
            power[k] = total
        for b in range(bands):
            excited = 1e-14
            for k in range(bands):
                excited += spread[b, k] * power[k]
            out[t, b] = 10.0 * np.log10((target[t, b] + 1e-14) / excited)


@compiled
def masked_sizes(power, active, importance, within, below, spread, reach, sizes, frames_masked):
    """How much of each stem every other one hides.

    power (stems, frames, 36); active (stems, frames) where a stem has something to be heard; importance (stems, 36). A
    cell is masked where the target is within `within` (a power ratio) of its loudest in the band, and its level over
    the spread power of all others is under `below` (a power ratio); each masker answers for its share. Adds to sizes
    (stems, stems, 36), target first, in frames weighted with importance; lowers and raises frames_masked (stems,
    stems, 2) to the first and last frame.
    """
    stems, frames, bands = power.shape
    loudest = np.zeros((stems, bands))
    for i in range(stems):
        for t in range(frames):
            for b in range(bands):
                loudest[i, b] = max(loudest[i, b], power[i, t, b])
    excited = np.empty((stems, bands))
    for t in range(frames):
        for j in range(stems):
            for b in range(bands):
                total = 0.0
                for k in range(reach[b, 0], reach[b, 1]):
                    total += spread[b, k] * power[j, t, k]
                excited[j, b] = total
        for i in range(stems):
            if not active[i, t]:
                continue
            for b in range(bands):
                target = power[i, t, b]
                if importance[i, b] == 0.0 or target <= within * loudest[i, b]:
                    continue
                others = 1e-14
                for j in range(stems):
                    if j != i:
                        others += excited[j, b]
                if target + 1e-14 >= below * others:
                    continue
                for j in range(stems):
                    if j == i:
                        continue
                    share = excited[j, b] / others
                    sizes[i, j, b] += importance[i, b] * share
                    if share > 0.1:
                        frames_masked[i, j, 0] = min(frames_masked[i, j, 0], t)
                        frames_masked[i, j, 1] = max(frames_masked[i, j, 1], t + 1)
