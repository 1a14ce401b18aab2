"""The whole way, on a made-up scene: what is written is true, and repeats to the bit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import reduce
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix import listening, preparing
from stemmix.errors import ProjectError, StemError
from stemmix.files.audio import sha256_of
from stemmix.files.documents import canonical, read_document, sha256_of_document
from stemmix.files.projects import read_project
from stemmix.looking import examine, gains_at
from stemmix.model.moves import Duck, Scene
from stemmix.model.plan import Move
from stemmix.model.progress import Step
from stemmix.model.receipt import Receipt
from stemmix.pipeline import render
from tests.material import (
    RATE_HZ,
    SCENE_LINES_S,
    SCENE_S,
    bytes_in,
    clicks,
    edited,
    noise,
    plan_in,
    read_audio,
    rendered,
    scene,
    silent_progress,
    write_audio,
    write_project,
)

LSB = 2.0**-23


def audio_in(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in bytes_in(folder).items() if name.endswith(".wav")}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Receipt]:
    """The scene, rendered once into `out` beside it: for tests that only look."""
    project = scene(tmp_path_factory.mktemp("played"))
    return project, rendered(project, use_cache=False)


# ---- what is written -------------------------------------------------------------------------------------------------


def test_everything_is_written_by_name_and_nothing_else(played: tuple[Path, Receipt]) -> None:
    project, receipt = played
    audio = ["scene_printmaster.wav", *(f"scene_stems_{stem}.wav" for stem in ("DX", "MX", "FX", "AMB"))]
    assert sorted(path.name for path in (project.parent / "out").iterdir()) == sorted(
        [*audio, "scene.plan.json", "scene.receipt.json"]
    )
    assert [file.path for file in receipt.files] == audio


def test_the_receipt_is_the_one_on_disk_and_every_hash_in_it_is_true(played: tuple[Path, Receipt]) -> None:
    project, receipt = played
    out = project.parent / "out"
    assert read_document(out / "scene.receipt.json", Receipt) == receipt
    assert (out / "scene.receipt.json").read_text() == canonical(receipt)
    assert receipt.project_sha256 == sha256_of_document(read_project(project))
    assert receipt.plan_sha256 == sha256_of_document(plan_in(out))
    for file in receipt.files:
        assert file.sha256 == sha256_of(out / file.path)
        assert file.frames == receipt.frames == len(read_audio(out / file.path)) == SCENE_S * RATE_HZ
    assert [(file.kind, file.stem, file.role) for file in receipt.files] == [
        ("printmaster", None, None),
        ("stem", "DX", "dialogue"),
        ("stem", "MX", "music"),
        ("stem", "FX", "fx"),
        ("stem", "AMB", "ambience"),
    ]
    for source in receipt.sources:
        assert source.sha256 == sha256_of(project.parent / source.path)
    assert [source.stem for source in receipt.sources] == ["DX", "MX", "FX", "AMB"]
    assert [source.layout for source in receipt.sources] == ["1.0", "2.0", "2.0", "2.0"]
    assert set(receipt.versions) >= {"stemmix", "python", "numpy", "scipy", "soxr"}
    assert receipt.processor
    assert receipt.passed


def test_the_master_meets_its_specification_by_other_rulers(played: tuple[Path, Receipt]) -> None:
    import pyloudnorm

    project, receipt = played
    master = read_audio(project.parent / "out" / "scene_printmaster.wav")
    assert pyloudnorm.Meter(RATE_HZ, filter_class="DeMan").integrated_loudness(master) == pytest.approx(-23, abs=0.05)
    assert np.abs(master).max() < 10 ** (-1 / 20)
    assert receipt.files[0].measured.integrated_lufs == pytest.approx(-23.0, abs=0.05)


def test_printed_stems_sum_to_the_master(played: tuple[Path, Receipt]) -> None:
    project, receipt = played
    assert receipt.files[0].limiting is None
    master, *stems = (read_audio(project.parent / "out" / file.path) for file in receipt.files)
    error = sum(stems[1:], stems[0]) - master
    assert np.sqrt(np.mean(error**2)) <= 0.6 * np.sqrt(len(stems) + 1) * LSB


def test_the_plan_has_the_lines_their_conflicts_and_moves_that_name_them(played: tuple[Path, Receipt]) -> None:
    plan = plan_in(played[0].parent / "out")
    spoken_s = [(line.start / RATE_HZ, line.end / RATE_HZ) for line in plan.lines]
    assert np.array(spoken_s) == pytest.approx(np.array(SCENE_LINES_S), abs=0.15)
    known = {conflict.id: conflict for conflict in plan.conflicts}
    assert plan.moves
    for move in plan.moves:
        causes = [known[id_] for id_ in move.because]
        assert causes
        if isinstance(move.action, Scene):
            assert {(cause.target, cause.masker) for cause in causes} == {("DX", move.stem)}
            assert all(move.start < cause.end and cause.start < move.end for cause in causes)
        else:
            assert move.line in {line.id for line in plan.lines}
            assert {cause.line for cause in causes} == {move.line}
        assert move.evidence is not None
        assert move.evidence.sii_before < plan.clarity_goal
        assert move.stopped_by is not None
    for line in plan.lines:
        assert line.clarity_before < plan.clarity_goal, "the scene is masked, or nothing is shown"
        assert line.clarity_after > line.clarity_before
    of_lines = [conflict for conflict in plan.conflicts if conflict.line is not None]
    assert {conflict.masker for conflict in of_lines} >= {"MX", "FX"}
    assert sum(conflict.size_after for conflict in of_lines) < sum(conflict.size_before for conflict in of_lines)


def test_the_plan_says_what_it_does_to_the_whole(played: tuple[Path, Receipt]) -> None:
    """Every ordered pair has its edge, and the outcome is that of the lines."""
    plan = plan_in(played[0].parent / "out")
    stems = [stem.id for stem in plan.stems]
    assert [(edge.target, edge.masker) for edge in plan.edges] == list(permutations(stems, 2))
    assert plan.outcome is not None
    assert plan.outcome.lines == len(plan.lines)
    assert plan.outcome.lines_unclear_before == sum(line.clarity_before < plan.clarity_goal for line in plan.lines)
    assert plan.outcome.lines_unclear_after == sum(line.clarity_after < plan.clarity_goal for line in plan.lines)
    assert plan.outcome.clarity_before < plan.outcome.clarity_after
    assert 0 < plan.outcome.bed_sones_lost < 1
    assert plan.scenes[0].start == 0
    assert plan.scenes[-1].end == plan.frames


def test_stems_are_untouched_where_nothing_is_done(played: tuple[Path, Receipt]) -> None:
    """Up to the master's gain and dither: before the first line and after the last, ramps and a window apart."""
    project, receipt = played
    plan = plan_in(project.parent / "out")
    gain = 10 ** (receipt.files[0].gain_db / 20)
    shape = plan.shape
    before = min(m.start for m in plan.moves) - round((shape.look_ahead_s + shape.ramp_s) * RATE_HZ) - 2100
    after = max(m.end for m in plan.moves) + round((shape.hold_s + shape.ramp_s) * RATE_HZ) + 2100
    outside = np.r_[0 : max(before, 0), min(after, plan.frames) : plan.frames]
    music = read_audio(project.parent / "scene" / "mx.wav")
    printed = read_audio(project.parent / "out" / "scene_stems_MX.wav")
    error = np.abs(printed - music * gain)
    assert error[outside].max(initial=0.0) <= 1.6 * LSB
    line = plan.lines[0]
    assert error[line.start : line.end].max() > 1000 * LSB


