"""Scenes made of features, not of sound: stems told as bands, levels and times, as a scan would have found them.

A scene is a project with its stems' features in memory, so that decisions can be asked for at once. Frames stand at
50 a second on a programme of 48 kHz; a level is that of one ERB band at 1 kHz.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, CENTRE_HZ, CLASSIC_EDGES_HZ
from stemmix.dsp.spectrum import ruler
from stemmix.model.features import COLUMNS, Frames, Onset, Span, StemFacts, silent_rows
from stemmix.model.plan import Plan
from stemmix.model.profiles import Role
from stemmix.model.project import Project
from stemmix.model.receipt import Measured
from stemmix.model.stems import Stem
from stemmix.planning.decide import decide
from stemmix.planning.passages import HeardStem, Identity
from tests.held_frames import HeldFrames

Floats = NDArray[np.float64]

RATE_HZ = 48_000
HOP = ruler(RATE_HZ).hop_samples

VOICE_DB: Floats = np.interp(
    np.log2(CENTRE_HZ), np.log2([60, 110, 500, 1000, 2500, 5000, 9000, 16_000]), [-40, -6, 3, 0, -6, -14, -22, -40]
)
"""(36,) a long-term spectrum of speech, 0 at 1 kHz."""


@dataclass(frozen=True)
class Sound:
    """Something that sounds from one second to another."""

    start_s: float
    end_s: float
    level_db: float = -50.0
    low_hz: float = 60.0
    high_hz: float = 16_000.0
    side_db: float | None = None
    """Level of the sides over the mid; None for a sound in the middle."""
    is_voice: bool = False
    """Speech: its spectrum, and four syllables a second with 12 dB between them; else a slope of -3 dB an octave."""
    is_room: bool = False
    """Room tone, which is no activity."""

    def levels_db(self, count: int) -> Floats:
        """(count, 36) levels of the mid; -200 where it does not sound."""
        hz = np.array(CENTRE_HZ)
        spectrum = VOICE_DB if self.is_voice else -3.0 * np.log2(hz / 1000)
        spectrum = np.where((hz >= self.low_hz) & (hz <= self.high_hz), spectrum, -200.0)
        time_s = np.arange(count)[:, None] / 50
        level_db = self.level_db + 0.0 * time_s
        if self.is_voice:
            level_db = level_db - 12 * np.sin(np.pi * 4 * (time_s - self.start_s)) ** 4
        heard = (time_s >= self.start_s - 1e-9) & (time_s < self.end_s - 1e-9)
        return np.where(heard, np.maximum(spectrum + level_db, -200.0), -200.0)


@dataclass(frozen=True)
class Told:
    """A stem, told."""

    id: str
    role: str
    sounds: tuple[Sound, ...]
    hits_s: tuple[float, ...] = ()
    """Onsets of 12 dB."""
    priority: int | None = None
    gain_db: float = 0.0
    at_s: float = 0.0
    sha256: str = "0" * 64


@dataclass(frozen=True)
class Scene:
    """A project and the features of its stems."""

    project: Project
    stems: tuple[HeardStem, ...]
    frames: int

    def decide(self) -> Plan:
        return decide(self.project, self.stems, self.frames)

    def stem(self, name: str) -> HeardStem:
        return next(stem for stem in self.stems if stem.id == name)


def line(start_s: float, end_s: float, level_db: float = -50.0) -> Sound:
    """Speech."""
    return Sound(start_s, end_s, level_db, is_voice=True)


def bed(start_s: float, end_s: float, level_db: float = -50.0, **fields: Any) -> Sound:
    """Something broad and steady, as wide as high unless told otherwise."""
    return Sound(start_s, end_s, level_db, **{"side_db": -3.0, **fields})


def scene(*told: Told, seconds: float, **fields: Any) -> Scene:
    """The stems as a project of `seconds`; `fields` are the project's, as JSON would give them."""
    project = Project.model_validate_json(_json(told, fields))
    stems = tuple(_heard(project, one, stem, seconds) for one, stem in zip(told, project.stems, strict=True))
    return Scene(project, stems, round(seconds * RATE_HZ))


