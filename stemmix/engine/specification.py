"""Does a file meet its specification, and what gain would bring it there?

One finding for each thing that is asked. A miss is a `fail`, save where the specification itself lets it pass, only
advises, or is of low confidence: that is a `warn`, and says so. Values are judged as they were measured, not as they
are printed, and get no more room than measuring needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stemmix.model.layouts import Layout
from stemmix.model.presets import METHOD_NAMES, Confidence, Level, Loudness, Method, Specification, TruePeak
from stemmix.model.receipt import Finding, Measured, Verdict

LOUDNESS_ERROR_LU = 0.05
"""Room for measuring where no tolerance is stated: a stated one (EBU R 128: 0.2 LU) has it in it. A master's gain is
mended until it is closer than this, and EBU Tech 3341 grants a meter twice as much."""
TRUE_PEAK_ERROR_DB = 0.02
"""How far over its ceiling our limiter's output may read on a 16x meter; BS.1770-5 annex 2 grants a 4x one 0.55 dB."""
EXACT = 0.0
"""Sample peaks and RMS are sums and maxima of the samples: two meters read the same."""

READINGS: dict[Method, str] = {
    "programme": "integrated_lufs",
    "dialogue": "dialogue_lufs",
    "rms": "rms_dbfs",
    "leq_m": "leq_m_db",
}
"""Which field of `Measured` a method reads."""

_LIMITS = (
    ("sample_peak", "sample_peak_dbfs", "sample peak", "dBFS", "dB", EXACT),
    ("short_term", "short_term_max_lufs", "highest short-term loudness", "LUFS", "LU", LOUDNESS_ERROR_LU),
    ("momentary", "momentary_max_lufs", "highest momentary loudness", "LUFS", "LU", LOUDNESS_ERROR_LU),
    ("lra", "lra_lu", "loudness range", "LU", "LU", LOUDNESS_ERROR_LU),
    ("ldr", "ldr_lu", "loudness-to-dialogue ratio", "LU", "LU", LOUDNESS_ERROR_LU),
    ("noise_floor", "noise_floor_dbfs", "noise floor", "dBFS", "dB", EXACT),
)
"""Check, field of `Measured` and of `Specification`, name, unit, unit of differences, room for measuring."""


@dataclass(frozen=True)
class Aim:
    """The linear gain that brings a mix to its specification, and how it was found."""

    gain_db: float | None
    """None where there is nothing to set it by."""
    method: Method | None
    """What was measured; None where no loudness is asked for."""
    value: float | None
    """What was read, in the unit of the specification."""
    target: float | None
    """What it is brought to; None where no loudness is asked for."""
    why: str
    """One sentence; the reason where the method is not the specification's first."""
    bounds: tuple[float | None, float | None] = (None, None)
    """Between which it is to come out: a target has both, a mere limit one."""

    def missing(self, reached: float | None) -> float:
        """How much more there should be of what came out, in the unit of differences; less, where it is negative.

        >>> limit = Aim(0.0, "programme", -19.0, -19.0, "", (None, -18.0))
        >>> limit.missing(-17.5), limit.missing(-19.5)
        (-0.5, 0.0)
        """
        lowest, highest = self.bounds
        if reached is None:
            return 0.0
        if lowest is not None and reached < lowest:
            return lowest - reached
        return min(highest - reached, 0.0) if highest is not None else 0.0


def gain_for(specification: Specification, measured: Measured) -> Aim:
    """The gain in dB that brings what was measured to its specification, peaks left aside.

    A target is met, a range in its middle; a mere limit only lowers, or only raises. Where the first method has no
    reading no other is taken, save the fallback that the specification itself names, on its own condition.
    """
    if specification.loudness is None:
        return Aim(0.0, None, None, None, f"{specification.name} asks for no loudness")
    level, why = level_that_holds(specification.loudness, measured)
    name = _name(level.method)
    value: float | None = getattr(measured, READINGS[level.method])
    if value is None:
        return Aim(None, level.method, None, level.aim, f"{why}{name} has no reading: {_reason(level, measured)}")
    target = level.aim
    lowest, highest = level.bounds if target is None else (target, target)
    if target is None:
        target = min(value if lowest is None else max(value, lowest), value if highest is None else highest)
    return Aim(
        round(target - value, 4),
        level.method,
        value,
        target,
        f"{why}{name} is brought from {value:.2f} to {target:.2f} {level.unit}",
        (lowest, highest),
    )


def judged(
    measured: Measured,
    specification: Specification,
    layout: Layout,
    *,
    sample_rate: int,
    bits: int | None,
    duration_s: float | None = None,
) -> list[Finding]:
    """Every requirement of a specification, one finding each; what is not asked has none.

    `bits` are those of a sample as it is stored (32 for float), or None where the coding has none.
    """
    findings = []
    if specification.loudness is not None:
        findings.append(_of_loudness(specification.loudness, measured))
        findings += _of_duration(specification.loudness, duration_s)
    if specification.true_peak is not None:
        findings.append(_of_true_peak(specification, specification.true_peak, measured))
    findings += _of_limits(specification, measured)
    findings += _of_container(specification, layout, sample_rate, bits)
    return findings


