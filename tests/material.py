"""Sound made up for tests: what stands in for a voice, music, effects and air; and projects of it.

Everything is (frames, channels) float64, full scale 1, and the same whenever it is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemmix.model.plan import Plan
from stemmix.model.progress import Step
from stemmix.model.receipt import Receipt

Floats = NDArray[np.float64]

RATE_HZ = 48_000
VOICE_RMS = 0.05
"""Of what `voice` says, on one channel: its peaks stay under full scale."""
SIZES = (7, 512, 4096, 48_000)
"""Block sizes that nothing may depend on; 1 besides, where the input is short."""


def blocks(signal: Floats, size: int) -> Iterator[Floats]:
    """The signal in blocks, an empty one before each."""
    for begin in range(0, len(signal), size):
        yield signal[:0]
        yield signal[begin : begin + size]


def taken_by_turns(reader: Any, turns: Sequence[tuple[int, int]]) -> Iterator[tuple[slice, Floats]]:
    """Skip and read so many frames by turns, every other time into a place of ours: which of all frames are then due,
    and what came."""
    at = 0
    for number, (skipped, read) in enumerate(turns):
        reader.skip(skipped)
        at += skipped
        yield slice(at, at + read), read_into(reader, read) if number % 2 else reader.read(read)
        at += read


def all_of(reader: Any, block: int = RATE_HZ) -> Floats:
    """Everything that a reader gives, in blocks, every other one, the first of all too, into a place of ours."""
    blocks = [read_into(reader, block)]
    while len(blocks[-1]):
        assert len(blocks[-1]) <= block
        blocks.append(reader.read(block) if len(blocks) % 2 else read_into(reader, block))
    assert len(reader.read(block)) == read_into(reader, block).size == 0, "what is at its end stays there"
    return np.concatenate(blocks)


def read_into(reader: Any, frames: int) -> Floats:
    """What a reader puts into a place for so many frames, or a million."""
    place = np.full((min(frames, 10**6), reader.read(0).shape[1]), np.nan)
    return place[: reader.read_into(place)]


def noise(frames: int, channels: int = 2, seed: int = 1, rms: float = 0.05) -> Floats:
    return np.random.default_rng(seed).normal(0.0, rms, (frames, channels))


def band_noise(frames: int, low_hz: float, high_hz: float, seed: int = 1, rate_hz: int = RATE_HZ) -> Floats:
    """(frames,) noise of RMS `VOICE_RMS` that has nothing outside low_hz to high_hz."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=frames))
    frequency_hz = np.fft.rfftfreq(frames, 1 / rate_hz)
    spectrum[(frequency_hz < low_hz) | (frequency_hz > high_hz)] = 0
    signal = np.fft.irfft(spectrum, frames)
    return np.asarray(VOICE_RMS * signal / np.sqrt(np.mean(signal**2)))


def voice(frames: int, lines_s: Sequence[tuple[float, float]], seed: int = 1, rate_hz: int = RATE_HZ) -> Floats:
    """(frames, 1): at the times of `lines_s` a buzz through three formants, four syllables a second; between, nothing.

    The lines have an RMS of `VOICE_RMS`.
    """
    random = np.random.default_rng(seed)
    time_s = np.arange(frames) / rate_hz
    pitch_hz = 120 + 15 * np.sin(2 * np.pi * 0.7 * time_s)
    buzz = np.zeros(frames)
    buzz[1:] = np.diff(np.floor(np.cumsum(pitch_hz) / rate_hz))
    spectrum = np.fft.rfft(buzz + 0.02 * random.normal(size=frames))
    frequency_hz = np.fft.rfftfreq(frames, 1 / rate_hz)
    formants = [(600, 120, 1.0), (1500, 180, 0.6), (2600, 260, 0.4), (5000, 1500, 0.08)]
    throat = sum(share / (1 + ((frequency_hz - centre) / width) ** 2) for centre, width, share in formants)
    spoken = np.fft.irfft(spectrum * throat, frames)
    syllables = 0.15 + 0.85 * np.sin(np.pi * 4 * time_s) ** 2
    heard = np.zeros(frames)
    for start_s, end_s in lines_s:
        ramp = np.clip(np.minimum(time_s - start_s, end_s - time_s) / 0.02, 0.0, 1.0)
        heard += ramp
    out = spoken * syllables * heard
    return np.asarray(VOICE_RMS * out / np.sqrt(np.mean(out[heard > 0.5] ** 2)))[:, None]


def chords(frames: int, seed: int = 2, rate_hz: int = RATE_HZ) -> Floats:
    """(frames, 2) of chords with many partials, one a second, of RMS about 0.1."""
    return _chords(frames, seed, rate_hz).copy()


