"""`planning.rules`: every kind of pin binds, as its owner would see it in the plan and hear it in the mix."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, CENTRE_HZ, EDGE_HZ
from stemmix.dsp.dynamics import Shape, StemGains
from stemmix.model.moves import Action, Duck, Presence, Ride, Scene, Unmask, gains_of
from stemmix.model.plan import Line, Move, Plan, layers_of
from stemmix.model.profiles import PROFILES
from tests.evidence import ACTIONS
from tests.planning.scene_features import HOP, RATE_HZ, Sound, Told, bed, line, scene
from tests.planning.scene_features import Scene as ToldScene

Floats = NDArray[np.float64]

LINES = (line(2.0, 3.8), line(4.2, 6.0), line(9.0, 10.5))


def told(level_db: float = -50.0, **fields: Any) -> ToldScene:
    """Three lines, two of which follow each other closely, under music and an effect that each hide them."""
    return scene(
        Told("DX", "dialogue", LINES, sha256="a" * 64),
        Told("MX", "music", (bed(0.0, 13.0, level_db),), sha256="b" * 64),
        Told("FX", "fx", (bed(1.0, 12.0, level_db - 3),), sha256="c" * 64),
        seconds=13.0,
        **fields,
    )


@cache
def unpinned(level_db: float = -50.0) -> Plan:
    return told(level_db).decide()


def pinned(level_db: float = -50.0, *, goals: dict[str, Any] | None = None, **pin: Any) -> Plan:
    return told(level_db, pins=[pin], goals=goals or {}).decide()


def gains_db(plan: Plan, stem: str, start_s: float = 0.0, end_s: float = 13.0) -> Floats:
    """(frames, 72) what the engine would do to a stem, every 5 ms."""
    shape = Shape(plan.shape.look_ahead_s, plan.shape.hold_s, plan.shape.ramp_s)
    layers = layers_of(move for move in plan.moves if move.stem == stem)
    times = np.arange(start_s * RATE_HZ, end_s * RATE_HZ, 240)
    return StemGains(layers, shape, RATE_HZ, 2 * BAND_COUNT).at(times)


def moved(plan: Plan, stem: str) -> list[Move]:
    return [move for move in plan.moves if move.stem == stem]


def the_line(plan: Plan, start_s: float) -> Line:
    return next(line for line in plan.lines if line.start == round(start_s * RATE_HZ / HOP) * HOP)


def made_for(plan: Plan, line: Line) -> list[Move]:
    """The line's own moves, and the curves that it shares."""
    of_line = {conflict.id for conflict in plan.conflicts if conflict.line == line.id}
    return [move for move in plan.moves if of_line.intersection(move.because)]


def inside(low_hz: float, high_hz: float) -> NDArray[np.bool_]:
    """(72,) the bands that reach into a range, of mid and sides."""
    bands = [low < high_hz and high > low_hz for low, high in itertools.pairwise(EDGE_HZ)]
    return np.array(2 * bands)


def test_without_pins_every_line_has_its_cuts_in_both_stems() -> None:
    """What the pins below hold back is there without them."""
    for stem in ("MX", "FX"):
        for start_s, end_s in ((2.0, 3.8), (4.2, 6.0), (9.0, 10.5)):
            assert gains_db(unpinned(), stem, start_s, end_s).min() < -3.0
    assert [line.stopped_by for line in unpinned().lines] == ["goal"] * 3


@pytest.mark.parametrize("profile", ["film", "documentary", "game", "music"])
@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [(4.5, 5.0), (3.9, 4.1), (6.2, 8.8), (6.45, 6.46), (2.0, 2.02), (8.7, 8.8), (0.0, 13.0)],
)
def test_nothing_reaches_into_a_kept_span_not_even_a_ramp(profile: str, start_s: float, end_s: float) -> None:
    role = "lead" if profile == "music" else "dialogue"
    kept = scene(
        Told("DX", role, LINES),
        Told("MX", "music", (bed(0.0, 13.0, -47.0),)),
        Told("FX", "fx", (bed(1.0, 12.0, -50.0),)),
        seconds=13.0,
        profile=profile,
        pins=[{"stem": "MX", "from": start_s, "to": end_s, "keep": True}],
    ).decide()
    assert not gains_db(kept, "MX", start_s, end_s).any()
    assert gains_db(kept, "FX").min() < -3.0
    if end_s - start_s < 1.0:
        assert gains_db(kept, "MX").min() < -3.0, "elsewhere it is cut"


def test_a_kept_stem_is_told_by_the_line_that_lacks_its_cut() -> None:
    """Music hides most: with it kept the line falls short, says that a pin is why, and its neighbour does not."""
    plan = pinned(-44.0, stem="MX", **{"from": 9.0, "to": 10.5}, keep=True)
    assert the_line(plan, 9.0).stopped_by == "pin"
    assert the_line(plan, 9.0).clarity_after < plan.clarity_goal
    assert the_line(plan, 2.0).stopped_by == "goal"
    assert {move.stem for move in made_for(plan, the_line(plan, 9.0))} == {"DX", "FX"}


