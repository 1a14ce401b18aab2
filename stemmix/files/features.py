"""The feature store: frames of features on disk, facts beside them, found again by content.

An entry of the cache (`cache`) begins with rows of 16-bit numbers, and its text is the facts as JSON. Rows are read in
stretches, never mapped, so that memory stays flat. What cannot be kept lies in a nameless file for as long as it is
used: a cache that is full, or not wanted, stops nothing.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stemmix.errors import OutputError
from stemmix.files.cache import MARK, TRAILER, Cache, named, touch, user_cache
from stemmix.model.features import COLUMN_COUNT, FEATURES_VERSION, StemFacts, silent_rows
from stemmix.model.layouts import Matrix
from stemmix.stopping import heed, unbroken

KIND = "features"
_ROW_BYTES = 2 * COLUMN_COUNT
_PIECE_BYTES = 1 << 20


class StoredFrames:
    """Rows at the beginning of an open file; a `FrameSource`."""

    def __init__(self, file: BinaryIO, count: int) -> None:
        self._file = file
        self._count = count

    @property
    def count(self) -> int:
        return self._count

    def rows(self, start: int, stop: int) -> NDArray[np.int16]:
        low, high = max(start, 0), min(stop, self._count)
        if (low, high) != (start, stop):
            out = silent_rows(stop - start)
            if low < high:
                out[low - start : high - start] = self.rows(low, high)
            return out
        rows = np.empty((stop - start, COLUMN_COUNT), "<i2")
        if rows.size and os.preadv(self._file.fileno(), [rows.data], start * _ROW_BYTES) != rows.nbytes:
            raise OutputError(f"features of a stem became shorter while they were used: frames {start} to {stop}")
        return rows.astype(np.int16, copy=False)


class KeptFeatures(NamedTuple):
    """Features that are kept."""

    facts: StemFacts
    frames: StoredFrames
    crc: int
    """Of all of it, rows and facts."""


class FeatureWriter:
    """Takes rows, then facts, then a key to be kept by. A context manager: what is not finished is gone when it is
    left, and what is not kept when the store is.

    They are written to a part file of the cache as long as that can be, else to a nameless one in `scratch`;
    OutputError where that cannot be either.
    """

    def __init__(self, cache: Cache | None, scratch: Path | None, opened: ExitStack) -> None:
        self._cache = cache
        self._scratch = scratch
        self._opened = opened
        self._part: Path | None = None
        self._bytes = 0
        self._crc = 0
        self._text_bytes = 0
        self._finished = False
        self._file = self._begun()

    def rows(self, rows: NDArray[np.int16]) -> None:
        """The next (n, 85) rows."""
        self._write(rows.astype("<i2", copy=False).tobytes())

    def finish(self, facts: StemFacts) -> StoredFrames:
        """The rows, good until the store is left."""
        count = self._bytes // _ROW_BYTES
        text = facts.model_dump_json().encode()
        self._text_bytes = len(text)
        if self._part is not None:
            self._write(text)
        self._finished = True
        self._opened.callback(self._let_go)
        return StoredFrames(self._file, count)

    def keep(self, key: str) -> int | None:
        """Make of what is finished the entry `key` of the cache: its CRC, or None where it cannot be kept."""
        if self._cache is None or self._part is None:
            return None
        crc = zlib.crc32(named(KIND, key), self._crc)
        trailer = TRAILER.pack(self._text_bytes, crc, MARK)
        with suppress(OSError):
            if self._file.write(trailer) == len(trailer):
                self._part.replace(self._cache.path(KIND, key))
                self._part = None
                return crc
        self._forget_part()
        return None

    def _begun(self) -> BinaryIO:
        if self._cache is not None:
            with suppress(OSError):
                descriptor, self._part = self._cache.part(KIND)
                return os.fdopen(descriptor, "w+b", buffering=0)
        return self._nameless()

    def _nameless(self) -> BinaryIO:
        try:
            if self._scratch is not None:
                self._scratch.mkdir(parents=True, exist_ok=True)
            return tempfile.TemporaryFile(dir=self._scratch, buffering=0)
        except OSError as fault:
            raise self._refusal(fault) from None

    def _write(self, data: bytes) -> None:
        if self._part is not None:
            self._crc = zlib.crc32(data, self._crc)
        left = memoryview(data)
        while left:
            try:
                count = self._file.write(left)
            except OSError as fault:
                if self._part is None:
                    raise self._refusal(fault) from None
                self._move_out()
                continue
            self._bytes += count
            left = left[count:]

    def _move_out(self) -> None:
        """On to a nameless file: the cache takes no more."""
        with self._file as kept:
            self._file = self._nameless()
            self._forget_part()
            whole, self._bytes = self._bytes, 0
            while self._bytes < whole:
                piece = os.pread(kept.fileno(), min(_PIECE_BYTES, whole - self._bytes), self._bytes)
                try:
                    self._bytes += self._file.write(piece)
                except OSError as fault:
                    raise self._refusal(fault) from None

    def _refusal(self, fault: OSError) -> OutputError:
        place = self._scratch or tempfile.tempdir or "temporary files"
        return OutputError(f"{place}: cannot be written: {fault.strerror or fault}")

    def _let_go(self) -> None:
        self._forget_part()
        self._file.close()

    def _forget_part(self) -> None:
        if self._part is not None:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)
            self._part = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self._let_go()


class FeatureStore:
    """Features by key. A context manager: what was read or written can be used until it is left."""

    def __init__(self, cache: Cache | None, scratch: Path | None) -> None:
        """Without a cache nothing is remembered, and what is written lies in `scratch`, which need not be there yet, or
        where the system has its temporary files."""
        self.cache = cache
        self._scratch = scratch
        self._opened = ExitStack()

    @staticmethod
    def key(sha256: str, rate_hz: int, lead_samples: int, labels: Sequence[str], fold: Matrix) -> str:
        """What a scan depends on, and nothing else: the file, what its channels are, in its order, and the fold that is
        heard."""
        facts = f"{FEATURES_VERSION} {sha256} {rate_hz} {lead_samples} {' '.join(labels)} {fold}"
        return hashlib.sha256(facts.encode()).hexdigest()[:40]

    def write(self) -> FeatureWriter:
        """For a new entry. OutputError where there is no place for it."""
        return FeatureWriter(self.cache, self._scratch, self._opened)

    def read(self, key: str) -> KeptFeatures | None:
        """The entry, or None where there is none, or it is not to be believed."""
        if self.cache is None:
            return None
        path = self.cache.path(KIND, key)
        with ExitStack() as unless_whole:
            try:
                entry = _checked(unless_whole.enter_context(path.open("rb")), key)
            except (OSError, ValueError):
                return None
            self._opened.push(unless_whole.pop_all())
        touch(path)
        return entry

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        with unbroken():
            self._opened.close()


def _checked(file: BinaryIO, key: str) -> KeptFeatures:
    """A whole entry; ValueError where it is damaged, or another's."""
    size = file.seek(0, os.SEEK_END)
    if size < TRAILER.size:
        raise ValueError("too short")
    file.seek(size - TRAILER.size)
    length, crc, mark = TRAILER.unpack(file.read())
    text_at = size - TRAILER.size - length
    if mark != MARK or text_at < 0 or text_at % _ROW_BYTES:
        raise ValueError("not whole")
    file.seek(0)
    found, left = 0, size - TRAILER.size
    while left:
        block = file.read(min(left, _PIECE_BYTES))
        if not block:
            raise ValueError("cut off while it was read")
        found = zlib.crc32(block, found)
        heed()
        left -= len(block)
    if zlib.crc32(named(KIND, key), found) != crc:
        raise ValueError("damaged")
    file.seek(text_at)
    facts = StemFacts.model_validate_json(file.read(length))
    return KeptFeatures(facts, StoredFrames(file, text_at // _ROW_BYTES), crc)


def feature_store(scratch: Path | None, *, keep: bool) -> FeatureStore:
    """The user's store; where nothing is to be kept, or nowhere to, one that leaves nothing behind."""
    return FeatureStore(user_cache() if keep else None, scratch)
