"""Pass 1: one streaming loop per stem, from samples to features."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stemmix.analysis.onsets import FluxMeter, pick_onsets
from stemmix.analysis.outline import Outline
from stemmix.analysis.speech import phrases_of, sounding
from stemmix.analysis.voice import VoiceBands
from stemmix.bands import BAND_COUNT, CENTRE_HZ
from stemmix.dsp import feature_kernels
from stemmix.dsp.filters import k_weighting_power
from stemmix.dsp.meters import Meter
from stemmix.dsp.spectrum import BandAnalyser, Spectra
from stemmix.model.features import COLUMN_COUNT, LOWEST_CENTIBEL, Look, Onset, Span, StemFacts
from stemmix.model.layouts import STEREO
from stemmix.model.receipt import Measured
from stemmix.units import SILENCE_DB, db_from_gain, db_from_power

Floats = NDArray[np.float64]

AUDIBLE_DB = -90.0
"""Frames under this say nothing of a stem's character."""

CLIPPED_RUNS_WORTH_SAYING = 3
DC_WORTH_SAYING = 0.003
"""-50 dBFS: eats headroom, and shifts what a compressor hears."""


class StemScan:
    """Streaming: `process` blocks of (n, 2) samples at the programme's rate, then `finish`.

    Rows of features go to `sink` as they are made; the stem is taken to begin `lead_samples` (less than a hop) before
    its first sample, so that its frames lie on the programme's grid.
    """

    def __init__(self, rate_hz: int, lead_samples: int, sink: Callable[[NDArray[np.int16]], None]) -> None:
        self._rate_hz = rate_hz
        self._lead = lead_samples
        self._sink = sink
        self._bands = BandAnalyser(rate_hz)
        self._meter = Meter(rate_hz, STEREO.weights)
        self._flux = FluxMeter()
        self._outline = Outline(self._bands.ruler.hop_samples, lead_samples)
        self._k_power = k_weighting_power(rate_hz, CENTRE_HZ)
        self._frames = 0
        self._character = _Character()
        # kept for the whole stem: 8 bytes a frame, 3 MB for two hours
        self._flux_db = array("f")
        self._k_level_cb = array("h")
        self._voice = VoiceBands()
        self._take(self._bands.process(np.zeros((lead_samples, 2))))

    def process(self, block: Floats) -> None:
        """The next (n, 2) samples."""
        for part in self.parts(block):
            part()

    def parts(self, block: Floats) -> list[Callable[[], None]]:
        """`process` in parts that share nothing, to be done side by side before the next block's."""
        self._frames += len(block)
        return [partial(lane, block) for lane in (self._hear_bands, *self._meter.lanes)]

    def _hear_bands(self, block: Floats) -> None:
        self._outline.process(block)
        self._take(self._bands.process(block))

    def finish(self, *, source_rate: int, source_layout: str, look: Look, share: float = 1.0) -> StemFacts:
        """The facts of the whole stem. Peaks are told over `share`, how much of a channel of the file is heard."""
        self._take(self._bands.flush())
        active, spoken = self._heard()
        return StemFacts(
            sample_rate=self._rate_hz,
            frames=self._frames,
            lead_samples=self._lead,
            source_rate=source_rate,
            source_layout=source_layout,
            measured=_over(share, Measured.of(self._meter.read())),
            dc=round(look.dc, 6),
            clipped_runs=look.clipped_runs,
            noise_floor_db=self._character.noise_floor_db(),
            classic_rms_db=self._character.classic_rms_db(),
            centroid_hz=self._character.centroid_hz(),
            flatness=self._character.flatness(),
            rolloff_hz=self._character.rolloff_hz(),
            onsets=self._onsets(),
            active=active,
            spoken=spoken,
            warnings=tuple(_spoken(look, source_rate)),
        )

    def _onsets(self) -> tuple[Onset, ...]:
        found = pick_onsets(np.frombuffer(self._flux_db, np.float32))
        return tuple(Onset(at=self._sample_of(frame), strength_db=strength_db) for frame, strength_db in found)

    def _heard(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """Where something is heard, and where somebody would be heard to talk."""
        level_db = np.frombuffer(self._k_level_cb, np.int16) * np.float32(0.01)
        phrases = phrases_of(level_db, self._voice.codes())
        spoken = [(one.start, one.end) for one in phrases if not one.knocks]
        return self._spans(sounding(level_db, phrases)), self._spans(spoken)

    def _spans(self, frames: Iterable[tuple[int, int]]) -> tuple[Span, ...]:
        return tuple(Span(start=self._sample_of(start), end=self._sample_of(end)) for start, end in frames)

    def _sample_of(self, frame: int) -> int:
        """Of the stem, at which a frame is centred; where that is beyond it, its beginning or its end."""
        return min(max(frame * self._bands.ruler.hop_samples - self._lead, 0), self._frames)

    def _take(self, spectra: Spectra) -> None:
        if not len(spectra.total):
            return
        powers, level_db = spectra.powers, spectra.levels_db()
        flux_db = self._flux.process(level_db)
        k_level_cb = np.empty(len(powers), np.int16)
        feature_kernels.weighted_levels(powers, self._k_power, LOWEST_CENTIBEL, k_level_cb)
        rows = np.empty((len(powers), COLUMN_COUNT), np.int16)
        extent = self._outline.take(len(powers))
        feature_kernels.stored_rows(powers, level_db, flux_db, extent, LOWEST_CENTIBEL, rows)
        self._flux_db.frombytes(flux_db.astype(np.float32).data.cast("B"))
        self._k_level_cb.frombytes(k_level_cb.data.cast("B"))
        self._voice.take(powers)
        self._character.take(spectra)
        self._sink(rows)


class _Character:
    """Running means of what describes a stem, weighted with power where that is usual."""

    def __init__(self) -> None:
        self._frames = 0
        self._sums = np.zeros(11)
        self._levels = np.zeros(256, np.int64)
        """How many audible frames have a level of 0 to -127.5 dBFS, in half dB."""

    def take(self, spectra: Spectra) -> None:
        self._frames += len(spectra.powers)
        feature_kernels.add_character(spectra.powers, BAND_COUNT, AUDIBLE_DB, self._sums, self._levels)

    def noise_floor_db(self) -> float:
        count = int(self._levels.sum())
        if not count:
            return SILENCE_DB
        quiet_first = np.cumsum(self._levels[::-1])
        return float(-0.5 * (255 - int(np.searchsorted(quiet_first, 0.1 * count))))

    def classic_rms_db(self) -> tuple[float, ...]:
        return tuple(round(db_from_power(power), 2) for power in self._sums[4:] / max(self._frames, 1))

    def centroid_hz(self) -> float:
        return round(self._mean(1), 1)

    def flatness(self) -> float:
        return round(self._mean(2), 4)

    def rolloff_hz(self) -> float:
        return round(self._mean(3), 1)

    def _mean(self, number: int) -> float:
        """Of what is weighted with power; 0 where there is none."""
        return float(self._sums[number] / self._sums[0]) if self._sums[0] > 0 else 0.0


def _over(share: float, measured: Measured) -> Measured:
    """Peaks as they were before a channel was heard with a share of it."""
    share_db = db_from_gain(share)
    peaks = {name: getattr(measured, name) for name in ("true_peak_dbtp", "sample_peak_dbfs", "plr_db")}
    return measured.model_copy(
        update={name: peak_db - share_db for name, peak_db in peaks.items() if peak_db is not None}
    )


def _spoken(look: Look, rate_hz: int) -> list[str]:
    """Faults that do not stop a mix, in words."""
    said = []
    if look.clipped_runs >= CLIPPED_RUNS_WORTH_SAYING and look.first_clipped is not None:
        first_s = look.first_clipped / rate_hz
        said.append(f"is clipped: {look.clipped_runs} runs of samples at full scale, the first at {first_s:.3f} s")
    if abs(look.dc) >= DC_WORTH_SAYING:
        said.append(f"has a DC offset of {look.dc:+.4f} of full scale")
    return said
