"""What a plan does to a span of the programme: the figures that are told of the whole, told of a part."""

from __future__ import annotations

from collections.abc import Sequence

from stemmix.model.plan import Edge, Outcome, Plan
from stemmix.model.project import Project
from stemmix.planning.desk import Desk
from stemmix.planning.graph import graph_of
from stemmix.planning.lines import goals_of
from stemmix.planning.outcome import outcome_of
from stemmix.planning.passages import HeardStem


def seen_in(
    project: Project, stems: Sequence[HeardStem], plan: Plan, span: tuple[int, int]
) -> tuple[tuple[Edge, ...], Outcome | None]:
    """Every pair's edge and the outcome over a span of samples, for a plan that was made for these stems."""
    desk = Desk(project, stems, plan.frames)
    goals = goals_of(project, stems, desk.hop, plan.frames) if len(stems) > 1 else []
    gains = desk.gains(plan.moves)
    rate = project.sample_rate
    # conflicts stand in the plan already: none is looked for
    all_ids = frozenset(stem.id for stem in stems)
    edges, _ = graph_of(stems, gains, rate, plan.frames, all_ids, span)
    outcome = outcome_of(stems, goals, plan.lines, gains, desk.rules.clarity, rate, plan.frames, span)
    return edges, outcome
