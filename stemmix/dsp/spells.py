"""Spans in which a measure stays on the wrong side of its limit: windows decide, bins locate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp import running_kernels

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Places:
    """Where something was found: spans in frames, those nearer than `gap` frames being one."""

    def __init__(self, gap: int, keep: int) -> None:
        self._gap = gap
        self._keep = keep
        self._last: tuple[float, float] | None = None
        self.spans: list[tuple[float, float]] = []
        """The first ones."""
        self.count = 0

    def add(self, start: float, end: float) -> None:
        """A span that begins no earlier than the one before, save by little; a late one joins those remembered."""
        if self._last is not None and self._is_near(self._last, start, end):
            joined = (min(start, self._last[0]), max(end, self._last[1]))
            if self.spans and self.spans[-1] == self._last:
                self.spans[-1] = joined
            self._last = joined
            return
        if self._last is not None and start < self._last[0]:
            for number in reversed(range(len(self.spans))):
                begin, after = self.spans[number]
                if self._is_near((begin, after), start, end):
                    self.spans[number] = min(start, begin), max(end, after)
                    return
        self.count += 1
        self._last = (start, end)
        if len(self.spans) < self._keep:
            self.spans.append(self._last)

    def _is_near(self, span: tuple[float, float], start: float, end: float) -> bool:
        return start <= span[1] + self._gap and end >= span[0] - self._gap

    def clear(self) -> None:
        """Nothing was found after all."""
        self._last, self.spans, self.count = None, [], 0


class Sliding:
    """Sums of the last `width` bins, of several columns, carried on; whole windows only."""

    def __init__(self, width: int, columns: int) -> None:
        self._width = width
        self._recent = np.zeros((0, columns))

    def process(self, bins: Floats) -> Floats:
        """(n, columns) of new bins to the same of the windows that end with them; not a number before the first."""
        known = np.concatenate((self._recent, bins))
        out = np.full(bins.shape, np.nan)
        whole = min(len(bins), max(0, len(known) - self._width + 1))
        first = max(0, len(known) - whole - self._width + 1)
        for column in range(bins.shape[1]):
            sums = np.empty(whole)
            running_kernels.window_sums(np.ascontiguousarray(known[first:, column]), self._width, sums)
            out[len(bins) - whole :, column] = sums
        self._recent = known[max(0, len(known) - self._width + 1) :]
        return out


class Spells:
    """Spans of bins that made windows bad.

    A window that is bad says that something is wrong within it. Where: from the bin since which the excess over the
    limit adds up to most, to the bin until which it does (Page's cumulative sum, Biometrika 41, 1954). So a fault is
    found to a bin, though it is judged over a whole window.
    """

    def __init__(self, window: int, shortest: int, keep: int) -> None:
        """`shortest`: bins of a spell that counts; `keep`: how many of them are remembered."""
        self._window = window
        self.shortest = shortest
        self._keep = keep
        self._bins = 0
        self._recent = np.zeros(0)
        self._since: int | None = None
        self._end = 0
        self._total = self._most = 0.0
        self.spans: list[tuple[int, int]] = []
        """The first ones, in bins."""
        self.bins = 0
        """Of all spells together."""

    def process(self, bad: Bools, excess: Floats) -> None:
        """bad (n,): of the window that ends with each new bin; excess (n,): how far the bin itself is over."""
        known = np.concatenate((self._recent, excess))
        if self._since is not None or bad.any():
            self._follow(bad, excess, known)
        self._bins += len(bad)
        self._recent = known[max(0, len(known) - self._window + 1) :]

    def finish(self) -> None:
        """The sound has ended, and a spell with it."""
        if self._since is not None:
            self._close()

    def _follow(self, bad: Bools, excess: Floats, known: Floats) -> None:
        at = 0
        while at < len(bad):
            if self._since is None:
                if not bad[at:].any():
                    return
                at += int(np.argmax(bad[at:]))
                here = len(self._recent) + at + 1
                back = np.cumsum(known[max(0, here - self._window) : here][::-1])
                reach = int(np.argmax(back))
                totals = np.cumsum(known[here - reach - 1 : here])
                best = int(np.argmax(totals))
                self._since = self._bins + at - reach
                self._end = self._since + best + 1
                self._total, self._most = float(totals[-1]), float(totals[best])
                at += 1
            else:
                stop = len(bad) if bad[at:].all() else at + int(np.argmin(bad[at:]))
                if stop > at:
                    totals = self._total + np.cumsum(excess[at:stop])
                    best = int(np.argmax(totals))
                    if totals[best] >= self._most:
                        self._most, self._end = float(totals[best]), self._bins + at + best + 1
                    self._total = float(totals[-1])
                if stop < len(bad):
                    self._close()
                at = stop

    def _close(self) -> None:
        assert self._since is not None
        if self._end - self._since >= self.shortest:
            self.bins += self._end - self._since
            if len(self.spans) < self._keep:
                self.spans.append((self._since, self._end))
        self._since = None


class LoneSilences:
    """Spans of bins in which one of two channels is digitally silent while the other sounds.

    It sounded right before and sounds right after: what fades or begins is nobody's fault. What ends is told apart.
    """

    def __init__(self, shortest: int, loud: float, judged: float, keep: int) -> None:
        """`shortest`: bins of a span that counts. Mean powers: `loud`, of the sound that breaks off and goes on within
        two bins; `judged`, over which the other channel sounds, for most of the span."""
        self._shortest, self._loud, self._judged, self._keep = shortest, loud, judged, keep
        self._bins = 0
        self._before = self._last = 0.0
        self._since: int | None = None
        self._end: int | None = None
        self._sounding = 0
        self._beside_until = 0
        self.count = 0
        self.spans: list[tuple[int, int]] = []
        """The first ones."""
        self.ending: tuple[int, int] | None = None
        """The last bins in which the other channel sounds, where this one does not sound again; not counted."""

    def process(self, one: Floats, other: Floats) -> None:
        """(bins,) mean powers of the channel that is looked at, and of the other."""
        if self._since is None and one.all():
            before = [self._before, self._last, *one.tolist()]
            self._before, self._last = before[-2:]
            self._bins += len(one)
            return
        for power, beside in zip(one.tolist(), other.tolist(), strict=True):
            self._take(power, beside)
            self._before, self._last = self._last, power
            self._bins += 1

    def finish(self) -> None:
        """The sound has ended."""
        if self._since is not None and self._end is None and self._is_lone(self._since, self._beside_until):
            self.ending = self._since, self._beside_until

    def _take(self, power: float, beside: float) -> None:
        if self._since is None:
            if power == 0.0 and max(self._before, self._last) >= self._loud:
                self._since, self._end, self._sounding, self._beside_until = self._bins, None, 0, self._bins
        elif power > 0.0:
            self._end = self._bins if self._end is None else self._end
            # the first bin after the silence may hold but a sample of what follows
            if power >= self._loud or self._bins > self._end:
                self._close(self._since, self._end, went_on=power >= self._loud)
        elif self._end is not None:
            self._since = self._end = None
        if self._since is not None and self._end is None and beside > self._judged:
            self._sounding += 1
            self._beside_until = self._bins + 1

    def _close(self, start: int, end: int, *, went_on: bool) -> None:
        self._since = self._end = None
        if went_on and self._is_lone(start, end):
            self.count += 1
            if len(self.spans) < self._keep:
                self.spans.append((start, end))

    def _is_lone(self, start: int, end: int) -> bool:
        return end - start >= self._shortest and 2 * self._sounding > end - start
