"""`files.wave`: chunks are walked as the standards say, no size is believed, and bytes come and go exactly."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp import sample_kernels
from stemmix.errors import StemError
from stemmix.files.wave import SamplePacker, WaveHeader, WaveSamples, read_wave_header, wave_header
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, SURROUND_5_1
from tests.reference import packing
from tests.reference.wave_bytes import TO_THE_END, chunk, ds64, fmt, riff

int24 = st.integers(-(2**23), 2**23 - 1)

patient = settings(deadline=None)  # the first example may wait for a kernel to be compiled


def header_of(folder: Path, content: bytes) -> WaveHeader:
    path = folder / "a.wav"
    path.write_bytes(content)
    header = read_wave_header(path)
    assert header is not None
    return header


# ---- kernels against their twins -------------------------------------------------------------------------------------


@patient
@given(st.lists(int24, max_size=70))
def test_24_bit_samples_unpack_as_their_twin_does(samples: list[int]) -> None:
    packed = packing.pack_pcm(samples, 3)
    assert packed is not None
    out = np.full(len(samples), np.nan)
    sample_kernels.unpack_pcm24(np.frombuffer(bytearray(packed), np.uint8), out)
    assert out.tolist() == packing.unpack_pcm(packed, 3)


@pytest.mark.parametrize(("width", "kind"), [(2, "<i2"), (4, "<i4")])
@patient
@given(content=st.binary(max_size=200))
def test_16_and_32_bit_samples_unpack_as_their_twin_does(width: int, kind: str, content: bytes) -> None:
    packed = bytearray(content[: len(content) // width * width])
    out = np.full(len(packed) // width, np.nan)
    sample_kernels.unpack_integers(np.frombuffer(packed, kind), 2.0 ** (1 - 8 * width), out)
    assert out.tolist() == packing.unpack_pcm(bytes(packed), width)


@pytest.mark.parametrize("width", [2, 3])
@patient
@given(data=st.data())
def test_integers_pack_as_their_twin_does_and_what_would_wrap_is_noticed(width: int, data: st.DataObject) -> None:
    full = 2 ** (8 * width - 1)
    near_full_scale = st.sampled_from([-full - 1, -full, full - 1, full, 2**31 - 1, -(2**31)])
    samples = data.draw(st.lists(st.integers(-full, full - 1) | near_full_scale, max_size=50))
    wanted = packing.pack_pcm(samples, width)
    packed = np.empty(width * len(samples), np.uint8)
    if width == 3:
        fits = sample_kernels.pack_pcm24(np.array(samples, np.int32), packed)
    else:
        fits = sample_kernels.pack_pcm16(np.array(samples, np.int32), packed.view("<i2"))
    assert fits == (wanted is not None)
    assert wanted is None or packed.tobytes() == wanted


@patient
@given(st.lists(st.floats(width=64) | st.sampled_from([1000.0, -1000.0]), max_size=50))
def test_the_first_unsound_sample_is_found_as_its_twin_finds_it(samples: list[float]) -> None:
    assert sample_kernels.first_beyond(np.array(samples, np.float64), 1000.0) == packing.first_beyond(samples, 1000.0)


# ---- headers that are read -------------------------------------------------------------------------------------------


def test_a_plain_header_is_read(tmp_path: Path) -> None:
    header = header_of(tmp_path, riff(fmt(2, 44_100, 16), chunk(b"data", bytes(400))))
    assert (header.container, header.codec, header.sample_rate, header.channels) == ("RIFF", "PCM", 44_100, 2)
    assert (header.bits, header.block_align, header.mask) == (16, 4, None)
    assert (header.data_offset, header.frames_claimed, header.frames_present) == (44, 100, 100)
    assert header.is_plain
    assert not header.is_truncated


@pytest.mark.parametrize("mask", [0, 0x3F, 0x60F, 0xFFFFFFFF])
def test_the_speaker_mask_of_an_extensible_header_is_read_and_0_is_not_none(tmp_path: Path, mask: int) -> None:
    header = header_of(tmp_path, riff(fmt(6, mask=mask), chunk(b"data", bytes(36))))
    assert header.mask == mask
    assert header.codec == "PCM"


def test_chunks_before_the_data_are_passed_over_with_their_pad_byte(tmp_path: Path) -> None:
    chunks = chunk(b"odd!", b"abc"), fmt(), chunk(b"LIST", b"datafmt ds64x"), chunk(b"data", bytes(30))
    header = header_of(tmp_path, riff(*chunks))
    assert header.frames_present == 10
    assert header.data_offset == 12 + 12 + 24 + 22 + 8


@pytest.mark.parametrize("form", [b"RF64", b"BW64"])
def test_ds64_gives_the_size_where_32_bits_do_not(tmp_path: Path, form: bytes) -> None:
    long_chunk = chunk(b"axml", bytes(50), claimed=TO_THE_END)
    content = riff(
        ds64(60, 20, ((b"axml", 50),)),
        long_chunk,
        fmt(),
        chunk(b"data", bytes(60), claimed=TO_THE_END) + b"tail",
        form=form,
    )
    header = header_of(tmp_path, content)
    assert (header.container, header.frames_claimed, header.frames_present) == (form.decode(), 20, 20)
    assert header.bytes_after == 4


@pytest.mark.parametrize(
    "content",
    [
        riff(fmt(), chunk(b"data", bytes(60), claimed=TO_THE_END)),
        riff(ds64(2**64 - 1, 0), fmt(), chunk(b"data", bytes(60), claimed=TO_THE_END), form=b"RF64"),
        riff(fmt(), chunk(b"data", bytes(60), claimed=TO_THE_END), form=b"RF64"),
    ],
    ids=["ffmpeg to a pipe", "ds64 unknown", "ds64 missing"],
)
def test_a_size_that_was_never_filled_in_means_to_the_end_of_the_file(tmp_path: Path, content: bytes) -> None:
    header = header_of(tmp_path, content)
    assert header.frames_claimed is None
    assert header.frames_present == 20
    assert not header.is_truncated


def test_data_cut_off_in_a_frame_count_by_whole_frames(tmp_path: Path) -> None:
    header = header_of(tmp_path, riff(fmt(2), chunk(b"data", bytes(100), claimed=600)))
    assert (header.frames_claimed, header.frames_present, header.is_truncated) == (100, 16, True)


def test_bits_are_those_of_the_stored_sample(tmp_path: Path) -> None:
    assert header_of(tmp_path, riff(fmt(bits=24, width=4, mask=4), chunk(b"data", bytes(40)))).bits == 32
    assert header_of(tmp_path, riff(fmt(bits=20), chunk(b"data", bytes(40)))).bits == 24


@pytest.mark.parametrize(
    ("tag", "bits", "codec"), [(6, 8, "ALAW"), (0x11, 4, "IMA_ADPCM"), (0x1234, 8, "codec 0x1234")]
)
def test_other_codecs_are_named_and_left_to_others(tmp_path: Path, tag: int, bits: int, codec: str) -> None:
    header = header_of(tmp_path, riff(fmt(tag=tag, bits=bits), chunk(b"data", bytes(40))))
    assert header.codec == codec
    assert not header.is_plain


@pytest.mark.parametrize("content", [b"", b"fLaC", b"RIFX" + bytes(40), riff(fmt())[:8] + b"AVI " + bytes(30)])
def test_what_is_no_wave_file_is_left_to_others(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    assert read_wave_header(tmp_path / "a.wav") is None


GOOD = riff(fmt(2, mask=3), chunk(b"LIST", bytes(9)), chunk(b"data", bytes(range(120))))


@given(
    cut=st.integers(0, len(GOOD)),
    changes=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4),
)
@settings(patient, max_examples=300)
def test_no_damage_to_a_header_brings_anything_but_a_reading_within_the_file_or_one_message(
    tmp_path_factory: pytest.TempPathFactory, cut: int, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(GOOD)
    for position, value in changes:
        content[position] = value
    path = tmp_path_factory.getbasetemp() / "fuzzed.wav"
    path.write_bytes(content[:cut])
    try:
        header = read_wave_header(path)
    except StemError:
        return
    if header is not None:
        assert 0 <= header.bytes_present <= cut
        if header.is_plain:
            samples = WaveSamples(path, header)
            assert samples.read(10**12).shape == (header.frames_present, header.channels)
            samples.close()


# ---- headers that are written ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [MONO, STEREO], ids=lambda layout: layout.name)
def test_the_header_of_mono_and_stereo_pcm_is_the_plain_one_of_44_bytes(layout) -> None:
    header = wave_header("wav24", 48_000, layout, 1000).content
    data = bytes(3000 * layout.channels)
    assert header + data == riff(fmt(layout.channels), chunk(b"data", data))


@pytest.mark.parametrize("encoding", ["wav16", "wav24", "wavfloat"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
@pytest.mark.parametrize("rf64_from_bytes", [0, 2**32])
def test_a_written_header_reads_back(tmp_path: Path, encoding, layout, rf64_from_bytes: int) -> None:
    header = wave_header(encoding, 96_000, layout, 11, rf64_from_bytes=rf64_from_bytes).content
    width = {"wav16": 2, "wav24": 3, "wavfloat": 4}[encoding]
    read = header_of(tmp_path, header + bytes(11 * width * layout.channels))
    assert read.container == ("RF64" if rf64_from_bytes == 0 else "RIFF")
    assert (read.codec, read.bits) == ("FLOAT" if encoding == "wavfloat" else "PCM", 8 * width)
    assert (read.sample_rate, read.channels) == (96_000, layout.channels)
    assert read.mask == (layout.masks[0] if layout.channels > 2 else None)
    assert (read.frames_claimed, read.frames_present, read.data_offset) == (11, 11, len(header))


def test_rf64_begins_at_four_gibibytes_and_not_a_frame_before() -> None:
    frames = (2**32 - 44) // 6
    assert 44 + 6 * frames < 2**32 <= 44 + 6 * (frames + 1)
    below, above = (wave_header("wav24", 48_000, STEREO, n).content for n in (frames, frames + 1))
    assert below[:4] == b"RIFF"
    assert struct.unpack_from("<I", below, 4)[0] == 44 + 6 * frames - 8
    assert struct.unpack_from("<I", below, 40)[0] == 6 * frames
    assert above[:8] == b"RF64\xff\xff\xff\xff"
    assert above[12:16] == b"ds64"
    riff_size, data_size, sample_count, table = struct.unpack_from("<QQQI", above, 20)
    assert (data_size, sample_count, table) == (6 * (frames + 1), frames + 1, 0)
    assert riff_size == len(above) + data_size - 8


def test_a_header_counts_the_pad_byte_in_the_file_but_not_in_the_data() -> None:
    header = wave_header("wav24", 48_000, MONO, 3).content
    assert struct.unpack_from("<I", header, 4)[0] == 44 + 9 + 1 - 8
    assert struct.unpack_from("<I", header, 40)[0] == 9


def test_a_float_header_has_its_fact_and_no_time_stamp() -> None:
    header = wave_header("wavfloat", 48_000, SURROUND_5_1, 77).content
    assert struct.unpack_from("<I", header, header.index(b"fact") + 8)[0] == 77
    assert b"PEAK" not in header


# ---- samples into bytes ----------------------------------------------------------------------------------------------


def packed(encoding, samples: np.ndarray) -> bytes:
    return b"".join(bytes(piece) for piece in SamplePacker(encoding).pack(samples))


def test_packing_is_the_same_over_pieces_and_strides() -> None:
    rng = np.random.default_rng(5)
    samples = rng.integers(-(2**23), 2**23, (200_001, 4), dtype=np.int32)
    assert packed("wav24", samples) == samples.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    assert packed("wav24", samples[::3, ::2]) == packed("wav24", samples[::3, ::2].copy())
    assert packed("wavfloat", samples / 3.0) == (samples / 3.0).astype("<f4").tobytes()


@pytest.mark.parametrize(
    ("encoding", "samples"),
    [
        ("wav24", np.full((1, 2), 2**23, np.int32)),
        ("wav16", np.full((1, 2), -(2**15) - 1, np.int32)),
        ("wavfloat", np.full((1, 2), np.nan)),
        ("wavfloat", np.full((1, 2), 1e39)),
        ("wavfloat", np.zeros((1, 2), np.float32)),
        ("wav24", np.zeros((1, 2))),
        ("wav24", np.zeros((1, 2), np.int64)),
    ],
)
def test_samples_that_the_encoding_cannot_hold_are_never_wrapped_or_clipped(encoding, samples: np.ndarray) -> None:
    with pytest.raises(ValueError, match=encoding):
        packed(encoding, samples)
