"""From features to a plan: lines, their conflicts, the least moves that clear them, and what those moves bought.

Pure: the same project and features give the same plan, and nothing here hears audio. Lines are taken one after another
and only their own stretch of the features is read, so that memory does not grow with the programme.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp.dynamics import Shape, StemGains
from stemmix.dsp.spectrum import ruler
from stemmix.model.plan import (
    Conflict,
    Duck,
    Line,
    Move,
    Plan,
    PlannedShape,
    PlannedStem,
    Presence,
    Ride,
    Unmask,
    layers_of,
)
from stemmix.model.profiles import Role
from stemmix.model.project import Project
from stemmix.planning import conflicts, masking
from stemmix.planning.evidence import HeardStem, Passage, passage
from stemmix.planning.unmask import Limits, Solution, solve

Floats = NDArray[np.float64]

LEAST_MOVE_DB = 0.1
"""A move that nowhere changes as much is no move."""


@dataclass(frozen=True, eq=False)
class _Line:
    """A line on its way to the plan: small, so that hours of them fit in memory."""

    id: str
    start: int
    end: int
    """Programme frames."""
    solution: Solution
    found: tuple[conflicts.Found, ...]
    conflict_ids: tuple[str, ...]
    clarity: float
    snr_db: float

    def numbered(self, index: int, found_before: int) -> _Line:
        """With ids: lines and conflicts are counted from 1."""
        ids = tuple(f"C{found_before + number:04d}" for number in range(1, len(self.found) + 1))
        return replace(self, id=f"L{index + 1:03d}", conflict_ids=ids)


class _Cast:
    """Who is to be heard, who hides them, and who may be cut for it."""

    def __init__(self, stems: Sequence[HeardStem]) -> None:
        self.stems = stems
        self.targets = [stem for stem in stems if stem.role is Role.DIALOGUE]
        self.maskers = [stem for stem in stems if stem.role is not Role.DIALOGUE]
        highest = max((stem.priority for stem in self.targets), default=0)
        self.may_cut = np.array([stem.priority < highest for stem in self.maskers], dtype=bool)
        self.protection = np.array([stem.protection for stem in self.maskers], dtype=np.float64)

    def passage(self, start: int, end: int) -> Passage:
        return passage(self.targets, self.maskers, start, end)

    def speaker(self, start: int, end: int) -> str:
        """The target that is loudest there."""
        return max(self.targets, key=lambda stem: float(stem.frames.power("mid", start, end).sum())).id


def decide(project: Project, stems: Sequence[HeardStem], frames: int, threads: int = 2) -> Plan:
    """The plan for a programme of `frames` samples; `stems` are those that are heard, in the project's order."""
    profile = project.defaults
    hop = ruler(project.sample_rate).hop_samples
    cast = _Cast(stems)
    limits = limits_of(project)
    spans = line_spans(cast.targets, hop, frames) if cast.maskers else []
    with ThreadPoolExecutor(threads, "decide") as pool:
        solved = list(pool.map(lambda span: _solved(cast, *span, limits), spans))
    lines = [line.numbered(index, sum(len(one.found) for one in solved[:index])) for index, line in enumerate(solved)]
    moves = [move for line in lines for move in _moves(cast, line, hop, frames)]
    shape = Shape(profile.look_ahead_s, profile.hold_s, profile.ramp_s)
    gains = {
        stem.id: StemGains(
            layers_of(move for move in moves if move.stem == stem.id), shape, project.sample_rate, 2 * BAND_COUNT
        )
        for stem in stems
    }
    with ThreadPoolExecutor(threads, "judge") as pool:
        judged = list(pool.map(lambda line: _judged(cast, line, gains, hop, frames), lines))
    return Plan(
        schema_="stemmix.plan/1",
        title=project.title,
        profile=project.profile,
        sample_rate=project.sample_rate,
        frames=frames,
        clarity_goal=limits.clarity,
        stems=tuple(
            PlannedStem(id=stem.id, sha256=stem.facts.sha256, frames=stem.facts.frames, at=stem.at) for stem in stems
        ),
        shape=PlannedShape(look_ahead_s=shape.look_ahead_s, hold_s=shape.hold_s, ramp_s=shape.ramp_s),
        moves=tuple(moves),
        lines=tuple(line for line, _ in judged),
        conflicts=tuple(conflict for _, found in judged for conflict in found),
        notes=tuple(_notes(stems, cast)),
    )


def limits_of(project: Project) -> Limits:
    """The profile's limits, with what the project says of them."""
    profile, goals = project.defaults, project.goals
    return Limits(
        clarity=profile.clarity if goals.clarity is None else goals.clarity,
        eq_cap_db=profile.eq_cap_db if goals.eq_cap_db is None else goals.eq_cap_db,
        lost_cap_db=profile.lost_cap_db if goals.eq_cap_db is None else goals.eq_cap_db,
        duck_cap_db=profile.duck_cap_db if goals.duck_cap_db is None else goals.duck_cap_db,
        ride_cap_db=profile.ride_cap_db if goals.voice else 0.0,
        presence_cap_db=profile.presence_cap_db if goals.voice else 0.0,
    )


