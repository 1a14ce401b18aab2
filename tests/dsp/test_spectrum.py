"""`dsp.spectrum`: levels are right, shares sum to one, and no number depends on how audio arrives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.bands import BAND_COUNT, CENTRE_HZ, CLASSIC_EDGES_HZ
from stemmix.dsp import spectrum_kernels
from stemmix.dsp.fft import Transform, lanes_of
from stemmix.dsp.spectrum import COLUMNS, BandAnalyser, Spectra, erb_numbers, ruler
from tests.material import RATE_HZ, SIZES, blocks, noise
from tests.reference import spectrum as twin

RATES_HZ = (32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
LANES = lanes_of(np.float32)
FIELDS = ("total", "mid", "classic", "centroid_hz", "flatness", "rolloff_hz")


def analysed(signal: np.ndarray, rate_hz: int = RATE_HZ, size: int = 4096) -> Spectra:
    analyser = BandAnalyser(rate_hz)
    parts = [analyser.process(block) for block in blocks(signal, size)]
    parts.append(analyser.flush())
    return Spectra(np.concatenate([part.powers for part in parts]))


def sine(frequency_hz: float, rate_hz: int = RATE_HZ, seconds: float = 0.6) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def inner(values: np.ndarray) -> np.ndarray:
    """Without the frames that reach over the signal's ends."""
    return values[3:-4]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("frequency_hz", [100.0, 997.0, 9_000.0])
def test_a_sine_that_peaks_at_one_in_one_channel_sums_to_minus_3_db(rate_hz: int, frequency_hz: float) -> None:
    tone = sine(frequency_hz, rate_hz)
    for silent in (0, 1):
        found = analysed(np.insert(tone[:, None], silent, 0.0, axis=1), rate_hz)
        # leakage of 0.05 dB under 30 Hz at the lowest frequency, whose window is but four periods long
        assert 10 * np.log10(inner(found.total).sum(axis=1)) == pytest.approx(-3.01, abs=0.06)
        # half of the power of a channel alone is mid, half side
        assert 10 * np.log10(inner(found.mid).sum(axis=1)) == pytest.approx(-6.02, abs=0.06)
        nearest = int(np.argmin(np.abs(erb_numbers(CENTRE_HZ) - erb_numbers([frequency_hz]))))
        assert abs(int(inner(found.total).mean(axis=0).argmax()) - nearest) <= 1


def test_a_sine_stands_in_its_classic_band_at_its_level() -> None:
    for band, (low_hz, high_hz) in enumerate(pairwise(CLASSIC_EDGES_HZ)):
        tone = sine((low_hz * high_hz) ** 0.5)
        classic = inner(analysed(np.stack((tone, tone), axis=1)).classic).mean(axis=0)
        assert 10 * np.log10(classic[band]) == pytest.approx(0.0, abs=0.1), "two channels of -3.01 dB each"
        # the window's skirts reach into the neighbours of narrow bands only
        assert np.all(np.delete(classic, band) < 10**-2)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_every_bins_shares_sum_to_one_and_fall_on_the_two_nearest_centres(rate_hz: int) -> None:
    rule = ruler(rate_hz)
    assert rule.window_samples & (rule.window_samples - 1) == 0
    assert 0.03 < rule.window_samples / rate_hz < 0.06
    assert rule.hop_samples == rate_hz // 50
    centres = erb_numbers(CENTRE_HZ)
    assert np.all((rule.upper_share >= 0) & (rule.upper_share <= 1))
    assert np.all((rule.lower_band >= 0) & (rule.lower_band <= BAND_COUNT - 2))
    between = (rule.bin_hz >= CENTRE_HZ[0]) & (rule.bin_hz <= CENTRE_HZ[-1])
    lower, upper = rule.lower_band[between], rule.upper_share[between]
    # a triangle's weighted mean of its centres is where the bin stands
    assert (1 - upper) * centres[lower] + upper * centres[lower + 1] == pytest.approx(erb_numbers(rule.bin_hz[between]))
    assert np.all(rule.upper_share[rule.bin_hz < CENTRE_HZ[0]] == 0)
    assert np.all(rule.upper_share[rule.bin_hz > CENTRE_HZ[-1]] == 1)
    half = rule.window_samples // 2
    assert rule.window[:half] ** 2 + rule.window[half:] ** 2 == pytest.approx(1.0), "sums to one at half overlap"


@pytest.mark.parametrize("rate_hz", [32_000, 44_100, 48_000, 192_000])
def test_it_agrees_with_a_plain_transform_of_either_channel(rate_hz: int) -> None:
    rule = ruler(rate_hz)
    signal = noise(round(0.25 * rate_hz), seed=5)
    signal[:, 1] = 0.6 * signal[:, 0] - 0.3 * signal[:, 1]
    found = analysed(signal, rate_hz)
    left, right = (twin.spectra(channel, rule.window, rule.hop_samples) for channel in signal.T)
    assert len(found.total) == len(left) == rule.frame_count(len(signal))
    for t in range(0, len(left), 3):
        wanted = twin.row(left[t], right[t], **gathering(rate_hz))
        assert row_of(found, t) == pytest.approx(wanted, rel=2e-4, abs=1e-12)