# ---------------------------------------------------------------------------------------------------------- loudness


def level_that_holds(loudness: Loudness, measured: Measured) -> tuple[Level, str]:
    """The specification's first method, or its fallback where there is little speech; and the words for that."""
    fallback, share = loudness.fallback, measured.speech_share
    if fallback is None or share is None or share >= fallback.below_speech_share:
        return loudness, ""
    return fallback, f"speech is {share:.2%} of the programme, less than {fallback.below_speech_share:.0%}: "


def _name(method: Method) -> str:
    stem_gated = " (stem-gated, not Dolby Dialogue Intelligence)" if method == "dialogue" else ""
    return METHOD_NAMES[method] + stem_gated


def _reason(level: Level, measured: Measured) -> str:
    return measured.reasons.get(READINGS[level.method], "it was not measured")


def _of_loudness(loudness: Loudness, measured: Measured) -> Finding:
    level, why = level_that_holds(loudness, measured)
    value: float | None = getattr(measured, READINGS[level.method])
    if value is None:
        name, field, lowest = why + _name(level.method), READINGS[level.method], level.bounds[0]
        found = _unread("loudness", name, field, lowest, measured, level.sureness)
    else:
        step = "LU" if level.unit in ("LUFS", "LKFS") else "dB"
        aside = "" if level.target is None or level.bounds == (level.target,) * 2 else f" (target {level.target:g})"
        name, units = why + _name(level.method), (level.unit, step)
        found = _placed("loudness", name, value, level.bounds, units, _room(level), level.sureness, aside)
        window = level.tolerated
        if found.verdict == "fail" and window is not None and window.lowest <= value <= window.highest:
            found = _softer(found, f"{window.lowest:g} to {window.highest:g}: {window.why}")
        if found.verdict == "pass" and level.advised_lowest is not None and value < level.advised_lowest:
            found = _softer(found, f"{level.advised_lowest:g} or more is advised")
    found = _passed_otherwise(found, loudness, level, measured)
    if loudness.measured_on is not None:
        found = found.model_copy(update={"text": f"{found.text}; it is to be measured on {loudness.measured_on}"})
    return found


def _room(level: Level) -> float:
    """What measuring may err by, less what a stated tolerance has of it already."""
    if level.method == "rms":
        return EXACT
    return max(0.0, LOUDNESS_ERROR_LU - min(level.tolerance_minus, level.tolerance_plus))


def _passed_otherwise(found: Finding, loudness: Loudness, level: Level, measured: Measured) -> Finding:
    """A taker whose QC lets a file pass that meets dialogue or programme loudness, whichever of them holds."""
    if not loudness.either_passes or loudness.fallback is None or found.verdict == "pass":
        return found
    other: Level = loudness.fallback if level is loudness else loudness
    value: float | None = getattr(measured, READINGS[other.method])
    window = other.tolerated
    if value is None or window is None or not window.lowest <= value <= window.highest:
        return found
    return _softer(
        found,
        f"the taker's QC accepts it by its {_name(other.method)}, {value:.2f} {other.unit}, "
        f"within {window.lowest:g} to {window.highest:g}",
    )


def _of_duration(loudness: Loudness, duration_s: float | None) -> Iterator[Finding]:
    if loudness.least_minutes is None or duration_s is None:
        return
    least_s = 60 * loudness.least_minutes
    verdict: Verdict = "pass" if duration_s >= least_s else "warn"
    text = f"loudness was measured over {duration_s / 60:.1f} min, expected {loudness.least_minutes:g} or more"
    yield Finding(check="duration", verdict=verdict, text=text, value=duration_s, limit=least_s)


# ------------------------------------------------------------------------------------------------- peaks and limits


def _of_true_peak(specification: Specification, wanted: TruePeak, measured: Measured) -> Finding:
    value = measured.true_peak_dbtp
    if value is None:
        return _unread("true_peak", "true peak", "true_peak_dbtp", None, measured, wanted.confidence)
    bounds = (None, wanted.highest_dbtp)
    units = ("dBTP", "dB")
    found = _placed("true_peak", "true peak", value, bounds, units, TRUE_PEAK_ERROR_DB, wanted.confidence)
    if found.verdict == "fail" and wanted.tolerated_dbtp is not None and value <= wanted.tolerated_dbtp:
        return _softer(found, f"up to {wanted.tolerated_dbtp:g}: {wanted.tolerated_why}")
    loudness, limit = specification.loudness, wanted.if_louder_dbtp
    if limit is None or loudness is None or loudness.target is None or measured.integrated_lufs is None:
        return found
    is_loud = measured.integrated_lufs > loudness.target + LOUDNESS_ERROR_LU
    if found.verdict == "pass" and is_loud and value > limit + TRUE_PEAK_ERROR_DB:
        return _softer(found, f"{limit:g} is advised for anything louder than {loudness.target:g} {loudness.unit}")
    return found


