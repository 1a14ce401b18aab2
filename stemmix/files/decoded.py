"""What libsndfile decodes: FLAC, AIFF, Ogg, MP3, and WAVE in codecs that `wave` does not read itself.

By content, not by name. libsndfile reads cut-off files as short ones without a word; what such a file says of its own
length is held against what is there.
"""

from __future__ import annotations

import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, Protocol

import numpy as np
import numpy.typing as npt

from stemmix.errors import StemError
from stemmix.files import mpeg, ogg
from stemmix.stopping import heed

_BLOCK_FRAMES: Final = 65_536
"""Decoded at a time: libsndfile is dear by the call."""

_PIECE_BYTES: Final = 1 << 20
_SEARCH_FRAMES: Final = 256
_MOST_FRAMES_PER_BYTE: Final = 8_192
"""A FLAC frame holds at most 65,535 samples in no fewer than eight bytes (RFC 9639, section 9.1)."""

_FOUND_TO_THE_SAMPLE: Final = ("FLAC", "AIFF")


@dataclass(frozen=True)
class Decodable:
    """What libsndfile says of a file, less what cannot be."""

    container: str
    codec: str
    sample_rate: int
    """In Hz."""
    channels: int
    frames: int | None
    """None where the file does not say, or claims more than its size could hold."""
    is_ordered: bool
    """Whether the format itself says what the channels are: FLAC, Vorbis, Opus save where it leaves it open."""
    warnings: tuple[str, ...]
    reframed: mpeg.Reframed | None = None
    """What an MP3 is to be read as, where libsndfile guesses it too short, or would complain of what is behind it."""


def inspect_decodable(path: Path) -> Decodable:
    """Open and look; an MP3 is decoded once, because nothing else gives its true length.

    Raises StemError where libsndfile finds no audio or a broken header, where it reads a part of an MP3 only, and where
    the file is cut off; OSError from it.
    """
    walked = mpeg.walk(path)  # before libsndfile opens it: its decoder of MP3 tells stderr what it misses
    warnings = walked.warnings
    # without what stands behind the frames: of that, too, stderr is told
    reframed = walked.reframed if walked.reframed is not None and not walked.reframed.header else None
    samples = _opened(path, reframed)
    try:
        sound = samples.sound
        frames: int | None = sound.frames
        if sound.format == "MP3":
            frames = _count(samples)
            if frames < walked.samples - mpeg.MOST_CUT and reframed is not walked.reframed:
                samples.close()
                reframed = walked.reframed
                samples = _opened(path, reframed)
                sound = samples.sound
                frames = _count(samples)
            if frames < walked.samples - mpeg.MOST_CUT:
                raise StemError(
                    f"{path}: cannot be decoded to its end: it holds {walked.samples} frames, of which {frames} can "
                    "be read; convert it to WAV"
                )
            warnings.append(f"{path}: is an MP3, which is not sync-safe: encoders shift the start of the sound")
        elif sound.frames >= 2**62:  # libsndfile's sign for a FLAC that does not say its length
            frames = None
        elif sound.frames > _MOST_FRAMES_PER_BYTE * path.stat().st_size:
            frames = None
            warnings.append(f"{path}: claims {sound.frames} frames, more than a file of its size can hold")
        if (frames is not None or sound.format == "OGG") and (missing := _missing_end(path, sound.format)):
            there = "" if frames is None else f"; {frames} frames are there"
            raise StemError(f"{path}: ends early ({missing}{there})")
        if sound.format == "OGG":
            warnings += _warnings_of_ogg(path)
        is_ordered = sound.format == "FLAC" or sound.subtype == "VORBIS" or _is_ordered_opus(path)
        return Decodable(
            sound.format,
            sound.subtype,
            sound.samplerate,
            sound.channels,
            frames,
            is_ordered,
            tuple(warnings),
            reframed,
        )
    finally:
        samples.close()


def _opened(path: Path, reframed: mpeg.Reframed | None = None) -> DecodedSamples:
    import soundfile

    try:
        return DecodedSamples(path, reframed=reframed)
    except soundfile.LibsndfileError as fault:
        unknown = "not recognised" in fault.error_string
        what = "is not audio that can be decoded" if unknown else "cannot be decoded"
        raise StemError(f"{path}: {what} ({_words(fault)})") from None


def _count(samples: DecodedSamples) -> int:
    """How many frames there are, by decoding them."""
    frames = 0
    while count := len(samples.read(_BLOCK_FRAMES)):
        frames += count
    return frames


def _is_ordered_opus(path: Path) -> bool:
    """Whether this is Opus of a mapping family that has Vorbis' order (RFC 7845, section 5.1.1)."""
    with path.open("rb") as file:
        first_page = file.read(47)
    return first_page[28:36] == b"OpusHead" and first_page[46] <= 1


