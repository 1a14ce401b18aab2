"""A project out of a folder: nothing guessed in silence, nothing left out in silence."""

from __future__ import annotations

import json
import shutil
import unicodedata
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pytest
import soundfile

from stemmix.cli import main
from stemmix.create import create_project, role_of
from stemmix.errors import OutputError, ProjectError, StemError
from stemmix.files.broadcast import BroadcastInfo
from stemmix.files.documents import canonical
from stemmix.files.projects import read_project
from stemmix.files.writer import WaveWriter
from stemmix.looking import examine
from stemmix.model.layouts import MONO, STEREO
from stemmix.model.profiles import PROFILES, ProfileName, Role
from stemmix.model.timecode import as_typed
from tests.material import (
    RATE_HZ,
    chords,
    clicks,
    edited,
    plan_in,
    read_audio,
    rendered,
    silent_progress,
    voice,
    write_audio,
)

REELS = Path(__file__).resolve().parents[1] / ".." / "shared" / "reels"


def sounding(folder: Path, *names: str, rate_hz: int = 48_000) -> Path:
    """The folder, with a short stereo file of each name."""
    folder.mkdir(exist_ok=True)
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, (2_000, 2))
    for name in names:
        container = {"aif": "AIFF", "aiff": "AIFF", "oga": "OGG", "opus": "OGG"}.get(name.rpartition(".")[2].lower())
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
            "dx DX1 film_reel3_dx dia-02 dial Dialogue dialog_main VO vo2 ADR_take3 speech "
            "voice_over voiceover reel1_dxA dxmain sceneDX dialogues dx_wind dialogue_room host guest2 interview "
            "ITV_anna mic1 speaker_b lav presenter announcer dx_guitar",
        ),
        (
            Role.MUSIC,
            "mx MX_2 mus music reel_music_loud score song MusicBed mxfull mx_voices music_room bass drums kick snare "
            "gtr guitar keys piano synth strings brass pad perc beat horns bgv backing_vocals choir "
            "background_music AmbientMusic BG_music_loop theme_open jingle2 stinger underscore",
        ),
        (Role.LEAD, "vocals singer"),
        (
            Role.FX,
            "fx SFX1 efx effects hits crash_hit fx_wind sfx_room fxhard footsteps explosion fx_bass",
        ),
        (Role.NARRATION, "narr narrator narration_2"),
        (Role.FOLEY, "foley foleyRoom fol_1"),
        (Role.WALLA, "walla crowd"),
        (
            Role.AMBIENCE,
            "amb amb2 Ambience ambiance atmo atmos1 BG bg_town bg_dialogue background_vo backgrounds room RoomTone "
            "roomtone_01 wind",
        ),
    ],
)
def test_roles_are_told_from_the_words_of_a_name(role: Role, names: str) -> None:
    for profile in set(get_args(ProfileName)) - {"music"}:
        told = {name: role_of(name, profile)[0] for name in names.split()}
        wrong = {name: found for name, found in told.items() if found is not role}
        assert (profile, wrong) == (profile, {})


@pytest.mark.parametrize(
    ("role", "names"),
    [
        (Role.LEAD, "lead_vox vox LeadVox leadvocal voice vocals lead lead_vocal singer rap VO melody narration"),
        (
            Role.MUSIC,
            "bass drums gtr lead_gtr gtr_lead synth_lead bgv bg_vox backing_vocals choir vox_harmony lead_bgv beat "
            "piano_solo music mx song",
        ),
        (Role.FX, "fx vox_fx riser_sfx"),
        (Role.AMBIENCE, "amb crowd_ambience"),
        (Role.DIALOGUE, "dialogue dx"),
    ],
)
def test_in_a_song_a_voice_is_the_lead_and_what_backs_it_is_not(role: Role, names: str) -> None:
    told = {name: role_of(name, "music")[0] for name in names.split()}
    assert {name: found for name, found in told.items() if found is not role} == {}


