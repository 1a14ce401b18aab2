"""A stream cut into pieces that bins fit into, each channel in a row of its own: what faults are looked for in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.watching_kernels import take_in
from stemmix.engine.findings import edge_of

Floats = NDArray[np.float64]

_LEAST_BINS, _CHANNEL_BINS = 50, 200


def bins_of_piece(channels: int) -> int:
    """A second or more: small enough for the processor's cache, and long enough that Python's share is small."""
    return max(_LEAST_BINS, _CHANNEL_BINS // channels)


class Pieces:
    """Of `bins_of_piece` bins each, the last being shorter."""

    def __init__(self, rate_hz: int, channels: int, before: int = 0) -> None:
        """`before`: how many frames stand before a piece, as they were heard before it; silence at first."""
        self._rate_hz = rate_hz
        self._before = before
        self.bins = bins_of_piece(channels)
        """Of a whole piece."""
        self._given = 0
        self._waiting = 0
        self.rows = np.zeros((channels, before + edge_of(self.bins, rate_hz) + 1))
        """(channels, before and a piece)."""

    def of(self, block: Floats) -> Iterator[int]:
        """The pieces that (n, channels) more samples complete: of each, once it stands in `rows`, its length.

        Samples are float64 and C-contiguous.
        """
        while len(block):
            end = edge_of((self._given + 1) * self.bins, self._rate_hz)
            wanted = end - edge_of(self._given * self.bins, self._rate_hz) - self._waiting
            part, block = block[:wanted], block[wanted:]
            take_in(part, self._before + self._waiting, self.rows)
            self._waiting += len(part)
            if len(part) == wanted:
                yield from self._give()

    def left(self) -> Iterator[int]:
        """What is no whole piece, if there is any: the stream has ended."""
        if self._waiting:
            yield from self._give()

    def _give(self) -> Iterator[int]:
        """What stands in `rows`, and make room for the next."""
        yield (count := self._waiting)
        self._given += 1
        self._waiting = 0
        self.rows[:, : self._before] = self.rows[:, count : count + self._before].copy()
