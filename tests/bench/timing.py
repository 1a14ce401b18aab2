"""What whole processes take: wall, CPU, peak memory; how that is told, and what may be asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parents[2]
STEMMIX = (sys.executable, "-m", "stemmix")


@dataclass(frozen=True)
class Cost:
    """What one piece of work took."""

    wall_s: float
    cpu_s: float
    peak_bytes: int

    def __add__(self, other: Cost) -> Cost:
        """One after the other."""
        return Cost(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s, max(self.peak_bytes, other.peak_bytes))


def environment(cache: Path) -> dict[str, str]:
    """This working tree, with a folder of its own for what is kept from run to run.

    Python keeps its bytecode, as it is of an installed program: with PYTHONDONTWRITEBYTECODE in the environment, every
    process would compile every source of this tree anew.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(cache)}


def measured(command: Sequence[str], cache: Path, ends: Sequence[int] = (0,)) -> tuple[Cost, str]:
    """Run a command to its end: what it took, and what it said on stderr. SystemExit where it ends otherwise.

    Peak memory is the kernel's `ru_maxrss` of the child, which counts no less than this small program itself.
    """
    cache.mkdir(parents=True, exist_ok=True)
    log = cache / "stderr.txt"
    os.sync()  # what the one before has left to be written goes to the disk in its time, not in this one's
    begin = time.perf_counter()
    with log.open("wb") as messages:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=messages, env=environment(cache))
        _, status, usage = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    said = log.read_text("utf-8", errors="replace")
    if child.returncode not in ends:
        raise SystemExit(f"{' '.join(command)}\nended with {child.returncode}:\n{said[-2000:]}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024), said


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure by itself."""
    return Cost(
        median(cost.wall_s for cost in costs),
        median(cost.cpu_s for cost in costs),
        round(median(cost.peak_bytes for cost in costs)),
    )


def least(costs: Sequence[Cost]) -> Cost:
    """The least of each figure by itself: what it takes where nobody else wants the machine."""
    return Cost(
        min(cost.wall_s for cost in costs),
        min(cost.cpu_s for cost in costs),
        min(cost.peak_bytes for cost in costs),
    )


def table(columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """In Markdown, a row by name."""
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items())])


FIGURES = ("x real time", "wall s", "CPU s", "peak MB")


def figures(minutes: float, cost: Cost) -> list[str]:
    """The cells under FIGURES of a programme so long."""
    speed = f"{minutes * 60 / cost.wall_s:.0f}"
    return [speed, f"{cost.wall_s:.2f}", f"{cost.cpu_s:.2f}", f"{cost.peak_bytes / 1e6:.0f}"]


def over(rival: Cost, cost: Cost) -> str:
    """How much more wall and CPU time a rival takes."""
    return f"{rival.wall_s / cost.wall_s:.1f}x, {rival.cpu_s / cost.cpu_s:.1f}x"


# what an argument of these programs may be: said before anything is built or compiled


def minutes(text: str) -> float:
    """A length that something can be made of: a second at least."""
    length = float(text)
    if not 1 / 60 <= length < float("inf"):
        raise ArgumentTypeError(f"{text} is no length: expected minutes, a second (0.02) at least")
    return length


def rounds(text: str) -> int:
    """How often; once at least."""
    if (times := int(text)) < 1:
        raise ArgumentTypeError(f"{text} is too few: expected 1 at least")
    return times


def rounds_or_none(text: str) -> int:
    """How often; 0 where it is left out."""
    return 0 if int(text) == 0 else rounds(text)


def folder(text: str) -> Path:
    """One that is there."""
    if not (path := Path(text)).is_dir():
        raise ArgumentTypeError(f"{text} is no folder")
    return path
