"""WAVE files: the chunks of RIFF, RF64 and BW64, samples out of and into bytes, the header that is written.

Sources: Microsoft Multimedia Programming Interface 1.0 (RIFF, fmt, fact); WAVEFORMATEXTENSIBLE (speaker mask, GUIDs);
EBU Tech 3306 (RF64, ds64); ITU-R BS.2088-1 (BW64). A size in a header is a claim: what is there is what the length of
the file says is there, and nothing is allocated by a claim.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stemmix.dsp import sample_kernels
from stemmix.errors import StemError
from stemmix.files.broadcast import LOUDNESS_OFFSET, BroadcastInfo, bext_body, ixml_body, read_broadcast
from stemmix.model.encodings import Encoding
from stemmix.model.layouts import Layout

BYTES_PER_SAMPLE: Final[dict[Encoding, int]] = {"wav16": 2, "wav24": 3, "wavfloat": 4}
"""Of the encodings that are WAVE: signed integers of 16 or 24 bits, or 32-bit floats."""

RF64_FROM_BYTES: Final = 2**32
"""Length from which a file is written as RF64: there RIFF's 32-bit sizes end."""

NO_SIZE: Final = 0xFFFFFFFF
"""The size of a chunk whose true size stands in ds64."""

_TO_THE_END: Final = (NO_SIZE, 0xFFFFFFFFFFFFFFFF)
"""Sizes that ffmpeg and others write into a pipe, where they cannot come back and fill them in."""

_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_CODECS: Final = {
    _PCM: "PCM",
    0x0002: "MS_ADPCM",
    _FLOAT: "FLOAT",
    0x0006: "ALAW",
    0x0007: "ULAW",
    0x0011: "IMA_ADPCM",
    0x0031: "GSM610",
    0x0055: "MP3",
}
_FRAME_BY_FRAME: Final = ("PCM", "FLOAT", "ALAW", "ULAW")
_GUID_TAIL: Final = bytes.fromhex("000000001000800000aa00389b71")
"""KSDATAFORMAT_SUBTYPE_*: a 16-bit format tag, then these fourteen bytes."""

_MAX_CHUNKS: Final = 10_000
"""Chunks looked at before giving up: real files have a dozen."""

_TELLING: Final = (b"bext", b"iXML")
_LONGEST_TOLD_BYTES: Final = 1 << 20
"""Read of such a chunk: real ones have a few kilobytes."""

_PIECE_BYTES: Final = 1 << 18
"""Read at a time: stays in the second cache between the file and the samples."""

_LARGEST_FLOAT32: Final = float(np.finfo(np.float32).max)

_UNPACKED: Final = {
    ("PCM", 16): "<i2",
    ("PCM", 24): "u1",
    ("PCM", 32): "<i4",
    ("FLOAT", 32): "<f4",
    ("FLOAT", 64): "<f8",
}


@dataclass(frozen=True)
class WaveHeader:
    """What the header says, and what the file's length makes of it."""

    container: str
    """`RIFF`, `RF64` or `BW64`."""
    codec: str
    """`PCM`, `FLOAT`, or another codec's name."""
    sample_rate: int
    channels: int
    bits: int
    """Of one sample as it is stored: 24 valid bits in four bytes are 32, as they stand to the left."""
    mask: int | None
    """Speaker mask of WAVEFORMATEXTENSIBLE, which may be 0 (nothing said); None in a plain `fmt` chunk."""
    block_align: int
    """Bytes of one frame."""
    data_offset: int
    bytes_claimed: int | None
    """Size of the data chunk; None where it means "to the end of the file"."""
    bytes_present: int
    """What of it the file holds."""
    bytes_after: int
    """What follows the data chunk as claimed."""
    bytes_stray: int = 0
    """What of it stands in no chunk, if that is not just zeros."""
    broadcast: BroadcastInfo | None = None
    """What bext and iXML say, before the data or after them; None where there is neither."""

    @property
    def frames_claimed(self) -> int | None:
        return None if self.bytes_claimed is None else self.bytes_claimed // max(1, self.block_align)

    @property
    def frames_present(self) -> int:
        """Whole frames that can be read."""
        return self.bytes_present // max(1, self.block_align)

    @property
    def counted(self) -> str:
        """What `frames_claimed` and `frames_present` count: many a codec puts several frames into one block."""
        return "frames" if self.codec in _FRAME_BY_FRAME else "blocks"

    @property
    def is_truncated(self) -> bool:
        return self.bytes_claimed is not None and self.bytes_present < self.bytes_claimed

    @property
    def is_plain(self) -> bool:
        """Whether `WaveSamples` reads it: PCM of 16, 24 or 32 bits, float of 32 or 64."""
        return (self.codec, self.bits) in _UNPACKED


