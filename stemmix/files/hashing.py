"""SHA-256 of what stands on the disk."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from stemmix.stopping import heed

_PIECE_BYTES = 1 << 20


class RunningHash:
    """SHA-256 of an open file from where it stands, taken a part at a time; OSError passes."""

    def __init__(self, file: BinaryIO) -> None:
        self.taken = 0
        """Bytes."""
        self._file = file
        self._digest = hashlib.sha256()
        self._piece = memoryview(bytearray(_PIECE_BYTES))

    def take(self, most: int = _PIECE_BYTES) -> bool:
        """So many bytes more, or as many as are left; whether there were any."""
        before, last = self.taken, self.taken + most
        while self.taken < last and (count := self._file.readinto(self._piece[: last - self.taken])):  # type: ignore[attr-defined]
            heed()
            self._digest.update(self._piece[:count])
            self.taken += count
        return self.taken > before

    def finish(self) -> str:
        """Of all to the file's end, in hexadecimal."""
        while self.take():
            pass
        return self._digest.hexdigest()


def sha256_of_rest(file: BinaryIO) -> str:
    """Of an open file from where it stands to its end, in hexadecimal; OSError passes."""
    return RunningHash(file).finish()
