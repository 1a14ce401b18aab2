"""`files.encoded`: FLAC gives back what was written, MP3 and Ogg lie on it to the sample, all repeat bit for bit."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stemmix.errors import OutputError
from stemmix.files import encoded
from stemmix.files.audio import AudioReader, inspect
from stemmix.files.encoded import EncodedWriter, to_listen
from stemmix.files.parts import remove_strays
from stemmix.model.encodings import CODINGS, Encoding
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, SURROUND_5_1, Layout
from tests.reference import ogg_pages

RATE_HZ = 48_000
LOSSLESS: tuple[Encoding, ...] = ("flac16", "flac24")
LOSSY: tuple[Encoding, ...] = ("mp3", "ogg")


def material(encoding: Encoding, frames: int = RATE_HZ + 137, channels: int = 2) -> np.ndarray:
    """Noise of falling spectrum in bursts: something to align by that no encoder leaves out."""
    rng = np.random.default_rng(11)
    steps = rng.normal(0.0, 1.0, (frames, channels))
    smooth = sum(np.roll(steps, shift, axis=0) for shift in range(8)) / 40.0
    smooth *= 0.2 + (np.sin(np.arange(frames) / 3000.0) > 0)[:, None]
    bits = CODINGS[encoding].bits
    if bits is None:
        return smooth
    return np.clip(np.rint(smooth * 2 ** (bits - 1)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(np.int32)


def write(path: Path, encoding: Encoding, samples: np.ndarray, *, block: int = 4096, **options: Any) -> str:
    layout = options.pop("layout", MONO if samples.shape[1] == 1 else STEREO)
    with EncodedWriter(path, encoding, options.pop("rate", RATE_HZ), layout, len(samples)) as file:
        for start in range(0, len(samples), block):
            file.write(samples[start : start + block])
        return file.finish()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def by_ffmpeg(path: Path, channels: int) -> np.ndarray:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    done = subprocess.run(["ffmpeg", "-v", "warning", "-i", path, "-f", "f32le", "-"], capture_output=True, check=True)
    assert done.stderr == b"", "it complains of pages whose checksum is wrong"
    return np.frombuffer(done.stdout, np.float32).reshape(-1, channels)


def lag(written: np.ndarray, decoded: np.ndarray) -> int:
    """Samples by which what is decoded comes late."""
    size = 2 * max(len(written), len(decoded))
    spectra = (np.fft.rfft(signal[:, 0], size) for signal in (written, decoded))
    one, other = spectra
    return int((np.argmax(np.fft.irfft(other * np.conj(one), size)) + size // 2) % size - size // 2)


# ---- what comes back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", LOSSLESS)
@pytest.mark.parametrize("name", CODINGS["flac24"].layouts or ())
def test_flac_gives_back_every_sample_in_every_layout_it_has(tmp_path: Path, encoding: Encoding, name: str) -> None:
    layout, bits = LAYOUTS[name], CODINGS[encoding].bits
    assert bits is not None
    samples = material(encoding, 10_001, layout.channels)
    samples[:2] = [[2 ** (bits - 1) - 1], [-(2 ** (bits - 1))]]
    path = tmp_path / "a.flac"
    write(path, encoding, samples, layout=layout)
    theirs, _ = soundfile.read(path, dtype="float64", always_2d=True)
    assert np.array_equal(theirs, samples / 2.0 ** (bits - 1))
    assert soundfile.info(path).subtype == f"PCM_{bits}"
    assert np.array_equal(by_ffmpeg(path, layout.channels), (samples / 2.0 ** (bits - 1)).astype(np.float32))
    said = ["ffprobe", "-v", "error", "-show_entries", "stream=channel_layout", "-of", "csv=p=0", path]
    speakers = subprocess.run(said, capture_output=True, text=True, check=True).stdout.strip()
    assert speakers.removesuffix("(side)") == {"1.0": "mono", "2.0": "stereo"}.get(name, name)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("encoding", LOSSY)
def test_what_is_lossy_has_the_same_length_and_lies_on_the_original_to_the_sample(
    tmp_path: Path, encoding: Encoding, rate: int, channels: int
) -> None:
    samples = material(encoding, channels=channels)
    path = tmp_path / f"a.{encoding}"
    write(path, encoding, samples, rate=rate)
    for decoded in (soundfile.read(path, always_2d=True)[0], by_ffmpeg(path, channels)):
        assert len(decoded) == len(samples)
        assert lag(samples, decoded) == 0
        error = decoded - samples
        assert 10 * np.log10(np.mean(samples**2) / np.mean(error**2)) > 12.0
    with AudioReader(path) as reader:
        assert reader.audio.frames == len(samples)
        assert len(reader.read(10 * rate)) == len(samples)


@pytest.mark.parametrize("frames", [1, 100, 4095, 4097])
@pytest.mark.parametrize("encoding", [*LOSSLESS, *LOSSY])
def test_the_shortest_files_have_their_length_too(tmp_path: Path, encoding: Encoding, frames: int) -> None:
    path = tmp_path / "a"
    write(path, encoding, material(encoding, frames))
    assert len(soundfile.read(path)[0]) == frames


def test_an_mp3_is_of_the_highest_rate_and_constant(tmp_path: Path) -> None:
    write(tmp_path / "a.mp3", "mp3", material("mp3", 10 * RATE_HZ))
    assert (tmp_path / "a.mp3").stat().st_size == pytest.approx(10 * 320_000 / 8, rel=0.01)


def test_what_is_louder_than_full_scale_is_encoded_not_clipped(tmp_path: Path) -> None:
    loud = 3.0 * np.sin(np.arange(RATE_HZ) * 0.05)[:, None]
    for encoding in LOSSY:
        write(tmp_path / encoding, encoding, loud)
        with AudioReader(tmp_path / encoding) as reader:
            assert np.abs(reader.read(RATE_HZ)).max() == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000])
def test_what_is_to_be_listened_to_lies_on_the_original_to_the_sample(rate: int, channels: int) -> None:
    samples = material("mp3", 3 * rate + 11, channels)
    content = to_listen(samples, rate)
    assert to_listen(samples, rate) == content, "the same bytes for the same samples"
    assert soundfile.info(io.BytesIO(content)).format == "MP3"
    decoded, decoded_hz = soundfile.read(io.BytesIO(content), always_2d=True)
    assert (decoded.shape, decoded_hz) == (samples.shape, rate)
    assert lag(samples, decoded) == 0
    assert np.mean(decoded**2) == pytest.approx(np.mean(samples**2), rel=0.02)


def test_other_decoders_find_what_is_to_be_listened_to_at_the_same_samples(tmp_path: Path) -> None:
    """As those of browsers: by the encoder's tag, which tells its delay."""
    samples = material("mp3")
    (tmp_path / "a.mp3").write_bytes(to_listen(samples, RATE_HZ))
    decoded = by_ffmpeg(tmp_path / "a.mp3", 2)
    assert decoded.shape == samples.shape
    assert decoded == pytest.approx(soundfile.read(tmp_path / "a.mp3")[0], abs=1e-5)


