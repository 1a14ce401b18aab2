"""`engine.specification`: what meets a specification passes, what misses it does not, and by how much is said."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemmix.engine.specification import LOUDNESS_ERROR_LU, READINGS, TRUE_PEAK_ERROR_DB, gain_for, judged
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, SURROUND_5_1, Layout
from stemmix.model.presets import PRESETS, Loudness, Overrides, Specification
from stemmix.model.receipt import Finding, Measured

MEASURES = (*READINGS.values(), "short_term_max_lufs", "momentary_max_lufs", "lra_lu", "ldr_lu", "noise_floor_dbfs")

WITH_LOUDNESS = [name for name, preset in PRESETS.items() if preset.specification.loudness is not None]
WITH_TRUE_PEAK = [name for name, preset in PRESETS.items() if preset.specification.true_peak is not None]


def measured(**values: Any) -> Measured:
    """Full of speech, low of peak, quiet in its pauses; what is not given was not measured."""
    given_: dict[str, Any] = {
        "integrated_lufs": -23.0,
        "short_term_max_lufs": None,
        "momentary_max_lufs": None,
        "lra_lu": None,
        "true_peak_dbtp": -20.0,
        "sample_peak_dbfs": -20.5,
        "speech_share": 0.5,
    }
    return Measured(**(given_ | values))


def silence() -> Measured:
    names = ("integrated_lufs", "short_term_max_lufs", "momentary_max_lufs", "lra_lu", "true_peak_dbtp")
    blank = dict.fromkeys((*names, "sample_peak_dbfs", *MEASURES))
    return measured(**blank, reasons=dict.fromkeys(blank, "digital silence"), speech_share=0.0)


def louder(reading: Measured, gain_db: float) -> Measured:
    """What meters read after a linear gain."""
    moved = (*READINGS.values(), "true_peak_dbtp", "sample_peak_dbfs")
    values = {name: getattr(reading, name) for name in moved}
    return reading.model_copy(update={name: one + gain_db for name, one in values.items() if one is not None})


def findings(specification: Specification, reading: Measured, layout: Layout = STEREO, **file: Any) -> list[Finding]:
    facts: dict[str, Any] = {"sample_rate": 48_000, "bits": 24}
    return judged(reading, specification, layout, **(facts | file))


def found(check: str, specification: Specification, reading: Measured, layout: Layout = STEREO, **file: Any) -> Finding:
    (one,) = [finding for finding in findings(specification, reading, layout, **file) if finding.check == check]
    return one


def asked(name: str) -> Specification:
    return PRESETS[name].specification


def loudness_of(name: str) -> Loudness:
    loudness = asked(name).loudness
    assert loudness is not None
    return loudness


def reading_of(name: str, value: float) -> Measured:
    """With `value` as what the preset measures first, and a programme that nobody's QC would let pass instead."""
    return measured(**({"integrated_lufs": -60.0} | {READINGS[loudness_of(name).method]: value}))


# ---------------------------------------------------------------------------------------------------------- loudness


@pytest.mark.parametrize("name", WITH_LOUDNESS)
@given(before=st.floats(-60, 0))
def test_the_gain_brings_whatever_it_was_to_what_is_asked(name: str, before: float) -> None:
    specification, reading = asked(name), reading_of(name, before)
    aim = gain_for(specification, reading)
    assert aim.gain_db is not None
    after = louder(reading, aim.gain_db)
    assert found("loudness", specification, after).verdict == "pass" or loudness_of(name).advised_lowest is not None
    assert gain_for(specification, after).gain_db == pytest.approx(0.0, abs=1e-3)
    assert (aim.method, aim.value) == (loudness_of(name).method, before)
    assert aim.target == pytest.approx(before + aim.gain_db, abs=1e-3)


@pytest.mark.parametrize("name", WITH_LOUDNESS)
@given(off=st.floats(0.1, 30), up=st.booleans())
def test_further_off_than_the_tolerance_is_never_a_pass_and_a_fail_where_nothing_excuses_it(
    name: str, off: float, up: bool
) -> None:
    loudness = loudness_of(name)
    lowest, highest = loudness.bounds
    bound = highest if up or lowest is None else lowest
    assert bound is not None
    value = bound + off if bound == highest else bound - off
    one = found("loudness", asked(name), reading_of(name, value))
    window = loudness.tolerated
    excused = loudness.sureness == "low" or (window is not None and window.lowest <= value <= window.highest)
    assert one.verdict == ("warn" if excused else "fail")
    assert (one.value, one.limit) == (value, bound)
    assert float(re.search(r"([0-9.]+) (LU|dB) outside", one.text)[1]) == pytest.approx(off, abs=0.0051)  # type: ignore[index]


