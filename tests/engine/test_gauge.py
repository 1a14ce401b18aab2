"""`engine.gauge`: what of a file counts, what is read where it is asked for, and reels that are read as one."""

from __future__ import annotations

import numpy as np
import pytest

from stemmix.engine.gauge import Asked, Gauge, Programme, at_gain, pooled
from stemmix.model.layouts import MONO, STEREO, SURROUND_7_1_4
from stemmix.model.presets import PRESETS
from stemmix.model.receipt import Measured
from tests.delivering import Floats, rms_db
from tests.material import RATE_HZ, blocks, noise

EVERYTHING = Asked(dialogue=True, leq_m=True, noise_floor=True, psr=True)
READ = ("integrated_lufs", "lra_lu", "rms_dbfs", "leq_m_db", "true_peak_dbtp", "sample_peak_dbfs", "dialogue_lufs")


def gauge(signal: Floats, asked: Asked = EVERYTHING, programme: Programme | None = None, size: int = 1 << 16) -> Gauge:
    made = Gauge(RATE_HZ, STEREO, programme or Programme(0, len(signal), ()), asked)
    for block in blocks(signal, size):
        made.process(block)
    return made


def speech(*spans_s: tuple[float, float]) -> tuple[tuple[int, int], ...]:
    return tuple((round(start * RATE_HZ), round(end * RATE_HZ)) for start, end in spans_s)


def test_what_lies_outside_the_action_is_not_heard() -> None:
    """To the sample, whatever the blocks; spans of speech are cut to it."""
    signal = noise(7 * RATE_HZ, rms=0.05)
    loud = signal.copy()
    first, after = RATE_HZ + 123, 6 * RATE_HZ - 77
    loud[:first] *= 15.0
    loud[after:] *= 15.0
    spans = speech((0.2, 1.5), (2.0, 3.0), (5.5, 7.0))
    inside = gauge(
        signal[first:after], programme=Programme(0, after - first, tuple((a - first, b - first) for a, b in spans))
    )
    for size in (512, 10_007, 1 << 20):
        whole = gauge(loud, programme=Programme(first, after, spans), size=size)
        assert whole.read() == inside.read()
        assert whole.frames == after - first
    assert inside.read().dialogue_lufs is not None


def test_an_action_that_outlives_the_file_ends_with_it() -> None:
    signal = noise(RATE_HZ)
    assert gauge(signal, programme=Programme(0, 2 * RATE_HZ, ())).read() == gauge(signal).read()
    nothing = gauge(signal, programme=Programme(2 * RATE_HZ, 3 * RATE_HZ, ()))
    assert (nothing.frames, nothing.read().integrated_lufs) == (0, None)


@pytest.mark.parametrize("cut", [1 / 3, 1 / 2])
def test_reels_read_as_one_read_as_their_files_put_end_to_end(cut: float) -> None:
    """But for the windows over the joint; a loud and a soft reel, so that the gates of each alone are others."""
    signal = np.concatenate([noise(60 * RATE_HZ, seed=8), noise(60 * RATE_HZ, seed=9, rms=0.015)])
    at = round(len(signal) * cut)
    spans = speech((1.0, 30.0), (44.0, 59.0), (70.0, 110.0))
    first = gauge(signal[:at], programme=Programme(0, at, tuple(span for span in spans if span[1] <= at)))
    second = gauge(
        signal[at:], programme=Programme(0, len(signal) - at, tuple((a - at, b - at) for a, b in spans if a >= at))
    )
    together, whole = pooled([first, second]), gauge(signal, programme=Programme(0, len(signal), spans)).read()
    assert len([span for span in spans if span[1] <= at or span[0] >= at]) == 3
    for name in READ:
        assert getattr(together, name) == pytest.approx(getattr(whole, name), abs=0.02), name
    assert together.integrated_lufs is not None
    assert together.dialogue_lufs is not None
    assert together.true_peak_dbtp is not None
    assert together.speech_share == pytest.approx(whole.speech_share)
    assert together.ldr_lu == pytest.approx(together.integrated_lufs - together.dialogue_lufs)
    assert together.plr_db == pytest.approx(together.true_peak_dbtp - together.integrated_lufs)
    mean_lufs = (first.read().integrated_lufs or 0.0) / 2 + (second.read().integrated_lufs or 0.0) / 2
    assert abs(mean_lufs - together.integrated_lufs) > 0.1, "a mean of readings would be another"
    assert together.lra_lu is not None
    assert together.lra_lu > 10.0


@pytest.mark.parametrize("gain_db", [-9.0, 6.0])
def test_at_a_gain_a_stream_reads_as_what_is_written_at_it(gain_db: float) -> None:
    """Also where the gates leave out other parts of it then: half of it is near the absolute one."""
    signal = np.concatenate([noise(5 * RATE_HZ, rms=0.05), noise(5 * RATE_HZ, rms=2e-4), np.zeros((RATE_HZ, 2))])
    written = gauge(signal * 10 ** (gain_db / 20)).read()
    told = at_gain(gauge(signal), gain_db)
    for name in ("integrated_lufs", "lra_lu", "true_peak_dbtp", "momentary_max_lufs", "short_term_max_lufs"):
        assert getattr(told, name) == pytest.approx(getattr(written, name), abs=1e-6), name
    silence = at_gain(gauge(np.zeros((RATE_HZ, 2))), gain_db)
    assert (silence.integrated_lufs, silence.lra_lu, silence.true_peak_dbtp) == (None, None, None)


