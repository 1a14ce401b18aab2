"""The timeline of a page: every chart over time with its labels beside it, one under another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from xml.etree.ElementTree import Element

import numpy as np

from stemmix.model.exhibit import Exhibit
from stemmix.model.overview import Curve, LoudnessOverview
from stemmix.model.plan import Move, Plan
from stemmix.model.presets import METHOD_NAMES, Level
from stemmix.model.receipt import Course, WrittenFile
from stemmix.report import timeline
from stemmix.report.markup import tag
from stemmix.report.masking import BECAUSE_OF, bands_of, in_words, purpose
from stemmix.report.tables import moment, span
from stemmix.report.timeline import LANES, Scale

TICKS = 6
"""On the axis of the whole programme; more where a browser draws them anew."""


def tracks(exhibit: Exhibit) -> list[Element]:
    """Every track in the order of the page: scenes, targets, stems, loudness."""
    plan, overview = exhibit.evidence.plan, exhibit.overview
    scale = Scale.of(overview)
    said = {move.id: move_in_words(plan, move) for move in plan.moves}
    made = [_axis(plan)]
    if len(plan.scenes) > 1:
        made.append(_scenes(scale, plan))
    for target in overview.targets:
        lines = [line for line in plan.lines if line.target in target.stems]
        name = ", ".join(target.stems)
        chart = timeline.clarity_chart(scale, plan, lines, name)
        marks = [(f"{at:g}", timeline.clarity_y(at) / timeline.CLARITY_HEIGHT) for at in (0.0, 0.25, 0.75, 1.0)]
        marks.append((f"goal {plan.clarity_goal:g}", timeline.clarity_y(plan.clarity_goal) / timeline.CLARITY_HEIGHT))
        made.append(_track(f"Clarity of {name}", "of each line, as it came and in the mix", chart, marks))
        before, after = timeline.hidden_in_words(target)
        for when, hidden, label in (
            ("as it came", target.hidden_before, before),
            ("in the mix", target.hidden_after, after),
        ):
            chart = timeline.masking_map(scale, hidden, label)
            hertz = [(_hertz(hz), 1.0 - timeline.from_bottom(hz)) for hz in (125, 500, 2000, 8000)]
            made.append(_track(f"Hidden of {name}", when, chart, hertz, weight=target.weight.tolist()))
    moves = {stem.id: [move for move in plan.moves if move.stem == stem.id] for stem in exhibit.evidence.stems}
    for stem, heard in zip(overview.stems, exhibit.evidence.stems, strict=True):
        made.append(_track(stem.id, f"{heard.role.value}", timeline.waveform(scale, stem, heard)))
        if own := moves[stem.id]:
            kinds = timeline.kinds_of(own)
            lanes = [(LANES[kind], (number + 0.5) / len(kinds)) for number, kind in enumerate(kinds)]
            chart = timeline.move_lanes(scale, stem.id, own, said)
            made.append(_track(f"Moves of {stem.id}", "", chart, lanes, kind="lanes"))
    return [*made, *_loudness(exhibit, scale)]


def move_in_words(plan: Plan, move: Move) -> str:
    """Everything about a move in a few lines."""
    told = [f"{move.stem}: {in_words(move)}", f"{span(move.start, move.end, plan.clock)}"]
    if (bands := bands_of(move)) not in {"-", "all"}:
        told[0] += f", {bands} Hz"
    told.append(f"for {purpose(move)}")
    if move.evidence is not None:
        told.append(
            f"clarity {move.evidence.sii_before:.2f} → {move.evidence.sii_after:.2f}, {move.evidence.bought:.2f} of it "
            "by this move"
        )
    if move.stopped_by is not None:
        told.append(f"no more, because {BECAUSE_OF[move.stopped_by]}")
    return "\n".join(told)


def _track(
    name: str,
    about: str,
    chart: Element,
    marks: Iterable[tuple[str, float]] = (),
    *,
    kind: str = "",
    weight: Sequence[float] = (),
) -> Element:
    """A chart with its name, and marks at their share of its height from the top."""
    height = int(chart.get("height", "0"))
    gutter = tag(
        "div",
        {"class": "gutter"},
        tag("b", None, name),
        tag("span", None, about) if about else None,
        tag("div", {"class": "marks", "aria-hidden": "true"}, *(_mark(*mark) for mark in marks)),
        _weights(weight) if weight else None,
    )
    return tag("div", {"class": f"track {kind}".strip(), "style": f"--height:{height}px"}, gutter, chart)


def _mark(name: str, share: float) -> Element:
    return tag("i", {"style": f"top:{100 * share:.1f}%"}, name)


def _weights(weight: Sequence[float]) -> Element:
    """What each band matters, as a strip along the map's edge; the highest band on top."""
    stops = ", ".join(f"rgb(128 128 128 / {one:.2f})" for one in reversed(weight))
    title = "the stronger the grey, the more the band matters"
    return tag("div", {"class": "weights", "title": title, "style": f"background:linear-gradient({stops})"})


def _hertz(hz: int) -> str:
    return f"{hz / 1000:g}k" if hz >= 1000 else str(hz)


