"""Documents: every fault has its place, one canonical form, replaced only whole."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from stemmix.errors import OutputError, ProjectError
from stemmix.files import documents, staged
from stemmix.files.documents import (
    canonical,
    read_document,
    sha256_of_document,
    write_document,
)
from stemmix.files.json_text import MAX_NESTING, MAX_PROJECT_BYTES, parse_json, position_of
from stemmix.files.paths import clip_paths, located
from stemmix.files.projects import read_project
from stemmix.model.document import Document
from stemmix.model.project import Project
from stemmix.model.receipt import Measured, Receipt

ROLES = "dialogue, narration, lead, music, fx, foley, walla, ambience"
KINDS = "printmaster, fold_down, stems, m_and_e, m_and_e_undipped, mix_minus"

VALID = """{
  "schema": "stemmix.project/2",
  "title": "Harbour",
  "stems": [
    {"id": "dx", "role": "dialogue", "file": "reel/dx.wav"},
    {"id": "mx", "role": "music",
     "file": "reel/mx.wav"}
  ]
}
"""

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4), max_leaves=20
)
LAYOUTS = st.sampled_from([{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"ensure_ascii": False}])


def refused(text: str) -> str:
    with pytest.raises(ProjectError) as caught:
        parse_json(text, "film.json")
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "film.json"


def complaint(file: Path, text: str | bytes) -> list[str]:
    """The lines of the message that reading a file with this text ends in, without the file's folder."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProjectError) as caught:
        read_project(file)
    return str(caught.value).replace(f"{file.parent}/", "").splitlines()


# ------------------------------------------------------------------------------------------------------------- text


@given(VALUES, LAYOUTS)
def test_any_json_is_read_as_json_reads_it(value: object, layout: dict[str, Any]) -> None:
    assert parse_json(json.dumps(value, **layout), "x") == value


@given(VALUES, LAYOUTS)
def test_position_leads_to_the_value_at_its_place(value: object, layout: dict[str, Any]) -> None:
    """Decoding the text from the position on gives the value: for every value of a random document."""
    text = json.dumps(value, **layout)
    # only \n ends a line: str.splitlines would cut at signs that may stand inside a JSON string
    lines = text.split("\n")

    def hold(part: object, place: tuple[str | int, ...]) -> None:
        line, column = position_of(text, place)
        rest = "\n".join(lines[line - 1 :])[column - 1 :]
        assert json.JSONDecoder().raw_decode(rest)[0] == part
        below = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, item in below:
            hold(item, (*place, key))

    hold(value, ())


def test_a_field_is_known_by_its_name_in_the_document_alone(tmp_path: Path) -> None:
    """As the JSON Schema has it: a clip's `start` would be what the program calls its `in`."""
    clip = {"file": "mx.wav", "start": 5.0, "end": 30.0}
    document = {"schema": "stemmix.project/2", "title": "A", "stems": [{"id": "MX", "role": "music", "clips": [clip]}]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ProjectError) as refused:
        read_project(path)
    assert [line.partition(";")[0].split(": ")[1:3] for line in str(refused.value).splitlines()] == [
        ["stems[0].clips[0].start", "unknown field"], ["stems[0].clips[0].end", "unknown field"]
    ]  # fmt: skip


