"""Pass 1's numbers: what is heard in each stem.

A stem's features are a document (facts that are few) and frames (50 a second, many numbers each). Frames are kept as
centibels in 16 bits, on disk when they come from audio: a two-hour stem takes 60 MB there and none in memory, and what
is decided from a cached scan is what is decided from a fresh one, to the bit.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stemmix.model.document import Document, item
from stemmix.model.profiles import TALK, Role
from stemmix.model.receipt import Measured

Floats = NDArray[np.float64]

FEATURES_VERSION = 12
"""Counts up whenever a scan of the same file gives other numbers, or they are kept in another form: cached features
of another version are void."""

COLUMNS = {
    "total": slice(0, 36),
    "mid": slice(36, 72),
    "classic": slice(72, 79),
    "flatness": slice(79, 80),
    "flux": slice(80, 81),
    "extent": slice(81, 83),
    "centroid": slice(83, 84),
    "rolloff": slice(84, 85),
}
"""What stands where in a frame's row. All but `centroid` and `rolloff` (Hz) are levels in hundredths of a dB; `extent`
is how far samples go above and below zero."""

COLUMN_COUNT = 85
LOWEST_CENTIBEL = -20_000
AHEAD = 1024
"""Rows that are read at once, 20 s: 170 kB for each stem and thread."""
FADED = frozenset(("total", "mid", "classic", "extent"))
"""Columns that a fader moves: the others describe the sound whatever its level."""


@lru_cache(maxsize=64)
def _power_of_centibel(gain_db: float) -> Floats:
    """(65536,) power by centibels, negative ones from the end, as an index has it; a fader does not raise silence."""
    centibels = np.roll(np.arange(-32768, 32768), 32768)
    gain = np.where(centibels > LOWEST_CENTIBEL, 10.0 ** (gain_db / 10.0), 1.0)
    return np.asarray(10.0 ** (centibels / 1000.0) * gain)


class FrameSource(Protocol):
    """Rows of features by frame number, wherever they are kept."""

    @property
    def count(self) -> int:
        """Number of frames."""
        ...

    def rows(self, start: int, stop: int) -> NDArray[np.int16]:
        """(stop - start, 85) rows, not to be written to; frames that do not exist are silent."""
        ...


class _Held(threading.local):
    """Rows that a thread has at hand."""

    def __init__(self) -> None:
        self.start = 0
        self.rows = silent_rows(0)


class Frames:
    """A stem's frames on the programme's grid: frame t is centred on programme sample t * hop.

    `first` is the frame number on the programme of the stem's own frame 0; `gain_db` is the stem's fader, so that
    everyone hears levels as they stand in the mix.
    """

    def __init__(self, source: FrameSource, first: int = 0, gain_db: float = 0.0) -> None:
        self._source = source
        self._first = first
        self._gain_db = gain_db
        self._held = _Held()

    @property
    def end(self) -> int:
        """Programme frame number after the stem's last."""
        return self._first + self._source.count

    def level_db(self, column: str, start: int, stop: int) -> Floats:
        """(stop - start, width) levels in dB at programme frames; -200 where the stem is silent or has ended."""
        rows = self.rows(start, stop)[:, COLUMNS[column]]
        levels = np.asarray(rows * 0.01, np.float64)
        if column in FADED:
            levels[rows > LOWEST_CENTIBEL] += self._gain_db
        return levels

    def power(self, column: str, start: int, stop: int) -> Floats:
        """Power of the levels of a column that the fader moves: 1 is full scale."""
        return np.asarray(self.power_of_level[self.rows(start, stop)[:, COLUMNS[column]]])

    def rows(self, start: int, stop: int) -> NDArray[np.int16]:
        """(stop - start, 85) rows at programme frames, before the fader; not to be written to.

        Who asks goes through the programme in order: what is read ahead is mostly what is asked for next.
        """
        held = self._held
        if start < held.start or stop > held.start + len(held.rows):
            held.start, held.rows = (
                start,
                self._source.rows(start - self._first, max(stop, start + AHEAD) - self._first),
            )
        return held.rows[start - held.start : stop - held.start]

    @property
    def power_of_level(self) -> Floats:
        """(65536,) power behind the fader by the level in a row, 1 full scale; negative levels count from the end.

        The logarithm's inverse is dear, and there are only so many hundredths of a dB.
        """
        return _power_of_centibel(self._gain_db)


