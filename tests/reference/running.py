"""The readable twins of `stemmix.dsp.running_kernels`."""

from __future__ import annotations

from math import fsum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def means(padded: Floats, width: int) -> Floats:
    return np.array([fsum(padded[i : i + width]) / width for i in range(len(padded) - width + 1)])


def ranked(padded: Floats, width: int, rank: int) -> Floats:
    return np.array([sorted(padded[i : i + width])[rank] for i in range(len(padded) - width + 1)])
