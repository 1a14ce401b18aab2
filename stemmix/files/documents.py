"""JSON documents: read with the place of every fault, written in one canonical form, replaced only whole.

Reading is strict twice over: the text first (`json_text`), then the model, whose errors are retold with file, line,
column and field. Both end as one `ProjectError`, one line for each fault.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from json.encoder import encode_basestring
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args

from pydantic import ValidationError

from stemmix.errors import ProjectError
from stemmix.files.faults import Finds, Places, faults_of, shown
from stemmix.files.json_text import line_and_column, parse_json, position_of
from stemmix.files.paths import is_there, resolved
from stemmix.files.staged import StagedFile
from stemmix.model.document import Document
from stemmix.model.project import ProjectFile
from stemmix.model.versions import UPGRADES

MAX_DOCUMENT_BYTES = 256 * 2**20
"""A plan or receipt is written by the engine: hours of moves are some tens of megabytes."""

MAX_FAULTS = 20
"""As many lines a message has; the rest is counted."""

AnyDocument = TypeVar("AnyDocument", bound=Document)


# ----------------------------------------------------------------------------------------------------------- reading


def read_document(path: Path, model: type[AnyDocument], *, read: Read | None = None) -> AnyDocument:
    """A plan, receipt or list of reels, valid; else a ProjectError, a line for each fault with its place. It comes by
    `read`, or from the disk."""
    text = text_of(path, read or from_disk, MAX_DOCUMENT_BYTES)
    name = str(path)
    check_schema(parse_json(text, name, max_bytes=MAX_DOCUMENT_BYTES), text, name, model)
    return validated(model, text, Places(text, name))


def validated(model: type[AnyDocument], text: str, places: Finds) -> AnyDocument:
    """A JSON text as a document; a ProjectError of all its faults where it is none."""
    try:
        # from the text, not from the value: only a JSON source lets a strict model take a list for a tuple
        # and by what a field is called there: its name in Python is none
        return model.model_validate_json(text.removeprefix("\ufeff"), by_name=False)
    except ValidationError as invalid:
        raise ProjectError(listed(faults_of(invalid, model, places))) from None


Read = Callable[[Path], bytes]
"""Gives the bytes of a file, or an OSError: from the disk, or from a revision in git."""


def from_disk(path: Path) -> bytes:
    """The bytes of a regular file; OSError, ProjectError where it is anything else."""
    about = path.stat()
    if stat.S_ISDIR(about.st_mode):
        raise ProjectError(f"{path}: is a folder; expected a JSON file")
    if not stat.S_ISREG(about.st_mode):
        raise ProjectError(f"{path}: is not a regular file")
    if about.st_size > MAX_DOCUMENT_BYTES:
        raise ProjectError(f"{path}: holds more than {MAX_DOCUMENT_BYTES // 2**20} MiB, the most that is read")
    return path.read_bytes()


def text_of(path: Path, read: Read, max_bytes: int, name: str | None = None, *, errors: str = "strict") -> str:
    """A document's text as it is, with its byte order mark if it has one, under the name that messages give it;
    ProjectError where it cannot be read, or is no UTF-8 and `errors`, of `bytes.decode`, are strict."""
    name = str(path) if name is None else name
    try:
        content = read(path)
    except FileNotFoundError:
        raise ProjectError(f"{name}: there is no such file") from None
    except (OSError, ValueError) as fault:  # ValueError: a NUL in the name
        raise ProjectError(f"{name}: cannot be read: {getattr(fault, 'strerror', None) or fault}") from None
    if len(content) > max_bytes:
        raise ProjectError(f"{name}: holds more than {max_bytes // 2**20} MiB, the most that is read")
    try:
        return content.decode("utf-8", errors)
    except UnicodeDecodeError as fault:
        before = content[: fault.start].decode("utf-8")
        line, column = line_and_column(before, len(before))
        raise ProjectError(f"{name}:{line}:{column}: is not UTF-8 text") from None


def check_schema(value: object, text: str, name: str, model: type[Document]) -> tuple[dict[str, Any], str, int]:
    """The document says what it is, and is what is wanted, before its fields are looked at: it, its kind and version.

    ProjectError where it is another kind, or of a version that is not known: a newer one first of all.
    """
    # the newest first, then older ones that are read as they are
    wanted, *older = get_args(model.model_fields["schema_"].annotation)
    kind, version = wanted.split("/")

    def refuse(message: str) -> NoReturn:
        line, column = position_of(text, ("schema",))
        raise ProjectError(f"{name}:{line}:{column}: schema: {message}")

    if not isinstance(value, dict):
        raise ProjectError(f"{name}:1:1: expected an object, got {shown(value)}")
    if "schema" not in value:
        refuse(f'is missing; expected "schema": "{wanted}"')
    given = value["schema"]
    parts = re.fullmatch(r"(stemmix\.[a-z_]+)/([0-9]{1,9})", given) if isinstance(given, str) else None
    if parts is None:
        refuse(f"{shown(given)} is not the name of a stemmix document; expected '{wanted}'")
    if parts[1] != kind:
        refuse(f"this is a {parts[1]}; expected a {kind}")
    if int(parts[2]) > int(version):
        refuse(f"version {int(parts[2])} is newer than this stemmix, which reads {kind} up to version {version}")
    known = given in (wanted, *older) or (kind in UPGRADES and int(parts[2]))
    if not known:
        refuse(f"there is no version {parts[2]} of {kind}; expected '{wanted}'")
    return value, kind, int(parts[2])


def listed(faults: list[str]) -> str:
    """One message of many lines, not too many."""
    more = [f"... and {len(faults) - MAX_FAULTS} more"] if len(faults) > MAX_FAULTS else []
    return "\n".join(faults[:MAX_FAULTS] + more)


# ----------------------------------------------------------------------------------------------------------- writing


def canonical(document: Document, *, as_typed: bool = False) -> str:
    """The one way a document is written, so that a difference of two files is a difference of two mixes.

    Fields in the order of their model under their aliases; two spaces of indent; LF, and one at the end; lists of
    numbers on one line, everything else one thing a line. A field that equals its default is left out (but what a file
    that extends another sets stands, and what is `as_typed`: there it is said against another file); one without a
    default is always written, as null where it is None. Whole floats are written as 2.0, minus zero as 0.0.
    Reading this text and writing it again gives this text.
    """
    return "".join(canonical_pieces(document, as_typed=as_typed))


def canonical_pieces(document: Document, *, as_typed: bool = False) -> Iterator[str]:
    """The same text piece by piece, an item of a list of the document at a time: a plan of hours is long."""
    opening = "{"
    typed = as_typed or (isinstance(document, ProjectFile) and document.extends is not None)
    for key, item in _pairs(document, typed=typed):
        yield f'{opening}\n  "{key}": '
        opening = ","
        if isinstance(item, tuple) and item and _is_object(item[0]):
            for number, one in enumerate(item):
                yield ("," if number else "[") + "\n    "
                yield _written(one, "\n    ")
            yield "\n  ]"
        else:
            yield _written(item, "\n  ", typed=typed)
    yield "{}\n" if opening == "{" else "\n}\n"


def _pairs(document: Any, *, typed: bool = False) -> list[tuple[str, Any]]:
    """Names and values of a document or an item, without those that equal their default, if they were not `typed`."""
    if not isinstance(document, Document):
        return [
            (name, one)
            for name, default in _fields_of(document.__class__)
            for one in (getattr(document, name),)
            if default is MISSING or one != default
        ]
    return [
        (field.alias or name, item)
        for name, field in type(document).model_fields.items()
        for item in (getattr(document, name),)
        if field.is_required()
        or item != field.get_default(call_default_factory=True)
        or (typed and name in document.model_fields_set)
    ]


@cache
def _fields_of(item: Any) -> tuple[tuple[str, object], ...]:
    """Names of an item's fields and their defaults, `MISSING` of one that has none."""
    return tuple((field.name, field.default) for field in fields(item))


