"""`model.timecode`: every frame has one code and every code one frame, at every rate; times become samples exactly."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import opentimelineio.opentime as others
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from stemmix.model.timecode import (
    DROPPED_A_MINUTE,
    FRAME_RATES,
    TIME_PATTERN,
    Clock,
    Time,
    counted_a_second,
    frames_a_day,
    frames_from_timecode,
    is_drop_frame,
    samples_from_frames,
    timecode_from_frames,
)

RATES = sorted(FRAME_RATES)
SAMPLE_RATES = (32_000, 44_100, 48_000, 96_000, 192_000)


def code_of_others(frame: int, rate: str) -> str:
    """By opentimelineio; at rates that it does not know by name, a count of so many to the second is the same."""
    fps = float(FRAME_RATES[rate]) if is_drop_frame(rate) else float(counted_a_second(rate))
    return str(others.to_timecode(others.RationalTime(frame, fps), fps, is_drop_frame(rate)))


def agree(frame: int, rate: str) -> None:
    code = timecode_from_frames(frame, rate)
    assert code == code_of_others(frame, rate)
    assert frames_from_timecode(code, rate) == frame


@pytest.mark.parametrize("rate", RATES)
def test_a_sample_of_all_frames_of_a_day_goes_there_and_back(rate: str) -> None:
    """Every 977th frame, and the neighbourhood of every tenth minute, where drop-frame is at its trickiest."""
    ten_minutes = 600 * counted_a_second(rate) - 9 * DROPPED_A_MINUTE.get(rate, 0)
    offsets = (0, 1, 1799, 1800, 1801, 3599)
    near = (start + off for start in range(0, frames_a_day(rate), ten_minutes) for off in offsets)
    for frame in {*range(0, frames_a_day(rate), 977), *near, frames_a_day(rate) - 1}:
        agree(frame, rate)


@pytest.mark.long
@pytest.mark.parametrize("rate", RATES)
def test_every_frame_of_a_day_goes_there_and_back(rate: str) -> None:
    for frame in range(frames_a_day(rate)):
        agree(frame, rate)


@pytest.mark.parametrize("rate", RATES)
def test_a_day_of_codes_is_as_many_frames(rate: str) -> None:
    """By counting the codes that there are, not by the formula that is tested."""
    dropped = DROPPED_A_MINUTE.get(rate, 0)
    codes = sum(counted_a_second(rate) * 60 - (dropped if minute % 10 else 0) for minute in range(24 * 60))
    assert frames_a_day(rate) == codes
    assert timecode_from_frames(codes, rate) == timecode_from_frames(0, rate)
    if dropped:
        off_s = codes / FRAME_RATES[rate] - 86_400
        assert abs(off_s) < Fraction(1, 10), "drop-frame keeps to the clock within a tenth of a second a day"


@pytest.mark.parametrize(("rate", "dropped"), [("29.97df", range(2)), ("59.94df", range(4))])
def test_codes_that_drop_frame_leaves_out_are_refused(rate: str, dropped: range) -> None:
    for minute in range(60):
        for frame in dropped:
            text = f"13:{minute:02}:00;{frame:02}"
            if minute % 10:
                with pytest.raises(ValueError, match=f"{text}.* is a timecode that {rate} skips"):
                    frames_from_timecode(text, rate)
            else:
                assert timecode_from_frames(frames_from_timecode(text, rate), rate) == text
        assert frames_from_timecode(f"13:{minute:02}:00;{dropped.stop:02}", rate)


@pytest.mark.parametrize(
    ("text", "rate", "said"),
    [
        ("00:00:00:25", "25", "has no frame 25: at 25 frames a second they are 00 to 24"),
        ("00:00:00:30", "29.97", "has no frame 30"),
        ("00:60:00:00", "25", "is not a timecode: expected HH:MM:SS:FF"),
        ("00:00:60;00", "29.97df", "is not a timecode: expected HH:MM:SS;FF"),
        ("24:00:00:00", "25", "is past 24 hours"),
        ("1:2:3:4", "25", "is not a timecode"),
        ("00:00:00", "25", "is not a timecode"),
        ("00:00:00:-1", "25", "is not a timecode"),
        ("٠٠:00:00:00", "25", "is not a timecode"),
        ("01:00:00;00", "25", "at 25 frames are counted non-drop-frame, HH:MM:SS:FF$"),
        ("01:00:00;00", "29.97", "counted non-drop-frame, HH:MM:SS:FF; or the rate is 29.97df"),
        ("01:00:00:00", "59.94df", "counted drop-frame, HH:MM:SS;FF"),
    ],
)
def test_what_is_no_code_at_a_rate_is_refused_with_what_is(text: str, rate: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        frames_from_timecode(text, rate)


@pytest.mark.parametrize("rate_hz", SAMPLE_RATES)
@pytest.mark.parametrize("rate", RATES)
@given(data=st.data())
def test_a_frame_begins_at_its_sample_and_the_sample_tells_its_frame(
    rate: str, rate_hz: int, data: st.DataObject
) -> None:
    frame = data.draw(st.integers(0, frames_a_day(rate) - 1))
    sample = samples_from_frames(frame, rate, rate_hz)
    assert abs(sample - frame / FRAME_RATES[rate] * rate_hz) <= Fraction(1, 2)
    clock = Clock(rate_hz, rate)
    code = timecode_from_frames(frame, rate)
    assert clock.position(code) == sample
    assert clock.told(sample) == code
    assert clock.told(sample - 1) == timecode_from_frames(frame - 1, rate), "the sample before is the frame before"


@pytest.mark.parametrize("rate_hz", [32_000, 48_000, 192_000])
@pytest.mark.parametrize("rate", ["25", "29.97", "29.97df", "59.94df"])
@given(data=st.data())
def test_after_midnight_too_the_sample_of_a_timecode_tells_it(rate: str, rate_hz: int, data: st.DataObject) -> None:
    """Though a day of drop-frame timecode is no whole number of samples."""
    day = frames_a_day(rate)
    start = data.draw(st.integers(day // 2 + 1, day - 1))
    clock = Clock(rate_hz, rate, timecode_from_frames(start, rate))
    code = timecode_from_frames(data.draw(st.integers(0, start - day // 2 - 1)), rate)
    assert clock.told(clock.position(code)) == code


@pytest.mark.parametrize("rate", RATES)
@given(data=st.data())
def test_timecode_counts_from_the_programmes_start_even_over_midnight(rate: str, data: st.DataObject) -> None:
    day = frames_a_day(rate)
    start = data.draw(st.integers(0, day - 1))
    later = data.draw(st.integers(0, day // 2 - 2))
    clock = Clock(48_000, rate, timecode_from_frames(start, rate))
    found = clock.position(timecode_from_frames(start + later, rate))
    assert abs(found - later / FRAME_RATES[rate] * 48_000) <= 1
    assert clock.position(0.5) == 24_000, "seconds count from the programme's beginning"


def test_frames_are_counted_on_after_midnight_at_any_rate_that_is_asked_for() -> None:
    clock = Clock(48_000, "25", "23:59:59:24")
    assert [clock.frame(sample, "25") for sample in (0, 1919, 1920)] == [2_159_999, 2_159_999, 2_160_000]
    assert Clock(48_000, start=10.0).frame(2 * 48_000, "24") == 288


def test_a_time_of_day_is_of_the_next_day_up_to_half_a_day_later() -> None:
    half = 12 * 3600 * 48_000
    for frame_rate in (None, "25"):
        clock = Clock(48_000, frame_rate, start="18:00:00" if frame_rate is None else "18:00:00:00")
        assert clock.since_start(clock.start_samples - half) == half
        assert clock.since_start(clock.start_samples - half + 1) == 1 - half
        assert clock.since_start(clock.start_samples - 1) == -1
    assert Clock(48_000).since_start(0) == 0


def test_a_day_of_a_file_is_counted_at_its_own_rate() -> None:
    samples = f"{25 * 3600 * 44_100} samples"
    assert Clock(48_000).length(samples) == 25 * 3600 * 44_100, "22.97 hours at the programme's rate"
    with pytest.raises(ValueError, match="is past 24 hours"):
        Clock(44_100).length(samples)


def test_a_timecode_before_the_start_is_refused_with_the_start() -> None:
    with pytest.raises(ValueError, match=r"'00:59:59:24' lies before the programme's start, 01:00:00:00"):
        Clock(48_000, "25", "01:00:00:00").position("00:59:59:24")


@pytest.mark.parametrize(
    ("time", "samples"),
    [
        (1.5, 72_000),
        (0.1, 4_800),
        ("0:00:01.5", 72_000),
        ("1:01.25", 61 * 48_000 + 12_000),
        ("48001 samples", 48_001),
        ("1 sample", 1),
        ("10:00:00:01", 1_920),
    ],
)
def test_times_are_samples_however_they_are_written(time: str | float, samples: int) -> None:
    assert Clock(48_000, "25", "10:00:00:00").position(time) == samples


def test_a_length_in_timecode_counts_frames_from_nought() -> None:
    clock = Clock(48_000, "29.97", "10:00:00:00")
    assert clock.length("00:00:00:10") == 16_016
    assert Clock(44_100).length("100 samples") == 100
    assert Clock(44_100).length(0.5) == 22_050


def test_a_timecode_wants_a_frame_rate() -> None:
    with pytest.raises(ValueError, match="is a timecode, which needs a frame_rate beside it"):
        Clock(48_000).position("00:00:01:00")


def test_without_frames_times_are_told_on_the_clock() -> None:
    assert Clock(48_000).told(83 * 48_000 + 24_000) == "0:01:23.5"


TIME: TypeAdapter[str | float] = TypeAdapter(Time)


@pytest.mark.parametrize("time", [0, 1, 2.5, 86_400, "1:23.5", "00:00:01:00", "01:00:00;02", "5 samples"])
def test_a_time_is_kept_as_it_was_typed(time: str | float) -> None:
    kept = TIME.validate_python(time)
    assert kept == time
    assert type(kept) is (str if isinstance(time, str) else float)


@pytest.mark.parametrize(
    "time", ["", "soon", "83.5", "1:60", "-1", "1e3", "5 frames", None, True, [], -0.5, 86_401, math.nan]
)
def test_what_is_no_time_is_refused_with_the_ways_to_write_one(time: object) -> None:
    with pytest.raises(ValidationError, match=r"expected (a time: seconds|seconds|0 to 86400)"):
        TIME.validate_python(time)


@given(
    st.text("01569:;.", min_size=1, max_size=11)
    | st.from_regex(r"[0-9]{1,3}:[0-9]{1,3}(:[0-9]{1,3})?(\.[0-9])?|[0-9]{1,6} ?[sS]amples?", fullmatch=True)
)
@example(" 5 samples ")
@example("61:00")
@example("1:61:00")
@example("0:75")
@example("00:00:60:00")
def test_an_editor_takes_the_times_that_are_read(time: str) -> None:
    """But for what a pattern cannot know: how many frames a rate has, and how long a day is."""
    try:
        Clock(48_000, "59.94df" if ";" in time else "60").length(TIME.validate_python(time))
        read = True
    except ValueError as fault:
        read = "is past 24 hours" in str(fault) or "frame" in str(fault)
    assert bool(re.search(TIME_PATTERN, time)) is read
