"""Pass 1 by any number of threads: a stem each, and all of them for what is left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from stemmix import listening
from stemmix.analysis.scan import Floats, StemScan
from stemmix.errors import OutputError, StemError
from stemmix.files.features import FeatureWriter, feature_store
from stemmix.files.projects import read_project
from stemmix.listening import listen
from stemmix.model.features import StemFacts
from stemmix.sources import open_stems
from stemmix.steps import Steps
from tests.material import RATE_HZ, clicks, noise, silent_progress, voice, write_audio, write_project

FRAMES = 2 * RATE_HZ
SOUNDS = (
    voice(FRAMES, [(0.3, 1.2)]),
    noise(FRAMES // 2, channels=1),
    clicks(FRAMES, [0.5, 1.5]),
    noise(FRAMES, seed=4),
)


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that even these stems have many."""
    monkeypatch.setattr(listening, "frames_heard_at_once", lambda channels: 5_000)


def project_of(folder: Path, sounds: Sequence[Floats], subtype: str = "PCM_24") -> Path:
    paths = [write_audio(folder / f"{number}.wav", sound, subtype=subtype) for number, sound in enumerate(sounds)]
    stems = [{"id": f"s{number}", "file": path.name, "role": "music"} for number, path in enumerate(paths)]
    return write_project(folder / "p.json", stems)


def heard(path: Path, threads: int) -> list[tuple[StemFacts, bytes]]:
    """Of every stem, all that was heard of it."""
    project = read_project(path)
    with feature_store(path.parent, keep=False) as store:
        stems = listen(project, open_stems(path, project), store, Steps(silent_progress, {}), threads)
        return [(stem.facts, stem.frames.rows(0, stem.frames.end).tobytes()) for stem in stems]


@pytest.mark.parametrize("stems", [1, 3, 4])
def test_a_stem_is_heard_alike_by_one_thread_and_by_many(tmp_path: Path, stems: int) -> None:
    path = project_of(tmp_path, SOUNDS[:stems])
    by_one = heard(path, 1)
    for threads in (2, 3, 7):
        assert heard(path, threads) == by_one, threads


def test_the_last_stem_has_all_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each of its blocks two parts are under way at once, which one thread would wait for in vain."""
    parts_of = StemScan.parts

    def together(meeting: threading.Barrier, part: Callable[[], None]) -> None:
        meeting.wait(timeout=20.0)
        part()

    def parts(scan: StemScan, block: Floats) -> list[Callable[[], None]]:
        first, second, *others = parts_of(scan, block)
        meeting = threading.Barrier(2)
        return [partial(together, meeting, first), partial(together, meeting, second), *others]

    path = project_of(tmp_path, SOUNDS[:1])
    by_one = heard(path, 1)
    monkeypatch.setattr(StemScan, "parts", parts)
    assert heard(path, 2) == by_one


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_fault_in_one_stem_does_not_hide_one_in_another(tmp_path: Path, threads: int) -> None:
    sounds = [noise(FRAMES, seed=seed) for seed in range(3)]
    sounds[0][60_000] = np.nan
    sounds[2][70_001] = np.nan
    with pytest.raises(StemError) as told:
        heard(project_of(tmp_path, sounds, "FLOAT"), threads)
    assert [line.rpartition("at frame ")[2] for line in str(told.value).splitlines()] == ["60000", "70001"]


@pytest.mark.parametrize("threads", [1, 2])
def test_what_cannot_be_written_ends_it(tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: FeatureWriter, rows: object) -> None:
        raise OutputError("full")

    path = project_of(tmp_path, SOUNDS[:1])
    monkeypatch.setattr(FeatureWriter, "rows", full)
    with pytest.raises(OutputError, match="full"):
        heard(path, threads)
