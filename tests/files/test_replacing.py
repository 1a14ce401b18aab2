"""`files.replacing`: of files that are replaced together, all are new in the end or all are as they were."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from stemmix.errors import OutputError
from stemmix.files.parts import remove_strays
from stemmix.files.replacing import Replacing
from stemmix.files.staged import StagedFile
from stemmix.model.names import LONGEST_NAME_BYTES
from stemmix.stopping import StoppedError, raised_by_signals

OLD = {"a.wav": b"an old master", "b.json": b"an old plan"}
NEW = {"a.wav": b"a new master", "b.json": b"a new plan", "c.json": b"a receipt"}


class PlannedFaultError(Exception):
    """What the tests break a way with."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in OLD.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    """Of everything in it, what is hidden too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def replace_all(folder: Path, *, faults_after: str | None = None) -> None:
    with Replacing() as replacing:
        for name, content in NEW.items():
            with StagedFile(folder / name, [content]) as staged:
                replacing.expect(staged.path)
                staged.publish()
            if name == faults_after:
                raise PlannedFaultError


@pytest.fixture(params=["linked", "moved"])
def _kept_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems have no links, and another user's file may not be linked to."""
    if request.param == "moved":

        def refused(*_arguments: object, **_options: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refused)


@pytest.mark.usefixtures("_kept_by")
def test_all_are_new_and_nothing_of_the_old_is_left(folder: Path) -> None:
    replace_all(folder)
    assert contents(folder) == NEW


@pytest.mark.parametrize("name", NEW)
@pytest.mark.usefixtures("_kept_by")
def test_a_fault_brings_back_what_was_there(folder: Path, name: str) -> None:
    with pytest.raises(PlannedFaultError):
        replace_all(folder, faults_after=name)
    assert contents(folder) == OLD


@pytest.mark.usefixtures("_kept_by")
def test_a_name_that_cannot_be_taken_brings_back_what_came_before_it(folder: Path) -> None:
    (folder / "c.json").mkdir()
    with pytest.raises(OutputError, match=r"c\.json: cannot be written: a folder has its name"):
        replace_all(folder)
    (folder / "c.json").rmdir()
    assert contents(folder) == OLD


def test_a_file_expected_and_not_replaced_stays(folder: Path) -> None:
    before = (folder / "a.wav").stat().st_ino
    with suppress(PlannedFaultError), Replacing() as replacing:
        replacing.expect(folder / "a.wav")
        raise PlannedFaultError
    assert (folder / "a.wav").stat().st_ino == before
    assert contents(folder) == OLD


def test_a_link_is_brought_back_as_a_link(folder: Path) -> None:
    (folder / "c.json").symlink_to("b.json")
    with pytest.raises(PlannedFaultError):
        replace_all(folder, faults_after="c.json")
    assert (folder / "c.json").is_symlink()
    assert contents(folder) == OLD | {"c.json": OLD["b.json"]}


def test_a_name_of_all_the_length_that_there_is_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / f"{'n' * LONGEST_NAME_BYTES}.L"
    path.write_bytes(b"old")
    with suppress(PlannedFaultError), Replacing() as replacing, StagedFile(path, [b"new"]) as staged:
        replacing.expect(path)
        staged.publish()
        raise PlannedFaultError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_plain_file_is_replaced_without_being_opened(folder: Path) -> None:
    """A FIFO would wait for a writer, for ever."""
    os.mkfifo(folder / "c.json")
    replace_all(folder)
    assert contents(folder) == NEW


DIES = """
import os, sys
from pathlib import Path
from stemmix.files.replacing import Replacing

def refused(*_arguments, **_options):
    raise PermissionError(1, "Operation not permitted")

os.link = refused
Replacing().expect(Path(sys.argv[1]))
os._exit(9)
"""


def test_what_was_moved_away_is_no_stray_where_its_process_dies(folder: Path) -> None:
    """Where there are no links it is the only one: the next render into the folder does not clear it away."""
    died = subprocess.run([sys.executable, "-c", DIES, str(folder / "a.wav")], check=False)
    assert died.returncode == 9
    assert not (folder / "a.wav").exists()
    remove_strays(folder)
    assert OLD["a.wav"] in contents(folder).values()


def test_what_nobody_may_replace_is_refused_before_a_link_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder such as /tmp another user's file may be linked to, and neither it nor the link be taken away."""
    folder.chmod(0o1777)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(OutputError, match=r"a\.wav: cannot be written: permission denied"):
        replace_all(folder)
    assert contents(folder) == OLD


def test_nobody_takes_what_is_kept_for_a_stray(folder: Path) -> None:
    """Another render into the same folder clears away strays while this one brings its files under their names."""
    with suppress(PlannedFaultError), Replacing() as replacing:
        replacing.expect(folder / "a.wav")
        (folder / "a.wav").unlink()
        assert remove_strays(folder) == ()
        raise PlannedFaultError
    assert contents(folder) == OLD


def test_a_signal_while_something_is_kept_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def struck(source: Path, target: Path, *, follow_symlinks: bool) -> None:
        link(source, target, follow_symlinks=follow_symlinks)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(os, "link", struck)
    with raised_by_signals(), pytest.raises(StoppedError):
        replace_all(folder)
    assert contents(folder) == OLD
