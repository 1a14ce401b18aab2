"""What reports show: stems as they were heard, decisions, what masters are to be, what the last render has left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stemmix.analysis.tonal import tonal_of
from stemmix.destinations import receipt_path_of
from stemmix.engine.specification import gain_for, level_that_holds
from stemmix.errors import StemmixError
from stemmix.excerpts import excerpts_of
from stemmix.files.documents import read_document, sha256_of_document
from stemmix.files.paths import is_there
from stemmix.listening import THREADS, folded_blocks
from stemmix.model.evidence import Evidence, HeardFacts
from stemmix.model.exhibit import Exhibit, MasterAim
from stemmix.model.features import FileFacts
from stemmix.model.overview import LoudnessOverview, Overview
from stemmix.model.plan import Plan
from stemmix.model.presets import Specification
from stemmix.model.project import Project
from stemmix.model.receipt import UNMEASURED, Measured, Receipt
from stemmix.planning.passages import HeardStem
from stemmix.planning.places import worst_places
from stemmix.sources import Source


@dataclass(frozen=True, eq=False)
class Shown:
    """What a page shows of a project, but for what a render made of it."""

    evidence: Evidence
    overview: Overview

    def exhibit(self, project: Project, receipt: Receipt | None, outdated: str | None = None) -> Exhibit:
        """All of it but sound; `outdated` as of `Exhibit`."""
        found = () if receipt is None or outdated is not None else receipt.files
        measured = {file.deliverable: file.measured for file in found}
        aims = {
            wanted.name: aim_of(project.specification(wanted), self.overview.mixed, measured.get(wanted.name))
            for wanted in project.masters
        }
        return Exhibit(self.evidence, self.overview, aims, receipt, outdated)


def aim_of(specification: Specification, mixed: LoudnessOverview, measured: Measured | None = None) -> MasterAim:
    """What a master is to come out at, as far as features tell: to 1 or 2 dB, as they know the stereo fold alone, and
    neither RMS nor Leq(m). `measured` is what a render of this mix has come to."""
    expected = UNMEASURED.model_copy(
        update={
            "integrated_lufs": mixed.integrated_lufs,
            "dialogue_lufs": mixed.dialogue_lufs,
            "speech_share": mixed.speech_share,
        }
    )
    level = None
    if specification.loudness is not None:
        level, _ = level_that_holds(specification.loudness, measured or expected)
    return MasterAim(level, gain_for(specification, expected).gain_db)


def with_excerpts(
    shown: Exhibit, project: Project, plan: Plan, sources: Sequence[Source], count: int, threads: int = THREADS
) -> Exhibit:
    """The same with so many of the worst places of what is shown to listen to, mixed by the whole `plan`, at the gain
    that the last render of this mix has found, else that its first master is expected at, else at none.

    `sources` are in line, as the plan was made for them. StemError where a file cannot be read.
    """
    receipt, gain_db = shown.receipt, next(iter(shown.aims.values())).gain_db or 0.0
    if receipt is not None and shown.outdated is None:
        gain_db = next((file.gain_db for file in receipt.files if file.kind == "printmaster"), gain_db)
    places = worst_places(shown.evidence.plan, count)
    return replace(shown, excerpts=tuple(excerpts_of(project, plan, sources, places, gain_db, threads=threads)))


def evidence_of(
    project: Project,
    name: str,
    sources: Sequence[Source],
    stems: Sequence[HeardStem],
    plan: Plan,
    tonal: Callable[[str], bool] | None = None,
) -> Evidence:
    """What was heard and decided of a project of this name; `tonal` says of a stem's id whether its pitch and tempo are
    asked for."""
    return Evidence(
        plan=plan,
        files=tuple(project.file_names(name)),
        stems=tuple(
            HeardFacts(
                id=stem.id,
                role=stem.role,
                file=source.stem.named,
                priority=stem.priority,
                gain_db=source.gain_db,
                at=source.at,
                facts=FileFacts(**dict(stem.facts), sha256=stem.sha256),
                warnings=source.with_warnings(stem).warnings,
                tonal=tonal_of(folded_blocks(source, project), project.sample_rate)
                if tonal and tonal(stem.id)
                else None,
            )
            for source, stem in zip(sources, stems, strict=True)
        ),
    )


def last_render(
    project_path: Path, project: Project, plan: Plan, out: Path | None = None
) -> tuple[Receipt | None, str | None]:
    """The receipt of the last render into the project's folder, and why it is of another mix, if it is.

    No receipt where there is none, or none that can be read.
    """
    path = receipt_path_of(project_path, out)
    if not is_there(path):
        return None, None
    try:
        receipt = read_document(path, Receipt)
    except StemmixError:
        return None, f"{path.name} cannot be read"
    if receipt.project_sha256 != sha256_of_document(project):
        return receipt, "the project has changed since"
    if receipt.plan_sha256 != sha256_of_document(plan):
        return receipt, "its moves were decided differently, or taken from a stored plan"
    return receipt, None
