"""Means and ranks of what stands around a value are those of the readable twins, and of scipy to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stemmix.dsp import running_kernels
from stemmix.dsp.running import Beyond, near_any, running_mean, running_percentile
from tests.reference import running as twin

Floats = NDArray[np.float64]
IN_SCIPY: dict[Beyond, str] = {"constant": "constant", "edge": "nearest", "symmetric": "reflect"}


def levels(count: int, seed: int, *, steps: bool = False) -> Floats:
    """Levels that wander; in whole steps, so that many are the same."""
    wander = np.cumsum(np.random.default_rng(seed).normal(0.0, 3.0, count)) - 40.0
    return np.round(wander) if steps else wander


@pytest.mark.parametrize("width", [1, 2, 7, 101])
def test_kernels_do_what_their_twins_do(width: int) -> None:
    for steps in (False, True):
        padded = levels(400, width, steps=steps)
        out = np.empty(len(padded) - width + 1)
        last = running_kernels.means(padded, width, padded[:width].sum(), out)
        np.testing.assert_allclose(out, twin.means(padded, width), rtol=1e-12)
        assert last / width == out[-1]
        for rank in {0, width // 3, width - 1}:
            running_kernels.ranked(padded, np.sort(padded[:width]), rank, out)
            np.testing.assert_array_equal(out, twin.ranked(padded, width, rank))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("beyond", IN_SCIPY)
@pytest.mark.parametrize(("count", "width"), [(1, 7), (50, 101), (2000, 7), (2000, 10), (2000, 751), (80_000, 751)])
def test_it_is_scipy_to_the_last_bit(beyond: Beyond, kind: type, count: int, width: int) -> None:
    from scipy.ndimage import maximum_filter1d, minimum_filter1d, percentile_filter, uniform_filter1d

    values = levels(count, width).astype(kind)
    mode = IN_SCIPY[beyond]
    pairs = [
        (running_mean(values, width, beyond), uniform_filter1d(values, width, mode=mode)),
        (running_percentile(values, 100, width, beyond), maximum_filter1d(values, width, mode=mode)),
        (running_percentile(values, 0, width, beyond), minimum_filter1d(values, width, mode=mode)),
        (running_percentile(values, 2, width, beyond), percentile_filter(values, 2, size=width, mode=mode)),
        (running_percentile(values, 95, width, beyond), percentile_filter(values, 95, size=width, mode=mode)),
    ]
    for ours, theirs in pairs:
        assert ours.dtype == theirs.dtype == kind
        np.testing.assert_array_equal(ours, theirs)


def test_a_series_much_shorter_than_the_window_is_mirrored_again_and_again() -> None:
    # scipy reads beyond it here
    assert running_percentile(np.array([3.0, 1.0, 2.0]), 50, 101, "symmetric").tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("width", [1, 3, 11, 301])
def test_near_a_mark_is_within_half_a_window_of_it(width: int) -> None:
    marks = np.zeros(200, bool)
    marks[[0, 77, 78, 150]] = True
    wanted = [any(abs(i - mark) <= width // 2 for mark in np.flatnonzero(marks)) for i in range(200)]
    assert near_any(marks, width).tolist() == wanted
    assert not near_any(np.zeros(200, bool), width).any()


def test_of_nothing_comes_nothing() -> None:
    nothing = np.empty(0)
    assert len(running_mean(nothing, 7, "edge")) == len(running_percentile(nothing, 2, 7, "symmetric")) == 0
    assert len(near_any(np.empty(0, bool), 7)) == 0
