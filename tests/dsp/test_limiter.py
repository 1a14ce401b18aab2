"""The limiter: never over its ceiling on meters that are not its own, and nothing done where nothing is to do."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp import limiter_kernels, peak_kernels
from stemmix.dsp.filters import INTERPOLATOR_REACH, gentle_interpolator, sharp_interpolator
from stemmix.dsp.limiter import TruePeakLimiter, _Spans
from tests.reference import limiter as twin
from tests.reference import true_peak as true_peak_twin

RATE = 48000
CEILING_DB = -1.0
REELS = Path(__file__).resolve().parents[2] / ".." / "shared" / "reels"


def limited(signal: np.ndarray, size: int = 4096, **options) -> tuple[np.ndarray, TruePeakLimiter]:
    limiter = TruePeakLimiter(RATE, signal.shape[1], CEILING_DB, **options)
    parts = [limiter.process(signal[begin : begin + size]) for begin in range(0, len(signal), size)]
    assert [len(part) for part in parts] == [len(signal[b : b + size]) for b in range(0, len(signal), size)]
    delayed = np.concatenate((*parts, limiter.flush()))
    assert not delayed[: limiter.latency_samples].any()
    return delayed[limiter.latency_samples :], limiter


def driven(signal: np.ndarray, over_db: float = 9.0) -> np.ndarray:
    return signal / np.abs(signal).max() * 10.0 ** ((CEILING_DB + over_db) / 20.0)


def peak_32x_db(signal: np.ndarray, half_length: int = 10, beta: float = 5.0) -> float:
    """True peak by scipy's own resampling, 32x; its default filter unless told. A second at a time, edges apart."""
    from scipy.signal import firwin, resample_poly

    taps = firwin(2 * half_length * 32 + 1, 1 / 32, window=("kaiser", beta))
    margin = 2 * half_length + 100
    padded = np.concatenate((np.zeros((margin, signal.shape[1])), signal, np.zeros((margin, signal.shape[1]))))
    peak = 0.0
    for begin in range(0, len(signal), RATE):
        piece = padded[begin : begin + RATE + 2 * margin]
        fine = resample_poly(piece, 32, 1, axis=0, window=taps)
        inner = fine[margin // 2 * 32 : (len(piece) - margin // 2) * 32]
        peak = max(peak, float(np.abs(inner).max()))
    return 20.0 * math.log10(peak)


def spectrum_32x_db(signal: np.ndarray) -> float:
    """True peak by padding the spectrum: the ideal interpolator. For signals that end gently."""
    padded = np.concatenate((np.zeros((2048, signal.shape[1])), signal, np.zeros((2048, signal.shape[1]))))
    spectrum = np.fft.rfft(padded, axis=0)
    return 20.0 * math.log10(np.abs(np.fft.irfft(spectrum, 32 * len(padded), axis=0)).max() * 32)


_FRAMES = np.arange(2 * RATE)
_SECONDS = _FRAMES / RATE
_FADE = np.clip(np.minimum(_FRAMES, _FRAMES[::-1]) / 960, 0.0, 1.0)


def white_noise() -> np.ndarray:
    return np.random.default_rng(5).normal(0.0, 0.3, (len(_FRAMES), 2))


def sweep() -> np.ndarray:
    return (_FADE * np.sin(2 * np.pi * (20 * _SECONDS + (0.49 * RATE - 20) * _SECONDS**2 / 4)))[:, None]


def clicks() -> np.ndarray:
    """Band-limited clicks at all hundredths between two samples."""
    signal = np.zeros(len(_FRAMES))
    place = np.arange(-40, 41)
    for i in range(100):
        signal[400 + i * 900 + place] += np.sinc(0.9 * (place - i / 100)) * np.hanning(81)
    return signal[:, None]


def single_samples() -> np.ndarray:
    rng = np.random.default_rng(5)
    signal = np.zeros(len(_FRAMES))
    signal[rng.integers(0, len(_FRAMES), 200)] = rng.uniform(-1.0, 1.0, 200)
    return signal[:, None]


def square() -> np.ndarray:
    return np.sign(np.sin(2 * np.pi * 441.3 * _SECONDS))[:, None]


def tone_at_23_khz() -> np.ndarray:
    return (_FADE * np.sin(2 * np.pi * 23000 * _SECONDS))[:, None]


def bass_at_50_hz() -> np.ndarray:
    return (_FADE * np.sin(2 * np.pi * 50 * _SECONDS))[:, None]


def music_like() -> np.ndarray:
    """Plucked chords across the panorama, and a hi-hat."""
    rng = np.random.default_rng(5)
    signal = np.zeros((len(_FRAMES), 2))
    for start in np.arange(0.0, 1.9, 0.12):
        decay = np.exp(-(_SECONDS - start).clip(0.0) * 14.0) * (start <= _SECONDS)
        for _ in range(6):
            pitch_hz = 55.0 * 2.0 ** (rng.integers(0, 72) / 12.0)
            pan = rng.uniform(0.2, 1.0, 2)
            signal += (decay * np.sin(2 * np.pi * pitch_hz * _SECONDS + rng.uniform(0, 6)))[:, None] * pan
    return signal + 0.05 * rng.normal(0.0, 1.0, signal.shape) * np.exp(-(_SECONDS % 0.24) * 60.0)[:, None]


MATERIALS = (white_noise, sweep, clicks, single_samples, square, tone_at_23_khz, bass_at_50_hz, music_like)


@pytest.mark.parametrize("material", MATERIALS)
def test_9_db_over_comes_out_at_the_ceiling(material) -> None:
    """By 0.02 dB at most, on scipy's default resampler and on one that is sharp."""
    out, limiter = limited(driven(material()))
    assert peak_32x_db(out) <= CEILING_DB + 0.02
    assert peak_32x_db(out, half_length=64, beta=7.0) <= CEILING_DB + 0.02
    assert limiter.max_reduction_db > 8.9
    # and it is held no lower than need be
    assert peak_32x_db(out, half_length=64, beta=7.0) > CEILING_DB - 0.05


@pytest.mark.parametrize("material", [sweep, clicks, tone_at_23_khz, music_like])
def test_the_ideal_interpolator_agrees_where_the_band_ends_below_half_the_rate(material) -> None:
    assert spectrum_32x_db(limited(driven(material()))[0]) <= CEILING_DB + 0.02


@pytest.mark.parametrize("reel", ["harbour", "siege"])
def test_a_real_mix_9_db_over_comes_out_at_the_ceiling(reel: str) -> None:
    if not REELS.is_dir():
        pytest.skip("the folder `shared` beside the repository is absent")
    import soundfile

    stems = sorted((REELS / reel).glob("*.flac"))
    assert len(stems) == 4
    mix = sum(soundfile.read(stem, start=30 * RATE, frames=10 * RATE, always_2d=True)[0] for stem in stems)
    out, _ = limited(driven(mix))
    assert peak_32x_db(out) <= CEILING_DB + 0.02
    assert peak_32x_db(out, half_length=64, beta=7.0) <= CEILING_DB + 0.02


@pytest.mark.parametrize("rate_hz", [8000, 44100, 192000])
def test_other_rates_hold_the_ceiling_too(rate_hz: int) -> None:
    limiter = TruePeakLimiter(rate_hz, 2, CEILING_DB)
    signal = driven(music_like())
    out = np.concatenate((limiter.process(signal), limiter.flush()))
    assert peak_32x_db(out) <= CEILING_DB + 0.02


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=40), st.integers(1, 20))
def test_the_limiter_is_its_twin(samples: list[float], size: int) -> None:
    look_ahead_s, release_s = 0.0006, 0.001
    out, _ = limited(np.array(samples)[:, None], size, look_ahead_s=look_ahead_s, release_s=release_s)
    margin = 70
    peaks = np.max(
        [
            true_peak_twin.interval_peaks(samples, i.half_taps.tolist(), i.quarter_taps.tolist(), margin)
            for i in (sharp_interpolator(), gentle_interpolator())
        ],
        axis=0,
    )
    reductions = twin.reductions(
        peaks.tolist(),
        -margin,
        len(samples),
        10.0 ** (CEILING_DB / 20.0),
        round(look_ahead_s * RATE),
        math.exp(-1.0 / (release_s * RATE)),
    )
    np.testing.assert_allclose(out[:, 0], np.array(samples) * (1.0 - np.array(reductions)), rtol=1e-6, atol=1e-9)


