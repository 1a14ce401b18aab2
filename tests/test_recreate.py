"""`stemmix init --from-receipt`: the project that was rendered, or other stems mixed as those were."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from stemmix.cli import main
from stemmix.files.documents import canonical
from stemmix.files.projects import read_project
from tests.material import RATE_HZ, edited, noise, rendered, scene, write_audio, write_project

Said = pytest.CaptureFixture[str]


def detailed(document: dict[str, Any]) -> None:
    """A project in which much is said."""
    document["profile"] = "series"
    document["goals"] = {"clarity": 0.6}
    document["priorities"] = {"fx": 70}
    document["groups"] = [{"id": "BED", "gain_db": -1.0}]
    document["pins"] = [{"stem": "FX", "from": 1.0, "to": 1.5, "keep": True}]
    document["ffoa"] = 0.5
    document["start"] = 3600.0
    dx, mx, fx, amb = document["stems"]
    dx |= {"pan": -0.25, "priority": 900, "pull": "1001/1000"}
    mx |= {"group": "BED", "gain_db": -3.0, "automation": {"gain_db": [{"at": 1.0, "value": -2.0}]}}
    fx |= {"role": "foley"}
    amb |= {"mute": True}
    document["deliverables"] = [
        {"name": "mix", "target_lufs": -20.0},
        {"name": "less", "kind": "mix_minus", "without": ["MX", "FX"]},
        {"name": "dry", "kind": "mix_minus", "without": ["FX"]},
    ]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recreate")
    rendered(edited(scene(folder), detailed))
    return folder


@pytest.fixture
def folder(once: Path, tmp_path: Path) -> Path:
    return shutil.copytree(once, tmp_path / "work")


@pytest.fixture
def receipt(folder: Path) -> str:
    return str(folder / "out" / "scene.receipt.json")


# ---- the project itself ----------------------------------------------------------------------------------------------


def test_the_project_comes_back_to_where_it_stood_and_renders_to_the_same_samples(
    folder: Path, receipt: str, capsys: Said
) -> None:
    project = folder / "scene.json"
    before = read_project(project)
    assert main(["init", "--from-receipt", receipt]) == 6
    assert "scene.json: already exists; --force replaces it" in capsys.readouterr().err
    project.write_text("lost")
    assert main(["init", "--from-receipt", receipt, "--force"]) == 0
    out, err = capsys.readouterr()
    assert Path(out.strip()).samefile(project)
    assert "note:" not in err
    assert read_project(project) == before
    assert project.read_text() == canonical(before)
    assert main(["verify", receipt, "-q"]) == 0


def test_elsewhere_every_stem_that_is_not_found_from_there_is_named(
    folder: Path, receipt: str, tmp_path: Path, capsys: Said
) -> None:
    assert main(["init", "--from-receipt", receipt, "--out", str(folder / "again.json")]) == 0
    assert "note:" not in capsys.readouterr().err
    assert main(["init", "--from-receipt", receipt, "--out", str(tmp_path / "far.json")]) == 0
    err = capsys.readouterr().err
    assert err.count("is not found from") == 4
    assert f"stem DX: scene/dx.wav is not found from {tmp_path}" in err
    assert read_project(tmp_path / "far.json") == read_project(folder / "scene.json")


def test_a_receipt_is_no_leave_to_write_over_a_file_of_another_kind(folder: Path, receipt: str, capsys: Said) -> None:
    (folder / ".profile").write_text("mine")
    edited(Path(receipt), lambda document: document.update(project=".profile", project_path="../.profile"))
    assert main(["init", "--from-receipt", receipt, "--force"]) == 3
    assert "say where to write it with --out FILE" in capsys.readouterr().err
    assert (folder / ".profile").read_text() == "mine"


def test_a_receipt_of_version_1_holds_no_project(folder: Path, receipt: str, capsys: Said) -> None:
    edited(Path(receipt), lambda document: (document.pop("request"), document.update(schema="stemmix.receipt/1")))
    assert main(["init", "--from-receipt", receipt, "--force"]) == 3
    assert "is a receipt of version 1, which holds no project; render again" in capsys.readouterr().err
    assert main(["init", str(folder / "scene"), "--from-receipt", receipt, "--force"]) == 3


# ---- other stems -----------------------------------------------------------------------------------------------------


@pytest.fixture
def reel(folder: Path) -> Path:
    """Another folder of stems: three as before, one new, one gone."""
    for name in ("dx", "mx", "amb", "vo"):
        write_audio(folder / "reel2" / f"{name}.wav", noise(RATE_HZ, 1 if name == "dx" else 2))
    return folder / "reel2"


def test_an_order_of_channels_holds_without_a_layout(tmp_path: Path) -> None:
    project = edited(scene(tmp_path), lambda document: document["stems"][1].update(order="film"))
    rendered(project)
    shutil.copytree(tmp_path / "scene", tmp_path / "next")
    assert main(["init", str(tmp_path / "next"), "--from-receipt", str(tmp_path / "out" / "scene.receipt.json")]) == 0
    assert {stem.id: stem.order for stem in read_project(tmp_path / "next.json").stems}["MX"] == "film"


def test_other_stems_are_mixed_as_those_of_the_same_id_were(
    folder: Path, reel: Path, receipt: str, capsys: Said
) -> None:
    assert main(["init", str(reel), "--from-receipt", receipt]) == 0
    out, err = capsys.readouterr()
    assert out == f"{folder / 'reel2.json'}\n"
    document = json.loads((folder / "reel2.json").read_text())
    stems = {stem.pop("id"): stem for stem in document.pop("stems")}
    assert document == {
        "schema": "stemmix.project/2",
        "title": "Reel 2",
        "profile": "series",
        "priorities": {"fx": 70},
        "groups": [{"id": "BED", "gain_db": -1.0}],
        "goals": {"clarity": 0.6},
        "deliverables": [
            {"name": "mix", "target_lufs": -20.0},
            {"name": "less", "kind": "mix_minus", "without": ["MX"]},
        ],
    }
    assert stems == {
        "AMB": {"role": "ambience", "file": "reel2/amb.wav", "mute": True},
        "DX": {"role": "dialogue", "file": "reel2/dx.wav", "pan": -0.25, "priority": 900, "pull": "1001/1000"},
        "MX": {"role": "music", "group": "BED", "file": "reel2/mx.wav", "gain_db": -3.0},
        "vo": {"role": "dialogue", "file": "reel2/vo.wav"},
    }
    assert [line for line in err.splitlines() if line.startswith("note: ")] == [
        "note: as in scene.receipt.json: AMB, DX, MX",
        "note: not in scene.receipt.json, roles told from names: vo (dialogue)",
        "note: in scene.receipt.json, and not in the folder: FX",
        "note: AMB: is muted, as it was then",
        "note: MX: its automation is left out, because it is timed for A test",
        "note: left out, because timed for A test: ffoa, pins, start",
        "note: deliverable dry is left out: it is a mix without stems that are missing here",
    ]
    assert main(["render", str(folder / "reel2.json"), "-q"]) in {0, 5}


def test_a_pan_is_not_taken_where_the_file_is_not_mono(folder: Path, reel: Path, receipt: str, capsys: Said) -> None:
    write_audio(reel / "dx.wav", noise(RATE_HZ, 2))
    assert main(["init", str(reel), "--from-receipt", receipt]) == 0
    assert "note: DX: its pan is left out: dx.wav is not mono" in capsys.readouterr().err
    assert main(["check", str(folder / "reel2.json")]) == 0


def test_of_what_the_receipt_knows_no_role_is_guessed_from_a_name(tmp_path: Path, capsys: Said) -> None:
    """Names that tell nothing, or another thing, are asked of other stems only."""
    write_audio(tmp_path / "reel" / "A.wav", noise(RATE_HZ, 1))
    write_audio(tmp_path / "reel" / "music_fx.wav", noise(RATE_HZ, 2, seed=2))
    said = {"A": "dialogue", "music_fx": "walla"}
    stems = [{"id": stem, "role": role, "file": f"reel/{stem}.wav"} for stem, role in said.items()]
    rendered(write_project(tmp_path / "reel.json", stems))
    shutil.copytree(tmp_path / "reel", tmp_path / "next")
    write_audio(tmp_path / "next" / "B.wav", noise(RATE_HZ, 1))
    assert main(["init", str(tmp_path / "next"), "--from-receipt", str(tmp_path / "out" / "reel.receipt.json")]) == 0
    err = capsys.readouterr().err
    assert [line for line in err.splitlines() if "role" in line or "placed" in line] == [
        "note: could not tell what B.wav is; placed as fx",
        "note: not in reel.receipt.json, roles told from names: B (fx)",
    ]
    assert "the profile clears" not in err, "A is what is to be heard first"
    roles = {stem.id: stem.role.value for stem in read_project(tmp_path / "next.json").stems}
    assert roles == said | {"B": "fx"}


def test_a_folder_of_which_nothing_was_known_is_said_and_another_profile_taken(
    folder: Path, receipt: str, capsys: Said
) -> None:
    write_audio(folder / "song" / "gtr.wav", noise(RATE_HZ, 2))
    assert main(["init", str(folder / "song"), "--from-receipt", receipt, "--profile", "music"]) == 0
    assert "note: no stem has an id that scene.receipt.json knows" in capsys.readouterr().err
    document = json.loads((folder / "song.json").read_text())
    assert document["profile"] == "music"
    assert [wanted["name"] for wanted in document["deliverables"]] == ["mix"]


def test_where_nothing_would_be_heard_it_is_refused(folder: Path, receipt: str, capsys: Said) -> None:
    write_audio(folder / "air" / "amb.wav", noise(RATE_HZ, 2))
    assert main(["init", str(folder / "air"), "--from-receipt", receipt]) == 3
    assert "its project does not fit these stems: every stem is muted" in capsys.readouterr().err
    assert not (folder / "air.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected a folder of stems, or --from-receipt"),
        (["--from-receipt", "r.json", "--template", "t.json"], "--template"),
        (["--from-receipt", "r.json", "--profile", "music"], "--profile"),
        (["reel", "--out", "x.json"], "--out"),
        (["reel", "--from-receipt", "r.json", "--out", "x.json"], "--out"),
        (["reel", "--profile", "opera"], "opera"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(arguments: list[str], said: str, capsys: Said) -> None:
    assert main(["init", *arguments]) == 2
    assert said in capsys.readouterr().err
