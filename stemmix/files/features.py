"""The feature store: frames of features on disk, facts beside them, found again by content.

One file per stem and analysis, `<key>.features`: rows of 16-bit numbers, then the facts as JSON, then a trailer of the
facts' length, a CRC-32 of everything before it and a mark. A file that does not end so, or whose CRC is another, is
not believed: it is scanned again. Rows are read in stretches, never mapped, so that memory stays flat.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from stemmix.errors import OutputError
from stemmix.model.features import COLUMN_COUNT, FEATURES_VERSION, StemFacts, silent_rows
from stemmix.model.layouts import Matrix
from stemmix.stopping import heed

_MARK = b"stemmix1"
_TRAILER = struct.Struct("<QI8s")
_ROW_BYTES = 2 * COLUMN_COUNT
_PART_PREFIX = ".features-"
_ABANDONED_S = 86_400
"""A part file that nobody has written to for a day belongs to a process that died."""

MOST_BYTES = 4 * 2**30
"""Size that the per-user store is kept under: about two hundred hours of stems."""


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
        packed = bytearray(max(high - low, 0) * _ROW_BYTES)
        if packed:
            os.preadv(self._file.fileno(), [packed], low * _ROW_BYTES)
        rows = np.frombuffer(packed, "<i2").reshape(-1, COLUMN_COUNT).astype(np.int16, copy=False)
        if (low, high) == (start, stop):
            return rows
        out = silent_rows(stop - start)
        out[low - start : low - start + len(rows)] = rows
        return out


class FeatureWriter:
    """Takes rows, then facts; the entry appears under its name only when it is whole.

    OutputError where the disk refuses.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        try:
            descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=_PART_PREFIX, suffix=".part")
        except OSError as fault:
            raise self._refusal(fault) from None
        self._part = Path(name)
        self._file = os.fdopen(descriptor, "wb")
        self._crc = 0

    def rows(self, rows: NDArray[np.int16]) -> None:
        """The next (n, 83) rows."""
        self._write(rows.astype("<i2", copy=False).tobytes())

    def finish(self, facts: StemFacts) -> None:
        body = facts.model_dump_json().encode()
        self._write(body)
        try:
            self._file.write(_TRAILER.pack(len(body), self._crc, _MARK))
            self._file.close()
            self._part.replace(self._target)
        except OSError as fault:
            raise self._refusal(fault) from None

    def _write(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        try:
            self._file.write(data)
        except OSError as fault:
            raise self._refusal(fault) from None

    def _refusal(self, fault: OSError) -> OutputError:
        return OutputError(f"{self._target.parent}: features cannot be kept there: {fault.strerror or fault}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # a full disk takes no more of what is buffered
            self._file.close()
        self._part.unlink(missing_ok=True)


class FeatureStore:
    """A folder of features by key. A context manager: entries that were read can be used until it is left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opened = ExitStack()

    @staticmethod
    def key(sha256: str, rate_hz: int, lead_samples: int, labels: Sequence[str], fold: Matrix) -> str:
        """What a scan depends on, and nothing else: the file, what its channels are, and the fold that is heard."""
        facts = f"{FEATURES_VERSION} {sha256} {rate_hz} {lead_samples} {' '.join(labels)} {fold}"
        return hashlib.sha256(facts.encode()).hexdigest()[:40]

    def write(self, key: str) -> FeatureWriter:
        return FeatureWriter(self._path(key))

    def read(self, key: str) -> tuple[StemFacts, StoredFrames] | None:
        """The entry, or None where there is none, or it is damaged."""
        path = self._path(key)
        with ExitStack() as unless_whole:
            try:
                file = unless_whole.enter_context(path.open("rb"))
                facts, count = _checked(file)
            except (OSError, ValueError):
                return None
            self._opened.push(unless_whole.pop_all())
        with suppress(OSError):
            os.utime(path)
        return facts, StoredFrames(file, count)

    def trim(self, most_bytes: int = MOST_BYTES) -> None:
        """Forget the entries that were used longest ago until the rest fits, and what dead processes left."""
        for part in self.folder.glob(f"{_PART_PREFIX}*.part"):
            with suppress(OSError):
                if time.time() - part.stat().st_mtime > _ABANDONED_S:
                    part.unlink()
        entries = []
        for path in self.folder.glob("*.features"):
            with suppress(OSError):
                about = path.stat()
                entries.append((about.st_mtime, about.st_size, path))
        left = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if left <= most_bytes:
                return
            with suppress(OSError):
                path.unlink()
                left -= size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.features"


def _checked(file: BinaryIO) -> tuple[StemFacts, int]:
    """Facts and number of rows of a whole entry; ValueError where it is damaged."""
    size = file.seek(0, os.SEEK_END)
    if size < _TRAILER.size:
        raise ValueError("too short")
    file.seek(size - _TRAILER.size)
    length, crc, mark = _TRAILER.unpack(file.read())
    body_at = size - _TRAILER.size - length
    if mark != _MARK or body_at < 0 or body_at % _ROW_BYTES:
        raise ValueError("not whole")
    file.seek(0)
    found, left = 0, size - _TRAILER.size
    while left:
        block = file.read(min(left, 1 << 20))
        if not block:
            raise ValueError("cut off while it was read")
        found = zlib.crc32(block, found)
        heed()
        left -= len(block)
    if found != crc:
        raise ValueError("damaged")
    file.seek(body_at)
    return StemFacts.model_validate_json(file.read(length)), body_at // _ROW_BYTES


@contextmanager
def feature_store(scratch: Path, *, keep: bool) -> Iterator[FeatureStore]:
    """The user's store, or one under `scratch` that is gone afterwards where nothing is to be kept or nowhere to."""
    folder = _user_folder() if keep else None
    if folder is not None:
        with FeatureStore(folder) as store:
            yield store
        store.trim()
        return
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        folder_ = tempfile.TemporaryDirectory(dir=scratch, prefix=".stemmix-")
    except OSError as fault:
        raise OutputError(f"{scratch}: cannot be written: {fault.strerror or fault}") from fault
    with folder_ as name, FeatureStore(Path(name)) as store:
        yield store


def _user_folder() -> Path | None:
    """`$XDG_CACHE_HOME/stemmix/features`, or under HOME's `.cache`; None where neither can be written."""
    home = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("HOME") and os.path.join(os.environ["HOME"], ".cache"))  # noqa: PTH118
    if not home:
        return None
    folder = Path(home, "stemmix", "features")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
