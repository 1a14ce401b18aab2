"""The whole way to everything that a project lists: kinds, lengths, leaders, programmes; and the same again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix import pipeline
from stemmix.cli import main
from stemmix.engine import output
from stemmix.errors import ProjectError
from stemmix.files.documents import read_document
from stemmix.looking import examine
from stemmix.model.receipt import Receipt, WrittenFile
from stemmix.reels import reels_of
from tests.delivering import found, loudness_lufs, rms_db
from tests.material import (
    RATE_HZ,
    SCENE_S,
    bytes_in,
    edited,
    noise,
    plan_in,
    read_audio,
    rendered,
    scene,
    scene_stems,
    silent_progress,
    write_audio,
)

Said = pytest.CaptureFixture[str]

FRAMES = round(SCENE_S * RATE_HZ)
BED = ("mx", "fx", "amb")

EVERYTHING: list[dict[str, Any]] = [
    {"name": "printmaster", "target_lufs": -23.0},
    {"name": "loud", "target_lufs": -14.0, "format": "flac24", "max_limiting_db": 24.0},
    {"name": "wide", "layout": "5.1", "order": "film"},
    {"name": "mono", "kind": "fold_down", "layout": "1.0", "format": "mp3"},
    {"name": "stems", "kind": "stems"},
    {"name": "dme", "kind": "stems", "by": "group", "parent": "wide", "split": True},
    {"name": "me", "kind": "m_and_e"},
    {"name": "undipped", "kind": "m_and_e_undipped", "parent": "loud", "format": "flac16"},
    {"name": "minus", "kind": "mix_minus", "without": ["DX"], "format": "ogg"},
]


def files_of(receipt: Receipt) -> dict[str, WrittenFile]:
    return {file.path: file for file in receipt.files}


def raw(folder: Path, *stems: str) -> np.ndarray:
    """Sum of the scene's stems as they came."""
    sounds = [read_audio(folder / "scene" / f"{stem}.wav") for stem in stems]
    return np.asarray(sum(sounds[1:], sounds[0]))


# ---- everything at once ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Receipt]:
    project = scene(tmp_path_factory.mktemp("everything"), deliverables=EVERYTHING)
    return project, rendered(project, use_cache=False)


def test_one_render_writes_every_deliverable_and_names_its_parent(everything: tuple[Path, Receipt]) -> None:
    project, receipt = everything
    names = {path.name for path in (project.parent / "out").iterdir()}
    files = files_of(receipt)
    assert names == {
        "scene.plan.json",
        "scene.receipt.json",
        *(name for path, file in files.items() for name in ([part.path for part in file.parts] or [path])),
    }
    assert [(file.deliverable, file.kind, file.parent) for file in receipt.files] == [
        ("printmaster", "printmaster", None),
        ("loud", "printmaster", None),
        ("wide", "printmaster", None),
        ("mono", "fold_down", None),
        *[("stems", "stem", "printmaster")] * 4,
        *[("dme", "group", "wide")] * 3,
        ("me", "m_and_e", "printmaster"),
        ("undipped", "m_and_e_undipped", "loud"),
        ("minus", "mix_minus", "printmaster"),
    ]
    gains = {file.deliverable: file.gain_db for file in receipt.files if file.parent is None}
    layouts = {file.deliverable: file.layout for file in receipt.files if file.parent is None}
    for file in receipt.files:
        if file.parent is not None:
            assert (file.gain_db, file.layout) == (gains[file.parent], layouts[file.parent])
        assert file.frames == FRAMES
    assert len(set(gains.values())) == 4
    assert receipt.passed == (not any(file.misses for file in receipt.files))


@pytest.mark.parametrize(
    "options", [{"block_frames": 7_777, "threads": 1}, {"block_frames": 512, "threads": 4}], ids=str
)
def test_blocks_threads_cache_and_stored_plan_change_no_byte_of_anything(
    everything: tuple[Path, Receipt], tmp_path: Path, options: dict[str, int]
) -> None:
    project, _ = everything
    cold = bytes_in(project.parent / "out")
    rendered(project, tmp_path / "warming", **options)
    rendered(project, tmp_path / "warm", **options)
    rendered(project, tmp_path / "stored", project.parent / "out" / "scene.plan.json", **options)
    for name in ("warming", "warm", "stored"):
        assert bytes_in(tmp_path / name) == cold, name


