"""A stem's timeline: clips of files placed to the sample, faded and crossfaded, under faders that move."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
import numpy.typing as npt

from stemmix.errors import ProjectError
from stemmix.files.audio import AudioFile
from stemmix.model.layouts import MONO, STEREO, SURROUND_3_0, Layout
from stemmix.model.stems import Clip, FadeShape, Stem
from stemmix.model.timecode import Clock, Place, as_typed, has_frames
from stemmix.units import gain_from_db

Floats = npt.NDArray[np.float64]

_FADE_FLOOR_DB: Final = -60.0
"""Where an exponential fade begins."""

_SHAPES: Final[dict[FadeShape, Callable[[Floats], Floats]]] = {
    "linear": lambda way: way,
    "equal_power": lambda way: np.sin(0.5 * np.pi * way),
    "s_curve": lambda way: 0.5 - 0.5 * np.cos(np.pi * way),
    "exponential": lambda way: 10.0 ** (_FADE_FLOOR_DB / 20.0 * (1.0 - way)),
}
"""Gains on the way in, from 0 to 1; on the way out the same backwards."""


@dataclass(frozen=True)
class Ramp:
    """A fade in samples."""

    samples: int
    shape: FadeShape

    def gains(self, first: int, after: int) -> Floats:
        """Gains of samples [first, after) of the way in; each at its middle, so that two that cross are symmetrical."""
        return _SHAPES[self.shape]((np.arange(first, after) + 0.5) / self.samples)


@dataclass(frozen=True)
class Piece:
    """A clip in samples."""

    name: str
    """For people: its number, or its id."""
    audio: AudioFile
    first: int
    """Frame of the file that it begins with."""
    at: int
    """Sample of the programme that it begins at; before 0 after it was brought into line, and cut off there."""
    frames: int | None
    """Length in samples of the programme; None of a whole file that does not say its own."""
    gain: float = 1.0
    """Negative where it is inverted."""
    pull: Fraction = Fraction(1)
    fade_in: Ramp | None = None
    fade_out: Ramp | None = None

    @property
    def end(self) -> int:
        """The sample after its last. Only of a piece whose length is known."""
        assert self.frames is not None
        return self.at + self.frames

    @property
    def is_whole(self) -> bool:
        """Whether nothing is done to the file but that it stands somewhere."""
        faded = self.fade_in is not None or self.fade_out is not None
        return not faded and self.first == 0 and self.gain == 1.0 and self.pull == 1

    def gains(self, first: int, after: int) -> Floats | float:
        """Of its samples [first, after), counted from its own beginning."""
        faded = [(ramp, at) for ramp, at in ((self.fade_in, first), (self.fade_out, after)) if ramp is not None]
        if not faded:
            return self.gain
        gains = np.full(after - first, self.gain)
        if self.fade_in is not None and first < self.fade_in.samples:
            last = min(after, self.fade_in.samples)
            gains[: last - first] *= self.fade_in.gains(first, last)
        if self.fade_out is not None and self.frames is not None:
            begins = self.frames - self.fade_out.samples
            if after > begins:
                start = max(first, begins)
                # the way in, backwards
                way = self.fade_out.gains(self.frames - after, self.frames - start)
                gains[start - first :] *= way[::-1]
        return gains


@dataclass(frozen=True)
class Timeline:
    """What a stem is made of, in samples of the programme."""

    rate_hz: int
    pieces: tuple[Piece, ...]
    """In the order in which they begin."""
    gain_db: tuple[tuple[int, float], ...] = ()
    """Breakpoints of the fader, beside the stem's own gain."""
    pan: tuple[tuple[int, float], ...] = ()
    """Breakpoints of the pan."""
    layout: Layout = STEREO
    """Of what is read: the files', or left and right (and centre) where a mono stem's pan moves."""

    @property
    def at(self) -> int:
        """The sample of the programme that it begins at."""
        return max(min(piece.at for piece in self.pieces), 0)

    @property
    def frames(self) -> int | None:
        """Samples from there to its end; None of a file that does not say its length."""
        if any(piece.frames is None for piece in self.pieces):
            return None
        return max(piece.end for piece in self.pieces) - self.at

    @property
    def audio(self) -> AudioFile:
        """The file of the first piece."""
        return self.pieces[0].audio

    @property
    def is_whole_file(self) -> bool:
        """Whether it is one file, untouched, from somewhere on."""
        only = self.pieces[0]
        whole = len(self.pieces) == 1 and only.is_whole and only.at >= 0 and not self.gain_db and not self.pan
        return whole and only.frames == _length(only.audio, 0, only.audio.frames, only.pull, self.rate_hz)

    def sha256(self, of_file: Mapping[Path, str]) -> str:
        """Of all that is heard, wherever it begins, given the hash of each file; of one whole file, the file's own."""
        if self.is_whole_file and not self.audio.parts:
            return of_file[self.audio.path]
        said = []
        for piece in self.pieces:
            parts = piece.audio.parts or (piece.audio,)
            labels = piece.audio.labels if piece.audio.parts else ("",)
            said += [f"{label} {of_file[part.path]}\n" for label, part in zip(labels, parts, strict=True)]
            if not self.is_whole_file:
                heard = (
                    piece.at - self.at,
                    piece.first,
                    piece.frames,
                    piece.gain,
                    piece.pull,
                    piece.fade_in,
                    piece.fade_out,
                )
                said.append(f"{' '.join(piece.audio.labels)} {heard}\n")
        for name, points in (("gain", self.gain_db), ("pan", self.pan)):
            said += [f"{name} {sample - self.at} {value}\n" for sample, value in points]
        return hashlib.sha256("".join(said).encode()).hexdigest()

    def moved(self, samples: int, *, inverted: bool = False) -> Timeline:
        """All of its pieces so much later, or earlier; what comes to lie before the programme is cut off. ValueError
        where nothing would be left."""
        sign = -1.0 if inverted else 1.0
        moved = [replace(piece, at=piece.at + samples, gain=sign * piece.gain) for piece in self.pieces]
        left = tuple(piece for piece in moved if piece.frames is None or piece.end > 0)
        if not left:
            raise ValueError(f"{self.pieces[0].audio.path.name}: {samples} samples later it lies before the programme")
        return replace(self, pieces=left)


