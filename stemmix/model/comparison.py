"""What `stemmix report A B --json` prints: two plans side by side, with the lines matched that are one thing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from stemmix.model.document import Document
from stemmix.model.plan import Conflict, Edge, Line, Outcome, Plan, StoppedBy
from stemmix.model.report import ReportedChoice

COMPARISON_SCHEMA: Final = "stemmix.comparison/1"

SAME_SPAN = 0.5
"""Lines of two plans are one where they have so much of the time of both together in common."""


class Sizes(Document):
    """Importance-weighted masked band-seconds: 1 is a second in which all that matters is hidden."""

    before: float
    """As the stems came."""
    after: float
    """In the mix."""


class Masked(Document):
    """How much is hidden, all pairs together."""

    targets: Sizes
    """Of the stems that are to be heard first."""
    all: Sizes
    """Of every stem."""


class ConflictsLeft(Document):
    """Conflicts of lines that are under their goal: what is left in a line that has reached it is none to be mended,
    but it is left. Of a line that came the same to both plans, those that both list: one way of mixing also lists stems
    that louder ones cover until these are cut, and what came is the same for both. Of other lines, all."""

    count_before: int
    """How many there are, as the stems came."""
    count_after: int
    """How many are left in the mix."""
    size: Sizes
    """Of all of them together, before and after."""
    in_all_lines: Sizes
    """The same of all lines, whether they have reached their goal or not. What counts is judged line by line here, and
    along stretches of the programme in `masked`: the two are near each other, not the same."""
    not_counted: int
    """How many this plan alone lists, of lines that came the same to both: they are in none of these figures."""


class Clarity(Document):
    """Lines of speech, each whole."""

    lines: int
    """How many there are."""
    under_goal_before: int
    """How many are under their goal, as the stems came."""
    under_goal_after: int
    """The same in the mix."""
    mean_before: float | None
    """Mean audibility index, 0 to 1, as the stems came; null without any line."""
    mean_after: float | None
    """The same in the mix."""


class ComparedPlanLine(Document):
    """A line and what became of it."""

    id: str
    """Of the stem that begins it, and when."""
    target: str
    """Id of the stem that most of it comes from."""
    start_s: float
    """Where it begins, in seconds of the programme."""
    end_s: float
    """Where it ends."""
    start_time: str
    """Where it begins, for people: the picture's timecode, or H:MM:SS.s where frames are not known."""
    end_time: str
    """Where it ends, for people."""
    clarity_before: float
    """Audibility index from 0 to 1, as the stems came."""
    clarity_after: float
    """The same in the mix."""
    stopped_by: StoppedBy
    """Why no more was done."""


class ComparedPlan(Document):
    """One of two plans."""

    name: str
    """What it is called in the text: a method where both are of one project, else A or B."""
    path: str
    """As it was given on the command line."""
    kind: Literal["project", "plan"]
    """Whether it was decided now, or stored."""
    title: str
    """Of the programme."""
    profile: str
    """What kind of programme it is."""
    method: str
    """How it is mixed."""
    duration_s: float
    """Length of the whole programme, in seconds."""
    clarity_goal: float
    """Audibility index that every line is to have."""
    chosen: ReportedChoice | None
    """What of the programme is looked at; null: all of it."""
    targets: tuple[str, ...]
    """Ids of the stems that are to be heard first."""
    clarity: Clarity
    """What becomes of its lines."""
    conflicts: ConflictsLeft
    """What becomes of what hides them."""
    outcome: Outcome | None
    """What is done to all stems, over the span that is looked at; null with a reason where that is not known."""
    masked: Masked | None
    """How much is hidden, all pairs together, over that span; null with a reason where that is not known."""
    edges: tuple[Edge, ...] | None
    """How much of each stem each other one hides, over that span; null with a reason where that is not known."""
    lines: tuple[ComparedPlanLine, ...]
    """Those that touch the span, in time."""
    moves: int
    """How many touch the span."""
    reasons: dict[str, str]
    """Why a field of this object is null, by its name."""


class LinePair(Document):
    """A line on both sides, or on one."""

    first: str | None
    """Its id in the first plan; null where that has no such line."""
    second: str | None
    """Its id in the second plan."""
    clarity_first: float | None
    """Audibility index in the first mix, 0 to 1; null where that has no such line."""
    clarity_second: float | None
    """The same in the second mix."""


