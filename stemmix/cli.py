"""The command line: reads arguments, calls the rooms, says what came of it. No logic of mixing lives here.

Data goes to stdout, messages to stderr. Whatever a command needs is imported inside it, so that `stemmix --help` does
not wait for numpy. Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3, 4 and 6 by the error (`errors`), 5 a
deliverable misses its specification, 128 plus the number of the signal that ended it (130, 143).
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn, TextIO

import typer

from stemmix import __version__
from stemmix.errors import StemmixError


class _StoppedError(BaseException):
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
            stream.write(text)
            stream.flush()
        except BrokenPipeError:
            # the interpreter flushes once more at its end, and would complain
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
            raise _StoppedError(signal.SIGPIPE) from None


def _set_quiet(context: typer.Context, value: bool) -> None:
    context.obj.quiet |= value


def _set_debug(context: typer.Context, value: bool) -> None:
    context.obj.debug |= value


def _show_version(context: typer.Context, value: bool) -> None:
    if value:
        context.obj.data(f"stemmix {__version__}\n")
        raise typer.Exit


Quiet = Annotated[bool, typer.Option("--quiet", "-q", callback=_set_quiet, help="No messages but errors.")]
Debug = Annotated[bool, typer.Option("--debug", callback=_set_debug, help="Show the traceback of an error.")]

app = typer.Typer(
    name="stemmix",
    help="Mix stems from a JSON project file: dialogue first, loudness-normalised, true-peak-limited.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _common(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Options that stand before any command."""


