"""`stemmix cache`: what is kept is told and cleared, and clearing it harms nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stemmix.cli import main
from stemmix.files.cache import KINDS, Cache, cache_home
from tests.material import scene

KEY = "ab" * 20


@pytest.fixture
def kept() -> Cache:
    home = cache_home()
    assert home is not None
    return Cache(home)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["cache", "--json", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    said: dict[str, object] = json.loads(out)
    return said


def test_an_empty_cache_is_told(kept: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys)
    assert said["schema"] == "stemmix.cache/1"
    assert (said["folder"], said["entries"], said["bytes"]) == (str(kept.home), 0, 0)
    assert (said["limit_bytes"], said["oldest_s"], said["cleared"], said["notes"]) == (4_000_000_000, None, None, [])
    assert main(["cache"]) == 0
    assert "0 entries, 0 bytes of 4000.0 MB at most" in capsys.readouterr().out
    assert not kept.home.exists(), "to look makes nothing"


def test_a_folder_whose_name_is_no_text_is_told_as_its_bytes_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = f"{tmp_path}/c\udcff"
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    assert told(capsys)["folder"] == f"{home}/stemmix"


def test_what_is_kept_is_told_by_kind_and_cleared(
    kept: Cache, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kept.home / "kernels"))
    for number, kind in enumerate(KINDS):
        kept.write(kind, KEY, bytes(100_000))
        os.utime(kept.path(kind, KEY), (1_700_000_000 + number,) * 2)
    for shelf, size in ((24 * "a", 60_000), ("somebody else's", 5000)):
        (kept.home / "kernels" / shelf).mkdir(parents=True)
        (kept.home / "kernels" / shelf / "code").write_bytes(bytes(size))
    size = sum(entry.bytes for entry in kept.entries())
    said = told(capsys)
    assert said["kinds"] == [{"kind": kind, "entries": 1, "bytes": size // len(KINDS)} for kind in KINDS]
    assert (said["entries"], said["bytes"]) == (len(KINDS), size)
    assert (said["oldest_s"], said["newest_s"]) == (1_700_000_000, 1_700_000_000 + len(KINDS) - 1)
    assert (said["kernels_folder"], said["kernels_bytes"]) == (str(kept.home / "kernels"), 60_000)
    monkeypatch.setenv("STEMMIX_CACHE_MB", "7")
    assert main(["cache"]) == 0
    text = capsys.readouterr().out
    for line in (
        f"{len(KINDS)} entries, 0.5 MB of 7.0 MB at most",
        "used between 2023-11-1",
        "compiled code besides: 0.1 MB in ",
    ):
        assert line in text
    assert told(capsys, "--clear")["cleared"] == {"entries": len(KINDS), "bytes": size}
    assert [path.name for path in kept.home.rglob("*") if path.is_file()] == ["code", "code"]
    assert main(["cache", "--clear"]) == 0
    assert "cleared: 0 entries, 0 bytes" in capsys.readouterr().out


def test_a_folder_that_cannot_be_is_no_reason_to_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that others may not enter, as with `sudo`, is one; so is a name that no system has room for."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ("y" * 300)))
    assert told(capsys, "--clear")["cleared"] == {"entries": 0, "bytes": 0}
    assert main(["check", "--quiet", str(scene(tmp_path))]) == 0


def test_compiled_code_is_told_wherever_it_found_a_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    for variable in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shelf = tmp_path / f"stemmix-kernels-{os.getuid()}" / (24 * "a")
    shelf.mkdir(parents=True)
    (shelf / "code").write_bytes(bytes(60_000))
    said = told(capsys)
    assert (said["kernels_folder"], said["kernels_bytes"]) == (str(shelf.parent), 60_000)


def test_a_limit_that_is_none_and_a_missing_home_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEMMIX_CACHE_MB", "some")
    assert told(capsys)["notes"] == [
        "STEMMIX_CACHE_MB: 'some' is not a whole number of megabytes: it is ignored, and the limit is the usual one"
    ]
    monkeypatch.delenv("STEMMIX_CACHE_MB")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    said = told(capsys, "--clear")
    assert (said["folder"], said["cleared"]) == (None, {"entries": 0, "bytes": 0})
    assert said["notes"] == ["nothing is kept: neither XDG_CACHE_HOME nor HOME says where"]
    assert main(["cache"]) == 0
    assert "note: nothing is kept" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["", "below", "below/that"])
def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    home = tmp_path / "stemmix" / place
    monkeypatch.setattr("stemmix.keeping.user_cache", lambda: Cache(home))
    assert told(capsys)["notes"] == [], "it is not there yet"
    (tmp_path / "stemmix").mkdir()
    assert told(capsys)["notes"] == [], "it is there, or can be made"
    refused = [f"nothing more is kept: {home} cannot be written"]
    may = os.access
    with monkeypatch.context() as read_only:
        read_only.setattr(os, "access", lambda path, mode: mode == os.F_OK and may(path, mode))
        assert told(capsys)["notes"] == refused
    (tmp_path / "stemmix").rmdir()
    (tmp_path / "stemmix").touch()
    assert told(capsys)["notes"] == refused, "a file has its name"
    (tmp_path / "stemmix").unlink()
    home.mkdir(parents=True)
    (home / "features").touch()
    assert told(capsys)["notes"] == [f"no more features are kept: {home / 'features'} cannot be written"]


def test_a_report_after_clearing_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = str(scene(tmp_path))
    reports = []
    for arguments in (["--no-cache"], [], []):
        assert main(["report", "--quiet", project, *arguments]) == 0
        reports.append(capsys.readouterr().out)
    cleared = told(capsys, "--clear")["cleared"]
    assert isinstance(cleared, dict)
    assert cleared["entries"] >= 8
    assert main(["report", "--quiet", project]) == 0
    reports.append(capsys.readouterr().out)
    assert len(set(reports)) == 1
    assert told(capsys)["entries"] == cleared["entries"]
