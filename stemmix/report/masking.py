"""The report: who masks whom, what is done about it, what it buys."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from stemmix.bands import EDGE_HZ
from stemmix.model.evidence import Evidence
from stemmix.model.plan import Conflict, Duck, Move, Plan, Presence, Ride, Unmask
from stemmix.report.tables import as_text, clock, span, table

REPORT_SCHEMA = "stemmix.report/1"


def report_text(evidence: Evidence, width: int, top: int) -> str:
    """The report for a page `width` columns wide: the `top` largest conflicts, every line, every move in brief."""
    plan = evidence.plan
    parts: list[RenderableType] = [_heading(evidence)]
    if plan.conflicts:
        parts += [_pairs(plan), _conflicts(plan, top)]
    if plan.lines:
        parts.append(_lines(plan))
    if plan.moves:
        parts.append(_moves(plan))
    parts += [f"note: {note}" for note in plan.notes]
    parts += [f"warning: {warning}" for stem in evidence.stems for warning in stem.warnings]
    return as_text(parts, width)


def report_json(evidence: Evidence) -> str:
    """The same for programs: sizes between every pair, conflicts largest first, moves in order of time."""
    plan = evidence.plan
    rate = plan.sample_rate

    def timed(item: Conflict | Move | Any) -> dict[str, Any]:
        fields = item.model_dump(mode="json", exclude={"start", "end"})
        return {**fields, "start_s": round(item.start / rate, 3), "end_s": round(item.end / rate, 3)}

    report = {
        "schema": REPORT_SCHEMA,
        "title": plan.title,
        "profile": plan.profile,
        "sample_rate": rate,
        "duration_s": round(plan.frames / rate, 3),
        "clarity_goal": plan.clarity_goal,
        "stems": [stem.model_dump(mode="json", include={"id", "role", "file", "priority"}) for stem in evidence.stems],
        "pairs": [
            {"target": target, "masker": masker, "size_before": round(before, 4), "size_after": round(after, 4)}
            for (target, masker), (before, after) in _pair_sizes(plan.conflicts)
        ],
        "conflicts": [timed(conflict) for conflict in _largest(plan.conflicts)],
        "lines": [timed(line) for line in plan.lines],
        "moves": [timed(move) for move in plan.moves],
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
            return f"presence, {min(bands_db):+.1f} to {max(bands_db):+.1f} dB"
        case Unmask(mid_db=mid_db, side_db=side_db):
            deepest = min(mid_db)
            cut = [band for band, gain in enumerate(mid_db) if gain <= deepest / 2]
            bands = f"{EDGE_HZ[cut[0]]:.0f}-{EDGE_HZ[cut[-1] + 1]:.0f} Hz"
            return f"cut to {deepest:.1f} dB ({min(side_db):.1f} at the sides), mostly {bands}"


def _heading(evidence: Evidence) -> str:
    plan = evidence.plan
    goal = plan.clarity_goal
    before = sum(line.clarity_before < goal for line in plan.lines)
    after = sum(line.clarity_after < goal for line in plan.lines)
    return (
        f"{plan.title}: {clock(plan.frames, plan.sample_rate)}, profile {plan.profile}, {len(evidence.stems)} stems, "
        f"{len(plan.lines)} lines\n"
        f"lines below clarity {goal:g}: {before} as the stems came, {after} in the mix"
    )


def _pair_sizes(conflicts: Iterable[Conflict]) -> list[tuple[tuple[str, str], tuple[float, float]]]:
    """Sizes before and after of every pair (target, masker), the largest first."""
    sizes: dict[tuple[str, str], tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for conflict in conflicts:
        before, after = sizes[conflict.target, conflict.masker]
        sizes[conflict.target, conflict.masker] = (before + conflict.size_before, after + conflict.size_after)
    return sorted(sizes.items(), key=lambda pair: (-pair[1][0], pair[0]))


def _largest(conflicts: Iterable[Conflict]) -> list[Conflict]:
    return sorted(conflicts, key=lambda conflict: (-conflict.size_before, conflict.id))


def _pairs(plan: Plan) -> Table:
    made = table(
        "Who masks whom, in importance-weighted masked band-seconds", ["target", "masker", ">as it came", ">in the mix"]
    )
    for (target, masker), (before, after) in _pair_sizes(plan.conflicts):
        made.add_row(target, masker, f"{before:.2f}", f"{after:.2f}")
    return made


def _conflicts(plan: Plan, top: int) -> Table:
    shown = _largest(plan.conflicts)[:top]
    made = table(
        f"Conflicts: the largest {len(shown)} of {len(plan.conflicts)}; SNR in dB",
        ["=id", "=line", ">time", "target", "masker", ">bands (Hz)", ">SNR", ">size", ">after"],
    )
    for conflict in shown:
        made.add_row(
            conflict.id,
            conflict.line,
            span(conflict.start, conflict.end, plan.sample_rate),
            conflict.target,
            conflict.masker,
            f"{conflict.low_hz:.0f}-{conflict.high_hz:.0f}",
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
            span(line.start, line.end, plan.sample_rate),
            line.target,
            f"{line.clarity_before:.2f}",
            f"{line.clarity_after:.2f}",
            line.stopped_by,
        )
    return made


def _moves(plan: Plan) -> Table:
    made = table(f"Moves: {len(plan.moves)}", ["=line", ">time", "stem", "what", "because of"])
    for move in plan.moves:
        made.add_row(
            move.line,
            span(move.start, move.end, plan.sample_rate),
            move.stem,
            in_words(move),
            ", ".join(move.because) or "-",
        )
    return made
