"""The commands that take a project, as a user meets them: streams, exit codes, one message for a fault."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stemmix
from stemmix.cli import main
from stemmix.files.documents import read_document
from stemmix.model.receipt import Receipt
from tests.children import tells_of_kernels
from tests.material import RATE_HZ, chords, clicks, edited, noise, read_audio, scene, voice, write_audio, write_project
from tests.reference.wave_bytes import chunk, fmt, riff

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(stemmix.__file__).parents[1])}
PROGRAM = [sys.executable, "-W", "error", "-c", "import sys; from stemmix.cli import main; sys.exit(main())"]

Said = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return scene(tmp_path)


# ---- what is said ----------------------------------------------------------------------------------------------------


def test_render_says_on_stdout_what_it_wrote_and_nothing_on_stderr(project: Path, capsys: Said) -> None:
    assert main(["render", str(project)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"written to {project.parent / 'out'}" in out
    for path in (project.parent / "out").iterdir():
        assert path.name in out
    assert out.count("\n") < 15


def test_render_as_json_is_the_receipt_and_goes_where_it_is_told(project: Path, tmp_path: Path, capsys: Said) -> None:
    assert main(["render", str(project), "--json", "--out", str(tmp_path / "mixes" / "today")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    receipt = read_document(tmp_path / "mixes" / "today" / "scene.receipt.json", Receipt)
    assert Receipt.model_validate(json.loads(out), strict=False) == receipt
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["check", "report", "features", "why"])
def test_looking_writes_nothing_beside_the_project(project: Path, command: str, capsys: Said) -> None:
    before = sorted(path for path in project.parent.rglob("*"))
    arguments = [command, str(project), *(["1"] if command == "why" else [])]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert all(name in out for name in ("DX", "MX", "FX")), "the stems"
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == f"stemmix.{command}/1"
    assert told["title"] == "A test"
    if command != "why":
        assert [stem["id"] for stem in told["stems"]] == ["DX", "MX", "FX", "AMB"]
    if command in {"check", "report"}:
        assert "A test: 0:04.0" in out
    assert sorted(path for path in project.parent.rglob("*")) == before


def test_report_shows_who_masks_whom_and_what_is_done(project: Path, capsys: Said) -> None:
    assert main(["report", str(project), "--top", "1"]) == 0
    out = capsys.readouterr().out
    assert "Who masks whom" in out
    assert "Conflicts: the largest 1 of " in out
    assert "Moves: " in out
    assert main(["report", str(project), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    for conflict in report["conflicts"]:
        assert set(conflict) >= {"target", "masker", "low_hz", "high_hz", "start_s", "end_s", "size_before"}
    assert {move["stem"] for move in report["moves"]} & {"MX", "FX"}


@pytest.mark.parametrize("command", ["check", "render", "report"])
@pytest.mark.parametrize("arguments", [["--quiet"], ["--no-cache", "-q"]], ids=" ".join)
def test_quiet_keeps_the_data_and_says_nothing_else(
    project: Path, command: str, arguments: list[str], capsys: Said
) -> None:
    assert main([command, str(project), "--json", *arguments]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)
    assert err == ""


def test_a_missed_specification_ends_with_5_and_the_files_are_there(tmp_path: Path, capsys: Said) -> None:
    write_audio(tmp_path / "fx.wav", clicks(RATE_HZ, (0.2,)))
    masters = [{"name": "loud", "target_lufs": -5.0, "ceiling_dbtp": -15.0}]
    stems = [{"id": "FX", "role": "fx", "file": "fx.wav"}]
    path = write_project(tmp_path / "p.json", stems, deliverables=masters)
    assert main(["render", str(path)]) == 5
    out, err = capsys.readouterr()
    assert err == ""
    assert "fail: p_loud.wav: programme loudness is -22." in out
    assert "allowed -5" in out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "p.plan.json",
        "p.receipt.json",
        "p_loud.wav",
    ]
    assert not read_document(tmp_path / "out" / "p.receipt.json", Receipt).passed


def test_a_stored_plan_is_mixed_and_a_stale_one_refused_with_3(project: Path, tmp_path: Path, capsys: Said) -> None:
    assert main(["render", str(project), "-q"]) == 0
    plan = tmp_path / "out" / "scene.plan.json"
    assert main(["render", str(project), "--plan", str(plan), "--out", str(tmp_path / "again")]) == 0
    assert np.array_equal(
        read_audio(tmp_path / "again" / "scene_printmaster.wav"), read_audio(tmp_path / "out" / "scene_printmaster.wav")
    )
    capsys.readouterr()
    write_audio(tmp_path / "scene" / "fx.wav", noise(100))
    assert main(["render", str(project), "--plan", str(plan), "--out", str(tmp_path / "stale")]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"stemmix: error: {plan}: the plan is stale: ")
    assert err.count("\n") == 1
    assert list((tmp_path / "stale").glob("*")) == []


# ---- why, features, two methods -------------------------------------------------------------------------------------


def test_why_tells_what_is_done_at_a_moment_on_stdout_alone(project: Path, capsys: Said) -> None:
    assert main(["why", str(project), "0:01"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("A test at 0:01.0 (1.000 s)\n")
    assert "DX-0000.4 of DX" in out
    assert "Moves" in out
    assert "Because of" in out
    why_gains = out[out.index("Gain at") : out.index("Moves")]
    assert main(["why", str(project), "1.0", "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["schema"], told["at_s"], err) == ("stemmix.why/1", 1.0, "")
    assert {move["stem"] for move in told["moves"]} >= {"MX"}
    for move in told["moves"]:
        assert move["evidence"]["sii_after"] > move["evidence"]["sii_before"]
        assert move["stopped_by"]
        assert set(move["because"]) <= {conflict["id"] for conflict in told["conflicts"]}
    rows = {row.split()[0]: row.split()[1:] for row in why_gains.splitlines() if row}
    (music,) = (gains for gains in told["gains"] if gains["stem"] == "MX")
    assert rows["MX"][0] == f"{min(music['mid_db']):+.1f}"
    assert float(rows["MX"][0]) < -1.0
    assert main(["why", str(project), "1", "--stem", "MX", "--json"]) == 0
    assert {move["stem"] for move in json.loads(capsys.readouterr().out)["moves"]} == {"MX"}


def test_features_tells_what_is_heard_on_stdout_alone(project: Path, capsys: Said) -> None:
    assert main(["features", str(project)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert [line.split(":")[0] for line in out.splitlines() if "scene/" in line] == ["DX", "MX", "FX", "AMB"]
    assert main(["features", str(project), "--stem", "MX", "--json"]) == 0
    out, err = capsys.readouterr()
    (music,) = json.loads(out)["stems"]
    assert (music["id"], music["tonal"], err) == ("MX", None, "")
    assert music["facts"]["rolloff_hz"] > music["facts"]["centroid_hz"] > 0


def test_tonal_features_are_those_of_the_stem_that_is_asked_for(project: Path, capsys: Said) -> None:
    assert main(["features", str(project), "--tonal", "--stem", "MX", "--json"]) == 0
    (music,) = json.loads(capsys.readouterr().out)["stems"]
    assert len(music["tonal"]["pitch_hz"]) > 30
    assert any(hz is not None for hz in music["tonal"]["pitch_hz"])


def test_report_sets_both_methods_side_by_side_whichever_the_project_names(project: Path, capsys: Said) -> None:
    said = []
    for method in ("multilevel", "frequency"):
        edited(project, lambda document, method=method: document.update(method=method))
        assert main(["report", str(project), "--compare"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert "as they came, and mixed by either method" in out
        assert "hidden of DX" in out
        said.append(out)
    assert said[0] == said[1]
    assert main(["report", str(project), "--compare", "--json"]) == 0
    ours, theirs = json.loads(capsys.readouterr().out)["plans"]
    assert (ours["method"], theirs["method"]) == ("multilevel", "frequency")
    assert ours["outcome"]["lines_unclear_after"] <= theirs["outcome"]["lines_unclear_after"]
    assert ours["outcome"]["lines_unclear_before"] == theirs["outcome"]["lines_unclear_before"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["why", "PROJECT", "noon"], "Invalid value for TIME: 'noon' is not a time"),
        (["why", "PROJECT", "0:04"], "Invalid value for TIME: 0:04 is outside the programme, which is 4.0 s long"),
        (["why", "PROJECT", "1:30", "--fps", "24"], "Invalid value for TIME: 1:30 has no frames to count"),
        (["why", "PROJECT"], "Missing argument 'TIME'"),
        (["why", "PROJECT", "00:00:01;02"], "Invalid value for TIME: '00:00:01;02': at 25 frames are counted non-drop"),
        (["why", "PROJECT", "00:00:01:25"], "Invalid value for TIME: '00:00:01:25' has no frame 25: at 25 frames"),
        (["why", "PROJECT", "1", "--fps", "26"], "Invalid value for --fps: '26' is not one of 23.976, 24, 25"),
    ],
)
def test_a_time_that_is_not_there_is_wrong_usage(project: Path, arguments: list[str], said: str, capsys: Said) -> None:
    assert main([str(project) if word == "PROJECT" else word for word in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_a_moment_may_be_a_timecode(project: Path, capsys: Said) -> None:
    """Of 25 frames a second unless another rate is given."""
    for arguments, at_s in (
        (["00:00:01:05"], 1.2),
        (["00:00:01:05", "--fps", "50"], 1.1),
        (["00:00:01:12", "--fps", "23.976"], 1.502),
        (["0:01.5"], 1.5),
        (["72000 samples"], 1.5),
        (["3.9999999"], 4.0),
    ):
        assert main(["why", str(project), *arguments, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["at_s"] == at_s


@pytest.mark.parametrize("command", [["features"], ["features", "--tonal"], ["why", "1"]])
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("mx", "stem 'mx' is not one of DX, FX, AMB_2, MX; did you mean 'MX'?"),
        ("AMB", "stem 'AMB' is not one of DX, FX, AMB_2, MX; did you mean 'AMB_2'?"),
        ("violins", "stem 'violins' is not one of DX, FX, AMB_2, MX"),
        ("OLD", "stem 'OLD' is muted: it is not listened to"),
    ],
)
def test_a_stem_that_is_not_there_is_refused_before_any_is_opened(
    tmp_path: Path, command: list[str], asked: str, said: str, capsys: Said
) -> None:
    """None of the files exists: nobody has looked."""
    roles = {"DX": "dialogue", "FX": "fx", "AMB_2": "ambience", "MX": "music", "OLD": "music"}
    stems = [{"id": name, "role": role, "file": f"{name}.wav", "mute": name == "OLD"} for name, role in roles.items()]
    path = tmp_path / "nothing.json"
    path.write_text(json.dumps({"schema": "stemmix.project/2", "title": "Nothing", "stems": stems}))
    name, *rest = command
    assert main([name, str(path), *rest, "--stem", asked]) == 2
    out, err = capsys.readouterr()
    assert (out, " ".join(err.replace("│", " ").split()).endswith(f"Invalid value for --stem: {said}")) == ("", True)
    assert main([name, str(path), *rest, "--stem", "MX"]) == 4, "of one that is there, the file is looked for"


# ---- bad input -------------------------------------------------------------------------------------------------------

Harm = Callable[[Path], None]
"""Takes the project's path."""


