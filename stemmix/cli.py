"""The command line: reads arguments, calls the rooms, says what came of it. No logic of mixing lives here.

Data goes to stdout, messages to stderr. Whatever a command needs is imported inside it, so that `stemmix --help` does
not wait for numpy. Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3, 4, 6 and 7 by the error (`errors`), 5 a
deliverable misses its specification, 128 plus the number of the signal that ended it (129, 130, 141, 143).
"""

from __future__ import annotations

import atexit
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

# each adds its commands to the program, in the order of the help
# isort: off
from stemmix.commands import mixing  # noqa: F401
from stemmix.commands import looking  # noqa: F401
from stemmix.commands import marking  # noqa: F401
from stemmix.commands import measuring  # noqa: F401
from stemmix.commands import documents  # noqa: F401
from stemmix.commands import keeping  # noqa: F401

# isort: on
from stemmix.commands.common import Debug, Quiet, Voice, app, give_up, show_version, untold
from stemmix.dsp import first_use
from stemmix.errors import OutputError, StemmixError
from stemmix.machine import begin_no_blas_threads, collect_seldom, keep_freed_memory
from stemmix.rehearsal import begin
from stemmix.stopping import StoppedError, raised_by_signals

ANSWERS = (0, 1, 5)
"""Exit codes of what was done as it was asked: yes, no, and not as it was specified."""

_NO_THREAD = "can't start new thread"
"""All that Python says then."""


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
    try:
        Path.cwd()
    except FileNotFoundError:  # numba asks for it, too
        raise OutputError("the current folder no longer exists: change to one that does") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name; by default the process's own) and return its exit code."""
    voice = Voice()
    keep_freed_memory()
    begin_no_blas_threads()
    collect_seldom()
    first_use.beside = begin
    why: str | None = None
    try:
        with raised_by_signals(), voice.of_the_rooms():
            try:
                _call(list(sys.argv[1:] if arguments is None else arguments), voice)
                code = 0
            except StemmixError as error:
                if voice.lines is None or voice.debug:
                    voice.complain(error)
                code, why = error.exit_code, str(error)
            except SystemExit as end:  # how typer ends, whatever came of it
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
                why = None if code in ANSWERS else f"ends with exit code {code}"
    except StoppedError as stopped:
        code, why = stopped.exit_code, "interrupted"
    except Exception as fault:
        if voice.lines is None:
            raise
        traceback.print_exc()
        code, why = 1, f"{type(fault).__name__}: {fault}"
    if voice.lines is not None:
        voice.lines.end(code, why)
    return code


def _call(arguments: list[str], voice: Voice) -> None:
    """Have typer call a command.

    It writes its help and what is wrong with a command line by itself: OutputError where the help cannot be written,
    or the system lets no thread begin; the other has its exit code whether somebody hears of it or not.
    """
    try:
        app(arguments, prog_name="stemmix", obj=voice)
    except RuntimeError as fault:
        if str(fault) != _NO_THREAD:
            raise
        raise OutputError(
            "the system lets no more threads start: this user or container has as many as it may"
        ) from None
    except OSError as fault:
        *_, (frame, _) = traceback.walk_tb(fault.__traceback__)
        if frame.f_globals["__name__"].partition(".")[0] not in ("typer", "click"):
            raise
        wrong = getattr(fault.__context__, "exit_code", None)
        give_up(sys.stdout if wrong is None else sys.stderr)
        if wrong is None:
            raise untold(fault) from None
        raise SystemExit(wrong) from None


def _reserve_streams() -> None:
    """What was closed by whoever began this process leads nowhere: else the next file that is opened takes its number,
    and what some library complains of is written into it. `sys.stdout` stays None, so that an answer is not lost in
    silence."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free


def run() -> NoReturn:
    """The process's own command line, and its end.

    Once threads are joined and all that asked to be told of the end has been, the process goes: the interpreter would
    take every module and object apart first, a fifth of a second after a render, for memory that is given back anyway.
    """
    _reserve_streams()
    code = 1  # where the interpreter tells of a fault

    def leave() -> None:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # closed by whoever began the process
                stream.flush()
        os._exit(code)

    atexit.register(leave)  # first here, last called
    code = main()
    sys.exit(code)
