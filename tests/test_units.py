"""The conversions everyone shares: exact where they can be, and each other's inverse."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemmix.units import (
    SILENCE_DB,
    db_from_gain,
    db_from_power,
    gain_from_db,
    samples_from_seconds,
    seconds_from_clock,
    seconds_from_samples,
)

RATES_HZ = (32_000, 44_100, 48_000, 96_000, 192_000)


@given(st.floats(-190, 190))
def test_level_survives_the_way_to_a_gain_and_back(level_db: float) -> None:
    assert db_from_gain(gain_from_db(level_db)) == pytest.approx(level_db, abs=1e-9)


@given(st.floats(-90, 90))
def test_power_is_the_square_of_the_gain(level_db: float) -> None:
    assert db_from_power(gain_from_db(level_db) ** 2) == pytest.approx(level_db, abs=1e-9)


@pytest.mark.parametrize("nothing", [0.0, -0.0, 1e-300])
def test_silence_has_a_level_that_is_a_number(nothing: float) -> None:
    assert db_from_gain(nothing) == db_from_power(nothing) == SILENCE_DB


def test_levels_never_fall_as_the_gain_rises() -> None:
    levels = [db_from_gain(10.0**exponent) for exponent in range(-12, 4)]
    assert levels == sorted(levels)
    assert levels[0] == SILENCE_DB


@given(st.integers(0, 86_400 * 192_000), st.sampled_from(RATES_HZ))
def test_a_sample_survives_the_way_to_seconds_and_back(samples: int, rate_hz: int) -> None:
    """Microseconds, as documents write them, are finer than half a sample at any rate a project takes."""
    assert samples_from_seconds(seconds_from_samples(samples, rate_hz), rate_hz) == samples


@given(st.integers(0, 10**8), st.integers(0, 5), st.sampled_from(RATES_HZ))
def test_a_decimal_time_is_taken_to_the_nearest_sample(digits: int, places: int, rate_hz: int) -> None:
    """As the exact fraction would be: 0.1 s at 44.1 kHz is 4410, not 4409 or 4411 by binary rounding."""
    exact = Fraction(digits, 10**places) * rate_hz
    seconds = float(Fraction(digits, 10**places))
    assert abs(samples_from_seconds(seconds, rate_hz) - exact) <= Fraction(1, 2)


def test_a_time_between_two_samples_goes_to_the_even_one() -> None:
    assert [samples_from_seconds(count / 2 / 32_000, 32_000) for count in (1, 3, 5)] == [0, 2, 2]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("83.5", 83.5),
        ("600", 600.0),
        ("1:23.5", 83.5),
        ("0:00.04", 0.04),
        ("99:59", 5999.0),
        ("0:01:23.5", 83.5),
        ("2:00:00", 7200.0),
        ("100:00:00", 360_000.0),
        (" 1:23 ", 83.0),
    ],
)
def test_a_time_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert seconds_from_clock(text) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize(
    "text",
    ["", "now", "-1", "1:60", "1:60:00", "0:01:60", "1:2:3:4", "1:", ":30", "1.5:30", "1e3", "inf", "nan", "1,5", "٣"],
)
def test_what_is_no_time_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time: expected seconds, M:SS\.s or H:MM:SS\.s"):
        seconds_from_clock(text)


@given(st.integers(0, 864_000))
def test_the_clock_of_a_report_is_read_again(tenths: int) -> None:
    """What `report` prints can be typed after `why`."""
    from stemmix.report.tables import clock

    assert seconds_from_clock(clock(tenths * 4800, 48_000)) == pytest.approx(tenths / 10, abs=1e-6)
