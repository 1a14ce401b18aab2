"""`stemmix qc`: what goes where, and which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stemmix.cli import main
from tests.material import RATE_HZ, noise, write_audio


@pytest.fixture
def clean(tmp_path: Path) -> str:
    return str(write_audio(tmp_path / "clean.wav", noise(5 * RATE_HZ, rms=0.01)))


@pytest.fixture
def holed(tmp_path: Path) -> str:
    sound = noise(5 * RATE_HZ, rms=0.01)
    sound[2 * RATE_HZ : 2 * RATE_HZ + 480] = 0.0
    return str(write_audio(tmp_path / "holed.wav", sound))


def test_a_file_in_order_is_0_and_one_that_fails_is_5(
    clean: str, holed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["qc", clean]) == 0
    assert "clean.wav: pass" in capsys.readouterr().out
    assert main(["qc", clean, holed]) == 5
    out, err = capsys.readouterr()
    assert "0:00:02.000" in out
    assert err == ""


def test_a_preset_is_asked_for_by_name(clean: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["qc", clean, "--preset", "ebu-r128", "--json"]) == 5
    (told,) = json.loads(capsys.readouterr().out)
    loudness = next(one for one in told["findings"] if one["check"] == "loudness")
    assert (loudness["verdict"], told["verdict"], told["preset"]) == ("fail", "fail", "ebu-r128")
    assert main(["qc", clean, "--preset", "ebu128"]) == 2
    assert "ebu-r128" in capsys.readouterr().err


def test_one_that_cannot_be_read_is_4_and_the_others_are_told(
    holed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "missing.wav")
    assert main(["qc", missing, holed]) == 4
    out, err = capsys.readouterr()
    assert "holed.wav: fail" in out
    assert err == f"stemmix: error: {missing}: does not exist\n"


def test_a_layout_may_be_given_and_has_to_be_known(clean: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["qc", clean, "--layout", "2.1"]) == 2
    assert "2.0" in capsys.readouterr().err
    assert main(["qc", clean, "--layout", "5.1"]) == 4
    assert "has 2 channels" in capsys.readouterr().err
