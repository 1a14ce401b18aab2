"""Decibels and linear values, seconds and samples: the conversions everyone shares.

Names elsewhere carry these units: `_db _lufs _dbtp _hz _s _samples`; a bare `gain` is linear.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Decimal

POWER_FLOOR = 1e-20
"""Power below which a level reads as `SILENCE_DB`: far under 24-bit dither, far over denormal numbers."""

SILENCE_DB = -200.0

LOUDNESS_OFFSET_DB = -0.691
"""BS.1770-5 Annex 1 equation 2: makes a 997 Hz sine of 0 dBFS in one front channel read -3.01 LKFS."""

FULL_SCALE = 0.99996
"""From here on a sample is at full scale: the highest of 16 bits is 0.99997."""
CLIPPED_RUN = 3
"""As many equal samples at full scale are a clipped peak: a 16-bit peak that just reaches it has one, rarely two."""


def gain_from_db(level_db: float) -> float:
    """Amplitude ratio of a level: 20 dB is 10.

    >>> gain_from_db(20.0)
    10.0
    """
    return float(10.0 ** (level_db / 20.0))


def db_from_gain(gain: float) -> float:
    """Level of an amplitude ratio, never under `SILENCE_DB`; what is no number stays none.

    >>> round(db_from_gain(0.5), 2)
    -6.02
    >>> db_from_gain(0.0)
    -200.0
    """
    return SILENCE_DB if gain <= 1e-10 else 20.0 * math.log10(gain)


def db_from_power(power: float) -> float:
    """Level of a power ratio, never under `SILENCE_DB`; what is no number stays none.

    >>> round(db_from_power(0.5), 2)
    -3.01
    """
    return SILENCE_DB if power <= POWER_FLOOR else 10.0 * math.log10(power)


def in_digits(value: float, *, signed: bool = False) -> str:
    """A number with all the digits that it was typed with: two that differ never read alike.

    >>> in_digits(-2.0), in_digits(3600.12345), in_digits(1.5, signed=True), in_digits(-0.0)
    ('-2', '3600.12345', '+1.5', '0')
    """
    text = repr(value + 0.0).removesuffix(".0")
    return f"+{text}" if signed and value >= 0 else text


_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", re.ASCII)


def seconds_from_clock(text: str) -> float:
    """Seconds of a time as people write it: `83.5`, `1:23.5` or `0:01:23.5`. ValueError for anything else.

    Only what stands first may be 60 or more.

    >>> seconds_from_clock("1:23.5")
    83.5
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is None or (found[1] and int(found[2]) >= 60) or (found[2] and float(found[3]) >= 60):
        raise ValueError(f"{text!r} is not a time: expected seconds, M:SS.s or H:MM:SS.s")
    return 3600 * int(found[1] or 0) + 60 * int(found[2] or 0) + float(found[3])


def samples_from_seconds(seconds: float, rate_hz: int) -> int:
    """The sample nearest to a time, exact for any decimal that a person types (half to even).

    >>> samples_from_seconds(0.1, 44100)
    4410
    """
    return int((Decimal(repr(seconds)) * rate_hz).to_integral_value(ROUND_HALF_EVEN))


def seconds_from_samples(samples: int, rate_hz: int) -> float:
    """Seconds, rounded to microseconds as documents write them.

    >>> seconds_from_samples(1, 48000)
    2.1e-05
    """
    return round(samples / rate_hz, 6)
