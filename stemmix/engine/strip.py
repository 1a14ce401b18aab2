"""One stem's chain in pass 2: its fader, then the cuts that the plan makes in it.

Mid and sides, (L + R) / sqrt 2 and (L - R) / sqrt 2, have gains of their own. They are zero-phase gains on a short-time
spectrum: they give the planned curve exactly, without phase shift, so that stems recorded together stay in phase, and
without the coefficients of a modulated biquad, which are not safe. What is subtracted is the cut itself,
y = x - ISTFT((1 - G) STFT(x)): where no cut is active the difference is nothing, and the stem passes bit for bit.

Decisions are made on the stereo fold. In a wider layout every pair of channels is cut by its own mid and sides, and a
centre by the mid's gains: a fold is a sum, so its mid and sides get exactly what was decided. LFE is no part of the
fold, and what lies under 120 Hz hides no speech: it follows the moves that set the level of the whole stem
(`moves.sets_level`) and no curve. So an effect keeps its balance when it is ducked, and its rumble when it is unmasked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp import cutting_kernels, kernels
from stemmix.dsp.dynamics import StemGains
from stemmix.dsp.fft import Transform
from stemmix.dsp.spectrum import Ruler, ruler
from stemmix.model.layouts import PAIRS, STEREO
from stemmix.units import gain_from_db

Floats = NDArray[np.float64]

SILENT_SAMPLES = 480
"""As long a run of exact zeros is digital silence: 10 ms at 48 kHz."""

FRAMES_AT_ONCE = 32
"""Frames are made in batches that begin at fixed samples, so that the last bits do not depend on the blocks."""


class Strip:
    """Streaming: `process` gives as many samples as it takes, `latency_samples` late; `flush` gives the rest.

    The programme is silent before its first sample and after its last. A batch of FRAMES_AT_ONCE frames, a hop of half
    a window apart, is transformed when the last sample of its last frame is there.
    """

    def __init__(
        self,
        gains: StemGains,
        gain_db: float,
        rate_hz: int,
        labels: Sequence[str] = STEREO.labels,
        level: StemGains | None = None,
    ) -> None:
        """`labels` of the channels, of which pairs come whole and side by side; `level`: gains that LFE follows."""
        self.labels = tuple(labels)
        self._ruler: Ruler = ruler(rate_hz)
        self._fader = gain_from_db(gain_db)
        size = self._ruler.window_samples
        self._hop = size // 2
        self._batch = FRAMES_AT_ONCE * self._hop
        self._needed = self._batch + size
        self.latency_samples = self._needed
        # waiting[0] is programme sample `_begin`; frame f of a batch is centred on sample (batch * 32 + f) * hop
        self._waiting = np.zeros((self._hop, len(labels)))
        # what is made first begins half a window before the programme
        self._ready = np.zeros((self.latency_samples - self._hop, len(labels)))
        self._batches = 0
        parts = _parts_of(labels, self._ruler)
        self._parts = [(gains, [part for part in parts if part.label != "LFE"])]
        if level is not None:
            self._parts.append((level, [part for part in parts if part.label == "LFE"]))

    def process(self, block: Floats) -> Floats:
        """(n, channels) samples in, (n, channels) out, `latency_samples` late."""
        if not len(block):
            return block
        arrived = block if self._fader == 1.0 else block * self._fader
        self._waiting = np.concatenate((self._waiting, arrived))
        made = [self._ready]
        while len(self._waiting) >= self._needed:
            made.append(self._next_batch())
        ready = np.concatenate(made)
        self._ready = ready[len(block) :]
        return ready[: len(block)]

    def flush(self) -> Floats:
        """The last `latency_samples` samples."""
        return self.process(np.zeros((self.latency_samples, len(self.labels))))

    def _next_batch(self) -> Floats:
        """The `_batch` samples from the batch's first frame's start on; shifts the waiting input by as much."""
        first = self._batches * self._batch
        heard = self._waiting[: self._needed]
        out = heard[: self._batch].copy()
        for gains, parts in self._parts:
            gain_db = None
            if parts and not gains.idle(first - self._hop, first + self._batch):
                gain_db = gains.at(first + np.arange(FRAMES_AT_ONCE, dtype=np.float64) * self._hop)
            for part in parts:
                removed = part.removed(np.ascontiguousarray(heard[:, part.columns]), gain_db)
                out[: len(removed), part.columns] -= removed
        self._waiting = self._waiting[self._batch :]
        self._batches += 1
        return out


def _parts_of(labels: Sequence[str], rule: Ruler) -> list[_Part]:
    """The channels as they are cut: pairs together, the others one by one."""
    right = dict(PAIRS)
    lefts = {index for index, label in enumerate(labels) if right.get(label) in labels[index + 1 : index + 2]}
    losses = _Losses(rule)
    parts: list[_Part] = []
    for index, label in enumerate(labels):
        if index in lefts:
            parts.append(_Pair(label, slice(index, index + 2), rule, losses))
        elif index - 1 not in lefts:
            parts.append(_Single(label, slice(index, index + 1), rule, losses))
    return parts


class _Part(ABC):
    """What the cuts take from some channels, batch by batch.

    Digital silence is kept in each part by itself: what rings ahead of a sound in the front is not to wake the rear.
    """

    def __init__(self, label: str, columns: slice, rule: Ruler, losses: _Losses) -> None:
        self.label = label
        """Of its first channel."""
        self.columns = columns
        self._losses = losses
        self._hop = rule.window_samples // 2
        self._batch = FRAMES_AT_ONCE * self._hop
        self._overlap = np.zeros((self._hop, columns.stop - columns.start))
        self._silent_before = 0
        """Samples of digital silence that stand before the batch."""

    def removed(self, heard: Floats, gain_db: Floats | None) -> Floats:
        """What goes from the beginning of (batch + window, channels) at (frames, 72) gains, if any are at work.

        A batch, or half a window of what the batch before still takes where this one takes nothing.
        """
        rows = np.empty(0, np.int64) if gain_db is None else np.flatnonzero(gain_db.any(axis=1))
        # a channel that is silent all through has nothing that could be cut
        if gain_db is not None and len(rows) and heard.any():
            taken = np.zeros((self._batch + self._hop, heard.shape[1]))
            self._cut(heard, gain_db[rows], rows, taken)
            kernels.keep_silent(heard, self._silent_before, SILENT_SAMPLES, taken)
            self._mend(heard, gain_db[rows], taken)
            taken[: self._hop] += self._overlap
            lost, self._overlap = taken[: self._batch], taken[self._batch :]
        else:
            lost, self._overlap = self._overlap, np.zeros_like(self._overlap)
        silent = kernels.silence_at_end(heard[: self._batch])
        self._silent_before = silent + (self._silent_before if silent == self._batch else 0)
        return lost

    @abstractmethod
    def _cut(self, heard: Floats, gain_db: Floats, rows: NDArray[np.int64], taken: Floats) -> None:
        """Add up what frames `rows` lose at their gains (rows, 72)."""

    @abstractmethod
    def _mend(self, heard: Floats, gain_db: Floats, taken: Floats) -> None:
        """Put right what the transform did besides."""


class _Pair(_Part):
    """Left and right, in one complex transform of L + jR."""

    def _cut(self, heard: Floats, gain_db: Floats, rows: NDArray[np.int64], taken: Floats) -> None:
        self._losses.add(heard, gain_db, rows, taken)

    def _mend(self, heard: Floats, gain_db: Floats, taken: Floats) -> None:
        if np.array_equal(gain_db[:, :BAND_COUNT], gain_db[:, BAND_COUNT:]):
            # of two channels in one transform, a silent one would take up the other's last bits
            taken[:, ~heard.any(axis=0)] = 0.0


class _Single(_Part):
    """A channel by itself, at the mid's gains: a centre, or LFE."""

    def _cut(self, heard: Floats, gain_db: Floats, rows: NDArray[np.int64], taken: Floats) -> None:
        # beside silence, which at equal gains of mid and sides takes nothing of it
        pair, lost = np.zeros((len(heard), 2)), np.zeros((len(taken), 2))
        pair[:, 0] = heard[:, 0]
        mid_db = gain_db[:, :BAND_COUNT]
        self._losses.add(pair, np.concatenate((mid_db, mid_db), axis=1), rows, lost)
        taken[:, 0] += lost[:, 0]

    def _mend(self, heard: Floats, gain_db: Floats, taken: Floats) -> None:
        """Nothing: it shares its transform with no other channel."""


class _Losses:
    """What frames of a pair lose at gains, in room that is taken once: parts come one after the other."""

    def __init__(self, rule: Ruler) -> None:
        self._ruler = rule
        self._transform = Transform(rule.window_samples, np.float64)
        self._lost = np.zeros((2, len(rule.bin_hz), self._transform.lanes))

    def add(self, heard: Floats, gain_db: Floats, rows: NDArray[np.int64], taken: Floats) -> None:
        """Add to taken (n, 2) what frames `rows` of heard (n, 2) lose at their gains (rows, 72)."""
        rule, transform = self._ruler, self._transform
        re, im, work_re, work_im = transform.planes
        cutting_kernels.add_losses_of_pair(
            heard,
            rule.window_samples // 2,
            rule.window,
            rows,
            gain_db,
            rule.lower_band,
            rule.upper_share,
            transform.radices,
            transform.table,
            re,
            im,
            work_re,
            work_im,
            self._lost,
            taken,
        )
