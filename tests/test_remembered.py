"""`remembered`: what a mix read is believed of that mix alone; of it, it is not read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stemmix import machine
from stemmix.engine.bus import Bus
from stemmix.engine.gauge import Programme
from stemmix.errors import StemError
from stemmix.files import hashes
from stemmix.files.cache import Cache, user_cache
from stemmix.files.projects import read_project
from stemmix.looking import examine
from stemmix.remembered import memory_of_mix
from stemmix.sources import open_stems
from tests.material import RATE_HZ, bytes_in, clicks, edited, rendered, scene, silent_progress, write_audio

MASTER = {"name": "printmaster", "target_lufs": -24.0}
STEMS = {"name": "stems", "kind": "stems"}


@pytest.fixture
def mixes(monkeypatch: pytest.MonkeyPatch) -> list[Bus]:
    """Every mix that is measured before it has a gain, in a time when every file is old enough to be remembered."""
    now_ns = hashes.time.time_ns
    monkeypatch.setattr(hashes.time, "time_ns", lambda: now_ns() + 10**11)
    monkeypatch.setattr(machine, "_code", lambda: "this code")
    measured, mix = [], Bus.mix
    monkeypatch.setattr(Bus, "mix", lambda bus, hear: (measured.append(bus), mix(bus, hear)))
    return measured


def user() -> Cache:
    found = user_cache()
    assert found is not None
    return found


def fields(**new: Any) -> Callable[[Path], Any]:
    return lambda project: edited(project, lambda document: document.update(new))


def stem(number: int, **new: Any) -> Callable[[Path], Any]:
    return lambda project: edited(project, lambda document: document["stems"][number].update(new))


def another_sound(project: Path) -> None:
    write_audio(project.parent / "scene" / "fx.wav", clicks(4 * RATE_HZ, (1.1,)))


EDITS: dict[str, tuple[Callable[[Path], Any], bool]] = {
    "nothing": (lambda _: None, False),
    "the title, which stands in the plan": (fields(title="Another"), True),
    "how it is laid out": (lambda project: project.write_text(f"\n{project.read_text()}\n"), False),
    "a target": (fields(deliverables=[MASTER | {"target_lufs": -31.0}]), False),
    "a ceiling": (fields(deliverables=[MASTER | {"target_lufs": -12.0, "max_limiting_db": 20.0}]), False),
    "a format": (fields(deliverables=[MASTER | {"format": "flac24"}]), False),
    "a preset that asks for the same": (fields(deliverables=[{"name": "net", "preset": "spotify-normal"}]), False),
    "another layout": (fields(deliverables=[MASTER | {"layout": "1.0"}]), True),
    "printed stems": (fields(deliverables=[MASTER, STEMS]), True),
    "a stem's sound": (another_sound, True),
    "a fader": (stem(1, gain_db=-3.0), True),
    "a fader that moves": (
        stem(1, automation={"gain_db": [{"at": 0.0, "value": 0.0}, {"at": 2.0, "value": -6.0}]}),
        True,
    ),
    "a place": (stem(3, at=0.5), True),
    "a mute": (stem(3, mute=True), True),
    "where the action begins": (fields(ffoa=1.0), True),
}
"""Whether the mix has to be measured again."""


@pytest.mark.parametrize("edit", EDITS)
def test_after_an_edit_a_mix_is_measured_where_it_is_another(tmp_path: Path, mixes: list[Bus], edit: str) -> None:
    make, is_another = EDITS[edit]
    project = scene(tmp_path, deliverables=[MASTER])
    rendered(project, tmp_path / "first")
    assert len(mixes) == 1
    make(project)
    rendered(project, tmp_path / "known")
    assert len(mixes) == 1 + is_another
    rendered(project, tmp_path / "again")
    assert len(mixes) == 1 + is_another
    rendered(project, tmp_path / "anew", use_cache=False)
    assert len(mixes) == 2 + is_another
    assert bytes_in(tmp_path / "known") == bytes_in(tmp_path / "again") == bytes_in(tmp_path / "anew")


def test_a_stored_plan_is_mixed_by_what_is_known_of_it(tmp_path: Path, mixes: list[Bus]) -> None:
    project = scene(tmp_path, deliverables=[MASTER])
    rendered(project, tmp_path / "first")
    (plan,) = (tmp_path / "first").glob("*.plan.json")
    rendered(project, tmp_path / "stored", plan)
    assert len(mixes) == 1
    assert bytes_in(tmp_path / "stored") == bytes_in(tmp_path / "first")


def test_of_stems_that_change_while_they_are_mixed_nothing_is_kept(
    tmp_path: Path, mixes: list[Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read is of other sound than the hashes are; the stem may be put back as it was."""
    project = scene(tmp_path, deliverables=[MASTER])
    fx = tmp_path / "scene" / "fx.wav"
    as_it_was, mix = fx.read_bytes(), Bus.mix
    with monkeypatch.context() as patch:
        patch.setattr(Bus, "mix", lambda bus, hear: (another_sound(project), mix(bus, hear)))
        with pytest.raises(StemError, match=r"fx\.wav: has changed while it was being read"):
            rendered(project, tmp_path / "first")
    assert list(user().entries("mixes")) == []
    fx.write_bytes(as_it_was)
    rendered(project, tmp_path / "known")
    rendered(project, tmp_path / "anew", use_cache=False)
    assert len(mixes) == 3
    assert bytes_in(tmp_path / "known") == bytes_in(tmp_path / "anew")


