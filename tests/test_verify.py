"""`stemmix verify`: the same samples again, or what has changed; nothing beside the receipt is touched."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stemmix.cli import main
from stemmix.files.documents import read_document
from stemmix.model.receipt import Receipt
from stemmix.nulltest import nulltest
from tests.material import (
    RATE_HZ,
    clicks,
    edited,
    noise,
    read_audio,
    rendered,
    scene,
    voice,
    write_audio,
    write_project,
)

Said = pytest.CaptureFixture[str]
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project that was rendered: only looked at and copied."""
    folder = tmp_path_factory.mktemp("verify")
    deliverables = [
        {"name": "mix"},
        {"name": "stems", "kind": "stems"},
        {"name": "dme", "kind": "stems", "by": "group"},
    ]
    deliverables[2] |= {"split": True, "format": "wav16"}
    deliverables.append({"name": "ogg", "format": "ogg"})
    rendered(scene(folder, deliverables=deliverables))
    return folder


@pytest.fixture
def folder(once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(once, tmp_path / "mix")


def told(folder: Path, capsys: Said, *options: str, code: int = 0) -> dict[str, Any]:
    """What `verify --json` says; it ends with `code`."""
    assert main(["verify", str(folder / "out" / "scene.receipt.json"), "--json", *options]) == code
    out, err = capsys.readouterr()
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    assert found["schema"] == "stemmix.verify/1"
    assert found["same"] is (code == 0)
    return found


def changed(found: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    """What is not as it was: state and details by kind and name."""
    return {
        f"{one['what']} {one['name']}": (one["state"], one["details"])
        for one in found["looked"]
        if one["state"] != "same"
    }


def results(found: dict[str, Any]) -> dict[str, str]:
    return {file["path"]: file["result"] for file in found["files"]}


def receipt_edited(folder: Path, change: Change) -> None:
    edited(folder / "out" / "scene.receipt.json", change)


def as_version_1(document: dict[str, Any]) -> None:
    for field in ("request", "project_path", "programme", "gain_from"):
        document.pop(field, None)
    document["schema"] = "stemmix.receipt/1"


# ---- nothing has changed ---------------------------------------------------------------------------------------------


def test_the_same_inputs_give_the_same_bytes_and_nothing_is_touched(
    folder: Path, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    found = told(folder, capsys)
    assert changed(found) == {}
    assert set(results(found).values()) == {"bytes"}
    assert len(found["files"]) == 9
    assert {file["on_disk"] for file in found["files"]} == {"same"}
    assert before == {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()
    }
    assert not list((tmp_path / "scratch").iterdir())


def test_the_words_say_so_too(folder: Path, capsys: Said) -> None:
    assert main(["verify", str(folder / "out" / "scene.receipt.json")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "nothing has changed since: project, plan, 4 files of stems, libraries, processor" in out
    assert out.count("the same bytes") == 9
    assert out.endswith("\nthe same samples\n")


def test_a_receipt_names_no_place_on_this_machine(folder: Path) -> None:
    text = (folder / "out" / "scene.receipt.json").read_text()
    assert json.loads(text)["project_path"] == "../scene.json"
    assert str(folder.parent) not in text


def test_it_is_found_again_from_a_folder_elsewhere_and_through_a_link(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "far" / "away"
    rendered(folder / "scene.json", out)
    assert json.loads((out / "scene.receipt.json").read_text())["project_path"] == "../../mix/scene.json"
    (tmp_path / "link").symlink_to(out)
    assert main(["verify", str(tmp_path / "link" / "scene.receipt.json"), "-q"]) == 0


# ---- something has changed -------------------------------------------------------------------------------------------


def test_another_title_is_said_and_the_samples_are_the_same(folder: Path, capsys: Said) -> None:
    """It stands in the files' metadata."""
    edited(folder / "scene.json", lambda document: document.update(title="Another"))
    found = told(folder, capsys)
    assert changed(found) == {"project scene.json": ("changed", ["title: A test -> Another"])}
    assert results(found)["scene_mix.wav"] == "samples"
    assert results(found)["scene_ogg.ogg"] == "bytes", "it has no place for a title"


def test_a_fader_that_was_moved_is_said_with_both_places_and_how_far_the_samples_are_apart(
    folder: Path, capsys: Said
) -> None:
    edited(folder / "scene.json", lambda document: document["stems"][1].update(gain_db=-2.0))
    found = told(folder, capsys, code=1)
    assert changed(found) == {"project scene.json": ("changed", ["stem MX, fader: 0 dB -> -2 dB"])}
    mix = found["files"][0]
    assert (mix["path"], mix["result"], mix["on_disk"]) == ("scene_mix.wav", "differs", "same")
    assert -40.0 < mix["peak_dbfs"] < 0.0
    assert mix["first_s"] < 0.1
    assert main(["verify", str(folder / "out" / "scene.receipt.json")]) == 1
    out = capsys.readouterr().out
    assert "changed: project scene.json: stem MX, fader: 0 dB -> -2 dB" in out
    assert out.endswith("\nNOT the same samples\n")


def test_a_stem_that_was_changed_is_named_and_where_the_samples_part(folder: Path, capsys: Said) -> None:
    path = folder / "scene" / "amb.wav"
    sound = read_audio(path)
    sound[3 * RATE_HZ :] *= -1.0
    write_audio(path, sound)
    found = told(folder, capsys, code=1)
    assert changed(found) == {"stem AMB: scene/amb.wav": ("changed", ["has changed since"])}
    files = {file["path"]: file for file in found["files"]}
    assert files["scene_stems_AMB.wav"]["result"] == "differs"
    assert files["scene_stems_AMB.wav"]["peak_dbfs"] < -20.0


def test_a_stem_that_is_gone_or_a_plan_leaves_it_untold(folder: Path, capsys: Said) -> None:
    (folder / "scene" / "amb.wav").unlink()
    found = told(folder, capsys, code=1)
    assert changed(found) == {"stem AMB: scene/amb.wav": ("missing", ["is no longer there"])}
    assert found["obstacle"] == "missing: AMB: scene/amb.wav"
    assert set(results(found).values()) == {"unknown"}
    (folder / "out" / "scene.plan.json").unlink()
    assert "plan scene.plan.json" in changed(told(folder, capsys, code=1))
    assert main(["verify", str(folder / "out" / "scene.receipt.json")]) == 1
    assert "it cannot be told whether the samples are the same: missing: scene.plan.json" in capsys.readouterr().out


def test_a_stem_that_is_no_sound_any_more_is_an_obstacle_and_no_error(folder: Path, capsys: Said) -> None:
    (folder / "scene" / "amb.wav").write_text("no sound")
    found = told(folder, capsys, code=1)
    assert changed(found) == {"stem AMB: scene/amb.wav": ("changed", ["has changed since"])}
    assert "amb.wav" in found["obstacle"]


def test_a_plan_laid_out_anew_is_the_same_and_one_with_another_move_is_not(folder: Path, capsys: Said) -> None:
    plan = folder / "out" / "scene.plan.json"
    plan.write_text(json.dumps(json.loads(plan.read_text())))
    assert changed(told(folder, capsys)) == {}
    edited(plan, lambda document: document["moves"].clear())
    found = told(folder, capsys, code=1)
    assert changed(found) == {"plan scene.plan.json": ("changed", ["has changed since"])}
    assert results(found)["scene_mix.wav"] == "differs"


def test_other_libraries_and_another_processor_are_said(folder: Path, capsys: Said) -> None:
    receipt_edited(folder, lambda document: document["versions"].update(numpy="1.0.0"))
    receipt_edited(folder, lambda document: document.update(processor="an abacus"))
    found = changed(told(folder, capsys))
    assert found["version numpy"] == ("changed", [f"1.0.0 -> {np.__version__}"])
    assert found["processor processor"][1][0].startswith("an abacus -> ")
    assert len(found) == 2


def test_a_written_file_that_was_changed_is_found_out_and_one_that_is_gone_is_told(folder: Path, capsys: Said) -> None:
    out = folder / "out"
    (out / "scene_stems_DX.wav").unlink()
    path = out / "scene_mix.wav"
    info = soundfile.info(path)
    samples = read_audio(path)
    soundfile.write(path, samples, RATE_HZ, subtype=info.subtype)
    found = {file["path"]: file for file in told(folder, capsys)["files"]}
    assert (found["scene_stems_DX.wav"]["on_disk"], found["scene_stems_DX.wav"]["result"]) == ("missing", "bytes")
    assert (found["scene_mix.wav"]["on_disk"], found["scene_mix.wav"]["result"]) == ("changed", "samples")
    samples[RATE_HZ, 1] += 0.125
    soundfile.write(path, samples, RATE_HZ, subtype=info.subtype)
    mix = told(folder, capsys, code=1)["files"][0]
    assert (mix["result"], mix["peak_dbfs"], mix["first_s"]) == ("differs", -18.06, 1.0)
    assert "rendered again it has the bytes that the receipt says" in mix["text"]
    soundfile.write(path, samples[: -RATE_HZ // 2], RATE_HZ, subtype=info.subtype)
    assert "is longer than it was" in told(folder, capsys, code=1)["files"][0]["text"]
    path.write_bytes(b"RIFF")
    assert "scene_mix.wav" in told(folder, capsys, code=1)["files"][0]["text"]


def test_a_deliverable_that_is_not_wanted_any_more_is_told(folder: Path, capsys: Said) -> None:
    edited(folder / "scene.json", lambda document: document["deliverables"].pop())
    found = told(folder, capsys, code=1)
    assert changed(found) == {"project scene.json": ("changed", ["- deliverable ogg: printmaster, format ogg"])}
    assert found["files"][-1]["text"] == "is no longer written, or has another name"


def test_a_lost_project_is_rendered_from_what_the_receipt_holds(folder: Path, capsys: Said) -> None:
    (folder / "scene.json").rename(folder / "other.json")
    found = told(folder, capsys)
    assert list(changed(found)) == ["project scene.json"]
    assert set(results(found).values()) == {"bytes"}
    assert changed(told(folder, capsys, "--project", str(folder / "other.json"))) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<<<<<<< HEAD\n{}", ["{place}:1:1: a git conflict marker: the merge is not resolved"]),
        ('{"schema": "stemmix.project/2", "extends": "house.json"}', ["house.json"]),
        ('{"schema": "stemmix.project/2", "titel": "a",\n"stemms": []}', ["titel", "title", "stemms", "stems"]),
    ],
    ids=["a merge that is not resolved", "a template that is lost", "many faults"],
)
def test_a_project_that_cannot_be_read_today_is_rendered_from_what_the_receipt_holds(
    folder: Path, capsys: Said, text: str, said: list[str]
) -> None:
    """It is as good as lost; where somebody names it, it is what is to be looked at."""
    project = folder / "scene.json"
    project.write_text(text)
    found = told(folder, capsys)
    state, details = changed(found)["project scene.json"]
    assert state == "changed"
    assert details[-1].endswith("; taken as the receipt holds it")
    for words in said:
        assert words.format(place=project) in "\n".join(details)
    assert not any("\n" in line for line in details)
    assert set(results(found).values()) == {"bytes"}
    assert main(["verify", str(folder / "out" / "scene.receipt.json")]) == 0
    printed = "".join(capsys.readouterr().out.split())  # a long line is wrapped
    assert f"changed:projectscene.json:{project}:" in printed
    assert main(["verify", str(folder / "out" / "scene.receipt.json"), "--project", str(project)]) == 3


def test_a_receipt_that_was_carried_off_needs_the_project(folder: Path, tmp_path: Path, capsys: Said) -> None:
    shutil.move(folder / "out", tmp_path / "a" / "b")
    receipt = str(tmp_path / "a" / "b" / "scene.receipt.json")
    assert main(["verify", receipt]) == 1
    assert "missing: stem DX: scene/dx.wav" in capsys.readouterr().out
    assert main(["verify", receipt, "--project", str(folder / "scene.json")]) == 0


# ---- gains that others had a say in ----------------------------------------------------------------------------------


@pytest.fixture
def reels(tmp_path: Path) -> list[Path]:
    """Two reels of one programme, a loud and a soft one, with a master whose codec calls for a lower ceiling."""
    frames = 4 * RATE_HZ
    masters = [{"name": "mix", "target_lufs": -16.0, "max_limiting_db": 24.0}]
    masters.append(
        {"name": "ogg", "format": "ogg", "target_lufs": -14.0, "ceiling_dbtp": -1.0, "max_limiting_db": 24.0}
    )
    paths = []
    for name, level in (("one", 1.0), ("two", 0.1)):
        write_audio(tmp_path / name / "dx.wav", level * voice(frames, ((0.5, 3.5),)))
        write_audio(tmp_path / name / "fx.wav", level * 2.0 * clicks(frames, (1.0, 2.0, 3.0)), subtype="FLOAT")
        stems = [{"id": "DX", "role": "dialogue", "file": f"{name}/dx.wav"}]
        stems.append({"id": "FX", "role": "fx", "file": f"{name}/fx.wav"})
        paths.append(write_project(tmp_path / f"{name}.json", stems, deliverables=masters))
    return paths


def test_each_reel_of_a_programme_is_rendered_again_to_its_samples(
    reels: list[Path], tmp_path: Path, capsys: Said
) -> None:
    programme = {"schema": "stemmix.programme/1", "title": "Both", "reels": [path.name for path in reels]}
    (tmp_path / "both.json").write_text(json.dumps(programme))
    assert main(["render", "--programme", str(tmp_path / "both.json"), "-q"]) in {0, 5}
    alone = rendered(reels[1], tmp_path / "alone")
    receipts = [read_document(tmp_path / "out" / f"{path.stem}.receipt.json", Receipt) for path in reels]
    assert abs(alone.files[0].gain_db - receipts[1].files[0].gain_db) > 3.0, "the gain is shared"
    assert receipts[0].files[1].ceiling_dbtp is not None, "the codec asked for a lower ceiling"
    for receipt, path in zip(receipts, reels, strict=True):
        assert receipt.programme == ("../one.json", "../two.json")
        capsys.readouterr()
        assert main(["verify", str(tmp_path / "out" / f"{path.stem}.receipt.json"), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert changed(found) == {}
        assert results(found) == {f"{path.stem}_mix.wav": "bytes", f"{path.stem}_ogg.ogg": "bytes"}
    reels[0].unlink()
    assert main(["verify", str(tmp_path / "out" / "two.receipt.json")]) == 0
    assert "shared by 2 reels: gone: ../one.json" in capsys.readouterr().out


def test_a_gain_that_was_taken_is_taken_again(reels: list[Path], tmp_path: Path, capsys: Said) -> None:
    rendered(reels[0])
    source = tmp_path / "out" / "one.receipt.json"
    receipt = rendered(reels[1], tmp_path / "later", gain_from=source)
    assert receipt.gain_from is not None
    assert receipt.gain_from.path == "../out/one.receipt.json"
    assert main(["verify", str(tmp_path / "later" / "two.receipt.json"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert changed(found) == {}
    assert set(results(found).values()) == {"bytes"}
    source.unlink()
    assert main(["verify", str(tmp_path / "later" / "two.receipt.json")]) == 0
    assert "gain from ../out/one.receipt.json: is no longer there" in capsys.readouterr().out


# ---- older receipts, and what is none --------------------------------------------------------------------------------


def test_an_older_receipt_is_read_by_all_and_says_what_it_cannot_tell(folder: Path, capsys: Said) -> None:
    receipt_edited(folder, as_version_1)
    receipt = folder / "out" / "scene.receipt.json"
    assert nulltest(receipt).passed
    rendered(folder / "scene.json", folder / "again", gain_from=receipt)
    found = told(folder, capsys)
    assert set(results(found).values()) == {"bytes"}
    assert {name: state for name, (state, _) in changed(found).items()} == {"gain of the programme": "unknown"}
    edited(folder / "scene.json", lambda document: document.update(title="Another"))
    state, (detail,) = changed(told(folder, capsys))["project scene.json"]
    assert state == "unknown"
    assert "what has changed cannot be told" in detail
    (folder / "scene.json").unlink()
    assert main(["verify", str(receipt)]) == 3
    assert "give --project FILE" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["/etc/scene.json", "C:/scene.json", "..\\scene.json", "../.."])
def test_a_project_path_that_is_not_relative_is_refused(folder: Path, place: str, capsys: Said) -> None:
    receipt_edited(folder, lambda document: document.update(project_path=place))
    assert main(["verify", str(folder / "out" / "scene.receipt.json")]) == 3
    assert "is not a path to scene.json relative to the receipt" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "a\0b", "/etc/scene.json", "../scene.json"])
def test_a_project_that_is_no_file_name_is_refused(folder: Path, name: str, capsys: Said) -> None:
    receipt_edited(folder, lambda document: document.update(project=name))
    assert main(["verify", str(folder / "out" / "scene.receipt.json")]) == 3
    assert "is not a file name" in capsys.readouterr().err


def test_a_project_that_no_file_can_be_called_by_is_refused(folder: Path, capsys: Said) -> None:
    """Where none stands at its place, what the receipt holds of it would be rendered."""
    receipt_edited(folder, lambda document: document.update(project="what?.json", project_path="../what?.json"))
    assert main(["verify", str(folder / "out" / "scene.receipt.json")]) == 3
    assert "project: file name '{project}_{deliverable}': {project} is 'what?'" in capsys.readouterr().err


def test_what_is_no_receipt_or_no_project_ends_with_3(folder: Path, capsys: Said) -> None:
    receipt = str(folder / "out" / "scene.receipt.json")
    for arguments in (
        [str(folder / "out" / "scene.plan.json")],
        [str(folder / "nowhere.json")],
        [receipt, "--project", str(folder / "nowhere.json")],
    ):
        assert main(["verify", *arguments]) == 3
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("stemmix: error: ")
        assert "Traceback" not in err


def test_without_a_temporary_folder_it_ends_with_6(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "nowhere"))
    assert main(["verify", str(folder / "out" / "scene.receipt.json")]) == 6
    assert "no temporary folder can be made" in capsys.readouterr().err


# ---- timelines -------------------------------------------------------------------------------------------------------


def test_clips_groups_and_aligned_stems_come_again_and_a_clip_that_changed_is_named(
    tmp_path: Path, capsys: Said
) -> None:
    path = scene(tmp_path)
    write_audio(tmp_path / "scene" / "boom.wav", 0.5 * read_audio(tmp_path / "scene" / "dx.wav")[48:])
    write_audio(tmp_path / "scene" / "mx2.wav", noise(2 * RATE_HZ, seed=5))

    def change(document: dict[str, Any]) -> None:
        document["frame_rate"], document["start"] = "25", "01:00:00:00"
        dx, mx, _, _ = document["stems"]
        dx["group"] = "MICS"
        document["stems"].append({"id": "BOOM", "role": "dialogue", "file": "scene/boom.wav", "group": "MICS"})
        document["groups"] = [{"id": "MICS", "align": True, "gain_db": -1.0}]
        mx["clips"] = [
            {"file": mx.pop("file"), "out": 3.0, "at": "01:00:00:00"},
            {"file": "scene/mx2.wav", "at": "01:00:02:12", "gain_db": -3.0},
        ]
        mx["automation"] = {"gain_db": [{"at": 1.0, "value": 0.0}, {"at": 2.0, "value": -6.0}]}

    receipt = rendered(edited(path, change))
    assert len({source.path for source in receipt.sources}) == 6
    found = told(tmp_path, capsys)
    assert changed(found) == {}
    assert set(results(found).values()) == {"bytes"}
    write_audio(tmp_path / "scene" / "mx2.wav", noise(2 * RATE_HZ, seed=6))
    found = told(tmp_path, capsys, code=1)
    assert changed(found) == {"stem MX: scene/mx2.wav": ("changed", ["has changed since"])}
    printed = {file["path"]: file for file in found["files"]}["scene_stems_MX.wav"]
    assert printed["result"] == "differs"
    edited(path, lambda document: document["stems"][1]["clips"][1].update(at="01:00:02:00"))
    assert changed(told(tmp_path, capsys, code=1))["project scene.json"] == (
        "changed",
        ["stem MX, clip 2, at: 01:00:02:12 -> 01:00:02:00 (12 frames earlier, 23040 samples)"],
    )


@pytest.mark.parametrize("command", ["verify", "nulltest"])
@pytest.mark.parametrize("named", ["/dev/zero", "../scene.json", ""])
def test_a_receipt_leads_to_nothing_but_what_stands_beside_it(
    folder: Path, capsys: Said, command: str, named: str
) -> None:
    def change(document: dict[str, Any]) -> None:
        if command == "verify":
            document["plan"] = named
        else:
            document["files"][0]["path"] = named or "/"

    receipt_edited(folder, change)
    assert main([command, str(folder / "out" / "scene.receipt.json")]) == 3
    said = capsys.readouterr().err
    assert "is not the name of a file beside this one" in said or "is empty" in said
    assert "Traceback" not in said
