"""`model.names`: a template gives one legal name, or says which field stands in the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemmix.model.names import FIELDS, LONGEST_NAME_BYTES, file_name

VALUES = {
    "project": "reel3",
    "title": "Hafen, 3. Akt",
    "deliverable": "printmaster",
    "stem": "DX",
    "layout": "5.1",
    "rate": "48000",
    "bits": "24",
}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{project}_{deliverable}", "reel3_printmaster.wav"),
        ("{title} [{{de}}] {stem} {layout} {rate}-{bits}", "Hafen, 3. Akt [{de}] DX 5.1 48000-24.wav"),
        ("mix", "mix.wav"),
        ("{{{stem}}}", "{DX}.wav"),
        ("COM10", "COM10.wav"),
        ("console", "console.wav"),
        ("Ha\u0308fen", "H\xe4fen.wav"),
    ],
)
def test_a_template_gives_a_name(template: str, name: str) -> None:
    assert file_name(template, VALUES, ".wav") == name


def test_every_field_can_be_used() -> None:
    assert set(VALUES) == set(FIELDS)
    template = "".join(f"{{{field}}}" for field in FIELDS)
    assert file_name(template, VALUES, ".flac") == "".join(VALUES.values()) + ".flac"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{projct}", r"\{projct\} is not a field; did you mean \{project\}\?"),
        ("{date}", r"\{date\} is not a field; did you mean \{rate\}\?"),
        ("{xyzzy}", r"\{xyzzy\} is not a field; there are \{project\}, "),
        ("{}", r"\{\} is not a field"),
        ("{0}", r"\{0\} is not a field"),
        ("{project.name}", r"\{project.name\} is not a field"),
        ("{rate:>9}", r"\{rate\} must stand by itself"),
        ("{rate!r}", r"\{rate\} must stand by itself"),
        ("{project", "a brace is not closed"),
        ("project}", "a brace is not closed"),
        ("", "gives no name"),
        ("a/b", "the text 'a/b' contains '/'"),
        ("a\\b", "contains"),
        ("a:b", "contains ':'"),
        ("what?", "contains"),
        ("a\nb", "contains"),
        ("a\x7fb", "contains"),
        ("\ud800", "half a character"),
        ("..", "begin or end"),
        (".hidden", "begin or end"),
        (" a", "begin or end"),
        ("a ", "begin or end"),
        ("CON", "reserves for a device"),
        ("nul", "reserves for a device"),
        ("Lpt1", "reserves for a device"),
        ("aux.{project}", "reserves for a device"),
        ("COM\xb2", "reserves for a device"),
        ("x" * 232, "it has 236 bytes; expected at most 235"),
        ("海" * 78, "it has 238 bytes"),
    ],
)
def test_what_some_system_would_refuse_is_refused(template: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        file_name(template, VALUES, ".wav")
    assert str(refused.value).startswith("file name ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", ["Act 1: Dawn", "either/or", "..\\x"])
def test_a_value_that_cannot_stand_in_a_name_is_told_with_its_field(value: str) -> None:
    with pytest.raises(ValueError, match=r"\{title\} is .* contains"):
        file_name("{project}_{title}", VALUES | {"title": value}, ".wav")


@pytest.mark.parametrize("value", [None, ""])
def test_a_field_without_a_value_is_told(value: str | None) -> None:
    with pytest.raises(ValueError, match=r"\{stem\} has no value here"):
        file_name("{project}_{stem}", VALUES | {"stem": value}, ".wav")
    with pytest.raises(ValueError, match=r"\{stem\} has no value here"):
        file_name("{stem}", {}, ".wav")


@given(template=st.text(max_size=40), title=st.text(max_size=40))
def test_whatever_is_typed_gives_a_legal_name_or_a_refusal(template: str, title: str) -> None:
    try:
        name = file_name(template + "{title}", VALUES | {"title": title}, ".wav")
    except ValueError:
        return
    assert len(name.encode()) <= LONGEST_NAME_BYTES
    assert not set(name) & set('/\\:*?"<>|\0')
    assert name[0] not in " ."
    assert name[:-4][-1] != " "
    assert name[-1] not in " ."
