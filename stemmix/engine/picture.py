"""What two sides of a stereo picture say together: phase, mono, fold-down, and how dense it is.

Stereo is its own picture; of a wider layout it is the Lo/Ro fold-down (`layouts.fold_matrix`), which most listeners
get.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.pair_kernels import COLUMNS
from stemmix.dsp.spells import Sliding, Spells
from stemmix.engine.findings import (
    BINS_PER_SECOND,
    JUDGED_POWER,
    WINDOW,
    finding,
    graded,
    places_of,
    seconds_of_window,
    spells_of,
    unjudged,
)
from stemmix.model.layouts import MONO, STEREO, Layout
from stemmix.model.receipt import Finding, Verdict
from stemmix.units import LOUDNESS_OFFSET_DB, POWER_FLOOR, db_from_gain, db_from_power

Floats = NDArray[np.float64]

_SUSTAINED_S: Final = 3.0
"""What passes sooner is an effect; what lasts longer is how the mix stands."""
CORRELATION_WARN, CORRELATION_FAIL = -0.4, -0.8
"""Wide ambience wanders around 0; polarity reversed on one side stands near -1."""
MONO_LOSS_WARN_DB, MONO_LOSS_FAIL_DB = 6.0, 12.0
"""Sides without correlation lose 3 dB in mono; half the power again is lost to cancellation."""
FOLD_LOSS_WARN_DB, FOLD_LOSS_FAIL_DB = 3.0, 6.0
"""The front keeps its power in Lo/Ro (BS.775-3: C at -3 dB on either side): what is lost was cancelled. A line that
was clear has no 3 dB to give away."""
PSR_WARN_DB: Final = 6.5
"""Under 8 dB music is heard as squashed (Shepherd, Grimm, Tapper and Kahsnitz, AES e-Brief 373, 2017; MeterPlugs,
Dynameter); but rain in stereo reads 7 to 8 of itself, and is to be left alone. Peaks are the samples', which may be
some tenths lower than true ones."""
PSR_LASTS_S: Final = 30.0
PSR_LASTS_SHARE: Final = 0.25
"""A loud chorus may be dense; half a minute of it, and a quarter of the programme, is how it was mastered."""
STEADY_VARIANCE: Final = 0.02
"""Of the power of 0.1 s, over its mean squared: 0.6 dB. A drone has no dynamics for a compressor to take, on neither
side, nor in the band of speech by itself; what a limiter has made even is even in sum only. In 0.1 s a low note's own
waves are even."""
_STEADY_BINS: Final = BINS_PER_SECOND // 10
PSR_LOUDEST_DB: Final = 3.0
"""Squashed by a limiter: the peaks are near the highest there are. A soft organ's are not."""

FRONT: Final = ("L", "R", "C")
"""Where dialogue is."""
_AA, _BB, _AB, _K_AA, _K_BB, _K_AB, _S_AA, _S_BB, _S_AB, _PEAK = range(2, len(COLUMNS))
_STEADY_BY: Final = [_K_AA, _S_AA, _K_BB, _S_BB]
"""Of one side, and of the other."""


