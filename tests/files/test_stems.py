"""`files.stems`: stems at the project's rate, on the channels that are asked for, however they lie in their files."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.errors import StemError
from stemmix.files.audio import AudioFile, AudioReader, inspect, inspect_discrete
from stemmix.files.broadcast import BroadcastInfo, Track, ixml_body
from stemmix.files.stems import RateConverter, StemReader
from stemmix.model.layouts import (
    LAYOUTS,
    MINUS_3_DB,
    MONO,
    STEREO,
    SURROUND_3_0,
    SURROUND_5_1,
    SURROUND_7_1_4,
    Layout,
    fold_matrix,
    in_film_order,
    placing_matrix,
)
from tests.material import all_of, taken_by_turns
from tests.reference.wave_bytes import chunk, fmt, riff

BLOCKS = (1, 7, 512, 4096, 48_000)


def noise(frames: int, channels: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels))


def samples_of(source: Path | AudioFile, block: int = 48_000) -> np.ndarray:
    with AudioReader(source) as reader:
        return all_of(reader, block)


def stem(path: Path, samples: np.ndarray, rate: int, out_rate: int, block: int = 48_000) -> np.ndarray:
    soundfile.write(path, samples, rate, subtype="DOUBLE")
    with StemReader(path, out_rate) as reader:
        expected = reader.expected_frames
        read = all_of(reader, block)
        assert len(read) == reader.frames_out == expected
    return read


def test_stereo_at_the_projects_rate_passes_untouched(tmp_path: Path) -> None:
    samples = noise(1000, 2)
    assert np.array_equal(stem(tmp_path / "a.wav", samples, 48_000, 48_000, 7), samples)


def test_mono_stands_in_the_centre_at_minus_3_db_a_side(tmp_path: Path) -> None:
    samples = noise(1000, 1)
    assert np.array_equal(stem(tmp_path / "a.wav", samples, 48_000, 48_000), samples * [MINUS_3_DB, MINUS_3_DB])


def test_5_1_folds_by_label_and_leaves_the_lfe_out(tmp_path: Path) -> None:
    data = np.eye(6).astype("<f4").tobytes()
    path = tmp_path / "a.wav"
    path.write_bytes(riff(fmt(6, bits=32, tag=3, mask=0x3F), chunk(b"data", data)))
    with StemReader(path, 48_000) as reader:
        folded = all_of(reader)
    g = MINUS_3_DB
    assert folded.tolist() == [[1, 0], [0, 1], [g, g], [0, 0], [g, 0], [0, g]]


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 44_056, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_from_another_rate_every_blocking_gives_the_same_samples(tmp_path: Path, rate: int, channels: int) -> None:
    samples = noise(rate // 3, channels)
    whole = stem(tmp_path / "a.wav", samples, rate, 48_000, 10**6)
    for block in BLOCKS[1:]:
        assert np.array_equal(stem(tmp_path / "a.wav", samples, rate, 48_000, block), whole), f"in blocks of {block}"
    few = samples[:50]
    assert np.array_equal(
        stem(tmp_path / "a.wav", few, rate, 48_000, 1), stem(tmp_path / "a.wav", few, rate, 48_000, 10**6)
    )


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
@pytest.mark.parametrize("second", [0.0, 0.01, 1.25])
def test_what_stands_at_a_time_in_the_file_stands_at_that_time_in_the_mix(
    tmp_path: Path, rate: int, second: float
) -> None:
    samples = np.zeros((2 * rate, 2))
    samples[round(second * rate)] = 1.0
    converted = stem(tmp_path / "a.wav", samples, rate, 48_000)
    assert np.argmax(np.abs(converted), axis=0).tolist() == [round(second * 48_000)] * 2


def drift(rate: int, seconds: int, every: int) -> set[int]:
    """How far impulses of a stream, one each `every` seconds, come to lie from their places at 48 kHz."""
    converter = RateConverter(Fraction(rate, 48_000), 1)
    off, done = set(), 0
    waiting = np.zeros(24_000)
    for second in range(seconds + 1):
        block = np.zeros((rate, 1))
        block[0] = second % every == 0
        made = converter.process(block) if second < seconds else converter.flush()
        waiting = np.concatenate((waiting, np.abs(made[:, 0])))
        while len(waiting) >= 48_000:
            # half a second on either side of each whole one
            here, waiting = waiting[:48_000], waiting[48_000:]
            if done % every == 0:
                off.add(int(np.argmax(here)) - 24_000)
            done += 1
    assert done == seconds
    return off


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_an_impulse_of_every_minute_lands_on_its_sample(rate: int) -> None:
    assert drift(rate, 300, 60) == {0}


@pytest.mark.long
@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_nothing_drifts_in_three_hours(rate: int) -> None:
    assert drift(rate, 3 * 3600, 600) == {0}


def test_a_sine_from_44_1_khz_is_the_same_sine_at_48_khz(tmp_path: Path) -> None:
    def sine(rate: int) -> np.ndarray:
        return 0.5 * np.sin(2 * np.pi * 997 * np.arange(2 * rate) / rate)[:, None].repeat(2, axis=1)

    converted = stem(tmp_path / "a.wav", sine(44_100), 44_100, 48_000)
    middle = slice(24_000, 72_000)
    assert np.max(np.abs(converted[middle] - sine(48_000)[middle])) < 1e-6


CONVERTED_DBFS = -180.0
"""How far from the samples of one that reads on a stem may be that was brought from another rate and skips."""


@pytest.mark.parametrize("rate", [44_100, 48_048, 96_000])
@pytest.mark.parametrize("first", [0, 3_001])
@given(turns=st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 5_000)), max_size=5))
@settings(max_examples=10, deadline=None)
def test_a_skip_comes_to_the_samples_that_reading_comes_to(
    tmp_path_factory: pytest.TempPathFactory, rate: int, first: int, turns: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("skip") / "a.wav"
    soundfile.write(path, noise(2 * rate, 1), rate, subtype="DOUBLE")
    with StemReader(path, 48_000, first=first) as reader:
        whole = all_of(reader)
    with StemReader(path, 48_000, first=first) as reader:
        for due, block in taken_by_turns(reader, turns):
            assert block.shape == whole[due].shape
            assert np.abs(block - whole[due]).max(initial=0.0) < 10 ** (CONVERTED_DBFS / 20)


def test_a_far_skip_reads_little_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In proportion to what is wanted, not to what lies before it."""
    read = []
    given_by = AudioReader.read
    monkeypatch.setattr(AudioReader, "read", lambda self, frames: read.append(frames) or given_by(self, frames))
    for name, rate, most in (("a.wav", 48_000, 100), ("b.flac", 48_000, 100), ("c.wav", 44_100, 60_000)):
        soundfile.write(tmp_path / name, noise(20 * rate, 1), rate)
        with StemReader(tmp_path / name, 48_000) as reader:
            reader.skip(19 * 48_000)
            assert len(reader.read(100)) == 100
        assert 100 <= sum(read) <= most, name
        read.clear()


