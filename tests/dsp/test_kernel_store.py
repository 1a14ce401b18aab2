"""Compiled kernels are kept whole or compiled again, whatever happens to the folder they are kept in.

Real processes, each with two small kernels in two files; they print what came out and how many kernels they compiled.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from stemmix.dsp.kernel_store import folder_of_kernels

REPOSITORY = Path(__file__).resolve().parents[2]

INNER = """
from stemmix.dsp.compiling import compiled

@compiled
def raised(x):
    return x + {step}
"""
OUTER = """
from inner_kernels import raised
from stemmix.dsp.compiling import compiled

@compiled
def total(values):
    found = 0.0
    for value in values:
        found += raised(value)
    return found
"""
PROGRAM = """
import logging, sys
logging.basicConfig(format="%(message)s", level=logging.INFO)
{before}
import numpy as np
from inner_kernels import raised
from outer_kernels import total

found = total(np.arange(4.0))
compiled_now = sum(sum(kernel.stats.cache_misses.values()) for kernel in (raised, total))
print(found, compiled_now, "numba.np.arraymath" in sys.modules)
"""


@dataclass(frozen=True)
class Ran:
    total: float
    compiled: int
    """How many kernels had to be compiled."""
    ready_to_compile: bool
    """Whether numba took the time to ready itself for compiling."""
    said: str


class House:
    """A room with two kernels, and a cache folder."""

    def __init__(self, folder: Path) -> None:
        self.room, self.caches = folder / "room", folder / "caches"
        self.room.mkdir(parents=True)
        self.write(step=1.0)
        (self.room / "outer_kernels.py").write_text(OUTER)

    def write(self, *, step: float) -> None:
        (self.room / "inner_kernels.py").write_text(INNER.format(step=step))

    def start(self, before: str = "", **environment: str | None) -> subprocess.Popen[str]:
        """A process that uses the kernels; `environment` over XDG_CACHE_HOME and this one's, None takes away."""
        wanted = {"XDG_CACHE_HOME": str(self.caches), "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{self.room}"}
        names = {**os.environ, **wanted, "NUMBA_CACHE_DIR": None, **environment}
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM.format(before=before)],
            env={name: value for name, value in names.items() if value is not None},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, before: str = "", **environment: str | None) -> Ran:
        return result_of(self.start(before, **environment))

    @property
    def kept(self) -> list[Path]:
        return [file for file in self.caches.rglob("*") if file.is_file()]


