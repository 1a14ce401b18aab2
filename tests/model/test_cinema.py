"""Replay levels are those that the delivery specifications have, for every layout that a cinema's standard knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stemmix.model.cinema import REPLAY_DB_SPL, replay_db_spl
from stemmix.model.layouts import LAYOUTS, LOUDNESS_WEIGHT

SPECS = Path(__file__).resolve().parents[3] / "shared" / "standards" / "delivery_specs.json"


def test_levels_stand_in_the_order_of_the_channels() -> None:
    assert replay_db_spl(LAYOUTS["5.1"]) == (85.0, 85.0, 85.0, 95.0, 82.0, 82.0)
    assert replay_db_spl(LAYOUTS["2.0"]) == (85.0, 85.0)


def test_only_heights_have_no_level() -> None:
    assert {label for label in LOUDNESS_WEIGHT if label not in REPLAY_DB_SPL} == {"Ltf", "Rtf", "Ltr", "Rtr"}
    assert replay_db_spl(LAYOUTS["7.1.4"]) is None
    assert replay_db_spl(LAYOUTS["7.1"]) is not None


def test_levels_are_those_of_the_shared_specifications() -> None:
    if not SPECS.exists():
        pytest.skip("no shared folder beside the repository")
    presets = {preset["id"]: preset for preset in json.loads(SPECS.read_text("utf-8"))["presets"]}
    given = presets["cinema_trailer_tasa"]["calibration_db_spl"]
    levels = {label: level for label, level in given.items() if label != "reference"}
    assert levels
    assert {label: REPLAY_DB_SPL[label] for label in levels} == levels