@given(st.lists(st.floats(-1.0, 1.0), min_size=20, max_size=60), st.sampled_from([4, 8]))
def test_symmetric_fir_is_the_halfway_value(values: list[float], size: int) -> None:
    taps = np.linspace(1.0, 0.1, size)
    out = np.empty(len(values) - 2 * size + 1)
    peak_kernels.symmetric_fir(np.array(values), size - 1, len(out), taps, out)
    expected = [true_peak_twin.halfway(values, size - 1 + i, taps.tolist()) for i in range(len(out))]
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-14)


@given(
    values=st.lists(st.floats(0.0, 1.0), min_size=8, max_size=40),
    silence=st.integers(0, 3_000),
    size=st.sampled_from([4, 8]),
)
def test_smoothing_is_the_window_over_all_of_it_and_nothing_where_nothing_is_near(
    values: list[float], silence: int, size: int
) -> None:
    """Sounds on both sides of a silence longer than the pieces that it is done in."""
    window = np.linspace(1.0, 0.1, size)
    released = [*values, *[0.0] * silence, *values]
    out = np.full(len(released) - 2 * size + 1, np.nan)
    limiter_kernels.smoothed(np.array(released), window, out)
    expected = [true_peak_twin.halfway(released, size - 1 + i, window.tolist()) for i in range(len(out))]
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-14)
    assert not out[len(values) : len(values) + silence - 2 * size + 1].any()


