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

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import cutting_kernels
from stemmix.dsp.cutting_kernels import LANES
from stemmix.dsp.dynamics import StemGains
from stemmix.dsp.fft import Transform
from stemmix.dsp.spectrum import Ruler, ruler
from stemmix.model.layouts import PAIRS, STEREO
from stemmix.units import gain_from_db

Floats = NDArray[np.float64]

SILENT_SAMPLES = 480
"""As long a run of exact zeros is digital silence: 10 ms at 48 kHz."""


class Strip:
    """Streaming: `process` gives as many samples as it takes, `latency_samples` late; `flush` gives the rest.

    The programme is silent before its first sample and after its last. Frames, a hop of half a window apart, are
    transformed in groups that begin at fixed samples: a group when the last sample of its last frame is there, on the
    samples where they stand.
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
        rule = ruler(rate_hz)
        self._fader = gain_from_db(gain_db)
        self._hop = rule.window_samples // 2
        self._group = LANES * self._hop
        self.latency_samples = self._group + self._hop
        cutter = _Cutter(rule)
        parts = [(label, _Part(first, channels, cutter)) for label, first, channels in _parts_of(labels)]
        self._parts = [(gains, [part for label, part in parts if label != "LFE"])]
        if level is not None:
            self._parts.append((level, [part for label, part in parts if label == "LFE"]))
        self._begin(0)

    def _begin(self, sample: int) -> None:
        """Silence is all that came before a sample of the programme, with which a group begins."""
        # what has come and not gone: from `_begun` on, programme sample `_next`, it is still to be cut
        self._held = np.zeros((self.latency_samples, len(self.labels)))
        self._room = self._held
        self._begun, self._next = self._hop, sample - self._group
        for _, parts in self._parts:
            for part in parts:
                part.begin()

    def entry(self, sample: int) -> int:
        """The sample of the programme to begin with, for all to be as if begun at 0 from `sample` on.

        A group before that in which it lies: the frames that reach into it are then whole, and what stands before it
        is known, silent or not.
        """
        return max(sample // self._group - 1, 0) * self._group

    def enter(self, sample: int) -> int:
        """Forget what came, and go on in the middle: as begun at 0 from `sample` on. Gives its `entry`, the sample of
        the programme that `process` is to be given next."""
        entry = self.entry(sample)
        self._begin(entry)
        return entry

    def process(self, block: Floats) -> Floats:
        """(n, channels) samples in, (n, channels) out, `latency_samples` late."""
        self.room(len(block))[:] = block
        return self.process_room()

    def room(self, frames: int) -> Floats:
        """(frames, channels), C-contiguous: where to put the next samples, to be processed where they stand."""
        self._room = np.empty((len(self._held) + frames, len(self.labels)))
        self._room[: len(self._held)] = self._held
        return self._room[len(self._held) :]

    def process_room(self) -> Floats:
        """`process` what was put in the room that was given last."""
        room = self._room
        block = room[len(self._held) :]
        if self._fader != 1.0:
            block *= self._fader
        groups = (len(room) - self._hop - self._begun) // self._group
        if groups:
            self._cut(room[self._begun : self._begun + groups * self._group + self._hop], groups)
        self._begun += groups * self._group - len(block)
        self._held = self._room = room[len(block) :]
        return room[: len(block)]

    def flush(self) -> Floats:
        """The last `latency_samples` samples."""
        return self.process(np.zeros((self.latency_samples, len(self.labels))))

    def _cut(self, heard: Floats, groups: int) -> None:
        """Cut groups of frames, of which the first begins at sample `_next`, in place."""
        # a frame is centred a hop after it begins
        centres = np.arange(1, groups * LANES + 1, dtype=np.float64) * self._hop + self._next
        for gains, parts in self._parts:
            if parts:
                gain_db = gains.at(centres)
                for part in parts:
                    part.cut(heard, gain_db)
        self._next += groups * self._group


def _parts_of(labels: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """The channels as they are cut, pairs together, the others one by one: first label, its number, how many."""
    right = dict(PAIRS)
    lefts = {index for index, label in enumerate(labels) if right.get(label) in labels[index + 1 : index + 2]}
    for index, label in enumerate(labels):
        if index - 1 not in lefts:
            yield label, index, 2 if index in lefts else 1


class _Part:
    """A pair, in one complex transform of L + jR, or a channel by itself, at the mid's gains: a centre, or LFE.

    Digital silence is kept in each part by itself: what rings ahead of a sound in the front is not to wake the rear.
    """

    def __init__(self, column: int, channels: int, cutter: _Cutter) -> None:
        self._column = column
        self._cutter = cutter
        self._channels = channels
        self._overlap = np.zeros((cutter.hop, 2))
        self._run = np.zeros(2, np.int64)

    def begin(self) -> None:
        """Nothing was heard before."""
        self._overlap[:] = 0.0
        self._run[:] = 0

    def cut(self, heard: Floats, gain_db: Floats) -> None:
        """Take in place, of groups of frames, what their gains (frames, 72) take away."""
        self._cutter.cut(heard, self._column, self._channels, gain_db, self._overlap, self._run)


class _Cutter:
    """Room to work in that the parts of a strip share, as they come one after the other."""

    def __init__(self, rule: Ruler) -> None:
        self.hop = rule.window_samples // 2
        self._ruler = rule
        self._transform = Transform(rule.window_samples, np.float64)
        self._lost = np.zeros((2, len(rule.bin_hz), LANES))
        self._pair, self._taken = (np.zeros((halves * self.hop, 2)) for halves in (LANES + 1, LANES))

    def cut(
        self,
        heard: Floats,
        column: int,
        channels: int,
        gain_db: Floats,
        overlap: Floats,
        run: NDArray[np.int64],
    ) -> None:
        """As `cutting_kernels.cut_groups`."""
        rule, transform = self._ruler, self._transform
        cutting_kernels.cut_groups(
            heard,
            column,
            channels,
            gain_db,
            rule.window,
            rule.lower_band,
            rule.upper_share,
            transform.radices,
            transform.table,
            tuple(transform.planes),
            self._lost,
            self._pair,
            self._taken,
            overlap,
            run,
            SILENT_SAMPLES,
        )
