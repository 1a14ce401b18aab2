"""`render` of every file of the torture folder beside two good stems: mixed, or refused with one message."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix.cli import main
from stemmix.files.documents import read_document
from stemmix.model.receipt import Receipt
from tests.material import RATE_HZ, chords, noise, read_audio, voice, write_audio, write_project
from tests.reference.wave_bytes import chunk, fmt, riff

TORTURE = Path(__file__).resolve().parents[2] / ".." / "shared" / "torture"
EXPECTED = TORTURE / "expected.json"
CASES: list[dict[str, Any]] = json.loads(EXPECTED.read_text())["files"] if EXPECTED.is_file() else []

Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    write_audio(folder / "dx.wav", voice(2 * RATE_HZ, ((0.4, 1.6),)))
    write_audio(folder / "mx.wav", 0.75 * chords(2 * RATE_HZ))
    return folder


def rendered_beside(good: Path, tmp_path: Path, tortured: Path) -> int:
    """Exit code of a render of two good stems and this one."""
    stems = [{"id": "DX", "role": "dialogue", "file": "dx.wav"}, {"id": "MX", "role": "music", "file": "mx.wav"}]
    for name in ("dx.wav", "mx.wav"):
        shutil.copy(good / name, tmp_path / name)
    if tortured.parent != tmp_path:
        shutil.copy(tortured, tmp_path / tortured.name)
    stems.append({"id": "T", "role": "fx", "file": tortured.name})
    # one sample of trouble may stand far over all else
    deliverables = [{"name": "printmaster", "max_limiting_db": 12.0}, {"name": "stems", "kind": "stems"}]
    return main(["render", str(write_project(tmp_path / "p.json", stems, deliverables=deliverables))])


def assert_refused(code: int, name: str, tmp_path: Path, said: tuple[str, str]) -> None:
    """As the issue wants it: exit 4, one message that names file and fault, nothing written."""
    out, err = said
    assert code == 4
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("stemmix: error: ")
    assert f"{name}: " in err
    assert "Traceback" not in err
    assert list((tmp_path / "out").glob("*")) == []


def assert_mixed(code: int, tmp_path: Path, said: tuple[str, str], fails: frozenset[str] = frozenset()) -> Receipt:
    """Written whole, at its target; `fails` are the checks that quality control cannot but fail it for."""
    out, err = said
    assert (code, err) == (5 if fails else 0, "")
    assert "p_printmaster.wav" in out
    receipt = read_document(tmp_path / "out" / "p.receipt.json", Receipt)
    assert receipt.passed is not bool(fails)
    failed = {finding.check for finding in receipt.files[0].findings if finding.verdict == "fail"}
    assert failed == fails
    for file in receipt.files:
        samples = read_audio(tmp_path / "out" / file.path)
        assert np.all(np.isfinite(samples))
        assert len(samples) == receipt.frames
    assert receipt.files[0].measured.integrated_lufs == pytest.approx(-23.0, abs=0.05)
    return receipt


REFUSED_THOUGH_IT_MIGHT_BE_MIXED = {
    "quad_plain_fmt.wav",
    "float_plus_300dbfs.wav",
    "claims_more_than_exists.wav",
    "truncated_in_data.wav",
}
"""`expected.json` leaves the choice: channels that nobody named, a sample that is no sound, a missing end."""

FAILED_THOUGH_MIXED = {"dc_offset.wav": frozenset({"dc"})}
"""A quarter of full scale of DC is a fault of the master too, and is said there."""

WARNED = {
    "clipped.wav": "is clipped",
    "dc_offset.wav": "has a DC offset",
    "surround_5_1_mask_0.wav": "is assumed",
    "speech.mp3": "not sync-safe",
}


@pytest.mark.skipif(not CASES, reason="there is no shared/torture beside the repository")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["file"])
def test_a_tortured_stem_is_mixed_or_refused_as_is_expected(
    case: dict[str, Any], good: Path, tmp_path: Path, capsys: Said
) -> None:
    name = case["file"]
    code = rendered_beside(good, tmp_path, TORTURE / name)
    said = capsys.readouterr()
    if case["expect"] == "reject" or name in REFUSED_THOUGH_IT_MIGHT_BE_MIXED:
        assert_refused(code, name, tmp_path, said)
        return
    receipt = assert_mixed(code, tmp_path, said, FAILED_THOUGH_MIXED.get(name, frozenset()))
    source = receipt.sources[2]
    if case["expect"] == "warn" or name in WARNED:
        assert source.warnings
        assert WARNED.get(name, "") in source.warnings[0]
        assert f"warning: {source.warnings[0]}"[:60] in said.out
    if case["expect"] == "accept" and name == "silence.wav":
        assert any("T is silent" in warning for warning in receipt.warnings)


def float_wave(samples: np.ndarray) -> bytes:
    return riff(fmt(1, bits=32, tag=3), chunk(b"data", samples.astype("<f4").tobytes()))


def with_a_sample(value: float) -> np.ndarray:
    samples = noise(4800, 1)[:, 0]
    samples[1234] = value
    return samples


MADE: dict[str, tuple[bytes, str | None]] = {
    "nan.wav": (float_wave(with_a_sample(np.nan)), "a sample that is NaN or infinite, at frame 1234"),
    "infinite.wav": (float_wave(with_a_sample(-np.inf)), "NaN or infinite"),
    "absurd.wav": (float_wave(with_a_sample(1e15)), "+300.0 dBFS"),
    "empty.wav": (b"", "is empty"),
    "text.wav": (b"once upon a time\n" * 100, "not audio"),
    "header_only.wav": (riff(fmt(), chunk(b"data", b"")), "holds no audio"),
    "no_data.wav": (riff(fmt()), "no data chunk"),
    "no_fmt.wav": (riff(chunk(b"data", bytes(600))), "no fmt chunk"),
    "zero_channels.wav": (riff(fmt(0), chunk(b"data", bytes(600))), "0 channels"),
    "zero_rate.wav": (riff(fmt(rate=0), chunk(b"data", bytes(600))), "0 Hz"),
    "quad.wav": (riff(fmt(4), chunk(b"data", bytes(1200))), "4 channels"),
    "hot_float.wav": (float_wave(4 * with_a_sample(0.9)), None),
    "denormals.wav": (float_wave(np.full(4800, 1e-40)), None),
    "one_sample.wav": (riff(fmt(), chunk(b"data", struct.pack("<i", 1 << 22)[:3])), None),
    "short_of_its_claim.wav": (riff(fmt(), chunk(b"data", bytes(range(240)) * 50, claimed=10**6)), "ends early"),
    "odd_chunk.wav": (riff(chunk(b"odd ", b"abc"), fmt(), chunk(b"data", bytes(range(240)) * 50)), None),
}


@pytest.mark.parametrize("name", MADE)
def test_a_stem_made_up_to_be_trouble_is_mixed_or_refused(name: str, good: Path, tmp_path: Path, capsys: Said) -> None:
    """These run wherever the tests do."""
    content, refusal = MADE[name]
    (tmp_path / name).write_bytes(content)
    code = rendered_beside(good, tmp_path, tmp_path / name)
    said = capsys.readouterr()
    if refusal is None:
        assert_mixed(code, tmp_path, said)
    else:
        assert_refused(code, name, tmp_path, said)
        assert refusal in said.err
