"""`analysis.onsets`: what begins suddenly is found where librosa finds it, and nothing where nothing begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stemmix.analysis.onsets import FluxMeter, pick_onsets
from stemmix.dsp.spectrum import BandAnalyser
from stemmix.files.stems import StemReader
from stemmix.planning.lines import HIT_DB
from tests.material import RATE_HZ, clicks

REELS = Path(__file__).resolve().parents[2] / ".." / "shared" / "reels"
TOLERANCE_S = 0.05
"""What counts as the same onset: mir_eval's window."""


def flux_of(signal: np.ndarray) -> np.ndarray:
    analyser = BandAnalyser(RATE_HZ)
    total = np.concatenate((analyser.process(signal).total, analyser.flush().total))
    return FluxMeter().process(10 * np.log10(np.maximum(total, 1e-20)))


def onsets_of(signal: np.ndarray) -> list[tuple[float, float]]:
    """(time in seconds, strength in dB) of each."""
    return [(frame / 50, strength_db) for frame, strength_db in pick_onsets(flux_of(signal))]


def librosa_onsets_s(signal: np.ndarray) -> list[float]:
    import librosa

    return list(
        librosa.onset.onset_detect(
            y=signal.mean(axis=1).astype(np.float32), sr=RATE_HZ, hop_length=960, units="time", normalize=True
        )
    )


def share_found(wanted_s: list[float], found_s: list[float], within_s: float = TOLERANCE_S) -> float:
    assert wanted_s
    return float(np.mean([min((abs(want - at) for at in found_s), default=9.0) <= within_s for want in wanted_s]))