def test_position_of_what_is_not_there_is_that_of_its_holder() -> None:
    text = '{"a": 1,\n "stems": [{"id": 1}, {"id": 2}]}'
    assert position_of(text, ("stems", 1, "role")) == (2, 1 + text.split("\n")[1].index('{"id": 2}'))
    assert position_of(text, ("nothing",)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", "1:1", "empty"),
        (" \n ", "1:1", "empty"),
        ('{\n  "a": 1,\n}', "3:1", "comma before the closing }"),
        ("[1, 2,]", "1:7", "comma before the closing ]"),
        ('{"a": 1', "1:8", "ends before"),
        ('{"a": "b', "1:7", "unterminated"),
        ('{"a": 1} 2', "1:10", "extra data"),
        ("{'a': 1}", "1:2", "double quotes"),
        ('{"a": 1 // fader\n}', "1:9", "no comments"),
        ('{"a": \\q}', "1:7", "not JSON"),
        ('{"a": "tab\there"}', "1:11", "not JSON: invalid control character"),
        ('{"a": True}', "1:7", "True is written true in JSON"),
        ('{"a": [1, None]}', "1:11", "None is written null in JSON"),
        ('{"a": 1,\n "b": {"c": 1},\n "a": 2}', "3:2", 'key "a" appears twice'),
        ('[{"b": 1}, {"b": 1,\n "b": 1}]', "2:2", 'key "b" appears twice'),
        ('{"a": "NaN", "b": NaN}', "1:19", "NaN is not a JSON number"),
        ('{"a": [Infinity]}', "1:8", "Infinity is not a JSON number"),
        ('{"a": -Infinity}', "1:7", "-Infinity is not a JSON number"),
        ('{"a": ' + "9" * 5000 + "}", "1:7", "absurd length"),
        ('{"a": "\\ud83d"}', "1:7", "surrogate"),
        ('{\n  "a": 1,\n<<<<<<< HEAD\n  "b": 2\n=======\n  "b": 3\n>>>>>>> other\n}', "3:1", "git conflict marker"),
        ('{\r\n<<<<<<< HEAD\r\n"b": 2\r\n=======\r\n>>>>>>> other\r\n}', "2:1", "git conflict marker"),
    ],
)
def test_a_fault_in_the_text_is_named_with_line_and_column(text: str, place: str, words: str) -> None:
    message = refused(text)
    assert message.startswith(f"film.json:{place}: ")
    assert words in message
    assert not message.endswith(" at"), "the place stands first"


def test_what_only_looks_like_a_fault_is_let_through() -> None:
    for text in ('{"a": "<<<<<<< HEAD", "b": "NaN, }", "c": "// no"}', '{"a": "\\ud83d\\ude00"}', '"\\\\ud83d"'):
        assert parse_json(text, "x") == json.loads(text)


def test_a_byte_order_mark_is_passed_over_and_counts_for_no_column() -> None:
    assert parse_json("\ufeff[1]", "x") == [1]
    assert refused("\ufeff[1,]").startswith("film.json:1:4: ")


def test_nesting_is_counted_before_the_parser_sees_it() -> None:
    deepest = "[" * MAX_NESTING + "]" * MAX_NESTING
    assert parse_json(deepest, "x") == json.loads(deepest)
    assert refused(f"[{deepest}]").startswith(f"film.json:1:{MAX_NESTING + 1}: nested deeper")
    assert "nested deeper" in refused('{"a":' * 10**6)
    assert parse_json('["' + "[" * 1000 + '"]', "x") == ["[" * 1000]


def test_a_text_of_absurd_size_is_not_parsed() -> None:
    assert "more than 8 MiB" in refused('"' + "x" * MAX_PROJECT_BYTES + '"')


# ----------------------------------------------------------------------------------------------------------- projects


