"""How far a command is, as its real process shows it: lines for programs, a bar on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

import stemmix
from stemmix.cli import main
from stemmix.commands.common import PROGRESS
from stemmix.model.progress import ProgressLine
from stemmix.report.progress import How
from tests.material import scene, write_audio

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(stemmix.__file__).parents[1])}
PROGRAM = [sys.executable, "-W", "error", "-c", "import sys; from stemmix.cli import main; sys.exit(main())"]


def told(text: str) -> list[dict[str, Any]]:
    """The lines of a stderr that holds nothing else, each of them valid."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        ProgressLine.model_validate(line)
    return lines


def run(*arguments: str | Path) -> tuple[int, str, list[dict[str, Any]]]:
    """Exit code, stdout and lines of a process of its own."""
    done = subprocess.run(
        [*PROGRAM, *map(str, arguments), "--progress", "json"],
        env=ENVIRONMENT | {"XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, told(done.stderr)


def test_lines_on_stderr_and_data_on_stdout_go_together(tmp_path: Path) -> None:
    code, out, lines = run("render", scene(tmp_path), "--json")
    assert code == 0
    assert json.loads(out)["schema"].startswith("stemmix.receipt/")
    # a note says that kernels are compiled, where this is the first that needs them
    events = [line["event"] for line in lines if line["event"] not in ("progress", "note")]
    assert events == ["start", *["stage"] * 7, "done"]
    stages = [line["stage"] for line in lines if line["event"] == "stage"]
    assert stages == ["open", "listen", "decide", "mix", "write", "print", "examine"]
    shares = [line["share"] for line in lines]
    assert shares == sorted(shares)
    assert (lines[-1]["share"], lines[-1]["exit_code"], lines[-1]["audio_s"]) == (1.0, 0, 4.0)
    assert lines[-1]["speed"] == pytest.approx(4.0 / lines[-1]["elapsed_s"], abs=0.06)
    assert {line["command"] for line in lines} == {"render"}


@pytest.mark.parametrize(
    "command", ["check", "report", "features", "why", "markers", "render", "measure", "qc", "diff"]
)
def test_what_takes_long_tells_how_far_it_is(tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    project = scene(tmp_path)
    files = {"measure": tmp_path / "scene" / "dx.wav", "qc": tmp_path / "scene" / "mx.wav"}
    more = {"why": ["1"], "markers": ["--as", "edl"], "diff": [str(project), "--plan"]}.get(command, [])
    code = main([command, str(files.get(command, project)), *more, "--progress", "json"])
    lines = told(capsys.readouterr().err)
    assert (lines[0]["event"], lines[-1]["event"], lines[-1]["exit_code"]) == ("start", "done", code)
    assert [line["share"] for line in lines if line["event"] == "stage"][-1] >= 0.0
    assert len([line for line in lines if line["event"] == "stage"]) >= 1
    assert lines[-1]["share"] == 1.0


def test_verify_tells_of_looking_rendering_and_comparing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(scene(tmp_path)), "-q"]) == 0
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "out" / "scene.receipt.json"), "--progress", "json"]) == 0
    lines = told(capsys.readouterr().err)
    stages = [line["stage"] for line in lines if line["event"] == "stage"]
    assert stages == ["open", "mix", "write", "print", "examine", "compare"]
    shares = [line["share"] for line in lines]
    assert shares == sorted(shares)
    known = [line["audio_s"] for line in lines if line["stage"] in ("mix", "compare") or line["event"] == "done"]
    assert set(known) == {4.0}, "once it is known, it stays so"
    assert lines[-1]["done_s"] == 4.0
    assert lines[-1]["speed"] is not None


def test_the_last_line_says_why_it_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = scene(tmp_path)
    (tmp_path / "scene" / "mx.wav").unlink()
    assert main(["render", str(project), "--progress", "json"]) == 4
    last = told(capsys.readouterr().err)[-1]
    assert (last["event"], last["exit_code"]) == ("failed", 4)
    assert "mx.wav" in last["text"]


def test_a_file_that_cannot_be_read_is_a_note_and_ends_with_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no.wav").write_bytes(b"no sound")
    assert main(["measure", str(tmp_path / "no.wav"), "--progress", "json"]) == 4
    lines = told(capsys.readouterr().err)
    assert [line["event"] for line in lines if line["event"] != "progress"][-2:] == ["note", "failed"]
    assert any("no.wav" in (line["text"] or "") for line in lines)


def test_a_name_that_is_no_text_is_escaped_and_stops_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two projects that are not there; as Python has the bytes of the first one's name."""
    named = [str(tmp_path / name) for name in ("\udcff.json", "gone.json")]
    assert main(["render", *named, "--progress", "json", "--json"]) == 3
    out, err = capsys.readouterr()
    assert [one["project"] for one in json.loads(out)["projects"]] == named
    notes = [line["text"] for line in map(json.loads, err.splitlines()) if line["event"] == "note"]
    assert notes == [
        f"{name}: failed (exit code 3): there is no such file ({at}/2)" for at, name in enumerate(named, 1)
    ]
    (out + err).encode("utf-8")