@pytest.mark.parametrize("name", WITH_LOUDNESS)
@given(share=st.floats(0.0, 1.0))
def test_between_its_bounds_everything_passes(name: str, share: float) -> None:
    lowest, highest = loudness_of(name).bounds
    low = loudness_of(name).advised_lowest if lowest is None else lowest
    assert highest is not None
    value = highest - share * (10.0 if low is None else highest - low)
    assert found("loudness", asked(name), reading_of(name, value)).verdict == "pass"


@pytest.mark.parametrize(("off_lu", "verdict"), [(0.05, "pass"), (-0.05, "pass"), (0.06, "fail"), (-0.06, "fail")])
def test_a_plain_target_has_no_more_room_than_measuring_needs(off_lu: float, verdict: str) -> None:
    one = found("loudness", Specification.plain("film", -23.0, -1.0), measured(integrated_lufs=-23.0 + off_lu))
    assert one.verdict == verdict
    assert LOUDNESS_ERROR_LU == 0.05


@pytest.mark.parametrize(("value", "verdict"), [(-22.8, "pass"), (-22.79, "warn"), (-22.0, "warn"), (-21.99, "fail")])
def test_a_stated_tolerance_gets_no_room_on_top_and_production_tolerance_is_a_warning(
    value: float, verdict: str
) -> None:
    one = found("loudness", asked("ebu-r128"), measured(integrated_lufs=value))
    assert one.verdict == verdict
    assert ("cannot be achieved in production" in one.text) == (verdict == "warn")


def test_a_mere_limit_only_lowers() -> None:
    trailer = asked("cinema-trailer-tasa")
    assert gain_for(trailer, measured(leq_m_db=80.0)).gain_db == 0.0
    assert gain_for(trailer, measured(leq_m_db=88.25)).gain_db == -3.25


def test_a_range_is_met_in_its_middle() -> None:
    aim = gain_for(asked("acx-audiobook"), measured(rms_dbfs=-30.0))
    assert (aim.gain_db, aim.target, aim.method) == (9.5, -20.5, "rms")


def test_what_asks_for_no_loudness_gets_no_gain_and_no_finding_of_it() -> None:
    aim = gain_for(asked("cinema-feature"), measured())
    assert (aim.gain_db, aim.method, aim.why) == (0.0, None, "cinema-feature asks for no loudness")
    assert [one.check for one in findings(asked("cinema-feature"), measured())] == ["true_peak"]


def test_lower_than_is_advised_is_said() -> None:
    one = found("loudness", asked("dolby-atmos-music"), measured(integrated_lufs=-35.0))
    assert one.verdict == "warn"
    assert "-31 or more is advised" in one.text
    assert "measured on the 5.1 downmix" in one.text


def test_a_short_measurement_is_said_where_the_whole_is_long() -> None:
    game = asked("game-console-aswg")
    assert found("duration", game, measured(), duration_s=1800.0).verdict == "pass"
    assert found("duration", game, measured(), duration_s=1799.0).verdict == "warn"
    assert "duration" not in [one.check for one in findings(game, measured())]


# ---------------------------------------------------------------------------------------------------------- dialogue


@pytest.mark.parametrize(
    ("share", "method", "gain_db"), [(0.15, "dialogue", 3.0), (0.1499, "programme", -4.0), (0.0, "programme", -4.0)]
)
def test_with_little_speech_the_fallback_holds_where_there_is_one(share: float, method: str, gain_db: float) -> None:
    reading = measured(dialogue_lufs=-30.0, integrated_lufs=-20.0, speech_share=share)
    aim = gain_for(asked("netflix-nearfield-51"), reading)
    assert (aim.method, aim.gain_db) == (method, gain_db)
    assert ("less than 15%" in aim.why) == (method == "programme")
    without = gain_for(asked("netflix-nearfield-20"), reading)
    assert (without.method, without.gain_db) == ("dialogue", 3.0)


def test_without_a_reading_no_other_method_is_taken() -> None:
    for share in (None, 0.0):
        reasons = {"dialogue_lufs": "nobody speaks"} if share is not None else {}
        reading = measured(dialogue_lufs=None, integrated_lufs=-20.0, speech_share=share, reasons=reasons)
        for name in ("netflix-nearfield-20", *(["netflix-nearfield-51"] if share is None else [])):
            aim = gain_for(asked(name), reading)
            assert (aim.gain_db, aim.method, aim.value, aim.target) == (None, "dialogue", None, -27.0)
            assert aim.why.endswith("nobody speaks" if reasons else "it was not measured")


def test_what_dialogue_loudness_is_not_is_said_wherever_it_is_read() -> None:
    reading = measured(dialogue_lufs=-27.0)
    one = found("loudness", asked("netflix-nearfield-20"), reading)
    aim = gain_for(asked("netflix-nearfield-20"), reading)
    assert all("stem-gated, not Dolby Dialogue Intelligence" in text for text in (one.text, aim.why))


