"""The whole way in surround: stems of every layout, a bus as wide as is asked for, fold-downs of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stemmix.errors import ProjectError, StemError
from stemmix.files.audio import AudioReader, inspect
from stemmix.files.documents import canonical
from stemmix.files.projects import read_project
from stemmix.files.wave import read_wave_header
from stemmix.looking import examine
from stemmix.model.layouts import LAYOUTS, STEREO, SURROUND_5_1, SURROUND_7_1_4, Layout, fold_matrix, in_film_order
from stemmix.model.receipt import Receipt, WrittenFile
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
from tests.reference.wave_bytes import chunk, fmt, riff

LSB = 2.0**-23
FRAMES = round(SCENE_S * RATE_HZ)


def masters(*layouts: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"name": f"mix{layout}", "layout": layout, "target_lufs": -27.0} | fields for layout in layouts]


def write_surround(path: Path, samples: np.ndarray, layout: Layout, *, masked: bool = True) -> None:
    """24-bit WAVE of a layout, with or without the speaker mask that says so."""
    mask = layout.masks[0] if masked else None
    packed = np.round(samples * 2**23).astype("<i4").reshape(-1, 1).view("u1")[:, :3].tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(riff(fmt(layout.channels, mask=mask), chunk(b"data", packed)))


def surround_sounds(layout: Layout) -> dict[str, np.ndarray]:
    """By the name of the file: music in the layout's every channel but C, effects in all, LFE and heights too."""
    music = 0.4 * noise(FRAMES, layout.channels, seed=7, rms=0.02)
    music[:, :2] += 0.75 * chords(FRAMES)
    music[:, layout.labels.index("C")] = 0.0
    hits = [clicks(FRAMES, (1.0 + 0.01 * channel, 2.9), seed=channel)[:, 0] for channel in range(layout.channels)]
    return {"mx": music, "fx": 0.5 * np.stack(hits, axis=1)}


def surround_scene(folder: Path, layout: Layout, **fields: Any) -> Path:
    """The scene with a mono voice, music and effects in a layout, and an ambience in stereo."""
    for name, samples in surround_sounds(layout).items():
        write_surround(folder / "scene" / f"{name}.wav", samples, layout)
    write_audio(folder / "scene" / "dx.wav", voice(FRAMES, SCENE_LINES_S))
    write_audio(folder / "scene" / "amb.wav", noise(FRAMES, seed=4, rms=0.002))
    return write_project(folder / "scene.json", fields.pop("stems", scene_stems()), **fields)


def masters_of(receipt: Receipt) -> dict[str, WrittenFile]:
    """By the name of their deliverable."""
    return {file.deliverable: file for file in receipt.files if file.parent is None}


@pytest.mark.parametrize("layout", [SURROUND_5_1, SURROUND_7_1_4], ids=lambda layout: layout.name)
def test_a_surround_reel_is_printed_with_its_fold_down_each_at_its_own_target(tmp_path: Path, layout: Layout) -> None:
    deliverables = [*masters(layout.name, "2.0"), {"name": "stems", "kind": "stems"}]
    receipt = rendered(surround_scene(tmp_path, layout, deliverables=deliverables))
    assert receipt.passed
    files = masters_of(receipt)
    assert plan_in(tmp_path / "out").moves, "something is cut"
    wide = read_audio(tmp_path / "out" / f"scene_mix{layout.name}.wav")
    header = read_wave_header(tmp_path / "out" / f"scene_mix{layout.name}.wav")
    assert header is not None
    assert (header.mask, wide.shape) == (layout.masks[0], (FRAMES, layout.channels))
    stereo = read_audio(tmp_path / "out" / "scene_mix2.0.wav")
    for name in (f"mix{layout.name}", "mix2.0"):
        assert files[name].measured.integrated_lufs == pytest.approx(-27.0, abs=0.05)
    gain = 10 ** ((files["mix2.0"].gain_db - files[f"mix{layout.name}"].gain_db) / 20)
    folded = gain * np.einsum("nc,tc->nt", wide, fold_matrix(layout, STEREO))
    assert stereo == pytest.approx(folded, abs=12 * LSB), "it is the fold, but for dither"
    printed = [read_audio(tmp_path / "out" / f"scene_stems_{stem}.wav") for stem in ("DX", "MX", "FX", "AMB")]
    error = sum(printed[1:], printed[0]) - wide
    assert np.sqrt(np.mean(error**2)) <= 0.6 * 5**0.5 * LSB, "stems come in their parent's layout and add up to it"
    assert np.flatnonzero(printed[0].any(axis=0)).tolist() == [layout.labels.index("C")], "a mono voice stands in C"


