"""Who masks whom, every stem against every other: as a matrix where it fits the page, else as a list of pairs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from stemmix.model.evidence import Evidence
from stemmix.model.plan import Edge
from stemmix.report.masking import BAND_SECONDS, is_seen, largest_edges, sounding, targets_of
from stemmix.report.records import GAP, Record, records
from stemmix.report.tables import BAD, QUIET, STRONG, many, titled

MOST_PAIRS = 24
"""As many pairs a list has."""
TITLE = "Who masks whom"
MARK = "! hides the most of what is to be heard first"
IN_ALL = "in all"
ACROSS, STACKED = 12, 6
"""Columns that a cell takes with its two figures side by side, and over one another."""
NOTHING = "·"

Pair = tuple[str, str]
"""What is hidden, and what hides it."""


def who_masks_whom(evidence: Evidence, width: int) -> list[RenderableType]:
    """The dependency graph for a page `width` columns wide; nothing where no stem hides another."""
    edges = [edge for edge in largest_edges(evidence) if is_seen(edge)]
    if not edges:
        return []
    first, order = targets_of(evidence), [stem.id for stem in evidence.plan.stems]
    worst: dict[str, Pair] = {}
    for edge in edges:
        if edge.target in first:
            worst.setdefault(edge.target, (edge.target, edge.masker))
    marked = set(worst.values())
    hidden, hiding = {edge.target for edge in edges}, {edge.masker for edge in edges}
    targets = [stem for stem in (*first, *(one for one in order if one not in first)) if stem in hidden]
    maskers = [stem for stem in order if stem in hiding]
    names = max(len("hidden"), *map(len, targets)) + GAP
    across = names + sum(max(ACROSS, len(masker)) + GAP for masker in maskers) + ACROSS
    stacked = names + sum(max(STACKED, len(masker)) + 1 for masker in maskers) + len(IN_ALL)
    if (evidence.chosen is not None and evidence.chosen.stem is not None) or min(across, stacked) > width:
        return _pairs(edges, marked, width)
    return [_matrix(evidence, targets, maskers, marked, is_stacked=across > width)]


def _matrix(
    evidence: Evidence, targets: Sequence[str], maskers: Sequence[str], marked: Collection[Pair], *, is_stacked: bool
) -> Table:
    legend = (
        f", {BAND_SECONDS}; as it came → in the mix. Each row is hidden by its columns; in all: as a share of the "
        f"time that it sounds; {MARK}"
    )
    made = Table(
        title=titled(TITLE, legend),
        title_style="",
        box=SIMPLE_HEAD,
        padding=(0, 0 if is_stacked else GAP - 1, 0, 0),  # beside it stands the blank that the box has for a line
        pad_edge=False,
        show_edge=False,
        header_style=STRONG,
    )
    made.add_column("hidden", overflow="fold")
    for name in (*maskers, IN_ALL):
        made.add_column(name, justify="right", overflow="fold", min_width=STACKED)
    arrow = "\n→" if is_stacked else " → "
    sizes = {(edge.target, edge.masker): edge for edge in evidence.plan.edges}
    sounding_s = {heard.id: sounding(evidence, heard) / evidence.plan.sample_rate for heard in evidence.stems}
    first = {target for target, _ in marked}
    for target in targets:
        cells = [_cell(sizes.get((target, masker)), arrow, marked) for masker in maskers]
        its = [edge for edge in evidence.plan.edges if edge.target == target]
        sums = (sum(edge.size_before for edge in its), sum(edge.size_after for edge in its))
        its_s = sounding_s.get(target)
        share = arrow.join(f"{size / its_s:.0%}" for size in sums) if its_s else "-"
        made.add_row(target, *cells, share, style="" if target in first else QUIET)
    return made


def _cell(edge: Edge | None, arrow: str, marked: Collection[Pair]) -> Text:
    """What one stem hides of another."""
    if edge is None or not is_seen(edge):
        return Text(NOTHING)
    told = f"{_size(edge.size_before)}{arrow}{_size(edge.size_after)}"
    return Text(f"!{told}", style=BAD) if (edge.target, edge.masker) in marked else Text(told)


def _size(size: float) -> str:
    """Three digits or so.

    >>> _size(6.6222), _size(14.884), _size(123.4), _size(0.0)
    ('6.62', '14.9', '123', '0.00')
    """
    return f"{size:.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}"


def _pairs(edges: Sequence[Edge], marked: Collection[Pair], width: int) -> list[RenderableType]:
    """The first of them one by one, the rest as a sum."""
    shown, rest = edges[:MOST_PAIRS], edges[MOST_PAIRS:]
    rows = [Record([edge.target, edge.masker, _cell(edge, " → ", marked)]) for edge in shown]
    title = titled(TITLE, f", {BAND_SECONDS}; as it came → in the mix; {MARK}")
    parts: list[RenderableType] = [records(title, ["hidden", "by", ">size"], rows, width)]
    if rest:
        sums = (sum(edge.size_before for edge in rest), sum(edge.size_after for edge in rest))
        parts.append(f"and {many(len(rest), 'more pair')}, together {' → '.join(map(_size, sums))}")
    return parts
