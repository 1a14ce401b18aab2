"""A project out of a folder: nothing guessed in silence, nothing left out in silence."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemmix.create import create_project, role_of
from stemmix.errors import OutputError, ProjectError, StemError
from stemmix.files.documents import canonical, read_project
from stemmix.model.profiles import Role

REELS = Path(__file__).resolve().parents[1] / ".." / "shared" / "reels"


def sounding(folder: Path, *names: str, rate_hz: int = 48_000) -> Path:
    """The folder, with a short stereo file of each name."""
    folder.mkdir(exist_ok=True)
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, (2_000, 2))
    for name in names:
        container = {"aif": "AIFF", "aiff": "AIFF"}.get(name.rpartition(".")[2].lower())
        soundfile.write(folder / name, noise, rate_hz, format=container)
    return folder


def roles(folder: Path) -> dict[str, str]:
    project, _, _ = create_project(folder, "film", force=True)
    return {stem.id: stem.role.value for stem in project.stems}


@pytest.mark.parametrize(
    ("role", "names"),
    [
        (
            Role.DIALOGUE,
            "dx DX1 film_reel3_dx dia-02 dial Dialogue dialog_main VO vo2 narr narrator ADR_take3 speech "
            "voice_over reel1_dxA dxmain sceneDX dialogues dx_wind dialogue_room",
        ),
        (Role.MUSIC, "mx MX_2 mus music reel_music_loud score song MusicBed mxfull mx_voices music_room"),
        (Role.FX, "fx SFX1 efx effects foley hits crash_hit fx_wind sfx_room fxhard foleyRoom"),
        (Role.AMBIENCE, "amb amb2 Ambience ambiance atmo atmos1 BG bg_town backgrounds room RoomTone roomtone_01 wind"),
    ],
)
def test_roles_are_told_from_the_words_of_a_name(role: Role, names: str) -> None:
    told = {name: role_of(name)[0] for name in names.split()}
    wrong = {name: found for name, found in told.items() if found is not role}
    assert wrong == {}


@pytest.mark.parametrize(
    "name", ["take 7", "01", "final", "diamond", "amber", "bgmx", "muse", "efxx", "voxel", "hitch", "Größe"]
)
def test_a_name_that_tells_nothing_is_not_read_into(name: str) -> None:
    assert role_of(name) == (None, [])


def test_a_label_outranks_a_description_wherever_they_stand() -> None:
    assert role_of("room_dx") == (Role.DIALOGUE, ["dx"])
    assert role_of("wind_score") == (Role.AMBIENCE, ["wind", "score"])


def test_a_folder_becomes_a_project_beside_it(tmp_path: Path) -> None:
    folder = sounding(tmp_path / "film_reel3", "film_reel3_dx.flac", "film_reel3_mx.WAV", "film_reel3_amb.aif")
    project, path, notes = create_project(folder, "film")
    assert path == tmp_path / "film_reel3.json"
    assert path.read_text("utf-8") == canonical(project)
    assert read_project(path) == project
    assert (project.title, project.profile, project.sample_rate) == ("Film reel 3", "film", 48_000)
    assert [(stem.id, stem.role.value, stem.file) for stem in project.stems] == [
        ("amb", "ambience", "film_reel3/film_reel3_amb.aif"),
        ("dx", "dialogue", "film_reel3/film_reel3_dx.flac"),
        ("mx", "music", "film_reel3/film_reel3_mx.WAV"),
    ]
    assert [(d.name, d.kind) for d in project.deliverables] == [("printmaster", "printmaster"), ("stems", "stems")]
    assert notes == []


def test_every_kind_of_file_it_says_it_takes_is_taken(tmp_path: Path) -> None:
    names = ["dx.wav", "mx.flac", "fx.aif", "amb.AIFF", "vo.mp3", "bg.Ogg"]
    assert len(roles(sounding(tmp_path / "reel", *names))) == len(names)


def test_stems_stand_in_natural_order(tmp_path: Path) -> None:
    folder = sounding(tmp_path / "reel", "dx10.wav", "dx2.wav", "Dx1.wav")
    assert list(roles(folder)) == ["Dx1", "dx2", "dx10"]


def test_a_file_whose_role_cannot_be_told_is_placed_as_fx_and_named(tmp_path: Path) -> None:
    project, _, notes = create_project(sounding(tmp_path / "reel", "take7.wav", "dx.wav"), "film")
    assert [stem.role.value for stem in project.stems] == ["dialogue", "fx"]
    assert notes == ["could not tell what take7.wav is; placed as fx"]


def test_a_name_that_says_two_things_is_placed_by_the_first_and_named(tmp_path: Path) -> None:
    _, _, notes = create_project(sounding(tmp_path / "reel", "music_fx.wav"), "film")
    assert notes == ["music_fx.wav could be more than one thing (music, fx); placed as music"]


def test_what_all_names_share_does_not_tell_their_roles(tmp_path: Path) -> None:
    folder = sounding(tmp_path / "reel", "music_video_dx.wav", "music_video_mx.wav")
    assert list(roles(folder).values()) == ["dialogue", "music"]


def test_a_shared_beginning_that_tells_the_role_stays_in_the_ids(tmp_path: Path) -> None:
    assert roles(sounding(tmp_path / "reel", "dx_anna.wav", "dx_ben.wav")) == {
        "dx_anna": "dialogue",
        "dx_ben": "dialogue",
    }


def test_ids_can_stand_in_file_names_and_are_unique_whatever_the_case(tmp_path: Path) -> None:
    names = ["DX.wav", "dx.flac", "-fx (loud)!.wav", "Geräusche.wav", "日本.wav", "日本.flac", "a" * 90 + ".wav"]
    ids = list(roles(sounding(tmp_path / "reel", *names)))
    assert len({identifier.casefold() for identifier in ids}) == len(names)
    assert {"dx", "DX_2", "fx_loud", "Gerausche", "stem", "stem_2", "a" * 60} == set(ids)


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    folder = sounding(tmp_path / "reel", "dx.wav", "._mx.wav")
    (folder / "notes.txt").touch()
    (folder / "old.wav").mkdir()
    (folder / ".DS_Store").touch()
    _, _, notes = create_project(folder, "film")
    assert notes == ["left out, as hidden or no audio by name: ._mx.wav, notes.txt, old.wav/"]


def test_all_files_that_cannot_be_read_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    folder = sounding(tmp_path / "reel", "dx.wav")
    (folder / "empty.wav").touch()
    (folder / "text.flac").write_text("no audio")
    with pytest.raises(StemError) as caught:
        create_project(folder, "film")
    lines = str(caught.value).splitlines()
    assert ["empty.wav" in lines[0], "text.flac" in lines[1], len(lines)] == [True, True, 2]
    assert list(tmp_path.iterdir()) == [folder]


def test_the_commonest_rate_is_the_projects_and_48_khz_on_a_tie(tmp_path: Path) -> None:
    folder = sounding(tmp_path / "reel", "dx.wav", "mx.wav", rate_hz=44_100)
    project, _, notes = create_project(sounding(folder, "fx.wav", rate_hz=96_000), "film", force=True)
    assert project.sample_rate == 44_100
    assert notes == ["stems at 96000 Hz will be brought to the project's 44100 Hz"]
    project, _, _ = create_project(sounding(folder, "amb.wav", rate_hz=96_000), "film", force=True)
    assert project.sample_rate == 48_000


def test_a_rate_that_no_project_has_is_not_chosen(tmp_path: Path) -> None:
    project, _, notes = create_project(sounding(tmp_path / "reel", "dx.wav", rate_hz=16_000), "film")
    assert project.sample_rate == 48_000
    assert any("16000 Hz" in note for note in notes)


def test_a_project_that_exists_is_replaced_only_by_force(tmp_path: Path) -> None:
    folder = sounding(tmp_path / "reel", "dx.wav")
    path = tmp_path / "reel.json"
    path.write_text("mine")
    with pytest.raises(OutputError, match=r"reel\.json: exists already; --force replaces it"):
        create_project(folder, "film")
    assert path.read_text() == "mine"
    create_project(folder, "film", force=True)
    assert read_project(path).title == "Reel"


@pytest.mark.parametrize("name", ["missing", "file.wav", "bare"])
def test_a_folder_that_is_none_or_holds_no_audio_is_a_stem_error_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.wav").touch()
    (tmp_path / "bare").mkdir()
    with pytest.raises(StemError, match=name):
        create_project(tmp_path / name, "film")


def test_an_unknown_profile_is_told_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="profile 'opera' is none of film"):
        create_project(tmp_path, "opera")


@pytest.mark.parametrize("name", ["dx\n.wav", "dx\\1.wav", "dx\udcff.wav"])
def test_a_name_that_cannot_stand_in_a_project_is_refused(tmp_path: Path, name: str) -> None:
    folder = sounding(tmp_path / "reel", "ok.wav")
    (folder / "ok.wav").rename(folder / name)
    with pytest.raises((StemError, ProjectError), match="dx"):
        create_project(folder, "film")


def test_the_folder_may_be_the_one_we_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sounding(tmp_path / "reel", "dx.wav"))
    _, path, _ = create_project(Path(), "film")
    assert path.samefile(tmp_path / "reel.json")


@pytest.mark.parametrize("reel", ["harbour", "siege"])
def test_real_reels_are_placed_without_a_hand(tmp_path: Path, reel: str) -> None:
    if not REELS.is_dir():
        pytest.skip("the reels are not beside the repository")
    folder = tmp_path / reel
    folder.mkdir()
    for file in (REELS / reel).glob("*.flac"):
        shutil.copy(file, folder)
    assert roles(folder) == {name: name for name in ("ambience", "dialogue", "fx", "music")}
