"""Is it still the same mix? A receipt's render is made again from its stored plan, and every file compared.

What can be told without rendering is looked at first: the project, the plan, every stem's file, where the gain came
from, the libraries, the processor. The render goes to a temporary folder; nothing beside the receipt is touched.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from stemmix.engine.master import Given
from stemmix.errors import ProjectError, StemError
from stemmix.files.audio import AudioFile, AudioReader, sha256_of
from stemmix.files.documents import read_document, sha256_of_document
from stemmix.files.paths import is_file, is_there, located, resolved
from stemmix.files.projects import read_project
from stemmix.files.scratch import temporary_folder
from stemmix.machine import processor, versions
from stemmix.model.plan import Plan
from stemmix.model.progress import Progress
from stemmix.model.project import Project
from stemmix.model.project_changes import project_changes
from stemmix.model.receipt import MASTERS, Receipt, SourceFile, WrittenFile
from stemmix.model.verification import VERIFY_SCHEMA, Looked, RenderedAgain, State, Verification
from stemmix.model.words import in_words
from stemmix.nulltest import audio_of
from stemmix.pipeline import render_again
from stemmix.steps import Steps, part_of
from stemmix.stored import StoredPlan
from stemmix.units import db_from_gain

BLOCK_FRAMES = 1 << 16
LOOKING, RENDERED = 0.1, 0.9
"""Of all work: when the stems were looked at, and when everything is rendered."""


def verify(receipt_path: Path, project_path: Path | None = None, *, progress: Progress) -> Verification:
    """Render again what a receipt describes, and tell whether the samples are the same, and if not, what has changed.

    The project is that at `project_path`, else where the receipt says it stands, else, where none can be read there,
    the receipt's own. Masters that shared a gain with other reels, or took another receipt's, take the one that this
    receipt says: it is theirs, whatever became of the others.

    Raises ProjectError where receipt or project are none or the project is nowhere, StemError where a stem is as it was
    and cannot be read, OutputError where the temporary folder cannot be written.
    """
    receipt = read_document(receipt_path, Receipt)
    folder = receipt_path.parent
    request, place, looked_at_project = _request(receipt_path, receipt, project_path)
    looking = Steps(part_of(progress, 0.0, LOOKING), {"open": 1.0})
    looking.expect("open", len(receipt.sources))
    stems = []
    for source in receipt.sources:
        looking.advance("open", 0)
        stems.append(_stem(place, source))
        looking.advance("open", 1)
    plan = _plan(folder, receipt)
    looked = (looked_at_project, plan, *stems, *_gain(folder, receipt), *_circumstances(receipt))
    missing = [one.name for one in (plan, *stems) if one.state == "missing"]
    obstacle = f"missing: {', '.join(missing)}" if missing else None
    rendering = part_of(progress, LOOKING, RENDERED)
    with temporary_folder("stemmix-verify-") as scratch:
        again: Receipt | None = None
        if obstacle is None:
            try:
                # the dither of then, so that nothing differs but what has changed
                stored = StoredPlan(folder / receipt.plan, stale_ok=True, seed=receipt.plan_sha256)
                path = place.with_name(receipt.project)
                again = render_again(
                    path, request, stored, scratch, _given(receipt), progress=rendering, use_cache=False
                )
            except (ProjectError, StemError) as fault:
                if all(one.state != "changed" for one in looked):
                    raise
                obstacle = str(fault)
        files = _compared(folder, receipt, scratch, again, part_of(progress, RENDERED, 1.0))
    return Verification(
        schema_=VERIFY_SCHEMA,
        title=receipt.title,
        receipt=receipt_path.name,
        looked=looked,
        files=files,
        obstacle=obstacle,
        same=bool(files) and all(file.result in ("bytes", "samples") for file in files),
    )


# ------------------------------------------------------------------------------------------------- without rendering


def _request(receipt_path: Path, receipt: Receipt, project_path: Path | None) -> tuple[Project, Path, Looked]:
    """The project that is rendered, where it stands, and whether it is as it was."""
    said = project_place(receipt_path, receipt)
    place = project_path or said
    if project_path is None and not is_file(place):
        if receipt.request is None:
            raise ProjectError(
                f"{receipt_path}: its project, {receipt.project}, is not where it was looked for ({place}), and the "
                "receipt holds none; give --project FILE"
            )
        return _held(receipt_path, receipt.request, place, "missing", f"is no longer there ({place})")
    try:
        project = read_project(place)
    except ProjectError as fault:
        if project_path is not None or receipt.request is None:
            raise
        return _held(receipt_path, receipt.request, place, "changed", *str(fault).splitlines())
    state: State = "same"
    details: tuple[str, ...] = ()
    if receipt.request is not None:
        details = tuple(in_words(change).strip() for change in project_changes(receipt.request, project))
        state = "changed" if details else "same"
    elif sha256_of_document(project) != receipt.project_sha256:
        state = "unknown"
        details = (
            f"it, or how it is read, has changed since {_writer(receipt)} wrote the receipt, which does not hold it: "
            "what has changed cannot be told",
        )
    return project, place, Looked(what="project", name=receipt.project, state=state, details=details)


def _held(receipt_path: Path, request: Project, place: Path, state: State, *why: str) -> tuple[Project, Path, Looked]:
    """The project that a receipt holds, where the one that it was made of cannot be had."""
    try:
        request.file_names(place.stem)
    except ValueError as fault:
        raise ProjectError(f"{receipt_path}: project: {fault}") from None
    *others, last = why
    details = (*others, f"{last}; taken as the receipt holds it")
    return request, place, Looked(what="project", name=place.name, state=state, details=details)


def project_place(receipt_path: Path, receipt: Receipt) -> Path:
    """Where a receipt says that its project stands; one of version 1 does not: beside its folder, as is the custom, or
    in it. ProjectError where it names no place below or above its own."""
    folder = resolved(receipt_path.parent)
    name, said = receipt.project, receipt.project_path
    if not name or PurePosixPath(name).name != name or not name.isprintable():
        raise ProjectError(f"{receipt_path}: project: {name!r} is not a file name")
    if said is None:
        return folder / name if is_file(folder / name) else folder.parent / name
    if (
        PurePosixPath(said).name != name
        or said.startswith("/")
        or "\\" in said
        or ":" in said.split("/")[0]
        or "\0" in said
    ):
        raise ProjectError(f"{receipt_path}: project_path: {said!r} is not a path to {name} relative to the receipt")
    return Path(os.path.normpath(folder / said))


def _writer(receipt: Receipt) -> str:
    return f"stemmix {receipt.versions.get('stemmix', 'of an unknown version')}"


def _stem(place: Path, source: SourceFile) -> Looked:
    name = f"{source.stem}: {source.path}"
    try:
        path = located(place, source.path)
    except ValueError as fault:
        return Looked(what="stem", name=name, state="missing", details=(str(fault),))
    state = _state(path, source.sha256)
    return Looked(what="stem", name=name, state=state, details=() if state == "same" else (_TOLD[state],))


def _plan(folder: Path, receipt: Receipt) -> Looked:
    path = folder / receipt.plan
    state = _state(path, receipt.plan_sha256)
    if state == "changed":
        # laid out anew it is another file, and the same plan
        state = "same" if sha256_of_document(read_document(path, Plan)) == receipt.plan_sha256 else "changed"
    return Looked(what="plan", name=receipt.plan, state=state, details=() if state == "same" else (_TOLD[state],))


_TOLD: Mapping[State, str] = {"changed": "has changed since", "missing": "is no longer there"}


def _state(path: Path, sha256: str) -> State:
    if not is_there(path):
        return "missing"
    return "same" if sha256_of(path) == sha256 else "changed"


def _gain(folder: Path, receipt: Receipt) -> list[Looked]:
    """With whom the gain was shared, and where it came from; it is taken as the receipt has it."""
    said = "masters take the gain that this receipt says"
    if receipt.request is None:
        told = f"the receipt does not say with whom it was shared: {said}"
        return [Looked(what="gain", name="of the programme", state="unknown", details=(told,))]
    if receipt.gain_from is not None:
        state = _state(folder / receipt.gain_from.path, receipt.gain_from.sha256)
        details = () if state == "same" else (f"{_TOLD[state]}: {said}",)
        return [Looked(what="gain", name=f"from {receipt.gain_from.path}", state=state, details=details)]
    if not receipt.programme:
        return []
    name = f"shared by {len(receipt.programme)} reels"
    if gone := [reel for reel in receipt.programme if not is_file(folder / reel)]:
        return [Looked(what="gain", name=name, state="missing", details=(f"gone: {', '.join(gone)}: {said}",))]
    return [Looked(what="gain", name=name, state="same")]


def _circumstances(receipt: Receipt) -> list[Looked]:
    """Libraries and processor: on others samples may differ in their last bits."""
    now = versions()
    looked = []
    for name in dict.fromkeys((*receipt.versions, *now)):
        then, here = receipt.versions.get(name, "not there"), now.get(name, "not there")
        told = () if then == here else (f"{then} -> {here}",)
        looked.append(Looked(what="version", name=name, state="changed" if told else "same", details=told))
    told = () if receipt.processor == processor() else (f"{receipt.processor} -> {processor()}",)
    looked.append(Looked(what="processor", name="processor", state="changed" if told else "same", details=told))
    return looked


def _given(receipt: Receipt) -> dict[str, Given]:
    """The masters' gains, where they did not come of this project alone."""
    if receipt.request is not None and not receipt.programme and receipt.gain_from is None:
        return {}
    return {
        file.deliverable: Given(file.gain_db, "as the receipt says", file.ceiling_dbtp)
        for file in receipt.files
        if file.kind in MASTERS
    }


