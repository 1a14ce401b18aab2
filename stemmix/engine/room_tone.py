"""Does muting the dialogue leave a hole? Production sound brings its room along; an M&E falls silent without it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemmix.engine.gauge import Programme
from stemmix.model.receipt import Finding

Floats = NDArray[np.float64]

BINS_PER_SECOND = 10
TONE_PERCENTILE = 25
"""Of the power of dialogue stems where nobody speaks and they are not silent: breaths and steps stand above it, fades
below. Of every tenth of a second its mean is left out: an offset of a recorder's is no room."""
AWAY_S = 0.3
"""So near to a line its ends and its reverberation still sound."""
HEARD_DBFS = -70.0
"""A room under this, at the master's gain, is not missed: 35 dB SPL in a cinema, which is not more quiet itself."""
UNDER_DB = 6.0
"""So far under the dialogue's room the rest is a hole."""
LEAST_S = 0.5
SILENT = 1e-12
SPANS_TOLD = 20


class RoomTone:
    """Hears the dialogue stems and everything else, at the same time; memory grows by 16 bytes per 100 ms."""

    def __init__(self, rate_hz: int, programme: Programme) -> None:
        """`programme`: what is heard of the file, and where somebody speaks."""
        self._programme = programme
        self._rate_hz = rate_hz
        self._size = rate_hz // BINS_PER_SECOND
        self._rest: list[Floats] = [np.zeros((0, 0)), np.zeros((0, 0))]
        self._powers: tuple[list[Floats], list[Floats]] = ([], [])

    def process(self, dialogue: Floats, others: Floats) -> None:
        """Hear (n, channels) samples of both, of the programme alone."""
        for side, block in enumerate((dialogue, others)):
            samples = np.concatenate((self._rest[side], block)) if len(self._rest[side]) else block
            whole = len(samples) // self._size * self._size
            bins = samples[:whole].reshape(-1, self._size, block.shape[1])
            self._powers[side].append(bins.var(axis=1).mean(axis=1))
            self._rest[side] = samples[whole:].copy()

    @property
    def powers(self) -> tuple[Floats, Floats]:
        """(tenths of a second,) of the dialogue stems and of all others: all that is known of what was heard."""
        dialogue, others = (np.concatenate(powers) if powers else np.zeros(0) for powers in self._powers)
        return dialogue, others

    def recall(self, dialogue: Floats, others: Floats) -> None:
        """Take up `powers` that were heard before."""
        self._powers = [dialogue], [others]

    def finding(self, gain_db: float) -> Finding | None:
        """What is to be said of an M&E at this gain; None where there is no hole."""
        dialogue, others = self.powers
        sounds = dialogue > SILENT
        room = dialogue[sounds & self._away_from_lines(len(dialogue))]
        if len(room) < LEAST_S * BINS_PER_SECOND:
            return None
        tone = float(np.percentile(room, TONE_PERCENTILE))
        tone_dbfs = 10.0 * np.log10(tone) + gain_db
        if tone_dbfs < HEARD_DBFS:
            return None
        hole = np.concatenate(([False], sounds & (others < tone * 10.0 ** (-UNDER_DB / 10.0)), [False]))
        edges = np.flatnonzero(hole[1:] != hole[:-1]).reshape(-1, 2) * (self._size / self._rate_hz)
        spans = [(float(start), float(end)) for start, end in edges if end - start >= LEAST_S]
        if not spans:
            return None
        total_s = sum(end - start for start, end in spans)
        text = (
            f"falls silent for {total_s:.1f} s where the dialogue's room tone was ({tone_dbfs:.0f} dBFS): lay room tone"
        )
        first_s = self._programme.first / self._rate_hz
        return Finding(
            check="room_tone",
            verdict="warn",
            text=text,
            value=round(total_s, 1),
            at_s=tuple((round(first_s + start, 1), round(first_s + end, 1)) for start, end in spans[:SPANS_TOLD]),
        )

    def _away_from_lines(self, bins: int) -> NDArray[np.bool_]:
        """(bins,) whether nobody speaks in it or near it."""
        away = np.ones(bins, dtype=bool)
        margin = AWAY_S * self._rate_hz
        for start, end in self._programme.speech_inside:
            away[max(int((start - margin) / self._size), 0) : int((end + margin) / self._size) + 1] = False
        return away
