"""`files.scratch`: what was written is what is read, as often as wanted; the last time it is let go of on the way."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stemmix.files import scratch, system
from stemmix.files.scratch import Scratch
from stemmix.files.system import WRITTEN_AT_ONCE

CONTENT = np.random.default_rng(7).bytes(3 * WRITTEN_AT_ONCE + 5_000)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Scratch]:
    with Scratch(tmp_path) as file:
        for start in range(0, len(CONTENT), 300_000):
            file.write(memoryview(CONTENT)[start : start + 300_000])
        yield file


def read_all(file: Scratch, size: int = 100_001, *, last: bool = False) -> bytes:
    file.rewind(last=last)
    return b"".join(iter(lambda: file.read(size), b""))


def held_bytes(file: Scratch) -> int:
    """What it takes of the disk."""
    os.fsync(file._file.fileno())
    return 512 * os.fstat(file._file.fileno()).st_blocks


@pytest.mark.parametrize("size", [999, WRITTEN_AT_ONCE, 10 * len(CONTENT)])
def test_it_is_read_as_it_was_written_as_often_as_wanted(kept: Scratch, size: int) -> None:
    assert read_all(kept, size) == read_all(kept, size) == CONTENT


def test_it_has_no_name(kept: Scratch, tmp_path: Path) -> None:
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(system.let_go() is None, reason="this system has no fallocate")
def test_the_last_time_what_was_read_is_given_back(kept: Scratch) -> None:
    whole = held_bytes(kept)
    assert whole >= len(CONTENT)
    kept.rewind(last=True)
    assert kept.read(2 * WRITTEN_AT_ONCE) == CONTENT[: 2 * WRITTEN_AT_ONCE]
    if held_bytes(kept) == whole:
        pytest.skip("this file system has no holes")
    assert held_bytes(kept) == whole - 2 * WRITTEN_AT_ONCE, "and no more than was read"
    assert kept.read(len(CONTENT)) == CONTENT[2 * WRITTEN_AT_ONCE :]
    assert held_bytes(kept) < 8192, "the piece of a page that the end stands in"


def test_no_other_time_is_anything_given_back(kept: Scratch) -> None:
    whole = held_bytes(kept)
    read_all(kept)
    assert held_bytes(kept) == whole
    assert read_all(kept, last=True) == CONTENT


def test_a_file_system_without_holes_is_asked_once(kept: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(descriptor: int, start: int, size: int) -> None:
        asked.append((start, size))
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(scratch, "let_go", lambda: refuse)
    assert read_all(kept, last=True) == read_all(kept) == CONTENT
    assert asked == [(0, 100_001)]


def test_a_system_without_such_a_call_keeps_it(kept: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "let_go", lambda: None)
    assert read_all(kept, last=True) == read_all(kept) == CONTENT


def test_what_a_system_takes_in_parts_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it does where a disk is nearly full, and never more at once than finds room in short stretches."""
    with Scratch(tmp_path) as file:
        write, sizes = file._file.write, []

        class Partly:
            def __getattr__(self, name: str) -> object:
                return getattr(inner, name)

            def write(self, content: memoryview) -> int:
                sizes.append(len(content))
                return write(content[:70_000])

        inner = file._file
        monkeypatch.setattr(file, "_file", Partly())
        file.write(memoryview(CONTENT))
        assert read_all(file) == CONTENT
    assert max(sizes) == WRITTEN_AT_ONCE


def test_what_the_disk_refuses_is_told_at_once(kept: Scratch) -> None:
    """Nothing is buffered that would be refused later, by whoever reads."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        os.dup2(full, kept._file.fileno())
        with pytest.raises(OSError, match="No space left"):
            kept.write(memoryview(b"more"))
    finally:
        os.close(full)
