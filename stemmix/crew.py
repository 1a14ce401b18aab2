"""Threads that share a stream's work, of which the one that hands it out is one.

As many as there are cores, and no more: where every kind of work has a thread of its own, these hand the interpreter to
and fro, blocks change from one core's cache to the other's, and two cores mix no faster than one. So whoever waits for
a result works on what else there is to do. (The stage `mix` of `python3 tests/bench/speed.py`: 2.04 s with a thread for
every kind of work, 1.26 s so.)

Work stands in lines: what is in one line is done in order, one after the other, as what carries state from block to
block must be; lines go side by side. Of what can be done the oldest comes first.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import AbstractContextManager, ExitStack
from heapq import heappop, heappush
from queue import SimpleQueue
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from stemmix.stopping import StoppedError, heed, shielded

Made = TypeVar("Made")
Entered = TypeVar("Entered")
Made_co = TypeVar("Made_co", covariant=True)
Block = TypeVar("Block", bound=Sized)

_SAMPLES_AT_ONCE: Final = 1 << 18
_UNDER_WAY: Final = 3
"""Blocks of a stream that are heard at once. What is done with one takes longer than another: of one at a time all wait
for the slowest. Each takes memory."""


def frames_at_once(channels: int) -> int:
    """How long a block of a stream is best: threads that hand on smaller ones spend their time in doing so, and larger
    ones fall out of every cache."""
    return _SAMPLES_AT_ONCE // channels


def frames_heard_at_once(channels: int) -> int:
    """The same of a stream that is only heard: twice as long, for less of Python's share."""
    return 2 * frames_at_once(channels)


class Task(Generic[Made_co]):
    """A piece of work, done or to be done."""

    def __init__(self, line: Line, number: int, work: Callable[[], Made_co]) -> None:
        self._line = line
        self._number = number
        self._work: Callable[[], Made_co] | None = work
        self._made: list[Made_co] = []
        """One thing, when it is done."""

    def __lt__(self, other: Task[object]) -> bool:
        return self._number < other._number

    @property
    def done(self) -> bool:
        return bool(self._made)

    def result(self) -> Made_co:
        """What it gives; until it is done, this thread works on what else there is. Raises what any work raised."""
        self._line._crew._work_until(lambda: self.done)
        return self._made[0]

    def _do(self) -> None:
        assert self._work is not None
        self._made.append(self._work())
        self._work = None  # what it holds is let go of