def test_a_fold_down_is_limited_by_itself(tmp_path: Path) -> None:
    """Channels that are under the ceiling each are over it together."""
    deliverables = masters("5.1", "2.0", target_lufs=-20.0, ceiling_dbtp=-6.0)
    receipt = rendered(surround_scene(tmp_path, SURROUND_5_1, deliverables=deliverables))
    for file in receipt.files:
        assert file.limiting is not None
        assert file.measured.true_peak_dbtp is not None
        assert file.measured.true_peak_dbtp <= -6.0 + 0.02
    reductions = [file.limiting.max_reduction_db for file in receipt.files if file.limiting]
    assert abs(reductions[0] - reductions[1]) > 0.3


def test_blocks_and_threads_change_no_bit_of_a_surround_render(tmp_path: Path) -> None:
    deliverables = [*masters("5.1", "2.0"), {"name": "stems", "kind": "stems"}]
    project = surround_scene(tmp_path, SURROUND_5_1, deliverables=deliverables)
    stems = edited(project, lambda document: document["stems"][0].update(pan=-0.4))
    hashes = [
        [file.sha256 for file in rendered(stems, tmp_path / f"out{size}", block_frames=size, threads=threads).files]
        for size, threads in ((1 << 16, 2), (4096, 1), (10_007, 4))
    ]
    assert hashes[0] == hashes[1] == hashes[2]


def test_decisions_are_those_of_the_fold_whatever_the_bus(tmp_path: Path) -> None:
    """The same stems decided for a stereo mix and for a 5.1: listeners to the fold get the same cuts."""
    project = surround_scene(tmp_path, SURROUND_5_1)
    plans = []
    for layout in ("2.0", "5.1", "7.1.4"):
        wide = edited(project, lambda document, layout=layout: document.update(deliverables=masters(layout)))
        rendered(wide, tmp_path / layout)
        plans.append(plan_in(tmp_path / layout))
    assert plans[0].moves
    assert plans[0] == plans[1] == plans[2]


def test_a_pan_is_heard_in_the_fold_that_is_judged(tmp_path: Path) -> None:
    project = scene(tmp_path, deliverables=masters("2.0"))
    plans = []
    for pan in (0.0, 0.9):
        rendered(edited(project, lambda document, pan=pan: document["stems"][0].update(pan=pan)))
        plans.append(plan_in(tmp_path / "out"))
    assert plans[1].stems[0].pan == 0.9
    assert plans[0].lines[0].snr_before_db > plans[1].lines[0].snr_before_db + 0.3, "less of it is in the mid"
    printed = read_audio(tmp_path / "out" / "scene_mix2.0.wav")
    rms = np.sqrt(np.mean(printed[30_000:70_000] ** 2, axis=0))
    assert rms[1] > 1.2 * rms[0]