@lru_cache(maxsize=4)
def _chords(frames: int, seed: int, rate_hz: int) -> Floats:
    """Made once: they are some millions of sines a second."""
    random = np.random.default_rng(seed)
    time_s = np.arange(frames) / rate_hz
    out = np.zeros((frames, 2))
    for second in range(-(-frames // rate_hz)):
        here = slice(second * rate_hz, min((second + 1) * rate_hz, frames))
        fall = np.exp(-1.5 * (time_s[here] - second)) * np.minimum((time_s[here] - second) / 0.01, 1.0)
        for root in random.choice([110, 131, 165, 196, 220, 262], 3, replace=False):
            for partial in range(1, 20):
                phase = random.uniform(0, 2 * np.pi, 2)
                tone = np.sin(2 * np.pi * root * partial * time_s[here, None] + phase)
                out[here] += fall[:, None] * tone / partial**0.7
    return np.asarray(0.1 * out / np.sqrt(np.mean(out**2)))


def clicks(frames: int, at_s: Sequence[float], seed: int = 3, rate_hz: int = RATE_HZ) -> Floats:
    """(frames, 2): a hit of noise that dies away in 50 ms at each time."""
    random = np.random.default_rng(seed)
    out = np.zeros((frames, 2))
    for start in (round(time * rate_hz) for time in at_s):
        count = min(rate_hz // 5, frames - start)
        fall = np.exp(-np.arange(count) / (0.05 * rate_hz))
        out[start : start + count] += 0.3 * fall[:, None] * random.uniform(-1, 1, (count, 2))
    return out


def write_audio(path: Path, samples: Floats, rate_hz: int = RATE_HZ, subtype: str = "PCM_24") -> Path:
    """Write (frames, channels) samples; the format by the name's ending."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def read_audio(path: Path) -> Floats:
    import soundfile

    return np.asarray(soundfile.read(path, dtype="float64", always_2d=True)[0])


def write_project(path: Path, stems: Sequence[dict[str, Any]], **fields: Any) -> Path:
    """A project of `stems` with a printmaster and the stems to deliver, unless `fields` say otherwise."""
    deliverables = [{"name": "printmaster"}, {"name": "stems", "kind": "stems"}]
    project = {"schema": "stemmix.project/2", "title": "A test", "stems": list(stems), "deliverables": deliverables}
    path.write_text(json.dumps(project | fields))
    return path


SCENE_S = 4.0
SCENE_LINES_S = ((0.5, 1.6), (2.3, 3.4))


@lru_cache(maxsize=1)
def _scene_sounds() -> dict[str, Floats]:
    frames = round(SCENE_S * RATE_HZ)
    return {
        "dx": voice(frames, SCENE_LINES_S),
        "mx": 0.75 * chords(frames),
        "fx": 0.5 * clicks(frames, (1.0, 2.9)),
        "amb": noise(frames, seed=4, rms=0.002),
    }


def scene(folder: Path, name: str = "scene", **fields: Any) -> Path:
    """A project of four seconds in which music and effects mask a voice; gives the project's path."""
    for stem, sound in _scene_sounds().items():
        write_audio(folder / name / f"{stem}.wav", sound)
    return write_project(folder / f"{name}.json", fields.pop("stems", scene_stems(name)), **fields)


def scene_stems(name: str = "scene") -> list[dict[str, Any]]:
    """The stems of `scene`, as its project lists them."""
    roles = {"dx": "dialogue", "mx": "music", "fx": "fx", "amb": "ambience"}
    return [{"id": stem.upper(), "role": role, "file": f"{name}/{stem}.wav"} for stem, role in roles.items()]


def edited(project: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The project file after `change` has been at its document."""
    document = json.loads(project.read_text())
    change(document)
    project.write_text(json.dumps(document, indent=2))
    return project


def rendered(project: Path, out: Path | None = None, plan: Path | None = None, **options: Any) -> Receipt:
    """`pipeline.render` of a lone project, watched by nobody."""
    from stemmix.pipeline import render

    (receipt,) = render([project], out, plan, progress=silent_progress, **options)
    return receipt


def plan_in(folder: Path) -> Plan:
    """The one plan in a folder that was rendered into."""
    from stemmix.files.documents import read_document

    (path,) = folder.glob("*.plan.json")
    return read_document(path, Plan)


def bytes_in(folder: Path) -> dict[str, bytes]:
    """Every file by name. A receipt says where the project stands from its own folder: that apart, as it may lie
    anywhere."""
    place = re.compile(rb'^  "project_path": ".*",\n', re.MULTILINE)
    return {path.name: place.sub(b"", path.read_bytes()) for path in sorted(folder.iterdir())}


def silent_progress(step: Step) -> None:
    """For who wants no progress; it is told sane shares all the same."""
    assert step.stage
    assert 0.0 <= step.share <= 1.0
    assert 1 <= step.reel <= step.reels
