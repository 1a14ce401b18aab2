"""The request: what a person writes and keeps in git."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from stemmix.model.document import Document
from stemmix.model.layouts import LAYOUTS, Layout, LayoutName, Order, layout_of_labels, widest
from stemmix.model.moves import Action
from stemmix.model.profiles import PROFILES, Profile, ProfileName, Role

PROJECT_SCHEMA = "stemmix.project/1"

MAX_STEMS = 256
MAX_DELIVERABLES = 64

IDENTIFIER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"

Identifier = Annotated[str, Field(pattern=IDENTIFIER_PATTERN, max_length=64)]
"""Stands in file names: letters, digits, `_`, `-` and `.`, beginning with a letter or digit."""

RelativePath = Annotated[str, Field(min_length=1, max_length=1024)]
"""POSIX path, relative to the project file; it may not leave the project file's folder."""


def _fault(message: str, *place: str | int) -> PydanticCustomError:
    """A rule that the whole project breaks, with the spot that a reader of the file should look at."""
    return PydanticCustomError("rule", "{message}", {"message": message, "place": place})


class Stem(Document):
    """One stem: a file, where it stands and how loud."""

    id: Identifier
    """Unique in the project; part of the printed stem's file name."""
    role: Role
    """What it is for: decides who gives way to whom."""
    file: RelativePath | None = None
    """Audio file, relative to the project file."""
    files: Annotated[dict[str, RelativePath], Field(min_length=1, max_length=16)] | None = None
    """Instead of `file`: discrete mono files by the channel that each is for (`L`, `R`, `C`, `LFE`, `Ls` ...), equally
    long and of one rate; together they are the channels of a layout."""
    layout: LayoutName | None = None
    """What the channels of `file` are, where it does not say or says it wrongly."""
    order: Order = "wave"
    """How they follow each other in `file`: `wave` (L R C LFE Ls Rs) or `film` (L C R Ls Rs LFE)."""
    pan: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Where a mono stem stands, -1 left to 1 right, at constant power between neighbouring front speakers; 0 is the
    centre: C where the bus has one, else L and R at -3 dB each."""
    at: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    """Where it begins on the programme, in seconds; taken to the nearest sample."""
    gain_db: Annotated[float, Field(ge=-120, le=40)] = 0.0
    """Fader, in dB; every decision hears the stem after it."""
    mute: bool = False
    """A muted stem is neither heard nor printed."""
    priority: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Overrides the role's priority: a stem is only ever cut for one of higher priority."""
    note: str | None = None
    """For people."""

    @model_validator(mode="after")
    def _has_its_channels(self) -> Self:
        if (self.file is None) == (self.files is None):
            raise _fault("a stem has a file, or files by channel" + (", not both" if self.file else "; this has none"))
        if self.files is None:
            return self
        if layout_of_labels(self.files) is None:
            known = "; ".join(" ".join(layout.labels) for layout in LAYOUTS.values())
            given = ", ".join(map(repr, self.files))
            raise _fault(f"{given} are not the channels of a layout; expected one of {known}", "files")
        for name, said in (("layout", self.layout is not None), ("order", self.order != "wave")):
            if said:
                raise _fault("is for one file of many channels; files say by name what they are", name)
        return self

    @property
    def paths(self) -> dict[str | None, str]:
        """Its file, under None; or its files by channel, in the order of their layout."""
        if self.files is None:
            return {None: self.file or ""}
        layout = layout_of_labels(self.files)
        return {label: self.files[label] for label in (layout.labels if layout else ())}

    @property
    def named(self) -> str:
        """Its file or files, for people."""
        return ", ".join(self.paths.values())


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


Seconds = Annotated[float, Field(ge=0, le=86_400)]
"""A time of the programme, in seconds."""


class Stretch(Document):
    """A stretch of the programme."""

    start: Seconds = Field(alias="from")
    end: Seconds = Field(alias="to")

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        if self.end <= self.start:
            raise PydanticCustomError("rule", "'to' ({end}) must lie after 'from' ({start})", self.model_dump())
        return self


class Pin(Stretch):
    """What a person decides against, or ahead of, the engine: over a span, for one stem. Exactly one of `keep`,
    `forbid`, `max_cut_db`, `priority` and `action` is given."""

    stem: Identifier
    keep: Literal[True] | None = None
    """The stem stays as it is: no move reaches into the span, not even a ramp."""
    forbid: tuple[Literal["unmask", "duck", "ride", "presence"], ...] | None = None
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
    high_hz: Annotated[float, Field(ge=0, le=24_000)] | None = None
    """Bands that `max_cut_db` and `priority` are meant for; left out, all of them."""
    source: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")] | None = None
    """Beginning of the SHA-256 of the stem's file when the pin was set: with another file the pin is reported stale."""
    note: str | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        given = [
            name for name in ("keep", "forbid", "max_cut_db", "priority", "action") if getattr(self, name) is not None
        ]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise PydanticCustomError(
                "rule",
                "a pin has exactly one of keep, forbid, max_cut_db, priority, action; this has {said}",
                {"said": said},
            )
        return self


class Cue(Stretch):
    """A line that is given: where any cue of a stem stands, its lines are not looked for. Only stems that are cleared
    have lines: those of the profile's roles."""

    stem: Identifier
    note: str | None = None


class SceneCue(Document):
    """Where a scene begins; it ends where the next one does."""

    start: Seconds = Field(alias="from")
    id: Identifier
    note: str | None = None


class Printmaster(Document):
    """The finished mix."""

    name: Identifier
    kind: Literal["printmaster"] = "printmaster"
    layout: LayoutName = "2.0"
    """Of its channels; one of a narrower layout than another is its fold-down, measured and limited by itself."""
    target_lufs: Annotated[float, Field(ge=-70, le=0)] | None = None
    """Integrated loudness (ITU-R BS.1770); left out, the profile's."""
    ceiling_dbtp: Annotated[float, Field(ge=-20, le=0)] | None = None
    """Highest true peak; left out, the profile's."""
    note: str | None = None


