"""Plain tables for a terminal, a file or a pipe: aligned, width-aware, no frames to break when copied.

Colours are for terminals alone, and say nothing that the words do not say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from io import StringIO
from typing import Final, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from stemmix.model.timecode import Clock, has_frames
from stemmix.signs import harmless, in_one_line

BAD, GOOD, QUIET, STRONG = "bold red", "green", "dim", "bold"
"""Styles: of what is amiss, which a `!` marks too; of what is well; of what is told by the way; of titles."""


class Page(NamedTuple):
    """What text is set for."""

    width: int
    """Columns."""
    colours: str | None = None
    """What the terminal can show, by rich's names; None of a file, a pipe, and where none are wanted."""


Cell = str | Text
"""A str is a name, a figure or a word, and one line whatever it holds; a Text has the lines that it was made of."""


def readable(told: Cell, escaped: Callable[[str], str] = in_one_line) -> Text:
    """As no terminal obeys it, for the layout: what a sign is told as takes columns, which the sign does not.

    A str is told in one line, or as `escaped` has it; what signs of a Text are told as has their styles.
    """
    if isinstance(told, str):
        return Text(escaped(told))
    if harmless(told.plain) == told.plain:
        return told
    made = told.blank_copy()
    for sign in told.divide(range(1, len(told))):
        said = Text(harmless(sign.plain), sign.style)
        for span_ in sign.spans:
            said.stylize(span_.style)
        made.append_text(said)
    return made


def in_lines(said: Iterable[str]) -> str:
    """Sentences one under another; no name in them begins a line of its own."""
    return "\n".join(map(in_one_line, said))


class _Rows(Table):
    def add_row(self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False) -> None:
        told = (readable(cell) if isinstance(cell, str | Text) else cell for cell in cells)
        super().add_row(*told, style=style, end_section=end_section)


def titled(title: str, legend: str) -> Text:
    """What stands over a table: its title, and how to read it."""
    return Text.assemble((title, STRONG), (legend, QUIET))


def table(title: str, columns: Sequence[str]) -> Table:
    """An empty table.

    A column whose name begins with `>` holds numbers, and is set to the right; neither it nor one that begins with `=`,
    for short words, is ever broken: where the page is narrow, the others are.
    """
    made = _Rows(
        title=in_one_line(title),
        title_justify="left",
        title_style="",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for name in columns:
        made.add_column(
            name.lstrip(">="), justify="right" if name[0] == ">" else "left", no_wrap=name[0] in ">=", overflow="fold"
        )
    return made


def as_text(parts: Sequence[RenderableType], page: Page | int) -> str:
    """The parts one under another, a blank line between, nothing behind the last word of a line. No paragraph of them
    speaks to the terminal; of what else there is, rows and titles, that was seen to where it was made.

    For a page, or one without colours that is so many columns wide.
    """
    page = page if isinstance(page, Page) else Page(page)
    out = StringIO()
    console = Console(
        file=out,
        width=page.width,
        color_system=page.colours,  # type: ignore[arg-type]
        force_terminal=False,  # for a terminal that calls itself dumb rich takes its own width
        highlight=False,
        markup=False,
        emoji=False,
    )
    for index, part in enumerate(parts):
        if index:
            console.print()
        if isinstance(part, Table) and part.title:
            # rich would break a title where the table ends, not where the page does
            console.print(part.title)
            part.title = None
        console.print(readable(part, harmless) if isinstance(part, str | Text) else part)
    return "\n".join(_TAIL.sub(_without_blanks, line) for line in out.getvalue().splitlines()) + "\n"


_STYLE: Final = r"\x1b\[[\d;]*m"
_TAIL: Final = re.compile(rf"(?:\s|{_STYLE})+$")
"""What stands behind the last word of a line: blanks, and where colours begin and end."""


def _without_blanks(tail: re.Match[str]) -> str:
    return "".join(re.findall(_STYLE, tail[0]))


def in_ascii(text: str) -> str:
    """A text for a terminal that knows ASCII alone, in columns all the same: an arrow is wider there, and takes what it
    needs from the gap behind its figure.

    >>> in_ascii("DX  0.31 → 0.52    +0.04"), in_ascii("·  →3.90  →1.77"), in_ascii("───")
    ('DX  0.31 -> 0.52   +0.04', '. ->3.90 ->1.77', '---')
    """
    text = re.sub(r" → (\S+(?: !\S*)?)  ", r" -> \1 ", text)
    return text.replace("  →", " ->").replace("→", "->").replace("─", "-").replace("·", ".").replace("±", "+-")


def clock(samples: int, rate_hz: int) -> str:
    """A time of the programme as minutes, seconds and tenths.

    >>> clock(48000 * 83 + 4800, 48000)
    '1:23.1'
    """
    tenths = round(10 * samples / rate_hz)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{head}:{tenths // 10:02d}.{tenths % 10}"


def moment(sample: int, clock_: Clock) -> str:
    """A place of the programme: the picture's timecode where there is one, else minutes, seconds and tenths."""
    return clock(sample, clock_.rate_hz) if clock_.frame_rate is None else clock_.told(sample)


def span(start: int, end: int, clock_: Clock) -> str:
    """Two places of the programme."""
    return _between(moment(start, clock_), moment(end, clock_))


def span_told(start_time: str, end_time: str) -> str:
    """The same of two places as documents tell them: hours are left out where there are none.

    >>> span_told("0:00:16.0", "0:12:05.3"), span_told("0:59:59.9", "1:00:00.0")
    ('0:16.0-12:05.3', '59:59.9-1:00:00.0')
    >>> span_told("00:00:16:00", "00:12:05:07")
    '00:00:16:00 - 00:12:05:07'
    """
    return _between(*(re.sub(r"^0:0?(\d+:\d\d\.\d)$", r"\1", time) for time in (start_time, end_time)))


def _between(start: str, end: str) -> str:
    return f"{start}{' - ' if has_frames(start) else '-'}{end}"


def reading(value: float | None, digits: int = 1) -> str:
    """A meter's reading, or a dash where there is none."""
    return "-" if value is None else f"{value:z.{digits}f}"


def many(count: int, noun: str, plural: str | None = None) -> str:
    """A number of things.

    >>> many(1, "line"), many(0, "line"), many(2, "entry", "entries")
    ('1 line', '0 lines', '2 entries')
    """
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def note(text: str) -> str:
    """A note of the plan as it is told; advice calls itself so.

    >>> note("FX is silent"), note("advice: move its fader")
    ('note: FX is silent', 'advice: move its fader')
    """
    return text if text.startswith("advice: ") else f"note: {text}"


def change(level_db: float) -> str:
    """A change of level to a tenth of a dB, with its sign; one that rounds to nothing has a plus.

    >>> change(-0.04), change(-3.26)
    ('+0.0', '-3.3')
    """
    return f"{round(level_db, 1) + 0.0:+.1f}"
