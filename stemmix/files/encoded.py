"""FLAC, MP3 and Ogg Vorbis, written as WAVE is: whole or not at all, the same bytes for the same samples.

libsndfile encodes. Measured with 1.2.2 (libFLAC, LAME, libvorbis): what is decoded has exactly the frames that were
written and lies on them to the sample, in libsndfile and in ffmpeg, for all three formats: MP3 carries its encoder's
delay and padding in its LAME tag, Vorbis its length in the last page. (ffmpeg gives a Vorbis of less than one block,
1,024 frames, its whole block.) A player that ignores the LAME tag starts an MP3 1,105 samples late.
"""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from stemmix.dsp import sample_kernels
from stemmix.files import ogg
from stemmix.files.decoded import DecodedSamples
from stemmix.files.writer import SoundWriter
from stemmix.model.encodings import CODINGS, Encoding, unfit
from stemmix.model.layouts import MONO, STEREO, Layout
from stemmix.model.receipt import Measured
from stemmix.stopping import heed

_BLOCK_FRAMES: Final = 4096
"""Given to the encoder at a time, never another number: Vorbis looks ahead as far as it is given samples, so its bytes
depend on it; and a few hundred thousand frames at once overflow its stack."""

_SETTINGS: Final[dict[Encoding, dict[str, Any]]] = {
    "flac16": {"format": "FLAC", "subtype": "PCM_16"},
    "flac24": {"format": "FLAC", "subtype": "PCM_24"},
    # 320 kbit/s, constant: what the platforms that take MP3 at all recommend or accept
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": 0.0},
    # quality 8, about 256 kbit/s in stereo
    "ogg": {"format": "OGG", "subtype": "VORBIS", "compression_level": 0.2},
}

_TO_LISTEN: Final[dict[str, Any]] = {
    # quality 6, about 110 kbit/s of a full mix in stereo; encoded in two thirds of the time that a constant rate takes
    "format": "MP3",
    "subtype": "MPEG_LAYER_III",
    "bitrate_mode": "VARIABLE",
    "compression_level": 0.6,
}

_LARGEST: Final = 1000.0
"""+60 dBFS: encoders of floats go wild beyond, and it is no sound."""

_OGG_SERIAL: Final = 0x73746D78
"""libsndfile draws one, and renders would never be the same."""


