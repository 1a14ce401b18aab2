"""Tasks on this machine: some processes, each with one reel at a time.

Every process is a pool of its own (joblib's loky), so that one that dies takes nobody with it and is known by what it
was doing. What it was doing is tried once more when all others are through, with nothing beside it: whoever was killed
for want of memory has all of it then. Whoever kills a second process is given up. So is it with a process that the
system does not let begin: there may be files or memory for it once the others are gone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import queue
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker as counting
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Final

from joblib import cpu_count
from joblib.externals.loky.backend import resource_tracker as counting_of_loky
from joblib.externals.loky.backend.context import get_context
from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

from stemmix.batch import Task, failed, killed, rendered
from stemmix.dsp import first_use
from stemmix.errors import OutputError
from stemmix.machine import collect_seldom, keep_freed_memory
from stemmix.model.batch import Outcome
from stemmix.rehearsal import begin
from stemmix.stopping import StoppedError, heed, raised_by_signals, unbroken

_TASK_BYTES: Final = 600_000_000
"""What a long reel of many stems may take."""
_GRACE_S: Final = 0.5
"""Time to clean up for a process that is told to end; it takes that of a block."""
_LOOK_S: Final = 0.1
"""Between two looks whether somebody wants an end."""
_IDLE_S: Final = 10.0
"""For a process that is not told of its next task, or of its end."""
_ANNOUNCED: Final = 500
"""Characters of an announcement; the system writes less than a page into a pipe at once."""
_PR_SET_PDEATHSIG: Final = 1
_OF_TERMINAL: Final = (signal.SIGINT, signal.SIGHUP)
"""Signals that a terminal sends to all its processes."""
_UNSAID: Final = "ignore:resource_tracker:UserWarning"


class LocalJobs:
    """A `Runner`: so many processes at once, the cores of this machine shared out among them."""

    def __init__(self, jobs: int) -> None:
        """At most `jobs` at once; 0: one for each core, as far as there is memory for them."""
        self._jobs = jobs
        self._cores = _cores()

    def threads(self, tasks: int) -> int:
        """Of each of so many tasks."""
        return max(self._cores // self._at_once(tasks), 1)

    def _at_once(self, tasks: int) -> int:
        return max(min(self._jobs or min(self._cores, _free_bytes() // _TASK_BYTES), tasks), 1)

    def outcomes(
        self, tasks: Sequence[Task], begun: Callable[[Task], None], announced: Callable[[str], None]
    ) -> Generator[Outcome]:
        """As of `Runner`."""
        # told to whoever develops, not to whoever renders: what befalls a process is in its outcome
        warnings.filterwarnings("ignore", module=r"joblib\.externals\.loky\b")
        # those that count semaphores are processes of their own, and complain where they were broken off, too
        if _UNSAID not in sys.warnoptions:
            sys.warnoptions.append(_UNSAID)
        with _streams():
            yield from self._outcomes(tasks, begun, announced)

    def _outcomes(
        self, tasks: Sequence[Task], begun: Callable[[Task], None], announced: Callable[[str], None]
    ) -> Generator[Outcome]:
        died: dict[str, _Died] = {}
        with closing(_done(tasks, self._at_once(len(tasks)), begun, announced)) as done:
            for came in done:
                if isinstance(came, _Died):
                    died[came.task.named] = came
                else:
                    yield came
        alone = [replace(one.task, threads=self._cores) for one in died.values()]
        with closing(_done(alone, 1, begun, announced)) as done:
            for came in done:
                if isinstance(came, _Died):
                    yield came.outcome
                else:
                    note = f"its first worker {died[came.project].how}: rendered again, alone"
                    yield came.model_copy(update={"notes": (note, *came.notes)})


@contextmanager
def _streams() -> Iterator[None]:
    """What was closed by whoever began this process leads nowhere meanwhile: loky flushes both before a process."""
    closed = [name for name in ("stdout", "stderr") if getattr(sys, name) is None]
    with ExitStack() as opened:
        for name in closed:
            setattr(sys, name, opened.enter_context(Path(os.devnull).open("w")))
        try:
            yield
        finally:
            for name in closed:
                setattr(sys, name, None)


@dataclass(frozen=True)
class _Died:
    """A process died of a task, by which signal, where that is known; or could not begin, and why."""

    task: Task
    signal: int | None
    unbegun: str | None = None

    @property
    def how(self) -> str:
        if self.unbegun is not None:
            return f"could not start ({self.unbegun})"
        return "ended" if self.signal is None else f"was killed by {signal.Signals(self.signal).name}"

    @property
    def outcome(self) -> Outcome:
        """Of the task, where it was the second one."""
        if self.unbegun is None:
            return killed(self.task, self.signal)
        why = (
            f"no process can be started for it: {self.unbegun}; a single project without --jobs and --resume needs none"
        )
        return failed(self.task, OutputError.exit_code, why)


_Heard = Task | str | Outcome | _Died | BaseException
"""Of a slot: what it takes up, what its process announces, what came of it, or what must not happen."""


def _done(
    tasks: Sequence[Task], jobs: int, begun: Callable[[Task], None], announced: Callable[[str], None]
) -> Generator[Outcome | _Died]:
    """What comes of each task, as it comes."""
    waiting: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    heard: queue.SimpleQueue[_Heard] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    left = len(tasks)
    with _listening(heard) as line:
        slots = [_Slot(waiting, heard, line) for _ in range(min(jobs, len(tasks)))]
        for _ in slots:
            waiting.put(None)
        try:
            with unbroken():  # a thread whose start is broken off may run all the same, and nobody waits for it
                for slot in slots:
                    slot.start()
            while left:
                try:
                    said = heard.get(timeout=_LOOK_S)
                except queue.Empty:
                    continue  # a signal that another thread was given does not end the wait of this one
                if isinstance(said, BaseException):
                    raise said
                if isinstance(said, Task):
                    begun(said)
                elif isinstance(said, str):
                    announced(said)
                else:
                    left -= 1
                    yield said
        except BaseException:
            _stopped([slot for slot in slots if slot.ident is not None])
            raise
    for slot in slots:
        slot.join()


@contextmanager
def _listening(heard: queue.SimpleQueue[_Heard]) -> Iterator[Connection]:
    """The line that processes announce by: what they say is heard."""
    ear, line = get_context().Pipe(duplex=False)

    def listen() -> None:
        while said := ear.recv():
            heard.put(said)

    listener = threading.Thread(target=listen, name="listener", daemon=True)
    try:
        with unbroken():
            listener.start()
        yield line
    finally:
        if listener.ident is not None:
            line.send("")
            listener.join()
        line.close()
        ear.close()


def _stopped(slots: Sequence[_Slot]) -> None:
    """All processes told to end, and ended."""
    for slot in slots:
        slot.tell(signal.SIGTERM)
    until_s = time.monotonic() + _GRACE_S
    for slot in slots:
        slot.join(max(until_s - time.monotonic(), 0.0))
    for slot in slots:
        slot.tell(signal.SIGKILL)
    for slot in slots:
        slot.join()


class _Slot(threading.Thread):
    """One process after another, which does what is waiting; what comes of it is heard."""

    def __init__(
        self, waiting: queue.SimpleQueue[Task | None], heard: queue.SimpleQueue[_Heard], line: Connection
    ) -> None:
        """`line` is what its processes announce by."""
        super().__init__(name="slot", daemon=True)
        self._waiting, self._heard, self._line = waiting, heard, line
        self._stopped = False
        self._lock = threading.Lock()
        self._process: int | None = None

    def tell(self, number: int) -> None:
        """Send its process a signal, and begin nothing more."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                with suppress(ProcessLookupError):
                    os.kill(self._process, number)

    def run(self) -> None:
        pool: ProcessPoolExecutor | None = None
        try:
            while not self._stopped and (task := self._waiting.get()) is not None:
                self._heard.put(task)
                try:
                    pool = pool or self._begun_for(task)
                    if pool is not None:
                        self._heard.put(pool.submit(_task_done, task).result())
                except BrokenProcessPool as fault:  # the executor is of no use any more, whichever it is
                    self._forget()
                    pool = None
                    self._heard.put(_Died(task, _signal_in(str(fault))))
                except StoppedError as stopped:
                    if self._stopped:
                        raise
                    self._heard.put(_Died(task, stopped.exit_code - 128))  # by somebody else
        except BaseException as fault:  # the main thread has it
            self._heard.put(fault)
        finally:
            if self._stopped:
                self.tell(signal.SIGKILL)  # it has cleaned up, and a quiet end takes its time
            elif pool is not None:
                pool.shutdown()
            self._forget()

    def _begun_for(self, task: Task) -> ProcessPoolExecutor | None:
        """A process; where the system lets none begin, for want of shared memory, files or threads, none, and that is
        heard."""
        try:
            return self._begun()
        except BrokenProcessPool:  # one has begun, and died
            raise
        except (OSError, RuntimeError, UnboundLocalError) as fault:
            # loky tidies up what it has not opened yet
            cause = fault.__context__ if isinstance(fault, UnboundLocalError) else fault
            self._heard.put(_Died(task, None, getattr(cause, "strerror", None) or str(cause)))
            return None

    def _begun(self) -> ProcessPoolExecutor:
        """A process, of which the id is known as soon as it runs. One that is forgotten ends by itself."""
        # Ctrl-C and a hang-up go to all processes of a terminal: the one that they are meant for tells the others, or
        # ignores them and goes on. What a thread has blocked, the processes that it begins have blocked from their
        # first moment. Those that count semaphores have it, too; who begins them has Ctrl-C unblocked thereafter
        signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINAL)
        pool = ProcessPoolExecutor(1, timeout=_IDLE_S, initializer=_hold, initargs=(self._line, os.getpid()))
        counting.ensure_running()
        counting_of_loky.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINAL)
        with self._lock:
            if self._stopped:
                raise StoppedError(signal.SIGTERM)
        # here it begins, and is told what it is and which semaphores to take: broken off in the midst, or when this
        # process is gone and they with it, it would complain on our stdout
        first = pool.submit(os.getpid)
        process: int | None = None
        while process is None and not self._stopped:
            with suppress(TimeoutError):
                process = first.result(_LOOK_S)
            if process is None and not pool._executor_manager_thread.is_alive():  # it does not say that it is gone
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        with self._lock:
            if not self._stopped:
                self._process = process
                return pool
        pool.shutdown(kill_workers=True)
        raise StoppedError(signal.SIGTERM)

    def _forget(self) -> None:
        """Its id may be somebody else's soon."""
        with self._lock:
            self._process = None


