"""What a person reads of stems and of what was written fits the page and is right; what a program reads is whole."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

import pytest

from stemmix.model.evidence import Evidence
from stemmix.model.features import FileFacts
from stemmix.model.profiles import Role
from stemmix.model.receipt import Finding, Limiting, Null, Nulltest, Part, Receipt, SourceFile, WrittenFile
from stemmix.model.timecode import Clock
from stemmix.report.stems import stems_json, stems_text
from stemmix.report.tables import Page, clock, reading, span
from stemmix.report.terminal import report_text
from stemmix.report.written import nulltest_json, nulltest_text, receipt_text, receipts_json
from tests.evidence import LOUD, RATE_HZ, SILENT, evidence, heard, plan

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
    same = {
        "deliverable": "stems",
        "limit_dbfs": -135.1,
        "judged_share": 0.987,
        "peak_dbfs": -120.04,
        "peak_limit_dbfs": -119.2,
    }
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
    if kind == "check":  # file names are long, and fold
        words = " ".join(text.split())
        assert all(word in words for word in ("dialogue", "ambience"))
    assert "nan" not in text.lower().split()
    assert "None" not in text


@pytest.mark.parametrize("kind", TEXTS)
def test_text_has_no_colour_and_takes_nothing_for_markup(kind: str) -> None:
    text = TEXTS[kind](120)
    assert "\x1b" not in text
    if kind == "check":
        assert "[bold]reel 3[/] :smile:" in text


def rows_of(text: str) -> dict[str, list[str]]:
    """Rows of all tables by their first word."""
    return {row.split()[0]: row.split() for row in text.splitlines() if row.split()}


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
    said = ("the profile clears lead, but no stem has such a role", "advice: move the fader of MX by -3.0 dB")
    told = Evidence(plan=plan(notes=said), stems=(heard("MX", Role.MUSIC),))
    assert stems_text(told, 120).splitlines()[-3:] == ["every stem is sound", f"note: {said[0]}", said[1]]
    assert report_text(told, Page(120)).endswith(f"note: {said[0]}\n{said[1]}\n")
    assert "every stem is sound" not in stems_text(evidence(), 120), "one has a warning"


def test_check_json_has_every_fact_of_every_stem() -> None:
    checked = json.loads(stems_json(evidence()), parse_constant=pytest.fail)
    assert checked["schema"] == "stemmix.check/1"
    assert [stem["id"] for stem in checked["stems"]] == ["DX", "MX", "AMB", "FX"]
    assert set(checked["stems"][0]["facts"]) == set(FileFacts.model_fields)
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
        "warning: harbour_printmaster.wav: is limited hard",
        "warning: harbour_stems_FX.wav: would pass full scale",
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
    assert rows["a.wav"] == ["a.wav", "stems", "(2)", "98.7%", "-136.7", "-135.1", "-120.0", "-119.2", "yes"]
    assert rows["b.wav"] == ["b.wav", "stems", "(1)", "98.7%", "-90.0", "-135.1", "-120.0", "-119.2", "NO"]
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
    assert [reading(None), reading(-0.04), reading(-23.456, 2)] == ["-", "0.0", "-23.46"]
