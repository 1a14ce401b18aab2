"""`planning.scenes`: a conversation shares one curve, and no line gets more or less for it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp.dynamics import Shape, StemGains
from stemmix.model.moves import Scene, Unmask
from stemmix.model.plan import Move, PlannedScene, layers_of
from stemmix.model.profiles import PROFILES
from stemmix.planning.scenes import BRIDGED_S, LEAST_DB, LEAST_MOVE_DB, shared_curves

RATE_HZ = 48_000
FILM = Shape(look_ahead_s=0.06, hold_s=0.1, ramp_s=0.4)


def cut(number: int, start_s: float, end_s: float, depth_db: float = -6.0, low: int = 8, high: int = 28) -> Move:
    mid_db = tuple(depth_db if low <= band < high else 0.0 for band in range(BAND_COUNT))
    return Move(
        id=f"DX-{number}-MX-unmask",
        stem="MX",
        line=f"DX-{number}",
        start=round(start_s * RATE_HZ),
        end=round(end_s * RATE_HZ),
        action=Unmask(kind="unmask", mid_db=mid_db, side_db=tuple(min(gain + 3.0, 0.0) for gain in mid_db)),
        because=(f"DX-{number}-MX-60-16000",),
        stopped_by="goal",
    )


def whole(seconds: float = 60.0, *borders_s: float) -> list[PlannedScene]:
    edges = [0.0, *borders_s, seconds]
    return [
        PlannedScene(id=f"S-{number}", start=round(start * RATE_HZ), end=round(end * RATE_HZ))
        for number, (start, end) in enumerate(itertools.pairwise(edges), 1)
    ]


def gains_db(moves: Sequence[Move], shape: Shape, seconds: float = 60.0) -> NDArray[np.float64]:
    """(frames, 72) every 10 ms."""
    times = np.arange(0.0, seconds * RATE_HZ, 480)
    return StemGains(layers_of(moves), shape, RATE_HZ, 2 * BAND_COUNT).at(times)


def shared(moves: Sequence[Move]) -> list[Move]:
    return [move for move in moves if isinstance(move.action, Scene)]


def test_neighbours_share_the_shallowest_of_their_cuts_and_keep_the_rest() -> None:
    made = shared_curves([cut(1, 2, 4, -6.0), cut(2, 4.5, 6, -9.0, 10, 30)], whole(), FILM, RATE_HZ)
    (curve,) = shared(made)
    assert (curve.start, curve.end) == (2 * RATE_HZ, 6 * RATE_HZ)
    assert isinstance(curve.action, Scene)
    assert curve.action.mid_db == (0.0,) * 10 + (-6.0,) * 18 + (0.0,) * 8
    assert curve.because == ("DX-1-MX-60-16000", "DX-2-MX-60-16000")
    own = {move.id: move.action for move in made if move is not curve}
    first, second = own["DX-1-MX-unmask"], own["DX-2-MX-unmask"]
    assert isinstance(first, Unmask)
    assert isinstance(second, Unmask)
    assert first.mid_db == (0.0,) * 8 + (-6.0,) * 2 + (0.0,) * 26
    assert second.mid_db == (0.0,) * 10 + (-3.0,) * 18 + (-9.0,) * 2 + (0.0,) * 6


def test_a_cut_that_is_shared_whole_is_no_move_any_more() -> None:
    made = shared_curves([cut(1, 2, 4, -6.0), cut(2, 4.5, 6, -9.0)], whole(), FILM, RATE_HZ)
    assert [move.line for move in made] == [None, "DX-2"]


def test_what_is_left_next_to_the_curve_and_is_no_move_is_not_made() -> None:
    for rest_db, kept in ((0.0, False), (0.09, False), (0.1, True), (3.0, True)):
        made = shared_curves([cut(1, 2, 4, -6.0), cut(2, 4.5, 6, -6.0 - rest_db)], whole(), FILM, RATE_HZ)
        assert [move.line for move in made] == [None, *(["DX-2"] if kept else [])]


@settings(max_examples=30, deadline=None)
@given(
    gaps=st.lists(st.floats(-0.4, 0.55), min_size=2, max_size=6),
    over_db=st.lists(st.integers(0, 15).map(lambda hundredths: hundredths / 100), min_size=7, max_size=7),
)
def test_without_what_is_no_move_the_sum_is_as_near_as_that(gaps: list[float], over_db: list[float]) -> None:
    """Neighbours nearly alike, wherever they overlap: each moment is within `LEAST_MOVE_DB` of what it was."""
    moves, at_s = [], 1.0
    for number, gap_s in enumerate([0.0, *gaps]):
        at_s = round(max(at_s + gap_s, 0.5), 2)
        moves.append(cut(number, at_s, at_s + 1.0, -6.0 - over_db[number]))
        at_s += 1.0
    made = shared_curves(moves, whole(20.0), FILM, RATE_HZ)
    assert shared(made)
    before, after = gains_db(moves, FILM, 20.0), gains_db(made, FILM, 20.0)
    spoken = np.zeros(len(before), dtype=bool)
    for move in moves:
        spoken[round(move.start / 480) : round(move.end / 480)] = True
    assert np.abs(after - before)[spoken].max() < LEAST_MOVE_DB
    for move in made:
        if isinstance(move.action, Unmask):
            assert min(move.action.mid_db + move.action.side_db) <= -LEAST_MOVE_DB


def test_only_short_gaps_are_bridged() -> None:
    """In a longer one the bed comes up."""
    for gap_s, bridged in ((BRIDGED_S, True), (BRIDGED_S + 0.01, False), (3.0, False)):
        made = shared_curves([cut(1, 2, 4), cut(2, 4 + gap_s, 8)], whole(), FILM, RATE_HZ)
        assert bool(shared(made)) == bridged
        middle = gains_db(made, FILM)[round((4 + gap_s / 2) * 100)]
        assert (middle.min() == pytest.approx(-6.0)) == bridged


def test_next_to_nothing_is_not_shared() -> None:
    made = shared_curves([cut(1, 2, 4, -0.9 * LEAST_DB), cut(2, 4.3, 6, -6.0)], whole(), FILM, RATE_HZ)
    assert made == [cut(1, 2, 4, -0.9 * LEAST_DB), cut(2, 4.3, 6, -6.0)]
    assert shared_curves([cut(1, 2, 4)], whole(), FILM, RATE_HZ) == [cut(1, 2, 4)]
    assert shared_curves([], whole(), FILM, RATE_HZ) == []


def test_two_scenes_have_a_curve_each() -> None:
    moves = [cut(1, 2, 4), cut(2, 4.3, 6), cut(3, 6.58, 8, -3.0), cut(4, 8.3, 10, -3.0)]
    made = shared_curves(moves, whole(60.0, 6.3), FILM, RATE_HZ)
    assert [(move.id, move.end) for move in shared(made)] == [
        ("scene-MX-0002.0", 6 * RATE_HZ),
        ("scene-MX-0006.6", 10 * RATE_HZ),
    ]


@settings(max_examples=30, deadline=None)
@given(
    profile=st.sampled_from(sorted(PROFILES)),
    gaps=st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=6),
    depths=st.lists(st.integers(-240, -1), min_size=7, max_size=7),
    lows=st.lists(st.integers(0, 20), min_size=7, max_size=7),
    border_s=st.floats(2.0, 8.0),
)
@example(profile="game", gaps=[0.51], depths=[-10] * 7, lows=[0] * 7, border_s=3.0)  # where ramps only meet
def test_what_a_line_gets_in_all_is_not_changed(
    profile: str, gaps: list[float], depths: list[int], lows: list[int], border_s: float
) -> None:
    """In the lines and their ramps the mix is what it was; in a gap that is bridged no deeper than beside it.

    In every profile's times, for lines that overlap, adjoin or stand apart, and wherever a scene may end.
    """
    defaults = PROFILES[profile]
    shape = Shape(defaults.look_ahead_s, defaults.hold_s, defaults.ramp_s)
    moves, at_s = [], 1.0
    for number, gap_s in enumerate([0.0, *gaps]):
        at_s = round(max(at_s + gap_s, 0.5), 2)
        moves.append(cut(number, at_s, at_s + 1.0, depths[number] / 10, lows[number], lows[number] + 12))
        at_s += 1.0
    made = shared_curves(moves, whole(20.0, border_s), shape, RATE_HZ)
    before, after = gains_db(moves, shape, 20.0), gains_db(made, shape, 20.0)
    assert after.min() >= before.min() - 1e-9
    spoken = np.zeros(len(before), dtype=bool)
    for move in moves:
        spoken[round(move.start / 480) : round(move.end / 480)] = True
    assert after[spoken] == pytest.approx(before[spoken], abs=1e-6)
    # what is not spoken is deeper only where the ramps of its neighbours have been
    untouched = ~before.any(axis=1)
    assert not after[untouched].any()
