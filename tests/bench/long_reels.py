"""Reels of any length, width and number of stems, made of a short one; and projects that ask for different things."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.timing import REPOSITORY

if TYPE_CHECKING:  # the program that measures stays small: a child's peak memory counts no less than its parent's
    import numpy as np

RATE_HZ = 48_000
TARGET_LUFS, BUSY_DB, CEILING_DBTP = -23.0, 9.0, -1.0
EXAMPLE = REPOSITORY / "projects" / "film_reel3"
ROLES = {"dx": "dialogue", "mx": "music", "fx": "fx", "amb": "ambience"}
"""Of the files of a short reel; a file may have its role's name as well."""

_BLOCK_FRAMES = 1 << 16
_APART_FRAMES = 7919
"""By which one pair of channels lags the one before, so that none are the same."""


@dataclass(frozen=True)
class Stem:
    """A stem to be made: `source` is a file's name in the short reel, without its suffix."""

    id: str
    source: str
    role: str
    layout: str = "2.0"


@dataclass(frozen=True)
class LongReel:
    """A folder with a reel in it."""

    folder: Path
    minutes: float
    stems: tuple[Stem, ...]
    layout: str
    suffix: str

    def project(self, name: str) -> Path:
        """A project by what it asks for: `master`, `stems`, `busy`, `edited`."""
        return self.folder / f"{name}.json"

    def file(self, role: str) -> Path:
        """Of the first stem of a role."""
        stem = next(stem for stem in self.stems if stem.role == role)
        return self.folder / "reel" / f"{stem.id}{self.suffix}"


def four_stems(count: int = 4, layout: str = "2.0") -> tuple[Stem, ...]:
    """Dialogue, music, effects and ambience, again and again."""
    turns = [list(ROLES)[number % len(ROLES)] for number in range(count)]
    return tuple(
        Stem(source if count == len(ROLES) else f"{source}{number // len(ROLES) + 1}", source, ROLES[source], layout)
        for number, source in enumerate(turns)
    )


def feature_stems() -> tuple[Stem, ...]:
    """Twelve stems of a feature in 5.1: three of dialogue in mono, three of music and four of effects in 5.1, two of
    ambience in stereo."""
    return (
        *(Stem(f"dx{number}", "dx", "dialogue", "1.0") for number in (1, 2, 3)),
        *(Stem(f"mx{number}", "mx", "music", "5.1") for number in (1, 2, 3)),
        *(Stem(f"fx{number}", "fx", "fx", "5.1") for number in (1, 2, 3, 4)),
        *(Stem(f"amb{number}", "amb", "ambience", "2.0") for number in (1, 2)),
    )


def build(
    folder: Path,
    minutes: float,
    stems: Sequence[Stem] = four_stems(),
    *,
    layout: str = "2.0",
    suffix: str = ".wav",
    reel: Path = EXAMPLE,
) -> LongReel:
    """Repeat a short reel's stems to length in 24 bits, and write the projects. `suffix`: .wav or .flac.

    Stems of one source and layout are one file under several names: a disk holds them once.
    """
    from stemmix.model.layouts import LAYOUTS

    made = LongReel(folder, minutes, tuple(stems), layout, suffix)
    (folder / "reel").mkdir(parents=True)
    frames = round(minutes * 60 * RATE_HZ)
    written: dict[tuple[str, str], Path] = {}
    for stem in stems:
        path = folder / "reel" / f"{stem.id}{suffix}"
        first = written.setdefault((stem.source, stem.layout), path)
        if first != path:
            os.link(first, path)
            continue
        _write(_repeated(_source(reel, stem.source), frames, LAYOUTS[stem.layout].channels), path, stem.layout, frames)
    document = {
        "schema": "stemmix.project/2",
        "title": "Long",
        "sample_rate": RATE_HZ,
        "stems": [
            {"id": stem.id, "role": stem.role, "file": f"reel/{stem.id}{suffix}"}
            | ({} if stem.layout == "2.0" else {"layout": stem.layout})
            for stem in stems
        ],
    }
    master = {"name": "printmaster", "layout": layout, "target_lufs": TARGET_LUFS, "ceiling_dbtp": CEILING_DBTP}
    for name, deliverables in (
        ("master", [master]),
        ("stems", [master, {"name": "stems", "kind": "stems"}]),
        ("busy", [master | {"target_lufs": TARGET_LUFS + BUSY_DB}]),
    ):
        made.project(name).write_text(json.dumps(document | {"deliverables": deliverables}, indent=1), "utf-8")
    return made


def edit(reel: LongReel, fader_db: float) -> None:
    """Move the fader of the music in the project `edited`: what is heard stands, what is decided does not."""
    document = json.loads(reel.project("master").read_text("utf-8"))
    for stem in document["stems"]:
        if stem["role"] == "music":
            stem["gain_db"] = fader_db
    reel.project("edited").write_text(json.dumps(document, indent=1), "utf-8")


def _source(reel: Path, name: str) -> np.ndarray[Any, Any]:
    """(n, 2) samples of a short stem, as 24-bit integers; mono stands in the centre at constant power."""
    found = [reel / f"{called}{suffix}" for called in (name, ROLES[name]) for suffix in (".flac", ".wav")]
    import numpy as np
    import soundfile

    path = next((path for path in found if path.exists()), None)
    if path is None:
        raise SystemExit(f"{reel}: holds none of {', '.join(each.name for each in found)}")
    samples, rate_hz = soundfile.read(path, always_2d=True)
    if rate_hz != RATE_HZ or samples.shape[1] > 2:
        raise SystemExit(f"{path}: must be mono or stereo at {RATE_HZ} Hz")
    if not len(samples):
        raise SystemExit(f"{path}: holds no audio")
    stereo = samples if samples.shape[1] == 2 else samples.repeat(2, axis=1) * 0.5**0.5
    return np.clip(np.rint(stereo * 2.0**23), -(2**23), 2**23 - 1).astype(np.int32)


def _repeated(source: np.ndarray[Any, Any], frames: int, channels: int) -> Iterator[np.ndarray[Any, Any]]:
    """Blocks of a source from its beginning again and again; further pairs of channels are pairs that lag."""
    import numpy as np

    for start in range(0, frames, _BLOCK_FRAMES):
        at = np.arange(start, min(start + _BLOCK_FRAMES, frames))
        columns = [
            source[(at - pair * _APART_FRAMES) % len(source), side]
            for pair in range((channels + 1) // 2)
            for side in (0, 1)
        ]
        yield np.stack(columns[:channels], axis=1)


def _write(blocks: Iterator[np.ndarray[Any, Any]], path: Path, layout: str, frames: int) -> None:
    import soundfile

    from stemmix.files.wave import SamplePacker, wave_header
    from stemmix.model.layouts import LAYOUTS

    if path.suffix == ".flac":
        channels = LAYOUTS[layout].channels
        with soundfile.SoundFile(path, "w", RATE_HZ, channels, "PCM_24") as writer:
            for block in blocks:
                writer.write(block << 8)
        return
    packer = SamplePacker("wav24")
    with path.open("wb") as file:
        file.write(wave_header("wav24", RATE_HZ, LAYOUTS[layout], frames).content)
        for block in blocks:
            for piece in packer.pack(block):
                file.write(piece)