@pytest.mark.parametrize(
    "name",
    [
        "take 7",
        "01",
        "final",
        "diamond",
        "amber",
        "bgmx",
        "muse",
        "efxx",
        "voxel",
        "hitch",
        "Größe",
        "car_horn",
        "engine_loop",
    ],
)
def test_a_name_that_tells_nothing_is_not_read_into(name: str) -> None:
    assert [role_of(name, profile) for profile in PROFILES] == [(None, [])] * len(PROFILES)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_is_read_without_its_accents_however_they_are_written(form: Literal["NFC", "NFD"]) -> None:
    """Some systems write them as signs of their own, which would part a word in two."""
    names = {"música": Role.MUSIC, "Diálogos": Role.DIALOGUE, "ambiência_2": Role.AMBIENCE, "音楽_mx": Role.MUSIC}
    assert {name: role_of(unicodedata.normalize(form, name), "film")[0] for name in names} == names


def test_a_label_outranks_a_description_wherever_they_stand() -> None:
    assert role_of("room_dx", "film") == (Role.DIALOGUE, ["dx"])
    assert role_of("wind_score", "film") == (Role.AMBIENCE, ["wind", "score"])


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


def test_a_folder_that_no_file_can_be_called_by_is_no_project(tmp_path: Path) -> None:
    folder = sounding(tmp_path / "what?", "dx.wav")
    with pytest.raises(ProjectError, match=r"contains '\?', .* give the folder another name"):
        create_project(folder, "film")
    assert not folder.with_name("what?.json").exists()


def test_mono_files_of_a_layouts_channels_are_one_stem(tmp_path: Path) -> None:
    """As `"split": true` writes them; what lacks a channel, or is of another length, is left as it is."""
    folder = tmp_path / "reel"
    folder.mkdir()
    for label in ("L", "R", "C", "LFE", "Ls", "Rs"):
        write_audio(folder / f"fx.{label}.wav", np.full((2_000, 1), 0.1))
    for name, frames in (("mx_L", 2_000), ("mx_R", 2_000), ("amb-L", 2_000), ("amb-R", 1_999), ("dx.C", 2_000)):
        write_audio(folder / f"{name}.wav", np.full((frames, 1), 0.1))
    for name, rate_hz, channels in (("a.L.wav", 48_000, 1), ("a_R.wav", 48_000, 1), ("b.L.wav", 48_000, 1),
                                    ("b.R.wav", 44_100, 1), ("c.L.wav", 48_000, 1), ("c.R.flac", 48_000, 1),
                                    ("d.L.wav", 48_000, 2), ("d.R.wav", 48_000, 2)):  # fmt: skip
        write_audio(folder / name, np.full((2_000, channels), 0.1), rate_hz)
    project, path, notes = create_project(folder, "film")
    assert [stem.id for stem in project.stems if stem.files is not None] == ["fx", "mx"]
    alone = [stem.id for stem in project.stems if stem.file is not None]
    assert alone == ["a.L", "a_R", "amb-L", "amb-R", "b.L", "b.R", "c.L", "c.R", "d.L", "d.R", "dx.C"]
    by_id = {stem.id: stem for stem in project.stems}
    assert by_id["mx"].files == {"L": "reel/mx_L.wav", "R": "reel/mx_R.wav"}
    assert by_id["mx"].role.value == "music"
    assert "mx_L.wav, mx_R.wav form one stem, in 2.0" in notes
    checked = {stem.id: stem.facts.source_layout for stem in examine(path, progress=silent_progress).stems}
    assert (checked["fx"], checked["mx"], checked["amb-L"]) == ("5.1", "2.0", "1.0")


def test_stems_stand_in_natural_order(tmp_path: Path) -> None:
    folder = sounding(tmp_path / "reel", "dx10.wav", "dx2.wav", "Dx1.wav")
    assert list(roles(folder)) == ["Dx1", "dx2", "dx10"]


def test_a_file_whose_role_cannot_be_told_is_placed_as_fx_and_named(tmp_path: Path) -> None:
    project, _, notes = create_project(sounding(tmp_path / "reel", "take7.wav", "dx.wav"), "film")
    assert [stem.role.value for stem in project.stems] == ["dialogue", "fx"]
    assert notes == ["could not tell what take7.wav is; placed as fx"]