class PrintedStems(Document):
    """Every stem as it stands in the mix, at the gain of its parent: their sum is the parent before its limiter."""

    name: Identifier
    kind: Literal["stems"]
    parent: Identifier | None = None
    """The printmaster whose gain they carry; left out, the first one."""
    note: str | None = None


def _kind_of(value: Any) -> str:
    kind = value.get("kind", "printmaster") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) else "?"


Deliverable = Annotated[
    Annotated[Printmaster, Tag("printmaster")] | Annotated[PrintedStems, Tag("stems")], Discriminator(_kind_of)
]


class Project(Document):
    """A programme: its stems, its goals, what is to be delivered."""

    schema_: Literal["stemmix.project/1"] = Field(alias="schema")
    title: Annotated[str, Field(min_length=1, max_length=200)]
    profile: ProfileName = "film"
    """Kind of programme: gives priorities, goals, caps, times and the master."""
    method: Literal["multilevel", "frequency"] = "multilevel"
    """`frequency` is the static seven-band equaliser that this replaces, for comparison."""
    sample_rate: Annotated[int, Field(ge=32_000, le=192_000)] = 48_000
    """Of the programme, in Hz; stems of any other rate are brought to it."""
    stems: Annotated[tuple[Stem, ...], Field(min_length=1, max_length=MAX_STEMS)]
    goals: Goals = Goals()
    balance: bool = False
    """Whether faders are moved where a bed stands too loud all along; else that is advice in the report."""
    pins: Annotated[tuple[Pin, ...], Field(max_length=10_000)] = ()
    cues: Annotated[tuple[Cue, ...], Field(max_length=100_000)] = ()
    """Lines that are given."""
    scenes: Annotated[tuple[SceneCue, ...], Field(max_length=10_000)] = ()
    """Scenes that are given; else they are found at long pauses of the dialogue."""
    deliverables: Annotated[tuple[Deliverable, ...], Field(min_length=1, max_length=MAX_DELIVERABLES)] = (
        Printmaster(name="printmaster"),
    )
    note: str | None = None

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        printed = [
            (f"{deliverable.name}_{stem.id}", index)
            for index, deliverable in enumerate(self.deliverables)
            for stem in self.stems
            if deliverable.kind == "stems"
        ]
        for what, names in (
            ("stem id", [(stem.id, ("stems", index, "id")) for index, stem in enumerate(self.stems)]),
            (
                "deliverable name",
                [(d.name, ("deliverables", index, "name")) for index, d in enumerate(self.deliverables)],
            ),
            (
                "file name",
                [(d.name, ("deliverables", index)) for index, d in enumerate(self.deliverables) if d.kind != "stems"]
                + [(name, ("deliverables", index)) for name, index in printed],
            ),
        ):
            # names become file names, and some file systems do not tell A from a
            seen: set[str] = set()
            for name, place in names:
                if name.casefold() in seen:
                    raise _fault(f"{what} {name!r} is given twice (upper and lower case count as the same)", *place)
                seen.add(name.casefold())
        return self

    @model_validator(mode="after")
    def _parents_exist(self) -> Self:
        masters = [d.name for d in self.deliverables if d.kind == "printmaster"]
        for index, deliverable in enumerate(self.deliverables):
            if deliverable.kind != "stems" or deliverable.parent in masters:
                continue
            if deliverable.parent is not None:
                raise _fault(
                    f"{deliverable.parent!r} is no printmaster of this project ({', '.join(masters) or 'it has none'})",
                    *("deliverables", index, "parent"),
                )
            if not masters:
                raise _fault(
                    "printed stems carry a printmaster's gain, and this project has none", "deliverables", index
                )
        return self

    @model_validator(mode="after")
    def _stems_are_known(self) -> Self:
        known = {stem.id for stem in self.stems}
        named = [("pins", index, pin.stem) for index, pin in enumerate(self.pins)]
        named += [("cues", index, cue.stem) for index, cue in enumerate(self.cues)]
        for what, index, stem in named:
            if stem not in known:
                raise _fault(f"{stem!r} is no stem of this project", what, index, "stem")
        return self

    @model_validator(mode="after")
    def _something_is_heard(self) -> Self:
        if all(stem.mute for stem in self.stems):
            raise _fault("every stem is muted: there is nothing to mix", "stems")
        return self

    @property
    def heard(self) -> tuple[Stem, ...]:
        """The stems that are mixed, in the order of the file, which is the order they are added in."""
        return tuple(stem for stem in self.stems if not stem.mute)

    @property
    def layout(self) -> Layout:
        """Of the bus: the widest that a deliverable asks for."""
        return widest(d.layout for d in self.deliverables if d.kind == "printmaster")

    @property
    def defaults(self) -> Profile:
        return PROFILES[self.profile]

    def file_name(self, project_name: str, deliverable: Deliverable, stem: Stem | None = None) -> str:
        """Name of a written file: `<project>_<deliverable>.wav`, or `<project>_<deliverable>_<stem id>.wav`."""
        return "_".join((project_name, deliverable.name, *([stem.id] if stem else []))) + ".wav"

    def file_names(self, project_name: str) -> list[str]:
        """Names of all files that a render writes."""
        return [
            self.file_name(project_name, deliverable, stem)
            for deliverable in self.deliverables
            for stem in (self.heard if deliverable.kind == "stems" else (None,))
        ]

    def priority_of(self, stem: Stem) -> int:
        return self.defaults.priorities[stem.role] if stem.priority is None else stem.priority
