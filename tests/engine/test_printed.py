"""`engine.printed`: parts are sums of stems at their master's gain, add up to it, and never clip."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix.engine.master import Given
from stemmix.model.layouts import MONO, STEREO, SURROUND_5_1, fold_matrix
from tests.delivering import LSB, Floats, checks, delivered, found, job_of, peak_32x_db, rms_db
from tests.material import RATE_HZ, chords, clicks, noise, read_audio

FRAMES = 2 * RATE_HZ
ROLES = ("dialogue", "music", "fx", "ambience", "narration")
IN_GROUPS = {"D": (0, 4), "M": (1,), "E": (2, 3)}

MIX = {"name": "mix", "target_lufs": -27.0}
STEMS = {"name": "stems", "kind": "stems"}
GROUPS = {"name": "dme", "kind": "stems", "by": "group"}


@pytest.fixture(scope="module")
def stems() -> list[Floats]:
    voices = [np.repeat(noise(FRAMES, 1, seed=seed, rms=0.03), 2, axis=1) for seed in (5, 6)]
    return [voices[0], 0.5 * chords(FRAMES), clicks(FRAMES, (0.3, 1.1)), noise(FRAMES, rms=0.004), voices[1]]


def total(stems: list[Floats], *numbers: int) -> Floats:
    """Added in order, as the engine adds."""
    out = stems[numbers[0]].copy()
    for number in numbers[1:]:
        out += stems[number]
    return out


def times(signal: Floats, gain_db: float) -> Floats:
    return np.asarray(signal * 10 ** (gain_db / 20))


@pytest.mark.parametrize("wanted", [STEMS, GROUPS], ids=lambda wanted: wanted["name"])
def test_in_float_stems_and_groups_add_up_to_their_master_to_the_rounding(
    tmp_path: Path, stems: list[Floats], wanted: dict[str, Any]
) -> None:
    files = delivered(
        job_of(tmp_path, stems, MIX | {"format": "wavfloat"}, wanted | {"format": "wavfloat"}, roles=ROLES)
    )
    master, *parts = (read_audio(tmp_path / path) for path in files)
    assert len(parts) == (5 if wanted is STEMS else 3)
    assert files["reel_mix.wav"].limiting is None
    assert rms_db(sum(parts[1:], parts[0]) - master) <= -140.0
    assert rms_db(master) > -35.0


@pytest.mark.parametrize("wanted", [STEMS, GROUPS], ids=lambda wanted: wanted["name"])
def test_in_24_bits_they_add_up_but_for_the_dither_of_each(
    tmp_path: Path, stems: list[Floats], wanted: dict[str, Any]
) -> None:
    files = delivered(job_of(tmp_path, stems, MIX, wanted, roles=ROLES))
    master, *parts = (read_audio(tmp_path / path) for path in files)
    error = sum(parts[1:], parts[0]) - master
    assert 0 < np.sqrt(np.mean(error**2)) <= 0.6 * math.sqrt(len(parts) + 1) * LSB


def test_where_the_limiter_acted_is_told_and_all_else_adds_up(tmp_path: Path) -> None:
    """Three bursts over the ceiling in noise far under it: away from the spans, to the dither."""
    frames = 9 * RATE_HZ
    burst = 12.0 * clicks(frames, (1.0, 4.0, 7.0))
    files = delivered(job_of(tmp_path, [noise(frames, rms=0.05), burst], MIX | {"target_lufs": -12.0}, STEMS))
    limiting = files["reel_mix.wav"].limiting
    assert limiting is not None
    master, *parts = (read_audio(tmp_path / path) for path in files)
    free = np.ones(frames, bool)
    for start, end in limiting.spans:
        free[start:end] = False
    error = sum(parts[1:], parts[0]) - master
    assert 0.2 < free.mean() < 1.0
    assert np.sqrt(np.mean(error[free] ** 2)) <= 0.6 * math.sqrt(3) * LSB
    assert np.abs(error[~free]).max() > 0.1, "it acted indeed"
    assert all(free[round(at_s * RATE_HZ)] for at_s in (0.5, 3.5, 6.5))
    assert not any(free[round(at_s * RATE_HZ)] for at_s in (1.001, 4.001, 7.001))


def test_groups_are_dialogue_music_and_effects_by_the_stems_roles(tmp_path: Path, stems: list[Floats]) -> None:
    """Narration is dialogue, ambience an effect; a group without stems is not written."""
    files = delivered(job_of(tmp_path, stems, MIX, GROUPS, roles=ROLES))
    gain_db = files["reel_mix.wav"].gain_db
    for group, numbers in IN_GROUPS.items():
        file = files[f"reel_dme_{group}.wav"]
        assert (file.kind, file.group, file.parent, file.role) == ("group", group, "mix", None)
        assert file.stems == tuple(f"S{number}" for number in numbers)
        wanted = times(total(stems, *numbers), gain_db)
        assert np.abs(read_audio(tmp_path / file.path) - wanted).max() <= 1.6 * LSB
    alone = delivered(job_of(tmp_path, stems[1:3], MIX, GROUPS, roles=ROLES[1:3], name="alone"))
    assert [file.group for file in alone.values()] == [None, "E", "M"]


@pytest.mark.parametrize("limited", [False, True])
def test_an_m_and_e_is_the_sum_of_the_printed_stems_without_dialogue_at_the_masters_gain(
    tmp_path: Path, stems: list[Floats], limited: bool
) -> None:
    """To the bit in float; no gain, no limiter of its own, whatever the master's."""
    mix = MIX | ({"target_lufs": -12.0, "max_limiting_db": 20.0} if limited else {})
    wanted = [
        {"name": "me", "kind": "m_and_e", "format": "wavfloat"},
        STEMS | {"format": "wavfloat"},
        {"name": "me24", "kind": "m_and_e"},
    ]
    files = delivered(job_of(tmp_path, stems, mix, *wanted, roles=ROLES))
    master, file = files["reel_mix.wav"], files["reel_me.wav"]
    assert (master.limiting is not None) is limited
    assert (file.gain_db, file.limiting, file.stems) == (master.gain_db, None, ("S1", "S2", "S3"))
    exact = times(total(stems, 1, 2, 3), master.gain_db)
    assert np.array_equal(read_audio(tmp_path / "reel_me.wav"), exact.astype(np.float32))
    assert np.abs(read_audio(tmp_path / "reel_me24.wav") - exact).max() <= 1.6 * LSB
    printed = [read_audio(tmp_path / f"reel_stems_S{number}.wav") for number in (1, 2, 3)]
    assert rms_db(total(printed, 0, 1, 2) - exact) < -140.0


