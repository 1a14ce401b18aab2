"""What stands around each value of a series: its mean, its extremes, its percentiles, over a window that moves along.

The same to the last bit as `uniform_filter1d`, `maximum_filter1d`, `minimum_filter1d` and `percentile_filter` of
`scipy.ndimage`, which takes 0.3 s to import (and of a mirrored series much shorter than the window reads what is not
there). A window of `width` reaches width // 2 values back. Beyond the ends stands nothing ("constant"), the last value
("edge"), or the series in a mirror ("symmetric").
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import running_kernels

Floats = NDArray[np.float64]
Series = TypeVar("Series", bound=NDArray[np.floating[Any]])
Beyond = Literal["constant", "edge", "symmetric"]


def running_mean(values: Series, width: int, beyond: Beyond) -> Series:
    """(n,) -> (n,). By a sum that is carried on: what is tiny beside what was in the window may come out below zero."""
    out = np.empty(len(values))
    if len(values):
        running_kernels.means(_padded(values, width, beyond), width, out)
    return _like(values, out)


def running_percentile(values: Series, percent: float, width: int, beyond: Beyond) -> Series:
    """(n,) -> (n,): the value that `percent` of the window, rounded down, lie under; 0 its least, 100 its largest."""
    out = np.empty(len(values))
    rank = min(int(width * percent / 100.0), width - 1)
    if len(values):
        padded = _padded(values, width, beyond)
        running_kernels.ranked(padded, np.sort(padded[:width]), rank, out)
    return _like(values, out)


def near_any(marks: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """(n,) -> (n,): whether any within the window, of odd width, is marked."""
    until = np.concatenate(([0], np.cumsum(np.pad(marks, width // 2))))
    return np.asarray(until[width:] > until[:-width])


def _like(values: Series, out: Floats) -> Series:
    made: Any = out.astype(values.dtype, copy=False)
    return cast(Series, made)


def _padded(values: NDArray[np.floating[Any]], width: int, beyond: Beyond) -> Floats:
    before = width // 2
    return np.pad(np.asarray(values, np.float64), (before, width - 1 - before), mode=beyond)
