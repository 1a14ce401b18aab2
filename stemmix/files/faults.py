"""A model's faults in the words of whoever wrote the document: line, column, field, what was expected.

pydantic speaks of tuples, patterns and `None`; a person who writes JSON has lists, rules and `null`.
"""

from __future__ import annotations

import difflib
import json
from typing import Any

from pydantic import BaseModel, ValidationError

from stemmix.files.json_text import Place, line_and_column, values_of
from stemmix.model.document import IDENTIFIER_PATTERN
from stemmix.model.project import SOURCE_PATTERN

MANY_NAMES = 16
"""More than these are not listed where one of them is close to what was given."""

_EXPECTED = {
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dataclass_type": "an object",
}

_PATTERNS = {
    IDENTIFIER_PATTERN: "no identifier: letters, digits, _ - and . beginning with a letter or digit",
    SOURCE_PATTERN: "no beginning of a SHA-256: 8 to 64 hexadecimal digits, in lower case",
}


def faults_of(invalid: ValidationError, model: type[BaseModel], text: str, name: str) -> list[str]:
    """One line for each of pydantic's errors, in the order of the text."""
    schema = model.model_json_schema()
    places = {place: (key_at, value_at) for place, key_at, value_at in values_of(text)}
    found = []
    for error in invalid.errors(include_url=False):
        kind, value, context = error["type"], error["input"], error.get("ctx", {})
        if kind == "unexpected_keyword_argument":
            kind = "extra_forbidden"  # what an item calls the same
        if kind == "too_short" and len(value) >= context["min_length"]:
            continue  # only short because an item failed, and that has its own line
        place, variants = _resolved(schema, error["loc"])
        place += tuple(context.get("place", ()))  # a rule about the whole document may name one spot of it
        if kind in ("union_tag_invalid", "union_tag_not_found"):
            variants = [variant for variant in variants if "properties" in variant]  # it may be null, too
            if isinstance(value, dict):
                tag = _tag_of(variants)
                place, variants = (*place, tag), [variant["properties"][tag] for variant in variants]
                kind, value = ("enum", value[tag]) if tag in value else ("missing", value)
            else:
                kind = "model_type"
        nearest = place
        while nearest not in places:
            nearest = nearest[:-1]
        offset = places[nearest][0 if kind == "extra_forbidden" else 1]
        line, column = line_and_column(text, offset)
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
        said = _said(kind, value, context, variants, str(place[-1]) if place else "") or error["msg"]
        found.append((offset, f"{name}:{line}:{column}: {field + ': ' if field else ''}{said}"))
    return [line for _, line in sorted(found)]


def _resolved(schema: dict[str, Any], loc: Place) -> tuple[Place, list[dict[str, Any]]]:
    """The place in the document that pydantic's `loc` means, and the schemas that may describe what stands there.

    They differ in a tagged union, where pydantic puts in the name of the chosen variant. For an unknown field the
    schemas are those of the object that has it.
    """
    place: Place = ()
    variants = _flat(schema, schema)
    for part in loc:
        if len(variants) > 1:
            chosen = [v for v in variants if any(part in _choices(p) for p in v.get("properties", {}).values())]
            if chosen:
                variants = chosen
                continue
        place += (part,)
        below = [node for variant in variants if isinstance(node := _below(variant, part), dict)]
        if below:
            variants = [flat for node in below for flat in _flat(schema, node)]
    return place, variants


def _below(variant: dict[str, Any], part: str | int) -> object:
    if isinstance(part, int):
        return variant.get("items")
    return variant.get("properties", {}).get(part) or variant.get("additionalProperties")


def _flat(schema: dict[str, Any], node: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas behind a reference or a choice."""
    if "$ref" in node:
        return _flat(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    choices = node.get("oneOf") or node.get("anyOf")
    return [flat for choice in choices for flat in _flat(schema, choice)] if choices else [node]


def _tag_of(variants: list[dict[str, Any]]) -> str:
    """The field that tells a union's variants apart: the first of which each has choices of its own."""
    for name in list[str](variants[0]["properties"]):
        choices = [_choices(variant["properties"].get(name, {})) for variant in variants]
        every = [choice for its in choices for choice in its]
        if all(choices) and len(set(every)) == len(every):
            return name
    raise KeyError("a union without a tag")


def _choices(node: dict[str, Any]) -> list[Any]:
    """What a field's schema lists as all that it may be."""
    return node.get("enum") or ([node["const"]] if "const" in node else [])


def _said(kind: str, value: object, context: dict[str, Any], variants: list[dict[str, Any]], field: str) -> str | None:
    """What is wrong, for a person; None where pydantic's own words must do."""
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {shown(value)}"
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        known = [name for variant in variants for name in variant.get("properties", {})]
        return f"unknown field; {_hint(field, known) or 'known here: ' + ', '.join(known)}"
    if kind in ("enum", "literal_error"):
        # what may also be left out has a variant that is null, with neither
        listed = [variant.get("enum", [variant["const"]] if "const" in variant else []) for variant in variants]
        allowed = [one for choices in listed for one in choices]
        if len(allowed) == 1:
            return f"expected {shown(allowed[0])}, got {shown(value)}"
        return none_of(value, [str(one) for one in allowed])
    if kind == "string_pattern_mismatch":
        return f"{shown(value)} is {_PATTERNS[context['pattern']]}"
    if kind in ("too_short", "too_long") and isinstance(value, list | dict):
        return f"{f'holds {len(value)}' if value else 'is empty'}; expected {_length(variants)}"
    said = {
        "greater_than_equal": "{value} is less than {ge}, the least that is allowed",
        "less_than_equal": "{value} is more than {le}, the most that is allowed",
        "greater_than": "{value} is not more than {gt}, as it must be",
        "finite_number": "{value} is no finite number",
        "string_too_short": "is empty",
        "string_too_long": "is longer than {max_length} characters",
        "value_error": "{error}",
    }.get(kind)
    return said and said.format(value=shown(value), **context)


def _length(variants: list[dict[str, Any]]) -> str:
    """How many items a list, or fields an object, may hold."""
    limits = next(variant for variant in variants if variant.get("type") in ("array", "object"))
    kind = "Items" if limits["type"] == "array" else "Properties"
    least, most = limits.get(f"min{kind}", 0), limits.get(f"max{kind}")
    if most is None:
        return f"at least {least}"
    return f"{least}" if least == most else f"at most {most}" if least == 0 else f"{least} to {most}"


def none_of(value: object, known: list[str]) -> str:
    """Says that a value is none of those that are known, and which of them may have been meant."""
    hint = _hint(value, known)
    if hint and len(known) > MANY_NAMES:
        return f"{shown(value)} is none of the {len(known)} that are known; {hint}"
    return f"{shown(value)} is none of {', '.join(known)}{'; ' + hint if hint else ''}"


def _hint(value: object, known: list[str]) -> str:
    small = {name.lower(): name for name in known}
    near = difflib.get_close_matches(value.lower(), small, n=1) if isinstance(value, str) else []
    return f"did you mean {small[near[0]]!r}?" if near else ""


def shown(value: object) -> str:
    """A value in a message: short, and as JSON has it."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    said = json.dumps(value)
    return said if len(said) <= 40 else said[:37] + "..."
