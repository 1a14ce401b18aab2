"""`planning.overview`: pictures say what the plan says, and nothing short is lost in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.model.features import COLUMNS, Frames
from stemmix.model.overview import Overview
from stemmix.model.plan import Plan
from stemmix.planning import overview as overviews
from stemmix.planning.overview import overview_of
from tests.held_frames import HeldFrames
from tests.planning.scene_features import HOP, Scene, Told, bed, line, scene

LINES = Told("DX", "dialogue", (line(4.0, 6.0), line(12.0, 15.0)))
MUSIC = Told("MX", "music", (bed(0.0, 30.0, -50.0),))


def seen(made: Scene) -> tuple[Plan, Overview]:
    plan = made.decide()
    return plan, overview_of(made.project, made.stems, plan)


def clarity_in(hidden: np.ndarray, overview: Overview, start: int, end: int) -> float:
    """Of a line that fills its cells: what is not hidden of what matters."""
    cells = hidden[start // overview.cell_samples : end // overview.cell_samples]
    return 1.0 - float(cells.sum(axis=1).mean() / overview.targets[0].weight.sum())


def test_what_a_map_leaves_of_a_line_is_the_lines_clarity_as_the_plan_has_it() -> None:
    plan, overview = seen(scene(LINES, MUSIC, seconds=30.0))
    (target,) = overview.targets
    assert target.stems == ("DX",)
    assert len(plan.lines) == 2
    for one in plan.lines:
        before, after = (
            clarity_in(hidden, overview, one.start, one.end) for hidden in (target.hidden_before, target.hidden_after)
        )
        # a line begins within a cell, and its mean weighs cells as if it filled them
        assert before == pytest.approx(one.clarity_before, abs=0.03)
        assert after == pytest.approx(one.clarity_after, abs=0.03)
        assert after > before + 0.05


def test_where_no_line_is_spoken_a_map_has_nothing() -> None:
    plan, overview = seen(scene(LINES, MUSIC, seconds=30.0))
    at = np.arange(overview.cells) * overview.cell_samples
    inside = np.zeros(overview.cells, bool)
    for one in plan.lines:
        inside |= (at + overview.cell_samples > one.start) & (at < one.end)
    for hidden in (overview.targets[0].hidden_before, overview.targets[0].hidden_after):
        assert np.array_equal(np.isfinite(hidden).all(axis=1), inside)


def test_stems_that_are_heard_as_one_have_one_map_and_who_comes_after_another() -> None:
    second = Told("DX2", "dialogue", (line(8.0, 9.0),))
    hits = Told("FX", "fx", (bed(20.0, 22.0, -45.0),), hits_s=(20.0,))
    pins = [{"stem": "FX", "from": 20.0, "to": 22.0, "priority": 900}]
    _, overview = seen(scene(LINES, second, MUSIC, hits, seconds=30.0, pins=pins))
    assert ("DX", "DX2") in {target.stems for target in overview.targets}
    assert ("FX",) in {target.stems for target in overview.targets}


def with_extents(made: Scene, extents: Sequence[Sequence[float]]) -> Scene:
    """The same scene whose stems' samples swing as far as (frames, 2) magnitudes say."""
    stems = []
    for stem, extent in zip(made.stems, extents, strict=True):
        rows = stem.frames.rows(0, stem.frames.end).copy()
        swing = np.asarray(extent)[: len(rows)]
        rows[:, COLUMNS["extent"]] = np.rint(np.maximum(2000 * np.log10(np.maximum(swing, 1e-10)), -20_000))
        gain_db = 6.0206 if stem.id == "MX" else 0.0
        stems.append(type(stem)(**{**stem.__dict__, "frames": Frames(HeldFrames(rows), 0, gain_db)}))
    return Scene(made.project, tuple(stems), made.frames)


def test_an_outline_keeps_the_furthest_of_every_cell_behind_the_fader() -> None:
    count = 30 * 50 + 1
    random = np.random.default_rng(3)
    extents = random.uniform(0.0, 0.4, (2, count, 2))
    made = with_extents(scene(LINES, MUSIC, seconds=30.0), extents)
    overview = overview_of(made.project, made.stems, made.decide())
    hops = overview.cell_samples // HOP
    for stem, extent, fader in zip(overview.stems, extents, (1.0, 2.0), strict=True):
        cells = extent[: overview.cells * hops].reshape(overview.cells, hops, 2).max(axis=1) * fader
        assert stem.above == pytest.approx(cells[:, 0], rel=2e-3)
        assert stem.below == pytest.approx(cells[:, 1], rel=2e-3)


def test_a_long_programme_has_no_more_cells_and_keeps_a_single_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overviews, "MOST_CELLS", 40)
    count = 30 * 50 + 1
    extents = np.full((2, count, 2), 0.01)
    extents[1, 777] = (0.5, 0.25)
    made = with_extents(scene(LINES, MUSIC, seconds=30.0), extents)
    overview = overview_of(made.project, made.stems, made.decide())
    assert overview.cells <= 40
    peak = int(np.argmax(overview.stems[1].above))
    assert peak == 777 * HOP // overview.cell_samples
    assert overview.stems[1].above[peak] == pytest.approx(1.0, rel=2e-3)


