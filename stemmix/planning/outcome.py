"""What a plan does to the whole, told from features: the figures that a comparison of two plans wants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, CENTRE_HZ
from stemmix.dsp import hearing_kernels
from stemmix.dsp.dynamics import StemGains
from stemmix.dsp.filters import k_weighting_power
from stemmix.dsp.spectrum import HOPS_PER_SECOND, ruler
from stemmix.model.plan import Line, Outcome, PlannedScene
from stemmix.planning import masking
from stemmix.planning.graph import frames_in
from stemmix.planning.lines import Goal
from stemmix.planning.passages import HeardStem
from stemmix.planning.unmask import LOUDNESS_EXPONENT, TIMBRE_HZ
from stemmix.units import LOUDNESS_OFFSET_DB, POWER_FLOOR

Floats = NDArray[np.float64]

NEAR_FRAMES = int(0.9 * HOPS_PER_SECOND)
STRETCH_FRAMES = 10 * HOPS_PER_SECOND
SPARSE_FRAMES = 3


def outcome_of(
    stems: Sequence[HeardStem],
    goals: Sequence[Goal],
    lines: Sequence[Line],
    gains: Mapping[str, StemGains],
    clarity: float,
    rate_hz: int,
    frames: int,
    span: tuple[int, int] | None = None,
) -> Outcome | None:
    """The figures of a plan; None where no line is spoken. The bed is no line's target, `clarity` the goal.

    Of a `span` of samples, if not of all: lines that touch it are judged as a whole, the bed in the span alone.
    """
    every = [goal for goal in goals if goal.is_speech]
    targets = {stem.id for goal in every for stem in goal.targets}
    bed = [stem for stem in stems if stem.id not in targets]
    hop = ruler(rate_hz).hop_samples
    start, end = span or (0, frames)
    inside = frames_in((start, end), frames, hop)
    spoken = [goal for goal in every if goal.start * hop < end and goal.end * hop > start]
    if not spoken or not bed:
        return None
    k_power = k_weighting_power(rate_hz, CENTRE_HZ)
    timbre = np.array([TIMBRE_HZ[0] < hz < TIMBRE_HZ[1] for hz in CENTRE_HZ])

    def weighed(goal: Goal) -> tuple[Floats, Floats, float]:
        """A line's bed before and after, K-weighted and in sones; the damage."""
        # of a line that the span hardly touches, a frame
        first = min(max(goal.start, inside[0]), goal.end - 1)
        last = max(min(goal.end, inside[1]), first + 1)
        powers = _bed(bed, gains, first, last, hop)
        loud = np.array([(power * k_power).sum() for power in powers])
        sones = np.array([masking.loudness(power, LOUDNESS_EXPONENT) for power in powers])
        before, after = (power.sum(axis=0) + 1e-14 for power in powers)
        return loud, sones, float((10.0 * np.log10(after / before))[timbre].std())

    weights = list(map(weighed, spoken))
    loud = sum((loud for loud, _, _ in weights), start=np.zeros(2))
    sones = sum((sones for _, sones, _ in weights), start=np.zeros(2))
    ids = {goal.id for goal in spoken}
    judged = [line for line in lines if line.id in ids]
    return Outcome(
        lines=len(judged),
        lines_unclear_before=sum(line.clarity_before < clarity for line in judged),
        lines_unclear_after=sum(line.clarity_after < clarity for line in judged),
        clarity_before=round(float(np.mean([line.clarity_before for line in judged])), 3),
        clarity_after=round(float(np.mean([line.clarity_after for line in judged])), 3),
        bed_loss_db=round(_fall_db(*loud), 2),
        bed_sones_lost=round(float(1.0 - sones[1] / max(sones[0], 1e-14)), 4),
        damage_db=round(float(np.mean([damage for _, _, damage in weights])), 2),
        outside_db=round(_outside_db(bed, every, gains, k_power, hop, inside), 2),
    )


