"""One mix less another: how much is left, where the most, and where nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stemmix.engine.residual import Residual, residual_of
from stemmix.files.audio import inspect
from tests.material import RATE_HZ, Floats, noise, write_audio

SECONDS = 8


def left_of(folder: Path, one: Floats, other: Floats, rate_hz: int = RATE_HZ) -> Residual:
    files = [
        write_audio(folder / f"{name}.wav", sound, rate_hz, "DOUBLE") for name, sound in (("a", one), ("b", other))
    ]
    return residual_of(*map(inspect, files))


def test_nothing_is_left_of_the_same(tmp_path: Path) -> None:
    sound = noise(SECONDS * RATE_HZ + 100)
    left = left_of(tmp_path, sound, sound)
    assert left.same.all()
    assert (left.residual_dbfs, left.residual_lu, left.worst) == (None, None, ())
    assert left.identical_s == ((0.0, round(SECONDS + 100 / RATE_HZ, 3)),)


def test_a_sample_that_differs_is_found_in_its_second(tmp_path: Path) -> None:
    sound = noise(SECONDS * RATE_HZ)
    other = sound.copy()
    other[3 * RATE_HZ + 5, 1] += 0.5
    left = left_of(tmp_path, sound, other)
    assert left.identical_s == ((0.0, 3.0), (4.0, 8.0))
    (place,) = left.worst
    assert place.start_s == 3.0
    assert place.residual_dbfs == pytest.approx(10 * np.log10(0.25 / (2 * RATE_HZ)), abs=0.06)
    assert left.residual_dbfs == pytest.approx(10 * np.log10(0.25 / (2 * RATE_HZ * SECONDS)), abs=0.06)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_a_gain_leaves_as_much_as_it_adds(tmp_path: Path, rate_hz: int) -> None:
    sound = noise(SECONDS * rate_hz)
    left = left_of(tmp_path, sound, sound * 1.1, rate_hz)
    assert left.residual_lu == pytest.approx(-20.0, abs=0.06)
    assert left.residual_dbfs == pytest.approx(20 * np.log10(0.05 * 0.1), abs=0.1)
    before, after = (left.loudness_lufs(side, 2.0, 5.0) for side in (0, 1))
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(20 * np.log10(1.1), abs=0.011)
    assert left.identical_s == ()


def test_the_loudness_of_a_scene_is_that_of_a_sine(tmp_path: Path) -> None:
    # BS.1770-5: a sine of 997 Hz at full scale in one channel reads -3.01 LKFS
    time = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    sound = np.zeros((len(time), 2))
    sound[:, 0] = np.sin(2 * np.pi * 997 * time) * (time >= 4)
    left = left_of(tmp_path, sound, sound)
    assert left.loudness_lufs(0, 4.5, 8.0) == pytest.approx(-3.01, abs=0.02)
    assert left.loudness_lufs(1, 0.0, 4.0) is None


def test_the_worst_seconds_come_first_and_none_beside_another(tmp_path: Path) -> None:
    sound = noise(20 * RATE_HZ)
    other = sound.copy()
    for second, gain in ((2, 1.5), (3, 1.4), (9, 1.3), (12, 1.2), (15, 1.1), (17, 1.05), (19, 1.04)):
        other[second * RATE_HZ : (second + 1) * RATE_HZ] *= gain
    assert [place.start_s for place in left_of(tmp_path, sound, other).worst] == [2.0, 9.0, 12.0, 15.0, 17.0]


def test_the_shorter_one_goes_on_in_silence(tmp_path: Path) -> None:
    sound = noise(SECONDS * RATE_HZ)
    left = left_of(tmp_path, sound, sound[: 5 * RATE_HZ])
    assert left.identical_s == ((0.0, 5.0),)
    assert left.frames == len(sound)
    assert left.worst[0].residual_lu == pytest.approx(0.0, abs=0.06)
    silent = np.concatenate((sound[: 5 * RATE_HZ], np.zeros((3 * RATE_HZ, 2))))
    assert not left_of(tmp_path, silent, silent[: 5 * RATE_HZ]).same.all(), "as long is part of the same"
