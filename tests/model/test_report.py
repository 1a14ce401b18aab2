"""What reports print has schemas, committed beside the models, and every field of them says what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from stemmix import model
from stemmix.files.schema import comparison_schema, report_schema

SCHEMAS = {"report": report_schema, "comparison": comparison_schema}
by_name = pytest.mark.parametrize(("name", "schema"), SCHEMAS.items(), ids=SCHEMAS)


@by_name
def test_committed_schemas_are_those_the_models_give(name: str, schema: Callable[[], str]) -> None:
    file = Path(model.__file__).with_name(f"{name}.schema.json")
    assert file.read_text("utf-8") == schema(), (
        f"what reports print has changed; run: stemmix schema {name} > stemmix/model/{name}.schema.json"
    )


def objects(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"the document": schema} | {name: one for name, one in schema["$defs"].items() if "properties" in one}


@by_name
def test_every_field_is_described(name: str, schema: Callable[[], str]) -> None:
    told = json.loads(schema())
    jsonschema.Draft202012Validator.check_schema(told)
    assert [
        f"{kind}.{field}"
        for kind, one in objects(told).items()
        for field, node in one["properties"].items()
        if "description" not in node
    ] == []


@by_name
def test_every_field_is_always_there_and_new_ones_may_come(name: str, schema: Callable[[], str]) -> None:
    """Who validates by the schema of today is not to refuse what a later version adds."""
    for one in objects(json.loads(schema())).values():
        assert set(one["required"]) == set(one["properties"])
        assert one.get("additionalProperties") is not False
