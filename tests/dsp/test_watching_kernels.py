"""Kernels that look for faults, against their readable twins, however the samples arrive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal as scipy_signal

from stemmix.dsp import watching_kernels
from stemmix.dsp.filters import k_weighting
from stemmix.dsp.watching import SPEECH_BAND_HZ, PairBins
from tests.material import RATE_HZ, noise
from tests.reference.watching import broken, flat_topped, holed, silent

Floats = NDArray[np.float64]

CUTS = st.lists(st.integers(0, 400), max_size=5)
TOPS = st.sampled_from([-1.0, -0.7, -0.69999, 0.0, 0.05, 0.4, 0.7, 0.69, 1.0])


def parts_of(signal: Floats, cuts: list[int]) -> list[Floats]:
    return np.split(signal, sorted(min(cut, len(signal)) for cut in cuts))


@settings(max_examples=200, deadline=None)
@given(samples=st.lists(TOPS, max_size=60), cuts=CUTS)
def test_flat_runs_are_its_twins(samples: list[float], cuts: list[int]) -> None:
    signal = np.array([*samples, 0.0])[:, None]
    state, tops = np.zeros((1, 4)), np.zeros((1, 2))
    found: list[tuple[float, ...]] = []
    frames = 0
    for part in parts_of(signal, cuts):
        events = np.empty((len(part) + 1, 4))
        count = watching_kernels.flat_runs(part, frames, 3, 0.99996, 0.1, 0.001, state, tops, events)
        found += map(tuple, events[:count, 1:].tolist())
        frames += len(part)
    assert found == flat_topped(samples, 3, 0.99996, 0.1, 0.001)
    assert tops.max() == np.abs(signal).max()


@settings(max_examples=200, deadline=None)
@given(
    samples=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.00001, 0.0002, 0.004, 0.01, 0.3]), min_size=30, max_size=200),
    cuts=CUTS,
)
def test_holes_are_its_twins(samples: list[float], cuts: list[int]) -> None:
    near, around, shortest, longest = 2, 4, 3, 6
    signal = np.array([*samples, *[0.0] * around])[:, None]
    tail = np.zeros((shortest + around, 1))
    state = np.zeros((1, 9))
    found: list[tuple[float, ...]] = []
    frames = 0
    for part in parts_of(signal, cuts):
        heard = np.concatenate((tail, part))
        events = np.empty((len(part) + 1, 3))
        count = watching_kernels.holes(
            heard, len(tail), frames, 1e-4, shortest, longest, near, around, 0.003, 5.0, 0.01, state, events
        )
        found += map(tuple, events[:count, 1:].tolist())
        frames += len(part)
        tail = heard[-len(tail) :]
    wanted = holed(signal[:, 0].tolist(), 1e-4, (shortest, longest), (near, around), 0.003, 5.0, 0.01)
    assert found == wanted


@settings(max_examples=200, deadline=None)
@given(at=st.lists(st.integers(0, 399), max_size=6), steps=st.booleans(), cuts=CUTS)
def test_jumps_are_its_twins(at: list[int], steps: bool, cuts: list[int]) -> None:
    reach, apart = 12, 60
    signal = 0.1 * np.sin(0.02 * np.arange(400))
    for frame in at:
        signal[frame : len(signal) if steps else frame + 1] += 0.3
    tail, state = np.zeros((2 * reach + 2, 1)), np.array([[-1e12, 0.0]])
    found: list[int] = []
    frames = 0
    for part in parts_of(np.append(signal, np.zeros(reach))[:, None], cuts):
        heard = np.concatenate((tail, part))
        events = np.empty((len(part) + 1, 2))
        count = watching_kernels.jumps(heard, frames - reach, reach, 0.01, 10.0, 0.001, apart, state, events)
        found += events[:count, 1].astype(int).tolist()
        frames += len(part)
        tail = heard[-len(tail) :]
    found += [int(state[0, 0])] if state[0, 1] else []
    assert found == broken(signal.tolist(), reach, 0.01, 10.0, 0.001, apart)


@settings(max_examples=200, deadline=None)
@given(heard=st.lists(st.sampled_from([True, False, False]), max_size=80), cuts=CUTS)
def test_silent_runs_are_its_twins(heard: list[bool], cuts: list[int]) -> None:
    signal = np.array([*heard, True, True, True])[:, None] * np.array([0.0, 0.25])
    tail, state = np.zeros((2, 2)), np.array([-1.0, 0.0, -1.0, -1.0, 0.0])
    found: list[tuple[float, ...]] = []
    frames = 0
    for part in parts_of(signal, cuts):
        both = np.concatenate((tail, part))
        events = np.empty((len(part) + 1, 3))
        count = watching_kernels.silent_runs(both, 2, frames, 4, 2, state, events)
        found += map(tuple, events[:count].tolist())
        frames += len(part)
        tail = both[-2:]
    assert found == [(*run, 0.25) for run in silent([*heard, True, True, True], 4)]


def test_bins_hold_what_the_filters_of_scipy_leave() -> None:
    """scipy designs the band by itself."""
    sound = noise(RATE_HZ, 3)
    ends = np.arange(960, len(sound) + 1, 960)
    bins = PairBins(RATE_HZ).process(sound, 0, 2, ends)
    a, b = sound[:, 0], sound[:, 2]
    weighting = [(*row[:3], 1.0, *row[3:]) for row in k_weighting(RATE_HZ)]
    up = scipy_signal.butter(4, SPEECH_BAND_HZ[0], "high", fs=RATE_HZ, output="sos")
    down = scipy_signal.butter(2, SPEECH_BAND_HZ[1], "low", fs=RATE_HZ, output="sos")
    k_a, k_b = (scipy_signal.sosfilt(weighting, x) for x in (a, b))
    s_a, s_b = (scipy_signal.sosfilt(np.concatenate((up, down)), x) for x in (a, b))
    columns = (a, b, a * a, b * b, a * b, k_a * k_a, k_b * k_b, k_a * k_b, s_a * s_a, s_b * s_b, s_a * s_b)
    for column, values in enumerate(columns):
        assert bins[:, column] == pytest.approx(values.reshape(-1, 960).sum(axis=1), rel=1e-3, abs=1e-3)
    peaks = np.maximum(np.abs(a), np.abs(b)).reshape(-1, 960).max(axis=1)
    assert np.array_equal(bins[:, -1], peaks)
