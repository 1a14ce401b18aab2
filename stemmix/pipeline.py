"""The way of the data, from a project file to files that are written, measured and accounted for."""

from __future__ import annotations

import platform
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stemmix import __version__
from stemmix.analysis.scan import StemScan
from stemmix.analysis.tonal import tonal_of
from stemmix.dsp.spectrum import ruler
from stemmix.engine.deliver import Job, deliver
from stemmix.engine.mixer import BLOCK_FRAMES, MixedStem, blocks_of, gains_of_stem, mixed_blocks
from stemmix.errors import OutputError, ProjectError, StemError
from stemmix.files.audio import AudioFile, inspect, inspect_discrete, sha256_of_stem
from stemmix.files.documents import StagedDocument, none_of, read_document, read_project, sha256_of_document, stem_paths
from stemmix.files.features import FeatureStore, feature_store
from stemmix.files.stems import StemReader
from stemmix.files.writer import remove_strays
from stemmix.model.evidence import Evidence, HeardFacts
from stemmix.model.features import Frames
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, Layout, Matrix, chained, fold_matrix, placing_matrix
from stemmix.model.plan import Plan
from stemmix.model.project import Project, Stem
from stemmix.model.receipt import Receipt, SourceFile, WrittenFile
from stemmix.planning.decide import decide
from stemmix.planning.evidence import HeardStem
from stemmix.units import samples_from_seconds

THREADS = 2

Progress = Callable[[str, float], None]
"""Told a stage, and how much of it is done, 0 to 1. Called from any thread, one at a time."""


def render(
    project_path: Path,
    out: Path | None = None,
    plan_path: Path | None = None,
    *,
    progress: Progress,
    use_cache: bool = True,
    block_frames: int = BLOCK_FRAMES,
    threads: int = THREADS,
) -> Receipt:
    """The whole way: open and check the stems, scan, decide, mix, deliver, measure what was written, account for it.

    With `plan_path` nothing is analysed: the stored plan is mixed, and refused where it is stale. `out` is `out/`
    beside the project where it is not given. Raises the family of `stemmix.errors`; whatever is raised, nothing
    half-written stands under a final name.
    """
    project = read_project(project_path)
    sources = open_stems(project_path, project, threads)
    with out_folder(project_path, out, project, sources) as folder:
        if plan_path is None:
            plan, sources = listen_and_decide(project, sources, folder, progress, use_cache=use_cache, threads=threads)
        else:
            plan = read_document(plan_path, Plan)
            refuse_stale(plan_path, plan, project, sources)

        with StagedDocument(folder / f"{project_path.stem}.plan.json", plan) as staged_plan:
            mixed = [
                MixedStem(
                    source.audio,
                    source.at,
                    source.stem.gain_db,
                    gains_of_stem(plan, source.stem.id),
                    project.layout,
                    source.stem.pan,
                )
                for source in sources
            ]
            # its text stands on the disk: the moves and reasons of hours need not stand in memory while they are mixed
            plan = plan.model_copy(update={"moves": (), "conflicts": (), "lines": ()})
            job = Job(
                project=project,
                name=project_path.stem,
                folder=folder,
                frames=plan.frames,
                layout=project.layout,
                mixed=lambda: mixed_blocks(mixed, plan.frames, plan.sample_rate, block_frames, threads),
                alone=lambda number: blocks_of(mixed[number], plan.frames, plan.sample_rate, block_frames),
                seed=staged_plan.sha256,
                advance=counted(progress, plan.frames),
                threads=threads,
            )
            with deliver(job) as delivery:
                receipt = account(project_path, project, plan, staged_plan, sources, delivery.files)
                with StagedDocument(folder / f"{project_path.stem}.receipt.json", receipt) as staged_receipt:
                    delivery.publish(staged_plan, staged_receipt)
        return receipt


