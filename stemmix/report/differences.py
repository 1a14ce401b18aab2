"""What differs between two versions of a mix, in words: what is asked for, what is done for it, what is heard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table

from stemmix.model.difference import AudioChange, Difference, MoveChange, Pair, PlanChange
from stemmix.model.timecode import Clock
from stemmix.model.words import in_words
from stemmix.report.as_json import document_as_json
from stemmix.report.tables import as_text, change, in_lines, many, moment, note, span, table

SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def difference_text(found: Difference, width: int, top: int) -> str:
    """For a page `width` columns wide: what is asked for otherwise, and the `top` largest of what is done."""
    parts: list[RenderableType] = [in_lines([f"{found.before} -> {found.after}"])]
    changes = [in_words(one) for one in found.changes]
    parts.append("\n".join(changes) if changes else "they ask for the same mix")
    if found.plan is not None:
        parts += _plan(found.plan, found.clock, top)
    if found.audio is not None:
        parts += _audio(found.audio, found.clock)
    if found.notes:
        parts.append(in_lines(note(text) for text in found.notes))
    return as_text(parts, width)


def difference_json(found: Difference) -> str:
    """All of it, for programs."""
    return document_as_json(found)


# ---------------------------------------------------------------------------------------------------------------- done


def _plan(plan: PlanChange, clock: Clock, top: int) -> list[RenderableType]:
    parts: list[RenderableType] = ["\n".join(_figures(plan))]
    if plan.moves:
        parts.append(_moves(plan.moves[:top], clock))
        if more := len(plan.moves) - top:
            parts += [f"and {many(more, 'smaller one')}"] if more > 0 else []
    if plan.scenes:
        parts.append(_scenes(plan, clock))
    return parts


def _figures(plan: PlanChange) -> list[str]:
    counts = Counter(move.change for move in plan.moves)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in ("added", "removed", "changed") if counts[kind])
    lines = [f"moves {plan.moves_before} -> {plan.moves_after}: {told or 'all the same'}"]
    lines.append(f"conflicts {plan.conflicts_before} -> {plan.conflicts_after}")
    if (plan.lines.before or plan.lines.after) and plan.unclear.before is not None and plan.unclear.after is not None:
        lines.append(
            f"lines under their goal {plan.unclear.before:g} of {plan.lines.before:g} -> "
            f"{plan.unclear.after:g} of {plan.lines.after:g}; mean clarity {_figure(plan.clarity, 3)}"
        )
        losses = Pair(
            before=None if plan.bed_loss_db.before is None else -plan.bed_loss_db.before,
            after=None if plan.bed_loss_db.after is None else -plan.bed_loss_db.after,
        )
        lines.append(f"the bed, while lines are spoken: {_figure(losses, 2)} dB")
    return lines


def _figure(pair: Pair, digits: int) -> str:
    return " -> ".join("-" if one is None else f"{one + 0.0:.{digits}f}" for one in (pair.before, pair.after))


def _moves(moves: Sequence[MoveChange], clock: Clock) -> Table:
    made = table(
        "Moves that differ, the largest first; gain in dB where it differs most; size: dB, mean over the bands, times "
        "seconds",
        ["=", "=from", ">for (s)", "stem", "what", ">bands (Hz)", "gain", ">size", "move"],
    )
    for move in moves:
        made.add_row(
            SIGNS[move.change],
            _moment(move.start_s, clock),
            f"{move.end_s - move.start_s:.2f}",
            move.stem,
            move.kind,
            f"{move.low_hz:.0f}-{move.high_hz:.0f}",
            f"{change(move.before_db)} -> {change(move.after_db)}",
            f"{move.size_db_s:.2f}",
            f"{move.id}{_stood(move)}",
        )
    return made


def _stood(move: MoveChange) -> str:
    """Where a move stood before, if that is elsewhere.

    >>> fields = dict(change="changed", id="a", stem="MX", kind="duck", low_hz=60, high_hz=16000)
    >>> fields |= dict(before_db=-1, after_db=-1, size_db_s=1, start_s=10, end_s=12)
    >>> _stood(MoveChange(**fields, start_before_s=9.5, end_before_s=11.5))
    ', was 0.50 s earlier'
    >>> _stood(MoveChange(**fields, start_before_s=9.5, end_before_s=12))
    ', began 0.50 s earlier'
    """
    if move.start_before_s is None or move.end_before_s is None:
        return ""
    first, last = round(move.start_before_s - move.start_s, 2), round(move.end_before_s - move.end_s, 2)
    shifts = [("was", first)] if first == last else [("began", first), ("ended", last)]
    return "".join(f", {word} {abs(by):.2f} s {'later' if by > 0 else 'earlier'}" for word, by in shifts if by)


def _moment(seconds: float, clock: Clock) -> str:
    return moment(round(seconds * clock.rate_hz), clock)


def _span(start_s: float, end_s: float, clock: Clock) -> str:
    return span(round(start_s * clock.rate_hz), round(end_s * clock.rate_hz), clock)


def _scenes(plan: PlanChange, clock: Clock) -> Table:
    made = table(
        "Scenes in the mix: mean clarity of their lines; loudness before any master gain, from features",
        ["scene", "from", "clarity", ">by", "LUFS", ">by"],
    )
    for scene in plan.scenes:
        made.add_row(
            scene.id,
            _moment(scene.start_s, clock),
            *_both(scene.clarity, 2),
            *_both(scene.loudness_lufs, 1),
        )
    return made


def _both(pair: Pair, digits: int) -> tuple[str, str]:
    """A figure on both sides, and by how much it differs."""
    if pair.before is None or pair.after is None:
        return _figure(pair, digits), "-"
    return _figure(pair, digits), f"{round(pair.after - pair.before, digits) + 0.0:+.{digits}f}"


# --------------------------------------------------------------------------------------------------------------- heard


def _audio(audio: AudioChange, clock: Clock) -> list[RenderableType]:
    lines = [
        f"{audio.deliverable}, rendered: {_figure(audio.integrated_lufs, 2)} LUFS, gain {_figure(audio.gain_db, 2)} dB"
    ]
    if audio.length_s.before != audio.length_s.after:
        lines.append(f"length {_figure(audio.length_s, 3)} s")
    if audio.refused is not None:
        return ["\n".join([*lines, f"one cannot be subtracted from the other: {audio.refused}"])]
    if audio.identical:
        return ["\n".join([*lines, "every sample is the same"])]
    if audio.residual_dbfs is not None:
        over = "" if audio.residual_lu is None else f", {audio.residual_lu:+.1f} LU relative to the first mix"
        lines.append(f"one minus the other: {audio.residual_dbfs:.1f} dBFS RMS{over}")
    if audio.identical_s:
        shown = ", ".join(_span(*one, clock) for one in audio.identical_s[:5])
        more = len(audio.identical_s) - 5
        same_s = sum(end - begin for begin, end in audio.identical_s)
        rest = f" and {many(more, 'more span')}" if more > 0 else ""
        lines.append(f"identical for {same_s:g} s: {shown}{rest}")
    else:
        lines.append("not identical in any second")
    parts: list[RenderableType] = ["\n".join(lines)]
    if audio.worst:
        made = table("Seconds in which they differ most", ["from", ">dBFS", ">LU"])
        for place in audio.worst:
            over = "-" if place.residual_lu is None else f"{place.residual_lu:+.1f}"
            made.add_row(_moment(place.start_s, clock), f"{place.residual_dbfs:.1f}", over)
        parts.append(made)
    if audio.scenes:
        made = table("Scenes as written: K-weighted mean level, ungated", ["scene", "from", "LUFS", ">by"])
        for scene in audio.scenes:
            made.add_row(scene.id, _moment(scene.start_s, clock), *_both(scene.loudness_lufs, 2))
        parts.append(made)
    return parts
