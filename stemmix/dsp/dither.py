"""From float samples to integers: triangular dither that does not depend on how the signal is cut into blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import dither_kernels

_GOLDEN = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1


def quantise(block: NDArray[np.float64], bits: int, start_sample: int, seed: int) -> tuple[NDArray[np.int32], int]:
    """Round (n, channels) float64, full scale 1, to integers of `bits` bits (2 to 24), and count the clipped.

    Triangular (TPDF) dither of +-1 step makes the error's mean and power independent of the signal: 1/4 step squared
    (Lipshitz, Wannamaker and Vanderkooy, JAES 40(5), 1992, section 5). It is drawn by counter, SplitMix64 of (seed,
    absolute frame, channel), so that a block begun at `start_sample` gets what it would get in any other cutting.
    Exact digital silence stays digital silence. What does not fit is clipped and counted, never wrapped.
    """
    if not 2 <= bits <= 24:
        raise ValueError(f"dither: {bits} bits are outside 2 to 24")
    streams = [_stream(seed, channel) for channel in range(block.shape[1])]
    out = np.empty(block.shape, np.int32)
    overs = dither_kernels.quantise_with_dither(
        np.ascontiguousarray(block), np.uint64(start_sample), np.array(streams, np.uint64), bits, out
    )
    return out, int(overs)


def _stream(seed: int, channel: int) -> int:
    """Where a channel's counter begins: mixed twice, so that neighbouring seeds and channels have nothing in common."""
    state = _mixed((seed + _GOLDEN) & _WORD)
    return _mixed((state + (channel + 1) * _GOLDEN) & _WORD)


def _mixed(state: int) -> int:
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _WORD
    return state ^ (state >> 31)
