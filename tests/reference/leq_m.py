"""Readable twin of the kernel of Leq(m)."""

from __future__ import annotations

from collections.abc import Sequence

from tests.reference.loudness import biquad


def weighted_energy(samples: Sequence[float], sections: Sequence[Sequence[float]]) -> float:
    """Energy of one channel behind biquads b0 b1 b2 a1 a2, one after the other."""
    heard = list(samples)
    for section in sections:
        heard = biquad(heard, section)
    return sum(sample * sample for sample in heard)