def notes(starts_s: list[float], seconds: float) -> np.ndarray:
    """Notes of a plucked string, each of another pitch."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    out = np.zeros(len(time_s))
    for number, start_s in enumerate(starts_s):
        since_s = np.maximum(time_s - start_s, 0.0)
        fall = np.where(time_s >= start_s, np.exp(-6 * since_s), 0.0)
        for partial in range(1, 9):
            out += 0.08 * fall * np.sin(2 * np.pi * 196 * 2 ** (number % 7 / 12) * partial * since_s) / partial
    return np.stack((out, out), axis=1)


STARTS_S = [0.5, 0.9, 1.2, 1.75, 2.3, 3.1]


@pytest.mark.parametrize("kind", ["clicks", "notes"])
def test_clicks_and_notes_are_found_each_once_where_librosa_finds_them(kind: str) -> None:
    signal = clicks(4 * RATE_HZ, STARTS_S) if kind == "clicks" else notes(STARTS_S, 4.0)
    found = onsets_of(signal)
    assert [at for at, _ in found] == pytest.approx(STARTS_S, abs=TOLERANCE_S)
    assert all(strength_db > 3.0 for _, strength_db in found)
    reference_s = librosa_onsets_s(signal)
    assert share_found(STARTS_S, reference_s) == 1.0, "the reference itself"
    assert share_found(reference_s, [at for at, _ in found]) == 1.0


def test_onsets_over_a_bed_are_found_and_are_weaker() -> None:
    bed = np.random.default_rng(1).normal(0, 0.02, (4 * RATE_HZ, 2))
    over, alone = onsets_of(bed + clicks(4 * RATE_HZ, STARTS_S)), onsets_of(clicks(4 * RATE_HZ, STARTS_S))
    strong = [(at, strength) for at, strength in over if strength > 3.0 and at > 0.1]  # the bed itself begins
    assert [at for at, _ in strong] == pytest.approx(STARTS_S, abs=TOLERANCE_S)
    assert all(there < before for (_, there), (_, before) in zip(strong, alone, strict=True))


@pytest.mark.parametrize("kind", ["steady noise", "steady tone", "slow swell", "vibrato", "silence"])
def test_what_does_not_begin_suddenly_is_no_onset(kind: str) -> None:
    time_s = np.arange(4 * RATE_HZ) / RATE_HZ
    tone = 0.2 * np.sin(2 * np.pi * 440 * time_s)
    signal = {
        "steady noise": np.random.default_rng(2).normal(0, 0.05, len(time_s)),
        "steady tone": tone,
        "slow swell": tone * (time_s / 4) ** 2,
        "vibrato": 0.2 * np.sin(2 * np.pi * 440 * time_s + 4 * np.sin(2 * np.pi * 6 * time_s)),
        "silence": np.zeros(len(time_s)),
    }[kind]
    signal *= np.clip((4 - time_s) / 0.5, 0.0, 1.0)  # a sound that breaks off ends in a click
    found = onsets_of(np.stack((signal, signal), axis=1))
    assert [at for at, _ in found if at > 0.1] == [], "but for the beginning itself"


def test_flux_does_not_depend_on_how_frames_arrive() -> None:
    levels_db = np.random.default_rng(3).uniform(-80, -10, (301, 36))
    whole = FluxMeter().process(levels_db)
    for size in (1, 7, 64, 300):
        meter = FluxMeter()
        parts = [meter.process(levels_db[begin : begin + size]) for begin in range(0, 301, size)]
        assert np.array_equal(np.concatenate([*parts, meter.process(levels_db[:0])]), whole)


def test_flux_is_the_mean_rise_over_the_loudest_neighbour_before() -> None:
    levels_db = np.full((3, 36), -70.0)
    levels_db[1] = -40.0
    levels_db[2] = -40.0
    levels_db[2, 10] = -34.0
    assert FluxMeter().process(levels_db) == pytest.approx([0.0, 20.0, 6 / 36]), "nothing under -60 dB counts"
    moved_db = np.full((2, 36), -70.0)
    moved_db[0, 10] = moved_db[1, 11] = -20.0
    assert FluxMeter().process(moved_db)[1] == 0.0, "a tone that moves to the next band is vibrato"


def test_no_two_onsets_are_closer_than_80_ms() -> None:
    found = pick_onsets(np.random.default_rng(4).uniform(0, 10, 2000))
    assert len(found) > 50
    assert min(np.diff([frame for frame, _ in found])) >= 4
    assert pick_onsets(np.zeros(0)) == []
    assert pick_onsets(np.zeros(50)) == []


@pytest.mark.parametrize("reel", ["harbour", "siege"])
def test_most_strong_onsets_of_real_effects_are_found(reel: str) -> None:
    """Strong: over the mean of librosa's own onset envelope at its onsets."""
    path = REELS / reel / "fx.flac"
    if not path.is_file():
        pytest.skip("there is no shared/reels beside the repository")
    import librosa

    with StemReader(path, RATE_HZ) as reader:
        signal = reader.read(60 * RATE_HZ)
    envelope = librosa.onset.onset_strength(
        y=signal.mean(axis=1).astype(np.float32), sr=RATE_HZ, hop_length=960, n_fft=2048
    )
    frames = librosa.onset.onset_detect(onset_envelope=envelope, sr=RATE_HZ, hop_length=960)
    strong_s = [frame / 50 for frame in frames if envelope[frame] > envelope[frames].mean()]
    found_s = [at for at, _ in onsets_of(signal)]
    assert len(strong_s) >= 8
    assert share_found(strong_s, found_s, 0.07) >= 0.75


@pytest.mark.parametrize("hz", [300.0, 1800.0])
def test_a_hit_is_as_strong_wherever_in_a_frame_it_falls(hz: float) -> None:
    """What is slipped by some milliseconds is the same effect, and no less to be spared."""
    since_s = np.arange(round(0.3 * RATE_HZ)) / RATE_HZ
    hit = 0.5 * np.exp(-20 * since_s) * np.sin(2 * np.pi * hz * since_s)
    strengths_db = []
    for slip_s in np.arange(0.0, 0.02, 0.002):
        signal = np.zeros((2 * RATE_HZ, 2))
        at = RATE_HZ + round(slip_s * RATE_HZ)
        signal[at : at + len(hit)] = hit[:, None]
        ((_, strength_db),) = onsets_of(signal)
        strengths_db.append(strength_db)
    assert max(strengths_db) < 1.25 * min(strengths_db)


def test_a_swell_is_no_hit() -> None:
    """40 dB in a fifth of a second: no two of its frames have all of it."""
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    level_db = np.interp(time_s, [1.0, 1.2], [-50.0, -10.0])[:, None]
    noise = 0.3 * np.random.default_rng(1).standard_normal((2 * RATE_HZ, 2))
    assert all(strength_db < HIT_DB for _, strength_db in onsets_of(noise * 10 ** (level_db / 20)))
