"""Audio files: looked at before anything is decoded, then read in blocks, in order.

A plain WAVE file is read by `wave.WaveSamples`, everything else by `decoded.DecodedSamples`; discrete mono files are
read as one. What is wrong with a file is said as early as it can be known: by `inspect`, or where the samples come. No
sample and no message depends on how many frames are asked for at a time. Channels are turned into WAVE order here,
as the samples come.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from stemmix.dsp import sample_kernels
from stemmix.errors import StemError
from stemmix.files.decoded import DecodedSamples, inspect_decodable, put_into
from stemmix.files.hashing import sha256_of_rest
from stemmix.files.mpeg import Reframed
from stemmix.files.wave import WaveHeader, WaveSamples, read_wave_header
from stemmix.model.features import Look
from stemmix.model.layouts import (
    LAYOUTS,
    MONO,
    STEREO,
    SURROUND_5_1,
    Layout,
    Order,
    in_film_order,
    layout_of_labels,
    layout_of_mask,
    reordered,
)
from stemmix.stopping import heed
from stemmix.units import CLIPPED_RUN, FULL_SCALE, db_from_gain

Samples = npt.NDArray[np.float64]
"""(frames, channels) float64, full scale 1."""

ABSURD_GAIN: Final = 1000.0
"""+60 dBFS: no sound is meant so loud, and one such sample would set the level of a whole mix."""

_LOWEST_RATE_HZ, _HIGHEST_RATE_HZ = 1_000, 1_536_000
_FULL_BANDWIDTH_RATE_HZ: Final = 32_000

_FIXED_LAYOUTS: Final = {3: "3.0", 5: "5.0", 6: "5.1", 8: "7.1"}
"""What FLAC (RFC 9639, section 9.1.3), Vorbis and Opus fix by the number of channels, and has a name here. FLAC has
WAVE order; libsndfile gives an Ogg's channels as they stand, in Vorbis' order (Vorbis I, section 4.3.9), which is that
of film."""

_MASK_OF_LIBSNDFILE: Final = 0xFF
"""What libsndfile writes for any eight channels in a WAVEX file, whoever they are for: it says nothing."""

_TOLD_WHOLE: Final = frozenset(("WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "FLAC", "OGG", "MP3"))
"""As libsndfile calls them: what of these is cut off is refused, but for an MP3 whose header tells no length."""

_CONTAINERS_OF_SUFFIX: Final = {
    **dict.fromkeys((".wav", ".wave", ".bwf", ".rf64"), ("RIFF", "RF64", "BW64", "WAV")),
    ".w64": ("W64",),
    ".flac": ("FLAC",),
    **dict.fromkeys((".aif", ".aiff", ".aifc"), ("AIFF",)),
    ".caf": ("CAF",),
    ".mp3": ("MP3",),
    ".ogg": ("OGG",),
    ".oga": ("OGG",),
    ".opus": ("OGG",),
}


@dataclass(frozen=True)
class AudioFile:
    """What can be known of an audio file before its samples are read."""

    path: Path
    sample_rate: int
    """In Hz."""
    layout: Layout
    """Of the samples that a reader gives, always in WAVE order."""
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
    order: Order = "wave"
    """Of the channels in the file."""
    reframed: Reframed | None = field(default=None, repr=False)
    """What an MP3 is read as whose length no header says, and would be guessed too short, or with more behind it."""
    parts: tuple[AudioFile, ...] = ()
    """Discrete mono files that are read as one, in the layout's order; `path` is then the first of them."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What the channels are, in the order of the file."""
        return in_film_order(self.layout).labels if self.order == "film" else self.layout.labels

    @property
    def files(self) -> tuple[AudioFile, ...]:
        """The file, or the mono files that it is made of."""
        return self.parts or (self,)


