"""What is written: masters at their specifications, then everything that is printed at a master's gain.

One job is a lone programme; several are the reels of one programme (or the songs of an album), which are measured as
one and share every gain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from stemmix.crew import shared_out
from stemmix.engine.bus import Bus, Job
from stemmix.engine.gauge import pooled
from stemmix.engine.hearing import heard_mix
from stemmix.engine.master import Given, mastered
from stemmix.engine.output import Output
from stemmix.engine.printed import Parent, parts_of, printed
from stemmix.files.documents import StagedDocument
from stemmix.files.outputs import MonoFiles
from stemmix.files.replacing import Replacing
from stemmix.files.writer import SoundWriter
from stemmix.model.deliverables import MusicAndEffects
from stemmix.model.receipt import Measured, WrittenFile
from stemmix.stopping import Pool, heed, unbroken


@dataclass(frozen=True)
class Delivery:
    """Everything that one project lists, whole on the disk and measured, but not yet under its names."""

    files: tuple[WrittenFile, ...]
    writers: Sequence[SoundWriter | MonoFiles]


def publish(deliveries: Sequence[Delivery], documents: Sequence[StagedDocument] = ()) -> None:
    """Bring all files under their names, then the documents.

    Raises OutputError where one of them cannot be; under every name stands what stood there before, then. Who asks for
    an end meanwhile gets it when all of them are there.
    """
    writers = [writer for delivery in deliveries for writer in delivery.writers]
    with unbroken():
        heed()
        with Replacing() as replacing:
            for file in (*writers, *documents):
                for path in file.paths:
                    replacing.expect(path)
                file.publish()


@contextmanager
def deliver(jobs: Sequence[Job], given: Mapping[str, Given] | None = None) -> Iterator[list[Delivery]]:
    """Make everything that the projects list, and measure it; what is not published is gone in the end.

    `given`: gains for masters by name, taken as they are. Raises OutputError where
    something cannot be written.
    """
    given = given or {}
    with ExitStack() as cleaning:
        reels = [_Reel(job, cleaning) for job in jobs]
        project = jobs[0].project
        for wanted in project.masters:
            made = mastered(
                [reel.bus for reel in reels],
                wanted,
                project.specification(wanted),
                [reel.heard.masters[wanted.name] for reel in reels],
                given.get(wanted.name),
                cleaning,
                last=wanted is project.masters[-1],
            )
            for reel, output in zip(reels, made, strict=True):
                reel.masters[wanted.name] = output
        for reel in reels:
            reel.print_parts(cleaning)
        outputs = [output for reel in reels for output in (*reel.masters.values(), *reel.parts)]
        at_once, of_each = shared_out(jobs[0].threads, len(outputs))
        with Pool(at_once, "measure") as pool:
            list(pool.map(lambda output: output.look(of_each), outputs))
        for name in reels[0].masters:
            same = [reel.masters[name] for reel in reels]
            programme = pooled([output.gauge for output in same if output.gauge is not None]) if len(same) > 1 else None
            for reel in reels:
                reel.judge(name, programme, given[name].why if name in given else None)
        yield [Delivery(reel.files(), [output.writer for output in reel.outputs]) for reel in reels]


class _Reel:
    """One job, its bus, and all that comes of it."""

    def __init__(self, job: Job, cleaning: ExitStack) -> None:
        self.bus = Bus(job, cleaning)
        self.heard = heard_mix(job, self.bus)
        self.masters: dict[str, Output] = {}
        self.parts: list[Output] = []
        self._job = job

    @property
    def outputs(self) -> list[Output]:
        return [*self.masters.values(), *self.parts]

    def print_parts(self, cleaning: ExitStack) -> None:
        """Everything that is printed at a master's gain."""
        parents = {name: Parent(name, output.layout, output.facts.gain_db) for name, output in self.masters.items()}
        parts = parts_of(self._job.project, parents)
        self.parts = printed(self._job, self.heard.stem_peaks.tolist(), parts, cleaning) if parts else []
        for part, output in zip(parts, self.parts, strict=True):
            if isinstance(part.wanted, MusicAndEffects) and (hole := self.heard.hole(part.parent.gain_db)):
                output.findings.append(hole)

    def judge(self, name: str, programme: Measured | None, given: str | None) -> None:
        """Hold a master against its specification; see `Output.judge`."""
        output = self.masters[name]
        own_lufs = self.heard.own_lufs.get(output.layout.name)
        output.judge(None if own_lufs is None else own_lufs + output.facts.gain_db, programme, given)

    def files(self) -> tuple[WrittenFile, ...]:
        """Everything sealed, in the project's order."""
        order = [one.name for one in self._job.project.deliverables]
        with Pool(self._job.threads, "seal") as pool:
            files = list(pool.map(Output.sealed, self.outputs))
        return tuple(sorted(files, key=lambda file: order.index(file.deliverable)))
