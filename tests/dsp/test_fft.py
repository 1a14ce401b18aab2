"""Transforms side by side are Fourier's, lane by lane, and what stands in one lane is nothing to another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemmix.dsp.fft import Transform, lanes_of
from tests.reference import fourier

PRECISIONS = {"float32": 3e-7, "float64": 1e-15}


def noise(size: int, dtype: str, seed: int = 0) -> np.ndarray:
    """(size, lanes) complex."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((size, lanes_of(dtype))) + 1j * rng.standard_normal((size, lanes_of(dtype)))


def forward(frames: np.ndarray, dtype: str) -> np.ndarray:
    transform = Transform(len(frames), dtype)
    transform.re[:], transform.im[:] = frames.real, frames.imag
    transform.forward()
    return transform.re + 1j * transform.im


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("size", [4, 8, 16, 32, 64, 128])
def test_it_is_the_transform_of_its_definition(size: int, dtype: str) -> None:
    frames = noise(size, dtype)
    expected = fourier.transform(frames)
    assert np.abs(forward(frames, dtype) - expected).max() <= PRECISIONS[dtype] * np.abs(expected).max()


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("size", [256, 512, 1024, 2048, 4096, 8192, 16384])
def test_every_length_of_window_is_as_exact_as_its_numbers(size: int, dtype: str) -> None:
    frames = noise(size, dtype)
    expected = np.fft.fft(frames, axis=0)
    assert np.abs(forward(frames, dtype) - expected).max() <= PRECISIONS[dtype] * np.abs(expected).max()


@given(seed=st.integers(0, 2**32 - 1), exponent=st.integers(2, 12), dtype=st.sampled_from(sorted(PRECISIONS)))
def test_the_inverse_gives_back_what_was_transformed(seed: int, exponent: int, dtype: str) -> None:
    frames = noise(1 << exponent, dtype, seed)
    transform = Transform(1 << exponent, dtype)
    transform.re[:], transform.im[:] = frames.real, frames.imag
    transform.forward()
    transform.inverse()
    back = (transform.re + 1j * transform.im) / transform.size
    assert np.abs(back - frames).max() <= 8 * PRECISIONS[dtype]


@given(lane=st.integers(0, 7), dtype=st.sampled_from(sorted(PRECISIONS)))
def test_a_lane_has_the_same_bits_whatever_stands_beside_it(lane: int, dtype: str) -> None:
    frames = noise(256, dtype)
    alone = np.zeros_like(frames)
    alone[:, lane] = frames[:, lane]
    assert (forward(alone, dtype)[:, lane] == forward(frames, dtype)[:, lane]).all()


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_every_lane_is_transformed_alike(dtype: str) -> None:
    frames = np.repeat(noise(512, dtype)[:, :1], lanes_of(dtype), axis=1)
    found = forward(frames, dtype)
    assert (found == found[:, :1]).all()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 12, 2047])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"power of two of at least 4, is {size}"):
        Transform(size, np.float64)
