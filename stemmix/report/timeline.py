"""Charts over time, all on one scale: a unit across is a cell, so that one view of them all is moved and widened.

They are stretched to the page's width, so no words stand in them: labels stand beside, in HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, HIGHEST_HZ, LOWEST_HZ, erb_number
from stemmix.model.evidence import HeardFacts
from stemmix.model.moves import gains_of
from stemmix.model.overview import Curve, Overview, StemOverview, TargetOverview
from stemmix.model.plan import Line, Move, Plan
from stemmix.model.profiles import SPEECH
from stemmix.report.markup import tag
from stemmix.report.masking import below_goal
from stemmix.report.raster import data_url, steps_of
from stemmix.report.tables import many

Floats = NDArray[np.float64]
Ordinate = Callable[[float], float]
"""From a value to pixels from the top."""

WAVE_HALF = 28
"""Pixels from nothing to full scale."""
WAVE_RANGE_DB = 60.0
"""Below full scale nothing is drawn."""
LANE = 12
MAP_HEIGHT = 84
CLARITY_HEIGHT = 110
LOUDNESS_HEIGHT = 120
REDUCTION_HEIGHT = 44
COARSE_COLUMNS = 1200
"""Of a map that is seen whole: browsers leave out columns of a picture that is wider than its place."""

LOUDEST_LUFS, QUIETEST_LUFS = -5.0, -55.0
DEEPEST_DB = 12.0
"""A cut as deep is drawn at full strength; a reduction as deep fills its chart, where none is deeper."""

HIDDEN_RGB = (213, 94, 0)
"""Vermillion of Okabe and Ito's set: both maps in one colour, so that they are compared at a glance."""

MARKED_HZ = (100, 250, 500, 1000, 2000, 4000, 8000)

LANES: dict[str, str] = {
    "level": "fader",
    "static": "static EQ",
    "scene": "scene EQ",
    "unmask": "EQ",
    "duck": "duck",
    "presence": "presence",
    "ride": "ride",
}
"""Kinds of moves from what stands longest, and what their lanes are called."""


BOTH: dict[str, str] = {"before": "as the stems came", "after": "in the mix"}
"""The two lines of a chart, by their class, and what they are called."""


def legend(marks: Mapping[str, str]) -> Element:
    """What is drawn how, by class."""
    return tag("p", {"class": "legend"}, *(tag("span", {"class": name}, text) for name, text in marks.items()))


@dataclass(frozen=True)
class Scale:
    """Where samples of the programme lie across a chart."""

    cell_samples: int
    cells: float
    """Width of the whole programme."""

    @classmethod
    def of(cls, overview: Overview) -> Scale:
        return cls(overview.cell_samples, round(overview.frames / overview.cell_samples, 2))

    def x(self, sample: int) -> float:
        """Hundredths of a cell."""
        return round(sample / self.cell_samples, 2)

    def span(self, start: int, end: int) -> dict[str, object]:
        """Attributes of what lies between two samples; never so narrow that it is not there."""
        x = self.x(start)
        return {"x": _short(x), "width": _short(max(round(self.x(end) - x, 2), 0.05))}

    def chart(self, height: int, label: str, *parts: Element | None, **attributes: object) -> Element:
        """An SVG of the whole programme."""
        given = {
            "class": "time",
            "viewBox": f"0 0 {_short(self.cells)} {height}",
            "height": height,
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": label,
        }
        return tag("svg", {**given, **attributes}, *parts)


# -------------------------------------------------------------------------------------------------------------- stems


