"""Where compiled kernels are kept: one file for a kernel and the types of its arguments, in a folder of the user's own.

numba has a cache of its own. It believes what it finds there (a damaged file raises anything, or crashes), does not see
that a kernel of another file, compiled into this one, has changed, and before it loads what is ready it readies itself
for compiling, which takes a third of a second. This one stands in its place:

- A file tells the SHA-256 of what it holds, and what that is. What is not whole, or not of these very sources,
  libraries and processor, is compiled again and replaced.
- A file is written beside and renamed: of processes that begin at once, each finds it whole or not at all.
- A folder is believed only where nobody else may write. Where there is none, kernels are compiled for the run.

What a person may wonder about, the logger `stemmix` is told: that kernels are compiled, that they cannot be kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import pickle
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from stemmix.dsp import first_use

log = logging.getLogger("stemmix")


def folder_of_kernels() -> Path | None:
    """The user's folder for compiled kernels, made where it was not; None where there can be none.

    NUMBA_CACHE_DIR if that is given, else in XDG_CACHE_HOME, else in HOME's .cache, else in the temporary folder: the
    first that can be made or is there, is this user's, and closed to all others. What lies in it is run: a link, or
    what another user made, is passed over.
    """
    for folder in first_use.places_of_kernels():
        with suppress(OSError):
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
            closed = not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and closed and os.access(folder, os.W_OK):
                return folder
    return None


FOLDER = folder_of_kernels()
if FOLDER is not None:
    # for librosa's kernels, which numba keeps: it looks when it is imported, and finds no place in a read-only house
    os.environ.setdefault("NUMBA_CACHE_DIR", str(FOLDER))

import llvmlite  # noqa: E402 - numba's place is set before
import numba as nb  # noqa: E402 - as above
import numpy as np  # noqa: E402
from numba.core import config  # noqa: E402
from numba.core.caching import _Cache  # noqa: E402
from numba.core.codegen import JITCodeLibrary  # noqa: E402
from numba.core.compiler import CompileResult  # noqa: E402
from numba.core.registry import cpu_target  # noqa: E402
from numba.core.runtime.nrt import rtsys  # noqa: E402
from numba.core.serialize import dumps  # noqa: E402
from numba.core.sigutils import normalize_signature  # noqa: E402

if os.environ.pop("NUMBA_DISABLE_JIT", None) is not None:
    # for who looks for a fault in kernels of his own: there are none under it, and in plain Python a minute takes days
    config.reload_config()

_DIGEST_BYTES = 32
_UNUSED_S = 60 * 86_400.0
"""What no process has used for so long goes: as sources, libraries and processors change, so do names."""
_WAYS = ("OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX")
"""Settings of numba that kernels depend on."""


class KernelStore(_Cache):
    """What is kept of one kernel. numba's dispatcher asks it before it compiles, and gives it what it has compiled."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._enabled = True

    @property
    def cache_path(self) -> str:
        return str(FOLDER)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled kernel for these types of arguments; None where it must be compiled, and that is said."""
        if not self._enabled:
            return None
        shelf = _shelf(self._function.__code__.co_filename, target_context.codegen().magic_tuple())
        kept = None if shelf is None else _read(*self._file(shelf, sig))
        if kept is not None:
            # compiled code asks for arrays where numba's runtime has put its functions; all else is for compiling
            rtsys.initialize(target_context)
            with suppress(AttributeError, TypeError):  # of a numba that is made otherwise within
                return _rebuilt(target_context, *kept)
        _before_compiling(shelf)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled kernel, if there is a place and it can be kept."""
        shelf = _shelf(self._function.__code__.co_filename, data.codegen.magic_tuple())
        if self._enabled and shelf is not None and not data.lifted and not data.library.has_dynamic_globals:
            (name, _, (code, bitcode)), *parts, environments = data._reduce()
            # an environment brings its module: those of numba's own, with nothing in them, would bring half of scipy
            environments = [environment for environment in environments if environment.consts]
            library = (name, code, _symbols_of(data.library), bitcode)
            _write(*self._file(shelf, sig), dumps((library, *parts, environments)))

    def _file(self, shelf: Path, sig: Any) -> tuple[Path, bytes]:
        """Its path, and what must stand in it."""
        types, _ = normalize_signature(sig)
        name = f"{self._function.__module__}.{self._function.__qualname__}"
        held = f"{name}({', '.join(map(str, types))})".encode()
        return shelf / f"{name.rpartition('.')[2]}-{hashlib.sha256(held).hexdigest()[:24]}", held

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        """Nothing: what is out of date is not found."""


class _KeptLibrary(JITCodeLibrary):
    """The code of a kernel that was kept.

    What other kernels are compiled with is read when one is, and not before: to read it, and to look through it for
    the names that are asked for, took more than half of the time that loading took.
    """

    def __init__(self, codegen: Any, name: str, code: bytes, symbols: frozenset[str], bitcode: bytes) -> None:
        super().__init__(codegen, name)
        self._bitcode = bitcode
        self.enable_object_caching()
        self._set_compiled_object(code)
        self._finalize_final_module()
        codegen._engine._defined_symbols.update(symbols)

    def _get_module_for_linking(self) -> Any:
        if self._shared_module is None:
            self._shared_module = llvmlite.binding.parse_bitcode(self._bitcode)
            self._bitcode = b""
        return self._shared_module


