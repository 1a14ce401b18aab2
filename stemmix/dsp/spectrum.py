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
from stemmix.dsp import spectrum_kernels
from stemmix.dsp.fft import Transform

Floats = NDArray[np.float64]

HEARD_FROM_HZ = 30.0
"""Bins below carry rumble and DC, no band."""

HOPS_PER_SECOND = 50

LONGEST_STRETCH = 64
"""Bins that are added up in single precision, and whose fractions are multiplied: under 2^64."""


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
    stretches: NDArray[np.int64]
    """(n, 4) of the heard bins in order, `LONGEST_STRETCH` at most: the first, that after the last, the band next below
    all of them, the classic band of all of them or 7, none. Nyquist's stands alone."""

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
    heard = bin_hz >= HEARD_FROM_HZ
    classic_bins = np.minimum(np.searchsorted(bin_hz, CLASSIC_EDGES_HZ), size // 2 + 1).astype(np.int64)
    return Ruler(
        rate_hz=rate_hz,
        window_samples=size,
        hop_samples=round(rate_hz / HOPS_PER_SECOND),
        window=np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)),
        bin_hz=bin_hz,
        lower_band=lower,
        upper_share=position - lower,
        heard=heard,
        classic_bins=classic_bins,
        stretches=_stretches(int(np.argmax(heard)), lower, classic_bins),
    )


def _stretches(first: int, lower_band: NDArray[np.int64], classic_bins: NDArray[np.int64]) -> NDArray[np.int64]:
    """As `Ruler.stretches`, of bins from `first` on."""
    last = len(lower_band) - 1
    range_ = np.searchsorted(classic_bins, np.arange(last + 1), side="right") - 1
    range_[range_ < 0] = len(classic_bins) - 1
    rows: list[tuple[int, int, int, int]] = []
    for k in range(first, last + 1):
        belongs = int(lower_band[k]), int(range_[k])
        if rows and rows[-1][2:] == belongs and k - rows[-1][0] < LONGEST_STRETCH and k < last:
            rows[-1] = (rows[-1][0], k + 1, *belongs)
        else:
            rows.append((k, k + 1, *belongs))
    return np.array(rows, np.int64)


@dataclass(frozen=True, eq=False)
class Spectra:
    """What a run of frames holds; power is mean-square re full scale."""

    powers: Floats
    """(frames, 82) 36 powers of both channels, 36 of the mid, 7 of both in the classic bands, centroid, flatness,
    rolloff."""

    @property
    def total(self) -> Floats:
        """(frames, 36) power of both channels."""
        return self.powers[:, :BAND_COUNT]

    @property
    def mid(self) -> Floats:
        """(frames, 36) power of (L + R) / sqrt 2."""
        return self.powers[:, BAND_COUNT : 2 * BAND_COUNT]

    @property
    def classic(self) -> Floats:
        """(frames, 7) power of both channels in the classic bands."""
        return self.powers[:, 2 * BAND_COUNT : -3]

    @property
    def centroid_hz(self) -> Floats:
        """(frames,) centre of the magnitude spectrum, 0 where silent."""
        return self.powers[:, -3]

    @property
    def flatness(self) -> Floats:
        """(frames,) geometric over arithmetic mean of the power spectrum, 0 to 1; 0 where silent."""
        return self.powers[:, -2]

    @property
    def rolloff_hz(self) -> Floats:
        """(frames,) 85 % of the magnitude lies below; 0 where silent."""
        return self.powers[:, -1]

    def levels_db(self) -> Floats:
        """(frames, 82) decibels, 1e-20 at least; of what is no power, centroid and rolloff, they mean nothing."""
        levels_db = np.empty_like(self.powers)
        spectrum_kernels.decibels(self.powers.reshape(-1), levels_db.reshape(-1))
        return levels_db


class BandAnalyser:
    """Streaming STFT of stereo audio into bands, 50 frames a second.

    Call `process` with blocks of any size, then `flush` once. Frame t is centred on sample t * hop; the signal is
    taken to be silent outside. Both channels go through one complex transform of L + jR: from Z(k) and Z(N-k),
    |L|^2 + |R|^2 = (|Z(k)|^2 + |Z(N-k)|^2) / 2 and Re(L R*) = Im(Z(k) Z(N-k)) / 2.
    """

    def __init__(self, rate_hz: int) -> None:
        self.ruler = ruler(rate_hz)
        size = self.ruler.window_samples
        self._transform = Transform(size, np.float32)
        self._window = self.ruler.window.astype(np.float32)
        self._roots = np.zeros((size // 2 + 1, self._transform.lanes), np.float32)
        self._shares = np.stack((1.0 - self.ruler.upper_share, self.ruler.upper_share), axis=1).astype(np.float32)
        self._signal = np.zeros((size // 2, 2), np.float32)
        """Room for what is heard at once, filled again and again: at its beginning stands what waits."""
        self._waiting = size // 2
        self._received = 0
        self._made = 0

    def process(self, block: Floats) -> Spectra:
        """The frames that (n, 2) samples complete; may be none."""
        self._received += len(block)
        return self._take(block, at_end=False)

    def flush(self) -> Spectra:
        """The frames that are left, the signal followed by silence."""
        missing = self.ruler.frame_count(self._received) - self._made
        tail = np.zeros((max(missing, 0) * self.ruler.hop_samples + self.ruler.window_samples, 2))
        return self._take(tail, at_end=True)

    def _take(self, block: Floats, *, at_end: bool) -> Spectra:
        rule, lanes = self.ruler, self._transform.lanes
        size, hop = rule.window_samples, rule.hop_samples
        waiting = self._waiting
        ready = max((waiting + len(block) - size) // hop + 1, 0)
        count = min(rule.frame_count(self._received) - self._made, ready) if at_end else ready - ready % lanes
        # a register that is not full hears silence in the lanes that are left
        room = max(waiting + len(block), (-(-count // lanes) * lanes - 1) * hop + size if count else 0)
        if room > len(self._signal):
            self._signal = np.concatenate((self._signal[:waiting], np.empty((room - waiting, 2), np.float32)))
        signal = self._signal[:room]
        here = signal[waiting : waiting + len(block)]
        spectrum_kernels.narrowed(np.ascontiguousarray(block).reshape(-1), here.reshape(-1))
        signal[waiting + len(block) :] = 0.0
        out = np.empty((count, COLUMNS))
        spectrum_kernels.gathered(
            signal,
            hop,
            self._window,
            self._transform.radices,
            self._transform.table,
            tuple(self._transform.planes),
            self._roots,
            self._shares,
            rule.stretches,
            rule.rate_hz / size,
            out,
        )
        self._waiting = max(waiting + len(block) - count * hop, 0)
        signal[: self._waiting] = signal[count * hop : waiting + len(block)].copy()
        self._made += count
        return Spectra(out)


COLUMNS = 2 * BAND_COUNT + 10
"""Of `Spectra.powers`."""
