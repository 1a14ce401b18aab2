"""Frames of features for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemmix.model.features import silent_rows


class HeldFrames:
    """A source of frames that is in memory."""

    def __init__(self, rows: NDArray[np.int16]) -> None:
        self._rows = rows

    @property
    def count(self) -> int:
        return len(self._rows)

    def rows(self, start: int, stop: int) -> NDArray[np.int16]:
        low, high = max(start, 0), min(stop, self.count)
        if (low, high) == (start, stop):
            return self._rows[start:stop]
        out = silent_rows(stop - start)
        if low < high:
            out[low - start : high - start] = self._rows[low:high]
        return out
