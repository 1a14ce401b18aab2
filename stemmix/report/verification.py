"""What `verify` says: what has changed since, and every file beside the same rendered now."""

from __future__ import annotations

from stemmix.model.verification import Looked, RenderedAgain, Verification
from stemmix.report.as_json import as_json
from stemmix.report.tables import as_text, many, table


def verification_text(found: Verification, width: int) -> str:
    """What has changed since the receipt, a table of the files, and the answer."""
    stems = len({one.name for one in found.looked if one.what == "stem"})
    said = [line for one in found.changed for line in _told(one)]
    as_it_was = f"nothing has changed since: project, plan, {many(stems, 'file')} of stems, libraries, processor"
    head = f"{found.title}: {found.receipt}, rendered again from its plan"
    made = table("", ["file", "=on the disk", "rendered again it has"])
    for file in found.files:
        made.add_row(file.path, _ON_DISK[file.on_disk], _result(file))
    answer = "the same samples" if found.same else "NOT the same samples"
    if not found.same and all(file.result == "unknown" for file in found.files if not _is_same(file)):
        answer = "it cannot be told whether the samples are the same"
    if found.obstacle is not None:
        head = f"{found.title}: {found.receipt}, not rendered again"
        answer += f": {found.obstacle}"
    return as_text(["\n".join([head, *(said or [as_it_was])]), made, answer], width)


def verification_json(found: Verification) -> str:
    """The same for programs."""
    plain = found.model_dump(mode="json", by_alias=True)
    return as_json(plain)


_ON_DISK = {"same": "as written", "changed": "CHANGED", "missing": "gone"}


def _told(one: Looked) -> list[str]:
    name = one.name if one.what in ("version", "processor") else f"{one.what} {one.name}"
    return [f"{one.state}: {name}: {detail}" for detail in one.details]


def _is_same(file: RenderedAgain) -> bool:
    return file.result in ("bytes", "samples")


def _result(file: RenderedAgain) -> str:
    if file.result == "bytes":
        said = "the same bytes"
    elif file.result == "samples":
        said = "the same samples"
    elif file.result == "unknown":
        said = "-"
    elif file.peak_dbfs is None:
        said = "OTHER samples"
    else:
        said = f"OTHER samples: up to {file.peak_dbfs:.1f} dBFS apart, first at {file.first_s:g} s"
    return f"{said}; {file.text}" if file.text else said
