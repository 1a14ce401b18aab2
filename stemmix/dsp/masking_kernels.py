"""Compiled code of the solver: how clear a target is under its maskers, and the cheapest cuts that make it so.

The rules of `compiling` hold. Frames are taken one after another and the bands of each side by side; a loop does one
thing, so that it is vectorised.
"""

from __future__ import annotations

import numpy as np

from stemmix.dsp.compiling import compiled
from stemmix.dsp.elementary_kernels import LOG2_OF_10, exp2_of, log2_of
from stemmix.dsp.spreading_kernels import ABOVE, BELOW, NEIGHBOURS, diagonals_of, spread_both, spread_one, turned

CLEAR_PER_OCTAVE = 10.0 / LOG2_OF_10 / 30.0
"""Audibility of a band for every doubling of its SNR: 30 dB are the whole of it, the middle at 0 dB."""
PER_DB = 0.23025850929940458
"""Relative change of a power with every dB."""


@compiled
def audibility_of(target, maskers, gains, spread, reach, importance):
    """Mean over frames of sum_b I_b clip((SNR_b + 15) / 30, 0, 1), the SNR over the spread power of all maskers.

    target (frames, 36), maskers (stems, frames, 36) and gains (stems, 36) are power; spread (36, 36), column k what
    band k does to every band within reach (36, 2).
    """
    stems, frames, bands = maskers.shape
    diagonals = diagonals_of(spread, reach)
    padded = np.zeros(bands + NEIGHBOURS - 1)
    excited, audible = np.empty(bands), np.zeros(bands)
    for t in range(frames):
        for k in range(bands):
            padded[BELOW + k] = 0.0
        for i in range(stems):
            for k in range(bands):
                padded[BELOW + k] += maskers[i, t, k] * gains[i, k]
        spread_one(diagonals, padded, excited)
        for b in range(bands):
            z = 0.5 + CLEAR_PER_OCTAVE * log2_of((target[t, b] + 1e-14) / excited[b])
            audible[b] += min(max(z, 0.0), 1.0)
    total = 0.0
    for b in range(bands):
        total += audible[b] * importance[b]
    return total / frames


@compiled
def weigh_cuts(target, mid, side, cut, slack, spread, reach, importance, exponent, grad_clarity, grad_loudness):
    """Audibility of a target and loudness of its maskers at given cuts, and how both change with every cut.

    target (frames, 36), mid and side (stems, frames, 36) are powers. cut (stems, 36) is what is taken from the mid in
    dB; the side loses what of it is over slack (stems, 36). Audibility is the mean over frames of
    sum_b I_b clip((SNR_b + 15) / 30, 0, 1); loudness the sum over frames and bands of (spread power)^exponent. Row b of
    reach (36, 2) says which columns of spread[b] matter. Fills the gradients (stems, 36), per dB; returns (audibility,
    loudness).
    """
    diagonals = diagonals_of(spread, reach)
    return _weighed(
        octaves_of(target),
        mid,
        side,
        cut,
        slack,
        diagonals,
        turned(diagonals),
        importance,
        exponent,
        grad_clarity,
        grad_loudness,
    )


@compiled
def octaves_of(power):
    """log2 of (frames, 36) powers."""
    out = np.empty_like(power)
    for t in range(power.shape[0]):
        for b in range(power.shape[1]):
            out[t, b] = log2_of(power[t, b] + 1e-14)
    return out


@compiled
def _weighed(octaves, mid, side, cut, slack, diagonals, back, importance, exponent, grad_clarity, grad_loudness):
    """`weigh_cuts` with what does not change from cut to cut made ready: the target's log2, diagonals, these turned."""
    stems, frames, bands = mid.shape
    # of each stem and band: what is left of mid and side, and how much of the side moves with the cut
    left, beside, follows = np.empty((stems, bands)), np.empty((stems, bands)), np.empty((stems, bands))
    for i in range(stems):
        for k in range(bands):
            deeper = cut[i, k] - slack[i, k]
            left[i, k] = exp2_of(cut[i, k] * (-LOG2_OF_10 / 10.0))
            beside[i, k] = exp2_of(max(deeper, 0.0) * (-LOG2_OF_10 / 10.0))
            follows[i, k] = beside[i, k] if deeper > 0.0 else 0.0
    # sums over frames: of the mid under both pulls, of the side under the second
    mid_clear, mid_loud, side_loud = np.zeros((stems, bands)), np.zeros((stems, bands)), np.zeros((stems, bands))
    wide = bands + NEIGHBOURS - 1
    heard, pulls, excited, felt = np.zeros((2, wide)), np.zeros((2, wide)), np.empty((2, bands)), np.empty((2, bands))
    sums = np.zeros((2, bands))
    for t in range(frames):
        _hear(mid, side, left, beside, t, heard)
        spread_both(diagonals, heard, 1e-14, excited)
        _pull_of_clarity(octaves, t, excited, importance, pulls, sums)
        _pull_of_loudness(excited, exponent, pulls, sums)
        spread_both(back, pulls, 0.0, felt)
        _gather(felt, mid, side, t, mid_clear, mid_loud, side_loud)
    audibility, loudness = 0.0, 0.0
    for b in range(bands):
        audibility += importance[b] * sums[0, b]
        loudness += sums[1, b]
    for i in range(stems):
        for k in range(bands):
            grad_clarity[i, k] = mid_clear[i, k] * left[i, k] / frames
            grad_loudness[i, k] = -PER_DB * (mid_loud[i, k] * left[i, k] + side_loud[i, k] * follows[i, k])
    return audibility / frames, loudness


