"""The outline of a waveform: its twin, any blocking, the lead, and where it ends."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.analysis.outline import Outline
from stemmix.dsp import peak_kernels
from tests.reference import true_peak as twin


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=60), inner=st.integers(1, 2))
def test_extents_are_their_twin(values: list[float], inner: int) -> None:
    begins = [0, inner, len(values) - 1] if len(values) - 1 > inner else [0, inner]
    out = np.empty((len(begins), 2))
    peak_kernels.extents(np.array(values), np.array(begins), out)
    assert out.tolist() == [list(extent) for extent in twin.extents(values, begins)]


@settings(max_examples=50, deadline=None)
@given(
    frames=st.integers(1, 400),
    hop=st.sampled_from([7, 20, 96]),
    lead=st.integers(0, 95),
    cuts=st.lists(st.integers(0, 400), max_size=5),
)
def test_every_hop_has_the_furthest_of_both_channels_however_it_is_cut(
    frames: int, hop: int, lead: int, cuts: list[int]
) -> None:
    samples = np.random.default_rng(frames).uniform(-1.0, 1.0, (frames, 2))
    outline = Outline(hop, lead)
    edges = [0, *sorted(min(cut, frames) for cut in cuts), frames]
    for begin, end in pairwise(edges):
        outline.process(samples[begin:end])
    before = lead + hop // 2
    count = (before + frames) // hop + 3
    padded = np.concatenate((np.zeros((before, 2)), samples, np.zeros((count * hop - before - frames, 2))))
    hops = padded.reshape(count, -1)
    expected = np.stack((hops.max(axis=1), -hops.min(axis=1)), axis=1).clip(min=0.0)
    assert np.array_equal(np.concatenate((outline.take(1), outline.take(count - 1))), expected)


def test_after_the_end_there_is_nothing() -> None:
    assert Outline(960).take(3) == pytest.approx(np.zeros((3, 2)))
