"""Presets: what those who take deliveries ask for, as data (`presets.json`), with sources and how sure each number is.

A preset is a `Specification` with its provenance. A project may override numbers of it (`Overrides`); a plain target
and ceiling make a specification too (`Specification.plain`). `engine.specification` judges files by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from stemmix.model.document import Document

Method = Literal["programme", "dialogue", "rms", "leq_m"]
"""By what loudness is measured:

- `programme`: integrated loudness with both gates, ITU-R BS.1770.
- `dialogue`: ours is stem-gated (`STEM_GATED`).
- `rms`: unweighted, in dBFS.
- `leq_m`: ISO 21727, in dB.
"""

STEM_GATED = "inside the activity of the dialogue stems, ungated by level; this is not Dolby Dialogue Intelligence"
"""What our dialogue loudness is, wherever it is shown: most specifications mean a meter that finds speech by itself."""

Confidence = Literal["given", "high", "medium-high", "medium", "low"]
"""How sure it is that this is what is asked for; `given` is what a project says itself."""

CONFIDENCES: Final[tuple[Confidence, ...]] = ("given", "high", "medium-high", "medium", "low")
"""From the surest on."""

SAMPLE_PEAK_GUARD_DB: Final = 0.03
"""Between a limit of sample peaks, which two meters read the same, and the limiter that is to hold it: dither lifts a
sample of 16 bits by 0.0006 dB, and what is decoded may lie over a ceiling by what a true-peak meter may err, 0.02."""

Category = Literal["ott", "broadcast", "streaming", "music", "podcast", "audiobook", "games", "cinema"]


class Window(Document):
    """A miss that is let pass, with a warning: values outside the tolerance and still in here, ends included."""

    lowest: float
    highest: float
    why: str


class Level(Document):
    """Loudness by one method, in `unit`: a target with tolerances, or a range with one end or both."""

    method: Method
    standard: str | None = None
    """What the specification names, where it names one."""
    unit: Literal["LUFS", "LKFS", "dBFS RMS", "dB Leq(m)"]
    target: float | None = None
    tolerance_minus: Annotated[float, Field(ge=0)] = 0.0
    tolerance_plus: Annotated[float, Field(ge=0)] = 0.0
    lowest: float | None = None
    """Of a range, which has no target; allowed itself."""
    highest: float | None = None
    """Of a range; alone it is a mere limit, to which nothing is raised."""
    advised_lowest: float | None = None
    """Below it is no fault, but is said."""
    tolerated: Window | None = None
    confidence: Confidence
    tolerance_confidence: Confidence | None = None
    """Where the tolerance is less sure than the target."""

    @model_validator(mode="after")
    def _is_a_target_or_a_range(self) -> Self:
        if (self.target is None) == (self.lowest is None and self.highest is None):
            raise ValueError("a level has a target, or lowest or highest, and not both")
        return self

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Lowest and highest value that meet the specification."""
        if self.target is None:
            return self.lowest, self.highest
        return self.target - self.tolerance_minus, self.target + self.tolerance_plus

    @property
    def aim(self) -> float | None:
        """What a mix is brought to: the target, or the middle of a range; None where there is only a limit."""
        if self.target is not None:
            return self.target
        return None if self.lowest is None or self.highest is None else (self.lowest + self.highest) / 2

    @property
    def sureness(self) -> Confidence:
        """Of the bounds: of target or tolerance, whichever is less sure."""
        return max(self.confidence, self.tolerance_confidence or self.confidence, key=CONFIDENCES.index)


class Fallback(Level):
    """What holds in place of dialogue loudness where there is little speech."""

    below_speech_share: float
    """Less speech than this, as a share of the programme."""


class Loudness(Level):
    """What is measured, and what it is to read."""

    measured_on: str | None = None
    """Where that is not the file itself."""
    least_minutes: float | None = None
    """A shorter measurement says little of the whole."""
    fallback: Fallback | None = None
    either_passes: bool = False
    """Whether the taker's own QC lets a file pass that meets the tolerated window of this or of the fallback."""


class TruePeak(Document):
    """Highest true peak, ITU-R BS.1770 annex 2, in dBTP."""

    highest_dbtp: float
    limiter_dbtp: float | None = None
    """Where a limiter is advised to be set, to be safe."""
    tolerated_dbtp: float | None = None
    """Over the limit and up to here is a warning."""
    tolerated_why: str | None = None
    if_louder_dbtp: float | None = None
    """Advised limit for what is louder than the target."""
    lossy_dbtp: float | None = None
    """Advised limit ahead of a lossy codec."""
    confidence: Confidence


