"""`analysis.tonal`: tempo and pitch that are known are found, and nobody pays for them who did not ask."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stemmix
from stemmix.analysis.tonal import PITCHES_PER_SECOND, tonal_of
from stemmix.errors import StemError
from stemmix.model.features import Tonal
from tests.material import RATE_HZ, blocks, clicks, noise, scene

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(stemmix.__file__).parents[1])}


def tone(frequency_hz: float, seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    # with partials, as what sings or is spoken has them
    mono = sum(np.sin(2 * np.pi * k * frequency_hz * time_s) / k for k in range(1, 6))
    return 0.1 * np.repeat(np.asarray(mono)[:, None], 2, axis=1)


PURE_HZ, WHISTLED_HZ = (70.0, 440.0, 1000.0), (1500.0, 2000.0, 3000.0, 5000.0)


@pytest.fixture(scope="module")
def pitches() -> dict[float, tuple[float | None, ...]]:
    """What is found inside pure tones, by their frequency: all in one go, as librosa's process takes seconds."""
    seconds, frequencies = 3, (*PURE_HZ, *WHISTLED_HZ)
    time_s = np.arange(seconds * RATE_HZ) / RATE_HZ
    tones = [0.1 * np.sin(2 * np.pi * frequency_hz * time_s) for frequency_hz in frequencies]
    found = tonal_of([np.repeat(np.concatenate(tones)[:, None], 2, axis=1)], RATE_HZ).pitch_hz
    each = seconds * PITCHES_PER_SECOND
    return {hz: found[number * each + 2 : (number + 1) * each - 3] for number, hz in enumerate(frequencies)}


@pytest.fixture(scope="module")
def metronome() -> np.ndarray:
    """Twenty seconds at 120 beats a minute."""
    return clicks(20 * RATE_HZ, np.arange(0.25, 20, 0.5).tolist())


@pytest.fixture(scope="module")
def beaten(metronome: np.ndarray) -> Tonal:
    """What is found of it."""
    return tonal_of([metronome], RATE_HZ)


def test_the_tempo_of_a_click_track_and_its_beats_are_found(beaten: Tonal) -> None:
    assert beaten.tempo_bpm == pytest.approx(120.0, abs=0.2)
    beats_s = np.array(beaten.beats_s)
    assert len(beats_s) >= 30
    assert np.diff(beats_s) == pytest.approx(0.5, abs=0.05)
    # half a second apart, and each on a click, to librosa's frame of 23 ms
    assert np.abs((beats_s - 0.25 + 0.25) % 0.5 - 0.25).max() < 0.05


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_the_pitch_of_a_tone_is_found_ten_times_a_second(rate_hz: int) -> None:
    tonal = tonal_of([tone(220.0, 3.0, rate_hz)], rate_hz)
    assert len(tonal.pitch_hz) == pytest.approx(3 * PITCHES_PER_SECOND, abs=2)
    inside = tonal.pitch_hz[2:-3]
    assert all(hz == pytest.approx(220.0, rel=0.01) for hz in inside)


def test_pitch_is_none_where_the_stem_is_faint() -> None:
    signal = np.concatenate((tone(220.0, 2.0), np.zeros((RATE_HZ * 2, 2)), tone(330.0, 2.0)))
    pitch = tonal_of([signal], RATE_HZ).pitch_hz
    assert pitch[8:12] == pytest.approx((220.0,) * 4, rel=0.01)
    assert pitch[23:37] == (None,) * 14
    assert pitch[48:52] == pytest.approx((330.0,) * 4, rel=0.01)


@pytest.mark.parametrize("frequency_hz", WHISTLED_HZ)
def test_a_tone_above_the_highest_pitch_has_none(
    frequency_hz: float, pitches: dict[float, tuple[float | None, ...]]
) -> None:
    """And not that of a tone some octaves down."""
    assert set(pitches[frequency_hz]) == {None}


@pytest.mark.parametrize("frequency_hz", PURE_HZ)
def test_a_pure_tone_has_its_pitch(frequency_hz: float, pitches: dict[float, tuple[float | None, ...]]) -> None:
    assert len(pitches[frequency_hz]) == 25
    assert all(hz == pytest.approx(frequency_hz, rel=0.01) for hz in pitches[frequency_hz])