@pytest.mark.parametrize("step", ["quantise", "QcWatch", "judged"])
def test_a_fault_in_the_midst_leaves_nothing_of_anything(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = getattr(output, step), 3

    def fail(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ZeroDivisionError
        return real(*arguments, **options)

    monkeypatch.setattr(output, step, fail)
    with pytest.raises(ZeroDivisionError):
        rendered(scene(tmp_path, deliverables=EVERYTHING), use_cache=False)
    assert not (tmp_path / "out").exists()


# ---- what dialogue moved ---------------------------------------------------------------------------------------------


def both_m_and_es(folder: Path, **fields: Any) -> tuple[Receipt, dict[str, np.ndarray]]:
    deliverables = [
        {"name": "mix", "target_lufs": -27.0},
        {"name": "me", "kind": "m_and_e", "format": "wavfloat"},
        {"name": "undipped", "kind": "m_and_e_undipped", "format": "wavfloat"},
        {"name": "stems", "kind": "stems", "format": "wavfloat"},
    ]
    receipt = rendered(scene(folder, deliverables=deliverables, **fields))
    return receipt, {path: read_audio(folder / "out" / path) for path in files_of(receipt)}


def test_an_undipped_m_and_e_is_the_bed_as_it_came_at_the_masters_gain(tmp_path: Path) -> None:
    receipt, audio = both_m_and_es(tmp_path)
    assert plan_in(tmp_path / "out").moves
    gain = 10 ** (receipt.files[0].gain_db / 20)
    came = raw(tmp_path, *BED) * gain
    assert rms_db(audio["scene_undipped.wav"] - came) < -140.0
    assert rms_db(audio["scene_me.wav"] - came) > -60.0, "the printed bed is dipped"
    printed = [audio[f"scene_stems_{stem}.wav"] for stem in ("MX", "FX", "AMB")]
    assert rms_db(printed[0] + printed[1] + printed[2] - audio["scene_me.wav"]) < -140.0
    assert found(files_of(receipt)["scene_undipped.wav"], "clipping").verdict == "pass"


def test_what_a_person_pinned_stays_in_an_undipped_m_and_e(tmp_path: Path) -> None:
    """A duck of the music by 6 dB where nobody asked for one, and the dialogue's own moves elsewhere."""
    pin = {"stem": "MX", "from": 1.0, "to": 3.0, "action": {"kind": "duck", "gain_db": -6.0}}
    receipt, audio = both_m_and_es(tmp_path, pins=[pin])
    gain = 10 ** (receipt.files[0].gain_db / 20)
    inside = slice(round(1.1 * RATE_HZ), round(2.9 * RATE_HZ))
    ducked = (raw(tmp_path, "fx", "amb") + 10 ** (-6 / 20) * raw(tmp_path, "mx")) * gain
    assert rms_db((audio["scene_undipped.wav"] - ducked)[inside]) < -100.0
    assert rms_db((audio["scene_undipped.wav"] - raw(tmp_path, *BED) * gain)[inside]) > -60.0
    assert rms_db((audio["scene_undipped.wav"] - raw(tmp_path, *BED) * gain)[: RATE_HZ // 4]) < -140.0


def test_what_a_singer_asks_of_the_band_stays_in_an_undipped_m_and_e(tmp_path: Path) -> None:
    """A lead is music, not dialogue: its moves are the mix's own."""
    stems = scene_stems()
    stems[0]["role"] = "lead"
    receipt, audio = both_m_and_es(tmp_path, stems=stems, profile="music")
    moves = plan_in(tmp_path / "out").moves
    assert {move.stem for move in moves} & {"MX", "FX"}, "something is done for the lead"
    assert np.array_equal(audio["scene_undipped.wav"], audio["scene_me.wav"])
    gain = 10 ** (receipt.files[0].gain_db / 20)
    assert rms_db(audio["scene_undipped.wav"] - raw(tmp_path, "mx", "fx", "amb") * gain) > -60.0


# ---- length, leader, tail --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length_s", [1.2, 2.0, 5.5])
def test_what_is_decided_is_of_what_is_written(tmp_path: Path, length_s: float) -> None:
    """Beyond the picture's end nothing is a line, a conflict or a reason; to it, all of it is the programme."""
    frames = round(length_s * RATE_HZ)
    whole, cut = (
        examine(scene(tmp_path, name, **fields), progress=silent_progress).plan
        for name, fields in (("whole", {}), ("cut", {"length": length_s, "balance": True}))
    )
    assert cut.frames == frames
    assert [line.start for line in cut.lines] == [line.start for line in whole.lines if line.start < frames]
    assert max(one.end for one in (*cut.lines, *cut.conflicts, *cut.moves, *cut.scenes)) <= frames
    assert cut.scenes[-1].end == frames
    if length_s < SCENE_S:
        assert sum(edge.size_before for edge in cut.edges) < sum(edge.size_before for edge in whole.edges)


@pytest.mark.parametrize("length_s", [3.2, 4.0, 5.5])
def test_every_file_is_as_long_as_the_picture(tmp_path: Path, length_s: float) -> None:
    """What lies beyond is left out, silence is added; to the sample, in every format."""
    deliverables = [{"name": "mix"}, {"name": "mp3", "format": "mp3"}, {"name": "me", "kind": "m_and_e", "split": True}]
    receipt = rendered(scene(tmp_path, length=length_s, deliverables=deliverables))
    frames = round(length_s * RATE_HZ)
    assert receipt.frames == frames
    for name in ("scene_mix.wav", "scene_mp3.mp3", "scene_me.L.wav", "scene_me.R.wav"):
        assert len(read_audio(tmp_path / "out" / name)) == frames
    mix = read_audio(tmp_path / "out" / "scene_mix.wav")
    assert mix[: min(frames, FRAMES)][-RATE_HZ // 4 :].any()
    assert not mix[FRAMES + 100 :].any()
    assert files_of(receipt)["scene_mix.wav"].measured.integrated_lufs == pytest.approx(-23.0, abs=0.05)


def with_leader(folder: Path, pop: bool = True, **fields: Any) -> Path:
    """The scene, two seconds late, with a 2-pop at full scale in the leader."""
    project = scene(folder, ffoa=2.0, lfoa=6.0, length=7.0, **fields)
    sound = np.zeros((RATE_HZ, 1))
    sound[:2000, 0] = np.sin(2 * np.pi * 1000 * np.arange(2000) / RATE_HZ) if pop else 1e-3
    write_audio(folder / "scene" / "pop.wav", sound, subtype="FLOAT")

    def late(document: dict[str, Any]) -> None:
        for stem in document["stems"]:
            stem["at"] = 2.0
        document["stems"].append({"id": "POP", "role": "fx", "file": "scene/pop.wav"})

    return edited(project, late)


def test_a_two_pop_changes_no_gain_and_no_reading_and_is_in_the_file(tmp_path: Path) -> None:
    receipts = {}
    for name in ("pop", "none"):
        (tmp_path / name).mkdir()
        deliverables = [{"name": "mix"}]
        receipts[name] = rendered(with_leader(tmp_path / name, pop=name == "pop", deliverables=deliverables))
    one, other = (receipts[name].files[0] for name in ("pop", "none"))
    assert one.flags == other.flags, "nor is the leader looked at for faults"
    assert one.gain_db == pytest.approx(other.gain_db, abs=0.005)
    assert one.measured.true_peak_dbtp == pytest.approx(other.measured.true_peak_dbtp, abs=0.02)
    assert one.measured.integrated_lufs == pytest.approx(-23.0, abs=0.05)
    mix = read_audio(tmp_path / "pop" / "out" / "scene_mix.wav")
    assert len(mix) == 7 * RATE_HZ
    # a mono stem stands in L and R at -3 dB each
    assert 20 * np.log10(np.abs(mix[:2000]).max()) == pytest.approx(one.gain_db - 3.01, abs=0.05)
    assert loudness_lufs(mix[2 * RATE_HZ : 6 * RATE_HZ]) == pytest.approx(-23.0, abs=0.05)


def test_an_action_after_the_end_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    project = scene(tmp_path, ffoa=4.5)
    with pytest.raises(ProjectError, match=r"scene\.json:1:\d+: ffoa: 4\.5 s is not before the programme's end, 4 s"):
        rendered(project)
    assert not (tmp_path / "out").exists()
    assert main(["check", str(project)]) == 3


# ---- programmes ------------------------------------------------------------------------------------------------------


def two_reels(folder: Path, **second: Any) -> tuple[Path, Path, Path]:
    """A programme of a soft reel and a loud one; gives its file and the reels'."""
    soft = [stem | {"gain_db": -6.0} for stem in scene_stems("one")]
    masters = [{"name": "mix", "target_lufs": -20.0, "max_limiting_db": 12.0}, {"name": "stems", "kind": "stems"}]
    one = scene(folder, "one", stems=soft, deliverables=masters)
    two = scene(folder, "two", **({"deliverables": masters} | second))
    listed = {"schema": "stemmix.programme/1", "title": "Both", "reels": ["one.json", "two.json"]}
    (folder / "both.json").write_text(json.dumps(listed))
    return folder / "both.json", one, two


def test_a_programme_is_rendered_as_one_and_a_reel_alone_takes_its_gain(tmp_path: Path, capsys: Said) -> None:
    both, one, _ = two_reels(tmp_path)
    assert main(["render", "--programme", str(both), "--json"]) == 0
    told, err = capsys.readouterr()
    assert err == ""
    assert [receipt["project"] for receipt in json.loads(told)] == ["one.json", "two.json"]
    out = tmp_path / "out"
    receipts = [read_document(out / f"{name}.receipt.json", Receipt) for name in ("one", "two")]
    masters = [receipt.files[0] for receipt in receipts]
    assert masters[0].gain_db == masters[1].gain_db
    programme = np.concatenate([read_audio(out / f"{name}_mix.wav") for name in ("one", "two")])
    # 4 s each: the windows over the joint weigh
    assert loudness_lufs(programme) == pytest.approx(-20.0, abs=0.2)
    assert found(masters[0], "loudness").value == pytest.approx(-20.0, abs=0.02)
    assert masters[0].measured.integrated_lufs < masters[1].measured.integrated_lufs - 3.0
    assert all(receipt.passed for receipt in receipts)

    arguments = ["render", str(one), "--out", str(tmp_path / "alone"), "--gain-from", str(out / "two.receipt.json")]
    assert main(arguments) == 0
    capsys.readouterr()
    for path in files_of(receipts[0]):
        assert (tmp_path / "alone" / path).read_bytes() == (out / path).read_bytes()
    alone = read_document(tmp_path / "alone" / "one.receipt.json", Receipt)
    assert (
        found(alone.files[0], "loudness").text == "takes its gain from two.receipt.json: its programme is judged there"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"name": "mix", "target_lufs": -21.0, "max_limiting_db": 12.0},
        {"name": "mix", "target_lufs": -20.0},
        {"name": "mix", "target_lufs": -20.0, "max_limiting_db": 12.0, "layout": "5.1"},
        {"name": "mix", "target_lufs": -20.0, "max_limiting_db": 12.0, "format": "flac24"},
        {"name": "other", "target_lufs": -20.0, "max_limiting_db": 12.0},
    ],
    ids=str,
)
def test_reels_whose_masters_differ_are_refused(tmp_path: Path, change: dict[str, Any], capsys: Said) -> None:
    both, _, two = two_reels(tmp_path, deliverables=[change])
    assert main(["render", "--programme", str(both)]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    said = f"its printmasters are not those of {tmp_path / 'one.json'}: the reels of a programme share every gain"
    assert err == f"stemmix: error: {two}: {said}\n"
    assert not (tmp_path / "out").exists()


def test_reels_that_are_not_there_or_listed_twice_are_named_with_their_places(tmp_path: Path) -> None:
    both, one, _ = two_reels(tmp_path)
    both.write_text(
        '{\n"schema": "stemmix.programme/1",\n"title": "P",\n"reels": [\n"one.json",\n"none.json",\n"one.json"]}',
        "utf-8",
    )
    with pytest.raises(ProjectError) as fault:
        reels_of(both)
    assert str(fault.value).split("\n") == [
        f"{both}:6:1: reels[1]: 'none.json': there is no such file",
        f"{both}:7:1: reels[2]: 'one.json': is already listed: once is enough",
    ]
    assert one.exists()


def test_reels_may_differ_in_notes_and_in_what_is_printed(tmp_path: Path) -> None:
    masters = [{"name": "mix", "target_lufs": -20.0, "max_limiting_db": 12.0, "note": "the second reel"}]
    both, one, two = two_reels(tmp_path, deliverables=[*masters, {"name": "me", "kind": "m_and_e"}])
    receipts = pipeline.render(reels_of(both), progress=silent_progress)
    assert [len(receipt.files) for receipt in receipts] == [5, 2]
    assert {file.gain_db for receipt in receipts for file in receipt.files} == {receipts[0].files[0].gain_db}
    assert (one.exists(), two.exists()) == (True, True)


def test_reels_that_would_write_the_same_files_are_refused(tmp_path: Path) -> None:
    """Of one name in two folders, into one; or by a template that says nothing of the reel."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    reels = [scene(tmp_path / folder, deliverables=[{"name": "mix"}]) for folder in ("a", "b")]
    with pytest.raises(
        ProjectError, match=r"b/scene\.json: would write scene\.plan\.json, and so would .*a/scene\.json"
    ):
        pipeline.render(reels, tmp_path / "out", progress=silent_progress)
    assert not (tmp_path / "out").exists()
    pipeline.render(reels, progress=silent_progress)
    assert (tmp_path / "a" / "out" / "scene_mix.wav").exists()
    assert (tmp_path / "b" / "out" / "scene_mix.wav").exists()
    same = [{"name": "mix", "file_name": "{deliverable}"}]
    both = [scene(tmp_path, name, deliverables=same) for name in ("one", "two")]
    with pytest.raises(ProjectError, match=r"two\.json: would write mix\.wav, and so would .*one\.json"):
        pipeline.render(both, progress=silent_progress)


def test_a_fault_in_one_reel_leaves_nothing_of_the_other(tmp_path: Path) -> None:
    both, _, _ = two_reels(tmp_path)
    write_audio(tmp_path / "two" / "mx.wav", noise(1000) * np.nan, subtype="FLOAT")
    assert main(["render", "--programme", str(both), "--no-cache"]) == 4
    assert not (tmp_path / "out").exists()


def test_the_unsound_stems_of_every_reel_are_named_at_once(tmp_path: Path, capsys: Said) -> None:
    """Though the first reel that has any is not gone on with."""
    both, _, _ = two_reels(tmp_path)
    for reel, name in (("one", "mx"), ("two", "dx"), ("two", "mx")):
        write_audio(tmp_path / reel / f"{name}.wav", noise(1000) * np.nan, subtype="FLOAT")
    for arguments in ([], ["--no-cache"]):
        assert main(["render", "--programme", str(both), *arguments]) == 4
        told = [line.partition(": holds")[0] for line in capsys.readouterr().err.splitlines()]
        assert [Path(path).parts[-2:] for path in told] == [("one", "mx.wav"), ("two", "dx.wav"), ("two", "mx.wav")]
        assert not (tmp_path / "out").exists()


def test_a_receipt_without_the_master_gives_no_gain(tmp_path: Path, capsys: Said) -> None:
    project = scene(tmp_path, deliverables=[{"name": "mix"}])
    rendered(project)
    edited(project, lambda document: document.update(deliverables=[{"name": "other"}]))
    receipt = tmp_path / "out" / "scene.receipt.json"
    assert main(["render", str(project), "--gain-from", str(receipt)]) == 3
    assert capsys.readouterr().err == f"stemmix: error: {receipt}: has no master other to take the gain from\n"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"target_lufs": -27.0}, "programme loudness of -23 there, programme loudness of -27 here"),
        (
            {"preset": "netflix-nearfield-51"},
            "programme loudness of -23 there, "
            "dialogue loudness of -27 (below 15% of speech programme loudness of -24) here",
        ),
        ({"target_lufs": -23.0, "layout": "5.1"}, "layout 2.0 there, layout 5.1 here"),
        ({"target_lufs": -23.0, "ceiling_dbtp": -3.0, "format": "flac24"}, None),
        ({"preset": "ebu-r128"}, None),
        ({"preset": "ebu-r128", "target_lufs": -23.0}, None),
        ({"preset": "ebu-r128", "target_lufs": -23.0, "tolerance_lu": 1.0}, None),
    ],
)
def test_a_gain_is_taken_for_the_same_layout_and_loudness_only(
    tmp_path: Path, other: dict[str, Any], said: str | None, capsys: Said
) -> None:
    """Loudness is judged where the gain was found: by what was asked for there, wherever the number comes from.
    Peaks and the file are judged here."""
    project = scene(tmp_path, deliverables=[{"name": "mix", "target_lufs": -23.0, "ceiling_dbtp": -2.0}])
    rendered(project)
    receipt = (tmp_path / "out" / "scene.receipt.json").rename(tmp_path / "first.json")
    edited(project, lambda document: document.update(deliverables=[{"name": "mix", **other}]))
    assert main(["render", str(project), "--gain-from", str(receipt)]) == (0 if said is None else 3)
    err = capsys.readouterr().err
    told = f"has another layout or loudness than this project asks for (mix has {said})"
    assert (told in err) == (said is not None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--programme", "both.json", "one.json"], "expected either projects or --programme FILE"),
        (["--programme", "both.json", "--plan", "x.plan.json"], "a plan belongs to one reel"),
        ([], "expected either projects or --programme FILE"),
    ],
)
def test_a_programme_and_a_project_are_not_asked_for_together(arguments: list[str], said: str, capsys: Said) -> None:
    assert main(["render", *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


# ---- exit codes ------------------------------------------------------------------------------------------------------


def test_more_limiting_than_is_allowed_ends_with_5_and_the_files_are_there(tmp_path: Path, capsys: Said) -> None:
    project = scene(tmp_path, deliverables=[{"name": "mix", "target_lufs": -12.0, "max_limiting_db": 1.0}])
    assert main(["render", str(project)]) == 5
    out, err = capsys.readouterr()
    assert err == ""
    assert "fail: scene_mix.wav: is limited by" in out
    assert "allowed 1: lower its target, raise its ceiling, or allow more (max_limiting_db)" in " ".join(out.split())
    assert loudness_lufs(read_audio(tmp_path / "out" / "scene_mix.wav")) == pytest.approx(-12.0, abs=0.05)
    assert not read_document(tmp_path / "out" / "scene.receipt.json", Receipt).passed


def test_a_dialogue_gated_render_tells_dialogue_by_the_plans_lines(tmp_path: Path) -> None:
    receipt = rendered(scene(tmp_path, deliverables=[{"name": "mix", "preset": "disney-plus"}]))
    measured = receipt.files[0].measured
    plan = plan_in(tmp_path / "out")
    share = sum(line.end - line.start for line in plan.lines) / plan.frames
    assert measured.speech_share == pytest.approx(share, abs=1e-4)
    assert measured.dialogue_lufs == pytest.approx(-27.0, abs=0.05)
    mix = read_audio(tmp_path / "out" / "scene_mix.wav")
    spoken = np.concatenate([mix[line.start : line.end] for line in plan.lines])
    assert loudness_lufs(spoken) == pytest.approx(-27.0, abs=0.4), "gated, so not quite the same"
    own = read_audio(tmp_path / "scene" / "dx.wav")
    assert own.any()
    assert measured.dialogue_own_lufs is not None
    assert measured.dialogue_own_lufs < measured.dialogue_lufs
