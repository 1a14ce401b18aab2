"""From features to a plan: goals, their conflicts, the least moves that reach them, and what those moves bought.

Pure: the same project and features give the same plan, and nothing here hears audio. Lines are taken one after another
and only their own stretch of the features is read, so that memory does not grow with the programme.

The order in which decisions know each other: faders first, then pinned moves, then the lines of the highest priority,
each lower priority hearing what was decided above it. Then everything is scored again: a cut that took a goal of higher
priority away again is undone. What is left of a scene's cuts in common becomes one curve of the scene.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp.dynamics import Shape, StemGains
from stemmix.dsp.spectrum import ruler
from stemmix.model.moves import Action, Duck, Presence, Ride, Unmask
from stemmix.model.plan import (
    Conflict,
    Evidence,
    Line,
    Move,
    Plan,
    PlannedShape,
    PlannedStem,
    StoppedBy,
    layers_of,
)
from stemmix.model.project import Project
from stemmix.planning import conflicts
from stemmix.planning.balance import balance_of
from stemmix.planning.evidence import HeardStem, Passage, passage
from stemmix.planning.frequency import static_moves
from stemmix.planning.graph import graph_of
from stemmix.planning.lines import Goal, goals_of, scenes_of
from stemmix.planning.outcome import outcome_of
from stemmix.planning.rules import Rules, transient_share
from stemmix.planning.scenes import shared_curves
from stemmix.planning.unmask import Solution, solve

Floats = NDArray[np.float64]
Item = TypeVar("Item")
Made = TypeVar("Made")

LEAST_MOVE_DB = 0.1
"""A move that nowhere changes as much is no move."""
HARM = 0.02
"""Clarity that a goal may lose to a later decision."""


@dataclass(frozen=True, eq=False)
class SolvedLine:
    """A line on its way to the plan: small, so that hours of them fit in memory."""

    goal: Goal
    moves: tuple[Move, ...]
    found: tuple[conflicts.Found, ...]
    """By number of masker in the goal's own list."""
    clarity: float
    snr_db: float
    reached: float
    """Clarity with its own moves and those of higher priority."""
    stopped_by: StoppedBy


