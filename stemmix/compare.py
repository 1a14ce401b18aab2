"""Two versions of a mix held against each other: what is asked for, what is done for it, what is heard."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from stemmix.alignment import as_planned
from stemmix.destinations import folder_of, plan_name, receipt_name
from stemmix.engine.residual import residual_of
from stemmix.errors import ProjectError, StemError
from stemmix.files.audio import inspect
from stemmix.files.cache import user_cache
from stemmix.files.documents import Read, from_disk, read_document, sha256_of_document
from stemmix.files.hashes import Hashes
from stemmix.files.projects import read_project, read_project_file
from stemmix.files.revisions import found
from stemmix.files.scratch import temporary_folder
from stemmix.listening import THREADS
from stemmix.looking import planned
from stemmix.model.deliverables import Printmaster
from stemmix.model.difference import DIFFERENCE_SCHEMA, AudioChange, Change, Difference, Pair, SceneLoudness
from stemmix.model.plan import Plan
from stemmix.model.plan_changes import plan_change
from stemmix.model.progress import Progress
from stemmix.model.project import Project
from stemmix.model.project_changes import project_changes
from stemmix.model.receipt import Receipt, WrittenFile
from stemmix.pipeline import render_again
from stemmix.sources import open_stems, stale_reasons
from stemmix.steps import part_of

_NOTHING: Final = (os.devnull, "/dev/null", "nul")
"""What git names where a file is new or gone."""

_SAYS_NOTHING: Final = ("note", "title")
"""Fields that no decision hears of."""


@dataclass(frozen=True)
class Side:
    """One of the two versions."""

    name: str
    """As it was called."""
    path: Path
    """Of the working tree: what the project names is found from here."""
    read: Read
    project: Project
    is_revision: bool


def sides_of(before: str, after: str | None, beside: Path | None = None) -> tuple[Side | None, Side | None]:
    """The two versions by their names: files, or `REV:path` of git. None for `/dev/null`, which git gives where a file
    is new or gone.

    Without `after`, the first is held against the working tree: a file as it is in HEAD, a revision as it is. A file
    that is a copy is read as if it stood in the place of `beside`. ProjectError where there is no such version.
    """
    if after is not None:
        return opened_side(before, beside), opened_side(after, beside)
    first = found(before)
    if first.is_revision:
        return opened_side(before), opened_side(str(first.path))
    folder, name = first.path.parent, f"HEAD:./{first.path.name}"
    return opened_side(name, here=folder), opened_side(before)


def opened_side(name: str, beside: Path | None = None, here: Path = Path()) -> Side | None:
    """A version by its name; `here` is where a revision's path counts from."""
    if name in _NOTHING:
        return None
    file = found(name, here)
    path, read = file.path, file.read
    if beside is not None and not file.is_revision:
        path, read = beside, _in_place_of(beside, file.path)
    try:
        project = read_project(path, read=read, name=name)
    except ProjectError:
        own = read_project_file(path, read=read, name=name)
        if own.title is None or not own.stems:
            raise ProjectError(
                f"{name}: is a template; expected a whole project, such as one that extends it"
            ) from None
        raise
    return Side(name, path, read, project, file.is_revision)


def _in_place_of(place: Path, copy: Path) -> Read:
    return lambda path: from_disk(copy if path == place else path)


# ------------------------------------------------------------------------------------------------------ the difference


@dataclass(frozen=True)
class Wanted:
    """What is to be compared besides what is asked for."""

    plan: bool = False
    """What is decided for both now; else plans are, where they stand beside them."""
    plans: tuple[str | None, str | None] = (None, None)
    """Names of stored plans, of either side; `REV:path` too."""
    audio: bool = False
    """What is heard: both are rendered."""
    use_cache: bool = True


