"""Dialogue stems whose lines are known, and how well they are found: the material of `test_spoken`, and a table of it.

    python -m tests.analysis.spoken [folder of a reel with dialogue.flac and cues.json ...]

Without folders the voice is `tests.material.voice`. Over each voice go the sounds that production dialogue comes with;
levels are RMS under that of the voice inside its lines. Figures: lines found of those spoken (more than 60 % of one is
found), the share of speech that is found, seconds found a minute where nobody speaks (more than 0.3 s from a line), and
pauses of a second or more of which 80 % are found as speech.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stemmix.analysis.scan import StemScan
from stemmix.model.features import Look
from stemmix.model.profiles import Role
from tests.material import RATE_HZ, Floats, voice

BESIDE_S = 0.3
"""Lines may be found so much longer at either end."""
PAUSE_S = 1.0
FOUND_SHARE = 0.6

Times = list[tuple[float, float]]
Material = Callable[["Spoken"], Floats]


@dataclass(frozen=True)
class Spoken:
    """A voice and nothing else: (frames,) samples, the stretches of speech of each line in seconds."""

    samples: Floats
    lines_s: list[Times]

    @property
    def stretches_s(self) -> Times:
        return sorted(stretch for line in self.lines_s for stretch in line)

    def says(self, margin_s: float = 0.0) -> np.ndarray:
        """(frames,) whether somebody speaks within `margin_s`."""
        says = np.zeros(len(self.samples), bool)
        for start, end in self.stretches_s:
            says[max(round((start - margin_s) * RATE_HZ), 0) : round((end + margin_s) * RATE_HZ)] = True
        return says

    @property
    def rms(self) -> float:
        return float(np.sqrt(np.mean(self.samples[self.says()] ** 2)))


@dataclass(frozen=True)
class Figures:
    """How well the lines of a stem were found."""

    hits: int
    lines: int
    covered: float
    """Share of the time spoken that was found."""
    false_s: float
    """Seconds a minute found where nobody speaks."""
    bridged: int
    pauses: int

    @property
    def row(self) -> str:
        return (
            f"{self.hits:3d}/{self.lines:<3d} {self.covered:5.2f} {self.false_s:6.1f} {self.bridged:3d}/{self.pauses}"
        )


def figures(spoken: Spoken, found_s: Times) -> Figures:
    """Runs that were found held against what is spoken."""
    says, near = spoken.says(), spoken.says(BESIDE_S)
    found = np.zeros(len(says), bool)
    for start, end in found_s:
        found[round(start * RATE_HZ) : round(end * RATE_HZ)] = True

    def share(spans: Times) -> float:
        parts = [found[round(start * RATE_HZ) : round(end * RATE_HZ)] for start, end in spans]
        return float(np.mean(np.concatenate(parts)))

    stretches = spoken.stretches_s
    ends = np.maximum.accumulate([end for _, end in stretches])
    pauses = [
        (float(end), start) for end, (start, _) in zip(ends[:-1], stretches[1:], strict=True) if start - end >= PAUSE_S
    ]
    return Figures(
        hits=sum(share(line) > FOUND_SHARE for line in spoken.lines_s),
        lines=len(spoken.lines_s),
        covered=float(found[says].mean()),
        false_s=60 * float(np.sum(found & ~near)) / len(found),
        bridged=sum(share([pause]) > 0.8 for pause in pauses),
        pauses=len(pauses),
    )


def found_in(mono: Floats) -> Times:
    """Runs of speech, in seconds, of a stem of (frames,) samples."""
    stereo = np.repeat(mono[:, None], 2, axis=1) * 0.5**0.5
    scan = StemScan(RATE_HZ, 0, lambda rows: None)
    for begin in range(0, len(stereo), RATE_HZ):
        scan.process(stereo[begin : begin + RATE_HZ])
    look = Look(dc=0.0, clipped_runs=0, first_clipped=None)
    facts = scan.finish(source_rate=RATE_HZ, source_layout="2.0", look=look)
    return [(run.start / RATE_HZ, run.end / RATE_HZ) for run in facts.heard_as(Role.DIALOGUE)]


def invented() -> Spoken:
    """Forty seconds of lines of all lengths, with pauses of 0.4 to 4 seconds."""
    random = np.random.default_rng(11)
    lines_s, now_s = [], 2.0
    while now_s < 38.0:
        end_s = now_s + random.uniform(0.6, 3.0)
        lines_s.append((now_s, end_s))
        now_s = end_s + random.choice((0.4, 0.8, 1.2, 2.0, 4.0))
    return Spoken(voice(round((now_s + 1) * RATE_HZ), lines_s)[:, 0], [[line] for line in lines_s])


def reel(folder: Path) -> Spoken:
    """The dialogue of a reel on disk."""
    import soundfile

    cues = json.loads((folder / "cues.json").read_text())["dialogue"]
    samples, rate_hz = soundfile.read(folder / "dialogue.flac", always_2d=True)
    assert rate_hz == RATE_HZ
    lines = [[(a, b) for a, b in cue.get("speech") or [(cue["start"], cue["end"])]] for cue in cues]
    return Spoken(samples.mean(axis=1), lines)


def coloured(frames: int, slope_db: float, low_hz: float = 40.0, high_hz: float = 8000.0, seed: int = 7) -> Floats:
    """(frames,) noise of RMS 1 that rises by `slope_db` an octave: 0 white, -3 pink, -6 brown."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=frames))
    frequency_hz = np.fft.rfftfreq(frames, 1 / RATE_HZ)
    inside = (frequency_hz > low_hz) & (frequency_hz < high_hz)
    spectrum *= np.where(inside, np.maximum(frequency_hz, 1.0) ** (slope_db / 6.02), 0.0)
    noise = np.fft.irfft(spectrum, frames)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def swing(frames: int, depth_db: float, seed: int = 5) -> Floats:
    """(frames,) a gain that rises and falls by +-depth_db, each half swing lasting 0.25 to 1.5 s."""
    random = np.random.default_rng(seed)
    lasts_s = random.uniform(0.25, 1.5, round(frames / RATE_HZ / 0.25) + 2)
    corners_s = np.concatenate(([0.0], np.cumsum(lasts_s)))
    sides = np.where(np.arange(len(corners_s)) % 2, 1.0, -1.0) * depth_db * random.uniform(0.7, 1.0, len(corners_s))
    time_s = np.arange(frames) / RATE_HZ
    corner = np.searchsorted(corners_s, time_s, side="right") - 1
    way = 0.5 - 0.5 * np.cos(np.pi * (time_s - corners_s[corner]) / lasts_s[corner])
    return np.asarray(10 ** ((sides[corner] + (sides[corner + 1] - sides[corner]) * way) / 20))


