"""What the programs that measure may be asked for: a wrong argument is said before anything is built."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.bench import decide_speed, delivery, floor, measure_speed, page, quality, speed
from tests.bench.long_reels import build


@pytest.mark.parametrize("program", [decide_speed, floor, measure_speed, page, speed], ids=lambda one: one.__name__)
@pytest.mark.parametrize(
    "words",
    [["--minutes", "0"], ["--minutes", "-1"], ["--minutes", "nan"], ["--minutes", "inf"], ["--rounds", "-1"]],
    ids=" ".join,
)
def test_what_cannot_be_measured_is_refused(
    program: ModuleType, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["program", *words])
    with pytest.raises(SystemExit, match="2"):
        program.main()
    assert f"argument {words[0]}: {words[1]} is " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("program", "option"),
    [
        (speed, "--folder"),
        (speed, "--reel"),
        (decide_speed, "--reel"),
        (floor, "--reel"),
        (page, "--reel"),
        (quality, "--reels"),
        (delivery, "--reels"),
    ],
)
def test_a_folder_that_is_not_there_is_refused(
    program: ModuleType, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["program", option, "/nowhere"])
    with pytest.raises(SystemExit, match="2"):
        program.main()
    assert "/nowhere is no folder" in capsys.readouterr().err


def test_a_reel_without_its_stems_says_which(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"holds none of dx\.flac, dx\.wav, dialogue\.flac, dialogue\.wav"):
        build(tmp_path / "long", 0.1, reel=tmp_path)
