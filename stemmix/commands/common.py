"""What all commands share: how they speak, their common options, the program they belong to."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO, TypeVar

import typer

from stemmix import __version__
from stemmix.errors import OutputError, StemmixError
from stemmix.signs import harmless
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
        """What was asked for, to stdout. OutputError where it cannot be written."""
        try:
            _write(sys.stdout, text)
        except OSError as fault:
            raise untold(fault) from None

    def say(self, message: str) -> None:
        """A message for a person, to stderr, unless quiet is wanted."""
        if self.quiet:
            return
        if self.lines is not None:
            self.lines.note(message)
        else:
            _write_if_heard(f"{harmless(message)}\n")

    def shown(self) -> AbstractContextManager[Progress]:
        """Takes how far a job has come, and shows it as it is wanted."""
        from stemmix.report.progress import How, shown

        if self.lines is not None:
            return nullcontext(self.lines.tell)
        if sys.stderr is None:  # closed by whoever began the process
            return nullcontext(lambda step: None)
        return shown(How(self.progress), self.quiet, _write_if_heard)

    def begin_lines(self, command: str) -> None:
        """Say on stderr what happens, a line of JSON each."""
        from stemmix.report.progress import JsonLines

        self.lines = JsonLines(command, _write_if_heard)

    def complain(self, error: StemmixError) -> None:
        """What a person has to mend, to stderr; with the way there where it is wanted."""
        if self.debug:
            traceback.print_exception(error)
        if self.lines is not None:
            self.lines.note(f"error: {error}")
        else:
            _write_if_heard(f"stemmix: error: {harmless(str(error))}\n")

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


def _write(stream: TextIO | None, text: str) -> None:
    """To stdout or stderr, or what stands there where it was closed by whoever began the process. OSError where it
    cannot be written, StoppedError where nobody reads it any more."""
    if stream is None:
        raise OSError(errno.EBADF, "it is closed")
    try:
        with unbroken():  # a line is written whole
            try:
                stream.write(text)
            except UnicodeEncodeError:  # of which nothing was written
                stream.write(_in_signs_of(stream.encoding, text))
            stream.flush()
    except OSError as fault:
        give_up(stream)
        if isinstance(fault, BrokenPipeError):
            raise StoppedError(signal.SIGPIPE) from None
        raise


def give_up(stream: TextIO) -> None:
    """Let go of what waits to be written: the interpreter flushes once more at its end, and would complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def untold(fault: OSError) -> OutputError:
    """What is said where an answer cannot be written."""
    return OutputError(f"stdout: cannot be written: {fault.strerror or fault}")


def _write_if_heard(message: str) -> None:
    """To stderr; where that cannot be written, there is nobody to tell of it, and work goes on."""
    with suppress(OSError):
        _write(sys.stderr, message)


def _in_signs_of(encoding: str, text: str) -> str:
    """A text for a stream that has not all of its signs; JSON has escapes of its own, and is read as what it was."""
    if _is_json(text):
        return re.sub(r"[^\x00-\x7f]", lambda sign: json.dumps(sign[0])[1:-1], text)
    from stemmix.report.tables import in_ascii

    return in_ascii(text).encode(encoding, "backslashreplace").decode(encoding)


def _is_json(text: str) -> bool:
    with suppress(ValueError):
        return isinstance(json.loads(text), dict | list)
    return False


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
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(PROGRESS)}")
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
Stem = Annotated[str | None, typer.Option("--stem", metavar="ID", help="This stem only.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]
AudioFiles = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", help="WAV, AIFF, CAF, FLAC, Ogg, MP3: what libsndfile reads.", show_default=False),
]
LayoutOfFiles = Annotated[
    str | None, typer.Option("--layout", metavar="NAME", help="Layout of their channels: 2.0, 5.1, 7.1.4 ...")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Analyse every stem anew, and keep nothing.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", callback=_set_quiet, help="No messages but errors.")]
Shown = Annotated[
    str,
    typer.Option(
        "--progress",
        metavar="HOW",
        callback=_set_progress,
        is_eager=True,
        help="Progress on stderr: a bar on a terminal (auto), bar, json (a line each) or none.",
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
    return shutil.get_terminal_size().columns if _on_terminal() else 120


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()  # None: closed by whoever began the process


def page() -> Page:
    """What text is set for: the terminal's columns and colours; where there is none, enough for any table, and plain.

    No colours where `NO_COLOR` is set (no-color.org) or the terminal calls itself dumb.
    """
    from rich.console import Console

    from stemmix.report.tables import Page

    if not _on_terminal() or os.environ.get("NO_COLOR"):
        return Page(width())
    return Page(width(), Console(file=sys.stdout).color_system)
