"""Where a render writes: its folder, the names of its documents, and what may not be written to."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from stemmix.errors import OutputError, ProjectError
from stemmix.files.paths import is_folder, located, resolved
from stemmix.files.projects import read_project
from stemmix.files.replacing import refuse_folder
from stemmix.model.project import Project


def refuse_clashes(paths: Sequence[Path], projects: Sequence[Project], out: Path | None) -> None:
    """A ProjectError where two reels would write the same file, or are the same."""
    written: dict[Path, Path] = {}
    for path, project in zip(paths, projects, strict=True):
        folder = resolved(folder_of(path, out))  # of one that is reached by two ways, there is one
        for name in (plan_name(path), *project.file_names(path.stem)):
            # some file systems do not tell A from a
            if (other := written.setdefault(folder / name.casefold(), path)) is not path:
                if (resolved(other.parent), other.name) == (resolved(path.parent), path.name):
                    raise ProjectError(f"{path}: is given twice: once is enough")
                raise ProjectError(f"{path}: would write {name}, and so would {other}: one would replace the other")


def refuse_target(
    target: Path, project_path: Path, option: str, *, out: Path | None = None, marked: Path | None = None
) -> None:
    """An OutputError, before anything takes its time, where `target` cannot be written, or is not to be replaced.

    It has no folder, is no plain file, is what is read (the project, one of its stems, a file that is `marked`), or
    what a render into `out` writes. `option` is what named it.
    """
    refuse_folder(target)
    if not is_folder(target.parent):
        raise OutputError(f"{target}: cannot be written: its folder does not exist")
    try:
        is_plain = stat.S_ISREG(target.stat().st_mode)
    except FileNotFoundError:
        is_plain = True  # as it will be
    except OSError as fault:  # links in a circle, a name that is too long
        raise OutputError(f"{target}: cannot be written: {fault.strerror}") from None
    if not is_plain:
        raise OutputError(f"{target}: cannot be written: it is not a regular file")
    project, folder = read_project(project_path), folder_of(project_path, out)
    spared = [(project_path, "the project")]
    spared += [(marked, "the file to be marked")] if marked is not None else []
    spared += [
        (located(project_path, file), "a file of this project's stems")
        for stem in project.stems
        for clip in stem.clips or stem.timeline
        for file in clip.paths.values()
    ]
    spared += [
        (folder / name, "what a render of this project writes")
        for name in (plan_name(project_path), receipt_name(project_path), *project.file_names(project_path.stem))
    ]
    for path, what in spared:
        if resolved(path) == resolved(target):
            raise OutputError(f"{target}: is {what}; choose another name with {option}")


def folder_of(project_path: Path, out: Path | None) -> Path:
    """Where a project's files go: `out/` beside it, if nothing else was said.

    `there/../here` is `here`, whether `there` is a link, or is not there at all.
    """
    return project_path.parent / "out" if out is None else Path(os.path.normpath(out))


PLAN_ENDING = ".plan.json"


def plan_name(project_path: Path) -> str:
    """Of the plan beside a render."""
    return f"{project_path.stem}{PLAN_ENDING}"


def receipt_name(project_path: Path) -> str:
    """Of the receipt beside a render."""
    return f"{project_path.stem}.receipt.json"


def page_name(project_path: Path) -> str:
    """Of the page beside a render."""
    return f"{project_path.stem}.report.html"


def document_names(project_path: Path, project: Project) -> list[str]:
    """Of everything that a render writes beside the audio."""
    page = [] if project.report is None else [page_name(project_path)]
    return [plan_name(project_path), receipt_name(project_path), *page]


def receipt_path_of(project_path: Path, out: Path | None) -> Path:
    """Where a render's receipt stands."""
    return folder_of(project_path, out) / receipt_name(project_path)
