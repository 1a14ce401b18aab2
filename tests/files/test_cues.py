"""`files.cues`: a copy has the markers, and everything else as it was; sizes are true in RIFF, RF64 and BW64."""

from __future__ import annotations

import os
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from wavinfo import WavInfoReader

from stemmix.errors import OutputError, StemError
from stemmix.files import staged
from stemmix.files.cues import CuePoint, copy_with_cues
from stemmix.files.wave import read_wave_header
from stemmix.files.writer import WaveWriter
from stemmix.model.layouts import LAYOUTS
from tests.reference.wave_bytes import TO_THE_END, chunk, ds64, fmt, riff

POINTS = (
    CuePoint(0, 0, "a point"),
    CuePoint(480, 1200, "MX hides DX 1.0-2.8 kHz at -6 dB", "hidden: 0.842 band-seconds"),
    CuePoint(4799, 70_000, "Öffnung – ß", "über"),
)

DATA = bytes(range(240)) * 2
"""80 frames of 24 bits in two channels."""


def chunks_in(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and bodies of a file's chunks up to the end of its form, by hand; every size must hold."""
    form, size, kind = struct.unpack_from("<4sI4s", content)
    assert kind == b"WAVE"
    data_size = None
    if form == b"RIFF":
        end = 8 + size
    else:
        assert size == TO_THE_END
        name, ds64_size, riff_size, data_size, _, entries = struct.unpack_from("<4sIQQQI", content, 12)
        assert (name, ds64_size) == (b"ds64", 28 + 12 * entries)
        end = 8 + riff_size
    assert end <= len(content)
    offset = 12
    while offset < end:
        name, size = struct.unpack_from("<4sI", content, offset)
        if size == TO_THE_END:
            assert name == b"data"
            assert data_size is not None
            size = data_size
        offset += 8
        assert offset + size + size % 2 <= end, name
        yield name, content[offset : offset + size]
        offset += size + size % 2
    assert offset == end


def points_in(content: bytes) -> list[tuple[int, CuePoint]]:
    """Ids and cue points, by hand."""
    found = dict(chunks_in(content))
    cue = found.get(b"cue ", struct.pack("<I", 0))
    entries = list(struct.iter_unpack("<II4sIII", cue[4:]))
    assert len(entries) == struct.unpack_from("<I", cue)[0]
    assert all(entry[1] == entry[5] and entry[2:5] == (b"data", 0, 0) for entry in entries)
    lists = [body for name, body in chunks_in(content) if name == b"LIST" and body[:4] == b"adtl"]
    assert len(lists) == (len(entries) > 0), "a file has one list of them"
    texts: dict[tuple[bytes, int], bytes] = {}
    for body in lists:
        offset = 4
        while offset < len(body):
            name, size, number = struct.unpack_from("<4sII", body, offset)
            assert (name, number) not in texts
            texts[name, number] = body[offset + 12 : offset + 8 + size]
            offset += 8 + size + size % 2
        assert offset == len(body)
    points = []
    for number, at, *_ in entries:
        length = struct.unpack("<I4s4H", texts.get((b"ltxt", number), b"\0\0\0\0rgn \0\0\0\0\0\0\0\0"))
        assert length[1:] == (b"rgn ", 0, 0, 0, 0)
        label, note = (texts.get((kind, number), b"\0") for kind in (b"labl", b"note"))
        assert label.endswith(b"\0")
        assert note.endswith(b"\0")
        points.append((number, CuePoint(at, length[0], label[:-1].decode(), note[:-1].decode())))
    return points


def copied(folder: Path, content: bytes, points: tuple[CuePoint, ...] = POINTS, **options: int) -> bytes:
    (folder / "a.wav").write_bytes(content)
    copy_with_cues(folder / "a.wav", folder / "b.wav", points, **options)
    assert (folder / "a.wav").read_bytes() == content
    assert sorted(path.name for path in folder.iterdir()) == ["a.wav", "b.wav"]
    return (folder / "b.wav").read_bytes()


def unmarked(content: bytes) -> list[tuple[bytes, bytes]]:
    """Every chunk but those that hold markers, and the sizes of all."""
    return [
        (name, body)
        for name, body in chunks_in(content)
        if name not in (b"cue ", b"ds64") and not (name == b"LIST" and body[:4] == b"adtl")
    ]


# ---- read by others --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rf64_from_bytes", [0, 2**32], ids=["RF64", "RIFF"])
@pytest.mark.parametrize("layout", ["1.0", "2.0", "5.1"])
@pytest.mark.parametrize("encoding", ["wav16", "wav24", "wavfloat"])
def test_others_read_the_same_samples_and_every_marker(
    tmp_path: Path, encoding, layout: str, rf64_from_bytes: int
) -> None:
    """soundfile the samples, wavinfo the markers, of files as they are rendered: with an odd number of bytes."""
    frames, channels = 4801, LAYOUTS[layout].channels
    noise = np.random.default_rng(1).integers(-(2**15), 2**15, (frames, channels), dtype=np.int32)
    samples = noise / 2**15 if encoding == "wavfloat" else noise
    with WaveWriter(
        tmp_path / "a.wav", encoding, 48_000, LAYOUTS[layout], frames, rf64_from_bytes=rf64_from_bytes
    ) as file:
        file.write(samples)
        file.finish()
    copy_with_cues(tmp_path / "a.wav", tmp_path / "b.wav", POINTS)
    before, after = (soundfile.read(tmp_path / name, dtype="float64", always_2d=True)[0] for name in ("a.wav", "b.wav"))
    assert after.shape == (frames, channels)
    assert np.array_equal(before, after)
    assert (tmp_path / "b.wav").read_bytes()[:4] == (b"RF64" if rf64_from_bytes == 0 else b"RIFF")

    cues = WavInfoReader(tmp_path / "b.wav", info_encoding="utf-8").cues
    assert cues is not None
    assert list(cues.each_cue()) == [(1, 0), (2, 480), (3, 4799)]
    assert [cues.label_and_note(number) for number in (1, 2, 3)] == [
        (point.label, point.note or None) for point in POINTS
    ]
    assert [cues.range(number) for number in (1, 2, 3)] == [None, 1200, 70_000]


# ---- everything else is left alone -----------------------------------------------------------------------------------

NAMES = st.sampled_from([b"bext", b"iXML", b"JUNK", b"LIST", b"PAD ", b"axml", b"smpl"])
OTHERS = st.lists(st.tuples(NAMES, st.binary(max_size=21).filter(lambda body: body[:4] != b"adtl")), max_size=3)
WORDS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=9)
MARKS = st.lists(st.builds(CuePoint, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), WORDS, WORDS), max_size=5)