class Line:
    """Work that is done in the order in which it is given, one piece at a time, in whichever thread is free."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._waiting: deque[Task[object]] = deque()
        self._busy = False

    def give(self, work: Callable[[], Made]) -> Task[Made]:
        """Have something done after all that was given before."""
        return self._crew._take_on(self, work)


class Crew:
    """So many threads, of which the one that makes it is one. A context manager: left, all is done.

    What any work raises ends all of it: nothing more is begun, and it is raised where a result is waited for, or in the
    end. So it is where somebody wants an end (`stopping`).
    """

    def __init__(self, threads: int, name: str) -> None:
        self._lock = threading.Lock()
        self._ready: list[Task[object]] = []
        """First of each line that nobody works on, the oldest on top."""
        self._given = self._undone = 0
        self._fault: BaseException | None = None
        self._ended = False
        # a signal may fall into anything that is written in Python, as conditions are; these queues are not
        self._listening: list[SimpleQueue[None]] = []
        """Bells of the threads that have nothing to do."""
        self._entered = ExitStack()
        self._helpers = [
            threading.Thread(target=self._help, name=f"{name}-{number}", daemon=True) for number in range(1, threads)
        ]

    def line(self) -> Line:
        """A new line."""
        return Line(self)

    def enter(self, context: AbstractContextManager[Entered]) -> Entered:
        """Enter what work needs; it is left when nobody works any more, however the crew is left."""
        return self._entered.enter_context(context)

    def _take_on(self, line: Line, work: Callable[[], Made]) -> Task[Made]:
        with self._lock:
            task = Task(line, self._given, work)
            self._given += 1
            self._undone += 1
            if line._busy:
                line._waiting.append(task)
            else:
                line._busy = True
                heappush(self._ready, task)
                self._ring()
        return task

    def _ring(self) -> None:
        """Wake who has nothing to do; the lock is held.

        Rung first, then forgotten: a signal may fall between the two, and a bell that is rung twice harms nobody.
        """
        for bell in self._listening:
            bell.put(None)
        self._listening.clear()

    def _help(self) -> None:
        try:
            self._work_until(lambda: self._ended)
        except BaseException as fault:  # told where a result is waited for
            self._fail(fault)

    def _work_until(self, enough: Callable[[], bool]) -> None:
        """Work on what there is, and wait for more. Raises what any work raised; RuntimeError where nobody works any
        more."""
        bell: SimpleQueue[None] = SimpleQueue()
        while True:
            with self._lock:
                if self._fault is not None:
                    raise self._fault
                if enough():
                    return
                if self._ended:
                    raise RuntimeError("the crew has been left, and this was not done")
                task = heappop(self._ready) if self._ready else None
                if task is None:
                    self._listening.append(bell)
            if task is None:
                bell.get()
            else:
                self._do(task)

    def _do(self, task: Task[object]) -> None:
        try:
            heed()
            task._do()
        except BaseException as fault:
            self._fail(fault)
            return
        with self._lock:
            self._undone -= 1
            line = task._line
            if line._waiting:
                heappush(self._ready, line._waiting.popleft())
            else:
                line._busy = False
            self._ring()

    def _fail(self, fault: BaseException) -> None:
        with self._lock:
            self._fault = self._fault or fault
            self._ring()

    def _end(self) -> None:
        """Nothing more is begun; who works still is waited for, and then what was entered is left."""
        with shielded():
            with self._lock:
                self._ended = True
                self._ready.clear()
                self._ring()
            for helper in self._helpers:
                if helper.ident is not None:
                    helper.join()
            self._entered.close()

    def __enter__(self) -> Self:
        try:
            with shielded():
                for helper in self._helpers:
                    helper.start()
        except BaseException:  # the system has no more threads
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._work_until(lambda: not self._undone)
        finally:
            try:
                self._end()
            except StoppedError:  # a signal just before the shield; a second one would end the process
                self._end()
                raise
        if kind is None:
            heed()


def shared_out(threads: int, works: int) -> tuple[int, int]:
    """How many works to do at once, and the threads that each of them may have."""
    at_once = max(1, min(threads, works))
    return at_once, threads // at_once


def _nothing() -> None:
    """Nothing is to be said."""


class Hearers:
    """What is done with every block of a stream, side by side, while the next blocks are made: a line for each."""

    def __init__(self, crew: Crew, under_way: int = _UNDER_WAY) -> None:
        """So many blocks are `under_way` at most."""
        self._crew = crew
        self._most = under_way
        self._lines: list[Line] = []
        self._under_way: deque[tuple[list[Task[object]], Callable[[], object]]] = deque()
        """Of each block."""

    def give(self, works: Sequence[Callable[[], object]], then: Callable[[], object] = _nothing) -> None:
        """What is to be done with the next block: as many works for every block. Waits until it may be under way.

        `then`, what is to be said when all of them are done, is called from here, or from `catch_up`.
        """
        if not self._lines:
            self._lines = [self._crew.line() for _ in works]
        while len(self._under_way) >= self._most:
            self._end_first()
        self._under_way.append(([line.give(work) for line, work in zip(self._lines, works, strict=True)], then))

    def catch_up(self) -> None:
        """Wait, and work, until all that was given is done."""
        while self._under_way:
            self._end_first()

    def _end_first(self) -> None:
        tasks, then = self._under_way.popleft()
        for task in tasks:
            task.result()
        then()


def ahead(crew: Crew, read: Callable[[], Block]) -> Iterator[Block]:
    """What `read` gives until it gives nothing, in order; the next is read meanwhile."""
    line = crew.line()
    coming = line.give(read)
    while len(block := coming.result()):
        coming = line.give(read)
        yield block