_PLAIN = (str, int, float)


def _written(value: object, newline: str, *, typed: bool = False) -> str:
    """`newline` is the line break with the indent of what `value` stands in."""
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, _PLAIN):
        return _plain(value)
    inner = newline + "  "
    if _is_object(value):
        return _object(_pairs(value, typed=typed), newline)
    if isinstance(value, dict):
        return _object(sorted((str(key), item) for key, item in value.items()), newline)
    assert isinstance(value, tuple | list)
    if all(issubclass(kind, int | float) and kind is not bool for kind in set(map(type, value))):
        return _numbers(value)
    return "[" + inner + ("," + inner).join(_written(item, inner) for item in value) + newline + "]"


def _is_object(value: object) -> bool:
    return isinstance(value, Document) or is_dataclass(value)


def _numbers(values: Sequence[float]) -> str:
    """Numbers on one line. Python's own text of a list is that of JSON, but for what is no plain number."""
    text = repr(list(values))
    return f"[{', '.join(map(_plain, values))}]" if _UNLIKE_JSON.search(text) else text


_UNLIKE_JSON = re.compile(r"[^-+.e0-9, \[\]]|-0\.0[,\]]")
"""Of a list of numbers: a name, as of infinity or of another class of numbers, or minus zero."""


def _plain(value: object) -> str:
    """A value that is no list and no object. Adding zero makes minus zero plain."""
    # as `json` does it, which takes its time to begin
    if isinstance(value, float) and isfinite(value):
        return float.__repr__(value + 0.0)
    if isinstance(value, str):
        return encode_basestring(value)
    return repr(value) if type(value) is int else _AS_JSON(value)


_AS_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
"""`json.dumps` makes an encoder for every value."""


def _object(pairs: list[tuple[str, Any]], newline: str) -> str:
    inner = newline + "  "
    lines = [f"{encode_basestring(key)}: {_written(item, inner)}" for key, item in pairs]
    return "{" + inner + ("," + inner).join(lines) + newline + "}" if lines else "{}"


def sha256_of_document(document: Document) -> str:
    """Of the canonical text, in hexadecimal: equal for files that differ only in how they are laid out."""
    found = hashlib.sha256()
    for piece in canonical_pieces(document):
        found.update(piece.encode())
    return found.hexdigest()


def write_document(path: Path, document: Document) -> None:
    """Write the canonical text, whole or not at all; OutputError where it cannot be written.

    It is written to a hidden part file beside the target, flushed to the disk and renamed.
    """
    with StagedDocument(path, document) as staged:
        staged.publish()


def write_text(path: Path, text: str) -> None:
    """The same of a text; one that it stands for is replaced where a link leads to it, and keeps its mode."""
    path = resolved(path)
    with StagedDocument(path, text) as staged:
        staged.publish(path.stat().st_mode if is_there(path) else None)


class StagedDocument(StagedFile):
    """A document's canonical text, or a text as it is, staged."""

    def __init__(self, path: Path, document: Document | str | bytes) -> None:
        """Bytes are a text in UTF-8."""
        digest = hashlib.sha256()

        def encoded() -> Iterator[bytes]:
            for text in canonical_pieces(document) if isinstance(document, Document) else (document,):
                piece = text.encode() if isinstance(text, str) else text
                digest.update(piece)
                yield piece

        super().__init__(path, encoded())
        self.sha256 = digest.hexdigest()
        """Of the text, as `sha256_of_document` gives it."""
