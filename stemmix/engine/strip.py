"""One stem's chain in pass 2: its fader, then the cuts that the plan makes in it.

Mid and sides, (L + R) / sqrt 2 and (L - R) / sqrt 2, have gains of their own. They are zero-phase gains on a short-time
spectrum: they give the planned curve exactly, without phase shift, so that stems recorded together stay in phase, and
without the coefficients of a modulated biquad, which are not safe. What is subtracted is the cut itself,
y = x - ISTFT((1 - G) STFT(x)): where no cut is active the difference is nothing, and the stem passes bit for bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp import kernels
from stemmix.dsp.dynamics import StemGains
from stemmix.dsp.spectrum import Ruler, ruler
from stemmix.units import gain_from_db

Floats = NDArray[np.float64]

SILENT_SAMPLES = 480
"""As long a run of exact zeros is digital silence: 10 ms at 48 kHz."""

FRAMES_AT_ONCE = 32
"""Frames are made in batches that begin at fixed samples, so that the last bits do not depend on the blocks."""


class Strip:
    """Streaming: `process` gives as many (n, 2) samples as it takes, `latency_samples` late; `flush` gives the rest.

    The programme is silent before its first sample and after its last. A batch of FRAMES_AT_ONCE frames, a hop of half
    a window apart, is transformed when the last sample of its last frame is there.
    """

    def __init__(self, gains: StemGains, gain_db: float, rate_hz: int) -> None:
        self._ruler: Ruler = ruler(rate_hz)
        self._gains = gains
        self._fader = gain_from_db(gain_db)
        self._size = self._ruler.window_samples
        self._hop = self._size // 2
        self._batch = FRAMES_AT_ONCE * self._hop
        self.latency_samples = self._batch + self._size
        # waiting[0] is programme sample `_begin`; frame f of a batch is centred on sample (batch * 32 + f) * hop
        self._begin = -self._hop
        self._waiting = np.zeros((self._hop, 2))
        self._overlap = np.zeros((self._hop, 2))
        # what is made first begins half a window before the programme
        self._ready = np.zeros((self.latency_samples - self._hop, 2))
        self._frames = np.empty((FRAMES_AT_ONCE, self._size), np.complex128)
        self._batches = 0
        self._silent_before = 0
        """Samples of digital silence that stand before waiting[0]."""

    def process(self, block: Floats) -> Floats:
        """(n, 2) samples in, (n, 2) out, `latency_samples` late."""
        if not len(block):
            return block
        arrived = block if self._fader == 1.0 else block * self._fader
        self._waiting = np.concatenate((self._waiting, arrived))
        made = [self._ready]
        while len(self._waiting) >= self._batch + self._size:
            made.append(self._next_batch())
        ready = np.concatenate(made)
        self._ready = ready[len(block) :]
        return ready[: len(block)]

    def flush(self) -> Floats:
        """The last `latency_samples` samples."""
        return self.process(np.zeros((self.latency_samples, 2)))

    def _next_batch(self) -> Floats:
        """The `_batch` samples from the batch's first frame's start on; shifts the waiting input by as much."""
        first = self._batches * self._batch
        heard = self._waiting[: self._batch + self._size]
        out = heard[: self._batch].copy()
        if self._gains.idle(first - self._hop, first + self._batch):
            out[: self._hop] -= self._overlap
            self._overlap = np.zeros((self._hop, 2))
        else:
            removed = self._removed(heard, first)
            removed[: self._hop] += self._overlap
            out -= removed[: self._batch]
            self._overlap = removed[self._batch : self._batch + self._hop]
        silent = kernels.silence_at_end(heard[: self._batch])
        self._silent_before = silent + (self._silent_before if silent == self._batch else 0)
        self._waiting = self._waiting[self._batch :]
        self._batches += 1
        return out

    def _removed(self, heard: Floats, first: int) -> Floats:
        """What the cuts take away from a batch: (batch + hop, 2)."""
        from scipy.fft import fft, ifft

        gain_db = self._gains.at(first + np.arange(FRAMES_AT_ONCE, dtype=np.float64) * self._hop)
        taken = np.zeros((self._batch + self._hop, 2))
        rows = np.flatnonzero(gain_db.any(axis=1))
        if not len(rows):
            return taken
        window = self._ruler.window
        frames = self._frames[: len(rows)]
        kernels.frames_of(heard, self._hop, window, rows, frames)
        spectra = fft(frames, axis=1, overwrite_x=True)
        gain_db = gain_db[rows]
        kernels.keep_what_is_cut(spectra, gain_db, self._ruler.lower_band, self._ruler.upper_share)
        kernels.add_frames(ifft(spectra, axis=1, overwrite_x=True), self._hop, window, rows, taken)
        kernels.keep_silent(heard, self._silent_before, SILENT_SAMPLES, taken)
        if np.array_equal(gain_db[:, :BAND_COUNT], gain_db[:, BAND_COUNT:]):
            # of two channels in one transform, a silent one would take up the other's last bits
            taken[:, ~heard.any(axis=0)] = 0.0
        return taken
