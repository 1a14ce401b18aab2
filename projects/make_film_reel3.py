"""Make the four stems of the example reel, "Harbour, reel 3".

A storm on the coast in 64 seconds. On the quay before dawn Nora and Tom talk over a quiet sea (nothing to
repair). Out at the wreck they shout over a full orchestra, a thunderclap and a ship's horn (much to repair).
Then nobody speaks for ten seconds and the music has its peak. In the harbour office there is no music, but a
door slams into one line and a bell strikes over another.

    projects/film_reel3/dx.flac     dialogue, mono       flite speaks the lines; the rooms are synthesised
    projects/film_reel3/mx.flac     music, stereo        the score below, played by fluidsynth
    projects/film_reel3/fx.flac     effects, stereo      synthesised here
    projects/film_reel3/amb.flac    ambience, stereo     synthesised here

All are 48 kHz and 16 bits (dithered), start together and were made at the levels they are meant to be heard
at. Every chance number comes from a seeded generator: one machine and one set of package versions give the
same samples each time.

Needs, from Debian 12: `apt-get install flite fluidsynth fluid-soundfont-gm`; from Python: numpy, scipy, soxr,
soundfile, pyloudnorm, all of them dependencies of stemmix.

    python projects/make_film_reel3.py                     # writes film_reel3/ beside this script
    python projects/make_film_reel3.py --out reel          # somewhere else
    python projects/make_film_reel3.py --soundfont other.sf2

It ends with a table of the lines (how far each stands above the music and above all the other stems between
1 and 4 kHz) and the loudness and peak of every stem, measured on the written files.

Licences of what goes in:

- flite 2.2 and its voices cmu_us_slt, cmu_us_awb and cmu_us_rms: Carnegie Mellon University's free licence
  (use, copy, modify, distribute and sell, keeping its notice). Speech made with them is free to redistribute.
- Fluid R3 GM soundfont, Frank Wen and others: MIT.
- fluidsynth plays it: LGPL-2.1-or-later, which does not reach what it plays.
- The dialogue, the score, and the effects and ambience synthesised here: CC0-1.0 (no rights reserved), as are
  the recordings made from them as far as this project has rights in them. The code itself is under the
  project's licence.
"""

from __future__ import annotations

import argparse
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyloudnorm
import soundfile as sf
import soxr
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, fftconvolve, firwin2, sosfilt, sosfiltfilt

Audio = NDArray[np.float64]  # (frames,) mono or (frames, 2)
Rng = np.random.Generator

SAMPLE_RATE = 48_000
LENGTH_S = 64.0
SEED = 3
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")  # where Debian's fluid-soundfont-gm puts it
PRESENCE_HZ = (1000.0, 4000.0)
BITS = {"dx": 16, "mx": 16, "fx": 16, "amb": 16}  # of the files


# ---------------------------------------------------------------------------------------------- the script


@dataclass(frozen=True)
class Phrase:
    """A stretch of one line with its own pace and pitch, relative to the speaker's usual."""

    text: str
    pace: float = 1.0
    pitch: float = 1.0
    gap_s: float = 0.0  # of silence, before the next phrase


@dataclass(frozen=True)
class Line:
    speaker: str
    place: str
    start_s: float
    loudness_lufs: float
    phrases: tuple[Phrase, ...]

    @property
    def text(self) -> str:
        return " ".join(phrase.text for phrase in self.phrases)


@dataclass(frozen=True)
class Speaker:
    """A flite voice (cmu_us_rms keeps its own pitch). `eq_db` opens it up: such voices come out dark."""

    voice: str
    pitch_hz: float
    pitch_spread_hz: float
    eq_db: dict[float, float]


SPEAKERS = {
    "Nora": Speaker("slt", 176.0, 34.0, {90: -6, 150: -2, 300: 0, 800: 0, 1300: 2, 2800: 6, 4300: 4, 6000: -1}),
    "Tom": Speaker("awb", 112.0, 25.0, {70: -6, 120: -1, 300: -1, 1200: 2, 2800: 5, 5000: 6, 7600: 4}),
    "Control": Speaker("rms", 104.0, 18.0, {100: -6, 300: 0, 1500: 4, 3000: 6, 7600: 0}),
}

LINES = (
    Line("Nora", "quay", 2.60, -24.5, (Phrase("You're up early, Tom.", 1.06, 1.04),)),
    Line(
        "Tom",
        "quay",
        4.95,
        -24.5,
        (Phrase("The glass is falling.", 1.08, 1.0, 0.35), Phrase("I don't like the look of that sky.", 1.04, 0.95)),
    ),
    Line(
        "Nora",
        "quay",
        9.95,
        -24.5,
        (Phrase("The wreck is a mile out.", 1.0, 1.04, 0.22), Phrase("We'll be home before the tide turns.", 1.02)),
    ),
    Line(
        "Control",
        "radio",
        16.05,
        -25.0,
        (
            Phrase("All boats, this is harbour control.", 0.96, 1.0, 0.12),
            Phrase("Storm warning.", 1.0, 1.0, 0.14),
            Phrase("Return to port.", 1.0),
        ),
    ),
    Line(
        "Nora",
        "deck",
        21.55,
        -23.8,
        (Phrase("There's a light on the wreck!", 0.96, 1.16, 0.16), Phrase("Someone is out there!", 0.98, 1.2)),
    ),
    Line(
        "Tom",
        "deck",
        24.75,
        -23.0,
        (Phrase("Hold on to something!", 0.94, 1.22, 0.12), Phrase("Here it comes!", 0.96, 1.28)),
    ),
    Line(
        "Nora",
        "deck",
        28.35,
        -22.4,
        (Phrase("Bring her in closer, Tom!", 0.94, 1.18, 0.1), Phrase("I can reach him!", 0.95, 1.2)),
    ),
    Line(
        "Tom",
        "deck",
        31.60,
        -23.0,
        (Phrase("There's no time, Nora!", 0.92, 1.24, 0.1), Phrase("Leave him, or we'll lose the boat!", 0.92, 1.26)),
    ),
    Line("Tom", "office", 45.00, -24.0, (Phrase("Shut that door, the wind's getting in!", 1.0, 1.08),)),
    Line(
        "Nora",
        "office",
        48.45,
        -25.0,
        (
            Phrase("He's breathing.", 1.06, 1.02, 0.4),
            Phrase("Twelve hours on that rock, and he's still breathing.", 1.04, 0.98),
        ),
    ),
    Line("Tom", "office", 53.75, -25.0, (Phrase("Then the sea was kind tonight.", 1.12, 0.95),)),
    Line(
        "Nora",
        "office",
        57.10,
        -25.5,
        (Phrase("Listen.", 1.12, 1.02, 0.45), Phrase("The storm has passed.", 1.1, 0.96)),
    ),
)


