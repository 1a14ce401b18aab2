"""How far a stem swings in every hop: what its waveform is drawn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import peak_kernels

Floats = NDArray[np.float64]


class Outline:
    """Streaming: `process` stereo samples, `take` as many hops as are wanted, in order.

    Hop t is centred on sample t * hop, as frame t of the bands is, and is over before that frame is. Of both channels
    the furthest counts.
    """

    def __init__(self, hop_samples: int, lead_samples: int = 0) -> None:
        """The first hop has so many samples of silence before what is heard."""
        self._hop = hop_samples
        whole, self._into = divmod(lead_samples + hop_samples // 2, hop_samples)
        """Hops of silence, and samples of the newest hop that were heard."""
        self._newest = np.zeros((1, 2))
        self._ready = np.zeros((whole, 2))

    def process(self, block: Floats) -> None:
        """The next (n, 2) samples."""
        if not len(block):
            return
        begins = np.arange(-self._into, len(block), self._hop)
        begins[0] = 0
        found = np.empty((len(begins), 2))
        values = np.ascontiguousarray(block).reshape(-1)
        peak_kernels.extents(values, block.shape[1] * begins, found)
        found[0] = np.maximum(found[0], self._newest[0])
        self._into = (self._into + len(block)) % self._hop
        whole = found if not self._into else found[:-1]
        self._newest = np.zeros((1, 2)) if not self._into else found[-1:].copy()
        self._ready = np.concatenate((self._ready, whole))

    def take(self, count: int) -> Floats:
        """(count, 2) magnitudes of the highest and of the lowest sample of the next hops: 0 where none is above, or
        below, zero, and after the end. A hop that is not over counts as one only where nothing more is heard."""
        if count > len(self._ready):
            lacking = np.zeros((count - len(self._ready) - 1, 2))
            self._ready = np.concatenate((self._ready, self._newest, lacking))
            self._newest = np.zeros((1, 2))
        taken, self._ready = self._ready[:count], self._ready[count:]
        return taken
