"""Who may be cut for whom, and how far: priorities, and what the project has pinned."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, EDGE_HZ
from stemmix.dsp.dynamics import Shape
from stemmix.model.plan import Move
from stemmix.model.profiles import Role
from stemmix.model.project import Pin, Project
from stemmix.planning.evidence import HeardStem
from stemmix.planning.lines import Goal
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
        self._pins: dict[str, list[tuple[int, int, Pin]]] = {}
        for pin in project.pins:
            span = (samples_from_seconds(pin.start, rate), samples_from_seconds(pin.end, rate))
            self._pins.setdefault(pin.stem, []).append((*span, pin))
        self._before = samples_from_seconds(shape.look_ahead_s + shape.ramp_s, rate)
        self._after = samples_from_seconds(shape.hold_s + shape.ramp_s, rate)

    def reach(self, start: int, end: int) -> tuple[int, int]:
        """First and last sample that a move over a span of samples touches."""
        return start - self._before, end + self._after

    def pins_on(self, stem: str, start: int, end: int) -> list[Pin]:
        """The stem's pins that a move over a span of samples would reach into."""
        first, last = self.reach(start, end)
        return [pin for pin_start, pin_end, pin in self._pins.get(stem, ()) if pin_start < last and pin_end > first]

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
        priority = self._priority(goal, start, end)
        for index, stem in enumerate(maskers):
            if stem.priority >= goal.priority or index not in guilty:
                continue
            rule[index], lost[index], duck[index] = self._eq_cap_db, self._lost_cap_db, self._duck_cap_db
            if stem.priority >= priority:
                rule[index] = lost[index] = duck[index] = 0.0
                pinned[index] = True
            for pin in self.pins_on(stem.id, start, end):
                pinned[index] |= _bound_by(pin, priority, rule[index], lost[index], duck[index : index + 1])
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

    def _priority(self, goal: Goal, start: int, end: int) -> int:
        """The line's priority, or what pins on its targets lower it to."""
        pinned = (pin.priority for stem in goal.targets for pin in self.pins_on(stem.id, start, end))
        lowered = (number for number in pinned if number is not None and number < goal.priority)
        return min(lowered, default=goal.priority)

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
        return any(
            pin.keep or pin.action is not None or pin.max_cut_db is not None for _, _, pin in self._pins.get(stem, ())
        )

    def notes(self, stems: Sequence[HeardStem]) -> list[str]:
        """What is to be said of pins: those whose stem's file has changed since they were set."""
        hashes = {stem.id: stem.facts.sha256 for stem in stems}
        return [
            f"pin {number} ({pin.stem}, {pin.start:g}-{pin.end:g} s) is stale: the file of {pin.stem} has changed "
            "since it was set; it still holds"
            for number, pin in enumerate(self._project.pins, 1)
            if pin.source is not None and pin.stem in hashes and not hashes[pin.stem].startswith(pin.source)
        ]


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


def _bound_by(pin: Pin, priority: int, rule: Floats, lost: Floats, duck: Floats) -> bool:
    """Lower a masker's bounds, in place, to what a pin on it allows; whether it did."""
    before = float(lost.sum() + duck.sum())
    bands = _bands(pin)
    if "unmask" in _forbidden(pin) or (pin.priority is not None and pin.priority >= priority):
        rule[bands] = lost[bands] = 0.0
    if "duck" in _forbidden(pin) or (pin.priority is not None and pin.priority >= priority):
        duck[:] = 0.0
    if pin.max_cut_db is not None:
        rule[bands] = np.minimum(rule[bands], pin.max_cut_db)
        lost[bands] = np.minimum(lost[bands], pin.max_cut_db)
        # a duck reaches every band: what the cuts leave of the bound
        duck[:] = np.minimum(duck, max(pin.max_cut_db - float(lost[bands].max(initial=0.0)), 0.0))
    return float(lost.sum() + duck.sum()) < before


def _bands(pin: Pin) -> slice:
    """The bands that a pin is meant for: every one that reaches into its range."""
    low = 0.0 if pin.low_hz is None else pin.low_hz
    high = float("inf") if pin.high_hz is None else pin.high_hz
    inside = [band for band in range(BAND_COUNT) if EDGE_HZ[band + 1] > low and EDGE_HZ[band] < high]
    return slice(inside[0], inside[-1] + 1) if inside else slice(0, 0)
