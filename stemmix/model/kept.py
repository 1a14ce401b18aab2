"""What is kept between one run and the next, and where: it can all be found out again."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from stemmix.model.document import Document

KEPT_SCHEMA: Final = "stemmix.cache/1"


class KeptKind(Document):
    """Entries of one kind."""

    kind: str
    entries: int
    bytes: int


class Cleared(Document):
    """What was forgotten just now."""

    entries: int
    bytes: int


class Kept(Document):
    """The user's cache."""

    schema_: Literal["stemmix.cache/1"] = Field(alias="schema")
    folder: str | None
    """None where there is no place for one: nothing is kept."""
    kinds: tuple[KeptKind, ...]
    entries: int
    bytes: int
    limit_bytes: int
    """What was used longest ago is forgotten until the rest fits."""
    oldest_s: int | None
    """When the entry that was used longest ago was used, in seconds since the epoch; None where there is no entry."""
    newest_s: int | None
    """The same of the one that was used last."""
    kernels_folder: str | None
    kernels_bytes: int
    """Of compiled code; it lies beside the entries, and is no part of what the limit holds for."""
    cleared: Cleared | None = None
    """None where nobody asked for that."""
    notes: tuple[str, ...] = ()
