"""The program that measures deciding runs, on a moment of the example; nothing is asserted on seconds."""

from __future__ import annotations

from pathlib import Path

from tests.bench import decide_speed
from tests.bench.long_reels import EXAMPLE


def test_a_moment_of_the_example_is_decided_alike_on_one_thread_and_on_two(tmp_path: Path) -> None:
    one, two = decide_speed.measured(EXAMPLE, tmp_path, 0.2, rounds=1)
    assert (one.threads, two.threads) == (1, 2)
    assert one.plan.lines
    assert one.plan == two.plan
    assert one.plan.frames == 0.2 * 60 * one.plan.sample_rate
    assert one.row.startswith("| 1 | 0.2 |")
