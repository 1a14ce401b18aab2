"""Who renders a project into a folder is alone at it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import stemmix
from stemmix.errors import OutputError
from stemmix.files.claims import claimed, remove_stray_lock

HOLDER = """
import sys, time
from pathlib import Path
from stemmix.files.claims import claimed
with claimed(Path(sys.argv[1]), "reel", lambda: None):
    print("held", flush=True)
    time.sleep(60)
"""


def nothing() -> None:
    """Nobody asks for an end."""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_is_had_at_once_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    with claimed(tmp_path, "reel", nothing):
        assert names_in(tmp_path) == [".reel.lock"]
    assert names_in(tmp_path) == []


def test_another_one_waits_until_it_is_free(tmp_path: Path) -> None:
    came: list[str] = []
    waits = threading.Event()

    def second() -> None:
        with claimed(tmp_path, "reel", waits.set):
            came.append("second")

    with claimed(tmp_path, "reel", nothing):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        with claimed(tmp_path, "another", nothing, patience_s=0.0):
            pass
        came.append("first")
    thread.join(10)
    assert came == ["first", "second"]
    assert names_in(tmp_path) == []


def test_the_lock_of_a_killed_process_is_nobodys(tmp_path: Path) -> None:
    home = str(Path(stemmix.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": home}
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        remove_stray_lock(tmp_path, "reel")
        with (
            pytest.raises(OutputError, match=rf"locked by process {holder.pid} on \S+, which has been rendering reel"),
            claimed(tmp_path, "reel", nothing, patience_s=0.2),
        ):
            pass
        holder.kill()
    assert names_in(tmp_path) == [".reel.lock"]
    with claimed(tmp_path, "reel", nothing, patience_s=0.0):
        pass
    assert names_in(tmp_path) == []


def test_a_stray_lock_is_removed_and_a_held_one_is_not(tmp_path: Path) -> None:
    (tmp_path / ".reel.lock").write_text("process 1 on nowhere\n")
    remove_stray_lock(tmp_path, "reel")
    remove_stray_lock(tmp_path, "none")
    assert names_in(tmp_path) == []
    with claimed(tmp_path, "reel", nothing):
        remove_stray_lock(tmp_path, "reel")
        assert names_in(tmp_path) == [".reel.lock"]


def test_whoever_waits_can_be_stopped(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with (
        claimed(tmp_path, "reel", nothing),
        pytest.raises(KeyboardInterrupt),
        claimed(tmp_path, "reel", stop),
    ):
        pass
    assert names_in(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"\.reel\.lock: cannot be written: No such file"),
        claimed(tmp_path / "none", "reel", nothing),
    ):
        pass
