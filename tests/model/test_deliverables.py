"""`model.deliverables`: which moves dialogue caused, where it speaks, and what a project may list."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from stemmix.model.deliverables import GROUPS, made_for_dialogue, speech_of
from stemmix.model.plan import Move, Plan, PlannedStem
from stemmix.model.profiles import Role
from stemmix.model.project import Project
from tests.evidence import ACTIONS, conflict, line, move, plan

MIX = {"name": "mix"}


def project_of(*deliverables: dict[str, Any], **fields: Any) -> Project:
    stems = [
        {"id": "dx", "role": "dialogue", "file": "dx.wav"},
        {"id": "mx", "role": "music", "file": "mx.wav"},
        {"id": "vo", "role": "narration", "file": "vo.wav"},
    ]
    document = {"schema": "stemmix.project/2", "title": "A test", "stems": stems, "deliverables": list(deliverables)}
    return Project.model_validate_json(json.dumps(document | fields))


def faults(*deliverables: dict[str, Any], **fields: Any) -> list[str]:
    """Place and sentence of all that is wrong."""
    with pytest.raises(ValidationError) as refused:
        project_of(*deliverables, **fields)
    return [
        f"{'.'.join(map(str, error['loc'] + error.get('ctx', {}).get('place', ())))}: {error['msg']}"
        for error in refused.value.errors()
    ]


def named(name: str, stem: str, **fields: Any) -> Move:
    return replace(move(stem, "cut", ()), **({"id": name, "line": None} | fields))


@pytest.fixture
def mixed() -> Plan:
    """Lines of dialogue and of a lead; conflicts of each; moves for each, pinned and not."""
    lead = replace(line(4, 0.3, 0.5), target="LEAD")
    stems = {"DX": Role.DIALOGUE, "VO": Role.NARRATION, "LEAD": Role.LEAD, "MX": Role.MUSIC, "AMB": Role.AMBIENCE}
    return plan(
        stems=tuple(PlannedStem(id=name, sha256="ab", frames=90, at=0, role=role) for name, role in stems.items()),
        lines=(line(1, 0.3, 0.5), lead),
        conflicts=(
            conflict(1, "MX", 1.0, 0.5),
            conflict(2, "AMB", 1.0, 0.5, target="MX", line=None),
            conflict(3, "MX", 1.0, 0.5, target="VO", line=None),
            conflict(4, "MX", 1.0, 0.5, target="LEAD", line="DX-0064.0"),
        ),
        moves=(
            named("for a line", "MX", line="DX-0061.0"),
            named("by conflict", "MX", because=("C0001",)),
            named("for narration", "MX", because=("C0003",)),
            named("for both", "MX", because=("C0002", "C0001")),
            named("voice", "DX", line="DX-0061.0", action=ACTIONS["ride"]),
            named("for a lead", "MX", line="DX-0064.0", because=("C0004",)),
            named("music against ambience", "AMB", because=("C0002",)),
            named("fader", "AMB", action=ACTIONS["fader"]),
            named("pin-MX-0060.00-duck", "MX", because=("C0001",)),
            named("pin-0060.0-MX-duck", "MX", line="DX-0061.0"),
        ),
    )


def test_dialogue_caused_what_is_made_for_its_lines_or_because_of_its_conflicts(mixed: Plan) -> None:
    """What a person pinned stays, and so does what another target asked for, and what nobody did; a line may be of a
    stem that is called `pin`."""
    assert made_for_dialogue(mixed) == {
        *("for a line", "by conflict", "for narration", "for both", "voice"),
        "pin-0060.0-MX-duck",
    }


def test_dialogue_speaks_in_the_lines_of_dialogue_and_narration_in_order_and_once() -> None:
    def spoken(number: int, target: str, start: int, end: int) -> Any:
        return replace(line(number, 0.5, 0.5), target=target, start=start, end=end)

    stems = {"DX": Role.DIALOGUE, "VO": Role.NARRATION, "LEAD": Role.LEAD}
    lines = (
        spoken(1, "DX", 500, 900),
        spoken(2, "VO", 100, 200),
        spoken(3, "LEAD", 2000, 3000),
        spoken(4, "VO", 800, 1000),
        spoken(5, "DX", 1000, 1100),
        spoken(6, "DX", 550, 600),
    )
    planned = tuple(PlannedStem(id=name, sha256="ab", frames=90, at=0, role=role) for name, role in stems.items())
    assert speech_of(plan(stems=planned, lines=lines, moves=(), conflicts=())) == ((100, 200), (500, 1100))


def test_every_role_has_its_group() -> None:
    assert set(GROUPS) == set(Role)
    assert {GROUPS[role] for role in (Role.DIALOGUE, Role.NARRATION)} == {"D"}
    assert {GROUPS[role] for role in (Role.MUSIC, Role.LEAD)} == {"M"}
    assert {role for role, group in GROUPS.items() if group == "E"} == {
        Role.FX,
        Role.FOLEY,
        Role.WALLA,
        Role.AMBIENCE,
    }


@pytest.mark.parametrize(
    ("deliverables", "said"),
    [
        (
            [{"name": "me", "kind": "m_and_e"}],
            "deliverables.0: it takes its gain from a printmaster, and this project has none",
        ),
        ([{"name": "f", "kind": "fold_down", "layout": "1.0"}], "deliverables.0: it takes its gain from a printmaster"),
        ([MIX, {"name": "s", "kind": "stems", "parent": "mx"}], "deliverables.1.parent: 'mx' is not a printmaster"),
        (
            [MIX, {"name": "f", "kind": "fold_down"}, {"name": "g", "kind": "fold_down", "parent": "f"}],
            "deliverables.2.parent: 'f' is not a printmaster of this project; expected one of mix",
        ),
        (
            [MIX, {"name": "m", "kind": "mix_minus", "without": ["dx", "mx", "vo"]}],
            "deliverables.1.without: leaves out every stem",
        ),
        ([MIX | {"layout": "5.1", "format": "mp3"}], "deliverables.0.format: MP3 is written in the layouts 1.0, 2.0"),
        ([MIX | {"format": "flac24", "order": "film"}], "deliverables.0.order: only WAVE files"),
        ([MIX | {"preset": "acx-audiobook", "target_lufs": -20.0}], "deliverables.0: acx-audiobook asks for RMS level"),
        ([MIX | {"file_name": "a/b"}], "deliverables.0.file_name: file name 'a/b': the text 'a/b' contains '/'"),
        (
            [MIX, {"name": "s", "kind": "stems", "file_name": "x"}],
            "deliverables.1.file_name: file name 'x': contains no {stem}",
        ),
        (
            [MIX | {"file_name": "x"}, {"name": "b", "file_name": "X", "format": "mp3"}],
            "deliverables.1: file name 'X.mp3'",
        ),
    ],
)
def test_what_cannot_be_delivered_is_refused_at_its_place(deliverables: list[dict[str, Any]], said: str) -> None:
    told = faults(*deliverables)
    assert any(one.startswith(said) for one in told), told


def test_parts_may_hang_on_a_fold_down_and_take_its_layout() -> None:
    fold = {"name": "fold", "kind": "fold_down", "layout": "1.0"}
    project = project_of(MIX | {"layout": "5.1"}, {"name": "s", "kind": "stems", "parent": "fold"}, fold)
    assert [master.name for master in project.masters] == ["mix", "fold"]
    assert [project.layout_of(one) for one in project.deliverables] == ["5.1", "1.0", "1.0"]
    assert project.layout.name == "5.1"


def test_a_fold_down_takes_its_parents_specification_unless_it_has_its_own() -> None:
    masters = [MIX | {"preset": "ebu-r128", "target_lufs": -24.0}, {"name": "loud", "preset": "spotify-normal"}]
    folds = [
        {"name": "f", "kind": "fold_down", "layout": "1.0"},
        {"name": "g", "kind": "fold_down", "layout": "1.0", "parent": "loud", "ceiling_dbtp": -3.0},
        {"name": "h", "kind": "fold_down", "layout": "1.0", "preset": "podcast-mono"},
    ]
    project = project_of(*masters, *folds)
    f, g, h = (project.specification(one) for one in project.masters[2:])
    assert (f.name, f.loudness.target if f.loudness else None, f.ceiling_dbtp) == ("ebu-r128", -24.0, -1.0)
    assert (g.name, g.loudness.target if g.loudness else None, g.ceiling_dbtp) == ("spotify-normal", -14.0, -3.0)
    assert (h.name, h.loudness.target if h.loudness else None) == ("podcast-mono", -19.0)
    assert f.container is None, "layouts are asked of the parent's file"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"ffoa": 10.0, "lfoa": 9.0}, "ffoa: the action must begin before it ends: 10 s is not before 9 s"),
        ({"ffoa": 10.0, "length": 10.0}, "ffoa: the action must begin before it ends"),
        ({"lfoa": 11.0, "length": 10.0}, "lfoa: lies after the picture's end, 10"),
    ],
)
def test_the_action_lies_inside_of_the_picture(fields: dict[str, float], said: str) -> None:
    assert any(one.startswith(said) for one in faults(MIX, **fields))
    assert project_of(MIX, ffoa=8.0, lfoa=1000.0, length=1000.0).length == 1000.0