def silent_rows(count: int) -> NDArray[np.int16]:
    """(count, COLUMN_COUNT) rows of silence."""
    rows = np.full((max(count, 0), COLUMN_COUNT), LOWEST_CENTIBEL, np.int16)
    for name in ("flux", "centroid", "rolloff"):
        rows[:, COLUMNS[name]] = 0
    return rows


@dataclass(frozen=True)
class Look:
    """What only the file's own samples show, before they are folded and brought to the programme's rate."""

    dc: float
    """Mean of the samples, of the channel that is furthest off."""
    clipped_runs: int
    """Runs of three or more samples at full scale."""
    first_clipped: int | None
    """Frame, at the file's rate, at which the first of them begins."""


@item
class Onset:
    """A sudden rise of energy."""

    at: int
    """Sample, from the stem's own start."""
    strength_db: float
    """Mean rise over the bands within 20 ms, with what of it is spread over the 20 ms beside."""


@item
class Span:
    """A stretch of time: [start, end) in samples."""

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]


class Tonal(Document):
    """Pitch and rhythm of a stem, where they were asked for."""

    tempo_bpm: float | None
    """None where no beat was found."""
    beats_s: tuple[float, ...]
    """Times of the beats, from the stem's start."""
    pitch_hz: tuple[float | None, ...]
    """Ten a second; None where the stem is faint, or what is heard is no tone, or one above 1050 Hz."""


class StemFacts(Document):
    """What is true of a stem as a whole. Times are samples at the programme's rate from the stem's own start."""

    version: int = FEATURES_VERSION
    sample_rate: int
    """The programme's, in Hz."""
    frames: int
    """Length in samples at that rate."""
    lead_samples: int
    """Samples of silence put before the stem, less than a hop, so that its frames lie on the programme's grid."""
    source_rate: int
    source_layout: str
    measured: Measured
    """Loudness of the stereo fold, before the fader. Peaks are the file's own where a side is one channel of it, as of
    mono, wherever it is placed, and stereo; of wider layouts, and of mono whose pan moves, they are the fold's."""
    dc: float
    """Mean of the samples, the worst channel."""
    clipped_runs: int
    """Runs of three or more samples at full scale."""
    noise_floor_db: float
    """Level that the quietest tenth of the audible frames stays under, in dBFS."""
    classic_rms_db: tuple[float, ...]
    """RMS in the seven classic bands, both channels, in dBFS."""
    centroid_hz: float
    """Mean spectral centroid of the audible frames, weighted by power."""
    flatness: float
    """Mean spectral flatness of the same."""
    rolloff_hz: float
    """Mean spectral rolloff (85 % of the magnitude) of the same."""
    onsets: tuple[Onset, ...]
    """In time."""
    active: tuple[Span, ...]
    """Where it has something to be heard, whatever that is: about as loud as it ever is, or standing out."""
    spoken: tuple[Span, ...]
    """Where somebody would be heard to talk: what stands out from its room, and is more than keys, steps or a clock."""
    warnings: tuple[str, ...]

    def heard_as(self, role: Role) -> tuple[Span, ...]:
        """Where a stem of such a role has something to be heard: where somebody talks, its lines."""
        return self.spoken if role in TALK else self.active

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear: no sample of the stem differs from zero."""
        return self.measured.sample_peak_dbfs is None


class FileFacts(StemFacts):
    """Facts of a stem, and what they are true of."""

    sha256: str
    """Of the file."""
