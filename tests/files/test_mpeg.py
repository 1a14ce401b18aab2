"""`files.mpeg`: an MP3 of which something is missing is refused, whoever wrote it; one that is whole never is."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemmix.errors import StemError
from stemmix.files.audio import AudioReader, inspect
from stemmix.files.mpeg import walk

ID3_V2 = b"ID3\x04\x00\x00" + bytes((0, 0, 2, 1)) + bytes(257)
ID3_V1 = b"TAG" + bytes(125)
ENCODER_DELAY, DECODER_DELAY = 576, 529
"""Samples: LAME's, and what any decoder of layer III is late by."""
MODES = ("CONSTANT", "VARIABLE")


def an_mp3(path: Path, rate_hz: int = 48_000, channels: int = 2, mode: str = "VARIABLE", *, xing: bool = True) -> bytes:
    """Half a second and more, with or without the frame that says how long it is."""
    samples = 0.1 * np.random.default_rng(4).standard_normal((30_011, channels))
    soundfile.write(path, samples, rate_hz, format="MP3", bitrate_mode=mode, compression_level=0.5)
    whole = path.read_bytes()
    return whole if xing else whole[whole.index(whole[:2], 4) :]


def a_quietening_mp3(path: Path, rate_hz: int = 44_100, channels: int = 2) -> bytes:
    """Noise, then silence, at a variable rate: what is guessed from the first frames is too short."""
    samples = np.zeros((12 * rate_hz, channels))
    samples[: 3 * rate_hz] = 0.3 * np.random.default_rng(5).standard_normal((3 * rate_hz, channels))
    soundfile.write(path, samples, rate_hz, format="MP3", bitrate_mode="VARIABLE", compression_level=0.4)
    return path.read_bytes()


def unfilled(whole: bytes) -> bytes:
    place = whole.index(b"Xing") + 8
    return whole[:place] + bytes(4) + whole[place + 4 :]


def found(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    return walk(path).warnings


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("xing", [True, False])
def test_whatever_is_cut_off_is_refused_and_the_whole_is_not(
    tmp_path: Path, rate_hz: int, channels: int, mode: str, xing: bool
) -> None:
    path = tmp_path / "a.mp3"
    whole = an_mp3(path, rate_hz, channels, mode, xing=xing)
    assert found(path, whole) == []
    for bytes_left in (len(whole) // 3 + 7, len(whole) * 3 // 4 + 7, len(whole) - 5):  # never between two frames
        with pytest.raises(StemError, match="ends early"):
            found(path, whole[:bytes_left])


def test_it_is_said_how_much_was_promised_and_how_much_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    whole = an_mp3(path)
    frames = [place for place in range(len(whole)) if whole.startswith(whole[:2], place)]
    with pytest.raises(StemError, match=r"its header promises 32256 frames, 11520 are there$"):
        found(path, whole[: frames[11]])


@pytest.mark.parametrize("xing", [True, False])
def test_a_gap_is_told_by_where_it_is(tmp_path: Path, xing: bool) -> None:
    path = tmp_path / "a.mp3"
    whole = an_mp3(path, xing=xing)
    third = len(whole) // 3
    for damaged in (whole[:third] + whole[2 * third :], whole[:third] + bytes(3000) + whole[third + 3000 :]):
        with pytest.raises(StemError, match=r"is damaged after frame \d+: bytes \d+ to \d+ are not MPEG audio"):
            found(path, damaged)


@pytest.mark.parametrize("xing", [True, False])
def test_tags_and_what_stands_behind_the_last_frame_are_let_pass(tmp_path: Path, xing: bool) -> None:
    path = tmp_path / "a.mp3"
    whole = an_mp3(path, xing=xing)
    for before, after in itertools.product((b"", ID3_V2, ID3_V2 * 2), (b"", ID3_V1, bytes(5000), b"\xff" * 3000)):
        assert found(path, before + whole + after) == []


@pytest.mark.parametrize("xing", [True, False])
def test_a_tag_that_is_cut_off_takes_nothing_from_the_sound(tmp_path: Path, xing: bool) -> None:
    path = tmp_path / "a.mp3"
    whole = an_mp3(path, xing=xing)
    for tag in (ID3_V1[:60], ID3_V2[:100], ID3_V1 + ID3_V2[:100]):
        assert found(path, whole + tag) == []
        with pytest.raises(StemError, match="ends early"):
            found(path, whole[:-5] + tag[:3])


def test_what_no_decoder_comes_to_is_said(tmp_path: Path) -> None:
    """Two files put behind one another: the header of the first tells its own length only."""
    path = tmp_path / "a.mp3"
    whole = an_mp3(path)
    (warning,) = found(path, whole + ID3_V1 + ID3_V2 + whole)
    assert "goes on past its end: its header promises 32256 frames, 65664 are there" in warning


def test_a_header_that_was_never_filled_in_promises_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    whole = an_mp3(path)
    assert found(path, unfilled(whole)) == []
    with pytest.raises(StemError, match="ends early, inside a frame"):
        found(path, unfilled(whole)[:-5])


@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 2), (48_000, 1), (22_050, 2), (8_000, 1)])
def test_what_no_header_counts_is_read_to_its_last_frame(tmp_path: Path, rate_hz: int, channels: int) -> None:
    """To the sample where its own header had it, with the encoder's delay before it and its padding behind it."""
    path = tmp_path / "a.mp3"
    whole = a_quietening_mp3(path, rate_hz, channels)
    expected, _ = soundfile.read(path, always_2d=True)
    bare = whole[whole.index(whole[:2], 4) :]
    for content in (bare, ID3_V2 + bare + ID3_V1, unfilled(whole), unfilled(whole) + bytes(5000)):
        path.write_bytes(content)
        audio = inspect(path)
        with AudioReader(audio) as reader:
            got = reader.read(len(expected) * 2)
        assert len(got) == audio.frames
        assert np.max(np.abs(got[ENCODER_DELAY:][: len(expected)] - expected)) < 1e-6


