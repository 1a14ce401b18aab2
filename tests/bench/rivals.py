"""What a person would do instead: four methods with one setting for the whole reel, and a patient mixer.

Each has one strength, and is tuned until its mix is as good as another in one respect: equal ESTOI of the whole, or
equal clarity of the worst quarter of the lines. Then what it cost can be compared. Depths are bounded, or a rival would
win by deleting the bed. The dialogue is left as it came.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import weakref
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from scipy.ndimage import convolve1d, minimum_filter1d

from stemmix.bands import BAND_COUNT, CENTRE_HZ, CLASSIC_EDGES_HZ
from stemmix.dsp.spectrum import erb_numbers
from tests.bench.scoring import (
    FRAME_HZ,
    RATE_HZ,
    Floats,
    Scene,
    Score,
    band_power,
    mid,
    ratio_db,
    to_estoi_rate,
    with_gains,
    worst_quarter,
)

SCOOP = np.interp(erb_numbers(CENTRE_HZ), erb_numbers([300, 500, 1000, 5000, 8000, 10_000]), [0, 0.5, 1, 1, 0.5, 0])
"""(36,): a mixer's presence scoop, whole from 1 to 5 kHz, half beside it."""
SCOOP_CAP_DB = 12.0
DEEPEST_DB = 24.0
LOOK_AHEAD_S, HOLD_S, RAMP_S = 0.08, 0.35, 0.25

WEAKEST, STRONGEST = 0.05, 300.0
TRIES = 12
NEAR_ESTOI, NEAR_CLARITY = 0.002, 0.003
"""So near to its target a rival counts as tuned."""


