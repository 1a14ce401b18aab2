"""Samples out of and into bytes, one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable


def unpack_pcm(packed: bytes, width: int) -> list[float]:
    """Little-endian two's complement of `width` bytes a sample; full scale, 2^(8 width - 1), becomes 1."""
    samples = [packed[i : i + width] for i in range(0, len(packed), width)]
    return [int.from_bytes(sample, "little", signed=True) / 2 ** (8 * width - 1) for sample in samples]


def pack_pcm(samples: Iterable[int], width: int) -> bytes | None:
    """The other way; None where a sample does not fit."""
    try:
        return b"".join(int(sample).to_bytes(width, "little", signed=True) for sample in samples)
    except OverflowError:
        return None


def first_beyond(samples: Iterable[float], limit: float) -> int:
    """Index of the first that is NaN or larger in magnitude than `limit`, or -1."""
    return next((i for i, sample in enumerate(samples) if math.isnan(sample) or abs(sample) > limit), -1)
