"""What may be begun before the first kernel is compiled on a machine, and where kernels are kept. Light: whoever asks
need not load numba."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

beside: Callable[[], None] | None = None
"""Called once, by one of the processes that compile what a first render needs, until all of that is there. The command
line sets it."""

REHEARSED: Final = ".rehearsed"
"""Lies among the kernels when what a first render needs last is there."""

_SHELF: Final = re.compile("[0-9a-f]{24}")


def places_of_kernels() -> Iterator[Path]:
    """Where kernels may be kept, the place that is wanted most first."""
    if said := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(said)
    if caches := os.environ.get("XDG_CACHE_HOME"):
        yield Path(caches, "stemmix", "kernels")
    if home := os.environ.get("HOME"):
        yield Path(home, ".cache", "stemmix", "kernels")
    with suppress(OSError):  # no temporary folder anywhere
        yield Path(tempfile.gettempdir(), f"stemmix-kernels-{os.getuid()}")


def shelves_in(folder: Path) -> list[Path]:
    """The folders that are ours in a place that may be others' too, as NUMBA_CACHE_DIR may; OSError where it cannot be
    looked into."""
    return [one for one in folder.iterdir() if _SHELF.fullmatch(one.name) and one.is_dir() and not one.is_symlink()]