def _of_limits(specification: Specification, measured: Measured) -> Iterator[Finding]:
    for check, field, name, unit, step, room in _LIMITS:
        limit = getattr(specification, field)
        if limit is None:
            continue
        value: float | None = getattr(measured, field)
        if value is None:
            found = _unread(check, name, field, limit.lowest, measured, limit.confidence)
        else:
            bounds, units = (limit.lowest, limit.highest), (unit, step)
            aside = "" if limit.binding else f" ({limit.why or 'advice'})"
            found = _placed(check, name, value, bounds, units, room, limit.confidence, aside)
        if found.verdict == "fail" and not limit.binding:
            found = found.model_copy(update={"verdict": "warn"})
        yield found


# --------------------------------------------------------------------------------------------------------- container


def _of_container(
    specification: Specification, layout: Layout, sample_rate: int, bits: int | None
) -> Iterator[Finding]:
    if (wanted := specification.container) is not None:
        for check, is_met, text in wanted.answers(layout.name, sample_rate, bits):
            yield _by_confidence(check, is_met, text, wanted.confidence)


# ---------------------------------------------------------------------------------------------------------- verdicts


def _placed(
    check: str,
    name: str,
    value: float,
    bounds: tuple[float | None, float | None],
    units: tuple[str, str],
    room: float,
    confidence: Confidence,
    aside: str = "",
) -> Finding:
    """A value between its bounds, or by how much it is not; `room` is what measuring may err."""
    lowest, highest = bounds
    unit, step = units
    sides = [(value - highest, highest)] if highest is not None else []
    sides += [(lowest - value, lowest)] if lowest is not None else []
    # to a millionth: -1.0 + 0.02 is not quite -0.98
    outside, limit = max((round(distance, 6), bound) for distance, bound in sides)
    text = f"{name} is {value:.2f} {unit}, allowed {_range(lowest, highest)}{aside}: "
    if outside <= 0:
        text += f"{_amount(-outside)} {step} inside"
    elif outside < min(room, 0.005):
        text += "met"  # to the digits that are told
    else:
        text += f"{_amount(outside)} {step} outside"
        text += f", which is within measuring error ({room:g})" if outside <= room else ""
    return _by_confidence(check, outside <= room, text, confidence, value, limit)


def _unread(
    check: str, name: str, field: str, lowest: float | None, measured: Measured, confidence: Confidence
) -> Finding:
    """No reading: what was not measured cannot be judged; silence meets any upper limit, and no lower one."""
    reason = measured.reasons.get(field)
    if reason is None:
        return Finding(check=check, verdict="warn", text=f"{name} cannot be judged: it was not measured")
    text = f"{name} has no reading: {reason}"
    if lowest is not None:
        return _by_confidence(check, False, text, confidence)
    is_silent = measured.sample_peak_dbfs is None
    return Finding(check=check, verdict="pass" if is_silent else "warn", text=text)


def _by_confidence(
    check: str,
    is_met: bool,
    text: str,
    confidence: Confidence,
    value: float | None = None,
    limit: float | None = None,
) -> Finding:
    """A miss of what nobody is sure of is a warning."""
    verdict: Verdict = "pass" if is_met else "fail"
    if not is_met and confidence == "low":
        verdict, text = "warn", f"{text}; the limit is not certain: ask for the specification"
    return Finding(check=check, verdict=verdict, text=text, value=value, limit=limit)


def _softer(found: Finding, why: str) -> Finding:
    """A warning in place of what it was."""
    return found.model_copy(update={"verdict": "warn", "text": f"{found.text}; {why}"})


def _range(lowest: float | None, highest: float | None) -> str:
    """What is allowed, in words.

    >>> _range(None, -1.0), _range(-60.0, None), _range(-23.2, -22.8), _range(-23.0, -23.0)
    ('up to -1', '-60 or more', '-23.2 to -22.8', '-23')
    """
    if lowest is None:
        return f"up to {highest:g}"
    if highest is None:
        return f"{lowest:g} or more"
    return f"{lowest:g}" if lowest == highest else f"{lowest:g} to {highest:g}"


def _amount(size: float) -> str:
    """To a hundredth, or as much finer as it takes not to say 0 of what is not.

    >>> _amount(0.204), _amount(0.0), _amount(0.0004)
    ('0.20', '0.00', '0.0004')
    """
    return f"{size:.2f}" if size >= 0.005 or size == 0 else f"{size:.1g}"
