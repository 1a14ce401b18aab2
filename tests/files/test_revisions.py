"""Files as they were in a revision of git: what a name means, and what is said where it means nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stemmix.errors import ProjectError
from stemmix.files.revisions import found

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *settings, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two commits of `film.json` and `reels/one.json`, and a change that is in none."""
    folder = tmp_path / "films"
    (folder / "reels").mkdir(parents=True)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "films")
    for text in ("first", "second"):
        (folder / "film.json").write_text(text)
        (folder / "reels" / "one.json").write_text(f"reel {text}")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "-m", text)
    (folder / "film.json").write_text("staged")
    git(folder, "add", "film.json")
    (folder / "film.json").write_text("today")
    monkeypatch.chdir(folder)
    return folder


@needs_git
@pytest.mark.parametrize(
    ("folder", "name", "text", "path"),
    [
        (".", "film.json", "today", "film.json"),
        (".", ":film.json", "staged", "film.json"),
        (".", "HEAD:film.json", "second", "film.json"),
        (".", "main~1:film.json", "first", "film.json"),
        (".", "HEAD^{tree}:film.json", "second", "film.json"),
        (".", "HEAD:reels/../film.json", "second", "film.json"),
        ("reels", "HEAD:film.json", "second", "../film.json"),
        ("reels", "HEAD:./one.json", "reel second", "one.json"),
        ("reels", "HEAD~1:../film.json", "first", "../film.json"),
        ("reels", "HEAD~1:reels/one.json", "reel first", "one.json"),
    ],
)
def test_a_name_means_a_file_or_what_it_was_in_a_revision(
    repository: Path, monkeypatch: pytest.MonkeyPatch, folder: str, name: str, text: str, path: str
) -> None:
    monkeypatch.chdir(repository / folder)
    file = found(name)
    assert file.path == Path(path)
    assert file.read(file.path).decode() == text
    assert file.is_revision == (":" in name)


@needs_git
def test_what_else_is_read_comes_out_of_the_same_revision_and_of_the_disk_where_that_ends(
    repository: Path, tmp_path: Path
) -> None:
    read = found("HEAD~1:film.json").read
    assert read(Path("reels/one.json")) == b"reel first"
    assert read(repository / "reels" / "one.json") == b"reel first"
    (tmp_path / "house.json").write_text("outside")
    assert read(tmp_path / "house.json") == b"outside"
    (repository / "new.json").write_text("not yet in git")
    with pytest.raises(FileNotFoundError):
        read(Path("new.json"))


@needs_git
def test_a_file_that_is_gone_today_is_found_in_its_revision(repository: Path) -> None:
    shutil.rmtree(repository / "reels")
    file = found("HEAD:reels/one.json")
    assert file.path == Path("reels/one.json")
    assert file.read(file.path) == b"reel second"


@needs_git
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope:film.json", "git knows no revision 'nope', and there is no file by this name"),
        ("HEAD:gone.json", "there is no such file in HEAD"),
        (":gone.json", "there is no such file in what is staged"),
        ("HEAD:one.json", "did you mean HEAD:./one.json? A path counts from the top of the repository"),
        ("HEAD:../../film.json", "lies outside the repository"),
        ("HEAD:/etc/passwd", "lies outside the repository"),
        ("HEAD\n:film.json", "contains a control character"),
        ("--output=x:film.json", "git knows no revision '--output=x'"),
        ("--batch:film.json", "git knows no revision '--batch'"),
        ("$(touch x):film.json", "git knows no revision"),
    ],
)
def test_what_is_not_there_is_said(repository: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.chdir(repository / "reels")
    with pytest.raises(ProjectError, match=re.escape(message)):
        found(name)
    assert sorted(path.name for path in (repository / "reels").iterdir()) == ["one.json"]


@needs_git
def test_a_folder_is_no_document(repository: Path) -> None:
    file = found("HEAD:reels")
    with pytest.raises(ProjectError, match=r"HEAD:reels: is a folder; expected a JSON file"):
        file.read(file.path)


@pytest.mark.parametrize("name", ["C:/films/film.json", r"C:\films\film.json", "c:film.json", "HEAD:", "film.json"])
def test_drives_and_plain_names_are_no_revisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, no_git: Callable[[], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    no_git()
    assert found(name).path == Path(name)
    assert not found(name).is_revision


@pytest.fixture
def no_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    return lambda: monkeypatch.setenv("PATH", str(tmp_path))


def test_without_git_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_git: Callable[[], None]) -> None:
    monkeypatch.chdir(tmp_path)
    no_git()
    with pytest.raises(ProjectError, match=r"HEAD:film.json: there is no such file, and no git to look for it"):
        found("HEAD:film.json")


@needs_git
def test_outside_of_a_repository_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ProjectError, match=r"HEAD:film.json: there is no such file, and for a revision: this is not a git"
    ):
        found("HEAD:film.json")


@needs_git
def test_a_file_whose_name_looks_like_a_revision_is_that_file(repository: Path) -> None:
    (repository / "HEAD:film.json").write_text("odd")
    file = found("HEAD:film.json")
    assert file.read(file.path) == b"odd"
    assert not file.is_revision