@st.composite
def waves(draw: st.DrawFn) -> tuple[bytes, list[CuePoint]]:
    """A file with all sorts of chunks before and after its data, markers among them, and what it has of those."""
    others = [*draw(OTHERS), (b"data", draw(st.binary(max_size=40))), *draw(OTHERS)]
    form = draw(st.sampled_from([b"RIFF", b"RF64", b"BW64"]))
    data = dict(others)[b"data"]
    chunks = [chunk(name, body) for name, body in others]
    own = draw(MARKS)
    marking = [*cue_chunks(own, draw(st.integers(1, 1000)))] if own else []
    for one in marking:
        chunks.insert(draw(st.integers(0, len(chunks))), one)
    chunks.insert(0, fmt(1, bits=8))
    if form != b"RIFF":
        chunks = [one if one[:4] != b"data" else chunk(b"data", data, claimed=TO_THE_END) for one in chunks]
        chunks.insert(0, ds64(len(data), len(data), draw(st.sampled_from([(), ((b"axml", 7),)]))))
    content = riff(*chunks, form=form)
    if form != b"RIFF":
        content = content[:20] + struct.pack("<Q", len(content) - 8) + content[28:]
    return content, own


def cue_chunks(points: list[CuePoint], first: int) -> Iterator[bytes]:
    """As another program writes them, numbered from `first`."""
    entries = [struct.pack("<II4sIII", first + i, at, b"data", 0, 0, at) for i, (at, *_) in enumerate(points)]
    yield chunk(b"cue ", struct.pack("<I", len(entries)) + b"".join(entries))
    texts = []
    for number, (_, length, label, note) in enumerate(points, first):
        texts.append(chunk(b"labl", struct.pack("<I", number) + label.encode() + b"\0"))
        texts += [chunk(b"note", struct.pack("<I", number) + note.encode() + b"\0")] if note else []
        texts += [chunk(b"ltxt", struct.pack("<II4s4H", number, length, b"rgn ", 0, 0, 0, 0))] if length else []
    yield chunk(b"LIST", b"adtl" + b"".join(texts))


@given(wave=waves(), points=MARKS, rest=st.sampled_from([b"", b"\0" * 9, b"\xff\xfe\xfd\xfc" * 5, b"ID3 cut short"]))
@settings(deadline=None)  # an example waits for the disk
def test_all_other_chunks_and_what_follows_them_stay_byte_for_byte_and_own_markers_stay_too(
    tmp_path_factory: pytest.TempPathFactory, wave: tuple[bytes, list[CuePoint]], points: list[CuePoint], rest: bytes
) -> None:
    content, own = wave
    folder = tmp_path_factory.mktemp("waves")
    written = copied(folder, content + rest, tuple(points))
    assert written[:4] == content[:4]
    assert unmarked(written) == unmarked(content)
    assert written.endswith(rest)
    if content[:4] != b"RIFF":
        # the size of the form has changed, and nothing else of what ds64 says
        assert dict(chunks_in(written))[b"ds64"][8:] == dict(chunks_in(content))[b"ds64"][8:]
    numbered = points_in(written)
    assert [point for _, point in numbered] == [*own, *points]
    assert numbered[: len(own)] == points_in(content)
    assert len({number for number, _ in numbered}) == len(numbered)


