"""A project that says everything there is to say, and ways through it: for rules that hold for every field.

Whether it does is asked by `unsaid`: a field that is added to the model, and not here, fails the tests that use this.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stemmix.model.project import ProjectFile

Place = tuple[str | int, ...]

CURVE = [-1.5] * 36

WRITTEN: dict[str, Any] = {"format": "wav16", "order": "film", "split": True, "note": "for air"}
MASTERED: dict[str, Any] = WRITTEN | {
    "preset": "ebu-r128",
    "target_lufs": -23.0,
    "tolerance_lu": 0.5,
    "ceiling_dbtp": -3.0,
    "short_term_max_lufs": -15.0,
    "momentary_max_lufs": -12.0,
    "lra_max_lu": 18.0,
    "max_limiting_db": 5.0,
}

EVERYTHING: dict[str, Any] = {
    "schema": "stemmix.project/2",
    "title": "Reel",
    "profile": "series",
    "method": "frequency",
    "sample_rate": 96_000,
    "frame_rate": "25",
    "start": "01:00:00:00",
    "length": 120.0,
    "ffoa": "01:00:08:00",
    "lfoa": 110.0,
    "priorities": {"music": 90, "fx": 310},
    "groups": [{"id": "BED", "gain_db": -1.0, "mute": True, "solo": True, "align": True, "note": "all beds"}],
    "stems": [
        {
            "id": "DX",
            "role": "dialogue",
            "clips": [
                {
                    "id": "quay",
                    "file": "dx.wav",
                    "layout": "1.0",
                    "order": "film",
                    "pull": "25/24",
                    "in": 1.0,
                    "out": 5.0,
                    "at": "01:00:10:00",
                    "gain_db": -2.0,
                    "fade_in": {"length": 0.5, "shape": "linear"},
                    "fade_out": {"length": "00:00:00:12", "shape": "s_curve"},
                    "note": "the second take",
                },
                {"id": "deck", "files": {"L": "dx.L.wav", "R": "dx.R.wav"}, "at": 20.0, "mute": True},
            ],
            "crossfade": "linear",
            "pan": -0.25,
            "gain_db": 1.5,
            "automation": {
                "gain_db": [{"at": 1.0, "value": -1.0}, {"at": 2.0, "value": -3.0}],
                "pan": [{"at": 3.0, "value": 0.5}],
            },
            "mute": False,
            "solo": True,
            "priority": 400,
            "note": "the host",
        },
        {"id": "MX", "role": "music", "group": "BED", "file": "mx.wav", "layout": "2.0", "order": "film", "at": 2.5},
        {"id": "FX", "role": "fx", "files": {"L": "fx.L.wav", "R": "fx.R.wav"}, "mute": True, "solo": True},
        {"id": "AMB", "role": "ambience", "file": "amb.wav", "pull": "1001/1000", "solo": True},
    ],
    "goals": {"clarity": 0.45, "eq_cap_db": 12.0, "duck_cap_db": 4.0, "voice": False},
    "balance": True,
    "pins": [
        {"id": "boom", "stem": "FX", "from": 1.0, "to": 2.0, "keep": True, "source": "0123456789ab", "note": "it wins"},
        {"stem": "MX", "from": 1.0, "to": 2.0, "forbid": ["duck", "ride"]},
        {"stem": "MX", "from": 3.0, "to": 4.0, "max_cut_db": 3.0, "low_hz": 200.0, "high_hz": 4000.0},
        {"stem": "MX", "from": 5.0, "to": 6.0, "priority": 900},
        *(
            {"stem": "MX", "from": 10.0 + number, "to": 10.5 + number, "action": action}
            for number, action in enumerate(
                [
                    {"kind": "unmask", "mid_db": CURVE, "side_db": CURVE},
                    {"kind": "scene", "mid_db": CURVE, "side_db": CURVE},
                    {"kind": "duck", "gain_db": -3.0},
                    {"kind": "ride", "gain_db": 1.0},
                    {"kind": "presence", "gain_db": [0.5] * 36},
                    {"kind": "level", "gain_db": -2.0},
                    {"kind": "static", "gain_db": [-1.0] * 7},
                ]
            )
        ),
    ],
    "cues": [{"stem": "DX", "from": 0.5, "to": 1.5, "note": "first line"}],
    "scenes": [{"from": 0.0, "id": "one", "note": "the quay"}, {"from": "01:00:20:00", "id": "two"}],
    "file_name": "{title}_{deliverable}",
    "deliverables": [
        MASTERED | {"name": "mix", "kind": "printmaster", "layout": "2.0", "file_name": "{project}_mix"},
        MASTERED | {"name": "mono", "kind": "fold_down", "parent": "mix", "layout": "1.0", "file_name": "{project}_1"},
        WRITTEN | {"name": "stems", "kind": "stems", "parent": "mix", "by": "group", "file_name": "{stem}_stem"},
        WRITTEN | {"name": "me", "kind": "m_and_e", "parent": "mono", "file_name": "{title}_me"},
        {"name": "dry", "kind": "m_and_e_undipped", "parent": "mix", "format": "flac24"},
        WRITTEN | {"name": "less", "kind": "mix_minus", "parent": "mix", "without": ["DX"], "file_name": "less"},
    ],
    "report": "page_with_audio",
    "note": "mixed in the small room",
}

OWN = {"$schema", "schema", "extends"}
"""Fields of a file that are no part of the project."""


def places(value: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Everything that stands in a document, and where; of a list of numbers its first."""
    below: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in below:
        if isinstance(value, list) and key and isinstance(part, int | float):
            continue
        yield (*at, key), part
        yield from places(part, (*at, key))


