"""`fmt`, `migrate`, `show` and `schema` as they are called, and project files under git."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import stemmix
from stemmix.cli import main
from stemmix.files.projects import formatted, read_project

Said = pytest.CaptureFixture[str]

REPOSITORY = Path(__file__).resolve().parents[1]

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(stemmix.__file__).parents[1])}


def written(path: Path, **fields: Any) -> Path:
    stems = [
        {"id": "DX", "role": "dialogue", "file": "dx.wav", "gain_db": 1},
        {"id": "MX", "role": "music", "clips": [{"id": "a", "file": "mx.wav", "at": 1}]},
        {"id": "FX", "role": "fx", "file": "fx.wav"},
        {"id": "AMB", "role": "ambience", "file": "amb.wav", "at": 0},
    ]
    path.write_text(json.dumps({"schema": "stemmix.project/2", "title": "Reel", "stems": stems} | fields))
    return path


# ------------------------------------------------------------------------------------------------------ fmt and migrate


def test_fmt_rewrites_in_place_and_says_what_it_changed(tmp_path: Path, capsys: Said) -> None:
    one, two = written(tmp_path / "one.json"), written(tmp_path / "two.json")
    two.write_text(formatted(two)[1])
    one.chmod(0o640)
    meant = read_project(one)
    assert main(["fmt", "--check", str(one), str(two)]) == 1
    assert capsys.readouterr().out == f"{one}\n"
    assert "\n" not in one.read_text(), "nothing was changed"
    assert main(["fmt", str(one), str(two)]) == 0
    assert capsys.readouterr().out == f"{one}\n"
    assert one.read_text() == two.read_text()
    assert read_project(one) == meant
    assert one.stat().st_mode & 0o777 == 0o640
    assert main(["fmt", "--check", str(one), str(two)]) == 0
    assert capsys.readouterr() == ("", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.json", "two.json"]


def test_fmt_leaves_what_is_not_valid_and_goes_on_with_the_others(tmp_path: Path, capsys: Said) -> None:
    bad, good = written(tmp_path / "bad.json", profile="flim"), written(tmp_path / "good.json")
    before = bad.read_bytes()
    assert main(["fmt", str(bad), str(good), str(tmp_path / "gone.json")]) == 3
    out, err = capsys.readouterr()
    assert out == f"{good}\n"
    assert "bad.json:1:" in err
    assert "did you mean 'film'?" in err
    assert "gone.json: there is no such file" in err
    assert bad.read_bytes() == before


def test_fmt_follows_a_link_and_leaves_it_one(tmp_path: Path) -> None:
    written(tmp_path / "real.json")
    (tmp_path / "link.json").symlink_to("real.json")
    assert main(["fmt", str(tmp_path / "link.json")]) == 0
    assert (tmp_path / "link.json").is_symlink()
    assert "\n" in (tmp_path / "real.json").read_text()


def piped(folder: Path, typed: bytes, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "stemmix", *arguments]
    return subprocess.run(
        command, cwd=folder, input=typed, capture_output=True, check=False, env=ENVIRONMENT | environment
    )


def test_fmt_formats_what_is_piped_through_it(tmp_path: Path) -> None:
    """As editors do; a template is found from the current folder."""
    (tmp_path / "house.json").write_text('{"schema": "stemmix.project/2", "profile": "series"}')
    path = written(tmp_path / "film.json", extends="house.json", profile="film")
    typed = path.read_bytes()
    done = piped(tmp_path, typed, "fmt", "-")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == formatted(path)[1]
    checked = [piped(tmp_path, text, "fmt", "--check", "-") for text in (typed, done.stdout)]
    assert [(one.returncode, one.stdout) for one in checked] == [(1, b""), (0, b"")]
    broken = piped(tmp_path, typed.replace(b'"film"', b'"flim"'), "fmt", "-")
    assert (broken.returncode, broken.stdout) == (3, b"")
    assert b"stemmix: error: -:1:" in broken.stderr
    assert piped(tmp_path, typed, "fmt", "-", "film.json").returncode == 2
    assert path.read_bytes() == typed


def test_migrate_writes_down_what_an_old_file_means(tmp_path: Path, capsys: Said) -> None:
    old, new = written(tmp_path / "old.json", schema="stemmix.project/1"), written(tmp_path / "new.json")
    meant, untouched = read_project(old), new.read_bytes()
    assert main(["migrate", "--check", str(old), str(new)]) == 1
    assert capsys.readouterr().out == f"{old}\n"
    assert main(["migrate", str(old), str(new)]) == 0
    assert main(["migrate", "--check", str(old), str(new)]) == 0
    assert read_project(old) == meant
    assert formatted(old)[0] == formatted(old)[1]
    assert new.read_bytes() == untouched
    assert json.loads(old.read_text())["stems"][0]["at"] == 0.0


def test_fmt_says_that_nothing_comes_by_a_closed_stdin(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert main(["fmt", "-"]) == 3
    assert capsys.readouterr().err == "stemmix: error: -: stdin is closed: there is nothing to read\n"


@pytest.mark.parametrize("command", [["fmt"], ["migrate"], ["check"], ["render"], ["show", "--resolved"]])
def test_a_file_of_a_newer_version_is_refused(tmp_path: Path, capsys: Said, command: list[str]) -> None:
    path = written(tmp_path / "new.json", schema="stemmix.project/3")
    assert main([*command, str(path)]) == 3
    assert (
        "new.json:1:12: schema: version 3 is newer than this stemmix, which reads stemmix.project up to version 2"
        in capsys.readouterr().err
    )


# ---------------------------------------------------------------------------------------------------------------- show


def test_show_tells_a_file_in_words_one_thing_a_line(tmp_path: Path, capsys: Said) -> None:
    pins = [{"id": "boom", "stem": "FX", "from": 1, "to": "0:00:02.5", "keep": True, "note": "it wins"}]
    path = written(tmp_path / "film.json", extends="gone.json", pins=pins, goals={"clarity": 0.5})
    assert main(["show", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "extends: gone.json",
        "title: Reel",
        "stem DX: dialogue",
        "stem DX: dx.wav",
        "stem DX: gain_db: 1",
        "stem MX: music",
        "stem MX, clip a: mx.wav, at 1 s",
        "stem FX: fx",
        "stem FX: fx.wav",
        "stem AMB: ambience",
        "stem AMB: amb.wav, at 0 s",
        "goal clarity: 0.5",
        "pin boom: FX, 1 s to 0:00:02.5: stays as it is (it wins)",
    ]


def test_show_never_breaks_a_git_diff(tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "film.json"
    path.write_text("<<<<<<< ours\n{}\n")
    assert main(["show", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out == "<<<<<<< ours\n{}\n"
    assert "film.json:1:1: a git conflict marker: the merge is not resolved" in err


def test_show_prints_any_bytes(tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "film.json"
    path.write_bytes(b'{"title": "\xff"}')
    assert main(["show", str(path)]) == 0
    assert capsys.readouterr().out == '{"title": "\\xff"}'


def test_show_keeps_one_thing_a_line_whatever_a_note_holds(tmp_path: Path, capsys: Said) -> None:
    path = written(tmp_path / "film.json", title="T\u2028stem X: fx", note="a\r\n\x1b[31mb\u2028c\u0085d für 日本")
    assert main(["show", str(path)]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert lines[0] == "title: T\\u2028stem X: fx"
    assert lines[-2:] == ["note: a\\r\\n\\u001b[31mb\\u2028c\\u0085d für 日本", ""]


def test_show_tells_what_is_said_against_a_template(tmp_path: Path, capsys: Said) -> None:
    """Though it is a default: without it, the template's would hold."""
    said = {"balance": False, "profile": "film", "goals": {"voice": True}, "frame_rate": None}
    for extends, told in ((None, False), ("gone.json", True)):
        path = written(tmp_path / "film.json", **said | ({} if extends is None else {"extends": extends}))
        assert main(["show", str(path)]) == 0
        lines = capsys.readouterr().out.splitlines()
        for line in ("balance: false", "profile: film", "goal voice: true", "frame_rate: null"):
            assert (line in lines) is told


