"""A true-peak limiter with look-ahead: all that stands, besides dither, between the stems' sum and a master."""

from __future__ import annotations

import math
from array import array

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import limiter_kernels, peak_kernels
from stemmix.dsp.filters import INTERPOLATOR_REACH, gentle_interpolator, sharp_interpolator
from stemmix.dsp.true_peak import highest_sample
from stemmix.dsp.watching_kernels import take_in
from stemmix.units import db_from_gain, gain_from_db

Floats = NDArray[np.float64]

_PIECE = 1 << 15  # frames worked on at once: copies stay in the processor's cache, and memory bounded
_AUDIBLE_REDUCTION = 1.0 - gain_from_db(-0.1)
_SPAN_GAP_S = 0.5
_SPANS_AT_MOST = 1000


class TruePeakLimiter:
    """Holds a stream under a true-peak ceiling; channels are linked. Far from any peak, samples pass bit for bit.

    `process` gives as many frames as it takes, `latency_samples` late; `flush` gives the rest. In the order of work:

    1. Peaks between samples on an 8x grid with a parabola through each highest point. Driven 9 dB over, clicks pass the
       ceiling by 0.001 dB so, by 0.012 dB on a bare 16x grid, by 0.043 dB on a bare 8x grid. They are read by two
       interpolators, one sharp and one gentle, since near half the sample rate true peak depends on the converter:
       white noise held by the sharp one alone exceeds the ceiling by 0.3 dB on the gentle one.
    2. The reduction (1 - gain) each peak needs, at the sample rate, for the sample on either side of it.
    3. Its running maximum over the look-ahead, so that the gain is down before the peak, and around it; then an
       exponential release, to exactly nothing below 1e-9; then a Hann window shorter than the look-ahead. The window
       covers nothing but the maximum around each peak, so that no smoothing lets one through.
    4. Times the gain. The reduction is smoothed, not the gain, so that none is exactly none.
    """

    def __init__(
        self,
        rate_hz: int,
        channels: int,
        ceiling_dbtp: float,
        look_ahead_s: float = 0.005,
        release_s: float = 0.1,
        counted: tuple[int, int] | None = None,
    ) -> None:
        """`release_s`: time in which the reduction falls to 37 %.

        `counted`: frames, from the first to before the last, that depth and share of reduction are told of; all of the
        stream if it is not given.
        """
        self._channels = channels
        self._ceiling = gain_from_db(ceiling_dbtp)
        self._decay = math.exp(-1.0 / (release_s * rate_hz))
        look_ahead = max(round(look_ahead_s * rate_hz), 10)
        # a flat stretch on either side of the peak: interpolation sees the gain there as a constant
        margin = look_ahead // 6
        self._hann = _half_hann((look_ahead - margin) // 2)
        self._around = len(self._hann) + margin
        self.latency_samples = INTERPOLATOR_REACH + self._around + len(self._hann)

        history = max(self.latency_samples, 2 * INTERPOLATOR_REACH)
        self._samples = np.zeros((history, channels))
        self._needed = np.zeros(2 * self._around + 1)
        self._released = np.zeros(2 * len(self._hann) - 1)
        self._given = -self.latency_samples
        self._counted = counted
        self._deepest = 0.0
        self._audible_frames = 0
        self._spans = _Spans(round(_SPAN_GAP_S * rate_hz))
        self._rate_hz = rate_hz
        self._tenths = array("d")

    @property
    def max_reduction_db(self) -> float:
        """Deepest gain reduction so far, positive."""
        return 0.0 - db_from_gain(1.0 - self._deepest)

    @property
    def active_share(self) -> float:
        """Share of the frames given so far whose gain was under -0.1 dB."""
        first, after = self._counted or (0, self._given)
        frames = min(after, self._given) - first
        return self._audible_frames / frames if frames > 0 else 0.0

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Where the gain was not exactly 1: frames from start to before end, counted from the stream's first.

        Spans closer than 0.5 s are one. At most 1000 are kept: beyond, the closest grow together.
        """
        return self._spans.as_tuple()

    @property
    def reduction_of_tenths_db(self) -> tuple[float, ...]:
        """Deepest reduction in every tenth of a second, positive, from the stream's first frame to where there was one
        last."""
        return tuple(0.0 - db_from_gain(1.0 - deepest) for deepest in self._tenths)

    def process(self, block: Floats) -> Floats:
        """(n, channels) samples in, (n, channels) out, `latency_samples` late."""
        if block.ndim != 2 or block.shape[1] != self._channels:
            raise ValueError(f"limiter: a block of shape {block.shape} is not (frames, {self._channels})")
        out = np.empty(block.shape)
        for begin in range(0, len(block), _PIECE):
            self._limit(block[begin : begin + _PIECE], out[begin : begin + _PIECE])
        return out

    def flush(self) -> Floats:
        """The last `latency_samples` frames; the limiter is done then."""
        return self.process(np.zeros((self.latency_samples, self._channels)))

    def _limit(self, piece: Floats, out: Floats) -> None:
        history = len(self._samples)
        samples = np.concatenate((self._samples, piece))
        self._samples = samples[len(piece) :].copy()
        leaving = samples[history - self.latency_samples : len(samples) - self.latency_samples]

        needed = np.concatenate((self._needed, self._reduction_needed(samples[history - 2 * INTERPOLATOR_REACH :])))
        self._needed = needed[len(piece) :].copy()
        released = np.zeros(len(self._released) + len(piece))
        released[: len(self._released)] = self._released
        if needed.max(initial=0.0) > 0.0 or released[len(self._released) - 1] > 0.0:
            wanted = _running_maximum(needed, len(self._needed) + 1)
            newest = released[len(self._released) :]
            limiter_kernels.release(wanted, released[len(self._released) - 1], self._decay, newest)
        self._released = released[len(piece) :].copy()
        if released.max(initial=0.0) > 0.0:
            reduction = np.empty(len(piece))
            limiter_kernels.smoothed(released, self._hann, reduction)
            limiter_kernels.apply_reduction(leaving, reduction, out)
            self._note(reduction)
        else:
            out[:] = leaving
        self._given += len(piece)

    def _reduction_needed(self, samples: Floats) -> Floats:
        """(frames - two reaches,) reduction that the interval after each frame needs, all of whose reach is there."""
        count = len(samples) - 2 * INTERPOLATOR_REACH
        level, highest = highest_sample(samples), 0.0
        interpolators = (sharp_interpolator(), gentle_interpolator())
        heard = [one for one in interpolators if level * one.bounds[0] > self._ceiling]
        if not heard:
            return np.zeros(count)
        peaks, rows = np.full(count, self._ceiling), np.empty((self._channels, len(samples)))
        take_in(samples, 0, rows)
        for interpolator in heard:
            for channel in rows:
                found = peak_kernels.peaks_above(
                    channel,
                    INTERPOLATOR_REACH,
                    count,
                    self._ceiling,
                    interpolator.half_taps,
                    interpolator.quarter_taps,
                    interpolator.bounds,
                    peaks,
                )
                highest = max(highest, found)
        return 1.0 - self._ceiling / peaks if highest else np.zeros(count)

    def _note(self, reduction: Floats) -> None:
        """Keep the account of a piece whose first frame is `_given`; what is before the stream's first is nothing."""
        first = max(0, -self._given)
        reduction = reduction[first:]
        if not len(reduction):
            return
        at = self._given + first
        counted, after = self._counted or (at, at + len(reduction))
        counts = reduction[max(counted - at, 0) : max(after - at, 0)]
        self._deepest = max(self._deepest, float(counts.max(initial=0.0)))
        self._audible_frames += int(np.count_nonzero(counts > _AUDIBLE_REDUCTION))
        self._note_tenths(at, reduction)
        acts = np.concatenate(([False], reduction > 0.0, [False]))
        for start, end in np.flatnonzero(acts[1:] != acts[:-1]).reshape(-1, 2):
            self._spans.add(at + int(start), at + int(end))

    def _note_tenths(self, at: int, reduction: Floats) -> None:
        """Of (n,) reductions from frame `at` on."""
        first, last = (10 * frame // self._rate_hz for frame in (at, at + len(reduction) - 1))
        begins = np.maximum(-(-np.arange(first, last + 1) * self._rate_hz // 10) - at, 0)
        self._tenths.extend([0.0] * (last + 1 - len(self._tenths)))
        for tenth, deepest in enumerate(np.maximum.reduceat(reduction, begins).tolist(), first):
            self._tenths[tenth] = max(self._tenths[tenth], deepest)


class _Spans:
    """Spans in order, of which neighbours nearer than a gap are one; the gap doubles when there are too many."""

    def __init__(self, gap: int) -> None:
        self._gap = gap
        self._list: list[tuple[int, int]] = []

    def add(self, start: int, end: int) -> None:
        if self._list and start - self._list[-1][1] < self._gap:
            self._list[-1] = (self._list[-1][0], end)
            return
        self._list.append((start, end))
        while len(self._list) > _SPANS_AT_MOST:
            self._gap *= 2
            spans, self._list = self._list, []
            for span in spans:
                self.add(*span)

    def as_tuple(self) -> tuple[tuple[int, int], ...]:
        return tuple(self._list)


def _half_hann(longest: int) -> Floats:
    """(n,) one half of a Hann window of even length, middle first; n the multiple of 4 that is `longest` or less."""
    size = max(longest // 4 * 4, 4)
    window = 1.0 + np.cos(np.pi * (np.arange(size) + 0.5) / size)
    return np.asarray(window / (2.0 * window.sum()))


def _running_maximum(values: Floats, width: int) -> Floats:
    """out[i] = max(values[i : i + width]), by doubling: log2(width) passes, each over the whole array at once."""
    span = 1
    while 2 * span <= width:
        values = np.maximum(values[:-span], values[span:])
        span *= 2
    return np.maximum(values[: len(values) - (width - span)], values[width - span :])
