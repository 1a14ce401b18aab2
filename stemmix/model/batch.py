"""Many projects rendered in one go: what came of each, and of all."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from stemmix.model.document import Document

BATCH_SCHEMA: Final = "stemmix.batch/1"

Came = Literal["done", "missed", "skipped", "failed"]
"""`missed`: it was rendered, and a deliverable misses its specification. `skipped`: its receipt proved it done."""

_BEST_TO_WORST: Final = (0, 5, 3, 4, 6, 1)
"""Exit codes; a worker that was killed, 128 and more, is worse than all of them."""


class Outcome(Document):
    """What came of one project."""

    project: str
    """As it was given."""
    came: Came
    exit_code: Annotated[int, Field(ge=0, le=255)]
    """What `render` of it alone would end with; 1 where the program itself is at fault; 128 plus the number of the
    signal that ended its worker, 137 where the system killed it for want of memory."""
    why: str | None = None
    """Why it failed, or what it misses."""
    not_skipped: str | None = None
    """What its receipt did not prove, where it would have been skipped."""
    receipt: str | None = None
    """Path of the receipt that stands there now."""
    deliverable: str | None = None
    """The first master, which is measured here."""
    integrated_lufs: float | None = None
    true_peak_dbtp: float | None = None
    audio_s: float | None = None
    """Length of the programme."""
    wall_s: float | None = None
    """How long it took, waiting for another one at the same included."""
    speed: float | None = None
    """Times real time; None of what was not rendered now."""
    notes: tuple[str, ...] = ()
    """What else was said meanwhile."""


class Batch(Document):
    """All of them, in the order in which they were given."""

    schema_: Literal["stemmix.batch/1"] = Field(BATCH_SCHEMA, alias="schema")
    exit_code: int
    """The worst project's."""
    done: int
    missed: int
    skipped: int
    failed: int
    wall_s: float
    speed: float | None
    """Audio that was rendered, over the time that all of it took."""
    projects: tuple[Outcome, ...]


def worst(exit_codes: list[int]) -> int:
    """Of several projects: the one that leaves most undone.

    From best to worst: 0 done; 5 written, and misses its specification; 3 the project is invalid, 4 a stem is unsound;
    6 nothing could be written; 1 the program is at fault; 128 and more, its worker was killed. 7, no cluster to work
    on, and whatever else there is, stands before 1.

    >>> worst([0, 5, 3]), worst([137, 6, 0]), worst([])
    (3, 137, 0)
    """
    return max(exit_codes, key=_rank, default=0)


def _rank(exit_code: int) -> float:
    if exit_code >= 128:
        return exit_code
    return _BEST_TO_WORST.index(exit_code) if exit_code in _BEST_TO_WORST else len(_BEST_TO_WORST) - 1.5
