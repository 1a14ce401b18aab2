"""Kernels that take channels through a matrix and add stems up are what their slow twins are, to the bit."""

import numpy as np
import pytest

from stemmix.dsp import sample_kernels
from stemmix.engine.mixer import bus_in_single, bus_of
from stemmix.model.layouts import LAYOUTS, Layout, fold_matrix
from tests.reference import mixing


@pytest.mark.parametrize("source", LAYOUTS.values(), ids=lambda layout: layout.name)
@pytest.mark.parametrize("target", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_channels_are_mixed_as_the_twin_does(source: Layout, target: Layout) -> None:
    block = np.random.default_rng(1).standard_normal((1000, source.channels))
    matrix = np.array(fold_matrix(source, target))
    out = np.full((1000, target.channels), np.nan)
    sample_kernels.mix_channels(block, matrix, out)
    assert np.array_equal(out, mixing.mix_channels(block, matrix))


@pytest.mark.parametrize("stems", range(1, 12))
def test_stems_are_added_as_the_twin_does(stems: int) -> None:
    blocks = list(np.random.default_rng(2).standard_normal((stems, 1001, 2)))
    kept = [block.copy() for block in blocks]
    assert np.array_equal(bus_of(blocks), mixing.add_up(blocks))
    assert np.array_equal(blocks, kept), "what comes in is left as it is"


def test_stems_that_lie_anyhow_in_memory_are_added_alike() -> None:
    wide = np.random.default_rng(3).standard_normal((1001, 12))
    blocks = [wide[:, 2 * stem : 2 * stem + 2] for stem in range(6)]
    assert np.array_equal(bus_of(blocks), mixing.add_up(blocks))


@pytest.mark.parametrize("stems", range(1, 12))
def test_a_sum_in_single_precision_is_rounded_once_as_the_twin_rounds_it(stems: int) -> None:
    levels = 10.0 ** np.linspace(-60, 30, 1001)[:, None]
    blocks = list(np.random.default_rng(4).standard_normal((stems, 1001, 2)) * levels)
    single, back = bus_in_single(blocks)
    wanted_single, wanted_back = mixing.to_single(mixing.add_up(blocks).reshape(-1))
    assert single.dtype == np.float32
    assert np.array_equal(single.reshape(-1), wanted_single)
    assert np.array_equal(back.reshape(-1), wanted_back)
