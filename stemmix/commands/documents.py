"""Commands for project files as text: their form, their versions, their differences."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from stemmix.commands.common import AsJson, Debug, NoCache, Project, Quiet, Shown, Voice, app, known_name, width
from stemmix.errors import ProjectError, StemmixError

ProjectFiles = Annotated[list[Path], typer.Argument(metavar="FILE", help="Project files.", show_default=False)]


@app.command()
def fmt(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Project files and lists of reels; `-` reads one from stdin and writes it to stdout.",
            show_default=False,
        ),
    ],
    *,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit code 1 if a file would change.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Rewrite project files in their canonical form.

    Fields in a fixed order, two spaces of indent, one thing per line, defaults left out: a diff of two files is then a
    diff of two mixes. Files are rewritten in place, whole or not at all, and the names of those that change are
    printed. Paths in a project read from stdin are relative to the current folder.
    """
    from stemmix.files.projects import formatted

    if Path("-") in files:
        if len(files) > 1:
            raise typer.BadParameter("- must be the only argument", param_hint="FILE...")
        _filtered(context.obj, check=check)
    else:
        _rewritten(context.obj, files, formatted, check=check)


def _filtered(voice: Voice, *, check: bool) -> None:
    """What an editor pipes through `fmt -`: stdin, to stdout in its one form."""
    from stemmix.files.documents import from_disk
    from stemmix.files.projects import formatted

    if sys.stdin is None:
        raise ProjectError("-: stdin is closed: there is nothing to read")
    typed, place = sys.stdin.buffer.read(), Path("-")
    text, form = formatted(place, read=lambda path: typed if path == place else from_disk(path))
    voice.data("" if check else form)
    if check and text != form:
        raise typer.Exit(1)


@app.command()
def migrate(
    context: typer.Context,
    files: ProjectFiles,
    *,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit code 1 if a file is old.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Bring project files of older versions up to date.

    Older files are read as they are; this writes down what they mean today. Prints the names of those that change.
    """
    from stemmix.files.projects import migrated

    _rewritten(context.obj, files, migrated, check=check)


def _rewritten(
    voice: Voice, files: Sequence[Path], rewrite: Callable[[Path], tuple[str, str] | None], *, check: bool
) -> None:
    """Each file in its new text, where that is another; a file that cannot be read stops none of the others."""
    from stemmix.files.documents import write_text

    faults: list[StemmixError] = []
    changed = 0
    for file in files:
        try:
            texts = rewrite(file)
            if texts is None or texts[0] == texts[1]:
                continue
            if not check:
                write_text(file, texts[1])
        except StemmixError as fault:
            faults.append(fault)
            voice.complain(fault)
            continue
        changed += 1
        voice.data(f"{file}\n")
    if faults:
        raise typer.Exit(max(fault.exit_code for fault in faults))
    if check and changed:
        raise typer.Exit(1)


@app.command()
def diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="A", help="Project file, or REV:FILE of git.", show_default=False)],
    after: Annotated[
        str | None,
        typer.Argument(metavar="B", help="The same; if left out, A in HEAD is compared with A.", show_default=False),
    ] = None,
    *,
    plan: Annotated[bool, typer.Option("--plan", help="Make both plans now, and compare their decisions.")] = False,
    plan_a: Annotated[
        str | None, typer.Option("--plan-a", metavar="FILE", help="The stored plan of A; REV:FILE too.")
    ] = None,
    plan_b: Annotated[str | None, typer.Option("--plan-b", metavar="FILE", help="The stored plan of B.")] = None,
    audio: Annotated[
        bool, typer.Option("--audio", help="Render both and subtract one from the other; decisions are compared too.")
    ] = False,
    beside: Annotated[
        Path | None,
        typer.Option(
            "--beside", metavar="FILE", help="A and B are copies: read them as if they were in the place of FILE."
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="How many moves the text shows.")] = 20,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit code 1 where they differ.")] = False,
    json: AsJson = False,
    no_cache: NoCache = False,
    progress: Shown = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """What changed between two versions of a mix.

    What they ask for, in words; what is done, where both versions have a plan in out/ beside them, or with --plan;
    what is heard, with --audio. Writes nothing but into the cache. Exit code 0 whether they differ or not.
    """
    from stemmix.compare import Wanted, difference, sides_of
    from stemmix.report.differences import difference_json, difference_text

    if (plan or audio) and (plan_a or plan_b):
        raise typer.BadParameter(
            "decisions are either made now, or taken from stored plans with --plan-a and --plan-b", param_hint="--plan"
        )
    voice: Voice = context.obj
    sides = sides_of(before, after, beside)
    wanted = Wanted(plan=plan, plans=(plan_a, plan_b), audio=audio, use_cache=not no_cache)
    with voice.shown() as told:
        found = difference(*sides, wanted, progress=told)
    voice.data(difference_json(found) if json else difference_text(found, width(), top))
    if exit_code and not found.is_empty:
        raise typer.Exit(1)


@app.command()
def show(
    context: typer.Context,
    project: Project,
    *,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="The whole project as JSON: templates joined, older versions up to date.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show a project file in words, one thing per line.

    What the file says by itself, without looking at stems or templates, so that git can show differences with it
    (`git config diff.stemmix.textconv "stemmix show"`); of a file that is not valid, its text.
    """
    from stemmix.files.documents import canonical, from_disk, text_of
    from stemmix.files.projects import read_project, read_project_file
    from stemmix.report.project import project_text

    voice: Voice = context.obj
    if resolved:
        voice.data(canonical(read_project(project)))
        return
    try:
        told = project_text(read_project_file(project))
    except ProjectError as fault:
        told = text_of(project, from_disk, sys.maxsize, errors="backslashreplace")
        voice.say(f"not valid, so shown as it is: {fault}")
    voice.data(told)


@app.command()
def schema(
    context: typer.Context,
    document: Annotated[
        str,
        typer.Argument(
            metavar="DOCUMENT",
            help="project (the default), or report or comparison: what `report --json` prints.",
            show_default=False,
        ),
    ] = "project",
    *,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Print the JSON Schema of a document."""
    from stemmix.files.schema import SCHEMAS

    voice: Voice = context.obj
    if (made := known_name(document, SCHEMAS, "DOCUMENT")) is not None:
        voice.data(made())
