"""What happened: hashes of everything that went in and came out, and what was measured on the written files."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field

from stemmix.model.document import Document, RelativePath
from stemmix.model.encodings import Encoding
from stemmix.model.layouts import LayoutName, Order
from stemmix.model.project import Project

RECEIPT_SCHEMA: Final = "stemmix.receipt/2"
NULLTEST_SCHEMA: Final = "stemmix.nulltest/1"

UNSHOWN: Final = "a stored plan is mixed without listening, so no page was made: `stemmix report --html` makes one"
"""The warning of a render whose project asks for a page, and that has none."""

STALE: Final = "the plan was stale, and was mixed as far as it fits"
"""How a warning begins of a render from a stored plan that was made for other stems."""


FILE_NAME_PATTERN = r"^[^/\\\x00]*$"

FileName = Annotated[str, Field(pattern=FILE_NAME_PATTERN)]
"""Of a file that stands beside the receipt: whoever reads one is led nowhere else."""


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
        """A meter's reading, which has the same names; what it has not, was not asked for."""
        fields = {name: field for name, field in cls.model_fields.items() if name != "reasons"}
        values = {
            name: getattr(reading, name) if field.is_required() else getattr(reading, name, None)
            for name, field in fields.items()
        }
        return cls(**values, reasons=dict(reading.reasons))  # type: ignore[attr-defined]

    def rounded(self) -> Self:
        """As documents keep it: to 0.01 dB, shares to 0.0001."""
        values = {name: value for name, value in self if isinstance(value, float)}
        return self.model_copy(
            update={name: round(value, 4 if name == "speech_share" else 2) for name, value in values.items()}
        )


UNMEASURED = Measured(
    integrated_lufs=None,
    short_term_max_lufs=None,
    momentary_max_lufs=None,
    lra_lu=None,
    true_peak_dbtp=None,
    sample_peak_dbfs=None,
)
"""Before anything is measured."""


Verdict = Literal["pass", "warn", "fail"]

WORST_FIRST: Final[tuple[Verdict, ...]] = ("fail", "warn", "pass")


class Finding(Document):
    """One requirement or one look at a written file, and how it came out."""

    check: str
    """What was looked at: `loudness`, `true_peak`, `clipping`, `dc` ..."""
    verdict: Verdict
    text: str
    """One sentence with value, limit and margin."""
    value: float | None = None
    limit: float | None = None
    """The limit that is nearest to the value, in its unit."""
    at_s: tuple[tuple[float, float], ...] = ()
    """Where, as spans in seconds from the file's beginning; the first few."""

    def later(self, seconds: float) -> Self:
        """The same of a file that has so much more before it."""
        if not seconds or not self.at_s:
            return self
        spans = tuple((round(start + seconds, 3), round(end + seconds, 3)) for start, end in self.at_s)
        return self.model_copy(update={"at_s": spans})

    def rounded(self) -> Self:
        """As documents keep it: what was judged, to four digits after the point."""
        return self if self.value is None else self.model_copy(update={"value": round(self.value, 4)})


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
    def verdict(self) -> Verdict:
        """The gravest of its findings."""
        return min((finding.verdict for finding in self.findings), key=WORST_FIRST.index, default="pass")


class SourceFile(Document):
    """A stem as it was read."""

    stem: str
    path: str
    """As the project gives it."""
    channel: str | None = None
    """What a discrete mono file is for; the stem has several then."""
    sha256: str
    frames: int | None
    """Of the file, at its own rate; None where its header does not say. In receipts of before, of the stem, at the
    project's rate."""
    sample_rate: int
    """Of the file, in Hz."""
    layout: str
    warnings: tuple[str, ...] = ()


class Limiting(Document):
    """What the limiter did to a master."""

    max_reduction_db: float
    """Deepest gain reduction, positive."""
    active_share: float
    """Share of the programme during which the gain was reduced by more than 0.1 dB."""
    spans: tuple[tuple[int, int], ...] = ()
    """Where the gain was not exactly 1, in samples from the file's beginning; neighbours nearer than 0.5 s are one."""


class Course(Document):
    """How a master goes over time, in steps of even length: what lies in each at its lowest or highest."""

    step_s: float
    """Length of a step in seconds; the last one may be shorter."""
    momentary_lowest_lufs: tuple[float | None, ...]
    """Over 0.4 s; None where there is silence, or not yet as much to be heard."""
    momentary_highest_lufs: tuple[float | None, ...]
    short_term_lufs: tuple[float | None, ...]
    """Over 3 s: the highest."""
    gate_lufs: float | None = None
    """The relative gate of its integrated loudness: the mean of the gating blocks over -70 LUFS, less 10 LU. None where
    there is no such block, and in receipts that were written before it was kept."""
    reduction_db: tuple[float, ...] = ()
    """What the limiter took at its deepest, positive; nothing where there was none."""


