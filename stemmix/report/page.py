"""The report as one page that holds all it needs: opened from a disk, offline, printed, read aloud.

Charts are SVG and tables are tables before any script runs; `page.js` adds the view that is moved and widened, what is
told under the pointer, and the ways from a table to its place.
"""

from __future__ import annotations

import json
from importlib.resources import files
from xml.etree.ElementTree import Element

from stemmix.model.evidence import Evidence, worst_first
from stemmix.model.exhibit import Exhibit
from stemmix.model.plan import Plan
from stemmix.model.timecode import FRAME_RATES, Clock, is_drop_frame
from stemmix.report import decisions, delivered
from stemmix.report.grids import VERDICTS
from stemmix.report.heard import excerpts
from stemmix.report.markup import Child, tag, written
from stemmix.report.masking import below_goal, judged_lines, looked_at, spoken_and_other
from stemmix.report.spectra import stems
from stemmix.report.tables import change, clock, many, note, reading, span
from stemmix.report.timeline import BOTH, legend
from stemmix.report.tracks import tracks


def page_html(exhibit: Exhibit) -> str:
    """The whole page."""
    plan = exhibit.evidence.plan
    assets = files("stemmix.report")
    sections = [
        _section("timeline", "Timeline", *_timeline(exhibit)),
        _section("masking", "Who masks whom", *decisions.matrix(exhibit.evidence)),
        _section("conflicts", "Conflicts", *decisions.conflicts(plan)),
        *([_section("listen", "Listen", *excerpts(plan, exhibit.excerpts))] if exhibit.excerpts else []),
        _section("moves", "Moves", *decisions.moves(plan)),
        _section("lines", "Lines", *decisions.lines(plan)),
        _section("stems", "Stems", *stems(exhibit)),
        _section("delivery", "Delivery", *delivered.delivery(exhibit)),
    ]
    if exhibit.receipt is not None:
        sections.append(_section("receipt", "Receipt", *delivered.receipt(exhibit.receipt)))
    links = [tag("a", {"href": f"#{one.get('id')}"}, one[0].text) for one in sections]
    body = tag(
        "body",
        None,
        tag("a", {"class": "skip", "href": "#timeline"}, "Skip to the timeline"),
        tag(
            "header",
            None,
            tag("h1", None, plan.title),
            tag("p", {"class": "facts"}, _facts(exhibit)),
            _narrowed(exhibit.evidence),
            _figures(exhibit),
            *_said(exhibit),
            tag("nav", {"aria-label": "Sections"}, *links),
        ),
        tag("main", None, *sections),
        tag("div", {"id": "tip", "role": "status", "hidden": True}),
        tag("script", {"type": "application/json", "id": "reel"}, _data(exhibit)),
        tag("script", None, assets.joinpath("page.js").read_text("utf-8")),
    )
    head = tag(
        "head",
        None,
        tag("meta", {"charset": "utf-8"}),
        tag("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        tag("meta", {"name": "color-scheme", "content": "light dark"}),
        tag("title", None, f"{plan.title} · stemmix report"),
        tag("link", {"rel": "icon", "href": "data:,"}),
        tag("style", None, assets.joinpath("page.css").read_text("utf-8")),
    )
    return "<!doctype html>\n" + written(tag("html", {"lang": "en"}, head, body)) + "\n"


def _section(name: str, title: str, *children: Child) -> Element:
    return tag(
        "section",
        {"id": name, "aria-labelledby": f"{name}-title"},
        tag("h2", {"id": f"{name}-title"}, title),
        *children,
    )


# ------------------------------------------------------------------------------------------------------------ heading


def _facts(exhibit: Exhibit) -> str:
    plan = exhibit.evidence.plan
    told = [
        clock(plan.frames, plan.sample_rate),
        f"profile {plan.profile}",
        f"method {plan.method}",
        f"{plan.sample_rate / 1000:g} kHz",
        many(len(exhibit.evidence.stems), "stem"),
        many(len(plan.scenes), "scene"),
        many(len(plan.lines), "line"),
        many(len(plan.moves), "move"),
    ]
    if plan.frame_rate is not None:
        told.insert(1, f"{plan.frame_rate} fps from {plan.clock.told_start}")
    return " · ".join(told)


def _narrowed(evidence: Evidence) -> Element | None:
    """What of the programme this is, if not all of it."""
    chosen, plan = evidence.chosen, evidence.plan
    if chosen is None:
        return None
    said = [] if chosen.scene is None else [f"scene {chosen.scene}"]
    said += [] if chosen.is_whole(plan) else [span(chosen.start, chosen.end, plan.clock)]
    whole = "Waveforms, maps and loudness are of all of it."
    if chosen.stem is None:
        text = f"Of {', '.join(said)} only: figures, tables, lines and moves. {whole}"
    else:
        there = " there" if said else ""
        said.append(f"what concerns stem {chosen.stem}")
        text = f"Of {', '.join(said)} only: tables, lines and moves. Figures are of all stems{there}. {whole}"
    return tag("p", {"class": "warn narrowed"}, text) if said else None


def _of_others(plan: Plan) -> list[tuple[str, str, str]]:
    """Of lines of what is no speech, if there are any."""
    _, others = spoken_and_other(plan)
    if not others:
        return []
    came, left = below_goal(plan, others)
    return [(f"other lines under clarity {plan.clarity_goal:g}", f"{came} → {left}", f"of {len(others)}")]


def _figures(exhibit: Exhibit) -> Element:
    """What a person wants to know first."""
    plan, outcome = exhibit.evidence.plan, exhibit.evidence.plan.outcome
    figures: list[tuple[str, str, str]] = []
    if outcome is not None:
        unclear = f"{outcome.lines_unclear_before} → {outcome.lines_unclear_after}"
        clarity = f"{outcome.clarity_before:.2f} → {outcome.clarity_after:.2f}"
        sones = f"{outcome.bed_sones_lost:.0%} of its loudness in sones"
        figures += [
            (f"{judged_lines(plan, outcome)} under clarity {plan.clarity_goal:g}", unclear, f"of {outcome.lines}"),
            *_of_others(plan),
            ("mean clarity", clarity, "0 nothing, 1 all is heard"),
            ("the bed, while lines are spoken", f"{change(-outcome.bed_loss_db)} dB", sones),
            ("the bed elsewhere", f"{change(-outcome.outside_db)} dB", "more than 0.9 s from any line"),
        ]
    if exhibit.receipt is not None and exhibit.outdated is None:
        for file in delivered.masters(exhibit.receipt):
            measured, verdict = file.measured, delivered.verdict_of(file)
            about = f"{reading(measured.true_peak_dbtp)} dBTP · {VERDICTS[verdict][1]}"
            # what it is judged by: the programme's loudness beside a target of dialogue would look like a miss
            level = exhibit.aims[file.deliverable].level if file.deliverable in exhibit.aims else None
            if level is not None and level.method == "dialogue":
                figures.append((file.deliverable, f"{reading(measured.dialogue_lufs)} LUFS", f"of dialogue · {about}"))
            else:
                figures.append((file.deliverable, f"{reading(measured.integrated_lufs)} LUFS", about))
    cards = [
        tag("div", None, tag("dt", None, name), tag("dd", None, figure, tag("small", None, about)))
        for name, figure, about in figures
    ]
    return tag("dl", {"class": "figures"}, *cards)


def _said(exhibit: Exhibit) -> list[Element]:
    """Notes and warnings."""
    said = [note(text) for text in exhibit.evidence.plan.notes]
    said += [f"warning: {warning}" for stem in exhibit.evidence.stems for warning in stem.warnings]
    if exhibit.outdated is not None and exhibit.receipt is not None:
        said.append(f"note: the last render is of another mix: {exhibit.outdated}")
    if not said:
        return []
    return [tag("ul", {"class": "notes"}, *(tag("li", None, text) for text in said))]


# ----------------------------------------------------------------------------------------------------------- timeline


def _timeline(exhibit: Exhibit) -> list[Element]:
    buttons = (
        ("in", "+", "Zoom in (+)"),
        ("out", "−", "Zoom out (-)"),
        ("left", "◀", "Earlier (left arrow)"),
        ("right", "▶", "Later (right arrow)"),
        ("all", "Whole", "The whole programme (0)"),
        ("previous", "‹ conflict", "To the previous conflict (p)"),
        ("next", "conflict ›", "To the next conflict (n)"),
    )
    bar = tag(
        "div",
        {"class": "bar script", "role": "toolbar", "aria-label": "View of the timeline", "aria-controls": "tracks"},
        *(
            tag("button", {"type": "button", "data-view": what, "title": title, "aria-label": title}, name)
            for what, name, title in buttons
        ),
        tag("output", {"id": "readout"}, "Point at a chart, or drag over it to zoom in."),
    )
    marks = {
        **BOTH,
        "lost": "a line still under its goal",
        "speech": "speech",
        "onset": "onset",
        "momentary": "momentary, lowest to highest",
        "short-term": "short-term",
        "integrated": "integrated",
        "target": "target",
        "gate": "relative gate; the absolute one is at -70 LUFS",
    }
    label = "Charts over time; arrow keys move, plus and minus zoom"
    shown = tag(
        "div",
        {"id": "tracks", "tabindex": 0, "role": "group", "aria-label": label},
        *tracks(exhibit),
        tag("div", {"id": "cursor", "hidden": True}),
    )
    cell_s = exhibit.overview.cell_samples / exhibit.overview.sample_rate
    about = (
        "The stronger the colour of a map, the more of a band is hidden: nothing at 15 dB above its maskers, all at "
        "15 dB below them, each band counting as much as it matters, which the grey strip beside the map shows. A cell "
        f"is {cell_s:.2g} s long and has the mean of what lies in lines. Waveforms, folded to stereo, show the highest "
        "and the lowest sample of each cell, and reach from -60 dBFS to full scale. Moves are the more opaque the "
        "deeper they are, fully so at 12 dB, and framed where a pin holds them."
    )
    return [bar, legend(marks), shown, tag("p", {"class": "quiet"}, about)]


# ------------------------------------------------------------------------------------------------------ for the script


def _data(exhibit: Exhibit) -> str:
    """What the script has to know that no chart holds."""
    plan, overview = exhibit.evidence.plan, exhibit.overview
    lines = sorted(plan.lines, key=lambda line: (line.start, line.end, line.id))
    places = [conflict for conflict in worst_first(plan.conflicts) if conflict.line is not None]
    told = {
        "frames": plan.frames,
        "rate": plan.sample_rate,
        "cell": overview.cell_samples,
        "view": looked_at(exhibit.evidence),
        "clock": clock_of(plan.clock),
        "lines": [[line.start, line.end, line.id, line.clarity_before, line.clarity_after] for line in lines],
        "conflicts": sorted((one.start, one.end, one.id) for one in places[: decisions.MOST_CONFLICTS]),
    }
    # a script element ends where it says so, whatever it holds
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("</", "<\\/")


def clock_of(programme: Clock) -> dict[str, object] | None:
    """How the picture counts; None where it does not."""
    if programme.frame_rate is None:
        return None
    rate = FRAME_RATES[programme.frame_rate]
    return {
        "frames": rate.numerator,
        "seconds": rate.denominator,
        "drop": is_drop_frame(programme.frame_rate),
        "start": programme.start_samples,
    }