def difference(before: Side | None, after: Side | None, wanted: Wanted, *, progress: Progress) -> Difference:
    """Everything that differs. Raises as of `pipeline.render` where decisions or audio are wanted."""
    if before is None or after is None:
        return _new_or_gone(before, after)
    notes: list[str] = []
    audio: AudioChange | None = None
    plans: Sequence[Plan | None]
    if wanted.audio:
        audio, plans = _heard(before, after, wanted, progress)
    elif wanted.plan:
        plans = [
            _decided(side, wanted, half, notes) for side, half in zip((before, after), _halves(progress), strict=True)
        ]
    else:
        plans = _stored(before, after, wanted, notes)
    if wanted.plan or wanted.audio:
        notes += [
            f"{side.name}: its stems are the files as they are today" for side in (before, after) if side.is_revision
        ]
    first, second = plans
    return Difference(
        schema_=DIFFERENCE_SCHEMA,
        before=before.name,
        after=after.name,
        sample_rate=after.project.sample_rate,
        frame_rate=after.project.frame_rate,
        start=after.project.start,
        changes=project_changes(before.project, after.project),
        plan=None if first is None or second is None else plan_change(first, second),
        audio=audio,
        notes=tuple(notes),
    )


def _new_or_gone(before: Side | None, after: Side | None) -> Difference:
    side = before or after
    if side is None:
        raise ProjectError(f"{os.devnull}: both sides are empty")
    project = side.project
    words = f"{project.title}, {len(project.stems)} stem{'' if len(project.stems) == 1 else 's'}"
    return Difference(
        schema_=DIFFERENCE_SCHEMA,
        before=os.devnull if before is None else before.name,
        after=os.devnull if after is None else after.name,
        sample_rate=project.sample_rate,
        frame_rate=project.frame_rate,
        start=project.start,
        changes=(
            Change(what="project", before=None if before is None else words, after=None if after is None else words),
        ),
    )


# --------------------------------------------------------------------------------------------------------------- plans


def _decided(side: Side, wanted: Wanted, progress: Progress, notes: list[str]) -> Plan | None:
    """What is decided now; nothing of a revision whose stems are not there any more."""
    try:
        return planned(side.path, side.project, progress=progress, use_cache=wanted.use_cache)
    except StemError as fault:
        if not side.is_revision:
            raise
        notes.append(f"{side.name}: no decisions can be made for it: {fault}")
        return None


def _stored(before: Side, after: Side, wanted: Wanted, notes: list[str]) -> list[Plan | None]:
    plans: list[Plan | None] = []
    missing: list[str] = []
    for side, name in zip((before, after), wanted.plans, strict=True):
        if name is not None:
            file = found(name)
            plans.append(read_document(file.path, Plan, read=file.read))
            continue
        plans.append(plan := _stored_beside(side, use_cache=wanted.use_cache))
        missing += [side.name] if plan is None else []
    if missing:
        notes.append(
            f"decisions are not compared: no plan beside {' or '.join(missing)} was made for it as it is; "
            "--plan decides now"
        )
    return plans


def _stored_beside(side: Side, *, use_cache: bool) -> Plan | None:
    """The plan in `out/` that was made for this very version, and for its stems as they are; None where none was.

    A plan does not say what pins and goals it was made for. The receipt beside it does. What is kept in git comes out
    of the revision; else the last render may have been of it.
    """
    for read in (side.read, from_disk) if side.is_revision else (from_disk,):
        folder = folder_of(side.path, None)
        path = folder / plan_name(side.path)
        try:
            receipt = read_document(folder / receipt_name(side.path), Receipt, read=read)
            content = read(path)
            if hashlib.sha256(content).hexdigest() != receipt.plan_sha256 or not _is_of(receipt, side.project):
                continue
            plan = read_document(path, Plan, read=partial(_at_hand, content))
            if side.is_revision:
                return plan
            with Hashes(user_cache() if use_cache else None, THREADS) as hashes:
                sources = as_planned(plan, open_stems(side.path, side.project, THREADS, hashes))
                return None if stale_reasons(plan, side.project, sources) else plan
        except (OSError, ProjectError, StemError):
            continue
    return None


def _at_hand(content: bytes, _: Path) -> bytes:
    """In place of what stands on the disk."""
    return content


