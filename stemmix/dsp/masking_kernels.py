"""Compiled code of the masking model and of its solver; the rules of `kernels` hold."""

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
def audibility_of(target, maskers, gains, spread, reach, importance):
    """Mean over frames of sum_b I_b clip((SNR_b + 15) / 30, 0, 1), the SNR as in `snr_of_frames`, within reach."""
    stems, frames, bands = maskers.shape
    power = np.empty(bands)
    audibility = 0.0
    for t in range(frames):
        for k in range(bands):
            total = 0.0
            for i in range(stems):
                total += maskers[i, t, k] * gains[i, k]
            power[k] = total
        for b in range(bands):
            if importance[b] == 0.0:
                continue
            excited = 1e-14
            for k in range(reach[b, 0], reach[b, 1]):
                excited += spread[b, k] * power[k]
            z = (10.0 * np.log10((target[t, b] + 1e-14) / excited) + 15.0) / 30.0
            audibility += importance[b] * min(max(z, 0.0), 1.0)
    return audibility / frames


@compiled
def spread_power(power, spread, reach, out):
    """Spread (frames, 36) power over the bands: out[t, b] = sum_k spread[b, k] power[t, k], k within reach[b]."""
    frames, bands = power.shape
    for t in range(frames):
        for b in range(bands):
            total = 0.0
            for k in range(reach[b, 0], reach[b, 1]):
                total += spread[b, k] * power[t, k]
            out[t, b] = total


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


@compiled
def weigh_cuts(target, mid, side, cut, slack, spread, reach, importance, exponent, grad_clarity, grad_loudness):
    """Audibility of a target and loudness of its maskers at given cuts, and how both change with every cut.

    target (frames, 36), mid and side (stems, frames, 36) are powers. cut (stems, 36) is what is taken from the mid in
    dB; the side loses what of it is over slack (stems, 36). Audibility is the mean over frames of
    sum_b I_b clip((SNR_b + 15) / 30, 0, 1); loudness the sum over frames and bands of (spread power)^exponent. Row b of
    reach (36, 2) says which columns of spread[b] matter. Fills the gradients (stems, 36), per dB; returns (audibility,
    loudness).
    """
    stems, frames, bands = mid.shape
    per_db = np.log(10.0) / 10.0
    mid_gain = np.empty((stems, bands))
    side_gain = np.empty((stems, bands))
    for i in range(stems):
        for k in range(bands):
            mid_gain[i, k] = np.exp(-per_db * cut[i, k])
            side_gain[i, k] = np.exp(-per_db * max(cut[i, k] - slack[i, k], 0.0))
            grad_clarity[i, k] = 0.0
            grad_loudness[i, k] = 0.0
    heard = np.empty(bands)
    whole = np.empty(bands)
    pull = np.empty(bands)
    push = np.empty(bands)
    reached = np.empty(bands)
    felt = np.empty(bands)
    audibility, loudness = 0.0, 0.0
    for t in range(frames):
        for k in range(bands):
            m, w = 0.0, 0.0
            for i in range(stems):
                through = mid[i, t, k] * mid_gain[i, k]
                m += through
                w += through + side[i, t, k] * side_gain[i, k]
            heard[k] = m
            whole[k] = w
        for b in range(bands):
            x, e = 1e-14, 1e-14
            for k in range(reach[b, 0], reach[b, 1]):
                x += spread[b, k] * heard[k]
                e += spread[b, k] * whole[k]
            z = (10.0 * np.log10((target[t, b] + 1e-14) / x) + 15.0) / 30.0
            pull[b] = 0.0
            if 0.0 < z < 1.0:
                pull[b] = importance[b] / (30.0 * x)
            audibility += importance[b] * min(max(z, 0.0), 1.0)
            power = e**exponent
            loudness += power
            push[b] = exponent * power / e
        for k in range(bands):
            reached[k], felt[k] = 0.0, 0.0
        for b in range(bands):
            for k in range(reach[b, 0], reach[b, 1]):
                reached[k] += spread[b, k] * pull[b]
                felt[k] += spread[b, k] * push[b]
        for i in range(stems):
            for k in range(bands):
                through = mid[i, t, k] * mid_gain[i, k]
                moved = through
                if cut[i, k] > slack[i, k]:
                    moved += side[i, t, k] * side_gain[i, k]
                grad_clarity[i, k] += reached[k] * through
                grad_loudness[i, k] -= per_db * felt[k] * moved
    for i in range(stems):
        for k in range(bands):
            grad_clarity[i, k] /= frames
    return audibility / frames, loudness


