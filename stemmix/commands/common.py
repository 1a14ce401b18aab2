"""What all commands share: how they speak, their common options, the program they belong to."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO, TypeVar

import typer

from stemmix import __version__
from stemmix.errors import StemmixError
from stemmix.stopping import StoppedError, unbroken

if TYPE_CHECKING:
    from stemmix.model.progress import Progress
    from stemmix.report.progress import JsonLines
    from stemmix.report.tables import Page

Named = TypeVar("Named")

PROGRESS = ("auto", "bar", "json", "none")
"""What `--progress` takes."""


@dataclass
class Voice:
    """How a command speaks, by `--quiet` and `--debug`, which may stand before or after its name."""

    quiet: bool = False
    debug: bool = False
    progress: str = "auto"
    lines: JsonLines | None = None
    """Where `--progress json` is wanted: takes messages too, so that stderr holds nothing else."""

    def data(self, text: str) -> None:
        """What was asked for, to stdout."""
        self._write(sys.stdout, text)

    def say(self, message: str) -> None:
        """A message for a person, to stderr, unless quiet is wanted."""
        if self.quiet:
            return
        if self.lines is not None:
            self.lines.note(message)
        else:
            self._write(sys.stderr, f"{message}\n")

    def shown(self) -> AbstractContextManager[Progress]:
        """Takes how far a job has come, and shows it as it is wanted."""
        from stemmix.report.progress import How, shown

        return shown(How(self.progress), self.quiet) if self.lines is None else nullcontext(self.lines.tell)

    def begin_lines(self, command: str) -> None:
        """Say on stderr what happens, a line of JSON each."""
        from stemmix.report.progress import JsonLines

        self.lines = JsonLines(command, partial(self._write, sys.stderr))

    def complain(self, error: StemmixError) -> None:
        """What a person has to mend, to stderr; with the way there where it is wanted."""
        if self.debug:
            traceback.print_exception(error)
        if self.lines is not None:
            self.lines.note(f"error: {error}")
        else:
            self._write(sys.stderr, f"stemmix: error: {error}\n")

    @contextmanager
    def of_the_rooms(self) -> Iterator[None]:
        """Say what rooms tell the logger `stemmix`: what a person would wonder about while it takes its time."""
        log, said = logging.getLogger("stemmix"), _Said(self)
        level_before = log.level
        log.addHandler(said)
        log.setLevel(logging.INFO)
        try:
            yield
        finally:
            log.removeHandler(said)
            log.setLevel(level_before)

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        try:
            with unbroken():  # a line is written whole
                try:
                    stream.write(text)
                except UnicodeEncodeError:  # of which nothing was written
                    stream.write(_in_signs_of(stream.encoding, text))
                stream.flush()
        except BrokenPipeError:
            # the interpreter flushes once more at its end, and would complain
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
            raise StoppedError(signal.SIGPIPE) from None


def _in_signs_of(encoding: str, text: str) -> str:
    """A text for a stream that has not all of its signs; JSON has escapes of its own, and is read as what it was."""
    if text.startswith("{"):
        return re.sub(r"[^\x00-\x7f]", lambda sign: json.dumps(sign[0])[1:-1], text)
    from stemmix.report.tables import in_ascii

    return in_ascii(text).encode(encoding, "backslashreplace").decode(encoding)


class _Said(logging.Handler):
    def __init__(self, voice: Voice) -> None:
        super().__init__()
        self._voice = voice

    def emit(self, record: logging.LogRecord) -> None:
        self._voice.say(record.getMessage())


def _set_quiet(context: typer.Context, value: bool) -> None:
    context.obj.quiet |= value


def _set_debug(context: typer.Context, value: bool) -> None:
    context.obj.debug |= value


def _set_progress(context: typer.Context, value: str) -> None:
    if value not in PROGRESS:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(PROGRESS)}")
    context.obj.progress = value
    if value == "json":
        context.obj.begin_lines(context.info_name)


def show_version(context: typer.Context, value: bool) -> None:
    if value:
        context.obj.data(f"stemmix {__version__}\n")
        raise typer.Exit


Project = Annotated[
    Path, typer.Argument(metavar="PROJECT", help="Project file, as `stemmix init` makes it.", show_default=False)
]
Stem = Annotated[str | None, typer.Option("--stem", metavar="ID", help="Of this stem only.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]
AudioFiles = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Audio files.", show_default=False)]
LayoutOfFiles = Annotated[
    str | None, typer.Option("--layout", metavar="NAME", help="What the channels are: 2.0, 5.1, 7.1.4 ...")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Listen to every stem anew; keep nothing of it.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", callback=_set_quiet, help="No messages but errors.")]
Shown = Annotated[
    str,
    typer.Option(
        "--progress",
        metavar="HOW",
        callback=_set_progress,
        is_eager=True,
        help="How far it is, on stderr: a bar on a terminal (auto), bar, json (a line each) or none.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", callback=_set_debug, help="Show the traceback of an error.")]

app = typer.Typer(
    name="stemmix",
    help="Mix stems from a JSON project file: dialogue first, loudness-normalised, true-peak-limited.",
    epilog="Begin with `stemmix init FOLDER`; `stemmix COMMAND --help` explains each.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def known_name(name: str | None, known: Mapping[str, Named], where: str) -> Named | None:
    """What a name on the command line stands for; None where none was given."""
    if name is None or name in known:
        return None if name is None else known[name]
    from stemmix.files.faults import none_of

    raise typer.BadParameter(none_of(name, list(known)), param_hint=where)


def width() -> int:
    """Columns to write in: the terminal's, or enough for any table where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 120


def page() -> Page:
    """What text is set for: the terminal's columns and colours; where there is none, enough for any table, and plain.

    No colours where `NO_COLOR` is set (no-color.org) or the terminal calls itself dumb.
    """
    from rich.console import Console

    from stemmix.report.tables import Page

    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return Page(width())
    return Page(width(), Console(file=sys.stdout).color_system)
