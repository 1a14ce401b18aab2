"""Files that are replaced together, all of them or none; and why one cannot be written, in words."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import Final, Self

from stemmix.errors import OutputError
from stemmix.files.parts import lock, part_path
from stemmix.files.paths import is_folder
from stemmix.stopping import shielded

_REASONS: Final = {
    errno.EFBIG: "it is larger than a file may be here",
    errno.ENOENT: "its folder does not exist",
    errno.ENOTDIR: "its folder is a file",
    errno.EISDIR: "a folder has its name",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EWOULDBLOCK: "it is already being written",
}


def refusal(path: Path, fault: OSError) -> OutputError:
    """What is raised where a file cannot be written."""
    return OutputError(f"{path}: cannot be written: {_REASONS.get(fault.errno or 0, fault.strerror or str(fault))}")


def refuse_folder(path: Path) -> None:
    """An OutputError where a folder stands under a name that a file is to have."""
    if is_folder(path):
        raise refusal(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))


class Replacing:
    """What stands under names is kept until all of them have been replaced; else it stands there again.

    A context manager; left by an exception, it brings back what was there, and takes away what was not.
    """

    def __init__(self) -> None:
        self._replaced: list[_Former] = []

    def expect(self, path: Path) -> None:
        """A file is about to come under this name. OutputError where a folder has it, or what stands there can
        neither be linked to nor be moved."""
        refuse_folder(path)
        former = _Former(path)
        self._replaced.append(former)  # before anything is done: a signal may fall between
        try:
            former.keep()
        except OSError as fault:
            raise refusal(path, fault) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, fault: type[BaseException] | None, *_: object) -> None:
        with shielded():
            for former in reversed(self._replaced):
                former.forget() if fault is None else former.restore()


class _Former:
    """What stood under a name before, hidden beside it until all is done."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # a name may be as long as a part's leaves room for: not longer still
        hidden = path.with_name(f"former-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}")
        self._linked = part_path(hidden)
        """A stray like any other, where its process dies: what it is a link to stands under its name still."""
        self._moved = self._linked.with_suffix(".kept")
        """The only one that there is: never cleared away."""
        self._was_there = os.path.lexists(path)
        self._locked = contextlib.ExitStack()

    def keep(self) -> None:
        """By a second link, so that the name is never without a file; moved where the file system, or the owner of the
        file, lets nobody link to it. OSError where neither can be."""
        if not self._was_there:
            return
        _refuse_sticky(self._path)
        self._linked.unlink(missing_ok=True)  # of a process of the same number, which died
        if self._path.is_file() and not self._path.is_symlink():
            with contextlib.suppress(OSError):  # nobody takes it for a stray; what may not be read is not locked
                lock(self._locked.enter_context(self._path.open("rb")))
        try:
            os.link(self._path, self._linked, follow_symlinks=False)
        except OSError:
            self._path.replace(self._moved)

    def restore(self) -> None:
        """What cannot be brought back stays where it is kept."""
        with contextlib.suppress(OSError):
            kept = next((one for one in (self._linked, self._moved) if os.path.lexists(one)), None)
            if kept is not None:
                kept.replace(self._path)  # does nothing where both are still one file
            elif not self._was_there:
                self._path.unlink()
            self.forget()

    def forget(self) -> None:
        self._locked.close()
        for kept in (self._linked, self._moved):
            with contextlib.suppress(OSError):
                kept.unlink(missing_ok=True)


def _refuse_sticky(path: Path) -> None:
    """A PermissionError where the folder lets nobody replace what is another user's: a link to it could be made, and
    not be taken away again."""
    folder, user = path.parent.stat(), os.geteuid()
    if folder.st_mode & stat.S_ISVTX and user not in (0, folder.st_uid, path.lstat().st_uid):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
