"""`engine.master`: one linear gain by the method that is asked for, a limiter at the ceiling; what is said of both."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from stemmix.engine.bus import Job
from stemmix.engine.gauge import Programme
from stemmix.engine.master import Given, _Mastering
from stemmix.files import writer
from stemmix.files.scratch import Scratch
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, fold_matrix
from stemmix.model.presets import PRESETS
from tests.delivering import LSB, Floats, checks, delivered, found, job_of, loudness_lufs, peak_32x_db, rms_db
from tests.material import RATE_HZ, chords, clicks, noise, read_audio, voice

FRAMES = 4 * RATE_HZ


@pytest.fixture(scope="module")
def music() -> list[Floats]:
    return [0.5 * chords(FRAMES), clicks(FRAMES, (0.5, 1.9, 3.1)), noise(FRAMES, rms=0.01)]


def mix(**fields: Any) -> dict[str, Any]:
    return {"name": "mix", "max_limiting_db": 24.0} | fields


# ---- fold-downs ------------------------------------------------------------------------------------------------------


def test_a_fold_down_has_its_own_gain_for_its_own_loudness(tmp_path: Path, music: list[Floats]) -> None:
    """Mono of what is wide is softer: with the parent's gain it would miss the same target."""
    files = delivered(
        job_of(tmp_path, music, mix(target_lufs=-24.0), {"name": "mono", "kind": "fold_down", "layout": "1.0"})
    )
    parent, fold = files["reel_mix.wav"], files["reel_mono.wav"]
    assert (fold.kind, fold.layout, fold.parent, fold.specification) == ("fold_down", "1.0", None, parent.specification)
    samples = read_audio(tmp_path / "reel_mono.wav")
    assert samples.shape == (FRAMES, 1)
    assert loudness_lufs(samples) == pytest.approx(-24.0, abs=0.05)
    assert fold.gain_db > parent.gain_db + 1.0
    folded = np.einsum("nc,tc->nt", sum(music[1:], music[0]), fold_matrix(STEREO, MONO))
    assert np.abs(samples - folded * 10 ** (fold.gain_db / 20)).max() <= 1.6 * LSB


def test_a_fold_down_has_its_own_limiter(tmp_path: Path) -> None:
    """What stands in both channels adds up: only the fold is over the ceiling."""
    both = np.repeat(0.5 * clicks(FRAMES, (0.5, 2.0))[:, :1], 2, axis=1) + noise(FRAMES, rms=0.02)
    loudness = loudness_lufs(both)
    ceiling_dbtp = round(peak_32x_db(both) + 1.0, 1)
    wanted = [
        mix(target_lufs=round(loudness, 2), ceiling_dbtp=ceiling_dbtp),
        {"name": "mono", "kind": "fold_down", "layout": "1.0", "max_limiting_db": 24.0},
    ]
    files = delivered(job_of(tmp_path, [both], *wanted))
    assert files["reel_mix.wav"].limiting is None
    limiting = files["reel_mono.wav"].limiting
    assert limiting is not None
    assert limiting.max_reduction_db > 1.0
    assert peak_32x_db(read_audio(tmp_path / "reel_mono.wav")) <= ceiling_dbtp + 0.02
    assert loudness_lufs(read_audio(tmp_path / "reel_mono.wav")) == pytest.approx(loudness, abs=0.05)


@pytest.mark.parametrize("layout", ["5.1", "7.1.4"])
def test_a_stereo_fold_down_of_surround_is_its_lo_ro_at_a_gain_and_ceiling_of_its_own(
    tmp_path: Path, layout: str
) -> None:
    wide = LAYOUTS[layout]
    bed = noise(FRAMES, wide.channels, rms=0.02)
    bed[:, :3] += 2.0 * clicks(FRAMES, (0.5, 2.0))[:, :1]
    wanted = [
        mix(layout=layout, target_lufs=-20.0, ceiling_dbtp=-6.0),
        {"name": "stereo", "kind": "fold_down", "layout": "2.0", "max_limiting_db": 24.0},
    ]
    files = delivered(job_of(tmp_path, [bed], *wanted))
    parent, fold = files["reel_mix.wav"], files["reel_stereo.wav"]
    assert (parent.layout, fold.layout, fold.specification) == (layout, "2.0", parent.specification)
    samples = read_audio(tmp_path / "reel_stereo.wav")
    assert loudness_lufs(samples) == pytest.approx(-20.0, abs=0.05)
    assert peak_32x_db(samples) <= -6.0 + 0.02
    assert fold.limiting is not None
    lo_ro = np.einsum("nc,tc->nt", bed, fold_matrix(wide, STEREO)) * 10 ** (fold.gain_db / 20)
    free = np.ones(FRAMES, bool)
    for start, end in fold.limiting.spans:
        free[start:end] = False
    assert free.mean() > 0.1
    assert np.abs(samples - lo_ro)[free].max() <= 1.6 * LSB
    assert fold.misses == parent.misses == ()


