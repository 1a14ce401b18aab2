"""The page in a browser that people have: it opens without a fault, is moved, jumps, tells, and is legible."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stemmix.model.plan import Edge
from stemmix.model.profiles import Role
from stemmix.model.timecode import FRAME_RATES, Clock, is_drop_frame, samples_from_frames
from stemmix.report import page as page_module
from stemmix.report.page import page_html
from tests.evidence import conflict, evidence, heard, move, plan
from tests.material import edited, plan_in, rendered
from tests.report.exhibits import exhibit, overview

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

EXAMPLE = Path(__file__).resolve().parents[1] / "projects" / "film_reel3.json"
REPORT = Path(page_module.__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]

A4 = 718
"""Pixels across, between its margins."""

PROBES = (Path(__file__).parent / "report" / "page_probes.js").read_text("utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a render of the example and its page; the picture has a rate."""
    folder = tmp_path_factory.mktemp("reel")
    shutil.copytree(EXAMPLE.with_suffix(""), folder / EXAMPLE.stem, ignore=shutil.ignore_patterns("*.py", "*.md"))
    project = Path(shutil.copy(EXAMPLE, folder))
    edited(project, lambda document: document.update(report="page_with_audio", frame_rate="25", start="10:00:00:00"))
    rendered(project, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"there is no browser: none of {', '.join(BROWSERS)} is installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


class Opened:
    """The page as a person has it before them, and what went wrong in it."""

    def __init__(
        self, browser: Browser, path: Path, width: int = 1360, height: int = 900, scheme: Any = "light"
    ) -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.page.on(
            "console", lambda said: self.faults.append(said.text) if said.type in {"error", "warning"} else None
        )
        self.page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def probe(self, name: str) -> list[Any]:
        """What one of `page_probes.js` finds."""
        found: list[Any] = self.page.evaluate(f"(() => {{ {PROBES}; return {name}(); }})()")
        return found

    @property
    def view(self) -> tuple[float, float]:
        """What of the programme is seen, in cells: from where, how many."""
        boxes = self.page.eval_on_selector_all("svg.time", "all => all.map(one => one.getAttribute('viewBox'))")
        seen = {tuple(map(float, (box.split()[0], box.split()[2]))) for box in boxes}
        assert len(seen) == 1, "all charts show the same stretch"
        ((start, width),) = seen
        return start, width


@pytest.fixture
def opened(browser: Browser, made: Path) -> Iterator[Opened]:
    here = Opened(browser, made / "film_reel3.report.html")
    yield here
    assert here.faults == []
    here.page.close()


def test_it_opens_without_a_fault_and_asks_for_nothing(opened: Opened) -> None:
    assert [url for url in opened.asked if not url.startswith("data:")] == [opened.page.url]
    assert opened.page.title().endswith("stemmix report")
    assert opened.page.locator("svg.time").count() > 8
    assert opened.page.locator("img, image.map").evaluate_all("all => all.every(one => one.getAttribute('href'))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 800, 390])
def test_words_do_not_touch_are_not_clipped_and_can_be_read(
    browser: Browser, made: Path, width: int, scheme: str
) -> None:
    here = Opened(browser, made / "film_reel3.report.html", width, 844, scheme)
    assert here.page.evaluate("document.documentElement.scrollWidth") <= width, "only tables scroll sideways"
    assert here.probe("wordsThatTouch") == []
    assert here.probe("clipped") == []
    assert here.probe("faint") == []
    assert here.faults == []
    here.page.close()


def test_tables_of_sentences_are_read_on_a_phone_without_scrolling(browser: Browser, made: Path) -> None:
    here = Opened(browser, made / "film_reel3.report.html", 390, 844)
    for name in ("conflicts", "moves", "lines", "delivery", "checks", "receipt"):
        table = here.page.locator(f".scrolled:has([data-table={name}])")
        assert table.evaluate("one => one.scrollWidth - one.clientWidth") == 0, name
    here.page.close()


def test_a_phone_scrolls_only_tables_whatever_files_are_called(browser: Browser, tmp_path: Path) -> None:
    """A recorder's names have no place to break at."""
    name = "zoom0012_music_theme_stereo_mix_master_v3_FINAL"
    told = evidence(notes=(f"{name} is silent: it takes no part in any decision",))
    first = told.stems[0].model_copy(update={"warnings": (f"reel/{name}.wav: has a DC offset",)})
    told = told.model_copy(update={"stems": (first, *told.stems[1:]), "files": (f"{name}_{name}.wav",)})
    page = tmp_path / "names.html"
    page.write_text(page_html(exhibit(evidence=told)), "utf-8")
    here = Opened(browser, page, 390, 844)
    assert here.page.evaluate("document.documentElement.scrollWidth") <= 390
    here.page.close()


def test_tables_fit_a_desktop_and_paper_and_marks_a_phone_whatever_stems_are_called(
    browser: Browser, tmp_path: Path
) -> None:
    bed, voice = "Music-Bed_long_name.and.more", "Guest-in-the-studio"
    also = [stem.model_copy(update={"id": name}) for stem, name in zip(plan().stems, (voice, bed), strict=False)]
    told = evidence(
        stems=(*plan().stems, *also),
        conflicts=(conflict(1, bed, 1.5, 0.5, target=voice),),
        moves=(move(bed, "cut", ("C0001",)),),
        frame_rate="25",
        start="10:00:00:00",
    )
    page = tmp_path / "long.html"
    page.write_text(page_html(exhibit(evidence=told)), "utf-8")
    wide, narrow, paper = Opened(browser, page), Opened(browser, page, 390, 844), Opened(browser, page, A4)
    paper.page.emulate_media(media="print")
    for name in ("conflicts", "moves"):
        table = wide.page.locator(f".scrolled:has([data-table={name}])")
        assert table.evaluate("one => one.scrollWidth - one.clientWidth") == 0, name
        table = paper.page.locator(f"[data-table={name}]")
        assert table.evaluate("one => one.getBoundingClientRect().right") <= A4, name
        words = table.locator("tbody td:not(.number, .word)").evaluate_all("all => all.map(one => one.clientWidth)")
        assert min(words) > 60, "no column of words is a column of letters"
    name = narrow.page.locator(".track:not(.axis) .gutter b").first
    for length in range(40):
        name.evaluate("(one, length) => { one.textContent = 'Clarity of ' + 'i'.repeat(length); }", length)
        assert narrow.probe("wordsThatTouch") == [], length
    for here in (wide, narrow, paper):
        assert here.faults == []
        here.page.close()


def test_a_conflict_leads_to_its_place(opened: Opened, made: Path) -> None:
    page = opened.page
    link = page.locator("[data-table=conflicts] a.jump").first
    start_s, end_s = map(float, re.findall(r"[\d.]+", link.get_attribute("href") or ""))
    link.click()
    start, width = opened.view
    cell_s = 0.1
    assert start * cell_s <= start_s + 1e-6
    assert (start + width) * cell_s >= end_s - 1e-6
    assert width * cell_s <= max(3 * (end_s - start_s), 8.0) + 1e-6
    cursor, chart = (page.locator(one).first.bounding_box() for one in ("#cursor", "svg.time"))
    assert cursor is not None
    assert chart is not None
    at = start + width * (cursor["x"] - chart["x"]) / chart["width"]
    assert at * cell_s == pytest.approx(start_s, abs=0.05)
    assert chart["y"] < 400, "it is before one's eyes"
    assert page.url.endswith(f"#t={start_s:.3f},{end_s:.3f}")
    line = next(line for line in plan_in(made).lines if line.start <= start_s * 48_000 < line.end)
    assert f"{line.id}: clarity {line.clarity_before:.2f} → {line.clarity_after:.2f}" in page.inner_text("#readout")
    assert page.inner_text("#readout").startswith("10:00:")


def test_a_page_that_is_opened_at_a_place_shows_it(browser: Browser, made: Path) -> None:
    here = Opened(browser, made / "film_reel3.report.html")
    here.page.goto((made / "film_reel3.report.html").as_uri() + "#t=2.000,3.000")
    here.page.reload()
    assert here.view == (0.0, 80.0), "8 s around it"
    assert here.page.inner_text("#readout").startswith("10:00:02:00")


def test_a_link_that_a_sentence_ends_with_shows_its_place_and_one_that_is_none_shows_the_whole(
    browser: Browser, made: Path
) -> None:
    here = Opened(browser, made / "film_reel3.report.html")
    whole = here.view
    for link, seen in (
        ("#t=2.000,3.000.", (0.0, 80.0)),
        ("#t=5.5.5,7", whole),
        ("#t=2.000,3.000..", whole),
        (f"#t={400 * '9'},7", whole),
    ):
        here.page.goto((made / "film_reel3.report.html").as_uri() + link)
        here.page.reload()
        assert here.view == seen, link
    assert here.faults == []
    here.page.close()


def test_a_move_tells_its_reason_under_the_pointer_and_leads_to_its_row(opened: Opened, made: Path) -> None:
    page = opened.page
    move = next(move for move in plan_in(made).moves if move.action.kind == "unmask")
    bar = page.locator(f'[data-move="{move.id}"]')
    bar.scroll_into_view_if_needed()
    bar.hover()
    told = page.inner_text("#tip")
    assert told.startswith(f"{move.stem}: cut to ")
    assert "clarity" in told
    assert "no more, because" in told
    bar.click()
    row = page.locator(f'[id="m-{move.id}"]')
    assert row.is_visible()
    assert "shown" in (row.get_attribute("class") or "")


def test_a_move_leads_to_its_row_though_a_filter_hides_it(opened: Opened) -> None:
    page = opened.page
    page.locator("[data-filter=moves]").fill("nothing is called so")
    assert not any(row.is_visible() for row in page.locator("[data-table=moves] tbody tr").all())
    page.locator("[data-move]").first.click()
    assert page.locator("[data-table=moves] tr.shown").is_visible()
    assert page.locator("[data-filter=moves]").input_value() == "", "and the field says what is seen"


def test_ticks_stand_on_whole_seconds_of_the_clock(
    opened: Opened, browser: Browser, made: Path, tmp_path: Path
) -> None:
    labels = [text for text in opened.page.locator(".ticks i").all_inner_texts() if text]
    assert labels[:3] == ["10:00:00:00", "10:00:10:00", "10:00:20:00"]
    text = (made / "film_reel3.report.html").read_text("utf-8")
    drop = '"clock":{"frames":30000,"seconds":1001,"drop":true,"start":1728000000}'
    other = tmp_path / "drop.html"
    other.write_text(re.sub(r'"clock":\{[^}]*\}', drop, text), "utf-8")
    here = Opened(browser, other)
    labels = [text for text in here.page.locator(".ticks i").all_inner_texts() if text]
    # it begins a little after 10:00:00;00, for that is 35999.964 s
    assert labels[:5] == [f"10:00:{second};00" for second in (10, 20, 30, 40, 50)]
    here.page.close()


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("rate", FRAME_RATES)
def test_times_are_told_as_everywhere_else(opened: Opened, made: Path, rate: str, rate_hz: int, tmp_path: Path) -> None:
    """The script counts frames as `Clock` does, at every rate, where frames begin between two samples too."""
    samples = [*range(5), *(samples_from_frames(frame, rate, rate_hz) for frame in range(1, 4000, 37))]
    samples += [sample - 1 for sample in samples if sample]
    for start in (None, "10:00:00;00" if is_drop_frame(rate) else "09:59:58:00"):
        clock = Clock(rate_hz, rate, start)
        told = {"rate": rate_hz, "clock": page_module.clock_of(clock)}
        script = (REPORT / "page.js").read_text("utf-8")
        parts = script[script.index("  // ---- times") : script.index("  // Seconds that the clock shows")]
        found = opened.page.evaluate(
            f"(samples) => {{ const reel = {json.dumps(told)}; {parts}; return samples.map(told); }}", samples
        )
        assert found == [clock.told(sample) for sample in samples]


def test_keys_move_and_widen_the_view_and_walk_the_conflicts(opened: Opened) -> None:
    page = opened.page
    whole = opened.view[1]
    page.locator("#tracks").focus()
    page.keyboard.press("+")
    assert opened.view[1] == pytest.approx(whole / 2)
    before = opened.view[0]
    page.keyboard.press("ArrowRight")
    assert opened.view[0] > before
    page.keyboard.press("0")
    assert opened.view == (0.0, whole)
    page.keyboard.press("n")
    first = page.url
    assert re.search(r" · [A-Z]+ hides DX, \d+-\d+ Hz, -?\d+\.\d dB · DX-", page.inner_text("#readout"))
    assert page.locator("[data-table=conflicts] tr.shown").count() == 1
    page.keyboard.press("n")
    second = page.url
    page.keyboard.press("p")
    assert page.url == first != second
    seen = opened.view
    page.locator("#conflicts a.jump").first.focus()
    page.keyboard.press("Home")
    page.wait_for_function("scrollY === 0")
    assert opened.view == seen, "it leads to the page's beginning, as everywhere"
    page.locator("input[type=search]").first.focus()
    page.keyboard.press("0")
    assert page.url == first, "who writes into a field moves nothing"


def test_everything_that_can_be_done_is_reached_by_the_keyboard(opened: Opened) -> None:
    page = opened.page
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(opened.probe("focused"))
    assert {"skip", "in", "out", "all", "next", "tracks", "conflicts", "jump"} <= reached


def test_dragging_looks_closer_and_a_double_click_wider(opened: Opened) -> None:
    page = opened.page
    box = page.locator("svg.time").nth(1).bounding_box()
    assert box is not None
    whole, y = opened.view[1], box["y"] + 10
    page.mouse.move(box["x"] + 0.25 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], y, steps=4)
    page.mouse.move(box["x"] + 0.5 * box["width"], y, steps=4)
    page.mouse.up()
    assert opened.view == (pytest.approx(0.25 * whole, rel=0.02), pytest.approx(0.25 * whole, rel=0.02))
    page.mouse.dblclick(box["x"] + 0.5 * box["width"], y)
    assert opened.view[1] == pytest.approx(whole, rel=0.03)


def test_a_button_that_is_let_go_of_elsewhere_drags_no_more(opened: Opened) -> None:
    page = opened.page
    box = page.locator("svg.time").nth(1).bounding_box()
    assert box is not None
    whole = opened.view
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], 5)
    page.mouse.up()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 10)
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 10)
    assert "wide" not in (page.locator("#cursor").get_attribute("class") or "")
    page.mouse.down()
    page.mouse.up()
    assert opened.view == whole


