"""Timecode and the other ways to write a time, exact: frames are whole numbers, rates are fractions (SMPTE ST 12-1).

A document's times are written as people have them, and become samples here and nowhere else:

- a number, `83.5`: seconds from the programme's beginning;
- a clock, `"1:23.5"` or `"0:01:23.5"`: the same;
- samples, `"4008000 samples"`: the same, at the programme's rate;
- a timecode, `"03:01:23:12"`, or `"03:01:23;12"` at a drop-frame rate: the picture's, on which the programme has a
  `start`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

from pydantic import PlainValidator, WithJsonSchema

from stemmix.model.document import broken_rule
from stemmix.units import in_digits, samples_from_seconds, seconds_from_clock

FrameRate = Literal["23.976", "24", "25", "29.97", "29.97df", "30", "50", "59.94", "59.94df", "60"]

FRAME_RATES: Final[dict[str, Fraction]] = {
    "23.976": Fraction(24_000, 1001),
    "24": Fraction(24),
    "25": Fraction(25),
    "29.97": Fraction(30_000, 1001),
    "29.97df": Fraction(30_000, 1001),
    "30": Fraction(30),
    "50": Fraction(50),
    "59.94": Fraction(60_000, 1001),
    "59.94df": Fraction(60_000, 1001),
    "60": Fraction(60),
}
"""Frames a second, by the names that people give them; `df` counts drop-frame."""

DROPPED_A_MINUTE: Final = {"29.97df": 2, "59.94df": 4}
"""Codes that are left out at the beginning of every minute but each tenth, so that they keep to the clock."""

DAY_S: Final = 86_400

_TIMECODE = re.compile(r"(\d\d?):(\d\d):(\d\d)([:;])(\d\d)", re.ASCII)
_SAMPLES = re.compile(r"(\d{1,15}) samples?", re.ASCII)

WAYS: Final = "seconds, H:MM:SS.s, a timecode HH:MM:SS:FF, or 'N samples'"
"""How a time may be written."""


def is_drop_frame(rate: str) -> bool:
    """Whether a rate, by its name, counts drop-frame."""
    return rate in DROPPED_A_MINUTE


def counted_a_second(rate: str) -> int:
    """Frames that are counted to a second: 30 at 29.97, whose second of timecode takes 1.001 s.

    >>> counted_a_second("29.97"), counted_a_second("25")
    (30, 25)
    """
    return math.ceil(FRAME_RATES[rate])


def frames_a_day(rate: str) -> int:
    """As many codes as there are before they begin again.

    >>> frames_a_day("25"), frames_a_day("29.97"), frames_a_day("29.97df")
    (2160000, 2592000, 2589408)
    """
    return counted_a_second(rate) * DAY_S - DROPPED_A_MINUTE.get(rate, 0) * (24 * 60 - 24 * 6)


def frames_from_timecode(text: str, rate: str) -> int:
    """The number of a frame, from 0 at 00:00:00:00, by its code. ValueError, one sentence, for what is no code.

    Codes that drop-frame leaves out are no codes; at a drop-frame rate the last sign before the frames is `;`, else
    `:` (SMPTE ST 12-1, section 5.2.2).

    >>> frames_from_timecode("01:00:00:12", "25")
    90012
    >>> frames_from_timecode("00:01:00;02", "29.97df")
    1800
    """
    found = _TIMECODE.fullmatch(text.strip())
    drop = is_drop_frame(rate)
    if found is None or int(found[2]) >= 60 or int(found[3]) >= 60:
        raise ValueError(f"{text!r} is not a timecode: expected HH:MM:SS{';' if drop else ':'}FF")
    hours, minutes, seconds, frame = int(found[1]), int(found[2]), int(found[3]), int(found[5])
    if hours >= 24:
        raise ValueError(f"{text!r} is past 24 hours")
    if (found[4] == ";") is not drop:
        counts = f"frames are counted {'' if drop else 'non-'}drop-frame, HH:MM:SS{';' if drop else ':'}FF"
        other = f"; or the rate is {rate}df" if not drop and f"{rate}df" in FRAME_RATES else ""
        raise ValueError(f"{text!r}: at {rate} {counts}{other}")
    counted = counted_a_second(rate)
    if frame >= counted:
        raise ValueError(f"{text!r} has no frame {frame}: at {rate} frames a second they are 00 to {counted - 1}")
    minute = 60 * hours + minutes
    dropped = DROPPED_A_MINUTE.get(rate, 0)
    if dropped and minute % 10 and not seconds and frame < dropped:
        raise ValueError(f"{text!r} is a timecode that {rate} skips: minute {minutes:02} begins at frame {dropped:02}")
    return (60 * minute + seconds) * counted + frame - dropped * (minute - minute // 10)


def timecode_from_frames(frame: int, rate: str) -> str:
    """The code of a frame; after 24 hours they begin again.

    >>> timecode_from_frames(1800, "29.97df"), timecode_from_frames(-1, "25")
    ('00:01:00;02', '23:59:59:24')
    """
    counted, dropped = counted_a_second(rate), DROPPED_A_MINUTE.get(rate, 0)
    frame %= frames_a_day(rate)
    if dropped:
        tens, rest = divmod(frame, 600 * counted - 9 * dropped)
        # all minutes of ten but the first are short by what is dropped
        short = max((rest - dropped) // (60 * counted - dropped), 0)
        frame += dropped * (9 * tens + short)
    seconds, frame = divmod(frame, counted)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{';' if dropped else ':'}{frame:02}"


def samples_from_frames(frames: int, rate: str, rate_hz: int) -> int:
    """The sample nearest to where a frame begins, half to even; exact, however many hours in.

    >>> samples_from_frames(5, "29.97", 48_000)
    8008
    """
    return round(frames / FRAME_RATES[rate] * rate_hz)


def has_frames(text: str) -> bool:
    """Whether a time is written as a timecode.

    >>> has_frames("0:01:23.5"), has_frames("00:01:23:12"), has_frames("00:01:23;12")
    (False, True, True)
    """
    return ";" in text or text.count(":") == 3


@dataclass(frozen=True)
class Clock:
    """What turns a document's times into samples: exact, and a ValueError of one sentence where that cannot be."""

    rate_hz: int
    """Samples a second of the programme."""
    frame_rate: str | None = None
    """Of the picture, by the names of `FRAME_RATES`."""
    start: str | float | None = None
    """The first sample's own time: a timecode, or time since midnight."""

    @property
    def start_samples(self) -> int:
        """The first sample's place, in samples since midnight."""
        return 0 if self.start is None else self.length(self.start)

    def position(self, time: str | float) -> int:
        """The sample of the programme that a time means."""
        if not isinstance(time, str) or not has_frames(time):
            return self.length(time)
        at = self.since_start(self.length(time))
        if at < 0:
            raise ValueError(f"{time!r} lies before the programme's start, {self.told_start}")
        return at

    def since_start(self, time_of_day: int) -> int:
        """Where a time of day lies, in samples since midnight and since the start; before it where it is negative."""
        return self.since(self.start_samples, time_of_day)

    def since(self, begin: int, time_of_day: int) -> int:
        """How many samples one time of day lies after another, both in samples since midnight.

        A day goes on from 00:00:00:00 where a night is shot through; what is half a day earlier or less is before.
        """
        day = self._day
        at = time_of_day % day - begin
        return at + day if at + day <= day // 2 else at

    @property
    def _day(self) -> int:
        """Samples from one 00:00:00:00 to the next."""
        if self.frame_rate is None:
            return DAY_S * self.rate_hz
        return samples_from_frames(frames_a_day(self.frame_rate), self.frame_rate, self.rate_hz)

    def of_file(self, rate_hz: int, pull: Fraction) -> Clock:
        """What a file at `rate_hz` counts its own times by that is played at `pull` times its speed.

        When it was recorded, frames went by as much slower, under the same timecodes: those of 24 frames a second at
        23.976. Its `frame_rate` is None where none of `FRAME_RATES` is as fast as that.

        >>> Clock(48_000, "25", "10:00:00:00").of_file(44_100, Fraction(25, 24))
        Clock(rate_hz=44100, frame_rate='24', start='10:00:00:00')
        >>> Clock(48_000, start="96000 samples").of_file(44_100, Fraction(1))
        Clock(rate_hz=44100, frame_rate=None, start=2.0)
        """
        start_s = Fraction(self.start_samples, self.rate_hz)
        if pull == 1:
            counted = isinstance(self.start, str) and _SAMPLES.fullmatch(self.start.strip())
            return replace(self, rate_hz=rate_hz, start=float(start_s) if counted else self.start)
        of_picture = self.frame_rate
        own = next(
            (
                rate
                for rate, frames_a_second in FRAME_RATES.items()
                if of_picture is not None
                and is_drop_frame(rate) is is_drop_frame(of_picture)
                and frames_a_second * pull == FRAME_RATES[of_picture]
            ),
            None,
        )
        clock = Clock(rate_hz, own, self.start)
        try:
            if isinstance(self.start, str) and has_frames(self.start):
                clock.length(self.start)
                return clock
        except ValueError:  # a code that only the faster of the two has
            pass
        return replace(clock, start=float(start_s * pull))

    def length(self, time: str | float) -> int:
        """How many samples a time counts from nought: of a timecode, its frames."""
        if not isinstance(time, str):
            return samples_from_seconds(time, self.rate_hz)
        if not has_frames(time):
            counted = _SAMPLES.fullmatch(time.strip())
            samples = int(counted[1]) if counted else samples_from_seconds(seconds_from_clock(time), self.rate_hz)
            if samples > DAY_S * self.rate_hz:
                raise ValueError(f"{time!r} is past 24 hours")
            return samples
        rate = self._rate(time)
        return samples_from_frames(frames_from_timecode(time, rate), rate, self.rate_hz)

    def _rate(self, time: str) -> str:
        if self.frame_rate is None:
            raise ValueError(f"{time!r} is a timecode, which needs a frame_rate beside it")
        return self.frame_rate

    @property
    def told_start(self) -> str:
        """The programme's start, for people."""
        return self.told_at(Fraction(self.start_samples, self.rate_hz))

    def told_at(self, since_midnight_s: Fraction) -> str:
        """A time of day for people."""
        if self.frame_rate is None:
            return _on_the_clock(since_midnight_s)
        return self.told(round(since_midnight_s * self.rate_hz) - self.start_samples)

    def told(self, sample: int) -> str:
        """A sample of the programme for people: the timecode of its frame, or H:MM:SS.s where frames are not known."""
        if self.frame_rate is None:
            return _on_the_clock(Fraction(sample, self.rate_hz))
        return timecode_from_frames(self.frame(sample, self.frame_rate), self.frame_rate)

    def frame(self, sample: int, rate: str) -> int:
        """The frame of the picture, counted at `rate` from 0 at 00:00:00:00, that a sample of the programme lies in.

        It goes on counting after 24 hours.
        """
        days, place = 0, self.start_samples + sample
        if rate == self.frame_rate:  # each day begins on a sample, as in `since`, which frames of 29.97 do not
            days, place = divmod(place, self._day)
        frame = place * FRAME_RATES[rate] // self.rate_hz
        # where frames begin between two samples, the nearest sample may lie just before its frame
        return days * frames_a_day(rate) + frame + (samples_from_frames(frame + 1, rate, self.rate_hz) <= place)


