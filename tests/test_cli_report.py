"""`stemmix report` as a user meets it: narrowed, as JSON, as CSV, in colours or not, and of two plans side by side."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from stemmix.cli import main
from stemmix.commands import common
from stemmix.files.schema import comparison_schema, report_schema
from tests.material import RATE_HZ, edited, noise, rendered, scene, write_audio

Said = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Four seconds, lines at 0.5 and 2.3 s, two scenes."""
    return scene(tmp_path, scenes=[{"id": "quay", "from": 0.0}, {"id": "wreck", "from": 2.0}])


def said(capsys: Said, *arguments: object, code: int = 0) -> str:
    """What is printed; nothing else is said."""
    assert main(["report", *map(str, arguments)]) == code
    out, err = capsys.readouterr()
    assert err == ""
    return out


def reported(capsys: Said, *arguments: object, schema: str | None = None) -> dict[str, Any]:
    document = json.loads(said(capsys, *arguments, "--json"), parse_constant=pytest.fail)
    jsonschema.Draft202012Validator(json.loads(schema or report_schema())).validate(document)
    return document


def refused(capsys: Said, *arguments: object, code: int = 2) -> str:
    """Why it is not done; nothing is printed, and nothing traced back."""
    assert main(["report", *map(str, arguments)]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err


# ---- narrowed --------------------------------------------------------------------------------------------------------


def test_a_scene_is_the_span_from_its_beginning_to_its_end(project: Path, capsys: Said) -> None:
    whole = reported(capsys, project)
    assert [(one["id"], one["start_s"], one["end_s"]) for one in whole["scenes"]] == [
        ("quay", 0.0, 2.0),
        ("wreck", 2.0, 4.0),
    ]
    assert whole["chosen"] is None
    by_scene, by_time = (
        reported(capsys, project, "--scene", "wreck"),
        reported(capsys, project, "--from", "2", "--to", "4"),
    )
    assert (by_scene["chosen"].pop("scene"), by_time["chosen"].pop("scene")) == ("wreck", None)
    assert by_scene == by_time
    assert [line["id"] for line in by_scene["lines"]] == [whole["lines"][-1]["id"]]
    assert by_scene["duration_s"] == 4.0


def test_what_scenes_have_adds_up_to_the_whole(project: Path, capsys: Said) -> None:
    whole, *scenes = (reported(capsys, project, *of) for of in ((), ("--scene", "quay"), ("--scene", "wreck")))

    def sizes(report: dict[str, Any]) -> dict[tuple[str, str], float]:
        return {(pair["target"], pair["masker"]): pair["size_before"] for pair in report["pairs"]}

    for pair, size in sizes(whole).items():
        assert sum(sizes(one)[pair] for one in scenes) == pytest.approx(size, abs=2e-4)
    assert [one["outcome"]["lines"] for one in (whole, *scenes)] == [2, 1, 1]


def test_options_are_combined(project: Path, capsys: Said) -> None:
    narrow = (project, "--scene", "quay", "--stem", "MX", "--from", "0:00.6", "--to", "48000 samples", "--top", "1")
    report = reported(capsys, *narrow)
    chosen = report["chosen"]
    assert (chosen["start_s"], chosen["end_s"], chosen["scene"], chosen["stem"]) == (0.6, 1.0, "quay", "MX")
    assert all("MX" in {pair["target"], pair["masker"]} for pair in report["pairs"])
    assert len(report["conflicts"]) == 1
    text = said(capsys, *narrow)
    assert "of this: 0:00.6-0:01.0, scene quay, what involves MX" in text
    assert "Conflicts: the largest 1 of " in text
    rows = list(csv.DictReader(StringIO(said(capsys, *narrow, "--csv"), newline="")))
    assert [row["id"] for row in rows] == [report["conflicts"][0]["id"]]


@pytest.mark.parametrize(
    ("times", "span"),
    [
        (("--from", "00:00:01:05"), (1.2, 4.0)),
        (("--from", "00:00:01:05", "--fps", "50"), (1.1, 4.0)),
        (("--to", "0:01.5"), (0.0, 1.5)),
        (("--from", "72000 samples", "--to", "3.9999999"), (1.5, 4.0)),
    ],
)
def test_a_time_is_typed_as_for_why(
    project: Path, times: tuple[str, ...], span: tuple[float, float], capsys: Said
) -> None:
    chosen = reported(capsys, project, *times)["chosen"]
    assert (chosen["start_s"], chosen["end_s"]) == span


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--stem", "mx"), "Invalid value for --stem: stem 'mx' is not one of DX, MX, FX, AMB; did you mean 'MX'?"),
        (
            ("--scene", "wrek"),
            "Invalid value for --scene: 'wrek' is not a scene of this programme; expected one of quay, wreck; did you "
            "mean 'wreck'?",
        ),
        (("--from", "3", "--to", "0:02"), "Invalid value for --to: 0:02 is not after 3, where the span begins"),
        (("--from", "0:04"), "Invalid value for --from: 0:04 is outside the programme, which is 4.0 s long"),
        (("--to", "5"), "Invalid value for --to: 5 is outside the programme, which is 4.0 s long"),
        (("--from", "noon"), "Invalid value for --from: 'noon' is not a time"),
        (("--to", "00:00:01:25"), "Invalid value for --to: '00:00:01:25' has no frame 25"),
        (
            ("--fps", "25", "--from", "1"),
            "Invalid value for --fps: is for a timecode, HH:MM:SS:FF, and no time is given as one",
        ),
        (("--fps", "26", "--from", "00:00:01:05"), "Invalid value for --fps: '26' is not one of 23.976, 24, 25"),
        (("--scene", "quay", "--from", "3"), "Invalid value for --scene: nothing of quay lies between the times"),
        (("--top", "0"), "Invalid value for '--top'"),
        (("--json", "--csv"), "Invalid value for --csv: cannot be combined with --json"),
        (("--csv", "--compare"), "Invalid value for --csv: lists the conflicts of one plan only"),
        (("b.json", "--csv"), "Invalid value for --csv: lists the conflicts of one plan only"),
        (("b.json", "--compare"), "Invalid value for --compare: sets two methods side by side for a single project"),
        (("b.json", "c.json"), "Got unexpected extra argument(s) (c.json)"),
    ],
)
def test_what_cannot_be_is_wrong_usage(project: Path, arguments: tuple[str, ...], why: str, capsys: Said) -> None:
    assert why in " ".join(refused(capsys, project, *arguments).split())


