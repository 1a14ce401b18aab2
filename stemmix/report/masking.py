"""The report: who masks whom, what is done about it, what it buys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import to_jsonable_python
from rich.console import RenderableType
from rich.table import Table

from stemmix.bands import EDGE_HZ
from stemmix.model.evidence import Evidence
from stemmix.model.moves import Duck, Level, Presence, Ride, Scene, StaticEq, Unmask
from stemmix.model.plan import Conflict, Edge, Line, Move, Plan, PlannedScene
from stemmix.model.profiles import PROFILES
from stemmix.report.tables import as_text, change, clock, many, note, span, table

REPORT_SCHEMA = "stemmix.report/1"

BAND_SECONDS = "in band-seconds: 1 is a second in which all that matters of the target is hidden"
"""What sizes are told in."""


def report_text(evidence: Evidence, width: int, top: int) -> str:
    """The report for a page `width` columns wide: the `top` largest conflicts, every line, every move in brief."""
    plan = evidence.plan
    parts: list[RenderableType] = [_heading(evidence)]
    if plan.conflicts:
        parts += [_pairs(evidence), _conflicts(plan, top)]
    if plan.lines:
        parts.append(_lines(plan))
    if plan.moves:
        parts.append(_moves(plan))
    said = [note(text) for text in plan.notes]
    said += [f"warning: {warning}" for stem in evidence.stems for warning in stem.warnings]
    return as_text([*parts, "\n".join(said)] if said else parts, width)


def report_json(evidence: Evidence) -> str:
    """The same for programs: sizes between every pair, conflicts largest first, moves in order of time."""
    plan = evidence.plan
    rate = plan.sample_rate

    report = {
        "schema": REPORT_SCHEMA,
        "title": plan.title,
        "profile": plan.profile,
        "sample_rate": rate,
        "duration_s": round(plan.frames / rate, 3),
        "clarity_goal": plan.clarity_goal,
        "stems": [stem.model_dump(mode="json", include={"id", "role", "file", "priority"}) for stem in evidence.stems],
        "method": plan.method,
        "outcome": plan.outcome.model_dump(mode="json") if plan.outcome else None,
        "pairs": [edge.model_dump(mode="json") for edge in _largest_edges(evidence)],
        "scenes": [timed(scene, rate) for scene in plan.scenes],
        "conflicts": [timed(conflict, rate) for conflict in largest(plan.conflicts)],
        "lines": [timed(line, rate) for line in plan.lines],
        "moves": [timed(move, rate) for move in _in_time(plan.moves)],
        "notes": list(plan.notes),
        "warnings": [warning for stem in evidence.stems for warning in stem.warnings],
    }
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def in_words(move: Move) -> str:
    """What a move does, in a few words."""
    match move.action:
        case Duck(gain_db=gain_db):
            return f"duck by {-gain_db:.1f} dB"
        case Ride(gain_db=gain_db):
            return f"ride by {gain_db:+.1f} dB"
        case Presence(gain_db=bands_db):
            return f"presence, {change(min(bands_db))} to {change(max(bands_db))} dB"
        case Level(gain_db=gain_db):
            return f"fader by {gain_db:+.1f} dB"
        case StaticEq(gain_db=classic_db):
            return "seven-band equaliser, " + " ".join(f"{gain:.1f}" for gain in classic_db)
        case Unmask(mid_db=mid_db, side_db=side_db) | Scene(mid_db=mid_db, side_db=side_db):
            if not any(mid_db):
                return f"cut of the sides to {_depth(side_db)} dB"
            return f"cut to {_depth(mid_db)} dB (sides {_depth(side_db)})"


def bands_of(move: Move) -> str:
    """Where a cut is at least half as deep as at its deepest, in Hz; `all` of what has one gain."""
    match move.action:
        case Unmask(mid_db=mid_db, side_db=side_db) | Scene(mid_db=mid_db, side_db=side_db):
            return band_range(mid_db if any(mid_db) else side_db)
        case Duck() | Ride() | Level():
            return "all"
        case Presence() | StaticEq():
            return "-"


def _depth(gains_db: Sequence[float]) -> str:
    return f"{round(min(gains_db), 1) + 0.0:.1f}"


def band_range(gains_db: Sequence[float]) -> str:
    """The range of bands in Hz whose gain is at least half of the one that is furthest from 0."""
    low_hz, high_hz = band_edges(gains_db)
    return f"{low_hz:.0f}-{high_hz:.0f}"


def band_edges(gains_db: Sequence[float]) -> tuple[float, float]:
    """Both ends of it, in Hz."""
    most = max(gains_db, key=abs)
    inside = [band for band, gain in enumerate(gains_db) if gain * most >= most * most / 2]
    return EDGE_HZ[inside[0]], EDGE_HZ[inside[-1] + 1]


def purpose(move: Move) -> str:
    """What a move is made for: a line, by its id; a scene; a pin; or the whole programme."""
    if move.line is not None:
        return move.line
    if isinstance(move.action, Scene):
        return "scene"
    return "pin" if move.stopped_by == "pin" else "all"


def _heading(evidence: Evidence) -> str:
    plan, outcome = evidence.plan, evidence.plan.outcome
    said = (
        f"{plan.title}: {clock(plan.frames, plan.sample_rate)}, profile {plan.profile}, method {plan.method}, "
        f"{many(len(evidence.stems), 'stem')}, {many(len(plan.scenes), 'scene')}, {many(len(plan.lines), 'line')}"
    )
    if outcome is None:
        return said
    return (
        f"{said}\nlines below clarity {plan.clarity_goal:g}: {outcome.lines_unclear_before} as the stems came, "
        f"{outcome.lines_unclear_after} in the mix\n"
        f"the bed, while lines are spoken: {change(-outcome.bed_loss_db)} dB, {outcome.bed_sones_lost:.0%} of its "
        f"loudness in sones given up; elsewhere {change(-outcome.outside_db)} dB"
    )


def targets_of(evidence: Evidence) -> list[str]:
    """The stems that are to be heard first: those of the profile's roles, and those that pins raise."""
    roles = PROFILES[evidence.plan.profile].targets if evidence.plan.profile in PROFILES else ()
    raised = {line.target for line in evidence.plan.lines}
    return [stem.id for stem in evidence.stems if stem.role in roles or stem.id in raised]


