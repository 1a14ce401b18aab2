"""What a report shows: the stems as they were heard, and the plan that was made of it."""

from __future__ import annotations

from collections.abc import Iterable

from stemmix.model.document import Document
from stemmix.model.features import FileFacts, Tonal
from stemmix.model.moves import Level, StaticEq
from stemmix.model.plan import Conflict, Move, Plan
from stemmix.model.profiles import Role


class HeardFacts(Document):
    """A stem of the project and what is heard in it."""

    id: str
    role: Role
    file: str
    """As the project gives it."""
    priority: int
    gain_db: float
    at: int
    """Where it begins, in samples of the programme."""
    facts: FileFacts
    warnings: tuple[str, ...]
    tonal: Tonal | None = None


class AppliedGains(Document):
    """What is done to a stem at one moment, all moves and their ramps together; its fader comes besides."""

    stem: str
    mid_db: tuple[float, ...]
    """36 gains."""
    side_db: tuple[float, ...]


class Chosen(Document):
    """What of a programme is looked at."""

    start: int
    """In samples of the programme."""
    end: int
    scene: str | None = None
    """The scene that was asked for; the span lies in it."""
    stem: str | None = None
    """The stem that was asked for: whatever hides it, it hides, is done to it, or because of it."""

    def is_whole(self, plan: Plan) -> bool:
        """Whether the span is all of the programme."""
        return (self.start, self.end) == (0, plan.frames)


class Evidence(Document):
    """Everything up to the decisions."""

    stems: tuple[HeardFacts, ...]
    plan: Plan
    files: tuple[str, ...] = ()
    """Names of the files that a render writes."""
    chosen: Chosen | None = None
    """What the plan shows of the programme, if not all of it (`model.choice.narrowed`)."""


def worst_first(conflicts: Iterable[Conflict]) -> list[Conflict]:
    """The largest first; those of lines, about which something can be done, before the others."""
    return sorted(conflicts, key=lambda conflict: (conflict.line is None, -conflict.size_before, conflict.id))


def moves_for(plan: Plan) -> dict[str, list[Move]]:
    """The moves that bear on each conflict, by its id, in the plan's order.

    Those that name it as their reason; and of moves over the whole programme and of pins, which name only the largest,
    each that is made to the masker or the target of a line's conflict while that stands.
    """
    found: dict[str, list[Move]] = {conflict.id: [] for conflict in plan.conflicts}
    for move in plan.moves:
        for reason in move.because:
            if reason in found:
                found[reason].append(move)
    standing = [move for move in plan.moves if move.of_pin or isinstance(move.action, Level | StaticEq)]
    for conflict in plan.conflicts if standing else ():
        if conflict.line is None:
            continue
        found[conflict.id] += [
            move
            for move in standing
            if move.stem in {conflict.target, conflict.masker}
            and move.start < conflict.end
            and move.end > conflict.start
            and conflict.id not in move.because
        ]
    return found
