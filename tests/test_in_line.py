"""Stems of a group that were recorded together: `check` says how they lie apart, `align` brings them into line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix import alignment
from stemmix.cli import main
from tests.material import (
    RATE_HZ,
    chords,
    noise,
    plan_in,
    read_audio,
    rendered,
    voice,
    write_audio,
    write_project,
)

LATE = 437
FRAMES = 16 * RATE_HZ


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A voice before two microphones, the second farther away and wired the other way up; and music."""
    folder = tmp_path_factory.mktemp("recorded")
    near = voice(FRAMES, [(1.0, 4.0), (5.0, 9.0), (10.0, 15.0)])
    far = np.zeros_like(near)
    far[LATE:] = -0.5 * near[:-LATE]
    write_audio(folder / "lav.wav", near + noise(FRAMES, 1, seed=8, rms=1e-4))
    write_audio(folder / "boom.wav", far + noise(FRAMES, 1, seed=9, rms=1e-4))
    write_audio(folder / "mx.wav", 0.2 * chords(FRAMES))
    return folder


def project_of(folder: Path, name: str, group: dict[str, Any], **changes: dict[str, Any]) -> Path:
    stems = [
        {"id": "LAV", "role": "dialogue", "group": "DX", "file": "lav.wav"},
        {"id": "BOOM", "role": "dialogue", "group": "DX", "file": "boom.wav"},
        {"id": "MX", "role": "music", "file": "mx.wav"},
    ]
    stems = [stem | changes.get(str(stem["id"]), {}) for stem in stems]
    deliverables = [{"name": "stems", "kind": "stems", "format": "wavfloat"}, {"name": "mix", "format": "wavfloat"}]
    return write_project(folder / f"{name}.json", stems, groups=[{"id": "DX"} | group], deliverables=deliverables)


def said_by_check(project: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["check", str(project), "--json", "--no-cache"]) == 0
    return [warning for stem in json.loads(capsys.readouterr().out)["stems"] for warning in stem["warnings"]]


