"""What `presets` says: what can be asked for, where each number comes from and how sure it is."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from stemmix.model.presets import METHOD_NAMES, PRESETS, STEM_GATED, Category, Level, Limit, Specification
from stemmix.report.as_json import as_json
from stemmix.report.tables import as_text, table

PRESETS_SCHEMA = "stemmix.presets/1"

CATEGORIES: dict[Category, str] = {
    "ott": "Streaming originals",
    "broadcast": "Broadcast",
    "streaming": "Programmes on line",
    "music": "Music services",
    "podcast": "Podcasts",
    "audiobook": "Audiobooks",
    "games": "Games",
    "cinema": "Cinema",
}

KINDS = {
    "primary_text_seen": "the issuer's own text",
    "primary_via_copy_or_translation": "the issuer's text, in a copy or translation",
    "secondary_seen": "second hand",
    "own_knowledge_unverified": "from memory, not checked",
}


def presets_text(width: int) -> str:
    """A table of all presets for each category."""
    parts = []
    for category, heading in CATEGORIES.items():
        made = table(heading, ["=name", "for", "=measured", "=loudness", "=peak", "=sure"])
        for name, preset in PRESETS.items():
            if preset.category == category:
                made.add_row(
                    name, preset.title, *_loudness(preset.specification), _peak(preset.specification), preset.sureness
                )
        parts.append(made)
    return as_text([*parts, f"Dialogue loudness is measured {STEM_GATED}."], width)


def preset_text(name: str, width: int) -> str:
    """Everything of one preset."""
    preset = PRESETS[name]
    made = table(f"{name}: {preset.title}", ["=what", "asked for", "=sure"])
    _add_loudness(made, preset.specification)
    _add_peaks(made, preset.specification)
    _add_container(made, preset.specification)
    sources = table("Where it comes from", ["source", "kind"])
    for source in preset.sources:
        lines = (source.title, source.url, source.note)
        sources.add_row(Text("\n".join(line for line in lines if line is not None)), KINDS[source.kind])
    said = [f"How sure: {preset.confidence}"]
    said += [f"Asked for instead: {one}" for one in preset.alternatives]
    said += [f"Note: {one}" for one in preset.notes]
    return as_text([made, "\n".join(said), sources], width)


def presets_json(name: str | None) -> str:
    """The same for programs: every preset as it stands in the data, or one."""
    chosen = PRESETS if name is None else {name: PRESETS[name]}
    listed = [
        {"name": name} | preset.model_dump(mode="json", exclude={"specification": {"name"}})
        for name, preset in chosen.items()
    ]
    said = {"schema": PRESETS_SCHEMA, "dialogue": STEM_GATED, "presets": listed}
    return as_json(said)


def level_text(level: Level) -> str:
    """Target and tolerance, or range, in one short word or two.

    >>> level_text(PRESETS["ebu-r128"].specification.loudness)
    '-23 ±0.2 LUFS'
    >>> level_text(PRESETS["acx-audiobook"].specification.loudness)
    '-23 to -18 dBFS RMS'
    """
    if level.target is None:
        return f"{_range(level.lowest, level.highest)} {level.unit}"
    plus, minus = level.tolerance_plus, level.tolerance_minus
    tolerance = f" ±{plus:g}" if plus == minus else f" +{plus:g} -{minus:g}"
    return f"{level.target:g}{tolerance} {level.unit}"


def _range(lowest: float | None, highest: float | None) -> str:
    if lowest is None:
        return f"up to {highest:g}"
    return f"from {lowest:g}" if highest is None else f"{lowest:g} to {highest:g}"


def _loudness(asked: Specification) -> tuple[str, str]:
    """What is measured, and what it is to read."""
    if asked.loudness is None:
        return "-", "-"
    return METHOD_NAMES[asked.loudness.method].split()[0], level_text(asked.loudness)


def _peak(asked: Specification) -> str:
    if asked.true_peak is not None:
        return f"{asked.true_peak.highest_dbtp:g} dBTP"
    return "-" if asked.sample_peak_dbfs is None else f"{asked.sample_peak_dbfs.highest:g} dBFS"


def _add_loudness(made: Table, asked: Specification) -> None:
    loudness = asked.loudness
    if loudness is None:
        made.add_row("loudness", "not asked for", "")
        return
    _add_level(made, METHOD_NAMES[loudness.method], loudness)
    if loudness.method == "dialogue":
        made.add_row("", f"measured here {STEM_GATED}", "")
    if loudness.measured_on is not None:
        made.add_row("", f"measured on {loudness.measured_on}", "")
    if loudness.least_minutes is not None:
        made.add_row("", f"measured over {loudness.least_minutes:g} min or more", "")
    if loudness.fallback is not None:
        fallback = loudness.fallback
        _add_level(made, METHOD_NAMES[fallback.method], fallback)
        made.add_row("", f"where speech is under {fallback.below_speech_share:.0%} of the programme", "")
        if loudness.either_passes:
            made.add_row("", "let pass, with a warning, where either of the two windows is met", "")


def _add_level(made: Table, name: str, level: Level) -> None:
    made.add_row(name, level_text(level), level.confidence)
    if level.tolerance_confidence is not None:
        made.add_row("", "its tolerance", level.tolerance_confidence)
    if level.standard is not None:
        made.add_row("", f"after {level.standard}", "")
    if level.tolerated is not None:
        window = level.tolerated
        made.add_row("", f"a warning from {window.lowest:g} to {window.highest:g}: {window.why}", "")
    if level.advised_lowest is not None:
        made.add_row("", f"{level.advised_lowest:g} or more is advised", "")


def _add_peaks(made: Table, asked: Specification) -> None:
    peak = asked.true_peak
    if peak is not None:
        made.add_row("true peak", f"up to {peak.highest_dbtp:g} dBTP", peak.confidence)
        for value, said in (
            (peak.limiter_dbtp, "limiter set to {:g}"),
            (peak.tolerated_dbtp, f"a warning up to {{:g}}: {peak.tolerated_why}"),
            (peak.if_louder_dbtp, "{:g} advised for anything louder than the target"),
            (peak.lossy_dbtp, "{:g} advised ahead of a lossy codec"),
        ):
            if value is not None:
                made.add_row("", said.format(value), "")
    limits: tuple[tuple[str, Limit | None, str], ...] = (
        ("sample peak", asked.sample_peak_dbfs, "dBFS"),
        ("highest short-term", asked.short_term_max_lufs, "LUFS"),
        ("highest momentary", asked.momentary_max_lufs, "LUFS"),
        ("loudness range", asked.lra_lu, "LU"),
        ("loudness to dialogue", asked.ldr_lu, "LU"),
        ("noise floor", asked.noise_floor_dbfs, "dBFS"),
    )
    for name, limit, unit in limits:
        if limit is not None:
            advice = "" if limit.binding else f", {limit.why or 'advice'}"
            made.add_row(name, f"{_range(limit.lowest, limit.highest)} {unit}{advice}", limit.confidence)


def _add_container(made: Table, asked: Specification) -> None:
    wanted = asked.container
    if wanted is None:
        return
    for name, said in (
        ("layout", " or ".join(wanted.layouts)),
        ("channels", ", ".join(wanted.channels)),
        ("channel order", wanted.channel_order),
        ("sample rate", " or ".join(f"{rate} Hz" for rate in wanted.sample_rates)),
        ("bits", " or ".join(str(bits) for bits in wanted.bits)),
        ("format", " or ".join(wanted.formats)),
    ):
        if said:
            made.add_row(name, said, wanted.confidence)
