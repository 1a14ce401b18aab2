"""The project model: what it takes, what it refuses, and at which place of the file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stemmix.errors import ProjectError
from stemmix.files.projects import read_project
from stemmix.files.schema import project_schema
from stemmix.model import project as model
from stemmix.model.profiles import PROFILES, Role
from stemmix.model.project import Project
from stemmix.planning.pins import bands_of

SCHEMA_FILE = Path(model.__file__).with_name("project.schema.json")


def made(**fields: Any) -> Project:
    whole = {
        "schema": "stemmix.project/2",
        "title": "Harbour",
        "stems": [{"id": "dx", "role": "dialogue", "file": "dx.wav"}, {"id": "mx", "role": "music", "file": "mx.wav"}],
    }
    return Project.model_validate_json(json.dumps(whole | fields))


def faults(**fields: Any) -> list[tuple[str, Any]]:
    with pytest.raises(ValidationError) as caught:
        made(**fields)
    return [(error["type"], error["loc"] + error.get("ctx", {}).get("place", ())) for error in caught.value.errors()]


def stem(**fields: Any) -> dict[str, Any]:
    return {"id": "dx", "role": "dialogue", "file": "dx.wav"} | fields


def test_committed_schema_is_the_one_the_models_give() -> None:
    assert SCHEMA_FILE.read_text("utf-8") == project_schema(), (
        "the project's models changed; run: stemmix schema > stemmix/model/project.schema.json"
    )


def test_every_field_of_the_schema_that_a_person_sets_is_described() -> None:
    definitions = json.loads(project_schema())["$defs"]
    assert definitions["Stem"]["properties"]
    assert [name for name, field in definitions["Stem"]["properties"].items() if "description" not in field] == []


def test_what_is_written_is_as_long_as_the_picture_or_the_programme() -> None:
    assert made().frames_of(1234) == 1234
    assert made(length=2.5).frames_of(1234) == 120_000


def test_a_small_project_needs_no_more_than_title_and_stems() -> None:
    project = made()
    assert (project.profile, project.sample_rate) == ("film", 48_000)
    assert [(d.name, d.kind) for d in project.deliverables] == [("printmaster", "printmaster")]
    assert [s.gain_db for s in project.stems] == [0.0, 0.0]


def test_a_project_cannot_be_changed_after_it_was_checked() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        made().title = "other"  # type: ignore[misc]


@pytest.mark.parametrize("field", ["gain_db", "at", "priority"])
@pytest.mark.parametrize("value", ["3", True, [3]])
def test_a_number_is_a_number_and_nothing_that_could_pass_for_one(field: str, value: object) -> None:
    ((kind, place),) = [fault for fault in faults(stems=[stem(**{field: value})]) if fault[0] != "too_short"]
    assert kind in ("float_type", "int_type", "rule")
    assert place == ("stems", 0, field)


def test_whole_numbers_stand_for_floats() -> None:
    assert made(stems=[stem(gain_db=-2, at=3)]).stems[0].gain_db == -2.0


@pytest.mark.parametrize(
    ("field", "least", "most"),
    [("at", 0, 86_400), ("gain_db", -120, 40), ("priority", 0, 1000), ("pan", -1, 1)],
)
def test_limits_are_allowed_and_what_lies_beyond_is_not(field: str, least: int, most: int) -> None:
    for value in (least, most):
        assert getattr(made(stems=[stem(**{field: value})]).stems[0], field) == value
    for value in (least - 1, most + 1):
        assert ("stems", 0, field) in [place for _, place in faults(stems=[stem(**{field: value})])]


def discrete(*labels: str, **fields: Any) -> dict[str, Any]:
    return {"id": "dx", "role": "dialogue", "files": {label: f"dx.{label}.wav" for label in labels}} | fields


def faults_of_stem(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """Without the complaint that no sound stem is left."""
    return [fault for fault in faults(stems=[document]) if fault[0] != "too_short"]


def test_a_stem_has_one_file_or_one_for_each_channel_of_a_layout() -> None:
    one, several = made(stems=[stem(), discrete("R", "C", "L", id="mx")]).stems
    assert (one.paths, one.named) == ([(None, "dx.wav")], "dx.wav")
    assert several.paths == [("L", "dx.L.wav"), ("R", "dx.R.wav"), ("C", "dx.C.wav")]
    assert several.named == "dx.L.wav, dx.R.wav, dx.C.wav"
    for neither_or_both in ({"id": "dx", "role": "dialogue"}, discrete("L", "R", file="dx.wav")):
        assert faults_of_stem(neither_or_both) == [("rule", ("stems", 0))]


@pytest.mark.parametrize("labels", [("L",), ("L", "C"), ("L", "R", "l"), ("L", "R", "C", "LFE", "Lss", "Rss"), ("",)])
def test_channels_that_are_no_layout_are_refused(labels: tuple[str, ...]) -> None:
    assert faults_of_stem(discrete(*labels)) == [("rule", ("stems", 0, "files"))]


def test_what_files_say_by_name_is_not_said_twice() -> None:
    assert faults_of_stem(discrete("L", "R", layout="2.0")) == [("rule", ("stems", 0, "layout"))]
    assert faults_of_stem(discrete("L", "R", order="film")) == [("rule", ("stems", 0, "order"))]


@pytest.mark.parametrize(
    ("layouts", "bus"),
    [(("2.0",), "2.0"), (("1.0",), "2.0"), (("2.0", "5.1", "3.0"), "5.1"), (("7.1", "7.1.4"), "7.1.4")],
)
def test_the_bus_is_as_wide_as_the_widest_deliverable_and_stereo_at_least(layouts: tuple[str, ...], bus: str) -> None:
    deliverables = [{"name": f"m{number}", "layout": layout} for number, layout in enumerate(layouts)]
    assert made(deliverables=deliverables).layout.name == bus


@pytest.mark.parametrize("identifier", ["", "-dx", ".dx", "d x", "d/x", "dx\n", "Ä", "a" * 65, "../x"])
def test_an_identifier_can_stand_in_a_file_name(identifier: str) -> None:
    assert ("stems", 0, "id") in [place for _, place in faults(stems=[stem(id=identifier)])]


def test_ids_that_differ_in_case_only_are_one_id() -> None:
    assert faults(stems=[stem(), stem(id="DX")]) == [("rule", ("stems", 1, "id"))]


def test_deliverables_have_names_of_their_own() -> None:
    assert faults(deliverables=[{"name": "a"}, {"name": "A"}]) == [("rule", ("deliverables", 1, "name"))]


def test_no_two_deliverables_are_written_to_one_file() -> None:
    """Stems are written as `<deliverable>_<stem id>`, which another deliverable's name may happen to be."""
    both = [{"name": "stems_dx"}, {"name": "stems", "kind": "stems"}]
    assert faults(deliverables=both) == [("rule", ("deliverables", 1))]


