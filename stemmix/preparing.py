"""As far as the decisions: files opened and looked at, stems listened to, a plan made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from stemmix.alignment import in_line
from stemmix.decided import Decision, decided
from stemmix.destinations import document_names, folder_of
from stemmix.errors import OutputError, ProjectError, StemError
from stemmix.files.cache import Cache, user_cache
from stemmix.files.features import feature_store
from stemmix.files.folders import folder_for_files
from stemmix.files.hashes import Hashes
from stemmix.files.parts import remove_strays
from stemmix.files.paths import resolved
from stemmix.files.projects import Whereabouts
from stemmix.files.replacing import refuse_folder
from stemmix.listening import keep_heard, listen, programme_frames
from stemmix.machine import give_back_freed_memory
from stemmix.model.project import Project
from stemmix.model.timecode import as_typed
from stemmix.planning.overview import overview_of
from stemmix.planning.passages import HeardStem
from stemmix.showing import Shown, evidence_of
from stemmix.sources import Source, open_stems
from stemmix.steps import Steps


@dataclass(frozen=True)
class Way:
    """How to go: nothing of it changes a sample."""

    steps: Steps
    use_cache: bool
    block_frames: int
    threads: int


@contextmanager
def hashes_of(*, use_cache: bool, threads: int) -> Iterator[Hashes]:
    """Hashes of files, remembered where something is kept; in the end all that is kept is brought under its limit."""
    cache = user_cache() if use_cache else None
    try:
        with Hashes(cache, threads) as hashes:
            yield hashes
    finally:
        if cache is not None:
            cache.trim()


def opened_reels(
    paths: Sequence[Path], projects: Sequence[Project], ways: Sequence[Way], hashes: Hashes
) -> list[list[Source]]:
    """The stems of every reel; from here on it is known how much there is to do."""
    opened = []
    for way in ways:
        way.steps.expect("open", 1)
    for path, project, way in zip(paths, projects, ways, strict=True):
        way.steps.advance("open", 0)
        opened.append(open_stems(path, project, way.threads, hashes))
        way.steps.advance("open", 1)
    for path, project, sources, way in zip(paths, projects, opened, ways, strict=True):
        way.steps.expect("listen", sum(source.timeline.frames or 0 for source in sources))
        way.steps.expect("decide", 1)
        frames = project.frames_of(max(source.at + (source.timeline.frames or 0) for source in sources))
        way.steps.lasts(frames / project.sample_rate)
        if all(source.timeline.frames is not None for source in sources):  # else it is told when they were heard
            refuse_late_action(path, project, frames)
    return opened


def refuse_late_action(path: Path, project: Project, frames: int) -> None:
    """A ProjectError where the action begins after a programme of so many samples."""
    first, _ = project.action
    if first >= frames:
        where, begins = Whereabouts(path, project).of(("ffoa",)), as_typed(project.ffoa or 0.0)
        raise ProjectError(
            f"{where}: ffoa: {begins} is not before the programme's end, {frames / project.sample_rate:g} s"
        )


@contextmanager
def out_folder(project_path: Path, out: Path | None, project: Project, sources: Sequence[Source]) -> Iterator[Path]:
    """The folder that is written to, there and clear of strays; an OutputError where a file would fall on a stem.

    Where nothing comes into it, none of it that was made for the render is left.
    """
    folder = folder_of(project_path, out)
    stems = {resolved(file.audio.path) for source in sources for file in source.files}
    for name in project.file_names(project_path.stem):
        # what would pass full scale is a WAVE, whatever was asked for
        for path in (folder / name, (folder / name).with_suffix(".wav")):
            if resolved(path) in stems:
                raise OutputError(f"{path}: is a stem of this project; choose another folder with --out")
    for name in document_names(project_path, project):
        refuse_folder(folder / name)
    with ExitStack() as cleaning:
        try:
            cleaning.enter_context(folder_for_files(folder))
        except OSError as fault:
            raise OutputError(f"{folder}: cannot be made: {fault.strerror or fault}") from None
        remove_strays(folder)
        try:
            yield folder
        except BaseException:
            remove_strays(folder)  # a signal may fall between a file and the note that it is there
            raise


class Decided(NamedTuple):
    """What comes of pass 1."""

    made: Decision
    sources: list[Source]
    """In line, and with what the scan found besides."""
    shown: Shown | None = None


def listen_and_decide(
    project: Project,
    sources: Sequence[Source],
    scratch: Path | None,
    steps: Steps,
    *,
    use_cache: bool,
    threads: int,
    shown_as: str | None = None,
) -> Decided:
    """Pass 1 and the decisions; what was heard is let go of again before anything is mixed.

    Where the project asks for a page, what that shows is kept, for a project that is `shown_as` a name.
    """
    with feature_store(scratch, keep=use_cache) as store:
        sources = in_line(project, sources, steps, cache=store.cache, threads=threads)
        stems = listen(project, sources, store, steps, threads)
        give_back_freed_memory()
        made = decision_on(project, stems, steps, store.cache)
        shown = None
        if project.report is not None and shown_as is not None:
            evidence = evidence_of(project, shown_as, sources, stems, made.plan)
            shown = Shown(evidence, overview_of(project, stems, made.plan))
    return Decided(made, [source.with_warnings(stem) for source, stem in zip(sources, stems, strict=True)], shown)


def faults_of(project: Project, sources: Sequence[Source], scratch: Path, way: Way) -> list[str]:
    """Which stems are unsound of a reel that will not be mixed; what was heard of the others is kept."""
    try:
        with feature_store(scratch, keep=way.use_cache) as store:
            placed = in_line(project, sources, way.steps, cache=store.cache, threads=way.threads)
            stems = listen(project, placed, store, way.steps, way.threads)
            if store.cache is not None:
                keep_heard(stems)
    except StemError as fault:
        return str(fault).split("\n")
    return []


def decision_on(project: Project, stems: Sequence[HeardStem], steps: Steps, cache: Cache | None) -> Decision:
    """The plan, made or remembered."""
    steps.advance("decide", 0)
    try:
        made = decided(project, stems, programme_frames(project, stems), cache)
    except StemError:
        if cache is not None:
            keep_heard(stems)
        raise
    steps.advance("decide", 1)
    return made
