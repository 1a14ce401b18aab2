"""Ctrl-C, SIGTERM and a hang-up at any moment of the real process: a quick end, its code, and the disk as it was."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import stemmix
from stemmix.files.cache import KINDS
from tests.children import stat_of
from tests.material import RATE_HZ, rendered, scene_stems, voice, write_audio, write_project

PROGRAM = [sys.executable, "-c", "import sys; from stemmix.cli import main; sys.exit(main())"]

WITHIN_S = 1.0
"""Of CPU time that the process takes after the signal, however many others share the machine. One core is at work then:
what waits for nobody takes no longer by the clock, either."""
PATIENCE_S = 60.0

KERNELS = os.environ.get("NUMBA_CACHE_DIR", "")


@pytest.fixture(scope="module")
def reel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes, which take some seconds to render; the out folder holds an older mix."""
    folder = tmp_path_factory.mktemp("reel")
    for number, stem in enumerate(("dx", "mx", "fx", "amb")):
        sound = np.tile(voice(4 * RATE_HZ, [(0.5, 3.5)]) if stem == "dx" else _noise(number), (30, 1))
        write_audio(folder / "scene" / f"{stem}.wav", sound)
    project = write_project(folder / "scene.json", scene_stems())
    rendered(project)
    return project


def _noise(number: int) -> np.ndarray:
    return np.random.default_rng(number).normal(0.0, 0.02, (4 * RATE_HZ, 2))


def standing(project: Path, scratch: Path) -> dict[str, tuple[int, int]]:
    """All files beside the project and in the scratch folder, by size and time; but for what is kept on purpose."""
    files = [path for folder in (project.parent, scratch) for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.suffix[1:] not in KINDS}


def interrupted(
    arguments: list[str],
    scratch: Path,
    number: int,
    after_s: float,
    notes: str = "",
    within_s: float = WITHIN_S,
    **environment: str,
) -> int | None:
    """Send a signal when the process has taken so much CPU time; its exit code. None where its work was done before.

    Fails where it takes too long to end, or says anything but `notes`.
    """
    home = Path(stemmix.__file__).parents[1]
    settings = {"PYTHONPATH": str(home), "NUMBA_CACHE_DIR": KERNELS, "XDG_CACHE_HOME": str(scratch)}
    before_s = os.times().children_user + os.times().children_system
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        env=os.environ | settings | {"TMPDIR": str(scratch)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        while process.poll() is None and stat_of(process.pid).cpu_s < after_s:
            time.sleep(0.005)
        if process.poll() is not None:
            return None
        then_s = stat_of(process.pid).cpu_s
        process.send_signal(number)
        told, said = process.communicate(timeout=PATIENCE_S)
    took_s = os.times().children_user + os.times().children_system - before_s - then_s
    assert took_s < within_s, f"at {after_s:.2f} s it took {took_s:.2f} s more to end"
    assert said == notes
    return None if told else process.returncode


@pytest.fixture(scope="module")
def whole_s(reel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], float]:
    """CPU time of all that a command does."""

    @cache
    def taken_s(command: str) -> float:
        scratch = str(tmp_path_factory.mktemp("whole"))
        settings = {"PYTHONPATH": str(Path(stemmix.__file__).parents[1]), "XDG_CACHE_HOME": scratch}
        environment = os.environ | settings | {"NUMBA_CACHE_DIR": KERNELS}
        before_s = os.times().children_user + os.times().children_system
        subprocess.run([*PROGRAM, *commands(reel)[command]], env=environment, capture_output=True, check=True)
        return os.times().children_user + os.times().children_system - before_s

    return taken_s


def commands(project: Path) -> dict[str, list[str]]:
    return {
        "render": ["render", str(project)],
        "render --no-cache": ["render", str(project), "--no-cache"],
        "check": ["check", str(project), "--no-cache"],
        "report": ["report", str(project), "--no-cache"],
        "verify": ["verify", str(project.parent / "out" / "scene.receipt.json")],
    }


@pytest.mark.parametrize(
    ("command", "number", "share"),
    [
        ("render --no-cache", signal.SIGINT, 0.5),
        ("render --no-cache", signal.SIGTERM, 0.8),
        ("render", signal.SIGINT, 0.6),
        ("check", signal.SIGINT, 0.7),
        ("report", signal.SIGTERM, 0.8),
        ("verify", signal.SIGINT, 0.6),
        ("render --no-cache", signal.SIGHUP, 0.6),
        ("verify", signal.SIGHUP, 0.7),
    ],
)
def test_a_signal_ends_it_within_a_second_and_leaves_the_disk_as_it_was(
    reel: Path, whole_s: Callable[[str], float], tmp_path: Path, command: str, number: int, share: float
) -> None:
    after_s = share * whole_s(command)
    code = None
    while code is None:  # its work was done before: two runs do not take the same time where others work besides
        before = standing(reel, tmp_path)
        code = interrupted(commands(reel)[command], tmp_path, number, after_s)
        after_s *= 0.8
    assert code == 128 + number
    assert standing(reel, tmp_path) == before


def test_a_signal_ends_it_while_kernels_are_compiled(reel: Path, tmp_path: Path) -> None:
    (tmp_path / "kernels").mkdir()
    compiling = commands(reel)["render"]
    notes = "compiling kernels for this machine, once: about 20 s\n"
    # LLVM's pass over one kernel cannot be broken off, and takes longer where others use the caches
    kernels = {"NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    code = interrupted(compiling, tmp_path, signal.SIGINT, 3.0, notes, 2 * WITHIN_S, **kernels)
    assert code == 130
    assert list((reel.parent / "out").glob(".*")) == []


def test_a_folder_that_was_made_for_it_is_gone(reel: Path, whole_s: Callable[[str], float], tmp_path: Path) -> None:
    arguments = [*commands(reel)["render"], "--out", str(tmp_path / "new")]
    assert interrupted(arguments, tmp_path, signal.SIGINT, 0.7 * whole_s("render")) == 130
    assert not (tmp_path / "new").exists()


@pytest.mark.long
@pytest.mark.parametrize("command", ["render --no-cache", "render", "check", "report", "verify"])
def test_no_moment_is_a_bad_one(reel: Path, tmp_path: Path, command: str) -> None:
    moments = random.Random(command)
    before = standing(reel, tmp_path)
    ended = 0
    for _ in range(25):
        number = moments.choice((signal.SIGINT, signal.SIGTERM))
        # not before the first line of ours has run: until then a signal is Python's
        code = interrupted(commands(reel)[command], tmp_path, number, moments.uniform(0.7, 3.0))
        if code is None:  # it was over: what it wrote is whole, and stays
            before = standing(reel, tmp_path)
            continue
        ended += 1
        assert code == 128 + number
        assert standing(reel, tmp_path) == before
    assert ended >= 6, "most came too late"
