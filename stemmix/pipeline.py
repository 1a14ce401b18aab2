"""The way of the data, from a project file to files that are written, measured and accounted for."""

from __future__ import annotations

import platform
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stemmix import __version__
from stemmix.analysis.scan import StemScan
from stemmix.analysis.tonal import tonal_of
from stemmix.bands import BAND_COUNT
from stemmix.dsp.spectrum import ruler
from stemmix.engine.bus import Job
from stemmix.engine.deliver import deliver, publish
from stemmix.engine.gauge import Programme
from stemmix.engine.mixer import BLOCK_FRAMES, MixedStem, gains_of_stem, mixed_blocks
from stemmix.errors import OutputError, ProjectError, StemError
from stemmix.files.documents import StagedDocument, read_document, read_project, sha256_of_document
from stemmix.files.features import FeatureStore, feature_store
from stemmix.files.stems import StemReader
from stemmix.files.writer import remove_strays
from stemmix.model.deliverables import made_for_dialogue, speech_of
from stemmix.model.evidence import AppliedGains, Evidence, HeardFacts
from stemmix.model.features import Frames
from stemmix.model.moves import rounded_db
from stemmix.model.plan import Plan
from stemmix.model.project import Project
from stemmix.model.receipt import Receipt, SourceFile, WrittenFile
from stemmix.planning.decide import decide
from stemmix.planning.evidence import HeardStem
from stemmix.reels import folder_of, gains_of, refuse_clashes, refuse_unlike
from stemmix.sources import Source, open_stems, refuse_stale, refuse_unheard
from stemmix.units import samples_from_seconds

THREADS = 2

Progress = Callable[[str, float], None]
"""Told a stage, and how much of it is done, 0 to 1. Called from any thread, one at a time."""


def render(
    project_paths: Sequence[Path],
    out: Path | None = None,
    plan_path: Path | None = None,
    *,
    progress: Progress,
    gain_from: Path | None = None,
    use_cache: bool = True,
    block_frames: int = BLOCK_FRAMES,
    threads: int = THREADS,
) -> list[Receipt]:
    """The whole way: open and check the stems, scan, decide, mix, deliver, measure what was written, account for it.

    Several projects are the reels of one programme, measured as one. With `plan_path` (of a lone project) nothing is
    analysed: the stored plan is mixed, and refused where it is stale. `gain_from`: a receipt whose masters' gains are
    taken. `out` is `out/` beside each project where it is not given. Raises the family of `stemmix.errors`; whatever is
    raised, nothing half-written stands under a final name.
    """
    projects = [read_project(path) for path in project_paths]
    refuse_unlike(project_paths, projects)
    refuse_clashes(project_paths, projects, out)
    given = {} if gain_from is None else gains_of(gain_from, projects[0])
    way = _Way(progress, use_cache, block_frames, threads)
    with ExitStack() as cleaning:
        sources = [open_stems(path, project, threads) for path, project in zip(project_paths, projects, strict=True)]
        # all folders before anything is staged in one: strays are cleared away here
        folders = [
            cleaning.enter_context(out_folder(path, out, project, its))
            for path, project, its in zip(project_paths, projects, sources, strict=True)
        ]
        reels = [
            cleaning.enter_context(_reel(path, project, its, folder, plan_path, way))
            for path, project, its, folder in zip(project_paths, projects, sources, folders, strict=True)
        ]
        deliveries = cleaning.enter_context(deliver([reel.job for reel in reels], given))
        receipts = [account(reel, delivery.files) for reel, delivery in zip(reels, deliveries, strict=True)]
        staged = [
            cleaning.enter_context(StagedDocument(reel.job.folder / f"{reel.path.stem}.receipt.json", receipt))
            for reel, receipt in zip(reels, receipts, strict=True)
        ]
        publish(deliveries, [*(reel.staged_plan for reel in reels), *staged])
    return receipts


@dataclass(frozen=True)
class _Reel:
    """A project on its way: decided, and ready to be mixed."""

    path: Path
    plan: Plan
    """Without moves, lines and conflicts: they stand on the disk, and hours of them need not stand in memory."""
    staged_plan: StagedDocument
    sources: Sequence[Source]
    job: Job


@dataclass(frozen=True)
class _Way:
    """How to go: nothing of it changes a sample."""

    progress: Progress
    use_cache: bool
    block_frames: int
    threads: int