def test_a_valid_project_is_read(file: Path) -> None:
    file.write_text(VALID)
    assert [stem.id for stem in read_project(file).stems] == ["dx", "mx"]
    file.write_bytes(b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").encode())
    assert read_project(file).title == "Harbour"


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ('"Harbour"', "^7", "title: expected text, got 7"),
        ('"Harbour"', '^""', "title: is empty"),
        ('"Harbour"', '"t", ^"gaols": {}', "gaols: unknown field; did you mean 'goals'?"),
        ('"Harbour"', '"t", "goals": ^null', "goals: expected an object, got null"),
        ('"Harbour"', '"t", "sample_rate": ^48000.5', "sample_rate: expected a whole number, got 48000.5"),
        (
            '"Harbour"',
            '"t", "profile": ^"films"',
            "profile: 'films' is not one of film, series, trailer, documentary, podcast, music, game, speech; "
            "did you mean 'film'?",
        ),
        ('{"id": "dx", ', "^{", "stems[0].id: is missing"),
        ('"dx"', '^"d x"', "stems[0].id: 'd x' is not an identifier: letters, digits, _ - and ."),
        (
            '"dialogue"',
            '^"dialog"',
            f"stems[0].role: 'dialog' is not one of {ROLES}; did you mean",
        ),
        (
            '"dialogue"',
            "^1",
            f"stems[0].role: 1 is not one of {ROLES}",
        ),
        ('"reel/dx.wav"', '"a", ^"gain": 1', "stems[0].gain: unknown field; did you mean 'gain_db'?"),
        ('"reel/dx.wav"', '"a", ^"zzz": 1', "stems[0].zzz: unknown field; known here: id, role, group, file, files, "),
        ('"reel/dx.wav"', '"a", "gain_db": ^"3"', "stems[0].gain_db: expected a number, got '3'"),
        ('"reel/dx.wav"', '"a", "gain_db": ^true', "stems[0].gain_db: expected a number, got true"),
        ('"reel/dx.wav"', '"a", "gain_db": ^1e999', "stems[0].gain_db: Infinity is not a finite number"),
        ('"reel/dx.wav"', '"a", "gain_db": ^41', "stems[0].gain_db: 41 is more than 40.0, the most that is allowed"),
        ('"reel/dx.wav"', '"a", "at": ^-1', "stems[0].at: -1 s is not a time in a programme; expected 0 to 86400"),
        (
            '"reel/dx.wav"',
            f'"a", "at": ^{10**400}',
            "stems[0].at: 1e+300 s is not a time in a programme; expected 0 to 86400",
        ),
        ('"reel/dx.wav"', '"a", "mute": ^"no"', "stems[0].mute: expected true or false, got 'no'"),
        (
            '"file": "reel/dx.wav"',
            '"files": {"L": "a", "R": ^"../b"}',
            "stems[0].files.R: '../b' leaves the pro",
        ),
        (
            '"file": "reel/dx.wav"',
            '"files": ^{"L": "a", "C": "b"}',
            "stems[0].files: 'L', 'C' are not the channels",
        ),
        ('"file": "reel/dx.wav"', '"files": {"L": "a", "R": ^""}', "stems[0].files.R: is empty"),
        ('"file": "reel/dx.wav"', '"files": ^{}', "stems[0].files: is empty; expected 1 to 16"),
        (
            '"reel/dx.wav"',
            '"a", "layout": ^"5.2"',
            "stems[0].layout: '5.2' is not one of 1.0, 2.0, 3.0, 5.0, 5.1,",
        ),
        ('"reel/dx.wav"', '"a", "order": ^"smpte"', "stems[0].order: 'smpte' is not one of wave, film"),
        ('"mx"', '^"DX"', "stems[1].id: stem id 'DX' is given twice (upper and lower case count as the same)"),
        ('"stemmix.project/2"', '^"stemmix.project/3"', "schema: version 3 is newer than this stemmix, which reads"),
        ('"stemmix.project/2"', '^"stemmix.project/0"', "schema: there is no version 0"),
        ('"stemmix.project/2"', '^"stemmix.plan/1"', "schema: this is a stemmix.plan; expected a stemmix.project"),
        ('"stemmix.project/2"', '^"other"', "schema: 'other' is not the name of a stemmix document"),
        ('"stemmix.project/2"', "^1", "schema: 1 is not the name of a stemmix document"),
        ('{\n  "schema"', '^{\n  "shema"', 'schema: is missing; expected "schema": "stemmix.project/2"'),
    ],
)
def test_a_fault_of_a_field_is_one_line_with_place_field_and_expectation(
    file: Path, was: str, now: str, said: str
) -> None:
    """The place is where the mark stands."""
    marked = VALID.replace(was, now, 1)
    before = marked[: marked.index("^")].split("\n")
    (line,) = complaint(file, marked.replace("^", "", 1))
    assert line.startswith(f"film.json:{len(before)}:{len(before[-1]) + 1}: {said}")


