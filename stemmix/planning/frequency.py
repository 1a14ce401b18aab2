"""Frequency-based mixing, what this replaces: one seven-band equaliser for each stem, from average features.

In every classic band a masker is cut by half of what the target's average level, while it sounds, is short of 12 dB
over the masker's; one curve stands over the whole programme, whether anybody speaks or not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stemmix.model.moves import StaticEq
from stemmix.model.plan import Move, StoppedBy
from stemmix.planning.evidence import HeardStem
from stemmix.planning.lines import Goal
from stemmix.planning.rules import Rules

WANTED_DB = 12.0
STRENGTH = 0.5
CAP_DB = 12.0


def static_moves(stems: Sequence[HeardStem], goals: Sequence[Goal], rules: Rules, frames: int) -> list[Move]:
    """One static curve for every stem that hides a target of higher priority and that no pin keeps as it is."""
    moves = []
    for stem in stems:
        against = [goal for goal in goals if stem not in goal.targets and stem.priority < goal.priority]
        if not against or rules.keeps(stem.id):
            continue
        target, masker = np.zeros(7), np.zeros(7)
        for goal in against:
            target += sum(one.frames.power("classic", goal.start, goal.end).sum(axis=0) for one in goal.targets)
            masker += stem.frames.power("classic", goal.start, goal.end).sum(axis=0)
        short_db = WANTED_DB - 10.0 * np.log10((target + 1e-14) / (masker + 1e-14))
        gain_db = tuple(round(float(-cut), 2) + 0.0 for cut in np.clip(STRENGTH * short_db, 0.0, CAP_DB))
        if any(gain_db):
            static = StaticEq(kind="static", gain_db=gain_db)
            stop: StoppedBy = "cap" if min(gain_db) <= -CAP_DB else "rule"
            moves.append(
                Move(id=f"static-{stem.id}", stem=stem.id, start=0, end=frames, action=static, stopped_by=stop)
            )
    return moves
