"""Stems of a group that were recorded together: found where they lie apart, and brought into line where that is asked
for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from stemmix.analysis.alignment import FARTHEST_S, Aligner, Offset
from stemmix.files.cache import Cache
from stemmix.files.clips import TimelineReader
from stemmix.machine import made_by
from stemmix.model.plan import Plan
from stemmix.model.project import Project
from stemmix.model.stems import Group
from stemmix.sources import Source
from stemmix.steps import Steps
from stemmix.stopping import Pool

Floats = NDArray[np.float64]

BLOCK_FRAMES = 1 << 16

KIND = "offsets"
_KEPT = TypeAdapter(tuple[Offset | None, ...])


@dataclass(frozen=True)
class _Placed:
    """A stem of a group, and how it lies."""

    source: Source
    offset: Offset | None
    """Against the first; None where they have no sound in common."""
    against: str
    """The id of the stem that it was held against."""


def in_line(
    project: Project,
    sources: Sequence[Source],
    steps: Steps,
    *,
    look: bool = False,
    cache: Cache | None = None,
    threads: int = 2,
) -> list[Source]:
    """The sources, those of groups that ask for `align` brought to the time and polarity of the group's first stem.

    What was moved, and what has nothing in common with the others, is said in their warnings. To `look` is to listen to
    the other groups too, and to say in warnings how their stems lie. What was found is kept in the `cache`.
    """
    by_id = {source.stem.id: source for source in sources}
    for group in project.groups:
        members = [source for source in sources if source.stem.group == group.id]
        if len(members) > 1 and (group.align or look):
            steps.expect("align", len(members) * _frames_together(members))
            for placed in _placed(members, project.sample_rate, cache, threads, steps):
                by_id[placed.source.stem.id] = _told(group, placed, members[0].stem.id, project.sample_rate)
    return list(by_id.values())


def as_planned(plan: Plan, sources: Sequence[Source]) -> list[Source]:
    """The sources where a stored plan has them: it was made for stems in line, and nothing is listened to again.

    One that has become so short that none of it would be left there stays where it is, and the plan is stale.
    """
    planned = {stem.id: stem for stem in plan.stems if stem.lag or stem.inverted}

    def placed(source: Source) -> Source:
        if (there := planned.get(source.stem.id)) is None:
            return source
        try:
            return source.moved(there.lag, inverted=there.inverted)
        except ValueError:
            return source

    return list(map(placed, sources))


def _told(group: Group, placed: _Placed, first: str, rate_hz: int) -> Source:
    source, offset = placed.source, placed.offset
    if offset is None:
        said = f"{source.named}: shares no sound with {first} within {FARTHEST_S:g} s"
        lies = f"{said}: left where it is" if group.align else None
    elif not offset.lag_samples and not offset.inverted:
        lies = None
    else:
        lies = f"{source.named}: {_apart(offset, placed.against, rate_hz)}"
        if group.align:
            source = source.moved(offset.lag_samples, inverted=offset.inverted)
            lies += f"; brought into line, as group {group.id!r} asks"
        else:
            lies += f'; "align": true in group {group.id!r} corrects it'
    return source if lies is None else source.warned(lies)


def _apart(offset: Offset, against: str, rate_hz: int) -> str:
    """In words how a stem lies against another."""
    lag = offset.lag_samples
    apart = []
    if lag:
        way = "after" if lag > 0 else "before"
        samples = "1 sample" if abs(lag) == 1 else f"{abs(lag)} samples"
        apart.append(f"lies {samples} ({1000 * abs(lag) / rate_hz:.2f} ms) {way} {against}")
    if offset.inverted:
        apart.append("has inverted polarity" if lag else f"has inverted polarity against {against}")
    return f"{' and '.join(apart)}, though they were recorded together"


def _placed(
    members: Sequence[Source], rate_hz: int, cache: Cache | None, threads: int, steps: Steps
) -> Iterator[_Placed]:
    for source, offset in zip(members, _offsets(members, rate_hz, cache, threads, steps), strict=True):
        against = members[0 if offset is None else offset.against].stem.id
        yield _Placed(source, offset, against)


def _offsets(
    members: Sequence[Source], rate_hz: int, cache: Cache | None, threads: int, steps: Steps
) -> Sequence[Offset | None]:
    """How stems lie against the first: remembered, or listened to and kept."""
    key = None if cache is None else _key(members, rate_hz)
    if cache is not None and key is not None and (body := cache.read(KIND, key)) is not None:
        try:
            found = _KEPT.validate_json(body)
        except ValidationError:
            pass  # sound, and yet no offsets: they are found anew
        else:
            steps.skip("align", len(members) * _frames_together(members))
            return found
    aligner = Aligner(rate_hz, len(members))
    for block in _heard_together(members, threads):
        aligner.process(block)
        steps.advance("align", len(members) * len(block))
    offsets = aligner.finish()
    if cache is not None and key is not None:
        for source in members:
            source.refuse_change()
        if all(source.untouched for source in members):
            cache.write(KIND, key, _KEPT.dump_json(offsets))
    return offsets


def _key(members: Sequence[Source], rate_hz: int) -> str | None:
    """Of all that is listened to, and of what listens; None where that cannot be told."""
    if (by := made_by()) is None:
        return None
    first = min(source.at for source in members)
    heard = [(source.sha256, source.at - first, source.timeline.layout.labels) for source in members]
    return hashlib.sha256(f"{by} {rate_hz} {heard}".encode()).hexdigest()[:40]


def _heard_together(members: Sequence[Source], threads: int) -> Iterator[Floats]:
    """(n, stems) blocks of the programme: each stem in mono, the mean of its channels."""
    with ExitStack() as opened, Pool(threads, "align") as pool:
        readers = []
        for source in members:
            channels = source.timeline.layout.channels
            readers.append(opened.enter_context(TimelineReader(source.timeline, ((1.0 / channels,) * channels,))))

        def read(number: int, start: int, count: int) -> Floats:
            column = np.zeros(count)
            before = min(max(members[number].at - start, 0), count)
            block = readers[number].read(count - before)
            column[before : before + len(block)] = block[:, 0]
            return column

        first = min(source.at for source in members)
        end = first + _frames_together(members)
        for start in range(first, end, BLOCK_FRAMES):
            count = min(BLOCK_FRAMES, end - start)
            columns = pool.map(lambda number, start=start, count=count: read(number, start, count), range(len(members)))
            yield np.stack(list(columns), axis=1)


def _frames_together(members: Sequence[Source]) -> int:
    """From where the first of them begins to where the last one ends, in samples."""
    first = min(source.at for source in members)
    return max(source.at + (source.timeline.frames or 0) for source in members) - first
