"""Readable twin of the limiter, from the peaks it is given to the gain it applies: the whole signal at once."""

from __future__ import annotations

import math
from collections.abc import Sequence


def reductions(
    peaks: Sequence[float], first: int, frames: int, ceiling: float, look_ahead: int, decay: float
) -> list[float]:
    """Gain reduction (1 - gain) of each of `frames` frames; peaks[i] is that of the interval [first + i, + 1)."""

    def needed(n: int) -> float:
        peak = peaks[n - first] if 0 <= n - first < len(peaks) else 0.0
        return 1.0 - ceiling / peak if peak > ceiling else 0.0

    margin = look_ahead // 6
    half = max((look_ahead - margin) // 2 // 4 * 4, 4)
    around = half + margin
    released: dict[int, float] = {}
    last = 0.0
    for t in range(first - around, frames + half + 1):
        falling = last * decay if last * decay >= 1e-9 else 0.0
        last = max(falling, *(needed(n) for n in range(t - around - 1, t + around + 1)))
        released[t] = last
    hann = [1.0 + math.cos(math.pi * (k + 0.5) / half) for k in range(half)]
    total = 2.0 * sum(hann)
    return [
        sum(w / total * (released.get(t - k, 0.0) + released.get(t + 1 + k, 0.0)) for k, w in enumerate(hann))
        for t in range(frames)
    ]