class Picture:
    """Watches the two sides, or the one channel of mono."""

    def __init__(self, rate_hz: int, layout: Layout, dialogue: NDArray[np.int64], window: int) -> None:
        """`dialogue`: (spans, 2) in samples, in order; none: all sound in the band of speech is taken for it.
        `window`: bins that are judged together (`findings.window_of`)."""
        self._rate_hz = rate_hz
        self._window = window
        self._frames = window / BINS_PER_SECOND * rate_hz
        self._bins = 0
        self._is_mono = layout == MONO
        self._dialogue = dialogue
        self._is_fold = layout not in {MONO, STEREO}
        self._fronts = [layout.labels.index(label) for label in FRONT if label in layout.labels]
        self._steady_by = _STEADY_BY[:2] if self._is_mono else _STEADY_BY
        self._tenths = Sliding(_STEADY_BINS, len(self._steady_by))
        self._windows = Sliding(window, len(COLUMNS) + 2 + len(self._steady_by))
        sustained = round(_SUSTAINED_S * BINS_PER_SECOND)
        self._correlation, self._fold_loss, *self._mono = (spells_of(sustained, window) for _ in range(4))
        self._dense = DenseWindows()
        self._worst_correlation: float | None = None
        self._worst_mono_db: float | None = None
        self._worst_fold_db: float | None = None

    def process(self, pair: Floats, speech: Floats, ends: NDArray[np.int64]) -> None:
        """Bins, which end at frames `ends` (bins,) of the file: sums of the picture's two channels, (bins, columns),
        and power of every channel in the band of speech, (bins, channels).
        """
        self._bins += len(pair)
        front = speech[:, self._fronts].sum(axis=1) if self._is_fold else np.zeros(len(pair))
        if len(self._dialogue):
            front = front * self._spoken(ends)
        fold_speech = (pair[:, _S_AA] + pair[:, _S_BB]) * (front > 0.0)
        heard = [_K_AA] if self._is_mono else [_K_AA, _K_BB]
        weighted = pair[:, heard].sum(axis=1)
        squares = np.square(np.nan_to_num(self._tenths.process(pair[:, self._steady_by])))
        sums = self._windows.process(np.column_stack((pair, front, fold_speech, squares)))
        if self._window == WINDOW:
            window = sums[:, heard].sum(axis=1)
            even = (1 + STEADY_VARIANCE) * np.square(_STEADY_BINS * sums[:, self._steady_by])
            is_steady = np.all(WINDOW * sums[:, -len(self._steady_by) :] <= even, axis=1)
            bin_frames = self._frames / WINDOW
            self._dense.process(pair[:, _PEAK], weighted / bin_frames, window / self._frames, is_steady)
        if self._is_mono:
            return
        with np.errstate(invalid="ignore", divide="ignore"):
            self._look_at_correlation(pair, sums)
            for spells, (a, b, ab) in zip(self._mono, ((_K_AA, _K_BB, _K_AB), (_S_AA, _S_BB, _S_AB)), strict=True):
                loud = (sums[:, a] + sums[:, b]) / self._frames > JUDGED_POWER
                worst = self._look_at_loss(
                    spells,
                    MONO_LOSS_WARN_DB,
                    (pair[:, a] + pair[:, b], sums[:, a] + sums[:, b], loud),
                    (_mono(pair, a, b, ab), _mono(sums, a, b, ab)),
                )
                self._worst_mono_db = _worse(self._worst_mono_db, worst)
            if self._is_fold:
                window_front, window_fold = sums[:, len(COLUMNS)], sums[:, len(COLUMNS) + 1]
                worst = self._look_at_loss(
                    self._fold_loss,
                    FOLD_LOSS_WARN_DB,
                    (front, window_front, window_front / self._frames > JUDGED_POWER),
                    (fold_speech, window_fold),
                )
                self._worst_fold_db = _worse(self._worst_fold_db, worst)

    def _look_at_correlation(self, pair: Floats, sums: Floats) -> None:
        both = np.sqrt(sums[:, _AA] * sums[:, _BB])
        loud = np.minimum(sums[:, _AA], sums[:, _BB]) / self._frames > JUDGED_POWER
        correlation = np.where(loud, sums[:, _AB] / both, 1.0)
        if loud.any():
            lowest = float(correlation.min())
            self._worst_correlation = (
                lowest if self._worst_correlation is None else min(self._worst_correlation, lowest)
            )
        excess = CORRELATION_WARN * np.sqrt(pair[:, _AA] * pair[:, _BB]) - pair[:, _AB]
        self._correlation.process(correlation < CORRELATION_WARN, excess)

    @staticmethod
    def _look_at_loss(
        spells: Spells, limit_db: float, whole: tuple[Floats, Floats, NDArray[np.bool_]], left: tuple[Floats, Floats]
    ) -> float | None:
        """Power of bins and windows, which of these are judged, and what is left of it; gives the worst loss in dB."""
        share = np.where(whole[2], left[1] / whole[1], 1.0)
        limit = 10 ** (-limit_db / 10)
        spells.process(share < limit, limit * whole[0] - left[0])
        return max(-db_from_power(max(float(share.min()), POWER_FLOOR)), 0.0) if whole[2].any() else None

    def _spoken(self, ends: NDArray[np.int64]) -> Floats:
        """1 for the bins whose end lies in dialogue, 0 for others."""
        number = np.searchsorted(self._dialogue[:, 0], ends - 1, side="right") - 1
        spoken: Floats = ((number >= 0) & (ends - 1 < self._dialogue[number, 1])).astype(np.float64)
        return spoken

    def findings(self) -> Iterable[Finding]:
        """What was found; the sound has ended."""
        for spells in (self._correlation, *self._mono, self._fold_loss, self._dense.spells):
            spells.finish()
        if not self._is_mono:
            yield self._phase()
            yield self._mono_sum()
        if self._is_fold:
            yield self._fold_down()
        yield self._compression()

    def _phase(self) -> Finding:
        named = "Lo and Ro" if self._is_fold else "L and R"
        if self._worst_correlation is None:
            return self._unjudged("phase", f"correlation of {named}", "in both")
        lasted_s = self._correlation.bins / BINS_PER_SECOND
        text = (
            f"correlation of {named} over {seconds_of_window(self._window)} falls to {self._worst_correlation:+.2f}, "
            f"and is under {CORRELATION_WARN:g} for {lasted_s:.1f} s in spells of {self._lasting_s:g} s or more, "
            "allowed 0"
        )
        verdict: Verdict = "pass"
        if lasted_s:
            verdict = "fail" if self._worst_correlation < CORRELATION_FAIL else "warn"
        where = places_of(self._correlation.spans, self._rate_hz)
        return finding("phase", verdict, text, self._worst_correlation, CORRELATION_WARN, where)

    def _mono_sum(self) -> Finding:
        """Of the whole and of the band of speech: a voice may be lost under a bed that is not."""
        if self._worst_mono_db is None:
            return self._unjudged("mono", "mono sum", "in it")
        lasted = [span for spells in self._mono for span in spells.spans]
        window = seconds_of_window(self._window)
        told = f"loses up to {self._worst_mono_db:.1f} dB over {window}, of the whole or of the speech band"
        limits = (MONO_LOSS_WARN_DB, MONO_LOSS_FAIL_DB)
        return graded("mono", "mono sum", told, self._worst_mono_db, limits, places_of(lasted, self._rate_hz), lasted)

    def _fold_down(self) -> Finding:
        name = "dialogue" if len(self._dialogue) else "the speech band"
        if self._worst_fold_db is None:
            return self._unjudged("fold_down", f"{name} in the Lo/Ro fold-down", "of it in the front")
        window = seconds_of_window(self._window)
        told = f"in the Lo/Ro fold-down loses up to {self._worst_fold_db:.1f} dB of the front over {window}"
        limits = (FOLD_LOSS_WARN_DB, FOLD_LOSS_FAIL_DB)
        spans = self._fold_loss.spans
        return graded("fold_down", name, told, self._worst_fold_db, limits, places_of(spans, self._rate_hz), spans)

    def _unjudged(self, check: str, name: str, where: str) -> Finding:
        return unjudged(check, name, self._bins, f"nothing over {db_from_power(JUDGED_POWER):g} dBFS {where}")

    @property
    def _lasting_s(self) -> float:
        """From when on a spell counts."""
        return self._correlation.shortest / BINS_PER_SECOND

    def _compression(self) -> Finding:
        if not self._dense.judged:
            why = f"nothing over {db_from_power(JUDGED_POWER):g} dBFS for 3 s"
            why = "shorter than 3 s" if self._bins < WINDOW else why
            return finding("compression", "pass", f"over-compression: not judged, {why}")
        dense_s, judged_s = self._dense.dense / BINS_PER_SECOND, self._dense.judged / BINS_PER_SECOND
        allowed_s = max(PSR_LASTS_S, PSR_LASTS_SHARE * judged_s)
        text = (
            f"over-compressed for {dense_s:.0f} s of {judged_s:.0f}, allowed {allowed_s:.0f}: the peaks of loud sound, "
            f"drones apart, stand less than {PSR_WARN_DB:g} dB above its loudness over 3 s"
        )
        if dense_s <= allowed_s:
            return finding("compression", "pass", text, dense_s, allowed_s)
        return finding(
            "compression", "warn", text, dense_s, allowed_s, places_of(self._dense.spells.spans, self._rate_hz)
        )


