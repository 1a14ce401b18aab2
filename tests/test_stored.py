"""A stored plan whose stems have changed: refused with every reason, or mixed as far as it fits and said so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stemmix.cli import main
from stemmix.files.documents import read_document
from stemmix.model.plan import Plan
from stemmix.model.receipt import Receipt
from tests.material import RATE_HZ, edited, noise, read_audio, rendered, scene, write_audio

Said = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that was rendered into `out`."""
    path = scene(tmp_path)
    rendered(path)
    return path


def again(project: Path, *options: str) -> tuple[int, Path]:
    """Mixed into `again` from the plan in `out`; the exit code, and that folder."""
    plan, out = project.parent / "out" / "scene.plan.json", project.parent / "again"
    return main(["render", str(project), "--plan", str(plan), "--out", str(out), *options]), out


def moves_of(folder: Path, *but: str) -> list[dict[str, Any]]:
    """The moves of the plan in a folder, without those of some stems."""
    plan = read_document(folder / "scene.plan.json", Plan)
    return [{"id": move.id, "stem": move.stem, "start": move.start} for move in plan.moves if move.stem not in but]


def test_a_plan_that_is_not_stale_is_mixed_as_without_the_option(project: Path, capsys: Said) -> None:
    code, out = again(project, "--stale-ok")
    assert code == 0
    assert capsys.readouterr().err == ""
    for path in (project.parent / "out").glob("*.[wp]*"):
        if "receipt" not in path.name:
            assert (out / path.name).read_bytes() == path.read_bytes()


def test_without_the_option_every_reason_is_said_and_nothing_written(project: Path, capsys: Said) -> None:
    write_audio(project.parent / "scene" / "fx.wav", noise(2 * RATE_HZ))
    edited(project, lambda document: document["stems"][1].update(gain_db=-2.0))
    code, out = again(project)
    assert code == 3
    said = capsys.readouterr().err
    assert "the plan is stale: " in said
    assert "fx.wav of stem FX has changed since" in said
    assert "the fader of stem MX has been moved from 0 dB" in said
    assert "Traceback" not in said
    assert not out.exists()


def test_moves_of_a_stem_that_is_gone_are_left_out_and_the_others_stand(project: Path) -> None:
    before = moves_of(project.parent / "out")
    kept = moves_of(project.parent / "out", "MX")
    assert 0 < len(kept) < len(before)
    edited(project, lambda document: document["stems"][1].update(mute=True))
    code, out = again(project, "--stale-ok")
    assert code == 0
    assert moves_of(out) == kept
    receipt = read_document(out / "scene.receipt.json", Receipt)
    said = [note for note in receipt.warnings if "stale" in note]
    assert said[0] == "the plan was stale, and was mixed as far as it fits: its stem MX is muted"
    assert said[-1].startswith(f"{len(before) - len(kept)} of the stale plan's {len(before)} moves are left out")
    assert (out / "scene_stems_FX.wav").exists()
    assert not (out / "scene_stems_MX.wav").exists()


def test_a_new_stem_gets_no_move_and_the_length_follows_the_stems_of_today(project: Path) -> None:
    sound = noise(6 * RATE_HZ, seed=9, rms=0.01)
    write_audio(project.parent / "scene" / "more.wav", sound)
    new = {"id": "NEW", "role": "fx", "file": "scene/more.wav"}
    edited(project, lambda document: document["stems"].append(new))
    code, out = again(project, "--stale-ok")
    assert code == 0
    receipt = read_document(out / "scene.receipt.json", Receipt)
    assert receipt.frames == 6 * RATE_HZ
    gain = 10 ** (receipt.files[0].gain_db / 20)
    assert np.allclose(read_audio(out / "scene_stems_NEW.wav"), gain * sound, atol=2**-21), "dither, and nothing else"
    assert "is not in it" in "".join(receipt.warnings)
    assert {stem.id: stem.frames for stem in read_document(out / "scene.plan.json", Plan).stems}["NEW"] == 6 * RATE_HZ


def test_what_lies_beyond_stems_that_became_shorter_is_left_out_and_the_plan_is_whole(project: Path) -> None:
    for name in ("dx", "mx", "fx", "amb"):
        path = project.parent / "scene" / f"{name}.wav"
        write_audio(path, read_audio(path)[: 2 * RATE_HZ])
    late = [move for move in moves_of(project.parent / "out") if move["start"] >= 2 * RATE_HZ]
    assert late, "there is something to leave out"
    code, out = again(project, "--stale-ok")
    assert code in {0, 5}
    plan = read_document(out / "scene.plan.json", Plan)
    assert plan.frames == 2 * RATE_HZ
    assert plan.moves
    assert all(move.end <= 2 * RATE_HZ for move in plan.moves)
    # the plan that was mixed stands beside what was made of it, and is not stale
    assert main(["render", str(project), "--plan", str(out / "scene.plan.json"), "--out", str(out / "more")]) == code
    for path in out.glob("*.wav"):
        assert (out / "more" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("length_s", [2.0, 5.0])
def test_a_plan_fits_the_picture_that_has_another_length_now(project: Path, length_s: float, capsys: Said) -> None:
    edited(project, lambda document: document.update(length=length_s))
    assert again(project)[0] == 3
    assert f"the programme {round(length_s * RATE_HZ)}" in capsys.readouterr().err
    code, out = again(project, "--stale-ok")
    assert code in {0, 5}
    plan = read_document(out / "scene.plan.json", Plan)
    assert plan.frames == plan.scenes[-1].end == round(length_s * RATE_HZ)
    assert read_document(out / "scene.receipt.json", Receipt).frames == plan.frames
    assert main(["render", str(project), "--plan", str(out / "scene.plan.json"), "--out", str(out / "more")]) == code


def test_a_plan_at_another_rate_fits_nothing(project: Path, capsys: Said) -> None:
    edited(project, lambda document: document.update(sample_rate=44_100))
    code, _ = again(project, "--stale-ok")
    assert code == 3
    assert "cannot be made to fit: its times are samples at 48000 Hz" in capsys.readouterr().err


def test_the_option_alone_is_wrong_usage(project: Path, capsys: Said) -> None:
    assert main(["render", str(project), "--stale-ok"]) == 2
    assert "--plan FILE" in capsys.readouterr().err


def test_what_is_unsound_is_met_where_nothing_is_listened_to(project: Path, capsys: Said) -> None:
    file = project.parent / "scene" / "fx.wav"
    sound = read_audio(file)
    sound[RATE_HZ, 0] = np.nan
    soundfile.write(file, sound, RATE_HZ, subtype="FLOAT")
    code, out = again(project, "--stale-ok")
    assert code == 4
    said = capsys.readouterr().err
    assert f"fx.wav: holds a sample that is NaN or infinite, at frame {RATE_HZ}" in said
    assert not out.exists()