def test_a_muted_stem_is_not_listened_to(project: Path, capsys: Said) -> None:
    edited(project, lambda document: document["stems"][3].update(mute=True))
    assert "stem 'AMB' is muted: it is not listened to" in refused(capsys, project, "--stem", "AMB")


def test_a_stem_or_a_time_that_cannot_be_is_refused_before_any_file_is_opened(tmp_path: Path, capsys: Said) -> None:
    stems = [{"id": "DX", "role": "dialogue", "file": "not_there.wav"}]
    path = tmp_path / "nothing.json"
    path.write_text(json.dumps({"schema": "stemmix.project/2", "title": "Nothing", "stems": stems}))
    for arguments in (("--stem", "MX"), ("--from", "2", "--to", "1"), ("--from", "noon")):
        refused(capsys, path, *arguments)
    refused(capsys, path, "--stem", "DX", code=4)


# ---- for spreadsheets, for terminals ---------------------------------------------------------------------------------


def test_csv_goes_to_stdout_with_every_conflict_and_rows_end_as_they_should(project: Path, capsys: Said) -> None:
    text = said(capsys, project, "--csv")
    rows = list(csv.DictReader(StringIO(text, newline=""), strict=True))
    assert text.count("\r\n") == text.count("\n") == len(rows) + 1
    conflicts = reported(capsys, project)["conflicts"]
    assert [(row["id"], float(row["size_before_band_s"])) for row in rows] == [
        (one["id"], one["size_before"]) for one in conflicts
    ]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "dumb"}, None),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, None),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "256"),
    ],
)
def test_colours_are_what_the_terminal_has_and_none_where_they_are_not_wanted(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], colours: str | None
) -> None:
    """An empty NO_COLOR is none (no-color.org)."""
    for name in ("NO_COLOR", "COLORTERM", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setattr("sys.stdout", Terminal())
    assert common.page() == (70, colours)


def test_in_a_pipe_it_is_plain_whatever_the_terminal_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stdout", StringIO())
    assert common.page() == (120, None)


def in_ascii(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> str:
    """What a stream gets that knows nothing but ASCII."""
    stream = TextIOWrapper(BytesIO(), "ascii")
    monkeypatch.setattr("sys.stdout", stream)
    assert main(["report", *map(str, arguments)]) == 0
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined]


def test_where_there_is_nothing_but_ascii_signs_are_spelt_and_columns_stay(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    edited(project, lambda document: document.update(title="Hafen → Süd"))
    told, plain = said(capsys, project), in_ascii(monkeypatch, project)
    assert "\\u" not in plain
    assert plain.startswith("Hafen -> S\\xfcd: ")
    rows, ours = ([row for row in text.splitlines() if row.startswith("MX ")] for text in (told, plain))
    assert len(rows) == len(ours) > 1
    assert [row.replace("·", ".").replace("→", "->").split() for row in rows] == [row.split() for row in ours]
    assert any(set(row) == {"-"} for row in plain.splitlines()), "a rule is a rule"


def test_json_keeps_its_signs_where_there_is_nothing_but_ascii(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON escapes them: who reads it reads the same title."""
    title = "Hafen → Süd \U0001f6a2"
    edited(project, lambda document: document.update(title=title))
    assert json.loads(in_ascii(monkeypatch, project, "--json"))["title"] == title


# ---- two plans -------------------------------------------------------------------------------------------------------


def test_a_project_beside_the_plan_that_it_was_rendered_with_is_the_same(project: Path, capsys: Said) -> None:
    rendered(project)
    plan = project.parent / "out" / "scene.plan.json"
    for pair in ((project, plan), (plan, project), (plan, plan)):
        document = reported(capsys, *pair, schema=comparison_schema())
        first, second = document["plans"]
        assert (first["name"], second["name"]) == ("A", "B")
        assert [first["kind"], second["kind"]] == ["plan" if one == plan else "project" for one in pair]
        assert first["masked"] == second["masked"]
        assert first["outcome"] == second["outcome"]
        assert document["notes"] == []
        assert all(one["clarity_first"] == one["clarity_second"] for one in document["lines"])
    assert "2 lines are as clear in both mixes" in said(capsys, project, plan)


def test_two_versions_of_a_project_are_set_side_by_side(project: Path, capsys: Said) -> None:
    other = project.with_name("louder.json")
    other.write_text(project.read_text())
    edited(other, lambda document: (document.update(goals={"clarity": 0.7}), document["stems"][1].update(gain_db=3.0)))
    text = said(capsys, project, other)
    assert f"A: {project}: A test" in " ".join(text.split())
    assert "lines below clarity 0.5 and 0.7" in text
    assert "note: the stems differ: the fader of MX is at 0 dB in the first and at 3 dB in the second" in " ".join(
        text.split()
    )
    assert "Lines that differ" in text


def test_as_they_came_the_stems_are_the_same_to_both_methods(project: Path, capsys: Said) -> None:
    methods = reported(capsys, project, "--compare", schema=comparison_schema())["plans"]
    first, second = (
        (
            one["conflicts"]["count_before"],
            one["conflicts"]["size"]["before"],
            one["conflicts"]["in_all_lines"]["before"],
            one["masked"]["targets"]["before"],
            one["masked"]["all"]["before"],
            one["clarity"]["mean_before"],
        )
        for one in methods
    )
    assert first == second
    assert min(first) > 0


def test_both_are_narrowed_alike_and_what_a_plan_cannot_tell_of_a_span_is_said(project: Path, capsys: Said) -> None:
    rendered(project)
    plan = project.parent / "out" / "scene.plan.json"
    first, second = reported(capsys, project, plan, "--scene", "wreck", schema=comparison_schema())["plans"]
    assert (first["clarity"], first["chosen"]) == (second["clarity"], second["chosen"])
    assert first["masked"] is not None
    assert second["masked"] is None
    assert second["reasons"]["masked"]
    methods = reported(capsys, project, "--compare", "--scene", "wreck", schema=comparison_schema())["plans"]
    assert [one["clarity"]["lines"] for one in methods] == [1, 1]
    assert f"Invalid value for --scene: {project}: 'pier' is not a scene" in " ".join(
        refused(capsys, project, plan, "--scene", "pier").split()
    )


def test_a_plan_that_was_made_for_other_stems_is_set_beside_them_and_called_stale(project: Path, capsys: Said) -> None:
    rendered(project)
    write_audio(project.parent / "scene" / "mx.wav", noise(4 * RATE_HZ, rms=0.03))
    plan = project.parent / "out" / "scene.plan.json"
    text = " ".join(said(capsys, project, plan).split())
    assert (
        f"note: {plan} is stale: it was made for different stems from those of today: MX is a different recording"
        in text
    )


def test_what_is_no_project_and_no_plan_is_refused_with_its_name(project: Path, capsys: Said) -> None:
    rendered(project)
    out = project.parent / "out"
    receipt, missing, broken = out / "scene.receipt.json", out / "b.json", out / "c.plan.json"
    broken.write_text("{")
    for path, why in (
        (receipt, f"{receipt}: is a receipt; expected a project or a plan, such as scene.plan.json beside it"),
        (missing, f"{missing}: there is no such file"),
        (out / "d.plan.json", f"{out / 'd.plan.json'}: there is no such file"),
        (broken, f"{broken}:1:2: "),
        (project.parent / "scene" / "mx.wav", "mx.wav"),
    ):
        for pair in ((project, path), (path, project)):
            err = refused(capsys, *pair, code=3)
            assert err.startswith("stemmix: error: ")
            assert why in err
            assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"sample_rate": 0}, "sample_rate: 0 is not more than 0, as it must be"),
        ({"frame_rate": "29.97df", "start": "00:01:00;00"}, "start: '00:01:00;00' is a timecode that 29.97df skips"),
        ({"start": "01:00:00:00"}, "start: '01:00:00:00' is a timecode, which needs a frame_rate beside it"),
    ],
)
def test_a_plan_whose_times_cannot_be_told_is_refused_with_the_field(
    project: Path, fields: dict[str, Any], why: str, capsys: Said
) -> None:
    rendered(project)
    plan = project.parent / "out" / "scene.plan.json"
    edited(plan, lambda document: document.update(fields))
    err = refused(capsys, project, plan, code=3)
    assert err.startswith(f"stemmix: error: {plan}:")
    assert why in err


def test_a_plan_is_known_by_what_it_says_it_is_whatever_its_name(project: Path, capsys: Said) -> None:
    rendered(project)
    renamed = project.parent / "yesterday.json"
    (project.parent / "out" / "scene.plan.json").rename(renamed)
    assert "stored plan" in said(capsys, project, renamed)


# ---- schemas ---------------------------------------------------------------------------------------------------------


def test_schema_prints_the_one_that_is_asked_for(capsys: Said) -> None:
    for name, schema in (("report", report_schema), ("comparison", comparison_schema)):
        assert main(["schema", name]) == 0
        assert capsys.readouterr() == (schema(), "")
    assert main(["schema", "reprot"]) == 2
    assert "'reprot' is not one of project, report, comparison; did you mean 'report'?" in capsys.readouterr().err
