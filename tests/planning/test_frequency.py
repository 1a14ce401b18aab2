"""`planning.frequency`: the baseline does what frequency-based mixing does, so that a comparison means something."""

from __future__ import annotations

from typing import Any

import pytest

from stemmix.bands import CLASSIC_EDGES_HZ
from stemmix.model.moves import StaticEq
from stemmix.model.plan import Plan
from stemmix.planning.frequency import CAP_DB, STRENGTH, WANTED_DB
from tests.planning.scene_features import Sound, Told, bed, line, scene


def decided(*maskers: Told, **fields: Any) -> Plan:
    fields = {"method": "frequency", **fields}
    return scene(Told("DX", "dialogue", (line(2.0, 4.0), line(8.0, 9.0))), *maskers, seconds=20.0, **fields).decide()


def curves(plan: Plan) -> dict[str, tuple[float, ...]]:
    return {move.stem: move.action.gain_db for move in plan.moves if isinstance(move.action, StaticEq)}


def said(plan: Plan) -> tuple[str, ...]:
    """Of requests."""
    return tuple(note for note in plan.notes if not note.startswith("advice"))


def test_one_curve_of_seven_bands_stands_over_the_whole_programme() -> None:
    plan = decided(Told("MX", "music", (bed(0.0, 20.0),)), Told("FX", "fx", (Sound(3.0, 4.0),)))
    assert plan.method == "frequency"
    assert {move.stem for move in plan.moves} == {"MX", "FX"}
    assert all(isinstance(move.action, StaticEq) for move in plan.moves)
    assert all((move.start, move.end) == (0, plan.frames) for move in plan.moves)
    assert all(len(curve) == 7 and -CAP_DB <= min(curve) < 0 for curve in curves(plan).values())


def test_a_band_is_cut_by_half_of_what_is_short_of_12_db() -> None:
    """A masker that is louder by 4 dB is cut by 2 dB more, until the cap; what is 12 dB down is left alone."""
    one = curves(decided(Told("MX", "music", (bed(0.0, 20.0, -60.0, side_db=None),))))["MX"]
    louder = curves(decided(Told("MX", "music", (bed(0.0, 20.0, -56.0, side_db=None),))))["MX"]
    bands = [band for band in range(7) if one[band] < 0 and louder[band] > -CAP_DB]
    assert len(bands) >= 4
    for band in bands:
        assert one[band] - louder[band] == pytest.approx(STRENGTH * 4.0, abs=0.02)
    assert WANTED_DB == 12.0
    assert not decided(Told("MX", "music", (bed(0.0, 20.0, -90.0),))).moves


def test_only_bands_that_the_masker_fills_are_cut() -> None:
    low = curves(decided(Told("MX", "music", (Sound(0.0, 20.0, -40.0, 160, 390),))))["MX"]
    assert CLASSIC_EDGES_HZ[1:3] == (150, 400)
    assert low[1] < 0
    assert not any(low[2:6])


def test_what_sounds_beside_the_lines_does_not_matter() -> None:
    assert not decided(Told("MX", "music", (bed(10.0, 20.0, -30.0),))).moves


def test_what_is_of_no_lower_priority_is_not_cut() -> None:
    assert not decided(Told("MX", "music", (bed(0.0, 20.0),), priority=100)).moves


def test_a_stem_that_a_pin_keeps_is_left_as_it_is() -> None:
    """One curve reaches everywhere, so that it would reach into any span."""
    stems = (Told("MX", "music", (bed(0.0, 20.0),)), Told("AMB", "ambience", (bed(0.0, 20.0),)))
    plan = decided(*stems, pins=[{"stem": "MX", "from": 15.0, "to": 16.0, "keep": True}])
    assert set(curves(plan)) == {"AMB"}


MUSIC = Told("MX", "music", (bed(0.0, 20.0),))
EFFECT = Told("FX", "fx", (bed(0.0, 20.0, -53.0),))
SPAN = {"stem": "MX", "from": 15.0, "to": 16.0}


@pytest.mark.parametrize(
    "held", [{"keep": True}, {"forbid": ["unmask"]}, {"action": {"kind": "duck", "gain_db": -2.0}}], ids=str
)
def test_a_stem_whose_eq_a_pin_forbids_in_any_span_has_no_curve(held: dict[str, Any]) -> None:
    plan = decided(MUSIC, EFFECT, pins=[SPAN | held])
    assert curves(plan) == {"FX": curves(decided(MUSIC, EFFECT))["FX"]}
    assert said(plan) == ("pin 1 (MX, 15-16 s) leaves MX without any curve: one curve holds for the whole programme",)
    assert curves(decided(MUSIC, pins=[SPAN | {"forbid": ["duck", "ride"]}])) == curves(decided(MUSIC))


def test_a_bound_in_any_span_bounds_the_curve_in_its_bands() -> None:
    free = curves(decided(MUSIC))["MX"]
    assert min(free[:3]) < -3.0 > min(free[4:])
    whole = curves(decided(MUSIC, pins=[SPAN | {"max_cut_db": 3.0}]))["MX"]
    assert whole == tuple(max(gain, -3.0) for gain in free)
    pins = [SPAN | {"max_cut_db": 3.0, "high_hz": 380.0}, SPAN | {"max_cut_db": 1.0, "high_hz": 120.0}]
    for given in (pins, pins[::-1]):
        plan = decided(MUSIC, pins=given)
        assert curves(plan)["MX"] == (max(free[0], -1.0), max(free[1], -3.0), *free[2:])
        assert all("limits the curve of MX in its bands from beginning to end" in note for note in said(plan))