def test_of_floors_and_ratios_to_peaks_the_lowest_counts_and_of_maxima_the_highest() -> None:
    reels = [gauge(0.2 * noise(5 * RATE_HZ, seed=seed)) for seed in (1, 2)]
    reels.append(gauge(noise(5 * RATE_HZ, seed=3)))
    alone = [reel.read() for reel in reels]
    together = pooled(reels)
    for name, which in (
        ("noise_floor_dbfs", min),
        ("psr_db", min),
        ("short_term_max_lufs", max),
        ("momentary_max_lufs", max),
    ):
        assert getattr(together, name) == which(getattr(reading, name) for reading in alone)


def test_a_silent_reel_counts_by_its_length_where_nothing_is_gated() -> None:
    """RMS of the whole is softer for it, gated loudness is not."""
    loud, silent = noise(5 * RATE_HZ), np.zeros((5 * RATE_HZ, 2))
    together = pooled([gauge(loud), gauge(silent)])
    assert together.rms_dbfs == pytest.approx(rms_db(loud) - 3.01, abs=0.01)
    assert together.integrated_lufs == pytest.approx(gauge(loud).read().integrated_lufs, abs=1e-9)
    assert not {"rms_dbfs", "integrated_lufs", "true_peak_dbtp"} & set(together.reasons)
    nothing = pooled([gauge(silent), gauge(silent)])
    assert nothing.integrated_lufs is nothing.rms_dbfs is nothing.plr_db is None
    assert {"integrated_lufs", "rms_dbfs"} <= set(nothing.reasons)


def test_a_reel_without_dialogue_does_not_change_the_dialogue_of_its_programme() -> None:
    spoken = gauge(noise(4 * RATE_HZ), programme=Programme(0, 4 * RATE_HZ, speech((1.0, 3.0))))
    mute = gauge(noise(4 * RATE_HZ, seed=2))
    together = pooled([mute, spoken])
    assert mute.read().dialogue_lufs is None
    assert together.dialogue_lufs == pytest.approx(spoken.read().dialogue_lufs)
    assert together.speech_share == pytest.approx(0.25)
    assert "dialogue_lufs" not in together.reasons


def test_one_reel_is_read_as_it_is() -> None:
    alone = gauge(noise(RATE_HZ))
    assert pooled([alone]) == alone.read()


def test_what_is_not_asked_for_is_null_without_a_reason_and_changes_nothing_else() -> None:
    signal = noise(5 * RATE_HZ)
    programme = Programme(0, len(signal), speech((1.0, 2.0)))
    everything, little = (gauge(signal, asked, programme).read() for asked in (EVERYTHING, Asked()))
    dear = {"dialogue_lufs", "ldr_lu", "speech_share", "leq_m_db", "noise_floor_dbfs", "psr_db"}
    assert {name for name in Measured.model_fields if getattr(little, name) != getattr(everything, name)} == dear
    assert all(getattr(little, name) is None and name not in little.reasons for name in dear)
    without = gauge(signal, Asked(peaks=False)).read()
    assert without.integrated_lufs == everything.integrated_lufs
    assert without.true_peak_dbtp is None


def test_a_specification_asks_for_what_it_is_judged_by() -> None:
    by = {name: PRESETS[name].specification for name in ("ebu-r128", "disney-plus", "cinema-ad-sawa", "acx-audiobook")}
    assert Asked.for_gain(by["ebu-r128"]) == Asked()
    assert Asked.for_gain(by["disney-plus"]) == Asked(dialogue=True)
    assert Asked.for_gain(by["cinema-ad-sawa"]) == Asked(leq_m=True)
    assert Asked.of_master(by["acx-audiobook"]) == Asked(dialogue=True, noise_floor=True, psr=True)
    assert Asked.by("leq_m") == Asked(peaks=False, leq_m=True)


def test_leq_m_is_not_made_up_where_the_standard_says_nothing() -> None:
    """No replay level for heights; a mono centre has one."""
    for layout, has in ((MONO, True), (SURROUND_7_1_4, False)):
        made = Gauge(RATE_HZ, layout, Programme(0, RATE_HZ, ()), Asked(leq_m=True))
        made.process(noise(RATE_HZ, layout.channels))
        assert (made.read().leq_m_db is not None) is has


def test_the_ratio_is_what_the_programme_stands_over_its_dialogue_or_why_there_is_none() -> None:
    """EBU R 128 s4; without dialogue, with silent dialogue, in a silent programme."""
    programme = Programme(0, 5 * RATE_HZ, speech((1.0, 3.0)))
    signal = noise(5 * RATE_HZ, rms=0.1)
    signal[RATE_HZ : 3 * RATE_HZ] *= 0.5
    read = gauge(signal, programme=programme).read()
    assert read.ldr_lu == pytest.approx((read.integrated_lufs or 0.0) - (read.dialogue_lufs or 0.0))
    assert 3.0 < (read.ldr_lu or 0.0) < 6.0
    mute = gauge(signal).read()
    assert (mute.dialogue_lufs, mute.ldr_lu, mute.speech_share) == (None, None, 0.0)
    assert mute.reasons["dialogue_lufs"] == mute.reasons["ldr_lu"] == "no dialogue"
    signal[: 3 * RATE_HZ] = 0.0
    assert gauge(signal, programme=programme).read().reasons["ldr_lu"] == "digital silence"
    soft = gauge(1e-4 * noise(5 * RATE_HZ, rms=0.1), programme=programme).read()
    assert soft.dialogue_lufs is not None
    assert soft.reasons["ldr_lu"] == "the programme has no loudness"
