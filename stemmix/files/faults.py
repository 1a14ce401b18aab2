"""A model's faults in the words of whoever wrote the document: line, column, field, what was expected.

pydantic speaks of tuples, patterns and `None`; a person who writes JSON has lists, rules and `null`.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, ValidationError

from stemmix.files.json_text import Place, values_of
from stemmix.model.document import IDENTIFIER_PATTERN, MANY_NAMES, TITLE_PATTERN, did_you_mean
from stemmix.model.receipt import FILE_NAME_PATTERN
from stemmix.model.requests import SOURCE_PATTERN
from stemmix.signs import in_one_line

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
    IDENTIFIER_PATTERN: "not an identifier: letters, digits, _ - and . beginning with a letter or digit",
    TITLE_PATTERN: "not a title: it contains a control character",
    FILE_NAME_PATTERN: "not the name of a file beside this one",
    SOURCE_PATTERN: "not the beginning of a SHA-256: 8 to 64 hexadecimal digits, in lower case",
}


class Spot(NamedTuple):
    """Where a value stands."""

    order: tuple[int, int]
    """By which faults are sorted: the text, and the offset in it."""
    where: str
    """`film.json:3:5`."""
    place: Place
    """In that text."""


class Places:
    """The places of one text's values."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text.removeprefix("\ufeff")
        self._name = name

    @cached_property
    def _found(self) -> dict[Place, tuple[int, int]]:
        # only where something is wrong: a plan of hours has millions of values
        return {place: (key_at, value_at) for place, key_at, value_at in values_of(self._text)}

    @cached_property
    def _lines(self) -> list[int]:
        """Where each begins: counting anew for every fault, a hopeless file would take minutes."""
        return [0, *(end.end() for end in re.finditer("\n", self._text))]

    def spot(self, place: Place, *, of_key: bool = False) -> Spot:
        """Of a value, or its key; of one that the text does not have, where what would hold it begins."""
        nearest = place
        while nearest not in self._found:
            nearest = nearest[:-1]
        offset = self._found[nearest][0 if of_key else 1]
        line = bisect_right(self._lines, offset)
        return Spot((0, offset), f"{self._name}:{line}:{offset - self._lines[line - 1] + 1}", place)


class Finds(Protocol):
    """Anything that knows where values stand."""

    def spot(self, place: Place, *, of_key: bool = False) -> Spot: ...


def told(spot: Spot, message: str) -> str:
    """One line of a complaint."""
    field = field_of(spot.place)
    return f"{spot.where}: {field + ': ' if field else ''}{message}"


def faults_of(invalid: ValidationError, model: type[BaseModel], places: Finds) -> list[str]:
    """One line for each of pydantic's errors, in the order of the text."""
    schema = model.model_json_schema()
    found = []
    for error in invalid.errors(include_url=False):
        kind, value, context = error["type"], error["input"], error.get("ctx", {})
        if kind == "unexpected_keyword_argument":
            kind = "extra_forbidden"  # what an item calls the same
        if kind == "too_short" and len(value) >= context["min_length"]:
            continue  # only short because an item failed, and that has its own line
        of_key = error["loc"][-1:] == ("[key]",)  # so pydantic marks a name that is no key of an object
        place, variants = _resolved(schema, error["loc"][:-1] if of_key else error["loc"])
        if of_key:
            _, around = _resolved(schema, place[:-1])
            names = [variant["propertyNames"] for variant in around if "propertyNames" in variant]
            variants = [flat for name in names for flat in _flat(schema, name)]
        place += tuple(context.get("place", ()))  # a rule about the whole document may name one spot of it
        if kind in ("union_tag_invalid", "union_tag_not_found"):
            variants = [variant for variant in variants if "properties" in variant]  # it may be null, too
            if isinstance(value, dict):
                tag = _tag_of(variants)
                place, variants = (*place, tag), [variant["properties"][tag] for variant in variants]
                kind, value = ("enum", value[tag]) if tag in value else ("missing", value)
            else:
                kind = "model_type"
        spot = places.spot(place, of_key=of_key or kind == "extra_forbidden")
        said = _said(kind, value, context, variants, str(place[-1]) if place else "") or error["msg"]
        found.append((spot.order, told(spot, said)))
    return [line for _, line in sorted(found)]


def field_of(place: Place) -> str:
    """A place as people write it; a key of other signs than those of identifiers as JSON has it, in one line.

    >>> field_of(("stems", 0, "role")), field_of(("goals", "a\\nb"))
    ('stems[0].role', 'goals."a\\\\nb"')
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in place).removeprefix(".")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w$.-]+", name) else in_one_line(json.dumps(name, ensure_ascii=False))


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
        return f"unknown field; {did_you_mean(field, known) or 'known here: ' + ', '.join(known)}"
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
        "finite_number": "{value} is not a finite number",
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
    hint = did_you_mean(value, known)
    if hint and len(known) > MANY_NAMES:
        return f"{shown(value)} is not one of the {len(known)} that are known; {hint}"
    return f"{shown(value)} is not one of {', '.join(known)}{'; ' + hint if hint else ''}"


def shown(value: object) -> str:
    """A value in a message: short, and as JSON has it."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    said = json.dumps(value)
    return said if len(said) <= 40 else said[:37] + "..."
