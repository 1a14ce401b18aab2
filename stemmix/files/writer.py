"""Sound files written whole or not at all, WAVE among them."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from stemmix.errors import OutputError
from stemmix.files.broadcast import BroadcastInfo, loudness_fields
from stemmix.files.hashing import RunningHash
from stemmix.files.parts import open_part, part_path
from stemmix.files.replacing import refusal, refuse_folder
from stemmix.files.wave import BYTES_PER_SAMPLE, RF64_FROM_BYTES, SamplePacker, read_wave_header, wave_header
from stemmix.files.write_out import WriteOut
from stemmix.model.encodings import Encoding, unfit
from stemmix.model.layouts import Layout
from stemmix.model.receipt import Measured
from stemmix.stopping import heed


class SoundWriter(ABC):
    """A sound file that stands under its name whole, or not at all.

    Written to a hidden part file beside the target: `write` the samples; `complete` it, and the part can be read as the
    finished file will be; `seal` it, and it is on the disk for good and its hash is known, of which parts may be taken
    before (`take_hash`); `publish` renames it. `finish` does all that is left. A context manager: leaving it by an
    exception, or unpublished, removes the part file.
    """

    def __init__(
        self, path: Path, encoding: Encoding, sample_rate: int, layout: Layout, frames: int, size: int | None
    ) -> None:
        """Begin a file of `frames` frames at `sample_rate` Hz, of `size` bytes where that is known before.

        Raises OutputError, saying why it cannot be: a rate or layout that the encoding has not, no such folder, no
        permission, not enough room on the disk, another writer at the same file.
        """
        if reason := unfit(encoding, sample_rate, layout):
            raise OutputError(f"{path}: cannot be written: {reason}")
        self.path = path
        self.part = part_path(path)
        self.encoding: Encoding = encoding
        self._channels = layout.channels
        self._frames = frames
        self._frames_written = 0
        self._size = size
        self._write_out: WriteOut | None = None
        """Once it is complete."""
        self._said = b""
        """Of its loudness, in the file."""
        self._hash: RunningHash | None = None
        self._read_again = contextlib.ExitStack()
        refuse_folder(path)
        try:
            if size is not None and shutil.disk_usage(path.parent).free < size:
                raise OSError(errno.ENOSPC, "no room")
            self._file = open_part(self.part)
        except OSError as fault:
            raise self._refusal(fault) from None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The name that it is to have."""
        return (self.path,)

    def write(self, samples: npt.NDArray[np.int32] | npt.NDArray[np.float64]) -> None:
        """Append (n, channels) samples: int32 where the encoding has whole numbers (full scale 2^15 or 2^23), else
        float64 of full scale 1.

        Raises OutputError where the disk refuses; ValueError for what the caller is to see to: samples that the
        encoding cannot hold, another number of channels, more frames than announced.
        """
        if samples.ndim != 2 or samples.shape[1] != self._channels:
            raise ValueError(f"{self.path.name}: expected (n, {self._channels}) samples, got {samples.shape}")
        if self._frames_written + len(samples) > self._frames:
            raise ValueError(f"{self.path.name}: more frames written than the {self._frames} announced")
        heed()
        try:
            self._append(samples)
        except OSError as fault:
            raise self._refusal(fault) from None
        self._frames_written += len(samples)

    def finish(self, loudness: Measured | None = None) -> str:
        """Seal and publish; gives the file's SHA-256 in hexadecimal. Raises what they raise."""
        sha256 = self.seal(loudness)
        self.publish()
        return sha256

    def complete(self, expected: Measured | None = None) -> None:
        """End the file: `part` can then be read, as it will be but for what `seal` adds. Nothing may be written after.
        It goes to the disk meanwhile. Of its loudness it says what is `expected` to be measured, until it is sealed.

        Raises OutputError where the disk refuses; ValueError where frames are missing that were announced. There is no
        part file then.
        """
        with self._or_nothing():
            if self._write_out is not None:
                return
            if self._frames_written != self._frames:
                raise ValueError(f"{self.path.name}: {self._frames_written} frames written of {self._frames} announced")
            self._end()
            if expected is not None:
                self._say(expected)
            self._file.flush()
            self._write_out = WriteOut(self._file)
            self._write_out.begin()

    def take_hash(self, share: float) -> None:
        """Take the hash of the file up to a share of it, 0 to 1, once it is complete: `seal` has but the rest to do.

        In vain where it comes to say another loudness than was expected: that stands first in a WAVE file, and the hash
        is taken again. OutputError where the disk refuses; there is no part file then.
        """
        with self._or_nothing():
            running = self._running_hash()
            running.take(int(share * self.part.stat().st_size) - running.taken)

    def seal(self, loudness: Measured | None = None) -> str:
        """Complete the file, say in it how loud it is where it can say so, and bring it to the disk.

        Gives its SHA-256 in hexadecimal, of the bytes as they stand in `part`. Raises OutputError where the disk
        refuses or the file does not read back as it was written. There is no part file then.
        """
        self.complete()
        with self._or_nothing():
            assert self._write_out is not None  # it is complete
            self._write_out.end()
            if loudness is not None and self._say(loudness):
                self._hash = None
            self._file.flush()
            os.fsync(self._file.fileno())
            self._check_written()
            sha256 = self._running_hash().finish()
            self._read_again.close()
            return sha256

    def publish(self) -> None:
        """Bring a sealed file under its name; OutputError where the disk refuses."""
        try:
            self.part.replace(self.path)
            _sync(self.path.parent)
        except OSError as fault:
            raise self._refusal(fault) from None
        finally:
            self.abort()

    def abort(self) -> None:
        """Remove the part file if it is still there; what stands under the name is left alone."""
        self._read_again.close()
        if self._file.closed:
            return
        if self._write_out is not None:
            with contextlib.suppress(OSError):  # that it did not get there is no matter any more
                self._write_out.end()
        with contextlib.suppress(OSError):
            self.part.unlink()
        with contextlib.suppress(OSError):  # a full disk takes no more of what is buffered
            self._file.close()

    @abstractmethod
    def _append(self, samples: npt.NDArray[np.int32] | npt.NDArray[np.float64]) -> None:
        """Samples into the file; OSError passes."""

    @abstractmethod
    def _end(self) -> None:
        """What comes after the samples; OSError passes."""

    @abstractmethod
    def _check_written(self) -> None:
        """Open the part again and count; OutputError where something is missing."""

    @abstractmethod
    def _saying(self, loudness: Measured) -> tuple[int, bytes]:
        """Where in the file it says how loud it is, and what; nothing where there is no place for it."""

    def _running_hash(self) -> RunningHash:
        """Of the part file: that which was begun, or a new one."""
        if self._hash is None:
            self._hash = RunningHash(self._read_again.enter_context(self.part.open("rb")))
        return self._hash

    def _say(self, loudness: Measured) -> bool:
        """Say in the file how loud it is; whether it has not said so before. OSError passes."""
        at, said = self._saying(loudness)
        if said == self._said:
            return False
        self._file.seek(at)
        self._file.write(said)
        self._said = said
        return True

    def _lost(self, there: int, due: int) -> OutputError:
        return OutputError(f"{self.path}: cannot be written: {there} of {due} bytes reached the disk")

    @contextlib.contextmanager
    def _or_nothing(self) -> Iterator[None]:
        """The part file goes where anything fails."""
        try:
            yield
        except BaseException as fault:
            self.abort()
            if isinstance(fault, OSError):
                raise self._refusal(fault) from None
            raise

    def _refusal(self, fault: OSError) -> OutputError:
        if fault.errno not in (errno.ENOSPC, errno.EDQUOT):
            return refusal(self.path, fault)
        free = f"{shutil.disk_usage(self.path.parent).free / 1e6:.1f} MB are free"
        takes = "" if self._size is None else f"it needs {self._size / 1e6:.1f} MB, "
        return OutputError(f"{self.path}: cannot be written: the disk is full: {takes}{free}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()


class WaveWriter(SoundWriter):
    """A WAVE file. The length is given first, so that the header is final from the start, but for its loudness."""

    def __init__(
        self,
        path: Path,
        encoding: Encoding,
        sample_rate: int,
        layout: Layout,
        frames: int,
        *,
        metadata: BroadcastInfo | None = None,
        rf64_from_bytes: int = RF64_FROM_BYTES,
    ) -> None:
        """Begin a `wav16`, `wav24` or `wavfloat` of `frames` frames at `sample_rate` Hz; with `metadata` it is a BWF.

        Raises OutputError as of `SoundWriter`.
        """
        self._packer = SamplePacker(encoding)
        header = wave_header(encoding, sample_rate, layout, frames, metadata=metadata, rf64_from_bytes=rf64_from_bytes)
        data_bytes = frames * layout.channels * BYTES_PER_SAMPLE[encoding]
        self._pad = b"\0" * (data_bytes % 2)  # a chunk has an even length
        self._loudness_offset = header.loudness_offset
        self._whole = len(header.content) + data_bytes + len(self._pad)
        super().__init__(path, encoding, sample_rate, layout, frames, self._whole)
        with self._or_nothing():
            self._file.write(header.content)

    def _append(self, samples: npt.NDArray[np.int32] | npt.NDArray[np.float64]) -> None:
        for piece in self._packer.pack(samples):
            self._file.write(piece)

    def _end(self) -> None:
        self._file.write(self._pad)

    def _saying(self, loudness: Measured) -> tuple[int, bytes]:
        return (0, b"") if self._loudness_offset is None else (self._loudness_offset, loudness_fields(loudness))

    def _check_written(self) -> None:
        header = read_wave_header(self.part)
        size = self.part.stat().st_size
        if size != self._whole or header is None or header.frames_present != self._frames:
            raise self._lost(size, self._whole)


def _sync(folder: Path) -> None:
    """Bring a rename to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
