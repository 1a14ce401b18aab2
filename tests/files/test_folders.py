"""Folders that are made for files: there while something comes into them, and gone with all that was made if not."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from stemmix.destinations import folder_of
from stemmix.files.folders import folder_for_files
from stemmix.stopping import StoppedError, raised_by_signals


def test_what_was_made_and_is_empty_is_gone_and_what_was_there_stays(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "reel" / "mix"
    (tmp_path / "out").mkdir()
    with folder_for_files(folder):
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    assert not list((tmp_path / "out").iterdir())


def test_what_holds_something_stays(tmp_path: Path) -> None:
    with folder_for_files(tmp_path / "out" / "mix"):
        (tmp_path / "out" / "notes.txt").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_a_signal_just_after_a_folder_was_made_leaves_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mkdir = Path.mkdir

    def struck(path: Path, mode: int = 0o777, *, parents: bool = False, exist_ok: bool = False) -> None:
        mkdir(path, mode, parents, exist_ok)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Path, "mkdir", struck)
    with raised_by_signals(), pytest.raises(StoppedError), folder_for_files(tmp_path / "out"):
        pass
    assert not list(tmp_path.iterdir())


def test_one_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(NotADirectoryError), folder_for_files(tmp_path / "a" / "b"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_files_go_where_they_are_asked_for_through_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """`there/../here` is `here`: else it would be gone with `there`, which nothing came into."""
    folder = folder_of(tmp_path / "reel.json", tmp_path / "there" / ".." / "here")
    with folder_for_files(folder):
        (folder / "mix.wav").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
