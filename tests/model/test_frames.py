"""`model.features.Frames`: rows are their source's, in whatever order and whatever thread they are asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stemmix.model.features import AHEAD, COLUMN_COUNT, Frames
from tests.held_frames import HeldFrames

COUNT = 3 * AHEAD
ROWS = np.random.default_rng(1).integers(-20_000, 1000, (COUNT, COLUMN_COUNT)).astype(np.int16)
FIRST = 40

ASKED = st.lists(
    st.tuples(st.integers(-100, COUNT + 100), st.sampled_from([0, 1, 7, 300, AHEAD, AHEAD + 5])), min_size=1, max_size=8
)


class Counted(HeldFrames):
    """A source that knows how often it was read."""

    reads = 0

    def rows(self, start: int, stop: int) -> NDArray[np.int16]:
        self.reads += 1
        return super().rows(start, stop)


@settings(max_examples=60, deadline=None)
@given(asked=ASKED)
def test_rows_are_the_source_s_in_whatever_order(asked: list[tuple[int, int]]) -> None:
    source = HeldFrames(ROWS)
    frames = Frames(source, FIRST)
    for start, length in asked:
        assert np.array_equal(frames.rows(start, start + length), source.rows(start - FIRST, start + length - FIRST))


def test_threads_that_ask_in_places_of_their_own_do_not_meddle() -> None:
    frames = Frames(HeldFrames(ROWS))

    def sound(begin: int) -> bool:
        steps = range(begin, begin + 900, 3)
        return all(np.array_equal(frames.rows(start, start + 50), ROWS[start : start + 50]) for start in steps)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(sound, [0, 1500, 700, 2000]))


def test_what_is_asked_for_in_order_is_read_a_stretch_at_a_time() -> None:
    source = Counted(ROWS)
    frames = Frames(source)
    for start in range(0, COUNT - 100, 20):
        frames.rows(start, start + 90)
    assert source.reads < COUNT / AHEAD + 2