@pytest.mark.parametrize("pin", [{"forbid": ["duck"]}, {"max_cut_db": 24.0}])
def test_a_pin_that_holds_nothing_back_is_not_what_stopped_a_move(pin: dict[str, Any]) -> None:
    free, bound = unpinned(-56.0), pinned(-56.0, stem="MX", **{"from": 0.0, "to": 13.0}, **pin)
    assert [move.action for move in bound.moves] == [move.action for move in free.moves]
    assert [move.stopped_by for move in bound.moves] == [move.stopped_by for move in free.moves]


@pytest.mark.parametrize("pin", [{"max_cut_db": 0.0}, {"priority": 200}])
@pytest.mark.parametrize(("low_hz", "high_hz"), [(479.0, 3000.0), (1000.0, 2500.0)])
def test_nothing_is_cut_anywhere_in_the_range_of_a_pin(pin: dict[str, Any], low_hz: float, high_hz: float) -> None:
    """Between the centres of two bands a curve goes in a straight line: the neighbour's cut must not reach inside."""
    plan = pinned(stem="MX", **{"from": 0.0, "to": 13.0, "low_hz": low_hz, "high_hz": high_hz}, **pin)
    deepest = gains_db(plan, "MX")[:, :BAND_COUNT].min(axis=0)
    assert deepest.min() < -3.0, "it is cut beside it"
    inside = np.interp(np.linspace(low_hz, high_hz, 1000), CENTRE_HZ, deepest)
    assert not inside.any()


def test_what_music_may_not_give_the_effect_gives_the_more() -> None:
    free, kept = unpinned(-53.0), pinned(-53.0, stem="MX", **{"from": 0.0, "to": 13.0}, keep=True)
    assert not moved(kept, "MX")
    assert gains_db(kept, "FX").sum() < gains_db(free, "FX").sum()


@pytest.mark.parametrize(
    ("kind", "stem", "level_db", "action"),
    [
        ("unmask", "MX", -50.0, (Unmask, Scene)),
        ("duck", "MX", -27.0, (Duck,)),
        ("ride", "DX", -27.0, (Ride,)),
        ("presence", "DX", -27.0, (Presence,)),
    ],
)
def test_a_forbidden_kind_of_move_is_not_made_in_the_stem(
    kind: str, stem: str, level_db: float, action: tuple[type[Action], ...]
) -> None:
    """In the line of the pin; the others have it still."""
    plan = pinned(level_db, stem=stem, **{"from": 9.2, "to": 9.4}, forbid=[kind])
    bound, other = the_line(plan, 9.0), the_line(plan, 2.0)

    def made(whole: Plan, start: int, end: int) -> list[Move]:
        return [
            move
            for move in moved(whole, stem)
            if isinstance(move.action, action) and move.start < end and move.end > start
        ]

    assert made(unpinned(level_db), bound.start, bound.end), "without the pin it would be made"
    assert not made(plan, bound.start, bound.end)
    assert made(plan, other.start, other.end)


@pytest.mark.parametrize("level_db", [-48.0, -44.0, -40.0])
def test_beside_a_masker_that_is_kept_the_others_stop_where_they_buy_next_to_nothing(level_db: float) -> None:
    """The pin is why the line is short; each move says what stopped it, and not all caps are spent for little."""
    plan = pinned(level_db, stem="MX", **{"from": 0.0, "to": 13.0}, keep=True)
    assert {line.stopped_by for line in plan.lines} == {"pin"}
    assert all(line.clarity_after < plan.clarity_goal for line in plan.lines)
    assert not moved(plan, "MX")
    assert {move.stopped_by for move in moved(plan, "FX")} <= {"cap", "benefit"}
    spent_db = -gains_db(plan, "FX", 9.0, 10.5)
    assert 0 < spent_db.max() < PROFILES["film"].eq_cap_db < PROFILES["film"].lost_cap_db


@pytest.mark.parametrize("level_db", [-52.0, -40.0])
def test_a_bounded_stem_is_cut_by_no_more_than_the_bound(level_db: float) -> None:
    """Cuts, shared curves and ducks together, wherever a move reaches into the span."""
    plan = pinned(level_db, stem="MX", **{"from": 2.5, "to": 5.0}, max_cut_db=4.0)
    span = gains_db(plan, "MX", 2.5, 5.0)
    assert -4.0 - 1e-9 <= span.min() < -3.9
    assert gains_db(plan, "MX", 9.0, 10.5).min() < -6.0
    assert gains_db(unpinned(level_db), "MX", 2.5, 5.0).min() < -6.0


