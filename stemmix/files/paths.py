"""Where a project's paths lead: inside its own folder, or inside a named root, and nowhere else.

`sfx:doors/slam.wav` lies under the root `sfx`. Where that is, the machine says and never the project: by the variable
`STEMMIX_ROOT_SFX`, so that one project file serves every machine, and no project file reaches what it was not given.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

from stemmix.errors import ProjectError
from stemmix.model.stems import Clip, Stem

_ROOTED = re.compile(r"([A-Za-z][A-Za-z0-9_]+):(.*)", re.DOTALL)
"""A root's name has two signs or more: one sign is a drive."""
_ROOT_VARIABLE = "STEMMIX_ROOT_"


def located(project_path: Path, file: str) -> Path:
    """The place of a path in a project file. ValueError, one sentence, where it is not POSIX, not relative, or leads
    out of the project's folder or its root; symbolic links count as what they lead to."""
    rooted = _ROOTED.fullmatch(file)
    within = rooted[2] if rooted else file
    if fault := _spelling_fault(file, within):
        raise ValueError(fault)
    folder = _root(rooted[1], file) if rooted else project_path.parent
    base, target = resolved(folder), resolved(folder / within)
    if _goes_in_a_circle(target):
        raise ValueError(f"{file!r} cannot be followed: its symbolic links go in a circle")
    if not target.is_relative_to(base):
        left = f"the root {rooted[1]!r}" if rooted else "the project's folder"
        raise ValueError(f"{file!r} leaves {left} by a symbolic link")
    return folder / within


def resolved(path: Path) -> Path:
    """Where a path leads, as `Path.resolve`; of symbolic links that go in a circle, as far as that is anywhere. Never
    fails: whoever opens it does."""
    return Path(os.path.realpath(path))  # Path.resolve raises RuntimeError for a circle before Python 3.13


def absolute(path: Path) -> Path:
    """A path from the root, as it is spelled: links are not followed."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute leaves '..' in it


def is_there(path: Path) -> bool:
    """Whether there is anything at a path.

    What may not be looked at, or has a name that is too long, is not there, as in the two below: whoever opens it says
    why, while `Path.exists` and the like raise that here.
    """
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: Path) -> bool:
    """Whether a plain file, or a link to one, is there."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Whether a folder, or a link to one, is there."""
    return os.path.isdir(path)  # noqa: PTH112


def spelled(project_path: Path, file: Path) -> str:
    """A file as the project says it: relative to its folder, or to the named root that it lies under, the nearest one.
    ValueError, one sentence that says what to do, where it lies under none."""
    target = resolved(file)
    folders = {"": resolved(project_path.parent), **_roots()}
    # the project's own folder before any root, then the nearest root
    ways = sorted(folders, key=lambda root: (root != "", -len(folders[root].parts), root))
    for root in ways:
        if target.is_relative_to(folders[root]):
            said = root + target.relative_to(folders[root]).as_posix()
            located(project_path, said)
            return said
    raise ValueError(
        f"{file} lies outside the project's folder ({folders['']}): copy it there, or name its folder as a root, "
        f"{_ROOT_VARIABLE}HOUSE={target.parent}"
    )


def seen_from(folder: Path, path: Path) -> str:
    """A file's path relative to a folder, POSIX, however many folders up; where there is no way, its name alone.

    Links to folders count as what they lead to: `..` goes up from there.
    """
    try:
        return PurePath(os.path.relpath(resolved(path.parent) / path.name, resolved(folder))).as_posix()
    except (OSError, ValueError):  # ValueError: on another drive
        return path.name


def _goes_in_a_circle(path: Path) -> bool:
    try:
        path.stat()
    except OSError as fault:
        return fault.errno == errno.ELOOP
    return False


def _roots() -> dict[str, Path]:
    """The named roots of this machine, by what a path begins with that lies under one."""
    named = {
        variable.removeprefix(_ROOT_VARIABLE): Path(given)
        for variable, given in os.environ.items()
        if variable.startswith(_ROOT_VARIABLE)
    }
    return {
        f"{name.lower()}:": resolved(folder)
        for name, folder in named.items()
        if folder.is_absolute() and _ROOTED.fullmatch(f"{name}:")
    }


def _root(name: str, file: str) -> Path:
    variable = f"{_ROOT_VARIABLE}{name.upper()}"
    given = os.environ.get(variable)
    if not given:
        raise ValueError(f"{file!r} lies under the root {name!r}, but {variable} does not say where that is")
    folder = Path(given)
    if not folder.is_absolute():
        raise ValueError(f"{file!r} lies under the root {name!r}, but {variable} is not an absolute path")
    return folder


def _spelling_fault(file: str, within: str) -> str | None:
    if any(sign < " " or sign == "\x7f" for sign in file):
        return f"{file!r} contains a control character"
    if "\\" in file:
        return f"'{file}' contains a backslash; paths are POSIX, separated by /"
    if within.startswith("/") or re.match(r"[A-Za-z]:", within):
        return f"{file!r} is absolute; paths are relative to the project file, or to a root as in sfx:doors/slam.wav"
    if not within or posixpath.normpath(within).split("/")[0] == "..":
        return f"{file!r} leaves {'the project' if within == file else 'its root'}'s folder"
    return None


def path_faults(project_path: Path, stem: Stem) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a stem's paths: the field below the stem, and one sentence."""
    clips: list[tuple[tuple[str | int, ...], Stem | Clip]] = [((), stem)]
    if stem.clips is not None:
        clips = [(("clips", index), clip) for index, clip in enumerate(stem.clips)]
    for place, one in clips:
        named: list[tuple[tuple[str, ...], str]] = [(("file",), one.file)] if one.file is not None else []
        named += [(("files", label), file) for label, file in (one.files or {}).items()]
        for field, file in named:
            try:
                located(project_path, file)
            except ValueError as fault:
                yield (*place, *field), str(fault)


def clip_paths(project_path: Path, stem: Stem, clip: Clip) -> dict[str | None, Path]:
    """Where a clip's file is, under None, or its files by channel, in the order of their layout; ProjectError as of
    `located`."""
    try:
        return {label: located(project_path, file) for label, file in clip.paths.items()}
    except ValueError as fault:
        raise ProjectError(f"{project_path}: stem {stem.id!r}: {fault}") from None
