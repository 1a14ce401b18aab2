"""`report.matrix`: who masks whom, from two stems to 24, on narrow pages and wide ones."""

from __future__ import annotations

import re
from itertools import permutations

import pytest

from stemmix.model.evidence import Chosen, Evidence
from stemmix.model.features import Span
from stemmix.model.plan import Edge, PlannedStem
from stemmix.model.profiles import Role
from stemmix.report.matrix import MOST_PAIRS, who_masks_whom
from stemmix.report.tables import Page, as_text
from tests.evidence import RATE_HZ, evidence, facts, heard, plan

WIDTHS = (60, 80, 100, 120, 200)


def told(evidence: Evidence, width: int) -> str:
    return as_text(who_masks_whom(evidence, width), width)


def reel(stems: int, name: str = "S{:02d}") -> Evidence:
    """So many stems, the first of them dialogue; stem i hides 10 i + j hundredths of stem j."""
    names = [name.format(number) for number in range(stems)]
    roles = [Role.DIALOGUE, *[Role.MUSIC] * (stems - 1)]
    edges = tuple(
        Edge(target=names[j], masker=names[i], size_before=round((10 * i + j) / 100, 2), size_after=round(i / 100, 2))
        for j, i in permutations(range(stems), 2)
    )
    planned = tuple(
        PlannedStem(id=one, sha256="ab", frames=90 * RATE_HZ, at=0, role=role)
        for one, role in zip(names, roles, strict=True)
    )
    spans = (Span(start=0, end=10 * RATE_HZ),)
    sounding = facts(active=spans, spoken=spans)
    return Evidence(
        plan=plan(stems=planned, edges=edges, lines=(), outcome=None),
        stems=tuple(heard(one, role, facts=sounding) for one, role in zip(names, roles, strict=True)),
    )


def test_a_row_is_what_is_hidden_and_a_column_what_hides_it() -> None:
    rows = [re.split(r"\s{2,}", row) for row in told(reel(3), 80).splitlines() if row.startswith(("hidden", "S0"))]
    assert rows == [
        ["hidden", "S00", "S01", "S02", "in all"],
        ["S00", "·", "0.10 → 0.01", "!0.20 → 0.02", "3% → 0%"],
        ["S01", "0.01 → 0.00", "·", "0.21 → 0.02", "2% → 0%"],
        ["S02", "0.02 → 0.00", "0.12 → 0.01", "·", "1% → 0%"],
    ]


def test_on_a_narrow_page_the_figure_in_the_mix_stands_under_the_one_before() -> None:
    lines = told(reel(5), 60).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("S00"))
    assert lines[first].split() == ["S00", "·", "0.10", "0.20", "0.30", "!0.40", "10%"]
    assert lines[first + 1].split() == ["→0.01", "→0.02", "→0.03", "→0.04", "→1%"]
    ends = [[match.end() for match in re.finditer(r"\S+", line)] for line in lines[first : first + 2]]
    assert ends[0][2:] == ends[1], "each under its own"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("stems", [2, 3, 4, 8, 16, 24])
@pytest.mark.parametrize("name", ["S{:02d}", "music_of_scene_{:02d}"])
def test_every_pair_is_told_one_by_one_or_in_a_sum_and_nothing_is_cut_off(stems: int, width: int, name: str) -> None:
    """A table that does not fit would lose its last columns without a word."""
    evidence = reel(stems, name)
    text = told(evidence, width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "…" not in text
    shown = [edge for edge in evidence.plan.edges if edge.size_before >= 0.005]
    figures = text[text.index("─") :]
    if "in all" in text:
        assert len(re.findall(r"\d\.\d\d", figures)) == 2 * len(shown)
        assert figures.count("%") == 2 * stems
        names = [stem.id for stem in evidence.stems]
        assert ["hidden", *names, "in", "all"] in [line.split() for line in text.splitlines()], "no name is broken"
    else:
        listed = [line for line in figures.splitlines() if "→" in line and not line.startswith("and ")]
        assert len(listed) == min(len(shown), MOST_PAIRS)
        rest = re.search(r"and (\d+) more pairs?, together", text)
        assert int(rest[1] if rest else 0) == len(shown) - len(listed)


def test_where_names_are_too_long_for_columns_there_is_a_list_of_pairs() -> None:
    long = "the_music_of_the_long_scene_{:02d}"
    assert "in all" in told(reel(2, long), 120)
    rows = [row.split() for row in told(reel(3, long), 120).splitlines() if row.startswith("the_music")]
    assert rows[0] == [long.format(0), long.format(2), "!0.20", "→", "0.02"]


def test_24_stems_are_a_matrix_on_a_wide_page_and_a_list_on_a_narrow_one() -> None:
    assert "in all" in told(reel(24), 200)
    text = told(reel(24), 120)
    assert "in all" not in text
    rows = [row.split() for row in text.splitlines() if row.startswith("S")]
    assert rows[0] == ["S00", "S23", "!2.30", "→", "0.23"], (
        "what is to be heard first comes first, the worst before all"
    )
    assert rows[1] == ["S00", "S22", "2.20", "→", "0.22"]


def test_what_is_to_be_heard_first_stands_first_and_its_worst_masker_is_marked_with_a_sign_not_with_colour_alone() -> (
    None
):
    whole = evidence()
    text = told(whole, 100)
    rows = [row for row in text.splitlines() if "→" in row and row.startswith(("DX", "AMB"))]
    assert [row.split()[0] for row in rows] == ["DX"], "nobody hides the ambience, and nobody the music"
    assert "!4.00 → 0.75" in rows[0]
    coloured = as_text(who_masks_whom(whole, 100), Page(100, "standard"))
    assert "\x1b[1;31m!4.00 → 0.75" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).split() == text.split()


def test_in_all_is_the_share_of_the_time_that_a_stem_sounds_in_the_span() -> None:
    """DX sounds for 9 s from the beginning; in all 4.25 and 0.95 band-seconds of it are hidden."""
    whole = evidence()
    assert "47% → 11%" in told(whole, 100)
    half = whole.model_copy(update={"chosen": Chosen(start=0, end=round(4.5 * RATE_HZ))})
    assert "94% → 21%" in told(half, 100)


def test_of_one_stem_there_is_a_list_of_its_pairs() -> None:
    chosen = evidence().model_copy(update={"chosen": Chosen(start=0, end=90 * RATE_HZ, stem="DX")})
    rows = [row.split() for row in told(chosen, 100).splitlines() if row.startswith("DX")]
    assert rows == [["DX", "MX", "!4.00", "→", "0.75"], ["DX", "AMB", "0.25", "→", "0.20"]]


def test_where_nobody_hides_anybody_there_is_nothing_to_tell() -> None:
    assert who_masks_whom(evidence(edges=()), 80) == []
