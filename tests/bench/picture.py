#!/usr/bin/env python3
"""The README's picture: what a mix did for every line of dialogue, and what it took from the other stems.

    stemmix report projects/film_reel3.json --json | python tests/bench/picture.py > .github/film_reel3.svg

Reads the report alone, hears no audio. Four parts over one another: clarity of every line before and after, against
the goal; what is done to every stem by time and frequency, the deeper the more opaque; a scale of time; how much every
masker hides. The colours are of Okabe and Ito's set, which colour-blind people tell apart; before is hollow and
after is solid besides. The page's dark mode is followed.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any
from xml.sax.saxutils import escape

from pydantic import TypeAdapter

from stemmix.model.moves import Action
from stemmix.model.moves import gains_of as moves_gains_of

Report = dict[str, Any]

WIDTH = 960
LEFT, RIGHT = 84, 944
"""Where the programme begins and ends."""
CLARITY_TOP, CLARITY_HEIGHT = 84, 170
STEM_HEIGHT, STEM_GAP = 72, 10
BAND_COUNT = 36
STEP_DB = 1.0
"""Neighbouring bands within a step are drawn as one."""
SCALE_DB = 6.0

STYLE = """
  text { font: 13px system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif; fill: #1f2328 }
  .title { font-size: 18px; font-weight: 600 } .quiet { fill: #59636e } .end { text-anchor: end }
  .middle { text-anchor: middle } .strong { font-weight: 600 }
  .grid { stroke: #d1d9e0 } .goal { stroke: #59636e; stroke-dasharray: 5 4 } .room { fill: #818b98; fill-opacity: .10 }
  .before { fill: none; stroke: #d55e00; stroke-width: 1.5 } .same { fill: #818b98 }
  .after, .cut { fill: #0072b2 } .won { fill: #0072b2; fill-opacity: .16 } .raise { fill: #009e73 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet { fill: #9198a1 } .grid { stroke: #3d444d } .goal { stroke: #9198a1 }
    .before { stroke: #e69f00 } .after, .cut, .won { fill: #56b4e9 } .raise { fill: #2bc498 }
  }
"""


def picture(report: Report) -> str:
    """The whole SVG."""
    heard_first = {line["target"] for line in report["lines"]}
    report = {**report, "pairs": [pair for pair in report["pairs"] if pair["target"] in heard_first]}
    stems = [stem["id"] for stem in report["stems"]]
    moves_top = CLARITY_TOP + CLARITY_HEIGHT + 58
    time_y = moves_top + len(stems) * (STEM_HEIGHT + STEM_GAP)
    pairs_top = time_y + 58
    height = pairs_top + 26 * len(report["pairs"]) + 12
    parts = [
        *heading(report),
        *clarity(report),
        *moves(report, stems, moves_top),
        *times(report, CLARITY_TOP, time_y),
        *pairs(report, pairs_top),
    ]
    title = escape(f"{report['title']}: clarity of its lines, what is done to its stems")
    body = "\n".join(f"  {part}" for part in parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img">\n  <title>{title}</title>\n  <style>{STYLE}  </style>\n{body}\n</svg>\n'
    )


def heading(report: Report) -> Iterator[str]:
    goal, lines = report["clarity_goal"], report["lines"]
    before = sum(line["clarity_before"] < goal for line in lines)
    after = sum(line["clarity_after"] < goal for line in lines)
    yield text(16, 26, report["title"], "title")
    yield text(
        16, 50, f"{len(lines)} lines. Below clarity {goal:g}: {before} as the stems came, {after} in the mix.", "quiet"
    )


def clarity(report: Report) -> Iterator[str]:
    """Every line as a bar at its clarity, as it came and in the mix."""

    def y(value: float) -> float:
        return CLARITY_TOP + CLARITY_HEIGHT * (1 - value)

    goal = report["clarity_goal"]
    yield text(LEFT, CLARITY_TOP - 8, "Clarity of every line", "strong")
    yield from legend()
    for value in (0.0, 0.5, 1.0):
        yield f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        yield text(LEFT - 10, y(value) + 4.5, f"{value:g}", "quiet end")
    yield f'<line class="goal" x1="{LEFT}" x2="{RIGHT}" y1="{y(goal):.1f}" y2="{y(goal):.1f}"/>'
    yield text(RIGHT - 4, y(goal) - 6, "goal", "quiet end")
    for line in report["lines"]:
        left, width = span(report, line)
        before, after = line["clarity_before"], line["clarity_after"]
        if abs(after - before) < 0.005:
            yield rect("same", left, y(after) - 2.5, width, 5)
            continue
        low, high = sorted((y(before), y(after)))
        yield rect("won", left, low, width, high - low)
        yield rect("before", left + 0.75, y(before) - 2.5, width - 1.5, 5)
        yield rect("after", left, y(after) - 2.5, width, 5)


def legend() -> Iterator[str]:
    x, y = RIGHT, CLARITY_TOP - 18
    # from the right, with room for the widest of the fonts
    for shape, words, width in (
        ("same", "clear, left alone", 140),
        ("after", "in the mix", 100),
        ("before", "as it came", 105),
    ):
        x -= width
        yield rect(shape, x, y + 3, 18, 5)
        yield text(x + 25, y + 10, words, "quiet")


def moves(report: Report, stems: Sequence[str], top: float) -> Iterator[str]:
    """A room for every stem, low bands at its foot; each move in it, the deeper the more opaque."""
    gains = gains_of(report)
    full = {
        "cut": full_db(-gain for *_, bands in gains for gain in bands),
        "raise": full_db(gain for *_, bands in gains for gain in bands),
    }
    yield text(LEFT, top - 10, "What is done, by time and frequency", "strong")
    yield from depth_scale(full, top - 21)
    for index, stem in enumerate(stems):
        y = top + index * (STEM_HEIGHT + STEM_GAP)
        mine = [(start_s, end_s, bands) for name, start_s, end_s, bands in gains if name == stem]
        yield rect("room", LEFT, y, RIGHT - LEFT, STEM_HEIGHT)
        yield text(16, y + STEM_HEIGHT / 2 + 4.5, stem[:6], "strong")
        if not mine:
            yield text((LEFT + RIGHT) / 2, y + STEM_HEIGHT / 2 + 4.5, "untouched", "quiet middle")
            continue
        yield text(LEFT - 8, y + 12, "16k", "quiet end")
        yield text(LEFT - 8, y + STEM_HEIGHT - 3, "60 Hz", "quiet end")
        for start_s, end_s, bands in mine:
            left, width = span(report, {"start_s": start_s, "end_s": end_s})
            for first, count, gain_db in runs(bands):
                name = "cut" if gain_db < 0 else "raise"
                height = STEM_HEIGHT * count / BAND_COUNT
                foot = y + STEM_HEIGHT * (1 - first / BAND_COUNT)
                yield rect(name, left, foot - height, width, height, f' fill-opacity="{abs(gain_db) / full[name]:.2f}"')


def gains_of(report: Report) -> list[tuple[str, float, float, tuple[float, ...]]]:
    """(stem, start, end, 36 gains in dB) of every stem, piece by piece, all its moves together; of cuts the mid's."""
    action_of = TypeAdapter(Action).validate_json
    of_stem: dict[str, list[tuple[float, float, tuple[float, ...]]]] = defaultdict(list)
    for move in report["moves"]:
        gains_db = moves_gains_of(action_of(json.dumps(move["action"])))[:BAND_COUNT]
        of_stem[move["stem"]].append((move["start_s"], move["end_s"], gains_db))
    pieces = []
    for stem, own in of_stem.items():
        edges = sorted({edge for first_s, last_s, _ in own for edge in (first_s, last_s)})
        for start_s, end_s in pairwise(edges):
            here = [gains_db for first_s, last_s, gains_db in own if first_s <= start_s and end_s <= last_s]
            if here:
                pieces.append((stem, start_s, end_s, tuple(sum(bands) for bands in zip(*here, strict=True))))
    return pieces


def runs(gains_db: Iterable[float]) -> Iterator[tuple[int, int, float]]:
    """(first band, number of bands, gain) of neighbours that are drawn as one; untouched bands are not drawn."""
    first = 0
    for steps, group in groupby(round(gain / STEP_DB) for gain in gains_db):
        count = len(list(group))
        if steps:
            yield first, count, steps * STEP_DB
        first += count


def full_db(depths_db: Iterable[float]) -> float:
    """What is drawn opaque: the most there is, in whole steps of the scale; 0 where there is nothing."""
    most_db = round(max(depths_db, default=0.0) / STEP_DB) * STEP_DB
    return max(0.0, SCALE_DB * math.ceil(most_db / SCALE_DB))


def depth_scale(full: dict[str, float], y: float) -> Iterator[str]:
    shades = [(name, SCALE_DB * step) for name, most in full.items() for step in range(1, round(most / SCALE_DB) + 1)]
    x = RIGHT - 76 * len(shades)
    for name, depth_db in shades:
        yield rect(name, x, y + 2, 18, 10, f' fill-opacity="{depth_db / full[name]:.2f}"')
        yield text(x + 23, y + 11, f"{'-' if name == 'cut' else '+'}{depth_db:g} dB", "quiet")
        x += 76


def times(report: Report, top: float, bottom: float) -> Iterator[str]:
    """A scale under all that has time."""
    length_s = report["duration_s"]
    step_s = next((step for step in (1, 5, 10, 30, 60, 300, 600) if length_s / step <= 10), 1800)
    for count in range(int(length_s // step_s) + 1):
        at_s = count * step_s
        x = place(report, at_s)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom - 6}" y2="{bottom}"/>'
        yield text(x, bottom + 16, f"{at_s // 60}:{at_s % 60:02d}", "quiet middle")


def pairs(report: Report, top: float) -> Iterator[str]:
    """What every masker hides of every target, before and after."""
    yield text(LEFT, top - 10, "What hides the lines, in importance-weighted masked band-seconds", "strong")
    most = max((pair["size_before"] for pair in report["pairs"]), default=1.0)
    room = RIGHT - LEFT - 150
    for index, pair in enumerate(report["pairs"]):
        y = top + 26 * index
        before, after = (room * pair[f"size_{when}"] / most for when in ("before", "after"))
        yield text(16, y + 13.5, f"{pair['masker'][:6]}", "strong")
        yield rect("before", LEFT + 0.75, y + 2, before - 1.5, 14)
        yield rect("after", LEFT, y + 5, after, 8)
        yield text(
            LEFT + max(before, after) + 10, y + 13.5, f"{pair['size_before']:.2f} to {pair['size_after']:.2f}", "quiet"
        )


# ---- marks -----------------------------------------------------------------------------------------------------------


def place(report: Report, at_s: float) -> float:
    return LEFT + (RIGHT - LEFT) * at_s / report["duration_s"]


def span(report: Report, timed: Report) -> tuple[float, float]:
    """Left edge and width of something that lasts; a short one is still seen."""
    left, right = place(report, timed["start_s"]), place(report, timed["end_s"])
    return left, max(right - left, 3.0)


def rect(name: str, x: float, y: float, width: float, height: float, more: str = "") -> str:
    return f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}"{more}/>'


def text(x: float, y: float, words: str, name: str) -> str:
    return f'<text class="{name}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


if __name__ == "__main__":
    print(picture(json.load(sys.stdin)), end="")
