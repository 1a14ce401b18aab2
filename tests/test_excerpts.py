"""`excerpts`: what is listened to is what stands in the mix, beside what the stems would sum to, at one level."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

from stemmix import excerpts
from stemmix.alignment import as_planned
from stemmix.dsp.true_peak import TruePeakMeter
from stemmix.engine.mixer import folded
from stemmix.errors import StemError
from stemmix.excerpts import CEILING_DBTP, FADE_S, excerpts_of, mixed_at
from stemmix.files.documents import canonical
from stemmix.files.projects import read_project
from stemmix.model.excerpts import Excerpt, Place
from stemmix.model.exhibit import EXCERPTS
from stemmix.model.layouts import MINUS_3_DB, STEREO, SURROUND_5_1
from stemmix.model.plan import Plan
from stemmix.model.project import Project
from stemmix.model.receipt import Receipt
from stemmix.planning.places import LONGEST_S, worst_places
from stemmix.sources import Source, open_stems
from stemmix.stopping import StoppedError, raised_by_signals
from tests.evidence import conflict, line
from tests.material import (
    RATE_HZ,
    chords,
    clicks,
    edited,
    noise,
    plan_in,
    read_audio,
    rendered,
    scene,
    voice,
    write_audio,
    write_project,
)

EXAMPLE = Path(__file__).resolve().parents[1] / "projects" / "film_reel3.json"

UNLIMITED = {"name": "printmaster", "format": "wavfloat", "target_lufs": -40.0}
FAR_BELOW_DB = -120.0


class Mixed(NamedTuple):
    """A project that was rendered, and what excerpts are made from."""

    path: Path
    folder: Path
    project: Project
    plan: Plan
    sources: list[Source]
    receipt: Receipt

    def written(self, name: str = "printmaster") -> tuple[np.ndarray, float]:
        """A master's samples, and the gain that they stand at."""
        (file,) = [file for file in self.receipt.files if file.deliverable == name]
        assert file.limiting is None
        return read_audio(self.folder / file.path), 10 ** (file.gain_db / 20)

    def excerpts(self, places: Sequence[Place], gain_db: float | None = None, **options: Any) -> list[Excerpt]:
        """At the gain of the render, if no other is given."""
        gain_db = self.receipt.files[0].gain_db if gain_db is None else gain_db
        return excerpts_of(self.project, self.plan, self.sources, places, gain_db, **options)

    def heard(self, spans: Sequence[tuple[int, int]]) -> list[tuple[np.ndarray, np.ndarray]]:
        return list(mixed_at(self.project, self.plan, self.sources, spans))


def mixed(path: Path, folder: Path, plan_path: Path | None = None) -> Mixed:
    receipt = rendered(path, folder, plan_path)
    project, plan = read_project(path), plan_in(folder)
    return Mixed(path, folder, project, plan, as_planned(plan, open_stems(path, project)), receipt)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Mixed:
    folder = tmp_path_factory.mktemp("example")
    (folder / "film_reel3").mkdir()
    for stem in EXAMPLE.with_suffix("").glob("*.flac"):
        (folder / "film_reel3" / stem.name).write_bytes(stem.read_bytes())
    path = folder / EXAMPLE.name
    path.write_bytes(EXAMPLE.read_bytes())
    return mixed(edited(path, lambda project: project.update(deliverables=[UNLIMITED])), folder / "out")


