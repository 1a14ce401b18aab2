"""Two ways of mixing the same stems, side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType

from stemmix.model.evidence import Evidence
from stemmix.model.plan import Edge, Outcome, Plan
from stemmix.report.masking import BAND_SECONDS, targets_of
from stemmix.report.tables import as_text, change, many, table

COMPARE_SCHEMA = "stemmix.comparison/1"


def comparison_text(first: Evidence, second: Evidence, width: int) -> str:
    """The figures of two plans of the same stems beside those of the stems as they came, then the lines that differ."""
    plans = (first.plan, second.plan)
    targets = targets_of(first)
    made = table(
        f"{first.plan.title}: the stems as they came, and mixed by either method",
        ["figure", ">as it came", *(f">{plan.method}" for plan in plans)],
    )
    for title, cells in (*_of_lines(plans), *_of_masking(plans, targets), *_of_bed(plans)):
        made.add_row(title, *cells)
    made.add_row("moves", "-", *(str(len(plan.moves)) for plan in plans))

    goal = first.plan.clarity_goal
    lines = table(
        f"Lines: clarity from 0 to 1; the goal is {goal:g}",
        ["=line", "=target", ">as it came", *(f">{plan.method}" for plan in plans)],
    )
    clear = 0
    for line, other in zip(first.plan.lines, second.plan.lines, strict=True):
        told = (line.clarity_before, line.clarity_after, other.clarity_after)
        if min(told) >= goal:
            clear += 1
        else:
            lines.add_row(line.id, line.target, *(f"{clarity:.2f}" for clarity in told))
    said = f"{many(clear, 'line')} {'is' if clear == 1 else 'are'} clear as they came and by either method"
    parts: list[RenderableType] = [
        made,
        f"hidden: {BAND_SECONDS}",
        *([lines] if lines.rows else []),
        *([said] if clear else []),
    ]
    return as_text(parts, width)


def comparison_json(first: Evidence, second: Evidence) -> str:
    """The same for programs."""
    targets = targets_of(first)

    def told(plan: Plan) -> dict[str, Any]:
        return {
            "method": plan.method,
            "outcome": plan.outcome.model_dump(mode="json") if plan.outcome else None,
            "masked": {
                "targets": _sizes([edge for edge in plan.edges if edge.target in targets]),
                "all": _sizes(plan.edges),
            },
            "edges": [edge.model_dump(mode="json") for edge in plan.edges],
            "lines": [
                {
                    name: getattr(line, name)
                    for name in ("id", "target", "clarity_before", "clarity_after", "stopped_by")
                }
                for line in plan.lines
            ],
            "moves": len(plan.moves),
        }

    compared = {
        "schema": COMPARE_SCHEMA,
        "title": first.plan.title,
        "clarity_goal": first.plan.clarity_goal,
        "targets": list(targets),
        "plans": [told(first.plan), told(second.plan)],
    }
    return json.dumps(compared, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


Row = tuple[str, list[str]]
"""What is told, and its cells: as the stems came, and by either method."""


def _of_lines(plans: Sequence[Plan]) -> list[Row]:
    came, goal = plans[0].outcome, plans[0].clarity_goal
    return [
        (
            f"lines below clarity {goal:g}" + (f", of {came.lines}" if came else ""),
            [_figure(came, "lines_unclear_before", "d"), *_each(plans, "lines_unclear_after", "d")],
        ),
        (
            "mean clarity of the lines",
            [_figure(came, "clarity_before", ".2f"), *_each(plans, "clarity_after", ".2f")],
        ),
    ]


def _of_masking(plans: Sequence[Plan], targets: Sequence[str]) -> list[Row]:
    """What is hidden of the targets, by whom, then of every stem by every other."""

    def row(title: str, edges: Sequence[Sequence[Edge]]) -> Row:
        sums = [_sizes(of_plan) for of_plan in edges]
        return title, [f"{size:.2f}" for size in (sums[0]["before"], *(one["after"] for one in sums))]

    of_targets = [[edge for edge in plan.edges if edge.target in targets] for plan in plans]
    maskers = sorted({edge.masker for edge in of_targets[0]}, key=lambda stem: -_of_masker(of_targets[0], stem))
    rows = [row(f"hidden of {', '.join(targets)}", of_targets)] if targets else []
    rows += [
        row(f"    by {masker}", [[edge for edge in edges if edge.masker == masker] for edges in of_targets])
        for masker in maskers
        if _of_masker(of_targets[0], masker) >= 0.005
    ]
    return [*rows, row("hidden of every stem by every other", [plan.edges for plan in plans])]


def _of_bed(plans: Sequence[Plan]) -> list[Row]:
    def changes(name: str) -> list[str]:
        return ["-", *(_changed(plan.outcome, name) for plan in plans)]

    return [
        ("the bed while lines are spoken (dB)", changes("bed_loss_db")),
        ("    of its loudness in sones given up", ["-", *_each(plans, "bed_sones_lost", ".0%")]),
        ("    unevenness of its change over bands (dB)", ["-", *_each(plans, "damage_db", ".1f")]),
        ("the bed away from any line (dB)", changes("outside_db")),
    ]


def _of_masker(edges: Sequence[Edge], masker: str) -> float:
    return sum(edge.size_before for edge in edges if edge.masker == masker)


def _sizes(edges: Sequence[Edge]) -> dict[str, float]:
    return {
        "before": round(sum(edge.size_before for edge in edges), 4),
        "after": round(sum(edge.size_after for edge in edges), 4),
    }


def _each(plans: Sequence[Plan], name: str, form: str) -> list[str]:
    return [_figure(plan.outcome, name, form) for plan in plans]


def _figure(outcome: Outcome | None, name: str, form: str) -> str:
    return "-" if outcome is None else format(getattr(outcome, name), form)


def _changed(outcome: Outcome | None, name: str) -> str:
    return "-" if outcome is None else change(-getattr(outcome, name))
