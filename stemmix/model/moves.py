"""What can be done to a stem: one document for each kind of action. Levels are in dB, bands those of `bands`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stemmix.bands import BAND_COUNT, CENTRE_HZ, CLASSIC_EDGES_HZ
from stemmix.model.document import item

Cut = Annotated[float, Field(ge=-48, le=0)]

Bands = Annotated[tuple[Cut, ...], Field(min_length=BAND_COUNT, max_length=BAND_COUNT)]
"""36 gains in dB, 60 Hz to 16 kHz, even on the ERB scale."""


CLASSIC_BAND = tuple(sum(hz >= edge for edge in CLASSIC_EDGES_HZ[1:-1]) for hz in CENTRE_HZ)
"""The classic band that each of the 36 lies in, or the nearest."""


@item
class Unmask:
    """A cut of its own depth in every ERB band, so that the target is heard through the stem."""

    kind: Literal["unmask"]
    """Which action this is."""
    mid_db: Bands
    """Of (L + R) / sqrt 2, where the target stands, in dB."""
    side_db: Bands
    """Of (L - R) / sqrt 2, in dB."""


@item
class Duck:
    """A broadband dip, keyed by the line: for a line that is still short of its goal after unmasking."""

    kind: Literal["duck"]
    """Which action this is."""
    gain_db: Cut
    """Of all bands, in dB, at most 0."""


@item
class Ride:
    """The line itself a little louder, where the bed's caps are reached."""

    kind: Literal["ride"]
    """Which action this is."""
    gain_db: Annotated[float, Field(ge=-6, le=6)]
    """Of all bands, in dB."""


@item
class Presence:
    """The line itself a little brighter, at the same level."""

    kind: Literal["presence"]
    """Which action this is."""
    gain_db: Annotated[
        tuple[Annotated[float, Field(ge=-6, le=6)], ...], Field(min_length=BAND_COUNT, max_length=BAND_COUNT)
    ]
    """Of the 36 bands, in dB."""


@item
class Level:
    """A fader move over the whole programme, where the project asks for balance."""

    kind: Literal["level"]
    """Which action this is."""
    gain_db: Annotated[float, Field(ge=-24, le=24)]
    """Of all bands, in dB."""


@item
class StaticEq:
    """The seven-band equaliser of frequency-based mixing: one curve over the whole programme."""

    kind: Literal["static"]
    """Which action this is."""
    gain_db: Annotated[tuple[Cut, ...], Field(min_length=7, max_length=7)]
    """Of the classic bands, 60 Hz to 12 kHz, in dB."""


@item
class Scene:
    """What the cuts of a scene's lines have in common: it stands from line to line, so that the bed does not yo-yo."""

    kind: Literal["scene"]
    """Which action this is."""
    mid_db: Bands
    """Of (L + R) / sqrt 2, in dB."""
    side_db: Bands
    """Of (L - R) / sqrt 2, in dB."""


Action = Annotated[Unmask | Scene | Duck | Ride | Presence | Level | StaticEq, Field(discriminator="kind")]


def gains_of(action: Action) -> tuple[float, ...]:
    """72 gains in dB: of the mid's 36 bands, then of the sides'."""
    match action:
        case Unmask(mid_db=mid_db, side_db=side_db) | Scene(mid_db=mid_db, side_db=side_db):
            return mid_db + side_db
        case Presence(gain_db=bands_db):
            return bands_db + bands_db
        case StaticEq(gain_db=classic_db):
            return 2 * tuple(classic_db[band] for band in CLASSIC_BAND)
        case Duck(gain_db=gain_db) | Ride(gain_db=gain_db) | Level(gain_db=gain_db):
            return (gain_db,) * (2 * BAND_COUNT)


def sets_level(action: Action) -> bool:
    """Whether it moves the whole stem, every band by as much: what LFE follows too, which no curve is meant for."""
    return isinstance(action, Duck | Ride | Level)


def rounded_db(gains_db: Sequence[float] | NDArray[np.float64]) -> tuple[float, ...]:
    """Gains to 0.01 dB, as moves hold them; minus zero is zero.

    One object for each number there is: hours of moves are millions of numbers, and only thousands differ.
    """
    rounded = (np.rint(np.asarray(gains_db) * 100.0) / 100.0 + 0.0).tolist()
    return tuple(map(_ONCE.setdefault, rounded, rounded))


_ONCE: dict[float, float] = {}
