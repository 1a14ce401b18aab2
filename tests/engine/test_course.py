"""`engine.course`: a master over time, in steps a receipt has room for; nothing short is lost in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stemmix.dsp.limiter import TruePeakLimiter
from stemmix.engine.course import MOST_STEPS, course_of
from stemmix.engine.gauge import Asked, Gauge, Programme
from stemmix.model.layouts import STEREO
from tests.delivering import delivered, job_of
from tests.material import RATE_HZ, blocks, clicks, noise


def heard(signal: np.ndarray, first: int = 0) -> Gauge:
    gauge = Gauge(RATE_HZ, STEREO, Programme(first, len(signal), ()), Asked(peaks=False))
    gauge.process(signal)
    return gauge


def test_a_steps_levels_are_those_of_the_windows_whose_middle_lies_in_it() -> None:
    """A burst of half a second at 5 s: momentary is loud around it and nowhere else, short-term for three seconds."""
    signal = noise(12 * RATE_HZ, rms=1e-4)
    signal[5 * RATE_HZ : 5 * RATE_HZ + RATE_HZ // 2] = noise(RATE_HZ // 2, rms=0.1)
    course = course_of(heard(signal), (), 12.0)
    assert course.step_s == 0.1
    momentary = course.momentary_highest_lufs
    assert len(momentary) == 120
    loud = [step for step, level in enumerate(momentary) if level is not None and level > -40.0]
    assert loud == list(range(49, 57)), "0.4 s windows that touch 5.0 to 5.5 s have their middles from 4.9 to 5.6 s"
    short = [step for step, level in enumerate(course.short_term_lufs) if level is not None and level > -40.0]
    assert (short[0], short[-1]) == (36, 69)
    assert max(level for level in momentary if level is not None) > -16.0


def test_a_long_file_has_as_many_steps_as_a_receipt_has_room_for_and_loses_no_peak() -> None:
    signal = noise(250 * RATE_HZ, rms=1e-3)
    at = 123 * RATE_HZ
    signal[at : at + RATE_HZ // 2] = noise(RATE_HZ // 2, rms=0.2)
    gauge = heard(signal)
    course = course_of(gauge, (), 250.0)
    assert course.step_s == 0.3
    assert len(course.momentary_highest_lufs) == len(course.short_term_lufs) <= MOST_STEPS
    told = max(level for level in course.momentary_highest_lufs if level is not None)
    assert told == pytest.approx(-0.691 + 10 * np.log10(gauge.gating_energies.max()), abs=0.051)


def test_what_lies_before_the_action_has_no_level() -> None:
    course = course_of(heard(noise(8 * RATE_HZ), first=3 * RATE_HZ), (), 8.0, first_s=3.0)
    assert set(course.momentary_lowest_lufs[:32]) == {None}
    assert None not in course.momentary_lowest_lufs[32:77]


def test_the_gate_is_that_of_its_integrated_loudness() -> None:
    signal = noise(8 * RATE_HZ, rms=0.1)
    signal[4 * RATE_HZ :] *= 0.03
    gauge = heard(signal)
    gate_lufs, loudness_lufs = course_of(gauge, (), 8.0).gate_lufs, gauge.read().integrated_lufs
    assert gate_lufs is not None
    assert loudness_lufs is not None
    assert gate_lufs == pytest.approx(loudness_lufs - 13.0, abs=0.3), "half of it is all but silent: 3 dB less"


def test_silence_and_files_shorter_than_a_window_have_none() -> None:
    silent = course_of(heard(np.zeros((4 * RATE_HZ, 2))), (), 4.0)
    assert {*silent.momentary_lowest_lufs, *silent.short_term_lufs, silent.gate_lufs} == {None}
    assert course_of(heard(noise(100)), (), 100 / RATE_HZ).momentary_highest_lufs == (None,)


@pytest.mark.parametrize("size", [777, 1 << 15, 1 << 20])
def test_a_limiter_tells_its_deepest_reduction_in_every_tenth_of_a_second(size: int) -> None:
    signal = clicks(3 * RATE_HZ, (0.55, 2.05)) * 2.0
    limiter = TruePeakLimiter(RATE_HZ, 2, -1.0)
    for block in blocks(signal, size):
        limiter.process(block)
    limiter.flush()
    tenths = np.array(limiter.reduction_of_tenths_db)
    assert tenths.max() == pytest.approx(limiter.max_reduction_db)
    assert {int(tenth) for tenth in np.flatnonzero(tenths > tenths.max() - 3.0)} >= {5, 20}
    assert not tenths[:5].any()
    course = course_of(heard(signal), tenths.tolist(), 3.0)
    assert course.reduction_db == pytest.approx(np.pad(tenths, (0, 30 - len(tenths))), abs=0.0051)


def test_masters_have_a_course_in_their_receipt_and_parts_have_none(tmp_path: Path) -> None:
    stems = [noise(5 * RATE_HZ, rms=0.05), clicks(5 * RATE_HZ, (1.05, 3.05))]
    files = delivered(
        job_of(
            tmp_path,
            stems,
            {"name": "mix", "target_lufs": -14.0, "max_limiting_db": 24.0},
            {"name": "stems", "kind": "stems"},
        )
    )
    (master,) = (file for file in files.values() if file.kind == "printmaster")
    assert {file.course for file in files.values() if file is not master} == {None}
    course = master.course
    assert course is not None
    assert len(course.momentary_highest_lufs) == 50
    assert master.limiting is not None
    assert max(course.reduction_db) == pytest.approx(master.limiting.max_reduction_db, abs=0.01)
    assert np.argmax(course.reduction_db) in {10, 30}