def test_printed_stems_carry_the_gain_of_a_printmaster_that_exists() -> None:
    printed = {"name": "stems", "kind": "stems"}
    assert made(deliverables=[{"name": "master"}, printed | {"parent": "master"}]).deliverables[1].name == "stems"
    wrong = [{"name": "master"}, printed | {"parent": "other"}]
    assert faults(deliverables=wrong) == [("rule", ("deliverables", 1, "parent"))]
    assert faults(deliverables=[printed]) == [("rule", ("deliverables", 0))]


def test_muted_stems_are_not_heard_and_something_must_be() -> None:
    project = made(stems=[stem(mute=True), stem(id="b")])
    assert [s.id for s in project.heard] == ["b"]
    assert faults(stems=[stem(mute=True)]) == [("rule", ("stems",))]


def test_more_stems_than_the_cap_are_refused() -> None:
    many = [stem(id=f"s{number}") for number in range(model.MAX_STEMS + 1)]
    assert len(made(stems=many[:-1]).stems) == model.MAX_STEMS
    assert faults(stems=many) == [("too_long", ("stems",))]


def test_a_stem_has_its_roles_priority_unless_it_names_its_own() -> None:
    project = made(stems=[stem(), stem(id="fx", role="fx", priority=0)])
    assert [project.priority_of(s) for s in project.stems] == [PROFILES["film"].priorities[Role.DIALOGUE], 0]


