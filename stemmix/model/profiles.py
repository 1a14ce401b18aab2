"""Profiles: what kind of programme this is, as data (`profiles.json`). A project names one and may override goals."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from importlib.resources import files
from typing import Final, Literal

from stemmix.model.document import Document


class Role(StrEnum):
    """What a stem is for; decides who gives way to whom."""

    DIALOGUE = "dialogue"
    NARRATION = "narration"
    LEAD = "lead"
    MUSIC = "music"
    FX = "fx"
    FOLEY = "foley"
    WALLA = "walla"
    AMBIENCE = "ambience"


SPEECH: Final = frozenset({Role.DIALOGUE, Role.NARRATION, Role.LEAD})
"""Roles of which words are to be understood."""
TALK: Final = SPEECH - {Role.LEAD}
"""Those of them in which somebody talks: a lead is sung, or an instrument."""
HITS: Final = frozenset({Role.FX, Role.FOLEY})
"""Roles whose transients are what they are for."""


ProfileName = Literal["film", "series", "trailer", "documentary", "podcast", "music", "game", "speech"]

Method = Literal["multilevel", "frequency"]
"""How a mix is decided."""


class Profile(Document):
    """Defaults of one kind of programme. Levels in dB, times in seconds."""

    why: str
    """What the profile is for, and why it differs from `film`."""
    targets: tuple[Role, ...]
    """Roles that are cleared, in this order: each hears what was decided for those before it."""
    priorities: dict[Role, int]
    """A stem is only ever cut for one of higher priority."""
    protection: dict[Role, float]
    """What a cut in this role costs against the same cut in music: higher is cut less."""
    clarity: float
    """Goal for every line: audibility index, 0 to 1 (`planning.masking`)."""
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
    max_limiting_db: float
    """Most that the limiter may take of a master before it fails its specification."""

    def lacking(self, roles: Iterable[Role]) -> str | None:
        """What is to be said of a programme with stems of these roles, if none of them is one that is cleared."""
        if set(roles) & set(self.targets):
            return None
        return (
            f"the profile clears {' and '.join(self.targets)}, but no stem has such a role: nothing is cut, and "
            f'the stems are summed as they came; give the one to be heard first "role": "{self.targets[0]}"'
        )


def _profiles() -> dict[str, Profile]:
    text = files("stemmix.model").joinpath("profiles.json").read_text("utf-8")
    return {name: Profile.model_validate_json(json.dumps(fields)) for name, fields in json.loads(text).items()}


PROFILES: Final = _profiles()
