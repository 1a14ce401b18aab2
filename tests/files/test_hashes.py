"""`files.hashes`: a hash is the file's own, taken once, and remembered only as long as nothing can have changed."""

from __future__ import annotations

import hashlib
import mmap
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from stemmix.errors import StemError
from stemmix.files import hashes
from stemmix.files.cache import Cache
from stemmix.files.hashes import Hashes, Stamp, on_demand

CONTENT = bytes(range(256)) * 20_000


class DigestsTaken:
    """Counts what is hashed."""

    def __init__(self) -> None:
        self.bytes = 0
        self._made = hashlib.sha256

    def made(self, *given: Any) -> Any:
        digest, counted = self._made(*given), self

        class Counted:
            def update(self, data: Any) -> None:
                digest.update(data)
                counted.bytes += len(data)

            def hexdigest(self) -> str:
                return digest.hexdigest()

        return Counted()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file that is read for its hash."""
    read: list[Path] = []
    real = hashes._taken

    def counted(path: Path, *rest: Any) -> Any:
        read.append(path)
        return real(path, *rest)

    monkeypatch.setattr(hashes, "_taken", counted)
    return read


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that was written long ago, as far as the clock says from here on."""
    path = tmp_path / "stem.wav"
    path.write_bytes(CONTENT)
    later(monkeypatch)
    return path


def later(monkeypatch: pytest.MonkeyPatch, by_s: float = 100.0) -> None:
    now_ns = time.time_ns
    monkeypatch.setattr(hashes.time, "time_ns", lambda: now_ns() + round(by_s * 1e9))


def hash_of(path: Path, cache: Cache | None) -> str:
    with Hashes(cache, 2) as taken:
        return taken.of(path).sha256


def true(content: bytes = CONTENT) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_hash_is_that_of_the_bytes_and_taken_once(file: Path, reads: list[Path]) -> None:
    with Hashes(None, 2) as taken:
        assert taken.of(file).sha256 == taken.of(file).sha256 == true()
    assert reads == [file]
    asked = on_demand(file)
    assert reads == [file]
    assert asked.sha256 == asked.sha256 == true()
    assert reads == [file, file]


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, file: Path, reads: list[Path]) -> None:
    cache = Cache(tmp_path / "cache")
    assert hash_of(file, cache) == true()
    os.utime(file, (1, file.stat().st_mtime))  # read by somebody
    assert hash_of(file, Cache(tmp_path / "cache")) == true()
    assert hash_of(file, Cache(tmp_path / "cache")) == true()
    assert len(reads) == 2, "setting a time of access counts as a change; reading does not"


def rewritten_in_place(path: Path) -> bytes:
    with path.open("r+b") as file:
        file.write(b"other")
    return b"other" + CONTENT[5:]


def rewritten_with_its_old_time(path: Path) -> bytes:
    about = path.stat()
    new = rewritten_in_place(path)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    return new


def replaced_by_one_as_old(path: Path) -> bytes:
    about = path.stat()
    other = path.with_name("other")
    other.write_bytes(CONTENT[::-1])
    os.utime(other, ns=(about.st_atime_ns, about.st_mtime_ns))
    other.replace(path)
    return CONTENT[::-1]


def longer(path: Path) -> bytes:
    with path.open("ab") as file:
        file.write(b"more")
    return CONTENT + b"more"


@pytest.mark.parametrize("change", [rewritten_in_place, rewritten_with_its_old_time, replaced_by_one_as_old, longer])
def test_any_change_is_seen(tmp_path: Path, file: Path, reads: list[Path], change: Callable[[Path], bytes]) -> None:
    cache = Cache(tmp_path / "cache")
    assert hash_of(file, cache) == true()
    new = change(file)
    assert hash_of(file, cache) == true(new) != true()
    assert len(reads) == 2


@pytest.mark.parametrize(("age_s", "believed"), [(0.0, False), (1.9, False), (2.5, True)])
def test_a_file_that_was_written_to_just_now_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[Path], age_s: float, believed: bool
) -> None:
    """A change in the same tick of the clock leaves times and size as they were."""
    path = tmp_path / "stem.wav"
    path.write_bytes(CONTENT)
    about = path.stat()
    monkeypatch.setattr(hashes.time, "time_ns", lambda: about.st_mtime_ns + round(age_s * 1e9))
    cache = Cache(tmp_path / "cache")
    assert hash_of(path, cache) == true()
    assert hash_of(path, cache) == true()
    assert len(reads) == (1 if believed else 2)


