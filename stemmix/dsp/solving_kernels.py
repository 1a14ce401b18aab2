"""Compiled code of the solver, a line at a time: the cheapest cuts that reach an aim, of the stems alone that it needs.

`planning.unmask` has the method: which bounds are tried, in what order, and when to stop. The rules of `kernels` hold.
Powers are target (frames, 36), mid and side (stems, frames, 36); cuts (stems, 36) in dB, at least 0.
"""

from __future__ import annotations

import numpy as np

from stemmix.dsp.elementary_kernels import LOG2_OF_10, exp2_of, log2_of
from stemmix.dsp.kernels import compiled
from stemmix.dsp.masking_kernels import audibility_of, least_cuts

STEPS_OF_SHAPE = 16
"""A shape of cuts is scaled to so many parts of itself."""
NEAR_CAP = 1e-3
"""Share of the way to the cap that cuts which fall short are brought on by, at most, beyond what they need."""


@compiled
def needed_cuts(
    target,
    mid,
    side,
    cap,
    shape,
    protection,
    spread,
    reach,
    importance,
    wide,
    weights,
    counts,
    under_sides_db,
    close,
    nothing,
    aim,
):
    """(stems, 36) the cheapest cuts up to cap that reach an aim, of those stems alone that it needs.

    They are looked for near a shape (stems, 36). Stems that may all be left alone for an audibility of `nothing` are
    left alone, if the aim is then still met but for `close`, or can be by the others. The rest as in `cheapest_cuts`.
    """
    start = _least_share(target, mid, shape, spread, reach, importance, aim)
    cut, price = cheapest_cuts(
        target,
        mid,
        side,
        cap,
        start,
        protection,
        spread,
        reach,
        importance,
        wide,
        weights,
        counts,
        under_sides_db,
        close,
        aim,
        0.0,
    )
    idle = _idle(target, mid, cut, spread, reach, importance, nothing)
    if not idle.any():
        return cut
    kept = _without(cut, idle)
    if _audible(target, mid, kept, spread, reach, importance) >= aim - close:
        return kept
    needed = _without(cap, idle)
    if _audible(target, mid, needed, spread, reach, importance) < aim:
        return cut
    again, _ = cheapest_cuts(
        target,
        mid,
        side,
        needed,
        kept,
        protection,
        spread,
        reach,
        importance,
        wide,
        weights,
        counts,
        under_sides_db,
        close,
        aim,
        price,
    )
    return again


@compiled
def cheapest_cuts(
    target,
    mid,
    side,
    cap,
    start,
    protection,
    spread,
    reach,
    importance,
    wide,
    weights,
    counts,
    under_sides_db,
    close,
    aim,
    price,
):
    """Cuts at the least cost at which the line, frame by frame, is at an aim; and the price of audibility there.

    `start` is where to begin; `price`, what audibility costs there, is 0 where nothing was solved yet. counts: frames
    that are solved as one, the solver's rounds and steps, and how often the aim is corrected until it is met but for
    `close`. The rest as in `least_cuts`.
    """
    group_frames, rounds, steps, corrections = counts
    slack = slack_db(mid, side, under_sides_db)
    few = _grouped(target.reshape((1, *target.shape)), group_frames)[0]
    few_mid, few_side = _grouped(mid, group_frames), _grouped(side, group_frames)
    # groups are not frames, and are clearer: aim higher by as much
    ahead = _audible(few, few_mid, start, spread, reach, importance)
    ahead -= _audible(target, mid, start, spread, reach, importance)
    cut = start
    if price == 0.0:
        # from half way there, the cheaper valleys are found more often than at once
        cut, price = least_cuts(
            few,
            few_mid,
            few_side,
            start,
            cap,
            slack,
            protection,
            spread,
            reach,
            importance,
            wide,
            weights,
            aim + ahead / 2,
            0.0,
            rounds,
            steps,
        )
    aim_of_groups = aim + ahead
    for _ in range(corrections):
        cut, price = least_cuts(
            few,
            few_mid,
            few_side,
            cut,
            cap,
            slack,
            protection,
            spread,
            reach,
            importance,
            wide,
            weights,
            aim_of_groups,
            price,
            rounds,
            steps,
        )
        missing = aim - _audible(target, mid, cut, spread, reach, importance)
        if abs(missing) < close:
            return cut, price
        aim_of_groups += missing
    return _deepened(target, mid, cut, cap, spread, reach, importance, aim), price


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
def _audible(target, mid, cut, spread, reach, importance):
    """Audibility of the target with cuts in its maskers."""
    gains = np.empty_like(cut)
    for i in range(cut.shape[0]):
        for b in range(cut.shape[1]):
            gains[i, b] = exp2_of(cut[i, b] * (-LOG2_OF_10 / 10.0))
    return audibility_of(target, mid, gains, spread, reach, importance)


@compiled
def _least_share(target, mid, shape, spread, reach, importance, aim):
    """The least of a shape of cuts that reaches the aim, to a sixteenth, or all of it: where the solver begins."""
    low, high = 0, STEPS_OF_SHAPE
    while high - low > 1:
        middle = (low + high) // 2
        if _audible(target, mid, (middle / STEPS_OF_SHAPE) * shape, spread, reach, importance) >= aim:
            high = middle
        else:
            low = middle
    return (high / STEPS_OF_SHAPE) * shape


@compiled
def _deepened(target, mid, cut, cap, spread, reach, importance, aim):
    """The cuts, moved towards the cap (which does reach the aim) until they do; not at all where they do already."""
    if _audible(target, mid, cut, spread, reach, importance) >= aim:
        return cut
    low, high = 0.0, 1.0
    while high - low > NEAR_CAP:
        middle = (low + high) / 2
        if _audible(target, mid, cut + middle * (cap - cut), spread, reach, importance) >= aim:
            high = middle
        else:
            low = middle
    return cut + high * (cap - cut)


@compiled
def _idle(target, mid, cut, spread, reach, importance, nothing):
    """(stems,) those that may all be left alone for an audibility of `nothing`: who is missed least goes first."""
    stems = len(cut)
    idle = np.zeros(stems, np.bool_)
    for i in range(stems):
        idle[i] = not cut[i].any()
    floor = _audible(target, mid, _without(cut, idle), spread, reach, importance) - nothing
    left = np.full(stems, -1.0)
    for i in range(stems):
        if not idle[i]:
            left[i] = _audible_without(target, mid, cut, idle, i, spread, reach, importance)
    for _ in range(stems):
        least = np.argmax(left)
        if left[least] < floor or left[least] < 0.0:
            break
        left[least] = -1.0
        idle[least] = _audible_without(target, mid, cut, idle, least, spread, reach, importance) >= floor
    return idle


@compiled
def _audible_without(target, mid, cut, idle, stem, spread, reach, importance):
    """Audibility with the cuts of neither the idle stems nor of another one."""
    alone = idle.copy()
    alone[stem] = True
    return _audible(target, mid, _without(cut, alone), spread, reach, importance)


@compiled
def _without(cut, idle):
    """The cuts, but for those of idle stems."""
    kept = cut.copy()
    for i in range(len(cut)):
        if idle[i]:
            kept[i] = 0.0
    return kept


@compiled
def _grouped(power, group_frames):
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
