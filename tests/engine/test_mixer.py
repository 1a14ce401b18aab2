"""`engine.mixer`: everything stands where it belongs to the sample, whatever the blocks and the threads."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.bands import BAND_COUNT
from stemmix.crew import Crew
from stemmix.dsp.dynamics import Shape, StemGains
from stemmix.engine.mixer import (
    BLOCK_FRAMES,
    AlignedStem,
    MixedStem,
    blocks_of,
    bus_of,
    folded,
    gains_of_stem,
    mixed_blocks,
    mixed_passages,
)
from stemmix.engine.strip import Strip
from stemmix.files.audio import AudioFile, inspect
from stemmix.files.timeline import Piece, Timeline
from stemmix.model.layouts import MONO, STEREO, SURROUND_5_1, SURROUND_7_1_4, Layout, fold_matrix, placing_matrix
from stemmix.model.moves import Duck, Unmask
from stemmix.model.plan import Move, Plan, PlannedShape, PlannedStem
from stemmix.model.profiles import Role
from tests.material import RATE_HZ, SIZES, noise, write_audio

RISING = tuple(-0.25 * band for band in range(BAND_COUNT))
UNMASK = Unmask(kind="unmask", mid_db=RISING, side_db=RISING[::-1])
SHAPE = PlannedShape(look_ahead_s=0.08, hold_s=0.35, ramp_s=0.25)


def plan_of(stems: list[Written], frames: int, moves: tuple[Move, ...] = ()) -> Plan:
    return Plan(
        schema_="stemmix.plan/1",
        title="A test",
        profile="film",
        sample_rate=RATE_HZ,
        frames=frames,
        clarity_goal=0.5,
        stems=tuple(PlannedStem(id=stem.id, sha256="", frames=1, at=stem.at, role=Role.MUSIC) for stem in stems),
        shape=SHAPE,
        moves=moves,
        lines=(),
        conflicts=(),
        edges=(),
    )


def move(stem: str, start: int, end: int, action: Unmask | Duck) -> Move:
    return Move(id=f"M{start}-{stem}-{action.kind}", stem=stem, start=start, end=end, action=action, because=())


class Written(NamedTuple):
    """A stem on the disk, and where the project puts it."""

    id: str
    audio: AudioFile
    at: int
    gain_db: float
    pan: float = 0.0


def stem_of(folder: Path, name: str, samples: np.ndarray, at: int = 0, gain_db: float = 0.0) -> Written:
    return Written(name, inspect(write_audio(folder / f"{name}.wav", samples, subtype="DOUBLE")), at, gain_db)


def timeline(audio: AudioFile, at: int = 0) -> Timeline:
    """A whole file from a sample of the programme on."""
    return Timeline(RATE_HZ, (Piece("", audio, 0, at, audio.frames),), layout=audio.layout)


def as_mixed(plan: Plan, stems: list[Written], layout: Layout = STEREO) -> list[MixedStem]:
    return [
        MixedStem(timeline(stem.audio, stem.at), stem.gain_db, gains_of_stem(plan, stem.id), layout, stem.pan)
        for stem in stems
    ]


def mixed_once(plan: Plan, stems: list[Written], layout: Layout = STEREO) -> list[np.ndarray]:
    """Of every stem, the whole programme in blocks as large as they are made, on one thread."""
    taken = passages(as_mixed(plan, stems, layout), [(0, plan.frames)], BLOCK_FRAMES, 1)
    return [np.concatenate([block[index] for block in taken]) for index in range(len(stems))]


def passages(
    stems: list[MixedStem], spans: list[tuple[int, int]], size: int = BLOCK_FRAMES, threads: int = 2
) -> list[list[np.ndarray]]:
    """Of every stem, blocks of passages of the programme."""
    with Crew(threads, "mix") as crew:
        return list(mixed_passages(stems, spans, RATE_HZ, crew, size))


def mixed(
    plan: Plan, stems: list[Written], size: int = 4096, threads: int = 2, layout: Layout = STEREO
) -> list[np.ndarray]:
    """Of every stem, the whole programme."""
    planned = as_mixed(plan, stems, layout)
    with Crew(threads, "mix") as crew:
        taken = list(mixed_blocks(planned, plan.frames, plan.sample_rate, crew, size))
    for number, stem in enumerate(planned):
        alone = np.concatenate(list(blocks_of(stem, plan.frames, plan.sample_rate, size)))
        assert np.array_equal(alone, np.concatenate([block[number] for block in taken])), "alone it is the same"
    assert all(len(stem) == len(block[0]) for block in taken for stem in block)
    return [np.concatenate([block[index] for block in taken]) for index in range(len(stems))]


@pytest.fixture
def trio(tmp_path: Path) -> list[Written]:
    return [
        stem_of(tmp_path, "A", noise(50_000, seed=1), at=0),
        stem_of(tmp_path, "B", noise(20_001, seed=2), at=12_345, gain_db=-3.0),
        stem_of(tmp_path, "C", noise(1, seed=3), at=70_000),
    ]


def test_offsets_and_lengths_align_to_the_sample(trio: list[Written]) -> None:
    frames = 70_001
    a, b, c = mixed(plan_of(trio, frames), trio)
    for found, begin, samples in ((a, 0, noise(50_000, seed=1)), (c, 70_000, noise(1, seed=3))):
        wanted = np.zeros((frames, 2))
        wanted[begin : begin + len(samples)] = samples
        assert np.array_equal(found, wanted)
    assert not b[:12_345].any()
    assert not b[12_345 + 20_001 :].any()
    assert b[12_345 : 12_345 + 20_001] == pytest.approx(noise(20_001, seed=2) * 10 ** (-3 / 20), rel=1e-15)


def test_a_plan_that_ends_early_cuts_and_one_that_ends_late_is_filled_with_silence(trio: list[Written]) -> None:
    early, late = mixed(plan_of(trio, 30_000), trio), mixed(plan_of(trio, 90_000), trio)
    assert [len(stem) for stem in early] == [30_000] * 3
    assert all(np.array_equal(some, more[:30_000]) for some, more in zip(early, late, strict=True))
    assert not any(stem[70_001:].any() for stem in late)


def test_blocks_and_threads_change_no_bit(trio: list[Written]) -> None:
    moves = (
        move("A", 10_000, 20_000, Duck(kind="duck", gain_db=-6.0)),
        move("B", 15_000, 30_000, UNMASK),
    )
    plan = plan_of(trio, 70_001, moves)
    whole = mixed(plan, trio, 70_001, threads=1)
    assert not np.array_equal(whole[0], mixed(plan_of(trio, 70_001), trio)[0])
    for size, threads in ((512, 1), (4096, 2), (48_000, 4), (7 * 911, 3), (1 << 16, 2)):
        again = mixed(plan, trio, size, threads)
        assert all(np.array_equal(one, other) for one, other in zip(whole, again, strict=True))


def test_a_move_is_the_affair_of_its_stem_alone(trio: list[Written]) -> None:
    plain = mixed(plan_of(trio, 70_001), trio)
    moved = mixed(plan_of(trio, 70_001, (move("A", 0, 50_000, Duck(kind="duck", gain_db=-6.0)),)), trio)
    assert np.any(moved[0] != plain[0])
    assert np.array_equal(moved[1], plain[1])
    assert np.array_equal(moved[2], plain[2])


def test_the_sum_is_taken_in_the_order_of_the_stems() -> None:
    """Floating point is not associative, so the order is part of the result; the stems themselves are left alone."""
    blocks = [np.array([[1e16, 0.1]]), np.array([[1.0, 0.2]]), np.array([[-1e16, 0.3]])]
    kept = [block.copy() for block in blocks]
    assert bus_of(blocks).tolist() == [[0.0, 0.1 + 0.2 + 0.3]]
    assert bus_of(blocks[::-1]).tolist() == [[1.0 if -1e16 + 1.0 != -1e16 else 0.0, 0.3 + 0.2 + 0.1]]
    assert all(np.array_equal(block, before) for block, before in zip(blocks, kept, strict=True))


class Dribbling:
    """A source that gives fewer samples than it is asked for, as a decoder may."""

    def __init__(self, samples: np.ndarray) -> None:
        self._left = samples

    def read_into(self, out: np.ndarray) -> int:
        given, self._left = self._left[: min(len(out), 100)], self._left[min(len(out), 100) :]
        out[: len(given)] = given
        return len(given)


@pytest.mark.parametrize("size", [1, *SIZES])
def test_a_source_may_give_less_than_is_asked_for(size: int) -> None:
    samples = noise(1_050)
    strip = Strip(StemGains([], Shape(0.08, 0.35, 0.25), RATE_HZ, 2 * BAND_COUNT), 0.0, RATE_HZ)
    stem = AlignedStem(Dribbling(samples), 33, strip)
    assert stem.read(0).shape == (0, 2)
    total = 2_000 if size < 100 else 48_000
    out = np.concatenate([stem.read(size) for _ in range(0, total, size)])
    assert np.array_equal(out[33:1_083], samples)
    assert not out[:33].any()
    assert not out[1_083:].any()


# ---- from the middle on ---------------------------------------------------------------------------------------------


def busy_plan(stems: list[Written]) -> Plan:
    """Moves that stand, come, go and meet."""
    moves = (
        move("A", 60_000, 90_000, Duck(kind="duck", gain_db=-6.0)),
        move("A", 80_000, 200_000, UNMASK),
        move("B", 15_000, 180_000, UNMASK),
    )
    return plan_of(stems, 300_000, moves)


@pytest.fixture(scope="module")
def long_pair(tmp_path_factory: pytest.TempPathFactory) -> list[Written]:
    """Two stems of six seconds with stretches of digital silence; one is set in late."""
    folder = tmp_path_factory.mktemp("long")
    samples = noise(280_000, seed=1)
    for first, after in ((70_000, 70_900), (98_000, 106_600), (130_000, 190_000)):
        samples[first:after] = 0.0
    return [stem_of(folder, "A", samples), stem_of(folder, "B", noise(100_000, seed=2), at=80_123, gain_db=-3.0)]


@given(
    edges=st.lists(st.integers(0, 300_000), min_size=2, max_size=8).map(sorted),
    size=st.sampled_from([4096, 10_000, 1 << 16]),
)
@settings(max_examples=30, deadline=None)
def test_a_passage_is_to_the_bit_what_stands_there_in_the_whole(
    long_pair: list[Written], edges: list[int], size: int
) -> None:
    plan = busy_plan(long_pair)
    whole = mixed_once(plan, long_pair)
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    taken = passages(as_mixed(plan, long_pair), spans, size)
    for number, stem in enumerate(whole):
        wanted = np.concatenate([stem[first:after] for first, after in spans])
        found = np.concatenate([stem[:0], *(block[number] for block in taken)])
        assert np.array_equal(found, wanted)


@pytest.mark.parametrize("off", [0, 1, 1023, 1024, 8191])
def test_a_passage_may_begin_anywhere_on_the_grid_of_frames(long_pair: list[Written], off: int) -> None:
    """Where a group of frames begins, in its first half window, which the frame before reaches into, and at its end."""
    plan = busy_plan(long_pair)
    whole = mixed_once(plan, long_pair)
    for group in range(3, 24):
        first = group * 8192 + off
        ((a, b),) = passages(as_mixed(plan, long_pair), [(first, first + 3000)])
        assert np.array_equal(a, whole[0][first : first + 3000]), first
        assert np.array_equal(b, whole[1][first : first + 3000]), first


def test_a_passage_is_where_moves_are_at_work(long_pair: list[Written]) -> None:
    """Else the test above would hold for a strip that does nothing."""
    plain, moved = (mixed_once(plan, long_pair) for plan in (plan_of(long_pair, 300_000), busy_plan(long_pair)))
    assert all(np.any(one != other) for one, other in zip(plain, moved, strict=True))


def test_a_passage_far_into_the_programme_is_not_paid_for_by_what_lies_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stems = [stem_of(tmp_path, "A", noise(40 * RATE_HZ))]
    plan = plan_of(stems, 40 * RATE_HZ)
    cut = []
    process = Strip.process
    monkeypatch.setattr(Strip, "process", lambda self, block: cut.append(len(block)) or process(self, block))
    spans = [(second * RATE_HZ, (second + 1) * RATE_HZ) for second in (10, 20, 39)]
    assert sum(len(stem) for (stem,) in passages(as_mixed(plan, stems), spans)) == 3 * RATE_HZ
    assert sum(cut) < 6 * RATE_HZ


# ---- wider than stereo -----------------------------------------------------------------------------------------------


@pytest.fixture
def surround(tmp_path: Path) -> list[Written]:
    """A mono voice off centre, stereo music, an effect in 5.1."""
    voice = stem_of(tmp_path, "V", noise(40_000, 1, seed=1), at=1_000)._replace(pan=0.5)
    wide = inspect(write_audio(tmp_path / "W.wav", noise(50_000, 6, seed=3), subtype="DOUBLE"), SURROUND_5_1)
    return [voice, stem_of(tmp_path, "M", noise(60_000, seed=2), gain_db=-3.0), Written("W", wide, 5_000, 0.0)]


def surround_plan(stems: list[Written]) -> Plan:
    moves = (
        move("M", 10_000, 20_000, Duck(kind="duck", gain_db=-6.0)),
        move("W", 12_000, 30_000, UNMASK),
        move("V", 12_000, 30_000, UNMASK),
    )
    return plan_of(stems, 60_001, moves)


@pytest.mark.parametrize("layout", [SURROUND_5_1, SURROUND_7_1_4], ids=lambda layout: layout.name)
def test_every_stem_stands_where_it_belongs_on_a_wide_bus(surround: list[Written], layout: Layout) -> None:
    voice, music, wide = mixed(plan_of(surround, 60_001), surround, layout=layout)
    shares = placing_matrix(MONO, layout, 0.5)
    assert np.array_equal(voice[1_000:41_000], noise(40_000, 1, seed=1) * [row[0] for row in shares])
    assert np.flatnonzero(voice.any(axis=0)).tolist() == [1, 2], "between C and R"
    assert np.array_equal(music[:, :2], mixed(plan_of(surround, 60_001), surround)[1])
    assert not music[:, 2:].any()
    placed = folded(noise(50_000, 6, seed=3), SURROUND_5_1, layout)
    assert np.array_equal(wide[5_000:55_000], placed)


@pytest.mark.parametrize("layout", [SURROUND_5_1, SURROUND_7_1_4], ids=lambda layout: layout.name)
def test_blocks_and_threads_change_no_bit_of_a_wide_bus(surround: list[Written], layout: Layout) -> None:
    plan = surround_plan(surround)
    whole = mixed(plan, surround, 60_001, threads=1, layout=layout)
    for size, threads in ((512, 1), (4096, 2), (7 * 911, 3), (1 << 16, 4)):
        again = mixed(plan, surround, size, threads, layout)
        assert all(np.array_equal(one, other) for one, other in zip(whole, again, strict=True))


def test_a_passage_of_a_wide_bus_is_to_the_bit_what_stands_there(surround: list[Written]) -> None:
    """LFE, which follows moves of its own, and a centre by itself among them."""
    plan = surround_plan(surround)
    whole = mixed_once(plan, surround, SURROUND_5_1)
    for first, after in ((11_000, 25_000), (28_000, 60_001)):
        taken = passages(as_mixed(plan, surround, SURROUND_5_1), [(first, after)], 4096)
        for number, stem in enumerate(whole):
            assert np.array_equal(np.concatenate([block[number] for block in taken]), stem[first:after])


def test_the_fold_of_a_wide_bus_is_the_mix_in_stereo(surround: list[Written]) -> None:
    """Whatever the bus: a listener to the fold hears the cuts that were decided on it."""
    stems = [surround[0]._replace(pan=0.0), *surround[1:]]
    plan = surround_plan(stems)
    stereo = bus_of(mixed(plan, stems))
    for layout in (SURROUND_5_1, SURROUND_7_1_4):
        found = folded(bus_of(mixed(plan, stems, layout=layout)), layout, STEREO)
        assert np.abs(found - stereo).max() < 1e-6 * np.abs(stereo).max()


@pytest.mark.parametrize(
    ("source", "pan", "labels"),
    [
        (MONO, 0.0, ("C",)),
        (MONO, -0.5, ("L", "R", "C")),
        (MONO, 1.0, ("L", "R")),
        (STEREO, 0.0, ("L", "R")),
        (SURROUND_5_1, 0.0, SURROUND_5_1.labels),
    ],
)
def test_a_stem_takes_no_more_channels_than_it_fills_and_pairs_come_whole(
    tmp_path: Path, source: Layout, pan: float, labels: tuple[str, ...]
) -> None:
    audio = inspect(write_audio(tmp_path / "a.wav", noise(10, source.channels)), source)
    stem = MixedStem(timeline(audio), 0.0, gains_of_stem(plan_of([], 10), "A"), SURROUND_5_1, pan)
    found, matrix = stem.filled
    assert found == labels
    assert len(matrix) == len(labels)
    if not pan:
        rows = dict(zip(SURROUND_5_1.labels, fold_matrix(source, SURROUND_5_1), strict=True))
        assert matrix == tuple(rows[label] for label in labels)
