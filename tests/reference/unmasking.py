"""Readable twins of the kernels behind unmasking: one frame, one band, one stem at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tests.reference.hearing import spread_power

Rows = Sequence[Sequence[float]]
Stack = Sequence[Rows]


def left_of(mid: float, side: float, cut_db: float, slack_db: float) -> tuple[float, float]:
    """What a cut leaves of a mid and of its side, which follows once the cut is deeper than the slack."""
    return mid * 10 ** (-cut_db / 10), side * 10 ** (-max(cut_db - slack_db, 0) / 10)


def weigh_cuts(
    target: Rows,
    mid: Stack,
    side: Stack,
    cut: Rows,
    slack: Rows,
    spread: Rows,
    importance: Sequence[float],
    exponent: float,
) -> tuple[float, float]:
    """Audibility of the target (mean over frames) and loudness of the maskers (sum) with the cuts, in dB, made."""
    audibility, loudness = 0.0, 0.0
    bands = range(len(importance))
    for t, heard in enumerate(target):
        mids, whole = [0.0 for _ in bands], [0.0 for _ in bands]
        for i in range(len(mid)):
            for k in bands:
                through, beside = left_of(mid[i][t][k], side[i][t][k], cut[i][k], slack[i][k])
                mids[k] += through
                whole[k] += through + beside
        (over,) = spread_power([mids], spread)
        (felt,) = spread_power([whole], spread)
        for b in bands:
            snr_db = 10 * math.log10((heard[b] + 1e-14) / (over[b] + 1e-14))
            audibility += importance[b] * min(max((snr_db + 15) / 30, 0), 1)
            loudness += (felt[b] + 1e-14) ** exponent
    return audibility / len(target), loudness


def price_of_cuts(
    mid_mean: Rows,
    side_mean: Rows,
    cut: Rows,
    slack: Rows,
    protection: Sequence[float],
    wide: tuple[int, int],
    evenness: float,
    effort: float,
    smoothness: float,
) -> float:
    """Unevenness of the bed's change, squared cuts and squared steps between bands, each at its price."""
    stems, bands = range(len(cut)), range(len(cut[0]))
    change_db = []
    for k in bands:
        before = sum(mid_mean[i][k] + side_mean[i][k] for i in stems)
        after = sum(sum(left_of(mid_mean[i][k], side_mean[i][k], cut[i][k], slack[i][k])) for i in stems)
        change_db.append(10 * math.log10((after + 1e-14) / (before + 1e-14)))
    within = change_db[wide[0] : wide[1]]
    mean = sum(within) / len(within)
    price = evenness * sum((change - mean) ** 2 for change in within) / len(within)
    for i in stems:
        price += effort * protection[i] * sum(one**2 for one in cut[i])
        price += smoothness * sum((cut[i][k + 1] - cut[i][k]) ** 2 for k in bands[:-1])
    return price
