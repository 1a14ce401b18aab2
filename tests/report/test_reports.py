"""`report`: what a person reads fits the page and is right; what a program reads is JSON and is whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import pytest

from stemmix.model.evidence import Evidence
from stemmix.model.features import StemFacts
from stemmix.model.moves import Level, Scene
from stemmix.model.profiles import Role
from stemmix.model.receipt import Finding, Limiting, Null, Nulltest, Part, Receipt, SourceFile, WrittenFile
from stemmix.model.timecode import Clock
from stemmix.report.masking import bands_of, in_words, purpose, report_json, report_text
from stemmix.report.stems import stems_json, stems_text
from stemmix.report.tables import clock, reading, span
from stemmix.report.written import nulltest_json, nulltest_text, receipt_text, receipts_json
from tests.evidence import ACTIONS, DIP, LOUD, OUTCOME, RATE_HZ, SILENT, evidence, heard, move, plan

WIDTHS = (80, 100, 120, 200)


def written(path: str, **fields: Any) -> WrittenFile:
    given: dict[str, Any] = {
        "path": path,
        "deliverable": "printmaster",
        "kind": "printmaster",
        "layout": "2.0",
        "format": "wav24",
        "frames": 90 * RATE_HZ,
        "gain_db": 1.25,
        "sha256": "cd",
        "measured": LOUD,
        "specification": "profile film",
    }
    return WrittenFile(**(given | fields))


def receipt() -> Receipt:
    return Receipt(
        schema_="stemmix.receipt/1",
        title="Harbour",
        project="harbour.json",
        project_sha256="ab",
        plan="harbour.plan.json",
        plan_sha256="cd",
        versions={"stemmix": "0"},
        processor="some",
        sample_rate=RATE_HZ,
        frames=90 * RATE_HZ,
        sources=(
            SourceFile(
                stem="DX",
                path="a.wav",
                sha256="x",
                frames=1,
                sample_rate=48_000,
                layout="1.0",
                warnings=("a.wav: ends early",),
            ),
        ),
        files=(
            written(
                "harbour_printmaster.wav",
                limiting=Limiting(max_reduction_db=7.5, active_share=0.1),
                findings=(
                    Finding(check="true_peak", verdict="pass", text="true peak is -3.21 dBTP, allowed up to -1"),
                    Finding(check="limiting", verdict="warn", text="is limited hard"),
                    Finding(check="loudness", verdict="fail", text="programme loudness is -23.46 LUFS, allowed -23"),
                ),
            ),
            written(
                "harbour_stems_FX.wav",
                kind="stem",
                stems=("FX",),
                parent="printmaster",
                measured=SILENT,
                findings=(Finding(check="full_scale", verdict="warn", text="would pass full scale"),),
            ),
            written(
                "harbour_wide.wav",
                layout="5.1",
                parts=tuple(Part(label=label, path=f"harbour_wide.{label}.wav", sha256="x") for label in ("L", "R")),
            ),
        ),
        warnings=("FX is silent",),
        passed=False,
    )


def nulled() -> Nulltest:
    same = {"deliverable": "stems", "limit_dbfs": -135.1, "judged_share": 0.987}
    return Nulltest(
        schema_="stemmix.nulltest/1",
        receipt="harbour.receipt.json",
        nulls=(
            Null(parent="a.wav", parts=("s1.wav", "s2.wav"), residual_dbfs=-136.72, passed=True, **same),
            Null(parent="b.wav", parts=("t1.wav",), residual_dbfs=-90.0, passed=False, **same),
        ),
        passed=False,
    )


TEXTS = {
    "report": lambda width: report_text(evidence(), width, 10),
    "check": lambda width: stems_text(evidence(), width),
    "render": lambda width: receipt_text(receipt(), PurePath("out"), width),
    "nulltest": lambda width: nulltest_text(nulled(), width),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", TEXTS)
def test_text_fits_its_width_and_ends_clean(kind: str, width: int) -> None:
    text = TEXTS[kind](width)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    for row in text.splitlines():
        assert len(row) <= width
        assert row == row.rstrip()
    assert "…" not in text, "nothing is cut off"
    if kind not in {"render", "nulltest"}:  # file names are long, and fold
        words = " ".join(text.split())
        assert all(word in words for word in ("dialogue", "ambience") if kind == "check")
        assert all(
            word in words for word in ("C0003 1:01.5-1:03.5 DX MX 478-5071 62% -8.2 2.500 0.250",) if kind == "report"
        )
    assert "nan" not in text.lower().split()
    assert "None" not in text


@pytest.mark.parametrize("kind", TEXTS)
def test_text_has_no_colour_and_takes_nothing_for_markup(kind: str) -> None:
    text = TEXTS[kind](120)
    assert "\x1b" not in text
    if kind in {"report", "check"}:
        assert "[bold]reel 3[/] :smile:" in text


def rows_of(text: str) -> dict[str, list[str]]:
    """Rows of all tables by their first word."""
    return {row.split()[0]: row.split() for row in text.splitlines() if row.split()}


def test_report_has_pairs_conflicts_lines_and_moves_with_their_times() -> None:
    text = report_text(evidence(), 200, 10)
    assert "1:30.0, profile film, method multilevel, 4 stems, 1 scene, 3 lines" in text
    assert "lines below clarity 0.5: 2 as the stems came, 1 in the mix" in text
    assert "while lines are spoken: -3.3 dB, 15% of its loudness in sones given up; elsewhere +0.0 dB" in text
    pairs = text[text.index("Who masks whom") : text.index("Conflicts")]
    assert [row.split() for row in pairs.splitlines() if row.startswith(("DX", "AMB"))] == [
        ["DX", "MX", "4.00", "0.75"],
        ["DX", "AMB", "0.25", "0.20"],
    ]
    rows = rows_of(text)
    assert rows["C0003"] == ["C0003", "1:01.5-1:03.5", "DX", "MX", "478-5071", "62%", "-8.2", "2.500", "0.250"]
    order = [text.index(f"C000{number}") for number in (3, 1, 2, 4)]
    assert order == sorted(order), "the largest first, and those of lines before those that nothing is done about"
    assert rows["C0004"] == ["C0004", "1:01.5-1:03.5", "AMB", "MX", "478-5071", "30%", "-8.2", "9.000", "8.000"]
    assert rows["DX-0063.0"] == ["DX-0063.0", "1:00.0-1:03.0", "DX", "0.20", "0.41", "goal"]
    assert "Moves: 4" in text
    assert "note: FX is silent" in text
    assert "warning: reel/MX.wav: has a DC offset" in text


def test_a_late_conflict_between_stems_that_nothing_is_done_for_fits_80_columns() -> None:
    """Their ids are long, and so are times after the first hour: names fold, figures do not."""
    late = {"start": 7325 * RATE_HZ, "end": 7335 * RATE_HZ, "high_hz": 16_012.0, "snr_db": -10.0, "importance": 1.0}
    told = replace(evidence().plan.conflicts[3], id="AMB-MX-351600-12", size_before=10.0, size_after=10.0, **late)
    text = report_text(evidence(conflicts=(told,), frames=7335 * RATE_HZ), 80, 10)
    (row,) = (row for row in text.splitlines() if "478-16012" in row)
    assert len(row) <= 80
    assert row.split()[-5:] == ["478-16012", "100%", "-10.0", "10.000", "10.000"]
    assert "2:02:05.0-2:02:15.0" in row


def test_report_shows_as_many_conflicts_as_are_asked_for_and_says_of_how_many() -> None:
    text = report_text(evidence(), 120, 2)
    conflicts = text[text.index("Conflicts") : text.index("Lines")]
    assert conflicts.startswith("Conflicts: the largest 2 of 4")
    assert "C0003" in conflicts
    assert "C0001" in conflicts
    assert "C0002" not in conflicts


def test_report_of_a_programme_without_lines_is_short_and_says_why() -> None:
    note = "no line that is to be heard first was found: nothing is cut, the stems are summed as they came"
    text = report_text(evidence(moves=(), lines=(), conflicts=(), notes=(note,), outcome=None), 120, 10)
    assert "0 lines" in text
    assert "below clarity" not in text
    assert f"note: {note}" in text
    assert not any(word in text for word in ("Moves", "Conflicts", "Who masks whom"))


def test_what_a_move_is_made_for_is_told() -> None:
    """A line, a scene, a pin, or the whole programme."""
    scene_curve = Scene(kind="scene", mid_db=DIP, side_db=DIP)
    fader = Level(kind="level", gain_db=-3.0)
    of_line = move("MX", "cut", ("C0001",))
    whole = replace(of_line, line=None)
    assert purpose(of_line) == "DX-0061.0"
    assert purpose(replace(whole, action=scene_curve)) == "scene"
    assert purpose(replace(whole, stopped_by="pin")) == "pin"
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


def test_moves_stand_in_order_of_time_and_what_stands_longer_first() -> None:
    """As the plan has them, scenes' curves come before all lines' own."""
    late = move("MX", "cut", ())
    early = replace(late, id="early", start=10 * RATE_HZ, end=12 * RATE_HZ, line="DX-0062.0")
    curve = replace(move("MX", "scene", ()), id="curve", start=10 * RATE_HZ, line=None)
    fader = replace(move("FX", "fader", ()), id="fader", start=0, end=90 * RATE_HZ, line=None)
    told = evidence(moves=(late, early, curve, fader))
    order = [one["id"] for one in json.loads(report_json(told))["moves"]]
    assert order == ["fader", "curve", "early", late.id]
    text = report_text(told, 120, 10)
    rows = [row.split()[0] for row in text[text.index("Moves: 4") :].splitlines() if "dB" in row]
    assert rows == ["all", "scene", "DX-0062.0", "DX-0061.0"]


def test_of_a_move_over_the_whole_programme_it_is_said_of_how_many_conflicts_the_largest_are_named() -> None:
    """Only where there are more: its stem has two with lines."""
    for because, said in (
        (("C0003",), "DX-0061.0: 478-5071; the largest of 2"),
        (("C0003", "C0001"), "DX-0061.0: 478-5071, 478-5071"),
    ):
        fader = replace(move("MX", "fader", because), line=None)
        text = report_text(evidence(moves=(fader,)), 120, 10)
        (row,) = (row for row in text.splitlines() if "fader by" in row)
        assert row.endswith(f"  {said}")


def test_report_json_holds_everything_that_the_text_does() -> None:
    report = json.loads(report_json(evidence()), parse_constant=pytest.fail)
    assert report["schema"] == "stemmix.report/1"
    assert (report["duration_s"], report["clarity_goal"], report["sample_rate"]) == (90.0, 0.5, RATE_HZ)
    assert report["stems"][0] == {"id": "DX", "role": "dialogue", "file": "reel/DX.wav", "priority": 100}
    assert report["pairs"] == [
        {"target": "DX", "masker": "MX", "size_before": 4.0, "size_after": 0.75},
        {"target": "DX", "masker": "AMB", "size_before": 0.25, "size_after": 0.2},
        {"target": "AMB", "masker": "DX", "size_before": 0.0, "size_after": 0.0},
    ]
    assert (report["method"], report["outcome"]) == ("multilevel", OUTCOME.model_dump(mode="json"))
    assert [(one["id"], one["start_s"], one["end_s"]) for one in report["scenes"]] == [("S-0000", 0.0, 90.0)]
    assert [conflict["id"] for conflict in report["conflicts"]] == ["C0003", "C0001", "C0002", "C0004"]
    first = report["conflicts"][0]
    assert (first["start_s"], first["end_s"], first["low_hz"], first["size_before"]) == (61.5, 63.5, 478.2, 2.5)
    assert (first["importance"], first["snr_db"], first["line"]) == (0.625, -8.25, "DX-0061.0")
    assert (report["conflicts"][3]["snr_db"], report["conflicts"][3]["line"]) == (-8.25, None)
    assert [line["id"] for line in report["lines"]] == ["DX-0061.0", "DX-0062.0", "DX-0063.0"]
    assert [move["because"] for move in report["moves"]] == [["C0001", "C0003"], [], ["C0001"], ["C0001"]]
    assert report["moves"][1]["action"] == {"kind": "duck", "gain_db": -3.25}
    assert report["notes"]
    assert report["warnings"]


def test_check_has_a_row_for_every_stem_and_dashes_where_there_is_no_reading() -> None:
    rows = rows_of(stems_text(evidence(), 120))
    assert rows["DX"] == ["DX", "dialogue", "0:00.0", "1:30.0", "44.1", "5.1", "-23.5", "7.2", "-3.2", "2", "10%"]
    assert rows["FX"] == ["FX", "fx", "0:00.0", "1:30.0", "44.1", "5.1", "-", "-", "-", "2", "0%"]
    assert rows["MX"][2] == "0:01.9"
    assert rows["warning:"]
    clean = Evidence(plan=plan(notes=()), stems=(heard("MX", Role.MUSIC),))
    assert "every stem is sound" in stems_text(clean, 120)
    assert "48000 Hz, 1 stem\n" in stems_text(clean, 120)


def test_a_note_is_no_fault_of_a_stem_and_advice_calls_itself_so() -> None:
    said = ("the profile clears lead, and no stem is one", "advice: move the fader of MX by -3.0 dB")
    told = Evidence(plan=plan(notes=said), stems=(heard("MX", Role.MUSIC),))
    assert stems_text(told, 120).splitlines()[-3:] == ["every stem is sound", f"note: {said[0]}", said[1]]
    assert report_text(told, 120, 10).endswith(f"note: {said[0]}\n{said[1]}\n")
    assert "every stem is sound" not in stems_text(evidence(), 120), "one has a warning"


def test_check_json_has_every_fact_of_every_stem() -> None:
    checked = json.loads(stems_json(evidence()), parse_constant=pytest.fail)
    assert checked["schema"] == "stemmix.check/1"
    assert [stem["id"] for stem in checked["stems"]] == ["DX", "MX", "AMB", "FX"]
    assert set(checked["stems"][0]["facts"]) == set(StemFacts.model_fields)
    assert checked["stems"][3]["facts"]["measured"]["reasons"] == {"integrated_lufs": "nothing above -70 LUFS"}
    assert checked["stems"][0]["facts"]["active"] == [{"start": 0, "end": 9 * RATE_HZ}]


def test_what_was_written_is_told_with_its_misses_flags_and_warnings() -> None:
    text = receipt_text(receipt(), PurePath("out/there"), 120)
    assert "written to out/there" in text
    table = rows_of(text[: text.index("and harbour.plan.json")])
    assert table["harbour_printmaster.wav"][1:] == ["2.0", "-23.46", "7.2", "-3.21", "+1.25", "7.5"]
    assert table["harbour_stems_FX.wav"][1:] == ["2.0", "-", "-", "-", "+1.25", "-"]
    assert table["harbour_wide.wav"][1:5] == ["(2", "mono", "files)", "5.1"]
    assert text.splitlines()[-5:] == [
        "fail: harbour_printmaster.wav: programme loudness is -23.46 LUFS, allowed -23",
        "warn: harbour_printmaster.wav: is limited hard",
        "warn: harbour_stems_FX.wav: would pass full scale",
        "warning: a.wav: ends early",
        "note: FX is silent",
    ], "the worst first, and nothing of what passes"
    assert "harbour.plan.json, harbour.receipt.json" in text


def test_receipt_json_is_the_receipt_and_a_programmes_a_list_of_them() -> None:
    alone = receipts_json([receipt()], together=False)
    assert Receipt.model_validate_json(alone) == receipt()
    assert json.loads(alone)["schema"] == "stemmix.receipt/1"
    assert json.loads(receipts_json([receipt()], together=True)) == [json.loads(alone)]


def test_a_null_test_is_told_by_master_with_what_is_left_and_what_was_allowed() -> None:
    rows = rows_of(nulltest_text(nulled(), 120))
    assert rows["a.wav"] == ["a.wav", "stems", "(2)", "98.7%", "-136.7", "-135.1", "yes"]
    assert rows["b.wav"] == ["b.wav", "stems", "(1)", "98.7%", "-90.0", "-135.1", "NO"]
    assert Nulltest.model_validate_json(nulltest_json(nulled())) == nulled()


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (0, "0:00.0"),
        (RATE_HZ // 20 - 1, "0:00.0"),
        (59 * RATE_HZ + 47_000, "1:00.0"),
        (3599 * RATE_HZ + 47_990, "1:00:00.0"),
        (7325 * RATE_HZ, "2:02:05.0"),
    ],
)
def test_clocks_round_and_carry(samples: int, said: str) -> None:
    assert clock(samples, RATE_HZ) == said
    assert span(0, samples, Clock(RATE_HZ)) == f"0:00.0-{said}"


def test_places_are_told_in_the_pictures_timecode() -> None:
    assert span(0, 25 * RATE_HZ, Clock(RATE_HZ, "25", "01:00:00:00")) == "01:00:00:00 - 01:00:25:00"


def test_a_missing_reading_is_a_dash() -> None:
    assert [reading(None), reading(-0.04), reading(-23.456, 2)] == ["-", "-0.0", "-23.46"]
