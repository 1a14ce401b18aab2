"""Whether a render could be had again: what has changed since, and how what is rendered now differs."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from stemmix.model.document import Document

VERIFY_SCHEMA: Final = "stemmix.verify/1"

What = Literal["project", "plan", "stem", "gain", "version", "processor"]
State = Literal["same", "changed", "missing", "unknown"]


class Looked(Document):
    """One thing that samples depend on, held against what the receipt says of it."""

    what: What
    name: str
    """File, stem and file, or library."""
    state: State
    """`unknown` where the receipt, of an older version, does not say."""
    details: tuple[str, ...] = ()
    """What of it differs, or cannot be told, a line each."""


class RenderedAgain(Document):
    """A written file, and the same rendered now."""

    path: str
    deliverable: str
    on_disk: Literal["same", "changed", "missing"]
    """Whether it still is the file that the receipt describes."""
    result: Literal["bytes", "samples", "differs", "unknown"]
    """Rendered again it has the same bytes, else the same samples, or others; or nobody can tell."""
    peak_dbfs: float | None = None
    """Of samples that differ: the largest difference in any channel."""
    first_s: float | None = None
    """Where the first of them is, in seconds from the file's beginning."""
    text: str = ""
    """What else there is to say: why it cannot be told, or in what it differs beside its samples."""


class Verification(Document):
    """All of it."""

    schema_: Literal["stemmix.verify/1"] = Field(alias="schema")
    title: str
    receipt: str
    """File name."""
    looked: tuple[Looked, ...]
    files: tuple[RenderedAgain, ...]
    obstacle: str | None = None
    """Why it could not be rendered again."""
    same: bool
    """Whether every file was rendered again with the same samples."""

    @property
    def changed(self) -> tuple[Looked, ...]:
        """What is not, or may not be, as it was."""
        return tuple(one for one in self.looked if one.state != "same")
