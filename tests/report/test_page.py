"""The page: everything in it, nothing outside of it, and nothing in it that was not meant."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from stemmix.model.evidence import Chosen
from stemmix.model.exhibit import Exhibit, MasterAim
from stemmix.model.features import Span
from stemmix.model.plan import Edge, PlannedScene
from stemmix.model.presets import PRESETS
from stemmix.model.profiles import Role
from stemmix.model.report import Report
from stemmix.report.page import page_html
from stemmix.report.reported import report_json
from stemmix.report.spectra import RANGE_DB, classic_chart, spectrum_chart
from stemmix.report.stems import stems_text
from tests.evidence import RATE_HZ, evidence, facts, heard, line
from tests.report.exhibits import exhibit, overview, receipt

VOID = {"meta", "link", "input", "br"}
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


class Parsed(HTMLParser):
    """Elements in order with their text, and whether every one is closed."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[int, str] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.texts[len(self.found) - 1] = self.texts.get(len(self.found) - 1, "") + data

    def text_of(self, tag: str, **attributes: str) -> list[str]:
        return [
            self.texts.get(number, "")
            for number, (name, given) in enumerate(self.found)
            if name == tag and all(given.get(key.rstrip("_")) == value for key, value in attributes.items())
        ]

    def all(self, attribute: str) -> list[str]:
        return [given[attribute] or "" for _, given in self.found if attribute in given]


def parsed(**fields: object) -> Parsed:
    made = Parsed(page_html(exhibit(**fields)))
    assert made.open == []
    return made


def test_a_page_needs_nothing_but_itself() -> None:
    """No address leads out of it, and nothing in it fetches."""
    text = page_html(exhibit(receipt=receipt()))
    made = Parsed(text)
    addresses = made.all("href") + made.all("src") + made.all("data-href")
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|https?:|//[a-z]+\.", text.split("<body>")[1])
    assert "<body>" in text


def test_every_link_within_leads_somewhere() -> None:
    made = parsed(receipt=receipt())
    ids = made.all("id")
    assert len(ids) == len(set(ids))
    within = [address[1:] for address in made.all("href") if address.startswith("#") and not address.startswith("#t=")]
    assert set(within) <= set(ids)
    assert {"timeline", "masking", "conflicts", "moves", "lines", "stems", "delivery", "receipt"} <= set(within)
    assert set(made.all("aria-labelledby")) <= set(ids)


def test_every_chart_has_words_for_those_who_do_not_see_it() -> None:
    made = parsed(receipt=receipt())
    charts = [given for tag, given in made.found if tag == "svg"]
    assert len(charts) > 10
    assert all(given.get("role") == "img" and given.get("aria-label") for given in charts)
    assert all(given.get("aria-label") for tag, given in made.found if tag == "input")


def test_every_table_that_scrolls_is_named_by_its_heading() -> None:
    """It is a stop for the keyboard, and a screen reader says where one has come to."""
    made = parsed(receipt=receipt())
    headings = {given.get("id") for tag, given in made.found if tag in {"h2", "h3"}}
    names = [given.get("aria-labelledby") for _, given in made.found if given.get("class") == "scrolled"]
    assert len(names) == sum(tag == "table" for tag, _ in made.found) == len(set(names))
    assert set(names) <= headings


def test_a_page_of_a_part_says_of_what() -> None:
    told = evidence()
    part = told.model_copy(update={"chosen": Chosen(start=RATE_HZ, end=2 * RATE_HZ, scene="S-0000", stem="MX")})
    (said,) = parsed(evidence=part).text_of("p", class_="warn narrowed")
    assert said == (
        "Of scene S-0000, 0:01.0-0:02.0, what concerns stem MX only: tables, lines and moves. Figures are of all stems "
        "there. Waveforms, maps and loudness are of all of it."
    )
    part = told.model_copy(update={"chosen": Chosen(start=RATE_HZ, end=2 * RATE_HZ)})
    (said,) = parsed(evidence=part).text_of("p", class_="warn narrowed")
    assert said.startswith("Of 0:01.0-0:02.0 only: figures, tables, lines and moves.")
    assert not parsed().text_of("p", class_="warn narrowed")


def test_of_one_stem_alone_it_is_not_said_that_nobody_speaks() -> None:
    """Nothing could hide a line of it, so none is looked for."""
    stems = evidence().plan.stems
    nothing = {"lines": (), "moves": (), "conflicts": (), "edges": (), "outcome": None}
    alone = parsed(evidence=evidence(stems=stems[:1], **nothing))
    assert "Only one stem is heard: no line is judged." in alone.text_of("p")
    assert "No line is spoken." in parsed(evidence=evidence(**nothing)).text_of("p")