def hum(frames: int, mains_hz: float) -> Floats:
    """(frames,) twenty harmonics of the mains, of RMS 1."""
    time_s = np.arange(frames) / RATE_HZ
    sound = sum(np.sin(2 * np.pi * mains_hz * n * time_s + n * n) / n for n in range(1, 21))
    return np.asarray(sound / np.sqrt(np.mean(sound**2)))


def whispered(spoken: Spoken, fade_db: float = -20.0) -> Floats:
    """The voice with every third line turned down."""
    gain = np.ones(len(spoken.samples))
    for line in spoken.lines_s[1::3]:
        for start, end in line:
            gain[round((start - 0.05) * RATE_HZ) : round((end + 0.05) * RATE_HZ)] = 10 ** (fade_db / 20)
    return spoken.samples * gain


def under(spoken: Spoken, db: float, sound: Floats) -> Floats:
    """`sound` of RMS 1, so far under the voice."""
    return spoken.rms * 10 ** (-db / 20) * sound


def toned(db: float, swing_db: float = 0.0, slope_db: float = -3.0) -> Material:
    """Room tone under the whole stem."""

    def make(spoken: Spoken) -> Floats:
        frames = len(spoken.samples)
        noise = coloured(frames, slope_db)
        return spoken.samples + under(spoken, db, noise * (swing(frames, swing_db) if swing_db else 1.0))

    return make


def laid(db: float, around_s: float, swing_db: float = 0.0) -> Material:
    """Room tone around the lines alone, digital silence between."""

    def make(spoken: Spoken) -> Floats:
        return np.where(spoken.says(around_s), toned(db, swing_db)(spoken), 0.0)

    return make


def hummed(db: float, mains_hz: float, swing_db: float = 0.0) -> Material:
    def make(spoken: Spoken) -> Floats:
        frames = len(spoken.samples)
        moved = hum(frames, mains_hz) * (swing(frames, swing_db) if swing_db else 1.0)
        return spoken.samples + under(spoken, db, moved) + under(spoken, 40.0, coloured(frames, -3.0))

    return make


def fan(spoken: Spoken) -> Floats:
    """A blade's tones and their breeze, turning a little unevenly."""
    frames = len(spoken.samples)
    time_s = np.arange(frames) / RATE_HZ
    wobble = 0.5 * np.sin(2 * np.pi * 0.4 * time_s)
    blades = sum(np.sin(n * (2 * np.pi * 87.0 * time_s + wobble)) / n for n in (1, 2, 3, 5))
    beat = 1 + 0.2 * np.sin(2 * np.pi * 1.3 * time_s)
    return spoken.samples + under(spoken, 18.0, (0.5 * blades + 0.8 * coloured(frames, -4.0)) * beat)


