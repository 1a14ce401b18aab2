"""What gains take away from windowed frames: a group of eight at once, one in each lane of a register.

Frames begin half a window apart, and the frames of a group follow each other. All is done on the samples where they
stand: a group's cut is taken from its first eight half windows once its last frame is transformed; what that frame has
taken of the ninth is the overlap that the group after it begins with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from stemmix.dsp.compiling import compiled
from stemmix.dsp.elementary_kernels import LOG2_OF_10, exp2_of
from stemmix.dsp.fft_kernels import transform
from stemmix.dsp.spectrum_kernels import frames_of_both
from stemmix.dsp.vector_code import REGISTER_BYTES, VectorCode

LANES = REGISTER_BYTES // 8


@compiled
def pair_of(heard, column, channels, pair):
    """Copy one channel of (n, any) samples, and that beside it or silence, to pair (n, 2)."""
    for n in range(len(pair)):
        pair[n, 0] = heard[n, column]
        pair[n, 1] = heard[n, column + 1] if channels == 2 else 0.0


@compiled
def losses_of(gain_db, sides, lower_band, upper_share, own, other):
    """Of gains (LANES, bands) in dB, what a channel loses of itself, and of the other channel: (bins, LANES) each.

    The mid's bands stand first, those of the sides from column `sides` on; a channel by itself has the mid's for both.
    With m and s what mid and sides lose of a bin, own is (m + s) / 2, other (m - s) / 2. Gains of 0 dB take exactly 0.
    """
    per_db = LOG2_OF_10 / 20.0
    across = np.empty((gain_db.shape[1], LANES))
    for lane in range(LANES):
        for band in range(len(across)):
            across[band, lane] = per_db * gain_db[lane, band]
    for k in range(len(own)):
        band, share = lower_band[k], upper_share[k]
        rest = 1.0 - share
        for lane in range(LANES):
            own[k, lane] = rest * across[band, lane] + share * across[band + 1, lane]
        band += sides
        for lane in range(LANES):
            other[k, lane] = rest * across[band, lane] + share * across[band + 1, lane]
    mids, others = own.reshape(-1), other.reshape(-1)
    for i in range(len(mids)):
        mid, side = 1.0 - exp2_of(mids[i]), 1.0 - exp2_of(others[i])
        mids[i] = 0.5 * (mid + side)
        others[i] = 0.5 * (mid - side)


@compiled
def keep_losses(re, im, own, other):
    """Leave of the spectra Z = L + jR, in place, what they lose: own and other (bins, LANES).

    Of Z the spectrum of R + jL is j conj(Z(-k)), so that one transform holds both channels.
    """
    size = len(re)
    for k in range(len(own)):
        mirror = (size - k) % size
        for lane in range(LANES):
            a, c = own[k, lane], other[k, lane]
            z_re, z_im, y_re, y_im = re[k, lane], im[k, lane], re[mirror, lane], im[mirror, lane]
            re[k, lane] = a * z_re + c * y_im
            im[k, lane] = a * z_im + c * y_re
            re[mirror, lane] = a * y_re + c * z_im
            im[mirror, lane] = a * y_im + c * z_re


def _adding(typing, re, im, window, n, overlap, taken):
    """Of `add_frames`, four samples from n on of both channels in every half window."""

    def code_of(context, builder, signature, values):
        code = VectorCode(context, builder, types.float64)
        re, im, window, overlap, taken = (code.elements(signature.args[i], values[i]) for i in (0, 1, 2, 4, 5))
        n = values[3]
        size = builder.extract_value(context.make_array(signature.args[2])(context, builder, values[2]).shape, 0)
        hop = builder.udiv(size, size.type(2))
        scale = builder.fdiv(code.constant(1.0), code.filled(builder.uitofp(size, ir.DoubleType())))
        rows = []
        for i in range(LANES // 2):
            here = code.after(n, i)
            beyond = builder.add(here, hop)
            rising, falling = (builder.fmul(code.spread(window, at), scale) for at in (here, beyond))
            for channel, plane in enumerate((re, im)):
                heads, tails = (code.load(plane, builder.mul(at, at.type(LANES))) for at in (here, beyond))
                tails = builder.fmul(tails, falling)
                place = code.after(builder.mul(here, n.type(2)), channel)
                before = code.led_by(tails, builder.load(builder.gep(overlap, [place])))
                rows.append(builder.fadd(builder.fmul(heads, rising), before))
                builder.store(code.last_lane(tails), builder.gep(overlap, [place]))
        for lane, samples in enumerate(code.transposed(rows)):
            code.store(samples, taken, builder.mul(code.further(n, hop, lane), n.type(2)))
        return context.get_dummy_value()

    return types.void(re, im, window, types.intp, overlap, taken), code_of


_added: Any = intrinsic(_adding)


@compiled
def add_frames(re, im, window, overlap, taken):
    """Window eight frames once more and add them up, the inverse of `spectrum_kernels.frames_of_both`.

    taken (8 half windows, 2) gets `overlap`, (half a window, 2), at its beginning; overlap then gets what the last
    frame takes beyond. Divided by the window's length, as the transforms are not.
    """
    for n in range(0, len(window) // 2, LANES // 2):
        _added(re, im, window, n, overlap, taken)


@compiled
def silence_at_end(block, column, channels, most):
    """How many samples at the end of a block are exactly 0 in so many channels; none are looked at beyond `most`."""
    count = 0
    while count < min(len(block), most) and _silent(block, len(block) - 1 - count, column, channels):
        count += 1
    return count


@compiled
def _silent(block, n, column, channels):
    silent = True
    for channel in range(column, column + channels):
        silent &= block[n, channel] == 0.0
    return silent


@compiled
def keep_silent(heard, column, channels, silent_before, shortest, taken):
    """Nothing is taken, in place, from runs of `shortest` or more samples in which all channels are exactly 0.

    taken (m, 2) of one or two channels from `column` on of heard (n, any), n - m >= shortest; `silent_before` such
    samples stand before heard[0]. A filter rings a little ahead of a sound; digital silence is to stay silent. One
    sample in `shortest` is looked at: no such run lies between two of them.
    """
    probe = 0
    while probe < len(heard):
        if not _silent(heard, probe, column, channels):
            probe += shortest
            continue
        first, after = probe, probe + 1
        while first > 0 and _silent(heard, first - 1, column, channels):
            first -= 1
        while after < len(heard) and _silent(heard, after, column, channels):
            after += 1
        if after - first + (silent_before if first == 0 else 0) >= shortest:
            for n in range(first, min(after, len(taken))):
                for channel in range(channels):
                    taken[n, channel] = 0.0
        probe = -(-after // shortest) * shortest


@compiled
def take_away(heard, column, channels, taken):
    """Take from channels of (n, any) samples, from `column` on, in place, what (n, 2) has of them."""
    if heard.shape[1] == channels == 2:
        samples, losses = heard.reshape(-1), taken.reshape(-1)
        for i in range(len(losses)):
            samples[i] -= losses[i]
    else:
        for n in range(len(heard)):
            for channel in range(channels):
                heard[n, column + channel] -= taken[n, channel]


@compiled
def _sounds(block, column):
    for n in range(len(block)):
        if block[n, column] != 0.0:
            return True
    return False


@compiled
def _differ(gain_db, first, other):
    """Whether any of the gains of a group's frames is another than in frame `other`."""
    for frame in range(first, first + LANES):
        for band in range(gain_db.shape[1]):
            if gain_db[frame, band] != gain_db[other, band]:
                return True
    return False