def _symbols_of(library: Any) -> frozenset[str]:
    """The names of all that a library defines."""
    module = library._get_module_for_linking()
    every = (*module.functions, *module.global_variables)
    return frozenset(one.name for one in every if not one.is_declaration)


def _rebuilt(
    target_context: Any,
    library_parts: Any,
    fndesc: Any,
    env: Any,
    signature: Any,
    objectmode: Any,
    lifted: Any,
    typeann: Any,
    reload_init: Any,
    referenced_envs: Any,
) -> Any:
    """As `CompileResult._rebuild`, with a library of ours."""
    made: Any = CompileResult  # numba gives its fields no types
    for begin in reload_init:
        begin()
    library = _KeptLibrary(target_context.codegen(), *library_parts)
    result = made(
        target_context=target_context,
        typing_context=target_context.typing_context,
        library=library,
        environment=env,
        entry_point=target_context.get_executable(library, fndesc, env),
        fndesc=fndesc,
        type_annotation=typeann,
        signature=signature,
        objectmode=objectmode,
        lifted=lifted,
        typing_error=None,
        call_helper=None,
        metadata=None,
        reload_init=reload_init,
        referenced_envs=referenced_envs,
    )
    for one in referenced_envs:
        library.codegen.set_env(one.env_name, one)
    return result


@cache
def _shelf(source: str, processor: tuple[str, ...]) -> Path | None:
    """The folder for kernels of these sources, libraries and processor; None where there is none.

    Of all sources of the room where `source` lies, because kernels are compiled into one another.
    """
    if FOLDER is None:
        return None
    hasher = hashlib.sha256()
    room = Path(source).parent
    made_of = {
        Path(source),
        Path(__file__),
        *room.glob("*_kernels.py"),
        *room.glob("compiling.py"),
        *room.glob("vector_code.py"),
    }
    for file in sorted(made_of):
        hasher.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    libraries = [sys.version, nb.__version__, llvmlite.__version__, np.__version__]
    hasher.update(repr([libraries, [getattr(config, way) for way in _WAYS], processor]).encode())
    shelf = FOLDER / hasher.hexdigest()[:24]
    with suppress(OSError):
        os.utime(shelf)  # used, and not to be tidied away
    return shelf


def _read(path: Path, held: bytes) -> Any:
    """What a file holds; None where it is not there, damaged, or holds something else."""
    try:
        whole = memoryview(path.read_bytes())
    except OSError:
        return None
    body = whole[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != whole[:_DIGEST_BYTES] or body[: len(held) + 1] != held + b"\0":
        return None
    return pickle.loads(body[len(held) + 1 :])


def _write(path: Path, held: bytes, data: bytes) -> None:
    """Keep it under its name, whole or not at all; where that fails, say so."""
    body = held + b"\0" + data
    beside = None
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            beside = Path(file.name)
            file.write(hashlib.sha256(body).digest() + body)
        beside.replace(path)
    except OSError as fault:
        _tell_that_none_is_kept(f"{path.parent}: {fault.strerror}")
    finally:
        if beside is not None:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


@cache
def _before_compiling(shelf: Path | None) -> None:
    """Once a process, before the first kernel is compiled: say so, and make room."""
    if shelf is None:
        _tell_that_none_is_kept("no cache folder can be written")
        log.info("compiling kernels for this run: about 20 s")
        return
    if os.access(shelf / first_use.REHEARSED, os.F_OK):
        log.info("compiling kernels that were not needed before, once: a few seconds")
    else:
        said = "that are still missing on this machine, once: up to 20 s"
        log.info("compiling kernels %s", said if shelf.exists() else "for this machine, once: about 20 s")
        _begin_beside(shelf)
    with suppress(OSError):
        for other in first_use.shelves_in(shelf.parent):
            with suppress(OSError):  # another process does the same
                if other != shelf and time.time() - other.stat().st_mtime > _UNUSED_S:
                    shutil.rmtree(other)


def _begin_beside(shelf: Path) -> None:
    """Of processes that compile at once, one may have another one help it: who has the folder's lock, for as long as it
    runs. Where a file system has no locks, who makes the folder."""
    with suppress(OSError):  # none can be kept
        makes = not shelf.exists()
        shelf.mkdir(mode=0o700, exist_ok=True)
        if first_use.beside is None:
            return
        held = os.open(shelf, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            os.close(held)
            if isinstance(fault, BlockingIOError) or not makes:
                return
        first_use.beside()


def tell_rehearsed() -> None:
    """What a first render needs last is there from now on, if all could be kept."""
    shelf = _shelf(__file__, cpu_target.target_context.codegen().magic_tuple())
    if shelf is not None and not _not_kept:
        _write(shelf / first_use.REHEARSED, b"rehearsed", b"")


_not_kept: set[str] = set()
"""Why kernels of this process could not be."""


def _tell_that_none_is_kept(why: str) -> None:
    """Once for each reason."""
    if why not in _not_kept:
        _not_kept.add(why)
        log.warning("compiled kernels cannot be kept (%s): the next run compiles them again", why)