# ---- lossy files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["mp3", "ogg"])
def test_a_lossy_file_is_lowered_until_what_is_decoded_passes(
    tmp_path: Path, music: list[Floats], encoding: str
) -> None:
    """Driven hot: as limited for PCM, what comes out of the codec is over the ceiling."""
    wanted = mix(target_lufs=-12.0, ceiling_dbtp=-1.0)
    files = delivered(job_of(tmp_path, music, wanted | {"name": "pcm"}, wanted | {"format": encoding}))
    pcm, file = files["reel_pcm.wav"], files[f"reel_mix.{encoding}"]
    assert pcm.limiting is not None
    assert (file.format, file.misses) == (encoding, ())
    decoded = read_audio(tmp_path / file.path)
    assert peak_32x_db(decoded) <= -1.0 + 0.02
    assert loudness_lufs(decoded) == pytest.approx(-12.0, abs=0.05)
    assert file.measured.integrated_lufs == pytest.approx(loudness_lufs(decoded), abs=0.02)
    codec = found(file, "codec")
    assert codec.value is not None
    assert codec.value < -1.02, "it had to be lowered, or nothing is shown"
    assert "codec" not in checks(pcm)


def test_a_codec_that_adds_as_much_as_the_ceiling_comes_down_is_outrun(
    tmp_path: Path, music: list[Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures are those of a real mix, brought to -14 LUFS as MP3: limited lower by what it was over, three times,
    it was further over than at first."""
    ceilings_dbtp = (-3.0, -2.5, -2.0, -1.75, -1.5, -1.257, -1.127, -1.0)
    over_db = (-0.623, -0.132, 0.362, 0.530, 0.291, 0.194, 0.100, 0.097)
    monkeypatch.setattr(
        _Mastering, "over_db", lambda self, settled: float(np.interp(settled.ceiling_dbtp, ceilings_dbtp, over_db))
    )
    (file,) = delivered(job_of(tmp_path, music, mix(target_lufs=-14.0, ceiling_dbtp=-1.0, format="mp3"))).values()
    assert file.ceiling_dbtp is not None
    assert np.interp(file.ceiling_dbtp, ceilings_dbtp, over_db) <= 0.02
    assert file.ceiling_dbtp > -3.0, "no lower than it takes, or nearly"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("encoding", ["mp3", "ogg"])
def test_another_decoder_agrees_that_it_passes(tmp_path: Path, music: list[Floats], encoding: str) -> None:
    file = f"reel_mix.{encoding}"
    delivered(job_of(tmp_path, music, mix(target_lufs=-12.0, ceiling_dbtp=-1.0, format=encoding)))
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / file), "-f", "f64le", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    decoded = np.frombuffer(raw, "<f8").reshape(-1, 2)
    assert len(decoded) == FRAMES
    assert peak_32x_db(decoded) <= -1.0 + 0.05
    assert loudness_lufs(decoded) == pytest.approx(-12.0, abs=0.06)


# ---- limits ----------------------------------------------------------------------------------------------------------


def test_more_limiting_than_is_allowed_fails_and_the_file_is_written(tmp_path: Path, music: list[Floats]) -> None:
    wanted = {"name": "mix", "target_lufs": -14.0, "ceiling_dbtp": -6.0}
    (file,) = delivered(job_of(tmp_path, music, wanted | {"max_limiting_db": 3.0})).values()
    said = found(file, "limiting")
    assert file.limiting is not None
    assert (said.verdict, said.limit) == ("fail", 3.0)
    assert said.value == file.limiting.max_reduction_db > 3.0
    assert "allowed 3: lower its target, raise its ceiling, or allow more" in said.text
    assert file.misses == (said.text,)
    assert loudness_lufs(read_audio(tmp_path / "reel_mix.wav")) == pytest.approx(-14.0, abs=0.05)
    (tmp_path / "more").mkdir()
    (allowed,) = delivered(job_of(tmp_path / "more", music, wanted | {"max_limiting_db": 24.0})).values()
    assert (allowed.misses, found(allowed, "limiting").verdict) == ((), "pass")
    assert allowed.sha256 == file.sha256, "what is allowed changes no sample"


def test_what_a_profile_allows_holds_where_nothing_else_is_said(tmp_path: Path, music: list[Floats]) -> None:
    wanted = {"name": "mix", "target_lufs": -14.0, "ceiling_dbtp": -6.0}
    allowed = {}
    for profile in ("film", "trailer", "music"):
        (tmp_path / profile).mkdir()
        (file,) = delivered(job_of(tmp_path / profile, music, wanted, profile=profile)).values()
        allowed[profile] = found(file, "limiting").limit
    assert allowed["film"] < max(allowed.values()), "profiles differ, or nothing is shown"


def test_the_gate_is_taken_where_the_programme_stands_after_its_gain(tmp_path: Path) -> None:
    """-70 LUFS is an absolute gate: of a very soft mix it leaves out what counts once it is raised."""
    soft = noise(FRAMES, rms=1.0) * np.where(np.arange(FRAMES) < FRAMES // 2, 1.6e-4, 0.8e-4)[:, None]
    assert -70 < loudness_lufs(soft[: FRAMES // 2]) < -67
    assert loudness_lufs(soft * 100) - 40 < loudness_lufs(soft) - 1, "the gate bites before the gain"
    (file,) = delivered(job_of(tmp_path, [soft], mix(target_lufs=-24.0))).values()
    assert loudness_lufs(read_audio(tmp_path / "reel_mix.wav")) == pytest.approx(-24.0, abs=0.05)
    assert file.misses == ()


def test_a_mere_limit_only_lowers_though_the_limiter_takes_more(tmp_path: Path) -> None:
    """What it takes is not made up for: nobody asked for that loudness."""
    loud = 3.0 * clicks(FRAMES, (0.5, 1.0, 1.9, 2.5, 3.1)) + noise(FRAMES, rms=0.25)
    (file,) = delivered(job_of(tmp_path, [loud], mix(preset="dolby-atmos-music", ceiling_dbtp=-12.0))).values()
    assert file.limiting is not None
    assert file.limiting.max_reduction_db > 3.0
    assert file.gain_db == pytest.approx(-18.0 - loudness_lufs(loud), abs=0.01)
    assert loudness_lufs(read_audio(tmp_path / "reel_mix.wav")) < -18.1
    assert found(file, "loudness").verdict == "pass"
    assert "ceiling" not in checks(file)


@pytest.mark.parametrize("target_lufs", [-16.0, -20.0])
def test_what_drive_makes_no_louder_is_not_driven(tmp_path: Path, target_lufs: float) -> None:
    """Of bursts over soft noise: their peaks are flat, and with each dB more the gate lets more of the noise in."""
    within = np.arange(FRAMES) % RATE_HZ < RATE_HZ // 100
    bursts = noise(FRAMES, rms=1.0) * np.where(within, 0.25, 0.003)[:, None]
    (file,) = delivered(job_of(tmp_path, [bursts], mix(target_lufs=target_lufs))).values()
    assert file.gain_db == pytest.approx(target_lufs - loudness_lufs(bursts), abs=0.01), "the linear gain stands"
    (further,) = delivered(
        job_of(tmp_path, [bursts], mix(target_lufs=target_lufs)), given={"mix": Given(file.gain_db + 6.0, "by hand")}
    ).values()
    reached, driven = file.measured.integrated_lufs, further.measured.integrated_lufs
    assert reached is not None
    assert driven is not None
    assert driven < reached + 0.6
    assert found(file, "ceiling").value == pytest.approx(target_lufs - reached, abs=0.01)


# ---- the bus ---------------------------------------------------------------------------------------------------------


@dataclass
class Disk:
    """What a delivery does with files."""

    let_go: list[bool] = field(default_factory=list)
    """Of every time that a bus was read, whether it was the last."""
    begun: int = 0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    seen = Disk()
    rewind, open_part = Scratch.rewind, writer.open_part

    def rewound(self: Scratch, *, last: bool = False) -> None:
        seen.let_go.append(last)
        rewind(self, last=last)

    def begun(part: Path) -> BinaryIO:
        seen.begun += 1
        return open_part(part)

    monkeypatch.setattr(Scratch, "rewind", rewound)
    monkeypatch.setattr(writer, "open_part", begun)
    return seen


def test_the_bus_is_let_go_of_while_the_last_master_is_made_of_it(
    tmp_path: Path, music: list[Floats], disk: Disk
) -> None:
    quiet = {"target_lufs": -30.0, "ceiling_dbtp": -1.0}
    files = delivered(
        job_of(tmp_path, music, mix(**quiet), {"name": "mono", "kind": "fold_down", "layout": "1.0"} | quiet)
    )
    assert disk.let_go == [False, True]
    assert [file.limiting for file in files.values()] == [None, None]
    for file in files.values():
        assert loudness_lufs(read_audio(tmp_path / file.path)) == pytest.approx(-30.0, abs=0.05)


def test_the_bus_is_kept_where_a_limiter_may_want_it_again(tmp_path: Path, music: list[Floats], disk: Disk) -> None:
    (file,) = delivered(job_of(tmp_path, music, mix(target_lufs=-14.0, ceiling_dbtp=-6.0))).values()
    assert file.limiting is not None
    assert len(disk.let_go) > 1, "it is driven hard enough to be done again, or nothing is shown"
    assert not any(disk.let_go)


def test_a_gain_that_is_mended_without_a_limiter_is_found_before_anything_is_written(
    tmp_path: Path, disk: Disk
) -> None:
    """The gate of a very soft mix, as above: the first gain misses, and nothing was written at it."""
    soft = noise(FRAMES, rms=1.0) * np.where(np.arange(FRAMES) < FRAMES // 2, 1.6e-4, 0.8e-4)[:, None]
    (file,) = delivered(job_of(tmp_path, [soft], mix(target_lufs=-24.0))).values()
    assert loudness_lufs(read_audio(tmp_path / "reel_mix.wav")) == pytest.approx(-24.0, abs=0.05)
    assert file.gain_db != pytest.approx(-24.0 - loudness_lufs(soft), abs=0.5)
    assert (disk.begun, disk.let_go) == (1, [True])


# ---- methods ---------------------------------------------------------------------------------------------------------

LINES_S = ((0.5, 1.5), (2.4, 3.6))


def spoken(frames: int = FRAMES, lines_s: tuple[tuple[float, float], ...] = LINES_S) -> list[Floats]:
    """A voice in the lines, and music that goes on."""
    return [np.repeat(voice(frames, lines_s), 2, axis=1), 0.3 * chords(frames)]


def in_lines(frames: int = FRAMES, lines_s: tuple[tuple[float, float], ...] = LINES_S) -> Programme:
    return Programme(0, frames, tuple((round(start * RATE_HZ), round(end * RATE_HZ)) for start, end in lines_s))


@pytest.mark.parametrize("preset", ["netflix-nearfield-20", "disney-plus", "amazon-studios-nearfield"])
def test_a_dialogue_gated_preset_is_met_by_the_mix_while_its_dialogue_speaks(tmp_path: Path, preset: str) -> None:
    stems = spoken()
    roles = ("dialogue", "music")
    (file,) = delivered(
        job_of(tmp_path, stems, {"name": "mix", "preset": preset}, roles=roles, programme=in_lines())
    ).values()
    level = PRESETS[preset].specification.loudness
    assert level is not None
    assert (level.method, level.target) == ("dialogue", -27.0)
    measured = file.measured
    assert measured.dialogue_lufs == pytest.approx(-27.0, abs=0.05)
    assert measured.speech_share == pytest.approx(2.2 / 4.0, abs=0.001)
    assert measured.integrated_lufs is not None
    assert measured.ldr_lu == pytest.approx(measured.integrated_lufs - measured.dialogue_lufs, abs=0.02)
    assert abs(measured.integrated_lufs + 27.0) > 0.1, "another method would have found another gain"
    assert found(file, "loudness").verdict == "pass"
    assert "stem-gated, not Dolby Dialogue Intelligence" in (file.gain_why or "")
    own = stems[0] * 10 ** (file.gain_db / 20)
    lines = [own[round(start * RATE_HZ) : round(end * RATE_HZ)] for start, end in LINES_S]
    assert measured.dialogue_own_lufs == pytest.approx(ungated_lufs(lines), abs=0.1)
    assert measured.dialogue_own_lufs < measured.dialogue_lufs


def ungated_lufs(pieces: list[Floats]) -> float:
    """K-weighted, of pieces put end to end; the filters begin anew in each."""
    from scipy.signal import lfilter

    from stemmix.dsp.filters import k_weighting

    power, count = 0.0, 0
    for piece in pieces:
        weighted = piece
        for b0, b1, b2, a1, a2 in k_weighting(RATE_HZ).tolist():
            weighted = lfilter([b0, b1, b2], [1.0, a1, a2], weighted, axis=0)
        power, count = power + float((weighted**2).sum()), count + len(piece)
    return float(-0.691 + 10 * np.log10(power / count))


def test_with_little_speech_the_fallback_is_taken_and_said(tmp_path: Path) -> None:
    """Netflix: under 15 % of speech, programme loudness, of another target. In 5.1, which that preset is for."""
    level = PRESETS["netflix-nearfield-51"].specification.loudness
    assert level is not None
    assert level.fallback is not None
    assert level.fallback.target is not None
    assert level.fallback.below_speech_share == 0.15
    lines_s = ((0.5, 1.05),)
    stems = [np.pad(stem, ((0, 0), (0, 4))) for stem in spoken(lines_s=lines_s)]
    roles = ("dialogue", "music")
    wanted = {"name": "mix", "preset": "netflix-nearfield-51", "layout": "5.1"}
    (file,) = delivered(job_of(tmp_path, stems, wanted, roles=roles, programme=in_lines(lines_s=lines_s))).values()
    assert file.measured.speech_share == pytest.approx(0.1375, abs=0.001)
    assert file.measured.integrated_lufs == pytest.approx(level.fallback.target, abs=0.05)
    assert file.measured.dialogue_lufs is not None
    assert abs(file.measured.dialogue_lufs + 27.0) > 0.1
    said = "speech is 13.75% of the programme, less than 15%: programme loudness is"
    assert (file.gain_why or "").startswith(said)
    assert found(file, "loudness").text.startswith(said)
    assert found(file, "loudness").verdict == "pass"
    lines_s = ((0.5, 1.15),)
    (tmp_path / "more").mkdir()
    stems = [np.pad(stem, ((0, 0), (0, 4))) for stem in spoken(lines_s=lines_s)]
    more = delivered(job_of(tmp_path / "more", stems, wanted, roles=roles, programme=in_lines(lines_s=lines_s)))
    assert more["reel_mix.wav"].measured.dialogue_lufs == pytest.approx(-27.0, abs=0.05), "16 % is enough"


def test_without_dialogue_a_dialogue_gated_preset_has_no_reading_and_no_other_is_taken(tmp_path: Path) -> None:
    (file,) = delivered(job_of(tmp_path, [0.3 * chords(FRAMES)], {"name": "mix", "preset": "disney-plus"})).values()
    assert (file.gain_db, file.measured.dialogue_lufs, file.measured.speech_share) == (0.0, None, 0.0)
    said = "dialogue loudness (stem-gated, not Dolby Dialogue Intelligence) has no reading: no dialogue"
    assert found(file, "loudness").text.startswith(said)
    assert found(file, "loudness").verdict != "pass"
    assert file.measured.reasons["ldr_lu"] == "no dialogue"


def test_an_audiobook_is_brought_to_its_rms_and_its_floor_is_looked_at(tmp_path: Path) -> None:
    speaks = np.abs((np.arange(FRAMES) / RATE_HZ) % 2 - 1) < 0.6
    reader = [np.repeat(noise(FRAMES, 1), 2, axis=1) * speaks[:, None] + noise(FRAMES, rms=2e-5)]
    wanted = {"name": "book", "preset": "acx-audiobook", "layout": "1.0", "max_limiting_db": 24.0}
    (file,) = delivered(job_of(tmp_path, reader, wanted, roles=["narration"], programme=in_lines())).values()
    samples = read_audio(tmp_path / "reel_book.wav")
    middle_dbfs = -20.5
    assert rms_db(samples) == pytest.approx(middle_dbfs, abs=0.05)
    assert file.measured.rms_dbfs == pytest.approx(rms_db(samples), abs=0.01)
    assert (file.gain_why or "").startswith("RMS level is brought from")
    assert np.abs(samples).max() <= 10 ** (-3.0 / 20), "a limit of samples is held by a limiter of true peaks"
    assert found(file, "sample_peak").verdict == found(file, "loudness").verdict == "pass"
    floor = found(file, "noise_floor")
    assert file.measured.noise_floor_dbfs is not None
    assert file.measured.noise_floor_dbfs < -60.0
    assert floor.verdict == "pass"


@pytest.mark.parametrize("encoding", ["wav16", "wav24", "wavfloat", "mp3", "ogg"])
def test_no_sample_of_an_audiobook_is_lifted_over_its_limit(tmp_path: Path, encoding: str) -> None:
    """By dither or by a codec, which is a miss by however little: two meters read samples alike."""
    frames = np.arange(FRAMES)
    peaks = np.sin(0.5 * np.pi * frames) * (frames % (RATE_HZ // 2) < RATE_HZ // 50)  # each in a sample
    hits = np.repeat(peaks[:, None], 2, axis=1) + noise(FRAMES, rms=0.05)
    wanted = {"name": "book", "preset": "acx-audiobook", "max_limiting_db": 24.0, "format": encoding}
    (file,) = delivered(job_of(tmp_path, [hits], wanted, roles=["narration"], programme=in_lines())).values()
    assert file.limiting is not None
    assert np.abs(read_audio(tmp_path / file.path)).max() <= 10 ** (-3.0 / 20)
    assert found(file, "sample_peak").verdict == "pass"


def test_a_trailer_over_its_leq_m_is_lowered_and_one_under_it_left_alone(tmp_path: Path, music: list[Floats]) -> None:
    read = {}
    for name, over_db in (("loud", 20.0), ("soft", -10.0)):
        (tmp_path / name).mkdir()
        stems = [stem * 10 ** (over_db / 20) for stem in music]
        wanted = {"name": "mix", "preset": "cinema-trailer-tasa", "max_limiting_db": 24.0}
        (file,) = delivered(job_of(tmp_path / name, stems, wanted)).values()
        read[name] = file
        assert found(file, "loudness").verdict == "pass"
        assert (file.gain_why or "").startswith("Leq(m) is brought from")
    assert read["loud"].measured.leq_m_db == pytest.approx(85.0, abs=0.05)
    assert read["loud"].gain_db < -1.0
    assert read["soft"].gain_db == 0.0
    assert read["soft"].measured.leq_m_db < 84.0


def test_a_preset_without_loudness_leaves_the_gain_at_nothing(tmp_path: Path, music: list[Floats]) -> None:
    (file,) = delivered(job_of(tmp_path, music, {"name": "mix", "preset": "netflix-theatrical"})).values()
    assert (file.gain_db, file.gain_why) == (0.0, "netflix-theatrical asks for no loudness")
    assert "loudness" not in checks(file)
    assert found(file, "true_peak").verdict == "pass"


# ---- what counts -----------------------------------------------------------------------------------------------------


def with_leader(stems: list[Floats]) -> tuple[list[Floats], Programme]:
    """Eight seconds of leader with a 2-pop at full scale two seconds before the action, and a tail pop after it."""
    lead, tail = 8 * RATE_HZ, 3 * RATE_HZ
    padded = [np.pad(stem, ((lead, tail), (0, 0))) for stem in stems]
    pop = np.sin(2 * np.pi * 1000 * np.arange(2000) / RATE_HZ)[:, None]
    for at in (6 * RATE_HZ, lead + FRAMES + 2 * RATE_HZ):
        padded[0][at : at + 2000] += pop
    return padded, Programme(lead, lead + FRAMES, ())


@pytest.mark.parametrize("target_lufs", [-27.0, -14.0])
def test_leader_and_tail_change_no_gain_and_no_reading_and_are_in_the_file(
    tmp_path: Path, music: list[Floats], target_lufs: float
) -> None:
    wanted = mix(target_lufs=target_lufs, ceiling_dbtp=-3.0)
    (tmp_path / "bare").mkdir()
    (bare,) = delivered(job_of(tmp_path / "bare", music, wanted)).values()
    padded, programme = with_leader(music)
    (file,) = delivered(job_of(tmp_path, padded, wanted, programme=programme)).values()
    assert file.gain_db == pytest.approx(bare.gain_db, abs=0.01)
    for name in ("integrated_lufs", "lra_lu", "rms_dbfs", "true_peak_dbtp", "psr_db"):
        assert getattr(file.measured, name) == pytest.approx(getattr(bare.measured, name), abs=0.03), name
    samples = read_audio(tmp_path / "reel_mix.wav")
    assert len(samples) == len(padded[0]) == file.frames
    pop = samples[6 * RATE_HZ : 6 * RATE_HZ + 2000]
    assert 20 * np.log10(np.abs(pop).max()) == pytest.approx(min(file.gain_db, -3.0), abs=0.05)
    assert (file.limiting is None) == (file.gain_db < -3.0 and target_lufs == -27.0)
    said, was = (one.limiting.max_reduction_db if one.limiting else 0.0 for one in (file, bare))
    assert said == pytest.approx(was, abs=0.05), "of the limiter too, only what it did to the action counts"


def test_a_pop_over_the_ceiling_is_held_under_it_and_is_no_fault(tmp_path: Path, music: list[Floats]) -> None:
    """It would clip: the action needs no limiter, the leader does."""
    padded, programme = with_leader([0.2 * stem for stem in music])
    (file,) = delivered(
        job_of(tmp_path, padded, mix(target_lufs=-24.0, max_limiting_db=1.0), programme=programme)
    ).values()
    assert file.gain_db > 3.0
    samples = read_audio(tmp_path / "reel_mix.wav")
    assert peak_32x_db(samples) <= -1.0 + 0.02
    assert file.misses == ()
    limiting = file.limiting
    assert limiting is not None
    assert (limiting.max_reduction_db, limiting.active_share) == (0.0, 0.0)
    assert any(start < 6 * RATE_HZ + 1000 < end for start, end in limiting.spans), "a null test leaves it out"


# ---- programmes ------------------------------------------------------------------------------------------------------


def reels(folder: Path, *scaled: list[Floats], **fields: Any) -> list[Job]:
    """A job for each list of stems, all in one folder."""
    wanted = mix(**fields)
    return [
        job_of(folder, stems, wanted, name=f"reel{number}", seed=f"{number}") for number, stems in enumerate(scaled, 1)
    ]


@pytest.mark.parametrize("target_lufs", [-27.0, -15.0])
def test_reels_share_one_gain_by_which_their_programme_meets_its_target(
    tmp_path: Path, music: list[Floats], target_lufs: float
) -> None:
    """A soft and a loud one: neither meets it by itself, and neither misses."""
    loud = [np.tile(stem, (6, 1)) for stem in music]
    soft = [0.4 * stem for stem in loud]
    files = delivered(*reels(tmp_path, soft, loud, target_lufs=target_lufs))
    first, second = files["reel1_mix.wav"], files["reel2_mix.wav"]
    assert first.gain_db == second.gain_db
    assert (first.misses, second.misses) == ((), ())
    programme = np.concatenate([read_audio(tmp_path / path) for path in files])
    assert loudness_lufs(programme) == pytest.approx(target_lufs, abs=0.05)
    assert found(first, "loudness").value == found(second, "loudness").value
    assert found(first, "loudness").value == pytest.approx(loudness_lufs(programme), abs=0.02)
    alone = [loudness_lufs(read_audio(tmp_path / path)) for path in files]
    assert [file.measured.integrated_lufs for file in files.values()] == pytest.approx(alone, abs=0.02), "a file's own"
    assert alone[0] < target_lufs - 3.0
    assert "ceiling" not in checks(first) | checks(second)


def test_a_reel_alone_takes_its_gain_from_its_programme(tmp_path: Path, music: list[Floats]) -> None:
    soft = [0.3 * stem for stem in music]
    together = delivered(*reels(tmp_path, soft, music, target_lufs=-16.0))
    gain_db = together["reel1_mix.wav"].gain_db
    (tmp_path / "alone").mkdir()
    first = reels(tmp_path / "alone", soft, target_lufs=-16.0)
    (alone,) = delivered(*first, given={"mix": Given(gain_db, "from another receipt")}).values()
    assert alone.sha256 == together["reel1_mix.wav"].sha256
    assert (alone.gain_db, alone.gain_why) == (gain_db, "from another receipt")
    assert found(alone, "loudness").text == "takes its gain from another receipt"
    assert alone.misses == ()


def test_one_reel_alone_is_no_programme(tmp_path: Path, music: list[Floats]) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (one,) = delivered(*reels(tmp_path / "one", music, target_lufs=-20.0)).values()
    two = delivered(*reels(tmp_path / "two", music, [0.5 * stem for stem in music], target_lufs=-20.0))
    assert one.gain_db != two["reel1_mix.wav"].gain_db
