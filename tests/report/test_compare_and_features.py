"""`report.compare` and `report.features`: two plans side by side; every fact of a stem, or why there is none."""

from __future__ import annotations

import json

import pytest

from stemmix.model.evidence import Evidence
from stemmix.model.features import StemFacts, Tonal
from stemmix.report.compare import comparison_json, comparison_text
from stemmix.report.features import features_json, features_text
from tests.evidence import OUTCOME, evidence, line


def plain(text: str, width: int) -> bool:
    fits = all(len(row) <= width and row == row.rstrip() for row in text.splitlines())
    return fits and "\x1b" not in text and "…" not in text and "None" not in text


# ---- two methods -----------------------------------------------------------------------------------------------------


@pytest.fixture
def two() -> tuple[Evidence, Evidence]:
    worse = OUTCOME.model_copy(update={"lines_unclear_after": 2, "bed_loss_db": 5.5, "bed_sones_lost": 0.3})
    lines = (line(1, 0.31, 0.4), line(2, 0.61, 0.65), line(3, 0.2, 0.35))
    return evidence(), evidence(method="frequency", outcome=worse, lines=lines, moves=())


def test_figures_of_two_plans_stand_side_by_side(two: tuple[Evidence, Evidence]) -> None:
    text = comparison_text(*two, 100)
    rows = {row[:42].strip(): row[42:].split() for row in text.splitlines()}
    assert "multilevel beside frequency" in text
    assert rows["figure"] == ["multilevel", "frequency"]
    assert rows["lines below the goal"] == ["1", "2"]
    assert rows["bed lost while lines are spoken (dB)"] == ["3.26", "5.50"]
    assert rows["bed lost in sones (share)"] == ["0.152", "0.300"]
    assert rows["masked band-seconds, as they came"] == ["4.25", "4.25"]
    assert rows["masked band-seconds, in the mix"] == ["0.95", "0.95"]
    assert rows["moves"] == ["4", "0"]
    lines = {row.split()[0]: row.split()[1:] for row in text[text.index("Lines: ") :].splitlines() if row}
    assert lines["L001"] == ["DX", "0.31", "0.52", "0.40"]
    assert lines["L003"] == ["DX", "0.20", "0.41", "0.35"]


def test_comparison_json_has_both_plans_whole_enough_to_compare(two: tuple[Evidence, Evidence]) -> None:
    compared = json.loads(comparison_json(*two), parse_constant=pytest.fail)
    assert compared["schema"] == "stemmix.comparison/1"
    assert [one["method"] for one in compared["plans"]] == ["multilevel", "frequency"]
    assert [one["outcome"]["lines_unclear_after"] for one in compared["plans"]] == [1, 2]
    assert [one["moves"] for one in compared["plans"]] == [4, 0]
    assert compared["plans"][1]["lines"][0] == {
        "id": "L001",
        "target": "DX",
        "clarity_after": 0.4,
        "stopped_by": "goal",
    }
    assert [len(one["edges"]) for one in compared["plans"]] == [3, 3]


def test_without_a_line_there_is_nothing_to_compare_but_that_is_no_fault() -> None:
    nothing = evidence(lines=(), moves=(), outcome=None)
    text = comparison_text(nothing, nothing, 80)
    assert plain(text, 80)
    (row,) = (row for row in text.splitlines() if row.startswith("lines below the goal"))
    assert row.split()[-2:] == ["-", "-"]
    assert [one["outcome"] for one in json.loads(comparison_json(nothing, nothing))["plans"]] == [None, None]


# ---- features --------------------------------------------------------------------------------------------------------


def rows_of(text: str) -> dict[str, str]:
    """Of one stem's table, the value of each feature."""
    pairs = [row.split("  ", 1) for row in text.splitlines() if "  " in row]
    return {pair[0]: pair[1].strip() for pair in pairs}


def test_every_fact_of_a_stem_is_told_with_its_unit() -> None:
    rows = rows_of(features_text(evidence(), "DX", 80))
    assert rows["length"] == "1:30.0, from 0:00.0 on"
    assert rows["source"] == "5.1 at 44100 Hz"
    assert rows["integrated loudness"] == "-23.5 LUFS"
    assert rows["true peak"] == "-3.2 dBTP"
    assert rows["noise floor"] == "-70.5 dBFS"
    assert rows["RMS 60-150 Hz"] == rows["RMS 8000-12000 Hz"] == "-30.0 dBFS"
    assert (rows["spectral centroid"], rows["spectral rolloff (85 %)"]) == ("1234 Hz", "3456 Hz")
    assert rows["onsets"] == "2, the strongest 9.0 dB"
    assert rows["active"] == "1 run, 0:09.0"
    assert "tempo" not in rows, "it was not asked for"


def test_a_reading_that_is_missing_says_why() -> None:
    rows = rows_of(features_text(evidence(), "FX", 80))
    assert rows["integrated loudness"] == "- (nothing above -70 LUFS)"
    assert rows["loudness range"] == "- (not measured)"
    silent = evidence().stems[3]
    bare = silent.model_copy(update={"facts": silent.facts.model_copy(update={"onsets": ()})})
    assert rows_of(features_text(Evidence(plan=evidence().plan, stems=(bare,)), None, 80))["onsets"] == "none"


def test_pitch_and_tempo_are_told_where_they_were_asked_for() -> None:
    whole = evidence()
    for tonal, tempo, pitch in (
        (Tonal(tempo_bpm=120.0, beats_s=(0.5, 1.0), pitch_hz=(None, 219.6, 220.4, 441.0)), "120.0 BPM", "220 Hz"),
        (Tonal(tempo_bpm=None, beats_s=(), pitch_hz=(None, None)), "- (no beat was found)", "- (none was heard)"),
    ):
        music = whole.stems[1].model_copy(update={"tonal": tonal})
        told = Evidence(plan=whole.plan, stems=(whole.stems[0], music))
        rows = rows_of(features_text(told, "MX", 80))
        assert (rows["tempo"], rows["pitch, median"]) == (tempo, pitch)
        assert json.loads(features_json(told, "MX"))["stems"][0]["tonal"]["tempo_bpm"] == tonal.tempo_bpm


def test_all_stems_or_one() -> None:
    text = features_text(evidence(), None, 80)
    assert [row.split(":")[0] for row in text.splitlines() if "reel/" in row] == ["DX", "MX", "AMB", "FX"]
    features = json.loads(features_json(evidence(), None), parse_constant=pytest.fail)
    assert features["schema"] == "stemmix.features/1"
    assert [stem["id"] for stem in features["stems"]] == ["DX", "MX", "AMB", "FX"]
    assert set(features["stems"][0]["facts"]) == set(StemFacts.model_fields)
    assert [stem["id"] for stem in json.loads(features_json(evidence(), "AMB"))["stems"]] == ["AMB"]


@pytest.mark.parametrize("width", [80, 120])
def test_text_fits_its_width_and_is_plain(two: tuple[Evidence, Evidence], width: int) -> None:
    assert plain(features_text(evidence(), None, width), width)
    assert plain(comparison_text(*two, width), width)