def test_signs_that_a_terminal_has_not_are_no_error(tmp_path: Path) -> None:
    written(tmp_path / "film.json", title="Größe 日本")
    done = piped(tmp_path, b"", "show", "film.json", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert done.stdout.decode("latin-1").startswith("title: Größe \\u65e5\\u672c\n")


def test_show_resolved_stands_by_itself(tmp_path: Path, capsys: Said) -> None:
    (tmp_path / "house.json").write_text(
        '{"schema": "stemmix.project/1", "profile": "series", "groups": [{"id": "B"}]}'
    )
    path = written(tmp_path / "film.json", extends="house.json")
    assert main(["show", "--resolved", str(path)]) == 0
    alone = tmp_path / "alone.json"
    alone.write_text(capsys.readouterr().out)
    assert "extends" not in json.loads(alone.read_text())
    assert read_project(alone) == read_project(path)
    assert formatted(alone)[0] == formatted(alone)[1]


# -------------------------------------------------------------------------------------------------------------- schema


def nodes(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every field of every object, by `Object.field`."""
    objects = {"project": schema} | schema["$defs"]
    return {
        f"{name}.{field}": node for name, one in objects.items() for field, node in one.get("properties", {}).items()
    }


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads((REPOSITORY / "stemmix" / "model" / "project.schema.json").read_text("utf-8"))


def test_an_editor_can_explain_every_field(schema: dict[str, Any]) -> None:
    assert [name for name, node in nodes(schema).items() if "description" not in node] == []


def test_the_schema_takes_what_is_valid_and_refuses_what_is_not(schema: dict[str, Any], tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    good = json.loads(
        written(tmp_path / "a.json", **{"$schema": "project.schema.json", "frame_rate": "29.97df"}).read_text()
    )
    house = {"schema": "stemmix.project/2", "profile": "series", "priorities": {"music": 90}}
    example = json.loads((REPOSITORY / "projects" / "film_reel3.json").read_text())
    for document in (good, house, example):
        assert not list(validator.iter_errors(document))
    assert read_project(tmp_path / "a.json").schema_url == "project.schema.json"
    for change in (
        {"profile": "flim"},
        {"frame_rate": "29"},
        {"start": "noon"},
        {"stems": [{"id": "DX", "role": "dialog", "file": "dx.wav"}]},
        {"stems": [{"id": "DX", "role": "dialogue", "file": "dx.wav", "gain": 1}]},
        {"pins": [{"stem": "DX", "from": True, "to": 2, "keep": True}]},
        {"deliverables": [{"name": "x", "preset": "nobody"}]},
    ):
        assert list(validator.iter_errors(good | change)), change


# ------------------------------------------------------------------------------------------------------------ under git

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

GIT = ["git", "-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*GIT, *arguments], cwd=folder, capture_output=True, text=True, check=False)


Change = Callable[[dict[str, Any]], Any]


def branch(folder: Path, name: str, change: Change) -> None:
    """A branch in which a person has made a change, and put the file into its form."""
    assert git(folder, "checkout", "-q", "-B", name, "main").returncode == 0
    path = folder / "film.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    path.write_text(formatted(path)[1])
    assert git(folder, "commit", "-qam", name).returncode == 0


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    pins = [
        {"id": "boom", "stem": "FX", "from": 1, "to": 2, "keep": True},
        {"id": "sting", "stem": "MX", "from": 3, "to": 4, "max_cut_db": 2},
    ]
    path = written(tmp_path / "film.json", pins=pins)
    document = json.loads(path.read_text())
    document["stems"].append({"id": "FOL", "role": "foley", "clips": [{"id": "a", "file": "fol.wav", "at": 1}]})
    path.write_text(json.dumps(document))
    path.write_text(formatted(path)[1])
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "film.json")
    assert git(tmp_path, "commit", "-qm", "begin").returncode == 0
    return tmp_path


def fader(index: int, gain_db: float) -> Change:
    return lambda project: project["stems"][index].update(gain_db=gain_db)


APART: dict[str, tuple[Change, Change]] = {
    "faders of neighbours": (fader(0, -3), fader(1, -6)),
    "faders of neighbours, the second's first": (fader(2, -3), fader(1, -6)),
    "a place and a fader": (lambda project: project["stems"][2].update(at="0:00:02.5"), fader(3, -6)),
    "a clip more and a fader": (
        lambda project: project["stems"][1]["clips"].append({"id": "b", "file": "mx.wav", "in": 1, "at": 9}),
        fader(2, 2),
    ),
    "a role and a stem more": (
        lambda project: project["stems"][0].update(role="narration"),
        lambda project: project["stems"].append({"id": "HIT", "role": "fx", "file": "hit.wav"}),
    ),
    "a pin more and a stem's fader": (
        lambda project: project["pins"].append({"id": "hush", "stem": "AMB", "from": 5, "to": 6, "keep": True}),
        fader(3, -2),
    ),
    "a clip more in each of two stems": (
        lambda project: project["stems"][1]["clips"].append({"id": "b", "file": "mx.wav", "in": 1, "at": 9}),
        lambda project: project["stems"][4]["clips"].append({"id": "b", "file": "fol.wav", "in": 1, "at": 9}),
    ),
    "a clip moved in each of two stems": (
        lambda project: project["stems"][1]["clips"][0].update(at=2),
        lambda project: project["stems"][4]["clips"][0].update(at=2),
    ),
    "the first cue and a stem's role": (
        lambda project: project.update(cues=[{"stem": "DX", "from": 1, "to": 2}]),
        lambda project: project["stems"][3].update(role="walla"),
    ),
    "two pins": (
        lambda project: project["pins"][0].update(to=2.5),
        lambda project: project["pins"][1].update(max_cut_db=1),
    ),
    "a stem less and a goal": (
        lambda project: project["stems"].pop(3),
        lambda project: project.update(goals={"clarity": 0.5}),
    ),
}


@needs_git
@pytest.mark.parametrize("case", APART)
def test_branches_that_touch_different_things_merge_by_themselves(repository: Path, case: str) -> None:
    path = repository / "film.json"
    one, other = APART[case]
    branch(repository, "ours", one)
    branch(repository, "theirs", other)
    merged = git(repository, "merge", "-q", "--no-edit", "ours")
    assert merged.returncode == 0, merged.stdout
    text, form = formatted(path)
    assert text == form, "what git joined is in the one form"
    branch(repository, "both", lambda project: (one(project), other(project)))
    assert path.read_text() == text, "as if one person had made both changes"


@needs_git
def test_a_merge_that_clashes_is_called_just_that(repository: Path, capsys: Said) -> None:
    branch(repository, "ours", fader(0, -3))
    branch(repository, "theirs", fader(0, -6))
    assert git(repository, "merge", "-q", "--no-edit", "ours").returncode == 1
    path = repository / "film.json"
    left = path.read_bytes()
    row = path.read_text().splitlines().index("<<<<<<< HEAD") + 1
    for command in ("check", "fmt", "migrate", "render", "report"):
        assert main([command, str(path)]) == 3
        said = capsys.readouterr().err
        assert said == f"stemmix: error: {path}:{row}:1: a git conflict marker: the merge is not resolved\n"
    assert path.read_bytes() == left


@needs_git
def test_git_shows_differences_in_words(repository: Path, tmp_path: Path) -> None:
    """The two lines of configuration that the manual gives; and a file that is not valid is no hindrance."""
    manual = (REPOSITORY / ".github" / "MANUAL.md").read_text("utf-8")
    assert 'git config diff.stemmix.textconv "stemmix show"' in manual
    assert 'echo "film_*.json diff=stemmix" >> .gitattributes' in manual
    branch(repository, "ours", fader(0, -3))
    (repository / ".gitattributes").write_text("film.json diff=stemmix\n")
    # as it is called where the package is not installed
    command = f"PYTHONPATH='{ENVIRONMENT['PYTHONPATH']}' '{sys.executable}' -m stemmix show"
    git(repository, "config", "diff.stemmix.textconv", command)
    shown = git(repository, "diff", "main", "ours", "--", "film.json").stdout
    changes = [line for line in shown.splitlines() if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert changes == ["-stem DX: gain_db: 1", "+stem DX: gain_db: -3"]
    (repository / "film.json").write_text("{\n<<<<<<< HEAD\n")
    shown = git(repository, "diff", "--", "film.json")
    assert shown.returncode == 0
    assert "+<<<<<<< HEAD" in shown.stdout.splitlines()