def examine(
    project_path: Path,
    *,
    progress: Progress,
    use_cache: bool = True,
    threads: int = THREADS,
    method: Literal["multilevel", "frequency"] | None = None,
    asked_for: str | None = None,
    tonal: Callable[[str], bool] | None = None,
) -> Evidence:
    """As far as the decisions: what `check`, `report`, `why` and `features` show. Nothing is written but features.

    `method` is another than the project's; `asked_for` a stem that must be heard, a ProjectError before anything is
    opened where it is not; `tonal` says of a stem's id whether its pitch and tempo are asked for.
    """
    project = read_project(project_path)
    if asked_for is not None:
        refuse_unheard(project_path, project, asked_for)
    if method is not None:
        project = project.model_copy(update={"method": method})
    sources = open_stems(project_path, project, threads)
    with feature_store(Path(tempfile.gettempdir()), keep=use_cache) as store:
        stems = listen(project, sources, store, progress, threads)
        plan = decide(project, stems, programme_frames(stems))
    return Evidence(
        plan=plan,
        stems=tuple(
            HeardFacts(
                id=stem.id,
                role=stem.role,
                file=source.stem.named,
                priority=stem.priority,
                gain_db=source.stem.gain_db,
                at=source.at,
                facts=stem.facts,
                warnings=source.with_warnings(stem).warnings,
                tonal=tonal_of(_blocks(source, project), project.sample_rate) if tonal and tonal(stem.id) else None,
            )
            for source, stem in zip(sources, stems, strict=True)
        ),
    )


def refuse_unheard(project_path: Path, project: Project, stem: str) -> None:
    """A ProjectError where a stem, by its id, is not of the project or is muted."""
    known = [one.id for one in project.heard]
    if stem in known:
        return
    if any(one.id == stem for one in project.stems):
        raise ProjectError(f"{project_path}: stem {stem!r} is muted: it is not listened to")
    raise ProjectError(f"{project_path}: stem {none_of(stem, known)}")


@dataclass(frozen=True)
class Source:
    """A stem that is heard, and its file or files."""

    stem: Stem
    audio: AudioFile
    sha256: str
    hashes: tuple[str, ...]
    """Of each of its files."""
    at: int
    """Where it begins, in samples of the programme."""
    warnings: tuple[str, ...]

    def fold(self, bus: Layout) -> Matrix:
        """What listeners in stereo get of it: its place on the bus, folded. Decisions are made on that."""
        return chained(placing_matrix(self.audio.layout, bus, self.stem.pan), fold_matrix(bus, STEREO))

    def with_warnings(self, heard: HeardStem) -> Source:
        """With what the scan found besides."""
        found = tuple(f"{self.audio.path}: {warning}" for warning in heard.facts.warnings)
        return replace(self, warnings=self.warnings + found)


def open_stems(project_path: Path, project: Project, threads: int = THREADS) -> list[Source]:
    """Look at every stem that is heard, and take its hash; a StemError names all that cannot be used.

    ProjectError where one that is not mono has a pan.
    """

    def opened(stem: Stem) -> Source | StemError:
        paths = stem_paths(project_path, stem)
        whole = paths.get(None)
        try:
            if whole is None:
                audio = inspect_discrete({label: path for label, path in paths.items() if label is not None})
            else:
                audio = inspect(whole, None if stem.layout is None else LAYOUTS[stem.layout], stem.order)
            sha256, hashes = sha256_of_stem(audio)
        except StemError as fault:
            return fault
        if stem.pan and audio.layout != MONO:
            has = f"has {audio.layout.channels} channels ({audio.layout.name})"
            raise ProjectError(f"{project_path}: stem {stem.id!r}: pan: is for mono stems, and {audio.path} {has}")
        at = samples_from_seconds(stem.at, project.sample_rate)
        return Source(stem, audio, sha256, hashes, at, audio.warnings)

    with ThreadPoolExecutor(threads, "open") as pool:
        found = list(pool.map(opened, project.heard))
    if faults := [str(fault) for fault in found if isinstance(fault, StemError)]:
        raise StemError("\n".join(faults))
    return [source for source in found if isinstance(source, Source)]