def with_value(document: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    """A copy of a document in which `value` stands at a place."""
    copy: Any = json.loads(json.dumps(document))
    holder = copy
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return copy


class Schemas:
    """The schemas of what stands at places of the document."""

    def __init__(self) -> None:
        self.root = ProjectFile.model_json_schema()

    def names_of(self, node: dict[str, Any], value: Any) -> set[tuple[str, str]]:
        """Object and field of every field that a value of a schema gives, at any depth."""
        found: set[tuple[str, str]] = set()
        for name, schema in self._shapes(node):
            if isinstance(value, dict) and "properties" in schema and self._fits(schema, value):
                for key in value:
                    found.add((name, key))
                    found |= self.names_of(schema["properties"].get(key, {}), value[key])
            elif isinstance(value, list):
                for one in value:
                    found |= self.names_of(schema.get("items", {}), one)
        return found

    def unsaid(self) -> set[tuple[str, str]]:
        """Fields of the model that the document does not give."""
        objects = {"project": self.root} | self.root["$defs"]
        every = {(name, key) for name, schema in objects.items() for key in schema.get("properties", {})}
        return every - self.names_of({"$ref": "#"}, EVERYTHING) - {("project", key) for key in OWN}

    def choices_at(self, place: Place) -> list[Any]:
        """What may stand at a place, where that is a choice."""
        nodes, value = list(self._shapes({"$ref": "#"})), EVERYTHING
        for key in place:
            below: list[tuple[str, dict[str, Any]]] = []
            for _, schema in nodes:
                if isinstance(value, dict) and self._fits(schema, value):
                    inner = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
                else:
                    inner = schema.get("items")
                if isinstance(inner, dict):
                    below += self._shapes(inner)
            nodes, value = below, value[key]  # type: ignore[call-overload,index]
        return [choice for _, schema in nodes for choice in schema.get("enum", ())]

    def _fits(self, schema: dict[str, Any], value: dict[str, Any]) -> bool:
        """Whether an object is of the variant that the schema describes."""
        kind = schema.get("properties", {}).get("kind", {})
        known = kind.get("enum") or ([kind["const"]] if "const" in kind else None)
        return known is None or value.get("kind") in known

    def _shapes(self, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The schemas behind a reference or a choice, by their names."""
        if node.get("$ref") == "#":
            yield "project", self.root
        elif "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            for inner, schema in self._shapes(self.root["$defs"][name]):
                yield inner or name, schema
        elif choices := node.get("oneOf") or node.get("anyOf"):
            for choice in choices:
                yield from self._shapes(choice)
        else:
            yield "", node
