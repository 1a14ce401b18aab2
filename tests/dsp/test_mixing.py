"""The kernel that takes channels through a matrix is what its slow twin is, to the bit."""

import numpy as np
import pytest

from stemmix.dsp import kernels
from stemmix.model.layouts import LAYOUTS, Layout, fold_matrix
from tests.reference import mixing


@pytest.mark.parametrize("source", LAYOUTS.values(), ids=lambda layout: layout.name)
@pytest.mark.parametrize("target", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_channels_are_mixed_as_the_twin_does(source: Layout, target: Layout) -> None:
    block = np.random.default_rng(1).standard_normal((1000, source.channels))
    matrix = np.array(fold_matrix(source, target))
    out = np.full((1000, target.channels), np.nan)
    kernels.mix_channels(block, matrix, out)
    assert np.array_equal(out, mixing.mix_channels(block, matrix))