def stem(name: str, content: bytes | None) -> Harm:
    def harm(project: Path) -> None:
        path = project.parent / "scene" / name
        path.unlink() if content is None else path.write_bytes(content)

    return harm


def stem_of(name: str, samples: np.ndarray, subtype: str = "FLOAT") -> Harm:
    def harm(project: Path) -> None:
        write_audio(project.parent / "scene" / name, samples, subtype=subtype)

    return harm


def field(change: Callable[[dict[str, Any]], Any]) -> Harm:
    def harm(project: Path) -> None:
        edited(project, change)

    return harm


def text(replace: Callable[[str], str]) -> Harm:
    def harm(project: Path) -> None:
        project.write_text(replace(project.read_text()))

    return harm


def silence_everything(project: Path) -> None:
    for name in ("dx", "mx", "fx", "amb"):
        write_audio(project.parent / "scene" / f"{name}.wav", np.zeros((RATE_HZ, 2)))


def truncated_flac(project: Path) -> None:
    path = write_audio(project.parent / "scene" / "mx.flac", noise(60_000), subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:-40_000])
    field(lambda document: document["stems"][1].update(file="scene/mx.flac"))(project)


NOT_FINITE = noise(2000)
NOT_FINITE[700, 1] = np.nan
NOT_FINITE[900, 0] = np.inf

