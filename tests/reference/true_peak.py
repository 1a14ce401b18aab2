"""Readable twins of the true-peak kernels: every value computed where it stands, nothing pruned."""

from __future__ import annotations

from collections.abc import Sequence


def halfway(x: Sequence[float], n: int, half_taps: Sequence[float]) -> float:
    """The value halfway between samples n and n + 1; silence before the first and after the last."""
    return sum(tap * (_at(x, n - k) + _at(x, n + 1 + k)) for k, tap in enumerate(half_taps))


def eighths(
    x: Sequence[float], n: int, half_taps: Sequence[float], quarter_taps: Sequence[Sequence[float]]
) -> list[float]:
    """The eight values at n, n + 1/8, ..., n + 7/8."""

    def doubled(m: int) -> float:
        return halfway(x, m // 2, half_taps) if m % 2 else _at(x, m // 2)

    values = []
    for m in (2 * n, 2 * n + 1):
        around = [doubled(m + k) for k in range(-5, 7)]
        values.append(around[5])
        values.extend(sum(tap * value for tap, value in zip(taps, around, strict=True)) for taps in quarter_taps)
    return values


def interval_peaks(
    x: Sequence[float], half_taps: Sequence[float], quarter_taps: Sequence[Sequence[float]], margin: int
) -> list[float]:
    """Peak of each interval [n, n + 1), n from -margin to len(x) + margin: the highest of eight values, refined."""
    first, last = -margin, len(x) + margin
    grid = [value for n in range(first - 1, last + 1) for value in eighths(x, n, half_taps, quarter_taps)]
    peaks = []
    for n in range(8, len(grid) - 8, 8):
        peaks.append(max(parabola(*grid[i - 1 : i + 2]) for i in range(n, n + 8)))
    return peaks


def parabola(before: float, here: float, after: float) -> float:
    """Height of the parabola through three points where the middle one is highest in magnitude, at most 2 % more."""
    if here < 0.0:
        before, here, after = -before, -here, -after
    curvature = 2.0 * here - before - after
    if before > here or after > here or curvature <= 0.0:
        return here
    return min(here + (after - before) ** 2 / (8.0 * curvature), 1.02 * here)


def _at(x: Sequence[float], n: int) -> float:
    return x[n] if 0 <= n < len(x) else 0.0


def extents(values: Sequence[float], begins: Sequence[int]) -> list[tuple[float, float]]:
    """How far values go above and below 0, from each of `begins` to the next, the last to the end."""
    ends = [*begins[1:], len(values)]
    spans = [values[begin:end] for begin, end in zip(begins, ends, strict=True)]
    return [(max(0.0, *span), max(0.0, *(-value for value in span))) for span in spans]


def highest_of_bins(values: Sequence[float], ends: Sequence[int]) -> list[float]:
    """The highest magnitude of values in bins that end before `ends`; 0 of none."""
    begins = [0, *ends[:-1]]
    return [
        max((abs(value) for value in values[begin:end]), default=0.0) for begin, end in zip(begins, ends, strict=True)
    ]
