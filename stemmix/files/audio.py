"""Audio files: looked at before anything is decoded, then read in blocks, in order.

A plain WAVE file is read by `wave.WaveSamples`, everything else by `decoded.DecodedSamples`. What is wrong with a file
is said as early as it can be known: by `inspect`, or where the samples come. No sample and no message depends on how
many frames are asked for at a time.
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from stemmix.dsp import kernels
from stemmix.errors import StemError
from stemmix.files.decoded import DecodedSamples, inspect_decodable
from stemmix.files.wave import WaveHeader, WaveSamples, read_wave_header
from stemmix.model.features import Look
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, SURROUND_5_1, Layout, fold_matrix, layout_of_mask
from stemmix.units import db_from_gain

Samples = npt.NDArray[np.float64]
"""(frames, channels) float64, full scale 1."""

ABSURD_GAIN: Final = 1000.0
"""+60 dBFS: no sound is meant so loud, and one such sample would set the level of a whole mix."""

FULL_SCALE: Final = 0.99996
CLIPPED_RUN: Final = 3
"""As many equal samples at full scale are a clipped peak: a 16-bit peak that just reaches it has one, rarely two."""

_LOWEST_RATE_HZ, _HIGHEST_RATE_HZ = 1_000, 1_536_000
_FULL_BANDWIDTH_RATE_HZ: Final = 32_000

_FLAC_LAYOUTS: Final = {3: "3.0", 5: "5.0", 6: "5.1", 8: "7.1"}
"""Channel orders that FLAC itself fixes and that have a name here (RFC 9639, section 9.1.3)."""

_CONTAINERS_OF_SUFFIX: Final = {
    ".wav": ("RIFF", "RF64", "BW64", "WAV"),
    ".flac": ("FLAC",),
    ".aif": ("AIFF",),
    ".aiff": ("AIFF",),
    ".mp3": ("MP3",),
    ".ogg": ("OGG",),
}


@dataclass(frozen=True)
class AudioFile:
    """What can be known of an audio file before its samples are read."""

    path: Path
    sample_rate: int
    """In Hz."""
    layout: Layout
    frames: int | None
    """Frames that a reader will give; None where the file does not say, or says what cannot be."""
    container: str
    """By content: `RIFF`, `RF64`, `BW64`, `FLAC`, `AIFF`, `OGG`, `MP3` ..."""
    codec: str
    """`PCM_24`, `FLOAT_32`, `VORBIS` ..."""
    warnings: tuple[str, ...] = ()
    """One sentence each, beginning with the path."""
    wave: WaveHeader | None = field(default=None, repr=False)
    """Where the samples stand in a plain WAVE file."""


def inspect(path: Path, layout: Layout | None = None, *, to_mix: bool = True) -> AudioFile:
    """Look at a file: its header, its size, whether it can be a stem at all.

    `layout` overrides what the file says of its channels. A file that is not `to_mix` needs no fold, and where it does
    not say what its channels are, the layout of as many is assumed, with a warning.

    Raises StemError, one sentence naming file and fault, for whatever makes it no sound stem: missing, empty, not
    audio, a broken header, no audio in it, channels whose meaning is unknown or for which no fold to stereo is defined.
    """
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise StemError(f"{path}: is a folder, not an audio file")
        if not stat.S_ISREG(about.st_mode):
            raise StemError(f"{path}: is not a regular file")
        if about.st_size == 0:
            raise StemError(f"{path}: is empty (0 bytes)")
        header = read_wave_header(path)
        warnings = [] if header is None else _warnings_of_wave(path, header, about.st_size)
        if header is not None and header.is_plain:
            frames: int | None = header.frames_present
            container, codec = header.container, f"{header.codec}_{header.bits}"
            rate_hz, channels = header.sample_rate, header.channels
        else:
            found = inspect_decodable(path)
            frames, container, codec = found.frames, found.container, found.codec
            rate_hz, channels = found.sample_rate, found.channels
            warnings += found.warnings
    except FileNotFoundError:
        raise StemError(f"{path}: does not exist") from None
    except (OSError, ValueError) as fault:  # ValueError: a NUL in the name
        raise StemError(f"{path}: cannot be read: {getattr(fault, 'strerror', None) or fault}") from None
    if not _LOWEST_RATE_HZ <= rate_hz <= _HIGHEST_RATE_HZ:
        raise StemError(f"{path}: its header says a sample rate of {rate_hz} Hz, at which no sound is kept")
    if layout is None:
        layout = _layout(path, container, channels, header, warnings, assume=not to_mix)
    _refuse_misfit(path, layout, channels, to_mix=to_mix)
    if frames == 0:
        raise StemError(f"{path}: holds no audio (0 frames)")
    if rate_hz < _FULL_BANDWIDTH_RATE_HZ:
        warnings.append(f"{path}: is sampled at {rate_hz} Hz, so it holds nothing above {rate_hz / 2000:g} kHz")
    if container not in _CONTAINERS_OF_SUFFIX.get(path.suffix.lower(), (container,)):
        warnings.append(f"{path}: is {container} by its content, although its name ends in {path.suffix}")
    plain = header if header is not None and header.is_plain else None
    return AudioFile(path, rate_hz, layout, frames, container, codec, tuple(warnings), plain)


def _warnings_of_wave(path: Path, header: WaveHeader, size: int) -> list[str]:
    """What the claim of the data chunk and the length of the file say of each other."""
    if header.bytes_claimed == 0 and header.bytes_after:
        raise StemError(
            f"{path}: holds no audio by its header, though {header.bytes_after} bytes follow, as a recording that was "
            "broken off leaves it"
        )
    if header.bytes_present == 0:
        raise StemError(f"{path}: holds no audio (0 frames)")
    if header.is_truncated:
        raise StemError(
            f"{path}: ends early: its header promises {header.frames_claimed} frames, {header.frames_present} are there"
        )
    if header.container == "RIFF" and header.bytes_claimed is not None and size >= 2**32 and header.bytes_after > 2**30:
        return [
            f"{path}: is longer than a plain WAVE file can say: the {header.frames_claimed} frames of its header are "
            f"used, {header.bytes_after} bytes after them are not"
        ]
    if header.is_plain and (rest := header.bytes_present % header.block_align):
        return [f"{path}: has {rest} bytes after its last whole frame, which are left out"]
    return []


def _refuse_misfit(path: Path, layout: Layout, channels: int, *, to_mix: bool) -> None:
    if layout.channels != channels:
        raise StemError(f"{path}: has {channels} channels, and {layout.name} has {layout.channels}")
    if to_mix and fold_matrix(layout, STEREO) is None:
        raise StemError(f"{path}: has {channels} channels ({layout.name}), for which no fold to stereo is defined")


def _layout(
    path: Path, container: str, channels: int, header: WaveHeader | None, warnings: list[str], *, assume: bool
) -> Layout:
    """Which speaker each channel is for; what is taken by custom only, or where `assume` is allowed, is said."""
    mask = None if header is None else header.mask
    if mask and (known := layout_of_mask(mask, channels)):
        return known
    if channels == 1:
        if mask:
            warnings.append(f"{path}: has one channel with speaker mask 0x{mask:X}, which is taken as mono")
        return MONO
    # Ogg has an order of its own (Vorbis I, section 4.3.9): that of WAVE would be a wrong guess
    known = {each.channels: each for each in LAYOUTS.values()}.get(channels) if container != "OGG" else None
    if mask and not (assume and known):
        raise StemError(f"{path}: has {channels} channels with speaker mask 0x{mask:X}, which is no layout known here")
    if channels == 2:
        return STEREO
    if container == "FLAC" and channels in _FLAC_LAYOUTS:
        return LAYOUTS[_FLAC_LAYOUTS[channels]]
    if header is not None and channels == SURROUND_5_1.channels:
        warnings.append(f"{path}: has 6 channels and does not say for which speakers; L R C LFE Ls Rs is assumed")
        return SURROUND_5_1
    if assume and known:
        says = f"with speaker mask 0x{mask:X}, which names no layout" if mask else "and does not say for which speakers"
        warnings.append(f"{path}: has {channels} channels {says}; {known.name} is assumed: {' '.join(known.labels)}")
        return known
    raise StemError(
        f"{path}: has {channels} channels and does not say for which speakers; a layout is needed, as in a WAVE file "
        "with a speaker mask"
    )


class AudioReader:
    """Samples of one file, in order, checked as they come. A context manager; one reader to a thread."""

    def __init__(self, source: Path | AudioFile, *, watched: bool = False) -> None:
        """Open a file, or one already looked at; `watched` for a `look` in the end. StemError as of `inspect`."""
        self.audio = source if isinstance(source, AudioFile) else inspect(source)
        wave = self.audio.wave
        self._may_be_unsound = wave is None or wave.codec == "FLOAT"
        self._frames_read = 0
        self._watched = watched
        channels = self.audio.layout.channels
        self._last, self._run, self._sums = np.zeros(channels), np.zeros(channels, np.int64), np.zeros(channels)
        self._clipped = np.array([0, -1])
        try:
            self._source = (
                DecodedSamples(self.audio.path, self.audio.frames)
                if wave is None
                else WaveSamples(self.audio.path, wave)
            )
        except (OSError, RuntimeError) as fault:  # it was sound when looked at
            raise StemError(f"{self.audio.path}: cannot be read any more: {fault}") from None

    def read(self, frames: int) -> Samples:
        """The next `frames` frames, (n, channels): fewer at the end, none when all is read.

        Raises StemError, with the frame, where the file is damaged, or a sample is NaN, infinite or beyond +60 dBFS.
        """
        block = self._read(frames)
        if self._may_be_unsound:
            self._refuse_unsound(block)
        if self._watched:
            kernels.watch(
                block, FULL_SCALE, CLIPPED_RUN, self._frames_read, self._last, self._run, self._sums, self._clipped
            )
        self._frames_read += len(block)
        return block

    @property
    def look(self) -> Look:
        """What the samples read so far show, where they are watched."""
        runs, first = (int(number) for number in self._clipped)
        means = self._sums / max(self._frames_read, 1)
        return Look(
            dc=float(means[np.argmax(np.abs(means))]), clipped_runs=runs, first_clipped=None if first < 0 else first
        )

    def _read(self, frames: int) -> Samples:
        try:
            return self._source.read(frames)
        except OSError as fault:
            raise StemError(f"{self.audio.path}: cannot be read on: {fault.strerror or fault}") from None

    def _refuse_unsound(self, block: Samples) -> None:
        first = kernels.first_beyond(block.reshape(-1), ABSURD_GAIN)
        if first < 0:
            return
        frame = self._frames_read + first // block.shape[1]
        sample = block.flat[first]
        if np.isfinite(sample):
            level_db = db_from_gain(abs(float(sample)))
            raise StemError(
                f"{self.audio.path}: holds a sample of {level_db:+.1f} dBFS at frame {frame}, which is no sound"
            )
        bad = 0
        while len(block):
            bad += int(np.count_nonzero(~np.isfinite(block)))
            block = self._read(1 << 16)
        raise StemError(f"{self.audio.path}: holds {bad} samples that are NaN or infinite, the first at frame {frame}")

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _RateConverter:
    """Samples from one rate to another by soxr at its highest quality, (n, channels) in and out, delay taken out.

    The length is every instant of the new rate that lies within the sound: ceil(frames x rate out / rate in).
    """

    def __init__(self, rate_in_hz: int, rate_out_hz: int, channels: int) -> None:
        import soxr

        self._rates = rate_in_hz, rate_out_hz
        self._channels = channels
        self._stream: Any = soxr.ResampleStream(rate_in_hz, rate_out_hz, channels, dtype="float64", quality="VHQ")
        self._frames_in = 0
        self._frames_out = 0

    def frames_of(self, frames: int) -> int:
        return -(-frames * self._rates[1] // self._rates[0])

    def process(self, block: Samples) -> Samples:
        if not len(block):
            return block
        converted: Samples = self._stream.resample_chunk(block)
        self._frames_in += len(block)
        self._frames_out += len(converted)
        return converted

    def flush(self) -> Samples:
        # soxr rounds a length to the nearest, half up: zeros after the end bring the last instant too
        zeros = np.zeros((self._rates[0] // self._rates[1] + 2, self._channels))
        rest: Samples = self._stream.resample_chunk(zeros, last=True)
        return rest[: self.frames_of(self._frames_in) - self._frames_out]


class StemReader:
    """A stem as the mix wants it, in order: folded to a layout by label, at the project's rate.

    At the project's own rate and layout every sample passes untouched. From another rate, what stands at t seconds in
    the file stands at t seconds here. A context manager; one reader to a thread.
    """

    _BLOCK_FRAMES: Final = 16_384

    def __init__(
        self, source: Path | AudioFile, sample_rate: int, layout: Layout = STEREO, *, watched: bool = False
    ) -> None:
        """Open a file, or one already looked at, at `sample_rate` Hz in `layout`; StemError as of `inspect`.

        Where it is `watched` there is a `look` in the end.
        """
        self.audio = source if isinstance(source, AudioFile) else inspect(source)
        channels = self.audio.layout.channels
        matrix = fold_matrix(self.audio.layout, layout)
        if matrix is None:
            raise StemError(
                f"{self.audio.path}: has {channels} channels ({self.audio.layout.name}), for which no fold to "
                f"{layout.name} is defined"
            )
        self.frames_out = 0
        """Frames given so far: the stem's length once `read` gives none."""
        self._matrix = None if self.audio.layout == layout else matrix
        self._converter = None
        if sample_rate != self.audio.sample_rate:
            self._converter = _RateConverter(self.audio.sample_rate, sample_rate, min(channels, layout.channels))
        # mono is converted before it is spread to two sides, 5.1 after it is folded to two: the fewer the cheaper
        self._fold_first = channels > layout.channels
        self._ready = np.empty((0, layout.channels))
        self._has_ended = False
        self._reader = AudioReader(self.audio, watched=watched)

    @property
    def expected_frames(self) -> int | None:
        """Frames in all by the file's header; None where it does not say."""
        if self.audio.frames is None or self._converter is None:
            return self.audio.frames
        return self._converter.frames_of(self.audio.frames)

    def read(self, frames: int) -> Samples:
        """The next `frames` frames, (n, channels of the layout): fewer at the end, none when all is read.

        Raises StemError as of `AudioReader.read`.
        """
        block = self._fold(self._reader.read(frames)) if self._converter is None else self._convert(frames)
        self.frames_out += len(block)
        return block

    def _fold(self, block: Samples) -> Samples:
        """Explicit sums in the order of the channels: a matrix product's last bits depend on BLAS."""
        if self._matrix is None:
            return block
        folded = np.zeros((len(block), len(self._matrix)))
        for target, shares in enumerate(self._matrix):
            for source, share in enumerate(shares):
                if share:
                    folded[:, target] += block[:, source] * share
        return folded

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
        block = self._reader.read(self._BLOCK_FRAMES)
        self._has_ended = not len(block)
        if self._fold_first:
            block = self._fold(block)
        converted = self._converter.flush() if self._has_ended else self._converter.process(block)
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


def sha256_of(path: Path) -> str:
    """Of a file's bytes, in hexadecimal; StemError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise StemError(f"{path}: cannot be read: {fault.strerror or fault}") from None
