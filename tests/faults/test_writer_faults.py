"""A process that dies or is refused while it writes leaves nothing under a final name."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stemmix.files.parts import remove_strays

REPOSITORY = Path(__file__).resolve().parents[2]

WRITE_ON_AND_ON = """
import sys
from contextlib import nullcontext
from pathlib import Path
import numpy as np
from stemmix.errors import OutputError
from stemmix.files.broadcast import BroadcastInfo
from stemmix.files.outputs import MonoFiles, sound_writer
from stemmix.model.encodings import CODINGS
from stemmix.model.layouts import STEREO
from stemmix.stopping import StoppedError, heed, raised_by_signals

path, encoding, split, limit = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "split", sys.argv[4]
if limit.isdigit():
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
noise = np.random.default_rng(1).integers(-2**15, 2**15, (4800, 2), dtype=np.int32)
try:
    with (
        raised_by_signals() if limit == "heeding" else nullcontext(),
        (MonoFiles if split else sound_writer)(path, encoding, 48_000, STEREO, 10**8, BroadcastInfo()) as file,
    ):
        while True:
            heed()
            file.write(noise if CODINGS[encoding].bits else noise / 2**15)
            print("written", flush=True)
except OutputError as fault:
    sys.exit(f"refused: {fault}")
except StoppedError:
    raise KeyboardInterrupt
"""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


WRITERS = [("wav24", "whole"), ("wavfloat", "split"), ("flac24", "whole"), ("mp3", "whole"), ("ogg", "whole")]


def writer(path: Path, encoding: str, split: str, how: object = "") -> subprocess.Popen[str]:
    """A process that writes noise into a file, `whole` or `split`, until it is stopped.

    How: as far as a limit of so many bytes, or `heeding` signals as the program does.
    """
    return subprocess.Popen(
        [sys.executable, "-c", WRITE_ON_AND_ON, str(path), encoding, split, str(how)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def targets_of(folder: Path, split: str) -> list[Path]:
    return [folder / "mix.L", folder / "mix.R"] if split == "split" else [folder / "mix"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize(("encoding", "split"), WRITERS)
def test_a_killed_process_leaves_only_strays_and_the_old_files(
    tmp_path: Path, how: signal.Signals, encoding: str, split: str
) -> None:
    targets = targets_of(tmp_path, split)
    for target in targets:
        target.write_bytes(b"the old mix")
    with writer(tmp_path / "mix", encoding, split) as process:
        assert process.stdout is not None
        for _ in range(5):
            assert process.stdout.readline() == "written\n"
        parts = set(tmp_path.iterdir()) - set(targets)
        assert {part.name for part in parts} == {f".{target.name}.{process.pid}.part" for target in targets}
        assert remove_strays(tmp_path) == (), "it is alive"
        process.send_signal(how)
        assert process.wait(20) == -how
    assert {target.read_bytes() for target in targets} == {b"the old mix"}
    assert set(tmp_path.iterdir()) == {*targets, *parts}
    assert remove_strays(tmp_path) == tuple(sorted(parts))
    assert names_in(tmp_path) == [target.name for target in targets]


@pytest.mark.parametrize(("encoding", "split"), WRITERS)
def test_an_interrupt_leaves_nothing(tmp_path: Path, encoding: str, split: str) -> None:
    """Heeded, as it may fall into what a codec calls back, where an exception is lost."""
    with writer(tmp_path / "mix", encoding, split, "heeding") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(("encoding", "split"), WRITERS)
def test_a_limit_on_the_size_of_files_is_told_and_leaves_nothing(tmp_path: Path, encoding: str, split: str) -> None:
    """Python ignores SIGXFSZ, so the limit comes as an error, in the midst of writing as a full disk does."""
    with writer(tmp_path / "mix", encoding, split, 2_500_000) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    target = targets_of(tmp_path, split)[0]
    assert said == f"refused: {target}: cannot be written: it is larger than a file may be here\n"
    assert names_in(tmp_path) == []