def test_what_is_to_be_listened_to_takes_about_100_kilobits_a_second() -> None:
    example = Path(__file__).resolve().parents[2] / "projects" / "film_reel3" / "mx.flac"
    samples, rate = soundfile.read(example, start=20 * RATE_HZ, frames=8 * RATE_HZ)
    assert 84_000 < 8 * len(to_listen(samples, rate)) / 8.0 < 112_000


def test_a_rate_that_mp3_has_not_is_not_listened_to() -> None:
    with pytest.raises(ValueError, match="not 96000 Hz"):
        to_listen(material("mp3"), 96_000)


# ---- the same bytes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", [*LOSSLESS, *LOSSY])
def test_the_same_samples_give_the_same_bytes_at_another_time_and_in_every_blocking(
    tmp_path: Path, encoding: Encoding
) -> None:
    samples = material(encoding)
    path = tmp_path / "a"
    hashes = {write(path, encoding, samples, block=block) for block in (499, 4096, 10**6)}
    assert hashes == {hashlib.sha256(path.read_bytes()).hexdigest()}
    assert names_in(tmp_path) == ["a"]


def test_long_blocks_do_not_overflow_the_stack_of_vorbis(tmp_path: Path) -> None:
    write(tmp_path / "a.ogg", "ogg", np.zeros((3_000_000, 2)), block=3_000_000)
    assert soundfile.info(tmp_path / "a.ogg").frames == 3_000_000


def test_pages_of_an_ogg_have_one_serial_and_checksums_as_their_twin_counts_them(tmp_path: Path) -> None:
    write(tmp_path / "a.ogg", "ogg", material("ogg"))
    pages = ogg_pages.pages((tmp_path / "a.ogg").read_bytes())
    assert len(pages) > 3
    assert {ogg_pages.serial_of(page) for page in pages} == {0x73746D78}
    assert all(ogg_pages.checksum_is_right(page) for page in pages)
    assert not ogg_pages.checksum_is_right(pages[1][:-1] + b"?")


# ---- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "rate", "layout", "said"),
    [
        ("mp3", 96_000, STEREO, "MP3 has sample rates of 32000, 44100 and 48000 Hz, not 96000 Hz"),
        ("mp3", 48_000, SURROUND_5_1, "MP3 is written in the layouts 1.0, 2.0, not in 5.1"),
        ("ogg", 384_000, STEREO, "Ogg Vorbis has sample rates up to 192000 Hz, not 384000 Hz"),
        ("ogg", 48_000, SURROUND_5_1, "not in 5.1"),
        ("flac24", 700_000, STEREO, "up to 655350 Hz"),
        ("flac24", 48_000, LAYOUTS["7.1.4"], "not in 7.1.4"),
    ],
)
def test_what_a_format_has_not_is_refused_before_a_file_is_begun(
    tmp_path: Path, encoding: Encoding, rate: int, layout: Layout, said: str
) -> None:
    with pytest.raises(OutputError, match=said) as refused:
        EncodedWriter(tmp_path / "a", encoding, rate, layout, 10)
    assert str(refused.value).startswith(f"{tmp_path / 'a'}: cannot be written: ")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("encoding", [*LOSSLESS, *LOSSY])
