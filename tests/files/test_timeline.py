"""`files.timeline` and `files.clips`: clips placed to the sample, faded, crossfaded, under faders that move."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.errors import ProjectError
from stemmix.files.audio import inspect, inspect_discrete, sha256_of
from stemmix.files.broadcast import BroadcastInfo
from stemmix.files.clips import TimelineReader
from stemmix.files.stems import StemReader
from stemmix.files.timeline import Timeline, timeline_of
from stemmix.files.writer import WaveWriter
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, SURROUND_5_1, fold_matrix, placing_matrix
from stemmix.model.stems import Stem
from stemmix.model.timecode import FRAME_RATES, Clock
from tests.material import all_of, taken_by_turns

RATE_HZ = 48_000
CLOCK = Clock(RATE_HZ, "25", "01:00:00:00")


def noise(frames: int, channels: int = 1, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels))


def wave(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    soundfile.write(path, samples, rate_hz, subtype="DOUBLE")
    return path


def broadcast_wave(path: Path, samples: np.ndarray, time_reference: int, rate_hz: int = RATE_HZ) -> Path:
    """A float WAVE whose bext says where it begins."""
    layout = {1: MONO, 2: STEREO}[samples.shape[1]]
    about = BroadcastInfo(time_reference=time_reference)
    with WaveWriter(path, "wavfloat", rate_hz, layout, len(samples), metadata=about) as writer:
        writer.write(samples)
        writer.finish()
    return path


def stem_of(**fields: Any) -> Stem:
    return Stem.model_validate_json(json.dumps({"id": "DX", "role": "dialogue", **fields}))


def placed(folder: Path, clock: Clock = CLOCK, bus: str = "2.0", **fields: Any) -> Timeline:
    stem = stem_of(**fields)
    files = [inspect(folder / str(clip.file)) for clip in stem.timeline]
    return timeline_of(lambda _: "film.json", stem, files, clock, LAYOUTS[bus])


def played(timeline: Timeline, block: int = 48_000) -> np.ndarray:
    """All of it, in the timeline's own channels."""
    own = fold_matrix(timeline.layout, timeline.layout)
    with TimelineReader(timeline, own) as reader:
        samples = all_of(reader, block)
        assert reader.frames_out == len(samples)
    return samples


def test_a_clip_of_a_whole_file_is_the_file(tmp_path: Path) -> None:
    samples = noise(5000, 2)
    wave(tmp_path / "a.wav", samples)
    whole, clip = placed(tmp_path, file="a.wav", at=1.0), placed(tmp_path, clips=[{"file": "a.wav", "at": 1.0}])
    assert whole.at == clip.at == RATE_HZ
    assert clip.is_whole_file
    assert np.array_equal(played(clip), samples)
    hashes = {tmp_path / "a.wav": sha256_of(tmp_path / "a.wav")}
    assert whole.sha256(hashes) == clip.sha256(hashes) == hashes[tmp_path / "a.wav"]


@pytest.mark.parametrize(
    ("at", "sample"),
    [
        (2.0, 96_000),
        (1 / 3, 16_000),
        ("0:00:02.5", 120_000),
        ("01:00:10:12", 503_040),
        ("12345 samples", 12_345),
    ],
)
def test_a_clip_stands_where_it_says_to_the_sample(tmp_path: Path, at: object, sample: int) -> None:
    wave(tmp_path / "a.wav", noise(100))
    assert placed(tmp_path, clips=[{"file": "a.wav", "at": at}]).at == sample


@pytest.mark.parametrize(
    ("begin", "end", "first", "after"),
    [(0.01, 0.02, 480, 960), ("7 samples", "9 samples", 7, 9), ("0:00:00.05", None, 2400, 5000), (0, 0.1, 0, 4800)],
)
def test_a_clip_is_cut_out_of_its_file_to_the_sample(
    tmp_path: Path, begin: object, end: object, first: int, after: int
) -> None:
    samples = noise(5000, 2)
    wave(tmp_path / "a.wav", samples)
    clip = {"file": "a.wav", "in": begin, "at": 0.5} | ({} if end is None else {"out": end})
    assert np.array_equal(played(placed(tmp_path, clips=[clip])), samples[first:after])