@pytest.mark.parametrize(
    ("deliverable", "said"),
    [
        ("^5", ": expected an object, got 5"),
        (
            '{"name": "s", "kind": ^"stem"}',
            f".kind: 'stem' is not one of {KINDS}; did you mean 'stems'?",
        ),
        (
            '{"name": "s", "kind": ^7}',
            f".kind: 7 is not one of {KINDS}",
        ),
        ('^{"kind": "stems"}', ".name: is missing"),
        (
            '{"name": "s", "kind": "stems", ^"stems": 1}',
            ".stems: unknown field; known here: name, kind, format, order, split, file_name, note, parent, by",
        ),
        ('{"name": "s", "target_lufs": ^1}', ".target_lufs: 1 is more than 0.0"),
    ],
)
def test_a_choice_of_shapes_is_told_by_the_one_that_was_chosen(file: Path, deliverable: str, said: str) -> None:
    """Not, as pydantic has it, by the shape's name in the middle of the path."""
    marked = VALID.replace('"Harbour"', f'"t", "deliverables": [{deliverable}]')
    before = marked[: marked.index("^")].split("\n")
    (line,) = complaint(file, marked.replace("^", "", 1))
    assert line.startswith(f"film.json:{len(before)}:{len(before[-1]) + 1}: deliverables[0]{said}")


def test_no_stems_is_said_but_not_where_they_only_failed(file: Path) -> None:
    empty = VALID[: VALID.index("[")] + "[]}"
    assert complaint(file, empty) == ["film.json:4:12: stems: is empty; expected 1 to 256"]
    assert not any("at least" in line for line in complaint(file, VALID.replace("role", "rule")))


def test_all_faults_are_listed_in_the_order_of_the_file(file: Path) -> None:
    wrong = VALID.replace('"title"', '"titel"').replace('"music"', '"musik"')
    assert [line.split(": ")[1] for line in complaint(file, wrong)] == ["title", "titel", "stems[1].role"]


def test_a_hopeless_file_does_not_fill_the_screen(file: Path) -> None:
    stems = ", ".join(["{}"] * 100)
    lines = complaint(file, f'{{"schema": "stemmix.project/2", "title": "t", "stems": [{stems}]}}')
    assert len(lines) == documents.MAX_FAULTS + 1
    assert lines[-1] == "... and 180 more"


def test_a_root_that_is_no_object_is_said_to_be_none(file: Path) -> None:
    assert complaint(file, "[]") == ["film.json:1:1: expected an object, got a list"]


@pytest.mark.parametrize(
    "make",
    [
        lambda path: None,
        lambda path: path.mkdir(),
        os.mkfifo,
        lambda path: path.symlink_to(path),
        lambda path: path.write_bytes(b" " * (MAX_PROJECT_BYTES + 1)),
    ],
    ids=["missing", "a folder", "a pipe", "a link to itself", "too large"],
)
def test_what_cannot_be_read_is_an_error_that_names_the_file(file: Path, make: Any) -> None:
    make(file)
    with pytest.raises(ProjectError) as caught:
        read_project(file)
    assert str(caught.value).startswith(f"{file}: ")


def test_bytes_that_are_no_utf_8_are_placed(file: Path) -> None:
    assert complaint(file, b'{"a":\n "\xc3\xa9\xff"}') == ["film.json:2:4: is not UTF-8 text"]
    assert complaint(file, VALID.encode("utf-16")) == ["film.json:1:1: is not UTF-8 text"]


# -------------------------------------------------------------------------------------------------------- stem paths


def stem_of(path: str) -> Project:
    stems = [{"id": "dx", "role": "dialogue", "file": path}]
    return Project.model_validate_json(json.dumps({"schema": "stemmix.project/2", "title": "t", "stems": stems}))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/etc/passwd", "absolute"),
        ("C:/reel/dx.wav", "absolute"),
        ("c:dx.wav", "absolute"),
        ("reel\\dx.wav", "backslash"),
        ("..", "leaves"),
        ("../dx.wav", "leaves"),
        ("reel/../../dx.wav", "leaves"),
        ("out/dx.wav", "leaves the project's folder by a symbolic link"),
        ("circle/dx.wav", "circle"),
        ("dx\x00.wav", "control character"),
    ],
)
def test_a_stem_outside_the_projects_folder_is_refused(tmp_path: Path, path: str, words: str) -> None:
    folder = tmp_path / "projects"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    (folder / "circle").symlink_to(folder / "circle")
    project = folder / "film.json"
    stem = stem_of(path).stems[0]
    with pytest.raises(ProjectError, match=r"film\.json: stem 'dx': ") as caught:
        clip_paths(project, stem, stem.timeline[0])
    assert words in str(caught.value)

    write_document(project, stem_of(path))
    (line,) = complaint(project, project.read_bytes())
    assert line.startswith("film.json:8:15: stems[0].file: ")
    assert words in line


