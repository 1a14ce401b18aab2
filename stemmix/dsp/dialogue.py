"""How loud a programme is while its dialogue speaks, by the dialogue stem's own activity.

That is what a mixer who has the stems can know exactly, and it is called stem-gated here. It is not Dolby's Dialogue
Intelligence, which guesses where speech is in a finished mix; nor is it level-gated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.true_peak import PIECE_FRAMES
from stemmix.dsp.weighting import KWeightedBins
from stemmix.units import LOUDNESS_OFFSET_DB, POWER_FLOOR, db_from_power

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SpanReading:
    """What a `SpanLoudness` reads."""

    loudness_lufs: float | None
    """Ungated: BS.1770-5 Annex 1, equation 2, over the spans; None where nothing sounds in them."""
    share: float
    """Of the frames heard, how many lie inside the spans."""
    reason: str | None
    """Why there is no reading."""


class SpanEnergy:
    """Energy of a stream inside spans that are known beforehand; memory depends on their number alone."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        """Spans (start, end) in frames, in any order, merged here."""
        self._edges = np.array([edge for span in _merged(spans) for edge in span], np.int64)
        self._binned = 0
        self._energy = 0.0

    def cut(self, ends: NDArray[np.int64], start: int, end: int) -> NDArray[np.int64]:
        """Where bins of the frames after `start`, up to `end`, are to end: at `ends` (bins,), in order, and wherever a
        span begins or ends; twice where that is the same."""
        if not len(self._edges):
            return ends
        first, after = np.searchsorted(self._edges, (start, end), side="right")
        return np.sort(np.append(ends, self._edges[first:after])) if after > first else ends

    def add(self, ends: NDArray[np.int64], energies: Floats) -> None:
        """(bins,) energies of the next bins, cut as they are to be."""
        if not len(ends) or not len(self._edges):
            return
        starts = np.append(self._binned, ends[:-1])
        self._energy = float(np.cumsum(np.append(self._energy, energies[self._covers(starts)]))[-1])
        self._binned = int(ends[-1])

    def read(self, frames: int, unfinished: float) -> SpanReading:
        """The reading after so many frames, and an energy that is in no bin yet."""
        inside = np.minimum(self._edges, frames)
        spoken = int((inside[1::2] - inside[::2]).sum())
        energy = self._energy + (unfinished if self._covers(np.array([self._binned]))[0] else 0.0)
        share = spoken / max(frames, 1)
        if not spoken:
            return SpanReading(None, share, "no dialogue")
        mean = energy / spoken
        if mean <= POWER_FLOOR:
            return SpanReading(None, share, "digital silence")
        return SpanReading(LOUDNESS_OFFSET_DB + db_from_power(mean), share, None)

    def _covers(self, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(np.searchsorted(self._edges, frames, side="right") % 2 == 1)


class SpanLoudness:
    """Ungated K-weighted loudness inside spans; `meters.LoudnessMeter` reads the same beside all else that it reads.

    The filters run on between the spans, so that each begins as a meter that heard the whole would have it.
    """

    def __init__(self, rate_hz: int, weights: Sequence[float], spans: Sequence[tuple[int, int]]) -> None:
        """`weights`: BS.1770-5 weight of each channel; spans (start, end) in frames, in any order."""
        self._power = KWeightedBins(rate_hz, weights)
        self._inside = SpanEnergy(spans)
        self._frames = 0

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        for begin in range(0, len(block), PIECE_FRAMES):
            piece = block[begin : begin + PIECE_FRAMES]
            end = self._frames + len(piece)
            ends = self._inside.cut(np.zeros(0, np.int64), self._frames, end)
            self._inside.add(ends, self._power.process(piece, np.append(ends - self._frames, len(piece))))
            self._frames = end

    def read(self) -> SpanReading:
        """The reading so far."""
        return self._inside.read(self._frames, self._power.unfinished)


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, none empty, none touching another; what lies before frame 0 is cut off."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((max(start, 0), end) for start, end in spans):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
