"""Frequency-based mixing, what this replaces: one seven-band equaliser for each stem, from average features.

In every classic band a masker is cut by half of what the target's average level, while it sounds, is short of 12 dB
over the masker's; one curve stands over the whole programme, whether anybody speaks or not.

So a pin's span means nothing to a curve, and a curve reaches into the span of every pin. It obeys them so:

- a stem that a pin keeps, forbids `unmask` or holds an action for, in whatever span, has no curve;
- `max_cut_db` in any span bounds the curve, in its bands;
- a stem that is raised in any span is nowhere cut, in the pin's bands, for what does not rank above that; and what is
  raised for a span asks for no cuts over the whole of the others;
- a line that is lowered does not count, or not in the pin's bands; a masker that is lowered for a span gives way no
  more than before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.model.moves import CLASSIC_BAND, StaticEq
from stemmix.model.plan import Move, StoppedBy
from stemmix.planning.lines import Goal
from stemmix.planning.passages import HeardStem
from stemmix.planning.rules import Rules

WANTED_DB = 12.0
STRENGTH = 0.5
CAP_DB = 12.0


def static_moves(stems: Sequence[HeardStem], goals: Sequence[Goal], rules: Rules, frames: int) -> list[Move]:
    """One static curve for every stem that hides a target of higher priority, as deep as pins on the stem let it be."""
    moves = []
    for stem in stems:
        bound_db = _classic(rules.curve_bound_db(stem.id), np.minimum)
        priority = _classic(rules.highest_priority(stem.id), np.maximum)
        target, masker, counts = np.zeros(7), np.zeros(7), np.zeros(7, dtype=bool)
        for goal in goals:
            if goal.raised or stem in goal.targets:
                continue
            heard = (priority < goal.priority) & [any(map(goal.bands.__contains__, bands)) for bands in _INSIDE]
            target += heard * sum(one.frames.power("classic", goal.start, goal.end).sum(axis=0) for one in goal.targets)
            masker += heard * stem.frames.power("classic", goal.start, goal.end).sum(axis=0)
            counts |= heard
        short_db = WANTED_DB - 10.0 * np.log10((target + 1e-14) / (masker + 1e-14))
        wanted_db = np.where(counts, np.clip(STRENGTH * short_db, 0.0, CAP_DB), 0.0)
        cut_db = np.minimum(wanted_db, bound_db)
        gain_db = tuple(round(float(-cut), 2) + 0.0 for cut in cut_db)
        if any(gain_db):
            static = StaticEq(kind="static", gain_db=gain_db)
            stop: StoppedBy = "cap" if min(gain_db) <= -CAP_DB else "rule"
            if (cut_db < wanted_db).any():
                stop = "pin"
            moves.append(
                Move(id=f"static-{stem.id}", stem=stem.id, start=0, end=frames, action=static, stopped_by=stop)
            )
    return moves


_INSIDE = [[band for band in range(BAND_COUNT) if CLASSIC_BAND[band] == classic] for classic in range(7)]
"""The bands that each of the seven is made of."""


def _classic(bands: NDArray[Any], strictest: np.ufunc) -> NDArray[Any]:
    """(36,) -> (7,) what holds for each of the seven: the strictest of what holds for its bands."""
    return np.array([strictest.reduce(bands[inside]) for inside in _INSIDE])
