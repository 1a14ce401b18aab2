"""A programme in reels, or an album in songs: projects that are measured as one and share every gain."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stemmix.model.document import Document, RelativePath, Title

PROGRAMME_SCHEMA = "stemmix.programme/1"


class ProgrammeList(Document):
    """Which reels a programme has. All list the same printmasters, with the same specifications."""

    schema_: Literal["stemmix.programme/1"] = Field(alias="schema")
    title: Title
    reels: Annotated[tuple[RelativePath, ...], Field(min_length=1, max_length=256)]
    """Project files in order, relative to this file."""
    note: str | None = None
