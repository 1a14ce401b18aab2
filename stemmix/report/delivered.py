"""What a page tells of the last render: every file with what was measured and found on it, and the receipt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from stemmix.model.exhibit import Exhibit
from stemmix.model.receipt import MASTERS, WORST_FIRST, Receipt, WrittenFile
from stemmix.report.grids import row, stacking_grid, verdict, way
from stemmix.report.markup import Child, tag
from stemmix.report.tables import reading


def delivery(exhibit: Exhibit) -> list[Element]:
    """The files that were written and how they came out; without a render, those that one would write."""
    receipt = exhibit.receipt
    if receipt is None and exhibit.outdated is not None:
        return [tag("p", {"class": "warn"}, f"Nothing is known of the last render: {exhibit.outdated}.")]
    if receipt is None:
        return [tag("p", None, f"Nothing has been rendered yet. A render writes {', '.join(exhibit.evidence.files)}.")]
    made: list[Element] = []
    if exhibit.outdated is not None:
        said = f"These files are of another mix than the one above: {exhibit.outdated}."
        made.append(tag("p", {"class": "warn"}, said))
    heads = (
        "=file", "=layout", ">LUFS", ">LRA", ">dBTP", ">dialogue LUFS", ">gain (dB)", ">limited (dB)", "judged by",
        "verdict",
    )  # fmt: skip
    rows = [
        row(
            heads,
            (
                file.path,
                file.layout,
                reading(file.measured.integrated_lufs, 2),
                reading(file.measured.lra_lu),
                reading(file.measured.true_peak_dbtp, 2),
                reading(file.measured.dialogue_lufs),
                f"{file.gain_db:+.2f}",
                f"{file.limiting.max_reduction_db:.1f}" if file.limiting else "-",
                file.specification or "-",
                verdict(verdict_of(file)),
            ),
        )
        for file in receipt.files
    ]
    made += stacking_grid("delivery", heads, rows)
    of_checks = ("verdict", "=file", "=check", "finding", "where (s)")
    findings = [
        row(of_checks, (verdict(one.verdict), file.path, one.check, one.text, _places(one.at_s)))
        for file in receipt.files
        for one in sorted(file.findings, key=lambda one: WORST_FIRST.index(one.verdict))
    ]
    if findings:
        made += [tag("h3", {"id": "checks-title"}, "Checks"), *stacking_grid("checks", of_checks, findings)]
    return made


def masters(receipt: Receipt) -> list[WrittenFile]:
    """What was brought to a loudness."""
    return [file for file in receipt.files if file.kind in MASTERS]


def verdict_of(file: WrittenFile) -> str:
    """The gravest of its findings."""
    return "fail" if file.misses else "warn" if file.flags else "pass"


def _places(at_s: Sequence[tuple[float, float]]) -> Child:
    if not at_s:
        return "-"
    links: list[Child] = []
    for begin, end in at_s:
        links += [way(begin, end, f"{begin:.2f}-{end:.2f}"), " "]
    return tag("span", None, *links)


def receipt(kept: Receipt) -> list[Element]:
    """What the render was made from and by, with the hash of every file; and all of it as JSON."""
    files = [
        ("project", kept.project, kept.project_sha256),
        ("plan", kept.plan, kept.plan_sha256),
        *((f"stem {source.stem}", source.path, source.sha256) for source in kept.sources),
        *((file.kind, file.path, file.sha256) for file in kept.files if not file.parts),
        *((f"{file.kind}, {part.label}", part.path, part.sha256) for file in kept.files for part in file.parts),
    ]
    heads = ("=what", "=file", "SHA-256")
    rows = [row(heads, (what, name, tag("code", None, sha256))) for what, name, sha256 in files]
    versions = " · ".join(f"{name} {version}" for name, version in kept.versions.items())
    whole = kept.model_dump(mode="json", by_alias=True, exclude={"files": {"__all__": {"course"}}})
    text = json.dumps(whole, indent=1, ensure_ascii=False)
    return [
        tag("p", None, f"{versions} · {kept.processor}"),
        *stacking_grid("receipt", heads, rows),
        tag(
            "details",
            None,
            tag("summary", None, "As JSON, without what was measured over time"),
            tag("pre", None, text),
        ),
    ]
