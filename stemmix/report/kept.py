"""What `cache` says: what is kept, where, and how much of it there may be."""

from __future__ import annotations

import time

from stemmix.model.kept import Kept
from stemmix.report.as_json import document_as_json
from stemmix.report.tables import as_text, in_lines, many, table

MEANING = {
    "features": "what was heard in a stem",
    "offsets": "how the stems of a group are offset from one another",
    "plans": "what was decided",
    "mixes": "what was measured of a mix before its gain",
    "hashes": "the hash of a file when last read in full",
}


def kept_text(kept: Kept, width: int) -> str:
    """A table of the kinds, then what holds for all of them. Dates are of this place."""
    made = table(kept.folder or "no folder", ["=kind", ">entries", ">size", "what"])
    for kind in kept.kinds:
        made.add_row(kind.kind, str(kind.entries), size(kind.bytes), MEANING[kind.kind])
    said = [f"{many(kept.entries, 'entry', 'entries')}, {size(kept.bytes)} of {size(kept.limit_bytes)} at most"]
    if kept.oldest_s is not None and kept.newest_s is not None:
        said.append(f"used between {_date(kept.oldest_s)} and {_date(kept.newest_s)}")
    if kept.kernels_folder is not None:
        said.append(f"compiled code besides: {size(kept.kernels_bytes)} in {kept.kernels_folder}")
    if kept.cleared is not None:
        entries = many(kept.cleared.entries, "entry", "entries")
        said.append(f"cleared: {entries}, {size(kept.cleared.bytes)}")
    said += [f"note: {note}" for note in kept.notes]
    return as_text([made, in_lines(said)], width)


def kept_json(kept: Kept) -> str:
    """The same for programs; times in seconds since the epoch."""
    return document_as_json(kept)


def size(count: int) -> str:
    """A number of bytes, in megabytes from a tenth of one on.

    >>> size(0), size(950), size(123456), size(4_000_000_000)
    ('0 bytes', '950 bytes', '0.1 MB', '4000.0 MB')
    """
    return f"{count / 1e6:.1f} MB" if count >= 50_000 else many(count, "byte")


def _date(epoch_s: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(epoch_s))
