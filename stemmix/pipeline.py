"""The way of the data, from a project file to files that are written, measured and accounted for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from stemmix.destinations import page_name, plan_name, receipt_name, refuse_clashes
from stemmix.engine.bus import Job
from stemmix.engine.deliver import deliver, publish
from stemmix.engine.gauge import Programme
from stemmix.engine.master import Given
from stemmix.engine.mixer import BLOCK_FRAMES, mixed_blocks
from stemmix.errors import StemError
from stemmix.files.cache import user_cache
from stemmix.files.documents import StagedDocument, sha256_of_document
from stemmix.files.paths import seen_from
from stemmix.files.projects import read_project
from stemmix.listening import THREADS
from stemmix.machine import give_back_freed_memory, processor, versions
from stemmix.model.deliverables import made_for_dialogue, speech_of
from stemmix.model.exhibit import EXCERPTS
from stemmix.model.plan import Plan
from stemmix.model.progress import Progress, Stage
from stemmix.model.project import Project
from stemmix.model.receipt import RECEIPT_SCHEMA, UNSHOWN, Receipt, SourceFile, WrittenFile
from stemmix.preparing import Way, faults_of, hashes_of, listen_and_decide, opened_reels, out_folder, refuse_late_action
from stemmix.reels import gain_source, gains_of, refuse_unlike
from stemmix.remembered import memory_of_mix
from stemmix.showing import Shown, with_excerpts
from stemmix.sources import Source
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
    way = Way(steps, use_cache, block_frames, threads)
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
    way = Way(Steps(progress, work_of([project], listens=stored is None)), use_cache, BLOCK_FRAMES, threads)
    (receipt,) = _rendered([project_path], [project], out, stored, given, None, way)
    return receipt


def _rendered(
    project_paths: Sequence[Path],
    projects: Sequence[Project],
    out: Path | None,
    stored: StoredPlan | None,
    given: Mapping[str, Given],
    gain_from: Path | None,
    way: Way,
) -> list[Receipt]:
    with ExitStack() as cleaning:
        hashes = cleaning.enter_context(hashes_of(use_cache=way.use_cache, threads=way.threads))
        ways = [replace(way, steps=way.steps.of_reel(number)) for number in range(1, len(projects) + 1)]
        sources = opened_reels(project_paths, projects, ways, hashes)
        # all folders before anything is staged in one: strays are cleared away here
        folders = [
            cleaning.enter_context(out_folder(path, out, project, its))
            for path, project, its in zip(project_paths, projects, sources, strict=True)
        ]
        reels = _prepared(project_paths, projects, sources, folders, stored, ways, cleaning)
        deliveries = cleaning.enter_context(deliver([reel.job for reel in reels], given))
        for reel in reels:
            for source in reel.sources:  # what is accounted for is what was mixed
                source.refuse_change()
        receipts = [
            account(reel, delivery.files, project_paths, gain_from)
            for reel, delivery in zip(reels, deliveries, strict=True)
        ]
        documents = _documents(reels, receipts, cleaning)
        publish(deliveries, documents)
        way.steps.end("examine")
    return receipts


def _prepared(
    paths: Sequence[Path],
    projects: Sequence[Project],
    sources: Sequence[Sequence[Source]],
    folders: Sequence[Path],
    stored: StoredPlan | None,
    ways: Sequence[Way],
    cleaning: ExitStack,
) -> list[_Reel]:
    """Every reel listened to and decided, its plan staged; a StemError with the unsound stems of all of them."""
    reels: list[_Reel] = []
    for number, path in enumerate(paths):
        made = _reel(path, projects[number], sources[number], folders[number], stored, ways[number])
        try:
            reels.append(cleaning.enter_context(made))
        except StemError as fault:
            faults = str(fault).split("\n")
            if stored is None:
                for after in range(number + 1, len(projects)):
                    faults += faults_of(projects[after], sources[after], folders[after], ways[after])
            raise StemError("\n".join(dict.fromkeys(faults))) from None
    return reels


def _documents(reels: Sequence[_Reel], receipts: Sequence[Receipt], cleaning: ExitStack) -> list[StagedDocument]:
    """What stands beside the audio, staged: plans, receipts, and pages where projects ask for them."""
    documents = [reel.staged_plan for reel in reels]
    for reel, receipt in zip(reels, receipts, strict=True):
        documents.append(StagedDocument(reel.job.folder / receipt_name(reel.path), receipt))
        cleaning.enter_context(documents[-1])
        if receipt.page is not None:
            documents.append(StagedDocument(reel.job.folder / receipt.page, _page(reel, receipt)))
            cleaning.enter_context(documents[-1])
    return documents


def _page(reel: _Reel, receipt: Receipt) -> str:
    """What stands beside a render for people."""
    from stemmix.report.page import page_html

    assert reel.shown is not None  # it is asked for
    project = reel.job.project
    shown = reel.shown.exhibit(project, receipt)
    if project.report == "page_with_audio":
        shown = with_excerpts(shown, project, reel.shown.evidence.plan, reel.sources, EXCERPTS, reel.job.threads)
    return page_html(shown)


@dataclass(frozen=True)
class _Reel:
    """A project on its way: decided, and ready to be mixed."""

    path: Path
    notes: Sequence[str]
    """The plan's. No more of it: it stands on the disk, and hours of it need not stand in memory."""
    staged_plan: StagedDocument
    sources: Sequence[Source]
    job: Job
    shown: Shown | None
    """What its page shows, where the project asks for one and stems were listened to."""


