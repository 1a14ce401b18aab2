#!/usr/bin/env python3
"""What no render can leave out: each piece of its work alone, on one core, with nothing between the pieces.

    python tests/bench/floor.py                             # 20 minutes of the example's four stems
    python tests/bench/floor.py --case flac                 # of FLAC stems, which are decoded twice
    python tests/bench/floor.py --case busy                 # with the limiter busy all along, 9 dB over
    python tests/bench/floor.py --minutes 5 --reel ../shared/reels/siege

The sum over two cores, after a start that only one of them can do, is the floor of a printmaster with this method: what
`speed.py` measures above it is decisions, beside which there are but hashes to be taken, the passing of blocks between
threads, and the system's work with files. CPU seconds, the least of the rounds, which other work on the machine has
disturbed least; compare shares, not seconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
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
from stemmix.engine.mixer import BLOCK_FRAMES, MixedStem, blocks_of, bus_in_single, gains_of_stem
from stemmix.engine.qc import QcWatch
from stemmix.engine.specification import gain_for
from stemmix.files.audio import AudioReader, inspect
from stemmix.files.features import feature_store
from stemmix.files.hashing import sha256_of_rest
from stemmix.files.projects import read_project
from stemmix.listening import listen, programme_frames
from stemmix.machine import collect_seldom, keep_freed_memory
from stemmix.model.project import Project
from stemmix.planning.decide import decide
from stemmix.sources import Source, open_stems
from stemmix.steps import Steps
from stemmix.units import gain_from_db
from tests.bench import timing
from tests.bench.long_reels import EXAMPLE, LongReel, build
from tests.bench.timing import STEMMIX, measured, table

Floats = NDArray[np.float64]
T = TypeVar("T")

START = "start and end: Python, libraries, kernels, documents"
CEILING_DBTP = -1.0
BUSY_TAKES = 2
"""Of a master that a limiter is busy in: one at the gain that would do without it, and one at the gain that makes up
for what it takes."""


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


def start(reel: LongReel, folder: Path) -> Piece:
    """A whole process that renders next to nothing: Python, libraries, compiled kernels, documents."""
    out = folder / "out"
    command = (*STEMMIX, "render", str(reel.project("master")), "--no-cache", "--out", str(out))
    cost, _ = measured(command, folder / "cache")
    return Piece(1, cost.cpu_s)


def floor_s(start: Piece, work: Iterable[Piece]) -> float:
    """Seconds on two cores that never wait: of a start nothing can be shared, of the work all."""
    return start.cpu_s + sum(piece.cpu_s for piece in work) / 2


def pieces(reel: LongReel, folder: Path, *, busy: bool = False) -> dict[str, Piece]:
    """Every piece, in the order of the work."""
    path = reel.project("busy" if busy else "master")
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
        frames = programme_frames(project, stems)
        for stem in stems:
            stem.identified()  # its hash is a piece by itself, and would be taken beside decisions
        with decides:
            plan = decide(project, stems, frames)

    def mixed() -> Iterator[tuple[Floats, ...]]:
        stems = [
            MixedStem(source.timeline, source.gain_db, gains_of_stem(plan, source.stem.id), project.layout)
            for source in sources
        ]
        return zip(*(blocks_of(stem, frames, project.sample_rate) for stem in stems), strict=True)

    gain = gain_from_db(_gain_db(mixed(), frames, project)) if busy else None
    return {
        "read a stem, to float64": Piece(len(sources), reads.cpu_s),
        "the hash of a stem": Piece(len(sources), hashes.cpu_s),
        "hear it: bands, loudness, true peak, onsets": Piece(len(sources), scans.cpu_s),
        "decide": Piece(1, decides.cpu_s),
        **_of_the_mix(_timed(mixed(), cuts), frames, project, folder, gain),
        "read it again, cut it": Piece(len(sources), cuts.cpu_s),
    }


def _gain_db(blocks: Iterator[tuple[Floats, ...]], frames: int, project: Project) -> float:
    """Of the first take."""
    (master,) = project.masters
    specification = project.specification(master)
    gauge = Gauge(project.sample_rate, project.layout, Programme(0, frames, ()), Asked.for_gain(specification))
    for stems in blocks:
        gauge.process(bus_in_single(stems)[1])
    return gain_for(specification, gauge.read()).gain_db or 0.0


def _of_the_mix(
    blocks: Iterator[tuple[Floats, ...]], frames: int, project: Project, folder: Path, gain: float | None
) -> dict[str, Piece]:
    """What is done to the sum of the stems: at a gain by which a limiter is busy, or where none has anything to do."""
    adds, gauges, limits, hears, packs, unpacks, looks, hashes = (Clock() for _ in range(8))
    layout, rate_hz, programme = project.layout, project.sample_rate, Programme(0, frames, ((0, frames),))
    gauge = Gauge(rate_hz, layout, programme, Asked(dialogue=True))
    limited_gauge = Gauge(rate_hz, layout, programme, Asked(peaks=False))
    limiter = TruePeakLimiter(rate_hz, len(layout.weights), CEILING_DBTP)
    begun, path = 0, folder / "mix.wav"
    with soundfile.SoundFile(path, "w", rate_hz, len(layout.weights), "PCM_24") as file:
        for stems in blocks:
            with adds:
                _, mix = bus_in_single(stems)
            with gauges:
                gauge.process(mix)
            if gain is not None:
                with limits:
                    mix = limiter.process(mix * gain)
                with hears:
                    limited_gauge.process(mix)
            with packs:
                samples, _ = quantise(mix, 24, begun, 1)
            begun += len(mix)
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
    takes = 1 if gain is None else BUSY_TAKES

    def taken(clock: Clock) -> Piece:
        return Piece(takes, takes * clock.cpu_s)

    return {
        "add the stems": Piece(1, adds.cpu_s),
        "loudness and true peak of the mix": Piece(1, gauges.cpu_s),
        **({} if gain is None else {"limiter": taken(limits), "loudness of what it gives": taken(hears)}),
        "dither to 24 bits": taken(packs),
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
    parser.add_argument("--minutes", type=timing.minutes, default=20.0, help="length of the programme")
    parser.add_argument("--rounds", type=timing.rounds, default=3, help="how often all is done")
    parser.add_argument("--case", choices=("wav", "flac", "busy"), default="wav", help="which render")
    parser.add_argument(
        "--reel", type=timing.folder, default=EXAMPLE, help="folder of dialogue, music, fx and ambience"
    )
    arguments = parser.parse_args()
    keep_freed_memory()  # as the program does
    collect_seldom()
    suffix, busy = ".flac" if arguments.case == "flac" else ".wav", arguments.case == "busy"
    with tempfile.TemporaryDirectory(prefix="stemmix-floor-") as made:
        folder = Path(made)
        moment = build(folder / "moment", 1 / 60, reel=arguments.reel, suffix=suffix)
        short = build(folder / "short", 1.0, reel=arguments.reel, suffix=suffix)
        pieces(short, folder, busy=busy)  # compiles what is not compiled yet
        start(moment, folder)
        reel = build(folder / "reel", arguments.minutes, reel=arguments.reel, suffix=suffix)
        rounds = [{START: start(moment, folder), **pieces(reel, folder, busy=busy)} for _ in range(arguments.rounds)]
    least = {name: min((one[name] for one in rounds), key=lambda piece: piece.cpu_s) for name in rounds[0]}
    cpu_s = sum(piece.cpu_s for piece in least.values())
    rows = {
        name: [str(piece.times), f"{piece.cpu_s:.2f}", f"{100 * piece.cpu_s / cpu_s:.0f}"]
        for name, piece in least.items()
    }
    rows["in all"] = ["", f"{cpu_s:.2f}", "100"]
    print(table(["times", "CPU s", "%"], rows))
    seconds = floor_s(least.pop(START), least.values())
    print(f"\nOn two cores that never wait, after the start: {reel.minutes * 60 / seconds:.0f} times real time.")


if __name__ == "__main__":
    main()
