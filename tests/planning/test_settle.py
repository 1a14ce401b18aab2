"""`planning.settle`: what is told of a line is so in the mix as it is shaped in time, and no clearer than need be."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from stemmix.model.plan import Outcome, Plan
from stemmix.planning import decide
from stemmix.planning.settle import OVER, UNDER
from stemmix.planning.unmask import EVENNESS
from stemmix.report.masking import BECAUSE_OF
from tests.planning.scene_features import Scene, Sound, Told, bed, line, scene

SEEDS = range(12)
CASES = ("film", "trailer", "podcast", "game")


@cache
def crowded(seed: int, profile: str) -> Scene:
    """Lines of many levels close on each other's heels, under music, hits and air."""
    random = np.random.default_rng(seed)
    lines, at_s = [], 1.0
    for _ in range(6):
        long_s = round(float(random.uniform(0.3, 1.6)), 2)
        lines.append(line(round(at_s, 2), round(at_s + long_s, 2), round(float(random.uniform(-56.0, -46.0)), 1)))
        at_s += long_s + float(random.uniform(0.04, 0.5))
    end_s = float(np.ceil(at_s + 2.0))
    hits_s = [round(float(hit_s), 2) for hit_s in random.uniform(1.0, at_s, 3)]
    return scene(
        Told("DX", "dialogue", tuple(lines)),
        Told("MX", "music", (bed(0.0, end_s, float(random.uniform(-58.0, -40.0))),)),
        Told("FX", "fx", tuple(Sound(hit_s, hit_s + 0.6, -44.0, 300, 6000) for hit_s in hits_s)),
        Told("AMB", "ambience", (bed(0.0, end_s, -60.0),)),
        seconds=end_s,
        profile=profile,
    )


@cache
def as_solved(seed: int, profile: str) -> Plan:
    """The plan of lines as they were solved, each by itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decide, "settled", lambda desk, lines, *_: lines)
        return crowded(seed, profile).decide()


@cache
def plan_of(seed: int, profile: str) -> Plan:
    return crowded(seed, profile).decide()


def over(plan: Plan) -> float:
    """By how much lines that something was done for are clearer than they need be, in all."""
    own = {move.line for move in plan.moves} | {because.partition(":")[0] for m in plan.moves for because in m.because}
    return sum(max(one.clarity_after - plan.clarity_goal - OVER, 0.0) for one in plan.lines if one.id in own)


def cost(outcome: Outcome) -> float:
    """What the solver weighs: sones, and unevenness beside them."""
    return outcome.bed_sones_lost + EVENNESS * outcome.damage_db**2


def unclear(plan: Plan) -> int:
    return sum(one.clarity_after < plan.clarity_goal - UNDER for one in plan.lines)


@pytest.mark.parametrize("profile", CASES)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_goal_that_is_said_to_be_reached_is_reached_in_the_mix(seed: int, profile: str) -> None:
    plan = plan_of(seed, profile)
    said = [one for one in plan.lines if one.stopped_by == "goal"]
    assert said
    assert all(one.clarity_after >= plan.clarity_goal for one in said)


@pytest.mark.parametrize("profile", CASES)
@pytest.mark.parametrize("seed", SEEDS)
def test_settling_loses_no_line_and_takes_no_more(seed: int, profile: str) -> None:
    before, after = as_solved(seed, profile), plan_of(seed, profile)
    assert before.outcome is not None
    assert after.outcome is not None
    assert unclear(after) <= unclear(before)
    assert over(after) <= over(before)
    if unclear(after) == unclear(before):
        assert cost(after.outcome) <= cost(before.outcome) + 0.003


def test_most_of_what_was_clearer_than_need_be_is_given_back() -> None:
    """In all scenes together; what is left is lines that stand in the dips of others."""
    cases = [(seed, profile) for seed in SEEDS for profile in CASES]
    before, after = (sum(over(made(*case)) for case in cases) for made in (as_solved, plan_of))
    assert 0.0 < after < 0.5 * before


def test_a_line_that_ramps_left_short_is_solved_again() -> None:
    settled = {one.id: one for one in plan_of(10, "game").lines if one.stopped_by == "goal"}
    short = [one for one in as_solved(10, "game").lines if one.id in settled and one.clarity_after < 0.495]
    assert short, "solved by itself, it is not where it comes to in the end"
    assert all(one.stopped_by == "benefit" for one in short)


def test_a_line_that_cannot_be_brought_to_its_goal_is_not_said_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is solved again never the better, the line says that it is held back, and so do its moves."""
    monkeypatch.setattr(
        decide, "_solved_again", lambda desk, standing, lines, aims: [one for one in lines if one.goal.id in aims]
    )
    plan = crowded(10, "game").decide()
    held = [one for one in plan.lines if one.clarity_after < 0.495 and one.stopped_by == "protection"]
    assert held
    assert "protected" in BECAUSE_OF["protection"]
    of_held = [move for move in plan.moves if move.line in {one.id for one in held}]
    assert all(move.stopped_by != "goal" for move in of_held)
    assert all(one.clarity_after >= 0.5 for one in plan.lines if one.stopped_by == "goal")
