"""A file of what is too large for memory: written once, read from its beginning as often as is wanted, and nameless, so
that it is gone with whoever holds it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Self

from stemmix.files.system import WRITTEN_AT_ONCE, OfStretch, let_go


class Scratch:
    """Bytes on the disk that have no name."""

    def __init__(self, folder: Path) -> None:
        """In a folder; OSError where it cannot be."""
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - `close` closes it
        self._let_go: OfStretch | None = None
        self._place = 0

    def write(self, content: memoryview) -> None:
        """Append bytes; OSError where the disk has no more room."""
        while content:
            content = content[self._file.write(content[:WRITTEN_AT_ONCE]) :]

    def rewind(self, *, last: bool = False) -> None:
        """Read from the beginning on. For the `last` time: what has been read is given back to the system, memory and
        disk, for what is made of it."""
        self._file.seek(0)
        self._place = 0
        self._let_go = let_go() if last else None

    def read(self, size: int) -> bytes:
        """The next bytes; fewer at the end."""
        content = self._file.read(size)
        if self._let_go is not None and content:
            try:
                self._let_go(self._file.fileno(), self._place, len(content))
            except OSError:  # a file system without holes
                self._let_go = None
        self._place += len(content)
        return content

    def close(self) -> None:
        """Let go of all of it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
