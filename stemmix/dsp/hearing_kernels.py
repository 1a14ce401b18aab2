"""Compiled code of the masking model: power from levels, and what of each stem is hidden by the others.

The rules of `compiling` hold. Bands stand side by side: a loop does one thing, so that it is vectorised.
"""

from __future__ import annotations

import numpy as np

from stemmix.dsp.compiling import compiled
from stemmix.dsp.elementary_kernels import LOG2_OF_10, exp2_of, log2_of
from stemmix.dsp.spreading_kernels import BELOW, NEIGHBOURS, diagonals_of, spread_one

SHARE_THAT_HIDES = 0.1
"""A masker with less of a cell's masking power is not named for it."""


@compiled
def smoothed_power(rows, first, table, out):
    """Power of levels, mean over 80 ms: out (frames, bands) of rows (frames + 4, columns) int16, from column `first`.

    table (65536,) is the power of a level by its bits as an unsigned number.
    """
    frames, bands = out.shape
    power = np.empty((frames + 4, bands))
    for t in range(frames + 4):
        for b in range(bands):
            power[t, b] = table[np.uint16(rows[t, first + b])]
    for t in range(frames):
        for b in range(bands):
            ends = 0.5 * power[t, b] + power[t + 1, b] + power[t + 2, b] + power[t + 3, b] + 0.5 * power[t + 4, b]
            out[t, b] = 0.25 * ends


@compiled
def heard_power(rows, mid_first, table, mid, side):
    """Power of the mid and of the sides, (frames, bands) of rows (frames + 4, columns), as `smoothed_power` has it.

    The levels of all channels together begin at column 0, those of the mid at `mid_first`; the sides are what all have
    over the mid.
    """
    smoothed_power(rows, 0, table, side)
    smoothed_power(rows, mid_first, table, mid)
    frames, bands = mid.shape
    for t in range(frames):
        for b in range(bands):
            side[t, b] = max(side[t, b] - mid[t, b], 0.0)


@compiled
def at_gains(power, gain_db, first, out):
    """Power (frames, bands) at gains in dB: out, of gains (frames, columns) from column `first`."""
    frames, bands = power.shape
    gain = np.empty(bands)
    for t in range(frames):
        _gains_of_frame(gain_db, t, first, gain)
        for b in range(bands):
            out[t, b] = power[t, b] * gain[b]


@compiled
def _gains_of_frame(gain_db, t, first, gain):
    """Gains (bands,) of a frame as power ratios; left as they are where the frame before has the same, as mostly."""
    bands = len(gain)
    changed = 1 if t == 0 else 0
    if t > 0:
        for b in range(bands):
            changed += 1 if gain_db[t, first + b] != gain_db[t - 1, first + b] else 0
    if changed > 0:
        for b in range(bands):
            gain[b] = exp2_of(gain_db[t, first + b] * (LOG2_OF_10 / 10.0))


@compiled
def add_bed(rows, table, gain_db, before, after):
    """Add a stem's power to before (frames, bands), and at its gains to after.

    rows (frames, columns) int16 begin with the levels of all channels together, then of the mid; table as in
    `smoothed_power`; gain_db (frames, 2 bands) of the mid, then of the sides.
    """
    frames, bands = before.shape
    total, mid, gain = np.empty(bands), np.empty(bands), np.empty(2 * bands)
    for t in range(frames):
        for b in range(bands):
            total[b] = table[np.uint16(rows[t, b])]
            mid[b] = table[np.uint16(rows[t, bands + b])]
        _gains_of_frame(gain_db, t, 0, gain)
        for b in range(bands):
            middle = min(mid[b], total[b])
            before[t, b] += total[b]
            after[t, b] += middle * gain[b] + (total[b] - middle) * gain[bands + b]


@compiled
def weighed_power(rows, table, weights):
    """Power of all channels together over all frames, each band by its weight: rows and table as in `add_bed`."""
    bands = len(weights)
    sums = np.zeros(bands)
    for t in range(len(rows)):
        for b in range(bands):
            sums[b] += table[np.uint16(rows[t, b])]
    total = 0.0
    for b in range(bands):
        total += sums[b] * weights[b]
    return total