def sample_meant(clock: Clock, time: str, frame_rate: str | None = None) -> int:
    """The sample that a person means who types a time: seconds, H:MM:SS.s, samples, or a timecode of the picture.

    `frame_rate` stands for the clock's, for its start as well; where neither is given, 25. ValueError, one sentence,
    where the time is none.

    >>> sample_meant(Clock(48_000), "0:01.5"), sample_meant(Clock(48_000, "25", "01:00:00:00"), "01:00:01:00")
    (72000, 48000)
    """
    if frame_rate is None:
        clock = clock if clock.frame_rate is not None else replace(clock, frame_rate="25")
    elif not has_frames(time):
        raise ValueError(f"{time} has no frames to count: write a timecode, HH:MM:SS:FF")
    elif frame_rate != clock.frame_rate:
        clock = replace(clock, frame_rate=frame_rate)
    if has_frames(time) or "sample" in time:
        return clock.position(time)
    # between two samples is after the first of them: the last instant of a programme still lies in it
    return replace(clock, rate_hz=1000 * clock.rate_hz).position(time) // 1000


def _on_the_clock(seconds: Fraction) -> str:
    tenths = round(10 * seconds)
    return f"{tenths // 36000}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"


Place = tuple[str | int, ...]
"""The way to a value in a document: keys and indices."""


