"""`report.masking`: moves in words, what is done about a conflict, and who comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stemmix.bands import EDGE_HZ
from stemmix.model.evidence import Chosen, Evidence
from stemmix.model.features import Span
from stemmix.model.moves import Level, Scene
from stemmix.model.plan import Edge, StoppedBy
from stemmix.model.profiles import Role
from stemmix.report.masking import (
    active_share,
    bands_of,
    cut_in_words,
    done_about,
    in_words,
    largest_edges,
    purpose,
    sounding,
    targets_of,
)
from tests.evidence import ACTIONS, DIP, RATE_HZ, conflict, facts, heard, line, move, plan


def test_what_a_move_is_made_for_is_told() -> None:
    """A line, a scene, a pin, or the whole programme."""
    scene_curve = Scene(kind="scene", mid_db=DIP, side_db=DIP)
    fader = Level(kind="level", gain_db=-3.0)
    of_line = move("MX", "cut", ("C0001",))
    whole = replace(of_line, line=None)
    assert purpose(of_line) == "DX-0061.0"
    assert purpose(replace(whole, action=scene_curve)) == "scene"
    assert purpose(replace(whole, id="pin-1", stopped_by="pin")) == "pin"
    assert purpose(replace(whole, stopped_by="pin")) == "all", "a curve that a pin only bounds is none of it"
    assert purpose(replace(whole, action=fader)) == "all"


def test_moves_are_told_in_words() -> None:
    words = {kind: in_words(move("MX", kind, ())) for kind in ACTIONS}
    assert words["cut"] == "cut to -8.0 dB (sides -4.0)"
    assert words["duck"] == "duck by 3.2 dB"
    assert words["ride"] == "ride by +1.5 dB"
    assert words["presence"] == "presence, -0.2 to +0.5 dB"
    assert words["fader"] == "fader by -4.5 dB"
    assert words["equaliser"] == "seven-band equaliser, 0.0 -1.0 -2.0 -3.0 -4.0 -5.0 -6.0"
    assert words["scene"] == "cut to -8.0 dB (sides -8.0)"
    sides = replace(move("MX", "scene", ()), action=Scene(kind="scene", mid_db=(0.0,) * len(DIP), side_db=DIP))
    assert in_words(sides) == "cut of the sides to -8.0 dB"
    tiny = Scene(kind="scene", mid_db=DIP, side_db=(-0.04, *(0.0,) * 35))
    assert in_words(replace(sides, action=tiny)) == "cut to -8.0 dB (sides 0.0)"
    bands = {kind: bands_of(move("MX", kind, ())) for kind in ACTIONS}
    assert bands == {
        "cut": "1319-2800",
        "scene": "1319-2800",
        **dict.fromkeys(("duck", "ride", "fader"), "all"),
        **dict.fromkeys(("presence", "equaliser"), "-"),
    }
    assert bands_of(sides) == "1319-2800"


def test_a_cut_is_told_where_its_middle_or_its_sides_go_deepest() -> None:
    """Else the depth would be one's, and the bands another's."""
    low = (-4.0, *(0.0,) * 35)
    cut = Scene(kind="scene", mid_db=low, side_db=DIP)
    assert bands_of(replace(move("MX", "scene", ()), action=cut)) == f"{EDGE_HZ[0]:.0f}-2800"
    assert cut_in_words(cut) == "cut of the sides to -8.0 dB"
    tiny = replace(cut, mid_db=(-0.04, *(0.0,) * 35))
    assert in_words(replace(move("MX", "scene", ()), action=tiny)) == "cut of the sides to -8.0 dB"


def test_what_is_done_to_a_masker_for_another_line_is_told_with_that_line() -> None:
    hidden = conflict(1, "MX", 1.0, 0.5, line="NAR-0061.0")
    done = done_about(hidden, [move("MX", "duck", ())], None)
    assert done == "MX: duck by 3.2 dB for DX-0061.0"


def test_what_is_done_about_a_conflict_is_told_stem_by_stem() -> None:
    """Stems to which the same is done are told together."""
    ride = move("DX", "ride", ())
    moves = [move("MX", "cut", ()), move("MX", "duck", ()), ride, replace(ride, stem="DX2")]
    moves.append(replace(move("FX", "scene", ()), line=None))
    assert done_about(conflict(1, "MX", 2.0, 1.0), moves, line(1, 0.2, 0.6)) == (
        "MX: cut to -8.0 dB (sides -4.0) at 1319-2800 Hz, duck by 3.2 dB; DX, DX2: ride by +1.5 dB; "
        "FX: cut to -8.0 dB (sides -8.0) at 1319-2800 Hz along the scene"
    )


@pytest.mark.parametrize(
    ("stopped_by", "said"),
    [
        ("clear", "nothing: the line was clear as it came"),
        ("goal", "nothing: what is done to the others clears the line"),
        ("nothing to cut", "nothing: nothing that may be cut hides the line"),
    ],
)
def test_where_nothing_is_done_it_is_said_why(stopped_by: StoppedBy, said: str) -> None:
    assert done_about(conflict(1, "MX", 2.0, 1.0), [], replace(line(1, 0.2, 0.6), stopped_by=stopped_by)) == said


def test_of_a_target_that_is_not_cleared_it_is_said_that_it_is_not() -> None:
    other = conflict(1, "MX", 2.0, 1.0, target="AMB", line=None)
    assert done_about(other, [], None) == "nothing: AMB is not a stem that is cleared"


def test_every_stem_that_the_profile_clears_is_heard_first_and_so_is_one_that_a_pin_raised() -> None:
    """Whether or not it is the loudest of any line's targets."""
    raised = replace(line(4, 0.2, 0.6), target="FX")
    whole = plan(lines=(line(1, 0.31, 0.524), raised))
    second = whole.stems[2].model_copy(update={"id": "DX2", "role": Role.DIALOGUE})
    both = whole.model_copy(update={"stems": (*whole.stems, second)})
    assert targets_of(Evidence(plan=both, stems=())) == ["DX", "FX", "DX2"]
    assert targets_of(Evidence(plan=plan(lines=(), profile="music"), stems=())) == []


