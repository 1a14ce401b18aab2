"""Stems as a person writes them: files or clips on a timeline, faders, groups."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stemmix.model.document import Document, Identifier, RelativePath, broken_rule
from stemmix.model.layouts import LAYOUTS, LayoutName, Order, layout_of_labels
from stemmix.model.profiles import Role
from stemmix.model.timecode import Clock, Place, Time, broken_time

MAX_CLIPS = 10_000
MAX_BREAKPOINTS = 10_000

FadeShape = Literal["linear", "equal_power", "s_curve", "exponential"]

Pull = Literal["1001/1000", "1000/1001", "25/24", "24/25", "1001/960", "960/1001"]

AudioPath = Annotated[
    RelativePath | None,
    Field(description="Audio file, relative to the project file or, as in `sfx:doors/slam.wav`, to a named root."),
]
ByChannel = Annotated[
    Annotated[dict[str, RelativePath], Field(min_length=1, max_length=16)] | None,
    Field(
        description="Instead of `file`: discrete mono files by the channel that each is for (`L`, `R`, `C`, `LFE`, "
        "`Ls` ...), equally long and of one rate; together they are the channels of a layout."
    ),
]
LayoutOfFile = Annotated[
    LayoutName | None,
    Field(description="What the channels of `file` are, where it does not say or says it wrongly."),
]
OrderInFile = Annotated[
    Order,
    Field(description="How they follow each other in `file`: `wave` (L R C LFE Ls Rs) or `film` (L C R Ls Rs LFE)."),
]
PullOfFile = Annotated[
    Pull | None,
    Field(
        description="How much faster than recorded the file is played, pitch going with it: 1001/1000 from 23.976 to "
        "24 frames a second, 25/24 from 24 to 25, 1001/960 from 23.976 to 25, and the ways back."
    ),
]
FaderDb = Annotated[float, Field(ge=-120, le=40)]
Pan = Annotated[float, Field(ge=-1, le=1)]


class Fade(Document):
    """How a clip comes in or goes out."""

    length: Time
    """How long it takes: seconds, frames as a timecode from 00:00:00:00, or samples of the programme."""
    shape: FadeShape = "equal_power"
    """Of the gain: a straight line, a quarter sine, half a cosine, or straight in dB from -60."""


class Clip(Document):
    """A piece of a file on the timeline."""

    id: Identifier | None = None
    """By which people and differences call it; unique in its stem."""
    file: AudioPath = None
    files: ByChannel = None
    layout: LayoutOfFile = None
    order: OrderInFile = "wave"
    pull: PullOfFile = None
    start: Time = Field(default=0.0, alias="in")
    """Where in the file the clip begins: seconds, samples of the file, or a timecode on which the file says by its time
    reference where it begins."""
    end: Time | None = Field(default=None, alias="out")
    """Where in the file it ends, the first sample that is not heard; left out, with the file."""
    at: Time | None = None
    """Where on the programme it begins; left out, where the file's time reference says, and without one at the
    programme's beginning."""
    gain_db: FaderDb = 0.0
    """In dB, beside the stem's."""
    fade_in: Fade | None = None
    """How it comes in; instead of a crossfade too, where clips overlap."""
    fade_out: Fade | None = None
    """How it goes out; instead of a crossfade too, where clips overlap."""
    mute: bool = False
    """A muted clip is not heard."""
    note: str | None = None
    """For people."""

    @model_validator(mode="after")
    def _has_its_channels(self) -> Self:
        _refuse_channels(self, "a clip")
        return self

    @property
    def paths(self) -> dict[str | None, str]:
        """Its file, under None; or its files by channel, in the order of their layout."""
        return _paths(self)


class Breakpoint(Document):
    """A value at a time; between two of them it goes straight from one to the next."""

    at: Time
    """On the programme."""
    value: float


class GainPoint(Breakpoint):
    value: FaderDb
    """In dB."""


class PanPoint(Breakpoint):
    value: Pan
    """-1 left to 1 right."""


class Automation(Document):
    """Faders that move; before the first breakpoint they stand as at it, after the last too."""

    gain_db: Annotated[tuple[GainPoint, ...], Field(max_length=MAX_BREAKPOINTS)] = ()
    """Beside the stem's own gain, straight in dB from point to point."""
    pan: Annotated[tuple[PanPoint, ...], Field(max_length=MAX_BREAKPOINTS)] = ()
    """Instead of the stem's own pan, of a mono stem."""


class Group(Document):
    """A bus of stems, with one fader for them all."""

    id: Identifier
    """By which stems name it; unique in the project."""
    gain_db: FaderDb = 0.0
    """In dB, beside each stem's own."""
    mute: bool = False
    """None of its stems is heard."""
    solo: bool = False
    """Where a stem or group is soloed, only what is soloed is heard."""
    align: bool = False
    """Whether its stems, recorded together, are brought to one time and polarity where they lie apart: the first is
    what the others are moved to."""
    note: str | None = None
    """For people."""


