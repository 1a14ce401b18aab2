"""The whole way, on a made-up scene: what is written is true, and repeats to the bit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix import pipeline
from stemmix.errors import OutputError, ProjectError, StemError
from stemmix.files.audio import sha256_of
from stemmix.files.documents import canonical, read_document, read_project, sha256_of_document
from stemmix.model.plan import Duck, Move, Plan
from stemmix.model.receipt import Receipt
from stemmix.pipeline import examine, render
from tests.material import (
    RATE_HZ,
    SCENE_LINES_S,
    SCENE_S,
    chords,
    clicks,
    noise,
    read_audio,
    scene,
    scene_stems,
    silent_progress,
    voice,
    write_audio,
    write_project,
)

LSB = 2.0**-23


def rendered(project: Path, out: Path | None = None, plan: Path | None = None, **options: Any) -> Receipt:
    return render(project, out, plan, progress=silent_progress, **options)


def plan_in(folder: Path) -> Plan:
    (path,) = folder.glob("*.plan.json")
    return read_document(path, Plan)


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


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
    assert {conflict.masker for conflict in plan.conflicts} >= {"MX", "FX"}
    assert plan.moves
    for move in plan.moves:
        assert all(known[id_].line == move.line for id_ in move.because)
        assert move.line in {line.id for line in plan.lines}
    for line in plan.lines:
        assert line.clarity_before < plan.clarity_goal, "the scene is masked, or nothing is shown"
        assert line.clarity_after > line.clarity_before
    after = sum(conflict.size_after for conflict in plan.conflicts)
    assert after < sum(conflict.size_before for conflict in plan.conflicts)


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
        patch.setattr(pipeline, "StemScan", scans)
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


REAL_SCAN = pipeline.StemScan


def forbidden(*_: object, **__: object) -> Any:
    raise AssertionError("a render from a stored plan analyses nothing")


def test_a_stored_plan_gives_the_same_files_and_runs_no_analysis(
    played: tuple[Path, Receipt], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = played
    for name in ("StemScan", "decide", "listen", "feature_store"):
        monkeypatch.setattr(pipeline, name, forbidden)
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
    duck = Move(id="M", stem="MX", line="L", start=0, end=200, action=Duck(kind="duck", gain_db=-6.0), because=())
    by_hand = tmp_path / "by_hand.json"
    by_hand.write_text(canonical(plan.model_copy(update={"moves": (duck,)})))
    rendered(project, tmp_path / "whole", by_hand)
    rendered(project, tmp_path / "cut", by_hand, block_frames=size)
    assert bytes_in(tmp_path / "cut") == bytes_in(tmp_path / "whole")
    assert audio_in(tmp_path / "whole") != audio_in(tmp_path / "out")


# ---- stale plans -----------------------------------------------------------------------------------------------------


def edited(project: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(project.read_text())
    change(document)
    project.write_text(json.dumps(document))


def drop_the_effects(document: dict[str, Any]) -> None:
    del document["stems"][2]


def another_stem(document: dict[str, Any]) -> None:
    document["stems"].append({"id": "FX2", "role": "fx", "file": "scene/fx.wav"})


STALE: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "moved": (lambda document: document["stems"][1].update(at=0.5), "stem MX has been moved"),
    "muted": (
        lambda document: document["stems"][1].update(mute=True),
        "its stem MX is not in the project, or is muted",
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


def test_a_stem_that_has_changed_makes_a_plan_stale(tmp_path: Path) -> None:
    project = scene(tmp_path)
    rendered(project)
    write_audio(tmp_path / "scene" / "fx.wav", clicks(round(SCENE_S * RATE_HZ), (1.1,)))
    with pytest.raises(ProjectError, match=r"fx\.wav of stem FX has changed since$"):
        rendered(project, tmp_path / "second", tmp_path / "out" / "scene.plan.json")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"frames": 1000}, r"it is 1000 samples long, its stems end after 192000"),
        ({"sample_rate": 44_100}, r"it is for 44100 Hz"),
        (
            {
                "moves": [
                    Move(
                        id="M",
                        stem="GHOST",
                        line="L",
                        start=0,
                        end=9,
                        action=Duck(kind="duck", gain_db=-1.0),
                        because=(),
                    )
                ]
            },
            "it moves GHOST, which it does not list",
        ),
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


def test_a_fader_a_title_or_the_order_of_stems_may_change_under_a_plan(
    played: tuple[Path, Receipt], tmp_path: Path
) -> None:
    """Decisions stay, what a person does beside them is heard; the receipt is of the stems as they are listed."""
    project = scene(tmp_path)
    edited(project, lambda document: document["stems"].reverse())
    edited(project, lambda document: document["stems"][0].update(gain_db=-120.0))
    receipt = rendered(project, plan=played[0].parent / "out" / "scene.plan.json")
    assert [source.stem for source in receipt.sources] == ["AMB", "FX", "MX", "DX"]
    assert {source.frames for source in receipt.sources} == {192_000}
    assert np.abs(read_audio(tmp_path / "out" / "scene_stems_AMB.wav")).max() <= 2 * LSB


def test_what_is_no_plan_is_refused_as_such(played: tuple[Path, Receipt], tmp_path: Path) -> None:
    project, _ = played
    with pytest.raises(ProjectError, match=r"expected a stemmix\.plan"):
        rendered(project, tmp_path / "out", project)
    with pytest.raises(ProjectError, match="there is no such file"):
        rendered(project, tmp_path / "out", tmp_path / "none.json")


# ---- stems of every kind ---------------------------------------------------------------------------------------------


def test_offsets_and_lengths_make_the_programme(tmp_path: Path) -> None:
    """Every printed stem spans it; the programme ends with the stem that ends last."""
    write_audio(tmp_path / "a.wav", noise(30_000, rms=0.1))
    write_audio(tmp_path / "b.wav", noise(1_000, seed=2, rms=0.1))
    stems = [
        {"id": "A", "role": "music", "file": "a.wav", "at": 0.0001},
        {"id": "B", "role": "fx", "file": "b.wav", "at": 0.75},
    ]
    receipt = rendered(write_project(tmp_path / "p.json", stems))
    assert receipt.frames == 37_000
    gain = 10 ** (receipt.files[0].gain_db / 20)
    for name, at, samples in (("A", 5, noise(30_000, rms=0.1)), ("B", 36_000, noise(1_000, seed=2, rms=0.1))):
        printed = read_audio(tmp_path / "out" / f"p_stems_{name}.wav")
        assert len(printed) == 37_000
        assert not printed[:at].any()
        assert printed[at : at + len(samples)] == pytest.approx(samples * gain, abs=3 * LSB)
        assert not printed[at + len(samples) :].any()


def test_rates_and_layouts_come_together_in_time_and_at_their_levels(tmp_path: Path) -> None:
    """The same tone at 44.1, 48 and 96 kHz, mono, stereo and 5.1: to the sample, at the fold's level."""
    seconds = 1.0

    def tone(rate_hz: int) -> np.ndarray:
        time_s = np.arange(round(seconds * rate_hz)) / rate_hz
        return 0.25 * np.sin(2 * np.pi * 1000 * time_s) * np.sin(np.pi * time_s / seconds) ** 2

    def centred(rate_hz: int, channels: int, at: int) -> np.ndarray:
        out = np.zeros((round(seconds * rate_hz), channels))
        out[:, at] = tone(rate_hz)
        return out

    write_audio(tmp_path / "mono.wav", centred(44_100, 1, 0), 44_100)
    write_audio(tmp_path / "stereo.wav", np.repeat(centred(48_000, 1, 0), 2, axis=1) * 0.5**0.5)
    write_audio(tmp_path / "surround.wav", centred(96_000, 6, 2), 96_000)
    write_audio(tmp_path / "lfe.flac", centred(48_000, 6, 3))
    stems = [
        {"id": name, "role": "music", "file": file}
        for name, file in (("M", "mono.wav"), ("S", "stereo.wav"), ("C", "surround.wav"), ("LFE", "lfe.flac"))
    ]
    receipt = rendered(write_project(tmp_path / "p.json", stems))
    assert [(source.sample_rate, source.layout) for source in receipt.sources] == [
        (44_100, "1.0"),
        (48_000, "2.0"),
        (96_000, "5.1"),
        (48_000, "5.1"),
    ]
    assert receipt.frames == 48_000
    printed = {stem: read_audio(tmp_path / "out" / f"p_stems_{stem}.wav") for stem in ("M", "S", "C", "LFE")}
    assert np.abs(printed["S"]).max() > 0.01
    for name in ("M", "C"):
        assert printed[name][500:-500] == pytest.approx(printed["S"][500:-500], abs=1e-4)
    assert not printed["LFE"].any(), "the LFE stays out of a fold"
    assert ["L R C LFE Ls Rs is assumed" in w for w in receipt.sources[2].warnings] in ([True], [])


