"""What the cuts of a scene have in common, as one curve that stands from line to line.

Most of what a reel needs is static within a scene. Lines that follow each other closely share the shallowest of their
cuts, band by band; each keeps only what it needs on top. The shared curve does not come up in the gaps between them, so
that the bed breathes with the conversation, not with every word. What a line gets in all is not changed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stemmix.model.moves import Scene, Unmask
from stemmix.model.plan import Evidence, Move, PlannedScene
from stemmix.units import samples_from_seconds

Floats = NDArray[np.float64]

BRIDGED_S = 0.6
"""Longer gaps between lines are left open: the bed comes up."""
LEAST_DB = 1.0
"""A shared curve that nowhere cuts as much is not worth a move."""


def shared_curves(moves: Sequence[Move], scenes: Sequence[PlannedScene], rate_hz: int) -> list[Move]:
    """The moves with every run of neighbouring cuts in one stem split into a scene's share and the lines' own."""
    gap = samples_from_seconds(BRIDGED_S, rate_hz)
    by_stem: dict[str, list[Move]] = {}
    for move in moves:
        if isinstance(move.action, Unmask):
            by_stem.setdefault(move.stem, []).append(move)
    split: dict[str, Move] = {}
    shared: list[Move] = []
    for stem, own in by_stem.items():
        for scene in scenes:
            inside = sorted((m for m in own if scene.start <= m.start < scene.end), key=lambda m: (m.start, m.id))
            for number, run in enumerate(_runs(inside, gap), 1):
                if (common := _shared(run)) is None:
                    continue
                mid_db, side_db = common
                shared.append(
                    Move(
                        id=f"{scene.id}-{stem}-scene-{number}",
                        stem=stem,
                        start=run[0].start,
                        end=max(move.end for move in run),
                        action=Scene(kind="scene", mid_db=mid_db, side_db=side_db),
                        because=tuple(because for move in run for because in move.because),
                        evidence=_mean_evidence(run, min(mid_db)),
                        stopped_by=run[0].stopped_by,
                    )
                )
                for move in run:
                    split[move.id] = _less(move, mid_db, side_db)
    return shared + [split.get(move.id, move) for move in moves]


def _runs(moves: Sequence[Move], gap: int) -> list[list[Move]]:
    """Neighbouring moves, two or more, no further apart than `gap` samples."""
    runs: list[list[Move]] = []
    for move in moves:
        if runs and move.start - max(m.end for m in runs[-1]) <= gap:
            runs[-1].append(move)
        else:
            runs.append([move])
    return [run for run in runs if len(run) > 1]


def _shared(run: Sequence[Move]) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """The shallowest cut of every band, of mid and sides; None where that is next to nothing."""
    cuts = [move.action for move in run if isinstance(move.action, Unmask)]
    mid_db = tuple(max(bands) for bands in zip(*(cut.mid_db for cut in cuts), strict=True))
    side_db = tuple(max(bands) for bands in zip(*(cut.side_db for cut in cuts), strict=True))
    return (mid_db, side_db) if min(mid_db) <= -LEAST_DB else None


def _less(move: Move, mid_db: Sequence[float], side_db: Sequence[float]) -> Move:
    """The move without what the scene does."""
    assert isinstance(move.action, Unmask)
    left = Unmask(
        kind="unmask",
        mid_db=tuple(round(own - its, 2) + 0.0 for own, its in zip(move.action.mid_db, mid_db, strict=True)),
        side_db=tuple(round(own - its, 2) + 0.0 for own, its in zip(move.action.side_db, side_db, strict=True)),
    )
    evidence = move.evidence
    if evidence is not None:
        share = 1.0 - min(mid_db) / min(move.action.mid_db)
        evidence = evidence.model_copy(update={"bought": round(evidence.bought * max(share, 0.0), 4)})
    return move.model_copy(update={"action": left, "evidence": evidence})


def _mean_evidence(run: Sequence[Move], deepest_db: float) -> Evidence | None:
    """What the shared curve bought: the mean of its lines, each for the part of its cut that is shared."""
    told = [
        (move.evidence, min(deepest_db / min(move.action.mid_db), 1.0))
        for move in run
        if move.evidence is not None and isinstance(move.action, Unmask)
    ]
    if not told:
        return None

    def mean(values: Sequence[float], digits: int) -> float:
        return round(sum(values) / len(values), digits)

    return Evidence(
        snr_before_db=mean([evidence.snr_before_db for evidence, _ in told], 2),
        snr_after_db=mean([evidence.snr_after_db for evidence, _ in told], 2),
        sii_before=mean([evidence.sii_before for evidence, _ in told], 3),
        sii_after=mean([evidence.sii_after for evidence, _ in told], 3),
        bought=mean([evidence.bought * share for evidence, share in told], 4),
        per_db=mean([evidence.per_db for evidence, _ in told], 5),
    )
