"""One share of all work: it rises as time goes by, whatever is done, and ends at one."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemmix.files.projects import read_project
from stemmix.model.progress import Stage, Step
from stemmix.steps import Steps, files_of_parts, part_of, reading, work_of
from tests.material import scene

STAGES: tuple[Stage, ...] = ("open", "listen", "mix")


def test_stages_count_by_how_long_they_take() -> None:
    told: list[Step] = []
    steps = Steps(told.append, {"listen": 3.0, "mix": 1.0})
    steps.expect("listen", 300)
    steps.expect("mix", 50)
    steps.lasts(20.0)
    for stage, amount in (("listen", 0), ("listen", 150), ("listen", 150), ("mix", 25), ("mix", 25)):
        steps.advance(stage, amount)
    assert told == [
        Step(stage, share, 20.0)
        for stage, share in (("listen", 0.0), ("listen", 0.375), ("listen", 0.75), ("mix", 0.875), ("mix", 1.0))
    ]


def test_what_is_skipped_is_no_work_and_what_is_done_twice_is_done_once() -> None:
    told: list[Step] = []
    steps = Steps(told.append, {"listen": 2.0, "mix": 1.0})
    steps.expect("listen", 4)
    steps.expect("mix", 10)
    steps.skip("listen", 3)  # leaves a weight of a half
    steps.advance("listen", 1)
    assert told[-1].share == pytest.approx(0.5 / 1.5)
    steps.skip("listen", 1)
    steps.advance("mix", 100)
    assert told[-1].share == 1.0


def test_what_is_done_as_part_of_another_stage_is_that_ones_time() -> None:
    told: list[Step] = []
    steps = Steps(told.append, {"mix": 3.0, "write": 1.0, "examine": 4.0})
    for stage, amount in (("mix", 20), ("write", 20), ("examine", 10)):
        steps.expect(stage, amount)
    steps.join("mix", "write", 10)  # one of two reels
    steps.advance("mix", 10)
    assert told[-1].share == pytest.approx(1.5 / 8)
    steps.advance("write", 10)
    assert told[-1].share == pytest.approx((1.5 + 2.5 / 2) / 8)
    steps.join("align", "write", 10)
    steps.join("mix", "print", 10)
    steps.advance("write", 10)
    steps.advance("examine", 10)
    assert told[-1].share == 1.0


@given(st.lists(st.tuples(st.sampled_from(STAGES), st.floats(0.0, 9.0), st.booleans())))
def test_the_share_never_falls_nor_leaves_its_bounds(work: list[tuple[Stage, float, bool]]) -> None:
    told: list[Step] = []
    steps = Steps(told.append, {"open": 1.0, "listen": 5.0})
    steps.expect("open", 2.0)
    steps.expect("listen", 20.0)
    for stage, amount, skipped in work:
        (steps.skip if skipped else steps.advance)(stage, amount)
    steps.end("mix")
    shares = [step.share for step in told]
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] == 1.0


def test_nothing_is_lost_between_threads() -> None:
    told: list[Step] = []
    steps = Steps(told.append, {"mix": 1.0}, reels=2)
    steps.expect("mix", 4000)
    reels = [steps.of_reel(1 + number % 2) for number in range(4)]
    threads = [
        threading.Thread(target=lambda reel=reel: [reel.advance("mix", 1) for _ in range(1000)]) for reel in reels
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [step.share for step in told] == pytest.approx([number / 4000 for number in range(1, 4001)])
    assert {(step.reel, step.reels) for step in told} == {(1, 2), (2, 2)}


def test_a_part_of_a_job_moves_between_its_bounds() -> None:
    told: list[Step] = []
    read = reading(part_of(told.append, 0.5, 0.75))
    read(0.5)
    read(0.5)
    assert [step.share for step in told] == [0.625, 0.75]


def test_the_work_of_a_project_is_what_it_lists(tmp_path: Path) -> None:
    master = {"name": "mix"}
    project = read_project(scene(tmp_path, deliverables=[master]))
    assert list(work_of([project], listens=True)) == ["open", "listen", "decide", "mix", "write", "examine"]
    assert list(work_of([project], listens=False)) == ["open", "mix", "write", "examine"]
    assert list(work_of([project], listens=True, mixes=False)) == ["open", "listen", "decide"]
    kinds = [{"name": "all", "kind": "stems"}, {"name": "groups", "kind": "stems", "by": "group"}]
    parts = [*kinds, {"name": "me", "kind": "m_and_e"}]
    whole = read_project(scene(tmp_path, deliverables=[master, *parts]))
    assert files_of_parts(whole) == 4 + 3 + 1
    assert work_of([whole], listens=True)["print"] > 0.0
    assert work_of([whole, whole], listens=True)["mix"] == 2 * work_of([whole], listens=True)["mix"]
