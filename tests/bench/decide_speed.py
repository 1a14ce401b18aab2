#!/usr/bin/env python3
"""How long deciding takes, features given: 20 minutes of four stereo stems.

    python tests/bench/decide_speed.py                      # the example, repeated to 20 minutes
    python tests/bench/decide_speed.py --minutes 60 --reel ../shared/reels/siege

The stems of the reel are repeated to length and scanned, as a render does; then `decide` alone is timed, from the
features as they are kept on disk to the plan. The first time is not counted: it compiles what is not compiled yet. Of
the rounds the quickest is told, which other work on the machine has disturbed least.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from stemmix.files.features import feature_store
from stemmix.files.projects import read_project
from stemmix.listening import listen, programme_frames
from stemmix.model.plan import Plan
from stemmix.model.project import Project
from stemmix.planning.decide import decide
from stemmix.planning.passages import HeardStem
from stemmix.sources import open_stems
from stemmix.steps import Steps
from tests.bench import timing
from tests.bench.long_reels import EXAMPLE, build


@dataclass(frozen=True)
class Decided:
    """A plan, and what it took to decide it."""

    plan: Plan
    wall_s: float
    cpu_s: float

    @property
    def row(self) -> str:
        minutes = self.plan.frames / self.plan.sample_rate / 60
        speed = minutes * 60 / self.wall_s
        return (
            f"| {minutes:g} | {len(self.plan.lines)} | {len(self.plan.moves)} "
            f"| {self.wall_s:.2f} | {self.cpu_s:.2f} | {speed:.0f} |"
        )


def decided(project: Project, stems: Sequence[HeardStem]) -> Decided:
    """Decide once."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    plan = decide(project, stems, programme_frames(project, stems))
    return Decided(plan, time.perf_counter() - wall_s, time.process_time() - cpu_s)


def measured(reel: Path, folder: Path, minutes: float, rounds: int) -> Decided:
    """The quickest of so many rounds."""
    path = build(folder / "reel", minutes, reel=reel).project("master")
    project = read_project(path)
    with feature_store(folder, keep=False) as store:
        stems = listen(project, open_stems(path, project), store, Steps(lambda _step: None, {}))
        decided(project, stems)
        return min((decided(project, stems) for _ in range(rounds)), key=lambda one: one.wall_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=timing.minutes, default=20.0, help="length of the programme")
    parser.add_argument("--rounds", type=timing.rounds, default=5, help="how often it is decided")
    parser.add_argument("--reel", type=timing.folder, default=EXAMPLE, help="folder of stems")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stemmix-decide-") as name:
        print(f"| minutes | lines | moves | wall s | CPU s | x real time |\n{'|---' * 6}|")
        print(measured(given.reel, Path(name), given.minutes, given.rounds).row)


if __name__ == "__main__":
    main()