@pytest.mark.parametrize(("age_s", "asked", "believed"), [(1.0, 0, False), (10.0, 2, False), (61.0, 0, True)])
def test_what_may_still_wait_for_the_disk_is_brought_there_or_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[Path], age_s: float, asked: int, believed: bool
) -> None:
    path = tmp_path / "stem.wav"
    path.write_bytes(CONTENT)
    about = path.stat()
    monkeypatch.setattr(hashes.time, "time_ns", lambda: about.st_mtime_ns + round(age_s * 1e9))
    brought: list[int] = []
    monkeypatch.setattr(hashes, "brought_to_disk", lambda descriptor, _go_on: brought.append(descriptor))
    cache = Cache(tmp_path / "cache")
    assert hash_of(path, cache) == hash_of(path, cache) == true()
    assert len(reads) == (1 if believed else 2)
    assert len(brought) == asked
    hash_of(path, None)
    assert len(brought) == asked, "nothing is remembered of it"


def test_a_write_through_memory_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[Path]) -> None:
    """The system dates a page by the first write to it, until it is on the disk: later ones would not show."""
    path = tmp_path / "stem.wav"
    path.write_bytes(CONTENT)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        os.fsync(file.fileno())
        before_ns = path.stat().st_mtime_ns
        time.sleep(0.05)
        memory[5] = 0
        if path.stat().st_mtime_ns == before_ns:
            pytest.skip("this file system has no disk, and never tells")
        later(monkeypatch, 10.0)
        cache = Cache(tmp_path / "cache")
        hash_of(path, cache)
        time.sleep(0.05)
        memory[6] = 0
        assert hash_of(path, cache) == true(path.read_bytes())
    assert len(reads) == 2


def test_a_file_that_is_dated_in_the_future_is_not_remembered(tmp_path: Path, file: Path, reads: list[Path]) -> None:
    os.utime(file, (time.time() + 1e6,) * 2)
    for _ in range(2):
        assert hash_of(file, Cache(tmp_path / "cache")) == true()
    assert len(reads) == 2


def test_a_file_that_changes_while_it_is_hashed_is_not_remembered(file: Path) -> None:
    sha256, _, settled = hashes._taken(file, lambda _count: True)
    assert (sha256, settled) == (true(), True)

    def asked_at_every_piece(_count: int) -> bool:
        os.utime(file, (5, 5))
        return True

    sha256, _, settled = hashes._taken(file, asked_at_every_piece)
    assert (sha256, settled) == (true(), False)


def test_without_a_cache_nothing_is_read_from_it_or_written_to_it(
    tmp_path: Path, file: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for _ in range(2):
        assert hash_of(file, None) == true()
    assert len(reads) == 2
    assert not (tmp_path / "cache").exists()


def test_what_is_damaged_or_of_another_making_is_taken_anew(tmp_path: Path, file: Path, reads: list[Path]) -> None:
    cache = Cache(tmp_path / "cache")
    assert hash_of(file, cache) == true()
    (entry,) = cache.entries("hashes")
    key = entry.path.name.removesuffix(".hashes")
    body = cache.read("hashes", key)
    assert body is not None
    entry.path.write_bytes(entry.path.read_bytes().replace(true().encode(), b"0" * 64))
    assert hash_of(file, cache) == true()
    assert len(reads) == 2
    foreign = [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"stamp": 1}',
        b'{"stamp": [1], "sha256": "x"}',
        body.replace(b'"sha256": "', b'"was": "'),
    ]
    for count, content in enumerate(foreign, 3):
        cache.write("hashes", key, content)
        assert hash_of(file, cache) == true(), content
        assert len(reads) == count, content
    assert hash_of(file, cache) == true()
    assert len(reads) == 2 + len(foreign), "the last was kept again"


def test_a_file_of_a_size_that_was_met_may_be_known_by_another_name(tmp_path: Path, file: Path) -> None:
    cache = Cache(tmp_path / "cache")
    with Hashes(cache, 2) as taken:
        assert not taken.of(file).seen_before
        assert taken.of(file).sha256 == true()
    copy, other = tmp_path / "copy.wav", tmp_path / "other.wav"
    copy.write_bytes(CONTENT)
    other.write_bytes(CONTENT[:-1])
    with Hashes(cache, 2) as taken:
        assert [taken.of(path).seen_before for path in (file, copy, other)] == [True, True, False]
        assert taken.of(other).sha256 == true(CONTENT[:-1])
    with Hashes(None, 2) as taken:
        assert not taken.of(file).seen_before


