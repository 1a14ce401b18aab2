"""`planning.pins`: what is pinned holds in what is rendered, whatever lines, ramps, scenes and pins meet."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.model.moves import gains_of
from stemmix.model.plan import Plan
from stemmix.model.requests import Pin
from stemmix.planning.desk import Desk
from stemmix.planning.pins import bands_of
from tests.planning.scene_features import HOP, RATE_HZ, Scene, Sound, Told, again, bed, line, scene

Floats = NDArray[np.float64]

SECONDS = 14.0
ROUNDING_DB = 0.02


def gains_db(told: Scene, plan: Plan, stem: str) -> Floats:
    """(times, 72) what is done to a stem, at every hop of its features."""
    gains = Desk(told.project, told.stems, told.frames).gains(plan.moves)
    return gains[stem].at(np.arange(0, told.frames, HOP, dtype=np.float64))


def within(pin: Pin, gain_db: Floats) -> Floats:
    """Those of a pin's span and bands."""
    first, last = -(-round(pin.start * RATE_HZ) // HOP), -(-round(pin.end * RATE_HZ) // HOP)
    bands = bands_of(pin)
    return gain_db[first:last][:, [*bands, *(BAND_COUNT + band for band in bands)]]


TIMES = st.integers(0, 130).map(lambda tenth: tenth / 10)
LENGTHS = st.sampled_from((0.1, 0.3, 1.0, 3.0, 10.0))
RANGES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    ({}, {}, {"low_hz": 900.0, "high_hz": 2100.0}, {"high_hz": 700.0})
)


@st.composite
def spans(draw: st.DrawFn) -> dict[str, float]:
    start = draw(TIMES)
    return {"from": start, "to": round(start + draw(LENGTHS), 3)}


MAX_CUTS = st.builds(lambda db, bands: {"max_cut_db": db, **bands}, st.sampled_from((0.0, 1.0, 3.0, 6.0, 16.0)), RANGES)
PRIORITIES = st.builds(lambda rank, bands: {"priority": rank, **bands}, st.sampled_from((5, 50, 90, 150)), RANGES)
FORBIDS = st.lists(st.sampled_from(("unmask", "duck", "ride", "presence")), min_size=1, unique=True).map(
    lambda kinds: {"forbid": kinds}
)
ACTIONS = st.sampled_from(
    (
        {"action": {"kind": "duck", "gain_db": -2.0}},
        {"action": {"kind": "unmask", "mid_db": [-1.5] * BAND_COUNT, "side_db": [0.0] * BAND_COUNT}},
    )
)
PINS = st.builds(
    lambda stem, span, what: {"stem": stem, **span, **what},
    st.sampled_from(("DX", "MX", "FX")),
    spans(),
    st.one_of(MAX_CUTS, MAX_CUTS, MAX_CUTS, st.just({"keep": True}), FORBIDS, PRIORITIES, ACTIONS),
)


@st.composite
def pinned_scenes(draw: st.DrawFn) -> Scene:
    """Two to four lines, close or apart, buried or not, under music and an effect; up to five pins."""
    at, lines = draw(st.floats(0.3, 2.0)), []
    for _ in range(draw(st.integers(2, 4))):
        end = at + draw(st.floats(0.5, 2.0))
        lines.append(line(round(at, 2), round(end, 2), draw(st.sampled_from((-50.0, -60.0, -70.0)))))
        at = end + draw(st.sampled_from((0.3, 0.6, 0.9, 1.2)))
    return scene(
        Told("DX", "dialogue", tuple(one for one in lines if one.end_s < SECONDS)),
        Told("MX", "music", (bed(0.0, SECONDS, -50.0),)),
        Told("FX", "fx", (Sound(1.0, 12.0, draw(st.sampled_from((-62.0, -50.0))), 200, 6000),)),
        seconds=SECONDS,
        profile=draw(st.sampled_from(("film", "podcast", "speech", "game", "trailer"))),
        method=draw(st.sampled_from(("multilevel", "multilevel", "multilevel", "frequency"))),
        balance=draw(st.booleans()),
        scenes=draw(st.sampled_from(([], [{"from": 4.5, "id": "b"}]))),
        pins=draw(st.lists(PINS, min_size=1, max_size=5)),
    )


def held_db(pin: Pin, others: tuple[Pin, ...]) -> float:
    """The deepest that actions of the same stem may take, with ramps that reach a second out."""
    near = [
        one
        for one in others
        if one.action is not None and one.stem == pin.stem and one.start - 1 < pin.end and one.end + 1 > pin.start
    ]
    deepest = {one.action.kind: max(0.0, -min(gains_of(one.action))) for one in near if one.action is not None}
    return sum(deepest.values())


@settings(max_examples=40, deadline=None)
@given(pinned_scenes())
def test_what_pins_keep_bound_and_forbid_is_kept_bounded_and_not_done(told: Scene) -> None:
    """In the gains as they are rendered; only an action that is itself pinned there may break it."""
    plan = told.decide()
    pins = told.project.pins
    gains = {stem.id: gains_db(told, plan, stem.id) for stem in told.stems}
    for pin in pins:
        inside = within(pin, gains[pin.stem])
        held = held_db(pin, pins)
        if pin.start >= SECONDS or not inside.size:
            continue
        if pin.keep and not held:
            assert not inside.any()
        if pin.max_cut_db is not None:
            assert -inside.min() <= max(pin.max_cut_db, held) + ROUNDING_DB
        for move in plan.moves:
            kind = {"scene": "unmask", "static": "unmask"}.get(move.action.kind, move.action.kind)
            if move.stem == pin.stem and kind in (pin.forbid or ()) and not move.id.startswith("pin"):
                assert not (move.start < pin.end * RATE_HZ and move.end > pin.start * RATE_HZ)


@settings(max_examples=15, deadline=None)
@given(pinned_scenes(), st.randoms(use_true_random=False))
def test_the_order_of_pins_is_no_matter(told: Scene, shuffled: Any) -> None:
    pins = [json.loads(pin.model_dump_json(by_alias=True, exclude_defaults=True)) for pin in told.project.pins]
    shuffled.shuffle(pins)
    other = again(told, pins=pins)
    first, second = told.decide(), other.decide()
    for stem in told.stems:
        assert np.array_equal(gains_db(told, first, stem.id), gains_db(other, second, stem.id))
    assert [line.clarity_after for line in first.lines] == [line.clarity_after for line in second.lines]
