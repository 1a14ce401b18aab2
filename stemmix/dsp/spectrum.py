"""Short-time spectra gathered into ERB bands: the ruler that analysis, decisions and cuts all share.

A bin's power is shared between the two nearest band centres (a triangular partition: shares sum to one), and
a gain per band becomes a gain per bin by the same shares, in dB. Levels are mean-square re full scale: a sine that
peaks at 1 in one channel reads -3.01 dB in the sum of its bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT, CENTRE_HZ, CLASSIC_EDGES_HZ, STEP, erb_number
from stemmix.dsp import kernels

Floats = NDArray[np.float64]

HEARD_FROM_HZ = 30.0
"""Bins below carry rumble and DC, no band."""

HOPS_PER_SECOND = 50

FRAMES_AT_ONCE = 64
"""Transforms are always taken in batches of this size, so that their last bits do not depend on how audio arrives."""


def erb_numbers(frequency_hz: Sequence[float] | Floats) -> Floats:
    """`bands.erb_number` of each frequency in Hz."""
    return np.asarray(21.4 * np.log10(1 + 0.00437 * np.asarray(frequency_hz, dtype=np.float64)))


@dataclass(frozen=True, eq=False)
class Ruler:
    """How one sample rate is cut into frames, bins and bands."""

    rate_hz: int
    window_samples: int
    """About 43 ms, a power of two: 2048 at 48 kHz."""
    hop_samples: int
    """20 ms, of analysis."""
    window: Floats
    """(window,) square root of a periodic Hann window: applied before and after, it sums to one at half overlap."""
    bin_hz: Floats
    """(window / 2 + 1,)"""
    lower_band: NDArray[np.int64]
    """(bins,) the band whose centre is next below; the last but one at most."""
    upper_share: Floats
    """(bins,) what the band above has of a bin; the band below has the rest."""
    heard: NDArray[np.bool_]
    """(bins,) whether a bin belongs to any band."""
    classic_bins: NDArray[np.int64]
    """(8,) first bins of the seven classic bands and the end of the last."""

    def frame_count(self, samples: int) -> int:
        """Analysis frames of a signal: frame t is centred on sample t * hop."""
        return -(-samples // self.hop_samples) + 1 if samples else 0


@lru_cache(maxsize=16)
def ruler(rate_hz: int) -> Ruler:
    """The ruler of a sample rate in Hz."""
    size = 2 ** round(np.log2(rate_hz * 2048 / 48_000))
    bin_hz = np.arange(size // 2 + 1) * (rate_hz / size)
    position = np.clip((erb_numbers(bin_hz) - erb_number(CENTRE_HZ[0])) / STEP, 0, BAND_COUNT - 1)
    lower = np.minimum(np.floor(position).astype(np.int64), BAND_COUNT - 2)
    return Ruler(
        rate_hz=rate_hz,
        window_samples=size,
        hop_samples=round(rate_hz / HOPS_PER_SECOND),
        window=np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)),
        bin_hz=bin_hz,
        lower_band=lower,
        upper_share=position - lower,
        heard=bin_hz >= HEARD_FROM_HZ,
        classic_bins=np.minimum(np.searchsorted(bin_hz, CLASSIC_EDGES_HZ), size // 2 + 1).astype(np.int64),
    )


@dataclass(frozen=True, eq=False)
class Spectra:
    """What a run of frames holds; power is mean-square re full scale."""

    total: Floats
    """(frames, 36) power of both channels."""
    mid: Floats
    """(frames, 36) power of (L + R) / sqrt 2."""
    classic: Floats
    """(frames, 7) power of both channels in the classic bands."""
    centroid_hz: Floats
    """(frames,) centre of the magnitude spectrum, 0 where silent."""
    flatness: Floats
    """(frames,) geometric over arithmetic mean of the power spectrum, 0 to 1; 0 where silent."""
    rolloff_hz: Floats
    """(frames,) 85 % of the magnitude lies below; 0 where silent."""


class BandAnalyser:
    """Streaming STFT of stereo audio into bands, 50 frames a second.

    Call `process` with blocks of any size, then `flush` once. Frame t is centred on sample t * hop; the signal is
    taken to be silent outside. Both channels go through one complex transform of L + jR: from Z(k) and Z(N-k),
    |L|^2 + |R|^2 = (|Z(k)|^2 + |Z(N-k)|^2) / 2 and Re(L R*) = Im(Z(k) Z(N-k)) / 2.
    """

    def __init__(self, rate_hz: int) -> None:
        self.ruler = ruler(rate_hz)
        self._window = self.ruler.window.astype(np.float32)
        self._pending = np.zeros(self.ruler.window_samples // 2, np.complex64)
        self._frames = np.empty((FRAMES_AT_ONCE, self.ruler.window_samples), np.complex64)
        self._received = 0
        self._made = 0

    def process(self, block: Floats) -> Spectra:
        """The frames that (n, 2) samples complete; may be none."""
        self._received += len(block)
        packed = np.empty(len(block), np.complex64)
        packed.real, packed.imag = block[:, 0], block[:, 1]
        self._pending = np.concatenate((self._pending, packed))
        return self._take(at_end=False)

    def flush(self) -> Spectra:
        """The frames that are left, the signal followed by silence."""
        missing = self.ruler.frame_count(self._received) - self._made
        tail = np.zeros(max(missing, 0) * self.ruler.hop_samples + self.ruler.window_samples, np.complex64)
        self._pending = np.concatenate((self._pending, tail))
        return self._take(at_end=True)

    def _take(self, *, at_end: bool) -> Spectra:
        size, hop = self.ruler.window_samples, self.ruler.hop_samples
        if at_end:
            count = self.ruler.frame_count(self._received) - self._made
        else:
            ready = max((len(self._pending) - size) // hop + 1, 0)
            count = ready - ready % FRAMES_AT_ONCE
        rows = [self._batch(first, min(FRAMES_AT_ONCE, count - first)) for first in range(0, count, FRAMES_AT_ONCE)]
        self._pending = self._pending[count * hop :]
        self._made += count
        joined = np.concatenate(rows) if rows else np.zeros((0, 2 * BAND_COUNT + 10))
        return Spectra(
            total=joined[:, :BAND_COUNT],
            mid=joined[:, BAND_COUNT : 2 * BAND_COUNT],
            classic=joined[:, 2 * BAND_COUNT : 2 * BAND_COUNT + 7],
            centroid_hz=joined[:, -3],
            flatness=joined[:, -2],
            rolloff_hz=joined[:, -1],
        )

    def _batch(self, first: int, count: int) -> Floats:
        from scipy.fft import fft

        size, hop = self.ruler.window_samples, self.ruler.hop_samples
        # one buffer for good: memory that is new each time is dearer than the transform's window
        kernels.windowed(self._pending[first * hop :], hop, self._window, count, self._frames)
        spectra = fft(self._frames, axis=1, overwrite_x=True)
        out = np.zeros((FRAMES_AT_ONCE, 2 * BAND_COUNT + 10))
        kernels.gather_bands(
            spectra,
            4.0 / size**2,
            self.ruler.lower_band,
            self.ruler.upper_share,
            int(np.argmax(self.ruler.heard)),
            self.ruler.classic_bins,
            self.ruler.rate_hz / size,
            out,
        )
        return out[:count]
