"""What a person asks of the engine: goals, and what holds over a stretch of the programme."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stemmix.bands import EDGE_HZ, HIGHEST_HZ, LOWEST_HZ
from stemmix.model.document import Document, Identifier, broken_rule
from stemmix.model.moves import Action
from stemmix.model.timecode import Time, as_typed
from stemmix.units import in_digits

SOURCE_PATTERN = r"^[0-9a-f]{8,64}$"


class Goals(Document):
    """What the mix is to reach; what is left out comes from the profile."""

    clarity: Annotated[float, Field(ge=0, le=1)] | None = None
    """Audibility index that every line of dialogue is brought to, 0 to 1."""
    eq_cap_db: Annotated[float, Field(ge=0, le=24)] | None = None
    """Deepest cut of a band, in dB; where it is given no line goes deeper, not even one that would else be lost."""
    duck_cap_db: Annotated[float, Field(ge=0, le=24)] | None = None
    """Deepest broadband duck of a line that is still short of its goal, in dB."""
    voice: bool = True
    """Whether a line that is short of its goal may itself be raised and tilted a little."""


class Stretch(Document):
    """A stretch of the programme."""

    start: Time = Field(alias="from")
    """Where it begins on the programme."""
    end: Time = Field(alias="to")
    """Where it ends, the first sample that is no longer in it."""

    @property
    def told(self) -> str:
        """For people, as it is written."""
        if isinstance(self.start, str) or isinstance(self.end, str):
            return f"{as_typed(self.start)} to {as_typed(self.end)}"
        return f"{in_digits(self.start)}-{in_digits(self.end)} s"


class Pin(Stretch):
    """What a person decides against, or ahead of, the engine: over a span, for one stem. Exactly one of `keep`,
    `forbid`, `max_cut_db`, `priority` and `action` is given."""

    id: Identifier | None = None
    """By which its moves, differences and templates call it; unique in the project."""
    stem: Identifier
    """The stem that it is for."""
    keep: Literal[True] | None = None
    """The stem stays as it is: no move reaches into the span, not even a ramp."""
    forbid: Annotated[tuple[Literal["unmask", "duck", "ride", "presence"], ...], Field(min_length=1)] | None = None
    """Kinds of moves that are not made in the stem."""
    max_cut_db: Annotated[float, Field(ge=0, le=24)] | None = None
    """The stem is cut by no more than this, in dB."""
    priority: Annotated[int, Field(ge=0, le=1000)] | None = None
    """The stem's priority in the span: an effect that wins over a line, or gives way; a line that need not be heard.
    Raised, the stem is cleared over the span and never cut there for what ranks below; lowered, it gives way to each
    line, or as a line to each stem, that the span covers from end to end."""
    action: Action | None = None
    """A move that stands as it is, whatever an analysis says."""
    low_hz: Annotated[float, Field(ge=0, le=24_000)] | None = None
    """Lower end, in Hz, of the bands that `max_cut_db` or `priority` is meant for; left out, the lowest."""
    high_hz: Annotated[float, Field(ge=0, le=24_000)] | None = None
    """Upper end, in Hz, of these bands; there are bands from 60 Hz to 16 kHz."""
    source: Annotated[str, Field(pattern=SOURCE_PATTERN)] | None = None
    """Beginning of the SHA-256 of the stem's file when the pin was set: with another file the pin is reported stale."""
    note: str | None = None
    """For people."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        given = [
            name for name in ("keep", "forbid", "max_cut_db", "priority", "action") if getattr(self, name) is not None
        ]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise broken_rule(f"a pin has exactly one of keep, forbid, max_cut_db, priority, action; this has {said}")
        return self

    @model_validator(mode="after")
    def _names_bands_that_there_are(self) -> Self:
        ranged = self.max_cut_db is not None or self.priority is not None
        for field, hz in (("low_hz", self.low_hz), ("high_hz", self.high_hz)):
            if hz is not None and not ranged:
                raise broken_rule("a range of bands goes with max_cut_db or priority only", field)
        if self.low_hz is not None and self.low_hz >= EDGE_HZ[-1]:
            raise broken_rule(f"{self.low_hz:g} Hz lies above all bands; expected less than {HIGHEST_HZ:g}", "low_hz")
        if self.high_hz is not None and self.high_hz <= EDGE_HZ[0]:
            raise broken_rule(f"{self.high_hz:g} Hz lies below all bands; expected more than {LOWEST_HZ:g}", "high_hz")
        if self.low_hz is not None and self.high_hz is not None and self.high_hz <= self.low_hz:
            raise broken_rule(f"{self.high_hz:g} Hz must lie above low_hz ({self.low_hz:g} Hz)", "high_hz")
        return self


class Cue(Stretch):
    """A line that is given: where any cue of a stem stands, its lines are not looked for. Only stems that are cleared
    have lines: those of the profile's roles."""

    stem: Identifier
    """The stem whose line it is."""
    note: str | None = None
    """For people."""


class SceneCue(Document):
    """Where a scene begins; it ends where the next one does."""

    start: Time = Field(alias="from")
    """Where it begins on the programme."""
    id: Identifier
    """Unique in the project."""
    note: str | None = None
    """For people."""
