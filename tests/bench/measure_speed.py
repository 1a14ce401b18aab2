#!/usr/bin/env python3
"""How fast `stemmix measure` is, and how much memory it takes, beside ffmpeg's `ebur128=peak=true`.

    python tests/bench/measure_speed.py                 # 20 minutes of stereo and 5.1, median of 5
    python tests/bench/measure_speed.py --minutes 2 --rounds 1

Stereo is the sum of the example's stems, 5.1 has music in front, dialogue in the centre, effects behind; each repeated
to length as 24-bit 48 kHz WAV. Whole processes are timed, Python's start and all, in turn, so that whatever else the
machine does falls on both; compare ratios. `stemmix measure` reads more (RMS, noise floor, Leq(m), PLR, PSR); ffmpeg's
log of every 100 ms is left out, which spares it time.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import timing
from tests.bench.long_reels import EXAMPLE, RATE_HZ
from tests.bench.timing import FIGURES, STEMMIX, Cost, figures, measured, middle, over, table

RIVAL = ("ffmpeg", "-hide_banner", "-nostats", "-nostdin", "-i")
RIVAL_FILTER = ("-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-")


def build(folder: Path, minutes: float) -> dict[str, Path]:
    """Both files, by name."""
    import numpy as np
    import soundfile

    from stemmix.model.layouts import STEREO, SURROUND_5_1

    stems = {}
    for name in ("dx", "mx", "fx", "amb"):
        samples, rate_hz = soundfile.read(EXAMPLE / f"{name}.flac", always_2d=True)
        assert rate_hz == RATE_HZ
        # mono stands in the centre at constant power
        stems[name] = samples if samples.shape[1] == 2 else samples.repeat(2, axis=1) * 0.5**0.5
    frames = min(map(len, stems.values()))
    dx, mx, fx, amb = (samples[:frames] for samples in stems.values())
    centre = dx.sum(axis=1, keepdims=True) * 0.5**0.5
    surround = np.concatenate((mx, centre, 0.1 * fx[:, :1], fx + amb), axis=1)
    return {
        "stereo": repeated(folder / "stereo.wav", dx + mx + fx + amb, STEREO, minutes),
        "5.1": repeated(folder / "surround.wav", surround, SURROUND_5_1, minutes),
    }


def repeated(path: Path, samples: Any, layout: Any, minutes: float) -> Path:
    """Write (frames, channels) samples again and again, `minutes` long."""
    import numpy as np

    from stemmix.files.wave import SamplePacker, wave_header

    integers = np.round(np.clip(samples, -1.0, 1.0) * (2**23 - 1)).astype(np.int32)
    left = round(minutes * 60 * RATE_HZ)
    packer = SamplePacker("wav24")
    with path.open("wb") as file:
        file.write(wave_header("wav24", RATE_HZ, layout, left).content)
        while left:
            for piece in packer.pack(integers[:left]):
                file.write(piece)
            left -= min(left, len(integers))
    return path


def compare(files: dict[str, Path], cache: Path, minutes: float, rounds: int) -> dict[tuple[str, str], Cost]:
    """Every file by both, in turn; a table of medians."""
    commands: dict[str, Sequence[str]] = {"stemmix measure": (*STEMMIX, "measure", "--json")}
    if shutil.which("ffmpeg"):
        commands["ffmpeg ebur128"] = RIVAL
    else:
        print("ffmpeg is not installed: nothing to compare with\n")
    taken: dict[tuple[str, str], list[Cost]] = {(kind, name): [] for kind in files for name in commands}
    measured([*commands["stemmix measure"], str(files["stereo"])], cache)  # compiles what is not compiled yet
    for _ in range(rounds):
        for (kind, name), costs_so_far in taken.items():
            after = RIVAL_FILTER if commands[name] is RIVAL else ()
            costs_so_far.append(measured([*commands[name], str(files[kind]), *after], cache)[0])
    costs = {case: middle(each) for case, each in taken.items()}
    rows = {}
    for (kind, name), cost in costs.items():
        rival = costs.get((kind, "ffmpeg ebur128"), cost)
        rows[f"{kind}, {name}"] = [*figures(minutes, cost), "-" if rival is cost else over(rival, cost)]
    print(f"{minutes:g} minutes, 24 bits, median of {rounds}\n")
    print(table([*FIGURES, "ffmpeg's wall, CPU over it"], rows))
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=timing.minutes, default=20.0, help="length of both files")
    parser.add_argument("--rounds", type=timing.rounds, default=5, help="how often every case is run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stemmix-measure-") as name:
        folder = Path(name)
        # a child's peak memory counts no less than what its parent had: the files are made elsewhere
        with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
            files = elsewhere.submit(build, folder, given.minutes).result()
        compare(files, folder / "cache", given.minutes, given.rounds)


if __name__ == "__main__":
    main()
