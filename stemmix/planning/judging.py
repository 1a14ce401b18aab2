"""What became of every line in the mix as it is shaped in time, and what each move bought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp.dynamics import StemGains
from stemmix.model.moves import Presence, Ride, gains_of
from stemmix.model.plan import Conflict, Evidence, Line, Move, StoppedBy
from stemmix.planning import conflicts, masking
from stemmix.planning.desk import Desk, SolvedLine
from stemmix.planning.lines import Goal
from stemmix.planning.passages import HeardStem, Passage
from stemmix.units import samples_from_seconds

Floats = NDArray[np.float64]

SHORT = frozenset({"cap", "benefit", "pin", "nothing to cut"})
"""What stops a line short of its goal."""

NAMED = 8
"""A move over the whole programme bears on hundreds of conflicts: the largest are named."""

FIGURES = tuple(field.name for field in fields(Evidence))


class Layers:
    """All moves of a plan, by stem and kind: of those that overlap the furthest from 0 holds (`plan.layers_of`)."""

    def __init__(self, desk: Desk, moves: Iterable[Move]) -> None:
        self._desk = desk
        of_layer: dict[tuple[str, str], list[Move]] = {}
        for move in moves:
            of_layer.setdefault((move.stem, move.action.kind), []).append(move)
        self._layers = {
            layer: (its, *np.array([_reach(desk, move) for move in its]).T) for layer, its in of_layer.items()
        }

    def beside(self, move: Move, start: float, end: float) -> list[Move]:
        """Others of the same layer that are felt between two samples."""
        its, starts, ends = self._layers[move.stem, move.action.kind]
        return [its[number] for number in np.flatnonzero((starts < end) & (ends > start)) if its[number] is not move]


def judged_line(
    desk: Desk, line: SolvedLine, gains: dict[str, StemGains], layers: Layers, moves: Sequence[Move]
) -> tuple[Line, list[Conflict], dict[str, Evidence]]:
    """The line and its conflicts with what all moves, as they are shaped in time, make of them; and what the `moves`
    that bear on it bought, by id."""
    goal, maskers = line.goal, desk.maskers(line.goal)
    heard = desk.passage(goal)
    mixed = desk.mixed(goal, heard, gains)
    clarity = mixed.clarity(mixed.untouched)
    sizes = conflicts.sizes_of(conflicts.masked_by(mixed), heard.importance)
    target = _loudest(goal).id
    judged = Line(
        id=goal.id,
        target=target,
        start=goal.start * desk.hop,
        end=min(goal.end * desk.hop, desk.frames),
        clarity_before=round(line.clarity, 3),
        clarity_after=round(clarity, 3),
        snr_before_db=round(line.snr_db, 2),
        snr_after_db=round(mixed.mean_snr_db(clarity), 2),
        stopped_by=_stopped_by(line, clarity, desk.rules.clarity),
    )
    found_in = [
        Conflict(
            id=name,
            target=target,
            masker=maskers[found.masker].id,
            line=goal.id,
            low_hz=round(found.low_hz, 1),
            high_hz=round(found.high_hz, 1),
            importance=round(found.importance, 3),
            start=found.start * desk.hop,
            end=min(found.end * desk.hop, desk.frames),
            snr_db=round(found.snr_db, 2),
            size_before=round(found.size, 4),
            size_after=round(float(sizes[found.masker, found.low : found.high + 1].sum()), 4),
        )
        for name, found in zip(line.names, line.found, strict=True)
    ]
    bought = {
        move.id: _bought(desk, judged, goal, mixed, clarity, gains, move, _own_db(desk, goal, layers, move))
        for move in moves
    }
    return judged, found_in, bought


def _stopped_by(line: SolvedLine, clarity: float, goal: float) -> StoppedBy:
    """What stopped a line, by what it came to: neighbours' cuts may have carried it to the goal, ramps have left it a
    hair short."""
    if line.stopped_by in SHORT and clarity >= goal:
        return "goal"
    if line.stopped_by == "goal" and round(clarity, 3) < goal:
        return "benefit"
    return line.stopped_by


def _loudest(goal: Goal) -> HeardStem:
    """The target that most of what is to be heard comes from."""
    if len(goal.targets) == 1:
        return goal.targets[0]
    return max(goal.targets, key=lambda stem: float(stem.frames.power("mid", goal.start, goal.end).sum()))


def _bought(
    desk: Desk,
    line: Line,
    goal: Goal,
    mixed: Passage,
    clarity: float,
    gains: dict[str, StemGains],
    move: Move,
    own_db: Floats,
) -> Evidence:
    """What a line, of such a clarity as it is mixed, would lose if this move alone were taken back: `own_db` is what it
    does, (36,) all along the line or (frames, 36)."""
    voice_db: Floats | float = 0.0
    targets = [stem.id for stem in goal.targets]
    gain_db = mixed.untouched
    if move.stem in targets:
        times = desk.times(goal)
        all_db = [gains[stem].at(times)[:, :BAND_COUNT] for stem in targets]
        less_db = [gain - own_db if stem == move.stem else gain for stem, gain in zip(targets, all_db, strict=True)]
        voice_db = desk.voice_db(goal, less_db) - desk.voice_db(goal, all_db)
    else:
        masker = [stem.id for stem in desk.maskers(goal)].index(move.stem)
        if own_db.ndim == 1:
            gain_db[masker] = -own_db
        else:
            maskers = mixed.maskers.copy()
            maskers[masker] *= masking.power_of_db(-own_db)
            mixed = replace(mixed, maskers=maskers)
    bought = clarity - mixed.clarity(gain_db, voice_db)
    deepest_db = max(map(abs, gains_of(move.action)))
    return Evidence(
        snr_before_db=line.snr_before_db,
        snr_after_db=line.snr_after_db,
        sii_before=line.clarity_before,
        sii_after=line.clarity_after,
        bought=round(bought, 4),
        per_db=round(bought / deepest_db, 5) if deepest_db else 0.0,
    )


def _own_db(desk: Desk, goal: Goal, layers: Layers, move: Move) -> Floats:
    """(frames, 36) what a move does over a line: what is held there with it, less what is held without it; (36,) where
    that is the same all along."""
    times = desk.times(goal)
    others = layers.beside(move, times[0] - 1, times[-1] + 1)
    is_whole = move.start <= goal.start * desk.hop and min(goal.end * desk.hop, desk.frames) <= move.end
    if not others and is_whole:
        return np.array(gains_of(move.action)[:BAND_COUNT])
    with_it, without = (desk.gains_of_stem(held).at(times) for held in ([move, *others], others))
    return np.asarray((with_it - without)[:, :BAND_COUNT])


def with_conflicts(
    desk: Desk, standing: Sequence[Move], lines: Sequence[SolvedLine]
) -> tuple[list[Move], dict[str, list[Move]]]:
    """The moves that stood before any line was solved, with the largest `NAMED` conflicts that they bear on; and those
    that bear on each line, by its id."""
    told, of_line = [], dict[str, list[Move]]()
    for move in standing:
        under = [line for line in lines if _bears_on(desk, move, line.goal)]
        conflicts_under = [
            (-found.size, name)
            for line in under
            for name, found in zip(line.names, line.found, strict=True)
            if move.stem == desk.maskers(line.goal)[found.masker].id or _is_of(move, line.goal)
        ]
        told.append(replace(move, because=tuple(name for _, name in sorted(conflicts_under)[:NAMED])))
        for line in under:
            of_line.setdefault(line.goal.id, []).append(told[-1])
    return told, of_line


def _bears_on(desk: Desk, move: Move, goal: Goal) -> bool:
    """Whether a line is one that a standing move is made for; of a pin's move, one that it reaches into."""
    if move.of_pin:
        start, end = _reach(desk, move)
        return start < goal.end * desk.hop and end > goal.start * desk.hop
    (stem,) = (stem for stem in desk.stems if stem.id == move.stem)
    meant = goal.is_speech if move.action.kind == "level" else not goal.raised
    return not _is_of(move, goal) and stem.priority < goal.priority and meant


