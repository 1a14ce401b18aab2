"""What is written: the printmasters, brought to their targets, and the printed stems at the same gain.

Loudness is unknown until the mix exists, so the sum of the stems goes to a scratch file beside the target while it is
metered; a master is then gain, limiter and dither over that file. The scratch is 32-bit float: its rounding lies 150 dB
under each sample. Stems are not kept so (hours of them would fill a disk): where they are asked for, the strips run
once more and give the same samples again, every stem by itself: made, written and measured beside the others.

Gain is linear, always. Where peaks would pass the ceiling the limiter takes them down, and the gain is mended for what
that costs in loudness, in at most `ROUNDS` rounds; a target that is still missed is said, never forced.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.dither import quantise_24
from stemmix.dsp.limiter import TruePeakLimiter
from stemmix.dsp.meters import Meter, Reading
from stemmix.engine.mixer import BLOCK_FRAMES, bus_of, folded
from stemmix.errors import OutputError
from stemmix.files.audio import AudioReader
from stemmix.files.documents import StagedDocument
from stemmix.files.wave import Encoding
from stemmix.files.writer import WaveWriter
from stemmix.model.layouts import LAYOUTS, STEREO, Layout
from stemmix.model.project import PrintedStems, Printmaster, Project, Stem
from stemmix.model.receipt import Limiting, Measured, WrittenFile
from stemmix.units import db_from_gain, gain_from_db

Floats = NDArray[np.float64]

ROUNDS = 4
"""The first, and three mends: enough for 9 dB over the ceiling."""
LEAST_YIELD = 0.25
TOLERANCE_LU = 0.05
CLOSE_ENOUGH_LU = 0.01
CEILING_TOLERANCE_DB = 0.02
HEAVY_LIMITING_DB = 6.0
FULL_SCALE_DB = -0.01
"""A printed stem that would peak above is written float: dither may add a step or two to what is full."""


@dataclass(frozen=True)
class Job:
    """One render's output: what it is made from and where it goes."""

    project: Project
    name: str
    """Of the project file, without its ending: the beginning of every file name."""
    folder: Path
    frames: int
    mixed: Callable[[], Iterator[list[Floats]]]
    """Gives the programme from its beginning: of every stem that is heard, in order, (n, channels) samples."""
    alone: Callable[[int], Iterator[Floats]]
    """The same of one stem, by its number among those that are heard."""
    seed: str
    """What dither is drawn from: the plan's hash, so that a render repeats."""
    advance: Callable[[str, float], None]
    """Told the stage, and how many samples of the programme are done in it. Called from any thread."""
    layout: Layout = STEREO
    """Of the bus."""
    threads: int = 2


@dataclass(frozen=True)
class Bus:
    """The sum of the stems before any master gain: where it stands, and what meters read on it."""

    samples: IO[bytes]
    layout: Layout
    readings: Mapping[Layout, Reading]
    """Of its fold to each layout that is delivered."""
    stem_peaks_db: Mapping[Layout, tuple[float, ...]]
    """Highest sample of each stem after its strip, in dBFS, in the same folds."""

    def blocks(self, layout: Layout) -> Iterator[Floats]:
        """The bus from its beginning in another layout, (n, channels)."""
        channels = self.layout.channels
        self.samples.seek(0)
        while packed := self.samples.read(BLOCK_FRAMES * channels * 4):
            block = np.frombuffer(packed, np.float32).reshape(-1, channels).astype(np.float64)
            yield folded(block, self.layout, layout)


@dataclass(frozen=True)
class _Printed:
    """A file that is not yet under its name, and what is known of it before it is measured."""

    writer: WaveWriter
    facts: WrittenFile
    samples: Iterable[NDArray[np.int32] | Floats] = ()
    """What is still to be written to it."""

    def whole(self) -> WrittenFile:
        """Write, bring it to the disk, and measure it as it stands there."""
        for block in self.samples:
            self.writer.write(block)
        sha256 = self.writer.seal()
        return _judged(self.facts.model_copy(update={"sha256": sha256, "measured": measured_file(self.writer.part)}))


