"""Quality control of files that were made elsewhere: measured, judged and looked through in one reading."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from stemmix.engine.measure import looked_at, measured_audio
from stemmix.engine.qc import QcWatch
from stemmix.engine.specification import judged
from stemmix.errors import StemError
from stemmix.files.audio import inspect
from stemmix.model.layouts import Layout
from stemmix.model.presets import Specification
from stemmix.model.receipt import ExaminedFile
from stemmix.units import seconds_from_samples


def examined_files(
    paths: Sequence[Path],
    specification: Specification | None = None,
    layout: Layout | None = None,
    threads: int = 2,
    told: Callable[[float], None] = lambda share: None,
) -> list[ExaminedFile | StemError]:
    """How each file comes out, in order; what is wrong with one that cannot be read in its place.

    `layout` overrides what the files say of themselves; `told` hears what share of all was read since. The findings are
    the same for any number of threads.
    """

    def look(path: Path, told: Callable[[float], None], of_each: int) -> ExaminedFile:
        return examined(path, specification, layout, told, of_each)

    return looked_at(paths, look, threads, told, "qc")


def examined(
    path: Path,
    specification: Specification | None = None,
    layout: Layout | None = None,
    told: Callable[[float], None] = lambda share: None,
    threads: int = 2,
) -> ExaminedFile:
    """One file: what `specification` asks, where there is one, then what `QcWatch` looks for.

    Raises StemError where it cannot be read, or has another number of channels than `layout`.
    """
    audio = inspect(path, layout, to_mix=False)
    watch = QcWatch(audio.sample_rate, audio.layout)
    file = measured_audio(audio, watch.lanes, told, threads)
    asked = []
    if specification is not None:
        asked = judged(
            file.measured,
            specification,
            audio.layout,
            sample_rate=audio.sample_rate,
            bits=_bits_of(audio.codec),
            duration_s=seconds_from_samples(file.frames, file.sample_rate),
        )
    name = None if specification is None else specification.name
    return ExaminedFile(file=file, preset=name, findings=(*asked, *watch.findings()))


def _bits_of(codec: str) -> int | None:
    """How many bits a sample is stored in; None for codecs that store no samples.

    >>> _bits_of("PCM_24"), _bits_of("FLOAT_32"), _bits_of("VORBIS")
    (24, 32, None)
    """
    found = re.fullmatch(r"(?:PCM|FLOAT)_[SU]?(\d+)", codec)
    return int(found[1]) if found else None
