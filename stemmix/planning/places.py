"""Where to listen: the places of a programme at which conflicts are worst."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stemmix.model.excerpts import Place
from stemmix.model.plan import Conflict, Line, Plan
from stemmix.units import samples_from_seconds

AIR_S = 1.0
"""Before and after a line, so that it is heard where it stands."""
LONGEST_S = 6.0
"""Six places of such length, before and after, leave a page of twenty minutes under 3 MB."""
SHORTEST_S = 1.0
"""What is left of a place between worse ones, and is shorter, says nothing."""


def worst_places(plan: Plan, count: int) -> list[Place]:
    """The `count` places with the largest conflicts as the stems came, worst first; fewer where there are no more.

    Lines that something is done for, each once, as elsewhere there is nothing to compare; only where nothing is done at
    all, other lines, then what has no line. A place is a line
    with a second of air; of a long one, what lies around its largest conflict. Where two overlap they are one if that
    is short enough; else they meet between the lines, or at the end of the worse one; and one whose largest conflict is
    heard in the other is shown there.
    """
    longest, shortest = (samples_from_seconds(each, plan.sample_rate) for each in (LONGEST_S, SHORTEST_S))
    kept: list[_Stretch] = []
    for one in _all(plan, longest):
        beside = [other for other in kept if other.start < one.end and one.start < other.end]
        if len(beside) == 1 and beside[0].reach(one) <= longest:
            kept[kept.index(beside[0])] = beside[0].joined(one)
        elif heard_in := [other for other in beside if other.start <= one.middle < other.end]:
            kept[kept.index(heard_in[0])] = heard_in[0].shown_for(one)
        elif len(kept) >= count:
            break
        else:
            met = [other.meeting(one) for other in beside]
            start = max((edge for edge in met if edge <= one.middle), default=one.start)
            end = min((edge for edge in met if edge > one.middle), default=one.end)
            if beside and end - start < shortest:
                continue
            for other, edge in zip(beside, met, strict=True):
                kept[kept.index(other)] = other.cut_at(edge)
            kept.append(one.within(start, end))
    return [one.as_place(plan) for one in kept]


@dataclass(frozen=True)
class _Stretch:
    """A place in the making."""

    line: Line | None
    conflicts: tuple[Conflict, ...]
    """The largest of the worst line first."""
    first: int
    after: int
    """Without air."""
    start: int
    end: int

    @property
    def middle(self) -> int:
        """A sample in the midst of the largest conflict."""
        largest = self.conflicts[0]
        return min(max((largest.start + largest.end) // 2, self.first), self.after - 1)

    def reach(self, other: _Stretch) -> int:
        """From where the first of two begins to where the last one ends, in samples."""
        return max(self.end, other.end) - min(self.start, other.start)

    def joined(self, lesser: _Stretch) -> _Stretch:
        """Both as one."""
        return replace(
            self.shown_for(lesser),
            first=min(self.first, lesser.first),
            after=max(self.after, lesser.after),
            start=min(self.start, lesser.start),
            end=max(self.end, lesser.end),
        )

    def shown_for(self, lesser: _Stretch) -> _Stretch:
        """The same, for what another is shown for too."""
        return replace(self, conflicts=self.conflicts + lesser.conflicts)

    def meeting(self, lesser: _Stretch) -> int:
        """Where two that overlap are to part: midway between the lines, else where this one's ends or begins."""
        if self.start <= lesser.middle:
            edge = (self.after + max(lesser.first, self.after)) // 2
            return min(max(edge, lesser.start), self.end)
        edge = (self.first + min(lesser.after, self.first)) // 2
        return max(min(edge, lesser.end), self.start)

    def cut_at(self, edge: int) -> _Stretch:
        """Without the air that lies beyond."""
        return replace(self, end=min(self.end, edge)) if edge >= self.after else replace(self, start=edge)

    def within(self, start: int, end: int) -> _Stretch:
        """What of it lies there."""
        return replace(self, first=max(self.first, start), after=min(self.after, end), start=start, end=end)

    def as_place(self, plan: Plan) -> Place:
        concerned = {stem for conflict in self.conflicts for stem in (conflict.target, conflict.masker)}
        return Place(
            conflict=self.conflicts[0],
            line=self.line,
            start=self.start,
            end=self.end,
            conflicts=tuple(conflict.id for conflict in self.conflicts),
            stems=tuple(stem.id for stem in plan.stems if stem.id in concerned),
        )


def _all(plan: Plan, longest: int) -> Iterator[_Stretch]:
    """Every line that something is done for, or, where nothing is, every line that something hides, then every conflict
    without one; each by its size. They may overlap."""
    helped = {name for move in plan.moves for name in move.because}
    lines = {line.id: line for line in plan.lines}
    of_line: dict[str, list[Conflict]] = {}
    alone: list[Conflict] = []
    for conflict in sorted(plan.conflicts, key=lambda one: (-one.size_before, one.start, one.id)):
        if conflict.line in lines:
            of_line.setdefault(conflict.line, []).append(conflict)
        else:
            alone.append(conflict)
    found: list[tuple[Line | None, list[Conflict]]] = [(lines[line], its) for line, its in of_line.items()]
    compared = [one for one in found if not helped.isdisjoint(conflict.id for conflict in one[1])]
    for line, conflicts in compared or [*found, *((None, [conflict]) for conflict in alone)]:
        heard = line or conflicts[0]
        yield _stretch(line, conflicts, (heard.start, heard.end), plan.sample_rate, plan.frames, longest)


def _stretch(
    line: Line | None, conflicts: list[Conflict], span: tuple[int, int], rate_hz: int, frames: int, longest: int
) -> _Stretch:
    air = samples_from_seconds(AIR_S, rate_hz)
    whole = _Stretch(line, tuple(conflicts), *span, max(span[0] - air, 0), min(span[1] + air, frames))
    if whole.end - whole.start <= longest:
        return whole
    start = min(max(whole.middle - longest // 2, whole.start), whole.end - longest)
    return whole.within(start, start + longest)
