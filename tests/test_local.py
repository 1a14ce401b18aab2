"""Processes on this machine: whoever wants an end while they are begun finds none of them afterwards."""

from __future__ import annotations

import errno
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from joblib.externals.loky import process_executor
from joblib.externals.loky.process_executor import ProcessPoolExecutor

from stemmix import local
from stemmix.batch import Task
from stemmix.local import LocalJobs
from stemmix.stopping import StoppedError, raised_by_signals
from tests.children import processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks the system which processes there are")


def workers() -> list[int]:
    """Ids of the processes that this one has begun to work for it, and that run."""
    mine = [process.id for process in processes() if process.parent == os.getpid() and process.runs]
    return [process for process in mine if b"popen_loky" in Path(f"/proc/{process}/cmdline").read_bytes()]


def tasks(folder: Path) -> list[Task]:
    """Two whose projects are not there."""
    return [Task(name, folder / name, None, None, False, False, 1, None) for name in ("a.json", "b.json")]


def test_a_signal_that_falls_into_the_start_of_a_thread_does_not_leave_it_running(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A thread whose start is broken off runs all the same, and does not say that it does."""
    started: list[threading.Thread] = []

    class Struck(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            signal.raise_signal(signal.SIGINT)
            return super().wait(timeout)

    def start(slot: Any) -> None:
        if not started:
            slot._started = Struck()
        started.append(slot)
        threading.Thread.start(slot)

    def begun(slot: Any) -> ProcessPoolExecutor:
        while not slot._stopped:
            time.sleep(0.01)
        raise StoppedError(signal.SIGTERM)

    monkeypatch.setattr(local._Slot, "start", start)
    monkeypatch.setattr(local._Slot, "_begun", begun)
    with raised_by_signals(), pytest.raises(StoppedError):
        list(LocalJobs(2).outcomes(tasks(tmp_path), lambda _task: None, lambda _text: None))
    assert started
    assert not [thread for thread in started if thread.is_alive()]


def test_a_process_that_is_told_to_end_while_it_is_begun_is_gone_before_its_thread(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else it would look for what is gone by then, and say so on our stdout."""
    waiting, heard = queue.SimpleQueue[Task | None](), queue.SimpleQueue[Any]()
    waiting.put(tasks(tmp_path)[0])
    with local._listening(heard) as line:
        slot = local._Slot(waiting, heard, line)
        submit, kill = ProcessPoolExecutor.submit, process_executor.kill_process_tree

        def submitted(pool: ProcessPoolExecutor, *args: Any) -> Future[Any]:
            coming: Future[Any] = submit(pool, *args)
            slot.tell(signal.SIGTERM)
            return coming

        seen = []

        def killed(process: Any, *, use_psutil: bool = True) -> None:
            time.sleep(0.3)
            seen.extend(workers())
            kill(process, use_psutil=use_psutil)

        monkeypatch.setattr(ProcessPoolExecutor, "submit", submitted)
        monkeypatch.setattr(process_executor, "kill_process_tree", killed)
        slot.start()
        slot.join()
        assert not set(workers()) & set(seen)
    assert seen
    assert isinstance(heard.get_nowait(), Task)
    assert isinstance(heard.get_nowait(), StoppedError)


IDLE = """
import queue, time
from stemmix import local
with local._listening(queue.SimpleQueue()) as line:
    slot = local._Slot(queue.SimpleQueue(), queue.SimpleQueue(), line)
    pool = slot._begun()
    print(slot._process, flush=True)
    time.sleep(60)
"""
STARTING = """
import os, time
from stemmix import local
def held(line, parent):
    from stemmix import local
    print(os.getpid(), flush=True)
    while os.getppid() == parent:
        time.sleep(0.01)
    local._hold(line, parent)
local._hold = held
"""


@pytest.mark.parametrize("parent", [IDLE, STARTING + IDLE], ids=["idle", "starting"])
def test_a_process_that_has_no_task_yet_ends_with_the_one_that_began_it(parent: str) -> None:
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert child in {process.id for process in processes() if process.runs}
        process.kill()
        deadline = time.monotonic() + 5.0
        while child in {process.id for process in processes() if process.runs}:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def nobody(said: Any) -> None:
    """Hears it."""


def no_room() -> Any:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def no_files() -> Any:
    """As loky fails where a pipe cannot be opened: it closes both of its ends."""
    try:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    finally:
        raise UnboundLocalError("cannot access local variable 'child_r'")


def no_thread() -> Any:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize(
    ("begun", "why"),
    [
        (no_room, "Read-only file system"),
        (no_files, "Too many open files"),
        (no_thread, "can't start new thread"),
    ],
    ids=["shm", "files", "threads"],
)
def test_where_no_process_can_begin_each_project_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, begun: Callable[[], Any], why: str
) -> None:
    monkeypatch.setattr(local._Slot, "_begun", lambda slot: begun())
    came = list(LocalJobs(2).outcomes(tasks(tmp_path), nobody, nobody))
    assert sorted((one.project, one.exit_code) for one in came) == [("a.json", 6), ("b.json", 6)]
    assert {one.why for one in came} == {
        f"no process can be started for it: {why}; a single project without --jobs and --resume needs none"
    }


