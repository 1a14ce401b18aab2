"""The request: what a person writes and keeps in git."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stemmix.bands import EDGE_HZ, HIGHEST_HZ, LOWEST_HZ
from stemmix.model.deliverables import (
    GROUPS,
    Deliverable,
    FoldDown,
    Mastered,
    MixMinus,
    PartDeliverable,
    PrintedStems,
    Printmaster,
)
from stemmix.model.document import Document, Identifier, RelativePath, broken_rule
from stemmix.model.encodings import CODINGS, Encoding, unfit
from stemmix.model.layouts import LAYOUTS, Layout, LayoutName, Order, layout_of_labels, widest
from stemmix.model.moves import Action
from stemmix.model.names import channel_names, file_name
from stemmix.model.presets import PRESETS, Overrides, Specification
from stemmix.model.profiles import PROFILES, Method, Profile, ProfileName, Role
from stemmix.units import samples_from_seconds, seconds_from_timecode

PROJECT_SCHEMA = "stemmix.project/1"

MAX_STEMS = 256
MAX_DELIVERABLES = 64

FrameRate = Literal["23.976", "24", "25", "29.97", "30", "50", "59.94", "60"]
"""Frames a second, by the names of `units.FRAME_RATES`."""

MIDNIGHT_S = 86_400 * 1.001
"""24 hours of timecode, at the slowest rates."""

UNTOLD_SCENE = "start"
"""What lies before the first of the scenes that are given."""

SOURCE_PATTERN = r"^[0-9a-f]{8,64}$"


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
            raise broken_rule(
                "a stem has a file, or files by channel" + (", not both" if self.file else "; this has none")
            )
        if self.files is None:
            return self
        if layout_of_labels(self.files) is None:
            known = "; ".join(" ".join(layout.labels) for layout in LAYOUTS.values())
            given = ", ".join(map(repr, self.files))
            raise broken_rule(f"{given} are not the channels of a layout; expected one of {known}", "files")
        for name, said in (("layout", self.layout is not None), ("order", self.order != "wave")):
            if said:
                raise broken_rule("is for one file of many channels; files say by name what they are", name)
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
            raise broken_rule(f"'to' ({self.end}) must lie after 'from' ({self.start})")
        return self


class Pin(Stretch):
    """What a person decides against, or ahead of, the engine: over a span, for one stem. Exactly one of `keep`,
    `forbid`, `max_cut_db`, `priority` and `action` is given."""

    stem: Identifier
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
    high_hz: Annotated[float, Field(ge=0, le=24_000)] | None = None
    """Bands, of those from 60 Hz to 16 kHz, that `max_cut_db` or `priority` is meant for; left out, all of them."""
    source: Annotated[str, Field(pattern=SOURCE_PATTERN)] | None = None
    """Beginning of the SHA-256 of the stem's file when the pin was set: with another file the pin is reported stale."""
    note: str | None = None

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
    note: str | None = None


class SceneCue(Document):
    """Where a scene begins; it ends where the next one does."""

    start: Seconds = Field(alias="from")
    id: Identifier
    note: str | None = None


