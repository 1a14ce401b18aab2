"""The meter against EBU Tech 3341, EBU Tech 3342, tones after ITU-R BS.2217, and analytic values for 7.1 and 7.1.4.

A meter that passes is not proven compliant (Tech 3341 section 2.9); one that fails is proven not to be.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix.dsp.meters import LoudnessMeter, Meter
from stemmix.model.layouts import LAYOUTS
from tests.conformance.signals import RATE_HZ, synthesise

CASES = json.loads(Path(__file__).with_name("vectors.json").read_text())["cases"]

BLOCK = 4801  # off the grid of every window


def test_all_112_cases_are_here() -> None:
    assert Counter(case["group"] for case in CASES) == {"3341": 60, "3342": 4, "align": 1, "bs2217": 26, "own": 21}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(case: Mapping[str, Any]) -> None:
    layout = LAYOUTS[case["layout"]]
    signal = synthesise(case, layout.labels)
    meter = Meter(RATE_HZ, layout.weights)
    for begin in range(0, len(signal), BLOCK):
        meter.process(signal[begin : begin + BLOCK])
    reading, loudness = meter.read(), meter.loudness.read()
    assert case["expect"]
    for expect in case["expect"]:
        measure, value = expect["measure"], expect["value"]
        below, above = expect.get("tolerance", (0.0, 0.0))
        if measure in ("M", "S"):
            # constant once the window is full, or after the first second (3341-12) or three (3341-9): on all phases of
            # the hop, so the signal is heard again from 10 ms, 20 ms ... on
            assert len(loudness.momentary_lufs if measure == "M" else loudness.short_term_lufs) > 0
            for late in range(0, RATE_HZ // 10, RATE_HZ // 100):
                shifted = LoudnessMeter(RATE_HZ, layout.weights)
                shifted.process(signal[late:])
                read = shifted.read()
                curve = read.momentary_lufs[6:] if measure == "M" else read.short_term_lufs
                assert value - below <= curve.min() <= curve.max() <= value + above
        elif measure in ("M_max_running", "S_max_running"):
            for at_s, running in zip(*value, strict=True):
                so_far = LoudnessMeter(RATE_HZ, layout.weights)
                so_far.process(signal[: round(at_s * RATE_HZ)])
                read = so_far.read()
                highest = read.momentary_max_lufs if measure[0] == "M" else read.short_term_max_lufs
                assert highest == pytest.approx(running, abs=below)
        else:
            field = {
                "I": "integrated_lufs",
                "M_max": "momentary_max_lufs",
                "S_max": "short_term_max_lufs",
                "LRA": "lra_lu",
                "TP_max": "true_peak_dbtp",
            }[measure]
            read = getattr(reading, field)
            if value is None:
                assert read is None
                assert reading.reasons[field]
            else:
                assert value - below <= read <= value + above


def test_a_constant_momentary_is_no_accident() -> None:
    """3341-12 with its period stretched by a tenth is not constant: the rule above can fail."""
    case = next(case for case in CASES if case["id"] == "3341-12")
    longer = {**case, "tones": [[seconds * 1.1, *rest] for seconds, *rest in case["tones"]]}
    meter = LoudnessMeter(RATE_HZ, (1.0, 1.0))
    meter.process(synthesise(longer, ("L", "R")))
    curve = meter.read().momentary_lufs[6:]
    assert np.ptp(curve) > 0.2