# ---- the same again --------------------------------------------------------------------------------------------------


def test_a_second_render_writes_the_same_bytes(played: tuple[Path, Receipt], tmp_path: Path) -> None:
    project, _ = played
    rendered(project, tmp_path / "again", use_cache=False)
    assert bytes_in(tmp_path / "again") == bytes_in(project.parent / "out")


def test_a_cached_scan_gives_the_plan_of_a_cold_one(played: tuple[Path, Receipt], tmp_path: Path) -> None:
    project, _ = played
    scans = counted_scans()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listening, "StemScan", scans)
        rendered(project, tmp_path / "warming")
        assert scans.made == 4
        rendered(project, tmp_path / "warm")
        assert scans.made == 4, "every stem was found in the store"
    cold = bytes_in(project.parent / "out")
    assert bytes_in(tmp_path / "warming") == cold
    assert bytes_in(tmp_path / "warm") == cold


class counted_scans:  # noqa: N801 - stands for a function
    def __init__(self) -> None:
        self.made = 0

    def __call__(self, *arguments: Any) -> Any:
        self.made += 1
        return REAL_SCAN(*arguments)


REAL_SCAN = listening.StemScan


def forbidden(*_: object, **__: object) -> Any:
    raise AssertionError("a render from a stored plan analyses nothing")