def _is_of(receipt: Receipt, project: Project) -> bool:
    """Whether it was this project that was rendered, up to what no decision hears of."""
    if receipt.request is None:
        return receipt.project_sha256 == sha256_of_document(project)
    changes = project_changes(receipt.request, project)
    # cues are told by the stem, which may be called anything
    return all(change.field in _SAYS_NOTHING and change.what != "cues" for change in changes)


# --------------------------------------------------------------------------------------------------------------- audio


@dataclass(frozen=True)
class _Written:
    """A printmaster in a folder."""

    folder: Path
    file: WrittenFile
    receipt: Receipt
    plan: Plan


def _heard(before: Side, after: Side, wanted: Wanted, progress: Progress) -> tuple[AudioChange, tuple[Plan, Plan]]:
    """Render the first printmaster of both into a folder that is gone afterwards, and take one from the other."""
    with temporary_folder("stemmix-diff-") as scratch:
        one, other = (
            _written(side, scratch / label, wanted, half)
            for label, side, half in zip(("before", "after"), (before, after), _halves(progress), strict=True)
        )
        return _audio_change(one, other), (one.plan, other.plan)


def _halves(progress: Progress) -> tuple[Progress, Progress]:
    """Of one side, and of the other."""
    return part_of(progress, 0.0, 0.5), part_of(progress, 0.5, 1.0)


def _written(side: Side, folder: Path, wanted: Wanted, progress: Progress) -> _Written:
    project = _masters_alone(side.project)
    receipt = render_again(side.path, project, None, folder, {}, progress=progress, use_cache=wanted.use_cache)
    name = project.masters[0].name
    file = next(file for file in receipt.files if file.deliverable == name)
    return _Written(folder, file, receipt, read_document(folder / receipt.plan, Plan))


def _masters_alone(project: Project) -> Project:
    """With nothing to deliver but the first printmaster, and the one as wide as the bus, which is to stay as wide.

    As 32-bit float: dither would differ where nothing else does.
    """
    masters = [one for one in project.masters if isinstance(one, Printmaster)]
    widest = next(one for one in masters if one.layout == project.layout.name)
    plain = {"format": "wavfloat", "order": "wave", "split": False, "file_name": None}
    kept = [masters[0]] if widest == masters[0] else [masters[0], widest]
    deliverables = tuple(one.model_copy(update=plain) for one in kept)
    return project.model_copy(update={"deliverables": deliverables, "file_name": None})


def _audio_change(before: _Written, after: _Written) -> AudioChange:
    told = AudioChange(
        deliverable=after.file.deliverable,
        integrated_lufs=Pair(before=before.file.measured.integrated_lufs, after=after.file.measured.integrated_lufs),
        gain_db=Pair(before=round(before.file.gain_db, 2), after=round(after.file.gain_db, 2)),
        length_s=Pair(before=_length_s(before), after=_length_s(after)),
    )
    kinds = [(one.file.layout, one.receipt.sample_rate) for one in (before, after)]
    if kinds[0] != kinds[1]:
        words = " and ".join(f"{layout} at {rate} Hz" for layout, rate in kinds)
        return told.model_copy(update={"refused": f"they are {words}"})
    left = residual_of(*(inspect(one.folder / one.file.path) for one in (before, after)))
    rate = after.receipt.sample_rate
    spans = [(scene.id, round(scene.start / rate, 3), round(scene.end / rate, 3)) for scene in after.plan.scenes]
    return told.model_copy(
        update={
            "identical": bool(left.same.all()),
            "identical_s": left.identical_s,
            "residual_dbfs": left.residual_dbfs,
            "residual_lu": left.residual_lu,
            "worst": left.worst,
            "scenes": tuple(
                SceneLoudness(
                    id=scene,
                    start_s=start_s,
                    end_s=end_s,
                    loudness_lufs=Pair(
                        before=left.loudness_lufs(0, start_s, end_s), after=left.loudness_lufs(1, start_s, end_s)
                    ),
                )
                for scene, start_s, end_s in spans
            ),
        }
    )


def _length_s(one: _Written) -> float:
    return round(one.receipt.frames / one.receipt.sample_rate, 3)