def test_a_tone_that_the_mix_cannot_hold_does_not_come_back_as_another(tmp_path: Path) -> None:
    ultrasound = 0.5 * np.sin(2 * np.pi * 30_000 * np.arange(96_000) / 96_000)[:, None]
    converted = stem(tmp_path / "a.wav", ultrasound, 96_000, 48_000)
    assert np.max(np.abs(converted[4800:-4800])) < 1e-6


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 47_952, 96_000, 192_000])
@pytest.mark.parametrize("frames", [1, 2, 3, 97, 4410, 44_101])
def test_a_stem_is_every_instant_that_lies_within_it(tmp_path: Path, rate: int, frames: int) -> None:
    converted = stem(tmp_path / "a.wav", noise(frames, 1), rate, 48_000)
    assert len(converted) == math.ceil(frames * 48_000 / rate)


def test_damage_is_met_through_a_stem_too(tmp_path: Path) -> None:
    flac = tmp_path / "a.flac"
    soundfile.write(flac, noise(60_000, 1), 48_000)
    content = bytearray(flac.read_bytes())
    content[len(content) // 2] ^= 1
    flac.write_bytes(content)
    with StemReader(flac, 44_100) as reader, pytest.raises(StemError, match="damaged after frame"):
        all_of(reader, 100)


def test_reading_nothing_takes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(100, 2), 44_100)
    for reader in (StemReader(path, 48_000), StemReader(path, 44_100)):
        with reader:
            assert reader.read(0).shape == (0, 2)
            assert len(all_of(reader)) in (100, 109)
            assert reader.read(10).shape == (0, 2)


