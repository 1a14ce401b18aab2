"""What the cuts of a scene have in common, as one curve that stands from line to line.

Most of what a reel needs is static within a scene. Lines that follow each other closely share the shallowest of their
cuts, band by band; each keeps only what it needs on top. The shared curve does not come up in the gaps between them, so
that the bed breathes with the conversation, not with every word. What a line gets in all is not changed, but for what
is no move.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp.dynamics import Shape
from stemmix.model.moves import Scene, Unmask, gains_of, rounded_db
from stemmix.model.plan import Move, PlannedScene
from stemmix.planning.ids import begin, joined
from stemmix.units import samples_from_seconds

Floats = NDArray[np.float64]

BRIDGED_S = 0.6
"""Longer gaps between lines are left open, as a rule: the bed comes up."""
LEAST_MOVE_DB = 0.1
"""A move that nowhere changes as much is no move."""
LEAST_DB = 1.0
"""A shared curve that nowhere cuts as much is not worth a move."""


def shared_curves(moves: Sequence[Move], scenes: Sequence[PlannedScene], shape: Shape, rate_hz: int) -> list[Move]:
    """The moves with every run of neighbouring cuts in one stem split into a scene's share and the lines' own."""
    by_stem: dict[str, list[Move]] = {}
    for move in moves:
        if isinstance(move.action, Unmask):
            by_stem.setdefault(move.stem, []).append(move)
    split: dict[str, Move | None] = {}
    shared: list[Move] = []
    for stem, own in by_stem.items():
        for run in _runs(sorted(own, key=lambda move: (move.start, move.end, move.id)), scenes, shape, rate_hz):
            cuts_db = np.array([gains_of(move.action) for move in run])
            shallowest_db = cuts_db.max(axis=0)
            if shallowest_db[:BAND_COUNT].min() > -LEAST_DB:
                continue
            mid_db, side_db = _halves(shallowest_db)
            shared.append(
                Move(
                    id=joined("scene", stem, begin(run[0].start, rate_hz)),
                    stem=stem,
                    start=run[0].start,
                    end=max(move.end for move in run),
                    action=Scene(kind="scene", mid_db=mid_db, side_db=side_db),
                    because=tuple(because for move in run for because in move.because),
                    stopped_by=run[0].stopped_by,
                )
            )
            split |= {move.id: _left(move, db) for move, db in zip(run, cuts_db - shallowest_db, strict=True)}
    left = (split.get(move.id, move) for move in moves)
    return shared + [move for move in left if move is not None]


def _runs(moves: Sequence[Move], scenes: Sequence[PlannedScene], shape: Shape, rate_hz: int) -> list[list[Move]]:
    """Neighbouring moves of a scene, two or more.

    Cuts that are held at the same time stand in one run, whatever lies between: curves and lines' own are layers that
    add up, and only where both neighbours are split alike is the sum the deeper of the two. And no gap is bridged
    in which the ramps of its neighbours do not overlap: pins in it have been asked so far and no further.
    """
    ramp = samples_from_seconds(shape.ramp_s, rate_hz)
    held = samples_from_seconds(shape.look_ahead_s, rate_hz) + samples_from_seconds(shape.hold_s, rate_hz) + ramp
    bridged = min(max(samples_from_seconds(BRIDGED_S, rate_hz), held), held + ramp - 1)
    runs: list[list[Move]] = []
    for move in moves:
        gap = move.start - max(m.end for m in runs[-1]) if runs else bridged + 1
        within = bool(runs) and _scene_at(scenes, move.start) == _scene_at(scenes, runs[-1][-1].start)
        if gap <= (bridged if within else held):
            runs[-1].append(move)
        else:
            runs.append([move])
    return [run for run in runs if len(run) > 1]


def _scene_at(scenes: Sequence[PlannedScene], sample: int) -> str:
    return scenes[bisect_right(scenes, sample, key=lambda scene: scene.start) - 1].id


def _left(move: Move, gains_db: Floats) -> Move | None:
    """The move with what its (72,) gains are without the scene's; None where that is nothing, or next to nothing."""
    mid_db, side_db = _halves(gains_db)
    if min(mid_db + side_db) > -LEAST_MOVE_DB:
        return None
    return replace(move, action=Unmask(kind="unmask", mid_db=mid_db, side_db=side_db))


def _halves(gains_db: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(72,) gains as those of the mid and of the sides, rounded."""
    rounded = rounded_db(gains_db)
    return rounded[:BAND_COUNT], rounded[BAND_COUNT:]