@pytest.mark.parametrize("channels", [1, 2])
def test_what_no_header_counts_is_what_ffmpeg_decodes(tmp_path: Path, channels: int) -> None:
    """Its first samples apart: what the decoder itself is late by, ffmpeg leaves in."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    path = tmp_path / "a.mp3"
    whole = a_quietening_mp3(path, channels=channels)
    path.write_bytes(whole[whole.index(whole[:2], 4) :])
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "f32le", "-"]
    decoded = subprocess.run(command, capture_output=True, check=True).stdout
    expected = np.frombuffer(decoded, np.float32).reshape(-1, channels)[DECODER_DELAY:]
    with AudioReader(path) as reader:
        got = reader.read(len(expected) * 2)
    assert got.shape == expected.shape
    assert np.max(np.abs(got - expected)) < 2e-5


def test_of_what_stands_behind_the_last_frame_the_decoder_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mp3"
    whole = an_mp3(path)
    expected, _ = soundfile.read(path, always_2d=True)
    for before, after in itertools.product((b"", ID3_V2), (ID3_V1, ID3_V2 * 9, bytes(5000), ID3_V1 + whole)):
        path.write_bytes(before + whole + after)
        with AudioReader(path) as reader:
            assert np.array_equal(reader.read(len(expected) * 2), expected)
    assert capfd.readouterr() == ("", "")


def test_what_changes_its_channels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    stereo = an_mp3(path, mode="CONSTANT", xing=False)
    path.write_bytes(stereo + an_mp3(path, channels=1, mode="CONSTANT", xing=False))
    with pytest.raises(StemError, match=r"cannot be decoded to its end: it holds \d+ frames, of which \d+ can be read"):
        inspect(path)


@pytest.mark.parametrize("content", [b"", b"\xff", b"ID3", b"RIFF", ID3_V2, b"\xff\xf1" + bytes(100), b"fLaC"])
def test_of_what_is_no_mp3_nothing_is_said(tmp_path: Path, content: bytes) -> None:
    assert found(tmp_path / "a", content) == []
