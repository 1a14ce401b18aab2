"""Where stems stood when they were recorded: what their files say of the time of day becomes a project's timeline.

A broadcast WAVE file says in its time reference when its first sample was, in samples since midnight; 0 is what
recorders without a clock write, and counts as nothing said.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, get_args

from stemmix.files.audio import AudioFile
from stemmix.files.timeline import time_reference_of
from stemmix.model.stems import Stem
from stemmix.model.timecode import (
    DAY_S,
    FRAME_RATES,
    FrameRate,
    as_typed,
    is_drop_frame,
    samples_from_frames,
    timecode_from_frames,
)

LONG_GAP_S = 3600
"""Stems that begin farther apart are seldom meant to stand in one programme."""


class Placing(NamedTuple):
    """What a project says of its times, so that every stem stands where its file says."""

    frame_rate: FrameRate | None = None
    start: str | float | None = None
    """The earliest of them: a timecode where it falls on a frame, else seconds since midnight."""
    at: tuple[float | None, ...] = ()
    """Of each file: 0 where it says nothing and others do; where none does, nothing is said of any."""
    notes: tuple[str, ...] = ()

    def stems_at(self, stems: Sequence[Stem]) -> tuple[Stem, ...]:
        """The stems of these files, in their order, each with its place."""
        if not self.at:
            return tuple(stems)
        return tuple(stem.model_copy(update={"at": at}) for stem, at in zip(stems, self.at, strict=True))


def placed(files: Sequence[AudioFile], rate_hz: int, frame_rate: FrameRate | None = None) -> Placing:
    """Where the files of a folder stand, in a programme at `rate_hz`.

    `frame_rate` is one that is settled already; else it is what the files agree on. A file without a reference is put
    at the programme's beginning, and that is said.
    """
    said = {file.path: _reference_s(file) for file in files}
    known = {path: seconds for path, seconds in said.items() if seconds is not None and seconds < DAY_S}
    if not known:
        return Placing()
    known = _over_midnight(known)
    rate, notes = _frame_rate([file for file in files if file.path in known], frame_rate)
    first = min(known, key=lambda path: known[path])
    start = _start(known[first], rate, rate_hz)
    notes.append(
        f"stems are placed by their time references: the programme begins with {first.name}, at {as_typed(start)}"
    )
    apart_s = max(known.values()) - known[first]
    if apart_s >= LONG_GAP_S:
        last = max(known, key=lambda path: known[path])
        notes.append(f"{last.name} begins {float(apart_s) / 3600:.1f} hours later: does it belong to this programme?")
    for path in (file.path for file in files if file.path not in known):
        what = "no time reference" if said[path] is None else "a time reference past 24 hours"
        notes.append(f"{path.name} has {what}: placed at the programme's beginning (at: 0.0)")
    at = tuple(None if file.path in known else 0.0 for file in files)
    return Placing(rate, start, at, tuple(notes))


def _reference_s(file: AudioFile) -> Fraction | None:
    reference = time_reference_of(file)
    return None if reference is None else Fraction(reference, file.sample_rate)


def _over_midnight(known: dict[Path, Fraction]) -> dict[Path, Fraction]:
    """The same where a night is shot through: what is more than half a day before the latest is of the next day, if all
    of it lies within half a day then; else nothing is known of a night."""
    latest, half_s = max(known.values()), DAY_S // 2
    later = {path: seconds + DAY_S * (latest - seconds > half_s) for path, seconds in known.items()}
    return later if max(later.values()) - min(later.values()) <= half_s else known


def _frame_rate(files: Sequence[AudioFile], settled: FrameRate | None) -> tuple[FrameRate | None, list[str]]:
    """The rate of the picture, and what is to be said of it."""
    told: dict[str, str] = {}
    notes = []
    for file in files:
        wave = file.files[0].wave
        about = None if wave is None else wave.broadcast
        if about is None or about.frame_rate is None:
            continue
        rate = _named(about.frame_rate, drop=about.drop_frame)
        if rate is None:
            notes.append(f"{file.path.name}: counts {float(about.frame_rate):g} frames a second, which no project can")
        else:
            told.setdefault(rate, file.path.name)
    if settled is not None:
        others = {rate: name for rate, name in told.items() if rate != settled}
        notes += [f"{name} counts {rate} frames a second; the project {settled}" for rate, name in others.items()]
        return settled, notes
    if len(told) > 1:
        listed = ", ".join(f"{rate} in {name}" for rate, name in told.items())
        notes.append(f"the files do not agree on a frame rate ({listed}): none is written")
    rates = [rate for rate in get_args(FrameRate) if rate in told]
    return rates[0] if len(rates) == 1 else None, notes


def _named(rate: Fraction, *, drop: bool) -> str | None:
    """A frame rate by the name that people give it."""
    names = [name for name, known in FRAME_RATES.items() if known == rate]
    # a flag that its rate has no codes for says nothing
    return next((name for name in names if is_drop_frame(name) == drop), names[0] if names else None)


def _start(seconds: Fraction, frame_rate: str | None, rate_hz: int) -> str | float:
    if frame_rate is not None:
        frame = round(seconds * FRAME_RATES[frame_rate])
        if samples_from_frames(frame, frame_rate, rate_hz) == round(seconds * rate_hz):
            return timecode_from_frames(frame, frame_rate)
    return round(float(seconds), 9)
