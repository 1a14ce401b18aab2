"""What every document has in common: frozen, strict, nothing extra, no NaN, a named schema."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, TypeVar, dataclass_transform

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Class = TypeVar("Class")

MANY_NAMES = 16
"""More than these are not listed where one of them is close to what was given."""

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")

_TELLING_SIGNS = 3
"""Fewer are the beginning of too much."""

IDENTIFIER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"

Identifier = Annotated[str, Field(pattern=IDENTIFIER_PATTERN, max_length=64)]
"""Stands in file names: letters, digits, `_`, `-` and `.`, beginning with a letter or digit."""

TITLE_PATTERN = r"^[^\x00-\x1f\x7f-\x9f]*$"

Title = Annotated[str, Field(min_length=1, max_length=200, pattern=TITLE_PATTERN)]
"""Stands in a line of a terminal and of files: without control characters."""

RelativePath = Annotated[str, Field(min_length=1, max_length=1024)]
"""POSIX path, relative to the document that says it, or to a named root. Where it may lead is for whoever follows it:
`files.paths` lets none leave a project's folder."""


class Document(BaseModel):
    """Base of everything that is written as JSON."""

    model_config = ConfigDict(
        # strings of documents are not kept for the next ones: those of a plan of hours would keep its memory with them
        cache_strings="keys",
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
    )


def broken_rule(message: str, *place: str | int) -> PydanticCustomError:
    """What a validator raises where fields do not go together; `place` is the spot, below the model that is validated,
    that a reader of the file should look at."""
    return PydanticCustomError("rule", "{message}", {"message": message, "place": place})


def did_you_mean(value: object, known: Iterable[str]) -> str:
    """Which of the known names may have been meant, as a question; empty where none is near.

    A beginning is near, misspelt or not; a number is where the name is that number in quotes.

    >>> did_you_mean("dialog", ["dialogue", "music"]), did_you_mean("amb", ["music", "ambience"])
    ("did you mean 'dialogue'?", "did you mean 'ambience'?")
    >>> did_you_mean(25, ["24", "25"])
    'did you mean "25", in quotes?'
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        quoted = [name for name in known if _NUMBER.fullmatch(name) and float(name) == value]
        return f'did you mean "{quoted[0]}", in quotes?' if quoted else ""
    if not isinstance(value, str):
        return ""
    given = value.lower()
    small = {name.lower(): name for name in known}
    near = difflib.get_close_matches(given, small, n=1)
    if not near and len(given) >= _TELLING_SIGNS:
        near = [name for name in small if name.startswith(given)]
    if not near and len(given) > _TELLING_SIGNS:
        beginnings = {name[: len(given) + 1]: name for name in reversed(small)}
        near = [beginnings[one] for one in difflib.get_close_matches(given, beginnings, n=1, cutoff=0.8)]
    return f"did you mean {small[near[0]]!r}?" if near else ""


def unknown(value: str, what: str, known: Iterable[str]) -> str:
    """That a name is none of a document's.

    >>> unknown("fx", "stem of this project", ["DX", "FX_1"])
    "'fx' is not a stem of this project; expected one of DX, FX_1; did you mean 'FX_1'?"
    """
    names = list(known)
    said = [f"{value!r} is not a {what}"]
    said += [f"expected one of {', '.join(names)}" if len(names) <= MANY_NAMES else ""] if names else ["it has none"]
    return "; ".join(word for word in (*said, did_you_mean(value, names)) if word)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def item(cls: type[Class]) -> type[Class]:
    """What stands in a document in its thousands: read as strictly, written alike, an eighth of the memory.

    A slotted dataclass: made by the engine it is taken as it is, read from a file it is validated.
    """
    cls.__pydantic_config__ = Document.model_config  # type: ignore[attr-defined]
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)
