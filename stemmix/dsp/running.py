"""What stands around each value of a series: its mean, its extremes, its percentiles, over a window that moves along.

The same to the last bit as `uniform_filter1d`, `maximum_filter1d`, `minimum_filter1d` and `percentile_filter` of
`scipy.ndimage`, which takes 0.3 s to import (and of a mirrored series much shorter than the window reads what is not
there). A window of `width` reaches width // 2 values back. Beyond the ends stands nothing ("constant"), the last value
("edge"), or the series in a mirror ("symmetric").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import running_kernels

Floats = NDArray[np.float64]
Series = TypeVar("Series", bound=NDArray[np.floating[Any]])
Beyond = Literal["constant", "edge", "symmetric"]

_STRETCH: Final = 1 << 15


def running_mean(values: Series, width: int, beyond: Beyond) -> Series:
    """(n,) -> (n,). By a sum that is carried on: what is tiny beside what was in the window may come out below zero."""
    out: Series = np.empty_like(values)
    total = 0.0
    for start, stop in _stretches(len(values)):
        first = max(start - 1, 0)  # the sum is that of the last window before, and goes on from there
        padded = _around(values, first, stop, width, beyond)
        if start == 0:
            total = float(np.cumsum(padded[:width])[-1])
        means = np.empty(stop - first)
        total = running_kernels.means(padded, width, total, means)
        out[first:stop] = means
    return out


def running_percentile(values: Series, percent: float, width: int, beyond: Beyond) -> Series:
    """(n,) -> (n,): the value that `percent` of the window, rounded down, lie under; 0 its least, 100 its largest."""
    out: Series = np.empty_like(values)
    rank = min(int(width * percent / 100.0), width - 1)
    for start, stop in _stretches(len(values)):
        padded = _around(values, start, stop, width, beyond)
        ranked = np.empty(stop - start)
        running_kernels.ranked(padded, np.sort(padded[:width]), rank, ranked)
        out[start:stop] = ranked
    return out


def near_any(marks: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """(n,) -> (n,): whether any within the window, of odd width, is marked."""
    until = np.zeros(len(marks) + width, np.int32)
    np.cumsum(np.pad(marks, width // 2), dtype=np.int32, out=until[1:])
    return np.asarray(until[width:] > until[:-width])


def _stretches(count: int) -> Iterator[tuple[int, int]]:
    """Whole reels pass through here: no more of one than this is worked on at once, and takes memory."""
    return ((start, min(start + _STRETCH, count)) for start in range(0, count, _STRETCH))


def _around(values: NDArray[np.floating[Any]], start: int, stop: int, width: int, beyond: Beyond) -> Floats:
    """All that stands in the windows of values[start:stop]: (stop - start + width - 1,)."""
    first, after = start - width // 2, stop + width - 1 - width // 2
    low, high = max(first, 0), min(after, len(values))
    piece = np.asarray(values[low:high], np.float64)
    return np.pad(piece, (low - first, after - high), mode=beyond)
