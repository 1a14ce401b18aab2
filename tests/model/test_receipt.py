"""Documents of readings have the meters' names: what is read can be kept."""

from __future__ import annotations

from dataclasses import fields

from stemmix.dsp.dialogue import DialogueReading, SpanReading, dialogue_reading
from stemmix.dsp.meters import Meter, Reading
from stemmix.model.receipt import Measured, SpokenLoudness


def test_documents_and_readings_have_the_same_names() -> None:
    assert {field.name for field in fields(Reading)} == set(Measured.model_fields)
    assert {field.name for field in fields(DialogueReading)} == set(SpokenLoudness.model_fields)


def test_readings_are_kept_to_hundredths_and_what_was_not_asked_for_is_left_out() -> None:
    kept = SpokenLoudness.of(dialogue_reading(-23.004, SpanReading(-27.496, 0.333333, None), SpanReading(None, 0, "-")))
    assert (kept.stem_gated_lufs, kept.ldr_lu, kept.speech_share, kept.anchor) == (-27.5, 4.49, 0.33, "dialogue")
    assert kept.reasons == {"dialogue_stem_lufs": "-"}
    measured = Measured.of(Meter(48_000, (1.0,)).read())
    assert measured.model_dump(exclude_defaults=True).keys() & {"psr_db", "leq_m_db", "noise_floor_dbfs"} == set()
    assert measured.reasons.keys() & {"psr_db", "leq_m_db", "noise_floor_dbfs"} == set()