def test_a_stored_plan_gives_the_same_files_and_runs_no_analysis(
    played: tuple[Path, Receipt], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = played
    monkeypatch.setattr(listening, "StemScan", forbidden)
    for name in ("decided", "listen", "feature_store"):
        monkeypatch.setattr(preparing, name, forbidden)
    rendered(project, tmp_path / "replayed", project.parent / "out" / "scene.plan.json")
    assert bytes_in(tmp_path / "replayed") == bytes_in(project.parent / "out")


@pytest.mark.parametrize(
    "options", [{"block_frames": 512}, {"block_frames": 4096, "threads": 1}, {"threads": 4}], ids=str
)
def test_blocks_and_threads_change_no_byte(
    played: tuple[Path, Receipt], tmp_path: Path, options: dict[str, int]
) -> None:
    project, _ = played
    rendered(project, tmp_path / "out", project.parent / "out" / "scene.plan.json", **options)
    assert bytes_in(tmp_path / "out") == bytes_in(project.parent / "out")


def test_threads_change_no_byte_of_the_analysis(played: tuple[Path, Receipt], tmp_path: Path) -> None:
    project, _ = played
    for threads in (1, 4):
        rendered(project, tmp_path / f"{threads}", use_cache=False, threads=threads, block_frames=48_000)
        assert bytes_in(tmp_path / f"{threads}") == bytes_in(project.parent / "out")


@pytest.mark.parametrize("size", [1, 7])
def test_the_smallest_blocks_change_no_byte_of_a_very_short_scene(tmp_path: Path, size: int) -> None:
    """With a move made by hand, as there is no line in so short a time."""
    frames = 500
    write_audio(tmp_path / "mx.wav", noise(frames))
    write_audio(tmp_path / "amb.wav", noise(100, seed=2))
    stems = [
        {"id": "MX", "role": "music", "file": "mx.wav"},
        {"id": "AMB", "role": "ambience", "file": "amb.wav", "at": 0.0021},
    ]
    project = write_project(tmp_path / "short.json", stems)
    rendered(project)
    plan = plan_in(tmp_path / "out")
    duck = Move(id="M", stem="MX", start=0, end=200, action=Duck(kind="duck", gain_db=-6.0), because=())
    by_hand = tmp_path / "by_hand.json"
    by_hand.write_text(canonical(plan.model_copy(update={"moves": (duck,)})))
    rendered(project, tmp_path / "whole", by_hand)
    rendered(project, tmp_path / "cut", by_hand, block_frames=size)
    assert bytes_in(tmp_path / "cut") == bytes_in(tmp_path / "whole")
    assert audio_in(tmp_path / "whole") != audio_in(tmp_path / "out")


# ---- stale plans -----------------------------------------------------------------------------------------------------


def drop_the_effects(document: dict[str, Any]) -> None:
    del document["stems"][2]


def another_stem(document: dict[str, Any]) -> None:
    document["stems"].append({"id": "FX2", "role": "fx", "file": "scene/fx.wav"})


STALE: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "another fader": (
        lambda document: document["stems"][1].update(gain_db=-6.0),
        "the fader of stem MX has been moved from 0 dB",
    ),
    "another role": (lambda document: document["stems"][1].update(role="ambience"), "stem MX was music then"),
    "moved": (lambda document: document["stems"][1].update(at=0.5), "stem MX has been moved"),
    "muted": (
        lambda document: document["stems"][1].update(mute=True),
        "its stem MX is muted",
    ),
    "alone": (
        lambda document: document["stems"][0].update(solo=True),
        "its stem MX is not soloed, and others are; its stem FX is not soloed",
    ),
    "another group's fader": (
        lambda document: (
            document.update(groups=[{"id": "BED", "gain_db": -2}]),
            document["stems"][1].update(group="BED"),
        ),
        "the fader of stem MX, with its group's, has been moved from 0 dB to -2 dB",
    ),
    "another automation": (
        lambda document: document["stems"][1].update(automation={"gain_db": [{"at": 0, "value": -3}]}),
        "scene/mx.wav of stem MX or what is made of it has changed since",
    ),
    "removed": (drop_the_effects, "its stem FX is not in the project"),
    "added": (another_stem, "stem FX2 is not in it"),
    "another rate": (
        lambda document: document.update(sample_rate=44_100),
        "it is for 48000 Hz, the project for 44100 Hz",
    ),
    "another file": (
        lambda document: document["stems"][1].update(file="scene/amb.wav"),
        "scene/amb.wav of stem MX has changed since",
    ),
}


