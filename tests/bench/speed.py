#!/usr/bin/env python3
"""How fast `stemmix render` is, and how much memory it takes, beside an ffmpeg filter graph that does similar work.

    python tests/bench/speed.py                             # 20 minutes, then memory at 2, 20 and 60 minutes
    python tests/bench/speed.py --minutes 5 --growth        # quicker, and nothing about growth
    python tests/bench/speed.py --reel ../shared/reels/siege

Every stem of the reel (a folder of audio files) is repeated to length as stereo 24-bit 48 kHz WAV in a temporary
folder. Whole processes are timed, Python's start and all; the cases take turns, so that whatever else the machine
does falls on all of them, and the median of the rounds is told. Compare ratios, not seconds.

The rival does, in ffmpeg: four equalizers a stem, music and effects ducked under dialogue by sidechaincompress, amix,
ebur128 while a float file is written, then linear gain to the target and alimiter at 192 kHz. It runs on one filter
thread: ffmpeg's default slice threads double what its equalizer costs. It decides nothing and hears no line.

Peak memory is the kernel's `ru_maxrss` of each child, which counts no less than this small program itself.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parents[2]
RATE_HZ = 48_000
TARGET_LUFS, BUSY_DB = -23.0, 9.0
CEILING_DBTP = -1.0
ORDER = ("dialogue", "music", "fx", "ambience")
STEMMIX = (sys.executable, "-m", "stemmix")
BUSY = f"printmaster, target {BUSY_DB:+.0f} dB, from the stems"
GRAPH, BUSY_GRAPH = "ffmpeg's graph", f"ffmpeg's graph, target {BUSY_DB:+.0f} dB"


@dataclass(frozen=True)
class Cost:
    """What one piece of work took."""

    wall_s: float
    cpu_s: float
    peak_bytes: int

    def __add__(self, other: Cost) -> Cost:
        """One after the other."""
        return Cost(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s, max(self.peak_bytes, other.peak_bytes))


@dataclass(frozen=True)
class Place:
    """A folder with a reel in it, and projects that ask for different things of the same stems."""

    folder: Path
    minutes: float

    def project(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    @property
    def environment(self) -> dict[str, str]:
        """This working tree; features and kernels are kept beside the places, and go with them."""
        return os.environ | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(self.folder.parent / "cache")}


def measured(command: Sequence[str], place: Place) -> tuple[Cost, str]:
    """Run a command to its end: what it took, and what it said on stderr."""
    log = place.folder / "stderr.txt"
    begin = time.perf_counter()
    with log.open("wb") as messages:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=messages, env=place.environment)
        _, status, usage = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    said = log.read_text("utf-8", errors="replace")
    if child.returncode:
        raise SystemExit(f"{' '.join(command)}\nended with {child.returncode}:\n{said[-2000:]}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024), said


# ---- material --------------------------------------------------------------------------------------------------------


def build(reel: Path, folder: Path, minutes: float) -> Place:
    """Repeat the reel's stems to length in `folder`, and write the projects."""
    stems = folder / "reel"
    stems.mkdir(parents=True)
    for file in sorted(reel.iterdir()):
        if file.suffix in (".flac", ".wav"):
            repeat(file, stems / f"{file.stem}.wav", round(minutes * 60 * RATE_HZ))
    place = Place(folder, minutes)
    measured([*STEMMIX, "init", str(stems), "--quiet"], place)
    document = json.loads(place.project("reel").read_text("utf-8"))
    master = {"name": "printmaster", "target_lufs": TARGET_LUFS, "ceiling_dbtp": CEILING_DBTP}
    for name, deliverables in (
        ("master", [master]),
        ("stems", [master, {"name": "stems", "kind": "stems"}]),
        ("busy", [master | {"target_lufs": TARGET_LUFS + BUSY_DB}]),
    ):
        place.project(name).write_text(json.dumps(document | {"deliverables": deliverables}), "utf-8")
    return place


def repeat(source: Path, target: Path, frames: int) -> None:
    """Write `frames` samples of a file as stereo 24-bit WAV, from its beginning again and again; a block at a time."""
    import soundfile

    with (
        soundfile.SoundFile(source) as reader,
        soundfile.SoundFile(
            target, "w", RATE_HZ, 2, "PCM_24", format="RF64" if frames * 6 > 2**32 else "WAV"
        ) as writer,
    ):
        if reader.samplerate != RATE_HZ or reader.channels > 2:
            raise SystemExit(f"{source}: must be mono or stereo at {RATE_HZ} Hz")
        while frames:
            block = reader.read(min(frames, 65536), always_2d=True)
            if not len(block):
                if not reader.tell():
                    raise SystemExit(f"{source}: holds no audio")
                reader.seek(0)
                continue
            # mono stands in the centre at constant power
            writer.write(block if reader.channels == 2 else block.repeat(2, axis=1) * 0.5**0.5)
            frames -= len(block)


# ---- the two sides ---------------------------------------------------------------------------------------------------


def render(place: Place, project: str, *, cached: bool) -> Cost:
    """`stemmix render`, from the stems or from features kept by a run before."""
    command = [*STEMMIX, "render", str(place.project(project)), "--out", str(place.folder / "out"), "--quiet"]
    return measured(command if cached else [*command, "--no-cache"], place)[0]


