"""Dither: triangular, repeatable in any cutting, silent in silence, and never wrapping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp.dither import quantise
from tests.reference import dither as twin

LSB = 2.0**-23


@settings(max_examples=50, deadline=None)
@given(
    samples=st.lists(st.floats(-2.0, 2.0), min_size=0, max_size=12),
    start=st.integers(0, 2**40),
    seed=st.integers(0, 2**64 - 1),
    bits=st.sampled_from([2, 8, 16, 24]),
)
def test_the_kernel_is_its_twin(samples: list[float], start: int, seed: int, bits: int) -> None:
    block = np.array([[sample, -sample / 3.0] for sample in samples]).reshape(-1, 2)
    integers, overs = quantise(block, bits, start, seed)
    expected = [[twin.quantised(s, start + n, c, seed, bits) for c, s in enumerate(row)] for n, row in enumerate(block)]
    assert integers.tolist() == [[value for value, _ in row] for row in expected]
    assert overs == sum(clipped for row in expected for _, clipped in row)


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("size", [1, 7, 512, 4096, 48000])
def test_any_blocking_gives_the_same_integers(size: int, bits: int) -> None:
    signal = np.random.default_rng(1).normal(0.0, 0.1, (3 * size if size > 7 else 50, 2))
    whole, _ = quantise(signal, bits, 1000, 42)
    parts = [quantise(signal[i : i + size], bits, 1000 + i, 42)[0] for i in range(0, len(signal), size)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert quantise(signal[:0], bits, 5, 42)[0].shape == (0, 2)


def test_seeds_and_channels_differ() -> None:
    signal = np.full((1000, 2), 0.1)
    one, other = quantise(signal, 24, 0, 1)[0], quantise(signal, 24, 0, 2)[0]
    assert np.mean(one != other) > 0.3
    assert np.mean(one[:, 0] != one[:, 1]) > 0.3


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5, 0.9])
def test_error_has_no_mean_and_a_quarter_step_squared_wherever_the_signal_lies(offset: float, bits: int) -> None:
    """Rounding adds 1/12 step squared, triangular dither 1/6: together 1/4, whatever the signal."""
    step = 2.0 ** (1 - bits)
    signal = np.full((400_000, 1), (1000.0 + offset) * step)
    error = quantise(signal, bits, 0, 3)[0] - signal / step
    assert abs(error.mean()) < 5 * 0.5 / np.sqrt(len(error))
    assert error.var() == pytest.approx(0.25, rel=0.01)
    assert np.abs(error).max() <= 1.5


def test_successive_errors_and_channels_are_uncorrelated() -> None:
    signal = np.random.default_rng(2).normal(0.0, 0.1, (200_000, 2))
    error = quantise(signal, 24, 0, 4)[0] - signal / LSB
    for lag in (1, 2, 3, 100):
        assert abs(np.mean(error[lag:, 0] * error[:-lag, 0])) < 5 * 0.25 / np.sqrt(len(error))
    assert abs(np.mean(error[:, 0] * error[:, 1])) < 5 * 0.25 / np.sqrt(len(error))


def test_a_tone_below_the_steps_of_16_bits_survives_without_harmonics() -> None:
    """-100 dBFS peaks at a third of a 16-bit step: plain rounding would leave nothing."""
    rate, cycles = 48000, 1000
    tone = 10 ** (-100 / 20) * np.sin(2 * np.pi * cycles * np.arange(rate * 8) / rate)
    assert not np.rint(tone * 2**15).any()
    integers = quantise(tone[:, None], 16, 0, 5)[0][:, 0] / 2.0**15
    spectrum = 2 * np.abs(np.fft.rfft(integers)) / len(integers)
    assert 20 * np.log10(spectrum[8 * cycles]) == pytest.approx(-100.0, abs=0.3)
    noise = np.median(spectrum)
    for harmonic in range(2, 12):
        assert spectrum[8 * cycles * harmonic] < 5 * noise


@pytest.mark.parametrize("bits", [16, 24])
def test_digital_silence_stays_digital_silence(bits: int) -> None:
    block = np.zeros((1000, 2))
    block[:, 1] = 1e-12
    integers, overs = quantise(block, bits, 0, 6)
    assert not integers[:, 0].any()
    assert integers[:, 1].any(), "what is not exactly silent is dithered"
    assert overs == 0


def test_what_does_not_fit_is_clipped_and_counted() -> None:
    block = np.array([[1.5], [-1.5], [1e15], [0.5], [-1.0 + 2 * LSB]])
    integers, overs = quantise(block, 24, 0, 7)
    assert integers[:3, 0].tolist() == [2**23 - 1, -(2**23), 2**23 - 1]
    assert overs == 3


def test_bits_outside_the_format_are_refused() -> None:
    with pytest.raises(ValueError, match="25 bits are outside"):
        quantise(np.zeros((1, 1)), 25, 0, 0)
