"""A plan that was stored: mixed as it is, refused where its stems have changed, or, if that is wanted, made to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from stemmix.alignment import as_planned
from stemmix.destinations import PLAN_ENDING
from stemmix.errors import ProjectError
from stemmix.files.clips import TimelineReader
from stemmix.files.documents import MAX_DOCUMENT_BYTES, from_disk, read_document, text_of
from stemmix.files.json_text import parse_json
from stemmix.model.choice import Choice, narrowed
from stemmix.model.evidence import Evidence
from stemmix.model.plan import Plan, PlannedStem
from stemmix.model.project import Project
from stemmix.model.receipt import STALE
from stemmix.sources import Source, stale_reasons


class StoredPlan(NamedTuple):
    """A plan that is to be mixed instead of one that is made now."""

    path: Path
    stale_ok: bool = False
    """Whether it is mixed as far as it fits where its stems have changed."""
    seed: str | None = None
    """What dither is drawn from instead of its hash."""


def read_stored(stored: StoredPlan, project: Project, sources: Sequence[Source]) -> tuple[Plan, list[Source]]:
    """The plan for these stems, and the stems in line as it has them. ProjectError where it is none, or is stale, with
    every reason.

    One that may be stale comes back fitted, with each reason among its notes; one for another sample rate fits nothing.
    """
    plan = read_document(stored.path, Plan)
    placed = as_planned(plan, sources)
    reasons = stale_reasons(plan, project, placed)
    if not reasons:
        return plan, placed
    if not stored.stale_ok:
        raise ProjectError(f"{stored.path}: the plan is stale: {'; '.join(reasons)}")
    if plan.sample_rate != project.sample_rate:
        raise ProjectError(
            f"{stored.path}: the plan cannot be made to fit: its times are samples at {plan.sample_rate} Hz, and the "
            f"project is at {project.sample_rate} Hz"
        )
    asked = project.in_line
    sources = [one if one.stem.id in asked else source for one, source in zip(placed, sources, strict=True)]
    return _fitted(plan, project, sources, reasons), sources


def is_stored(path: Path) -> bool:
    """Whether a document is to be read as a plan: by its name, as a render gives it, or by what it says it is.

    ProjectError where it is a receipt: that knows its plan's name.
    """
    if path.name.endswith(PLAN_ENDING):
        return True
    try:
        told = parse_json(text_of(path, from_disk, MAX_DOCUMENT_BYTES), str(path), max_bytes=MAX_DOCUMENT_BYTES)
    except ProjectError:
        return False  # who reads it as a project says what is wrong
    kind = str(told.get("schema")).partition("/")[0] if isinstance(told, dict) else ""
    if isinstance(told, dict) and kind == "stemmix.receipt":
        raise ProjectError(f"{path}: is a receipt; expected a project or a plan, such as {told.get('plan')} beside it")
    return kind == "stemmix.plan"


def stored_evidence(path: Path, choice: Choice | None = None) -> Evidence:
    """A stored plan by itself, narrowed by a choice: what its stems sound like it does not say.

    ProjectError as of `read_document`, ChoiceError where there is no such thing in it.
    """
    evidence = Evidence(plan=read_document(path, Plan), stems=())
    return evidence if choice is None else narrowed(evidence, choice.of(evidence.plan))


def _fitted(plan: Plan, project: Project, sources: Sequence[Source], reasons: Sequence[str]) -> Plan:
    """The plan as far as it fits the stems of today.

    Moves of stems that are gone are left out, new stems get none, and the programme is as long as it is now: what lies
    beyond is left out.
    """
    stems = tuple(map(_planned, sources))
    present = {stem.id for stem in stems}
    frames = project.frames_of(max(stem.at + stem.frames for stem in stems))
    lines = [line for line in plan.lines if line.start < frames]
    conflicts = [conflict for conflict in plan.conflicts if conflict.start < frames]
    told, known = {line.id for line in lines}, {conflict.id for conflict in conflicts}
    moves = [
        replace(move, end=min(move.end, frames), because=tuple(one for one in move.because if one in known))
        for move in plan.moves
        if move.stem in present and move.start < frames and (move.line is None or move.line in told)
    ]
    notes = [f"{STALE}: {reason}" for reason in reasons]
    if gone := len(plan.moves) - len(moves):
        why = "their stems are gone, or they lie beyond the end"
        notes.append(f"{gone} of the stale plan's {len(plan.moves)} moves are left out: {why}")
    return plan.model_copy(
        update={
            "frames": frames,
            "stems": stems,
            "moves": tuple(moves),
            "lines": tuple(replace(line, end=min(line.end, frames)) for line in lines),
            "scenes": tuple(
                scene.model_copy(update={"end": frames if scene.end == plan.frames else min(scene.end, frames)})
                for scene in plan.scenes
                if scene.start < frames
            ),
            "conflicts": tuple(replace(conflict, end=min(conflict.end, frames)) for conflict in conflicts),
            "notes": (*plan.notes, *notes),
        }
    )


def _planned(source: Source) -> PlannedStem:
    """A stem as a plan of today names it."""
    stem = source.stem
    layout, order = stem.channels_said
    return PlannedStem(
        id=stem.id,
        sha256=source.sha256,
        frames=_frames_of(source),
        at=source.at,
        role=stem.role,
        gain_db=source.gain_db,
        pan=stem.pan,
        layout=layout,
        order=order,
        lag=source.lag,
        inverted=source.inverted,
    )


def _frames_of(source: Source) -> int:
    """Length of a stem at the programme's rate, in samples; read to its end where its header does not say."""
    if source.timeline.frames is not None:
        return source.timeline.frames
    with TimelineReader(source.timeline) as reader:
        while len(reader.read(1 << 16)):
            pass
        return reader.frames_out
