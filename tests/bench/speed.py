#!/usr/bin/env python3
"""How fast `stemmix render` is, and how much memory it takes, beside what a person would build in ffmpeg.

    python tests/bench/speed.py                             # 20 minutes, stages, growth; about a quarter of an hour
    python tests/bench/speed.py --minutes 5 --rounds 1 --growth none
    python tests/bench/speed.py --all-rivals                # the slower chains too
    python tests/bench/speed.py --feature                   # two hours of 5.1, twelve stems; 32 GB of disk
    python tests/bench/speed.py --reel ../shared/reels/siege

Stems are a short reel's, repeated to length as 24-bit 48 kHz WAV in a temporary folder (`--folder` chooses where).
Whole processes are timed, Python's start and all; the cases take turns, so that whatever else the machine does falls on
all of them, and the median of the rounds is told. Compare ratios, not seconds. Kernels are compiled before.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import chains, timing
from tests.bench.long_reels import BUSY_DB, EXAMPLE, TARGET_LUFS, LongReel, build, edit, feature_stems, four_stems
from tests.bench.timing import FIGURES, STEMMIX, Cost, figures, measured, middle, over, table

COLD, KEPT, EDITED = "from the stems", "from kept features", "from kept features, a fader moved"
BUSY = f"from the stems, target {BUSY_DB:+.0f} dB: the limiter busy all along"
CHAIN, BUSY_CHAIN = "ffmpeg, its strongest chain", f"ffmpeg, the same, target {BUSY_DB:+.0f} dB"
GROWTH = ("minutes", "stems", "layouts")


def built(*given: Any, **named: Any) -> LongReel:
    """`build`, elsewhere: a child's peak memory counts no less than what its parent had."""
    with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
        return elsewhere.submit(build, *given, **named).result()


def render(reel: LongReel, project: str, cache: Path, *, cached: bool, words: Sequence[str] = ("--quiet",)) -> Cost:
    """`stemmix render`, from the stems or from features kept by a run before."""
    return _rendered(reel, project, cache, cached, words)[0]


def _rendered(reel: LongReel, project: str, cache: Path, cached: bool, words: Sequence[str]) -> tuple[Cost, str]:
    out = reel.folder / "out"
    command = [*STEMMIX, "render", str(reel.project(project)), "--out", str(out), *words]
    # so much limiting, or so many stems, may miss the specification: 5, and all is written
    return measured(command if cached else [*command, "--no-cache"], cache, (0, 5))


