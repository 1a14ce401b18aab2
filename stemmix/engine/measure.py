"""Files measured as they stand on the disk, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from stemmix.dsp.meters import Meter
from stemmix.errors import StemError
from stemmix.files.audio import AudioFile, AudioReader, Samples, inspect
from stemmix.model.cinema import replay_db_spl
from stemmix.model.layouts import Layout
from stemmix.model.receipt import Measured, MeasuredFile
from stemmix.stopping import Pool

_BLOCK_FRAMES: Final = 1 << 15


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
    # three threads a file, one of which reads: more files than half the threads at once would only wait
    with Pool(max(1, (threads + 1) // 2), "measure") as pool:
        return list(pool.map(lambda path, told: _measured_or_why_not(path, layout, told), paths, told_by(paths, told)))


def told_by(paths: Sequence[Path], told: Callable[[float], None]) -> list[Callable[[float], None]]:
    """For each file, what hears its share and tells the share of all, by their sizes."""
    sizes = [path.stat().st_size if path.exists() else 0 for path in paths]
    whole = max(sum(sizes), 1)
    return [lambda share, size=size: told(share * size / whole) for size in sizes]  # type: ignore[misc]


def _measured_or_why_not(path: Path, layout: Layout | None, told: Callable[[float], None]) -> MeasuredFile | StemError:
    try:
        return measured_in_full(path, layout, told)
    except StemError as fault:
        return fault


def measured_in_full(
    path: Path, layout: Layout | None = None, told: Callable[[float], None] = lambda share: None
) -> MeasuredFile:
    """Every measure of one file, Leq(m), noise floor and PSR among them.

    Raises StemError where it cannot be read, or has another number of channels than `layout`.
    """
    return measured_audio(inspect(path, layout, to_mix=False), told=told)


def measured_audio(
    audio: AudioFile,
    beside: Sequence[Callable[[Samples], None]] = (),
    told: Callable[[float], None] = lambda share: None,
) -> MeasuredFile:
    """The same of a file that was looked at; what stands `beside` hears every block, in order, in a thread of its own.

    Raises StemError where the file turns out to be unsound.
    """
    replay = replay_db_spl(audio.layout)
    meter = Meter(audio.sample_rate, audio.layout.weights, noise_floor=True, psr=True, replay_db_spl=replay)
    frames = 0
    lanes = (*meter.lanes, *beside)
    with AudioReader(audio) as reader, Pool(len(lanes), "meter") as pool:
        block = reader.read(_BLOCK_FRAMES)
        while len(block):
            before, frames = frames, frames + len(block)
            heard = [pool.submit(lane, block) for lane in lanes]
            block = reader.read(_BLOCK_FRAMES)
            for lane in heard:
                lane.result()
            told((frames - before) / max(audio.frames or 0, frames))
    measured = Measured.of(meter.read()).rounded()
    if replay is None:
        reason = f"ISO 21727 gives no replay level for every channel of {audio.layout.name}"
        measured = measured.model_copy(update={"reasons": measured.reasons | {"leq_m_db": reason}})
    return MeasuredFile(
        path=str(audio.path),
        layout=audio.layout.name,
        sample_rate=audio.sample_rate,
        frames=frames,
        measured=measured,
        warnings=audio.warnings,
    )