def read_wave_header(path: Path) -> WaveHeader | None:
    """The header of a RIFF, RF64 or BW64 WAVE file; None where the file is none of these.

    Raises StemError, naming file and fault, for a header that is cut off or contradicts itself; OSError from the file.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        form = file.read(12)
        container = form[:4].decode("latin-1")
        if container not in ("RIFF", "RF64", "BW64"):
            return None
        if len(form) < 12:
            raise StemError(f"{path}: its WAVE header is cut off")
        if form[8:] != b"WAVE":
            return None
        return _read_chunks(path, file, size, container)


def _read_chunks(path: Path, file: BinaryIO, size: int, container: str) -> WaveHeader:
    """Walk the chunks up to `data`, which the standard puts after `fmt`."""
    fmt: bytes | None = None
    told: dict[bytes, bytes] = {}  # bext and iXML
    long_sizes: dict[bytes, int] = {}  # of ds64: what does not fit 32 bits
    offset = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(min(offset, size))  # a claim may lie beyond what can be sought
        head = file.read(8)
        if len(head) < 8:
            if head or offset > size or fmt is None:
                raise StemError(f"{path}: its WAVE header is cut off")
            raise StemError(f"{path}: has no data chunk, so it holds no audio")
        name, claimed = struct.unpack("<4sI", head)
        if claimed == NO_SIZE:
            claimed = long_sizes.get(name, claimed)
        offset += 8
        if name == b"data":
            if fmt is None:
                raise StemError(f"{path}: has no fmt chunk before its data, so the format of the audio is missing")
            known = None if claimed in _TO_THE_END else claimed
            behind, stray = ({}, 0) if known is None else _read_behind(file, offset + known, known % 2, size)
            header = _header(path, container, fmt, offset=offset, claimed=known, size=size)
            return replace(header, bytes_stray=stray, broadcast=read_broadcast(behind | told))
        if name == b"fmt ":
            fmt = file.read(min(claimed, 40))
            if len(fmt) < min(claimed, 40):
                raise StemError(f"{path}: its WAVE header is cut off inside the fmt chunk")
        elif name == b"ds64":
            long_sizes = read_ds64(file.read(min(claimed, 28 + 12 * _MAX_CHUNKS)))
        elif name in _TELLING:
            told[name] = file.read(min(claimed, _LONGEST_TOLD_BYTES))
        offset += claimed + claimed % 2  # chunks are padded to even length
    raise StemError(f"{path}: has over {_MAX_CHUNKS} chunks before its audio, so it is not a valid WAVE file")


def _read_behind(file: BinaryIO, end: int, padding: int, size: int) -> tuple[dict[bytes, bytes], int]:
    """bext and iXML behind data that end there, where some editors put them, and how many bytes stand in no chunk: none
    where all that is left is zeros.

    `padding`: 1 where a pad byte is due, which some writers leave out. Zeros may stand before a chunk, and before sound
    whose chunk was never told of.
    """
    told: dict[bytes, bytes] = {}
    for _ in range(_MAX_CHUNKS):
        padded = min(end + padding, size)
        sign = _first_sign(file, padded, size)
        found = _chunk_at(file, end, size) if padding else None
        found = found or _chunk_at(file, sign, size, may_be_cut=sign == padded)
        if found is None:
            return told, size - padded if sign < size else 0
        if found.name in _TELLING:
            file.seek(found.offset)
            told.setdefault(found.name, file.read(min(found.size, _LONGEST_TOLD_BYTES)))
        end, padding = found.offset + found.size, found.size % 2
    return told, 0


def _chunk_at(file: BinaryIO, offset: int, size: int, *, may_be_cut: bool = False) -> Chunk | None:
    """The chunk that stands there, by its name, which is of ASCII, and a size that fits into the file."""
    found = next(chunks_from(file, offset, size), None)
    if found is None or not all(0x20 <= sign < 0x7F for sign in found.name):
        return None
    return found if may_be_cut or found.offset + found.size <= size else None


def _first_sign(file: BinaryIO, offset: int, size: int) -> int:
    """Where the first byte stands that is no zero; `size` where there is none."""
    zeros = bytes(_PIECE_BYTES)
    while True:
        offset = _past_hole(file, offset, size)
        file.seek(offset)
        if (piece := file.read(_PIECE_BYTES)) != zeros:
            signs = piece.lstrip(b"\0")
            return offset + len(piece) - len(signs) if signs else size
        offset += len(piece)


def _past_hole(file: BinaryIO, offset: int, size: int) -> int:
    """Where bytes stand on the disk from `offset` on: a hole is zeros, gigabytes maybe, that need not be read.

    `offset` itself where the system does not tell.
    """
    if not hasattr(os, "SEEK_DATA"):
        return offset
    descriptor = file.fileno()
    here = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        return os.lseek(descriptor, offset, os.SEEK_DATA)
    except OSError as fault:
        return size if fault.errno == errno.ENXIO else offset
    finally:
        os.lseek(descriptor, here, os.SEEK_SET)  # `file` counts on it


class Chunk(NamedTuple):
    """A chunk of a file, as it says itself."""

    name: bytes
    offset: int
    """Where its body begins."""
    size: int
    """Of its body in bytes, without the byte that pads it to even length; the file may be shorter."""


def chunks_from(
    file: BinaryIO, offset: int, size: int, long_sizes: Mapping[bytes, int] = MappingProxyType({})
) -> Iterator[Chunk]:
    """The chunks of a file of `size` bytes, one behind another, the file standing where the body of each begins.

    `long_sizes`: what ds64 says of those that say nothing themselves; it may be filled in on the way.
    """
    for _ in range(_MAX_CHUNKS):
        if offset + 8 > size:
            break
        file.seek(offset)
        name, claimed = struct.unpack("<4sI", file.read(8))
        if claimed == NO_SIZE:
            claimed = long_sizes.get(name, claimed)
        offset += 8
        yield Chunk(name, offset, claimed)
        offset += claimed + claimed % 2


def read_ds64(body: bytes) -> dict[bytes, int]:
    """Sizes of the data chunk and of other long chunks by name (EBU Tech 3306, section 3)."""
    if len(body) < 28:
        return {}
    _, data_size, _, entries = struct.unpack_from("<QQQI", body)
    sizes = {b"data": data_size}
    for entry in range(min(entries, (len(body) - 28) // 12)):
        name, long_size = struct.unpack_from("<4sQ", body, 28 + 12 * entry)
        sizes[name] = long_size
    return sizes


def _header(path: Path, container: str, fmt: bytes, *, offset: int, claimed: int | None, size: int) -> WaveHeader:
    if len(fmt) < 16:
        raise StemError(f"{path}: its fmt chunk has {len(fmt)} bytes; expected at least 16")
    tag, channels, rate_hz, _, block_align, bits = struct.unpack_from("<HHIIHH", fmt)
    mask = None
    codec = _CODECS.get(tag, f"codec 0x{tag:04X}")
    if tag == _EXTENSIBLE:
        if len(fmt) < 40:
            raise StemError(f"{path}: its fmt chunk is WAVE_FORMAT_EXTENSIBLE but has {len(fmt)} bytes instead of 40")
        mask, sub_tag = struct.unpack_from("<IH", fmt, 20)
        codec = _CODECS.get(sub_tag, f"codec 0x{sub_tag:04X}") if fmt[26:40] == _GUID_TAIL else "an unknown codec"
    if channels == 0:
        raise StemError(f"{path}: its header gives 0 channels")
    if rate_hz == 0:
        raise StemError(f"{path}: its header gives a sample rate of 0 Hz")
    if codec in ("PCM", "FLOAT"):
        stored_bits, rest = divmod(8 * block_align, channels)
        if rest or stored_bits % 8 or stored_bits < bits or bits == 0:
            raise StemError(
                f"{path}: its header contradicts itself: {channels} channels of {bits} bits in frames of "
                f"{block_align} bytes"
            )
        bits = stored_bits
    there = max(0, size - offset)
    present = there if claimed is None else min(there, claimed)
    return WaveHeader(
        container=container,
        codec=codec,
        sample_rate=rate_hz,
        channels=channels,
        bits=bits,
        mask=mask,
        block_align=block_align,
        data_offset=offset,
        bytes_claimed=claimed,
        bytes_present=present,
        bytes_after=there - present,
    )


class WaveSamples:
    """Samples of a plain WAVE file (`WaveHeader.is_plain`), in order, as float64 of full scale 1."""

    def __init__(self, path: Path, header: WaveHeader) -> None:
        """Open the file; OSError passes."""
        self._path = path
        self._header = header
        self._frames_left = header.frames_present
        self._file = path.open("rb", buffering=0)
        self._file.seek(header.data_offset)
        self._piece_frames = max(1, _PIECE_BYTES // header.block_align)
        self._buffer = np.empty(self._piece_frames * header.block_align, np.uint8)

    def read(self, frames: int) -> npt.NDArray[np.float64]:
        """The next `frames` frames, (n, channels); fewer at the end. StemError where the file shrank meanwhile."""
        block = np.empty((min(frames, self._frames_left), self._header.channels))
        self.read_into(block)
        return block

    def read_into(self, out: npt.NDArray[np.float64]) -> int:
        """The next frames into (n, channels), C-contiguous, and how many: fewer at the end. Raises as `read`."""
        frames = min(len(out), self._frames_left)
        channels = self._header.channels
        flat = out.reshape(-1)
        for start in range(0, frames, self._piece_frames):
            count = min(self._piece_frames, frames - start)
            packed = self._buffer[: count * self._header.block_align]
            self._fill(packed)
            _unpack(packed, self._header, flat[start * channels : (start + count) * channels])
        self._frames_left -= frames
        return frames

    def skip(self, frames: int) -> None:
        """Go on so many frames later."""
        frames = min(frames, self._frames_left)
        self._frames_left -= frames
        self._file.seek(frames * self._header.block_align, os.SEEK_CUR)

    def _fill(self, packed: npt.NDArray[np.uint8]) -> None:
        view = packed.data
        while view:
            count = self._file.readinto(view)
            if not count:
                raise StemError(f"{self._path}: became shorter while it was being read")
            view = view[count:]

    def close(self) -> None:
        self._file.close()


def _unpack(packed: npt.NDArray[np.uint8], header: WaveHeader, out: npt.NDArray[np.float64]) -> None:
    if header.codec == "FLOAT":
        out[:] = packed.view(_UNPACKED["FLOAT", header.bits])
    elif header.bits == 24:
        sample_kernels.unpack_pcm24(packed, out)
    else:
        sample_kernels.unpack_integers(packed.view(_UNPACKED["PCM", header.bits]), 2.0 ** (1 - header.bits), out)


class SamplePacker:
    """Bytes of samples, a piece at a time in a buffer of its own."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._wanted = np.dtype(np.float64 if encoding == "wavfloat" else np.int32)
        self._buffer = np.empty(_PIECE_BYTES // 4 * BYTES_PER_SAMPLE[encoding], np.uint8)

    def pack(self, samples: npt.NDArray[np.int32] | npt.NDArray[np.float64]) -> Iterator[memoryview]:
        """Pieces of (n, channels) samples, each good until the next is asked for.

        int32 for `wav16` and `wav24` (full scale 2^15, 2^23), float64 for `wavfloat`. Raises ValueError for another
        type and for samples that the encoding cannot hold, which the caller should have limited: an integer that would
        wrap, a float that would not be finite.
        """
        if samples.dtype != self._wanted:
            raise ValueError(f"{self._encoding} is written from {self._wanted}, not from {samples.dtype}")
        flat = np.ascontiguousarray(samples).reshape(-1)
        step = _PIECE_BYTES // 4
        for start in range(0, flat.size, step):
            piece = flat[start : start + step]
            packed = self._buffer[: piece.size * BYTES_PER_SAMPLE[self._encoding]]
            if self._encoding == "wav24":
                fits = sample_kernels.pack_pcm24(piece, packed)
            elif self._encoding == "wav16":
                fits = sample_kernels.pack_pcm16(piece, packed.view("<i2"))
            else:
                fits = sample_kernels.first_beyond(piece, _LARGEST_FLOAT32) < 0
                if fits:
                    packed.view("<f4")[:] = piece
            if not fits:
                raise ValueError(f"a sample lies beyond what {self._encoding} can hold")
            yield packed.data


@dataclass(frozen=True)
class WrittenHeader:
    """Everything before the samples, and what stands where."""

    content: bytes
    loudness_offset: int | None
    """Of the loudness fields of bext in the file; None where it has none."""


def wave_header(
    encoding: Encoding,
    sample_rate: int,
    layout: Layout,
    frames: int,
    *,
    metadata: BroadcastInfo | None = None,
    rf64_from_bytes: int = RF64_FROM_BYTES,
) -> WrittenHeader:
    """The header of a file of `frames` frames; `sample_rate` in Hz.

    Plain `fmt` for one and two channels, WAVE_FORMAT_EXTENSIBLE with the layout's speaker mask for more; `bext` and
    `iXML` where there are metadata, before the data, as Tech 3285 wants it; RF64 from 4 GiB on and only then. No time
    stamp, so that the same samples give the same bytes. Data of odd length want a pad byte after them, which the sizes
    here count.
    """
    is_float = encoding == "wavfloat"
    bits = 8 * BYTES_PER_SAMPLE[encoding]
    chunks = packed_chunk(b"fmt ", _fmt(encoding, sample_rate, layout))
    if is_float:
        chunks += packed_chunk(b"fact", struct.pack("<I", min(frames, 0xFFFFFFFF)))
    bext_offset = None
    if metadata is not None:
        bext_offset = len(chunks) + 8
        chunks += packed_chunk(b"bext", bext_body(metadata, sample_rate, bits, layout, is_float=is_float))
        chunks += packed_chunk(b"iXML", ixml_body(metadata, sample_rate, bits, layout))
    data_size = frames * layout.channels * bits // 8
    riff_size = 4 + len(chunks) + 8 + data_size + data_size % 2
    if 8 + riff_size < rf64_from_bytes:
        start, data_claim = struct.pack("<4sI4s", b"RIFF", riff_size, b"WAVE"), data_size
    else:
        ds64 = packed_chunk(b"ds64", struct.pack("<QQQI", riff_size + 36, data_size, frames, 0))
        start, data_claim = struct.pack("<4sI4s", b"RF64", NO_SIZE, b"WAVE") + ds64, NO_SIZE
    return WrittenHeader(
        start + chunks + struct.pack("<4sI", b"data", data_claim),
        None if bext_offset is None else len(start) + bext_offset + LOUDNESS_OFFSET,
    )


def _fmt(encoding: Encoding, sample_rate: int, layout: Layout) -> bytes:
    width = BYTES_PER_SAMPLE[encoding]
    block_align = width * layout.channels
    tag = _FLOAT if encoding == "wavfloat" else _PCM
    many = layout.channels > 2
    fmt = struct.pack(
        "<HHIIHH",
        _EXTENSIBLE if many else tag,
        layout.channels,
        sample_rate,
        sample_rate * block_align,
        block_align,
        8 * width,
    )
    if many:
        return fmt + struct.pack("<HHIH", 22, 8 * width, layout.masks[0], tag) + _GUID_TAIL
    return fmt + struct.pack("<H", 0) if tag == _FLOAT else fmt


def packed_chunk(name: bytes, body: bytes) -> bytes:
    """A chunk, padded to even length."""
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)