def test_tables_are_filtered_and_shown_whole(opened: Opened) -> None:
    page = opened.page
    rows = page.locator("[data-table=conflicts] tbody tr")
    page.locator("[data-filter=conflicts]").fill("amb hides")
    shown = rows.evaluate_all("all => all.filter((row) => row.checkVisibility()).map((row) => row.textContent)")
    assert 0 < len(shown) < rows.count()
    assert all("AMB" in text and "hides" in text for text in shown)
    page.locator("[data-filter=conflicts]").fill("")
    folded = rows.evaluate_all("all => all.filter((row) => row.checkVisibility()).length")
    more = page.locator("[data-table=conflicts] tbody tr[data-more]").count()
    assert folded == rows.count() - more < rows.count(), "what was folded is so again, and its button says so"
    assert page.locator("[data-all=conflicts]").get_attribute("aria-expanded") != "true"
    for button in page.locator("[data-all]").all():
        button.click()
        assert button.get_attribute("aria-expanded") == "true"
    assert all(row.is_visible() for row in page.locator("[data-table] tbody tr").all())


def test_the_worst_places_are_heard_before_and_after_from_the_same_moment(opened: Opened) -> None:
    page = opened.page
    excerpt = page.locator(".excerpt").first
    assert page.locator(".excerpt").count() == 5, "where something is done"
    before, after = (excerpt.locator("audio").nth(number) for number in (0, 1))
    loaded = "one => new Promise((told) => { one.onloadedmetadata = () => told(one.duration); one.load(); })"
    lengths = [one.evaluate(loaded) for one in (before, after)]
    assert lengths[0] == pytest.approx(lengths[1], abs=1e-3)
    assert lengths[0] > 2.0
    before.evaluate("one => { one.currentTime = 1.5; return one.play(); }")
    page.wait_for_function("one => one.currentTime > 1.6", arg=before.element_handle())
    excerpt.get_by_role("button").click()
    page.wait_for_function("one => one.currentTime > 1.7", arg=after.element_handle())
    assert before.evaluate("one => one.paused")
    page.locator(".excerpt").nth(1).locator("audio").first.evaluate("one => one.play()")
    page.wait_for_function("one => one.paused", arg=after.element_handle())


