"""Readable twin of what is done to the pages of an Ogg stream (RFC 3533, section 6)."""

from __future__ import annotations

import struct


def crc(page: bytes) -> int:
    """Of a page whose own checksum is 0, bit by bit."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = register << 1 ^ (0x04C11DB7 if register & 0x80000000 else 0)
            register &= 0xFFFFFFFF
    return register


def pages(content: bytes) -> list[bytes]:
    found, offset = [], 0
    while offset < len(content):
        assert content[offset : offset + 4] == b"OggS"
        count = content[offset + 26]
        size = 27 + count + sum(content[offset + 27 : offset + 27 + count])
        found.append(content[offset : offset + size])
        offset += size
    return found


def serial_of(page: bytes) -> int:
    return int(struct.unpack_from("<I", page, 14)[0])


def checksum_is_right(page: bytes) -> bool:
    return bool(struct.unpack_from("<I", page, 22)[0] == crc(page[:22] + bytes(4) + page[26:]))
