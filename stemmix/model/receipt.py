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
    plr_db: float | None = None
    """Peak to loudness: the true peak over the integrated loudness."""
    psr_db: float | None = None
    """Peak to short-term loudness, the least over the file's length."""
    rms_dbfs: float | None = None
    """Unweighted, over the whole length; a sine of full scale reads -3.01."""
    noise_floor_dbfs: float | None = None
    """RMS where the file is quietest without being digital silence."""
    leq_m_db: float | None = None
    """ISO 21727, over the whole length, in a room that is calibrated for the cinema."""
    dialogue_lufs: float | None = None
    """Stem-gated: of the mix inside the dialogue stems' activity, with no gate by level."""
    dialogue_own_lufs: float | None = None
    """Of the dialogue stems by themselves, as they stand in the mix, inside the same activity."""
    ldr_lu: float | None = None
    """Loudness to dialogue ratio, EBU R 128 s4: integrated less dialogue loudness."""
    speech_share: float | None = None
    """Share of the programme in which a dialogue stem is active, 0 to 1."""
    reasons: dict[str, str] = Field(default_factory=dict)
    """Why a reading is null; what is null without a reason was not asked for."""

    @classmethod
    def of(cls, reading: object) -> Self:
        """A meter's reading, which has the same names, as documents keep it: to 0.01 dB, shares to 0.0001."""
        fields = {name: field for name, field in cls.model_fields.items() if name != "reasons"}
        values = {
            name: getattr(reading, name) if field.is_required() else getattr(reading, name, None)
            for name, field in fields.items()
        }
        rounded = {
            name: None if value is None else round(value, 4 if name == "speech_share" else 2)
            for name, value in values.items()
        }
        reasons: dict[str, str] = dict(reading.reasons)  # type: ignore[attr-defined]
        return cls(**rounded, reasons=reasons)


class Finding(Document):
    """One requirement or one look at a written file, and how it came out."""

    check: str
    """What was looked at: `loudness`, `true_peak`, `clipping`, `dc` ..."""
    verdict: Literal["pass", "warn", "fail"]
    text: str
    """One sentence with value, limit and margin."""
    value: float | None = None
    limit: float | None = None
    """The limit that is nearest to the value, in its unit."""
    at_s: tuple[tuple[float, float], ...] = ()
    """Where, as spans in seconds from the file's beginning; the first few."""


class MeasuredFile(Document):
    """An audio file that was only measured."""

    path: str
    """As it was given."""
    layout: str
    sample_rate: int
    frames: int
    measured: Measured
    warnings: tuple[str, ...] = ()
    """What was assumed, and what else is odd about the file."""


class ExaminedFile(Document):
    """An audio file that was made elsewhere, and how it came out of quality control."""

    file: MeasuredFile
    preset: str | None = None
    """What it was judged against beside."""
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Literal["pass", "warn", "fail"]:
        """The gravest of its findings."""
        found = {finding.verdict for finding in self.findings}
        return "fail" if "fail" in found else "warn" if "warn" in found else "pass"


class SourceFile(Document):
    """A stem as it was read."""

    stem: str
    path: str
    """As the project gives it."""
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
