#!/usr/bin/env python3
"""What no render can leave out: each piece of its work alone, on one core, with nothing between the pieces.

    python tests/bench/floor.py                             # 20 minutes of the example's four stems
    python tests/bench/floor.py --minutes 5 --reel ../shared/reels/siege

The sum over two cores is the floor of a printmaster with this method: what `speed.py` measures above it is the start of
Python, the passing of blocks between threads, documents, and the system's work with files. CPU seconds, the least of
the rounds, which other work on the machine has disturbed least; compare shares, not seconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from stemmix.analysis.scan import StemScan
from stemmix.dsp.dither import quantise
from stemmix.dsp.limiter import TruePeakLimiter
from stemmix.engine.gauge import Asked, Gauge, Programme
from stemmix.engine.mixer import BLOCK_FRAMES, MixedStem, blocks_of, bus_of, gains_of_stem
from stemmix.engine.qc import QcWatch
from stemmix.files.audio import AudioReader, inspect
from stemmix.files.features import feature_store
from stemmix.files.hashing import sha256_of_rest
from stemmix.files.projects import read_project
from stemmix.listening import listen, programme_frames
from stemmix.model.project import Project
from stemmix.planning.decide import decide
from stemmix.sources import Source, open_stems
from stemmix.steps import Steps
from tests.bench.long_reels import EXAMPLE, LongReel, build
from tests.bench.timing import table

Floats = NDArray[np.float64]
T = TypeVar("T")

CEILING_DBTP = -1.0


@dataclass(frozen=True)
class Piece:
    """One kind of work: how often a printmaster needs it, and what it took then, in CPU seconds."""

    times: int
    cpu_s: float


class Clock:
    """Adds up the CPU time of what runs within it."""

    def __init__(self) -> None:
        self.cpu_s = 0.0

    def __enter__(self) -> None:
        self._begun_s = time.process_time()

    def __exit__(self, *fault: object) -> None:
        self.cpu_s += time.process_time() - self._begun_s


def pieces(reel: LongReel, folder: Path) -> dict[str, Piece]:
    """Every piece once, in the order of the work."""
    path = reel.project("master")
    project = read_project(path)
    sources = open_stems(path, project)
    reads, hashes, scans, decides, cuts = (Clock() for _ in range(5))
    for source in sources:
        for file in source.files:
            with hashes, file.audio.path.open("rb") as raw:
                sha256_of_rest(raw)
        scan = StemScan(project.sample_rate, 0, lambda _rows: None)
        for block in _timed(_blocks(source), reads):
            with scans:
                scan.process(block)
    with feature_store(folder, keep=False) as store:
        stems = listen(project, sources, store, Steps(lambda _step: None, {}))
        frames = programme_frames(stems)
        with decides:
            plan = decide(project, stems, frames)
    mixes = [
        blocks_of(
            MixedStem(source.timeline, source.gain_db, gains_of_stem(plan, source.stem.id), project.layout),
            frames,
            project.sample_rate,
        )
        for source in sources
    ]
    return {
        "read a stem, 24-bit PCM to float64": Piece(len(sources), reads.cpu_s),
        "the hash of a stem": Piece(len(sources), hashes.cpu_s),
        "hear it: bands, loudness, true peak, onsets": Piece(len(sources), scans.cpu_s),
        "decide": Piece(1, decides.cpu_s),
        **_of_the_mix(_timed(zip(*mixes, strict=True), cuts), frames, project, folder),
        "read it again, cut it": Piece(len(sources), cuts.cpu_s),
    }


def _of_the_mix(blocks: Iterator[tuple[Floats, ...]], frames: int, project: Project, folder: Path) -> dict[str, Piece]:
    """What is done to the sum of the stems."""
    adds, gauges, limits, packs, unpacks, looks, hashes = (Clock() for _ in range(7))
    layout, rate_hz, programme = project.layout, project.sample_rate, Programme(0, frames, ((0, frames),))
    gauge = Gauge(rate_hz, layout, programme, Asked(dialogue=True))
    limiter = TruePeakLimiter(rate_hz, len(layout.weights), CEILING_DBTP)
    begun, path = 0, folder / "mix.wav"
    with soundfile.SoundFile(path, "w", rate_hz, len(layout.weights), "PCM_24") as file:
        for stems in blocks:
            with adds:
                mix = bus_of(stems)
            with gauges:
                gauge.process(mix)
            with limits:
                limited = limiter.process(mix)
            with packs:
                samples, _ = quantise(limited, 24, begun, 1)
            begun += len(limited)
            file.write(samples << 8)  # not counted: a render has a writer of its own, mostly the system's time
    watch = QcWatch(rate_hz, layout, programme.speech_inside, "mix")
    read_back = Gauge(rate_hz, layout, programme, Asked.of_master(project.specification(project.masters[0])))
    with AudioReader(inspect(path, layout, to_mix=False)) as reader:
        for block in _timed(_read_by(reader), unpacks):
            with looks:
                watch.process(block)
                read_back.process(block)
    with looks:
        watch.findings()
        read_back.read()
    with hashes, path.open("rb") as raw:
        sha256_of_rest(raw)
    return {
        "add the stems": Piece(1, adds.cpu_s),
        "loudness and true peak of the mix": Piece(1, gauges.cpu_s),
        "limiter": Piece(1, limits.cpu_s),
        "dither to 24 bits": Piece(1, packs.cpu_s),
        "read what was written": Piece(1, unpacks.cpu_s),
        "measure it, look for faults": Piece(1, looks.cpu_s),
        "the hash of it": Piece(1, hashes.cpu_s),
    }


def _blocks(source: Source) -> Iterator[Floats]:
    with AudioReader(source.timeline.audio) as reader:
        yield from _read_by(reader)


def _read_by(reader: AudioReader) -> Iterator[Floats]:
    while len(block := reader.read(BLOCK_FRAMES)):
        yield block


def _timed(items: Iterator[T], clock: Clock) -> Iterator[T]:
    while True:
        with clock:
            item = next(items, None)
        if item is None:
            return
        yield item


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=20.0, help="length of the programme")
    parser.add_argument("--rounds", type=int, default=3, help="how often all is done")
    parser.add_argument("--reel", type=Path, default=EXAMPLE, help="folder of dialogue, music, fx and ambience")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stemmix-floor-") as made:
        folder = Path(made)
        short = build(folder / "short", 1.0, reel=arguments.reel)
        pieces(short, folder)  # compiles what is not compiled yet
        reel = build(folder / "reel", arguments.minutes, reel=arguments.reel)
        rounds = [pieces(reel, folder) for _ in range(arguments.rounds)]
    least = {name: min((one[name] for one in rounds), key=lambda piece: piece.cpu_s) for name in rounds[0]}
    cpu_s = sum(piece.cpu_s for piece in least.values())
    rows = {
        name: [str(piece.times), f"{piece.cpu_s:.2f}", f"{100 * piece.cpu_s / cpu_s:.0f}"]
        for name, piece in least.items()
    }
    rows["in all"] = ["", f"{cpu_s:.2f}", "100"]
    print(table(["times", "CPU s", "%"], rows))
    print(f"\nOn two cores that never wait: {reel.minutes * 60 / (cpu_s / 2):.0f} times real time.")


if __name__ == "__main__":
    main()
