"""`report.compare`: two plans side by side, whatever they are of; their lines where they are one thing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from stemmix.files.schema import comparison_schema
from stemmix.model.comparison import matched_lines
from stemmix.model.evidence import Chosen, Evidence
from stemmix.model.plan import Edge, Line, Plan
from stemmix.model.profiles import Role
from stemmix.report.compare import Side, comparison_json, comparison_of, comparison_text
from stemmix.report.tables import Page
from tests.evidence import OUTCOME, RATE_HZ, conflict, evidence, line, plan

SCHEMA = json.loads(comparison_schema())


def edges(of_music: float) -> tuple[Edge, ...]:
    return (
        Edge(target="AMB", masker="MX", size_before=9.0, size_after=8.0 if of_music < 1 else 9.0),
        Edge(target="DX", masker="AMB", size_before=0.25, size_after=0.2 if of_music < 1 else 0.25),
        Edge(target="DX", masker="MX", size_before=4.0, size_after=of_music),
    )


@pytest.fixture
def two() -> tuple[Side, Side]:
    """The same stems mixed by either method."""
    worse = OUTCOME.model_copy(update={"lines_unclear_after": 2, "bed_loss_db": 5.5, "bed_sones_lost": 0.3})
    lines = (line(1, 0.31, 0.4), line(2, 0.61, 0.65), line(3, 0.2, 0.35))
    theirs = evidence(method="frequency", outcome=worse, lines=lines, moves=(), edges=edges(3.25))
    return Side("reel.json", "project", evidence(edges=edges(0.75))), Side("reel.json", "project", theirs)


def told(sides: tuple[Side, Side], width: int = 100, top: int | None = None) -> str:
    return comparison_text(comparison_of(*sides), Page(width), top)


def compared(sides: tuple[Side, Side]) -> dict[str, Any]:
    """As JSON, valid by its schema and without NaN."""
    document = json.loads(comparison_json(comparison_of(*sides)), parse_constant=pytest.fail)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


def figures(text: str) -> dict[str, list[str]]:
    """Both cells of each row, by its name."""
    rows = [re.split(r"\s{2,}", row.strip()) for row in text.splitlines()]
    return {row[0]: row[1:] for row in rows if len(row) == 3}


# ---- figures ---------------------------------------------------------------------------------------------------------


def test_figures_of_two_methods_stand_side_by_side_as_they_came_and_in_the_mix(two: tuple[Side, Side]) -> None:
    text = told(two)
    assert text.startswith(
        "Harbour, [bold]reel 3[/] :smile:: the stems as they came, and mixed by either method; 3 lines\n"
    )
    rows = figures(text)
    assert rows["figure"] == ["multilevel", "frequency"]
    assert rows["lines below clarity 0.5"] == ["2 → 1", "2 → 2"]
    assert rows["mean clarity of the lines"] == ["0.37 → 0.52", "0.37 → 0.47"]
    assert rows["the bed while lines are spoken (dB)"] == ["-3.3", "-5.5"]
    assert rows["of its loudness in sones given up"] == ["15%", "30%"]
    assert rows["damage: how uneven over bands (dB)"] == ["1.5", "1.5"]
    assert rows["the bed away from any line (dB)"] == ["+0.0", "+0.0"]
    assert rows["moves"] == ["4", "0"]


def test_what_is_hidden_of_the_targets_comes_first_and_by_whom_then_all(two: tuple[Side, Side]) -> None:
    text = told(two)
    rows = figures(text)
    order = [name for name in rows if name.startswith(("hidden of", "by"))]
    assert order == ["hidden of DX", "by MX", "by AMB", "hidden of every stem by every other"]
    assert rows["hidden of DX"] == ["4.25 → 0.95", "4.25 → 3.50"]
    assert rows["by MX"] == ["4.00 → 0.75", "4.00 → 3.25"]
    assert rows["hidden of every stem by every other"] == ["13.25 → 8.95", "13.25 → 12.50"]
    assert "in band-seconds: 1 is a second" in text


def test_who_hides_a_target_in_a_mix_alone_is_told_too() -> None:
    only_in_the_mix = Edge(target="DX", masker="FX", size_before=0.0, size_after=0.5)
    side = Side("a.json", "project", evidence(edges=(*edges(0.75), only_in_the_mix)))
    rows = figures(told((side, side)))
    assert rows["by FX"] == ["0.00 → 0.50"] * 2


def test_where_nothing_is_to_be_heard_first_the_figure_of_it_has_a_name_all_the_same() -> None:
    beds = tuple(stem for stem in plan().stems if stem.role is not Role.DIALOGUE)
    side = Side("a.json", "project", evidence(stems=beds, lines=(), edges=()))
    assert "hidden of what is to be heard first" in figures(told((side, side)))


def test_conflicts_are_left_where_their_line_is_under_its_goal() -> None:
    """What is still masked in a line that has reached it is none to be mended."""
    conflicts = (
        conflict(1, "MX", 1.5, 0.5),
        conflict(2, "AMB", 0.25, 0.2, line="DX-0062.0"),
        conflict(3, "MX", 2.5, 0.25, line="DX-0063.0"),
        conflict(4, "MX", 9.0, 8.0, target="AMB", line=None),
    )
    side = Side("a.json", "project", evidence(conflicts=conflicts))
    rows = figures(told((side, side)))
    assert rows["conflicts of lines below it"] == ["2 → 1"] * 2
    assert rows["their size"] == ["4.00 → 0.25"] * 2
    assert rows["that of all lines, clear or not"] == ["4.25 → 0.95"] * 2, "what is left in clear lines is not gone"


def test_what_one_plan_alone_lists_of_a_line_that_both_have_is_not_counted() -> None:
    """As they came the stems are the same, whatever is found on the way to either mix."""
    both = (conflict(1, "MX", 1.5, 0.5), conflict(3, "MX", 2.5, 0.25, line="DX-0063.0"))
    one = Side("a.json", "project", evidence(conflicts=(*both, conflict(9, "FX", 0.125, 0.375, line="DX-0063.0"))))
    other = Side("b.json", "project", evidence(conflicts=both))
    for sides in ((one, other), (other, one)):
        rows = figures(told(sides))
        assert rows["conflicts of lines below it"] == ["2 → 1"] * 2
        assert rows["their size"] == ["4.00 → 0.25"] * 2
        assert rows["that of all lines, clear or not"] == ["4.00 → 0.75"] * 2
    assert "1 conflict of lines that only A lists: not counted" in told((one, other))
    assert [plan["conflicts"]["not_counted"] for plan in compared((one, other))["plans"]] == [1, 0]


def test_of_a_line_that_came_otherwise_each_plan_counts_its_own_conflicts() -> None:
    """A fader that was moved is another thing to be heard, not another way of mixing it."""
    louder = replace(line(1, 0.2, 0.4), snr_before_db=-6.0)
    one = Side("a.json", "project", evidence(conflicts=(conflict(1, "MX", 1.5, 0.5),)))
    other = Side("b.json", "project", evidence(lines=(louder,), conflicts=(conflict(2, "MX", 1.75, 1.0),)))
    rows = figures(told((one, other)))
    assert rows["conflicts of lines below it"] == ["1 → 0", "1 → 1"]
    assert rows["their size"] == ["1.50 → 0.00", "1.75 → 1.00"]
    assert "not counted" not in told((one, other))


# ---- lines -----------------------------------------------------------------------------------------------------------


def test_lines_that_differ_are_told_and_the_others_counted(two: tuple[Side, Side]) -> None:
    text = told(two)
    rows = {row.split()[0]: row.split()[1:] for row in text[text.index("Lines that differ") :].splitlines() if row}
    assert rows["DX-0061.0"] == [
        *("1:00.0-1:03.0", "DX", "0.31", "→", "0.52", "0.31", "→", "0.40", "!", "-0.12"),
    ]
    assert rows["DX-0063.0"][-1] == "-0.06"
    same = told((two[0], two[0]))
    assert "Lines that differ" not in same
    assert "3 lines are as clear in both mixes" in same
    (row,) = (row for row in told(two, top=1).splitlines() if row.startswith("DX-"))
    assert row.split()[0] == "DX-0061.0"
    assert "and 2 lines that differ less" in told(two, top=1)


def of(*lines: Line, **fields: Any) -> Plan:
    return plan(lines=lines, moves=(), conflicts=(), **fields)


def at(start_s: float, end_s: float, id_: str, target: str = "DX", rate_hz: int = RATE_HZ) -> Line:
    spoken = {"start": round(start_s * rate_hz), "end": round(end_s * rate_hz)}
    return replace(line(1, 0.3, 0.6), id=id_, target=target, **spoken)


def pairs(first: Plan, second: Plan) -> list[tuple[str | None, str | None]]:
    return [(one and one.id, other and other.id) for one, other in matched_lines(first, second)]  # type: ignore[misc]


def test_a_line_that_begins_a_little_elsewhere_is_the_same_line() -> None:
    """Its id has the time: what is edited is matched by the time that both have in common."""
    before = of(at(1.0, 3.0, "DX-0001.0"), at(5.0, 7.0, "DX-0005.0"), at(9.0, 9.5, "DX-0009.0"))
    after = of(at(1.2, 3.1, "DX-0001.2"), at(6.5, 8.5, "DX-0006.5"), at(20.0, 21.0, "DX-0020.0"))
    assert pairs(before, after) == [
        ("DX-0001.0", "DX-0001.2"),
        ("DX-0005.0", None),
        ("DX-0009.0", None),
        (None, "DX-0006.5"),
        (None, "DX-0020.0"),
    ]


def test_of_two_that_may_be_meant_it_is_the_one_of_the_same_id() -> None:
    before = of(at(1.0, 3.0, "a"))
    after = of(at(1.0, 3.0, "b"), at(1.5, 3.0, "a"))
    assert pairs(before, after) == [("a", "a"), (None, "b")]


def test_a_line_of_another_stem_is_another_line() -> None:
    assert pairs(of(at(1.0, 3.0, "a")), of(at(1.0, 3.0, "a", target="FX"))) == [("a", None), (None, "a")]


def test_plans_of_two_sample_rates_have_their_lines_matched() -> None:
    slow = of(at(1.0, 3.0, "DX-0001.0", rate_hz=24_000), sample_rate=24_000)
    assert pairs(of(at(1.0, 3.0, "DX-0001.0")), slow) == [("DX-0001.0", "DX-0001.0")]


def test_a_line_that_one_side_alone_has_is_told_with_a_dash() -> None:
    one, other = evidence(lines=(line(1, 0.3, 0.6), line(2, 0.3, 0.6))), evidence(lines=(line(1, 0.3, 0.6),))
    later = replace(line(2, 0.3, 0.7), start=70 * RATE_HZ, end=72 * RATE_HZ)
    one = evidence(lines=(line(1, 0.3, 0.6), later))
    text = told((Side("a.json", "project", one), Side("b.json", "project", other)))
    (row,) = (row for row in text.splitlines() if row.startswith("DX-0062.0"))
    assert row.split() == ["DX-0062.0", "1:10.0-1:12.0", "DX", "0.30", "→", "0.70", "-", "-"]


# ---- whose plans they are --------------------------------------------------------------------------------------------


def test_two_files_are_called_a_and_b_and_it_is_told_what_each_is(two: tuple[Side, Side]) -> None:
    stored = Side("out/reel.plan.json", "plan", Evidence(plan=two[1].evidence.plan, stems=()))
    first, second, *_ = told((two[0], stored), 120).splitlines()
    assert first == ("A: reel.json: Harbour, [bold]reel 3[/] :smile:, 1:30.0, profile film, method multilevel, 3 lines")
    assert second.startswith("B: out/reel.plan.json: stored plan, Harbour,")
    assert figures(told((two[0], stored)))["hidden of DX"] == ["4.25 → 0.95", "4.25 → 3.50"], "a plan says it too"


Change = Callable[[Plan], Plan]


def stem(**fields: Any) -> Change:
    """Another MX."""

    def changed(told: Plan) -> Plan:
        first, second, *rest = told.stems
        return told.model_copy(update={"stems": (first, second.model_copy(update=fields), *rest)})

    return changed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (stem(sha256="cd"), "MX is a different recording"),
        (stem(gain_db=-2.0), "the fader of MX is at 0 dB in the first and at -2 dB in the second"),
        (stem(at=480), "MX begins at another time"),
        (stem(role=Role.FX), "MX is music in the first and fx in the second"),
        (stem(pan=0.5), "the channels of MX are placed differently"),
        (stem(id="SCORE"), "MX is only in the first; SCORE is only in the second"),
    ],
)
def test_a_stored_plan_that_was_made_for_other_stems_is_called_stale(change: Change, said: str) -> None:
    now = evidence()
    then = Evidence(plan=change(plan(moves=())), stems=())
    text = told((Side("reel.json", "project", now), Side("out/reel.plan.json", "plan", then)), 200)
    assert text.splitlines()[-1] == (
        f"note: out/reel.plan.json is stale: it was made for different stems from those of today: {said}"
    )
    both = told((Side("a.json", "project", now), Side("b.json", "project", then)), 200)
    assert both.splitlines()[-1] == f"note: the stems differ: {said}"


def test_programmes_that_have_nothing_in_common_stand_side_by_side_without_their_lines() -> None:
    """Two lines at the same second of two films are not one line."""
    other = plan(title="Siege", clarity_goal=0.6, lines=(line(1, 0.1, 0.2),))
    other = other.model_copy(update={"stems": tuple(one.model_copy(update={"sha256": "ff"}) for one in other.stems)})
    sides = (Side("a.json", "project", evidence()), Side("b.json", "project", Evidence(plan=other, stems=())))
    text = told(sides)
    assert "lines below clarity 0.5 and 0.6" in text
    assert "Lines that differ" not in text
    assert "A and B are different programmes" in text
    document = compared(sides)
    assert document["lines"] is None
    assert document["reasons"]["lines"] in " ".join(text.split())


def test_what_a_stored_plan_cannot_tell_of_a_span_is_left_out_and_said(two: tuple[Side, Side]) -> None:
    """Its lines are there, whole; what is hidden and what the bed gives up is known of all of the programme alone."""
    chosen = Chosen(start=60 * RATE_HZ, end=63 * RATE_HZ)
    narrow = two[0].evidence.model_copy(update={"chosen": chosen})
    bare = two[1].evidence.plan.model_copy(update={"edges": (), "outcome": None})
    stored = Side("out/reel.plan.json", "plan", Evidence(plan=bare, stems=(), chosen=chosen))
    sides = (Side("reel.json", "project", narrow), stored)
    text = told(sides)
    rows = figures(text)
    assert rows["hidden of DX"] == ["4.25 → 0.95", "-"]
    assert rows["the bed while lines are spoken (dB)"] == ["-3.3", "-"]
    assert rows["lines below clarity 0.5"] == ["2 → 1", "2 → 2"]
    assert "B: a stored plan tells what is hidden, and what the bed gives up, for the whole programme only" in text
    first, second = compared(sides)["plans"]
    assert first["reasons"] == {}
    assert (second["outcome"], second["masked"], second["edges"]) == (None, None, None)
    assert set(second["reasons"]) == {"outcome", "masked", "edges"}
    assert second["chosen"]["start_s"] == 60.0


# ---- for programs ----------------------------------------------------------------------------------------------------


def test_json_has_both_plans_whole_enough_to_compare(two: tuple[Side, Side]) -> None:
    document = compared(two)
    assert (document["schema"], document["clarity_goal"]) == ("stemmix.comparison/1", 0.5)
    assert document["targets"] == ["DX"]
    assert [one["method"] for one in document["plans"]] == ["multilevel", "frequency"]
    assert [one["outcome"]["lines_unclear_after"] for one in document["plans"]] == [1, 2]
    assert [one["masked"] for one in document["plans"]] == [
        {"targets": {"before": 4.25, "after": 0.95}, "all": {"before": 13.25, "after": 8.95}},
        {"targets": {"before": 4.25, "after": 3.5}, "all": {"before": 13.25, "after": 12.5}},
    ]
    assert [one["moves"] for one in document["plans"]] == [4, 0]
    first = document["plans"][1]["lines"][0]
    assert (first["id"], first["target"], first["clarity_before"], first["clarity_after"], first["stopped_by"]) == (
        *("DX-0061.0", "DX", 0.31, 0.4, "goal"),
    )
    assert [len(one["edges"]) for one in document["plans"]] == [3, 3]
    assert document["lines"][0] == {
        "first": "DX-0061.0",
        "second": "DX-0061.0",
        "clarity_first": 0.524,
        "clarity_second": 0.4,
    }


def test_without_a_line_there_is_nothing_to_compare_but_that_is_no_fault() -> None:
    side = Side("a.json", "project", evidence(lines=(), moves=(), conflicts=(), outcome=None))
    rows = figures(told((side, side)))
    assert rows["lines below clarity 0.5"] == ["0 → 0"] * 2
    assert rows["mean clarity of the lines"] == ["- → -"] * 2
    first, _ = compared((side, side))["plans"]
    assert (first["outcome"], first["clarity"]["mean_after"]) == (None, None)
    assert first["reasons"]["outcome"]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_text_fits_its_width_and_is_plain_and_colours_change_no_word(two: tuple[Side, Side], width: int) -> None:
    stored = Side("a/long/way/to/out/film_reel3.plan.json", "plan", Evidence(plan=two[1].evidence.plan, stems=()))
    for sides in (two, (two[0], stored)):
        text = told(sides, width)
        assert all(len(row) <= width and row == row.rstrip() for row in text.splitlines())
        assert not any(sign in text for sign in ("\x1b", "…", "None"))
        assert "0.31 → 0.40 !" in " ".join(text.split())
        coloured = comparison_text(comparison_of(*sides), Page(width, "standard"))
        assert [re.sub(r"\x1b\[[\d;]*m", "", row) for row in coloured.splitlines()] == text.splitlines()