class Project(Document):
    """A programme: its stems, its goals, what is to be delivered."""

    schema_: Literal["stemmix.project/1"] = Field(alias="schema")
    title: Annotated[str, Field(min_length=1, max_length=200)]
    profile: ProfileName = "film"
    """Kind of programme: gives priorities, goals, caps, times and the master."""
    method: Method = "multilevel"
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
    frame_rate: FrameRate | None = None
    """Frames a second of the picture; written files say it."""
    start: str | None = None
    """Timecode of the first sample, `HH:MM:SS:FF`: written files carry it as their time reference."""
    length: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Exact length of the picture, and so of every file: what lies beyond is left out, silence is added. Left out, the
    programme ends with the stem that ends last."""
    ffoa: Seconds | None = None
    """First frame of action: what lies before, leader and 2-pop, is left out of measurements."""
    lfoa: Seconds | None = None
    """Where the last frame of action ends; what lies after is left out of measurements."""
    deliverables: Annotated[tuple[Deliverable, ...], Field(min_length=1, max_length=MAX_DELIVERABLES)] = (
        Printmaster(name="printmaster"),
    )
    note: str | None = None

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for what, names in (
            ("stem id", [(stem.id, ("stems", index, "id")) for index, stem in enumerate(self.stems)]),
            (
                "deliverable name",
                [(d.name, ("deliverables", index, "name")) for index, d in enumerate(self.deliverables)],
            ),
        ):
            # names become file names, and some file systems do not tell A from a
            seen: set[str] = set()
            for name, place in names:
                if name.casefold() in seen:
                    raise broken_rule(
                        f"{what} {name!r} is given twice (upper and lower case count as the same)", *place
                    )
                seen.add(name.casefold())
        return self

    @model_validator(mode="after")
    def _files_can_be_written(self) -> Self:
        for index, wanted in enumerate(self.deliverables):
            layout = LAYOUTS[self.layout_of(wanted)]
            if wanted.split:
                layout = LAYOUTS["1.0"]
            if reason := unfit(wanted.format, self.sample_rate, layout):
                raise broken_rule(reason, "deliverables", index, "format")
            if wanted.order == "film" and not wanted.format.startswith("wav"):
                raise broken_rule("only WAVE files can stand in film order", "deliverables", index, "order")
            for label in self._labels(wanted):
                try:
                    self.file_name("project", wanted, label)
                except ValueError as fault:
                    raise broken_rule(str(fault), "deliverables", index, "file_name") from None
        if doubled := self.doubled_file("project"):
            raise broken_rule(doubled[1], "deliverables", doubled[0])
        return self

    def doubled_file(self, project_name: str) -> tuple[int, str] | None:
        """The number of a deliverable whose file would fall on another's, and the words for that."""
        seen: set[str] = set()
        for index, wanted in enumerate(self.deliverables):
            for label in self._labels(wanted):
                name = self.file_name(project_name, wanted, label)
                # what goes float changes its ending
                stem = name.rpartition(".")[0].casefold()
                if stem in seen:
                    return index, f"file name {name!r} is given twice (upper and lower case count as the same)"
                seen.add(stem)
        return None

    @model_validator(mode="after")
    def _parents_exist(self) -> Self:
        printmasters = [d.name for d in self.deliverables if isinstance(d, Printmaster)]
        masters = [d.name for d in self.masters]
        for index, wanted in enumerate(self.deliverables):
            if isinstance(wanted, Printmaster):
                continue
            allowed = printmasters if isinstance(wanted, FoldDown) else masters
            if not printmasters:
                raise broken_rule("it carries a printmaster's gain, and this project has none", "deliverables", index)
            if wanted.parent is not None and wanted.parent not in allowed:
                raise broken_rule(
                    f"{wanted.parent!r} is no printmaster of this project ({', '.join(allowed)})",
                    *("deliverables", index, "parent"),
                )
            if isinstance(wanted, FoldDown):
                parent = next(d for d in self.deliverables if d.name == (wanted.parent or printmasters[0]))
                of = LAYOUTS[self.layout_of(parent)]
                if LAYOUTS[wanted.layout].channels > of.channels:
                    raise broken_rule(
                        f"{wanted.layout} has more channels than {parent.name!r}, which is {of.name}",
                        *("deliverables", index, "layout"),
                    )
        return self

    @model_validator(mode="after")
    def _specifications_hold(self) -> Self:
        for index, wanted in enumerate(self.deliverables):
            if isinstance(wanted, Mastered):
                try:
                    self.specification(wanted)
                except ValueError as fault:
                    raise broken_rule(str(fault), "deliverables", index) from None
            if isinstance(wanted, MixMinus) and {stem.id for stem in self.heard} <= set(wanted.without):
                raise broken_rule("leaves out every stem that is heard", "deliverables", index, "without")
        return self

    @model_validator(mode="after")
    def _starts_at_a_frame(self) -> Self:
        if self.start is not None:
            if self.frame_rate is None:
                raise broken_rule("a timecode needs a frame_rate beside it", "start")
            try:
                seconds = seconds_from_timecode(self.start, self.frame_rate)
            except ValueError as fault:
                raise broken_rule(str(fault), "start") from None
            if seconds >= MIDNIGHT_S:
                raise broken_rule(f"{self.start!r} lies after 24 hours", "start")
        return self

    @property
    def time_reference(self) -> int:
        """The first sample's place, in samples since midnight."""
        if self.start is None or self.frame_rate is None:
            return 0
        return samples_from_seconds(seconds_from_timecode(self.start, self.frame_rate), self.sample_rate)

    @model_validator(mode="after")
    def _action_lies_inside(self) -> Self:
        first, last = self.ffoa or 0.0, self.lfoa if self.lfoa is not None else self.length
        if last is not None and first >= last:
            raise broken_rule(f"the action must begin before it ends: {first:g} is not before {last:g}", "ffoa")
        if self.length is not None and self.lfoa is not None and self.lfoa > self.length:
            raise broken_rule(f"lies after the picture's end, {self.length:g}", "lfoa")
        return self

    @model_validator(mode="after")
    def _stems_are_known(self) -> Self:
        known = {stem.id for stem in self.stems}
        named = [("pins", index, pin.stem) for index, pin in enumerate(self.pins)]
        named += [("cues", index, cue.stem) for index, cue in enumerate(self.cues)]
        named += [
            ("deliverables", index, stem)
            for index, wanted in enumerate(self.deliverables)
            if isinstance(wanted, MixMinus)
            for stem in wanted.without
        ]
        for what, index, stem in named:
            if stem not in known:
                field = "without" if what == "deliverables" else "stem"
                raise broken_rule(f"{stem!r} is no stem of this project", what, index, field)
        return self

    @model_validator(mode="after")
    def _scenes_are_told_apart(self) -> Self:
        ids: set[str] = set()
        starts: set[int] = set()
        for index, scene in enumerate(self.scenes):
            start = samples_from_seconds(scene.start, self.sample_rate)
            if scene.id in ids:
                raise broken_rule(f"scene id {scene.id!r} is given twice", "scenes", index, "id")
            if start in starts:
                raise broken_rule(f"another scene begins at {scene.start:g} s too", "scenes", index, "from")
            ids.add(scene.id)
            starts.add(start)
        if UNTOLD_SCENE in ids and 0 not in starts:
            index = [scene.id for scene in self.scenes].index(UNTOLD_SCENE)
            raise broken_rule(
                f"{UNTOLD_SCENE!r} is what lies before the first scene; expected another id, or a scene from 0",
                *("scenes", index, "id"),
            )
        return self

    @model_validator(mode="after")
    def _something_is_heard(self) -> Self:
        if all(stem.mute for stem in self.stems):
            raise broken_rule("every stem is muted: there is nothing to mix", "stems")
        return self

    @property
    def heard(self) -> tuple[Stem, ...]:
        """The stems that are mixed, in the order of the file, which is the order they are added in."""
        return tuple(stem for stem in self.stems if not stem.mute)

    @property
    def layout(self) -> Layout:
        """Of the bus: the widest that a deliverable asks for."""
        return widest(master.layout for master in self.masters)

    @property
    def defaults(self) -> Profile:
        return PROFILES[self.profile]

    @property
    def masters(self) -> tuple[Printmaster | FoldDown, ...]:
        """The deliverables that have a specification: printmasters first, so that parents stand before their own."""
        made = [d for d in self.deliverables if isinstance(d, Printmaster)]
        return (*made, *(d for d in self.deliverables if isinstance(d, FoldDown)))

    @property
    def parts(self) -> tuple[PartDeliverable, ...]:
        """The deliverables that are sums of stems at a master's gain."""
        return tuple(d for d in self.deliverables if not isinstance(d, Mastered))

    def layout_of(self, wanted: Deliverable) -> str:
        """A deliverable's own layout, or its parent's."""
        if isinstance(wanted, Mastered):
            return wanted.layout
        parents = {master.name: master.layout for master in self.masters}
        return parents.get(wanted.parent or "", next(iter(parents.values()), "2.0"))

    def specification(self, wanted: Mastered) -> Specification:
        """What a master is brought to and judged by: its own preset, else its parent's, else the profile's; and its own
        numbers over that. ValueError, one sentence, where they do not go together."""
        if wanted.preset is not None:
            base = PRESETS[wanted.preset].specification
        elif isinstance(wanted, FoldDown):
            printmasters = [d for d in self.deliverables if isinstance(d, Printmaster)]
            base = next((self.specification(d) for d in printmasters if wanted.parent in (None, d.name)), self._plain)
            # the parent's file is to be of some layouts: its fold-down is not that file
            base = base.model_copy(update={"container": None})
        else:
            base = self._plain
        return base.with_overrides(Overrides(**{name: getattr(wanted, name) for name in Overrides.model_fields}))

    @property
    def _plain(self) -> Specification:
        defaults = self.defaults
        return Specification.plain(f"profile {self.profile}", defaults.target_lufs, defaults.ceiling_dbtp)

    def max_limiting_db(self, wanted: Mastered) -> float:
        """Most that a limiter may take of a master before it fails."""
        return self.defaults.max_limiting_db if wanted.max_limiting_db is None else wanted.max_limiting_db

    def file_name(
        self, project_name: str, wanted: Deliverable, label: str | None = None, encoding: Encoding | None = None
    ) -> str:
        """Name of a written file, by the deliverable's template; `label`: a stem's id or a group.

        ValueError, one sentence, for a template that gives no name which every system takes.
        """
        encoding = encoding or wanted.format
        template = wanted.file_name
        if template is None:
            template = "{project}_{deliverable}" + ("_{stem}" if label else "")
        elif label and "{stem}" not in template:
            raise ValueError(f"file name {template!r}: holds no {{stem}}, and there are several files")
        values = {
            "project": project_name,
            "title": self.title,
            "deliverable": wanted.name,
            "stem": label,
            "layout": self.layout_of(wanted),
            "rate": str(self.sample_rate),
            "bits": str(CODINGS[encoding].bits or ("32" if encoding == "wavfloat" else "")),
        }
        return file_name(template, values, CODINGS[encoding].extension)

    def file_names(self, project_name: str) -> list[str]:
        """Names of all files that a render writes, if nothing goes float."""
        return [
            name
            for wanted in self.deliverables
            for label in self._labels(wanted)
            for name in self._names(wanted, self.file_name(project_name, wanted, label))
        ]

    def _names(self, wanted: Deliverable, name: str) -> list[str]:
        """The files of a deliverable's name: one, or one for each channel."""
        return channel_names(name, LAYOUTS[self.layout_of(wanted)].labels) if wanted.split else [name]

    def _labels(self, wanted: Deliverable) -> list[str | None]:
        """What tells the files of a deliverable apart."""
        if not isinstance(wanted, PrintedStems):
            return [None]
        if wanted.by == "stem":
            return [stem.id for stem in self.heard]
        return list[str | None](sorted({GROUPS[stem.role] for stem in self.heard}))

    def priority_of(self, stem: Stem) -> int:
        return self.defaults.priorities[stem.role] if stem.priority is None else stem.priority