@pytest.mark.parametrize("size", [1, 7, 512, 4096, 48000])
def test_any_blocking_gives_the_same_bits(size: int) -> None:
    signal = driven(music_like())[: 3000 if size == 1 else 2 * RATE]
    whole, one = limited(signal, len(signal))
    parts, other = limited(signal, size)
    assert np.array_equal(parts, whole)
    assert (one.max_reduction_db, one.active_share, one.spans) == (
        other.max_reduction_db,
        other.active_share,
        other.spans,
    )
    assert one.max_reduction_db > 1.0


def test_an_empty_block_is_no_block() -> None:
    limiter = TruePeakLimiter(RATE, 2, CEILING_DB)
    assert limiter.process(np.zeros((0, 2))).shape == (0, 2)


def test_far_from_every_peak_the_output_is_the_input_bit_for_bit() -> None:
    """Before the look-ahead of a lone peak, and once its release has snapped to nothing."""
    signal = 0.3 * music_like()
    signal *= 0.2 / np.abs(signal).max()
    signal = np.concatenate((signal, signal, signal))
    signal[RATE, 0] = 2.0
    out, limiter = limited(signal)
    ((start, end),) = limiter.spans
    assert RATE - round(0.006 * RATE) < start < RATE < end < RATE + 3 * RATE
    assert np.array_equal(out[:start], signal[:start])
    assert np.array_equal(out[end:], signal[end:])
    assert (out[start + 1 : end - 1] != signal[start + 1 : end - 1]).any(axis=1).mean() > 0.99


def test_what_stays_below_the_ceiling_is_not_touched() -> None:
    signal = music_like()
    signal *= 10.0 ** ((CEILING_DB - 0.3) / 20.0) / 10.0 ** (peak_32x_db(signal, 64, 7.0) / 20.0)
    out, limiter = limited(signal)
    assert np.array_equal(out, signal)
    assert limiter.max_reduction_db == 0.0
    assert limiter.active_share == 0.0
    assert limiter.spans == ()


