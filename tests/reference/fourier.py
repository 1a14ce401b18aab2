"""The discrete Fourier transform by its definition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def transform(frames: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """(size, lanes) -> the same: Z(k) = sum over n of z(n) exp(-2 pi j k n / size) of each column."""
    size = len(frames)
    out = np.zeros_like(frames)
    for k in range(size):
        for n in range(size):
            out[k] += frames[n] * np.exp(-2j * np.pi * (k * n % size) / size)
    return out
