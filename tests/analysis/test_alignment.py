"""Two recordings of one sound are laid on each other to the sample, and nothing else is."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stemmix.analysis.alignment import FARTHEST_S, LEAST_CONFIDENCE, Aligner, Offset
from tests.material import RATE_HZ, VOICE_RMS, band_noise, blocks, chords, clicks, read_audio, voice

REELS = Path(__file__).resolve().parents[2] / ".." / "shared" / "reels"

LOW_HZ = 16_000
"""Rate of what is tried often."""
LENGTH_S = 16
LINES_S = tuple((start + 0.2, start + 1.6) for start in range(0, 36, 2))

Floats = NDArray[np.float64]


def speech(rate_hz: int = LOW_HZ, seed: int = 1, length_s: int = LENGTH_S) -> Floats:
    """(frames,) of a voice whose pitch wavers as it likes, so that none of its periods is another's."""
    frames = length_s * rate_hz
    spoken = voice(frames, LINES_S, seed, rate_hz)[:, 0]
    random = np.random.default_rng(seed)
    breath = random.normal(0.0, 0.5 * VOICE_RMS, frames) * (np.abs(spoken) > 0.1 * VOICE_RMS)
    wander = np.cumsum(random.normal(0.0, 0.3 / np.sqrt(rate_hz), frames))
    at = np.clip(np.arange(frames) + 200 * np.sin(wander) * rate_hz / RATE_HZ, 0, frames - 1)
    return np.interp(at, np.arange(frames), spoken) + breath


