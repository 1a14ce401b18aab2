"""`report`: what a person reads fits the page and is right; what a program reads is JSON and is whole."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

import pytest

from stemmix.bands import BAND_COUNT
from stemmix.model.evidence import Evidence, HeardFacts
from stemmix.model.features import Onset, Span, StemFacts
from stemmix.model.plan import Conflict, Duck, Line, Move, Plan, PlannedShape, PlannedStem, Presence, Ride, Unmask
from stemmix.model.profiles import Role
from stemmix.model.receipt import Limiting, Measured, Receipt, SourceFile, WrittenFile
from stemmix.report.masking import in_words, report_json, report_text
from stemmix.report.progress import shown
from stemmix.report.stems import stems_json, stems_text
from stemmix.report.tables import clock, reading, span
from stemmix.report.written import receipt_json, receipt_text

RATE_HZ = 48_000
WIDTHS = (80, 100, 120, 200)

LOUD = Measured(
    integrated_lufs=-23.456,
    short_term_max_lufs=-18.0,
    momentary_max_lufs=-15.0,
    lra_lu=7.25,
    true_peak_dbtp=-3.21,
    sample_peak_dbfs=-3.5,
)
SILENT = Measured(
    integrated_lufs=None,
    short_term_max_lufs=None,
    momentary_max_lufs=None,
    lra_lu=None,
    true_peak_dbtp=None,
    sample_peak_dbfs=None,
    reasons={"integrated_lufs": "nothing above -70 LUFS"},
)


def facts(measured: Measured = LOUD, **fields: Any) -> StemFacts:
    given: dict[str, Any] = {
        "sha256": "ab",
        "sample_rate": RATE_HZ,
        "frames": 90 * RATE_HZ,
        "lead_samples": 0,
        "source_rate": 44_100,
        "source_layout": "5.1",
        "measured": measured,
        "dc": 0.0,
        "clipped_runs": 0,
        "noise_floor_db": -70.5,
        "classic_rms_db": (-30.0,) * 7,
        "centroid_hz": 1234.5,
        "flatness": 0.1,
        "onsets": (Onset(at=48_000, strength_db=9.0), Onset(at=96_000, strength_db=3.0)),
        "speech": None,
        "warnings": (),
    }
    return StemFacts(**(given | fields))


def heard(name: str, role: Role, **fields: Any) -> HeardFacts:
    given: dict[str, Any] = {
        "id": name,
        "role": role,
        "file": f"reel/{name}.wav",
        "priority": 40,
        "gain_db": -2.0,
        "at": 0,
        "facts": facts(),
        "warnings": (),
    }
    return HeardFacts(**(given | fields))


def conflict(number: int, masker: str, before: float, after: float, start_s: float = 61.5) -> Conflict:
    return Conflict(
        id=f"C{number:04d}",
        target="DX",
        masker=masker,
        line="L001",
        low_hz=478.2,
        high_hz=5071.4,
        start=round(start_s * RATE_HZ),
        end=round((start_s + 2) * RATE_HZ),
        snr_db=-8.25,
        size_before=before,
        size_after=after,
    )


def line(number: int, before: float, after: float) -> Line:
    return Line(
        id=f"L{number:03d}",
        target="DX",
        start=60 * RATE_HZ,
        end=63 * RATE_HZ,
        clarity_before=before,
        clarity_after=after,
        snr_before_db=-3.0,
        snr_after_db=2.0,
        stopped_by="goal",
    )


DIP = tuple(-8.0 if 15 <= band <= 20 else -1.0 for band in range(BAND_COUNT))
ACTIONS = {
    "cut": Unmask(kind="unmask", mid_db=DIP, side_db=tuple(gain / 2 for gain in DIP)),
    "duck": Duck(kind="duck", gain_db=-3.25),
    "ride": Ride(kind="ride", gain_db=1.5),
    "presence": Presence(kind="presence", gain_db=tuple(0.5 if band > 18 else -0.25 for band in range(BAND_COUNT))),
}


def move(stem: str, kind: str, because: tuple[str, ...]) -> Move:
    return Move(
        id=f"L001-{stem}-{kind}",
        stem=stem,
        line="L001",
        start=60 * RATE_HZ,
        end=63 * RATE_HZ,
        action=ACTIONS[kind],
        because=because,
    )


def plan(**fields: Any) -> Plan:
    given: dict[str, Any] = {
        "schema_": "stemmix.plan/1",
        "title": "Harbour, [bold]reel 3[/] :smile:",
        "profile": "film",
        "sample_rate": RATE_HZ,
        "frames": 90 * RATE_HZ,
        "clarity_goal": 0.5,
        "stems": (PlannedStem(id="DX", sha256="ab", frames=90 * RATE_HZ, at=0),),
        "shape": PlannedShape(look_ahead_s=0.06, hold_s=0.1, ramp_s=0.4),
        "moves": (
            move("MX", "cut", ("C0001", "C0003")),
            move("AMB", "duck", ()),
            move("DX", "ride", ("C0001",)),
            move("DX", "presence", ("C0001",)),
        ),
        "lines": (line(1, 0.31, 0.524), line(2, 0.61, 0.61), line(3, 0.2, 0.41)),
        "conflicts": (conflict(1, "MX", 1.5, 0.5), conflict(2, "AMB", 0.25, 0.2), conflict(3, "MX", 2.5, 0.25)),
        "notes": ("FX is silent: it takes no part in any decision",),
    }
    return Plan(**(given | fields))


def evidence(**fields: Any) -> Evidence:
    speech = (Span(start=0, end=9 * RATE_HZ),)
    warning = "reel/MX.wav: has a DC offset of +0.0100 of full scale"
    return Evidence(
        plan=plan(**fields),
        stems=(
            heard("DX", Role.DIALOGUE, facts=facts(speech=speech), priority=100),
            heard("MX", Role.MUSIC, warnings=(warning,), at=90_000),
            heard("AMB", Role.AMBIENCE),
            heard("FX", Role.FX, facts=facts(SILENT)),
        ),
    )


def written(path: str, **fields: Any) -> WrittenFile:
    given: dict[str, Any] = {
        "path": path,
        "deliverable": "printmaster",
        "kind": "printmaster",
        "format": "PCM_24",
        "frames": 90 * RATE_HZ,
        "gain_db": 1.25,
        "sha256": "cd",
        "measured": LOUD,
        "target_lufs": -23.0,
        "ceiling_dbtp": -1.0,
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
                misses=("its target of -23 LUFS: it reads -23.46",),
            ),
            written("harbour_stems_FX.wav", kind="stem", stem="FX", measured=SILENT, flags=("would pass full scale",)),
        ),
        warnings=("FX is silent",),
        passed=False,
    )


TEXTS = {
    "report": lambda width: report_text(evidence(), width, 10),
    "check": lambda width: stems_text(evidence(), width),
    "render": lambda width: receipt_text(receipt(), PurePath("out"), width),
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
    if kind != "render":  # file names are long, and fold
        words = " ".join(text.split())
        assert all(word in words for word in ("dialogue", "ambience") if kind == "check")
        assert all(word in words for word in ("C0003 L001 1:01.5-1:03.5 DX MX 478-5071 -8.2",) if kind == "report")
    assert "nan" not in text.lower().split()
    assert "None" not in text


@pytest.mark.parametrize("kind", TEXTS)
def test_text_has_no_colour_and_takes_nothing_for_markup(kind: str) -> None:
    text = TEXTS[kind](120)
    assert "\x1b" not in text
    if kind != "render":
        assert "[bold]reel 3[/] :smile:" in text


def rows_of(text: str) -> dict[str, list[str]]:
    """Rows of all tables by their first word."""
    return {row.split()[0]: row.split() for row in text.splitlines() if row.split()}


def test_report_has_pairs_conflicts_lines_and_moves_with_their_times() -> None:
    text = report_text(evidence(), 200, 10)
    assert "1:30.0, profile film, 4 stems, 3 lines" in text
    assert "lines below clarity 0.5: 2 as the stems came, 1 in the mix" in text
    pairs = text[text.index("Who masks whom") : text.index("Conflicts")]
    assert [row.split() for row in pairs.splitlines() if row.startswith("DX")] == [
        ["DX", "MX", "4.00", "0.75"],
        ["DX", "AMB", "0.25", "0.20"],
    ]
    rows = rows_of(text)
    assert rows["C0003"] == ["C0003", "L001", "1:01.5-1:03.5", "DX", "MX", "478-5071", "-8.2", "2.500", "0.250"]
    assert text.index("C0003") < text.index("C0001") < text.index("C0002"), "the largest first"
    assert rows["L003"] == ["L003", "1:00.0-1:03.0", "DX", "0.20", "0.41", "goal"]
    assert "Moves: 4" in text
    assert "note: FX is silent" in text
    assert "warning: reel/MX.wav: has a DC offset" in text


def test_report_shows_as_many_conflicts_as_are_asked_for_and_says_of_how_many() -> None:
    text = report_text(evidence(), 120, 2)
    conflicts = text[text.index("Conflicts") : text.index("Lines")]
    assert conflicts.startswith("Conflicts: the largest 2 of 3")
    assert "C0003" in conflicts
    assert "C0001" in conflicts
    assert "C0002" not in conflicts


def test_report_of_a_programme_without_lines_is_short_and_says_why() -> None:
    note = "no stem has the role dialogue: nothing is cut, the stems are summed as they came"
    text = report_text(evidence(moves=(), lines=(), conflicts=(), notes=(note,)), 120, 10)
    assert "0 lines" in text
    assert f"note: {note}" in text
    assert not any(word in text for word in ("Moves", "Conflicts", "Who masks whom"))


def test_moves_are_told_in_words() -> None:
    words = {kind: in_words(move("MX", kind, ())) for kind in ACTIONS}
    assert "-8.0 dB" in words["cut"]
    assert "-4.0 at the sides" in words["cut"]
    assert words["duck"] == "duck by 3.2 dB"
    assert words["ride"] == "ride by +1.5 dB"
    assert words["presence"] == "presence, -0.2 to +0.5 dB"


def test_report_json_holds_everything_that_the_text_does() -> None:
    report = json.loads(report_json(evidence()), parse_constant=pytest.fail)
    assert report["schema"] == "stemmix.report/1"
    assert (report["duration_s"], report["clarity_goal"], report["sample_rate"]) == (90.0, 0.5, RATE_HZ)
    assert report["stems"][0] == {"id": "DX", "role": "dialogue", "file": "reel/DX.wav", "priority": 100}
    assert report["pairs"] == [
        {"target": "DX", "masker": "MX", "size_before": 4.0, "size_after": 0.75},
        {"target": "DX", "masker": "AMB", "size_before": 0.25, "size_after": 0.2},
    ]
    assert [conflict["id"] for conflict in report["conflicts"]] == ["C0003", "C0001", "C0002"]
    first = report["conflicts"][0]
    assert (first["start_s"], first["end_s"], first["low_hz"], first["size_before"]) == (61.5, 63.5, 478.2, 2.5)
    assert [line["id"] for line in report["lines"]] == ["L001", "L002", "L003"]
    assert [move["because"] for move in report["moves"]] == [["C0001", "C0003"], [], ["C0001"], ["C0001"]]
    assert report["moves"][1]["action"] == {"kind": "duck", "gain_db": -3.25}
    assert report["notes"]
    assert report["warnings"]


def test_check_has_a_row_for_every_stem_and_dashes_where_there_is_no_reading() -> None:
    rows = rows_of(stems_text(evidence(), 120))
    assert rows["DX"] == ["DX", "dialogue", "0:00.0", "1:30.0", "44.1", "5.1", "-23.5", "7.2", "-3.2", "2", "10%"]
    assert rows["FX"] == ["FX", "fx", "0:00.0", "1:30.0", "44.1", "5.1", "-", "-", "-", "2", "-"]
    assert rows["MX"][2] == "0:01.9"
    assert rows["warning:"]
    clean = Evidence(plan=plan(notes=()), stems=(heard("MX", Role.MUSIC),))
    assert "every stem is sound" in stems_text(clean, 120)


def test_check_json_has_every_fact_of_every_stem() -> None:
    checked = json.loads(stems_json(evidence()), parse_constant=pytest.fail)
    assert checked["schema"] == "stemmix.check/1"
    assert [stem["id"] for stem in checked["stems"]] == ["DX", "MX", "AMB", "FX"]
    assert set(checked["stems"][0]["facts"]) == set(StemFacts.model_fields)
    assert checked["stems"][3]["facts"]["measured"]["reasons"] == {"integrated_lufs": "nothing above -70 LUFS"}
    assert checked["stems"][0]["facts"]["speech"] == [{"start": 0, "end": 9 * RATE_HZ}]


def test_what_was_written_is_told_with_its_misses_flags_and_warnings() -> None:
    text = receipt_text(receipt(), PurePath("out/there"), 120)
    assert "written to out/there" in text
    table = rows_of(text[: text.index("and harbour.plan.json")])
    assert table["harbour_printmaster.wav"][1:] == ["-23.46", "7.2", "-3.21", "+1.25", "7.5"]
    assert table["harbour_stems_FX.wav"][1:] == ["-", "-", "-", "+1.25", "-"]
    assert "harbour_printmaster.wav misses its target of -23 LUFS: it reads -23.46" in text
    assert "harbour_stems_FX.wav would pass full scale" in text
    assert "warning: a.wav: ends early" in text
    assert "note: FX is silent" in text
    assert "harbour.plan.json, harbour.receipt.json" in text


def test_receipt_json_is_the_receipt() -> None:
    assert Receipt.model_validate_json(receipt_json(receipt())) == receipt()
    assert json.loads(receipt_json(receipt()))["schema"] == "stemmix.receipt/1"


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
    assert span(0, samples, RATE_HZ) == f"0:00.0-{said}"


def test_a_missing_reading_is_a_dash() -> None:
    assert [reading(None), reading(-0.04), reading(-23.456, 2)] == ["-", "-0.0", "-23.46"]


def test_progress_is_silent_but_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (False, True):
        with shown(quiet) as tell:
            tell("listen", 0.5)
            tell("mix", 1.0)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_a_bar_shows_each_stage_and_is_gone_in_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with shown(False) as tell:
        tell("listen", 0.5)
        tell("write printmaster", 1.0)
    out, err = capsys.readouterr()
    assert out == "", "stdout is for data"
    assert "listen" in err
    assert "write printmaster" in err
    with shown(True) as tell:
        tell("listen", 0.5)
    assert capsys.readouterr() == ("", "")