@pytest.mark.parametrize(
    ("dialogue", "programme", "verdict"),
    [
        (-27.0, -40.0, "pass"),
        (-30.0, -40.0, "warn"),
        (-30.1, -40.0, "fail"),
        (-30.1, -27.0, "warn"),
        (-30.1, -20.9, "fail"),
    ],
)
def test_a_taker_whose_qc_looks_at_dialogue_and_then_at_the_programme(
    dialogue: float, programme: float, verdict: str
) -> None:
    reading = measured(dialogue_lufs=dialogue, integrated_lufs=programme)
    assert found("loudness", asked("netflix-nearfield-51"), reading).verdict == verdict


def test_with_little_speech_the_same_taker_lets_a_file_pass_by_its_dialogue() -> None:
    netflix = asked("netflix-nearfield-51")
    by_dialogue = measured(dialogue_lufs=-27.0, integrated_lufs=-19.0, speech_share=0.1)
    one = found("loudness", netflix, by_dialogue)
    assert (one.verdict, one.value) == ("warn", -19.0)
    assert "QC accepts it by its dialogue loudness" in one.text
    neither = by_dialogue.model_copy(update={"dialogue_lufs": -23.9})
    assert found("loudness", netflix, neither).verdict == "fail"


def test_a_file_whose_dialogue_nobody_knows_is_not_failed_for_it() -> None:
    unknown = measured(dialogue_lufs=None, speech_share=None, integrated_lufs=-24.0)
    one = found("loudness", asked("netflix-nearfield-51"), unknown)
    assert one.verdict == "warn"
    assert "cannot be judged: it was not measured" in one.text
    assert "QC accepts it by its programme loudness, -24.00 LKFS" in one.text
    assert found("loudness", asked("amazon-studios-nearfield"), unknown).verdict == "warn"


# ------------------------------------------------------------------------------------------------- peaks and limits


@pytest.mark.parametrize("name", WITH_TRUE_PEAK)
@given(over_db=st.floats(0.021, 30))
def test_over_the_true_peak_is_never_a_pass_and_under_it_always(name: str, over_db: float) -> None:
    wanted = asked(name).true_peak
    assert wanted is not None
    value = wanted.highest_dbtp + over_db
    one = found("true_peak", asked(name), measured(true_peak_dbtp=value))
    excused = wanted.confidence == "low" or (wanted.tolerated_dbtp is not None and value <= wanted.tolerated_dbtp)
    assert one.verdict == ("warn" if excused else "fail")
    assert (one.value, one.limit) == (value, wanted.highest_dbtp)
    under = found("true_peak", asked(name), measured(integrated_lufs=-60.0, true_peak_dbtp=wanted.highest_dbtp))
    assert under.verdict == "pass"
    assert "0.00 dB inside" in under.text


def test_a_target_that_is_off_by_less_than_is_told_is_met() -> None:
    plain = Specification.plain("film", -23.0, -1.0)
    for off_lu in (3e-5, -0.0049):
        assert found("loudness", plain, measured(integrated_lufs=-23.0 + off_lu)).text.endswith("allowed -23: met")
    assert "0.01 LU outside" in found("loudness", plain, measured(integrated_lufs=-22.99)).text


def test_what_our_own_limiter_may_read_over_its_ceiling_passes_and_says_so() -> None:
    plain = Specification.plain("film", -23.0, -1.0)
    one = found("true_peak", plain, measured(true_peak_dbtp=-1.0 + TRUE_PEAK_ERROR_DB))
    assert one.verdict == "pass"
    assert "0.02 dB outside, which is within measuring error (0.02)" in one.text
    assert found("true_peak", plain, measured(true_peak_dbtp=-0.97)).verdict == "fail"


def test_what_is_louder_than_a_service_plays_it_is_advised_a_lower_peak() -> None:
    spotify = asked("spotify-normal")
    loud, quiet = ({"integrated_lufs": value, "true_peak_dbtp": -1.5} for value in (-13.5, -14.0))
    assert found("true_peak", spotify, measured(**loud)).verdict == "warn"
    assert found("true_peak", spotify, measured(**quiet)).verdict == "pass"
    assert found("true_peak", spotify, measured(**(loud | {"true_peak_dbtp": -1.98}))).verdict == "pass"


