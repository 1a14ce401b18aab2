"""Two plans side by side: two methods of mixing the same stems, two projects, a stored plan and what is decided now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from rich.console import RenderableType
from rich.text import Text

from stemmix.model.comparison import (
    COMPARISON_SCHEMA,
    Clarity,
    ComparedPlan,
    ComparedPlanLine,
    Comparison,
    ConflictsLeft,
    LinePair,
    Masked,
    Sizes,
    are_related,
    conflicts_counted,
    matched_lines,
    stems_apart,
)
from stemmix.model.evidence import Evidence
from stemmix.model.plan import Conflict, Edge, Line, Outcome, Plan
from stemmix.report.as_json import document_as_json
from stemmix.report.masking import BAND_SECONDS, below_goal, is_seen, spoken_and_other, targets_of
from stemmix.report.records import Record, records
from stemmix.report.reported import UNTOLD, Times
from stemmix.report.tables import (
    BAD,
    QUIET,
    STRONG,
    Page,
    as_text,
    change,
    clock,
    in_lines,
    many,
    note,
    span_told,
    table,
    titled,
)
from stemmix.signs import in_one_line

ALIKE = 0.01
"""Lines that differ by less are as clear in both."""
MOST_LINES = 40
"""As many lines that differ are shown if no other number is asked for."""
STORED = (
    "a stored plan tells what is hidden, and what the bed gives up, for the whole programme only; its project tells "
    "it for a part"
)
UNRELATED = "the two share neither their title nor a stem, so their lines cannot be matched"


class Side(NamedTuple):
    """One of two plans."""

    path: str
    """As it was given."""
    kind: Literal["project", "plan"]
    evidence: Evidence
    """Of a stored plan, without stems."""


def comparison_of(first: Side, second: Side) -> Comparison:
    """All of it as a document."""
    one, other = first.evidence.plan, second.evidence.plan
    by_method = first.path == second.path and one.method != other.method
    names = (one.method, other.method) if by_method else ("A", "B")
    plans = (_compared(names[0], first, other), _compared(names[1], second, one))
    related = are_related(one, other)
    return Comparison(
        schema_=COMPARISON_SCHEMA,
        title=one.title,
        clarity_goal=one.clarity_goal,
        targets=plans[0].targets,
        plans=plans,
        lines=tuple(map(_pair, matched_lines(one, other))) if related else None,
        notes=tuple(_notes(first, second)),
        reasons={} if related else {"lines": UNRELATED},
    )


def comparison_json(compared: Comparison) -> str:
    """As JSON, for programs."""
    return document_as_json(compared)


def _pair(lines: tuple[Line | None, Line | None]) -> LinePair:
    first, second = lines
    return LinePair(
        first=None if first is None else first.id,
        second=None if second is None else second.id,
        clarity_first=None if first is None else first.clarity_after,
        clarity_second=None if second is None else second.clarity_after,
    )


def _notes(first: Side, second: Side) -> list[str]:
    one, other = first.evidence.plan, second.evidence.plan
    if not are_related(one, other):
        return ["A and B are different programmes: only their figures are set side by side"]
    notes = []
    if apart := stems_apart(one, other):
        stale = [side.path for side in (first, second) if side.kind == "plan"] if first.kind != second.kind else []
        said = (
            f"{stale[0]} is stale: it was made for different stems from those of today" if stale else "the stems differ"
        )
        notes.append(f"{said}: {'; '.join(apart)}")
    if one.frames * other.sample_rate != other.frames * one.sample_rate:
        lengths = " and ".join(clock(plan.frames, plan.sample_rate) for plan in (one, other))
        notes.append(f"they are {lengths} long")
    return notes


# ------------------------------------------------------------------------------------------------------------- figures


def _compared(name: str, side: Side, other: Plan) -> ComparedPlan:
    plan, chosen = side.evidence.plan, side.evidence.chosen
    times, targets = Times(plan), targets_of(side.evidence)
    unknown = side.kind == "plan" and chosen is not None and not chosen.is_whole(plan)
    reasons = {} if plan.outcome else {"outcome": STORED if unknown else UNTOLD}
    return ComparedPlan(
        name=name,
        path=side.path,
        kind=side.kind,
        title=plan.title,
        profile=plan.profile,
        method=plan.method,
        duration_s=times.seconds(plan.frames),
        clarity_goal=plan.clarity_goal,
        chosen=times.chosen(chosen),
        targets=tuple(targets),
        clarity=_clarity(plan),
        conflicts=_conflicts(plan, other),
        outcome=plan.outcome,
        masked=None
        if unknown
        else Masked(targets=_sizes(edge for edge in plan.edges if edge.target in targets), all=_sizes(plan.edges)),
        edges=None if unknown else plan.edges,
        lines=tuple(
            ComparedPlanLine(
                id=line.id,
                target=line.target,
                **times.of(line.start, line.end),
                clarity_before=line.clarity_before,
                clarity_after=line.clarity_after,
                stopped_by=line.stopped_by,
            )
            for line in plan.lines
        ),
        moves=len(plan.moves),
        reasons=reasons | (dict.fromkeys(("masked", "edges"), STORED) if unknown else {}),
    )


def _clarity(plan: Plan) -> Clarity:
    lines, _ = spoken_and_other(plan)
    came, left = below_goal(plan, lines)

    def mean(figures: Sequence[float]) -> float | None:
        return round(sum(figures) / len(figures), 3) if figures else None

    return Clarity(
        lines=len(lines),
        under_goal_before=came,
        under_goal_after=left,
        mean_before=mean([line.clarity_before for line in lines]),
        mean_after=mean([line.clarity_after for line in lines]),
    )


def _conflicts(plan: Plan, other: Plan) -> ConflictsLeft:
    found, not_counted = conflicts_counted(plan, other)
    came = [conflict for conflict, line in found if line.clarity_before < plan.clarity_goal]
    left = [conflict for conflict, line in found if line.clarity_after < plan.clarity_goal]
    return ConflictsLeft(
        count_before=len(came),
        count_after=len(left),
        size=Sizes(before=_sizes(came).before, after=_sizes(left).after),
        in_all_lines=_sizes(conflict for conflict, _ in found),
        not_counted=not_counted,
    )


def _sizes(hidden: Iterable[Edge | Conflict]) -> Sizes:
    hidden = list(hidden)
    return Sizes(
        before=round(sum(one.size_before for one in hidden), 4),
        after=round(sum(one.size_after for one in hidden), 4),
    )


# ---------------------------------------------------------------------------------------------------------------- text


def comparison_text(compared: Comparison, page: Page, top: int | None = None) -> str:
    """For a page: the figures of both plans side by side, then the lines that differ, `top` of them at most."""
    names = [in_one_line(plan.name) for plan in compared.plans]
    figures = table("Figures", ["figure", *(f">{name}" for name in names)])
    figures.title = titled("Figures", f": as it came → in the mix. Hidden: {BAND_SECONDS}")
    for title, cells in (*_of_lines(compared), *_of_masking(compared), *_of_bed(compared)):
        figures.add_row(title, *cells)
    figures.add_row("moves", *(str(plan.moves) for plan in compared.plans))
    parts: list[RenderableType] = [_heading(compared), figures, *_lines(compared, page.width, top)]
    said = [note(text) for text in compared.notes]
    said += [
        f"{many(plan.conflicts.not_counted, 'conflict')} of lines that only {plan.name} lists: not counted"
        for plan in compared.plans
        if plan.conflicts.not_counted
    ]
    said += [f"{plan.name}: {why}" for plan in compared.plans for why in dict.fromkeys(plan.reasons.values())]
    said += compared.reasons.values()
    return as_text([*parts, in_lines(said)] if said else parts, page)


def _heading(compared: Comparison) -> Text:
    first, second = compared.plans
    if first.path == second.path and first.name != "A":
        return Text.assemble(
            (compared.title, STRONG), f": the stems as they came, and mixed by either method; {_of(first)}"
        )
    told = Text()
    for plan in compared.plans:
        stored = "stored plan, " if plan.kind == "plan" else ""
        name, path = in_one_line(plan.name), in_one_line(plan.path)
        length = clock(round(plan.duration_s * 1000), 1000)
        told.append("\n" if told else "").append(name, STRONG).append(f": {path}: {stored}")
        told.append(plan.title, STRONG).append(f", {length}, profile {plan.profile}, method {plan.method}, {_of(plan)}")
    return told


def _of(plan: ComparedPlan) -> str:
    """What of the programme is looked at."""
    spoken = plan.clarity.lines
    lines = many(spoken, "line") + (" of speech" if spoken < len(plan.lines) else "")
    if plan.chosen is None:
        return lines
    scene = f", scene {plan.chosen.scene}" if plan.chosen.scene else ""
    stem = f", what involves {plan.chosen.stem}" if plan.chosen.stem else ""
    return f"of it {span_told(plan.chosen.start_time, plan.chosen.end_time)}{scene}{stem}: {lines}"


Row = tuple[str, list[str]]
"""What is told, and of either plan."""


def _of_lines(compared: Comparison) -> list[Row]:
    goals = list(dict.fromkeys(f"{plan.clarity_goal:g}" for plan in compared.plans))
    under = [(plan.clarity.under_goal_before, plan.clarity.under_goal_after) for plan in compared.plans]
    counts = [(plan.conflicts.count_before, plan.conflicts.count_after) for plan in compared.plans]
    means = [(plan.clarity.mean_before, plan.clarity.mean_after) for plan in compared.plans]
    # conflicts are counted of effects, too, that a profile or a pin clears
    of_speech = " of speech" if any(plan.clarity.lines < len(plan.lines) for plan in compared.plans) else ""
    of_all = " of all lines" if of_speech else " of lines"
    return [
        (f"lines{of_speech} below clarity {' and '.join(goals)}", [f"{before} → {after}" for before, after in under]),
        (f"conflicts{of_all} below it", [f"{before} → {after}" for before, after in counts]),
        ("    their size", [_both(plan.conflicts.size) for plan in compared.plans]),
        ("    that of all lines, clear or not", [_both(plan.conflicts.in_all_lines) for plan in compared.plans]),
        (f"mean clarity of the lines{of_speech}", [f"{_figure(before)} → {_figure(after)}" for before, after in means]),
    ]


def _of_masking(compared: Comparison) -> list[Row]:
    """What is hidden of the targets, by whom, then of every stem by every other."""
    plans = compared.plans
    same = plans[0].targets == plans[1].targets
    whose = ", ".join(plans[0].targets if same else ()) or "what is to be heard first"
    of_targets = [[edge for edge in plan.edges or () if edge.target in plan.targets] for plan in plans]
    largest: dict[str, float] = {}
    for edge in (edge for edges in of_targets for edge in edges):
        largest[edge.masker] = max(largest.get(edge.masker, 0.0), edge.size_before)

    def by(masker: str) -> list[str]:
        its = [[edge for edge in edges if edge.masker == masker] for edges in of_targets]
        return [_both(_sizes(edges) if edges else None) for edges in its]

    seen = dict.fromkeys(edge.masker for edges in of_targets for edge in edges if is_seen(edge))
    maskers = sorted(seen, key=lambda one: -largest[one])
    masked = [plan.masked for plan in plans]
    return [
        (f"hidden of {whose}", [_both(None if one is None else one.targets) for one in masked]),
        *((f"    by {masker}", by(masker)) for masker in maskers),
        ("hidden of every stem by every other", [_both(None if one is None else one.all) for one in masked]),
    ]


def _of_bed(compared: Comparison) -> list[Row]:
    outcomes = [plan.outcome for plan in compared.plans]

    def told(figure: Callable[[Outcome], str]) -> list[str]:
        return ["-" if outcome is None else figure(outcome) for outcome in outcomes]

    return [
        ("the bed while lines are spoken (dB)", told(lambda outcome: change(-outcome.bed_loss_db))),
        ("    of its loudness in sones given up", told(lambda outcome: f"{outcome.bed_sones_lost:.0%}")),
        ("    damage: how uneven over bands (dB)", told(lambda outcome: f"{outcome.damage_db:.1f}")),
        ("the bed away from any line (dB)", told(lambda outcome: change(-outcome.outside_db))),
    ]


def _lines(compared: Comparison, width: int, top: int | None) -> list[RenderableType]:
    """Those that differ, and how many do not."""
    if compared.lines is None:
        return []
    first, second = compared.plans
    ours, theirs = ({line.id: line for line in plan.lines} for plan in compared.plans)
    both = [pair for pair in compared.lines if pair.first is not None and pair.second is not None]
    apart = [pair for pair in compared.lines if _apart(pair) >= ALIKE]
    most = sorted(apart, key=_apart, reverse=True)[: MOST_LINES if top is None else top]
    shown = [(ours.get(pair.first or ""), theirs.get(pair.second or "")) for pair in most]

    def row(one: ComparedPlanLine | None, other: ComparedPlanLine | None) -> tuple[float, Record]:
        line = one or other
        assert line is not None
        by = "-" if one is None or other is None else f"{other.clarity_after - one.clarity_after:+.2f}"
        cells = [_told(one, first.clarity_goal), _told(other, second.clarity_goal)]
        return line.start_s, Record([line.id, span_told(line.start_time, line.end_time), line.target, *cells, by])

    parts: list[RenderableType] = []
    if shown:
        goals = " and ".join(dict.fromkeys(f"{plan.clarity_goal:g}" for plan in compared.plans))
        title = titled("Lines that differ", f". Clarity from 0 to 1, the goal is {goals}; as it came → in the mix")
        columns = ["line", "time", "stem", first.name, second.name, ">by"]
        rows = sorted((row(*pair) for pair in shown), key=lambda row: row[0])
        parts.append(records(title, columns, [record for _, record in rows], width))
    said = []
    if rest := len(apart) - len(shown):
        said.append(f"and {many(rest, 'line')} that {'differs' if rest == 1 else 'differ'} less")
    if alike := sum(_apart(pair) < ALIKE for pair in both):
        said.append(f"{many(alike, 'line')} {'is' if alike == 1 else 'are'} as clear in both mixes")
    return [*parts, Text("\n".join(said), QUIET)] if said else parts


def _apart(pair: LinePair) -> float:
    """By how much a line's clarity differs; a line of one side alone differs by all that it has."""
    return round(abs((pair.clarity_first or 0.0) - (pair.clarity_second or 0.0)), 3)


def _told(line: ComparedPlanLine | None, goal: float) -> Text:
    if line is None:
        return Text("-")
    told = f"{line.clarity_before:.2f} → {line.clarity_after:.2f}"
    return Text(f"{told} !", BAD) if line.clarity_after < goal else Text(told)


def _both(sizes: Sizes | None) -> str:
    return "-" if sizes is None else f"{sizes.before:.2f} → {sizes.after:.2f}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
