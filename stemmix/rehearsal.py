"""What a first render compiles last, compiled by a second process beside it: half of the wait, on two cores.

numba compiles on one core. A first render needs its kernels in the order of its work: it listens, decides, mixes,
writes, examines. The process that is begun beside it takes what is decided by the solver, then mixing, writing and
examining, on noise, so that the kernels are there when the render comes to them; it keeps them where the render looks
(`dsp.kernel_store`). What both come to at once is compiled twice, and nothing else is lost. It says nothing, and ends
with the process that began it, however that ends.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from stemmix.machine import keep_freed_memory
from stemmix.stopping import StoppedError, raised_by_signals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stemmix.engine.bus import Job

    Floats = NDArray[np.float64]

RATE_HZ = 48_000
FRAMES = RATE_HZ

_begun: list[subprocess.Popen[bytes]] = []
"""Its standard input is held open: it ends where this is closed, with this process at the latest."""


def begin() -> None:
    """Begin a rehearsal beside this process, if there is a core for it. Never fails."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores < 2:
        return
    nowhere = subprocess.DEVNULL
    with suppress(OSError):  # then there is none
        _begun.append(
            # a session of its own: Ctrl-C is for the render, whose end it sees; -P: a file that lies about is no module
            subprocess.Popen(
                [sys.executable, "-P", "-m", "stemmix.rehearsal"],
                stdin=subprocess.PIPE,
                stdout=nowhere,
                stderr=nowhere,
                start_new_session=True,
            )
        )


def main() -> None:
    """Rehearse until done, which is noted, or until nobody listens any more."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_freed_memory()
    with suppress(StoppedError), raised_by_signals():
        solve()
        mix()
        look()
        set_side_by_side()
        with tempfile.TemporaryDirectory(prefix="stemmix-") as folder:
            write(Path(folder))
        note()


def _end_with_parent() -> None:
    os.read(0, 1)  # which nobody writes
    os.kill(os.getpid(), signal.SIGTERM)


def solve() -> None:
    """Solve a line of noise under louder noise."""
    import numpy as np

    from stemmix.bands import BAND_COUNT
    from stemmix.planning.masking import IMPORTANCE
    from stemmix.planning.passages import Passage
    from stemmix.planning.unmask import Bounds, solve

    power = np.random.default_rng(1).uniform(0.5, 1.0, (3, 8, BAND_COUNT))
    line = Passage(0, 8, power[0], power[1:2], power[2:3], IMPORTANCE)
    deep_db = np.full((1, BAND_COUNT), 9.0)
    solve(line, Bounds(line.clarity(line.untouched) + 0.05, deep_db, deep_db, np.full(1, 3.0), 0.0, 0.0, np.ones(1)))


def mix() -> None:
    """Cut noise in every band, by gains that move."""
    import numpy as np

    from stemmix.bands import BAND_COUNT
    from stemmix.dsp.dynamics import Shape, StemGains
    from stemmix.engine.strip import Strip

    cut = (FRAMES // 4, FRAMES // 2, np.linspace(-9.0, -3.0, 2 * BAND_COUNT).tolist())
    gains = StemGains([(False, [cut])], Shape(0.1, 0.1, 0.1), RATE_HZ, 2 * BAND_COUNT)
    strip = Strip(gains, 0.0, RATE_HZ)
    for block in _noise():
        strip.process(block)
    strip.flush()


def look() -> None:
    """Look for what goes wrong in samples."""
    import numpy as np

    from stemmix.dsp.watching import SampleWatch

    watch = SampleWatch(RATE_HZ, 2, 1, 1.0)
    rows = np.zeros((2, watch.before + FRAMES))
    rows[:, watch.before :] = np.concatenate(list(_noise())).T
    watch.process(rows, FRAMES)


def set_side_by_side() -> None:
    """Compare two channels: the last kernel that a render comes to, so that it is not waited for."""
    import numpy as np

    from stemmix.dsp.pairs import PairBins, sums_of_bins

    rows, ends = np.concatenate(list(_noise())).T.copy(), np.array([FRAMES])
    PairBins(RATE_HZ).process(rows, 0, 1, 0, ends)
    sums_of_bins(rows, 0, ends)


def write(folder: Path) -> None:
    """Write a printmaster of noise, and examine it."""
    from stemmix.engine.deliver import deliver

    with deliver([_job(folder)]):
        pass


def _job(folder: Path) -> Job:
    from stemmix.engine.bus import Job
    from stemmix.engine.gauge import Programme
    from stemmix.model.layouts import STEREO
    from stemmix.model.project import PROJECT_SCHEMA, Project

    document = {
        "schema": PROJECT_SCHEMA,
        "title": "Rehearsal",
        "stems": [
            {"id": "DX", "role": "dialogue", "file": "none.wav"},
            {"id": "MX", "role": "music", "file": "none.wav"},
        ],
        "deliverables": [{"name": "printmaster"}],
    }
    return Job(
        project=Project.model_validate_json(json.dumps(document)),
        name="rehearsal",
        folder=folder,
        frames=FRAMES,
        layout=STEREO,
        mixed=lambda _crew: ([block, block] for block in _noise()),
        undipped=lambda _crew: ([block, block] for block in _noise()),
        seed="",
        advance=lambda _stage, _samples: None,
        programme=Programme(0, FRAMES, ((0, FRAMES // 2),)),
    )


def note() -> None:
    """Have it known that all of this is there."""
    from stemmix.dsp.kernel_store import tell_rehearsed

    tell_rehearsed()


def _noise() -> Iterator[Floats]:
    import numpy as np

    for seed in range(4):
        yield 0.1 * np.random.default_rng(seed).standard_normal((FRAMES // 4, 2))


if __name__ == "__main__":
    main()
