"""Files that are whole, brought to the disk while others work: whoever seals them then waits for less.

One thread for all files, a piece of one at a time, so that a file is given up within the time of a piece. It only saves
time: where the system has no such call (`sync_file_range` is Linux's), or no thread, `os.fsync` is left with all of it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from collections.abc import Callable
from functools import cache
from queue import SimpleQueue
from typing import BinaryIO, Final, Protocol

from stemmix.stopping import heed, shielded

_PIECE_BYTES: Final = 1 << 24
_WAIT_BEFORE, _WRITE, _WAIT_AFTER = 1, 2, 4
_REFUSALS: Final = (errno.EIO, errno.ENOSPC, errno.EDQUOT)
"""Of the disk. Anything else is said of the call, which some system does not allow."""


class _BringsToDisk(Protocol):
    def __call__(self, descriptor: int, start: int, length: int) -> None: ...


class WriteOut:
    """One file on its way to the disk."""

    def __init__(self, file: BinaryIO) -> None:
        """Of all that stands in an open file when its turn comes."""
        self._file = file
        self._ended = False
        self._fault: OSError | None = None
        self._busy = threading.Lock()

    def begin(self) -> None:
        """Have it taken there. It is to be `end`ed before the file is closed."""
        if _bring_to_disk() is not None and (waiting := _waiting()) is not None:
            waiting.put(self)

    def end(self) -> None:
        """Leave the rest to `os.fsync`. OSError where the disk refused: the system may say so once only."""
        self._ended = True
        with self._busy:  # until the piece under way is there
            pass
        if self._fault is not None:
            raise self._fault

    def _go(self) -> None:
        start, bring = 0, _bring_to_disk()
        while True:
            with self._busy:
                if self._ended or bring is None:
                    return
                try:
                    if start >= os.fstat(self._file.fileno()).st_size:
                        return
                    bring(self._file.fileno(), start, _PIECE_BYTES)
                except OSError as fault:
                    self._ended = True
                    if fault.errno in _REFUSALS:
                        self._fault = fault
            start += _PIECE_BYTES


def brought_to_disk(descriptor: int, go_on: Callable[[], bool]) -> bool:
    """Wait until all that was written to an open file is on the disk; False where the system does not do it, or nobody
    wants it any more: `go_on` is asked before each piece.

    From then on its time tells of any write. While a page waits for the disk it does not: who has the file in memory
    (`mmap`) sets its time by the first write to a page only.
    """
    bring = _bring_to_disk()
    try:
        if bring is None:
            os.fsync(descriptor)
        else:
            for start in range(0, os.fstat(descriptor).st_size, _PIECE_BYTES):
                heed()
                if not go_on():
                    return False
                bring(descriptor, start, _PIECE_BYTES)
    except OSError:
        return False
    return True


@cache
def _bring_to_disk() -> _BringsToDisk | None:
    """What brings a stretch of a file to the disk and waits for it; None where there is nothing."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "sync_file_range", None)
    if call is None:
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)

    def bring(descriptor: int, start: int, length: int) -> None:
        if call(descriptor, start, length, _WAIT_BEFORE | _WRITE | _WAIT_AFTER):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return bring


def _waiting() -> SimpleQueue[WriteOut] | None:
    """Files whose turn is to come; None where the system has no thread to spare."""
    with _beginning:
        return _begun()


_beginning = threading.Lock()


@cache
def _begun() -> SimpleQueue[WriteOut] | None:
    waiting: SimpleQueue[WriteOut] = SimpleQueue()

    def work() -> None:
        while True:
            waiting.get()._go()

    try:
        with shielded():
            threading.Thread(target=work, name="write-out", daemon=True).start()
    except RuntimeError:
        return None
    return waiting