def scenes_told(
    scenes: Sequence[PlannedScene],
    stems: Sequence[HeardStem],
    goals: Sequence[Goal],
    lines: Sequence[Line],
    gains: Mapping[str, StemGains],
    rate_hz: int,
) -> tuple[PlannedScene, ...]:
    """The scenes with what is heard in them: how clear their lines are, and how loud all stems are together.

    Loudness is taken from every third frame: scenes last for seconds, and a mean does not want more.
    """
    hop = ruler(rate_hz).hop_samples
    k_power = k_weighting_power(rate_hz, CENTRE_HZ)
    spoken = {goal.id for goal in goals if goal.is_speech}

    def loudness(scene: PlannedScene) -> tuple[float | None, float | None]:
        first, after = scene.start // hop, max(scene.end // hop, scene.start // hop + 1)
        sums, count = np.zeros(2), 0
        for start in range(first, after, STRETCH_FRAMES):
            end = min(start + STRETCH_FRAMES, after)
            powers = _bed(stems, gains, start, end, hop, SPARSE_FRAMES)
            sums += [(power * k_power).sum() for power in powers]
            count += len(powers[0])
        return _lufs(sums[0] / count), _lufs(sums[1] / count)

    def told(scene: PlannedScene) -> PlannedScene:
        its = [line for line in lines if line.id in spoken and scene.start <= line.start < scene.end]
        before, after = loudness(scene)
        return scene.model_copy(
            update={
                "clarity_before": round(float(np.mean([line.clarity_before for line in its])), 3) if its else None,
                "clarity_after": round(float(np.mean([line.clarity_after for line in its])), 3) if its else None,
                "loudness_before_lufs": before,
                "loudness_after_lufs": after,
            }
        )

    return tuple(map(told, scenes))


def _lufs(power: float) -> float | None:
    """ITU-R BS.1770-5, equation 2, of a K-weighted mean square."""
    return round(LOUDNESS_OFFSET_DB + 10.0 * math.log10(power), 2) if power > POWER_FLOOR else None


def _bed(
    bed: Sequence[HeardStem], gains: Mapping[str, StemGains], start: int, end: int, hop: int, step: int = 1
) -> tuple[Floats, Floats]:
    """(frames, 36) power of the bed as it came and as it is mixed, of every `step`th frame."""
    times = np.arange(start, end, step, dtype=np.float64) * hop
    before = np.zeros((len(times), BAND_COUNT))
    after = np.zeros_like(before)
    for stem in bed:
        frames = stem.frames
        gain_db = gains[stem.id].at(times)
        hearing_kernels.add_bed(frames.rows(start, end)[::step], frames.power_of_level, gain_db, before, after)
    return before, after


def _outside_db(
    bed: Sequence[HeardStem],
    spoken: Sequence[Goal],
    gains: Mapping[str, StemGains],
    k_power: Floats,
    hop: int,
    inside: tuple[int, int],
) -> float:
    """K-weighted fall of the bed more than 0.9 s away from any line, in the frames from the first to before the last;
    0 where there is no such place."""
    begin, last = inside
    near = np.zeros(last, dtype=bool)
    for goal in spoken:
        near[max(goal.start - NEAR_FRAMES, 0) : goal.end + NEAR_FRAMES] = True

    def weighed(start: int) -> Floats:
        """The bed of one stretch before and after; nothing where no gain moves."""
        end = min(start + STRETCH_FRAMES, last)
        away = ~near[start:end]
        if not away.any() or all(gains[stem.id].idle(start * hop - 1, end * hop + 1) for stem in bed):
            return np.zeros(2)
        return np.array([(power[away] * k_power).sum() for power in _bed(bed, gains, start, end, hop)])

    return _fall_db(*sum(map(weighed, range(begin, last, STRETCH_FRAMES)), start=np.zeros(2)))


def _fall_db(before: float, after: float) -> float:
    return float(10.0 * np.log10((before + 1e-14) / (after + 1e-14)))
