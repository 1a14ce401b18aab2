"""Differences between two projects in words: the things of a project, values with their units, one change a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from stemmix.model.difference import Change
from stemmix.model.document import Document
from stemmix.model.moves import gains_of
from stemmix.model.requests import Pin
from stemmix.model.stems import Clip, Stem
from stemmix.model.timecode import as_typed
from stemmix.signs import in_one_line
from stemmix.units import in_digits

UNITS: Final = {"db": "dB", "hz": "Hz", "rate": "Hz", "lufs": "LUFS", "dbtp": "dBTP", "lu": "LU"}
"""By how the name of a field ends."""

_ASKED: Final = ("keep", "forbid", "max_cut_db", "priority", "action")
"""What a pin has exactly one of."""


def in_words(one: Change) -> str:
    """One thing that is asked for otherwise, in a line that begins with `+` where it is new, `-` where it is gone.
    Whatever a project says in it, it is one line, and none that a terminal obeys.

    >>> in_words(Change(what="stem MX", field="gain_db", before="-2 dB", after="0 dB"))
    '  stem MX, fader: -2 dB -> 0 dB'
    >>> in_words(Change(what="pin boom", before=None, after="FX, 1-2 s: stays as it is"))
    '+ pin boom: FX, 1-2 s: stays as it is'
    """
    name = one.what
    if one.field is not None:
        field = one.field
        if field.endswith("gain_db"):
            field = field.removesuffix("gain_db") + ("gain" if ", clip " in one.what else "fader")
        name = field if one.what == "project" else f"{one.what}, {field}"
    if one.before is None:
        return in_one_line(f"+ {name}: {one.after}")
    if one.after is None:
        return in_one_line(f"- {name}: {one.before}")
    return in_one_line(f"  {name}: {one.before} -> {one.after}{f' ({one.note})' if one.note else ''}")


def removed(what: str, words: str) -> Change:
    return Change(what=what, before=words, after=None)


def added(what: str, words: str) -> Change:
    return Change(what=what, before=None, after=words)


def changed(what: str, field: str, old: Any, new: Any) -> Iterator[Change]:
    """A field whose value means what it says; one that is not there means None."""
    if old != new:
        yield Change(what=what, field=field, before=told(field, old), after=told(field, new))


def told(field: str, value: Any) -> str:
    """A value in words, with the unit that the name of its field ends with."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        unit = UNITS.get(field.rpartition("_")[2])
        signed = value and field in {"gain_db", "pan"}
        number = in_digits(value, signed=bool(signed))
        return f"{number} {unit}" if unit else number
    if isinstance(value, tuple):
        return ", ".join(told(field, one) for one in value)
    return str(value)


def counts_samples(time: str | float) -> bool:
    return isinstance(time, str) and "sample" in time


def files(one: Clip) -> str:
    return one.file or ", ".join(f"{label}: {path}" for label, path in sorted((one.files or {}).items()))


def clip_name(what: str, stem: Stem, number: int, clip: Clip) -> str:
    return what if stem.clips is None else f"{what}, clip {clip.id or number}"


def clip_in_words(clip: Clip) -> str:
    """Where a clip comes from and goes to."""
    cut = [f"from {as_typed(clip.start)}"] if clip.start else []
    cut += [f"to {as_typed(clip.end)}"] if clip.end is not None else []
    words = [" ".join([files(clip), *cut])] + ([f"at {as_typed(clip.at)}"] if clip.at is not None else [])
    words += [f"{in_digits(clip.gain_db, signed=True)} dB"] if clip.gain_db else []
    fades = (("in", clip.fade_in), ("out", clip.fade_out))
    words += [f"fades {way} over {as_typed(fade.length)} ({fade.shape})" for way, fade in fades if fade is not None]
    return ", ".join([*words, *(["muted"] if clip.mute else [])])


def stem_in_words(stem: Stem) -> str:
    words = [stem.role.value, *([f"in group {stem.group}"] if stem.group else [])]
    if stem.clips is None:
        words.append(clip_in_words(stem.timeline[0]))
    else:
        words.append(f"{len(stem.clips)} clip{'' if len(stem.clips) == 1 else 's'}")
    words += [f"fader at {in_digits(stem.gain_db, signed=True)} dB"] if stem.gain_db else []
    return ", ".join([*words, *(name for name in ("mute", "solo") if getattr(stem, name))])


def group_in_words(group: Document) -> str:
    fields = ((name, getattr(group, name)) for name in ("gain_db", "mute", "solo", "align"))
    return ", ".join(f"{name} {told(name, value)}" for name, value in fields if value) or "fader at 0 dB"


def asked(pin: Pin) -> str:
    return next(name for name in _ASKED if getattr(pin, name) is not None)


def asked_in_words(pin: Pin) -> str:
    match asked(pin):
        case "keep":
            return "stays as it is"
        case "forbid":
            return f"no {', '.join(pin.forbid or ())}"
        case "max_cut_db":
            return f"cut by {in_digits(pin.max_cut_db or 0.0)} dB at most"
        case "priority":
            return f"priority {pin.priority}"
    action = pin.action
    assert action is not None
    return f"{action.kind}, {max(gains_of(action), key=abs):+g} dB at most"


def pin_name(pin: Pin) -> str:
    return f"pin {pin.id}" if pin.id is not None else f"pin of {pin.stem}, {pin.told}"


def pin_in_words(pin: Pin) -> str:
    """What a pin asks for, and where if its name does not say."""
    where = f"{pin.stem}, {pin.told}: " if pin.id is not None else ""
    ends = (("from", pin.low_hz), ("to", pin.high_hz))
    bands = [f"{end} {in_digits(hz)} Hz" for end, hz in ends if hz]
    return f"{where}{' '.join([asked_in_words(pin), *bands])}{f' ({pin.note})' if pin.note else ''}"


def deliverable_in_words(wanted: Document) -> str:
    said = [
        f"{name} {told(name, value)}"
        for name, value in wanted
        if name not in {"name", "kind", "note"} and value != type(wanted).model_fields[name].default
    ]
    return ", ".join([getattr(wanted, "kind", ""), *said])
