"""What a plan does to the whole, told from features: the figures that a comparison of two plans wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, CENTRE_HZ
from stemmix.dsp.dynamics import StemGains
from stemmix.dsp.filters import k_weighting_power
from stemmix.dsp.spectrum import HOPS_PER_SECOND, ruler
from stemmix.model.plan import Line, Outcome
from stemmix.planning import masking
from stemmix.planning.evidence import HeardStem
from stemmix.planning.lines import Goal
from stemmix.planning.unmask import LOUDNESS_EXPONENT, TIMBRE_HZ

Floats = NDArray[np.float64]

NEAR_FRAMES = int(0.9 * HOPS_PER_SECOND)
STRETCH_FRAMES = 10 * HOPS_PER_SECOND


def outcome_of(
    stems: Sequence[HeardStem],
    goals: Sequence[Goal],
    lines: Sequence[Line],
    gains: Mapping[str, StemGains],
    clarity: float,
    rate_hz: int,
    frames: int,
) -> Outcome | None:
    """The figures of a plan; None where no line is spoken. The bed is no line's target, `clarity` the goal."""
    spoken = [goal for goal in goals if goal.is_speech]
    targets = {stem.id for goal in spoken for stem in goal.targets}
    bed = [stem for stem in stems if stem.id not in targets]
    if not spoken or not bed:
        return None
    hop = ruler(rate_hz).hop_samples
    k_power = k_weighting_power(rate_hz, CENTRE_HZ)
    timbre = np.array([TIMBRE_HZ[0] < hz < TIMBRE_HZ[1] for hz in CENTRE_HZ])
    loud, sones = np.zeros(2), np.zeros(2)
    damage = []
    for goal in spoken:
        powers = _bed(bed, gains, goal.start, goal.end, hop)
        loud += [(power * k_power).sum() for power in powers]
        sones += [(masking.excitation(power) ** LOUDNESS_EXPONENT).sum() for power in powers]
        before, after = (power.sum(axis=0) + 1e-14 for power in powers)
        damage.append(float((10.0 * np.log10(after / before))[timbre].std()))
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
        damage_db=round(float(np.mean(damage)), 2),
        outside_db=round(_outside_db(bed, spoken, gains, k_power, hop, frames), 2),
    )


def _bed(
    bed: Sequence[HeardStem], gains: Mapping[str, StemGains], start: int, end: int, hop: int
) -> tuple[Floats, Floats]:
    """(frames, 36) power of the bed as it came and as it is mixed."""
    times = np.arange(start, end, dtype=np.float64) * hop
    before = np.zeros((end - start, BAND_COUNT))
    after = np.zeros_like(before)
    for stem in bed:
        total = stem.frames.power("total", start, end)
        mid = np.minimum(stem.frames.power("mid", start, end), total)
        gain = 10.0 ** (gains[stem.id].at(times) / 10.0)
        before += total
        after += mid * gain[:, :BAND_COUNT] + (total - mid) * gain[:, BAND_COUNT:]
    return before, after


def _outside_db(
    bed: Sequence[HeardStem],
    spoken: Sequence[Goal],
    gains: Mapping[str, StemGains],
    k_power: Floats,
    hop: int,
    frames: int,
) -> float:
    """K-weighted fall of the bed more than 0.9 s away from any line."""
    last = -(-frames // hop) + 1
    near = np.zeros(last, dtype=bool)
    for goal in spoken:
        near[max(goal.start - NEAR_FRAMES, 0) : goal.end + NEAR_FRAMES] = True
    loud = np.zeros(2)
    for start in range(0, last, STRETCH_FRAMES):
        end = min(start + STRETCH_FRAMES, last)
        away = ~near[start:end]
        if away.any() and not all(gains[stem.id].idle(start * hop - 1, end * hop + 1) for stem in bed):
            loud += [(power[away] * k_power).sum() for power in _bed(bed, gains, start, end, hop)]
    return _fall_db(*loud)


def _fall_db(before: float, after: float) -> float:
    return float(10.0 * np.log10((before + 1e-14) / (after + 1e-14)))
