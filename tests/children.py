"""What processes need that tests start, the kernels that this one has, so that none compiles them anew; and what the
system says of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

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


def tells_of_kernels(message: str) -> bool:
    """Whether a message says that kernels are compiled; who gets it is the first to need them, whoever that is."""
    return message.startswith("compiling kernels")


class Stat(NamedTuple):
    """What the system says of a process that has not been reaped."""

    id: int
    runs: bool
    """Whether it has not ended."""
    parent: int
    group: int
    cpu_s: float
    """User and system time."""


def processes() -> Iterator[Stat]:
    """All that there are; Linux only."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            yield stat_of(int(folder.name))


def processes_of(group: int) -> Iterator[Stat]:
    """Those of a group that run."""
    return (process for process in processes() if process.group == group and process.runs)


def stat_of(process: int) -> Stat:
    """FileNotFoundError or ProcessLookupError where there is none."""
    # the name before it may hold anything
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return Stat(process, fields[0] != "Z", int(fields[1]), int(fields[2]), ticks / os.sysconf("SC_CLK_TCK"))