def _reach(desk: Desk, move: Move) -> tuple[int, int]:
    """The samples that a move is felt in: it has ramps, and what is done to a line itself has others."""
    if isinstance(move.action, Ride | Presence):
        ramp = samples_from_seconds(desk.shape.voice_ramp_s, desk.project.sample_rate)
        return move.start - ramp, move.end + ramp
    return desk.rules.reach(move.start, move.end)


def _is_of(move: Move, goal: Goal) -> bool:
    return any(stem.id == move.stem for stem in goal.targets)


def moves_of_lines(moves: Sequence[Move], lines: Sequence[SolvedLine]) -> dict[str, list[Move]]:
    """The moves that were made for each line, by its id: its own, and the curves it shares."""
    line_of = {name: line.goal.id for line in lines for name in line.names}
    of_line: dict[str, list[Move]] = {}
    for move in moves:
        for line in dict.fromkeys(line_of[because] for because in move.because):
            of_line.setdefault(line, []).append(move)
    return of_line


def with_evidence(moves: Sequence[Move], bought: Iterable[dict[str, Evidence]]) -> list[Move]:
    """The moves with what they bought: of one that is made for several lines, the mean of these; of one that reaches
    none, nothing."""
    of_move: dict[str, list[Evidence]] = {}
    for of_line in bought:
        for move, evidence in of_line.items():
            of_move.setdefault(move, []).append(evidence)

    def mean(move: Move) -> Evidence | None:
        if move.id not in of_move:
            return None
        told = of_move[move.id]
        if len(told) == 1:
            return told[0]
        columns = zip(*map(attrgetter(*FIGURES), told), strict=True)
        return Evidence(**{name: round(sum(each) / len(told), 5) for name, each in zip(FIGURES, columns, strict=True)})

    return [replace(move, evidence=mean(move)) for move in moves]
