"""Is it done already? What a receipt proves of the project, the stems and the files that stand there now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from stemmix import __version__
from stemmix.destinations import receipt_path_of
from stemmix.errors import StemmixError
from stemmix.files.audio import sha256_of
from stemmix.files.documents import read_document, sha256_of_document
from stemmix.files.hashes import Hashes
from stemmix.files.paths import is_file, is_there, located
from stemmix.files.projects import read_project
from stemmix.files.wave import BYTES_PER_SAMPLE
from stemmix.model.layouts import LAYOUTS
from stemmix.model.project import Project
from stemmix.model.receipt import STALE, UNSHOWN, Receipt, WrittenFile


class Proof(NamedTuple):
    """What was found."""

    receipt: Receipt | None
    """Of a render that need not be made again."""
    lacks: str = ""
    """Else the first thing that is not as the receipt says, one sentence without a beginning."""


def proof_of(project_path: Path, out: Path | None, gain_from: Path | None, hashes: Hashes) -> Proof:
    """Whether a render of this project into its folder, by this version of stemmix, with masters' gains as they are
    given, would do again what stands there.

    Project, stems, plan and every file that was written are held against the hashes of the receipt; a file that is gone
    or too short is not read for it. A page is to be there, whatever it holds. A receipt that does not list what the
    project hears and writes, or contradicts itself, proves nothing. Nothing is said of libraries and processor: on
    others samples may differ in their last bits. A render from a stored plan counts as any other, without a page; from
    one that was stale, it proves nothing.
    ProjectError where the project is none.
    """
    project = read_project(project_path)
    receipt_path = receipt_path_of(project_path, out)
    if not is_there(receipt_path):
        return Proof(None, "there is no receipt")
    try:
        receipt = read_document(receipt_path, Receipt)
    except StemmixError:
        return Proof(None, f"{receipt_path.name} cannot be read as a receipt")
    if receipt.project_sha256 != sha256_of_document(project):
        return Proof(None, "the project has changed since")
    if (then := receipt.versions.get("stemmix")) != __version__:
        return Proof(None, f"it was rendered by stemmix {then or 'of an unknown version'}")
    if receipt.programme:
        return Proof(None, "it was rendered as one reel of a programme")
    try:
        gains = None if gain_from is None else sha256_of(gain_from)
    except StemmixError:
        return Proof(None, "the receipt that gives its masters' gains cannot be read")
    if _gains(receipt) != gains:
        return Proof(None, "its masters' gains came from elsewhere")
    written = [name for file in receipt.files for name, *_ in _written(file)]
    # what would have passed full scale is a WAVE, whatever was asked for
    if {PurePath(name).stem for name in written} != {
        PurePath(name).stem for name in project.file_names(project_path.stem)
    }:
        return Proof(None, "the receipt lists different files from the project")
    if (lacks := _untold(project, receipt)) is not None:
        return Proof(None, lacks)
    if (lacks := next(_changed(project_path, receipt_path.parent, receipt, hashes), None)) is not None:
        return Proof(None, lacks)
    return Proof(receipt)


def _untold(project: Project, receipt: Receipt) -> str | None:
    """What a receipt of this project would say, and this one does not."""
    heard = {(stem.id, path, channel) for stem in project.heard for channel, path in stem.paths}
    if {(source.stem, source.path, source.channel) for source in receipt.sources} != heard:
        return "the receipt lists different stems from the project"
    if project.report is not None and receipt.page is None and UNSHOWN not in receipt.warnings:
        return "the receipt names no page"
    if receipt.request is None or sha256_of_document(receipt.request) != receipt.project_sha256:
        return "the receipt holds a different project from the one it names"
    if any(warning.startswith(STALE) for warning in receipt.warnings):
        return "it was mixed from a stale plan"
    if receipt.passed == any(file.misses for file in receipt.files):
        return "the receipt contradicts itself on what passed"
    return None


def _gains(receipt: Receipt) -> str | None:
    return None if receipt.gain_from is None else receipt.gain_from.sha256


def _written(file: WrittenFile) -> list[tuple[str, str, int]]:
    """Names, hashes and least sizes in bytes of what is on the disk of a deliverable."""
    per_channel = file.frames * BYTES_PER_SAMPLE.get(file.format, 0)
    if file.parts:
        return [(part.path, part.sha256, per_channel) for part in file.parts]
    return [(file.path, file.sha256, per_channel * LAYOUTS[file.layout].channels)]


def _changed(project_path: Path, folder: Path, receipt: Receipt, hashes: Hashes) -> Iterator[str]:
    """What is not as the receipt says: what shows at a glance first, then what has to be read for it."""
    wanted = [(folder / receipt.plan, receipt.plan_sha256, 1, receipt.plan)]
    wanted += [(folder / name, sha256, size, name) for file in receipt.files for name, sha256, size in _written(file)]
    for source in receipt.sources:
        try:
            path = located(project_path, source.path)
        except ValueError as fault:
            yield str(fault)
        else:
            wanted.append((path, source.sha256, 1, source.path))
    for path, _, least_bytes, name in wanted:
        try:
            size = path.stat().st_size
        except OSError:
            yield f"{name} is not there"
        else:
            if size < least_bytes:
                yield f"{name} is too short"
    # of a page the receipt has no hash: it names the receipt's files, and is made last
    if receipt.page is not None and not is_file(folder / receipt.page):
        yield f"{receipt.page} is not there"
    for path, *_ in wanted:
        hashes.of(path)  # begun, all at once
    for path, sha256, _, name in wanted:
        try:
            if hashes.of(path).sha256 != sha256:
                yield f"{name} has changed since"
        except StemmixError:
            yield f"{name} cannot be read"