@compiled
def _hear(mid, side, left, beside, t, heard):
    """What the cuts leave of a frame: of all mids, and of mids and sides together."""
    stems, _, bands = mid.shape
    for k in range(bands):
        heard[0, BELOW + k] = 0.0
        heard[1, BELOW + k] = 0.0
    for i in range(stems):
        for k in range(bands):
            heard[0, BELOW + k] += mid[i, t, k] * left[i, k]
            heard[1, BELOW + k] += mid[i, t, k] * left[i, k] + side[i, t, k] * beside[i, k]


@compiled
def _pull_of_clarity(octaves, t, excited, importance, pulls, sums):
    """How a frame's clarity falls with the spread power of each band."""
    for b in range(len(importance)):
        z = 0.5 + CLEAR_PER_OCTAVE * (octaves[t, b] - log2_of(excited[0, b]))
        sums[0, b] += min(max(z, 0.0), 1.0)
        pulls[0, ABOVE + b] = importance[b] / (30.0 * excited[0, b]) if 0.0 < z < 1.0 else 0.0


@compiled
def _pull_of_loudness(excited, exponent, pulls, sums):
    """How a frame's loudness rises with the same."""
    for b in range(excited.shape[1]):
        pulls[1, ABOVE + b] = exponent * log2_of(excited[1, b])
    for b in range(excited.shape[1]):
        power = exp2_of(pulls[1, ABOVE + b])
        sums[1, b] += power
        pulls[1, ABOVE + b] = exponent * power / excited[1, b]


@compiled
def _gather(felt, mid, side, t, mid_clear, mid_loud, side_loud):
    stems, _, bands = mid.shape
    for i in range(stems):
        for k in range(bands):
            mid_clear[i, k] += felt[0, k] * mid[i, t, k]
            mid_loud[i, k] += felt[1, k] * mid[i, t, k]
            side_loud[i, k] += felt[1, k] * side[i, t, k]


@compiled
def price_of_cuts(mid_mean, side_mean, cut, slack, protection, wide, evenness, effort, smoothness, gradient):
    """What cuts cost beside loudness; adds the gradient per dB to `gradient`.

    mid_mean and side_mean (stems, 36) are mean powers. Evenness prices the variance over the bands in wide[0] to
    wide[1] of the change of all stems' power together, in dB; effort each stem's squared cuts times its protection;
    smoothness squared steps between neighbouring bands.
    """
    stems, bands = cut.shape
    change, after, moved = np.zeros(bands), np.zeros(bands), np.empty((stems, bands))
    for i in range(stems):
        for k in range(bands):
            deeper = cut[i, k] - slack[i, k]
            through = mid_mean[i, k] * exp2_of(cut[i, k] * (-LOG2_OF_10 / 10.0))
            beside = side_mean[i, k] * exp2_of(max(deeper, 0.0) * (-LOG2_OF_10 / 10.0))
            moved[i, k] = through + (beside if deeper > 0.0 else 0.0)
            after[k] += through + beside
            change[k] += mid_mean[i, k] + side_mean[i, k]
    mean = 0.0
    for k in range(bands):
        change[k] = (10.0 / LOG2_OF_10) * log2_of((after[k] + 1e-14) / (change[k] + 1e-14))
    for k in range(wide[0], wide[1]):
        mean += change[k]
    count = wide[1] - wide[0]
    mean /= count
    price = 0.0
    for k in range(bands):
        off = change[k] - mean if wide[0] <= k < wide[1] else 0.0
        price += evenness * off * off / count
        # the derivative of the change is taken per dB; `moved` is what of the power goes with the cut
        after[k] = evenness * 2.0 * off / count / (after[k] + 1e-14)
    for i in range(stems):
        for k in range(bands):
            gradient[i, k] += 2.0 * effort * protection[i] * cut[i, k] - after[k] * moved[i, k]
            price += effort * protection[i] * cut[i, k] * cut[i, k]
        for k in range(bands - 1):
            step = cut[i, k + 1] - cut[i, k]
            price += smoothness * step * step
            gradient[i, k + 1] += 2.0 * smoothness * step
            gradient[i, k] -= 2.0 * smoothness * step
    return price


@compiled
def _blend(one, other, share, out):
    """out = one + share * (other - one)."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = one[i, k] + share * (other[i, k] - one[i, k])


@compiled
def _step(cut, gradient, length, cap, out):
    """A step against the gradient, between 0 and cap."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = min(max(cut[i, k] - length * gradient[i, k], 0.0), cap[i, k])


