"""SHA-256 of what stands on the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from stemmix.stopping import heed

_PIECE_BYTES = 1 << 21
"""No less than a block that is heard at once has (`crew`): whoever hashes a piece with each keeps up."""


class Digest(Protocol):
    """What `hashlib` makes."""

    def update(self, data: memoryview, /) -> None: ...


def sha256_of_rest(file: BinaryIO, told: Callable[[int], None] | None = None) -> str:
    """Of an open file from where it stands to its end, in hexadecimal; OSError passes.

    `told`: hears how many bytes were read, piece by piece.
    """
    digest = hashlib.sha256()
    for count in hashed(file, digest):
        if told is not None:
            told(count)
    return digest.hexdigest()


def hashed(file: BinaryIO, digest: Digest) -> Iterator[int]:
    """Put the rest of an open file into a digest, a piece each time; gives how many bytes it was. OSError passes."""
    piece = bytearray(_PIECE_BYTES)
    view = memoryview(piece)
    while count := file.readinto(piece):  # type: ignore[attr-defined]
        heed()
        digest.update(view[:count])
        yield count
