"""The program that measures the page makes one, on a moment of the example; nothing is asserted on seconds."""

from __future__ import annotations

from pathlib import Path

from tests.bench import page
from tests.bench.long_reels import build


def test_a_page_and_its_text_are_made_and_take_time(tmp_path: Path) -> None:
    project = build(tmp_path / "reel", 0.2).project("master")
    one = page.paged(project, tmp_path, rounds=1)
    assert one.size_bytes > 50_000
    assert min(one.html.cpu_s, one.text.cpu_s) > 0.0
    assert (tmp_path / "master.report.html").read_text("utf-8").startswith("<!doctype html>")