def _signal_in(message: str) -> int | None:
    """Of which signal a worker died, as loky tells it: `SIGKILL(-9)`.

    >>> _signal_in("The exit codes of the workers are {SIGKILL(-9)}"), _signal_in("{EXIT(3)}")
    (9, None)
    """
    found = re.search(r"\(-(\d+)\)", message)
    return None if found is None else int(found[1])


def _cores() -> int:
    """That this process may use, by affinity and by the limits of its container."""
    return int(cpu_count())


def _free_bytes() -> int:
    """Of memory, and no more than this container may have; as much as anybody wants where that cannot be told."""
    free = [1 << 62]
    with suppress(OSError, ValueError, StopIteration), Path("/proc/meminfo").open() as lines:
        free.append(1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")))
    with suppress(OSError, ValueError):  # "max" where there is no limit
        free.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(free)


# ------------------------------------------------------------------------------------------------------ in the process


class _Parent:
    """The process that began this one."""

    line: Connection
    """Takes what it is told at once."""
    is_gone = False


def _hold(line: Connection, parent: int) -> None:
    _Parent.line = line
    _end_with_parent(parent)


def _announce(text: str) -> None:
    # all processes have one line, without a lock that a killed one would hold: what is this short is written whole
    _Parent.line.send(text[:_ANNOUNCED])


def _task_done(task: Task) -> Outcome:
    keep_freed_memory()
    collect_seldom()
    # where each process has one core, the others compile on theirs
    first_use.beside = begin if task.threads > 1 else None
    try:
        with raised_by_signals():
            return rendered(task, heed, _announce)
    finally:
        if _Parent.is_gone:  # loky would ask it for leave to go, and wait for that
            os._exit(128 + signal.SIGTERM)


def _end_with_parent(parent: int) -> None:
    """When the thread that began this process is gone, killed perhaps, nobody wants what it does. Linux only."""

    def end(number: int, _frame: FrameType | None) -> None:
        # it may come once for each thread of the parent, and a second SIGTERM leaves no time to clean up
        signal.signal(number, signal.SIG_IGN)
        _Parent.is_gone = True
        signal.raise_signal(signal.SIGTERM)

    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        signal.signal(signal.SIGUSR1, end)
        prctl(_PR_SET_PDEATHSIG, signal.SIGUSR1)
        if os.getppid() != parent:  # it went before: nobody tells
            signal.raise_signal(signal.SIGUSR1)
