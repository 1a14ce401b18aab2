"""`presets`: every preset is listed, and one by itself is told whole, with its sources and doubts."""

from __future__ import annotations

import json

import pytest

from stemmix.cli import main
from stemmix.model.presets import PRESETS, STEM_GATED, Category
from stemmix.report.presets import CATEGORIES, KINDS, level_text, preset_text, presets_json, presets_text


def flat(text: str) -> str:
    """Words alone: a narrow page breaks cells."""
    return " ".join(text.split())


def test_every_category_and_kind_of_source_has_its_words() -> None:
    assert set(CATEGORIES) == set(Category.__args__) == {preset.category for preset in PRESETS.values()}  # type: ignore[attr-defined]
    assert set(KINDS) == {source.kind for preset in PRESETS.values() for source in preset.sources}


def test_the_table_lists_each_once_under_its_category_with_what_it_asks() -> None:
    lines = presets_text(120).splitlines()
    heading = ""
    seen = {}
    for line in lines:
        heading = line if line in CATEGORIES.values() else heading
        name = line.split(" ")[0]
        if name in PRESETS:
            assert name not in seen
            seen[name] = line
            preset = PRESETS[name]
            assert heading == CATEGORIES[preset.category]
            assert line.endswith(preset.sureness)
            loudness = preset.specification.loudness
            assert loudness is None or level_text(loudness) in line
    assert set(seen) == set(PRESETS)
    assert STEM_GATED in flat(presets_text(120))


@pytest.mark.parametrize("name", PRESETS)
def test_one_by_itself_is_told_whole(name: str) -> None:
    text, preset = flat(preset_text(name, 200)), PRESETS[name]
    for part in (preset.title, preset.confidence, *preset.alternatives, *preset.notes):
        assert flat(part) in text
    for source in preset.sources:
        assert flat(source.title) in text
        assert KINDS[source.kind] in text
        assert source.url is None or source.url in text
    loudness = preset.specification.loudness
    assert ("not Dolby Dialogue Intelligence" in text) == (loudness is not None and loudness.method == "dialogue")


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_page(width: int) -> None:
    texts = [presets_text(120), *(preset_text(name, width) for name in PRESETS)]
    assert all(len(line) <= max(width, 120 if text is texts[0] else 0) for text in texts for line in text.splitlines())


def test_for_programs_every_preset_stands_as_in_the_data() -> None:
    listed = json.loads(presets_json(None))
    assert [one["name"] for one in listed["presets"]] == list(PRESETS)
    (one,) = json.loads(presets_json("acx-audiobook"))["presets"]
    assert one["specification"]["loudness"]["lowest"] == -23.0
    assert one["specification"]["noise_floor_dbfs"]["highest"] == -60.0
    assert one["sources"][0]["kind"] == "secondary_seen"


def test_the_command_prints_them_and_refuses_a_name_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    assert capsys.readouterr().out == presets_text(120)
    assert main(["presets", "ebu-r128"]) == 0
    assert capsys.readouterr().out == preset_text("ebu-r128", 120)
    assert main(["presets", "ebu-r128", "--json"]) == 0
    assert capsys.readouterr().out == presets_json("ebu-r128")
    assert main(["presets", "ebu128"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "'ebu128' is not one of the 33 that are known; did you mean 'ebu-r128'?" in said.err
