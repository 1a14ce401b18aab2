"""The report as text: the reel, its stems, who masks whom, the worst conflicts, what is done, how clear lines are."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from stemmix.model.evidence import Evidence, HeardFacts, moves_for, worst_first
from stemmix.model.moves import gains_of
from stemmix.model.plan import Conflict, Move, Plan, PlannedScene
from stemmix.model.profiles import HITS
from stemmix.report.masking import (
    BECAUSE_OF,
    active_share,
    are_folded,
    bands_of,
    below_goal,
    done_about,
    in_time,
    in_words,
    judged_lines,
    onsets_in,
    part_of,
    purpose,
    spoken_and_other,
)
from stemmix.report.matrix import who_masks_whom
from stemmix.report.records import Record, records
from stemmix.report.tables import (
    BAD,
    GOOD,
    QUIET,
    STRONG,
    Page,
    as_text,
    change,
    clock,
    many,
    note,
    reading,
    span,
    titled,
)
from stemmix.signs import in_one_line

TOP = 10
"""Conflicts that are shown if no other number is asked for."""
MOST_MOVES, MOST_LINES = 60, 40
"""More are too many to be read one by one."""

KINDS = {
    "unmask": "cuts for lines",
    "scene": "cuts along scenes",
    "duck": "ducks for lines",
    "ride": "rides of lines",
    "presence": "presence of lines",
    "level": "fader, throughout",
    "static": "seven-band equaliser, throughout",
}


def report_text(evidence: Evidence, page: Page, top: int | None = None) -> str:
    """The report for a page: the `top` largest conflicts, every line that is not clear by itself, moves in brief."""
    plan, width = evidence.plan, page.width
    parts: list[RenderableType] = [_heading(evidence), _stems(evidence, width), *who_masks_whom(evidence, width)]
    if len(plan.scenes) > 1:
        parts.append(_scenes(plan, width))
    if plan.conflicts:
        parts.append(_conflicts(plan, TOP if top is None else top, width))
    if plan.moves:
        parts.append(_moves(plan, width))
    if plan.lines:
        parts += _lines(plan, width)
    said = [Text(in_one_line(f"warning: {warning}"), style=BAD) for stem in evidence.stems for warning in stem.warnings]
    said += [Text(in_one_line(note(text))) for text in plan.notes]
    return as_text([*parts, Text("\n").join(said)] if said else parts, page)


def _heading(evidence: Evidence) -> Text:
    plan, outcome, chosen = evidence.plan, evidence.plan.outcome, evidence.chosen
    counts = f"{many(len(plan.scenes), 'scene')}, {many(len(plan.lines), 'line')}"
    told = Text.assemble(
        (plan.title, STRONG),
        f": {clock(plan.frames, plan.sample_rate)}, profile {plan.profile}, method {plan.method}, "
        f"{many(len(evidence.stems), 'stem')}",
    )
    if chosen is None:
        told.append(f", {counts}")
    else:
        told.append("\nof this: ")
        told.append(span(chosen.start, chosen.end, plan.clock), STRONG)
        told.append(f", scene {chosen.scene}" if chosen.scene else "")
        told.append(f", what involves {chosen.stem}" if chosen.stem else "")
        told.append(f": {counts}")
    if outcome is None:
        return told
    left = outcome.lines_unclear_after
    whose = "of all stems: " if chosen is not None and chosen.stem is not None else ""
    told.append(f"\n{whose}{judged_lines(plan, outcome)} below clarity {plan.clarity_goal:g}: ")
    told.append(f"{outcome.lines_unclear_before} as the stems came, ")
    told.append(f"{left} in the mix{' !' if left else ''}", BAD if left else GOOD)
    _, others = spoken_and_other(plan)
    if others:
        came, left = below_goal(plan, others)
        told.append(f"\nother lines below it: {came} as the stems came, ")
        told.append(f"{left} in the mix{' !' if left else ''}", BAD if left else GOOD)
    told.append(f"\n{whose}the bed, while lines are spoken: {change(-outcome.bed_loss_db)} dB, ")
    told.append(f"{outcome.bed_sones_lost:.0%} of its loudness in sones given up; ")
    told.append(f"elsewhere {change(-outcome.outside_db)} dB")
    return told


def _stems(evidence: Evidence, width: int) -> RenderableType:
    moved = any(heard.gain_db for heard in evidence.stems)
    part = part_of(evidence)
    in_part = part == "the span"
    legend = f". Active: the share of {part} in which one is heard"
    legend += "; onsets in the span" if in_part else ""
    of_what = [
        words
        for words, is_so in (
            ("of the whole stem", in_part),
            ("as folded to stereo", are_folded(evidence)),
            ("before the fader", moved),
        )
        if is_so
    ]
    legend += f"; loudness, LRA and peak {', '.join(of_what)}" if of_what else ""
    title = titled("Stems", legend)

    def row(heard: HeardFacts) -> Record:
        measured = heard.facts.measured
        peak = reading(measured.true_peak_dbtp)
        is_over = measured.true_peak_dbtp is not None and measured.true_peak_dbtp > 0
        return Record(
            [
                heard.id,
                heard.role.value,
                reading(measured.integrated_lufs),
                reading(measured.lra_lu),
                Text(f"{peak} !", BAD) if is_over else peak,
                *([change(heard.gain_db)] if moved else []),
                f"{active_share(evidence, heard):.0%}",
                # of speech and music onsets are many, and say nothing
                str(onsets_in(evidence, heard)) if heard.role in HITS else "-",
            ]
        )

    fader = [">fader (dB)"] if moved else []
    columns = ["stem", "role", ">LUFS", ">LRA", ">dBTP", *fader, ">active", ">onsets"]
    return records(title, columns, [row(heard) for heard in evidence.stems], width)


def _scenes(plan: Plan, width: int) -> RenderableType:
    def row(scene: PlannedScene) -> Record:
        return Record(
            [
                scene.id,
                span(scene.start, scene.end, plan.clock),
                str(sum(scene.start <= line.start < scene.end for line in plan.lines)),
                _clarity(scene.clarity_before, scene.clarity_after, plan.clarity_goal),
                _both(scene.loudness_before_lufs, scene.loudness_after_lufs, "{:.1f}"),
            ]
        )

    return records(
        titled("Scenes", ". Mean clarity of their lines, loudness of all stems together; as it came → in the mix"),
        ["scene", "time", ">lines", "clarity", ">LUFS"],
        [row(scene) for scene in plan.scenes],
        width,
    )


def _conflicts(plan: Plan, top: int, width: int) -> RenderableType:
    shown, moves = worst_first(plan.conflicts)[:top], moves_for(plan)
    lines = {line.id: line for line in plan.lines}

    def row(number: int, conflict: Conflict) -> Record:
        line = None if conflict.line is None else lines.get(conflict.line)
        return Record(
            [
                str(number),
                span(conflict.start, conflict.end, plan.clock),
                f"{conflict.masker} hides {conflict.target}",
                f"{conflict.low_hz:.0f}-{conflict.high_hz:.0f}",
                f"{conflict.importance:.0%}",
                f"{conflict.snr_db:.1f}",
                _both(conflict.size_before, conflict.size_after, "{:.2f}"),
                _both(line.snr_before_db, line.snr_after_db, "{:+.1f}") if line else "-",
                _clarity(line.clarity_before, line.clarity_after, plan.clarity_goal) if line else "-",
            ],
            done_about(conflict, moves[conflict.id], line),
        )

    columns = ["", "time", "who hides whom", ">Hz", ">weight", ">SNR", ">size", ">line's SNR", "clarity"]
    return records(
        titled(
            f"Conflicts: the largest {len(shown)} of {len(plan.conflicts)}",
            ", and what is done about them. Weight: how much of what matters of the hidden stem lies in these bands; "
            "SNR: its level over all that hides it there, in dB; size in band-seconds, SNR and clarity of the whole "
            "line: as it came → in the mix",
        ),
        columns,
        [row(number, conflict) for number, conflict in enumerate(shown, 1)],
        width,
    )


def _moves(plan: Plan, width: int) -> RenderableType:
    if len(plan.moves) > MOST_MOVES:
        return _moves_together(plan, width)
    rows = [
        Record([purpose(move), span(move.start, move.end, plan.clock), move.stem, in_words(move), bands_of(move)])
        for move in in_time(plan.moves)
    ]
    title = titled(f"Moves: {len(plan.moves)}", "; bands: where a cut is at least half as deep")
    return records(title, ["for", "time", "stem", "what", ">bands (Hz)"], rows, width)


def _moves_together(plan: Plan, width: int) -> RenderableType:
    """Too many to be told one by one: by stem and kind."""
    groups: dict[tuple[str, str], list[Move]] = {}
    for move in plan.moves:
        groups.setdefault((move.stem, "by pins" if move.of_pin else KINDS[move.action.kind]), []).append(move)
    order = [stem.id for stem in plan.stems]

    def row(stem: str, kind: str, moves: Sequence[Move]) -> Record:
        seconds = sum(move.end - move.start for move in moves) / plan.sample_rate
        furthest_db = max((max(gains_of(move.action), key=abs) for move in moves), key=abs)
        return Record(
            [
                stem,
                kind,
                str(len(moves)),
                clock(round(seconds * plan.sample_rate), plan.sample_rate),
                change(furthest_db),
            ]
        )

    return records(
        titled(
            f"Moves: {len(plan.moves)}",
            ", by stem and kind. For: how long they last in all; most: the gain furthest from 0 dB. "
            "One by one: --scene, --stem, --from, --to, or `stemmix why` for a moment",
        ),
        ["stem", "what", ">moves", ">for", ">most (dB)"],
        [
            row(stem, kind, moves)
            for (stem, kind), moves in sorted(groups.items(), key=lambda group: (order.index(group[0][0]), group[0][1]))
        ],
        width,
    )


def _lines(plan: Plan, width: int) -> list[RenderableType]:
    """Those that were not clear by themselves, or are not in the mix; if they are many, those that end least clear."""
    goal = plan.clarity_goal
    open_lines = [line for line in plan.lines if min(line.clarity_before, line.clarity_after) < goal]
    shown = sorted(sorted(open_lines, key=lambda line: line.clarity_after)[:MOST_LINES], key=lambda line: line.start)
    rest, clear = len(open_lines) - len(shown), len(plan.lines) - len(open_lines)
    parts: list[RenderableType] = []
    if shown:
        rows = [
            Record(
                [
                    line.id,
                    span(line.start, line.end, plan.clock),
                    line.target,
                    _clarity(line.clarity_before, line.clarity_after, goal),
                    _both(line.snr_before_db, line.snr_after_db, "{:+.1f}"),
                    line.stopped_by,
                ]
            )
            for line in shown
        ]
        title = titled(
            "Lines that were not clear",
            f". Clarity from 0 to 1, the goal is {goal:g}; SNR: of the line over all that hides it, in dB; as it came "
            "→ in the mix",
        )
        parts.append(records(title, ["line", "time", "stem", "clarity", ">SNR", "stopped by"], rows, width))
    said = [f"{stop}: {BECAUSE_OF[stop]}" for stop in sorted({line.stopped_by for line in shown})]
    if rest:
        said.append(f"and {many(rest, 'line')} that {'ends' if rest == 1 else 'end'} clearer")
    if clear:
        said.append(
            f"{many(clear, 'line')} {'was' if clear == 1 else 'were'} clear as {'it' if clear == 1 else 'they'} came"
        )
    return [*parts, Text("\n".join(said), QUIET)] if said else parts


def _both(before: float | None, after: float | None, form: str) -> str:
    """A figure as it came and in the mix."""
    return " → ".join("-" if one is None else form.format(one) for one in (before, after))


def _clarity(before: float | None, after: float | None, goal: float) -> Text:
    """The same of a clarity; marked where it ends under its goal."""
    told = _both(before, after, "{:.2f}")
    return Text(f"{told} !", BAD) if after is not None and after < goal else Text(told)
