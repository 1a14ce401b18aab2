"""The user's cache: what was found out once and can be found out again, by key; never more than a convenience.

Entries lie by kind in `$XDG_CACHE_HOME/stemmix`, or under HOME's `.cache`: `features` (what was heard in a stem),
`offsets` (how the stems of a group lie), `plans` (what was decided), `mixes` (what a mix read before its gain) and
`hashes` (what a file was when it was last read whole). Each ends in a trailer: the length of its text, a CRC-32 of all
that stands before it, its kind and its key, and a mark. What does not end so is not believed, whoever wrote it, and is
made anew. An entry appears under its name whole or not at all, so that any number of processes may write; what one of
them reads stays readable when another forgets it. A cache that cannot be written is no reason to stop.
"""

from __future__ import annotations

import fcntl
import os
import struct
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from stemmix.errors import OutputError

KINDS: Final = ("features", "offsets", "plans", "mixes", "hashes")

LIMIT_VARIABLE: Final = "STEMMIX_CACHE_MB"
LIMIT_BYTES: Final = 4_000_000_000
"""Size that it is kept under where the variable says nothing: about two hundred hours of stems."""

TRAILER: Final = struct.Struct("<QI8s")
MARK: Final = b"stemmix2"
PART_PREFIX: Final = ".part-"
_BEGUN_S: Final = 2.0
"""Longer than it takes to lock a part file that was made."""
_ABANDONED_S: Final = 86_400
"""Where a file system has no locks, a part file that nobody has written to for a day belongs to a process that died."""


class Entry(NamedTuple):
    """A file of the cache."""

    place: str
    """Its path."""
    bytes: int
    used_s: float
    """When it was last used, since the epoch."""

    @property
    def path(self) -> Path:
        return Path(self.place)

    @property
    def name(self) -> str:
        return self.place.rpartition(os.sep)[2]


class Cache:
    """The entries below a folder, which need not be there yet."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def path(self, kind: str, key: str) -> Path:
        """Where an entry stands."""
        return self.home / kind / f"{key}.{kind}"

    def read(self, kind: str, key: str) -> bytes | None:
        """What is kept under a key; None where there is nothing, or nothing to be believed."""
        path = self.path(kind, key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        body = content[: -TRAILER.size]
        if content[-TRAILER.size :] != _sealed(kind, key, body):
            return None
        touch(path)
        return body

    def write(self, kind: str, key: str, body: bytes) -> None:
        """Keep it, if that can be."""
        with suppress(OSError):
            file, part = self.part(kind)
            try:
                with open(file, "wb") as out:  # noqa: PTH123 - a descriptor
                    out.write(body)
                    out.write(_sealed(kind, key, body))
                part.replace(self.path(kind, key))
            finally:
                part.unlink(missing_ok=True)

    def part(self, kind: str) -> tuple[int, Path]:
        """A file that is to become an entry, open for reading and writing, and locked until it is closed: what is not
        belongs to a process that died. OSError where there can be none."""
        folder = self.home / kind
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=PART_PREFIX)
        with suppress(OSError):  # a file system that has no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor, Path(name)

    @property
    def unwritable(self) -> tuple[Path, ...]:
        """Where nothing can be kept: its folder, or those of some kinds. Nothing is made to find out."""
        if not _takes_files(self.home):
            return (self.home,)
        return tuple(folder for kind in KINDS if not _takes_files(folder := self.home / kind))

    def entries(self, *kinds: str) -> Iterator[Entry]:
        """Those of some kinds, or of all."""
        for kind in kinds or KINDS:
            with suppress(OSError), os.scandir(self.home / kind) as found:
                for one in found:
                    if one.name.endswith(f".{kind}"):
                        try:
                            about = one.stat()
                        except OSError:  # gone meanwhile
                            continue
                        yield Entry(one.path, about.st_size, about.st_mtime)

    def trim(self, most_bytes: int | None = None) -> None:
        """Forget the entries that were used longest ago until the rest fits into the limit, and what dead processes
        left."""
        limit = cache_limit().bytes if most_bytes is None else most_bytes
        self._clear_away_parts()
        entries = list(self.entries())
        left = sum(entry.bytes for entry in entries)
        if left <= limit:
            return
        for entry in sorted(entries, key=lambda one: (one.used_s, one.place)):
            if left <= limit:
                return
            with suppress(OSError):
                entry.path.unlink()
                left -= entry.bytes

    def clear(self) -> tuple[int, int]:
        """Forget everything, but for what is being written now: how many entries that were, of how many bytes.
        OutputError where entries cannot be removed, once all others are."""
        self._clear_away_parts()
        entries = list(self.entries())
        gone = 0
        left = []
        for entry in entries:
            try:
                entry.path.unlink(missing_ok=True)
                gone += entry.bytes
            except OSError as fault:
                left.append(f"{entry.path}: cannot be removed: {fault.strerror}")
        if left:
            cleared = len(entries) - len(left)
            said = f"{cleared} of {len(entries)} entries were" if cleared else "nothing was"
            raise OutputError(f"{left[0]}; {said} cleared")
        return len(entries), gone

    def _clear_away_parts(self) -> None:
        for kind in KINDS:
            # of the folder: one that may not be entered has nothing of ours
            with suppress(OSError), os.scandir(self.home / kind) as found:
                for part in [one for one in found if one.name.startswith(PART_PREFIX)]:
                    with suppress(OSError):
                        if _is_abandoned(Path(part.path)):
                            Path(part.path).unlink()


def _takes_files(folder: Path) -> bool:
    """Whether a folder, or the one that it is to be made in, takes files from us."""
    there = next((one for one in (folder, *folder.parents) if os.access(one, os.F_OK)), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _is_abandoned(part: Path) -> bool:
    """Whether nobody writes a part file any more. OSError where that cannot be told."""
    age_s = time.time() - part.stat().st_mtime
    if age_s <= _BEGUN_S:
        return False
    with part.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return age_s > _ABANDONED_S
    return True


def named(kind: str, key: str) -> bytes:
    """What a CRC ends with: an entry that stands under another's name is not believed."""
    return f"{kind} {key}".encode()


def _sealed(kind: str, key: str, body: bytes) -> bytes:
    return TRAILER.pack(len(body), zlib.crc32(named(kind, key), zlib.crc32(body)), MARK)


def touch(path: Path) -> None:
    """It was used just now."""
    with suppress(OSError):
        os.utime(path)


def cache_home() -> Path | None:
    """`$XDG_CACHE_HOME/stemmix`, or `stemmix` in HOME's `.cache`; None where neither is said."""
    home = os.environ.get("XDG_CACHE_HOME")
    if not home and os.environ.get("HOME"):
        home = str(Path(os.environ["HOME"], ".cache"))
    return Path(home, "stemmix") if home else None


def user_cache() -> Cache | None:
    """The user's cache; None where there is no place for one."""
    home = cache_home()
    return None if home is None else Cache(home)


class Limit(NamedTuple):
    """How large the cache may become."""

    bytes: int
    said: str | None
    """What the variable says, if anything; it counts only where it is a whole number of megabytes."""
    holds: bool
    """Whether what it says is the limit."""


def cache_limit() -> Limit:
    """By `$STEMMIX_CACHE_MB`, else `LIMIT_BYTES`."""
    said = os.environ.get(LIMIT_VARIABLE) or None
    holds = said is not None and said.isascii() and said.isdigit() and len(said) <= 12
    return Limit(int(said) * 10**6 if said is not None and holds else LIMIT_BYTES, said, holds)
