"""What every decision looks at, and what stands on the way from a line to the plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp.dynamics import Shape, StemGains
from stemmix.dsp.spectrum import ruler
from stemmix.model.plan import Move, StoppedBy, layers_of
from stemmix.model.project import Project
from stemmix.planning import conflicts
from stemmix.planning.ids import bands, joined
from stemmix.planning.lines import Goal
from stemmix.planning.passages import HeardStem, Passage, passage, smoothed_power
from stemmix.planning.rules import Rules

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class SolvedLine:
    """A line on its way to the plan: small, so that hours of them fit in memory."""

    goal: Goal
    moves: tuple[Move, ...]
    found: tuple[conflicts.Found, ...]
    """By number of masker in the goal's own list."""
    names: tuple[str, ...]
    """Of the conflicts, in the plan."""
    clarity: float
    snr_db: float
    reached: float
    """Clarity with its own moves and those of higher priority."""
    stopped_by: StoppedBy
    lift: float = 0.0
    """Clarity by which its aim was moved, because of what ramps and neighbours make of it."""


class Desk:
    """What every decision looks at: stems, rules, times, and the gains that were decided so far."""

    def __init__(self, project: Project, stems: Sequence[HeardStem], frames: int) -> None:
        profile = project.defaults
        self.project, self.stems, self.frames = project, stems, frames
        self.hop = ruler(project.sample_rate).hop_samples
        self.shape = Shape(profile.look_ahead_s, profile.hold_s, profile.ramp_s)
        self.rules = Rules(project, self.shape, frames)
        # of `stems`, not of `self`: in a cycle with the cache, all that was heard would outlive the decisions
        self._maskers = cache(lambda targets: tuple(stem for stem in stems if stem not in targets))

    def gains(self, moves: Iterable[Move]) -> dict[str, StemGains]:
        """What moves make of every stem."""
        of_stem: dict[str, list[Move]] = {stem.id: [] for stem in self.stems}
        for move in moves:
            of_stem[move.stem].append(move)
        return {stem: self.gains_of_stem(own) for stem, own in of_stem.items()}

    def gains_of_stem(self, moves: Iterable[Move]) -> StemGains:
        """What moves make of the one stem that they are all made to."""
        return StemGains(layers_of(moves), self.shape, self.project.sample_rate, 2 * BAND_COUNT)

    def maskers(self, goal: Goal) -> Sequence[HeardStem]:
        """Everything that a line's targets are to be heard through, in the project's order."""
        return self._maskers(goal.targets)

    def names(self, goal: Goal, found: Iterable[conflicts.Found]) -> tuple[str, ...]:
        """Ids of a line's conflicts: the line, the masker and the bands in Hz, `DX-0083.5-MX-1008-5699`."""
        maskers = self.maskers(goal)
        return tuple(joined(goal.id, maskers[one.masker].id, bands(one.low_hz, one.high_hz)) for one in found)

    def passage(self, goal: Goal, *, wide: bool = False) -> Passage:
        """What is heard while a line is spoken; `wide`, with the sides, where cuts are to be found for it."""
        return passage(
            goal.targets,
            self.maskers(goal),
            goal.start,
            goal.end,
            is_speech=goal.is_speech,
            bands=goal.bands,
            wide=wide,
        )

    def mixed(self, goal: Goal, heard: Passage, gains: dict[str, StemGains]) -> Passage:
        """The passage as gains that were decided leave it."""
        times = self.times(goal)
        voice_db: Floats | float = 0.0
        if not all(gains[stem.id].idle(times[0] - 1, times[-1] + 1) for stem in goal.targets):
            voice_db = self.voice_db(goal, [gains[stem.id].at(times)[:, :BAND_COUNT] for stem in goal.targets])
        return heard.at_gains([gains[stem.id].at(times) for stem in self.maskers(goal)], voice_db)

    def times(self, goal: Goal) -> Floats:
        """(frames,) samples on which the line's frames are centred."""
        return np.arange(goal.start, goal.end, dtype=np.float64) * self.hop

    def voice_db(self, goal: Goal, gains_db: Sequence[Floats]) -> Floats:
        """(frames, 36) what gains of every target, each alike in shape, make of all of them together."""
        if len(goal.targets) == 1:
            return gains_db[0]
        before = np.full((goal.end - goal.start, BAND_COUNT), 1e-14)
        after = before.copy()
        for stem, gain_db in zip(goal.targets, gains_db, strict=True):
            power = smoothed_power(stem, "mid", goal.start, goal.end)
            before += power
            after += power * 10.0 ** (gain_db / 10.0)
        return np.asarray(10.0 * np.log10(after / before))