def test_silence_stands_between_clips_and_overlaps_are_added(tmp_path: Path) -> None:
    one, two = noise(300, seed=1), noise(200, seed=2)
    wave(tmp_path / "a.wav", one)
    wave(tmp_path / "b.wav", two)
    clips = [
        {"file": "b.wav", "at": "500 samples", "gain_db": -6.0},
        {"file": "a.wav", "at": "100 samples"},
    ]
    timeline = placed(tmp_path, clips=clips)
    expected = np.zeros((600, 1))
    expected[:300] = one
    expected[400:] = two * 10 ** (-6.0 / 20)
    assert (timeline.at, timeline.frames) == (100, 600)
    assert np.allclose(played(timeline), expected, rtol=0, atol=1e-15)


SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda way: way,
    "equal_power": lambda way: np.sin(np.pi / 2 * way),
    "s_curve": lambda way: (1 - np.cos(np.pi * way)) / 2,
    "exponential": lambda way: 10 ** (-3 * (1 - way)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_fades_have_the_shape_that_they_say(tmp_path: Path, shape: str) -> None:
    wave(tmp_path / "a.wav", np.ones((1000, 1)))
    fades = {
        "fade_in": {"length": "100 samples", "shape": shape},
        "fade_out": {"length": "50 samples", "shape": shape},
    }
    gains = played(placed(tmp_path, clips=[{"file": "a.wav", **fades}]))[:, 0]
    way = (np.arange(100) + 0.5) / 100
    assert np.allclose(gains[:100], SHAPES[shape](way), atol=1e-12)
    assert np.all(gains[100:950] == 1.0)
    assert np.allclose(gains[950:], SHAPES[shape]((np.arange(50)[::-1] + 0.5) / 50), atol=1e-12)


@pytest.mark.parametrize(("shape", "power"), [("equal_power", 2), ("linear", 1), ("s_curve", 1)])
def test_a_crossfade_keeps_power_or_amplitude_by_its_shape(tmp_path: Path, shape: str, power: int) -> None:
    wave(tmp_path / "a.wav", np.ones((1000, 1)))
    clips = [{"file": "a.wav", "at": 0}, {"file": "a.wav", "at": "800 samples"}]
    pieces = placed(tmp_path, clips=clips, crossfade=shape).pieces
    out, come = pieces[0].gains(800, 1000), pieces[1].gains(0, 200)
    assert np.allclose(np.asarray(out) ** power + np.asarray(come) ** power, 1.0, atol=1e-12)
    if power == 1:
        assert np.allclose(played(placed(tmp_path, clips=clips, crossfade=shape)), 1.0, atol=1e-12)


def test_a_fade_of_its_own_stands_instead_of_the_crossfade(tmp_path: Path) -> None:
    wave(tmp_path / "a.wav", np.ones((1000, 1)))
    clips = [
        {"file": "a.wav", "at": 0},
        {"file": "a.wav", "at": "800 samples", "fade_in": {"length": "10 samples", "shape": "linear"}},
    ]
    heard = played(placed(tmp_path, clips=clips, crossfade="linear"))[:, 0]
    assert heard[900] == pytest.approx(1.0 + (100 - 0.5) / 200)


def test_the_fader_moves_straight_in_db_and_stands_outside_its_breakpoints(tmp_path: Path) -> None:
    wave(tmp_path / "a.wav", np.ones((4800, 1)))
    points = [{"at": 1.02, "value": -12.0}, {"at": 1.06, "value": 0.0}]
    heard = played(placed(tmp_path, file="a.wav", at=1.0, automation={"gain_db": points}))[:, 0]
    levels_db = 20 * np.log10(heard)
    assert np.allclose(levels_db[:961], -12.0)
    assert np.allclose(levels_db[960:2881], np.linspace(-12.0, 0.0, 1921), atol=1e-9)
    assert np.all(heard[2880:] == 1.0)


@pytest.mark.parametrize("bus", ["2.0", "5.1"])
def test_a_pan_that_stands_still_is_the_stems_own_pan(tmp_path: Path, bus: str) -> None:
    samples = noise(500)
    wave(tmp_path / "a.wav", samples)
    for pan in (-1.0, -0.3, 0.0, 0.25, 1.0):
        moving = placed(tmp_path, bus=bus, file="a.wav", automation={"pan": [{"at": 0, "value": pan}]})
        matrix = placing_matrix(moving.layout, LAYOUTS[bus])
        with TimelineReader(moving, matrix) as reader:
            heard = reader.read(500)
        still = samples * np.array(placing_matrix(MONO, LAYOUTS[bus], pan)).T
        assert np.allclose(heard, still, atol=1e-15), pan


def test_a_moving_pan_keeps_its_power(tmp_path: Path) -> None:
    wave(tmp_path / "a.wav", np.ones((4800, 1)))
    points = [{"at": 0, "value": -1.0}, {"at": 0.1, "value": 1.0}]
    heard = played(placed(tmp_path, file="a.wav", automation={"pan": points}))
    assert np.allclose((heard**2).sum(axis=1), 1.0)
    assert heard[0, 0] > 0.999
    assert heard[-1, 1] > 0.999


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 96_000])
@pytest.mark.parametrize("first", [0, 1, 147, 10_001])
def test_an_impulse_of_a_clip_from_another_rate_lands_on_its_sample(tmp_path: Path, rate_hz: int, first: int) -> None:
    """The frame that a clip begins with falls on the sample where the clip begins, whatever the rates."""
    later = rate_hz // 4
    samples = np.zeros((2 * rate_hz, 1))
    samples[first + later] = 1.0
    wave(tmp_path / "a.wav", samples, rate_hz)
    heard = played(placed(tmp_path, clips=[{"file": "a.wav", "in": f"{first} samples", "at": 1.0}]))[:, 0]
    assert np.argmax(np.abs(heard)) == RATE_HZ // 4
    around = heard[RATE_HZ // 4 - 3 : RATE_HZ // 4 + 4]
    assert np.allclose(around, around[::-1], atol=1e-3 * np.abs(around).max()), "it lies between two samples"


@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
def test_a_cut_does_not_change_what_is_heard_beside_it(tmp_path: Path, rate_hz: int) -> None:
    """The converter hears the file before and after the clip: no click at the cut."""
    time_s = np.arange(rate_hz) / rate_hz
    wave(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 441 * time_s)[:, None], rate_hz)
    heard = played(placed(tmp_path, clips=[{"file": "a.wav", "in": 0.25, "out": 0.75}]))[:, 0]
    assert len(heard) == RATE_HZ // 2
    there_s = 0.25 + np.arange(len(heard)) / RATE_HZ
    assert np.abs(heard - 0.5 * np.sin(2 * np.pi * 441 * there_s)).max() < 1e-6