BAD: dict[str, tuple[Harm, int, str]] = {
    "missing file": (stem("mx.wav", None), 4, "scene/mx.wav: does not exist"),
    "not audio": (stem("mx.wav", b"These are the liner notes.\n" * 40), 4, "scene/mx.wav: is not audio"),
    "an empty file": (stem("mx.wav", b""), 4, "scene/mx.wav: is empty"),
    "zero frames": (stem("mx.wav", riff(fmt(2), chunk(b"data", b""))), 4, "scene/mx.wav: holds no audio"),
    "truncated in its header": (stem("mx.wav", riff(fmt(2))[:30]), 4, "scene/mx.wav: "),
    "truncated": (truncated_flac, 4, "scene/mx.flac: is damaged after frame"),
    "NaN and infinity": (
        stem_of("mx.wav", NOT_FINITE),
        4,
        "scene/mx.wav: holds 2 samples that are NaN or infinite, the first at frame 700",
    ),
    "an absurd sample": (stem_of("mx.wav", noise(100) * 1e9), 4, "scene/mx.wav: holds a sample of +"),
    "silence in every stem": (silence_everything, 4, "every stem is silent"),
    "unknown role": (
        field(lambda document: document["stems"][1].update(role="muzak")),
        3,
        "stems[1].role: 'muzak' is not one of dialogue, narration, lead, music, fx, foley, walla, ambience",
    ),
    "duplicate ids": (
        field(lambda document: document["stems"][1].update(id="dx")),
        3,
        "stem id 'dx' is given twice",
    ),
    "no stems": (field(lambda document: document.update(stems=[])), 3, "stems: is empty"),
    "unknown field": (field(lambda document: document.update(loudness=-23)), 3, "loudness: unknown field"),
    "wrong type": (
        field(lambda document: document["stems"][0].update(gain_db="3")),
        3,
        "stems[0].gain_db: expected a number, got '3'",
    ),
    "a path that leaves the folder": (
        field(lambda document: document["stems"][0].update(file="../dx.wav")),
        3,
        "'../dx.wav' leaves the project's folder",
    ),
    "a path that is absolute": (
        field(lambda document: document["stems"][0].update(file="/dx.wav")),
        3,
        "'/dx.wav' is absolute",
    ),
    "malformed JSON": (text(lambda document: document.replace('"title":', '"title"', 1)), 3, "scene.json:1:"),
    "a field given twice": (
        text(lambda document: document.replace('"title":', '"title": "x", "title":', 1)),
        3,
        "title",
    ),
    "NaN in the project": (text(lambda document: document.replace('"A test"', "NaN")), 3, "NaN"),
    "not a project": (text(lambda document: "[]"), 3, "scene.json:1:1: expected an object"),
    "an empty project": (text(lambda document: ""), 3, "scene.json:1:1: "),
    "a project that is not there": (lambda project: project.unlink(), 3, "scene.json: there is no such file"),
}