def test_an_undipped_m_and_e_is_made_of_the_stems_that_no_dialogue_moved(tmp_path: Path, stems: list[Floats]) -> None:
    undipped = [stem * (1.0 if number == 0 else 1.25) for number, stem in enumerate(stems)]
    both = [{"name": name, "kind": name, "format": "wavfloat"} for name in ("m_and_e", "m_and_e_undipped")]
    files = delivered(job_of(tmp_path, stems, MIX, *both, roles=ROLES, undipped=undipped))
    gain_db = files["reel_mix.wav"].gain_db
    for name, made_of in (("m_and_e", stems), ("m_and_e_undipped", undipped)):
        assert (files[f"reel_{name}.wav"].kind, files[f"reel_{name}.wav"].gain_db) == (name, gain_db)
        exact = times(total(made_of, 1, 2, 3), gain_db).astype(np.float32)
        assert np.array_equal(read_audio(tmp_path / f"reel_{name}.wav"), exact)


def test_a_mix_minus_leaves_out_what_it_is_told_to(tmp_path: Path, stems: list[Floats]) -> None:
    wanted = {"name": "minus", "kind": "mix_minus", "without": ["S1", "S4"], "format": "wavfloat"}
    files = delivered(job_of(tmp_path, stems, MIX, wanted, roles=ROLES))
    file = files["reel_minus.wav"]
    assert (file.kind, file.stems, file.parent) == ("mix_minus", ("S0", "S2", "S3"), "mix")
    exact = times(total(stems, 0, 2, 3), files["reel_mix.wav"].gain_db)
    assert np.array_equal(read_audio(tmp_path / "reel_minus.wav"), exact.astype(np.float32))


def test_a_programme_of_dialogue_alone_has_a_silent_m_and_e(tmp_path: Path, stems: list[Floats]) -> None:
    files = delivered(job_of(tmp_path, stems[:1], MIX, {"name": "me", "kind": "m_and_e"}, roles=["dialogue"]))
    assert files["reel_me.wav"].stems == ()
    assert not read_audio(tmp_path / "reel_me.wav").any()
    assert len(read_audio(tmp_path / "reel_me.wav")) == FRAMES


def test_parts_of_a_fold_down_carry_its_layout_and_its_gain(tmp_path: Path, stems: list[Floats]) -> None:
    fold = {"name": "mono", "kind": "fold_down", "layout": "1.0", "target_lufs": -24.0}
    printed = {"name": "me", "kind": "m_and_e", "parent": "mono", "format": "wavfloat"}
    files = delivered(job_of(tmp_path, stems, MIX, fold, printed, roles=ROLES))
    file = files["reel_me.wav"]
    assert (file.parent, file.layout, file.gain_db) == ("mono", "1.0", files["reel_mono.wav"].gain_db)
    assert file.gain_db != files["reel_mix.wav"].gain_db
    folded = np.einsum("nc,tc->nt", total(stems, 1, 2, 3), fold_matrix(STEREO, MONO))
    assert read_audio(tmp_path / "reel_me.wav") == pytest.approx(times(folded, file.gain_db), abs=1e-7)


# ---- full scale ------------------------------------------------------------------------------------------------------


