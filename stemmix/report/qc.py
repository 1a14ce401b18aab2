"""What `qc` says: how a file came out, finding by finding."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from stemmix.model.receipt import WORST_FIRST, ExaminedFile, Finding
from stemmix.report.as_json import as_json
from stemmix.report.tables import as_text, many, reading, table

_SHOWN_SPANS = 4


def examined_text(files: Sequence[ExaminedFile], width: int) -> str:
    """A table for each file, what is wrong first."""
    parts = []
    for one in files:
        against = "" if one.preset is None else f", against {one.preset}"
        made = table(
            f"{one.file.path}: {one.verdict} ({one.file.layout}{against})",
            ["=check", "=verdict", "what", ">value", ">limit", "=where"],
        )
        for finding in sorted(one.findings, key=lambda each: WORST_FIRST.index(each.verdict)):
            made.add_row(
                finding.check,
                finding.verdict,
                finding.text,
                reading(finding.value, 2),
                reading(finding.limit, 2),
                _where(finding),
            )
        parts.append(made)
    return as_text(parts, width) if parts else ""


def examined_json(files: Sequence[ExaminedFile]) -> str:
    """A list, one object a file."""
    told = [{"verdict": one.verdict, **one.model_dump(mode="json")} for one in files]
    return as_json(told)


def clock_ms(seconds: float) -> str:
    """A time of a file as hours, minutes, seconds and thousandths.

    >>> clock_ms(3723.0426)
    '1:02:03.043'
    """
    total = round(1000 * seconds)
    minutes, thousandths = divmod(total, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"


def _where(finding: Finding) -> Text:
    """The first few places, a line each; a moment by its beginning, a span by both ends."""
    told = [
        clock_ms(begin) if end - begin < 0.1 else f"{clock_ms(begin)}-{clock_ms(end)}"
        for begin, end in finding.at_s[:_SHOWN_SPANS]
    ]
    more = len(finding.at_s) - _SHOWN_SPANS
    return Text("\n".join([*told, f"and {many(more, 'place')} more"] if more > 0 else told))
