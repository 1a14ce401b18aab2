"""Files as they were in a revision of git, `REV:path`.

git is asked by a list of arguments that are always the same, and what was typed reaches it on its standard input:
nothing of a name can be taken for an option, and no shell reads it.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemmix.errors import ProjectError
from stemmix.files.documents import MAX_DOCUMENT_BYTES, Read, from_disk
from stemmix.files.paths import absolute, resolved

_DRIVE: Final = re.compile(r"[A-Za-z]")
"""A lone letter before the colon is a drive of Windows, not a revision."""

_INSIDE: Final = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}


@dataclass(frozen=True)
class Found:
    """What a name means."""

    path: Path
    """In the working tree, whether it is there today or not: what a project names beside itself is found from here."""
    read: Read
    """Gives bytes by such paths. What lies in the same repository comes out of the revision, anything else from the
    disk."""
    is_revision: bool


def found(name: str, here: Path = Path()) -> Found:
    """A file on the disk, or `REV:path` of git; where both are there, the file.

    As git has it, the path counts from the top of the repository that the folder `here` is in, or, where it begins with
    `./` or `../`, from that folder; without a REV, `:path`, it is what is staged. ProjectError where there is no git,
    no repository, no such revision, or no such file in it.
    """
    revision, colon, inside = name.partition(":")
    if not colon or not inside or _DRIVE.fullmatch(revision) or os.path.lexists(name):
        return Found(Path(name), from_disk, is_revision=False)
    if any(sign < " " for sign in name):
        raise ProjectError(f"{name!r}: contains a control character")
    top = _top(name, here)
    within = _within(top, here, inside)
    if within is None:
        raise ProjectError(f"{name}: lies outside the repository")
    if revision and _about(top, name, f"{revision}^{{tree}}") is None:
        raise ProjectError(f"{name}: git knows no revision {revision!r}, and there is no file by this name")
    if _about(top, name, f"{revision}:{within}") is None:
        near = _within(top, here, f"./{inside}")
        meant = near not in (None, within) and _about(top, name, f"{revision}:{near}") is not None
        hint = f"; did you mean {revision}:./{inside}? A path counts from the top of the repository" if meant else ""
        raise ProjectError(f"{name}: there is no such file in {revision or 'what is staged'}{hint}")

    def read(path: Path) -> bytes:
        inner = _from_top(top, path)
        if inner is None:
            return from_disk(path)
        return _content(top, name, f"{revision}:{inner}", path)

    return Found(Path(os.path.relpath(top / within)), read, is_revision=True)


def _within(top: Path, here: Path, inside: str) -> str | None:
    """A path from the top of the repository; None where it leads out."""
    return _from_top(top, (resolved(here) if inside.startswith(("./", "../")) else top) / inside)


def _from_top(top: Path, path: Path) -> str | None:
    whole = absolute(path)  # git knows links as they are
    if whole.is_relative_to(top) and whole != top:
        return whole.relative_to(top).as_posix()
    return None


def _top(name: str, here: Path) -> Path:
    """Of the repository that a folder is in."""
    said, why = _git(here, name, ["rev-parse", "--show-toplevel"], "")
    if not said:
        reason = "this is not a git repository" if "not a git repository" in why else why
        raise ProjectError(f"{name}: there is no such file, and for a revision: {reason}")
    return Path(said.decode("utf-8", "surrogateescape").removesuffix("\n"))


def _about(top: Path, name: str, what: str) -> tuple[str, int] | None:
    """The kind and size in bytes of an object of git; None where there is none."""
    said, _ = _git(top, name, ["cat-file", "--batch-check=%(objecttype) %(objectsize)"], what)
    kind, _, size = said.decode("utf-8", "replace").strip().rpartition(" ")
    return (kind, int(size)) if kind in ("blob", "tree") and size.isdigit() else None


def _content(top: Path, name: str, what: str, path: Path) -> bytes:
    about = _about(top, name, what)
    if about is None:
        raise FileNotFoundError(str(path))
    kind, size = about
    if kind != "blob":
        raise ProjectError(f"{name}: is a folder; expected a JSON file")
    # the size is known before the bytes: what is too large is not taken in
    if size > MAX_DOCUMENT_BYTES:
        raise ProjectError(f"{name}: holds more than {MAX_DOCUMENT_BYTES // 2**20} MiB, the most that is read")
    said, _ = _git(top, name, ["cat-file", "--batch=%(objectsize)"], what)
    return said[said.index(b"\n") + 1 :][:size]


def _git(folder: Path, name: str, arguments: list[str], asked: str) -> tuple[bytes, str]:
    """What git says to `asked`, and what it complains of."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            input=f"{asked}\n".encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
            env=os.environ | _INSIDE,
        )
    except FileNotFoundError:
        raise ProjectError(f"{name}: there is no such file, and no git to look for it in a revision") from None
    except OSError as fault:
        raise ProjectError(f"{name}: git cannot be run: {fault.strerror or fault}") from None
    return done.stdout, done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
