"""True peak: the twin, pruning, tones at every phase, ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp import peak_kernels
from stemmix.dsp.filters import INTERPOLATOR_REACH, gentle_interpolator, sharp_interpolator
from stemmix.dsp.true_peak import TruePeakMeter
from tests.reference import true_peak as true_peak_twin


@given(
    values=st.lists(st.floats(-2.0, 2.0), max_size=60),
    inner=st.lists(st.integers(0, 60), max_size=6),
)
def test_magnitudes_of_bins_are_their_twin(values: list[float], inner: list[int]) -> None:
    ends = [*sorted(min(end, len(values)) for end in inner), len(values)]
    out = np.full(len(ends), np.nan)
    peak_kernels.highest_of_bins(np.array(values, np.float64), np.array(ends), out)
    assert out.tolist() == true_peak_twin.highest_of_bins(values, ends)


@settings(max_examples=20, deadline=None)
@given(
    samples=st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=24),
    gentle=st.booleans(),
    threshold=st.sampled_from([0.0, 0.3, 1.0, 1.9]),
)
def test_interval_peaks_are_their_twin_above_the_threshold(
    samples: list[float], gentle: bool, threshold: float
) -> None:
    interpolator = gentle_interpolator() if gentle else sharp_interpolator()
    margin = 3
    expected = np.array(
        true_peak_twin.interval_peaks(
            samples, interpolator.half_taps.tolist(), interpolator.quarter_taps.tolist(), margin
        )
    )
    padded = np.concatenate((np.zeros(INTERPOLATOR_REACH + margin), samples, np.zeros(INTERPOLATOR_REACH + margin)))
    count = len(samples) + 2 * margin
    out = np.full(count, threshold)
    taps = (interpolator.half_taps, interpolator.quarter_taps, interpolator.bounds)
    highest = peak_kernels.peaks_above(padded, INTERPOLATOR_REACH, count, threshold, *taps, out)
    np.testing.assert_allclose(out, np.maximum(expected, threshold), rtol=1e-6, atol=1e-9)
    assert highest == pytest.approx(expected.max() if expected.max() > threshold else 0.0, rel=1e-6, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.floats(-2.0, 2.0), max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_the_highest_magnitude_is_that_of_any_stretch(values: list[float], one: int, other: int) -> None:
    begin, end = sorted((min(one, len(values)), min(other, len(values))))
    found = peak_kernels.highest_magnitude(np.array(values, np.float64), begin, end)
    assert found == max(map(abs, values[begin:end]), default=0.0)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), channels=st.integers(1, 3), frames=st.integers(0, 700), share=st.floats(0.0, 1.2)
)
def test_the_highest_peak_of_all_channels_is_each_ones_by_itself(
    seed: int, channels: int, frames: int, share: float
) -> None:
    signal = np.random.default_rng(seed).normal(0.0, 0.3, (frames + 2 * INTERPOLATOR_REACH, channels))
    interpolator = sharp_interpolator()
    taps = (interpolator.half_taps, interpolator.quarter_taps, interpolator.bounds)
    alone = [
        peak_kernels.peaks_above(np.ascontiguousarray(one), INTERPOLATOR_REACH, frames, 0.0, *taps, np.zeros(frames))
        for one in signal.T
    ]
    peak = share * max(alone)
    assert peak_kernels.highest_peak(signal, INTERPOLATOR_REACH, peak, *taps) == max(peak, *alone)


def test_pruning_changes_no_bit() -> None:
    """The highest peak of a long signal is that of its every interval, computed without a threshold."""
    signal = np.random.default_rng(0).normal(0.0, 0.1, (144_000, 1))
    meter = TruePeakMeter(1)
    meter.process(signal)
    interpolator = sharp_interpolator()
    reach = np.zeros(2 * INTERPOLATOR_REACH)
    padded = np.concatenate((reach, signal[:, 0], reach))
    count = len(padded) - 2 * INTERPOLATOR_REACH
    taps = (interpolator.half_taps, interpolator.quarter_taps, interpolator.bounds)
    everything = peak_kernels.peaks_above(padded, INTERPOLATOR_REACH, count, 0.0, *taps, np.zeros(count))
    assert meter.read() == max(everything, np.abs(signal).max())


@pytest.mark.parametrize("cycles", [0.01, 0.1, 0.2, 1 / 4, 1 / 3, 0.4, 0.43, 0.45, 0.48])
def test_tones_read_their_amplitude_at_every_phase(cycles: float) -> None:
    """To 0.005 dB below and 0.01 dB above, up to 0.48 of the sample rate; a bare 16x grid may lose 0.04 dB."""
    frames = np.arange(4000)
    fade = np.clip(np.minimum(frames, frames[::-1]) / 800, 0.0, 1.0)
    for phase in np.linspace(0.0, np.pi, 9):
        meter = TruePeakMeter(1)
        meter.process((fade * np.sin(2 * np.pi * cycles * frames + phase))[:, None])
        assert -0.005 < 20 * np.log10(meter.read()) < 0.01


def test_the_tail_rings_out() -> None:
    """The peak after the last sample counts, though no sample follows."""
    meter = TruePeakMeter(1)
    meter.process(np.array([[0.0], [1.0], [1.0]]))
    assert meter.read() > 1.2
    tail_only = TruePeakMeter(1)
    tail_only.process(np.zeros((1000, 1)))
    tail_only.process(np.array([[1.0], [-1.0], [1.0], [1.0]]))
    assert tail_only.read() > 1.2


@settings(max_examples=30, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 3000), max_size=6), gain=st.floats(0.01, 1.5), smooth=st.integers(1, 40),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_the_highest_peak_is_the_same_of_any_blocks_rough_or_smooth(
    cuts: list[int], gain: float, smooth: int, seed: int
) -> None:
    signal = np.random.default_rng(seed).normal(0.0, gain, (3000, 2))
    signal = np.stack([np.convolve(one, np.ones(smooth) / smooth, "same") for one in signal.T], axis=1)
    meter = TruePeakMeter(2)
    for part in np.split(signal, sorted(cuts)):
        meter.process(part)
    interpolator = sharp_interpolator()
    taps = (interpolator.half_taps, interpolator.quarter_taps, np.append(interpolator.bounds[:2], (np.inf, np.inf)))
    padded = np.pad(signal, ((2 * INTERPOLATOR_REACH,) * 2, (0, 0)))
    count = len(padded) - 2 * INTERPOLATOR_REACH
    everything = [
        peak_kernels.peaks_above(np.ascontiguousarray(one), INTERPOLATOR_REACH, count, 0.0, *taps, np.zeros(count))
        for one in padded.T
    ]
    assert meter.read() == max(*everything, np.abs(signal).max())
