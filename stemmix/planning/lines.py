"""What is to be heard, and when: the lines of every target, and the scenes they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from stemmix.model.plan import PlannedScene
from stemmix.model.profiles import Role
from stemmix.model.project import Project
from stemmix.planning.evidence import HeardStem
from stemmix.units import samples_from_seconds

SCENE_PAUSE_S = 5.0
"""A longer pause of the dialogue parts two scenes, where none are given."""

LONGEST_S = 12.0
"""A longer run of a target that is no dialogue is decided in pieces."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A line: targets that are to be heard as one, over a span, against everything of lower priority."""

    id: str
    targets: tuple[HeardStem, ...]
    priority: int
    start: int
    end: int
    """Programme frames."""

    @property
    def is_speech(self) -> bool:
        """Whether the bands of speech matter, or all that the target fills."""
        return all(stem.role in {Role.DIALOGUE, Role.LEAD} for stem in self.targets)


def goals_of(project: Project, stems: Sequence[HeardStem], hop: int, frames: int) -> list[Goal]:
    """Every line that is to be cleared, highest priority first, then in the profile's order, then in time.

    The profile names the roles that are cleared; a pin that raises a stem over its role makes its span a line too.
    """
    found: list[tuple[int, int, tuple[HeardStem, ...], int, int]] = []
    for order, role in enumerate(project.defaults.targets):
        targets = tuple(stem for stem in stems if stem.role is role)
        if not targets:
            continue
        priority = max(stem.priority for stem in targets)
        longest = _longest(role, project.sample_rate, hop)
        found += [(-priority, order, targets, *span) for span in spans_of(project, targets, hop, frames, longest)]
    for pin in project.pins:
        stem = next((stem for stem in stems if stem.id == pin.stem), None)
        if pin.priority is not None and stem is not None and pin.priority > stem.priority:
            start, end = (samples_from_seconds(s, project.sample_rate) for s in (pin.start, pin.end))
            longest = _longest(stem.role, project.sample_rate, hop)
            span = (start // hop, -(-min(end, frames) // hop))
            found += [(-pin.priority, -1, (stem,), *piece) for piece in _pieces(span, longest)]
    found = list(dict.fromkeys(found))  # two pins may say the same of different bands
    by_time = {key: number for number, key in enumerate(sorted(found, key=_in_time), 1)}
    return [
        Goal(f"L{by_time[key]:03d}", key[2], -key[0], key[3], key[4])
        for key in sorted(found, key=lambda key: (key[0], key[1], [stem.id for stem in key[2]], _in_time(key)))
    ]


def _in_time(key: tuple[int, int, tuple[HeardStem, ...], int, int]) -> tuple[int, int, int, str]:
    return key[3], key[4], key[0], key[2][0].id


def spans_of(
    project: Project, targets: Sequence[HeardStem], hop: int, frames: int, longest: int | None = None
) -> list[tuple[int, int]]:
    """Lines of all targets together, as programme frames (first, after the last); where they overlap they are one.

    A stem's cues stand for what would be found in it. Runs longer than `longest` frames are cut into equal pieces.
    """
    rate = project.sample_rate
    given: dict[str, list[tuple[int, int]]] = {}
    for cue in project.cues:
        span = (samples_from_seconds(cue.start, rate), samples_from_seconds(cue.end, rate))
        given.setdefault(cue.stem, []).append(span)
    spans = sorted(
        (start // hop, -(-min(end, frames) // hop))
        for stem in targets
        for start, end in given.get(stem.id, [(stem.at + run.start, stem.at + run.end) for run in stem.facts.active])
    )
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif end > start:
            merged.append((start, end))
    return [piece for span in merged for piece in _pieces(span, longest)]


def _longest(role: Role, rate_hz: int, hop: int) -> int | None:
    """Frames of the longest line; None where a line is as long as what is said."""
    return None if role is Role.DIALOGUE else round(LONGEST_S * rate_hz / hop)


def _pieces(span: tuple[int, int], longest: int | None) -> list[tuple[int, int]]:
    """A span of frames in equal pieces, none longer than `longest`; none at all of an empty one."""
    start, length = span[0], span[1] - span[0]
    count = max(-(-length // longest) if longest else 1, 1)
    return list(pairwise(start + length * i // count for i in range(count + 1))) if length > 0 else []


def scenes_of(project: Project, goals: Sequence[Goal], hop: int, frames: int) -> tuple[PlannedScene, ...]:
    """The scenes that are given; else those that long pauses between lines part, each beginning midway in the pause."""
    if project.scenes:
        starts = sorted((samples_from_seconds(cue.start, project.sample_rate), cue.id) for cue in project.scenes)
        if starts[0][0] > 0:
            starts.insert(0, (0, "start"))
        named = [(min(start, frames), name) for start, name in starts]
    else:
        pause = round(SCENE_PAUSE_S * project.sample_rate / hop)
        spans = sorted((goal.start, goal.end) for goal in goals)
        cuts = [0]
        reached = spans[0][1] if spans else 0
        for start, end in spans[1:]:
            if start - reached >= pause:
                cuts.append((start + reached) // 2 * hop)
            reached = max(reached, end)
        named = [(cut, f"S{number:02d}") for number, cut in enumerate(cuts, 1)]
    ends = [start for start, _ in named[1:]] + [frames]
    return tuple(
        PlannedScene(id=name, start=start, end=end)
        for (start, name), end in zip(named, ends, strict=True)
        if end > start
    )
