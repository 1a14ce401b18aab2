"""Quality control: every flag finds its fault where it is, and says nothing of the same sound without it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stemmix.dsp.limiter import TruePeakLimiter
from stemmix.engine.qc import QcWatch
from stemmix.files.audio import AudioReader
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, SURROUND_5_1, Layout, LayoutName
from stemmix.model.receipt import Finding
from tests.material import RATE_HZ, band_noise, blocks, chords, clicks, noise, voice

Floats = NDArray[np.float64]
SHARED = Path(__file__).resolve().parents[3] / "shared"
LAYOUT_OF = {1: MONO, 2: STEREO, 6: SURROUND_5_1}

SECONDS = 12
AT_S = 5.0
"""Where faults are planted."""
CLOSE_S = 0.05


def found(signal: Floats, layout: Layout | None = None, size: int = 1 << 14, **asked: object) -> dict[str, Finding]:
    watch = QcWatch(RATE_HZ, layout or LAYOUT_OF[signal.shape[1]], **asked)  # type: ignore[arg-type]
    for block in blocks(signal, size):
        watch.process(block)
    told = {one.check: one for one in watch.findings()}
    assert len(told) == len(watch.findings()), "one finding for each check"
    return told


def flagged(signal: Floats, **asked: object) -> dict[str, str]:
    return {name: one.verdict for name, one in found(signal, **asked).items() if one.verdict != "pass"}  # type: ignore[arg-type]


def at(seconds: float) -> int:
    return round(seconds * RATE_HZ)


@lru_cache(maxsize=1)
def _mix() -> Floats:
    frames = at(SECONDS)
    said = voice(frames, [(0.5, 3.0), (4.0, 8.5), (9.0, 11.5)])
    mixed = said + 0.4 * chords(frames) + 0.5 * clicks(frames, np.arange(0.3, 11.5, 0.7)) + noise(frames, rms=0.001)
    return np.asarray(0.6 * mixed / np.abs(mixed).max())


def mix() -> Floats:
    """A voice over music and effects, with air."""
    return _mix().copy()


def bass() -> Floats:
    """What is smooth, and loud all along."""
    time_s = np.arange(at(SECONDS)) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * hz * time_s + phase) for hz, phase in ((61, 0.0), (147, 1.0), (293, 2.0)))
    return np.asarray(0.15 * tones)[:, None] * np.array([1.0, 0.9]) + noise(len(time_s), rms=1e-4)


def rumble() -> Floats:
    """Low, loud and in phase."""
    low = 3 * band_noise(at(SECONDS), 25, 90, seed=7)
    return low[:, None] * np.ones(2) + noise(len(low), rms=1e-4)


def surround() -> Floats:
    """5.1: the voice in C, music in L and R, air behind, a rumble in the LFE."""
    frames = at(SECONDS)
    out = np.zeros((frames, 6))
    out[:, :2] = 0.3 * bass()
    out[:, 2] = voice(frames, [(0.2, 11.8)])[:, 0]
    out[:, 3] = band_noise(frames, 25, 110, seed=5)
    out[:, 4:] = noise(frames, rms=0.003, seed=6)
    return out


def clipped(signal: Floats) -> None:
    here = slice(at(AT_S), at(AT_S) + 480)
    signal[here] = np.clip(60 * signal[here], -1, 1)


def clipped_and_turned_down(signal: Floats) -> None:
    here = slice(at(AT_S), at(AT_S) + 4800)
    signal[here] = np.clip(60 * signal[here], -0.7, 0.7)


def over(signal: Floats) -> None:
    """A quarter of the sample rate, sampled beside its peaks."""
    n = np.arange(480)
    signal[at(AT_S) : at(AT_S) + 480, 1] = 0.9 * np.sin(np.pi / 2 * n + np.pi / 4) * np.sqrt(2) * np.hanning(480)


def too_high(signal: Floats) -> None:
    signal[at(AT_S), 0] = 1.2


def with_dc(signal: Floats) -> None:
    signal += 0.004


def dropped_block(signal: Floats) -> None:
    signal[at(AT_S) : at(AT_S) + 512] = 0.0


def dropped_on_one_side(signal: Floats) -> None:
    signal[at(AT_S) : at(AT_S) + 512, 1] = 0.0


def lost_block(signal: Floats) -> None:
    """Half a wave of the bass is missing."""
    signal[at(AT_S) : -393] = signal[at(AT_S) + 393 :].copy()


def stuck_sample(signal: Floats) -> None:
    signal[at(AT_S), 0] += 0.3


def reversed_side(signal: Floats) -> None:
    signal[at(AT_S) :, 1] = -signal[at(AT_S) :, 0]


def voice_reversed(signal: Floats) -> None:
    """Alone in the band of speech."""
    line = band_noise(len(signal), 300, 3000, seed=9)
    line[: at(AT_S)] = 0.0
    signal += line[:, None] * np.array([1.0, -1.0])


def quieter_side(signal: Floats) -> None:
    signal[:, 1] *= 0.5


def dead_side(signal: Floats) -> None:
    signal[:, 1] = 0.0


def dead_centre(signal: Floats) -> None:
    signal[:, 2] = 0.0


def reversed_centre(signal: Floats) -> None:
    """The line is in all three fronts, but upside down in C."""
    line = 0.12 * band_noise(len(signal), 300, 3000, seed=9) / 0.05
    line[: at(AT_S)] = 0.0
    signal[:, :2] += 0.7 * line[:, None]
    signal[:, 2] -= line


def full_range_lfe(signal: Floats) -> None:
    signal[at(AT_S) :, 3] += 2 * band_noise(len(signal), 150, 3000)[at(AT_S) :]


FAULTS: list[tuple[Callable[[Floats], None], Callable[[], Floats], str, str, float]] = [
    (clipped, mix, "clipping", "fail", AT_S),
    (clipped_and_turned_down, mix, "clipping", "warn", AT_S),
    (over, bass, "overs", "warn", AT_S + 0.005),
    (too_high, mix, "overs", "fail", AT_S),
    (with_dc, mix, "dc", "warn", 0.0),
    (dropped_block, bass, "dropout", "fail", AT_S),
    (dropped_on_one_side, mix, "dropout", "fail", AT_S),
    (lost_block, bass, "click", "warn", AT_S),
    (stuck_sample, bass, "click", "warn", AT_S),
    (reversed_side, mix, "phase", "fail", AT_S),
    (reversed_side, mix, "mono", "fail", AT_S),
    (voice_reversed, rumble, "mono", "fail", AT_S),
    (quieter_side, mix, "channels", "warn", 0.0),
    (dead_side, mix, "channels", "fail", 0.0),
    (dead_centre, surround, "channels", "warn", 0.0),
    (reversed_centre, surround, "fold_down", "fail", AT_S),
    (full_range_lfe, surround, "lfe", "fail", AT_S),
]


@pytest.mark.parametrize(
    ("plant", "clean", "check", "verdict", "at_s"), FAULTS, ids=[f"{f[2]}-{f[0].__name__}" for f in FAULTS]
)
def test_a_planted_fault_is_found_where_it_is_and_its_clean_twin_is_not(
    plant: Callable[[Floats], None], clean: Callable[[], Floats], check: str, verdict: str, at_s: float
) -> None:
    sound = clean()
    assert flagged(sound) == {}
    plant(sound)
    told = found(sound)[check]
    assert told.verdict == verdict, told.text
    assert told.at_s
    assert told.at_s[0][0] == pytest.approx(at_s, abs=CLOSE_S)


def test_dc_that_lasts_is_found_where_it_is_though_the_whole_length_is_near_zero() -> None:
    sound = noise(at(60), rms=0.02)
    assert flagged(sound) == {}
    sound[at(20) : at(32), 1] += 0.006
    told = found(sound)["dc"]
    assert told.verdict == "warn"
    assert told.at_s == ((pytest.approx(20, abs=CLOSE_S), pytest.approx(32, abs=CLOSE_S)),)


def test_a_mute_is_found_and_a_fade_to_nothing_or_a_sparse_stem_is_not() -> None:
    sound = noise(at(100), rms=0.02)
    muted = sound.copy()
    muted[at(40) : at(41.5)] = 0.0
    told = found(muted)["silence"]
    assert (told.verdict, told.at_s) == ("warn", ((40.0, 41.5),))
    faded = muted.copy()
    ramp = np.linspace(0, 1, at(0.1))[:, None] ** 2
    faded[at(41.5) : at(41.5) + len(ramp)] *= ramp
    faded[at(40) - len(ramp) : at(40)] *= ramp[::-1]
    assert flagged(faded) == {}
    sparse = muted.copy()
    for start_s in (10, 20, 60, 70, 80):
        sparse[at(start_s) : at(start_s + 3)] = 0.0
    assert "silence" not in flagged(sparse)
    assert flagged(sparse, kind="mix")["silence"] == "warn", "what is known to be a mix has no pauses"


@pytest.mark.parametrize(("long_s", "channels", "side"), [(0.7, 2, 1), (2.0, 2, 0), (20.0, 2, 1), (2.0, 6, 4)])
def test_one_side_that_falls_silent_while_the_other_sounds_is_found(long_s: float, channels: int, side: int) -> None:
    sound = noise(at(60), channels=channels, rms=0.02)
    assert "channels" not in flagged(sound)
    muted = sound.copy()
    muted[at(20) : at(20 + long_s), side] = 0.0
    for size in (1000, 1 << 16):
        told = found(muted, size=size)["channels"]
        assert told.verdict == "fail"
        assert told.at_s == ((pytest.approx(20, abs=CLOSE_S), pytest.approx(20 + long_s, abs=CLOSE_S)),)
    alone = muted.copy()
    alone[at(19.9) : at(20.1 + long_s)] = 0.0
    assert "while" not in found(alone)["channels"].text, "nor does the other sound"
    faded = muted.copy()
    faded[at(19) : at(20), side] *= np.linspace(1, 0, at(1)) ** 2
    assert "while" not in found(faded)["channels"].text, "it has faded"


@pytest.mark.parametrize(("layout", "label"), [(STEREO, "R"), (LAYOUTS["3.0"], "C"), (LAYOUTS["5.0"], "Ls")])
def test_a_channel_that_is_lost_for_good_is_found_and_one_that_dies_away_is_not(layout: Layout, label: str) -> None:
    """Over the whole length both sides are even enough."""
    side = layout.labels.index(label)
    sound = noise(at(30), layout.channels, rms=0.02)
    lost = sound.copy()
    lost[at(20.05) :, side] = 0.0
    for size in (1000, 1 << 16):
        told = found(lost, layout, size=size)["channels"]
        what = "the channels beside it sound" if label == "C" else "its other side sounds"
        assert (told.verdict, told.text) == ("fail", f"a channel is cut off while {what}: {label} 1 time")
        assert told.at_s == ((pytest.approx(20.05, abs=CLOSE_S), pytest.approx(30, abs=CLOSE_S)),)
    for silent_s in (4, 12):
        told = found(np.concatenate((lost, np.zeros((at(silent_s), layout.channels)))), layout)["channels"]
        assert told.verdict == "fail", "what follows is silence"
        assert told.at_s == ((pytest.approx(20.05, abs=CLOSE_S), pytest.approx(30, abs=CLOSE_S)),)
    faded = lost.copy()
    faded[at(19) : at(20.05), side] *= np.linspace(1, 0, at(20.05) - at(19)) ** 2
    together = lost.copy()
    together[at(20.2) :] = 0.0
    for fine in (faded, together):
        assert "while" not in found(fine, layout)["channels"].text


def words(*spans_s: tuple[float, float]) -> Floats:
    """(frames,) somebody who speaks in these spans, trimmed where each has died away, and pauses in nothing."""
    said = np.zeros(at(60))
    for begin_s, end_s in spans_s:
        span = slice(at(begin_s), at(end_s))
        length = span.stop - span.start
        swell = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / at(0.02))
        said[span] = np.maximum(swell, 0.03) * voice(length, [(0.0, length / RATE_HZ)])[:, 0]
    return said


def test_two_people_on_two_sides_take_turns() -> None:
    """What a project asks for that pans them so; sound that is cut off in the middle of a word is still lost."""
    left = words((1, 9), (11, 22), (24, 40), (44, 58))
    right = words((2, 6), (8, 13), (20, 30), (31, 59))
    turns = np.stack((left, right), axis=1)
    assert "channels" not in flagged(turns)
    lost = turns.copy()
    lost[at(34.02) : at(36.02), 1] = 0.0
    told = found(lost)["channels"]
    assert (told.verdict, told.value) == ("fail", 1)
    assert told.text == "a channel is cut off while its other side sounds: R 1 time"
    assert told.at_s == ((pytest.approx(34.02, abs=CLOSE_S), pytest.approx(36.02, abs=CLOSE_S)),)
    one = np.stack((left, 0.5 * left + noise(len(left), 1, rms=0.01)[:, 0]), axis=1)
    told = found(one)["channels"]
    assert told.verdict == "warn", "one side that pauses while the other never does, for a person to hear"
    assert told.text == "a channel falls silent while its other side sounds: L 3 times"


@pytest.mark.parametrize("layout", ["3.0", "5.1", "7.1"])
@pytest.mark.parametrize("long_s", [1.2, 5.0])
def test_a_centre_that_is_lost_while_the_sides_sound_is_found_and_one_that_pauses_is_not(
    layout: LayoutName, long_s: float
) -> None:
    labels = LAYOUTS[layout].labels
    sound = noise(at(60), len(labels), rms=0.004)
    if "LFE" in labels:
        sound[:, labels.index("LFE")] = 0.0
    sound[:, 2] = words((1, 12), (14, 40), (45, 58))
    assert "channels" not in flagged(sound, layout=LAYOUTS[layout])
    sound[at(30.01) : at(30.01 + long_s), 2] = 0.0
    told = found(sound, LAYOUTS[layout])["channels"]
    assert (told.verdict, told.text) == ("fail", "a channel is cut off while the channels beside it sound: C 1 time")
    assert told.at_s == ((pytest.approx(30.01, abs=CLOSE_S), pytest.approx(30.01 + long_s, abs=CLOSE_S)),)


@pytest.mark.parametrize("long_s", [0.6, 1.3, 2.0, 10.0])
def test_a_hole_is_found_however_long_it_is(long_s: float) -> None:
    muted = noise(at(60), rms=0.02)
    muted[at(20) : at(20 + long_s)] = 0.0
    flags = {check for check, verdict in flagged(muted).items() if verdict != "pass"}
    assert flags & {"silence", "dropout"}


def test_silence_before_and_after_the_sound_is_nobodys_fault() -> None:
    sound = mix()
    sound[: at(1)] = sound[at(10) :] = 0.0
    assert flagged(sound) == {}


def test_a_hole_may_be_no_longer_than_a_second_and_sound_goes_on_after_it() -> None:
    sound = mix()
    sound[at(5) : at(5.9)] = 0.0
    assert found(sound)["dropout"].at_s == ((5.0, pytest.approx(5.9, abs=0.001)),)
    ends = bass()
    ends[at(5) :] = 0.0
    assert found(ends)["dropout"].verdict == "pass"


@pytest.mark.parametrize("long_s", [0.006, 0.02, 0.51, 2.03, 7.96])
def test_sound_that_is_held_on_one_value_is_found_and_no_wave_that_has_plateaus(long_s: float) -> None:
    """As a converter holds it that is fed no more; in one channel, too."""
    sound = bass()
    held = slice(at(3.137), at(3.137 + long_s))
    sound[held, 1] = sound[held.start - 1, 1]
    told = found(sound)["dropout"]
    assert (told.verdict, told.value) == ("fail", 1)
    assert told.at_s == ((pytest.approx(3.137, abs=0.001), pytest.approx(3.137 + long_s, abs=0.001)),)
    turns = 2 * np.pi * np.arange(at(SECONDS)) / RATE_HZ
    stairs = (np.ceil(3 * np.sin(20 * turns)) - 0.5) / 3
    pulses = np.where(np.sin(40 * turns) > 0.9, 0.7, 0.1)
    boom = np.clip(1.3 * np.sin(25 * turns) * np.sin(0.5 * turns), -1, 1)
    crushed = np.round(bass()[:, 0] * 2**7) / 2**7
    stepped = np.random.default_rng(1).choice([-0.6, -0.2, 0.3, 0.5], at(SECONDS) // 300).repeat(300)
    for wave in (stairs, pulses, boom, crushed, stepped, np.sign(np.sin(55 * turns))):
        both = 0.6 * wave[:, None] * np.ones(2)
        assert found(both)["dropout"].verdict == "pass"


@pytest.mark.parametrize("every_s", [0.4, 1.5])
def test_holes_on_a_beat_are_a_gates_and_those_that_lie_anywhere_are_faults(every_s: float) -> None:
    """However many there are; some may be missing, where the sound itself is soft. A few are no beat yet."""
    length_s, rng = 20.0, np.random.default_rng(2)
    beats = np.arange(1.0, 19.0, every_s)
    for begins_s, verdict in (
        (beats, "warn"),
        (beats[np.arange(len(beats)) % 5 != 2], "warn"),
        (beats[:5], "fail"),
        (beats + rng.uniform(0, every_s / 2, len(beats)), "fail"),
    ):
        sound = noise(at(length_s), rms=0.1)
        for begin_s in begins_s:
            sound[at(begin_s) : at(begin_s + 0.1)] = 0.0
        told = found(sound)["dropout"]
        assert (told.verdict, told.value) == (verdict, len(begins_s))
        assert ("evenly spaced" in told.text) is (verdict == "warn")


@pytest.mark.parametrize("block", [480, 960, 1024])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.1])
def test_blocks_that_were_lost_on_the_way_lie_on_a_grid_and_are_faults(block: int, share: float) -> None:
    """Their steps are whole numbers of blocks, which is no beat."""
    sound = noise(at(30.0), rms=0.1)
    lost = np.flatnonzero(np.random.default_rng(5).random(len(sound) // block - 100) < share) + 50
    for number in lost:
        sound[number * block : (number + 1) * block] = 0.0
    assert found(sound)["dropout"].verdict == "fail"


def test_sparse_and_percussive_sound_is_left_alone() -> None:
    """Hits that are cut off and stand in digital silence; soft swells with rests; a tone in bursts of its own."""
    frames = at(40)
    time_s = np.arange(frames) / RATE_HZ
    hits = clicks(frames, np.arange(0.25, 39, 0.31))
    swell = 0.2 * np.sin(2 * np.pi * 220 * time_s) * np.maximum(np.sin(2 * np.pi * time_s / 7), 0.0) ** 2
    organ = 0.05 * sum(np.sin(2 * np.pi * 65.4 * n * time_s + n) / n for n in range(1, 12))
    for sound in (hits, np.stack((swell, 0.8 * swell), axis=1), np.stack((organ, np.roll(organ, 40)), axis=1)):
        assert flagged(sound) == {}


def test_an_edit_is_one_place_in_however_many_channels_it_is() -> None:
    """Though each channel breaks a few samples after the one before."""
    time_s, edits_s = np.arange(at(SECONDS)) / RATE_HZ, (3.0, 6.0, 9.0)
    late_s = 5.0 * np.arange(6) / RATE_HZ
    phases = np.searchsorted(edits_s, time_s[:, None] - late_s, side="right") * np.linspace(0.5, 1.5, 6)
    tones = 0.2 * np.sin(2 * np.pi * time_s[:, None] * np.linspace(200, 330, 6) + phases)
    told = found(tones, LAYOUTS["5.1"])["click"]
    assert [begin for begin, _ in told.at_s] == pytest.approx(edits_s, abs=1e-3)
    assert told.value == len(edits_s)


def test_waves_with_edges_of_their_own_are_not_broken() -> None:
    time_s = np.arange(at(SECONDS)) / RATE_HZ
    saw = 0.3 * (2 * (time_s * 55 % 1.0) - 1)[:, None] * np.ones(2)
    square = np.sign(np.sin(2 * np.pi * 110.3 * time_s))[:, None] * np.array([0.3, 0.3])
    for wave in (saw, square):
        told = found(wave)
        assert {name: told[name].verdict for name in ("click", "dropout")} == {"click": "pass", "dropout": "pass"}


def test_a_smooth_peak_that_rounding_makes_flat_is_not_clipped() -> None:
    time_s = np.arange(at(3)) / RATE_HZ
    low = np.round(0.7 * 2**15 * np.sin(2 * np.pi * 10 * time_s))[:, None] / 2**15
    assert max(len(run) for run in np.split(low, np.flatnonzero(np.diff(low[:, 0])) + 1)) >= 3, "it is flat"
    assert found(low)["clipping"].verdict == "pass"


def dithered(signal: Floats, bits: int) -> Floats:
    """As what is delivered: with triangular dither, rounded."""
    rng = np.random.default_rng(bits)
    spread = rng.uniform(-0.5, 0.5, signal.shape) + rng.uniform(-0.5, 0.5, signal.shape)
    return np.asarray(np.round(signal * 2 ** (bits - 1) + spread) / 2 ** (bits - 1))


@pytest.mark.parametrize("bits", [16, 24])
def test_what_was_clipped_and_turned_down_is_found_under_its_dither_and_nothing_else_is(bits: int) -> None:
    """Neither is a wave that is flat by nature: no clipped sound falls from its top to the other side at once."""
    over = np.clip(3 * mix(), -1, 1)
    told = found(dithered(0.4 * over, bits))["clipping"]
    assert told.verdict == "warn"
    assert told.text.startswith(f"{told.value:.0f} peaks are cut flat at -7.96 dBFS")
    limiter = TruePeakLimiter(RATE_HZ, 2, -1.0)
    limited = np.concatenate((limiter.process(4 * mix()), limiter.flush()))
    turns = 2 * np.pi * np.arange(at(4)) / RATE_HZ
    square = np.sign(np.sin(440 * turns)) * (1 - 0.3 * (np.sin(3 * turns) > 0))
    flat_topped = 0.5 * np.sin(800 * turns) + 0.5 / 9 * np.sin(2400 * turns)
    waves = (np.sin(30 * turns), np.tanh(3 * np.sin(50 * turns)), square, np.sin(220 * turns) > 0.5, flat_topped)
    for clean in (limited, *(0.5 * wave[:, None] * np.ones(2) for wave in waves)):
        assert found(dithered(clean, bits))["clipping"].verdict == "pass"
        assert found(np.round(clean * 2**15) / 2**15)["clipping"].verdict == "pass"


def test_a_peak_is_over_by_more_than_measuring_may_err() -> None:
    """A specification that allows 0 dBTP takes as much for met; a sample over full scale is a fault by any standard."""
    frames = np.arange(at(4.0))
    tone = np.sin(np.pi / 2 * frames + np.pi / 4) * np.hanning(len(frames))
    for peak_db, verdict in ((0.01, "pass"), (0.04, "warn")):
        both = np.repeat(10 ** (peak_db / 20) * tone[:, None], 2, axis=1)
        assert found(both)["overs"].verdict == verdict
    both *= 0.5
    both[at(2.0), 0] = 1.0001  # whose true peak is hardly more
    assert found(both)["overs"].verdict == "fail"


def test_squashed_for_long_is_found_where_it_is_and_for_a_while_is_allowed() -> None:
    frames = at(80)
    sound = 0.4 * (noise(frames, rms=0.02) + 0.5 * clicks(frames, np.arange(0.05, 79.9, 0.1)))
    assert flagged(sound) == {}
    dense = sound.copy()
    beat = 0.7 + 0.3 * np.sign(np.sin(2 * np.pi * 2 * np.arange(frames) / RATE_HZ))[:, None]
    dense[at(20) : at(70)] = (beat * np.clip(40 * noise(frames), -0.35, 0.35))[at(20) : at(70)]
    told = found(dense)["compression"]
    assert told.verdict == "warn"
    assert told.value == pytest.approx(50, abs=3), "windows of 3 s, by their ends"
    assert told.at_s == ((pytest.approx(20, abs=0.1), pytest.approx(70, abs=0.1)),)
    dense[at(40) :] = sound[at(40) :]
    assert found(dense)["compression"].verdict == "pass"


def test_squashed_until_its_power_stands_still_is_found_and_a_drone_is_left_alone() -> None:
    """What is squashed hardest is as even as a drone in sum, but not in each of its bands."""
    time_s = np.arange(at(60)) / RATE_HZ
    low, high = (np.clip(8.0 * np.sin(2 * np.pi * hz * time_s), -0.5, 0.5) for hz in (90.0, 1700.0))
    # by turns, and K-weighted alike
    both = np.where(np.sin(2 * np.pi * 1.5 * time_s) > 0.0, low, 10 ** (-3.9 / 20) * high)
    for channels in (1, 2):
        wide = np.ones(channels)
        assert found(both[:, None] * wide)["compression"].verdict == "warn"
        for drone in (low, high, 0.5 * (low + high)):
            assert found(drone[:, None] * wide)["compression"].verdict == "pass"


def test_rain_is_not_squashed() -> None:
    """Noise without correlation and with nothing but highs is as dense as unmade sound can be."""
    left, right = (band_noise(at(60), 3000, 16_000, seed=seed) for seed in (1, 2))
    assert flagged(np.stack((left, right), axis=1)) == {}


def test_soft_and_steady_is_not_squashed() -> None:
    """An organ: hardly any peaks, but nowhere near the highest of the file."""
    sound = bass() * 0.3
    sound[at(11) : at(11.2)] += 0.7 * np.sin(2 * np.pi * 200 * np.arange(at(0.2)) / RATE_HZ)[:, None]
    long = np.concatenate((np.tile(sound[: at(10)], (6, 1)), sound))
    assert found(long)["compression"].verdict == "pass"


def test_dialogue_in_the_fold_down_is_judged_where_somebody_speaks() -> None:
    sound = surround()
    reversed_centre(sound)
    spoken, unspoken = [(at(6), at(11))], [(at(0.5), at(4.5))]
    assert found(sound, dialogue=spoken)["fold_down"].verdict == "fail"
    assert found(sound, dialogue=unspoken)["fold_down"].verdict == "pass"


def test_a_silent_lfe_is_said_and_allowed() -> None:
    sound = surround()
    sound[:, 3] = 0.0
    told = found(sound)["lfe"]
    assert told.verdict == "pass"
    assert "silent" in told.text


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_is_looked_at_without_a_word_where_all_is_well(layout: Layout) -> None:
    sound = noise(at(25), layout.channels, rms=0.01)
    if "LFE" in layout.labels:
        sound[:, layout.labels.index("LFE")] = band_noise(len(sound), 25, 110)
    assert flagged(sound, layout=layout) == {}


@pytest.mark.parametrize("rate_hz", [8000, 44_100, 96_000, 192_000])
def test_any_rate_is_looked_at_alike(rate_hz: int) -> None:
    watch = QcWatch(rate_hz, STEREO)
    sound = np.random.default_rng(1).normal(0, 0.05, (8 * rate_hz, 2))
    sound[5 * rate_hz : 5 * rate_hz + rate_hz // 100] = 0.0
    watch.process(sound)
    told = {one.check: one for one in watch.findings() if one.verdict != "pass"}
    assert list(told) == ["dropout"]
    assert told["dropout"].at_s[0] == (pytest.approx(5.0, abs=0.001), pytest.approx(5.01, abs=0.001))


@lru_cache(maxsize=1)
def _broken() -> Floats:
    sound = surround()
    for plant in (with_dc, clipped, dropped_block, reversed_centre, full_range_lfe, too_high):
        plant(sound)
    sound[at(8) : at(8.7)] = 0.0
    return sound


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, at(SECONDS)), max_size=6))
def test_the_same_is_found_however_the_samples_arrive(cuts: list[int]) -> None:
    whole, parts = QcWatch(RATE_HZ, SURROUND_5_1), QcWatch(RATE_HZ, SURROUND_5_1)
    whole.process(_broken())
    for part in np.split(_broken(), sorted(cuts)):
        parts.process(part)
    assert parts.findings() == whole.findings()
    assert sum(one.verdict != "pass" for one in whole.findings()) >= 6


def test_its_two_lanes_share_nothing() -> None:
    whole, apart = QcWatch(RATE_HZ, SURROUND_5_1), QcWatch(RATE_HZ, SURROUND_5_1)
    whole.process(_broken())
    for lane in apart.lanes:
        for block in blocks(_broken(), 1 << 15):
            lane(block)
    assert apart.findings() == whole.findings()


JUDGED_BY_WINDOWS = ("phase", "mono", "fold_down", "compression", "lfe")


@pytest.mark.parametrize("frames", [0, 1, 100, at(0.39)])
def test_what_is_too_short_to_judge_passes_and_says_so(frames: int) -> None:
    told = found(bass()[:frames])
    assert {name for name, one in told.items() if one.verdict != "pass"} <= {"silence"}
    assert [told[name].value for name in ("phase", "mono", "compression")] == [None] * 3
    assert told["phase"].text == "correlation of L and R: not judged, shorter than 0.4 s"
    assert told["compression"].text.startswith("over-compression: not judged, ")


@pytest.mark.parametrize("frames", [100, at(5)])
def test_what_is_silent_is_not_judged(frames: int) -> None:
    told = found(np.zeros((frames, 6)))
    assert {name for name, one in told.items() if one.verdict != "pass"} == {"silence"}
    assert all(told[name].value is None for name in JUDGED_BY_WINDOWS if name in told)


@pytest.mark.parametrize("seconds", [0.4, 0.5, 1.0, 2.9, 2.99, 3.0, 3.1])
def test_a_short_file_is_judged_as_a_whole(seconds: float) -> None:
    """A sting, or a line of a game: what is wrong with 3.1 s of it is wrong with one second."""
    signal = bass()[: at(seconds)]
    assert flagged(signal) == {}
    assert found(signal)["phase"].value == pytest.approx(1.0, abs=0.01)
    signal[:, 1] *= -1.0
    told = found(signal)
    assert {name for name, one in told.items() if one.verdict == "fail"} == {"phase", "mono"}
    assert told["phase"].value == pytest.approx(-1.0, abs=0.01)
    assert told["phase"].at_s[0][0] == pytest.approx(0.0, abs=0.03)
    assert told["phase"].at_s[0][1] == pytest.approx(seconds, abs=0.03)


def test_a_short_file_with_silence_around_is_judged_where_it_sounds() -> None:
    signal = np.zeros((at(2.0), 2))
    signal[at(0.4) : at(1.6)] = bass()[: at(1.2)] * np.array([1.0, -1.0])
    told = found(signal)
    assert told["phase"].verdict == "fail"
    ((begin_s, end_s),) = told["phase"].at_s
    assert (begin_s, end_s) == pytest.approx((0.4, 1.6), abs=0.03)


def test_an_lfe_and_a_centre_of_a_short_file_are_judged() -> None:
    signal = surround()[: at(2.5)]
    assert flagged(signal) == {}
    signal[:, 3] = noise(len(signal), 1, rms=0.1)[:, 0]
    signal[:, 2] -= 1.5 * signal[:, :2].sum(axis=1)
    told = found(signal)
    assert told["lfe"].verdict != "pass"
    assert told["fold_down"].verdict != "pass"


@pytest.mark.parametrize("plant", [clipped, over, with_dc, dropped_block])
def test_of_a_part_only_the_faults_of_its_samples_are_told_and_they_are_the_same(
    plant: Callable[[Floats], None],
) -> None:
    signal = mix()
    plant(signal)
    whole, part = found(signal), found(signal, kind="part")
    assert set(part) == {"clipping", "overs", "dc", "dropout", "click"}
    assert any(one.verdict != "pass" for one in part.values())
    assert part == {check: whole[check] for check in part}
    signal[:, 1] = 0.0
    assert "channels" not in found(signal, kind="part"), "a stem may stand on one side"


def test_findings_end_the_watch_and_may_be_asked_for_again() -> None:
    watch = QcWatch(RATE_HZ, MONO)
    assert watch.findings() == watch.findings()
    with pytest.raises(ValueError, match="told already"):
        watch.process(np.zeros((1, 1)))
    with pytest.raises(ValueError, match="not \\(frames, 1\\)"):
        QcWatch(RATE_HZ, MONO).process(np.zeros((1, 2)))


def test_no_more_places_are_kept_than_a_person_looks_at() -> None:
    sound = noise(at(60), rms=0.05)
    for second in range(1, 59):
        sound[at(second) : at(second) + 500] = 0.0
    told = found(sound)["dropout"]
    assert (told.value, len(told.at_s)) == (58, 20)
    assert told.at_s[0][0] == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize("reel", ["harbour", "siege"])
def test_stems_that_people_made_are_left_alone(reel: str) -> None:
    files = sorted(SHARED.glob(f"reels/{reel}/*.flac"))
    if not files:
        pytest.skip(f"no reels in {SHARED}")
    for file in files:
        with AudioReader(file) as reader:
            watch = QcWatch(reader.audio.sample_rate, reader.audio.layout)
            while len(block := reader.read(1 << 15)):
                watch.process(block)
        assert [one.text for one in watch.findings() if one.verdict != "pass"] == [], file.name
