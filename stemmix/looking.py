"""As far as the decisions: what commands show that look at a project, and write nothing but features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from stemmix.alignment import in_line
from stemmix.bands import BAND_COUNT
from stemmix.engine.mixer import BLOCK_FRAMES, gains_of_stem
from stemmix.files.features import feature_store
from stemmix.files.projects import read_project
from stemmix.listening import THREADS, listen
from stemmix.model.choice import Choice, ChoiceError, narrowed
from stemmix.model.evidence import AppliedGains, Evidence
from stemmix.model.exhibit import Exhibit
from stemmix.model.moves import rounded_db
from stemmix.model.overview import Overview
from stemmix.model.plan import Plan
from stemmix.model.progress import Progress
from stemmix.model.project import Project
from stemmix.model.timecode import sample_meant
from stemmix.planning.overview import overview_of
from stemmix.planning.span import seen_in
from stemmix.preparing import Way, decision_on, hashes_of, listen_and_decide, opened_reels
from stemmix.showing import Shown, evidence_of, last_render, with_excerpts
from stemmix.sources import Source, refuse_unheard, unheard
from stemmix.steps import Steps, work_of


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
    """What `check`, `report`, `why` and `features` show. Nothing is written but features.

    `method` is another than the project's; `asked_for` a stem that must be heard, a ChoiceError before anything is
    opened where it is not; `tonal` says of a stem's id whether its pitch and tempo are asked for; to
    `look_for_offsets` is to listen whether stems of one group lie apart. By a `choice` the evidence is narrowed, after
    everything was decided; a ChoiceError where there is no such thing, before anything is opened if that can be told.
    """
    project = read_project(project_path)
    if asked_for is not None:
        refuse_unheard(project, asked_for)
    if method is not None:
        project = project.model_copy(update={"method": method})
    way = _way(project, progress, use_cache=use_cache, threads=threads, looks=look_for_offsets)
    return _examined(project_path, project, way, choice=choice, tonal=tonal, looks=look_for_offsets).evidence


def exhibit(
    project_path: Path,
    out: Path | None = None,
    *,
    progress: Progress,
    use_cache: bool = True,
    threads: int = THREADS,
    choice: Choice | None = None,
    excerpts: int = 0,
) -> Exhibit:
    """The same over time, and what the last render into `out`, or into `out/` beside the project, has left: what a page
    shows; with so many `excerpts` to listen to, for which alone audio is read. The timeline is whole whatever the
    choice. Raises as `examine`, StemError where a file cannot be read."""
    project = read_project(project_path)
    way = _way(project, progress, use_cache=use_cache, threads=threads)
    found = _examined(project_path, project, way, choice=choice, with_overview=True)
    assert found.overview is not None  # it was asked for
    receipt, outdated = last_render(project_path, project, found.plan, out)
    shown = Shown(found.evidence, found.overview).exhibit(project, receipt, outdated)
    return with_excerpts(shown, project, found.plan, found.sources, excerpts, threads) if excerpts else shown


def planned(
    project_path: Path, project: Project, *, progress: Progress, use_cache: bool = True, threads: int = THREADS
) -> Plan:
    """The decisions for a project that was read before."""
    way = _way(project, progress, use_cache=use_cache, threads=threads)
    with hashes_of(use_cache=use_cache, threads=threads) as hashes:
        (sources,) = opened_reels([project_path], [project], [way], hashes)
        return listen_and_decide(project, sources, None, way.steps, use_cache=use_cache, threads=threads).made.plan


def sample_of(project_path: Path, time: str, frame_rate: str | None = None) -> int:
    """The sample of the programme that a person means: seconds, H:MM:SS.s, or a timecode of the picture.

    `frame_rate` stands for the project's, for its start as well; where neither is given, 25. ProjectError as of
    `read_project`, ValueError, one sentence, where the time is none.
    """
    return sample_meant(read_project(project_path).clock, time, frame_rate)


def gains_at(plan: Plan, sample: int) -> tuple[AppliedGains, ...]:
    """What the plan does to each of its stems at a sample of the programme, as it is rendered."""
    at = np.array([float(sample)])
    gains_db = {stem.id: rounded_db(gains_of_stem(plan, stem.id).every.at(at)[0]) for stem in plan.stems}
    return tuple(
        AppliedGains(stem=stem, mid_db=gain_db[:BAND_COUNT], side_db=gain_db[BAND_COUNT:])
        for stem, gain_db in gains_db.items()
    )


def _way(project: Project, progress: Progress, *, use_cache: bool, threads: int, looks: bool = False) -> Way:
    steps = Steps(progress, work_of([project], listens=True, looks=looks, mixes=False))
    return Way(steps, use_cache, BLOCK_FRAMES, threads)


class _Examined(NamedTuple):
    """What was found."""

    plan: Plan
    """All of it."""
    sources: Sequence[Source]
    """In line."""
    evidence: Evidence
    """Of what was chosen."""
    overview: Overview | None


def _examined(
    project_path: Path,
    project: Project,
    way: Way,
    *,
    choice: Choice | None = None,
    tonal: Callable[[str], bool] | None = None,
    looks: bool = False,
    with_overview: bool = False,
) -> _Examined:
    if choice is not None:
        choice.times(project.clock)
        if choice.stem is not None and (fault := unheard(project, choice.stem)) is not None:
            raise ChoiceError("stem", fault)
    with (
        hashes_of(use_cache=way.use_cache, threads=way.threads) as hashes,
        feature_store(None, keep=way.use_cache) as store,
    ):
        (sources,) = opened_reels([project_path], [project], [way], hashes)
        sources = in_line(project, sources, way.steps, look=looks, cache=store.cache, threads=way.threads)
        stems = listen(project, sources, store, way.steps, way.threads)
        plan = decision_on(project, stems, way.steps, store.cache).plan
        chosen = None if choice is None else choice.of(plan)
        if chosen is None or chosen.is_whole(plan):
            edges, outcome = plan.edges, plan.outcome
        else:
            edges, outcome = seen_in(project, stems, plan, (chosen.start, chosen.end))
        overview = overview_of(project, stems, plan) if with_overview else None
    way.steps.end("decide")
    evidence = evidence_of(project, project_path.stem, sources, stems, plan, tonal)
    if chosen is not None:
        evidence = narrowed(evidence, chosen, edges, outcome)
    return _Examined(plan, sources, evidence, overview)
