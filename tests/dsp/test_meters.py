"""Meters: twins, blocking, gates, analytic values, and agreement with other people's meters."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp import running_kernels
from stemmix.dsp.filters import k_weighting
from stemmix.dsp.meters import LoudnessMeter, Meter, gated_loudness, loudness_range, relative_gate
from tests.reference import loudness as loudness_twin

STEREO = (1.0, 1.0)
SURROUND_5_1 = (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)


def programme(seconds: float, channels: int = 2, rate_hz: int = 48000, seed: int = 0) -> np.ndarray:
    """Noise whose spectrum falls and whose level wanders over 30 dB: near enough to sound for a meter."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate_hz)
    noise = rng.normal(0.0, 1.0, (frames + 4, channels))
    noise = noise[4:] + noise[3:-1] + noise[2:-2] + noise[1:-3]
    steps = rng.uniform(-30.0, 0.0, int(seconds / 0.7) + 2)
    level_db = np.interp(np.arange(frames) / rate_hz, np.arange(len(steps)) * 0.7, steps)
    return 0.08 * noise * 10.0 ** (level_db / 20.0)[:, None]


def heard(meter, signal: np.ndarray, size: int):
    for begin in range(0, len(signal), size):
        meter.process(signal[begin : begin + size])
    return meter.read()


# ---- loudness


@settings(max_examples=15, deadline=None)
@given(
    rate_hz=st.sampled_from([8000, 11025, 22050, 12345]),
    channels=st.integers(1, 5),
    frames=st.integers(0, 1500),
    cut=st.integers(1, 400),
    seed=st.integers(0, 2**32 - 1),
)
def test_bins_are_their_twins_at_any_rate(rate_hz: int, channels: int, frames: int, cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    signal, weights = rng.normal(0.0, 0.3, (frames, channels)), rng.choice([0.0, 1.0, 1.41], channels).tolist()
    expected = loudness_twin.k_weighted_bins(signal.tolist(), weights, rate_hz, k_weighting(rate_hz).tolist())
    meter = LoudnessMeter(rate_hz, weights)
    found: list[float] = []
    meter._slide = found.extend  # type: ignore[method-assign]
    for begin in range(0, frames, cut):
        meter.process(signal[begin : begin + cut])
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=50), st.integers(1, 50))
def test_window_sums_are_their_twin(values: list[float], width: int) -> None:
    width = min(width, len(values))
    out = np.empty(len(values) - width + 1)
    running_kernels.window_sums(np.array(values), width, out)
    assert out.tolist() == loudness_twin.window_sums(values, width)


@given(
    st.lists(st.floats(0.0, 1e6), min_size=1, max_size=50),
    st.integers(1, 50),
    st.integers(0, 1000),
    st.sampled_from([8000, 11025, 12345]),
)
def test_window_means_are_their_twin(energies: list[float], width: int, begun: int, rate_hz: int) -> None:
    width, last = min(width, len(energies)), begun + len(energies)
    out = np.empty(len(energies) - width + 1)
    highest = running_kernels.window_means(np.array(energies), width, last, rate_hz, out)
    assert out.tolist() == loudness_twin.window_means(energies, width, begun, rate_hz)
    assert highest == out.max()


@pytest.mark.parametrize("rate_hz", [48000, 22050])
@pytest.mark.parametrize("size", [1, 7, 441, 512, 4096, 48000])
def test_any_blocking_reads_the_same_bits(size: int, rate_hz: int) -> None:
    signal = programme(0.45 if size == 1 else 7.3, rate_hz=rate_hz)
    whole = Meter(rate_hz, STEREO)
    whole.process(signal)
    parts = Meter(rate_hz, STEREO)
    parts.process(signal[:0])
    assert heard(parts, signal, size) == whole.read()
    assert np.array_equal(parts.loudness.gating_energies(), whole.loudness.gating_energies())
    assert np.array_equal(parts.loudness.short_term_energies(), whole.loudness.short_term_energies())
    assert len(whole.loudness.gating_energies()) > 0


def test_reading_changes_nothing() -> None:
    signal = programme(4.0)
    once, often = Meter(48000, STEREO), Meter(48000, STEREO)
    once.process(signal)
    for begin in range(0, len(signal), 5000):
        often.process(signal[begin : begin + 5000])
        often.read()
    assert often.read() == once.read()


