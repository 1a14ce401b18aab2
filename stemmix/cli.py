"""The command line: reads arguments, calls the rooms, says what came of it. No logic of mixing lives here.

Data goes to stdout, messages to stderr. Whatever a command needs is imported inside it, so that `stemmix --help` does
not wait for numpy. Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3, 4 and 6 by the error (`errors`), 5 a
deliverable misses its specification, 128 plus the number of the signal that ended it (130, 143).
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn, TextIO, TypeVar

import typer

from stemmix import __version__
from stemmix.errors import StemmixError

Named = TypeVar("Named")


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
    """Make a project file of a folder of stems.

    FOLDER.json, beside FOLDER, has each audio file in it as a stem, with an id and a role from the words of its name:
    which word tells which role follows the profile. Says what each was taken for and what could not be told; prints the
    path of the project. Only headers are read: `check` reads the files whole.
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
    # only the headers were read: what is wrong further on is found there, not here
    voice.say(f"next: stemmix check {shlex.quote(str(path))} reads every file to its end")
    voice.data(f"{path}\n")


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
    """Is the project valid, are its stems sound?

    Reads every stem to its end and says how long and loud it is. Writes nothing.
    """
    from stemmix.pipeline import examine
    from stemmix.report.progress import shown
    from stemmix.report.stems import stems_json, stems_text

    voice: Voice = context.obj
    with shown(voice.quiet) as progress:
        evidence = examine(project, progress=progress, use_cache=not no_cache)
    voice.data(stems_json(evidence) if json else stems_text(evidence, _width()))


@app.command()
def report(
    context: typer.Context,
    project: Project,
    *,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="How many conflicts the text shows.")] = 10,
    compare: Annotated[
        bool, typer.Option("--compare", help="Beside the static seven-band equaliser that this replaces.")
    ] = False,
    json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Who masks whom, and what will be done.

    Where and how badly, which moves are made for it, and how clear each line becomes. Writes nothing.
    """
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
        typer.Argument(metavar="TIME", help="83.5, 1:23.5, 0:01:23.5, or a timecode, 00:01:23:12.", show_default=False),
    ],
    *,
    stem: Stem = None,
    fps: Annotated[
        str | None, typer.Option("--fps", metavar="RATE", help="Frames a second of a timecode; 25 if not given.")
    ] = None,
    json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """What is done at a moment, and why.

    Every move that reaches it, with what it is made for, what it buys and what stopped it. Writes nothing.
    """
    from stemmix.pipeline import examine, gains_at
    from stemmix.report.progress import shown
    from stemmix.report.why import why_json, why_text
    from stemmix.units import FRAME_RATES, has_frames, samples_from_seconds, seconds_from_samples, seconds_from_time

    voice: Voice = context.obj
    if fps is not None and fps not in FRAME_RATES:
        raise typer.BadParameter(f"{fps!r} is none of {', '.join(FRAME_RATES)}", param_hint="--fps")
    if fps is not None and not has_frames(time):
        raise typer.BadParameter(f"{time} has no frames to count: write a timecode, HH:MM:SS:FF", param_hint="--fps")
    try:
        seconds = seconds_from_time(time, fps or "25")
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="TIME") from None
    with shown(voice.quiet) as progress:
        evidence = examine(project, progress=progress, use_cache=not no_cache, asked_for=stem)
    plan = evidence.plan
    length_s = seconds_from_samples(plan.frames, plan.sample_rate)
    if seconds >= length_s:
        raise typer.BadParameter(f"{time} lies outside the programme, which is {length_s} s long", param_hint="TIME")
    # a time after the last sample's and before the end is that sample's
    sample = min(samples_from_seconds(seconds, plan.sample_rate), plan.frames - 1)
    gains = gains_at(plan, sample)
    voice.data(why_json(evidence, gains, sample, stem) if json else why_text(evidence, gains, sample, stem, _width()))


@app.command()
def render(
    context: typer.Context,
    project: Annotated[
        Path | None, typer.Argument(metavar="[PROJECT]", help="Project file.", show_default=False)
    ] = None,
    *,
    programme: Annotated[
        Path | None,
        typer.Option("--programme", metavar="FILE", help="Render the reels that FILE lists; they share every gain."),
    ] = None,
    gain_from: Annotated[
        Path | None,
        typer.Option("--gain-from", metavar="RECEIPT", help="Take the masters' gains from another render's receipt."),
    ] = None,
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
    """Mix, and write what is to be delivered.

    Beside the audio stand the plan, with every decision, and the receipt, with what was measured on every file.

    Exit code 5 if a deliverable misses its specification; the files are written all the same.
    """
    from stemmix.pipeline import render as rendered
    from stemmix.reels import folder_of, reels_of
    from stemmix.report.progress import shown
    from stemmix.report.written import receipt_text, receipts_json

    if (project is None) == (programme is None):
        raise typer.BadParameter("expected a project, or --programme FILE, and not both", param_hint="PROJECT")
    if programme is not None and plan is not None:
        raise typer.BadParameter("a plan is one reel's; render that reel with --gain-from", param_hint="--plan")
    voice: Voice = context.obj
    paths = reels_of(programme) if programme is not None else [project] if project is not None else []
    with shown(voice.quiet) as progress:
        receipts = rendered(paths, out, plan, gain_from=gain_from, progress=progress, use_cache=not no_cache)
    if json:
        voice.data(receipts_json(receipts, together=programme is not None))
    else:
        for path, receipt in zip(paths, receipts, strict=True):
            voice.data(receipt_text(receipt, folder_of(path, out), _width()))
    if not all(receipt.passed for receipt in receipts):
        raise typer.Exit(5)


@app.command()
def nulltest(
    context: typer.Context,
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT", help="Of a render.", show_default=False)],
    *,
    json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Do the printed stems add up to their master? Reads the files that a receipt lists; writes nothing.

    Exit code 1 if they do not.
    """
    from stemmix.nulltest import nulltest as tested
    from stemmix.report.written import nulltest_json, nulltest_text

    voice: Voice = context.obj
    result = tested(receipt)
    voice.data(nulltest_json(result) if json else nulltest_text(result, _width()))
    if not result.passed:
        raise typer.Exit(1)


