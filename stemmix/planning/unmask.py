"""The solver: for one line, the least that must be taken from its maskers so that it is clear.

What is cut
    Each stem in the bands where it hides the line. The mid of the stem first: a line stands in the middle, and what a
    listener hears of a wide bed left and right of it does not hide it. The sides follow when the mid has come
    `MID_UNDER_SIDES_DB` below them, so that a bed never turns hollow.

What it costs
    The loudness that is lost, in sones summed over critical bands: Zwicker's (spread power)^0.23. It is concave in
    dB, so a few deep cuts are cheaper than many shallow ones; unevenness of the change over bands is priced beside it,
    and with it damage to the timbre is bounded. Stems that the profile protects cost more.

How much
    The price is each line's own: the least at which the line reaches its goal, which is also where it stops: no
    difference of loudness stops it besides, for a goal of 0.5 is met some 7 LU over the bed, before any such limit.
    A line that is clear is left alone. One
    that is still short at the cap is helped by the voice itself, as a mixer would (a small ride, a little presence);
    then by deeper cuts, allowed only for a line that would else be lost; last by a duck of all that masks.

When to stop
    Bounds are no goals. A line that cannot reach its goal gets the least that brings it within `GIVEN_UP` of what all
    its bounds together would, or half of that way, or a quarter, as far as it is worth what the bed loses; where
    nothing is, or nothing may be cut, the voice's own moves alone. For no line is a stem touched whose cuts buy next to
    nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import CENTRE_HZ
from stemmix.dsp import solving_kernels
from stemmix.dsp.solving import Solver
from stemmix.dsp.spectrum import erb_numbers
from stemmix.model.plan import StoppedBy
from stemmix.planning import masking
from stemmix.planning.passages import Passage

Floats = NDArray[np.float64]

SCOOP: Floats = np.interp(
    erb_numbers(CENTRE_HZ), erb_numbers([300, 500, 1000, 5000, 8000, 10_000]), [0, 0.5, 1, 1, 0.5, 0]
)
"""(36,) what a dynamic EQ set by hand takes out for speech: all of it from 1 to 5 kHz, half beside it. The solver
begins there."""

TILT: Floats = np.interp(erb_numbers(CENTRE_HZ), erb_numbers([500, 1200, 4500, 7000]), [-0.45, 0.55, 0.55, -0.45])
"""(36,) shape of a presence tilt; `presence` takes out what it adds in level."""

GOAL_MARGIN = 0.025
"""Aim so much over the goal: what is solved with one gain a line is rendered with ramps, and judged by other rulers."""
CLOSE_ENOUGH = 0.002
GIVEN_UP = 0.01
"""Clarity that a line short of its goal is left without: the last of it costs as much as all before it."""
WORTH = 0.25
"""Clarity that cuts for such a line must buy for all of the bed's loudness, and so a tenth of it for a tenth. A line
that reaches its goal is worth twice as much and more; under what may not be cut, as under a narrator, one is not."""
WAYS = (1.0, 0.5, 0.25)
NEARLY = 0.05
"""Clarity under its goal at which a line is all but clear, and worth whatever it takes."""
NEXT_TO_NOTHING = 0.002
"""Clarity that is no reason to touch a stem, of all such stems together."""

MID_UNDER_SIDES_DB = 3.0
LOUDNESS_EXPONENT = 0.23
EVENNESS = 5e-3
"""Share of the bed's loudness that a variance of 1 dB squared over the bands is worth."""
EFFORT = 5e-6
SMOOTHNESS = 1e-4
"""The same of a squared dB of cut, times its protection, and of a squared dB between two bands: an abrupt edge in the
spectrum rings before the sound."""
TIMBRE_HZ = (80.0, 12_000.0)