def test_a_bound_holds_where_the_duck_of_one_line_meets_the_cuts_of_the_next() -> None:
    """The first may not be cut by EQ, the second may: each within the bound, and so must be the sum of their ramps."""
    pins = [
        {"stem": "MX", "from": 3.5, "to": 3.7, "forbid": ["unmask"]},
        {"stem": "MX", "from": 3.6, "to": 6.0, "max_cut_db": 3.0},
    ]
    for given in (pins, pins[::-1]):
        plan = told(-40.0, pins=given).decide()
        assert -3.0 - 1e-9 <= gains_db(plan, "MX", 3.6, 6.0).min() < -2.9


def test_where_eq_is_forbidden_all_along_a_bound_the_duck_may_have_all_of_it() -> None:
    pins = [
        {"stem": "MX", "from": 2.5, "to": 5.0, "forbid": ["unmask"]},
        {"stem": "MX", "from": 2.6, "to": 5.0, "max_cut_db": 2.0},
    ]
    plan = told(-40.0, pins=pins).decide()
    assert gains_db(plan, "MX", 2.6, 5.0).min() == pytest.approx(-2.0, abs=0.02)
    assert {move.action.kind for move in moved(plan, "MX") if move.start < 5 * RATE_HZ} == {"duck"}


def test_a_bound_on_the_voice_holds_for_its_tilt() -> None:
    """Presence takes from the lower bands what it gives to the upper ones; a ride takes nothing."""
    span = {"stem": "DX", "from": 9.0, "to": 10.5}
    no_ride = {**span, "forbid": ["ride"]}
    assert gains_db(told(-27.0, pins=[no_ride]).decide(), "DX", 9.0, 10.5).min() < -0.25
    plan = told(-27.0, pins=[no_ride, {**span, "max_cut_db": 0.2}]).decide()
    assert -0.2 - 1e-9 <= gains_db(plan, "DX", 9.0, 10.5).min() < -0.01
    still = told(-27.0, pins=[no_ride, {**span, "max_cut_db": 0.0}]).decide()
    assert not gains_db(still, "DX", 9.0, 10.5).any()
    for bound in (plan, still):
        assert np.array_equal(gains_db(bound, "DX", 2.0, 6.0), gains_db(unpinned(-27.0), "DX", 2.0, 6.0))
    ridden = told(-27.0, pins=[{**span, "max_cut_db": 0.0}]).decide()
    assert {move.action.kind for move in moved(ridden, "DX") if move.start > 8 * RATE_HZ} == {"ride", "presence"}
    assert gains_db(ridden, "DX", 9.0, 10.5).min() >= 0


def test_a_pin_on_the_voice_binds_as_far_as_the_voice_is_moved() -> None:
    """A tenth of a second beside its line, where cuts of others reach further."""
    for start_s, bound in ((10.58, True), (10.7, False)):
        plan = pinned(-27.0, stem="DX", **{"from": start_s, "to": 12.0}, keep=True)
        assert bound != any(move.start > 8 * RATE_HZ for move in moved(plan, "DX"))
        assert not gains_db(plan, "DX", start_s, 12.0).any()


def test_what_a_pinned_move_takes_is_not_taken_from_a_bound_again() -> None:
    """Its ramp reaches into the bound's span, where the rest is the engine's."""
    pins = [
        {"stem": "MX", "from": 6.8, "to": 8.0, "action": {"kind": "duck", "gain_db": -2.0}},
        {"stem": "MX", "from": 8.2, "to": 10.5, "max_cut_db": 3.0},
    ]
    plan = told(pins=pins).decide()
    assert not any(note.startswith("pin") for note in plan.notes)
    assert gains_db(plan, "MX", 9.0, 10.5).min() == pytest.approx(-1.0, abs=0.02)
    assert gains_db(plan, "MX", 8.2, 10.5).min() >= -3.0


def test_a_pinned_move_that_breaks_another_pin_stands_and_that_is_said() -> None:
    held = {"stem": "MX", "from": 9.0, "to": 10.0, "action": {"kind": "duck", "gain_db": -4.0}}
    for other, said in (
        ({"keep": True}, "does not keep MX as it came"),
        ({"max_cut_db": 3}, "does not limit the cut of MX to 3 dB"),
    ):
        plan = told(pins=[held, {"stem": "MX", "from": 10.2, "to": 11.0, **other}]).decide()
        assert gains_db(plan, "MX", 9.0, 10.0) == pytest.approx(-4.0)
        note = f"pin 2 (MX, 10.2-11 s) {said}: pin 1 reaches into it, and is applied as it stands"
        assert [note for note in plan.notes if note.startswith("pin")] == [note]
    other = told(pins=[held, {"stem": "FX", "from": 10.2, "to": 11.0, "keep": True}]).decide()
    assert not any(note.startswith("pin") for note in other.notes)


