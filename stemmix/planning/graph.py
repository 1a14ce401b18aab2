"""The dependency graph: over the whole programme, or a span of it, how much of every stem every other one hides.

Lines have conflicts of their own (`conflicts`); this is the map of all ordered pairs. The programme is walked in
stretches of ten seconds, so that memory does not grow with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, EDGE_HZ
from stemmix.dsp import hearing_kernels
from stemmix.dsp.dynamics import StemGains
from stemmix.dsp.spectrum import HOPS_PER_SECOND, ruler
from stemmix.model.plan import Conflict, Edge
from stemmix.model.profiles import SPEECH
from stemmix.planning import masking
from stemmix.planning.conflicts import runs_of
from stemmix.planning.ids import bands, begin, joined
from stemmix.planning.passages import HeardStem, smoothed_power

Floats = NDArray[np.float64]

STRETCH_FRAMES = 10 * HOPS_PER_SECOND
SMALLEST = 0.05
"""Smaller conflicts of stems that nothing is done for are not listed."""


def graph_of(
    stems: Sequence[HeardStem],
    gains: Mapping[str, StemGains],
    rate_hz: int,
    frames: int,
    cleared: frozenset[str],
    span: tuple[int, int] | None = None,
) -> tuple[tuple[Edge, ...], list[Conflict]]:
    """Every pair's edge, and the conflicts of targets that are not `cleared` line by line.

    Of a `span` of samples, if not of all. What counts in a stretch is judged by all of it, wherever the span cuts it:
    so sizes of spans that lie side by side add up.
    """
    hop = ruler(rate_hz).hop_samples
    last = -(-frames // hop) + 1
    active = np.stack([_active(stem, last, hop) for stem in stems])
    begin_frame, end_frame = frames_in(span or (0, frames), frames, hop)
    active[:, :begin_frame] = active[:, end_frame:] = False

    def weighed(start: int) -> tuple[Floats, Floats, list[Conflict]]:
        """One stretch: (stems, stems) sizes before and after, and conflicts."""
        end = min(start + STRETCH_FRAMES, last)
        where = begin(start * hop, rate_hz, decimals=0)
        here = np.ascontiguousarray(active[:, start:end])
        power = np.empty((len(stems), end - start, BAND_COUNT))
        for stem, mid in zip(stems, power, strict=True):
            smoothed_power(stem, "mid", start, end, out=mid)
        importance = np.stack([_importance(stem, mid) for stem, mid in zip(stems, power, strict=True)])
        (sizes, levels), spans = _masked(power, here, importance, count=2)
        mixed, found = sizes, list[Conflict]()
        if not all(gains[stem.id].idle(start * hop - 1, (end - 1) * hop + 1) for stem in stems):
            times = np.arange(start, end, dtype=np.float64) * hop
            for index, stem in enumerate(stems):
                hearing_kernels.at_gains(power[index], gains[stem.id].at(times), 0, power[index])
            (mixed,), _ = _masked(power, here, importance)
        for i, target in enumerate(stems):
            if target.id in cleared:
                continue
            for j, masker in enumerate(stems):
                seen = _Seen(importance[i], sizes[i, j], levels[i, j], mixed[i, j], *(spans[i, j] + start).tolist())
                found += _conflicts(target.id, masker.id, where, seen, hop, frames)
        return sizes.sum(axis=2), mixed.sum(axis=2), found

    first = begin_frame // STRETCH_FRAMES * STRETCH_FRAMES
    stretches = [weighed(start) for start in range(first, end_frame, STRETCH_FRAMES)]
    nothing = np.zeros((len(stems), len(stems)))
    before = sum((sizes for sizes, _, _ in stretches), start=nothing)
    after = sum((sizes for _, sizes, _ in stretches), start=nothing)
    edges = tuple(
        Edge(
            target=target.id,
            masker=masker.id,
            size_before=round(float(before[i, j]), 4),
            size_after=round(float(after[i, j]), 4),
        )
        for i, target in enumerate(stems)
        for j, masker in enumerate(stems)
        if i != j
    )
    return edges, [conflict for _, _, found in stretches for conflict in found]


def frames_in(span: tuple[int, int], frames: int, hop: int) -> tuple[int, int]:
    """The first frame, and the one after the last, that are centred in a span of samples of a programme of `frames`.

    What is centred on the programme's end belongs to a span that reaches it.

    >>> frames_in((960, 4800), 9600, 960), frames_in((961, 9600), 9600, 960)
    ((1, 5), (2, 11))
    """
    start, end = span
    return -(-start // hop), -(-end // hop) + (end >= frames)


def _masked(
    power: Floats, active: NDArray[np.bool_], importance: Floats, count: int = 1
) -> tuple[Floats, NDArray[np.int64]]:
    """(count, stems, stems, 36) sizes in weighted seconds, and where there is a second these times SNR in dB; (stems,
    stems, 2) masked frames."""
    stems = len(power)
    sizes = np.zeros((count, stems, stems, BAND_COUNT))
    spans = np.tile(np.array([power.shape[1], 0]), (stems, stems, 1))
    hearing_kernels.masked_sizes(
        power, active, importance, masking.WITHIN, masking.BELOW, masking.SPREAD, masking.REACH, sizes, spans
    )
    return sizes / HOPS_PER_SECOND, spans


def _active(stem: HeardStem, frames: int, hop: int) -> NDArray[np.bool_]:
    """(frames,) whether the stem has something to be heard."""
    active = np.zeros(frames, dtype=bool)
    for run in stem.facts.heard_as(stem.role):
        active[(stem.at + run.start) // hop : -(-(stem.at + run.end) // hop)] = True
    return active


def _importance(stem: HeardStem, mid: Floats) -> Floats:
    if stem.role in SPEECH or not mid.any():
        return masking.IMPORTANCE
    return masking.importance_where_present(mid)


@dataclass(frozen=True, eq=False, slots=True)
class _Seen:
    """What one stem hides of another in a stretch, band by band."""

    importance: Floats
    size: Floats
    level: Floats
    """Its size times the SNR there in dB."""
    mixed: Floats
    """Its size in the mix."""
    first: int
    after: int
    """Programme frames."""


def _conflicts(target: str, masker: str, where: str, seen: _Seen, hop: int, frames: int) -> list[Conflict]:
    """One pair's conflicts in the stretch that begins at `where`: runs of bands."""
    if seen.after <= seen.first:
        return []
    found = []
    for low, after in runs_of((seen.size >= SMALLEST / 12).tolist()):
        size = float(seen.size[low:after].sum())
        if size < SMALLEST:
            continue
        found.append(
            Conflict(
                id=joined(target, where, masker, bands(EDGE_HZ[low], EDGE_HZ[after])),
                target=target,
                masker=masker,
                low_hz=round(EDGE_HZ[low], 1),
                high_hz=round(EDGE_HZ[after], 1),
                importance=round(float(seen.importance[low:after].sum()), 3),
                start=seen.first * hop,
                end=min(seen.after * hop, frames),
                snr_db=round(float(seen.level[low:after].sum()) / size, 2),
                size_before=round(size, 4),
                size_after=round(float(seen.mixed[low:after].sum()), 4),
            )
        )
    return found