def echoing(spoken: Spoken) -> Floats:
    """A hall: 1.2 s of reverberation, 12 dB under the voice."""
    count = round(1.5 * RATE_HZ)
    tail = np.random.default_rng(3).normal(size=count) * 10 ** (-3.0 * np.arange(count) / RATE_HZ / 1.2)
    size = len(spoken.samples) + count
    wet = np.fft.irfft(np.fft.rfft(spoken.samples, size) * np.fft.rfft(tail, size), size)[: len(spoken.samples)]
    wet /= np.sqrt(np.mean(wet[spoken.says()] ** 2))
    return spoken.samples + under(spoken, 12.0, wet)


def disturbed(kind: str) -> Material:
    """In each pause of a second or more, 0.4 s after the line, a breath, a smack of the lips or a door."""

    def make(spoken: Spoken) -> Floats:
        random = np.random.default_rng(9)
        out = toned(35.0)(spoken)
        near = spoken.says(0.4)
        for _, end in spoken.stretches_s:
            begin = round((end + 0.45) * RATE_HZ)
            sound = _disturbance(kind, random)
            if begin + len(sound) < len(out) and not near[begin : begin + len(sound)].any():
                out[begin : begin + len(sound)] += spoken.rms * sound
        return out

    return make


def _disturbance(kind: str, random: np.random.Generator) -> Floats:
    length_s, db, low_hz, high_hz = {
        "breath": (0.45, -24.0, 500.0, 6000.0),
        "lips": (0.03, -15.0, 1500.0, 8000.0),
        "door": (0.5, -6.0, 40.0, 400.0),
    }[kind]
    count = round(length_s * RATE_HZ)
    sound = coloured(count, 0.0, low_hz, high_hz, int(random.integers(1000)))
    shape = np.sin(np.pi * np.arange(count) / count) if kind != "door" else np.exp(-np.arange(count) / 0.1 / RATE_HZ)
    return np.asarray(sound * shape * 10 ** (db / 20))


def whisper_in(make: Material) -> Material:
    """Every third line 20 dB down, in the sound that `make` lays under the voice as it was."""
    return lambda spoken: make(spoken) - spoken.samples + whispered(spoken)


MATERIALS: dict[str, Material] = {
    "clean": lambda spoken: spoken.samples,
    "whispers -20": whispered,
    "whispers, tone -35": whisper_in(toned(35.0)),
    "whispers, tone -30": whisper_in(toned(30.0)),
    **{f"tone -{db}": toned(db) for db in (30, 20, 15, 12)},
    **{f"tone -20, swing {depth}": toned(20.0, depth) for depth in (1.0, 2.0, 2.5, 4.0)},
    "tone -8": toned(8.0),
    "tone -30, swing 2.5": toned(30.0, 2.5),
    "tone -15, swing 2.5": toned(15.0, 2.5),
    "tone -12, swing 2.5": toned(12.0, 2.5),
    "white -20": toned(20.0, 0.0, 0.0),
    "white -20, swing 2.5": toned(20.0, 2.5, 0.0),
    "wind, pink -12, swing 4": toned(12.0, 4.0),
    "wind, brown -6, swing 6": toned(6.0, 6.0, -6.0),
    "laid 0.8 s, -25": laid(25.0, 0.8),
    "laid 2 s, -20": laid(20.0, 2.0),
    "laid 2 s, -20, swing 2.5": laid(20.0, 2.0, 2.5),
    "hum 50 Hz -20": hummed(20.0, 50.0),
    "hum 60 Hz -12, swing 1": hummed(12.0, 60.0, 1.0),
    "fan -18": fan,
    "hall": echoing,
    "breaths": disturbed("breath"),
    "lips": disturbed("lips"),
    "doors": disturbed("door"),
}


def table(voices: dict[str, Spoken]) -> Iterator[str]:
    """Rows of figures, one for each material and voice."""
    for name, make in MATERIALS.items():
        for who, spoken in voices.items():
            yield f"{name:26s} {who:10s} {figures(spoken, found_in(make(spoken))).row}"


if __name__ == "__main__":
    folders = [Path(argument) for argument in sys.argv[1:]]
    for line in table({folder.name: reel(folder) for folder in folders} or {"invented": invented()}):
        sys.stdout.write(line + "\n")
