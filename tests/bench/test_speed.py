"""The program that measures speed runs, on a moment of the example; nothing is asserted on seconds."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import soundfile

from tests.bench import speed

EXAMPLE = speed.REPOSITORY / "projects" / "film_reel3"
RATE_HZ = speed.RATE_HZ


def test_a_process_is_charged_for_what_it_took(tmp_path: Path) -> None:
    place = speed.Place(tmp_path, 1.0)
    work = "import sys, time; a = bytearray(200_000_000); t = time.process_time()\n"
    work += "while time.process_time() < t + 0.2: pass\nprint('done', file=sys.stderr)"
    cost, said = speed.measured([sys.executable, "-c", work], place)
    assert said == "done\n"
    assert 0.2 <= cost.cpu_s <= cost.wall_s * 4
    assert cost.peak_bytes > 200_000_000


def test_a_process_that_fails_ends_the_program(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="ended with 3"):
        speed.measured([sys.executable, "-c", "raise SystemExit(3)"], speed.Place(tmp_path, 1.0))


def test_a_stem_is_repeated_to_length_with_nothing_between(tmp_path: Path) -> None:
    speed.repeat(EXAMPLE / "amb.flac", tmp_path / "long.wav", 100 * RATE_HZ)
    made, _ = soundfile.read(tmp_path / "long.wav", always_2d=True)
    source, _ = soundfile.read(EXAMPLE / "amb.flac", always_2d=True)
    assert made.shape == (100 * RATE_HZ, 2)
    assert (made[: len(source)] == source).all()
    assert (made[len(source) :] == source[: len(made) - len(source)]).all()


def test_both_sides_mix_the_example(tmp_path: Path) -> None:
    place = speed.build(EXAMPLE, tmp_path / "place", 3 / 60)
    speed.render(place, "stems", cached=False)
    assert len(list((place.folder / "out").glob("*.wav"))) == 5
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed: no rival")
    assert speed.graph(place, speed.TARGET_LUFS).cpu_s > 0
    assert soundfile.info(place.folder / "graph.wav").frames == 3 * RATE_HZ
