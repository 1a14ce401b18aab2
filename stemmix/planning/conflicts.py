"""Conflicts: which stem hides which, in what bands, when, and how much of it.

A cell (frame, band) of a line is masked where the target is present and its SNR over all maskers together is under
3 dB. Each masker answers for its share of the masking power there, so that sizes add up: a size is in
importance-weighted masked band-seconds, 1 being a second in which everything that matters is hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import EDGE_HZ
from stemmix.dsp import hearing_kernels
from stemmix.dsp.spectrum import HOPS_PER_SECOND
from stemmix.planning import masking
from stemmix.planning.passages import Passage

Floats = NDArray[np.float64]

ANSWERABLE_SHARE = 0.1
"""A masker with less than this of a band's masked time is not named for it."""

CROWDED_SHARE = 0.2
"""Of a band that is masked for so much of the time, most of it by maskers of which none has that much, those are named
that have at least half of what the largest has: hardly anybody hides it, and yet it is hidden."""

SMALLEST = 0.001
"""Smaller conflicts are not worth a line in a report."""


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """One conflict, by numbers of stem and band."""

    masker: int
    low: int
    high: int
    """Bands low to high, both of them in."""
    start: int
    end: int
    """Programme frames."""
    importance: float
    """Share of the target's importance that the bands hold, 0 to 1."""
    snr_db: float
    """Mean over the masked cells, weighted with importance and with the masker's share."""
    size: float

    @property
    def low_hz(self) -> float:
        return EDGE_HZ[self.low]

    @property
    def high_hz(self) -> float:
        return EDGE_HZ[self.high + 1]


def masked_by(line: Passage) -> Floats:
    """(stems, frames, 36): the share of each masked cell that each stem answers for; 0 where nothing is masked."""
    shares = np.empty_like(line.maskers)
    hearing_kernels.masked_cells(
        line.target, line.maskers, masking.WITHIN, masking.BELOW, masking.SPREAD, masking.REACH, shares
    )
    return shares


def sizes_of(cells: Floats, importance: Floats) -> Floats:
    """(stems, frames, 36) shares of masked cells -> (stems, 36) importance-weighted masked band-seconds."""
    return np.asarray(cells.sum(axis=1) * importance / HOPS_PER_SECOND)


def find(line: Passage) -> list[Found]:
    """The conflicts of a line as it came, largest first."""
    stems, frames, bands = line.maskers.shape
    sums, spans = np.empty((2, stems, bands)), np.empty((stems, bands, 2), np.int64)
    hearing_kernels.cells_together(masked_by(line), line.snr_db(line.untouched), sums, spans)
    importance, shares = line.importance.tolist(), sums[0] / frames
    enough = _enough(shares)
    sizes, levels = (sums * line.importance / HOPS_PER_SECOND).tolist()
    found: list[Found] = []
    for masker in range(stems):
        for low, after in _runs(shares[masker].tolist(), enough):
            size = sum(sizes[masker][low:after])
            if size < SMALLEST:
                continue
            heard = spans[masker, low:after][line.importance[low:after] > 0.0]
            found.append(
                Found(
                    masker=masker,
                    low=low,
                    high=after - 1,
                    start=line.start + int(heard[:, 0].min()),
                    end=line.start + int(heard[:, 1].max()),
                    importance=sum(importance[low:after]),
                    snr_db=sum(levels[masker][low:after]) / size,
                    size=size,
                )
            )
    return sorted(found, key=lambda conflict: (-conflict.size, conflict.masker, conflict.low))


def _enough(shares: Floats) -> list[float]:
    """(stems, 36) shares of the time -> of each band how much is enough to be named for it."""
    largest, whole = shares.max(axis=0, initial=0.0), shares.sum(axis=0)
    answered = (shares * (shares >= ANSWERABLE_SHARE)).sum(axis=0)
    is_crowded = (whole >= CROWDED_SHARE) & (answered < whole / 2)
    enough: list[float] = np.where(is_crowded, np.minimum(largest / 2, ANSWERABLE_SHARE), ANSWERABLE_SHARE).tolist()
    return enough


def _runs(shares: list[float], enough: list[float]) -> list[tuple[int, int]]:
    """Runs of bands, from the first to before the last, in which a masker answers for enough of the time.

    A single quiet band does not part two runs. Little in every band, yet something in all: one run of the lot.
    """
    loud = [share >= least for share, least in zip(shares, enough, strict=True)]
    busy = [
        here or (before and after)
        for before, here, after in zip((False, *loud[:-1]), loud, (*loud[1:], False), strict=True)
    ]
    if not any(busy):
        touched = [band for band, share in enumerate(shares) if share]
        return [(touched[0], touched[-1] + 1)] if touched else []
    return runs_of(busy)


def runs_of(busy: Sequence[bool]) -> list[tuple[int, int]]:
    """Runs of what is true, from the first to before the last."""
    edges = [place for place, (one, other) in enumerate(pairwise((False, *busy, False))) if one != other]
    return list(zip(edges[::2], edges[1::2], strict=True))
