"""What became of every line in the mix as it is shaped in time, and what each move bought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields, replace

import numpy as np

from stemmix.bands import BAND_COUNT
from stemmix.dsp.dynamics import StemGains
from stemmix.model.moves import gains_of
from stemmix.model.plan import Conflict, Evidence, Line, Move
from stemmix.planning import conflicts
from stemmix.planning.desk import Desk, SolvedLine
from stemmix.planning.evidence import Passage
from stemmix.planning.lines import Goal


def judged_line(
    desk: Desk, line: SolvedLine, gains: dict[str, StemGains], moves: Sequence[Move]
) -> tuple[Line, list[Conflict], dict[str, Evidence]]:
    """The line and its conflicts with what all moves, as they are shaped in time, make of them; and what each of its
    own `moves` bought, by id."""
    goal, maskers = line.goal, desk.maskers(line.goal)
    heard = desk.passage(goal)
    mixed = desk.mixed(goal, heard, gains)
    clarity = mixed.clarity(mixed.untouched)
    after = conflicts.masked_by(mixed)
    target = max(goal.targets, key=lambda stem: float(stem.frames.power("mid", goal.start, goal.end).sum())).id
    judged = Line(
        id=goal.id,
        target=target,
        start=goal.start * desk.hop,
        end=min(goal.end * desk.hop, desk.frames),
        clarity_before=round(line.clarity, 3),
        clarity_after=round(clarity, 3),
        snr_before_db=round(line.snr_db, 2),
        snr_after_db=round(mixed.mean_snr_db(mixed.untouched), 2),
        stopped_by=line.stopped_by,
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
            size_after=round(conflicts.size_in(after[found.masker], heard.importance, found.low, found.high), 4),
        )
        for name, found in zip(line.names, line.found, strict=True)
    ]
    return judged, found_in, {move.id: _bought(desk, judged, goal, mixed, clarity, gains, move) for move in moves}


def _bought(
    desk: Desk, line: Line, goal: Goal, mixed: Passage, clarity: float, gains: dict[str, StemGains], move: Move
) -> Evidence:
    """What a line, of such a clarity as it is mixed, would lose if this move alone were taken back."""
    own_db = np.array(gains_of(move.action)[:BAND_COUNT])
    masker_db, voice_db = mixed.untouched, np.zeros_like(mixed.target)
    targets = [stem.id for stem in goal.targets]
    if move.stem in targets:
        times = np.arange(goal.start, goal.end, dtype=np.float64) * desk.hop
        all_db = [gains[stem].at(times)[:, :BAND_COUNT] for stem in targets]
        less_db = [gain - own_db if stem == move.stem else gain for stem, gain in zip(targets, all_db, strict=True)]
        voice_db = desk.voice_db(goal, less_db) - desk.voice_db(goal, all_db)
    else:
        masker_db[[stem.id for stem in desk.maskers(goal)].index(move.stem)] = -own_db
    bought = clarity - mixed.clarity(masker_db, voice_db)
    return Evidence(
        snr_before_db=line.snr_before_db,
        snr_after_db=line.snr_after_db,
        sii_before=line.clarity_before,
        sii_after=line.clarity_after,
        bought=round(bought, 4),
        per_db=round(bought / max(map(abs, gains_of(move.action))), 5),
    )


def moves_of_lines(moves: Sequence[Move]) -> dict[str, list[Move]]:
    """The moves that were made for each line, by its id: its own, and the curves it shares."""
    of_line: dict[str, list[Move]] = {}
    for move in moves:
        for line in dict.fromkeys(because.rpartition(".")[0] for because in move.because):
            of_line.setdefault(line, []).append(move)
    return of_line


def with_evidence(moves: Sequence[Move], bought: Iterable[dict[str, Evidence]]) -> list[Move]:
    """The moves with what they bought: of a curve that lines share, the mean of these."""
    of_move: dict[str, list[Evidence]] = {}
    for of_line in bought:
        for move, evidence in of_line.items():
            of_move.setdefault(move, []).append(evidence)

    def mean(move: Move) -> Evidence:
        told = [astuple(evidence) for evidence in of_move[move.id]]
        means = (round(sum(each) / len(told), 5) for each in zip(*told, strict=True))
        return Evidence(**dict(zip((field.name for field in fields(Evidence)), means, strict=True)))

    return [replace(move, evidence=mean(move)) for move in moves]
