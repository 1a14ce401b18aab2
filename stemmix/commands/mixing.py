"""Commands that make a project, mix it, and hold what was mixed to account."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from stemmix.commands.common import AsJson, Debug, NoCache, Quiet, Shown, Voice, app, known_name, width
from stemmix.commands.rendering import render_as_one, render_each, runner_for


@app.command()
def init(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Folder of stems.", show_default=False)
    ] = None,
    *,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Kind of programme: film, series, trailer, documentary, podcast, music, game or speech. If not given, "
            "the template's, else film.",
        ),
    ] = None,
    template: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A template project, which the new one extends.")
    ] = None,
    from_receipt: Annotated[
        Path | None,
        typer.Option(
            metavar="RECEIPT",
            help="Take the settings of the project in this receipt; without FOLDER, restore that project.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write the restored project, if not where it was."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a project that exists.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make a project file from a folder of stems, or from a receipt.

    Every audio file in FOLDER becomes a stem of FOLDER.json, beside it, with an id and a role taken from the words of
    its name; the profile decides which word means which role. Mono files fx.L.wav and fx.R.wav become one stem. Stems
    are placed where the time references of broadcast WAVE files say. Says what each file was taken for and what it
    could not tell, and prints the path of the project. Only headers are read: `check` reads the files whole.
    """
    from stemmix.create import create_project
    from stemmix.model.profiles import PROFILES
    from stemmix.recreate import project_like, restore_project

    known_name(profile, PROFILES, "--profile")
    if template is not None and from_receipt is not None:
        raise typer.BadParameter(
            "a receipt's project already holds all that its templates gave", param_hint="--template"
        )
    if out is not None and (folder is not None or from_receipt is None):
        raise typer.BadParameter("is only for --from-receipt without a folder", param_hint="--out")
    voice: Voice = context.obj
    if from_receipt is None:
        if folder is None:
            raise typer.BadParameter("expected a folder of stems, or --from-receipt RECEIPT", param_hint="FOLDER")
        project, path, notes = create_project(folder, profile, template=template, force=force)
    elif folder is None:
        if profile is not None:
            raise typer.BadParameter("a receipt's project has its own profile", param_hint="--profile")
        project, path, notes = restore_project(from_receipt, out, force=force)
    else:
        project, path, notes = project_like(from_receipt, folder, profile, force=force)
    for stem in project.stems:
        voice.say(f"{stem.role:9} {stem.id}: {stem.named}")
    for note in notes:
        voice.say(f"note: {note}")
    # only the headers were read: what is wrong further on is found there, not here
    voice.say(f"next: stemmix check {shlex.quote(str(path))} reads every file to its end")
    voice.data(f"{path}\n")


@app.command()
def render(
    context: typer.Context,
    projects: Annotated[
        list[Path] | None, typer.Argument(metavar="PROJECT", help="Project files.", show_default=False)
    ] = None,
    *,
    programme: Annotated[
        Path | None,
        typer.Option("--programme", metavar="FILE", help="Render the reels that FILE lists; they share all gains."),
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
    stale_ok: Annotated[
        bool,
        typer.Option("--stale-ok", help="Mix a stored plan as far as it fits, even if its stems have changed since."),
    ] = False,
    jobs: Annotated[
        str | None,
        typer.Option(
            "--jobs",
            metavar="N",
            help="Of many projects, how many at once; they share the cores. As many as there are cores and memory for "
            "if not given (auto, or 0).",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip the projects that their receipts prove done; every file is checked.")
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="ADDRESS",
            help="Render on the workers of a dask scheduler, tcp://host:port; they must see the same files under the "
            "same paths.",
        ),
    ] = None,
    json: AsJson = False,
    no_cache: NoCache = False,
    progress: Shown = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Mix the stems and write every deliverable.

    Beside the audio stand the plan, with every decision, and the receipt, with what was measured on every file.

    Exit code 5 if a deliverable misses its specification; the files are written all the same.

    Several projects are rendered independently: a failure in one never stops the others, and the exit code is the
    worst one's. From best to worst: 0, 5, 3, 4, 6, 7, 1, and 128 or more where a worker was killed twice.
    """
    from stemmix.reels import reels_of

    if (not projects) == (programme is None):
        raise typer.BadParameter("expected either projects or --programme FILE", param_hint="PROJECT")
    if programme is not None and plan is not None:
        raise typer.BadParameter("a plan belongs to one reel; render that reel with --gain-from", param_hint="--plan")
    if stale_ok and plan is None:
        raise typer.BadParameter("is for a stored plan only: give --plan FILE", param_hint="--stale-ok")
    voice: Voice = context.obj
    alone = projects or []
    if len(alone) > 1 or jobs is not None or resume or cluster is not None:
        if programme is not None:
            raise typer.BadParameter(
                "the reels of a programme are rendered as one, on this machine: --jobs, --resume and --cluster are for "
                "separate projects",
                param_hint="--programme",
            )
        if plan is not None:
            raise typer.BadParameter("a plan belongs to one project, rendered alone", param_hint="--plan")
        runner = runner_for(jobs, cluster)
        render_each(voice, alone, runner, out, gain_from=gain_from, resume=resume, use_cache=not no_cache, json=json)
        return
    paths = alone if programme is None else reels_of(programme)
    render_as_one(
        voice,
        paths,
        out,
        plan,
        gain_from=gain_from,
        stale_ok=stale_ok,
        use_cache=not no_cache,
        json=json,
        together=programme is not None,
    )


@app.command()
def nulltest(
    context: typer.Context,
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT", help="Of a render.", show_default=False)],
    *,
    json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Do the printed stems add up to their master?

    Reads the files that a receipt lists, and writes nothing. Exit code 1 if they do not add up.
    """
    from stemmix.nulltest import nulltest as tested
    from stemmix.report.written import nulltest_json, nulltest_text

    voice: Voice = context.obj
    result = tested(receipt)
    voice.data(nulltest_json(result) if json else nulltest_text(result, width()))
    if not result.passed:
        raise typer.Exit(1)


@app.command()
def verify(
    context: typer.Context,
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT", help="Of a render.", show_default=False)],
    *,
    project: Annotated[
        Path | None,
        typer.Option("--project", metavar="FILE", help="The project, if it is not where the receipt says."),
    ] = None,
    json: AsJson = False,
    progress: Shown = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Same inputs, same samples?

    Renders again from the stored plan into a temporary folder, compares every file that the receipt lists, and says
    what has changed since in project, plan, stems, libraries and processor. Writes nothing else.

    Exit code 1 if samples are not the same, or nobody can tell.
    """
    from stemmix.report.verification import verification_json, verification_text
    from stemmix.verify import verify as verified

    voice: Voice = context.obj
    with voice.shown() as told:
        found = verified(receipt, project, progress=told)
    voice.data(verification_json(found) if json else verification_text(found, width()))
    if not found.same:
        raise typer.Exit(1)