GROUP_FRAMES = 6
"""Frames that the solver takes as one, 120 ms."""
ROUNDS, STEPS, CORRECTIONS = 8, 20, 4
COUNTS = (GROUP_FRAMES, ROUNDS, STEPS, CORRECTIONS)
WEIGHTS = np.array((LOUDNESS_EXPONENT, EVENNESS, EFFORT, SMOOTHNESS))
TIMBRE = np.searchsorted(CENTRE_HZ, TIMBRE_HZ)
"""The first band of the timbre, and that after its last."""
AT_CAP_DB = 0.1


@dataclass(frozen=True, eq=False)
class Bounds:
    """The goal of one line, and how far one may go for it; levels in dB, at least 0."""

    clarity: float
    """0 to 1."""
    rule_db: Floats
    """(stems, 36) deepest cuts, as a rule."""
    lost_db: Floats
    """(stems, 36) the same for a line that would else be lost."""
    duck_db: Floats
    """(stems,) deepest ducks."""
    ride_db: float
    """Most that the line itself is raised; 0 where the voice is not to be touched."""
    presence_db: float
    protection: Floats
    """(stems,) what a cut in each costs against one in music."""


@dataclass(frozen=True, eq=False)
class Solution:
    """What to do for a line."""

    mid_db: Floats
    """(stems, 36) cuts of the mid, at most 0."""
    side_db: Floats
    """(stems, 36) cuts of the sides, at most 0."""
    duck_db: Floats
    """(stems,) broadband ducks, at most 0."""
    ride_db: float
    """How much the line is raised."""
    presence_db: Floats
    """(36,) how it is tilted."""
    stopped_by: StoppedBy
    at_cap: NDArray[np.bool_]
    """(stems,) whether a stem stands at one of its bounds."""

    @property
    def gain_db(self) -> Floats:
        """(stems, 36) all that is done to the mids."""
        return self.mid_db + self.duck_db[:, None]

    @property
    def voice_db(self) -> Floats:
        """(36,) all that is done to the line."""
        return self.ride_db + self.presence_db


def solve(line: Passage, bounds: Bounds, lift: float = 0.0) -> Solution:
    """The least that brings the line's clarity to its goal, within bounds.

    `lift` moves the goal by what the line is known to lose of its clarity, or gain, when it is shaped in time.

    Where no bound lets it get there, the least that leaves it `GIVEN_UP` short of what all of them would; nothing at
    all where that buys less than it leaves. A goal that can be reached, if only without the margin, is never given up.
    """
    nothing = _Attempt(line, bounds, line.untouched)
    came = line.clarity(line.untouched)
    goal = bounds.clarity + lift
    if not lift and came >= goal:
        return nothing.solution("clear")
    if lift and came >= goal + GOAL_MARGIN - CLOSE_ENOUGH:
        return nothing.solution("goal")
    everything = _furthest(line, bounds)
    may_cut = bool(bounds.lost_db.any() or bounds.duck_db.any())
    if not may_cut and not np.any(everything.voice_db):
        return nothing.solution("nothing to cut")
    if (reached := _least(line, bounds, goal + GOAL_MARGIN)) is not None:
        return reached.with_useful_presence.solution("goal")
    if not may_cut:
        voice = everything.with_useful_presence
        return (voice if voice.clarity - came >= GIVEN_UP else nothing).solution("nothing to cut")
    best = everything.clarity
    if best >= goal:
        aim = max(best - GIVEN_UP, min(best, goal + CLOSE_ENOUGH))
        return _within_all(everything, aim).with_useful_presence.solution("goal")
    if best - came < 2 * GIVEN_UP:
        return nothing.solution("benefit")
    voice = replace(everything, cut=line.untouched, duck=0.0).with_useful_presence
    start = voice.clarity
    for way in WAYS:
        short = _within_all(everything, start + way * (best - GIVEN_UP - start)).with_useful_presence
        if best >= bounds.clarity - NEARLY or short.clarity - start >= WORTH * short.loss:
            solution = short.solution("cap")
            return solution if solution.at_cap.any() and way == 1.0 else replace(solution, stopped_by="benefit")
    return (voice if start - came >= GIVEN_UP else nothing).solution("benefit")


