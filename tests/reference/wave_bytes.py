"""WAVE files put together by hand, sound or with whatever fault is wanted."""

from __future__ import annotations

import struct

GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
TO_THE_END = 0xFFFFFFFF


def chunk(name: bytes, body: bytes, *, claimed: int | None = None) -> bytes:
    """A chunk, padded to even length; its size may claim something else."""
    return struct.pack("<4sI", name, len(body) if claimed is None else claimed) + body + b"\0" * (len(body) % 2)


def fmt(
    channels: int = 1,
    rate: int = 48_000,
    bits: int = 24,
    *,
    tag: int = 1,
    width: int | None = None,
    mask: int | None = None,
) -> bytes:
    """A fmt chunk: plain, or WAVE_FORMAT_EXTENSIBLE where there is a mask; `width` is bytes of a stored sample."""
    width = (bits + 7) // 8 if width is None else width
    body = struct.pack("<IIHH", rate, rate * channels * width % 2**32, channels * width, bits)
    if mask is None:
        return chunk(b"fmt ", struct.pack("<HH", tag, channels) + body)
    return chunk(
        b"fmt ", struct.pack("<HH", 0xFFFE, channels) + body + struct.pack("<HHIH", 22, bits, mask, tag) + GUID_TAIL
    )


def riff(*chunks: bytes, form: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return form + struct.pack("<I", len(body) if form == b"RIFF" else TO_THE_END) + body


def ds64(data_bytes: int, frames: int, table: tuple[tuple[bytes, int], ...] = ()) -> bytes:
    entries = b"".join(struct.pack("<4sQ", name, size) for name, size in table)
    return chunk(b"ds64", struct.pack("<QQQI", 0, data_bytes, frames, len(table)) + entries)