def test_a_stem_is_as_active_as_every_other_form_tells_it() -> None:
    """A share of the programme, or of the span; not of the stem, which may be shorter."""
    active = facts(frames=9 * RATE_HZ, spoken=(Span(start=0, end=9 * RATE_HZ),))
    whole = evidence()
    whole = whole.model_copy(update={"stems": (heard("DX", Role.DIALOGUE, facts=active), *whole.stems[1:])})
    assert "active 10% of the time, 2 onsets" in parsed(evidence=whole).text_of("p")
    part = whole.model_copy(update={"chosen": Chosen(start=2 * RATE_HZ, end=4 * RATE_HZ)})
    assert "active 100% of the span, 1 onset" in parsed(evidence=part).text_of("p")
    for told, share in ((whole, 0.1), (part, 1.0)):
        assert Report.model_validate_json(report_json(told)).stems[0].active_share == share
        (row,) = (row for row in stems_text(told, 120).splitlines() if row.startswith("DX "))
        assert row.endswith(f" {share:.0%}")


def test_it_says_that_stems_are_measured_before_their_faders_and_as_folded_to_stereo() -> None:
    (about,) = (text for text in parsed().text_of("p") if "seven classic bands" in text)
    assert about.endswith(
        "after the fader; loudness, LRA and peak are before it. Stems of more than two channels are folded to stereo."
    )


def test_both_lines_of_a_chart_are_named_where_they_are_drawn() -> None:
    """Spectra stand far below the timeline."""
    parts = page_html(exhibit()).split("<section ")
    for name in ("timeline", "stems"):
        (part,) = (one for one in parts if one.startswith(f'id="{name}"'))
        assert '<span class="before">as the stems came</span><span class="after">in the mix</span>' in part


@pytest.mark.parametrize(("listed", "called"), [(2, "lines"), (3, "lines"), (4, "lines of speech")])
def test_figures_say_of_which_lines_they_are(listed: int, called: str) -> None:
    """Three are of speech: a pin makes a fourth, and of a stem that is looked at alone fewer are listed."""
    lines = tuple(line(number, 0.31, 0.524) for number in range(listed))
    made = parsed(evidence=evidence(lines=lines))
    assert f"{called} under clarity 0.5" in made.text_of("dt")


def test_a_receipt_that_cannot_be_read_is_no_render_and_no_lack_of_one() -> None:
    made = parsed(outdated="reel.receipt.json cannot be read")
    (said,) = made.text_of("p", class_="warn")
    assert said == "Nothing is known of the last render: reel.receipt.json cannot be read."
    assert not any("Nothing has been rendered yet" in text for text in made.text_of("p"))


def test_how_a_map_is_read_holds_on_a_dark_screen_too() -> None:
    """What is strong there is light."""
    text = page_html(exhibit())
    assert "The stronger the colour of a map, the more of a band is hidden" in text
    assert "the stronger the grey, the more the band matters" in text
    assert "darker" not in text


def test_titles_and_ids_break_nothing() -> None:
    told = evidence(title=EVIL, scenes=(PlannedScene(id="S-0000", start=0, end=RATE_HZ),), notes=(EVIL,))
    text = page_html(exhibit(evidence=told))
    made = Parsed(text)
    assert sum(tag == "script" for tag, _ in made.found) == 2
    assert not any(tag == "img" for tag, _ in made.found)
    assert made.text_of("h1") == [EVIL]
    (data,) = made.text_of("script", id="reel")
    assert json.loads(data)["rate"] == RATE_HZ


def test_a_stem_that_only_the_mix_hides_stands_in_the_matrix() -> None:
    """As a bed may be under a voice that is raised."""
    edges = (Edge(target="DX", masker="MX", size_before=4.0, size_after=0.75),)
    edges += (Edge(target="AMB", masker="DX", size_before=0.0, size_after=1.25),)
    cells = parsed(evidence=evidence(edges=edges)).text_of("td", class_="number heat")
    assert cells == ["4.00 → 0.75", "0.00 → 1.25"]