@dataclass(frozen=True)
class Delivery:
    """Everything that the project lists, whole on the disk and measured, but not yet under its names."""

    files: tuple[WrittenFile, ...]
    _writers: Sequence[WaveWriter]

    def publish(self, *documents: StagedDocument) -> None:
        """Bring the files under their names, then the documents.

        Raises OutputError where one of them cannot be; none of them stands under its name then.
        """
        published: list[Path] = []
        try:
            everything: list[WaveWriter | StagedDocument] = [*self._writers, *documents]
            for one in everything:
                one.publish()
                published.append(one.path)
        except BaseException:
            for path in published:
                path.unlink(missing_ok=True)
            raise


@contextmanager
def deliver(job: Job) -> Iterator[Delivery]:
    """Make everything that the project lists, and measure it; what is not published is gone in the end.

    Raises OutputError where something cannot be written.
    """
    with ExitStack() as cleaning:
        bus = _mixed_down(job, cleaning)
        printed = [
            _printed_master(job, deliverable, bus, cleaning)
            for deliverable in job.project.deliverables
            if isinstance(deliverable, Printmaster)
        ]
        gains_db = {one.facts.deliverable: one.facts.gain_db for one in printed}
        layouts = {one.name: LAYOUTS[one.layout] for one in job.project.deliverables if isinstance(one, Printmaster)}
        for deliverable in job.project.deliverables:
            if isinstance(deliverable, PrintedStems):
                parent = deliverable.parent or next(iter(gains_db))
                printed += _printed_stems(job, deliverable, parent, layouts[parent], gains_db[parent], bus, cleaning)
        with ThreadPoolExecutor(job.threads, "print") as pool:
            files = tuple(pool.map(_Printed.whole, printed))
        yield Delivery(files, [one.writer for one in printed])


def measured_file(path: Path) -> Measured:
    """What meters read on an audio file as it stands on the disk."""
    with AudioReader(path) as reader:
        meter = Meter(reader.audio.sample_rate, reader.audio.layout.weights)
        while len(block := reader.read(BLOCK_FRAMES)):
            meter.process(block)
    return Measured.of(meter.read())


def _mixed_down(job: Job, cleaning: ExitStack) -> Bus:
    """Run the strips once: the sum to a scratch file that has no name, meters on the way."""
    size = job.frames * job.layout.channels * 4
    if shutil.disk_usage(job.folder).free < size:
        raise OutputError(f"{job.folder}: the disk is full: the mix takes {size / 1e6:.0f} MB of scratch")
    try:
        scratch = cleaning.enter_context(tempfile.TemporaryFile(dir=job.folder))  # noqa: SIM115 - the stack closes it
    except OSError as fault:
        raise OutputError(f"{job.folder}: cannot be written: {fault.strerror or fault}") from None
    delivered = [LAYOUTS[one.layout] for one in job.project.deliverables if isinstance(one, Printmaster)]
    meters = {layout: Meter(job.project.sample_rate, layout.weights) for layout in delivered}
    peaks = {layout: np.zeros(len(job.project.heard)) for layout in delivered}
    for stems in job.mixed():
        bus = bus_of(stems).astype(np.float32)
        for layout, highest in peaks.items():
            for index, stem in enumerate(stems):
                heard = folded(stem, job.layout, layout)
                highest[index] = max(highest[index], heard.max(initial=0.0), -heard.min(initial=0.0))
            meters[layout].process(folded(bus.astype(np.float64), job.layout, layout))
        try:
            scratch.write(bus.tobytes())
        except OSError as fault:
            raise OutputError(f"{job.folder}: the mix cannot be kept: {fault.strerror or fault}") from None
        job.advance("mix", len(bus))
    try:
        scratch.flush()
    except OSError as fault:
        raise OutputError(f"{job.folder}: the mix cannot be kept: {fault.strerror or fault}") from None
    readings = {layout: meter.read() for layout, meter in meters.items()}
    peaks_db = {layout: tuple(db_from_gain(float(peak)) for peak in highest) for layout, highest in peaks.items()}
    return Bus(scratch, job.layout, readings, peaks_db)


