"""Pass 1: every stem listened to once, or remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from stemmix.analysis.scan import StemScan
from stemmix.dsp.spectrum import ruler
from stemmix.engine.mixer import BLOCK_FRAMES
from stemmix.errors import OutputError, StemError
from stemmix.files.clips import TimelineReader
from stemmix.files.features import FeatureStore
from stemmix.model.features import Frames
from stemmix.model.project import Project
from stemmix.planning.evidence import HeardStem
from stemmix.sources import Source

THREADS = 2

Progress = Callable[[str, float], None]
"""Told a stage, and how much of it is done, 0 to 1. Called from any thread, one at a time."""


def listen(
    project: Project, sources: Sequence[Source], store: FeatureStore, progress: Progress, threads: int = THREADS
) -> list[HeardStem]:
    """Pass 1: every stem's features, from the store or by one scan each. A StemError where all are silent."""
    advance = counted(progress, sum(source.timeline.frames or 0 for source in sources), "listen")

    def heard(source: Source) -> HeardStem:
        return _heard(project, source, store, lambda count: advance("listen", count))

    with ThreadPoolExecutor(threads, "listen") as pool:
        stems = list(pool.map(heard, sources))
    if all(stem.facts.silent for stem in stems):
        raise StemError(f"every stem is silent: there is nothing to mix ({', '.join(stem.id for stem in stems)})")
    return stems


def _heard(project: Project, source: Source, store: FeatureStore, advance: Callable[[int], None]) -> HeardStem:
    hop = ruler(project.sample_rate).hop_samples
    lead = source.at % hop
    fold = source.fold(project.layout)
    key = store.key(source.sha256, project.sample_rate, lead, source.timeline.layout.labels, fold)
    entry = store.read(key)
    if entry is None:
        with TimelineReader(source.timeline, fold, watched=True) as reader, store.write(key) as writer:
            scan = StemScan(project.sample_rate, lead, writer.rows)
            while len(block := reader.read(BLOCK_FRAMES)):
                scan.process(block)
                advance(len(block))
            if not reader.frames_out:  # its header did not say
                raise StemError(f"{source.named}: holds no audio (0 frames)")
            facts = scan.finish(
                sha256=source.sha256,
                source_rate=source.timeline.audio.sample_rate,
                source_layout=source.layout.name,
                look=reader.look,
            )
            writer.finish(facts)
        entry = store.read(key)
        if entry is None:
            raise OutputError(f"{store.folder}: features of {source.named} cannot be kept: they do not read back")
    facts, frames = entry
    stem = source.stem
    return HeardStem(
        id=stem.id,
        role=stem.role,
        priority=project.priority_of(stem),
        protection=project.defaults.protection[stem.role],
        at=source.at,
        facts=facts,
        frames=Frames(frames, source.at // hop, source.gain_db),
        lag=source.lag,
        inverted=source.inverted,
    )


def folded_blocks(source: Source, project: Project) -> Iterator[NDArray[np.float64]]:
    """A stem as decisions hear it, its fader at 0 dB: (n, 2) samples in order."""
    with TimelineReader(source.timeline, source.fold(project.layout)) as reader:
        while len(block := reader.read(BLOCK_FRAMES)):
            yield block


def programme_frames(stems: Sequence[HeardStem]) -> int:
    """Length of the programme in samples: to the end of the stem that ends last."""
    return max(stem.at + stem.facts.frames for stem in stems)


def counted(progress: Progress, total: int, *stages: str) -> Callable[[str, float], None]:
    """Turns counts of samples, from any thread, into shares of `total`, a count a stage."""
    lock = threading.Lock()
    done = dict.fromkeys(stages, 0.0)

    def advance(stage: str, count: float) -> None:
        with lock:
            done[stage] = done.get(stage, 0.0) + count
            progress(stage, min(done[stage] / max(total, 1), 1.0))

    return advance