@compiled
def price_of_cuts(mid_mean, side_mean, cut, slack, protection, wide, evenness, effort, smoothness, gradient):
    """What cuts cost beside loudness; adds the gradient per dB to `gradient`.

    mid_mean and side_mean (stems, 36) are mean powers. Evenness prices the variance over the bands in wide[0] to
    wide[1] of the change of all stems' power together, in dB; effort each stem's squared cuts times its protection;
    smoothness squared steps between neighbouring bands.
    """
    stems, bands = cut.shape
    per_db = np.log(10.0) / 10.0
    after = np.empty(bands)
    change = np.empty(bands)
    mean = 0.0
    for k in range(bands):
        before, now = 1e-14, 1e-14
        for i in range(stems):
            before += mid_mean[i, k] + side_mean[i, k]
            now += mid_mean[i, k] * np.exp(-per_db * cut[i, k])
            now += side_mean[i, k] * np.exp(-per_db * max(cut[i, k] - slack[i, k], 0.0))
        after[k] = now
        change[k] = 10.0 * np.log10(now / before)
        if wide[0] <= k < wide[1]:
            mean += change[k]
    count = wide[1] - wide[0]
    mean /= count
    price = 0.0
    for k in range(bands):
        off = change[k] - mean if wide[0] <= k < wide[1] else 0.0
        price += evenness * off * off / count
        for i in range(stems):
            moved = mid_mean[i, k] * np.exp(-per_db * cut[i, k])
            if cut[i, k] > slack[i, k]:
                moved += side_mean[i, k] * np.exp(-per_db * (cut[i, k] - slack[i, k]))
            gradient[i, k] -= evenness * 2.0 * off / count * moved / after[k]
            price += effort * protection[i] * cut[i, k] * cut[i, k]
            gradient[i, k] += 2.0 * effort * protection[i] * cut[i, k]
            if k + 1 < bands:
                step = cut[i, k + 1] - cut[i, k]
                price += smoothness * step * step
                gradient[i, k + 1] += 2.0 * smoothness * step
                gradient[i, k] -= 2.0 * smoothness * step
    return price


@compiled
def least_cuts(
    target, mid, side, start, cap, slack, protection, spread, reach, importance, wide, weights, goal, rounds, steps
):
    """The cheapest cuts (stems, 36) in dB, between 0 and cap, that bring the audibility of the target to goal.

    weights are exponent, evenness, effort and smoothness (`weigh_cuts`, `price_of_cuts`). An augmented Lagrangian
    (Nocedal and Wright, Numerical Optimization, 2nd ed., section 17.4) over spectral projected gradients (Birgin,
    Martinez and Raydan, SIAM J. Optim. 10, 2000), `rounds` times `steps` from `start`: deterministic, the work bounded.
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
    cut = np.minimum(start, cap)
    grad_clarity = np.empty((stems, bands))
    grad_loudness = np.empty((stems, bands))
    gradient = np.empty((stems, bands))
    nothing = np.zeros((stems, bands))
    _, loudest = weigh_cuts(
        target, mid, side, nothing, slack, spread, reach, importance, exponent, grad_clarity, grad_loudness
    )
    multiplier, penalty = 0.0, 200.0
    recent = np.empty(5)
    for _ in range(rounds):
        clarity = 0.0
        trial = cut.copy()
        for s in range(steps + 1):
            # the trial point is taken where it is no worse than the worst of the last five
            shrink = 1.0
            point = trial
            for attempt in range(8):
                clarity, loudness = weigh_cuts(
                    target, mid, side, point, slack, spread, reach, importance, exponent, grad_clarity, grad_loudness
                )
                new_gradient = -grad_loudness / loudest
                new_value = 1.0 - loudness / loudest
                new_value += price_of_cuts(
                    mid_mean, side_mean, point, slack, protection, wide, evenness, effort, smoothness, new_gradient
                )
                short = multiplier + penalty * (goal - clarity)
                if short > 0.0:
                    new_value += short * short / (2.0 * penalty)
                    new_gradient -= short * grad_clarity
                if s == 0 or attempt == 7:
                    break
                if new_value <= recent[: min(s, 5)].max():
                    break
                shrink *= 0.4
                point = cut + shrink * (trial - cut)
            if s > 0:
                moved = point - cut
                bent = new_gradient - gradient
                along = (moved * bent).sum()
                square = (moved * moved).sum()
                if square < 1e-6:
                    break
                step = min(max(square / along, 0.5), 3000.0) if along > 1e-12 else 3000.0
            else:
                step = 1.0 / max(np.abs(new_gradient).max(), 1e-6)
            cut, value = point, new_value
            gradient = new_gradient.copy()
            recent[s % 5] = value
            trial = np.minimum(np.maximum(cut - step * gradient, 0.0), cap)
            if np.abs(trial - cut).max() < 0.02:
                break
        multiplier = max(0.0, multiplier + penalty * (goal - clarity))
        if abs(goal - clarity) < 5e-4:
            break
        penalty *= 2.0
    return cut