@contextmanager
def _reel(
    path: Path, project: Project, sources: Sequence[Source], folder: Path, plan_path: Path | None, way: _Way
) -> Iterator[_Reel]:
    if plan_path is None:
        plan, sources = listen_and_decide(
            project, sources, folder, way.progress, use_cache=way.use_cache, threads=way.threads
        )
    else:
        plan = read_document(plan_path, Plan)
        refuse_stale(plan_path, plan, project, sources)
    with StagedDocument(folder / f"{path.stem}.plan.json", plan) as staged_plan:
        job = _job(path, project, plan, sources, staged_plan, way)
        plan = plan.model_copy(update={"moves": (), "conflicts": (), "lines": ()})
        yield _Reel(path, plan, staged_plan, sources, job)


def _job(
    path: Path, project: Project, plan: Plan, sources: Sequence[Source], staged_plan: StagedDocument, way: _Way
) -> Job:
    """What the engine has to know of a project."""
    rate = project.sample_rate
    frames = plan.frames if project.length is None else samples_from_seconds(project.length, rate)
    first = 0 if project.ffoa is None else samples_from_seconds(project.ffoa, rate)
    after = frames if project.lfoa is None else samples_from_seconds(project.lfoa, rate)
    if first >= frames:
        raise ProjectError(f"{path}: ffoa: {project.ffoa:g} s is not before the programme's end, {frames / rate:g} s")
    dipped, undipped = (
        [
            MixedStem(
                source.audio,
                source.at,
                source.stem.gain_db,
                gains_of_stem(plan, source.stem.id, without),
                project.layout,
                source.stem.pan,
            )
            for source in sources
        ]
        for without in (frozenset[str](), made_for_dialogue(plan))
    )
    return Job(
        project=project,
        name=path.stem,
        folder=staged_plan.path.parent,
        frames=frames,
        layout=project.layout,
        mixed=lambda: mixed_blocks(dipped, frames, rate, way.block_frames, way.threads),
        undipped=lambda: mixed_blocks(undipped, frames, rate, way.block_frames, way.threads),
        seed=staged_plan.sha256,
        advance=counted(way.progress, frames),
        programme=Programme(first, min(after, frames), speech_of(plan)),
        threads=way.threads,
    )


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
        files=tuple(project.file_names(project_path.stem)),
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


def gains_at(plan: Plan, sample: int) -> tuple[AppliedGains, ...]:
    """What the plan does to each of its stems at a sample of the programme, as it is rendered."""
    at = np.array([float(sample)])
    gains_db = {stem.id: rounded_db(gains_of_stem(plan, stem.id).every.at(at)[0]) for stem in plan.stems}
    return tuple(
        AppliedGains(stem=stem, mid_db=gain_db[:BAND_COUNT], side_db=gain_db[BAND_COUNT:])
        for stem, gain_db in gains_db.items()
    )


@contextmanager
def out_folder(project_path: Path, out: Path | None, project: Project, sources: Sequence[Source]) -> Iterator[Path]:
    """The folder that is written to, there and clear of strays; an OutputError where a file would fall on a stem.

    A folder that was made for a render that failed is taken away again.
    """
    folder = folder_of(project_path, out)
    stems = {file.path.resolve() for source in sources for file in source.audio.files}
    for name in project.file_names(project_path.stem):
        # what would pass full scale is a WAVE, whatever was asked for
        for path in (folder / name, (folder / name).with_suffix(".wav")):
            if path.resolve() in stems:
                raise OutputError(f"{path}: is a stem of this project; choose another folder with --out")
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


def account(reel: _Reel, files: Sequence[WrittenFile]) -> Receipt:
    """The receipt of what went in and came out."""
    project, plan = reel.job.project, reel.plan
    lengths = {stem.id: stem.frames for stem in plan.stems}
    return Receipt(
        schema_="stemmix.receipt/1",
        title=project.title,
        project=reel.path.name,
        project_sha256=sha256_of_document(project),
        plan=reel.staged_plan.path.name,
        plan_sha256=reel.staged_plan.sha256,
        versions={
            "stemmix": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("numba", "numpy", "scipy", "soundfile", "soxr")},
        },
        processor=_processor(),
        sample_rate=project.sample_rate,
        frames=reel.job.frames,
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
            for source in reel.sources
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
