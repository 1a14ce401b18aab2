"""`planning.span`: the figures of the whole, told of a part, are true of the part."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.model.plan import Edge, Outcome, Plan
from stemmix.planning.span import seen_in
from tests.planning.scene_features import RATE_HZ, Sound, Told, bed, line, scene

SCENE = scene(
    Told("DX", "dialogue", (line(2.0, 4.0), line(9.0, 11.5), line(22.0, 24.0))),
    Told("MX", "music", (bed(0.0, 18.0, -52.0),)),
    Told("FX", "fx", (Sound(8.0, 26.0, -58.0, 400, 2000),)),
    seconds=30.0,
)
PLAN = SCENE.decide()
FRAMES = SCENE.frames

Sizes = dict[tuple[str, str], tuple[float, float]]


def seen(start: int, end: int) -> tuple[Sizes, Outcome | None]:
    edges, outcome = seen_in(SCENE.project, SCENE.stems, PLAN, (start, end))
    return sizes(edges), outcome


def sizes(edges: tuple[Edge, ...]) -> Sizes:
    return {(edge.target, edge.masker): (edge.size_before, edge.size_after) for edge in edges}


def test_of_the_whole_programme_they_are_the_plans() -> None:
    assert seen(0, FRAMES) == (sizes(PLAN.edges), PLAN.outcome)
    assert PLAN.outcome is not None
    assert PLAN.outcome.lines == 3


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, FRAMES - 1), min_size=1, max_size=4, unique=True))
def test_sizes_of_spans_side_by_side_add_up_to_the_whole(cuts: list[int]) -> None:
    """Wherever the programme is cut: between two stretches of ten seconds or inside one, on a frame or beside it."""
    borders = [0, *sorted(cuts), FRAMES]
    parts = [seen(start, end)[0] for start, end in pairwise(borders)]
    for pair, (before, after) in sizes(PLAN.edges).items():
        assert sum(part[pair][0] for part in parts) == pytest.approx(before, abs=5e-4)
        assert sum(part[pair][1] for part in parts) == pytest.approx(after, abs=5e-4)


def test_a_span_has_the_pairs_that_sound_in_it() -> None:
    early, _ = seen(0, 7 * RATE_HZ)
    assert early["DX", "MX"][0] > 0.1
    assert early["DX", "FX"] == (0.0, 0.0)
    late, _ = seen(20 * RATE_HZ, 30 * RATE_HZ)
    assert late["DX", "MX"] == (0.0, 0.0)
    assert late["DX", "FX"][0] > 0.05


def test_lines_that_touch_the_span_are_judged_whole_and_the_bed_inside_it_alone() -> None:
    _, outcome = seen(0, round(9.5 * RATE_HZ))
    assert outcome is not None
    first, second, third = PLAN.lines
    assert outcome.lines == 2
    assert outcome.clarity_before == pytest.approx((first.clarity_before + second.clarity_before) / 2, abs=1e-3)
    assert outcome.clarity_after == pytest.approx((first.clarity_after + second.clarity_after) / 2, abs=1e-3)
    _, alone = seen(22 * RATE_HZ, 24 * RATE_HZ)
    assert alone is not None
    assert alone.lines == 1
    assert alone.clarity_after == third.clarity_after
    assert alone.bed_loss_db != outcome.bed_loss_db


def test_what_the_bed_gives_up_is_told_of_the_span() -> None:
    """A line that is clear gets nothing done: a span of it loses nothing, whatever is lost elsewhere."""
    clear = scene(
        Told("DX", "dialogue", (line(2.0, 4.0), line(20.0, 22.0))),
        Told("MX", "music", (bed(0.0, 10.0, -45.0), bed(10.0, 30.0, -75.0))),
        seconds=30.0,
    )
    plan = clear.decide()

    def loss(start_s: int, end_s: int) -> float:
        span = (start_s * RATE_HZ, end_s * RATE_HZ)
        _, outcome = seen_in(clear.project, clear.stems, plan, span)
        assert outcome is not None
        return outcome.bed_loss_db

    assert loss(0, 10) > 1.0
    assert loss(15, 30) == 0.0


def test_where_no_line_is_spoken_there_is_no_outcome() -> None:
    assert seen(13 * RATE_HZ, 20 * RATE_HZ)[1] is None


@pytest.mark.parametrize("start", [0, 2 * RATE_HZ + 1, 9 * RATE_HZ + 7, FRAMES - 1])
def test_a_single_sample_is_a_span(start: int) -> None:
    """No frame may be centred in it."""
    edges, outcome = seen(start, start + 1)
    assert all(0.0 <= size <= 0.05 for pair in edges.values() for size in pair)
    assert outcome is None or outcome.lines == 1


def test_a_lone_stem_hides_nothing_and_is_not_hidden() -> None:
    alone = scene(Told("DX", "dialogue", (line(2.0, 4.0),)), seconds=10.0)
    plan: Plan = alone.decide()
    assert seen_in(alone.project, alone.stems, plan, (0, RATE_HZ)) == ((), None)