def _printed_master(job: Job, deliverable: Printmaster, bus: Bus, cleaning: ExitStack) -> _Printed:
    """A printmaster at its target: linear gain, then the limiter if its ceiling would be passed."""
    defaults = job.project.defaults
    target_lufs = defaults.target_lufs if deliverable.target_lufs is None else deliverable.target_lufs
    ceiling_dbtp = defaults.ceiling_dbtp if deliverable.ceiling_dbtp is None else deliverable.ceiling_dbtp
    layout = LAYOUTS[deliverable.layout]
    loudness_lufs = bus.readings[layout].integrated_lufs
    gain_db = 0.0 if loudness_lufs is None else round(target_lufs - loudness_lufs, 4)
    peak_dbtp = bus.readings[layout].true_peak_dbtp
    limited = peak_dbtp is not None and peak_dbtp + gain_db > ceiling_dbtp
    limiting, before = None, None
    for attempt in range(1, ROUNDS + 1):
        writer = _writer(job, job.project.file_name(job.name, deliverable), layout, cleaning)
        limiter = TruePeakLimiter(job.project.sample_rate, layout.channels, ceiling_dbtp) if limited else None
        reached = _write_master(job, bus, layout, gain_db, limiter, writer, deliverable.name)
        if limiter is not None:
            limiting = Limiting(
                max_reduction_db=round(limiter.max_reduction_db, 2), active_share=round(limiter.active_share, 4)
            )
        missing_lu = 0.0 if reached is None or loudness_lufs is None else target_lufs - reached
        if limiter is None or abs(missing_lu) <= CLOSE_ENOUGH_LU or attempt == ROUNDS:
            break
        writer.abort()
        gain_db, before = _mended_gain(gain_db, missing_lu, before), (gain_db, missing_lu)
    return _Printed(
        writer,
        WrittenFile(
            path=writer.path.name,
            deliverable=deliverable.name,
            kind="printmaster",
            format="PCM_24",
            frames=job.frames,
            gain_db=gain_db,
            sha256="",
            measured=UNMEASURED,
            target_lufs=target_lufs,
            ceiling_dbtp=ceiling_dbtp,
            limiting=limiting,
        ),
    )


def _mended_gain(gain_db: float, missing_lu: float, before: tuple[float, float] | None) -> float:
    """The next gain to try: the limiter takes part of every further dB, the more the harder it is driven.

    `before` is what was tried last, and what was missing then: a secant, of which no dB may be worth less than
    `LEAST_YIELD` LU.
    """
    if before is None:
        return round(gain_db + missing_lu, 4)
    yielded = (before[1] - missing_lu) / (gain_db - before[0])
    return round(gain_db + missing_lu / min(max(yielded, LEAST_YIELD), 1.0), 4)


def _write_master(
    job: Job,
    bus: Bus,
    layout: Layout,
    gain_db: float,
    limiter: TruePeakLimiter | None,
    writer: WaveWriter,
    name: str,
) -> float | None:
    """Fold, gain, limiter, dither over the whole bus; gives the integrated loudness of what came out."""
    gain = gain_from_db(gain_db)
    meter = Meter(job.project.sample_rate, layout.weights)
    seed = _seed(job, name)
    done = 0
    late = 0 if limiter is None else limiter.latency_samples

    def put(block: Floats) -> None:
        nonlocal done, late
        early, late = late, max(late - len(block), 0)
        block = block[early:]
        meter.process(block)
        writer.write(quantise_24(block, done, seed)[0])
        done += len(block)
        job.advance(f"write {name}", len(block))

    for block in bus.blocks(layout):
        put(block * gain if limiter is None else limiter.process(block * gain))
    if limiter is not None:
        put(limiter.flush())
    return meter.read().integrated_lufs