class Desk:
    """What every decision looks at: stems, rules, times, and the gains that were decided so far."""

    def __init__(self, project: Project, stems: Sequence[HeardStem], frames: int, threads: int) -> None:
        profile = project.defaults
        self.project, self.stems, self.frames, self.threads = project, stems, frames, threads
        self.hop = ruler(project.sample_rate).hop_samples
        self.shape = Shape(profile.look_ahead_s, profile.hold_s, profile.ramp_s)
        self.rules = Rules(project, self.shape)

    def gains(self, moves: Iterable[Move]) -> dict[str, StemGains]:
        """What moves make of every stem."""
        of_stem: dict[str, list[Move]] = {stem.id: [] for stem in self.stems}
        for move in moves:
            of_stem[move.stem].append(move)
        rate = self.project.sample_rate
        return {stem: StemGains(layers_of(own), self.shape, rate, 2 * BAND_COUNT) for stem, own in of_stem.items()}

    def maskers(self, goal: Goal) -> list[HeardStem]:
        return [stem for stem in self.stems if stem not in goal.targets]

    def passage(self, goal: Goal) -> Passage:
        return passage(goal.targets, self.maskers(goal), goal.start, goal.end, is_speech=goal.is_speech)

    def mixed(self, goal: Goal, heard: Passage, gains: dict[str, StemGains]) -> Passage:
        """The passage as gains that were decided leave it."""
        times = np.arange(goal.start, goal.end, dtype=np.float64) * self.hop
        return heard.at_gains(
            np.stack([gains[stem.id].at(times) for stem in self.maskers(goal)]),
            gains[goal.targets[0].id].at(times)[:, :BAND_COUNT],
        )

    def each(self, work: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
        """Work on items side by side: what is compiled lets the interpreter go. In the order of the items."""
        with ThreadPoolExecutor(self.threads, "decide") as pool:
            return list(pool.map(work, items))


def decide(project: Project, stems: Sequence[HeardStem], frames: int, threads: int = 2) -> Plan:
    """The plan for a programme of `frames` samples; `stems` are those that are heard, in the project's order."""
    desk = Desk(project, stems, frames, threads)
    goals = goals_of(project, stems, desk.hop, frames) if len(stems) > 1 else []
    faders, advice = balance_of(project, stems, goals, desk.rules, desk.hop, frames)
    standing = [*faders, *desk.rules.pinned_moves(frames, stems)]
    if project.method == "frequency":
        standing += static_moves(project, stems, goals, frames)
        lines = desk.each(lambda goal: _as_it_came(desk, goal, desk.passage(goal)), goals)
        undone: list[str] = []
    else:
        lines, undone = _solved(desk, goals, standing)
    scenes = scenes_of(project, goals, desk.hop, frames)
    moves = [*standing, *shared_curves([move for line in lines for move in line.moves], scenes, project.sample_rate)]

    gains = desk.gains(moves)
    judged = desk.each(lambda line: _judged(desk, line, gains), sorted(lines, key=lambda line: line.goal.id))
    cleared = frozenset(stem.id for goal in goals for stem in goal.targets)
    edges, others = graph_of(stems, gains, desk.hop, frames, cleared)
    return Plan(
        schema_="stemmix.plan/1",
        title=project.title,
        profile=project.profile,
        method=project.method,
        sample_rate=project.sample_rate,
        frames=frames,
        clarity_goal=desk.rules.clarity,
        stems=tuple(
            PlannedStem(id=stem.id, sha256=stem.facts.sha256, frames=stem.facts.frames, at=stem.at) for stem in stems
        ),
        shape=PlannedShape(look_ahead_s=desk.shape.look_ahead_s, hold_s=desk.shape.hold_s, ramp_s=desk.shape.ramp_s),
        moves=tuple(moves),
        scenes=scenes,
        lines=tuple(line for line, _ in judged),
        conflicts=(*(conflict for _, found in judged for conflict in found), *others),
        edges=edges,
        outcome=outcome_of(
            stems, goals, [line for line, _ in judged], gains, desk.rules.clarity, project.sample_rate, frames
        ),
        notes=(*_notes(stems, goals), *desk.rules.notes(stems), *advice, *undone),
    )


def _solved(desk: Desk, goals: Sequence[Goal], standing: Sequence[Move]) -> tuple[list[SolvedLine], list[str]]:
    """Every goal solved, priority after priority, and what had to be undone afterwards, in words."""
    lines: list[SolvedLine] = []
    for _, group in groupby(goals, key=lambda goal: (goal.priority, [stem.id for stem in goal.targets])):
        decided = [*standing, *(move for line in lines for move in line.moves)]
        gains = desk.gains(decided)
        lines += desk.each(partial(_solved_line, desk, gains), list(group))
    return _without_harm(desk, lines, standing)


def _as_it_came(desk: Desk, goal: Goal, heard: Passage) -> SolvedLine:
    clarity = heard.clarity(heard.untouched)
    return SolvedLine(
        goal=goal,
        moves=(),
        found=tuple(conflicts.find(heard)),
        clarity=clarity,
        snr_db=heard.mean_snr_db(heard.untouched),
        reached=clarity,
        stopped_by="clear" if clarity >= desk.rules.clarity else "nothing to cut",
    )


def _solved_line(desk: Desk, gains: dict[str, StemGains], goal: Goal) -> SolvedLine:
    heard = desk.passage(goal)
    came = _as_it_came(desk, goal, heard)
    start = desk.mixed(goal, heard, gains)
    maskers = desk.maskers(goal)
    guilty = {found.masker for found in came.found}
    bounds, pinned = desk.rules.bounds(goal, maskers, guilty, desk.hop)
    solution = solve(start, bounds)
    stopped_by = solution.stopped_by
    if stopped_by in {"cap", "nothing to cut"} and pinned.any():
        stopped_by = "pin"
    return replace(
        came,
        moves=tuple(_moves(desk, came, start, solution, pinned, stopped_by)),
        reached=start.clarity(solution.gain_db, solution.voice_db),
        stopped_by=stopped_by,
    )


def _moves(
    desk: Desk, line: SolvedLine, heard: Passage, solution: Solution, pinned: NDArray[np.bool_], stopped_by: StoppedBy
) -> Iterable[Move]:
    """The line's moves, stem by stem; gains rounded to 0.01 dB, and what rounds to nothing left out."""
    goal, maskers = line.goal, desk.maskers(line.goal)
    after = heard.clarity(solution.gain_db, solution.voice_db)
    snr_after_db = heard.mean_snr_db(solution.gain_db, solution.voice_db)

    def move(
        stem: HeardStem, action: Action, gain_db: Floats, voice_db: Floats | float, most_db: float, stop: StoppedBy
    ) -> Move:
        bought = after - heard.clarity(gain_db, voice_db)
        return Move(
            id=f"{goal.id}-{stem.id}-{action.kind}",
            stem=stem.id,
            line=goal.id,
            start=goal.start * desk.hop,
            end=min(goal.end * desk.hop, desk.frames),
            action=action,
            because=tuple(
                f"{goal.id}.{number}"
                for number, found in enumerate(line.found, 1)
                if stem in goal.targets or maskers[found.masker] is stem
            ),
            evidence=Evidence(
                snr_before_db=round(line.snr_db, 2),
                snr_after_db=round(snr_after_db, 2),
                sii_before=round(line.clarity, 3),
                sii_after=round(after, 3),
                bought=round(bought, 4),
                per_db=round(bought / most_db, 5),
            ),
            stopped_by=stop,
        )

    for index, stem in enumerate(maskers):
        stop: StoppedBy = "pin" if pinned[index] else stopped_by
        if stop == "goal" and transient_share(stem, goal, desk.hop) > 0.5:
            stop = "protection"
        mid_db, side_db = _rounded(solution.mid_db[index]), _rounded(solution.side_db[index])
        duck_db = _rounded(solution.duck_db)[index]
        if min(mid_db) <= -LEAST_MOVE_DB:
            without = solution.gain_db.copy()
            without[index] = solution.duck_db[index]
            unmask = Unmask(kind="unmask", mid_db=mid_db, side_db=side_db)
            yield move(stem, unmask, without, solution.voice_db, -min(mid_db), stop)
        if duck_db <= -LEAST_MOVE_DB:
            without = solution.gain_db.copy()
            without[index] = solution.mid_db[index]
            yield move(stem, Duck(kind="duck", gain_db=duck_db), without, solution.voice_db, -duck_db, stop)
    ride_db, tilt_db = _rounded(np.array([solution.ride_db]))[0], _rounded(solution.presence_db)
    for stem in goal.targets:
        if abs(ride_db) >= LEAST_MOVE_DB:
            ride = Ride(kind="ride", gain_db=ride_db)
            yield move(stem, ride, solution.gain_db, solution.presence_db, abs(ride_db), "cap")
        if max(map(abs, tilt_db)) >= LEAST_MOVE_DB:
            presence = Presence(kind="presence", gain_db=tilt_db)
            yield move(stem, presence, solution.gain_db, solution.ride_db, max(map(abs, tilt_db)), "cap")


def _rounded(gain_db: Floats) -> tuple[float, ...]:
    return tuple(round(float(gain), 2) + 0.0 for gain in gain_db)


def _without_harm(desk: Desk, lines: list[SolvedLine], standing: Sequence[Move]) -> tuple[list[SolvedLine], list[str]]:
    """Score every goal again with all that was decided; undo what took one of higher priority away again.

    A goal is harmed by a cut of its own target, made for a line of lower priority: such a cut's ramps may reach into
    it. Only what reaches it is looked at, and what is undone stays undone.
    """
    said: list[str] = []
    ranks = {line.goal.priority for line in lines}
    if len(ranks) < 2:
        return lines, said
    gains = desk.gains([*standing, *(move for line in lines for move in line.moves)])
    for harmed in sorted(lines, key=lambda line: (-line.goal.priority, line.goal.id)):
        goal = harmed.goal
        targets = {stem.id for stem in goal.targets}
        first, last = goal.start * desk.hop, goal.end * desk.hop
        culprits = {
            move.id
            for line in lines
            if line.goal.priority < goal.priority
            for move in line.moves
            if move.stem in targets and _touches(desk, move, first, last)
        }
        if not culprits:
            continue
        now = desk.mixed(goal, desk.passage(goal), gains)
        clarity = now.clarity(now.untouched)
        if clarity >= min(desk.rules.clarity, harmed.reached) - HARM:
            continue
        said.append(
            f"undone: {', '.join(sorted(culprits))} took {goal.id} from clarity {harmed.reached:.2f} to {clarity:.2f}"
        )
        lines = [replace(line, moves=tuple(move for move in line.moves if move.id not in culprits)) for line in lines]
        gains = desk.gains([*standing, *(move for line in lines for move in line.moves)])
    return lines, said


def _touches(desk: Desk, move: Move, first: int, last: int) -> bool:
    start, end = desk.rules.reach(move.start, move.end)
    return start < last and end > first


def _judged(desk: Desk, line: SolvedLine, gains: dict[str, StemGains]) -> tuple[Line, list[Conflict]]:
    """The line and its conflicts with what the moves, as they are shaped in time, make of them."""
    goal, maskers = line.goal, desk.maskers(line.goal)
    heard = desk.passage(goal)
    mixed = desk.mixed(goal, heard, gains)
    after = conflicts.masked_by(mixed)
    target = max(goal.targets, key=lambda stem: float(stem.frames.power("mid", goal.start, goal.end).sum())).id
    judged = Line(
        id=goal.id,
        target=target,
        start=goal.start * desk.hop,
        end=min(goal.end * desk.hop, desk.frames),
        clarity_before=round(line.clarity, 3),
        clarity_after=round(mixed.clarity(mixed.untouched), 3),
        snr_before_db=round(line.snr_db, 2),
        snr_after_db=round(mixed.mean_snr_db(mixed.untouched), 2),
        stopped_by=line.stopped_by,
    )
    return judged, [
        Conflict(
            id=f"{goal.id}.{number}",
            target=target,
            masker=maskers[found.masker].id,
            line=goal.id,
            low_hz=round(found.low_hz, 1),
            high_hz=round(found.high_hz, 1),
            start=found.start * desk.hop,
            end=min(found.end * desk.hop, desk.frames),
            snr_db=round(found.snr_db, 2),
            size_before=round(found.size, 4),
            size_after=round(conflicts.size_in(after[found.masker], heard.importance, found.low, found.high), 4),
        )
        for number, found in enumerate(line.found, 1)
    ]


def _notes(stems: Sequence[HeardStem], goals: Sequence[Goal]) -> list[str]:
    notes = [f"{stem.id} is silent: it takes no part in any decision" for stem in stems if stem.facts.silent]
    if not goals:
        notes.append("no line that is to be heard first was found: nothing is cut, the stems are summed as they came")
    return notes
