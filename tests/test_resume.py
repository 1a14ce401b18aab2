"""What a receipt proves done is left as it is; anything that is not as it says is rendered again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stemmix.files.cache import user_cache
from stemmix.files.hashes import Hashes
from stemmix.resume import Proof, proof_of
from tests.material import RATE_HZ, edited, noise, rendered, scene, write_audio


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    rendered(scene(folder))
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "reel")
    return tmp_path / "reel" / "scene.json"


def proof(project: Path, gain_from: Path | None = None) -> Proof:
    with Hashes(user_cache(), 1) as hashes:
        return proof_of(project, None, gain_from, hashes)


def receipt_of(project: Path) -> Path:
    return project.parent / "out" / "scene.receipt.json"


def other_byte(path: Path) -> None:
    """Of the same size, deep inside."""
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)


def in_receipt(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    return lambda project: edited(receipt_of(project), change)


def test_what_stands_there_as_it_was_rendered_is_proved(project: Path) -> None:
    found = proof(project)
    assert found.lacks == ""
    assert found.receipt is not None
    assert found.receipt.title == "A test"


def test_laid_out_anew_it_is_the_same_project(project: Path) -> None:
    project.write_text(json.dumps(json.loads(project.read_text()), indent=7))
    assert proof(project).receipt is not None


CHANGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no receipt": (lambda project: receipt_of(project).unlink(), "there is no receipt"),
    "half a receipt": (
        lambda project: receipt_of(project).write_bytes(receipt_of(project).read_bytes()[:900]),
        "scene.receipt.json cannot be read as a receipt",
    ),
    "another project": (
        lambda project: edited(project, lambda document: document["stems"][1].update(gain_db=-1.0)),
        "the project has changed since",
    ),
    "another stemmix": (
        in_receipt(lambda receipt: receipt["versions"].update(stemmix="0.0.9")),
        "it was rendered by stemmix 0.0.9",
    ),
    "a reel of a programme": (
        in_receipt(lambda receipt: receipt.update(programme=["../scene.json", "../next.json"])),
        "it was rendered as one reel of a programme",
    ),
    "another gain": (
        in_receipt(lambda receipt: receipt.update(gain_from={"path": "../a.receipt.json", "sha256": "0" * 64})),
        "its masters' gains came from elsewhere",
    ),
    "a receipt of fewer files": (
        in_receipt(lambda receipt: receipt["files"].pop()),
        "the receipt lists different files from the project",
    ),
    "a receipt of fewer stems": (
        in_receipt(lambda receipt: receipt["sources"].pop()),
        "the receipt lists different stems from the project",
    ),
    "a receipt of another file": (
        in_receipt(lambda receipt: receipt["sources"][0].update(path=receipt["sources"][1]["path"])),
        "the receipt lists different stems from the project",
    ),
    "a receipt of a channel": (
        in_receipt(lambda receipt: receipt["sources"][0].update(channel="L")),
        "the receipt lists different stems from the project",
    ),
    "a receipt of another request": (
        in_receipt(lambda receipt: receipt["request"].update(title="Another")),
        "the receipt holds a different project from the one it names",
    ),
    "a receipt of no request": (
        in_receipt(lambda receipt: receipt.pop("request")),
        "the receipt holds a different project from the one it names",
    ),
    "a miss that nobody finds": (
        in_receipt(lambda receipt: receipt.update(passed=not receipt["passed"])),
        "the receipt contradicts itself on what passed",
    ),
    "a stem that is gone": (lambda project: (project.parent / "scene/fx.wav").unlink(), "scene/fx.wav is not there"),
    "another stem": (lambda project: other_byte(project.parent / "scene/fx.wav"), "scene/fx.wav has changed since"),
    "no plan": (lambda project: (project.parent / "out/scene.plan.json").unlink(), "scene.plan.json is not there"),
    "another plan": (
        lambda project: other_byte(project.parent / "out/scene.plan.json"),
        "scene.plan.json has changed since",
    ),
    "a file that is gone": (
        lambda project: (project.parent / "out/scene_stems_FX.wav").unlink(),
        "scene_stems_FX.wav is not there",
    ),
    "half a file": (
        lambda project: (project.parent / "out/scene_printmaster.wav").write_bytes(b"RIFF" * 1000),
        "scene_printmaster.wav is too short",
    ),
    "another byte": (
        lambda project: other_byte(project.parent / "out/scene_printmaster.wav"),
        "scene_printmaster.wav has changed since",
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_anything_else_is_not(project: Path, kind: str) -> None:
    change, lacks = CHANGES[kind]
    assert proof(project).receipt is not None, "and is remembered as such"
    change(project)
    assert proof(project) == Proof(None, lacks)


def test_a_page_that_is_gone_is_missed_as_any_other_file(project: Path) -> None:
    """It has no hash: that it is there is all that is asked of it."""
    rendered(edited(project, lambda document: document.update(report="page")))
    assert proof(project).receipt is not None
    (project.parent / "out/scene.report.html").unlink()
    assert proof(project) == Proof(None, "scene.report.html is not there")
    rendered(project)
    assert proof(project).receipt is not None
    edited(receipt_of(project), lambda receipt: receipt.update(page=None))
    assert proof(project) == Proof(None, "the receipt names no page")


def test_from_a_stored_plan_no_page_is_made_and_none_is_missed(project: Path) -> None:
    plan = shutil.copy(project.parent / "out/scene.plan.json", project.parent / "stored.plan.json")
    edited(project, lambda document: document.update(report="page"))
    shutil.rmtree(project.parent / "out")
    rendered(project, plan=Path(plan), stale_ok=True)
    assert not (project.parent / "out/scene.report.html").exists()
    assert proof(project).receipt is not None


def test_a_mix_of_a_stale_plan_is_not_what_the_project_asks_for(project: Path) -> None:
    plan = shutil.copy(project.parent / "out/scene.plan.json", project.parent / "stored.plan.json")
    edited(project, lambda document: document["stems"][1].update(gain_db=-1.0))
    rendered(project, plan=Path(plan), stale_ok=True)
    assert proof(project) == Proof(None, "it was mixed from a stale plan")
    rendered(project)
    assert proof(project).receipt is not None


def test_every_file_of_a_stem_in_clips_and_channels_is_proved(project: Path) -> None:
    """Once, however often it is heard; of what is muted there is none, and what a template gives counts."""
    folder = project.parent

    def take_apart(document: dict[str, Any]) -> None:
        left, right = (write_audio(folder / f"{side}.wav", noise(2 * RATE_HZ)[:, :1]).name for side in "LR")
        document["stems"][1].pop("file")
        document["stems"][1]["clips"] = [
            {"file": "scene/mx.wav", "out": 1.0},
            {"files": {"L": left, "R": right}, "at": 1.0},
            {"file": "scene/mx.wav", "in": 2.0, "at": 3.0},
        ]
        document["stems"][2]["mute"] = True
        document.update(extends="house.json")

    house = {"schema": "stemmix.project/2", "goals": {"clarity": 0.4}}
    (folder / "house.json").write_text(json.dumps(house))
    rendered(edited(project, take_apart))
    assert proof(project).lacks == ""


def test_gains_of_the_receipt_that_is_given_are_proved_by_its_hash(project: Path, tmp_path: Path) -> None:
    given = tmp_path / "first.receipt.json"
    shutil.copy(receipt_of(project), given)
    assert proof(project, given).lacks == "its masters' gains came from elsewhere"
    rendered(project, gain_from=given)
    assert proof(project, given).receipt is not None
    assert proof(project).lacks == "its masters' gains came from elsewhere"
    given.write_text(given.read_text() + "\n")
    assert proof(project, given).lacks == "its masters' gains came from elsewhere"


def test_gains_of_a_receipt_that_is_gone_prove_nothing(project: Path, tmp_path: Path) -> None:
    """What is wrong with it says the render, as it does where nothing is there to be skipped."""
    assert proof(project, tmp_path / "gone.receipt.json") == Proof(
        None, "the receipt that gives its masters' gains cannot be read"
    )
