"""`files.features` and the frames it keeps: what is stored is what was heard, or it is not believed."""

from __future__ import annotations

import errno
import io
import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix.errors import OutputError
from stemmix.files import features
from stemmix.files.cache import Cache
from stemmix.files.features import FeatureStore, feature_store
from stemmix.model.features import COLUMN_COUNT, COLUMNS, Frames, Onset, Span, StemFacts
from stemmix.model.layouts import MONO, STEREO, SURROUND_5_1, fold_matrix, in_film_order, placing_matrix
from stemmix.model.receipt import Measured
from tests.held_frames import HeldFrames
from tests.reference.features import packed_rows

MEASURED = Measured(
    integrated_lufs=-23.01,
    short_term_max_lufs=-20.0,
    momentary_max_lufs=None,
    lra_lu=None,
    true_peak_dbtp=-3.2,
    sample_peak_dbfs=-3.3,
    reasons={"lra_lu": "shorter than 3 s"},
)
FACTS = StemFacts(
    sample_rate=48_000,
    frames=96_000,
    lead_samples=17,
    source_rate=44_100,
    source_layout="1.0",
    measured=MEASURED,
    dc=-0.001,
    clipped_runs=2,
    noise_floor_db=-61.5,
    classic_rms_db=(-20.0, -21.0, -22.0, -23.0, -24.0, -25.0, -200.0),
    centroid_hz=812.5,
    flatness=0.0123,
    rolloff_hz=2345.5,
    onsets=(Onset(at=960, strength_db=12.5),),
    active=(Span(start=0, end=48_000),),
    spoken=(Span(start=960, end=24_000),),
    warnings=("is clipped – in two places",),
)
KEY = FeatureStore.key("ab" * 32, 48_000, 17, MONO.labels, fold_matrix(MONO, STEREO))


