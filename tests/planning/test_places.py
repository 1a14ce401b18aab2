"""`planning.places`: the worst is found wherever it lies, whole and once, and no sample is listened to twice."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stemmix.model.excerpts import Place
from stemmix.model.plan import Conflict, Line, Plan
from stemmix.planning.places import AIR_S, LONGEST_S, SHORTEST_S, worst_places
from tests.evidence import RATE_HZ, conflict, line, move, plan

FRAMES = 90 * RATE_HZ
AIR, LONGEST, SHORTEST = (round(each * RATE_HZ) for each in (AIR_S, LONGEST_S, SHORTEST_S))


def spoken(number: int, start_s: float, end_s: float) -> Line:
    start, end = round(start_s * RATE_HZ), round(end_s * RATE_HZ)
    return replace(line(1, 0.2, 0.6), id=f"DX-{number:04d}", start=start, end=end)


def hiding(number: int, size: float, hidden: Line | None, start_s: float, end_s: float) -> Conflict:
    found = conflict(number, ("MX", "FX", "AMB")[number % 3], size, size / 2)
    start, end = round(start_s * RATE_HZ), round(end_s * RATE_HZ)
    return replace(found, line=None if hidden is None else hidden.id, start=start, end=end)


def planned(lines: list[Line], conflicts: list[Conflict]) -> Plan:
    return plan(lines=tuple(lines), conflicts=tuple(conflicts), moves=())


def of(*sizes: tuple[float, float, float]) -> Plan:
    """A line from .. to .., hidden all along by a conflict of a size: (from, to, size)."""
    lines = [spoken(number, start_s, end_s) for number, (start_s, end_s, _) in enumerate(sizes)]
    conflicts = [
        hiding(number, size, lines[number], start_s, end_s) for number, (start_s, end_s, size) in enumerate(sizes)
    ]
    return planned(lines, conflicts)


def spans_s(places: list[Place]) -> list[tuple[str, float, float]]:
    return [(place.id, place.start / RATE_HZ, place.end / RATE_HZ) for place in places]


def test_the_worst_lines_come_first_each_with_a_second_of_air() -> None:
    found = worst_places(of((10, 12, 0.1), (20, 23, 0.3), (40, 41, 0.2)), 2)
    assert spans_s(found) == [("DX-0001", 19, 24), ("DX-0002", 39, 42)]
    assert [place.conflict.size_before for place in found] == [0.3, 0.2]
    assert [place.stems for place in found] == [("DX", "FX"), ("DX", "AMB")]


def test_where_something_is_done_only_lines_that_it_is_done_for_are_listened_to() -> None:
    """A clear line may hold the largest conflict, and before and after would sound alike."""
    made = of((10, 12, 0.9), (20, 22, 0.1), (30, 32, 0.2))
    helped = tuple(
        replace(move("MX", "cut", (f"C000{number}",)), id=f"m{number}", line=made.lines[number].id) for number in (1, 2)
    )
    found = worst_places(made.model_copy(update={"moves": helped}), 9)
    assert [place.id for place in found] == ["DX-0002", "DX-0001"]


def test_a_line_is_as_bad_as_its_largest_conflict_and_is_shown_for_all_of_them_once() -> None:
    one, other = spoken(1, 10, 12), spoken(2, 30, 32)
    sizes = [(0.2, one), (0.3, other), (0.4, one), (0.1, other)]
    conflicts = [hiding(n, size, its, its.start / RATE_HZ, its.end / RATE_HZ) for n, (size, its) in enumerate(sizes)]
    first, second = worst_places(planned([one, other], conflicts), 9)
    assert (first.line, first.conflicts) == (one, ("C0002", "C0000"))
    assert (second.line, second.conflicts) == (other, ("C0001", "C0003"))
    assert first.stems == ("DX", "MX", "AMB")


def test_what_has_no_line_comes_after_all_that_has_one_at_its_own_span() -> None:
    spoken_line = spoken(1, 10, 12)
    conflicts = [hiding(1, 0.1, spoken_line, 10, 12), hiding(2, 9.0, None, 50, 52), hiding(3, 8.0, None, 70, 73)]
    found = worst_places(planned([spoken_line], conflicts), 3)
    assert spans_s(found) == [("DX-0001", 9, 13), ("C0002", 49, 53), ("C0003", 69, 74)]
    assert [place.line for place in found] == [spoken_line, None, None]


def test_of_a_long_line_what_lies_around_its_largest_conflict_is_heard() -> None:
    long = spoken(1, 30, 42)
    (found,) = worst_places(planned([long], [hiding(1, 0.5, long, 38, 39)]), 1)
    assert spans_s([found]) == [("DX-0001", 35.5, 41.5)]
    (at_its_end,) = worst_places(planned([long], [hiding(1, 0.5, long, 41, 42)]), 1)
    assert spans_s([at_its_end]) == [("DX-0001", 37, 43)]


def test_places_end_where_the_programme_does() -> None:
    found = worst_places(of((0.3, 1, 0.3), (88, 89.7, 0.2)), 2)
    assert spans_s(found) == [("DX-0000", 0, 2), ("DX-0001", 87, 90)]


def test_two_lines_close_together_are_one_place_under_the_name_of_the_worse() -> None:
    (found,) = worst_places(of((10, 12, 0.1), (13, 14, 0.3)), 5)
    assert spans_s([found]) == [("DX-0001", 9, 15)]
    assert found.conflicts == ("C0001", "C0000")
    assert found.stems == ("DX", "MX", "FX")


def test_lines_too_long_to_be_one_place_meet_in_the_pause_between_them() -> None:
    found = worst_places(of((10, 14, 0.3), (14.5, 18, 0.2)), 5)
    assert spans_s(found) == [("DX-0000", 9, 14.25), ("DX-0001", 14.25, 19)]
    back_to_back = worst_places(of((10, 14, 0.2), (14, 18, 0.3)), 5)
    assert spans_s(back_to_back) == [("DX-0001", 14, 19), ("DX-0000", 9, 14)]


def test_a_line_whose_worst_is_heard_in_a_place_already_is_shown_there() -> None:
    """As where two targets speak at once, and both together would be too long."""
    long, other = spoken(1, 10, 14), spoken(2, 12, 18)
    found = worst_places(planned([long, other], [hiding(1, 0.5, long, 10, 14), hiding(2, 0.4, other, 12, 13)]), 5)
    assert spans_s(found) == [("DX-0001", 9, 15)]
    assert found[0].conflicts == ("C0001", "C0002")


def test_nothing_hidden_is_no_place_and_none_are_asked_for() -> None:
    assert worst_places(planned([spoken(1, 10, 12)], []), 5) == []
    assert worst_places(of((10, 12, 0.1)), 0) == []


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Lines and conflicts anywhere, longer than a place, on top of each other."""
    spans = st.tuples(st.integers(0, FRAMES - 1), st.integers(1, 14 * RATE_HZ)).map(
        lambda span: (span[0], min(sum(span), FRAMES))
    )
    lines = [
        replace(line(1, 0.2, 0.6), id=f"DX-{number}", start=start, end=end)
        for number, (start, end) in enumerate(draw(st.lists(spans, max_size=8)))
    ]
    conflicts = []
    for number in range(draw(st.integers(0, 14))):
        hidden = draw(st.sampled_from([None, *lines]))
        start, end = draw(spans)
        if hidden is not None:
            start = draw(st.integers(hidden.start, hidden.end - 1))
            end = draw(st.integers(start + 1, hidden.end))
        masker, size = draw(st.sampled_from(["MX", "FX", "AMB"])), draw(st.sampled_from([0.1, 0.2, 0.3, 0.7]))
        of_line = None if hidden is None else hidden.id
        conflicts.append(replace(conflict(number, masker, size, 0.0), line=of_line, start=start, end=end))
    return planned(lines, conflicts)


