"""`files.scratch`: what was written is what is read, as often as wanted; the last time it is let go of on the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix.files import scratch
from stemmix.files.scratch import Scratch

PIECE = 2 * scratch._AT_ONCE + 1000
CONTENT = np.random.default_rng(7).bytes(3 * PIECE + 5_000)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scratch]:
    """In four pieces."""
    monkeypatch.setattr(scratch, "_PIECE_BYTES", PIECE)
    with Scratch(tmp_path, len(CONTENT)) as made:
        for start in range(0, len(CONTENT), 300_000):
            made.write(memoryview(CONTENT)[start : start + 300_000])
        yield made


def read_all(kept: Scratch, size: int = 100_001, *, last: bool = False) -> bytes:
    kept.rewind(last=last)
    return b"".join(iter(lambda: kept.read(size), b""))


def gone(kept: Scratch) -> list[bool]:
    """Of each piece, whether it is let go of."""
    return [piece.closed for piece in kept._pieces]


@pytest.mark.parametrize("size", [999, PIECE, 10 * len(CONTENT)])
def test_it_is_read_as_it_was_written_as_often_as_wanted(kept: Scratch, size: int) -> None:
    assert read_all(kept, size) == read_all(kept, size) == read_all(kept, size, last=True) == CONTENT


def test_it_has_no_name(kept: Scratch, tmp_path: Path) -> None:
    assert list(tmp_path.iterdir()) == []


def test_the_last_time_every_piece_goes_when_it_has_been_read(kept: Scratch) -> None:
    kept.rewind(last=True)
    assert kept.read(PIECE) == CONTENT[:PIECE]
    kept.read(1)
    assert gone(kept) == [True, False, False, False]
    assert kept.read(2 * PIECE) == CONTENT[PIECE + 1 : 3 * PIECE + 1]
    assert gone(kept) == [True, True, True, False]
    assert kept.read(len(CONTENT)) == CONTENT[3 * PIECE + 1 :]
    assert gone(kept) == [True] * 4


def test_no_other_time_does_anything_go(kept: Scratch) -> None:
    read_all(kept)
    assert gone(kept) == [False] * 4
    kept.close()
    assert gone(kept) == [True] * 4


def test_what_is_large_is_in_so_few_pieces_that_a_process_can_have_a_hundred_open(tmp_path: Path) -> None:
    """As it has where a programme has so many reels."""
    size = 1_000_000_000_000
    with Scratch(tmp_path, size) as made:
        assert size / made._of_each <= 8


@pytest.mark.parametrize("most", [1, 70_001])
def test_what_a_system_takes_and_gives_in_parts_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """So it is where a disk is nearly full, or is a network; and nothing is given at once that would find no room."""
    content = CONTENT if most > 1 else CONTENT[:3000]
    monkeypatch.setattr(scratch, "_PIECE_BYTES", len(content) // 2)
    sizes: list[int] = []

    class Partly:
        def __init__(self, file: Any) -> None:
            self._file = file

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def write(self, content: memoryview) -> int:
            sizes.append(len(content))
            return int(self._file.write(content[:most]))

        def read(self, size: int) -> bytes:
            return bytes(self._file.read(min(size, most)))

    make: Callable[..., Any] = scratch.tempfile.TemporaryFile
    monkeypatch.setattr(scratch.tempfile, "TemporaryFile", lambda **how: Partly(make(**how)))
    with Scratch(tmp_path, len(content)) as made:
        made.write(memoryview(content))
        made.rewind()
        assert made.read(2000) == content[:2000]
        assert made.read(len(content)) == content[2000:]
    assert max(sizes) <= scratch._AT_ONCE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_what_the_disk_refuses_is_told_at_once(kept: Scratch) -> None:
    """Nothing is buffered that would be refused later, by whoever reads."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        os.dup2(full, kept._pieces[-1].fileno())
        with pytest.raises(OSError, match="No space left"):
            kept.write(memoryview(b"more"))
    finally:
        os.close(full)
