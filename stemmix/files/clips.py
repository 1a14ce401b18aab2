"""A stem's timeline, played: its clips added in the order in which they begin, under faders that move.

Every gain is computed from the sample it falls on, so that no sample depends on how many are asked for at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

import numpy as np
import numpy.typing as npt

from stemmix.errors import StemError
from stemmix.files.audio import Samples
from stemmix.files.decoded import pass_over, put_into
from stemmix.files.stems import StemReader, through_matrix
from stemmix.files.timeline import Piece, Timeline
from stemmix.model.features import Look
from stemmix.model.layouts import STEREO, Layout, Matrix, fold_matrix

Floats = npt.NDArray[np.float64]


class TimelineReader:
    """A stem's samples in order, at the programme's rate, on the channels of a matrix. A context manager; one reader to
    a thread."""

    def __init__(self, timeline: Timeline, matrix: Matrix | None = None, *, watched: bool = False) -> None:
        """`matrix`: a row for each channel that is given, of shares of the timeline's layout; left out, its fold to
        stereo. Where it is `watched` there is a `look` in the end. StemError as of `inspect`."""
        self.timeline = timeline
        self.frames_out = 0
        """Frames given or skipped so far: the stem's length once `read` gives none."""
        self._matrix = fold_matrix(timeline.layout, STEREO) if matrix is None else matrix
        self._watched = watched
        self._looks: list[tuple[int, StemReader]] = []
        self._opened = ExitStack()
        self._whole = None
        if timeline.is_whole_file:
            self._whole = self._reader(timeline.pieces[0], self._matrix)
        self._coming = list(timeline.pieces)
        self._sounding: list[tuple[Piece, StemReader]] = []

    def read(self, frames: int) -> Samples:
        """The next `frames` frames, (n, rows of the matrix): fewer at the end, none when all is read.

        Raises StemError as of `AudioReader.read`.
        """
        block = self._added(frames) if self._whole is None else self._whole.read(frames)
        self.frames_out += len(block)
        return block

    def read_into(self, out: Samples) -> int:
        """The same into (n, rows of the matrix), C-contiguous: how many; without a copy where a whole file passes
        untouched."""
        if self._whole is not None:
            count = self._whole.read_into(out)
            self.frames_out += count
            return count
        return put_into(out, self.read(len(out)))

    def skip(self, frames: int) -> None:
        """Go on so many frames later, or at the end; as of `StemReader.skip`, and raises as that."""
        length = self.timeline.frames
        if length is None:
            pass_over(self, frames)
            return
        frames = min(frames, length - self.frames_out)
        self.frames_out += frames
        if self._whole is not None:
            self._whole.skip(frames)
            return
        start = self.timeline.at + self.frames_out
        self._coming = [piece for piece in self._coming if piece.end > start]
        still = []
        for piece, reader in self._sounding:
            if piece.end > start:
                reader.skip(frames)
                still.append((piece, reader))
            else:
                reader.close()
        self._sounding = still

    def _added(self, frames: int) -> Samples:
        start = self.timeline.at + self.frames_out
        length = self.timeline.frames
        if length is not None:
            frames = min(frames, length - self.frames_out)
        added = np.zeros((frames, self.timeline.audio.layout.channels))
        end = start + frames
        while self._coming and self._coming[0].at < end:
            piece = self._coming.pop(0)
            reader = self._reader(piece, None)
            reader.skip(max(start - piece.at, 0))
            self._sounding.append((piece, reader))
        still = []
        for piece, reader in self._sounding:
            first = max(piece.at, start)
            after = end if piece.frames is None else min(piece.end, end)
            block = _whole_block(reader, after - first)
            if piece.frames is None and len(block) < after - first:
                added = added[: first - start + len(block)]
            block = block * _column(piece.gains(first - piece.at, first - piece.at + len(block)))
            added[first - start : first - start + len(block)] += block
            if piece.frames is None or piece.end > end:
                still.append((piece, reader))
            else:
                reader.close()
        self._sounding = still
        return self._placed(added, start)

    def _placed(self, block: Samples, start: int) -> Samples:
        """Through the faders, onto the channels that are wanted."""
        times = np.arange(start, start + len(block), dtype=np.float64)
        if self.timeline.gain_db:
            block = block * _column(10.0 ** (_between(self.timeline.gain_db, times) / 20.0))
        if self.timeline.pan:
            block = block * _panned(_between(self.timeline.pan, times), self.timeline.layout)
        if self._matrix == fold_matrix(self.timeline.layout, self.timeline.layout):
            return block
        return through_matrix(block, np.array(self._matrix))

    def _reader(self, piece: Piece, matrix: Matrix | None) -> StemReader:
        layout = piece.audio.layout
        reader = StemReader(
            piece.audio,
            self.timeline.rate_hz,
            fold_matrix(layout, layout) if matrix is None else matrix,
            watched=self._watched,
            first=piece.first,
            pull=piece.pull,
        )
        self._opened.callback(reader.close)
        if self._watched:
            self._looks.append((piece.at - self.timeline.at, reader))
        return reader

    @property
    def look(self) -> Look:
        """What the files' own samples show, as far as they were read: before fades, fold and conversion.

        The first clipped frame is counted from the stem's beginning, at the first file's rate.
        """
        looks = [(at, reader.audio, reader.look, reader.first) for at, reader in self._looks]
        clipped = [
            round((at / self.timeline.rate_hz + (look.first_clipped - first) / audio.sample_rate) * self._rate_of_file)
            for at, audio, look, first in looks
            if look.first_clipped is not None
        ]
        return Look(
            dc=max((look.dc for _, _, look, _ in looks), key=abs, default=0.0),
            clipped_runs=sum(look.clipped_runs for _, _, look, _ in looks),
            first_clipped=max(min(clipped), 0) if clipped else None,
        )

    @property
    def _rate_of_file(self) -> int:
        return self.timeline.audio.sample_rate

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _whole_block(reader: StemReader, frames: int) -> Samples:
    """As many frames as are asked for; where a file of known length ends early, StemError."""
    block = reader.read(frames)
    if len(block) < frames and reader.audio.frames is not None:
        raise StemError(f"{reader.audio.path}: ends before the clip that is made of it")
    return block


def _between(points: Sequence[tuple[int, float]], times: Floats) -> Floats:
    """Values on straight lines from point to point, and level outside them."""
    samples, values = zip(*points, strict=True)
    found: Floats = np.interp(times, np.array(samples, dtype=np.float64), np.array(values))
    return found


def _panned(pan: Floats, layout: Layout) -> Floats:
    """(n, channels) shares of a mono stem's sides, and centre, at constant power: those of `layouts.placing_matrix`."""

    def side(off: Floats) -> Floats:
        share: Floats = np.sin(0.5 * np.pi * np.clip(off, 0.0, 1.0))
        return share

    if layout == STEREO:
        return np.stack((side(0.5 - 0.5 * pan), side(0.5 + 0.5 * pan)), axis=1)
    shares = {"L": side(-pan), "R": side(pan), "C": np.cos(0.5 * np.pi * np.abs(pan))}
    return np.stack([shares[label] for label in layout.labels], axis=1)


def _column(gains: Floats | float) -> Floats | float:
    return gains if isinstance(gains, float) else gains[:, None]
