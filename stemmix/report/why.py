"""What is done at one moment, and why: every move there with its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table

from stemmix.model.evidence import AppliedGains, Evidence
from stemmix.model.moves import Level, StaticEq
from stemmix.model.plan import Conflict, Line, Move, Plan
from stemmix.report.as_json import as_json
from stemmix.report.masking import BAND_SECONDS, BECAUSE_OF, band_range, bands_of, in_words, purpose, timed
from stemmix.report.tables import as_text, change, many, moment, span, table

WHY_SCHEMA = "stemmix.why/1"


def why_text(evidence: Evidence, applied: Sequence[AppliedGains], sample: int, stem: str | None, width: int) -> str:
    """Lines and moves at a sample of the programme, of one stem or all, ramps and all; and what is `applied` there."""
    plan = evidence.plan
    lines, moves = _lines_at(plan, sample), _moves_at(plan, sample, stem)
    parts: list[Any] = [f"{plan.title} at {moment(sample, plan.clock)} ({sample / plan.sample_rate:.3f} s)"]
    for line in lines:
        parts.append(
            f"{line.id} of {line.target}, {span(line.start, line.end, plan.clock)}: clarity "
            f"{line.clarity_before:.2f} as it came, {line.clarity_after:.2f} in the mix (goal {plan.clarity_goal:g}); "
            f"no more was done because {BECAUSE_OF[line.stopped_by]}"
        )
    if not lines:
        parts.append("there is no line here" + (f"; what is done here is done {_beside_lines(moves)}" if moves else ""))
    if moves:
        parts.append(_gains(gains for gains in applied if stem in {None, gains.stem}))
        made = table(
            "Moves: the SNR (dB) and clarity (0 to 1) of what each is made for, as it came and in the mix; how much "
            "clarity this move alone buys, in all and for each dB of it",
            ["stem", "what", ">bands (Hz)", "=for", ">SNR", ">clarity", ">bought", ">per dB", "stopped by"],
        )
        for move in moves:
            facts = move.evidence
            made.add_row(
                move.stem,
                in_words(move),
                bands_of(move),
                purpose(move),
                f"{round(facts.snr_before_db, 1) + 0.0:.1f} → {round(facts.snr_after_db, 1) + 0.0:.1f}"
                if facts
                else "-",
                f"{facts.sii_before:.2f} → {facts.sii_after:.2f}" if facts else "-",
                f"{facts.bought:.3f}" if facts else "-",
                f"{facts.per_db:.4f}" if facts else "-",
                move.stopped_by or "-",
            )
        parts.append(made)
        if stops := sorted({move.stopped_by for move in moves if move.stopped_by}):
            parts.append("\n".join(f"stopped by {stop}: {BECAUSE_OF[stop]}" for stop in stops))
        because = _because(plan, moves)
        # a scene's curve is made for lines that are far from here, too
        here = {line.id for line in lines} | {move.line for move in moves}
        shown = [conflict for conflict in because if conflict.line in here] or because
        if because:
            made = table(
                f"Because of; weight: how much of what matters of the target lies in the bands; size {BAND_SECONDS}",
                ["=conflict", "target", "masker", ">bands (Hz)", ">weight", ">SNR (dB)", ">size", ">after"],
            )
            for conflict in shown:
                made.add_row(
                    conflict.id,
                    conflict.target,
                    conflict.masker,
                    f"{conflict.low_hz:.0f}-{conflict.high_hz:.0f}",
                    f"{conflict.importance:.0%}",
                    f"{conflict.snr_db:.1f}",
                    f"{conflict.size_before:.3f}",
                    f"{conflict.size_after:.3f}",
                )
            parts.append(made)
            if others := len(because) - len(shown):
                parts.append(f"and {many(others, 'conflict')} of other lines that these moves are made for")
    else:
        parts.append(f"no move reaches here{f' in {stem}' if stem else ''}")
    return as_text(parts, width)


def why_json(evidence: Evidence, applied: Sequence[AppliedGains], sample: int, stem: str | None) -> str:
    """The same for programs."""
    plan = evidence.plan
    moves = _moves_at(plan, sample, stem)
    told = {
        "schema": WHY_SCHEMA,
        "title": plan.title,
        "at_s": round(sample / plan.sample_rate, 3),
        "lines": [timed(line, plan.sample_rate) for line in _lines_at(plan, sample)],
        "moves": [timed(move, plan.sample_rate) for move in moves],
        "gains": [gains.model_dump(mode="json") for gains in applied if stem in {None, gains.stem}],
        "conflicts": [timed(conflict, plan.sample_rate) for conflict in _because(plan, moves)],
    }
    return as_json(told)


def _lines_at(plan: Plan, sample: int) -> list[Line]:
    return [line for line in plan.lines if line.start <= sample < line.end]


def _moves_at(plan: Plan, sample: int, stem: str | None) -> list[Move]:
    """The moves that are felt at a sample, ramps and all."""
    found = []
    for move in plan.moves:
        begins, ends = plan.reach(move)
        if begins <= sample < ends and stem in {None, move.stem}:
            found.append(move)
    return found


def _because(plan: Plan, moves: Sequence[Move]) -> list[Conflict]:
    named = {id_ for move in moves for id_ in move.because}
    return [conflict for conflict in plan.conflicts if conflict.id in named]


def _beside_lines(moves: Sequence[Move]) -> str:
    """What moves are made for where no line stands."""
    whole = [isinstance(move.action, Level | StaticEq) for move in moves]
    pinned = [move.of_pin for move in moves]
    said = {
        "over the whole programme": any(whole),
        "by a pin": any(pinned),
        "for lines nearby": not all(a or b for a, b in zip(whole, pinned, strict=True)),
    }
    return " and ".join(words for words, holds in said.items() if holds)


def _gains(applied: Iterable[AppliedGains]) -> Table:
    made = table(
        "Gain at this moment, all moves and ramps together, where it is furthest from 0 dB",
        ["stem", ">gain (dB)", ">bands (Hz)", ">sides (dB)"],
    )
    for gains in applied:
        most, side = (max(bands, key=abs) for bands in (gains.mid_db, gains.side_db))
        # where the middle is left alone, the sides are told by themselves; at a ramp's end a gain may round to nothing
        shown = [bands for bands in (gains.mid_db, gains.side_db) if round(max(map(abs, bands)), 1)]
        made.add_row(gains.stem, change(most), band_range(shown[0]) if shown else "-", change(side))
    return made
