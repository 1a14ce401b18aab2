"""`report.features`: every fact of a stem, or why there is none."""

from __future__ import annotations

import json

import pytest

from stemmix.model.evidence import Evidence
from stemmix.model.features import FileFacts, Tonal
from stemmix.report.features import features_json, features_text
from tests.evidence import evidence


def rows_of(text: str) -> dict[str, str]:
    """Of one stem's table, the value of each feature."""
    pairs = [row.split("  ", 1) for row in text.splitlines() if "  " in row]
    return {pair[0]: pair[1].strip() for pair in pairs}


def test_every_fact_of_a_stem_is_told_with_its_unit() -> None:
    rows = rows_of(features_text(evidence(), "DX", 80))
    assert rows["length"] == "1:30.0, from 0:00.0 on"
    assert rows["source"] == "5.1 at 44100 Hz, measured as folded to stereo"
    assert rows["integrated loudness"] == "-23.5 LUFS"
    assert rows["true peak"] == "-3.2 dBTP"
    assert rows["quietest tenth"] == "-70.5 dBFS"
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
    assert set(features["stems"][0]["facts"]) == set(FileFacts.model_fields)
    assert [stem["id"] for stem in json.loads(features_json(evidence(), "AMB"))["stems"]] == ["AMB"]


@pytest.mark.parametrize("width", [80, 120])
def test_text_fits_its_width_and_is_plain(width: int) -> None:
    text = features_text(evidence(), None, width)
    assert all(len(row) <= width and row == row.rstrip() for row in text.splitlines())
    assert not any(sign in text for sign in ("\x1b", "…", "None"))
