"""SHA-256 of files: taken in the background when a core has time, and remembered as long as a file is the same.

Mostly nothing waits for them while stems are listened to, which takes all cores; one is idle while decisions are made.
So the last gigabytes, which the system still has in memory, are left until somebody asks for any hash, or says that it
is time.

A file is taken for the one that was hashed as long as its path, size, times (content and inode, in nanoseconds) and
inode number are those of then. That is not believed of a file that had been written to within two seconds before it was
read: a later change might fall into the same tick of its file system's clock. What was written within a minute is
brought to the disk before: a program that has the file in memory (`mmap`) changes what still waits for the disk without
a new time. On a file system that has no disk (tmpfs), it always does, and such a change is not seen.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Final, NamedTuple, Self

from stemmix.errors import StemError
from stemmix.files.cache import Cache
from stemmix.files.write_out import brought_to_disk
from stemmix.stopping import heed, shielded

TICK_S: Final = 2.0
"""The coarsest clock of a file system in use (FAT)."""

UNWRITTEN_S: Final = 60.0
"""Longer than what is written waits for the disk: 30 s, and 5 s until Linux looks again."""

_PIECE_BYTES: Final = 4 << 20
"""Some milliseconds of work: an end comes at once, and the interpreter, which decisions need meanwhile, is asked for
only so often."""

_LOOK_S: Final = 0.05

LATE_BYTES: Final = 2 << 30
"""What is read again from memory, not from a disk, on machines of 8 GB or more."""


class Stamp(NamedTuple):
    """What tells a file from the one that it was, without reading it."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, about: os.stat_result) -> Self:
        return cls(about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino)

    def settled(self, at_ns: int, for_s: float = TICK_S) -> bool:
        """Whether nobody had done anything to it for so long: any write after `at_ns` would show."""
        return max(self.mtime_ns, self.ctime_ns) + round(for_s * 1e9) < at_ns

    def same_content(self, other: Stamp) -> bool:
        """Whether it is the same file, unwritten; its mode, or a link to it, is no matter."""
        return self._replace(ctime_ns=0) == other._replace(ctime_ns=0)


class Hashed(NamedTuple):
    """A hash, and the file that it is of."""

    sha256: str
    stamp: Stamp | None
    """None where somebody did something to it meanwhile."""
    settled: bool
    """Whether any change of it would show from then on."""


class _Once:
    """A hash that is taken once, by whoever comes to it first; who waits for it need not wait for others."""

    def __init__(self, take: Callable[[], Hashed]) -> None:
        self._take = take
        self._taking = threading.Lock()
        self._found: Hashed | StemError | None = None

    def result(self) -> Hashed:
        """The hash, or the StemError that keeps it from being known."""
        with self._taking:
            found = self._found or self._look()
        if isinstance(found, StemError):
            raise found
        return found

    def begin(self) -> None:
        """Take it, unless somebody does, or has."""
        if self._taking.acquire(blocking=False):
            try:
                _ = self._found or self._look()
            finally:
                self._taking.release()

    def _look(self) -> Hashed | StemError:
        try:
            self._found = self._take()
        except StemError as fault:
            self._found = fault
        return self._found


class FileHash:
    """One file's SHA-256, there or on its way.

    What is read of the file from now on, for its hash or to be heard, is all of one file, or its change is refused.
    """

    def __init__(
        self,
        path: Path,
        then: Stamp | None,
        taken: Callable[[], Hashed],
        *,
        begin: Callable[[], None] = lambda: None,
        seen_before: bool = False,
    ) -> None:
        """`then`: the file as it was before any of it was read. `taken` gives the hash, or the StemError that keeps it
        from being known; `begin` has it taken, where that has waited."""
        self.path = path
        self._then = self._known = then
        self._taken = taken
        self.begin = begin
        self.seen_before = seen_before
        """Whether it is known already, or some file of its size was hashed before: it may be this one, under another
        name or date."""

    @property
    def sha256(self) -> str:
        """In hexadecimal; waits for it. StemError where the file cannot be read."""
        self.begin()
        return self._taken().sha256

    def refuse_change(self) -> None:
        """A StemError where the file is not the one any more that it was, or cannot be read. Waits for the hash.

        One that was touched and has its size and date, as by a change of its mode, a new link to it, or a program that
        puts dates back, is hashed again: what was written since the hash was taken is seen, what was written and dated
        back before that is not.
        """
        self.begin()
        then, now = self._taken(), stamp_of(self.path)
        same = self._then is not None and now is not None and self._then.same_content(now)
        if same and now != self._known:
            again = _taken(self.path, _to_the_end)
            self._known = again.stamp
            same = then.sha256 == again.sha256
        if not same:
            raise StemError(f"{self.path}: has changed while it was being read")

    @property
    def untouched(self) -> bool:
        """Whether nobody has done anything to the file since, not even put it back: what was read of it may be kept
        under its hash."""
        return self._then is not None and self._then == stamp_of(self.path)


