"""`analysis.voice`: what rises unevenly over its room stands out; a room that swings as a whole does not."""

from __future__ import annotations

import numpy as np
import pytest

from stemmix.analysis.voice import FIRST_BAND, FLOOR_TENTHS, GROUPS, NOTHING_DB, STEP_DB, VoiceBands, stands_out
from stemmix.bands import BAND_COUNT, CENTRE_HZ

TENTHS = 2 * FLOOR_TENTHS


def codes_of(level_db: np.ndarray) -> np.ndarray:
    """(n, GROUPS) levels -> codes."""
    return np.clip(np.rint((level_db - NOTHING_DB) / STEP_DB), 0, 255).astype(np.uint8)


def room(swing_db: float = 0.0, level_db: float = -60.0) -> np.ndarray:
    """(TENTHS, GROUPS) of a falling spectrum that swings by +-swing_db every 1.7 s."""
    swing = swing_db * np.sin(2 * np.pi * np.arange(TENTHS) / 17)
    return level_db - 1.5 * np.arange(GROUPS) + swing[:, None]


def test_the_bands_are_those_of_a_voice() -> None:
    assert CENTRE_HZ[FIRST_BAND - 1] <= 300 < CENTRE_HZ[FIRST_BAND]
    assert 4000 < CENTRE_HZ[FIRST_BAND + 2 * GROUPS - 1] < 5000


@pytest.mark.parametrize("swing_db", [0.0, 1.0, 2.5, 3.5])
def test_a_room_that_swings_as_a_whole_does_not_stand_out(swing_db: float) -> None:
    assert not stands_out(codes_of(room(swing_db))).any()


@pytest.mark.parametrize("swing_db", [0.0, 2.5])
def test_a_few_bands_that_rise_stand_out_when_they_do(swing_db: float) -> None:
    level_db = room(swing_db)
    level_db[100:110, 2:5] += 9.0
    (found,) = np.nonzero(stands_out(codes_of(level_db)))
    assert set(range(100, 110)) <= set(found) <= set(range(99, 111)), "300 ms see a tenth more at either end"


@pytest.mark.parametrize(("rise_db", "stands"), [(6.0, False), (11.0, True)])
def test_a_rise_of_all_bands_alike_stands_out_where_no_room_swings_so_far(rise_db: float, stands: bool) -> None:
    level_db = room()
    level_db[100:110] += rise_db
    assert stands_out(codes_of(level_db))[105] == stands


def test_what_stands_out_does_not_depend_on_the_level_of_the_whole() -> None:
    level_db = room()
    level_db[100:110, 2:5] += 9.0
    assert stands_out(codes_of(level_db)).any()
    assert np.array_equal(stands_out(codes_of(level_db + 30.0)), stands_out(codes_of(level_db)))


def test_a_sound_between_silences_in_which_nothing_changes_stands_out_a_room_without_silence_does_not() -> None:
    """The former may be a line; of the latter there is enough to know it by."""
    level_db = np.full((TENTHS, GROUPS), -200.0)
    level_db[40:60] = -50.0
    assert np.array_equal(np.flatnonzero(stands_out(codes_of(level_db))), np.arange(40, 60))
    assert not stands_out(codes_of(np.full((TENTHS, GROUPS), -50.0))).any()
    assert not stands_out(codes_of(np.full((TENTHS, GROUPS), -200.0))).any()


def test_levels_are_means_of_five_frames_and_the_last_of_what_is_left() -> None:
    power = np.full((7, BAND_COUNT), 0.5e-4)
    power[5:] = 0.5e-6
    bands = VoiceBands()
    bands.take(power)
    level_db = NOTHING_DB + STEP_DB * bands.codes()
    assert level_db == pytest.approx(np.repeat([[-40.0], [-60.0]], GROUPS, axis=1), abs=STEP_DB / 2)


def test_codes_are_the_same_however_frames_arrive() -> None:
    power = np.random.default_rng(1).exponential(1e-4, (333, BAND_COUNT))

    def cut(size: int) -> np.ndarray:
        bands = VoiceBands()
        for begin in range(0, len(power), size):
            bands.take(power[begin : begin + size])
            bands.take(power[:0])
        return bands.codes()

    whole = cut(len(power))
    assert whole.shape == (67, GROUPS)
    assert whole.any()
    for size in (1, 4, 64):
        assert np.array_equal(cut(size), whole)
    assert VoiceBands().codes().shape == (0, GROUPS)
