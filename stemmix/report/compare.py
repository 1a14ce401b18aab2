"""Two ways of mixing the same stems, side by side."""

from __future__ import annotations

import json

from stemmix.model.evidence import Evidence
from stemmix.model.plan import Outcome, Plan
from stemmix.report.tables import as_text, table

COMPARE_SCHEMA = "stemmix.comparison/1"

_FIGURES: tuple[tuple[str, str, str], ...] = (
    ("lines_unclear_after", "lines below the goal", "d"),
    ("clarity_after", "mean clarity of the lines", ".3f"),
    ("bed_loss_db", "bed lost while lines are spoken (dB)", ".2f"),
    ("bed_sones_lost", "bed lost in sones (share)", ".3f"),
    ("damage_db", "unevenness of the change over bands (dB)", ".2f"),
    ("outside_db", "bed lost away from any line (dB)", ".2f"),
)


def comparison_text(first: Evidence, second: Evidence, width: int) -> str:
    """Figures of two plans of the same stems, and what is masked in each."""
    plans = (first.plan, second.plan)
    made = table(
        f"{first.plan.title}: {plans[0].method} beside {plans[1].method}", ["figure", *(f">{p.method}" for p in plans)]
    )
    for name, title, form in _FIGURES:
        made.add_row(title, *(_figure(plan.outcome, name, form) for plan in plans))
    made.add_row("masked band-seconds, as they came", *(f"{sum(e.size_before for e in p.edges):.2f}" for p in plans))
    made.add_row("masked band-seconds, in the mix", *(f"{sum(e.size_after for e in p.edges):.2f}" for p in plans))
    made.add_row("moves", *(str(len(plan.moves)) for plan in plans))
    lines = table("Lines: clarity", ["=line", "=target", ">as it came", *(f">{plan.method}" for plan in plans)])
    for line, other in zip(first.plan.lines, second.plan.lines, strict=True):
        lines.add_row(
            line.id,
            line.target,
            f"{line.clarity_before:.2f}",
            f"{line.clarity_after:.2f}",
            f"{other.clarity_after:.2f}",
        )
    return as_text([made, lines], width)


def comparison_json(first: Evidence, second: Evidence) -> str:
    """The same for programs."""

    def told(plan: Plan) -> dict[str, object]:
        return {
            "method": plan.method,
            "outcome": plan.outcome.model_dump(mode="json") if plan.outcome else None,
            "edges": [edge.model_dump(mode="json") for edge in plan.edges],
            "lines": [
                line.model_dump(mode="json", include={"id", "target", "clarity_after", "stopped_by"})
                for line in plan.lines
            ],
            "moves": len(plan.moves),
        }

    compared = {
        "schema": COMPARE_SCHEMA,
        "title": first.plan.title,
        "plans": [told(first.plan), told(second.plan)],
    }
    return json.dumps(compared, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _figure(outcome: Outcome | None, name: str, form: str) -> str:
    return "-" if outcome is None else format(getattr(outcome, name), form)