def test_noise_has_neither_pitch_nor_beat() -> None:
    """Rain, a room: whatever is looked for in them is found somewhere."""
    tonal = tonal_of([noise(20 * RATE_HZ, rms=0.1)], RATE_HZ)
    assert (tonal.tempo_bpm, tonal.beats_s) == (None, ())
    assert set(tonal.pitch_hz) == {None}


def test_how_the_stem_arrives_does_not_matter(metronome: np.ndarray, beaten: Tonal) -> None:
    assert tonal_of(blocks(metronome, 7_777), RATE_HZ) == beaten


@pytest.mark.parametrize("signal", [np.zeros((0, 2)), np.zeros((5 * RATE_HZ, 2)), noise(2000)], ids=len)
def test_nothing_is_made_up_of_silence_or_of_a_moment(signal: np.ndarray) -> None:
    tonal = tonal_of([signal], RATE_HZ)
    assert (tonal.tempo_bpm, tonal.beats_s, tonal.pitch_hz) == (None, (), ())


PROGRAM = """
import json, sys
from stemmix.cli import main
code = main(sys.argv[1:])
print(json.dumps([code, "librosa" in sys.modules, "librosa.feature" in sys.modules]))
"""


def test_only_who_asks_for_pitch_and_tempo_waits_for_librosa(tmp_path: Path) -> None:
    """Two seconds to import: not in a render, not in a report, not in `features` as such."""
    project = str(scene(tmp_path))

    def ended(*arguments: str) -> list[object]:
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=True
        )
        return list(json.loads(run.stdout.splitlines()[-1]))

    for arguments in (["render", project], ["report", project], ["why", project, "1"], ["features", project]):
        assert ended(*arguments) == [0, False, False], arguments
    assert ended("features", project, "--tonal", "--stem", "MX") == [0, False, False], "it has a process of its own"


def test_a_process_that_dies_of_a_signal_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And believes nothing any more of what librosa kept: that may be what it died of."""
    begun: list[str] = []
    really = subprocess.run

    def dying(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        begun.append(options["env"]["NUMBA_CACHE_DIR"])
        if len(begun) < 3:
            command = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"]
        # the last of them by what is kept, all the same: to compile it anew is a test of its own
        return really(command, **options | {"env": options["env"] | {"NUMBA_CACHE_DIR": begun[0]}})

    monkeypatch.setattr(subprocess, "run", dying)
    assert tonal_of([tone(220.0, 3.0)], RATE_HZ).pitch_hz[8] == pytest.approx(220.0, rel=0.01)
    assert len(set(begun)) == len(begun) == 3
    assert begun[0] == os.environ["NUMBA_CACHE_DIR"]
    assert not Path(begun[2]).exists()


@pytest.mark.long
def test_damaged_code_that_librosa_kept_is_replaced_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """numba believes what it finds: a process that ends with an error may have met nothing worse than that."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    begun: list[str] = []
    really = subprocess.run

    def counted(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        begun.append(options["env"]["NUMBA_CACHE_DIR"])
        return really(command, **options)

    monkeypatch.setattr(subprocess, "run", counted)
    stem = tone(220.0, 3.0)
    whole = tonal_of([stem], RATE_HZ)
    indexes = sorted(tmp_path.glob("*/*.nbi"))
    assert indexes
    for index in indexes:
        index.write_bytes(index.read_bytes()[: index.stat().st_size // 2])
    others = tmp_path / "mine_0123" / "mine.nbi"
    others.parent.mkdir()
    others.write_bytes(b"of another program")
    begun.clear()
    assert tonal_of([stem], RATE_HZ) == whole
    assert len(begun) >= 2
    assert set(begun[1:]).isdisjoint({str(tmp_path)})
    assert others.read_bytes() == b"of another program"
    compiled = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.nb?")}
    assert set(indexes) <= set(compiled)
    command = [sys.executable, "-P", "-m", "stemmix.analysis.tonal"]
    codes = {really(command, input=bytes(400_000), capture_output=True, check=False).returncode for _ in range(3)}
    assert 0 in codes
    assert max(codes) == 0, "by a signal at most"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.nb?")} == compiled, "nothing is compiled again"


@pytest.mark.parametrize(
    ("program", "why"),
    [("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"), ("raise OSError('no room')", "no room")],
)
def test_where_it_cannot_be_done_that_is_said(program: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    really = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda _command, **options: really([sys.executable, "-c", program], **options)
    )
    with pytest.raises(StemError, match=f"pitch and tempo cannot be found: .*{why}"):
        tonal_of([tone(220.0, 3.0)], RATE_HZ)