class Limit(Document):
    """Bounds of one measure, in the unit of the field that has it; both ends are allowed themselves."""

    lowest: float | None = None
    highest: float | None = None
    binding: bool = True
    """A miss of what is only advised is a warning."""
    why: str | None = None
    """What the reader should know of it."""
    confidence: Confidence


class Container(Document):
    """What the file is to be; what is empty or left out is free."""

    layouts: tuple[str, ...] = ()
    """Names as in `model.layouts`."""
    sample_rates: tuple[int, ...] = ()
    bits: tuple[int, ...] = ()
    formats: tuple[str, ...] = ()
    """In the taker's words, and not judged; so are the next two."""
    channels: tuple[str, ...] = ()
    channel_order: str | None = None
    confidence: Confidence

    def answers(self, layout: str, sample_rate: int, bits: int | None) -> Iterator[tuple[str, bool, str]]:
        """Each requirement that there is, whether a file of a layout, rate in Hz and bits a sample meets it (None where
        its coding has no fixed number), and a sentence that says so.

        >>> list(Container(bits=(24,), confidence="high").answers("2.0", 48_000, 16))
        [('bit_depth', False, 'samples have 16 bits, expected 24')]
        """
        stored = "no fixed number of bits" if bits is None else f"{bits} bits"
        for check, allowed, given, said, unit in (
            ("layout", self.layouts, layout, f"layout is {layout}", ""),
            ("sample_rate", self.sample_rates, sample_rate, f"sample rate is {sample_rate} Hz", " Hz"),
            ("bit_depth", self.bits, bits, f"samples have {stored}", ""),
        ):
            if allowed:
                yield check, given in allowed, f"{said}, expected {' or '.join(str(one) for one in allowed)}{unit}"


class Overrides(Document):
    """Numbers that a project sets in place of a preset's."""

    target_lufs: Annotated[float, Field(ge=-70, le=0)] | None = None
    """In LUFS, in place of the target, or of a range. Only where programme or dialogue loudness is what is measured."""
    tolerance_lu: Annotated[float, Field(ge=0, le=20)] | None = None
    """In LU, either side of the target; left out, the preset's."""
    ceiling_dbtp: Annotated[float, Field(ge=-20, le=0)] | None = None
    """Highest true peak, in dBTP, for the limiter and the judge alike."""
    short_term_max_lufs: Annotated[float, Field(ge=-70, le=0)] | None = None
    """Highest short-term loudness, in LUFS."""
    momentary_max_lufs: Annotated[float, Field(ge=-70, le=0)] | None = None
    """Highest momentary loudness, in LUFS."""
    lra_max_lu: Annotated[float, Field(ge=0, le=70)] | None = None
    """Widest loudness range, in LU."""


OVERRIDDEN: Final = {
    "target_lufs": "loudness",
    "tolerance_lu": "loudness",
    "ceiling_dbtp": "true_peak",
    "lra_max_lu": "lra_lu",
}
"""What of a specification an override replaces, where it is called otherwise."""


