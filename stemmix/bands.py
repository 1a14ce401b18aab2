"""The bands that everything is told in: 36 even steps on the ERB scale, and the seven of frequency-based mixing.

ERB-number (Cams) after Glasberg and Moore, "Derivation of auditory filter shapes from notched-noise data", Hearing
Research 47 (1990), equation 4: 21.4 log10(1 + 0.00437 f).
"""

from __future__ import annotations

import math

BAND_COUNT = 36
LOWEST_HZ, HIGHEST_HZ = 60.0, 16_000.0

CLASSIC_EDGES_HZ = (60, 150, 400, 1000, 3000, 5000, 8000, 12000)
"""Edges of the seven bands of frequency-based mixing."""


def erb_number(frequency_hz: float) -> float:
    """ERB-number of a frequency in Hz.

    >>> round(erb_number(1000), 2)
    15.62
    """
    return 21.4 * math.log10(1 + 0.00437 * frequency_hz)


def hz_from_erb_number(number: float) -> float:
    """Inverse of `erb_number`."""
    return float((10 ** (number / 21.4) - 1) / 0.00437)


STEP = (erb_number(HIGHEST_HZ) - erb_number(LOWEST_HZ)) / BAND_COUNT
"""Width of a band in Cams."""

EDGE_HZ = tuple(hz_from_erb_number(erb_number(LOWEST_HZ) + STEP * i) for i in range(BAND_COUNT + 1))
CENTRE_HZ = tuple(hz_from_erb_number(erb_number(LOWEST_HZ) + STEP * (i + 0.5)) for i in range(BAND_COUNT))
