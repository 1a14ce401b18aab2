"""What of a programme a person looks at, a scene, a stem, a span of time; and evidence as it is seen through that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from stemmix.model.document import MANY_NAMES, unknown
from stemmix.model.evidence import Chosen, Evidence, moves_for
from stemmix.model.plan import Conflict, Edge, Line, Move, Outcome, Plan, PlannedScene
from stemmix.model.timecode import Clock, has_frames, sample_meant
from stemmix.units import seconds_from_samples


class ChoiceError(ValueError):
    """What was asked for is not there; one sentence, and the `field` of the choice that it is about."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Choice:
    """What is asked for, as it is typed; None of what is not narrowed."""

    scene: str | None = None
    """Id of a scene."""
    stem: str | None = None
    """Id of a stem: as what is hidden, what hides, or what is moved."""
    start: str | None = None
    """A time in any way that `sample_meant` reads."""
    end: str | None = None
    frame_rate: str | None = None
    """Of timecodes, instead of the programme's."""

    def times(self, clock: Clock) -> tuple[int | None, int | None]:
        """Both times as samples of the programme. ChoiceError where one is no time, or they are in the wrong order."""
        typed = {"start": self.start, "end": self.end}
        if self.frame_rate is not None and not any(time and has_frames(time) for time in typed.values()):
            raise ChoiceError("frame_rate", "is for a timecode, HH:MM:SS:FF, and no time is given as one")
        samples: dict[str, int | None] = {}
        for field, time in typed.items():
            rate = self.frame_rate if time and has_frames(time) else None
            try:
                samples[field] = None if time is None else sample_meant(clock, time, rate)
            except ValueError as fault:
                raise ChoiceError(field, str(fault)) from None
        start, end = samples["start"], samples["end"]
        if end is not None and end <= (start or 0):
            begin = "the programme's beginning" if start is None else f"{self.start}, where the span begins"
            raise ChoiceError("end", f"{self.end} is not after {begin}")
        return start, end

    def of(self, plan: Plan) -> Chosen:
        """What it comes to in a plan. ChoiceError where that has no such scene or stem, or ends before."""
        start, end = self.times(plan.clock)
        length_s = seconds_from_samples(plan.frames, plan.sample_rate)
        for field, time, outside in (
            ("start", self.start, start is not None and start >= plan.frames),
            ("end", self.end, end is not None and end > plan.frames),
        ):
            if outside:
                raise ChoiceError(field, f"{time} is outside the programme, which is {length_s} s long")
        if self.stem is not None:
            _known("stem", self.stem, [stem.id for stem in plan.stems])
        first, last = start or 0, plan.frames if end is None else end
        if self.scene is not None:
            _known("scene", self.scene, [scene.id for scene in plan.scenes])
            scene = next(scene for scene in plan.scenes if scene.id == self.scene)
            first, last = max(first, scene.start), min(last, scene.end)
            if last <= first:
                raise ChoiceError("scene", f"nothing of {self.scene} lies between the times given")
        return Chosen(start=first, end=last, scene=self.scene, stem=self.stem)


def _known(field: str, name: str, known: Sequence[str]) -> None:
    """ChoiceError where a name is none of what there is: that is told, if it is not too much, and what is near."""
    if name in known:
        return
    said = unknown(name, f"{field} of this programme", known)
    if len(known) > MANY_NAMES:
        said += f"; it has {len(known)}, from {known[0]} to {known[-1]}"
    raise ChoiceError(field, said)


def narrowed(
    evidence: Evidence, chosen: Chosen, edges: Sequence[Edge] = (), outcome: Outcome | None = None
) -> Evidence:
    """The evidence with the lines, conflicts, moves and scenes that touch a span, and have to do with a stem.

    Each is kept whole; of a move's reasons those that are kept, so that what comes back is a plan like any other. A
    stem's are the conflicts in which it hides or is hidden, its moves and those that bear on these conflicts, its
    lines and those that any of them is about. `edges` and `outcome` are to be told of the span by who has the
    features (`planning.span`), of all stems; where all of the programme is chosen the plan's own hold.
    """
    plan, stem = evidence.plan, chosen.stem
    conflicts = tuple(one for one in plan.conflicts if _touches(one, chosen) and stem in {None, one.target, one.masker})
    known = {one.id for one in conflicts}
    bearing = moves_for(plan)
    made = {move.id for one in conflicts for move in bearing[one.id]}
    near = {line.id for line in plan.lines if _touches(line, chosen)}
    moves = tuple(
        replace(move, because=tuple(one for one in move.because if one in known))
        for move in plan.moves
        if _touches(move, chosen)
        and (move.line is None or move.line in near)
        and (stem in {None, move.stem} or move.id in made)
    )
    about = {conflict.line for conflict in conflicts} | {move.line for move in moves}
    if chosen.is_whole(plan):
        edges, outcome = plan.edges, plan.outcome
    return evidence.model_copy(
        update={
            "chosen": chosen,
            "plan": plan.model_copy(
                update={
                    "moves": moves,
                    "conflicts": conflicts,
                    "lines": tuple(
                        line
                        for line in plan.lines
                        if line.id in near and (stem in {None, line.target} or line.id in about)
                    ),
                    "scenes": tuple(scene for scene in plan.scenes if _touches(scene, chosen)),
                    "edges": tuple(edge for edge in edges if stem in {None, edge.target, edge.masker}),
                    "outcome": outcome,
                    "notes": (*plan.notes, *_from_beside(plan, chosen, {move.id for move in moves})),
                }
            ),
        }
    )


def _touches(one: Conflict | Line | Move | PlannedScene, chosen: Chosen) -> bool:
    return one.start < chosen.end and one.end > chosen.start


def _from_beside(plan: Plan, chosen: Chosen, kept: Collection[str]) -> list[str]:
    """That ramps of moves which are not kept reach into the span."""
    felt = 0
    for move in plan.moves:
        begins, ends = plan.reach(move)
        felt += (
            move.id not in kept
            and not _touches(move, chosen)
            and begins < chosen.end
            and ends > chosen.start
            and chosen.stem in {None, move.stem}
        )
    if not felt:
        return []
    return [
        f"ramps of {felt} move{'' if felt == 1 else 's'} made for what lies outside the span reach into it, and are "
        "not listed"
    ]