def presence(line: Passage, cap_db: float) -> Floats:
    """(36,) a tilt of `cap_db` towards presence that leaves the line's level as it is."""
    tilt = cap_db * TILT
    power = line.target.mean(axis=0)
    level = float(np.log10((power * 10.0 ** (tilt / 10.0)).sum() + 1e-20) - np.log10(power.sum() + 1e-20))
    return np.asarray(tilt - 10.0 * level)


@dataclass(frozen=True, eq=False)
class _Attempt:
    line: Passage
    bounds: Bounds
    cut: Floats
    """(stems, 36) taken from the mid, at least 0."""
    ride_db: float = 0.0
    presence_db: Floats | float = 0.0
    duck: Floats | float = 0.0
    """(stems,) taken from all of it, at least 0."""

    @property
    def clarity(self) -> float:
        """What the line comes to."""
        return self.line.clarity(-self.cut - np.reshape(self.duck, (-1, 1)), self.voice_db)

    @property
    def voice_db(self) -> Floats:
        """(36,) all that is done to the line."""
        return np.zeros(self.cut.shape[1]) + self.ride_db + self.presence_db

    @property
    def with_useful_presence(self) -> _Attempt:
        """The same without a tilt that takes from the voice what is heard of it, as of a whisper, which has no body."""
        level = replace(self, presence_db=0.0)
        return level if np.any(self.presence_db) and level.clarity >= self.clarity else self

    @property
    def loss(self) -> float:
        """Share of the loudness of all that may be cut for the line, 0 to 1, that is."""
        bounds, line = self.bounds, self.line
        may_be = bounds.lost_db.any(axis=1) | (bounds.duck_db > 0)
        mid, side = line.maskers[may_be], line.sides[may_be]
        duck = np.zeros((len(may_be), 1)) + np.reshape(self.duck, (-1, 1))
        taken = [self.cut + duck, np.maximum(self.cut - slack_db(line), 0.0) + duck]
        mid_gain, side_gain = (10.0 ** (-one[may_be, None] / 10.0) for one in taken)
        came, left = (
            masking.loudness(power.sum(axis=0), LOUDNESS_EXPONENT)
            for power in (mid + side, mid * mid_gain + side * side_gain)
        )
        return 1.0 - left / came if came else 0.0

    def solution(self, stopped_by: StoppedBy) -> Solution:
        stems, bands = self.cut.shape
        duck = np.zeros(stems) + self.duck
        at_cut = (self.cut >= self.bounds.lost_db - AT_CAP_DB) & (self.bounds.lost_db > 0)
        at_duck = (duck >= self.bounds.duck_db - AT_CAP_DB) & (self.bounds.duck_db > 0)
        return Solution(
            mid_db=-self.cut,
            side_db=-np.maximum(self.cut - slack_db(self.line), 0.0),
            duck_db=-duck,
            ride_db=self.ride_db,
            presence_db=np.zeros(bands) + self.presence_db,
            stopped_by=stopped_by,
            at_cap=at_cut.any(axis=1) | at_duck,
        )


def slack_db(line: Passage) -> Floats:
    """(stems, 36) how far the mid of each band may be cut before its sides follow."""
    return np.asarray(solving_kernels.slack_db(line.maskers, line.sides, MID_UNDER_SIDES_DB))


