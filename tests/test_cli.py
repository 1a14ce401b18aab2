"""The door: what goes to which stream, which exit code, and how it ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

import stemmix
from stemmix import create
from stemmix.cli import main
from stemmix.errors import OutputError, ProjectError, StemError, StemmixError
from stemmix.files.projects import read_project
from stemmix.files.schema import project_schema
from stemmix.model.profiles import PROFILES
from tests.children import hand_on_kernels
from tests.material import bytes_in, edited, scene

PYTHON = [sys.executable, "-W", "error", "-c"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(stemmix.__file__).parents[1])}
PROGRAM = "from stemmix.__main__ import run; run()"

WAITING = """
import sys, time
from stemmix import cli

@cli.app.command()
def wait():
    try:
        print("ready", flush=True)
        time.sleep(60)
    except Exception:
        print("swallowed")
    finally:
        print("cleaned up")

sys.exit(cli.main(["wait"]))
"""


@pytest.fixture
def reel(tmp_path: Path) -> Path:
    folder = tmp_path / "reel"
    folder.mkdir()
    for name in ("dx.wav", "take7.wav"):
        soundfile.write(folder / name, np.full((480, 2), 0.1), 48_000)
    return folder


def test_init_prints_the_projects_path_on_stdout_and_what_it_did_on_stderr(
    reel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(reel)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{reel}.json\n"
    assert [stem.id for stem in read_project(Path(out.strip())).stems] == ["dx", "take7"]
    assert err.splitlines() == [
        "dialogue  dx: reel/dx.wav",
        "fx        take7: reel/take7.wav",
        "note: could not tell what take7.wav is; placed as fx",
        f"next: stemmix check {reel}.json reads every file to its end",
    ]


@pytest.mark.parametrize("arguments", [["--quiet", "init"], ["init", "--quiet"], ["init", "-q"]], ids=" ".join)
def test_quiet_keeps_the_data_and_drops_the_messages(
    reel: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main([*arguments, str(reel)]) == 0
    assert capsys.readouterr() == (f"{reel}.json\n", "")


def test_init_replaces_a_project_only_when_forced(reel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [main(["init", str(reel)]), main(["init", str(reel)])] == [0, 6]
    assert "stemmix: error: " in capsys.readouterr().err
    assert main(["init", "--force", str(reel)]) == 0


@pytest.mark.parametrize(("error", "code"), [(ProjectError, 3), (StemError, 4), (OutputError, 6)])
@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_an_error_of_the_family_is_one_message_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: type[StemmixError],
    code: int,
    quiet: list[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("dx.wav: is empty")

    monkeypatch.setattr(create, "create_project", fail)
    assert main(["init", "reel", *quiet]) == code == error.exit_code
    assert capsys.readouterr() == ("", "stemmix: error: dx.wav: is empty\n")

    assert main(["init", "reel", "--debug", *quiet]) == code
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["schema", "project"], ["render", "/reel.json", "--out", "here"], ["cache"]])
def test_a_current_folder_that_is_gone_is_said(
    tmp_path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing can be asked for from there; numba fails in it, too."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(arguments) == 6
    assert capsys.readouterr().err == "stemmix: error: the current folder no longer exists: change to one that does\n"


def test_an_error_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a user can mend is told without a traceback."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(create, "create_project", fail)
    with pytest.raises(ZeroDivisionError):
        main(["init", "reel"])


@pytest.mark.parametrize(
    "arguments",
    [["mend"], ["init"], ["init", "reel", "--profile", "opera"], ["init", "reel", "--loud"], ["--loud"]],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Error: " in err


def test_schema_is_printed_as_it_is_committed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr() == (project_schema(), "")


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"stemmix {stemmix.__version__}\n"
    assert main(["--help"]) == 0
    assert "init" in capsys.readouterr().out


def test_help_of_init_names_every_profile(capsys: pytest.CaptureFixture[str]) -> None:
    """Written out there, for asking the profiles would take the time that `--help` does not have."""
    assert main(["init", "--help"]) == 0
    words = set(capsys.readouterr().out.replace(",", " ").replace(".", " ").split())
    assert set(PROFILES) <= words


def test_help_loads_nothing_that_it_does_not_need() -> None:
    """Start-up time: numpy alone is 130 ms, pydantic 200, scipy.signal 800."""
    code = "import sys, stemmix.cli; stemmix.cli.main(['--help']); import json; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([*PYTHON, code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    assert "typer" in loaded
    assert not loaded & {"numpy", "scipy", "pydantic", "soundfile", "numba", "librosa", "pyloudnorm", "rich", "soxr"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_after_cleaning_up(number: int, code: int) -> None:
    with subprocess.Popen(
        [*PYTHON, WAITING], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (code, "cleaned up\n", "")


def entry_point() -> str:
    """What the installed program runs."""
    with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
        module, _, function = tomllib.load(file)["project"]["scripts"]["stemmix"].partition(":")
    return f"from {module} import {function}; {function}()"


@pytest.mark.parametrize(("ignored", "code"), [(False, 130), (True, 9)])
@pytest.mark.parametrize("program", [["-c", entry_point()], ["-m", "stemmix"]])
def test_ctrl_c_ends_it_silently_while_it_is_being_imported(
    tmp_path: Path, program: list[str], ignored: bool, code: int
) -> None:
    """As it comes while typer is: a program that was begun with nohup, or behind `&`, does not heed it."""
    (tmp_path / "typer.py").write_text("import os, signal, sys; os.kill(os.getpid(), signal.SIGINT); sys.exit(9)")
    run = subprocess.run(
        ["sh", "-c", f"""{"trap '' INT;" if ignored else ""} exec "$@" """, "sh", sys.executable, *program, "presets"],
        env=ENVIRONMENT | {"PYTHONPATH": f"{tmp_path}:{ENVIRONMENT['PYTHONPATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (code, "", "")


def test_signals_are_left_as_they_were_found(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    main(["--version"])
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_reader_that_goes_away_is_no_error() -> None:
    """As with `stemmix schema | true`: no traceback, no complaint at exit."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        run = subprocess.run(
            [*PYTHON, PROGRAM, "schema"], env=ENVIRONMENT, stdout=gone, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (run.returncode, run.stderr) == (128 + signal.SIGPIPE, "")


