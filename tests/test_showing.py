"""The page from project to file: by `report --html`, and beside a render; what it tells of the last render."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stemmix.cli import main
from stemmix.files import clips
from stemmix.files.documents import read_document
from stemmix.looking import exhibit
from stemmix.model.choice import Choice
from stemmix.model.exhibit import MasterAim
from stemmix.model.presets import PRESETS, Specification
from stemmix.model.receipt import Receipt
from stemmix.showing import aim_of
from tests.evidence import LOUD
from tests.material import RATE_HZ, edited, read_audio, rendered, scene, silent_progress, write_audio
from tests.report.exhibits import overview

Said = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return scene(tmp_path)


def with_report(project: Path, how: str) -> Path:
    return edited(project, lambda document: document.update(report=how))


def shown(project: Path, **options: Any) -> Any:
    return exhibit(project, progress=silent_progress, **options)


def test_a_page_is_written_whole_and_its_path_printed(project: Path, capsys: Said) -> None:
    page = project.parent / "report.html"
    page.write_text("the page of yesterday")
    assert main(["report", str(project), "--html", str(page)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{page}\n"
    assert re.fullmatch(r"(.*\n)*0\.\d MB\n", err)
    text = page.read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")
    assert not list(project.parent.glob(".*.part"))


def test_audio_is_read_for_excerpts_alone(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    """What was heard before is enough for everything else."""
    page = project.parent / "report.html"
    assert main(["report", str(project)]) == 0
    capsys.readouterr()
    opened: list[Path] = []
    whole = clips.TimelineReader.__init__

    def noted(self: Any, timeline: Any, *given: Any, **named: Any) -> None:
        opened.append(timeline.audio.path)
        whole(self, timeline, *given, **named)

    monkeypatch.setattr(clips.TimelineReader, "__init__", noted)
    assert main(["report", str(project), "--html", str(page)]) == 0
    assert opened == []
    assert main(["report", str(project), "--html", str(page), "--with-audio", "--excerpts", "1"]) == 0
    assert {path.name for path in opened} == {"dx.wav", "mx.wav", "fx.wav", "amb.wav"}
    assert page.read_text("utf-8").count("<audio") == 2
    assert "MB of it sound" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--html", "a.html", "--json"], "a page is of one project"),
        (["--html", "a.html", "--compare"], "a page is of one project"),
        (["--with-audio"], "is for the page only: give --html FILE"),
        (["--excerpts", "3"], "is for the page only: give --html FILE"),
        (["--html", "a.html", "--scene", "S-9"], "S-9"),
        (["--html", "a.html", "--out", "nowhere"], "nowhere is not a folder"),
        (["--html", "a.html", "--top", "3"], "a page always has the largest 400, and a filter"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(
    project: Path, words: list[str], said: str, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    assert main(["report", str(project), *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in " ".join(err.replace("│", " ").split())
    assert not (project.parent / "a.html").exists()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("scene/dx.wav", "is a file of this project's stems"),
        ("scene.json", "is the project"),
        ("nowhere/a.html", "its folder does not exist"),
        ("scene", "a folder has its name"),
        ("out/scene.plan.json", "is what a render of this project writes; choose another name with --html"),
        ("pipe", "it is not a regular file"),
        ("loop.html", "Too many levels of symbolic links"),
    ],
)
def test_a_page_falls_on_nothing_that_is_read(project: Path, target: str, said: str, capsys: Said) -> None:
    before = project.read_bytes()
    (project.parent / "out").mkdir()
    os.mkfifo(project.parent / "pipe")
    (project.parent / "loop.html").symlink_to("loop.html")
    assert main(["report", str(project), "--html", str(project.parent / target)]) == 6
    assert said in capsys.readouterr().err
    assert project.read_bytes() == before


def test_a_render_has_its_page_beside_it_and_in_its_receipt(project: Path, capsys: Said) -> None:
    with_report(project, "page")
    assert main(["render", str(project)]) == 0
    assert "and scene.plan.json, scene.receipt.json, scene.report.html" in capsys.readouterr().out
    receipt = read_document(project.parent / "out" / "scene.receipt.json", Receipt)
    assert receipt.page == "scene.report.html"
    text = (project.parent / "out" / receipt.page).read_text("utf-8")
    assert f"{receipt.files[0].measured.integrated_lufs:.2f}" in text
    assert receipt.files[0].sha256 in text
    assert "<audio" not in text
    assert shown(project).outdated is None


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_mixed(project: Path, capsys: Said) -> None:
    with_report(project, "page")
    (project.parent / "out" / "scene.report.html").mkdir(parents=True)
    assert main(["render", str(project)]) == 6
    assert "scene.report.html: cannot be written: a folder has its name" in capsys.readouterr().err
    assert [path.name for path in (project.parent / "out").iterdir()] == ["scene.report.html"]


def test_a_render_may_have_a_page_to_listen_to(project: Path) -> None:
    with_report(project, "page_with_audio")
    rendered(project)
    text = (project.parent / "out" / "scene.report.html").read_text("utf-8")
    assert text.count("<audio") == 2 * len(re.findall(r'<figure class="excerpt"', text)) > 0


def test_without_being_asked_for_there_is_none(project: Path) -> None:
    receipt = rendered(project)
    assert receipt.page is None
    assert not list((project.parent / "out").glob("*.html"))


def test_a_stored_plan_is_mixed_without_listening_so_there_is_no_page_and_that_is_said(project: Path) -> None:
    rendered(project)
    with_report(project, "page")
    again = rendered(project, project.parent / "again", project.parent / "out" / "scene.plan.json")
    assert again.page is None
    assert any("`stemmix report --html` makes one" in text for text in again.warnings)
    assert not list((project.parent / "again").glob("*.html"))


def test_no_render_is_no_receipt(project: Path) -> None:
    assert (shown(project).receipt, shown(project).outdated) == (None, None)


def test_a_render_of_another_mix_is_known_by_its_receipt(project: Path) -> None:
    rendered(project)
    assert shown(project).outdated is None
    edited(project, lambda document: document["stems"][1].update(gain_db=-6.0))
    found = shown(project)
    assert found.receipt is not None
    assert found.outdated == "the project has changed since"


def test_a_render_from_a_stored_plan_of_other_moves_is_another_mix(project: Path) -> None:
    rendered(project)
    path = project.parent / "out" / "scene.plan.json"
    stored = json.loads(path.read_text())
    stored["moves"] = stored["moves"][:1]
    other = project.parent / "other.plan.json"
    other.write_text(json.dumps(stored))
    rendered(project, None, other)
    assert shown(project).outdated == "its moves were decided differently, or taken from a stored plan"


def test_a_receipt_that_is_none_is_said(project: Path) -> None:
    rendered(project)
    (project.parent / "out" / "scene.receipt.json").write_text("{}")
    found = shown(project)
    assert (found.receipt, found.outdated) == (None, "scene.receipt.json cannot be read")


@pytest.mark.parametrize(
    "wanted",
    [{}, {"preset": "netflix-nearfield-20"}, {"preset": "ebu-r128-s2-streaming"}, {"preset": "dolby-atmos-music"}],
)
def test_the_gain_that_is_expected_is_near_that_of_a_render(project: Path, wanted: dict[str, str]) -> None:
    """By the measure that its specification has, over the action alone: what lies before is 20 dB louder."""
    sound = read_audio(project.parent / "scene" / "mx.wav")
    sound[:RATE_HZ] = 0.5
    sound[:RATE_HZ:2] = -0.5
    write_audio(project.parent / "scene" / "mx.wav", sound)
    edited(project, lambda made: made.update(ffoa=1.5, deliverables=[{"name": "master", "layout": "2.0", **wanted}]))
    expected = shown(project, excerpts=1)
    gain_db = expected.aims["master"].gain_db
    (file,) = rendered(project).files
    assert gain_db == pytest.approx(file.gain_db, abs=1.0)
    assert expected.excerpts[0].gain_db + expected.excerpts[0].lowered_db == pytest.approx(gain_db, abs=1e-3)


def test_what_features_cannot_tell_is_expected_at_no_gain() -> None:
    mixed = overview().mixed
    for preset in ("acx-audiobook", "cinema-trailer-tasa"):
        assert aim_of(PRESETS[preset].specification, mixed).gain_db is None
    plain = Specification.plain("own", -23.0, -1.0)
    assert aim_of(plain, mixed).gain_db == -3.0
    assert aim_of(plain, replace(mixed, integrated_lufs=None)).gain_db is None
    assert aim_of(plain.model_copy(update={"loudness": None}), mixed) == MasterAim(None, 0.0)


def test_where_there_is_little_speech_the_fallback_is_what_is_aimed_at() -> None:
    netflix = PRESETS["netflix-nearfield-51"].specification
    mixed = replace(overview().mixed, dialogue_lufs=-30.0, speech_share=0.5)
    spoken, silent = (aim_of(netflix, replace(mixed, speech_share=share)) for share in (0.5, 0.1))
    assert (spoken.gain_db, silent.gain_db) == (3.0, -4.0)
    assert spoken.level == netflix.loudness
    assert silent.level == netflix.loudness.fallback  # type: ignore[union-attr]
    rendered_so = LOUD.model_copy(update={"speech_share": 0.1})
    assert aim_of(netflix, mixed, rendered_so).level == silent.level, "of a render, as it was judged"


def test_a_choice_narrows_what_is_told_and_leaves_the_timeline_whole(project: Path) -> None:
    whole, part = shown(project), shown(project, choice=Choice(start="2.0", stem="MX"))
    assert len(part.evidence.plan.lines) < len(whole.evidence.plan.lines)
    assert part.overview.cells == whole.overview.cells


def test_excerpts_of_a_choice_sound_as_those_of_the_whole(project: Path) -> None:
    """They are mixed with every move, shown or not."""
    whole = {one.id: one for one in shown(project, excerpts=9).excerpts}
    for one in shown(project, choice=Choice(stem="MX"), excerpts=9).excerpts:
        if one.place.start == whole[one.id].place.start:
            assert one.after == whole[one.id].after
    assert whole
