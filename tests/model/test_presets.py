"""`model.presets`: every number of the survey is there and says how sure it is; a project may set its own instead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, ValidationError

from stemmix.errors import ProjectError
from stemmix.files.documents import read_document
from stemmix.model.document import Document
from stemmix.model.layouts import LAYOUTS
from stemmix.model.presets import (
    CONFIDENCES,
    PRESETS,
    STEM_GATED,
    Level,
    Loudness,
    Overrides,
    Preset,
    PresetName,
    Specification,
)

SURVEY = Path(__file__).resolve().parents[2] / ".." / "shared" / "standards" / "delivery_specs.json"
SURVEYED: list[dict[str, Any]] = json.loads(SURVEY.read_text("utf-8"))["presets"] if SURVEY.is_file() else []

METHODS = {
    "dialogue_gated": "dialogue",
    "programme_gated": "programme",
    "unweighted_rms": "rms",
    "leq_m": "leq_m",
}


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a JSON object with its place, `loudness.fallback.target`; lists of numbers count as one."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, f"{place}.{key}".lstrip("."))
    else:
        yield place, value


def ours(preset: Preset) -> dict[str, Any]:
    """Where each number of the survey stands with us; `told` are those that stand in sentences, for people."""
    asked = preset.specification
    loudness, peak, box = asked.loudness, asked.true_peak, asked.container
    fallback = loudness and loudness.fallback
    window, second = loudness and loudness.tolerated, fallback and fallback.tolerated
    found: dict[str, Any] = {
        "name": preset.title,
        "category": preset.category,
        "confidence": preset.confidence,
        "max_short_term_lufs": asked.short_term_max_lufs and asked.short_term_max_lufs.highest,
        "max_momentary_lufs": asked.momentary_max_lufs and asked.momentary_max_lufs.highest,
        "sample_peak_max_dbfs": asked.sample_peak_dbfs and asked.sample_peak_dbfs.highest,
        "noise_floor_max_dbfs": asked.noise_floor_dbfs and asked.noise_floor_dbfs.highest,
        "ldr_max_lu": asked.ldr_lu and asked.ldr_lu.highest,
        "lra": None,
        "lra.limit": None,
        "lra.programme_recommended": asked.lra_lu and [asked.lra_lu.lowest, asked.lra_lu.highest],
        "lra.recommended_max": asked.lra_lu and asked.lra_lu.highest,
        "lra.binding": asked.lra_lu and asked.lra_lu.binding,
        "loudness": loudness,
    }
    if peak is not None:
        found |= {
            "true_peak_max_dbtp": peak.highest_dbtp,
            "limiter_ceiling_dbtp": peak.limiter_dbtp,
            "qc_flag_true_peak_dbtp": peak.tolerated_dbtp,
            "true_peak_measurement_tolerance_db": peak.tolerated_dbtp
            and pytest.approx(peak.tolerated_dbtp - peak.highest_dbtp),
            "true_peak_codec_dbtp": peak.lossy_dbtp,
            "true_peak_if_louder_dbtp": peak.if_louder_dbtp,
        }
    if box is not None:
        found |= {
            "channels": list(box.channels or box.layouts),
            "channel_order": box.channel_order,
            "sample_rate": list(box.sample_rates) if len(box.sample_rates) > 1 else [*box.sample_rates, None][0],
            "bit_depth": [*box.bits, None][0],
        }
    if loudness is not None:
        found |= {
            "loudness.method": loudness.method,
            "loudness.unit": loudness.unit,
            "loudness.target": loudness.target,
            "loudness.tol_minus": loudness.tolerance_minus,
            "loudness.tol_plus": loudness.tolerance_plus,
            "loudness.qc_tolerance": loudness.tolerance_plus,
            "loudness.target_range": [loudness.lowest, loudness.highest],
            "loudness.range_dbfs": [loudness.lowest, loudness.highest],
            "loudness.max": loudness.highest,
            "loudness.recommended_min": loudness.advised_lowest,
            "loudness.creative_lower_bound": window and window.lowest,
            "loudness.production_tolerance_where_not_achievable": window and (window.highest - window.lowest) / 2,
            "loudness.qc_flag_window.dialogue": window and [window.lowest, window.highest],
            "loudness.qc_flag_window.programme": second and [second.lowest, second.highest],
            "loudness.min_measurement_minutes": loudness.least_minutes,
        }
    if fallback is not None:
        found |= {
            "loudness.fallback.method": fallback.method,
            "loudness.fallback.unit": fallback.unit,
            "loudness.fallback.target": fallback.target,
            "loudness.fallback.tol_minus": fallback.tolerance_minus,
            "loudness.fallback.tol_plus": fallback.tolerance_plus,
        }
    return found


IN_SENTENCES = {
    "loudness.conflicting.target",
    "loudness.conflicting.tol",
    "loudness.user_modes.loud",
    "loudness.user_modes.quiet",
    "lra.dialogue_recommended_max",
    *(f"calibration_db_spl.{channel}" for channel in ("L", "C", "R", "Ls", "Rs", "LFE")),
}
"""Numbers that nothing here judges by: a person finds them in the alternatives and notes."""


@pytest.mark.skipif(not SURVEYED, reason="there is no shared/standards beside the repository")
def test_the_survey_is_here_whole_and_in_its_order() -> None:
    assert list(PRESETS) == [surveyed["id"].replace("_", "-") for surveyed in SURVEYED]
    assert len(SURVEYED) > 30


@pytest.mark.parametrize("surveyed", SURVEYED, ids=[one["id"] for one in SURVEYED])
def test_every_number_of_the_survey_is_here(surveyed: dict[str, Any]) -> None:
    preset = PRESETS[surveyed["id"].replace("_", "-")]
    found = ours(preset)
    said = " ".join((*preset.alternatives, *preset.notes))
    compared = 0
    for place, value in leaves({key: one for key, one in surveyed.items() if key not in ("id", "sources")}):
        if place in IN_SENTENCES:
            assert f"{value:g}" in said, place
        elif place in found:
            wanted = METHODS[value] if place.endswith("method") else value
            if place.endswith("loudness.unit"):
                wanted = wanted.replace("dB RMS", "dBFS RMS")
            assert found[place] == wanted, place
            compared += 1
        else:
            assert isinstance(value, str), f"{place}: {value} stands nowhere"
    assert compared > 2
    assert (preset.specification.loudness is None) == (surveyed["loudness"] is None)
    assert (preset.specification.true_peak is None) == ("true_peak_max_dbtp" not in surveyed)


@pytest.mark.parametrize("surveyed", SURVEYED, ids=[one["id"] for one in SURVEYED])
def test_every_source_of_the_survey_is_here(surveyed: dict[str, Any]) -> None:
    preset = PRESETS[surveyed["id"].replace("_", "-")]
    assert [(one.title, one.url, one.kind) for one in preset.sources] == [
        (one["title"], one.get("url"), one["kind"]) for one in surveyed["sources"]
    ]


@pytest.mark.parametrize(
    ("name", "method", "bounds", "aim", "ceiling_dbtp"),
    [
        ("netflix-nearfield-51", "dialogue", (-29.0, -25.0), -27.0, -2.3),
        ("ebu-r128", "programme", (-23.2, -22.8), -23.0, -1.0),
        ("ebu-r128-s2-streaming", "programme", (-20.0, -16.0), -18.0, -1.0),
        ("atsc-a85", "programme", (-26.0, -22.0), -24.0, -2.0),
        ("spotify-normal", "programme", (-15.0, -13.0), -14.0, -1.0),
        ("dolby-atmos-music", "programme", (None, -18.0), None, -1.0),
        ("podcast-mono", "programme", (-20.0, -18.0), -19.0, -1.0),
        ("acx-audiobook", "rms", (-23.0, -18.0), -20.5, -3.03),
        ("cinema-trailer-tasa", "leq_m", (None, 85.0), None, 0.0),
        ("cinema-ad-sawa", "leq_m", (None, 82.0), None, 0.0),
    ],
)
def test_the_numbers_that_everybody_knows(
    name: str, method: str, bounds: tuple[float | None, float], aim: float | None, ceiling_dbtp: float
) -> None:
    asked = PRESETS[name].specification
    assert asked.loudness is not None
    assert (asked.loudness.method, asked.loudness.bounds, asked.loudness.aim) == (method, bounds, aim)
    assert asked.ceiling_dbtp == ceiling_dbtp
    assert asked.name == name


def test_what_has_no_loudness_asks_for_none() -> None:
    silent_on_it = {name for name, preset in PRESETS.items() if preset.specification.loudness is None}
    assert silent_on_it == {"netflix-m-and-e", "netflix-theatrical", "cinema-feature"}


@pytest.mark.parametrize("name", PRESETS)
def test_the_parts_of_a_preset_fit_each_other(name: str) -> None:
    preset = PRESETS[name]
    asked = preset.specification
    assert name == name.lower()
    assert "_" not in name
    if asked.loudness is not None:
        for level in (asked.loudness, asked.loudness.fallback):
            if level is not None:
                lowest, highest = level.bounds
                assert level.aim is None or (lowest is not None and highest is not None)
                assert level.aim is None or lowest <= level.aim <= highest  # type: ignore[operator]
                if level.tolerated is not None:
                    assert level.tolerated.lowest <= lowest  # type: ignore[operator]
                    assert highest <= level.tolerated.highest  # type: ignore[operator]
        assert asked.loudness.either_passes <= (asked.loudness.fallback is not None)
    if asked.true_peak is not None:
        peak = asked.true_peak
        assert asked.ceiling_dbtp <= peak.highest_dbtp <= 0
        assert peak.tolerated_dbtp is None or peak.highest_dbtp < peak.tolerated_dbtp
        assert (peak.tolerated_dbtp is None) == (peak.tolerated_why is None)
    if asked.container is not None:
        assert set(asked.container.layouts) <= set(LAYOUTS)
    assert preset.sureness in CONFIDENCES[1:]


def test_a_tolerance_that_nobody_is_sure_of_makes_its_bounds_unsure() -> None:
    loudness = PRESETS["freetv-op59"].specification.loudness
    assert loudness is not None
    assert (loudness.confidence, loudness.tolerance_confidence, loudness.sureness) == ("high", "low", "low")


@pytest.mark.parametrize(
    "fields",
    [{}, {"target": -23.0, "highest": -20.0}, {"target": -23.0, "lowest": -30.0}, {"tolerance_plus": 1.0}],
)
def test_a_level_is_a_target_or_a_range(fields: dict[str, float]) -> None:
    given: dict[str, Any] = {"method": "programme", "unit": "LUFS", "confidence": "high"}
    with pytest.raises(ValidationError, match="target, or lowest or highest"):
        Level(**given, **fields)


# --------------------------------------------------------------------------------------------- a project's own numbers


def own(name: str, **fields: float) -> Specification:
    return PRESETS[name].specification.with_overrides(Overrides(**fields))


def loudness_of(specification: Specification) -> Loudness:
    assert specification.loudness is not None
    return specification.loudness


def test_nothing_overridden_is_the_preset() -> None:
    assert all(preset.specification.with_overrides(Overrides()) == preset.specification for preset in PRESETS.values())


def test_a_target_of_ones_own_keeps_the_tolerance_and_drops_what_the_preset_lets_pass() -> None:
    loudness = loudness_of(own("netflix-nearfield-51", target_lufs=-25.0))
    assert loudness.bounds == (-27.0, -23.0)
    assert (loudness.tolerated, loudness.either_passes, loudness.sureness) == (None, False, "given")


@pytest.mark.parametrize(
    "fields", [{"target_lufs": -31.0}, {"tolerance_lu": 0.5}, {"target_lufs": -31.0, "tolerance_lu": 0.5}]
)
def test_numbers_of_ones_own_hold_where_there_is_little_speech_too(fields: dict[str, float]) -> None:
    """Who asks for a target gets it, whatever it is then measured by."""
    before = loudness_of(PRESETS["netflix-nearfield-51"].specification)
    loudness = loudness_of(own("netflix-nearfield-51", **fields))
    for level, given in ((loudness, before), (loudness.fallback, before.fallback)):
        assert level is not None
        assert given is not None
        assert given.target is not None
        target, tolerance = fields.get("target_lufs", given.target), fields.get("tolerance_lu", given.tolerance_plus)
        assert (level.method, level.bounds) == (given.method, (target - tolerance, target + tolerance))
        assert level.tolerated is None


def test_in_place_of_a_range_a_target_is_met_exactly_unless_a_tolerance_says_otherwise() -> None:
    assert loudness_of(own("ebu-r128-s2-streaming", target_lufs=-16.0)).bounds == (-16.0, -16.0)
    loudness = loudness_of(own("dolby-atmos-music", target_lufs=-20.0, tolerance_lu=1.0))
    assert (loudness.bounds, loudness.aim, loudness.advised_lowest) == ((-21.0, -19.0), -20.0, None)


def test_a_tolerance_of_ones_own_is_sure_and_its_target_no_surer_than_before() -> None:
    assert loudness_of(own("freetv-op59", tolerance_lu=0.5)).sureness == "high"
    assert loudness_of(own("disney-plus", tolerance_lu=0.5)).sureness == "low"
    assert loudness_of(own("disney-plus", target_lufs=-27.0)).sureness == "given"


def test_a_ceiling_of_ones_own_is_for_limiter_and_judge() -> None:
    specification = own("netflix-nearfield-51", ceiling_dbtp=-3.0)
    assert specification.ceiling_dbtp == -3.0
    assert specification.true_peak is not None
    assert (specification.true_peak.highest_dbtp, specification.true_peak.tolerated_dbtp) == (-3.0, None)
    assert own("cinema-ad-sawa", ceiling_dbtp=-1.0).ceiling_dbtp == -1.0


def test_limits_of_ones_own_bind() -> None:
    specification = own("dpp-uk", short_term_max_lufs=-18.0, momentary_max_lufs=-15.0, lra_max_lu=12.0)
    limits = [specification.short_term_max_lufs, specification.momentary_max_lufs, specification.lra_lu]
    assert [limit and (limit.highest, limit.binding, limit.confidence) for limit in limits] == [
        (-18.0, True, "given"),
        (-15.0, True, "given"),
        (12.0, True, "given"),
    ]


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("acx-audiobook", {"target_lufs": -20.0}, "acx-audiobook asks for RMS level"),
        ("cinema-trailer-tasa", {"target_lufs": -20.0}, "cinema-trailer-tasa asks for Leq"),
        ("cinema-feature", {"tolerance_lu": 1.0}, "cinema-feature asks for no loudness"),
        ("ebu-r128-s2-streaming", {"tolerance_lu": 1.0}, "tolerance_lu needs a target_lufs"),
    ],
)
def test_a_number_for_what_is_not_measured_is_refused(name: str, fields: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        own(name, **fields)


def test_a_plain_target_and_ceiling_are_a_specification_that_is_met_exactly() -> None:
    specification = Specification.plain("film", -23.0, -1.0)
    assert loudness_of(specification).bounds == (-23.0, -23.0)
    assert specification.ceiling_dbtp == -1.0
    assert specification.container is None


def test_a_limit_of_samples_holds_beside_a_ceiling_of_a_projects_own() -> None:
    assert own("acx-audiobook", ceiling_dbtp=-3.0).ceiling_dbtp == -3.03
    assert own("acx-audiobook", ceiling_dbtp=-6.0).ceiling_dbtp == -6.0


def test_where_no_peak_is_asked_for_the_ceiling_is_full_scale() -> None:
    assert PRESETS["cinema-ad-sawa"].specification.true_peak is None
    assert PRESETS["cinema-ad-sawa"].specification.ceiling_dbtp == 0.0


# ------------------------------------------------------------------------------------------------ a document's preset


class Wish(Document):
    """A document that names a preset."""

    schema_: Literal["stemmix.wish/1"] = Field(alias="schema")
    preset: PresetName


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ebu128", "preset: 'ebu128' is not one of the 33 that are known; did you mean 'ebu-r128'?"),
        ("EBU_R128", "did you mean 'ebu-r128'?"),
        ("netflix", "did you mean 'netflix-"),
        ("qqq", "preset: 'qqq' is not one of netflix-nearfield-51, "),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest(tmp_path: Path, given: str, said: str) -> None:
    path = tmp_path / "wish.json"
    path.write_text(json.dumps({"schema": "stemmix.wish/1", "preset": "ebu-r128"}))
    assert read_document(path, Wish).preset == "ebu-r128"
    path.write_text(json.dumps({"schema": "stemmix.wish/1", "preset": given}))
    with pytest.raises(ProjectError) as caught:
        read_document(path, Wish)
    assert said in str(caught.value)


def test_the_schema_of_a_document_lists_the_names() -> None:
    assert Wish.model_json_schema()["properties"]["preset"]["enum"] == list(PRESETS)


def test_what_our_dialogue_loudness_is_not_is_said() -> None:
    assert "not Dolby Dialogue Intelligence" in STEM_GATED
