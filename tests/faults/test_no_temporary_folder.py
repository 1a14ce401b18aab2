"""Where the system has no place for temporary files, or the disk of all of them is full: what needs none does not ask
for one, what needs one says so, and nothing is written."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from stemmix.cli import main
from tests.material import scene

Said = pytest.CaptureFixture[str]

COMMANDS = ["check", "report", "why 1.0", "features", "markers --as reaper", "report --compare", "render --out out"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a place where there is none, and nothing is kept yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "nowhere")])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return scene(tmp_path)


def run(project: Path, command: str, *more: str) -> int:
    name, *options = command.split()
    place = options[:1] if name == "why" else []
    return main([name, str(project), *place, "--quiet", *options[len(place) :], *more])


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_kept_needs_none(project: Path, command: str) -> None:
    for _ in range(2):
        assert run(project, command) == 0


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_what_is_not_kept_ends_with_6(project: Path, command: str, capsys: Said) -> None:
    assert run(project, command, "--no-cache") == 6
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("stemmix: error: temporary files: cannot be written: No usable temporary directory")


def test_pitch_and_tempo_end_with_6(project: Path, capsys: Said) -> None:
    assert run(project, "features --tonal --stem MX") == 6
    assert "pitch and tempo: no temporary folder can be made: No usable" in capsys.readouterr().err


def test_renders_that_are_compared_end_with_6(project: Path, capsys: Said) -> None:
    assert run(project, "render --out out") == 0
    for command in (["verify", "out/scene.receipt.json"], ["diff", str(project), str(project), "--audio"]):
        capsys.readouterr()
        assert main(command) == 6
        assert capsys.readouterr().err.startswith("stemmix: error: no temporary folder can be made: No usable")