def waveform(scale: Scale, stem: StemOverview, facts: HeardFacts) -> Element:
    """How far a stem's samples swing, where its lines are spoken, and its onsets."""
    height = 2 * WAVE_HALF
    speaks = facts.role in SPEECH
    heard = facts.facts.heard_as(facts.role) if speaks else ()
    spans = [(facts.at + run.start, facts.at + run.end) for run in heard]
    ticks = "".join(f"M{_short(scale.x(facts.at + onset.at))} 0v5" for onset in facts.facts.onsets)
    peak_db = _decibels(np.array([max(stem.above.max(initial=0.0), stem.below.max(initial=0.0))]))[0]
    told = [f"peak {peak_db:.1f} dBFS", many(len(facts.facts.onsets), "onset")]
    told += [f"{many(len(spans), 'stretch', 'stretches')} of speech"] if speaks else []
    label = f"Waveform of {stem.id}, {facts.role.value}: {', '.join(told)}"
    return scale.chart(
        height,
        label,
        *(tag("rect", {"class": "speech", "y": 0, "height": height, **scale.span(*span)}) for span in spans),
        tag("path", {"class": "wave", "d": outline_path(stem.above, stem.below)}),
        tag("path", {"class": "onsets", "d": ticks}) if ticks else None,
    )


def outline_path(above: Floats, below: Floats) -> str:
    """Magnitudes (cells,) above and below zero as a closed path of steps, a cell wide each: above to the right, below
    back to the left; zero lies at `WAVE_HALF`, and what is below -60 dBFS there too."""
    up, down = (np.rint(WAVE_HALF * _share(side)).astype(int) for side in (above, below))
    there = _stairs(-up, 1)
    back = _stairs(down[::-1], -1)
    return f"M0 {WAVE_HALF}{there}V{WAVE_HALF}{back}V{WAVE_HALF}z"


def _stairs(heights: NDArray[np.int_], step: int) -> str:
    """From height 0: to each height, then a step across; runs of one height are one step."""
    parts, here = [], 0
    for height, run in groupby(heights.tolist()):
        across = f"h{step * sum(1 for _ in run)}"
        parts.append(f"v{height - here}{across}" if height != here else across)
        here = height
    return "".join(parts)


def _share(magnitude: Floats) -> Floats:
    """Magnitudes as a share of the height: 1 at full scale, 0 at -60 dBFS."""
    return np.clip(1.0 + _decibels(magnitude) / WAVE_RANGE_DB, 0.0, 1.0)


def _decibels(magnitude: Floats) -> Floats:
    return np.asarray(20.0 * np.log10(np.maximum(magnitude, 1e-10)))


def kinds_of(moves: Iterable[Move]) -> list[str]:
    """Kinds that there are, in the order of `LANES`."""
    found = {move.action.kind for move in moves}
    return [kind for kind in LANES if kind in found]


def move_lanes(scale: Scale, stem: str, moves: Sequence[Move], said: dict[str, str]) -> Element:
    """One stem's moves, a lane for each kind; the deeper, the more opaque. `said` by move: what is told of it."""
    kinds = kinds_of(moves)
    bars = []
    for move in moves:
        deepest_db = max(map(abs, gains_of(move.action)))
        bars.append(
            tag(
                "rect",
                {
                    "class": f"move {move.action.kind}{' pinned' if move.of_pin else ''}",
                    "data-move": move.id,
                    "y": LANE * kinds.index(move.action.kind) + 1,
                    "height": LANE - 2,
                    "opacity": f"{0.3 + 0.7 * min(deepest_db / DEEPEST_DB, 1.0):.2f}",
                    **scale.span(move.start, move.end),
                },
                tag("title", None, said[move.id]),
            )
        )
    label = f"Moves of {stem}: " + ", ".join(
        f"{sum(move.action.kind == kind for move in moves)} {LANES[kind]}" for kind in kinds
    )
    return scale.chart(LANE * len(kinds), label, *bars)


# ------------------------------------------------------------------------------------------------------------ masking


