"""Two channels side by side: their sums over bins, as they are, K-weighted, and in the band of speech."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import pair_kernels
from stemmix.dsp.filters import in_groups, k_weighting, k_weighting_in_groups
from stemmix.dsp.pair_kernels import BAND_GROUP, COLUMNS, LANES

Floats = NDArray[np.float64]

SPEECH_BAND_HZ = (200.0, 4000.0)
"""Holds most of what speech is understood by (ANSI S3.5-1997, table 3); its lower edge is what an LFE should not
reach."""


class PairBins:
    """What `pair_kernels.COLUMNS` says of two channels, in bins that are named as they end."""

    def __init__(self, rate_hz: int, *, in_band: bool = True) -> None:
        """`in_band`: whether the band of speech is asked for; its columns are zero else."""
        self._in_band = in_band
        self._filters = _filters(rate_hz)
        self._state = np.zeros((2, 2 * LANES))

    def process(self, rows: Floats, a: int, b: int, start: int, ends: NDArray[np.int64]) -> Floats:
        """(bins, columns) of channels a and b of rows (channels, width), from column `start` to the last of `ends`."""
        bins = np.empty((len(ends), len(COLUMNS)))
        pair_kernels.pair_bins(rows, a, b, start, ends, *self._filters, self._in_band, self._state, bins)
        return bins


def sums_of_bins(rows: Floats, start: int, ends: NDArray[np.int64]) -> Floats:
    """(bins, channels) sums of samples, the same as `PairBins` tells."""
    sums = np.empty((len(ends), len(rows)))
    pair_kernels.bin_sums(rows, start, ends, sums)
    return sums


@cache
def _filters(rate_hz: int) -> tuple[Floats, Floats, Floats, Floats]:
    weighting, band = k_weighting(rate_hz), speech_band(rate_hz)
    return weighting, band, k_weighting_in_groups(rate_hz), in_groups(band, BAND_GROUP)


def speech_band(rate_hz: int) -> Floats:
    """(3, 5): Butterworth, fourth order up from 200 Hz and second order down from 4 kHz, b0 b1 b2 a1 a2.

    Source: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients".
    """
    low_hz, high_hz = SPEECH_BAND_HZ
    rows = []
    for cutoff_hz, q, sign in (
        (low_hz, 0.5412, 1.0),
        (low_hz, 1.3066, 1.0),
        (min(high_hz, 0.45 * rate_hz), 0.7071, -1.0),
    ):
        angle = 2 * np.pi * cutoff_hz / rate_hz
        alpha, cosine = np.sin(angle) / (2 * q), np.cos(angle)
        outer = (1 + sign * cosine) / 2
        rows.append(np.array((outer, -sign * 2 * outer, outer, -2 * cosine, 1 - alpha)) / (1 + alpha))
    return np.stack(rows)
