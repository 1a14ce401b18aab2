"""What is done at one moment, and why: every move there with its evidence."""

from __future__ import annotations

import json
from typing import Any

from stemmix.model.evidence import Evidence
from stemmix.model.plan import Line, Move, Plan, StoppedBy
from stemmix.report.masking import in_words, purpose, timed
from stemmix.report.tables import as_text, clock, span, table

WHY_SCHEMA = "stemmix.why/1"

BECAUSE_OF: dict[StoppedBy, str] = {
    "clear": "it was clear as it came",
    "goal": "the line has reached its goal",
    "cap": "the cap is reached",
    "benefit": "more would buy next to nothing",
    "protection": "hits, and lines that come first, are protected: others give way before them",
    "pin": "a pin holds it",
    "nothing to cut": "nothing that may be cut hides the line",
}


def why_text(evidence: Evidence, sample: int, stem: str | None, width: int) -> str:
    """Lines and moves at a sample of the programme, of one stem or all; ramps count."""
    plan = evidence.plan
    lines, moves = _lines_at(plan, sample), _moves_at(plan, sample, stem)
    parts: list[Any] = [f"{plan.title} at {clock(sample, plan.sample_rate)}"]
    for line in lines:
        parts.append(
            f"{line.id} of {line.target}, {span(line.start, line.end, plan.sample_rate)}: clarity "
            f"{line.clarity_before:.2f} as it came, {line.clarity_after:.2f} in the mix (goal {plan.clarity_goal:g}); "
            f"no more was done because {BECAUSE_OF[line.stopped_by]}"
        )
    if not lines:
        parts.append("no line stands here" + ("; what is done for those beside it reaches here" if moves else ""))
    if moves:
        made = table(
            "Moves: the SNR (dB) and audibility (SII) of what each is made for, as it came and in the mix; how much of"
            " the audibility this move alone buys, and for each dB of it",
            ["stem", "what", "=for", ">SNR", ">SII", ">bought", ">per dB", "stopped by"],
        )
        for move in moves:
            facts = move.evidence
            made.add_row(
                move.stem,
                in_words(move),
                purpose(move),
                f"{facts.snr_before_db:.1f} → {facts.snr_after_db:.1f}" if facts else "-",
                f"{facts.sii_before:.2f} → {facts.sii_after:.2f}" if facts else "-",
                f"{facts.bought:.3f}" if facts else "-",
                f"{facts.per_db:.4f}" if facts else "-",
                move.stopped_by or "-",
            )
        parts.append(made)
        if stops := sorted({move.stopped_by for move in moves if move.stopped_by}):
            parts.append("\n".join(f"stopped by {stop}: {BECAUSE_OF[stop]}" for stop in stops))
        named = {id_ for move in moves for id_ in move.because}
        because = [conflict for conflict in plan.conflicts if conflict.id in named]
        if because:
            made = table(
                "Because of; weight: how much of what matters of the target lies in the bands; sizes in"
                " importance-weighted masked band-seconds",
                ["=conflict", "target", "masker", ">bands (Hz)", ">weight", ">SNR (dB)", ">size", ">after"],
            )
            for conflict in because:
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
    else:
        parts.append(f"no move reaches here{f' in {stem}' if stem else ''}")
    return as_text(parts, width)


def why_json(evidence: Evidence, sample: int, stem: str | None) -> str:
    """The same for programs."""
    plan = evidence.plan
    moves = _moves_at(plan, sample, stem)
    named = {id_ for move in moves for id_ in move.because}
    told = {
        "schema": WHY_SCHEMA,
        "title": plan.title,
        "at_s": round(sample / plan.sample_rate, 3),
        "lines": [timed(line, plan.sample_rate) for line in _lines_at(plan, sample)],
        "moves": [timed(move, plan.sample_rate) for move in moves],
        "conflicts": [timed(c, plan.sample_rate) for c in plan.conflicts if c.id in named],
    }
    return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _lines_at(plan: Plan, sample: int) -> list[Line]:
    return [line for line in plan.lines if line.start <= sample < line.end]


def _moves_at(plan: Plan, sample: int, stem: str | None) -> list[Move]:
    """The moves whose span, with look-ahead, hold and ramps, holds a sample."""
    before = (plan.shape.look_ahead_s + plan.shape.ramp_s) * plan.sample_rate
    after = (plan.shape.hold_s + plan.shape.ramp_s) * plan.sample_rate
    return [
        move for move in plan.moves if move.start - before <= sample < move.end + after and stem in {None, move.stem}
    ]