def test_without_points_the_copy_is_the_file(tmp_path: Path) -> None:
    content = riff(fmt(2), chunk(b"bext", b"odd"), chunk(b"data", DATA), chunk(b"LIST", b"INFOabc"))
    assert copied(tmp_path, content, ()) == content


def test_a_label_of_no_cue_point_does_not_become_a_new_ones(tmp_path: Path) -> None:
    stray = chunk(b"LIST", b"adtl" + chunk(b"labl", struct.pack("<I", 1) + b"stray\0"))
    content = riff(fmt(2), chunk(b"data", DATA), stray)
    assert [number for number, _ in points_in(copied(tmp_path, content, POINTS[:1]))] == [2]


def test_a_list_whose_last_text_is_not_padded_goes_on_behind_it(tmp_path: Path) -> None:
    entries, _ = cue_chunks(list(POINTS[:1]), 1)
    odd = struct.pack("<4sII", b"labl", 9, 1) + b"four\0"
    texts = struct.pack("<4sI", b"LIST", 4 + len(odd)) + b"adtl" + odd + b"\0"
    written = copied(tmp_path, riff(fmt(2), chunk(b"data", DATA), entries, texts), POINTS[1:2])
    assert points_in(written) == [(1, POINTS[0]._replace(label="four")), (2, POINTS[1])]


@pytest.mark.parametrize("claimed", [0, 1, 2**31])
def test_a_cue_chunk_that_claims_more_or_less_than_it_has_gives_what_is_there(tmp_path: Path, claimed: int) -> None:
    entries, texts = cue_chunks(list(POINTS), 1)
    claiming = chunk(b"cue ", struct.pack("<I", claimed) + entries[12:] + b"half a one")
    content = riff(fmt(2), chunk(b"data", DATA), claiming, texts)
    cue = dict(chunks_in(copied(tmp_path, content, POINTS[:1])))[b"cue "]
    assert struct.unpack_from("<I", cue) == (min(claimed, 3) + 1,)
    assert len(cue) == 4 + 24 * (min(claimed, 3) + 1)


# ---- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        riff(fmt(2), chunk(b"data", DATA, claimed=TO_THE_END)),
        riff(fmt(1), chunk(b"data", DATA[:9], claimed=TO_THE_END)[:-1]),
        riff(ds64(2**64 - 1, 0), fmt(2), chunk(b"data", DATA, claimed=TO_THE_END), form=b"RF64"),
        riff(fmt(2), chunk(b"data", DATA, claimed=TO_THE_END), form=b"RF64"),
    ],
    ids=["into a pipe", "into a pipe, odd", "ds64 unknown", "ds64 missing"],
)
def test_a_size_that_was_never_filled_in_is_made_true(tmp_path: Path, content: bytes) -> None:
    written = copied(tmp_path, content[:4] + b"\xff" * 4 + content[8:])
    data = dict(chunks_in(written))[b"data"]
    assert data in (DATA, DATA[:9])
    assert content.endswith(data)
    assert [point for _, point in points_in(written)] == list(POINTS)
    assert len(soundfile.read(tmp_path / "b.wav")[0]) in (80, 3)


@pytest.mark.parametrize("last", [chunk(b"data", DATA[:9])[:-1], chunk(b"data", DATA) + chunk(b"note", b"odd")[:-1]])
def test_a_pad_byte_that_was_forgotten_at_the_end_is_put_there(tmp_path: Path, last: bytes) -> None:
    written = copied(tmp_path, riff(fmt(1), last))
    assert [name for name, _ in chunks_in(written)][-2:] == [b"cue ", b"LIST"]


def test_a_pad_byte_that_was_forgotten_behind_old_markers_leaves_no_hole(tmp_path: Path) -> None:
    odd = struct.pack("<4sI", b"cue ", 5) + struct.pack("<I", 0) + b"\0"
    written = copied(tmp_path, riff(fmt(2), chunk(b"data", DATA), odd))
    assert [name for name, _ in chunks_in(written)] == [b"fmt ", b"data", b"cue ", b"LIST"]


def test_a_claim_of_the_form_that_is_not_true_becomes_so(tmp_path: Path) -> None:
    content = riff(fmt(2), chunk(b"data", DATA), chunk(b"bext", b"behind"))
    short = content[:4] + struct.pack("<I", 36 + len(DATA)) + content[8:]
    assert unmarked(copied(tmp_path, short)) == unmarked(content)


