"""What is shown of a job: lines that a program can rely on, a bar that fits its terminal, silence where it belongs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stemmix.model.progress import ProgressLine, Step
from stemmix.report import progress
from stemmix.report.progress import How, JsonLines, shown


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def told(clock: Clock) -> tuple[JsonLines, list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []

    def write(text: str) -> None:
        assert text.endswith("\n")
        assert text.count("\n") == 1
        lines.append(json.loads(text))

    return JsonLines("render", write), lines


Told = tuple[JsonLines, list[dict[str, Any]]]


def test_every_line_has_every_field_and_is_valid(told: Told) -> None:
    lines, said = told
    lines.tell(Step("listen", 0.5, 60.0))
    lines.note("a note")
    lines.end(0, None)
    assert [line["event"] for line in said] == ["start", "stage", "note", "done"]
    fields = list(said[0])
    for line in said:
        assert list(line) == fields
        ProgressLine.model_validate(line)
    assert {"event", "stage", "share", "audio_s", "speed", "eta_s"} <= set(fields)


def test_lines_tell_speed_and_the_time_that_is_left(told: Told, clock: Clock) -> None:
    lines, said = told
    clock.now += 2.0  # imports
    lines.tell(Step("open", 0.0))
    lines.tell(Step("listen", 0.1, 60.0))
    clock.now += 4.0
    lines.tell(Step("listen", 0.5, 60.0))
    last = said[-1]
    assert (last["event"], last["elapsed_s"], last["done_s"], last["audio_s"]) == ("progress", 6.0, 30.0, 60.0)
    assert last["speed"] == 5.0
    assert last["eta_s"] == 5.0, "0.4 of it took 4 s, and 0.5 is left"
    assert said[1]["speed"] is None, "nobody knows yet how long it is"
    assert said[2]["eta_s"] is None, "nothing was done yet to go by"


def test_at_most_ten_lines_a_second_however_often_it_is_told(told: Told, clock: Clock) -> None:
    lines, said = told
    for number in range(10_000):
        lines.tell(Step("mix", number / 10_000, 60.0))
        clock.now += 0.001
    assert 90 <= len(said) <= 102
    assert said[-1]["share"] > 0.98


def test_each_stage_and_reel_is_said_at_once(told: Told) -> None:
    lines, said = told
    for reel in (1, 2):
        lines.tell(Step("listen", 0.1 * reel, 60.0, reel, 2))
        lines.tell(Step("decide", 0.15 * reel, 60.0, reel, 2))
    assert [(line["stage"], line["reel"]) for line in said[1:]] == [
        ("listen", 1),
        ("decide", 1),
        ("listen", 2),
        ("decide", 2),
    ]


@pytest.mark.parametrize(("why", "event", "share"), [(None, "done", 1.0), ("dx.wav: is empty", "failed", 0.25)])
def test_the_last_line_tells_the_end(told: Told, why: str | None, event: str, share: float) -> None:
    lines, said = told
    lines.tell(Step("open", 0.25))
    lines.end(4, why)
    last = said[-1]
    assert (last["event"], last["text"], last["share"], last["exit_code"]) == (event, why, share, 4)
    assert last["stage"] is None


@pytest.mark.parametrize(("why", "share"), [(None, 1.0), ("reel.json: is no JSON", 0.0)])
def test_what_is_done_is_done_though_no_step_was_told(told: Told, why: str | None, share: float) -> None:
    """Two stored plans are compared in no time."""
    lines, said = told
    lines.end(0 if why is None else 3, why)
    assert [line["share"] for line in said] == [0.0, share]


def test_nothing_is_said_after_the_end(told: Told) -> None:
    """A thread that was broken off may come late."""
    lines, said = told
    lines.end(130, "interrupted")
    count = len(said)
    lines.tell(Step("mix", 0.5, 60.0, 1, 1))
    assert len(said) == count


def test_silence_but_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    for how, quiet in ((How.AUTO, False), (How.AUTO, True), (How.NONE, False), (How.BAR, True)):
        with shown(how, quiet, said.append) as tell:
            tell(Step("listen", 0.5))
            tell(Step("mix", 1.0))
    assert (said, capsys.readouterr()) == ([], ("", ""))


def test_a_bar_where_none_can_be_drawn_is_a_line_for_each_stage() -> None:
    said: list[str] = []
    with shown(How.BAR, False, said.append) as tell:
        for share in (0.0, 0.1, 0.2):
            tell(Step("listen", share, 60.0))
        tell(Step("mix", 0.5, 60.0, 2, 3))
    assert said == ["listening ...\n", "mixing 2/3 ...\n"]


def test_every_stage_has_a_word() -> None:
    stage = ProgressLine.model_json_schema()["properties"]["stage"]["anyOf"][0]["enum"]
    assert set(stage) == set(progress._WORDS)
