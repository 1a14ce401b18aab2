"""What the system does with files, beyond what Python offers: a call, or None where it has none; all are Linux's."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from typing import Any, Final

WRITTEN_AT_ONCE: Final = 1 << 18
"""Bytes. The system finds room for what it is given at once in one stretch; long ones are what a virtual machine has
handed back to its host when they lay idle for seconds, and it gets them back page by page. (460 MB took 1.1 s in pieces
of 4 MB and 0.1 s in such; 0.1 s in either, where the memory had just been used.)"""

_WAIT_BEFORE, _WRITE, _WAIT_AFTER = 1, 2, 4
_KEEP_SIZE, _PUNCH_HOLE = 1, 2

OfStretch = Callable[[int, int, int], None]
"""Something done with a stretch of a file: (descriptor, start, bytes). OSError where it cannot be."""


@cache
def bring_to_disk() -> OfStretch | None:
    """Brings what stands there to the disk, and waits for it (`sync_file_range`)."""
    call = _call("sync_file_range", ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    if call is None:
        return None
    return lambda descriptor, start, size: call(descriptor, start, size, _WAIT_BEFORE | _WRITE | _WAIT_AFTER)


@cache
def let_go() -> OfStretch | None:
    """Gives memory and disk of it back; nothing but zeros stands there then (`fallocate`)."""
    call = _call("fallocate64", ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    if call is None:
        return None
    return lambda descriptor, start, size: call(descriptor, _KEEP_SIZE | _PUNCH_HOLE, start, size)


_LIBRARY: Final = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *kinds: Any) -> Callable[..., None] | None:
    """A function of the C library that gives 0, or sets errno."""
    function = getattr(_LIBRARY, name, None)
    if function is None:
        return None
    function.argtypes = kinds

    def call(*values: int) -> None:
        if function(*values):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return call
