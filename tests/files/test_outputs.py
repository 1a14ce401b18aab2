"""`files.outputs`: the writer of every encoding, and mono files that appear together or not at all."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import soundfile

from stemmix.errors import OutputError
from stemmix.files.broadcast import BroadcastInfo, Track
from stemmix.files.encoded import EncodedWriter
from stemmix.files.outputs import MonoFiles, mono_paths, sound_writer
from stemmix.files.wave import read_wave_header
from stemmix.files.writer import SoundWriter, WaveWriter
from stemmix.model.encodings import CODINGS, Encoding
from stemmix.model.layouts import STEREO, SURROUND_5_1, SURROUND_7_1_4, Layout
from stemmix.model.receipt import Measured

INFO = BroadcastInfo(description="printmaster", time_reference=48_000, frame_rate=Fraction(25))
SAMPLES = np.random.default_rng(5).integers(-(2**22), 2**22, (5001, 6), dtype=np.int32)
LOUDNESS = Measured(
    integrated_lufs=-23.0,
    lra_lu=5.0,
    true_peak_dbtp=-3.0,
    momentary_max_lufs=-15.0,
    short_term_max_lufs=-18.0,
    sample_peak_dbfs=-3.1,
)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def six_of(path: Path, encoding: Encoding = "wav24") -> MonoFiles:
    return MonoFiles(path, encoding, 48_000, SURROUND_5_1, len(SAMPLES), INFO)


@pytest.mark.parametrize("encoding", get_args(Encoding))
def test_every_encoding_has_a_writer_and_reads_as_what_its_ending_says(tmp_path: Path, encoding: Encoding) -> None:
    coding = CODINGS[encoding]
    path = tmp_path / f"a{coding.extension}"
    samples = np.zeros((100, 2), np.float64 if coding.bits is None else np.int32)
    with sound_writer(path, encoding, 48_000, STEREO, 100, INFO) as writer:
        assert isinstance(writer, WaveWriter if coding.extension == ".wav" else EncodedWriter)
        writer.write(samples)
        assert writer.finish(LOUDNESS) == hashlib.sha256(path.read_bytes()).hexdigest()
    found = soundfile.info(path)
    assert (
        found.format in {".wav": ("WAV", "WAVEX"), ".flac": ("FLAC",), ".mp3": ("MP3",), ".ogg": ("OGG",)}[path.suffix]
    )
    if coding.bits is not None:
        assert found.subtype == f"PCM_{coding.bits}"
    assert found.frames == 100


@pytest.mark.parametrize("encoding", ["wav24", "flac24"])
def test_each_channel_stands_in_the_file_of_its_label(tmp_path: Path, encoding: Encoding) -> None:
    path = tmp_path / f"mix{CODINGS[encoding].extension}"
    with six_of(path, encoding) as files:
        for start in range(0, len(SAMPLES), 700):
            files.write(SAMPLES[start : start + 700])
        files.complete()
        assert names_in(tmp_path) == sorted(file.part.name for file in files.files)
        hashes = files.finish(LOUDNESS)
    written = mono_paths(path, SURROUND_5_1)
    assert [name.name.split(".")[1] for name in written] == list(SURROUND_5_1.labels)
    assert names_in(tmp_path) == sorted(name.name for name in written)
    assert hashes == tuple(hashlib.sha256(name.read_bytes()).hexdigest() for name in written)
    for number, name in enumerate(written):
        samples, _ = soundfile.read(name, always_2d=True)
        assert np.array_equal(samples, SAMPLES[:, number : number + 1] / 2.0**23)


def test_each_channel_says_what_it_is_of_the_whole(tmp_path: Path) -> None:
    with six_of(tmp_path / "mix.wav") as files:
        files.write(SAMPLES)
        files.finish()
    for label, name in zip(SURROUND_5_1.labels, mono_paths(tmp_path / "mix.wav", SURROUND_5_1), strict=True):
        header = read_wave_header(name)
        assert header is not None
        assert header.broadcast is not None
        assert header.broadcast.tracks == (Track(label, f"{label}-5.1"),)
        assert header.broadcast.time_reference == 48_000


def test_every_label_has_a_name_of_its_own() -> None:
    assert len({path.name.casefold() for path in mono_paths(Path("a.b.wav"), SURROUND_7_1_4)}) == 12
    assert mono_paths(Path("x/a.b.wav"), STEREO)[0] == Path("x/a.b.L.wav")


@pytest.mark.parametrize("taken", ["L", "LFE", "Rs"])
def test_where_one_cannot_be_begun_none_is(tmp_path: Path, taken: str) -> None:
    (tmp_path / f"mix.{taken}.wav").mkdir()
    with pytest.raises(OutputError, match="a folder has its name"):
        six_of(tmp_path / "mix.wav")
    assert names_in(tmp_path) == [f"mix.{taken}.wav"]


class PlannedFaultError(Exception):
    pass


@pytest.mark.parametrize("count", [0, 3, 5])
@pytest.mark.parametrize("step", ["write", "complete", "seal", "publish"])
def test_where_one_fails_none_stands_under_its_name(
    tmp_path: Path, step: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = getattr(SoundWriter, step), count

    def failing(*arguments: object) -> object:
        nonlocal left
        left -= 1
        if left < 0:
            raise PlannedFaultError
        return real(*arguments)

    def written() -> None:
        with six_of(tmp_path / "mix.wav") as files:
            files.write(SAMPLES)
            files.complete()
            files.finish()

    monkeypatch.setattr(SoundWriter, step, failing)
    with pytest.raises(PlannedFaultError):
        written()
    assert names_in(tmp_path) == []


def test_leaving_without_finishing_leaves_nothing(tmp_path: Path) -> None:
    with six_of(tmp_path / "mix.wav") as files:
        files.write(SAMPLES)
        files.seal()
        assert len(names_in(tmp_path)) == 6
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("layout", [STEREO, SURROUND_7_1_4], ids=lambda layout: layout.name)
def test_another_number_of_channels_is_a_fault_of_the_caller(tmp_path: Path, layout: Layout) -> None:
    with six_of(tmp_path / "mix.wav") as files, pytest.raises(ValueError, match=r"expected \(n, 6\)"):
        files.write(np.zeros((5, layout.channels), np.int32))
