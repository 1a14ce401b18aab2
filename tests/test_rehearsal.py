"""What is compiled beside a first render is what it needs, and nobody notices."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import stemmix
from stemmix import rehearsal
from stemmix.dsp import first_use, kernel_store
from tests.children import hand_on_kernels
from tests.material import scene

REHEARSAL = [sys.executable, "-m", "stemmix.rehearsal"]
PATIENCE_S = 120.0


def environment(folder: Path) -> dict[str, str]:
    home = str(Path(stemmix.__file__).parents[1])
    own = {"PYTHONPATH": home, "XDG_CACHE_HOME": str(folder), "TMPDIR": str(folder)}
    return {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"} | own


def test_it_compiles_nothing_that_a_render_does_not_need(tmp_path: Path) -> None:
    hand_on_kernels(tmp_path)
    own = environment(tmp_path)
    render = "import sys; from stemmix.cli import main; sys.exit(main())"
    project = scene(tmp_path / "reel")
    subprocess.run([sys.executable, "-c", render, "render", project], env=own, capture_output=True, check=True)
    kernels = tmp_path / "stemmix" / "kernels"
    needed = {one for one in kernels.rglob("*") if one.name != first_use.REHEARSED}
    with subprocess.Popen(REHEARSAL, env=own, stdin=subprocess.PIPE) as process:
        assert process.wait(timeout=PATIENCE_S) == 0
    assert {*kernels.rglob("*")} - needed == {*kernels.rglob(first_use.REHEARSED)} != set(), "and that it is done"


def test_it_ends_with_the_process_that_began_it_and_leaves_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(REHEARSAL, env=environment(tmp_path), stdin=subprocess.PIPE) as process:
        while not list((tmp_path / "stemmix" / "kernels").glob("*/*")):
            assert process.poll() is None
            time.sleep(0.01)
        assert process.stdin is not None
        process.stdin.close()  # as the end of a process does, whatever ended it
        assert process.wait(timeout=PATIENCE_S) == 0
    assert list(tmp_path.iterdir()) == [tmp_path / "stemmix"]


def test_of_processes_that_begin_at_once_one_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    monkeypatch.setattr(first_use, "beside", lambda: begun.append(1))
    for _ in range(8):
        kernel_store._begin_beside(tmp_path / "shelf")
    assert begun == [1]


def test_where_nothing_can_be_locked_who_makes_the_folder_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_descriptor: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    begun: list[int] = []
    monkeypatch.setattr(first_use, "beside", lambda: begun.append(1))
    monkeypatch.setattr(fcntl, "flock", refused)
    for _ in range(8):
        kernel_store._begin_beside(tmp_path / "shelf")
    assert begun == [1]


def test_what_was_broken_off_is_helped_again_and_said_until_it_is_done(tmp_path: Path) -> None:
    """Of a command that compiles one kernel, in the folder of one that was ended as it began."""
    begins = """
import logging, sys
logging.basicConfig(format="%(message)s", level=logging.INFO)
from stemmix.dsp import first_use
first_use.beside = lambda: print("helped")
from stemmix.dsp import kernel_store
kernel_store._before_compiling(kernel_store._shelf(kernel_store.__file__, ()))
"""

    def said() -> tuple[str, str]:
        own = environment(tmp_path)
        told = subprocess.run([sys.executable, "-c", begins], env=own, capture_output=True, text=True, check=True)
        return told.stdout, told.stderr

    assert said() == ("helped\n", "compiling kernels for this machine, once: about 20 s\n")
    missing = "compiling kernels that are still missing on this machine, once: up to 20 s\n"
    assert [said(), said()] == 2 * [("helped\n", missing)]
    (shelf,) = first_use.shelves_in(tmp_path / "stemmix" / "kernels")
    (shelf / first_use.REHEARSED).touch()
    assert said() == ("", "compiling kernels that were not needed before, once: a few seconds\n")


@pytest.mark.parametrize(("most_bytes", "kept"), [(10, set()), (100, set()), (10_000, {"kernel", first_use.REHEARSED})])
def test_where_the_disk_does_not_take_all_nothing_is_noted(tmp_path: Path, most_bytes: int, kept: set[str]) -> None:
    """Not where it takes the note, which is smaller than a kernel."""
    rehearses = f"""
import resource, sys
sys.dont_write_bytecode = True
resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}))
from stemmix.dsp import kernel_store
kernel_store._write(kernel_store.FOLDER / "kernel", b"", bytes(1000))
kernel_store.tell_rehearsed()
"""
    subprocess.run([sys.executable, "-c", rehearses], env=environment(tmp_path), capture_output=True, check=True)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == kept


def test_on_one_core_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0}, raising=False)
    monkeypatch.setattr(subprocess, "Popen", pytest.fail)
    rehearsal.begin()


def test_where_none_can_be_begun_the_render_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1}, raising=False)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    rehearsal.begin()


def test_whoever_uses_the_library_has_no_other_process() -> None:
    said = "from stemmix import pipeline; from stemmix.dsp import first_use; print(first_use.beside)"
    told = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert told.stdout == "None\n"