def room(frames: int, seed: int, rms: float = VOICE_RMS) -> Floats:
    """(frames,) noise that falls by 3 dB an octave."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=frames))
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 50.0), frames)
    return np.asarray(rms * noise / np.sqrt(np.mean(noise**2)))


def later(signal: Floats, by_samples: float) -> Floats:
    """The signal, delayed by any number of samples, silent where it has not begun."""
    size = 3 * len(signal)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size) * by_samples)
    return np.fft.irfft(np.fft.rfft(signal, size) * turn, size)[: len(signal)]


def coloured(signal: Floats, rate_hz: int, low_hz: float, high_hz: float) -> Floats:
    """Without what lies outside, 12 dB an octave; no phase is turned."""
    hz = np.maximum(np.fft.rfftfreq(len(signal), 1 / rate_hz), 1.0)
    response = 1 / np.sqrt((1 + (low_hz / hz) ** 4) * (1 + (hz / high_hz) ** 4))
    return np.fft.irfft(np.fft.rfft(signal) * response, len(signal))


def offsets(*stems: Floats, rate_hz: int = LOW_HZ, size: int = 65_536) -> tuple[Offset | None, ...]:
    aligner = Aligner(rate_hz, len(stems))
    for block in blocks(np.stack(stems, axis=1), size):
        aligner.process(block)
    return aligner.finish()


def found(*stems: Floats, rate_hz: int = LOW_HZ) -> tuple[int, bool] | None:
    """Lag and polarity of the second stem."""
    offset = offsets(*stems, rate_hz=rate_hz)[1]
    if offset is None:
        return None
    assert LEAST_CONFIDENCE <= offset.confidence <= 1.0
    assert offset.against == 0
    return offset.lag_samples, offset.inverted


SPEECH = speech()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(-LOW_HZ, LOW_HZ), st.booleans(), st.sampled_from([0.1, 1.0, 10.0]), st.integers(0, 1000))
def test_any_lag_and_either_polarity_are_found_to_the_sample(lag: int, inverted: bool, gain: float, seed: int) -> None:
    one = SPEECH + room(len(SPEECH), seed, 0.5 * VOICE_RMS)
    other = later(SPEECH, lag) + room(len(SPEECH), seed + 2000, 0.5 * VOICE_RMS)
    assert found(one, other * (-gain if inverted else gain)) == (lag, inverted)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.floats(-4000, 4000).filter(lambda lag: abs(abs(lag % 1) - 0.5) > 0.1))
def test_between_samples_the_nearer_one_is_told(lag: float) -> None:
    assert found(SPEECH, later(SPEECH, lag)) == (round(lag), False)


@pytest.mark.parametrize("rate_hz", [44_100, RATE_HZ, 96_000])
def test_every_rate_is_told_to_the_sample(rate_hz: int) -> None:
    signal = speech(rate_hz, length_s=8)
    lag = round(0.31 * rate_hz) + 1
    assert found(signal, later(signal, lag), rate_hz=rate_hz) == (lag, False)


def test_stems_that_are_aligned_are_left_alone() -> None:
    assert offsets(SPEECH, 0.2 * SPEECH)[1] == Offset(0, False, pytest.approx(1.0, abs=0.05), 0)
    assert found(SPEECH + room(len(SPEECH), 1), SPEECH + room(len(SPEECH), 2)) == (0, False)


def microphone(kind: str, signal: Floats) -> tuple[Floats, Floats]:
    """One and the other microphone; the other hears everything 777 samples later, and upside down."""
    there = -later(signal, 777)
    random = np.random.default_rng(5)
    tail = random.normal(size=LOW_HZ // 4) * np.exp(-np.arange(LOW_HZ // 4) / 800.0)
    if kind == "lavalier and boom":
        return coloured(signal, LOW_HZ, 20, 3000), 0.1 * coloured(there, LOW_HZ, 250, 20_000)
    if kind == "a reflection each":
        return signal + 0.6 * later(signal, 31), there + 0.7 * later(there, 113)
    if kind == "a room":
        return signal, there + 0.05 * np.convolve(there, tail)[: len(there)]
    if kind == "noise as loud":
        return signal + room(len(signal), 8), there + room(len(signal), 9)
    if kind == "switched on half-way":
        return signal, np.where(np.arange(len(there)) < len(there) // 2, 0.0, there)
    if kind == "an actor each":
        second = speech(seed=7)[::-1]
        return signal + 0.3 * later(second, 40), there - 0.3 * later(second, 777)
    raise AssertionError(kind)


@pytest.mark.parametrize(
    "kind",
    ["lavalier and boom", "a reflection each", "a room", "noise as loud", "switched on half-way", "an actor each"],
)
def test_what_two_microphones_make_of_a_sound_does_not_hide_it(kind: str) -> None:
    assert found(*microphone(kind, SPEECH)) == (777, True)


def test_music_with_steady_tones_is_told_by_what_is_not_steady() -> None:
    frames = LENGTH_S * LOW_HZ
    time_s = np.arange(frames) / LOW_HZ
    bed = 0.3 * np.sin(2 * np.pi * 440 * time_s) + 0.3 * np.sin(2 * np.pi * 550 * time_s)
    band = chords(frames, rate_hz=LOW_HZ)[:, 0] + clicks(frames, np.arange(0.3, 15.0, 0.7), rate_hz=LOW_HZ)[:, 0]
    # the tones stand still in both, and would have it that nothing moved
    one, other = band + bed + room(frames, 1, 0.01), later(band, -5003) + bed + room(frames, 2, 0.01)
    assert found(one, other) == (-5003, False)


def strangers() -> dict[str, Floats]:
    frames = LENGTH_S * LOW_HZ
    time_s = np.arange(frames) / LOW_HZ
    gate = (time_s % 5 > 1.0) & (time_s % 5 < 3.0)
    hum = sum(np.sin(2 * np.pi * 50 * k * time_s + k) / k for k in range(1, 40))
    return {
        "a voice": SPEECH,
        "another voice": speech(seed=3)[::-1].copy(),
        "the voice, slower": np.interp(np.arange(frames) / 1.01, np.arange(frames), SPEECH),
        "chords": chords(frames, rate_hz=LOW_HZ)[:, 0],
        "steps": clicks(frames, (1.0, 2.9, 6.1, 11.5), rate_hz=LOW_HZ)[:, 0],
        "air": room(frames, 4),
        "other air": room(frames, 5),
        "a tone": 0.1 * np.sin(2 * np.pi * 440 * time_s),
        "its fifth": 0.1 * np.sin(2 * np.pi * 660 * time_s),
        "hum": room(frames, 10, 0.001) + 0.02 * np.asarray(hum),
        "hum elsewhere": room(frames, 11, 0.001) + 0.02 * np.roll(np.asarray(hum), 37),
        "cut hard": gate * (room(frames, 6) + 0.02),
        "cut there too": gate * (coloured(room(frames, 7), LOW_HZ, 10, 60) - 0.03),
        "silence": np.zeros(frames),
        "far too faint": room(frames, 8, 1e-6),
    }


def test_strangers_have_nothing_in_common() -> None:
    stems = strangers()
    for one, other in combinations(stems, 2):
        assert found(stems[one], stems[other]) is None, (one, other)
    for name in ("silence", "far too faint", "a tone"):
        assert found(stems[name], stems[name]) is None, name


@pytest.mark.parametrize("apart_s", [1.01, 2.0, 4.7, 5.05, 6.0])
def test_what_lies_farther_apart_than_is_answered_is_not_taken_for_something_nearer(apart_s: float) -> None:
    assert apart_s > FARTHEST_S
    signal = speech(length_s=36)
    assert found(signal, later(signal, round(apart_s * LOW_HZ))) is None


def test_one_event_in_common_is_no_recording_in_common() -> None:
    frames = 2 * LENGTH_S * LOW_HZ
    step = clicks(frames, (13.2,), rate_hz=LOW_HZ)[:, 0]
    scream = np.zeros(frames)
    scream[13 * LOW_HZ : 14 * LOW_HZ] = room(LOW_HZ, 3, 0.3)
    air = [room(frames, seed, 0.01) for seed in (1, 2)]
    for event in (step, scream):
        assert found(air[0] + event, air[1] + later(event, 200)) is None
        assert found(event, later(event, 200)) is None


def test_a_common_beginning_and_end_are_no_common_sound() -> None:
    time_s = np.arange(5 * RATE_HZ) / RATE_HZ
    one, other = (
        room(len(time_s), seed, 0.001)
        + 0.1 * np.sin(2 * np.pi * 440 * time_s + seed)
        + 0.1 * np.sin(2 * np.pi * 660 * time_s)
        for seed in (0, 1)
    )
    assert found(one, other, rate_hz=RATE_HZ) is None


@pytest.mark.parametrize("band_hz", [(300, 500), (1000, 1200)])
@pytest.mark.parametrize("seed", range(3))
def test_a_narrow_band_in_common_is_told_rightly_or_not_at_all(band_hz: tuple[int, int], seed: int) -> None:
    frames = 12 * LOW_HZ
    shared = band_noise(frames, *band_hz, seed, LOW_HZ)
    one, other = (shared, later(shared, -333)) if seed < 2 else (shared, -shared)
    answer = found(one + room(frames, seed + 10, 0.01), other + room(frames, seed + 90, 0.01))
    assert answer in (None, (-333, False) if seed < 2 else (0, True))


def test_what_is_too_short_to_be_sure_is_left_alone() -> None:
    for frames in (0, 1, 100, LOW_HZ, 3 * LOW_HZ):
        assert offsets(SPEECH[:frames], SPEECH[:frames]) == (Offset(0, False, 1.0, 0), None)


def test_a_group_is_laid_on_its_first_stem_by_way_of_others_where_need_be() -> None:
    second = speech(seed=3)[::-1]
    boom = SPEECH
    lavalier = -later(SPEECH, 300) + later(second, 100)
    other_lavalier = later(second, 150)
    placed = offsets(boom, other_lavalier, room(len(boom), 3), lavalier)
    assert placed[0] == Offset(0, False, 1.0, 0)
    assert placed[2] is None
    direct, chained = placed[3], placed[1]
    assert direct is not None
    assert chained is not None
    assert (direct.lag_samples, direct.inverted, direct.against) == (300, True, 0)
    # 50 later than the lavalier, whose polarity is turned against the first and so is this
    assert (chained.lag_samples, chained.inverted, chained.against) == (350, True, 3)
    assert chained.confidence <= direct.confidence


def test_blocks_of_any_size_give_the_same_answer() -> None:
    one, other = SPEECH + room(len(SPEECH), 1, 0.02), -later(SPEECH, -1234) + room(len(SPEECH), 2, 0.02)
    whole = offsets(one, other, size=len(one))
    assert whole[1] is not None
    assert (whole[1].lag_samples, whole[1].inverted) == (-1234, True)
    for size in (7, 512, 4096, 48_000):
        assert offsets(one, other, size=size) == whole


@pytest.mark.parametrize(("reel", "other_reel"), [("harbour", "siege"), ("siege", "harbour")])
def test_real_voices_are_found_and_told_from_strangers(reel: str, other_reel: str) -> None:
    stems = [REELS / reel / "dialogue.flac", REELS / reel / "music.flac", REELS / other_reel / "dialogue.flac"]
    if not all(path.is_file() for path in stems):
        pytest.skip("there is no shared/reels beside the repository")
    excerpt = slice(8 * RATE_HZ, 32 * RATE_HZ)
    spoken, music, stranger = (read_audio(path)[excerpt].mean(axis=1) for path in stems)
    level = float(np.sqrt(np.mean(spoken**2)))
    boom = coloured(spoken, RATE_HZ, 150, 20_000) + room(len(spoken), 1, 0.5 * level)
    lavalier = -0.1 * coloured(later(spoken, 12_345), RATE_HZ, 20, 6000) + room(len(spoken), 2, 0.05 * level)
    first, second, third, fourth = offsets(boom, lavalier, music, stranger, rate_hz=RATE_HZ)
    assert first is not None
    assert second is not None
    assert (second.lag_samples, second.inverted) == (12_345, True)
    assert third is None
    assert fourth is None
