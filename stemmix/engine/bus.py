"""The sum of the stems before any master gain: made once, kept on the disk, read as often as there are masters.

Loudness is unknown until the mix exists, so the bus goes to a scratch file beside the target while it is metered, in
the widest layout that is asked for; a master is then fold, gain, limiter and dither over that file. What a mix read
when it was last made need not be read again: then the first master is written while it is mixed, and the scratch is for
a limiter's next round and for other masters, where there may be any. The scratch is 32-bit float: its rounding lies
150 dB under each sample, and is in every master, written from the scratch or not.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stemmix.crew import Crew, Hearers, ahead, frames_at_once
from stemmix.engine.gauge import Programme
from stemmix.engine.mixer import Singles, bus_in_single, folded
from stemmix.errors import OutputError
from stemmix.files.scratch import Scratch
from stemmix.model.layouts import Layout
from stemmix.model.progress import Stage
from stemmix.model.project import Project

Floats = NDArray[np.float64]


class Memory(Protocol):
    """What is kept between one run and the next, of the same mix made by the same program."""

    def read(self, what: str) -> bytes | None:
        """What was kept; None where there is nothing, or nothing to be believed."""

    def write(self, what: str, body: bytes) -> None:
        """Keep it, if that can be. A StemError where it is not of the mix that it is kept for."""


def _nothing(_stage: Stage, _other: Stage, _samples: float) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Job:
    """One render's output: what it is made from and where it goes."""

    project: Project
    name: str
    """Of the project file, without its ending: the beginning of every file name."""
    folder: Path
    frames: int
    """Length of every file: the programme's, or the picture's."""
    layout: Layout
    """Of the bus."""
    mixed: Callable[[Crew], Iterator[list[Floats]]]
    """Gives the programme from its beginning: of every stem that is heard, in order, (n, channels) samples."""
    undipped: Callable[[Crew], Iterator[list[Floats]]]
    """The same without any move that dialogue caused."""
    seed: str
    """What dither is drawn from: the plan's hash, so that a render repeats."""
    advance: Callable[[Stage, float], None]
    """Told the stage, and how many samples are done in it, a file's each. Called from any thread."""
    programme: Programme
    """What of it counts, and where dialogue speaks."""
    join: Callable[[Stage, Stage, float], None] = _nothing
    """Told how much of a stage is done as part of another."""
    memory: Memory | None = None
    threads: int = 2

    def dither_seed(self, *names: str) -> int:
        """64 bits that differ for every file of a plan, and are the same whenever it is rendered."""
        return int.from_bytes(hashlib.sha256("\0".join((self.seed, *names)).encode()).digest()[:8], "little")


class Bus:
    """The bus of one job: mixed when it is first asked for, and kept on the disk for the next time."""

    def __init__(self, job: Job, cleaning: ExitStack) -> None:
        self.job = job
        self._cleaning = cleaning
        self._kept: Scratch | None = None
        """All of it."""

    def mix(self, hear: Callable[[list[Floats], Floats], list[Callable[[], None]]]) -> None:
        """Run the strips, and keep the sum.

        `hear` is given every stem's block and their sum, and gives what is to be done with them side by side.
        Raises OutputError where the scratch cannot be kept.
        """
        scratch = self._scratch()
        with Crew(self.job.threads, "mix") as crew:
            hearers = Hearers(crew)
            for stems in self.job.mixed(crew):
                single, bus = bus_in_single(stems)
                told = partial(self.job.advance, "mix", len(bus))
                hearers.give([*hear(stems, bus), partial(self._keep, scratch, single)], told)
            hearers.catch_up()
        self._kept = scratch

    def blocks(self, crew: Crew, layout: Layout, gain: float = 1.0, *, last: bool = False) -> Iterator[Floats]:
        """The bus from its beginning, folded to a layout, at a gain: (n, channels). The next is made meanwhile.

        For the `last` time, nobody can read it again. Raises as `mix`, where nothing was mixed yet.
        """
        if self._kept is None:
            return self._mixed_now(crew, layout, gain, last=last)
        self._kept.rewind(last=last)
        return ahead(crew, partial(self._next, self._kept, layout, gain))

    def _mixed_now(self, crew: Crew, layout: Layout, gain: float, *, last: bool) -> Iterator[Floats]:
        """The same while it is mixed; kept unless it is for the last time, too."""
        self.job.join("mix", "write", self.job.frames)
        scratch = None if last else self._scratch()
        line, keeping = crew.line(), None
        for stems in self.job.mixed(crew):
            single, block = bus_in_single(stems)
            if keeping is not None:
                keeping.result()
            if scratch is not None:
                keeping = line.give(partial(self._keep, scratch, single))
            block = folded(block, self.job.layout, layout)
            block *= gain
            yield block
        if keeping is not None:
            keeping.result()
        self._kept = scratch

    def _next(self, kept: Scratch, layout: Layout, gain: float) -> Floats:
        channels = self.job.layout.channels
        packed = kept.read(frames_at_once(channels) * channels * 4)
        block = np.frombuffer(packed, np.float32).reshape(-1, channels).astype(np.float64)
        block = folded(block, self.job.layout, layout)
        block *= gain
        return block

    def _scratch(self) -> Scratch:
        job = self.job
        size = job.frames * job.layout.channels * 4
        if (free := shutil.disk_usage(job.folder).free) < size:
            length_s = job.frames / job.project.sample_rate
            raise OutputError(
                f"{job.folder}: the disk is too full: a mix of {length_s:.0f} s takes {size / 1e6:.0f} MB of scratch, "
                f"{free / 1e6:.0f} MB are free"
            )
        try:
            return self._cleaning.enter_context(Scratch(job.folder, size))
        except OSError as fault:
            raise OutputError(f"{job.folder}: cannot be written: {fault.strerror or fault}") from None

    def _keep(self, scratch: Scratch, single: Singles) -> None:
        try:
            scratch.write(single.data.cast("B"))
        except OSError as fault:
            raise OutputError(f"{self.job.folder}: the mix cannot be kept: {fault.strerror or fault}") from None