@compiled
def _moves(gain_db, first):
    """Whether any gain of a group is at work."""
    for frame in range(first, first + LANES):
        for band in range(gain_db.shape[1]):
            if gain_db[frame, band] != 0.0:
                return True
    return False


@compiled
def _parts_sides(gain_db, first):
    """Whether in any frame of a group the sides have other gains than the mid."""
    bands = gain_db.shape[1] // 2
    for frame in range(first, first + LANES):
        for band in range(bands):
            if gain_db[frame, band] != gain_db[frame, bands + band]:
                return True
    return False


@compiled
def cut_groups(
    heard,
    column,
    channels,
    gain_db,
    window,
    lower_band,
    upper_share,
    radices,
    table,
    planes,
    lost,
    pair,
    taken,
    overlap,
    run,
    least,
):
    """Take from one channel, or two side by side, in place, what groups of frames lose at their gains.

    heard (n, any channels): frames begin at heard[0], heard[hop], ... with a hop of half a window; gain_db
    (groups * LANES, 72): of the mid's 36 bands, then of the sides'. What is left is whole but for the last half window.
    overlap (hop, 2) is what frames before have taken of the beginning, and then what these have of that
    half window. run (2,): how many samples of digital silence stand before heard[0], counted up to `least`, and whether
    there is anything in the overlap; then the same of the end. planes (four of (window, LANES)), lost (2, bins, LANES),
    pair ((LANES + 1) * hop, 2) and taken (LANES * hop, 2) are room to work in.
    """
    hop = len(window) // 2
    re, im, work_re, work_im = planes
    sides = gain_db.shape[1] // 2 if channels == 2 else 0
    alike = -1
    for first in range(0, len(gain_db), LANES):
        group = heard[first * hop : (first + LANES + 1) * hop]
        left = right = False
        if _moves(gain_db, first):
            left = _sounds(group, column)
            right = channels == 2 and _sounds(group, column + 1)
        silent = silence_at_end(group[: LANES * hop], column, channels, least)
        reach = 0
        if left or right:
            if alike < 0 or _differ(gain_db, first, alike):
                losses_of(gain_db[first : first + LANES], sides, lower_band, upper_share, lost[0], lost[1])
                alike = -1 if _differ(gain_db, first, first) else first
            both = group
            if group.shape[1] != 2 or channels != 2:
                both = pair
                pair_of(group, column, channels, pair)
            frames_of_both(both, 0, hop, window, re, im)
            transform(re, im, work_re, work_im, radices, table)
            keep_losses(re, im, lost[0], lost[1])
            transform(im, re, work_im, work_re, radices, table)
            if channels == 2 and left != right and not _parts_sides(gain_db, first):
                # of two channels in one transform, a silent one would take up the other's last bits
                if left:
                    im[:] = 0.0
                else:
                    re[:] = 0.0
            add_frames(re, im, window, overlap, taken)
            reach = LANES * hop
        elif run[1]:
            for n in range(hop):
                for channel in range(channels):
                    taken[n, channel] = overlap[n, channel]
                    overlap[n, channel] = 0.0
            reach = hop
        if reach:
            keep_silent(group, column, channels, run[0], least, taken[:reach])
            take_away(group[:reach], column, channels, taken[:reach])
        run[0] = silent
        run[1] = left or right
