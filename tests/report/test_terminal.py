"""`report` as text: whoever reads it learns who is hidden by whom, what is done, and what comes of it; on any page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from stemmix.model.evidence import Chosen, Evidence
from stemmix.model.features import Onset, Span
from stemmix.model.moves import Level
from stemmix.model.plan import PlannedScene
from stemmix.model.profiles import Role
from stemmix.report.features import features_text
from stemmix.report.stems import stems_text
from stemmix.report.tables import Page
from stemmix.report.terminal import MOST_LINES, MOST_MOVES, report_text
from tests.evidence import OUTCOME, RATE_HZ, conflict, evidence, facts, heard, line, move, plan

WIDTHS = (60, 80, 120, 200)
ANSI = re.compile(r"\x1b\[[\d;]*m")


def told(evidence: Evidence, width: int = 120, top: int | None = None) -> str:
    return report_text(evidence, Page(width), top)


def part(text: str, title: str) -> str:
    """The paragraphs from a title to the next blank line."""
    return text[text.index(f"\n{title}") :].split("\n\n", maxsplit=1)[0]


def test_lines_of_what_is_no_speech_are_counted_by_themselves() -> None:
    """As of effects that a game clears: that every line of speech is clear is not all that there is to say."""
    effects = [
        replace(plan().lines[0], id=f"FX-{number}", target="FX", clarity_before=before, clarity_after=after)
        for number, (before, after) in enumerate(((0.1, 0.4), (0.2, 0.6), (0.7, 0.7)))
    ]
    _, unclear, others, *_ = told(evidence(lines=(*plan().lines, *effects))).splitlines()
    assert unclear == "lines of speech below clarity 0.5: 2 as the stems came, 1 in the mix !"
    assert others == "other lines below it: 2 as the stems came, 1 in the mix !"


def test_the_heading_says_what_reel_it_is_and_how_it_comes_out() -> None:
    first, unclear, bed, *_ = told(evidence()).splitlines()
    assert first == (
        "Harbour, [bold]reel 3[/] :smile:: 1:30.0, profile film, method multilevel, 4 stems, 1 scene, 3 lines"
    ), "nothing is taken for markup"
    assert unclear == "lines below clarity 0.5: 2 as the stems came, 1 in the mix !"
    assert bed == ("the bed, while lines are spoken: -3.3 dB, 15% of its loudness in sones given up; elsewhere +0.0 dB")


def test_stems_are_told_with_role_loudness_range_peak_activity_and_of_effects_their_hits() -> None:
    rows = {row.split()[0]: row.split() for row in part(told(evidence()), "Stems").splitlines() if row}
    assert rows["stem"] == ["stem", "role", "LUFS", "LRA", "dBTP", "fader", "(dB)", "active", "onsets"]
    assert rows["DX"] == ["DX", "dialogue", "-23.5", "7.2", "-3.2", "-2.0", "10%", "-"]
    assert rows["FX"] == ["FX", "fx", "-", "-", "-", "-2.0", "0%", "2"]


def test_a_fader_is_told_only_where_one_was_moved() -> None:
    whole = evidence()
    still = whole.model_copy(update={"stems": tuple(one.model_copy(update={"gain_db": 0.0}) for one in whole.stems)})
    assert "fader" not in told(still)


def test_of_a_part_it_is_said_which_figures_of_a_stem_are_of_it_and_which_of_the_whole_stem() -> None:
    whole = evidence()
    narrow = whole.model_copy(update={"chosen": Chosen(start=RATE_HZ, end=2 * RATE_HZ)})
    legend, rows = " ".join(part(told(narrow), "Stems").split()).split(" stem role ")
    assert legend == (
        "Stems. Active: the share of the span in which one is heard; onsets in the span; loudness, LRA and peak of the "
        "whole stem, as folded to stereo, before the fader"
    )
    assert "FX fx - - - -2.0 0% 1" in rows, "one of two onsets"
    of_one_stem = whole.model_copy(update={"chosen": Chosen(start=0, end=whole.plan.frames, stem="DX")})
    for all_along in (whole, of_one_stem):
        assert "in the span" not in part(told(all_along), "Stems")


@pytest.mark.parametrize(("layout", "is_said"), [("1.0", False), ("2.0", False), ("5.1", True)])
def test_figures_of_a_stem_that_is_wider_than_stereo_are_told_as_those_of_its_fold(layout: str, is_said: bool) -> None:
    """A meter that reads its file finds others."""
    stem = heard("MX", Role.MUSIC, gain_db=0.0, facts=facts(source_layout=layout))
    one = Evidence(plan=plan(), stems=(stem,))
    assert ("loudness, LRA and peak as folded to stereo" in part(told(one), "Stems")) is is_said
    assert ("LUFS, LRA and dBTP as folded to stereo" in stems_text(one, 120)) is is_said
    assert ("measured as folded to stereo" in features_text(one, "MX", 120)) is is_said


def test_a_stem_that_passes_full_scale_is_marked() -> None:
    loud = facts().measured.model_copy(update={"true_peak_dbtp": 0.4})
    text = told(Evidence(plan=plan(), stems=(heard("MX", Role.MUSIC, facts=facts(loud)),)))
    assert "0.4 !" in part(text, "Stems")


def test_the_worst_conflicts_are_told_with_what_is_done_and_what_it_buys() -> None:
    text = part(told(evidence(), 100), "Conflicts")
    assert text.splitlines()[1].startswith("Conflicts: the largest 4 of 4, and what is done about them.")
    rows = text[text.index("─") :].splitlines()[1:]
    assert rows[0].split() == [
        *("1", "1:01.5-1:03.5", "MX", "hides", "DX", "478-5071", "62%", "-8.2"),
        *("2.50", "→", "0.25", "-3.0", "→", "+2.0", "0.31", "→", "0.52"),
    ]
    assert rows[1].strip() == "MX: cut to -8.0 dB (sides -4.0) at 1319-2800 Hz"
    assert [row.split()[0] for row in rows if not row.startswith(" ")] == ["1", "2", "3", "4"]
    assert [row.split()[2:5:2] for row in rows if not row.startswith(" ")] == [
        *(["MX", "DX"], ["MX", "DX"], ["AMB", "DX"], ["MX", "AMB"]),
    ], "those of lines first, then those that nothing is done about, each the largest first"
    assert rows[-1].strip() == "nothing: AMB is not a stem that is cleared"


def test_as_many_conflicts_are_shown_as_are_asked_for_and_it_is_said_of_how_many() -> None:
    text = part(told(evidence(), top=2), "Conflicts")
    assert "the largest 2 of 4" in text
    assert "AMB hides DX" not in text


def test_moves_are_told_in_order_of_time_and_what_stands_longer_first() -> None:
    """As the plan has them, scenes' curves come before all lines' own."""
    late = move("MX", "cut", ())
    early = replace(late, id="early", start=10 * RATE_HZ, end=12 * RATE_HZ, line="DX-0062.0")
    curve = replace(move("MX", "scene", ()), id="curve", start=10 * RATE_HZ, line=None)
    fader = replace(move("FX", "fader", ()), id="fader", start=0, end=90 * RATE_HZ, line=None)
    text = part(told(evidence(moves=(late, early, curve, fader))), "Moves: 4")
    rows = [row.split() for row in text.splitlines() if "dB" in row and "→" not in row]
    assert [row[0] for row in rows] == ["all", "scene", "DX-0062.0", "DX-0061.0"]
    assert rows[0] == ["all", "0:00.0-1:30.0", "FX", "fader", "by", "-4.5", "dB", "all"]


def test_many_moves_are_told_together_by_stem_and_kind_and_how_to_see_them_one_by_one() -> None:
    many = tuple(
        replace(move(stem, kind, ()), id=f"{stem}-{kind}-{number}")
        for stem, kind in (("MX", "cut"), ("DX", "ride"))
        for number in range(MOST_MOVES)
    )
    fader = replace(move("MX", "fader", ()), line=None, start=0, end=90 * RATE_HZ)
    text = part(told(evidence(moves=(*many, fader))), "Moves")
    assert f"Moves: {2 * MOST_MOVES + 1}, by stem and kind." in text
    assert "--scene, --stem, --from, --to" in " ".join(text.split())
    rows = [row.split() for row in text[text.index("─") :].splitlines()[1:]]
    assert rows == [
        ["DX", "rides", "of", "lines", "60", "3:00.0", "+1.5"],
        ["MX", "cuts", "for", "lines", "60", "3:00.0", "-8.0"],
        ["MX", "fader,", "throughout", "1", "1:30.0", "-4.5"],
    ]


def test_lines_that_are_clear_as_they_come_are_counted_and_the_others_told() -> None:
    text = told(evidence())
    rows = {row.split()[0]: row.split()[1:] for row in part(text, "Lines").splitlines() if row}
    assert rows["DX-0061.0"] == ["1:00.0-1:03.0", "DX", "0.31", "→", "0.52", "-3.0", "→", "+2.0", "goal"]
    assert rows["DX-0063.0"][2:7] == ["0.20", "→", "0.41", "!", "-3.0"], "it does not reach its goal, and is marked"
    assert "DX-0062.0" not in rows
    assert "1 line was clear as it came" in text
    assert "goal: the line has reached its goal" in text


def test_of_very_many_lines_those_are_told_that_end_least_clear() -> None:
    many = tuple(replace(line(1, 0.2, 0.3 + number / 1000), id=f"DX-{number:04d}") for number in range(MOST_LINES + 5))
    text = told(evidence(lines=many, moves=(), conflicts=()))
    assert "DX-0000" in text
    assert "DX-0039" in text
    assert "DX-0040" not in text
    assert "and 5 lines that end clearer" in text


def test_scenes_are_told_by_the_names_that_may_be_asked_for() -> None:
    scenes = (
        PlannedScene(
            id="S-0000",
            start=0,
            end=60 * RATE_HZ,
            clarity_before=0.4,
            clarity_after=0.6,
            loudness_before_lufs=-23.0,
            loudness_after_lufs=-24.04,
        ),
        PlannedScene(id="S-0060", start=60 * RATE_HZ, end=90 * RATE_HZ),
    )
    rows = [row.split() for row in part(told(evidence(scenes=scenes)), "Scenes").splitlines() if "S-" in row]
    assert rows == [
        ["S-0000", "0:00.0-1:00.0", "0", "0.40", "→", "0.60", "-23.0", "→", "-24.0"],
        ["S-0060", "1:00.0-1:30.0", "3", "-", "→", "-", "-", "→", "-"],
    ]
    assert "\nScenes" not in told(evidence()), "one is all of the programme"


def test_a_programme_without_lines_is_short_and_says_why() -> None:
    note = "no line to be cleared was found: nothing is cut, and the stems are summed as they came"
    text = told(evidence(moves=(), lines=(), conflicts=(), edges=(), notes=(note,), outcome=None))
    assert "0 lines" in text
    assert "below clarity" not in text
    assert f"note: {note}" in text
    assert not any(word in text for word in ("Moves", "Conflicts", "Who masks whom"))


def test_warnings_and_notes_stand_last() -> None:
    assert told(evidence()).splitlines()[-2:] == [
        "warning: reel/MX.wav: has a DC offset of +0.0100 of full scale",
        "note: FX is silent: it takes no part in any decision",
    ]


def test_what_is_narrowed_says_to_what() -> None:
    chosen = Chosen(start=60 * RATE_HZ, end=63 * RATE_HZ, scene="S-0000", stem="DX")
    first, of, unclear, *_ = told(evidence().model_copy(update={"chosen": chosen})).splitlines()
    assert first.endswith("profile film, method multilevel, 4 stems")
    assert of == "of this: 1:00.0-1:03.0, scene S-0000, what involves DX: 1 scene, 3 lines"
    assert unclear.startswith("of all stems: lines below clarity 0.5: 2 as the stems came")


def test_activity_and_hits_are_those_of_the_span() -> None:
    hits = (Onset(at=2 * RATE_HZ, strength_db=9.0), Onset(at=8 * RATE_HZ, strength_db=9.0))
    told_facts = facts(active=(Span(start=0, end=5 * RATE_HZ),), onsets=hits)
    whole = Evidence(plan=plan(), stems=(heard("FX", Role.FX, facts=told_facts, at=RATE_HZ),))
    narrow = whole.model_copy(update={"chosen": Chosen(start=4 * RATE_HZ, end=9 * RATE_HZ)})
    (row,) = (row for row in told(narrow).splitlines() if row.startswith("FX "))
    assert row.split()[-2:] == ["40%", "0"]
    assert "the share of the span" in told(narrow)


LATE = {"start": 7325 * RATE_HZ, "end": 7335 * RATE_HZ}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("frame_rate", [None, "29.97df"])
def test_nothing_is_lost_on_a_narrow_page(width: int, frame_rate: str | None) -> None:
    """Times after the first hour, and timecodes, are long: rows go on in a second line, nothing is cut off."""
    pick = {"high_hz": 16_012.0, "snr_db": -10.0, "importance": 1.0}
    late = replace(conflict(5, "MX", 10.0, 10.0), line="DX-0061.0", **LATE, **pick)
    start = None if frame_rate is None else "23:50:00;00"
    whole = evidence(conflicts=(late,), frames=7335 * RATE_HZ, frame_rate=frame_rate, start=start)
    text = told(whole, width)
    assert all(len(row) <= width and row == row.rstrip() for row in text.splitlines())
    assert "…" not in text
    assert "None" not in text
    assert "nan" not in text.lower().split()
    words = " ".join(text.split())
    for word in (
        "2:02:05.0-2:02:15.0" if frame_rate is None else "01:52:05;00 - 01:52:15;00",
        *("MX hides DX", "478-16012", "100%", "-10.0", "10.00 → 10.00", "0.31 → 0.52", "cut to -8.0 dB (sides -4.0)"),
        *("ride by +1.5 dB", "presence, -0.2 to +0.5 dB", "1319-2800", "dialogue", "ambience", "0.20 → 0.41 !"),
    ):
        assert word in words


@pytest.mark.parametrize("width", WIDTHS)
def test_colours_change_no_word_and_where_there_are_none_the_text_is_plain(width: int) -> None:
    plain = told(evidence(), width)
    assert "\x1b" not in plain
    coloured = report_text(evidence(), Page(width, "256"), None)
    assert "\x1b[1;31m1 in the mix !" in coloured
    assert [ANSI.sub("", row) for row in coloured.splitlines()] == plain.splitlines()


def test_what_is_red_is_marked_too() -> None:
    """Who does not see colours, or has none, sees what is amiss all the same."""
    coloured = report_text(evidence(), Page(120, "standard"), None)
    red = re.findall(r"\x1b\[1;31m(.*?)\x1b", coloured)
    assert len(red) > 3
    assert all("!" in words or words.startswith("warning: ") for words in red)


def test_under_a_static_curve_every_conflict_of_its_stem_is_told_with_it() -> None:
    """A curve over the whole programme names its largest conflicts alone, and bears on all."""
    curve = replace(move("MX", "equaliser", ("C0003",)), line=None, start=0, end=90 * RATE_HZ)
    text = part(told(evidence(moves=(curve,), method="frequency", outcome=OUTCOME)), "Conflicts")
    assert text.count("MX: seven-band equaliser, 0.0 -1.0 -2.0 -3.0 -4.0 -5.0 -6.0 throughout") == 2
    fader = replace(curve, action=Level(kind="level", gain_db=-3.0), stem="AMB", because=())
    text = part(told(evidence(moves=(fader,))), "Conflicts")
    assert text.count("AMB: fader by -3.0 dB throughout") == 1
