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
    The price is each line's own: the least at which the line reaches its goal. A line that is clear is left alone. One
    that is still short at the cap is helped by the voice itself, as a mixer would (a small ride, a little presence);
    then by deeper cuts, allowed only for a line that would else be lost; last by a duck of all that masks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import CENTRE_HZ
from stemmix.dsp import masking_kernels
from stemmix.dsp.spectrum import erb_numbers
from stemmix.model.plan import StoppedBy
from stemmix.planning import masking
from stemmix.planning.evidence import Passage

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

MID_UNDER_SIDES_DB = 3.0
LOUDNESS_EXPONENT = 0.23
EVENNESS = 3e-3
"""Share of the bed's loudness that a variance of 1 dB squared over the bands is worth."""
EFFORT = 5e-6
SMOOTHNESS = 1e-4
"""The same of a squared dB of cut, times its protection, and of a squared dB between two bands: an abrupt edge in the
spectrum rings before the sound."""
TIMBRE_HZ = (80.0, 12_000.0)

GROUP_FRAMES = 6
"""Frames that the solver takes as one, 120 ms."""
ROUNDS, STEPS, CORRECTIONS = 8, 20, 4


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

    @property
    def gain_db(self) -> Floats:
        """(stems, 36) all that is done to the mids."""
        return self.mid_db + self.duck_db[:, None]

    @property
    def voice_db(self) -> Floats:
        """(36,) all that is done to the line."""
        return self.ride_db + self.presence_db


def solve(line: Passage, bounds: Bounds) -> Solution:
    """The least that brings the line's clarity to its goal, within bounds."""
    nothing = _Attempt(line, line.untouched, 0.0, np.zeros(line.target.shape[1]))
    if line.clarity(line.untouched) >= bounds.clarity:
        return nothing.solution("clear")
    if not (bounds.lost_db.any() or bounds.duck_db.any()):
        return nothing.solution("nothing to cut")
    goal = bounds.clarity + GOAL_MARGIN
    tilt = presence(line, bounds.presence_db)
    half = (bounds.rule_db + bounds.lost_db) / 2
    attempt = nothing
    for cap, ride_db, presence_db in (
        (bounds.rule_db, 0.0, 0.0 * tilt),
        (bounds.rule_db, bounds.ride_db, 0.0 * tilt),
        (bounds.rule_db, bounds.ride_db, tilt),
        (half, bounds.ride_db, tilt),
        (bounds.lost_db, bounds.ride_db, tilt),
    ):
        voice_db = ride_db + presence_db
        if line.clarity(-cap, voice_db) < goal:
            attempt = _Attempt(line, cap * SCOOP, ride_db, presence_db)
            continue
        cut = _cheapest(line, cap, bounds.protection, goal, voice_db)
        return _Attempt(line, cut, ride_db, presence_db).solution("goal")
    return _ducked(line, attempt, bounds.duck_db, goal)


def presence(line: Passage, cap_db: float) -> Floats:
    """(36,) a tilt of `cap_db` towards presence that leaves the line's level as it is."""
    tilt = cap_db * TILT
    power = line.target.mean(axis=0)
    level = float(np.log10((power * 10.0 ** (tilt / 10.0)).sum() + 1e-20) - np.log10(power.sum() + 1e-20))
    return np.asarray(tilt - 10.0 * level)


@dataclass(frozen=True, eq=False)
class _Attempt:
    line: Passage
    cut: Floats
    """(stems, 36) taken from the mid, at least 0."""
    ride_db: float
    presence_db: Floats

    def solution(self, stopped_by: StoppedBy, duck_db: Floats | None = None) -> Solution:
        return Solution(
            mid_db=-self.cut,
            side_db=-np.maximum(self.cut - slack_db(self.line), 0.0),
            duck_db=np.zeros(len(self.cut)) if duck_db is None else duck_db,
            ride_db=self.ride_db,
            presence_db=self.presence_db,
            stopped_by=stopped_by,
        )


def slack_db(line: Passage) -> Floats:
    """(stems, 36) how far the mid of each band may be cut before its sides follow."""
    mid, side = line.maskers.mean(axis=1), line.sides.mean(axis=1)
    return np.asarray(np.maximum(10.0 * np.log10((mid + 1e-14) / (side + 1e-14)) + MID_UNDER_SIDES_DB, 0.0))