def test_a_file_that_cannot_be_read_is_told_where_its_hash_is_asked_for(tmp_path: Path) -> None:
    with Hashes(Cache(tmp_path / "cache"), 2) as taken:
        missing = taken.of(tmp_path / "none.wav")
        folder = taken.of(tmp_path)
        with pytest.raises(StemError, match=r"none\.wav: cannot be read: No such file"):
            _ = missing.sha256
        with pytest.raises(StemError, match="cannot be read: Is a directory"):
            _ = folder.sha256


def test_a_change_while_a_file_was_used_is_refused(file: Path) -> None:
    with Hashes(None, 2) as taken:
        one = taken.of(file)
        one.refuse_change()
        file.chmod(0o600)
        os.link(file, file.with_name("link"))
        one.refuse_change()
        rewritten_in_place(file)
        with pytest.raises(StemError, match=r"stem\.wav: has changed while it was being read"):
            one.refuse_change()
        file.unlink()
        with pytest.raises(StemError, match=r"stem\.wav: has changed while it was being read"):
            one.refuse_change()


def test_what_was_touched_and_has_its_date_is_read_again_once(file: Path, reads: list[Path]) -> None:
    """A new mode, or a link, is no change; what a program writes and dates back is, and looks the same."""
    with Hashes(None, 2) as taken:
        one = taken.of(file)
        one.refuse_change()
        one.refuse_change()
        assert len(reads) == 1
        file.chmod(0o600)
        for _ in range(2):
            one.refuse_change()
            assert len(reads) == 2
        assert not one.untouched
        rewritten_with_its_old_time(file)
        with pytest.raises(StemError, match=r"stem\.wav: has changed while it was being read"):
            one.refuse_change()


def test_a_new_mode_or_link_before_the_hash_is_taken_is_no_change(file: Path) -> None:
    """As a backup makes them while stems are listened to; what is heard is not kept then."""
    with Hashes(None, 2) as taken:
        for one in (taken.of(file), on_demand(file)):
            file.chmod(0o600)
            file.with_name("link").unlink(missing_ok=True)
            os.link(file, file.with_name("link"))
            one.refuse_change()
            assert not one.untouched