def test_a_stem_that_is_raised_in_any_span_keeps_its_fader() -> None:
    """A fader moves the whole programme, the span too."""
    loud = told(-30.0, balance=True).decide()
    assert "level" in {move.action.kind for move in moved(loud, "FX")}
    pins = [{"stem": "FX", "from": 11.0, "to": 12.0, "priority": 150}]
    plan = told(-30.0, balance=True, pins=pins).decide()
    assert "level" not in {move.action.kind for move in moved(plan, "FX")}
    assert "level" in {move.action.kind for move in moved(plan, "MX")}


def test_a_bound_of_bands_binds_in_every_band_that_reaches_into_it_and_in_no_other() -> None:
    plan = pinned(stem="MX", **{"from": 2.5, "to": 5.0}, max_cut_db=2.0, low_hz=900, high_hz=2100)
    bound = inside(900, 2100)
    assert 5 < bound.sum() < 20
    span = gains_db(plan, "MX", 2.5, 5.0)
    assert -2.0 - 1e-9 <= span[:, bound].min() < -1.9
    assert span[:, ~bound].min() < -4.0
    assert gains_db(unpinned(), "MX", 2.5, 5.0)[:, bound].min() < -4.0


def test_an_effect_that_is_raised_over_the_line_wins() -> None:
    """It is not cut in its span, it is cleared of what hides it there, and elsewhere it gives way as before."""
    plan = pinned(stem="FX", **{"from": 9.0, "to": 10.5}, priority=150)
    assert not gains_db(plan, "FX", 9.0, 10.5).any()
    assert gains_db(plan, "FX", 2.0, 6.0).min() < -3.0
    (won,) = (line for line in plan.lines if line.target == "FX")
    assert (won.start, won.end) == (9 * RATE_HZ, round(10.5 * RATE_HZ))
    assert won.clarity_after > won.clarity_before
    for_it = made_for(plan, won)
    assert {move.stem for move in for_it} <= {"DX", "MX"}
    assert any(move.stem == "MX" for move in for_it)


def test_an_effect_that_is_raised_but_not_over_the_line_is_cut_for_it_still() -> None:
    """And is itself cleared of music, once the line has what it needs."""
    plan = pinned(stem="FX", **{"from": 9.0, "to": 10.5}, priority=90)
    assert gains_db(plan, "FX", 9.0, 10.5).min() < -3.0
    assert the_line(plan, 9.0).clarity_after >= plan.clarity_goal
    assert not gains_db(plan, "DX").min() < 0
    assert any(line.target == "FX" for line in plan.lines)


def test_a_raised_range_of_bands_is_not_cut_the_others_are() -> None:
    plan = pinned(stem="FX", **{"from": 9.2, "to": 9.4}, priority=100, low_hz=900, high_hz=2100)
    span = gains_db(plan, "FX", 8.5, 11.0)
    assert not span[:, inside(900, 2100)].any()
    assert span[:, ~inside(900, 2100)].min() < -3.0


def test_a_line_that_is_lowered_is_left_as_it_is() -> None:
    """It need not be heard: nothing of higher priority than the pin's is cut for it."""
    plan = pinned(stem="DX", **{"from": 9.0, "to": 10.5}, priority=10)
    lowered = the_line(plan, 9.0)
    assert lowered.stopped_by == "pin"
    assert lowered.clarity_after == lowered.clarity_before
    assert not made_for(plan, lowered)
    assert the_line(plan, 2.0).clarity_after >= plan.clarity_goal


def test_a_line_lowered_below_the_effect_is_cleared_of_music_only() -> None:
    plan = pinned(stem="DX", **{"from": 9.0, "to": 10.5}, priority=50)
    lowered = the_line(plan, 9.0)
    assert {move.stem for move in made_for(plan, lowered)} - {"DX"} == {"MX"}


def test_a_lowered_line_is_only_the_one_that_the_pin_covers() -> None:
    """The line that ends 0.2 s before it is heard as ever, though its ramps reach into the pin."""
    plan = pinned(stem="DX", **{"from": 4.2, "to": 6.0}, priority=10)
    assert the_line(plan, 4.2).stopped_by == "pin"
    assert the_line(plan, 2.0).clarity_after >= plan.clarity_goal
    assert made_for(plan, the_line(plan, 2.0))


def test_a_line_whose_lower_bands_are_lowered_is_heard_in_the_others() -> None:
    """They do not count: nothing is cut that hides only them."""
    plan = pinned(stem="DX", **{"from": 9.0, "to": 10.5}, priority=10, high_hz=1000)
    free, bound = (the_line(one, 9.0) for one in (unpinned(), plan))
    assert bound.stopped_by == "goal"
    assert bound.clarity_before != free.clarity_before
    lower, upper = inside(0, 700), inside(2000, 6000)
    assert gains_db(plan, "MX", 9.0, 10.5)[:, lower].min() > gains_db(unpinned(), "MX", 9.0, 10.5)[:, lower].min() / 4
    assert gains_db(plan, "MX", 9.0, 10.5)[:, upper].min() < -3.0
    assert not [conflict for conflict in plan.conflicts if conflict.line == bound.id and conflict.high_hz < 1000]


