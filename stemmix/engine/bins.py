"""What sums over bins say of a file: DC, a channel that falls silent, what an LFE holds, and the stereo picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.pair_kernels import COLUMNS, mix_rows
from stemmix.dsp.pairs import PairBins, sums_of_bins
from stemmix.dsp.spells import LoneSilences, Sliding
from stemmix.engine.findings import (
    BINS_PER_SECOND,
    JUDGED_POWER,
    KEPT_SPANS,
    WINDOW,
    WINDOW_S,
    Spans,
    edge_of,
    finding,
    graded,
    places_of,
    seconds_of_window,
    spells_of,
    unjudged,
    window_of,
)
from stemmix.engine.picture import FRONT, Picture
from stemmix.engine.pieces import Pieces
from stemmix.model.layouts import MONO, STEREO, Layout, fold_matrix
from stemmix.model.receipt import Finding, Verdict
from stemmix.units import db_from_gain, db_from_power

Floats = NDArray[np.float64]

_BATCH_BINS: Final = 1000
"""Sums of bins are judged together, that Python's share is small: so many, or more."""
_SHORTEST_LFE_BINS: Final = 5
DC_WARN, DC_FAIL = 0.003, 0.01
"""-50 dBFS, what stems are warned of; -40 dBFS eats a tenth of a dB of headroom, and clicks at every edit."""
_DC_TOLD: Final = 1e-5
"""-100 dBFS: less is what dither leaves."""
_DC_LASTS_S: Final = 10.0
"""No sound's own waves lean to one side for so long."""
LONE_SILENCE_BINS: Final = BINS_PER_SECOND // 2
LONE_SILENCE_POWER: Final = 1e-5
"""Half a second of digital silence in one channel only, between sounds over -50 dBFS, is a muted clip or a lost track;
more than `qc.SILENCE_PAUSES` of them are how a sparse channel is."""
LFE_ABOVE_WARN_DB, LFE_ABOVE_FAIL_DB = -15.0, -6.0
"""Of its power, from 200 Hz to 4 kHz, by a filter of fourth order at the lower edge: a tone of 130 Hz reads -15 dB. An
LFE ends at 120 Hz (ITU-R BS.775-3 Annex 7; Dolby encoders cut there)."""
_HEARD_IN_BAND: Final = frozenset((*FRONT, "M", "LFE"))
"""Channels whose power in the band of speech is judged."""
_OF_A = [COLUMNS.index(name) for name in ("sum_a", "aa", "k_aa", "s_aa")]
_OF_B = [COLUMNS.index(name) for name in ("sum_b", "bb", "k_bb", "s_bb")]


