"""What the user's cache holds, and how it is cleared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stemmix.dsp.first_use import places_of_kernels, shelves_in
from stemmix.files.cache import KINDS, LIMIT_VARIABLE, cache_limit, user_cache
from stemmix.model.kept import KEPT_SCHEMA, Cleared, Kept, KeptKind


def kept(*, clear: bool = False) -> Kept:
    """What is kept; forgotten first, if that is wanted. OutputError where an entry cannot be removed.

    Compiled code stays: it is no part of any mix, and takes a while to make.
    """
    cache = user_cache()
    cleared = None
    if clear:
        entries, size = (0, 0) if cache is None else cache.clear()
        cleared = Cleared(entries=entries, bytes=size)
    found = {kind: [] if cache is None else list(cache.entries(kind)) for kind in KINDS}
    used_s = [entry.used_s for entries in found.values() for entry in entries]
    limit = cache_limit()
    kernels = _kernels_folder()
    notes = []
    if limit.said is not None and not limit.holds:
        said = f"{LIMIT_VARIABLE}: {limit.said[:40]!r} is not a whole number of megabytes"
        notes.append(f"{said}: it is ignored, and the limit is the usual one")
    if cache is None:
        notes.append("nothing is kept: neither XDG_CACHE_HOME nor HOME says where")
    else:
        for folder in cache.unwritable:
            what = "nothing more is" if folder == cache.home else f"no more {folder.name} are"
            notes.append(f"{what} kept: {folder} cannot be written")
    return Kept(
        schema_=KEPT_SCHEMA,
        folder=None if cache is None else str(cache.home),
        kinds=tuple(
            KeptKind(kind=kind, entries=len(entries), bytes=sum(entry.bytes for entry in entries))
            for kind, entries in found.items()
        ),
        entries=len(used_s),
        bytes=sum(entry.bytes for entries in found.values() for entry in entries),
        limit_bytes=limit.bytes,
        oldest_s=int(min(used_s)) if used_s else None,
        newest_s=int(max(used_s)) if used_s else None,
        kernels_folder=None if kernels is None else str(kernels),
        kernels_bytes=sum(size for shelf in _shelves(kernels) for size in _sizes_in(shelf)),
        cleared=cleared,
        notes=tuple(notes),
    )


def _kernels_folder() -> Path | None:
    """Where compiled code lies, if there is any yet."""
    return next((folder for folder in places_of_kernels() if _shelves(folder)), None)


def _shelves(folder: Path | None) -> list[Path]:
    """What of it is ours."""
    with suppress(OSError):
        return [] if folder is None else shelves_in(folder)
    return []


def _sizes_in(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*"):
        with suppress(OSError):  # gone meanwhile
            if path.is_file():
                yield path.stat().st_size