def key_effect(**pin: Any) -> Plan:
    """The three lines under an effect that a stem's own priority puts over them, and music."""
    return scene(
        Told("DX", "dialogue", LINES),
        Told("FX", "fx", (bed(1.0, 12.0, -50.0),), priority=150),
        Told("MX", "music", (bed(0.0, 13.0, -56.0),)),
        seconds=13.0,
        pins=[{"stem": "FX", **pin}] if pin else [],
    ).decide()


@pytest.mark.parametrize("within", [{"from": 9.0, "to": 10.5}, {"from": 9.1, "to": 10.4}, {"from": 8.0, "to": 11.0}])
def test_an_effect_that_is_lowered_gives_way_in_its_span_and_nowhere_else(within: dict[str, float]) -> None:
    """A span as reports tell it, to a tenth of a second, covers the line."""
    assert not moved(key_effect(), "FX")
    plan = key_effect(**within, priority=10)
    assert gains_db(plan, "FX", 9.0, 10.5).min() < -3.0
    assert not gains_db(plan, "FX", 0.0, 8.0).any()
    assert the_line(plan, 9.0).clarity_after >= plan.clarity_goal > the_line(key_effect(), 9.0).clarity_after
    assert not plan.notes


def test_an_effect_that_is_lowered_in_a_range_of_bands_gives_way_only_there() -> None:
    plan = key_effect(**{"from": 9.0, "to": 10.5}, priority=10, low_hz=900, high_hz=2100)
    span = gains_db(plan, "FX", 8.5, 11.0)
    assert span[:, inside(900, 2100)].min() < -3.0
    assert not span[:, ~inside(900, 2100)].any(), "and no duck"


def test_an_effect_that_is_lowered_but_not_under_the_line_is_not_cut_for_it() -> None:
    assert not moved(key_effect(**{"from": 9.0, "to": 10.5}, priority=100), "FX")


def test_a_pin_that_lowers_a_stem_over_a_part_of_a_line_does_nothing_and_that_is_said() -> None:
    """A line is decided whole: the effect would else give way where nobody lowered it."""
    for within in ({"from": 9.2, "to": 10.0}, {"from": 6.5, "to": 8.5}):
        plan = key_effect(**within, priority=10)
        assert not moved(plan, "FX")
        (said,) = plan.notes
        assert said.startswith(f"pin 1 (FX, {within['from']:g}-{within['to']:g} s) lowers FX to no effect")


def test_where_one_pin_lowers_an_effect_and_another_raises_it_it_is_raised() -> None:
    pins = [
        {"stem": "FX", "from": 9.0, "to": 10.5, "priority": 10},
        {"stem": "FX", "from": 9.5, "to": 9.7, "priority": 160, "low_hz": 900, "high_hz": 2100},
    ]
    told = scene(
        Told("DX", "dialogue", LINES), Told("FX", "fx", (bed(1.0, 12.0, -50.0),), priority=150), seconds=13.0, pins=pins
    )
    span = gains_db(told.decide(), "FX", 9.0, 10.5)
    assert not span[:, inside(900, 2100)].any()
    assert span[:, ~inside(900, 2100)].min() < -3.0


def test_a_line_that_is_lowered_under_an_effect_that_is_heard_gives_way_to_it_and_is_not_saved_again() -> None:
    """In a game effects are heard too: over the pin's line the effect comes first, and the line's loss is no harm."""

    def decided(**pin: Any) -> Plan:
        return scene(
            Told("DX", "dialogue", (line(2.0, 4.0, -44.0), line(9.0, 11.0, -44.0))),
            Told("FX", "fx", (Sound(2.0, 4.0, -50.0, 300, 5000), Sound(9.0, 11.0, -50.0, 300, 5000))),
            seconds=14.0,
            profile="game",
            pins=[{"stem": "DX", "from": 9.0, "to": 11.0, **pin}] if pin else [],
        ).decide()

    free, lowered = decided(), decided(priority=1)
    effect = next(line for line in lowered.lines if line.target == "FX" and line.start == 9 * RATE_HZ)
    assert not [move for move in moved(free, "DX") if isinstance(move.action, Unmask | Scene | Duck)]
    assert gains_db(lowered, "DX", 9.0, 11.0).min() < -3.0
    assert not gains_db(lowered, "DX", 2.0, 4.0).min() < 0
    assert effect.clarity_after > effect.clarity_before
    assert not any(note.startswith("undone:") for note in lowered.notes)


