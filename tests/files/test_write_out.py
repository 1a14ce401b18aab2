"""`files.write_out`: what is whole goes to the disk while others work; nothing depends on it but time."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stemmix.errors import OutputError
from stemmix.files import write_out, writer
from stemmix.files.writer import WaveWriter
from stemmix.model.layouts import STEREO

FRAMES = 5001
SAMPLES = np.random.default_rng(3).integers(-(2**15), 2**15, (FRAMES, 2), dtype=np.int32)
PIECE = 4096

Bring = Callable[[int, int, int], None]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_out, "_PIECE_BYTES", PIECE)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the whole of a file was asked for."""
    descriptors: list[int] = []
    monkeypatch.setattr(writer.os, "fsync", descriptors.append)
    return descriptors


def written(path: Path) -> WaveWriter:
    """A file that is complete, and on its way."""
    file = WaveWriter(path, "wav24", 48_000, STEREO, FRAMES)
    file.write(SAMPLES)
    file.complete()
    return file


def bringing(patch: pytest.MonkeyPatch, bring: Bring | None) -> None:
    patch.setattr(write_out, "_bring_to_disk", lambda: bring)


def test_all_of_it_is_brought_there_in_pieces_and_the_rest_is_asked_for_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[int]
) -> None:
    starts: list[int] = []
    there = threading.Event()
    size = 6 * FRAMES  # and a header

    def note(descriptor: int, start: int, length: int) -> None:
        assert threading.current_thread().name == "write-out"
        assert os.fstat(descriptor).st_size > start
        assert length == PIECE
        starts.append(start)
        if start + length > size:
            there.set()

    bringing(monkeypatch, note)
    with written(tmp_path / "a.wav") as file:
        assert there.wait(10)
        file.finish()
    assert starts == list(range(0, size, PIECE))
    assert len(asked) == 2, "the file, and the folder that it is renamed in"


@pytest.mark.skipif(write_out._bring_to_disk() is None, reason="this system has no sync_file_range")
def test_the_system_does_it(tmp_path: Path) -> None:
    bring = write_out._bring_to_disk()
    assert bring is not None
    with (tmp_path / "a").open("wb") as file:
        file.write(bytes(10_000))
        file.flush()
        bring(file.fileno(), 0, 20_000)
    read, write = os.pipe()
    try:
        with pytest.raises(OSError, match="seek") as refused:
            bring(write, 0, 1)
        assert refused.value.errno == errno.ESPIPE
    finally:
        os.close(read)
        os.close(write)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_what_the_disk_refuses_meanwhile_is_told_when_the_file_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[int], number: int
) -> None:
    """The system may tell of it once: who asks again would hear that all is well."""
    refused = threading.Event()

    def refuse(_descriptor: int, start: int, _length: int) -> None:
        if start:
            refused.set()
            raise OSError(number, os.strerror(number))

    bringing(monkeypatch, refuse)
    with written(tmp_path / "a.wav") as file:
        assert refused.wait(10)
        with pytest.raises(OutputError, match=r"a\.wav: cannot be written: (Input/output error|the disk is full)"):
            file.seal()
    assert asked == []
    assert list(tmp_path.iterdir()) == []


def test_a_system_that_does_not_allow_it_refuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[int]
) -> None:
    tried: list[int] = []
    refused = threading.Event()

    def refuse(_descriptor: int, start: int, _length: int) -> None:
        tried.append(start)
        refused.set()
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    bringing(monkeypatch, refuse)
    with written(tmp_path / "a.wav") as file:
        assert refused.wait(10)
        file.finish()
    assert tried == [0]
    assert len(asked) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("lacking", ["the call", "a thread"])
def test_without_means_it_is_left_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[int], lacking: str
) -> None:
    if lacking == "the call":
        bringing(monkeypatch, None)
    else:
        write_out._begun.cache_clear()

        def refuse(_thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
    try:
        with written(tmp_path / "a.wav") as file:
            file.finish()
    finally:
        write_out._begun.cache_clear()
    assert len(asked) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("sealed", [False, True], ids=["given up", "sealed"])
def test_who_ends_it_waits_for_one_piece_and_no_more_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[int], sealed: bool
) -> None:
    starts: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow(descriptor: int, start: int, _length: int) -> None:
        starts.append(start)
        begun.set()
        assert go_on.wait(10)
        os.fstat(descriptor)  # it is open still

    bringing(monkeypatch, slow)
    file = written(tmp_path / "a.wav")
    assert begun.wait(10)
    threading.Timer(0.1, go_on.set).start()
    if sealed:
        file.seal()
    file.abort()
    assert go_on.is_set()
    assert starts == [0]
    assert len(asked) == int(sealed)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_given_up_before_its_turn_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread for all files: hundreds of parts on a slow disk are no hundreds of threads."""
    begun, go_on, last = threading.Event(), threading.Event(), threading.Event()
    asked: list[int] = []

    def slow(descriptor: int, _start: int, _length: int) -> None:
        asked.append(descriptor)
        begun.set()
        assert go_on.wait(10)
        if len(asked) > 1:
            last.set()

    bringing(monkeypatch, slow)
    monkeypatch.setattr(write_out, "_PIECE_BYTES", 1 << 20)
    with written(tmp_path / "a.wav"):
        assert begun.wait(10)
        threads = threading.active_count()
        with written(tmp_path / "b.wav"):
            pass
        with written(tmp_path / "c.wav") as third:
            go_on.set()
            assert last.wait(10)
            assert asked[1:] == [third._file.fileno()]
        assert threading.active_count() == threads


def test_of_a_file_that_is_only_read_all_is_brought_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[int] = []
    monkeypatch.setattr(write_out.os, "fsync", lambda _descriptor: starts.append(-1))
    (tmp_path / "a").write_bytes(bytes(2 * PIECE + 1))
    with (tmp_path / "a").open("rb") as file:
        bringing(monkeypatch, lambda _descriptor, start, _length: starts.append(start))
        assert write_out.brought_to_disk(file.fileno(), lambda: True)
        assert starts == [0, PIECE, 2 * PIECE]
        assert not write_out.brought_to_disk(file.fileno(), lambda: len(starts) < 4)
        assert starts[3:] == [0], "nobody wants the rest"
        starts.clear()
        bringing(monkeypatch, None)
        assert write_out.brought_to_disk(file.fileno(), lambda: True)
        assert starts == [-1]

        def refuse(_descriptor: int, _start: int, _length: int) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        bringing(monkeypatch, refuse)
        assert not write_out.brought_to_disk(file.fileno(), lambda: True)