def result_of(process: subprocess.Popen[str]) -> Ran:
    printed, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    total, compiled, ready = printed.split()
    return Ran(float(total), int(compiled), ready == "True", said)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house whose kernels were compiled."""
    house = House(tmp_path_factory.mktemp("used"))
    assert house.run() == Ran(10.0, 2, True, "compiling kernels for this machine, once: about 20 s\n")
    assert {file.name.split("-")[0] for file in house.kept} == {"raised", "total"}
    return house


@pytest.fixture
def house(used: House, tmp_path: Path) -> House:
    """A copy of it, to be ill-treated."""
    copy = House(tmp_path)
    shutil.copytree(used.caches, copy.caches)
    return copy


def test_the_next_process_compiles_nothing_and_says_nothing(house: House) -> None:
    # that numba did not ready itself for compiling is half of what a start takes; its next version may know better
    assert house.run() == Ran(10.0, 0, False, "")


def test_kernels_are_compiled_where_numba_is_told_to_compile_nothing(house: House) -> None:
    assert house.run(NUMBA_DISABLE_JIT="1") == Ran(10.0, 0, False, "")


def test_what_is_kept_goes_into_what_is_compiled_later(house: House) -> None:
    (outer,) = (file for file in house.kept if file.name.startswith("total-"))
    outer.unlink()
    ran = house.run()
    assert (ran.total, ran.compiled) == (10.0, 1)
    assert house.run().compiled == 0


def test_under_a_numba_of_other_insides_kernels_are_compiled_again(house: House) -> None:
    ran = house.run("from numba.core.codegen import CodeLibrary; del CodeLibrary._set_compiled_object")
    assert (ran.total, ran.compiled) == (10.0, 2)
    assert ran.said == "compiling kernels that are still missing on this machine, once: up to 20 s\n"


def flip(data: bytes) -> bytes:
    middle = len(data) * 2 // 3
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"\x80" * 5000, flip],
    ids=["half of it", "nothing", "garbage", "one bit"],
)
def test_a_damaged_file_is_not_believed_but_replaced(house: House, damage: Callable[[bytes], bytes]) -> None:
    whole = {file: file.read_bytes() for file in house.kept}
    for file, data in whole.items():
        file.write_bytes(damage(data))
    ran = house.run()
    assert (ran.total, ran.compiled) == (10.0, 2)
    assert ran.said == "compiling kernels that are still missing on this machine, once: up to 20 s\n"
    assert set(house.kept) == set(whole)
    assert house.run().compiled == 0


def test_a_file_under_the_name_of_another_is_not_believed(house: House) -> None:
    one, other = house.kept
    one.write_bytes(other.read_bytes())
    ran = house.run()
    assert (ran.total, ran.compiled) == (10.0, 1 if one.name.startswith("total") else 0)


def test_a_change_in_another_file_reaches_a_kernel_that_has_it_compiled_in(house: House) -> None:
    house.write(step=2.0)
    assert house.run().total == 14.0
    house.write(step=1.0)
    assert house.run() == Ran(10.0, 0, False, "")


def test_another_processor_and_another_numba_keep_their_own(house: House) -> None:
    before = set(house.kept)
    assert house.run(NUMBA_CPU_NAME="generic").compiled == 2
    assert house.run("import numba; numba.__version__ = '0.0.0'").compiled == 2
    assert before < set(house.kept)
    assert len(house.kept) == 6
    assert house.run().compiled == 0


@pytest.mark.parametrize("count", [3, pytest.param(8, marks=pytest.mark.long)])
def test_those_that_begin_at_once_with_nothing_all_come_through(tmp_path: Path, count: int) -> None:
    house = House(tmp_path)
    began = [house.start() for _ in range(count)]
    assert [result_of(process).total for process in began] == [10.0] * count
    assert len(house.kept) == 2, "a name for each kernel, and nothing left half-written"
    assert house.run().compiled == 0


def test_what_nobody_has_used_for_two_months_goes_when_something_is_compiled(house: House) -> None:
    kernels = house.caches / "stemmix/kernels"
    months_ago = time.time() - 70 * 86_400
    unused, used, others = kernels / (24 * "a"), kernels / (24 * "b"), kernels / "of somebody else"
    for folder in (unused, used, others):
        folder.mkdir()
        (folder / "kernel").touch()
    os.utime(unused, (months_ago, months_ago))
    os.utime(others, (months_ago, months_ago))
    (mine,) = {file.parent for file in house.kept} - {unused, used, others}
    os.utime(mine, (months_ago, months_ago))
    assert house.run().compiled == 0
    house.run(NUMBA_CPU_NAME="generic")
    assert {used, mine, others} < set(kernels.iterdir()), "in a folder that is shared, nothing else is touched"
    assert unused not in set(kernels.iterdir())


def test_a_full_disk_costs_the_next_run_its_time_and_is_said_once(tmp_path: Path) -> None:
    house = House(tmp_path)
    # Python would write bytecode cut short, and believe it the next time
    full = (
        "import resource, sys; sys.dont_write_bytecode = True; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    )
    ran = house.run(full)
    assert (ran.total, ran.compiled) == (10.0, 2)
    assert ran.said.count("compiled kernels cannot be kept") == 1
    assert house.kept == []


def test_without_any_place_to_keep_them_kernels_are_compiled_for_the_run(tmp_path: Path) -> None:
    house = House(tmp_path)
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file")
    no_temporary_folder = "import tempfile; tempfile.gettempdir = lambda: '" + nowhere + "'"
    ran = house.run(no_temporary_folder, XDG_CACHE_HOME=nowhere, HOME=nowhere)
    assert (ran.total, ran.compiled) == (10.0, 2)
    assert ran.said.splitlines() == [
        "compiled kernels cannot be kept (no cache folder can be written): the next run compiles them again",
        "compiling kernels for this run: about 20 s",
    ]


# ---- the folder ------------------------------------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all there is: `home`, `caches` and `temporary` in it, none of them made."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    return tmp_path


def in_temporary(places: Path) -> Path:
    return places / "temporary" / f"stemmix-kernels-{os.getuid()}"


def test_the_folder_is_the_first_that_can_be_made(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder_of_kernels() == places / "caches/stemmix/kernels"
    assert (places / "caches/stemmix/kernels").stat().st_mode & 0o777 == 0o700

    (places / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(places / "file"))
    assert folder_of_kernels() == places / "home/.cache/stemmix/kernels"

    monkeypatch.setenv("HOME", "/dev/null")
    assert folder_of_kernels() == in_temporary(places)

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert folder_of_kernels() == in_temporary(places)

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(places / "said"))
    assert folder_of_kernels() == places / "said"


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_in_is_passed_over(places: Path, mode: int) -> None:
    open_to_others = places / "caches/stemmix/kernels"
    open_to_others.mkdir(parents=True)
    open_to_others.chmod(mode)
    assert folder_of_kernels() == places / "home/.cache/stemmix/kernels"


def test_a_link_in_the_temporary_folder_is_not_followed(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME")
    (places / "elsewhere").mkdir(mode=0o700)
    in_temporary(places).symlink_to(places / "elsewhere")
    assert folder_of_kernels() is None
    assert list((places / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_passed_over(places: Path) -> None:
    planted = places / "caches/stemmix/kernels"
    planted.mkdir(parents=True, mode=0o700)
    os.chown(planted, 12345, 12345)
    assert folder_of_kernels() == places / "home/.cache/stemmix/kernels"


def test_a_read_only_folder_is_passed_over(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = places / "caches/stemmix/kernels"
    # root may write everywhere: what the system answers anybody else
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed)
    assert folder_of_kernels() == places / "home/.cache/stemmix/kernels"


@pytest.mark.parametrize("again", [False, True])
def test_a_signal_while_llvm_calls_back_waits_until_it_has_returned(house: House, again: bool) -> None:
    """Raised in what C calls, it would end the process by a fault of memory."""
    if again:
        house.run()
    before = """
import os, signal
from llvmlite.binding import ExecutionEngine
from stemmix.stopping import StoppedError, heed, raised_by_signals
find = ExecutionEngine._find_module_ptr
asked = []
def ask(*given):
    if not asked:
        asked.append(os.kill(os.getpid(), signal.SIGINT))
    return find(*given)
ExecutionEngine._find_module_ptr = ask
watched = raised_by_signals()
watched.__enter__()
import atexit
def told():
    try:
        heed()
    except StoppedError as end:
        print(end.exit_code, len(asked))
atexit.register(told)
"""
    process = house.start(before)
    said, faults = process.communicate(timeout=120)
    assert "130 1" in said.splitlines(), (said, faults)
    assert process.returncode in (0, 1)