@pytest.mark.parametrize("kind", STALE)
def test_a_stale_plan_is_refused_with_its_reason_and_nothing_is_written(tmp_path: Path, kind: str) -> None:
    project = scene(tmp_path)
    rendered(project, tmp_path / "first")
    change, reason = STALE[kind]
    edited(project, change)
    plan = tmp_path / "first" / "scene.plan.json"
    with pytest.raises(ProjectError, match=reason) as refused:
        rendered(project, tmp_path / "second", plan)
    assert str(refused.value).startswith(f"{plan}: the plan is stale: ")
    assert "\n" not in str(refused.value)
    assert list((tmp_path / "second").glob("*")) == []


@pytest.mark.parametrize("kept", [False, True])
def test_a_stem_that_changes_while_it_is_mixed_is_accounted_for_in_no_receipt(tmp_path: Path, kept: bool) -> None:
    """Also where it was heard before, and is not listened to again."""
    project = scene(tmp_path)
    if kept:
        rendered(project, tmp_path / "before")

    def meddling(step: Step) -> None:
        if step.stage == "write":
            path = tmp_path / "scene" / "mx.wav"
            content = bytearray(path.read_bytes())
            content[-1000] ^= 1
            path.write_bytes(content)

    with pytest.raises(StemError, match=r"mx\.wav: .*changed"):
        render([project], tmp_path / "out", progress=meddling)
    assert not (tmp_path / "out").exists()


def test_a_stem_that_has_changed_makes_a_plan_stale(tmp_path: Path) -> None:
    project = scene(tmp_path)
    rendered(project)
    write_audio(tmp_path / "scene" / "fx.wav", clicks(round(SCENE_S * RATE_HZ), (1.1,)))
    with pytest.raises(ProjectError, match=r"fx\.wav of stem FX has changed since$"):
        rendered(project, tmp_path / "second", tmp_path / "out" / "scene.plan.json")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"frames": 300_000}, r"it is 300000 samples long, the programme 192000"),
        ({"sample_rate": 44_100}, r"it is for 44100 Hz"),
    ],
)
def test_a_plan_edited_into_nonsense_is_refused(
    played: tuple[Path, Receipt], tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    project, _ = played
    plan = tmp_path / "edited.json"
    plan.write_text(canonical(plan_in(project.parent / "out").model_copy(update=change)))
    with pytest.raises(ProjectError, match=reason):
        rendered(project, tmp_path / "out", plan)


@pytest.mark.parametrize(
    ("field", "number", "reason"),
    [
        ("hold_s", 1e300, r"shape\.hold_s: 1e\+300 is more than 60"),
        ("ramp_s", -1.0, r"shape\.ramp_s: -1.0 is less than 0"),
        ("frames", 10**30, "frames: 10+ is more than 281474976710656"),
    ],
)
def test_a_plan_with_impossible_times_is_refused(
    played: tuple[Path, Receipt], tmp_path: Path, field: str, number: float, reason: str
) -> None:
    project, _ = played
    document = json.loads((project.parent / "out" / "scene.plan.json").read_text())
    (document if field in document else document["shape"])[field] = number
    plan = tmp_path / "edited.json"
    plan.write_text(json.dumps(document))
    with pytest.raises(ProjectError, match=reason):
        rendered(project, tmp_path / "out", plan)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("moves", 1, "end"), 0, r"moves\[1\]\.end: 0 must lie after 'start' \(\d+\)"),
        (
            ("moves", 1, "end"),
            192_001,
            r"moves\[1\]\.end: 192001 lies after the programme's end; expected at most 192000",
        ),
        (("lines", 0, "end"), 192_001, r"lines\[0\]\.end: 192001 lies after the programme's end"),
        (("conflicts", 0, "end"), 0, r"conflicts\[0\]\.end: 0 must lie after"),
        (("moves", 1, "id"), "FIRST", r"moves\[1\]\.id: id 'FIRST' is given twice"),
        (("stems", 3, "id"), "DX", r"stems\[3\]\.id: id 'DX' is given twice"),
        (("moves", 0, "stem"), "GHOST", r"moves\[0\]\.stem: 'GHOST' is not a stem of this plan"),
        (("moves", 0, "line"), "DX-0999.0", r"moves\[0\]\.line: 'DX-0999.0' is not a line of this plan"),
        (("method",), "guess", "method: 'guess' is not one of multilevel, frequency"),
        (("profile",), "flim", r"profile: 'flim' is not one of film, .*; did you mean 'film'\?"),
    ],
)
def test_a_plan_that_does_not_hold_together_is_refused_at_its_field(
    played: tuple[Path, Receipt], tmp_path: Path, place: tuple[Any, ...], value: Any, said: str
) -> None:
    """With line and column, as a project's faults are, and nothing is written."""
    project, _ = played
    document = json.loads((project.parent / "out" / "scene.plan.json").read_text())
    document["moves"][0]["id"] = "FIRST"
    document.setdefault("method", "multilevel")
    held = reduce(lambda holder, key: holder[key], place[:-1], document)
    held[place[-1]] = value
    plan = tmp_path / "edited.json"
    plan.write_text(json.dumps(document, indent=1))
    with pytest.raises(ProjectError, match=rf"edited\.json:\d+:\d+: ({said})") as refused:
        rendered(project, tmp_path / "out", plan)
    line, column = map(int, str(refused.value).split(":")[1:3])
    assert json.JSONDecoder().raw_decode(plan.read_text().split("\n")[line - 1][column - 1 :])[0] == value
    assert not (tmp_path / "out").exists()


