"""What is known of one line: the target's power, every other stem's, and what a set of gains makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp import hearing_kernels
from stemmix.model.features import COLUMNS, Frames, StemFacts
from stemmix.model.profiles import Role
from stemmix.planning import masking

Floats = NDArray[np.float64]

ALL_BANDS = frozenset(range(BAND_COUNT))

MARGIN = 2
"""Frames on either side that smoothing uses up."""


@dataclass(frozen=True, eq=False)
class HeardStem:
    """A stem as planning hears it: its levels after the fader, on the programme's grid."""

    id: str
    role: Role
    priority: int
    protection: float
    """What a cut costs, against one in music."""
    at: int
    """Where it begins, in samples."""
    facts: StemFacts
    frames: Frames
    lag: int = 0
    """Samples that it was moved back by, to lie in line with its group."""
    inverted: bool = False
    """Whether it was turned the other way up for that."""


@dataclass(frozen=True, eq=False)
class Passage:
    """A run of frames in which a target is to be heard, and everything else that sounds there."""

    start: int
    """Programme frame numbers."""
    end: int
    target: Floats
    """(frames, 36) smoothed mid power."""
    maskers: Floats
    """(stems, frames, 36) the same of every other stem."""
    sides: Floats
    """(stems, frames, 36) smoothed power of (L - R) / sqrt 2: what a listener hears beside the target, not over it."""
    importance: Floats
    """(36,) what each band matters for the target."""

    def snr_db(self, gain_db: Floats, voice_db: Floats | float = 0.0) -> Floats:
        """(frames, 36) SNR with the mid of every masker at its (stems, 36) gains, and the target at its own, in dB."""
        return masking.snr_db(self._target_at(voice_db), self.maskers, 10.0 ** (gain_db / 10.0))

    def clarity(self, gain_db: Floats, voice_db: Floats | float = 0.0) -> float:
        """Mean audibility index of the passage."""
        return masking.clarity(self._target_at(voice_db), self.maskers, 10.0 ** (gain_db / 10.0), self.importance)

    def at_gains(self, gain_db: Floats, voice_db: Floats) -> Passage:
        """The passage as it is mixed: (stems, frames, 72) gains of every masker's mid and sides, (frames, 36) of the
        target."""
        maskers, sides = self.maskers, self.sides
        if gain_db.any():
            bands = self.target.shape[1]
            gains = masking.power_of_db(gain_db)
            maskers, sides = maskers * gains[..., :bands], sides * gains[..., bands:]
        return Passage(self.start, self.end, self._target_at(voice_db), maskers, sides, self.importance)

    def mean_snr_db(self, gain_db: Floats, voice_db: Floats | float = 0.0) -> float:
        """SNR, each cell bounded to what audibility looks at, weighted with importance, mean over the passage."""
        snr = np.clip(self.snr_db(gain_db, voice_db), -15.0, 15.0)
        return float((snr * self.importance).sum(axis=1).mean())

    def _target_at(self, voice_db: Floats | float) -> Floats:
        at = np.asarray(voice_db)
        return self.target * masking.power_of_db(at) if at.any() else self.target

    @property
    def untouched(self) -> Floats:
        """(stems, 36) gains of nothing done."""
        return np.zeros((len(self.maskers), self.target.shape[1]))


def smoothed_power(stem: HeardStem, column: str, start: int, end: int) -> Floats:
    """(end - start, width) a stem's power at programme frames, as it is judged."""
    return _smoothed(stem, column, stem.frames.rows(start - MARGIN, end + MARGIN))


def _smoothed(stem: HeardStem, column: str, rows: NDArray[np.int16]) -> Floats:
    """The same of rows that are at hand, with their margin."""
    out = np.empty((len(rows) - 2 * MARGIN, COLUMNS[column].stop - COLUMNS[column].start))
    hearing_kernels.smoothed_power(rows, COLUMNS[column].start, stem.frames.power_of_level, out)
    return out


def passage(
    targets: Sequence[HeardStem],
    maskers: Sequence[HeardStem],
    start: int,
    end: int,
    *,
    is_speech: bool = True,
    bands: frozenset[int] = ALL_BANDS,
) -> Passage:
    """The passage from frame `start` to `end`; several targets are heard as one. Only `bands` of them matter."""
    target = np.zeros((end - start, BAND_COUNT))
    for stem in targets:
        target += smoothed_power(stem, "mid", start, end)
    mids = np.empty((len(maskers), *target.shape))
    sides = np.empty_like(mids)
    for index, stem in enumerate(maskers):
        rows = stem.frames.rows(start - MARGIN, end + MARGIN)
        mids[index] = _smoothed(stem, "mid", rows)
        np.maximum(_smoothed(stem, "total", rows) - mids[index], 0.0, out=sides[index])
    return Passage(start, end, target, mids, sides, _importance(target, bands, is_speech=is_speech))


def _importance(target: Floats, bands: frozenset[int], *, is_speech: bool) -> Floats:
    """(36,) what each band matters for a (frames, 36) target of which only `bands` do; sums to 1."""
    if is_speech and len(bands) == BAND_COUNT:
        return masking.IMPORTANCE
    inside = np.isin(np.arange(BAND_COUNT), list(bands))
    of_speech = masking.IMPORTANCE[inside].sum() if is_speech else 0.0
    # below 150 Hz speech has nothing that matters: who asks for those bands alone means what sounds there
    return masking.IMPORTANCE * inside / of_speech if of_speech else masking.importance_where_present(target * inside)
