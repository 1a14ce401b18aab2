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
