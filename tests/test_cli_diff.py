"""`stemmix diff` as it is called: files, revisions, plans, audio, and git itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import stemmix
from stemmix.cli import main
from tests.material import edited, rendered, scene, scene_stems, write_project

Said = pytest.CaptureFixture[str]

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
ENVIRONMENT |= {"PYTHONPATH": str(Path(stemmix.__file__).parents[1])}


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *settings, *words], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return done.stdout


def louder(project: dict[str, Any]) -> None:
    project["stems"][1]["gain_db"] = 2


def real_edit(project: dict[str, Any]) -> None:
    """Music up by 2 dB, a clip moved, a pin added."""
    louder(project)
    project["stems"][2]["clips"][1]["at"] = 2.25
    project["pins"] = [{"id": "hit", "stem": "FX", "from": 0.9, "to": 1.4, "keep": True, "note": "the hit wins"}]


def in_clips(folder: Path, name: str = "scene") -> Path:
    """The scene of `material`, its effects in two clips of their file."""
    stems = scene_stems(name)
    stems[2] = {
        "id": "FX",
        "role": "fx",
        "clips": [{"file": stems[2]["file"], "out": 2}, {"file": stems[2]["file"], "in": 2, "out": 3.5, "at": 2}],
    }
    return scene(folder, name, stems=stems)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A project in this folder, and a copy of it beside it after a real edit."""
    monkeypatch.chdir(tmp_path)
    before = in_clips(Path())
    after = Path("after.json")
    shutil.copy(before, after)
    return before, edited(after, real_edit)


REAL_EDIT = """\
  stem MX, fader: 0 dB -> +2 dB
  stem FX, clip 2, at: 2 s -> 2.25 s (0.250 s later, 12000 samples)
+ pin hit: FX, 0.9-1.4 s: stays as it is (the hit wins)
"""


def told(capsys: Said, *words: str | Path, code: int = 0) -> str:
    assert main(["diff", *map(str, words)]) == code
    out, err = capsys.readouterr()
    assert err == ""
    return out


# ------------------------------------------------------------------------------------------------------------- files


def test_a_real_edit_is_told_one_thing_a_line(pair: tuple[Path, Path], capsys: Said) -> None:
    head, changes, notes = told(capsys, *pair).split("\n\n")
    assert head == f"{pair[0]} -> {pair[1]}"
    assert f"{changes}\n" == REAL_EDIT
    assert "--plan decides now" in notes


def test_whatever_a_project_says_a_change_is_one_line_that_no_terminal_obeys(
    pair: tuple[Path, Path], capsys: Said
) -> None:
    note = "\x1b]0;t\x07\n  stem MX, mute: no -> yes\u202e\u009b2J"

    def forge(document: dict[str, Any]) -> None:
        document["note"] = document["stems"][0]["note"] = document["pins"][0]["note"] = note

    edited(pair[1], forge)
    out = told(capsys, *pair)
    said = "\\u001b]0;t\\u0007\\n  stem MX, mute: no -> yes\\u202e\\u009b2J"
    assert [line for line in out.splitlines() if "note" in line and "decisions" not in line] == [
        f"  note: none -> {said}",
        f"  stem DX, note: none -> {said}",
    ]
    assert f"stays as it is ({said})" in out
    changes = json.loads(told(capsys, *pair, "--json"))["changes"]
    assert [change["after"] for change in changes if change["field"] == "note"] == [note, note], "JSON has its own way"


def test_exit_code_says_whether_they_differ_where_that_is_asked(pair: tuple[Path, Path], capsys: Said) -> None:
    told(capsys, *pair)
    told(capsys, *pair, "--exit-code", code=1)
    assert "they ask for the same mix" in told(capsys, pair[0], pair[0], "--exit-code")


def test_json_is_stable_and_names_its_schema(pair: tuple[Path, Path], capsys: Said) -> None:
    out = told(capsys, *pair, "--json")
    assert out == told(capsys, *pair, "--json")
    found = json.loads(out)
    assert found["schema"] == "stemmix.difference/1"
    assert [one["what"] for one in found["changes"]] == ["stem MX", "stem FX, clip 2", "pin hit"]
    assert found["changes"][0] == {
        "what": "stem MX",
        "field": "gain_db",
        "before": "0 dB",
        "after": "+2 dB",
        "note": None,
    }
    assert (found["plan"], found["audio"]) == (None, None)


