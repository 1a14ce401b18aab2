"""A whole programme on one row of cells: what a report draws, told from features and the plan; no audio is heard.

Lines are judged as `judging` judges them, so that a picture shows what the plan says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, CENTRE_HZ
from stemmix.dsp import hearing_kernels
from stemmix.dsp.dynamics import StemGains
from stemmix.dsp.filters import k_weighting_power
from stemmix.dsp.meters import gated_loudness, relative_gate
from stemmix.dsp.running import running_mean
from stemmix.dsp.spectrum import HOPS_PER_SECOND
from stemmix.model.deliverables import speech_of
from stemmix.model.overview import Curve, LoudnessOverview, Overview, StemOverview, TargetOverview
from stemmix.model.plan import Plan
from stemmix.model.project import Project
from stemmix.planning.desk import Desk
from stemmix.planning.lines import Goal, goals_of
from stemmix.planning.passages import HeardStem
from stemmix.units import LOUDNESS_OFFSET_DB, SILENCE_DB

Floats = NDArray[np.float64]

MOST_CELLS = 4800
"""A line of a second in twenty minutes is four cells long; more is finer than a screen."""
SHORTEST_CELL_HOPS = 5
"""A tenth of a second."""
FAINTEST_LUFS = -120.0
"""Under this nothing sounds: features know no less than -200 dB in a band."""
STRETCH_FRAMES = 10 * HOPS_PER_SECOND
MOMENTARY_FRAMES, SHORT_TERM_FRAMES = round(0.4 * HOPS_PER_SECOND), 3 * HOPS_PER_SECOND
GATING_STEP = HOPS_PER_SECOND // 10


class _Grid(NamedTuple):
    """Frames gathered into cells."""

    cell_hops: int
    cells: int

    def begins(self, start: int, end: int) -> tuple[int, NDArray[np.int64]]:
        """Of frames from `start` to before `end`: the cell of the first, and where each cell's frames begin among
        them."""
        first = start // self.cell_hops
        begins = np.arange(first, -(-end // self.cell_hops)) * self.cell_hops - start
        return first, np.maximum(begins, 0)

    def curve(self, values: Floats) -> Curve:
        """(frames,) values from the programme's beginning, NaN where there is none."""
        _, begins = self.begins(0, len(values))
        return Curve(np.fmin.reduceat(values, begins), np.fmax.reduceat(values, begins))