class EncodedWriter(SoundWriter):
    """A FLAC, MP3 or Ogg Vorbis file."""

    def __init__(self, path: Path, encoding: Encoding, sample_rate: int, layout: Layout, frames: int) -> None:
        """Begin a `flac16`, `flac24`, `mp3` or `ogg` of `frames` frames at `sample_rate` Hz.

        Raises OutputError as of `SoundWriter`.
        """
        import soundfile

        bits = CODINGS[encoding].bits
        self._shift = None if bits is None else 32 - bits
        """To the left: libsndfile takes full scale as 2^31."""
        self._ready = np.empty((_BLOCK_FRAMES, layout.channels), np.float64 if bits is None else np.int32)
        self._frames_ready = 0
        self._sound: Any = None
        super().__init__(path, encoding, sample_rate, layout, frames, None)
        self._sink = _Sink(self._file)
        # an interrupt that comes while C calls back is lost, and what was to be written with it: none comes to a thread
        self._thread = ThreadPoolExecutor(1, "encode")
        with self._or_nothing():
            try:
                self._sound = self._thread.submit(
                    soundfile.SoundFile, self._sink, "w", sample_rate, layout.channels, **_SETTINGS[encoding]
                ).result()
            finally:
                self._sink.check()
        # straight on: soundfile would seek to where it is after each block
        self._sound.seekable = lambda: False

    def _append(self, samples: npt.NDArray[np.int32] | npt.NDArray[np.float64]) -> None:
        self._refuse_unfit(samples)
        self._thread.submit(self._encode, samples).result()

    def _encode(self, samples: npt.NDArray[np.int32] | npt.NDArray[np.float64]) -> None:
        """In blocks of one size, whatever size they come in."""
        done = 0
        while done < len(samples):
            count = min(_BLOCK_FRAMES - self._frames_ready, len(samples) - done)
            self._ready[self._frames_ready : self._frames_ready + count] = samples[done : done + count]
            self._frames_ready += count
            done += count
            if self._frames_ready == _BLOCK_FRAMES:
                self._encode_ready()

    def _encode_ready(self) -> None:
        import soundfile

        block = self._ready[: self._frames_ready]
        try:
            self._sound.write(block if self._shift is None else block << self._shift)
        except (soundfile.LibsndfileError, AssertionError):  # soundfile asserts that all was written
            if self._sink.fault is None:
                raise
        self._frames_ready = 0
        self._sink.check()

    def _refuse_unfit(self, samples: npt.NDArray[np.int32] | npt.NDArray[np.float64]) -> None:
        if samples.dtype != self._ready.dtype:
            raise ValueError(f"{self.encoding} is written from {self._ready.dtype}, not from {samples.dtype}")
        if self._shift is None:
            fits = sample_kernels.first_beyond(np.ascontiguousarray(samples).reshape(-1), _LARGEST) < 0
        else:
            full_scale = 1 << (31 - self._shift)
            fits = not samples.size or (samples.min() >= -full_scale and samples.max() < full_scale)
        if not fits:
            raise ValueError(f"a sample lies beyond what {self.encoding} can hold")

    def _end(self) -> None:
        if self._frames_ready:
            self._thread.submit(self._encode_ready).result()
        self._thread.submit(self._sound.close).result()
        self._sink.check()
        self._file.flush()
        if self.encoding == "ogg":
            ogg.set_serial(self._file, _OGG_SERIAL)

    def _saying(self, loudness: Measured) -> tuple[int, bytes]:
        """None of these has a field for loudness that is not an order to players to change it."""
        return 0, b""

    def _check_written(self) -> None:
        size = self.part.stat().st_size
        if size != self._sink.size:
            raise self._lost(size, self._sink.size)
        written = DecodedSamples(self.part)
        try:
            if written.sound.frames != self._frames:
                raise self._lost(size, self._sink.size)
        finally:
            written.close()

    def abort(self) -> None:
        """Remove the part file if it is still there; what stands under the name is left alone."""
        if not self._file.closed:
            self._sink.is_shut = True
            if self._sound is not None:
                self._thread.submit(self._sound.close).result()
            self._thread.shutdown()
        super().abort()


def to_listen(samples: npt.NDArray[np.float64], sample_rate: int) -> bytes:
    """(n, 1 or 2) samples as a whole MP3: small, for ears and no delivery; of all formats the one that every browser
    plays.

    To be called in a thread, as of `EncodedWriter`. ValueError for a rate, in Hz, that MP3 does not have.
    """
    import soundfile

    channels = samples.shape[1]
    if reason := unfit("mp3", sample_rate, MONO if channels == 1 else STEREO):
        raise ValueError(reason)
    content = io.BytesIO()
    with soundfile.SoundFile(content, "w", sample_rate, channels, **_TO_LISTEN) as sound:
        sound.seekable = lambda: False  # as of EncodedWriter
        for start in range(0, len(samples), _BLOCK_FRAMES):
            heed()
            sound.write(samples[start : start + _BLOCK_FRAMES])
    return content.getvalue()


class _Sink:
    """What libsndfile writes through.

    Called back from C it cannot raise, and libsndfile says "System error." of whatever happens; so the disk's own words
    are kept until they can be raised.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.fault: OSError | None = None
        self.is_shut = False
        """Whether what still comes is thrown away."""
        self.size = 0
        """Bytes up to the furthest that was written."""

    def write(self, content: bytes) -> int:
        if self.is_shut or self.fault is not None:
            return 0
        try:
            self._file.write(content)
            self.size = max(self.size, self._file.tell())
        except OSError as fault:
            self.fault = fault
            return 0
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if self.is_shut or self.fault is not None:
            return 0
        try:
            return self._file.seek(offset, whence)
        except OSError as fault:  # what was buffered is written first
            self.fault = fault
            return 0

    def tell(self) -> int:
        return 0 if self.is_shut else self._file.tell()

    def check(self) -> None:
        """Raise what the disk said, if it said anything."""
        if self.fault is not None:
            raise self.fault
