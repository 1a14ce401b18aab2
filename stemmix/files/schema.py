"""JSON Schemas: of the project file, for editors; of what reports print, for who reads it.

Apart from `documents`: nothing else asks pydantic for schemas, or reads the source for what it says of fields.
"""

from __future__ import annotations

import ast
import json
from functools import cache
from inspect import cleandoc, getsource
from itertools import pairwise
from textwrap import dedent
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from stemmix.model.comparison import Comparison
from stemmix.model.document import Document
from stemmix.model.project import ProjectFile
from stemmix.model.report import Report
from stemmix.model.timecode import TIME_PATTERN, WAYS


class _PlainSchema(GenerateJsonSchema):
    """Fields with what the source says under them, without a title: it only says the name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: Any) -> dict[str, Any]:
        made = super().model_schema(schema)
        for name, field in schema["cls"].model_fields.items():
            said = (_said_of_fields(each).get(name) for each in schema["cls"].__mro__ if issubclass(each, Document))
            if field.description is None and (text := next(filter(None, said), None)):
                made["properties"][field.alias or name]["description"] = text
        return made

    def dataclass_schema(self, schema: Any) -> dict[str, Any]:
        made = super().dataclass_schema(schema)
        for name, text in _said_of_fields(schema["cls"]).items():
            made["properties"][name]["description"] = text
        return made


@cache
def _said_of_fields(model: type) -> dict[str, str]:
    """The strings that stand under the fields of a class. Here, where they are wanted, not where each class is made."""
    (body,) = ast.parse(dedent(getsource(model))).body
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: cleandoc(text.value.value)
        for field, text in pairwise(body.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def project_schema() -> str:
    """JSON Schema (draft 2020-12) of the project file, as text; it stands in `stemmix/model/project.schema.json`."""
    return _text("stemmix project", ProjectFile.model_json_schema(schema_generator=_PlainSchema))


def report_schema() -> str:
    """The same of what `report --json` prints; it stands in `stemmix/model/report.schema.json`."""
    return _text("stemmix report", _printed(Report))


def comparison_schema() -> str:
    """The same of what `report A B --json` prints; it stands in `stemmix/model/comparison.schema.json`."""
    return _text("stemmix comparison", _printed(Comparison))


SCHEMAS = {"project": project_schema, "report": report_schema, "comparison": comparison_schema}
"""By the names that `stemmix schema` takes."""


def _printed(model: type[Document]) -> dict[str, Any]:
    """Of a document that is written for others: every field is always there, and others may come."""
    schema = model.model_json_schema(schema_generator=_PlainSchema, mode="serialization")
    for described in (schema, *schema["$defs"].values()):
        if described.get("additionalProperties") is False:
            del described["additionalProperties"]
    return schema


def _text(title: str, schema: dict[str, Any]) -> str:
    for described in (schema, *schema["$defs"].values()):
        for node in (described, *described.get("properties", {}).values()):
            if "description" in node:
                node["description"] = " ".join(node["description"].split())  # an editor folds lines by itself
            if any(way.get("pattern") == TIME_PATTERN for way in node.get("anyOf", ())):
                node["description"] += f" Written as {WAYS}."
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return (
        json.dumps(head | {key: schema[key] for key in schema if key != "title"}, indent=2, ensure_ascii=False) + "\n"
    )
