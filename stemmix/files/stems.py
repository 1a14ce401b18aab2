"""Stems as they are wanted: on the channels of a bus or folded to stereo, at the project's rate."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from stemmix.dsp import sample_kernels
from stemmix.files.audio import AudioFile, AudioReader, Samples, inspect
from stemmix.files.decoded import pass_over, put_into
from stemmix.model.features import Look
from stemmix.model.layouts import STEREO, Matrix, fold_matrix

_RUN_IN_FRAMES: Final = 8192
"""Of the file, before what is wanted of it: its past is heard in the converter's filter, as its future is."""


class RateConverter:
    """Samples from one rate to another by soxr at its highest quality, (n, channels) in and out, delay taken out.

    The length is every instant of the new rate that lies within the sound: ceil(frames x rate out / rate in).
    """

    def __init__(self, ratio: Fraction, channels: int) -> None:
        """`ratio`: rate in over rate out."""
        import soxr

        self._rates = ratio.as_integer_ratio()
        self._channels = channels
        self._stream: Any = soxr.ResampleStream(*self._rates, channels, dtype="float64", quality="VHQ")
        self._frames_in = 0
        self._frames_out = 0

    def anew(self) -> RateConverter:
        """The same at its beginning."""
        return RateConverter(Fraction(*self._rates), self._channels)

    def frames_of(self, frames: int) -> int:
        """How many come out of so many."""
        return -(-frames * self._rates[1] // self._rates[0])

    def process(self, block: Samples) -> Samples:
        """What is ready after (n, channels) more samples; may be none."""
        if not len(block):
            return block
        converted: Samples = self._stream.resample_chunk(block)
        self._frames_in += len(block)
        self._frames_out += len(converted)
        return converted

    def flush(self) -> Samples:
        """The rest, after the last samples."""
        # soxr rounds a length to the nearest, half up: zeros after the end bring the last instant too
        zeros = np.zeros((self._rates[0] // self._rates[1] + 2, self._channels))
        rest: Samples = self._stream.resample_chunk(zeros, last=True)
        return rest[: self.frames_of(self._frames_in) - self._frames_out]


class StemReader:
    """A stem as it is wanted, in order: on the channels of a matrix, at the project's rate.

    At the project's own rate, and where the matrix changes nothing, every sample passes untouched. From another rate,
    what stands at t seconds in the file stands at t seconds here. A context manager; one reader to a thread.
    """

    _BLOCK_FRAMES: Final = 16_384

    def __init__(
        self,
        source: Path | AudioFile,
        sample_rate: int,
        matrix: Matrix | None = None,
        *,
        watched: bool = False,
        first: int = 0,
        pull: Fraction = Fraction(1),
    ) -> None:
        """Open a file, or one already looked at, at `sample_rate` Hz; StemError as of `inspect`.

        `matrix`: a row for each channel that is given, of shares of the file's channels; left out, its fold to stereo.
        Where it is `watched` there is a `look` in the end. It begins with frame `first` of the file, which falls on its
        first sample, and is played faster than recorded by `pull`.
        """
        self.audio = source if isinstance(source, AudioFile) else inspect(source)
        channels = self.audio.layout.channels
        if matrix is None:
            matrix = fold_matrix(self.audio.layout, STEREO)
        self.frames_out = 0
        """Frames given or skipped so far: the stem's length once `read` gives none."""
        self._matrix = None if matrix == fold_matrix(self.audio.layout, self.audio.layout) else np.array(matrix)
        self._converter = None
        self._ratio = self.audio.sample_rate * pull / sample_rate
        self.first = first
        """Frame of the file that it begins with."""
        # to where the file's samples and the programme's fall on each other, further than soxr rings
        step = self._ratio.numerator
        self._run_in = step * -(-_RUN_IN_FRAMES // step)
        early = 0 if self._ratio == 1 or not first else self._run_in
        if self._ratio != 1:
            self._converter = RateConverter(self._ratio, min(channels, len(matrix)))
        # mono is converted before it is spread to two sides, 5.1 after it is folded to two: the fewer the cheaper
        self._fold_first = channels > len(matrix)
        self._ready = np.empty((0, len(matrix)))
        self._has_ended = False
        self._reader = AudioReader(self.audio, watched=watched)
        self._silence = max(early - first, 0)
        """Frames before the file's beginning that are still to be run through the converter."""
        if first > early:
            self._reader.skip(first - early)
        self._to_drop = int(early / self._ratio)

    @property
    def expected_frames(self) -> int | None:
        """Frames in all by the file's header; None where it does not say."""
        if self.audio.frames is None:
            return None
        frames = self.audio.frames - self.first
        return frames if self._converter is None else self._converter.frames_of(frames)

    def read(self, frames: int) -> Samples:
        """The next `frames` frames, (n, rows of the matrix): fewer at the end, none when all is read.

        Raises StemError as of `AudioReader.read`.
        """
        block = self._fold(self._reader.read(frames)) if self._converter is None else self._convert(frames)
        self.frames_out += len(block)
        return block

    def read_into(self, out: Samples) -> int:
        """The same into (n, rows of the matrix), C-contiguous: how many; without a copy where every sample passes
        untouched."""
        if self._converter is None and self._matrix is None:
            count = self._reader.read_into(out)
            self.frames_out += count
            return count
        return put_into(out, self.read(len(out)))

    def skip(self, frames: int) -> None:
        """Go on so many frames later, to the samples that `read` would have come to.

        From another rate they are so to 180 dB under full scale, as soxr's own blocks begin elsewhere. Raises StemError
        as of `AudioReader.skip`, and as of `read` where it is but read on.
        """
        if self._converter is None:
            self._reader.skip(frames)
            self.frames_out += frames
            return
        steps, rest = divmod(self.frames_out + frames, self._ratio.denominator)
        begin = self.first + steps * self._ratio.numerator - self._run_in
        if begin <= self._reader.frames_read:
            pass_over(self, frames)
            return
        self._reader.skip(begin - self._reader.frames_read)
        self._converter = self._converter.anew()
        self._ready = self._ready[:0]
        self._silence = 0
        self._to_drop = int(self._run_in / self._ratio) + rest
        self.frames_out += frames

    def _fold(self, block: Samples) -> Samples:
        return block if self._matrix is None else through_matrix(block, self._matrix)

    def _convert(self, frames: int) -> Samples:
        blocks = [self._ready[:0]]
        while frames > 0:
            if not len(self._ready):
                if self._has_ended:
                    break
                self._ready = self._next_converted()
            blocks.append(self._ready[:frames])
            self._ready = self._ready[frames:]
            frames -= len(blocks[-1])
        return np.concatenate(blocks)

    def _next_converted(self) -> Samples:
        assert self._converter is not None
        if self._silence:
            block = np.zeros((min(self._silence, self._BLOCK_FRAMES), self.audio.layout.channels))
            self._silence -= len(block)
        else:
            block = self._reader.read(self._BLOCK_FRAMES)
        self._has_ended = not len(block)
        if self._fold_first:
            block = self._fold(block)
        converted = self._converter.flush() if self._has_ended else self._converter.process(block)
        dropped = min(self._to_drop, len(converted))
        self._to_drop -= dropped
        converted = converted[dropped:]
        return converted if self._fold_first else self._fold(converted)

    @property
    def look(self) -> Look:
        """What the file's own samples show, as far as they were read: before fold and conversion."""
        return self._reader.look

    def close(self) -> None:
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def through_matrix(block: Samples, matrix: npt.NDArray[np.float64]) -> Samples:
    """(n, channels) samples through a matrix of a row for each channel that comes out.

    Explicit sums in the order of the channels: a matrix product's last bits depend on BLAS.
    """
    out = np.empty((len(block), len(matrix)))
    sample_kernels.mix_channels(np.ascontiguousarray(block), matrix, out)
    return out