@pytest.mark.parametrize(("pull", "ratio"), [("1001/1000", 1.001), ("1000/1001", 1 / 1.001), ("25/24", 25 / 24)])
def test_a_pull_changes_length_and_pitch_alike(tmp_path: Path, pull: str, ratio: float) -> None:
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    wave(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 1000 * time_s)[:, None])
    timeline = placed(tmp_path, file="a.wav", pull=pull)
    heard = played(timeline)[:, 0]
    assert timeline.frames == len(heard) == -(-2 * RATE_HZ * Fraction(pull).denominator // Fraction(pull).numerator)
    there_s = np.arange(len(heard)) / RATE_HZ
    middle = slice(4800, -4800)
    assert np.abs(heard - 0.5 * np.sin(2 * np.pi * 1000 * ratio * there_s))[middle].max() < 1e-5


def test_a_clip_without_a_place_stands_at_its_files_time_reference(tmp_path: Path) -> None:
    samples = noise(1000)
    broadcast_wave(tmp_path / "a.wav", samples, 3_602 * RATE_HZ + 5)
    assert placed(tmp_path, clips=[{"file": "a.wav"}]).at == 2 * RATE_HZ + 5
    assert placed(tmp_path, file="a.wav").at == 2 * RATE_HZ + 5
    cut = placed(tmp_path, clips=[{"file": "a.wav", "in": "100 samples"}])
    assert cut.at == 2 * RATE_HZ + 105, "what is cut off its beginning moves nothing else"
    assert placed(tmp_path, clips=[{"file": "a.wav", "at": 0.0}]).at == 0


def test_a_time_reference_is_at_the_files_own_rate(tmp_path: Path) -> None:
    broadcast_wave(tmp_path / "a.wav", noise(1000), 3_601 * 44_100, 44_100)
    assert placed(tmp_path, file="a.wav").at == RATE_HZ
    in_samples = Clock(RATE_HZ, start=f"{3_600 * RATE_HZ} samples")
    assert placed(tmp_path, in_samples, file="a.wav").at == RATE_HZ, "a start in samples is at the programme's"


@pytest.mark.parametrize(
    ("clock", "pull", "recorded_at", "in_s"),
    [
        (Clock(RATE_HZ, "24", "01:00:00:00"), "1001/1000", Fraction(24_000, 1001), Fraction(5005, 1000)),
        (Clock(RATE_HZ, "25", "01:00:00:00"), "25/24", Fraction(24), Fraction(5)),
        (Clock(RATE_HZ, "23.976", "01:00:00:00"), "1000/1001", Fraction(24), Fraction(5)),
        (Clock(RATE_HZ, "24", "01:00:00:00"), "24/25", Fraction(25), Fraction(5)),
        (Clock(44_100, "25"), "1001/960", Fraction(24_000, 1001), Fraction(5005, 1000)),
    ],
)
def test_a_file_that_is_pulled_keeps_the_timecode_that_it_was_recorded_with(
    tmp_path: Path, clock: Clock, pull: str, recorded_at: Fraction, in_s: Fraction
) -> None:
    """What was recorded n frames after the start is heard n frames after it."""
    counted = round(recorded_at)
    hour = 3600 * counted / recorded_at if clock.start else Fraction(0)
    broadcast_wave(tmp_path / "a.wav", noise(6 * RATE_HZ), round((hour + 100 / recorded_at) * RATE_HZ))
    frame = FRAME_RATES[clock.frame_rate or ""] * Fraction(1, clock.rate_hz)
    assert placed(tmp_path, clock, file="a.wav", pull=pull).at * frame == pytest.approx(100, abs=1e-3)
    second = f"{'01' if clock.start else '00'}:00:{100 // counted + 5:02}:{100 % counted:02}"
    (piece,) = placed(tmp_path, clock, clips=[{"file": "a.wav", "pull": pull, "in": second}]).pieces
    assert piece.first == round(in_s * RATE_HZ)
    assert piece.at * frame == pytest.approx(100 + 5 * counted, abs=1e-3)


def test_a_file_that_is_pulled_to_no_frame_rate_goes_by_the_clock(tmp_path: Path) -> None:
    broadcast_wave(tmp_path / "a.wav", noise(RATE_HZ), 3_750 * RATE_HZ)
    clock = Clock(RATE_HZ, "29.97", 3600.0)
    assert placed(tmp_path, clock, file="a.wav", pull="25/24").at == 0
    with pytest.raises(
        ProjectError, match=r"in: 01:02:30:00 is a timecode, but no frame rate becomes the project's by the"
    ):
        placed(tmp_path, clock, clips=[{"file": "a.wav", "pull": "25/24", "in": "01:02:30:00"}])


def test_a_timecode_that_the_recorder_had_not_is_refused(tmp_path: Path) -> None:
    broadcast_wave(tmp_path / "a.wav", noise(RATE_HZ), 3_600 * RATE_HZ)
    with pytest.raises(ProjectError, match=r"in: '01:00:00:24' has no frame 24: at 24 frames a second"):
        placed(tmp_path, clips=[{"file": "a.wav", "pull": "25/24", "in": "01:00:00:24"}])


def test_in_and_out_may_be_the_files_own_timecode(tmp_path: Path) -> None:
    samples = noise(RATE_HZ)
    broadcast_wave(tmp_path / "a.wav", samples, 7_200 * RATE_HZ)
    clip = {"file": "a.wav", "in": "02:00:00:05", "out": "02:00:00:10", "at": 0}
    heard = played(placed(tmp_path, clips=[clip]))
    assert np.array_equal(heard, samples[5 * 1920 : 10 * 1920].astype(np.float32))


def test_a_file_that_runs_over_midnight_has_one_timecode_throughout(tmp_path: Path) -> None:
    samples = noise(2 * RATE_HZ)
    broadcast_wave(tmp_path / "a.wav", samples, (86_400 - 1) * RATE_HZ)
    clip = {"file": "a.wav", "in": "23:59:59:20", "out": "00:00:00:05", "at": 0}
    heard = played(placed(tmp_path, clips=[clip]))
    assert np.array_equal(heard, samples[20 * 1920 : 30 * 1920].astype(np.float32))
    assert placed(tmp_path, clock=Clock(RATE_HZ, "25"), clips=[{"file": "a.wav", "in": "00:00:00:05"}]).at == 5 * 1920
    with pytest.raises(ProjectError, match=r"in: 23:59:58:00 lies before the beginning of .*a\.wav, 23:59:59:00"):
        placed(tmp_path, clips=[clip | {"in": "23:59:58:00"}])


REFUSED = {
    "past the end": ([{"file": "a.wav", "out": 2.0}], r"clip 1: out: 2 s lies past the end of .*a\.wav, which is 1 s"),
    "begins past it": (
        [{"id": "door", "file": "a.wav", "in": 1.0}],
        r"clip 'door': in: 1 s lies past the end of .*a\.wav",
    ),
    "backwards": ([{"file": "a.wav", "in": 0.5, "out": 0.25}], r"out: 0.25 s must lie after 'in' \(0.5 s\)"),
    "fades too long": (
        [{"file": "a.wav", "out": 0.1, "fade_in": {"length": 0.06}, "fade_out": {"length": 0.05}}],
        r"clip 1: its fades take 5280 samples, but it has only 4800 of .*a\.wav",
    ),
    "no timecode": (
        [{"file": "a.wav", "in": "01:00:00:00"}],
        r"in: 01:00:00:00 is a timecode, but .*a\.wav has no",
    ),
    "within": (
        [{"file": "a.wav", "at": 0}, {"id": "x", "file": "a.wav", "out": 0.1, "at": 0.5}],
        r"clip 'x': .*a\.wav lies within clip 1 \(.*a\.wav\)",
    ),
    "three at once": (
        [{"file": "a.wav", "at": 0}, {"file": "a.wav", "at": 0.4}, {"file": "a.wav", "at": 0.8}],
        r"clip 3: .*a\.wav overlaps two clips before it",
    ),
    "two layouts": ([{"file": "a.wav"}, {"file": "b.wav", "at": 5.0}], r"b\.wav is 2\.0 and .*a\.wav .* is 1\.0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_placed_is_refused_with_clip_and_file(tmp_path: Path, case: str) -> None:
    wave(tmp_path / "a.wav", noise(RATE_HZ))
    wave(tmp_path / "b.wav", noise(RATE_HZ, 2))
    clips, message = REFUSED[case]
    with pytest.raises(ProjectError, match=rf"film\.json: stem 'DX': .*{message}"):
        placed(tmp_path, clips=clips)


def test_before_the_programme_is_refused_with_both_times(tmp_path: Path) -> None:
    broadcast_wave(tmp_path / "a.wav", noise(100), 1800 * RATE_HZ)
    with pytest.raises(ProjectError, match=r"a\.wav has a time reference of 00:30:00:00, and .* starts at 01:00:00:00"):
        placed(tmp_path, file="a.wav")


def test_a_stem_brought_into_line_loses_what_lay_before_the_programme(tmp_path: Path) -> None:
    samples = noise(1000)
    wave(tmp_path / "a.wav", samples)
    timeline = placed(tmp_path, file="a.wav").moved(-300, inverted=True)
    assert (timeline.at, timeline.frames) == (0, 700)
    assert np.array_equal(played(timeline, 128), -samples[300:])


@st.composite
def timelines(draw: st.DrawFn) -> dict[str, Any]:
    """Clips of three files, one after another with gaps or overlaps, fades, gains and faders that move."""
    at, clips = 0, []
    for number in range(draw(st.integers(1, 5))):
        length = draw(st.integers(200, 3000))
        first = draw(st.integers(0, 500))
        clip: dict[str, Any] = {
            "id": f"c{number}",
            "file": draw(st.sampled_from(["a.wav", "b.wav", "c.wav"])),
            "in": f"{first} samples",
            "out": f"{first + length} samples",
            "at": f"{at} samples",
            "gain_db": draw(st.sampled_from([0.0, -3.0, 6.0])),
        }
        if draw(st.booleans()):
            shape = draw(st.sampled_from(sorted(SHAPES)))
            clip["fade_in"] = {"length": f"{draw(st.integers(1, 50))} samples", "shape": shape}
        clips.append(clip)
        at += (
            draw(st.integers(3100, 9000)) if clip["file"] == "c.wav" else max(length + draw(st.integers(-90, 400)), 150)
        )
    points = draw(st.lists(st.integers(0, 10_000), unique=True, max_size=4).map(sorted))
    values = draw(st.lists(st.floats(-40, 12), min_size=len(points), max_size=len(points)))
    gain_db = [{"at": f"{point} samples", "value": value} for point, value in zip(points, values, strict=True)]
    return {"clips": draw(st.permutations(clips)), "automation": {"gain_db": gain_db}}


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    wave(folder / "a.wav", noise(4000, seed=1))
    wave(folder / "b.wav", noise(4000, seed=2))
    wave(folder / "c.wav", noise(4000, seed=3), 44_100)
    return folder


@given(fields=timelines())
@settings(max_examples=40, deadline=None)
def test_no_sample_depends_on_the_size_of_blocks(material: Path, fields: dict[str, Any]) -> None:
    timeline = placed(material, **fields)
    whole = played(timeline, 10**6)
    assert len(whole) == timeline.frames
    for size in (97, 512, 4096):
        assert np.array_equal(played(timeline, size), whole)


@given(fields=timelines(), turns=st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 2_000)), max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_skip_comes_to_the_samples_that_reading_comes_to(
    material: Path, fields: dict[str, Any], turns: list[tuple[int, int]]
) -> None:
    """Over gaps and whole clips, into fades and crossfades, past the end."""
    timeline = placed(material, **fields)
    whole = played(timeline)
    with TimelineReader(timeline, fold_matrix(timeline.layout, timeline.layout)) as reader:
        for due, block in taken_by_turns(reader, turns):
            assert block.shape == whole[due].shape
            assert np.abs(block - whole[due]).max(initial=0.0) < 1e-9


def test_a_skip_in_a_stem_that_does_not_say_its_length_comes_to_the_same_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", noise(20_000), RATE_HZ)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    for fields in ({"file": "a.flac"}, {"clips": [{"file": "a.flac", "in": "7 samples"}]}):
        timeline = placed(tmp_path, **fields)
        assert timeline.frames is None
        whole = played(timeline)
        with TimelineReader(timeline, fold_matrix(MONO, MONO)) as reader:
            for due, block in taken_by_turns(reader, [(0, 9), (12_345, 700), (50_000, 5)]):
                assert np.array_equal(block, whole[due])


@given(fields=timelines(), later=st.integers(1, 5000))
@settings(max_examples=20, deadline=None)
def test_a_stem_moved_as_a_whole_is_the_same_stem(material: Path, fields: dict[str, Any], later: int) -> None:
    timeline = placed(material, **(fields | {"automation": {}}))
    moved = timeline.moved(later)
    hashes = {material / name: name for name in ("a.wav", "b.wav", "c.wav")}
    assert moved.at == timeline.at + later
    assert moved.sha256(hashes) == timeline.sha256(hashes)
    assert np.array_equal(played(moved), played(timeline))


@pytest.mark.parametrize(
    ("one", "other"),
    list(
        itertools.combinations(
            [
                {"clips": [{"file": "a.wav"}]},
                {"clips": [{"file": "a.wav", "gain_db": -1.0}]},
                {"clips": [{"file": "a.wav", "in": "1 samples"}]},
                {"clips": [{"file": "a.wav", "out": "3999 samples"}]},
                {"clips": [{"file": "a.wav", "fade_in": {"length": "9 samples"}}]},
                {"clips": [{"file": "a.wav", "fade_in": {"length": "9 samples", "shape": "linear"}}]},
                {"clips": [{"file": "a.wav", "pull": "25/24"}]},
                {"clips": [{"file": "a.wav", "at": 0}, {"file": "b.wav", "at": 1}]},
                {"clips": [{"file": "a.wav", "at": 0}, {"file": "b.wav", "at": 2}]},
                {"file": "a.wav", "automation": {"gain_db": [{"at": 0, "value": -1.0}]}},
                {"file": "a.wav", "automation": {"pan": [{"at": 0, "value": -1.0}]}},
            ],
            2,
        )
    ),
)
def test_whatever_is_heard_differently_has_another_hash(
    material: Path, one: dict[str, Any], other: dict[str, Any]
) -> None:
    hashes = {material / name: name for name in ("a.wav", "b.wav")}
    assert placed(material, **one).sha256(hashes) != placed(material, **other).sha256(hashes)


def test_flac_is_found_to_the_sample_and_ogg_is_decoded_up_to_there(tmp_path: Path) -> None:
    samples = noise(200_000) * 0.5
    for name, kind in (("a.flac", "PCM_24"), ("a.ogg", "VORBIS")):
        soundfile.write(tmp_path / name, samples, RATE_HZ, subtype=kind)
        with StemReader(tmp_path / name, RATE_HZ, fold_matrix(MONO, MONO)) as reader:
            whole = reader.read(200_000)
        cut = placed(tmp_path, clips=[{"file": name, "in": "123457 samples", "out": "150001 samples"}])
        assert np.array_equal(played(cut), whole[123_457:150_001]), name


def test_clips_of_many_channels_stay_on_their_channels(tmp_path: Path) -> None:
    samples = noise(2000, 6)
    soundfile.write(tmp_path / "a.wav", samples, RATE_HZ, subtype="FLOAT")
    stem = stem_of(clips=[{"file": "a.wav", "layout": "5.1", "in": "100 samples"}])
    files = [inspect(tmp_path / "a.wav", SURROUND_5_1)]
    timeline = timeline_of(lambda _: "film.json", stem, files, CLOCK, SURROUND_5_1)
    assert np.array_equal(played(timeline), samples[100:].astype(np.float32))


def test_the_hash_of_discrete_files_holds_every_sample_and_what_it_is_for(tmp_path: Path) -> None:
    samples = noise(100, 2)
    wave(tmp_path / "l.wav", samples[:, :1])
    wave(tmp_path / "r.wav", samples[:, 1:])

    def timeline(left: str, right: str) -> Timeline:
        stem = stem_of(files={"R": right, "L": left})
        paths = {label: tmp_path / str(path) for label, path in stem.timeline[0].paths.items() if label}
        return timeline_of(lambda _: "film.json", stem, [inspect_discrete(paths)], CLOCK, STEREO)

    hashes = {tmp_path / name: sha256_of(tmp_path / name) for name in ("l.wav", "r.wav")}
    right_way = timeline("l.wav", "r.wav")
    assert right_way.is_whole_file
    assert right_way.sha256(hashes) != timeline("r.wav", "l.wav").sha256(hashes)
    assert right_way.sha256(hashes) != right_way.sha256(hashes | {tmp_path / "r.wav": "another"})
    assert np.array_equal(played(right_way), samples)