class BinWatch:
    """Adds up each bin of each channel, and looks at the sums; takes blocks of any size."""

    def __init__(
        self, rate_hz: int, layout: Layout, dialogue: Sequence[tuple[int, int]] = (), *, is_part: bool = False
    ) -> None:
        """`dialogue`, and what a part is: see `qc.QcWatch`."""
        self._rate_hz = rate_hz
        self._layout = layout
        self._is_part = is_part
        self._frames = 0
        self._bins = 0
        channels = layout.channels
        self._pieces = Pieces(rate_hz, channels)
        self._judged = 0
        most = _BATCH_BINS + self._pieces.bins
        self._sums = np.zeros((most, channels, 4))
        self._picture_sums = np.zeros((most, len(COLUMNS)))
        self._pairs = [(c, min(c + 1, channels - 1)) for c in range(0, channels, 2)]
        in_band = [any(layout.labels[c] in _HEARD_IN_BAND for c in pair) for pair in self._pairs]
        self._meters = [PairBins(rate_hz, in_band=is_judged) for is_judged in in_band]
        self._totals = np.zeros((channels, 4))  # sum, power, K-weighted power, power in the band of speech
        self._dialogue = np.array(dialogue, np.int64).reshape(-1, 2)
        self._fold = None if layout in {MONO, STEREO} else np.array(fold_matrix(layout, STEREO))
        self._fold_meter = PairBins(rate_hz)
        self._window = WINDOW
        self._picture: Picture | None = None
        self._dc_windows = Sliding(WINDOW, channels)
        lasting = round(_DC_LASTS_S * BINS_PER_SECOND)
        self._dc = [(spells_of(lasting), spells_of(lasting)) for _ in range(channels)]
        self._lfe = spells_of(_SHORTEST_LFE_BINS)
        self._lfe_windows = Sliding(WINDOW, 2)
        self._worst_lfe_db: float | None = None
        labels = layout.labels
        self._beside: dict[str, tuple[str, ...]] = {
            label: (opposite(label),) for label in labels if opposite(label) != label and opposite(label) in labels
        }
        if "C" in labels:
            self._beside["C"] = ("L", "R")
        self.lone = {
            label: LoneSilences(LONE_SILENCE_BINS, LONE_SILENCE_POWER, JUDGED_POWER, KEPT_SPANS)
            for label in self._beside
        }
        """By channel: where it falls silent while the one on the other side sounds, or the centre while a side does."""

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples, float64 and C-contiguous."""
        for count in self._pieces.of(block):
            self._look(count)

    def finish(self) -> None:
        """The sound has ended: what does not fill a last bin is left out."""
        for count in self._pieces.left():
            self._look(count)
        self._judge()
        for spells in (self._lfe, *(one for two in self._dc for one in two)):
            spells.finish()
        for silences in self.lone.values():
            silences.finish()

    def _look(self, count: int) -> None:
        """One piece."""
        numbers = np.arange(self._bins + 1, self._bins + self._pieces.bins + 1)
        ends = numbers * self._rate_hz // BINS_PER_SECOND - self._frames
        ends = ends[ends <= count]
        if len(ends):
            self._add_up(self._pieces.rows, ends)
        self._frames += count
        self._bins += len(ends)
        if self._bins - self._judged >= _BATCH_BINS:
            self._judge()

    def _add_up(self, rows: Floats, ends: NDArray[np.int64]) -> None:
        """Sums of the bins of one piece."""
        at = self._bins - self._judged
        sums = self._sums[at : at + len(ends)]
        if self._is_part:
            sums[:, :, 0] = sums_of_bins(rows, 0, ends)
            return
        pair = None
        for (a, b), meter in zip(self._pairs, self._meters, strict=True):
            bins = meter.process(rows, a, b, 0, ends)
            pair = bins if pair is None else pair
            sums[:, a] = bins[:, _OF_A]
            if b != a:
                sums[:, b] = bins[:, _OF_B]
        if self._fold is not None:
            folded = np.empty((2, int(ends[-1])))
            mix_rows(rows, 0, self._fold, folded)
            pair = self._fold_meter.process(folded, 0, 1, 0, ends)
        self._picture_sums[at : at + len(ends)] = pair

    def _judge(self) -> None:
        """The bins that have been added up since the last time."""
        count = self._bins - self._judged
        if not count:
            return
        sums = self._sums[:count]
        edges = np.arange(self._judged, self._bins + 1) * self._rate_hz // BINS_PER_SECOND
        lengths = np.diff(edges).astype(np.float64)
        self._judged = self._bins
        self._totals += sums.sum(axis=0)
        self._look_at_dc(sums[:, :, 0], lengths)
        if self._is_part:
            return
        power = dict(zip(self._layout.labels, sums[:, :, 1].T / lengths, strict=True))
        for label, silences in self.lone.items():
            silences.process(power[label], np.maximum.reduce([power[other] for other in self._beside[label]]))
        picture = self._begun(count)
        if "LFE" in self._layout.labels:
            self._look_at_lfe(sums[:, self._layout.labels.index("LFE")])
        picture.process(self._picture_sums[:count], sums[:, :, 3], edges[1:])

    def _begun(self, bins: int) -> Picture:
        """What is judged by windows; before the first of them it is known whether the whole file is one."""
        if self._picture is None:
            self._window = window_of(bins)
            self._lfe, self._lfe_windows = spells_of(_SHORTEST_LFE_BINS, self._window), Sliding(self._window, 2)
            self._picture = Picture(self._rate_hz, self._layout, self._dialogue, self._window)
        return self._picture

    def _look_at_dc(self, sums: Floats, lengths: Floats) -> None:
        window = WINDOW_S * self._rate_hz
        means = self._dc_windows.process(sums) / window
        for c, two in enumerate(self._dc):
            for sign, spells in zip((1.0, -1.0), two, strict=True):
                spells.process(sign * means[:, c] > DC_WARN, sign * sums[:, c] - DC_WARN * lengths)

    def _look_at_lfe(self, lfe: Floats) -> None:
        sums = self._lfe_windows.process(lfe[:, [1, 3]])
        loud = sums[:, 0] > JUDGED_POWER * self._window / BINS_PER_SECOND * self._rate_hz
        share = np.divide(sums[:, 1], sums[:, 0], out=np.zeros(len(sums)), where=loud)
        limit = 10 ** (LFE_ABOVE_WARN_DB / 10)
        if loud.any():
            highest_db = db_from_power(float(share.max()))
            self._worst_lfe_db = highest_db if self._worst_lfe_db is None else max(self._worst_lfe_db, highest_db)
        self._lfe.process(share > limit, lfe[:, 3] - limit * lfe[:, 1])

    @property
    def power(self) -> Floats:
        """(channels,) sums of K-weighted power."""
        sums: Floats = self._totals[:, 2]
        return sums

    def of_picture(self) -> Iterable[Finding]:
        """What was found in the stereo picture."""
        return self._begun(self._bins).findings()

    def dc_offset(self, whole: Spans) -> Finding:
        """How far off zero; `whole` is the place of what is everywhere."""
        means = self._totals[:, 0] / max(edge_of(self._bins, self._rate_hz), 1)
        worst = int(np.argmax(np.abs(means)))
        offset = abs(float(means[worst]))
        spans = [span for two in self._dc for one in two for span in one.spans]
        level_db = db_from_gain(offset)
        text = "no DC offset on average over the whole length"
        if offset >= _DC_TOLD:
            off = f"is off zero by {means[worst]:+.5f} of full scale ({level_db:.1f} dBFS)"
            text = f"{self._layout.labels[worst]} {off} on average over the whole length, allowed {DC_WARN:g}"
        if spans and offset < DC_WARN:
            text += f"; but a channel is further off for {_DC_LASTS_S:g} s or more"
        verdict: Verdict = "fail" if offset >= DC_FAIL else "warn" if offset >= DC_WARN or spans else "pass"
        where = places_of(spans, self._rate_hz) or (whole if offset >= DC_WARN else ())
        return finding("dc", verdict, text, level_db, db_from_gain(DC_WARN), where)

    def lfe_content(self) -> Finding:
        """How much an LFE that is not silent holds above its band."""
        if self._worst_lfe_db is None:
            too_soft = f"nothing over {db_from_power(JUDGED_POWER):g} dBFS in it"
            return unjudged("lfe", "LFE content above its band", self._bins, too_soft)
        return graded(
            "lfe",
            "LFE",
            f"has up to {self._worst_lfe_db:.1f} dB of its power above 200 Hz over {seconds_of_window(self._window)}",
            self._worst_lfe_db,
            (LFE_ABOVE_WARN_DB, LFE_ABOVE_FAIL_DB),
            places_of(self._lfe.spans, self._rate_hz),
            self._lfe.spans,
        )


def opposite(label: str) -> str:
    """The label on the other side.

    >>> opposite("Ls"), opposite("Rtf")
    ('Rs', 'Ltf')
    """
    return {"L": "R", "R": "L"}.get(label[0], label[0]) + label[1:]
