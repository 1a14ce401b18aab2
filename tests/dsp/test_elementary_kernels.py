"""`dsp.elementary_kernels`: logarithm and exponential are numpy's, within the error that is stated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stemmix.dsp import elementary_kernels as elementary

ERROR = 2e-15
POSITIVE = st.floats(min_value=float(np.finfo(np.float64).tiny), allow_infinity=False)


@settings(deadline=None)
@given(arrays(np.float64, st.integers(0, 40), elements=POSITIVE))
def test_the_logarithm_is_numpys(x: np.ndarray) -> None:
    out = np.array([elementary.log2_of(one) for one in x])
    assert out == pytest.approx(np.log2(x), rel=ERROR, abs=0)


@settings(deadline=None)
@given(arrays(np.float64, st.integers(0, 40), elements=st.floats(-1022, 1023)))
def test_the_exponential_is_numpys(x: np.ndarray) -> None:
    out = np.array([elementary.exp2_of(one) for one in x])
    assert out == pytest.approx(np.exp2(x), rel=ERROR, abs=0)


@settings(deadline=None)
@given(arrays(np.float64, st.integers(0, 40), elements=st.floats(-300, 300)))
def test_power_of_a_level_is_its_definition(level_db: np.ndarray) -> None:
    out = np.full_like(level_db, np.nan)
    elementary.power_of_db(level_db, out)
    # the level itself, in octaves, is rounded
    assert out == pytest.approx(10.0 ** (level_db / 10), rel=1e-13)


def test_powers_of_two_are_exact() -> None:
    whole = np.arange(-1022.0, 1024.0)
    powers = np.array([elementary.exp2_of(one) for one in whole])
    back = np.array([elementary.log2_of(one) for one in powers])
    assert (powers == np.exp2(whole)).all()
    assert (back == whole).all()
