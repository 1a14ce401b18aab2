"""What processes need that tests start: the kernels that this one has, so that none compiles them anew."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stemmix.dsp.kernel_store import FOLDER


def hand_on_kernels(caches: Path | None = None) -> None:
    """Put this process's compiled kernels where its children look for them: in `caches`, or XDG_CACHE_HOME."""
    place = Path(os.environ["XDG_CACHE_HOME"] if caches is None else caches) / "stemmix" / "kernels"
    if FOLDER is not None:
        shutil.copytree(FOLDER, place, copy_function=_linked, dirs_exist_ok=True)
        place.chmod(0o700)


def _linked(kernel: str, place: str) -> None:
    """Nobody writes into one: it is replaced. What a child compiled already is as good."""
    try:
        os.link(kernel, place)
    except FileExistsError:
        return
    except OSError:  # on another file system
        with suppress(FileNotFoundError):  # a child's, half-written, that has its name now
            shutil.copy(kernel, place)


def processes_of(group: int) -> Iterator[int]:
    """Ids of the processes of a group that run (what has ended and is not yet reaped does not)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            yield int(stat.parent.name)