def inspect(path: Path, layout: Layout | None = None, order: Order = "wave", *, to_mix: bool = True) -> AudioFile:
    """Look at a file: its header, its size, whether it can be a stem at all.

    `layout` overrides what the file says of its channels; `order` is theirs in the file, save in an Ogg, whose order is
    its own. Where a file that is not `to_mix` does not say what its channels are, the layout of as many is assumed,
    with a warning; never where it says that they are others.

    Raises StemError, one sentence naming file and fault, for whatever makes it no sound stem: missing, empty, not
    audio, a broken header, no audio in it, channels whose meaning is unknown or that are not as many as the layout's; a
    container of which nobody could tell that its end is missing.
    """
    try:
        size = _size_of(path)
        header = read_wave_header(path)
        warnings = [] if header is None else _warnings_of_wave(path, header, size)
        is_ordered, reframed = False, None
        if header is not None and header.is_plain:
            frames: int | None = header.frames_present
            container, codec = header.container, f"{header.codec}_{header.bits}"
            rate_hz, channels = header.sample_rate, header.channels
        else:
            found = inspect_decodable(path)
            frames, container, codec = found.frames, found.container, found.codec
            rate_hz, channels = found.sample_rate, found.channels
            is_ordered = found.is_ordered and channels in _FIXED_LAYOUTS
            warnings += (*found.warnings, *_untold_end(path, container, to_mix=to_mix))
            reframed = found.reframed
    except FileNotFoundError:
        raise StemError(f"{path}: does not exist") from None
    except (OSError, ValueError) as fault:  # ValueError: a NUL in the name
        raise StemError(f"{path}: cannot be read: {getattr(fault, 'strerror', None) or fault}") from None
    if not _LOWEST_RATE_HZ <= rate_hz <= _HIGHEST_RATE_HZ:
        raise StemError(f"{path}: its header gives a sample rate of {rate_hz} Hz, at which no audio is stored")
    named, its_order = (None, order) if header is None else _by_track_names(header)
    if order == "wave" and named is not None and layout in (None, named):
        layout, order = named, its_order
    if is_ordered:
        layout = LAYOUTS[_FIXED_LAYOUTS[channels]] if layout is None else layout
        order = "film" if container == "OGG" else order
    if layout is None:
        layout = _layout(path, container, channels, header, order, warnings, assume=not to_mix)
    if layout.channels != channels:
        raise StemError(
            f"{path}: has {channels} channels; the layout given for it, {layout.name}, has {layout.channels}"
        )
    if frames == 0:
        raise StemError(f"{path}: holds no audio (0 frames)")
    if rate_hz < _FULL_BANDWIDTH_RATE_HZ:
        warnings.append(f"{path}: is sampled at {rate_hz} Hz, so it holds nothing above {rate_hz / 2000:g} kHz")
    if container not in _CONTAINERS_OF_SUFFIX.get(path.suffix.lower(), (container,)):
        warnings.append(f"{path}: is {container} by its content, although its name ends in {path.suffix}")
    plain = header if header is not None and header.is_plain else None
    return AudioFile(path, rate_hz, layout, frames, container, codec, tuple(warnings), plain, order, reframed)


def _untold_end(path: Path, container: str, *, to_mix: bool) -> Iterator[str]:
    """A warning where nobody could tell that the end of such a file is missing; StemError where it is to be mixed."""
    if container not in _TOLD_WHOLE:
        untold = f"{path}: is {container}, which does not show whether it is cut off"
        if to_mix:
            raise StemError(f"{untold}; convert it to WAV")
        yield untold


def _by_track_names(header: WaveHeader) -> tuple[Layout | None, Order]:
    """The layout whose channels an iXML chunk names, in the order of WAVE or of film, where no speaker mask does: film
    order has none."""
    if header.mask or header.broadcast is None:
        return None, "wave"
    names = tuple(track.name for track in header.broadcast.tracks)
    layout = layout_of_labels(names) if len(names) == header.channels else None
    if layout is None or names not in (layout.labels, in_film_order(layout).labels):
        return None, "wave"
    return layout, "wave" if names == layout.labels else "film"


def _size_of(path: Path) -> int:
    """Bytes of a regular file that is not empty; a StemError of anything else."""
    about = path.stat()
    if stat.S_ISDIR(about.st_mode):
        raise StemError(f"{path}: is a folder, not an audio file")
    if not stat.S_ISREG(about.st_mode):
        raise StemError(f"{path}: is not a regular file")
    if about.st_size == 0:
        raise StemError(f"{path}: is empty (0 bytes)")
    return about.st_size


def inspect_discrete(files: Mapping[str, Path]) -> AudioFile:
    """Look at mono files, one for each label of a layout, that are to be read as one.

    Raises StemError as of `inspect`, for a file that is not mono, and, naming both, where two differ in rate or length;
    ValueError where the labels are no layout's.
    """
    layout = layout_of_labels(files)
    if layout is None:
        raise ValueError(f"no layout has the channels {' '.join(files)}")
    parts = []
    for label in layout.labels:
        part = inspect(files[label])
        if part.layout != MONO:
            raise StemError(f"{part.path}: has {part.layout.channels} channels; a file for {label} alone has one")
        parts.append(part)
    first = parts[0]
    for part in parts[1:]:
        if part.sample_rate != first.sample_rate:
            rates = f"is sampled at {part.sample_rate} Hz, {first.path} at {first.sample_rate} Hz"
            raise StemError(f"{part.path}: {rates}; the files of one stem must have the same rate")
        if part.frames is not None and first.frames is not None and part.frames != first.frames:
            raise _uneven(part.path, part.frames, first.path, first.frames)
    warnings = tuple(warning for part in parts for warning in part.warnings)
    frames = None if any(part.frames is None for part in parts) else first.frames
    return replace(first, layout=layout, frames=frames, warnings=warnings, wave=None, reframed=None, parts=tuple(parts))


