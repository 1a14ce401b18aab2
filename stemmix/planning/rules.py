"""Who may be cut for whom, and how far: priorities, and what the project has pinned."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp.dynamics import Shape
from stemmix.model.plan import Move
from stemmix.model.profiles import Role
from stemmix.model.project import Pin, Project
from stemmix.planning.evidence import HeardStem
from stemmix.planning.lines import Goal
from stemmix.planning.pins import Pins, bands_of
from stemmix.planning.unmask import Bounds
from stemmix.units import samples_from_seconds

Floats = NDArray[np.float64]

TRANSIENT_PRICE = 3.0
"""A stem that is all attack costs so many times more to cut, on top."""
TRANSIENT_FRAMES = 4
HIT_DB = 6.0
"""Onsets that are weaker are no hits."""


class Rules:
    """A project's priorities and pins, asked line by line."""

    def __init__(self, project: Project, shape: Shape) -> None:
        self._project = project
        self._profile = profile = project.defaults
        goals = project.goals
        self.clarity = profile.clarity if goals.clarity is None else goals.clarity
        self._eq_cap_db = profile.eq_cap_db if goals.eq_cap_db is None else goals.eq_cap_db
        # a cap that is given holds for every line
        self._lost_cap_db = profile.lost_cap_db if goals.eq_cap_db is None else goals.eq_cap_db
        self._duck_cap_db = profile.duck_cap_db if goals.duck_cap_db is None else goals.duck_cap_db
        rate = project.sample_rate
        self._pins = Pins(project)
        self._before = samples_from_seconds(shape.look_ahead_s + shape.ramp_s, rate)
        self._after = samples_from_seconds(shape.hold_s + shape.ramp_s, rate)

    def reach(self, start: int, end: int) -> tuple[int, int]:
        """First and last sample that a move over a span of samples touches."""
        return start - self._before, end + self._after

    def pins_on(self, stem: str, start: int, end: int) -> list[Pin]:
        """The stem's pins that a move over a span of samples would reach into."""
        return self._pins.touching(stem, *self.reach(start, end))

    def bounds(
        self, goal: Goal, maskers: Sequence[HeardStem], guilty: Collection[int], hop: int
    ) -> tuple[Bounds, NDArray[np.bool_]]:
        """How far one may go for a line, and at which maskers (maskers,) a pin and not the profile set the bound.

        Only the `guilty`, by number, are cut: those that the line has a conflict with.
        """
        start, end = goal.start * hop, goal.end * hop
        shape = (len(maskers), BAND_COUNT)
        rule, lost, duck = np.zeros(shape), np.zeros(shape), np.zeros(len(maskers))
        pinned = np.zeros(len(maskers), dtype=bool)
        for index in guilty:
            stem = maskers[index]
            below = self._priority_over(stem, start, end) < goal.priority
            rule[index, below], lost[index, below] = self._eq_cap_db, self._lost_cap_db
            duck[index] = self._duck_cap_db if below.all() else 0.0
            pinned[index] = stem.priority < goal.own_priority and not below.all()
            for pin in self.pins_on(stem.id, start, end):
                pinned[index] |= _bound_by(pin, rule[index], lost[index], duck[index : index + 1])
        protection = np.array(
            [stem.protection * (1 + TRANSIENT_PRICE * transient_share(stem, goal, hop)) for stem in maskers]
        )
        voice = goal.is_speech and self._project.goals.voice
        forbidden = {
            kind for stem in goal.targets for pin in self.pins_on(stem.id, start, end) for kind in _forbidden(pin)
        }
        bounds = Bounds(
            clarity=self.clarity,
            rule_db=rule,
            lost_db=lost,
            duck_db=duck,
            ride_db=self._profile.ride_cap_db if voice and "ride" not in forbidden else 0.0,
            presence_db=self._profile.presence_cap_db if voice and "presence" not in forbidden else 0.0,
            protection=protection,
        )
        return bounds, pinned

    def _priority_over(self, stem: HeardStem, start: int, end: int) -> NDArray[np.int64]:
        """(36,) a masker's priority over a line, band by band: where pins raise and lower it, it is raised."""
        over = np.full(BAND_COUNT, stem.priority)
        for priority, bands in self._pins.lowering(stem.id, stem.priority, start, end):
            over[bands] = np.minimum(over[bands], priority)
        for pin in self.pins_on(stem.id, start, end):
            if pin.priority is not None and pin.priority > stem.priority:
                over[bands_of(pin)] = np.maximum(over[bands_of(pin)], pin.priority)
        return over

    def pinned_moves(self, frames: int, stems: Sequence[HeardStem]) -> list[Move]:
        """The moves that pins hold as they are."""
        rate = self._project.sample_rate
        heard = {stem.id for stem in stems}
        return [
            Move(
                id=f"pin{number:03d}-{pin.stem}-{pin.action.kind}",
                stem=pin.stem,
                start=min(samples_from_seconds(pin.start, rate), frames),
                end=min(samples_from_seconds(pin.end, rate), frames),
                action=pin.action,
                stopped_by="pin",
            )
            for number, pin in enumerate(self._project.pins, 1)
            if pin.action is not None and pin.stem in heard
        ]

    def keeps(self, stem: str) -> bool:
        """Whether a pin anywhere in the programme keeps the stem from moves over the whole of it."""
        return any(pin.keep or pin.action is not None or pin.max_cut_db is not None for pin in self._pins.of(stem))

    def notes(self, stems: Sequence[HeardStem], goals: Sequence[Goal], hop: int) -> list[str]:
        """What is to be said of pins: those whose stem's file has changed since they were set, and those that lower a
        stem over no line."""
        heard = {stem.id: stem for stem in stems}
        said = []
        for number, pin in enumerate(self._project.pins, 1):
            name = f"pin {number} ({pin.stem}, {pin.start:g}-{pin.end:g} s)"
            if (stem := heard.get(pin.stem)) is None:
                continue
            if pin.source is not None and not stem.facts.sha256.startswith(pin.source):
                said.append(f"{name} is stale: the file of {pin.stem} has changed since it was set; it still holds")
            lowers = pin.priority is not None and pin.priority < stem.priority
            if lowers and not any(self._pins.covers(pin, goal.start * hop, goal.end * hop) for goal in goals):
                said.append(f"{name} lowers {pin.stem} for nothing: it covers no line from end to end")
        return said


