"""`marking`: where markers fall in a file, what is left out of it, and what nothing is ever written over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from wavinfo import WavInfoReader

from stemmix.destinations import refuse_target
from stemmix.errors import OutputError, StemError
from stemmix.files.broadcast import BroadcastInfo
from stemmix.files.writer import WaveWriter
from stemmix.marking import copy_beside, wave_to_mark, write_marked
from stemmix.model.layouts import MONO
from stemmix.report.markers import Marker
from tests.evidence import plan
from tests.material import noise, scene, scene_stems, silent_progress, write_audio, write_project
from tests.reference.wave_bytes import chunk, fmt, riff


def written(path: Path, rate_hz: int, seconds: int, reference: int = 0) -> Path:
    """A silent broadcast WAVE file that begins at a time reference, in its samples."""
    import numpy as np

    frames = rate_hz * seconds
    about = BroadcastInfo(time_reference=reference)
    with WaveWriter(path, "wav16", rate_hz, MONO, frames, metadata=about) as file:
        file.write(np.zeros((frames, 1), np.int32))
        file.finish()
    return path


def marked(path: Path, markers: list[Marker], **fields: Any) -> tuple[dict[str, tuple[int, int | None]], list[str]]:
    """Frames and lengths of the markers in a copy, by label, and what was said."""
    target = copy_beside(path)
    notes = write_marked(wave_to_mark(path), target, plan(**fields), markers, silent_progress)
    cues = WavInfoReader(target).cues
    found = {cues.label_and_note(number)[0]: (at, cues.range(number)) for number, at in cues.each_cue()} if cues else {}
    return found, list(notes)


MARKERS = [
    Marker("line", 0, 48_000, "first"),
    Marker("line", 48_001, 48_002, "short"),
    Marker("line", 3 * 48_000, 9 * 48_000, "long"),
    Marker("line", 5 * 48_000 - 1, 5 * 48_000, "last"),
    Marker("line", 5 * 48_000, 6 * 48_000, "behind"),
]


def test_markers_stand_at_the_files_own_rate_and_end_with_it(tmp_path: Path) -> None:
    found, notes = marked(written(tmp_path / "mix.wav", 48_000, 5), MARKERS)
    assert found == {"first": (0, 48_000), "short": (48_001, 1), "long": (144_000, 96_000), "last": (239_999, 1)}
    assert notes == ["1 marker left out: outside mix.wav, which lasts 0:05.0"]


def test_a_file_longer_than_the_programme_is_marked_and_doubted(tmp_path: Path) -> None:
    found, notes = marked(written(tmp_path / "other.wav", 48_000, 92), MARKERS)
    assert len(found) == len(MARKERS)
    assert notes == ["other.wav lasts 1:32.0, the programme 1:30.0: is it another one's?"]


def test_at_another_rate_the_nearest_frame_is_meant(tmp_path: Path) -> None:
    found, _ = marked(written(tmp_path / "mix.wav", 44_100, 6), MARKERS)
    assert found == {
        "first": (0, 44_100),
        "short": (44_101, 1),
        "long": (132_300, 3 * 44_100),
        "last": (220_499, 1),
        "behind": (220_500, 44_100),
    }
    found, _ = marked(written(tmp_path / "mix.wav", 96_000, 6), MARKERS[1:2])
    assert found == {"short": (96_002, 2)}


@pytest.mark.parametrize(("start", "rate"), [("10:00:00:00", "25"), (36_000.0, None)])
def test_a_file_that_says_where_it_begins_is_marked_from_there(
    tmp_path: Path, start: str | float, rate: str | None
) -> None:
    """A part of a programme that begins at ten, from its third second on."""
    part = written(tmp_path / "part.wav", 44_100, 5, reference=44_100 * (36_000 + 3))
    found, notes = marked(part, MARKERS, start=start, frame_rate=rate)
    assert found == {"long": (0, 5 * 44_100), "last": (88_199, 1), "behind": (88_200, 44_100)}
    told = "10:00:03:00" if rate else "10:00:03.0"
    assert notes == [
        f"part.wav begins at {told}, by its time reference: it is marked from there on",
        "2 markers left out: outside part.wav, which lasts 0:05.0",
    ]


@pytest.mark.parametrize(
    ("reference", "start"), [(0, "10:00:00:00"), (48_000 * 36_000, "10:00:00:00"), (48_000 * 36_000, None)]
)
def test_a_file_that_begins_with_the_programme_or_does_not_say_is_marked_from_its_beginning(
    tmp_path: Path, reference: int, start: str | None
) -> None:
    """So is one that says where it begins, where the programme does not."""
    found, notes = marked(
        written(tmp_path / "mix.wav", 48_000, 6, reference), MARKERS[:1], start=start, frame_rate="25"
    )
    assert (found, notes) == ({"first": (0, 48_000)}, [])


def test_names_and_notes_hold_no_line_break(tmp_path: Path) -> None:
    path = written(tmp_path / "mix.wav", 48_000, 1)
    write_marked(
        wave_to_mark(path), tmp_path / "b.wav", plan(), [Marker("line", 0, 1, "a\0b\nc", "d\ne")], silent_progress
    )
    cues = WavInfoReader(tmp_path / "b.wav").cues
    assert cues is not None
    assert cues.label_and_note(1) == ("a b c", "d e")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"no sound at all, but some text", "audio"),
        (riff(fmt(1), chunk(b"data", bytes(60), claimed=600)), "ends early: its header promises 200 frames, 20"),
    ],
)
def test_what_is_no_sound_wave_file_is_not_marked(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(StemError, match=rf"a\.wav: .*{said}"):
        wave_to_mark(tmp_path / "a.wav")


def test_another_kind_of_sound_file_is_not_marked(tmp_path: Path) -> None:
    flac = write_audio(tmp_path / "a.flac", noise(4800))
    with pytest.raises(
        StemError, match=r"a\.flac: is FLAC \(PCM_24\); expected a WAVE file of float samples, or PCM of 16"
    ):
        wave_to_mark(flac)
    law = write_audio(tmp_path / "a.wav", noise(4800), subtype="ULAW")
    with pytest.raises(StemError, match="expected a WAVE file of float samples, or PCM of 16 bits or more"):
        wave_to_mark(law)


# ---- what is never written over --------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    stems = scene_stems()
    stems[2] = {"id": "FX", "role": "fx", "clips": [{"file": "scene/fx.wav", "at": 0.0, "mute": True},
                                                    {"file": "scene/amb.wav", "at": 0.0}]}  # fmt: skip
    scene(tmp_path)
    write_audio(tmp_path / "mix.wav", noise(4800))
    return write_project(tmp_path / "scene.json", stems)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("scene.json", "the project"),
        ("scene/dx.wav", "a file of this project's stems"),
        ("scene/fx.wav", "a file of this project's stems"),
        ("scene/../scene/mx.wav", "a file of this project's stems"),
        ("mix.wav", "the file to be marked"),
        ("link.wav", "the file to be marked"),
        ("out/scene_printmaster.wav", "what a render of this project writes"),
        ("out/scene.receipt.json", "what a render of this project writes"),
    ],
)
def test_what_is_read_is_never_written_over_under_any_name(project: Path, name: str, what: str) -> None:
    (project.parent / "link.wav").symlink_to("mix.wav")
    (project.parent / "out").mkdir()
    with pytest.raises(OutputError, match=rf"{Path(name).name}: is {what}; choose another name with --out"):
        refuse_target(project.parent / name, project, "--out", marked=project.parent / "mix.wav")


def test_a_place_that_cannot_be_is_refused_before_anything_is_listened_to(project: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere/a\.csv: cannot be written: its folder does not exist"):
        refuse_target(project.parent / "nowhere" / "a.csv", project, "--out")
    with pytest.raises(OutputError, match=r"scene: cannot be written: a folder has its name"):
        refuse_target(project.parent / "scene", project, "--out")
    refuse_target(project.parent / "a.csv", project, "--out")
    refuse_target(project.parent / "mix.wav", project, "--out")