def _uneven(path: Path, frames: int, other: Path, other_frames: int) -> StemError:
    return StemError(
        f"{path}: holds {frames} frames, {other} {other_frames}; the files of one stem must be equally long"
    )


def _warnings_of_wave(path: Path, header: WaveHeader, size: int) -> list[str]:
    """What the claim of the data chunk and the length of the file say of each other."""
    if header.bytes_claimed == 0 and header.bytes_after:
        raise StemError(
            f"{path}: holds no audio according to its header, though {header.bytes_after} bytes follow, as "
            "happens when a recording is cut short"
        )
    if header.bytes_present == 0:
        raise StemError(f"{path}: holds no audio (0 frames)")
    if header.is_truncated:
        claim = f"its header promises {header.frames_claimed} {header.counted}, {header.frames_present} are there"
        raise StemError(f"{path}: ends early: {claim}")
    if header.container == "RIFF" and header.bytes_claimed is not None and size >= 2**32 and header.bytes_after > 2**30:
        return [
            f"{path}: is longer than a plain WAVE header can say: the {header.frames_claimed} frames of its header are "
            f"used, {header.bytes_after} bytes after them are not"
        ]
    if header.bytes_stray > header.block_align:
        claim = f"its header promises {header.frames_claimed} {header.counted}"
        return [
            f"{path}: goes on past its end: {claim}, {header.bytes_stray} bytes after them are in no chunk and are "
            "left out, as happens when a recording is cut short"
        ]
    if header.is_plain and (rest := header.bytes_present % header.block_align):
        return [f"{path}: has {rest} bytes after its last whole frame, which are left out"]
    return []


def _layout(
    path: Path,
    container: str,
    channels: int,
    header: WaveHeader | None,
    order: Order,
    warnings: list[str],
    *,
    assume: bool,
) -> Layout:
    """Which speaker each channel is for; what is taken by custom only, or where `assume` is allowed, is said."""
    mask = None if header is None else header.mask
    if mask and (known := layout_of_mask(mask, channels)):
        return known
    if channels == 1:
        if mask:
            warnings.append(f"{path}: has one channel with speaker mask 0x{mask:X}, which is taken as mono")
        return MONO
    fitting = {each.channels: each for each in LAYOUTS.values()}.get(channels)
    if fitting is None:
        raise StemError(f"{path}: has {channels} channels; no layout known here has that many")
    # an Ogg whose order is not fixed says that its channels are for no speakers
    known = fitting if container != "OGG" else None
    if mask and not (assume and known and mask == _MASK_OF_LIBSNDFILE):
        given = "by --layout" if assume else "by the stem's field 'layout'"
        raise StemError(
            f"{path}: has {channels} channels with speaker mask 0x{mask:X}, which is no layout known here; give one "
            f"{given}"
        )
    if channels == 2:
        return STEREO
    if header is not None and channels == SURROUND_5_1.channels:
        if order == "wave":
            assumed = " ".join(SURROUND_5_1.labels)
            warnings.append(f"{path}: has 6 channels and does not say for which speakers; {assumed} is assumed")
        return SURROUND_5_1
    if assume and known:
        says = f"with speaker mask 0x{mask:X}, which names no layout" if mask else "and does not say for which speakers"
        warnings.append(f"{path}: has {channels} channels {says}; {known.name} is assumed: {' '.join(known.labels)}")
        return known
    raise StemError(
        f"{path}: has {channels} channels and does not say for which speakers; a layout is needed, as the stem's field "
        "'layout' or a speaker mask in the file"
    )


class _Samples(Protocol):
    """What samples are read from: (n, channels) in order, fewer at the end."""

    def read(self, frames: int) -> Samples: ...

    def read_into(self, out: Samples) -> int: ...

    def skip(self, frames: int) -> None: ...

    def close(self) -> None: ...


class _Discrete:
    """Mono files side by side; they end together, or it is an error that names two of them."""

    def __init__(self, parts: Sequence[AudioFile]) -> None:
        self._readers: list[AudioReader] = []
        try:
            for part in parts:
                self._readers.append(AudioReader(part))
        except BaseException:
            self.close()
            raise

    def read(self, frames: int) -> Samples:
        blocks = [reader.read(frames) for reader in self._readers]
        if any(len(block) != len(blocks[0]) for block in blocks):
            self._tell_uneven()
        return np.concatenate(blocks, axis=1)

    def read_into(self, out: Samples) -> int:
        return put_into(out, self.read(len(out)))

    def skip(self, frames: int) -> None:
        for reader in self._readers:
            reader.skip(frames)

    def _tell_uneven(self) -> None:
        """Read to the ends of all, so that the sentence does not depend on how many frames were asked for."""
        for reader in self._readers:
            while len(reader.read(1 << 16)):
                pass
        lengths = [(reader.frames_read, reader.audio.path) for reader in self._readers]
        frames, path = next(each for each in lengths if each[0] != lengths[0][0])
        raise _uneven(path, frames, lengths[0][1], lengths[0][0])

    def close(self) -> None:
        for reader in self._readers:
            reader.close()


