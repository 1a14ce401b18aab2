"""Loudness inside spans: of a mix while its dialogue speaks, and of the dialogue by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp.dialogue import SpanLoudness, SpanReading
from stemmix.dsp.filters import k_weighting
from stemmix.dsp.meters import LoudnessMeter
from tests.reference.loudness import biquad

RATE_HZ = 8_000


def spoken(signal: np.ndarray, spans: list[tuple[int, int]], size: int = 1 << 20, weights=(1.0, 1.41)) -> SpanReading:
    meter = SpanLoudness(RATE_HZ, weights, spans)
    for begin in range(0, len(signal), size):
        meter.process(signal[begin : begin + size])
        meter.process(signal[:0])
    return meter.read()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.integers(1, 900),
    spans=st.lists(st.tuples(st.integers(-50, 1_000), st.integers(-50, 1_000)), max_size=5),
    size=st.integers(1, 400),
)
def test_it_is_the_mean_weighted_square_inside_the_spans(
    seed: int, frames: int, spans: list[tuple[int, int]], size: int
) -> None:
    """Spans that overlap count once; what lies outside the file does not count; to the sample, for any blocking."""
    signal = np.random.default_rng(seed).normal(0.0, 0.2, (frames, 2))
    inside = np.zeros(frames, bool)
    for start, end in spans:
        inside[max(start, 0) : max(end, 0)] = True
    found = spoken(signal, spans, size)
    assert found == spoken(signal, spans)
    assert found.share == pytest.approx(inside.mean())
    if not inside.any():
        assert (found.loudness_lufs, found.reason) == (None, "no dialogue")
        return
    energy = 0.0
    for channel, weight in zip(signal.T, (1.0, 1.41), strict=True):
        weighted = channel.tolist()
        for section in k_weighting(RATE_HZ).tolist():
            weighted = biquad(weighted, section)
        energy += weight * float((np.array(weighted)[inside] ** 2).sum())
    assert found.loudness_lufs == pytest.approx(-0.691 + 10 * np.log10(energy / inside.sum()), abs=1e-6)


def test_it_is_not_gated() -> None:
    """Half of a line is a pause: ungated it reads 3 LU less, which a gated meter would not."""
    line = np.random.default_rng(1).normal(0.0, 0.1, (RATE_HZ * 4, 2))
    with_pause = np.concatenate((line, 1e-6 * line))
    spans = [(0, len(with_pause))]
    loud, half = spoken(line, spans).loudness_lufs, spoken(with_pause, spans).loudness_lufs
    assert half == pytest.approx(loud - 3.01, abs=0.01)
    gated = LoudnessMeter(RATE_HZ, (1.0, 1.41))
    gated.process(with_pause)
    assert gated.read().integrated_lufs == pytest.approx(loud, abs=0.3)


@pytest.mark.parametrize(("under_db", "hot_lu"), [(3, 1.76), (6, 0.97), (10, 0.41), (15, 0.14)])
def test_a_mix_with_its_bed_is_louder_than_the_bare_stem(under_db: float, hot_lu: float) -> None:
    """Why both are told: a mix that is set by its stem alone is delivered hot by as much."""
    rng = np.random.default_rng(2)
    speech = rng.normal(0.0, 0.1, (RATE_HZ * 20, 2))
    bed = rng.normal(0.0, 0.1 * 10 ** (-under_db / 20), speech.shape)
    spans = [(RATE_HZ, RATE_HZ * 19)]
    mix, alone = spoken(speech + bed, spans), spoken(speech, spans)
    assert mix.loudness_lufs - alone.loudness_lufs == pytest.approx(hot_lu, abs=0.03)
    assert mix.share == pytest.approx(0.9)


def test_silence_in_the_spans_has_no_loudness_and_says_so() -> None:
    assert spoken(np.zeros((100, 2)), [(0, 50)]) == SpanReading(None, 0.5, "digital silence")