@pytest.mark.parametrize("gain_db", [-20.0, 12.0, 40.0])
def test_so_many_db_in_are_so_many_lu_out(gain_db: float) -> None:
    """As long as no gate is in the way; beyond full scale too."""
    signal = programme(8.0)
    one, other = Meter(48000, STEREO), Meter(48000, STEREO)
    one.process(signal)
    other.process(signal * 10.0 ** (gain_db / 20.0))
    for field in ("integrated_lufs", "short_term_max_lufs", "momentary_max_lufs", "true_peak_dbtp", "sample_peak_dbfs"):
        assert getattr(other.read(), field) - getattr(one.read(), field) == pytest.approx(gain_db, abs=1e-9)
    assert other.read().lra_lu == pytest.approx(one.read().lra_lu, abs=1e-9)


def test_the_last_incomplete_block_is_dropped() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(48000 * 2) / 48000)[:, None]
    whole, cut = LoudnessMeter(48000, (1.0,)), LoudnessMeter(48000, (1.0,))
    whole.process(tone)
    cut.process(np.concatenate((tone, np.zeros((4799, 1)))))
    assert cut.read().integrated_lufs == whole.read().integrated_lufs
    cut.process(np.zeros((1, 1)))
    assert cut.read().integrated_lufs < whole.read().integrated_lufs


def test_lfe_is_not_heard_but_peaks() -> None:
    signal = np.zeros((48000 * 4, 6))
    signal[:, 3] = programme(4.0, 1)[:, 0]
    meter = Meter(48000, SURROUND_5_1)
    meter.process(signal)
    reading = meter.read()
    assert reading.integrated_lufs is None
    assert reading.momentary_max_lufs is None
    assert reading.true_peak_dbtp is not None


def test_reels_pool_to_the_loudness_of_their_programme() -> None:
    """Blocks put end to end are what one meter hears, but for the blocks across the joint."""
    first, second = programme(30.0, seed=1), 0.1 * programme(30.0, seed=2)
    meters = [LoudnessMeter(48000, STEREO) for _ in range(3)]
    for meter, signal in zip(meters, (first, second, np.concatenate((first, second))), strict=True):
        meter.process(signal)
    pooled = gated_loudness(np.concatenate([meter.gating_energies() for meter in meters[:2]]))
    assert pooled == pytest.approx(meters[2].read().integrated_lufs, abs=0.05)
    assert abs(pooled - meters[1].read().integrated_lufs) > 5.0


def test_gates_of_hand_made_energies() -> None:
    """-20 and -33: the mean is -22.8, the relative gate -32.8, so the second is left out; -20 and -32 both stay."""
    energies = 10.0 ** ((np.array([-20.0, -33.0, -71.0]) + 0.691) / 10.0)
    assert gated_loudness(energies) == pytest.approx(-20.0, abs=1e-9)
    energies = 10.0 ** ((np.array([-20.0, -32.0]) + 0.691) / 10.0)
    assert gated_loudness(energies) == pytest.approx(10 * np.log10((1e-2 + 10**-3.2) / 2), abs=1e-9)
    assert gated_loudness(energies * 1e-9) is None
    assert gated_loudness(np.zeros(0)) is None


def test_the_relative_gate_lies_10_lu_under_the_loudness_before_it_not_after() -> None:
    """Half of the programme is 30 dB softer: the mean falls by 3 dB, and the gate with it."""
    energies = np.repeat([1e-2, 1e-5], 50) * 10**0.0691
    assert gated_loudness(energies) == pytest.approx(-20.0, abs=1e-9)
    assert relative_gate(energies) == pytest.approx(-33.006, abs=1e-3)
    assert relative_gate(np.concatenate((energies, np.full(1000, 1e-9)))) == relative_gate(energies), "under -70 LUFS"
    assert relative_gate(np.zeros(9)) is None


def test_range_is_between_the_nearest_ranks() -> None:
    """21 values 1 LU apart: the 10th percentile is the third, the 95th the twentieth."""
    energies = 10.0 ** ((np.arange(-40.0, -19.0) + 0.691) / 10.0)
    loud = 10.0 ** ((np.arange(-40.0, -19.0)) / 10.0)
    assert 10 * np.log10(loud.mean()) - 20.0 < -40.0, "none is under the relative gate"
    assert loudness_range(energies) == pytest.approx(17.0, abs=1e-9)
    assert loudness_range(np.zeros(5)) is None