def masking_map(scale: Scale, hidden: NDArray[np.float32], label: str) -> Element:
    """What is hidden, (cells, 36), by time and band, the highest band on top; seen whole it has the mean of what
    falls into a column."""
    fine = data_url(steps_of(hidden.T[::-1]), HIDDEN_RGB)
    coarse = fine
    if len(hidden) > COARSE_COLUMNS:
        together = ceil(len(hidden) / COARSE_COLUMNS)
        begins = np.arange(0, len(hidden), together)
        counts = np.add.reduceat(np.isfinite(hidden).astype(np.float64), begins, axis=0)
        columns = np.add.reduceat(np.nan_to_num(hidden), begins, axis=0) / np.maximum(counts, 1.0)
        whole = len(columns) * together
        coarse = data_url(steps_of(columns.T[::-1]), HIDDEN_RGB)
    else:
        whole = len(hidden)
    picture = {"class": "map", "y": 0, "height": BAND_COUNT, "preserveAspectRatio": "none"}
    parts = [tag("image", {**picture, "data-detail": "coarse", "x": 0, "width": whole, "href": coarse})]
    if coarse is not fine:
        shown = {"data-detail": "fine", "x": 0, "width": len(hidden), "display": "none"}
        parts.append(tag("image", {**picture, **shown, "data-href": fine}))
    return scale.chart(MAP_HEIGHT, label, *parts, viewBox=f"0 0 {_short(scale.cells)} {BAND_COUNT}")


def hidden_in_words(target: TargetOverview) -> tuple[str, str]:
    """How much of the target is hidden on the mean over the cells in which it speaks, for those who see no map."""
    name = ", ".join(target.stems)
    said = []
    for when, hidden in (("as the stems came", target.hidden_before), ("in the mix", target.hidden_after)):
        share = float(hidden[np.isfinite(hidden[:, 0])].sum(axis=1).mean()) / max(target.weight.sum(), 1e-9)
        said.append(f"What is hidden of {name} by time and frequency, {when}: {share:.0%} of what matters")
    return said[0], said[1]


def from_bottom(hz: float) -> float:
    """Where a frequency lies in a map, from 0 at its lower edge to 1."""
    lowest, highest = erb_number(LOWEST_HZ), erb_number(HIGHEST_HZ)
    return (erb_number(hz) - lowest) / (highest - lowest)


# ------------------------------------------------------------------------------------------------------------ clarity


def clarity_chart(scale: Scale, plan: Plan, lines: Sequence[Line], name: str) -> Element:
    """Every line's clarity as it came and in the mix, against the goal."""
    wide = _short(scale.cells)
    quarters = "".join(f"M0 {clarity_y(at)}H{wide}" for at in (0.25, 0.75))
    parts = [
        tag("path", {"class": "grid", "d": quarters}),
        tag("path", {"class": "goal", "d": f"M0 {clarity_y(plan.clarity_goal)}H{wide}"}),
    ]
    for line in lines:
        before, after = clarity_y(line.clarity_before), clarity_y(line.clarity_after)
        span = scale.span(line.start, line.end)
        ends = f"h{span['width']}"
        told = (
            f"{line.id}: clarity {line.clarity_before:.2f} as it came, {line.clarity_after:.2f} in the mix; stopped by "
            f"{line.stopped_by}"
        )
        lost = line.clarity_after < plan.clarity_goal
        parts.append(
            tag(
                "g",
                {"class": "line lost" if lost else "line", "data-line": line.id},
                tag("title", None, told),
                tag("rect", {"class": "won", **span, "y": min(before, after), "height": abs(before - after)}),
                tag("path", {"class": "before", "d": f"M{span['x']} {before}{ends}"}),
                tag("path", {"class": "after", "d": f"M{span['x']} {after}{ends}"}),
            )
        )
    unclear = below_goal(plan, lines)
    label = (
        f"Clarity of {len(lines)} lines of {name}: {unclear[0]} below the goal of {plan.clarity_goal:g} as the stems "
        f"came, {unclear[1]} in the mix"
    )
    return scale.chart(CLARITY_HEIGHT, label, *parts)


def clarity_y(clarity: float) -> float:
    """0 at the bottom, 1 on top."""
    return round((CLARITY_HEIGHT - 2) * (1.0 - clarity) + 1, 1)


