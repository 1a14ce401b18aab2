"""Files measured as they stand: the meter's own readings, whoever hears them and how many at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemmix.dsp.meters import Meter
from stemmix.engine.measure import measured_files, measured_in_full
from stemmix.errors import StemError
from stemmix.files.wave import wave_header
from stemmix.model.cinema import replay_db_spl
from stemmix.model.layouts import LAYOUTS, Layout
from stemmix.model.receipt import Measured, MeasuredFile

RATE_HZ = 48_000


def sound(channels: int, seconds: float = 4.0, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(0.0, 0.05, (round(seconds * RATE_HZ), channels)) * 2**23) / 2**23


def wave(path: Path, samples: np.ndarray, layout: Layout) -> Path:
    """A 24-bit WAVE file with the layout's speaker mask."""
    packed = np.round(samples * 2**23).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    path.write_bytes(wave_header("wav24", RATE_HZ, layout, len(samples)).content + packed)
    return path


@pytest.mark.parametrize("name", ["1.0", "2.0", "3.0", "5.0", "5.1", "7.1", "7.1.4"])
def test_a_file_reads_what_the_meter_reads_of_its_samples(tmp_path: Path, name: str) -> None:
    layout = LAYOUTS[name]
    samples = sound(layout.channels)
    meter = Meter(RATE_HZ, layout.weights, noise_floor=True, psr=True, replay_db_spl=replay_db_spl(layout))
    meter.process(samples)
    found = measured_in_full(wave(tmp_path / "sound.wav", samples, layout))
    assert (found.layout, found.frames, found.sample_rate) == (name, len(samples), RATE_HZ)
    reasons = found.measured.reasons
    assert found.measured.model_copy(update={"reasons": {}}) == Measured.of(meter.read()).rounded()
    assert set(reasons) == ({"leq_m_db"} if name == "7.1.4" else set())
    read = meter.read()
    values = {key: value for key, value in found.measured if key != "reasons" and hasattr(read, key)}
    assert all(value is not None for key, value in values.items() if key not in reasons)


def test_threads_change_nothing_and_faults_stand_in_their_place(tmp_path: Path) -> None:
    paths = [wave(tmp_path / f"{i}.wav", sound(2, 1.0 + i, seed=i), LAYOUTS["2.0"]) for i in range(4)]
    paths.insert(2, tmp_path / "missing.wav")
    one, many = measured_files(paths, threads=1), measured_files(paths, threads=8)
    assert [str(result) for result in one] == [str(result) for result in many]
    assert [isinstance(result, StemError) for result in many] == [False, False, True, False, False]
    assert isinstance(many[0], MeasuredFile)


def test_a_layout_that_is_given_is_taken(tmp_path: Path) -> None:
    """Six channels as 5.1 leave the fourth out; by their number they would too, and it would be said."""
    soundfile.write(tmp_path / "six.wav", sound(6), RATE_HZ, subtype="PCM_24")
    assumed = measured_in_full(tmp_path / "six.wav")
    given = measured_in_full(tmp_path / "six.wav", LAYOUTS["5.1"])
    assert given.measured == assumed.measured
    assert (len(given.warnings), len(assumed.warnings)) == (0, 1)
    with pytest.raises(StemError, match=r"has 6 channels; the layout given for it, 2\.0, has 2"):
        measured_in_full(tmp_path / "six.wav", LAYOUTS["2.0"])


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    samples = sound(2).astype(np.float32)
    samples[100_000, 1] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, RATE_HZ, subtype="FLOAT")
    with pytest.raises(StemError, match="a sample that is NaN or infinite, at frame 100000"):
        measured_in_full(tmp_path / "nan.wav")
