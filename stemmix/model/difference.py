"""What differs between two versions of a mix: in what is asked for, in what is done for it, in what is heard.

Everywhere `before` is the first version and `after` the second; None stands for what a side does not have.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from stemmix.model.document import Document
from stemmix.model.timecode import Clock, FrameRate, Time

DIFFERENCE_SCHEMA: Final = "stemmix.difference/1"


class Change(Document):
    """One thing that is asked for otherwise."""

    what: str
    """What it is of: `stem MX`, `stem DX, clip 2`, `pin boom`, `deliverable printmaster`, or `project`."""
    field: str | None = None
    """Its field, as in the project file; None where the thing itself is new or gone."""
    before: str | None
    after: str | None
    """In words, with units."""
    note: str | None = None
    """By how much, where that is not said by the two."""


class Pair(Document):
    """A figure on both sides."""

    before: float | None = None
    after: float | None = None


class MoveChange(Document):
    """One move that is made on one side only, or otherwise."""

    change: Literal["added", "removed", "changed"]
    id: str
    """After; of one that is removed, before."""
    stem: str
    kind: str
    """`unmask`, `duck` ..."""
    start_s: float
    end_s: float
    """Where it stands; of one that is changed, after."""
    start_before_s: float | None = None
    end_before_s: float | None = None
    """Where it stood, if that is elsewhere."""
    low_hz: float
    high_hz: float
    """The bands in which the gain differs by at least half of the most."""
    before_db: float
    after_db: float
    """Gain in the band in which it differs the most; 0 where there is no move."""
    size_db_s: float
    """All of the change: dB, mean over the bands of mid and sides, times the seconds that it lasts."""


class SceneChange(Document):
    """A scene of the second version, beside the one of the first with which it has the most time in common."""

    id: str
    start_s: float
    end_s: float
    clarity: Pair
    """Mean audibility in the mix, 0 to 1, of the lines that begin in it."""
    loudness_lufs: Pair
    """K-weighted mean level of the mix, ungated, before any master gain, told from features."""


class PlanChange(Document):
    """What is done otherwise."""

    moves_before: int
    moves_after: int
    moves: tuple[MoveChange, ...]
    """Those that differ, by how much they change, the most first."""
    conflicts_before: int
    conflicts_after: int
    lines: Pair
    unclear: Pair
    """Lines under their goal in the mix."""
    clarity: Pair
    """Mean audibility of all lines in the mix."""
    bed_loss_db: Pair
    """What the bed gives up while lines are spoken, K-weighted."""
    scenes: tuple[SceneChange, ...]


class Place(Document):
    """A second in which two mixes differ."""

    start_s: float
    residual_dbfs: float
    """RMS of one mix less the other, over all channels."""
    residual_lu: float | None
    """K-weighted level of that, over the first mix's in the same second; None where that is silent."""


class SceneLoudness(Document):
    """How loud a scene is in the two written files."""

    id: str
    start_s: float
    end_s: float
    loudness_lufs: Pair
    """K-weighted mean level, ungated."""


class AudioChange(Document):
    """Two printmasters, and what is left of one less the other."""

    deliverable: str
    integrated_lufs: Pair
    gain_db: Pair
    """Of the master."""
    length_s: Pair
    refused: str | None = None
    """Why they cannot be taken from each other, where they cannot."""
    identical: bool = False
    """Sample by sample, as 32-bit float, before any dither."""
    identical_s: tuple[tuple[float, float], ...] = ()
    """Spans of whole seconds in which they are."""
    residual_dbfs: float | None = None
    """RMS of what is left, over all channels and the longer of the two; None where nothing is."""
    residual_lu: float | None = None
    """K-weighted level of that over the first mix's, both ungated."""
    worst: tuple[Place, ...] = ()
    """Seconds in which the most is left, the most first; none beside another."""
    scenes: tuple[SceneLoudness, ...] = ()


class Difference(Document):
    """Everything that differs, as far as was looked."""

    schema_: Literal["stemmix.difference/1"] = Field(alias="schema")
    before: str
    after: str
    """What the two were called."""
    sample_rate: int
    frame_rate: FrameRate | None = None
    start: Time | None = None
    """Of the second version: for whoever makes timecode of the seconds in here."""
    changes: tuple[Change, ...]
    """What is asked for otherwise."""
    plan: PlanChange | None = None
    """None where there were not two plans."""
    audio: AudioChange | None = None
    """None where it was not asked for."""
    notes: tuple[str, ...] = ()
    """Why something was not looked at."""

    @property
    def clock(self) -> Clock:
        """What tells times of the second version."""
        return Clock(self.sample_rate, self.frame_rate, self.start)

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        heard = self.audio is None or self.audio.identical
        return not self.changes and (self.plan is None or not self.plan.moves) and heard
