"""Names of files out of a template, legal on every system that a deliverable may come to.

Sources: Microsoft, "Naming Files, Paths, and Namespaces" (characters, reserved names, endings); NAME_MAX of Linux and
macOS (255 bytes). Pure: the same template and values give the same name, so what it gives is a preview too.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Final

FIELDS: Final = ("project", "title", "deliverable", "stem", "layout", "rate", "bits")
"""What a template may hold, each in braces."""

LONGEST_NAME_BYTES: Final = 235
"""In UTF-8: 255, less what a channel's label and the hidden part file add while it is written."""

_ILLEGAL: Final = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f-\x9f]')
_RESERVED: Final = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])(\..*)?", re.IGNORECASE)


def file_name(template: str, values: Mapping[str, str | None], extension: str) -> str:
    """A template's name for these values, with its ending (`.wav`); None is a value that this file has not.

    Raises ValueError, one sentence naming the field, for a field that is unknown or has no value here, and for a name
    that some system would refuse: nothing is replaced in silence, lest two names become one.

    >>> file_name("{project}_{deliverable}", {"project": "reel3", "deliverable": "mix"}, ".wav")
    'reel3_mix.wav'
    """
    pieces = []
    for literal, field in _parts(template):
        pieces.append(_legal(literal, f"the text {literal!r}", template))
        if field is not None:
            pieces.append(_legal(_value(field, values, template), f"{{{field}}}", template))
    stem = unicodedata.normalize("NFC", "".join(pieces))
    name = stem + extension
    where = f"file name {template!r} gives {name!r}"
    if not stem:
        raise ValueError(f"file name {template!r} gives no name at all")
    if stem[0] in " ." or stem[-1] == " " or name[-1] in " .":
        raise ValueError(f"{where}: it may not begin or end with a space or a full stop")
    if _RESERVED.fullmatch(name):
        raise ValueError(f"{where}, which Windows reserves for a device: put something before it")
    if (size := len(name.encode())) > LONGEST_NAME_BYTES:
        raise ValueError(f"{where[:80]}...: it has {size} bytes; expected at most {LONGEST_NAME_BYTES}")
    return name


def channel_names(name: str, labels: Sequence[str]) -> list[str]:
    """The names of mono files that together are one: each channel's label before the ending.

    >>> channel_names("mix.wav", ["L", "R"])
    ['mix.L.wav', 'mix.R.wav']
    """
    stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
    return [f"{stem}.{label}{dot}{ending}" for label in labels]


def _parts(template: str) -> list[tuple[str, str | None]]:
    """Text, and the field after it; None after the last."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        raise ValueError(f"file name {template!r}: a brace is not closed, or not opened") from None
    for _, field, form, conversion in parts:
        if field is None:
            continue
        if form or conversion:
            raise ValueError(f"file name {template!r}: {{{field}}} must stand by itself, without a format after it")
        if field not in FIELDS:
            near = difflib.get_close_matches(field, FIELDS, 1, 0.5)
            meant = f"did you mean {{{near[0]}}}?" if near else f"there are {', '.join(f'{{{f}}}' for f in FIELDS)}"
            raise ValueError(f"file name {template!r}: {{{field}}} is not a field; {meant}")
    return [(literal, field) for literal, field, _, _ in parts]


def _value(field: str, values: Mapping[str, str | None], template: str) -> str:
    value = values.get(field)
    if not value:
        raise ValueError(f"file name {template!r}: {{{field}}} has no value here")
    return value


def _legal(text: str, what: str, template: str) -> str:
    if found := _ILLEGAL.search(text):
        value = f" is {text!r}, and" if what.startswith("{") else ""
        raise ValueError(
            f"file name {template!r}: {what}{value} contains {found[0]!r}, which some systems do not allow"
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"file name {template!r}: {what} contains half a character, which is not text") from None
    return text