@pytest.mark.parametrize("method", ["multilevel", "frequency"])
def test_the_method_is_one_of_two(method: str) -> None:
    assert made(method=method).method == method
    assert made().method == "multilevel"
    assert faults(method="guess") == [("literal_error", ("method",))]


def test_balance_is_asked_for_and_not_done_by_itself() -> None:
    assert [made().balance, made(balance=True).balance] == [False, True]
    assert faults(balance="yes") == [("bool_type", ("balance",))]


# ---- pins, cues, scenes ----------------------------------------------------------------------------------------------

SAYINGS: dict[str, Any] = {
    "keep": True,
    "forbid": ["duck"],
    "max_cut_db": 3.0,
    "priority": 110,
    "action": {"kind": "duck", "gain_db": -3.0},
}


def pin(**fields: Any) -> dict[str, Any]:
    return {"from": 1.0, "to": 2.5, "stem": "mx"} | fields


@pytest.mark.parametrize("one", SAYINGS)
def test_a_pin_says_exactly_one_thing(one: str) -> None:
    (held,) = made(pins=[pin(**{one: SAYINGS[one]})]).pins
    assert (held.start, held.end, held.stem) == (1.0, 2.5, "mx")
    assert getattr(held, one) is not None
    for other in SAYINGS.keys() - {one}:
        assert getattr(held, other) is None
        assert faults(pins=[pin(**{one: SAYINGS[one], other: SAYINGS[other]})]) == [("rule", ("pins", 0))]
    assert faults(pins=[pin()]) == [("rule", ("pins", 0))]


def test_a_pin_is_told_what_it_says_too_much_or_too_little() -> None:
    with pytest.raises(ValidationError, match=r"exactly one of keep, forbid, max_cut_db, priority, action; .* none"):
        made(pins=[pin()])
    with pytest.raises(ValidationError, match="this has keep and max_cut_db"):
        made(pins=[pin(keep=True, max_cut_db=0)])


def test_what_a_pin_cannot_mean_is_refused() -> None:
    assert faults(pins=[pin(keep=False)])[0] == ("literal_error", ("pins", 0, "keep"))
    assert faults(pins=[pin(forbid=["solo"])])[0] == ("literal_error", ("pins", 0, "forbid", 0))
    assert faults(pins=[pin(max_cut_db=-1)])[0] == ("greater_than_equal", ("pins", 0, "max_cut_db"))
    assert faults(pins=[pin(keep=True, source="nothing")])[0] == ("string_pattern_mismatch", ("pins", 0, "source"))
    assert faults(pins=[pin(forbid=[])])[0] == ("too_short", ("pins", 0, "forbid"))
    assert made(pins=[pin(max_cut_db=3, source="ab12cd34", low_hz=200, high_hz=4000, note="the explosion")]).pins


@pytest.mark.parametrize("one", SAYINGS)
def test_a_range_of_bands_goes_with_a_bound_and_a_priority_only(one: str) -> None:
    """`keep`, `forbid` and `action` hold for the whole stem: a range beside them would be an empty promise."""
    for field, hz in (("low_hz", 300), ("high_hz", 3000)):
        ranged = pin(**{one: SAYINGS[one], field: hz})
        if one in ("max_cut_db", "priority"):
            assert getattr(made(pins=[ranged]).pins[0], field) == hz
        else:
            assert faults(pins=[pin(keep=True), ranged]) == [("rule", ("pins", 1, field))]


@pytest.mark.parametrize(
    ("low_hz", "high_hz", "field"),
    [
        (3000, 2000, "high_hz"),
        (2000, 2000, "high_hz"),
        (20_000, 21_000, "low_hz"),
        (16_001, None, "low_hz"),
        (None, 59, "high_hz"),
        (0, 50, "high_hz"),
    ],
)
def test_a_range_holds_a_band(low_hz: float | None, high_hz: float | None, field: str) -> None:
    given = {name: hz for name, hz in (("low_hz", low_hz), ("high_hz", high_hz)) if hz is not None}
    for one in ("max_cut_db", "priority"):
        assert faults(pins=[pin(**{one: 3}, **given)]) == [("rule", ("pins", 0, field))]


