"""What is remembered between runs: an edit is answered for with as little as it needs, and never with what was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stemmix import alignment, decided, listening, machine
from stemmix.analysis.scan import StemScan
from stemmix.errors import StemError
from stemmix.files import hashes
from stemmix.files.cache import Cache, user_cache
from stemmix.files.documents import canonical
from stemmix.looking import examine
from stemmix.model.plan import Plan
from stemmix.sources import Source
from tests.material import (
    RATE_HZ,
    bytes_in,
    clicks,
    edited,
    plan_in,
    read_audio,
    rendered,
    scene,
    silent_progress,
    voice,
    write_audio,
    write_project,
)

CODE = machine._code


class Work:
    """What was done, by name and by file."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self._count(patch, listening, "StemScan", lambda *_: "scan")
        self._count(patch, decided, "decide", lambda *_: "decide")
        self._count(patch, alignment, "Aligner", lambda *_: "align")
        self._count(patch, hashes, "_taken", lambda path, *_: f"hash {path.name}")

    def _count(self, patch: pytest.MonkeyPatch, module: Any, name: str, told: Callable[..., str]) -> None:
        real = getattr(module, name)

        def counted(*arguments: Any, **fields: Any) -> Any:
            self.done.append(told(*arguments))
            return real(*arguments, **fields)

        patch.setattr(module, name, counted)

    def of(self, project: Path, **options: Any) -> list[str]:
        """What an examination does, in the order of the names."""
        self.done.clear()
        examine(project, progress=silent_progress, **options)
        return sorted(self.done)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Counted work, in a time when every file is old enough to be remembered."""
    now_ns = hashes.time.time_ns
    monkeypatch.setattr(hashes.time, "time_ns", lambda: now_ns() + 10**11)
    monkeypatch.setattr(machine, "_LOADED_NS", now_ns() + 10**11)
    CODE.cache_clear()
    return Work(monkeypatch)


@pytest.fixture(autouse=True)
def _code_is_looked_at_anew() -> Any:
    yield
    CODE.cache_clear()


def user() -> Cache:
    found = user_cache()
    assert found is not None
    return found


ALL = [*("decide",), *(f"hash {stem}.wav" for stem in ("amb", "dx", "fx", "mx")), *("scan",) * 4]


def another_sound(project: Path) -> None:
    write_audio(project.parent / "scene" / "fx.wav", clicks(4 * RATE_HZ, (1.1,)))


def same_sound_touched(project: Path) -> None:
    os.utime(project.parent / "scene" / "fx.wav", (5, 5))


def same_sound_elsewhere(project: Path) -> None:
    shutil.copy(project.parent / "scene" / "fx.wav", project.parent / "scene" / "fx2.wav")
    edited(project, lambda document: document["stems"][2].update(file="scene/fx2.wav"))


def change(number: int, **fields: Any) -> Callable[[Path], None]:
    return lambda project: edited(project, lambda document: document["stems"][number].update(fields))


def clipped(project: Path) -> None:
    def cut(document: dict[str, Any]) -> None:
        file = document["stems"][1].pop("file")
        document["stems"][1]["clips"] = [{"file": file, "in": 0.0, "out": 2.0}, {"file": file, "in": 2.5, "at": 2.5}]

    edited(project, cut)


EDITS: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "nothing": (lambda _: None, []),
    "a stem's sound": (another_sound, ["decide", "hash fx.wav", "scan"]),
    "a stem's date": (same_sound_touched, ["hash fx.wav"]),
    "a stem's name": (same_sound_elsewhere, ["decide", "hash fx2.wav"]),
    "a fader": (change(1, gain_db=-3.0), ["decide"]),
    "a role": (change(3, role="fx"), ["decide"]),
    "a priority": (change(1, priority=90), ["decide"]),
    "a place on the grid": (change(1, at=0.02), ["decide"]),
    "a place off the grid": (change(1, at=0.021), ["decide", "scan"]),
    "a clip": (clipped, ["decide", "scan"]),
    "the title": (lambda project: edited(project, lambda document: document.update(title="New")), ["decide"]),
    "the profile": (lambda project: edited(project, lambda document: document.update(profile="podcast")), ["decide"]),
    "how it is laid out": (lambda project: project.write_text(f"\n\n{project.read_text()}\n"), []),
    "a mute": (change(2, mute=True), ["decide"]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_after_an_edit_only_what_it_changes_is_done_again(tmp_path: Path, work: Work, edit: str) -> None:
    project = scene(tmp_path)
    assert work.of(project) == ALL
    make, needed = EDITS[edit]
    make(project)
    assert work.of(project) == needed
    remembered = canonical(examine(project, progress=silent_progress).plan)
    assert canonical(examine(project, progress=silent_progress, use_cache=False).plan) == remembered
    assert work.of(project) == []


def test_an_edit_that_is_taken_back_is_remembered(tmp_path: Path, work: Work) -> None:
    project = scene(tmp_path)
    assert work.of(project) == ALL
    before = project.read_bytes()
    change(1, gain_db=-3.0)(project)
    assert work.of(project) == ["decide"]
    project.write_bytes(before)
    assert work.of(project) == []


def test_a_render_of_what_is_known_writes_everything_and_the_same(tmp_path: Path, work: Work) -> None:
    project = scene(tmp_path)
    rendered(project, tmp_path / "cold", use_cache=False)
    assert not user().home.exists()
    rendered(project, tmp_path / "first")
    work.done.clear()
    rendered(project, tmp_path / "second")
    assert work.done == []
    assert bytes_in(tmp_path / "second") == bytes_in(tmp_path / "first") == bytes_in(tmp_path / "cold")


def test_without_the_cache_nothing_is_believed_and_nothing_is_kept(tmp_path: Path, work: Work) -> None:
    project = scene(tmp_path)
    assert work.of(project, use_cache=False) == ALL
    assert work.of(project, use_cache=False) == ALL
    assert not user().home.exists()
    assert work.of(project) == ALL
    kept = sorted((entry.path, entry.used_s) for entry in user().entries())
    assert work.of(project, use_cache=False) == ALL
    assert sorted((entry.path, entry.used_s) for entry in user().entries()) == kept, "not even read"


def test_what_was_heard_before_a_stem_was_refused_is_kept(tmp_path: Path, work: Work) -> None:
    """The one is mended, and heard; the others need not be."""
    project = scene(tmp_path)
    amb = tmp_path / "scene" / "amb.wav"
    sound = amb.read_bytes()
    faulty = read_audio(amb)
    faulty[-1] = np.nan
    soundfile.write(amb, faulty, RATE_HZ, subtype="FLOAT")
    with pytest.raises(StemError, match=r"amb\.wav: holds 2 samples that are NaN"):
        work.of(project)
    amb.write_bytes(sound)
    assert work.of(project) == ["decide", "hash amb.wav", "scan"]


@pytest.mark.parametrize("when", ["while it is heard", "before it is hashed"])
def test_a_stem_that_is_written_in_place_and_dated_back_is_kept_under_no_hash(
    tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    project = scene(tmp_path)
    dx = tmp_path / "scene" / "dx.wav"
    other = bytearray(dx.read_bytes())
    other[len(other) // 2 :] = bytes(len(other) - len(other) // 2)
    about, process = dx.stat(), StemScan.process
    written: list[bool] = []

    def write() -> None:
        if not written:
            written.append(True)
            with dx.open("r+b") as file:
                file.write(other)
            os.utime(dx, ns=(about.st_atime_ns, about.st_mtime_ns))

    with monkeypatch.context() as patch:
        if when == "while it is heard":
            patch.setattr(StemScan, "process", lambda scan, block: (process(scan, block), write())[0])
        else:
            patch.setattr(Source, "begin_hash", lambda _source: write())
        work.of(project)
    assert written
    remembered = canonical(examine(project, progress=silent_progress).plan)
    assert canonical(examine(project, progress=silent_progress, use_cache=False).plan) == remembered


@pytest.mark.parametrize("kind", ["plans", "features", "hashes"])
@pytest.mark.parametrize("harm", ["cut", "flipped", "foreign", "gone"])
def test_what_is_damaged_is_made_anew_and_is_the_same(tmp_path: Path, work: Work, kind: str, harm: str) -> None:
    project = scene(tmp_path)
    work.of(project)
    plan = canonical(examine(project, progress=silent_progress).plan)
    kept = {entry.path: entry.path.read_bytes() for entry in user().entries(kind)}
    assert len(kept) == (1 if kind == "plans" else 4)
    for path, whole in kept.items():
        half = len(whole) // 2
        if harm == "gone":
            path.unlink()
        else:
            flipped = whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :]
            path.write_bytes({"cut": whole[:half], "flipped": flipped, "foreign": b"RIFF" + bytes(5000)}[harm])
    hashed = [name for name in ALL if name.startswith("hash")]
    anew = {"plans": ["decide"], "features": ["scan"] * 4, "hashes": hashed}[kind]
    if (kind, harm) == ("hashes", "gone"):
        anew = ["decide", *anew, *["scan"] * 4]  # nobody knows that they were ever heard
    assert work.of(project) == anew
    assert canonical(examine(project, progress=silent_progress).plan) == plan
    assert {path: path.read_bytes() for path in kept} == kept


def test_a_sound_entry_that_is_no_plan_is_made_anew(tmp_path: Path, work: Work) -> None:
    project = scene(tmp_path)
    work.of(project)
    (entry,) = user().entries("plans")
    key = entry.path.name.removesuffix(".plans")
    whole = user().read("plans", key)
    assert whole is not None
    for other in (b"{}", b"", whole[: len(whole) // 2], whole.replace(b"stemmix.plan/1", b"stemmix.plan/0")):
        user().write("plans", key, other)
        assert work.of(project) == ["decide"]
        assert user().read("plans", key) == whole


def test_other_code_libraries_or_processors_decide_anew(
    tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = scene(tmp_path)
    work.of(project)
    for name, other in (
        ("_code", lambda: "other"),
        ("processor", lambda: "Z80"),
        ("versions", lambda: {"numpy": "0"}),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(machine, name, other)
            assert work.of(project) == ["decide"], name
            assert work.of(project) == [], name
    assert work.of(project) == []
    monkeypatch.setattr(machine, "_code", lambda: None)
    for _ in range(2):
        assert work.of(project) == ["decide"], "nothing is remembered where the code cannot be told"


def test_any_change_of_the_sources_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what they hold; while they may be newer than what runs, nothing is said at all."""
    house = tmp_path / "stemmix"
    (house / "planning").mkdir(parents=True)
    for name in ("machine.py", "planning/decide.py", "planning/table.json", "planning/notes.txt"):
        (house / name).write_text("x = 1\n")
    monkeypatch.setattr(machine, "__file__", str(house / "machine.py"))

    def mark() -> str | None:
        machine._code.cache_clear()
        return machine._code()

    assert mark() is None, "written just now"
    monkeypatch.setattr(machine, "_LOADED_NS", machine._LOADED_NS + 10**13)
    first = mark()
    assert first is not None
    (house / "planning" / "notes.txt").write_text("no code")
    assert mark() == first
    (house / "planning" / "decide.py").write_text("x = 2\n")
    second = mark()
    (house / "planning" / "decide.py").rename(house / "planning" / "other.py")
    third = mark()
    (house / "planning" / "new.py").touch()
    fourth = mark()
    (house / "planning" / "table.json").write_text("{}")
    marks = [first, second, third, fourth, mark()]
    assert None not in marks
    assert len(set(marks)) == 5
    shutil.rmtree(house)
    assert mark() is None


