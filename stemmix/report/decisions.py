"""What a page tells of the plan: who masks whom, conflicts with what is done about them, moves, lines."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from stemmix.model.evidence import Evidence, moves_for, worst_first
from stemmix.model.plan import Conflict, Line, Plan
from stemmix.report.grids import grid, jump, kept_whole, long_grid, row
from stemmix.report.markup import tag
from stemmix.report.masking import (
    BAND_SECONDS,
    bands_of,
    done_about,
    in_time,
    in_words,
    is_seen,
    purpose,
    targets_of,
)

MOST_CONFLICTS = 400
"""The largest; all of them are in `--csv` and `--json`."""


def matrix(evidence: Evidence) -> list[Element]:
    """Who masks whom: a row for each stem that is hidden, those that are cleared first, by a column for each other."""
    plan, first = evidence.plan, targets_of(evidence)
    stems = [stem.id for stem in evidence.stems]
    edges = {(edge.target, edge.masker): edge for edge in plan.edges}
    if not edges:
        return [tag("p", {"class": "quiet"}, "A single stem is masked by nothing.")]
    most = max(edge.size_before for edge in edges.values()) or 1.0

    def cell(target: str, masker: str) -> Element:
        edge = edges.get((target, masker))
        if edge is None:
            return tag("td", {"class": "none", "aria-label": "itself" if target == masker else "not looked at"})
        told = f"{edge.size_before:.2f} → {edge.size_after:.2f}" if is_seen(edge) else "-"
        return tag("td", {"class": "number heat", "style": f"--share:{edge.size_before / most:.3f}"}, told)

    rows = [
        tag(
            "tr",
            {"class": None if target in first else "minor"},
            tag("th", {"scope": "row"}, target),
            *(cell(target, masker) for masker in stems),
        )
        for target in sorted(stems, key=lambda stem: stem not in first)
    ]
    about = f"As it came → in the mix, {BAND_SECONDS}. Stems that are cleared come first."
    table = grid("masking-title", ("hidden ↓  by →", *(f">{stem}" for stem in stems)), rows, **{"class": "matrix"})
    return [tag("p", {"class": "quiet"}, about), table]


def conflicts(plan: Plan) -> list[Element]:
    """The largest conflicts, what is done about each and what that buys."""
    bearing, spoken = moves_for(plan), {line.id: line for line in plan.lines}
    found = worst_first(plan.conflicts)
    who = [f"{conflict.masker} hides {conflict.target}" for conflict in found[:MOST_CONFLICTS]]
    name = kept_whole("conflict", who)
    heads = (">time", name, ">bands (Hz)", ">weight", ">SNR (dB)", ">size", "what is done", "what it buys")
    rows = []
    for conflict, hiding in zip(found, who, strict=False):
        made, line = bearing[conflict.id], spoken.get(conflict.line or "")
        cells = (
            jump(plan, conflict),
            hiding,
            f"{conflict.low_hz:.0f}-{conflict.high_hz:.0f}",
            f"{conflict.importance:.0%}",
            f"{conflict.snr_db:.1f}",
            f"{conflict.size_before:.3f} → {conflict.size_after:.3f}",
            done_about(conflict, made, line),
            _bought(conflict, line) if made else "-",
        )
        rows.append(row(heads, cells, id=f"c-{conflict.id}"))
    about = f"The largest first. Size {BAND_SECONDS}; weight: how much of what matters of the target lies in the bands."
    if len(found) > MOST_CONFLICTS:
        about += f" The largest {MOST_CONFLICTS} of {len(found)}; all of them: stemmix report --csv."
    return long_grid("conflicts", about, heads, rows, "No stem hides another.")


def _bought(conflict: Conflict, line: Line | None) -> str:
    fell = 1.0 - conflict.size_after / conflict.size_before if conflict.size_before else 0.0
    told = f"{abs(fell):.0%} {'less' if fell >= 0 else 'more'} hidden"
    return told if line is None else f"{told}, clarity {line.clarity_before:.2f} → {line.clarity_after:.2f}"


def moves(plan: Plan) -> list[Element]:
    """Every move in order of time, with what caused it."""
    stem, made_for = kept_whole("stem", [move.stem for move in plan.moves]), kept_whole("for", map(purpose, plan.moves))
    heads = (
        ">time", stem, "what", ">bands (Hz)", made_for, "because of (Hz)", ">clarity", ">bought", "=stopped by"
    )  # fmt: skip
    known = {conflict.id: conflict for conflict in plan.conflicts}
    rows = []
    for move in in_time(plan.moves):
        facts = move.evidence
        causes = [known[name] for name in move.because if name in known]
        cells = (
            jump(plan, move),
            move.stem,
            in_words(move),
            bands_of(move),
            purpose(move),
            "; ".join(dict.fromkeys(f"{one.masker} {one.low_hz:.0f}-{one.high_hz:.0f}" for one in causes)) or "-",
            f"{facts.sii_before:.2f} → {facts.sii_after:.2f}" if facts else "-",
            f"{facts.bought:.3f}" if facts else "-",
            move.stopped_by or "-",
        )
        rows.append(row(heads, cells, id=f"m-{move.id}"))
    about = (
        "Bands: where a cut is at least half as deep as at its deepest. Bought: clarity lost if this move alone is "
        "taken back."
    )
    return long_grid("moves", about, heads, rows, "Nothing is done: the stems are summed as they came.")


def lines(plan: Plan) -> list[Element]:
    """Every line in order of time, and what became of it."""
    heads = (">time", "=line", "=target", ">clarity", ">SNR (dB)", "stopped by")
    rows = []
    for line in sorted(plan.lines, key=lambda line: (line.start, line.end, line.id)):
        lost = line.clarity_after < plan.clarity_goal
        cells = (
            jump(plan, line),
            line.id,
            line.target,
            f"{line.clarity_before:.2f} → {line.clarity_after:.2f}",
            f"{line.snr_before_db:.1f} → {line.snr_after_db:.1f}",
            f"{line.stopped_by}{', under its goal' if lost else ''}",
        )
        rows.append(row(heads, cells, class_="lost" if lost else None))
    none = "No line is spoken." if len(plan.stems) > 1 else "Only one stem is heard: no line is judged."
    return long_grid("lines", "As the stems came → in the mix.", heads, rows, none)
