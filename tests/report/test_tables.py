"""`report.tables`: what names hold is told where it stands, and takes the place that it is told in."""

from __future__ import annotations

import re

import pytest
from rich.text import Text

from stemmix.report.records import Record, records
from stemmix.report.tables import BAD, Page, as_text, in_lines, table, titled

NAME = "a\x1b[2J\x1b[1;1H\u202e.wav"
TOLD = "a\\u001b[2J\\u001b[1;1H\\u202e.wav"


@pytest.mark.parametrize("name", [NAME, Text(NAME), Text(NAME, BAD)])
def test_a_name_takes_the_columns_that_it_is_told_in(name: str | Text) -> None:
    """Signs that a terminal would obey have no width of their own: laid out as they are, the row would be cut off."""
    made = table("", ["file", ">dBTP"])
    made.title = None
    made.add_row(name, "-1.0")
    *_, row = as_text([made], 60).splitlines()
    assert row.split() == [TOLD, "-1.0"]
    *_, row = as_text([records(titled("Files", ""), ["file", ">dBTP"], [Record([name, "-1.0"])], 60)], 60).splitlines()
    assert row == f"{TOLD}  -1.0"


def test_where_the_page_is_narrow_a_name_folds_and_no_figure_is_lost() -> None:
    made = table("", ["file", ">dBTP"])
    made.title = None
    made.add_row(NAME, "-1.0")
    _, _, first, *rest = as_text([made], 20).splitlines()
    assert first.endswith(" -1.0")
    assert first.removesuffix("-1.0").strip() + "".join(line.strip() for line in rest) == TOLD


def test_no_name_parts_a_row_or_begins_a_line() -> None:
    name, told = "q.wav  2.0\nok2.wav", "q.wav  2.0\\nok2.wav"
    made = table(name, ["file", ">dBTP"])
    made.add_row(name, "-1.0")
    under = f"{name}: silent"
    rows = records(titled("Files", ""), ["file", name], [Record([name, "-1.0"], under)], 60)
    lines = as_text([made, rows, in_lines([under, under])], 60).splitlines()
    assert not [line for line in lines if line.startswith("ok2.wav")]
    assert lines[0] == told
    assert lines[-2:] == [f"{told}: silent"] * 2


@pytest.mark.parametrize("text", ["\u202eabc " * 12, Text("\u202eabc " * 12)])
def test_a_paragraph_is_broken_between_its_words_and_keeps_them_all(text: str | Text) -> None:
    lines = as_text([text], 30).splitlines()
    assert all(len(line) <= 30 for line in lines)
    assert " ".join(lines).split() == ["\\u202eabc"] * 12


def test_a_paragraph_and_a_text_keep_the_lines_that_they_are_made_of() -> None:
    made = table("", ["source"])
    made.title = None
    made.add_row(Text("title\nurl"))
    assert as_text(["a\nb", made], 30).splitlines()[:2] == ["a", "b"]
    assert as_text([made], 30).splitlines()[-2:] == ["title", "url"]


def test_what_a_sign_is_told_as_has_its_style() -> None:
    told = as_text([Text.assemble("a ", ("b\u202ec", BAD), " d")], Page(30, "standard"))
    assert "".join(re.findall(r"\x1b\[1;31m(.*?)\x1b\[0m", told)) == r"b\u202ec"
    assert re.sub(r"\x1b\[[\d;]*m", "", told) == "a b\\u202ec d\n"