def line_spans(targets: Sequence[HeardStem], hop: int, frames: int) -> list[tuple[int, int]]:
    """Lines of all targets together, as programme frames (first, after the last); where they overlap they are one."""
    spans = sorted(
        ((stem.at + span.start) // hop, -(-min(stem.at + span.end, frames) // hop))
        for stem in targets
        for span in stem.facts.speech or ()
    )
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif end > start:
            merged.append((start, end))
    return merged


def _solved(cast: _Cast, start: int, end: int, limits: Limits) -> _Line:
    heard = cast.passage(start, end)
    found = tuple(conflicts.find(heard))
    return _Line(
        id="",
        start=start,
        end=end,
        solution=solve(heard, cast.may_cut, cast.protection, limits),
        found=found,
        conflict_ids=(),
        clarity=heard.clarity(heard.untouched),
        snr_db=_mean_snr_db(heard.snr_db(heard.untouched)),
    )


def _moves(cast: _Cast, line: _Line, hop: int, frames: int) -> list[Move]:
    """The line's moves, stem by stem; gains rounded to 0.01 dB, and what rounds to nothing left out."""
    solution = line.solution
    actions: list[tuple[str, Unmask | Duck | Ride | Presence, tuple[str, ...]]] = []
    for index, stem in enumerate(cast.maskers):
        because = tuple(id_ for id_, found in zip(line.conflict_ids, line.found, strict=True) if found.masker == index)
        mid_db, side_db = _rounded(solution.mid_db[index]), _rounded(solution.side_db[index])
        if min(mid_db) <= -LEAST_MOVE_DB:
            actions.append((stem.id, Unmask(kind="unmask", mid_db=mid_db, side_db=side_db), because))
        (duck_db,) = _rounded(solution.duck_db[index : index + 1])
        if duck_db <= -LEAST_MOVE_DB:
            actions.append((stem.id, Duck(kind="duck", gain_db=duck_db), because))
    for stem in cast.targets:
        (ride_db,) = _rounded(np.array([solution.ride_db]))
        tilt_db = _rounded(solution.presence_db)
        if abs(ride_db) >= LEAST_MOVE_DB:
            actions.append((stem.id, Ride(kind="ride", gain_db=ride_db), line.conflict_ids))
        if max(map(abs, tilt_db)) >= LEAST_MOVE_DB:
            actions.append((stem.id, Presence(kind="presence", gain_db=tilt_db), line.conflict_ids))
    return [
        Move(
            id=f"{line.id}-{stem}-{action.kind}",
            stem=stem,
            line=line.id,
            start=line.start * hop,
            end=min(line.end * hop, frames),
            action=action,
            because=because,
        )
        for stem, action, because in actions
    ]


def _rounded(gain_db: Floats) -> tuple[float, ...]:
    return tuple(round(float(gain), 2) + 0.0 for gain in gain_db)


def _judged(
    cast: _Cast, line: _Line, gains: dict[str, StemGains], hop: int, frames: int
) -> tuple[Line, list[Conflict]]:
    """The line and its conflicts with what the moves, as they are shaped in time, make of them."""
    times = np.arange(line.start, line.end, dtype=np.float64) * hop
    heard = cast.passage(line.start, line.end)
    mixed = heard.at_gains(
        np.stack([gains[stem.id].at(times) for stem in cast.maskers]),
        gains[cast.targets[0].id].at(times)[:, :BAND_COUNT],
    )
    after = conflicts.masked_by(mixed)
    target = cast.speaker(line.start, line.end)
    judged = Line(
        id=line.id,
        target=target,
        start=line.start * hop,
        end=min(line.end * hop, frames),
        clarity_before=round(line.clarity, 3),
        clarity_after=round(mixed.clarity(mixed.untouched), 3),
        snr_before_db=round(line.snr_db, 2),
        snr_after_db=round(_mean_snr_db(mixed.snr_db(mixed.untouched)), 2),
        stopped_by=line.solution.stopped_by,
    )
    return judged, [
        Conflict(
            id=id_,
            target=target,
            masker=cast.maskers[found.masker].id,
            line=line.id,
            low_hz=round(found.low_hz, 1),
            high_hz=round(found.high_hz, 1),
            start=found.start * hop,
            end=min(found.end * hop, frames),
            snr_db=round(found.snr_db, 2),
            size_before=round(found.size, 4),
            size_after=round(conflicts.size_in(after[found.masker], found.low, found.high), 4),
        )
        for id_, found in zip(line.conflict_ids, line.found, strict=True)
    ]


def _mean_snr_db(snr: Floats) -> float:
    """(frames, 36) -> mean weighted with importance, each cell bounded to what audibility looks at."""
    return float((np.clip(snr, -15.0, 15.0) * masking.IMPORTANCE).sum(axis=1).mean())


def _notes(stems: Sequence[HeardStem], cast: _Cast) -> list[str]:
    notes = [f"{stem.id} is silent: it takes no part in any decision" for stem in stems if stem.facts.silent]
    if not cast.targets:
        notes.append("no stem has the role dialogue: nothing is cut, the stems are summed as they came")
    elif not any(stem.facts.speech for stem in cast.targets):
        notes.append("no line was found in the dialogue: nothing is cut, the stems are summed as they came")
    return notes