def transient_share(stem: HeardStem, goal: Goal, hop: int) -> float:
    """Share of an effect's energy in a line that lies within 80 ms of its onsets, 0 to 1; 0 of all other roles.

    A hit is its attack: what has more of it is dearer to cut, so that sustained maskers give way first.
    """
    if stem.role is not Role.FX:
        return 0.0
    power = stem.frames.power("total", goal.start, goal.end).sum(axis=1)
    near = np.zeros(len(power), dtype=bool)
    onsets = stem.facts.onsets
    # a long effect has thousands: only those that reach into the line are looked at
    first, after = (
        bisect_left(onsets, frame * hop - stem.at, key=lambda onset: onset.at)
        for frame in (goal.start - TRANSIENT_FRAMES, goal.end)
    )
    for onset in onsets[first:after]:
        frame = (stem.at + onset.at) // hop - goal.start
        if onset.strength_db >= HIT_DB and -TRANSIENT_FRAMES < frame < len(power):
            near[max(frame - 1, 0) : max(frame + TRANSIENT_FRAMES, 0)] = True
    total = float(power.sum())
    return float(power[near].sum()) / total if total > 0 else 0.0


def _forbidden(pin: Pin) -> tuple[str, ...]:
    """Kinds of moves that a pin keeps from its stem altogether."""
    return ("unmask", "duck", "ride", "presence") if pin.keep or pin.action is not None else pin.forbid or ()


def _bound_by(pin: Pin, rule: Floats, lost: Floats, duck: Floats) -> bool:
    """Lower a masker's bounds, in place, to what a pin on it allows; whether it did."""
    before = float(lost.sum() + duck.sum())
    if "unmask" in _forbidden(pin):
        rule[:] = lost[:] = 0.0
    if "duck" in _forbidden(pin):
        duck[:] = 0.0
    if pin.max_cut_db is not None:
        bands = bands_of(pin)
        rule[bands] = np.minimum(rule[bands], pin.max_cut_db)
        lost[bands] = np.minimum(lost[bands], pin.max_cut_db)
        # a duck reaches every band: what the cuts leave of the bound
        duck[:] = np.minimum(duck, max(pin.max_cut_db - float(lost[bands].max(initial=0.0)), 0.0))
    return float(lost.sum() + duck.sum()) < before