@pytest.mark.parametrize(
    "path", ["dx.wav", "reel/dx.wav", "reel/../dx.wav", "./dx.wav", "..dx.wav", "in/dx.wav", "ä b.wav"]
)
def test_a_stem_inside_the_projects_folder_is_found_whether_it_exists_or_not(tmp_path: Path, path: str) -> None:
    (tmp_path / "in").symlink_to("reel")
    assert located(tmp_path / "film.json", path) == tmp_path / path


def test_every_stem_of_a_project_is_checked(file: Path) -> None:
    lines = complaint(file, VALID.replace("reel/", "../"))
    assert [line.split(": ")[1] for line in lines] == ["stems[0].file", "stems[1].file"]


def test_a_projects_folder_may_itself_be_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert located(tmp_path / "link" / "film.json", "dx.wav") == tmp_path / "link" / "dx.wav"


# ----------------------------------------------------------------------------------------------------- canonical form

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@st.composite
def projects(draw: st.DrawFn) -> dict[str, Any]:
    def stem(identifier: str) -> dict[str, Any]:
        optional = {
            "at": st.floats(0, 86_400),
            "gain_db": st.floats(-120, 40) | st.integers(-120, 40) | st.just(-0.0),
            "mute": st.booleans(),
            "priority": st.none() | st.integers(0, 1000),
            "note": st.none() | TEXTS,
            "pan": st.floats(-1, 1),
            "layout": st.sampled_from(["2.0", "5.1"]),
            "order": st.sampled_from(["wave", "film"]),
        }
        role = draw(st.sampled_from(["dialogue", "music", "fx", "ambience"]))
        return {"id": identifier, "role": role, "file": "a.wav"} | draw(st.fixed_dictionaries({}, optional=optional))

    identifiers = draw(st.lists(NAMES, unique_by=str.casefold, max_size=4))
    return {
        "schema": "stemmix.project/2",
        "title": draw(TEXTS.filter(str.isprintable)),
        # one that is heard, whatever was drawn
        "stems": [*map(stem, identifiers), {"id": "last-one-heard", "role": "fx", "file": "z.wav"}],
        "deliverables": [
            {"name": "m", "kind": "printmaster", "target_lufs": draw(st.none() | st.floats(-70, 0))},
            {"name": "s", "kind": "stems", "parent": draw(st.none() | st.just("m"))},
        ],
        "goals": draw(st.fixed_dictionaries({}, optional={"clarity": st.none() | st.floats(0, 1)})),
    }


@given(projects())
def test_canonical_form_says_the_same_and_stays_as_it_is(value: dict[str, Any]) -> None:
    project = Project.model_validate_json(json.dumps(value))
    text = canonical(project)
    again = Project.model_validate_json(text)
    assert again == project
    assert canonical(again) == text
    assert text.endswith("}\n")
    assert "\r" not in text
    parse_json(text, "canonical")


def test_canonical_form_is_this() -> None:
    """Written out once, so that a change of the form is a decision."""
    value = json.loads(VALID) | {
        "note": None,
        "profile": "film",
        "deliverables": [{"name": "m", "target_lufs": -16}, {"parent": "m", "kind": "stems", "name": "s"}],
    }
    value["stems"][0] |= {"gain_db": -0.0, "at": 2}
    value["stems"][1] |= {"gain_db": -1.5, "priority": 7, "note": 'Größe \u2028 " '}
    assert canonical(Project.model_validate_json(json.dumps(value))) == (
        """{
  "schema": "stemmix.project/2",
  "title": "Harbour",
  "stems": [
    {
      "id": "dx",
      "role": "dialogue",
      "file": "reel/dx.wav",
      "at": 2.0
    },
    {
      "id": "mx",
      "role": "music",
      "file": "reel/mx.wav",
      "gain_db": -1.5,
      "priority": 7,
      "note": "Größe \u2028 \\" "
    }
  ],
  "deliverables": [
    {
      "name": "m",
      "target_lufs": -16.0
    },
    {
      "name": "s",
      "kind": "stems",
      "parent": "m"
    }
  ]
}
"""
    )