def test_every_rate_that_a_format_is_said_to_have_it_has(tmp_path: Path, encoding: Encoding) -> None:
    coding = CODINGS[encoding]
    for rate in coding.rates_hz or (8_000, 44_100, 96_000, coding.highest_rate_hz):
        write(tmp_path / "a", encoding, material(encoding, 5000), rate=rate)
        assert (soundfile.info(tmp_path / "a").samplerate, soundfile.info(tmp_path / "a").frames) == (rate, 5000)


@pytest.mark.parametrize(
    ("encoding", "samples"),
    [
        ("flac24", np.full((1, 2), 2**23, np.int32)),
        ("flac16", np.full((1, 2), -(2**15) - 1, np.int32)),
        ("flac24", np.zeros((1, 2))),
        ("mp3", np.full((1, 2), np.nan)),
        ("ogg", np.full((1, 2), 1e4)),
        ("ogg", np.zeros((1, 2), np.int32)),
    ],
)
def test_samples_that_the_encoding_cannot_hold_are_never_wrapped_or_clipped(
    tmp_path: Path, encoding: Encoding, samples: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=encoding):
        write(tmp_path / "a", encoding, samples)
    assert names_in(tmp_path) == []


# ---- whole or not at all ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", [*LOSSLESS, *LOSSY])
def test_until_it_is_finished_what_stood_there_stands_there(tmp_path: Path, encoding: Encoding) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"the old one")
    samples = material(encoding)
    with EncodedWriter(path, encoding, RATE_HZ, STEREO, len(samples)) as file:
        file.write(samples)
        assert remove_strays(tmp_path) == ()
        file.complete()
        assert path.read_bytes() == b"the old one"
        assert inspect(file.part).frames == len(samples), "what is complete can be measured"
        file.seal()
        assert path.read_bytes() == b"the old one"
        file.publish()
    assert inspect(path).frames == len(samples)
    assert names_in(tmp_path) == ["a"]


@pytest.mark.parametrize("encoding", [*LOSSLESS, *LOSSY])
def test_an_exception_and_leaving_unfinished_leave_nothing(tmp_path: Path, encoding: Encoding) -> None:
    samples = material(encoding)

    def broken_off() -> None:
        with EncodedWriter(tmp_path / "a", encoding, RATE_HZ, STEREO, len(samples)) as file:
            file.write(samples[:20_000])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    with EncodedWriter(tmp_path / "a", encoding, RATE_HZ, STEREO, len(samples)) as file:
        file.write(samples)
        file.seal()
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("encoding", [*LOSSLESS, *LOSSY])
def test_missing_and_superfluous_frames_are_a_fault_of_the_caller(tmp_path: Path, encoding: Encoding) -> None:
    samples = material(encoding)
    with EncodedWriter(tmp_path / "a", encoding, RATE_HZ, STEREO, len(samples) - 1) as file:
        with pytest.raises(ValueError, match="more frames"):
            file.write(samples)
        file.write(samples[:9000])
        with pytest.raises(ValueError, match="9000 frames written of"):
            file.complete()
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("encoding", [*LOSSLESS, *LOSSY])
def test_a_file_that_does_not_read_back_whole_is_not_brought_under_its_name(
    tmp_path: Path, encoding: Encoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_the_end(descriptor: int) -> None:
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - 1)

    monkeypatch.setattr("stemmix.files.writer.os.fsync", lose_the_end)
    with pytest.raises(OutputError, match="reached the disk"):
        write(tmp_path / "a", encoding, material(encoding))
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("encoding", [*LOSSLESS, *LOSSY])
def test_what_the_disk_says_is_told_though_libsndfile_swallows_it(
    tmp_path: Path, encoding: Encoding, number: int, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first write of all, one of the first, and one in the midst."""
    real, left = encoded._Sink.write, after

    def failing(sink: Any, content: bytes) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            sink.fault = OSError(number, os.strerror(number))
            return 0
        return real(sink, content)

    monkeypatch.setattr(encoded._Sink, "write", failing)
    said = "the disk is full: [0-9.]+ MB are free" if number == errno.ENOSPC else "Input/output error"
    with pytest.raises(OutputError, match=said):
        write(tmp_path / "a", encoding, material(encoding))
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("encoding", [*LOSSLESS, *LOSSY])
def test_a_place_that_takes_no_file_is_named_with_the_reason(
    tmp_path: Path, encoding: Encoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    for path, reason in (
        (tmp_path / "absent" / "a", "its folder does not exist"),
        (tmp_path / "folder", "a folder has its name"),
    ):
        with pytest.raises(OutputError, match=reason):
            write(path, encoding, material(encoding))

    def refuse(part: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("stemmix.files.writer.open_part", refuse)
    with pytest.raises(OutputError, match="the file system is read-only"):
        write(tmp_path / "a", encoding, material(encoding))
    assert names_in(tmp_path) == ["folder"]
