"""`model.receipt`: readings as documents keep them, fine enough for what is judged by them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import pytest
from pydantic import ValidationError

from stemmix.dsp.meters import Reading
from stemmix.model.receipt import Finding, Measured

READ = {
    "integrated_lufs": -23.004,
    "short_term_max_lufs": -18.0,
    "momentary_max_lufs": None,
    "lra_lu": 7.126,
    "true_peak_dbtp": -1.006,
    "sample_peak_dbfs": -1.2,
}


@dataclass
class Read:
    """A meter's reading, of whatever meter."""

    values: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        if name not in self.values:
            raise AttributeError(name)
        return self.values[name]


def test_levels_are_kept_to_a_hundredth_and_what_was_not_asked_for_is_null_without_a_reason() -> None:
    kept = Measured.of(Read(READ, {"momentary_max_lufs": "shorter than 400 ms"})).rounded()
    assert (kept.integrated_lufs, kept.lra_lu, kept.true_peak_dbtp) == (-23.0, 7.13, -1.01)
    assert (kept.leq_m_db, kept.momentary_max_lufs) == (None, None)
    assert kept.reasons == {"momentary_max_lufs": "shorter than 400 ms"}


def test_a_share_of_speech_just_under_15_percent_stays_under_it() -> None:
    assert Measured.of(Read(READ | {"speech_share": 0.14963})).rounded().speech_share == 0.1496


def test_a_meter_that_lacks_what_every_meter_reads_is_an_error_of_ours() -> None:
    with pytest.raises(AttributeError, match="lra_lu"):
        Measured.of(Read({name: value for name, value in READ.items() if name != "lra_lu"}))


def test_whatever_a_meter_reads_can_be_kept() -> None:
    assert {field.name for field in fields(Reading)} <= set(Measured.model_fields)


def test_a_finding_is_one_of_three_verdicts() -> None:
    assert Finding(check="dc", verdict="warn", text="x", at_s=((1.0, 2.5),)).value is None
    with pytest.raises(ValidationError):
        Finding(check="dc", verdict="info", text="x")  # type: ignore[arg-type]
