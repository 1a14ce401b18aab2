"""The program that measures speed runs, on a moment of the example; nothing is asserted on seconds."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.bench import chains, speed
from tests.bench.long_reels import EXAMPLE, RATE_HZ, Stem, build, edit, feature_stems, four_stems
from tests.bench.timing import Cost, measured, middle, over, table


def test_a_process_is_charged_for_what_it_took(tmp_path: Path) -> None:
    work = "import sys, time; a = bytearray(200_000_000); t = time.process_time()\n"
    work += "while time.process_time() < t + 0.2: pass\nprint('done', file=sys.stderr)"
    cost, said = measured([sys.executable, "-c", work], tmp_path)
    assert said == "done\n"
    assert 0.2 <= cost.cpu_s <= cost.wall_s * 4
    assert cost.peak_bytes > 200_000_000


def test_a_process_that_fails_ends_the_program(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="ended with 3"):
        measured([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_figures_are_medians_and_ratios_are_the_rivals_over_ours() -> None:
    ours = middle([Cost(1.0, 4.0, 10), Cost(3.0, 2.0, 30), Cost(2.0, 3.0, 20)])
    assert ours == Cost(2.0, 3.0, 20)
    assert over(Cost(8.0, 9.0, 0), ours) == "4.0x, 3.0x"
    assert table(["a", "b"], {"one": ["1", "2"]}) == "| | a | b |\n|---|---|---|\n| one | 1 | 2 |"


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_stem_is_repeated_to_length_with_nothing_between(tmp_path: Path, suffix: str) -> None:
    reel = build(tmp_path / "reel", 100 / 60, four_stems()[3:], suffix=suffix)
    made, _ = soundfile.read(reel.file("ambience"), always_2d=True)
    source, _ = soundfile.read(EXAMPLE / "amb.flac", always_2d=True)
    assert made.shape == (100 * RATE_HZ, 2)
    assert (made[: len(source)] == source).all()
    assert (made[len(source) :] == source[: len(made) - len(source)]).all()


def test_a_wide_stem_has_as_many_channels_and_no_two_pairs_alike(tmp_path: Path) -> None:
    reel = build(tmp_path / "reel", 30 / 60, four_stems(4, "5.1"), layout="5.1")
    made, _ = soundfile.read(reel.file("music"), always_2d=True)
    assert made.shape == (30 * RATE_HZ, 6)
    assert len({column.tobytes() for column in np.ascontiguousarray(made.T)}) == 6


def test_stems_of_one_source_are_one_file(tmp_path: Path) -> None:
    reel = build(tmp_path / "reel", 1 / 60, four_stems(8))
    assert len(reel.stems) == 8
    assert (reel.folder / "reel" / "mx1.wav").samefile(reel.folder / "reel" / "mx2.wav")
    roles = [stem["role"] for stem in json.loads(reel.project("master").read_text("utf-8"))["stems"]]
    assert roles == ["dialogue", "music", "fx", "ambience"] * 2


def test_the_program_itself_is_small(tmp_path: Path) -> None:
    """A child's peak memory counts no less than its parent's."""
    heavy = "import sys, tests.bench.speed; print([name for name in ('numpy', 'numba') if name in sys.modules])"
    cost, _ = measured([sys.executable, "-c", heavy + ";sys.exit('numpy' in sys.modules)"], tmp_path)
    assert cost.cpu_s > 0


def test_a_feature_has_twelve_stems() -> None:
    assert len(feature_stems()) == len({stem.id for stem in feature_stems()}) == 12
    assert Stem("mx1", "mx", "music", "5.1") in feature_stems()


def test_all_cases_are_run_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reel = build(tmp_path / "place", 3 / 60)
    edit(reel, -3.0)
    costs = speed.compare(reel, None, tmp_path / "cache", 1, all_rivals=False)
    assert len(list((reel.folder / "out").glob("*.wav"))) == 8, "one, busy, edited, and one with four stems"
    assert all(cost.cpu_s > 0 for cost in costs.values())
    assert capsys.readouterr().out.count("\n| ") == 1 + len(costs)
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed: no rival")
    assert soundfile.info(tmp_path / "cache" / "graph.wav").frames == 3 * RATE_HZ


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed: no rival")
def test_every_rival_writes_a_mix_of_the_whole_length(tmp_path: Path) -> None:
    reel = build(tmp_path / "place", 5 / 60)
    for rival in (
        lambda: chains.twice_over(reel, tmp_path / "cache", -23.0),
        lambda: chains.by_loudnorm(reel, tmp_path / "cache", -23.0, one_thread=True),
    ):
        assert rival().cpu_s > 0
        written = tmp_path / "cache" / "graph.wav"
        assert soundfile.info(written).frames == pytest.approx(5 * RATE_HZ, abs=2)
        written.unlink()
