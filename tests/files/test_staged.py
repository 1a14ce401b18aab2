"""`files.staged`: a file stands under its name whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stemmix.files.staged import StagedFile


def test_pieces_stand_beside_the_name_until_they_are_published(tmp_path: Path) -> None:
    buffer = bytearray(2)

    def pieces() -> Iterator[bytes | memoryview]:
        yield b"one "
        for word in (b"tw", b"o!"):
            buffer[:] = word
            yield memoryview(buffer)

    (tmp_path / "a").write_text("before")
    with StagedFile(tmp_path / "a", pieces()) as staged:
        assert staged.part.read_bytes() == b"one two!"
        assert (tmp_path / "a").read_text() == "before"
        staged.publish(0o640)
    assert (tmp_path / "a").read_bytes() == b"one two!"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_left_unpublished_it_is_gone(tmp_path: Path) -> None:
    with StagedFile(tmp_path / "a", [b"one"]):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_the_pieces_raise_passes_and_nothing_is_left(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        StagedFile(tmp_path / "a", pieces())
    assert list(tmp_path.iterdir()) == []
