"""How far a command has come: what work tells of itself, and the lines that programs read of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

from stemmix.model.document import Document

PROGRESS_SCHEMA: Final = "stemmix.progress/1"

Stage = Literal["open", "align", "listen", "decide", "mix", "write", "print", "examine", "compare", "read", "render"]
"""In the order in which a job has them: stems opened, brought into line, listened to; decisions
made; stems mixed, masters written, parts printed, what was written examined. `verify` compares; `measure` and `qc`
read; many projects are rendered, each by itself.
"""


class Step(NamedTuple):
    """How far a job has come."""

    stage: Stage
    share: float
    """Of the whole job, 0 to 1: of the time that it takes, as far as anybody can tell."""
    audio_s: float | None = None
    """Length of all that the job works on, in seconds: of several reels their sum. None before it is known."""
    reel: int = 1
    """Which of several reels is worked on, from 1."""
    reels: int = 1


Progress = Callable[[Step], None]
"""Told how far the whole job has come. Called from any thread, one at a time; the share never falls."""


class ProgressLine(Document):
    """A line of `--progress json`: what has happened, and how far everything is. All fields stand in every line."""

    schema_: Literal["stemmix.progress/1"] = Field(PROGRESS_SCHEMA, alias="schema")
    event: Literal["start", "stage", "progress", "note", "done", "failed"]
    """`start` is the first line, `done` or `failed` the last, whatever came of it. `stage`: another one begins."""
    command: str
    stage: Stage | None = None
    """What is being done; null before anything is, and in the last line."""
    share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Of the whole job; it never falls."""
    reel: int = 1
    reels: int = 1
    audio_s: float | None = None
    """Length of what is worked on, reels together, in seconds; null before it is known, and of files that are only read
    and many projects."""
    done_s: float | None = None
    """`share` of it."""
    elapsed_s: float
    """Since the first line."""
    speed: float | None = None
    """`done_s` over `elapsed_s`: times real time."""
    eta_s: float | None = None
    """How much longer it will take, as far as anybody can tell; null until enough is done to say."""
    text: str | None = None
    """Of a `note`, and why it `failed`."""
    exit_code: int | None = None
    """Of the last line: that of the process."""
