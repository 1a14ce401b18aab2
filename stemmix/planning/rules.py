"""Who may be cut for whom, and how far: priorities, and what the project has pinned."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp import hearing_kernels
from stemmix.dsp.dynamics import Shape
from stemmix.model.moves import Presence, Ride, gains_of
from stemmix.model.plan import PINNED, Move
from stemmix.model.profiles import HITS
from stemmix.model.project import Project
from stemmix.model.requests import Pin
from stemmix.planning.ids import begin, distinct, joined
from stemmix.planning.lines import HIT_DB, Goal
from stemmix.planning.passages import HeardStem
from stemmix.planning.pins import Pins, bands_into, bands_of, forbidden
from stemmix.planning.unmask import Bounds
from stemmix.units import samples_from_seconds

Floats = NDArray[np.float64]

TRANSIENT_PRICE = 3.0
"""A stem that is all attack costs so many times more to cut, on top."""
TRANSIENT_FRAMES = 4


class Shares(NamedTuple):
    """What each kind of cut may take of a bound, in dB: together no more than all of it.

    They are layers, which add up where the ramps of one line meet those of the next: so they are a pin's, and the same
    for every line that it reaches.
    """

    eq_db: float
    """Cuts for lines and the curves of scenes, which together are never deeper than the line's own."""
    duck_db: float
    presence_db: float
    """Where the stem is the voice: a tilt takes from some bands what it gives to others."""


