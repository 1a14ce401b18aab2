"""Written files held against each other: do the printed parts add up to their parent?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemmix.errors import ProjectError, StemError
from stemmix.files.audio import AudioFile, AudioReader, inspect, inspect_discrete
from stemmix.files.documents import read_document
from stemmix.model.encodings import CODINGS
from stemmix.model.layouts import LAYOUTS
from stemmix.model.receipt import MASTERS, NULLTEST_SCHEMA, Null, Nulltest, Receipt, WrittenFile
from stemmix.units import db_from_gain, db_from_power

PARTS = ("stem", "group")
"""Kinds of written files that add up to their parent."""

BLOCK_FRAMES = 1 << 16
FLOAT_DBFS = -140.0
"""What may be left where everything is float: rounding."""
STEPS = 0.6
"""Of the coarsest quantiser: TPDF dither and rounding leave half a step RMS in every file, each on its own."""
PEAK_STEPS = 1.5
"""The dither takes a step at most, and rounding half of one."""
FLOAT_STEP = 2.0**-23
"""Of a float sample that is twice full scale."""


def nulltest(receipt_path: Path) -> Nulltest:
    """Add up the printed parts of every master in a receipt, as they stand on the disk, and take the master away.

    What is lossy adds up to nothing and is left out. Raises ProjectError where the receipt is none, or has no parts
    that could add up; StemError where a file cannot be read, or is not as long or as wide as the one that was written.
    """
    receipt = read_document(receipt_path, Receipt)
    masters = {file.deliverable: file for file in receipt.files if file.kind in MASTERS}
    parts: dict[tuple[str, str], list[WrittenFile]] = {}
    for file in receipt.files:
        if file.kind in PARTS and file.parent is not None:
            if file.parent not in masters:
                raise ProjectError(f"{receipt_path}: lists {file.path}, but not its master {file.parent!r}")
            parts.setdefault((file.parent, file.deliverable), []).append(file)
    whole = {
        (parent, deliverable): files
        for (parent, deliverable), files in parts.items()
        if not any(CODINGS[file.format].is_lossy for file in (masters[parent], *files))
    }
    if not whole:
        why = ": they are lossy" if parts else ""
        raise ProjectError(f"{receipt_path}: lists no printed stems that could add up to a master{why}")
    nulls = tuple(
        _null(receipt_path.parent, masters[parent], deliverable, files, receipt.sample_rate)
        for (parent, deliverable), files in whole.items()
    )
    return Nulltest(
        schema_=NULLTEST_SCHEMA,
        receipt=receipt_path.name,
        nulls=nulls,
        passed=all(null.passed for null in nulls),
    )


def _null(folder: Path, master: WrittenFile, deliverable: str, files: Sequence[WrittenFile], rate_hz: int) -> Null:
    power, judged, highest = 0.0, 0, 0.0
    with ExitStack() as opened:
        readers = [opened.enter_context(_reader(folder, file, rate_hz)) for file in (master, *files)]
        for start in range(0, master.frames, BLOCK_FRAMES):
            left, *others = (reader.read(BLOCK_FRAMES) for reader in readers)
            for other in others:
                left = left - other
            left = left[_free(master, start, len(left))]
            power += float((left * left).sum())
            judged += left.size
            highest = max(highest, float(np.abs(left).max(initial=0.0)))
    # what the limiter touched everywhere shows nothing
    residual_dbfs, peak_dbfs = (db_from_power(power / judged), db_from_gain(highest)) if judged else (None, None)
    limit_dbfs, peak_limit_dbfs = _limit_dbfs((master, *files)), _peak_limit_dbfs((master, *files))
    return Null(
        parent=master.path,
        deliverable=deliverable,
        parts=tuple(file.path for file in files),
        judged_share=round(judged / (master.frames * LAYOUTS[master.layout].channels), 4),
        residual_dbfs=None if residual_dbfs is None else round(residual_dbfs, 2),
        limit_dbfs=round(limit_dbfs, 2),
        peak_dbfs=None if peak_dbfs is None else round(peak_dbfs, 2),
        peak_limit_dbfs=round(peak_limit_dbfs, 2),
        passed=(
            residual_dbfs is not None
            and peak_dbfs is not None
            and residual_dbfs <= limit_dbfs
            and peak_dbfs <= peak_limit_dbfs
        ),
    )


def audio_of(folder: Path, file: WrittenFile) -> AudioFile:
    """A written file as it stands in a folder, to be read in WAVE order; StemError as of `inspect`."""
    if file.parts:
        return inspect_discrete({part.label: folder / part.path for part in file.parts})
    return inspect(folder / file.path, LAYOUTS[file.layout], file.order)


def _reader(folder: Path, file: WrittenFile, rate_hz: int) -> AudioReader:
    audio = audio_of(folder, file)
    if audio.frames != file.frames:
        raise StemError(f"{audio.path}: is {audio.frames} samples long, not the {file.frames} of the receipt")
    if audio.sample_rate != rate_hz:
        raise StemError(f"{audio.path}: is sampled at {audio.sample_rate} Hz, not at the {rate_hz} Hz of the receipt")
    return AudioReader(audio)


def _free(master: WrittenFile, start: int, count: int) -> NDArray[np.bool_]:
    """(count,) whether the limiter left each sample alone."""
    free = np.ones(count, dtype=bool)
    for first, after in master.limiting.spans if master.limiting else ():
        free[max(first - start, 0) : max(after - start, 0)] = False
    return free


def _limit_dbfs(files: Sequence[WrittenFile]) -> float:
    """What dither and rounding of the files with whole numbers may leave, each on its own."""
    steps = [2.0 ** (1 - bits) for file in files if (bits := CODINGS[file.format].bits) is not None]
    if not steps:
        return FLOAT_DBFS
    return max(db_from_gain(STEPS * max(steps) * math.sqrt(len(steps))), FLOAT_DBFS)


def _peak_limit_dbfs(files: Sequence[WrittenFile]) -> float:
    """The same of any one sample: the most that every file may be off, all at once."""
    bits = [CODINGS[file.format].bits for file in files]
    return db_from_gain(sum(FLOAT_STEP if one is None else PEAK_STEPS * 2.0 ** (1 - one) for one in bits))
