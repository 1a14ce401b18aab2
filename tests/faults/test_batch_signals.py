"""Ctrl-C, SIGTERM and worse to a render of many projects: every process ends, and the disk is as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import stemmix
from tests.children import hand_on_kernels, processes_of
from tests.material import RATE_HZ, chords, scene_stems, voice, write_audio, write_project

PROGRAM = [sys.executable, "-c", "import sys; from stemmix.cli import main; sys.exit(main())"]
PATIENCE_S = 60.0
WITHIN_S = 2.0
"""A second of two cores: CPU time of all its processes, however many others share the machine."""


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five minutes of two."""
    folder, piece = tmp_path_factory.mktemp("stems"), 4 * RATE_HZ
    sounds = {"dx": voice(piece, ((0.5, 3.0),)), "mx": chords(piece)}
    return [write_audio(folder / f"{stem}.wav", np.tile(sound, (80, 1))) for stem, sound in sounds.items()]


@pytest.fixture
def reels(tmp_path: Path, stems: list[Path]) -> list[Path]:
    """Three of the same stems."""
    (tmp_path / "reel").mkdir()
    for stem in stems:
        (tmp_path / "reel" / stem.name).hardlink_to(stem)
    hand_on_kernels()
    return [write_project(tmp_path / f"{name}.json", scene_stems("reel")[:2]) for name in "abc"]


def until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def writing(folder: Path) -> set[int]:
    """Ids of the processes that have begun to write sound."""
    return {int(part.name.split(".")[-2]) for part in folder.glob("out/.*.wav.*.part") if part.stat().st_size > 100_000}


def begun(reels: list[Path], *before: str) -> subprocess.Popen[str]:
    """In a group of its own, as a shell begins it: what a terminal sends goes to all of them."""
    return subprocess.Popen(
        [*before, *PROGRAM, "render", *map(str, reels), "--jobs", "2", "--no-cache"],
        env=os.environ | {"PYTHONPATH": str(Path(stemmix.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("number", "to_all", "when"),
    [
        (signal.SIGINT, True, "writing"),
        (signal.SIGTERM, False, "writing"),
        (signal.SIGHUP, True, "writing"),
        (signal.SIGINT, True, "starting"),
    ],
)
def test_a_signal_ends_all_of_it_and_leaves_the_disk_as_it_was(
    reels: list[Path], number: int, to_all: bool, when: str
) -> None:
    folder = reels[0].parent
    before = sorted(folder.rglob("*"))
    with begun(reels) as process:
        if when == "writing":
            until(lambda: bool(writing(folder)), process)
        else:
            until((folder / "out").exists, process)
        then_s = cpu_s(process.pid)
        (os.killpg if to_all else os.kill)(process.pid, number)
        while process.poll() is None:
            took_s = cpu_s(process.pid) - then_s
            assert took_s < WITHIN_S
            time.sleep(0.01)
        said, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + number
    assert said == "", said
    assert all(line.endswith(": started") for line in err.splitlines()), err
    deadline = time.monotonic() + 5.0  # what loky has for its semaphores ends when it finds itself alone
    while list(processes_of(process.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert sorted(folder.rglob("*")) == before


def test_a_hang_up_that_is_ignored_ends_none_of_its_processes(reels: list[Path]) -> None:
    """As with `nohup stemmix render ...`: it comes to all of them."""
    folder = reels[0].parent
    with begun(reels[:2], "nohup") as process:
        until(lambda: bool(writing(folder)), process)
        os.killpg(process.pid, signal.SIGHUP)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert [line for line in err.splitlines() if "killed" in line or "again" in line] == []


def cpu_s(group: int) -> float:
    """User and system time of the processes of a group that still run."""
    return sum(process.cpu_s for process in processes_of(group))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process is not told that its parent is gone")
def test_when_the_first_process_is_killed_the_others_clean_up_and_end(reels: list[Path]) -> None:
    folder = reels[0].parent
    with begun(reels) as process:
        until(lambda: bool(writing(folder)), process)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 15.0  # nobody is left to say that there is no more to do
        while list(processes_of(process.pid)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.communicate()
    assert list(folder.glob("out/.*")) == []
    for reel in reels:  # whole, or not there
        assert len(list(folder.glob(f"out/{reel.stem}*"))) in (0, 5)
