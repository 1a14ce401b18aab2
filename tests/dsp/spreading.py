"""Spreading as the kernels count it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.planning import masking

FELT: NDArray[np.float64] = np.array(
    [
        [masking.SPREAD[b, k] if low <= k < after else 0.0 for k in range(BAND_COUNT)]
        for b, (low, after) in enumerate(masking.REACH)
    ]
)
"""(36, 36): what is over 60 dB down is left out."""
