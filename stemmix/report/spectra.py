"""What a stem is made of: its bands, as it came and in the mix. Charts that are not stretched, with words in them."""

from __future__ import annotations

from math import ceil
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, CLASSIC_EDGES_HZ
from stemmix.model.evidence import HeardFacts
from stemmix.model.exhibit import Exhibit
from stemmix.model.overview import StemOverview
from stemmix.report.markup import tag
from stemmix.report.masking import active_share, onsets_in, part_of
from stemmix.report.tables import change, clock, many, moment, reading
from stemmix.report.timeline import BOTH, MARKED_HZ, from_bottom, legend

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 360, 150
LEFT, RIGHT, TOP, BOTTOM = 34, 354, 8, 128
RANGE_DB = 70.0


def stems(exhibit: Exhibit) -> list[Element]:
    """Every stem with its facts and both its charts."""
    about = (
        "Left, the mean spectrum in 36 ERB bands while lines are spoken, as it came and in the mix; right, RMS of the "
        "whole stem in the seven classic bands. In dBFS, after the fader; loudness, LRA and peak are before it. "
        "Stems of more than two channels are folded to stereo."
    )
    spectra = [(stem.spectrum_before_db, stem.spectrum_after_db) for stem in exhibit.overview.stems]
    # all on one scale, or the softest would look as loud as any
    tops_db = [
        10.0 * ceil(max(-60.0, *(float(np.max(levels)) for levels in loudest)) / 10.0)
        for loudest in (spectra, [_classic_db(heard) for heard in exhibit.evidence.stems])
    ]
    figures = (
        tag(
            "figure",
            {"class": "stem"},
            tag(
                "figcaption",
                None,
                tag("h3", None, heard.id),
                *(tag("p", None, fact) for fact in _facts(exhibit, heard)),
            ),
            spectrum_chart(stem, tops_db[0]),
            classic_chart(heard, tops_db[1]),
        )
        for heard, stem in zip(exhibit.evidence.stems, exhibit.overview.stems, strict=True)
    )
    return [tag("p", {"class": "quiet"}, about), legend(BOTH), *figures]


def _facts(exhibit: Exhibit, heard: HeardFacts) -> list[str]:
    facts, measured, evidence = heard.facts, heard.facts.measured, exhibit.evidence
    onsets = many(onsets_in(evidence, heard), "onset")
    loudness = f"{reading(measured.integrated_lufs)} LUFS, LRA {reading(measured.lra_lu)} LU"
    return [
        f"{heard.role.value}, priority {heard.priority}",
        f"{heard.file}, {facts.source_layout} at {facts.source_rate / 1000:g} kHz",
        f"{clock(facts.frames, facts.sample_rate)} from {moment(heard.at, evidence.plan.clock)}",
        f"fader {change(heard.gain_db)} dB",
        f"{loudness}, {reading(measured.true_peak_dbtp)} dBTP",
        f"active {active_share(evidence, heard):.0%} of {part_of(evidence)}, {onsets}",
    ]


def spectrum_chart(stem: StemOverview, top_db: float) -> Element:
    """Mean level of the 36 ERB bands, as the stem came and in the mix, from `top_db` down."""
    if max(stem.spectrum_before_db.max(), stem.spectrum_after_db.max()) <= top_db - RANGE_DB:
        return tag("p", {"class": "quiet"}, f"nothing over {top_db - RANGE_DB:.0f} dBFS")
    fall_db = stem.spectrum_before_db - stem.spectrum_after_db
    most = int(np.argmax(np.abs(fall_db)))
    done = f"the mix {'takes' if fall_db[most] >= 0 else 'gives'} {abs(fall_db[most]):.1f} dB at most"
    label = f"Spectrum of {stem.id} in 36 ERB bands; {done}"
    return _chart(
        label,
        *_grid(top_db),
        *(
            tag("text", {"x": _x(hz), "y": HEIGHT - 6, "class": "middle"}, f"{hz / 1000:g}k" if hz >= 1000 else str(hz))
            for hz in MARKED_HZ
        ),
        tag("path", {"class": "before", "d": spectrum_path(stem.spectrum_before_db, top_db)}),
        tag("path", {"class": "after", "d": spectrum_path(stem.spectrum_after_db, top_db)}),
    )


def spectrum_path(levels_db: Floats, top_db: float) -> str:
    """(36,) levels as a line through the bands' centres; what lies lower than the chart does is on its lower edge."""
    step = (RIGHT - LEFT) / BAND_COUNT
    points = [
        f"{LEFT + (band + 0.5) * step:.1f} {_y(level_db, top_db):.1f}"
        for band, level_db in enumerate(levels_db.tolist())
    ]
    return "M" + "L".join(points)


def _classic_db(stem: HeardFacts) -> list[float]:
    """(7,) behind its fader."""
    return [level + stem.gain_db for level in stem.facts.classic_rms_db]


def classic_chart(stem: HeardFacts, top_db: float) -> Element:
    """RMS of the seven bands of frequency-based mixing over the whole stem, in dBFS, behind its fader, from `top_db`
    down."""
    levels_db = _classic_db(stem)
    if max(levels_db) <= top_db - RANGE_DB:
        return tag("p", {"class": "quiet"}, f"nothing over {top_db - RANGE_DB:.0f} dBFS")
    step = (RIGHT - LEFT) / len(levels_db)
    bars = []
    for number, level in enumerate(levels_db):
        low, high = CLASSIC_EDGES_HZ[number : number + 2]
        x, y = LEFT + number * step, _y(level, top_db)
        bar = {"class": "bar", "x": f"{x + 3:.1f}", "y": f"{y:.1f}", "width": f"{step - 6:.1f}"}
        bars += [
            tag(
                "rect", {**bar, "height": f"{BOTTOM - y:.1f}"}, tag("title", None, f"{low}-{high} Hz: {level:.1f} dBFS")
            ),
            tag("text", {"x": f"{x + step / 2:.1f}", "y": HEIGHT - 6, "class": "middle"}, _edges(low, high)),
        ]
    told = ", ".join(f"{level:.0f}" for level in levels_db)
    return _chart(f"RMS of {stem.id} in the seven classic bands, in dBFS: {told}", *_grid(top_db), *bars)


def _edges(low: int, high: int) -> str:
    if high < 1000:
        return f"{low}-{high}"
    return f"{low / 1000:g}-{high / 1000:g}k" if low >= 1000 else f"{low}-{high / 1000:g}k"


def _chart(label: str, *parts: Element) -> Element:
    given = {"class": "spectrum", "viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-label": label}
    return tag("svg", given, *parts)


def _grid(top_db: float) -> list[Element]:
    parts = []
    for under in range(0, int(RANGE_DB) + 1, 20):
        y = _y(top_db - under, top_db)
        parts += [
            tag("path", {"class": "grid", "d": f"M{LEFT} {y:.1f}H{RIGHT}"}),
            tag("text", {"x": LEFT - 5, "y": f"{y + 4:.1f}", "class": "end"}, f"{top_db - under:.0f}"),
        ]
    return parts


def _x(hz: float) -> str:
    return f"{LEFT + (RIGHT - LEFT) * from_bottom(hz):.1f}"


def _y(level_db: float, top_db: float) -> float:
    return TOP + (BOTTOM - TOP) * min(max((top_db - level_db) / RANGE_DB, 0.0), 1.0)