def shaped(gain_db: Floats) -> Floats:
    """(frames, n) gains of at most 0 dB, with look-ahead and hold, ramped by a Hann window."""
    ramp = int(RAMP_S * FRAME_HZ) | 1
    ahead, back = (int(time_s * FRAME_HZ) + ramp // 2 for time_s in (LOOK_AHEAD_S, HOLD_S))
    size = ahead + back + 1
    held = minimum_filter1d(gain_db, size, axis=0, mode="nearest", origin=back - size // 2)
    window = np.hanning(ramp + 2)[1:-1]
    return np.asarray(convolve1d(held, window / window.sum(), axis=0, mode="nearest"))


@dataclass(frozen=True)
class Trial:
    """How good a rival's mix is at one setting."""

    estoi_gain: float
    worst_quarter_gain: float


@dataclass(frozen=True)
class Tuned:
    """A rival, as near to what was asked as it comes."""

    score: Score
    strength: float
    reached: bool
    """Whether it came so far; bounded as it is, it may not."""


class Rival(ABC):
    """One method on one scene. Trials are kept by setting, so that both tunings share them."""

    name: str
    is_one_setting = True

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._trials: dict[object, Trial] = {}
        self._scores: dict[object, Score] = {}

    @abstractmethod
    def setting(self, strength: float) -> object:
        """What a strength comes to: two that come to the same are one trial."""

    @abstractmethod
    def bed_at(self, strength: float) -> Floats:
        """(samples, 2): the bed as this rival leaves it."""

    def mid_at(self, strength: float) -> Floats:
        """(samples,): its mid alone, which is all that a trial hears."""
        return mid(self.bed_at(strength))

    def trial(self, strength: float) -> Trial:
        setting = self.setting(strength)
        if setting not in self._trials:
            scene, heard = self.scene, self.mid_at(strength)
            self._trials[setting] = Trial(
                estoi_gain=scene.estoi(to_estoi_rate(heard)) - scene.estoi_before,
                worst_quarter_gain=worst_quarter(scene.clarity(band_power(heard))) - worst_quarter(scene.lines_before),
            )
        return self._trials[setting]

    def tuned(self, what: str, target: float, near: float) -> Tuned:
        """At the strength where `what` of its trial is nearest to `target`; `what` names a field of Trial."""
        low, high = WEAKEST, STRONGEST
        best, missing = low, np.inf
        for _ in range(TRIES):
            strength = float(np.sqrt(low * high))
            reached = getattr(self.trial(strength), what)
            if abs(reached - target) < missing:
                best, missing = strength, abs(reached - target)
            if missing < near:
                break
            low, high = (strength, high) if reached < target else (low, strength)
        setting = self.setting(best)
        if setting not in self._scores:
            self._scores[setting] = self.scene.score(self.bed_at(best))[0]
        return Tuned(self._scores[setting], best, getattr(self.trial(best), what) >= target - 2 * near)


class _InBands(Rival):
    """A rival whose gains are known by frame and band."""

    @abstractmethod
    def gains_db(self, strength: float) -> Floats:
        """(frames, 36), or (1, 36) for all frames."""

    def bed_at(self, strength: float) -> Floats:
        gain_db, bed = self.gains_db(strength), self.scene.bed
        return np.stack([with_gains(bed[:, side], gain_db) for side in (0, 1)], axis=1)

    def mid_at(self, strength: float) -> Floats:
        # both channels have the same gains
        return with_gains(mid(self.scene.bed), self.gains_db(strength))

    @cached_property
    def gate(self) -> Floats:
        """(frames, 1): 0 away from speech, 1 in it."""
        return -shaped(-self.scene.speech.astype(np.float64)[:, None])


class BroadbandDuck(_InBands):
    """As deep during all speech, with look-ahead."""

    name = "broadband duck"

    def setting(self, strength: float) -> float:
        return min(strength, DEEPEST_DB)

    def gains_db(self, strength: float) -> Floats:
        return -self.setting(strength) * self.gate * np.ones(BAND_COUNT)


class SevenBandEq(_InBands):
    """Frequency-based mixing: one static curve in seven bands, deeper where the voice lacks more on average."""

    name = "seven-band EQ"

    def setting(self, strength: float) -> float:
        return strength

    def gains_db(self, strength: float) -> Floats:
        speech, centre_hz = self.scene.speech, np.asarray(CENTRE_HZ)
        voice, bed = (power[speech].mean(axis=0) for power in (self.scene.dialogue_bands, self.scene.bed_mid_bands))
        gain_db = np.zeros((1, BAND_COUNT))
        for low_hz, high_hz in pairwise(CLASSIC_EDGES_HZ):
            inside = (centre_hz >= low_hz) & (centre_hz < high_hz)
            lacking_db = np.clip(12 - ratio_db(voice[inside].sum(), bed[inside].sum()), 0, DEEPEST_DB)
            gain_db[0, inside] = -min(strength * float(lacking_db) / 12, DEEPEST_DB)
        return gain_db


class GatedScoop(_InBands):
    """A dynamic EQ set by hand: presence out of the bed while speech is on."""

    name = "gated scoop"

    def setting(self, strength: float) -> float:
        return min(strength, SCOOP_CAP_DB)

    def gains_db(self, strength: float) -> Floats:
        return -self.setting(strength) * self.gate * SCOOP


class PatientMixer(_InBands):
    """Automation by hand: for every line by itself the least scoop, then the least duck on top, that clears it.

    Strength s stands for a goal of s / (1 + s); steps of 1 dB, 12 of scoop and 24 of duck.
    """

    name = "patient mixer"
    is_one_setting = False
    CUTS = tuple(min(step, SCOOP_CAP_DB) * SCOOP + max(step - SCOOP_CAP_DB, 0.0) for step in range(37))

    @cached_property
    def _clarity_at(self) -> Floats:
        """(37, lines): clarity of every line with every cut."""
        return np.stack([self.scene.clarity(self.scene.bed_mid_bands * 10 ** (-cut / 10)) for cut in self.CUTS])

    def setting(self, strength: float) -> tuple[int, ...]:
        """Step of every line: the first that is enough, else the last."""
        enough = self._clarity_at >= strength / (1 + strength)
        enough[-1] = True
        return tuple(int(step) for step in enough.argmax(axis=0))

    def gains_db(self, strength: float) -> Floats:
        gain_db = np.zeros((len(self.scene.speech), BAND_COUNT))
        for line, step in zip(self.scene.lines, self.setting(strength), strict=True):
            gain_db[line] = -self.CUTS[step]
        return shaped(gain_db)


class SidechainCompress(Rival):
    """ffmpeg's filter as its users write it, 8:1, 20 ms attack, 250 ms release; strength lowers the threshold."""

    name = "ffmpeg sidechaincompress"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._folder = Path(tempfile.mkdtemp(prefix="stemmix-rival-"))
        weakref.finalize(self, shutil.rmtree, self._folder)
        for name, samples in (("bed", scene.bed), ("key", scene.dialogue)):
            soundfile.write(self._path(name), samples, RATE_HZ, subtype="FLOAT")

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.wav"

    @staticmethod
    def is_there() -> bool:
        return shutil.which("ffmpeg") is not None

    def setting(self, strength: float) -> float:
        return min(max(0.7 / strength, 0.00098), 1.0)  # the filter's own bounds

    def bed_at(self, strength: float) -> Floats:
        graph = f"[0][1]sidechaincompress=threshold={self.setting(strength)}:ratio=8:attack=20:release=250"
        inputs = ("-i", str(self._path("bed")), "-i", str(self._path("key")))
        command = ("ffmpeg", "-v", "error", *inputs, "-filter_complex", graph, "-f", "f32le", "pipe:1")
        made = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        out = np.zeros_like(self.scene.bed)
        heard = np.frombuffer(made, "<f4").reshape(-1, 2)[: len(out)]
        out[: len(heard)] = heard
        return out


ONE_SETTING: tuple[type[Rival], ...] = (BroadbandDuck, SevenBandEq, GatedScoop, SidechainCompress)
