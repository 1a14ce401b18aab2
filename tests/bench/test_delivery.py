"""The proof of the delivery, on moments of sound: its readers read what is there, and it can fail."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stemmix.dsp.limiter import TruePeakLimiter
from stemmix.model.layouts import LAYOUTS, STEREO, Layout
from stemmix.model.presets import PRESETS
from tests.bench import conformity, delivering, ffmpeg, overshoot, surround
from tests.bench.conformity import Hearing, Listener
from tests.bench.delivering import Programme, programme_of
from tests.bench.delivery import Goal
from tests.material import RATE_HZ, chords, clicks, noise, voice, write_audio

BENCH = Path(__file__).with_name("delivery.py")
CASES = {case["id"]: case for case in conformity.CASES}


class Off(Listener):
    """Ours, but for a fifth of an LU; it knows stereo and nothing but integrated and momentary loudness."""

    name = "off"

    def hear(self, signal: np.ndarray, layout: Layout) -> Hearing | None:
        if layout != STEREO:
            return None
        heard = conformity.Ours().hear(signal, layout)
        integrated = heard.values["I"]
        return Hearing({"I": None if integrated is None else integrated + 0.2}, heard.momentary_lufs + 0.2)


def test_a_meter_is_held_to_what_it_reads_and_to_no_more() -> None:
    few = [CASES[name] for name in ("align-18", "3342-1", "own-7.1-Lss", "own-short-300ms")]
    found = conformity.conformity(few, [conformity.Ours(), Off()], LAYOUTS)
    assert all(one.passed for one in found["stemmix"])
    assert [one.read for one in found["off"]] == [2, 0, 0, 1]
    assert [one.passed for one in found["off"]] == [False, False, False, True]
    assert "align-18 (M -17.79 for -18.00; I -17.79" in conformity.misses(found)
    assert "stemmix misses" not in conformity.misses(found)
    together = [cell.strip() for cell in conformity.told(found).splitlines()[-1].strip("|").split("|")]
    assert together == ["all", "4", "4 of 4", "1 of 2"]


def test_running_maxima_and_constant_curves_are_held_too() -> None:
    ours = conformity.Ours()
    for name in ("3341-12", "3341-14"):
        case = CASES[name]
        signal = conformity.synthesise(case, STEREO.labels)
        assert conformity.outcome(case, ours, signal, STEREO).passed
        assert conformity.outcome(case, ours, signal[1200:] * 1.03, STEREO).missed


def test_ffmpeg_reads_what_we_read() -> None:
    if not ffmpeg.is_there():
        pytest.skip("ffmpeg is not installed")
    signal = chords(4 * RATE_HZ)
    ours = conformity.Ours().hear(signal, STEREO)
    theirs = conformity.Ffmpeg().hear(signal, STEREO)
    assert len(theirs.momentary_lufs) == len(ours.momentary_lufs)
    assert np.abs(theirs.momentary_lufs - ours.momentary_lufs).max() < 0.02
    assert len(theirs.short_term_lufs) == len(ours.short_term_lufs)
    for measure in ("I", "M_max", "S_max", "TP_max"):
        assert theirs.values[measure] == pytest.approx(ours.values[measure], abs=0.1)


def test_the_limiters_judges_find_a_peak_between_samples() -> None:
    """A quarter of the sample rate at 45 degrees: its samples read 3.01 dB too little."""
    time = np.arange(RATE_HZ)
    fade = np.clip(np.minimum(time, time[::-1]) / 4800, 0.0, 1.0)
    sine = np.sqrt(0.5) * fade * np.sin(np.pi / 2 * time + np.pi / 4)
    for name, read in overshoot.METERS.items():
        assert read(np.stack((sine, sine), axis=1)) == pytest.approx(-3.01, abs=0.02), name


def test_reading_coarsely_first_misses_nothing() -> None:
    from scipy.signal import firwin, resample_poly

    signal = noise(RATE_HZ // 4)
    taps = firwin(2 * 64 * 32 + 1, 1 / 32, window=("kaiser", 7.0))
    whole = np.abs(resample_poly(np.pad(signal, ((200, 200), (0, 0))), 32, 1, axis=0, window=taps)).max()
    assert overshoot.peak_32x_dbtp(signal) == pytest.approx(20 * np.log10(whole), abs=1e-9)


class Sloppy(overshoot.Limiter):
    name = "stemmix"

    def limited(self, signal: np.ndarray) -> np.ndarray:
        limiter = TruePeakLimiter(RATE_HZ, 2, overshoot.CEILING_DBTP + 0.05)
        return np.concatenate((limiter.process(signal), limiter.flush()))


def test_a_limiter_is_held_to_its_ceiling() -> None:
    signal = overshoot.white_noise(0.5)
    held = overshoot.overshoot("noise", signal, [overshoot.Ours()])
    assert -0.05 < overshoot.worst_db(held) <= overshoot.GOAL_DB
    assert held[0].taken_lu is not None
    assert held[0].taken_lu > 3
    assert overshoot.worst_db(overshoot.overshoot("noise", signal, [Sloppy()])) > overshoot.GOAL_DB
    if ffmpeg.is_there():
        rivals = overshoot.overshoot("noise", signal, overshoot.limiters()[1:3])
        assert 0 < rivals[1].over_db["16x"] < rivals[0].over_db["16x"] < overshoot.OVER_DB
        assert "alimiter at 192 kHz" in overshoot.told_in_short(held + rivals)


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory) -> Programme:
    """Five seconds, in which hits stand far over everything else: no limiter brings them to -14 LUFS gently."""
    place = tmp_path_factory.mktemp("reel") / "moment"
    frames = 5 * RATE_HZ
    hits = clicks(frames, [1.5, 4.2])
    for name, samples in {
        "dialogue": voice(frames, [(0.5, 1.9), (2.4, 4.0)]),
        "music": 0.1 * chords(frames),
        "fx": 0.9 * hits / np.abs(hits).max(),
        "ambience": noise(frames, rms=0.001),
    }.items():
        place.mkdir(exist_ok=True)
        write_audio(place / f"{name}.wav", samples)
    return programme_of(place, tmp_path_factory.mktemp("programme"))


def test_every_preset_with_a_target_takes_part() -> None:
    wanted = delivering.presets_with_a_target()
    assert {"ebu-r128", "netflix-nearfield-51", "podcast-mono", "acx-audiobook"} <= set(wanted)
    assert {"cinema-trailer-tasa", "cinema-feature", "dolby-atmos-music"}.isdisjoint(wanted)


def test_a_target_is_read_by_others_and_one_that_is_barred_is_listed(programme: Programme) -> None:
    names = ("ebu-r128", "netflix-nearfield-20", "tidal", "acx-audiobook")
    results = {one.preset: one for one in delivering.met(programme, {name: PRESETS[name] for name in names})}
    assert set(results) == set(names)
    for name in ("ebu-r128", "netflix-nearfield-20"):
        assert not results[name].barred
        assert len(results[name].errors) >= 2
        assert all(abs(error) < 0.1 for error in results[name].errors.values()), results[name].errors
    assert "limited by" in results["tidal"].barred
    assert results["acx-audiobook"].errors["scipy"] == pytest.approx(
        results["acx-audiobook"].errors["stemmix"], abs=1e-3
    )


def test_parts_are_held_against_their_masters(programme: Programme) -> None:
    found = delivering.residuals(programme)
    assert len(found) == 8
    assert all(one.null.passed for one in found)
    assert [one.what.partition(",")[0] for one in found].count("wav24") == 4, "24 bits are judged as 24 bits"
    for encoding in ("wav24", "wavfloat"):
        those = [one for one in found if one.what.startswith(f"{encoding},")]
        assert any(one.limited_db > 3 and 0 < one.null.judged_share < 1 for one in those)


def test_the_fold_down_is_what_the_itu_says_of_the_master(programme: Programme, tmp_path: Path, monkeypatch) -> None:
    placed = surround.surround_of(programme, tmp_path)
    monkeypatch.setattr(surround, "PRESET_NAMES", ("ebu-r128",))
    wide, narrow = surround.written(placed)
    assert (wide.file.layout, narrow.file.layout) == ("5.1", "2.0")
    for one in (wide, narrow):
        assert all(abs(lufs - one.target_lufs) < 0.1 for lufs in one.lufs.values())
        assert one.true_peak_dbtp["stemmix"] <= one.ceiling_dbtp + 0.02
    assert narrow.folded_dbfs is not None
    assert narrow.folded_dbfs < -130


def test_a_goal_that_is_missed_says_so() -> None:
    goal = Goal("loudness", 0.04, 0.05, "LU")
    assert goal.row == ["loudness", "0.04 LU", "0.05 LU", "yes"]
    assert replace(goal, value=0.06).row[-1] == "NO"
    assert replace(goal, value=None).row[-1] == "-"


def test_a_section_that_there_is_not_is_refused() -> None:
    done = subprocess.run([sys.executable, str(BENCH), "limits"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "limits: expected meters, limiter" in done.stderr
