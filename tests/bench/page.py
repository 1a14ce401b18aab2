#!/usr/bin/env python3
"""How long the report's page takes, whole process from kept features, and how large it is; a picture of it.

    python tests/bench/page.py                              # the example, and repeated to 20 minutes
    python tests/bench/page.py --minutes 120 --reel ../shared/reels/siege
    python tests/bench/page.py --shot .github/report.png    # the example's, as a browser shows it

Stems are listened to before, so that what is timed is what somebody waits for who looks again. Beside the page stands
`stemmix report` as text, which decides, or remembers, the same and draws nothing. The median of the rounds is told.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import timing
from tests.bench.long_reels import EXAMPLE, build
from tests.bench.timing import STEMMIX, Cost, measured, middle, table

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Page:
    """What a page took, and the text beside it."""

    html: Cost
    text: Cost
    size_bytes: int


def paged(project: Path, folder: Path, rounds: int, words: tuple[str, ...] = ()) -> Page:
    """A project's page and its text in turn, after a first time that is not counted."""
    page = folder / f"{project.stem}.report.html"
    cache = folder / "cache"
    commands = [
        [*STEMMIX, "report", str(project), "--html", str(page), *words, "--quiet"],
        [*STEMMIX, "report", str(project), "--quiet"],
    ]
    for command in commands:
        measured(command, cache)
    taken = [[measured(command, cache)[0] for command in commands] for _ in range(rounds)]
    html, text = (middle([row[number] for row in taken]) for number in (0, 1))
    return Page(html, text, page.stat().st_size)


def shot(page: Path, picture: Path, width: int = 1240, height: int = 1150) -> None:
    """What a browser shows of a page."""
    from playwright.sync_api import sync_playwright

    program = next(found for name in BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": width, "height": height})
        opened.goto(page.resolve().as_uri())
        opened.screenshot(path=picture)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=timing.minutes, default=20.0, help="length of the long programme")
    parser.add_argument("--rounds", type=timing.rounds, default=5, help="how often each is made")
    parser.add_argument(
        "--reel", type=timing.folder, default=EXAMPLE, help="folder of dialogue, music, fx and ambience"
    )
    parser.add_argument("--shot", type=Path, help="write a picture of the example's page instead")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stemmix-page-") as made:
        folder = Path(made)
        example = EXAMPLE.with_suffix(".json")
        if given.shot is not None:
            paged(example, folder, 1)
            shot(folder / f"{example.stem}.report.html", given.shot)
            return
        long = build(folder / "long", given.minutes, reel=given.reel).project("master")
        rows = {}
        for name, project, words in (
            ("the example", example, ()),
            ("the example, with audio", example, ("--with-audio",)),
            (f"{given.minutes:g} minutes", long, ()),
            (f"{given.minutes:g} minutes, with audio", long, ("--with-audio",)),
        ):
            one = paged(project, folder, given.rounds, words)
            rows[name] = [
                f"{one.size_bytes / 1e6:.2f}",
                *(f"{figure:.2f}" for cost in (one.html, one.text) for figure in (cost.wall_s, cost.cpu_s)),
            ]
        print(table(["page MB", "wall s", "CPU s", "text: wall s", "CPU s"], rows))


if __name__ == "__main__":
    main()
