"""Pass 1: every stem listened to once, or remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import cache, partial
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from stemmix.analysis.scan import StemScan
from stemmix.crew import Crew, Hearers, ahead, frames_heard_at_once
from stemmix.dsp.spectrum import ruler
from stemmix.errors import StemError
from stemmix.files.clips import TimelineReader
from stemmix.files.features import FeatureStore, FeatureWriter, StoredFrames
from stemmix.model.features import Frames, StemFacts
from stemmix.model.layouts import STEREO, Matrix
from stemmix.model.project import Project
from stemmix.planning.passages import HeardStem, Identity
from stemmix.sources import Source
from stemmix.steps import Steps
from stemmix.stopping import shielded

THREADS = 2

_ROOMS = 3
"""For blocks: one that is read, one that waits to be heard, one that is heard."""


def listen(
    project: Project, sources: Sequence[Source], store: FeatureStore, steps: Steps, threads: int = THREADS
) -> list[HeardStem]:
    """Pass 1: every stem's features, from the store or by one scan each.

    A stem is one thread's: what is read stays in its core's cache. When fewer are left than there are threads, these
    share what is to be done for each. A StemError names all stems that are unsound, or says that all are silent.
    """
    steps.advance("listen", 0)
    left = {source.stem.id for source in sources}

    with Crew(threads, "listen") as crew:

        def heard(source: Source) -> HeardStem | StemError:
            try:
                return _heard(project, source, store, steps, shared)
            except StemError as fault:
                return fault
            finally:
                left.remove(source.stem.id)

        def shared() -> Crew | None:
            return crew if len(left) < threads else None

        listening = [crew.line().give(partial(heard, source)) for source in sources]
        found = [stem.result() for stem in listening]
    stems = [stem for stem in found if isinstance(stem, HeardStem)]
    faults = list(dict.fromkeys(str(fault) for fault in found if isinstance(fault, StemError)))
    if not faults and all(stem.facts.silent for stem in stems):
        faults = [f"every stem is silent: there is nothing to mix ({', '.join(source.named for source in sources)})"]
    if faults:
        if store.cache is not None:
            keep_heard(stems)
        raise StemError("\n".join(faults))
    for source in sources:  # a core has time for them from now on
        source.begin_hash()
    return stems


def keep_heard(stems: Sequence[HeardStem]) -> None:
    """Of some stems that cannot be mixed, keep what was heard in those that are sound: it need not be heard again."""
    for stem in stems:
        with suppress(StemError):
            stem.identified()


def _heard(
    project: Project, source: Source, store: FeatureStore, steps: Steps, shared: Callable[[], Crew | None]
) -> HeardStem:
    hop = ruler(project.sample_rate).hop_samples
    lead = source.at % hop
    fold = source.fold(project.layout)

    def key() -> str:
        return store.key(source.sha256, project.sample_rate, lead, source.timeline.audio.labels, fold)

    entry = store.read(key()) if source.seen_before else None
    if entry is not None:
        steps.skip("listen", source.timeline.frames or 0)
        facts, frames, crc = entry
    else:
        facts, frames, writer = _scanned(project, source, lead, fold, store, steps, shared)

    @cache
    def identified() -> Identity:
        if entry is not None:
            kept: int | None = crc
        else:
            source.refuse_change()  # what was heard is of the file that was hashed
            kept = writer.keep(key()) if source.untouched else None
        mark = None if kept is None else f"{key()} {kept} {source.at // hop} {source.gain_db}"
        return Identity(source.sha256, mark)

    stem = source.stem
    return HeardStem(
        id=stem.id,
        role=stem.role,
        priority=project.priority_of(stem),
        protection=project.defaults.protection[stem.role],
        at=source.at,
        facts=facts,
        frames=Frames(frames, source.at // hop, source.gain_db),
        identified=identified,
        lag=source.lag,
        inverted=source.inverted,
        seen_before=source.seen_before,
    )


def _scanned(
    project: Project,
    source: Source,
    lead: int,
    fold: Matrix,
    store: FeatureStore,
    steps: Steps,
    shared: Callable[[], Crew | None],
) -> tuple[StemFacts, StoredFrames, FeatureWriter]:
    """A stem listened to; what is written of it is not kept yet."""
    with ExitStack() as opened:
        reader = opened.enter_context(TimelineReader(source.timeline, fold, watched=True))
        writer = opened.enter_context(store.write())
        scan = StemScan(project.sample_rate, lead, writer.rows)
        # memory that is used again and again stays in a cache
        rooms = np.empty((_ROOMS, frames_heard_at_once(source.timeline.layout.channels), STEREO.channels))
        while (crew := shared()) is None and (count := reader.read_into(rooms[0])):
            scan.process(rooms[0, :count])
            steps.advance("listen", count)
        if crew is not None:
            with shielded():  # whatever happens, other threads may be at them until it is left
                crew.enter(opened.pop_all())
            _share_out(crew, reader, scan, rooms, steps)
        if not reader.frames_out:  # its header did not say
            raise StemError(f"{source.named}: holds no audio (0 frames)")
        facts = scan.finish(
            source_rate=source.timeline.audio.sample_rate,
            source_layout=source.layout.name,
            look=reader.look,
            share=_share(fold),
        )
        return facts, writer.finish(facts), writer


def _share_out(crew: Crew, reader: TimelineReader, scan: StemScan, rooms: NDArray[np.float64], steps: Steps) -> None:
    """The rest of a stem, by all threads: a block is read while the one before is heard, in parts side by side."""
    faults: list[StemError] = []
    turns = cycle(rooms)

    def read() -> NDArray[np.float64]:
        room: NDArray[np.float64] = next(turns)
        try:
            return room[: reader.read_into(room)]
        except StemError as fault:  # raised in the crew it would be the end of all other stems
            faults.append(fault)
            return room[:0]

    hearers = Hearers(crew, under_way=1)
    for block in ahead(crew, read):
        hearers.give(scan.parts(block), partial(steps.advance, "listen", len(block)))
    hearers.catch_up()
    if faults:
        raise faults[0]


def _share(fold: Matrix) -> float:
    """How much of a channel of the file is heard in a side that has it alone; 1 where each side is a sum, whose peaks
    are none of the file's."""
    alone = [max(row) for row in fold if sum(map(bool, row)) == 1]
    return max(alone, default=1.0)


def folded_blocks(source: Source, project: Project) -> Iterator[NDArray[np.float64]]:
    """A stem as decisions hear it, its fader at 0 dB: (n, 2) samples in order."""
    with TimelineReader(source.timeline, source.fold(project.layout)) as reader:
        while len(block := reader.read(frames_heard_at_once(source.timeline.layout.channels))):
            yield block


def programme_frames(project: Project, stems: Sequence[HeardStem]) -> int:
    """Length of the programme in samples: the picture's, else to the end of the stem that ends last."""
    return project.frames_of(max(stem.at + stem.facts.frames for stem in stems))