@pytest.mark.parametrize("command", ["render", "check"])
@pytest.mark.parametrize("kind", BAD)
def test_bad_input_gets_its_exit_code_one_clear_message_and_nothing_written(
    project: Path, kind: str, command: str, capsys: Said
) -> None:
    harm, code, message = BAD[kind]
    harm(project)
    assert main([command, str(project)]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("stemmix: error: ")
    assert message in err
    assert "Traceback" not in err
    assert err.count("\n") == 1, "one message, in one line"
    assert list((project.parent / "out").glob("*")) == []
    assert [path for path in project.parent.iterdir() if path.name.startswith(".")] == []


def test_several_faults_are_told_at_once_a_line_each(project: Path, capsys: Said) -> None:
    field(lambda document: [stem.update(role="none", gain_db="loud") for stem in document["stems"]])(project)
    assert main(["render", str(project)]) == 3
    err = capsys.readouterr().err
    assert err.count("\n") == 8
    assert "stems[3].gain_db" in err


def test_a_place_that_cannot_be_written_ends_with_6(project: Path, tmp_path: Path, capsys: Said) -> None:
    (tmp_path / "taken").write_text("a file")
    assert main(["render", str(project), "--out", str(tmp_path / "taken")]) == 6
    assert capsys.readouterr().err == f"stemmix: error: {tmp_path / 'taken'}: cannot be made: File exists\n"
    for name in ("scene.plan.json", "scene.receipt.json"):
        (tmp_path / "out" / name).mkdir(parents=True)
        assert main(["render", str(project)]) == 6
        assert f"{name}: cannot be written: a folder has its name" in capsys.readouterr().err
        assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
        (tmp_path / "out" / name).rmdir()


def test_debug_shows_the_way_to_a_fault(project: Path, capsys: Said) -> None:
    (project.parent / "scene" / "mx.wav").unlink()
    assert main(["render", str(project), "--debug"]) == 4
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["render"], ["report", "p.json", "--top", "0"], ["render", "p.json", "--loud"]], ids=" ".join
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: Said) -> None:
    assert main(arguments) == 2
    assert "Error: " in capsys.readouterr().err


