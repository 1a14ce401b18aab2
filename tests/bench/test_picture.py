"""The README's picture shows what a report says."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET

from tests.bench import picture
from tests.bench.long_reels import EXAMPLE
from tests.bench.timing import REPOSITORY, STEMMIX


def words_of(drawn: str) -> list[str | None]:
    return [text.text for text in ET.fromstring(drawn).findall(".//{*}text")]


def test_the_picture_in_readme_is_of_what_is_decided_today() -> None:
    project = EXAMPLE.with_suffix(".json")
    told = subprocess.run([*STEMMIX, "report", str(project), "--json"], capture_output=True, check=True, text=True)
    shown = (REPOSITORY / ".github" / "film_reel3.svg").read_text("utf-8")
    assert words_of(shown) == words_of(picture.picture(json.loads(told.stdout)))


def test_the_picture_shows_every_line_and_every_move() -> None:
    lines = [
        {"id": "L1", "target": "DX", "start_s": 1.0, "end_s": 2.0, "clarity_before": 0.8, "clarity_after": 0.8},
        {"id": "L2", "target": "DX", "start_s": 4.0, "end_s": 6.0, "clarity_before": 0.2, "clarity_after": 0.5},
    ]
    cut = {"kind": "unmask", "mid_db": [0.0] * 10 + [-6.0] * 16 + [0.0] * 10, "side_db": [0.0] * 36}
    span = {"line": "L2", "start_s": 4.0, "end_s": 6.0}
    report = {
        "title": "Fish & chips",
        "duration_s": 10.0,
        "clarity_goal": 0.5,
        "stems": [{"id": "DX"}, {"id": "MX"}, {"id": "FX"}],
        "lines": lines,
        "moves": [
            {"stem": "MX", "action": cut, **span},
            {"stem": "MX", "action": {"kind": "duck", "gain_db": -6.0}, **span},
            {"stem": "DX", "action": {"kind": "ride", "gain_db": 3.0}, **span},
        ],
        "pairs": [
            {"target": "DX", "masker": "MX", "size_before": 2.0, "size_after": 0.5},
            {"target": "MX", "masker": "FX", "size_before": 9.0, "size_after": 9.0},
        ],
    }
    drawn = ET.fromstring(picture.picture(report))
    names = [shape.get("class") for shape in drawn.findall(".//{*}rect")]
    words = [text.text for text in drawn.findall(".//{*}text")]
    assert "Fish & chips" in words
    assert "2 lines. Below clarity 0.5: 1 as the stems came, 0 in the mix." in words
    assert names.count("same") == 2, "the legend and the line that was clear"
    assert names.count("before") == names.count("after") == 3, "the legend, a line, and the pair whose target has lines"
    assert names.count("cut") == 2 + 3, "two steps of the scale; the duck above, below and under the cut"
    assert names.count("raise") == 1 + 1
    assert words.count("untouched") == 1