def test_channels_in_film_order_or_in_files_of_their_own_give_the_same_mix(tmp_path: Path) -> None:
    deliverables = masters("5.1")
    film = in_film_order(SURROUND_5_1)
    turned = [SURROUND_5_1.labels.index(label) for label in film.labels]
    whole = surround_scene(tmp_path / "wave", SURROUND_5_1, deliverables=deliverables)
    other = surround_scene(tmp_path / "film", SURROUND_5_1, deliverables=deliverables)
    split = surround_scene(tmp_path / "split", SURROUND_5_1, deliverables=deliverables)
    for name, samples in surround_sounds(SURROUND_5_1).items():
        write_surround(tmp_path / "film" / "scene" / f"{name}.wav", samples[:, turned], SURROUND_5_1, masked=False)
        for channel, label in enumerate(SURROUND_5_1.labels):
            kept = np.round(samples[:, channel : channel + 1] * 2**23) / 2**23
            write_audio(tmp_path / "split" / "scene" / f"{name}.{label}.wav", kept)
        (tmp_path / "split" / "scene" / f"{name}.wav").unlink()

    def in_film(document: dict[str, Any]) -> None:
        for stem in document["stems"][1:3]:
            stem.update(order="film", layout="5.1")

    def in_files(document: dict[str, Any]) -> None:
        for stem in document["stems"][1:3]:
            name = stem.pop("file").removesuffix(".wav")
            stem["files"] = {label: f"{name}.{label}.wav" for label in film.labels}

    receipts = [rendered(whole), rendered(edited(other, in_film)), rendered(edited(split, in_files))]
    mixes = [read_audio(tmp_path / name / "out" / "scene_mix5.1.wav") for name in ("wave", "film", "split")]
    # the seed of the dither is the plan's hash, and the plan names the files' hashes
    assert [np.abs(mix - mixes[0]).max() <= 2.01 * LSB for mix in mixes] == [True] * 3
    assert [source.layout for source in receipts[2].sources] == ["1.0", *["5.1"] * 12, "2.0"]
    assert [source.channel for source in receipts[2].sources[:4]] == [None, "L", "R", "C"]
    assert not any(warning for receipt in receipts for source in receipt.sources for warning in source.warnings)
    moves = [plan_in(tmp_path / name / "out").moves for name in ("wave", "film", "split")]
    assert moves[0] == moves[1] == moves[2] != ()


def test_a_project_says_what_a_file_does_not(tmp_path: Path) -> None:
    samples = np.zeros((FRAMES, 12))
    samples[:, 9] = 0.1 * np.sin(np.arange(FRAMES) * 0.05)
    write_surround(tmp_path / "bed.wav", samples, SURROUND_7_1_4, masked=False)
    project = write_project(
        tmp_path / "p.json", [{"id": "BED", "role": "music", "file": "bed.wav"}], deliverables=masters("7.1.4")
    )
    with pytest.raises(StemError, match="has 12 channels and does not say for which speakers"):
        rendered(project)
    rendered(edited(project, lambda document: document["stems"][0].update(layout="7.1.4")))
    written = read_audio(tmp_path / "out" / "p_mix7.1.4.wav")
    assert np.flatnonzero(written.any(axis=0)).tolist() == [9]
    edited(project, lambda document: document["stems"][0].update(layout="5.1"))
    with pytest.raises(StemError, match=r"bed\.wav: has 12 channels; the layout given for it, 5\.1, has 6"):
        rendered(project)