@pytest.mark.parametrize("rate_hz", [32_000, 44_100, 96_000])
def test_a_project_of_another_rate_is_decided_alike(tmp_path: Path, rate_hz: int) -> None:
    receipt = rendered(scene(tmp_path, sample_rate=rate_hz))
    assert receipt.frames == SCENE_S * rate_hz
    assert receipt.files[0].measured.integrated_lufs == pytest.approx(-23.0, abs=0.05)
    plan = plan_in(tmp_path / "out")
    spoken_s = [(line.start / rate_hz, line.end / rate_hz) for line in plan.lines]
    assert np.array(spoken_s) == pytest.approx(np.array(SCENE_LINES_S), abs=0.15)
    assert plan.moves


def test_a_muted_stem_is_neither_heard_nor_printed_nor_even_opened(tmp_path: Path) -> None:
    stems = scene_stems()
    stems[1] |= {"mute": True}
    project = scene(tmp_path, stems=stems)
    (tmp_path / "scene" / "mx.wav").unlink()
    receipt = rendered(project)
    assert [source.stem for source in receipt.sources] == ["DX", "FX", "AMB"]
    assert not (tmp_path / "out" / "scene_stems_MX.wav").exists()
    assert "MX" not in {conflict.masker for conflict in plan_in(tmp_path / "out").conflicts}


