"""`dsp.solving`: it finds the cuts that its readable twin finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp import solving, solving_kernels
from stemmix.planning import masking, unmask
from tests.reference.solving import Solver

Floats = NDArray[np.float64]

SEEDS = st.integers(0, 2**32 - 1)


def line(seed: int, stems: int = 3, frames: int = 40, over_db: float = 3.0) -> Solver:
    """A line under random maskers, each smooth over the bands and of its own level, `over_db` louder than it is."""
    random = np.random.default_rng(seed)

    def power(count: int, middle_db: Floats) -> Floats:
        level_db = np.cumsum(random.normal(0, 1.0, (count, frames, BAND_COUNT)), axis=2) + middle_db[:, None, None]
        return np.asarray(10.0 ** (level_db / 10))

    mid = power(stems, random.uniform(-75, -50 + over_db, stems))
    return Solver(
        target=power(1, np.array([-50.0]))[0],
        mid=mid,
        side=mid * 10.0 ** random.uniform(-1.2, 0.0, (stems, 1, 1)),
        protection=np.linspace(1.0, 2.0, stems),
        spread=masking.SPREAD,
        reach=masking.REACH,
        importance=masking.IMPORTANCE,
        wide=unmask.TIMBRE,
        weights=unmask.WEIGHTS,
        counts=unmask.COUNTS,
        under_sides_db=unmask.MID_UNDER_SIDES_DB,
        close=unmask.CLOSE_ENOUGH,
        nothing=unmask.NEXT_TO_NOTHING,
    )


def cap(one: Solver, deepest_db: float = 18.0) -> Floats:
    return np.full((len(one.mid), BAND_COUNT), deepest_db)


def needed(one: Solver, cap_db: Floats, aim: float) -> Floats:
    """The twin has the same fields."""
    fields = {field: getattr(one, field) for field in one.__dataclass_fields__}
    return solving.Solver(**fields).needed(cap_db, cap_db * unmask.SCOOP, aim)


# of sixty lines about one lies between two valleys, where the last bits decide: the same lines each time
@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=SEEDS, stems=st.integers(1, 3), frames=st.sampled_from([1, 7, 40]), share=st.sampled_from([0.3, 0.8]))
def test_needed_cuts_are_their_twin(seed: int, stems: int, frames: int, share: float) -> None:
    one = line(seed, stems, frames)
    came, best = one.clarity(0.0 * cap(one)), one.clarity(cap(one))
    aim = came + share * (best - came)
    cut = needed(one, cap(one), aim)
    assert cut == pytest.approx(one.needed(cap(one), cap(one) * unmask.SCOOP, aim), abs=1e-5)
    assert one.clarity(cut) >= aim - 2 * one.close


def test_a_stem_that_buys_next_to_nothing_is_left_alone_by_both() -> None:
    one = line(1)
    mid, side = np.concatenate((one.mid, 1e-6 * one.mid[:1])), np.concatenate((one.side, one.side[:1]))
    faint = replace(one, mid=mid, side=side, protection=np.linspace(1.0, 2.0, 4))
    aim = (faint.clarity(0.0 * cap(faint)) + faint.clarity(cap(faint))) / 2
    cut = needed(faint, cap(faint), aim)
    assert not cut[3].any()
    assert cut[:3].any()
    assert cut == pytest.approx(faint.needed(cap(faint), cap(faint) * unmask.SCOOP, aim), abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, stems=st.integers(0, 3), frames=st.integers(1, 9))
def test_the_slack_of_sides_is_its_twin(seed: int, stems: int, frames: int) -> None:
    one = line(seed, stems, frames)
    assert solving_kernels.slack_db(one.mid, one.side, 3.0) == pytest.approx(one.slack_db(), abs=1e-9)


def test_the_timbre_is_the_bands_within_its_range() -> None:
    hz = np.array(masking.CENTRE_HZ)
    inside = np.flatnonzero((hz > unmask.TIMBRE_HZ[0]) & (hz < unmask.TIMBRE_HZ[1]))
    assert unmask.TIMBRE.tolist() == [inside[0], inside[-1] + 1]
