"""How far peaks stand over loudness from moment to moment: a sign of over-compression."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.filters import INTERPOLATOR_REACH, sharp_interpolator
from stemmix.dsp.true_peak import check_block, highest_between, highest_sample

Floats = NDArray[np.float64]

LOUDNESS_OFFSET_DB = -0.691
"""BS.1770-5 Annex 1 equation 2: makes a 997 Hz sine of 0 dBFS in one front channel read -3.01 LKFS."""

GATE_ENERGY = float(10.0 ** ((-70.0 - LOUDNESS_OFFSET_DB) / 10.0))
"""Mean weighted square at the absolute gate, -70 LKFS (BS.1770-5 Annex 1)."""

_STEPS_PER_SECOND = 10
_WINDOW_STEPS = 30


@dataclass
class _Step:
    """A tenth of a second, with what is known of its peak."""

    heard: Floats
    sample_peak: float
    true_peak: float | None = None


class PsrMeter:
    """The lowest peak to short-term loudness ratio: true peak of three seconds over the loudness of the same three.

    Source: Shepherd, Grimm, Tapper, Kahsnitz, "Measuring Micro-Dynamics - A First Step: Standardizing PSR", AES 143rd
    Convention (2017), e-Brief 373. Windows end on tenths of a second; those under -70 LUFS are left out.

    A true peak is no lower than the samples', and only the lowest ratio is asked for: it is worked out for windows
    whose samples would bring it down, no others. So the blocks of three seconds are kept.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._rate_hz = rate_hz
        self._channels = channels
        self._pieces: list[Floats] = []
        self._pending = 0
        self._whole = 0
        self._steps: deque[_Step] = deque(maxlen=_WINDOW_STEPS + 2)  # one more on either side of the window
        self._lowest = np.inf

    def process(self, block: Floats, short_term: Sequence[float] | Floats) -> None:
        """Hear (n, channels) samples, which are looked at for three seconds more and may not be written to meanwhile.

        `short_term` as of `LoudnessMeter.short_term_energies`, which has heard them.
        """
        check_block(block, self._channels)
        while len(block):
            wanted = self._edge(self._whole + 1) - self._edge(self._whole) - self._pending
            piece, block = block[:wanted], block[wanted:]
            self._pieces.append(piece)
            self._pending += len(piece)
            if len(piece) == wanted:
                heard = self._pieces[0] if len(self._pieces) == 1 else np.concatenate(self._pieces)
                self._steps.append(_Step(heard, highest_sample(heard)))
                self._pieces, self._pending = [], 0
                self._whole += 1
                # the window before: what follows a window is needed to see between its last samples
                if self._whole > _WINDOW_STEPS:
                    energy = float(short_term[self._whole - 1 - _WINDOW_STEPS])
                    self._lowest = min(self._lowest, self._ratio(list(self._steps), energy))

    def read(self, short_term: Sequence[float] | Floats) -> float | None:
        """The lowest ratio of squared true peak to mean weighted square so far; None where there is no window."""
        lowest = self._lowest
        if self._whole >= _WINDOW_STEPS:
            reach = np.concatenate((*self._pieces, np.zeros((INTERPOLATOR_REACH, self._channels))))
            steps = [*self._steps, _Step(reach, highest_sample(reach))][-_WINDOW_STEPS - 2 :]
            # reading changes nothing: the last step's peak may be another once more is heard
            steps[-2] = _Step(steps[-2].heard, steps[-2].sample_peak)
            lowest = min(lowest, self._ratio(steps, float(short_term[self._whole - _WINDOW_STEPS])))
        return lowest if np.isfinite(lowest) else None

    def _ratio(self, steps: list[_Step], energy: float) -> float:
        """The ratio of the window that ends with the last step but one, or infinity where it is not the lowest."""
        if energy < GATE_ENERGY:
            return np.inf
        first = len(steps) - 1 - _WINDOW_STEPS
        window = range(first, first + _WINDOW_STEPS)
        peak = max([step.sample_peak for step in steps[first : first + _WINDOW_STEPS]])
        if peak * peak >= self._lowest * energy:
            return np.inf
        bound = float(sharp_interpolator().bounds[0])
        for i in sorted(window, key=lambda i: -steps[i].sample_peak):
            if peak * peak >= self._lowest * energy:
                return np.inf
            around = steps[max(i - 1, 0) : i + 2]
            if max(step.sample_peak for step in around) * bound > peak:
                peak = max(peak, self._true_peak(steps, i))
        return peak * peak / energy

    def _true_peak(self, steps: list[_Step], i: int) -> float:
        step = steps[i]
        if step.true_peak is None:
            silence = np.zeros((INTERPOLATOR_REACH, self._channels))
            before = steps[i - 1].heard[-INTERPOLATOR_REACH:] if i else silence
            heard = np.concatenate((before, step.heard, steps[i + 1].heard[:INTERPOLATOR_REACH]))
            step.true_peak = highest_between(heard, highest_sample(heard), step.sample_peak)
        return step.true_peak

    def _edge(self, step: int) -> int:
        return step * self._rate_hz // _STEPS_PER_SECOND