def test_a_title_or_the_order_of_stems_may_change_under_a_plan(played: tuple[Path, Receipt], tmp_path: Path) -> None:
    """The receipt is of the stems as they are listed."""
    project = scene(tmp_path)
    edited(project, lambda document: document["stems"].reverse())
    edited(project, lambda document: document.update(title="Another"))
    receipt = rendered(project, plan=played[0].parent / "out" / "scene.plan.json")
    assert [source.stem for source in receipt.sources] == ["AMB", "FX", "MX", "DX"]
    assert {source.frames for source in receipt.sources} == {192_000}


def test_a_plan_whose_move_names_a_conflict_that_is_not_in_it_is_refused(
    played: tuple[Path, Receipt], tmp_path: Path
) -> None:
    plan = played[0].parent / "out" / "scene.plan.json"
    document = json.loads(plan.read_text())
    document["moves"][0]["because"] = ["nope"]
    (tmp_path / "other.plan.json").write_text(json.dumps(document))
    with pytest.raises(ProjectError, match="because of nope, which it does not list"):
        rendered(scene(tmp_path), tmp_path / "out", tmp_path / "other.plan.json")


def test_what_is_no_plan_is_refused_as_such(played: tuple[Path, Receipt], tmp_path: Path) -> None:
    project, _ = played
    with pytest.raises(ProjectError, match=r"expected a stemmix\.plan"):
        rendered(project, tmp_path / "out", project)
    with pytest.raises(ProjectError, match="there is no such file"):
        rendered(project, tmp_path / "out", tmp_path / "none.json")


# ---- looking ---------------------------------------------------------------------------------------------------------


def test_examining_makes_the_plan_that_a_render_follows_and_writes_nothing(played: tuple[Path, Receipt]) -> None:
    project, receipt = played
    before = sorted(os.walk(project.parent))
    evidence = examine(project, progress=silent_progress)
    assert sha256_of_document(evidence.plan) == receipt.plan_sha256
    assert [stem.id for stem in evidence.stems] == ["DX", "MX", "FX", "AMB"]
    spoken_s = [(run.start / RATE_HZ, run.end / RATE_HZ) for run in evidence.stems[0].facts.spoken]
    assert np.array(spoken_s) == pytest.approx(np.array(SCENE_LINES_S), abs=0.15)
    assert all(stem.facts.active for stem in evidence.stems)
    assert sorted(os.walk(project.parent)) == before