def some_rows(count: int, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    return packed_rows(random.uniform(-120, 0, (count, COLUMN_COUNT - 2)), random.uniform(0, 20_000, (count, 2)))


def kept_in(folder: Path) -> FeatureStore:
    return FeatureStore(Cache(folder), folder / "scratch")


def names_in(folder: Path) -> list[str]:
    """Of all files under it."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def stored(folder: Path, rows: np.ndarray, key: str = KEY, cuts: int = 3) -> Path:
    with kept_in(folder) as store, store.write() as writer:
        for part in np.array_split(rows, cuts):
            writer.rows(part)
        writer.finish(FACTS)
        assert writer.keep(key) is not None
    return folder / "features" / f"{key}.features"


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_what_was_stored_comes_back_in_any_stretch(tmp_path: Path, count: int) -> None:
    rows = some_rows(count)
    stored(tmp_path, rows)
    with kept_in(tmp_path) as store:
        entry = store.read(KEY)
        assert entry is not None
        facts, frames, _ = entry
        assert facts == FACTS
        assert frames.count == count
        held = HeldFrames(rows)
        for start, stop in [(0, count), (-5, 3), (count - 2, count + 4), (400, 401), (count + 9, count + 12), (5, 5)]:
            assert np.array_equal(frames.rows(start, stop), held.rows(start, stop))
            assert frames.rows(start, stop).shape == (stop - start, COLUMN_COUNT)


def test_frames_outside_a_stem_are_silent() -> None:
    held = HeldFrames(some_rows(10))
    frames = Frames(held, first=100, gain_db=6.0)
    assert frames.end == 110
    for column in ("total", "mid", "classic", "flatness"):
        assert np.all(frames.level_db(column, 95, 100) == -200.0)
        assert np.all(frames.level_db(column, 110, 113) == -200.0)
        assert np.all(frames.power(column, 110, 113) <= 1e-20)
    assert not frames.level_db("flux", 95, 100).any()
    assert not held.rows(-3, 0)[:, COLUMNS["centroid"]].any()
    assert not held.rows(-3, 0)[:, COLUMNS["rolloff"]].any()
    assert np.array_equal(frames.level_db("total", 100, 110), Frames(held).level_db("total", 0, 10) + 6.0)


def test_a_fader_moves_levels_and_nothing_else_and_silence_stays_silent() -> None:
    levels_db = np.full((2, COLUMN_COUNT - 2), -30.0)
    levels_db[1] = -250.0
    held = HeldFrames(packed_rows(levels_db, np.array([[440.0, 880.0], [0.0, 0.0]])))
    plain, raised = Frames(held), Frames(held, gain_db=7.5)
    for column in ("total", "mid", "classic", "extent"):
        assert np.all(raised.level_db(column, 0, 1) == -22.5)
        assert np.all(raised.level_db(column, 1, 2) == -200.0)
        assert raised.power(column, 0, 1) == pytest.approx(plain.power(column, 0, 1) * 10**0.75)
    for column in ("flatness", "flux", "centroid", "rolloff"):
        assert np.array_equal(raised.level_db(column, 0, 2), plain.level_db(column, 0, 2))


def test_rows_are_kept_to_a_hundredth_of_a_db_and_a_hertz() -> None:
    levels_db = np.random.default_rng(2).uniform(-199, 20, (50, COLUMN_COUNT - 2))
    frames = Frames(HeldFrames(packed_rows(levels_db, np.tile([1234.4, 5678.6], (50, 1)))))
    assert frames.level_db("total", 0, 50) == pytest.approx(levels_db[:, :36], abs=0.0051)
    assert np.all(frames.level_db("centroid", 0, 50) == 12.34), "in hundreds of Hz where it is read as a level"
    assert np.all(frames.level_db("rolloff", 0, 50) == 56.79)


def damaged(path: Path) -> dict[str, bytes]:
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 4
    in_the_facts = bytearray(whole)
    in_the_facts[-60] ^= 1
    longer = bytearray(whole)
    longer[-20:-12] = (2**40).to_bytes(8, "little")
    return {
        "empty": b"",
        "short": whole[:10],
        "truncated": whole[:-1],
        "cut in the rows": whole[:500],
        "a bit flipped": bytes(flipped),
        "a bit of the facts flipped": bytes(in_the_facts),
        "facts longer than the file": bytes(longer),
        "foreign": b"RIFF" + bytes(4000),
        "text": b"{}\n" * 300,
        "followed by something": whole + b"x",
    }


def test_an_entry_that_is_not_whole_is_not_believed_and_is_made_anew(tmp_path: Path) -> None:
    rows = some_rows(40)
    path = stored(tmp_path, rows)
    cases = damaged(path)
    assert len(cases) == 10
    for what, content in cases.items():
        path.write_bytes(content)
        with kept_in(tmp_path) as store:
            assert store.read(KEY) is None, what
            stored(tmp_path, rows)
            entry = store.read(KEY)
            assert entry is not None, what
            assert np.array_equal(entry[1].rows(0, 40), rows)


def test_facts_of_another_making_are_not_believed(tmp_path: Path) -> None:
    """A sound checksum does not make another version's facts readable."""
    with kept_in(tmp_path) as store:
        foreign = FACTS.model_copy(update={"frames": "many"})
        with store.write() as writer:
            writer.rows(some_rows(3))
            with pytest.warns(UserWarning, match="serialized value"):
                writer.finish(foreign)
            assert writer.keep(KEY) is not None
        assert names_in(tmp_path) == [f"{KEY}.features"]
        assert store.read(KEY) is None
        assert store.read("0" * 40) is None


def test_the_key_changes_with_every_input(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        FeatureStore.key(sha256, rate_hz, lead, labels, placing_matrix(MONO, STEREO, pan))
        for sha256, rate_hz, lead, labels, pan in product(
            ("aa", "ab"), (48_000, 96_000), (0, 1), (SURROUND_5_1.labels, in_film_order(SURROUND_5_1).labels), (0, 0.1)
        )
    }
    assert len(keys) == 32
    monkeypatch.setattr(features, "FEATURES_VERSION", features.FEATURES_VERSION + 1)
    assert FeatureStore.key("aa", 48_000, 0, SURROUND_5_1.labels, placing_matrix(MONO, STEREO)) not in keys


def test_an_entry_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    with kept_in(tmp_path) as store:
        with store.write() as writer:
            writer.rows(some_rows(3))
            assert store.read(KEY) is None
        assert names_in(tmp_path) == [], "it was never finished"
        with store.write() as writer:
            writer.rows(some_rows(3))
            frames = writer.finish(FACTS)
        assert np.array_equal(frames.rows(0, 3), some_rows(3))
        assert store.read(KEY) is None, "it has no key yet"

        def breaks_off() -> None:
            with store.write() as writer:
                writer.rows(some_rows(3))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            breaks_off()
    assert names_in(tmp_path) == [], "what has no key by now is kept by none"


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets every file of the cache take so many bytes more, and then nothing."""

    class Full(io.FileIO):
        left: int

        def write(self, data: Any) -> int:
            count = min(len(data), self.left)
            if not count:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.left -= count
            return super().write(data[:count])

    def fill(count: int) -> None:
        def opened(descriptor: int, mode: str, *, buffering: int) -> Full:
            file = Full(descriptor, "w+")
            file.left = count
            return file

        monkeypatch.setattr(features.os, "fdopen", opened)

    return fill


@pytest.mark.parametrize("room", [0, 1, 1000, 20 * 166, 100 * 166 - 1, 100 * 166, 100 * 166 + 30])
def test_a_full_cache_stops_nothing_and_keeps_nothing(tmp_path: Path, full: Callable[[int], None], room: int) -> None:
    """Rows and facts alike may find it full; what was written comes along to where there is room."""
    full(room)
    rows = some_rows(100)
    with kept_in(tmp_path) as store:
        with store.write() as writer:
            for part in np.array_split(rows, 7):
                writer.rows(part)
            frames = writer.finish(FACTS)
        assert frames.count == 100
        assert writer.keep(KEY) is None
        assert np.array_equal(frames.rows(0, 100), rows)
        assert names_in(tmp_path) == []
        assert store.read(KEY) is None


def test_where_neither_the_cache_nor_the_scratch_takes_anything_that_is_said(
    tmp_path: Path, full: Callable[[int], None]
) -> None:
    full(1000)
    (tmp_path / "scratch").touch()
    with kept_in(tmp_path) as store, store.write() as writer, pytest.raises(OutputError, match="cannot be written"):
        writer.rows(some_rows(100))
    assert names_in(tmp_path) == ["scratch"]
    (tmp_path / "a file").touch()
    with FeatureStore(None, tmp_path / "a file") as store, pytest.raises(OutputError, match="cannot be written"):
        store.write()


def test_frames_that_were_just_written_can_be_read_at_once_and_though_their_entry_is_forgotten(tmp_path: Path) -> None:
    """Another process may trim or clear the cache, while it is read and while it is written."""
    rows = some_rows(30)
    with kept_in(tmp_path) as store:
        with store.write() as writer:
            writer.rows(rows[:10])
            assert Cache(tmp_path).clear() == (0, 0)
            writer.rows(rows[10:])
            frames = writer.finish(FACTS)
        crc = writer.keep(KEY)
        entry = store.read(KEY)
        assert entry is not None
        assert entry.crc == crc
        assert Cache(tmp_path).clear()[0] == 1
        assert names_in(tmp_path) == []
        for each in (frames, entry[1]):
            assert np.array_equal(each.rows(0, 30), rows)
    stored(tmp_path, rows)
    with kept_in(tmp_path) as store, store.write() as writer:
        writer.rows(rows)
        shutil.rmtree(tmp_path)
        assert np.array_equal(writer.finish(FACTS).rows(0, 30), rows)
        assert writer.keep(KEY) is None


def test_two_writers_of_one_entry_leave_a_whole_one(tmp_path: Path) -> None:
    rows = some_rows(30)
    with kept_in(tmp_path) as store:
        with store.write() as one, store.write() as other:
            for part in np.array_split(rows, 3):
                one.rows(part)
                other.rows(part)
            one.finish(FACTS)
            other.finish(FACTS)
            assert one.keep(KEY) == other.keep(KEY) is not None
        assert names_in(tmp_path) == [f"{KEY}.features"]
        entry = store.read(KEY)
        assert entry is not None
        assert np.array_equal(entry[1].rows(0, 30), rows)


def test_an_entry_under_the_name_of_another_is_not_believed(tmp_path: Path) -> None:
    path = stored(tmp_path, some_rows(30))
    other = "0" * 40
    path.rename(path.with_name(f"{other}.features"))
    with kept_in(tmp_path) as store:
        assert store.read(other) is None


def test_the_users_store_is_kept_and_a_scratch_one_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    scratch = tmp_path / "scratch"
    with feature_store(scratch, keep=True) as store:
        assert store.cache is not None
        assert store.cache.home == tmp_path / "cache" / "stemmix"
        stored(store.cache.home, some_rows(2))
    assert names_in(tmp_path) == [f"{KEY}.features"]
    assert not scratch.exists()
    with feature_store(scratch, keep=False) as store, store.write() as writer:
        writer.rows(some_rows(2))
        assert writer.finish(FACTS).count == 2
        assert writer.keep(KEY) is None
        assert store.read(KEY) is None
    assert list(scratch.iterdir()) == []


def test_without_a_home_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    with feature_store(tmp_path, keep=True) as store:
        assert store.cache is None
    (tmp_path / "a file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a file"))
    with feature_store(tmp_path, keep=True) as store, store.write() as writer:
        writer.rows(some_rows(2))
        writer.finish(FACTS)
        assert writer.keep(KEY) is None