class Stem(Document):
    """One stem: a file or clips, where it stands and how loud."""

    id: Identifier
    """Unique in the project; part of the printed stem's file name."""
    role: Role
    """What it is for: decides who gives way to whom."""
    group: Identifier | None = None
    """The group whose fader it follows."""
    file: AudioPath = None
    files: ByChannel = None
    layout: LayoutOfFile = None
    order: OrderInFile = "wave"
    pull: PullOfFile = None
    at: Time | None = None
    """Where the file begins on the programme, taken to the nearest sample; left out, where the file's time reference
    says, and without one at the programme's beginning."""
    clips: Annotated[tuple[Clip, ...], Field(min_length=1, max_length=MAX_CLIPS)] | None = None
    """Instead of a file: pieces of files, in any order; two that overlap are crossfaded."""
    crossfade: FadeShape = "equal_power"
    """How overlapping clips go over into each other: `equal_power` for sounds that differ, `linear` or `s_curve` for
    two pieces of one sound."""
    pan: Pan = 0.0
    """Where a mono stem stands, -1 left to 1 right, at constant power between neighbouring front speakers; 0 is the
    centre: C where the bus has one, else L and R at -3 dB each."""
    gain_db: FaderDb = 0.0
    """Fader, in dB; every decision hears the stem after it."""
    automation: Automation = Automation()
    """Of the fader and the pan."""
    mute: bool = False
    """A muted stem is neither heard nor printed."""
    solo: bool = False
    """Where a stem or group is soloed, only what is soloed is heard."""
    priority: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Overrides the role's priority: a stem is only ever cut for one of higher priority."""
    note: str | None = None
    """For people."""

    @model_validator(mode="after")
    def _has_its_channels(self) -> Self:
        if self.clips is None:
            _refuse_channels(self, "a stem")
            return self
        if self.file is not None or self.files is not None:
            raise broken_rule("a stem has exactly one of a file, files by channel, or clips")
        for name, said in (
            ("at", self.at is not None),
            ("layout", self.layout is not None),
            ("order", self.order != "wave"),
            ("pull", self.pull is not None),
        ):
            if said:
                raise broken_rule("is for a stem of one file; in a stem of clips, each clip has its own", name)
        ids: set[str] = set()
        for index, clip in enumerate(self.clips):
            if clip.id is not None and clip.id in ids:
                raise broken_rule(f"clip id {clip.id!r} is given twice", "clips", index, "id")
            ids |= {clip.id} if clip.id is not None else set()
        if all(clip.mute for clip in self.clips):
            raise broken_rule("every clip is muted: there is nothing to hear", "clips")
        return self

    @property
    def timeline(self) -> tuple[Clip, ...]:
        """Its clips that are heard, as they are written; of a stem in one file, the whole of it."""
        if self.clips is not None:
            return tuple(clip for clip in self.clips if not clip.mute)
        return (
            Clip(file=self.file, files=self.files, layout=self.layout, order=self.order, pull=self.pull, at=self.at),
        )

    @property
    def channels_said(self) -> tuple[LayoutName | None, Order]:
        """What is said of the channels of its file: beside it, or in the one clip that is made of it. Of several clips
        none is the stem's."""
        clips = self.timeline
        return (clips[0].layout, clips[0].order) if len(clips) == 1 else (self.layout, self.order)

    @property
    def paths(self) -> list[tuple[str | None, str]]:
        """Every file that it is read from, once, with the channel that a discrete one is for."""
        return list(dict.fromkeys(pair for clip in self.timeline for pair in clip.paths.items()))

    @property
    def named(self) -> str:
        """Its file or files, for people: the first, and how many more."""
        names = list(dict.fromkeys(path for _, path in self.paths))
        if self.clips is None or len(names) < 3:
            return ", ".join(names)
        return f"{names[0]} and {len(names) - 1} more"

    def broken_time(self, clock: Clock) -> tuple[str, Place] | None:
        """What is wrong with a time of it, and where."""
        places: list[tuple[Time | None, Place]] = [(self.at, ("at",))]
        lengths: list[tuple[Time | None, Place]] = []
        for index, clip in enumerate(self.clips or ()):
            spot = ("clips", index)
            places.append((clip.at, (*spot, "at")))
            lengths += [(clip.start, (*spot, "in")), (clip.end, (*spot, "out"))]
            fades = (("fade_in", clip.fade_in), ("fade_out", clip.fade_out))
            lengths += [(fade.length, (*spot, name, "length")) for name, fade in fades if fade is not None]
        curves = (("gain_db", self.automation.gain_db), ("pan", self.automation.pan))
        for name, points in curves:
            places += [(point.at, ("automation", name, index, "at")) for index, point in enumerate(points)]
        if fault := broken_time(clock, lengths, places):
            return fault
        for name, points in curves:
            samples = [clock.position(point.at) for point in points]
            for index, (one, after) in enumerate(pairwise(samples), 1):
                if after <= one:
                    return "must lie after the breakpoint before it", ("automation", name, index, "at")
        return None


def _refuse_channels(one: Clip | Stem, what: str) -> None:
    """A rule is broken where a file and files by channel do not go together with what is said of them."""
    if (one.file is None) == (one.files is None):
        others = ", or clips" if isinstance(one, Stem) else ""
        raise broken_rule(
            f"{what} has a file, or files by channel{others}" + (", not both" if one.file else "; this has none")
        )
    if one.files is None:
        return
    if layout_of_labels(one.files) is None:
        known = "; ".join(" ".join(layout.labels) for layout in LAYOUTS.values())
        given = ", ".join(map(repr, one.files))
        raise broken_rule(f"{given} are not the channels of a layout; expected one of {known}", "files")
    for name, said in (("layout", one.layout is not None), ("order", one.order != "wave")):
        if said:
            raise broken_rule("is for one file of many channels; separate files are named by their channels", name)


def _paths(one: Clip | Stem) -> dict[str | None, str]:
    if one.files is None:
        return {None: one.file or ""}
    layout = layout_of_labels(one.files)
    return {label: one.files[label] for label in (layout.labels if layout else ())}
