"""The whole way with clips, moving faders and groups: a stem is mixed, and decided on, as the file that an editor would
bounce of it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix.errors import ProjectError
from stemmix.files.broadcast import BroadcastInfo
from stemmix.files.projects import read_project
from stemmix.files.writer import WaveWriter
from stemmix.model.layouts import STEREO
from stemmix.sources import open_stems
from tests.material import (
    RATE_HZ,
    SCENE_S,
    noise,
    plan_in,
    read_audio,
    rendered,
    scene,
    scene_stems,
    write_audio,
    write_project,
)

FLOAT = [{"name": "printmaster", "format": "wavfloat"}]


def decisions(folder: Path) -> list[dict[str, Any]]:
    """Of the one plan in a folder: everything but the stems' hashes."""
    plan = plan_in(folder).model_dump(mode="json")
    for stem in plan["stems"]:
        del stem["sha256"]
    return [plan]


def both_ways(tmp_path: Path, stems: list[dict[str, Any]], bounced: list[dict[str, Any]], **fields: Any) -> np.ndarray:
    """The mix of `stems`, after it was held against that of the files that they would be bounced to."""
    mixes = []
    for name, its in (("scene", stems), ("bounce", bounced)):
        project = scene(tmp_path, stems=its, deliverables=FLOAT, **(fields if name == "scene" else {}))
        rendered(project, tmp_path / name / "out")
        mixes.append(read_audio(tmp_path / name / "out" / "scene_printmaster.wav"))
    assert decisions(tmp_path / "scene" / "out") == decisions(tmp_path / "bounce" / "out")
    assert np.array_equal(*mixes)
    return mixes[0]


def test_a_stem_in_clips_is_mixed_as_the_file_that_is_cut_out_of(tmp_path: Path) -> None:
    """Butted together again, whatever their order in the project."""
    whole = scene_stems()
    cuts = [0, 40_000, 77_777, round(SCENE_S * RATE_HZ)]
    clips = [
        {"file": "scene/mx.wav", "in": f"{first} samples", "out": f"{after} samples", "at": f"{first} samples"}
        for first, after in pairwise(cuts)
    ]
    stems = [stem if stem["id"] != "MX" else {"id": "MX", "role": "music", "clips": clips[::-1]} for stem in whole]
    assert both_ways(tmp_path, stems, whole).any()


def test_faders_that_move_are_heard_by_every_decision(tmp_path: Path) -> None:
    """Music that is drawn down by hand under the first line needs no move there: as if it had been recorded so."""
    scene(tmp_path)
    points = [(0.3, 0.0), (0.5, -30.0), (1.6, -30.0), (1.8, 0.0)]
    music = read_audio(tmp_path / "scene" / "mx.wav")
    time_s, level_db = zip(*points, strict=True)
    gains = 10 ** (np.interp(np.arange(len(music)), np.array(time_s) * RATE_HZ, level_db) / 20)
    write_audio(tmp_path / "scene" / "drawn.wav", music * gains[:, None], subtype="DOUBLE")
    fader = {"gain_db": [{"at": at, "value": value} for at, value in points]}
    stems, bounced = scene_stems(), scene_stems()
    stems[1]["automation"] = fader
    bounced[1]["file"] = "scene/drawn.wav"
    both_ways(tmp_path, stems, bounced)
    moves = plan_in(tmp_path / "scene" / "out").moves
    assert not [move for move in moves if move.stem == "MX" and move.end < 2 * RATE_HZ]
    assert [move for move in moves if move.stem == "MX" and move.start > 2 * RATE_HZ]


def test_a_group_is_one_fader_for_its_stems(tmp_path: Path) -> None:
    stems, bounced = scene_stems(), scene_stems()
    for stem, alone in zip(stems[1:], bounced[1:], strict=True):
        stem |= {"group": "BED", "gain_db": 1.0}
        alone["gain_db"] = -2.0
    both_ways(tmp_path, stems, bounced, groups=[{"id": "BED", "gain_db": -3.0}])


