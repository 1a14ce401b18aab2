"""The strip's kernels are what their slow twins are, and digital silence stays silent wherever it lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp import cutting_kernels, kernels
from stemmix.dsp.dynamics import Shape, StemGains
from stemmix.dsp.fft import Transform
from stemmix.dsp.spectrum import ruler
from stemmix.engine.strip import SILENT_SAMPLES, Strip
from tests.reference import cutting

RULER = ruler(48_000)
HOP = RULER.window_samples // 2


def losses(heard: np.ndarray, rows: np.ndarray, gain_db: np.ndarray, length: int) -> np.ndarray:
    transform = Transform(RULER.window_samples, np.float64)
    taken = np.zeros((length, 2))
    cutting_kernels.add_losses_of_pair(
        heard, HOP, RULER.window, rows, gain_db, RULER.lower_band, RULER.upper_share, transform.radices,
        transform.table, *transform.planes, np.zeros((2, len(RULER.bin_hz), transform.lanes)), taken,
    )  # fmt: skip
    return taken


@pytest.mark.parametrize("rows", [[2], [0, 3, 4, 9], list(range(17))], ids=len)
def test_what_is_lost_is_what_mid_and_sides_lose(rows: list[int]) -> None:
    rng = np.random.default_rng(len(rows))
    heard = rng.standard_normal((20 * HOP, 2))
    gain_db = -rng.uniform(0, 20, (len(rows), 72))
    gain_db[1::2] = gain_db[0]  # shares of a row that stays are kept
    gain_db[:, 40:50] = 0.0
    spectra = np.fft.fft(cutting.frames_of(heard, HOP, RULER.window, rows))
    lost = np.fft.ifft(cutting.keep_what_is_cut(spectra, gain_db, RULER.lower_band, RULER.upper_share))
    expected = cutting.add_frames(lost, HOP, RULER.window, rows, 20 * HOP)
    np.testing.assert_allclose(losses(heard, np.array(rows), gain_db, 20 * HOP), expected, atol=1e-13)


def test_a_frame_loses_the_same_bits_whatever_frames_are_taken_with_it() -> None:
    rng = np.random.default_rng(3)
    heard, gain_db = rng.standard_normal((20 * HOP, 2)), -rng.uniform(0, 20, (9, 72))
    rows = np.arange(0, 18, 2)  # that do not overlap
    together = losses(heard, rows, gain_db, 20 * HOP)
    for row, its in zip(rows, gain_db, strict=True):
        alone = losses(heard, np.array([row]), its[None], 20 * HOP)
        assert np.array_equal(alone[row * HOP : (row + 2) * HOP], together[row * HOP : (row + 2) * HOP])


def test_a_gain_of_nothing_takes_exactly_nothing() -> None:
    heard = np.random.default_rng(4).standard_normal((4 * HOP, 2))
    assert not losses(heard, np.array([0, 1]), np.zeros((2, 72)), 4 * HOP).any()


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