def test_short_and_silent_signals_read_none_and_say_why() -> None:
    meter = Meter(48000, STEREO)
    reading = meter.read()
    assert reading.integrated_lufs is reading.true_peak_dbtp is reading.sample_peak_dbfs is None
    meter.process(np.zeros((48000 * 5, 2)))
    silent = meter.read()
    assert set(silent.reasons.values()) == {"digital silence", "nothing above -70 LUFS"}
    assert len(silent.reasons) == 8
    short = Meter(48000, STEREO)
    short.process(programme(1.0))
    reading = short.read()
    assert reading.integrated_lufs is not None
    assert reading.reasons == {"short_term_max_lufs": "shorter than 3 s", "lra_lu": "shorter than 3 s"}


def test_one_sample_is_read() -> None:
    meter = Meter(48000, (1.0,))
    meter.process(np.array([[0.5]]))
    assert meter.read().sample_peak_dbfs == pytest.approx(-6.0206, abs=1e-4)
    assert meter.read().true_peak_dbtp == pytest.approx(-6.0206, abs=1e-4)
    assert meter.read().reasons["integrated_lufs"] == "shorter than 400 ms"


def test_memory_grows_by_16_bytes_per_100_ms() -> None:
    meter = LoudnessMeter(8000, (1.0,))
    for _ in range(60):
        meter.process(np.zeros((8000, 1)))
    kept = len(meter.gating_energies()) + len(meter.short_term_energies())
    assert kept * 8 <= 16 * 600
    assert len(meter._recent) == 299


def test_a_wrong_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="is not"):
        LoudnessMeter(48000, STEREO).process(np.zeros((10, 3)))


def test_beyond_full_scale_is_read_like_the_rest() -> None:
    meter = Meter(48000, (1.0,))
    meter.process(1e15 * programme(1.0, 1))
    assert meter.read().true_peak_dbtp > 250.0


# ---- other meters


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", [44100, 48000, 96000])
def test_integrated_agrees_with_pyloudnorm(channels: int, rate_hz: int) -> None:
    """A whole number of 100 ms, since pyloudnorm rounds the number of blocks."""
    import pyloudnorm

    signal = programme(12.0, channels, rate_hz)
    meter = LoudnessMeter(rate_hz, (1.0,) * channels)
    meter.process(signal)
    expected = pyloudnorm.Meter(rate_hz, filter_class="DeMan").integrated_loudness(signal)
    assert meter.read().integrated_lufs == pytest.approx(expected, abs=1e-3)


def said_by_ffmpeg(folder: Path, signal: np.ndarray, layout: str) -> str:
    """What ebur128 logs: momentary and short-term every 100 ms, then a summary."""
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    import soundfile

    soundfile.write(folder / "signal.wav", signal, 48000, subtype="DOUBLE")
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-channel_layout", layout, "-i", str(folder / "signal.wav")]
    text = subprocess.run(
        [*command, "-filter_complex", "ebur128=peak=true+sample", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert f"48000 Hz, {layout}" in text
    return text


@pytest.mark.parametrize(("layout", "weights"), [("mono", (1.0,)), ("stereo", STEREO), ("5.1", SURROUND_5_1)])
def test_agrees_with_ffmpeg(tmp_path: Path, layout: str, weights: tuple[float, ...]) -> None:
    """ebur128 prints tenths and moves its windows by 100 ms; up to 5.1 its weights are right."""
    signal = programme(20.0, len(weights))
    text = said_by_ffmpeg(tmp_path, signal, layout)
    log, summary = text[: text.rindex("Summary:")], text[text.rindex("Summary:") :]
    printed = {name: float(value) for name, value in re.findall(r"(I|LRA):\s+(-?[\d.]+)", summary)}
    meter = Meter(48000, weights)
    meter.process(signal)
    reading = meter.read()
    assert reading.integrated_lufs == pytest.approx(printed["I"], abs=0.06)
    assert reading.lra_lu == pytest.approx(printed["LRA"], abs=0.2)
    peaks = [float(value) for value in re.findall(r"Peak:\s+(-?[\d.]+) dBFS", summary)]
    assert len(peaks) == 2
    assert reading.sample_peak_dbfs == pytest.approx(min(peaks), abs=0.06)
    assert reading.true_peak_dbtp == pytest.approx(max(peaks), abs=0.15)

    curves = meter.loudness.read()
    for name, curve, first in (("M", curves.momentary_lufs, 3), ("S", curves.short_term_lufs, 29)):
        theirs = np.array([float(value) for value in re.findall(rf" {name}:\s*(-[\d.]+)", log)])[first:]
        assert len(theirs) > 150
        assert np.abs(curve[: len(theirs)] - theirs[: len(curve)]).max() < 0.11
