"""`dsp.masking_kernels`: compiled code is its slow twin, and its gradients are what a small step measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp import masking_kernels
from stemmix.planning import masking
from tests.dsp.spreading import FELT
from tests.reference import unmasking as twin

Floats = NDArray[np.float64]

SEEDS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True, eq=False)
class Instance:
    """A random line with its maskers, and cuts on both sides of where the sides begin to follow."""

    target: Floats
    mid: Floats
    side: Floats
    cut: Floats
    slack: Floats

    def weighed(self, cut: Floats) -> tuple[float, float, Floats, Floats]:
        clarity, loudness = np.full(cut.shape, np.nan), np.full(cut.shape, np.nan)
        audibility, sones = masking_kernels.weigh_cuts(
            self.target,
            self.mid,
            self.side,
            cut,
            self.slack,
            masking.SPREAD,
            masking.REACH,
            masking.IMPORTANCE,
            0.23,
            clarity,
            loudness,
        )
        return audibility, sones, clarity, loudness

    def priced(self, cut: Floats) -> tuple[float, Floats]:
        gradient = np.zeros(cut.shape)
        price = masking_kernels.price_of_cuts(
            self.mid.mean(axis=1),
            self.side.mean(axis=1),
            cut,
            self.slack,
            protection(len(cut)),
            np.array((2, 33)),
            1e-3,
            1e-6,
            1e-4,
            gradient,
        )
        return price, gradient


def protection(stems: int) -> Floats:
    return np.linspace(0.7, 4.0, stems)


def instance(seed: int, stems: int = 2, frames: int = 5) -> Instance:
    random = np.random.default_rng(seed)
    cut = random.uniform(0, 12, (stems, BAND_COUNT)) * (random.uniform(size=(stems, BAND_COUNT)) < 0.8)
    return Instance(
        target=10.0 ** random.uniform(-7, -4, (frames, BAND_COUNT)),
        mid=10.0 ** random.uniform(-7, -4, (stems, frames, BAND_COUNT)),
        side=10.0 ** random.uniform(-8, -4, (stems, frames, BAND_COUNT)),
        cut=cut,
        slack=random.uniform(0, 12, (stems, BAND_COUNT)),
    )


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, stems=st.integers(1, 3), frames=st.integers(1, 4))
def test_audibility_and_loudness_of_cuts_are_their_twins(seed: int, stems: int, frames: int) -> None:
    one = instance(seed, stems, frames)
    audibility, loudness, _, _ = one.weighed(one.cut)
    wanted = twin.weigh_cuts(one.target, one.mid, one.side, one.cut, one.slack, FELT, masking.IMPORTANCE, 0.23)
    assert (audibility, loudness) == pytest.approx(wanted)
    assert audibility == pytest.approx(
        masking.clarity(one.target, one.mid, 10.0 ** (-one.cut / 10), masking.IMPORTANCE)
    )


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, stems=st.integers(1, 3))
def test_the_price_of_cuts_is_its_twin(seed: int, stems: int) -> None:
    one = instance(seed, stems)
    means = one.mid.mean(axis=1), one.side.mean(axis=1)
    wanted = twin.price_of_cuts(*means, one.cut, one.slack, protection(stems), (2, 33), 1e-3, 1e-6, 1e-4)
    assert one.priced(one.cut)[0] == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(4))
def test_gradients_are_what_a_small_step_measures(seed: int) -> None:
    """Central differences of every cut that is not within the step of where its sides begin to follow."""
    one, step_db = instance(seed), 1e-4
    _, _, clarity, loudness = one.weighed(one.cut)
    _, price = one.priced(one.cut)
    steps = 0
    for place in np.ndindex(one.cut.shape):
        if abs(one.cut[place] - one.slack[place]) < 2 * step_db:
            continue
        more, less = one.cut.copy(), one.cut.copy()
        more[place] += step_db
        less[place] -= step_db
        ahead, behind = one.weighed(more), one.weighed(less)
        assert clarity[place] == pytest.approx((ahead[0] - behind[0]) / (2 * step_db), rel=2e-4, abs=1e-9)
        assert loudness[place] == pytest.approx((ahead[1] - behind[1]) / (2 * step_db), rel=2e-4, abs=1e-7)
        rise = (one.priced(more)[0] - one.priced(less)[0]) / (2 * step_db)
        assert price[place] == pytest.approx(rise, rel=2e-4, abs=1e-9)
        steps += 1
    assert steps > 60
    assert np.count_nonzero(clarity > 0) > 40
    assert np.count_nonzero(loudness < 0) > 40
