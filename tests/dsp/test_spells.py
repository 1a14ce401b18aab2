"""Windows decide, bins locate; places that are near are one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp.spells import LoneSilences, Places, Sliding, Spells


@settings(max_examples=100, deadline=None)
@given(begin=st.integers(0, 80), length=st.integers(8, 40), cuts=st.lists(st.integers(0, 150), max_size=4))
def test_a_spell_is_located_to_the_bin_however_the_bins_arrive(begin: int, length: int, cuts: list[int]) -> None:
    """Over a window of 10 bins, 4 bad ones make a window bad."""
    excess = np.full(150, -1.0)
    excess[begin : begin + length] = 1.5
    windows, spells = Sliding(10, 1), Spells(10, 5, 20)
    for part in np.split(excess, sorted(cuts)):
        with np.errstate(invalid="ignore"):
            spells.process(windows.process(part[:, None])[:, 0] > 0.0, part)
    spells.finish()
    assert spells.spans == [(begin, begin + length)]
    assert spells.bins == length


def test_what_is_shorter_than_asked_is_not_counted_and_only_the_first_are_kept() -> None:
    excess = np.tile([2.0, 2.0, 2.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0], 5)
    for shortest, kept, bins in ((3, 2, 15), (4, 0, 0)):
        spells = Spells(1, shortest, 2)
        spells.process(excess > 0.0, excess)
        spells.finish()
        assert (spells.spans, spells.bins) == ([(0, 3), (10, 13)][:kept], bins)


def test_windows_that_are_not_whole_are_no_numbers() -> None:
    sums = Sliding(3, 2).process(np.arange(8.0).reshape(4, 2))
    assert np.isnan(sums[:2]).all()
    assert sums[2:].tolist() == [[6.0, 9.0], [12.0, 15.0]]


def test_near_places_are_one_and_only_the_first_are_kept() -> None:
    places = Places(10, 2)
    for start in (0, 12, 40, 35, 100, 105):
        places.add(start, start + 5)
    assert places.count == 3
    assert places.spans == [(0, 17), (35, 45)]
    places.clear()
    assert (places.count, places.spans) == (0, [])


def test_there_is_no_place_before_the_first() -> None:
    places = Places(0, 1)
    assert places.spans == []
    places.add(3, 4)
    assert places.spans == [(3, 4)] == [pytest.approx((3, 4))]


def test_a_place_that_is_told_late_joins_the_one_that_it_is_near_to() -> None:
    """One channel waits for what follows longer than another: what was found in both is one place."""
    places = Places(10, 3)
    for start in (100, 500, 900, 502, 96, 1300, 908):
        places.add(start, start + 1)
    assert places.spans == [(96, 101), (500, 503), (900, 909)]
    assert places.count == 4


@pytest.mark.parametrize("behind", [0, 3, 40, 1000])
@pytest.mark.parametrize("size", [1, 7, 2000])
def test_a_channel_is_lost_for_as_long_as_the_other_sounds_however_much_silence_follows(behind: int, size: int) -> None:
    one, other = np.zeros(60 + behind), np.zeros(60 + behind)
    one[:30] = other[:60] = 1.0
    silences = LoneSilences(5, 0.1, 0.01, 20)
    for start in range(0, len(one), size):
        silences.process(one[start : start + size], other[start : start + size])
    silences.finish()
    assert silences.ending == (30, 60)
    assert silences.count == 0
