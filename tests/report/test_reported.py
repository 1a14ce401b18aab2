"""The report for programs: all of it, as its schema has it, with a reason for everything that is null; and as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError

from stemmix.files.schema import report_schema
from stemmix.model.document import Identifier
from stemmix.model.evidence import Chosen
from stemmix.model.plan import PlannedScene
from stemmix.report.reported import COLUMNS, conflicts_csv, report_json
from tests.evidence import OUTCOME, RATE_HZ, conflict, evidence, move

SCHEMA = json.loads(report_schema())


def reported(told: Any = None, top: int | None = None) -> dict[str, Any]:
    """The report, valid by its schema and without NaN."""
    report = json.loads(report_json(told or evidence(), top), parse_constant=pytest.fail)
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    return report


def test_it_holds_everything_that_the_text_does() -> None:
    report = reported()
    assert report["schema"] == "stemmix.report/1"
    assert (report["duration_s"], report["clarity_goal"], report["sample_rate"]) == (90.0, 0.5, RATE_HZ)
    assert (report["method"], report["outcome"]) == ("multilevel", OUTCOME.model_dump(mode="json"))
    assert report["pairs"] == [
        {"target": "DX", "masker": "MX", "size_before": 4.0, "size_after": 0.75},
        {"target": "DX", "masker": "AMB", "size_before": 0.25, "size_after": 0.2},
        {"target": "AMB", "masker": "DX", "size_before": 0.0, "size_after": 0.0},
    ]
    assert [(one["id"], one["start_s"], one["end_s"], one["lines"]) for one in report["scenes"]] == [
        ("S-0000", 0.0, 90.0, 3)
    ]
    assert [line["id"] for line in report["lines"]] == ["DX-0061.0", "DX-0062.0", "DX-0063.0"]
    assert report["notes"]
    assert report["warnings"]
    assert report["chosen"] is None


def test_stems_have_what_is_measured_on_them() -> None:
    first, second, *_ = reported()["stems"]
    assert {name: first[name] for name in ("id", "role", "file", "priority")} == {
        "id": "DX",
        "role": "dialogue",
        "file": "reel/DX.wav",
        "priority": 100,
    }
    assert (first["integrated_lufs"], first["lra_lu"], first["true_peak_dbtp"]) == (-23.46, 7.25, -3.21), "to 0.01"
    assert (first["active_s"], first["active_share"], first["onsets"]) == (9.0, 0.1, 2)
    assert second["start_s"] == 1.875


def test_conflicts_come_the_largest_first_with_the_moves_they_caused_and_what_these_buy() -> None:
    report = reported()
    assert [one["id"] for one in report["conflicts"]] == ["C0003", "C0001", "C0002", "C0004"]
    worst, _, ambience, other = report["conflicts"]
    assert (worst["start_s"], worst["end_s"], worst["low_hz"], worst["size_before"]) == (61.5, 63.5, 478.2, 2.5)
    assert (worst["importance"], worst["snr_db"], worst["line"], worst["scene"]) == (
        0.625,
        -8.25,
        "DX-0061.0",
        "S-0000",
    )
    assert (worst["start_time"], worst["end_time"]) == ("0:01:01.5", "0:01:03.5")
    assert worst["moves"] == ["DX-0061.0-MX-cut"]
    assert worst["bought"] == {"snr_before_db": -3.0, "snr_after_db": 2.0, "sii_before": 0.31, "sii_after": 0.524}
    assert ambience["moves"] == ["DX-0061.0-AMB-duck"], "it does not name it, and stands over it"
    assert other["moves"] == []
    assert (other["line"], other["bought"]) == (None, None)
    ids = {one["id"] for one in report["moves"]}
    assert all(set(one["moves"]) <= ids for one in report["conflicts"])


def test_moves_have_bands_in_hz_and_every_gain() -> None:
    cut, duck, ride, presence = reported()["moves"]
    assert [one["because"] for one in (cut, duck, ride, presence)] == [["C0001", "C0003"], [], ["C0001"], ["C0001"]]
    assert (cut["low_hz"], cut["high_hz"], cut["furthest_db"], cut["what"]) == (
        *(1318.8, 2800.0, -8.0),
        "cut to -8.0 dB (sides -4.0)",
    )
    assert (len(cut["action"]["mid_db"]), len(reported()["band_edges_hz"])) == (36, 37)
    assert duck["action"] == {"kind": "duck", "gain_db": -3.25}
    assert (ride["furthest_db"], ride["low_hz"], ride["high_hz"]) == (1.5, 60.0, 16_000.0)
    assert (presence["furthest_db"], presence["purpose"]) == (0.5, "line")


def test_what_a_move_is_made_for_is_told() -> None:
    whole = replace(move("MX", "cut", ()), line=None)
    moves = (
        move("MX", "cut", ()),
        replace(move("MX", "scene", ()), line=None),
        replace(whole, id="pin-MX-0060", stopped_by="pin"),
        replace(move("FX", "fader", ()), line=None),
    )
    told = {one["id"]: one["purpose"] for one in reported(evidence(moves=moves))["moves"]}
    assert list(told.values()) == ["line", "scene", "pin", "programme"]


def test_times_are_the_pictures_too() -> None:
    report = reported(evidence(frame_rate="25", start="01:00:00:00"))
    assert report["conflicts"][0]["start_time"] == "01:01:01:12"
    assert (report["frame_rate"], report["start"]) == ("25", "01:00:00:00")


def test_top_leaves_out_the_smaller_conflicts_and_says_how_many_there_are() -> None:
    report = reported(top=1)
    assert [one["id"] for one in report["conflicts"]] == ["C0003"]
    assert report["conflicts_in_all"] == 4


def test_what_of_the_programme_it_is_about_is_told() -> None:
    chosen = Chosen(start=60 * RATE_HZ, end=63 * RATE_HZ, stem="DX")
    assert reported(evidence().model_copy(update={"chosen": chosen}))["chosen"] == {
        "start_s": 60.0,
        "end_s": 63.0,
        "start_time": "0:01:00.0",
        "end_time": "0:01:03.0",
        "scene": None,
        "stem": "DX",
    }


def nulls(node: object, place: str = "") -> Iterator[str]:
    """Places of all that is null, but for what has a reason beside it."""
    if isinstance(node, dict):
        reasons = node.get("reasons", {})
        for name, value in node.items():
            if value is None and name not in reasons:
                yield f"{place}.{name}"
            else:
                yield from nulls(value, f"{place}.{name}")
    elif isinstance(node, list):
        for one in node:
            yield from nulls(one, place)


def test_every_reading_that_is_null_has_its_reason_beside_it() -> None:
    """What is null by its nature, its field says when."""
    silent = PlannedScene(id="S-0000", start=0, end=90 * RATE_HZ)
    report = reported(evidence(outcome=None, scenes=(silent,)))
    explained = {".conflicts.line", ".conflicts.bought", ".moves.evidence", ".moves.stopped_by", ".chosen"}
    assert set(nulls(report)) == explained | {".frame_rate", ".start"}
    for place in explained:
        *_, kind, field = ("Report", *place.split("."))
        node = {"conflicts": "ReportedConflict", "moves": "ReportedMove"}.get(kind)
        properties = SCHEMA["$defs"][node]["properties"] if node else SCHEMA["properties"]
        assert "null" in properties[field]["description"]
    assert report["stems"][3]["reasons"]["integrated_lufs"] == "nothing above -70 LUFS"
    assert report["reasons"]["outcome"]


# ---- for spreadsheets ------------------------------------------------------------------------------------------------


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline=""), strict=True))


def test_a_spreadsheet_gets_a_row_of_names_and_a_row_for_each_conflict() -> None:
    text = conflicts_csv(evidence())
    head, *rows = text.split("\r\n")
    assert head == (
        "id,target,masker,line,scene,start_s,end_s,start_time,end_time,low_hz,high_hz,importance,snr_db,"
        "size_before_band_s,size_after_band_s,line_snr_before_db,line_snr_after_db,line_sii_before,line_sii_after,"
        "moves,done"
    ), "names stay: who reads it finds columns by them"
    assert rows[-1] == "", "the last row ends as the others do (RFC 4180, section 2)"
    assert rows[0] == (
        "C0003,DX,MX,DX-0061.0,S-0000,61.5,63.5,0:01:01.5,0:01:03.5,478.2,5071.4,0.625,-8.25,2.5,0.25,-3.0,2.0,0.31,"
        "0.524,DX-0061.0-MX-cut,MX: cut to -8.0 dB (sides -4.0) at 1319-2800 Hz"
    )
    assert len(rows) == 5


def test_every_row_has_every_column_and_what_does_not_exist_is_empty() -> None:
    rows = table(conflicts_csv(evidence()))
    assert all(tuple(row) == COLUMNS and None not in row.values() for row in rows)
    assert (rows[3]["line"], rows[3]["line_sii_after"], rows[3]["moves"]) == ("", "", "")
    assert rows[3]["done"] == "nothing: AMB is not a stem that is cleared"


def test_what_holds_a_comma_is_quoted_and_read_back_whole() -> None:
    both = (move("MX", "cut", ("C0001",)), move("MX", "duck", ("C0001",)), move("DX", "ride", ("C0001",)))
    (row,) = table(conflicts_csv(evidence(moves=both, conflicts=(conflict(1, "MX", 1.5, 0.5),))))
    assert row["done"] == ("MX: cut to -8.0 dB (sides -4.0) at 1319-2800 Hz, duck by 3.2 dB; DX: ride by +1.5 dB")
    assert row["moves"].split() == [one.id for one in both]


def test_no_cell_is_taken_for_a_formula() -> None:
    """A cell that begins with = + @ is run by a spreadsheet; a minus begins numbers alone."""
    for row in table(conflicts_csv(evidence())):
        for cell in row.values():
            assert not cell.startswith(("=", "+", "@", "\t"))
            if cell.startswith("-"):
                float(cell)
    for sign in "=+@-\t":  # what cells begin with besides are ids of stems
        with pytest.raises(ValidationError):
            TypeAdapter(Identifier).validate_python(f"{sign}1")


def test_as_many_rows_as_are_asked_for() -> None:
    assert [row["id"] for row in table(conflicts_csv(evidence(), 2))] == ["C0003", "C0001"]