def test_the_code_is_known_where_it_stands_as_it_was_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_LOADED_NS", machine._LOADED_NS + 10**13)
    machine._code.cache_clear()
    said = machine.made_by()
    assert said is not None
    assert "numpy" in said
    assert machine.processor() in said


def test_how_stems_lie_is_remembered_until_one_of_them_changes(tmp_path: Path, work: Work) -> None:
    sound = voice(16 * RATE_HZ, [(1.0, 4.0), (5.0, 9.0), (10.0, 15.0)])
    late = np.zeros_like(sound)
    late[480:] = -sound[:-480]
    write_audio(tmp_path / "a.wav", sound)
    write_audio(tmp_path / "b.wav", late)
    stems = [{"id": name, "role": "music", "file": f"{name.lower()}.wav", "group": "G"} for name in "AB"]
    project = write_project(tmp_path / "p.json", stems, groups=[{"id": "G", "align": True}])
    hashed = ["hash a.wav", "hash b.wav"]
    assert work.of(project) == ["align", "decide", *hashed, "scan", "scan"]
    (moved,) = [stem for stem in examine(project, progress=silent_progress).plan.stems if stem.lag]
    assert (moved.id, moved.lag, moved.inverted) == ("B", 480, True)
    said = [stem.warnings for stem in examine(project, progress=silent_progress).stems]
    assert "lies 480 samples" in said[1][0]
    assert said == [stem.warnings for stem in examine(project, progress=silent_progress, use_cache=False).stems]
    assert work.of(project) == []
    edited(project, lambda document: document["stems"][1].update(gain_db=-2.0))
    assert work.of(project) == ["decide"]
    (entry,) = user().entries("offsets")
    key = entry.path.name.removesuffix(".offsets")
    user().write("offsets", key, b'[{"lag_samples": "many"}]')
    assert work.of(project) == ["align"]
    write_audio(tmp_path / "b.wav", sound)
    assert work.of(project) == ["align", "decide", "hash b.wav"], "it sounds as the other, which was heard"
    assert examine(project, progress=silent_progress).plan.stems[1].lag == 0
    assert work.of(project, use_cache=False) == ["align", "decide", *hashed, "scan", "scan"]