# ------------------------------------------------------------------------------------------------- helpers


def rng_for(*names: object) -> Rng:
    """A generator of its own for each element, so that changing one leaves the others as they were."""
    return np.random.default_rng([SEED, *"/".join(map(str, names)).encode()])


def frames(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def gain_of(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))


def level_of(gain: float) -> float:
    return float(20.0 * np.log10(max(gain, 1e-10)))


def clock(length: int) -> Audio:
    return np.arange(length) / SAMPLE_RATE


def stereo(x: Audio, pan: float = 0.0) -> Audio:
    """Constant-power pan of a mono signal, -1 left to +1 right; unity on both sides in the middle."""
    angle = (pan + 1.0) * np.pi / 4.0
    return np.stack([x * np.cos(angle), x * np.sin(angle)], axis=1) * np.sqrt(2.0)


def along(envelope: Audio, x: Audio) -> Audio:
    """`x` times an envelope of one value per frame."""
    return x * (envelope if x.ndim == 1 else envelope[:, None])


def band(x: Audio, low_hz: float | None, high_hz: float | None, order: int = 2) -> Audio:
    """Butterworth band-pass, or high-pass or low-pass where the other edge is None."""
    edges = [hz for hz in (low_hz, high_hz) if hz is not None]
    kind: Literal["bandpass", "lowpass", "highpass"]
    kind = "bandpass" if len(edges) == 2 else "lowpass" if low_hz is None else "highpass"
    sos = butter(order, edges if len(edges) == 2 else edges[0], kind, fs=SAMPLE_RATE, output="sos")
    return sosfilt(sos, x, axis=0)


def equalise(x: Audio, points_db: dict[float, float]) -> Audio:
    """Linear-phase equaliser through the given points, flat beyond the first and the last."""
    hz = np.array([0.0, *points_db, SAMPLE_RATE / 2.0])
    db = np.array([next(iter(points_db.values())), *points_db.values(), list(points_db.values())[-1]])
    taps = firwin2(2047, hz, 10.0 ** (db / 20.0), fs=SAMPLE_RATE)
    return fftconvolve(x, taps if x.ndim == 1 else taps[:, None], mode="same", axes=0)


def faded(x: Audio, in_s: float, out_s: float) -> Audio:
    """Raised-cosine fades; the first and the last frame are zero."""
    envelope = np.ones(len(x))
    for length, piece in ((frames(in_s), slice(None)), (frames(out_s), slice(None, None, -1))):
        envelope[piece][:length] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(length, 1))
    return along(envelope, x)


def place(track: Audio, x: Audio, at_s: float) -> None:
    start = frames(at_s)
    length = min(len(x), len(track) - start)
    track[start : start + length] += x[:length]


def reverb(x: Audio, rng: Rng, *, decay_s: float, wet_db: float, delay_s: float, top_hz: float) -> Audio:
    """Add a synthetic room: decaying noise whose energy is set against the dry sound. The tail is kept."""
    length = frames(decay_s)
    channels = 1 if x.ndim == 1 else x.shape[1]
    tail = rng.standard_normal((length, channels)) * np.exp(-6.91 * clock(length) / decay_s)[:, None]
    tail = band(band(tail, 160.0, None, 1), None, top_hz, 1)
    tail *= gain_of(wet_db) / np.sqrt(np.sum(tail**2, axis=0))
    wet = fftconvolve(x.reshape(len(x), channels), tail, mode="full", axes=0)
    out = np.zeros((len(wet) + frames(delay_s), channels))
    out[: len(x)] += x.reshape(len(x), channels)
    out[frames(delay_s) :] += wet
    return out[:, 0] if x.ndim == 1 else out


def loudness(x: Audio) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770, gated); minus infinity for silence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(x))


def run(package: str, *command: str) -> None:
    program = shutil.which(command[0])
    if program is None:
        sys.exit(f"{command[0]} is not installed (Debian package {package})")
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()}")


# ------------------------------------------------------------------------------------------------ dialogue


def speak(phrase: Phrase, speaker: Speaker, folder: Path) -> Audio:
    """One phrase from flite, without the silence around it, at the reel's rate."""
    path = folder / "phrase.wav"
    run(
        "flite",
        "flite",
        "-voice",
        speaker.voice,
        "--setf",
        f"duration_stretch={phrase.pace}",
        "--setf",
        f"int_f0_target_mean={speaker.pitch_hz * phrase.pitch}",
        "--setf",
        f"int_f0_target_stddev={speaker.pitch_spread_hz * phrase.pitch}",
        "-t",
        phrase.text,
        "-o",
        str(path),
    )
    speech, rate = sf.read(path, dtype="float64")
    loud = np.flatnonzero(np.abs(speech) > 0.012 * np.abs(speech).max())
    margin = round(0.03 * rate)
    speech = speech[max(loud[0] - margin, 0) : loud[-1] + 2 * margin]
    return faded(soxr.resample(speech, rate, SAMPLE_RATE, quality="VHQ"), 0.015, 0.03)


def over_the_radio(voice: Audio, rng: Rng) -> Audio:
    """A small speaker, overdriven: narrow band, hiss while the channel is open, a squelch at both ends."""
    lead = frames(0.16)
    x = np.pad(voice / np.abs(voice).max(), (lead, frames(0.22)))
    x = x + 0.012 * rng.standard_normal(len(x))
    x = np.tanh(3.0 * band(x, 380.0, 3000.0, 3)) / 3.0
    for at, length_s, size in ((0, 0.03, 0.10), (len(x) - frames(0.09), 0.085, 0.13)):
        burst = band(rng.standard_normal(frames(length_s)), 500.0, 3200.0)
        x[at : at + len(burst)] += faded(size * burst / np.abs(burst).max(), 0.003, 0.02)
    return faded(band(x, 380.0, 3200.0, 2), 0.004, 0.01)


def in_place(voice: Audio, where: str, rng: Rng) -> Audio:
    """Seat a voice in its picture: near reflections outdoors, a small wooden room indoors."""
    if where == "radio":
        voice = over_the_radio(voice, rng)
        return reverb(voice, rng, decay_s=0.22, wet_db=-14.0, delay_s=0.004, top_hz=3000.0)
    if where == "quay":
        return reverb(voice, rng, decay_s=0.45, wet_db=-19.0, delay_s=0.022, top_hz=3500.0)
    if where == "deck":
        shouted = equalise(voice, {150: -4, 400: -1, 1000: 1, 2500: 3, 5000: 3, 7800: 2})
        return reverb(shouted, rng, decay_s=0.30, wet_db=-18.0, delay_s=0.012, top_hz=4500.0)
    return reverb(voice, rng, decay_s=0.38, wet_db=-13.5, delay_s=0.006, top_hz=4200.0)


