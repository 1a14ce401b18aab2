"""What is known of one line: the target's power, every other stem's, and what a set of gains makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


class Identity(NamedTuple):
    """What tells a stem that was heard from any other."""

    sha256: str
    """Of its file."""
    mark: str | None = None
    """Of its facts and its frames behind the fader; None where they are not kept."""


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
    identified: Callable[[], Identity]
    """Waits for the hash of its file, which may be taken until it is asked for, and no decision is made by. StemError
    where the file has changed since."""
    lag: int = 0
    """Samples that it was moved back by, to lie in line with its group."""
    inverted: bool = False
    """Whether it was turned the other way up for that."""
    seen_before: bool = False
    """Whether it may have been heard before: `identified` need not wait then."""

    @property
    def sha256(self) -> str:
        """Of its file; see `identified`."""
        return self.identified().sha256


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
    """(stems, frames, 36) smoothed power of (L - R) / sqrt 2: what a listener hears beside the target, not over it; of
    no stem where nothing is to be cut."""
    importance: Floats
    """(36,) what each band matters for the target."""

    def snr_db(self, gain_db: Floats, voice_db: Floats | float = 0.0) -> Floats:
        """(frames, 36) SNR with the mid of every masker at its (stems, 36) gains, and the target at its own, in dB."""
        return masking.snr_db(self.target_at(voice_db), self.maskers, 10.0 ** (gain_db / 10.0))

    def clarity(self, gain_db: Floats, voice_db: Floats | float = 0.0) -> float:
        """Mean audibility index of the passage."""
        return masking.clarity(self.target_at(voice_db), self.maskers, 10.0 ** (gain_db / 10.0), self.importance)

    def at_gains(self, gains_db: Floats | Sequence[Floats], voice_db: Floats | float = 0.0) -> Passage:
        """The passage as it is mixed: of every masker (frames, 72) gains of its mid and sides, (frames, 36) of the
        target."""
        maskers, sides = np.empty_like(self.maskers), np.empty_like(self.sides)
        for index, gain_db in enumerate(gains_db):
            hearing_kernels.at_gains(self.maskers[index], gain_db, 0, maskers[index])
            if len(sides):
                hearing_kernels.at_gains(self.sides[index], gain_db, BAND_COUNT, sides[index])
        return Passage(self.start, self.end, self.target_at(voice_db), maskers, sides, self.importance)

    def mean_snr_db(self, clarity: float) -> float:
        """SNR, each cell within the +-15 dB that audibility looks at, weighted with importance, mean over the passage.

        It is what clarity says on a scale of 0 to 1.
        """
        return 30.0 * clarity - 15.0 * float(self.importance.sum())

    def target_at(self, voice_db: Floats | float) -> Floats:
        """The target's power with (36,) or (frames, 36) gains in dB."""
        at = np.asarray(voice_db)
        return self.target * masking.power_of_db(at) if np.count_nonzero(at) else self.target

    @property
    def untouched(self) -> Floats:
        """(stems, 36) gains of nothing done."""
        return np.zeros((len(self.maskers), self.target.shape[1]))


def smoothed_power(stem: HeardStem, column: str, start: int, end: int, *, out: Floats | None = None) -> Floats:
    """(end - start, width) a stem's power at programme frames, as it is judged; in `out` where it is given."""
    columns = COLUMNS[column]
    out = np.empty((end - start, columns.stop - columns.start)) if out is None else out
    rows = stem.frames.rows(start - MARGIN, end + MARGIN)
    hearing_kernels.smoothed_power(rows, columns.start, stem.frames.power_of_level, out)
    return out


def passage(
    targets: Sequence[HeardStem],
    maskers: Sequence[HeardStem],
    start: int,
    end: int,
    *,
    is_speech: bool = True,
    bands: frozenset[int] = ALL_BANDS,
    wide: bool = True,
) -> Passage:
    """The passage from frame `start` to `end`; several targets are heard as one. Only `bands` of them matter.

    Who only judges what is heard, and cuts nothing, does without the sides: they are none where it is not `wide`.
    """
    target = smoothed_power(targets[0], "mid", start, end)
    for stem in targets[1:]:
        target += smoothed_power(stem, "mid", start, end)
    mids = np.empty((len(maskers), *target.shape))
    sides = np.empty_like(mids if wide else mids[:0])
    for index, stem in enumerate(maskers):
        if wide:
            rows, table = stem.frames.rows(start - MARGIN, end + MARGIN), stem.frames.power_of_level
            hearing_kernels.heard_power(rows, COLUMNS["mid"].start, table, mids[index], sides[index])
        else:
            smoothed_power(stem, "mid", start, end, out=mids[index])
    return Passage(start, end, target, mids, sides, _importance(target, bands, is_speech=is_speech))


def _importance(target: Floats, bands: frozenset[int], *, is_speech: bool) -> Floats:
    """(36,) what each band matters for a (frames, 36) target of which only `bands` do; sums to 1."""
    if is_speech and len(bands) == BAND_COUNT:
        return masking.IMPORTANCE
    inside = np.isin(np.arange(BAND_COUNT), list(bands))
    of_speech = masking.IMPORTANCE[inside].sum() if is_speech else 0.0
    # below 150 Hz speech has nothing that matters: who asks for those bands alone means what sounds there
    return masking.IMPORTANCE * inside / of_speech if of_speech else masking.importance_where_present(target * inside)