def test_a_pan_of_what_is_not_mono_is_refused_by_stem_and_field(tmp_path: Path) -> None:
    project = scene(tmp_path)
    edited(project, lambda document: document["stems"][1].update(pan=0.2))
    told = r"scene\.json:14:14: stem 'MX': pan: is for mono stems, and .*mx\.wav has 2 channels"
    with pytest.raises(ProjectError, match=told):
        rendered(project)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pan": 0.5}, "the pan of stem DX has been moved from 0"),
        ({"layout": "1.0"}, "channels of stem DX were described differently"),
    ],
)
def test_a_plan_for_another_place_or_other_channels_is_stale(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    project = scene(tmp_path)
    rendered(project)
    edited(project, lambda document: document["stems"][0].update(change))
    with pytest.raises(ProjectError, match=said):
        rendered(project, tmp_path / "again", tmp_path / "out" / "scene.plan.json")


@pytest.mark.parametrize("change", [{"order": "film"}, {"layout": "5.1", "order": "film"}])
def test_a_plan_is_stale_where_a_clip_says_of_its_file_that_its_channels_are_others(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    """Of one whole file the hash is the file's own, and does not tell."""
    stems = scene_stems()
    stems[1] = {"id": "MX", "role": "music", "clips": [{"file": "scene/mx.wav"}]}
    project = surround_scene(tmp_path, SURROUND_5_1, stems=stems, deliverables=masters("5.1"))
    rendered(project)
    rendered(project, tmp_path / "again", tmp_path / "out" / "scene.plan.json")
    edited(project, lambda document: document["stems"][1]["clips"][0].update(change))
    with pytest.raises(ProjectError, match="channels of stem MX were described differently"):
        rendered(project, tmp_path / "stale", tmp_path / "out" / "scene.plan.json")
    rendered(project)
    rendered(project, tmp_path / "again", tmp_path / "out" / "scene.plan.json")


def test_features_of_another_pan_or_layout_are_not_mistaken_for_these(tmp_path: Path) -> None:
    """The store is asked with all that changes what is heard: warm, a render is what it is cold."""
    project = scene(tmp_path, deliverables=masters("2.0"))
    plans = {}
    for use_cache in (True, False):
        for change in ({"pan": 0.0}, {"pan": 0.7}):
            edited(project, lambda document, change=change: document["stems"][0].update(change))
            rendered(project, use_cache=use_cache)
            plans[use_cache, change["pan"]] = plan_in(tmp_path / "out")
    assert plans[True, 0.0] == plans[False, 0.0]
    assert plans[True, 0.7] == plans[False, 0.7]
    assert plans[True, 0.0].lines != plans[True, 0.7].lines


def test_features_of_another_order_of_channels_are_not_mistaken_for_these(tmp_path: Path) -> None:
    """Of the same file, by what the project says of it."""
    project = surround_scene(tmp_path, SURROUND_5_1, deliverables=masters("5.1"))
    for name, samples in surround_sounds(SURROUND_5_1).items():
        write_surround(tmp_path / "scene" / f"{name}.wav", samples, SURROUND_5_1, masked=False)
    peaks: dict[tuple[str, bool], list[float | None]] = {}
    for order in ("wave", "film"):
        edited(project, lambda document, order=order: [its.update(order=order) for its in document["stems"][1:3]])
        for use_cache in (True, False):
            found = examine(project, progress=silent_progress, use_cache=use_cache).stems
            peaks[order, use_cache] = [stem.facts.measured.true_peak_dbtp for stem in found]
    assert peaks["wave", True] == peaks["wave", False]
    assert peaks["film", True] == peaks["film", False] != peaks["wave", True]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_printmaster_of_every_layout_reads_back_as_that_layout(tmp_path: Path, name: str) -> None:
    rendered(surround_scene(tmp_path, SURROUND_5_1, deliverables=masters(name)))
    path = tmp_path / "out" / f"scene_mix{name}.wav"
    audio = inspect(path)
    assert (audio.layout.name, audio.warnings, audio.frames) == (name, (), FRAMES)
    assert soundfile.info(path).channels == audio.layout.channels
    with AudioReader(path) as reader:
        assert np.array_equal(reader.read(FRAMES), read_audio(path))


def test_a_dictionary_of_files_is_written_in_one_canonical_way(tmp_path: Path) -> None:
    stem = {"id": "MX", "role": "music", "files": {"R": "r.wav", "L": "l.wav"}, "pan": 0.0}
    project = write_project(tmp_path / "p.json", [stem])
    text = canonical(read_project(project))
    assert json.loads(text)["stems"] == [{"id": "MX", "role": "music", "files": {"L": "l.wav", "R": "r.wav"}}]
    project.write_text(text)
    assert canonical(read_project(project)) == text
