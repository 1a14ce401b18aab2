"""Files of past versions the whole way: they are mixed as they were when they were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from stemmix.cli import main
from stemmix.files.broadcast import BroadcastInfo
from stemmix.files.writer import WaveWriter
from stemmix.model.layouts import STEREO
from tests.material import RATE_HZ, plan_in, read_audio, rendered, scene

LATE = BroadcastInfo(time_reference=RATE_HZ // 2)


def mixed(project: Path) -> tuple[dict[str, Any], np.ndarray]:
    out = project.parent / f"out_{project.stem}"
    rendered(project, out)
    plan = plan_in(out).model_dump(mode="json")
    return plan, read_audio(out / f"{project.stem}_printmaster.wav")


def test_a_project_of_version_1_is_mixed_as_ever_though_its_stems_have_time_references(tmp_path: Path) -> None:
    """Version 1 did not look at them; version 2 places a stem by its own. Read as it is or brought up to date, with a
    note of each stem's place, the old file has the same plan and the same samples."""
    old = scene(tmp_path, "old")
    music = read_audio(tmp_path / "old" / "mx.wav")
    with WaveWriter(tmp_path / "old" / "mx.wav", "wavfloat", RATE_HZ, STEREO, len(music), metadata=LATE) as writer:
        writer.write(music)
        writer.finish()
    document = json.loads(old.read_text())
    placed = document | {"stems": [stem | {"at": 0.0} for stem in document["stems"]]}
    for name, one in (("placed", placed), ("new", document), ("old", document | {"schema": "stemmix.project/1"})):
        (tmp_path / f"{name}.json").write_text(json.dumps(one))
    plan, samples = mixed(old)
    same, mix = mixed(tmp_path / "placed.json")
    assert same == plan
    assert np.array_equal(mix, samples)
    assert len(mixed(tmp_path / "new.json")[1]) == len(samples) + RATE_HZ // 2, "the time reference tells in version 2"

    assert main(["migrate", "--quiet", str(old)]) == 0
    assert json.loads(old.read_text())["schema"] == "stemmix.project/2"
    again, mix = mixed(old)
    assert again == plan
    assert np.array_equal(mix, samples)