def test_conflicts_tell_what_is_done_and_what_it_buys_and_where_they_are() -> None:
    text = " ".join(page_html(exhibit()).split())
    first = text.split('id="c-C0003"')[1].split("</tr>")[0]
    assert 'href="#t=61.500,63.500"' in first
    assert "MX hides DX" in first
    assert "2.500 → 0.250" in first
    assert "MX: cut to -8.0 dB (sides -4.0)" in first
    assert "90% less hidden" in first
    assert "AMB: duck by 3.2 dB" in text.split('id="c-C0002"')[1].split("</tr>")[0]
    assert "nothing" in text.split('id="c-C0004"')[1].split("</tr>")[0]


def test_a_row_of_a_move_is_found_by_the_bar_that_stands_for_it() -> None:
    made = parsed()
    moves = {move.id for move in evidence().plan.moves}
    assert set(made.all("data-move")) == moves
    assert {f"m-{move}" for move in moves} <= set(made.all("id"))


def test_long_tables_hold_their_later_rows_back_and_say_how_many_there_are() -> None:
    told = evidence()
    lines = tuple(
        type(told.plan.lines[0])(**{**vars_of(told.plan.lines[0]), "id": f"DX-{number:04d}.0"}) for number in range(40)
    )
    made = parsed(evidence=evidence(lines=(*told.plan.lines, *lines)))
    assert "Show all 43" in made.text_of("button", **{"data-all": "lines"})
    assert sum("data-more" in given for tag, given in made.found if tag == "tr") == 18


def vars_of(item: object) -> dict[str, object]:
    return {name: getattr(item, name) for name in type(item).__dataclass_fields__}  # type: ignore[attr-defined]


def test_without_a_render_it_says_what_one_would_write_and_expects_its_loudness() -> None:
    made = parsed()
    assert any("Nothing has been rendered yet" in text for text in made.text_of("p"))
    assert "receipt" not in made.all("id")
    assert "Loudness of printmaster as expected, before any limiter" in made.all("aria-label")


def test_of_a_render_it_shows_what_was_measured_judged_and_limited() -> None:
    text = page_html(exhibit(receipt=receipt()))
    made = Parsed(text)
    assert "Loudness of printmaster over time, -23.5 LUFS integrated" in made.all("aria-label")
    assert "Gain reduction of printmaster by its limiter, 2.5 dB at most" in made.all("aria-label")
    assert {"! warn", "✗ fail", "✓ pass"} <= set(made.text_of("span", class_="verdict warn")) | set(
        made.text_of("span", class_="verdict bad")
    ) | set(made.text_of("span", class_="verdict ok"))
    assert "#t=12.000,15.500" in made.all("href")
    assert "ab" * 32 in made.text_of("code")


@pytest.mark.parametrize(
    ("preset", "figure", "about"),
    [("netflix-nearfield-20", "-27.1 LUFS", "of dialogue · -3.2 dBTP"), ("ebu-r128", "-23.5 LUFS", "-3.2 dBTP")],
)
def test_a_master_is_told_first_by_the_loudness_that_it_is_judged_by(preset: str, figure: str, about: str) -> None:
    whole = receipt()
    spoken = whole.files[0].measured.model_copy(update={"dialogue_lufs": -27.1})
    files = (whole.files[0].model_copy(update={"measured": spoken}), *whole.files[1:])
    aims = {"printmaster": MasterAim(PRESETS[preset].specification.loudness, 0.0)}
    made = parsed(receipt=whole.model_copy(update={"files": files}), aims=aims)
    assert figure in made.text_of("dd")
    assert f"{about} · ! warn" in made.text_of("small")


def test_what_was_measured_lies_where_it_was_heard_whatever_the_length_of_the_file() -> None:
    """A picture of half the programme's length has half of its chart, at the programme's pace."""
    whole = receipt()
    master = whole.files[0]
    assert master.course is not None
    steps = {name: value[:300] for name, value in master.course if isinstance(value, tuple)}
    short = master.model_copy(update={"course": master.course.model_copy(update={"step_s": 0.15, **steps})})
    text = page_html(exhibit(receipt=whole.model_copy(update={"files": (short, *whole.files[1:])})))
    curve = text.split("Loudness of printmaster over time")[1].split("</svg>")[0]
    assert 'transform="scale(1.5 1)"' in curve, "a step of 0.15 s over cells of 0.1 s"
    assert "L299.5 " in curve


def levels_of(text: str) -> dict[str, float]:
    """In LUFS, what stands all along in a page's first chart of loudness, by its class."""
    chart = text.split('aria-label="Loudness of printmaster')[1].split("</svg>", maxsplit=1)[0]
    drawn = re.findall(r'<path class="([a-z]+)" d="M0 ([\d.]+)H', chart)
    return {kind: -5.0 - 50.0 * float(y) / 120.0 for kind, y in drawn if kind != "grid"}