def _printed_stems(
    job: Job,
    deliverable: PrintedStems,
    parent: str,
    layout: Layout,
    gain_db: float,
    bus: Bus,
    cleaning: ExitStack,
) -> list[_Printed]:
    """Every stem after its strip, in its parent's layout, at its gain; float where it would pass full scale."""
    printed = []
    for number, stem in enumerate(job.project.heard):
        is_float = bus.stem_peaks_db[layout][number] + gain_db > FULL_SCALE_DB
        writer = _writer(job, job.project.file_name(job.name, deliverable, stem), layout, cleaning, is_float=is_float)
        facts = _stem_facts(job, deliverable, stem, parent, gain_db, writer, is_float=is_float)
        samples = _stem_samples(job, deliverable, number, layout, gain_db, is_float=is_float)
        printed.append(_Printed(writer, facts, samples))
    return printed


def _stem_samples(
    job: Job, deliverable: PrintedStems, number: int, layout: Layout, gain_db: float, *, is_float: bool
) -> Iterator[NDArray[np.int32] | Floats]:
    """One stem's samples as they are written."""
    heard = job.project.heard
    gain = gain_from_db(gain_db)
    seed = _seed(job, deliverable.name, heard[number].id)
    done = 0
    for made in job.alone(number):
        block = folded(made, job.layout, layout)
        yield block * gain if is_float else quantise_24(block * gain, done, seed)[0]
        done += len(block)
        job.advance(f"write {deliverable.name}", len(block) / len(heard))


def _stem_facts(
    job: Job, deliverable: PrintedStems, stem: Stem, parent: str, gain_db: float, writer: WaveWriter, *, is_float: bool
) -> WrittenFile:
    return WrittenFile(
        path=writer.path.name,
        deliverable=deliverable.name,
        kind="stem",
        stem=stem.id,
        role=stem.role.value,
        parent=parent,
        format="FLOAT" if is_float else "PCM_24",
        frames=job.frames,
        gain_db=gain_db,
        sha256="",
        measured=UNMEASURED,
        flags=("would pass full scale at the master's gain: written as 32-bit float",) if is_float else (),
    )


UNMEASURED = Measured(
    integrated_lufs=None,
    short_term_max_lufs=None,
    momentary_max_lufs=None,
    lra_lu=None,
    true_peak_dbtp=None,
    sample_peak_dbfs=None,
)


def _judged(written: WrittenFile) -> WrittenFile:
    """The file with what it misses of its specification, and what else is to be said of it."""
    misses, flags = [], list(written.flags)
    loudness_lufs, peak_dbtp = written.measured.integrated_lufs, written.measured.true_peak_dbtp
    if written.target_lufs is not None:
        wanted = f"its target of {written.target_lufs:g} LUFS"
        if loudness_lufs is None:
            misses.append(f"{wanted}: {written.measured.reasons['integrated_lufs']}, so it has no loudness to be set")
        elif abs(loudness_lufs - written.target_lufs) > TOLERANCE_LU:
            misses.append(
                f"{wanted}: it reads {loudness_lufs:g}; the ceiling of {written.ceiling_dbtp:g} dBTP bars more"
            )
    highest_dbtp = None if written.ceiling_dbtp is None else written.ceiling_dbtp + CEILING_TOLERANCE_DB
    if peak_dbtp is not None and highest_dbtp is not None and peak_dbtp > highest_dbtp:
        misses.append(f"its ceiling of {written.ceiling_dbtp:g} dBTP: it reads {peak_dbtp:g}")
    if written.limiting is not None and written.limiting.max_reduction_db > HEAVY_LIMITING_DB:
        flags.append(f"is limited hard: by {written.limiting.max_reduction_db:.1f} dB at most")
    return written.model_copy(update={"misses": tuple(misses), "flags": tuple(flags)})


def _writer(job: Job, file_name: str, layout: Layout, cleaning: ExitStack, *, is_float: bool = False) -> WaveWriter:
    encoding: Encoding = "FLOAT" if is_float else "PCM_24"
    return cleaning.enter_context(
        WaveWriter(job.folder / file_name, encoding, job.project.sample_rate, layout, job.frames)
    )


def _seed(job: Job, *names: str) -> int:
    """64 bits that differ for every file of a plan, and are the same whenever it is rendered."""
    return int.from_bytes(hashlib.sha256("\0".join((job.seed, *names)).encode()).digest()[:8], "little")