@pytest.mark.parametrize(("low_hz", "high_hz"), [(0, 61), (15_900, 24_000), (999.9, 1000.1), (60, 16_000)])
def test_any_other_range_holds_one(low_hz: float, high_hz: float) -> None:
    (held,) = made(pins=[pin(max_cut_db=3, low_hz=low_hz, high_hz=high_hz)]).pins
    assert len(bands_of(held)) >= 1


@pytest.mark.parametrize("what", ["pins", "cues"])
def test_a_stretch_goes_forward_and_names_a_stem_that_exists(what: str) -> None:
    more = {"keep": True} if what == "pins" else {}
    stretch = {"stem": "dx", "from": 0, "to": 0.5} | more
    assert [item.stem for item in getattr(made(**{what: [stretch]}), what)] == ["dx"]
    for end in (0, -0.0):
        assert faults(**{what: [stretch | {"to": end}]}) == [("rule", (what, 0, "to"))]
    assert faults(**{what: [stretch | {"from": 3, "to": 2}]}) == [("rule", (what, 0, "to"))]
    assert faults(**{what: [stretch, stretch | {"stem": "gone"}]}) == [("rule", (what, 1, "stem"))]
    assert faults(**{what: [stretch | {"to": 86_401}]}) == [("rule", (what, 0, "to"))]
    del stretch["to"]
    assert faults(**{what: [stretch]}) == [("missing", (what, 0, "to"))]


def test_a_muted_stem_may_be_pinned_and_cued_for_the_day_it_is_heard_again() -> None:
    stems = [stem(mute=True), stem(id="mx", role="music")]
    assert made(stems=stems, pins=[pin(stem="dx", keep=True)], cues=[{"stem": "dx", "from": 0, "to": 1}]).pins


def test_scenes_are_given_by_where_they_begin() -> None:
    scenes = made(scenes=[{"from": 0, "id": "quay"}, {"from": 30.5, "id": "storm"}]).scenes
    assert [(scene.id, scene.start) for scene in scenes] == [("quay", 0.0), ("storm", 30.5)]
    twice = [{"from": 30, "id": "quay"}, {"from": 0, "id": "storm"}, {"from": 31, "id": "quay"}]
    assert faults(scenes=twice) == [("rule", ("scenes", 2, "id"))]
    at_once = [{"from": 30, "id": "quay"}, {"from": 0, "id": "storm"}, {"from": 30.000_001, "id": "hut"}]
    assert faults(scenes=at_once) == [("rule", ("scenes", 2, "from"))]
    assert made(scenes=[{"from": 0, "id": "start"}, {"from": 3, "id": "quay"}]).scenes
    assert faults(scenes=[{"from": 3, "id": "start"}]) == [("rule", ("scenes", 0, "id"))]
    assert faults(scenes=[{"id": "quay"}]) == [("missing", ("scenes", 0, "from"))]
    assert faults(scenes=[{"from": 0, "id": "the quay"}]) == [("string_pattern_mismatch", ("scenes", 0, "id"))]


def test_a_fault_of_a_pin_or_cue_is_told_with_line_column_and_field(tmp_path: Path) -> None:
    """As `check` tells it."""
    text = """{
  "schema": "stemmix.project/2",
  "title": "Harbour",
  "stems": [{"id": "dx", "role": "dialogue", "file": "dx.wav"}],
  "pins": [
    {"stem": "dx", "from": 1, "to": 2, "keep": true},
    {"stem": "fx", "from": 1, "to": 2, "keep": true}
  ],
  "cues": [{"stem": "dx", "from": 3, "to": 2}]
}"""
    file = tmp_path / "film.json"

    def said(text: str) -> list[str]:
        file.write_text(text)
        with pytest.raises(ProjectError) as refused:
            read_project(file)
        return str(refused.value).replace(f"{tmp_path}/", "").splitlines()

    # a rule about the whole document is asked when its parts are sound
    assert said(text) == ["film.json:9:44: cues[0].to: 'to' (2 s) must lie after 'from' (3 s)"]
    forward = text.replace('"to": 2}]', '"to": 4}]')
    assert said(forward) == ["film.json:7:14: pins[1].stem: 'fx' is not a stem of this project; expected one of dx"]
    (line,) = said(
        text.replace('"keep": true}\n  ]', '"keep": true, "max_cut_db": 3}\n  ]').replace('"to": 2}]', '"to": 4}]')
    )
    assert line.startswith("film.json:7:5: pins[1]: a pin has exactly one of keep, forbid")


