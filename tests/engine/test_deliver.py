"""`engine.deliver`: the target is reached or it is said that it is not, and nothing half-done is ever seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix.engine import bus, gauge, hearing, master, output, printed
from stemmix.engine.deliver import deliver, publish
from stemmix.errors import OutputError
from stemmix.files import writer
from stemmix.files.audio import sha256_of
from stemmix.files.documents import StagedDocument
from stemmix.files.writer import SoundWriter
from stemmix.model.plan import PlannedStem
from stemmix.model.profiles import Role
from tests.delivering import LSB, checks, delivered, found, job_of, loudness_lufs, peak_32x_db
from tests.material import RATE_HZ, chords, clicks, noise, read_audio


@pytest.fixture(scope="module")
def stems() -> list[np.ndarray]:
    frames = 4 * RATE_HZ
    return [0.5 * chords(frames), clicks(frames, (0.5, 1.9, 3.1)), noise(frames, rms=0.01)]


def test_the_target_is_reached_and_the_gain_is_linear(tmp_path: Path, stems: list[np.ndarray]) -> None:
    """With room above, the master is the sum of the stems times one gain, up to dither."""
    job = job_of(tmp_path, stems, {"name": "mix", "target_lufs": -27.0})
    (file,) = delivered(job).values()
    master = read_audio(tmp_path / "reel_mix.wav")
    assert file.misses == ()
    assert file.limiting is None
    assert file.measured.integrated_lufs == pytest.approx(-27.0, abs=0.05)
    assert loudness_lufs(master) == pytest.approx(-27.0, abs=0.05)
    # white noise up to half the rate: there the reading depends on the interpolator
    assert peak_32x_db(master) == pytest.approx(file.measured.true_peak_dbtp, abs=0.2)
    error = master - (stems[0] + stems[1] + stems[2]) * 10 ** (file.gain_db / 20)
    assert np.abs(error).max() <= 1.6 * LSB, "triangular dither and rounding: one and a half steps at most"
    assert np.sqrt(np.mean(error**2)) == pytest.approx(0.5 * LSB, rel=0.02)


@pytest.mark.parametrize(("target_lufs", "ceiling_dbtp", "over_db"), [(-14.0, -1.0, 3.0), (-14.0, -6.0, 8.0)])
def test_driven_into_its_ceiling_it_reaches_its_target_under_it(
    tmp_path: Path, stems: list[np.ndarray], target_lufs: float, ceiling_dbtp: float, over_db: float
) -> None:
    wanted = {"name": "mix", "target_lufs": target_lufs, "ceiling_dbtp": ceiling_dbtp, "max_limiting_db": 20.0}
    job = job_of(tmp_path, stems, wanted)
    (file,) = delivered(job).values()
    bus = stems[0] + stems[1] + stems[2]
    assert peak_32x_db(bus) + file.gain_db > ceiling_dbtp + over_db, "it is driven indeed"
    master = read_audio(tmp_path / "reel_mix.wav")
    assert loudness_lufs(master) == pytest.approx(target_lufs, abs=0.05)
    assert peak_32x_db(master) <= ceiling_dbtp + 0.02
    assert file.misses == ()
    assert file.limiting is not None
    assert file.limiting.max_reduction_db > over_db
    assert 0 < file.limiting.active_share < 1
    for start, end in file.limiting.spans:
        assert 0 <= start < end <= file.frames
    assert found(file, "limiting").verdict == "pass"


def test_a_target_that_cannot_be_reached_is_said_and_not_forced(tmp_path: Path, stems: list[np.ndarray]) -> None:
    wanted = {"name": "mix", "target_lufs": -8.0, "ceiling_dbtp": -6.0, "max_limiting_db": 24.0}
    (file,) = delivered(job_of(tmp_path, [stems[0]], wanted)).values()
    reached_lufs = file.measured.integrated_lufs
    assert reached_lufs is not None
    assert reached_lufs < -9.0
    assert file.gain_db <= -8.0 - loudness_lufs(stems[0]) + 6.01, "not driven on and on"
    said, ceiling = found(file, "loudness"), found(file, "ceiling")
    assert (said.verdict, said.value) == ("fail", pytest.approx(reached_lufs, abs=0.01))
    assert said.text == f"programme loudness is {reached_lufs:.2f} LUFS, allowed -8: {-8 - said.value:.2f} LU outside"
    assert ceiling.value == pytest.approx(-8 - reached_lufs, abs=0.02)
    assert ceiling.text == f"the ceiling of -6 dBTP keeps it {ceiling.value:.2f} LU short of its loudness"
    assert file.misses == (said.text,)
    assert peak_32x_db(read_audio(tmp_path / "reel_mix.wav")) <= -6.0 + 0.02


@pytest.mark.parametrize(("frames", "reason"), [(10_000, "shorter than 400 ms"), (48_000, "nothing above -70 LUFS")])
def test_without_a_loudness_no_gain_is_applied_and_that_is_said(tmp_path: Path, frames: int, reason: str) -> None:
    signal = noise(frames, rms=0.1 if frames < 20_000 else 1e-5)
    files = delivered(job_of(tmp_path, [signal]))
    master = files["reel_mix.wav"]
    assert master.gain_db == files["reel_stems_S0.wav"].gain_db == 0.0
    assert master.misses == (f"programme loudness has no reading: {reason}",)
    assert master.measured.integrated_lufs is None
    assert np.abs(read_audio(tmp_path / "reel_mix.wav") - signal).max() <= 1.6 * LSB


def test_without_a_loudness_the_ceiling_holds_all_the_same(tmp_path: Path) -> None:
    files = delivered(job_of(tmp_path, [noise(10_000, rms=0.5)]))
    assert files["reel_mix.wav"].limiting is not None
    assert peak_32x_db(read_audio(tmp_path / "reel_mix.wav")) <= -1.0 + 0.02


def test_printed_stems_sum_to_the_master_before_its_limiter(tmp_path: Path, stems: list[np.ndarray]) -> None:
    """Each file has dither of its own: 1/2 LSB RMS, so the sum of n of them is off by sqrt(n + 1) / 2."""
    files = delivered(
        job_of(tmp_path, stems, {"name": "mix", "target_lufs": -27.0}, {"name": "stems", "kind": "stems"})
    )
    printed = [read_audio(tmp_path / f"reel_stems_S{index}.wav") for index in range(3)]
    error = sum(printed[1:], printed[0]) - read_audio(tmp_path / "reel_mix.wav")
    assert np.sqrt(np.mean(error**2)) <= 0.6 * math.sqrt(len(stems) + 1) * LSB
    assert {file.gain_db for file in files.values()} == {files["reel_mix.wav"].gain_db}
    assert [(file.kind, file.stems, file.role, file.parent) for file in files.values()] == [
        ("printmaster", (), None, None),
        *(("stem", (f"S{index}",), "music", "mix") for index in range(3)),
    ]
    assert all(file.frames == len(stems[0]) == len(read_audio(tmp_path / path)) for path, file in files.items())


def test_printed_stems_carry_their_parents_gain(tmp_path: Path, stems: list[np.ndarray]) -> None:
    masters = [{"name": "quiet", "target_lufs": -30.0}, {"name": "loud", "target_lufs": -20.0}]
    printed = [{"name": "q", "kind": "stems"}, {"name": "l", "kind": "stems", "parent": "loud"}]
    files = delivered(job_of(tmp_path, stems, *masters, *printed))
    assert files["reel_loud.wav"].gain_db == pytest.approx(files["reel_quiet.wav"].gain_db + 10, abs=0.1)
    assert files["reel_q_S0.wav"].gain_db == files["reel_quiet.wav"].gain_db
    assert files["reel_l_S0.wav"].gain_db == files["reel_loud.wav"].gain_db
    assert files["reel_l_S0.wav"].parent == "loud"


def test_a_stem_that_would_pass_full_scale_goes_float_is_flagged_and_keeps_its_peaks(
    tmp_path: Path, stems: list[np.ndarray]
) -> None:
    hot = 3.0 * clicks(len(stems[0]), (1.0,))
    printed = [{"name": "mix", "target_lufs": -16.0}, {"name": "stems", "kind": "stems"}]
    files = delivered(job_of(tmp_path, [stems[0], hot], *printed))
    file = files["reel_stems_S1.wav"]
    formats = [files[f"reel_{name}.wav"].format for name in ("stems_S1", "stems_S0", "mix")]
    assert formats == ["wavfloat", "wav24", "wav24"]
    assert found(file, "full_scale").verdict == "warn"
    assert "written as 32-bit float" in found(file, "full_scale").text
    assert "full_scale" not in checks(files["reel_stems_S0.wav"])
    assert file.measured.sample_peak_dbfs is not None
    assert file.measured.sample_peak_dbfs > 0.5
    wanted = (hot * 10 ** (file.gain_db / 20)).astype(np.float32)
    assert np.array_equal(read_audio(tmp_path / "reel_stems_S1.wav"), wanted)


def test_digital_silence_stays_digital_silence(tmp_path: Path, stems: list[np.ndarray]) -> None:
    heard = stems[0].copy()
    heard[50_000:120_000] = 0.0
    delivered(job_of(tmp_path, [heard, np.zeros_like(heard)]))
    for name in ("mix", "stems_S0"):
        samples = read_audio(tmp_path / f"reel_{name}.wav")
        assert not samples[50_000:120_000].any()
        assert samples[:50_000].any()
    assert not read_audio(tmp_path / "reel_stems_S1.wav").any()


def test_limiting_leaves_digital_silence_and_the_length_alone(tmp_path: Path) -> None:
    """The limiter's delay is taken out, to the sample."""
    signal = np.zeros((2 * RATE_HZ, 2))
    signal[10_000:60_000] = noise(50_000, rms=0.2)
    files = delivered(job_of(tmp_path, [signal], {"name": "mix", "target_lufs": -8.0}))
    assert files["reel_mix.wav"].limiting is not None
    heard = np.flatnonzero(np.abs(read_audio(tmp_path / "reel_mix.wav")).max(axis=1))
    assert heard[0] == 10_000
    assert heard[-1] == 59_999


