"""Pictures made of cells: a PNG of sixteen steps of one colour, each more opaque than the last, on any background."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

STEPS = 16


def steps_of(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Values from 0 to 1 as steps 0 to 15: what is over 0 is at least 1, and what is NaN is 0."""
    steps: NDArray[np.uint8] = np.ceil(np.clip(np.nan_to_num(values), 0.0, 1.0) * (STEPS - 1) - 1e-6).astype(np.uint8)
    return steps


def data_url(steps: NDArray[np.uint8], colour: tuple[int, int, int]) -> str:
    """(rows, columns) steps, the first row on top, as the address of a picture that it holds itself.

    Source: Portable Network Graphics Specification, third edition: IHDR, PLTE, tRNS, IDAT; indexed, 4 bits a pixel.
    """
    rows, columns = steps.shape
    padded = np.zeros((rows, columns + columns % 2), np.uint8)
    padded[:, :columns] = steps
    packed = padded[:, ::2] << 4 | padded[:, 1::2]
    lines = np.concatenate((np.zeros((rows, 1), np.uint8), packed), axis=1)  # each begins with its filter: none
    opacity = bytes(round(255 * step / (STEPS - 1)) for step in range(STEPS))
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(*chunk)
        for chunk in (
            (b"IHDR", struct.pack(">IIBBBBB", columns, rows, 4, 3, 0, 0, 0)),
            (b"PLTE", bytes(colour) * STEPS),
            (b"tRNS", opacity),
            (b"IDAT", zlib.compress(lines.tobytes(), 9)),
            (b"IEND", b""),
        )
    )
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
