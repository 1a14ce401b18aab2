"""`files.audio`: what is wrong with a file is said by name, and the samples are the same however they are asked for."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import signal
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix import stopping
from stemmix.errors import StemError
from stemmix.files.audio import AudioReader, inspect, sha256_of
from stemmix.files.wave import WaveSamples
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, SURROUND_5_1, LayoutName
from stemmix.stopping import StoppedError
from tests.material import all_of, read_into, taken_by_turns
from tests.reference.ogg_pages import crc, pages
from tests.reference.wave_bytes import chunk, fmt, riff

BLOCKS = (1, 7, 512, 4096, 48_000)


def noise(frames: int, channels: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels))


def samples_of(path: Path, block: int = 48_000) -> np.ndarray:
    with AudioReader(path) as reader:
        return all_of(reader, block)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# ---- what is refused -------------------------------------------------------------------------------------------------

AUDIO = chunk(b"data", bytes(600))
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "text": (b"Dear diary, " * 50, "not audio"),
    "cut off in the form": (b"RIFF\x00\x00", "cut off"),
    "cut off in fmt": (riff(fmt(), AUDIO)[:30], "cut off"),
    "cut off in a chunk before the data": (riff(fmt(), chunk(b"LIST", bytes(50), claimed=99)), "cut off"),
    "no fmt": (riff(AUDIO), "no fmt chunk"),
    "no data": (riff(fmt()), "no data chunk"),
    "short fmt": (riff(chunk(b"fmt ", bytes(14)), AUDIO), "fmt chunk has 14 bytes"),
    "data of size 0": (riff(fmt(), chunk(b"data", b"")), "holds no audio"),
    "data of size 0 with audio behind": (riff(fmt(), chunk(b"data", b"") + bytes(600)), "600 bytes follow"),
    "less than one frame": (riff(fmt(2), chunk(b"data", bytes(5))), "holds no audio"),
    "nothing where the data begin": (riff(fmt(), chunk(b"data", b"", claimed=600)), "holds no audio"),
    "no channels": (riff(fmt(0), AUDIO), "0 channels"),
    "no rate": (riff(fmt(rate=0), AUDIO), "0 Hz"),
    "absurd rate": (riff(fmt(rate=2**31), AUDIO), "2147483648 Hz"),
    "header against itself": (riff(fmt(bits=24, width=2), AUDIO), "contradicts itself"),
    "unknown codec": (riff(fmt(tag=0x1234), AUDIO), "cannot be decoded"),
    "four channels without a mask": (riff(fmt(4), AUDIO), "has 4 channels; no layout known here"),
    "four channels of mask 0": (riff(fmt(4, mask=0), AUDIO), "has 4 channels; no layout known here"),
    "65535 channels": (riff(fmt(65_535, bits=8), AUDIO), "."),
    "two channels that are the surrounds": (riff(fmt(2, mask=0x600), AUDIO), "speaker mask 0x600"),
}


@pytest.mark.parametrize(("content", "fault"), REFUSED.values(), ids=REFUSED.keys())
def test_an_unsound_file_is_refused_in_one_sentence_that_names_file_and_fault(
    tmp_path: Path, content: bytes, fault: str
) -> None:
    path = written(tmp_path / "dx.wav", content)
    with pytest.raises(StemError, match=fault) as refused:
        inspect(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 4


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StemError, match="does not exist"):
        inspect(tmp_path / "absent.wav")
    with pytest.raises(StemError, match="is a folder"):
        inspect(tmp_path)
    with pytest.raises(StemError, match="not a regular file"):
        inspect(Path("/dev/null"))
    with pytest.raises(StemError, match="cannot be read"):
        inspect(tmp_path / "nul\0.wav")


# ---- what is accepted and said ---------------------------------------------------------------------------------------


def test_a_sound_file_is_described_without_a_warning(tmp_path: Path) -> None:
    audio = inspect(written(tmp_path / "mx.wav", riff(fmt(2), chunk(b"data", bytes(600)))))
    assert (audio.sample_rate, audio.layout, audio.frames) == (48_000, STEREO, 100)
    assert (audio.container, audio.codec, audio.warnings) == ("RIFF", "PCM_24", ())


WARNED: dict[str, tuple[bytes, int, str]] = {
    "a broken last frame": (riff(fmt(2), chunk(b"data", bytes(602))), 100, "2 bytes after its last whole frame"),
    "5.1 of mask 0": (riff(fmt(6, mask=0), chunk(b"data", bytes(1800))), 100, "L R C LFE Ls Rs is assumed"),
    "5.1 without a mask": (riff(fmt(6), chunk(b"data", bytes(1800))), 100, "L R C LFE Ls Rs is assumed"),
    "a lone left channel": (riff(fmt(1, mask=1), chunk(b"data", bytes(300))), 100, "taken as mono"),
    "low rate": (riff(fmt(rate=22_050), chunk(b"data", bytes(300))), 100, "nothing above 11.025 kHz"),
}


@pytest.mark.parametrize(("content", "frames", "warning"), WARNED.values(), ids=WARNED.keys())
def test_what_is_doubtful_is_used_and_said(tmp_path: Path, content: bytes, frames: int, warning: str) -> None:
    path = written(tmp_path / "dx.wav", content)
    audio = inspect(path)
    assert len(audio.warnings) == 1
    assert audio.warnings[0].startswith(f"{path}: ")
    assert warning in audio.warnings[0]
    assert audio.frames == len(samples_of(path)) == frames


@pytest.mark.parametrize(
    ("behind", "is_said"),
    [
        (b"", False),
        (b"\x07" * 6, False),  # of a frame
        (bytes(5000), False),
        (chunk(b"LIST", b"INFO" + b"\x07" * 50), False),
        (chunk(b"LIST", b"INFO" + b"\x07" * 50) + bytes(5000), False),
        (chunk(b"LIST", b"INFO", claimed=5000), False),
        (b"\x07" * 5000, True),
        (bytes(512) + chunk(b"LIST", b"INFO" + b"\x07" * 5000), False),
        (bytes(600_000) + chunk(b"LIST", b"INFO" + b"\x07" * 5000) + bytes(600_000), False),
        (chunk(b"LIST", b"INFO") + b"\x07" * 5000, True),
        (bytes(4000) + b"\x07" * 1000, True),
        (bytes(4000) + chunk(b"LIST", b"INFO") + bytes(4000) + b"\x07" * 1000, True),
    ],
)
def test_sound_behind_the_end_that_the_header_tells_is_said_to_be_left_out(
    tmp_path: Path, behind: bytes, is_said: bool
) -> None:
    """A recorder that was broken off has told the size as of a while before; chunks and padding are no sound.

    What was lost may begin with silence.
    """
    path = written(tmp_path / "dx.wav", riff(fmt(2), chunk(b"data", bytes(600))) + behind)
    audio = inspect(path)
    assert audio.frames == 100
    said = "promises 100 frames, 5000 bytes after them are in no chunk"
    assert [said in warning for warning in audio.warnings] == [True] * is_said


def test_sound_that_is_lost_behind_long_silence_is_said_to_be_left_out(tmp_path: Path) -> None:
    """Gigabytes of it may be a hole in the file, which is not read."""
    path = written(tmp_path / "dx.wav", riff(fmt(2), chunk(b"data", bytes(600))))
    for silent_bytes in (400_000, 2**30):
        with path.open("r+b") as file:
            file.seek(644 + silent_bytes)
            file.write(b"\x07" * 5000)
        (warning,) = inspect(path).warnings
        assert f"{silent_bytes + 5000} bytes after them are in no chunk" in warning
        with path.open("r+b") as file:
            file.truncate(644)


@pytest.mark.parametrize("name", [b"LIST", b"id3 ", b"bext"])
@pytest.mark.parametrize("pad", [b"", b"\0", b"\x07"])
def test_a_chunk_behind_data_of_odd_length_is_found_where_the_pad_byte_was_forgotten(
    tmp_path: Path, name: bytes, pad: bytes
) -> None:
    odd = riff(fmt(), chunk(b"data", bytes(9)))[:-1]
    path = written(tmp_path / "dx.wav", odd + pad + chunk(name, bytes(602)) + chunk(b"junk", bytes(30)))
    assert inspect(path).warnings == ()


def test_a_wave_file_that_outgrew_its_32_bit_size_is_said_to_be_read_short(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(riff(fmt(2), chunk(b"data", b"", claimed=600)))
        file.truncate(2**32 + 2**20)  # sparse: takes no room
    (warning,) = inspect(path).warnings
    assert "longer than a plain WAVE header can say" in warning


@pytest.mark.parametrize("mask", [0x3F, 0x60F])
def test_both_masks_of_5_1_are_5_1(tmp_path: Path, mask: int) -> None:
    audio = inspect(written(tmp_path / "mx.wav", riff(fmt(6, mask=mask), chunk(b"data", bytes(1800)))))
    assert (audio.layout, audio.warnings) == (SURROUND_5_1, ())


def test_a_file_is_what_it_holds_whatever_its_name_says(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", noise(5000, 1), 48_000)
    path = (tmp_path / "a.ogg").rename(tmp_path / "a.wav")
    audio = inspect(path)
    assert (audio.container, audio.codec, audio.layout) == ("OGG", "VORBIS", MONO)
    assert audio.warnings == (f"{path}: is OGG by its content, although its name ends in .wav",)


@pytest.mark.parametrize(("name", "codec"), [("a.ogg", "VORBIS"), ("a.oga", "VORBIS"), ("a.opus", "OPUS")])
def test_an_ogg_has_several_endings_and_other_content_has_none_of_them(tmp_path: Path, name: str, codec: str) -> None:
    path = tmp_path / name
    soundfile.write(path, noise(5000, 1), 48_000, format="OGG", subtype=codec)
    assert (inspect(path).codec, inspect(path).warnings) == (codec, ())
    soundfile.write(path, noise(5000, 1), 48_000, format="FLAC")
    assert inspect(path).warnings == (f"{path}: is FLAC by its content, although its name ends in {path.suffix}",)


@pytest.mark.parametrize("container", ["AU", "NIST", "VOC", "IRCAM", "PVF"])
def test_a_stem_is_in_no_container_whose_missing_end_nobody_could_tell(tmp_path: Path, container: str) -> None:
    """It would be mixed short. To measure what is there needs no more than to say so."""
    path = tmp_path / f"a.{container.lower()}"
    soundfile.write(path, noise(5000, 1), 48_000, format=container, subtype="PCM_16")
    said = f"{path}: is {container}, which does not show whether it is cut off"
    with pytest.raises(StemError, match=f"^{re.escape(said)}; convert it to WAV$"):
        inspect(path)
    assert inspect(path, to_mix=False).warnings == (said,)


@pytest.mark.parametrize("lost", [0.4, 2])
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "FLAC", "OGG", "MP3"])
def test_in_every_container_that_stems_may_be_in_a_missing_end_is_told(
    tmp_path: Path, container: str, lost: float
) -> None:
    """However much it is: a share of the file, or the last two bytes."""
    path = tmp_path / "a.audio"
    soundfile.write(path, noise(48_000, 1), 48_000, format=container)
    assert inspect(path).frames is not None
    whole = path.read_bytes()
    path.write_bytes(whole[: -lost if isinstance(lost, int) else round(len(whole) * (1 - lost))])

    def heard() -> None:
        with AudioReader(inspect(path)) as reader:
            all_of(reader)

    with pytest.raises(StemError):
        heard()


def test_a_name_that_promises_headerless_audio_makes_no_audio_of_text(tmp_path: Path) -> None:
    for name in ("a.raw", "a.vox", "a.gsm", "a.au"):
        with pytest.raises(StemError, match="not audio"):
            inspect(written(tmp_path / name, b"Dear diary, " * 50))


def test_six_channels_of_flac_are_5_1_by_its_own_order(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", noise(100, 6), 48_000)
    assert inspect(tmp_path / "a.flac").layout == SURROUND_5_1


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("is_given", [False, True], ids=["alone", "given"])
@pytest.mark.parametrize(
    ("layout", "in_file"),
    [
        ("3.0", "L C R"),
        ("5.0", "L C R Ls Rs"),
        ("5.1", "L C R Ls Rs LFE"),
        ("7.1", "L C R Lss Rss Lrs Rrs LFE"),
    ],
)
def test_the_channels_of_an_ogg_are_known_by_their_number_and_stand_in_an_order_of_its_own(
    tmp_path: Path, layout: LayoutName, in_file: str, codec: str, is_given: bool
) -> None:
    """libsndfile gives and takes them as they stand in the file; they are read in WAVE order."""
    path, wanted = tmp_path / "a.ogg", LAYOUTS[layout]
    hz = {label: 50.0 + 10.0 * number for number, label in enumerate(wanted.labels)}
    tones = [np.sin(2 * np.pi * hz[label] * np.arange(48_000) / 48_000) for label in in_file.split()]
    soundfile.write(path, 0.1 * np.stack(tones, axis=1), 48_000, format="OGG", subtype=codec)
    audio = inspect(path, wanted if is_given else None)
    assert (audio.layout, audio.labels, audio.warnings) == (wanted, tuple(in_file.split()), ())
    with AudioReader(audio) as reader:
        heard = np.abs(np.fft.rfft(all_of(reader), axis=0)).argmax(axis=0)
    assert heard.tolist() == list(hz.values())


def test_an_ogg_whose_channels_are_for_no_speakers_is_refused_unless_a_layout_is_given(tmp_path: Path) -> None:
    """Opus has a mapping family for that, 255; a layout that is given is then in WAVE order, as anywhere."""
    path = tmp_path / "a.ogg"
    soundfile.write(path, noise(5000, 6), 48_000, format="OGG", subtype="OPUS")
    first, *others = pages(path.read_bytes())
    first = first[:22] + bytes(4) + first[26:46] + b"\xff" + first[47:]
    written(path, b"".join((first[:22], struct.pack("<I", crc(first)), first[26:], *others)))
    with pytest.raises(StemError, match=r"has 6 channels.*layout is needed"):
        inspect(path)
    assert inspect(path, SURROUND_5_1).labels == SURROUND_5_1.labels


def test_an_mp3_has_its_decoded_length_and_is_said_not_to_be_sync_safe(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(path, noise(50_000, 2), 44_100)
    audio = inspect(path)
    assert audio.frames == len(samples_of(path))
    assert audio.frames is not None
    assert audio.frames >= 50_000
    assert ["not sync-safe" in warning for warning in audio.warnings] == [True]


@pytest.mark.parametrize(
    ("suffix", "endian"), [("aiff", None), ("w64", None), ("ogg", None), ("mp3", None), ("wav", "BIG")]
)
def test_a_file_that_libsndfile_reads_short_is_refused_in_our_words_alone(
    tmp_path: Path, suffix: str, endian: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, noise(30_000, 2), 48_000, endian=endian)
    inspect(path)
    written(path, path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(StemError, match="ends early"):
        inspect(path)
    assert capfd.readouterr() == ("", "")


def test_a_wave_file_that_is_cut_off_is_refused_with_both_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "dx.wav", riff(fmt(2), chunk(b"data", bytes(602), claimed=6000)))
    with pytest.raises(StemError, match="promises 1000 frames, 100 are there"):
        inspect(path)


def test_a_codec_of_many_frames_to_a_block_is_cut_off_by_so_many_blocks(tmp_path: Path) -> None:
    path = tmp_path / "dx.wav"
    soundfile.write(path, noise(30_000, 1), 48_000, subtype="IMA_ADPCM")
    written(path, path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StemError, match=r"its header promises 8 blocks, 3 are there$"):
        inspect(path)


# ---- samples ---------------------------------------------------------------------------------------------------------


KINDS: list[tuple[str, str | None]] = [
    *(("wav", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "IMA_ADPCM")),
    *(("rf64", subtype) for subtype in ("PCM_16", "PCM_24")),
    *(("flac", subtype) for subtype in ("PCM_16", "PCM_24")),
    *((suffix, None) for suffix in ("aiff", "ogg", "mp3", "w64", "caf")),
]


@pytest.mark.parametrize(("suffix", "subtype"), KINDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_are_those_of_libsndfile_for_every_kind_and_every_blocking(
    tmp_path: Path, suffix: str, subtype: str | None, channels: int
) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, noise(10_100, channels), 48_000, subtype=subtype)
    expected, _ = soundfile.read(path, dtype="float64", always_2d=True)
    for block in BLOCKS:
        assert np.array_equal(samples_of(path, block), expected), f"in blocks of {block}"


def test_samples_over_many_pieces_are_those_of_libsndfile(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(300_001, 2), 48_000, subtype="PCM_24")
    expected, _ = soundfile.read(path)
    for block in (99_991, 10**9):
        assert np.array_equal(samples_of(path, block), expected)


def test_reading_nothing_takes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(100, 2), 44_100)
    with AudioReader(path) as reader:
        assert reader.read(0).shape == (0, 2)
        assert len(all_of(reader)) == 100
        assert reader.read(10).shape == (0, 2)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, np.ndarray]:
    """A file of each kind, longer than what is decoded at once, and its samples."""
    folder = tmp_path_factory.mktemp("kinds")
    for suffix, subtype in KINDS:
        path = folder / f"{subtype}.{suffix}"
        soundfile.write(path, noise(140_001, 2), 48_000, subtype=subtype)
    return {path: samples_of(path) for path in folder.iterdir()}


@given(turns=st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 5_000)), max_size=6))
@settings(max_examples=15, deadline=None)
def test_a_skip_comes_to_the_samples_that_reading_comes_to(
    kinds: dict[Path, np.ndarray], turns: list[tuple[int, int]]
) -> None:
    """To the bit, from any place, whatever the codec; a skip past the end is the end."""
    for path, whole in kinds.items():
        with AudioReader(path) as reader:
            for due, block in taken_by_turns(reader, turns):
                assert np.array_equal(block, whole[due]), path.name


def test_the_headroom_of_floats_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full((10, 1), 4.0), 48_000, subtype="FLOAT")
    assert samples_of(path).tolist() == [[4.0]] * 10


@pytest.mark.parametrize(("subtype", "suffix"), [("FLOAT", "wav"), ("DOUBLE", "wav"), ("FLOAT", "w64")])
@pytest.mark.parametrize("block", [1, 7, 5000])
def test_samples_that_are_not_finite_are_refused_with_the_first_frame_and_their_number(
    tmp_path: Path, subtype: str, suffix: str, block: int
) -> None:
    samples = noise(3000, 2)
    samples[1000, 1] = np.nan
    samples[[1500, 2999], 0] = np.inf, -np.inf
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, samples, 48_000, subtype=subtype)
    with pytest.raises(StemError, match=r"a\..*: holds 3 samples that are NaN or infinite, the first at frame 1000$"):
        samples_of(path, block)


@pytest.mark.parametrize("block", [7, 5000])
def test_a_sample_beyond_60_db_over_full_scale_is_refused_with_frame_and_level(tmp_path: Path, block: int) -> None:
    samples = noise(3000, 2)
    samples[1234, 0] = -1e15
    soundfile.write(tmp_path / "a.wav", samples, 48_000, subtype="FLOAT")
    with pytest.raises(StemError, match=r"\+300\.0 dBFS at frame 1234"):
        samples_of(tmp_path / "a.wav", block)


@pytest.mark.parametrize("into", [False, True], ids=["read", "read_into"])
def test_both_ways_of_reading_look_at_what_they_read_name_the_file_and_heed_who_wants_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, into: bool
) -> None:
    path = tmp_path / "a.wav"
    samples = noise(3000, 2)
    samples[1000, 1], samples[2000, 0] = np.nan, 2000.0
    soundfile.write(path, samples, 48_000, subtype="FLOAT")

    def read(reader: AudioReader) -> np.ndarray:
        return read_into(reader, 700) if into else reader.read(700)

    with AudioReader(path) as reader:
        assert np.array_equal(read(reader), samples[:700].astype(np.float32))
        with pytest.raises(StemError, match=r"a\.wav: holds a sample that is NaN or infinite, at frame 1000$"):
            read(reader)
    with AudioReader(path) as reader:
        reader.skip(1400)
        with pytest.raises(StemError, match=r"a\.wav: holds a sample of \+66\.0 dBFS at frame 2000"):
            read(reader)
    with AudioReader(path) as reader:

        def refuse(*_: object) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr(WaveSamples, "_fill", refuse)
            with pytest.raises(StemError, match=r"a\.wav: cannot be read further: Input/output error$"):
                read(reader)
        with monkeypatch.context() as patch:
            patch.setattr(stopping._wish, "number", signal.SIGINT)
            with pytest.raises(StoppedError):
                read(reader)


# ---- damage ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def flac(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a.flac", noise(60_000, 1), 48_000)
    return tmp_path / "a.flac"


def flip_in_the_middle(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage", [flip_in_the_middle, lambda content: content[: len(content) // 2]], ids=["flip", "cut"]
)
@pytest.mark.parametrize("block", [512, 4096, 100_000])
def test_a_damaged_flac_is_refused_with_its_last_sound_frame(
    flac: Path, damage: Callable[[bytes], bytes], block: int
) -> None:
    written(flac, damage(flac.read_bytes()))
    with pytest.raises(StemError, match=r"a\.flac: is damaged after frame (\d+) ") as refused:
        samples_of(flac, block)
    frame = int(str(refused.value).split("frame ")[1].split()[0])
    assert 20_000 < frame <= 30_000


def test_a_flac_cut_between_two_of_its_frames_is_refused_all_the_same(flac: Path) -> None:
    content = bytearray(flac.read_bytes())
    claim_low = struct.unpack_from(">I", content, 22)[0]
    assert claim_low == 60_000
    struct.pack_into(">I", content, 22, 60_001)
    written(flac, bytes(content))
    with pytest.raises(StemError, match=r"damaged after frame 60000.*promises 60001 frames"):
        samples_of(flac)


@pytest.mark.parametrize(("claim", "warnings"), [(0, 0), (2**36 - 1, 1)], ids=["unknown", "absurd"])
def test_a_flac_whose_length_is_unknown_or_absurd_is_read_to_its_end(flac: Path, claim: int, warnings: int) -> None:
    expected = samples_of(flac)
    content = bytearray(flac.read_bytes())
    content[21] = content[21] & 0xF0 | claim >> 32
    struct.pack_into(">I", content, 22, claim & 0xFFFFFFFF)
    written(flac, bytes(content))
    audio = inspect(flac)
    assert audio.frames is None
    assert len(audio.warnings) == warnings
    for block in (1000, 10**9):
        assert np.array_equal(samples_of(flac, block), expected)


def test_a_gap_in_an_ogg_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, noise(96_000, 1), 48_000)
    written(path, flip_in_the_middle(path.read_bytes()))
    with pytest.raises(StemError, match="damaged after frame"):
        samples_of(path)


def test_a_wave_file_that_shrinks_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(60_000, 2), 48_000)
    with AudioReader(path) as reader:
        assert len(reader.read(1000)) == 1000
        os.truncate(path, 10_000)
        with pytest.raises(StemError, match="became shorter"):
            all_of(reader)


# ---- hashes ----------------------------------------------------------------------------------------------------------


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    assert sha256_of(written(tmp_path / "a", content)) == hashlib.sha256(content).hexdigest()
    with pytest.raises(StemError, match="absent"):
        sha256_of(tmp_path / "absent")


# ---- what is only to be measured -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [None, 0, 0x63F, 0xFF])
def test_a_layout_that_is_not_named_is_assumed_and_said_where_nothing_is_mixed(
    tmp_path: Path, mask: int | None
) -> None:
    file = written(tmp_path / "eight.wav", riff(fmt(8, mask=mask), chunk(b"data", bytes(2400))))
    audio = inspect(file, to_mix=False)
    assert audio.layout.name == "7.1"
    says = [warning for warning in audio.warnings if "7.1 is assumed: L R C LFE Lrs Rrs Lss Rss" in warning]
    assert len(says) == (mask != 0x63F)


@pytest.mark.parametrize(
    ("channels", "mask"), [(2, 0x600), (3, 0xB), (5, 0x10F), (6, 0x707), (8, 0x6CF)], ids=lambda number: f"{number:X}"
)
def test_a_mask_that_names_no_layout_is_overruled_by_nobody_who_does_not_say_so(
    tmp_path: Path, channels: int, mask: int
) -> None:
    file = written(tmp_path / "odd.wav", riff(fmt(channels, mask=mask), chunk(b"data", bytes(7200))))
    for to_mix, option in ((False, "--layout"), (True, "field 'layout'")):
        with pytest.raises(
            StemError, match=f"with speaker mask 0x{mask:X}, which is no layout .*; give one by .*{option}"
        ):
            inspect(file, to_mix=to_mix)
    given = next(layout for layout in LAYOUTS.values() if layout.channels == channels)
    assert inspect(file, given, to_mix=False).layout == given


@pytest.mark.parametrize("mask", [None, 0x33])
def test_what_no_layout_fits_is_refused_there_too_and_none_is_asked_for(tmp_path: Path, mask: int | None) -> None:
    for channels in (4, 7, 10):
        file = written(tmp_path / "odd.wav", riff(fmt(channels, mask=mask), chunk(b"data", bytes(1680))))
        for to_mix in (False, True):
            with pytest.raises(StemError, match=f"has {channels} channels; no layout known here has that many$"):
                inspect(file, to_mix=to_mix)


def test_a_layout_that_is_given_overrides_the_files_and_must_fit(tmp_path: Path) -> None:
    file = written(tmp_path / "six.wav", riff(fmt(6, mask=0xC0F), chunk(b"data", bytes(1800))))
    assert inspect(file, SURROUND_5_1).layout == SURROUND_5_1
    assert inspect(file, SURROUND_5_1).warnings == ()
    with pytest.raises(StemError, match=r"six.wav: has 6 channels; the layout given for it, 2.0, has 2$"):
        inspect(file, STEREO)
