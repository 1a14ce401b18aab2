"""What `render` and `nulltest` say: the files that were written, and what was measured on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from stemmix.model.document import Document
from stemmix.model.receipt import Nulltest, Receipt
from stemmix.report.as_json import as_json
from stemmix.report.tables import as_text, in_lines, note, reading, table

_SAID = {"fail": "fail", "warn": "warning"}
"""How a finding is told that a person should know of."""


def receipt_text(receipt: Receipt, folder: PurePath, width: int) -> str:
    """A table of the files in `folder`, then everything that a person should know."""
    made = table(
        f"{receipt.title}: written to {folder}",
        ["file", "layout", ">LUFS", ">LRA", ">dBTP", ">gain (dB)", ">limited (dB)"],
    )
    said = []
    for file in receipt.files:
        made.add_row(
            f"{file.path} ({len(file.parts)} mono files)" if file.parts else file.path,
            file.layout,
            reading(file.measured.integrated_lufs, 2),
            reading(file.measured.lra_lu),
            reading(file.measured.true_peak_dbtp, 2),
            f"{file.gain_db:+.2f}",
            f"{file.limiting.max_reduction_db:.1f}" if file.limiting else "-",
        )
        said += [
            f"{_SAID[finding.verdict]}: {file.path}: {finding.text}"
            for finding in file.findings
            if finding.verdict in _SAID
        ]
    said.sort(key=lambda line: not line.startswith("fail"))
    said += [f"warning: {warning}" for source in receipt.sources for warning in source.warnings]
    said += [note(text) for text in receipt.warnings]
    documents = [receipt.plan, f"{receipt.plan.removesuffix('.plan.json')}.receipt.json", receipt.page]
    return as_text([made, in_lines([f"and {', '.join(filter(None, documents))}", *said])], width)


def receipts_json(receipts: Sequence[Receipt], *, together: bool) -> str:
    """A receipt as it stands in its file; of a programme that is rendered `together`, a list of them."""
    documents = [_plain(receipt) for receipt in receipts]
    return as_json(documents if together else documents[0])


def nulltest_text(result: Nulltest, width: int) -> str:
    """A table of what is left of every master without its parts."""
    made = table(
        "What is left when the printed parts are subtracted from their master, outside the limiter's spans",
        ["master", "parts", ">judged", ">RMS (dBFS)", ">allowed", ">peak (dBFS)", ">allowed", "null"],
    )
    for null in result.nulls:
        made.add_row(
            null.parent,
            f"{null.deliverable} ({len(null.parts)})",
            f"{null.judged_share:.1%}",
            reading(null.residual_dbfs, 1),
            f"{null.limit_dbfs:.1f}",
            reading(null.peak_dbfs, 1),
            f"{null.peak_limit_dbfs:.1f}",
            "yes" if null.passed else "unknown" if null.residual_dbfs is None else "NO",
        )
    return as_text([made], width)


def nulltest_json(result: Nulltest) -> str:
    """The same for programs."""
    return as_json(_plain(result))


def _plain(document: Document) -> object:
    return document.model_dump(mode="json", by_alias=True)
