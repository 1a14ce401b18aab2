"""`compare`: what two mixes leave of each other, and what scenes are told to be, against the written files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from stemmix.cli import main
from stemmix.dsp.meters import Meter
from stemmix.files.documents import read_document
from stemmix.model.plan import Plan
from tests.material import RATE_HZ, edited, read_audio, rendered, scene

Said = pytest.CaptureFixture[str]


def test_what_is_left_is_that_of_two_files_taken_from_each_other_by_hand(tmp_path: Path, capsys: Said) -> None:
    before = scene(tmp_path, "scene")
    after = tmp_path / "louder.json"
    shutil.copy(before, after)
    edited(after, lambda project: project["stems"][1].update(gain_db=6))
    assert main(["diff", str(before), str(after), "--audio", "--json"]) == 0
    audio = json.loads(capsys.readouterr().out)["audio"]
    mixes = []
    for path in (before, after):
        rendered(edited(path, lambda d: d.update(deliverables=[{"name": "printmaster", "format": "wavfloat"}])))
        mixes.append(read_audio(path.with_name("out") / f"{path.stem}_printmaster.wav"))
    left = mixes[1] - mixes[0]
    assert audio["residual_dbfs"] == pytest.approx(10 * np.log10(np.mean(left**2)), abs=0.06)
    seconds = [np.mean(left[at : at + RATE_HZ] ** 2) for at in range(0, len(left), RATE_HZ)]
    assert audio["worst"][0]["start_s"] == int(np.argmax(seconds))


def test_scenes_loudness_is_that_of_the_mix(tmp_path: Path) -> None:
    """Told from features, to within a decibel of the loudness of the file, master gain taken off."""
    project = scene(tmp_path, deliverables=[{"name": "printmaster", "format": "wavfloat"}])
    receipt = rendered(project)
    (told,) = read_document(tmp_path / "out" / "scene.plan.json", Plan).scenes
    mix = read_audio(tmp_path / "out" / "scene_printmaster.wav") / 10 ** (receipt.files[0].gain_db / 20)
    meter = Meter(RATE_HZ, (1.0, 1.0))
    meter.process(mix)
    integrated_lufs = meter.read().integrated_lufs
    assert integrated_lufs is not None
    assert told.loudness_after_lufs == pytest.approx(integrated_lufs, abs=1.0), "gates leave next to nothing out here"
