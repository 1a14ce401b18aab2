"""The strip's kernels are what their slow twins are, and digital silence stays silent wherever it lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp import kernels
from stemmix.dsp.dynamics import Shape, StemGains
from stemmix.dsp.spectrum import ruler
from stemmix.engine.strip import SILENT_SAMPLES, Strip
from tests.reference import cutting

RULER = ruler(48_000)
HOP = RULER.window_samples // 2


def test_frames_are_taken_and_added_as_the_twin_does() -> None:
    heard = np.random.default_rng(0).standard_normal((20 * HOP, 2))
    rows = np.array([0, 3, 4, 9])
    frames = np.empty((len(rows), 2 * HOP), np.complex128)
    kernels.frames_of(heard, HOP, RULER.window, rows, frames)
    assert np.array_equal(frames, cutting.frames_of(heard, HOP, RULER.window, rows))
    taken = np.zeros((12 * HOP, 2))
    kernels.add_frames(frames, HOP, RULER.window, rows, taken)
    np.testing.assert_allclose(taken, cutting.add_frames(frames, HOP, RULER.window, rows, 12 * HOP), atol=1e-15)


def test_what_is_cut_is_what_mid_and_sides_lose() -> None:
    rng = np.random.default_rng(1)
    spectra = np.fft.fft(rng.standard_normal((3, 2 * HOP)) + 1j * rng.standard_normal((3, 2 * HOP)))
    gain_db = -rng.uniform(0, 20, (3, 72))
    gain_db[1] = gain_db[0]  # the kernel keeps the shares of a row that stays
    expected = cutting.keep_what_is_cut(spectra, gain_db, RULER.lower_band, RULER.upper_share)
    kernels.keep_what_is_cut(spectra, gain_db, RULER.lower_band, RULER.upper_share)
    np.testing.assert_allclose(spectra, expected, atol=1e-11)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=20),
    st.integers(0, 40),
    st.integers(1, 2),
)
def test_silence_is_kept_as_the_twin_does(runs: list[tuple[int, bool]], before: int, channels: int) -> None:
    sides = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])  # one channel that sounds is enough
    heard = np.concatenate(
        [np.tile(sides[number % 3] * sounds, (length, 1)) for number, (length, sounds) in enumerate(runs)]
    )[:, :channels]
    taken = np.ones((max(len(heard) - 30, 1), channels))
    expected = cutting.keep_silent(heard, before, 30, taken)
    kernels.keep_silent(heard, before, 30, taken)
    assert np.array_equal(taken, expected)
    quiet = np.flatnonzero(heard.any(axis=1))
    assert kernels.silence_at_end(heard) == len(heard) - (quiet[-1] + 1 if len(quiet) else 0)


@pytest.mark.parametrize("gap", [SILENT_SAMPLES, 700, 5000, 20_000])
def test_digital_silence_stays_silent_across_batches(gap: int) -> None:
    """Gaps are laid over the edges at which the strip's batches begin, where a run is seen in two parts."""
    rng = np.random.default_rng(gap)
    sound = rng.standard_normal((240_000, 2)) * 0.1
    edges = np.arange(0, 240_000, 32 * HOP) - HOP
    for edge in edges[1:]:
        start = max(int(edge) - rng.integers(1, gap), 0)
        sound[start : start + gap] = 0.0
    silent = ~sound.any(axis=1)
    tilt = tuple(np.linspace(-12, 6, 36)) * 2
    strip = Strip(StemGains([(False, [(0, 240_000, tilt)])], Shape(0.0, 0.0, 0.1), 48_000, 72), 0.0, 48_000)
    out = np.concatenate([strip.process(sound), strip.flush()])[strip.latency_samples :]
    assert not out[silent].any()
    assert not np.array_equal(out, sound)
