"""Readable twin of the band analysis: channels transformed by themselves, bins gathered one at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Spectrum = Sequence[complex]


def spectra(channel: Floats, window: Floats, hop: int) -> NDArray[np.complex128]:
    """(samples,) -> (frames, bins): frame t is centred on sample t * hop, silence around the signal."""
    half = len(window) // 2
    frames = -(-len(channel) // hop) + 1
    padded = np.concatenate((np.zeros(half), channel, np.zeros(hop + len(window))))
    return np.array([np.fft.rfft(padded[t * hop : t * hop + 2 * half] * window) for t in range(frames)])


def windowed(signal: NDArray[np.float32], hop: int, window: NDArray[np.float32], count: int) -> list[object]:
    """The first `count` windowed frames of a signal, each a hop after the one before."""
    return [signal[t * hop : t * hop + len(window)] * window for t in range(count)]


def row(
    left: Spectrum,
    right: Spectrum,
    *,
    lower_band: Sequence[int],
    upper_share: Sequence[float],
    first_bin: int,
    classic_bins: Sequence[int],
    bin_hz: float,
) -> list[float]:
    """Of one frame: 36 band powers of both channels, 36 of the mid, 7 classic ones, centroid, flatness, rolloff."""
    last = len(left) - 1
    # the window's squares sum to half its length; every bin but Nyquist's stands for its mirror image too
    scale = [(2.0 if k == last else 4.0) / (2 * last) ** 2 for k in range(last + 1)]
    bins = range(first_bin, last + 1)
    both = {k: scale[k] * (abs(left[k]) ** 2 + abs(right[k]) ** 2) for k in bins}
    total, mid = [0.0] * 36, [0.0] * 36
    for k in bins:
        middle = scale[k] * abs(left[k] + right[k]) ** 2 / 2
        for band, share in ((lower_band[k], 1 - upper_share[k]), (lower_band[k] + 1, upper_share[k])):
            total[band] += share * both[k]
            mid[band] += share * middle
    classic = [
        sum(both[k] for k in bins if classic_bins[i] <= k < classic_bins[i + 1]) for i in range(len(classic_bins) - 1)
    ]
    power = sum(both.values())
    if power <= 1e-20:
        return [*total, *mid, *classic, 0.0, 0.0, 0.0]
    magnitude = {k: math.sqrt(both[k]) for k in bins}
    centroid_hz = bin_hz * sum(k * magnitude[k] for k in bins) / sum(magnitude.values())
    mean_log = sum(math.log(max(value, 1e-30)) for value in both.values()) / len(both)
    # the first bin at which the running sum of the magnitude reaches 85 % of the whole
    sums = list(itertools.accumulate(magnitude.values()))
    rolloff_hz = bin_hz * next(k for k, reached in zip(bins, sums, strict=True) if reached >= 0.85 * sums[-1])
    return [*total, *mid, *classic, centroid_hz, math.exp(mean_log) / (power / len(both)), rolloff_hz]


def rises(levels_db: Sequence[Sequence[float]], floor_db: float) -> list[float]:
    """Of each frame: by how much its bands rise, in the mean, over the loudest near them a frame before."""
    found = []
    before = [floor_db] * len(levels_db[0]) if levels_db else []
    for frame in levels_db:
        now = [max(level, floor_db) for level in frame]
        risen = [max(level - max(before[max(b - 1, 0) : b + 2]), 0.0) for b, level in enumerate(now)]
        found.append(sum(risen) / len(risen))
        before = now
    return found
