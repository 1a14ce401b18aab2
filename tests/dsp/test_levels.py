"""Unweighted levels: RMS and noise floor."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp import peak_kernels
from stemmix.dsp.levels import LevelMeter, ends_of_bins

RATE_HZ = 8_000


def heard(signal: np.ndarray, size: int | None = None, rate_hz: int = RATE_HZ):
    meter = LevelMeter(rate_hz, signal.shape[1], noise_floor=True)
    for begin in range(0, len(signal), size or len(signal)):
        meter.process(signal[begin : begin + (size or len(signal))])
        meter.process(signal[:0])
    return meter.read()


def noise(seconds: float, level_dbfs: float, channels: int = 1, rate_hz: int = RATE_HZ, seed: int = 0) -> np.ndarray:
    """Of exactly that RMS."""
    drawn = np.random.default_rng(seed).normal(0.0, 1.0, (round(seconds * rate_hz), channels))
    return drawn * (10 ** (level_dbfs / 20) / np.sqrt(np.mean(drawn**2)))


def test_a_full_scale_sine_reads_3_db_under_its_peak() -> None:
    sine = np.sin(2 * np.pi * np.arange(RATE_HZ) / 8)[:, None]
    assert heard(sine).rms_dbfs == pytest.approx(-3.01, abs=0.01)
    assert heard(np.concatenate((sine, 0 * sine), axis=1)).rms_dbfs == pytest.approx(-6.02, abs=0.01)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025])
@pytest.mark.parametrize("size", [1, 7, 79, 80, 81, 4_000])
def test_any_blocking_reads_the_same_bits(size: int, rate_hz: int) -> None:
    signal = noise(1.3, -30.0, 2, rate_hz)
    assert heard(signal, size, rate_hz) == heard(signal, None, rate_hz)
    assert heard(signal, size, rate_hz).noise_floor_dbfs is not None


def test_the_floor_is_the_quietest_half_second_wherever_it_stands() -> None:
    """Off the grid of 10 ms it is read from the fifty whole bins inside; 0.52 s hold them at any phase."""
    for late in (0, 13, 79):
        signal = np.concatenate((noise(2.0 + late / RATE_HZ, -20.0), noise(0.52, -65.0), noise(1.0, -20.0, seed=1)))
        assert heard(signal).noise_floor_dbfs == pytest.approx(-65.0, abs=0.2)


def test_less_than_half_a_second_of_quiet_is_no_floor() -> None:
    signal = np.concatenate((noise(1.0, -20.0), noise(0.4, -90.0), noise(1.0, -20.0)))
    assert heard(signal).noise_floor_dbfs > -30.0


def test_digital_silence_is_no_floor_not_even_a_part_of_it() -> None:
    gap = np.zeros((RATE_HZ, 1))
    signal = np.concatenate((noise(1.0, -20.0), gap, noise(1.0, -65.0), gap))
    assert heard(signal).noise_floor_dbfs == pytest.approx(-65.0, abs=0.2)
    pulses = np.concatenate([np.concatenate((noise(0.3, -20.0), gap[:800])) for _ in range(5)])
    assert heard(pulses).noise_floor_dbfs is None
    assert heard(pulses).reasons == {"noise_floor_dbfs": "no half second without digital silence"}


def test_what_cannot_be_read_says_why() -> None:
    short = heard(noise(0.2, -20.0))
    assert short.reasons == {"noise_floor_dbfs": "shorter than 0.5 s"}
    silent = heard(np.zeros((RATE_HZ, 2)))
    assert silent.rms_dbfs is silent.noise_floor_dbfs is None
    assert set(silent.reasons) == {"rms_dbfs", "noise_floor_dbfs"}
    nothing = LevelMeter(RATE_HZ, 1).read()
    assert nothing.rms_dbfs is nothing.noise_floor_dbfs is None
    assert set(nothing.reasons) == {"rms_dbfs"}, "a floor that nobody asked for needs no reason"


def test_rms_agrees_with_ffmpeg(tmp_path: Path) -> None:
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    import soundfile

    signal = noise(3.0, -27.3, 2) * (1.0, 0.3)
    soundfile.write(tmp_path / "noise.wav", signal, RATE_HZ, subtype="DOUBLE")
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-i", str(tmp_path / "noise.wav"), "-af", "astats"]
    said = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, check=True).stderr
    overall = re.search(r"Overall.*?RMS level dB: (-[\d.]+)", said, re.DOTALL)
    assert overall is not None
    assert heard(signal).rms_dbfs == pytest.approx(float(overall[1]), abs=0.001)


@given(st.lists(st.floats(-2.0, 2.0), max_size=80), st.lists(st.integers(1, 79), max_size=4), st.integers(0, 80))
@settings(deadline=None)
def test_energies_are_sums_of_squares_between_edges_however_they_arrive(
    values: list[float], cuts: list[int], arrived: int
) -> None:
    edges = sorted({cut for cut in cuts if cut < len(values)})
    found = []
    for at in (0, min(arrived, len(values))):
        lanes, place, out = np.zeros(peak_kernels.LANES), 0, np.empty(len(edges))
        made = sum(edge <= at for edge in edges)
        before, after = np.array([*edges[:made], at]), np.array([*edges[made:], len(values)])
        place = peak_kernels.add_energies(np.array(values[:at]), before, lanes, place, out[:made])
        peak_kernels.add_energies(np.array(values[at:]), after - at, lanes, place, out[made:])
        found.append([*out.tolist(), sum(lanes)])
    assert found[0] == found[1]
    ends = [0, *edges, len(values)]
    expected = [sum(value * value for value in values[a:b]) for a, b in pairwise(ends)]
    assert found[0] == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(st.sampled_from([8000, 11025, 12345, 48000]), st.integers(0, 3000), st.integers(0, 3000))
def test_bins_end_where_the_grid_of_10_ms_does(rate_hz: int, begun: int, frames: int) -> None:
    edges = [n * rate_hz // 100 for n in range(1, 100)]
    inside = [edge - begun for edge in edges if begun < edge <= begun + frames]
    assert ends_of_bins(rate_hz, begun, frames).tolist() == [*inside, frames]