def _cheapest(line: Passage, cap: Floats, protection: Floats, goal: float, voice_db: Floats) -> Floats:
    """(stems, 36) cuts at the least cost at which the line, frame by frame, is at its goal."""
    target = line.target * 10.0 ** (voice_db / 10.0)
    slack = slack_db(line)
    timbre = [band for band, hz in enumerate(CENTRE_HZ) if TIMBRE_HZ[0] < hz < TIMBRE_HZ[1]]
    powers = _grouped(target), _grouped(line.maskers), _grouped(line.sides)

    def solved(start: Floats, aim: float, price: float) -> tuple[Floats, float]:
        cut, price = masking_kernels.least_cuts(
            *powers,
            start,
            cap,
            slack,
            protection,
            masking.SPREAD,
            masking.REACH,
            line.importance,
            np.array((timbre[0], timbre[-1] + 1)),
            np.array((LOUDNESS_EXPONENT, EVENNESS, EFFORT, SMOOTHNESS)),
            aim,
            price,
            ROUNDS,
            STEPS,
        )
        return cut, price

    cut = _least_scoop(line, cap, goal, voice_db)
    # groups are not frames, and are clearer: aim higher by as much
    ahead = masking.clarity(*powers[:2], 10.0 ** (-cut / 10.0), line.importance) - line.clarity(-cut, voice_db)
    # from half way there, the cheaper valleys are found more often than at once
    cut, price = solved(cut, goal + ahead / 2, 0.0)
    aim = goal + ahead
    for _ in range(CORRECTIONS):
        cut, price = solved(cut, aim, price)
        missing = goal - line.clarity(-cut, voice_db)
        if abs(missing) < CLOSE_ENOUGH:
            return cut
        aim += missing
    return _deepened(line, cut, cap, goal, voice_db)


def _least_scoop(line: Passage, cap: Floats, goal: float, voice_db: Floats) -> Floats:
    """The shallowest scoop that reaches the goal, to a sixteenth of the cap, or all of it: where the solver begins."""
    low, high = 0, 16
    while high - low > 1:
        middle = (low + high) // 2
        reached = line.clarity(-(middle / 16) * cap * SCOOP, voice_db) >= goal
        low, high = (low, middle) if reached else (middle, high)
    return np.asarray((high / 16) * cap * SCOOP)


def _deepened(line: Passage, cut: Floats, cap: Floats, goal: float, voice_db: Floats) -> Floats:
    """The cuts, moved towards the cap (which does reach the goal) until they do; not at all where they do already."""
    low, high = 0.0, 1.0
    if line.clarity(-cut, voice_db) >= goal:
        return cut
    while high - low > 1e-3:
        middle = (low + high) / 2
        reached = line.clarity(-(cut + middle * (cap - cut)), voice_db) >= goal
        low, high = (low, middle) if reached else (middle, high)
    return np.asarray(cut + high * (cap - cut))


def _ducked(line: Passage, attempt: _Attempt, caps_db: Floats, goal: float) -> Solution:
    """The least duck on top of everything else, every stem by the same share of its cap; or the whole of it."""
    voice_db = attempt.ride_db + attempt.presence_db
    low, high = 0.0, 1.0

    def solution(share: float, stopped_by: StoppedBy) -> Solution:
        return attempt.solution(stopped_by, -share * caps_db)

    if line.clarity(solution(high, "cap").gain_db, voice_db) < goal:
        return solution(high, "cap")
    while high - low > 0.005:
        middle = (low + high) / 2
        reached = line.clarity(solution(middle, "goal").gain_db, voice_db) >= goal
        low, high = (low, middle) if reached else (middle, high)
    return solution(high, "goal")


def _grouped(power: Floats) -> Floats:
    """(..., frames, 36) -> the same in means of about `GROUP_FRAMES` frames."""
    frames = power.shape[-2]
    count = max(frames // GROUP_FRAMES, 1)
    edges = np.arange(count + 1) * frames // count
    sums = np.add.reduceat(power, edges[:-1], axis=-2)
    return np.ascontiguousarray(sums / np.diff(edges)[:, None])
