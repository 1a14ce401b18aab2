"""`planning.notes`: what is asked and cannot be done is said, and does nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from stemmix.model.plan import Plan
from tests.planning.scene_features import Scene, Told, bed, line, scene

PINS: list[dict[str, Any]] = [
    {"keep": True},
    {"forbid": ["unmask"]},
    {"max_cut_db": 1.0},
    {"priority": 150},
    {"priority": 10},
    {"action": {"kind": "duck", "gain_db": -6.0}},
]


def told(**fields: Any) -> Scene:
    return scene(
        Told("DX", "dialogue", (line(2.0, 4.0), line(9.8, 12.0))),
        Told("MX", "music", (bed(0.0, 12.0),)),
        Told("FX", "fx", (bed(0.0, 12.0, -53.0),)),
        seconds=12.0,
        **fields,
    )


def said(plan: Plan) -> tuple[str, ...]:
    """Of requests."""
    return tuple(note for note in plan.notes if not note.startswith("advice"))


def decided(method: str, **fields: Any) -> Plan:
    return told(method=method, **fields).decide()


@pytest.mark.parametrize("method", ["multilevel", "frequency"])
@pytest.mark.parametrize("what", PINS, ids=str)
def test_a_pin_past_the_end_holds_nothing_and_that_is_said(method: str, what: dict[str, Any]) -> None:
    """Though a line's cut, at the end, would reach so far."""
    plan = decided(method, pins=[{"stem": "MX", "from": 12.0, "to": 13.5, **what}])
    assert plan.moves == decided(method).moves
    assert plan.lines == decided(method).lines
    assert said(plan) == ("pin 1 (MX, 12-13.5 s) has no effect: the programme ends at 12.0 s",)
    reaching = decided(method, pins=[{"stem": "MX", "from": 11.9, "to": 13.5, **what}])
    assert not any("holds nothing" in note for note in reaching.notes)
    assert all(0 <= move.start < move.end <= reaching.frames for move in reaching.moves)


@pytest.mark.parametrize("method", ["multilevel", "frequency"])
@pytest.mark.parametrize(
    ("stem", "what", "why"),
    [
        ("MX", {"priority": 40}, "changes nothing: 40 is the priority of MX anyway"),
        ("MX", {"forbid": ["ride"]}, "forbids nothing: no ride is ever made in MX"),
        ("FX", {"forbid": ["ride", "presence"]}, "forbids nothing: no ride or presence is ever made in FX"),
        ("DX", {"forbid": ["duck"]}, "forbids nothing: no duck is ever made in DX"),
    ],
    ids=str,
)
def test_a_pin_that_asks_for_what_is_so_without_it_changes_nothing_and_that_is_said(
    method: str, stem: str, what: dict[str, Any], why: str
) -> None:
    plan = decided(method, pins=[{"stem": stem, "from": 1.0, "to": 11.0, **what}])
    assert plan.moves == decided(method).moves
    assert said(plan) == (f"pin 1 ({stem}, 1-11 s) {why}",)


@pytest.mark.parametrize(
    ("stem", "what", "fields"),
    [
        ("MX", {"forbid": ["unmask", "ride"]}, {}),
        ("DX", {"forbid": ["ride"]}, {}),
        # what ranks over it may ask for it
        ("DX", {"forbid": ["unmask"]}, {"more": {"stem": "FX", "from": 2.0, "to": 4.0, "priority": 150}}),
        ("FX", {"priority": 61}, {}),
    ],
    ids=str,
)
def test_of_a_pin_that_may_bind_nothing_is_said(stem: str, what: dict[str, Any], fields: dict[str, Any]) -> None:
    pins = [{"stem": stem, "from": 1.0, "to": 11.0, **what}, *fields.values()]
    assert said(decided("multilevel", pins=pins)) == ()


def test_a_pin_that_raises_a_stem_where_it_is_silent_clears_nothing_and_that_is_said() -> None:
    def raised(start_s: float) -> tuple[str, ...]:
        plan = scene(
            Told("DX", "dialogue", (line(2.0, 4.0),)),
            Told("FX", "fx", (bed(0.0, 6.0, -53.0),)),
            seconds=12.0,
            pins=[{"stem": "FX", "from": start_s, "to": 10.0, "priority": 150}],
        ).decide()
        return said(plan)

    assert raised(8.0) == ("pin 1 (FX, 8-10 s) clears nothing: nothing of FX is heard there",)
    assert raised(5.0) == ()


