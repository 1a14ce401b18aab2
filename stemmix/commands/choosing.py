"""What of a programme a report is about, as options say it; and two plans side by side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stemmix.commands.common import Voice, known_name, page

if TYPE_CHECKING:
    from stemmix.model.choice import Choice
    from stemmix.model.evidence import Evidence
    from stemmix.model.progress import Progress
    from stemmix.report.compare import Side

Scene = Annotated[str | None, typer.Option("--scene", metavar="ID", help="This scene only, as the report names it.")]
StemAround = Annotated[
    str | None, typer.Option("--stem", metavar="ID", help="Only conflicts and moves that involve this stem.")
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="From this time: 83.5, 1:23.5, 00:01:23:12 or 4008000 samples."),
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Up to this time.")]
FramesASecond = Annotated[
    str | None, typer.Option("--fps", metavar="RATE", help="Frame rate of the timecodes; the project's, else 25.")
]

OPTIONS = {"start": "--from", "end": "--to", "frame_rate": "--fps", "scene": "--scene", "stem": "--stem"}
"""What says a field of a choice."""


def choice_of(
    scene: str | None, stem: str | None, start: str | None, end: str | None, fps: str | None
) -> Choice | None:
    """What the options ask for; None where they ask for all. An unknown rate is wrong usage."""
    if (scene, stem, start, end, fps) == (None,) * 5:
        return None
    from stemmix.model.choice import Choice
    from stemmix.model.timecode import FRAME_RATES

    known_name(fps, FRAME_RATES, "--fps")
    return Choice(scene=scene, stem=stem, start=start, end=end, frame_rate=fps)


@contextmanager
def wrong_usage(of: str = "") -> Iterator[None]:
    """A choice of what is not there is wrong usage, told by the option that makes it."""
    from stemmix.model.choice import ChoiceError

    try:
        yield
    except ChoiceError as fault:
        raise typer.BadParameter(f"{of}{fault}", param_hint=OPTIONS[fault.field]) from None


def examined(voice: Voice, project: Path, choice: Choice | None, *, use_cache: bool) -> Evidence:
    """A project as far as the decisions, narrowed by a choice."""
    from stemmix.looking import examine

    with wrong_usage(), voice.shown() as told:
        return examine(project, progress=told, use_cache=use_cache, choice=choice)


def write_page(
    voice: Voice,
    project: Path,
    page_path: Path,
    choice: Choice | None,
    excerpts: int,
    out: Path | None,
    *,
    use_cache: bool,
) -> None:
    """A project's page, with so many excerpts to listen to; says how large it is and prints its path."""
    from stemmix.destinations import refuse_target
    from stemmix.files.documents import write_text
    from stemmix.files.paths import is_folder
    from stemmix.looking import exhibit
    from stemmix.report.page import page_html

    refuse_target(page_path, project, "--html", out=out)
    if out is not None and not is_folder(out):
        raise typer.BadParameter(f"{out} is not a folder", param_hint="--out")
    with wrong_usage(), voice.shown() as told:
        shown = exhibit(project, out, progress=told, use_cache=use_cache, choice=choice, excerpts=excerpts)
    text = page_html(shown)
    write_text(page_path, text)
    sound = sum(excerpt.size_bytes for excerpt in shown.excerpts)
    heard = f", {sound / 1e6:.1f} MB of it sound" if sound else ""
    voice.say(f"{len(text.encode()) / 1e6:.1f} MB{heard}")
    voice.data(f"{page_path}\n")


def set_side_by_side(
    voice: Voice,
    first: Path,
    second: Path | None,
    choice: Choice | None,
    top: int | None,
    *,
    use_cache: bool,
    json: bool,
) -> None:
    """Two projects or stored plans, or, without a second, both methods of mixing the first."""
    from stemmix.report.compare import comparison_json, comparison_of, comparison_text
    from stemmix.steps import part_of

    with voice.shown() as told:
        # what was heard for the first is remembered for the second of the same stems
        middle = 0.8 if second is None else 0.5
        halves = part_of(told, 0.0, middle), part_of(told, middle, 1.0)
        if second is None:
            sides = [
                _side(first, choice, half, use_cache=use_cache, method=method)
                for half, method in zip(halves, METHODS, strict=True)
            ]
        else:
            sides = [
                _side(path, choice, half, use_cache=use_cache)
                for path, half in zip((first, second), halves, strict=True)
            ]
    compared = comparison_of(*sides)
    voice.data(comparison_json(compared) if json else comparison_text(compared, page(), top))


METHODS: tuple[Literal["multilevel", "frequency"], ...] = ("multilevel", "frequency")


def _side(
    path: Path,
    choice: Choice | None,
    progress: Progress,
    *,
    use_cache: bool,
    method: Literal["multilevel", "frequency"] | None = None,
) -> Side:
    from stemmix.looking import examine
    from stemmix.report.compare import Side
    from stemmix.stored import is_stored, stored_evidence

    with wrong_usage(f"{path}: "):
        if method is None and is_stored(path):
            return Side(str(path), "plan", stored_evidence(path, choice))
        evidence = examine(path, progress=progress, use_cache=use_cache, method=method, choice=choice)
    return Side(str(path), "project", evidence)