def levelled(voice: Audio, over_db: float = 13.0) -> Audio:
    """Hold back, without distortion, what stands more than `over_db` above the line's own level."""
    reach = frames(0.006)
    ceiling = gain_of(over_db) * np.sqrt(np.mean(voice[np.abs(voice) > 0.02 * np.abs(voice).max()] ** 2))
    gain = ceiling / np.maximum(maximum_filter1d(np.abs(voice), 2 * reach + 1), ceiling)
    window = np.hanning(2 * reach + 1)
    return voice * np.convolve(gain, window / window.sum(), "same")


def room_tone(length: int, rng: Rng) -> Audio:
    return 0.0009 * band(band(rng.standard_normal(length), None, 300.0, 1), 50.0, 4000.0, 1)


@dataclass
class Spoken:
    line: Line
    end_s: float


def make_dialogue(folder: Path) -> tuple[Audio, list[Spoken]]:
    """The dialogue stem (mono), and where each line ends. Between lines it is digital silence."""
    track = np.zeros(frames(LENGTH_S))
    spoken = []
    for number, line in enumerate(LINES):
        speaker, rng = SPEAKERS[line.speaker], rng_for("line", number)
        pieces = []
        for phrase in line.phrases:
            pieces += [speak(phrase, speaker, folder), np.zeros(frames(phrase.gap_s))]
        dry = levelled(equalise(band(np.concatenate(pieces), 75.0, None), speaker.eq_db))
        voice = in_place(dry, line.place, rng)
        voice *= gain_of(line.loudness_lufs - loudness(voice))
        handle_s = 0.12  # the room is there a little before and after the words
        padded = np.pad(voice, (frames(handle_s), frames(0.2)))
        place(track, faded(padded + room_tone(len(padded), rng), 0.1, 0.18), line.start_s - handle_s)
        spoken.append(Spoken(line, line.start_s + len(dry) / SAMPLE_RATE))
    return track, spoken


# --------------------------------------------------------------------------------------------------- music
#
# A barcarolle in D minor: 6/8 at 66 dotted crotchets, seventeen bars. Harp alone, then strings with the tune,
# piano and oboe; a timpani roll leads into the peak (bar 12, counting from 0), where horns take the tune; the
# last bar turns to D major. Tunes are written as notes with their length in quavers.

MUSIC_START_S = 13.45
BAR_S = 2 * 60.0 / 66.0
PEAK_BAR = 12
BAR_STRETCH = {11: 1.02, 14: 1.02, 15: 1.12}  # breathing before the peak, slowing into the end
LAST_BAR = 16
MUSIC_LUFS = -25.3  # where the lines are shouted over it

CHORDS = ["Dm", "Dm", "Dm", "Bb", "Gm", "A7", "F", "C", "Bb", "Gm", "Dm/A", "A7", "Dm", "Bb", "F C", "Gm A7", "D"]
VOICINGS = {
    "Dm": "D3 A3 D4 F4",
    "Bb": "Bb2 F3 Bb3 D4",
    "Gm": "G2 D3 Bb3 D4",
    "A7": "A2 E3 C#4 G4",
    "F": "F2 C3 A3 F4",
    "C": "C3 G3 C4 E4",
    "Dm/A": "A2 F3 A3 D4",
    "D": "D3 A3 D4 F#4",
}
VIOLIN_TUNE = """A4:3 D5:3 | F5:2 E5:1 D5:3 | Bb4:3 D5:3 | C#5:2 D5:1 E5:3 | F5:3 A5:3 | G5:2 F5:1 E5:3 |
                 D5:2 E5:1 F5:3 | G5:2 A5:1 Bb5:3 | A5:3 F5:3 | G5:2 F5:1 E5:3"""
CELLO_TUNE = """F3:3 A3:3 | D4:3 Bb3:3 | G3:3 Bb3:3 | A3:3 C#4:3 | A3:3 C4:3 | E4:3 C4:3 |
                F4:3 D4:3 | Bb3:3 D4:3 | A3:3 D4:3 | C#4:3 E4:3"""
PEAK_TUNE = "A4:3 D5:3 | F5:2 E5:1 D5:3 | C5:2 D5:1 E5:2 C5:1 | D5:3 C#5:3 | D5:6"
NOTE = re.compile(r"([A-G])([#b]?)(\d)(?::(\d+))?$")


@dataclass
class Part:
    """One instrument: General MIDI program, mixer settings (0..127) and its notes."""

    program: int
    volume: int
    pan: int
    reverb: int
    loose_s: float = 0.008  # standard deviation of the player's timing
    early_s: float = 0.0  # for instruments that speak late
    swells: tuple[tuple[float, float], ...] = ((0.0, 110.0),)  # (bar, expression)
    notes: list[tuple[float, float, int, float]] = field(default_factory=list)  # bar, bars, key, velocity


def bar_time(bar: float) -> float:
    """Seconds from the start of the music."""
    whole = int(bar)
    before = sum(BAR_STRETCH.get(b, 1.0) for b in range(whole))
    return BAR_S * (before + (bar - whole) * BAR_STRETCH.get(whole, 1.0))


def parsed(note: str) -> tuple[int, int]:
    """MIDI key and length in quavers of `C#5:2`; the length defaults to 1."""
    match = NOTE.match(note)
    if match is None:
        raise ValueError(f"not a note: {note}")
    letter, accidental, octave, length = match.groups()
    semitone = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter]
    return 12 * (int(octave) + 1) + semitone + {"#": 1, "b": -1, "": 0}[accidental], int(length or 1)


def sing(part: Part, tune: str, first_bar: float, velocity: tuple[float, float], *, transpose: int = 0) -> None:
    """Add a tune, its velocity running from one value to the other; a little legato."""
    notes = [parsed(note) for note in tune.replace("|", " ").split()]
    total = sum(length for _, length in notes)
    at = 0
    for key, length in notes:
        shade = 4.0 if at % 6 == 0 else 0.0
        strength = np.interp(at / total, (0.0, 1.0), velocity) + shade
        part.notes.append((first_bar + at / 6.0, length * 1.04 / 6.0, key + transpose, strength))
        at += length


def voicing(bar: int, half: int) -> list[int]:
    names = CHORDS[bar].split()
    return [parsed(note)[0] for note in VOICINGS[names[min(half, len(names) - 1)]].split()]


