"""`planning.outcome`: the figures of a plan, where they can be said beforehand."""

from __future__ import annotations

from typing import Any

import pytest

from stemmix.model.plan import Outcome
from tests.planning.scene_features import Told, bed, line, scene

LINES = Told("DX", "dialogue", (line(4.0, 6.0), line(12.0, 15.0)))
MUSIC = Told("MX", "music", (bed(0.0, 30.0, -50.0),))


def outcome(*stems: Told, **fields: Any) -> Outcome:
    found = scene(*(stems or (LINES, MUSIC)), seconds=30.0, **fields).decide().outcome
    assert found is not None
    return found


def pinned(start_s: float, end_s: float, action: dict[str, Any], **fields: Any) -> Outcome:
    """What one pinned move comes to, all else kept from moving."""
    pins = [{"stem": "MX", "from": start_s, "to": end_s, "action": action}]
    return outcome(pins=pins, goals={"clarity": 0.0}, **fields)


def test_nothing_done_is_nothing_lost() -> None:
    found = outcome(goals={"clarity": 0.0})
    assert (found.bed_loss_db, found.bed_sones_lost, found.damage_db, found.outside_db) == (0.0, 0.0, 0.0, 0.0)
    assert found.clarity_after == found.clarity_before
    assert found.lines == 2


def test_a_duck_through_every_line_is_told_as_deep_as_it_is() -> None:
    """6 dB of loss, (10^-0.6)^0.23 of the sones left, no damage to the timbre, nothing outside."""
    found = pinned(3.5, 15.5, {"kind": "duck", "gain_db": -6.0})
    assert found.bed_loss_db == pytest.approx(6.0, abs=0.01)
    assert found.bed_sones_lost == pytest.approx(1 - 10 ** (-0.6 * 0.23), abs=0.002)
    assert found.damage_db == 0.0
    assert 0 <= found.outside_db < 4.0


def test_a_duck_in_one_of_two_lines_counts_by_the_loudness_that_it_takes() -> None:
    """Of 5 s of lines 2 lose half their power."""
    found = pinned(3.5, 6.5, {"kind": "duck", "gain_db": -3.0103})
    assert found.bed_loss_db == pytest.approx(0.969, abs=0.01)


def test_what_is_done_away_from_lines_is_told_as_outside() -> None:
    """And costs nothing in the lines."""
    outside = pinned(20.0, 25.0, {"kind": "duck", "gain_db": -12.0})
    assert outside.outside_db > 0.5
    assert outside.bed_loss_db == 0.0
    within = pinned(12.0, 15.0, {"kind": "duck", "gain_db": -12.0})
    assert within.outside_db == 0.0
    assert within.bed_loss_db > 3.0


def test_damage_is_the_spread_of_the_change_over_bands() -> None:
    """Half of the bands 8 dB down: a standard deviation of 4 dB, the sides alike."""
    half = [-8.0 if band % 2 else 0.0 for band in range(36)]
    found = pinned(3.5, 15.5, {"kind": "unmask", "mid_db": half, "side_db": half})
    assert found.damage_db == pytest.approx(4.0, abs=0.1)


def test_lines_are_counted_against_the_goal() -> None:
    found = outcome()
    assert found.lines_unclear_before == 2
    assert found.lines_unclear_after == 0
    assert found.clarity_before < 0.5 <= found.clarity_after
    assert found.bed_loss_db > 0
    assert 0 < found.bed_sones_lost < 1
    assert found.outside_db == 0.0


def test_where_nobody_speaks_there_is_no_outcome() -> None:
    assert scene(MUSIC, Told("FX", "fx", (bed(0.0, 30.0),)), seconds=30.0).decide().outcome is None
    assert scene(LINES, Told("D2", "dialogue", (line(5.0, 7.0),)), seconds=30.0).decide().outcome is None
