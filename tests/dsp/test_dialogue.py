"""Loudness inside spans, and what is made of it: stem-gated loudness, the ratio, the 15 % rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.dsp.dialogue import SpanLoudness, SpanReading, dialogue_reading
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
    read = dialogue_reading(-20.0, spoken(speech + bed, spans), spoken(speech, spans))
    assert read.stem_gated_lufs - read.dialogue_stem_lufs == pytest.approx(hot_lu, abs=0.03)
    assert read.speech_share == pytest.approx(0.9)


def test_the_ratio_is_what_the_programme_stands_over_its_dialogue() -> None:
    read = dialogue_reading(-23.0, SpanReading(-28.5, 0.4, None), SpanReading(-29.0, 0.4, None))
    assert read.ldr_lu == pytest.approx(5.5)
    assert (read.anchor, read.anchor_lufs, read.reasons) == ("dialogue", -28.5, {})


def test_under_15_per_cent_of_speech_the_programme_is_the_anchor() -> None:
    enough = dialogue_reading(-23.0, SpanReading(-27.0, 0.15, None), SpanReading(-27.0, 0.15, None))
    assert enough.anchor == "dialogue"
    rare = dialogue_reading(-23.0, SpanReading(-27.0, 0.149, None), SpanReading(-27.0, 0.149, None))
    assert (rare.anchor, rare.anchor_lufs) == ("programme", -23.0)
    assert rare.reasons == {"anchor": "speech is 14.9% of the programme, under 15%"}
    assert rare.ldr_lu == pytest.approx(4.0), "the ratio stands all the same"


def test_without_dialogue_or_programme_the_reasons_are_told() -> None:
    none = dialogue_reading(-23.0, SpanReading(None, 0.0, "no dialogue"), SpanReading(None, 0.0, "no dialogue"))
    assert none.ldr_lu is none.stem_gated_lufs is none.dialogue_stem_lufs is None
    assert set(none.reasons) == {"ldr_lu", "stem_gated_lufs", "dialogue_stem_lufs", "anchor"}
    mute = dialogue_reading(None, spoken(np.zeros((100, 2)), [(0, 50)]), spoken(np.zeros((100, 2)), [(0, 50)]))
    assert mute.reasons["stem_gated_lufs"] == "digital silence"
    assert mute.anchor_lufs is None
