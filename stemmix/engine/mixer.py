"""Pass 2: every stem through its strip, aligned to the sample, placed on the bus, added in the project's order.

A stem passes its strip with the channels of the bus that it fills, and no others. Additions are explicit and in a fixed
order, so that the same plan gives the same samples whatever the blocks and the threads. Strips run side by side
(`crew`): what they compute lets the interpreter go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.crew import Crew, Task, frames_at_once
from stemmix.dsp import bus_kernels
from stemmix.dsp.dynamics import Shape, StemGains
from stemmix.engine.strip import Strip
from stemmix.files.clips import TimelineReader
from stemmix.files.stems import through_matrix
from stemmix.files.timeline import Timeline
from stemmix.model.layouts import PAIRS, STEREO, Layout, Matrix, fold_matrix, placing_matrix
from stemmix.model.moves import sets_level
from stemmix.model.plan import Plan, layers_of

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

BLOCK_FRAMES = frames_at_once(STEREO.channels)
"""Of a stereo stem."""
_OF_ALL_SAMPLES, _LEAST_FRAMES = 1 << 21, 1 << 15
"""In blocks of so many stems and channels that memory counts, and still no less than this."""

_ADDED_AT_ONCE = 3
"""Stems, to what is there already."""


class Source(Protocol):
    """Anything that gives a stem's (n, channels) samples at the programme's rate, in order: into a place that is given,
    and how many; none at its end."""

    def read_into(self, out: Floats) -> int: ...

    def skip(self, frames: int) -> None: ...


class StemMoves(NamedTuple):
    """What the plan does to a stem."""

    every: StemGains
    level: StemGains
    """Of it, what sets the level of all bands alike."""


@dataclass(frozen=True)
class MixedStem:
    """What the mixer has to know of a stem."""

    timeline: Timeline
    gain_db: float
    gains: StemMoves
    layout: Layout = STEREO
    """Of the bus."""
    pan: float = 0.0
    """Where a mono stem stands: -1 left, 1 right."""

    @property
    def filled(self) -> tuple[tuple[str, ...], Matrix]:
        """The channels of the bus that it stands in, pairs whole, and what each takes of the stem's channels."""
        matrix = placing_matrix(self.timeline.layout, self.layout, self.pan)
        fills = {label for label, shares in zip(self.layout.labels, matrix, strict=True) if any(shares)}
        # a cut of the mid alone moves sound across
        fills |= {label for pair in PAIRS if fills & set(pair) for label in pair}
        rows = [(label, row) for label, row in zip(self.layout.labels, matrix, strict=True) if label in fills]
        return tuple(label for label, _ in rows), tuple(row for _, row in rows)


class AlignedStem:
    """A stem on the programme's time: silence, its samples through its strip, silence; always as many as asked for."""

    def __init__(self, source: Source, at: int, strip: Strip, layout: Layout = STEREO) -> None:
        """The source gives the strip's channels; `layout` is that of the bus."""
        self._source = source
        self._channels = layout.channels
        self._columns = [layout.labels.index(label) for label in strip.labels]
        self._at = at
        self._strip = strip
        self._place = 0
        """In the programme: of the next sample that is given."""
        self._taken = 0
        """In the programme: of the next sample that the strip is given."""

    def read_at(self, sample: int, frames: int) -> Floats:
        """What `read` gives when it comes to a sample of the programme, as exactly as the source skips.

        What lies far before it is neither read nor cut. ValueError for one that has gone by.
        """
        if sample < self._place:
            raise ValueError(f"sample {sample} has gone by: {self._place} is next")
        if self._strip.entry(sample) > self._taken:
            entry = self._strip.enter(sample)
            self._source.skip(max(entry - self._at, 0) - max(self._taken - self._at, 0))
            self._place = self._taken = entry
        while self._place < sample:
            self.read(min(sample - self._place, BLOCK_FRAMES))
        return self.read(frames)

    def read(self, frames: int) -> Floats:
        """The next (frames, channels of the bus) samples of the programme."""
        while late := self._place + self._strip.latency_samples - self._taken:
            self._processed(min(late, BLOCK_FRAMES))
        made = self._processed(frames)
        self._place += frames
        if len(self._columns) == self._channels:
            return made
        placed = np.zeros((frames, self._channels))
        for column, here in enumerate(self._columns):
            placed[:, here] = made[:, column]
        return placed

    def _processed(self, frames: int) -> Floats:
        """What the strip gives for the next samples that it is given."""
        room = self._strip.room(frames)
        filled = min(max(self._at - self._taken, 0), frames)
        self._taken += frames
        room[:filled] = 0.0
        while filled < frames and (count := self._source.read_into(room[filled:])):
            filled += count
        room[filled:] = 0.0
        return self._strip.process_room()


