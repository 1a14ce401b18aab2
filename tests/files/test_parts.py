"""What is being written is not taken for a trace of the dead, whoever looks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stemmix.files import parts
from stemmix.files.documents import StagedDocument
from stemmix.files.parts import open_part, remove_strays

NOBODY = 999_999_999
"""No process has this id here; one of another machine may."""


def test_a_part_is_no_stray_as_long_as_it_is_open_whatever_id_its_name_has(tmp_path: Path) -> None:
    part = tmp_path / f".mix.wav.{NOBODY}.part"
    with open_part(part):
        assert remove_strays(tmp_path) == ()
    assert remove_strays(tmp_path) == (part,)


def test_a_document_is_no_stray_until_it_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(os, "getpid", lambda: NOBODY)
        staged = StagedDocument(tmp_path / "a.plan.json", "the plan\n")
    with staged:
        assert len(list(tmp_path.glob(".*.part"))) == 1
        assert remove_strays(tmp_path) == ()
        staged.publish()
    assert [path.name for path in tmp_path.iterdir()] == ["a.plan.json"]


def test_one_that_is_taken_away_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = tmp_path / f".mix.wav.{NOBODY}.part"
    locked = parts.lock
    taken: list[tuple[Path, ...]] = []

    def late(file: object) -> None:
        if not taken:
            taken.append(remove_strays(tmp_path))  # another machine's
        locked(file)  # type: ignore[arg-type]

    monkeypatch.setattr(parts, "lock", late)
    with open_part(part) as file:
        file.write(b"samples")
        file.flush()
        assert taken == [(part,)]
        assert part.read_bytes() == b"samples"


def test_where_there_are_no_locks_it_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(parts.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(parts.fcntl, "flock", none)
    with StagedDocument(tmp_path / "a.plan.json", "the plan\n") as staged:
        staged.publish()
    assert (tmp_path / "a.plan.json").read_text() == "the plan\n"
