"""What `render` says: the files that were written, and what was measured on them."""

from __future__ import annotations

import json
from pathlib import PurePath

from stemmix.model.receipt import Receipt
from stemmix.report.tables import as_text, note, reading, table


def receipt_text(receipt: Receipt, folder: PurePath, width: int) -> str:
    """A table of the files in `folder`, then everything that a person should know."""
    made = table(
        f"{receipt.title}: written to {folder}",
        ["file", ">LUFS", ">LRA", ">dBTP", ">gain (dB)", ">limited (dB)"],
    )
    said = []
    for file in receipt.files:
        made.add_row(
            file.path,
            reading(file.measured.integrated_lufs, 2),
            reading(file.measured.lra_lu),
            reading(file.measured.true_peak_dbtp, 2),
            f"{file.gain_db:+.2f}",
            f"{file.limiting.max_reduction_db:.1f}" if file.limiting else "-",
        )
        said += [f"{file.path} misses {miss}" for miss in file.misses]
        said += [f"{file.path} {flag}" for flag in file.flags]
    said += [f"warning: {warning}" for source in receipt.sources for warning in source.warnings]
    said += [note(text) for text in receipt.warnings]
    documents = f"{receipt.plan}, {receipt.plan.removesuffix('.plan.json')}.receipt.json"
    return as_text([made, "\n".join([f"and {documents}", *said])], width)


def receipt_json(receipt: Receipt) -> str:
    """The receipt as it stands in its file."""
    return (
        json.dumps(receipt.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
