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