HELD = {"kind": "unmask", "mid_db": [-5.0] * BAND_COUNT, "side_db": [-1.0] * BAND_COUNT}


def test_a_pinned_move_stands_as_it_is_whatever_else_is_found() -> None:
    plan = pinned(stem="MX", **{"from": 8.9, "to": 10.6}, action=HELD)
    (own,) = (move for move in plan.moves if move.id.startswith("pin"))
    assert (own.stem, own.start, own.end) == ("MX", round(8.9 * RATE_HZ), round(10.6 * RATE_HZ))
    assert own.action == Unmask(kind="unmask", mid_db=(-5.0,) * BAND_COUNT, side_db=(-1.0,) * BAND_COUNT)
    assert own.stopped_by == "pin"
    span = gains_db(plan, "MX", 8.9, 10.6)
    assert span[:, :BAND_COUNT] == pytest.approx(-5.0)
    assert span[:, BAND_COUNT:] == pytest.approx(-1.0)


@pytest.mark.parametrize("kind", ACTIONS)
@pytest.mark.parametrize("stem", ["MX", "DX"])
def test_a_pinned_move_of_any_kind_is_all_that_is_done_in_its_span_and_changes_nothing_beyond_its_ramps(
    kind: str, stem: str
) -> None:
    """In a masker and in the line itself; the other lines have what they had."""
    action = asdict(ACTIONS[kind])
    plan = pinned(-44.0, stem=stem, **{"from": 8.9, "to": 10.6}, action=action)
    span = gains_db(plan, stem, 8.9, 10.6)[20:-20]
    assert np.abs(span - gains_of(ACTIONS[kind])).max() < 1e-9
    assert np.array_equal(gains_db(plan, stem, 0.0, 8.0), gains_db(unpinned(-44.0), stem, 0.0, 8.0))
    for other in {"DX", "MX", "FX"} - {stem}:
        assert np.array_equal(gains_db(plan, other, 0.0, 8.0), gains_db(unpinned(-44.0), other, 0.0, 8.0))
        assert gains_db(plan, other, 9.0, 10.5).any()


def test_a_pinned_move_is_known_to_the_solver() -> None:
    """What it does already need not be done in another stem."""
    kept = pinned(-56.0, stem="MX", **{"from": 8.9, "to": 10.6}, keep=True)
    held = pinned(-56.0, stem="MX", **{"from": 8.9, "to": 10.6}, action=HELD)
    assert 0 > gains_db(held, "FX", 9.0, 10.5).sum() > gains_db(kept, "FX", 9.0, 10.5).sum()
    enough = pinned(
        -56.0,
        stem="MX",
        **{"from": 8.9, "to": 10.6},
        action={"kind": "duck", "gain_db": -30.0},
    )
    assert gains_db(enough, "FX", 9.0, 10.5).sum() > gains_db(held, "FX", 9.0, 10.5).sum()


@pytest.mark.parametrize("level_db", [-52.0, -40.0])
@pytest.mark.parametrize("cap_db", [0.0, 3.0, 8.0])
def test_a_cap_that_the_project_gives_holds_for_every_band_of_every_line(level_db: float, cap_db: float) -> None:
    """Even for one that would else be lost; ducks have a cap of their own."""
    plan = told(level_db, goals={"eq_cap_db": cap_db, "duck_cap_db": 2.0}).decide()
    for stem in ("MX", "FX"):
        cuts = [move for move in moved(plan, stem) if isinstance(move.action, Unmask | Scene)]
        layers = layers_of(cuts)
        shape = Shape(plan.shape.look_ahead_s, plan.shape.hold_s, plan.shape.ramp_s)
        times = np.arange(0.0, 13.0 * RATE_HZ, 480)
        cut_db = StemGains(layers, shape, RATE_HZ, 2 * BAND_COUNT).at(times)
        assert cut_db.min() >= -cap_db - 1e-9
        if cap_db and level_db > -52.0:
            assert cut_db.min() == pytest.approx(-cap_db, abs=0.1), "but for what buys next to nothing"
        ducks = [move.action.gain_db for move in moved(plan, stem) if isinstance(move.action, Duck)]
        assert all(-2.0 <= duck < 0 for duck in ducks)
        assert bool(ducks) == (level_db > -52.0 or cap_db < 8.0)


def test_without_leave_the_voice_is_not_touched() -> None:
    buried = told(-27.0).decide()
    assert {move.action.kind for move in moved(buried, "DX")} == {"ride", "presence"}
    ride = next(move.action for move in moved(buried, "DX") if isinstance(move.action, Ride))
    tilt = next(move.action for move in moved(buried, "DX") if isinstance(move.action, Presence))
    film = PROFILES["film"]
    assert ride.gain_db == film.ride_cap_db > 0
    assert max(tilt.gain_db) - min(tilt.gain_db) == pytest.approx(film.presence_cap_db, abs=0.02)
    assert not moved(told(-27.0, goals={"voice": False}).decide(), "DX")