def test_that_nobody_hands_out_work_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As where loky's own thread ends, for want of another one that it needs."""

    class Gone:
        def is_alive(self) -> bool:
            return False

    def never(pool: Any, *_: object) -> Future[int]:
        pool._executor_manager_thread = Gone()
        return Future()

    monkeypatch.setattr(ProcessPoolExecutor, "submit", never)
    came = list(LocalJobs(1).outcomes(tasks(tmp_path), nobody, nobody))
    assert [one.exit_code for one in came] == [6, 6]
    assert all("no process can be started for it: Resource temporarily unavailable" in str(one.why) for one in came)


def test_a_process_that_dies_as_it_begins_takes_nobody_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As where memory runs out while it imports."""
    begun, held = local._Slot._begun, local._hold
    tried = []

    def begun_worse(slot: Any) -> ProcessPoolExecutor:
        tried.append(slot)
        died = "_hold", (lambda *_: os.kill(os.getpid(), signal.SIGKILL)) if len(tried) == 1 else held
        monkeypatch.setattr(local, *died)
        return begun(slot)

    monkeypatch.setattr(local._Slot, "_begun", begun_worse)
    came = list(LocalJobs(1).outcomes(tasks(tmp_path), nobody, nobody))
    assert [(one.project, one.exit_code) for one in came] == [("b.json", 3), ("a.json", 3)]
    note = "its first worker was killed by SIGKILL: rendered again, alone"
    assert [one.notes for one in came] == [(), (note,)]


def test_whose_process_could_not_begin_is_tried_again_when_the_others_are_through(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun, tried = local._Slot._begun, []

    def begun_later(slot: Any) -> ProcessPoolExecutor:
        tried.append(slot)
        return no_room() if len(tried) == 1 else begun(slot)  # type: ignore[no-any-return]

    monkeypatch.setattr(local._Slot, "_begun", begun_later)
    came = list(LocalJobs(1).outcomes(tasks(tmp_path), nobody, nobody))
    assert [(one.project, one.exit_code) for one in came] == [("b.json", 3), ("a.json", 3)]
    note = "its first worker could not start (Read-only file system): rendered again, alone"
    assert [one.notes for one in came] == [(), (note,)]


def test_what_processes_announce_is_heard_until_nobody_listens() -> None:
    heard = queue.SimpleQueue[Any]()
    with local._listening(heard) as line:
        line.send("one")
        line.send("two")
    assert [heard.get_nowait(), heard.get_nowait()] == ["one", "two"]
    assert line.closed


def test_a_signal_that_falls_into_the_start_of_the_listener_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    listeners: list[threading.Thread] = []
    start = threading.Thread.start

    def struck(thread: threading.Thread) -> None:
        listeners.append(thread)
        signal.raise_signal(signal.SIGINT)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", struck)
    with raised_by_signals(), pytest.raises(StoppedError), local._listening(queue.SimpleQueue()):
        pass
    (listener,) = listeners
    assert listener.ident is not None
    assert not listener.is_alive()