def test_a_reading_that_there_is_not_is_written_as_null() -> None:
    """It has no default: left out, it could not be told from one that was forgotten."""
    silent = dict.fromkeys(["integrated_lufs", "short_term_max_lufs", "momentary_max_lufs", "lra_lu"])
    measured = Measured.model_validate(silent | {"true_peak_dbtp": -0.0, "sample_peak_dbfs": 1e-7})
    text = canonical(measured)
    assert json.loads(text) == silent | {"true_peak_dbtp": 0.0, "sample_peak_dbfs": 1e-7}
    assert '"true_peak_dbtp": 0.0,' in text


class Curve(Document):
    points: tuple[tuple[float, float], ...]
    words: tuple[str, ...] = ()
    counts: dict[str, int] = Field(default={})


def test_numbers_stand_on_one_line_and_everything_else_on_its_own() -> None:
    curve = Curve(points=((0.0, -3.0), (1e16, 0.1)), words=("a", "b"), counts={"z": 1, "a": 2})
    assert canonical(curve) == (
        '{\n  "points": [\n    [0.0, -3.0],\n    [1e+16, 0.1]\n  ],\n  "words": [\n    "a",\n    "b"\n  ],\n'
        '  "counts": {\n    "a": 2,\n    "z": 1\n  }\n}\n'
    )
    assert canonical(Curve(points=())) == '{\n  "points": []\n}\n'


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.just(-0.0), max_size=5))
def test_a_list_of_numbers_says_what_each_of_them_says(numbers: list[float]) -> None:
    each = [json.dumps(number + 0) for number in numbers]
    text = canonical(Curve.model_construct(points=tuple(numbers)))
    assert text == f'{{\n  "points": [{", ".join(each)}]\n}}\n'


def test_what_json_has_no_word_for_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(Curve.model_construct(points=((math.inf, 0.0),)))


def test_the_hash_is_of_what_is_said_not_of_how(file: Path) -> None:
    file.write_text(VALID)
    hashes = {sha256_of_document(read_project(file))}
    file.write_text(json.dumps(json.loads(VALID) | {"profile": "film"}, indent=7))
    hashes.add(sha256_of_document(read_project(file)))
    assert len(hashes) == 1
    file.write_text(VALID.replace("Harbour", "Siege"))
    assert sha256_of_document(read_project(file)) not in hashes


# ------------------------------------------------------------------------------------------------------------ writing


def test_a_written_document_is_read_as_it_was(file: Path) -> None:
    file.write_text(VALID)
    project = read_project(file)
    write_document(file, project)
    assert file.read_text("utf-8") == canonical(project)
    assert read_document(file, Project) == read_project(file) == project
    assert list(file.parent.iterdir()) == [file]


def test_another_kind_of_document_is_refused_by_its_name(file: Path) -> None:
    file.write_text(VALID)
    with pytest.raises(ProjectError, match=r"this is a stemmix\.project; expected a stemmix\.receipt"):
        read_document(file, Receipt)


def test_a_document_is_replaced_whole_or_not_at_all(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("before")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staged.os, "fsync", full)
    with pytest.raises(OutputError, match=r"film\.json: cannot be written: No space left on device"):
        write_document(file, stem_of("dx.wav"))
    assert file.read_text() == "before"
    assert list(file.parent.iterdir()) == [file]


def test_a_document_that_has_no_place_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="its folder does not exist"):
        write_document(tmp_path / "nowhere" / "film.json", stem_of("dx.wav"))
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(OutputError, match="a folder has its name"):
        write_document(tmp_path / "folder.json", stem_of("dx.wav"))
    assert list(tmp_path.iterdir()) == [tmp_path / "folder.json"]
