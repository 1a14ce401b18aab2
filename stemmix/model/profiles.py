"""Profiles: what kind of programme this is, as data. A project names one and may override its goals.

Only what a decision reads is here. Times in seconds, levels in dB. Sources: METHOD notes on shape in time and caps;
EBU R 128 for the master of `film` (the near-field broadcast version; a cinema master has another deliverable).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from stemmix.model.document import Document


class Role(StrEnum):
    """What a stem is for; decides who gives way to whom."""

    DIALOGUE = "dialogue"
    MUSIC = "music"
    FX = "fx"
    AMBIENCE = "ambience"


class Profile(Document):
    """Defaults of one kind of programme."""

    name: str
    priorities: dict[Role, int]
    """Who is cleared first: a stem is only ever cut for one of higher priority."""
    protection: dict[Role, float]
    """What a cut in this role costs against the same cut in music: higher is cut less."""
    clarity: float
    """Goal for every line: audibility index, 0 to 1 (see `planning.masking`)."""
    eq_cap_db: float
    """Deepest cut of a band, as a rule."""
    lost_cap_db: float
    """Deepest cut of a band for a line that would else be lost."""
    duck_cap_db: float
    """Deepest broadband duck of a line that is still short of its goal."""
    ride_cap_db: float
    """Most that such a line is raised itself."""
    presence_cap_db: float
    """Most that such a line is tilted towards presence."""
    look_ahead_s: float
    hold_s: float
    ramp_s: float
    target_lufs: float
    ceiling_dbtp: float


PROFILES: Final[dict[str, Profile]] = {
    "film": Profile(
        name="film",
        priorities={Role.DIALOGUE: 100, Role.FX: 60, Role.MUSIC: 40, Role.AMBIENCE: 20},
        protection={Role.DIALOGUE: 8.0, Role.FX: 2.0, Role.MUSIC: 1.0, Role.AMBIENCE: 0.7},
        clarity=0.5,
        eq_cap_db=12.0,
        lost_cap_db=24.0,
        duck_cap_db=12.0,
        ride_cap_db=2.0,
        presence_cap_db=1.0,
        look_ahead_s=0.06,
        hold_s=0.1,
        ramp_s=0.4,
        target_lufs=-23.0,
        ceiling_dbtp=-1.0,
    ),
}
