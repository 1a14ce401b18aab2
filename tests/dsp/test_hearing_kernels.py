"""`dsp.hearing_kernels` and `dsp.spreading_kernels`: compiled code is its slow twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp import hearing_kernels, spreading_kernels
from stemmix.model.features import COLUMN_COUNT, Frames
from stemmix.planning import masking
from tests.dsp.spreading import FELT
from tests.held_frames import HeldFrames
from tests.reference import hearing as twin

Floats = NDArray[np.float64]

SEEDS = st.integers(0, 2**32 - 1)


def levels(seed: int, frames: int) -> NDArray[np.int16]:
    """Rows of levels from silence to over full scale."""
    return np.random.default_rng(seed).integers(-20_000, 1000, (frames, COLUMN_COUNT)).astype(np.int16)


def powers(rows: NDArray[np.int16], fader_db: float) -> list[list[float]]:
    return [[twin.power_of(int(level), fader_db) for level in row] for row in rows]


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, frames=st.integers(0, 5), first=st.sampled_from([0, 36, 72]), fader_db=st.sampled_from([0.0, -6.5]))
def test_smoothed_power_is_its_twin(seed: int, frames: int, first: int, fader_db: float) -> None:
    rows = levels(seed, frames + 4)
    width = min(BAND_COUNT, COLUMN_COUNT - first)
    out = np.full((frames, width), np.nan)
    table = Frames(HeldFrames(rows), gain_db=fader_db).power_of_level
    hearing_kernels.smoothed_power(rows, first, table, out)
    wanted = twin.smoothed(powers(rows[:, first : first + width], fader_db))
    assert out == pytest.approx(np.array(wanted).reshape(out.shape))


def test_smoothing_is_a_mean_over_80_ms_that_keeps_what_is_steady() -> None:
    rows = np.full((9, COLUMN_COUNT), -20_000, np.int16)
    rows[:, 1] = -523
    rows[4, 0] = 0
    out = np.empty((5, 2))
    hearing_kernels.smoothed_power(rows, 0, Frames(HeldFrames(rows)).power_of_level, out)
    assert out[:, 0] == pytest.approx([0.125, 0.25, 0.25, 0.25, 0.125])
    assert out[:, 1] == pytest.approx(np.full(5, 10**-0.523))


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, frames=st.integers(0, 4), fader_db=st.sampled_from([0.0, -6.5]))
def test_mid_and_sides_are_their_twins(seed: int, frames: int, fader_db: float) -> None:
    rows = levels(seed, frames + 4)
    mid, side = np.full((2, frames, BAND_COUNT), np.nan)
    hearing_kernels.heard_power(rows, 36, Frames(HeldFrames(rows), gain_db=fader_db).power_of_level, mid, side)
    wanted = twin.heard(powers(rows[:, :36], fader_db), powers(rows[:, 36:72], fader_db))
    assert mid == pytest.approx(np.array(wanted[0]).reshape(mid.shape))
    assert side == pytest.approx(np.array(wanted[1]).reshape(side.shape), rel=1e-9, abs=1e-25)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, frames=st.integers(0, 4), first=st.sampled_from([0, BAND_COUNT]))
def test_power_at_gains_is_its_twin_and_at_none_the_very_same(seed: int, frames: int, first: int) -> None:
    random = np.random.default_rng(seed)
    power = 10.0 ** random.uniform(-12, 0, (frames, BAND_COUNT))
    gain_db = random.uniform(-48, 6, (frames, 2 * BAND_COUNT)) * (random.uniform(size=(frames, 1)) < 0.5)
    gain_db = gain_db[np.sort(random.integers(0, max(frames, 1), frames))]  # some stand for several frames
    out = np.full_like(power, np.nan)
    hearing_kernels.at_gains(power, gain_db, first, out)
    wanted = twin.at_gains(power.tolist(), gain_db[:, first : first + BAND_COUNT].tolist())
    assert out == pytest.approx(np.array(wanted).reshape(out.shape))
    still = ~gain_db.any(axis=1)
    assert np.array_equal(out[still], power[still])


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, frames=st.integers(0, 4))
def test_a_bed_at_gains_is_its_twin(seed: int, frames: int) -> None:
    rows = levels(seed, frames)
    gain_db = np.random.default_rng(seed).uniform(-48, 6, (frames, 2 * BAND_COUNT))
    before, after = np.full((frames, BAND_COUNT), 0.5), np.full((frames, BAND_COUNT), 0.25)
    hearing_kernels.add_bed(rows, Frames(HeldFrames(rows)).power_of_level, gain_db, before, after)
    total, mid = powers(rows[:, :36], 0.0), powers(rows[:, 36:72], 0.0)
    assert before == pytest.approx(0.5 + np.array(total).reshape(before.shape))
    assert after == pytest.approx(0.25 + np.array(twin.bed(total, mid, gain_db.tolist())).reshape(after.shape))


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, frames=st.integers(0, 4))
def test_weighed_power_is_its_definition(seed: int, frames: int) -> None:
    rows, weights = levels(seed, frames), np.random.default_rng(seed).uniform(0, 2, BAND_COUNT)
    wanted = (Frames(HeldFrames(rows)).power("total", 0, frames) * weights).sum()
    found = hearing_kernels.weighed_power(rows, Frames(HeldFrames(rows)).power_of_level, weights)
    assert found == pytest.approx(wanted)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, frames=st.integers(0, 4), exponent=st.sampled_from([0.23, 0.5, 1.0]))
def test_a_sum_of_powers_is_its_definition(seed: int, frames: int, exponent: float) -> None:
    random = np.random.default_rng(seed)
    power = 10.0 ** random.uniform(-20, 1, (frames, BAND_COUNT)) * (random.uniform(size=(frames, BAND_COUNT)) < 0.9)
    assert hearing_kernels.sum_of_powers(power, exponent) == pytest.approx(float((power**exponent).sum()))


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, frames=st.integers(0, 4))
def test_spreading_is_its_twin_as_far_as_it_reaches(seed: int, frames: int) -> None:
    power = 10.0 ** np.random.default_rng(seed).uniform(-12, 0, (frames, BAND_COUNT))
    assert masking.excitation(power) == pytest.approx(np.array(twin.spread_power(power, FELT)).reshape(power.shape))


def test_what_spreading_leaves_out_is_60_db_down() -> None:
    """And what is counted is the whole of the model: nothing near a band is lost."""
    left_out = masking.SPREAD - FELT
    assert 0 < left_out.max() <= 1e-6
    assert np.all(np.diag(FELT) == 1.0)


def test_all_that_spreads_so_far_lies_on_the_diagonals_that_are_kept() -> None:
    diagonals = spreading_kernels.diagonals_of(masking.SPREAD, masking.REACH)
    assert diagonals.sum() == pytest.approx(FELT.sum(), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_turned_diagonals_are_those_of_the_matrix_turned(seed: int) -> None:
    below, above = spreading_kernels.BELOW, spreading_kernels.ABOVE
    powers = np.random.default_rng(seed).uniform(0, 1, (2, BAND_COUNT))
    diagonals, out = spreading_kernels.diagonals_of(masking.SPREAD, masking.REACH), np.empty((2, BAND_COUNT))
    for matrix, kept, before, after in (
        (FELT, diagonals, below, above),
        (FELT.T, spreading_kernels.turned(diagonals), above, below),
    ):
        spreading_kernels.spread_both(kept, np.pad(powers, ((0, 0), (before, after))), 0.125, out)
        wanted = twin.spread_power(powers.tolist(), matrix.tolist())
        assert out == pytest.approx(0.125 + np.array(wanted))


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, stems=st.integers(0, 3), frames=st.integers(1, 5))
def test_the_shares_of_masked_cells_are_their_twin(seed: int, stems: int, frames: int) -> None:
    random = np.random.default_rng(seed)
    target = 10.0 ** random.uniform(-8, -4, (frames, BAND_COUNT))
    maskers = 10.0 ** random.uniform(-8, -4, (stems, frames, BAND_COUNT))
    shares, within, below = np.full_like(maskers, np.nan), 10**-3.5, 10**0.3
    hearing_kernels.masked_cells(target, maskers, within, below, masking.SPREAD, masking.REACH, shares)
    wanted = twin.masked_cells(target.tolist(), maskers.tolist(), within, below, FELT.tolist())
    assert shares == pytest.approx(np.array(wanted).reshape(shares.shape))


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, stems=st.integers(0, 3), frames=st.integers(1, 5))
def test_cells_together_are_their_twin(seed: int, stems: int, frames: int) -> None:
    random = np.random.default_rng(seed)
    shares = random.uniform(size=(stems, frames, BAND_COUNT))
    shares *= random.uniform(size=shares.shape) < 0.4
    level_db = random.uniform(-40, 3, (frames, BAND_COUNT))
    sums = np.full((2, stems, BAND_COUNT), np.nan)
    spans = np.full((stems, BAND_COUNT, 2), -1)
    hearing_kernels.cells_together(shares, level_db, sums, spans)
    *wanted, wanted_spans = twin.cells_together(shares.tolist(), level_db.tolist())
    assert sums == pytest.approx(np.array(wanted).reshape(sums.shape))
    assert np.array_equal(spans, np.array(wanted_spans, dtype=np.int64).reshape(spans.shape))


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, stems=st.integers(2, 3), frames=st.integers(1, 5))
def test_how_much_each_hides_of_each_is_its_twin(seed: int, stems: int, frames: int) -> None:
    random = np.random.default_rng(seed)
    power = 10.0 ** random.uniform(-8, -4, (stems, frames, BAND_COUNT))
    active = random.uniform(size=(stems, frames)) < 0.7
    importance = random.uniform(0, 1, (stems, BAND_COUNT)) * (random.uniform(size=(stems, BAND_COUNT)) < 0.8)
    within, below = 10**-3.5, 10**0.3
    sizes = np.zeros((2, stems, stems, BAND_COUNT))
    spans = np.tile(np.array([frames, 0]), (stems, stems, 1))
    hearing_kernels.masked_sizes(power, active, importance, within, below, masking.SPREAD, masking.REACH, sizes, spans)
    *wanted, wanted_spans = twin.masked_sizes(power, active.tolist(), importance, within, below, FELT)
    assert sizes == pytest.approx(np.array(wanted))
    alone = np.zeros_like(sizes[:1])
    hearing_kernels.masked_sizes(power, active, importance, within, below, masking.SPREAD, masking.REACH, alone, spans)
    assert np.array_equal(alone, sizes[:1]), "sizes alone are the same"
    assert spans == pytest.approx(np.array(wanted_spans))
