"""JSON as text: parsed with nothing let through that `json` passes over, and with the place of every value.

`json` keeps the last of two equal keys without a word, takes NaN for a number and gives no positions; a project file
comes out of merges and editors, and whoever has to mend it wants line and column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import NoReturn

from stemmix.errors import ProjectError
from stemmix.signs import in_one_line

MAX_PROJECT_BYTES = 8 * 2**20
"""A project is written by people: 256 stems take 50 kB."""

MAX_NESTING = 64
"""Deepest nesting of a text that is read; our own documents reach 8. Far under Python's limit of recursion."""

Place = tuple[str | int, ...]
"""The way to a value: keys and indices from the root, `("stems", 0, "role")`."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+', re.DOTALL)
_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_WORDS = {"true": "true", "false": "false", "null": "null", "none": "null", "yes": "true", "no": "false"}
"""What other languages write in their place."""

_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?= |\r?$)", re.MULTILINE)


def parse_json(text: str, name: str, *, max_bytes: int = MAX_PROJECT_BYTES) -> object:
    """The value of a JSON text (RFC 8259), or a ProjectError `name:line:column: what is wrong`.

    Refused beside what is not JSON: more than `max_bytes`, nesting deeper than `MAX_NESTING`, two equal keys in one
    object, NaN and Infinity, half a surrogate pair, git's conflict markers. A byte order mark is passed over. Lines and
    columns count from one, columns in characters.
    """
    text = text.removeprefix("\ufeff")

    def refuse(offset: int, message: str) -> NoReturn:
        line, column = line_and_column(text, offset)
        raise ProjectError(f"{name}:{line}:{column}: {message}")

    if len(text) > max_bytes:
        refuse(0, f"holds more than {max_bytes // 2**20} MiB, the most that is read")
    if not text.strip():
        refuse(0, "is empty; expected a JSON object")
    if conflict := _CONFLICT.search(text):
        refuse(conflict.start(), "a git conflict marker: the merge is not resolved")
    if (deep := _first_too_deep(text)) is not None:
        refuse(deep, f"nested deeper than {MAX_NESTING} levels")
    try:
        value: object = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as fault:
        at = fault.pos
        if fault.msg.startswith("Illegal trailing comma"):  # since Python 3.13, which stops at the comma
            at = len(text) - len(text[at + 1 :].lstrip())
        refuse(at, _retold(fault.msg, text, at))
    except _DuplicateKeyError:
        offset, key = _first_duplicate(text)
        refuse(offset, f"key {in_one_line(json.dumps(key, ensure_ascii=False))} appears twice in one object")
    except _ConstantError as fault:
        constant = str(fault)
        refuse(_first_token(text, constant.__eq__), f"{constant} is not a JSON number")
    except ValueError:  # int() takes no more than some thousand digits
        refuse(_first_token(text, lambda token: token[0] != '"' and len(token) > 1000), "a number of absurd length")
    if re.search(r"\\u[dD][89a-fA-F]", text):
        half = _first_token(text, _holds_half_a_pair, default=-1)
        if half >= 0:
            refuse(half, "contains half of a surrogate pair, which is not a character")
    return value


def position_of(text: str, place: Place) -> tuple[int, int]:
    """Line and column, from one, of the value at `place` in a valid JSON text.

    A place that the text does not have stands where the nearest value that would hold it begins.

    >>> position_of('{"stems": [1, {"id": 2}]}', ("stems", 1, "id"))
    (1, 22)
    >>> position_of('{"stems": [1, {"id": 2}]}', ("stems", 1, "role"))
    (1, 15)
    """
    text = text.removeprefix("\ufeff")
    begin, deepest = 0, -1
    for here, _, value_at in values_of(text):
        if here == place:
            return line_and_column(text, value_at)
        if deepest < len(here) < len(place) and here == place[: len(here)]:
            begin, deepest = value_at, len(here)
    return line_and_column(text, begin)


def values_of(text: str) -> Iterator[tuple[Place, int, int]]:
    """Place, offset of the key (of the value itself in a list) and offset of the value, in the order of the text."""
    open_: list[str] = []
    way: list[str | int] = []
    key_at: int | None = None
    for token in _TOKEN.finditer(text):
        word, offset = token[0], token.start()
        if word == ":":
            continue
        if word == ",":
            key_at = None
            if open_[-1] == "[":
                way[-1] = int(way[-1]) + 1
        elif word in ("]", "}"):
            open_.pop()
            way.pop()
        elif open_ and open_[-1] == "{" and key_at is None:
            way[-1], key_at = json.loads(word, strict=False), offset
        else:
            yield tuple(way), offset if key_at is None else key_at, offset
            if word in ("[", "{"):
                open_.append(word)
                way.append(0 if word == "[" else "")
                key_at = None


class _DuplicateKeyError(Exception):
    pass


class _ConstantError(Exception):
    pass


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKeyError
    return found


def _no_constant(word: str) -> NoReturn:
    raise _ConstantError(word)


def _first_duplicate(text: str) -> tuple[int, str]:
    seen: set[Place] = set()
    for place, key_at, _ in values_of(text):
        if place in seen:
            return key_at, str(place[-1])
        seen.add(place)
    raise AssertionError("only called where a key stands twice")


def _first_token(text: str, wanted: Callable[[str], bool], default: int = 0) -> int:
    return next((token.start() for token in _TOKEN.finditer(text) if wanted(token[0])), default)


def _holds_half_a_pair(token: str) -> bool:
    return token[0] == '"' and any("\ud800" <= sign <= "\udfff" for sign in json.loads(token))


def _first_too_deep(text: str) -> int | None:
    depth = 0
    for token in _BRACKET.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            if depth > MAX_NESTING:
                return token.start()
        elif token[0] in ("]", "}"):
            depth -= 1
    return None


def _retold(said: str, text: str, at: int) -> str:
    """The parser's complaint, with the usual slips called by name."""
    rest = text[at:]
    if not rest.strip():
        return "the text ends before the JSON does"
    if rest[0] in "]}" and text[:at].rstrip().endswith(","):
        return f"a comma before the closing {rest[0]}"
    if rest.startswith(("//", "/*", "#")):
        return "JSON has no comments; `note` fields are for people"
    if rest[0] == "'":
        return "text goes in double quotes"
    word = re.match(r"[A-Za-z]+", rest)
    if word and (meant := _WORDS.get(word[0].lower())):
        return f"{word[0]} is written {meant} in JSON"
    return f"not JSON: {said[0].lower()}{said[1:].removesuffix(' at').removesuffix(' starting')}"


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
