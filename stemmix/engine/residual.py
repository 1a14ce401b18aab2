"""Two written mixes, one taken from the other: how much is left, where the most, and where nothing."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.weighting import KWeightedBins
from stemmix.files.audio import AudioFile, AudioReader, Samples
from stemmix.model.difference import Place
from stemmix.units import LOUDNESS_OFFSET_DB, POWER_FLOOR, db_from_power

Floats = NDArray[np.float64]

WORST: Final = 5
"""Seconds that are told."""

_BINS_A_SECOND: Final = 10
"""The filters' state is kept from denormal numbers where a bin ends."""


def loudness_lufs(power: float) -> float | None:
    """Of a K-weighted, channel-weighted mean power; None of silence."""
    return LOUDNESS_OFFSET_DB + db_from_power(power) if power > POWER_FLOOR else None


@dataclass(frozen=True)
class Residual:
    """What `residual_of` finds, by seconds; the last may be shorter, and counts for as long as it is."""

    rate_hz: int
    frames: int
    channels: int
    heard: tuple[Floats, Floats]
    """(tenths,) K-weighted energy of each mix, in tenths of a second."""
    left_k: Floats
    """(tenths,) the same of one less the other."""
    left: Floats
    """(seconds,) energy of that as it is, over all channels."""
    same: NDArray[np.bool_]
    """(seconds,) whether every sample is the same."""

    @property
    def residual_dbfs(self) -> float | None:
        """RMS over all channels; None where nothing is left."""
        power = float(self.left.sum()) / max(self.frames * self.channels, 1)
        return round(db_from_power(power), 1) if power > 0.0 else None

    @property
    def residual_lu(self) -> float | None:
        """K-weighted level over the first mix's, both ungated; None where either is silent."""
        return _over(float(self.left_k.sum()), float(self.heard[0].sum()), self.frames)

    @property
    def identical_s(self) -> tuple[tuple[float, float], ...]:
        """Spans of seconds in which all samples are the same."""
        spans = []
        for same, seconds in groupby(range(len(self.same)), key=lambda second: bool(self.same[second])):
            numbers = list(seconds)
            if same:
                end_s = min(float(numbers[-1] + 1), round(self.frames / self.rate_hz, 3))
                spans.append((float(numbers[0]), end_s))
        return tuple(spans)

    @property
    def worst(self) -> tuple[Place, ...]:
        """The seconds in which the most is left, none beside one that is told."""
        lengths = [min(self.rate_hz, self.frames - second * self.rate_hz) for second in range(len(self.left))]
        powers = self.left / (np.array(lengths) * self.channels)
        told: list[int] = []
        for second in sorted(range(len(powers)), key=lambda second: (-powers[second], second)):
            if len(told) == WORST or powers[second] <= POWER_FLOOR:
                break
            if all(abs(second - other) > 1 for other in told):
                told.append(second)
        return tuple(self._place(second, float(powers[second]), lengths[second]) for second in told)

    def _place(self, second: int, power: float, frames: int) -> Place:
        tenths = slice(second * _BINS_A_SECOND, (second + 1) * _BINS_A_SECOND)
        over_lu = _over(float(self.left_k[tenths].sum()), float(self.heard[0][tenths].sum()), frames)
        return Place(start_s=float(second), residual_dbfs=round(db_from_power(power), 1), residual_lu=over_lu)

    def loudness_lufs(self, side: int, start_s: float, end_s: float) -> float | None:
        """K-weighted mean level of a mix (0 or 1) from one time to another, to the nearest tenths of a second."""
        first, after = (round(time * _BINS_A_SECOND) for time in (start_s, end_s))
        energies = self.heard[side][first:after]
        found = loudness_lufs(float(energies.sum()) / max(len(energies) * self.rate_hz / _BINS_A_SECOND, 1))
        return None if found is None else round(found, 2)


def _over(left: float, heard: float, frames: int) -> float | None:
    powers = (left / max(frames, 1), heard / max(frames, 1))
    return round(db_from_power(powers[0]) - db_from_power(powers[1]), 1) if min(powers) > POWER_FLOOR else None


def residual_of(before: AudioFile, after: AudioFile) -> Residual:
    """`after` less `before`, streamed; both of one rate and layout. The shorter one goes on in silence.

    Raises StemError where a file cannot be read.
    """
    rate, weights = before.sample_rate, before.layout.weights
    channels = len(weights)
    meters = [KWeightedBins(rate, weights) for _ in range(3)]
    energies: list[list[Floats]] = [[], [], []]
    left: list[float] = []
    same: list[bool] = []
    frames = 0
    with ExitStack() as opened:
        readers = [opened.enter_context(AudioReader(audio)) for audio in (before, after)]
        while True:
            blocks = [reader.read(rate) for reader in readers]
            count = max(map(len, blocks))
            if not count:
                break
            one, other = (_filled(block, count, channels) for block in blocks)
            by = other - one
            ends = _tenths(rate, count)
            for meter, signal, told in zip(meters, (one, other, by), energies, strict=True):
                told.append(meter.process(signal, ends))
            left.append(float((by * by).sum()))
            same.append(not by.any() and len(blocks[0]) == len(blocks[1]))
            frames += count
    heard, other_heard, left_k = (np.concatenate(told) if told else np.zeros(0) for told in energies)
    return Residual(rate, frames, channels, (heard, other_heard), left_k, np.array(left), np.array(same, dtype=bool))


def _tenths(rate_hz: int, count: int) -> NDArray[np.int64]:
    """Ends of tenths of a second in a block of a second or less; its own end ends the last of them."""
    bins = -(-count * _BINS_A_SECOND // rate_hz)
    ends = [min((number + 1) * rate_hz // _BINS_A_SECOND, count) for number in range(bins)]
    ends[-1] = count
    return np.array([*ends, count], dtype=np.int64)


def _filled(block: Samples, frames: int, channels: int) -> Samples:
    """With silence after its end."""
    if len(block) == frames:
        return block
    return np.concatenate((block, np.zeros((frames - len(block), channels))))
