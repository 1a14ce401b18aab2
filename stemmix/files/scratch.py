"""What is too large for memory, on the disk: written once, read from its beginning as often as is wanted; nameless, so
that it is gone with whoever holds it. And folders for what needs names for a while."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final, Self

from stemmix.errors import OutputError

_AT_ONCE: Final = 1 << 18
"""Bytes. The system finds room for what it is given at once in one stretch, and long stretches are what a virtual
machine has to get from its host page by page (460 MB, of memory that was never used: 1.1 s in pieces of 4 MB, 0.1 s in
such)."""
_PIECE_BYTES: Final = 1 << 25
_MOST_PIECES: Final = 8
"""Of each reel of a programme: a process may have a thousand files open."""


class Scratch:
    """Bytes on the disk that have no name.

    In pieces, a file each: while they are read for the last time every piece goes when it has been read, and its memory
    and disk are there for what is made of it. A piece that never got to the disk never does.
    """

    def __init__(self, folder: Path, size: int) -> None:
        """For `size` bytes or so; OSError where it cannot be."""
        self._folder = folder
        self._of_each = max(_PIECE_BYTES, -(-size // _MOST_PIECES))
        self._pieces: list[FileIO] = []
        self._room = 0
        """In the last piece."""
        self._reading = 0
        """The piece that is read."""
        self._last = False
        self._begin_piece()

    def write(self, content: memoryview) -> None:
        """Append bytes; OSError where the disk has no more room."""
        while content:
            if not self._room:
                self._begin_piece()
            count = self._pieces[-1].write(content[: min(_AT_ONCE, self._room)])
            self._room -= count
            content = content[count:]

    def rewind(self, *, last: bool = False) -> None:
        """Read from the beginning on; for the `last` time, nothing can be read again."""
        for piece in self._pieces:
            piece.seek(0)
        self._reading, self._last = 0, last

    def read(self, size: int) -> bytes:
        """The next bytes; fewer at the end. OSError where the disk refuses."""
        found = []
        while size and self._reading < len(self._pieces):
            piece = self._pieces[self._reading]
            if some := piece.read(size):
                found.append(some)
                size -= len(some)
            else:
                if self._last:
                    piece.close()
                self._reading += 1
        return b"".join(found)

    def close(self) -> None:
        """Let go of all of it."""
        for piece in self._pieces:
            piece.close()

    def _begin_piece(self) -> None:
        self._pieces.append(tempfile.TemporaryFile(dir=self._folder, buffering=0))  # noqa: SIM115 - `close` closes it
        self._room = self._of_each

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder of its own that is gone in the end; OutputError where there can be none."""
    try:
        made = tempfile.TemporaryDirectory(prefix=prefix)
    except OSError as fault:
        # without a name where the system has no place for any
        place = "" if fault.filename is None else f"{fault.filename}: "
        raise OutputError(f"{place}no temporary folder can be made: {fault.strerror}") from None
    with made as name:
        yield Path(name)
