"""`analysis.speech`: every line is found, however quiet and however noisy its room; what is between lines is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stemmix.analysis.scan import StemScan
from stemmix.analysis.speech import SHORTEST_FRAMES, phrases_of, smoothed_db
from stemmix.analysis.voice import VoiceBands
from stemmix.bands import BAND_COUNT
from stemmix.files.stems import StemReader
from stemmix.model.features import Look, Span
from stemmix.model.profiles import TALK, Role
from tests.material import RATE_HZ, band_noise, clicks, voice

REELS = Path(__file__).resolve().parents[2] / ".." / "shared" / "reels"
LINES_S = ((1.0, 2.2), (3.4, 4.1), (5.5, 8.0), (9.0, 9.7))
FRAMES = 11 * RATE_HZ


def speech_of(signal: np.ndarray, lead_samples: int = 0, role: Role = Role.DIALOGUE) -> tuple[Span, ...]:
    scan = StemScan(RATE_HZ, lead_samples, lambda rows: None)
    for begin in range(0, len(signal), RATE_HZ):
        scan.process(signal[begin : begin + RATE_HZ])
    look = Look(dc=0.0, clipped_runs=0, first_clipped=None)
    facts = scan.finish(source_rate=RATE_HZ, source_layout="2.0", look=look)
    return facts.heard_as(role)


def speech_runs(level_db: np.ndarray) -> list[tuple[int, int]]:
    """Phrases of a sound of this level, alike in all bands."""
    bands = VoiceBands()
    bands.take(np.repeat(10 ** (level_db[:, None] / 10), BAND_COUNT, axis=1) / BAND_COUNT)
    return [(start, end) for start, end, knocks in phrases_of(level_db, bands.codes()) if not knocks]


def stereo(mono: np.ndarray) -> np.ndarray:
    return np.repeat(mono.reshape(-1, 1), 2, axis=1) * 0.5**0.5


def assert_they_are_the_lines(
    found: tuple[Span, ...], lines_s: tuple[tuple[float, float], ...], slack_s: float
) -> None:
    """One run for each line, no end of it off by more than `slack_s`."""
    runs_s = [(run.start / RATE_HZ, run.end / RATE_HZ) for run in found]
    assert len(runs_s) == len(lines_s), runs_s
    assert np.array(runs_s) == pytest.approx(np.array(lines_s), abs=slack_s)


def test_lines_are_found_at_their_times_and_silence_between_is_no_speech() -> None:
    assert_they_are_the_lines(speech_of(stereo(voice(FRAMES, LINES_S))), LINES_S, 0.15)


@pytest.mark.parametrize("level_db", [-60.0, -30.0, 0.0])
def test_the_level_of_the_whole_does_not_matter(level_db: float) -> None:
    signal = stereo(voice(FRAMES, LINES_S))
    quiet = speech_of(signal * 10 ** (level_db / 20))
    assert_they_are_the_lines(quiet, LINES_S, 0.15)


def test_a_whisper_20_db_under_the_other_lines_is_speech() -> None:
    loud, whisper = voice(FRAMES, (LINES_S[0], LINES_S[2])), voice(FRAMES, (LINES_S[1], LINES_S[3]), seed=5)
    assert_they_are_the_lines(speech_of(stereo(loud + 0.1 * whisper)), LINES_S, 0.15)


def test_room_tone_20_db_under_the_voice_still_falls_into_lines() -> None:
    tone = band_noise(FRAMES, 100, 6000, seed=7)[:, None]
    assert_they_are_the_lines(speech_of(stereo(voice(FRAMES, LINES_S) + 0.1 * tone)), LINES_S, 0.25)


@pytest.mark.parametrize("fade_s", [0.02, 0.2])
def test_room_tone_that_fades_in_and_out_at_the_ends_is_no_speech(fade_s: float) -> None:
    lead, fade = 4 * RATE_HZ, int(fade_s * RATE_HZ)
    tone = np.concatenate((np.zeros(RATE_HZ // 10), band_noise(FRAMES + 2 * lead - RATE_HZ // 10, 100, 6000, seed=7)))
    tone[RATE_HZ // 10 : RATE_HZ // 10 + fade] *= np.linspace(0, 1, fade)
    tone[-fade:] *= np.linspace(1, 0, fade)
    spoken = np.pad(voice(FRAMES, LINES_S)[:, 0], lead)
    expected = tuple((start + 4.0, end + 4.0) for start, end in LINES_S)
    assert_they_are_the_lines(speech_of(stereo(spoken + 0.1 * tone)), expected, 0.25)


def test_room_tone_laid_around_the_lines_alone_is_no_speech() -> None:
    """Digital silence before and after it says nothing of the room."""
    lead = 6 * RATE_HZ
    tone = band_noise(FRAMES + 2 * lead, 100, 6000, seed=7)
    tone[: 3 * RATE_HZ] = tone[-3 * RATE_HZ :] = 0.0
    spoken = np.pad(voice(FRAMES, LINES_S)[:, 0], lead)
    expected = tuple((start + 6.0, end + 6.0) for start, end in LINES_S)
    assert_they_are_the_lines(speech_of(stereo(spoken + 10 ** (-25 / 20) * tone)), expected, 0.25)


def test_a_whisper_20_db_down_in_a_room_35_db_down() -> None:
    """Both at once, the whisper 15 dB over its room."""
    loud, whisper = voice(FRAMES, (LINES_S[0], LINES_S[2])), voice(FRAMES, (LINES_S[1], LINES_S[3]), seed=5)
    tone = band_noise(FRAMES, 100, 6000, seed=7)[:, None]
    assert_they_are_the_lines(speech_of(stereo(loud + 0.1 * whisper + 10 ** (-35 / 20) * tone)), LINES_S, 0.25)


def test_speech_without_a_pause_is_speech() -> None:
    """No floor shows, and none is needed."""
    (run,) = speech_of(stereo(voice(6 * RATE_HZ, ((0.0, 6.0),))))
    assert run.end - run.start > 5.7 * RATE_HZ


def test_a_click_is_no_line() -> None:
    signal = voice(FRAMES, LINES_S)
    signal[int(2.8 * RATE_HZ) : int(2.8 * RATE_HZ) + 500] = 0.9
    assert_they_are_the_lines(speech_of(stereo(signal)), LINES_S, 0.15)


@pytest.mark.parametrize(("apart_s", "lasts_s", "level_db"), [(0.3, 0.01, -28.0), (0.2, 0.006, -24.0)])
@pytest.mark.parametrize("room_db", [-62.0, None])
def test_keys_steps_and_a_clock_are_no_lines_of_speech_and_are_heard_all_the_same(
    apart_s: float, lasts_s: float, level_db: float, room_db: float | None
) -> None:
    """Each goes on for less than a syllable does, however many come one after the other."""
    random = np.random.default_rng(4)
    signal = voice(FRAMES + 30 * RATE_HZ, ((1.0, 3.0), (38.0, 40.0))).reshape(-1)
    clicks = np.zeros(len(signal))
    knock = random.normal(size=round(6 * lasts_s * RATE_HZ)) * np.exp(
        -np.arange(round(6 * lasts_s * RATE_HZ)) / (lasts_s * RATE_HZ)
    )
    for at_s in np.cumsum(apart_s * random.uniform(0.85, 1.15, round(28 / apart_s))):
        at = round((5.0 + at_s) * RATE_HZ)
        clicks[at : at + len(knock)] += knock / np.abs(knock).max() * 10 ** (level_db / 20)
    signal = signal + clicks
    if room_db is not None:
        signal += 10 ** (room_db / 20) * band_noise(len(signal), 60, 6000, seed=7)
    assert_they_are_the_lines(speech_of(stereo(signal)), ((1.0, 3.0), (38.0, 40.0)), 0.25)
    assert len(speech_of(stereo(signal), role=Role.FX)) > 2


@pytest.mark.parametrize("before_s", [0.05, 0.15])
def test_a_soft_word_beside_a_knock_is_a_line(before_s: float) -> None:
    signal = 0.1 * voice(FRAMES, ((5.0, 5.4),)) + voice(FRAMES, ((1.0, 2.0), (8.0, 9.0)))
    at = int((5.0 - before_s) * RATE_HZ)
    signal[at : at + 200] += 0.3
    assert len(speech_of(stereo(signal))) == 3


def held(hz: tuple[float, ...], seconds: int) -> np.ndarray:
    """Tones that are held: they waver against each other, and nothing else happens."""
    time_s = np.arange(seconds * RATE_HZ) / RATE_HZ
    return sum((0.05 * np.sin(2 * np.pi * one * time_s) for one in hz), start=np.zeros(len(time_s)))


@pytest.mark.parametrize("role", [role for role in Role if role not in TALK])
@pytest.mark.parametrize("hz", [(440.0,), (130.8, 155.6, 196.3, 261.9), tuple(50.0 * n for n in range(1, 9))])
def test_of_what_is_no_talk_a_sound_that_stands_still_is_heard_as_long_as_it_lasts(
    hz: tuple[float, ...], role: Role
) -> None:
    """A held chord, an engine, a siren: no room behind something else, and a pin or a profile may ask for it."""
    signal = np.concatenate((np.zeros(2 * RATE_HZ), held(hz, 40), np.zeros(2 * RATE_HZ)))
    (run,) = speech_of(stereo(signal), role=role)
    assert (run.start / RATE_HZ, run.end / RATE_HZ) == pytest.approx((2.0, 42.0), abs=0.15)


@pytest.mark.parametrize("role", [role for role in Role if role not in TALK])
def test_of_what_is_no_talk_a_quick_rhythm_is_heard_as_long_as_it_lasts(role: Role) -> None:
    """Hi-hats: no beat of them is as long as a phrase is at the least."""
    signal = stereo(clicks(FRAMES, np.arange(2.0, 9.0, 0.3))[:, 0])
    (run,) = speech_of(signal, role=role)
    assert (run.start / RATE_HZ, run.end / RATE_HZ) == pytest.approx((2.0, 9.1), abs=0.15)


def test_of_effects_the_hiss_between_them_is_not_heard() -> None:
    """Close to the loud frames is close to those of the whole stem."""
    hiss = 10 ** (-20 / 20) * band_noise(FRAMES, 100, 6000, seed=7)[:, None]
    heard = speech_of(stereo(voice(FRAMES, LINES_S) + hiss), role=Role.FX)
    assert_they_are_the_lines(heard, LINES_S, 0.25)


@pytest.mark.parametrize("lead_samples", [0, 1, 700, 959])
def test_times_are_the_stems_own_and_within_it(lead_samples: int) -> None:
    frames = 2 * RATE_HZ
    (run,) = speech_of(stereo(voice(frames, ((0.0, 2.0),))), lead_samples)
    assert 0 <= run.start < 0.1 * RATE_HZ
    assert 1.9 * RATE_HZ < run.end <= frames


def test_silence_has_no_speech() -> None:
    assert speech_of(np.zeros((RATE_HZ, 2))) == ()
    assert speech_runs(np.full(100, -200.0)) == []


def test_a_run_is_longer_than_300_ms() -> None:
    """The mean over ten frames makes every burst nine frames longer."""
    shortest = SHORTEST_FRAMES - 9
    level_db = np.full(400, -200.0)
    level_db[20 : 20 + shortest] = level_db[100 : 101 + shortest] = level_db[200:300] = -20.0
    assert speech_runs(level_db) == [(96, 106 + shortest), (196, 305)]
    assert speech_runs(np.zeros(0)) == []


def dipped(depth_db: float, second: int = 100) -> np.ndarray:
    """Two seconds at -20 dB, a dip of 0.8 s that is deepest after 0.4 s, `second` frames more; silence around."""
    dip_db = -20.0 - depth_db - 0.02 * (20 - np.abs(np.arange(40) - 20))
    loud_db = np.full(100, -20.0)
    silence_db = np.full(100, -200.0)
    return np.concatenate((silence_db, loud_db, dip_db, loud_db[:second], silence_db))


def test_a_run_that_sinks_and_rises_again_is_two_phrases_that_meet_where_it_is_faintest() -> None:
    """23 dB down parts phrases, 25 dB down would be no speech at all."""
    (first, second) = speech_runs(dipped(23.5))
    assert first[1] == second[0] == 200 + int(np.argmin(smoothed_db(dipped(23.5))[200:240]))
    assert 215 <= first[1] <= 225
    assert len(speech_runs(dipped(22.0))) == 1, "not so deep: one phrase"
    assert speech_runs(dipped(23.5, second=6))[0][1] > 240, "what is too short for a line is no phrase of its own"


@pytest.mark.parametrize("level_db", [-50.0, 0.0])
def test_phrases_do_not_depend_on_the_level_of_the_whole(level_db: float) -> None:
    assert len(speech_runs(dipped(23.5) + level_db)) == 2


@pytest.mark.parametrize("reel", ["harbour", "siege"])
def test_every_line_of_a_reel_is_found_and_little_else(reel: str) -> None:
    folder = REELS / reel
    if not folder.is_dir():
        pytest.skip("there is no shared/reels beside the repository")
    cues = json.loads((folder / "cues.json").read_text())
    with StemReader(folder / "dialogue.flac", RATE_HZ) as reader:
        signal = reader.read(cues["stems"][0]["frames"])
    runs_s = [(run.start / RATE_HZ, run.end / RATE_HZ) for run in speech_of(signal)]
    spoken = [(start, end) for cue in cues["dialogue"] for start, end in cue["speech"]]
    assert len(spoken) >= 18

    def covered(start: float, end: float, by: list[tuple[float, float]]) -> float:
        return sum(max(min(end, b) - max(start, a), 0.0) for a, b in by)

    for cue in cues["dialogue"]:
        length = sum(end - start for start, end in cue["speech"])
        found = sum(covered(start, end, runs_s) for start, end in cue["speech"])
        assert found > 0.6 * length, f"{cue['id']} is not found"
    beside = [(start - 0.15, end + 0.15) for start, end in spoken]
    for start, end in runs_s:
        assert covered(start, end, beside) > 0.8 * (end - start), f"nobody speaks at {start:.2f}-{end:.2f} s"
