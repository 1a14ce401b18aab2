"""What `measure` says: a row a file, or all of it for programs."""

from __future__ import annotations

from collections.abc import Sequence

from stemmix.model.receipt import Measured, MeasuredFile
from stemmix.report.as_json import as_json
from stemmix.report.tables import as_text, clock, in_lines, reading, table
from stemmix.units import seconds_from_samples

_COLUMNS = {
    "integrated_lufs": ">integrated LUFS",
    "short_term_max_lufs": ">short-term LUFS",
    "momentary_max_lufs": ">momentary LUFS",
    "lra_lu": ">LRA LU",
    "true_peak_dbtp": ">peak dBTP",
    "sample_peak_dbfs": ">peak dBFS",
    "rms_dbfs": ">RMS dBFS",
    "noise_floor_dbfs": ">floor dBFS",
    "leq_m_db": ">Leq(m) dB",
    "plr_db": ">PLR dB",
    "psr_db": ">PSR dB",
}
"""Heads are broken between words where the page is narrow; the units stay."""
_NAMES = {"true_peak_dbtp": "true peak", "sample_peak_dbfs": "sample peak"}
"""Where two heads differ by their units alone."""


def measured_text(files: Sequence[MeasuredFile], width: int) -> str:
    """A table with a row a file, then why a reading is missing."""
    if not files:
        return ""
    made = table("", ["file", "=layout", ">length", *(head.replace(" ", "\n") for head in _COLUMNS.values())])
    made.title = None
    for file in files:
        values = [reading(getattr(file.measured, name)) for name in _COLUMNS]
        made.add_row(file.path, file.layout, clock(file.frames, file.sample_rate), *values)
    reasons = in_lines(
        f"{file.path}: no {_NAMES.get(name) or _COLUMNS[name].lstrip('>').rpartition(' ')[0]}: {reason}"
        for file in files
        for name, reason in file.measured.reasons.items()
    )
    return as_text([made, reasons] if reasons else [made], width)


def measured_json(files: Sequence[MeasuredFile]) -> str:
    """A list, one object a file; a reading that there is not is null, and `reasons` has why."""
    told = [
        {
            "path": file.path,
            "layout": file.layout,
            "sample_rate": file.sample_rate,
            "frames": file.frames,
            "duration_s": seconds_from_samples(file.frames, file.sample_rate),
            **{name: getattr(file.measured, name) for name in Measured.model_fields},
            "warnings": list(file.warnings),
        }
        for file in files
    ]
    return as_json(told)
