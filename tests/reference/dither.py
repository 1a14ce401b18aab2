"""Readable twin of the dithering quantiser, in whole numbers without a bound."""

from __future__ import annotations

import math

GOLDEN = 0x9E3779B97F4A7C15
WORD = 1 << 64


def splitmix64(state: int) -> int:
    """SplitMix64's output function."""
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % WORD
    return state ^ (state >> 31)


def quantised(sample: float, frame: int, channel: int, seed: int, bits: int) -> tuple[int, bool]:
    """The integer that a sample becomes, and whether it was clipped."""
    if sample == 0.0:
        return 0, False
    stream = splitmix64((splitmix64((seed + GOLDEN) % WORD) + (channel + 1) * GOLDEN) % WORD)
    random = splitmix64((stream + frame * GOLDEN) % WORD)
    dither = ((random >> 32) - (random & 0xFFFFFFFF)) / 2**32
    value = math.floor(sample * 2 ** (bits - 1) + dither + 0.5)
    held = min(max(value, -(2 ** (bits - 1))), 2 ** (bits - 1) - 1)
    return held, held != value
