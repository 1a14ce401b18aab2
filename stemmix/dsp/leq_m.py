"""Leq(m): how loud, and how annoying, a trailer or a commercial is in a cinema.

Sources: ISO 21727:2016 sections 3.5 (M-weighting) and 4.2 (calibration, sum, mean); ITU-R BS.468-4 for the curve.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import metering_kernels
from stemmix.dsp.filters import m_weighting
from stemmix.dsp.true_peak import PIECE_FRAMES, check_block
from stemmix.units import POWER_FLOOR, db_from_power

Floats = NDArray[np.float64]

_REFERENCE_MEAN_SQUARE = 0.5 * 10.0 ** (-20.0 / 10.0)
"""Of the reference tone, a sine of -20 dBFS: so 85 dB SPL a channel make 108.01 dB of a mean square of 1."""

_GRID_PER_SECOND = 100


class LeqMMeter:
    """Mean M-weighted power of all channels in a calibrated cinema, over the whole length, without a gate.

    Each channel is scaled to the level that it is replayed at, weighted, squared, and all are added (ISO 21727 section
    4.2); it is meant for what lasts three minutes at most.
    """

    def __init__(self, rate_hz: int, replay_db_spl: Sequence[float]) -> None:
        """`replay_db_spl`: what the reference of -20 dBFS makes in each channel; 85 in front of a cinema's audience."""
        self._rate_hz = rate_hz
        self._sections = m_weighting(rate_hz)
        self._powers = [10.0 ** (level / 10.0) / _REFERENCE_MEAN_SQUARE for level in replay_db_spl]
        self._state = np.zeros((len(self._powers) + 1, 7))  # one to spare: channels go in pairs
        self._frames = 0

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        channels = len(self._powers)
        check_block(block, channels)
        for begin in range(0, len(block), PIECE_FRAMES):
            piece = block[begin : begin + PIECE_FRAMES]
            end = self._frames + len(piece)
            first, last = (frame * _GRID_PER_SECOND // self._rate_hz + 1 for frame in (self._frames, end - 1))
            edges = np.arange(first, last + 1) * self._rate_hz // _GRID_PER_SECOND - self._frames
            ends = np.append(edges[edges < len(piece)], len(piece))
            for channel in range(0, channels, 2):
                pair = (channel, min(channel + 1, channels - 1))
                metering_kernels.m_weighted_energy(
                    piece, *pair, ends, self._sections, self._state[channel : channel + 2]
                )
            self._frames = end

    def read(self) -> float | None:
        """dB SPL so far; None for digital silence."""
        energy = sum(power * float(state[6]) for power, state in zip(self._powers, self._state, strict=False))
        mean = energy / max(self._frames, 1)
        return db_from_power(mean) if mean > POWER_FLOOR else None
