"""Conflicts: which stem hides which, in what bands, when, and how much of it.

A cell (frame, band) of a line is masked where the target is present and its SNR over all maskers together is under
3 dB. Each masker answers for its share of the masking power there, so that sizes add up: a size is in
importance-weighted masked band-seconds, 1 being a second in which everything that matters is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import EDGE_HZ
from stemmix.dsp import hearing_kernels
from stemmix.dsp.spectrum import HOPS_PER_SECOND
from stemmix.planning import masking
from stemmix.planning.evidence import Passage

Floats = NDArray[np.float64]

ANSWERABLE_SHARE = 0.1
"""A masker with less than this of a band's masked time is not named for it."""

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


def size_in(answers_for: Floats, importance: Floats, low: int, high: int) -> float:
    """(frames, 36) shares of masked cells -> importance-weighted masked band-seconds in bands low to high."""
    return float((answers_for[:, low : high + 1] * importance[low : high + 1]).sum()) / HOPS_PER_SECOND


def find(line: Passage) -> list[Found]:
    """The conflicts of a line as it came, largest first."""
    cells = masked_by(line)
    snr = line.snr_db(line.untouched)
    found: list[Found] = []
    for masker, answers_for in enumerate(cells):
        busy = answers_for.mean(axis=0) >= ANSWERABLE_SHARE
        # a single quiet band does not part two runs
        busy[1:-1] |= busy[:-2] & busy[2:]
        if not busy.any():
            # little in every band, yet something in all: one conflict for the lot
            touched = np.flatnonzero(answers_for.any(axis=0))
            busy[touched[0] if len(touched) else 0 : touched[-1] + 1 if len(touched) else 0] = True
        edges = np.flatnonzero(np.diff(np.concatenate(([0], busy.astype(np.int8), [0]))))
        for low, after in zip(edges[::2], edges[1::2], strict=True):
            size = size_in(answers_for, line.importance, low, after - 1)
            if size < SMALLEST:
                continue
            weight = answers_for[:, low:after] * line.importance[low:after]
            times = np.flatnonzero(weight.any(axis=1))
            found.append(
                Found(
                    masker=masker,
                    low=int(low),
                    high=int(after) - 1,
                    start=line.start + int(times[0]),
                    end=line.start + int(times[-1]) + 1,
                    importance=float(line.importance[low:after].sum()),
                    snr_db=float((weight * snr[:, low:after]).sum() / weight.sum()),
                    size=size,
                )
            )
    return sorted(found, key=lambda conflict: (-conflict.size, conflict.masker, conflict.low))