def test_a_sum_that_would_pass_full_scale_goes_float_though_none_of_its_stems_would(tmp_path: Path) -> None:
    tone = np.repeat(0.6 * np.sin(2 * np.pi * 250 * np.arange(FRAMES) / RATE_HZ)[:, None], 2, axis=1)
    roles = ["fx", "ambience", "music"]
    mix = MIX | {"max_limiting_db": 24.0}
    job = job_of(tmp_path, [tone, tone, 0.1 * tone], mix, STEMS, GROUPS, roles=roles)
    files = delivered(job, given={"mix": Given(1.0, "by hand")})
    gain_db = files["reel_mix.wav"].gain_db
    assert 20 * np.log10(0.6) + gain_db < 0 < 20 * np.log10(1.2) + gain_db
    effects = files["reel_dme_E.wav"]
    assert (effects.format, effects.gain_db) == ("wavfloat", gain_db)
    assert found(effects, "full_scale").verdict == "warn"
    exact = times(tone + tone, gain_db).astype(np.float32)
    assert np.array_equal(read_audio(tmp_path / "reel_dme_E.wav"), exact)
    others = [file for path, file in files.items() if path != "reel_dme_E.wav"]
    assert {file.format for file in others} == {"wav24"}
    assert not any("full_scale" in checks(file) for file in others)


@pytest.mark.parametrize("encoding", ["wav16", "wav24", "flac24", "mp3", "ogg"])
def test_whatever_it_was_to_be_what_would_clip_is_a_float_wave(tmp_path: Path, encoding: str) -> None:
    hot = 4.0 * clicks(FRAMES, (0.5,))
    wanted = STEMS | {"format": encoding}
    files = delivered(job_of(tmp_path, [0.5 * chords(FRAMES), hot], MIX | {"target_lufs": -16.0}, wanted))
    file = files["reel_stems_S1.wav"]
    assert file.format == "wavfloat"
    assert "full_scale" in checks(file)
    assert np.array_equal(read_audio(tmp_path / file.path), times(hot, file.gain_db).astype(np.float32))
    kept = [file for file in files.values() if file.stems == ("S0",)]
    assert [file.format for file in kept] == [encoding]


def test_float_was_asked_for_and_is_not_spoken_of(tmp_path: Path) -> None:
    hot = 4.0 * clicks(FRAMES, (0.5,))
    files = delivered(job_of(tmp_path, [0.5 * chords(FRAMES), hot], MIX, STEMS | {"format": "wavfloat"}))
    assert not any("full_scale" in checks(file) for file in files.values())


def test_what_passes_full_scale_on_a_wide_bus_and_not_in_the_fold_stays_as_it_was_asked_for(tmp_path: Path) -> None:
    """A voice in C at +1 dB is at -2 dB in L and R each."""
    wide = np.zeros((FRAMES, 6))
    wide[:, SURROUND_5_1.labels.index("C")] = np.sin(2 * np.pi * 250 * np.arange(FRAMES) / RATE_HZ)
    mixes = [{"name": "wide", "layout": "5.1", "target_lufs": -20.0}, {"name": "fold", "kind": "fold_down"}]
    loud = mixes[1] | {"target_lufs": -2.0, "max_limiting_db": 24.0}
    files = delivered(job_of(tmp_path, [wide], mixes[0], loud, STEMS | {"parent": "fold"}))
    file = files["reel_stems_S0.wav"]
    assert file.gain_db > 0.5, "on the bus it would pass"
    assert (file.format, "full_scale" in checks(file)) == ("wav24", False)
    assert peak_32x_db(read_audio(tmp_path / file.path)) == pytest.approx(file.gain_db - 3.01, abs=0.05)


# ---- the same again --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"size": 512}, {"size": 48_000, "threads": 1}, {"size": 7_777, "threads": 4}], ids=str
)
def test_blocks_and_threads_change_no_bit_of_any_part(
    tmp_path: Path, stems: list[Floats], options: dict[str, int]
) -> None:
    hot = [*stems[:2], 6.0 * stems[2], *stems[3:]]
    wanted = [
        MIX | {"target_lufs": -18.0},
        STEMS,
        GROUPS | {"format": "flac16"},
        {"name": "mono", "kind": "fold_down", "layout": "1.0"},
        {"name": "me", "kind": "m_and_e", "split": True},
        {"name": "undipped", "kind": "m_and_e_undipped", "parent": "mono"},
        {"name": "minus", "kind": "mix_minus", "without": ["S0"], "format": "ogg"},
    ]
    hashes = []
    for name, how in (("one", {}), ("other", options)):
        (tmp_path / name).mkdir()
        files = delivered(job_of(tmp_path / name, hot, *wanted, roles=ROLES, undipped=stems, **how))
        hashes.append({path: (file.sha256, [part.sha256 for part in file.parts]) for path, file in files.items()})
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 13


def test_every_file_has_dither_of_its_own(tmp_path: Path) -> None:
    """Equal stems, unequal noise: else it would add up."""
    quiet = noise(FRAMES, rms=0.01)
    files = delivered(job_of(tmp_path, [quiet, quiet], MIX, STEMS, STEMS | {"name": "again"}))
    printed = [read_audio(tmp_path / path) for path in files if path != "reel_mix.wav"]
    for number, one in enumerate(printed):
        for other in printed[number + 1 :]:
            assert rms_db(one - other) == pytest.approx(20 * np.log10(LSB * math.sqrt(0.5)), abs=0.2)
