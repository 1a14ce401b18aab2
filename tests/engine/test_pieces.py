"""A stream in pieces: every sample once, in the row of its channel, with what was heard before it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.engine.findings import edge_of
from stemmix.engine.pieces import Pieces, bins_of_piece

RATE_HZ = 4410


@settings(max_examples=40, deadline=None)
@given(
    channels=st.integers(1, 6),
    before=st.integers(0, 300),
    frames=st.integers(0, 60_000),
    cuts=st.lists(st.integers(0, 60_000), max_size=5),
)
def test_pieces_are_the_stream_however_it_arrives(channels: int, before: int, frames: int, cuts: list[int]) -> None:
    signal = np.random.default_rng(frames).normal(size=(frames, channels))
    heard = np.concatenate((np.zeros((before, channels)), signal)).T
    pieces = Pieces(RATE_HZ, channels, before)
    ends = [0]

    def look(count: int) -> None:
        begin = ends[-1]
        np.testing.assert_array_equal(pieces.rows[:, : before + count], heard[:, begin : begin + before + count])
        ends.append(begin + count)

    for block in np.split(signal, sorted(cuts)):
        for count in pieces.of(block):
            look(count)
    whole = len(ends) - 1
    for count in pieces.left():
        look(count)
    bins = bins_of_piece(channels)
    assert ends[: whole + 1] == [edge_of(number * bins, RATE_HZ) for number in range(whole + 1)], "bins fit into them"
    assert ends[-1] == frames


@pytest.mark.parametrize(("channels", "bins"), [(1, 200), (2, 100), (4, 50), (12, 50)])
def test_a_piece_is_a_second_or_more_and_of_few_channels_longer(channels: int, bins: int) -> None:
    assert bins_of_piece(channels) == bins