@pytest.mark.parametrize(
    ("change", "heard"),
    [
        ({"groups": [{"id": "BED", "mute": True}]}, ["DX"]),
        ({"groups": [{"id": "BED", "solo": True}]}, ["MX", "FX", "AMB"]),
        ({"groups": [{"id": "BED"}]}, ["DX", "MX", "FX", "AMB"]),
    ],
)
def test_groups_mute_and_solo_their_stems(tmp_path: Path, change: dict[str, Any], heard: list[str]) -> None:
    stems = [stem | ({"group": "BED"} if stem["id"] != "DX" else {}) for stem in scene_stems()]
    project = read_project(scene(tmp_path, stems=stems, **change))
    assert [stem.id for stem in project.heard] == heard


def test_a_solo_leaves_the_others_out_and_says_so(tmp_path: Path) -> None:
    stems = scene_stems()
    stems[0]["solo"] = True
    stems[1]["solo"] = True
    project = scene(tmp_path, stems=stems)
    receipt = rendered(project)
    assert {source.stem for source in receipt.sources} == {"DX", "MX"}
    assert "DX, MX are soloed: FX, AMB are left out" in receipt.warnings


def test_what_is_muted_by_itself_or_by_its_group_is_said(tmp_path: Path) -> None:
    """Not even its file is looked at: that all stems are sound is said of the others."""
    stems = [stem | ({"group": "BED"} if stem["id"] in {"MX", "FX"} else {}) for stem in scene_stems()]
    stems[3] |= {"mute": True, "file": "scene/lost.wav"}
    receipt = rendered(scene(tmp_path, stems=stems, groups=[{"id": "BED", "mute": True}]))
    assert {source.stem for source in receipt.sources} == {"DX"}
    assert "MX, FX, AMB are muted: neither heard, printed nor checked" in receipt.warnings


def test_times_may_be_timecode_and_the_mix_is_the_same(tmp_path: Path) -> None:
    """Pins, cues, places of stems: at 29.97 drop-frame, on a reel that starts at one hour."""
    fields = {"frame_rate": "29.97df", "start": "01:00:00;00"}
    stems, seconds = scene_stems(), scene_stems()
    stems[2]["at"] = "01:00:00;15"
    seconds[2]["at"] = "24024 samples"
    pins = {"stem": "MX", "max_cut_db": 3.0, "id": "keep_it"}
    one = scene(
        tmp_path, stems=stems, deliverables=FLOAT, pins=[pins | {"from": "01:00:02;00", "to": "01:00:03;00"}], **fields
    )
    rendered(one, tmp_path / "a")
    other = scene(
        tmp_path, stems=seconds, deliverables=FLOAT, pins=[pins | {"from": 60 * 1.001 / 30, "to": 90 * 1.001 / 30}]
    )
    rendered(other, tmp_path / "b")
    mixes = [read_audio(tmp_path / out / "scene_printmaster.wav") for out in "ab"]
    assert np.array_equal(*mixes)
    assert plan_in(tmp_path / "a").moves == plan_in(tmp_path / "b").moves


def test_an_edit_of_a_clip_makes_a_stored_plan_stale(tmp_path: Path) -> None:
    stems = scene_stems()
    clips: list[dict[str, Any]] = [{"file": "scene/mx.wav", "out": 2.0}, {"file": "scene/mx.wav", "in": 2.0, "at": 2.0}]
    stems[1] = {"id": "MX", "role": "music", "clips": clips}
    project = scene(tmp_path, stems=stems)
    rendered(project, tmp_path / "first")
    plan = tmp_path / "first" / "scene.plan.json"
    rendered(project, tmp_path / "again", plan)
    for change in ({"gain_db": -1.0}, {"fade_in": {"length": 0.1}}, {"in": 2.1}, {"at": 2.2}):
        stems[1]["clips"] = [clips[0], clips[1] | change]
        changed = scene(tmp_path, stems=stems)
        with pytest.raises(ProjectError, match=r"the plan is stale: scene/mx.wav of stem MX or what is made of it has"):
            rendered(changed, tmp_path / "stale", plan)