def _missing_end(path: Path, container: str) -> str | None:
    """How a file says of itself that its end is missing; None where it does not."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if container == "OGG":
            return ogg.missing_end(file, size)
        start = file.read(24)
        promised = _end_of_caf(file) if container == "CAF" else 0
    if container == "AIFF" or start.startswith(b"RIFX"):  # WAVE with its numbers the other way round
        promised = struct.unpack_from(">I", start, 4)[0] + 8
    elif container == "W64":
        promised = struct.unpack_from("<Q", start, 16)[0]
    return f"its header promises {promised} bytes, {size} are there" if promised > size else None


def _end_of_caf(file: BinaryIO) -> int:
    """The byte behind the sound of a CAF, by its chunk's header (Apple Core Audio Format Specification 1.0); 0 where
    that says no length."""
    at = file.seek(8)
    while len(header := file.read(12)) == 12:
        kind, length = struct.unpack(">4sq", header)
        at += 12 + length
        if kind == b"data" or length < 0:
            return at if length >= 0 else 0
        file.seek(at)
    return 0


def _warnings_of_ogg(path: Path) -> list[str]:
    """Streams put behind one another are one to a player; libsndfile ends with the first."""
    with path.open("rb") as file:
        place = ogg.next_stream(file)
    if place is None:
        return []
    return [f"{path}: goes on past its end: another stream begins at byte {place}; what follows is left out"]


def _written_anew(path: Path, reframed: mpeg.Reframed) -> IO[bytes]:
    """A nameless file with the MP3's frames behind their header: libsndfile reads a descriptor."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
    try:
        copy.write(reframed.header)
        with path.open("rb") as file:
            file.seek(reframed.start)
            while piece := file.read(min(_PIECE_BYTES, reframed.end - file.tell())):
                heed()
                copy.write(piece)
        copy.seek(0)  # and all of it is out of Python's buffer
    except BaseException:
        copy.close()
        raise
    return copy


class Reads(Protocol):
    """Anything that gives (n, channels) samples in order, none at its end."""

    def read(self, frames: int) -> npt.NDArray[np.float64]: ...


def put_into(out: npt.NDArray[np.float64], block: npt.NDArray[np.float64]) -> int:
    """(n, channels) samples at the beginning of a place that has room for them, and how many."""
    out[: len(block)] = block
    return len(block)


def pass_over(source: Reads, frames: int) -> None:
    """Read what comes next, and leave it: where no place is found but by going there."""
    while frames > 0:
        count = len(source.read(min(frames, _BLOCK_FRAMES)))
        if not count:
            return
        frames -= count


class DecodedSamples:
    """Samples of whatever libsndfile decodes, in order, as float64 of full scale 1."""

    def __init__(self, path: Path, frames_expected: int | None = None, reframed: mpeg.Reframed | None = None) -> None:
        """Open by content, an MP3 as what it is `reframed` to; soundfile.LibsndfileError and OSError pass."""
        import soundfile

        self._path = path
        self._expected = frames_expected
        self._decoded = 0
        self._reframed = reframed
        self._file: IO[bytes] = path.open("rb") if reframed is None else _written_anew(path, reframed)
        try:
            # by descriptor: given a name, libsndfile goes by its ending where the content says nothing
            self.sound: Any = soundfile.SoundFile(self._file.fileno(), closefd=False)
        except BaseException:
            self._file.close()
            raise
        # straight on: soundfile seeks to where it is after each block, which costs as much as decoding a FLAC, fails in
        # one that does not say its length, changes an MP3's samples and passes over a gap in an Ogg
        self.sound.seekable = lambda: False

    def read(self, frames: int) -> npt.NDArray[np.float64]:
        """The next `frames` frames, (n, channels); fewer at the end. StemError where the file is damaged."""
        block = np.empty((frames, self.sound.channels))
        return block[: self.read_into(block)]

    def read_into(self, out: npt.NDArray[np.float64]) -> int:
        """The next frames into (n, channels), C-contiguous, and how many: fewer at the end. Raises as `read`."""
        filled = 0
        while filled < len(out) and (count := self._decode(out[filled : filled + _BLOCK_FRAMES])):
            filled += count
        return filled

    def skip(self, frames: int) -> None:
        """Go on so many frames later; StemError where the file is damaged.

        libsndfile finds its place to the sample in what has no memory of what went before; an MP3 or Ogg is decoded up
        to there.
        """
        import soundfile

        if self.sound.format not in _FOUND_TO_THE_SAMPLE or self._expected is None:
            pass_over(self, frames)
            return
        if not frames:
            return
        place = min(self._decoded + frames, self._expected)
        try:
            self.sound.seek(place)
        except soundfile.LibsndfileError as fault:
            raise StemError(f"{self._path}: is damaged before frame {place} ({_words(fault)})") from None
        self._decoded = place

    def _decode(self, out: npt.NDArray[np.float64]) -> int:
        import soundfile

        heed()
        try:
            count = len(self.sound.read(out=out))
        except soundfile.LibsndfileError as fault:
            raise StemError(
                f"{self._path}: is damaged after frame {self._last_sound_frame()} ({_words(fault)})"
            ) from None
        self._decoded += count
        if not count and self._expected is not None and self._decoded < self._expected:
            raise StemError(
                f"{self._path}: is damaged after frame {self._decoded}, where it ends although its header promises "
                f"{self._expected} frames"
            )
        return count

    def _last_sound_frame(self) -> int:
        """Where decoding breaks off, closer than a block: again from the start, in small steps."""
        import soundfile

        again = DecodedSamples(self._path, reframed=self._reframed)
        frames = 0
        try:
            while count := len(again.sound.read(_SEARCH_FRAMES, dtype="float64", always_2d=True)):
                frames += count
                heed()
        except soundfile.LibsndfileError:
            pass
        finally:
            again.close()
        return frames

    def close(self) -> None:
        self.sound.close()
        self._file.close()


def _words(fault: Any) -> str:
    return str(fault.error_string).removeprefix("Error : ").strip().rstrip(".")
