"""How loud a programme is while its dialogue speaks, by the dialogue stem's own activity.

That is what a mixer who has the stems can know exactly, and it is called stem-gated here. It is not Dolby's Dialogue
Intelligence, which guesses where speech is in a finished mix; nor is it level-gated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.crest import LOUDNESS_OFFSET_DB
from stemmix.dsp.meters import KWeightedBins
from stemmix.dsp.true_peak import PIECE_FRAMES
from stemmix.units import POWER_FLOOR, db_from_power

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


class SpanLoudness:
    """Ungated K-weighted loudness inside spans that are known beforehand; memory depends on their number alone.

    The filters run on between the spans, so that each begins as a meter that heard the whole would have it.
    """

    def __init__(self, rate_hz: int, weights: Sequence[float], spans: Sequence[tuple[int, int]]) -> None:
        """`weights`: BS.1770-5 weight of each channel; spans (start, end) in frames, in any order, merged here."""
        self._power = KWeightedBins(rate_hz, weights)
        self._edges = np.array([edge for span in _merged(spans) for edge in span], np.int64)
        self._frames = 0
        self._binned = 0
        self._energy = 0.0

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        for begin in range(0, len(block), PIECE_FRAMES):
            piece = block[begin : begin + PIECE_FRAMES]
            start, end = self._frames, self._frames + len(piece)
            first, after = np.searchsorted(self._edges, (start, end), side="right")
            ends = self._edges[first:after]
            energies = self._power.process(piece, np.append(ends, end) - start)
            starts = np.concatenate(([self._binned], ends[:-1])) if len(ends) else ends
            for energy in energies[self._inside(starts)].tolist():
                self._energy += energy
            self._frames = end
            self._binned = int(ends[-1]) if len(ends) else self._binned

    def read(self) -> SpanReading:
        """The reading so far."""
        inside = np.minimum(self._edges, self._frames)
        frames = int((inside[1::2] - inside[::2]).sum())
        energy = self._energy + (self._power.unfinished if self._inside(np.array([self._binned]))[0] else 0.0)
        share = frames / max(self._frames, 1)
        if not frames:
            return SpanReading(None, share, "no dialogue")
        mean = energy / frames
        if mean <= POWER_FLOOR:
            return SpanReading(None, share, "digital silence")
        return SpanReading(LOUDNESS_OFFSET_DB + db_from_power(mean), share, None)

    def _inside(self, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(np.searchsorted(self._edges, frames, side="right") % 2 == 1)


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
