"""Markers in a WAVE file: a copy of it with the chunk `cue ` and the list `adtl`, and nothing else changed.

Sources: Microsoft Multimedia Programming Interface 1.0 (cue, adtl: labl, note, ltxt); EBU Tech 3306 and ITU-R BS.2088-1
(ds64). Texts are UTF-8, as today's editors write and read them. The chunks stand behind all others, so that the samples
stay where they were; cue points that the file has already stay, and the new ones are numbered past them.
"""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from stemmix.errors import StemError
from stemmix.files.staged import StagedFile
from stemmix.files.wave import (
    NO_SIZE,
    RF64_FROM_BYTES,
    Chunk,
    WaveHeader,
    chunks_from,
    packed_chunk,
    read_ds64,
    read_wave_header,
)
from stemmix.stopping import heed

LAST_FRAME: Final = 2**32 - 1
"""A cue point's position has 32 bits."""

_CUE: Final = struct.Struct("<II4sIII")
"""Id, position in the play order, `data`, two offsets into wave lists, which there are none, and the frame."""
_LENGTH: Final = struct.Struct("<II4s4H")
"""Id, frames, purpose `rgn `, and country, language, dialect, code page: none."""

_MARKING: Final = (b"labl", b"note", b"ltxt")
_LARGEST_BYTES: Final = 1 << 26
"""Read of chunks that are joined with the new ones: half a million markers."""
_PIECE_BYTES: Final = 1 << 20


class CuePoint(NamedTuple):
    """One marker."""

    at: int
    """Its frame in the file."""
    length: int
    """In frames; 0 of a point."""
    label: str
    note: str = ""


def copy_with_cues(
    source: Path,
    target: Path,
    points: Sequence[CuePoint],
    told: Callable[[float], None] | None = None,
    *,
    rf64_from_bytes: int = RF64_FROM_BYTES,
) -> None:
    """Write a copy of a WAVE file that has the points beside its own; `target` stands whole or not at all.

    All other chunks are copied byte for byte and in their order, and so is what follows the last whole one. Sizes are
    made true, also where the source has none, having been written into a pipe; a RIFF that gets too long for them
    becomes RF64. `told` hears the share that is written, piece by piece.

    Raises StemError where the source is not a WAVE file or cannot be read; OutputError where the disk refuses.
    """
    with ExitStack() as opened:
        with _reading(source):
            file = opened.enter_context(source.open("rb"))
            header = read_wave_header(source)
            if header is None:
                raise StemError(f"{source}: is not a WAVE file")
            pieces = _pieces(source, file, header, points, rf64_from_bytes)
        opened.enter_context(StagedFile(target, _bytes_of(source, file, pieces, told))).publish()


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise StemError(f"{source}: cannot be read: {fault.strerror or fault}") from None


def _pieces(
    source: Path, file: BinaryIO, header: WaveHeader, points: Sequence[CuePoint], rf64_from_bytes: int
) -> list[bytes | range]:
    """The copy, piece by piece: bytes, and ranges of the source."""
    size = os.fstat(file.fileno()).st_size
    ds64, cues, texts = b"", b"", b""
    kept: list[bytes | range] = []
    claim = 0  # where in `kept` the data say how long they are
    long_sizes: dict[bytes, int] = {}
    end = 12
    for chunk in chunks_from(file, 12, size, long_sizes):
        chunk_end = chunk.offset + chunk.size
        if chunk.offset == header.data_offset:
            chunk_end = chunk.offset + header.bytes_present
        elif chunk_end > size or not chunk.name.isascii() or not chunk.name.decode().isprintable():
            break  # no chunk, or half of one
        end = min(chunk_end + chunk_end % 2, size)
        if chunk.name == b"ds64" and header.container != "RIFF":
            ds64 = _body(source, file, chunk)
            long_sizes |= read_ds64(ds64)
        elif chunk.name == b"cue ":
            cues += _entries(_body(source, file, chunk))
        elif chunk.name == b"LIST" and file.read(4) == b"adtl":
            file.seek(chunk.offset)
            body = _body(source, file, chunk)[4:]
            texts += body + b"\0" * (len(body) % 2)
        else:
            kept += [range(chunk.offset - 8, chunk.offset), range(chunk.offset, end)]
            if chunk.offset == header.data_offset:
                claim = len(kept) - 2
    if sum(map(len, kept)) % 2:
        kept.append(b"\0")  # the last one's pad was forgotten
    kept += _marking(points, cues, texts)

    riff_bytes = 4 + sum(map(len, kept))
    is_long = header.container != "RIFF" or 8 + riff_bytes >= rf64_from_bytes
    if header.bytes_claimed is None or (is_long and header.container == "RIFF"):
        kept[claim] = struct.pack("<4sI", b"data", NO_SIZE if is_long else header.bytes_present)
    if is_long:
        rest = ds64[16:] if len(ds64) >= 28 else struct.pack("<QI", header.frames_present, 0)
        riff_bytes += 8 + 16 + len(rest) + len(rest) % 2
        kept.insert(0, packed_chunk(b"ds64", struct.pack("<QQ", riff_bytes, header.bytes_present) + rest))
    form = "RF64" if is_long and header.container == "RIFF" else header.container
    head = struct.pack("<4sI4s", form.encode(), NO_SIZE if is_long else riff_bytes, b"WAVE")
    return [head, *kept, range(end, size)]


