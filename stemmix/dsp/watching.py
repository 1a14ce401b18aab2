"""What goes wrong in samples: clipping, overs, holes, breaks and silence, looked for while they go by.

Samples come in pieces of any size and are looked at in order; the frames that are told count from the first sample.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import watching_kernels
from stemmix.dsp.filters import INTERPOLATOR_REACH, sharp_interpolator
from stemmix.dsp.spells import Places
from stemmix.dsp.watching_kernels import CELL
from stemmix.units import CLIPPED_RUN, FULL_SCALE

Floats = NDArray[np.float64]

FLAT_LOWEST: Final = 0.1
"""-20 dBFS: what was clipped and then turned down further than this is told by ear, not by its tops."""
FLAT_SPREAD: Final = 3 / 2**15
"""What was turned down and then dithered to 16 bits is no more uneven than this; shaped noise is."""
FLAT_RUNS: Final = CLIPPED_RUN, 4
"""Samples of a flat top that are equal and the highest, and of one that is dithered."""
FLAT_CORNERS: Final = 8 / 2**15, 96 / 2**15
"""A smooth top that 16 bits make flat for three samples has neighbours within three steps of it. One that dither makes
even may fall by six steps over four samples: by 20 over six where it is round, by 50 where it is flatter than that."""

QUIET: Final = 1.5 / 2**15
"""What dither leaves of nothing in 16 bits."""
LOUD: Final = 10 ** (-40 / 20)
"""A gate or a fade is softer than this in its last millisecond, and so is the last bit of 8."""
CUT: Final = 10 ** (-50 / 20)
"""The same beside a long silence, which no wave can be taken for."""
ALIKE: Final = 10 ** (15 / 20)
"""Sound that goes on after a hole is about as loud as before; a tail that is cut before the next hit is not."""
STEP: Final = 0.01
"""Over the last bit of 8: sound that passes through nothing smoothly begins with less."""
SHORTEST_HOLE_S, LONGEST_HOLE_S = 0.001, 1.0
NEAR_S, AROUND_S = 0.001, 0.005

SHORTEST_STILL_S, LONGEST_STILL_S = 0.005, 10.0
STILL_SHARE: Final = 0.25
"""Sound that moves has few samples that are equal to the one before, even in 8 bits."""

JUMP_LEAST: Final = 0.01
"""A break smaller than this (-40 dBFS) is not heard in a mix."""
JUMP_RATIO: Final = 10.0
"""Over anything around it: noise has differences of 5 standard deviations at most among those of 3."""
JUMP_LOWEST: Final = 10 ** (-60 / 20)
JUMP_REACH_S: Final = 0.0025
JUMP_APART_S: Final = 0.1
"""A wave with edges of its own, down to 10 Hz, has the next one before this."""

FEWEST_EVEN, MOST_EVEN = 6, 1000
EVEN_PER_MINUTE: Final = 5.0
EVEN_SHARE: Final = 0.9
"""A gate or a key breaks sound off again and again, and on a beat: faults of a minute are fewer, or lie anywhere."""
SHORTEST_BEAT_S, BEATS_TOLD_APART = 0.06, 3
"""A beat is no shorter than a dot of Morse, and has few values of notes. Blocks that are lost on the way lie on a grid
too, of some 10 or 20 ms, as many of them apart as it happens."""
OFF_BEAT: Final = 0.1
"""Of a beat; a fifth of what lies anywhere is as near to one."""

SHORTEST_SILENCE_S: Final = 0.5
BESIDE_S: Final = 0.0002
"""A word that is trimmed where it has died away is softer than `LOUD` so near its end; sound that is cut is not."""


class SampleWatch:
    """Faults of samples, in any number of channels."""

    def __init__(self, rate_hz: int, channels: int, keep: int, gap_s: float) -> None:
        """Of each fault the first `keep` places are kept; those nearer than `gap_s` seconds are one."""
        self._rate_hz = rate_hz
        self._channels = channels
        self._frames = 0
        self._reach = max(8, round(JUMP_REACH_S * rate_hz))
        self._near, self._around = max(1, round(NEAR_S * rate_hz)), max(1, round(AROUND_S * rate_hz))
        self._hole = max(2, round(SHORTEST_HOLE_S * rate_hz)), round(LONGEST_HOLE_S * rate_hz)
        compared = -(-2 * max(self._reach, INTERPOLATOR_REACH) // CELL) * CELL
        self._still = round(SHORTEST_STILL_S * rate_hz), round(LONGEST_STILL_S * rate_hz)
        self.before = max(compared + 2, self._still[0] + 2 * self._around + 1, 2 * INTERPOLATOR_REACH)
        """Frames that are to be known before those that are looked at."""
        self._first = self.before - compared
        self._events, self._between = np.empty((0, 4)), np.zeros(0)
        self._shortest_silence = round(SHORTEST_SILENCE_S * rate_hz)
        self._full_state, self._flat_state = np.zeros((channels, 3)), np.zeros((channels, 2, 5))
        self._tops = np.zeros((channels, 2))
        self._beside = max(1, round(BESIDE_S * rate_hz))
        self._hole_state = np.zeros((channels, 9))
        self._still_state = np.tile((1.0, 0.0, 0.0, 0.0, 0.0), (channels, 1))
        self._silence_state, *self._silence_states = np.tile((-1.0, 0.0, -1.0, -1.0, 0.0), (1 + channels, 1))
        self._jump_state = np.tile((-1e12, 0.0), (channels, 1))
        gap = round(gap_s * rate_hz)
        self.clipped, self.overs = Places(gap, keep), Places(gap, keep)
        self.holes, self.jumps, self.cuts = Places(gap, keep), Places(gap, keep), Places(0, keep)
        self.cuts_of = [Places(0, keep) for _ in range(channels)]
        """Of each channel by itself: half a second or more of digital silence that sound is cut off by, the last one
        too, or begins after at once."""
        self._hole_begins: list[list[float]] = [[] for _ in range(channels)]
        self.pauses = 0
        """Of half a second or more, digitally silent, inside of sound; `cuts` are those with a sharp edge."""
        self.clipped_runs = 0
        self.longest_clip = 0
        self.silent_frames = 0
        self.over = 0.0
        """The highest magnitude between samples, where that is over full scale; 0 else."""
        self._flat = [(Places(gap, keep), Places(gap, keep)) for _ in range(channels)]
        self._flat_level = np.zeros((channels, 2))
        self._flat_runs = np.zeros((channels, 2), np.int64)

    def process(self, rows: Floats, count: int) -> None:
        """Hear `count` samples, the columns from `SampleWatch.before` on of rows (channels, width), C-contiguous.

        The columns before them are what was heard before them; zeros at first.
        """
        start, stop = self.before, self.before + count
        cells = self._cells_of(rows, stop)
        self._look_for_clipping(rows, stop, cells)
        self._look_for_holes(rows, stop, cells)
        self._look_for_jumps(rows, stop, cells)
        found = watching_kernels.silent_runs(
            rows, start, stop, cells, self._first, self._frames, self._shortest_silence, self._near,
            self._silence_state, self._events,
        )  # fmt: skip
        for begin, end, edge in self._events[:found, :3].tolist():
            self.pauses += 1
            self.silent_frames += round(end - begin)
            if edge >= CUT:
                self.cuts.add(begin, end)
        for c, (state, cuts) in enumerate(zip(self._silence_states, self.cuts_of, strict=True)):
            its = np.ascontiguousarray(cells[:, c : c + 1])
            found = watching_kernels.silent_runs(
                rows[c : c + 1], start, stop, its, self._first, self._frames, self._shortest_silence, self._beside,
                state, self._events,
            )  # fmt: skip
            for begin, end, edge in self._events[:found, :3].tolist():
                if edge >= LOUD:
                    cuts.add(begin, end)
        self._look_for_overs(rows, stop, cells)
        self._frames += count

    def finish(self, rows: Floats) -> None:
        """The sound has ended: what waited for more has heard enough. The rows are as for `process`."""
        stop = self.before + max(self._reach, INTERPOLATOR_REACH)
        ended = np.zeros((self._channels, stop))
        ended[:, : self.before] = rows[:, : self.before]
        cells = self._cells_of(ended, stop)
        self._look_for_clipping(ended, stop, cells)
        self._look_for_jumps(ended, stop, cells)
        for last, waits in self._jump_state.tolist():
            if waits:
                self.jumps.add(last, last + 1)
        self._look_for_overs(ended, stop, cells)
        for (since, edge, *_), cuts in zip(self._silence_states, self.cuts_of, strict=True):
            if since >= 0.0 and self._frames - since >= self._shortest_silence and edge >= LOUD:
                cuts.add(float(since), float(self._frames))

    @property
    def peaks(self) -> Floats:
        """(channels,): the highest magnitude of each channel's samples."""
        highest: Floats = self._tops.max(axis=1)
        return highest

    @property
    def are_holes_even(self) -> bool:
        """Whether there are many in every channel that has any, all on one beat, as a gate or a key makes them."""
        begins = [np.sort(its) for its in self._hole_begins if its]
        return bool(begins) and all(self._is_on_a_beat(its) for its in begins)

    def _is_on_a_beat(self, begins: Floats) -> bool:
        minutes = (begins[-1] - begins[0]) / self._rate_hz / 60.0
        if len(begins) < FEWEST_EVEN or len(begins) <= EVEN_PER_MINUTE * minutes:
            return False
        steps = np.diff(begins)
        for parts in (1, 2, 3):  # where the shortest step is not one beat, it is a few of them
            beat = steps.min() / parts
            if beat < SHORTEST_BEAT_S * self._rate_hz:
                break
            beats = steps / beat
            on = beats[np.abs(beats - np.round(beats)) <= OFF_BEAT]
            common = np.sort(np.unique(np.round(on), return_counts=True)[1])[-BEATS_TOLD_APART:]
            if common.sum() >= EVEN_SHARE * len(steps):
                return True
        return False

    @property
    def flat_tops(self) -> tuple[int, float, list[tuple[float, float]]]:
        """How many peaks are cut flat at the highest level of their channel and side, that level, and where."""
        level, channel, side = max(
            (
                (int(self._flat_runs[c, s]), c, s)
                for c in range(self._channels)
                for s in (0, 1)
                if self._tops[c, s] <= self._flat_level[c, s] + FLAT_SPREAD
            ),
            default=(0, 0, 0),
        )
        return level, float(self._flat_level[channel, side]), self._flat[channel][side].spans

    def _cells_of(self, rows: Floats, stop: int) -> Floats:
        """(3, channels, cells): `watching_kernels.extremes`, from what breaks may be told by."""
        cells = np.empty((3, self._channels, -(-(stop - self._first) // CELL)))
        watching_kernels.extremes(rows, self._first, stop, cells)
        if (longest := stop - self.before) > len(self._between):
            self._events, self._between = np.empty((self._channels * (longest + 2), 4)), np.zeros(longest)
        return cells

    def _look_for_clipping(self, rows: Floats, stop: int, cells: Floats) -> None:
        cells = cells[:, :, (self.before - self._first) // CELL :]
        found = watching_kernels.flat_tops(
            rows, self.before, stop, cells, self._frames, FLAT_RUNS, FLAT_SPREAD, FLAT_LOWEST, FULL_SCALE, FLAT_CORNERS,
            self._flat_state, self._tops, self._events,
        )  # fmt: skip
        for channel, begin, end, level in _in_time(self._events[:found]):
            c, side = int(channel), int(level > 0)
            if abs(level) > self._flat_level[c, side] + FLAT_SPREAD:
                self._flat_level[c, side], self._flat_runs[c, side] = abs(level), 0
                self._flat[c][side].clear()
            self._flat_runs[c, side] += 1
            self._flat[c][side].add(begin, end)
        if self._tops.max() < FULL_SCALE:
            return
        found = watching_kernels.full_runs(
            rows, self.before, stop, cells, self._frames, CLIPPED_RUN, FULL_SCALE, self._full_state, self._events
        )
        for _, begin, end in _in_time(self._events[:found, :3]):
            self.clipped_runs += 1
            self.longest_clip = max(self.longest_clip, round(end - begin))
            self.clipped.add(begin, end)

    def _look_for_holes(self, rows: Floats, stop: int, cells: Floats) -> None:
        edges = (self._near, self._around, LOUD, ALIKE, STEP)
        found = watching_kernels.holes(
            rows, self.before, stop, cells, self._first, self._frames, QUIET, *self._hole, *edges,
            self._hole_state, self._events,
        )  # fmt: skip
        holes = self._events[:found, :3].copy()
        found = watching_kernels.standstills(
            rows, self.before, stop, self._frames - self._around, QUIET, *self._still, *edges,
            STILL_SHARE * self._around, self._still_state, self._events,
        )  # fmt: skip
        for channel, begin, end in _in_time(np.concatenate((holes, self._events[:found, :3]))):
            self.holes.add(begin, end)
            if len(begins := self._hole_begins[int(channel)]) < MOST_EVEN:
                begins.append(begin)

    def _look_for_jumps(self, rows: Floats, stop: int, cells: Floats) -> None:
        found = watching_kernels.jumps(
            rows, self.before, stop, cells[2], self._first, self._frames - self._reach, self._reach, JUMP_LEAST,
            JUMP_RATIO, JUMP_LOWEST, round(JUMP_APART_S * self._rate_hz), self._jump_state, self._events,
        )  # fmt: skip
        for _, frame in _in_time(self._events[:found, :2]):
            self.jumps.add(frame, frame + 1)

    def _look_for_overs(self, rows: Floats, stop: int, cells: Floats) -> None:
        """Of the intervals that have all their neighbours; they begin a reach before the newest samples."""
        interpolator = sharp_interpolator()
        highest = watching_kernels.overs(
            rows, self.before, stop, cells, self._first, INTERPOLATOR_REACH, 1.0,
            interpolator.half_taps, interpolator.quarter_taps, interpolator.bounds, self._between,
        )  # fmt: skip
        if not highest:
            return
        over = np.flatnonzero(self._between)
        self.over = max(self.over, highest)
        for frame in (over + self._frames - INTERPOLATOR_REACH).tolist():
            self.overs.add(frame, frame + 1)
        self._between[:] = 0.0


def _in_time(events: Floats) -> list[list[float]]:
    """Rows of channel, first frame ... in the order of their first frames."""
    if not len(events):
        return []
    found: list[list[float]] = events[np.argsort(events[:, 1], kind="stable")].tolist()
    return found
