"""What is said of masking: moves in words, sizes and their unit, who is to be heard first, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_core import to_jsonable_python

from stemmix.bands import EDGE_HZ
from stemmix.model.evidence import Evidence, HeardFacts
from stemmix.model.features import StemFacts
from stemmix.model.layouts import LAYOUTS, STEREO
from stemmix.model.moves import Duck, Level, Presence, Ride, Scene, StaticEq, Unmask
from stemmix.model.plan import Conflict, Edge, Line, Move, Outcome, Plan, PlannedScene, StoppedBy
from stemmix.model.profiles import PROFILES, SPEECH
from stemmix.report.tables import change

BAND_SECONDS = "in band-seconds: 1 is a second in which all that matters of the target is hidden"
"""What sizes are told in."""

BECAUSE_OF: dict[StoppedBy, str] = {
    "clear": "the line was clear as it came",
    "goal": "the line has reached its goal",
    "cap": "the cap is reached",
    "benefit": "more would buy next to nothing",
    "protection": "hits, and lines that come first, are protected: others give way before them",
    "pin": "a pin holds it",
    "nothing to cut": "nothing that may be cut hides the line",
    "rule": "its rule asks for no more: a fader is moved to balance, a static curve goes half the way",
}
"""Why no more was done."""


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
        case Unmask() | Scene() as cut:
            if _depth(cut.mid_db) == _depth((0.0,)):
                return cut_in_words(cut)
            return f"cut to {_depth(cut.mid_db)} dB (sides {_depth(cut.side_db)})"


def cut_in_words(cut: Unmask | Scene) -> str:
    """How deep it is: of the middle, or of the sides where these are cut deeper."""
    if min(cut.mid_db) <= min(cut.side_db):
        return f"cut to {_depth(cut.mid_db)} dB"
    return f"cut of the sides to {_depth(cut.side_db)} dB"


def deepest_db(cut: Unmask | Scene) -> tuple[float, ...]:
    """36 gains in dB: of each band the middle's or the sides', whichever is cut deeper."""
    return tuple(map(min, cut.mid_db, cut.side_db))


def bands_of(move: Move) -> str:
    """Where a cut, of the middle or the sides, is at least half as deep as at its deepest, in Hz; `all` of what has one
    gain."""
    match move.action:
        case Unmask() | Scene() as cut:
            return band_range(deepest_db(cut))
        case Duck() | Ride() | Level():
            return "all"
        case Presence() | StaticEq():
            return "-"


def _depth(gains_db: Sequence[float]) -> str:
    return f"{round(min(gains_db), 1) + 0.0:.1f}"


def band_range(gains_db: Sequence[float]) -> str:
    """The range of bands in Hz whose gain is at least half of the one that is furthest from 0."""
    low_hz, high_hz = bands_moved(gains_db)
    return f"{low_hz:.0f}-{high_hz:.0f}"


def bands_moved(gains_db: Sequence[float]) -> tuple[float, float]:
    """The edges of that range, of 36 gains."""
    most = max(gains_db, key=abs)
    inside = [band for band, gain in enumerate(gains_db) if gain * most >= most * most / 2]
    return EDGE_HZ[inside[0]], EDGE_HZ[inside[-1] + 1]


def purpose(move: Move) -> str:
    """What a move is made for: a line, by its id; a scene; a pin; or the whole programme."""
    if move.line is not None:
        return move.line
    if isinstance(move.action, Scene):
        return "scene"
    return "pin" if move.of_pin else "all"


def done_about(conflict: Conflict, moves: Sequence[Move], line: Line | None) -> str:
    """What the `moves` that bear on a conflict do, stem by stem; where there are none, why nothing is done."""
    if not moves:
        if line is None:
            return f"nothing: {conflict.target} is not a stem that is cleared"
        done = (
            "what is done to the others clears the line" if line.stopped_by == "goal" else BECAUSE_OF[line.stopped_by]
        )
        return f"nothing: {done}"
    of_stem: dict[str, list[str]] = {}
    for move in moves:
        where = "" if bands_of(move) in {"all", "-"} else f" at {bands_of(move)} Hz"
        what_for = {"scene": " along the scene", "pin": " by a pin", "all": " throughout"}.get(purpose(move), "")
        if move.line is not None and move.line != conflict.line:
            what_for = f" for {move.line}"
        of_stem.setdefault(move.stem, []).append(f"{in_words(move)}{where}{what_for}")
    alike: dict[str, list[str]] = {}
    for stem, done_to in of_stem.items():
        alike.setdefault(", ".join(done_to), []).append(stem)
    return "; ".join(f"{', '.join(stems)}: {done}" for done, stems in alike.items())


def targets_of(evidence: Evidence) -> list[str]:
    """The stems that are to be heard first: those of the profile's roles, and those that pins raise."""
    roles = PROFILES[evidence.plan.profile].targets if evidence.plan.profile in PROFILES else ()
    raised = {line.target for line in evidence.plan.lines}
    return [stem.id for stem in evidence.plan.stems if stem.role in roles or stem.id in raised]