def test_in_a_song_it_is_placed_as_music(tmp_path: Path) -> None:
    project, _, notes = create_project(sounding(tmp_path / "song", "take7.wav", "vox.wav"), "music")
    assert [stem.role.value for stem in project.stems] == ["music", "lead"]
    assert notes == ["could not tell what take7.wav is; placed as music"]


def test_a_name_that_says_two_things_is_placed_by_the_first_and_named(tmp_path: Path) -> None:
    _, _, notes = create_project(sounding(tmp_path / "reel", "music_fx.wav", "dx.wav"), "film")
    assert notes == ["music_fx.wav could be more than one thing (music, fx); placed as music"]


@pytest.mark.parametrize(
    ("profile", "names", "said"),
    [
        ("music", "bass.wav drums.wav", "the profile clears lead, but no stem has such a role: nothing is cut"),
        (
            "film",
            "mx.wav fx.wav",
            "the profile clears dialogue and narration, but no stem has such a role: nothing is cut",
        ),
        (
            "game",
            "mx.wav amb.wav",
            "the profile clears dialogue and narration and fx, but no stem has such a role: nothing is cut",
        ),
        ("game", "mx.wav fx.wav", None),
        ("podcast", "host.wav mx.wav", None),
        ("documentary", "itv1.wav mx.wav", None),
        ("music", "lead.wav drums.wav", None),
    ],
)
def test_it_is_said_where_no_stem_is_what_the_profile_clears(
    tmp_path: Path, profile: str, names: str, said: str | None
) -> None:
    _, _, notes = create_project(sounding(tmp_path / "reel", *names.split()), profile)
    assert [said is not None and note.startswith(said) and "--profile" in note for note in notes] == [True] * bool(said)


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


def test_every_kind_of_stem_is_taken_by_the_endings_that_it_has(tmp_path: Path) -> None:
    """Opus lies in an Ogg, most often under a name of its own."""
    names = ["amb.w64", "amb2.CAF", "dx.opus", "fx.oga", "fx2.aiff", "mx.flac", "mx2.ogg", "vo.MP3"]
    project, _, notes = create_project(sounding(tmp_path / "reel", *names), "film")
    assert sorted(Path(stem.file or "").name for stem in project.stems) == sorted(names)
    assert not [note for note in notes if "left out" in note]


