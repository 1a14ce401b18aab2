"""Commands that look at a project: its stems, who masks whom in it, and what will be done.

They write nothing but into the cache, and the page that `report --html` is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stemmix.commands.choosing import (
    FramesASecond,
    From,
    Scene,
    StemAround,
    To,
    choice_of,
    examined,
    set_side_by_side,
    write_page,
    wrong_usage,
)
from stemmix.commands.common import (
    AsJson,
    Debug,
    NoCache,
    Project,
    Quiet,
    Shown,
    Stem,
    Voice,
    app,
    known_name,
    page,
    width,
)


@app.command()
def check(
    context: typer.Context,
    project: Project,
    *,
    json: AsJson = False,
    no_cache: NoCache = False,
    progress: Shown = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Is the project valid, and are its stems sound?

    Reads every stem to its end and says how long and loud it is, and whether stems of one group, recorded together, lie
    apart in time or polarity. Writes nothing but into the cache.
    """
    from stemmix.looking import examine
    from stemmix.report.stems import stems_json, stems_text

    voice: Voice = context.obj
    with voice.shown() as told:
        evidence = examine(project, progress=told, use_cache=not no_cache, look_for_offsets=True)
    voice.data(stems_json(evidence) if json else stems_text(evidence, width()))


@app.command()
def report(
    context: typer.Context,
    project: Project,
    other: Annotated[
        Path | None,
        typer.Argument(
            metavar="B", help="Another project to set beside it; either may be a stored plan.", show_default=False
        ),
    ] = None,
    *,
    scene: Scene = None,
    stem: StemAround = None,
    start: From = None,
    end: To = None,
    fps: FramesASecond = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            metavar="N",
            min=1,
            help="How many conflicts, the largest: 10 in text, all in JSON and CSV, if not given. Of two plans: how "
            "many lines that differ.",
        ),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare with the static seven-band equaliser that this replaces.")
    ] = False,
    json: AsJson = False,
    csv: Annotated[bool, typer.Option("--csv", help="The conflicts as CSV on stdout, for spreadsheets.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with charts over time, one self-contained file."),
    ] = None,
    with_audio: Annotated[
        bool, typer.Option("--with-audio", help="In the page, excerpts of the worst places, before and after.")
    ] = False,
    excerpts: Annotated[
        int | None, typer.Option("--excerpts", metavar="N", min=1, max=50, help="How many excerpts; 6 if not given.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="For the page: where the last render is, if not in out/ beside the project."
        ),
    ] = None,
    no_cache: NoCache = False,
    progress: Shown = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Which stems mask which, and what will be done about it.

    Where and how badly, which moves are made for it, and how clear each line becomes. With B, or --compare, two plans
    side by side. Writes nothing but into the cache and, with --html, a page, whose path it prints.
    """
    from stemmix.report.reported import conflicts_csv, report_json
    from stemmix.report.terminal import report_text

    voice: Voice = context.obj
    if json and csv:
        raise typer.BadParameter("cannot be combined with --json", param_hint="--csv")
    choice = choice_of(scene, stem, start, end, fps)
    for given, name in ((with_audio, "--with-audio"), (excerpts is not None, "--excerpts"), (out is not None, "--out")):
        if given and html is None:
            raise typer.BadParameter("is for the page only: give --html FILE", param_hint=name)
    if html is not None:
        from stemmix.model.exhibit import EXCERPTS
        from stemmix.report.decisions import MOST_CONFLICTS

        if json or csv or compare or other is not None:
            raise typer.BadParameter("a page is of one project, and is the only output", param_hint="--html")
        if top is not None:
            raise typer.BadParameter(
                f"a page always has the largest {MOST_CONFLICTS}, and a filter", param_hint="--top"
            )
        count = excerpts or (EXCERPTS if with_audio else 0)
        write_page(voice, project, html, choice, count, out, use_cache=not no_cache)
        return
    if compare or other is not None:
        if csv:
            raise typer.BadParameter("lists the conflicts of one plan only", param_hint="--csv")
        if compare and other is not None:
            raise typer.BadParameter("sets two methods side by side for a single project", param_hint="--compare")
        set_side_by_side(voice, project, other, choice, top, use_cache=not no_cache, json=json)
        return
    evidence = examined(voice, project, choice, use_cache=not no_cache)
    if json or csv:
        voice.data(report_json(evidence, top) if json else conflicts_csv(evidence, top))
    else:
        voice.data(report_text(evidence, page(), top))


@app.command()
def why(
    context: typer.Context,
    project: Project,
    time: Annotated[
        str,
        typer.Argument(
            metavar="TIME",
            help="83.5, 1:23.5, 0:01:23.5, a timecode, 00:01:23:12, or 4008000 samples.",
            show_default=False,
        ),
    ],
    *,
    stem: Stem = None,
    fps: FramesASecond = None,
    json: AsJson = False,
    no_cache: NoCache = False,
    progress: Shown = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """What is done at one moment, and why.

    Every move that reaches it, with what it is made for, what it buys and what stopped it. Writes nothing
    but into the cache.
    """
    from stemmix.looking import examine, gains_at, sample_of
    from stemmix.model.timecode import FRAME_RATES
    from stemmix.report.why import why_json, why_text
    from stemmix.units import seconds_from_samples

    voice: Voice = context.obj
    known_name(fps, FRAME_RATES, "--fps")
    try:
        sample = sample_of(project, time, fps)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="TIME") from None
    with wrong_usage(), voice.shown() as told:
        evidence = examine(project, progress=told, use_cache=not no_cache, asked_for=stem)
    plan = evidence.plan
    if sample >= plan.frames:
        length_s = seconds_from_samples(plan.frames, plan.sample_rate)
        raise typer.BadParameter(f"{time} is outside the programme, which is {length_s} s long", param_hint="TIME")
    gains = gains_at(plan, sample)
    voice.data(why_json(evidence, gains, sample, stem) if json else why_text(evidence, gains, sample, stem, width()))


@app.command()
def features(
    context: typer.Context,
    project: Project,
    *,
    stem: Stem = None,
    tonal: Annotated[bool, typer.Option("--tonal", help="Also pitch and tempo; takes a while.")] = False,
    json: AsJson = False,
    no_cache: NoCache = False,
    progress: Shown = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """What is heard in each stem: loudness, spectrum, onsets.

    And peaks, activity and more. Writes nothing but into the cache.
    """
    from stemmix.looking import examine
    from stemmix.report.features import features_json, features_text

    voice: Voice = context.obj
    with wrong_usage(), voice.shown() as told:
        evidence = examine(
            project,
            progress=told,
            use_cache=not no_cache,
            asked_for=stem,
            tonal=(lambda one: stem in {None, one}) if tonal else None,
        )
    voice.data(features_json(evidence, stem) if json else features_text(evidence, stem, width()))