def test_loudness_of_a_steady_bed_is_that_of_its_levels() -> None:
    _, overview = seen(scene(Told("MX", "music", (bed(0.0, 20.0, -40.0),)), seconds=20.0))
    steady = overview.mixed.momentary.highest[5:-5]
    assert np.ptp(steady) < 0.01
    assert overview.mixed.integrated_lufs == pytest.approx(steady.mean(), abs=0.02)
    assert overview.mixed.gate_lufs == pytest.approx(overview.mixed.integrated_lufs - 10.0, abs=0.02)
    assert overview.mixed.short_term.lowest[20:-20] == pytest.approx(steady[15:-15], abs=0.02)


def test_loudness_is_that_of_the_action_and_of_what_is_spoken_in_it() -> None:
    """Line-up tone before the action, 30 dB louder, is drawn and counts for nothing, as in a render."""
    music = Told("MX", "music", (bed(4.0, 30.0, -50.0),))
    tone = Told("FX", "fx", (bed(0.0, 3.0, -20.0),))
    _, whole = seen(scene(LINES, music, seconds=30.0, ffoa=4.0, lfoa=20.0))
    _, toned = seen(scene(LINES, music, tone, seconds=30.0, ffoa=4.0, lfoa=20.0))
    assert toned.mixed.integrated_lufs == pytest.approx(whole.mixed.integrated_lufs, abs=0.5)
    assert toned.mixed.momentary.highest[10] > whole.mixed.momentary.highest[100] + 20.0
    _, counted = seen(scene(LINES, music, tone, seconds=30.0))
    assert counted.mixed.integrated_lufs is not None
    assert whole.mixed.integrated_lufs is not None
    assert counted.mixed.integrated_lufs > whole.mixed.integrated_lufs + 5.0


def test_dialogue_is_as_loud_as_the_mix_is_while_lines_are_spoken() -> None:
    _, overview = seen(scene(LINES, MUSIC, seconds=30.0, ffoa=10.0))
    assert overview.mixed.speech_share == pytest.approx(3.0 / 20.0, abs=0.02), "one of two lines lies in the action"
    levels = overview.mixed.momentary.highest[122:148]
    assert overview.mixed.dialogue_lufs == pytest.approx(levels.mean(), abs=0.5)
    _, silent = seen(scene(MUSIC, Told("AMB", "ambience", (bed(0.0, 9.0),)), seconds=10.0))
    assert (silent.mixed.dialogue_lufs, silent.mixed.speech_share) == (None, 0.0)


def test_a_spectrum_is_told_of_what_lines_are_spoken_over() -> None:
    """A music that is soft under the lines, loud elsewhere, and ducked by a pin in them."""
    music = Told("MX", "music", (bed(0.0, 30.0, -60.0, side_db=None), bed(16.0, 30.0, -30.0, side_db=None)))
    pins = [{"stem": "MX", "from": 3.0, "to": 15.5, "action": {"kind": "duck", "gain_db": -6.0}}]
    made = scene(LINES, music, seconds=30.0, pins=pins, goals={"clarity": 0.0})
    _, overview = seen(made)
    stem = overview.stems[1]
    at_1_khz = 15
    assert stem.spectrum_before_db[at_1_khz] == pytest.approx(-60.0, abs=1.5)
    assert stem.spectrum_before_db - stem.spectrum_after_db == pytest.approx(6.0, abs=0.01)


def test_a_programme_without_lines_and_one_that_is_silent_have_pictures_too() -> None:
    _, overview = seen(scene(MUSIC, seconds=10.0))
    assert overview.targets == ()
    assert overview.stems[0].spectrum_before_db.max() > -80.0
    silent = scene(Told("MX", "music", (bed(9.0, 10.0),)), Told("AMB", "ambience", ()), seconds=10.0)
    _, overview = seen(silent)
    assert np.isnan(overview.mixed.momentary.lowest[:50]).all()
    assert overview.stems[1].spectrum_after_db.max() == -200.0


@settings(max_examples=40, deadline=None)
@given(frames=st.integers(1, 300), cell_hops=st.integers(1, 40), seed=st.integers(0, 99))
def test_a_curve_has_the_lowest_and_the_highest_of_every_cell(frames: int, cell_hops: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=frames)
    values[values > 1.5] = np.nan
    cells = -(-frames // cell_hops)
    curve = overviews._Grid(cell_hops, cells).curve(values)
    for cell in range(cells):
        inside = [value for value in values[cell * cell_hops : (cell + 1) * cell_hops].tolist() if not np.isnan(value)]
        if inside:
            assert (curve.lowest[cell], curve.highest[cell]) == (min(inside), max(inside))
        else:
            assert np.isnan(curve.lowest[cell])
            assert np.isnan(curve.highest[cell])