def compare(reel: LongReel, flac: LongReel | None, cache: Path, rounds: int, *, all_rivals: bool) -> dict[str, Cost]:
    """All cases in turn, `rounds` times over; a table with the strongest chain's wall and CPU time over each."""
    edits = iter(range(1, rounds + 1))

    def edited() -> Cost:
        edit(reel, -0.5 * next(edits))
        return render(reel, "edited", cache, cached=True)

    cases: dict[str, Callable[[], Cost]] = {
        COLD: lambda: render(reel, "master", cache, cached=False),
        KEPT: lambda: render(reel, "master", cache, cached=True),
        EDITED: edited,
        BUSY: lambda: render(reel, "busy", cache, cached=False),
        "from the stems, and four printed stems": lambda: render(reel, "stems", cache, cached=False),
    }
    if flac is not None:
        cases["from FLAC stems"] = lambda: render(flac, "master", cache, cached=False)
    if shutil.which("ffmpeg"):
        cases[CHAIN] = lambda: chains.in_two_graphs(reel, cache, TARGET_LUFS)
        cases[BUSY_CHAIN] = lambda: chains.in_two_graphs(reel, cache, TARGET_LUFS + BUSY_DB)
        if all_rivals:
            cases["ffmpeg, the graph run twice"] = lambda: chains.twice_over(reel, cache, TARGET_LUFS)
            for name, one_thread in (("one thread", True), ("default threads", False)):
                cases[f"ffmpeg, loudnorm in two passes, {name}"] = lambda one_thread=one_thread: chains.by_loudnorm(
                    reel, cache, TARGET_LUFS, one_thread=one_thread
                )
    else:
        print("ffmpeg is not installed: nothing to compare with\n")
    render(reel, "master", cache, cached=True)  # compiles what is not compiled yet, and keeps the features
    render(reel, "busy", cache, cached=True)
    taken: dict[str, list[Cost]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            taken[name].append(case())
    costs = {name: middle(each) for name, each in taken.items()}
    rivals = {name: costs.get(BUSY_CHAIN if name == BUSY else CHAIN) for name in costs if not name.startswith("ffmpeg")}
    rows = {
        name: [*figures(reel.minutes, cost), over(rival, cost) if (rival := rivals.get(name)) else "-"]
        for name, cost in costs.items()
    }
    if COLD in costs:
        rows |= {
            name: [*cells[:-1], f"{over(costs[name], costs[COLD])} ({COLD})"]
            for name, cells in rows.items()
            if name.startswith("ffmpeg")
        }
    print(f"{reel.minutes:g} minutes of four stereo stems, median of {rounds}\n")
    print(table([*FIGURES, "ffmpeg's wall, CPU over it"], rows), flush=True)
    return costs


def stages(reel: LongReel, cache: Path) -> dict[str, float]:
    """Seconds of wall time by stage of one render from the stems, by what it tells of itself."""
    cost, said = _rendered(reel, "master", cache, False, ("--progress", "json"))
    told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    begun = {}
    for line in told:
        if line.get("event") in ("stage", "done"):
            begun.setdefault(line.get("stage") or "", line["elapsed_s"])
    names, times = list(begun), list(begun.values())
    taken = {name: after - at for name, at, after in zip(names, times, times[1:], strict=False)}
    taken["start and end of the process"] = cost.wall_s - sum(taken.values())
    print(f"\nStages of one render {COLD}, wall time\n")
    print(table(["s", "%"], {name: [f"{s:.2f}", f"{100 * s / cost.wall_s:.0f}"] for name, s in taken.items()}))
    return taken


def grow(folder: Path, cache: Path, wanted: Iterable[str], reel: Path, minutes: Sequence[float], length: float) -> None:
    """Speed and memory of one render from the stems over length, number of stems and width."""
    cases: dict[str, list[tuple[str, Callable[[], LongReel]]]] = {
        "minutes": [
            (f"{each:g} minutes", lambda each=each: built(folder / "growth", each, reel=reel)) for each in minutes
        ],
        "stems": [
            (f"{count} stems", lambda count=count: built(folder / "growth", length, four_stems(count), reel=reel))
            for count in (4, 8, 16)
        ],
        "layouts": [
            (
                f"4 stems in {layout}",
                lambda layout=layout: built(folder / "growth", length, four_stems(4, layout), layout=layout, reel=reel),
            )
            for layout in ("2.0", "5.1", "7.1.4")
        ],
    }
    for kind in wanted:
        rows = {}
        for name, made in cases[kind]:
            place = made()
            rows[name] = figures(place.minutes, render(place, "master", cache, cached=False))
            shutil.rmtree(place.folder)
        shape = "four stereo stems" if kind == "minutes" else f"{length:g} minutes"
        print(f"\n{shape}, {COLD}\n\n{table(FIGURES, rows)}", flush=True)


def feature(folder: Path, cache: Path, minutes: float) -> Cost:
    """A feature in 5.1 of twelve stems."""
    place = built(folder / "feature", minutes, feature_stems(), layout="5.1")
    cost = render(place, "master", cache, cached=False)
    shutil.rmtree(place.folder)
    name = "12 stems: 3 in 1.0, 7 in 5.1, 2 in 2.0"
    print(f"\n{minutes:g} minutes in 5.1, {COLD}\n\n{table(FIGURES, {name: figures(minutes, cost)})}", flush=True)
    return cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=timing.minutes, default=20.0, help="length of the programme that is compared")
    parser.add_argument("--rounds", type=timing.rounds_or_none, default=3, help="how often every case is run")
    parser.add_argument("--all-rivals", action="store_true", help="the slower ffmpeg chains too")
    parser.add_argument("--growth", nargs="*", choices=[*GROWTH, "none"], default=list(GROWTH), help="tables of growth")
    parser.add_argument(
        "--lengths", type=timing.minutes, nargs="*", default=[2.0, 20.0, 120.0], help="minutes to grow over"
    )
    parser.add_argument(
        "--feature", type=timing.minutes, nargs="?", const=120.0, metavar="MINUTES", help="a feature in 5.1"
    )
    parser.add_argument(
        "--reel", type=timing.folder, default=EXAMPLE, help="folder of dialogue, music, fx and ambience"
    )
    parser.add_argument("--folder", type=timing.folder, help="where to build; the temporary folder if not given")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stemmix-speed-", dir=given.folder) as name:
        folder, cache = Path(name), Path(name, "cache")
        short = built(folder / "short", 1.0, reel=given.reel)
        for project in ("master", "busy", "stems"):
            render(short, project, cache, cached=False)  # compiles what all others need
        if given.rounds:
            reel = built(folder / "compared", given.minutes, reel=given.reel)
            flac = built(folder / "flac", given.minutes, suffix=".flac", reel=given.reel)
            compare(reel, flac, cache, given.rounds, all_rivals=given.all_rivals)
            stages(reel, cache)
            shutil.rmtree(reel.folder)
            shutil.rmtree(flac.folder)
        grow(folder, cache, [kind for kind in given.growth if kind != "none"], given.reel, given.lengths, given.minutes)
        if given.feature:
            feature(folder, cache, given.feature)


if __name__ == "__main__":
    main()
