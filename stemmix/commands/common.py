"""What all commands share: how they speak, their common options, the program they belong to."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TextIO, TypeVar

import typer

from stemmix import __version__
from stemmix.errors import StemmixError

Named = TypeVar("Named")


class StoppedError(BaseException):
    """Somebody wants an end: a signal, or a reader that has gone.

    Not an `Exception`, and not `KeyboardInterrupt`: nothing on the way up may take it for its own, and every `finally`
    runs.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@dataclass
class Voice:
    """How a command speaks, by `--quiet` and `--debug`, which may stand before or after its name."""

    quiet: bool = False
    debug: bool = False

    def data(self, text: str) -> None:
        """What was asked for, to stdout."""
        self._write(sys.stdout, text)

    def say(self, message: str) -> None:
        """A message for a person, to stderr, unless quiet is wanted."""
        if not self.quiet:
            self._write(sys.stderr, f"{message}\n")

    def complain(self, error: StemmixError) -> None:
        """What a person has to mend, to stderr; with the way there where it is wanted."""
        if self.debug:
            traceback.print_exception(error)
        self._write(sys.stderr, f"stemmix: error: {error}\n")

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        try:
            try:
                stream.write(text)
            except UnicodeEncodeError:  # of which nothing was written
                encoding = stream.encoding
                stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()
        except BrokenPipeError:
            # the interpreter flushes once more at its end, and would complain
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
            raise StoppedError(signal.SIGPIPE) from None


def _set_quiet(context: typer.Context, value: bool) -> None:
    context.obj.quiet |= value


def _set_debug(context: typer.Context, value: bool) -> None:
    context.obj.debug |= value


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