@contextmanager
def out_folder(project_path: Path, out: Path | None, project: Project, sources: Sequence[Source]) -> Iterator[Path]:
    """The folder that is written to, there and clear of strays; an OutputError where a file would fall on a stem.

    A folder that was made for a render that failed is taken away again.
    """
    folder = project_path.parent / "out" if out is None else out
    stems = {file.path.resolve() for source in sources for file in source.audio.files}
    for name in project.file_names(project_path.stem):
        if (folder / name).resolve() in stems:
            raise OutputError(f"{folder / name}: is a stem of this project; choose another folder with --out")
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise OutputError(f"{folder}: cannot be made: {fault.strerror or fault}") from None
    remove_strays(folder)
    try:
        yield folder
    except BaseException:
        if new:
            with suppress(OSError):  # it holds something after all
                folder.rmdir()
        raise


def listen_and_decide(
    project: Project, sources: Sequence[Source], scratch: Path, progress: Progress, *, use_cache: bool, threads: int
) -> tuple[Plan, list[Source]]:
    """Pass 1 and the decisions; what was heard is let go of again before anything is mixed.

    The sources come back with what the scan found besides.
    """
    with feature_store(scratch, keep=use_cache) as store:
        stems = listen(project, sources, store, progress, threads)
        plan = decide(project, stems, programme_frames(stems))
    return plan, [source.with_warnings(stem) for source, stem in zip(sources, stems, strict=True)]


def listen(
    project: Project, sources: Sequence[Source], store: FeatureStore, progress: Progress, threads: int = THREADS
) -> list[HeardStem]:
    """Pass 1: every stem's features, from the store or by one scan each. A StemError where all are silent."""
    advance = counted(progress, sum(source.audio.frames or 0 for source in sources), "listen")

    def heard(source: Source) -> HeardStem:
        return _heard(project, source, store, lambda count: advance("listen", count))

    with ThreadPoolExecutor(threads, "listen") as pool:
        stems = list(pool.map(heard, sources))
    if all(stem.facts.silent for stem in stems):
        raise StemError(f"every stem is silent: there is nothing to mix ({', '.join(stem.id for stem in stems)})")
    return stems