def test_a_template_is_no_mix_and_a_fault_of_a_project_is_told_as_ever(tmp_path: Path, capsys: Said) -> None:
    template, project = tmp_path / "house.json", scene(tmp_path)
    template.write_text('{"schema": "stemmix.project/2", "profile": "series"}')
    assert main(["diff", str(template), str(project)]) == 3
    assert capsys.readouterr().err.startswith(f"stemmix: error: {template}: is a template; expected a whole project")
    broken = edited(scene(tmp_path, "broken"), lambda document: document["stems"][0].update(role="musik"))
    assert main(["diff", str(project), str(broken)]) == 3
    assert "stems[0].role: 'musik' is not one of" in capsys.readouterr().err


def test_stems_need_not_be_there_and_nothing_is_written(tmp_path: Path, capsys: Said) -> None:
    before, after = (write_project(tmp_path / f"{name}.json", scene_stems()) for name in ("a", "b"))
    edited(after, louder)
    assert "stem MX, fader: 0 dB -> +2 dB" in told(capsys, before, after)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json"]


def test_a_template_that_is_resolved_is_no_difference(tmp_path: Path, capsys: Said) -> None:
    house = {"schema": "stemmix.project/2", "goals": {"clarity": 0.6}, "priorities": {"music": 30}}
    (tmp_path / "house.json").write_text(json.dumps(house))
    extending = write_project(tmp_path / "a.json", scene_stems(), extends="house.json")
    alone = write_project(tmp_path / "b.json", scene_stems(), goals={"clarity": 0.6}, priorities={"music": 30})
    assert "they ask for the same mix" in told(capsys, extending, alone, "--exit-code")
    (tmp_path / "house.json").write_text(json.dumps(house | {"goals": {"clarity": 0.7}}))
    assert "goals, clarity: 0.7 -> 0.6" in told(capsys, extending, alone)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["gone.json", "film.json"], 3, "gone.json: there is no such file"),
        (["film.json", "bad.json"], 3, "bad.json:1:"),
        (["film.json", "film.json", "--plan", "--plan-a", "film.json"], 2, "--plan"),
        (["film.json", "film.json", "--plan-a", "film.json", "--plan-b", "film.json"], 3, "expected a stemmix.plan"),
        (["/dev/null", "/dev/null"], 3, "both sides are empty"),
        (["film.json", "film.json", "--plan"], 4, "scene/dx.wav"),
    ],
)
def test_what_cannot_be_compared_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said, words: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path / "film.json", scene_stems())
    write_project(tmp_path / "bad.json", scene_stems(), profile="flim")
    assert main(["diff", *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_a_page_that_is_narrow_is_kept_to(pair: tuple[Path, Path]) -> None:
    from stemmix.compare import Wanted, difference, sides_of
    from stemmix.report.differences import difference_text
    from tests.material import silent_progress

    found = difference(*sides_of(*map(str, pair)), Wanted(plan=True), progress=silent_progress)
    for width in (60, 100):
        lines = difference_text(found, width, 3).splitlines()
        assert max(map(len, lines)) <= width


# ------------------------------------------------------------------------------------------------------------- plans


def test_plans_are_compared_by_move_conflict_and_scene(pair: tuple[Path, Path], capsys: Said) -> None:
    out = told(capsys, *pair, "--plan")
    assert REAL_EDIT in out
    assert "Moves that differ" in out
    assert "Scenes in the mix" in out
    found = json.loads(told(capsys, *pair, "--plan", "--json"))["plan"]
    assert min(found["moves_before"], found["moves_after"]) > 0
    assert {one["stem"] for one in found["moves"]} >= {"MX"}
    sizes = [one["size_db_s"] for one in found["moves"]]
    assert sizes == sorted(sizes, reverse=True)
    assert all(60 <= one["low_hz"] < one["high_hz"] <= 16_000 for one in found["moves"])
    (scene_,) = found["scenes"]
    assert scene_["clarity"]["before"] > 0
    assert scene_["loudness_lufs"]["after"] > scene_["loudness_lufs"]["before"] + 0.2, "the music is up"
    top = told(capsys, *pair, "--plan", "--top", "1")
    assert f"and {len(sizes) - 1} smaller one" in top


def test_the_same_decisions_are_no_difference(pair: tuple[Path, Path], capsys: Said) -> None:
    assert "all the same" in told(capsys, pair[0], pair[0], "--plan", "--exit-code")


def test_a_stored_plan_is_taken_for_the_very_version_that_it_was_made_for(
    pair: tuple[Path, Path], capsys: Said
) -> None:
    before, after = pair
    rendered(before)
    assert f"no plan beside {after} was made for it" in told(capsys, *pair)
    rendered(after)
    assert "moves " in told(capsys, *pair)
    assert (
        json.loads(told(capsys, *pair, "--json"))["plan"] == json.loads(told(capsys, *pair, "--plan", "--json"))["plan"]
    )
    edited(after, lambda project: project["pins"][0].update(to=1.5))
    assert f"no plan beside {after} was made for it" in told(capsys, *pair), "it was made for another pin"
    edited(after, lambda project: project["pins"][0].update(to=1.4, note="still that pin"))
    assert "moves " in told(capsys, *pair), "no decision hears of a note"


def test_cues_of_a_stem_that_is_called_note_are_no_note(tmp_path: Path, capsys: Said) -> None:
    project = scene(tmp_path)
    edited(project, lambda document: document["stems"][0].update(id="note"))
    rendered(project)
    assert "moves " in told(capsys, project, project)
    edited(project, lambda document: document.update(cues=[{"stem": "note", "from": 1, "to": 2}]))
    assert "was made for it as it is" in told(capsys, project, project)


def test_a_plan_whose_stems_have_changed_is_not_taken(pair: tuple[Path, Path], capsys: Said) -> None:
    before, after = pair
    rendered(before)
    rendered(after)
    shutil.copy(before.parent / "scene" / "amb.wav", before.parent / "scene" / "mx.wav")
    assert f"no plan beside {before} or {after} was made for it" in told(capsys, *pair)


def test_plans_that_are_named_are_taken_at_their_word(pair: tuple[Path, Path], capsys: Said) -> None:
    for project in pair:
        rendered(project)
    plans = [project.parent / "out" / f"{project.stem}.plan.json" for project in pair]
    out = told(capsys, *pair, "--plan-a", plans[1], "--plan-b", plans[1])
    assert "all the same" in out
    assert "Moves that differ" in told(capsys, *pair, "--plan-a", plans[0], "--plan-b", plans[1])


# ------------------------------------------------------------------------------------------------------------- audio


def test_two_mixes_are_taken_from_each_other(pair: tuple[Path, Path], capsys: Said) -> None:
    out = told(capsys, *pair, "--audio")
    assert REAL_EDIT in out
    assert "Seconds in which they differ most" in out
    found = json.loads(told(capsys, *pair, "--audio", "--json"))["audio"]
    assert not found["identical"]
    assert -60 < found["residual_dbfs"] < -20
    assert found["residual_lu"] < 0
    assert 1 <= len(found["worst"]) <= 5
    assert found["integrated_lufs"]["before"] == pytest.approx(found["integrated_lufs"]["after"], abs=0.1)
    assert len(found["scenes"]) == 1
    assert not (pair[0].parent / "out").exists()


def test_the_same_mix_is_identical_whatever_it_is_delivered_as(pair: tuple[Path, Path], capsys: Said) -> None:
    before, after = pair
    edited(before, real_edit)
    edited(after, lambda project: project.update(deliverables=[{"name": "printmaster", "format": "flac16"}]))
    out = told(capsys, *pair, "--audio")
    assert "every sample is the same" in out
    assert "deliverable printmaster, format: wav24 -> flac16" in out


def test_mixes_of_two_layouts_are_told_and_not_taken_from_each_other(pair: tuple[Path, Path], capsys: Said) -> None:
    edited(pair[1], lambda project: project.update(deliverables=[{"name": "printmaster", "layout": "5.1"}]))
    out = told(capsys, *pair, "--audio")
    assert "one cannot be subtracted from the other: they are 2.0 at 48000 Hz and 5.1 at 48000 Hz" in out


# --------------------------------------------------------------------------------------------------------------- git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The scene in git, in a folder `reels` of it; its stems are not in git. Edited since the only commit."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "film"
    (folder / "reels").mkdir(parents=True)
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "film")
    project = in_clips(folder / "reels")
    git(folder, "add", "reels/scene.json")
    git(folder, "commit", "--quiet", "-m", "one")
    edited(project, real_edit)
    monkeypatch.chdir(folder)
    return folder


@needs_git
@pytest.mark.parametrize(
    "words",
    [
        ["HEAD:reels/scene.json", "reels/scene.json"],
        ["reels/scene.json"],
        ["HEAD:reels/scene.json"],
        ["HEAD:./reels/scene.json", ":reels/scene.json"],
        ["main:reels/scene.json", "reels/scene.json", "--plan"],
    ],
)
def test_versions_come_out_of_git(repository: Path, capsys: Said, words: list[str]) -> None:
    git(repository, "add", "reels/scene.json")
    assert REAL_EDIT in told(capsys, *words)


@needs_git
def test_a_lone_file_is_held_against_head_from_anywhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.chdir(tmp_path)
    assert REAL_EDIT in told(capsys, repository / "reels" / "scene.json")
    monkeypatch.chdir(repository / "reels")
    assert REAL_EDIT in told(capsys, "scene.json")


@needs_git
def test_a_template_comes_out_of_the_same_revision(repository: Path, capsys: Said) -> None:
    house = repository / "reels" / "house.json"
    house.write_text(json.dumps({"schema": "stemmix.project/2", "goals": {"clarity": 0.6}}))
    project = repository / "reels" / "scene.json"
    edited(project, lambda fields: fields.update(extends="house.json"))
    git(repository, "add", "reels/house.json", "reels/scene.json")
    git(repository, "commit", "--quiet", "-m", "house")
    house.write_text(json.dumps({"schema": "stemmix.project/2", "goals": {"clarity": 0.7}}))
    assert "goals, clarity: 0.6 -> 0.7" in told(capsys, "HEAD:reels/scene.json", project)


@needs_git
def test_plans_in_git_come_out_of_the_revision(repository: Path, capsys: Said) -> None:
    project = repository / "reels" / "scene.json"
    git(repository, "checkout", "--quiet", "reels/scene.json")
    rendered(project)
    git(repository, "add", "--force", "reels/out/scene.plan.json", "reels/out/scene.receipt.json")
    git(repository, "commit", "--quiet", "-m", "rendered")
    edited(project, real_edit)
    rendered(project)
    found = json.loads(told(capsys, "HEAD:reels/scene.json", project, "--json"))
    assert found["plan"] is not None
    assert found["plan"]["moves"]
    assert found["notes"] == []
    shutil.rmtree(repository / "reels" / "scene")
    assert "no plan beside reels/scene.json was made" in told(capsys, "HEAD:reels/scene.json", "reels/scene.json")


@needs_git
def test_a_revision_whose_stems_are_gone_is_still_told(repository: Path, capsys: Said) -> None:
    project = repository / "reels" / "scene.json"
    shutil.copytree(repository / "reels" / "scene", repository / "reels" / "new")
    edited(project, lambda fields: fields.update(stems=scene_stems("new")))
    shutil.rmtree(repository / "reels" / "scene")
    out = told(capsys, "HEAD:reels/scene.json", project, "--plan")
    assert "stem MX, file: scene/mx.wav -> new/mx.wav" in out
    assert "note: HEAD:reels/scene.json: no decisions can be made for it" in out


@needs_git
def test_git_difftool_shows_it(repository: Path, tmp_path: Path) -> None:
    """The two lines of configuration that the manual has."""
    program = f'"{sys.executable}" -m stemmix'
    git(repository, "config", "diff.tool", "stemmix")
    git(repository, "config", "difftool.stemmix.cmd", f'{program} diff "$LOCAL" "$REMOTE" --beside "$MERGED"')
    git(repository, "config", "difftool.prompt", "false")
    assert REAL_EDIT in git(repository, "difftool", "HEAD", "--", "reels/scene.json")
    git(repository, "commit", "--quiet", "--all", "-m", "two")
    out = git(repository, "difftool", "HEAD~1", "HEAD", "--", "reels/scene.json")
    assert REAL_EDIT in out, "both are copies then, far from their stems and templates"
    git(repository, "rm", "--quiet", "--cached", "reels/scene.json")
    git(repository, "commit", "--quiet", "-m", "three")
    assert "- project: A test, 4 stems" in git(repository, "difftool", "HEAD~1", "HEAD")
    assert "+ project: A test, 4 stems" in git(repository, "difftool", "HEAD", "HEAD~1")


@needs_git
def test_a_copy_reads_its_template_where_it_belongs(repository: Path, tmp_path: Path, capsys: Said) -> None:
    house = {"schema": "stemmix.project/2", "goals": {"clarity": 0.6}}
    (repository / "reels" / "house.json").write_text(json.dumps(house))
    project = repository / "reels" / "scene.json"
    edited(project, lambda fields: fields.update(extends="house.json"))
    copy = tmp_path / "copy.json"
    shutil.copy(project, copy)
    edited(copy, lambda fields: fields["stems"][1].update(gain_db=0))
    assert main(["diff", str(copy), str(project)]) == 3
    assert "'house.json' does not exist" in capsys.readouterr().err
    assert "stem MX, fader: 0 dB -> +2 dB" in told(capsys, copy, project, "--beside", project)
    assert "Moves that differ" in told(capsys, copy, project, "--beside", project, "--plan"), "its stems are found too"
