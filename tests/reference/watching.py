"""Readable twin of the kernel that watches samples go by."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby


def watched(channels: Sequence[Sequence[float]], full_scale: float, shortest: int) -> tuple[list[float], int, int]:
    """Sum of each channel, number of runs of equal samples at full scale, and where the first begins (-1 if none)."""
    starts = []
    for channel in channels:
        at = 0
        for sample, run in groupby(channel):
            length = len(list(run))
            if abs(sample) >= full_scale and length >= shortest:
                starts.append(at)
            at += length
    return [sum(channel) for channel in channels], len(starts), min(starts, default=-1)