@compiled
def sum_of_powers(power, exponent):
    """Sum of power^exponent over (frames, bands); nothing of what is 0."""
    frames, bands = power.shape
    octaves, sums = np.empty(bands), np.zeros(bands)
    for t in range(frames):
        for b in range(bands):
            octaves[b] = exponent * log2_of(max(power[t, b], 1e-300))
        for b in range(bands):
            sums[b] += exp2_of(octaves[b])
    total = 0.0
    for b in range(bands):
        total += sums[b]
    return total


@compiled
def snr_of_frames(target, maskers, gains, spread, reach, out):
    """Level of the target over the spread power of all maskers, each at its gains, in dB.

    target (frames, 36), maskers (stems, frames, 36) and gains (stems, 36) are power; spread (36, 36), column k what
    band k does to every band within reach (36, 2); out (frames, 36).
    """
    stems, frames, bands = maskers.shape
    diagonals = diagonals_of(spread, reach)
    padded, excited = np.zeros(bands + NEIGHBOURS - 1), np.empty(bands)
    for t in range(frames):
        for k in range(bands):
            padded[BELOW + k] = 0.0
        for i in range(stems):
            for k in range(bands):
                padded[BELOW + k] += maskers[i, t, k] * gains[i, k]
        spread_one(diagonals, padded, excited)
        for b in range(bands):
            out[t, b] = (10.0 / LOG2_OF_10) * log2_of((target[t, b] + 1e-14) / excited[b])


@compiled
def masked_cells(target, maskers, within, below, spread, reach, shares):
    """Share (stems, frames, 36) of each masked cell that each masker answers for; 0 where nothing is masked.

    target (frames, 36) and maskers (stems, frames, 36) are power. A cell is masked where the target is within `within`
    (a power ratio) of its loudest in the band, and its level over the spread power of all is under `below` (the same).
    """
    stems, frames, bands = maskers.shape
    diagonals = diagonals_of(spread, reach)
    padded = np.zeros((stems, bands + NEIGHBOURS - 1))
    excited = np.empty((stems, bands))
    loudest, scale = np.zeros(bands), np.empty(bands)
    for t in range(frames):
        for b in range(bands):
            loudest[b] = max(loudest[b], target[t, b])
    for t in range(frames):
        _spread_stems(diagonals, maskers, t, padded, excited)
        for b in range(bands):
            scale[b] = 1e-14
        for i in range(stems):
            for b in range(bands):
                scale[b] += excited[i, b]
        for b in range(bands):
            hidden = target[t, b] > within * loudest[b] and target[t, b] + 1e-14 < below * scale[b]
            scale[b] = 1.0 / scale[b] if hidden else 0.0
        for i in range(stems):
            for b in range(bands):
                shares[i, t, b] = excited[i, b] * scale[b]


@compiled
def cells_together(shares, levels, sums, spans):
    """Shares of masked cells over all frames.

    sums (2, stems, bands) of shares (stems, frames, bands), and of these times levels (frames, bands) in dB; spans
    (stems, bands, 2), the first frame with a share and that after the last: (frames, 0) where there is none.
    """
    stems, frames, bands = shares.shape
    sums[:] = 0.0
    for i in range(stems):
        first, after = np.zeros(bands, np.int64), np.zeros(bands, np.int64)
        first[:] = frames
        for t in range(frames):
            for b in range(bands):
                sums[0, i, b] += shares[i, t, b]
                sums[1, i, b] += shares[i, t, b] * levels[t, b]
            for b in range(bands):
                shared = shares[i, t, b] > 0.0
                first[b] = min(first[b], t) if shared else first[b]
                after[b] = t + 1 if shared else after[b]
        for b in range(bands):
            spans[i, b, 0] = first[b]
            spans[i, b, 1] = after[b]


