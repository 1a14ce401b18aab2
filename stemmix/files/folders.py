"""Folders that are made for what is to be written into them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stemmix.files.paths import is_there
from stemmix.stopping import shielded


@contextmanager
def folder_for_files(folder: Path) -> Iterator[None]:
    """A folder, with those that it stands in; what was made of them and is empty in the end is taken away again.

    Its path goes through no `..` but at its beginning. It is known what is made before any of it is: a signal may fall
    between a folder and the note that it is there. Raises OSError where one cannot be made.
    """
    missing = missing_of(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        with shielded():
            remove_empty(missing)


def missing_of(folder: Path) -> tuple[Path, ...]:
    """What is to be made for a folder to be there: itself, and those that it stands in, the outermost last."""
    return tuple(place for place in (folder, *folder.parents) if not is_there(place))


def remove_empty(folders: Iterable[Path]) -> None:
    """Take away those that hold nothing, in this order."""
    for folder in folders:
        with suppress(OSError):  # something came into it, or it was never made
            folder.rmdir()
