"""Readable twin of the kernel that adds up two channels side by side."""

from __future__ import annotations

from collections.abc import Sequence


def filtered(samples: Sequence[float], sections: Sequence[Sequence[float]]) -> list[float]:
    """Biquads b0 b1 b2 a1 a2 in series, direct form 1."""
    given = list(samples)
    for b0, b1, b2, a1, a2 in sections:
        x1 = x2 = y1 = y2 = 0.0
        for i, x in enumerate(given):
            y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
            x1, x2, y1, y2 = x, x1, y, y1
            given[i] = y
    return given


def sums_of_pair(
    a: Sequence[float],
    b: Sequence[float],
    size: int,
    weighting: Sequence[Sequence[float]],
    band: Sequence[Sequence[float]],
) -> list[list[float]]:
    """Rows of `pair_kernels.COLUMNS`, of bins of `size` samples each."""
    rows = []
    views = [(a, b), *((filtered(a, sections), filtered(b, sections)) for sections in (weighting, band))]
    for at in range(0, len(a), size):
        row = [sum(a[at : at + size]), sum(b[at : at + size])]
        for one, other in views:
            x, z = one[at : at + size], other[at : at + size]
            row += [sum(p * q for p, q in zip(*two, strict=True)) for two in ((x, x), (z, z), (x, z))]
        rows.append([*row, max(map(abs, (*a[at : at + size], *b[at : at + size])))])
    return rows
