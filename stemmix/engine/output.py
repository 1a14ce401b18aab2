"""A deliverable's file on its way: written under no name, measured as it stands on the disk, judged, then published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stemmix.crew import Crew, Hearers, ahead, frames_heard_at_once
from stemmix.dsp.dither import quantise
from stemmix.engine.bus import Job
from stemmix.engine.course import course_of
from stemmix.engine.gauge import Asked, Gauge
from stemmix.engine.qc import QcWatch
from stemmix.engine.specification import judged
from stemmix.files.audio import AudioFile, AudioReader, inspect, inspect_discrete
from stemmix.files.broadcast import BroadcastInfo
from stemmix.files.outputs import MonoFiles, sound_writer
from stemmix.files.writer import SoundWriter
from stemmix.model.deliverables import Deliverable
from stemmix.model.encodings import CODINGS, Encoding
from stemmix.model.layouts import Layout, in_film_order, reordered
from stemmix.model.presets import Specification
from stemmix.model.receipt import UNMEASURED, Finding, Measured, Part, WrittenFile
from stemmix.model.timecode import FRAME_RATES, is_drop_frame
from stemmix.stopping import unbroken

Floats = NDArray[np.float64]


OF_PROGRAMME = ("integrated_lufs", "dialogue_lufs", "speech_share", "ldr_lu", "rms_dbfs", "leq_m_db", "lra_lu")
"""What a reel is judged for as its whole programme reads."""


@dataclass
class Output:
    """One file, or one mono file for each channel, that is not yet under its name."""

    job: Job
    writer: SoundWriter | MonoFiles
    encoding: Encoding
    layout: Layout
    """Of the samples that `put` takes."""
    in_file: Layout
    """The same labels in the order of the file."""
    seed: int
    facts: WrittenFile
    specification: Specification | None
    findings: list[Finding] = field(default_factory=list)
    """What was noticed on the way."""
    done: int = 0
    clipped: int = 0
    """How many samples did not fit."""
    reduction_db: Sequence[float] = ()
    """What a limiter took, in tenths of a second."""
    expected: Measured | None = None
    """What is to be measured on the finished file, where that can be told before."""
    gauge: Gauge | None = None
    """What was measured on the finished file."""
    measured: Measured = UNMEASURED

    def put(self, block: Floats) -> None:
        """Write (n, channels) samples, dithered where the encoding has whole numbers; counts what does not fit."""
        self.writer.write(self.to_write(block))

    def to_write(self, block: Floats) -> Floats | NDArray[np.int32]:
        """The first half of `put`: what the next (n, channels) samples are in the file, dithered, and counted.

        The second is the writer's. Every block's halves in order; the next block's first may be done beside a block's
        second.
        """
        if self.in_file.labels != self.layout.labels:
            block = block[:, reordered(self.layout.labels, self.in_file.labels)]
        bits = CODINGS[self.encoding].bits
        if bits is None:
            samples: Floats | NDArray[np.int32] = np.ascontiguousarray(block)
            if CODINGS[self.encoding].is_lossy:  # players decode it to whole numbers
                self.clipped += int(np.count_nonzero(np.abs(block) > 1.0))
        else:
            samples, clipped = quantise(block, bits, self.done, self.seed)
            self.clipped += clipped
        self.done += len(block)
        return samples

    def look(self, threads: int) -> Measured:
        """End the file, if it is not ended yet, and give what meters read on it as it stands on the disk."""
        if self.gauge is None:
            self.writer.complete(self.expected)
            rate = self.job.project.sample_rate
            asked = Asked() if self.specification is None else Asked.of_master(self.specification)
            gauge = Gauge(rate, self.layout, self.job.programme, asked)
            programme = self.job.programme
            kind: Literal["mix", "part", "unknown"] = "mix" if self.specification is not None else "unknown"
            if self.facts.kind in ("stem", "group"):
                kind = "part"
            watch = QcWatch(rate, self.layout, programme.speech_inside, kind)
            at = 0
            with AudioReader(self._as_it_stands()) as reader, Crew(threads, "look") as crew:
                hearers = Hearers(crew)
                for block in ahead(crew, partial(reader.read, frames_heard_at_once(self.layout.channels))):
                    inside = programme.inside(at, block)
                    at += len(block)
                    works: list[Callable[[], None]] = [partial(look, inside) for look in watch.lanes]
                    works += gauge.parts(block)
                    if self.expected is not None:  # else its hash is taken when it has said what was measured
                        works.append(partial(self.writer.take_hash, at / self.job.frames))
                    hearers.give(works, partial(self.job.advance, "examine", len(block)))
                hearers.catch_up()
            self.gauge = gauge
            self.measured = gauge.read()
            # a part in float holds what is over full scale, and says so
            hot = self.specification is None and self.encoding == "wavfloat"
            found = [one.later(programme.first / rate) for one in watch.findings()]
            self.findings += [one for one in found if not (hot and one.check == "overs")]
        return self.measured

    def _as_it_stands(self) -> AudioFile:
        """What was written, to be read in WAVE order."""
        if isinstance(self.writer, MonoFiles):
            files = zip(self.in_file.labels, self.writer.files, strict=True)
            return inspect_discrete({label: file.part for label, file in files})
        return inspect(self.writer.part, self.layout, self.facts.order)

    def judge(self, own_lufs: float | None, programme: Measured | None, given: str | None) -> None:
        """Hold a master against its specification.

        `own_lufs`: the dialogue stems' own loudness in it. `programme`: what all reels of its programme read together,
        by which its loudness is judged; where its gain was `given`, it says from where, and is judged there.
        """
        assert self.specification is not None
        self.measured = self.measured.model_copy(update={"dialogue_own_lufs": own_lufs})
        specification, measured = self.specification, self.measured
        said = []
        if given is not None:
            specification = specification.model_copy(update={"loudness": None})
            said.append(Finding(check="loudness", verdict="pass", text=f"takes its gain {given}"))
        elif programme is not None:
            together = {name: getattr(programme, name) for name in OF_PROGRAMME}
            measured = measured.model_copy(update=together | {"reasons": programme.reasons})
        found = judged(
            measured,
            specification,
            self.layout,
            sample_rate=self.job.project.sample_rate,
            bits=CODINGS[self.encoding].stored_bits,
            duration_s=self.job.frames / self.job.project.sample_rate,
        )
        self.findings = [*said, *found, *self.findings]

    def sealed(self) -> WrittenFile:
        """Bring the file to the disk, with what was measured in it, and give the account of it."""
        sealed = self.writer.seal(self.measured)
        hashes = (sealed,) if isinstance(sealed, str) else sealed
        parts = (
            tuple(
                Part(label=label, path=file.path.name, sha256=sha256)
                for label, file, sha256 in zip(self.in_file.labels, self.writer.files, hashes, strict=True)
            )
            if isinstance(self.writer, MonoFiles)
            else ()
        )
        course = None
        if self.specification is not None and self.gauge is not None:
            rate = self.job.project.sample_rate
            first_s = self.job.programme.first / rate
            course = course_of(self.gauge, self.reduction_db, self.job.frames / rate, first_s)
        return self.facts.model_copy(
            update={
                "sha256": "" if parts else hashes[0],
                "parts": parts,
                "measured": self.measured.rounded(),
                "course": course,
                "findings": tuple(finding.rounded() for finding in self.findings),
            }
        )


def opened(
    job: Job,
    wanted: Deliverable,
    layout: Layout,
    facts: WrittenFile,
    cleaning: ExitStack,
    *,
    specification: Specification | None = None,
    label: str | None = None,
    encoding: Encoding | None = None,
) -> Output:
    """Begin a deliverable's file, in its own format or another `encoding`; a `label` tells it from others of the same.

    Raises OutputError where it cannot be written.
    """
    project = job.project
    encoding = encoding or wanted.format
    name = project.name_of_file(job.name, wanted, label, encoding)
    in_file = in_film_order(layout) if wanted.order == "film" else layout
    about = BroadcastInfo(
        description=" ".join([f"{project.title}: {wanted.name}", *([label] if label else [])]),
        project=project.title,
        time_reference=project.time_reference,
        frame_rate=None if project.frame_rate is None else FRAME_RATES[project.frame_rate],
        drop_frame=project.frame_rate is not None and is_drop_frame(project.frame_rate),
    )
    begin: Callable[..., SoundWriter | MonoFiles] = MonoFiles if wanted.split else sound_writer
    with unbroken():
        writer = begin(job.folder / name, encoding, project.sample_rate, in_file, job.frames, about)
        cleaning.callback(writer.abort)
    return Output(
        job=job,
        writer=writer,
        encoding=encoding,
        layout=layout,
        in_file=in_file,
        seed=job.dither_seed(wanted.name, *([label] if label else [])),
        facts=facts.model_copy(update={"path": name, "format": encoding, "order": wanted.order}),
        specification=specification,
    )
