"""The program that measures deciding runs, on a moment of the example; nothing is asserted on seconds."""

from __future__ import annotations

from pathlib import Path

from tests.bench import decide_speed
from tests.bench.long_reels import EXAMPLE


def test_a_moment_of_the_example_is_decided(tmp_path: Path) -> None:
    one = decide_speed.measured(EXAMPLE, tmp_path, 0.2, rounds=1)
    assert one.plan.lines
    assert one.plan.frames == 0.2 * 60 * one.plan.sample_rate
    assert one.row.startswith("| 0.2 |")
