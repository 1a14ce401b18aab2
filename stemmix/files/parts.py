"""Part files: what is being written, hidden beside its target, and the traces of processes that died while they wrote.

Each is held under an exclusive lock (`flock`) as long as somebody writes it or means to publish it. A lock, unlike a
process id, dies with its process, and is seen by the other machines of a shared file system: nobody takes what another
one is writing for a trace of the dead.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import time
from pathlib import Path
from typing import BinaryIO, Final

_PART: Final = re.compile(r"\..+\.\d{1,9}\.part")
_LOOKED_AT_S: Final = 0.05
"""Longer than anybody takes to see whether a part is a stray."""
_NO_LOCKS: Final = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


def part_path(path: Path) -> Path:
    """`.name.pid.part`: hidden, beside the target, so that the rename stays on one file system."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def open_part(part: Path) -> BinaryIO:
    """An empty part file under an exclusive lock; OSError where it cannot be had.

    In containers every run may have the same id, so a dead run's part file under our own name is taken over.
    """
    give_up_s = time.monotonic() + _LOOKED_AT_S
    while True:
        # not for appending, where what is put in place later would go to the end
        file = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b", buffering=1 << 20)
        try:
            lock(file)
            if stands_under(part, file):
                # only where there is something: of a file that was cut to nothing ext4 begins to write all that is
                # put in it as soon as anybody who has read it closes it, and has him wait (0.1 s for 345 MB)
                if os.fstat(file.fileno()).st_size:
                    file.truncate(0)
                return file
        except BlockingIOError:
            if time.monotonic() > give_up_s:
                file.close()
                raise
        except BaseException:
            file.close()
            raise
        file.close()  # taken for a stray before it was locked, it is gone, or will be


def lock(file: BinaryIO) -> None:
    """Lock an open file for as long as it is open; BlockingIOError where somebody else has. Where the file system has
    no locks, nothing is locked, and nobody is kept out."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        if fault.errno not in _NO_LOCKS:
            raise


def stands_under(path: Path, file: BinaryIO) -> bool:
    """Whether an open file is (still) the one of that name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def remove_strays(folder: Path) -> tuple[Path, ...]:
    """Remove the part files that dead processes left in a folder; gives what was removed.

    A part file is a stray where nobody holds its lock; whether the process in its name runs says nothing, for it may
    be another machine's, or one that has ended and still has its id. One that cannot be removed, being somebody
    else's, or cannot be locked, is left.
    """
    removed: list[Path] = []
    try:
        parts = sorted(path for path in folder.iterdir() if _PART.fullmatch(path.name))
    except OSError:  # there is no such folder, or it may not be looked into
        return ()
    for part in parts:
        with contextlib.suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if stands_under(part, file):  # and was not brought under its name meanwhile, and another begun
                part.unlink()
                removed.append(part)
    return tuple(removed)
