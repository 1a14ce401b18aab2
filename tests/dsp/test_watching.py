"""The kernel that watches samples go by, against its readable twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp import sample_kernels
from tests.reference.watching import watched

LEVELS = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.99996, 1.0])


@settings(max_examples=200, deadline=None)
@given(
    frames=st.lists(st.tuples(LEVELS, LEVELS), max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=5),
    shortest=st.integers(2, 4),
)
def test_sums_and_clipped_runs_are_its_twins_however_the_samples_arrive(
    frames: list[tuple[float, float]], cuts: list[int], shortest: int
) -> None:
    signal = np.array(frames, np.float64).reshape(-1, 2)
    last, run, sums, found = np.zeros(2), np.zeros(2, np.int64), np.zeros((8, 2)), np.array([0, -1])
    before = 0
    for block in np.split(signal, sorted(min(cut, len(signal)) for cut in cuts)):
        sample_kernels.watch(block, 0.99996, shortest, before, last, run, sums, found)
        before += len(block)
    wanted_sums, runs, first = watched(list(signal.T), 0.99996, shortest)
    assert sums.sum(axis=0) == pytest.approx(wanted_sums)
    assert sums == pytest.approx(np.stack([signal[i::8].sum(axis=0) for i in range(8)]))
    assert (int(found[0]), int(found[1])) == (runs, first)