def test_what_is_not_done_when_it_is_left_is_given_up(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    real = hashes._taken

    def waits(*arguments: Any) -> Any:
        begun.set()
        go_on.wait(10)
        return real(*arguments)

    monkeypatch.setattr(hashes, "_taken", waits)
    cache = Cache(tmp_path / "cache")
    taken = Hashes(cache, 1)
    first = taken.of(file)
    assert begun.wait(10)
    threading.Timer(0.1, go_on.set).start()
    taken.close()
    with pytest.raises(StemError, match="was not read to its end"):
        _ = first.sha256
    assert list(cache.entries()) == []


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how much waits until there is time for it."""
    return lambda count: monkeypatch.setattr(hashes, "LATE_BYTES", count)


def test_what_the_system_has_in_memory_is_read_again_when_there_is_time(file: Path, reads: list[Path]) -> None:
    """Listening takes all cores, and nobody waits for a hash before it is over."""
    digests = DigestsTaken()
    with pytest.MonkeyPatch.context() as patch, Hashes(None, 2) as taken:
        patch.setattr(hashes.hashlib, "sha256", digests.made)
        one = taken.of(file)
        time.sleep(0.1)
        assert digests.bytes == 0
        one.begin()
        for _ in range(1000):
            if digests.bytes == len(CONTENT):
                break
            time.sleep(0.01)
        assert digests.bytes == len(CONTENT)
    assert reads == [file]


def test_more_than_that_is_read_at_once(file: Path, eager: Callable[[int], None]) -> None:
    """Of hours, what was listened to first has left the memory when there is time: all but the last is read beside."""
    eager(len(CONTENT) // 2)
    digests = DigestsTaken()
    with pytest.MonkeyPatch.context() as patch, Hashes(None, 2) as taken:
        patch.setattr(hashes.hashlib, "sha256", digests.made)
        patch.setattr(hashes, "_PIECE_BYTES", len(CONTENT) // 8)
        one = taken.of(file)
        for _ in range(1000):
            if digests.bytes:
                break
            time.sleep(0.01)
        time.sleep(0.1)
        assert digests.bytes == len(CONTENT) // 2
        assert one.sha256 == true()


def test_what_is_added_later_is_counted_too(
    tmp_path: Path, file: Path, reads: list[Path], eager: Callable[[int], None]
) -> None:
    """The first file is small, and waits; with the second, it is more than the system has in memory."""
    eager(len(CONTENT) - 1)
    small = tmp_path / "small.wav"
    small.write_bytes(b"small")
    with Hashes(None, 2) as taken:
        taken.of(small)
        time.sleep(0.1)
        taken.of(file)
        for _ in range(1000):
            if file in reads:
                break
            time.sleep(0.01)
        assert reads == [small, file]


@pytest.mark.parametrize("harm", ["written", "written and dated back", "touched", "replaced and put back"])
def test_what_anybody_has_touched_is_not_what_it_was(file: Path, harm: str) -> None:
    """Even if its content and its date are: what was read of it meanwhile may have been of another."""
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    with Hashes(None, 2) as taken:
        one = taken.of(file)
        assert one.untouched
        if harm == "replaced and put back":
            kept = file.rename(file.with_name("kept.wav"))
            file.write_bytes(b"another")
            kept.replace(file)
        else:
            file.write_bytes(CONTENT[::-1] if harm.startswith("written") else CONTENT)
            if harm != "written":
                os.utime(file, ns=times)
        assert not one.untouched


def test_who_asks_takes_what_nobody_else_is_taking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And each is taken once, however many ask."""
    paths = [tmp_path / f"{number}.wav" for number in range(3)]
    for path in paths:
        path.write_bytes(path.name.encode())
    held, by, real = threading.Event(), {}, hashes._taken

    def waits(path: Path, *rest: Any) -> Any:
        assert path not in by
        by[path] = threading.current_thread().name
        if path == paths[0]:
            assert held.wait(10)
        return real(path, *rest)

    monkeypatch.setattr(hashes, "_taken", waits)
    with Hashes(None, 2) as taken:
        asked = [taken.of(path) for path in paths]
        for _ in range(5000):
            if paths[0] in by:
                break
            time.sleep(0.001)
        assert asked[2].sha256 == true(b"2.wav")
        assert by[paths[2]] == threading.current_thread().name != by[paths[0]]
        with ThreadPoolExecutor(4) as pool:
            together = [pool.submit(lambda one=one: one.sha256) for one in asked * 3]
            held.set()
            assert {one.result() for one in together} == {true(path.name.encode()) for path in paths}


def test_an_end_does_not_wait_for_what_nobody_asked_for(file: Path, reads: list[Path]) -> None:
    begun = time.monotonic()
    with Hashes(None, 2) as taken:
        one = taken.of(file)
    assert time.monotonic() - begun < 5
    with pytest.raises(StemError, match="was not read to its end"):
        _ = one.sha256


def test_a_stamp_tells_content_from_what_is_said_of_it() -> None:
    one = Stamp(10, 20, 30, 40)
    assert one.same_content(Stamp(10, 20, 99, 40))
    for other in (Stamp(11, 20, 30, 40), Stamp(10, 21, 30, 40), Stamp(10, 20, 30, 41)):
        assert not one.same_content(other)


@pytest.mark.parametrize("remembered", [False, True])
def test_a_change_before_the_hash_is_begun_is_refused_as_one_while_it_is_taken(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: bool
) -> None:
    """What was heard meanwhile is of the file as it was: it would be kept under the hash of what it is."""
    cache = Cache(tmp_path / "cache")
    if remembered:
        hash_of(file, cache)
    go_on = threading.Event()
    real = hashes._taken

    def late(*arguments: Any) -> Any:
        assert go_on.wait(10)
        return real(*arguments)

    monkeypatch.setattr(hashes, "_taken", late)
    with Hashes(cache, 1) as taken:
        asked = taken.of(file)
        file.write_bytes(CONTENT[::-1])
        os.utime(file, (7, 7))  # in the tick in which it was looked at, perhaps
        go_on.set()
        assert asked.sha256 == (true() if remembered else true(CONTENT[::-1]))
        with pytest.raises(StemError, match=r"stem\.wav: has changed while it was being read"):
            asked.refuse_change()


def test_a_file_that_is_not_there_is_said_to_be_so_and_not_to_have_changed(tmp_path: Path) -> None:
    with Hashes(None, 1) as taken:
        asked = taken.of(tmp_path / "gone.wav")
        with pytest.raises(StemError, match=r"gone\.wav: cannot be read: No such file"):
            asked.refuse_change()