class Part(Document):
    """One of several mono files that together are a deliverable."""

    label: str
    """Of the channel."""
    path: FileName
    sha256: str


Kind = Literal["printmaster", "fold_down", "stem", "group", "m_and_e", "m_and_e_undipped", "mix_minus"]

MASTERS: Final[frozenset[Kind]] = frozenset({"printmaster", "fold_down"})
"""What has a gain and a limiter of its own."""


class WrittenFile(Document):
    """One deliverable that was written, and what was measured on it after it was written."""

    path: FileName
    """Relative to the receipt. Of one that is split, the name that its parts have in common."""
    deliverable: str
    kind: Kind
    stem: str | None = None
    """Of a printed stem, its id; None in receipts that were written before it stood there."""
    stems: tuple[str, ...] = ()
    """Ids of the stems that it is the sum of; of a master, none: it is the sum of all."""
    role: str | None = None
    """Of a printed stem."""
    group: str | None = None
    """D, M or E, of a printed group."""
    parent: str | None = None
    """The master whose gain and layout it carries."""
    layout: LayoutName
    order: Order = "wave"
    """Of the channels in the file."""
    format: Encoding
    """As the project names it; `wavfloat` also for what would have passed full scale."""
    frames: int
    gain_db: float
    """Linear gain applied to the sum of the stems."""
    gain_why: str | None = None
    """Of a master: by what measure the gain was found."""
    ceiling_dbtp: float | None = None
    """Of a lossy master whose limiter was set lower than its specification says, so that what is decoded holds it."""
    sha256: str
    """Of the file; of one that is split, of nothing: each part has its own."""
    parts: tuple[Part, ...] = ()
    measured: Measured
    specification: str | None = None
    """What a master is judged by."""
    limiting: Limiting | None = None
    course: Course | None = None
    """Of a master."""
    findings: tuple[Finding, ...] = ()
    """Every requirement and every look at the file; a render with any that fails ends with exit code 5."""

    @property
    def misses(self) -> tuple[str, ...]:
        """What fails, in words."""
        return tuple(finding.text for finding in self.findings if finding.verdict == "fail")

    @property
    def flags(self) -> tuple[str, ...]:
        """What else a person should know."""
        return tuple(finding.text for finding in self.findings if finding.verdict == "warn")


class GainSource(Document):
    """The receipt of another render whose masters' gains were taken."""

    path: RelativePath
    """Relative to this receipt."""
    sha256: str


class Receipt(Document):
    """The proof of a render, and what it takes to render it again.

    Version 1 held neither the project nor where it stood, nor with whom it shared its gain: these are None there, and
    nobody can tell.
    """

    schema_: Literal["stemmix.receipt/2", "stemmix.receipt/1"] = Field(alias="schema")
    title: str
    project: str
    """File name of the project."""
    project_path: RelativePath | None = None
    """Of the project, relative to the receipt, POSIX; its name alone where no way leads from here to there."""
    project_sha256: str
    """Of the canonical project, resolved."""
    plan: Annotated[FileName, Field(min_length=1)]
    """File name of the plan, beside the receipt."""
    plan_sha256: str
    page: FileName | None = None
    """File name of the report's page, beside the receipt, where the project asks for one."""
    programme: tuple[RelativePath, ...] = ()
    """Projects of all reels that it was rendered with and shares every gain with, itself among them, relative to the
    receipt; of a lone programme, none."""
    gain_from: GainSource | None = None
    """Where the masters' gains were taken from another render."""
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
    request: Project | None = None
    """The project as it was rendered, with all that its templates gave."""


class Null(Document):
    """What is left of a parent when its parts are taken away, outside the spans where its limiter acted."""

    parent: str
    """Path of the master."""
    deliverable: str
    """The printed stems that were added up."""
    parts: tuple[str, ...]
    """Their paths."""
    judged_share: float
    """Share of the programme that was judged: all but the limiter's spans."""
    residual_dbfs: float | None
    """RMS over all channels; null where there was nothing to judge."""
    limit_dbfs: float
    peak_dbfs: float | None
    """The highest sample that is left, in any channel; null where there was nothing to judge."""
    peak_limit_dbfs: float
    passed: bool
    """Whether the parts are shown to add up; false, too, where there was nothing to judge."""


class Nulltest(Document):
    """All of a render's null tests."""

    schema_: Literal["stemmix.nulltest/1"] = Field(alias="schema")
    receipt: str
    nulls: tuple[Null, ...]
    passed: bool
