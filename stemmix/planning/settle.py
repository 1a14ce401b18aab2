"""What was solved line by line, held against the mix as it is shaped in time, and solved again where that is off.

A line is solved with one gain for all of it and without its neighbours; it is rendered with ramps, and neighbours
share a dip. So some lines come out clearer than was asked for, and a few less clear. These are solved again with the
aim moved by the difference, everything else standing, and what comes of it is taken where it is better and no other
line is the worse for it. A line that the deep ramps of its neighbours lift over its goal with nothing done for it stays
there: that costs nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from stemmix.dsp.dynamics import StemGains
from stemmix.planning.desk import Desk, SolvedLine
from stemmix.planning.unmask import GOAL_MARGIN

ROUNDS = 2
UNDER, OVER = 0.005, 0.05
"""Clarity under and over its goal from which a line is off it: more over it was cut for nothing."""
MARGIN_KEPT = 0.015
"""What of `GOAL_MARGIN` a line keeps at least when something is solved again for less."""
WORTH = 0.002
"""So much nearer to their goals lines are to come."""

Again = Callable[[Sequence[SolvedLine], Mapping[str, float]], list[SolvedLine]]
"""All lines, and of some by how much their aims are moved -> these, solved again with all others standing."""


Mixed = Callable[[Sequence[SolvedLine]], dict[str, StemGains]]
"""All lines -> the gains of every stem, shaped in time."""


def settled(desk: Desk, lines: Sequence[SolvedLine], mixed: Mixed, again: Again) -> list[SolvedLine]:
    """The lines, in their order; those that were off their goals solved again, `ROUNDS` times at most.

    Where that is not taken, half of the way is tried next. A line that even so is short of a goal it was said to have
    reached is held back by what others need: by their protection.
    """
    order = [line.goal.id for line in lines]
    lines = sorted(lines, key=lambda line: line.goal.in_time)
    clarity = _in_the_mix(desk, lines, mixed, lines)
    way = dict.fromkeys(clarity, 1.0)
    for _ in range(ROUNDS):
        off = [line for line in lines if _off(desk, line, clarity[line.goal.id]) > 0.0]
        if not off:
            break
        aims = {
            line.goal.id: way[line.goal.id] * (desk.rules.clarity + GOAL_MARGIN - clarity[line.goal.id]) for line in off
        }
        trial = {line.goal.id: line for line in again(lines, aims)}
        tried = [trial.get(line.goal.id, line) for line in lines]
        parts = _parts(desk, lines, off)
        part_of = {id_: number for number, part in enumerate(parts) for id_ in part}
        now = _in_the_mix(desk, tried, mixed, [line for line in lines if line.goal.id in part_of])
        inside: list[list[tuple[SolvedLine, SolvedLine]]] = [[] for _ in parts]
        for old, new in zip(lines, tried, strict=True):
            if old.goal.id in part_of:
                inside[part_of[old.goal.id]].append((old, new))
        taken = {number for number, pairs in enumerate(inside) if _better(desk, pairs, aims, clarity, now)}
        clarity |= {id_: now[id_] for id_, number in part_of.items() if number in taken}
        way |= {id_: 0.5 * way[id_] for id_ in aims if part_of[id_] not in taken}
        lines = [new if part_of.get(new.goal.id) in taken else old for old, new in zip(lines, tried, strict=True)]
    told = {line.goal.id: _told(line) if _short(desk, line, clarity[line.goal.id]) > 0.0 else line for line in lines}
    return [told[id_] for id_ in order]


def _in_the_mix(desk: Desk, lines: Sequence[SolvedLine], mixed: Mixed, asked: Sequence[SolvedLine]) -> dict[str, float]:
    """Clarity of some lines with the moves of all."""
    gains = mixed(lines)

    def clarity(line: SolvedLine) -> float:
        heard = desk.mixed(line.goal, desk.passage(line.goal), gains)
        return heard.clarity(heard.untouched)

    return {line.goal.id: clarity(line) for line in asked}


def _off(desk: Desk, line: SolvedLine, clarity: float) -> float:
    """How far a line is from where it is told to be; over its goal only where something was done for it."""
    if line.moves and clarity > desk.rules.clarity + OVER:
        return clarity - desk.rules.clarity - OVER
    return _short(desk, line, clarity)


def _short(desk: Desk, line: SolvedLine, clarity: float) -> float:
    """By how much a line misses the goal that it is said to have reached."""
    if line.stopped_by != "goal":
        return 0.0
    return max(desk.rules.clarity - UNDER - clarity, 0.0)


def _told(line: SolvedLine) -> SolvedLine:
    """A line that is held back, and its moves."""
    moves = tuple(replace(move, stopped_by="protection") if move.stopped_by == "goal" else move for move in line.moves)
    return replace(line, moves=moves, stopped_by="protection")


def _parts(desk: Desk, lines: Sequence[SolvedLine], off: Sequence[SolvedLine]) -> list[set[str]]:
    """The lines, in time, that a change to those that are off reaches; together where they reach one and the same."""
    hop = desk.hop
    starts = [line.goal.start * hop for line in lines]
    longest = max((line.goal.end - line.goal.start) * hop for line in lines)
    parts: list[set[str]] = []
    for line in off:
        first, last = desk.rules.reach(line.goal.start * hop, line.goal.end * hop)
        near = lines[bisect_left(starts, first - longest) : bisect_left(starts, last)]
        part = {one.goal.id for one in near if one.goal.end * hop > first}
        # in time: who shares a line with this one shares it with the last of them
        while parts and parts[-1] & part:
            part |= parts.pop()
        parts.append(part)
    return parts


def _better(
    desk: Desk,
    lines: Sequence[tuple[SolvedLine, SolvedLine]],
    aims: Mapping[str, float],
    before: Mapping[str, float],
    now: Mapping[str, float],
) -> bool:
    """Whether lines, as they were and as they are tried, are nearer to their goals, and none has lost what it needs.

    Lines of lower priority do not keep one from its goal.
    """
    raised = (old.goal.priority for old, _ in lines if aims.get(old.goal.id, 0.0) > 0.0)
    least = min(raised, default=None)
    nearer = 0.0
    for old, new in lines:
        id_ = old.goal.id
        kept = desk.rules.clarity + (0.0 if old.stopped_by == "clear" else MARGIN_KEPT)
        if now[id_] < min(before[id_], kept) and (least is None or old.goal.priority >= least):
            return False
        nearer += _off(desk, old, before[id_]) - _off(desk, new, now[id_])
    return nearer > WORTH
