"""What a render of many projects says: a line when one begins or ends, and a table of all in the end."""

from __future__ import annotations

from stemmix.model.batch import Batch, Outcome
from stemmix.report.as_json import as_json
from stemmix.report.tables import as_text, many, reading, table

_CAME = {"done": "done", "missed": "misses its specification", "skipped": "skipped", "failed": "FAILED"}


def begun_line(project: str) -> str:
    """When one is taken up."""
    return f"{project}: started"


def ended_line(outcome: Outcome, ended: int, of: int) -> str:
    """When it is through, and how many are."""
    said = {
        "done": f"done, {_speed(outcome)}",
        "missed": f"done, {_speed(outcome)}, but misses its specification",
        "skipped": "skipped: its receipt proves it done",
        "failed": f"failed (exit code {outcome.exit_code}): {_why(outcome)}",
    }[outcome.came]
    again = "" if outcome.not_skipped is None else f" (not skipped: {outcome.not_skipped})"
    return f"{outcome.project}: {said}{again} ({ended}/{of})"


def _speed(outcome: Outcome) -> str:
    return f"{outcome.speed:.0f}x real time" if outcome.speed is not None else "by another worker"


def _why(outcome: Outcome) -> str:
    """Without the project's name, where it begins with that: it stands before it anyway."""
    return (outcome.why or "").removeprefix(f"{outcome.project}: ")


def batch_text(batch: Batch, width: int) -> str:
    """A table of all projects, then why some failed, what others miss, and the counts."""
    counts = [(batch.done, "done"), (batch.missed, "with a specification missed"), (batch.skipped, "skipped")]
    counts.append((batch.failed, "failed"))
    said = ", ".join(f"{count} {what}" for count, what in counts if count)
    speed = "" if batch.speed is None else f", {batch.speed:.0f}x real time"
    made = table(
        f"{many(len(batch.projects), 'project')}: {said}; {batch.wall_s:.1f} s{speed}",
        ["project", "=result", ">LUFS", ">dBTP", ">x real time", ">exit code"],
    )
    for one in batch.projects:
        made.add_row(
            one.project,
            _CAME[one.came],
            reading(one.integrated_lufs, 2),
            reading(one.true_peak_dbtp, 2),
            reading(one.speed, 0),
            str(one.exit_code),
        )
    why = [
        f"{'misses' if one.exit_code == 5 else 'failed'}: {one.project}: {_why(one)}"
        for one in batch.projects
        if one.why
    ]
    return as_text([made, *(["\n".join(why)] if why else [])], width)


def batch_json(batch: Batch) -> str:
    """The same for programs."""
    plain = batch.model_dump(mode="json", by_alias=True)
    return as_json(plain)