# ----------------------------------------------------------------------------------------------------------- loudness


def loudness_chart(
    scale: Scale,
    momentary: Curve,
    short_term: Curve,
    levels: Sequence[tuple[str, float]],
    label: str,
    cell: float = 1.0,
) -> Element:
    """Momentary and short-term loudness, and `levels` that stand all along: a class and LUFS each. Their cells are
    `cell` cells of the scale wide."""
    wide = _short(scale.cells)
    stretched = {"transform": f"scale({cell:.6g} 1)"} if cell != 1.0 else {}
    marks = range(int(QUIETEST_LUFS) + 5, int(LOUDEST_LUFS), 10)
    return scale.chart(
        LOUDNESS_HEIGHT,
        label,
        tag("path", {"class": "grid", "d": "".join(f"M0 {loudness_y(at)}H{wide}" for at in marks)}),
        tag(
            "g",
            stretched,
            tag("path", {"class": "momentary", "d": band_path(momentary, loudness_y)}),
            tag("path", {"class": "short-term", "d": line_path(short_term.highest, loudness_y)}),
        ),
        *(tag("path", {"class": name, "d": f"M0 {loudness_y(lufs)}H{wide}"}) for name, lufs in levels),
    )


def loudness_y(lufs: float) -> float:
    """Pixels from the top; what is over or under the chart lies on its edge."""
    share = (LOUDEST_LUFS - lufs) / (LOUDEST_LUFS - QUIETEST_LUFS)
    return round(LOUDNESS_HEIGHT * min(max(share, 0.0), 1.0), 1)


def reduction_range_db(reduction_db: Sequence[float]) -> float:
    """What fills the chart of a reduction: `DEEPEST_DB`, doubled until none is deeper."""
    range_db = DEEPEST_DB
    while range_db < max(reduction_db):
        range_db *= 2.0
    return range_db


def reduction_chart(scale: Scale, reduction_db: Sequence[float], label: str, cell: float) -> Element:
    """How far a limiter took the gain down, from the top; positive dB, a value a cell, `cell` of the scale's wide."""
    range_db = reduction_range_db(reduction_db)
    deepest = np.array([one / range_db * REDUCTION_HEIGHT for one in reduction_db])
    steps = _stairs(np.ceil(deepest - 1e-9).astype(int), 1)
    path = tag("path", {"class": "reduction", "d": f"M0 0{steps}V0z", "transform": f"scale({cell:.6g} 1)"})
    return scale.chart(REDUCTION_HEIGHT, label, path)


# -------------------------------------------------------------------------------------------------------------- paths


def band_path(curve: Curve, y: Ordinate) -> str:
    """The range of a curve as closed stairs, one for each run of cells that have a value."""
    parts = []
    for start, end in _runs(np.isfinite(curve.lowest)):
        tops = [y(value) for value in curve.highest[start:end].tolist()]
        bottoms = [y(value) for value in curve.lowest[start:end].tolist()]
        there = "".join(f"V{_short(top)}h1" for top in tops)
        back = "".join(f"V{_short(bottom)}h-1" for bottom in reversed(bottoms))
        parts.append(f"M{start} {_short(bottoms[0])}{there}{back}z")
    return "".join(parts)


def line_path(values: Floats, y: Ordinate) -> str:
    """Values (cells,) as a line through the middles of their cells; broken where there is none."""
    parts = []
    for start, end in _runs(np.isfinite(values)):
        ys = [_short(y(value)) for value in values[start:end].tolist()]
        parts.append(f"M{start + 0.5} {ys[0]}" + "".join(f"L{start + n + 0.5} {at}" for n, at in enumerate(ys[1:], 1)))
    return "".join(parts)


def _runs(there: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of True: from where to before where."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], there, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _short(number: float) -> str:
    return f"{number:g}" if abs(number) < 1e5 else f"{number:.8g}"