def test_who_masks_whom_among_many_stems_is_on_paper_as_a_whole(browser: Browser, tmp_path: Path) -> None:
    names = [f"AMBIENCE-{number:02}" for number in range(16)]
    pairs = tuple(Edge(target=a, masker=b, size_before=12.5, size_after=9.75) for a, b in permutations(names, 2))
    stems = tuple(plan().stems[0].model_copy(update={"id": name, "role": Role.AMBIENCE}) for name in names)
    told = evidence(stems=stems, lines=(), moves=(), conflicts=(), edges=pairs, outcome=None)
    told = told.model_copy(update={"stems": tuple(heard(name, Role.AMBIENCE) for name in names)})
    page = tmp_path / "many.html"
    page.write_text(page_html(exhibit(evidence=told, overview=overview(stems=tuple(names)))), "utf-8")
    here = Opened(browser, page, A4)
    here.page.emulate_media(media="print")
    assert here.page.locator(".matrix").evaluate("one => one.getBoundingClientRect().right") <= A4
    assert here.faults == []
    here.page.close()


def test_on_paper_there_are_charts_and_tables_and_nothing_to_press(opened: Opened) -> None:
    page = opened.page
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator("#timeline .bar").is_visible()
    assert page.locator("svg.time").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.probe("faint") == []
    assert len(page.pdf()) > 20_000


def test_without_scripts_it_is_a_report_all_the_same(browser: Browser, made: Path) -> None:
    page = browser.new_context(java_script_enabled=False, viewport={"width": 1360, "height": 900}).new_page()
    page.goto((made / "film_reel3.report.html").as_uri())
    assert page.locator(".ticks i").first.inner_text() == "10:00:00:00"
    assert not page.locator("button").first.is_visible(), "what does nothing is not shown"
    assert page.locator("[data-table=moves] tbody tr").last.is_visible(), "and all rows are"