def test_audio_that_cannot_be_read_is_no_stem_that_is_left_out(tmp_path: Path) -> None:
    """But beside a file that was decoded from it, it is what that was made of."""
    folder = sounding(tmp_path / "reel", "dx.wav", "guest.wav")
    for name in ("guest.M4A", "theme.m4a", "room.aac", "picture.mp4"):
        (folder / name).touch()
    with pytest.raises(StemError) as caught:
        create_project(folder, "film")
    said = [
        f"{folder / name}: {name[-3:].upper()} cannot be read: decode it to WAV or FLAC, or move it out of the folder"
        for name in ("room.aac", "theme.m4a")
    ]
    assert str(caught.value).splitlines() == said
    for name in ("room.aac", "theme.m4a"):
        (folder / name).unlink()
    _, _, notes = create_project(folder, "film")
    assert "left out, because hidden or not a stem's audio: guest.M4A, picture.mp4" in notes


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    folder = sounding(tmp_path / "reel", "dx.wav", "._mx.wav")
    (folder / "notes.txt").touch()
    (folder / "old.wav").mkdir()
    (folder / ".DS_Store").touch()
    _, _, notes = create_project(folder, "film")
    assert notes == ["left out, because hidden or not a stem's audio: ._mx.wav, notes.txt, old.wav/"]


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
    with pytest.raises(OutputError, match=r"reel\.json: already exists; --force replaces it"):
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
    with pytest.raises(ProjectError, match="profile 'opera' is not one of film"):
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


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A folder of stems as a band sends them: the guitars play all along, and the voice comes in for two lines."""
    frames = 5 * RATE_HZ
    folder = tmp_path / "song"
    write_audio(folder / "lead_vox.wav", voice(frames, ((0.8, 2.0), (3.0, 4.2))))
    write_audio(folder / "gtr.wav", 1.2 * chords(frames))
    write_audio(folder / "bgv.wav", 0.02 * chords(frames, seed=5))
    write_audio(folder / "drums.wav", 0.3 * clicks(frames, (0.0, 1.0, 2.0, 3.0, 4.0)))
    return folder


def test_from_a_folder_of_a_song_to_a_mix_in_which_the_bed_is_cut_for_the_lead(song: Path) -> None:
    """Made, looked at and rendered with nothing set by hand: cut where the lead sings and is hidden, nowhere else."""
    project, path, notes = create_project(song, "music")
    assert {stem.id: stem.role.value for stem in project.stems} == {
        "lead_vox": "lead",
        "gtr": "music",
        "bgv": "music",
        "drums": "music",
    }
    assert notes == []
    seen = examine(path, progress=silent_progress).plan
    assert {line.target for line in seen.lines} == {"lead_vox"}
    assert any(line.clarity_after > line.clarity_before + 0.02 for line in seen.lines)

    rendered(path)
    assert plan_in(path.parent / "out").moves == seen.moves
    assert "gtr" in {move.stem for move in seen.moves}
    assert "lead_vox" not in {move.stem for move in seen.moves}, "the profile leaves the lead itself alone"
    came, printed = read_audio(song / "gtr.wav"), read_audio(path.parent / "out" / "song_stems_gtr.wav")

    def change_db(start_s: float, end_s: float) -> float:
        """Of what is printed against what came, where a voice has its words."""
        span = slice(round(start_s * RATE_HZ), round(end_s * RATE_HZ))
        inside = [int(hz * (end_s - start_s)) for hz in (700, 4000)]
        power = [(abs(np.fft.rfft(x[span], axis=0))[slice(*inside)] ** 2).sum() for x in (printed, came)]
        return float(10 * np.log10(power[0] / power[1]))

    assert change_db(3.2, 4.0) < change_db(0.0, 0.2) - 1.0


@pytest.mark.parametrize("profile", ["music", "film"])
def test_a_mix_without_a_stem_that_the_profile_clears_says_why_nothing_is_cut(song: Path, profile: str) -> None:
    """As long as it is so: where the project is looked at, and in the receipt."""
    _, path, _ = create_project(song, profile)
    edited(path, lambda document: [stem.update(role="music") for stem in document["stems"]])
    wanted = " and ".join(PROFILES[profile].targets)
    receipt = rendered(path)
    (note,) = examine(path, progress=silent_progress).plan.notes
    assert note == receipt.warnings[0]
    assert note.startswith(f"the profile clears {wanted}, but no stem has such a role: nothing is cut")
    assert f'"role": "{PROFILES[profile].targets[0]}"' in note
    assert plan_in(path.parent / "out").moves == ()


# ---- by time references ----------------------------------------------------------------------------------------------

HOUR = 3600


def recorded(folder: Path, **references: tuple[int, Fraction | None, bool] | int | None) -> Path:
    """The folder, with a broadcast WAVE file of each name: its time reference in samples, its frame rate and whether it
    drops frames; a plain file where there is none."""
    folder.mkdir(exist_ok=True)
    for name, said in references.items():
        path = folder / f"{name}.wav"
        if said is None:
            sounding(folder, path.name)
            continue
        reference, rate, drop = said if isinstance(said, tuple) else (said, None, False)
        about = BroadcastInfo(time_reference=reference, frame_rate=rate, drop_frame=drop)
        with WaveWriter(path, "wav24", RATE_HZ, STEREO, 2_000, metadata=about) as writer:
            writer.write(np.zeros((2_000, 2), np.int32))
            writer.finish()
    return folder


PAL, NTSC = Fraction(25), Fraction(30_000, 1001)


@pytest.mark.parametrize(
    ("rate", "drop", "reference", "frame_rate", "start"),
    [
        (PAL, False, 3 * HOUR * RATE_HZ, "25", "03:00:00:00"),
        (PAL, False, 3 * HOUR * RATE_HZ + 12 * 1920, "25", "03:00:00:12"),
        (NTSC, False, 107_892 * 8008 // 5, "29.97", "00:59:56:12"),
        (NTSC, True, 107_892 * 8008 // 5, "29.97df", "01:00:00;00"),
        (PAL, False, 3 * HOUR * RATE_HZ + 960, "25", 3 * HOUR + 0.02),
        (None, False, 3 * HOUR * RATE_HZ, None, 3.0 * HOUR),
    ],
)
def test_stems_stand_where_they_stood_and_the_earliest_begins_the_programme(
    tmp_path: Path, rate: Fraction | None, drop: bool, reference: int, frame_rate: str | None, start: str | float
) -> None:
    """As a timecode where that is known and falls on a frame, else as seconds; the sample is the file's own."""
    folder = recorded(tmp_path / "reel", dx=(reference, rate, drop), mx=(reference + 4_801, rate, drop))
    project, path, notes = create_project(folder, "film")
    assert (project.frame_rate, project.start) == (frame_rate, start)
    assert [stem.at for stem in project.stems] == [None, None]
    assert read_project(path).time_reference == reference
    assert [note for note in notes if "dx.wav" in note] == [
        f"stems are placed by their time references: the programme begins with dx.wav, at {as_typed(start)}"
    ]


