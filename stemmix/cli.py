"""The command line: reads arguments, calls the rooms, says what came of it. No logic of mixing lives here.

Data goes to stdout, messages to stderr. Whatever a command needs is imported inside it, so that `stemmix --help` does
not wait for numpy. Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3, 4 and 6 by the error (`errors`), 5 a
deliverable misses its specification, 128 plus the number of the signal that ended it (130, 143).
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn

import typer

# each adds its commands to the program, in the order of the help
# isort: off
from stemmix.commands import mixing  # noqa: F401
from stemmix.commands import measuring  # noqa: F401
from stemmix.commands import documents  # noqa: F401

# isort: on
from stemmix.commands.common import Debug, Quiet, StoppedError, Voice, app, show_version
from stemmix.errors import StemmixError
from stemmix.machine import keep_freed_memory


@app.callback()
def _common(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Options that stand before any command."""


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise in the main thread, so that cleaning up runs; a second one ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    # a signal that is ignored from the start (nohup, a shell's background job) stays so
    numbers = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)
        raise StoppedError(number)

    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name; by default the process's own) and return its exit code."""
    voice = Voice()
    keep_freed_memory()
    try:
        with _signals_raise():
            try:
                app(list(sys.argv[1:] if arguments is None else arguments), prog_name="stemmix", obj=voice)
            except StemmixError as error:
                voice.complain(error)
                return error.exit_code
            except SystemExit as end:  # how typer ends, whatever came of it
                return end.code if isinstance(end.code, int) else int(end.code is not None)
    except StoppedError as stopped:
        return stopped.exit_code
    return 0