# --------------------------------------------------------------------------------------------------- what was written


def _compared(
    folder: Path, receipt: Receipt, scratch: Path, again: Receipt | None, progress: Progress
) -> tuple[RenderedAgain, ...]:
    made = {} if again is None else {file.path: file for file in again.files}
    compared = []
    steps = Steps(progress, {"compare": 1.0})
    steps.expect("compare", len(receipt.files))
    steps.lasts((again or receipt).frames / (again or receipt).sample_rate)
    for file in receipt.files:
        steps.advance("compare", 0)
        compared.append(_file(folder, file, scratch, made.get(file.path), rendered=again is not None))
        steps.advance("compare", 1)
    return tuple(compared)


def _file(folder: Path, file: WrittenFile, scratch: Path, made: WrittenFile | None, *, rendered: bool) -> RenderedAgain:
    states = [_state(folder / path, sha256) for path, sha256 in _hashes(file)]
    said = RenderedAgain(
        path=file.path,
        deliverable=file.deliverable,
        on_disk="missing" if "missing" in states else "changed" if "changed" in states else "same",
        result="unknown",
    )
    if not rendered:
        return said
    if made is None:
        return said.model_copy(update={"result": "differs", "text": "is no longer written, or has another name"})
    as_told = _hashes(made) == _hashes(file)
    if as_told and said.on_disk != "changed":
        return said.model_copy(update={"result": "bytes"})
    if said.on_disk == "missing":
        text = "has other bytes than the receipt says, and without the file its samples cannot be compared"
        return said.model_copy(update={"text": text})
    text = ""
    if said.on_disk == "changed":
        text = "the file on the disk is not the one that was written; rendered again it has "
        text += "the bytes that the receipt says" if as_told else "other bytes than the receipt says, too"
    try:
        found = _difference(audio_of(folder, file), audio_of(scratch, made))
    except StemError as fault:
        return said.model_copy(update={"result": "differs", "text": str(fault)})
    if found is None:
        return said.model_copy(update={"result": "samples", "text": text})
    return said.model_copy(
        update={
            "result": "differs",
            "peak_dbfs": found.peak_dbfs,
            "first_s": found.first_s,
            "text": "; ".join(part for part in (found.told, text) if part),
        }
    )


