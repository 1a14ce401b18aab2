"""`files.cache`: what is kept comes back as it was, or not at all, and never grows over its limit."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from stemmix.errors import OutputError
from stemmix.files import cache
from stemmix.files.cache import KINDS, LIMIT_BYTES, Cache, cache_limit, user_cache

KEY = "ab" * 20


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("body", [b"", b"{}", bytes(300_000)])
def test_what_was_kept_comes_back(tmp_path: Path, body: bytes) -> None:
    kept = Cache(tmp_path / "not there yet")
    assert kept.read("plans", KEY) is None
    kept.write("plans", KEY, body)
    assert kept.read("plans", KEY) == body
    assert kept.read("offsets", KEY) is None
    assert kept.read("plans", "0" * 40) is None
    kept.write("plans", KEY, b"another")
    assert kept.read("plans", KEY) == b"another"
    assert names_in(tmp_path) == [f"{KEY}.plans"]


def test_what_is_not_whole_is_not_believed_and_can_be_kept_anew(tmp_path: Path) -> None:
    kept = Cache(tmp_path)
    kept.write("plans", KEY, b"a plan of some length")
    path = kept.path("plans", KEY)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert kept.read("plans", KEY) is None, f"cut to {cut} bytes"
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert kept.read("plans", KEY) is None, f"a bit flipped in byte {at}"
    for foreign in (whole + b"x", b"x" + whole, b"RIFF" + bytes(4000), b"{}\n" * 300):
        path.write_bytes(foreign)
        assert kept.read("plans", KEY) is None
    path.unlink()
    path.mkdir()
    assert kept.read("plans", KEY) is None
    path.rmdir()
    kept.write("plans", KEY, b"a plan of some length")
    assert path.read_bytes() == whole


def test_an_entry_under_another_name_is_not_believed(tmp_path: Path) -> None:
    kept = Cache(tmp_path)
    kept.write("plans", KEY, b"a plan")
    other = kept.path("plans", "0" * 40)
    kept.path("plans", KEY).rename(other)
    assert kept.read("plans", "0" * 40) is None


def test_a_folder_that_cannot_be_written_keeps_nothing_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").touch()
    for home in (tmp_path / "a file", tmp_path / "a file" / "below"):
        kept = Cache(home)
        kept.write("plans", KEY, b"a plan")
        assert kept.read("plans", KEY) is None
        assert list(kept.entries()) == []
        kept.trim(0)
        assert kept.clear() == (0, 0)

    def refused(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refused)
    Cache(tmp_path).write("plans", KEY, b"a plan")
    assert names_in(tmp_path) == ["a file"]


def writes_much(home: Path, number: int) -> None:
    kept = Cache(home)
    for turn in range(60):
        kept.write("plans", KEY, bytes([number]) * 50_000)
        body = kept.read("plans", KEY)
        if body is not None and len(set(body)) == 1 and len(body) == 50_000:
            continue
        if turn % 20 and body is None:  # cleared by the other
            continue
        os._exit(1)


@pytest.mark.long
def test_processes_that_write_and_clear_at_once_leave_whole_entries(tmp_path: Path) -> None:
    _at_once(tmp_path, 6)


def test_two_processes_that_write_at_once_leave_a_whole_entry(tmp_path: Path) -> None:
    _at_once(tmp_path, 2)


def _at_once(home: Path, count: int) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=writes_much, args=(home, number)) for number in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * count
    body = Cache(home).read("plans", KEY)
    assert body is not None
    assert len(set(body)) == 1
    assert names_in(home) == [f"{KEY}.plans"]


def test_trim_forgets_what_was_used_longest_ago_of_all_kinds(tmp_path: Path) -> None:
    kept = Cache(tmp_path)
    for kind in KINDS:
        kept.write(kind, KEY, bytes(1000))
    size = kept.path("plans", KEY).stat().st_size
    for age, kind in enumerate(KINDS):
        os.utime(kept.path(kind, KEY), (time.time() - 1000 + age,) * 2)
    assert kept.read("features", KEY) is not None, "used just now"
    kept.trim(len(KINDS) * size)
    assert len(names_in(tmp_path)) == len(KINDS)
    kept.trim(2 * size)
    assert names_in(tmp_path) == [f"{KEY}.{kind}" for kind in ("features", "hashes")]
    kept.trim(0)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(("locks", "dead_s", "just_dead_s"), [(True, 10, 1), (False, 100_000, 50_000)])
def test_what_dead_processes_left_is_cleared_away_and_nothing_that_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: bool, dead_s: int, just_dead_s: int
) -> None:
    def refused(_file: object, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    if not locks:
        monkeypatch.setattr(fcntl, "flock", refused)
    kept = Cache(tmp_path)
    descriptor, held = kept.part("features")
    os.utime(held, (time.time() - (100_000 if locks else just_dead_s),) * 2)
    dead, just_dead = (held.with_name(f"{held.name}{sign}") for sign in "xy")
    for clears in (kept.trim, kept.clear):
        for part, age_s in ((dead, dead_s), (just_dead, just_dead_s)):
            part.write_bytes(b"half")
            os.utime(part, (time.time() - age_s,) * 2)
        clears()
        assert names_in(tmp_path) == sorted([held.name, just_dead.name])
    os.close(descriptor)


def test_a_killed_process_leaves_nothing_that_clearing_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_BEGUN_S", -1.0)
    kept = Cache(tmp_path)

    def dies() -> None:
        descriptor, _ = kept.part("features")
        os.write(descriptor, bytes(1000))
        os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=dies)
    process.start()
    process.join(60)
    assert len(names_in(tmp_path)) == 1
    kept.clear()
    assert names_in(tmp_path) == []


def test_clear_forgets_every_entry_and_nothing_else(tmp_path: Path) -> None:
    kept = Cache(tmp_path)
    for kind in KINDS:
        kept.write(kind, KEY, bytes(1000))
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "mine").write_bytes(b"compiled")
    (tmp_path / "plans" / "notes.txt").write_text("somebody's own")
    size = sum(entry.bytes for entry in kept.entries())
    assert kept.clear() == (len(KINDS), size)
    assert names_in(tmp_path) == ["mine", "notes.txt"]


def test_what_cannot_be_cleared_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Cache(tmp_path)
    kept.write("plans", KEY, b"a plan")

    def refused(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(OutputError, match=r"\.plans: cannot be removed: Permission denied; nothing was cleared"):
        kept.clear()


def test_what_cannot_be_cleared_keeps_nothing_else(tmp_path: Path) -> None:
    """Somebody has put a folder where an entry stood."""
    kept = Cache(tmp_path)
    for kind in KINDS:
        kept.write(kind, KEY, bytes(1000))
    kept.path("features", KEY).unlink()
    kept.path("features", KEY).mkdir()
    for cleared in (f"{len(KINDS) - 1} of {len(KINDS)} entries were", "nothing was"):
        with pytest.raises(OutputError, match=rf"{KEY}\.features: cannot be removed: .+; {cleared} cleared"):
            kept.clear()
        assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("said", "limit", "holds"),
    [
        (None, LIMIT_BYTES, False),
        ("", LIMIT_BYTES, False),
        ("0", 0, True),
        ("500", 500_000_000, True),
        ("1.5", LIMIT_BYTES, False),
        ("-1", LIMIT_BYTES, False),
        ("much", LIMIT_BYTES, False),
        ("²", LIMIT_BYTES, False),
        ("9" * 5000, LIMIT_BYTES, False),
    ],
)
def test_the_limit_is_what_the_variable_says_if_that_is_a_number(
    monkeypatch: pytest.MonkeyPatch, said: str | None, limit: int, holds: bool
) -> None:
    if said is None:
        monkeypatch.delenv(cache.LIMIT_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(cache.LIMIT_VARIABLE, said)
    assert cache_limit() == (limit, said or None, holds)


def test_the_users_cache_is_where_the_system_keeps_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    monkeypatch.setenv("HOME", str(tmp_path / "h"))
    assert (found := user_cache()) is not None
    assert found.home == tmp_path / "x" / "stemmix"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert (found := user_cache()) is not None
    assert found.home == tmp_path / "h" / ".cache" / "stemmix"
    monkeypatch.delenv("HOME")
    assert user_cache() is None
