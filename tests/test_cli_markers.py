"""`stemmix markers`: what goes to which stream and file, and which exit code."""

from __future__ import annotations

import csv
import errno
import json
import os
from io import StringIO
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from wavinfo import WavInfoReader

from stemmix.cli import main
from stemmix.files import staged
from stemmix.report.markers import KINDS, LISTINGS
from tests.material import edited, noise, scene, write_audio

EXAMPLE = Path(__file__).resolve().parents[1] / "projects" / "film_reel3.json"

Said = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return scene(tmp_path)


@pytest.fixture
def mix(tmp_path: Path) -> Path:
    return write_audio(tmp_path / "mix.wav", noise(4 * 48_000))


def test_the_example_is_marked_in_every_format_with_the_same_markers(tmp_path: Path, capsys: Said) -> None:
    """Each is held against the report, which says the same of the same plan."""
    assert main(["report", str(EXAMPLE), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    conflicts = [one for one in report["conflicts"] if one["line"] is not None]
    starts = sorted(one["start_s"] for one in [*conflicts, *report["moves"]])

    assert main(["markers", str(EXAMPLE), "--as", "reaper"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = list(csv.DictReader(StringIO(out)))
    assert [row["#"][0] for row in rows].count("M") == len(conflicts)
    assert [row["#"][0] for row in rows].count("R") == len(report["moves"])
    minutes = [row["Start"].removeprefix("0:").split(":") for row in rows]
    assert [60 * int(minute) + float(second) for minute, second in minutes] == pytest.approx(starts, abs=0.0006)
    worst = next(one for one in conflicts if one["id"].startswith("DX-0031.6-MX"))
    assert f"MX hides DX 60-16000 Hz at {round(worst['snr_db'])} dB" in {row["Name"] for row in rows}

    assert main(["markers", str(EXAMPLE), "--as", "audacity"]) == 0
    labels = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [float(label[0]) for label in labels if label[0] != "\\"] == pytest.approx(starts, abs=0.0006)
    cuts = [move for move in report["moves"] if move["action"]["kind"] in ("unmask", "scene")]
    assert sum(label[0] == "\\" for label in labels) == len(conflicts) + len(cuts)

    assert main(["markers", str(EXAMPLE), "--as", "edl"]) == 0
    out, err = capsys.readouterr()
    assert err == "note: the project has no frame_rate: timecode is counted at 25 frames a second from 00:00:00:00\n"
    (track,) = otio.adapters.read_from_string(out, adapter_name="cmx_3600", rate=25).tracks
    markers = [one for clip in track if isinstance(clip, otio.schema.Clip) for one in clip.markers]
    assert sorted(one.marked_range.start_time.value for one in markers) == [int(start * 25 + 1e-6) for start in starts]
    assert {one.name for one in markers} == {row["Name"] for row in rows}

    mix = write_audio(tmp_path / "mix.wav", noise(64 * 44_100), 44_100)
    assert main(["markers", str(EXAMPLE), "--as", "wav", "--copy-of", str(mix)]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (f"{tmp_path / 'mix.markers.wav'}\n", "")
    cues = WavInfoReader(tmp_path / "mix.markers.wav").cues
    assert cues is not None
    assert [at / 44_100 for _, at in cues.each_cue()] == pytest.approx(starts, abs=0.0006)
    assert np.array_equal(*(soundfile.read(path, dtype="int32")[0] for path in (mix, Path(out.strip()))))


def test_the_pictures_timecode_is_told_drop_frame_and_all(project: Path, capsys: Said) -> None:
    edited(project, lambda document: document.update(frame_rate="29.97df", start="00:59:58;00"))
    assert main(["markers", str(project), "--as", "edl", "--of", "scenes,lines"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("TITLE: A test\nFCM: DROP FRAME\n\n001  001      V     C        00:59:58;00 00:59:58;01 ")
    assert "|M:scene S-0000" in out


def test_out_takes_the_text_and_its_path_goes_to_stdout(project: Path, tmp_path: Path, capsys: Said) -> None:
    assert main(["markers", str(project), "--as", "reaper"]) == 0
    text = capsys.readouterr().out
    target = tmp_path / "scene.csv"
    target.write_text("an older one")
    assert main(["markers", str(project), "--as", "reaper", "--out", str(target)]) == 0
    assert capsys.readouterr() == (f"{target}\n", "")
    assert target.read_text("utf-8") == text


def test_a_copy_goes_where_it_is_wanted(project: Path, mix: Path, tmp_path: Path, capsys: Said) -> None:
    before = mix.read_bytes()
    target = tmp_path / "marked" / "x.wav"
    target.parent.mkdir()
    arguments = ["markers", str(project), "--as", "wav", "--copy-of", str(mix), "--out", str(target)]
    assert main(arguments) == 0
    assert capsys.readouterr() == (f"{target}\n", "")
    assert mix.read_bytes() == before
    assert target.read_bytes()[:4] == b"RIFF"
    assert [path.name for path in target.parent.iterdir()] == ["x.wav"]


@pytest.mark.parametrize("in_a_clip", [False, True])
def test_a_stem_of_the_project_is_marked_from_where_it_stands(
    project: Path, tmp_path: Path, in_a_clip: bool, capsys: Said
) -> None:
    """Its file, that is, whose beginning is not the programme's."""
    words = ["markers", str(project), "--as", "wav", "--of", "lines"]
    marks = {}
    for at in (0.0, 1.0):
        placed = {"file": "scene/mx.wav", "at": at}
        stem = {"id": "MX", "role": "music", **({"clips": [placed]} if in_a_clip else placed)}
        edited(project, lambda document, stem=stem: document["stems"].__setitem__(1, stem))
        copy = tmp_path / f"{at}.wav"
        assert main([*words, "--copy-of", str(tmp_path / "scene" / "mx.wav"), "--out", str(copy)]) == 0
        said = "note: mx.wav is stem MX, which begins at 0:00:01.0: it is marked from there on\n"
        assert capsys.readouterr().err.startswith(said) is bool(at)
        cues = WavInfoReader(str(copy)).cues
        marks[at] = {
            cues.label_and_note(number)[0][:9]: (where, cues.range(number) or 0) for number, where in cues.each_cue()
        }
    late = {name: (where - 48_000, length) for name, (where, length) in marks[0.0].items()}
    # what is going on where the file begins is marked from there on
    left = {name: max(where, 0) for name, (where, length) in late.items() if where + length > 0}
    assert min(where for where, _ in late.values()) < 0
    assert len(left) > 1
    assert {name: where for name, (where, _) in marks[1.0].items()} == left


def test_what_a_short_file_leaves_out_is_said(project: Path, tmp_path: Path, capsys: Said) -> None:
    short = write_audio(tmp_path / "short.wav", noise(4800))
    assert main(["markers", str(project), "--as", "wav", "--copy-of", str(short), "--of", "scenes,lines"]) == 0
    assert capsys.readouterr().err == "note: 2 markers left out: outside short.wav, which lasts 0:00.1\n"
    assert main(["markers", str(project), "--as", "wav", "--copy-of", str(short), "-q"]) == 0
    assert capsys.readouterr().err == ""


def test_only_what_is_asked_for_is_marked(project: Path, capsys: Said) -> None:
    def names(*words: str) -> list[str]:
        assert main(["markers", str(project), "--as", "audacity", *words]) == 0
        return [line.split("\t")[2] for line in capsys.readouterr().out.splitlines() if not line.startswith("\\")]

    hides = names("--of", "conflicts", "--stem", "MX")
    assert hides
    assert all(name.startswith("MX hides ") for name in hides)
    early = names("--of", "lines", "--to", "2.0")
    assert 0 < len(early) < len(names("--of", "lines"))


def test_nothing_to_mark_is_said_and_is_no_fault(project: Path, capsys: Said) -> None:
    edited(project, lambda document: document["stems"].pop(0))
    assert main(["markers", str(project), "--as", "reaper"]) == 0
    assert capsys.readouterr() == ("#,Name,Start,End,Length,Color\n", "note: there is nothing to mark\n")


def test_progress_is_told_to_the_end_of_the_copy(project: Path, mix: Path, capsys: Said) -> None:
    assert main(["markers", str(project), "--as", "wav", "--copy-of", str(mix), "--progress", "json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    stages = [line["stage"] for line in lines if line["event"] == "stage"]
    assert stages == ["open", "listen", "decide", "write"]
    shares = [line["share"] for line in lines]
    assert shares == sorted(shares)
    assert (lines[-1]["event"], lines[-1]["share"]) == ("done", 1.0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--as"),
        (["--as", "protools"], "'protools' is not one of reaper, audacity, edl, wav"),
        (["--as", "reper"], "did you mean 'reaper'?"),
        (["--as", "edl", "--of", "conflicts,lies"], "'lies' is not one of conflicts, moves, lines, scenes"),
        (["--as", "edl", "--of", ""], "is not one of conflicts, moves, lines, scenes"),
        (["--as", "wav"], "--copy-of"),
        (["--as", "edl", "--copy-of", "mix.wav"], "--copy-of"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_known(
    project: Path, arguments: list[str], said: str, capsys: Said
) -> None:
    assert main(["markers", str(project), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in " ".join(err.replace("│", " ").split())


def test_a_stem_that_is_not_there_is_wrong_usage(project: Path, capsys: Said) -> None:
    assert main(["markers", str(project), "--as", "edl", "--stem", "XX"]) == 2
    assert "'XX'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        (b"some text that is no sound", "audio"),
        (lambda whole: whole[:-100], "ends early"),
    ],
    ids=["missing", "no WAV", "truncated"],
)
def test_a_wav_that_cannot_be_marked_ends_with_4(project: Path, mix: Path, content, said: str, capsys: Said) -> None:
    whole = mix.read_bytes()
    mix.unlink()
    if content is not None:
        mix.write_bytes(content(whole) if callable(content) else content)
    assert main(["markers", str(project), "--as", "wav", "--copy-of", str(mix)]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"stemmix: error: {mix}: ")
    assert said in err
    assert not mix.with_name("mix.markers.wav").exists()


@pytest.mark.parametrize(
    "arguments", [["--as", "reaper"], ["--as", "wav", "--copy-of", "mix.wav"]], ids=["text", "wav"]
)
@pytest.mark.parametrize("target", ["scene.json", "scene/mx.wav", "mix.wav"])
def test_what_is_read_is_not_written_over_and_ends_with_6(
    project: Path, mix: Path, arguments: list[str], target: str, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.chdir(mix.parent)
    if arguments[1] == "reaper" and target == "mix.wav":
        target = "./scene/../scene.json"
    before = Path(target).read_bytes()
    assert main(["markers", str(project), *arguments, "--out", target]) == 6
    assert "choose another name with --out" in capsys.readouterr().err
    assert Path(target).read_bytes() == before


@pytest.mark.parametrize("arguments", [["--as", "edl"], ["--as", "wav", "--copy-of", "mix.wav"]], ids=["text", "wav"])
@pytest.mark.parametrize(
    ("number", "why"),
    [
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "permission denied"),
        (errno.ENOSPC, "No space left on device"),
    ],
)
def test_a_disk_that_refuses_ends_with_6_and_leaves_nothing(
    project: Path, mix: Path, arguments: list[str], number: int, why: str, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.chdir(mix.parent)

    def refuse(path: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(staged, "open_part", refuse)
    assert main(["markers", str(project), *arguments, "--out", "out.x"]) == 6
    written = mix.parent.resolve() / "out.x" if arguments[1] == "edl" else "out.x"
    assert capsys.readouterr() == ("", f"stemmix: error: {written}: cannot be written: {why}\n")
    assert sorted(path.name for path in mix.parent.iterdir()) == ["mix.wav", "scene", "scene.json"]


def test_a_folder_that_is_not_there_ends_with_6(project: Path, tmp_path: Path, capsys: Said) -> None:
    assert main(["markers", str(project), "--as", "edl", "--out", str(tmp_path / "no" / "a.edl")]) == 6
    assert "a.edl: cannot be written: its folder does not exist" in capsys.readouterr().err


def test_help_names_every_format_and_kind(capsys: Said) -> None:
    """Written out there, for asking for them would take the time that `--help` does not have."""
    assert main(["markers", "--help"]) == 0
    words = set(capsys.readouterr().out.replace(",", " ").replace(".", " ").split())
    assert {*LISTINGS, "wav", *KINDS} <= words
