"""Readable twins of the kernels of hearing and masking: one frame, one band, one stem at a time."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

Rows = Sequence[Sequence[float]]
Stack = Sequence[Rows]


def power_of(centibel: int, fader_db: float = 0.0) -> float:
    """Power of a level in hundredths of a dB behind a fader, which does not raise silence."""
    return float(10 ** ((centibel / 100 + (fader_db if centibel > -20_000 else 0.0)) / 10))


def smoothed(power: Rows) -> list[list[float]]:
    """(frames + 4, bands) -> (frames, bands): mean over 80 ms, the frames at its ends by half."""
    weights = (0.125, 0.25, 0.25, 0.25, 0.125)
    return [
        [sum(weight * power[t + i][b] for i, weight in enumerate(weights)) for b in range(len(power[0]))]
        for t in range(len(power) - 4)
    ]


def heard(total: Rows, mid: Rows) -> tuple[list[list[float]], list[list[float]]]:
    """(frames + 4, bands) power of all channels and of the mid -> (frames, bands) of the mid and of the sides."""
    middle = smoothed(mid)
    pairs = zip(smoothed(total), middle, strict=True)
    return middle, [[max(w - m, 0.0) for w, m in zip(whole, mids, strict=True)] for whole, mids in pairs]


def at_gains(power: Rows, gain_db: Rows) -> list[list[float]]:
    """(frames, bands) power at gains in dB."""
    return [[p * 10 ** (g / 10) for p, g in zip(*pair, strict=True)] for pair in zip(power, gain_db, strict=True)]


def bed(total: Rows, mid: Rows, gain_db: Rows) -> list[list[float]]:
    """(frames, bands) power at (frames, 2 bands) gains of the mid, no more than the total, and of the sides."""
    out = []
    for whole, middle, gains in zip(total, mid, gain_db, strict=True):
        bands = len(whole)
        parts = [(min(m, w), w - min(m, w)) for w, m in zip(whole, middle, strict=True)]
        out.append([m * 10 ** (gains[b] / 10) + s * 10 ** (gains[bands + b] / 10) for b, (m, s) in enumerate(parts)])
    return out


def spread_power(power: Rows, spread: Rows) -> list[list[float]]:
    """(frames, bands) power -> the same after spreading."""
    return [[sum(row[k] * frame[k] for k in range(len(frame))) for row in spread] for frame in power]


def masked_cells(target: Rows, maskers: Stack, within: float, below: float, spread: Rows) -> list[list[list[float]]]:
    """(stems, frames, bands): what share of each masked cell each masker answers for."""
    frames, bands = range(len(target)), range(len(target[0]))
    excited = [spread_power(one, spread) for one in maskers]
    loudest = [max(target[t][b] for t in frames) for b in bands]

    def share(i: int, t: int, b: int) -> float:
        total = 1e-14 + sum(one[t][b] for one in excited)
        hidden = target[t][b] > within * loudest[b] and target[t][b] + 1e-14 < below * total
        return excited[i][t][b] / total if hidden else 0.0

    return [[[share(i, t, b) for b in bands] for t in frames] for i in range(len(maskers))]


def cells_together(
    shares: Stack, levels: Rows
) -> tuple[list[list[float]], list[list[float]], list[list[tuple[int, int]]]]:
    """(stems, bands) sums over frames of shares, of these times levels in dB, and (first, after the last) frame with a
    share, (frames, 0) without any."""
    frames, bands = range(len(levels)), range(len(levels[0]))
    sums = [[sum(one[t][b] for t in frames) for b in bands] for one in shares]
    leveled = [[sum(one[t][b] * levels[t][b] for t in frames) for b in bands] for one in shares]
    where = [[[t for t in frames if one[t][b]] for b in bands] for one in shares]
    spans = [[(at[0], at[-1] + 1) if at else (len(frames), 0) for at in bands_at] for bands_at in where]
    return sums, leveled, spans


def masked_sizes(
    power: Stack, active: Sequence[Sequence[bool]], importance: Rows, within: float, below: float, spread: Rows
) -> tuple[list[list[list[float]]], list[list[list[float]]], list[list[tuple[int, int]]]]:
    """(stems, stems, bands) how much of the first the second hides, the same times the SNR there in dB, and (first,
    after the last) masked frames.

    Without any masked frame the pair's span is (frames, 0).
    """
    stems, frames, bands = range(len(power)), range(len(power[0])), range(len(power[0][0]))
    excited = [spread_power(one, spread) for one in power]
    loudest = [[max(power[i][t][b] for t in frames) for b in bands] for i in stems]
    sizes = [[[0.0 for _ in bands] for _ in stems] for _ in stems]
    levels = [[[0.0 for _ in bands] for _ in stems] for _ in stems]
    spans = [[(len(frames), 0) for _ in stems] for _ in stems]
    for i in stems:
        for t in frames:
            for b in bands:
                here = power[i][t][b]
                others = 1e-14 + sum(excited[j][t][b] for j in stems if j != i)
                if not active[i][t] or here <= within * loudest[i][b] or here + 1e-14 >= below * others:
                    continue
                for j in stems:
                    if j == i or not importance[i][b]:
                        continue
                    share = excited[j][t][b] / others
                    sizes[i][j][b] += importance[i][b] * share
                    levels[i][j][b] += importance[i][b] * share * 10 * log10((here + 1e-14) / others)
                    if share > 0.1:
                        first, after = spans[i][j]
                        spans[i][j] = (min(first, t), max(after, t + 1))
    return sizes, levels, spans