def timed(item: Conflict | Line | Move | PlannedScene, rate_hz: int) -> dict[str, Any]:
    """A document of the plan for programs, its samples told as seconds."""
    fields = {name: value for name, value in to_jsonable_python(item).items() if name not in {"start", "end"}}
    return {**fields, "start_s": round(item.start / rate_hz, 3), "end_s": round(item.end / rate_hz, 3)}


def _largest_edges(evidence: Evidence) -> list[Edge]:
    """The largest first; those of targets that are to be heard first before the others."""
    first = targets_of(evidence)

    def rank(edge: Edge) -> tuple[bool, float, str, str]:
        return edge.target not in first, -edge.size_before, edge.target, edge.masker

    return sorted(evidence.plan.edges, key=rank)


def largest(conflicts: Iterable[Conflict]) -> list[Conflict]:
    """The largest first; those of lines, about which something can be done, before the others."""
    return sorted(conflicts, key=lambda conflict: (conflict.line is None, -conflict.size_before, conflict.id))


def _pairs(evidence: Evidence) -> Table:
    made = table(f"Who masks whom, {BAND_SECONDS}", ["target", "masker", ">as it came", ">in the mix"])
    for edge in _largest_edges(evidence):
        if edge.size_before >= 0.005:
            made.add_row(edge.target, edge.masker, f"{edge.size_before:.2f}", f"{edge.size_after:.2f}")
    return made


def _conflicts(plan: Plan, top: int) -> Table:
    shown = largest(plan.conflicts)[:top]
    made = table(
        f"Conflicts: the largest {len(shown)} of {len(plan.conflicts)}; weight: how much of what matters of the target"
        " lies in the bands; SNR in dB",
        ["id", ">time", "target", "masker", ">bands (Hz)", ">weight", ">SNR", ">size", ">after"],
    )
    for conflict in shown:
        made.add_row(
            conflict.id,
            span(conflict.start, conflict.end, plan.clock),
            conflict.target,
            conflict.masker,
            _hz(conflict),
            f"{conflict.importance:.0%}",
            f"{conflict.snr_db:.1f}",
            f"{conflict.size_before:.3f}",
            f"{conflict.size_after:.3f}",
        )
    return made


def _lines(plan: Plan) -> Table:
    made = table(
        "Lines: clarity from 0 to 1, as the stems came and in the mix",
        ["=line", ">time", "target", ">as it came", ">in the mix", "stopped by"],
    )
    for line in plan.lines:
        made.add_row(
            line.id,
            span(line.start, line.end, plan.clock),
            line.target,
            f"{line.clarity_before:.2f}",
            f"{line.clarity_after:.2f}",
            line.stopped_by,
        )
    return made


def _moves(plan: Plan) -> Table:
    made = table(
        f"Moves: {len(plan.moves)}; bands: where a cut is at least half as deep",
        ["=for", ">time", "stem", "what", ">bands (Hz)", "because of (Hz)"],
    )
    conflicts = {conflict.id: conflict for conflict in plan.conflicts}
    for move in _in_time(plan.moves):
        made.add_row(
            purpose(move),
            span(move.start, move.end, plan.clock),
            move.stem,
            in_words(move),
            bands_of(move),
            _because(conflicts, move),
        )
    return made


def _in_time(moves: Iterable[Move]) -> list[Move]:
    """In order of time; what stands longer first."""
    return sorted(moves, key=lambda move: (move.start, -move.end))


def _because(conflicts: Mapping[str, Conflict], move: Move) -> str:
    """The conflicts that caused a move, each as masker and bands under its line, but for what the row says already; of
    a move over the whole programme the largest, and how many its stem has."""
    of_line: dict[str | None, list[str]] = {}
    for conflict in (conflicts[name] for name in move.because if name in conflicts):
        masker = "" if conflict.masker == move.stem else f"{conflict.masker} "
        of_line.setdefault(conflict.line, []).append(f"{masker}{_hz(conflict)}")
    told = [("" if line in {None, move.line} else f"{line}: ") + ", ".join(bands) for line, bands in of_line.items()]
    named = "; ".join(told) or "-"
    if not isinstance(move.action, Level | StaticEq):
        return named
    count = sum(conflict.masker == move.stem and conflict.line is not None for conflict in conflicts.values())
    return named if count <= len(move.because) else f"{named}; the largest of {count}"


def _hz(conflict: Conflict) -> str:
    return f"{conflict.low_hz:.0f}-{conflict.high_hz:.0f}"