def overview_of(project: Project, stems: Sequence[HeardStem], plan: Plan) -> Overview:
    """The overview of a plan that was made for these stems, in the project's order."""
    desk = Desk(project, stems, plan.frames)
    frames = -(-plan.frames // desk.hop)
    cell_hops = max(SHORTEST_CELL_HOPS, -(-frames // MOST_CELLS))
    grid = _Grid(cell_hops, -(-frames // cell_hops))
    goals = goals_of(project, stems, desk.hop, plan.frames) if len(stems) > 1 else []
    gains = desk.gains(plan.moves)
    spoken = np.zeros(frames, dtype=bool)
    for goal in goals:
        if goal.is_speech:
            spoken[goal.start : goal.end] = True
    if not spoken.any():
        spoken[:] = True
    levels = [_levels(desk, stem, gains[stem.id], spoken) for stem in stems]
    mixed = sum((level.k_power for level in levels), start=np.zeros(frames))
    return Overview(
        sample_rate=project.sample_rate,
        frames=plan.frames,
        cell_samples=cell_hops * desk.hop,
        stems=tuple(
            StemOverview(stem.id, *_outline(grid, level.extent), *level.spectrum_db)
            for stem, level in zip(stems, levels, strict=True)
        ),
        targets=tuple(
            _target(desk, grid, [goal for goal in goals if goal.targets == targets], gains)
            for targets in dict.fromkeys(goal.targets for goal in goals)
        ),
        mixed=_loudness(grid, mixed, *_counted(desk, plan, frames)),
    )


class _Levels(NamedTuple):
    """One stem by frames, and its mean spectra."""

    k_power: Floats
    """(frames,) K-weighted, in the mix."""
    spectrum_db: tuple[Floats, Floats]
    """(36,) over the frames that are `spoken`: before any move, and in the mix."""
    extent: Floats
    """(frames, 2) magnitudes above and below zero, behind the fader."""


def _levels(desk: Desk, stem: HeardStem, gains: StemGains, spoken: NDArray[np.bool_]) -> _Levels:
    weights = k_weighting_power(desk.project.sample_rate, CENTRE_HZ)
    frames = len(spoken)
    k_power = np.zeros(frames)
    sums = np.zeros((2, BAND_COUNT))
    extent = np.empty((frames, 2))
    for start in range(0, frames, STRETCH_FRAMES):
        end = min(start + STRETCH_FRAMES, frames)
        power = np.zeros((2, end - start, BAND_COUNT))
        gain_db = gains.at(np.arange(start, end, dtype=np.float64) * desk.hop)
        rows = stem.frames.rows(start, end)
        hearing_kernels.add_bed(rows, stem.frames.power_of_level, gain_db, power[0], power[1])
        k_power[start:end] = (power[1] * weights).sum(axis=1)
        sums += power[:, spoken[start:end]].sum(axis=1)
        extent[start:end] = np.sqrt(stem.frames.power("extent", start, end))
    means = sums / max(int(spoken.sum()), 1)
    before_db, after_db = 10.0 * np.log10(np.maximum(means, 10 ** (SILENCE_DB / 10)))
    return _Levels(k_power, (before_db, after_db), extent)


def _outline(grid: _Grid, extent: Floats) -> tuple[Floats, Floats]:
    above, below = (grid.curve(column).highest for column in extent.T)
    return above, below


def _counted(desk: Desk, plan: Plan, frames: int) -> tuple[slice, NDArray[np.bool_]]:
    """The frames of the action, and in which of all frames dialogue speaks: by what a render's loudness is measured."""
    first, after = desk.project.action
    action = slice(-(-first // desk.hop), frames if after is None else min(after // desk.hop, frames))
    speaks = np.zeros(frames, dtype=bool)
    for start, end in speech_of(plan):
        speaks[-(-start // desk.hop) : -(-end // desk.hop)] = True
    return action, speaks


def _loudness(grid: _Grid, k_power: Floats, action: slice, speaks: NDArray[np.bool_]) -> LoudnessOverview:
    """Of (frames,) K-weighted power, windows centred on their frames."""
    momentary, short_term = (
        np.maximum(running_mean(k_power, width, "constant"), 0.0) for width in (MOMENTARY_FRAMES, SHORT_TERM_FRAMES)
    )
    half = MOMENTARY_FRAMES // 2
    whole_blocks = momentary[action.start + half : max(action.stop - half, 0) : GATING_STEP]
    spoken = k_power[action][speaks[action]]
    dialogue_lufs = float(_lufs(np.array([spoken.mean()]))[0]) if len(spoken) else np.nan
    return LoudnessOverview(
        momentary=grid.curve(_lufs(momentary)),
        short_term=grid.curve(_lufs(short_term)),
        integrated_lufs=gated_loudness(whole_blocks),
        gate_lufs=relative_gate(whole_blocks),
        dialogue_lufs=None if np.isnan(dialogue_lufs) else dialogue_lufs,
        speech_share=len(spoken) / max(action.stop - action.start, 1),
    )


def _lufs(power: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        level_lufs = LOUDNESS_OFFSET_DB + 10.0 * np.log10(power)
    return np.where(level_lufs > FAINTEST_LUFS, level_lufs, np.nan)


def _target(desk: Desk, grid: _Grid, goals: Sequence[Goal], gains: dict[str, StemGains]) -> TargetOverview:
    """All lines of the same targets."""

    def judged(goal: Goal) -> tuple[Floats, Floats]:
        """(36,) weights of one line, and (2, frames, 36) what is hidden before and after."""
        heard = desk.passage(goal)
        snr_db = np.stack([one.snr_db(one.untouched) for one in (heard, desk.mixed(goal, heard, gains))])
        weight = heard.importance / (heard.importance.max() or 1.0)
        return weight, (1.0 - np.clip((snr_db + 15.0) / 30.0, 0.0, 1.0)) * weight

    sums, counts = np.zeros((2, grid.cells, BAND_COUNT)), np.zeros(grid.cells)
    weights = np.zeros(BAND_COUNT)
    for goal, (weight, hidden) in zip(goals, map(judged, goals), strict=True):
        weights += weight / len(goals)
        inside = hidden[:, : grid.cells * grid.cell_hops - goal.start]
        first, begins = grid.begins(goal.start, goal.start + inside.shape[1])
        here = slice(first, first + len(begins))
        sums[:, here] += np.add.reduceat(inside, begins, axis=1)
        counts[here] += np.diff(begins, append=inside.shape[1])
    means = sums / np.where(counts, counts, np.nan)[:, None]
    return TargetOverview(tuple(stem.id for stem in goals[0].targets), weights, *means.astype(np.float32))