def surround(path: Path, samples: np.ndarray, layout: Layout, *, masked: bool = True) -> Path:
    """A float WAVE file of a layout, in the order of its labels."""
    header = fmt(layout.channels, bits=32, tag=3, mask=layout.masks[0] if masked else None)
    path.write_bytes(riff(header, chunk(b"data", samples.astype("<f4").tobytes())))
    return path


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
def test_every_layout_is_read_onto_every_other_by_label(tmp_path: Path, layout: Layout, rate_hz: int) -> None:
    samples = noise(3000, layout.channels).astype("<f4").astype(np.float64)
    path = surround(tmp_path / "a.wav", samples, layout)
    assert inspect(path).layout == layout
    with StemReader(path, rate_hz, fold_matrix(layout, layout)) as reader:
        own = all_of(reader)
    if rate_hz == 48_000:
        assert np.array_equal(own, samples)
    for target in LAYOUTS.values():
        with StemReader(path, rate_hz, fold_matrix(layout, target)) as reader:
            placed = all_of(reader)
        expected = np.einsum("nc,tc->nt", own, fold_matrix(layout, target))
        assert placed == pytest.approx(expected, abs=1e-12), target.name


@pytest.mark.parametrize("pan", [-1.0, -0.3, 0.5])
def test_a_mono_stem_stands_where_it_is_panned(tmp_path: Path, pan: float) -> None:
    samples = noise(1000, 1)
    soundfile.write(tmp_path / "a.wav", samples, 48_000, subtype="DOUBLE")
    matrix = placing_matrix(MONO, SURROUND_3_0, pan)
    with StemReader(tmp_path / "a.wav", 48_000, matrix) as reader:
        assert np.array_equal(all_of(reader), samples * [row[0] for row in matrix])


# ---- channels in another order, or in files of their own -------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
@pytest.mark.parametrize("block", [7, 4096])
def test_a_file_in_film_order_gives_the_samples_of_one_in_wave_order(
    tmp_path: Path, layout: Layout, block: int
) -> None:
    samples = noise(5000, layout.channels)
    film = in_film_order(layout)
    turned = samples[:, [layout.labels.index(label) for label in film.labels]]
    wave = inspect(surround(tmp_path / "wave.wav", samples, layout))
    other = inspect(surround(tmp_path / "film.wav", turned, layout, masked=False), layout, "film")
    assert (wave.labels, other.labels) == (layout.labels, film.labels)
    assert wave.layout == other.layout == layout
    assert np.array_equal(samples_of(wave, block), samples_of(other, block))
    assert not wave.warnings


def test_six_channels_in_film_order_are_5_1_and_nothing_is_assumed_in_words(tmp_path: Path) -> None:
    path = surround(tmp_path / "a.wav", noise(100, 6), SURROUND_5_1, masked=False)
    assert len(inspect(path).warnings) == 1
    audio = inspect(path, None, "film")
    assert (audio.layout, audio.labels, audio.warnings) == (SURROUND_5_1, ("L", "C", "R", "Ls", "Rs", "LFE"), ())


@pytest.mark.parametrize(
    ("names", "mask", "order"),
    [
        ("L C R Ls Rs LFE", None, "film"),
        ("L C R Ls Rs LFE", 0, "film"),
        ("L R C LFE Ls Rs", None, "wave"),
        ("L C R Ls Rs LFE", SURROUND_5_1.masks[0], "wave"),
        ("L LFE C Ls Rs R", None, "wave"),
        ("Boom Lav1 Lav2 C LFE R", None, "wave"),
    ],
)
def test_tracks_that_are_named_in_film_order_are_read_so_where_no_mask_says_another(
    tmp_path: Path, names: str, mask: int | None, order: str
) -> None:
    tracks = tuple(Track(name, "") for name in names.split())
    told = chunk(b"iXML", ixml_body(BroadcastInfo(tracks=tracks), 48_000, 32, SURROUND_5_1))
    data = chunk(b"data", noise(100, 6).astype("<f4").tobytes())
    path = tmp_path / "a.wav"
    path.write_bytes(riff(fmt(6, bits=32, tag=3, mask=mask), told, data))
    for layout in (None, SURROUND_5_1):
        audio = inspect(path, layout)
        assert (audio.layout, audio.order) == (SURROUND_5_1, order)
    assert inspect(path, None, "film").order == "film"