@pytest.mark.parametrize("remembered", [False, True])
def test_a_stem_that_changes_while_it_is_listened_to_is_refused_and_not_kept(
    tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch, remembered: bool
) -> None:
    """Its features would be kept as those of what it was."""
    project = scene(tmp_path)
    if remembered:
        work.of(project)
        for entry in list(user().entries("features", "plans")):
            entry.path.unlink()
    file = tmp_path / "scene" / "mx.wav"
    scan = listening.StemScan

    def rewritten_meanwhile(*arguments: Any) -> Any:
        made = scan(*arguments)
        finish = made.finish

        def finished(**facts: Any) -> Any:
            os.utime(file, (7, 7))
            return finish(**facts)

        made.finish = finished
        return made

    with monkeypatch.context() as patch:
        patch.setattr(listening, "StemScan", rewritten_meanwhile)
        with pytest.raises(StemError, match=r"mx\.wav: has changed while it was being read"):
            examine(project, progress=silent_progress, threads=1)
    assert len(list(user().entries("features"))) == 3, "the others are what they were"
    assert work.of(project).count("scan") == 1
    assert work.of(project) == []


def test_a_cache_that_cannot_be_written_stops_no_render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = scene(tmp_path)
    rendered(project, tmp_path / "cold", use_cache=False)
    (tmp_path / "a file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a file"))
    rendered(project, tmp_path / "out")
    assert bytes_in(tmp_path / "out") == bytes_in(tmp_path / "cold")


def test_a_plan_comes_back_from_its_cache_as_it_was_made(tmp_path: Path, work: Work) -> None:
    """Every field and bit: its hash seeds the dither."""
    project = scene(tmp_path)
    rendered(project)
    made = plan_in(tmp_path / "out")
    assert made.moves
    (entry,) = user().entries("plans")
    body = user().read("plans", entry.path.name.removesuffix(".plans"))
    assert body is not None
    assert body == (tmp_path / "out" / f"{project.stem}.plan.json").read_bytes(), "it is written as it is kept"
    assert body.decode() == canonical(Plan.model_validate_json(body)) == canonical(made)