def test_silence_stays_silence() -> None:
    out, limiter = limited(np.zeros((RATE, 2)))
    assert not out.any()
    assert limiter.spans == ()


@pytest.mark.parametrize("sample", [0.5, 4.0, 1e6])
def test_one_sample_is_a_signal(sample: float) -> None:
    out, _ = limited(np.array([[sample, 0.1]]))
    ceiling = 10.0 ** (CEILING_DB / 20.0)
    assert out.shape == (1, 2)
    assert out[0, 0] == pytest.approx(min(sample, ceiling), rel=1e-9)


def test_channels_are_linked() -> None:
    """A peak on the left lowers the right by as much: the image stays where it is."""
    left = driven(bass_at_50_hz())
    signal = np.concatenate((left, 0.1 * left[::-1]), axis=1)
    out, _ = limited(signal)
    audible = np.abs(signal).min(axis=1) > 0.01
    gains = out[audible] / signal[audible]
    np.testing.assert_allclose(gains[:, 0], gains[:, 1], rtol=1e-9)
    assert gains.min() < 0.4


def test_the_account_says_how_deep_how_long_and_where() -> None:
    signal = 0.1 * np.ones((10 * RATE, 1))
    for second in (2, 7):
        signal[second * RATE] = 10.0 ** ((CEILING_DB + 6.0) / 20.0)
    out, limiter = limited(signal)
    gain_db = 20.0 * np.log10(out[:, 0] / signal[:, 0])
    assert limiter.max_reduction_db == pytest.approx(-gain_db.min(), abs=1e-9)
    assert limiter.active_share == pytest.approx((gain_db < -0.1).mean(), abs=1e-9)
    assert 0.0 < limiter.active_share < 0.5
    assert len(limiter.spans) == 2
    assert all(start < second * RATE < end for (start, end), second in zip(limiter.spans, (2, 7), strict=True))


@pytest.mark.parametrize("size", [512, 10_007])
def test_only_what_counts_is_accounted_for_and_every_span_is_told(size: int) -> None:
    """Pops before and after the counted frames are held all the same."""
    signal = np.zeros((10 * RATE, 2))
    for second, gain in ((1, 8.0), (5, 2.0), (9, 16.0)):
        signal[second * RATE : second * RATE + 100] = gain
    counted = (3 * RATE, 8 * RATE)
    all_of_it, limiter = limited(signal, size), limited(signal, size, counted=counted)
    assert np.array_equal(all_of_it[0], limiter[0])
    assert all_of_it[1].spans == limiter[1].spans
    assert len(limiter[1].spans) == 3
    assert limiter[1].max_reduction_db == pytest.approx(all_of_it[1].max_reduction_db - 18.06, abs=0.1)
    pop = slice(5 * RATE, 5 * RATE + 100)
    gain_db = 20 * np.log10(limiter[0][pop, 0] / signal[pop, 0])
    assert gain_db.min() == pytest.approx(-limiter[1].max_reduction_db, abs=0.1)
    assert 0 < limiter[1].active_share < all_of_it[1].active_share


def test_near_spans_are_one_and_their_number_is_bounded() -> None:
    spans = _Spans(10)
    for start, end in ((0, 5), (14, 20), (30, 31)):
        spans.add(start, end)
    assert spans.as_tuple() == ((0, 20), (30, 31))
    for i in range(5000):
        spans.add(100 + 20 * i, 101 + 20 * i)
    assert 0 < len(spans.as_tuple()) <= 1000
    assert spans.as_tuple()[0][0] == 0
    assert spans.as_tuple()[-1][1] == 101 + 20 * 4999


def test_latency_is_the_reach_and_the_look_ahead() -> None:
    limiter = TruePeakLimiter(RATE, 2, CEILING_DB, look_ahead_s=0.005)
    assert INTERPOLATOR_REACH < limiter.latency_samples <= INTERPOLATOR_REACH + round(0.005 * RATE)


def test_a_wrong_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="is not"):
        TruePeakLimiter(RATE, 2, CEILING_DB).process(np.zeros((10, 3)))