@compiled
def masked_sizes(power, active, importance, within, below, spread, reach, sizes, frames_masked):
    """How much of each stem every other one hides.

    power (stems, frames, 36); active (stems, frames) where a stem has something to be heard; importance (stems, 36). A
    cell is masked as in `masked_cells`, by all others together; each masker answers for its share. Adds to sizes (1,
    stems, stems, 36), target first, in frames weighted with importance; where sizes has a second, to it that times the
    target's level over all others in dB; lowers and raises frames_masked (stems, stems, 2) to the first and last frame.
    """
    stems, frames, bands = power.shape
    diagonals = diagonals_of(spread, reach)
    padded = np.zeros((stems, bands + NEIGHBOURS - 1))
    excited = np.empty((stems, bands))
    weight = np.empty((2, bands))
    floor = np.zeros((stems, bands))
    for i in range(stems):
        for t in range(frames):
            for b in range(bands):
                floor[i, b] = max(floor[i, b], power[i, t, b])
        for b in range(bands):
            floor[i, b] *= within
    for t in range(frames):
        heard = False
        for i in range(stems):
            heard |= active[i, t]
        if not heard:
            continue
        _spread_stems(diagonals, power, t, padded, excited)
        for i in range(stems):
            if not active[i, t] or not _weigh_masked(power, excited, importance, floor, i, t, below, weight):
                continue
            if len(sizes) > 1:
                _weigh_levels(power, i, t, weight)
                for j in range(stems):
                    if j != i:
                        _add_levels(excited, weight, i, j, sizes)
            for j in range(stems):
                if j != i and _add_shares(excited, importance, weight, i, j, sizes):
                    frames_masked[i, j, 0] = min(frames_masked[i, j, 0], t)
                    frames_masked[i, j, 1] = max(frames_masked[i, j, 1], t + 1)


@compiled
def _spread_stems(diagonals, power, t, padded, excited):
    """Frame t of every stem's (stems, frames, bands) power, spread."""
    stems, bands = excited.shape
    for j in range(stems):
        for k in range(bands):
            padded[j, BELOW + k] = power[j, t, k]
        for b in range(bands):
            total = 0.0
            for d in range(NEIGHBOURS):
                total += diagonals[d, b] * padded[j, b + d]
            excited[j, b] = total


@compiled
def _weigh_masked(power, excited, importance, floor, i, t, below, weight):
    """What a unit of each masker's spread power answers for in each band of target i; whether any is masked.

    weight (2, bands): that, and the spread power of all of them.
    """
    stems, bands = excited.shape
    for b in range(bands):
        weight[1, b] = 1e-14
    for j in range(stems):
        if j != i:
            for b in range(bands):
                weight[1, b] += excited[j, b]
    masked = 0
    for b in range(bands):
        hidden = power[i, t, b] > floor[i, b] and power[i, t, b] + 1e-14 < below * weight[1, b]
        weight[0, b] = importance[i, b] / weight[1, b] if hidden else 0.0
        masked += 1 if weight[0, b] > 0.0 else 0
    return masked > 0


@compiled
def _weigh_levels(power, i, t, weight):
    """Make the maskers' power, the second row of weight, the first row times the level of target i over it in dB."""
    for b in range(weight.shape[1]):
        ratio = (power[i, t, b] + 1e-14) / weight[1, b]
        weight[1, b] = weight[0, b] * (10.0 / LOG2_OF_10) * log2_of(ratio)


@compiled
def _add_shares(excited, importance, weight, i, j, sizes):
    """Add what masker j answers for in a frame of target i; whether it is to be named for any of it."""
    bands = weight.shape[1]
    named = 0
    for b in range(bands):
        share = excited[j, b] * weight[0, b]
        sizes[0, i, j, b] += share
        named += 1 if share > SHARE_THAT_HIDES * importance[i, b] else 0
    return named > 0


@compiled
def _add_levels(excited, weight, i, j, sizes):
    """Add what masker j answers for in a frame of target i, times the level there in dB."""
    for b in range(weight.shape[1]):
        sizes[1, i, j, b] += excited[j, b] * weight[1, b]
