"""The machine: what samples and decisions depend on beside what is mixed (the program's own code, libraries, type of
processor), and its memory."""

from __future__ import annotations

import ctypes
import gc
import hashlib
import os
import platform
import time
from functools import cache
from pathlib import Path

from stemmix import __version__


@cache
def versions() -> dict[str, str]:
    """stemmix, Python and the libraries that samples depend on."""
    from importlib.metadata import version  # for nothing else: it takes as long as the rest of the command line

    return {
        "stemmix": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("numba", "numpy", "scipy", "soundfile", "soxr")},
    }


def processor() -> str:
    """Type of processor: the model where the system names it."""
    try:
        with Path("/proc/cpuinfo").open() as lines:
            models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
            return next(models, "") or platform.processor() or platform.machine()
    except OSError:
        return platform.processor() or platform.machine()


def made_by() -> str | None:
    """What makes decisions: this code, these libraries, this type of processor; None where that cannot be told."""
    code = _code()
    return None if code is None else f"{code} {processor()} {sorted(versions().items())}"


_LOADED_NS = time.time_ns()
_LOADING_NS = 30 * 10**9
"""Longer than a start takes, kernels compiled and all."""


@cache
def _code() -> str | None:
    """Of every source of this package, and of its tables: whatever changes in them changes this.

    None where they cannot be read, or have been written to since shortly before they were loaded: what runs may be
    other code then. A version number would be what somebody forgets to count up.
    """
    told = hashlib.sha256()
    package = Path(__file__).parent
    try:
        sources = sorted((*package.rglob("*.py"), *package.rglob("*.json")))
        for source in sources:
            if source.stat().st_ctime_ns > _LOADED_NS - _LOADING_NS:
                return None
            told.update(f"{source.relative_to(package)}\n".encode())
            told.update(source.read_bytes())
    except OSError:
        return None
    return told.hexdigest() if sources else None


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT_BYTES, _LARGEST_BYTES = 32 << 20, 64 << 20
_ARENAS = 1


def keep_freed_memory() -> None:
    """Have the C library keep what is freed for what is asked for next, where it can be told to (glibc).

    Left to itself it gives every array over 128 KB back to the system at once, which zeroes the pages of the next one:
    of a render of 20 minutes that was a sixth of all CPU time (570,000 page faults against 44,000). One arena for all
    threads: in one for each core, memory is kept twice. Nothing depends on it but time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_ARENA_MAX, _ARENAS)


_YOUNG_OBJECTS, _YOUNG_ROUNDS, _OLD_ROUNDS = 50_000, 20, 100


def collect_seldom() -> None:
    """Have Python look for garbage in cycles a seventieth as often as it does by itself.

    What a render makes and drops is freed by counting references: moves and lines by the thousand, and tens of
    thousands of objects of libraries, that were gone through again and again took a fifth of the time of decisions, and
    a twentieth of a render's. Memory is the same.
    """
    gc.set_threshold(_YOUNG_OBJECTS, _YOUNG_ROUNDS, _OLD_ROUNDS)


def give_back_freed_memory() -> None:
    """Have Python, and the C library where it can (glibc), let go of what they keep, freed, for what is asked for next.

    Between two steps of the way, of which the second asks for other sizes than the first has left behind: without it
    the peak of two hours is higher by 6 MB (`render --no-cache` under `time`). Of the tuples and the like that Python
    keeps, some thousand, each lies in memory of its own after a plan of hours, none of which can be given back: 18 MB.
    A collection lets go of them; it looks through nothing, where all is frozen meanwhile, and takes no time.
    """
    gc.freeze()
    gc.collect()
    gc.unfreeze()
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def begin_no_blas_threads() -> None:
    """Have OpenBLAS, which numpy brings along, begin none, unless the environment asks for some.

    Before numpy is loaded. No sample and no decision comes of it, and its threads took a third of numpy's start.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
