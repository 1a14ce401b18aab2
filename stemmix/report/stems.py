"""What `check` says: the stems, as sound as they are."""

from __future__ import annotations

from stemmix.model.evidence import Evidence
from stemmix.report.as_json import as_json
from stemmix.report.masking import active_share, are_folded, onsets_in
from stemmix.report.tables import as_text, clock, in_lines, many, moment, note, reading, table

CHECK_SCHEMA = "stemmix.check/1"


def stems_text(evidence: Evidence, width: int) -> str:
    """A table of the stems, then every warning and note in full."""
    plan = evidence.plan
    made = table(
        f"{plan.title}: {clock(plan.frames, plan.sample_rate)} at {plan.sample_rate} Hz, "
        f"{many(len(evidence.stems), 'stem')}",
        ["stem", "=role", ">at", ">length", ">kHz", "=layout", ">LUFS", ">LRA", ">dBTP", ">onsets", ">active"],
    )
    for stem in evidence.stems:
        facts = stem.facts
        made.add_row(
            stem.id,
            stem.role.value,
            moment(stem.at, plan.clock),
            clock(facts.frames, facts.sample_rate),
            f"{facts.source_rate / 1000:g}",
            facts.source_layout,
            reading(facts.measured.integrated_lufs),
            reading(facts.measured.lra_lu),
            reading(facts.measured.true_peak_dbtp),
            str(onsets_in(evidence, stem)),
            f"{active_share(evidence, stem):.0%}",
        )
    said = ["LUFS, LRA and dBTP as folded to stereo"] if are_folded(evidence) else []
    warnings = [f"warning: {warning}" for stem in evidence.stems for warning in stem.warnings]
    said += [*(warnings or ["every stem is sound"]), *(note(text) for text in plan.notes)]
    if evidence.files:
        said.append(f"a render writes {', '.join(evidence.files)}")
    return as_text([made, in_lines(said)], width)


def stems_json(evidence: Evidence) -> str:
    """The same for programs, with every fact of every stem."""
    plan = evidence.plan
    checked = {
        "schema": CHECK_SCHEMA,
        "title": plan.title,
        "sample_rate": plan.sample_rate,
        "duration_s": round(plan.frames / plan.sample_rate, 3),
        "stems": [stem.model_dump(mode="json") for stem in evidence.stems],
        "notes": list(plan.notes),
        "files": list(evidence.files),
    }
    return as_json(checked)