Where = Callable[[Place], str]
"""Tells file, line and column of a place below a stem, `film.json:3:5`."""


def timeline_of(where: Where, stem: Stem, files: Sequence[AudioFile], clock: Clock, bus: Layout) -> Timeline:
    """Place a stem's clips; `files` are those of `stem.timeline`, in its order, looked at.

    Raises ProjectError, naming `where`, clip and file, where a clip passes its file's end, begins before the programme,
    lies within another or is shorter than its fades; where the clips' files differ in layout; where a pan is of no mono
    stem.
    """
    spots = spots_of(where, stem)
    pieces = [
        (spot, _piece(spot, clip, audio, clock)) for spot, clip, audio in zip(spots, stem.timeline, files, strict=True)
    ]
    pieces.sort(key=lambda placed: placed[1].at)
    first = pieces[0][1]
    for spot, piece in pieces[1:]:
        if piece.audio.layout != first.audio.layout:
            spot.refuse(
                "",
                f"{piece.audio.path} is {piece.audio.layout.name} and {first.audio.path} of {first.name} is "
                f"{first.audio.layout.name}; the clips of a stem must have the same layout",
            )
    layout = first.audio.layout
    if (stem.pan or stem.automation.pan) and layout != MONO:
        place: Place = ("pan",) if stem.pan else ("automation", "pan")
        has = f"has {layout.channels} channels ({layout.name})"
        raise ProjectError(f"{where(place)}: stem {stem.id!r}: pan: is for mono stems, and {first.audio.path} {has}")
    gain_db, pan = (
        tuple((clock.position(point.at), point.value) for point in points)
        for points in (stem.automation.gain_db, stem.automation.pan)
    )
    if pan:
        layout = SURROUND_3_0 if "C" in bus.labels else STEREO if "R" in bus.labels else MONO
        pan = () if layout == MONO else pan
    return Timeline(clock.rate_hz, _crossfaded(pieces, stem.crossfade), gain_db, pan, layout)


@dataclass(frozen=True)
class Spot:
    """Where something may be wrong: a clip of a stem, or its one file."""

    where: Where
    stem: str
    clip: str
    """For people: its number, or its id; empty of a stem in one file."""
    place: Place
    """Below the stem."""

    def told(self, field: str, message: str) -> str:
        """One line of a complaint of one of its fields; of an empty one, of it as a whole."""
        place = (*self.place, field) if field else self.place
        parts = [self.where(place), f"stem {self.stem!r}", self.clip, field, message]
        return ": ".join(part for part in parts if part)

    def refuse(self, field: str, message: str) -> NoReturn:
        raise ProjectError(self.told(field, message))


def spots_of(where: Where, stem: Stem) -> list[Spot]:
    """Of each clip of `stem.timeline`."""
    if stem.clips is None:
        return [Spot(where, stem.id, "", ())]
    return [
        Spot(where, stem.id, f"clip {index + 1}" if clip.id is None else f"clip {clip.id!r}", ("clips", index))
        for index, clip in enumerate(stem.clips)
        if not clip.mute
    ]


