"""Files that stand under their name whole, or not at all: written beside it first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Self

from stemmix.files.parts import open_part, part_path
from stemmix.files.replacing import refusal, refuse_folder


class StagedFile:
    """Bytes, whole on the disk beside their name, and under it after `publish`.

    A context manager: left unpublished, the file is gone. OutputError where the disk refuses.
    """

    def __init__(self, path: Path, pieces: Iterable[bytes | memoryview]) -> None:
        """Write the pieces, one at a time; what they raise passes, and nothing is left then."""
        self.path = path
        self.part = part_path(path)
        """Where it stands until it is published."""
        self._file: BinaryIO | None = None
        self._published = False
        refuse_folder(path)
        try:
            # open, and locked, until it is published: the rest may take its time
            self._file = file = open_part(self.part)
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        except BaseException as fault:
            self.abort()
            if isinstance(fault, OSError):
                raise refusal(self.path, fault) from None
            raise

    @property
    def paths(self) -> tuple[Path, ...]:
        """The name that it is to have."""
        return (self.path,)

    def publish(self, mode: int | None = None) -> None:
        """Bring it under its name, with the `mode` of a file that it replaces."""
        try:
            if mode is not None:
                self.part.chmod(mode)
            self.part.replace(self.path)
        except OSError as fault:
            raise refusal(self.path, fault) from None
        self._published = True

    def abort(self) -> None:
        """Remove the part file if it is still there."""
        if self._file is None or self._file.closed:
            return  # it is not ours
        if not self._published:
            with contextlib.suppress(OSError):
                self.part.unlink()
        with contextlib.suppress(OSError):  # a full disk takes no more of what is buffered
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()