def test_a_given_layout_goes_before_what_the_file_says(tmp_path: Path) -> None:
    path = surround(tmp_path / "a.wav", noise(100, 12), SURROUND_7_1_4, masked=False)
    with pytest.raises(StemError, match=r"12 channels and does not say.*field 'layout'"):
        inspect(path)
    assert inspect(path, SURROUND_7_1_4).layout == SURROUND_7_1_4
    with pytest.raises(StemError, match=r"a\.wav: has 12 channels; the layout given for it, 5\.1, has 6$"):
        inspect(path, SURROUND_5_1)


def discrete(folder: Path, samples: np.ndarray, layout: Layout, suffix: str = "wav") -> dict[str, Path]:
    files = {}
    for channel, label in enumerate(layout.labels):
        files[label] = folder / f"a.{label}.{suffix}"
        soundfile.write(files[label], samples[:, channel], 48_000, subtype="PCM_24")
    return files


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_discrete_mono_files_are_read_as_one(tmp_path: Path, layout: Layout, suffix: str) -> None:
    samples = np.round(noise(70_000, layout.channels) * 2**23) / 2**23
    files = discrete(tmp_path, samples, layout, suffix)
    audio = inspect_discrete(dict(reversed(files.items())))
    assert (audio.layout, audio.frames) == (layout, 70_000)
    assert [part.path for part in audio.files] == [files[label] for label in layout.labels]
    for block in (511, 10**6):
        assert np.array_equal(samples_of(audio, block), samples)
    with StemReader(audio, 44_100) as reader:
        folded = all_of(reader, 1000)
    path = surround(tmp_path / "whole.wav", samples, layout)
    with StemReader(path, 44_100) as reader:
        assert folded == pytest.approx(all_of(reader), abs=1e-6), "floats of 32 bits hold 24, but for a bit"


def test_discrete_files_that_differ_are_refused_by_both_names(tmp_path: Path) -> None:
    for name, frames, rate, channels in (
        ("l", 100, 48_000, 1), ("short", 99, 48_000, 1), ("slow", 100, 44_100, 1), ("wide", 100, 48_000, 2)
    ):  # fmt: skip
        soundfile.write(tmp_path / f"{name}.wav", noise(frames, channels), rate)
    for other, fault in (
        ("short", "holds 99 frames, .*l.wav 100;"),
        ("slow", "is sampled at 44100 Hz, .*l.wav at 48000 Hz;"),
        ("wide", "has 2 channels; a file for R alone has one"),
        ("absent", "does not exist"),
    ):
        with pytest.raises(StemError, match=rf"{other}\.wav: {fault}") as refused:
            inspect_discrete({"L": tmp_path / "l.wav", "R": tmp_path / f"{other}.wav"})
        assert str(refused.value).startswith(str(tmp_path))
    with pytest.raises(ValueError, match="no layout has the channels L C"):
        inspect_discrete({"L": tmp_path / "l.wav", "C": tmp_path / "l.wav"})


@pytest.mark.parametrize("block", [7, 10**6])
def test_discrete_files_whose_lengths_show_only_in_the_end_are_refused_alike(tmp_path: Path, block: int) -> None:
    """A FLAC need not say how long it is."""
    for name, frames in (("l", 20_000), ("r", 20_001)):
        path = tmp_path / f"{name}.flac"
        soundfile.write(path, noise(frames, 1), 48_000)
        content = bytearray(path.read_bytes())
        content[21] &= 0xF0
        content[22:26] = bytes(4)
        path.write_bytes(content)
    audio = inspect_discrete({"L": tmp_path / "l.flac", "R": tmp_path / "r.flac"})
    assert (audio.layout, audio.frames) == (STEREO, None)
    with pytest.raises(StemError, match=r"r\.flac: holds 20001 frames, .*l\.flac 20000; .* equally long$"):
        samples_of(audio, block)


def test_a_fault_in_one_of_the_discrete_files_is_told_by_its_name(tmp_path: Path) -> None:
    samples = noise(100, 2)
    soundfile.write(tmp_path / "l.wav", samples[:, 0], 48_000, subtype="FLOAT")
    samples[50, 1] = np.nan
    soundfile.write(tmp_path / "r.wav", samples[:, 1], 48_000, subtype="FLOAT")
    audio = inspect_discrete({"L": tmp_path / "l.wav", "R": tmp_path / "r.wav"})
    with pytest.raises(StemError, match=r"r\.wav: holds a sample that is NaN or infinite, at frame 50$"):
        samples_of(audio)
