"""A project file in words, one thing a line: for people, and for git, which shows differences with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stemmix.model.deliverables import Deliverable
from stemmix.model.document import Document
from stemmix.model.project import ProjectFile
from stemmix.model.requests import Pin
from stemmix.model.stems import Clip, Fade, Group, Stem
from stemmix.model.timecode import as_typed


def project_text(project: ProjectFile) -> str:
    """What a file says, in the order of the file; defaults are left out."""
    return "".join(f"{line}\n" for line in _lines(project))


def _lines(project: ProjectFile) -> Iterator[str]:
    plain = ("extends", "title", "profile", "method", "sample_rate", "frame_rate", "start", "length", "ffoa", "lfoa")
    yield from _said(project, plain)
    yield from (f"priority of {role}: {number}" for role, number in sorted(project.priorities.items()))
    for group in project.groups:
        yield from _of_group(group)
    for stem in project.stems:
        yield from _of_stem(stem)
    yield from (f"goal {line}" for line in _said(project.goals, tuple(type(project.goals).model_fields)))
    yield from _said(project, ("balance",))
    for number, pin in enumerate(project.pins, 1):
        yield f"pin {pin.id or number}: {pin_in_words(pin)}"
    for cue in project.cues:
        yield f"cue: {cue.stem}, {cue.told}{_noted(cue.note)}"
    for scene in project.scenes:
        yield f"scene {scene.id}: from {as_typed(scene.start)}{_noted(scene.note)}"
    yield from _said(project, ("file_name",))
    if "deliverables" in project.model_fields_set:
        yield from (_of_deliverable(wanted) for wanted in project.deliverables)
    yield from _said(project, ("note",))


def _of_group(group: Group) -> Iterator[str]:
    words = [level(group.gain_db)] if group.gain_db else []
    words += [name for name in ("mute", "solo", "align") if getattr(group, name)]
    yield f"group {group.id}: {', '.join(words) or 'fader at 0 dB'}{_noted(group.note)}"


def _of_stem(stem: Stem) -> Iterator[str]:
    name = f"stem {stem.id}"
    yield f"{name}: {stem.role.value}{f', in group {stem.group}' if stem.group else ''}{_noted(stem.note)}"
    if stem.clips is None:
        yield f"{name}: {_source(stem)}{_at(stem.at)}"
    for number, clip in enumerate(stem.clips or (), 1):
        yield f"{name}, clip {clip.id or number}: {clip_in_words(clip)}"
    defaults = ("crossfade", "pan", "gain_db", "mute", "solo", "priority")
    yield from (f"{name}: {line}" for line in _said(stem, defaults))
    for point in stem.automation.gain_db:
        yield f"{name}, fader at {as_typed(point.at)}: {level(point.value)}"
    for pan in stem.automation.pan:
        yield f"{name}, pan at {as_typed(pan.at)}: {pan.value:+g}"


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
        asked = f"cut by {pin.max_cut_db:g} dB at most"
    elif pin.priority is not None:
        asked = f"priority {pin.priority}"
    else:
        asked = f"this move: {_value(pin.action)}"
    if pin.low_hz is not None or pin.high_hz is not None:
        low, high = ("" if hz is None else f"{hz:g}" for hz in (pin.low_hz, pin.high_hz))
        asked += f", {low}-{high} Hz"
    return f"{pin.stem}, {pin.told}: {asked}{_noted(pin.note)}"


def level(gain_db: float) -> str:
    """A fader's place."""
    return f"{gain_db:+g} dB"


def _of_deliverable(wanted: Deliverable) -> str:
    fields = [name for name in type(wanted).model_fields if name not in {"name", "kind", "note"}]
    said = ", ".join(line.replace(": ", " ", 1) for line in _said(wanted, tuple(fields)))
    return f"deliverable {wanted.name}: {wanted.kind}{f', {said}' if said else ''}{_noted(wanted.note)}"


def _source(one: Stem | Clip) -> str:
    files = one.file or ", ".join(f"{label}: {file}" for label, file in (one.files or {}).items())
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


def _said(document: Document, names: tuple[str, ...]) -> Iterator[str]:
    """Fields that are not at their defaults, or are set where a template is to be overruled."""
    for name in names:
        field, value = type(document).model_fields[name], getattr(document, name)
        if value != field.get_default(call_default_factory=True):
            yield f"{field.alias or name}: {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Document):
        return json.dumps(value.model_dump(mode="json"), ensure_ascii=False)
    return ", ".join(map(_value, value)) if isinstance(value, tuple) else json.dumps(value)
