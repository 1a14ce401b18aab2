"""WAVE files written whole or not at all, and the traces of processes that died while they wrote."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import BinaryIO, Final, Self

import numpy as np
import numpy.typing as npt

from stemmix.errors import OutputError
from stemmix.files.wave import (
    BYTES_PER_SAMPLE,
    RF64_FROM_BYTES,
    Encoding,
    SamplePacker,
    read_wave_header,
    wave_header,
)
from stemmix.model.layouts import Layout

_PART: Final = re.compile(r"\..+\.(\d{1,9})\.part")
"""`.name.pid.part`: hidden, beside the target, so that the rename stays on one file system."""

_REASONS: Final = {
    errno.EFBIG: "it is larger than a file may be here",
    errno.ENOENT: "its folder does not exist",
    errno.ENOTDIR: "its folder is a file",
    errno.EISDIR: "a folder has its name",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EWOULDBLOCK: "it is being written already",
}


class WaveWriter:
    """A WAVE file that stands under its name whole, or not at all.

    Written to a hidden part file beside the target; `seal` brings it to the disk, opens it again and counts, `publish`
    renames it, `finish` does both. A context manager: leaving it by an exception, or unpublished, removes the part
    file. The length is given first, so that the header is final from the start and the hash is taken as the bytes go
    by.
    """

    def __init__(
        self,
        path: Path,
        encoding: Encoding,
        sample_rate: int,
        layout: Layout,
        frames: int,
        *,
        rf64_from_bytes: int = RF64_FROM_BYTES,
    ) -> None:
        """Begin a file of `frames` frames at `sample_rate` Hz.

        Raises OutputError, saying why it cannot be: no such folder, no permission, not enough room on the disk, another
        writer at the same file.
        """
        self.path = path
        self._packer = SamplePacker(encoding)
        self._channels = layout.channels
        self._frames = frames
        self._frames_written = 0
        self._hash = hashlib.sha256()
        self.part = path.with_name(f".{path.name}.{os.getpid()}.part")
        header = wave_header(encoding, sample_rate, layout, frames, rf64_from_bytes=rf64_from_bytes)
        data_bytes = frames * layout.channels * BYTES_PER_SAMPLE[encoding]
        self._pad = b"\0" * (data_bytes % 2)  # a chunk has an even length
        self._size = len(header) + data_bytes + len(self._pad)
        try:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "is a folder")
            if shutil.disk_usage(path.parent).free < self._size:
                raise OSError(errno.ENOSPC, "no room")
            self._file = _open_part(self.part)
        except OSError as fault:
            raise self._refusal(fault) from None
        try:
            self._put(header)
        except BaseException:
            self.abort()
            raise

    def write(self, samples: npt.NDArray[np.int32] | npt.NDArray[np.float64]) -> None:
        """Append (n, channels) samples: int32 for PCM (full scale 2^15 or 2^23), float64 for `FLOAT`.

        Raises OutputError where the disk refuses; ValueError for what the caller is to see to: samples that the
        encoding cannot hold (`SamplePacker`), another number of channels, more frames than announced.
        """
        if samples.ndim != 2 or samples.shape[1] != self._channels:
            raise ValueError(f"{self.path.name}: expected (n, {self._channels}) samples, got {samples.shape}")
        if self._frames_written + len(samples) > self._frames:
            raise ValueError(f"{self.path.name}: more frames written than the {self._frames} announced")
        for piece in self._packer.pack(samples):
            self._put(piece)
        self._frames_written += len(samples)

    def _put(self, content: bytes | memoryview) -> None:
        try:
            self._file.write(content)
        except OSError as fault:
            raise self._refusal(fault) from None
        self._hash.update(content)

    def finish(self) -> str:
        """Seal and publish; gives the file's SHA-256 in hexadecimal. Raises what they raise."""
        sha256 = self.seal()
        self.publish()
        return sha256

    def seal(self) -> str:
        """Bring the file to the disk, whole, as `part`; gives its SHA-256 in hexadecimal. Nothing may be written after.

        Raises OutputError where the disk refuses or the file does not read back as it was written; ValueError where
        frames are missing that were announced. There is no part file then.
        """
        try:
            if self._frames_written != self._frames:
                raise ValueError(f"{self.path.name}: {self._frames_written} frames written of {self._frames} announced")
            self._put(self._pad)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._check_written()
        except BaseException as fault:
            self.abort()
            if isinstance(fault, OSError):
                raise self._refusal(fault) from None
            raise
        return self._hash.hexdigest()

    def publish(self) -> None:
        """Bring a sealed file under its name; OutputError where the disk refuses."""
        try:
            self.part.replace(self.path)
            _sync(self.path.parent)
        except OSError as fault:
            raise self._refusal(fault) from None
        finally:
            self.abort()

    def _check_written(self) -> None:
        header = read_wave_header(self.part)
        size = self.part.stat().st_size
        if size != self._size or header is None or header.frames_present != self._frames:
            raise OutputError(f"{self.path}: cannot be written: {size} of {self._size} bytes arrived on the disk")

    def abort(self) -> None:
        """Remove the part file if it is still there; what stands under the name is left alone."""
        if self._file.closed:
            return
        with contextlib.suppress(OSError):
            self.part.unlink()
        with contextlib.suppress(OSError):  # a full disk takes no more of what is buffered
            self._file.close()

    def _refusal(self, fault: OSError) -> OutputError:
        why = _REASONS.get(fault.errno or 0, fault.strerror or str(fault))
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(self.path.parent).free
            why = f"the disk is full: it takes {self._size / 1e6:.1f} MB, {free / 1e6:.1f} MB are free"
        return OutputError(f"{self.path}: cannot be written: {why}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()


def _open_part(part: Path) -> BinaryIO:
    """An empty part file under an exclusive lock: the lock, unlike a process id, dies with its process.

    In containers every run may have the same id, so a dead run's part file under our own name is taken over.
    """
    file = part.open("ab", buffering=1 << 20)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate(0)
    except BaseException:
        file.close()
        raise
    return file


def _sync(folder: Path) -> None:
    """Bring a rename to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_strays(folder: Path) -> tuple[Path, ...]:
    """Remove the part files that dead processes left in a folder; gives what was removed.

    A part file is a stray where the process in its name is gone (or would be this one) and nobody holds its lock.
    One that cannot be removed, being somebody else's, is left.
    """
    removed = []
    for part in sorted(folder.glob(".*.part")):
        match = _PART.fullmatch(part.name)
        if match is None or _is_alive(int(match[1])):
            continue
        with contextlib.suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
            removed.append(part)
    return tuple(removed)


def _is_alive(process: int) -> bool:
    """Whether another process of this id runs."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