def test_a_riff_that_gets_too_long_becomes_rf64_and_not_a_byte_before(tmp_path: Path) -> None:
    content = riff(fmt(2), chunk(b"data", DATA))
    length = len(copied(tmp_path, content))
    as_riff = copied(tmp_path, content, rf64_from_bytes=length + 1)
    as_rf64 = copied(tmp_path, content, rf64_from_bytes=length)
    assert (as_riff[:4], as_rf64[:4], len(as_rf64)) == (b"RIFF", b"RF64", length + 36)
    assert unmarked(as_riff) == unmarked(as_rf64) == unmarked(content)
    assert b"data" + b"\xff" * 4 + DATA in as_rf64
    assert points_in(as_riff) == points_in(as_rf64)
    assert struct.unpack_from("<QQQI", as_rf64, 20) == (length + 36 - 8, len(DATA), 80, 0)
    header = read_wave_header(tmp_path / "b.wav")
    assert header is not None
    assert (header.frames_claimed, header.frames_present) == (80, 80)
    assert len(soundfile.read(tmp_path / "b.wav")[0]) == 80


@pytest.mark.long
def test_four_gibibytes_become_rf64_in_flat_memory(tmp_path: Path) -> None:
    """Of a sparse file: the copy takes 4 GiB of disk for as long as the test runs."""
    frames = (2**32 - 1000) // 6
    with (tmp_path / "a.wav").open("wb") as file:
        file.write(riff(fmt(2), chunk(b"data", b"", claimed=6 * frames)))
        file.seek(4)
        file.write(struct.pack("<I", 36 + 6 * frames))
        file.truncate(44 + 6 * frames)
    many = tuple(CuePoint(frames - 100 + number, 1, f"point {number}") for number in range(100))
    tracemalloc.start()
    copy_with_cues(tmp_path / "a.wav", tmp_path / "b.wav", many)
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()
    header = read_wave_header(tmp_path / "b.wav")
    assert header is not None
    assert (header.container, header.frames_claimed) == ("RF64", frames)
    assert soundfile.info(tmp_path / "b.wav").frames == frames
    cues = WavInfoReader(tmp_path / "b.wav").cues
    assert cues is not None
    assert [at for _, at in cues.each_cue()] == [point.at for point in many]
    (tmp_path / "b.wav").unlink()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    with (tmp_path / "a.wav").open("wb") as file:
        file.write(riff(fmt(2), chunk(b"data", b"", claimed=60_000_000)))
        file.truncate(44 + 60_000_000)
    told: list[float] = []
    tracemalloc.start()
    copy_with_cues(tmp_path / "a.wav", tmp_path / "b.wav", POINTS, told.append)
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()
    assert len(told) > 50
    assert sum(told) == pytest.approx(1.0, abs=1e-4)


# ---- what cannot be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"fLaC" + bytes(60), "is not a WAVE file"),
        (riff(fmt(2)), "has no data chunk"),
        (riff(fmt(2))[:30], "is cut off"),
    ],
)
def test_what_is_no_sound_wave_file_is_refused_and_nothing_is_written(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(StemError, match=rf"a\.wav: .*{said}"):
        copy_with_cues(tmp_path / "a.wav", tmp_path / "b.wav", POINTS)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_markers_that_no_file_has_are_not_read_into_memory(tmp_path: Path) -> None:
    with (tmp_path / "a.wav").open("wb") as file:
        content = riff(fmt(2), chunk(b"data", DATA), chunk(b"cue ", b"", claimed=2**27))
        file.write(content)
        file.truncate(len(content) + 2**27)
    with pytest.raises(StemError, match=r"its cue chunk holds 134217728 bytes; expected at most 64 MiB"):
        copy_with_cues(tmp_path / "a.wav", tmp_path / "b.wav", POINTS)


def test_a_file_that_shrinks_meanwhile_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(riff(fmt(2), chunk(b"data", DATA * 10_000)))
    with pytest.raises(StemError, match=r"a\.wav: became shorter while it was being read"):
        copy_with_cues(source, tmp_path / "b.wav", POINTS, lambda share: os.truncate(source, 100))
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_disk_that_refuses_leaves_what_stood_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.wav").write_bytes(riff(fmt(2), chunk(b"data", DATA)))
    (tmp_path / "b.wav").write_bytes(b"the old one")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staged.os, "fsync", full)
    with pytest.raises(OutputError, match=r"b\.wav: cannot be written: No space left on device"):
        copy_with_cues(tmp_path / "a.wav", tmp_path / "b.wav", POINTS)
    assert (tmp_path / "b.wav").read_bytes() == b"the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav"]
