"""`files.writer`: a file stands under its name whole or not at all, and is the same for every blocking."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemmix.errors import OutputError
from stemmix.files import writer
from stemmix.files.audio import AudioReader, inspect
from stemmix.files.parts import remove_strays
from stemmix.files.writer import WaveWriter
from stemmix.model.layouts import MONO, STEREO, SURROUND_5_1, Layout

INTEGERS = np.random.default_rng(3).integers(-(2**15), 2**15, (5001, 2), dtype=np.int32)
SUBTYPES = {"wav16": "PCM_16", "wav24": "PCM_24", "wavfloat": "FLOAT"}
FLOATS = np.random.default_rng(3).uniform(-2, 2, (5001, 2))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, encoding, samples: np.ndarray, layout: Layout = STEREO, *, block: int = 4096, **options) -> str:
    with WaveWriter(path, encoding, 48_000, layout, len(samples), **options) as file:
        for start in range(0, len(samples), block):
            file.write(samples[start : start + block])
        return file.finish()


@pytest.mark.parametrize(
    ("encoding", "samples", "read_as"),
    [
        ("wav16", INTEGERS, INTEGERS / 2**15),
        ("wav24", INTEGERS * 256 + 77, (INTEGERS * 256 + 77) / 2**23),
        ("wavfloat", FLOATS, FLOATS.astype(np.float32)),
    ],
    ids=["wav16", "wav24", "wavfloat"],
)
@pytest.mark.parametrize("rf64_from_bytes", [0, 2**32])
def test_what_is_written_reads_back_here_and_in_libsndfile_for_every_blocking(
    tmp_path: Path, encoding, samples: np.ndarray, read_as: np.ndarray, rf64_from_bytes: int
) -> None:
    path = tmp_path / "a.wav"
    hashes = {
        write(path, encoding, samples, block=n, rf64_from_bytes=rf64_from_bytes) for n in (1, 7, 512, 4096, 48_000)
    }
    assert hashes == {hashlib.sha256(path.read_bytes()).hexdigest()}
    assert names_in(tmp_path) == ["a.wav"]
    with AudioReader(path) as reader:
        assert reader.audio.container == ("RIFF" if rf64_from_bytes else "RF64")
        assert np.array_equal(reader.read(10_000), read_as)
    theirs, rate = soundfile.read(path, dtype="float64")
    assert (rate, soundfile.info(path).subtype) == (48_000, SUBTYPES[encoding])
    assert np.array_equal(theirs, read_as)


def test_the_same_samples_give_the_same_bytes_at_another_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = write(tmp_path / "a.wav", "wavfloat", FLOATS)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert write(tmp_path / "b.wav", "wavfloat", FLOATS) == now


def test_data_of_odd_length_are_padded_and_surround_carries_its_mask(tmp_path: Path) -> None:
    write(tmp_path / "odd.wav", "wav24", INTEGERS[:3, :1], MONO)
    assert (tmp_path / "odd.wav").stat().st_size == 44 + 9 + 1
    assert inspect(tmp_path / "odd.wav").warnings == ()
    write(tmp_path / "5.1.wav", "wav24", np.tile(INTEGERS, 3), SURROUND_5_1)
    assert (inspect(tmp_path / "5.1.wav").layout, inspect(tmp_path / "5.1.wav").warnings) == (SURROUND_5_1, ())


def test_until_it_is_finished_what_stood_there_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"the old one")
    with WaveWriter(path, "wav24", 48_000, STEREO, 5001) as file:
        file.write(INTEGERS)
        assert path.read_bytes() == b"the old one"
        assert len(names_in(tmp_path)) == 2
        file.finish()
        assert inspect(path).frames == 5001
    assert names_in(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("reason", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_nothing(tmp_path: Path, reason: type[BaseException]) -> None:
    def broken_off() -> None:
        with WaveWriter(tmp_path / "a.wav", "wav24", 48_000, STEREO, 5001) as file:
            file.write(INTEGERS[:1000])
            raise reason

    with pytest.raises(reason):
        broken_off()
    assert names_in(tmp_path) == []


def test_leaving_without_finishing_leaves_nothing(tmp_path: Path) -> None:
    with WaveWriter(tmp_path / "a.wav", "wav24", 48_000, STEREO, 5001) as file:
        file.write(INTEGERS)
    assert names_in(tmp_path) == []


def test_another_number_of_frames_or_channels_than_announced_is_a_fault_of_the_caller(tmp_path: Path) -> None:
    with WaveWriter(tmp_path / "a.wav", "wav24", 48_000, STEREO, 5000) as file:
        with pytest.raises(ValueError, match="more frames"):
            file.write(INTEGERS)
        with pytest.raises(ValueError, match="samples, got"):
            file.write(INTEGERS[:, :1])
        file.write(INTEGERS[:4999])
        with pytest.raises(ValueError, match="4999 frames written of 5000"):
            file.finish()
    assert names_in(tmp_path) == []


def test_a_file_that_does_not_read_back_whole_is_not_brought_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_the_end(descriptor: int) -> None:
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - 1)

    monkeypatch.setattr(writer.os, "fsync", lose_the_end)
    with pytest.raises(OutputError, match="reached the disk"):
        write(tmp_path / "a.wav", "wav24", INTEGERS)
    assert names_in(tmp_path) == []


# ---- why it cannot be written ----------------------------------------------------------------------------------------


def test_a_place_that_takes_no_file_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder.wav").mkdir()
    for path, reason in (
        (tmp_path / "absent" / "a.wav", "its folder does not exist"),
        (tmp_path / "file" / "a.wav", "its folder is a file"),
        (tmp_path / "folder.wav", "a folder has its name"),
    ):
        with pytest.raises(OutputError, match=reason) as refused:
            write(path, "wav24", INTEGERS)
        assert str(refused.value).startswith(f"{path}: cannot be written: ")
        assert refused.value.exit_code == 6


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EROFS, "read-only"), (errno.EACCES, "permission denied"), (errno.EIO, "Input/output error")],
)
def test_what_the_system_says_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    def refuse(part: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(writer, "open_part", refuse)
    with pytest.raises(OutputError, match=reason):
        write(tmp_path / "a.wav", "wav24", INTEGERS)


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(writer.shutil, "disk_usage", lambda folder: usage(free=44 + 6 * 5001 - 1))
    with pytest.raises(OutputError, match=r"disk is full: it needs 0\.0 MB, 0\.0 MB are free"):
        WaveWriter(tmp_path / "a.wav", "wav24", 48_000, STEREO, 5001)
    assert names_in(tmp_path) == []
    monkeypatch.setattr(writer.shutil, "disk_usage", lambda folder: usage(free=44 + 6 * 5001))
    write(tmp_path / "a.wav", "wav24", INTEGERS)


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with WaveWriter(path, "wav24", 48_000, STEREO, 5001) as first:
        with pytest.raises(OutputError, match="already being written"):
            WaveWriter(path, "wav24", 48_000, STEREO, 5001)
        first.write(INTEGERS)
        first.finish()
    assert inspect(path).frames == 5001


# ---- strays ----------------------------------------------------------------------------------------------------------


def test_only_part_files_that_nobody_holds_are_strays(tmp_path: Path) -> None:
    strays = [tmp_path / f".a.wav.{process}.part" for process in (999_999_999, os.getppid())]
    held = tmp_path / ".a.wav.999999998.part"  # of another machine, where this process lives
    kept = [
        held,
        tmp_path / "a.wav.999999999.part",
        tmp_path / ".a.wav.999999999.part.wav",
        tmp_path / ".a.wav.part",
    ]
    for path in [*strays, *kept]:
        path.write_bytes(b"half")
    with (
        held.open("rb") as elsewhere,
        WaveWriter(tmp_path / "b.wav", "wav24", 48_000, STEREO, 5001) as file,
    ):
        fcntl.flock(elsewhere, fcntl.LOCK_EX)
        file.write(INTEGERS)
        assert remove_strays(tmp_path) == tuple(sorted(strays))
        file.finish()
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "b.wav", *kept])


def test_a_part_file_of_a_dead_process_of_our_own_number_is_a_stray_and_is_taken_over(tmp_path: Path) -> None:
    part = tmp_path / f".a.wav.{os.getpid()}.part"
    part.write_bytes(b"half")
    assert remove_strays(tmp_path) == (part,)
    part.write_bytes(bytes(100_000))
    write(tmp_path / "a.wav", "wav24", INTEGERS)
    assert inspect(tmp_path / "a.wav").frames == 5001
    assert names_in(tmp_path) == ["a.wav"]
