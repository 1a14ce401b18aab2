"""`planning.balance`: a bed that is too loud all along is a fader's business, and the fader is the owner's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stemmix.model.moves import Level
from stemmix.model.plan import Plan
from stemmix.planning.balance import FURTHEST_DB, LEAST_LU
from tests.planning.scene_features import Sound, Told, bed, line, scene

LINES = (line(1.0, 3.0), line(4.0, 6.0), line(20.0, 22.0))


def decided(music_db: float, *, music_s: tuple[float, float] = (0.0, 25.0), **fields: Any) -> Plan:
    return scene(
        Told("DX", "dialogue", LINES),
        Told("MX", "music", (bed(*music_s, music_db),)),
        Told("FX", "fx", (Sound(0.0, 25.0, -70.0),)),
        seconds=25.0,
        **fields,
    ).decide()


def levels(plan: Plan) -> dict[str, float]:
    return {move.stem: move.action.gain_db for move in plan.moves if isinstance(move.action, Level)}


def advice(plan: Plan) -> list[str]:
    return [note for note in plan.notes if note.startswith("advice:")]


def test_without_leave_no_fader_moves_and_the_advice_says_by_how_much() -> None:
    plan = decided(-45.0)
    assert not levels(plan)
    moved = levels(decided(-45.0, balance=True))["MX"]
    assert len(advice(plan)) == 1
    assert f"by {moved:+.1f} dB" in advice(plan)[0]
    assert '"balance": true' in advice(plan)[0]


@pytest.mark.parametrize("music_db", [-53.0, -51.0, -49.0])
def test_the_fader_brings_the_bed_to_where_it_is_in_balance_and_no_further(music_db: float) -> None:
    """At the level that it then has there is nothing left to advise."""
    moved = levels(decided(music_db, balance=True))
    assert set(moved) == {"MX"}
    assert -FURTHEST_DB < moved["MX"] < 0
    after = decided(music_db + moved["MX"] + 0.1, balance=True)
    assert abs(levels(after).get("MX", 0.0)) <= 0.2
    louder = decided(music_db + 2.0, balance=True)
    assert levels(louder)["MX"] == pytest.approx(moved["MX"] - 2.0, abs=0.11)


def test_no_fader_moves_further_than_its_bound() -> None:
    assert levels(decided(-10.0, balance=True)) == {"MX": -FURTHEST_DB}


def test_a_bed_in_balance_is_left_alone() -> None:
    plan = decided(-65.0, balance=True)
    assert not levels(plan)
    assert not advice(decided(-65.0))
    assert LEAST_LU < 0


@pytest.mark.parametrize("balance", [False, True])
def test_a_bed_that_hides_nothing_is_left_alone_however_loud(balance: bool) -> None:
    """A bass under all speech: every line is clear as it comes, and its fader is nobody's business."""
    plan = scene(
        Told("DX", "dialogue", LINES),
        Told("MX", "music", (bed(0.0, 25.0, -40.0, high_hz=160.0),)),
        seconds=25.0,
        balance=balance,
    ).decide()
    assert all(one.stopped_by == "clear" for one in plan.lines)
    assert not levels(plan)
    assert not advice(plan)


def test_a_bed_that_is_loud_in_one_line_only_is_no_matter_of_the_fader() -> None:
    """All along means in the middle line: the odd one is unmasked."""
    plan = decided(-40.0, music_s=(19.0, 23.0), balance=True)
    assert not levels(plan)
    assert any(move.stem == "MX" for move in plan.moves)


def test_the_solver_hears_the_fader() -> None:
    """With the bed brought down the lines need less on top, or nothing."""

    def cuts(plan: Plan) -> float:
        return sum(float(np.sum(move.action.mid_db)) for move in plan.moves if move.action.kind in {"unmask", "scene"})

    assert cuts(decided(-45.0)) < cuts(decided(-45.0, balance=True)) <= 0


@pytest.mark.parametrize("pin", [{"keep": True}, {"max_cut_db": 3.0}, {"action": {"kind": "duck", "gain_db": -1.0}}])
def test_a_fader_is_left_alone_where_a_pin_keeps_or_bounds_its_stem(pin: dict[str, Any]) -> None:
    plan = decided(-45.0, balance=True, pins=[{"stem": "MX", "from": 10.0, "to": 11.0, **pin}])
    assert not levels(plan)
    assert any("left alone" in note and "MX" in note for note in plan.notes)


def test_the_dialogue_itself_is_never_turned_down() -> None:
    """Nor a stem of its own priority."""
    two = scene(
        Told("DX", "dialogue", LINES),
        Told("VO", "music", (bed(0.0, 25.0, -40.0),), priority=100),
        seconds=25.0,
        balance=True,
    ).decide()
    assert not levels(two)
    assert not advice(two)


def spoken_about(plan: Plan) -> set[str]:
    """The stems that faders are moved or advised for."""
    return set(levels(plan)) | {note.split()[1] for note in advice(plan)}


def second_voice(*, balance: bool, **pin: Any) -> Plan:
    """A singer under loud dialogue, in a profile that clears only dialogue."""
    return scene(
        Told("DX", "dialogue", (line(1.0, 3.0, -40.0), line(4.0, 6.0, -40.0), line(20.0, 22.0, -40.0))),
        Told("VOX", "lead", (line(1.0, 6.0, -50.0), line(19.0, 23.0, -50.0))),
        Told("MX", "music", (bed(0.0, 25.0, -60.0),)),
        seconds=25.0,
        balance=balance,
        pins=[{"stem": "VOX", "from": 0.0, "to": 25.0, **pin}],
    ).decide()


@pytest.mark.parametrize("balance", [False, True])
def test_a_stem_of_higher_own_priority_is_never_spoken_of_whatever_a_pin_raises(balance: bool) -> None:
    """A pin lets a second voice win for a while; nobody asked for the dialogue's fader."""
    plan = second_voice(balance=balance, priority=150)
    raised = [one for one in plan.lines if one.target == "VOX"]
    assert raised, "it is a line"
    assert raised[0].clarity_before < 0.5, "and the dialogue hides it"
    assert "DX" not in spoken_about(plan)


@pytest.mark.parametrize("balance", [False, True])
@pytest.mark.parametrize(
    "pin",
    [
        {"stem": "MX", "keep": True},
        {"stem": "MX", "max_cut_db": 3.0},
        {"stem": "MX", "priority": 120},
        {"stem": "MX", "action": {"kind": "duck", "gain_db": -9.0}},
        {"stem": "DX", "priority": 10},
        {"stem": "DX", "priority": 10, "low_hz": 1000.0},
        {"stem": "DX", "keep": True},
    ],
)
def test_what_a_pin_decides_is_not_weighed(pin: dict[str, Any], balance: bool) -> None:
    """The music is loud in two lines of three: where a pin decides these, it is as if it were loud in none."""
    loud = {"music_s": (0.0, 10.0), "balance": balance}
    assert spoken_about(decided(-45.0, **loud)) == {"MX"}
    assert not spoken_about(decided(-45.0, **loud, pins=[{**pin, "from": 0.0, "to": 8.0}]))


def test_a_pin_elsewhere_or_one_that_only_spares_the_voice_leaves_the_advice() -> None:
    for pin in (
        {"stem": "DX", "from": 0.0, "to": 25.0, "forbid": ["ride", "presence"]},
        {"stem": "MX", "from": 10.0, "to": 12.0, "keep": True},
        {"stem": "DX", "from": 19.0, "to": 23.0, "priority": 10},
    ):
        assert spoken_about(decided(-45.0, pins=[pin])) == {"MX"}