def test_pairs_of_what_is_to_be_heard_first_come_first_and_of_these_last_stems_that_are_heard_as_one() -> None:
    """Two actors talking over one another hide most of each other, and nothing is to be mended."""

    def edge(target: str, masker: str, size: float) -> Edge:
        return Edge(target=target, masker=masker, size_before=size, size_after=0.0)

    whole = plan(edges=(edge("AMB", "MX", 9.0), edge("DX", "DX2", 8.0), edge("DX", "AMB", 1.0), edge("DX", "MX", 4.0)))
    second = whole.stems[0].model_copy(update={"id": "DX2"})
    told = Evidence(plan=whole.model_copy(update={"stems": (*whole.stems, second)}), stems=())
    assert [(edge.target, edge.masker) for edge in largest_edges(told)] == [
        ("DX", "MX"),
        ("DX", "AMB"),
        ("DX", "DX2"),
        ("AMB", "MX"),
    ]


def test_a_stem_sounds_in_a_span_where_its_runs_lie_on_the_programme() -> None:
    runs = (Span(start=0, end=RATE_HZ), Span(start=4 * RATE_HZ, end=6 * RATE_HZ))
    stem = heard("FX", Role.FX, at=10 * RATE_HZ, facts=facts(active=runs))
    whole = Evidence(plan=plan(), stems=(stem,))

    def heard_in(start: int, end: int) -> tuple[int, float]:
        part = whole.model_copy(update={"chosen": Chosen(start=start, end=end)})
        return sounding(part, stem), active_share(part, stem)

    assert sounding(whole, stem) == 3 * RATE_HZ
    assert active_share(whole, stem) == 3 / 90, "of the programme, however long the stem is"
    assert sounding(whole.model_copy(update={"chosen": Chosen(start=10 * RATE_HZ + 1, end=15 * RATE_HZ)}), stem) == (
        2 * RATE_HZ - 1
    )
    assert heard_in(11 * RATE_HZ, 15 * RATE_HZ) == (RATE_HZ, 0.25)
    assert heard_in(12 * RATE_HZ, 13 * RATE_HZ) == (0, 0.0)
