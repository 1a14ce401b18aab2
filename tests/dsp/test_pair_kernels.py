"""Sums over bins of two channels, against their readable twin and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal as scipy_signal

from stemmix.dsp import pair_kernels
from stemmix.dsp.filters import k_weighting
from stemmix.dsp.pair_kernels import COLUMNS
from stemmix.dsp.pairs import SPEECH_BAND_HZ, PairBins, speech_band, sums_of_bins
from tests.material import RATE_HZ, noise
from tests.reference.pairs import sums_of_pair

Floats = NDArray[np.float64]


@pytest.mark.parametrize("size", [960, 882, 961, 3])
def test_bins_are_their_twins_of_any_length_and_however_the_pieces_are_cut(size: int) -> None:
    sound = np.ascontiguousarray(noise(12 * size, 3).T)
    sections = [section.tolist() for section in (k_weighting(RATE_HZ), speech_band(RATE_HZ))]
    wanted = np.array(sums_of_pair(sound[0].tolist(), sound[2].tolist(), size, *sections))
    meter = PairBins(RATE_HZ)
    edges = np.arange(0, 12 * size + 1, size)
    bins = np.concatenate(
        [
            meter.process(sound, 0, 2, int(edges[at]), edges[at + 1 : until + 1])
            for at, until in ((0, 5), (5, 6), (6, 12))
        ]
    )
    assert bins.shape == wanted.shape == (12, len(COLUMNS))
    assert bins == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert np.array_equal(bins, PairBins(RATE_HZ).process(sound, 0, 2, 0, edges[1:]))


def test_the_band_of_speech_is_left_out_where_it_is_not_asked_for() -> None:
    sound = np.ascontiguousarray(noise(RATE_HZ, 2).T)
    ends = np.arange(882, RATE_HZ, 882)
    whole = PairBins(RATE_HZ).process(sound, 0, 1, 0, ends)
    left = PairBins(RATE_HZ, in_band=False).process(sound, 0, 1, 0, ends)
    is_band = np.array([name.startswith("s_") for name in COLUMNS])
    assert np.array_equal(left[:, ~is_band], whole[:, ~is_band])
    assert not left[:, is_band].any()
    assert whole[:, is_band].all()


def test_silence_is_silent_and_leaves_nothing_in_the_filters() -> None:
    meter = PairBins(RATE_HZ)
    sound = np.zeros((2, 200 * 960))
    sound[:, :960] = 0.3
    bins = meter.process(sound, 0, 1, 0, np.arange(960, sound.shape[1] + 1, 960))
    assert bins[0].all()
    assert not bins[-1].any()


def test_plain_sums_have_the_same_bits_with_and_without_the_rest() -> None:
    sound = np.ascontiguousarray(noise(RATE_HZ, 2).T)
    ends = np.arange(882, RATE_HZ, 882)
    assert np.array_equal(sums_of_bins(sound, 5, ends), PairBins(RATE_HZ).process(sound, 0, 1, 5, ends)[:, :2])


def test_rows_are_mixed_in_the_order_of_the_channels() -> None:
    sound = np.ascontiguousarray(noise(500, 3).T)
    matrix = np.array([[1.0, 0.5, 0.0], [0.0, 0.7, 0.1]])
    out = np.empty((2, 400))
    pair_kernels.mix_rows(sound, 50, matrix, out)
    first, second, third = sound[:, 50:450]
    assert np.array_equal(out, np.stack((first + 0.5 * second, 0.7 * second + 0.1 * third)))


def test_bins_hold_what_the_filters_of_scipy_leave() -> None:
    """scipy designs the band by itself."""
    sound = noise(RATE_HZ, 3)
    ends = np.arange(960, len(sound) + 1, 960)
    bins = PairBins(RATE_HZ).process(np.ascontiguousarray(sound.T), 0, 2, 0, ends)
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