def _axis(plan: Plan) -> Element:
    """Times over the charts, as they are before any script runs, and on paper."""
    ticks = (
        tag("i", {"style": f"left:{100 * n / TICKS:.2f}%"}, moment(plan.frames * n // TICKS, plan.clock))
        for n in range(TICKS)
    )
    return tag(
        "div",
        {"class": "track axis", "aria-hidden": "true"},
        tag("div", {"class": "gutter"}),
        tag("div", {"class": "ticks"}, *ticks),
    )


def _scenes(scale: Scale, plan: Plan) -> Element:
    bars = (
        tag(
            "rect",
            {"class": "scene", "y": 1, "height": 12, **scale.span(scene.start, scene.end)},
            tag("title", None, f"{scene.id}\n{span(scene.start, scene.end, plan.clock)}"),
        )
        for scene in plan.scenes
    )
    return _track("Scenes", "", scale.chart(14, f"{len(plan.scenes)} scenes", *bars))


def _loudness(exhibit: Exhibit, scale: Scale) -> Iterator[Element]:
    """Of every master: as it was measured on what was written, else as it is to be expected."""
    written = {} if exhibit.receipt is None else {file.deliverable: file for file in exhibit.receipt.files}
    for name, aim in exhibit.aims.items():
        file = written.get(name)
        if file is not None and file.course is not None and exhibit.outdated is None:
            yield from _measured(scale, exhibit.overview.sample_rate, name, file, file.course, aim.level)
            continue
        about, label = "expected", f"Loudness of {name} as expected, before any limiter"
        if aim.gain_db is None and aim.level is not None:
            method = METHOD_NAMES[aim.level.method]
            about = f"at gain 0: its {method} is not known yet"
            label = f"Loudness of {name} {about}"
        expected = _at_gain(exhibit.overview.mixed, aim.gain_db or 0.0)
        yield _loudness_track(scale, name, about, expected, aim.level, label, 1.0)


def _measured(
    scale: Scale, rate_hz: int, name: str, file: WrittenFile, course: Course, level: Level | None
) -> Iterator[Element]:
    cell = course.step_s * rate_hz / scale.cell_samples
    short_term = _floats(course.short_term_lufs)
    heard = LoudnessOverview(
        momentary=Curve(_floats(course.momentary_lowest_lufs), _floats(course.momentary_highest_lufs)),
        short_term=Curve(short_term, short_term),
        integrated_lufs=file.measured.integrated_lufs,
        gate_lufs=course.gate_lufs,
    )
    integrated = file.measured.integrated_lufs
    told = "silent" if integrated is None else f"{integrated:.1f} LUFS integrated"
    yield _loudness_track(scale, name, "measured", heard, level, f"Loudness of {name} over time, {told}", cell)
    if course.reduction_db:
        deepest = max(course.reduction_db)
        label = f"Gain reduction of {name} by its limiter, {deepest:.1f} dB at most"
        chart = timeline.reduction_chart(scale, course.reduction_db, label, cell)
        range_db = timeline.reduction_range_db(course.reduction_db)
        marks = [(f"-{share * range_db:.0f} dB", share) for share in (0.5, 1.0)]
        yield _track("Limiter", "gain reduction", chart, marks)


def _floats(values: Sequence[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _at_gain(loudness: LoudnessOverview, gain_db: float) -> LoudnessOverview:
    momentary, short_term = (
        Curve(curve.lowest + gain_db, curve.highest + gain_db) for curve in (loudness.momentary, loudness.short_term)
    )
    integrated_lufs, gate_lufs = (
        None if lufs is None else lufs + gain_db for lufs in (loudness.integrated_lufs, loudness.gate_lufs)
    )
    return LoudnessOverview(momentary, short_term, integrated_lufs, gate_lufs)


def _aimed(level: Level | None) -> tuple[list[tuple[str, float]], str]:
    """The line of a target, and what is told of it: that of programme loudness, which the chart shows, needs no words;
    what is not told in LUFS has no place there."""
    if level is None or level.target is None or level.method not in ("programme", "dialogue"):
        return [], ""
    return [("target", level.target)], "; dashed: dialogue target" if level.method == "dialogue" else ""


def _loudness_track(
    scale: Scale,
    name: str,
    about: str,
    heard: LoudnessOverview,
    level: Level | None,
    label: str,
    cell: float,
) -> Element:
    target, named = _aimed(level)
    told = (("gate", heard.gate_lufs), ("integrated", heard.integrated_lufs))
    # a master that is on its target has both lines in one place: the dashes lie over the line, which shows between them
    drawn = [*((name, lufs) for name, lufs in told if lufs is not None), *target]
    chart = timeline.loudness_chart(scale, heard.momentary, heard.short_term, drawn, f"{label}{named}", cell)
    marks = [
        (f"{at:g}", timeline.loudness_y(at) / timeline.LOUDNESS_HEIGHT) for at in (-10.0, -20.0, -30.0, -40.0, -50.0)
    ]
    return _track(f"Loudness, {name}", f"{about}; LUFS{named}", chart, marks)