class Rules:
    """A project's priorities and pins, asked line by line, for a programme of `frames` samples."""

    def __init__(self, project: Project, shape: Shape, frames: int) -> None:
        self._project = project
        self._frames = frames
        self._profile = profile = project.defaults
        goals = project.goals
        self.clarity = profile.clarity if goals.clarity is None else goals.clarity
        self._eq_cap_db = profile.eq_cap_db if goals.eq_cap_db is None else goals.eq_cap_db
        # a cap that is given holds for every line
        self._lost_cap_db = profile.lost_cap_db if goals.eq_cap_db is None else goals.eq_cap_db
        self._duck_cap_db = profile.duck_cap_db if goals.duck_cap_db is None else goals.duck_cap_db
        rate = project.sample_rate
        self._pins = Pins(project, frames)
        ramp = _even(samples_from_seconds(shape.ramp_s, rate))
        self._before = samples_from_seconds(shape.look_ahead_s, rate) + ramp
        self._after = samples_from_seconds(shape.hold_s, rate) + ramp
        self._voice = _even(samples_from_seconds(shape.voice_ramp_s, rate))
        self._own = {stem.id: project.priority_of(stem) for stem in project.heard}
        self._shares = cache(self._shares_of)
        self._priorities = cache(self._priorities_of)

    def reach(self, start: int, end: int) -> tuple[int, int]:
        """First and last sample that a move over a span of samples touches."""
        return start - self._before, end + self._after

    def pins_on(self, stem: str, start: int, end: int) -> list[Pin]:
        """The stem's pins that a cut over a span of samples would reach into."""
        return self._pins.touching(stem, *self.reach(start, end))

    def pins_on_voice(self, stem: str, start: int, end: int) -> list[Pin]:
        """Those that a move of the line itself would reach into."""
        return self._pins.touching(stem, start - self._voice, end + self._voice)

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
        is_under_bed, is_beside_equals = False, False
        for index in guilty:
            stem = maskers[index]
            below = self._priority_over(stem, start, end) < goal.priority
            rule[index, below], lost[index, below] = self._eq_cap_db, self._lost_cap_db
            duck[index] = self._duck_cap_db if below.all() else 0.0
            is_under_bed |= bool(below.any())
            is_beside_equals |= not below.any()
            pinned[index] = stem.priority < goal.own_priority and not below.all()
            for pin in self.pins_on(stem.id, start, end):
                pinned[index] |= self._bind(pin, rule[index], lost[index], duck[index : index + 1])
        protection = np.array(
            [stem.protection * (1 + TRANSIENT_PRICE * transient_share(stem, goal, hop)) for stem in maskers]
        )
        voice = goal.is_speech and self._project.goals.voice
        if not (lost.any() or duck.any()):
            # where nothing but the voice can help: equals are not to be raised over each other
            voice = voice and is_under_bed and not is_beside_equals
        on_voice = [pin for stem in goal.voices for pin in self.pins_on_voice(stem.id, start, end)]
        kept = {kind for pin in on_voice for kind in forbidden(pin)}
        ride_db = self._profile.ride_cap_db if voice and "ride" not in kept else 0.0
        # a line is tilted only where it is raised as far as it may be: that is not taken from it
        tilt_db = min([self._profile.presence_cap_db, *(ride_db + self._tilt_db(pin) for pin in on_voice)])
        bounds = Bounds(
            clarity=self.clarity,
            rule_db=rule,
            lost_db=lost,
            duck_db=duck,
            ride_db=ride_db,
            presence_db=tilt_db if voice and "presence" not in kept else 0.0,
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
                over[bands_into(pin)] = np.maximum(over[bands_into(pin)], pin.priority)
        return over

    def _bind(self, pin: Pin, rule: Floats, lost: Floats, duck: Floats) -> bool:
        """Lower a masker's bounds, in place, to what a pin on it allows, in any order; whether it did."""
        before = float(lost.sum() + duck.sum())
        kinds = forbidden(pin)
        if "unmask" in kinds:
            rule[:] = lost[:] = 0.0
        if "duck" in kinds:
            duck[:] = 0.0
        if pin.max_cut_db is not None:
            shares, bands = self._shares(pin), bands_into(pin)
            rule[bands] = np.minimum(rule[bands], shares.eq_db)
            lost[bands] = np.minimum(lost[bands], shares.eq_db)
            # a duck reaches every band
            duck[:] = np.minimum(duck, shares.duck_db)
        return float(lost.sum() + duck.sum()) < before

    def _tilt_db(self, pin: Pin) -> float:
        """Most presence that a pin on the voice allows: a tilt of so much takes no more from any band."""
        return float("inf") if pin.max_cut_db is None else self._shares(pin).presence_db

    def _shares_of(self, pin: Pin) -> Shares:
        """How a bound is shared: first what other pins hold, then EQ as deep as it may ever go, ducks, presence.

        A kind that can reach nowhere into the pin takes no share.
        """
        assert pin.max_cut_db is not None
        left_db = max(pin.max_cut_db - self._held_db(pin), 0.0)
        cut = self._may_be_cut(pin.stem)
        eq_db = min(left_db, self._lost_cap_db) if cut and not self._pins.forbid_all_along(pin, "unmask") else 0.0
        left_db -= eq_db
        duck_db = min(left_db, self._duck_cap_db) if cut and not self._pins.forbid_all_along(pin, "duck") else 0.0
        return Shares(eq_db, duck_db, left_db - duck_db)

    def kinds_made(self, stem: str, *, speaks: bool) -> frozenset[str]:
        """The kinds of moves that may be forbidden and that any line may ask of a stem; whether it is a line of speech
        itself is for the caller to say."""
        multilevel, voice = self._project.method == "multilevel", speaks and self._project.goals.voice
        cut = self._may_be_cut(stem)
        made = {
            "unmask": cut and self._lost_cap_db > 0.0,
            "duck": cut and multilevel and self._duck_cap_db > 0.0,
            "ride": voice and multilevel and self._profile.ride_cap_db > 0.0,
            "presence": voice and multilevel and self._profile.presence_cap_db > 0.0,
        }
        return frozenset(kind for kind, may_be in made.items() if may_be)

    def _may_be_cut(self, stem: str) -> bool:
        """Whether anything may ever rank over a stem."""
        lowest, _ = self._priorities(stem)
        return any(lowest < self._priorities(other)[1] for other in self._own if other != stem)

    def _priorities_of(self, stem: str) -> tuple[int, int]:
        """The lowest and the highest priority that a stem ever has: its own, or one that a pin gives it."""
        given = [self._own[stem], *(pin.priority for pin in self._pins.of(stem) if pin.priority is not None)]
        return min(given), max(given)

    def _held_db(self, pin: Pin) -> float:
        """The deepest cut in a pin's bands of what other pins hold as it is and that reaches into its span."""
        bands, deepest = bands_of(pin), dict[str, float]()
        for held in self.held_into(pin):
            assert held.action is not None
            gains_db = gains_of(held.action)
            of_kind = max(0.0, -min(min(gains_db[band], gains_db[BAND_COUNT + band]) for band in bands))
            deepest[held.action.kind] = max(deepest.get(held.action.kind, 0.0), of_kind)
        return sum(deepest.values())

    def held_into(self, pin: Pin) -> list[Pin]:
        """The stem's pins whose action reaches into another pin's span, with its ramps."""
        start, end = self._pins.span(pin)
        found = []
        for held in self._pins.held(pin.stem):
            first, last = self._pins.span(held)
            of_voice = isinstance(held.action, Ride | Presence)
            first, last = (first - self._voice, last + self._voice) if of_voice else self.reach(first, last)
            if first < end and last > start:
                found.append(held)
        return found

    def pinned_moves(self, stems: Sequence[HeardStem]) -> list[Move]:
        """The moves that pins hold as they are."""
        heard = {stem.id for stem in stems}
        rate = self._project.sample_rate
        held = [
            (self._pins.span(pin), pin.stem, pin.action, pin.id)
            for pin in self._project.pins
            if pin.action is not None and pin.stem in heard and self._pins.span(pin)[0] < self._frames
        ]
        names = [
            joined(PINNED, name or joined(stem, begin(start, rate, decimals=2)), action.kind)
            for (start, _), stem, action, name in held
        ]
        return [
            Move(
                id=id_,
                stem=stem,
                start=start,
                end=min(end, self._frames),
                action=action,
                stopped_by="pin",
            )
            for id_, ((start, end), stem, action, _) in zip(
                distinct(list(zip(names, held, strict=True))), held, strict=True
            )
        ]

    def keeps(self, stem: str) -> bool:
        """Whether a pin anywhere in the programme keeps a fader from being moved, which moves the whole of it."""
        return any(
            pin.keep or pin.action is not None or pin.max_cut_db is not None or self._raises(pin)
            for pin in self._pins.of(stem)
        )

    def curve_bound_db(self, stem: str) -> Floats:
        """(36,) how far pins let a curve over the whole programme cut a stem: it reaches into the span of each.

        0 where one keeps the stem, forbids `unmask` or holds an action; infinite in bands that none bounds.
        """
        bound_db = np.full(BAND_COUNT, np.inf)
        for pin in self._pins.of(stem):
            if "unmask" in forbidden(pin):
                bound_db[:] = 0.0
            elif pin.max_cut_db is not None:
                bands = bands_of(pin)
                bound_db[bands] = np.minimum(bound_db[bands], pin.max_cut_db)
        return bound_db

    def highest_priority(self, stem: str) -> NDArray[np.int64]:
        """(36,) a stem's priority against what stands over the whole programme: where a pin raises it in any span, it
        is raised; where one lowers it, it is not lowered, for the rest of the programme is none of that pin's."""
        highest = np.full(BAND_COUNT, self._own[stem])
        for pin in self._pins.of(stem):
            if pin.priority is not None:
                highest[bands_of(pin)] = np.maximum(highest[bands_of(pin)], pin.priority)
        return highest

    def holds_curve(self, stem: str) -> bool:
        """Whether a pin has a say in the curve that stands over the whole programme."""
        return bool(np.isfinite(self.curve_bound_db(stem)).any()) or any(map(self._raises, self._pins.of(stem)))

    def _raises(self, pin: Pin) -> bool:
        return pin.priority is not None and pin.priority > self._own[pin.stem]


def transient_share(stem: HeardStem, goal: Goal, hop: int) -> float:
    """Share of an effect's energy in a line that lies within 80 ms of its onsets, 0 to 1; 0 of all other roles.

    A hit is its attack: what has more of it is dearer to cut, so that sustained maskers give way first.
    """
    if stem.role not in HITS:
        return 0.0
    near = np.zeros(goal.end - goal.start, dtype=bool)
    onsets = stem.facts.onsets
    # a long effect has thousands: only those that reach into the line are looked at
    first, after = (
        bisect_left(onsets, frame * hop - stem.at, key=lambda onset: onset.at)
        for frame in (goal.start - TRANSIENT_FRAMES, goal.end)
    )
    for onset in onsets[first:after]:
        frame = (stem.at + onset.at) // hop - goal.start
        if onset.strength_db >= HIT_DB and -TRANSIENT_FRAMES < frame < len(near):
            near[max(frame - 1, 0) : max(frame + TRANSIENT_FRAMES, 0)] = True
    if not near.any():
        return 0.0
    rows, table, bands = stem.frames.rows(goal.start, goal.end), stem.frames.power_of_level, np.ones(BAND_COUNT)
    total = hearing_kernels.weighed_power(rows, table, bands)
    return float(hearing_kernels.weighed_power(rows[near], table, bands)) / total if total > 0 else 0.0


def _even(ramp: int) -> int:
    """A ramp as far as it reaches: one of an odd number of samples begins half a one before."""
    return ramp + ramp % 2
