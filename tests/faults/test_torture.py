"""Every file of the torture folder is looked at and read to its end, and comes out as its `expected.json` wants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix.errors import StemError
from stemmix.files.audio import AudioReader, inspect
from stemmix.files.stems import StemReader
from stemmix.model.layouts import SURROUND_5_1

TORTURE = Path(__file__).resolve().parents[2] / ".." / "shared" / "torture"
EXPECTED = TORTURE / "expected.json"

pytestmark = pytest.mark.skipif(not EXPECTED.is_file(), reason="there is no shared/torture beside the repository")

CASES: list[dict[str, Any]] = json.loads(EXPECTED.read_text())["files"] if EXPECTED.is_file() else []

REFUSAL = {
    "claims_more_than_exists.wav": "promises 600000 frames, 60000 are there",
    "truncated_in_data.wav": "promises 60000 frames, 35993 are there",
    "flipped_byte.flac": "damaged after frame 24576",
    "float_plus_300dbfs.wav": r"\+300\.0 dBFS",
    "header_only.wav": "holds no audio",
    "nan_inf_float.wav": "12 samples that are NaN or infinite, the first at frame 1000",
    "no_data_chunk.wav": "no data chunk",
    "no_fmt_chunk.wav": "no fmt chunk",
    "quad_plain_fmt.wav": "4 channels; no layout known here",
    "text_named.wav": "not audio",
    "truncated.flac": "damaged after frame 24576",
    "truncated_in_header.wav": "cut off",
    "zero_channels.wav": "0 channels",
    "zero_length.wav": "empty",
    "zero_rate.wav": "0 Hz",
}
"""What the sentence says of each file that is refused; that those accepted are to be accepted is checked below."""

WARNING = {
    "alaw_8k.wav": "nothing above 4 kHz",
    "ogg_named.wav": "OGG by its content",
    "rate_8k.wav": "nothing above 4 kHz",
    "speech.mp3": "not sync-safe",
    "surround_5_1_mask_0.wav": "L R C LFE Ls Rs is assumed",
}

SEEN_IN_THE_SAMPLES = {"clipped.wav", "dc_offset.wav"}
"""Faults of the sound, which the file does not show: whoever measures the stem says them."""

SAME_AS_THE_24_BIT_CONTROL = ("bw64.wav", "rf64.wav")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["file"])
def test_a_tortured_file_comes_out_as_expected(case: dict[str, Any]) -> None:
    path = TORTURE / case["file"]
    if path.name in REFUSAL:
        assert case["expect"] in ("reject", "warn") or "refuse" in case["behaviour"]
        with pytest.raises(StemError, match=REFUSAL[path.name]) as refused:
            read_whole(path)
        assert str(refused.value).startswith(f"{path}: ")
        assert "\n" not in str(refused.value)
        return
    assert case["expect"] in ("accept", "warn")
    samples, warnings = read_whole(path)
    facts = case["facts"]
    assert np.all(np.isfinite(samples))
    assert len(samples) == facts.get("frames_present", facts.get("frames", len(samples)))
    assert len(samples) > 0
    if path.name in WARNING:
        assert [WARNING[path.name] in warning for warning in warnings] == [True]
    else:
        assert warnings == ()
        assert case["expect"] == "accept" or path.name in SEEN_IN_THE_SAMPLES
    if "peak_dbfs" in facts:
        assert 20 * np.log10(np.max(np.abs(samples))) == pytest.approx(facts["peak_dbfs"], abs=0.01)
    if "dc" in facts:
        assert np.mean(samples) == pytest.approx(facts["dc"], abs=0.01)
    if path.name.startswith("surround_5_1"):
        assert inspect(path).layout == SURROUND_5_1
    if path.name in SAME_AS_THE_24_BIT_CONTROL:
        assert np.array_equal(samples, read_whole(TORTURE / "ok_24bit_mono.wav")[0])


def read_whole(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Samples as the file has them, after the mix's way of reading it has been to the end too."""
    audio = inspect(path)
    with StemReader(audio, 48_000) as stem:
        while len(stem.read(48_000)):
            pass
        assert stem.frames_out == stem.expected_frames
    with AudioReader(audio) as reader:
        blocks = [reader.read(4096)]
        while len(blocks[-1]):
            blocks.append(reader.read(4096))
        return np.concatenate(blocks), audio.warnings