def orchestra() -> dict[str, Part]:
    rise = (
        (0.0, 60.0),
        (4.0, 84.0),
        (8.0, 92.0),
        (11.0, 98.0),
        (12.0, 116.0),
        (15.0, 112.0),
        (16.0, 98.0),
        (16.5, 84.0),
        (17.2, 30.0),
    )
    sung = ((2.0, 92.0), (6.0, 95.0), (8.0, 86.0), (10.0, 86.0), (11.5, 98.0), *rise[4:])
    return {
        "harp": Part(46, 82, 44, 60),
        "piano": Part(0, 112, 84, 60),
        "violins": Part(48, 98, 36, 64, 0.012, 0.05, sung),
        "violas": Part(48, 92, 76, 64, 0.015, 0.05, rise),
        "low strings": Part(48, 112, 90, 56, 0.015, 0.05, rise),
        "cello": Part(42, 94, 82, 60, 0.012, 0.03, rise),
        "basses": Part(43, 98, 96, 40, 0.012, 0.03, rise),
        "oboe": Part(68, 63, 56, 70, 0.012, 0.02, sung),
        "horns": Part(60, 98, 48, 76, 0.012, 0.02, rise),
        "tremolo": Part(44, 66, 64, 60, 0.010, 0.04, rise),
        "choir": Part(52, 92, 64, 84, 0.015, 0.06, rise),
        "timpani": Part(47, 127, 70, 64, 0.005),
        "cymbals": Part(48, 104, 58, 76, 0.005),
    }


