"""How far peaks stand over loudness from moment to moment: a sign of over-compression."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.filters import INTERPOLATOR_REACH, sharp_interpolator
from stemmix.dsp.peak_kernels import highest_of_bins
from stemmix.dsp.true_peak import check_block, highest_between, highest_sample
from stemmix.units import LOUDNESS_OFFSET_DB

Floats = NDArray[np.float64]

GATE_ENERGY = float(10.0 ** ((-70.0 - LOUDNESS_OFFSET_DB) / 10.0))
"""Mean weighted square at the absolute gate, -70 LKFS (BS.1770-5 Annex 1)."""

_STEPS_PER_SECOND = 10
_WINDOW_STEPS = 30


class PsrMeter:
    """The lowest peak to short-term loudness ratio: true peak of three seconds over the loudness of the same three.

    Source: Shepherd, Grimm, Tapper, Kahsnitz, "Measuring Micro-Dynamics - A First Step: Standardizing PSR", AES 143rd
    Convention (2017), e-Brief 373. Windows end on tenths of a second; those under -70 LUFS are left out.

    A true peak is no lower than the samples', and only the lowest ratio is asked for: it is worked out for windows
    whose samples would bring it down, no others. So the blocks of three seconds are kept. Memory grows by 8 bytes per
    tenth of a second besides.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._rate_hz = rate_hz
        self._channels = channels
        self._heard: deque[tuple[int, Floats]] = deque()
        """Blocks that are still needed, and where each begins."""
        self._frames = 0
        self._pending_peak = 0.0
        """Of the samples of a step that has not ended yet."""
        self._sample_peaks = array("d")
        """Of every step of a tenth of a second."""
        self._true_peaks: dict[int, float] = {}
        """Of those steps that it had to be worked out for."""
        self._lowest = np.inf

    def process(self, block: Floats, short_term: Sequence[float] | Floats) -> None:
        """Hear (n, channels) samples, which are looked at for three seconds more and may not be written to meanwhile.

        `short_term` as of `LoudnessMeter.short_term_energies`, which has heard them.
        """
        check_block(block, self._channels)
        if not len(block):
            return
        begun, whole = self._frames, len(self._sample_peaks)
        self._heard.append((begun, block))
        self._frames += len(block)
        by_now = ((self._frames + 1) * _STEPS_PER_SECOND - 1) // self._rate_hz
        ends = [*(self._edge(step) - begun for step in range(whole + 1, by_now + 1)), len(block)]
        peaks = np.empty(len(ends))
        highest_of_bins(np.ascontiguousarray(block).reshape(-1), np.array(ends) * self._channels, peaks)
        peaks[0] = max(peaks[0], self._pending_peak)
        self._sample_peaks.extend(peaks[:-1].tolist())
        self._pending_peak = float(peaks[-1])
        # not those that end with the last step: what follows a window is needed to see between its last samples
        self._look(whole - _WINDOW_STEPS, by_now - _WINDOW_STEPS, short_term)
        self._forget(by_now - _WINDOW_STEPS)

    def read(self, short_term: Sequence[float] | Floats) -> float | None:
        """The lowest ratio of squared true peak to mean weighted square so far; None where there is no window."""
        lowest, last = self._lowest, len(self._sample_peaks) - _WINDOW_STEPS
        if last >= 0:
            # reading changes nothing: the last step's peak may be another once more is heard
            before = dict(self._true_peaks)
            self._true_peaks.pop(last + _WINDOW_STEPS - 1, None)
            lowest = min(lowest, self._ratio(last, float(short_term[last])))
            self._true_peaks = before
        return lowest if np.isfinite(lowest) else None

    def _look(self, first: int, after: int, short_term: Sequence[float] | Floats) -> None:
        """Windows that begin with so many steps, in order; those before the stream are none."""
        first = max(first, 0)
        if after <= first:
            return
        sample_peaks = np.array(self._sample_peaks[first : after + _WINDOW_STEPS - 1])
        highest = np.lib.stride_tricks.sliding_window_view(sample_peaks, _WINDOW_STEPS).max(axis=1)
        energies = np.array(short_term[first:after])
        loud = np.flatnonzero(energies >= GATE_ENERGY)
        for here in loud[highest[loud] ** 2 < self._lowest * energies[loud]].tolist():
            self._lowest = min(self._lowest, self._ratio(first + here, float(energies[here])))

    def _ratio(self, first: int, energy: float) -> float:
        """The ratio of the window that begins with a step, or infinity where it is not the lowest."""
        if energy < GATE_ENERGY:
            return np.inf
        window = range(first, first + _WINDOW_STEPS)
        peak = max(self._sample_peak(step) for step in window)
        bound = float(sharp_interpolator().bounds[0])
        for step in sorted(window, key=lambda step: -self._sample_peak(step)):
            if peak * peak >= self._lowest * energy:
                return np.inf
            if max(self._sample_peak(near) for near in (step - 1, step, step + 1)) * bound > peak:
                peak = max(peak, self._true_peak(step))
        return np.inf if peak * peak >= self._lowest * energy else peak * peak / energy

    def _sample_peak(self, step: int) -> float:
        """0 before the stream, and after its end what came of the step that has not ended."""
        if step < 0:
            return 0.0
        return self._sample_peaks[step] if step < len(self._sample_peaks) else self._pending_peak

    def _true_peak(self, step: int) -> float:
        peak = self._true_peaks.get(step)
        if peak is None:
            heard = self._between(self._edge(step) - INTERPOLATOR_REACH, self._edge(step + 1) + INTERPOLATOR_REACH)
            peak = highest_between(heard, highest_sample(heard), self._sample_peaks[step])
            self._true_peaks[step] = peak
        return peak

    def _between(self, first: int, after: int) -> Floats:
        """Samples [first, after) of the stream, silence before and after it."""
        heard = np.zeros((after - first, self._channels))
        for begin, block in self._heard:
            start, end = max(begin, first), min(begin + len(block), after)
            if start < end:
                heard[start - first : end - first] = block[start - begin : end - begin]
        return heard

    def _forget(self, first: int) -> None:
        """What lies before the windows that are still to be looked at, of which the first begins with a step."""
        needed = self._edge(first) - INTERPOLATOR_REACH
        while len(self._heard) > 1 and self._heard[1][0] <= needed:
            self._heard.popleft()
        self._true_peaks = {step: peak for step, peak in self._true_peaks.items() if step >= first}

    def _edge(self, step: int) -> int:
        return step * self._rate_hz // _STEPS_PER_SECOND
