"""The way of the data, from a project file to files that are written, measured and accounted for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from stemmix.alignment import in_line
from stemmix.analysis.tonal import tonal_of
from stemmix.bands import BAND_COUNT
from stemmix.decided import decided
from stemmix.engine.bus import Job
from stemmix.engine.deliver import deliver, publish
from stemmix.engine.gauge import Programme
from stemmix.engine.master import Given
from stemmix.engine.mixer import BLOCK_FRAMES, MixedStem, gains_of_stem, mixed_blocks
from stemmix.errors import OutputError, ProjectError
from stemmix.files.cache import Cache, user_cache
from stemmix.files.documents import StagedDocument, sha256_of_document
from stemmix.files.features import feature_store
from stemmix.files.hashes import Hashes
from stemmix.files.parts import remove_strays
from stemmix.files.paths import seen_from
from stemmix.files.projects import read_project
from stemmix.listening import THREADS, folded_blocks, listen, programme_frames
from stemmix.machine import processor, versions
from stemmix.model.choice import Choice, ChoiceError, narrowed
from stemmix.model.deliverables import made_for_dialogue, speech_of
from stemmix.model.evidence import AppliedGains, Evidence, HeardFacts
from stemmix.model.moves import rounded_db
from stemmix.model.plan import Plan
from stemmix.model.progress import Progress, Stage
from stemmix.model.project import Project
from stemmix.model.receipt import RECEIPT_SCHEMA, Receipt, SourceFile, WrittenFile
from stemmix.model.timecode import as_typed, sample_meant
from stemmix.planning.evidence import HeardStem
from stemmix.planning.span import seen_in
from stemmix.reels import folder_of, gain_source, gains_of, refuse_clashes, refuse_unlike
from stemmix.sources import Source, open_stems, refuse_unheard, unheard
from stemmix.steps import Steps, files_of_parts, work_of
from stemmix.stored import StoredPlan, read_stored


def render(
    project_paths: Sequence[Path],
    out: Path | None = None,
    plan_path: Path | None = None,
    *,
    progress: Progress,
    gain_from: Path | None = None,
    stale_ok: bool = False,
    use_cache: bool = True,
    block_frames: int = BLOCK_FRAMES,
    threads: int = THREADS,
) -> list[Receipt]:
    """The whole way: open and check the stems, scan, decide, mix, deliver, measure what was written, account for it.

    Several projects are the reels of one programme, measured as one. With `plan_path` (of a lone project) nothing is
    analysed: the stored plan is mixed; where it is stale it is refused, or, `stale_ok`, mixed as far as it fits.
    `gain_from`: a receipt whose masters' gains are taken. `out` is `out/` beside each project where it is not given.
    Raises the family of `stemmix.errors`; whatever is raised, nothing half-written stands under a final name.
    """
    projects = [read_project(path) for path in project_paths]
    refuse_unlike(project_paths, projects)
    refuse_clashes(project_paths, projects, out)
    given = {} if gain_from is None else gains_of(gain_from, projects[0])
    steps = Steps(progress, work_of(projects, listens=plan_path is None), len(projects))
    way = _Way(steps, use_cache, block_frames, threads)
    stored = None if plan_path is None else StoredPlan(plan_path, stale_ok)
    return _rendered(project_paths, projects, out, stored, given, gain_from, way)


def render_again(
    project_path: Path,
    project: Project,
    stored: StoredPlan | None,
    out: Path,
    given: Mapping[str, Given],
    *,
    progress: Progress,
    use_cache: bool = True,
    threads: int = THREADS,
) -> Receipt:
    """Mix a project that was read before, by a stored plan or a new one, masters at the gains that are `given`, and
    write to `out`.

    `project_path` says where its stems are, and the names of what is written; it need not be there. Raises as `render`.
    """
    way = _Way(Steps(progress, work_of([project], listens=stored is None)), use_cache, BLOCK_FRAMES, threads)
    (receipt,) = _rendered([project_path], [project], out, stored, given, None, way)
    return receipt


def _rendered(
    project_paths: Sequence[Path],
    projects: Sequence[Project],
    out: Path | None,
    stored: StoredPlan | None,
    given: Mapping[str, Given],
    gain_from: Path | None,
    way: _Way,
) -> list[Receipt]:
    with ExitStack() as cleaning:
        hashes = cleaning.enter_context(_hashes(use_cache=way.use_cache, threads=way.threads))
        ways = [replace(way, steps=way.steps.of_reel(number)) for number in range(1, len(projects) + 1)]
        sources = _opened(project_paths, projects, ways, hashes)
        # all folders before anything is staged in one: strays are cleared away here
        folders = [
            cleaning.enter_context(out_folder(path, out, project, its))
            for path, project, its in zip(project_paths, projects, sources, strict=True)
        ]
        reels = [
            cleaning.enter_context(_reel(path, project, its, folder, stored, way))
            for path, project, its, folder, way in zip(project_paths, projects, sources, folders, ways, strict=True)
        ]
        deliveries = cleaning.enter_context(deliver([reel.job for reel in reels], given))
        receipts = [
            account(reel, delivery.files, project_paths, gain_from)
            for reel, delivery in zip(reels, deliveries, strict=True)
        ]
        staged = [
            cleaning.enter_context(StagedDocument(reel.job.folder / f"{reel.path.stem}.receipt.json", receipt))
            for reel, receipt in zip(reels, receipts, strict=True)
        ]
        publish(deliveries, [*(reel.staged_plan for reel in reels), *staged])
        way.steps.end("examine")
    return receipts


def _opened(
    paths: Sequence[Path], projects: Sequence[Project], ways: Sequence[_Way], hashes: Hashes
) -> list[list[Source]]:
    """The stems of every reel; from here on it is known how much there is to do."""
    opened = []
    for way in ways:
        way.steps.expect("open", 1)
    for path, project, way in zip(paths, projects, ways, strict=True):
        way.steps.advance("open", 0)
        opened.append(open_stems(path, project, way.threads, hashes))
        way.steps.advance("open", 1)
    for project, sources, way in zip(projects, opened, ways, strict=True):
        way.steps.expect("listen", sum(source.timeline.frames or 0 for source in sources))
        way.steps.expect("decide", 1)
        ends = [source.at + (source.timeline.frames or 0) for source in sources]
        way.steps.lasts(max(ends) / project.sample_rate)
    return opened


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

    steps: Steps
    use_cache: bool
    block_frames: int
    threads: int


@contextmanager
def _reel(
    path: Path, project: Project, sources: Sequence[Source], folder: Path, stored: StoredPlan | None, way: _Way
) -> Iterator[_Reel]:
    if stored is None:
        plan, sources = listen_and_decide(
            project, sources, folder, way.steps, use_cache=way.use_cache, threads=way.threads
        )
    else:
        plan, sources = read_stored(stored, project, sources)
    with StagedDocument(folder / f"{path.stem}.plan.json", plan) as staged_plan:
        job = _job(path, project, plan, sources, staged_plan, way)
        if stored is not None and stored.seed is not None:
            job = replace(job, seed=stored.seed)
        plan = plan.model_copy(update={"moves": (), "conflicts": (), "lines": ()})
        yield _Reel(path, plan, staged_plan, sources, job)


def _job(
    path: Path, project: Project, plan: Plan, sources: Sequence[Source], staged_plan: StagedDocument, way: _Way
) -> Job:
    """What the engine has to know of a project."""
    rate = project.sample_rate
    frames = plan.frames if project.length is None else project.clock.length(project.length)
    first, end = project.action
    after = frames if end is None else end
    if first >= frames:
        begins = as_typed(project.ffoa or 0.0)
        raise ProjectError(f"{path}: ffoa: {begins} is not before the programme's end, {frames / rate:g} s")
    dipped, undipped = (
        [
            MixedStem(
                source.timeline,
                source.gain_db,
                gains_of_stem(plan, source.stem.id, without),
                project.layout,
                source.stem.pan,
            )
            for source in sources
        ]
        for without in (frozenset[str](), made_for_dialogue(plan))
    )
    masters, parts = len(project.masters), files_of_parts(project)
    files: dict[Stage, int] = {"mix": 1, "write": masters, "print": parts, "examine": masters + parts}
    for stage, count in files.items():
        way.steps.expect(stage, count * frames)
    return Job(
        project=project,
        name=path.stem,
        folder=staged_plan.path.parent,
        frames=frames,
        layout=project.layout,
        mixed=lambda: mixed_blocks(dipped, frames, rate, way.block_frames, way.threads),
        undipped=lambda: mixed_blocks(undipped, frames, rate, way.block_frames, way.threads),
        seed=staged_plan.sha256,
        advance=way.steps.advance,
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
    look_for_offsets: bool = False,
    choice: Choice | None = None,
) -> Evidence:
    """As far as the decisions: what `check`, `report`, `why` and `features` show. Nothing is written but features.

    `method` is another than the project's; `asked_for` a stem that must be heard, a ProjectError before anything is
    opened where it is not; `tonal` says of a stem's id whether its pitch and tempo are asked for; to
    `look_for_offsets` is to listen whether stems of one group lie apart. By a `choice` the evidence is narrowed, after
    everything was decided; a ChoiceError where there is no such thing, before anything is opened if that can be told.
    """
    project = read_project(project_path)
    if asked_for is not None:
        refuse_unheard(project_path, project, asked_for)
    if choice is not None:
        choice.times(project.clock)
        if choice.stem is not None and (fault := unheard(project, choice.stem)) is not None:
            raise ChoiceError("stem", fault)
    if method is not None:
        project = project.model_copy(update={"method": method})
    steps = Steps(progress, work_of([project], listens=True, looks=look_for_offsets, mixes=False))
    with (
        _hashes(use_cache=use_cache, threads=threads) as hashes,
        feature_store(Path(tempfile.gettempdir()), keep=use_cache) as store,
    ):
        (sources,) = _opened([project_path], [project], [_Way(steps, use_cache, BLOCK_FRAMES, threads)], hashes)
        sources = in_line(project, sources, steps, look=look_for_offsets, cache=store.cache, threads=threads)
        stems = listen(project, sources, store, steps, threads)
        plan = _decided(project, stems, steps, store.cache, threads)
        chosen = None if choice is None else choice.of(plan)
        if chosen is None or chosen.is_whole(plan):
            edges, outcome = plan.edges, plan.outcome
        else:
            edges, outcome = seen_in(project, stems, plan, (chosen.start, chosen.end), threads)
    steps.end("decide")
    evidence = Evidence(
        plan=plan,
        files=tuple(project.file_names(project_path.stem)),
        stems=tuple(
            HeardFacts(
                id=stem.id,
                role=stem.role,
                file=source.stem.named,
                priority=stem.priority,
                gain_db=source.gain_db,
                at=source.at,
                facts=stem.facts,
                warnings=source.with_warnings(stem).warnings,
                tonal=tonal_of(folded_blocks(source, project), project.sample_rate)
                if tonal and tonal(stem.id)
                else None,
            )
            for source, stem in zip(sources, stems, strict=True)
        ),
    )
    return evidence if chosen is None else narrowed(evidence, chosen, edges, outcome)


def sample_of(project_path: Path, time: str, frame_rate: str | None = None) -> int:
    """The sample of the programme that a person means: seconds, H:MM:SS.s, or a timecode of the picture.

    `frame_rate` stands for the project's, and counts from nought; where neither is given, 25. ProjectError as of
    `read_project`, ValueError, one sentence, where the time is none.
    """
    return sample_meant(read_project(project_path).clock, time, frame_rate)


def planned(
    project_path: Path, project: Project, *, progress: Progress, use_cache: bool = True, threads: int = THREADS
) -> Plan:
    """The decisions for a project that was read before; nothing is written but features."""
    steps = Steps(progress, work_of([project], listens=True, mixes=False))
    with _hashes(use_cache=use_cache, threads=threads) as hashes:
        (sources,) = _opened([project_path], [project], [_Way(steps, use_cache, BLOCK_FRAMES, threads)], hashes)
        return listen_and_decide(
            project, sources, Path(tempfile.gettempdir()), steps, use_cache=use_cache, threads=threads
        )[0]


def _hashes(*, use_cache: bool, threads: int) -> Hashes:
    return Hashes(user_cache() if use_cache else None, threads)


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
    stems = {file.audio.path.resolve() for source in sources for file in source.files}
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
        remove_strays(folder)  # a signal may fall between a file and the note that it is there
        if new:
            with suppress(OSError):  # it holds something after all
                folder.rmdir()
        raise


def listen_and_decide(
    project: Project, sources: Sequence[Source], scratch: Path, steps: Steps, *, use_cache: bool, threads: int
) -> tuple[Plan, list[Source]]:
    """Pass 1 and the decisions; what was heard is let go of again before anything is mixed.

    The sources come back in line, and with what the scan found besides.
    """
    with feature_store(scratch, keep=use_cache) as store:
        sources = in_line(project, sources, steps, cache=store.cache, threads=threads)
        stems = listen(project, sources, store, steps, threads)
        plan = _decided(project, stems, steps, store.cache, threads)
    return plan, [source.with_warnings(stem) for source, stem in zip(sources, stems, strict=True)]


def _decided(project: Project, stems: Sequence[HeardStem], steps: Steps, cache: Cache | None, threads: int) -> Plan:
    steps.advance("decide", 0)
    plan = decided(project, stems, programme_frames(stems), cache, threads)
    steps.advance("decide", 1)
    return plan


def account(
    reel: _Reel, files: Sequence[WrittenFile], reels: Sequence[Path] = (), gain_from: Path | None = None
) -> Receipt:
    """The receipt of what went in and came out; `reels`: the projects of the programme that it is one of."""
    project, plan, folder = reel.job.project, reel.plan, reel.job.folder
    lengths = {stem.id: stem.frames for stem in plan.stems}
    return Receipt(
        schema_=RECEIPT_SCHEMA,
        title=project.title,
        project=reel.path.name,
        project_path=seen_from(folder, reel.path),
        project_sha256=sha256_of_document(project),
        plan=reel.staged_plan.path.name,
        plan_sha256=reel.staged_plan.sha256,
        programme=tuple(seen_from(folder, path) for path in reels) if len(reels) > 1 else (),
        gain_from=None if gain_from is None else gain_source(gain_from, folder),
        versions=versions(),
        processor=processor(),
        sample_rate=project.sample_rate,
        frames=reel.job.frames,
        sources=tuple(
            SourceFile(
                stem=source.stem.id,
                path=file.path,
                channel=file.channel,
                sha256=file.sha256,
                frames=lengths[source.stem.id],
                sample_rate=file.audio.sample_rate,
                layout=file.audio.layout.name if file.channel is None else source.layout.name,
                warnings=source.warnings if number == 0 else (),
            )
            for source in reel.sources
            for number, file in enumerate(source.files)
        ),
        files=tuple(files),
        warnings=plan.notes,
        passed=not any(file.misses for file in files),
        request=project,
    )