LONG = "y" * 300
"""No system has room for such a name; what a folder holds that may not be entered fails alike."""


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"measure {LONG}.wav", 4),
        (f"qc {LONG}.wav", 4),
        (f"check {LONG}.json", 3),
        (f"render PROJECT --out {LONG}", 6),
        (f"render PROJECT {LONG}.json", 3),
        (f"render PROJECT OTHER --out {LONG}", 6),
        (f"render PROJECT --plan {LONG}", 3),
        (f"render PROJECT --gain-from {LONG}", 3),
        (f"render --programme {LONG}", 3),
        (f"report PROJECT --html {LONG}.html", 6),
        (f"report PROJECT --html {LONG}/a.html", 6),
        (f"report PROJECT --html a.html --out {LONG}", 2),
        (f"report PROJECT {LONG}.plan.json", 3),
        (f"markers PROJECT --as edl --out {LONG}", 6),
        (f"markers PROJECT --as wav --copy-of {LONG}.wav", 4),
        (f"init {LONG}", 3),
        (f"init scene --template {LONG}.json --force", 3),
        (f"init --from-receipt {LONG}", 3),
        (f"verify {LONG}", 3),
        (f"nulltest {LONG}", 3),
        (f"diff {LONG} PROJECT", 3),
        (f"diff PROJECT HEAD:{LONG}", 3),
        (f"fmt {LONG}", 3),
        (f"show {LONG}", 3),
    ],
)
def test_what_the_system_cannot_look_at_is_an_error_that_names_it(
    tmp_path: Path, line: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    projects = {"PROJECT": str(scene(tmp_path)), "OTHER": str(scene(tmp_path, "other"))}
    monkeypatch.chdir(tmp_path)
    assert main([projects.get(word, word) for word in line.split()]) == code
    assert "yyy" in capsys.readouterr().err


def test_no_name_or_title_drives_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "a\x1b[31m\u202eb.json")]) == 3
    assert "a\\u001b[31m\\u202eb.json: there is no such file" in capsys.readouterr().err
    project = edited(scene(tmp_path), lambda document: document.update(title="a\nb\x1b[31m"))
    assert main(["check", str(project)]) == 3
    assert "title: 'a\\nb\\x1b[31m' is not a title: it contains a control character" in capsys.readouterr().err


