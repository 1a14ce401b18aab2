"""Commands for audio files of any origin, and for what is asked of them."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from stemmix.commands.common import (
    AsJson,
    AudioFiles,
    Debug,
    LayoutOfFiles,
    Quiet,
    Shown,
    Voice,
    app,
    known_name,
    width,
)


@app.command()
def presets(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="All about this one; if left out, a line about each.")
    ] = None,
    *,
    json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Delivery specifications of platforms, broadcasters, cinemas.

    With their sources, and how well established each is.
    """
    from stemmix.model.presets import PRESETS
    from stemmix.report.presets import preset_text, presets_json, presets_text

    voice: Voice = context.obj
    known_name(name, PRESETS, "NAME")
    if json:
        voice.data(presets_json(name))
    else:
        voice.data(presets_text(width()) if name is None else preset_text(name, width()))


@app.command()
def measure(
    context: typer.Context,
    files: AudioFiles,
    *,
    layout: LayoutOfFiles = None,
    json: AsJson = False,
    progress: Shown = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure loudness, peaks, noise floor and more of audio files.

    Writes nothing. Exit code 4 if any of them cannot be read; the others are measured all the same.
    """
    from stemmix.engine.measure import measured_files
    from stemmix.errors import StemError
    from stemmix.model.layouts import LAYOUTS
    from stemmix.report.measured import measured_json, measured_text
    from stemmix.steps import reading

    voice: Voice = context.obj
    its_layout = known_name(layout, LAYOUTS, "--layout")
    with voice.shown() as told:
        results = measured_files(files, its_layout, os.cpu_count() or 1, reading(told))
    faults = [result for result in results if isinstance(result, StemError)]
    measured = [result for result in results if not isinstance(result, StemError)]
    for warning in (warning for file in measured for warning in file.warnings):
        voice.say(f"note: {warning}")
    for fault in faults:
        voice.complain(fault)
    voice.data(measured_json(measured) if json else measured_text(measured, width()))
    if faults:
        raise typer.Exit(faults[0].exit_code)


@app.command()
def qc(
    context: typer.Context,
    files: AudioFiles,
    *,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", metavar="NAME", help="Also judge against this delivery preset: see `stemmix presets`."
        ),
    ] = None,
    layout: LayoutOfFiles = None,
    json: AsJson = False,
    progress: Shown = "auto",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Quality control of audio files: clipping, dropouts, phase.

    And more, with the place of each fault. Writes nothing. Exit code 5 if any file fails; 4 if any cannot be read, the
    others are looked at all the same.
    """
    from stemmix.engine.examine import examined_files
    from stemmix.errors import StemError
    from stemmix.model.layouts import LAYOUTS
    from stemmix.model.presets import PRESETS
    from stemmix.report.qc import examined_json, examined_text
    from stemmix.steps import reading

    voice: Voice = context.obj
    asked = known_name(preset, PRESETS, "--preset")
    its_layout = known_name(layout, LAYOUTS, "--layout")
    with voice.shown() as told:
        results = examined_files(
            files, None if asked is None else asked.specification, its_layout, os.cpu_count() or 1, reading(told)
        )
    faults = [result for result in results if isinstance(result, StemError)]
    examined = [result for result in results if not isinstance(result, StemError)]
    for warning in (warning for one in examined for warning in one.file.warnings):
        voice.say(f"note: {warning}")
    for fault in faults:
        voice.complain(fault)
    voice.data(examined_json(examined) if json else examined_text(examined, width()))
    if faults:
        raise typer.Exit(faults[0].exit_code)
    if any(one.verdict == "fail" for one in examined):
        raise typer.Exit(5)