def test_features_are_kept_for_clips_that_did_not_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another fader or place is no reason to listen again; another cut is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    stems = scene_stems()
    clips: list[dict[str, Any]] = [{"file": "scene/mx.wav", "out": 1.5}, {"file": "scene/mx.wav", "in": 1.5, "at": 2.0}]
    stems[1] = {"id": "MX", "role": "music", "clips": clips}

    def kept() -> set[str]:
        rendered(scene(tmp_path, stems=stems))
        return {entry.name for entry in (tmp_path / "cache").rglob("*.features")}

    first = kept()
    stems[1]["gain_db"] = -3.0
    assert kept() == first
    clips[1]["at"] = 2.1
    assert len(kept() - first) == 1


def test_a_file_is_looked_at_and_hashed_once_however_many_clips_are_made_of_it(tmp_path: Path) -> None:
    stems = scene_stems()
    clips = [{"file": "scene/mx.wav", "in": n / 10, "out": (n + 1) / 10, "at": n / 10} for n in range(40)]
    stems[1] = {"id": "MX", "role": "music", "clips": clips}
    path = scene(tmp_path, stems=stems)
    source = open_stems(path, read_project(path))[1]
    assert [file.path for file in source.files] == ["scene/mx.wav"]
    assert len(source.timeline.pieces) == 40
    assert len({id(piece.audio) for piece in source.timeline.pieces}) == 1


def test_what_begins_after_the_pictures_end_is_warned_of(tmp_path: Path) -> None:
    """It is left out without a trace; a length of another reel, or a slip in a place, does that."""
    stems = scene_stems()
    clips = [{"file": "scene/mx.wav", "out": 1.0, "at": at} for at in (0.0, 1.9, 2.0, 3.5)]
    stems[1] = {"id": "MX", "role": "music", "clips": clips}
    stems[2]["at"] = 2.0
    path = scene(tmp_path, stems=stems, length=2.0)
    sources = open_stems(path, read_project(path))
    ends = "it begins at 0:00:02.0, and the picture ends at 0:00:02.0"
    assert [warning.rpartition("/")[2] for source in sources for warning in source.warnings] == [
        f"mx.wav: nothing of clip 3 and 1 more of stem 'MX' is heard: {ends}",
        f"fx.wav: nothing of stem 'FX' is heard: {ends}",
    ]


def test_a_clip_past_its_files_end_is_told_with_its_place_in_the_project(tmp_path: Path) -> None:
    stems = scene_stems()
    clips = [{"file": "scene/mx.wav", "out": 1.0, "mute": True}, {"id": "end", "file": "scene/mx.wav", "out": 9.5}]
    stems[1] = {"id": "MX", "role": "music", "clips": clips}
    path = scene(tmp_path, stems=stems)
    column = path.read_text().index("9.5") + 1
    with pytest.raises(
        ProjectError, match=rf"scene\.json:1:{column}: stem 'MX': clip 'end': out: 9\.5 s lies past the"
    ):
        open_stems(path, read_project(path))


@pytest.mark.parametrize(("start", "warned"), [(None, True), (3600.0, False)])
def test_a_stem_that_its_time_reference_puts_an_hour_in_is_warned_of(
    tmp_path: Path, start: float | None, warned: bool
) -> None:
    """A project without a start counts from midnight; a DAW's stems seldom begin there."""
    samples = noise(4800, 2)
    about = BroadcastInfo(time_reference=3600 * RATE_HZ)
    with WaveWriter(tmp_path / "a.wav", "wavfloat", RATE_HZ, STEREO, 4800, metadata=about) as writer:
        writer.write(samples)
        writer.finish()
    stems = [{"id": "A", "role": "music", "file": "a.wav"}]
    path = write_project(tmp_path / "p.json", stems, **({} if start is None else {"start": start}))
    (source,) = open_stems(path, read_project(path))
    assert source.at == (3600 * RATE_HZ if start is None else 0)
    said = [warning for warning in source.warnings if "would begin 1:00:00.0 into the programme" in warning]
    assert bool(said) is warned
