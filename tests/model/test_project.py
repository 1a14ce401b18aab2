"""The project model: what it takes, what it refuses, and at which place of the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stemmix.files.documents import project_schema
from stemmix.model import project as model
from stemmix.model.profiles import PROFILES, Role
from stemmix.model.project import Project

SCHEMA_FILE = Path(model.__file__).with_name("project.schema.json")


def made(**fields: Any) -> Project:
    whole = {
        "schema": "stemmix.project/1",
        "title": "Harbour",
        "stems": [{"id": "dx", "role": "dialogue", "file": "dx.wav"}, {"id": "mx", "role": "music", "file": "mx.wav"}],
    }
    return Project.model_validate_json(json.dumps(whole | fields))


def faults(**fields: Any) -> list[tuple[str, Any]]:
    with pytest.raises(ValidationError) as caught:
        made(**fields)
    return [(error["type"], error.get("ctx", {}).get("place", error["loc"])) for error in caught.value.errors()]


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
    assert kind in ("float_type", "int_type")
    assert place == ("stems", 0, field)


def test_whole_numbers_stand_for_floats() -> None:
    assert made(stems=[stem(gain_db=-2, at=3)]).stems[0].gain_db == -2.0


@pytest.mark.parametrize(
    ("field", "least", "most"),
    [("at", 0, 86_400), ("gain_db", -120, 40), ("priority", 0, 1000)],
)
def test_limits_are_allowed_and_what_lies_beyond_is_not(field: str, least: int, most: int) -> None:
    for value in (least, most):
        assert getattr(made(stems=[stem(**{field: value})]).stems[0], field) == value
    for value in (least - 1, most + 1):
        assert ("stems", 0, field) in [place for _, place in faults(stems=[stem(**{field: value})])]


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


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_profile_says_something_of_every_role_and_puts_dialogue_first(profile: Any) -> None:
    assert set(profile.priorities) == set(profile.protection) == set(Role)
    assert max(profile.priorities, key=profile.priorities.get) is Role.DIALOGUE
    assert made(profile=profile.name).defaults is profile
