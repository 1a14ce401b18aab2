"""Markers onto the disk: a text beside nothing that is read, or the copy of a WAVE file that carries them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from stemmix.errors import StemError
from stemmix.files.audio import AudioFile, inspect
from stemmix.files.cues import LAST_FRAME, CuePoint, copy_with_cues
from stemmix.files.paths import clip_paths, resolved
from stemmix.files.projects import read_project
from stemmix.files.timeline import time_reference_of
from stemmix.model.evidence import HeardFacts
from stemmix.model.plan import Plan
from stemmix.model.progress import Progress
from stemmix.report.markers import Marker, plain
from stemmix.report.tables import clock, many
from stemmix.steps import Steps

_LONGER_S = 1.0
"""A tail may follow the programme, not more."""


def wave_to_mark(path: Path) -> AudioFile:
    """Look at a file whose copy is to get markers; a StemError where it is no sound WAVE file of PCM or float."""
    file = inspect(path, to_mix=False)
    if file.wave is None:
        is_now = f"is {file.container} ({file.codec})"
        raise StemError(f"{path}: {is_now}; expected a WAVE file of float samples, or PCM of 16 bits or more")
    return file


def copy_beside(path: Path) -> Path:
    """Where a marked copy goes that has no other name.

    >>> copy_beside(Path("out/mix.wav")).name
    'mix.markers.wav'
    """
    return path.with_name(f"{path.stem}.markers{path.suffix}")


def stem_in(file: AudioFile, project_path: Path, stems: Sequence[HeardFacts]) -> HeardFacts | None:
    """The first stem that is heard of the project whose sound begins with this file, whole or one of its channels, so
    that it begins where that does; None of any other file. Raises as `read_project`.
    """
    marked, heard = resolved(file.path), {stem.id: stem for stem in stems}
    for stem in read_project(project_path).heard:
        first, *others = stem.timeline
        is_as_it_is = not others and first.start == 0.0 and first.pull is None and stem.id in heard
        if is_as_it_is and marked in map(resolved, clip_paths(project_path, stem, first).values()):
            return heard[stem.id]
    return None


def write_marked(
    file: AudioFile,
    target: Path,
    plan: Plan,
    markers: Sequence[Marker],
    progress: Progress,
    stem: HeardFacts | None = None,
) -> tuple[str, ...]:
    """Write a copy of a WAVE file that has the markers, and say what a person should know of it.

    One that is a `stem` of the project begins where that stands. Of the others one that says where it begins, by its
    time reference, is marked from there on, where the programme has a start; any other begins with the programme.
    Markers that lie outside of it are left out, and said; what passes its beginning or its end is cut off there. Of one
    that lasts longer than the programme that is said: it may be another one's. Raises as `copy_with_cues`.
    """
    notes = []
    start_s = Fraction(plan.clock.start_samples, plan.sample_rate)
    reference = None if plan.start is None else time_reference_of(file)
    begins = 0 if reference is None else reference - round(start_s * file.sample_rate)
    if stem is not None:
        begins = round(Fraction(stem.at * file.sample_rate, plan.sample_rate))
        if begins:
            told = plan.clock.told(stem.at)
            notes.append(f"{file.path.name} is stem {stem.id}, which begins at {told}: it is marked from there on")
    elif begins and reference is not None:
        told = plan.clock.told_at(Fraction(reference, file.sample_rate))
        notes.append(f"{file.path.name} begins at {told}, by its time reference: it is marked from there on")
    frames = min(file.frames or 0, LAST_FRAME + 1)
    points = []
    for marker in markers:
        at, end = (
            round(Fraction(sample * file.sample_rate, plan.sample_rate)) - begins
            for sample in (marker.start, marker.end)
        )
        at = 0 if at < 0 < end else at
        if 0 <= at < frames:
            points.append(CuePoint(at, min(end, frames) - at, plain(marker.name), plain(marker.note)))
    longer_s = frames / file.sample_rate - plan.frames / plan.sample_rate
    if stem is None and not begins and longer_s > _LONGER_S:
        notes.append(
            f"{file.path.name} lasts {clock(frames, file.sample_rate)}, the programme "
            f"{clock(plan.frames, plan.sample_rate)}: is it another one's?"
        )
    if left_out := len(markers) - len(points):
        length = clock(frames, file.sample_rate)
        notes.append(f"{many(left_out, 'marker')} left out: outside {file.path.name}, which lasts {length}")
    steps = Steps(progress, {"write": 1.0})
    steps.expect("write", 1.0)
    copy_with_cues(file.path, target, points, lambda share: steps.advance("write", share))
    steps.end("write")
    return tuple(notes)
