"""`files.broadcast`: bext and iXML as written, held against what other people's readers find, and read from anybody."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from wavinfo import WavInfoReader

from stemmix.errors import StemError
from stemmix.files.audio import inspect
from stemmix.files.broadcast import BroadcastInfo, Track, loudness_fields, read_broadcast, tracks_of
from stemmix.files.wave import read_wave_header, wave_header
from stemmix.files.writer import WaveWriter
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, SURROUND_5_1, SURROUND_7_1, Layout
from stemmix.model.receipt import Measured
from tests.reference.wave_bytes import TO_THE_END, chunk, ds64, fmt, riff

SPECS = Path(__file__).resolve().parents[2] / ".." / "shared" / "standards" / "delivery_specs.json"

INFO = BroadcastInfo(
    description="Harbour, reel 3: printmaster",
    originator_reference="stemmix0123456789abcdef",
    origination_date="2024-02-29",
    origination_time="23:59:59",
    time_reference=10 * 3600 * 192_000 + 1,  # past 32 bits
    project="Häfen & Schiffe <3>",
    note="dub of 2 März",
    frame_rate=Fraction(30_000, 1001),
    drop_frame=True,
)

MEASURED = Measured(
    integrated_lufs=-22.97,
    lra_lu=7.3,
    true_peak_dbtp=-1.02,
    momentary_max_lufs=-14.555,
    short_term_max_lufs=-18.1,
    sample_peak_dbfs=-1.2,
)
UNMEASURED = Measured(
    integrated_lufs=None,
    lra_lu=None,
    true_peak_dbtp=-120.0,
    momentary_max_lufs=None,
    short_term_max_lufs=None,
    sample_peak_dbfs=None,
)


def write(path: Path, encoding: Any = "wav24", layout: Layout = STEREO, frames: int = 4801, **options: Any) -> str:
    rng = np.random.default_rng(7)
    shape = frames, layout.channels
    samples = rng.uniform(-1, 1, shape) if encoding == "wavfloat" else rng.integers(-30_000, 30_000, shape, np.int32)
    loudness = options.pop("loudness", MEASURED)
    with WaveWriter(path, encoding, 48_000, layout, frames, metadata=INFO, **options) as file:
        file.write(samples)
        file.complete()
        header = read_wave_header(file.part)
        assert header is not None
        assert header.frames_present == frames, "what is complete can be measured before it is sealed"
        return file.finish(loudness)


@pytest.mark.parametrize("expected", [MEASURED, UNMEASURED], ids=["as expected", "otherwise"])
def test_a_hash_that_is_begun_before_the_loudness_is_known_is_of_what_stands_there_in_the_end(
    tmp_path: Path, expected: Measured
) -> None:
    samples = np.random.default_rng(8).integers(-30_000, 30_000, (4801, 2), np.int32)
    with WaveWriter(path := tmp_path / "mix.wav", "wav24", 48_000, STEREO, len(samples), metadata=INFO) as file:
        file.write(samples)
        file.complete(expected)
        for share in (0.0, 0.3, 0.3, 1.0):
            file.take_hash(share)
        sha256 = file.finish(MEASURED)
    with WaveWriter(known_last := tmp_path / "last.wav", "wav24", 48_000, STEREO, len(samples), metadata=INFO) as file:
        file.write(samples)
        file.finish(MEASURED)
    assert path.read_bytes() == known_last.read_bytes()
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def ffprobe(path: Path) -> dict[str, Any]:
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed")
    said = subprocess.run(
        ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stderr == ""
    found: dict[str, Any] = json.loads(said.stdout)
    return found


# ---- as others read it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rf64_from_bytes", [0, 2**32], ids=["RF64", "RIFF"])
@pytest.mark.parametrize("encoding", ["wav16", "wav24", "wavfloat"])
def test_wavinfo_reads_every_field_that_was_written(tmp_path: Path, encoding: str, rf64_from_bytes: int) -> None:
    path = tmp_path / "a.wav"
    write(path, encoding, SURROUND_5_1, rf64_from_bytes=rf64_from_bytes)
    info = WavInfoReader(path)
    bext, ixml = info.bext, info.ixml
    assert bext is not None
    assert ixml is not None
    bits = {"wav16": 16, "wav24": 24, "wavfloat": 32}[encoding]
    assert (bext.version, bext.description, bext.originator) == (2, INFO.description, INFO.originator)
    assert bext.originator.startswith("stemmix ")
    assert (bext.originator_ref, bext.time_reference) == (INFO.originator_reference, INFO.time_reference)
    assert (bext.originator_date, bext.originator_time) == ("2024-02-29", "23:59:59")
    assert (bext.loudness_value, bext.loudness_range, bext.max_true_peak) == (-22.97, 7.3, -1.02)
    assert (bext.max_momentary_loudness, bext.max_shortterm_loudness) == (-14.56, -18.1)
    assert bext.coding_history.startswith(f"A=PCM,F=48000,W={bits},M=multichannel,T=stemmix ")
    assert bext.coding_history.endswith("\r\n")
    assert ixml.project == INFO.project
    speed = {element.tag: element.text for element in ixml.parsed.find("SPEED")}
    assert speed == {
        "MASTER_SPEED": "30000/1001",
        "CURRENT_SPEED": "30000/1001",
        "TIMECODE_RATE": "30000/1001",
        "TIMECODE_FLAG": "DF",
        "FILE_SAMPLE_RATE": "48000",
        "AUDIO_BIT_DEPTH": str(bits),
        "DIGITIZER_SAMPLE_RATE": "48000",
        "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI": "1",
        "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO": str(INFO.time_reference - 2**32),
        "TIMESTAMP_SAMPLE_RATE": "48000",
    }
    tracks = [(track.channel_index, track.interleave_index, track.name, track.function) for track in ixml.track_list]
    assert [(int(index), int(place), name) for index, place, name, _ in tracks] == [
        (number, number, label) for number, label in enumerate(SURROUND_5_1.labels, 1)
    ]
    assert [function for *_, function in tracks] == ["L-5.1", "R-5.1", "C-5.1", "LFE-5.1", "Ls-5.1", "Rs-5.1"]
    assert info.data.frame_count == 4801


@pytest.mark.parametrize("rf64_from_bytes", [0, 2**32], ids=["RF64", "RIFF"])
def test_ffprobe_and_libsndfile_read_it_too(tmp_path: Path, rf64_from_bytes: int) -> None:
    path = tmp_path / "a.wav"
    write(path, "wav24", MONO, frames=4801, rf64_from_bytes=rf64_from_bytes)  # data and chunks of odd length
    assert soundfile.info(path).frames == 4801
    found = ffprobe(path)
    tags = found["format"]["tags"]
    assert (tags["time_reference"], tags["comment"]) == (str(INFO.time_reference), INFO.description)
    assert (tags["date"], tags["creation_time"]) == ("2024-02-29", "23:59:59")
    assert tags["encoded_by"] == INFO.originator
    assert found["streams"][0]["duration_ts"] == 4801


FFMPEG_LAYOUTS = {
    "1.0": {"mono"},
    "2.0": {"stereo"},
    "3.0": {"3.0"},
    "5.0": {"5.0(side)"},
    "5.1": {"5.1(side)"},
    "7.1": {"7.1"},
    "7.1.4": {"7.1.4", "12 channels (FL+FR+FC+LFE+BL+BR+SL+SR+TFL+TFR+TBL+TBR)"},
}
"""ffmpeg learnt the name of 7.1.4 in 6.1."""


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_the_speakers_are_told_in_every_layout(tmp_path: Path, layout: Layout) -> None:
    path = tmp_path / "a.wav"
    write(path, layout=layout)
    header = read_wave_header(path)
    assert header is not None
    assert header.mask == (layout.masks[0] if layout.channels > 2 else None)
    assert header.broadcast is not None
    assert [track.name for track in header.broadcast.tracks] == list(layout.labels)
    # a plain fmt says no speakers of one channel or two, and ffprobe then names none or the customary
    if layout.channels > 2 and layout.name in FFMPEG_LAYOUTS:
        assert ffprobe(path)["streams"][0]["channel_layout"] in FFMPEG_LAYOUTS[layout.name]


def test_the_offsets_are_those_of_the_standard(tmp_path: Path) -> None:
    if not SPECS.is_file():
        pytest.skip("there is no shared/standards beside the repository")
    offsets = json.loads(SPECS.read_text())["general"]["bwf_bext_v2"]["offsets"]
    path = tmp_path / "a.wav"
    write(path)
    content = path.read_bytes()
    body = content.index(b"bext") + 8

    def at(name: str, form: str) -> Any:
        return struct.unpack_from(form, content, body + offsets[name])[0]

    assert content[body : body + len(INFO.description)].decode() == INFO.description
    assert at("TimeReferenceLow", "<I") + (at("TimeReferenceHigh", "<I") << 32) == INFO.time_reference
    assert at("Version", "<H") == 2
    names = "LoudnessValue", "LoudnessRange", "MaxTruePeakLevel", "MaxMomentaryLoudness", "MaxShortTermLoudness"
    assert [at(name, "<h") for name in names] == [-2297, 730, -102, -1456, -1810]
    assert not any(content[body + offsets["Reserved"] : body + offsets["CodingHistory"]])
    assert content[body + offsets["CodingHistory"] :].startswith(b"A=PCM")


# ---- loudness, in its place ------------------------------------------------------------------------------------------


def test_what_is_not_known_or_does_not_fit_is_unset() -> None:
    assert struct.unpack("<5h", loudness_fields(UNMEASURED)) == (0x7FFF,) * 5
    held = MEASURED.model_copy(update={"integrated_lufs": -99.99, "lra_lu": 0.0, "true_peak_dbtp": 100.0})
    assert struct.unpack("<5h", loudness_fields(held))[:3] == (-9999, 0, 0x7FFF)


@pytest.mark.parametrize("rf64_from_bytes", [0, 2**32], ids=["RF64", "RIFF"])
def test_loudness_changes_ten_bytes_and_the_hash_is_that_of_the_file(tmp_path: Path, rf64_from_bytes: int) -> None:
    with_it, without = tmp_path / "with.wav", tmp_path / "without.wav"
    hashes = [write(with_it, rf64_from_bytes=rf64_from_bytes)]
    hashes.append(write(without, rf64_from_bytes=rf64_from_bytes, loudness=None))
    one, other = with_it.read_bytes(), without.read_bytes()
    assert hashes == [hashlib.sha256(one).hexdigest(), hashlib.sha256(other).hexdigest()]
    place = one.index(b"bext") + 8 + 412
    assert other[place : place + 10] == struct.pack("<5h", *(5 * [0x7FFF]))
    assert one[:place] + other[place : place + 10] + one[place + 10 :] == other
    assert one != other
    assert write(tmp_path / "again.wav", rf64_from_bytes=rf64_from_bytes) == hashes[0], "a render repeats"


def test_rf64_begins_where_the_chunks_leave_no_room_and_ds64_counts_them() -> None:
    header = wave_header("wav24", 48_000, STEREO, 100, metadata=INFO)
    room = len(header.content)
    frames = (2**32 - 1 - room) // 6
    below, above = (wave_header("wav24", 48_000, STEREO, n, metadata=INFO).content for n in (frames, frames + 1))
    assert (below[:4], above[:4]) == (b"RIFF", b"RF64")
    assert struct.unpack_from("<I", below, 4)[0] == room + 6 * frames - 8
    riff_size, data_size, sample_count, _ = struct.unpack_from("<QQQI", above, 20)
    assert (riff_size, data_size, sample_count) == (len(above) + data_size - 8, 6 * (frames + 1), frames + 1)


# ---- what is said ----------------------------------------------------------------------------------------------------


def test_nothing_of_a_clock_is_in_a_file_unless_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with WaveWriter(path, "wav24", 48_000, STEREO, 1, metadata=BroadcastInfo()) as file:
        file.write(np.ones((1, 2), np.int32))
        file.finish()
    bext = WavInfoReader(path).bext
    assert bext is not None
    assert (bext.originator_date, bext.originator_time, bext.time_reference, bext.originator_ref) == ("", "", 0, "")


def test_text_is_ascii_in_bext_and_whole_in_ixml(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    info = replace(INFO, description="Déjà vu, 海 " + 300 * "x", project='A\x00<B>&"\x1b', note="海")
    with WaveWriter(path, "wav24", 48_000, STEREO, 1, metadata=info) as file:
        file.write(np.ones((1, 2), np.int32))
        file.finish()
    read = WavInfoReader(path)
    assert read.bext is not None
    assert read.bext.description == "Deja vu, ? " + 245 * "x"
    assert read.ixml is not None
    assert (read.ixml.project, read.ixml.parsed.findtext("NOTE")) == ('A?<B>&"?', "海")


def test_functions_are_those_of_the_dictionary_where_it_has_the_layout() -> None:
    assert tracks_of(MONO) == (Track("M", "MIX"),)
    assert [track.function for track in tracks_of(STEREO)] == ["L-MIX", "R-MIX"]
    assert [track.function for track in tracks_of(LAYOUTS["3.0"])] == ["L-LCR", "R-LCR", "C-LCR"]
    assert {track.function.partition("-")[2] for track in tracks_of(SURROUND_7_1)} == {"GENERIC"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"origination_date": "29.2.2024"}, "yyyy-mm-dd"),
        ({"origination_time": "23:59"}, "hh:mm:ss"),
        ({"time_reference": -1}, "time reference"),
        ({"time_reference": 2**64}, "time reference"),
    ],
)
def test_what_the_fields_cannot_hold_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(INFO, **fields)


def test_as_many_tracks_are_named_as_there_are_channels(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 tracks are named for 2 channels"):
        WaveWriter(tmp_path / "a.wav", "wav24", 48_000, STEREO, 1, metadata=replace(INFO, tracks=tracks_of(MONO)))
    assert list(tmp_path.iterdir()) == []


# ---- read back -------------------------------------------------------------------------------------------------------


def header_of(folder: Path, content: bytes) -> BroadcastInfo | None:
    (folder / "a.wav").write_bytes(content)
    header = read_wave_header(folder / "a.wav")
    assert header is not None
    return header.broadcast


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path)
    assert inspect(path).warnings == ()
    wave = inspect(path).wave
    assert wave is not None
    assert wave.broadcast == replace(INFO, tracks=tracks_of(STEREO))


def a_bext(description: bytes = b"take 3", time_reference: int = 4711) -> bytes:
    return struct.pack("<256s32s32s10s8sQH254x", description, b"A recorder", b"", b"2024:02:29", b"", time_reference, 1)


@pytest.mark.parametrize("place", ["before", "after"])
def test_chunks_before_and_after_the_data_are_read(tmp_path: Path, place: str) -> None:
    told = chunk(b"bext", a_bext())
    data = chunk(b"data", bytes(9))
    content = riff(told, fmt(), data) if place == "before" else riff(fmt(), data, chunk(b"cue ", b"odd"), told)
    found = header_of(tmp_path, content)
    assert found is not None
    assert (found.description, found.originator, found.time_reference) == ("take 3", "A recorder", 4711)
    assert found.origination_date == "", "colons are no date"
    unpadded = riff(fmt(), data)[:-1] + told
    found = header_of(tmp_path, unpadded)
    assert found is not None, "the pad byte was forgotten"
    assert found.time_reference == 4711
    found = header_of(tmp_path, riff(fmt(), data) + bytes(513) + told)
    assert found is not None, "zeros stand before it"
    assert found.time_reference == 4711
    long = riff(ds64(9, 3), fmt(), chunk(b"data", bytes(9), claimed=TO_THE_END), told, form=b"RF64")
    found = header_of(tmp_path, long)
    assert found is not None
    assert found.time_reference == 4711


def test_ixml_alone_gives_the_time_and_bext_decides_where_both_do(tmp_path: Path) -> None:
    since_midnight = b"TIMESTAMP_SAMPLES_SINCE_MIDNIGHT"
    xml = (
        b"<?xml version='1.0'?><BWFXML><SPEED><TIMECODE_RATE>25/1</TIMECODE_RATE><%s_HI> 1 </%s_HI><%s_LO>2</%s_LO>"
        b"</SPEED><NOTE><![CDATA[a < b]]></NOTE></BWFXML>\0\0" % (4 * (since_midnight,))
    )
    found = read_broadcast({b"iXML": xml})
    assert found is not None
    assert (found.time_reference, found.frame_rate, found.note, found.originator) == (2**32 + 2, 25, "a < b", "")
    both = read_broadcast({b"iXML": xml, b"bext": a_bext()})
    assert both is not None
    assert (both.time_reference, both.note) == (4711, "a < b")


BILLION_LAUGHS = b"<!DOCTYPE b [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><BWFXML><NOTE>&b;</NOTE></BWFXML>"


@pytest.mark.parametrize(
    "chunks",
    [
        {},
        {b"bext": b""},
        {b"bext": a_bext()[:300]},
        {b"iXML": b"<BWFXML><NOTE>"},
        {b"iXML": b"\xff\xfe\x00"},
        {b"iXML": b"<?xml version='1.0' encoding='x-nobody'?><BWFXML/>"},
        {b"iXML": BILLION_LAUGHS},
        {b"iXML": b"<BWFXML>" + bytes(1 << 20)},
    ],
)
def test_what_cannot_be_understood_says_nothing(chunks: dict[bytes, bytes]) -> None:
    assert read_broadcast(chunks) is None


def test_nonsense_in_ixml_is_passed_over() -> None:
    found = read_broadcast(
        {
            b"iXML": b"<BWFXML><SPEED><TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>-1</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>"
            b"<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>0</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>"
            b"<TIMECODE_RATE>25/0</TIMECODE_RATE></SPEED></BWFXML>"
        }
    )
    assert found == BroadcastInfo(originator="")


def test_a_claim_beyond_what_can_be_sought_is_a_header_cut_off(tmp_path: Path) -> None:
    sizes = ds64(9, 3, ((b"axml", 2**64 - 2),))
    content = riff(sizes, chunk(b"axml", b"", claimed=TO_THE_END), fmt(), chunk(b"data", bytes(9)), form=b"RF64")
    with pytest.raises(StemError, match="cut off"):
        header_of(tmp_path, content)
    assert header_of(tmp_path, riff(ds64(2**64 - 3, 3), fmt(), chunk(b"data", bytes(9), claimed=TO_THE_END))) is None
