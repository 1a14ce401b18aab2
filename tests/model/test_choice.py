"""`model.choice`: what is asked for, as it is typed, comes to a span and a stem; and what of a plan lies in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemmix.model.choice import Choice, ChoiceError, narrowed
from stemmix.model.evidence import Chosen, Evidence, moves_for, worst_first
from stemmix.model.plan import Edge, Plan, PlannedScene
from stemmix.model.timecode import Clock
from tests.evidence import OUTCOME, RATE_HZ, conflict, evidence, line, move, plan

SCENES = (
    PlannedScene(id="quay", start=0, end=40 * RATE_HZ),
    PlannedScene(id="wreck", start=40 * RATE_HZ, end=90 * RATE_HZ),
)


def seconds(chosen: Chosen) -> tuple[float, float]:
    return chosen.start / RATE_HZ, chosen.end / RATE_HZ


# ---- what is asked for -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "span"),
    [
        (Choice(), (0.0, 90.0)),
        (Choice(start="10"), (10.0, 90.0)),
        (Choice(end="0:20.5"), (0.0, 20.5)),
        (Choice(start="0:00:10.5", end="4320000 samples"), (10.5, 90.0)),
        (Choice(start="00:00:10:12", end="20"), (10.48, 20.0)),
        (Choice(start="00:00:10:12", end="20", frame_rate="24"), (10.5, 20.0)),
        (Choice(scene="wreck"), (40.0, 90.0)),
        (Choice(scene="wreck", end="50"), (40.0, 50.0)),
        (Choice(scene="quay", start="30", end="50", stem="MX"), (30.0, 40.0)),
    ],
)
def test_scenes_and_times_of_every_kind_come_to_the_span_that_they_have_in_common(
    choice: Choice, span: tuple[float, float]
) -> None:
    """A timecode counts 25 frames a second where neither the programme nor the choice says otherwise."""
    assert seconds(choice.of(plan(scenes=SCENES))) == span


def test_a_timecode_is_the_pictures() -> None:
    told = plan(frame_rate="24", start="01:00:00:00")
    assert seconds(Choice(start="01:00:10:12", end="20").of(told)) == (10.5, 20.0)
    counted = Choice(start="01:00:10:12", end="01:00:20:24", frame_rate="25")
    assert seconds(counted.of(told)) == pytest.approx((10.48, 20.96)), "its start is an hour by any rate"


@pytest.mark.parametrize(
    ("choice", "field", "said"),
    [
        (Choice(start="noon"), "start", "'noon' is not a time: expected seconds, M:SS.s or H:MM:SS.s"),
        (Choice(start="20", end="0:10"), "end", "0:10 is not after 20, where the span begins"),
        (Choice(start="20", end="20"), "end", "20 is not after 20, where the span begins"),
        (Choice(end="0"), "end", "0 is not after the programme's beginning"),
        (Choice(start="90"), "start", "90 is outside the programme, which is 90.0 s long"),
        (Choice(end="1:30.1"), "end", "1:30.1 is outside the programme, which is 90.0 s long"),
        (
            Choice(start="10", frame_rate="24"),
            "frame_rate",
            "is for a timecode, HH:MM:SS:FF, and no time is given as one",
        ),
        (
            Choice(stem="mx"),
            "stem",
            "'mx' is not a stem of this programme; expected one of DX, MX, AMB, FX; did you mean 'MX'?",
        ),
        (
            Choice(scene="wrek"),
            "scene",
            "'wrek' is not a scene of this programme; expected one of quay, wreck; did you mean 'wreck'?",
        ),
        (Choice(scene="quay", start="50"), "scene", "nothing of quay lies between the times given"),
    ],
)
def test_what_is_not_there_is_told_by_the_field_that_asks_for_it(choice: Choice, field: str, said: str) -> None:
    with pytest.raises(ChoiceError) as caught:
        choice.of(plan(scenes=SCENES))
    assert (caught.value.field, str(caught.value)) == (field, said)


def test_of_very_many_scenes_it_is_told_from_which_to_which_they_go() -> None:
    many = tuple(PlannedScene(id=f"S-{n:04d}", start=n * RATE_HZ, end=(n + 1) * RATE_HZ) for n in range(40))
    with pytest.raises(
        ChoiceError, match=r"^'tavern' is not a scene of this programme; it has 40, from S-0000 to S-0039$"
    ):
        Choice(scene="tavern").of(plan(scenes=many))
    with pytest.raises(ChoiceError, match="did you mean 'S-0017'"):
        Choice(scene="S-017").of(plan(scenes=many))


def test_times_in_the_wrong_order_are_found_before_there_is_a_plan() -> None:
    with pytest.raises(ChoiceError, match="is not after"):
        Choice(start="20", end="10").times(Clock(RATE_HZ))


# ---- what lies in it -------------------------------------------------------------------------------------------------


def spread() -> Evidence:
    """Three lines, at 0, 20 and 40 s, each 3 s long, two maskers of each, and what is done for them."""
    lines, conflicts, moves = [], [], []
    for number, start_s in enumerate((0, 20, 40)):
        own = {"start": start_s * RATE_HZ, "end": (start_s + 3) * RATE_HZ}
        lines.append(replace(line(1, 0.3, 0.6), id=f"L{number}", **own))
        for masker in ("MX", "AMB"):
            found = conflict(number, masker, 1.0, 0.5, line=f"L{number}")
            conflicts.append(replace(found, id=f"L{number}-{masker}", **own))
        cut = replace(move("MX", "cut", (f"L{number}-MX",)), id=f"L{number}-cut", line=f"L{number}", **own)
        ride = replace(
            move("DX", "ride", (f"L{number}-MX", f"L{number}-AMB")), id=f"L{number}-ride", line=f"L{number}", **own
        )
        moves += [cut, ride]
    curve = replace(
        move("MX", "scene", ("L1-MX", "L2-MX")), id="curve", line=None, start=20 * RATE_HZ, end=43 * RATE_HZ
    )
    return evidence(lines=tuple(lines), conflicts=tuple(conflicts), moves=(curve, *moves), scenes=SCENES)


def ids(told: Plan, field: str) -> list[str]:
    return [one.id for one in getattr(told, field)]


def within(start_s: float, end_s: float, stem: str | None = None) -> Evidence:
    chosen = Chosen(start=round(start_s * RATE_HZ), end=round(end_s * RATE_HZ), stem=stem)
    return narrowed(spread(), chosen, spread().plan.edges, OUTCOME)


def test_what_touches_the_span_is_kept_whole() -> None:
    seen = within(22.0, 30.0)
    assert ids(seen.plan, "lines") == ["L1"]
    assert ids(seen.plan, "conflicts") == ["L1-MX", "L1-AMB"]
    assert ids(seen.plan, "moves") == ["curve", "L1-cut", "L1-ride"]
    assert ids(seen.plan, "scenes") == ["quay"]
    assert seen.plan.lines[0] == spread().plan.lines[1]
    assert seen.chosen == Chosen(start=22 * RATE_HZ, end=30 * RATE_HZ)


def test_a_span_ends_before_what_begins_with_its_end() -> None:
    assert ids(within(3.0, 20.0).plan, "lines") == []
    assert ids(within(2.9, 20.1).plan, "lines") == ["L0", "L1"]


def test_of_a_moves_reasons_those_are_kept_that_are_listed() -> None:
    curve = within(22.0, 30.0).plan.moves[0]
    assert curve.because == ("L1-MX",)


def test_moves_whose_ramps_alone_reach_into_the_span_are_counted() -> None:
    """Holding for 0.1 s and a ramp of 0.4 s lie behind a cut, 0.1 s behind what is done to the line itself."""
    (said,) = within(3.2, 15.0).plan.notes[1:]
    assert said == "ramps of 1 move made for what lies outside the span reach into it, and are not listed"
    (said,) = within(3.05, 15.0).plan.notes[1:]
    assert said.startswith("ramps of 2 moves ")
    assert within(3.6, 15.0).plan.notes == spread().plan.notes


def test_of_a_stem_is_what_hides_it_what_it_hides_and_what_is_done_because_of_that() -> None:
    masker = within(0.0, 90.0, "AMB").plan
    assert ids(masker, "conflicts") == ["L0-AMB", "L1-AMB", "L2-AMB"]
    assert ids(masker, "moves") == ["L0-ride", "L1-ride", "L2-ride"], "the voice is raised against it too"
    assert masker.moves[0].because == ("L0-AMB",)
    assert ids(masker, "lines") == ["L0", "L1", "L2"]
    target = within(0.0, 90.0, "DX").plan
    assert ids(target, "moves") == ids(spread().plan, "moves"), "all is done for it"
    assert {(edge.target, edge.masker) for edge in masker.edges} == {("DX", "AMB"), ("AMB", "DX")}
    nothing = within(0.0, 90.0, "FX").plan
    assert (ids(nothing, "conflicts"), ids(nothing, "moves"), ids(nothing, "lines")) == ([], [], [])


def test_a_curve_over_all_of_the_programme_is_kept_where_it_bears_on_what_is_though_it_does_not_name_it() -> None:
    """It names its largest conflicts alone, which may lie elsewhere."""
    curve = replace(move("MX", "equaliser", ("L2-MX",)), line=None, start=0, end=90 * RATE_HZ)
    told = spread().model_copy(update={"plan": spread().plan.model_copy(update={"moves": (curve,)})})
    seen = narrowed(told, Chosen(start=0, end=10 * RATE_HZ, stem="DX")).plan
    assert seen.moves == (replace(curve, because=()),)
    assert [one.id for one in moves_for(seen)["L0-MX"]] == [curve.id]
    assert narrowed(told, Chosen(start=0, end=10 * RATE_HZ, stem="AMB")).plan.moves == ()


def test_figures_of_a_span_are_those_that_are_given_and_none_where_nobody_knows() -> None:
    edges = (Edge(target="DX", masker="MX", size_before=1.0, size_after=0.5),)
    chosen = Chosen(start=0, end=10 * RATE_HZ)
    seen = narrowed(spread(), chosen, edges, OUTCOME).plan
    assert (seen.edges, seen.outcome) == (edges, OUTCOME)
    unknown = narrowed(spread(), chosen).plan
    assert (unknown.edges, unknown.outcome) == ((), None)


def test_where_all_of_the_programme_is_chosen_the_plans_own_figures_hold() -> None:
    whole = narrowed(spread(), Chosen(start=0, end=90 * RATE_HZ))
    assert whole.plan == spread().plan


TIMES = st.integers(0, 90 * RATE_HZ)


@given(TIMES, TIMES, st.sampled_from([None, "DX", "MX", "AMB", "FX"]))
def test_what_is_left_is_a_plan_like_any_other_and_narrowing_again_changes_nothing(
    one: int, other: int, stem: str | None
) -> None:
    """Every move names a line and reasons that are listed: who reads a plan need not know that it was narrowed."""
    chosen = Chosen(start=min(one, other), end=max(one, other) + 1, stem=stem)
    seen = narrowed(spread(), chosen, spread().plan.edges, OUTCOME)
    assert Plan.model_validate_json(seen.plan.model_dump_json(by_alias=True)) == seen.plan
    listed = set(ids(seen.plan, "conflicts"))
    assert all(listed.issuperset(made.because) for made in seen.plan.moves)
    again = narrowed(seen, chosen, seen.plan.edges, OUTCOME)
    assert again.plan.model_copy(update={"notes": seen.plan.notes}) == seen.plan


# ---- what bears on what ----------------------------------------------------------------------------------------------


def test_conflicts_of_lines_come_before_those_that_nothing_is_done_about_each_the_largest_first() -> None:
    assert [one.id for one in worst_first(evidence().plan.conflicts)] == ["C0003", "C0001", "C0002", "C0004"]


def test_the_moves_of_a_conflict_are_those_that_name_it() -> None:
    made = moves_for(spread().plan)
    assert [one.id for one in made["L1-MX"]] == ["curve", "L1-cut", "L1-ride"]
    assert [one.id for one in made["L1-AMB"]] == ["L1-ride"]


def test_a_pins_move_bears_on_what_it_stands_over_though_it_names_the_largest_alone() -> None:
    duck = replace(
        move("MX", "duck", ("L0-MX",)), id="pin-MX-0000-duck", line=None, start=0, end=21 * RATE_HZ, stopped_by="pin"
    )
    told = spread().plan.model_copy(update={"moves": (duck,)})
    made = {name: [one.id for one in moves] for name, moves in moves_for(told).items() if moves}
    assert made == {"L0-MX": [duck.id], "L1-MX": [duck.id]}, "not on what lies behind it, nor on other maskers"


SPANS = st.tuples(st.integers(0, 12), st.integers(1, 6)).map(lambda span: (span[0], sum(span)))


@given(st.lists(SPANS, min_size=1, max_size=8), st.lists(SPANS, min_size=1, max_size=8))
def test_what_is_done_to_the_masker_of_a_lines_conflict_while_it_stands_bears_on_it_whatever_it_is_made_for(
    hidden: list[tuple[int, int]], done: list[tuple[int, int]]
) -> None:
    conflicts = tuple(
        replace(conflict(number, ("MX", "AMB")[number % 2], 1.0, 0.5, line="L0"), id=f"C{number}", start=start, end=end)
        for number, (start, end) in enumerate(hidden)
    )
    moves = tuple(
        replace(move(("MX", "AMB", "DX")[number % 3], "duck", ()), id=f"M{number}", line="L1", start=start, end=end)
        for number, (start, end) in enumerate(done)
    )
    told = spread().plan.model_copy(update={"conflicts": conflicts, "moves": moves})
    expected = {
        one.id: [made for made in moves if made.stem == one.masker and made.start < one.end and made.end > one.start]
        for one in conflicts
    }
    assert moves_for(told) == expected
    of_no_line = tuple(replace(one, line=None) for one in conflicts)
    assert not any(moves_for(told.model_copy(update={"conflicts": of_no_line})).values())
