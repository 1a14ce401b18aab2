"""From features to a plan: goals, their conflicts, the least moves that reach them, and what those moves bought.

The same project and features give the same plan, and nothing here hears audio; only in the end the hashes of the stems'
files, which the plan names, are waited for. Lines are taken one after another
and only their own stretch of the features is read, so that memory does not grow with the programme. On one thread: what
is compiled takes some microseconds a call, and two would hand the interpreter to and fro for longer than that.

The order in which decisions know each other: faders first, then pinned moves, then the lines of the highest priority,
each lower priority hearing what was decided above it. Then everything is scored again: a cut that took a goal of higher
priority away again is undone. What is left of a scene's cuts in common becomes one curve of the scene.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp.dynamics import StemGains
from stemmix.model.moves import Action, Duck, Presence, Ride, Unmask, rounded_db
from stemmix.model.plan import (
    PLAN_SCHEMA,
    Move,
    Plan,
    PlannedShape,
    PlannedStem,
    StoppedBy,
)
from stemmix.model.project import Project
from stemmix.planning import conflicts
from stemmix.planning.balance import balance_of
from stemmix.planning.desk import Desk, SolvedLine
from stemmix.planning.frequency import static_moves
from stemmix.planning.graph import graph_of
from stemmix.planning.ids import joined
from stemmix.planning.judging import Layers, judged_line, moves_of_lines, with_conflicts, with_evidence
from stemmix.planning.lines import Goal, goals_of, scenes_of
from stemmix.planning.notes import notes_of_requests
from stemmix.planning.outcome import outcome_of, scenes_told
from stemmix.planning.passages import HeardStem, Passage
from stemmix.planning.rules import transient_share
from stemmix.planning.scenes import LEAST_MOVE_DB, shared_curves
from stemmix.planning.settle import settled
from stemmix.planning.unmask import GOAL_MARGIN, Bounds, Solution, solve

Floats = NDArray[np.float64]

HARM = 0.02
"""Clarity that a goal may lose to a later decision."""
OUT_OF_MIDDLE_DB = 10.0
LINES_LOOKED_AT = 20


def decide(project: Project, stems: Sequence[HeardStem], frames: int) -> Plan:
    """The plan for a programme of `frames` samples; `stems` are those that are heard, in the project's order.

    StemError where the file of one has changed since it was heard.
    """
    desk = Desk(project, stems, frames)
    goals = goals_of(project, stems, desk.hop, frames) if len(stems) > 1 else []
    faders, advice = balance_of(desk, goals)
    standing = [*faders, *desk.rules.pinned_moves(stems)]
    scenes = scenes_of(project, goals, desk.hop, frames)

    def shared(lines: Sequence[SolvedLine]) -> list[Move]:
        return shared_curves([move for line in lines for move in line.moves], scenes, desk.shape, project.sample_rate)

    def mixed(lines: Sequence[SolvedLine]) -> dict[str, StemGains]:
        return desk.gains([*standing, *shared(lines)])

    if project.method == "frequency":
        standing += static_moves(stems, goals, desk.rules, frames)
        gains = desk.gains(standing)
        capped = {move.stem for move in standing if move.stopped_by == "cap"}
        lines = [_under_curves(desk, gains, goal, capped) for goal in goals]
        undone: list[str] = []
    else:
        lines, undone = _solved(desk, goals, standing)
        lines = settled(desk, lines, mixed, partial(_solved_again, desk, standing))
    made = shared(lines)
    gains = desk.gains([*standing, *made])
    of_line = moves_of_lines(made, lines)
    standing, over_line = with_conflicts(desk, standing, lines)
    layers = Layers(desk, [*standing, *made])
    judged = []
    # hours have thousands of lines: each is let go of when it has been told
    waiting = deque(sorted(lines, key=lambda one: one.goal.in_time))
    del lines
    while waiting:
        line = waiting.popleft()
        bearing = [*of_line.get(line.goal.id, ()), *over_line.get(line.goal.id, ())]
        judged.append(judged_line(desk, line, gains, layers, bearing))
    told = [line for line, _, _ in judged]
    moves = with_evidence([*standing, *made], [bought for _, _, bought in judged])
    wanted = {stem.id: stem for stem in project.stems}
    cleared = frozenset(stem.id for goal in goals for stem in goal.targets)
    edges, others = graph_of(stems, gains, project.sample_rate, frames, cleared)
    scenes_said = scenes_told(scenes, stems, goals, told, gains, project.sample_rate)
    outcome = outcome_of(stems, goals, told, gains, desk.rules.clarity, project.sample_rate, frames)
    # last of all, what waits for the hashes of files
    return Plan(
        schema_=PLAN_SCHEMA,
        title=project.title,
        profile=project.profile,
        method=project.method,
        sample_rate=project.sample_rate,
        frames=frames,
        frame_rate=project.frame_rate,
        start=project.start,
        clarity_goal=desk.rules.clarity,
        stems=tuple(
            PlannedStem(
                id=stem.id,
                sha256=stem.sha256,
                frames=stem.facts.frames,
                at=stem.at,
                role=stem.role,
                gain_db=project.fader_db(wanted[stem.id]),
                pan=wanted[stem.id].pan,
                layout=wanted[stem.id].channels_said[0],
                order=wanted[stem.id].channels_said[1],
                lag=stem.lag,
                inverted=stem.inverted,
            )
            for stem in stems
        ),
        shape=PlannedShape(**asdict(desk.shape)),
        moves=tuple(moves),
        scenes=scenes_said,
        lines=tuple(told),
        conflicts=(*(conflict for _, found, _ in judged for conflict in found), *others),
        edges=edges,
        outcome=outcome,
        notes=(
            *_notes(project, stems, goals),
            *notes_of_requests(project, desk.rules, stems, goals, desk.hop, frames),
            *advice,
            *undone,
        ),
    )


def _solved(desk: Desk, goals: Sequence[Goal], standing: Sequence[Move]) -> tuple[list[SolvedLine], list[str]]:
    """Every goal solved, priority after priority, and what had to be undone afterwards, in words."""
    lines: list[SolvedLine] = []
    for _, group in groupby(goals, key=lambda goal: (goal.priority, [stem.id for stem in goal.targets])):
        gains, layers = _decided(desk, standing, lines)
        lines += [_solved_line(desk, gains, layers, goal) for goal in group]
    return _without_harm(desk, lines, standing)


def _solved_again(
    desk: Desk, standing: Sequence[Move], lines: Sequence[SolvedLine], aims: Mapping[str, float]
) -> list[SolvedLine]:
    """Some of the lines, with their aims moved, and what was decided above them as it stands now."""
    solved: list[SolvedLine] = []
    for rank in sorted({line.goal.priority for line in lines if line.goal.id in aims}, reverse=True):
        gains, layers = _decided(desk, standing, [line for line in lines if line.goal.priority > rank])
        group = [line for line in lines if line.goal.priority == rank and line.goal.id in aims]
        lifts = [line.lift + aims[line.goal.id] for line in group]
        lifted = [replace(line, lift=lift) for line, lift in zip(group, lifts, strict=True)]
        solved += [_solved_from(desk, gains, layers, line) for line in lifted]
    return solved


def _decided(
    desk: Desk, standing: Sequence[Move], lines: Sequence[SolvedLine]
) -> tuple[dict[str, StemGains], list[dict[str, StemGains]]]:
    """The gains that stand when lines have been decided: all of them, and of their unmasks and ducks by themselves."""
    made = [move for line in lines for move in line.moves]
    layers = [desk.gains(move for move in made if move.action.kind == kind) for kind in ("unmask", "duck")]
    return desk.gains([*standing, *made]), layers


def _as_it_came(desk: Desk, goal: Goal, heard: Passage) -> SolvedLine:
    clarity = heard.clarity(heard.untouched)
    found = tuple(conflicts.find(heard))
    return SolvedLine(
        goal=goal,
        moves=(),
        found=found,
        names=desk.names(goal, found),
        clarity=clarity,
        snr_db=heard.mean_snr_db(clarity),
        reached=clarity,
        stopped_by="clear" if clarity >= desk.rules.clarity else "nothing to cut",
    )


def _under_curves(desk: Desk, gains: dict[str, StemGains], goal: Goal, capped: Collection[str]) -> SolvedLine:
    """A goal under curves that were made for all lines alike: what they reach is all there is.

    `capped`: the stems whose curves would have gone deeper.
    """
    heard = desk.passage(goal)
    came = _as_it_came(desk, goal, heard)
    mixed = desk.mixed(goal, heard, gains)
    reached = mixed.clarity(mixed.untouched)
    maskers = desk.maskers(goal)
    below = {maskers[found.masker] for found in came.found if maskers[found.masker].priority < goal.priority}
    stopped_by = came.stopped_by
    if stopped_by != "clear" and reached >= desk.rules.clarity:
        stopped_by = "goal"
    elif stopped_by != "clear" and below:
        stopped_by = "cap" if any(stem.id in capped for stem in below) else "rule"
        if any(desk.rules.holds_curve(stem.id) for stem in below):
            stopped_by = "pin"
    return replace(came, reached=reached, stopped_by=stopped_by)


def _solved_line(
    desk: Desk, gains: dict[str, StemGains], layers: Sequence[dict[str, StemGains]], goal: Goal
) -> SolvedLine:
    """A goal solved with what was decided before it, its unmasks and ducks in `layers`."""
    heard = desk.passage(goal, wide=True)
    return _solved_from(desk, gains, layers, _as_it_came(desk, goal, heard), heard)


def _solved_from(
    desk: Desk,
    gains: dict[str, StemGains],
    layers: Sequence[dict[str, StemGains]],
    came: SolvedLine,
    heard: Passage | None = None,
) -> SolvedLine:
    """A line solved as if nothing had been done for it, with its aim moved by its lift.

    What is done to a stem twice is not done twice over: the deeper holds (`model.plan.layers_of`). So a line begins
    where the earlier cuts stand all along it, and its moves are told from there as a whole.
    """
    goal = came.goal
    heard = heard or desk.passage(goal, wide=True)
    start = desk.mixed(goal, heard, gains)
    maskers = desk.maskers(goal)
    guilty = {found.masker for found in came.found}
    bounds, pinned = desk.rules.bounds(goal, maskers, guilty, desk.hop)
    if uncovered := _uncovered(heard, start, bounds, guilty):
        found = (*came.found, *uncovered)
        came = replace(came, found=found, names=desk.names(goal, found))
        bounds, pinned = desk.rules.bounds(goal, maskers, guilty | {one.masker for one in uncovered}, desk.hop)
    stand = [np.zeros((len(maskers), 2 * BAND_COUNT)) for _ in layers]
    times = desk.times(goal)
    alone = all(made[stem.id].idle(times[0] - 1, times[-1] + 1) for made in layers for stem in maskers)
    if not alone and (came.lift or start.clarity(start.untouched) < bounds.clarity):
        passing_db = np.zeros((len(maskers), len(times), 2 * BAND_COUNT))
        for index in map(int, np.flatnonzero(bounds.lost_db.any(axis=1) | (bounds.duck_db > 0))):
            for layer, made in zip(stand, layers, strict=True):
                gain_db = made[maskers[index].id].at(times)
                layer[index] = gain_db.max(axis=0)
                passing_db[index] += gain_db - layer[index]
        start = start.at_gains(-passing_db)
    unmasked, ducked = stand
    # what stands deeper than this line may cut is left to the line that it was made for
    depth_db = np.hstack((bounds.lost_db, bounds.lost_db))
    stand = [np.maximum(unmasked, -depth_db), np.maximum(ducked, -bounds.duck_db[:, None])]
    bounds = replace(
        bounds,
        rule_db=np.maximum(bounds.rule_db + unmasked[:, :BAND_COUNT], 0.0),
        lost_db=np.maximum(bounds.lost_db + unmasked[:, :BAND_COUNT], 0.0),
        duck_db=np.maximum(bounds.duck_db + ducked[:, 0], 0.0),
    )
    solution = solve(start, bounds, came.lift)
    stopped_by = solution.stopped_by
    if stopped_by == "clear" and came.clarity < bounds.clarity:
        # cuts of higher priority have cleared it
        stopped_by = "goal"
    if stopped_by in {"cap", "benefit", "nothing to cut"} and pinned.any():
        stopped_by = "pin"
    return replace(
        came,
        moves=tuple(_moves(desk, came, solution, stand, pinned)),
        reached=start.clarity(solution.gain_db, solution.voice_db),
        stopped_by=stopped_by,
    )


def _uncovered(heard: Passage, start: Passage, bounds: Bounds, guilty: Collection[int]) -> list[conflicts.Found]:
    """Conflicts with stems that others covered, sizes as the stems came.

    Who masks a line that the rule's cuts of the guilty do not clear, when these are cut as deep as they may be.
    """
    if start.clarity(-bounds.rule_db) >= bounds.clarity + GOAL_MARGIN:
        return []
    furthest_db = -(bounds.lost_db + bounds.duck_db[:, None])
    bare = replace(start, maskers=start.maskers * 10.0 ** (furthest_db[:, None, :] / 10.0))
    found = [one for one in conflicts.find(bare) if one.masker not in guilty]
    if not found:
        return []
    sizes = conflicts.sizes_of(conflicts.masked_by(heard), heard.importance)
    return [replace(one, size=float(sizes[one.masker, one.low : one.high + 1].sum())) for one in found]


def _moves(
    desk: Desk,
    line: SolvedLine,
    solution: Solution,
    stand: Sequence[Floats],
    pinned: NDArray[np.bool_],
) -> Iterable[Move]:
    """The line's moves, stem by stem, on top of what stands, rounded to 0.01 dB, without what is next to nothing."""
    goal, maskers = line.goal, desk.maskers(line.goal)
    unmasked, ducked = stand

    def move(stem: HeardStem, action: Action, stop: StoppedBy) -> Move:
        return Move(
            id=joined(goal.id, stem.id, action.kind),
            stem=stem.id,
            line=goal.id,
            start=goal.start * desk.hop,
            end=min(goal.end * desk.hop, desk.frames),
            action=action,
            because=tuple(
                name
                for name, found in zip(line.names, line.found, strict=True)
                if stem in goal.targets or maskers[found.masker] is stem
            ),
            stopped_by=stop,
        )

    for index, stem in enumerate(maskers):
        stop: StoppedBy = solution.stopped_by
        if stop in {"cap", "benefit"}:
            stop = "cap" if solution.at_cap[index] else "benefit"
        if pinned[index] and (stop != "goal" or solution.at_cap[index]):
            stop = "pin"
        if stop == "goal" and transient_share(stem, goal, desk.hop) > 0.5:
            stop = "protection"
        if solution.mid_db[index].min() <= -LEAST_MOVE_DB:
            both_db = rounded_db(np.concatenate((solution.mid_db[index], solution.side_db[index])) + unmasked[index])
            halves = {"mid_db": both_db[:BAND_COUNT], "side_db": both_db[BAND_COUNT:]}
            yield move(stem, Unmask(kind="unmask", **halves), stop)
        if solution.duck_db[index] <= -LEAST_MOVE_DB:
            yield move(stem, Duck(kind="duck", gain_db=rounded_db(solution.duck_db + ducked[:, 0])[index]), stop)
    if not solution.voice_db.any():
        return
    ride_db, tilt_db = rounded_db([solution.ride_db])[0], rounded_db(solution.presence_db)
    for stem in goal.voices:
        if abs(ride_db) >= LEAST_MOVE_DB:
            yield move(stem, Ride(kind="ride", gain_db=ride_db), "cap")
        if max(map(abs, tilt_db)) >= LEAST_MOVE_DB:
            yield move(stem, Presence(kind="presence", gain_db=tilt_db), "cap")


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
    for harmed in sorted(lines, key=lambda line: (-line.goal.priority, line.goal.in_time)):
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
        lines = [_without(line, culprits) for line in lines]
        gains = desk.gains([*standing, *(move for line in lines for move in line.moves)])
    return lines, said


