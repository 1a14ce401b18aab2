"""What two projects ask for otherwise, one thing at a time.

Only what means something else is a difference: a time is compared by where it lies, a value that is left out by what
holds instead, faders that move by where they stand. What has an id goes by it; clips and pins without one by what they
are made of.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Final, TypeVar

from stemmix.model.deliverables import FoldDown, Mastered, Printmaster
from stemmix.model.difference import Change
from stemmix.model.document import Document
from stemmix.model.presets import OVERRIDDEN, Overrides
from stemmix.model.profiles import Role
from stemmix.model.project import Project
from stemmix.model.requests import Cue, Pin
from stemmix.model.stems import Breakpoint, Clip, Fade, Stem
from stemmix.model.timecode import FRAME_RATES, as_typed, has_frames
from stemmix.model.words import (
    added,
    asked,
    asked_in_words,
    changed,
    clip_in_words,
    clip_name,
    counts_samples,
    deliverable_in_words,
    files,
    group_in_words,
    pin_in_words,
    pin_name,
    removed,
    stem_in_words,
    told,
)
from stemmix.units import in_digits

Thing = TypeVar("Thing")


def project_changes(before: Project, after: Project) -> tuple[Change, ...]:
    """Everything that `after` asks for otherwise than `before`, in the order of the project file."""
    return tuple(_Both(before, after).changes())


@dataclass(frozen=True)
class _Both:
    before: Project
    after: Project

    def changes(self) -> Iterator[Change]:
        yield from self._programme()
        yield from self._groups()
        yield from self._stems()
        yield from self._goals()
        yield from self._pins()
        yield from self._cues()
        yield from self._scenes()
        yield from self._deliverables()

    # ------------------------------------------------------------------------------------------------- one field

    def _fields(self, what: str, old: Document, new: Document, names: Iterable[str]) -> Iterator[Change]:
        """Fields whose values are as they stand."""
        for name in names:
            yield from changed(what, name, getattr(old, name, None), getattr(new, name, None))

    def _time(
        self, what: str, field: str, old: str | float | None, new: str | float | None, left_out: str, *, place: bool
    ) -> Iterator[Change]:
        """A place on the programme, or a length; `left_out` is what holds where it is not given."""
        if self._same_time(old, new, place=place):
            return
        words = [left_out if time is None else as_typed(time) for time in (old, new)]
        note = self._later(old, new, place=place) if old is not None and new is not None else None
        yield Change(what=what, field=field, before=words[0], after=words[1], note=note)

    def _same_time(self, old: str | float | None, new: str | float | None, *, place: bool) -> bool:
        if old is None or new is None:
            return old is new
        if old == new and not counts_samples(old):
            return True  # also where the programme itself begins elsewhere: that is told once
        apart = abs(self._seconds(new, self.after, place=place) - self._seconds(old, self.before, place=place))
        rates = (self.before.sample_rate, self.after.sample_rate)
        return not apart if rates[0] == rates[1] else apart * min(rates) < 1

    def _seconds(self, time: str | float, project: Project, *, place: bool) -> Fraction:
        """Where a time lies. A timecode is a frame of the picture: both sides' are counted as `after` counts, where it
        has such a code, so that a start or a frame rate that differs is told once; or each as its own side counts,
        where the codes went along with the start."""
        counted = self._counted(time, project, place=place) if self._stays_on_picture else None
        return self._in_programme(time, project, place=place) if counted is None else counted

    def _counted(self, time: str | float, project: Project, *, place: bool) -> Fraction | None:
        """Where a timecode lies as `after` counts; None for any other time, and where it has no such code."""
        now = self.after.clock
        try:
            if isinstance(time, str) and has_frames(time):
                return Fraction(now.since_start(now.length(time)) if place else now.length(time), now.rate_hz)
        except ValueError:
            pass
        return None

    def _in_programme(self, time: str | float, project: Project, *, place: bool) -> Fraction:
        clock = project.clock
        return Fraction(clock.position(time) if place else clock.length(time), clock.rate_hz)

    @cached_property
    def _stays_on_picture(self) -> bool:
        """Whether as many places have kept their timecode as their distance from the start, or more."""

        def kept(where: Callable[..., Fraction | None]) -> int:
            old, new = (
                Counter(where(code, side, place=True) for code in _codes_of(side)) for side in (self.before, self.after)
            )
            return (old & new).total()

        return kept(self._counted) >= kept(self._in_programme)

    def _later(self, old: str | float, new: str | float, *, place: bool) -> str:
        """How much later, or longer: in frames where that is so many, and in samples."""
        by = self._seconds(new, self.after, place=place) - self._seconds(old, self.before, place=place)
        more, less = ("later", "earlier") if place else ("longer", "shorter")
        samples = round(abs(by) * self.after.sample_rate)
        told = f"{float(abs(by)):.3f} s"
        if self.after.frame_rate is not None:
            frames = abs(by) * FRAME_RATES[self.after.frame_rate]
            if abs(frames - round(frames)) * self.after.sample_rate < FRAME_RATES[self.after.frame_rate]:
                told = f"{round(frames)} frame{'' if round(frames) == 1 else 's'}"
        return f"{told} {more if by > 0 else less}, {samples} samples"

    # --------------------------------------------------------------------------------------------- the programme

    def _programme(self) -> Iterator[Change]:
        old, new, what = self.before, self.after, "project"
        yield from self._fields(what, old, new, ("title", "profile", "method", "sample_rate", "frame_rate"))
        starts = [Fraction(one.clock.start_samples, one.sample_rate) for one in (old, new)]
        is_written = old.start != new.start or (old.start is not None and counts_samples(old.start))
        if is_written and (starts[0] != starts[1] or None in (old.start, new.start)):
            yield Change(what=what, field="start", before=_start(old), after=_start(new))
        yield from self._time(what, "length", old.length, new.length, "to the end of the stems", place=False)
        yield from self._time(what, "ffoa", old.ffoa, new.ffoa, "the beginning", place=True)
        yield from self._time(what, "lfoa", old.lfoa, new.lfoa, "the end", place=True)
        for role in Role:
            sides = (_Given(one.priorities.get(role), one.defaults.priorities[role]) for one in (old, new))
            yield from self._by_profile("priorities", role.value, *sides)
        yield from self._fields(what, old, new, ("balance", "file_name", "report", "note"))

    def _by_profile(self, what: str, field: str, old: _Given, new: _Given) -> Iterator[Change]:
        """A difference where both what is written and what holds differ. That another profile has other values is told
        with the profile."""
        if old.written != new.written and old.holds != new.holds:
            yield Change(what=what, field=field, before=old.told(field), after=new.told(field))

    def _goals(self) -> Iterator[Change]:
        for name in ("clarity", "eq_cap_db", "duck_cap_db"):
            sides = (
                _Given(getattr(one.goals, name), getattr(one.defaults, name), _besides(one, name))
                for one in (self.before, self.after)
            )
            yield from self._by_profile("goals", name, *sides)
        yield from self._fields("goals", self.before.goals, self.after.goals, ("voice",))

    # ------------------------------------------------------------------------------------------- groups and stems

    def _groups(self) -> Iterator[Change]:
        pairs, gone, new = matched(self.before.groups, self.after.groups, [lambda group: group.id])
        yield from (removed(f"group {group.id}", group_in_words(group)) for group in gone)
        yield from (added(f"group {group.id}", group_in_words(group)) for group in new)
        for one, other in pairs:
            yield from self._fields(f"group {one.id}", one, other, ("gain_db", "mute", "solo", "align", "note"))

    def _stems(self) -> Iterator[Change]:
        pairs, gone, new = matched(self.before.stems, self.after.stems, [lambda stem: stem.id])
        yield from (removed(f"stem {stem.id}", stem_in_words(stem)) for stem in gone)
        yield from (added(f"stem {stem.id}", stem_in_words(stem)) for stem in new)
        for one, other in pairs:
            yield from self._stem(one, other)
        kept = (
            [stem.id for stem, _ in pairs],
            [stem.id for stem in self.after.stems if stem.id in {one.id for one, _ in pairs}],
        )
        if kept[0] != kept[1]:
            yield Change(what="stems", field="order", before=", ".join(kept[0]), after=", ".join(kept[1]))

    def _stem(self, one: Stem, other: Stem) -> Iterator[Change]:
        what = f"stem {one.id}"
        yield from self._fields(what, one, other, ("role", "group"))
        yield from self._clips(what, one, other)
        if one.clips is not None or other.clips is not None:
            yield from self._fields(what, one, other, ("crossfade",))
        yield from self._fields(what, one, other, ("pan", "gain_db"))
        yield from self._curve(what, "automation.gain_db", one.automation.gain_db, other.automation.gain_db, (0.0, 0.0))
        yield from self._curve(what, "automation.pan", one.automation.pan, other.automation.pan, (one.pan, other.pan))
        yield from self._fields(what, one, other, ("mute", "solo"))
        if one.priority != other.priority and self.before.priority_of(one) != self.after.priority_of(other):
            said = [
                f"{project.priority_of(stem)}{' (its role)' if stem.priority is None else ''}"
                for project, stem in ((self.before, one), (self.after, other))
            ]
            yield Change(what=what, field="priority", before=said[0], after=said[1])
        yield from self._fields(what, one, other, ("note",))

    def _clips(self, what: str, one: Stem, other: Stem) -> Iterator[Change]:
        """A stem in one file is one clip of it."""
        old, new = ([*(stem.clips or stem.timeline)] for stem in (one, other))
        pairs, gone, fresh = matched(old, new, _CLIP_KEYS)
        label = {id(clip): clip_name(what, one, number, clip) for number, clip in enumerate(old, 1)}
        label |= {id(clip): clip_name(what, other, number, clip) for number, clip in enumerate(new, 1)}
        yield from (removed(label[id(clip)], clip_in_words(clip)) for clip in gone)
        yield from (added(label[id(clip)], clip_in_words(clip)) for clip in fresh)
        for clip, now in pairs:
            name = label[id(now)]
            if one.clips is not None and other.clips is not None:
                yield from self._fields(name, clip, now, ("id",))
            yield from changed(name, "file", files(clip), files(now))
            yield from self._fields(name, clip, now, ("layout", "order", "pull"))
            yield from self._in_file(name, "in", clip.start, now.start)
            yield from self._in_file(name, "out", clip.end, now.end)
            yield from self._time(name, "at", clip.at, now.at, "where its file says", place=True)
            yield from self._fields(name, clip, now, ("gain_db",))
            yield from self._fade(name, "fade_in", clip.fade_in, now.fade_in)
            yield from self._fade(name, "fade_out", clip.fade_out, now.fade_out)
            yield from self._fields(name, clip, now, ("mute",))
            if one.clips is not None and other.clips is not None:
                yield from self._fields(name, clip, now, ("note",))

    def _in_file(self, what: str, field: str, old: str | float | None, new: str | float | None) -> Iterator[Change]:
        """A place in a file: seconds from its beginning, its own samples or its own timecode. Only the file could say
        how one of them lies to another, and this does not look at it."""
        times = [time for time in (old, new) if time is not None]
        ways = {_way(time) for time in times}
        if len(times) > 1 and "timecode" not in ways and not any(map(self.after.clock.length, times)):
            return  # its beginning, however it is counted
        if len(ways) < 2 and "samples" not in ways:
            yield from self._time(what, field, old, new, "the file's end", place=False)
        elif len(ways) > 1 or len(times) < 2 or len({self.after.clock.length(time) for time in times}) > 1:
            words = ["the file's end" if time is None else as_typed(time) for time in (old, new)]
            yield Change(what=what, field=field, before=words[0], after=words[1])

    def _fade(self, what: str, field: str, old: Fade | None, new: Fade | None) -> Iterator[Change]:
        if old is not None and new is not None and old.shape == new.shape:
            yield from self._time(what, field, old.length, new.length, "", place=False)
        elif old != new:
            words = ["none" if fade is None else f"{as_typed(fade.length)} ({fade.shape})" for fade in (old, new)]
            yield Change(what=what, field=field, before=words[0], after=words[1])

    def _curve(
        self,
        what: str,
        field: str,
        old: Sequence[Breakpoint],
        new: Sequence[Breakpoint],
        still: tuple[float, float],
    ) -> Iterator[Change]:
        """A fader that moves, by where it stands: both are straight between points, so that they are one where they
        are one at every point of both. `still` is where it stands without any."""
        if not old and not new:
            return  # where it stands still, its own field tells
        curves = [
            [(self._seconds(point.at, project, place=True), point.value) for point in points]
            for project, points in ((self.before, old), (self.after, new))
        ]
        times = sorted({time for curve in curves for time, _ in curve})
        apart = [(value_at(curves[1], time, still[1]) - value_at(curves[0], time, still[0]), time) for time in times]
        there = [(by, time) for by, time in apart if abs(by) > 1e-9]
        if not there:
            return
        by, at = max(there, key=lambda one: abs(one[0]))
        clock, rate = self.after.clock, self.after.sample_rate
        told = [clock.told(round(time * rate)) for time in (there[0][1], at, there[-1][1])]
        most = f"{round(by, 2) + 0.0:+g}{' dB' if field.endswith('_db') else ''} at {told[1]}"
        words = [f"{len(points)} point{'' if len(points) == 1 else 's'}" if points else "none" for points in (old, new)]
        note = most if len(there) == 1 else f"most {most}; from {told[0]} to {told[2]}"
        yield Change(what=what, field=field, before=words[0], after=words[1], note=note)

    # -------------------------------------------------------------------------------------- pins, cues and scenes

    def _span(self, one: Pin | Cue, project: Project) -> tuple[Fraction, Fraction]:
        return tuple(self._seconds(time, project, place=True) for time in (one.start, one.end))  # type: ignore[return-value]

    def _pins(self) -> Iterator[Change]:
        spans = {id(pin): self._span(pin, side) for side in (self.before, self.after) for pin in side.pins}
        keys: list[Callable[[Pin], Hashable]] = [
            lambda pin: pin.id,
            lambda pin: (pin.stem, asked(pin), spans[id(pin)], pin.low_hz, pin.high_hz),
            lambda pin: (pin.stem, asked(pin), spans[id(pin)]),
            lambda pin: (pin.stem, spans[id(pin)]),
        ]
        pairs, gone, new = matched(self.before.pins, self.after.pins, keys)
        moved = _moved_a_little(gone, new, spans)
        pairs += moved
        taken = {id(pin) for pair in moved for pin in pair}
        gone, new = ([pin for pin in pins if id(pin) not in taken] for pins in (gone, new))
        yield from (removed(pin_name(pin), pin_in_words(pin)) for pin in gone)
        yield from (added(pin_name(pin), pin_in_words(pin)) for pin in new)
        for one, other in pairs:
            what = pin_name(other)
            yield from self._fields(what, one, other, ("id", "stem"))
            yield from self._time(what, "from", one.start, other.start, "", place=True)
            yield from self._time(what, "to", one.end, other.end, "", place=True)
            if asked(one) != asked(other):
                yield Change(what=what, before=asked_in_words(one), after=asked_in_words(other), field=asked(other))
            elif one.action != other.action:
                yield Change(what=what, before=asked_in_words(one), after=asked_in_words(other), field="action")
            else:
                yield from self._fields(what, one, other, ("forbid", "max_cut_db", "priority"))
            yield from self._fields(what, one, other, ("low_hz", "high_hz", "source", "note"))

    def _cues(self) -> Iterator[Change]:
        """Thousands of lines may be given: they are counted, by stem."""
        old, new = (
            Counter((cue.stem, (self._span(cue, side), cue.note)) for cue in side.cues)
            for side in (self.before, self.after)
        )
        for stem in dict.fromkeys(cue.stem for side in (self.before, self.after) for cue in side.cues):
            counts = [sum(count for (of, _), count in cues.items() if of == stem) for cues in (old, new)]
            fresh, gone = (
                sum(count for (of, _), count in cues.items() if of == stem) for cues in (new - old, old - new)
            )
            if fresh or gone:
                note = " and ".join(
                    f"{count} {word}" for count, word in ((fresh, "new"), (gone, "gone")) if count
                )  # fmt: skip
                yield Change(what="cues", field=stem, before=str(counts[0]), after=str(counts[1]), note=note)

    def _scenes(self) -> Iterator[Change]:
        pairs, gone, new = matched(self.before.scenes, self.after.scenes, [lambda scene: scene.id])
        yield from (removed(f"scene {scene.id}", f"from {as_typed(scene.start)}") for scene in gone)
        yield from (added(f"scene {scene.id}", f"from {as_typed(scene.start)}") for scene in new)
        for one, other in pairs:
            yield from self._time(f"scene {one.id}", "from", one.start, other.start, "", place=True)
            yield from self._fields(f"scene {one.id}", one, other, ("note",))

    # ----------------------------------------------------------------------------------------------- deliverables

    def _deliverables(self) -> Iterator[Change]:
        pairs, gone, new = matched(self.before.deliverables, self.after.deliverables, [lambda wanted: wanted.name])
        yield from (removed(f"deliverable {wanted.name}", deliverable_in_words(wanted)) for wanted in gone)
        yield from (added(f"deliverable {wanted.name}", deliverable_in_words(wanted)) for wanted in new)
        for one, other in pairs:
            what = f"deliverable {one.name}"
            sides = ((self.before, one), (self.after, other))
            for name in dict.fromkeys((*type(one).model_fields, *type(other).model_fields)):
                if name == "parent":
                    yield from changed(what, name, *(_parent(project, wanted) for project, wanted in sides))
                    continue
                values = [getattr(wanted, name, None) for _, wanted in sides]
                holds = [_holds(*side, name) for side in sides]
                if values[0] != values[1] and (holds[0] is None or holds[0] != holds[1]):
                    yield from changed(what, name, *values)


# ------------------------------------------------------------------------------------------------------ what belongs


def matched(
    before: Sequence[Thing], after: Sequence[Thing], keys: Sequence[Callable[[Thing], Hashable]]
) -> tuple[list[tuple[Thing, Thing]], list[Thing], list[Thing]]:
    """What is one thing on both sides, in the order of `before`; what is left there; what is left in `after`.

    By the first key first; what it leaves by the next. Equal keys go by their order. None is no key.
    """
    found: dict[int, int] = {}
    for key in keys:
        free: dict[Hashable, list[int]] = {}
        taken = set(found.values())
        for number, one in enumerate(after):
            if number not in taken and (known := key(one)) is not None:
                free.setdefault(known, []).append(number)
        for number, one in enumerate(before):
            if number not in found and (known := key(one)) is not None and free.get(known):
                found[number] = free[known].pop(0)
    taken = set(found.values())
    return (
        [(before[number], after[found[number]]) for number in sorted(found)],
        [one for number, one in enumerate(before) if number not in found],
        [one for number, one in enumerate(after) if number not in taken],
    )


def _moved_a_little(
    gone: Sequence[Pin], new: Sequence[Pin], spans: Mapping[int, tuple[Fraction, Fraction]]
) -> list[tuple[Pin, Pin]]:
    """Pins without an id that say the same of the same stem, where some of the span is left."""
    alike: dict[tuple[str, str], list[Pin]] = {}
    for pin in new:
        alike.setdefault((pin.stem, asked(pin)), []).append(pin)
    pairs = []
    for pin in gone:
        first, after = spans[id(pin)]
        others = alike.get((pin.stem, asked(pin)), [])
        for number, other in enumerate(others):
            if not (pin.id and other.id) and spans[id(other)][0] < after and first < spans[id(other)][1]:
                pairs.append((pin, others.pop(number)))
                break
    return pairs


_CLIP_KEYS: Final[list[Callable[[Clip], Hashable]]] = [
    lambda clip: clip.id,
    lambda clip: clip.model_copy(update={"id": None}).model_dump_json(),
    lambda clip: (files(clip), clip.start, clip.end),
    lambda clip: (files(clip), clip.at),
    lambda clip: None if clip.id else files(clip),
    # another file in its place: a new take
    lambda clip: None if clip.id else (clip.at, clip.start, clip.end),
]
"""By what clips are one: the id; everything; what of which file; where, of which file; which file; where."""


def value_at(curve: Sequence[tuple[Fraction, float]], time: Fraction, still: float) -> float:
    """Where a fader stands, by its points in order of time; `still` without any."""
    if not curve:
        return still
    number = bisect_left(curve, time, key=lambda point: point[0])
    if number == 0 or number == len(curve):
        return curve[min(number, len(curve) - 1)][1]
    (begin, low), (end, high) = curve[number - 1 : number + 1]
    return low + (high - low) * float((time - begin) / (end - begin))


def _parent(project: Project, wanted: Document) -> str | None:
    """The master that a deliverable is made of, also where it does not name the first one."""
    if isinstance(wanted, Printmaster):
        return None
    masters = [one for one in project.masters if isinstance(one, Printmaster) or not isinstance(wanted, FoldDown)]
    said: str | None = getattr(wanted, "parent", None)
    return said if said is not None else next((one.name for one in masters), None)


_CONFIDENCES: Final = ("confidence", "tolerance_confidence")


def _holds(project: Project, wanted: Document, name: str) -> object:
    """What a field of a master comes to, where its preset or the profile may say it too. Of a specification that is the
    whole rule: a number that is given takes the place of tolerances, too. How sure a number is counts only where it is
    so little that a miss is no fault."""
    if isinstance(wanted, Mastered) and name == "max_limiting_db":
        return project.max_limiting_db(wanted)
    if isinstance(wanted, Mastered) and name in Overrides.model_fields:
        rule: Document | None = getattr(project.specification(wanted), OVERRIDDEN.get(name, name))
        doubtful = [getattr(rule, confidence, None) == "low" for confidence in _CONFIDENCES]
        return None if rule is None else (rule.model_dump(exclude=set(_CONFIDENCES)), doubtful)
    return None


@dataclass(frozen=True)
class _Given:
    """A value, and what the profile has in its place."""

    written: Any
    default: Any
    besides: str = ""
    """What else the profile has, in words, which holds no more where a value is written."""

    @property
    def holds(self) -> tuple[Any, str]:
        return (self.default, self.besides) if self.written is None else (self.written, "")

    def told(self, field: str) -> str:
        if self.written is not None:
            return told(field, self.written)
        return f"{told(field, self.default)} (the profile's{self.besides})"


def _besides(project: Project, goal: str) -> str:
    """Of the deepest cut: how deep a profile goes where none is given (`planning.rules`)."""
    profile = project.defaults
    if goal != "eq_cap_db" or profile.lost_cap_db == profile.eq_cap_db:
        return ""
    return f", {in_digits(profile.lost_cap_db)} for a line else lost"


def _codes_of(project: Project) -> Iterator[str]:
    """Every place on the programme that is given by timecode."""
    places = [project.ffoa, project.lfoa, *(scene.start for scene in project.scenes)]
    places += [time for one in (*project.pins, *project.cues) for time in (one.start, one.end)]
    for stem in project.stems:
        places += [clip.at for clip in stem.clips or stem.timeline]
        places += [point.at for point in (*stem.automation.gain_db, *stem.automation.pan)]
    return (place for place in places if isinstance(place, str) and has_frames(place))


def _start(project: Project) -> str:
    """What a programme begins at, in words; of samples, when that is."""
    start = project.start
    if start is None:
        return "none"
    return f"{as_typed(start)} ({project.clock.told_start})" if counts_samples(start) else as_typed(start)


def _way(time: str | float) -> str:
    """What a time in a file counts from."""
    if counts_samples(time):
        return "samples"
    return "timecode" if isinstance(time, str) and has_frames(time) else "seconds"