def test_hashes_and_measurements_are_of_the_files_that_are_there(tmp_path: Path, stems: list[np.ndarray]) -> None:
    files = delivered(job_of(tmp_path, stems))
    assert sorted(files) == sorted(path.name for path in tmp_path.iterdir())
    for name, file in files.items():
        assert file.sha256 == sha256_of(tmp_path / name)
        assert file.measured.sample_peak_dbfs == pytest.approx(
            20 * np.log10(np.abs(read_audio(tmp_path / name)).max()), abs=0.01
        )


@pytest.mark.parametrize(("ceiling_dbtp", "as_expected"), [(-1.0, True), (-12.0, False)], ids=["linear", "limited"])
def test_the_hash_of_a_linear_master_is_taken_while_it_is_examined(
    tmp_path: Path, stems: list[np.ndarray], monkeypatch: pytest.MonkeyPatch, ceiling_dbtp: float, as_expected: bool
) -> None:
    """What it is to say of its loudness, before its samples, follows from the mix: its hash need not wait for that."""
    begun: list[int] = []
    seal, hash_of = SoundWriter.seal, writer.RunningHash
    monkeypatch.setattr(SoundWriter, "seal", lambda *given: (begun.append(-1), seal(*given))[1])
    monkeypatch.setattr(writer, "RunningHash", lambda file: (begun.append(1), hash_of(file))[1])
    wanted = {"name": "mix", "target_lufs": -23.0, "ceiling_dbtp": ceiling_dbtp, "max_limiting_db": 20.0}
    (file,) = delivered(job_of(tmp_path, stems, wanted)).values()
    assert begun == ([1, -1] if as_expected else [-1, 1])
    assert file.sha256 == sha256_of(tmp_path / file.path)