def again(before: Scene, **fields: Any) -> Scene:
    """The same features under another project."""
    project = Project.model_validate({**before.project.model_dump(by_alias=True), **fields}, strict=False)
    profile = project.defaults
    stems = tuple(
        replace(stem, priority=project.priority_of(own), protection=profile.protection[stem.role])
        for stem, own in zip(before.stems, project.stems, strict=True)
    )
    return Scene(project, stems, before.frames)


def _json(told: Sequence[Told], fields: dict[str, Any]) -> str:
    stems = [
        {
            "id": one.id,
            "role": one.role,
            "file": f"{one.id}.wav",
            "at": one.at_s,
            "gain_db": one.gain_db,
            **({} if one.priority is None else {"priority": one.priority}),
        }
        for one in told
    ]
    return json.dumps({"schema": "stemmix.project/2", "title": "told", "stems": stems, **fields})


def _heard(project: Project, told: Told, stem: Stem, seconds: float) -> HeardStem:
    own_s = seconds - told.at_s
    count = round(own_s * 50) + 1
    mid, side = np.zeros((count, BAND_COUNT)), np.zeros((count, BAND_COUNT))
    for sound in told.sounds:
        power = 10.0 ** (sound.levels_db(count) / 10)
        mid += power
        if sound.side_db is not None:
            side += power * 10 ** (sound.side_db / 10)
    rows = silent_rows(count)
    columns = {"total": mid + side, "mid": mid, "classic": _classic(mid + side)}
    for name, power in columns.items():
        rows[:, COLUMNS[name]] = _centibels(power)
    role = Role(told.role)
    return HeardStem(
        id=told.id,
        role=role,
        priority=project.priority_of(stem),
        protection=project.defaults.protection[role],
        at=round(told.at_s * RATE_HZ),
        facts=_facts(told, own_s, silent=not mid.any()),
        frames=Frames(HeldFrames(rows), round(told.at_s * 50), told.gain_db),
        identified=lambda: Identity(told.sha256),
    )


def _centibels(power: Floats) -> NDArray[np.int16]:
    return np.rint(np.maximum(1000 * np.log10(power + 1e-30), -20_000)).astype(np.int16)


def _classic(power: Floats) -> Floats:
    hz = np.array(CENTRE_HZ)
    edges = CLASSIC_EDGES_HZ
    return np.stack(
        [power[:, (hz >= low) & (hz < high)].sum(axis=1) for low, high in itertools.pairwise(edges)],
        axis=1,
    )


def _facts(told: Told, own_s: float, *, silent: bool) -> StemFacts:
    """What a scan would have said of the whole; figures that no decision looks at are plain."""
    spans = sorted({(sound.start_s, sound.end_s) for sound in told.sounds if not sound.is_room})
    joined: list[tuple[float, float]] = []
    for start_s, end_s in spans:
        if joined and start_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_s))
        else:
            joined.append((start_s, end_s))
    peak = None if silent else -6.0
    heard = tuple(Span(start=round(a * RATE_HZ), end=round(b * RATE_HZ)) for a, b in joined)
    return StemFacts(
        sample_rate=RATE_HZ,
        frames=round(own_s * RATE_HZ),
        lead_samples=0,
        source_rate=RATE_HZ,
        source_layout="2.0",
        measured=Measured(
            integrated_lufs=None,
            short_term_max_lufs=None,
            momentary_max_lufs=None,
            lra_lu=None,
            true_peak_dbtp=peak,
            sample_peak_dbfs=peak,
        ),
        dc=0.0,
        clipped_runs=0,
        noise_floor_db=-90.0,
        classic_rms_db=(-50.0,) * 7,
        centroid_hz=1000.0,
        flatness=0.1,
        rolloff_hz=4000.0,
        onsets=tuple(Onset(at=round(at_s * RATE_HZ), strength_db=12.0) for at_s in told.hits_s),
        active=heard,
        spoken=heard,
        warnings=(),
    )
