"""What is heard in each stem, in full."""

from __future__ import annotations

import json

from rich.table import Table

from stemmix.bands import CLASSIC_EDGES_HZ
from stemmix.model.evidence import Evidence, HeardFacts
from stemmix.report.tables import as_text, clock, reading, table

FEATURES_SCHEMA = "stemmix.features/1"


def features_text(evidence: Evidence, stem: str | None, width: int) -> str:
    """Every fact of one stem or all, a table each."""
    return as_text([_facts(heard) for heard in _chosen(evidence, stem)], width)


def features_json(evidence: Evidence, stem: str | None) -> str:
    """The same for programs."""
    told = {
        "schema": FEATURES_SCHEMA,
        "title": evidence.plan.title,
        "stems": [heard.model_dump(mode="json") for heard in _chosen(evidence, stem)],
    }
    return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _chosen(evidence: Evidence, stem: str | None) -> list[HeardFacts]:
    return [heard for heard in evidence.stems if stem in {None, heard.id}]


def _facts(heard: HeardFacts) -> Table:
    facts, measured = heard.facts, heard.facts.measured
    made = table(f"{heard.id}: {heard.role.value}, {heard.file}", ["=feature", "value"])
    rows = [
        ("length", f"{clock(facts.frames, facts.sample_rate)} from {clock(heard.at, facts.sample_rate)}"),
        ("source", f"{facts.source_layout} at {facts.source_rate} Hz"),
        ("integrated loudness", f"{reading(measured.integrated_lufs)} LUFS"),
        (
            "short-term and momentary maximum",
            f"{reading(measured.short_term_max_lufs)}, {reading(measured.momentary_max_lufs)} LUFS",
        ),
        ("loudness range", f"{reading(measured.lra_lu)} LU"),
        ("true and sample peak", f"{reading(measured.true_peak_dbtp)} dBTP, {reading(measured.sample_peak_dbfs)} dBFS"),
        ("noise floor", f"{facts.noise_floor_db:.1f} dBFS"),
        ("DC", f"{facts.dc:+.6f}"),
        ("runs at full scale", str(facts.clipped_runs)),
    ]
    rows += [
        (f"RMS {low}-{high} Hz", f"{level_db:.1f} dBFS")
        for low, high, level_db in zip(CLASSIC_EDGES_HZ[:-1], CLASSIC_EDGES_HZ[1:], facts.classic_rms_db, strict=True)
    ]
    rows += [
        ("spectral centroid", f"{facts.centroid_hz:.0f} Hz"),
        ("spectral rolloff (85 %)", f"{facts.rolloff_hz:.0f} Hz"),
        ("spectral flatness", f"{facts.flatness:.4f}"),
        (
            "onsets",
            f"{len(facts.onsets)}, the strongest {max((o.strength_db for o in facts.onsets), default=0.0):.1f} dB",
        ),
        ("active", f"{len(facts.active)} runs, {sum(r.end - r.start for r in facts.active) / facts.sample_rate:.1f} s"),
    ]
    if heard.tonal is not None:
        voiced = sorted(hz for hz in heard.tonal.pitch_hz if hz is not None)
        middle = f"{voiced[len(voiced) // 2]:.0f} Hz" if voiced else "-"
        rows += [("tempo", f"{reading(heard.tonal.tempo_bpm)} BPM"), ("pitch, median", middle)]
    for name, value in rows:
        made.add_row(name, value)
    return made
