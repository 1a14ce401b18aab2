"""`report.records`: rows that go on in a second line where the page is narrow, and lose nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from stemmix.report.records import Record, records
from stemmix.report.tables import BAD, Page, as_text, titled

TITLE = titled("Lines", ", and what became of them")
WORDS = st.text("abcdefgh-0123456789", min_size=1, max_size=25)


def told(columns: list[str], rows: list[Record], width: int) -> list[str]:
    return as_text([records(TITLE, columns, rows, width)], width).splitlines()


def test_a_row_that_fits_is_one_line_in_columns() -> None:
    rows = [Record(["DX-1", "0.41", "goal"]), Record(["DX-22", "-10.5", "cap"])]
    assert told(["line", ">SNR", "stopped by"], rows, 60) == [
        "Lines, and what became of them",
        "line     SNR  stopped by",
        "────────────────────────",
        "DX-1    0.41  goal",
        "DX-22  -10.5  cap",
    ]


def test_a_row_that_does_not_fit_goes_on_below_in_columns_too() -> None:
    rows = [Record(["DX-1", "0.41", "goal"], "the line has reached its goal"), Record(["DX-22", "-10.5", "cap"])]
    assert told(["line", ">SNR", "stopped by"], rows, 18) == [
        "Lines, and what",
        "became of them",
        "line     SNR",
        "    stopped by",
        "──────────────",
        "DX-1    0.41",
        "    goal",
        "    the line has",
        "    reached its",
        "    goal",
        "DX-22  -10.5",
        "    cap",
    ]


def test_where_it_is_long_words_that_do_not_fit_figures_stay_together() -> None:
    """And where these words are wider than the page, they go on below each other, between words."""
    rows = [Record(["1", "the_long_scene hides dialogue", "-10.2", "0.84"], "nothing: a pin holds it")]
    assert told(["", "who hides whom", ">SNR", ">size"], rows, 30)[1:] == [
        "     SNR  size",
        "    who hides whom",
        "──────────────────────────────",
        "1  -10.2  0.84",
        "    the_long_scene hides",
        "    dialogue",
        "    nothing: a pin holds it",
    ]


@given(
    rows=st.lists(st.lists(WORDS, min_size=4, max_size=4), min_size=1, max_size=5),
    under=st.lists(WORDS, max_size=20),
    width=st.integers(40, 200),
)
def test_nothing_is_cut_off_and_nothing_is_wider_than_the_page(
    rows: list[list[str]], under: list[str], width: int
) -> None:
    lines = told(["a", ">b", "c", ">d"], [Record(row, " ".join(under)) for row in rows], width)
    assert all(len(line) <= width and line == line.rstrip() for line in lines)
    words = " ".join(lines).split()
    assert all(words.count(word) >= sum(row.count(word) for row in rows) for row in rows for word in row)
    assert all(word in words for word in under)


@pytest.mark.parametrize("width", [12, 40])
def test_a_name_that_is_wider_than_the_page_folds(width: int) -> None:
    """Ids have up to 64 characters."""
    name = "the_music_of_the_opening_titles_and_of_the_end_in_one_long_stem_x"
    lines = told(["stem", ">LUFS"], [Record([name, "-23.0"])], width)
    assert all(len(line) <= width for line in lines)
    assert name in "".join(lines[3:])


def test_a_style_colours_the_cell_alone() -> None:
    group = records(TITLE, ["line", "clarity"], [Record(["DX-1", Text("0.41 !", BAD)])], 60)
    *_, row = as_text([group], Page(60, "standard")).splitlines()
    assert row == "DX-1  \x1b[1;31m0.41 !\x1b[0m"