def _least(line: Passage, bounds: Bounds, aim: float) -> _Attempt | None:
    """The least means with which the line is at an aim; None where all of them are not enough."""
    tilt = presence(line, bounds.presence_db)
    half = (bounds.rule_db + bounds.lost_db) / 2
    for cap, ride_db, presence_db in (
        (bounds.rule_db, 0.0, 0.0 * tilt),
        (bounds.rule_db, bounds.ride_db, 0.0 * tilt),
        (bounds.rule_db, bounds.ride_db, tilt),
        (half, bounds.ride_db, tilt),
    ):
        voice_db = ride_db + presence_db
        untouched = _Attempt(line, bounds, line.untouched, ride_db, presence_db)
        if voice_db.any() and untouched.clarity >= aim:
            return untouched
        if line.clarity(-cap, voice_db) < aim:
            continue
        return replace(untouched, cut=_needed(line, cap, cap * SCOOP, bounds.protection, aim, voice_db))
    everything = _furthest(line, bounds)
    enough = max(everything.clarity, line.clarity(-bounds.lost_db, everything.voice_db)) >= aim
    return _within_all(everything, aim) if enough else None


def _furthest(line: Passage, bounds: Bounds) -> _Attempt:
    """Everything that may be done."""
    tilt = presence(line, bounds.presence_db)
    return _Attempt(line, bounds, bounds.lost_db * SCOOP, bounds.ride_db, tilt, bounds.duck_db)


def _within_all(everything: _Attempt, aim: float) -> _Attempt:
    """The cheapest of all that may be done for a line that would else be lost, ducks only where no cuts reach the aim.

    Every stem's duck is first bounded by the same share of its cap, by `GIVEN_UP` of clarity more than is needed: room
    to find the stems that matter. Of each only that much is taken, and a duck is what of it no cut may do.
    """
    line, bounds, voice_db = everything.line, everything.bounds, everything.voice_db
    if line.clarity(-bounds.lost_db, voice_db) >= aim:
        cut = _needed(line, bounds.lost_db, bounds.lost_db * SCOOP, bounds.protection, aim, voice_db)
        return replace(everything, cut=cut, duck=0.0)
    low, high, enough = 0.0, 1.0, min(aim + GIVEN_UP, everything.clarity)
    while high - low > 0.005:
        middle = (low + high) / 2
        reached = replace(everything, duck=middle * bounds.duck_db).clarity >= enough
        low, high = (low, middle) if reached else (middle, high)
    cap = everything.cut + high * bounds.duck_db[:, None]
    cut = _needed(line, cap, cap, bounds.protection, aim, voice_db)
    duck = np.maximum(cut - bounds.lost_db, 0.0).max(axis=1)
    # a duck reaches every band: what is left for the cuts is less
    gains = 10.0 ** (-duck[:, None, None] / 10.0)
    ducked = replace(line, maskers=line.maskers * gains, sides=line.sides * gains)
    left = np.maximum(cut - duck[:, None], 0.0)
    if duck.any() and left.any():
        left = _cheapest(ducked, left, bounds.protection, aim, voice_db, left)
    return replace(everything, cut=left, duck=duck)


def _needed(line: Passage, cap: Floats, shape: Floats, protection: Floats, aim: float, voice_db: Floats) -> Floats:
    """(stems, 36) the cheapest cuts that reach an aim, of those stems alone that it needs; looked for near a shape."""
    return _solver(line, protection, voice_db).needed(cap, shape, aim)


def _cheapest(line: Passage, cap: Floats, protection: Floats, aim: float, voice_db: Floats, start: Floats) -> Floats:
    """(stems, 36) cuts at the least cost at which the line, frame by frame, is at an aim; looked for from a start."""
    return _solver(line, protection, voice_db).cheapest(cap, start, aim)[0]


def _solver(line: Passage, protection: Floats, voice_db: Floats) -> Solver:
    return Solver(
        target=line.target_at(voice_db),
        mid=line.maskers,
        side=line.sides,
        protection=protection,
        spread=masking.SPREAD,
        reach=masking.REACH,
        importance=line.importance,
        wide=TIMBRE,
        weights=WEIGHTS,
        counts=COUNTS,
        under_sides_db=MID_UNDER_SIDES_DB,
        close=CLOSE_ENOUGH,
        nothing=NEXT_TO_NOTHING,
    )