def test_a_pin_that_raises_a_stem_beside_its_cues_clears_nothing_and_is_told_so() -> None:
    """What sounds there is no line: cues stand for what would be found."""
    pin = {"stem": "FX", "from": 6.0, "to": 10.0, "priority": 150}

    def raised(start_s: float, stem: str) -> tuple[str, ...]:
        cues = [{"stem": stem, "from": start_s, "to": start_s + 1.0}, {"stem": "DX", "from": 2.0, "to": 4.0}]
        return said(decided("multilevel", pins=[pin], cues=cues))

    assert "pin 1 (FX, 6-10 s) clears nothing: the cues of FX lie elsewhere" in raised(1.0, "FX")
    assert raised(7.0, "FX") == raised(9.9, "DX") == ()


def test_a_cue_past_the_end_gives_no_line_and_leaves_those_that_are_found() -> None:
    cues = [{"stem": "DX", "from": 12.0, "to": 14.0}]
    plan = decided("multilevel", cues=cues)
    assert said(plan) == ("cue 1 (DX, 12-14 s) gives no line: the programme ends at 12.0 s",)
    assert plan.lines == decided("multilevel").lines
    both = decided("multilevel", cues=[*cues, {"stem": "DX", "from": 2.5, "to": 3.5}])
    assert len(both.lines) == 1, "a cue in the programme stands for what would be found"


@pytest.mark.parametrize("balance", [False, True])
def test_a_cue_over_silence_gives_no_line_and_that_is_said(balance: bool) -> None:
    """As of a list that is shifted: else all that sounds there would be louder than nothing, and be turned down."""
    cues = [{"stem": "DX", "from": 5.0 + n / 2, "to": 5.4 + n / 2} for n in range(6)]
    plan = decided("multilevel", cues=[*cues, {"stem": "DX", "from": 2.0, "to": 4.0}], balance=balance)
    assert [line.id for line in plan.lines] == ["DX-0002.0"]
    assert said(plan)[0] == "cue 1 (DX, 5-5.4 s) gives no line: nothing of DX is heard there"
    assert sum(note.startswith("cue ") for note in said(plan)) == len(cues)
    assert plan.moves == decided("multilevel", cues=[{"stem": "DX", "from": 2.0, "to": 4.0}], balance=balance).moves


def test_a_scene_past_the_end_is_none_and_that_is_said() -> None:
    plan = decided("multilevel", scenes=[{"from": 0, "id": "quay"}, {"from": 12.0, "id": "storm"}])
    assert [one.id for one in plan.scenes] == ["quay"]
    assert said(plan) == ("scene 2 (storm, from 12 s) never begins: the programme ends at 12.0 s",)


def test_an_action_that_ends_past_the_end_cuts_nothing_off_and_that_is_said() -> None:
    assert said(decided("multilevel", lfoa=12.5)) == ("lfoa (12.5 s) cuts nothing off: the programme ends at 12.0 s",)
    assert said(decided("multilevel", lfoa=12.0)) == ()


def test_a_length_that_is_given_as_the_pictures_last_timecode_is_noticed() -> None:
    plan = decided("multilevel", length=100.0)
    assert said(plan) == (
        "the last stem ends at 12 s, the programme at 100 s: length (100 s) counts from the programme's beginning",
    )
    assert said(decided("multilevel", length=80.0)) == ()


def test_a_master_that_cannot_meet_its_specification_is_foretold() -> None:
    plan = decided("multilevel", deliverables=[{"name": "tv", "preset": "ebu-r128", "format": "wav16"}])
    assert said(plan) == ("tv will miss its specification, ebu-r128: samples have 16 bits, expected 24",)
    assert said(decided("multilevel", deliverables=[{"name": "tv", "preset": "ebu-r128"}])) == ()
    unsure = decided("multilevel", deliverables=[{"name": "web", "preset": "disney-plus", "format": "wav16"}])
    assert any(note.startswith("web may miss its specification, disney-plus: ") for note in said(unsure))


def test_pins_and_cues_of_a_muted_stem_are_said_to_hold_nothing() -> None:
    whole = told(
        pins=[{"stem": "FX", "from": 1.0, "to": 2.0, **PINS[number]} for number in range(len(PINS))],
        cues=[{"stem": "FX", "from": 3.0, "to": 4.0}],
    )
    stems = tuple(stem.model_copy(update={"mute": stem.id == "FX"}) for stem in whole.project.stems)
    heard = Scene(whole.project.model_copy(update={"stems": stems}), whole.stems[:2], whole.frames)
    assert said(heard.decide()) == (
        "FX is muted: neither heard, printed nor checked",
        *(f"pin {number} (FX, 1-2 s) has no effect: FX is muted" for number in range(1, len(PINS) + 1)),
        "cue 1 (FX, 3-4 s) gives no line: FX is muted",
    )