@pytest.mark.parametrize(
    ("fields", "samples"),
    [
        ({"frame_rate": "25", "start": "01:00:00:12"}, 3600 * 48_000 + 12 * 1920),
        ({"frame_rate": "23.976", "start": "00:00:01:00"}, 48_048),
        ({"frame_rate": "25"}, 0),
    ],
)
def test_the_first_samples_place_is_told_by_its_timecode(fields: dict[str, str], samples: int) -> None:
    assert made(**fields).time_reference == samples


def test_a_solo_that_leaves_nothing_to_hear_is_named() -> None:
    stems = [{"id": "DX", "role": "dialogue", "file": "dx.wav"}]
    alone = [stems[0] | {"solo": True, "mute": True}]
    assert faults(stems=stems, groups=[{"id": "BED", "solo": True}]) == [("rule", ("groups", 0, "solo"))]
    assert faults(stems=alone) == [("rule", ("stems", 0, "solo"))]
    assert faults(stems=[stems[0] | {"mute": True}]) == [("rule", ("stems",))]


def test_a_whole_day_is_a_length() -> None:
    for length in ("24:00:00", "4147200000 samples"):
        assert made(length=length).frames_of(1) == 24 * 3600 * 48_000


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"start": "01:00:00:00"}, "needs a frame_rate"),
        ({"frame_rate": "25", "start": "01:00:00:25"}, "has no frame 25"),
        ({"frame_rate": "25", "start": "soon"}, "is not a time: expected"),
        ({"frame_rate": "25", "start": "25:00:00:00"}, "is past 24 hours"),
        ({"start": "24:00:00.5"}, "is past 24 hours"),
        ({"start": "4147200001 samples"}, "is past 24 hours"),
        ({"length": "999999999999999 samples"}, "is past 24 hours"),
        ({"stems": [{"id": "DX", "role": "dialogue", "file": "dx.wav", "at": "86399999:59"}]}, "is past 24 hours"),
    ],
)
def test_an_impossible_start_is_refused(fields: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        made(**fields)


def test_two_deliverables_of_one_name_are_refused_where_the_project_has_its_own(tmp_path: Path) -> None:
    """One is named by the project, the other by the words that the project is called."""
    whole = json.loads(made().model_dump_json(by_alias=True, exclude_defaults=True))
    whole["deliverables"] = [{"name": "a", "file_name": "{project}"}, {"name": "b", "file_name": "reel7"}]
    for name, refused in (("reel7", True), ("reel8", False)):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(whole))
        if refused:
            with pytest.raises(ProjectError, match=r"deliverables\[1\]: file name 'reel7.wav' is given twice"):
                read_project(path)
        else:
            read_project(path)


@pytest.mark.parametrize("formats", [("wav24", "wavfloat"), ("wavfloat", "wav16"), ("wav16", "wav24")])
def test_names_that_fall_together_once_sums_of_stems_go_float_are_refused(formats: tuple[str, str]) -> None:
    """What passes full scale is written as float, with other bits in its name: after all has been mixed."""
    first, then = (
        {"name": format, "kind": "stems", "format": format, "file_name": "{stem}_{bits}"} for format in formats
    )
    asked = made(deliverables=[{"name": "mix"}, first, then])  # as receipts hold it where nothing went float
    assert asked.doubled_file("reel7", going_float=False) is None
    _, why = asked.doubled_file("reel7", going_float=True) or (0, "")
    assert re.search(r"file name 'dx_32.wav' is given twice where sums of stems .* go float", why)
    masters = [{"name": format, "format": format, "file_name": "mix_{bits}"} for format in formats]
    assert made(deliverables=masters).doubled_file("reel7", going_float=True) is None, "a master never goes float"


def test_a_fold_down_is_not_wider_than_its_parent() -> None:
    wanted = [{"name": "a"}, {"name": "b", "kind": "fold_down", "layout": "5.1"}]
    assert faults(deliverables=wanted) == [("rule", ("deliverables", 1, "layout"))]
