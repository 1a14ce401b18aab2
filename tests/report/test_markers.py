"""`report.markers`: which markers a plan has, what they are called, and that each format says exactly when they are."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from fractions import Fraction
from io import StringIO
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.model.plan import Evidence as Bought
from stemmix.model.plan import Plan, PlannedScene
from stemmix.model.timecode import (
    FRAME_RATES,
    counted_a_second,
    frames_a_day,
    frames_from_timecode,
    is_drop_frame,
    samples_from_frames,
    timecode_from_frames,
)
from stemmix.report.markers import KINDS, LISTINGS, Marker, audacity_listing, edl_listing, markers_of, reaper_listing
from tests.evidence import DIP, RATE_HZ, conflict, evidence, line, move, plan

RATES = list(FRAME_RATES)


def at(kind: Any, start_s: float, end_s: float, name: str = "a name", **fields: Any) -> Marker:
    return Marker(kind, round(start_s * RATE_HZ), round(end_s * RATE_HZ), name, **fields)


def names_of(its_plan: Plan, *kinds: str) -> list[str]:
    return [one.name for one in markers_of(its_plan, kinds)]


# ---- which markers, and what they say --------------------------------------------------------------------------------


def test_a_conflict_says_who_hides_whom_where_and_how_far_below_the_target_is() -> None:
    one = replace(conflict(1, "MX", 1.5, 0.5, snr_db=-5.8), low_hz=1008.4, high_hz=2799.9)
    (marker,) = markers_of(plan(conflicts=(one,)), ["conflicts"])
    assert marker == Marker(
        "conflict",
        round(61.5 * RATE_HZ),
        round(63.5 * RATE_HZ),
        "MX hides DX 1.0-2.8 kHz at -6 dB",
        "hidden: 1.500 band-seconds as it came, 0.500 in the mix (62% of what matters of DX lies there); C0001",
        (1008.4, 2799.9),
    )


SIDES_ONLY = replace(move("MX", "cut", ()).action, mid_db=(0.0,) * len(DIP))


@pytest.mark.parametrize(
    ("kind", "name", "has_bands"),
    [
        ("cut", "MX cut to -8.0 dB at 1.3-2.8 kHz for DX-0061.0", True),
        ("scene", "MX cut to -8.0 dB at 1.3-2.8 kHz for DX-0061.0", True),
        ("duck", "MX duck by 3.2 dB for DX-0061.0", False),
        ("ride", "MX ride by +1.5 dB for DX-0061.0", False),
        ("presence", "MX presence, -0.2 to +0.5 dB for DX-0061.0", False),
        ("fader", "MX fader by -4.5 dB for DX-0061.0", False),
        ("equaliser", "MX seven-band equaliser, down to -6.0 dB for DX-0061.0", False),
    ],
)
def test_a_move_says_what_is_done_to_which_stem_and_for_what(kind: str, name: str, has_bands: bool) -> None:
    (marker,) = markers_of(plan(moves=(move("MX", kind, ()),)), ["moves"])
    assert (marker.name, marker.band_hz is not None) == (name, has_bands)


def test_a_cut_of_the_sides_alone_says_so() -> None:
    (marker,) = markers_of(plan(moves=(replace(move("MX", "cut", ()), action=SIDES_ONLY),)), ["moves"])
    assert marker.name == "MX cut of the sides to -4.0 dB at 1.3-2.8 kHz for DX-0061.0"
    assert marker.band_hz == pytest.approx((1318.8, 2800.0), abs=0.1)


@pytest.mark.parametrize(
    ("kind", "fields", "purpose"),
    [
        ("scene", {}, "the scene"),
        ("duck", {"id": "pin-1", "stopped_by": "pin"}, "a pin"),
        ("fader", {}, "the whole programme"),
    ],
)
def test_what_is_done_for_no_line_says_for_what(kind: str, fields: dict[str, Any], purpose: str) -> None:
    made = replace(move("MX", kind, ()), line=None, **fields)
    (name,) = names_of(plan(moves=(made,)), "moves")
    assert name.endswith(f" for {purpose}")


def test_the_note_of_a_move_has_what_it_does_what_it_buys_what_stopped_it_and_its_reasons() -> None:
    bought = Bought(snr_before_db=-5.14, snr_after_db=0.72, sii_before=0.331, sii_after=0.524, bought=0.08, per_db=0.01)
    made = replace(move("MX", "cut", ("C0001", "C0003")), evidence=bought, stopped_by="goal")
    (marker,) = markers_of(plan(moves=(made,)), ["moves"])
    assert marker.note == (
        "cut to -8.0 dB (sides -4.0); clarity 0.33 to 0.52; no more because the line has reached its goal; "
        "because of C0001, C0003"
    )


def test_lines_and_scenes_say_what_became_of_them() -> None:
    scenes = (
        PlannedScene(id="S-0000", start=0, end=RATE_HZ),
        PlannedScene(id="S-0001", start=RATE_HZ, end=2 * RATE_HZ, clarity_before=0.4, clarity_after=0.611),
    )
    names = names_of(plan(lines=(line(1, 0.31, 0.524),), scenes=scenes), "lines", "scenes")
    assert names == ["scene S-0000", "scene S-0001 clarity 0.40 to 0.61", "DX-0061.0 clarity 0.31 to 0.52"]


def test_a_conflict_of_no_line_is_no_marker_for_nothing_is_done_about_it() -> None:
    its_plan = evidence().plan
    assert any(one.line is None for one in its_plan.conflicts)
    assert len(names_of(its_plan, "conflicts")) == 3
    assert not any(" hides AMB " in name for name in names_of(its_plan, "conflicts"))


def test_markers_come_in_order_of_time_and_of_one_time_the_largest_conflict_first() -> None:
    conflicts = (conflict(1, "FX", 0.2, 0.1), conflict(2, "MX", 2.0, 0.1), conflict(3, "AMB", 0.4, 0.1))
    moves = (
        replace(move("MX", "cut", ()), start=conflicts[0].start, end=conflicts[0].start + 10),
        replace(move("FX", "cut", ()), id="longer", start=conflicts[0].start, end=conflicts[0].start + 20),
    )
    names = names_of(plan(conflicts=conflicts, moves=moves), *KINDS)
    assert [name.split()[0] for name in names] == [
        "scene", "DX-0061.0", "DX-0062.0", "DX-0063.0", "MX", "AMB", "FX", "FX", "MX",
    ]  # fmt: skip


def test_only_what_is_asked_for_is_marked() -> None:
    kinds = {kind: {one.kind for one in markers_of(plan(), [kind])} for kind in KINDS}
    assert kinds == {kind: {name} for kind, name in KINDS.items()}
    assert markers_of(plan(), []) == []


# ---- golden texts ----------------------------------------------------------------------------------------------------

GOLDEN = (
    at("scene", 0, 90, "scene S-0000"),
    at("move", 60, 63.02, "MX cut to -7.7 dB at 656-4008 Hz for DX-0061.0", note="why", band_hz=(656.1, 4008.2)),
    at("conflict", 61.5, 63.5, "MX hides DX 1.0-2.8 kHz at -6 dB", note="hidden", band_hz=(1008.4, 2799.9)),
    at("line", 61.51, 3_723.25, "DX-0061.0 clarity 0.31 to 0.52"),
)


def test_reaper_gets_markers_and_regions_with_unmistakable_times_and_colours() -> None:
    assert reaper_listing(plan(), GOLDEN) == (
        "#,Name,Start,End,Length,Color\n"
        "R1,scene S-0000,0:00:00.000000,0:01:30.000000,0:01:30.000000,8E44AD\n"
        "R2,MX cut to -7.7 dB at 656-4008 Hz for DX-0061.0,0:01:00.000000,0:01:03.020000,0:00:03.020000,2E86DE\n"
        "M1,MX hides DX 1.0-2.8 kHz at -6 dB,0:01:01.500000,,,E03C31\n"
        "R3,DX-0061.0 clarity 0.31 to 0.52,0:01:01.510000,1:02:03.250000,1:01:01.740000,27AE60\n",
        (),
    )


def test_audacity_gets_labels_and_the_frequencies_of_what_has_bands() -> None:
    assert audacity_listing(plan(), GOLDEN) == (
        "0.000000\t90.000000\tscene S-0000\n"
        "60.000000\t63.020000\tMX cut to -7.7 dB at 656-4008 Hz for DX-0061.0\n"
        "\\\t656.100000\t4008.200000\n"
        "61.500000\t63.500000\tMX hides DX 1.0-2.8 kHz at -6 dB\n"
        "\\\t1008.400000\t2799.900000\n"
        "61.510000\t3723.250000\tDX-0061.0 clarity 0.31 to 0.52\n",
        (),
    )


def test_a_time_is_the_nearest_microsecond() -> None:
    """At 44.1 kHz samples 1 and 2 stand at 22.68 and 45.35 microseconds; at 48 kHz the third at 62.5."""
    text = audacity_listing(plan(sample_rate=44_100), [Marker("line", 1, 2, "a")]).text
    assert text == "0.000023\t0.000045\ta\n"
    assert audacity_listing(plan(), [Marker("line", 0, 3, "a")]).text == "0.000000\t0.000063\ta\n"


def test_an_edl_has_an_event_a_frame_on_the_programmes_timecode() -> None:
    """At 25 frames a second 61.5 and 61.51 s lie in one frame, which has one event; the conflict names it."""
    its_plan = plan(title="Harbour,\nreel 3", frame_rate="25", start="10:00:00:00")
    assert edl_listing(its_plan, (*GOLDEN[:2], GOLDEN[3], GOLDEN[2])) == (
        "TITLE: Harbour, reel 3\n"
        "FCM: NON-DROP FRAME\n"
        "\n"
        "001  001      V     C        10:00:00:00 10:00:00:01 10:00:00:00 10:00:00:01\n"
        " |C:ResolveColorPurple |M:scene S-0000 |D:2250\n"
        "* LOC: 10:00:00:00 MAGENTA scene S-0000\n"
        "\n"
        "002  001      V     C        10:01:00:00 10:01:00:01 10:01:00:00 10:01:00:01\n"
        "why |C:ResolveColorBlue |M:MX cut to -7.7 dB at 656-4008 Hz for DX-0061.0 |D:75\n"
        "* LOC: 10:01:00:00 BLUE    MX cut to -7.7 dB at 656-4008 Hz for DX-0061.0\n"
        "\n"
        "003  001      V     C        10:01:01:12 10:01:01:13 10:01:01:12 10:01:01:13\n"
        "together: MX hides DX 1.0-2.8 kHz at -6 dB; DX-0061.0 clarity 0.31 to 0.52 |C:ResolveColorRed "
        "|M:MX hides DX 1.0-2.8 kHz at -6 dB (+1) |D:91544\n"
        "* LOC: 10:01:01:12 RED     MX hides DX 1.0-2.8 kHz at -6 dB\n"
        "* LOC: 10:01:01:12 GREEN   DX-0061.0 clarity 0.31 to 0.52\n"
        "\n",
        (),
    )


def test_the_title_of_an_edl_is_one_line_and_no_longer_than_cmx_3600_has_it() -> None:
    text = edl_listing(plan(title="a\tb " * 30, frame_rate="25"), []).text
    assert text.splitlines()[0] == "TITLE: " + "a b " * 17 + "a"


def test_drop_frame_leaves_out_the_codes_that_it_has_not() -> None:
    """The frame after 00:00:59;29 is 00:01:00;02; its event ends one frame later."""
    its_plan = plan(frame_rate="29.97df", start="00:00:59;28")
    frame = samples_from_frames(1, "29.97df", RATE_HZ)
    text, _ = edl_listing(its_plan, [Marker("line", frame, frame + 1, "a"), Marker("line", 2 * frame, 3 * frame, "b")])
    events = [row for row in text.splitlines() if "  V  " in row]
    assert text.splitlines()[1] == "FCM: DROP FRAME"
    assert events == [
        "001  001      V     C        00:00:59;29 00:01:00;02 00:00:59;29 00:01:00;02",
        "002  001      V     C        00:01:00;02 00:01:00;03 00:01:00;02 00:01:00;03",
    ]


def test_without_a_picture_timecode_counts_25_frames_from_the_start_and_says_so() -> None:
    said = "the project has no frame_rate: timecode is counted at 25 frames a second from {}"
    text, notes = edl_listing(plan(), [at("line", 1, 2)])
    assert "00:00:01:00 00:00:01:01" in text
    assert notes == (said.format("00:00:00:00"),)
    text, notes = edl_listing(plan(start=3600.0), [at("line", 1, 2)])
    assert "01:00:01:00 01:00:01:01" in text
    assert notes == (said.format("01:00:00:00"),)
    assert edl_listing(plan(frame_rate="25"), [at("line", 1, 2)]).notes == ()


def test_more_events_than_three_digits_can_number_are_numbered_on_and_said() -> None:
    many = [at("line", 0.04 * number, 0.04 * number + 1, f"line {number}") for number in range(1001)]
    assert edl_listing(plan(frame_rate="25"), many[:999]).notes == ()
    text, notes = edl_listing(plan(frame_rate="25"), many)
    assert re.findall(r"^(\d+)  001 ", text, re.MULTILINE)[-2:] == ["1000", "1001"]
    assert len(notes) == 1
    assert "1001 events" in notes[0]
    assert [clip.name for clip in clips_of(text, "25")][-1] == "1001"


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
def test_nothing_to_mark_is_a_text_without_markers(listing: Any) -> None:
    assert listing(plan(frame_rate="25"), []).text in (
        "#,Name,Start,End,Length,Color\n",
        "",
        "TITLE: Harbour, [bold]reel 3[/] :smile:\nFCM: NON-DROP FRAME\n\n",
    )


# ---- read back, whatever the names and times -------------------------------------------------------------------------

SIGNS = st.text(st.characters() | st.sampled_from("\t\n\r\v\f\0\x1b\x85\u2028,;\"'|*\\:"), max_size=12)


@st.composite
def marked(draw: st.DrawFn, rates: tuple[int, ...] = (44_100, 48_000, 96_000, 192_000)) -> tuple[Plan, list[Marker]]:
    """A plan of a day, with or without a picture, and markers in order of time."""
    rate_hz = draw(st.sampled_from(rates))
    rate = draw(st.sampled_from([None, *RATES]))
    start = None if rate is None else timecode_from_frames(draw(st.integers(0, frames_a_day(rate) // 2)), rate)
    length = 10 * 3600 * rate_hz
    spans = sorted(draw(st.lists(st.tuples(st.integers(0, length - 1), st.integers(1, length)), max_size=8)))
    markers = [
        Marker(
            draw(st.sampled_from(list(KINDS.values()))),
            begin,
            begin + more,
            draw(SIGNS),
            f"note {draw(SIGNS)}",
            draw(st.none() | st.tuples(st.floats(60, 500), st.floats(501, 16_000))),
        )
        for begin, more in spans
    ]
    empty: dict[str, Any] = dict.fromkeys(("moves", "lines", "conflicts", "scenes"), ())
    fields = {"sample_rate": rate_hz, "frames": 2 * length, "frame_rate": rate, "start": start, "title": draw(SIGNS)}
    return plan(**(empty | fields)), markers


def flat(text: str) -> str:
    """One line, single spaces."""
    return re.sub(r"\s+", " ", "".join(sign if sign.isprintable() else " " for sign in text)).strip()


def sample_at(seconds: Fraction, rate_hz: int) -> int:
    return round(seconds * rate_hz)


def seconds_of(hours: str) -> Fraction:
    h, m, s = hours.split(":")
    assert re.fullmatch(r"\d\d\.\d{6}", s)
    assert int(m) < 60
    assert Fraction(s) < 60
    return 3600 * int(h) + 60 * int(m) + Fraction(s)


@given(marked())
def test_reapers_csv_reads_back_to_the_sample(given_: tuple[Plan, list[Marker]]) -> None:
    its_plan, markers = given_
    header, *rows = csv.reader(StringIO(reaper_listing(its_plan, markers).text))
    assert header == ["#", "Name", "Start", "End", "Length", "Color"]
    assert len(rows) == len(markers)
    numbers = {"M": 0, "R": 0}
    for row, marker in zip(rows, markers, strict=True):
        number, name, start, end, length, colour = row
        letter = "M" if marker.kind == "conflict" else "R"
        numbers[letter] += 1
        assert (number, name) == (f"{letter}{numbers[letter]}", flat(marker.name))
        assert sample_at(seconds_of(start), its_plan.sample_rate) == marker.start
        assert re.fullmatch("[0-9A-F]{6}", colour)
        if letter == "M":
            assert (end, length) == ("", "")
        else:
            assert sample_at(seconds_of(end), its_plan.sample_rate) == marker.end
            assert seconds_of(length) == seconds_of(end) - seconds_of(start)


@given(marked())
def test_audacitys_labels_read_back_to_the_sample(given_: tuple[Plan, list[Marker]]) -> None:
    its_plan, markers = given_
    lines = audacity_listing(its_plan, markers).text.split("\n")
    assert lines.pop() == ""
    for marker in markers:
        start, end, name = lines.pop(0).split("\t")
        assert [sample_at(Fraction(time), its_plan.sample_rate) for time in (start, end)] == [marker.start, marker.end]
        assert name == flat(marker.name)
        if marker.band_hz is not None:
            sign, *band_hz = lines.pop(0).split("\t")
            assert sign == "\\"
            assert [float(hz) for hz in band_hz] == pytest.approx(marker.band_hz, abs=1e-6)
    assert lines == []


def clips_of(text: str, rate: str) -> list[Any]:
    """The events as opentimelineio has them; at rates that it does not know by name, as many are counted to the
    second."""
    known = float(FRAME_RATES[rate]) if is_drop_frame(rate) else float(counted_a_second(rate))
    (track,) = otio.adapters.read_from_string(text, adapter_name="cmx_3600", rate=known).tracks
    return [item for item in track if isinstance(item, otio.schema.Clip)]


EVENT = re.compile(
    r"(?P<number>\d+)  001      V     C        (?P<at>\S+) (?P<after>\S+) (?P=at) (?P=after)\n"
    r"(?P<note>[^|\n]*) \|C:ResolveColor(?P<colour>[A-Z][a-z]+) \|M:(?P<name>[^|\n]*) \|D:(?P<frames>\d+)\n"
    r"(?P<locators>(?:\* LOC: .*\n)+)\n"
)


@given(marked())
def test_an_edl_reads_back_to_the_frame(given_: tuple[Plan, list[Marker]]) -> None:
    """Each marker is a locator of the event at the frame that it begins in; an event lasts as its longest marker."""
    its_plan, markers = given_
    rate = its_plan.frame_rate or "25"
    text = edl_listing(its_plan, markers).text
    head = re.match(r"TITLE: (.*)\nFCM: (NON-)?DROP FRAME\n\n", text)
    assert head is not None
    assert head[1] == flat(its_plan.title)[:70].rstrip()
    assert (head[2] is None) == is_drop_frame(rate)
    events = list(EVENT.finditer(text))
    assert "".join([head[0], *(event[0] for event in events)]) == text, "nothing else stands in it"
    assert [int(event["number"]) for event in events] == list(range(1, len(events) + 1))

    left = list(markers)
    for event in events:
        frame = frames_from_timecode(event["at"], rate)
        assert frames_from_timecode(event["after"], rate) == frame + 1
        here = [one for one in left if frame_of(one.start, its_plan) == frame]
        left = [one for one in left if one not in here]
        named = [re.fullmatch(r"\* LOC: (\S+) ([A-Z]+) +(.*)", row) for row in event["locators"].splitlines()]
        assert {locator[1] for locator in named if locator} == {event["at"]}
        names = sorted(flat(one.name).replace("|", "/") for one in here)
        assert sorted(locator[3] for locator in named if locator) == names
        assert int(event["frames"]) == max(1, *(frame_of(one.end, its_plan) - frame for one in here))
    assert left == []


@settings(deadline=None)  # the first example waits for its adapters
@given(marked())
def test_opentimelineio_finds_the_events_one_behind_another_and_their_locators(
    given_: tuple[Plan, list[Marker]],
) -> None:
    """Of drop-frame timecode it reads no locators."""
    its_plan, markers = given_
    rate = its_plan.frame_rate or "25"
    clips = clips_of(edl_listing(its_plan, markers).text, rate) if markers else []
    frames = sorted({frame_of(one.start, its_plan) for one in markers})
    assert [clip.source_range.start_time.value for clip in clips] == frames
    assert {clip.source_range.duration.value for clip in clips} <= {1}
    if not is_drop_frame(rate):
        read = [(one.marked_range.start_time.value, one.name) for clip in clips for one in clip.markers]
        names = [(frame_of(one.start, its_plan), flat(one.name).replace("|", "/")) for one in markers]
        assert sorted(read) == sorted(names)


def frame_of(sample: int, its_plan: Plan) -> int:
    """The last frame, counted from midnight, that begins at a sample or before it; by trying."""
    rate = its_plan.frame_rate or "25"
    place = its_plan.clock.start_samples + sample
    frame = place * FRAME_RATES[rate] // its_plan.sample_rate - 1
    while samples_from_frames(frame + 1, rate, its_plan.sample_rate) <= place:
        frame += 1
    return frame
