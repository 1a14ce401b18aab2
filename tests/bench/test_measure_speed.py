"""The program that times `measure` runs, on a moment of the example; nothing is asserted on seconds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import soundfile

from tests.bench import measure_speed
from tests.bench.long_reels import RATE_HZ
from tests.bench.timing import STEMMIX, environment
from tests.children import tells_of_kernels


def test_both_sides_measure_both_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = measure_speed.build(tmp_path, 6 / 60)
    assert [soundfile.info(file).channels for file in files.values()] == [2, 6]
    assert {soundfile.info(file).frames for file in files.values()} == {6 * RATE_HZ}
    told = subprocess.run(
        [*STEMMIX, "measure", "--json", *map(str, files.values())],
        env=environment(tmp_path / "cache"), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [each["layout"] for each in json.loads(told.stdout)] == ["2.0", "5.1"]
    said = [line for line in told.stderr.splitlines() if not tells_of_kernels(line)]
    assert said == [], "the files say what their channels are"
    costs = measure_speed.compare(files, tmp_path / "cache", 6 / 60, rounds=1)
    assert all(cost.cpu_s > 0 for cost in costs.values())
    assert capsys.readouterr().out.count("| ") > 12
    if ("stereo", "ffmpeg ebur128") not in costs:
        pytest.skip("ffmpeg is not installed: no rival")