def test_the_caches_limit_holds_after_a_render(
    tmp_path: Path, mixes: list[Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = scene(tmp_path, deliverables=[MASTER])
    monkeypatch.setenv("STEMMIX_CACHE_MB", "0")
    rendered(project, tmp_path / "first")
    (plan,) = (tmp_path / "first").glob("*.plan.json")
    assert list(user().entries()) == []
    rendered(project, tmp_path / "stored", plan)
    assert list(user().entries()) == []
    assert len(mixes) == 2


def test_the_caches_limit_holds_after_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = scene(tmp_path)
    examine(project, progress=silent_progress)
    assert list(user().entries())
    monkeypatch.setenv("STEMMIX_CACHE_MB", "0")
    examine(project, progress=silent_progress)
    assert list(user().entries()) == []


def test_everything_that_the_mix_depends_on_tells_it_from_others(tmp_path: Path, mixes: list[Bus]) -> None:
    """A stale plan says otherwise how stems stand: where they do stand is told besides."""
    project = scene(tmp_path)
    sources = open_stems(project, read_project(project))
    programme = Programme(0, 100, ((0, 50),))
    one, *rest = sources
    moved = replace(one, timeline=one.timeline.moved(1))
    panned = replace(one, stem=one.stem.model_copy(update={"pan": 0.5}))
    others = [replace(one, gain_db=1.0), replace(one, lag=1), replace(one, inverted=True), moved, panned]
    names = [
        memory_of_mix(user(), its, plan, counted)
        for its, plan, counted in (
            (sources, "a plan", programme),
            (sources, "another", programme),
            (sources, "a plan", Programme(0, 99, ((0, 50),))),
            (sources, "a plan", Programme(0, 100, ((0, 51),))),
            (rest, "a plan", programme),
            *(([other, *rest], "a plan", programme) for other in others),
        )
    ]
    assert len({memory.mix for memory in names if memory is not None}) == len(names)
    assert memory_of_mix(None, sources, "a plan", programme) is None


@pytest.mark.parametrize("harm", ["cut", "flipped", "foreign"])
def test_what_is_damaged_is_measured_anew_and_kept_again(tmp_path: Path, mixes: list[Bus], harm: str) -> None:
    project = scene(tmp_path, deliverables=[MASTER])
    rendered(project, tmp_path / "first")
    (entry,) = user().entries("mixes")
    whole = entry.path.read_bytes()
    half = len(whole) // 2
    flipped = whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :]
    entry.path.write_bytes({"cut": whole[:half], "flipped": flipped, "foreign": b"RIFF" + bytes(5000)}[harm])
    rendered(project, tmp_path / "again")
    assert len(mixes) == 2
    assert entry.path.read_bytes() == whole
    assert bytes_in(tmp_path / "again") == bytes_in(tmp_path / "first")


def test_other_code_measures_anew_and_what_cannot_be_told_is_not_kept(
    tmp_path: Path, mixes: list[Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = scene(tmp_path, deliverables=[MASTER])
    rendered(project, tmp_path / "first", use_cache=False)
    assert not user().home.exists()
    for number, code in enumerate(("this", "other", None, None), 2):
        monkeypatch.setattr(machine, "_code", lambda code=code: code)
        rendered(project, tmp_path / str(number))
        assert len(mixes) == number
    assert len(list(user().entries("mixes"))) == 2