class DenseWindows:
    """Windows whose peaks stand little over their loudness, near the highest peaks that there are."""

    def __init__(self) -> None:
        self._recent = np.zeros(WINDOW - 1)
        self._highest = 0.0
        self._counts: dict[int, int] = {}
        self.judged = 0
        """Windows that are loud enough to be judged."""
        self.spells = spells_of(1)
        """Of dense ones, near the highest peak so far."""

    def process(self, peaks: Floats, power: Floats, window_power: Floats, is_steady: NDArray[np.bool_]) -> None:
        """Peak and mean K-weighted power (n,) of new bins; of the windows that end with them, power and steadiness."""
        known = np.concatenate((self._recent, peaks))
        highest = np.lib.stride_tricks.sliding_window_view(known, WINDOW).max(axis=1)
        ratio = 10 ** ((PSR_WARN_DB + LOUDNESS_OFFSET_DB) / 10)
        judged = window_power > JUDGED_POWER
        dense = judged & ~is_steady & (np.square(highest) < ratio * window_power)
        so_far = np.maximum.accumulate(np.append(self._highest, np.where(judged, highest, 0.0)))[1:]
        for peak in highest[dense].tolist():
            # whole decibels will do to tell afterwards which were near the highest
            level = int(np.floor(db_from_gain(peak)))
            self._counts[level] = self._counts.get(level, 0) + 1
        # a window is dense where the sum of this over its bins is positive
        excess = ratio * power - np.square(highest)
        self.spells.process(dense & (highest * 10 ** (PSR_LOUDEST_DB / 20) >= so_far), excess)
        self.judged += int(np.count_nonzero(judged))
        self._highest = float(so_far[-1])
        self._recent = known[len(peaks) :]

    @property
    def dense(self) -> int:
        """How many windows are dense."""
        lowest_db = db_from_gain(self._highest) - PSR_LOUDEST_DB
        return sum(count for level, count in self._counts.items() if level >= lowest_db)


def _worse(worst: float | None, other: float | None) -> float | None:
    """The greater loss, where any is known."""
    return max((loss for loss in (worst, other) if loss is not None), default=None)


def _mono(sums: Floats, a: int, b: int, ab: int) -> Floats:
    """Power of (a + b) / sqrt 2, from sums of products: as much as of the two where they are alike."""
    return 0.5 * (sums[:, a] + sums[:, b]) + sums[:, ab]
