"""The request: what a person writes and keeps in git."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

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
from stemmix.model.document import Document, RelativePath, Title, broken_rule, unknown
from stemmix.model.encodings import CODINGS, Encoding, unfit
from stemmix.model.layouts import LAYOUTS, Layout, widest
from stemmix.model.names import channel_names, file_name
from stemmix.model.presets import PRESETS, Overrides, Specification
from stemmix.model.profiles import PROFILES, Method, Profile, ProfileName, Role
from stemmix.model.requests import Cue, Goals, Pin, SceneCue, Stretch
from stemmix.model.stems import Group, Stem
from stemmix.model.timecode import Clock, FrameRate, Place, Time, as_typed, broken_time

PROJECT_SCHEMA = "stemmix.project/2"

MAX_STEMS = 256
MAX_DELIVERABLES = 64
MAX_GROUPS = 64

ReportPage = Literal["page", "page_with_audio"]

UNTOLD_SCENE = "start"
"""What lies before the first of the scenes that are given."""


class ProjectFile(Document):
    """What a project file may hold: a programme, or, where it `extends` a house's template or is one, a part of it."""

    schema_url: Annotated[str, Field(max_length=1000)] | None = Field(default=None, alias="$schema")
    """For editors that complete and explain: where the JSON Schema of this file stands."""
    schema_: Literal["stemmix.project/2"] = Field(alias="schema")
    """What this document is, and in which version."""
    extends: RelativePath | None = None
    """A project file whose fields hold where this one gives none: a house's priorities, deliverables, naming. Objects
    are joined field by field, lists of things with a name or id item by item; an item that is in both is this one's."""
    title: Title | None = None
    """Of the programme."""
    profile: ProfileName = "film"
    """Kind of programme: gives priorities, goals, caps, times and the master."""
    method: Method = "multilevel"
    """`frequency` is the static seven-band equaliser that this replaces, for comparison."""
    sample_rate: Annotated[int, Field(ge=32_000, le=192_000)] = 48_000
    """Of the programme, in Hz; stems of any other rate are brought to it."""
    frame_rate: FrameRate | None = None
    """Frames a second of the picture: times may be timecode, and written files say it. `29.97df` and `59.94df` count
    drop-frame."""
    start: Time | None = None
    """Time of the first sample: a timecode, or time since midnight in seconds. Timecode in this file counts from it,
    and written files carry it as their time reference."""
    length: Time | None = None
    """Exact length of the picture, and so of every file: what lies beyond is left out, silence is added. Left out, the
    programme ends with the stem that ends last."""
    ffoa: Time | None = None
    """First frame of action: what lies before, leader and 2-pop, is left out of measurements."""
    lfoa: Time | None = None
    """Where the last frame of action ends; what lies after, as a pull-up into the next reel, is left out of
    measurements."""
    priorities: Annotated[dict[Role, Annotated[int, Field(ge=0, le=1000)]], Field(max_length=len(Role))] = Field(
        default_factory=dict
    )
    """Priorities by role, 0 to 1000, over the profile's: a stem is only ever cut for one of higher priority."""
    groups: Annotated[tuple[Group, ...], Field(max_length=MAX_GROUPS)] = ()
    """Buses of stems."""
    stems: Annotated[tuple[Stem, ...], Field(max_length=MAX_STEMS)] = ()
    """What is mixed."""
    goals: Goals = Goals()
    """What the mix is to reach."""
    balance: bool = False
    """Whether faders are moved where a bed stands too loud all along; else that is advice in the report."""
    pins: Annotated[tuple[Pin, ...], Field(max_length=10_000)] = ()
    """What a person decides."""
    cues: Annotated[tuple[Cue, ...], Field(max_length=100_000)] = ()
    """Lines that are given."""
    scenes: Annotated[tuple[SceneCue, ...], Field(max_length=10_000)] = ()
    """Scenes that are given; else they are found at long pauses of the dialogue."""
    file_name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Template of the names of written files, where a deliverable gives none of its own; `_{stem}` is added for printed
    stems where it holds none. Left out, `{project}_{deliverable}`."""
    deliverables: Annotated[tuple[Deliverable, ...], Field(min_length=1, max_length=MAX_DELIVERABLES)] = (
        Printmaster(name="printmaster"),
    )
    """What is written."""
    report: ReportPage | None = None
    """What stands beside every render: `page`, what was decided and why, to look at; `page_with_audio`, the same with
    the worst places to listen to, before and after."""
    note: str | None = None
    """For people."""


class Project(ProjectFile):
    """A programme: its stems, its goals, what is to be delivered."""

    title: Title
    """Of the programme."""
    stems: Annotated[tuple[Stem, ...], Field(min_length=1, max_length=MAX_STEMS)]
    """What is mixed."""

    @model_validator(mode="after")
    def _times_hold(self) -> Self:
        clock = self.clock
        stretches: list[tuple[str, int, Stretch]] = [("pins", index, pin) for index, pin in enumerate(self.pins)]
        stretches += [("cues", index, cue) for index, cue in enumerate(self.cues)]
        lengths: list[tuple[Time | None, Place]] = [(self.start, ("start",)), (self.length, ("length",))]
        places: list[tuple[Time | None, Place]] = [(self.ffoa, ("ffoa",)), (self.lfoa, ("lfoa",))]
        places += [(scene.start, ("scenes", index, "from")) for index, scene in enumerate(self.scenes)]
        for name, index, stretch in stretches:
            places += [(stretch.start, (name, index, "from")), (stretch.end, (name, index, "to"))]
        if fault := broken_time(clock, lengths, places):
            raise broken_rule(fault[0], *fault[1])
        for index, stem in enumerate(self.stems):
            if fault := stem.broken_time(clock):
                raise broken_rule(fault[0], "stems", index, *fault[1])
        for name, index, stretch in stretches:
            if clock.position(stretch.end) <= clock.position(stretch.start):
                message = f"'to' ({as_typed(stretch.end)}) must lie after 'from' ({as_typed(stretch.start)})"
                raise broken_rule(message, name, index, "to")
        if self.length is not None and not clock.length(self.length):
            raise broken_rule("the picture is shorter than one sample", "length")
        return self

    @property
    def clock(self) -> Clock:
        """What makes samples of its times."""
        return Clock(self.sample_rate, self.frame_rate, self.start)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for what, names in (
            ("stem id", [(stem.id, ("stems", index, "id")) for index, stem in enumerate(self.stems)]),
            ("group id", [(group.id, ("groups", index, "id")) for index, group in enumerate(self.groups)]),
            (
                "pin id",
                [(pin.id, ("pins", index, "id")) for index, pin in enumerate(self.pins) if pin.id is not None],
            ),
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
                    self.name_of_file("project", wanted, label)
                except ValueError as fault:
                    place = ("file_name",) if wanted.file_name is None else ("deliverables", index, "file_name")
                    raise broken_rule(str(fault), *place) from None
        if doubled := self.doubled_file("project", going_float=False):
            raise broken_rule(doubled[1], "deliverables", doubled[0])
        return self

    def doubled_file(self, project_name: str, *, going_float: bool) -> tuple[int, str] | None:
        """The number of a deliverable whose file would fall on another's, and the words for that.

        A part may go float: it then changes its ending, and the bits in its name. Where none did, a receipt's project
        is sound all the same: only who is to render asks for `going_float`.
        """
        seen: dict[str, bool] = {}  # names without their endings, and whether only what goes float has them
        for index, wanted in enumerate(self.deliverables):
            may_float = going_float and not isinstance(wanted, Mastered)
            others: tuple[Encoding, ...] = ("wavfloat",) if may_float else ()
            for label in self._labels(wanted):
                own: dict[str, bool] = {}
                for encoding in (wanted.format, *others):
                    name = self.name_of_file(project_name, wanted, label, encoding)
                    stem = name.rpartition(".")[0].casefold()
                    goes_float = encoding != wanted.format
                    if stem in seen:
                        why = " where sums of stems that pass full scale go float" if goes_float or seen[stem] else ""
                        return index, f"file name {name!r} is given twice{why} (upper and lower case count as the same)"
                    own.setdefault(stem, goes_float)
                seen |= own
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
                raise broken_rule(
                    "it takes its gain from a printmaster, and this project has none", "deliverables", index
                )
            if wanted.parent is not None and wanted.parent not in allowed:
                raise broken_rule(
                    unknown(wanted.parent, "printmaster of this project", allowed),
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

    @property
    def time_reference(self) -> int:
        """The first sample's place, in samples since midnight."""
        return self.clock.start_samples

    @property
    def action(self) -> tuple[int, int | None]:
        """Where the action begins and ends, in samples; None for the end of the programme."""
        clock = self.clock
        ends = [clock.position(self.lfoa)] if self.lfoa is not None else []
        ends += [clock.length(self.length)] if self.length is not None else []
        return 0 if self.ffoa is None else clock.position(self.ffoa), min(ends, default=None)

    @model_validator(mode="after")
    def _action_lies_inside(self) -> Self:
        first, last = self.action
        if last is not None and first >= last:
            ends = as_typed(self.lfoa if self.lfoa is not None else self.length or 0.0)
            begins = as_typed(self.ffoa or 0.0)
            raise broken_rule(f"the action must begin before it ends: {begins} is not before {ends}", "ffoa")
        clock = self.clock
        if self.length and self.lfoa and clock.position(self.lfoa) > clock.length(self.length):
            raise broken_rule(f"lies after the picture's end, {as_typed(self.length)}", "lfoa")
        return self

    @model_validator(mode="after")
    def _stems_are_known(self) -> Self:
        groups = [group.id for group in self.groups]
        for number, one in enumerate(self.stems):
            if one.group is not None and one.group not in groups:
                raise broken_rule(unknown(one.group, "group of this project", groups), "stems", number, "group")
        known = [stem.id for stem in self.stems]
        named: list[tuple[str, Place]] = [(pin.stem, ("pins", index, "stem")) for index, pin in enumerate(self.pins)]
        named += [(cue.stem, ("cues", index, "stem")) for index, cue in enumerate(self.cues)]
        named += [
            (stem, ("deliverables", index, "without", number))
            for index, wanted in enumerate(self.deliverables)
            if isinstance(wanted, MixMinus)
            for number, stem in enumerate(wanted.without)
        ]
        for stem, place in named:
            if stem not in known:
                raise broken_rule(unknown(stem, "stem of this project", known), *place)
        return self

    @model_validator(mode="after")
    def _scenes_are_told_apart(self) -> Self:
        ids: set[str] = set()
        starts: set[int] = set()
        clock = self.clock
        for index, scene in enumerate(self.scenes):
            start = clock.position(scene.start)
            if scene.id in ids:
                raise broken_rule(f"scene id {scene.id!r} is given twice", "scenes", index, "id")
            if start in starts:
                raise broken_rule(f"another scene begins at {as_typed(scene.start)} too", "scenes", index, "from")
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
        if self.heard:
            return self
        soloed: list[Place] = [("groups", index, "solo") for index, one in enumerate(self.groups) if one.solo]
        soloed += [("stems", index, "solo") for index, one in enumerate(self.stems) if one.solo]
        if soloed:
            raise broken_rule("nothing that is soloed is heard: there is nothing to mix", *soloed[0])
        raise broken_rule("every stem is muted: there is nothing to mix", "stems")

    @property
    def heard(self) -> tuple[Stem, ...]:
        """The stems that are mixed, in the order of the file, which is the order they are added in."""
        muted = {group.id for group in self.groups if group.mute}
        soloed = {group.id for group in self.groups if group.solo}
        alone = bool(soloed) or any(stem.solo for stem in self.stems)
        return tuple(
            stem
            for stem in self.stems
            if not (stem.mute or stem.group in muted) and (not alone or stem.solo or stem.group in soloed)
        )

    def why_unheard(self, stem_id: str) -> str | None:
        """What keeps a stem of the project from being heard, `is muted`; None where it is heard."""
        if any(stem.id == stem_id for stem in self.heard):
            return None
        muted = {group.id for group in self.groups if group.mute}
        stem = next(stem for stem in self.stems if stem.id == stem_id)
        return "is muted" if stem.mute or stem.group in muted else "is not soloed, and others are"

    @property
    def in_line(self) -> frozenset[str]:
        """The ids of stems that are to be brought into line, each with the first one of its group that is heard."""
        asking = [[stem.id for stem in self.heard if stem.group == group.id] for group in self.groups if group.align]
        return frozenset(stem for members in asking for stem in members[1:])

    def fader_db(self, stem: Stem) -> float:
        """A stem's fader and its group's, in dB."""
        return stem.gain_db + sum(group.gain_db for group in self.groups if group.id == stem.group)

    def frames_of(self, programme: int) -> int:
        """Length of the programme, in samples: the picture's, else `programme`, to the end of the last stem."""
        return programme if self.length is None else self.clock.length(self.length)

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

    def name_of_file(
        self, project_name: str, wanted: Deliverable, label: str | None = None, encoding: Encoding | None = None
    ) -> str:
        """Name of a written file, by the deliverable's template; `label`: a stem's id or a group.

        ValueError, one sentence, for a template that gives no name which every system takes.
        """
        encoding = encoding or wanted.format
        template = wanted.file_name
        if template is None:
            template = self.file_name or "{project}_{deliverable}"
            if label and "{stem}" not in template:
                template += "_{stem}"
        elif label and "{stem}" not in template:
            raise ValueError(f"file name {template!r}: contains no {{stem}}, but there are several files")
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
            for name in self._names(wanted, self.name_of_file(project_name, wanted, label))
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
        if stem.priority is not None:
            return stem.priority
        return self.priorities.get(stem.role, self.defaults.priorities[stem.role])