def test_a_fader_is_heard_in_the_mix_and_in_the_decisions(tmp_path: Path) -> None:
    stems = scene_stems()
    stems[1] |= {"gain_db": -60.0}
    rendered(scene(tmp_path, stems=stems))
    assert "MX" not in {conflict.masker for conflict in plan_in(tmp_path / "out").conflicts}


def test_without_dialogue_nothing_is_done_and_stems_pass_to_the_bit(tmp_path: Path) -> None:
    """Before gain and dither, that is: a target that asks for no gain, and float where it can be seen."""
    frames = RATE_HZ
    write_audio(tmp_path / "mx.wav", 4 * chords(frames))
    write_audio(tmp_path / "fx.wav", clicks(frames, (0.3,)))
    stems = [{"id": "MX", "role": "music", "file": "mx.wav"}, {"id": "FX", "role": "fx", "file": "fx.wav"}]
    receipt = rendered(write_project(tmp_path / "p.json", stems))
    plan = plan_in(tmp_path / "out")
    assert (plan.moves, plan.lines, plan.conflicts) == ((), (), ())
    assert ["no stem has the role dialogue" in note for note in plan.notes] == [True]
    assert receipt.warnings == plan.notes
    gain = 10 ** (receipt.files[0].gain_db / 20)
    for name in ("mx", "fx"):
        printed = read_audio(tmp_path / "out" / f"p_stems_{name.upper()}.wav")
        assert np.abs(printed - read_audio(tmp_path / f"{name}.wav") * gain).max() <= 1.6 * LSB


def test_a_clear_voice_is_left_alone_and_so_is_its_bed(tmp_path: Path) -> None:
    stems = scene_stems()
    for stem in stems[1:]:
        stem["gain_db"] = -50.0
    rendered(scene(tmp_path, stems=stems))
    plan = plan_in(tmp_path / "out")
    assert [line.stopped_by for line in plan.lines] == ["clear", "clear"]
    assert plan.moves == ()


def test_dialogue_without_a_line_moves_nothing_and_is_said(tmp_path: Path) -> None:
    click = np.zeros((RATE_HZ, 1))
    click[20_000:20_100] = 0.5
    write_audio(tmp_path / "scene" / "click.wav", click)
    stems = scene_stems()
    stems[0] |= {"file": "scene/click.wav"}
    rendered(scene(tmp_path, stems=stems))
    plan = plan_in(tmp_path / "out")
    assert plan.moves == ()
    assert ["no line was found" in note for note in plan.notes] == [True]


@pytest.mark.parametrize("silent", ["DX", "MX", "FX"])
def test_one_silent_stem_is_fine_and_said(tmp_path: Path, silent: str) -> None:
    project = scene(tmp_path)
    write_audio(tmp_path / "scene" / f"{silent.lower()}.wav", np.zeros((RATE_HZ, 1)))
    receipt = rendered(project)
    assert any(warning.startswith(f"{silent} is silent") for warning in receipt.warnings)
    assert receipt.passed
    assert not read_audio(tmp_path / "out" / f"scene_stems_{silent}.wav").any()
    measured = next(file.measured for file in receipt.files if file.stem == silent)
    assert measured.integrated_lufs is None
    assert measured.reasons["integrated_lufs"]


def test_silence_in_every_stem_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    project = scene(tmp_path)
    for name in ("dx", "mx", "fx", "amb"):
        write_audio(tmp_path / "scene" / f"{name}.wav", np.zeros((RATE_HZ, 2)))
    with pytest.raises(StemError, match=r"every stem is silent.*DX, MX, FX, AMB"):
        rendered(project)
    assert list((tmp_path / "out").iterdir()) == []


def test_two_voices_are_heard_as_one_target(tmp_path: Path) -> None:
    write_audio(tmp_path / "scene" / "dx2.wav", voice(RATE_HZ, ((0.1, 0.9),), seed=8))
    stems = [*scene_stems(), {"id": "DX2", "role": "dialogue", "file": "scene/dx2.wav", "at": 1.65}]
    rendered(scene(tmp_path, stems=stems))
    plan = plan_in(tmp_path / "out")
    assert {line.target for line in plan.lines} <= {"DX", "DX2"}
    assert not {conflict.masker for conflict in plan.conflicts} & {"DX", "DX2"}


