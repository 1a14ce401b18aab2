"""What was measured on each programme, the goals it is held against, and the tables that tell it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from tests.bench.rivals import ONE_SETTING, PatientMixer, Tuned
from tests.bench.scoring import Score, Voice

OURS = "stemmix"
CLARITY, ESTOI = "equal clarity of the worst lines", "equal ESTOI"
LEAST_SONES = 1e-3
"""A rival that takes less counts as taking so much: a ratio of nothings says nothing."""


@dataclass(frozen=True)
class LostLine:
    """A line that is still under 0.5, and what the plan says of it."""

    start_s: float
    end_s: float
    clarity_before: float
    clarity_after: float
    planned: str
    """The plan's lines there, with the clarity that it reads and what stopped them."""


@dataclass(frozen=True)
class Programme:
    """Everything that was measured on one programme."""

    name: str
    lines: int
    lost_before: int
    mix: Score
    voice: Voice
    gain_db: float
    """Of the mix on its dialogue, as it was taken out."""
    sum_dbfs: float
    loudness_error_lu: float
    over_ceiling_db: float
    """True peak over the ceiling; under it, negative."""
    lost: tuple[LostLine, ...]
    rivals: dict[str, dict[str, Tuned]] = field(default_factory=dict)
    """By what they were tuned to, then by name."""

    def patient_sones(self, match: str) -> float | None:
        """What the patient mixer takes."""
        return self._least_sones(match, [PatientMixer.name])

    def best_sones(self, match: str) -> float | None:
        """What the best rival with one setting takes that reaches as much; None where none does."""
        return self._least_sones(match, [rival.name for rival in ONE_SETTING])

    def _least_sones(self, match: str, names: Sequence[str]) -> float | None:
        rivals = self.rivals.get(match, {})
        reached = [rivals[name].score.sones_lost for name in names if name in rivals and rivals[name].reached]
        return max(min(reached), LEAST_SONES) if reached else None


# ---- goals -----------------------------------------------------------------------------------------------------------

Reading = Callable[[Sequence[Programme]], float | None]
"""Of one programme or of several together; None where there is nothing to compare with."""


def worst(value: Callable[[Programme], float | None]) -> Reading:
    def read(programmes: Sequence[Programme]) -> float | None:
        return max((found for one in programmes if (found := value(one)) is not None), default=None)

    return read


def sones_over(rival_sones: Callable[[Programme], float | None]) -> Reading:
    """Sones lost over those of a rival, both added up over the programmes where the rival reaches as much."""

    def read(programmes: Sequence[Programme]) -> float | None:
        both = [(one.mix.sones_lost, theirs) for one in programmes if (theirs := rival_sones(one)) is not None]
        return sum(ours for ours, _ in both) / sum(theirs for _, theirs in both) if both else None

    return read


def lost_share(programmes: Sequence[Programme]) -> float | None:
    before = sum(one.lost_before for one in programmes)
    return sum(one.mix.lines_lost for one in programmes) / before if before else None


def pumping_share(programme: Programme) -> float | None:
    patient = programme.rivals.get(CLARITY, {}).get(PatientMixer.name)
    return programme.mix.pumping_db / max(patient.score.pumping_db, 0.01) if patient else None


@dataclass(frozen=True)
class Goal:
    """One line of the table of goals."""

    name: str
    limit: float
    read: Reading
    unit: str = "dB"

    def is_missed(self, programmes: Sequence[Programme]) -> bool:
        value = self.read(programmes)
        return value is not None and value > self.limit + 1e-9  # what is read is rounded to decimals

    def verdict(self, programmes: Sequence[Programme]) -> str:
        """Whether it is met; nothing where there is nothing to say it of."""
        if self.read(programmes) is None:
            return "-"
        return "NO" if self.is_missed(programmes) else "yes"

    def shown(self, value: float | None) -> str:
        match value, self.unit:
            case None, _:
                return "-"
            case number, "%":
                return f"{number:.0%}"
            case number, "x":
                return f"{number:.2f}x"
            case number, unit:
                return f"{round(number, 2) + 0.0:.2f} {unit}" if abs(number) < 100 else f"{number:.1f} {unit}"


OVER_PATIENT = sones_over(lambda one: one.patient_sones(CLARITY))