@pytest.mark.parametrize("size", [512, 4096, 48_000])
def test_blocks_change_no_bit_and_the_seed_only_the_dither(tmp_path: Path, stems: list[np.ndarray], size: int) -> None:
    def made(name: str, **options: Any) -> dict[str, np.ndarray]:
        folder = tmp_path / name
        folder.mkdir()
        delivered(job_of(folder, stems, **options))
        return {path.name: read_audio(path) for path in sorted(folder.iterdir())}

    one, cut, reseeded = made("one"), made("cut", size=size), made("reseeded", seed="another")
    assert all(np.array_equal(samples, cut[name]) for name, samples in one.items())
    for name, samples in one.items():
        assert 0 < np.abs(samples - reseeded[name]).max() <= 2 * LSB * 1.01


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


STEMS = {"name": "stems", "kind": "stems"}


class PlannedFaultError(Exception):
    pass


def failing_after(count: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """`real`, but for the call after `count` good ones."""
    left = count

    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise PlannedFaultError
        return real(*arguments, **options)

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


STAGES = {
    "the mix": (bus, "bus_in_single", 5),
    "what is heard of it": (hearing, "folded", 5),
    "the master": (output, "quantise", 3),
    "the limiter": (master, "TruePeakLimiter", 0),
    "mending the gain": (master, "_yield_of", 0),
    "the stems": (printed, "folded", 25),
    "a file that is opened": (printed, "opened", 2),
    "one that is printed again, as float": (printed, "_begun", 4),
    "the first file's end": (SoundWriter, "complete", 0),
    "the last file's end": (SoundWriter, "complete", 3),
    "measuring": (gauge.Gauge, "read", 4),
    "examining": (output, "QcWatch", 2),
    "judging": (output, "judged", 0),
    "the first file's hash": (SoundWriter, "seal", 0),
    "the last file's hash": (SoundWriter, "seal", 3),
    "the first name": (SoundWriter, "publish", 0),
    "the last name": (SoundWriter, "publish", 3),
}


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_stands_under_a_final_name_after_a_fault(
    tmp_path: Path, stems: list[np.ndarray], stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driven master, and parts of which two go float: every step has something to do."""
    owner, name, count = STAGES[stage]
    hot = [stems[0], 3.0 * stems[1], stems[2]]
    job = job_of(tmp_path, hot, {"name": "mix", "target_lufs": -12.0}, STEMS, STEMS | {"name": "groups", "by": "group"})
    monkeypatch.setattr(owner, name, failing_after(count, getattr(owner, name)))
    with pytest.raises(PlannedFaultError):
        delivered(job)
    assert names_in(tmp_path) == []


def test_a_fault_before_the_names_leaves_what_stood_there(tmp_path: Path, stems: list[np.ndarray]) -> None:
    delivered(job_of(tmp_path, stems))
    before = contents(tmp_path)
    with pytest.raises(PlannedFaultError), deliver([job_of(tmp_path, stems, seed="another")]):
        raise PlannedFaultError
    assert contents(tmp_path) == before


def test_what_is_not_published_is_gone(tmp_path: Path, stems: list[np.ndarray]) -> None:
    with deliver([job_of(tmp_path, stems)]) as (delivery,):
        assert len(delivery.files) == 4
        assert all(name.startswith(".") for name in names_in(tmp_path))
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("owner", "count"), [(SoundWriter, 0), (SoundWriter, 3), (StagedDocument, 0), (StagedDocument, 1)]
)
def test_a_name_that_cannot_be_taken_leaves_every_file_of_the_last_render(
    tmp_path: Path, stems: list[np.ndarray], owner: type, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four sound files and two documents, none of which may be of this render while another is of the last."""

    def render(seed: str) -> None:
        document = PlannedStem(id=seed, sha256="", frames=1, at=0, role=Role.DIALOGUE)
        with deliver([job_of(tmp_path, stems, seed=seed)]) as deliveries, ExitStack() as staged:
            documents = [
                staged.enter_context(StagedDocument(tmp_path / name, document)) for name in ("a.json", "b.json")
            ]
            publish(deliveries, documents)

    render("the first")
    before = contents(tmp_path)
    assert len(before) == 6
    with monkeypatch.context() as patched:
        patched.setattr(owner, "publish", failing_after(count, owner.publish))  # type: ignore[attr-defined]
        with pytest.raises(PlannedFaultError):
            render("another")
    assert contents(tmp_path) == before
    render("another")
    after = contents(tmp_path)
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in after), "dither, and documents, are of another seed"


@pytest.mark.parametrize("name", ["reel_mix.wav", "reel_stems_S2.wav"])
def test_a_folder_in_a_files_place_is_told(tmp_path: Path, stems: list[np.ndarray], name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match=f"{name}: cannot be written: a folder has its name"):
        delivered(job_of(tmp_path, stems))
    assert names_in(tmp_path) == [name]


def test_a_full_disk_is_told_before_anything_is_mixed(
    tmp_path: Path, stems: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(bus.shutil, "disk_usage", lambda folder: Usage)
    with pytest.raises(OutputError, match=r"the disk is too full: a mix of 4 s takes 2 MB of scratch, 0 MB are free"):
        delivered(job_of(tmp_path, stems))
    assert names_in(tmp_path) == []


def test_progress_counts_every_sample_of_every_stage(tmp_path: Path, stems: list[np.ndarray]) -> None:
    told: dict[str, float] = {}
    job = job_of(tmp_path, stems)

    def advance(stage: str, count: float) -> None:
        told[stage] = told.get(stage, 0) + count

    delivered(replace(job, advance=advance))
    assert told == pytest.approx(
        {"mix": job.frames, "write": job.frames, "print": len(stems) * job.frames}
        | {"examine": (1 + len(stems)) * job.frames}
    )
