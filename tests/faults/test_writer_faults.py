"""A process that dies or is refused while it writes leaves nothing under a final name."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stemmix.files.writer import remove_strays

REPOSITORY = Path(__file__).resolve().parents[2]

WRITE_ON_AND_ON = """
import sys
from pathlib import Path
import numpy as np
from stemmix.errors import OutputError
from stemmix.files.writer import WaveWriter
from stemmix.model.layouts import STEREO

if len(sys.argv) > 2:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    with WaveWriter(Path(sys.argv[1]), "wav24", 48_000, STEREO, 10**8) as file:
        while True:
            file.write(np.zeros((4800, 2), np.int32))
            print("written", flush=True)
except OutputError as fault:
    sys.exit(f"refused: {fault}")
"""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def writer(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITE_ON_AND_ON, *map(str, arguments)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_leaves_only_a_stray_and_the_old_file(tmp_path: Path, how: signal.Signals) -> None:
    target = tmp_path / "mix.wav"
    target.write_bytes(b"the old mix")
    with writer(target) as process:
        assert process.stdout is not None
        for _ in range(5):
            assert process.stdout.readline() == "written\n"
        (part,) = set(tmp_path.iterdir()) - {target}
        assert part.name == f".mix.wav.{process.pid}.part"
        assert remove_strays(tmp_path) == (), "it is alive"
        process.send_signal(how)
        assert process.wait(20) == -how
    assert target.read_bytes() == b"the old mix"
    assert set(tmp_path.iterdir()) == {target, part}
    assert remove_strays(tmp_path) == (part,)
    assert names_in(tmp_path) == ["mix.wav"]


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with writer(tmp_path / "mix.wav") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
    assert names_in(tmp_path) == []


def test_a_limit_on_the_size_of_files_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    """Python ignores SIGXFSZ, so the limit comes as an error, in the midst of writing as a full disk does."""
    with writer(tmp_path / "mix.wav", 3_000_000) as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said == f"refused: {tmp_path / 'mix.wav'}: cannot be written: it is larger than a file may be here\n"
    assert names_in(tmp_path) == []