GOALS = (
    Goal("lines still lost, of those that came unclear", 0.05, lost_share, "%"),
    Goal("sones at equal clarity, over the best rival with one setting", 0.45,
         sones_over(lambda one: one.best_sones(CLARITY)), "x"),
    Goal("sones at equal clarity, over the patient mixer", 0.90, OVER_PATIENT, "x"),
    Goal("the same, worst programme", 1.0, worst(lambda one: OVER_PATIENT([one])), "x"),
    Goal("sones at equal ESTOI, over the patient mixer", 0.90,
         sones_over(lambda one: one.patient_sones(ESTOI)), "x"),
    Goal("spectral damage in speech", 2.5, worst(lambda one: one.mix.damage_db)),
    Goal("change outside speech", 0.1, worst(lambda one: one.mix.outside_db)),
    Goal("loss between lines, over that in speech", 0.6, worst(lambda one: one.mix.between_share), "x"),
    Goal("pumping, over the patient mixer's at equal clarity", 1.0, worst(pumping_share), "x"),
    Goal("voice: spread over bands", 2.0, worst(lambda one: one.voice.shape_db)),
    Goal("voice: ripple", 0.3, worst(lambda one: one.voice.ripple_db)),
    Goal("voice: range of rides", 4.0, worst(lambda one: one.voice.ride_db)),
    Goal("change in lines that came clear", 0.1, worst(lambda one: one.mix.clear_db)),
    Goal("master less sum of stems, before the limiter", -140.0, worst(lambda one: one.sum_dbfs), "dBFS"),
    Goal("master: off its loudness", 0.05, worst(lambda one: one.loudness_error_lu), "LU"),
    Goal("master: true peak over the ceiling", 0.02, worst(lambda one: one.over_ceiling_db)),
)  # fmt: skip


# ---- tables ----------------------------------------------------------------------------------------------------------


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns stand under one another, the first row its head."""
    first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * first, *("-" * (width - 1) + ":" for width in others)]
    lines = [
        [cells[0].ljust(first), *(cell.rjust(width) for cell, width in zip(cells[1:], others, strict=True))]
        for cells in (rows[0], rule, *rows[1:])
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def contest(programmes: Sequence[Programme], match: str) -> str:
    """Everybody side by side at one equality, mean over the programmes; lines are counted together."""
    names = list(dict.fromkeys(name for one in programmes for name in one.rivals[match]))
    rows = [["at " + match, "lines lost", "sones lost", "loss dB", "damage dB", "outside dB", "pumping dB", "ESTOI",
             "clarity", "reached"]]  # fmt: skip
    for name in (OURS, *names):
        tuned = [one.rivals[match][name] for one in programmes] if name != OURS else []
        scores = [one.score for one in tuned] or [one.mix for one in programmes]
        numbers = [
            (mean([getattr(score, column) for score in scores]), form)
            for column, form in (
                ("sones_lost", ".1%"),
                ("loss_db", ".2f"),
                ("damage_db", ".2f"),
                ("outside_db", ".2f"),
                ("pumping_db", ".2f"),
                ("estoi_gain", "+.3f"),
                ("worst_quarter_gain", "+.3f"),
            )
        ]
        lost = f"{sum(score.lines_lost for score in scores)} of {sum(one.lost_before for one in programmes)}"
        shown = ["-" if value is None else format(round(value, 4) + 0.0, form) for value, form in numbers]
        rows.append([name, lost, *shown, _reached(tuned)])
    return table(rows)


def _reached(tuned: Sequence[Tuned]) -> str:
    """Whether a rival came as far as it was asked to."""
    count = sum(one.reached for one in tuned)
    if count == len(tuned):
        return "yes" if tuned else ""
    return f"{count} of {len(tuned)}" if count else "no"


def goals(programmes: Sequence[Programme]) -> str:
    several = len(programmes) > 1
    rows = [["goal", "at most", *(one.name for one in programmes), *(["together"] if several else []), "met"]]
    for goal in GOALS:
        each = [goal.shown(goal.read([one])) for one in programmes]
        together = [goal.shown(goal.read(programmes))] if several else []
        rows.append([goal.name, goal.shown(goal.limit), *each, *together, goal.verdict(programmes)])
    return table(rows)


def story(programme: Programme) -> str:
    """One programme by itself: its contests, and the lines that stayed lost."""
    parts = [f"## {programme.name}: {programme.lines} lines, {programme.lost_before} of them came unclear"]
    parts += [contest([programme], match) for match in programme.rivals]
    if programme.lost:
        parts.append(
            "Still under 0.5:\n"
            + "\n".join(
                f"  {line.start_s:6.2f} - {line.end_s:6.2f} s, clarity {line.clarity_before:.3f} -> "
                f"{line.clarity_after:.3f}; planned {line.planned}"
                for line in programme.lost
            )
        )
    return "\n\n".join(parts)


def summary(programmes: Sequence[Programme]) -> str:
    """What README shows."""
    named = f"Mean over {', '.join(one.name for one in programmes)}; lines are counted together."
    contests = [contest(programmes, match) for match in programmes[0].rivals]
    return "\n\n".join([named, *contests, goals(programmes)])


def as_json(programmes: Sequence[Programme]) -> str:
    def rounded(value: object) -> object:
        if isinstance(value, dict):
            return {key: rounded(part) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [rounded(part) for part in value]
        return round(value, 4) if isinstance(value, float) else value

    told = [{goal.name: goal.read([one]) for goal in GOALS} for one in programmes]
    return json.dumps(
        [rounded(asdict(one) | {"goals": goal}) for one, goal in zip(programmes, told, strict=True)], indent=2
    )
