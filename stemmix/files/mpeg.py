"""MPEG audio, layer III, as its frames stand in a file: whether all of it is there.

A decoder passes over what is missing, and takes the length from a header or guesses it. Frames say how long they are,
so they can be counted without decoding (ISO/IEC 11172-3, section 2.4.1; ISO/IEC 13818-3 for the lower rates). How many
there are to be, nearly every encoder writes into the first of them, in a Xing header.
"""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from stemmix.errors import StemError
from stemmix.stopping import heed

_MPEG_1: Final = 3
_RATES_HZ: Final = {_MPEG_1: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""By the bits that stand for MPEG 1, 2 and 2.5 in a frame's header."""
_MPEG_1_KBITS: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LOWER_KBITS: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""As the header counts them, from 1 on; with 0 a frame does not say how long it is."""
_STREAM: Final = 0xFFFE0C00
"""The bits that all frames of a stream have in common: sync, version, layer, sample rate."""

_XING_WITHIN: Final = 44
"""Bytes of the first frame: where in them it stands depends on the number of channels."""
_MISCOUNT: Final = 1
"""Some encoders count the frame that holds the Xing header, too."""
_ID3_V1_BYTES: Final = 128
_XING_KBITS: Final = 8
"""As the header counts them: at any sample rate there is room for a Xing header."""
MOST_CUT: Final = 2 * 0xFFF + 529 + 1152
"""Samples that a decoder may leave out: what a LAME tag says of both ends (12 bits each), its own delay, a miscount."""
_PIECE_BYTES: Final = 1 << 16


class _Frame(NamedTuple):
    stream: int
    size: int
    """In bytes."""
    samples: int


class Reframed(NamedTuple):
    """An MP3's frames behind a Xing header that counts them, and nothing else."""

    header: bytes
    """Empty where the first of them has it."""
    start: int
    end: int
    """Bytes of the file: where its frames stand."""


class Walked(NamedTuple):
    """What the frames of an MP3 say."""

    samples: int
    """That a decoder is to give, of each channel, less what it cuts off at both ends; 0 of what is no MP3."""
    warnings: list[str]
    reframed: Reframed | None = None
    """Where no header of its own says how many frames there are, or there is more in the file."""


def walk(path: Path) -> Walked:
    """What the frames of an MP3 and its header say of each other, without decoding.

    Raises StemError where it is cut off, or something between frames is neither one nor a tag; OSError from the file.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        end = _past_tags(file, 0, size)
        first = _frame(file, end)
        if first is None:
            return Walked(0, [])
        header, start, sound_end = _bytes(file, end, 4), end, end
        promised = _promised(file, end)
        found = 0 if promised is None else -1  # the frame of a Xing header holds no sound
        if promised == 0:  # it was never filled in, as in a pipe
            promised, start = None, end + first.size
        while (place := _next(file, end, first.stream)) is not None:
            heed()
            if place > end:
                after = max(0, found) * first.samples
                raise StemError(f"{path}: is damaged after frame {after}: bytes {end} to {place} are not MPEG audio")
            frame = _frame(file, place)
            if frame is None:  # the file has changed meanwhile
                break
            end = place + frame.size
            found += end <= size
            if promised is None or found <= promised:
                sound_end = end
            end = _past_tags(file, end, size)
    there = found * first.samples
    if end > size and (promised is None or found < promised):
        raise StemError(f"{path}: ends early, inside a frame of MPEG audio; {there} frames are there")
    if promised is None:
        return Walked(there, [], Reframed(_xing_frame(header, found), start, sound_end))
    reframed = Reframed(b"", start, sound_end) if size - sound_end > _ID3_V1_BYTES else None
    if abs(found - promised) <= _MISCOUNT:
        return Walked(there, [], reframed)
    claim = f"its header promises {promised * first.samples} frames, {there} are there"
    if found < promised:
        raise StemError(f"{path}: ends early: {claim}")
    warning = f"{path}: goes on past its end: {claim}; what follows is left out"
    return Walked(promised * first.samples, [warning], reframed)


def _bytes(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


def _frame(file: BinaryIO, place: int) -> _Frame | None:
    """The frame of layer III that begins here, if one does and says how long it is."""
    head = int.from_bytes(_bytes(file, place, 4))
    version, layer, kbits, rate = head >> 19 & 3, head >> 17 & 3, head >> 12 & 15, head >> 10 & 3
    if head >> 21 != 0x7FF or version not in _RATES_HZ or layer != 1 or not 1 <= kbits <= 14 or rate == 3:
        return None
    is_full = version == _MPEG_1
    bits = 1000 * (_MPEG_1_KBITS if is_full else _LOWER_KBITS)[kbits - 1]
    samples = 1152 if is_full else 576
    padding = head >> 9 & 1
    return _Frame(head & _STREAM, samples // 8 * bits // _RATES_HZ[version][rate] + padding, samples)


def _next(file: BinaryIO, place: int, stream: int) -> int | None:
    """Where the next frame of a stream begins, from here on; if not right here, then where two follow one another."""

    def size(at: int) -> int:
        found = _frame(file, at)
        return found.size if found is not None and found.stream == stream else 0

    if size(place):
        return place
    while piece := _bytes(file, place, _PIECE_BYTES):
        at = -1
        while (at := piece.find(b"\xff", at + 1)) >= 0:
            if (length := size(place + at)) and size(place + at + length):
                return place + at
        place += len(piece)
        heed()
    return None


def _promised(file: BinaryIO, place: int) -> int | None:
    """How many frames the Xing header in the one that begins here says that there are behind it; 0 where it does not
    say, None where there is none."""
    told = _bytes(file, place, _XING_WITHIN + 12)
    for name in (b"Xing", b"Info"):
        found = told.find(name, 4, _XING_WITHIN)
        if found >= 0 and found + 12 <= len(told):
            flags, frames = struct.unpack_from(">II", told, found + 4)
            return int(frames) if flags & 1 else 0
    return None


def _xing_frame(header: bytes, frames: int) -> bytes:
    """A frame with a Xing header that counts `frames`, for a stream whose frames begin as `header` does."""
    head = bytearray(header)
    head[1] |= 1  # no checksum
    head[2] = head[2] & 0x0C | _XING_KBITS << 4
    is_full, is_mono = head[1] >> 3 & 3 == _MPEG_1, head[3] >> 6 == 3
    side_bytes = (17 if is_mono else 32) if is_full else (9 if is_mono else 17)
    content = bytes(head) + bytes(side_bytes) + b"Xing" + struct.pack(">II", 1, frames)
    frame = _frame(io.BytesIO(content), 0)
    assert frame is not None
    return content.ljust(frame.size, b"\0")


def _past_tags(file: BinaryIO, place: int, size: int) -> int:
    """Behind the ID3 tags that stand here, version 1 or 2; files put behind one another have some between them.

    One that claims more than the `size` of the file is not passed.
    """
    end = place
    while end <= size:
        place = end
        told = _bytes(file, place, 10)
        if told.startswith(b"ID3") and len(told) == 10:
            flags, *length = told[5:]
            has_footer = bool(flags & 0x10)
            end += 10 + sum(byte << 7 * power for power, byte in enumerate(reversed(length))) + 10 * has_footer
        elif told.startswith(b"TAG"):
            end += _ID3_V1_BYTES
        else:
            break
    return place
