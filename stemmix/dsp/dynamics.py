"""Shape in time: how a cut that is wanted during a line comes and goes.

A cut is at full depth from `look_ahead_s` before its span until `hold_s` after it (which bridges the gaps between
words), and comes and goes over Hann-shaped ramps outside that. Where cuts of one kind overlap, in each band the
furthest from 0 holds. Everything is a function of absolute time, so that a gain does not depend on where one begins to
ask for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import shaping_kernels
from stemmix.units import samples_from_seconds

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """Times of a cut, in seconds."""

    look_ahead_s: float
    hold_s: float
    ramp_s: float
    voice_ramp_s: float = 0.1
    """Of what is done to a line itself, which has no look-ahead and no hold: it is not to reach into a neighbour."""

    @property
    def of_voice(self) -> Shape:
        return Shape(0.0, 0.0, self.voice_ramp_s)


Cut = tuple[int, int, Sequence[float]]
"""First sample, sample after the last, and a gain per band in dB."""


class StemGains:
    """Every band's gain in one stem at any time: layers of cuts, each shaped by itself, added in dB."""

    def __init__(self, layers: Iterable[tuple[bool, Iterable[Cut]]], shape: Shape, rate_hz: int, bands: int) -> None:
        """A layer is whether it is of the voice itself, and its cuts."""
        curves = [GainCurve(cuts, shape.of_voice if of_voice else shape, rate_hz, bands) for of_voice, cuts in layers]
        self._curves = [curve for curve in curves if not curve.empty]
        self._bands = bands

    def at(self, samples: Floats) -> Floats:
        """(n,) times in samples, rising -> (n, bands) gains in dB; exactly 0 where nothing is done."""
        gain_db = np.zeros((len(samples), self._bands))
        for curve in self._curves:
            curve.add_at(samples, gain_db)
        return gain_db

    def idle(self, start: float, end: float) -> bool:
        """Whether nothing is done in the open stretch of samples (start, end)."""
        return all(curve.idle(start, end) for curve in self._curves)


class GainCurve:
    """One layer of cuts, held and ramped.

    The held gain is constant in pieces; smoothing it with a Hann window of the ramp's length has a closed form, the
    sum over pieces of their gain times what of the window lies on them.
    """

    def __init__(self, cuts: Iterable[Cut], shape: Shape, rate_hz: int, bands: int) -> None:
        self._bands = bands
        self._ramp = max(samples_from_seconds(shape.ramp_s, rate_hz), 1)
        half = -(-self._ramp // 2)  # rounded up: the depth is whole from the look-ahead's first sample
        before = samples_from_seconds(shape.look_ahead_s, rate_hz) + half
        after = samples_from_seconds(shape.hold_s, rate_hz) + half
        held = sorted(
            ((start - before, end + after, gain_db) for start, end, gain_db in cuts),
            key=lambda cut: cut[:2],
        )
        self._starts, self._ends, self._rows, self._gains = _pieces(held, bands)

    def at(self, samples: Floats) -> Floats:
        """(n,) times in samples, rising -> (n, bands) gains in dB; exactly 0 where no cut reaches."""
        gain_db = np.zeros((len(samples), self._bands))
        self.add_at(samples, gain_db)
        return gain_db

    def add_at(self, samples: Floats, gain_db: Floats) -> None:
        """Add the gains at (n,) times to (n, bands) gains in dB."""
        ramp = float(self._ramp)
        shaping_kernels.add_pieces(samples, self._starts, self._ends, self._rows, self._gains, ramp, gain_db)

    @property
    def empty(self) -> bool:
        """Whether there is no cut at all."""
        return not len(self._starts)

    def idle(self, start: float, end: float) -> bool:
        """Whether no cut reaches into the open stretch of samples (start, end)."""
        first = int(self._ends.searchsorted(start - self._ramp / 2, side="right"))
        return first >= len(self._starts) or bool(self._starts[first] >= end + self._ramp / 2)


def _pieces(held: list[Cut], bands: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats]:
    """Overlapping (start, end, gain), sorted by start, as pieces that do not overlap: of each band the furthest from 0.

    Starts, ends, and of each piece its row of the gains: most pieces are all of one cut's, so that few rows are.
    """
    edges = sorted({edge for start, end, _ in held for edge in (start, end)})
    gains: list[Sequence[float] | Floats] = [gain for _, _, gain in held]
    starts, ends, rows = [], [], []
    waiting, active = 0, list[int]()
    for start, end in pairwise(edges):
        while waiting < len(held) and held[waiting][0] <= start:
            active.append(waiting)
            waiting += 1
        active = [cut for cut in active if held[cut][1] > start]
        if not active:
            continue
        row = active[0]
        if len(active) > 1:
            together = np.array([held[cut][2] for cut in active], np.float64)
            gains.append(together[np.abs(together).argmax(axis=0), np.arange(bands)])
            row = len(gains) - 1
        starts.append(start)
        ends.append(end)
        rows.append(row)
    return (
        np.array(starts, np.int64),
        np.array(ends, np.int64),
        np.array(rows, np.int64),
        np.array(gains, np.float64).reshape(-1, bands),
    )
