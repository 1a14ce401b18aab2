"""Readable twin of the solver's kernels: how a line's cuts are found, over the kernels that weigh them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import masking_kernels

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Solver:
    """A line, (frames, 36) and (stems, frames, 36) powers, and how it is solved."""

    target: Floats
    mid: Floats
    side: Floats
    protection: Floats
    spread: Floats
    reach: NDArray[np.int64]
    importance: Floats
    wide: NDArray[np.int64]
    weights: Floats
    counts: tuple[int, int, int, int]
    under_sides_db: float
    close: float
    nothing: float

    def clarity(self, cut: Floats) -> float:
        gains = 10.0 ** (-cut / 10.0)
        return float(
            masking_kernels.audibility_of(self.target, self.mid, gains, self.spread, self.reach, self.importance)
        )

    def slack_db(self) -> Floats:
        mid, side = self.mid.mean(axis=1), self.side.mean(axis=1)
        return np.asarray(np.maximum(10.0 * np.log10((mid + 1e-14) / (side + 1e-14)) + self.under_sides_db, 0.0))

    def needed(self, cap: Floats, shape: Floats, aim: float) -> Floats:
        start = next(part / 16 * shape for part in range(1, 17) if part == 16 or self.clarity(part / 16 * shape) >= aim)
        cut, price = self.cheapest(cap, start, aim)
        idle = self.idle(cut)
        kept, needed = cut * ~idle[:, None], cap * ~idle[:, None]
        if not idle.any() or self.clarity(kept) >= aim - self.close:
            return kept
        return self.cheapest(needed, kept, aim, price)[0] if self.clarity(needed) >= aim else cut

    def cheapest(self, cap: Floats, start: Floats, aim: float, price: float = 0.0) -> tuple[Floats, float]:
        group_frames, rounds, steps, corrections = self.counts
        count = max(len(self.target) // group_frames, 1)
        groups = np.array_split(np.arange(len(self.target)), [len(self.target) * g // count for g in range(1, count)])
        few, few_mid, few_side = (
            np.ascontiguousarray(np.stack([power[..., group, :].mean(axis=-2) for group in groups], axis=-2))
            for power in (self.target, self.mid, self.side)
        )

        def solved(cut: Floats, aim: float, price: float) -> tuple[Floats, float]:
            how = (cap, self.slack_db(), self.protection, self.spread, self.reach, self.importance, self.wide)
            cut, price = masking_kernels.least_cuts(
                few, few_mid, few_side, cut, *how, self.weights, aim, price, rounds, steps
            )
            return cut, price

        gains = 10.0 ** (-start / 10.0)
        in_groups = masking_kernels.audibility_of(few, few_mid, gains, self.spread, self.reach, self.importance)
        ahead = in_groups - self.clarity(start)
        cut, price = (start, price) if price else solved(start, aim + ahead / 2, 0.0)
        aim_of_groups = aim + ahead
        for _ in range(corrections):
            cut, price = solved(cut, aim_of_groups, price)
            missing = aim - self.clarity(cut)
            if abs(missing) < self.close:
                return cut, price
            aim_of_groups += missing
        low, high = 0.0, 1.0
        if self.clarity(cut) >= aim:
            return cut, price
        while high - low > 1e-3:
            middle = (low + high) / 2
            reached = self.clarity(cut + middle * (cap - cut)) >= aim
            low, high = (low, middle) if reached else (middle, high)
        return cut + high * (cap - cut), price

    def idle(self, cut: Floats) -> NDArray[np.bool_]:
        idle = ~cut.any(axis=1)
        floor = self.clarity(cut) - self.nothing

        def without(*more: int) -> float:
            kept = cut * ~idle[:, None]
            kept[list(more)] = 0.0
            return self.clarity(kept)

        left = {stem: without(stem) for stem in map(int, np.flatnonzero(~idle))}
        for stem in sorted((stem for stem in left if left[stem] >= floor), key=lambda stem: (-left[stem], stem)):
            idle[stem] = without(stem) >= floor
        return np.asarray(idle)