@app.command()
def features(
    context: typer.Context,
    project: Project,
    *,
    stem: Stem = None,
    tonal: Annotated[bool, typer.Option("--tonal", help="Pitch and tempo too; takes a while.")] = False,
    json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """What is heard in each stem.

    Loudness, peaks, spectrum, onsets, activity. Writes nothing.
    """
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


def _known(name: str | None, known: Mapping[str, Named], where: str) -> Named | None:
    """What a name on the command line stands for; None where none was given."""
    if name is None or name in known:
        return None if name is None else known[name]
    from stemmix.files.faults import none_of

    raise typer.BadParameter(none_of(name, list(known)), param_hint=where)


def _width() -> int:
    """Columns to write in: the terminal's, or enough for any table where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 120


@app.command()
def presets(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="All about this one; left out, all of them in short.")
    ] = None,
    *,
    json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """What platforms, broadcasters and cinemas ask of a delivery, with sources and how sure they are."""
    from stemmix.model.presets import PRESETS
    from stemmix.report.presets import preset_text, presets_json, presets_text

    voice: Voice = context.obj
    _known(name, PRESETS, "NAME")
    if json:
        voice.data(presets_json(name))
    else:
        voice.data(presets_text(_width()) if name is None else preset_text(name, _width()))


@app.command()
def measure(
    context: typer.Context,
    files: AudioFiles,
    *,
    layout: LayoutOfFiles = None,
    json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Loudness, peaks, noise floor, Leq(m) and more of audio files; writes nothing.

    Exit code 4 if any of them cannot be read; the others are told all the same.
    """
    from stemmix.engine.measure import measured_files
    from stemmix.errors import StemError
    from stemmix.model.layouts import LAYOUTS
    from stemmix.report.measured import measured_json, measured_text

    voice: Voice = context.obj
    results = measured_files(files, _known(layout, LAYOUTS, "--layout"), os.cpu_count() or 1)
    faults = [result for result in results if isinstance(result, StemError)]
    measured = [result for result in results if not isinstance(result, StemError)]
    for warning in (warning for file in measured for warning in file.warnings):
        voice.say(f"note: {warning}")
    for fault in faults:
        voice.complain(fault)
    voice.data(measured_json(measured) if json else measured_text(measured, _width()))
    if faults:
        raise typer.Exit(faults[0].exit_code)


@app.command()
def qc(
    context: typer.Context,
    files: AudioFiles,
    *,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help="Judge by what this one asks, too: see presets.")
    ] = None,
    layout: LayoutOfFiles = None,
    json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Quality control of audio files: clipping, dropouts, phase and more, and where; writes nothing.

    Exit code 5 if any of them fails; 4 if any cannot be read, the others are told all the same.
    """
    from stemmix.engine.examine import examined_files
    from stemmix.errors import StemError
    from stemmix.model.layouts import LAYOUTS
    from stemmix.model.presets import PRESETS
    from stemmix.report.qc import examined_json, examined_text

    voice: Voice = context.obj
    asked = _known(preset, PRESETS, "--preset")
    results = examined_files(
        files, None if asked is None else asked.specification, _known(layout, LAYOUTS, "--layout"), os.cpu_count() or 1
    )
    faults = [result for result in results if isinstance(result, StemError)]
    examined = [result for result in results if not isinstance(result, StemError)]
    for warning in (warning for one in examined for warning in one.file.warnings):
        voice.say(f"note: {warning}")
    for fault in faults:
        voice.complain(fault)
    voice.data(examined_json(examined) if json else examined_text(examined, _width()))
    if faults:
        raise typer.Exit(faults[0].exit_code)
    if any(one.verdict == "fail" for one in examined):
        raise typer.Exit(5)


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