def test_the_gate_is_drawn_where_it_was_not_10_lu_under_the_loudness() -> None:
    assert levels_of(page_html(exhibit(receipt=receipt())))["gate"] == pytest.approx(-36.0, abs=0.05)
    assert levels_of(page_html(exhibit()))["gate"] == pytest.approx(-34.5, abs=0.05), "-31.5 before the gain of -3"


def test_a_target_is_seen_where_the_loudness_is_on_it() -> None:
    """Drawn last: its dashes over the line, which would hide them."""
    assert [*levels_of(page_html(exhibit(receipt=receipt())))][-2:] == ["integrated", "target"]


def aimed(preset: str, gain_db: float | None) -> Exhibit:
    return exhibit(aims={"printmaster": MasterAim(PRESETS[preset].specification.loudness, gain_db)})


def test_loudness_is_expected_at_the_gain_that_a_render_would_find_not_at_the_target() -> None:
    """Of dialogue loudness the target is none of the programme's, and is called what it is."""
    text = page_html(aimed("netflix-nearfield-20", 5.0))
    levels = levels_of(text)
    assert levels["integrated"] == pytest.approx(-15.0, abs=0.3)
    assert levels["target"] == pytest.approx(-27.0, abs=0.3)
    assert "expected; LUFS; dashed: dialogue target" in Parsed(text).text_of("span")


@pytest.mark.parametrize(("preset", "name"), [("acx-audiobook", "RMS level"), ("cinema-trailer-tasa", "Leq(m)")])
def test_loudness_that_cannot_be_foretold_is_drawn_as_it_is_and_said_so(preset: str, name: str) -> None:
    text = page_html(aimed(preset, None))
    levels = levels_of(text)
    assert levels["integrated"] == pytest.approx(-20.0, abs=0.3)
    assert "target" not in levels, "what is no LUFS has no place in the chart"
    assert f"at gain 0: its {name} is not known yet; LUFS" in Parsed(text).text_of("span")


def test_a_receipt_that_has_kept_no_gate_is_shown_without_one() -> None:
    kept = receipt()
    assert kept.files[0].course is not None
    course = kept.files[0].course.model_copy(update={"gate_lufs": None})
    old = kept.model_copy(update={"files": (kept.files[0].model_copy(update={"course": course}),)})
    assert set(levels_of(page_html(exhibit(receipt=old)))) == {"target", "integrated"}


def test_a_render_of_another_mix_is_shown_as_that() -> None:
    """Its loudness is not drawn over moves that it was not made with."""
    made = parsed(receipt=receipt(), outdated="the project has changed since")
    assert any("the project has changed since" in text for text in made.text_of("p", class_="warn"))
    assert "Loudness of printmaster as expected, before any limiter" in made.all("aria-label")


def test_times_are_the_pictures_where_it_has_a_rate() -> None:
    told = evidence(frame_rate="29.97df", start="01:00:00;00")
    made = parsed(evidence=told)
    assert "01:01:01;15 - 01:01:03;15" in made.text_of("a", class_="jump")
    (data,) = made.text_of("script", id="reel")
    clock = json.loads(data)["clock"]
    assert clock == {"frames": 30_000, "seconds": 1001, "drop": True, "start": 172_799_827}, "107 892 frames"


def test_spectra_are_as_high_as_their_levels() -> None:
    stem = overview().stems[0]
    chart = spectrum_chart(stem, -30.0)
    paths = {part.get("class"): part.get("d", "") for part in chart.iter("path") if part.get("class") != "grid"}
    for kind, levels_db in (("before", stem.spectrum_before_db), ("after", stem.spectrum_after_db)):
        ys = [float(point.split()[1]) for point in paths[kind].removeprefix("M").split("L")]
        assert len(ys) == 36
        under = (np.array(ys) - 8) / (128 - 8) * RANGE_DB
        assert under == pytest.approx(-30.0 - levels_db, abs=0.05)


def test_bars_are_as_high_as_the_classic_bands_are_loud() -> None:
    heard = evidence().stems[0]
    bars = list(classic_chart(heard, -30.0).iter("rect"))
    assert [bar[0].text for bar in bars][:2] == ["60-150 Hz: -32.0 dBFS", "150-400 Hz: -32.0 dBFS"]
    assert {bar.get("height") for bar in bars} == {f"{120 * (1 - 2 / 70):.1f}"}
