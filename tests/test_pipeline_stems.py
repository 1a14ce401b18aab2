"""The whole way with stems of every kind: late, short, of other rates and layouts, silent, muted, unusable."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from stemmix import pipeline, preparing
from stemmix.errors import OutputError, StemError
from stemmix.looking import examine
from tests.material import (
    RATE_HZ,
    SCENE_LINES_S,
    SCENE_S,
    chords,
    clicks,
    edited,
    noise,
    plan_in,
    read_audio,
    rendered,
    scene,
    scene_stems,
    silent_progress,
    voice,
    write_audio,
    write_project,
)

LSB = 2.0**-23


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
    assert [source.frames for source in receipt.sources] == [44_100, 48_000, 96_000, 48_000]
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


@pytest.mark.parametrize("layout", ["2.0", "5.1"])
@pytest.mark.parametrize("pan", [None, -1.0, 0.3])
def test_the_peaks_of_a_mono_stem_are_its_files_wherever_it_is_placed(
    tmp_path: Path, pan: float | None, layout: str
) -> None:
    """Its loudness is what is heard of it; a peak that passes full scale does so in the file."""
    mono = noise(RATE_HZ, channels=1, rms=0.3)
    mono[700:703] = 1.2
    write_audio(tmp_path / "a.wav", mono, subtype="FLOAT")
    placed = {} if pan is None else {"pan": pan}
    project = write_project(
        tmp_path / "a.json",
        [{"id": "A", "role": "fx", "file": "a.wav", **placed}],
        deliverables=[{"name": "master", "layout": layout}],
    )
    measured = examine(project, progress=silent_progress).stems[0].facts.measured
    peak_db = 20 * np.log10(np.abs(mono).max())
    assert measured.sample_peak_dbfs == pytest.approx(peak_db, abs=0.001)
    assert measured.true_peak_dbtp is not None
    assert measured.true_peak_dbtp >= measured.sample_peak_dbfs - 0.001
    assert measured.plr_db == pytest.approx(measured.true_peak_dbtp - measured.integrated_lufs)


def test_the_peaks_of_what_is_summed_are_those_of_the_sum(tmp_path: Path) -> None:
    """As of stereo in a mono mix: no channel of the file is heard by itself."""
    same = np.repeat(noise(RATE_HZ, channels=1, rms=0.1), 2, axis=1)
    write_audio(tmp_path / "a.wav", same, subtype="FLOAT")
    stems = [{"id": "A", "role": "fx", "file": "a.wav"}]
    deliverables = [{"name": "master", "layout": "1.0"}]
    project = write_project(tmp_path / "a.json", stems, deliverables=deliverables)
    measured = examine(project, progress=silent_progress).stems[0].facts.measured
    assert measured.sample_peak_dbfs == pytest.approx(20 * np.log10(np.abs(same).max()), abs=0.001)


@pytest.mark.parametrize("layout", ["2.0", "5.1"])
def test_the_peaks_of_a_mono_stem_whose_pan_moves_are_those_that_are_heard(tmp_path: Path, layout: str) -> None:
    """In the centre until then: no share of the file is heard from beginning to end."""
    mono = noise(RATE_HZ, channels=1, rms=0.1)
    mono[700] = 0.8
    write_audio(tmp_path / "a.wav", mono, subtype="FLOAT")
    pan = [{"at": 0.5, "value": 0.0}, {"at": 0.9, "value": 1.0}]
    project = write_project(
        tmp_path / "a.json",
        [{"id": "A", "role": "fx", "file": "a.wav", "automation": {"pan": pan}}],
        deliverables=[{"name": "master", "layout": layout}],
    )
    measured = examine(project, progress=silent_progress).stems[0].facts.measured
    assert measured.sample_peak_dbfs == pytest.approx(20 * np.log10(0.8) - 3.01, abs=0.01)


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
    assert (plan.moves, plan.lines, plan.outcome) == ((), (), None)
    assert [conflict for conflict in plan.conflicts if conflict.line is not None] == []
    assert all(edge.size_after == edge.size_before for edge in plan.edges)
    assert ["nothing is cut, and the stems are summed as they came" in note for note in plan.notes] == [True]
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
    assert ["no line to be cleared was found" in note for note in plan.notes] == [True]


@pytest.mark.parametrize("silent", ["DX", "MX", "FX"])
def test_one_silent_stem_is_fine_and_said(tmp_path: Path, silent: str) -> None:
    project = scene(tmp_path)
    write_audio(tmp_path / "scene" / f"{silent.lower()}.wav", np.zeros((RATE_HZ, 1)))
    receipt = rendered(project)
    assert any(warning.startswith(f"{silent} is silent") for warning in receipt.warnings)
    assert receipt.passed
    assert not read_audio(tmp_path / "out" / f"scene_stems_{silent}.wav").any()
    measured = next(file.measured for file in receipt.files if file.stems == (silent,))
    assert measured.integrated_lufs is None
    assert measured.reasons["integrated_lufs"]


def test_silence_in_every_stem_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    project = scene(tmp_path)
    for name in ("dx", "mx", "fx", "amb"):
        write_audio(tmp_path / "scene" / f"{name}.wav", np.zeros((RATE_HZ, 2)))
    with pytest.raises(StemError, match=r"every stem is silent.*dx.wav, .*mx.wav, .*fx.wav, .*amb.wav"):
        rendered(project)
    assert not (tmp_path / "out").exists()


def test_two_voices_are_heard_as_one_target(tmp_path: Path) -> None:
    write_audio(tmp_path / "scene" / "dx2.wav", voice(RATE_HZ, ((0.1, 0.9),), seed=8))
    stems = [*scene_stems(), {"id": "DX2", "role": "dialogue", "file": "scene/dx2.wav", "at": 1.65}]
    rendered(scene(tmp_path, stems=stems))
    plan = plan_in(tmp_path / "out")
    assert {line.target for line in plan.lines} <= {"DX", "DX2"}
    of_lines = [conflict for conflict in plan.conflicts if conflict.line is not None]
    assert of_lines
    assert not {conflict.masker for conflict in of_lines} & {"DX", "DX2"}


# ---- what cannot be --------------------------------------------------------------------------------------------------


def test_every_stem_that_cannot_be_used_is_named_at_once_with_its_place_in_the_project(tmp_path: Path) -> None:
    stems = scene_stems()
    stems[2] = {"id": "FX", "role": "fx", "clips": [{"file": "scene/mx.wav"}, {"id": "door", "file": "scene/fx.wav"}]}
    project = scene(tmp_path, stems=stems)
    project.write_text(json.dumps(json.loads(project.read_text()), indent=1))
    (tmp_path / "scene" / "mx.wav").unlink()
    (tmp_path / "scene" / "fx.wav").write_bytes(b"")
    with pytest.raises(StemError) as refused:
        rendered(project)
    told = [line.replace(f"{tmp_path}/", "") for line in str(refused.value).splitlines()]
    assert told == [
        "scene.json:13:12: stem 'MX': file: scene/mx.wav: does not exist",
        "scene.json:24:14: stem 'FX': clip 'door': file: scene/fx.wav: is empty (0 bytes)",
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


@pytest.mark.parametrize(
    ("module", "stage"),
    [(preparing, "listen"), (preparing, "decided"), (pipeline, "deliver"), (pipeline, "account")],
)
def test_whatever_is_raised_leaves_nothing_under_a_final_name(
    tmp_path: Path, module: ModuleType, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise ZeroDivisionError

    project = scene(tmp_path)
    monkeypatch.setattr(module, stage, fail)
    with pytest.raises(ZeroDivisionError):
        rendered(project, use_cache=False)
    assert not (tmp_path / "out").exists()


def test_strays_of_dead_processes_are_cleared_away(tmp_path: Path) -> None:
    project = scene(tmp_path)
    (tmp_path / "out").mkdir()
    stray = tmp_path / "out" / ".scene_printmaster.wav.999999999.part"
    stray.write_bytes(b"half")
    rendered(project)
    assert not stray.exists()
