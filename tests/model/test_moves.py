"""`model.moves`: what every kind of move means as 72 gains, and what no move may be."""

from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import TypeAdapter, ValidationError

from stemmix.bands import BAND_COUNT, CENTRE_HZ, CLASSIC_EDGES_HZ
from stemmix.model import moves
from stemmix.model.moves import Action, gains_of
from stemmix.model.plan import Move, layers_of

RISING = tuple(-0.25 * band for band in range(BAND_COUNT))
FALLING = RISING[::-1]
TILT = tuple(0.5 if band > 18 else -0.25 for band in range(BAND_COUNT))
CLASSIC = (0.0, -1.0, -2.0, -3.0, -4.0, -5.0, -6.0)

FIELDS: dict[str, dict[str, Any]] = {
    "unmask": {"mid_db": RISING, "side_db": FALLING},
    "scene": {"mid_db": FALLING, "side_db": RISING},
    "duck": {"gain_db": -3.0},
    "ride": {"gain_db": 1.5},
    "level": {"gain_db": -4.5},
    "presence": {"gain_db": TILT},
    "static": {"gain_db": CLASSIC},
}


def action(kind: str, **fields: Any) -> Action:
    """As it is read: what the engine makes itself is taken as it is."""
    return TypeAdapter(Action).validate_json(json.dumps({"kind": kind} | FIELDS[kind] | fields))


def test_every_kind_is_looked_at() -> None:
    union, _ = get_args(Action)
    assert {get_args(get_type_hints(one)["kind"])[0] for one in get_args(union)} == set(FIELDS)


@pytest.mark.parametrize(
    ("kind", "mid", "sides"),
    [
        ("unmask", RISING, FALLING),
        ("scene", FALLING, RISING),
        ("duck", (-3.0,) * BAND_COUNT, (-3.0,) * BAND_COUNT),
        ("ride", (1.5,) * BAND_COUNT, (1.5,) * BAND_COUNT),
        ("level", (-4.5,) * BAND_COUNT, (-4.5,) * BAND_COUNT),
        ("presence", TILT, TILT),
    ],
)
def test_gains_are_those_of_the_mid_and_then_of_the_sides(
    kind: str, mid: tuple[float, ...], sides: tuple[float, ...]
) -> None:
    assert gains_of(action(kind)) == mid + sides


def test_a_static_equaliser_gives_every_band_the_gain_of_the_classic_band_it_lies_in() -> None:
    gains = gains_of(action("static"))
    assert gains[:BAND_COUNT] == gains[BAND_COUNT:]
    for hz, gain_db in zip(CENTRE_HZ, gains, strict=False):
        inside = [i for i in range(7) if CLASSIC_EDGES_HZ[i] <= hz < CLASSIC_EDGES_HZ[i + 1]]
        assert gain_db == CLASSIC[inside[0] if inside else 6], "above 12 kHz the nearest holds"
    assert set(gains) == set(CLASSIC), "no classic band is left out"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("unmask", {"mid_db": RISING[1:]}),
        ("unmask", {"side_db": (0.5, *RISING[1:])}),
        ("scene", {"mid_db": (-49.0, *RISING[1:])}),
        ("duck", {"gain_db": 0.1}),
        ("ride", {"gain_db": 6.5}),
        ("presence", {"gain_db": TILT[1:]}),
        ("level", {"gain_db": -25.0}),
        ("static", {"gain_db": CLASSIC[1:]}),
        ("duck", {"gain_db": float("nan")}),
        ("duck", {"q": 1.0}),
    ],
)
def test_what_no_move_may_be_is_refused(kind: str, fields: dict[str, Any]) -> None:
    action(kind)
    with pytest.raises(ValidationError):
        action(kind, **fields)


def test_a_kind_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValidationError, match="solo"):
        TypeAdapter(Action).validate_json('{"kind": "solo"}')


def test_moves_of_one_kind_are_one_layer_and_kinds_are_layers_of_their_own() -> None:
    """A line's cut and its scene's add up in dB; two lines' cuts share the deeper."""
    made = [
        Move(id=f"{number}", stem="MX", start=10 * number, end=10 * number + 15, action=action(kind))
        for number, kind in enumerate(("unmask", "scene", "unmask", "duck"))
    ]
    layers = layers_of(made)
    assert [[cut[:2] for cut in layer.cuts] for layer in layers] == [[(30, 45)], [(10, 25)], [(0, 15), (20, 35)]]
    assert all(cut[2] == gains_of(action("unmask")) for cut in layers[2].cuts)
    assert len(layers[0].cuts[0][2]) == moves.BAND_COUNT * 2