def test_the_gains_at_a_moment_are_those_that_are_rendered(tmp_path: Path) -> None:
    """Nothing, half of the ramp, and the depth of a duck that a pin holds; nothing in any other stem."""
    pin = {"stem": "FX", "from": 1.0, "to": 2.0, "action": {"kind": "duck", "gain_db": -6.0}}
    plan = examine(scene(tmp_path, pins=[pin], goals={"clarity": 0.01}), progress=silent_progress).plan
    shape = plan.shape
    middle_s = 1.0 - shape.look_ahead_s - shape.ramp_s / 2
    for at_s, depth_db in ((0.2, 0.0), (middle_s, -3.0), (1.0, -6.0), (1.9, -6.0), (3.0, 0.0)):
        gains = gains_at(plan, round(at_s * RATE_HZ))
        assert [one.stem for one in gains] == ["DX", "MX", "FX", "AMB"]
        for one in gains:
            wanted_db = depth_db if one.stem == "FX" else 0.0
            assert one.mid_db + one.side_db == pytest.approx((wanted_db,) * 72, abs=0.01)


def test_progress_is_told_in_one_share_that_rises_to_one(tmp_path: Path) -> None:
    told: list[Step] = []
    render([scene(tmp_path)], progress=told.append, use_cache=False)
    stages = list(dict.fromkeys(step.stage for step in told))
    assert stages == ["open", "listen", "decide", "mix", "write", "print", "examine"]
    shares = [step.share for step in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert shares[-2] > 0.95, "the work that was expected is the work that is done"
    assert {step.audio_s for step in told if step.stage != "open"} == {4.0}


def test_progress_counts_what_is_remembered_as_no_work(tmp_path: Path) -> None:
    project = scene(tmp_path)
    told: list[Step] = []
    for _ in range(2):
        told.clear()
        render([project], progress=told.append)
    begun = {step.stage: step.share for step in reversed(told)}
    assert begun["decide"] - begun["listen"] < 0.05


def test_progress_of_a_programme_counts_its_reels(tmp_path: Path) -> None:
    reels = [scene(tmp_path, name, title=name) for name in ("one", "two")]
    told: list[Step] = []
    render(reels, tmp_path / "out", progress=told.append)
    assert {step.reels for step in told} == {2}
    for stage in ("open", "listen", "mix"):
        assert [step.reel for step in told if step.stage == stage] == sorted(
            step.reel for step in told if step.stage == stage
        )
        assert {step.reel for step in told if step.stage == stage} == {1, 2}
    assert {step.audio_s for step in told if step.stage == "mix"} == {8.0}
    assert told[-1].share == 1.0


def test_a_warning_of_the_scan_reaches_receipt_and_report(tmp_path: Path) -> None:
    project = scene(tmp_path)
    music = read_audio(tmp_path / "scene" / "mx.wav")
    write_audio(tmp_path / "scene" / "mx.wav", 0.3 * music + 0.02)
    evidence = examine(project, progress=silent_progress)
    assert ["has a DC offset" in warning for stem in evidence.stems for warning in stem.warnings] == [True]
    receipt = rendered(project)
    assert ["mx.wav: has a DC offset" in warning for warning in receipt.sources[1].warnings] == [True]


def test_warnings_call_files_what_the_project_calls_them_wherever_it_is_rendered_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in git, and on a page that is given away, tells nothing of the machine."""
    project = scene(tmp_path)
    music = read_audio(tmp_path / "scene" / "mx.wav")
    write_audio(tmp_path / "scene" / "mx.wav", 0.3 * music[::6] + 0.02, rate_hz=8000)
    receipts = []
    for folder, path in ((tmp_path, Path(project.name)), (Path("/"), project)):
        monkeypatch.chdir(folder)
        receipts.append(rendered(path, tmp_path / "out"))
    assert receipts[0] == receipts[1]
    sampled, offset = receipts[0].sources[1].warnings
    assert sampled.startswith("scene/mx.wav: is sampled at 8000 Hz")
    assert offset.startswith("scene/mx.wav: has a DC offset")