def test_a_stem_without_a_reference_among_others_is_placed_at_the_beginning_and_said(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "reel", dx=HOUR * RATE_HZ, mx=0, amb=None, fx=25 * HOUR * RATE_HZ)
    project, _, notes = create_project(folder, "film")
    assert {stem.id: stem.at for stem in project.stems} == {"amb": 0.0, "dx": None, "fx": 0.0, "mx": 0.0}
    assert project.start == HOUR
    assert "mx.wav has no time reference: placed at the programme's beginning (at: 0.0)" in notes
    assert any(note.startswith("fx.wav has a time reference past 24 hours: placed") for note in notes)


def test_where_no_file_has_a_reference_nothing_is_said_of_time(tmp_path: Path) -> None:
    project, _, notes = create_project(recorded(tmp_path / "reel", dx=(0, PAL, False), mx=None), "film")
    assert (project.frame_rate, project.start) == (None, None)
    assert [stem.at for stem in project.stems] == [None, None]
    assert notes == []


def test_files_that_do_not_agree_on_a_frame_rate_are_named_and_stems_hours_apart_too(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "reel", dx=(HOUR * RATE_HZ, PAL, False), mx=(3 * HOUR * RATE_HZ, NTSC, False))
    project, _, notes = create_project(folder, "film")
    assert (project.frame_rate, project.start) == (None, 3600.0)
    assert "the files do not agree on a frame rate (25 in dx.wav, 29.97 in mx.wav): none is written" in notes
    assert "mx.wav begins 2.0 hours later: does it belong to this programme?" in notes


def test_a_frame_rate_that_no_project_has_is_said(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "reel", dx=(HOUR * RATE_HZ, Fraction(48), False))
    project, _, notes = create_project(folder, "film")
    assert (project.frame_rate, project.start) == (None, 3600.0)
    assert "dx.wav: counts 48 frames a second, which no project can" in notes


# ---- by a template ---------------------------------------------------------------------------------------------------


