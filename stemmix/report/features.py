"""What is heard in each stem, in full."""

from __future__ import annotations

from rich.table import Table

from stemmix.bands import CLASSIC_EDGES_HZ
from stemmix.model.evidence import Evidence, HeardFacts
from stemmix.model.features import StemFacts
from stemmix.model.receipt import Measured
from stemmix.model.timecode import Clock
from stemmix.report.as_json import as_json
from stemmix.report.masking import is_folded
from stemmix.report.tables import as_text, clock, many, moment, table

FEATURES_SCHEMA = "stemmix.features/1"


def features_text(evidence: Evidence, stem: str | None, width: int) -> str:
    """Every fact of one stem or all, a table each."""
    return as_text([_facts(heard, evidence.plan.clock) for heard in _chosen(evidence, stem)], width)


def features_json(evidence: Evidence, stem: str | None) -> str:
    """The same for programs."""
    told = {
        "schema": FEATURES_SCHEMA,
        "title": evidence.plan.title,
        "stems": [heard.model_dump(mode="json") for heard in _chosen(evidence, stem)],
    }
    return as_json(told)


def _chosen(evidence: Evidence, stem: str | None) -> list[HeardFacts]:
    return [heard for heard in evidence.stems if stem in {None, heard.id}]


def _facts(heard: HeardFacts, programme: Clock) -> Table:
    facts, measured = heard.facts, heard.facts.measured
    made = table(f"{heard.id}: {heard.role.value}, {heard.file}", ["=feature", "value"])
    active = facts.heard_as(heard.role)
    folded = ", measured as folded to stereo" if is_folded(facts) else ""
    sounding = sum(run.end - run.start for run in active)
    rows = [
        ("length", f"{clock(facts.frames, facts.sample_rate)}, from {moment(heard.at, programme)} on"),
        ("source", f"{facts.source_layout} at {facts.source_rate} Hz{folded}"),
        ("integrated loudness", _read(measured, "integrated_lufs", "LUFS")),
        ("short-term maximum", _read(measured, "short_term_max_lufs", "LUFS")),
        ("momentary maximum", _read(measured, "momentary_max_lufs", "LUFS")),
        ("loudness range", _read(measured, "lra_lu", "LU")),
        ("true peak", _read(measured, "true_peak_dbtp", "dBTP")),
        ("sample peak", _read(measured, "sample_peak_dbfs", "dBFS")),
        ("quietest tenth", f"{facts.noise_floor_db:.1f} dBFS"),
        ("DC", f"{round(facts.dc, 6) + 0.0:+.6f} of full scale"),
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
        ("onsets", _onsets(facts)),
        ("active", f"{many(len(active), 'run')}, {clock(sounding, facts.sample_rate)}"),
    ]
    if heard.tonal is not None:
        voiced = sorted(hz for hz in heard.tonal.pitch_hz if hz is not None)
        middle = f"{voiced[len(voiced) // 2]:.0f} Hz" if voiced else "- (none was heard)"
        tempo = heard.tonal.tempo_bpm
        rows += [
            ("tempo", "- (no beat was found)" if tempo is None else f"{tempo:.1f} BPM"),
            ("pitch, median", middle),
        ]
    for name, value in rows:
        made.add_row(name, value)
    return made


def _read(measured: Measured, name: str, unit: str) -> str:
    """One of a meter's readings with its unit, or why there is none."""
    value: float | None = getattr(measured, name)
    return f"- ({measured.reasons.get(name, 'not measured')})" if value is None else f"{value:.1f} {unit}"


def _onsets(facts: StemFacts) -> str:
    strongest = max((onset.strength_db for onset in facts.onsets), default=None)
    return "none" if strongest is None else f"{len(facts.onsets)}, the strongest {strongest:.1f} dB"
