"""What `qc` says of findings."""

from __future__ import annotations

import json

from stemmix.model.receipt import ExaminedFile, Finding, Measured, MeasuredFile
from stemmix.report.qc import examined_json, examined_text

MEASURED = Measured(
    integrated_lufs=-23.0,
    short_term_max_lufs=None,
    momentary_max_lufs=None,
    lra_lu=None,
    true_peak_dbtp=-3.0,
    sample_peak_dbfs=-3.1,
)
FILE = MeasuredFile(path="mix.wav", layout="2.0", sample_rate=48_000, frames=480_000, measured=MEASURED)
FINDINGS = (
    Finding(check="dc", verdict="pass", text="near zero", value=-80.0, limit=-50.46),
    Finding(check="phase", verdict="warn", text="wide", value=-0.5, limit=-0.4, at_s=((62.5, 70.25),)),
    Finding(
        check="dropout", verdict="fail", text="holes", value=6, limit=0, at_s=tuple((n, n + 0.01) for n in range(6))
    ),
)


def test_what_is_wrong_comes_first_with_its_places() -> None:
    text = examined_text([ExaminedFile(file=FILE, preset="ebu-r128", findings=FINDINGS)], 120)
    head, *lines = text.splitlines()
    assert head == "mix.wav: fail (2.0, against ebu-r128)"
    order = [line.split()[:2] for line in lines if line.split()[:1] in (["dc"], ["phase"], ["dropout"])]
    assert order == [["dropout", "fail"], ["phase", "warn"], ["dc", "pass"]]
    assert "0:00:03.000" in text
    assert [line.split()[-1] for line in lines if "0:00:0" in line] == [f"0:00:0{n}.000" for n in range(4)], (
        "a line each"
    )
    assert "0:00:04.000" not in text
    assert "and 2 places more" in text
    assert "0:01:02.500-0:01:10.250" in text


def test_json_has_all_of_it() -> None:
    (told,) = json.loads(examined_json([ExaminedFile(file=FILE, findings=FINDINGS)]))
    assert (told["verdict"], told["preset"], told["file"]["path"]) == ("fail", None, "mix.wav")
    assert told["file"]["measured"]["true_peak_dbtp"] == -3.0
    assert [one["verdict"] for one in told["findings"]] == ["pass", "warn", "fail"]
    assert len(told["findings"][2]["at_s"]) == 6


def test_no_files_say_nothing() -> None:
    assert examined_text([], 80) == ""
    assert json.loads(examined_json([])) == []
