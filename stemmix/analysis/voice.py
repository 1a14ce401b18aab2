"""Whether a sound stands out from its room, told from the bands that carry a voice.

A room has one spectrum. Wind, traffic or a hand on the boom make it louder and softer by several dB, in all bands at
once; a voice puts its power into a few of them, and into others with each sound. So a voice is told by how unevenly the
bands rise over the noise floor of each, which no swing of the whole can change, or by a rise that is higher than a room
swings. The floor is a low quantile over time, band by band, as in minimum statistics (R. Martin, "Noise power spectral
density estimation based on optimal smoothing and minimum statistics", IEEE Trans. Speech and Audio Processing 9, 2001).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import CENTRE_HZ
from stemmix.dsp import feature_kernels
from stemmix.dsp.running import running_percentile
from stemmix.dsp.spectrum import HOPS_PER_SECOND

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]

LOWEST_HZ, HIGHEST_HZ = 300.0, 5000.0
BANDS_TOGETHER = 2
"""Bands of the ruler that are one here: noise wavers less in two."""
FIRST_BAND = next(band for band, centre_hz in enumerate(CENTRE_HZ) if centre_hz > LOWEST_HZ)
GROUPS = sum(LOWEST_HZ < centre_hz < HIGHEST_HZ for centre_hz in CENTRE_HZ) // BANDS_TOGETHER
HOPS_TOGETHER = 5
"""Frames that are one here: 100 ms."""

NOTHING_DB = -120.0
"""What is fainter is nothing."""
STEP_DB = 0.75

FLOOR_TENTHS = 15 * HOPS_PER_SECOND // HOPS_TOGETHER
"""The floor is that of 15 s."""
FLOOR_PERCENT = 2.0
UNEVEN_DB = 1.6
"""Deviation over the bands of their rise: noise of one spectrum, over 300 ms, stays under 1.2 dB."""
LEAST_RISE_DB = 2.0
HIGH_RISE_DB = 8.0


class VoiceBands:
    """Streaming: keeps the levels of `GROUPS` bands from 300 Hz to 5 kHz, ten times a second, one byte each.

    That is two bytes for each frame of 20 ms; call `take` with frames in order, then `codes` once.
    """

    def __init__(self) -> None:
        self._codes = bytearray()
        self._pending = np.zeros(GROUPS)
        self._waiting = 0
        """How many frames are summed in `_pending`."""

    def take(self, power: Floats) -> None:
        """The next (n, 36 or more) powers, those of the ruler's bands first."""
        whole, waiting = divmod(self._waiting + len(power), HOPS_TOGETHER)
        means = np.empty((whole, GROUPS))
        feature_kernels.grouped_power(
            power, FIRST_BAND, BANDS_TOGETHER, HOPS_TOGETHER, self._pending, self._waiting, means
        )
        self._waiting = waiting
        self._keep(means)

    def codes(self) -> Codes:
        """(ceil(frames / 5), GROUPS) levels in steps of `STEP_DB` over `NOTHING_DB`."""
        if self._waiting:
            self._keep(self._pending / self._waiting)
            self._pending, self._waiting = np.zeros(GROUPS), 0
        return np.frombuffer(self._codes, np.uint8).reshape(-1, GROUPS)

    def _keep(self, power: Floats) -> None:
        codes = np.empty(power.size, np.uint8)
        feature_kernels.stepped_levels(power.reshape(-1), NOTHING_DB, STEP_DB, codes)
        self._codes += codes.data


def stands_out(codes: Codes) -> NDArray[np.bool_]:
    """(n, GROUPS) codes of `VoiceBands` -> (n,) whether a sound stands out from its room, ten times a second.

    Digital silence says nothing of a room: the floor is that of the 15 s of sound around. A shorter stretch of sound
    between silences whose bands all rise alike, a line in which nothing changes, is not held against others' room.
    """
    sounds = np.asarray(codes.any(axis=1))
    out = np.zeros(len(codes), bool)
    (heard,) = np.nonzero(sounds)
    if not len(heard):
        return out
    # band by band: whole reels pass through here
    total, squares, power = (np.zeros(len(heard)) for _ in range(3))
    for band in codes.T:
        rise_db = _rise_db(_smoothed_db(band)[heard])
        total += rise_db
        squares += rise_db**2
        power += 10.0 ** (rise_db / 10.0)
    mean_db = 10.0 * np.log10(power / GROUPS)
    deviation_db = np.sqrt(np.maximum(squares / GROUPS - (total / GROUPS) ** 2, 0.0))
    uneven = np.zeros(len(codes), bool)
    uneven[heard] = (deviation_db >= UNEVEN_DB) & (mean_db >= LEAST_RISE_DB)
    out[heard] = uneven[heard] | (mean_db >= HIGH_RISE_DB)
    for start, end in runs(sounds):
        if end - start < FLOOR_TENTHS and not uneven[start:end].any():
            out[start:end] = True
    return out


def runs(active: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(n,) what is true -> where it is: (first, after the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], active.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _smoothed_db(codes: Codes) -> Floats:
    """(n,) codes of a band -> level of the mean power over 300 ms."""
    power = (10.0 ** ((NOTHING_DB + STEP_DB * np.arange(256)) / 10.0))[codes]
    padded = np.concatenate((power[:1], power, power[-1:]))
    return np.asarray(10.0 * np.log10((padded[:-2] + padded[1:-1] + padded[2:]) / 3.0))


def _rise_db(level_db: Floats) -> Floats:
    """(n,) how far a band is over its floor."""
    return np.asarray(level_db - running_percentile(level_db, FLOOR_PERCENT, FLOOR_TENTHS | 1, "symmetric"))