def timed(item: Conflict | Line | Move | PlannedScene, rate_hz: int) -> dict[str, Any]:
    """A document of the plan for programs, its samples told as seconds."""
    fields = {name: value for name, value in to_jsonable_python(item).items() if name not in {"start", "end"}}
    return {**fields, "start_s": round(item.start / rate_hz, 3), "end_s": round(item.end / rate_hz, 3)}


def largest_edges(evidence: Evidence) -> list[Edge]:
    """The largest first; those of targets that are to be heard first before the others, and of these last what stems of
    one role, which are heard as one, hide of each other."""
    first = targets_of(evidence)
    roles = {stem.id: stem.role for stem in evidence.plan.stems}

    def rank(edge: Edge) -> tuple[bool, bool, float, str, str]:
        is_first = edge.target in first
        as_one = is_first and roles[edge.target] is roles[edge.masker]
        return not is_first, as_one, -edge.size_before, edge.target, edge.masker

    return sorted(evidence.plan.edges, key=rank)


def is_seen(edge: Edge) -> bool:
    """Whether it is something at two digits, as the stems came or in the mix."""
    return max(edge.size_before, edge.size_after) >= 0.005


def judged_lines(plan: Plan, outcome: Outcome) -> str:
    """What the lines of an outcome are called: those of speech where a pin has made lines of what is none. Of a stem
    that is looked at alone fewer may be listed than are judged, which says nothing of the others."""
    return "lines of speech" if outcome.lines < len(plan.lines) else "lines"


def spoken_and_other(plan: Plan) -> tuple[list[Line], list[Line]]:
    """Lines of speech, and of what is none, as of effects that a game clears: no figure of an outcome counts those."""
    spoken = {stem.id for stem in plan.stems if stem.role in SPEECH}
    lines: tuple[list[Line], list[Line]] = [], []
    for line in plan.lines:
        lines[line.target not in spoken].append(line)
    return lines


def below_goal(plan: Plan, lines: Sequence[Line]) -> tuple[int, int]:
    """How many of some lines are below the plan's goal of clarity: as the stems came, and in the mix."""
    came = sum(line.clarity_before < plan.clarity_goal for line in lines)
    return came, sum(line.clarity_after < plan.clarity_goal for line in lines)


def looked_at(evidence: Evidence) -> tuple[int, int]:
    """The span that is shown, in samples of the programme."""
    chosen = evidence.chosen
    return (0, evidence.plan.frames) if chosen is None else (chosen.start, chosen.end)


def part_of(evidence: Evidence) -> str:
    """What that span is called."""
    in_part = evidence.chosen is not None and not evidence.chosen.is_whole(evidence.plan)
    return "the span" if in_part else "the time"


def sounding(evidence: Evidence, heard: HeardFacts) -> int:
    """How many samples of that span a stem has something to be heard in."""
    start, end = looked_at(evidence)
    runs = ((heard.at + run.start, heard.at + run.end) for run in heard.facts.heard_as(heard.role))
    return sum(max(min(last, end) - max(first, start), 0) for first, last in runs)


def active_share(evidence: Evidence, heard: HeardFacts) -> float:
    """The share of that span in which a stem is heard."""
    start, end = looked_at(evidence)
    return sounding(evidence, heard) / max(end - start, 1)


def onsets_in(evidence: Evidence, heard: HeardFacts) -> int:
    """How many onsets of a stem lie in that span."""
    start, end = looked_at(evidence)
    return sum(start <= heard.at + onset.at < end for onset in heard.facts.onsets)


def is_folded(facts: StemFacts) -> bool:
    """Whether a stem has more channels than stereo: loudness, peaks and bands that are told of it are its fold's."""
    return LAYOUTS[facts.source_layout].channels > STEREO.channels


def are_folded(evidence: Evidence) -> bool:
    """Whether any of the stems is."""
    return any(is_folded(heard.facts) for heard in evidence.stems)


def in_time(moves: Iterable[Move]) -> list[Move]:
    """In order of time; what stands longer first."""
    return sorted(moves, key=lambda move: (move.start, -move.end))
