"""`report.why`: what is done at a moment, with its reasons, and nothing of any other moment."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import get_args

import pytest

from stemmix.model.evidence import AppliedGains, Evidence
from stemmix.model.moves import Level
from stemmix.model.plan import Evidence as Bought
from stemmix.model.plan import Line, Move, StoppedBy
from stemmix.report.masking import BECAUSE_OF
from stemmix.report.why import why_json, why_text
from tests.evidence import RATE_HZ, conflict, evidence, line, move, plan

BOUGHT = Bought(
    snr_before_db=-5.14, snr_after_db=0.72, sii_before=0.331, sii_after=0.524, bought=0.0834, per_db=0.01043
)
IN_THE_LINE = 61 * RATE_HZ
APPLIED = (
    AppliedGains(stem="DX", mid_db=(0.0,) * 36, side_db=(0.0,) * 36),
    AppliedGains(stem="MX", mid_db=(*(-1.0,) * 15, *(-8.5,) * 6, *(0.0,) * 15), side_db=(-3.25,) * 36),
    AppliedGains(stem="AMB", mid_db=(0.0,) * 36, side_db=(*(0.0,) * 30, *(-2.0,) * 6)),
    AppliedGains(stem="FX", mid_db=(1.5,) * 36, side_db=(1.5,) * 36),
)
"""As the pipeline tells it."""


@pytest.fixture
def told() -> Evidence:
    """A cut with its evidence, a pin, and a fader, in and around the line from 60 to 63 s."""
    cut = replace(move("MX", "cut", ("C0001", "C0003")), evidence=BOUGHT, stopped_by="goal")
    pinned = replace(move("AMB", "duck", ()), id="pin-1", line=None, stopped_by="pin")
    fader = Move(id="level-FX", stem="FX", start=0, end=90 * RATE_HZ, action=Level(kind="level", gain_db=-2.0))
    return evidence(moves=(cut, pinned, fader), lines=(line(1, 0.31, 0.524),))


def ids_at(told: Evidence, sample: int, stem: str | None = None) -> list[str]:
    return [one["stem"] for one in json.loads(why_json(told, APPLIED, sample, stem))["moves"]]


def test_a_moment_has_its_line_its_moves_with_their_evidence_and_their_conflicts(told: Evidence) -> None:
    text = why_text(told, APPLIED, IN_THE_LINE, None, 160)
    assert "at 1:01.0 (61.000 s)" in text
    assert "DX-0061.0 of DX, 1:00.0-1:03.0: clarity 0.31 as it came, 0.52 in the mix (goal 0.5)" in text
    assert "no more was done because the line has reached its goal" in text
    rows = {row.split()[0]: row for row in text.splitlines() if row.split()}
    assert rows["MX"].split()[-10:] == ["DX-0061.0", "-5.1", "→", "0.7", "0.33", "→", "0.52", "0.083", "0.0104", "goal"]
    assert rows["AMB"].split()[-6:] == ["pin", "-", "-", "-", "-", "pin"]
    assert rows["FX"].split()[-6:] == ["all", "-", "-", "-", "-", "-"]
    assert "stopped by goal: the line has reached its goal\nstopped by pin: a pin holds it" in text
    assert rows["C0001"].split() == ["C0001", "DX", "MX", "478-5071", "62%", "-8.2", "1.500", "0.500"]
    assert "C0003" in text
    assert "C0002" not in text, "it causes no move here"


def test_json_is_the_same_for_programs(told: Evidence) -> None:
    why = json.loads(why_json(told, APPLIED, IN_THE_LINE, None), parse_constant=pytest.fail)
    assert (why["schema"], why["at_s"]) == ("stemmix.why/1", 61.0)
    assert [one["id"] for one in why["lines"]] == ["DX-0061.0"]
    assert why["moves"][0]["evidence"] == asdict(BOUGHT)
    assert (why["moves"][0]["start_s"], why["moves"][0]["end_s"]) == (60.0, 63.0)
    assert [one["id"] for one in why["conflicts"]] == ["C0001", "C0003"]


def test_a_move_is_there_from_its_first_ramp_to_its_last(told: Evidence) -> None:
    """Look-ahead 0.06 s, hold 0.1 s, ramps of 0.4 s on either side."""
    first, after = 60 * RATE_HZ - round(0.46 * RATE_HZ), 63 * RATE_HZ + round(0.5 * RATE_HZ)
    assert [len(ids_at(told, sample)) for sample in (first - 1, first, after - 1, after)] == [1, 3, 3, 1]
    beside = why_text(told, APPLIED, first, None, 120)
    assert "what is done here is done over the whole programme and by a pin and for lines nearby" in beside
    assert "DX-0061.0 of DX" not in beside


def test_the_gain_that_is_applied_at_the_moment_is_told_stem_by_stem(told: Evidence) -> None:
    """Where it is furthest from 0, and over which bands: of the sides where the middle is left alone."""
    text = why_text(told, APPLIED, IN_THE_LINE, None, 120)
    table = text[text.index("Gain at this moment") : text.index("Moves")]
    rows = {row.split()[0]: row.split()[1:] for row in table.splitlines() if row}
    assert rows["DX"] == ["+0.0", "-", "+0.0"]
    assert rows["MX"] == ["-8.5", "1319-2800", "-3.2"]
    assert rows["AMB"] == ["+0.0", "8064-16000", "-2.0"]
    assert rows["FX"] == ["+1.5", "60-16000", "+1.5"]
    assert "AMB" not in why_text(told, APPLIED, IN_THE_LINE, "MX", 120)
    gains = json.loads(why_json(told, APPLIED, IN_THE_LINE, None))["gains"]
    assert gains == [one.model_dump(mode="json") for one in APPLIED]
    assert [one["stem"] for one in json.loads(why_json(told, APPLIED, IN_THE_LINE, "MX"))["gains"]] == ["MX"]


@pytest.mark.parametrize(
    ("mid_db", "side_db", "row"),
    [(-0.04, 0.03, ["+0.0", "-", "+0.0"]), (-0.04, -0.3, ["+0.0", "8064-16000", "-0.3"])],
)
def test_what_rounds_to_no_gain_has_no_bands(told: Evidence, mid_db: float, side_db: float, row: list[str]) -> None:
    """As at the end of a ramp."""
    applied = AppliedGains(stem="MX", mid_db=(mid_db,) * 36, side_db=(*(0.0,) * 30, *(side_db,) * 6))
    text = why_text(told, [applied], IN_THE_LINE, None, 120)
    assert next(words for words in map(str.split, text.splitlines()) if words[:1] == ["MX"])[1:] == row


def elsewhere(number: int) -> Line:
    """A line that does not stand where the others do."""
    return replace(line(number, 0.31, 0.524), start=0, end=RATE_HZ)


def test_where_no_line_stands_it_is_said_what_the_moves_are_made_for(told: Evidence) -> None:
    cut, held, fader = told.plan.moves
    for moves, said in (
        ((cut,), "there is no line here; what is done here is done for lines nearby\n"),
        ((fader,), "there is no line here; what is done here is done over the whole programme\n"),
        ((held,), "there is no line here; what is done here is done by a pin\n"),
        (
            (cut, fader),
            "there is no line here; what is done here is done over the whole programme and for lines nearby\n",
        ),
    ):
        text = why_text(evidence(moves=moves, lines=(elsewhere(1),)), APPLIED, IN_THE_LINE, None, 120)
        assert said in text


def test_conflicts_of_lines_elsewhere_are_counted_and_those_of_the_moves_here_shown(told: Evidence) -> None:
    """A scene's curve names conflicts of all its lines; a neighbour's cut that reaches here is told with its own."""
    far = conflict(7, "MX", 3.0, 1.0, line="DX-0069.0")
    beside = conflict(8, "MX", 2.0, 1.0, line="DX-0062.0")
    conflicts = (*told.plan.conflicts, far, beside)
    curve = replace(move("MX", "scene", ("C0001", "C0007")), id="scene", line=None)
    neighbour = replace(move("MX", "cut", ("C0008",)), id="DX-0062.0-MX-unmask", line="DX-0062.0")
    others = (elsewhere(2), elsewhere(9))
    whole = evidence(moves=(curve, neighbour), lines=(line(1, 0.31, 0.524), *others), conflicts=conflicts)
    text = why_text(whole, APPLIED, IN_THE_LINE, None, 120)
    assert [name in text for name in ("C0001", "C0008", "C0007")] == [True, True, False]
    assert "and 1 conflict of other lines that these moves are made for" in text
    told_all = json.loads(why_json(whole, APPLIED, IN_THE_LINE, None))["conflicts"]
    assert [one["id"] for one in told_all] == ["C0001", "C0007", "C0008"]
    alone = why_text(
        evidence(moves=(curve,), lines=(elsewhere(1), *others), conflicts=conflicts), APPLIED, IN_THE_LINE, None, 120
    )
    assert [name in alone for name in ("C0001", "C0007")] == [True, True], "where no line stands, all"


def test_what_is_done_to_a_voice_keeps_to_its_line(told: Evidence) -> None:
    """Ramps of 0.1 s, no look-ahead, no hold."""
    plan = evidence(moves=(move("DX", "ride", ()),)).plan
    voiced = Evidence(plan=plan, stems=told.stems)
    first, after = 60 * RATE_HZ - round(0.1 * RATE_HZ), 63 * RATE_HZ + round(0.1 * RATE_HZ)
    assert [len(ids_at(voiced, sample)) for sample in (first - 1, first, after - 1, after)] == [0, 1, 1, 0]


def test_one_stem_may_be_asked_for(told: Evidence) -> None:
    assert ids_at(told, IN_THE_LINE) == ["MX", "AMB", "FX"]
    assert ids_at(told, IN_THE_LINE, "AMB") == ["AMB"]
    assert json.loads(why_json(told, APPLIED, IN_THE_LINE, "AMB"))["conflicts"] == []
    text = why_text(told, APPLIED, IN_THE_LINE, "DX", 120)
    assert "no move reaches here in DX" in text
    assert "DX-0061.0 of DX" in text, "what is said there is true whatever stem is asked for"


def test_where_nothing_is_done_that_is_said() -> None:
    quiet = Evidence(plan=plan(moves=(), lines=()), stems=evidence().stems)
    assert why_text(quiet, APPLIED, 0, None, 80).splitlines()[1:] == [
        "",
        "there is no line here",
        "",
        "no move reaches here",
    ]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_text_fits_its_width_and_is_plain(told: Evidence, width: int) -> None:
    text = why_text(told, APPLIED, IN_THE_LINE, None, width)
    assert all(len(row) <= width and row == row.rstrip() for row in text.splitlines())
    assert "\x1b" not in text
    assert "…" not in text
    assert "\n\n\n" not in text
    assert "[bold]reel 3[/] :smile:" in text


def test_every_reason_to_stop_has_its_words() -> None:
    assert set(BECAUSE_OF) == set(get_args(StoppedBy))
