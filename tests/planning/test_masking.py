"""`planning.masking`: importance, spreading and audibility as ANSI S3.5 and PEAQ have them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.bands import BAND_COUNT, CENTRE_HZ
from stemmix.planning import masking
from tests.dsp.spreading import FELT
from tests.reference import masking as twin


def bark(frequency_hz: float) -> float:
    return 7 * math.asinh(frequency_hz / 650)


def band_at(frequency_hz: float) -> int:
    return int(np.argmin(np.abs(np.array(CENTRE_HZ) - frequency_hz)))


def test_importance_sums_to_one_and_is_greatest_where_consonants_are() -> None:
    assert masking.IMPORTANCE.shape == (BAND_COUNT,)
    assert masking.IMPORTANCE.sum() == pytest.approx(1.0)
    assert np.all(masking.IMPORTANCE >= 0)
    assert 1000 < CENTRE_HZ[int(masking.IMPORTANCE.argmax())] < 3500
    # ANSI S3.5 table 3 gives nothing outside the third octaves around 160 Hz and 8 kHz
    assert not masking.IMPORTANCE[np.array(CENTRE_HZ) < 150].any()
    assert not masking.IMPORTANCE[np.array(CENTRE_HZ) > 8500].any()


def test_importance_between_two_frequencies_is_the_standards() -> None:
    """However the bands lie, the importance of all below a third octave's upper edge is table 3's."""
    assert masking.THIRD_OCTAVE_IMPORTANCE.sum() == 10_000
    below = np.cumsum(masking.THIRD_OCTAVE_IMPORTANCE) / 10_000
    for centre_hz, wanted in zip(masking.THIRD_OCTAVES_HZ, below, strict=True):
        found = masking.IMPORTANCE[np.array(CENTRE_HZ) < centre_hz * 2 ** (1 / 6)].sum()
        assert found == pytest.approx(wanted, abs=0.045), "a band of ours holds up to 0.045"


@pytest.mark.parametrize("frequency_hz", [100, 500, 1000, 4000])
def test_spreading_falls_by_27_db_a_bark_downwards_and_by_peaqs_slope_upwards(frequency_hz: float) -> None:
    k = band_at(frequency_hz)
    upward = -24 - 230 / CENTRE_HZ[k] + 0.2 * 70
    excited_db = 10 * np.log10(masking.SPREAD[:, k])
    for b in range(BAND_COUNT):
        distance = bark(CENTRE_HZ[b]) - bark(CENTRE_HZ[k])
        assert excited_db[b] == pytest.approx(27 * distance if distance < 0 else upward * distance)
    assert excited_db[k] == 0.0


def test_excitation_is_the_spread_sum() -> None:
    power = np.random.default_rng(1).uniform(0, 1, (3, BAND_COUNT))
    wanted = np.einsum("tk,bk->tb", power, masking.SPREAD)
    assert masking.excitation(power) == pytest.approx(wanted, rel=1e-4), "what is 60 dB down is left out"
    alone = np.zeros((1, BAND_COUNT))
    alone[0, 20] = 2.0
    assert masking.excitation(alone)[0] == pytest.approx(2.0 * masking.SPREAD[:, 20], abs=2.1e-6)


def test_audibility_is_nothing_at_minus_15_db_and_all_at_15() -> None:
    snr = np.array([[-200.0], [-15.0], [0.0], [15.0], [200.0]]) * np.ones(BAND_COUNT)
    assert masking.audibility(snr) == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.0])


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_audibility_lies_between_0_and_1_and_never_falls_when_a_band_is_heard_better(seed: int) -> None:
    random = np.random.default_rng(seed)
    snr = random.uniform(-40, 40, (4, BAND_COUNT))
    better = snr + random.uniform(0, 20, snr.shape) * (random.uniform(size=snr.shape) < 0.3)
    before, after = masking.audibility(snr), masking.audibility(better)
    assert np.all((before >= 0) & (before <= 1) & (after >= before) & (after <= 1))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), stems=st.integers(0, 4), frames=st.integers(0, 3))
def test_the_snr_kernel_is_its_twin(seed: int, stems: int, frames: int) -> None:
    random = np.random.default_rng(seed)
    target = 10.0 ** random.uniform(-12, 0, (frames, BAND_COUNT)) * (random.uniform(size=(frames, BAND_COUNT)) < 0.8)
    maskers = 10.0 ** random.uniform(-12, 0, (stems, frames, BAND_COUNT))
    gains = 10.0 ** random.uniform(-2.4, 0, (stems, BAND_COUNT))
    found = masking.snr_db(target, maskers, gains)
    assert found.shape == target.shape
    for t in range(frames):
        assert found[t] == pytest.approx(twin.snr_db(target[t], maskers[:, t], gains, FELT))


def test_without_maskers_all_of_a_target_is_heard() -> None:
    target = np.full((2, BAND_COUNT), 1e-6)
    snr = masking.snr_db(target, np.zeros((0, 2, BAND_COUNT)), np.zeros((0, BAND_COUNT)))
    assert masking.audibility(snr) == pytest.approx([1.0, 1.0])
    nobody = np.zeros((0, 2, BAND_COUNT)), np.zeros((0, BAND_COUNT))
    assert masking.clarity(target, *nobody, masking.IMPORTANCE) == pytest.approx(1.0)


def test_a_deeper_cut_never_makes_a_target_less_audible() -> None:
    random = np.random.default_rng(3)
    target = 10.0 ** random.uniform(-5, -2, (20, BAND_COUNT))
    maskers = 10.0 ** random.uniform(-5, -2, (2, 20, BAND_COUNT))
    before = -1.0
    for depth_db in range(0, 30, 3):
        gains = np.full((2, BAND_COUNT), 10 ** (-depth_db / 10))
        heard = float(masking.audibility(masking.snr_db(target, maskers, gains)).mean())
        assert heard > before
        before = heard
