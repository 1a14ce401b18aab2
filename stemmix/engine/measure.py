"""Files measured as they stand on the disk, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from stemmix.crew import Crew, Hearers, ahead, frames_heard_at_once, shared_out
from stemmix.dsp.meters import Meter
from stemmix.errors import StemError
from stemmix.files.audio import AudioFile, AudioReader, Samples, inspect
from stemmix.files.paths import is_there
from stemmix.model.cinema import replay_db_spl
from stemmix.model.layouts import Layout
from stemmix.model.receipt import Measured, MeasuredFile
from stemmix.stopping import Pool

Looked = TypeVar("Looked")


def measured_files(
    paths: Sequence[Path],
    layout: Layout | None = None,
    threads: int = 2,
    told: Callable[[float], None] = lambda share: None,
) -> list[MeasuredFile | StemError]:
    """Everything a meter reads on each file, in order; what is wrong with a file in its place.

    `layout` overrides what the files say of themselves; `told` hears what share of all was read since. The readings are
    the same for any number of threads.
    """

    def measured(path: Path, told: Callable[[float], None], of_each: int) -> MeasuredFile:
        return measured_in_full(path, layout, told, of_each)

    return looked_at(paths, measured, threads, told, "measure")


def looked_at(
    paths: Sequence[Path],
    look: Callable[[Path, Callable[[float], None], int], Looked],
    threads: int,
    told: Callable[[float], None],
    name: str,
) -> list[Looked | StemError]:
    """What `look` makes of each file, in order; a StemError in the place of one that it cannot be made of.

    It is given the file, what hears the share of it that was read since, and its threads, of which there are `threads`
    for all; `told` hears the share of all.
    """
    at_once, of_each = shared_out(threads, len(paths))

    def look_or_why_not(path: Path, told: Callable[[float], None]) -> Looked | StemError:
        try:
            return look(path, told, of_each)
        except StemError as fault:
            return fault

    with Pool(at_once, name) as pool:
        return list(pool.map(look_or_why_not, paths, _told_by(paths, told)))


def _told_by(paths: Sequence[Path], told: Callable[[float], None]) -> list[Callable[[float], None]]:
    """For each file, what hears its share and tells the share of all, by their sizes."""
    sizes = [path.stat().st_size if is_there(path) else 0 for path in paths]
    whole = max(sum(sizes), 1)
    return [lambda share, size=size: told(share * size / whole) for size in sizes]  # type: ignore[misc]


def measured_in_full(
    path: Path, layout: Layout | None = None, told: Callable[[float], None] = lambda share: None, threads: int = 2
) -> MeasuredFile:
    """Every measure of one file, Leq(m), noise floor and PSR among them.

    Raises StemError where it cannot be read, or has another number of channels than `layout`.
    """
    return measured_audio(inspect(path, layout, to_mix=False), told=told, threads=threads)


def measured_audio(
    audio: AudioFile,
    beside: Sequence[Callable[[Samples], None]] = (),
    told: Callable[[float], None] = lambda share: None,
    threads: int = 2,
) -> MeasuredFile:
    """The same of a file that was looked at; what stands `beside` hears every block, in order.

    Raises StemError where the file turns out to be unsound.
    """
    replay = replay_db_spl(audio.layout)
    meter = Meter(audio.sample_rate, audio.layout.weights, noise_floor=True, psr=True, replay_db_spl=replay)
    frames = 0
    lanes = (*meter.lanes, *beside)
    with AudioReader(audio) as reader, Crew(threads, "meter") as crew:
        hearers = Hearers(crew)
        for block in ahead(crew, partial(reader.read, frames_heard_at_once(audio.layout.channels))):
            frames += len(block)
            share = len(block) / max(audio.frames or 0, frames)
            hearers.give([partial(lane, block) for lane in lanes], partial(told, share))
        hearers.catch_up()
    measured = Measured.of(meter.read()).rounded()
    if replay is None:
        reason = f"ISO 21727 does not give a replay level for every channel of {audio.layout.name}"
        measured = measured.model_copy(update={"reasons": measured.reasons | {"leq_m_db": reason}})
    return MeasuredFile(
        path=str(audio.path),
        layout=audio.layout.name,
        sample_rate=audio.sample_rate,
        frames=frames,
        measured=measured,
        warnings=audio.warnings,
    )