def test_no_name_of_a_file_drives_the_terminal_out_of_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs get it as it is."""
    name, told = "x\u009b2J\u202e.wav", "x\\u009b2J\\u202e.wav"
    project = scene(tmp_path)
    (tmp_path / "scene" / "fx.wav").rename(tmp_path / "scene" / name)
    edited(project, lambda document: document["stems"][2].update(file=f"scene/{name}"))
    file = str(tmp_path / "scene" / name)
    for words in (["check", str(project)], ["report", str(project)], ["measure", file], ["qc", file]):
        assert main(words) in {0, 5}
        out = capsys.readouterr().out
        assert not {"\u009b", "\u202e"} & {*out}
        assert words[0] not in {"measure", "qc"} or told in "".join(out.split())
    assert main(["measure", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["path"] == file


def test_a_loop_of_links_is_no_place_to_render_to(tmp_path: Path) -> None:
    project = scene(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    for others in ([], [project.with_name("other.json")]):
        for other in others:
            other.write_bytes(project.read_bytes())
        assert main(["render", str(project), *map(str, others), "--out", str(tmp_path / "loop")]) == 6


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device is always full")
UNWRITABLE = [
    pytest.param(">/dev/full", "No space left on device", id="full", marks=FULL),
    pytest.param(">&-", "it is closed", id="closed"),
]


def redirected(to: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What comes of a command line whose streams a shell has redirected."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {to}', "sh", *PYTHON, PROGRAM, *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["presets"], ["schema"], ["--version"]])
@pytest.mark.parametrize(("to", "why"), UNWRITABLE)
def test_an_answer_that_cannot_be_written_is_an_error_of_one_line(to: str, why: str, arguments: list[str]) -> None:
    run = redirected(to, *arguments)
    assert (run.returncode, run.stdout, run.stderr) == (6, "", f"stemmix: error: stdout: cannot be written: {why}\n")


@pytest.mark.parametrize(("to", "code"), [("2>&-", 0), (">&-", 6), (">&- 2>&-", 6)])
def test_many_are_rendered_though_a_stream_is_closed(tmp_path: Path, to: str, code: int) -> None:
    """What is opened next takes the stream's number, and what processes say must not come into it."""
    one, two = scene(tmp_path, "one"), scene(tmp_path, "two")
    assert redirected(to, "render", "--quiet", one, two, "--jobs", 2).returncode == code
    assert {path.name for path in (tmp_path / "out").glob("*.receipt.json")} == {"one.receipt.json", "two.receipt.json"}


@FULL
@pytest.mark.parametrize("arguments", [[], ["nosuch"], ["render", "--nosuch"]])
def test_a_command_line_is_wrong_though_that_cannot_be_told(arguments: list[str]) -> None:
    assert redirected("2>/dev/full", *arguments).returncode == 2


@FULL
@pytest.mark.parametrize("arguments", [["--help"], ["render", "--help"]])
def test_help_that_cannot_be_written_is_an_error_of_one_line(arguments: list[str]) -> None:
    run = redirected(">/dev/full", *arguments)
    assert (run.returncode, run.stderr) == (6, "stemmix: error: stdout: cannot be written: No space left on device\n")


