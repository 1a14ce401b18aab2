"""`dsp.feature_kernels`: compiled code is its slow twin, however frames arrive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp import feature_kernels
from stemmix.dsp.spectrum import COLUMNS, Spectra
from stemmix.model.features import COLUMN_COUNT, LOWEST_CENTIBEL
from tests.reference import features as twin

Floats = NDArray[np.float64]

SEEDS = st.integers(0, 2**32 - 1)
FRAMES = st.integers(0, 12)


def frames(seed: int, count: int) -> Floats:
    """(count, 82) as `Spectra.powers` has them: from silence to over full scale."""
    random = np.random.default_rng(seed)
    powers = 10.0 ** random.uniform(-22, 2, (count, COLUMNS)) * (random.uniform(size=(count, 1)) < 0.8)
    powers[:, 79::2] = random.uniform(0, 96_000, (count, 2))
    return powers


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, count=FRAMES)
def test_rows_are_their_twins(seed: int, count: int) -> None:
    powers = frames(seed, count)
    random = np.random.default_rng(seed)
    flux_db = random.uniform(0, 60, count)
    extent = 10.0 ** random.uniform(-12, 1, (count, 2)) * (random.uniform(size=(count, 1)) < 0.8)
    level_db = Spectra(powers).levels_db()
    rows = np.empty((count, COLUMN_COUNT), np.int16)
    feature_kernels.stored_rows(powers, level_db, flux_db, extent, LOWEST_CENTIBEL, rows)
    extent_db = 20.0 * np.log10(np.maximum(extent, 1e-10))
    levels_db = np.column_stack((level_db[:, :79], level_db[:, 80], flux_db, extent_db))
    expected = twin.packed_rows(levels_db, powers[:, 79::2])
    near = [81, 82]
    assert np.array_equal(np.delete(rows, near, axis=1), np.delete(expected, near, axis=1))
    assert rows[:, near] == pytest.approx(expected[:, near], abs=1), "another logarithm"


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, count=FRAMES)
def test_weighted_levels_are_their_twins(seed: int, count: int) -> None:
    powers = frames(seed, count)
    weights = np.random.default_rng(seed).uniform(0, 2, BAND_COUNT)
    out = np.empty(count, np.int16)
    feature_kernels.weighted_levels(powers, weights, LOWEST_CENTIBEL, out)
    assert out.tolist() == pytest.approx(twin.weighted_levels(powers.tolist(), weights.tolist()), abs=1)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, first=FRAMES, second=FRAMES)
def test_character_is_its_twins_and_does_not_depend_on_how_frames_arrive(seed: int, first: int, second: int) -> None:
    powers = frames(seed, first + second)
    found = []
    for parts in ((powers,), (powers[:first], powers[first:])):
        sums, levels = np.zeros(11), np.zeros(256, np.int64)
        for part in parts:
            feature_kernels.add_character(part, BAND_COUNT, -90.0, sums, levels)
        found.append((sums.tolist(), levels.tolist()))
    assert found[0] == found[1]
    wanted = twin.character(powers.tolist(), BAND_COUNT, -90.0)
    assert found[0][0] == pytest.approx(wanted[0])
    assert found[0][1] == wanted[1]


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, first=FRAMES, second=FRAMES)
def test_groups_are_their_twins_and_do_not_depend_on_how_frames_arrive(seed: int, first: int, second: int) -> None:
    powers = frames(seed, first + second)[:, :14]
    pending, means = np.zeros(5), np.empty(((first + second) // 5, 5))
    made = first // 5
    feature_kernels.grouped_power(powers[:first], 4, 2, 5, pending, 0, means[:made])
    feature_kernels.grouped_power(powers[first:], 4, 2, 5, pending, first % 5, means[made:])
    assert means.ravel() == pytest.approx(np.ravel(twin.grouped(powers.tolist(), 4, 2, 5)))
    left = powers[len(means) * 5 :, 4:].reshape(-1, 5, 2).sum(axis=(0, 2))
    assert pending == pytest.approx(left)


def test_stepped_levels_are_rounded_and_held_within_a_byte() -> None:
    out = np.empty(5, np.uint8)
    feature_kernels.stepped_levels(np.array([0.0, 1e-12, 10**-11.9625, 10**-11.9, 1e20]), -120.0, 0.75, out)
    assert out.tolist() == [0, 0, 0, 1, 255]