def _heard(project: Project, source: Source, store: FeatureStore, advance: Callable[[int], None]) -> HeardStem:
    hop = ruler(project.sample_rate).hop_samples
    lead = source.at % hop
    fold = source.fold(project.layout)
    key = store.key(source.sha256, project.sample_rate, lead, source.audio.labels, fold)
    entry = store.read(key)
    if entry is None:
        with StemReader(source.audio, project.sample_rate, fold, watched=True) as reader, store.write(key) as writer:
            scan = StemScan(project.sample_rate, lead, writer.rows)
            while len(block := reader.read(BLOCK_FRAMES)):
                scan.process(block)
                advance(len(block))
            if not reader.frames_out:  # its header did not say
                raise StemError(f"{source.audio.path}: holds no audio (0 frames)")
            facts = scan.finish(
                sha256=source.sha256,
                source_rate=source.audio.sample_rate,
                source_layout=source.audio.layout.name,
                look=reader.look,
            )
            writer.finish(facts)
        entry = store.read(key)
        if entry is None:
            raise OutputError(f"{store.folder}: features of {source.audio.path} cannot be kept: they do not read back")
    facts, frames = entry
    stem = source.stem
    return HeardStem(
        id=stem.id,
        role=stem.role,
        priority=project.priority_of(stem),
        protection=project.defaults.protection[stem.role],
        at=source.at,
        facts=facts,
        frames=Frames(frames, source.at // hop, stem.gain_db),
    )


def _blocks(source: Source, project: Project) -> Iterator[NDArray[np.float64]]:
    with StemReader(source.audio, project.sample_rate, source.fold(project.layout)) as reader:
        while len(block := reader.read(BLOCK_FRAMES)):
            yield block


def programme_frames(stems: Sequence[HeardStem]) -> int:
    """Length of the programme in samples: to the end of the stem that ends last."""
    return max(stem.at + stem.facts.frames for stem in stems)


def refuse_stale(plan_path: Path, plan: Plan, project: Project, sources: Sequence[Source]) -> None:
    """A ProjectError where the plan was made for other stems than these, saying in what they differ."""
    reasons = []
    length = max((stem.at + stem.frames for stem in plan.stems), default=0)
    if plan.frames != length:
        reasons.append(f"it is {plan.frames} samples long, its stems end after {length}")
    if plan.sample_rate != project.sample_rate:
        reasons.append(f"it is for {plan.sample_rate} Hz, the project for {project.sample_rate} Hz")
    planned, present = {stem.id: stem for stem in plan.stems}, {source.stem.id: source for source in sources}
    reasons += [f"stem {name} is not in it" for name in present if name not in planned]
    reasons += [f"its stem {name} is not in the project, or is muted" for name in planned if name not in present]
    for name, source in present.items():
        if name in planned and planned[name].sha256 != source.sha256:
            reasons.append(f"{source.audio.path} of stem {name} has changed since")
        if name in planned and planned[name].at != source.at:
            reasons.append(f"stem {name} has been moved")
        if name in planned and planned[name].gain_db != source.stem.gain_db:
            reasons.append(f"the fader of stem {name} has been moved from {planned[name].gain_db:g} dB")
        if name in planned and planned[name].pan != source.stem.pan:
            reasons.append(f"the pan of stem {name} has been moved from {planned[name].pan:g}")
        if name in planned and (planned[name].layout, planned[name].order) != (source.stem.layout, source.stem.order):
            reasons.append(f"the channels of stem {name} were said to be others")
        if name in planned and planned[name].role is not source.stem.role:
            reasons.append(f"stem {name} was {planned[name].role.value} then")
    known = planned.keys()
    reasons += sorted(
        {f"it moves {move.stem}, which it does not list" for move in plan.moves if move.stem not in known}
    )
    conflicts = {conflict.id for conflict in plan.conflicts}
    reasons += [
        f"its move {move.id} is made because of {because}, which it does not list"
        for move in plan.moves
        for because in move.because
        if because not in conflicts
    ][:3]
    if reasons:
        raise ProjectError(f"{plan_path}: the plan is stale: {'; '.join(reasons)}")


def account(
    project_path: Path,
    project: Project,
    plan: Plan,
    staged_plan: StagedDocument,
    sources: Sequence[Source],
    files: Sequence[WrittenFile],
) -> Receipt:
    """The receipt of what went in and came out."""
    lengths = {stem.id: stem.frames for stem in plan.stems}
    return Receipt(
        schema_="stemmix.receipt/1",
        title=project.title,
        project=project_path.name,
        project_sha256=sha256_of_document(project),
        plan=staged_plan.path.name,
        plan_sha256=staged_plan.sha256,
        versions={
            "stemmix": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("numba", "numpy", "scipy", "soundfile", "soxr")},
        },
        processor=_processor(),
        sample_rate=project.sample_rate,
        frames=plan.frames,
        sources=tuple(
            SourceFile(
                stem=source.stem.id,
                path=path,
                channel=label,
                sha256=sha256,
                frames=lengths[source.stem.id],
                sample_rate=source.audio.sample_rate,
                layout=source.audio.layout.name,
                warnings=source.warnings if path == next(iter(source.stem.paths.values())) else (),
            )
            for source in sources
            for (label, path), sha256 in zip(source.stem.paths.items(), source.hashes, strict=True)
        ),
        files=tuple(files),
        warnings=plan.notes,
        passed=not any(file.misses for file in files),
    )


def _processor() -> str:
    """Type of processor: the model where the system names it."""
    try:
        with Path("/proc/cpuinfo").open() as lines:
            models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
            return next(models, "") or platform.processor() or platform.machine()
    except OSError:
        return platform.processor() or platform.machine()


def counted(progress: Progress, total: int, *stages: str) -> Callable[[str, float], None]:
    """Turns counts of samples, from any thread, into shares of `total`, a count a stage."""
    lock = threading.Lock()
    done = dict.fromkeys(stages, 0.0)

    def advance(stage: str, count: float) -> None:
        with lock:
            done[stage] = done.get(stage, 0.0) + count
            progress(stage, min(done[stage] / max(total, 1), 1.0))

    return advance