@pytest.mark.parametrize(
    ("name", "check", "field", "at_limit", "over", "verdict"),
    [
        ("acx-audiobook", "sample_peak", "sample_peak_dbfs", -3.0, -2.99, "fail"),
        ("acx-audiobook", "noise_floor", "noise_floor_dbfs", -60.0, -59.99, "fail"),
        ("ebu-r128-s1-shortform", "short_term", "short_term_max_lufs", -17.95, -17.94, "fail"),
        ("ebu-r128-s1-shortform", "momentary", "momentary_max_lufs", -14.95, -14.94, "warn"),
        ("ebu-r128-s4-cinematic", "ldr", "ldr_lu", 5.05, 5.06, "fail"),
        ("netflix-nearfield-51", "lra", "lra_lu", 18.05, 18.06, "warn"),
        ("netflix-nearfield-51", "lra", "lra_lu", 3.95, 3.94, "warn"),
        ("game-console-aswg", "lra", "lra_lu", 20.05, 20.06, "warn"),
    ],
)
def test_every_other_measure_has_its_limit(
    name: str, check: str, field: str, at_limit: float, over: float, verdict: str
) -> None:
    assert found(check, asked(name), measured(**{field: at_limit})).verdict == "pass"
    one = found(check, asked(name), measured(**{field: over}))
    assert (one.verdict, one.value) == (verdict, over)
    assert "outside" in one.text


def test_a_limit_of_the_projects_own_binds_where_the_preset_only_advises() -> None:
    own = asked("game-console-aswg").with_overrides(Overrides(lra_max_lu=12.0))
    assert found("lra", own, measured(lra_lu=12.2)).verdict == "fail"


def test_what_nobody_is_sure_of_warns_and_says_to_ask() -> None:
    one = found("loudness", asked("disney-plus"), measured(dialogue_lufs=-20.0))
    assert one.verdict == "warn"
    assert one.text.endswith("the limit is not certain: ask for the specification")
    own = asked("disney-plus").with_overrides(Overrides(target_lufs=-27.0))
    assert found("loudness", own, measured(dialogue_lufs=-20.0)).verdict == "fail"


# --------------------------------------------------------------------------------------------------------- no reading


def test_silence_meets_every_upper_limit_and_no_target() -> None:
    for name, preset in PRESETS.items():
        by_check = {one.check: one for one in findings(preset.specification, silence())}
        loudness = preset.specification.loudness
        if loudness is not None:
            lowest, _ = (loudness.fallback or loudness).bounds
            expected = "pass" if lowest is None else "warn" if loudness.sureness == "low" else "fail"
            assert by_check["loudness"].verdict == expected, name
            assert "digital silence" in by_check["loudness"].text
        for check in {"true_peak", "sample_peak", "noise_floor", "short_term"} & set(by_check):
            assert by_check[check].verdict == "pass", name


def test_what_was_not_measured_is_said_and_neither_passes_nor_fails() -> None:
    one = found("loudness", asked("cinema-trailer-tasa"), measured())
    assert (one.verdict, one.text) == ("warn", "Leq(m) cannot be judged: it was not measured")


def test_what_is_too_short_to_be_measured_is_said() -> None:
    reading = measured(reasons={"short_term_max_lufs": "shorter than 3 s"})
    one = found("short_term", asked("ebu-r128-s1-shortform"), reading)
    assert (one.verdict, one.text) == ("warn", "highest short-term loudness has no reading: shorter than 3 s")


# --------------------------------------------------------------------------------------------------------- container


def test_layout_rate_and_bits_are_judged_where_they_are_asked_for() -> None:
    netflix = asked("netflix-nearfield-51")
    right = {one.check: one.verdict for one in findings(netflix, measured(), SURROUND_5_1)}
    wrong = {one.check: one for one in findings(netflix, measured(), STEREO, sample_rate=44_100, bits=16)}
    checks = ("layout", "sample_rate", "bit_depth")
    assert [right[check] for check in checks] == ["pass"] * 3
    assert [wrong[check].verdict for check in checks] == ["fail"] * 3
    assert wrong["layout"].text == "layout is 2.0, expected 5.1"
    assert wrong["sample_rate"].text == "sample rate is 44100 Hz, expected 48000 Hz"
    assert wrong["bit_depth"].text == "samples have 16 bits, expected 24"
    assert found("bit_depth", netflix, measured(), bits=None).verdict == "fail"
    assert not set(checks) & {one.check for one in findings(asked("atsc-a85"), measured(), MONO, bits=16)}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_that_a_preset_lists_passes_and_no_other(layout: Layout) -> None:
    listed = {name: preset.specification.container for name, preset in PRESETS.items()}
    compared = 0
    for name, container in listed.items():
        if container is not None and container.layouts:
            is_met = found("layout", asked(name), measured(), layout).verdict == "pass"
            assert is_met == (layout.name in container.layouts)
            compared += 1
    assert compared > 10


def test_every_finding_is_one_sentence() -> None:
    for preset in PRESETS.values():
        for reading in (measured(), silence(), measured(**dict.fromkeys(MEASURES, -1.5), true_peak_dbtp=3.0)):
            for one in findings(preset.specification, reading):
                assert "\n" not in one.text
                assert not one.text.endswith(".")
                assert one.text
