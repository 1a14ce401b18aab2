"""The report for programs: one document with all of it, as JSON; its conflicts as a table for spreadsheets."""

from __future__ import annotations

import csv
from bisect import bisect_right
from dataclasses import asdict
from io import StringIO
from typing import Any, Literal

from stemmix.bands import BAND_COUNT, EDGE_HZ
from stemmix.model.evidence import Chosen, Evidence, HeardFacts, moves_for, worst_first
from stemmix.model.moves import gains_of
from stemmix.model.plan import Conflict, Line, Move, Plan, PlannedScene
from stemmix.model.report import (
    REPORT_SCHEMA,
    Bought,
    Report,
    ReportedChoice,
    ReportedConflict,
    ReportedLine,
    ReportedMove,
    ReportedScene,
    ReportedStem,
)
from stemmix.report.masking import (
    active_share,
    bands_moved,
    done_about,
    in_time,
    in_words,
    largest_edges,
    onsets_in,
    purpose,
    sounding,
)

NO_LINE = "no line of speech begins in it"
SILENT = "all stems are silent in it"
UNREAD = "there is nothing to read"
UNTOLD = "no line of speech is heard, or nothing beside it"
"""Why figures are null."""

READINGS = (
    "integrated_lufs",
    "short_term_max_lufs",
    "momentary_max_lufs",
    "lra_lu",
    "true_peak_dbtp",
    "sample_peak_dbfs",
)
"""What a meter reads on a stem."""

PURPOSES: dict[str, Literal["scene", "pin", "programme"]] = {"scene": "scene", "pin": "pin", "all": "programme"}
"""What a move that is made for no line is made for, by its short name."""

COLUMNS = (
    *("id", "target", "masker", "line", "scene"),
    *("start_s", "end_s", "start_time", "end_time", "low_hz", "high_hz"),
    *("importance", "snr_db", "size_before_band_s", "size_after_band_s"),
    *("line_snr_before_db", "line_snr_after_db", "line_sii_before", "line_sii_after"),
    *("moves", "done"),
)
"""Of the table of conflicts: they stay, and new ones come behind them."""


def report_json(evidence: Evidence, top: int | None = None) -> str:
    """All of a report as JSON, of the conflicts the `top` largest, or all."""
    return report_of(evidence, top).model_dump_json(by_alias=True, indent=2) + "\n"


def report_of(evidence: Evidence, top: int | None = None) -> Report:
    """All of a report as a document."""
    plan = evidence.plan
    times = Times(plan)
    return Report(
        schema_=REPORT_SCHEMA,
        title=plan.title,
        profile=plan.profile,
        method=plan.method,
        sample_rate=plan.sample_rate,
        frame_rate=plan.frame_rate,
        start=plan.start,
        duration_s=times.seconds(plan.frames),
        clarity_goal=plan.clarity_goal,
        band_edges_hz=tuple(round(hz, 1) for hz in EDGE_HZ),
        chosen=times.chosen(evidence.chosen),
        stems=tuple(_stem(heard, evidence) for heard in evidence.stems),
        outcome=plan.outcome,
        pairs=tuple(largest_edges(evidence)),
        scenes=tuple(_scene(scene, plan, times) for scene in plan.scenes),
        conflicts=tuple(_conflicts(plan, times, top)),
        conflicts_in_all=len(plan.conflicts),
        lines=tuple(_line(line, times) for line in plan.lines),
        moves=tuple(_move(move, times) for move in in_time(plan.moves)),
        notes=plan.notes,
        warnings=tuple(warning for heard in evidence.stems for warning in heard.warnings),
        reasons={} if plan.outcome else {"outcome": UNTOLD},
    )