@app.command()
def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of stems.", show_default=False)],
    *,
    profile: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Kind of programme: film, series, trailer, documentary, podcast, music, game or speech.",
        ),
    ] = "film",
    force: Annotated[bool, typer.Option("--force", help="Replace a project that exists.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make FOLDER.json beside FOLDER: ids and roles from the names of the audio files in it.

    Prints the path of the project; says which role each file was given and what could not be told.
    """
    from stemmix.create import create_project
    from stemmix.model.profiles import PROFILES

    if profile not in PROFILES:
        raise typer.BadParameter(f"{profile!r} is none of {', '.join(PROFILES)}", param_hint="--profile")
    voice: Voice = context.obj
    project, path, notes = create_project(folder, profile, force=force)
    for stem in project.stems:
        voice.say(f"{stem.role:9} {stem.id}: {stem.named}")
    for note in notes:
        voice.say(f"note: {note}")
    voice.data(f"{path}\n")


Project = Annotated[Path, typer.Argument(metavar="PROJECT", help="Project file.", show_default=False)]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Listen to every stem anew; keep nothing of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout.")]


@app.command()
def check(
    context: typer.Context,
    project: Project,
    *,
    json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Is the project valid, are its stems sound? Reads every stem to its end; writes nothing."""
    from stemmix.pipeline import examine
    from stemmix.report.progress import shown
    from stemmix.report.stems import stems_json, stems_text

    voice: Voice = context.obj
    with shown(voice.quiet) as progress:
        evidence = examine(project, progress=progress, use_cache=not no_cache)
    voice.data(stems_json(evidence) if json else stems_text(evidence, _width()))


@app.command()
def render(
    context: typer.Context,
    project: Project,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to write; out/ beside the project if not given.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="Mix from a stored plan; nothing is analysed.")
    ] = None,
    json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Mix: write every deliverable, the plan and the receipt.

    Exit code 5 if a deliverable misses its specification; the files are written all the same.
    """
    from stemmix import pipeline
    from stemmix.report.progress import shown
    from stemmix.report.written import receipt_json, receipt_text

    voice: Voice = context.obj
    with shown(voice.quiet) as progress:
        receipt = pipeline.render(project, out, plan, progress=progress, use_cache=not no_cache)
    voice.data(receipt_json(receipt) if json else receipt_text(receipt, out or project.parent / "out", _width()))
    if not receipt.passed:
        raise typer.Exit(5)


@app.command()
def report(
    context: typer.Context,
    project: Project,
    *,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="How many conflicts to show.")] = 10,
    compare: Annotated[bool, typer.Option("--compare", help="Beside frequency-based mixing.")] = False,
    json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Who masks whom, where, how badly, and what will be done about it. Writes nothing."""
    from stemmix.pipeline import examine
    from stemmix.report.masking import report_json, report_text
    from stemmix.report.progress import shown

    voice: Voice = context.obj
    with shown(voice.quiet) as progress:
        if compare:
            from stemmix.report.compare import comparison_json, comparison_text

            ours = examine(project, progress=progress, use_cache=not no_cache, method="multilevel")
            theirs = examine(project, progress=progress, use_cache=not no_cache, method="frequency")
            voice.data(comparison_json(ours, theirs) if json else comparison_text(ours, theirs, _width()))
            return
        evidence = examine(project, progress=progress, use_cache=not no_cache)
    voice.data(report_json(evidence) if json else report_text(evidence, _width(), top))


@app.command()
def why(
    context: typer.Context,
    project: Project,
    time: Annotated[
        str,
        typer.Argument(metavar="TIME", help="Seconds, M:SS.s, H:MM:SS.s or timecode, HH:MM:SS:FF.", show_default=False),
    ],
    *,
    stem: Annotated[str | None, typer.Option("--stem", metavar="ID", help="Of this stem only.")] = None,
    fps: Annotated[str, typer.Option("--fps", metavar="RATE", help="Frames a second of the timecode.")] = "25",
    json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """What is done at a moment, why, what it buys and what stopped it. Writes nothing."""
    from stemmix.pipeline import examine
    from stemmix.report.progress import shown
    from stemmix.report.tables import clock
    from stemmix.report.why import why_json, why_text
    from stemmix.units import FRAME_RATES, samples_from_seconds, seconds_from_time

    voice: Voice = context.obj
    if fps not in FRAME_RATES:
        raise typer.BadParameter(f"{fps!r} is none of {', '.join(FRAME_RATES)}", param_hint="--fps")
    try:
        seconds = seconds_from_time(time, fps)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="TIME") from None
    with shown(voice.quiet) as progress:
        evidence = examine(project, progress=progress, use_cache=not no_cache, asked_for=stem)
    plan = evidence.plan
    sample = samples_from_seconds(seconds, plan.sample_rate)
    if sample >= plan.frames:
        end = clock(plan.frames, plan.sample_rate)
        raise typer.BadParameter(f"{time} lies after the end of the programme, {end}", param_hint="TIME")
    voice.data(why_json(evidence, sample, stem) if json else why_text(evidence, sample, stem, _width()))


@app.command()
def features(
    context: typer.Context,
    project: Project,
    *,
    stem: Annotated[str | None, typer.Option("--stem", metavar="ID", help="Of this stem only.")] = None,
    tonal: Annotated[bool, typer.Option("--tonal", help="Pitch and tempo too; takes a while.")] = False,
    json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """What is heard in each stem. Writes nothing."""
    from stemmix.pipeline import examine
    from stemmix.report.features import features_json, features_text
    from stemmix.report.progress import shown

    voice: Voice = context.obj
    with shown(voice.quiet) as progress:
        evidence = examine(
            project,
            progress=progress,
            use_cache=not no_cache,
            asked_for=stem,
            tonal=(lambda one: stem in {None, one}) if tonal else None,
        )
    voice.data(features_json(evidence, stem) if json else features_text(evidence, stem, _width()))


def _width() -> int:
    """Columns to write in: the terminal's, or enough for any table where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 120


@app.command()
def schema(context: typer.Context, *, quiet: Quiet = False, debug: Debug = False) -> None:
    """Print the JSON Schema of the project file."""
    from stemmix.files.documents import project_schema

    voice: Voice = context.obj
    voice.data(project_schema())


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
        raise _StoppedError(number)

    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name; by default the process's own) and return its exit code."""
    voice = Voice()
    try:
        with _signals_raise():
            try:
                app(list(sys.argv[1:] if arguments is None else arguments), prog_name="stemmix", obj=voice)
            except StemmixError as error:
                voice.complain(error)
                return error.exit_code
            except SystemExit as end:  # how typer ends, whatever came of it
                return end.code if isinstance(end.code, int) else int(end.code is not None)
    except _StoppedError as stopped:
        return stopped.exit_code
    return 0
