"""Rules that hold for every field of a project, asked of a project that says everything."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from stemmix.errors import ProjectError
from stemmix.files.documents import canonical
from stemmix.files.faults import field_of
from stemmix.files.projects import formatted, read_project
from stemmix.files.schema import project_schema
from stemmix.model.project import ProjectFile
from stemmix.report.project import project_text
from tests.everything import EVERYTHING, Place, Schemas, places, with_value

SCHEMAS = Schemas()
SCHEMA = json.loads(project_schema())

KINDS = [place for place, _ in places(EVERYTHING) if place[-1] == "kind"]
CHOICES = [place for place, value in places(EVERYTHING) if isinstance(value, str) and SCHEMAS.choices_at(place)]
OBJECTS: list[Place] = [(), *(place for place, value in places(EVERYTHING) if isinstance(value, dict))]
FREE = {("priorities",)} | {place for place in OBJECTS if place[-1:] == ("files",)}
"""Objects whose names are not fields."""

ids = {"ids": lambda place: field_of(place) or "the project"}


def test_it_says_everything_that_there_is_to_say() -> None:
    assert SCHEMAS.unsaid() == set()
    assert len(CHOICES) > 30
    assert len(KINDS) == 13


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "film.json"


def complaint(file: Path, document: Any) -> tuple[str, list[str]]:
    """A text, and what is said of it."""
    text = json.dumps(document, indent=2)
    file.write_text(text)
    with pytest.raises(ProjectError) as caught:
        read_project(file)
    return text, str(caught.value).splitlines()


def pointed_at(text: str, line: str) -> str:
    """The text from where a complaint points to."""
    row, column = map(int, line.split(":")[1:3])
    return text.split("\n")[row - 1][column - 1 :]


def value_at(place: Place) -> Any:
    value: Any = EVERYTHING
    for key in place:
        value = value[key]
    return value


# ------------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize("place", [*CHOICES, *KINDS], **ids)
def test_of_every_choice_the_nearest_is_named_where_it_is_misspelt(file: Path, place: Place) -> None:
    typed = f"{value_at(place)}{value_at(place)[-1]}"
    text, (line,) = complaint(file, with_value(EVERYTHING, place, typed))
    assert f": {field_of(place)}: {typed!r} is not one of " in line
    assert f"did you mean {value_at(place)!r}?" in line
    assert pointed_at(text, line).startswith(json.dumps(typed))


@pytest.mark.parametrize("place", [place for place in OBJECTS if place not in FREE], **ids)
def test_at_every_depth_the_nearest_field_is_named_where_it_is_misspelt(file: Path, place: Place) -> None:
    field = list(value_at(place))[-1]
    text, (line,) = complaint(file, with_value(EVERYTHING, (*place, f"{field}x"), value_at((*place, field))))
    assert line.split(": ", 1)[1].startswith(
        f"{field_of((*place, f'{field}x'))}: unknown field; did you mean '{field}'?"
    )
    assert pointed_at(text, line).startswith(f'"{field}x": ')


# --------------------------------------------------------------------------------------------------------------- form


def shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, list):
        return [shuffled(one, chance) for one in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    chance.shuffle(names)
    return {name: shuffled(value[name], chance) for name in names}


@pytest.mark.parametrize("seed", range(5))
def test_the_form_is_one_whatever_the_order_of_fields(file: Path, seed: int) -> None:
    file.write_text(json.dumps(EVERYTHING))
    text = formatted(file)[1]
    meant = read_project(file)
    file.write_text(json.dumps(shuffled(EVERYTHING, random.Random(seed))))
    assert formatted(file)[1] == text
    assert read_project(file) == meant
    file.write_text(text)
    assert formatted(file) == (text, text)
    assert json.loads(text) == json.loads(canonical(meant))


# ------------------------------------------------------------------------------------------------------------- editors


def test_the_schema_for_editors_takes_all_of_it() -> None:
    assert not list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(EVERYTHING))


@pytest.mark.parametrize("place", [*CHOICES, *KINDS], **ids)
def test_the_schema_for_editors_refuses_what_is_misspelt(place: Place) -> None:
    wrong = with_value(EVERYTHING, place, f"{value_at(place)}x")
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(wrong))


UNITS = {"db": "dB", "hz": "Hz", "rate": "Hz", "lufs": "LUFS", "dbtp": "dBTP", "lu": "LU"}


def test_every_field_is_explained_with_its_unit() -> None:
    numbers = 0
    for name, schema in ({"project": SCHEMA} | SCHEMA["$defs"]).items():
        for field, node in schema.get("properties", {}).items():
            said = node["description"]
            assert "\n" not in said
            if field == "frame_rate":
                assert "Frames a second" in said
                continue
            if unit := UNITS.get(field.rpartition("_")[2]):
                assert unit in said, (name, field)
                numbers += 1
            if "samples?" in json.dumps(node.get("anyOf", ())):
                assert "H:MM:SS" in said, (name, field)
                numbers += 1
    assert numbers > 40


# --------------------------------------------------------------------------------------------------------------- words

OTHER: dict[str, list[Any]] = {
    "id": ["another"],
    "group": ["another"],
    "stem": ["another"],
    "parent": ["another"],
    "name": ["another"],
    "source": ["fedcba987654"],
}


def others(place: Place, value: Any) -> list[Any]:
    """What might stand there instead, the least different first."""
    if choices := SCHEMAS.choices_at(place):
        return [choice for choice in choices if choice != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, float):
        return [value + 1e-6, value - 1e-6]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, str):
        given = [value.replace(":00:00", ":00:01"), value.replace(":12", ":13"), f"{value}_2"]
        return [other for other in OTHER.get(str(place[-1]), given) if other != value]
    return []


@pytest.mark.parametrize(
    "place",
    [place for place, value in places(EVERYTHING) if not isinstance(value, dict | list) and place != ("schema",)],
    **ids,
)
def test_show_has_a_word_for_every_change(place: Place) -> None:
    """git shows differences by these words: what they do not tell would be no difference."""
    before = project_text(ProjectFile.model_validate_json(json.dumps(EVERYTHING)))
    value = value_at(place)
    after = set()
    for other in others(place, value):
        try:
            changed = ProjectFile.model_validate_json(json.dumps(with_value(EVERYTHING, place, other)))
        except ValueError:
            continue
        after.add(project_text(changed))
    if not after:  # what can only be taken away: `"keep": true`, and the kind of a thing with fields of its own
        assert place[-1] in ("keep", "kind")
        return
    assert before not in after