Typed = tuple[str | float | None, Place]
"""A time, if it is given, and where it stands."""


def broken_time(clock: Clock, lengths: Iterable[Typed], places: Iterable[Typed]) -> tuple[str, Place] | None:
    """What is wrong with the first time that the clock cannot tell, and where it stands."""
    for times, counted in ((lengths, clock.length), (places, clock.position)):
        for time, place in times:
            if time is not None:
                try:
                    counted(time)
                except ValueError as fault:
                    return str(fault), place
    return None


def as_typed(time: str | float) -> str:
    """A time in a message, as it was written.

    >>> as_typed(83.5), as_typed("00:01:23:12")
    ('83.5 s', '00:01:23:12')
    """
    return time if isinstance(time, str) else f"{in_digits(time)} s"


def _time(value: Any) -> str | float:
    """A time as it is typed; whether a timecode fits the frame rate is for the project to say."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise broken_rule(f"expected a time: {WAYS}")
    if not isinstance(value, str):
        if not 0 <= value <= DAY_S:
            raise broken_rule(
                f"{min(max(value, -1e300), 1e300):g} s is not a time in a programme; expected 0 to {DAY_S}"
            )
        return float(value)
    if has_frames(value) or _SAMPLES.fullmatch(value.strip()):
        return value
    try:
        if ":" not in value:  # a number is written without quotes
            raise ValueError
        seconds_from_clock(value)
    except ValueError:
        raise broken_rule(f"{value[:40]!r} is not a time: expected {WAYS}") from None
    return value


TIME_PATTERN: Final = (
    r"^(\s*[0-9]+ samples?\s*|[0-9]{1,2}:[0-5][0-9]:[0-5][0-9][:;][0-9]{2}|"
    r"([0-9]+:0*[0-5]?[0-9]|[0-9]+):0*[0-5]?[0-9](\.[0-9]+)?)$"
)
"""Of a time in quotes, for editors; by it a field that is a time is known in a JSON Schema."""

Time = Annotated[
    str | float,
    PlainValidator(_time),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": DAY_S},
                {"type": "string", "pattern": TIME_PATTERN},
            ]
        }
    ),
]
"""A place or a length of time as it is typed: a number of seconds, `"H:MM:SS.s"`, `"HH:MM:SS:FF"`, `"N samples"`."""
