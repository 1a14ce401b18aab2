"""A project out of a receipt: the one that was rendered, or other stems mixed as those were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stemmix.create import Gathered, gather, notes_of_rates, project_beside, refuse_existing, title_of
from stemmix.errors import ProjectError
from stemmix.files.audio import AudioFile
from stemmix.files.documents import read_document, write_document
from stemmix.files.paths import is_file, located
from stemmix.model.deliverables import Deliverable, MixMinus
from stemmix.model.layouts import LAYOUTS, MONO
from stemmix.model.project import Project, ProjectFile
from stemmix.model.receipt import Receipt
from stemmix.model.stems import Stem
from stemmix.placing import placed
from stemmix.verify import project_place

TIMED = ("length", "ffoa", "lfoa", "pins", "cues", "scenes")
"""Fields of a project that are meant for times of its own programme."""

TAKEN = ("role", "group", "gain_db", "pan", "priority", "mute", "solo", "layout", "order", "pull", "crossfade", "note")
"""What a stem of the same id takes over."""


def request_of(receipt_path: Path) -> tuple[Receipt, Project]:
    """A receipt and the project in it; ProjectError where it is none, or is of version 1, which held no project."""
    receipt = read_document(receipt_path, Receipt)
    if receipt.request is None:
        raise ProjectError(
            f"{receipt_path}: is a receipt of version 1, which holds no project; render again, and the new receipt "
            "will hold one"
        )
    return receipt, receipt.request


def restore_project(
    receipt_path: Path, out: Path | None = None, *, force: bool = False
) -> tuple[ProjectFile, Path, list[str]]:
    """Write the project of a receipt, with all that its templates gave, to where it stood, or to `out`.

    Returns it, the path written, and a note for each stem that is not found from there. Raises ProjectError as of
    `request_of`, OutputError where a project stands there already (`force` replaces it) or it cannot be written.
    """
    receipt, project = request_of(receipt_path)
    path = out or project_place(receipt_path, receipt)
    if out is None and path.suffix != ".json":
        # what a receipt says is no leave to write over a file of another kind
        raise ProjectError(
            f"{receipt_path}: its project, {path}, does not end in .json; say where to write it with --out FILE"
        )
    refuse_existing(path, force=force)
    notes = []
    for stem in project.stems:
        for _, file in stem.paths:
            try:
                found = is_file(located(path, file))
            except ValueError as fault:
                notes.append(f"stem {stem.id}: {fault}")
            else:
                notes += [] if found else [f"stem {stem.id}: {file} is not found from {path.parent}"]
    write_document(path, project)
    return project, path, notes


def project_like(
    receipt_path: Path, folder: Path, profile: str | None = None, *, force: bool = False
) -> tuple[ProjectFile, Path, list[str]]:
    """Write `folder.json` beside `folder`, of its stems, with everything else as it was in a receipt's project.

    A stem whose id was there takes what was said of it (`TAKEN`); others are new, and their roles guessed.
    What is meant for times of that programme, pins and cues among it, is left out. Returns the project, the path
    written, and notes of what matched and what did not. Raises what `create_project` and `request_of` do.
    """
    _, then = request_of(receipt_path)
    folder, path = project_beside(folder, force=force)
    wanted = profile or then.profile
    gathered = gather(folder, path, wanted, {stem.id.casefold(): stem.role for stem in then.stems})
    stems, notes = _matched(gathered, then, receipt_path.name)
    placing = placed(gathered.files, then.sample_rate, then.frame_rate)
    stems = placing.stems_at(stems)
    deliverables, left_out = _delivered(then, stems)
    timed = [field for field in TIMED if getattr(then, field)]
    if then.start is not None and then.start != placing.start:
        timed.append("start")
    if timed:
        notes.append(f"left out, because timed for {then.title}: {', '.join(timed)}")
    fields: dict[str, Any] = {
        name: getattr(then, name) for name in then.model_fields_set if name not in (*TIMED, "start", "note")
    }
    fields |= {"title": title_of(folder.name), "profile": wanted, "stems": stems, "deliverables": deliverables}
    fields |= {"frame_rate": then.frame_rate or placing.frame_rate, "start": placing.start}
    try:
        project = Project.model_validate(fields)
    except ValidationError as invalid:
        raise ProjectError(
            f"{receipt_path}: its project does not fit these stems: {invalid.errors()[0]['msg']}"
        ) from None
    write_document(path, project)
    rates = notes_of_rates(gathered.files, then.sample_rate)
    return project, path, [*gathered.notes, *notes, *left_out, *rates, *placing.notes]


def _matched(gathered: Gathered, then: Project, name: str) -> tuple[tuple[Stem, ...], list[str]]:
    """The stems of a folder as those of the same id were, and what is to be said of it."""
    known = {stem.id.casefold(): stem for stem in then.stems}
    stems, same, new, notes = [], [], [], []
    for stem, file in zip(gathered.stems, gathered.files, strict=True):
        before = known.pop(stem.id.casefold(), None)
        if before is None:
            new.append(f"{stem.id} ({stem.role})")
            stems.append(stem)
            continue
        same.append(before.id)
        stems.append(_like(stem, before, file))
        if before.mute or before.solo:
            notes.append(f"{before.id}: is {'muted' if before.mute else 'soloed'}, as it was then")
        if before.clips is not None:
            notes.append(f"{before.id}: was in clips, which are left out; it is one file now")
        if any((before.automation.gain_db, before.automation.pan)):
            notes.append(f"{before.id}: its automation is left out, because it is timed for {then.title}")
        if before.pan and file.layout != MONO:
            notes.append(f"{before.id}: its pan is left out: {file.path.name} is not mono")
    notes = [
        *([f"as in {name}: {', '.join(same)}"] if same else [f"no stem has an id that {name} knows"]),
        *([f"not in {name}, roles told from names: {', '.join(new)}"] if new else []),
        *([f"in {name}, and not in the folder: {', '.join(stem.id for stem in known.values())}"] if known else []),
        *notes,
    ]
    return tuple(stems), notes


def _like(stem: Stem, before: Stem, file: AudioFile) -> Stem:
    """A stem's file with everything that was said of the stem."""
    taken = {name: getattr(before, name) for name in TAKEN}
    if file.layout != MONO:
        taken["pan"] = 0.0
    # what was said of another file's channels holds for as many
    said = None if before.layout is None else LAYOUTS[before.layout].channels
    if file.parts or said not in (None, file.layout.channels):
        taken |= {"layout": None, "order": "wave"}
    return stem.model_copy(update={"id": before.id, **taken})


def _delivered(then: Project, stems: tuple[Stem, ...]) -> tuple[tuple[Deliverable, ...], list[str]]:
    """The deliverables, mixes without some stems among them as far as those are there."""
    present = {stem.id for stem in stems}
    kept: list[Deliverable] = []
    notes = []
    for wanted in then.deliverables:
        if isinstance(wanted, MixMinus):
            without = tuple(stem for stem in wanted.without if stem in present)
            if not without or len(without) == len(present):
                notes.append(f"deliverable {wanted.name} is left out: it is a mix without stems that are missing here")
                continue
            kept.append(wanted.model_copy(update={"without": without}))
        else:
            kept.append(wanted)
    return tuple(kept), notes