def _without(line: SolvedLine, culprits: set[str]) -> SolvedLine:
    left = tuple(move for move in line.moves if move.id not in culprits)
    return line if len(left) == len(line.moves) else replace(line, moves=left, stopped_by="protection")


def _mid_under_sides_db(stem: HeardStem, goals: Sequence[Goal]) -> float:
    """How far the mid of a stem that is cleared lies under its sides, over its first lines; 0 of any other."""
    spans = [(goal.start, goal.end) for goal in goals if stem in goal.targets][:LINES_LOOKED_AT]
    mid, total = (sum(float(stem.frames.power(column, *span).sum()) for span in spans) for column in ("mid", "total"))
    return 10.0 * math.log10(max(total - mid, 1e-20) / max(mid, 1e-20)) if total else 0.0


def _touches(desk: Desk, move: Move, first: int, last: int) -> bool:
    start, end = desk.rules.reach(move.start, move.end)
    return start < last and end > first


def _notes(project: Project, stems: Sequence[HeardStem], goals: Sequence[Goal]) -> list[str]:
    notes = [f"{stem.id} is silent: it takes no part in any decision" for stem in stems if stem.facts.silent]
    notes += [
        f"{stem.id} is out of phase where it is to be heard: its sides are {under_db:.0f} dB over its middle, as if "
        "one side were inverted; cuts cannot bring it out, and a mono mix loses it"
        for stem in stems
        if (under_db := _mid_under_sides_db(stem, goals)) > OUT_OF_MIDDLE_DB
    ]
    if len(stems) == 1:
        notes.append("only one stem is heard: nothing hides it, and nothing is cut")
    elif not goals:
        lacking = project.defaults.lacking(stem.role for stem in stems)
        unheard = [one.id for one in project.stems if one not in project.heard and one.role in project.defaults.targets]
        if lacking and unheard:
            lacking = f"nothing that the profile clears is heard, with {', '.join(unheard)} left out: nothing is cut"
        notes.append(
            lacking or "no line to be cleared was found: nothing is cut, and the stems are summed as they came"
        )
    return notes
