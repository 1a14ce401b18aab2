"""Filter designs: the standard's numbers where it prints them, the same prototype elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from stemmix.dsp.filters import (
    INTERPOLATOR_REACH,
    design_k_weighting,
    gentle_interpolator,
    k_weighting,
    sharp_interpolator,
)
from tests.reference import true_peak

TABLED_HZ = (44100, 48000, 88200, 96000, 176400, 192000)


def response_db(sections: np.ndarray, frequency_hz: float, rate_hz: int) -> float:
    z = np.exp(-2j * np.pi * frequency_hz / rate_hz * np.arange(3))
    total = 1.0
    for b0, b1, b2, a1, a2 in sections:
        total *= abs((np.array([b0, b1, b2]) * z).sum() / (np.array([1.0, a1, a2]) * z).sum())
    return float(20.0 * np.log10(total))


def test_48_khz_is_what_bs_1770_prints() -> None:
    shelf, high_pass = k_weighting(48000)
    assert shelf.tolist() == [
        1.53512485958697,
        -2.69169618940638,
        1.19839281085285,
        -1.69065929318241,
        0.73248077421585,
    ]
    assert high_pass.tolist() == [1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621]


@pytest.mark.parametrize("rate_hz", TABLED_HZ)
def test_the_table_is_what_the_designer_gives(rate_hz: int) -> None:
    """At 48 kHz to what the standard's decimals allow, elsewhere to rounding."""
    tolerance = 1e-10 if rate_hz == 48000 else 1e-14
    np.testing.assert_allclose(k_weighting(rate_hz), design_k_weighting(rate_hz), rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("rate_hz", "tolerance_db"),
    [(8000, 0.22), (16000, 0.1), (22050, 0.06), *((rate_hz, 0.04) for rate_hz in (32000, *TABLED_HZ, 384000))],
)
def test_every_rate_weights_as_48_khz_does(rate_hz: int, tolerance_db: float) -> None:
    """The bilinear transform of one prototype: alike from 32 kHz up, and bent towards half the rate below."""
    for frequency_hz in (25.0, 100.0, 500.0, 997.0):
        expected = response_db(k_weighting(48000), frequency_hz, 48000)
        assert response_db(k_weighting(rate_hz), frequency_hz, rate_hz) == pytest.approx(expected, abs=tolerance_db)


def test_997_hz_gains_what_the_offset_takes_away() -> None:
    assert response_db(k_weighting(48000), 997.0, 48000) == pytest.approx(0.691, abs=0.001)


def test_tabled_rates_need_no_designer() -> None:
    """A render at a common rate must not wait 0.9 s for pyloudnorm: k_weighting is a copy of the table there."""
    first = k_weighting(48000)
    first[:] = 0.0
    assert k_weighting(48000)[0, 0] == 1.53512485958697


@pytest.mark.parametrize("interpolator", [sharp_interpolator(), gentle_interpolator()], ids=["sharp", "gentle"])
def test_interpolators_pass_what_they_say_and_never_exceed_their_bounds(interpolator) -> None:
    sharp = interpolator is sharp_interpolator()
    taps, quarters = interpolator.half_taps.tolist(), interpolator.quarter_taps.tolist()
    frames = np.arange(240)
    for cycles in (0.001, 0.1, 0.25, 0.4, *((0.45, 0.48) if sharp else ())):
        tone = np.sin(2 * np.pi * cycles * frames + 0.3).tolist()
        for n in (100, 101):
            exact = np.sin(2 * np.pi * cycles * (n + np.arange(8) / 8) + 0.3)
            assert np.abs(true_peak.eighths(tone, n, taps, quarters) - exact).max() < (6e-4 if sharp else 6e-3)
    rng = np.random.default_rng(7)
    worst_sample, worst_double = 0.0, 0.0
    for _ in range(20):
        signs = rng.choice((-1.0, 1.0), 240).tolist()
        worst_sample = max(worst_sample, *np.abs(true_peak.eighths(signs, 100, taps, quarters)))
    # signs that add up all taps of the halfway value: the bound is reached, not just held
    against = [1.0] * 240
    for k, tap in enumerate(taps):
        against[100 - k] = against[101 + k] = 1.0 if tap >= 0.0 else -1.0
    worst_double = abs(true_peak.halfway(against, 100, taps))
    assert max(worst_sample, worst_double) <= interpolator.bounds[0] <= 1.1 * worst_double * 1.02


def test_reach_covers_every_tap() -> None:
    """A value at n + 7/8 looks 67 samples ahead at most, one at n - 1/8 as many back."""
    assert len(sharp_interpolator().half_taps) + 3 <= INTERPOLATOR_REACH
    assert len(gentle_interpolator().half_taps) <= len(sharp_interpolator().half_taps)
