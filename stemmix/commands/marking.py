"""The command that carries decisions into a workstation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stemmix.commands.choosing import FramesASecond, From, Scene, StemAround, To, choice_of, wrong_usage
from stemmix.commands.common import Debug, NoCache, Project, Quiet, Shown, Voice, app, known_name


@app.command()
def markers(
    context: typer.Context,
    project: Project,
    *,
    as_: Annotated[
        str, typer.Option("--as", metavar="FORMAT", help="reaper, audacity, edl or wav.", show_default=False)
    ],
    of: Annotated[
        str,
        typer.Option("--of", metavar="WHAT", help="Comma-separated: conflicts, moves, lines, scenes."),
    ] = "conflicts,moves",
    scene: Scene = None,
    stem: StemAround = None,
    start: From = None,
    end: To = None,
    fps: FramesASecond = None,
    copy_of: Annotated[
        Path | None, typer.Option("--copy-of", metavar="WAV", help="For wav: the file to copy and mark.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write; stdout if not given, for wav beside the WAV."),
    ] = None,
    no_cache: NoCache = False,
    progress: Shown = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Export conflicts and moves as markers for a workstation.

    For REAPER a CSV of markers and regions; for Audacity a label track with the bands of each; for DaVinci Resolve, and
    for what reads locators, an EDL on the project's timecode; or a copy of a WAV, such as the printmaster, with cue
    points, as NAME.markers.wav beside it. Prints the text, or the path of what was written.
    """
    from stemmix.destinations import refuse_target
    from stemmix.files.documents import write_text
    from stemmix.looking import examine
    from stemmix.marking import copy_beside, stem_in, wave_to_mark, write_marked
    from stemmix.report.markers import KINDS, LISTINGS, markers_of
    from stemmix.steps import part_of

    known_name(as_, dict.fromkeys([*LISTINGS, "wav"]), "--as")
    kinds = [kind.strip() for kind in of.split(",")]
    for kind in kinds:
        known_name(kind, KINDS, "--of")
    if (as_ == "wav") != (copy_of is not None):
        raise typer.BadParameter("names the WAV to copy: needed with --as wav, and only there", param_hint="--copy-of")
    choice = choice_of(scene, stem, start, end, fps)
    voice: Voice = context.obj
    if copy_of is None:
        if out is not None:
            refuse_target(out, project, "--out")
        with wrong_usage(), voice.shown() as told:
            plan = examine(project, progress=told, use_cache=not no_cache, choice=choice).plan
        found = markers_of(plan, kinds)
        text, notes = LISTINGS[as_](plan, found)
        if out is not None:
            write_text(out, text)
    else:
        file = wave_to_mark(copy_of)
        out = copy_beside(copy_of) if out is None else out
        refuse_target(out, project, "--out", marked=copy_of)
        with wrong_usage(), voice.shown() as told:
            seen = examine(project, progress=part_of(told, 0.0, 0.9), use_cache=not no_cache, choice=choice)
            found, copied = markers_of(seen.plan, kinds), stem_in(file, project, seen.stems)
            notes = write_marked(file, out, seen.plan, found, part_of(told, 0.9, 1.0), copied)
    for note in notes if found else ["there is nothing to mark"]:
        voice.say(f"note: {note}")
    voice.data(text if out is None else f"{out}\n")
