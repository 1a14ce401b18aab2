"""What a report shows: the stems as they were heard, and the plan that was made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

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

    Those that name it as their reason; and of a line's conflict, each that is made to the masker while it stands, for
    whatever else that is, as for a line over this one. Moves over the whole programme and pins count where they are
    made to the target, too.
    """
    found: dict[str, list[Move]] = {conflict.id: [] for conflict in plan.conflicts}
    for move in plan.moves:
        for reason in move.because:
            if reason in found:
                found[reason].append(move)
    of_lines = [conflict for conflict in plan.conflicts if conflict.line is not None]
    standing = [move for move in plan.moves if move.of_pin or isinstance(move.action, Level | StaticEq)]
    _add(found, plan.moves, of_lines, attrgetter("masker"))
    _add(found, standing, of_lines, attrgetter("target"))
    place = {move.id: number for number, move in enumerate(plan.moves)}
    return {name: sorted(made, key=lambda move: place[move.id]) for name, made in found.items()}


def _add(
    found: dict[str, list[Move]],
    moves: Sequence[Move],
    conflicts: Iterable[Conflict],
    stem_of: Callable[[Conflict], str],
) -> None:
    """To what is `found` for each conflict, what of the moves stands at any time in it and is made to a stem of it."""
    waiting: dict[str, list[Move]] = {}
    for move in sorted(moves, key=lambda move: -move.start):
        waiting.setdefault(move.stem, []).append(move)
    begun: dict[str, list[Move]] = {}
    for conflict in sorted(conflicts, key=lambda conflict: conflict.start):
        stem = stem_of(conflict)
        later = waiting.get(stem, [])
        running = [move for move in begun.get(stem, ()) if move.end > conflict.start]
        while later and later[-1].start < conflict.end:
            running.append(later.pop())
        begun[stem] = running
        known = {move.id for move in found[conflict.id]}
        found[conflict.id] += [
            move for move in running if move.start < conflict.end and move.end > conflict.start and move.id not in known
        ]
