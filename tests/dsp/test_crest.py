"""PSR: every window worked out, against the few that the meter looks at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp.crest import GATE_ENERGY, PsrMeter
from stemmix.dsp.filters import INTERPOLATOR_REACH
from stemmix.dsp.meters import LoudnessMeter, Meter
from stemmix.dsp.true_peak import highest_between, highest_sample
from stemmix.units import LOUDNESS_OFFSET_DB

RATE_HZ = 4_000


def wandering(seconds: float, seed: int, channels: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE_HZ)
    steps = rng.uniform(-20.0, 0.0, int(seconds) + 2)
    level_db = np.interp(np.arange(frames) / RATE_HZ, np.arange(len(steps)), steps)
    return np.clip(rng.normal(0.0, 0.3, (frames, channels)), -0.5, 0.5) * 10.0 ** (level_db / 20.0)[:, None]


def psr_of(signal: np.ndarray, size: int) -> float | None:
    loudness, meter = LoudnessMeter(RATE_HZ, (1.0,) * signal.shape[1]), PsrMeter(RATE_HZ, signal.shape[1])
    for begin in range(0, len(signal), size):
        loudness.process(signal[begin : begin + size])
        meter.process(signal[begin : begin + size], loudness.short_term_energies())
    return meter.read(loudness.short_term_energies())


def every_window(signal: np.ndarray) -> list[float]:
    """Ratio of each window that ends on a tenth, its true peak from all of its own intervals and none beside."""
    loudness = LoudnessMeter(RATE_HZ, (1.0,) * signal.shape[1])
    loudness.process(signal)
    reach = np.zeros((INTERPOLATOR_REACH, signal.shape[1]))
    padded = np.concatenate((reach, signal, reach))
    ratios = []
    for i, energy in enumerate(loudness.short_term_energies()):
        begin, end = i * RATE_HZ // 10, (i + 30) * RATE_HZ // 10
        heard = padded[begin : end + 2 * INTERPOLATOR_REACH]
        peak = highest_between(heard, highest_sample(heard), highest_sample(signal[begin:end]))
        if energy >= GATE_ENERGY:
            ratios.append(peak * peak / energy)
    return ratios


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), seconds=st.floats(3.0, 9.0), size=st.sampled_from([37, 400, 401, 8_000]))
def test_the_lowest_of_all_windows_is_found_for_any_blocking(seed: int, seconds: float, size: int) -> None:
    signal = wandering(seconds, seed)
    found = psr_of(signal, size)
    assert found == psr_of(signal, len(signal))
    assert found == pytest.approx(min(every_window(signal)), rel=1e-6)


def test_only_windows_that_matter_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []
    monkeypatch.setattr(
        "stemmix.dsp.crest.highest_between", lambda *given: looked_at.append(1) or highest_between(*given)
    )
    signal = wandering(60.0, 3)
    psr_of(signal, len(signal))
    assert 0 < len(looked_at) < 300, "a tenth of a second at a time there are 600"


def test_reading_changes_nothing() -> None:
    signal = wandering(6.0, 4)
    once, often = (Meter(RATE_HZ, (1.0, 1.0), psr=True) for _ in range(2))
    once.process(signal)
    for begin in range(0, len(signal), 1_234):
        often.process(signal[begin : begin + 1_234])
        often.read()
    assert often.read() == once.read()
    assert once.read().psr_db is not None


def test_a_sine_has_the_crest_of_a_sine_and_one_hard_stretch_is_found() -> None:
    """997 Hz in one channel: 0 dBTP, -3.01 LUFS."""
    frames = np.arange(48_000 * 5)
    sine = np.sin(2 * np.pi * 997 / 48_000 * frames)[:, None]
    meter = Meter(48_000, (1.0,), psr=True)
    meter.process(sine)
    reading = meter.read()
    assert reading.psr_db == pytest.approx(3.01, abs=0.02)
    assert reading.plr_db == pytest.approx(3.01, abs=0.02)
    clicks = 0.01 * sine + (frames % 24_000 == 0)[:, None]
    meter.process(clicks)
    assert meter.read().psr_db == pytest.approx(3.01, abs=0.02), "what follows stands far over its loudness"
    only_clicks = Meter(48_000, (1.0,), psr=True)
    only_clicks.process(clicks)
    assert only_clicks.read().psr_db > 20.0


def test_windows_under_the_gate_and_short_signals_have_none() -> None:
    assert psr_of(1e-5 * wandering(5.0, 5), 1_000) is None
    assert psr_of(wandering(2.9, 5), 1_000) is None
    meter = Meter(RATE_HZ, (1.0,), psr=True)
    meter.process(wandering(2.0, 5, 1))
    assert meter.read().reasons["psr_db"] == "shorter than 3 s"
    assert pytest.approx(1e-7) == 10.0 ** (LOUDNESS_OFFSET_DB / 10.0) * GATE_ENERGY


def test_blocks_of_three_seconds_of_samples_are_kept_and_no_more() -> None:
    loudness, meter = LoudnessMeter(RATE_HZ, (1.0,)), PsrMeter(RATE_HZ, 1)
    for _ in range(20):
        block = wandering(1.0, 6, 1)
        loudness.process(block)
        meter.process(block, loudness.short_term_energies())
    assert sum(len(block) for _, block in meter._heard) == 4 * RATE_HZ
    assert meter.read(loudness.short_term_energies()) is not None
