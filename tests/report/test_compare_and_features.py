"""`report.compare` and `report.features`: two plans side by side; every fact of a stem, or why there is none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from stemmix.model.evidence import Evidence
from stemmix.model.features import StemFacts, Tonal
from stemmix.model.plan import Edge
from stemmix.model.profiles import Role
from stemmix.report.compare import comparison_json, comparison_text
from stemmix.report.features import features_json, features_text
from stemmix.report.masking import targets_of
from tests.evidence import OUTCOME, evidence, line, plan


def plain(text: str, width: int) -> bool:
    fits = all(len(row) <= width and row == row.rstrip() for row in text.splitlines())
    return fits and "\x1b" not in text and "…" not in text and "None" not in text


# ---- two methods -----------------------------------------------------------------------------------------------------


@pytest.fixture
def two() -> tuple[Evidence, Evidence]:
    worse = OUTCOME.model_copy(update={"lines_unclear_after": 2, "bed_loss_db": 5.5, "bed_sones_lost": 0.3})
    lines = (line(1, 0.31, 0.4), line(2, 0.61, 0.65), line(3, 0.2, 0.35))

    def edges(of_music: float) -> tuple[Edge, ...]:
        return (
            Edge(target="AMB", masker="MX", size_before=9.0, size_after=8.0 if of_music < 1 else 9.0),
            Edge(target="DX", masker="AMB", size_before=0.25, size_after=0.2 if of_music < 1 else 0.25),
            Edge(target="DX", masker="MX", size_before=4.0, size_after=of_music),
        )

    theirs = evidence(method="frequency", outcome=worse, lines=lines, moves=(), edges=edges(3.25))
    return evidence(edges=edges(0.75)), theirs


def test_figures_of_two_plans_stand_beside_the_stems_as_they_came(two: tuple[Evidence, Evidence]) -> None:
    text = comparison_text(*two, 100)
    rows = {row[:44].strip(): row[44:].split() for row in text.splitlines()}
    assert rows["figure"] == ["as", "it", "came", "multilevel", "frequency"]
    assert rows["lines below clarity 0.5, of 3"] == ["2", "1", "2"]
    assert rows["mean clarity of the lines"] == ["0.40", "0.60", "0.60"]
    assert rows["the bed while lines are spoken (dB)"] == ["-", "-3.3", "-5.5"]
    assert rows["of its loudness in sones given up"] == ["-", "15%", "30%"]
    assert rows["unevenness of its change over bands (dB)"] == ["-", "1.5", "1.5"]
    assert rows["the bed away from any line (dB)"] == ["-", "+0.0", "+0.0"]
    assert rows["moves"] == ["-", "4", "0"]


def test_what_is_hidden_of_the_targets_comes_first_and_by_whom_then_all(two: tuple[Evidence, Evidence]) -> None:
    text = comparison_text(*two, 100)
    told = [row[:44].strip() for row in text.splitlines() if row.startswith(("hidden of", "    by"))]
    assert told == ["hidden of DX", "by MX", "by AMB", "hidden of every stem by every other"]
    rows = {row[:44].strip(): row[44:].split() for row in text.splitlines()}
    assert rows["hidden of DX"] == ["4.25", "0.95", "3.50"]
    assert rows["by MX"] == ["4.00", "0.75", "3.25"]
    assert rows["hidden of every stem by every other"] == ["13.25", "8.95", "12.50"]
    assert "in band-seconds: 1 is a second" in text


def test_every_stem_that_the_profile_clears_counts_and_so_does_one_that_a_pin_raised() -> None:
    """Whether or not it is the loudest of any line's targets."""
    raised = replace(line(4, 0.2, 0.6), target="FX")
    whole = evidence(lines=(line(1, 0.31, 0.524), raised))
    second = whole.stems[2].model_copy(update={"id": "DX2", "role": Role.DIALOGUE})
    assert targets_of(Evidence(plan=whole.plan, stems=(*whole.stems, second))) == ["DX", "FX", "DX2"]
    assert targets_of(Evidence(plan=plan(lines=(), profile="music"), stems=whole.stems)) == []


def test_lines_that_are_clear_whatever_is_done_are_only_counted(two: tuple[Evidence, Evidence]) -> None:
    text = comparison_text(*two, 100)
    lines = {row.split()[0]: row.split()[1:] for row in text[text.index("Lines: ") :].splitlines() if row}
    assert lines["DX-0061.0"] == ["DX", "0.31", "0.52", "0.40"]
    assert lines["DX-0063.0"] == ["DX", "0.20", "0.41", "0.35"]
    assert "DX-0062.0" not in lines
    assert "1 line is clear as they came and by either method" in text
    clear = evidence(lines=(line(2, 0.61, 0.61), line(3, 0.5, 0.7)))
    assert "2 lines are clear" in comparison_text(clear, clear, 100)
    assert "Lines: " not in comparison_text(clear, clear, 100)


def test_comparison_json_has_both_plans_whole_enough_to_compare(two: tuple[Evidence, Evidence]) -> None:
    compared = json.loads(comparison_json(*two), parse_constant=pytest.fail)
    assert (compared["schema"], compared["clarity_goal"]) == ("stemmix.comparison/1", 0.5)
    assert compared["targets"] == ["DX"]
    assert [one["method"] for one in compared["plans"]] == ["multilevel", "frequency"]
    assert [one["outcome"]["lines_unclear_after"] for one in compared["plans"]] == [1, 2]
    assert [one["masked"] for one in compared["plans"]] == [
        {"targets": {"before": 4.25, "after": 0.95}, "all": {"before": 13.25, "after": 8.95}},
        {"targets": {"before": 4.25, "after": 3.5}, "all": {"before": 13.25, "after": 12.5}},
    ]
    assert [one["moves"] for one in compared["plans"]] == [4, 0]
    assert compared["plans"][1]["lines"][0] == {
        "id": "DX-0061.0",
        "target": "DX",
        "clarity_before": 0.31,
        "clarity_after": 0.4,
        "stopped_by": "goal",
    }
    assert [len(one["edges"]) for one in compared["plans"]] == [3, 3]


def test_without_a_line_there_is_nothing_to_compare_but_that_is_no_fault() -> None:
    nothing = evidence(lines=(), moves=(), outcome=None)
    text = comparison_text(nothing, nothing, 80)
    assert plain(text, 80)
    (row,) = (row for row in text.splitlines() if row.startswith("lines below clarity 0.5"))
    assert row.split()[-3:] == ["-", "-", "-"]
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
