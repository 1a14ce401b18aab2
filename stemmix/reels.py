"""The reels of a programme, or the songs of an album: what they have in common, and where a lone one takes its gain."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from stemmix.engine.master import Given
from stemmix.errors import ProjectError
from stemmix.files.audio import sha256_of
from stemmix.files.documents import MAX_DOCUMENT_BYTES, from_disk, listed, read_document, text_of
from stemmix.files.faults import Places, told
from stemmix.files.paths import seen_from
from stemmix.model.presets import METHOD_NAMES, Level, Loudness
from stemmix.model.programme import ProgrammeList
from stemmix.model.project import Project
from stemmix.model.receipt import GainSource, Receipt


def refuse_unlike(paths: Sequence[Path], projects: Sequence[Project]) -> None:
    """A ProjectError where the reels of a programme do not list the same masters."""
    wanted = [
        [
            (one.model_copy(update={"note": None}), project.specification(one), project.max_limiting_db(one))
            for one in project.masters
        ]
        for project in projects
    ]
    for path, masters in zip(paths, wanted, strict=True):
        if masters != wanted[0]:
            raise ProjectError(
                f"{path}: its printmasters are not those of {paths[0]}: the reels of a programme share every gain"
            )


def gains_of(receipt_path: Path, project: Project) -> dict[str, Given]:
    """The gains of a receipt's masters by name, and where they come from; a ProjectError where one is missing, or is of
    another layout or loudness: nobody would judge what comes of its gain."""
    receipt = read_document(receipt_path, Receipt)
    known = {file.deliverable: file.gain_db for file in receipt.files if file.parent is None}
    missing = [master.name for master in project.masters if master.name not in known]
    if missing:
        raise ProjectError(f"{receipt_path}: has no master {', '.join(missing)} to take the gain from")
    if receipt.request is not None:  # receipts of version 1 hold no project
        theirs = _set_by(receipt.request)
        others = [
            f"{name} has {there} there, {here} here"
            for name, its in _set_by(project).items()
            for there, here in zip(theirs.get(name, ("no layout", "no loudness")), its, strict=True)
            if there != here
        ]
        if others:
            raise ProjectError(
                f"{receipt_path}: has another layout or loudness than this project asks for ({'; '.join(others)}): "
                "a master is judged where its gain comes from"
            )
    return {
        name: Given(gain_db, f"from {receipt_path.name}: its programme is judged there")
        for name, gain_db in known.items()
    }


def _set_by(project: Project) -> dict[str, tuple[str, str]]:
    """What the gains of a project's masters are found by, by name: layout and loudness, in words.

    How far off a file may be, and whose the numbers are, is none of it.
    """
    return {
        master.name: (f"layout {master.layout}", _told_loudness(project.specification(master).loudness))
        for master in project.masters
    }


def _told_loudness(loudness: Loudness | None) -> str:
    if loudness is None:
        return "no loudness"
    if loudness.fallback is None:
        return _told_level(loudness)
    share = f"{loudness.fallback.below_speech_share:.0%}"
    return f"{_told_level(loudness)} (below {share} of speech {_told_level(loudness.fallback)})"


def _told_level(level: Level) -> str:
    ends = {"of": level.target, "from": level.lowest, "to": level.highest}
    return " ".join([METHOD_NAMES[level.method], *(f"{word} {end:g}" for word, end in ends.items() if end is not None)])


def gain_source(receipt_path: Path, folder: Path) -> GainSource:
    """Which receipt gains were taken from, as a receipt in `folder` names it."""
    return GainSource(path=seen_from(folder, receipt_path), sha256=sha256_of(receipt_path))


def reels_of(programme_path: Path) -> list[Path]:
    """The project files of a programme, in order.

    ProjectError as of `read_document`, and with its place for each that is not there, or is listed before.
    """
    programme = read_document(programme_path, ProgrammeList)
    paths = [programme_path.parent / reel for reel in programme.reels]
    faults = [
        (("reels", number), f"{reel!r}: {fault}")
        for number, (reel, path) in enumerate(zip(programme.reels, paths, strict=True))
        for fault, is_so in (
            ("there is no such file", not os.path.lexists(path)),
            ("is already listed: once is enough", path in paths[:number]),
        )
        if is_so
    ]
    if faults:
        places = Places(text_of(programme_path, from_disk, MAX_DOCUMENT_BYTES), str(programme_path))
        raise ProjectError(listed([told(places.spot(place), said) for place, said in faults]))
    return paths
