"""The strip's kernels are what their slow twins are, and digital silence stays silent wherever it lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp import cutting_kernels
from stemmix.dsp.cutting_kernels import LANES
from stemmix.dsp.dynamics import Shape, StemGains
from stemmix.dsp.fft import Transform
from stemmix.dsp.spectrum import ruler
from stemmix.engine.strip import SILENT_SAMPLES, Strip
from tests.reference import cutting

RULER = ruler(48_000)
HOP = RULER.window_samples // 2


class Cutter:
    """Groups of frames of some channels of a signal, cut one after the other."""

    def __init__(self, column: int, channels: int) -> None:
        self.column, self.channels = column, channels
        self.overlap = np.zeros((HOP, 2))
        self.run = np.zeros(2, np.int64)

    def cut(self, heard: np.ndarray, gain_db: np.ndarray) -> None:
        transform = Transform(RULER.window_samples, np.float64)
        cutting_kernels.cut_groups(
            heard, self.column, self.channels, gain_db, RULER.window, RULER.lower_band, RULER.upper_share,
            transform.radices, transform.table, tuple(transform.planes), np.zeros((2, len(RULER.bin_hz), LANES)),
            np.zeros(((LANES + 1) * HOP, 2)), np.zeros((LANES * HOP, 2)), self.overlap, self.run, SILENT_SAMPLES,
        )  # fmt: skip


def gains_of_every_kind(groups: int) -> np.ndarray:
    """Frames without moves, with the same gains as before, with gains of their own; of mid and sides, and of one."""
    rng = np.random.default_rng(groups)
    gain_db = -rng.uniform(0, 20, (groups * LANES, 72))
    gain_db[: 2 * LANES] = 0.0
    gain_db[LANES + 3] = -6.0
    gain_db[2 * LANES : 4 * LANES] = gain_db[2 * LANES]
    gain_db[4 * LANES :: 3, 36:] = 0.0
    gain_db[:, 20:25] = 0.0
    return gain_db


@pytest.mark.parametrize(("column", "channels"), [(0, 2), (1, 2), (0, 1), (3, 1)])
def test_what_is_left_is_what_the_twin_leaves(column: int, channels: int) -> None:
    """Wherever the channels stand, and whether groups come together or one by one."""
    groups = 7
    gain_db = gains_of_every_kind(groups)
    heard = np.random.default_rng(1).standard_normal(((groups * LANES + 1) * HOP, 4))
    heard[20_000:20_700] = 0.0
    heard[40_000:, 1] = 0.0
    here = slice(column, column + channels)
    expected = heard.copy()
    expected[:, here] = cutting.cut(
        heard[:, here], gain_db, RULER.window, RULER.lower_band, RULER.upper_share, SILENT_SAMPLES
    )
    together, one_by_one = heard.copy(), heard.copy()
    Cutter(column, channels).cut(together, gain_db)
    cutter = Cutter(column, channels)
    for first in range(0, groups * LANES, LANES):
        cutter.cut(one_by_one[first * HOP : (first + LANES + 1) * HOP], gain_db[first : first + LANES])
    assert np.array_equal(together, one_by_one)
    whole = slice(0, groups * LANES * HOP)
    np.testing.assert_allclose(together[whole], expected[whole], atol=1e-13)
    assert not np.allclose(expected[whole], heard[whole], atol=1e-3)
    assert np.array_equal(together[whole.stop :], heard[whole.stop :])
    assert np.array_equal(np.delete(together, range(column, column + channels), 1), np.delete(heard, here, 1))


def test_a_frame_loses_the_same_bits_whatever_frames_are_taken_with_it() -> None:
    rng = np.random.default_rng(3)
    heard, gain_db = rng.standard_normal(((2 * LANES + 1) * HOP, 2)), -rng.uniform(0, 20, (2 * LANES, 72))
    gain_db[1::2] = 0.0  # that do not overlap
    together = heard.copy()
    Cutter(0, 2).cut(together, gain_db)
    for frame in range(0, 2 * LANES, 2):
        alone, its_db = heard.copy(), np.zeros_like(gain_db)
        its_db[frame] = gain_db[frame]
        Cutter(0, 2).cut(alone, its_db)
        here = slice(frame * HOP, (frame + 2) * HOP)
        assert np.array_equal(alone[here], together[here])


def test_a_gain_of_nothing_takes_exactly_nothing() -> None:
    """Beside frames that lose something, and in bands beside those that do."""
    gain_db = np.zeros((LANES, 72))
    gain_db[5] = -12.0
    heard = np.random.default_rng(4).standard_normal(((LANES + 1) * HOP, 2))
    out = heard.copy()
    Cutter(0, 2).cut(out, gain_db)
    touched = slice(5 * HOP, 7 * HOP)
    assert np.any(out[touched] != heard[touched])
    assert np.array_equal(np.delete(out, np.r_[touched], 0), np.delete(heard, np.r_[touched], 0))


def test_shares_of_bins_are_those_of_their_bands() -> None:
    gain_db = gains_of_every_kind(5)[-LANES:]
    own, other = np.empty((2, len(RULER.bin_hz), LANES))
    for sides in (36, 0):
        cutting_kernels.losses_of(gain_db, sides, RULER.lower_band, RULER.upper_share, own, other)
        for lane, its_db in enumerate(gain_db):
            mid, side = (
                cutting.shares(part_db, RULER.lower_band, RULER.upper_share)
                for part_db in (its_db[:36], its_db[sides:])
            )
            np.testing.assert_allclose(own[:, lane], (mid + side) / 2, atol=1e-14)
            np.testing.assert_allclose(other[:, lane], (mid - side) / 2, atol=1e-14)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=20),
    st.integers(0, 40),
    st.integers(1, 2),
    st.integers(0, 1),
)
def test_silence_is_kept_as_the_twin_does(
    runs: list[tuple[int, bool]], before: int, channels: int, column: int
) -> None:
    sides = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])  # one channel that sounds is enough
    heard = np.concatenate(
        [np.tile(sides[number % 3] * sounds, (length, 1)) for number, (length, sounds) in enumerate(runs)]
    )[:, :channels]
    taken = np.ones((max(len(heard) - 30, 1), channels))
    expected = cutting.keep_silent(heard, before, 30, taken)
    beside = np.concatenate((np.ones((len(heard), column)), heard, np.ones((len(heard), 1))), axis=1)
    cutting_kernels.keep_silent(beside, column, channels, before, 30, taken)
    assert np.array_equal(taken, expected)
    sounding = np.flatnonzero(heard.any(axis=1))
    silent = len(heard) - (sounding[-1] + 1 if len(sounding) else 0)
    assert cutting_kernels.silence_at_end(beside, column, channels, 1000) == silent
    assert cutting_kernels.silence_at_end(beside, column, channels, 30) == min(silent, 30)


@pytest.mark.parametrize("gap", [SILENT_SAMPLES, 700, 5000, 20_000])
def test_digital_silence_stays_silent_across_groups(gap: int) -> None:
    """Gaps are laid over the edges at which the strip's groups begin, where a run is seen in two parts."""
    rng = np.random.default_rng(gap)
    sound = rng.standard_normal((240_000, 2)) * 0.1
    edges = np.arange(0, 240_000, LANES * HOP)
    for edge in edges[1 :: max(1, 2 * gap // (LANES * HOP))]:
        start = max(int(edge) - rng.integers(1, gap), 0)
        sound[start : start + gap] = 0.0
    silent = ~sound.any(axis=1)
    assert 0 < silent.sum() < 200_000
    tilt = tuple(np.linspace(-12, 6, 36)) * 2
    strip = Strip(StemGains([(False, [(0, 240_000, tilt)])], Shape(0.0, 0.0, 0.1), 48_000, 72), 0.0, 48_000)
    out = np.concatenate([strip.process(sound), strip.flush()])[strip.latency_samples :]
    assert not out[silent].any()
    assert not np.array_equal(out, sound)