def _hashes(file: WrittenFile) -> list[tuple[str, str]]:
    """Names and hashes of what is on the disk of it."""
    return [(part.path, part.sha256) for part in file.parts] or [(file.path, file.sha256)]


class _Difference(NamedTuple):
    """How two sounds differ."""

    told: str = ""
    peak_dbfs: float | None = None
    first_s: float | None = None


def _difference(one: AudioFile, other: AudioFile) -> _Difference | None:
    """Of two sounds over what both have of them; None where there is none."""
    with AudioReader(one) as before, AudioReader(other) as after:
        if one.layout != other.layout or one.sample_rate != other.sample_rate:
            then, now = (f"{audio.layout.name} at {audio.sample_rate} Hz" for audio in (one, other))
            return _Difference(f"was {then}, and is {now}")
        peak, first, done = 0.0, None, 0
        while True:
            block, now_block = before.read(BLOCK_FRAMES), after.read(BLOCK_FRAMES)
            both = min(len(block), len(now_block))
            apart = np.abs(block[:both] - now_block[:both]).max(axis=1, initial=0.0)
            if first is None and apart.any():
                first = done + int(np.flatnonzero(apart)[0])
            peak = max(peak, float(apart.max(initial=0.0)))
            done += both
            if len(block) != len(now_block):
                told = f"is {'longer' if len(block) < len(now_block) else 'shorter'} than it was"
                break
            if not both:
                told = ""
                break
    if first is None:
        return _Difference(told) if told else None
    return _Difference(told, round(db_from_gain(peak), 2), round(first / one.sample_rate, 6))