def test_pins_hold_when_everything_is_heard_anew() -> None:
    """Other features, the same pins: louder music, another length, another file."""
    pins = [
        {"stem": "MX", "from": 9.0, "to": 10.5, "keep": True},
        {"stem": "FX", "from": 2.0, "to": 6.0, "max_cut_db": 3.0},
        {"stem": "MX", "from": 4.5, "to": 5.0, "action": HELD},
    ]
    for level_db in (-56.0, -50.0, -42.0):
        for hears in ("a", "d"):
            plan = scene(
                Told("DX", "dialogue", LINES),
                Told("MX", "music", (bed(0.0, 13.0, level_db),), sha256=hears * 64),
                Told("FX", "fx", (Sound(1.0, 12.0, level_db, 200, 6000),)),
                seconds=13.0,
                pins=pins,
            ).decide()
            assert not gains_db(plan, "MX", 9.0, 10.5).any()
            assert gains_db(plan, "FX", 2.0, 6.0).min() >= -3.0 - 1e-9
            assert gains_db(plan, "MX", 4.5, 5.0)[:, :BAND_COUNT] == pytest.approx(-5.0)


def test_a_pin_whose_file_has_changed_is_flagged_and_holds() -> None:
    pins = [
        {"stem": "MX", "from": 9.0, "to": 10.5, "keep": True, "source": "b" * 16},
        {"stem": "FX", "from": 9.0, "to": 10.5, "keep": True, "source": "b" * 16},
    ]
    plan = told(pins=pins).decide()
    stale = [note for note in plan.notes if "stale" in note]
    assert len(stale) == 1
    assert stale[0].startswith("pin 2 (FX, 9-10.5 s)")
    for stem in ("MX", "FX"):
        assert not gains_db(plan, stem, 9.0, 10.5).any()


def test_a_pin_on_a_muted_stem_is_no_trouble() -> None:
    whole = told(pins=[{"stem": "FX", "from": 9.0, "to": 10.5, "priority": 150}])
    muted = scene(
        Told("DX", "dialogue", LINES),
        Told("MX", "music", (bed(0.0, 13.0),)),
        seconds=13.0,
    )
    assert len(whole.decide().lines) == 4
    project = whole.project.model_copy(
        update={"stems": tuple(stem.model_copy(update={"mute": stem.id == "FX"}) for stem in whole.project.stems)}
    )
    heard = ToldScene(project, whole.stems[:2], whole.frames).decide()
    assert [move.id for move in heard.moves] == [move.id for move in muted.decide().moves]
    assert {move.stem for move in heard.moves} == {"MX"}


def test_a_raised_stem_is_one_line_however_many_pins_say_so() -> None:
    """Two pins for two ranges of bands: one line, and no two lines share an id."""
    pins = [
        {"stem": "FX", "from": 9.0, "to": 10.5, "priority": 150, "low_hz": low_hz, "high_hz": 2 * low_hz}
        for low_hz in (100.0, 1000.0)
    ]
    plan = told(pins=pins).decide()
    assert len({line.id for line in plan.lines}) == len(plan.lines) == 4


def test_an_effect_that_is_raised_in_a_range_of_bands_is_cleared_in_that_range() -> None:
    """What hides its other bands is no matter: music is cut where the pin says, and a little beside."""
    whole = pinned(stem="FX", **{"from": 6.6, "to": 8.4}, priority=90)
    ranged = pinned(stem="FX", **{"from": 6.6, "to": 8.4}, priority=90, low_hz=1000, high_hz=2000)
    cuts = [gains_db(plan, "MX", 6.8, 8.2) for plan in (whole, ranged)]
    beside = ~inside(700, 2500)
    assert cuts[0][:, beside].min() < -2.0
    assert cuts[1][:, beside].min() > -0.5
    assert cuts[1][:, inside(1000, 2000)].min() < -2.0
    effect = next(line for line in ranged.lines if line.target == "FX")
    assert effect.clarity_after >= ranged.clarity_goal > effect.clarity_before
    found = [conflict for conflict in ranged.conflicts if conflict.line == effect.id]
    assert found
    assert sum(conflict.importance for conflict in found) == pytest.approx(1.0)
    assert all(conflict.low_hz < 2100 and conflict.high_hz > 900 for conflict in found)


