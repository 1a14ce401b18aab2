"""The decisions: every move with its reasons. Rendering from a stored plan needs no analysis.

Times are samples of the programme; levels are rounded to 0.01 dB, so that a diff between two plans means something.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from stemmix.bands import BAND_COUNT
from stemmix.model.document import Document

PLAN_SCHEMA = "stemmix.plan/1"

MAX_MOVES = 200_000

Cut = Annotated[float, Field(ge=-48, le=0)]
Sample = Annotated[int, Field(ge=0)]


Bands = Annotated[tuple[Cut, ...], Field(min_length=BAND_COUNT, max_length=BAND_COUNT)]
"""36 gains in dB, 60 Hz to 16 kHz, even on the ERB scale."""


class Unmask(Document):
    """A cut of its own depth in every ERB band, so that the target is heard through the stem."""

    kind: Literal["unmask"]
    mid_db: Bands
    """Of (L + R) / sqrt 2, where the target stands."""
    side_db: Bands
    """Of (L - R) / sqrt 2."""


class Duck(Document):
    """A broadband dip, keyed by the line: for a line that is still short of its goal after unmasking."""

    kind: Literal["duck"]
    gain_db: Cut


class Ride(Document):
    """The line itself a little louder, where the bed's caps are reached."""

    kind: Literal["ride"]
    gain_db: Annotated[float, Field(ge=-6, le=6)]


class Presence(Document):
    """The line itself a little brighter, at the same level."""

    kind: Literal["presence"]
    gain_db: Annotated[
        tuple[Annotated[float, Field(ge=-6, le=6)], ...], Field(min_length=BAND_COUNT, max_length=BAND_COUNT)
    ]


Action = Annotated[Unmask | Duck | Ride | Presence, Field(discriminator="kind")]


class Move(Document):
    """One thing that is done to one stem over one span."""

    id: str
    stem: str
    line: str
    """The line it is made for."""
    start: Sample
    end: Sample
    """The span of the line; look-ahead, hold and ramps lie outside it."""
    action: Action
    because: tuple[str, ...]
    """Ids of the conflicts that caused it."""

    @property
    def gains_db(self) -> tuple[float, ...]:
        """72 gains in dB: of the mid's 36 bands, then of the sides'."""
        match self.action:
            case Unmask(mid_db=mid_db, side_db=side_db):
                return mid_db + side_db
            case Presence(gain_db=bands_db):
                return bands_db + bands_db
            case Duck(gain_db=gain_db) | Ride(gain_db=gain_db):
                return (gain_db,) * (2 * BAND_COUNT)


Layer = list[tuple[int, int, tuple[float, ...]]]
"""Spans of samples, and 72 gains for each."""


def layers_of(moves: Iterable[Move]) -> list[Layer]:
    """One stem's moves as layers, one for each kind, which add up in dB.

    Within a layer the gain furthest from 0 holds where spans overlap: neighbouring lines share a dip, they do not
    double it.
    """
    layers: dict[str, Layer] = {}
    for move in moves:
        layers.setdefault(move.action.kind, []).append((move.start, move.end, move.gains_db))
    return [layers[kind] for kind in sorted(layers)]


class Conflict(Document):
    """A masker hides a target in a range of bands over a range of time."""

    id: str
    target: str
    masker: str
    line: str
    low_hz: float
    high_hz: float
    start: Sample
    end: Sample
    snr_db: float
    """Mean level of the target over the spread level of all maskers, weighted with importance, where it is masked."""
    size_before: float
    """Importance-weighted masked band-seconds that this masker answers for, as the stems came."""
    size_after: float
    """The same in the mix."""


class Line(Document):
    """A stretch of speech and what became of it."""

    id: str
    target: str
    start: Sample
    end: Sample
    clarity_before: float
    """Audibility index from 0 to 1, as the stems came."""
    clarity_after: float
    """The same in the mix."""
    snr_before_db: float
    snr_after_db: float
    """Level of the line over the maskers, weighted with importance."""
    stopped_by: Literal["clear", "goal", "cap", "nothing to cut"]
    """Why no more was done: clear as it came, goal reached, the cuts' caps, or nothing that may be cut masks it."""


class PlannedStem(Document):
    """The stem that the plan was made for: a plan is stale when its file has changed."""

    id: str
    sha256: str
    frames: Sample
    """Length at the programme's rate, in samples."""
    at: Sample


class PlannedShape(Document):
    """Times of every cut, in seconds."""

    look_ahead_s: float
    hold_s: float
    ramp_s: float


class Plan(Document):
    """Everything that is done to the stems, and why."""

    schema_: Literal["stemmix.plan/1"] = Field(alias="schema")
    title: str
    profile: str
    sample_rate: int
    frames: Sample
    """Length of the programme in samples."""
    clarity_goal: float
    stems: tuple[PlannedStem, ...]
    shape: PlannedShape
    moves: Annotated[tuple[Move, ...], Field(max_length=MAX_MOVES)]
    lines: tuple[Line, ...]
    conflicts: tuple[Conflict, ...]
    notes: tuple[str, ...] = ()
    """What a person should know of the material."""
