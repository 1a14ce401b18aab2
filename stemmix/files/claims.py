"""One at a time: whoever renders a project into a folder holds a lock there, so that no other one does meanwhile.

A worker of a cluster may be taken for dead and not be: its network was away, its machine slept. Another one is given
its reel then, and meets the lock `.name.lock`: it waits, and finds the work done when it gets it. The lock is the
kernel's (`flock`; NFS passes it on to the server), and goes with the process that held it, however that ended: a lock
file that nobody holds is nobody's, whatever its age or content, so none is ever stale.

Where a file system has no locks, two may render the same at once. Each writes part files of its own name and brings
them under the final ones whole; the same project and stems give the same bytes on one type of processor, so what
stands there in the end is one render either way.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from stemmix.errors import OutputError
from stemmix.files.parts import lock, stands_under

_LOOK_S: Final = 0.1
PATIENCE_S: Final = 3600.0
"""Longer than any reel takes: whoever holds a lock for so long hangs."""


@contextmanager
def claimed(folder: Path, name: str, heed: Callable[[], None], patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the lock of what is rendered as `name` into a folder, as soon as nobody else does.

    `heed` is called while it waits, and may raise. OutputError where the lock cannot be had in `patience_s`, or no
    file can be made there.
    """
    path = folder / f".{name}.lock"
    give_up_s = time.monotonic() + patience_s
    while True:
        try:
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b", buffering=0)
        except OSError as fault:
            raise OutputError(f"{path}: cannot be written: {fault.strerror or fault}") from None
        with file:
            if _is_had(path, file):
                try:
                    _sign(file)
                    yield
                finally:
                    with suppress(OSError):
                        path.unlink()  # while it is held: whoever waits for it makes a new one
                return
            holder = _signed(file)
        heed()
        if time.monotonic() > give_up_s:
            raise OutputError(
                f"{path}: is locked by {holder}, which has been rendering {name} for {patience_s:.0f} s or more"
            )
        time.sleep(_LOOK_S)


def _is_had(path: Path, file: BinaryIO) -> bool:
    try:
        lock(file)
    except BlockingIOError:
        return False
    return stands_under(path, file)


def _sign(file: BinaryIO) -> None:
    """For a person who wonders."""
    with suppress(OSError):
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n".encode())


def _signed(file: BinaryIO) -> str:
    with suppress(OSError):
        if said := file.read(200).decode(errors="replace").strip():
            return said
    return "somebody"


def remove_stray_lock(folder: Path, name: str) -> None:
    """Remove the lock file that a killed process left; one that is held is left alone."""
    path = folder / f".{name}.lock"
    with suppress(OSError), path.open("r+b", buffering=0) as file:
        if _is_had(path, file):
            path.unlink()