def test_check_says_by_how_much_and_what_corrects_it(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (said,) = said_by_check(project_of(recorded, "apart", {}), capsys)
    assert (
        "boom.wav: lies 437 samples (9.10 ms) after LAV and has inverted polarity, though they were recorded together"
        in said
    )
    assert said.endswith("\"align\": true in group 'DX' corrects it")


def test_align_brings_the_stems_into_line_and_says_so(recorded: Path, tmp_path: Path) -> None:
    project = project_of(recorded, "aligned", {"align": True})
    receipt = rendered(project, tmp_path / "a")
    lav, boom = (read_audio(tmp_path / "a" / f"aligned_stems_{name}.wav")[:, 0] for name in ("LAV", "BOOM"))
    near = slice(RATE_HZ, 15 * RATE_HZ)
    assert np.corrcoef(lav[near], boom[near])[0, 1] > 0.99
    (source,) = [source for source in receipt.sources if source.stem == "BOOM"]
    assert "brought into line, as group 'DX' asks" in source.warnings[0]
    (planned,) = [stem for stem in plan_in(tmp_path / "a").stems if stem.id == "BOOM"]
    assert (planned.at, planned.lag, planned.inverted) == (0, LATE, True)


def test_a_stored_plan_knows_where_the_stems_were_brought(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_of(recorded, "planned", {"align": True})
    rendered(project, tmp_path / "a")
    monkeypatch.setattr(alignment, "Aligner", None)  # nothing is listened to again
    rendered(project, tmp_path / "b", tmp_path / "a" / "planned.plan.json")
    mixes = [read_audio(tmp_path / folder / "planned_mix.wav") for folder in "ab"]
    assert np.array_equal(*mixes)


ALIGNED, LEFT = {"align": True}, {"align": False}
NO_MICROPHONE = {"BOOM": {"group": None}}


@pytest.mark.parametrize(
    ("group", "stems"),
    [pytest.param(LEFT, {}, id="no more"), pytest.param(ALIGNED, NO_MICROPHONE, id="left the group")],
)
def test_a_stored_plan_is_stale_where_a_stem_that_it_moved_is_not_to_be_in_line(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], group: Any, stems: Any
) -> None:
    rendered(project_of(recorded, "turned", ALIGNED), tmp_path / "a")
    project = project_of(recorded, "turned", group, **stems)
    plan = tmp_path / "a" / "turned.plan.json"
    assert main(["render", str(project), "--plan", str(plan), "--out", str(tmp_path / "b")]) == 3
    said = "stem BOOM was brought into line with its group then"
    assert f"the plan is stale: {said}\n" in capsys.readouterr().err
    # made to fit, stems stand where the project has them now; nothing is listened to
    receipt = rendered(project, tmp_path / "b", plan, stale_ok=True)
    assert [warning for warning in receipt.warnings if said in warning]
    boom = read_audio(tmp_path / "b" / "turned_stems_BOOM.wav")[:, 0]
    heard = read_audio(recorded / "boom.wav").ravel()
    assert np.corrcoef(boom, heard)[0, 1] > 0.99, "neither moved nor turned"
    (planned,) = [stem for stem in plan_in(tmp_path / "b").stems if stem.id == "BOOM"]
    assert (planned.lag, planned.inverted) == (0, False)


def test_a_stem_too_short_to_lie_where_a_stored_plan_has_it_makes_the_plan_stale(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Moved earlier by more than it lasts, nothing of it would be left."""
    for name in ("lav.wav", "boom.wav", "mx.wav"):
        (tmp_path / name).write_bytes((recorded / name).read_bytes())
    late = np.concatenate((np.zeros((RATE_HZ // 2, 1)), read_audio(tmp_path / "boom.wav")))
    write_audio(tmp_path / "boom.wav", late)
    project = project_of(tmp_path, "short", ALIGNED)
    rendered(project, tmp_path / "a")
    write_audio(tmp_path / "boom.wav", noise(RATE_HZ // 10, 1, seed=3, rms=0.01))
    plan = tmp_path / "a" / "short.plan.json"
    assert main(["render", str(project), "--plan", str(plan), "--out", str(tmp_path / "b")]) == 3
    assert "the plan is stale: " in (said := capsys.readouterr().err)
    assert "boom.wav of stem BOOM has changed since" in said
    receipt = rendered(project, tmp_path / "b", plan, stale_ok=True)
    assert any("boom.wav of stem BOOM has changed" in warning for warning in receipt.warnings)


def test_a_stored_plan_moves_what_it_moved_then_and_no_more(recorded: Path, tmp_path: Path) -> None:
    """Nothing is listened to: stems that lie in line by themselves are not told from those that nobody asked for."""
    rendered(project_of(recorded, "left", LEFT), tmp_path / "a")
    project = project_of(recorded, "left", ALIGNED)
    rendered(project, tmp_path / "b", tmp_path / "a" / "left.plan.json")
    mixes = [read_audio(tmp_path / folder / "left_mix.wav") for folder in "ab"]
    assert np.array_equal(*mixes)


def test_what_was_not_recorded_together_is_left_where_it_stands(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = {"MX": {"group": "DX"}, "BOOM": {"group": None}}
    assert said_by_check(project_of(recorded, "unlike", {}, **both), capsys) == []
    (said,) = said_by_check(project_of(recorded, "unlike", {"align": True}, **both), capsys)
    assert said.endswith("mx.wav: shares no sound with LAV within 1 s: left where it is")


def test_places_in_the_project_count(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stems that a person has already brought into line by hand are in line, but for polarity."""
    by_hand = {"LAV": {"at": f"{LATE} samples"}}
    (said,) = said_by_check(project_of(recorded, "by_hand", {}, **by_hand), capsys)
    assert "boom.wav: has inverted polarity against LAV, though they were recorded together" in said
