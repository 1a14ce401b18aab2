"""`planning.ids`, and the ids of plans: each follows from what the thing is, and stays when others come or go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.model.document import IDENTIFIER_PATTERN
from stemmix.model.plan import Plan
from stemmix.planning.ids import LONGEST, bands, begin, distinct, joined
from tests.planning.scene_features import Scene, Sound, Told, bed, line, scene

FIELDS = ("stems", "moves", "scenes", "lines", "conflicts")


def reel(spoken: Sequence[Sound], other: Sequence[Sound] = (), **fields: Any) -> Scene:
    """Two who speak, under music and air that hide them."""
    return scene(
        Told("DXA", "dialogue", tuple(spoken)),
        Told("DXB", "dialogue", tuple(other)),
        Told("MX", "music", (bed(0.0, 60.0, -48.0),)),
        Told("AMB", "ambience", (bed(0.0, 60.0, -58.0),)),
        seconds=60.0,
        **fields,
    )


def ids(plan: Plan, field: str) -> list[str]:
    return [one.id for one in getattr(plan, field)]


def test_a_begin_is_told_in_seconds_rounded_as_reports_round_it() -> None:
    assert begin(48_000 * 83 + 24_000, 48_000) == "0083.5"
    assert begin(round(31.58 * 48_000), 48_000) == "0031.6"
    assert (begin(0, 44_100), begin(44_100 * 12_345, 44_100)) == ("0000.0", "12345.0")
    assert begin(round(72.156 * 48_000), 48_000, decimals=2) == "0072.16"
    assert begin(48_000 * 99 + 24_000, 48_000, decimals=0) == "0100"


def test_bands_are_told_as_a_plan_rounds_their_edges() -> None:
    assert bands(1007.96, 9045.46) == "1008-9046"


def test_what_is_too_long_for_an_identifier_ends_in_a_mark_of_all_of_it() -> None:
    assert joined("DX-0083.5", "MX", "unmask") == "DX-0083.5-MX-unmask"
    long = [joined("D" * 64, "M" * 64, kind) for kind in ("unmask", "duck")]
    assert [len(name) for name in long] == [LONGEST, LONGEST]
    assert len(set(long)) == 2
    assert len(joined("D" * 32, "M" * 31)) == LONGEST


def test_only_what_shares_a_name_bears_a_mark_and_what_joins_them_renames_none() -> None:
    assert distinct([("a", 1), ("b", 1)]) == ["a", "b"]
    two = distinct([("a", 1), ("b", 1), ("a", 2)])
    assert two[1] == "b"
    assert len(set(two)) == 3
    assert two[0].startswith("a-")
    for at in range(3):
        things = [("a", 1), ("a", 2)]
        things.insert(at, ("a", 3))
        three = distinct(things)
        assert three[:at] + three[at + 1 :] == [two[0], two[2]]
    assert len(set(distinct([("a", 1), ("a", 1), ("a", 1)]))) == 3, "what is alike in everything is counted"


def test_a_line_is_named_for_who_begins_it_and_when() -> None:
    """Whoever else speaks in it, and whoever is louder; of two at once, for the first by name."""
    plan = reel(
        (line(2.0, 4.0, -60.0), line(20.0, 21.0), line(30.0, 38.0)),
        (line(3.0, 5.0), line(10.0, 11.0), line(20.0, 21.0), line(35.0, 37.0)),
    ).decide()
    assert ids(plan, "lines") == ["DXA-0002.0", "DXB-0010.0", "DXA-0020.0", "DXA-0030.0", "DXA-0034.0"]
    assert plan.lines[0].target == "DXB"


def test_what_is_made_for_a_line_is_named_after_it() -> None:
    plan = reel((line(2.0, 4.0), line(20.0, 21.0))).decide()
    assert {"DXA-0002.0-MX-unmask", "DXA-0020.0-MX-unmask"} <= set(ids(plan, "moves"))
    assert {move.id for move in plan.moves} == {f"{move.line}-{move.stem}-{move.action.kind}" for move in plan.moves}
    for conflict in plan.conflicts:
        told = f"{conflict.masker}-{bands(conflict.low_hz, conflict.high_hz)}"
        if conflict.line is not None:
            assert conflict.id == f"{conflict.line}-{told}"
        else:
            assert re.fullmatch(rf"{conflict.target}-00[0-5]0-{told}", conflict.id), "by its ten seconds"


def test_curves_scenes_and_pins_are_named_by_where_they_begin() -> None:
    """A move of a pin by what the pin says, whatever stands before it in the project."""
    duck = {"stem": "MX", "from": 50.0, "to": 52.0, "action": {"kind": "duck", "gain_db": -3.0}}
    keep = {"stem": "AMB", "from": 1.0, "to": 1.5, "keep": True}
    raised = {"stem": "MX", "from": 55.0, "to": 57.0, "priority": 200}
    for pins in ([duck, keep, raised], [raised, keep, duck]):
        plan = reel((line(2.0, 4.0), line(4.3, 6.0), line(20.0, 21.0)), pins=pins).decide()
        assert ids(plan, "scenes") == ["S-0000", "S-0013", "S-0038"]
        assert {"scene-MX-0002.0", "scene-AMB-0002.0", "pin-MX-0050.00-duck"} <= set(ids(plan, "moves"))
        assert "MX-0055.0-raised" in ids(plan, "lines")
        assert [move.id for move in plan.moves if move.of_pin] == ["pin-MX-0050.00-duck"]


def test_pins_that_begin_at_once_are_told_apart_by_all_that_they_say() -> None:
    pins = [{"stem": "MX", "from": 50.0, "to": 51.0 + n, "action": {"kind": "duck", "gain_db": -3.0}} for n in range(3)]
    two, three = (reel((line(2.0, 4.0),), pins=some).decide() for some in (pins[:2], pins))
    first, second = (move.id for move in two.moves if move.of_pin)
    assert first != second
    assert [move.id for move in three.moves if move.of_pin][:2] == [first, second]


def test_cues_shorter_than_what_is_told_are_lines_of_their_own() -> None:
    """Of those that begin within a tenth each bears a mark."""
    cues = [{"stem": "DXA", "from": 2.0 + 0.02 * n, "to": 2.02 + 0.02 * n} for n in range(3)]
    told = [ids(reel((line(2.0, 3.0),), cues=some).decide(), "lines") for some in (cues[:1], cues[:2], cues)]
    assert told[0] == ["DXA-0002.0"]
    assert told[2][:2] == told[1]
    assert len(set(told[2])) == 3


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(16, 700)), min_size=2, max_size=7)
"""Pauses and lengths in frames of 20 ms, of 0.32 s and more as a scan has them, some to be cut in pieces."""


def spoken(spans: Sequence[tuple[int, int]]) -> list[Sound]:
    sounds, at = [], 25
    for pause, length in spans:
        at += pause
        sounds.append(line(at / 50, (at + length) / 50))
        at += length + 1
    return [sound for sound in sounds if sound.end_s < 58.0]


@settings(max_examples=25, deadline=None)
@given(spans=SPANS, other=SPANS, which=st.integers(0, 6), profile=st.sampled_from(["film", "speech", "game"]))
def test_a_line_that_goes_or_comes_renames_no_other(
    spans: list[tuple[int, int]], other: list[tuple[int, int]], which: int, profile: str
) -> None:
    """Of all ids, those stay whose line stays: none is another thing's afterwards. And none is given twice."""
    sounds, others = spoken(spans), spoken(other)
    gone = sounds[which % len(sounds)] if sounds else None
    whole = reel(sounds, others, profile=profile).decide()
    less = reel([sound for sound in sounds if sound is not gone], others, profile=profile).decide()
    for plan in (whole, less):
        for field in FIELDS:
            given_ = ids(plan, field)
            assert len(set(given_)) == len(given_)
            assert all(re.fullmatch(IDENTIFIER_PATTERN, id_) and len(id_) <= LONGEST for id_ in given_)
        assert [(one.start, one.end) for one in plan.lines] == sorted((one.start, one.end) for one in plan.lines)
    before, after = ({(one.start, one.end): one.id for one in plan.lines} for plan in (whole, less))
    touched = (gone.start_s * 48_000, gone.end_s * 48_000) if gone else (0.0, 0.0)
    for span in before.keys() & after.keys():
        # of a line of both, another may be the one who begins it
        if span[1] <= touched[0] or span[0] >= touched[1]:
            assert before[span] == after[span]
    of_line = {move.id: (move.stem, move.action.kind, move.line) for move in whole.moves if move.line}
    for move in less.moves:
        assert of_line.get(move.id, (move.stem, move.action.kind, move.line)) == (
            move.stem,
            move.action.kind,
            move.line,
        )


def test_a_reel_keeps_its_ids_when_a_line_is_put_before_them() -> None:
    later = (line(12.0, 14.0), line(14.3, 16.0), line(30.0, 31.0))
    before, after = (reel(sounds).decide() for sounds in (later, (line(2.0, 3.0), *later)))
    for field in ("moves", "lines", "conflicts"):
        kept = [id_ for id_ in ids(before, field) if id_ not in ids(after, field)]
        assert not kept, field
        assert set(ids(before, field)) < set(ids(after, field)), field
    assert set(ids(before, "scenes")) < set(ids(after, "scenes"))


@pytest.mark.parametrize("drift_s", [-0.04, -0.02, 0.02, 0.04])
def test_a_line_that_begins_a_hop_or_two_elsewhere_is_the_same_line(drift_s: float) -> None:
    """Where it lies near the middle of its tenth, as most do."""
    came, moved = (reel((line(2.0 + s, 4.0),)).decide() for s in (0.0, drift_s))
    assert ids(came, "lines") == ids(moved, "lines") == ["DXA-0002.0"]
    assert came.lines[0].start != moved.lines[0].start
