"""`dsp.dynamics`: when a cut is there, how it comes and goes, and that it does not matter where one begins to ask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp import shaping_kernels
from stemmix.dsp.dynamics import Cut, GainCurve, Shape, StemGains
from tests.reference import shaping as twin

RATE_HZ = 1000
"""Low, so that every sample can be looked at."""
SHAPE = Shape(look_ahead_s=0.08, hold_s=0.35, ramp_s=0.25)
LOOK, HOLD, RAMP = 80, 350, 250
END = 6000
TIMES = np.arange(END, dtype=np.float64)

cuts = st.lists(
    st.builds(
        lambda start, length, one, two: (start, start + length, (-one, -two)),
        *(st.integers(800, 3500), st.integers(0, 900), st.floats(0, 24), st.floats(0, 24)),
    ),
    max_size=6,
)


def curve(*given_cuts: Cut, shape: Shape = SHAPE, rate_hz: int = RATE_HZ) -> GainCurve:
    return GainCurve(given_cuts, shape, rate_hz, len(given_cuts[0][2]) if given_cuts else 2)


def convolved(given_cuts: list[Cut]) -> np.ndarray:
    """The definition: each band's deepest held gain, sample by sample, smoothed with a Hann window of the ramp."""
    fine = 8  # a finer grid, as the closed form knows no samples
    edges = np.arange(-1000 * fine, (END + 1000) * fine)
    held = np.zeros((len(edges), 2))
    times = (edges + 0.5) / fine
    for start, end, gain_db in given_cuts:
        inside = (times > start - LOOK - RAMP / 2) & (times < end + HOLD + RAMP / 2)
        held[inside] = np.minimum(held[inside], gain_db)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(RAMP * fine) + 0.5) / (RAMP * fine))
    smooth = np.stack([np.convolve(band, window / window.sum()) for band in held.T], axis=1)
    # the value at sample t is that of the window centred on t
    return smooth[1000 * fine + RAMP * fine // 2 - 1 :: fine][:END]


def test_a_cut_is_whole_from_the_look_ahead_to_the_end_of_the_hold() -> None:
    gain_db = curve((2000, 3000, (-6.0, -1.5))).at(TIMES)
    assert gain_db[2000 - LOOK : 3000 + HOLD + 1] == pytest.approx(np.array([[-6.0, -1.5]] * (1001 + LOOK + HOLD)))


@pytest.mark.parametrize("ramp_s", [0.25, 0.251, 0.0])
def test_a_cut_is_exactly_nothing_beyond_its_ramps_and_monotone_in_them(ramp_s: float) -> None:
    ramp = round(ramp_s * RATE_HZ) + 1
    gain_db = curve((2000, 3000, (-6.0, -1.5)), shape=Shape(0.08, 0.35, ramp_s)).at(TIMES)
    assert not gain_db[: 2000 - LOOK - ramp].any()
    assert not gain_db[3000 + HOLD + ramp + 1 :].any()
    assert gain_db[2000 - LOOK : 3000 + HOLD + 1, 0] == pytest.approx(-6.0, abs=1e-12), "an odd ramp is no exception"
    assert np.all(np.diff(gain_db[: 2000 - LOOK], axis=0) <= 0)
    assert np.all(np.diff(gain_db[3000 + HOLD :], axis=0) >= 0)
    if ramp_s:
        middle = gain_db[2000 - LOOK - RAMP // 2, 0]
        assert middle == pytest.approx(-3.0, abs=0.05), "half of its dB half-way up the ramp"


def test_a_ramp_has_no_corner() -> None:
    """Hann-shaped: the steepest change is 2 / ramp of the depth, and it begins and ends flat."""
    steps = np.diff(curve((2000, 3000, (-12.0,))).at(TIMES)[:, 0])
    assert np.abs(steps).max() == pytest.approx(12.0 * 2 / RAMP, rel=0.01)
    assert np.abs(np.diff(steps)).max() < 12.0 * 2 * np.pi / RAMP**2 * 1.1


def test_where_cuts_of_a_layer_overlap_the_furthest_of_each_band_holds() -> None:
    gain_db = curve((2000, 3000, (-6.0, -1.0)), (2500, 3500, (-3.0, -9.0))).at(TIMES)
    assert gain_db[2100] == pytest.approx([-6.0, -1.0])
    assert gain_db[2750] == pytest.approx([-6.0, -9.0])
    assert gain_db[3800] == pytest.approx([-3.0, -9.0])


def test_of_a_cut_and_a_lift_the_one_further_from_nothing_holds() -> None:
    gain_db = curve((2000, 3000, (-1.0, 2.0)), (2500, 3500, (2.0, -1.0))).at(TIMES)
    assert gain_db[2750] == pytest.approx([2.0, 2.0])


def test_a_gap_shorter_than_the_hold_is_bridged() -> None:
    gain_db = curve((2000, 2500, (-6.0,)), (2850, 3300, (-6.0,))).at(TIMES)
    assert gain_db[2000 : 3300 + HOLD] == pytest.approx(-6.0)


def test_layers_add_in_db() -> None:
    first, second = [(2000, 3000, (-6.0, -1.0))], [(2500, 3500, (-3.0, -3.0)), (100, 200, (-2.0, 0.0))]
    both = StemGains([(False, first), (False, second)], SHAPE, RATE_HZ, 2)
    assert np.array_equal(both.at(TIMES), curve(*first).at(TIMES) + curve(*second).at(TIMES))
    assert both.at(np.array([2750.0])) == pytest.approx(np.array([[-9.0, -4.0]]))
    assert not both.idle(150, 160)
    assert both.idle(5000, 6000)


@settings(max_examples=25, deadline=None)
@given(given_cuts=cuts)
def test_the_closed_form_is_the_convolution(given_cuts: list[Cut]) -> None:
    assert GainCurve(given_cuts, SHAPE, RATE_HZ, 2).at(TIMES) == pytest.approx(convolved(given_cuts), abs=2e-3)


@settings(max_examples=60, deadline=None)
@given(given_cuts=cuts, begin=st.integers(0, END), count=st.integers(0, 400), step=st.integers(1, 40))
def test_it_does_not_matter_where_one_begins_to_ask(given_cuts: list[Cut], begin: int, count: int, step: int) -> None:
    asked = GainCurve(given_cuts, SHAPE, RATE_HZ, 2)
    some = np.arange(begin, min(begin + count * step, END), step)
    assert np.array_equal(asked.at(some.astype(np.float64)), asked.at(TIMES)[some])


@settings(max_examples=200, deadline=None)
@given(given_cuts=cuts, begin=st.integers(-1000, END), length=st.integers(1, 2000))
def test_idle_means_that_every_gain_is_exactly_nothing(given_cuts: list[Cut], begin: int, length: int) -> None:
    asked = GainCurve(given_cuts, SHAPE, RATE_HZ, 2)
    inside = np.arange(begin + 1, begin + length, dtype=np.float64)
    # a cut of 0 dB is a cut all the same, so busy need not mean that anything is heard
    assert not (asked.idle(begin, begin + length) and asked.at(inside).any())
    reach = LOOK + HOLD + RAMP
    far = all(end + reach < begin or start - reach > begin + length for start, end, _ in given_cuts)
    assert asked.idle(begin, begin + length) or not far


def test_a_rise_is_a_hann_windows_integral() -> None:
    fine = np.linspace(-0.5, 0.5, 1001)
    risen = np.array([shaping_kernels.hann_rise(x) for x in fine])
    assert [shaping_kernels.hann_rise(x) for x in (-9.0, -0.5, 0.0, 0.5, 9.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert risen == pytest.approx([twin.hann_rise(x) for x in fine], abs=1e-15)
    assert np.gradient(risen, fine) == pytest.approx(1 + np.cos(2 * np.pi * fine), abs=1e-2)


@settings(max_examples=50, deadline=None)
@given(
    edges=st.lists(st.integers(0, 3000), min_size=2, max_size=10, unique=True),
    samples=st.lists(st.integers(-500, 3500), max_size=20),
    ramp=st.integers(1, 600),
    seed=st.integers(0, 2**32 - 1),
)
def test_pieces_in_time_are_their_twin(edges: list[int], samples: list[int], ramp: int, seed: int) -> None:
    edges = sorted(edges)[: len(edges) // 2 * 2]
    starts, ends = np.array(edges[::2]), np.array(edges[1::2])
    random = np.random.default_rng(seed)
    gains, rows = random.uniform(-24, 6, (4, 3)), random.integers(0, 4, len(starts))
    times = np.sort(np.array(samples, np.float64))
    out = np.zeros((len(times), 3))
    shaping_kernels.add_pieces(times, starts, ends, rows, gains, float(ramp), out)
    wanted = twin.gains_at(times.tolist(), list(zip(starts, ends, gains[rows].tolist(), strict=True)), ramp, 3)
    assert out == pytest.approx(np.array(wanted).reshape(out.shape), abs=1e-12)


def test_without_cuts_all_is_idle() -> None:
    nothing = StemGains([(False, []), (True, [])], SHAPE, RATE_HZ, 2)
    assert nothing.idle(-1e9, 1e9)
    assert np.array_equal(nothing.at(TIMES), np.zeros((END, 2)))
    assert nothing.at(np.zeros(0)).shape == (0, 2)