class Times:
    """Tells samples of a programme as seconds and for people, and which scene they lie in."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._clock = plan, plan.clock
        self._starts = [scene.start for scene in plan.scenes]

    def seconds(self, sample: int) -> float:
        """To a millisecond."""
        return round(sample / self._plan.sample_rate, 3)

    def of(self, start: int, end: int) -> dict[str, Any]:
        """What every document that is reported calls its times."""
        return {
            "start_s": self.seconds(start),
            "end_s": self.seconds(end),
            "start_time": self._clock.told(start),
            "end_time": self._clock.told(end),
        }

    def chosen(self, chosen: Chosen | None) -> ReportedChoice | None:
        """What of the programme is looked at."""
        if chosen is None:
            return None
        return ReportedChoice(**self.of(chosen.start, chosen.end), scene=chosen.scene, stem=chosen.stem)

    def scene(self, sample: int) -> str | None:
        """Id of the scene at a sample, if that is listed."""
        number = bisect_right(self._starts, sample) - 1
        return self._plan.scenes[number].id if number >= 0 and sample < self._plan.scenes[number].end else None


def _stem(heard: HeardFacts, evidence: Evidence) -> ReportedStem:
    facts, measured, plan = heard.facts, heard.facts.measured.rounded(), evidence.plan
    readings = {name: getattr(measured, name) for name in READINGS}
    return ReportedStem(
        id=heard.id,
        role=heard.role,
        file=heard.file,
        priority=heard.priority,
        gain_db=heard.gain_db,
        start_s=round(heard.at / plan.sample_rate, 3),
        length_s=round(facts.frames / facts.sample_rate, 3),
        layout=facts.source_layout,
        source_rate=facts.source_rate,
        **readings,
        reasons={name: measured.reasons.get(name, UNREAD) for name, value in readings.items() if value is None},
        noise_floor_db=facts.noise_floor_db,
        active_s=round(sounding(evidence, heard) / plan.sample_rate, 3),
        active_share=round(active_share(evidence, heard), 4),
        onsets=onsets_in(evidence, heard),
    )


def _scene(scene: PlannedScene, plan: Plan, times: Times) -> ReportedScene:
    figures: dict[str, tuple[Any, str]] = {
        "clarity_before": (scene.clarity_before, NO_LINE),
        "clarity_after": (scene.clarity_after, NO_LINE),
        "loudness_before_lufs": (scene.loudness_before_lufs, SILENT),
        "loudness_after_lufs": (scene.loudness_after_lufs, SILENT),
    }
    return ReportedScene(
        id=scene.id,
        **times.of(scene.start, scene.end),
        lines=sum(scene.start <= line.start < scene.end for line in plan.lines),
        **{name: figure for name, (figure, _) in figures.items()},
        reasons={name: why for name, (figure, why) in figures.items() if figure is None},
    )


def _conflicts(plan: Plan, times: Times, top: int | None) -> list[ReportedConflict]:
    lines, moves = {line.id: line for line in plan.lines}, moves_for(plan)

    def told(conflict: Conflict) -> ReportedConflict:
        line = None if conflict.line is None else lines.get(conflict.line)
        fields = asdict(conflict)
        start, end = fields.pop("start"), fields.pop("end")
        return ReportedConflict(
            **fields,
            **times.of(start, end),
            scene=times.scene(start),
            moves=tuple(move.id for move in moves[conflict.id]),
            bought=None if line is None else _bought(line),
        )

    return [told(conflict) for conflict in worst_first(plan.conflicts)[:top]]


def _bought(line: Line) -> Bought:
    return Bought(
        snr_before_db=line.snr_before_db,
        snr_after_db=line.snr_after_db,
        sii_before=line.clarity_before,
        sii_after=line.clarity_after,
    )


def _line(line: Line, times: Times) -> ReportedLine:
    fields = asdict(line)
    start, end = fields.pop("start"), fields.pop("end")
    return ReportedLine(**fields, **times.of(start, end), scene=times.scene(start))


def _move(move: Move, times: Times) -> ReportedMove:
    gains_db = gains_of(move.action)
    low_hz, high_hz = bands_moved(
        [max(both_db, key=abs) for both_db in zip(gains_db[:BAND_COUNT], gains_db[BAND_COUNT:], strict=True)]
    )
    return ReportedMove(
        id=move.id,
        stem=move.stem,
        line=move.line,
        purpose="line" if move.line is not None else PURPOSES[purpose(move)],
        **times.of(move.start, move.end),
        action=move.action,
        what=in_words(move),
        low_hz=round(low_hz, 1),
        high_hz=round(high_hz, 1),
        furthest_db=max(gains_db, key=abs),
        because=move.because,
        evidence=move.evidence,
        stopped_by=move.stopped_by,
    )


def conflicts_csv(evidence: Evidence, top: int | None = None) -> str:
    """The conflicts as RFC 4180 has tables, the `top` largest or all: a row of names with units, then a row each.

    Numbers have a dot; what does not exist is empty; ids of moves are parted by spaces. No cell begins as a formula.
    """
    plan = evidence.plan
    lines, moves = {line.id: line for line in plan.lines}, moves_for(plan)
    given = {conflict.id: conflict for conflict in plan.conflicts}
    out = StringIO()
    rows = csv.DictWriter(out, COLUMNS, lineterminator="\r\n", extrasaction="ignore")
    rows.writeheader()
    for told in _conflicts(plan, Times(plan), top):
        line = None if told.line is None else lines.get(told.line)
        bought = asdict(told.bought) if told.bought else {}
        rows.writerow(
            asdict(told)
            | {f"line_{name}": value for name, value in bought.items()}
            | {
                "size_before_band_s": told.size_before,
                "size_after_band_s": told.size_after,
                "moves": " ".join(told.moves),
                "done": done_about(given[told.id], moves[told.id], line),
            }
        )
    return out.getvalue()