def test_a_fault_of_ours_ends_with_a_line_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("nought")

    monkeypatch.setattr("stemmix.pipeline.render", fail)
    assert main(["render", str(scene(tmp_path)), "--progress", "json"]) == 1
    *_, last = capsys.readouterr().err.splitlines()
    assert told(last)[0]["text"] == "ZeroDivisionError: nought"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_last_line_says_that_it_was_interrupted(tmp_path: Path, number: int, code: int) -> None:
    # a file that was open when it was raised is closed with the process; that may be a warning, and is no fault
    forgiving = [word for word in PROGRAM if word not in ("-W", "error")]
    command = [*forgiving, "render", str(scene(tmp_path)), "--progress", "json"]
    settings = ENVIRONMENT | {"XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}
    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = ""
        while '"listen"' not in first:
            first = process.stderr.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    last = told(err)[-1]
    assert (process.returncode, out) == (code, "")
    assert (last["event"], last["text"], last["exit_code"]) == ("failed", "interrupted", code)


def test_another_way_to_show_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(scene(tmp_path)), "--progress", "loud"]) == 2
    assert "auto, bar, json, none" in capsys.readouterr().err
    assert tuple(How) == PROGRESS


def of_terminal(**environment: str) -> dict[str, str]:
    """Settings of a process on a terminal with colours."""
    plain = {name: value for name, value in ENVIRONMENT.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    return plain | {"TERM": "xterm-256color", "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]} | environment


def on_terminal(columns: int, *arguments: str | Path, **environment: str) -> str:
    """What a process writes to a terminal of so many columns; its data go elsewhere."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], env=of_terminal(**environment), stdout=subprocess.DEVNULL, stderr=follower
    ) as process:
        os.close(follower)
        written = b""
        while True:
            try:
                piece = os.read(leader, 1 << 16)
            except OSError:  # Linux's way to say that nobody writes to it any more
                break
            if not piece:
                break
            written += piece
    os.close(leader)
    assert process.returncode == 0
    return written.decode()


CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOURS = re.compile(r"\x1b\[[0-9;]+m")


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """What takes some seconds to read: a bar is drawn, however fast the machine is."""
    import numpy as np

    sound = np.random.default_rng(1).normal(0.0, 0.1, (48_000 * 240, 2))
    write_audio(tmp_path / "long.wav", sound)
    return tmp_path / "long.wav"


@pytest.mark.parametrize("columns", [40, 80])
def test_a_bar_fits_its_terminal_and_is_gone_in_the_end(long_file: Path, columns: int) -> None:
    written = on_terminal(columns, "qc", long_file)
    drawn = [line for line in CODES.sub("", written).replace("\r", "\n").splitlines() if line.strip()]
    assert any("reading" in line and "━" in line and "%" in line for line in drawn)
    assert max(map(len, drawn)) <= columns
    assert len(COLOURS.findall(written)) > 0
    assert written.rstrip("\r").endswith("\x1b[2K"), "the line is cleared"
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l"), "the cursor is back"


def test_a_bar_without_colour_where_none_is_wanted(long_file: Path) -> None:
    written = on_terminal(80, "qc", long_file, NO_COLOR="1")
    assert "reading" in written
    assert COLOURS.findall(written) == []


def test_a_terminal_that_cannot_draw_gets_a_line_for_each_stage(tmp_path: Path) -> None:
    written = on_terminal(80, "check", scene(tmp_path), TERM="dumb")
    assert written.split() == ["opening", "...", "listening", "...", "deciding", "..."]


@pytest.mark.parametrize("way", [["--quiet"], ["--progress", "none"]], ids=" ".join)
def test_a_terminal_stays_clean_where_that_is_wanted(tmp_path: Path, way: list[str]) -> None:
    assert on_terminal(80, "check", scene(tmp_path), *way) == ""


@pytest.mark.parametrize("terminal", ["xterm-256color", "dumb"])
def test_a_terminal_that_is_gone_stops_nothing_that_goes_on_without_it(long_file: Path, terminal: str) -> None:
    """As of what a shell has disowned: no hang-up reaches it, and whatever it draws is an error."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "qc", str(long_file), "--json"],
        env=of_terminal(TERM=terminal),
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
    ) as process:
        os.close(follower)
        assert os.read(leader, 1)
        os.close(leader)
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(json.loads(told)) == 1


def test_stages_that_nobody_can_be_told_of_stop_nothing(tmp_path: Path) -> None:
    """A full disk stands where stderr leads to."""
    command = [*PROGRAM, "check", str(scene(tmp_path)), "--progress", "bar"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, env=of_terminal(), stdout=subprocess.PIPE, stderr=full, text=True, check=False)
    assert done.returncode == 0
    assert "every stem is sound" in done.stdout


def test_stages_whose_reader_has_gone_end_as_its_pipe_does(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [*PROGRAM, "check", str(scene(tmp_path)), "--progress", "bar"]
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(command, env=of_terminal(), stdout=subprocess.PIPE, stderr=gone, check=False)
    assert (done.returncode, done.stdout) == (128 + signal.SIGPIPE, b"")
