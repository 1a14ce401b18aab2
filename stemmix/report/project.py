"""A project file in words, one thing a line: for people, and for git, which shows differences with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from stemmix.model.deliverables import Deliverable
from stemmix.model.document import Document
from stemmix.model.project import ProjectFile
from stemmix.model.requests import Pin
from stemmix.model.stems import Clip, Fade, Group, Stem
from stemmix.model.timecode import as_typed
from stemmix.signs import in_one_line
from stemmix.units import in_digits


def project_text(project: ProjectFile) -> str:
    """What a file says, in the order of the file. Defaults are left out, but where they may be said against a template;
    so is `$schema`, which is no part of a mix. What would break a line, or speak to a terminal, is written as JSON has
    it."""
    return "".join(f"{in_one_line(line)}\n" for line in _lines(project))


def _lines(project: ProjectFile) -> Iterator[str]:
    against = project.extends is not None
    plain = ("extends", "title", "profile", "method", "sample_rate", "frame_rate", "start", "length", "ffoa", "lfoa")
    yield from _said(project, plain, against=against)
    yield from (f"priority of {role}: {number}" for role, number in sorted(project.priorities.items()))
    for group in project.groups:
        yield from _of_group(group)
    for stem in project.stems:
        yield from _of_stem(stem)
    goals = tuple(type(project.goals).model_fields)
    yield from (f"goal {line}" for line in _said(project.goals, goals, against=against))
    yield from _said(project, ("balance",), against=against)
    for pin in project.pins:
        yield f"pin{_called(pin.id)}: {pin_in_words(pin)}"
    for cue in project.cues:
        yield f"cue: {cue.stem}, {cue.told}{_noted(cue.note)}"
    for scene in project.scenes:
        yield f"scene {scene.id}: from {as_typed(scene.start)}{_noted(scene.note)}"
    yield from _said(project, ("file_name",), against=against)
    if "deliverables" in project.model_fields_set:
        yield from (_of_deliverable(wanted) for wanted in project.deliverables)
    yield from _said(project, ("report", "note"), against=against)


def _of_group(group: Group) -> Iterator[str]:
    words = [level(group.gain_db)] if group.gain_db else []
    words += [name for name in ("mute", "solo", "align") if getattr(group, name)]
    yield f"group {group.id}: {', '.join(words) or 'fader at 0 dB'}{_noted(group.note)}"


def _of_stem(stem: Stem) -> Iterator[str]:
    name = f"stem {stem.id}"
    yield f"{name}: {stem.role.value}{f', in group {stem.group}' if stem.group else ''}{_noted(stem.note)}"
    if stem.clips is None:
        yield f"{name}: {_source(stem)}{_at(stem.at)}"
    for clip in stem.clips or ():
        yield f"{name}, clip{_called(clip.id)}: {clip_in_words(clip)}"
    defaults = ("crossfade", "pan", "gain_db", "mute", "solo", "priority")
    yield from (f"{name}: {line}" for line in _said(stem, defaults))
    for point in stem.automation.gain_db:
        yield f"{name}, fader at {as_typed(point.at)}: {level(point.value)}"
    for pan in stem.automation.pan:
        yield f"{name}, pan at {as_typed(pan.at)}: {in_digits(pan.value, signed=True)}"


def clip_in_words(clip: Clip) -> str:
    """Where a clip comes from and goes to, and what is done to it."""
    cut = [f"from {as_typed(clip.start)}"] if clip.start else []
    cut += [f"to {as_typed(clip.end)}"] if clip.end is not None else []
    words = [" ".join([_source(clip), *cut]) + _at(clip.at)]
    words += [level(clip.gain_db)] if clip.gain_db else []
    words += [f"{way} over {_fade(fade)}" for way, fade in (("in", clip.fade_in), ("out", clip.fade_out)) if fade]
    words += ["muted"] if clip.mute else []
    return ", ".join(words) + _noted(clip.note)


def pin_in_words(pin: Pin) -> str:
    """What a pin asks for, and where."""
    if pin.keep:
        asked = "stays as it is"
    elif pin.forbid is not None:
        asked = f"no {', '.join(pin.forbid)}"
    elif pin.max_cut_db is not None:
        asked = f"cut by {in_digits(pin.max_cut_db)} dB at most"
    elif pin.priority is not None:
        asked = f"priority {pin.priority}"
    else:
        assert pin.action is not None
        asked = f"this move: {json.dumps(asdict(pin.action), ensure_ascii=False)}"
    if pin.low_hz is not None or pin.high_hz is not None:
        low, high = ("" if hz is None else in_digits(hz) for hz in (pin.low_hz, pin.high_hz))
        asked += f", {low}-{high} Hz"
    asked += f", set on file {pin.source}" if pin.source is not None else ""
    return f"{pin.stem}, {pin.told}: {asked}{_noted(pin.note)}"


def level(gain_db: float) -> str:
    """A fader's place."""
    return f"{in_digits(gain_db, signed=True)} dB"


def _of_deliverable(wanted: Deliverable) -> str:
    fields = [name for name in type(wanted).model_fields if name not in {"name", "kind", "note"}]
    said = ", ".join(line.replace(": ", " ", 1) for line in _said(wanted, tuple(fields)))
    return f"deliverable {wanted.name}: {wanted.kind}{f', {said}' if said else ''}{_noted(wanted.note)}"


def _called(name: str | None) -> str:
    """No number where there is no name: one more would rename all that follow."""
    return "" if name is None else f" {name}"


def _source(one: Stem | Clip) -> str:
    files = one.file or ", ".join(f"{label}: {file}" for label, file in sorted((one.files or {}).items()))
    told = [f"as {one.layout}"] if one.layout else []
    told += ["in film order"] if one.order == "film" else []
    told += [f"pulled by {one.pull}"] if one.pull else []
    return " ".join([files, *told])


def _at(time: str | float | None) -> str:
    return "" if time is None else f", at {as_typed(time)}"


def _fade(fade: Fade) -> str:
    return f"{as_typed(fade.length)} ({fade.shape})"


def _noted(note: str | None) -> str:
    return f" ({note})" if note else ""


def _said(document: Document, names: tuple[str, ...], *, against: bool = False) -> Iterator[str]:
    """Fields that are not at their defaults; where a template may be overruled, `against` it, all that are given."""
    for name in names:
        field, value = type(document).model_fields[name], getattr(document, name)
        if value != field.get_default(call_default_factory=True) or (against and name in document.model_fields_set):
            yield f"{field.alias or name}: {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return in_digits(value)
    if isinstance(value, Document):
        return json.dumps(value.model_dump(mode="json"), ensure_ascii=False)
    return ", ".join(map(_value, value)) if isinstance(value, tuple) else json.dumps(value)
