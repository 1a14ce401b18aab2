"""`stemmix measure`: what goes where, and which exit code."""

from __future__ import annotations

import json
from io import BytesIO, TextIOWrapper
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemmix.cli import main


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A tone of -23 dBFS in stereo, one of 12 channels that do not say what they are, and no audio."""
    tone = 10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * np.arange(48_000 * 5) / 48_000)
    soundfile.write(tmp_path / "stereo.flac", np.stack((tone, tone), axis=1), 48_000, subtype="PCM_24")
    twelve = np.zeros((len(tone), 12))
    twelve[:, 6] = tone
    soundfile.write(tmp_path / "twelve.wav", twelve, 48_000, subtype="PCM_24")
    (tmp_path / "notes.wav").write_text("Dear diary")
    return tmp_path


def test_what_can_be_read_is_told_though_others_cannot(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [str(files / name) for name in ("stereo.flac", "notes.wav", "missing.wav", "twelve.wav")]
    assert main(["measure", *names, "--json"]) == 4
    out, err = capsys.readouterr()
    stereo, twelve = json.loads(out)
    assert [stereo["path"], twelve["path"]] == [names[0], names[3]]
    assert stereo["integrated_lufs"] == pytest.approx(-23.0, abs=0.02)
    assert stereo["true_peak_dbtp"] == pytest.approx(-23.0, abs=0.02)
    assert stereo["lra_lu"] == pytest.approx(0.0, abs=0.01)
    assert twelve["layout"] == "7.1.4"
    assert twelve["integrated_lufs"] == pytest.approx(-23.0 - 3.01 + 1.49, abs=0.02), "a side surround weighs 1.41"
    said = err.splitlines()
    assert said[0].startswith(f"note: {names[3]}: has 12 channels")
    assert "7.1.4 is assumed" in said[0]
    assert [line.split(": ")[:3] for line in said[1:]] == [["stemmix", "error", name] for name in names[1:3]]


def test_json_keeps_its_signs_where_there_is_nothing_but_ascii(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of answers is JSON as one answer is."""
    name = str((files / "stereo.flac").rename(files / "naïve “mix”.flac"))
    stream = TextIOWrapper(BytesIO(), "ascii")
    monkeypatch.setattr("sys.stdout", stream)
    assert main(["measure", name, "--json"]) == 0
    (told,) = json.loads(stream.buffer.getvalue())  # type: ignore[attr-defined]
    assert told["path"] == name


def test_a_table_by_default_and_quiet_keeps_notes_back(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(files / "twelve.wav"), "--layout", "7.1.4"]) == 0
    out, err = capsys.readouterr()
    assert "LUFS" in out
    assert "no Leq(m): ISO 21727" in out
    assert err == ""
    assert main(["measure", str(files / "twelve.wav"), "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_an_unknown_layout_is_wrong_usage(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(files / "stereo.flac"), "--layout", "5.2"]) == 2
    assert "'5.2' is not one of 1.0, 2.0" in capsys.readouterr().err
    assert main(["measure"]) == 2
