"""`analysis.scan`: a stem's facts are what other rulers read, and no row depends on how its samples arrive."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from stemmix.analysis.scan import StemScan
from stemmix.bands import CLASSIC_EDGES_HZ
from stemmix.dsp.spectrum import ruler
from stemmix.files.audio import AudioReader
from stemmix.files.stems import StemReader
from stemmix.model.features import COLUMNS, LOWEST_CENTIBEL, Frames, Look, StemFacts
from tests.held_frames import HeldFrames
from tests.material import RATE_HZ, SIZES, band_noise, blocks, chords, clicks, noise, voice, write_audio

CLEAN = Look(dc=0.0, clipped_runs=0, first_clipped=None)


def scanned(
    signal: np.ndarray, size: int = 4096, lead_samples: int = 0, look: Look = CLEAN
) -> tuple[StemFacts, np.ndarray]:
    rows: list[np.ndarray] = []
    scan = StemScan(RATE_HZ, lead_samples, rows.append)
    for block in blocks(signal, size):
        scan.process(block)
    facts = scan.finish(source_rate=44_100, source_layout="5.1", look=look)
    return facts, np.concatenate(rows)


def level_db(power: float) -> float:
    return float(10 * np.log10(power))


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    return 2.0 * chords(4 * RATE_HZ) + clicks(4 * RATE_HZ, (1.0, 2.5)) + noise(4 * RATE_HZ, rms=0.002)


def test_loudness_is_pyloudnorms_and_peaks_are_numpys(music: np.ndarray) -> None:
    import pyloudnorm

    measured = scanned(music)[0].measured
    reference = pyloudnorm.Meter(RATE_HZ, filter_class="DeMan").integrated_loudness(music)
    assert measured.integrated_lufs == pytest.approx(reference, abs=0.1)
    assert measured.sample_peak_dbfs == pytest.approx(level_db(np.abs(music).max() ** 2), abs=0.006)
    assert measured.true_peak_dbtp is not None
    assert measured.true_peak_dbtp >= measured.sample_peak_dbfs


def test_classic_bands_hold_the_power_that_a_plain_transform_finds_there(music: np.ndarray) -> None:
    facts, _ = scanned(music)
    spectrum = np.abs(np.fft.rfft(music, axis=0)) ** 2
    frequency_hz = np.fft.rfftfreq(len(music), 1 / RATE_HZ)
    for band, (low_hz, high_hz) in enumerate(pairwise(CLASSIC_EDGES_HZ)):
        inside = (frequency_hz >= low_hz) & (frequency_hz < high_hz)
        wanted = 2 * spectrum[inside].sum() / len(music) ** 2
        # a window of 43 ms cannot part neighbours as sharply as one of four seconds
        assert facts.classic_rms_db[band] == pytest.approx(level_db(wanted), abs=1.0), (low_hz, high_hz)


def test_centroid_flatness_and_rolloff_are_means_of_librosas_weighted_with_power(music: np.ndarray) -> None:
    from librosa.feature import spectral_centroid, spectral_flatness, spectral_rolloff

    mono = np.repeat(music[:, :1], 2, axis=1)
    facts, _ = scanned(mono)
    rule = ruler(RATE_HZ)
    padded = np.pad(mono[:, 0], (1024, 2048))
    frames = np.stack([padded[t * 960 : t * 960 + 2048] * rule.window for t in range(201)])
    magnitude = np.abs(np.fft.rfft(frames, axis=1)).T[rule.heard]
    power = (magnitude**2).sum(axis=0)
    centroid = spectral_centroid(S=magnitude, sr=RATE_HZ, freq=rule.bin_hz[rule.heard])[0]
    assert facts.centroid_hz == pytest.approx(np.average(centroid, weights=power), rel=0.01)
    assert facts.flatness == pytest.approx(np.average(spectral_flatness(S=magnitude)[0], weights=power), rel=0.05)
    rolloff = spectral_rolloff(S=magnitude, sr=RATE_HZ, freq=rule.bin_hz[rule.heard], roll_percent=0.85)[0]
    assert facts.rolloff_hz == pytest.approx(np.average(rolloff, weights=power), rel=0.01)


def test_the_noise_floor_is_what_lies_between_the_sounds() -> None:
    signal = noise(4 * RATE_HZ, rms=0.001) + clicks(4 * RATE_HZ, (0.5, 1.5, 2.5))
    # two channels of -60 dBFS
    assert scanned(signal)[0].noise_floor_db == pytest.approx(-57.0, abs=1.5)


@pytest.mark.parametrize("rate_hz", [32_000, 32_050, 64_000, 128_000])
def test_at_rates_whose_windows_are_short_how_blocks_are_cut_does_not_matter_either(rate_hz: int) -> None:
    signal = noise(3 * rate_hz, seed=5)

    def rows(size: int) -> np.ndarray:
        taken: list[np.ndarray] = []
        scan = StemScan(rate_hz, 0, taken.append)
        for block in blocks(signal, size):
            scan.process(block)
        scan.finish(source_rate=rate_hz, source_layout="2.0", look=Look(0.0, 0, None))
        return np.concatenate(taken)

    assert np.array_equal(rows(777), rows(len(signal)))


def test_a_frame_tells_how_far_the_samples_of_its_hop_swing(music: np.ndarray) -> None:
    signal = np.concatenate((music, np.zeros((2 * 960, 2))))
    signal[5 * 960 + 3] = (0.5, -0.25)
    centred = np.concatenate((np.zeros((480, 2)), signal))
    hops = centred[: len(centred) // 960 * 960].reshape(-1, 1920)
    _, rows = scanned(signal)
    extent = 10 ** (Frames(HeldFrames(rows)).level_db("extent", 0, len(hops)) / 20)
    assert extent[:, 0] == pytest.approx(hops.max(axis=1), rel=1e-3, abs=1e-9)
    assert extent[:, 1] == pytest.approx(-hops.min(axis=1), rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("lead_samples", [0, 1, 500, 959])
@pytest.mark.parametrize("frames", [1, 400, 61_440])
def test_rows_and_facts_are_the_same_for_any_blocking(frames: int, lead_samples: int) -> None:
    signal = noise(frames, seed=9)
    whole, rows = scanned(signal, frames, lead_samples)
    assert len(rows) == ruler(RATE_HZ).frame_count(frames + lead_samples)
    for size in (1, *SIZES) if frames < 1000 else SIZES[1:]:
        facts, cut = scanned(signal, size, lead_samples)
        assert np.array_equal(cut, rows)
        assert facts == whole


def test_lead_samples_put_a_stems_frames_on_the_programmes_grid(music: np.ndarray) -> None:
    """A stem that begins at sample 2500 has its rows where the same sound has them in a stem that begins at 0."""
    at, hop = 2500, ruler(RATE_HZ).hop_samples
    early, early_rows = scanned(np.concatenate((np.zeros((at, 2)), music)))
    late, late_rows = scanned(music, lead_samples=at % hop)
    assert late.lead_samples == at % hop
    assert late.frames == len(music)
    placed = Frames(HeldFrames(late_rows), at // hop)
    there = Frames(HeldFrames(early_rows))
    assert placed.end == there.end
    for column in COLUMNS:
        assert np.array_equal(placed.level_db(column, 0, there.end + 3), there.level_db(column, 0, there.end + 3))
    assert [onset.at + at for onset in late.onsets] == [onset.at for onset in early.onsets]


def test_rows_hold_what_was_heard_to_a_hundredth_of_a_db() -> None:
    tone = np.repeat(0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE_HZ) / RATE_HZ)[:, None], 2, axis=1)
    _, rows = scanned(tone)
    frames = Frames(HeldFrames(rows))
    assert 10 * np.log10(frames.power("total", 10, 40).sum(axis=1)) == pytest.approx(-6.02, abs=0.02)
    assert 10 * np.log10(frames.power("mid", 10, 40).sum(axis=1)) == pytest.approx(-6.02, abs=0.02)
    # its skirts, which its power does not show, count with their magnitude: a little over where it stands
    assert rows[10:40, COLUMNS["centroid"]] == pytest.approx(1000, rel=0.1)
    assert rows[10:40, COLUMNS["rolloff"]] == pytest.approx(1000, rel=0.1)


def test_silence_is_silent_in_every_column_and_fact() -> None:
    facts, rows = scanned(np.zeros((RATE_HZ, 2)))
    assert facts.silent
    assert np.all(np.delete(rows, (80, 83, 84), axis=1) == LOWEST_CENTIBEL)
    assert not rows[:, [80, 83, 84]].any(), "no rise, no centroid, no rolloff"
    assert facts.measured.integrated_lufs is None
    assert set(facts.measured.reasons) >= {"integrated_lufs", "true_peak_dbtp"}
    assert (facts.onsets, facts.active, facts.spoken, facts.warnings) == ((), (), (), ())
    assert (facts.centroid_hz, facts.flatness, facts.rolloff_hz) == (0.0, 0.0, 0.0)
    assert facts.noise_floor_db == -200.0


def test_a_stem_of_which_one_sample_sounds_is_not_silent() -> None:
    signal = np.zeros((RATE_HZ, 2))
    signal[700, 1] = 2.0**-23
    assert not scanned(signal)[0].silent


def test_every_stem_has_the_runs_in_which_it_is_to_be_heard(music: np.ndarray) -> None:
    """Not dialogue alone: any stem may be a target, and none needs another scan for it."""
    (run,) = scanned(np.repeat(voice(3 * RATE_HZ, ((0.5, 2.0),)), 2, axis=1))[0].spoken
    assert (run.start / RATE_HZ, run.end / RATE_HZ) == pytest.approx((0.5, 2.0), abs=0.15)
    covered = sum(run.end - run.start for run in scanned(music)[0].active)
    assert covered > 0.5 * len(music)


def looked(path, samples: np.ndarray, rate_hz: int, subtype: str = "PCM_24") -> tuple[StemFacts, Look]:
    write_audio(path, samples, rate_hz, subtype)
    with StemReader(path, RATE_HZ, watched=True) as reader:
        scan = StemScan(RATE_HZ, 0, lambda rows: None)
        while len(block := reader.read(1000)):
            scan.process(block)
        facts = scan.finish(source_rate=rate_hz, source_layout="2.0", look=reader.look)
        return facts, reader.look


def test_dc_is_the_mean_of_the_files_worst_channel_and_is_said(tmp_path) -> None:
    signal = noise(RATE_HZ, rms=0.05) - noise(RATE_HZ, rms=0.05).mean(axis=0) + [0.0001, -0.02]
    facts, _ = looked(tmp_path / "dc.wav", signal, 44_100)
    assert facts.dc == pytest.approx(-0.02, abs=1e-5)
    assert facts.warnings == ("has a DC offset of -0.0200 of full scale",)
    assert looked(tmp_path / "sound.wav", signal + np.array([0.0, 0.0201]), 44_100)[0].warnings == ()


def test_clipped_runs_are_counted_where_the_file_has_them_and_said_from_three_on(tmp_path) -> None:
    signal = 0.3 * np.repeat(band_noise(44_100, 50, 5000)[:, None], 2, axis=1)
    # a peak that just reaches full scale is none; a run in either channel, of either sign, is
    signal[50, 0] = signal[60, 1] = 1.0
    signal[22_050:22_060, 0] = 1.0
    signal[30_000:30_003, 1] = -1.0
    facts, look = looked(tmp_path / "two.wav", signal, 44_100)
    assert (facts.clipped_runs, look.first_clipped) == (2, 22_050)
    assert facts.warnings == ()
    signal[40_000:40_100, 1] = 1.0
    facts, _ = looked(tmp_path / "three.wav", signal, 44_100)
    assert facts.clipped_runs == 3
    assert facts.warnings == ("is clipped: 3 runs of samples at full scale, the first at 0.500 s",)


def test_looking_does_not_depend_on_blocks(tmp_path) -> None:
    signal = np.clip(noise(3000, rms=0.9), -1.0, 1.0 - 2.0**-23)
    path = write_audio(tmp_path / "loud.wav", signal)
    looks = set()
    for size in (1, 7, 512, 5000):
        with AudioReader(path, watched=True) as reader:
            while len(reader.read(size)):
                pass
            looks.add((round(reader.look.dc, 12), reader.look.clipped_runs, reader.look.first_clipped))
    assert len(looks) == 1