def test_what_is_raised_for_a_span_makes_no_curve_of_others_and_is_cut_for_nothing_that_ranks_below() -> None:
    """In the bands that the pin names."""
    free = curves(decided(MUSIC, EFFECT))
    pin = {"stem": "FX", "from": 15.0, "to": 16.0, "priority": 150}
    plan = decided(MUSIC, EFFECT, pins=[pin])
    assert curves(plan) == {"MX": free["MX"]}
    assert [line.target for line in plan.lines].count("FX") == 1
    assert said(plan) == (
        "pin 1 (FX, 15-16 s) keeps FX from being cut for what ranks below 150, but does not clear it: "
        "one curve holds for the whole programme",
    )
    below = decided(MUSIC, EFFECT, pins=[pin | {"priority": 90}])
    assert curves(below) == free, "the dialogue ranks above it still"
    ranged = curves(decided(MUSIC, EFFECT, pins=[pin | {"low_hz": 1100.0, "high_hz": 2800.0}]))
    assert ranged["FX"] == (*free["FX"][:3], 0.0, *free["FX"][4:])
    assert decided(MUSIC, pins=[SPAN | {"priority": 90}]).moves == decided(MUSIC).moves


def test_what_is_lowered_for_a_span_gives_way_no_more_and_that_is_said() -> None:
    above = Told("MX", "music", MUSIC.sounds, priority=200)
    plan = decided(above, pins=[{"stem": "MX", "from": 2.0, "to": 4.0, "priority": 10}])
    assert not plan.moves
    assert said(plan) == (
        "pin 1 (MX, 2-4 s) lowers MX to no effect: one curve holds for the whole programme, whatever the span",
    )


def test_a_line_that_is_lowered_does_not_count() -> None:
    """Or not in the pin's bands: the curve is what the other line asks for."""
    music = (bed(2.0, 4.0, -40.0), bed(8.0, 9.0, -55.0))
    late = scene(
        Told("DX", "dialogue", (line(8.0, 9.0),)), Told("MX", "music", music[1:]), seconds=20.0, method="frequency"
    )
    alone = curves(late.decide())["MX"]
    pin = {"stem": "DX", "from": 2.0, "to": 4.0, "priority": 10}
    plan = decided(Told("MX", "music", music), pins=[pin])
    assert curves(plan)["MX"] == alone != curves(decided(Told("MX", "music", music)))["MX"]
    assert not said(plan)
    ranged = curves(decided(Told("MX", "music", music), pins=[pin | {"high_hz": 400.0}]))["MX"]
    assert ranged[:2] == alone[:2]
    assert ranged[3:] == curves(decided(Told("MX", "music", music)))["MX"][3:]
    everywhere = [pin, pin | {"from": 8.0, "to": 9.0}]
    assert not decided(Told("MX", "music", music), pins=everywhere).moves


@pytest.mark.parametrize(
    ("music_db", "stopped_by"), [(-70.0, "clear"), (-52.0, "goal"), (-40.0, "cap"), (-25.0, "cap")]
)
def test_a_line_says_what_came_of_it(music_db: float, stopped_by: str) -> None:
    """Clear as it came, brought to its goal, or short of it with all that the curve gives, its cap or less."""
    plan = decided(Told("MX", "music", (bed(0.0, 20.0, music_db),)))
    assert plan.lines
    for judged in plan.lines:
        assert judged.stopped_by == stopped_by
        assert (judged.clarity_before >= plan.clarity_goal) == (stopped_by == "clear")
        assert (judged.clarity_after >= plan.clarity_goal) == (stopped_by != "cap")


def test_a_line_that_the_average_leaves_short_is_not_told_of_a_cap() -> None:
    """The louder line decides how deep the curve is; what keeps it from going deeper for the softer is the rule."""
    plan = scene(
        Told("DX", "dialogue", (line(2.0, 4.0), line(8.0, 9.0, -64.0))),
        Told("MX", "music", (bed(0.0, 20.0, -57.0, low_hz=300.0, high_hz=5000.0),)),
        seconds=20.0,
        method="frequency",
    ).decide()
    assert [move.stopped_by for move in plan.moves] == ["rule"]
    assert [one.stopped_by for one in plan.lines] == ["clear", "rule"]


def test_a_line_that_a_kept_stem_hides_says_so_and_so_does_one_that_only_higher_stems_hide() -> None:
    music = Told("MX", "music", (bed(0.0, 20.0, -40.0),))
    kept = decided(music, pins=[{"stem": "MX", "from": 15.0, "to": 16.0, "keep": True}])
    assert [line.stopped_by for line in kept.lines] == ["pin", "pin"]
    above = decided(Told("MX", "music", music.sounds, priority=200))
    assert [line.stopped_by for line in above.lines] == ["nothing to cut"] * 2


def test_it_is_judged_as_every_plan_is() -> None:
    """Lines, conflicts, edges and the outcome are there, to be held against the other method's."""
    plan = decided(Told("MX", "music", (bed(0.0, 20.0, -55.0),)))
    other = decided(Told("MX", "music", (bed(0.0, 20.0, -55.0),)), method="multilevel")
    assert [line.clarity_before for line in plan.lines] == [line.clarity_before for line in other.lines]
    assert all(line.clarity_after > line.clarity_before for line in plan.lines)
    assert [conflict.id for conflict in plan.conflicts] == [conflict.id for conflict in other.conflicts]
    assert plan.outcome is not None
    assert other.outcome is not None
    assert plan.outcome.outside_db > 1.0 > other.outcome.outside_db
