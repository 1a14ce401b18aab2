"""Files made elsewhere: measured, judged and looked through in one reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stemmix.engine.examine import examined, examined_files
from stemmix.engine.measure import measured_in_full
from stemmix.engine.specification import judged
from stemmix.errors import StemError
from stemmix.model.layouts import STEREO
from stemmix.model.presets import PRESETS
from tests.material import RATE_HZ, noise, write_audio

TORTURE = Path(__file__).resolve().parents[3] / "shared" / "torture"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Ten seconds of noise near -23 LUFS, with a hole."""
    sound = noise(10 * RATE_HZ, rms=0.04)
    sound[5 * RATE_HZ : 5 * RATE_HZ + 480] = 0.0
    return write_audio(tmp_path / "holed.wav", sound)


def test_what_is_asked_comes_first_and_is_judged_on_the_files_own_figures(file: Path) -> None:
    specification = PRESETS["ebu-r128"].specification
    both, alone = examined(file, specification), examined(file)
    asked = judged(
        measured_in_full(file).measured, specification, STEREO, sample_rate=RATE_HZ, bits=24, duration_s=10.0
    )
    assert asked
    assert both.findings == (*asked, *alone.findings)
    assert both.file == alone.file == measured_in_full(file)
    assert (both.preset, alone.preset) == ("ebu-r128", None)


def test_the_gravest_finding_is_the_files_verdict(file: Path, tmp_path: Path) -> None:
    clean = write_audio(tmp_path / "clean.wav", noise(10 * RATE_HZ, rms=0.04))
    uneven = write_audio(tmp_path / "uneven.wav", noise(10 * RATE_HZ, rms=0.04) * np.array([1.0, 0.5]))
    assert [examined(one).verdict for one in (clean, uneven, file)] == ["pass", "warn", "fail"]


def test_unsound_files_are_told_from_sound_ones() -> None:
    if not TORTURE.is_dir():
        pytest.skip(f"no files to be unsound in {TORTURE}")
    told = {}
    for name in ("clipped.wav", "dc_offset.wav", "silence.wav", "float_plus_12dbfs.wav", "ok_24bit_mono.wav", "ok.flac",
                 "surround_5_1_side.wav", "atmos_bed_7_1_4.wav", "speech.ogg", "mono_8bit.wav"):  # fmt: skip
        told[name] = {one.check for one in examined(TORTURE / name).findings if one.verdict != "pass"}
    assert {name: checks for name, checks in told.items() if checks} == {
        "clipped.wav": {"clipping", "overs"},
        "dc_offset.wav": {"dc"},
        "silence.wav": {"silence"},
        "float_plus_12dbfs.wav": {"overs", "dc"},
    }


@pytest.mark.parametrize("threads", [1, 4])
def test_a_file_that_cannot_be_read_stands_in_its_place(file: Path, threads: int) -> None:
    missing = file.with_name("missing.wav")
    first, second = examined_files([missing, file], threads=threads)
    assert isinstance(first, StemError)
    assert "does not exist" in str(first)
    assert second == examined(file)