def test_frames_are_windowed_as_the_twin_does_one_in_each_lane() -> None:
    signal = noise(LANES * 960 + 2048).astype(np.float32)
    window = ruler(RATE_HZ).window.astype(np.float32)
    re, im = np.full((2, len(window), LANES), np.nan, np.float32)
    spectrum_kernels.frames_of_both(signal, 5, 960, window, re, im)
    for plane, channel in zip((re, im), signal[5:].T, strict=True):
        assert np.array_equal(plane.T, np.array(twin.windowed(channel, 960, window, LANES)))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rate_hz=st.sampled_from(RATES_HZ),
    silent=st.booleans(),
    count=st.integers(1, LANES + 2),
)
def test_the_kernel_gathers_as_its_twin(seed: int, rate_hz: int, silent: bool, count: int) -> None:
    random = np.random.default_rng(seed)
    rule = ruler(rate_hz)
    size = rule.window_samples
    level = 0.0 if silent else 10.0 ** random.uniform(-4, 1)
    signal = (level * random.normal(size=((2 * LANES - 1) * rule.hop_samples + size, 2))).astype(np.float32)
    # a reed of some colour, so that no two lanes are alike in their shares
    signal *= np.sin(np.arange(len(signal)) ** 1.2 * random.uniform(0.001, 0.1))[:, None].astype(np.float32)
    with_settings = gathering(rate_hz)
    transform = Transform(size, np.float32)
    out = np.empty((count, COLUMNS))
    spectrum_kernels.gathered(
        signal,
        rule.hop_samples,
        rule.window.astype(np.float32),
        transform.radices,
        transform.table,
        tuple(transform.planes),
        np.zeros((size // 2 + 1, LANES), np.float32),
        np.stack((1.0 - rule.upper_share, rule.upper_share), axis=1).astype(np.float32),
        rule.stretches,
        with_settings["bin_hz"],
        out,
    )
    for t, gathered in enumerate(out):
        frame = signal[t * rule.hop_samples :][:size].astype(float) * rule.window[:, None]
        wanted = twin.row(*np.fft.rfft(frame, axis=0).T, **with_settings)
        # squares are taken in single precision
        assert gathered[:81] == pytest.approx(wanted[:81], rel=1e-5, abs=1e-6 * max(wanted[:36]))
        # where the sum falls on its share to the last bit, either of two neighbours is right
        assert gathered[81] == pytest.approx(wanted[81], abs=1.001 * with_settings["bin_hz"])


def gathering(rate_hz: int) -> dict:
    rule = ruler(rate_hz)
    return {
        "lower_band": rule.lower_band,
        "upper_share": rule.upper_share,
        "first_bin": int(np.argmax(rule.heard)),
        "classic_bins": rule.classic_bins,
        "bin_hz": rate_hz / rule.window_samples,
    }


def row_of(found: Spectra, t: int) -> list[float]:
    row = [*found.total[t], *found.mid[t], *found.classic[t], found.centroid_hz[t], found.flatness[t]]
    return [*row, found.rolloff_hz[t]]


def test_mid_is_all_of_a_sound_in_the_middle_and_nothing_of_one_in_opposite_phase() -> None:
    mono = noise(RATE_HZ // 2, 1)
    middle, sides = analysed(np.repeat(mono, 2, axis=1)), analysed(mono * [[1.0, -1.0]])
    assert middle.mid == pytest.approx(middle.total, rel=1e-5)
    assert sides.total == pytest.approx(middle.total, rel=1e-5)
    assert inner(sides.mid).max() < 1e-7 * inner(sides.total).max()


def test_mid_and_side_add_up_to_the_total() -> None:
    signal = noise(RATE_HZ // 2)
    found, mirrored = analysed(signal), analysed(signal * [[1.0, -1.0]])
    assert inner(found.mid + mirrored.mid) == pytest.approx(inner(found.total), rel=1e-4)


def test_centroid_and_flatness_are_librosas() -> None:
    """Over the bins that are heard: librosa's are of the magnitude and of the power spectrum, as ours."""
    from librosa.feature import spectral_centroid, spectral_flatness

    rule = ruler(RATE_HZ)
    signal = noise(RATE_HZ // 2, 1, rms=0.1) + 0.2 * sine(440.0, seconds=0.5)[:, None]
    found = analysed(np.repeat(signal, 2, axis=1))
    magnitude = np.abs(twin.spectra(signal[:, 0], rule.window, rule.hop_samples)).T[rule.heard]
    centroid_hz = spectral_centroid(S=magnitude, sr=RATE_HZ, freq=rule.bin_hz[rule.heard])[0]
    flatness = spectral_flatness(S=magnitude)[0]
    assert inner(found.centroid_hz) == pytest.approx(inner(centroid_hz), rel=1e-3)
    assert inner(found.flatness) == pytest.approx(inner(flatness), rel=1e-2)


def test_rolloff_is_librosas() -> None:
    """The frequency under which 85 % of the magnitude lie, over the bins that are heard."""
    from librosa.feature import spectral_rolloff

    rule = ruler(RATE_HZ)
    bin_hz = RATE_HZ / rule.window_samples
    hiss = noise(RATE_HZ // 2, 1, rms=0.001)
    # single precision sees what is 60 dB under a tone to a thousandth
    for signal, slack in ((hiss, 1e-5), (0.2 * sine(440.0, seconds=0.5)[:, None] + hiss, 1e-3)):
        found = analysed(np.repeat(signal, 2, axis=1))
        magnitude = np.abs(twin.spectra(signal[:, 0], rule.window, rule.hop_samples)).T[rule.heard]
        magnitude[-1] *= 0.5**0.5  # every bin but Nyquist's stands for its mirror image too
        rolloff_hz = spectral_rolloff(S=magnitude, sr=RATE_HZ, freq=rule.bin_hz[rule.heard], roll_percent=0.85)[0]
        assert np.median(np.abs(inner(found.rolloff_hz) - inner(rolloff_hz))) == 0
        share = np.cumsum(magnitude, axis=0) / magnitude.sum(axis=0)
        for t in range(3, len(found.rolloff_hz) - 4):
            reached = round(found.rolloff_hz[t] / bin_hz) - int(np.argmax(rule.heard))
            assert share[reached - 1, t] - slack < 0.85 <= share[reached, t] + slack


def test_rolloff_of_white_noise_is_at_85_percent_of_the_range_and_of_a_tone_where_it_stands() -> None:
    white = inner(analysed(noise(2 * RATE_HZ)).rolloff_hz)
    assert white.mean() == pytest.approx(0.85 * RATE_HZ / 2, rel=0.02)
    tone = sine(2000.0)
    assert inner(analysed(np.stack((tone, tone), axis=1)).rolloff_hz) == pytest.approx(2000.0, abs=50.0)


def test_flatness_tells_noise_from_a_tone() -> None:
    """White noise has exp(-gamma) = 0.56; a tone next to nothing. Its centroid is where it stands."""
    white = inner(analysed(noise(2 * RATE_HZ)).flatness)
    assert 0.5 < white.mean() < 0.8
    tone = sine(2000.0)
    found = analysed(np.stack((tone, tone), axis=1))
    assert inner(found.flatness).max() < 1e-3
    assert inner(found.centroid_hz) == pytest.approx(2000.0, rel=0.02)


@pytest.mark.parametrize("frames", [0, 1, 959, 960, 961, 2 * LANES * 960 + 5])
@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
def test_any_blocking_gives_the_same_frames_to_the_bit(frames: int, rate_hz: int) -> None:
    signal = noise(frames, seed=6)
    whole = analysed(signal, rate_hz, max(frames, 1))
    assert len(whole.total) == ruler(rate_hz).frame_count(frames)
    assert (frames == 0) == (len(whole.total) == 0)
    for size in (1, *SIZES) if frames < 1000 else SIZES[1:]:
        cut = analysed(signal, rate_hz, size)
        assert all(np.array_equal(getattr(cut, name), getattr(whole, name)) for name in FIELDS)


def test_a_frame_is_centred_on_its_sample() -> None:
    signal = np.zeros((RATE_HZ, 2))
    signal[20 * 960] = 1.0
    power = analysed(signal).total.sum(axis=1)
    assert power.argmax() == 20
    assert power[19] == pytest.approx(power[21], rel=1e-3)
    assert np.all(power[:18] == 0)
    assert np.all(power[23:] == 0)


def test_silence_has_no_centroid_no_flatness_no_rolloff_and_no_power() -> None:
    found = analysed(np.zeros((5000, 2)))
    assert len(found.total) == 7
    assert not any(getattr(found, name).any() for name in FIELDS)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(0, 6))
def test_rises_are_its_twins_however_the_frames_arrive(seed: int, first: int, second: int) -> None:
    level_db = np.random.default_rng(seed).uniform(-80, 0, (first + second, 40))
    before, out = np.full(36, -60.0), np.empty(first + second)
    for part in (slice(0, first), slice(first, None)):
        spectrum_kernels.rises(level_db[part], 36, -60.0, before, out[part])
    assert out.tolist() == pytest.approx(twin.rises(level_db[:, :36].tolist(), -60.0))


def test_decibels_are_those_of_numpy() -> None:
    powers = np.concatenate(([0.0, 1e-30, 1e-20, 1.0], 10 ** np.random.default_rng(0).uniform(-22, 3, 1000)))
    out = np.empty_like(powers)
    spectrum_kernels.decibels(powers, out)
    assert out == pytest.approx(10 * np.log10(np.maximum(powers, 1e-20)), abs=1e-12)