class Comparison(Document):
    """Two plans side by side: what is left hidden, what the bed gives up for it, how clear lines become."""

    schema_: Literal["stemmix.comparison/1"] = Field(alias="schema")
    """What this document is."""
    title: str
    """Of the first programme."""
    clarity_goal: float
    """Of the first."""
    targets: tuple[str, ...]
    """Of the first: ids of the stems that are to be heard first."""
    plans: tuple[ComparedPlan, ComparedPlan]
    """Both."""
    lines: tuple[LinePair, ...] | None
    """Lines of both that are one thing, by id or by time, then those that one side alone has; null with a reason where
    the two have nothing in common that lines could be matched by."""
    notes: tuple[str, ...]
    """What a person should know of the two."""
    reasons: dict[str, str]
    """Why a field of this object is null, by its name."""


def matched_lines(first: Plan, second: Plan) -> list[tuple[Line | None, Line | None]]:
    """Lines of two plans that are one thing, in time, then those of one side alone.

    They are of one target and have at least `SAME_SPAN` of their time together in common, in seconds, so that plans of
    two sample rates compare; of several, those of one id, then those with the most in common.
    """
    pairs: dict[str, Line] = {}
    taken: set[str] = set()
    for _, one, other in sorted(_alike(first, second), key=lambda pair: (pair[0], pair[1].start)):
        if one.id not in pairs and other.id not in taken:
            pairs[one.id] = other
            taken.add(other.id)
    both: list[tuple[Line | None, Line | None]] = [(line, pairs[line.id]) for line in first.lines if line.id in pairs]
    alone: list[tuple[Line | None, Line | None]] = [(line, None) for line in first.lines if line.id not in pairs]
    return both + alone + [(None, line) for line in second.lines if line.id not in taken]


def _alike(first: Plan, second: Plan) -> Iterator[tuple[tuple[bool, float], Line, Line]]:
    """Pairs of lines that may be one, and their rank: the lower the likelier."""
    lines = sorted(second.lines, key=lambda line: line.start)
    starts = [line.start / second.sample_rate for line in lines]
    longest = max(((line.end - line.start) / second.sample_rate for line in lines), default=0.0)
    for one in first.lines:
        start, end = one.start / first.sample_rate, one.end / first.sample_rate
        for number in range(bisect_left(starts, start - longest), bisect_left(starts, end)):
            other = lines[number]
            last = other.end / second.sample_rate
            shared = min(end, last) - max(start, starts[number])
            share = shared / (max(end, last) - min(start, starts[number]))
            if one.target == other.target and share >= SAME_SPAN:
                yield (one.id != other.id, -share), one, other


def conflicts_counted(plan: Plan, other: Plan) -> tuple[list[tuple[Conflict, Line]], int]:
    """Conflicts of a plan's lines, each with its line, and how many are not among them: of a line that came the same to
    both, by its id, clarity and SNR, those that the other plan does not list."""
    lines, others = {line.id: line for line in plan.lines}, {line.id: line for line in other.lines}
    listed = {conflict.id for conflict in other.conflicts}
    found = [(conflict, lines[conflict.line]) for conflict in plan.conflicts if conflict.line in lines]
    counted = [
        (conflict, line)
        for conflict, line in found
        if conflict.id in listed or _as_it_came(line) != _as_it_came(others.get(line.id))
    ]
    return counted, len(found) - len(counted)


def _as_it_came(line: Line | None) -> tuple[float, float] | None:
    return None if line is None else (line.clarity_before, line.snr_before_db)


def are_related(first: Plan, second: Plan) -> bool:
    """Whether two plans may be of one programme: by their titles, or by a file that both have."""
    files = [{stem.sha256 for stem in plan.stems} for plan in (first, second)]
    return first.title == second.title or not files[0].isdisjoint(files[1])


def stems_apart(first: Plan, second: Plan) -> list[str]:
    """In what the stems of two plans differ, a few words each: what was decided was decided for other sound."""
    ours, theirs = ({stem.id: stem for stem in plan.stems} for plan in (first, second))
    said = [f"{name} is only in the first" for name in ours if name not in theirs]
    said += [f"{name} is only in the second" for name in theirs if name not in ours]
    for name, one in ours.items():
        if (other := theirs.get(name)) is None:
            continue
        if one.sha256 != other.sha256:
            said.append(f"{name} is a different recording")
        if one.at * second.sample_rate != other.at * first.sample_rate:
            said.append(f"{name} begins at another time")
        if one.gain_db != other.gain_db:
            said.append(
                f"the fader of {name} is at {one.gain_db:g} dB in the first and at {other.gain_db:g} dB in the second"
            )
        if one.role is not other.role:
            said.append(f"{name} is {one.role.value} in the first and {other.role.value} in the second")
        if (one.pan, one.layout, one.order) != (other.pan, other.layout, other.order):
            said.append(f"the channels of {name} are placed differently")
    return said