def _piece(spot: Spot, clip: Clip, audio: AudioFile, clock: Clock) -> Piece:
    reference = time_reference_of(audio)
    pull = Fraction(clip.pull or 1)
    own = clock.of_file(audio.sample_rate, pull)
    first = _in_file(spot, "in", clip.start, audio, own, reference)
    end = audio.frames if clip.end is None else _in_file(spot, "out", clip.end, audio, own, reference)
    for name, typed, frame in (("in", clip.start, first), ("out", clip.end, end)):
        past = audio.frames is not None and frame is not None and frame > audio.frames - (name == "in")
        if typed is not None and past and audio.frames is not None:
            long_s = audio.frames / audio.sample_rate
            spot.refuse(
                name,
                f"{as_typed(typed)} lies past the end of {audio.path}, which is {long_s:g} s long "
                f"({audio.frames} samples)",
            )
    if end is not None and end <= first:
        ends = as_typed(clip.end if clip.end is not None else 0.0)
        spot.refuse("out", f"{ends} must lie after 'in' ({as_typed(clip.start)}) in {audio.path}")
    frames = None if end is None else _length(audio, first, end, pull, clock.rate_hz)
    fades = [
        None if fade is None else Ramp(clock.length(fade.length), fade.shape) for fade in (clip.fade_in, clip.fade_out)
    ]
    fade_in, fade_out = (None if ramp is None or not ramp.samples else ramp for ramp in fades)
    taken = sum(ramp.samples for ramp in (fade_in, fade_out) if ramp is not None)
    if taken and frames is None:
        spot.refuse("", f"{audio.path} does not say how long it is: a clip that fades needs an 'out'")
    if frames is not None and taken > frames:
        spot.refuse("", f"its fades take {taken} samples, but it has only {frames} of {audio.path}; expected less")
    at = _begins(spot, clip, audio, clock, own, reference, first)
    return Piece(spot.clip, audio, first, at, frames, gain_from_db(clip.gain_db), pull, fade_in, fade_out)


def time_reference_of(audio: AudioFile) -> int | None:
    """Where a file says that it begins, in its own samples since midnight; None where it does not say, which is what
    recorders without a clock write as 0."""
    files = audio.files
    said = {file.wave.broadcast.time_reference for file in files if file.wave is not None and file.wave.broadcast}
    return said.pop() or None if len(said) == 1 else None


def _in_file(spot: Spot, name: str, time: str | float, audio: AudioFile, own: Clock, reference: int | None) -> int:
    """The frame of a file that a time means; `own` is what the file counts by."""
    if not isinstance(time, str) or not has_frames(time):
        return own.length(time)
    if reference is None:
        spot.refuse(
            name,
            f"{time} is a timecode, but {audio.path} has no time reference to count it from; expected seconds or "
            "samples from its beginning",
        )
    if own.frame_rate is None:
        spot.refuse(
            name,
            f"{time} is a timecode, but no frame rate becomes the project's by the pull of {audio.path}; "
            "expected seconds or samples from its beginning",
        )
    try:
        since = own.since(reference, own.length(time))
    except ValueError as fault:
        spot.refuse(name, str(fault))
    if since < 0:
        begins = own.told_at(Fraction(reference, own.rate_hz))
        spot.refuse(name, f"{time} lies before the beginning of {audio.path}, {begins}")
    return since


def _length(audio: AudioFile, first: int, end: int | None, pull: Fraction, rate_hz: int) -> int | None:
    """Samples of the programme that frames [first, end) of a file take: every one that lies within them."""
    return None if end is None else math.ceil((end - first) * rate_hz / (audio.sample_rate * pull))


def _begins(
    spot: Spot, clip: Clip, audio: AudioFile, clock: Clock, own: Clock, reference: int | None, first: int
) -> int:
    if clip.at is not None:
        return clock.position(clip.at)
    if reference is None:
        return 0
    since = own.since_start(reference + first)
    if since < 0:
        said = own.told_at(Fraction(reference + first, own.rate_hz))
        spot.refuse(
            "",
            f"begins before the programme: {audio.path} has a time reference of {said}, and the programme starts at "
            f"{own.told_start}; expected an 'at'",
        )
    return round(Fraction(since * clock.rate_hz, own.rate_hz) / Fraction(clip.pull or 1))


def _crossfaded(placed: Sequence[tuple[Spot, Piece]], shape: FadeShape) -> tuple[Piece, ...]:
    """Pieces, in order, with a crossfade where two overlap; an edge that has a fade of its own keeps it."""
    for spot, one in placed[:-1]:
        if one.frames is None:
            spot.refuse("", f"{one.audio.path} does not say how long it is; expected an 'out'")
    done = [piece for _, piece in placed]
    for index, ((_, one), (spot, after)) in enumerate(pairwise(placed)):
        if after.at >= one.end:
            continue
        if after.frames is None or after.end <= one.end or after.at == one.at:
            spot.refuse(
                "",
                f"{after.audio.path} lies within {one.name} ({one.audio.path}); expected two clips that overlap to do "
                "so at the end of one and the beginning of the other",
            )
        if index and done[index - 1].end > after.at:
            spot.refuse("", f"{after.audio.path} overlaps two clips before it; expected one")
        crossed = Ramp(one.end - after.at, shape)
        before = done[index]
        done[index] = before if before.fade_out is not None else replace(before, fade_out=crossed)
        done[index + 1] = after if after.fade_in is not None else replace(after, fade_in=crossed)
    return tuple(done)