def besides_kernels(err: str) -> list[str]:
    """What a process of its own says."""
    return [line for line in err.splitlines() if not tells_of_kernels(line)]


# ---- told to stop ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_told_to_stop_in_the_midst_it_leaves_nothing_under_a_final_name(tmp_path: Path, number: int, code: int) -> None:
    """A minute of made-up stems; stopped when the first part file is growing."""
    frames = 60 * RATE_HZ
    piece = 4 * RATE_HZ
    for name, sound in (("dx", voice(piece, ((0.5, 3.0),))), ("mx", chords(piece)), ("amb", noise(piece, rms=0.002))):
        write_audio(tmp_path / "long" / f"{name}.wav", np.tile(sound, (frames // piece, 1)))
    stems = [
        {"id": name, "role": role, "file": f"long/{name}.wav"}
        for name, role in (("dx", "dialogue"), ("mx", "music"), ("amb", "ambience"))
    ]
    project = write_project(tmp_path / "long.json", stems)
    out = tmp_path / "out"
    with subprocess.Popen(
        [*PROGRAM, "render", str(project)], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not (out.exists() and any(part.stat().st_size > 2**20 for part in out.glob(".*.part"))):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(number)
        said, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert (said, besides_kernels(err)) == ("", [])
    assert not out.exists()


def test_as_a_program_it_renders_without_a_warning(project: Path) -> None:
    """With warnings as errors, in a process of its own; into a pipe, plain."""
    run = subprocess.run(
        [*PROGRAM, "render", str(project)], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (run.returncode, besides_kernels(run.stderr)) == (0, [])
    assert "\x1b" not in run.stdout
    header = (project.parent / "out" / "scene_printmaster.wav").read_bytes()[:44]
    assert header[:4] == b"RIFF"
    assert (
        struct.unpack_from("<I", header, 4)[0] + 8 == (project.parent / "out" / "scene_printmaster.wav").stat().st_size
    )
