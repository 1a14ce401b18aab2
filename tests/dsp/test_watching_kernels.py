"""Kernels that look for faults, against their readable twins, however the samples arrive."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal as scipy_signal

from stemmix.dsp import peak_kernels, watching_kernels
from stemmix.dsp.filters import INTERPOLATOR_REACH, Interpolator, gentle_interpolator, sharp_interpolator
from stemmix.dsp.watching_kernels import CELL
from tests.reference.watching import at_full_scale, broken, extremes_of, flat_topped, holed, silent, standing_still

Floats = NDArray[np.float64]

LONGEST = 500
CUTS = st.lists(st.integers(0, LONGEST), max_size=5)
TOPS = st.sampled_from([-1.0, -0.7, -0.69999, -0.5, 0.0, 0.05, 0.4, 0.5, 0.7, 0.69, 1.0])


def parts_of(signal: Floats, cuts: list[int], before: int) -> Iterator[tuple[Floats, int, int]]:
    """Rows with `before` columns of what went before (zeros at first), where they stop, and frames heard till then."""
    heard = np.concatenate((np.zeros((signal.shape[1], before)), signal.T), axis=1)
    edges = [0, *sorted(min(cut, len(signal)) for cut in cuts), len(signal)]
    for begin, end in pairwise(edges):
        yield np.ascontiguousarray(heard[:, begin : before + end]), before + end - begin, begin


def cells_of(rows: Floats, start: int, stop: int) -> Floats:
    cells = np.empty((3, len(rows), -(-(stop - start) // CELL)))
    watching_kernels.extremes(rows, start, stop, cells)
    return cells


@settings(deadline=None)
@given(frames=st.integers(0, 100), channels=st.integers(1, 3), seed=st.integers(0, 99))
def test_extremes_are_their_twins(frames: int, channels: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(0, 0.3, (channels, frames + 3))
    cells = cells_of(rows, 3, frames + 3)
    for channel, row in enumerate(rows.tolist()):
        assert cells[:, channel].T.tolist() == extremes_of(row, 3, CELL)


@settings(deadline=None)
@given(frames=st.integers(0, 300), channels=st.integers(1, 3))
def test_frames_are_taken_in_channel_by_channel(frames: int, channels: int) -> None:
    block = np.arange(1.0, frames * channels + 1).reshape(frames, channels)
    rows = np.zeros((channels, frames + 5))
    watching_kernels.take_in(block, 2, rows)
    assert np.array_equal(rows[:, 2 : frames + 2], block.T)
    assert not rows[:, :2].any()
    assert not rows[:, frames + 2 :].any()


@settings(max_examples=400, deadline=None)
@given(samples=st.lists(st.tuples(TOPS, st.integers(1, 40)), max_size=40), short=st.booleans(), cuts=CUTS)
def test_runs_at_full_scale_are_its_twins(samples: list[tuple[float, int]], short: bool, cuts: list[int]) -> None:
    signal = np.array([*(level for level, times in samples for _ in range(1 + times % 4 if short else times)), 0.0])
    state = np.zeros((1, 3))
    found: list[tuple[float, ...]] = []
    for rows, stop, frames in parts_of(signal[:, None], cuts, 2):
        events = np.empty((stop, 3))
        count = watching_kernels.full_runs(rows, 2, stop, cells_of(rows, 2, stop), frames, 3, 0.99996, state, events)
        found += map(tuple, events[:count, 1:].tolist())
    assert found == at_full_scale(signal.tolist(), 3, 0.99996)


@settings(max_examples=400, deadline=None)
@given(
    samples=st.lists(st.tuples(TOPS, st.integers(1, 40)), max_size=40),
    short=st.booleans(),
    dither=st.sampled_from([0.0, 0.0003]),
    seed=st.integers(0, 9),
    cuts=CUTS,
)
def test_flat_tops_are_its_twins(
    samples: list[tuple[float, int]], short: bool, dither: float, seed: int, cuts: list[int]
) -> None:
    signal = np.array([*(level for level, times in samples for _ in range(1 + times % 4 if short else times)), 0.0])
    signal[:-1] += dither * np.random.default_rng(seed).integers(-1, 2, len(signal) - 1)
    state, tops = np.zeros((1, 2, 5)), np.zeros((1, 2))
    rules = (3, 4), 0.0007, 0.1, 0.99996, (0.001, 0.008)
    found: list[tuple[float, ...]] = []
    for rows, stop, frames in parts_of(signal[:, None], cuts, 2):
        events = np.empty((stop, 4))
        cells = cells_of(rows, 2, stop)
        count = watching_kernels.flat_tops(rows, 2, stop, cells, frames, *rules, state, tops, events)
        found += map(tuple, events[:count, 1:].tolist())
    assert sorted(found) == sorted(flat_topped(signal[:-1].tolist(), *rules))
    assert tops.max() == np.abs(signal).max()


QUIET = st.sampled_from([0.0, 0.0, 0.0, 0.00001])
EDGE = st.sampled_from([(), (0.01,), (0.3,), (-0.3, -0.2), (0.2, -0.3, 0.3, 0.2)])
SOFT_TO_LOUD = st.sampled_from([0.0, 0.00001, 0.0002, -0.0002, 0.004, -0.01, 0.3, -0.3])
CHANNEL = st.lists(
    st.one_of(
        st.lists(SOFT_TO_LOUD, max_size=20),
        # long enough for whole cells to lie in it, and with edges
        st.builds(
            lambda edges, quiet, length: [*edges[0], *(quiet * length)[:length], *edges[1]],
            st.tuples(EDGE, EDGE),
            st.tuples(QUIET, QUIET),
            st.integers(20, 120),
        ),
    ),
    max_size=6,
).map(lambda pieces: [sample for piece in pieces for sample in piece])


def side_by_side(channels: list[list[float]], after: int) -> Floats:
    """(frames, channels), silence after the shorter ones and after all."""
    longest = max(map(len, channels)) + after
    return np.array([[*channel, *[0.0] * (longest - len(channel))] for channel in channels]).T


@settings(max_examples=200, deadline=None)
@given(
    channels=st.lists(CHANNEL, min_size=1, max_size=3),
    shortest=st.integers(2, 5),
    longest=st.sampled_from([6, 90]),
    begin=st.integers(2, 6),
    cuts=CUTS,
)
# what follows a hole is heard out, and not passed over with the cells of the next one
@example(
    channels=[[*[0.0] * 21, *[0.01] * 4, *[0.0] * 4, 0.01, *[0.0] * 66, 0.3]], shortest=2, longest=6, begin=6, cuts=[]
)
def test_holes_are_its_twins(
    channels: list[list[float]], shortest: int, longest: int, begin: int, cuts: list[int]
) -> None:
    """Short ones, and such as whole cells lie in, in each channel by itself."""
    near, around = 2, 4
    signal = side_by_side(channels, around)
    before = shortest + around
    state = np.zeros((signal.shape[1], 9))
    found: list[tuple[float, ...]] = []
    for rows, stop, frames in parts_of(signal, cuts, before):
        events = np.empty((signal.shape[1] * stop, 3))
        cells = cells_of(rows, begin, stop)
        settings_ = (1e-4, shortest, longest, near, around, 0.003, 5.0, 0.01)
        count = watching_kernels.holes(rows, before, stop, cells, begin, frames, *settings_, state, events)
        found += map(tuple, events[:count].tolist())
    wanted = [
        (c, *hole)
        for c, channel in enumerate(signal.T.tolist())
        for hole in holed(channel, 1e-4, (shortest, longest), (near, around), 0.003, 5.0, 0.01)
    ]
    assert sorted(found) == wanted


HELD = st.lists(
    st.one_of(
        st.lists(st.sampled_from([0.0, 0.1, -0.1, 0.3, -0.3, 0.35, 0.104]), max_size=9),
        st.builds(lambda value, times: [value] * times, st.sampled_from([0.0, 0.1, -0.3, 0.00001]), st.integers(1, 40)),
    ),
    max_size=12,
).map(lambda pieces: [sample for piece in pieces for sample in piece])


@settings(max_examples=400, deadline=None)
@given(channels=st.lists(HELD, min_size=1, max_size=3), shortest=st.integers(2, 9), cuts=CUTS)
def test_standstills_are_their_twins(channels: list[list[float]], shortest: int, cuts: list[int]) -> None:
    near, around = 2, 4
    signal = side_by_side(channels, 0)
    before = shortest + 2 * around + 1
    state = np.tile((1.0, 0.0, 0.0, 0.0, 0.0), (signal.shape[1], 1))
    settings_ = (1e-4, shortest, 30, near, around, 0.003, 5.0, 0.01, 2.0)
    found: list[tuple[float, ...]] = []
    for rows, stop, frames in parts_of(signal, cuts, before):
        events = np.empty((signal.shape[1] * stop, 3))
        count = watching_kernels.standstills(rows, before, stop, frames - around, *settings_, state, events)
        found += map(tuple, events[:count].tolist())
    wanted = [
        (c, *hole)
        for c, channel in enumerate(signal.T.tolist())
        for hole in standing_still(channel, 1e-4, (shortest, 30), (near, around), 0.003, 5.0, 0.01, 2.0)
    ]
    assert sorted(found) == wanted


@settings(max_examples=200, deadline=None)
@given(
    at=st.lists(st.integers(0, LONGEST - 1), max_size=6),
    steps=st.booleans(),
    reach=st.sampled_from([12, 100, 130]),
    rough=st.tuples(st.integers(0, LONGEST), st.integers(0, LONGEST)),
    cuts=CUTS,
)
def test_jumps_are_its_twins(at: list[int], steps: bool, reach: int, rough: tuple[int, int], cuts: list[int]) -> None:
    """A break is looked for in what is smooth, and in what is too rough for it to stand out."""
    apart = 60
    signal = 0.1 * np.sin(0.02 * np.arange(LONGEST))
    signal[slice(*rough)] += np.random.default_rng(sum(rough)).normal(0, 0.03, len(signal[slice(*rough)]))
    for frame in at:
        signal[frame : len(signal) if steps else frame + 1] += 0.3
    compared = -(-2 * reach // CELL) * CELL
    state = np.array([[-1e12, 0.0]])
    found: list[int] = []
    for rows, stop, frames in parts_of(np.append(signal, np.zeros(reach))[:, None], cuts, compared + 2):
        events = np.empty((stop, 2))
        bends = cells_of(rows, 2, stop)[2]
        count = watching_kernels.jumps(
            rows, compared + 2, stop, bends, 2, frames - reach, reach, 0.01, 10.0, 0.001, apart, state, events
        )
        found += events[:count, 1].astype(int).tolist()
    found += [int(state[0, 0])] if state[0, 1] else []
    assert found == broken(signal.tolist(), reach, 0.01, 10.0, 0.001, apart)


@settings(max_examples=200, deadline=None)
@given(channels=st.lists(CHANNEL, min_size=1, max_size=3), begin=st.integers(2, 4), cuts=CUTS)
def test_silent_runs_are_its_twins(channels: list[list[float]], begin: int, cuts: list[int]) -> None:
    """Silence is that of all channels; it is told with the loudest sample of two on either side."""
    near, shortest = 2, 4
    signal = np.concatenate((side_by_side(channels, 0), np.full((near, len(channels)), 0.25)))
    state = np.array([-1.0, 0.0, -1.0, -1.0, 0.0])
    found: list[tuple[float, ...]] = []
    for rows, stop, frames in parts_of(signal, cuts, 4):
        events = np.empty((stop, 3))
        cells = cells_of(rows, begin, stop)
        count = watching_kernels.silent_runs(rows, 4, stop, cells, begin, frames, shortest, near, state, events)
        found += map(tuple, events[:count].tolist())
    loudest = np.abs(signal).max(axis=1)
    wanted = [
        (first, after, max(loudest[max(first - near, 0) : first].max(), loudest[after : after + near].max()))
        for first, after in silent((loudest > 0.0).tolist(), shortest)
    ]
    assert found == wanted


@settings(max_examples=60, deadline=None)
@given(gain=st.floats(0.2, 2.0), cutoff=st.sampled_from([0.02, 0.2, 0.9]), seed=st.integers(0, 99), cuts=CUTS)
def test_overs_are_where_all_is_computed(gain: float, cutoff: float, seed: int, cuts: list[int]) -> None:
    """Of sound that is smooth, or rough enough for all of it to be over."""
    sections = scipy_signal.butter(4, cutoff, output="sos")
    signal = scipy_signal.sosfilt(sections, np.random.default_rng(seed).normal(size=(2000, 2)), axis=0)
    signal *= gain / np.abs(signal).max()
    interpolator = sharp_interpolator()
    taps = (interpolator.half_taps, interpolator.quarter_taps, interpolator.bounds)
    reach, before = INTERPOLATOR_REACH, 2 * CELL + 2 * INTERPOLATOR_REACH + 2
    begin = before - -(-2 * reach // CELL) * CELL
    wanted = np.zeros(len(signal))
    for column in signal.T:
        peak_kernels.peaks_above(np.pad(column, (2 * reach, 0)), reach, len(column), 1.0, *taps, wanted)
    found = []
    for rows, stop, _ in parts_of(signal, [4 * cut for cut in cuts], before):
        out = np.zeros(stop - before)
        cells = cells_of(rows, begin, stop)
        highest = watching_kernels.overs(rows, before, stop, cells, begin, reach, 1.0, *taps, out)
        assert highest == out.max(initial=0.0)
        found.append(out)
    assert np.array_equal(np.concatenate(found), wanted)


@pytest.mark.parametrize("interpolator", [sharp_interpolator(), gentle_interpolator()])
def test_no_value_between_two_samples_is_over_its_bound(interpolator: Interpolator) -> None:
    """Of random signs, which leave a line furthest, and of what a line is left by a little."""
    rng = np.random.default_rng(3)
    taps = (interpolator.half_taps, interpolator.quarter_taps, interpolator.bounds)
    for signal in (rng.choice([-1.0, 1.0], 4000), rng.normal(size=4000).cumsum(), np.sin(0.4 * np.arange(4000))):
        size = len(signal) - 2 * INTERPOLATOR_REACH
        peaks = np.zeros(size)
        peak_kernels.peaks_above(signal, INTERPOLATOR_REACH, size, 0.0, *taps, peaks)
        bent = np.abs(np.diff(signal, 2)).max()
        ends = np.maximum(np.abs(signal[:-1]), np.abs(signal[1:]))[INTERPOLATOR_REACH:][:size]
        assert (peaks <= ends * interpolator.bounds[2] + bent * interpolator.bounds[3]).all()
    assert peaks.max() == pytest.approx(1.0, abs=0.01)
