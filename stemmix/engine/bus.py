"""The sum of the stems before any master gain: made once, kept on the disk, read as often as there are masters.

Loudness is unknown until the mix exists, so the bus goes to a scratch file beside the target while it is metered, in
the widest layout that is asked for; a master is then fold, gain, limiter and dither over that file. The scratch is
32-bit float: its rounding lies 150 dB under each sample.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemmix.crew import Crew, Hearers, ahead, frames_at_once
from stemmix.dsp.true_peak import highest_sample
from stemmix.engine.gauge import Programme
from stemmix.engine.mixer import Singles, bus_of, folded, in_single
from stemmix.errors import OutputError
from stemmix.files.scratch import Scratch
from stemmix.model.layouts import Layout
from stemmix.model.progress import Stage
from stemmix.model.project import Project

Floats = NDArray[np.float64]


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
    threads: int = 2

    def dither_seed(self, *names: str) -> int:
        """64 bits that differ for every file of a plan, and are the same whenever it is rendered."""
        return int.from_bytes(hashlib.sha256("\0".join((self.seed, *names)).encode()).digest()[:8], "little")


@dataclass(frozen=True)
class Bus:
    """The bus of one job, and what was seen on the way."""

    job: Job
    samples: Scratch
    stem_peaks: tuple[float, ...]
    """Highest sample of each stem after its strip, in any channel of the bus; 0 where only masters are asked for."""

    def blocks(self, crew: Crew, layout: Layout, gain: float = 1.0, *, last: bool = False) -> Iterator[Floats]:
        """The bus from its beginning, folded to a layout, at a gain: (n, channels). The next is made meanwhile.

        For the `last` time, nobody can read it again.
        """
        self.samples.rewind(last=last)
        return ahead(crew, lambda: self._next(layout, gain))

    def _next(self, layout: Layout, gain: float) -> Floats:
        channels = self.job.layout.channels
        packed = self.samples.read(frames_at_once(channels) * channels * 4)
        block = np.frombuffer(packed, np.float32).reshape(-1, channels).astype(np.float64)
        block = folded(block, self.job.layout, layout)
        block *= gain
        return block


def mixed_down(job: Job, hear: Callable[[list[Floats], Floats], list[Callable[[], None]]], cleaning: ExitStack) -> Bus:
    """Run the strips once: the sum to a scratch file that has no name.

    `hear` is given every stem's block and their sum, and gives what is to be done with them side by side.
    Raises OutputError where the scratch cannot be kept.
    """
    size = job.frames * job.layout.channels * 4
    if shutil.disk_usage(job.folder).free < size:
        raise OutputError(f"{job.folder}: the disk is full: the mix takes {size / 1e6:.0f} MB of scratch")
    try:
        scratch = cleaning.enter_context(Scratch(job.folder, size))
    except OSError as fault:
        raise OutputError(f"{job.folder}: cannot be written: {fault.strerror or fault}") from None
    peaks = np.zeros(len(job.project.heard))
    has_parts = len(job.project.deliverables) > len(job.project.masters)

    def keep(stems: list[Floats], kept: Singles) -> None:
        for index, stem in enumerate(stems if has_parts else ()):
            peaks[index] = max(peaks[index], highest_sample(stem))
        try:
            scratch.write(kept.data.cast("B"))
        except OSError as fault:
            raise OutputError(f"{job.folder}: the mix cannot be kept: {fault.strerror or fault}") from None
        job.advance("mix", len(kept))

    with Crew(job.threads, "mix") as crew:
        hearers = Hearers(crew)
        for stems in job.mixed(crew):
            kept, bus = in_single(bus_of(stems))
            hearers.give([*hear(stems, bus), partial(keep, stems, kept)])
    return Bus(job, scratch, tuple(peaks.tolist()))
