"""Rows of figures that are never cut off: where a page is too narrow for a row, words or what else does not fit stand
in a second line, in columns all the same; and under each row there is room for a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from stemmix.report.tables import STRONG, Cell, readable
from stemmix.signs import in_one_line

GAP, INDENT = 2, 4
"""Between columns; before what goes on, and before a sentence."""


@dataclass(frozen=True)
class Record:
    """A row."""

    cells: Sequence[Cell]
    under: str = ""
    """A sentence below it."""


def records(title: Text, columns: Sequence[str], rows: Sequence[Record], width: int) -> Group:
    """Rows under a title and their names, for a page `width` columns wide. A name with a `>` is set to the right."""
    names = [Text(in_one_line(name.lstrip(">")), style=STRONG) for name in columns]
    cells = [[readable(cell) for cell in row.cells] for row in rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(names, *cells, strict=True)]
    right = [name.startswith(">") for name in columns]
    lines = _packed(widths, right, width)
    widest = max(
        sum(widths[column] + GAP for column in line) - GAP + _indent(number) for number, line in enumerate(lines)
    )

    def told(row: Sequence[Text]) -> Iterable[RenderableType]:
        for number, line in enumerate(lines):
            told_line = _line([(row[column], widths[column], right[column]) for column in line])
            yield Padding(told_line, (0, 0, 0, _indent(number)))

    parts: list[RenderableType] = [title, *told(names), "─" * min(widest, width)]
    for row, of_row in zip(rows, cells, strict=True):
        parts += told(of_row)
        if row.under:
            parts.append(Padding(readable(row.under), (0, 0, 0, INDENT)))
    return Group(*parts)


def _indent(number: int) -> int:
    return INDENT if number else 0


def _packed(widths: Sequence[int], right: Sequence[bool], width: int) -> list[list[int]]:
    """Numbers of the columns that stand in each line of a row.

    Figures stay together where they can: if one column of words is what does not fit, it alone goes below, the last
    such column.
    """
    spare = width - sum(widths) - GAP * (len(widths) - 1)
    if spare < 0:
        for words in range(len(widths) - 1, 0, -1):
            if not right[words] and spare + widths[words] + GAP >= 0:
                return [[column for column in range(len(widths)) if column != words], [words]]
    lines: list[list[int]] = []
    left = 0
    for column, needed in enumerate(widths):
        if not lines or needed > left:
            lines.append([])
            left = width - _indent(len(lines) - 1)
        lines[-1].append(column)
        left -= needed + GAP
    return lines


def _line(cells: Iterable[tuple[Text, int, bool]]) -> Text:
    """Cells with the widths of their columns, side by side."""
    line = Text(overflow="fold")
    for number, (cell, width, is_right) in enumerate(cells):
        pad = " " * (width - cell.cell_len)
        line.append(" " * GAP if number else "")
        line.append(pad if is_right else "")
        line.append_text(cell)
        line.append("" if is_right else pad)
    line.rstrip()
    return line