def graph(place: Place, target_lufs: float) -> Cost:
    """The ffmpeg graph: mix while loudness is measured, then gain and limiter."""
    document = json.loads(place.project("master").read_text("utf-8"))
    by_role = {stem["role"]: place.folder / stem["file"] for stem in document["stems"]}
    mixed, written = place.folder / "graph.float.wav", place.folder / "graph.wav"
    start = ("ffmpeg", "-hide_banner", "-nostats", "-y", "-filter_complex_threads", "1")

    bells = ((120, 1), (500, -2), (2500, -3), (8000, -1))
    bells_of_a_stem = ",".join(f"equalizer=f={hz}:width_type=q:w=1:g={gain_db}" for hz, gain_db in bells)
    chains = [f"[{index}:a]{bells_of_a_stem}" for index in range(4)]
    duck = "sidechaincompress=threshold=0.05:ratio=8:attack=20:release=250"
    mix = (
        f"{chains[0]},asplit=3[dx][key1][key2];{chains[1]}[m];[m][key1]{duck}[mx];{chains[2]}[f];[f][key2]{duck}[fx];"
        f"{chains[3]}[amb];[dx][mx][fx][amb]amix=inputs=4:normalize=0,ebur128=framelog=verbose[mix]"
    )
    inputs = [word for role in ORDER for word in ("-i", str(by_role[role]))]
    first, said = measured(
        [*start, *inputs, "-filter_complex", mix, "-map", "[mix]", "-c:a", "pcm_f32le", "-rf64", "auto", str(mixed)],
        place,
    )
    integrated_lufs = float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])
    master = (
        f"[0:a]volume={target_lufs - integrated_lufs:.2f}dB,aresample=192000,"
        f"alimiter=limit={10 ** (CEILING_DBTP / 20):.6f}:level=disabled,aresample={RATE_HZ}[out]"
    )
    second, _ = measured(
        [*start, "-i", str(mixed), "-filter_complex", master, "-map", "[out]", "-c:a", "pcm_s24le", str(written)], place
    )
    mixed.unlink()
    return first + second


# ---- what is told ----------------------------------------------------------------------------------------------------


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure by itself."""
    return Cost(
        median(cost.wall_s for cost in costs),
        median(cost.cpu_s for cost in costs),
        round(median(cost.peak_bytes for cost in costs)),
    )


def head(title: str) -> None:
    print(f"{title}\n\n| | x real time | wall s | CPU s | peak MB | ffmpeg's wall, CPU over it |\n{'|---' * 6}|")


def row(name: str, minutes: float, cost: Cost, against: Cost | None = None) -> str:
    ratios = f"{against.wall_s / cost.wall_s:.1f}x, {against.cpu_s / cost.cpu_s:.1f}x" if against else "-"
    speed = f"{minutes * 60 / cost.wall_s:.0f}"
    return f"| {name} | {speed} | {cost.wall_s:.2f} | {cost.cpu_s:.2f} | {cost.peak_bytes / 1e6:.0f} | {ratios} |"


def compare(place: Place, rounds: int) -> None:
    """All cases in turn, `rounds` times over; a table with the rival's wall and CPU time over each."""
    cases = {
        "printmaster, from the stems": lambda: render(place, "master", cached=False),
        "printmaster, from kept features": lambda: render(place, "master", cached=True),
        "printmaster and printed stems, from the stems": lambda: render(place, "stems", cached=False),
        "printmaster and printed stems, from kept features": lambda: render(place, "stems", cached=True),
        BUSY: lambda: render(place, "busy", cached=False),
    }
    if shutil.which("ffmpeg"):
        cases[GRAPH] = lambda: graph(place, TARGET_LUFS)
        cases[BUSY_GRAPH] = lambda: graph(place, TARGET_LUFS + BUSY_DB)
    else:
        print("ffmpeg is not installed: nothing to compare with\n")
    render(place, "stems", cached=True)  # compiles what is not compiled yet, and keeps the features
    taken: dict[str, list[Cost]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            taken[name].append(case())
    costs = {name: middle(each) for name, each in taken.items()}

    head(f"{place.minutes:g} minutes of four stereo stems, median of {rounds}")
    for name, cost in costs.items():
        rival = None if name in (GRAPH, BUSY_GRAPH) else costs.get(BUSY_GRAPH if name == BUSY else GRAPH)
        print(row(name, place.minutes, cost, rival))


def grow(reel: Path, folder: Path, minutes: Sequence[float]) -> None:
    """Speed and memory of one render from the stems over the length of the programme."""
    head("\nprintmaster, from the stems")
    for length in minutes:
        place = build(reel, folder / "growth", length)
        print(row(f"{length:g} minutes", length, render(place, "master", cached=False)), flush=True)
        shutil.rmtree(place.folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=20.0, help="length of the programme that is compared")
    parser.add_argument("--rounds", type=int, default=3, help="how often every case is run")
    parser.add_argument("--growth", type=float, nargs="*", default=[2.0, 20.0, 60.0], help="lengths to tell memory at")
    parser.add_argument("--reel", type=Path, default=REPOSITORY / "projects" / "film_reel3", help="folder of stems")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stemmix-speed-") as name:
        folder = Path(name)
        place = build(given.reel, folder / "compared", given.minutes)
        compare(place, given.rounds)
        shutil.rmtree(place.folder)
        if given.growth:
            grow(given.reel, folder, given.growth)


if __name__ == "__main__":
    main()
