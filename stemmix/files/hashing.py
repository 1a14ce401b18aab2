"""SHA-256 of what stands on the disk."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from stemmix.stopping import heed

_PIECE_BYTES = 1 << 20


def sha256_of_rest(file: BinaryIO) -> str:
    """Of an open file from where it stands to its end, in hexadecimal; OSError passes."""
    digest, piece = hashlib.sha256(), bytearray(_PIECE_BYTES)
    view = memoryview(piece)
    while count := file.readinto(piece):  # type: ignore[attr-defined]
        heed()
        digest.update(view[:count])
    return digest.hexdigest()
