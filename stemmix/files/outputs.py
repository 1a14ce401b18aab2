"""What a deliverable is written to: one file in its encoding, or one mono file for each channel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from stemmix.files.broadcast import BroadcastInfo, tracks_of
from stemmix.files.encoded import EncodedWriter
from stemmix.files.replacing import Replacing
from stemmix.files.writer import SoundWriter, WaveWriter
from stemmix.model.encodings import CODINGS, Encoding
from stemmix.model.layouts import MONO, Layout
from stemmix.model.names import channel_names
from stemmix.model.receipt import Measured


def sound_writer(
    path: Path,
    encoding: Encoding,
    sample_rate: int,
    layout: Layout,
    frames: int,
    metadata: BroadcastInfo | None = None,
) -> SoundWriter:
    """The writer of an encoding; `sample_rate` in Hz. Metadata go where there is a place for them: into WAVE files.

    Raises OutputError as of `SoundWriter`.
    """
    if CODINGS[encoding].extension == ".wav":
        return WaveWriter(path, encoding, sample_rate, layout, frames, metadata=metadata)
    return EncodedWriter(path, encoding, sample_rate, layout, frames)


class MonoFiles:
    """A mono file for each channel of a layout, `mix.wav` as `mix.L.wav`, `mix.R.wav` ...: all of them or none.

    Used as a `SoundWriter` is; `files` are the writers of the channels, in order.
    """

    def __init__(
        self,
        path: Path,
        encoding: Encoding,
        sample_rate: int,
        layout: Layout,
        frames: int,
        metadata: BroadcastInfo | None = None,
    ) -> None:
        """Begin files of `frames` frames at `sample_rate` Hz; OutputError as of `SoundWriter`, none is begun then.

        Each file's iXML names its channel with the function that it has in the whole.
        """
        self.path = path
        tracks = None if metadata is None else metadata.tracks or tracks_of(layout)
        with ExitStack() as cleaning:
            files = []
            for number, name in enumerate(mono_paths(path, layout)):
                about = None if tracks is None or metadata is None else replace(metadata, tracks=(tracks[number],))
                files.append(cleaning.enter_context(sound_writer(name, encoding, sample_rate, MONO, frames, about)))
            cleaning.pop_all()
        self.files: tuple[SoundWriter, ...] = tuple(files)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The names that the files are to have."""
        return tuple(file.path for file in self.files)

    def write(self, samples: npt.NDArray[np.int32] | npt.NDArray[np.float64]) -> None:
        """Append (n, channels) samples; raises what `SoundWriter.write` does."""
        if samples.ndim != 2 or samples.shape[1] != len(self.files):
            raise ValueError(f"{self.path.name}: expected (n, {len(self.files)}) samples, got {samples.shape}")
        for number, file in enumerate(self.files):
            file.write(samples[:, number : number + 1])

    def complete(self, expected: Measured | None = None) -> None:
        """End every file, so that all can be read; raises what `SoundWriter.complete` does, all are gone then."""
        self._each(lambda file: file.complete(expected))

    def take_hash(self, share: float) -> None:
        """As `SoundWriter.take_hash`, of each."""
        self._each(lambda file: file.take_hash(share))

    def seal(self, loudness: Measured | None = None) -> tuple[str, ...]:
        """Bring every file to the disk; gives the SHA-256 of each. The loudness is that of the whole.

        Raises what `SoundWriter.seal` does; all are gone then.
        """
        hashes: list[str] = []
        self._each(lambda file: hashes.append(file.seal(loudness)))
        return tuple(hashes)

    def publish(self) -> None:
        """Bring each file under its name; OutputError where one cannot be. What came before it stays (`Replacing`)."""
        self._each(SoundWriter.publish)

    def finish(self, loudness: Measured | None = None) -> tuple[str, ...]:
        """Seal and publish, all or none; gives the SHA-256 of each."""
        hashes = self.seal(loudness)
        with Replacing() as replacing:
            for path in self.paths:
                replacing.expect(path)
            self.publish()
        return hashes

    def abort(self) -> None:
        """Remove the part files that are still there."""
        for file in self.files:
            file.abort()

    def _each(self, step: Callable[[SoundWriter], None]) -> None:
        try:
            for file in self.files:
                step(file)
        except BaseException:
            self.abort()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()


def mono_paths(path: Path, layout: Layout) -> tuple[Path, ...]:
    """Where the channels of a layout go: the label before the ending.

    >>> from stemmix.model.layouts import STEREO
    >>> [path.name for path in mono_paths(Path("mix.wav"), STEREO)]
    ['mix.L.wav', 'mix.R.wav']
    """
    return tuple(path.with_name(name) for name in channel_names(path.name, layout.labels))