def _body(source: Path, file: BinaryIO, chunk: Chunk) -> bytes:
    if chunk.size > _LARGEST_BYTES:
        name, most = chunk.name.decode().strip(), _LARGEST_BYTES >> 20
        raise StemError(f"{source}: its {name} chunk holds {chunk.size} bytes; expected at most {most} MiB")
    return file.read(chunk.size)


def _entries(body: bytes) -> bytes:
    """The cue points of a `cue ` chunk's body, as many as it says and has."""
    claimed = struct.unpack_from("<I", body)[0] if len(body) >= 4 else 0
    return body[4 : 4 + _CUE.size * min(claimed, (len(body) - 4) // _CUE.size)]


def _marking(points: Sequence[CuePoint], cues: bytes, texts: bytes) -> list[bytes | range]:
    """The two chunks, of what the file had and the new points."""
    taken = {entry[0] for entry in _CUE.iter_unpack(cues)}
    taken |= {
        struct.unpack_from("<I", texts, chunk.offset)[0]
        for chunk in chunks_from(BytesIO(texts), 0, len(texts))
        if chunk.name in _MARKING and chunk.offset + 4 <= len(texts)
    }
    free = (number for number in itertools.count(1) if number not in taken)
    entries, about = [cues], [texts]
    for number, point in zip(free, points, strict=False):
        entries.append(_CUE.pack(number, point.at, b"data", 0, 0, point.at))
        named = struct.pack("<I", number)
        about.append(packed_chunk(b"labl", named + point.label.encode() + b"\0"))
        if point.note:
            about.append(packed_chunk(b"note", named + point.note.encode() + b"\0"))
        if point.length:
            about.append(packed_chunk(b"ltxt", _LENGTH.pack(number, point.length, b"rgn ", 0, 0, 0, 0)))
    listed, described = b"".join(entries), b"".join(about)
    chunks: list[bytes | range] = []
    if listed:
        chunks.append(packed_chunk(b"cue ", struct.pack("<I", len(listed) // _CUE.size) + listed))
    if described:
        chunks.append(packed_chunk(b"LIST", b"adtl" + described))
    return chunks


def _bytes_of(
    source: Path, file: BinaryIO, pieces: Sequence[bytes | range], told: Callable[[float], None] | None
) -> Iterator[bytes | memoryview]:
    """The pieces' bytes; one buffer, however long they are."""
    whole = sum(map(len, pieces))
    buffer = memoryview(bytearray(_PIECE_BYTES))
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        file.seek(piece.start)
        left = len(piece)
        while left:
            heed()
            with _reading(source):
                count = file.readinto(buffer[: min(left, _PIECE_BYTES)])  # type: ignore[attr-defined]
            if not count:
                raise StemError(f"{source}: became shorter while it was being read")
            yield buffer[:count]
            left -= count
            if told is not None:
                told(count / whole)