class Hashes:
    """The hashes of files, each taken once. A context manager: what is not done when it is left is given up."""

    def __init__(self, cache: Cache | None, threads: int) -> None:
        """Without a cache nothing is remembered: all are taken anew. Whoever waits for one is one of the threads."""
        self._cache = cache
        self._pool = ThreadPoolExecutor(max(threads - 1, 1), "hash")
        self._files: dict[Path, FileHash] = {}
        self._left = 0
        """Bytes that are not hashed yet."""
        self._wanted = threading.Event()
        self._stopped = False

    def of(self, path: Path) -> FileHash:
        """A file's hash; to be taken if it was not."""
        if path not in self._files:
            self._files[path] = self._begun(path)
        return self._files[path]

    def _begun(self, path: Path) -> FileHash:
        then = stamp_of(path)
        seen_before = False
        if self._cache is not None and then is not None:
            if (known := _remembered(self._cache, path, then)) is not None:
                return FileHash(path, then, lambda: Hashed(known, then, settled=True), seen_before=True)
            # by those before: asked first, or it would be a matter of luck
            seen_before = f"{then.size}" in self._sizes
        self._left += 0 if then is None else then.size
        taken = _Once(partial(self._taken, path))
        self._pool.submit(taken.begin)
        return FileHash(path, then, taken.result, begin=self._wanted.set, seen_before=seen_before)

    @cached_property
    def _sizes(self) -> frozenset[str]:
        """Of all files that are remembered."""
        entries = self._cache.entries("hashes") if self._cache is not None else ()
        return frozenset(entry.name.partition("-")[0] for entry in entries)

    def _taken(self, path: Path) -> Hashed:
        hashed = _taken(path, self._go_on, _not_brought if self._cache is None else self._brought)
        if self._cache is not None and hashed.stamp is not None:
            _remember(self._cache, path, hashed.stamp, hashed.sha256 if hashed.settled else None)
        return hashed

    def _brought(self, descriptor: int) -> bool:
        return brought_to_disk(descriptor, lambda: not self._stopped)

    def _go_on(self, count: int) -> bool:
        """So many bytes more have been read: waits where the rest has time; False where it is given up."""
        heed()
        self._left -= count  # or, where two do so at once, some less: it is a rule of thumb
        while self._left <= LATE_BYTES and not self._wanted.wait(_LOOK_S):
            pass  # more files may be there by now
        return not self._stopped

    def close(self) -> None:
        self._stopped = True
        self._wanted.set()
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with shielded():
            self.close()


def on_demand(path: Path) -> FileHash:
    """A hash that is taken when it is asked for, and not remembered."""
    return FileHash(path, stamp_of(path), cache(lambda: _taken(path, _to_the_end)))


def _to_the_end(_count: int) -> bool:
    heed()
    return True


def stamp_of(path: Path) -> Stamp | None:
    """None of what is not there, or may not be looked at: that is said by whoever reads it."""
    try:
        return Stamp.of(path.stat())
    except OSError:
        return None


def _not_brought(_descriptor: int) -> bool:
    """Of what is not remembered."""
    return False


def _taken(path: Path, go_on: Callable[[int], bool], brought: Callable[[int], bool] = _not_brought) -> Hashed:
    """A file's hash. `go_on`: told how many bytes were read since it was asked last, whether to read more; `brought`:
    whether what of the open file may wait for the disk is there now."""
    digest = hashlib.sha256()
    piece = memoryview(bytearray(_PIECE_BYTES))
    try:
        with path.open("rb", buffering=0) as file:
            begun_ns = time.time_ns()
            stamp = Stamp.of(os.fstat(file.fileno()))
            on_disk = stamp.settled(begun_ns, UNWRITTEN_S) or (stamp.settled(begun_ns) and brought(file.fileno()))
            stamp = Stamp.of(os.fstat(file.fileno()))
            count = 0
            while True:
                if not go_on(count):
                    raise StemError(f"{path}: was not read to its end")
                if not (count := file.readinto(piece)):
                    break
                digest.update(piece[:count])
            same = Stamp.of(os.fstat(file.fileno())) == stamp
    except OSError as fault:
        raise StemError(f"{path}: cannot be read: {fault.strerror or fault}") from None
    return Hashed(digest.hexdigest(), stamp if same else None, same and on_disk and stamp.settled(begun_ns))


def _key(path: Path, size: int) -> str:
    """By the place as it is said, not as links lead to it: what they lead to shows in the inode."""
    return f"{size}-{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:40]}"


def _remembered(cache: Cache, path: Path, stamp: Stamp) -> str | None:
    body = cache.read("hashes", _key(path, stamp.size))
    if body is None:
        return None
    try:
        said = json.loads(body)
        then, sha256 = Stamp(*said["stamp"]), said["sha256"]
    except (ValueError, KeyError, TypeError):
        return None  # of another making
    return sha256 if then == stamp and isinstance(sha256, str) else None


def _remember(cache: Cache, path: Path, stamp: Stamp, sha256: str | None) -> None:
    """Without a hash, that a file of this size was seen."""
    said = {"path": str(path.absolute()), "stamp": list(stamp), "sha256": sha256}
    cache.write("hashes", _key(path, stamp.size), json.dumps(said).encode())
