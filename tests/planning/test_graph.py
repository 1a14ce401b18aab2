"""`planning.graph`: who hides whom, over the whole programme, for every ordered pair."""

from __future__ import annotations

from itertools import permutations

import pytest

from stemmix.bands import CENTRE_HZ
from stemmix.model.plan import Edge, Plan
from tests.planning.scene_features import RATE_HZ, Sound, Told, bed, line, scene

STEMS = (
    Told("DX", "dialogue", (line(2.0, 4.0), line(15.0, 17.0))),
    Told("MX", "music", (bed(0.0, 30.0, -52.0),)),
    Told("FX", "fx", (Sound(14.0, 18.0, -70.0),)),
    Told("AMB", "ambience", (bed(0.0, 30.0, -75.0),)),
)


def edges(plan: Plan) -> dict[tuple[str, str], Edge]:
    return {(edge.target, edge.masker): edge for edge in plan.edges}


def test_every_ordered_pair_has_an_edge() -> None:
    plan = scene(*STEMS, seconds=30.0).decide()
    assert list(edges(plan)) == list(permutations(("DX", "MX", "FX", "AMB"), 2))
    assert len(plan.edges) == 12


@pytest.mark.parametrize("planted", ["MX", "FX", "AMB"])
def test_a_planted_masker_has_the_largest_edge_to_the_line(planted: str) -> None:
    quiet = [Told(name, role, (bed(0.0, 30.0, -75.0),)) for name, role in (("MX", "music"), ("AMB", "ambience"))]
    stems = [STEMS[0], *quiet, Told("FX", "fx", (bed(0.0, 30.0, -75.0),))]
    stems = [Told(one.id, one.role, (bed(0.0, 30.0, -48.0),)) if one.id == planted else one for one in stems]
    found = edges(scene(*stems, seconds=30.0).decide())
    largest = max(("MX", "FX", "AMB"), key=lambda name: found["DX", name].size_before)
    assert largest == planted
    assert found["DX", planted].size_before > 10 * max(
        found["DX", name].size_before for name in ("MX", "FX", "AMB") if name != planted
    )


def test_an_edge_is_a_weight_of_seconds() -> None:
    """What hides all of a line all the time has the line's length; nobody hides more than there is."""
    loud = scene(STEMS[0], Told("MX", "music", (bed(0.0, 30.0, -20.0),)), seconds=30.0).decide()
    assert edges(loud)["DX", "MX"].size_before == pytest.approx(4.0, rel=0.05)
    assert edges(loud)["MX", "DX"].size_before == 0.0


def test_sizes_do_not_depend_on_where_the_programme_is_cut_into_stretches() -> None:
    """The same second of conflict counts alike at 3 s and across the border at 10 s."""
    sizes = [
        edges(
            scene(
                Told("DX", "dialogue", (line(at_s, at_s + 1.0),)), Told("MX", "music", (bed(0.0, 30.0),)), seconds=30.0
            ).decide()
        )["DX", "MX"].size_before
        for at_s in (3.0, 9.5, 19.0)
    ]
    assert sizes == pytest.approx([sizes[0]] * 3, rel=0.02)
    assert sizes[0] > 0.2


def test_an_edge_is_told_before_and_after_and_cuts_make_the_lines_smaller() -> None:
    plan = scene(*STEMS, seconds=30.0).decide()
    assert any(move.stem == "MX" for move in plan.moves)
    found = edges(plan)
    assert found["DX", "MX"].size_after < 0.8 * found["DX", "MX"].size_before
    assert found["MX", "DX"].size_after >= found["MX", "DX"].size_before
    untouched = scene(*STEMS, seconds=30.0, goals={"clarity": 0.0}).decide()
    assert not untouched.moves
    assert all(edge.size_after == edge.size_before for edge in untouched.edges)
    assert [edge.size_before for edge in untouched.edges] == [edge.size_before for edge in plan.edges]


def test_pairs_that_nothing_is_done_for_have_their_conflicts_listed_in_their_time_and_bands() -> None:
    stems = (
        STEMS[0],
        Told("FX", "fx", (Sound(22.0, 24.0, -60.0, 400, 2000),)),
        Told("MX", "music", (bed(0.0, 30.0, -50.0),)),
    )
    plan = scene(*stems, seconds=30.0).decide()
    found = [conflict for conflict in plan.conflicts if (conflict.target, conflict.masker) == ("FX", "MX")]
    assert found
    assert all(conflict.line is None for conflict in found)
    assert all(21.8 * RATE_HZ <= conflict.start < conflict.end <= 24.2 * RATE_HZ for conflict in found)
    assert min(conflict.low_hz for conflict in found) > 300
    assert max(conflict.high_hz for conflict in found) < 2600
    assert len({conflict.id for conflict in plan.conflicts}) == len(plan.conflicts)


def test_conflicts_of_stems_that_nothing_is_done_for_say_how_much_matters_and_the_level_as_those_of_lines_do() -> None:
    """An effect that fills a few bands, all of which music 6 dB louder hides: all that matters of it, 6 dB down and a
    little more, by what spreads from band to band."""

    def told(level_db: float) -> Plan:
        effect = Told("FX", "fx", (Sound(2.0, 6.0, -60.0, 400, 2000),))
        return scene(effect, Told("MX", "music", (Sound(0.0, 10.0, level_db, 400, 2000),)), seconds=10.0).decide()

    (one,), (louder,) = (
        [conflict for conflict in told(level_db).conflicts if conflict.target == "FX"] for level_db in (-54.0, -44.0)
    )
    assert one.line is None
    assert one.importance == louder.importance == 1.0
    assert -9.0 < one.snr_db < -6.0
    assert louder.snr_db == pytest.approx(one.snr_db - 10.0, abs=0.02)


def test_a_conflict_in_some_of_the_bands_says_the_share_of_them() -> None:
    effect = Told("FX", "fx", (Sound(2.0, 6.0, -60.0, 400, 6000),))
    plan = scene(effect, Told("MX", "music", (Sound(0.0, 10.0, -50.0, 400, 900),)), seconds=10.0).decide()
    (found,) = (conflict for conflict in plan.conflicts if conflict.target == "FX")
    filled = [400 <= hz <= 6000 for hz in CENTRE_HZ]
    held = [full and found.low_hz < hz < found.high_hz for hz, full in zip(CENTRE_HZ, filled, strict=True)]
    assert found.importance == pytest.approx(sum(held) / sum(filled), abs=0.001)
    assert 0.2 < found.importance < 0.8


def test_a_silent_stem_hides_nothing_and_is_not_hidden() -> None:
    plan = scene(*STEMS[:2], Told("FX", "fx", ()), seconds=30.0).decide()
    sizes = [edge.size_before for edge in plan.edges if "FX" in {edge.target, edge.masker}]
    assert sizes == [0.0] * 4
