"""`engine.output`: files in any order, split or whole, under the names that were asked for, measured as they stand."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stemmix.files.audio import inspect, sha256_of
from stemmix.files.wave import read_wave_header
from stemmix.model.layouts import LAYOUTS, in_film_order
from tests.delivering import LSB, Floats, delivered, job_of, loudness_lufs
from tests.material import RATE_HZ, chords, noise, read_audio

FRAMES = 2 * RATE_HZ


def surround(layout: str) -> Floats:
    """Every channel at a level of its own, so that none is taken for another."""
    count = LAYOUTS[layout].channels
    return noise(FRAMES, count, rms=0.02) * np.linspace(0.5, 1.5, count)


def mix(**fields: Any) -> dict[str, Any]:
    return {"name": "mix", "target_lufs": -27.0} | fields


@pytest.mark.parametrize("layout", ["3.0", "5.1", "7.1", "7.1.4"])
def test_film_order_turns_the_channels_and_nothing_else(tmp_path: Path, layout: str) -> None:
    """The same samples, by label; no speaker mask, which would say another order."""
    (tmp_path / "film").mkdir()
    whole = mix(layout=layout, format="wavfloat")
    (wave,) = delivered(job_of(tmp_path, [surround(layout)], whole)).values()
    (film,) = delivered(job_of(tmp_path / "film", [surround(layout)], whole | {"order": "film"})).values()
    assert (wave.order, film.order, film.layout) == ("wave", "film", layout)
    assert film.measured == wave.measured, "measured by its labels, not by its places"
    labels, turned = LAYOUTS[layout].labels, in_film_order(LAYOUTS[layout]).labels
    assert labels != turned
    as_wave, as_film = (soundfile.read(tmp_path / path)[0] for path in ("reel_mix.wav", "film/reel_mix.wav"))
    for channel, label in enumerate(turned):
        assert np.array_equal(as_film[:, channel], as_wave[:, labels.index(label)])
    header = read_wave_header(tmp_path / "film" / "reel_mix.wav")
    assert header is not None
    assert not header.mask
    read = inspect(tmp_path / "film" / "reel_mix.wav")
    assert (read.layout.name, read.labels, read.warnings) == (layout, turned, ()), "told by the names of its tracks"


@pytest.mark.parametrize(
    ("encoding", "order"), [("wav24", "wave"), ("wav24", "film"), ("flac24", "wave"), ("mp3", "wave")]
)
def test_a_split_file_is_one_mono_file_for_each_channel(tmp_path: Path, encoding: str, order: str) -> None:
    wanted = mix(layout="5.1", format=encoding, split=True, order=order, ceiling_dbtp=-6.0)
    (file,) = delivered(job_of(tmp_path, [surround("5.1")], wanted)).values()
    labels = LAYOUTS["5.1"].labels if order == "wave" else in_film_order(LAYOUTS["5.1"]).labels
    assert [part.label for part in file.parts] == list(labels)
    ending = {"wav24": "wav", "flac24": "flac", "mp3": "mp3"}[encoding]
    assert [part.path for part in file.parts] == [f"reel_mix.{label}.{ending}" for label in labels]
    assert file.sha256 == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(part.path for part in file.parts)
    (tmp_path / "whole").mkdir()
    (whole,) = delivered(job_of(tmp_path / "whole", [surround("5.1")], mix(layout="5.1"))).values()
    expected = read_audio(tmp_path / "whole" / "reel_mix.wav")
    for part in file.parts:
        path = tmp_path / part.path
        assert part.sha256 == sha256_of(path)
        samples = read_audio(path)
        assert samples.shape == (FRAMES, 1)
        channel = LAYOUTS["5.1"].labels.index(part.label)
        error = samples[:, 0] - expected[:, channel]
        if encoding == "mp3":
            alike = [np.corrcoef(samples[:, 0], one)[0, 1] for one in expected.T]
            assert int(np.argmax(alike)) == channel
            assert alike[channel] > 0.8
        else:  # each file has dither of its own
            assert np.sqrt(np.mean(error**2)) <= LSB
    assert file.measured.integrated_lufs == pytest.approx(whole.measured.integrated_lufs, abs=0.05)
    assert file.misses == ()


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_another_reader_sees_the_channels_that_were_meant(tmp_path: Path) -> None:
    job = job_of(tmp_path, [surround("7.1")], mix(layout="7.1"), mix(name="split", layout="7.1", split=True))
    files = delivered(job)
    paths = ["reel_mix.wav", *(part.path for part in files["reel_split.wav"].parts)]
    for path in paths:
        command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(tmp_path / path)]
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        (stream,) = json.loads(said)["streams"]
        whole = path == "reel_mix.wav"
        assert stream["channels"] == (8 if whole else 1)
        assert stream.get("channel_layout") == ("7.1" if whole else None)
        assert (int(stream["duration_ts"]), int(stream["sample_rate"])) == (FRAMES, RATE_HZ)
        assert (stream["codec_name"], stream["bits_per_raw_sample"]) == ("pcm_s24le", "24")


def test_files_are_called_as_their_templates_say(tmp_path: Path) -> None:
    wanted = [
        mix(file_name="{title} {layout} {rate}-{bits}"),
        {"name": "stems", "kind": "stems", "file_name": "{stem}/{deliverable}".replace("/", "-"), "format": "flac16"},
        {"name": "me", "kind": "m_and_e", "split": True, "file_name": "ME"},
    ]
    job = job_of(tmp_path, [0.3 * chords(FRAMES), noise(FRAMES)], *wanted)
    files = delivered(job)
    assert list(files) == ["A test 2.0 48000-24.wav", "S0-stems.flac", "S1-stems.flac", "ME.wav"]
    names = ["A test 2.0 48000-24.wav", "S0-stems.flac", "S1-stems.flac", "ME.L.wav", "ME.R.wav"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert job.project.file_names("reel") == names, "what was promised is what is written"


@pytest.mark.parametrize(
    ("encoding", "step"),
    [("wav16", 2.0**-15), ("wav24", LSB), ("flac16", 2.0**-15), ("flac24", LSB), ("wavfloat", 0.0)],
)
def test_every_encoding_holds_the_samples_to_its_step(tmp_path: Path, encoding: str, step: float) -> None:
    stem = 0.3 * chords(FRAMES)
    (file,) = delivered(job_of(tmp_path, [stem], mix(format=encoding))).values()
    samples = read_audio(tmp_path / file.path)
    error = np.abs(samples - stem * 10 ** (file.gain_db / 20)).max()
    assert error <= 1.6 * step + 1e-7
    assert error > 0.5 * step
    assert file.measured.integrated_lufs == pytest.approx(loudness_lufs(samples), abs=0.02)
    assert file.format == encoding
