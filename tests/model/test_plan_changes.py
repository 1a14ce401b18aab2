"""What two plans do otherwise: which moves are one thing, what of them differs, and by how much."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stemmix.bands import BAND_COUNT, EDGE_HZ
from stemmix.model.difference import MoveChange
from stemmix.model.moves import Action, Duck, Level, Unmask
from stemmix.model.plan import Line, Move, Outcome, Plan, PlannedScene, PlannedShape, PlannedStem, StoppedBy
from stemmix.model.plan_changes import plan_change
from stemmix.model.profiles import Role

RATE = 1000
FRAMES = 100_000


def cut(depth_db: float = -6.0, first: int = 10, after: int = 14) -> Unmask:
    mid = tuple(depth_db if first <= band < after else 0.0 for band in range(BAND_COUNT))
    return Unmask(kind="unmask", mid_db=mid, side_db=(0.0,) * BAND_COUNT)


def duck(gain_db: float = -3.0) -> Duck:
    return Duck(kind="duck", gain_db=gain_db)


def move(
    name: str,
    start: int,
    end: int,
    action: Action | None = None,
    stem: str = "MX",
    stopped_by: StoppedBy | None = None,
) -> Move:
    return Move(id=name, stem=stem, start=start, end=end, action=action or cut(), stopped_by=stopped_by)


def plan(*moves: Move, rate: int = RATE, **fields: Any) -> Plan:
    stems = tuple(
        PlannedStem(id=name, sha256="0", frames=FRAMES, at=0, role=role)
        for name, role in (("DX", Role.DIALOGUE), ("MX", Role.MUSIC), ("FX", Role.FX))
    )
    shape = PlannedShape(look_ahead_s=0.1, hold_s=0.1, ramp_s=0.1)
    given = {"lines": (), "scenes": (), "outcome": None} | fields
    return Plan(
        schema_="stemmix.plan/1",
        title="Reel",
        profile="film",
        sample_rate=rate,
        frames=FRAMES,
        clarity_goal=0.5,
        stems=stems,
        shape=shape,
        moves=moves,
        conflicts=(),
        edges=(),
        **given,
    )


def changed(before: Plan, after: Plan) -> list[tuple[str, str]]:
    return [(one.change, one.id) for one in plan_change(before, after).moves]


def only(before: Plan, after: Plan) -> MoveChange:
    (found,) = plan_change(before, after).moves
    return found


def test_the_same_plan_does_nothing_otherwise() -> None:
    one = plan(move("a", 0, 1000), move("b", 500, 2000, duck()), move("c", 0, FRAMES, Level(kind="level", gain_db=-1)))
    assert plan_change(one, one).moves == ()


def test_what_is_rounded_is_no_difference() -> None:
    assert changed(plan(move("a", 0, 1000, cut(-6.0))), plan(move("a", 0, 1000, cut(-6.04)))) == []
    assert changed(plan(move("a", 0, 1000, cut(-6.0))), plan(move("a", 0, 1000, cut(-6.06)))) == [("changed", "a")]
    assert changed(plan(move("a", 0, 1000)), plan(move("a", 5, 1004))) == []
    assert changed(plan(move("a", 0, 1000)), plan(move("a", 10, 1000))) == [("changed", "a")]


def test_a_change_is_told_by_bands_time_and_depth() -> None:
    found = only(plan(move("a", 2000, 4000, cut(-6.0))), plan(move("a", 2000, 4000, cut(-9.0, 10, 20))))
    assert (found.stem, found.kind, found.start_s, found.end_s) == ("MX", "unmask", 2.0, 4.0)
    assert (found.before_db, found.after_db) == (0.0, -9.0), "where it differs the most: in bands that are new"
    assert (found.low_hz, found.high_hz) == (round(EDGE_HZ[14], 1), round(EDGE_HZ[20], 1))
    assert found.start_before_s is None
    assert found.size_db_s == pytest.approx(2.0 * (4 * 3 + 6 * 9) / 72, abs=1e-3)


def test_a_move_that_is_only_made_elsewhere_says_where_it_was() -> None:
    found = only(plan(move("a", 2000, 4000)), plan(move("a", 3000, 5000)))
    assert (found.start_before_s, found.end_before_s, found.start_s, found.end_s) == (2.0, 4.0, 3.0, 5.0)
    assert (found.before_db, found.after_db) == (-6.0, -6.0)
    assert found.size_db_s == pytest.approx(2.0 * 4 * 6 / 72, abs=1e-3), "a second of it is gone, a second is new"


def test_moves_of_a_plan_that_numbered_them_are_found_by_stem_kind_and_time() -> None:
    before = plan(move("L001-MX", 1000, 2000), move("L002-MX", 5000, 6000))
    after = plan(move("L001-MX", 100, 200), move("L002-MX", 1000, 2000), move("L003-MX", 5000, 6000))
    assert changed(before, after) == [("added", "L001-MX")]


def test_whatever_has_the_most_time_in_common_is_one() -> None:
    before = plan(move("a", 0, 1000), move("b", 900, 3000))
    after = plan(move("x", 950, 3000), move("y", 0, 940))
    assert sorted(changed(before, after)) == [("changed", "x"), ("changed", "y")]
    assert all(abs(one.start_s - (one.start_before_s or 0.0)) < 0.1 for one in plan_change(before, after).moves)


def test_moves_of_other_stems_kinds_or_times_are_others() -> None:
    before = plan(move("a", 0, 1000))
    assert sorted(changed(before, plan(move("a", 0, 1000, stem="FX")))) == [("added", "a"), ("removed", "a")]
    assert sorted(changed(before, plan(move("a", 0, 1000, duck())))) == [("added", "a"), ("removed", "a")]
    assert sorted(changed(before, plan(move("a", 1000, 2000)))) == [("added", "a"), ("removed", "a")]


def test_a_pin_that_is_set_elsewhere_is_still_that_pin() -> None:
    before = plan(move("pin-boom", 0, 1000, duck(), stopped_by="pin"))
    after = plan(move("pin-boom", 50_000, 51_000, duck(), stopped_by="pin"))
    assert changed(before, after) == [("changed", "pin-boom")]


def test_the_largest_comes_first_whatever_it_is() -> None:
    before = plan(move("small", 0, 1000, cut(-1.0)), move("gone", 5000, 9000, duck(-9.0)))
    after = plan(move("small", 0, 1000, cut(-2.0)), move("new", 20_000, 21_000, duck(-9.0)))
    assert changed(before, after) == [("removed", "gone"), ("added", "new"), ("changed", "small")]


def test_plans_of_two_sample_rates_compare() -> None:
    assert changed(plan(move("a", 1000, 2000)), plan(move("a", 2000, 4000), rate=2 * RATE)) == []


def line(name: str, start: int, clarity: float) -> Line:
    return Line(
        id=name,
        target="DX",
        start=start,
        end=start + 500,
        clarity_before=0.2,
        clarity_after=clarity,
        snr_before_db=0.0,
        snr_after_db=1.0,
        stopped_by="goal",
    )


def test_scenes_are_told_beside_those_that_they_share_the_most_time_with() -> None:
    before = plan(
        lines=(line("L1", 0, 0.4), line("L2", 1000, 0.6), line("L3", 60_000, 0.9)),
        scenes=(PlannedScene(id="S1", start=0, end=50_000), PlannedScene(id="S2", start=50_000, end=FRAMES)),
    )
    after = plan(
        lines=(line("L1", 0, 0.7),),
        scenes=(
            PlannedScene(id="quay", start=0, end=10_000, clarity_after=0.7, loudness_after_lufs=-20.0),
            PlannedScene(id="S1", start=48_000, end=FRAMES),
        ),
    )
    one, other = plan_change(before, after).scenes
    assert (one.id, one.clarity.before, one.clarity.after) == ("quay", 0.5, 0.7)
    assert (one.loudness_lufs.before, one.loudness_lufs.after) == (None, -20.0)
    assert (other.id, other.clarity.before, other.clarity.after) == ("S1", 0.9, None)


def test_figures_of_the_whole_stand_on_both_sides() -> None:
    outcome = Outcome(
        lines=1,
        lines_unclear_before=1,
        lines_unclear_after=0,
        clarity_before=0.2,
        clarity_after=0.6,
        bed_loss_db=3.0,
        bed_sones_lost=0.1,
        damage_db=1.0,
        outside_db=0.0,
    )
    found = plan_change(plan(), plan(move("a", 0, 10), lines=(line("L1", 0, 0.6),), outcome=outcome))
    assert (found.moves_before, found.moves_after) == (0, 1)
    assert (found.unclear.before, found.unclear.after) == (None, 0)
    assert (found.bed_loss_db.before, found.bed_loss_db.after) == (None, 3.0)


spans = some.tuples(some.integers(0, 50), some.integers(1, 30), some.sampled_from(["MX", "FX"]), some.booleans())


def moves_of(drawn: list[tuple[int, int, str, bool]]) -> list[Move]:
    return [
        move(f"m{number}", 1000 * start, 1000 * (start + length), duck() if ducked else cut(), stem)
        for number, (start, length, stem, ducked) in enumerate(drawn)
    ]


@given(some.lists(spans, max_size=8), some.lists(spans, max_size=8))
def test_every_move_is_accounted_for_once(
    old: list[tuple[int, int, str, bool]], new: list[tuple[int, int, str, bool]]
) -> None:
    before, after = plan(*moves_of(old)), plan(*moves_of(new))
    found = plan_change(before, after).moves
    count = {kind: sum(one.change == kind for one in found) for kind in ("added", "removed", "changed")}
    assert len(before.moves) - count["removed"] == len(after.moves) - count["added"] >= count["changed"]
    assert all(one.size_db_s > 0 for one in found)
    assert plan_change(before, before).moves == ()
