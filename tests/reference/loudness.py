"""Readable twins of the loudness kernels."""

from __future__ import annotations

from collections.abc import Sequence


def k_weighted_bins(
    signal: Sequence[Sequence[float]],
    weights: Sequence[float],
    rate_hz: int,
    sections: Sequence[Sequence[float]],
) -> list[float]:
    """Weighted energy per whole 10 ms bin of a signal given as frames of channels; sections are b0 b1 b2 a1 a2."""
    bins = len(signal) * 100 // rate_hz
    while (bins + 1) * rate_hz // 100 <= len(signal):
        bins += 1
    energies = [0.0] * bins
    for channel, weight in enumerate(weights):
        samples = [frame[channel] for frame in signal]
        for section in sections:
            samples = biquad(samples, section)
        for b in range(bins):
            begin, end = b * rate_hz // 100, (b + 1) * rate_hz // 100
            energies[b] += weight * sum(sample * sample for sample in samples[begin:end])
    return energies


def biquad(samples: Sequence[float], section: Sequence[float]) -> list[float]:
    """Direct form 1, straight from the difference equation."""
    b0, b1, b2, a1, a2 = section
    out: list[float] = []
    for n, x in enumerate(samples):
        x1, x2 = (samples[n - 1] if n > 0 else 0.0), (samples[n - 2] if n > 1 else 0.0)
        y1, y2 = (out[n - 1] if n > 0 else 0.0), (out[n - 2] if n > 1 else 0.0)
        out.append(b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2)
    return out


def window_sums(values: Sequence[float], width: int) -> list[float]:
    """Sum of each window of `width` values, added one after another: `sum` compensates since Python 3.12."""
    sums = []
    for i in range(len(values) - width + 1):
        total = 0.0
        for value in values[i : i + width]:
            total += value
        sums.append(total)
    return sums


def window_means(energies: Sequence[float], width: int, begun: int, rate_hz: int) -> list[float]:
    """Mean of the samples in each window of `width` bins, of the energies of bins from number `begun` on."""
    edges = [(begun + i) * rate_hz // 100 for i in range(len(energies) + 1)]
    return [total / (edges[i + width] - edges[i]) for i, total in enumerate(window_sums(energies, width))]
