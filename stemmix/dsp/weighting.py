"""K-weighted energy of a stream, in bins that the caller names. Source: ITU-R BS.1770-5 Annex 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.filters import k_weighting_in_groups
from stemmix.dsp.true_peak import check_block
from stemmix.dsp.weighting_kernels import ENERGY, GROUP, ROW, weighted_bins

Floats = NDArray[np.float64]


class KWeightedBins:
    """Weighted energy of K-weighted samples between frames that the caller names, carried over blocks."""

    def __init__(self, rate_hz: int, weights: Sequence[float]) -> None:
        """`weights`: BS.1770-5 weight of each channel, in order; a channel of weight 0 (LFE) costs nothing."""
        self._channels = len(weights)
        self._tables = k_weighting_in_groups(rate_hz)
        self._heard = np.array([c for c, weight in enumerate(weights) if weight > 0.0], np.int64)
        self._weights = np.array([weight for weight in weights if weight > 0.0])
        self._state = np.zeros(len(self._heard) * ROW)
        self._phase = np.zeros(1, np.int64)

    def process(self, block: Floats, ends: NDArray[np.int64]) -> Floats:
        """Energy of each bin that ends in (n, channels) samples.

        `ends` (bins + 1,): the frames of the block that they end before, then n.
        """
        check_block(block, self._channels)
        energies = np.zeros(len(ends) - 1)
        weighted_bins(
            np.ascontiguousarray(block),
            self._heard,
            self._weights,
            ends,
            self._tables,
            self._state,
            self._phase,
            energies,
        )
        return energies

    @property
    def unfinished(self) -> float:
        """Energy after the last end."""
        energies = self._state.reshape(-1, ROW)[:, ENERGY : ENERGY + GROUP].sum(axis=1)
        return float((self._weights * energies).sum())
