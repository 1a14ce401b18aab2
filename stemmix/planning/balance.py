"""Level balance: a bed that stands too loud over the dialogue all along is a fader's business, not an equaliser's.

Where the project asks for balance the faders are moved; else the moves are advice in the report. A fader stands for the
whole programme, so that only what stems are by themselves is weighed: never a stem whose own priority is not lower than
the line's own, and no stretch that a pin decides. However loud a bed is, where most lines are clear as they come it
hides nothing, as a bass does that lies under all speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, CENTRE_HZ
from stemmix.dsp import hearing_kernels
from stemmix.dsp.filters import k_weighting_power
from stemmix.model.moves import Level
from stemmix.model.plan import Move, StoppedBy
from stemmix.planning.desk import Desk
from stemmix.planning.lines import Goal
from stemmix.planning.passages import HeardStem
from stemmix.planning.rules import Rules

Floats = NDArray[np.float64]

LEAST_LU = -3.0
"""A bed that is louder than the lines by more than this, in the middle one of them, is out of balance."""
FURTHEST_DB = 12.0


def balance_of(desk: Desk, goals: Sequence[Goal]) -> tuple[list[Move], list[str]]:
    """Fader moves, and what is to be said of them or in their place."""
    project, stems, rules, hop, frames = desk.project, desk.stems, desk.rules, desk.hop, desk.frames
    moves, said = [], []

    @cache
    def is_clear(goal: Goal) -> bool:
        heard = desk.passage(goal)
        return heard.clarity(heard.untouched) >= rules.clarity

    lines = [goal for goal in goals if goal.is_speech]
    k_power = k_weighting_power(project.sample_rate, CENTRE_HZ)
    loudness = {goal.id: sum(_weighed(target, goal, k_power) for target in goal.targets) for goal in lines}
    for stem in stems:
        against = [
            goal
            for goal in lines
            if stem not in goal.targets
            and stem.priority < _own_priority(goal)
            and not _decided_by_pins(stem, goal, rules, hop)
        ]
        differences = [_difference_lu(loudness[goal.id], _weighed(stem, goal, k_power)) for goal in against]
        if not differences or (middle := float(np.median(differences))) >= LEAST_LU:
            continue
        if sum(map(is_clear, against)) > len(against) / 2:
            continue
        gain_db = round(max(middle - LEAST_LU, -FURTHEST_DB), 1)
        if not gain_db:
            continue
        louder = f"{stem.id} is {-middle:.1f} LU louder than the lines (median of {len(differences)})"
        if not project.balance:
            said.append(f'advice: {louder}: move its fader by {gain_db:+.1f} dB, or set "balance": true')
        elif rules.keeps(stem.id):
            said.append(f"{louder}; its fader is left alone, because a pin keeps it")
        else:
            said.append(f"{louder}: its fader is moved by {gain_db:+.1f} dB")
            level = Level(kind="level", gain_db=gain_db)
            stop: StoppedBy = "cap" if gain_db <= -FURTHEST_DB else "rule"
            moves.append(Move(id=f"level-{stem.id}", stem=stem.id, start=0, end=frames, action=level, stopped_by=stop))
    return moves, said


def _own_priority(goal: Goal) -> int:
    """A line's priority without any pin, those that raise it among them."""
    return max(target.priority for target in goal.targets)


def _decided_by_pins(stem: HeardStem, goal: Goal, rules: Rules, hop: int) -> bool:
    """Whether pins raise or lower the line, take bands out of it, or stand on the stem or a voice there.

    A pin that only forbids moves of the line itself says nothing of how loud a bed may be.
    """
    start, end = goal.start * hop, goal.end * hop
    return (
        goal.priority != _own_priority(goal)
        or len(goal.bands) < BAND_COUNT
        or bool(rules.pins_on(stem.id, start, end))
        or any(not pin.forbid for target in goal.voices for pin in rules.pins_on(target.id, start, end))
    )


def _weighed(stem: HeardStem, goal: Goal, k_power: Floats) -> float:
    """K-weighted power of a stem while a line is spoken."""
    frames = stem.frames
    return float(hearing_kernels.weighed_power(frames.rows(goal.start, goal.end), frames.power_of_level, k_power))


def _difference_lu(line: float, heard: float) -> float:
    """Loudness of a line less that of a stem, of their powers."""
    return float(10.0 * np.log10((line + 1e-14) / (heard + 1e-14)))
