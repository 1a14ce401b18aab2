"""Readable twin of the kernel that shapes gains in time: one frame, one piece at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

Piece = tuple[float, float, Sequence[float]]


def hann_rise(x: float) -> float:
    """Integral of a Hann window of unit length and area, centred on 0."""
    clipped = min(max(x, -0.5), 0.5)
    return 0.5 + clipped + math.sin(2 * math.pi * clipped) / (2 * math.pi)


def gains_at(samples: Sequence[float], pieces: Sequence[Piece], ramp: float, bands: int) -> list[list[float]]:
    """(n, bands): every piece (start, end, gains) times what of the window around the frame lies on it."""
    out = []
    for at in samples:
        row = [0.0] * bands
        for start, end, gains in pieces:
            share = hann_rise((end - at) / ramp) - hann_rise((start - at) / ramp)
            row = [so_far + share * gain for so_far, gain in zip(row, gains, strict=True)]
        out.append(row)
    return out