@pytest.mark.parametrize(("to", "why"), UNWRITABLE)
def test_what_is_rendered_is_there_though_it_cannot_be_told(tmp_path: Path, to: str, why: str) -> None:
    hand_on_kernels()
    project = scene(tmp_path)
    assert main(["render", str(project), "--quiet", "--out", str(tmp_path / "told")]) == 0
    run = redirected(to, "render", project)
    assert (run.returncode, run.stdout, run.stderr) == (6, "", f"stemmix: error: stdout: cannot be written: {why}\n")
    assert bytes_in(tmp_path / "out") == bytes_in(tmp_path / "told")


@pytest.mark.parametrize("to", [pytest.param("2>/dev/full", marks=FULL), "2>&-"])
def test_a_message_that_cannot_be_written_stops_nothing(tmp_path: Path, to: str) -> None:
    hand_on_kernels()
    assert redirected(to, "check", tmp_path / "none.json").returncode == 3
    checked = redirected(to, "check", scene(tmp_path))
    assert checked.returncode == 0
    assert checked.stdout


def test_the_process_ends_by_itself_once_what_asked_to_be_told_has_been() -> None:
    """What is written last arrives whole, and the exit code is the answer's."""
    code = """
import atexit, sys, typer
from stemmix import cli

class Kept:
    def __del__(self):
        print("taken apart")

kept = Kept()

@cli.app.command()
def told():
    atexit.register(lambda: sys.stdout.write("told\\n"))
    raise typer.Exit(5)

sys.argv[1:] = ["told"]
cli.run()
"""
    run = subprocess.run([*PYTHON, code], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (5, "told\n", "")


def test_what_only_a_whole_reading_finds_is_left_to_check_and_init_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A header that is sound, and no number in the midst."""
    (tmp_path / "reel").mkdir()
    samples = np.full((48_000, 2), 0.1)
    samples[30_000] = np.nan
    soundfile.write(tmp_path / "reel" / "dx.wav", samples, 48_000, subtype="FLOAT")
    assert main(["init", str(tmp_path / "reel")]) == 0
    out, err = capsys.readouterr()
    last = err.splitlines()[-1]
    assert last == f"next: stemmix check {out.strip()} reads every file to its end"
    assert main(["check", out.strip()]) == 4
    assert "dx.wav: holds 2 samples that are NaN or infinite" in capsys.readouterr().err


def test_every_stem_that_only_a_whole_reading_finds_unsound_is_named_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As those are that a header gives away; each in a line of its own, in the project's order."""
    (tmp_path / "reel").mkdir()
    for name, bad in {"amb": 40_000, "dx": None, "fx": 2_000, "mx": 20_000}.items():
        samples = np.full((48_000, 2), 0.1)
        samples[bad, 0] = np.nan if bad else 0.1
        soundfile.write(tmp_path / "reel" / f"{name}.wav", samples, 48_000, subtype="FLOAT")
    assert main(["init", str(tmp_path / "reel")]) == 0
    project = capsys.readouterr().out.strip()
    assert main(["check", project]) == 4
    told = [line.rpartition("/")[2] for line in capsys.readouterr().err.splitlines()]
    held = "holds a sample that is NaN or infinite, at frame"
    assert told == [f"amb.wav: {held} 40000", f"fx.wav: {held} 2000", f"mx.wav: {held} 20000"]


def test_that_no_thread_can_begin_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    project = scene(tmp_path)
    monkeypatch.setattr(threading.Thread, "start", start)
    assert main(["render", str(project), "--progress", "none"]) == 6
    told = capsys.readouterr().err
    assert (
        told == "stemmix: error: the system lets no more threads start: this user or container has as many as it may\n"
    )
    assert not (tmp_path / "out").exists()
