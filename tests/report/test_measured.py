"""`measure`'s table and list."""

from __future__ import annotations

import json

from stemmix.model.receipt import Measured, MeasuredFile
from stemmix.report.measured import measured_json, measured_text

LOUD = MeasuredFile(
    path="mix.wav",
    layout="5.1",
    sample_rate=48_000,
    frames=48_000 * 83 + 24_000,
    measured=Measured(
        integrated_lufs=-23.04,
        short_term_max_lufs=-18.0,
        momentary_max_lufs=-15.0,
        lra_lu=7.25,
        true_peak_dbtp=-1.06,
        sample_peak_dbfs=-1.2,
        rms_dbfs=-25.0,
        noise_floor_dbfs=-71.3,
        leq_m_db=81.6,
        plr_db=21.98,
        psr_db=9.4,
    ),
)
SHORT = MeasuredFile(
    path="a [bold]name[/bold].wav",
    layout="1.0",
    sample_rate=8_000,
    frames=800,
    measured=LOUD.measured.model_copy(update={"lra_lu": None, "reasons": {"lra_lu": "shorter than 3 s"}}),
    warnings=("a sentence",),
)


def test_a_row_a_file_with_units_in_the_heads() -> None:
    text = measured_text([LOUD, SHORT], 140)
    head, units, _, first, second, *rest = text.splitlines()
    assert " ".join(head.split()) == "integrated short-term momentary LRA peak peak RMS floor Leq(m) PLR PSR"
    assert " ".join(units.split()) == "file layout length LUFS LUFS LUFS LU dBTP dBFS dBFS dBFS dB dB dB"
    assert " ".join(first.split()) == "mix.wav 5.1 1:23.5 -23.0 -18.0 -15.0 7.2 -1.1 -1.2 -25.0 -71.3 81.6 22.0 9.4"
    assert second.startswith("a [bold]name[/bold].wav")
    assert second.split()[7] == "-"
    assert rest == ["", "a [bold]name[/bold].wav: no LRA: shorter than 3 s"]


def test_nothing_measured_is_an_empty_list() -> None:
    assert measured_text([], 80) == ""
    assert json.loads(measured_json([])) == []


def test_a_list_of_objects_with_all_readings() -> None:
    first, second = json.loads(measured_json([LOUD, SHORT]))
    assert first["path"] == "mix.wav"
    assert first["duration_s"] == 83.5
    assert first["integrated_lufs"] == -23.04
    assert set(Measured.model_fields) <= set(first)
    assert second["lra_lu"] is None
    assert second["reasons"] == {"lra_lu": "shorter than 3 s"}
    assert second["warnings"] == ["a sentence"]