class AudioReader:
    """Samples of one file, in order, checked as they come. A context manager; one reader to a thread."""

    def __init__(self, source: Path | AudioFile, *, watched: bool = False) -> None:
        """Open a file, or one already looked at; `watched` for a `look` in the end. StemError as of `inspect`."""
        self.audio = source if isinstance(source, AudioFile) else inspect(source)
        wave = self.audio.wave
        # the readers of discrete files look at their own samples, and name their own file
        self._may_be_unsound = not self.audio.parts and (wave is None or wave.codec == "FLOAT")
        self.frames_read = 0
        """Where in the file it stands."""
        self._skipped = 0
        given, wanted = self.audio.labels, self.audio.layout.labels
        self._turned = None if given == wanted else np.array(reordered(given, wanted))
        self._watched = watched
        channels = self.audio.layout.channels
        self._last, self._run, self._sums = np.zeros(channels), np.zeros(channels, np.int64), np.zeros((8, channels))
        self._clipped = np.array([0, -1])
        try:
            self._source: _Samples
            if self.audio.parts:
                self._source = _Discrete(self.audio.parts)
            elif wave is None:
                self._source = DecodedSamples(self.audio.path, self.audio.frames, self.audio.reframed)
            else:
                self._source = WaveSamples(self.audio.path, wave)
        except (OSError, RuntimeError) as fault:  # it was sound when looked at
            raise StemError(f"{self.audio.path}: can no longer be read: {fault}") from None

    def read(self, frames: int) -> Samples:
        """The next `frames` frames, (n, channels): fewer at the end, none when all is read.

        Raises StemError, with the frame, where the file is damaged, or a sample is NaN, infinite or beyond +60 dBFS.
        """
        heed()
        return self._checked(self._read(frames))

    def read_into(self, out: Samples) -> int:
        """The same into (n, channels), C-contiguous: how many; without a copy, but of discrete files and of channels in
        another order."""
        heed()
        if self._turned is not None:
            return put_into(out, self._checked(self._read(len(out))))
        with self._told():
            count = self._source.read_into(out)
        return len(self._checked(out[:count]))

    def _checked(self, block: Samples) -> Samples:
        """What was just read, looked at."""
        if self._may_be_unsound:
            self._refuse_unsound(block)
        if self._watched:
            sample_kernels.watch(
                block, FULL_SCALE, CLIPPED_RUN, self.frames_read, self._last, self._run, self._sums, self._clipped
            )
        self.frames_read += len(block)
        return block

    def skip(self, frames: int) -> None:
        """Go on so many frames later. What is passed over is not looked at.

        Raises StemError where the file is damaged before that.
        """
        self._source.skip(frames)
        self.frames_read += frames
        self._skipped += frames

    @property
    def look(self) -> Look:
        """What the samples read so far show, where they are watched."""
        runs, first = (int(number) for number in self._clipped)
        means = self._sums.sum(axis=0) / max(self.frames_read - self._skipped, 1)
        return Look(
            dc=float(means[np.argmax(np.abs(means))]), clipped_runs=runs, first_clipped=None if first < 0 else first
        )

    def _read(self, frames: int) -> Samples:
        with self._told():
            block = self._source.read(frames)
        return block if self._turned is None else block.take(self._turned, axis=1)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the system says is said of the file."""
        try:
            yield
        except OSError as fault:
            raise StemError(f"{self.audio.path}: cannot be read further: {fault.strerror or fault}") from None

    def _refuse_unsound(self, block: Samples) -> None:
        first = sample_kernels.first_beyond(block.reshape(-1), ABSURD_GAIN)
        if first < 0:
            return
        frame = self.frames_read + first // block.shape[1]
        sample = block.flat[first]
        if np.isfinite(sample):
            level_db = db_from_gain(abs(float(sample)))
            raise StemError(
                f"{self.audio.path}: holds a sample of {level_db:+.1f} dBFS at frame {frame}, which cannot be sound"
            )
        bad = 0
        while len(block):
            bad += int(np.count_nonzero(~np.isfinite(block)))
            block = self._read(1 << 16)
        held = "a sample that is NaN or infinite," if bad == 1 else f"{bad} samples that are NaN or infinite, the first"
        raise StemError(f"{self.audio.path}: holds {held} at frame {frame}")

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sha256_of(path: Path) -> str:
    """Of a file's bytes, in hexadecimal. StemError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return sha256_of_rest(file)
    except OSError as fault:
        raise StemError(f"{path}: cannot be read: {fault.strerror or fault}") from None