FRAMES = 24 * RATE_HZ
LINES_S = [(1.0, 3.0), (4.0, 6.5), (8.0, 9.0), (13.0, 16.5), (18.0, 22.5)]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Mixed:
    """A bus in 5.1 of everything that a stem can be: clips that fade, faders and pans that move, another rate, a stem
    that comes late, one that is brought into line with another, one that is muted."""
    folder = tmp_path_factory.mktemp("busy")
    spoken = voice(FRAMES, LINES_S)
    far = np.zeros_like(spoken)
    far[437:] = -0.5 * spoken[:-437]
    write_audio(folder / "lav.wav", spoken + noise(FRAMES, 1, seed=8, rms=1e-4))
    write_audio(folder / "boom.wav", far + noise(FRAMES, 1, seed=9, rms=1e-4))
    write_audio(folder / "mx.flac", 0.7 * chords(FRAMES))
    write_audio(folder / "fx.wav", 0.4 * noise(10 * RATE_HZ, 6, seed=7, rms=0.02))
    write_audio(folder / "hits.wav", clicks(FRAMES * 441 // 480, (2.0, 14.0), rate_hz=44_100)[:, :1], 44_100)
    write_audio(folder / "amb.wav", noise(20 * 44_100, seed=4, rms=0.01), 44_100)
    fx: list[dict[str, Any]] = [
        {"file": "fx.wav", "layout": "5.1", "out": 5.0, "at": 1.0, "fade_in": {"length": 0.5}},
        {"file": "fx.wav", "layout": "5.1", "in": 3.0, "at": 12.0, "gain_db": -2.0},
    ]
    stems = [
        {"id": "LAV", "role": "dialogue", "group": "DX", "file": "lav.wav"},
        {"id": "BOOM", "role": "dialogue", "group": "DX", "file": "boom.wav", "gain_db": -6.0},
        {"id": "MX", "role": "music", "file": "mx.flac", "gain_db": 1.0}
        | {"automation": {"gain_db": [{"at": 3.0, "value": 0.0}, {"at": 9.0, "value": -4.0}]}},
        {"id": "FX", "role": "fx", "clips": fx},
        {"id": "HITS", "role": "fx", "file": "hits.wav"}
        | {"automation": {"pan": [{"at": 1.0, "value": -1.0}, {"at": 16.0, "value": 1.0}]}},
        {"id": "AMB", "role": "ambience", "file": "amb.wav", "at": 5.25},
        {"id": "OLD", "role": "music", "file": "boom.wav", "gain_db": 12.0, "mute": True},
    ]
    deliverables = [UNLIMITED | {"layout": "5.1"}, UNLIMITED | {"name": "stereo", "kind": "fold_down"}]
    groups = [{"id": "DX", "align": True, "gain_db": 0.5}]
    path = write_project(folder / "busy.json", stems, groups=groups, deliverables=deliverables)
    return mixed(path, folder / "out")


def telling(plan: Plan) -> list[tuple[int, int]]:
    """Spans at the beginning, at the end, over the ramps of moves, inside one, and where nothing is done."""
    first, last = plan.moves[0], plan.moves[len(plan.moves) // 2]
    spans = [
        (0, 30_000),
        (first.start - 20_001, first.start + 9_999),
        (last.end - 5_000, last.end + 30_000),
        (plan.frames - 50_000, plan.frames),
    ]
    apart = []
    for start, end in sorted(spans):
        if not apart or start >= apart[-1][1]:
            apart.append((start, end))
    assert len(apart) >= 3
    return apart


def off_db(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference, re full scale."""
    assert found.shape == wanted.shape
    assert wanted.any()
    return 20 * np.log10(max(float(np.abs(found - wanted).max()), 1e-20))


# ---- what is heard ---------------------------------------------------------------------------------------------------


def test_after_is_to_the_bit_what_a_render_writes_there(example: Mixed) -> None:
    """Up to the rounding of the scratch and of the file, both 32-bit float."""
    printed, gain = example.written()
    for (start, end), (before, after) in zip(telling(example.plan), example.heard(telling(example.plan)), strict=True):
        as_kept = after.astype(np.float32).astype(np.float64)
        assert np.array_equal((as_kept * gain).astype(np.float32), printed[start:end].astype(np.float32))
        assert before.shape == after.shape == (end - start, 2)


def test_after_is_what_a_render_writes_of_clips_other_rates_groups_and_surround(busy: Mixed) -> None:
    (layout,) = {file.layout for file in busy.receipt.files if file.deliverable == "printmaster"}
    assert layout == SURROUND_5_1.name
    planned = {stem.id: stem for stem in busy.plan.stems}
    assert planned["BOOM"].inverted
    assert planned["BOOM"].lag == 437
    assert "OLD" not in planned
    wide, wide_gain = busy.written()
    printed, gain = busy.written("stereo")
    for (start, end), (_, after) in zip(telling(busy.plan), busy.heard(telling(busy.plan)), strict=True):
        assert off_db(after * gain, printed[start:end]) < FAR_BELOW_DB
        assert off_db(after, folded(wide[start:end], SURROUND_5_1, STEREO) / wide_gain) < FAR_BELOW_DB


def test_before_is_the_sum_of_the_stems(example: Mixed) -> None:
    folder = example.path.with_suffix("")
    dialogue, *others = (read_audio(folder / f"{name}.flac") for name in ("dx", "mx", "fx", "amb"))
    bus = dialogue * [MINUS_3_DB, MINUS_3_DB]
    for stem in others:
        bus = bus + stem
    different = 0
    for (start, end), (before, after) in zip(telling(example.plan), example.heard(telling(example.plan)), strict=True):
        assert np.array_equal(before, bus[start:end])
        different += not np.array_equal(before, after)
    assert different, "and moves are made somewhere"


def test_before_is_what_a_render_without_moves_writes(busy: Mixed, tmp_path: Path) -> None:
    """Faders, pans, groups, clips, places: all but the moves."""
    bare = tmp_path / "bare.plan.json"
    bare.write_text(canonical(busy.plan.model_copy(update={"moves": ()})))
    printed, gain = mixed(busy.path, tmp_path / "out", bare).written("stereo")
    for (start, end), (before, _) in zip(telling(busy.plan), busy.heard(telling(busy.plan)), strict=True):
        assert off_db(before * gain, printed[start:end]) < FAR_BELOW_DB


def test_a_place_where_every_stem_is_silent_or_missing_is_silent(tmp_path: Path) -> None:
    spoken = np.concatenate((voice(2 * RATE_HZ, [(0.2, 1.8)]), np.zeros((4 * RATE_HZ, 1))))
    write_audio(tmp_path / "dx.wav", spoken)
    write_audio(tmp_path / "mx.wav", chords(2 * RATE_HZ))
    stems = [{"id": "DX", "role": "dialogue", "file": "dx.wav"}, {"id": "MX", "role": "music", "file": "mx.wav"}]
    made = mixed(write_project(tmp_path / "gap.json", stems), tmp_path / "out")
    (before, after), *_ = made.heard([(4 * RATE_HZ, 5 * RATE_HZ)])
    assert not before.any()
    assert not after.any()
    (excerpt,) = made.excerpts([place(4 * RATE_HZ, 5 * RATE_HZ)])
    assert np.abs(decoded(excerpt.after)).max() < 1e-6
    assert excerpt.lowered_db == 0.0


# ---- what is encoded -------------------------------------------------------------------------------------------------


def place(start: int, end: int) -> Place:
    return Place(conflict(1, "MX", 0.5, 0.1), line(1, 0.2, 0.6), start, end, ("C0001",), ("DX", "MX"))


def decoded(sound: bytes) -> np.ndarray:
    return np.asarray(soundfile.read(io.BytesIO(sound), dtype="float64", always_2d=True)[0])


def lag(wanted: np.ndarray, found: np.ndarray) -> int:
    """Samples by which what is found comes late."""
    size = 2 * len(wanted)
    one, other = (np.fft.rfft(signal[:, 0], size) for signal in (wanted, found))
    return int((np.argmax(np.fft.irfft(other * np.conj(one), size)) + size // 2) % size - size // 2)


@pytest.fixture
def as_float(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], np.ndarray]:
    """Nothing is encoded: what would have been comes out."""
    monkeypatch.setattr(excerpts, "to_listen", lambda samples, rate: samples.tobytes())
    return lambda sound: np.frombuffer(sound).reshape(-1, 2)


def test_what_is_decoded_lies_on_the_mix_in_time_and_level(example: Mixed) -> None:
    """The encoder's delay is taken out by whoever reads its tag, and before and after stay in step in any case."""
    places = worst_places(example.plan, 3)
    spans = sorted((one.start, one.end) for one in places)
    heard = dict(zip(spans, example.heard(spans), strict=True))
    for one, excerpt in zip(places, example.excerpts(places, -3.0), strict=True):
        assert (excerpt.place, excerpt.gain_db, excerpt.lowered_db) == (one, -3.0, 0.0)
        assert excerpt.media_type == "audio/mpeg"
        for sound, wanted in zip((excerpt.before, excerpt.after), heard[one.start, one.end], strict=True):
            found = decoded(sound)
            assert len(found) == excerpt.frames == one.end - one.start
            assert lag(wanted, found) == 0
            inside = slice(RATE_HZ // 10, -RATE_HZ // 10)
            level_db = 10 * np.log10(np.mean(found[inside] ** 2) / np.mean(wanted[inside] ** 2))
            assert level_db == pytest.approx(-3.0, abs=0.1)


def test_both_stand_at_the_gain_and_fade_at_both_ends(example: Mixed, as_float: Callable[[bytes], np.ndarray]) -> None:
    one = worst_places(example.plan, 1)[0]
    ((before, after),) = example.heard([(one.start, one.end)])
    (excerpt,) = example.excerpts([one], -2.0)
    fade = round(FADE_S * RATE_HZ)
    for sound, wanted in ((as_float(excerpt.before), before), (as_float(excerpt.after), after)):
        assert sound[fade:-fade] == pytest.approx(wanted[fade:-fade] * 10 ** (-2 / 20), rel=1e-12)
        for end in (slice(0, fade), slice(-1, -fade - 1, -1)):
            faded, unfaded = sound[end], wanted[end] * 10 ** (-2 / 20)
            shares = faded[np.abs(unfaded) > 1e-9] / unfaded[np.abs(unfaded) > 1e-9]
            assert np.all(np.diff(shares) > -1e-9), "it only rises"
            assert shares[0] < 0.01
            assert shares[-1] > 0.99


def test_where_either_would_clip_both_are_lowered_alike_and_it_is_said(
    example: Mixed, as_float: Callable[[bytes], np.ndarray]
) -> None:
    one = worst_places(example.plan, 1)[0]
    (plain,) = example.excerpts([one], 0.0)
    (loud,) = example.excerpts([one], 24.0)
    assert plain.lowered_db == 0.0
    assert loud.lowered_db > 0.0
    assert loud.gain_db == pytest.approx(24.0 - loud.lowered_db)
    for quiet_sound, loud_sound in ((plain.before, loud.before), (plain.after, loud.after)):
        assert as_float(loud_sound) == pytest.approx(as_float(quiet_sound) * 10 ** (loud.gain_db / 20), rel=1e-9)
    peaks = []
    for sound in (loud.before, loud.after):
        meter = TruePeakMeter(2)
        meter.process(as_float(sound))
        peaks.append(20 * np.log10(meter.read()))
    assert max(peaks) == pytest.approx(CEILING_DBTP, abs=0.02)
    assert max(peaks) <= CEILING_DBTP + 0.001


def test_the_same_bytes_come_whatever_the_threads_and_in_the_order_of_the_places(example: Mixed) -> None:
    places = worst_places(example.plan, 4)
    assert places != sorted(places, key=lambda one: one.start), "worst first"
    done: list[int] = []
    first = example.excerpts(places, threads=1, told=done.append)
    assert [excerpt.place for excerpt in first] == places
    assert sum(done) == sum(one.end - one.start for one in places)
    assert example.excerpts(places, threads=3) == first
    held = [[b64encode(sound) for sound in (excerpt.before, excerpt.after)] for excerpt in first]
    assert [excerpt.size_bytes for excerpt in first] == [sum(map(len, both)) for both in held], "as a page holds them"
    assert all(excerpt.before != excerpt.after for excerpt in first)
    (alone,) = example.excerpts(places[-1:])
    assert alone == first[-1], "whatever else is listened to"


def test_as_many_of_the_longest_places_as_a_page_has_leave_one_of_twenty_minutes_under_3_mb(example: Mixed) -> None:
    """Where the example is loudest, and so largest; without sound such a page has 1.5 MB (`tests/bench/page.py`)."""
    start = 24 * RATE_HZ
    (loud,) = example.excerpts([place(start, start + round(LONGEST_S * RATE_HZ))])
    assert 1.5e6 + EXCERPTS * loud.size_bytes < 3e6


def test_a_rate_that_mp3_has_not_becomes_the_nearest_of_its_family(tmp_path: Path) -> None:
    for rate, playable in ((96_000, 48_000), (88_200, 44_100)):
        write_audio(tmp_path / "dx.wav", voice(4 * rate, [(0.5, 3.5)], rate_hz=rate), rate)
        write_audio(tmp_path / "mx.wav", chords(4 * rate, rate_hz=rate), rate)
        stems = [{"id": "DX", "role": "dialogue", "file": "dx.wav"}, {"id": "MX", "role": "music", "file": "mx.wav"}]
        made = mixed(write_project(tmp_path / "wide.json", stems, sample_rate=rate), tmp_path / f"{rate}")
        (excerpt,) = made.excerpts([place(rate, 3 * rate)])
        assert (excerpt.sample_rate, excerpt.length_s) == (playable, 2.0)
        found = decoded(excerpt.before)
        assert len(found) == excerpt.frames
        ((before, _),) = made.heard([(rate, 3 * rate)])
        assert lag(before[::2], found) == 0


def test_places_that_overlap_are_refused_rather_than_heard_wrongly(example: Mixed) -> None:
    with pytest.raises(ValueError, match="has gone by"):
        example.excerpts([place(0, 3 * RATE_HZ), place(2 * RATE_HZ, 4 * RATE_HZ)])


def test_somebody_who_wants_an_end_gets_it_within_a_second(example: Mixed) -> None:
    places = [place(second * RATE_HZ, (second + 8) * RATE_HZ) for second in range(0, 56, 8)]
    asked: list[float] = []
    asked_at: list[float] = []
    once = threading.Lock()  # told from several threads, and a second signal ends the process

    def ask(_: int) -> None:
        if once.acquire(blocking=False):
            asked.append(time.process_time())
            asked_at.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(StoppedError), raised_by_signals():
        example.excerpts(places, told=ask)
    # of two threads: a busy machine may make them wait
    assert time.process_time() - asked[0] < 2.0
    assert time.monotonic() - asked_at[0] < 10.0


def test_stems_can_be_unreadable_at_a_place_and_the_file_is_named(tmp_path: Path) -> None:
    made = mixed(scene(tmp_path), tmp_path / "out")
    content = (tmp_path / "scene" / "mx.wav").read_bytes()
    (tmp_path / "scene" / "mx.wav").write_bytes(content[: len(content) // 2])
    with pytest.raises(StemError, match=r"mx\.wav: became shorter"):
        made.excerpts([place(3 * RATE_HZ, 4 * RATE_HZ)])