def gains_of_stem(plan: Plan, stem: str, without: frozenset[str] = frozenset()) -> StemMoves:
    """What a plan does to a stem, but for some moves by id: all that has to be kept of it while it is mixed."""
    shape = Shape(plan.shape.look_ahead_s, plan.shape.hold_s, plan.shape.ramp_s, plan.shape.voice_ramp_s)
    moves = [move for move in plan.moves if move.stem == stem and move.id not in without]
    of_level = [move for move in moves if sets_level(move.action)]
    every, level = (StemGains(layers_of(some), shape, plan.sample_rate, 2 * BAND_COUNT) for some in (moves, of_level))
    return StemMoves(every, level)


@contextmanager
def opened(stem: MixedStem, rate_hz: int) -> Iterator[AlignedStem]:
    """A stem with its strip, at the programme's beginning."""
    labels, matrix = stem.filled
    strip = Strip(stem.gains.every, stem.gain_db, rate_hz, labels, stem.gains.level)
    with TimelineReader(stem.timeline, matrix) as reader:
        yield AlignedStem(reader, stem.timeline.at, strip, stem.layout)


def blocks_of(stem: MixedStem, frames: int, rate_hz: int, block_frames: int = BLOCK_FRAMES) -> Iterator[Floats]:
    """One stem over a programme of `frames` samples, after its strip, before any master gain: (n, channels) blocks."""
    with opened(stem, rate_hz) as aligned:
        for _, count in _blocks(0, frames, block_frames):
            yield aligned.read(count)


def mixed_blocks(
    stems: Sequence[MixedStem], frames: int, rate_hz: int, crew: Crew, block_frames: int = BLOCK_FRAMES
) -> Iterator[list[Floats]]:
    """The same of every stem, in order, in blocks of `block_frames` at most; the next are made meanwhile."""
    return mixed_passages(stems, [(0, frames)], rate_hz, crew, block_frames)


def mixed_passages(
    stems: Sequence[MixedStem],
    spans: Sequence[tuple[int, int]],
    rate_hz: int,
    crew: Crew,
    block_frames: int = BLOCK_FRAMES,
) -> Iterator[list[Floats]]:
    """The same of passages of the programme, one after another: [first, after) in samples, in order of time.

    No block reaches from one into the next. It takes as long as they are, where a place in the files can be found.
    """
    at_once = max(_LEAST_FRAMES, _OF_ALL_SAMPLES // max(sum(stem.layout.channels for stem in stems), 1))
    block_frames = min(block_frames, at_once)
    # the crew's: read in its threads until it is left, even if nobody wants these blocks any more
    strips = [(crew.enter(opened(stem, rate_hz)), crew.line()) for stem in stems]
    coming: list[Task[Floats]] = []
    for at, count in chain.from_iterable(_blocks(first, after, block_frames) for first, after in spans):
        here, coming = coming, [line.give(partial(strip.read_at, at, count)) for strip, line in strips]
        if here:
            yield [block.result() for block in here]
    if coming:
        yield [block.result() for block in coming]


def _blocks(first: int, after: int, block_frames: int) -> Iterator[tuple[int, int]]:
    """Where the blocks begin that a passage is taken in, and their lengths."""
    for start in range(first, after, block_frames):
        yield start, min(block_frames, after - start)


def bus_of(blocks: Sequence[Floats]) -> Floats:
    """The sum of the stems, added one after another. Of one stem its block itself, which is not to be written to."""
    if len(blocks) == 1:
        return blocks[0]
    bus = np.empty(blocks[0].shape)
    _add_up(blocks, bus)
    return bus


def bus_in_single(blocks: Sequence[Floats]) -> tuple[Singles, Floats]:
    """The same sum, then rounded to 32-bit float; and that again as float64."""
    single = np.empty(blocks[0].shape, np.float32)
    if len(blocks) == 1:
        single[:] = blocks[0]
    else:
        _add_up(blocks, single)
    return single, single.astype(np.float64)


def _add_up(blocks: Sequence[Floats], out: Floats | Singles) -> None:
    """The sum of two stems or more: in float64, and rounded to what `out` is in the end."""
    first, *rest = (np.ascontiguousarray(block).reshape(-1) for block in blocks)
    *begun, last = (rest[at : at + _ADDED_AT_ONCE] for at in range(0, len(rest), _ADDED_AT_ONCE))
    total = np.empty(first.shape) if begun else first
    for some, into in (*((some, total) for some in begun), (last, out.reshape(-1))):
        others = (*some, *[first] * (_ADDED_AT_ONCE - len(some)))
        bus_kernels.add_up(first, *others, 1 + len(some), into)
        first = total


def folded(block: Floats, source: Layout, target: Layout) -> Floats:
    """(n, channels of the source) samples in another layout; the block itself where it is the same."""
    return block if source == target else through_matrix(block, np.array(fold_matrix(source, target)))
