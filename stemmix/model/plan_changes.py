"""What two plans do otherwise: moves, lines, scenes. In seconds, so that plans of two sample rates compare."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, EDGE_HZ
from stemmix.model.difference import MoveChange, Pair, PlanChange, SceneChange
from stemmix.model.moves import gains_of
from stemmix.model.plan import Move, Plan, PlannedScene

SAME_DB: Final = 0.05
"""A gain that differs by less is the same: each is kept to 0.01 dB."""
SAME_S: Final = 0.01
"""A span that begins and ends within this is the same: half of a frame of the features."""


def plan_change(before: Plan, after: Plan) -> PlanChange:
    """What `after` does otherwise than `before`; moves by how much they change, the most first."""
    moves = sorted(_moves(before, after), key=lambda move: (-move.size_db_s, move.start_s, move.id))
    outcomes = (before.outcome, after.outcome)
    return PlanChange(
        moves_before=len(before.moves),
        moves_after=len(after.moves),
        moves=tuple(moves),
        conflicts_before=len(before.conflicts),
        conflicts_after=len(after.conflicts),
        lines=_pair(*(0.0 if one is None else float(one.lines) for one in outcomes)),
        unclear=_pair(*(None if one is None else float(one.lines_unclear_after) for one in outcomes)),
        clarity=_pair(*(None if one is None else one.clarity_after for one in outcomes)),
        bed_loss_db=_pair(*(None if one is None else one.bed_loss_db for one in outcomes)),
        scenes=tuple(_scenes(before, after)),
    )


# ------------------------------------------------------------------------------------------------------------- moves


@dataclass(frozen=True)
class _Timed:
    """A move in seconds."""

    move: Move
    start_s: float
    end_s: float

    @classmethod
    def of(cls, move: Move, rate_hz: int) -> _Timed:
        return cls(move, move.start / rate_hz, move.end / rate_hz)

    @property
    def kind(self) -> tuple[str, str]:
        return self.move.stem, self.move.action.kind

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s

    @cached_property
    def gains_db(self) -> NDArray[np.float64]:
        """(72,) of the mid's bands, then of the sides'."""
        return np.array(gains_of(self.move.action))

    def shared_s(self, other: _Timed) -> float:
        """How long both stand; negative where they do not meet."""
        return min(self.end_s, other.end_s) - max(self.start_s, other.start_s)


def _moves(before: Plan, after: Plan) -> Iterator[MoveChange]:
    old = [_Timed.of(move, before.sample_rate) for move in before.moves]
    new = [_Timed.of(move, after.sample_rate) for move in after.moves]
    pairs = _matched(old, new)
    taken = set(pairs.values())
    for number, one in enumerate(old):
        if (change := _change(one, new[pairs[number]] if number in pairs else None)) is not None:
            yield change
    for number, other in enumerate(new):
        if number not in taken and (change := _change(None, other)) is not None:
            yield change


def _matched(old: Sequence[_Timed], new: Sequence[_Timed]) -> dict[int, int]:
    """Numbers of moves that are one thing on both sides: of the same stem and kind, and

    - of one id, where they meet in time: plans of older versions number their moves, and one line more at the beginning
      renames all that follow;
    - else whichever have the most time in common;
    - else of one id, where it is a person's pin, which may be set elsewhere.
    """
    pairs: dict[int, int] = {}
    taken: set[int] = set()

    def take(number: int, other: int) -> None:
        pairs[number] = other
        taken.add(other)

    by_id = {(one.kind, one.move.id): number for number, one in enumerate(new)}
    same_id = {
        number: by_id[one.kind, one.move.id] for number, one in enumerate(old) if (one.kind, one.move.id) in by_id
    }
    for number, other in same_id.items():
        if old[number].shared_s(new[other]) > 0:
            take(number, other)
    for shared_s, number, other in sorted(_meeting(old, new, pairs, taken)):
        if shared_s and number not in pairs and other not in taken:
            take(number, other)
    for number, other in same_id.items():
        if number not in pairs and other not in taken and old[number].move.of_pin:
            take(number, other)
    return pairs


def _meeting(
    old: Sequence[_Timed], new: Sequence[_Timed], pairs: dict[int, int], taken: set[int]
) -> Iterator[tuple[float, int, int]]:
    """Moves of one stem and kind that meet in time: how long, negated, and their numbers."""
    kinds: dict[tuple[str, str], list[int]] = {}
    for number, one in enumerate(new):
        if number not in taken:
            kinds.setdefault(one.kind, []).append(number)
    for numbers in kinds.values():
        numbers.sort(key=lambda number: new[number].start_s)
    # the latest end up to each: what lies before one that ends too early cannot meet either
    ends = {kind: list(accumulate((new[number].end_s for number in numbers), max)) for kind, numbers in kinds.items()}
    for number, one in enumerate(old):
        if number in pairs or one.kind not in kinds:
            continue
        numbers = kinds[one.kind]
        for other in numbers[bisect_left(ends[one.kind], one.start_s) :]:
            if new[other].start_s >= one.end_s:
                break
            if (shared_s := one.shared_s(new[other])) > 0:
                yield -shared_s, number, other


def _change(one: _Timed | None, other: _Timed | None) -> MoveChange | None:
    """How a move differs; None where it does not."""
    shown = other if other is not None else one
    assert shown is not None
    nothing = np.zeros(2 * BAND_COUNT)
    old, new = (nothing if side is None else side.gains_db for side in (one, other))
    by = np.abs(new - old)
    moved = False
    if one is not None and other is not None:
        moved = abs(one.start_s - other.start_s) >= SAME_S or abs(one.end_s - other.end_s) >= SAME_S
        if by.max() < SAME_DB and not moved:
            return None
    if by.max() < SAME_DB:
        by = np.abs(new)  # the same, elsewhere
    most = int(np.argmax(by))
    bands = by.reshape(2, BAND_COUNT).max(axis=0)
    inside = np.flatnonzero(2.0 * bands >= bands.max())
    return MoveChange(
        change="added" if one is None else "removed" if other is None else "changed",
        id=shown.move.id,
        stem=shown.move.stem,
        kind=shown.move.action.kind,
        start_s=round(shown.start_s, 3),
        end_s=round(shown.end_s, 3),
        start_before_s=round(one.start_s, 3) if one is not None and moved else None,
        end_before_s=round(one.end_s, 3) if one is not None and moved else None,
        low_hz=round(EDGE_HZ[inside[0]], 1),
        high_hz=round(EDGE_HZ[inside[-1] + 1], 1),
        before_db=round(float(old[most]), 2),
        after_db=round(float(new[most]), 2),
        size_db_s=round(_size(one, other), 3),
    )


def _size(one: _Timed | None, other: _Timed | None) -> float:
    """dB times seconds, mean over bands: where both stand, of what they differ by; elsewhere of what stands."""
    if one is None or other is None:
        alone = one or other
        return 0.0 if alone is None else float(np.abs(alone.gains_db).mean()) * alone.seconds
    shared_s = max(one.shared_s(other), 0.0)
    both = float(np.abs(other.gains_db - one.gains_db).mean()) * shared_s
    return both + sum(float(np.abs(side.gains_db).mean()) * (side.seconds - shared_s) for side in (one, other))


# ------------------------------------------------------------------------------------------------------------ scenes


def _scenes(before: Plan, after: Plan) -> Iterator[SceneChange]:
    for scene in after.scenes:
        was = counterpart(scene, after.sample_rate, before)
        yield SceneChange(
            id=scene.id,
            start_s=round(scene.start / after.sample_rate, 3),
            end_s=round(scene.end / after.sample_rate, 3),
            clarity=_pair(None if was is None else _clarity(was, before), _clarity(scene, after)),
            loudness_lufs=_pair(None if was is None else was.loudness_after_lufs, scene.loudness_after_lufs),
        )


def counterpart(scene: PlannedScene, rate_hz: int, other: Plan) -> PlannedScene | None:
    """The scene of another plan that has the most time in common with one at `rate_hz`; None where none has any."""
    first, last = scene.start / rate_hz, scene.end / rate_hz
    shared = [
        (min(one.end / other.sample_rate, last) - max(one.start / other.sample_rate, first), -number)
        for number, one in enumerate(other.scenes)
    ]
    most, number = max(shared, default=(0.0, 0))
    return other.scenes[-number] if most > 0 else None


def _clarity(scene: PlannedScene, plan: Plan) -> float | None:
    """Of its lines in the mix; a plan of an older version does not say it, but has the lines."""
    if scene.clarity_after is not None:
        return scene.clarity_after
    lines = [line.clarity_after for line in plan.lines if scene.start <= line.start < scene.end]
    return round(sum(lines) / len(lines), 3) if lines else None


def _pair(before: float | None, after: float | None) -> Pair:
    return Pair(before=before, after=after)