@compiled
def _furthest(one, other):
    """The largest difference between two."""
    furthest = 0.0
    for i in range(one.shape[0]):
        for k in range(one.shape[1]):
            furthest = max(furthest, abs(one[i, k] - other[i, k]))
    return furthest


@compiled
def _products(point, cut, new_gradient, gradient):
    """How far the point has moved times how the gradient has bent, and the square of the first."""
    along, square = 0.0, 0.0
    for i in range(cut.shape[0]):
        for k in range(cut.shape[1]):
            moved = point[i, k] - cut[i, k]
            along += moved * (new_gradient[i, k] - gradient[i, k])
            square += moved * moved
    return along, square


@compiled
def least_cuts(
    target,
    mid,
    side,
    start,
    cap,
    slack,
    protection,
    spread,
    reach,
    importance,
    wide,
    weights,
    goal,
    price,
    rounds,
    steps,
):
    """The cheapest cuts (stems, 36) in dB, between 0 and cap, that bring the audibility of the target to goal.

    With them the price of audibility there, which a next call may begin from.

    weights are exponent, evenness, effort and smoothness (`weigh_cuts`, `price_of_cuts`). An augmented Lagrangian
    (Nocedal and Wright, Numerical Optimization, 2nd ed., section 17.4) over spectral projected gradients (Birgin,
    Martinez and Raydan, SIAM J. Optim. 10, 2000), `rounds` times `steps` from `start`: deterministic, the work bounded.
    `price` is the multiplier to begin with: what a unit of audibility costs at `start`, where that is known, else 0.
    """
    stems, frames, bands = mid.shape
    exponent, evenness, effort, smoothness = weights[0], weights[1], weights[2], weights[3]
    mid_mean = np.zeros((stems, bands))
    side_mean = np.zeros((stems, bands))
    for i in range(stems):
        for t in range(frames):
            for k in range(bands):
                mid_mean[i, k] += mid[i, t, k] / frames
                side_mean[i, k] += side[i, t, k] / frames
    cut = np.empty((stems, bands))
    _step(start, start, 0.0, cap, cut)
    grad_clarity = np.empty((stems, bands))
    grad_loudness = np.empty((stems, bands))
    gradient, new_gradient = np.empty((stems, bands)), np.empty((stems, bands))
    trial, point = np.empty((stems, bands)), np.empty((stems, bands))
    nothing = np.zeros((stems, bands))
    diagonals = diagonals_of(spread, reach)
    back, octaves = turned(diagonals), octaves_of(target)
    _, loudest = _weighed(
        octaves, mid, side, nothing, slack, diagonals, back, importance, exponent, grad_clarity, grad_loudness
    )
    multiplier, penalty = price, 200.0
    recent = np.empty(5)
    for _ in range(rounds):
        clarity = 0.0
        _blend(cut, cut, 0.0, trial)
        for s in range(steps + 1):
            # the trial point is taken where it is no worse than the worst of the last five
            shrink = 1.0
            _blend(trial, trial, 0.0, point)
            for attempt in range(8):
                clarity, loudness = _weighed(
                    octaves,
                    mid,
                    side,
                    point,
                    slack,
                    diagonals,
                    back,
                    importance,
                    exponent,
                    grad_clarity,
                    grad_loudness,
                )
                new_value = 1.0 - loudness / loudest
                short = max(multiplier + penalty * (goal - clarity), 0.0)
                for i in range(stems):
                    for k in range(bands):
                        new_gradient[i, k] = grad_loudness[i, k] / -loudest
                new_value += price_of_cuts(
                    mid_mean, side_mean, point, slack, protection, wide, evenness, effort, smoothness, new_gradient
                )
                if short > 0.0:
                    new_value += short * short / (2.0 * penalty)
                    for i in range(stems):
                        for k in range(bands):
                            new_gradient[i, k] -= short * grad_clarity[i, k]
                if s == 0 or attempt == 7:
                    break
                worst = recent[0]
                for i in range(1, min(s, 5)):
                    worst = max(worst, recent[i])
                if new_value <= worst:
                    break
                shrink *= 0.4
                _blend(cut, trial, shrink, point)
            if s > 0:
                along, square = _products(point, cut, new_gradient, gradient)
                if square < 1e-6:
                    break
                step = min(max(square / along, 0.5), 3000.0) if along > 1e-12 else 3000.0
            else:
                step = 1.0 / max(_furthest(new_gradient, nothing), 1e-6)
            _blend(point, point, 0.0, cut)
            _blend(new_gradient, new_gradient, 0.0, gradient)
            recent[s % 5] = new_value
            _step(cut, gradient, step, cap, trial)
            if _furthest(trial, cut) < 0.02:
                break
        multiplier = max(0.0, multiplier + penalty * (goal - clarity))
        if abs(goal - clarity) < 5e-4:
            break
        penalty *= 2.0
    return cut, multiplier
