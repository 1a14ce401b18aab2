"""The pages of an Ogg stream (RFC 3533, section 6): whether the last is there, whether another stream follows it, and
the number that they all have."""

from __future__ import annotations

import zlib
from typing import BinaryIO, Final

_HEADER_BYTES: Final = 27
_LONGEST_PAGE_BYTES: Final = 65_307
_IS_FIRST: Final = 2
_IS_LAST: Final = 4
_BITS_TURNED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def missing_end(file: BinaryIO, size: int) -> str | None:
    """What a file of `size` bytes lacks at its end, in words; None where the stream's last page is there and sound.

    Decoders pass over a page that is not whole, or not as its checksum has it, without a word.
    """
    file.seek(max(0, size - _LONGEST_PAGE_BYTES))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < _HEADER_BYTES or not page[5] & _IS_LAST:
        return "its last page is missing"
    body = _HEADER_BYTES + page[26]
    end = body + sum(page[_HEADER_BYTES:body])
    if len(page) < end:
        return "its last page is cut off"
    return None if _checksum(page[:end]) == page[22:26] else "its last page is damaged"


def next_stream(file: BinaryIO) -> int | None:
    """The byte where another stream begins behind those that the file begins with (section 4, chaining), if one does.

    Streams that run side by side all begin before any of them goes on.
    """
    place, is_beginning = 0, True
    while True:
        file.seek(place)
        page = file.read(_HEADER_BYTES)
        if len(page) < _HEADER_BYTES or not page.startswith(b"OggS"):
            return None
        is_first = bool(page[5] & _IS_FIRST)
        if is_first and not is_beginning:
            return place
        is_beginning = is_first
        place += _HEADER_BYTES + page[26] + sum(file.read(page[26]))


def set_serial(file: BinaryIO, serial: int) -> None:
    """Give every page of a stream this serial number."""
    offset = 0
    while True:
        file.seek(offset)
        header = file.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return
        lengths = file.read(header[26])
        body = file.read(sum(lengths))
        page = bytearray(header + lengths + body)
        page[14:18] = serial.to_bytes(4, "little")
        page[22:26] = _checksum(page)
        file.seek(offset)
        file.write(page)
        offset += len(page)


def _checksum(page: bytes | bytearray) -> bytes:
    """Of a page, its own checksum taken for 0.

    It is a CRC of polynomial 0x04C11DB7, not reflected, begun at 0: zlib's own with the bits of bytes and result turned
    round and its inversions undone.
    """
    turned = zlib.crc32((page[:22] + bytes(4) + page[26:]).translate(_BITS_TURNED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return turned.to_bytes(4, "big").translate(_BITS_TURNED)
