"""How work ends before its time: Ctrl-C, SIGTERM, a terminal that hangs up (SIGHUP), or a reader that has gone.

A signal raises `StoppedError` in the main thread, wherever that is, so that everything on the way up is cleaned up. Its
threads cannot be raised in: they look at the same flag between blocks (`heed`, called wherever samples or bytes are
read or written) and raise it by themselves, so that a `Pool` is left in the time of a block; what waits in it is never
begun. What must be done whole or not at all, as taking a name and noting that it is taken, stands in `unbroken`: a
signal waits for its end, which is near. A second signal ends the process at once.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StoppedError(BaseException):
    """Somebody wants an end.

    Not an `Exception`, and not `KeyboardInterrupt`: nothing on the way up may take it for its own, and every `finally`
    runs.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class _Wish:
    """What was asked of this process."""

    number: int | None = None
    """The signal that came."""
    shields: int = 0
    """How many `unbroken` the main thread stands in."""


_wish = _Wish()


def heed() -> None:
    """Raise StoppedError if somebody wants an end. Costs nothing worth saving: call it for every block."""
    if _wish.number is not None:
        raise StoppedError(_wish.number)


@contextmanager
def raised_by_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP stop what runs inside; a second one ends the process.

    A signal may come while a library is in the middle of something: what it makes of `StoppedError` is that, and where
    nothing can be raised, as in what C calls back, nothing is said, and the next `heed` raises it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    # a signal that is ignored from the start (nohup, a shell's background job) stays so
    numbers = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN if each == signal.SIGHUP else signal.SIG_DFL)
        _wish.number = number
        if not _wish.shields:
            raise StoppedError(number)

    def unraised(lost: sys.UnraisableHookArgs) -> None:
        if not isinstance(lost.exc_value, StoppedError):
            told(lost)

    _wish.number, _wish.shields = None, 0
    told, sys.unraisablehook = sys.unraisablehook, unraised
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    except Exception as fault:
        if _wish.number is None:
            raise
        raise StoppedError(_wish.number) from fault
    finally:
        sys.unraisablehook = told
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        _wish.number = None


@contextmanager
def unbroken() -> Iterator[None]:
    """Let a signal wait for the end of what is done inside. For moments: a file opened and noted, names given."""
    with shielded():
        yield
    if not _wish.shields:
        heed()


@contextmanager
def shielded() -> Iterator[None]:
    """As `unbroken`, and what was asked for meanwhile is left for others to heed."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal is handled in it
        return
    _wish.shields += 1
    try:
        yield
    finally:
        _wish.shields -= 1


class Pool(ThreadPoolExecutor):
    """Threads that end with the work: left by an exception, or stopped, it begins nothing that still waits in it."""

    def submit(self, work: Callable[Given, Made], /, *args: Given.args, **kwargs: Given.kwargs) -> Future[Made]:
        def unless_stopped() -> Made:
            heed()
            return work(*args, **kwargs)

        return super().submit(unless_stopped)

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        # a thread whose join is broken off counts as ended to Python 3.11, and runs on
        with shielded():
            self.shutdown(cancel_futures=kind is not None)
        if kind is None:
            heed()
