"""What happened: hashes of everything that went in and came out, and what was measured on the written files."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from stemmix.model.document import Document

RECEIPT_SCHEMA = "stemmix.receipt/1"


class Measured(Document):
    """What a meter reads on one file; None where there is no reading, with the reason under the same name."""

    integrated_lufs: float | None
    """ITU-R BS.1770-5 integrated loudness, both gates."""
    short_term_max_lufs: float | None
    momentary_max_lufs: float | None
    lra_lu: float | None
    """Loudness range, EBU Tech 3342."""
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None
    reasons: dict[str, str] = Field(default_factory=dict)
    """Why a reading is null."""

    @classmethod
    def of(cls, reading: object) -> Self:
        """A meter's reading, which has the same names, as documents keep it: to 0.01 dB."""
        names = [name for name in cls.model_fields if name != "reasons"]
        values = {name: getattr(reading, name) for name in names}
        reasons: dict[str, str] = dict(reading.reasons)  # type: ignore[attr-defined]
        return cls(
            **{name: None if value is None else round(value, 2) for name, value in values.items()}, reasons=reasons
        )


class SourceFile(Document):
    """A stem as it was read."""

    stem: str
    path: str
    """As the project gives it."""
    channel: str | None = None
    """What a discrete mono file is for; the stem has several then."""
    sha256: str
    frames: int
    sample_rate: int
    layout: str
    warnings: tuple[str, ...] = ()


class Limiting(Document):
    """What the limiter did to a printmaster."""

    max_reduction_db: float
    """Deepest gain reduction, positive."""
    active_share: float
    """Share of the programme during which the gain was reduced by more than 0.1 dB."""


class WrittenFile(Document):
    """One file that was written, and what was measured on it after it was written."""

    path: str
    """Relative to the receipt."""
    deliverable: str
    kind: Literal["printmaster", "stem"]
    stem: str | None = None
    role: str | None = None
    parent: str | None = None
    """A stem's printmaster, whose gain it carries."""
    format: str
    """WAV subtype: `PCM_24`, or `FLOAT` for a stem that would pass full scale."""
    frames: int
    gain_db: float
    """Linear gain applied to the sum of the stems."""
    sha256: str
    measured: Measured
    target_lufs: float | None = None
    ceiling_dbtp: float | None = None
    limiting: Limiting | None = None
    misses: tuple[str, ...] = ()
    """What of its specification the file misses; a render with any ends with exit code 5."""
    flags: tuple[str, ...] = ()
    """What else a person should know: a stem that went float, limiting that is heavy."""


class Receipt(Document):
    """The proof of a render."""

    schema_: Literal["stemmix.receipt/1"] = Field(alias="schema")
    title: str
    project: str
    """File name of the project."""
    project_sha256: str
    """Of the canonical project."""
    plan: str
    """File name of the plan, beside the receipt."""
    plan_sha256: str
    versions: dict[str, str]
    """stemmix, Python and the libraries that samples depend on."""
    processor: str
    """Same inputs and plan give the same samples on one type of processor; this names it."""
    sample_rate: int
    frames: int
    sources: tuple[SourceFile, ...]
    files: tuple[WrittenFile, ...]
    warnings: tuple[str, ...] = ()
    passed: bool
    """Whether every deliverable meets its specification."""