def middle(one: Conflict) -> int:
    return (one.start + one.end) // 2


@given(made=plans(), count=st.integers(1, 6))
def test_places_lie_inside_the_programme_apart_and_are_no_longer_than_they_may(made: Plan, count: int) -> None:
    found = worst_places(made, count)
    assert len(found) <= count
    assert all(0 <= place.start < place.end <= made.frames for place in found)
    assert all(place.end - place.start <= LONGEST for place in found)
    in_time = sorted(found, key=lambda place: place.start)
    assert all(one.end <= after.start for one, after in pairwise(in_time))


@given(made=plans(), count=st.integers(1, 6))
def test_the_midst_of_each_places_worst_conflict_is_heard_in_it(made: Plan, count: int) -> None:
    assert all(place.start <= middle(place.conflict) < place.end for place in worst_places(made, count))


@given(made=plans(), count=st.integers(1, 6))
def test_places_come_in_the_order_of_their_worst_conflicts_and_the_very_worst_is_the_first(
    made: Plan, count: int
) -> None:
    found = worst_places(made, count)
    ranks = [(place.line is None, -place.conflict.size_before) for place in found]
    assert ranks == sorted(ranks)
    everyone = sorted((one.line is None, -one.size_before) for one in made.conflicts)
    assert ranks[:1] == everyone[:1]


@given(made=plans(), count=st.integers(1, 6))
def test_no_conflict_is_shown_twice_and_all_of_a_line_are_shown_together(made: Plan, count: int) -> None:
    found = worst_places(made, count)
    shown = [name for place in found for name in place.conflicts]
    assert len(shown) == len(set(shown))
    by_id = {one.id: one for one in made.conflicts}
    for place in found:
        lines = {by_id[name].line for name in place.conflicts} - {None}
        assert {one.id for one in made.conflicts if one.line in lines} <= set(place.conflicts)
        assert set(place.stems) == {
            stem for name in place.conflicts for stem in (by_id[name].target, by_id[name].masker)
        }


@given(made=plans(), count=st.integers(1, 6), turn=st.randoms(use_true_random=False))
def test_the_order_in_a_plan_does_not_matter(made: Plan, count: int, turn: object) -> None:
    lines, conflicts = list(made.lines), list(made.conflicts)
    turn.shuffle(lines)  # type: ignore[attr-defined]
    turn.shuffle(conflicts)  # type: ignore[attr-defined]
    assert worst_places(planned(lines, conflicts), count) == worst_places(made, count)


@given(made=plans())
def test_with_room_for_all_only_what_lies_in_less_than_a_second_between_others_is_left_out(made: Plan) -> None:
    found = worst_places(made, 100)
    shown = {name for place in found for name in place.conflicts}
    lines = {one.id: one for one in made.lines}
    for one in sorted(made.conflicts, key=lambda one: (-one.size_before, one.start, one.id)):
        its = {other.id for other in made.conflicts if one.line is not None and other.line == one.line} | {one.id}
        if its & shown or any(place.start <= middle(one) < place.end for place in found):
            continue
        span = lines.get(one.line or "", one)
        first = max([0, span.start - AIR, *(place.end for place in found if place.end <= middle(one))])
        after = min([made.frames, span.end + AIR, *(place.start for place in found if place.start > middle(one))])
        assert after - first < SHORTEST
        shown |= its