@contextmanager
def _reel(
    path: Path, project: Project, sources: Sequence[Source], folder: Path, stored: StoredPlan | None, way: Way
) -> Iterator[_Reel]:
    shown = text = None
    if stored is None:
        (plan, text), sources, shown = listen_and_decide(
            project, sources, folder, way.steps, use_cache=way.use_cache, threads=way.threads, shown_as=path.stem
        )
    else:
        plan, sources = read_stored(stored, project, sources)
    with StagedDocument(folder / plan_name(path), text or plan) as staged_plan:
        del text  # it stands on the disk: of hours it is megabytes
        job = _job(path, project, plan, sources, staged_plan, way)
        if stored is not None and stored.seed is not None:
            job = replace(job, seed=stored.seed)
        notes = plan.notes
        del plan
        give_back_freed_memory()
        yield _Reel(path, notes, staged_plan, sources, job, shown)


def _job(
    path: Path, project: Project, plan: Plan, sources: Sequence[Source], staged_plan: StagedDocument, way: Way
) -> Job:
    """What the engine has to know of a project."""
    rate = project.sample_rate
    frames = plan.frames
    refuse_late_action(path, project, frames)
    first, end = project.action
    after = frames if end is None else end
    dipped = undipped = [source.mixed(plan, project.layout) for source in sources]
    if any(part.kind == "m_and_e_undipped" for part in project.parts):  # gains of hours are megabytes
        undipped = [source.mixed(plan, project.layout, made_for_dialogue(plan)) for source in sources]
    masters, parts = len(project.masters), files_of_parts(project)
    files: dict[Stage, int] = {"mix": 1, "write": masters, "print": parts, "examine": masters + parts}
    for stage, count in files.items():
        way.steps.expect(stage, count * frames)
    programme = Programme(first, min(after, frames), speech_of(plan))
    cache = user_cache() if way.use_cache else None
    return Job(
        project=project,
        name=path.stem,
        folder=staged_plan.path.parent,
        frames=frames,
        layout=project.layout,
        mixed=lambda crew: mixed_blocks(dipped, frames, rate, crew, way.block_frames),
        undipped=lambda crew: mixed_blocks(undipped, frames, rate, crew, way.block_frames),
        seed=staged_plan.sha256,
        advance=way.steps.advance,
        join=way.steps.join,
        memory=memory_of_mix(cache, sources, staged_plan.sha256, programme),
        programme=programme,
        threads=way.threads,
    )


def _unshown(reel: _Reel) -> list[str]:
    if reel.job.project.report is None or reel.shown is not None:
        return []
    return [UNSHOWN]


def account(
    reel: _Reel, files: Sequence[WrittenFile], reels: Sequence[Path] = (), gain_from: Path | None = None
) -> Receipt:
    """The receipt of what went in and came out; `reels`: the projects of the programme that it is one of."""
    project, folder = reel.job.project, reel.job.folder
    return Receipt(
        schema_=RECEIPT_SCHEMA,
        title=project.title,
        project=reel.path.name,
        project_path=seen_from(folder, reel.path),
        project_sha256=sha256_of_document(project),
        plan=reel.staged_plan.path.name,
        plan_sha256=reel.staged_plan.sha256,
        page=None if reel.shown is None else page_name(reel.path),
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
                frames=file.audio.frames,
                sample_rate=file.audio.sample_rate,
                layout=file.audio.layout.name if file.channel is None else source.layout.name,
                warnings=source.warnings if number == 0 else (),
            )
            for source in reel.sources
            for number, file in enumerate(source.files)
        ),
        files=tuple(files),
        warnings=(*reel.notes, *_unshown(reel)),
        passed=not any(file.misses for file in files),
        request=project,
    )
