"""Fourier transforms of frames side by side: `fft_kernels` with its tables and its room to work in."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from stemmix.dsp import fft_kernels
from stemmix.dsp.vector_code import REGISTER_BYTES

_ROWS_BETWEEN = 19


def lanes_of(dtype: DTypeLike) -> int:
    """How many frames are transformed at once: 16 of float32, 8 of float64."""
    return REGISTER_BYTES // np.dtype(dtype).itemsize


class Transform:
    """Complex transforms of one size, a power of two, in float32 or float64; one for each thread.

    `re` and `im`, (size, lanes), are written by the caller, and hold the transform after `forward` or `inverse`.
    Error: about 1e-7 of the greatest for float32, 3e-16 for float64.
    """

    def __init__(self, size: int, dtype: DTypeLike) -> None:
        self.size = size
        self.lanes = lanes_of(dtype)
        self.radices, self.table = _tables(size, np.dtype(dtype))
        self.planes = _planes(size, dtype)
        """re, im, and two to work in, (size, lanes) each: for kernels that call `fft_kernels.transform` themselves."""
        self.re, self.im, self._work_re, self._work_im = self.planes

    def forward(self) -> None:
        """Z(k) = sum over n of z(n) exp(-2 pi j k n / size), in place."""
        fft_kernels.transform(self.re, self.im, self._work_re, self._work_im, self.radices, self.table)

    def inverse(self) -> None:
        """z(n) = sum over k of Z(k) exp(2 pi j k n / size), in place; not divided by the size."""
        fft_kernels.transform(self.im, self.re, self._work_im, self._work_re, self.radices, self.table)


def _planes(size: int, dtype: DTypeLike) -> list[NDArray[Any]]:
    """Four planes (size, lanes), each row in one line of the cache.

    Rows apart by a power of two fall on the same few places of a cache; planes that stand so cost a transform of
    2048 twice the time.
    """
    line = REGISTER_BYTES
    room = np.zeros((4 * (size + _ROWS_BETWEEN) + 1) * line, np.uint8)
    first = -room.ctypes.data % line
    rows = room[first : first + 4 * (size + _ROWS_BETWEEN) * line].view(dtype).reshape(4, size + _ROWS_BETWEEN, -1)
    return [plane[:size] for plane in rows]


@lru_cache(maxsize=16)
def _tables(size: int, dtype: np.dtype[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Radices of the passes, and for each pass and p the factors exp(-2 pi j p k / n), k from 1 to radix - 1."""
    exponent = size.bit_length() - 1
    if exponent < 2 or size != 1 << exponent:
        raise ValueError(f"size must be a power of two of at least 4, is {size}")
    passes = -(-exponent // 3)
    passes += passes % 2
    radices = [1 << (exponent // passes + (number < exponent % passes)) for number in range(passes)]
    factors, left = [], size
    for radix in radices:
        p, k = np.arange(left // radix)[:, None], np.arange(1, radix)
        turn = np.exp(-2j * np.pi * (p * k) / left)
        factors.append(np.stack((turn.real, turn.imag), axis=-1).ravel())
        left //= radix
    return np.array(radices, np.int64), np.concatenate(factors).astype(dtype)
