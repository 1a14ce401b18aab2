"""`files.paths`: named roots, which the machine gives and no project can."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemmix.files.paths import located, resolved, spelled


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Beside it lies a library that only the variable leads to."""
    (tmp_path / "work").mkdir()
    (tmp_path / "library" / "doors").mkdir(parents=True)
    monkeypatch.setenv("STEMMIX_ROOT_SFX", str(tmp_path / "library"))
    return tmp_path / "work" / "film.json"


def test_a_path_under_a_named_root_lies_where_the_machine_says(project: Path, tmp_path: Path) -> None:
    assert located(project, "sfx:doors/slam.wav") == tmp_path / "library" / "doors" / "slam.wav"
    assert located(project, "dx.wav") == tmp_path / "work" / "dx.wav"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("foley:steps.wav", "lies under the root 'foley', but STEMMIX_ROOT_FOLEY does not say where that is"),
        ("sfx:../secret.wav", "leaves its root's folder"),
        ("sfx:/etc/passwd", "absolute"),
        ("sfx:", "leaves its root's folder"),
        ("sfx:out/secret.wav", "leaves the root 'sfx' by a symbolic link"),
        ("C:/dx.wav", "absolute"),
        ("sfx:doors\\slam.wav", "backslash"),
        ("../library/doors/slam.wav", "leaves the project's folder"),
    ],
)
def test_a_root_is_left_by_no_path(project: Path, tmp_path: Path, file: str, said: str) -> None:
    (tmp_path / "library" / "out").symlink_to(tmp_path)
    with pytest.raises(ValueError, match=said):
        located(project, file)


def test_a_root_that_is_no_absolute_path_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEMMIX_ROOT_SFX", "library")
    with pytest.raises(ValueError, match="STEMMIX_ROOT_SFX is not an absolute path"):
        located(project, "sfx:doors/slam.wav")


@pytest.mark.parametrize("given", ["", "library"])
def test_what_is_no_absolute_path_is_no_root_to_spell_by(
    project: Path, tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the current folder, which it would lead from, is nearer."""
    monkeypatch.chdir(tmp_path / "library" / "doors")
    monkeypatch.setenv("STEMMIX_ROOT_AA", given)
    assert spelled(project, tmp_path / "library" / "doors" / "slam.wav") == "sfx:doors/slam.wav"


def test_links_in_a_circle_lead_nowhere_and_stop_nobody(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = project.parent / "loop"
    loop.symlink_to("loop")
    assert resolved(loop / "a").name == "a"
    monkeypatch.setenv("STEMMIX_ROOT_LOOP", str(loop))
    assert spelled(project, project.parent / "dx.wav") == "dx.wav"
    with pytest.raises(ValueError, match="symbolic links go in a circle"):
        located(project, "loop/dx.wav")


def test_nothing_in_a_path_is_interpolated(project: Path, tmp_path: Path) -> None:
    """Neither variables nor homes nor patterns: they are names of files."""
    for file in ("$HOME/dx.wav", "~/dx.wav", "{title}.wav", "*.wav", "`id`.wav"):
        assert located(project, file) == tmp_path / "work" / file
