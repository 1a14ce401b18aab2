"""Tables of a page, and what stands in their cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol
from xml.etree.ElementTree import Element

from stemmix.model.plan import Plan
from stemmix.report.markup import Child, tag
from stemmix.report.tables import span

SHOWN = 25
"""Rows that a long table shows before it is asked for all."""

VERDICTS = {"pass": ("ok", "✓ pass"), "warn": ("warn", "! warn"), "fail": ("bad", "✗ fail")}

KINDS = {">": "number", "=": "word"}
"""By what the head of a column begins with: numbers are set to the right; neither is ever broken."""

LONGEST_WORD = 20
"""Signs of a name that is not broken: as wide as a column of text is at least (`page.css`)."""

Cells = Sequence[Child]


class Spanned(Protocol):
    """Whatever has a place in the programme, in samples."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


def grid(heading: str, heads: Sequence[str], rows: Sequence[Element], **attributes: object) -> Element:
    """A table of rows that are made already, named by the heading with this id; it scrolls by itself where it is wide,
    so that the page never does."""
    head = tag(
        "tr",
        None,
        *(tag("th", {"scope": "col", "class": KINDS.get(name[:1])}, name.lstrip(">=")) for name in heads),
    )
    table = tag("table", attributes, tag("thead", None, head), tag("tbody", None, *rows))
    return tag("div", {"class": "scrolled", "tabindex": 0, "role": "group", "aria-labelledby": heading}, table)


def kept_whole(head: str, names: Iterable[str]) -> str:
    """The head of a column of names, none of which is broken where none is long: else the others had no room.

    >>> kept_whole("stem", ["MX", "FX"]), kept_whole("stem", ["the orchestra as it was recorded"])
    ('=stem', 'stem')
    """
    return head if any(len(name) > LONGEST_WORD for name in names) else f"={head}"


def row(heads: Sequence[str], cells: Cells, **attributes: object) -> Element:
    """A row under these heads; an attribute's name may end with an underscore, and has dashes for others."""
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    columns = zip(heads, cells, strict=True)
    return tag("tr", named, *(tag("td", {"class": KINDS.get(name[:1])}, cell) for name, cell in columns))


def stacking_grid(name: str, heads: Sequence[str], rows: Sequence[Element]) -> list[Element]:
    """The table under the heading `NAME-title`; on a phone a row is a few lines, and each cell says by itself what it
    is."""
    named = "".join(
        f'[data-table={name}] td:nth-child({n})::before{{content:"{head.lstrip(">=")} "}}'
        for n, head in enumerate(heads, 1)
    )
    style = tag("style", None, f"@media screen and (max-width: 760px) {{{named}}}")
    return [style, grid(f"{name}-title", heads, rows, **{"data-table": name})]


def long_grid(name: str, about: str, heads: Sequence[str], rows: Sequence[Element], none: str) -> list[Element]:
    """The table of the section of this name, which may be filtered; one that is long shows its first rows only until it
    is asked for all. Where there are no rows, `none` says so."""
    if not rows:
        return [tag("p", {"class": "quiet"}, none)]
    tools = [
        tag("input", {"type": "search", "placeholder": "Filter", "aria-label": f"Filter {name}", "data-filter": name})
    ]
    if len(rows) > SHOWN:
        attributes = {"type": "button", "data-all": name, "aria-expanded": "false"}
        tools.append(tag("button", attributes, f"Show all {len(rows)}"))
        for more in rows[SHOWN:]:
            more.set("data-more", "")
    bar = tag("div", {"class": "bar script"}, *tools)
    made = [tag("p", {"class": "quiet"}, about), bar, *stacking_grid(name, heads, rows)]
    if len(rows) > SHOWN:
        made.append(tag("p", {"class": "quiet paper"}, f"The first {SHOWN} of {len(rows)}."))
    return made


def jump(plan: Plan, place: Spanned) -> Element:
    """A way to a place of the timeline."""
    return way(place.start / plan.sample_rate, place.end / plan.sample_rate, span(place.start, place.end, plan.clock))


def way(start_s: float, end_s: float, text: str) -> Element:
    """The same in seconds of the programme."""
    return tag("a", {"href": f"#t={start_s:.3f},{end_s:.3f}", "class": "jump"}, text)


def verdict(passed: str) -> Element:
    """Pass, warn or fail: a sign and a word, never a colour alone."""
    kind, text = VERDICTS[passed]
    return tag("span", {"class": f"verdict {kind}"}, text)