class Specification(Document):
    """Everything that is asked of one file; what is None is not asked. Limits are called as what is `Measured` is."""

    name: str
    """Of the preset, or of what else gives it: for messages."""
    loudness: Loudness | None = None
    true_peak: TruePeak | None = None
    sample_peak_dbfs: Limit | None = None
    short_term_max_lufs: Limit | None = None
    momentary_max_lufs: Limit | None = None
    lra_lu: Limit | None = None
    ldr_lu: Limit | None = None
    noise_floor_dbfs: Limit | None = None
    container: Container | None = None

    @classmethod
    def plain(cls, name: str, target_lufs: float, ceiling_dbtp: float) -> Self:
        """Programme loudness, met exactly, under a ceiling: what a profile asks for, or a project without a preset."""
        return cls(
            name=name,
            loudness=Loudness(
                method="programme", standard="ITU-R BS.1770-5", unit="LUFS", target=target_lufs, confidence="given"
            ),
            true_peak=TruePeak(highest_dbtp=ceiling_dbtp, confidence="given"),
        )

    @property
    def ceiling_dbtp(self) -> float:
        """Where a limiter is to be set: as advised, else at the limit; at full scale where no peak is asked for.

        A limit of sample peaks serves as one of true peaks, which are never lower, `SAMPLE_PEAK_GUARD_DB` under it.
        """
        ceilings_dbtp = []
        if self.true_peak is not None:
            advised = self.true_peak.limiter_dbtp
            ceilings_dbtp.append(self.true_peak.highest_dbtp if advised is None else advised)
        if self.sample_peak_dbfs is not None and self.sample_peak_dbfs.highest is not None:
            ceilings_dbtp.append(self.sample_peak_dbfs.highest - SAMPLE_PEAK_GUARD_DB)
        return min(ceilings_dbtp, default=0.0)

    def with_overrides(self, overrides: Overrides) -> Self:
        """The same with a project's own numbers, for which only the project answers: nothing beside them is tolerated.

        Raises ValueError, one sentence, where a number is given for what the specification does not measure.
        """
        changed: dict[str, Any] = {}
        if overrides.target_lufs is not None or overrides.tolerance_lu is not None:
            changed["loudness"] = self._own_loudness(overrides.target_lufs, overrides.tolerance_lu)
        if overrides.ceiling_dbtp is not None:
            changed["true_peak"] = TruePeak(highest_dbtp=overrides.ceiling_dbtp, confidence="given")
        for name in ("short_term_max_lufs", "momentary_max_lufs", "lra_max_lu"):
            highest = getattr(overrides, name)
            if highest is not None:
                changed[OVERRIDDEN.get(name, name)] = Limit(highest=highest, confidence="given")
        return self.model_copy(update=changed)

    def _own_loudness(self, target_lufs: float | None, tolerance_lu: float | None) -> Loudness:
        """The project's own target, or tolerance, or both; of the fallback too, whose method alone is the preset's.

        A target in place of a range is met exactly unless a tolerance says otherwise.
        """
        before = self.loudness
        if before is None or before.method not in ("programme", "dialogue"):
            method = "no loudness" if before is None else METHOD_NAMES[before.method]
            raise ValueError(f"{self.name} asks for {method}: it has no target_lufs and no tolerance_lu to override")
        if target_lufs is None and before.target is None:
            raise ValueError(f"{self.name} asks for a range of loudness: tolerance_lu needs a target_lufs beside it")

        def own(level: Level) -> dict[str, Any]:
            return {
                "target": level.target if target_lufs is None else target_lufs,
                "tolerance_minus": level.tolerance_minus if tolerance_lu is None else tolerance_lu,
                "tolerance_plus": level.tolerance_plus if tolerance_lu is None else tolerance_lu,
                "lowest": None,
                "highest": None,
                "advised_lowest": None,
                "tolerated": None,
                "confidence": level.confidence if target_lufs is None else "given",
                "tolerance_confidence": "given" if target_lufs is None else None,
            }

        fallback = None if before.fallback is None else before.fallback.model_copy(update=own(before.fallback))
        return before.model_copy(update={**own(before), "either_passes": False, "fallback": fallback})


METHOD_NAMES: Final[dict[Method, str]] = {
    "programme": "programme loudness",
    "dialogue": "dialogue loudness",
    "rms": "RMS level",
    "leq_m": "Leq(m)",
}


class Source(Document):
    """Where a number comes from."""

    title: str
    url: str | None = None
    kind: Literal["primary_text_seen", "primary_via_copy_or_translation", "secondary_seen", "own_knowledge_unverified"]
    """`primary` is the text of those who issue it."""
    note: str | None = None


class Preset(Document):
    """A specification and where it comes from."""

    title: str
    category: Category
    specification: Specification
    confidence: str
    """How sure the whole is, in words."""
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    alternatives: tuple[str, ...] = ()
    """What other sources, other readers or other modes of the taker ask for instead."""
    notes: tuple[str, ...] = ()

    @property
    def sureness(self) -> Confidence:
        """Of its loudness; of its peak where no loudness is asked for."""
        if self.specification.loudness is not None:
            return self.specification.loudness.sureness
        return "low" if self.specification.true_peak is None else self.specification.true_peak.confidence


def _presets() -> dict[str, Preset]:
    text = files("stemmix.model").joinpath("presets.json").read_text("utf-8")
    presets = {}
    for name, fields in json.loads(text).items():
        fields["specification"]["name"] = name
        presets[name] = Preset.model_validate_json(json.dumps(fields))
    return presets


PRESETS: Final = _presets()


def _known(name: str) -> str:
    if name not in PRESETS:
        raise PydanticCustomError("enum", "is no preset")  # files.faults.none_of says which one may have been meant
    return name


PresetName = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(PRESETS)})]
"""A field of a document that names a preset."""