def test_two_raised_ranges_of_bands_are_both_heard() -> None:
    """One line: cut for in either range, and not between them."""
    pins = [
        {"stem": "FX", "from": 6.6, "to": 8.4, "priority": 90, "low_hz": low_hz, "high_hz": 1.2 * low_hz}
        for low_hz in (300.0, 4000.0)
    ]
    plan = told(pins=pins).decide()
    (effect,) = (line for line in plan.lines if line.target == "FX")
    cuts = gains_db(plan, "MX", 6.8, 8.2)
    assert effect.clarity_after >= plan.clarity_goal
    assert max(cuts[:, inside(310, 350)].min(), cuts[:, inside(4100, 4700)].min()) < -2.0
    assert cuts[:, inside(900, 1500)].min() > -0.5


def test_an_effect_that_is_raised_where_it_is_silent_asks_for_nothing() -> None:
    """There, or in all the bands that the pin names: what is not there cannot be brought out."""

    def decided(**pin: Any) -> Plan:
        return scene(
            Told("DX", "dialogue", LINES),
            Told("FX", "fx", (Sound(1.0, 12.0, -53.0, 200, 6000),)),
            Told("MX", "music", (bed(0.0, 13.0),)),
            seconds=13.0,
            pins=[{"stem": "FX", "priority": 150, **pin}],
        ).decide()

    assert not [line for line in decided(**{"from": 12.1, "to": 12.9}).lines if line.target == "FX"]
    assert [line for line in decided(**{"from": 11.5, "to": 12.9}).lines if line.target == "FX"]
    plan = decided(**{"from": 6.6, "to": 8.4}, low_hz=10_000, high_hz=16_000)
    (silent,) = (line for line in plan.lines if line.target == "FX")
    assert silent.stopped_by == "nothing to cut"
    assert not made_for(plan, silent)
    assert not [conflict for conflict in plan.conflicts if conflict.line == silent.id]


def test_a_cue_of_a_stem_that_is_not_cleared_is_not_used_and_that_is_said() -> None:
    """Unless a pin raises the stem there."""
    cues = [
        {"stem": "DX", "from": 9.0, "to": 10.5},
        {"stem": "MX", "from": 2.0, "to": 3.0},
        {"stem": "FX", "from": 4.0, "to": 5.5},
    ]
    plan = told(cues=cues).decide()
    assert [line.target for line in plan.lines] == ["DX"]
    assert [note for note in plan.notes if note.startswith("cue")] == [
        "cue 2 (MX, 2-3 s) is of a stem that the profile does not clear: it is not used; raise the stem with a pin",
        "cue 3 (FX, 4-5.5 s) is of a stem that the profile does not clear: it is not used; raise the stem with a pin",
    ]
    raised = told(cues=cues, pins=[{"stem": "FX", "from": 4.0, "to": 5.5, "priority": 90}]).decide()
    assert sorted(line.target for line in raised.lines) == ["DX", "FX"]
    assert [note[:10] for note in raised.notes if note.startswith("cue")] == ["cue 2 (MX,"]
    game = told(cues=cues, profile="game").decide()
    assert not any(note.startswith("cue 3") for note in game.notes), "a game clears its effects"


def test_voices_stay_bounded_in_every_profile() -> None:
    """And a presence tilt is a tilt: brighter above 1 kHz, duller below."""
    for profile in ("film", "documentary", "speech", "game"):
        moves = moved(told(-27.0, profile=profile).decide(), "DX")
        assert {type(move.action) for move in moves} == {Ride, Presence}
        for move in moves:
            if isinstance(move.action, Ride):
                assert 0 < move.action.gain_db <= PROFILES[profile].ride_cap_db
            else:
                assert isinstance(move.action, Presence)
                assert max(map(abs, move.action.gain_db)) <= PROFILES[profile].presence_cap_db
                assert move.action.gain_db[int(np.argmin(np.abs(np.array(CENTRE_HZ) - 2500)))] > 0
                assert move.action.gain_db[5] < 0


def test_a_bound_holds_for_a_line_that_begins_where_a_deeper_cut_of_another_stands() -> None:
    """The effect's line ends a little later than the dialogue's and alone reaches the pin: it may not carry there what
    stands for both."""
    game = PROFILES["game"]
    start_s = 6.0 + game.hold_s + game.ramp_s + 0.001
    plan = scene(
        Told("DX", "dialogue", (line(2.0, 6.0),)),
        Told("FX", "fx", (Sound(5.0, 6.04, -52.0, 2000, 6000),)),
        Told("MX", "music", (bed(0.0, 13.0, -44.0),)),
        seconds=13.0,
        profile="game",
        pins=[{"stem": "MX", "from": start_s, "to": 8.0, "max_cut_db": 0.5, "high_hz": 1500}],
    ).decide()
    bound = inside(0, 1500)
    assert gains_db(plan, "MX", 5.2, 5.9)[:, bound].min() < -10.0
    assert gains_db(plan, "MX", start_s, 8.0)[:, ~bound].min() < -0.5, "the effect's line does reach the pin"
    assert gains_db(plan, "MX", start_s, 8.0)[:, bound].min() >= -0.5