# ---- what cannot be --------------------------------------------------------------------------------------------------


def test_every_stem_that_cannot_be_used_is_named_at_once(tmp_path: Path) -> None:
    project = scene(tmp_path)
    (tmp_path / "scene" / "mx.wav").unlink()
    (tmp_path / "scene" / "fx.wav").write_bytes(b"")
    with pytest.raises(StemError) as refused:
        rendered(project)
    assert [line.rpartition("/")[2] for line in str(refused.value).splitlines()] == [
        "mx.wav: does not exist",
        "fx.wav: is empty (0 bytes)",
    ]
    assert not (tmp_path / "out").exists()


def test_a_stem_whose_header_does_not_say_that_it_holds_nothing_is_refused(tmp_path: Path) -> None:
    """A FLAC may leave its length open; that nothing comes is seen only when it is read."""
    project = scene(tmp_path)
    write_audio(tmp_path / "scene" / "mx.flac", noise(100), subtype="PCM_16")
    whole = (tmp_path / "scene" / "mx.flac").read_bytes()
    # the first frame's sync code ends the metadata; bits 108 to 143 of STREAMINFO are the length
    head = bytearray(whole[: whole.index(b"\xff\xf8")])
    head[21] &= 0xF0
    head[22:26] = bytes(4)
    (tmp_path / "scene" / "mx.flac").write_bytes(head)
    edited(project, lambda document: document["stems"][1].update(file="scene/mx.flac"))
    with pytest.raises(StemError, match=r"mx\.flac: "):
        rendered(project)
    assert list((tmp_path / "out").glob("*")) == []


def test_a_file_that_would_fall_on_a_stem_is_refused(tmp_path: Path) -> None:
    write_audio(tmp_path / "mix_printmaster.wav", noise(1000))
    before = (tmp_path / "mix_printmaster.wav").read_bytes()
    stems = [{"id": "A", "role": "music", "file": "mix_printmaster.wav"}]
    project = write_project(tmp_path / "mix.json", stems)
    with pytest.raises(OutputError, match=r"mix_printmaster\.wav: is a stem of this project"):
        rendered(project, tmp_path)
    assert (tmp_path / "mix_printmaster.wav").read_bytes() == before


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    project = scene(tmp_path)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="taken: cannot be made"):
        rendered(project, tmp_path / "taken")


@pytest.mark.parametrize("stage", ["listen", "decide", "deliver", "account"])
def test_whatever_is_raised_leaves_nothing_under_a_final_name(
    tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise ZeroDivisionError

    project = scene(tmp_path)
    monkeypatch.setattr(pipeline, stage, fail)
    with pytest.raises(ZeroDivisionError):
        rendered(project, use_cache=False)
    assert list((tmp_path / "out").iterdir()) == []


def test_strays_of_dead_processes_are_cleared_away(tmp_path: Path) -> None:
    project = scene(tmp_path)
    (tmp_path / "out").mkdir()
    stray = tmp_path / "out" / ".scene_printmaster.wav.999999999.part"
    stray.write_bytes(b"half")
    rendered(project)
    assert not stray.exists()


# ---- looking ---------------------------------------------------------------------------------------------------------


def test_examining_makes_the_plan_that_a_render_follows_and_writes_nothing(played: tuple[Path, Receipt]) -> None:
    project, receipt = played
    before = sorted(os.walk(project.parent))
    evidence = examine(project, progress=silent_progress)
    assert sha256_of_document(evidence.plan) == receipt.plan_sha256
    assert [stem.id for stem in evidence.stems] == ["DX", "MX", "FX", "AMB"]
    assert [stem.facts.speech is None for stem in evidence.stems] == [False, True, True, True]
    assert sorted(os.walk(project.parent)) == before


def test_progress_is_told_in_shares_that_rise_to_one(tmp_path: Path) -> None:
    told: dict[str, list[float]] = {}
    render(scene(tmp_path), progress=lambda stage, share: told.setdefault(stage, []).append(share), use_cache=False)
    assert set(told) == {"listen", "mix", "write printmaster", "write stems"}
    for shares in told.values():
        assert shares == sorted(shares)
        assert shares[-1] == 1.0


def test_a_warning_of_the_scan_reaches_receipt_and_report(tmp_path: Path) -> None:
    project = scene(tmp_path)
    music = read_audio(tmp_path / "scene" / "mx.wav")
    write_audio(tmp_path / "scene" / "mx.wav", 0.3 * music + 0.02)
    evidence = examine(project, progress=silent_progress)
    assert ["has a DC offset" in warning for stem in evidence.stems for warning in stem.warnings] == [True]
    receipt = rendered(project)
    assert ["mx.wav: has a DC offset" in warning for warning in receipt.sources[1].warnings] == [True]