def write_harmony(parts: dict[str, Part]) -> None:
    """Rolling harp and piano, and the string chords under the tune."""
    for bar in range(LAST_BAR):
        drive = float(np.interp(bar, (0, 4, 11, 12, 15), (52, 66, 76, 92, 82)))
        for quaver in range(6):
            key = voicing(bar, quaver // 3)[(0, 1, 2, 3, 2, 1)[quaver]]
            accent = 8.0 if quaver % 3 == 0 else 0.0
            at = bar + quaver / 6.0
            parts["harp"].notes.append((at, 0.5, key, drive + accent))
            if bar >= 4:
                parts["piano"].notes.append((at, 0.2, key + 12, drive - 12.0 + accent))
            if bar >= 8:  # semiquavers between, on the harp an octave up
                parts["harp"].notes.append((at + 1 / 12, 0.3, key + 12, drive - 8.0))
    for bar in range(1, LAST_BAR + 1):
        halves = len(CHORDS[bar].split())
        length = 1.0 / halves if bar < LAST_BAR else 0.95
        drive = float(np.interp(bar, (1, 4, 11, 12, 15, 16), (44, 66, 76, 92, 86, 76)))
        for half in range(halves):
            at, (root, *upper) = bar + half / 2.0, voicing(bar, half)
            parts["low strings"].notes.append((at, length * 1.02, root, drive))
            if bar >= 2:
                parts["violas"].notes += [(at, length * 1.02, key, drive - 4.0) for key in upper]
            if bar >= 4:
                parts["basses"].notes.append((at, length, root - 12 if root > 40 else root, drive))
            if 8 <= bar < LAST_BAR:
                parts["tremolo"].notes += [(at, length * 1.02, key + 12, drive) for key in upper[1:]]
            if bar >= PEAK_BAR:
                parts["choir"].notes += [(at, length * 1.02, key, drive - 10.0) for key in upper[-2:]]
    last_chord = [*voicing(LAST_BAR, 0), parsed("D5")[0], parsed("F#5")[0]]
    for step, key in enumerate(last_chord):  # rolled
        parts["harp"].notes.append((LAST_BAR + 0.035 * step, 0.9, key, 70.0))


def write_tunes(parts: dict[str, Part]) -> None:
    sing(parts["violins"], VIOLIN_TUNE, 2, (70, 88))
    sing(parts["violins"], PEAK_TUNE, PEAK_BAR, (96, 86), transpose=12)
    sing(parts["violins"], PEAK_TUNE, PEAK_BAR, (98, 86))
    sing(parts["cello"], CELLO_TUNE, 2, (64, 88))
    bars = [bar.strip() for bar in VIOLIN_TUNE.split("|")]
    sing(parts["oboe"], " | ".join(bars[4:]), 6, (70, 88))
    sing(parts["horns"], "D4:6 | D4:6 | E4:3 G4:3", 9, (58, 82))
    sing(parts["horns"], PEAK_TUNE, PEAK_BAR, (104, 90))
    sing(parts["horns"], "F4:3 A4:3 | D5:2 C5:1 Bb4:3 | A4:3 G4:3 | Bb4:3 G4:3 | F#4:6", PEAK_BAR, (92, 78))


def write_percussion(parts: dict[str, Part]) -> None:
    """Timpani on D and A with a roll into the peak; a suspended cymbal under it and a crash on top."""
    low_d, low_a = parsed("D3")[0], parsed("A2")[0]
    timpani, cymbals = parts["timpani"], parts["cymbals"]
    timpani.notes += [(bar, 0.5, low_d, 60.0 + 3 * bar) for bar in (4, 6, 8)]
    timpani.notes += [(bar + 0.5, 0.5, low_a, 70.0) for bar in (9, 10)]
    strokes = 26
    for stroke in range(strokes):
        part = stroke / strokes
        timpani.notes.append((PEAK_BAR - 1 + part, 0.06, low_a, 38.0 + 62.0 * part**1.5))
        if part > 0.4:
            cymbals.notes.append((PEAK_BAR - 1 + part, 0.3, 59, 12.0 + 56.0 * part**3))
    for bar, key, velocity in (
        (12, low_d, 118),
        (12.5, low_a, 92),
        (13, low_d, 104),
        (13.5, low_d, 88),
        (14, low_a, 96),
        (14.5, low_a, 90),
        (15, low_d, 92),
        (15.5, low_a, 100),
        (16, low_d, 96),
    ):
        timpani.notes.append((bar, 0.8, key, velocity))
    cymbals.notes += [
        (PEAK_BAR, 1.5, 49, 92.0),
        (PEAK_BAR, 1.0, 36, 100.0),
        (PEAK_BAR + 2, 1.0, 36, 78.0),
        (LAST_BAR, 1.0, 36, 62.0),
    ]


def played(part: Part, rng: Rng) -> list[tuple[float, float, int, int]]:
    """Start, end (seconds), key and velocity of each note, with the player's small inaccuracies.

    A note ends just before its key is struck again: its end would silence the new one.
    """
    out: list[tuple[float, float, int, int]] = []
    for bar, bars, key, velocity in part.notes:
        slip_s = float(np.clip(rng.normal(0.0, part.loose_s), -0.025, 0.025)) - part.early_s
        strength = int(np.clip(velocity + rng.normal(0.0, 4.0), 8, 127))
        out.append((bar_time(bar) + slip_s, bar_time(bar + bars) + slip_s, key, strength))
    out.sort()
    next_start_s: dict[int, float] = {}
    for index in reversed(range(len(out))):
        start_s, end_s, key, strength = out[index]
        out[index] = (start_s, min(end_s, next_start_s.get(key, np.inf) - 0.02), key, strength)
        next_start_s[key] = start_s
    return [note for note in out if note[1] > note[0]]


def midi_events(parts: dict[str, Part], tail_s: float) -> Iterable[tuple[int, bytes]]:
    """Every part as (millisecond, message)."""
    rng = rng_for("players")
    pickup_s = 0.1  # room for what is played early
    for index, (name, part) in enumerate(parts.items()):
        channel = 9 if name == "cymbals" else index + (index >= 9)
        yield 0, bytes([0xC0 | channel, part.program])
        for controller, value in ((7, part.volume), (10, part.pan), (91, part.reverb), (93, 0)):
            yield 0, bytes([0xB0 | channel, controller, value])
        times = [bar_time(bar) for bar, _ in part.swells]
        for at_s in np.arange(0.0, bar_time(LAST_BAR + 1), 0.04):
            value = round(float(np.interp(at_s, times, [value for _, value in part.swells])))
            yield round(1000 * (at_s + pickup_s)), bytes([0xB0 | channel, 11, value])
        for start_s, end_s, key, strength in played(part, rng):
            yield round(1000 * (start_s + pickup_s)), bytes([0x90 | channel, key, strength])
            yield round(1000 * (end_s + pickup_s)), bytes([0x80 | channel, key, 0])
    yield round(1000 * (bar_time(LAST_BAR + 1) + tail_s)), bytes([0xB0, 123, 0])


def midi_file(events: Iterable[tuple[int, bytes]]) -> bytes:
    """A standard MIDI file of format 0 in which a tick is a millisecond (500 to a beat of half a second)."""

    def variable_length(value: int) -> bytes:
        out = [value & 0x7F]
        while value := value >> 7:
            out.append(0x80 | value & 0x7F)
        return bytes(reversed(out))

    def in_order(event: tuple[int, bytes]) -> tuple[int, int]:
        """At one moment: settings, then note-offs, then note-ons, so that a repeated note is struck anew."""
        return event[0], {0x90: 2, 0x80: 1}.get(event[1][0] & 0xF0, 0)

    track, now = b"\x00\xff\x51\x03" + (500_000).to_bytes(3, "big"), 0
    for at, message in sorted(events, key=in_order):
        track += variable_length(at - now) + message
        now = at
    track += b"\x00\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 500) + b"MTrk" + struct.pack(">I", len(track)) + track


def make_music(soundfont: Path, folder: Path) -> Audio:
    """The music stem: the score through the soundfont, levelled by its dense part."""
    parts = orchestra()
    write_harmony(parts)
    write_tunes(parts)
    write_percussion(parts)
    midi, rendered = folder / "score.mid", folder / "score.wav"
    midi.write_bytes(midi_file(midi_events(parts, tail_s=3.0)))
    settings = (
        "synth.chorus.active=0",
        "synth.reverb.active=1",
        "synth.reverb.room-size=0.72",
        "synth.reverb.damp=0.35",
        "synth.reverb.width=0.9",
        "synth.reverb.level=0.55",
        "synth.cpu-cores=1",
    )
    run(
        "fluidsynth",
        "fluidsynth",
        "-n",
        "-i",
        "-q",
        "-r",
        str(SAMPLE_RATE),
        "-g",
        "0.3",
        *(word for setting in settings for word in ("-o", setting)),
        "-O",
        "float",
        "-T",
        "wav",
        "-F",
        str(rendered),
        str(soundfont),
        str(midi),
    )
    played, rate = sf.read(rendered, dtype="float64", always_2d=True)
    if rate != SAMPLE_RATE:
        sys.exit(f"fluidsynth rendered at {rate} Hz instead of {SAMPLE_RATE} Hz")
    played = band(played[frames(0.05) :], 32.0, None)
    dense = played[frames(bar_time(5)) : frames(bar_time(PEAK_BAR - 0.5))]
    played *= gain_of(MUSIC_LUFS - loudness(dense))
    length = frames(bar_time(LAST_BAR) + 2.35)
    track = np.zeros((frames(LENGTH_S), 2))
    place(track, faded(played[:length], 0.02, 1.2), MUSIC_START_S - 0.05)
    return track


# ------------------------------------------------------------------------------------------------- effects


def struck(length_s: float, modes: Iterable[tuple[float, float, float]], rng: Rng) -> Audio:
    """Something hit: (Hz, amplitude, seconds to a 1/e fall) of each of its tones."""
    t = clock(frames(length_s))
    out = np.zeros(len(t))
    for hz, amplitude, fall_s in modes:
        out += amplitude * np.exp(-t / fall_s) * np.sin(2 * np.pi * hz * t + rng.uniform(0, 2 * np.pi))
    return out * np.minimum(t / 0.0008, 1.0)


def bell(rng: Rng, strike_hz: float, fall_s: float) -> Audio:
    """A cast bell: hum, prime, minor-third tierce, quint, nominal and above; each a slowly beating pair."""
    modes = []
    for ratio, amplitude, hold in (
        (0.5, 0.5, 1.5),
        (1.0, 0.9, 1.0),
        (1.2, 0.7, 0.8),
        (1.5, 0.35, 0.6),
        (2.0, 1.0, 0.6),
        (2.52, 0.4, 0.4),
        (3.01, 0.5, 0.35),
        (4.17, 0.4, 0.25),
        (5.43, 0.3, 0.18),
        (6.8, 0.2, 0.12),
        (8.2, 0.12, 0.08),
    ):
        for side in (-1, 1):
            detune = 1.0 + side * rng.uniform(0.0004, 0.0011)
            modes.append((strike_hz * ratio * detune, amplitude / 2, fall_s * hold))
    tone = struck(fall_s * 4.0, modes, rng)
    clapper = band(rng.standard_normal(frames(0.02)), 1500.0, 6000.0) * np.exp(-clock(frames(0.02)) / 0.004)
    tone[: len(clapper)] += 0.25 * clapper
    return faded(tone, 0.0, fall_s)


def thunder(rng: Rng, closeness: float) -> Audio:
    """Cracks that lose their top with distance, over a rolling rumble. `closeness` from 0 to 1."""
    length_s = 5.5
    out = np.zeros(frames(length_s))
    for at_s, size in zip(np.cumsum(rng.exponential(0.085, 9)), 0.9 ** np.arange(9), strict=True):
        fall_s = rng.uniform(0.05, 0.16)
        t = clock(frames(5 * fall_s))
        crack = rng.standard_normal(len(t)) * np.exp(-t / fall_s) * np.minimum(t / 0.003, 1.0)
        place(out, size * closeness * band(crack, 90.0, 600.0 + 5500.0 * closeness, 1), float(at_s))
    t = clock(len(out))
    roll = sum(
        rng.uniform(0.5, 1.0) * np.exp(-(((t - at) / rng.uniform(0.25, 0.6)) ** 2)) for at in (0.5, 1.2, 2.0, 2.9, 3.8)
    ) * np.exp(-t / 2.4)
    rumble = band(band(rng.standard_normal(len(out)), None, 110.0, 2), 28.0, None)
    growl = band(rng.standard_normal(len(out)), 120.0, 700.0, 1)
    out += roll * (6.5 * rumble + (0.25 + 0.35 * closeness) * growl)
    return faded(out, 0.0, 1.5)


def horn(rng: Rng) -> Audio:
    """A ship's horn: two reeds a fifth apart (A and E, so that it agrees with the score), rising to pitch."""
    t = clock(frames(2.5))
    swell = np.minimum(t / 0.22, 1.0) * np.minimum((t[-1] - t) / 0.28, 1.0)
    out = np.zeros(len(t))
    for root_hz, size in ((110.0, 1.0), (164.4, 0.8)):
        drift = 1.0 - 0.035 * np.exp(-t / 0.09) - 0.02 * np.clip((t - 2.25) / 0.25, 0, 1)
        phase = 2 * np.pi * np.cumsum(root_hz * drift) / SAMPLE_RATE
        for k in range(1, 34):
            hz = k * root_hz
            throat = 1.0 / (1.0 + (hz / 1500.0) ** 2.2) + 0.6 * np.exp(-(((hz - 620.0) / 260.0) ** 2))
            out += size * k**-0.45 * throat * np.sin(k * phase + rng.uniform(0, 2 * np.pi))
    breath = band(rng.standard_normal(len(t)), 300.0, 3500.0, 1)
    return swell * (out + 0.35 * breath)


def door_slam(rng: Rng) -> Audio:
    """A heavy wooden door: body, frame, then the latch and a loose pane."""
    modes = ((58, 1.0, 0.09), (96, 0.9, 0.08), (151, 0.6, 0.06), (232, 0.5, 0.045), (388, 0.3, 0.03), (640, 0.2, 0.02))
    out = struck(0.8, modes, rng)
    t = clock(len(out))
    out += 1.6 * band(rng.standard_normal(len(out)), 200.0, 4500.0, 1) * np.exp(-t / 0.022)
    for at_s, size in ((0.045, 0.5), (0.082, 0.3), *((0.1 + 0.035 * k, 0.14 * 0.8**k) for k in range(7))):
        click = band(rng.standard_normal(frames(0.03)), 1800.0, 5200.0) * np.exp(-clock(frames(0.03)) / 0.005)
        place(out, size * click, at_s + rng.uniform(0.0, 0.01))
    return faded(out, 0.0, 0.2)


def open_door_wind(rng: Rng) -> Audio:
    """Wind through the open door. It stops when the door does."""
    t = clock(frames(2.95))
    gust = np.interp(t, (0.0, 0.35, 1.0, 1.8, 2.5, 2.93, 2.95), (0.0, 0.75, 0.6, 1.0, 0.75, 0.9, 0.0))
    howl = sum(
        (1 + np.sin(2 * np.pi * rate * t + hz)) * band(rng.standard_normal(len(t)), hz * 0.93, hz * 1.07)
        for hz, rate in ((410.0, 0.5), (560.0, 0.37), (830.0, 0.61))
    )
    return gust * (0.5 * band(rng.standard_normal(len(t)), 150.0, 2600.0, 1) + 1.1 * howl)


def footsteps(rng: Rng) -> Audio:
    """Four steps along the planks, then a coil of rope thrown down."""
    out = np.zeros(frames(3.0))
    for step, at_s in enumerate((0.0, 0.46, 0.93, 1.37)):
        pitch = rng.uniform(0.92, 1.08)
        plank = ((88, 1.0, 0.035), (171, 0.6, 0.03), (330, 0.35, 0.02), (720, 0.15, 0.012))
        thump = struck(0.3, [(hz * pitch, a, f) for hz, a, f in plank], rng)
        scuff = band(rng.standard_normal(frames(0.14)), 900.0, 5000.0, 1) * np.hanning(frames(0.14))
        place(out, (1.0 - 0.08 * step) * thump, at_s + rng.uniform(-0.01, 0.01))
        place(out, 0.035 * scuff, at_s + 0.04)
    t = clock(frames(0.5))
    rope = band(rng.standard_normal(len(t)), 150.0, 2500.0, 1) * np.exp(-t / 0.09) * (1 - np.exp(-t / 0.012))
    place(out, 0.8 * rope, 2.0)
    return out


def wave(rng: Rng, length_s: float, spray: float) -> Audio:
    """Water against wood: a thud, the body of the wave, and spray that falls back. Stereo."""
    t = clock(frames(length_s))
    body = np.exp(-t / (0.22 * length_s)) * (1 - np.exp(-t / 0.05))
    late = np.clip(t / (0.12 * length_s), 0, 1) ** 2 * np.exp(-t / (0.3 * length_s))
    sides = rng.standard_normal((len(t), 2))
    shared = rng.standard_normal((len(t), 1))
    out = along(body, band(0.7 * shared + 0.5 * sides, 70.0, 900.0, 1))
    drops = (rng.random((len(t), 2)) < 0.015) * rng.standard_normal((len(t), 2)) * 6.0
    out += spray * along(late, band(0.6 * sides + drops, 1200.0, 7500.0, 1))
    thud = band(rng.standard_normal(len(t)), 45.0, 140.0) * np.exp(-t / 0.12)
    return faded(out + 2.0 * thud[:, None], 0.004, 0.35 * length_s)


def gulls(rng: Rng, calls: int) -> Audio:
    """Far herring gulls: falling cries with a few harmonics."""
    out = np.zeros((frames(0.42 * calls + 0.8), 2))
    for call in range(calls):
        t = clock(frames(rng.uniform(0.24, 0.36)))
        u = t / t[-1]
        hz = rng.uniform(980, 1120) * (0.82 + 0.30 * np.sin(np.pi * u**0.6)) * (1 - 0.12 * u)
        phase = 2 * np.pi * np.cumsum(hz * (1 + 0.01 * np.sin(2 * np.pi * 27 * t))) / SAMPLE_RATE
        cry = sum(a * np.sin(k * phase) for k, a in ((1, 0.7), (2, 1.0), (3, 0.5), (4, 0.18)))
        shape = np.sin(np.pi * u**0.7) ** 1.3
        place(out, stereo(shape * cry * 0.9**call, 0.35 - 0.15 * call), 0.42 * call + rng.uniform(0, 0.06))
    return out


@dataclass(frozen=True)
class Effect:
    name: str
    at_s: float
    peak_dbfs: float
    pan: float
    where: str
    make: Callable[[Rng], Audio]


EFFECTS = (
    Effect("bell buoy, far", 0.9, -29.0, -0.5, "far", lambda rng: bell(rng, 523.0, 0.9)),
    Effect("gulls", 8.7, -33.0, 0.0, "far", lambda rng: gulls(rng, 2)),
    Effect("steps, rope", 13.85, -21.0, 0.15, "quay", footsteps),
    Effect("wave against the hull", 20.75, -20.0, -0.2, "sea", lambda rng: wave(rng, 1.6, 0.5)),
    Effect("thunderclap (hits line 6)", 26.0, -8.5, 0.25, "sea", lambda rng: thunder(rng, 1.0)),
    Effect("sea over the bow", 27.25, -12.5, 0.0, "sea", lambda rng: wave(rng, 2.2, 0.9)),
    Effect("ship's horn (hits line 8)", 32.75, -14.0, 0.45, "far", horn),
    Effect("sea over the bow", 37.6, -15.0, -0.3, "sea", lambda rng: wave(rng, 2.6, 0.8)),
    Effect("thunder, far", 39.6, -18.0, -0.4, "far", lambda rng: thunder(rng, 0.25)),
    Effect("wind through the door", 43.75, -25.0, -0.3, "office", open_door_wind),
    Effect("door slam (hits line 9)", 46.55, -7.5, -0.3, "office", door_slam),
    Effect("harbour bell (hits line 11)", 54.15, -22.0, 0.4, "outside", lambda rng: bell(rng, 587.3, 1.1)),
    Effect("harbour bell", 60.0, -24.0, 0.4, "outside", lambda rng: bell(rng, 587.3, 1.1)),
    Effect("gulls", 61.2, -32.0, 0.0, "outside", lambda rng: gulls(rng, 2)),
)


def in_space(x: Audio, where: str, rng: Rng) -> Audio:
    if where == "far":
        return reverb(band(x, 60.0, 5000.0, 1), rng, decay_s=2.2, wet_db=-8.0, delay_s=0.06, top_hz=2500.0)
    if where == "outside":  # heard through a window
        return reverb(band(x, 120.0, 4000.0, 1), rng, decay_s=1.3, wet_db=-10.0, delay_s=0.03, top_hz=2500.0)
    if where == "office":
        return reverb(x, rng, decay_s=0.42, wet_db=-13.0, delay_s=0.005, top_hz=4500.0)
    decay_s, wet_db = (1.4, -15.0) if where == "sea" else (0.5, -17.0)
    return reverb(x, rng, decay_s=decay_s, wet_db=wet_db, delay_s=0.02, top_hz=4000.0)


def make_effects() -> Audio:
    track = np.zeros((frames(LENGTH_S), 2))
    for number, effect in enumerate(EFFECTS):
        rng = rng_for("effect", number, effect.name)
        x = effect.make(rng)
        x = stereo(x, effect.pan) if x.ndim == 1 else x
        x = band(in_space(x, effect.where, rng), 28.0, None)
        x *= gain_of(effect.peak_dbfs) / np.abs(x).max()
        place(track, faded(x, 0.001, 0.25), effect.at_s)
    return faded(track, 0.0, 1.5)


# ------------------------------------------------------------------------------------------------ ambience

OFFICE_FROM_S = 43.75
AMBIENCE_LUFS = -40.0


def wide_noise(rng: Rng, length: int, together: float) -> Audio:
    """Two channels of noise that share the given part of their power."""
    sides = rng.standard_normal((length, 2))
    return np.sqrt(together) * rng.standard_normal((length, 1)) + np.sqrt(1.0 - together) * sides


def sea(rng: Rng, length: int) -> Audio:
    """Swell after swell, each at its own place: first the body, a moment later the hiss of it running out."""
    t = clock(length)
    body, hiss = np.full((length, 2), 0.30), np.full((length, 2), 0.16)
    at = -3.0
    while at < t[-1]:
        size, rise = rng.uniform(0.5, 1.0), rng.uniform(0.9, 1.5)
        fall, pan = rng.uniform(1.6, 2.6), rng.uniform(-1, 1)
        for swell, late in ((body, 0.0), (hiss, 0.7)):
            since = t - at - late
            bump = size * np.exp(-np.where(since < 0, (since / rise) ** 2, (since / fall) ** 2))
            np.add(swell, bump[:, None] * np.sqrt([1 - 0.6 * pan, 1 + 0.6 * pan]), out=swell)
        at += rng.uniform(3.2, 5.4)
    rumble = band(wide_noise(rng, length, 0.6), 40.0, 200.0, 1)
    wash = band(band(wide_noise(rng, length, 0.15), 200.0, None, 1), None, 1100.0, 2)
    foam = band(band(wide_noise(rng, length, 0.05), 1500.0, None, 1), None, 4000.0, 2)
    return 0.9 * rumble + body * wash + 0.26 * hiss * foam


def wander(rng: Rng, length: int, every_s: float) -> Audio:
    """A smooth random walk between 0 and 1."""
    knots = rng.random(int(length / SAMPLE_RATE / every_s) + 3)
    position = clock(length) / every_s
    index = position.astype(int)
    part = 0.5 - 0.5 * np.cos(np.pi * (position - index))
    return knots[index] * (1 - part) + knots[index + 1] * part


def wind(rng: Rng, length: int) -> Audio:
    out = np.zeros((length, 2))
    for hz in (240.0, 330.0, 450.0, 620.0, 850.0):
        voice = band(wide_noise(rng, length, 0.3), hz * 0.88, hz * 1.14)
        out += along(wander(rng, length, 2.3) ** 2, voice) * (300.0 / hz) ** 0.5
    return out


def creak(rng: Rng) -> Audio:
    """Timber under strain: it sticks and slips, each slip ringing the plank."""
    out = np.zeros(frames(1.6))
    at_s, length_s, pitch = 0.02, rng.uniform(0.6, 1.1), rng.uniform(0.85, 1.2)
    while at_s < length_s:
        u = at_s / length_s
        plank = ((310, 1.0, 0.014), (540, 0.7, 0.010), (870, 0.5, 0.008), (1480, 0.25, 0.005))
        slip = struck(0.12, [(hz * pitch * (1 + 0.08 * u), a, f) for hz, a, f in plank], rng)
        place(out, np.sin(np.pi * u) * rng.uniform(0.6, 1.0) * slip, at_s)
        at_s += (0.026 - 0.014 * np.sin(np.pi * u)) * rng.uniform(0.85, 1.2)
    return out


def make_ambience() -> Audio:
    """The ambience stem: the quay, rising wind at sea, then the same weather from indoors with a clock."""
    length = frames(LENGTH_S)
    t = clock(length)
    storm = np.interp(t, (0, 14, 24, 36, 43), (0.0, 0.0, 0.8, 1.0, 1.0))
    outdoors = along(0.66 + 1.24 * storm, sea(rng_for("sea"), length))
    outdoors += along(0.3 + 1.95 * storm, wind(rng_for("wind"), length))
    for number, (at_s, pan) in enumerate(((1.3, -0.8), (8.9, 0.7), (14.6, -0.5), (36.6, 0.6), (40.0, -0.6))):
        rng = rng_for("creak", number)
        groan = reverb(stereo(creak(rng), pan), rng, decay_s=1.1, wet_db=-9.0, delay_s=0.03, top_hz=2500.0)
        place(outdoors, 0.35 * groan, at_s)
    calm = np.interp(t, (OFFICE_FROM_S, 52.0, LENGTH_S), (1.0, 0.6, 0.4))
    indoors = along(calm, 1.1 * band(outdoors, 50.0, 380.0, 1))
    indoors += 0.05 * band(wide_noise(rng_for("office"), length, 0.4), 90.0, 2500.0, 1)
    for number, at_s in enumerate(np.arange(OFFICE_FROM_S + 0.6, LENGTH_S - 2.0, 0.75)):
        rng = rng_for("clock", number)
        hz = 1950.0 if number % 2 else 1650.0
        tick = struck(0.05, ((hz, 1.0, 0.004), (hz * 1.7, 0.4, 0.002), (320.0, 0.5, 0.012)), rng)
        place(indoors, stereo(0.10 * faded(tick, 0.0, 0.01), 0.35), float(at_s))
    inside = np.clip((t - OFFICE_FROM_S) / 0.3 + 0.5, 0.0, 1.0)
    track = along(np.cos(inside * np.pi / 2), outdoors) + along(np.sin(inside * np.pi / 2), indoors)
    track = band(band(track, 35.0, None), None, 6000.0, 4)
    track *= gain_of(AMBIENCE_LUFS - loudness(track))
    return faded(track, 1.2, 2.5)


# ------------------------------------------------------------------------------- writing and measuring


def quantised(x: Audio, bits: int, rng: Rng) -> NDArray[np.int32]:
    """Integers of the given width with triangular dither of two steps; digital silence stays silence."""
    scale = 2.0 ** (bits - 1)
    dither = rng.random(x.shape) - rng.random(x.shape)
    steps = np.where(x == 0.0, 0.0, np.rint(x * scale + dither))
    if np.abs(steps).max() >= scale:
        sys.exit("a stem clips")
    return steps.astype(np.int32) << (32 - bits)


def write_stem(path: Path, x: Audio, bits: int) -> None:
    data = quantised(x, bits, rng_for("dither", path.stem))
    with sf.SoundFile(
        path, "w", SAMPLE_RATE, 1 if x.ndim == 1 else x.shape[1], f"PCM_{bits}", format="FLAC", compression_level=1.0
    ) as file:
        file.write(data)


def in_stereo(x: Audio) -> Audio:
    """Mono stands in the middle at constant power."""
    return stereo(x) / np.sqrt(2.0) if x.ndim == 1 else x


def above_db(power: Audio, other: Audio) -> float:
    """Ratio of two mean powers in dB, at most 99."""
    return min(99.0, 10.0 * float(np.log10(power.mean() / max(other.mean(), 1e-15))))


def print_cues(stems: dict[str, Audio], spoken: list[Spoken]) -> None:
    """One row for each line: where it is, and how far it stands above the others while words sound.

    Powers are summed over the channels. `presence` is from 1 to 4 kHz: over the music, and over the bed of
    music, effects and ambience; there a line is masked below 3 dB, marginal below 9, else clear. `all` is
    over the bed at all frequencies.
    """
    sos = butter(4, PRESENCE_HZ, "bandpass", fs=SAMPLE_RATE, output="sos")
    tracks = {name: in_stereo(x) for name, x in stems.items()}
    tracks["bed"] = tracks["mx"] + tracks["fx"] + tracks["amb"]
    wide = {name: np.sum(x**2, axis=1) for name, x in tracks.items()}
    near = {name: np.sum(sosfiltfilt(sos, x, axis=0) ** 2, axis=1) for name, x in tracks.items()}
    print("effects: " + ", ".join(f"{effect.at_s:.2f} {effect.name}" for effect in EFFECTS) + "\n")
    print("                           presence over")
    print(" #   start     end  speaker  music    bed     all  state     text")
    for number, cue in enumerate(spoken, 1):
        span = slice(frames(cue.line.start_s), frames(cue.end_s))
        window = frames(0.03)
        power = np.convolve(wide["dx"][span], np.ones(window) / window, "same")
        words = power > power.max() * 10.0**-2.5
        over = {name: above_db(near["dx"][span][words], near[name][span][words]) for name in ("mx", "bed")}
        broad = above_db(wide["dx"][span][words], wide["bed"][span][words])
        state = "masked" if over["bed"] < 3.0 else "marginal" if over["bed"] < 9.0 else "clear"
        music = f"{over['mx']:6.1f}" if over["mx"] < 60.0 else "     -"
        print(
            f"{number:2} {cue.line.start_s:7.2f} {cue.end_s:7.2f}  {cue.line.speaker:7} {music} "
            f"{over['bed']:6.1f} {broad:7.1f}  {state:8}  {cue.line.text}"
        )


def print_levels(folder: Path, stems: dict[str, Audio]) -> None:
    total = sum((in_stereo(x) for x in stems.values()), np.zeros((frames(LENGTH_S), 2)))
    print("\nstem      LUFS  true peak dB   offset     bytes")
    for name, x in {**stems, "sum": total}.items():
        peak = level_of(np.abs(soxr.resample(x, SAMPLE_RATE, 4 * SAMPLE_RATE)).max())
        size = f"{(folder / f'{name}.flac').stat().st_size:9,}" if name in stems else ""
        print(f"{name:5} {loudness(x):8.1f} {peak:13.1f} {np.abs(x.mean(axis=0)).max():8.0e} {size}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the stems of the example reel, film_reel3.")
    here = Path(__file__).with_name("film_reel3")
    parser.add_argument("--out", type=Path, default=here, help="folder to write to")
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT, help="General MIDI, for the score")
    args = parser.parse_args()
    if not args.soundfont.is_file():
        sys.exit(f"no soundfont at {args.soundfont} (Debian package fluid-soundfont-gm, or --soundfont)")
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        dialogue, spoken = make_dialogue(Path(scratch))
        music = make_music(args.soundfont, Path(scratch))
    stems = {"dx": dialogue, "mx": music, "fx": make_effects(), "amb": make_ambience()}
    for name, x in stems.items():
        write_stem(args.out / f"{name}.flac", x, BITS[name])
    written = {name: sf.read(args.out / f"{name}.flac", dtype="float64")[0] for name in stems}
    print_cues(written, spoken)
    print_levels(args.out, written)


if __name__ == "__main__":
    main()
