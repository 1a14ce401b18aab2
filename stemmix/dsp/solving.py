"""The solver, a line at a time: the cheapest cuts that reach an aim, of the stems alone that it needs.

`planning.unmask` has the method: which bounds are tried, in what order, and when to stop. What takes time is compiled;
the whole is not: compiled once more into what calls it, it would take longer than all other kernels together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import masking_kernels, solving_kernels

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STEPS_OF_SHAPE = 16
"""A shape of cuts is scaled to so many parts of itself."""
NEAR_CAP = 1e-3
"""Share of the way to the cap that cuts which fall short are brought on by, at most, beyond what they need."""


@dataclass(frozen=True, eq=False)
class Solver:
    """A line and how it is solved. Cuts are (stems, 36) in dB, at least 0; audibility is 0 to 1."""

    target: Floats
    """(frames, 36) power."""
    mid: Floats
    """(stems, frames, 36) power of the maskers."""
    side: Floats
    protection: Floats
    """(stems,)"""
    spread: Floats
    reach: NDArray[np.int64]
    importance: Floats
    wide: NDArray[np.int64]
    weights: Floats
    """This and what stands above as in `masking_kernels.least_cuts`."""
    counts: tuple[int, int, int, int]
    """Frames that are solved as one, the solver's rounds and steps, and how often the aim is corrected."""
    under_sides_db: float
    """The mid is cut alone until it is so far under the sides."""
    close: float
    """An aim is met but for so much."""
    nothing: float
    """Stems that may all be left alone for so much are left alone."""

    def needed(self, cap: Floats, shape: Floats, aim: float) -> Floats:
        """The cheapest cuts up to cap that reach an aim, of those stems alone that it needs.

        They are looked for near a shape. Stems that buy next to nothing are left alone, if the aim is then still met,
        or can be by the others.
        """
        cut, price = self.cheapest(cap, self._least_share(shape, aim), aim)
        idle = self._idle(cut)
        if not idle.any():
            return cut
        kept, needed = _without(cut, idle), _without(cap, idle)
        if self.audible(kept) >= aim - self.close:
            return kept
        if self.audible(needed) < aim:
            return cut
        return self.cheapest(needed, kept, aim, price)[0]

    def cheapest(self, cap: Floats, start: Floats, aim: float, price: float = 0.0) -> tuple[Floats, float]:
        """Cuts at the least cost at which the line, frame by frame, is at an aim; and the price of audibility there.

        `start` is where to begin; `price`, what audibility costs there, is 0 where nothing was solved yet.
        """
        group_frames, rounds, steps, corrections = self.counts
        few = solving_kernels.grouped(self.target[None], group_frames)[0]
        few_mid, few_side = (solving_kernels.grouped(power, group_frames) for power in (self.mid, self.side))
        slack = solving_kernels.slack_db(self.mid, self.side, self.under_sides_db)
        how = (cap, slack, self.protection, self.spread, self.reach, self.importance, self.wide, self.weights)
        # groups are not frames, and are clearer: aim higher by as much
        ahead = solving_kernels.audible(few, few_mid, start, self.spread, self.reach, self.importance)
        ahead -= self.audible(start)
        cut = start
        if price == 0.0:
            # from half way there, the cheaper valleys are found more often than at once
            half_way = aim + ahead / 2
            cut, price = masking_kernels.least_cuts(few, few_mid, few_side, cut, *how, half_way, 0.0, rounds, steps)
        aim_of_groups = aim + ahead
        for _ in range(corrections):
            cut, price = masking_kernels.least_cuts(
                few, few_mid, few_side, cut, *how, aim_of_groups, price, rounds, steps
            )
            missing = aim - self.audible(cut)
            if abs(missing) < self.close:
                return cut, price
            aim_of_groups += missing
        return self._deepened(cut, cap, aim), price

    def audible(self, cut: Floats) -> float:
        """Audibility of the line with cuts in its maskers."""
        return float(solving_kernels.audible(self.target, self.mid, cut, self.spread, self.reach, self.importance))

    def _least_share(self, shape: Floats, aim: float) -> Floats:
        """The least of a shape of cuts that reaches the aim, to a sixteenth, or all of it: where to begin."""
        low, high = 0, STEPS_OF_SHAPE
        while high - low > 1:
            middle = (low + high) // 2
            reached = self.audible((middle / STEPS_OF_SHAPE) * shape) >= aim
            low, high = (low, middle) if reached else (middle, high)
        return (high / STEPS_OF_SHAPE) * shape

    def _deepened(self, cut: Floats, cap: Floats, aim: float) -> Floats:
        """The cuts, moved towards the cap (which does reach the aim) until they do; or as they are where they do."""
        if self.audible(cut) >= aim:
            return cut
        low, high = 0.0, 1.0
        while high - low > NEAR_CAP:
            middle = (low + high) / 2
            reached = self.audible(cut + middle * (cap - cut)) >= aim
            low, high = (low, middle) if reached else (middle, high)
        return cut + high * (cap - cut)

    def _idle(self, cut: Floats) -> Bools:
        """(stems,) those that may all be left alone for next to nothing: who is missed least goes first."""
        idle: Bools = np.asarray(~cut.any(axis=1))
        floor = self.audible(_without(cut, idle)) - self.nothing
        left = {stem: self._audible_without(cut, idle, stem) for stem in np.flatnonzero(~idle).tolist()}
        for stem in sorted(left, key=lambda stem: (-left[stem], stem)):
            if left[stem] < floor:
                break
            idle[stem] = self._audible_without(cut, idle, stem) >= floor
        return idle

    def _audible_without(self, cut: Floats, idle: Bools, stem: int) -> float:
        """Audibility with the cuts of neither the idle stems nor of another one."""
        alone = idle.copy()
        alone[stem] = True
        return self.audible(_without(cut, alone))


def _without(cut: Floats, idle: Bools) -> Floats:
    """The cuts, but for those of idle stems."""
    return np.where(idle[:, None], 0.0, cut)