def house(path: Path, **fields: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": "stemmix.project/2", **fields}))
    return path


def test_a_project_extends_its_template_and_leaves_to_it_what_it_gives(tmp_path: Path) -> None:
    mixes = [{"name": "mix", "preset": "ebu-r128"}]
    template = house(tmp_path / "house" / "series.json", profile="music", sample_rate=96_000, deliverables=mixes)
    _, path, notes = create_project(sounding(tmp_path / "reel", "vox.wav", "gtr.wav"), template=template)
    assert json.loads(path.read_text()) == {
        "schema": "stemmix.project/2",
        "extends": "house/series.json",
        "title": "Reel",
        "stems": [
            {"id": "gtr", "role": "music", "file": "reel/gtr.wav"},
            {"id": "vox", "role": "lead", "file": "reel/vox.wav"},
        ],
    }
    assert notes == ["stems at 48000 Hz will be brought to the project's 96000 Hz"]


def test_what_a_template_does_not_give_is_written_as_ever(tmp_path: Path) -> None:
    template = house(tmp_path / "house.json", priorities={"fx": 70})
    project, path, _ = create_project(sounding(tmp_path / "reel", "dx.wav", rate_hz=44_100), template=template)
    assert [wanted.name for wanted in project.deliverables] == ["printmaster", "stems"]
    assert (project.sample_rate, project.profile) == (44_100, "film")
    assert "priorities" not in path.read_text()


def test_a_profile_that_is_given_stands_over_the_templates_even_where_it_is_the_default(tmp_path: Path) -> None:
    template = house(tmp_path / "house.json", profile="music")
    project, path, _ = create_project(sounding(tmp_path / "reel", "vox.wav"), "film", template=template)
    assert json.loads(path.read_text())["profile"] == "film"
    assert [stem.role for stem in project.stems] == [Role.DIALOGUE]


def test_the_frame_rate_of_a_template_holds_and_the_start_is_told_in_it(tmp_path: Path) -> None:
    template = house(tmp_path / "house.json", frame_rate="24")
    folder = recorded(tmp_path / "reel", dx=(HOUR * RATE_HZ, PAL, False))
    project, path, notes = create_project(folder, template=template)
    assert project.start == "01:00:00:00"
    assert "frame_rate" not in json.loads(path.read_text())
    assert "dx.wav counts 25 frames a second; the project 24" in notes


def test_a_template_elsewhere_is_reached_by_a_named_root_or_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = house(tmp_path / "shared" / "mixing" / "house.json")
    (tmp_path / "film").mkdir()
    folder = sounding(tmp_path / "film" / "reel", "dx.wav")
    with pytest.raises(ProjectError, match=r"house\.json lies outside .*: copy it there, or .* STEMMIX_ROOT_HOUSE=/"):
        create_project(folder, template=template)
    assert not (tmp_path / "film" / "reel.json").exists()
    monkeypatch.setenv("STEMMIX_ROOT_ALL", str(tmp_path))
    monkeypatch.setenv("STEMMIX_ROOT_HOUSE", str(tmp_path / "shared"))
    _, path, _ = create_project(folder, template=template)
    assert json.loads(path.read_text())["extends"] == "house:mixing/house.json", "the nearest root"


def test_a_template_that_is_none_or_the_project_itself_is_refused(tmp_path: Path) -> None:
    folder = sounding(tmp_path / "reel", "dx.wav")
    with pytest.raises(ProjectError, match=r"house\.json: there is no such file"):
        create_project(folder, template=tmp_path / "house.json")
    house(tmp_path / "reel.json")
    with pytest.raises(ProjectError, match="it cannot extend itself"):
        create_project(folder, template=tmp_path / "reel.json", force=True)


def test_the_command_takes_a_template_and_says_what_became_of_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = house(tmp_path / "house.json", profile="music")
    folder = recorded(tmp_path / "song", vox=(HOUR * RATE_HZ, PAL, False), gtr=None)
    assert main(["init", str(folder), "--template", str(template)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'song.json'}\n"
    assert "lead      vox: song/vox.wav" in err
    assert "note: stems are placed by their time references: the programme begins with vox.wav, at 01:00:00:00" in err
    assert "note: gtr.wav has no time reference: placed at the programme's beginning (at: 0.0)" in err
    (tmp_path / "film").mkdir()
    assert main(["init", str(sounding(tmp_path / "film" / "reel", "dx.wav")), "--template", str(template)]) == 3
    assert "copy it there, or name its folder as a root" in capsys.readouterr().err


def test_a_project_by_a_template_is_what_both_say_and_renders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a template that itself extends another, to the mix."""
    house(tmp_path / "house" / "all.json", profile="podcast", priorities={"fx": 70})
    template = house(tmp_path / "house" / "show.json", extends="all.json", deliverables=[{"name": "show"}])
    folder = tmp_path / "reel"
    write_audio(folder / "host.wav", voice(2 * RATE_HZ, ((0.2, 1.8),)))
    write_audio(folder / "mx.wav", 0.3 * chords(2 * RATE_HZ))
    assert main(["init", str(folder), "--template", str(template)]) == 0
    assert "note:" not in capsys.readouterr().err
    whole = read_project(tmp_path / "reel.json")
    assert (whole.profile, whole.priorities, whole.extends) == ("podcast", {Role.FX: 70}, None)
    assert {stem.id: stem.role for stem in whole.stems} == {"host": Role.DIALOGUE, "mx": Role.MUSIC}
    assert main(["fmt", "--check", str(tmp_path / "reel.json")]) == 0
    receipt = rendered(tmp_path / "reel.json")
    assert receipt.request == whole, "a receipt holds the whole of it"
    assert [file.deliverable for file in receipt.files] == ["show"]
    house(template, extends="all.json", deliverables=[{"name": "show"}, {"name": "loud", "target_lufs": -14.0}])
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "out" / "reel.receipt.json")]) == 0
    assert "changed: project reel.json: + deliverable loud: printmaster" in capsys.readouterr().out


def test_what_of_a_template_does_not_go_with_these_stems_is_said_and_the_project_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dubs = [{"name": "mix"}, {"name": "dub", "kind": "mix_minus", "without": ["NARR"]}]
    template = house(tmp_path / "house.json", deliverables=dubs)
    assert main(["init", str(sounding(tmp_path / "reel", "dx.wav")), "--template", str(template)]) == 0
    err = capsys.readouterr().err
    assert f"note: with its template it is not valid yet: {template}:1:" in err
    assert "'NARR' is not a stem of this project" in err
    assert (tmp_path / "reel.json").exists()


def test_channels_that_begin_at_other_times_are_not_one_stem(tmp_path: Path) -> None:
    folder = tmp_path / "reel"
    folder.mkdir()
    for number, name in enumerate(("fx.L", "fx.R", "mx.L", "mx.R")):
        about = BroadcastInfo(time_reference=HOUR * RATE_HZ + (number if name.startswith("fx") else 0))
        with WaveWriter(folder / f"{name}.wav", "wav24", RATE_HZ, MONO, 2_000, metadata=about) as writer:
            writer.write(np.full((2_000, 1), 1 << 20, np.int32))
            writer.finish()
    _, path, _ = create_project(folder, "film")
    plan = examine(path, progress=silent_progress).plan
    assert {stem.id: stem.at for stem in plan.stems} == {"fx.L": 0, "fx.R": 1, "mx": 0}


def test_references_all_over_a_day_are_of_no_night(tmp_path: Path) -> None:
    hours = {"dx": 1, "mx": 10, "fx": 20}
    folder = recorded(tmp_path / "reel", **{name: hour * HOUR * RATE_HZ for name, hour in hours.items()})
    project, path, notes = create_project(folder, "film")
    assert project.start == 3600.0
    assert any("fx.wav begins 19.0 hours later" in note for note in notes)
    assert read_project(path) == project


def test_a_night_that_is_shot_through_goes_on_after_midnight(tmp_path: Path) -> None:
    """The programme begins before midnight, and a stem 9 s later stands there, not 24 hours earlier."""
    day = 24 * HOUR * RATE_HZ
    folder = recorded(tmp_path / "reel", dx=(day - 4 * RATE_HZ, PAL, False), mx=(5 * RATE_HZ, PAL, False))
    sounding(folder, "fx.wav")
    project, path, notes = create_project(folder, "film")
    assert project.start == "23:59:56:00"
    assert not any("hours later" in note for note in notes)
    plan = examine(path, progress=silent_progress).plan
    assert {stem.id: stem.at for stem in plan.stems} == {"dx": 0, "fx": 0, "mx": 9 * RATE_HZ}


def test_stems_placed_by_their_references_are_rendered_where_they_stood(tmp_path: Path) -> None:
    """The later one begins as many samples into the programme as its reference says, and the files carry the start."""
    folder = recorded(tmp_path / "reel", dx=(HOUR * RATE_HZ, PAL, False), mx=(HOUR * RATE_HZ + 4_801, PAL, False))
    with WaveWriter(folder / "fx.wav", "wav24", RATE_HZ, STEREO, 2_000, metadata=None) as writer:
        writer.write(np.full((2_000, 2), 1 << 20, np.int32))
        writer.finish()
    _, path, _ = create_project(folder, "film")
    plan = examine(path, progress=silent_progress).plan
    assert {stem.id: stem.at for stem in plan.stems} == {"dx": 0, "fx": 0, "mx": 4_801}
