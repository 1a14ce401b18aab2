"""`files.faults`: whatever is wrong with a field is told in JSON's words, never in Python's or pydantic's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stemmix.errors import ProjectError
from stemmix.files.documents import canonical, read_document
from stemmix.files.faults import Places, faults_of
from stemmix.model.document import Document
from stemmix.model.plan import Plan
from stemmix.model.project import Project
from stemmix.model.receipt import Receipt
from tests.evidence import plan

PROJECT: dict[str, Any] = {
    "schema": "stemmix.project/2",
    "title": "Harbour",
    "profile": "film",
    "method": "frequency",
    "stems": [{"id": "dx", "role": "dialogue", "file": "dx.wav"}, {"id": "mx", "role": "music", "file": "mx.wav"}],
    "goals": {"clarity": 0.5, "voice": True},
    "pins": [
        {"stem": "mx", "from": 0, "to": 1, "keep": True, "source": "ab12cd34"},
        {"stem": "mx", "from": 0, "to": 1, "forbid": ["duck"]},
        {"stem": "mx", "from": 0, "to": 1, "max_cut_db": 3, "low_hz": 300, "high_hz": 3000},
        {"stem": "mx", "from": 0, "to": 1, "action": {"kind": "unmask", "mid_db": [0.0] * 36, "side_db": [0.0] * 36}},
        {"stem": "mx", "from": 0, "to": 1, "action": {"kind": "static", "gain_db": [0.0] * 7}},
    ],
    "cues": [{"stem": "dx", "from": 0, "to": 1}],
    "scenes": [{"from": 0, "id": "quay"}],
    "deliverables": [{"name": "master", "target_lufs": -23}, {"name": "stems", "kind": "stems", "parent": "master"}],
}

RECEIPT = Receipt(
    schema_="stemmix.receipt/1",
    title="Harbour",
    project="harbour.json",
    project_sha256="ab",
    plan="harbour.plan.json",
    plan_sha256="ab",
    versions={"stemmix": "1"},
    processor="one",
    sample_rate=48_000,
    frames=9,
    sources=(),
    files=(),
    warnings=(),
    passed=True,
)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("pins", 0, "keep"), False, "expected true, got false"),
        (("pins", 0, "keep"), "yes", "expected true, got 'yes'"),
        (
            ("pins", 0, "source"),
            "nothing",
            "'nothing' is not the beginning of a SHA-256: 8 to 64 hexadecimal digits, in lower",
        ),
        (("pins", 0, "source"), "AB12CD34", "'AB12CD34' is not the beginning of a SHA-256"),
        (("pins", 0, "source"), None, None),
        (("pins", 0, "stem"), None, "expected text, got null"),
        (
            ("pins", 0, "to"),
            "1",
            "'1' is not a time: expected seconds, H:MM:SS.s, a timecode HH:MM:SS:FF, or 'N samples'",
        ),
        (("pins", 0, "to"), None, "expected a time: seconds, H:MM:SS.s"),
        (("pins", 0, "to"), 90_000, "90000 s is not a time in a programme; expected 0 to 86400"),
        (("pins", 1, "forbid"), [], "is empty; expected at least 1"),
        (("pins", 1, "forbid"), "duck", "expected a list, got 'duck'"),
        (("pins", 1, "forbid", 0), None, "null is not one of unmask, duck, ride, presence"),
        (("pins", 2, "low_hz"), 4000, None),
        (("pins", 3, "action"), None, "a pin has exactly one of"),
        (("pins", 3, "action"), [], "expected an object, got a list"),
        (
            ("pins", 3, "action", "kind"),
            "unmaks",
            "'unmaks' is not one of unmask, scene, duck, ride, presence, level, static; did",
        ),
        (("pins", 3, "action", "mid_db"), [0.0] * 35, "holds 35; expected 36"),
        (("pins", 3, "action", "mid_db"), [0.0] * 37, "holds 37; expected 36"),
        (("pins", 3, "action", "mid_db"), [], "is empty; expected 36"),
        (("pins", 3, "action", "mid_db"), 0.0, "expected a list, got 0.0"),
        (("pins", 3, "action", "mid_db", 3), None, "expected a number, got null"),
        (("pins", 3, "action", "mid_db", 3), 1, "1 is more than 0.0, the most that is allowed"),
        (("pins", 4, "action", "gain_db"), [0.0] * 8, "holds 8; expected 7"),
        (("pins",), {}, "expected a list, got an object"),
        (("goals",), None, "expected an object, got null"),
        (("goals", "voice"), 1, "expected true or false, got 1"),
        (("method",), None, "null is not one of multilevel, frequency"),
        (("deliverables",), [], "is empty; expected 1 to 64"),
        (("deliverables", 0, "layout"), "9.1", "'9.1' is not one of 1.0, 2.0, 3.0, 5.0, 5.1, 7.1, 7.1.4; did you mean"),
        (("scenes", 0, "id"), "a" * 65, "is longer than 64 characters"),
        (("scenes", 0, "id"), "the quay", "'the quay' is not an identifier: letters, digits, _ - and ."),
        (("sample_rate",), 48_000.5, "expected a whole number, got 48000.5"),
        (("sample_rate",), 8000, "8000 is less than 32000, the least that is allowed"),
        (("title",), "", "is empty"),
        (("gaols",), {}, "unknown field; did you mean 'goals'?"),
    ],
)
def test_what_is_wrong_with_a_field_is_told_as_its_writer_would_say_it(
    tmp_path: Path, place: tuple[Any, ...], value: Any, said: str | None
) -> None:
    """At the field; where nothing is said of it here, something is said elsewhere or nothing is wrong."""
    document = deepcopy(PROJECT)
    reduce(lambda holder, key: holder[key], place[:-1], document)[place[-1]] = value
    file = tmp_path / "film.json"
    file.write_text(json.dumps(document))
    if said is None:
        assert not [line for line in complaints(file, Project) if f"{place[-1]}:" in line]
    else:
        (line,) = complaints(file, Project)
        at = line.split(":", 3)[3].removeprefix(" ")
        assert f": {said}" in f": {at.split(': ', 1)[1]}"


def complaints(file: Path, model: type[Document]) -> list[str]:
    try:
        read_document(file, model)
    except ProjectError as refused:
        return str(refused).splitlines()
    return []


OF_PYTHON = re.compile(
    r"\b(None|True|False|tuple|Tuple|dict|dictionary|Input|String|should|instance|pattern|NaN)\b|\^\["
)
WRONG: tuple[Any, ...] = (None, True, "zzz" * 999, -7, 10**30, [], {"z": 1}, [0.0] * 35)
SHORT = plan(conflicts=plan().conflicts[:1], lines=plan().lines[:1], edges=(), stems=plan().stems[:3])


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of everything in a document, of a list of numbers its first."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in below:
        if key == 0 or isinstance(value, dict) or isinstance(part, dict):
            yield (*at, key)
            yield from places(part, (*at, key))


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("titel", "titel"),
        ("größe", "größe"),
        ("x\nfilm.json:9:9: all is well", '"x\\nfilm.json:9:9: all is well"'),
        ("\x1b[2J\u0085\u2028", '"\\u001b[2J\\u0085\\u2028"'),
        ("a b", '"a b"'),
        ("", '""'),
    ],
)
def test_a_key_is_told_as_json_has_it_and_breaks_no_line(key: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "film.json"
    for fields, field in ((PROJECT | {key: 1}, told), (PROJECT | {"goals": {key: 1}}, f"goals.{told}")):
        path.write_text(json.dumps(fields))
        with pytest.raises(ProjectError) as fault:
            read_document(path, Project)
        (line,) = str(fault.value).splitlines()
        assert f": {field}: unknown field; " in line
    path.write_text(f"{{{json.dumps(key)}: 1, {json.dumps(key)}: 2}}")
    with pytest.raises(ProjectError, match="appears twice") as fault:
        read_document(path, Project)
    assert len(str(fault.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("model", "whole"),
    [
        (Project, PROJECT),
        (Plan, json.loads(canonical(SHORT))),
        (Receipt, json.loads(canonical(RECEIPT))),
    ],
    ids=["project", "plan", "receipt"],
)
def test_no_fault_of_any_field_is_told_in_pythons_words(
    model: type[Document], whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that stands in a document, replaced by what does not belong there, or taken away."""
    schema, refused = model.model_json_schema(), 0
    monkeypatch.setattr(model, "model_json_schema", lambda: schema)  # once, and not a thousand times
    for place in places(whole):
        for wrong in (*WRONG, "taken away"):
            document = deepcopy(whole)
            holder = reduce(lambda holder, key: holder[key], place[:-1], document)
            if wrong == "taken away":
                del holder[place[-1]]
            else:
                holder[place[-1]] = wrong
            text = json.dumps(document)
            try:
                model.model_validate_json(text)
            except ValidationError as invalid:
                said = faults_of(invalid, model, Places(text, "x.json"))
                refused += 1
                assert said
                assert all(re.match(r"x\.json:\d+:\d+: ", line) for line in said)
                assert not [line for line in said if OF_PYTHON.search(line)]
    assert refused > 100
