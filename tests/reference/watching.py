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


def at_full_scale(channel: Sequence[float], shortest: int, full_scale: float) -> list[tuple[int, int]]:
    """First frame and end of runs of equal samples at full scale; silence stands after the channel."""
    found, at = [], 0
    for sample, run in groupby(channel):
        begin, at = at, at + len(list(run))
        if abs(sample) >= full_scale and at - begin >= shortest:
            found.append((begin, at))
    return found


def flat_topped(
    channel: Sequence[float],
    shortest: tuple[int, int],
    spread: float,
    lowest: float,
    highest: float,
    corners: tuple[float, float],
) -> list[tuple[int, int, float]]:
    """First frame, end, level of flat tops, below zero and then above it; zeros stand before and after the channel."""
    found = []
    for sign in (-1.0, 1.0):
        side = [sign * sample for sample in channel]
        run: list[int] = []
        for at, sample in enumerate([*side, 0.0]):
            top = max([0.0, *side[: at + 1]])
            if run and top - min(side[i] for i in run) > spread:
                run = []
            if sample >= max(lowest, top - spread):
                run.append(at)
                continue
            if run:
                held = [side[i] for i in run]
                beside = (side[run[0] - 1] if run[0] else 0.0, sample)
                kind = 0 if min(held) == top else 1
                is_cut = min(beside) > 0.5 * max(held) and max(held) - max(beside) > corners[kind]
                if len(run) >= shortest[kind] and max(held) < highest and is_cut:
                    found.append((run[0], at, sign * max(held)))
            run = []
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


def standing_still(
    channel: Sequence[float],
    quiet: float,
    sizes: tuple[int, int],
    reaches: tuple[int, int],
    loud: float,
    alike: float,
    step: float,
    still: float,
) -> list[tuple[int, int]]:
    """Runs of equal samples over `quiet`, in sound that moves, passes their value and is sharp on either side; zeros
    stand before."""
    near, around = reaches
    sound = [0.0] * (around + 1) + list(channel)
    found, at = [], 0
    for value, run in groupby(sound):
        begin, end = at, at + len(list(run))
        at = end
        if not sizes[0] <= end - begin <= sizes[1] or abs(value) <= quiet or end + around >= len(sound):
            continue
        sides = [[sample - value for sample in sound[k : k + around]] for k in (begin - around, end)]
        equal = [sum(sound[k] == sound[k - 1] for k in range(first, first + around)) for first in (begin - around, end)]
        sharp = max(map(abs, sides[0][-near:])), max(map(abs, sides[1][:near]))
        highest = [max(map(abs, side)) for side in sides]
        is_alike = highest[1] <= alike * highest[0] and highest[0] <= alike * highest[1]
        is_passed = max(*sides[0], *sides[1]) > 0.0 > min(*sides[0], *sides[1])
        is_stepped = max(abs(sides[0][-1]), abs(sides[1][0])) >= step
        if min(sharp) >= loud and max(equal) <= still and is_alike and is_passed and is_stepped:
            found.append((begin - around - 1, end - around - 1))
    return found
