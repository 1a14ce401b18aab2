"""Readable twins of the kernels that watch samples go by."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby


def watched(channels: Sequence[Sequence[float]], full_scale: float, shortest: int) -> tuple[list[float], int, int]:
    """Sum of each channel, number of runs of equal samples at full scale, and where the first begins (-1 if none)."""
    starts = []
    for channel in channels:
        at = 0
        for sample, run in groupby(channel):
            length = len(list(run))
            if abs(sample) >= full_scale and length >= shortest:
                starts.append(at)
            at += length
    return [sum(channel) for channel in channels], len(starts), min(starts, default=-1)


def extremes_of(row: Sequence[float], start: int, cell: int) -> list[list[float]]:
    """Of each `cell` samples from `start` on: highest, lowest, highest magnitude of a second difference."""
    bent = [abs(row[i] - 2.0 * row[i - 1] + row[i - 2]) for i in range(start, len(row))]
    return [
        [max(row[at : at + cell]), min(row[at : at + cell]), max(bent[at - start : at - start + cell])]
        for at in range(start, len(row), cell)
    ]


def flat_topped(
    channel: Sequence[float], shortest: int, full_scale: float, lowest: float, corner: float
) -> list[tuple[int, int, float]]:
    """First frame, end, level of runs at full scale, and of flat tops at what was highest of their side till then."""
    runs, at = [], 0
    for level, run in groupby([*channel, 0.0]):
        runs.append((at, at + len(list(run)), level))
        at = runs[-1][1]
    found = []
    for number, (begin, end, level) in enumerate(runs[:-1]):
        side = 1 if level > 0 else -1
        before = channel[begin - 1] if begin else 0.0
        highest = max((side * sample for sample in channel[:begin]), default=0.0)
        neighbours = max(side * before, side * runs[number + 1][2])
        is_flat = abs(level) >= lowest and abs(level) >= highest and abs(level) - neighbours > corner
        if end - begin >= shortest and level and (abs(level) >= full_scale or is_flat):
            found.append((begin, end, level))
    return found


def silent(frames: Sequence[bool], shortest: int) -> list[tuple[int, int]]:
    """Runs of frames without sound between frames with it."""
    runs, at = [], 0
    for is_heard, run in groupby(frames):
        runs.append((at, at + len(list(run)), is_heard))
        at = runs[-1][1]
    return [(begin, end) for begin, end, is_heard in runs[1:-1] if not is_heard and end - begin >= shortest]


def broken(channel: Sequence[float], reach: int, least: float, ratio: float, lowest: float, apart: int) -> list[int]:
    """Frames of second differences that are alone; zeros stand before and after the channel."""
    zeros = [0.0] * (reach + 2)
    padded = [*zeros, *channel, *zeros]
    bent = [0.0, 0.0, *(abs(padded[i] - 2 * padded[i - 1] + padded[i - 2]) for i in range(2, len(padded)))]
    seen: list[int] = []
    groups: list[list[int]] = []
    for i in range(reach + 2, reach + 2 + len(channel)):
        if bent[i] < least:
            continue
        around = [*bent[i - reach + 1 : i - 2], *bent[i + 3 : i + reach]]
        left, right = padded[i - reach : i - 3], padded[i + 3 : i + reach]
        if (
            all(one <= bent[i] / ratio for one in around)
            and max(map(abs, left)) >= lowest
            and max(map(abs, right)) >= lowest
            and not (seen and i - seen[-1] <= 8)
        ):
            if seen and i - seen[-1] <= apart:
                groups[-1].append(i)
            else:
                groups.append([i])
            seen.append(i)
    return [group[0] - reach - 2 for group in groups if len(group) == 1]


def holed(
    channel: Sequence[float],
    quiet: float,
    sizes: tuple[int, int],
    reaches: tuple[int, int],
    loud: float,
    alike: float,
    step: float,
) -> list[tuple[int, int]]:
    """Runs up to `quiet`, sharp and about as loud on either side, with a step on one; zeros stand before."""
    near, around = reaches
    sound = [0.0] * around + [abs(sample) for sample in channel]
    found, at, busy_until = [], 0, -1
    for is_quiet, run in groupby([sample <= quiet for sample in sound]):
        begin, end = at, at + len(list(run))
        at = end
        if not is_quiet or not sizes[0] <= end - begin <= sizes[1] or begin < around or end + around > len(sound):
            continue
        if end <= busy_until:
            continue
        before, after = max(sound[begin - around : begin]), max(sound[end : end + around])
        is_sharp_before, is_sharp_after = max(sound[begin - near : begin]) >= loud, max(sound[end : end + near]) >= loud
        if is_sharp_before:
            busy_until = end + (around if is_sharp_after else near) - 2
        is_stepped = max(sound[begin - 1], sound[end]) >= step
        is_alike = after <= alike * before and before <= alike * after
        if is_sharp_before and is_sharp_after and is_alike and is_stepped:
            found.append((begin - around, end - around))
    return found
