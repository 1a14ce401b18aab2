"""Decibels and linear values, seconds and samples: the conversions everyone shares.

Names elsewhere carry these units: `_db _lufs _dbtp _hz _s _samples`; a bare `gain` is linear.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

POWER_FLOOR = 1e-20
"""Power below which a level reads as `SILENCE_DB`: far under 24-bit dither, far over denormal numbers."""

SILENCE_DB = -200.0


def gain_from_db(level_db: float) -> float:
    """Amplitude ratio of a level: 20 dB is 10.

    >>> gain_from_db(20.0)
    10.0
    """
    return float(10.0 ** (level_db / 20.0))


def db_from_gain(gain: float) -> float:
    """Level of an amplitude ratio, never under `SILENCE_DB`.

    >>> round(db_from_gain(0.5), 2)
    -6.02
    >>> db_from_gain(0.0)
    -200.0
    """
    return 20.0 * math.log10(gain) if gain > 1e-10 else SILENCE_DB


def db_from_power(power: float) -> float:
    """Level of a power ratio, never under `SILENCE_DB`.

    >>> round(db_from_power(0.5), 2)
    -3.01
    """
    return 10.0 * math.log10(power) if power > POWER_FLOOR else SILENCE_DB


_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", re.ASCII)


def seconds_from_clock(text: str) -> float:
    """Seconds of a time as people write it: `83.5`, `1:23.5` or `0:01:23.5`. ValueError for anything else.

    Only what stands first may be 60 or more.

    >>> seconds_from_clock("1:23.5")
    83.5
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is None or (found[1] and int(found[2]) >= 60) or (found[2] and float(found[3]) >= 60):
        raise ValueError(f"{text!r} is no time: expected seconds, M:SS.s or H:MM:SS.s")
    return 3600 * int(found[1] or 0) + 60 * int(found[2] or 0) + float(found[3])


FRAME_RATES = {
    "23.976": Fraction(24_000, 1001),
    "24": Fraction(24),
    "25": Fraction(25),
    "29.97": Fraction(30_000, 1001),
    "30": Fraction(30),
    "50": Fraction(50),
    "59.94": Fraction(60_000, 1001),
    "60": Fraction(60),
}
"""Frames a second, by the names that people give them."""

_TIMECODE = re.compile(r"(\d+):(\d\d):(\d\d)([:;])(\d\d)", re.ASCII)


def seconds_from_timecode(text: str, fps: str = "25") -> float:
    """Seconds of a frame, `HH:MM:SS:FF`, none dropped, at one of `FRAME_RATES`. ValueError for anything else.

    At 23.976, 29.97 and 59.94 whole numbers of frames are counted to the second, which then takes 1.001 s
    (SMPTE ST 12-1).

    >>> seconds_from_timecode("01:00:00:12")
    3600.48
    >>> seconds_from_timecode("01:00:00:12", "23.976")
    3604.1005
    """
    found = _TIMECODE.fullmatch(text.strip())
    if found is None or int(found[2]) >= 60 or int(found[3]) >= 60:
        raise ValueError(f"{text!r} is no timecode: expected HH:MM:SS:FF")
    if found[4] == ";":
        raise ValueError(f"{text!r} counts in drop-frame, which is not read yet: write HH:MM:SS:FF, or H:MM:SS.s")
    rate = FRAME_RATES[fps]
    counted, frame = math.ceil(rate), int(found[5])
    if frame >= counted:
        raise ValueError(f"{text!r} has no frame {frame}: at {fps} frames a second they are 00 to {counted - 1}")
    frames = ((60 * int(found[1]) + int(found[2])) * 60 + int(found[3])) * counted + frame
    return float(frames / rate)


def seconds_from_time(text: str, fps: str = "25") -> float:
    """Seconds of a time on the clock or of a timecode: of whichever has frames. ValueError for anything else."""
    return seconds_from_timecode(text, fps) if has_frames(text) else seconds_from_clock(text)


def has_frames(text: str) -> bool:
    """Whether a time is written as a timecode.

    >>> has_frames("0:01:23.5"), has_frames("00:01:23:12")
    (False, True)
    """
    return ";" in text or text.count(":") == 3


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
