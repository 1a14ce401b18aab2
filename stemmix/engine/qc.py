"""Quality control of audio as it was written: what a person at a QC station would stop the tape for.

`QcWatch` looks while samples go by, at the whole file and not at its loudness alone. Every limit stands here with its
reason. A `fail` is a fault by any standard; a `warn` is for a person to hear; what is looked at and in order is a
`pass`, so that a receipt tells what was looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.pair_kernels import COLUMNS
from stemmix.dsp.pairs import PairBins, sums_of_bins
from stemmix.dsp.spells import LoneSilences, Sliding
from stemmix.dsp.watching import SampleWatch
from stemmix.dsp.watching_kernels import take_in
from stemmix.engine.findings import (
    BINS_PER_SECOND,
    JUDGED_POWER,
    KEPT_SPANS,
    WINDOW,
    WINDOW_S,
    Spans,
    Verdict,
    edge_of,
    finding,
    graded,
    many,
    places_of,
    seconds_of,
    spells_of,
)
from stemmix.engine.picture import FRONT, Picture
from stemmix.model.layouts import MONO, Layout
from stemmix.model.receipt import Finding
from stemmix.units import SILENCE_DB, db_from_gain, db_from_power

Floats = NDArray[np.float64]

_GAP_S: Final = 0.1
"""Faults nearer than this are one place."""
_PIECE_BINS: Final = 50
"""A second: small enough for the processor's cache, and long enough that Python's share is small."""
_BATCH_BINS: Final = 20 * _PIECE_BINS
"""Sums of bins are judged together, that Python's share is small."""
_SHORTEST_LFE_BINS: Final = 5
CLIPPED_RUNS_FAIL: Final = 10
"""A run or two is a peak that just reaches full scale."""
CLIPPED_SAMPLES_FAIL: Final = 10
"""0.2 ms: heard as a crackle by itself."""
FLAT_TOPS_WARN: Final = 10
"""As many peaks of one height, each with corners, are no chance."""
OVERS_WARN_DBTP: Final = 0.0
"""Full scale, over which a converter or a codec clips (BS.1770-5 Annex 2); samples that are over it themselves are a
fault of any file. A specification's ceiling is judged apart."""
DC_WARN, DC_FAIL = 0.003, 0.01
"""-50 dBFS, what stems are warned of; -40 dBFS eats a tenth of a dB of headroom, and clicks at every edit."""
_DC_LASTS_S: Final = 10.0
"""No sound's own waves lean to one side for so long."""
SILENCE_PAUSES: Final = 5
FEWEST_PAUSES: Final = 3
SILENCE_SHARE: Final = 0.02
"""A mix with air in it is never digitally silent; with more pauses than 5, or 3 that are over 2 % of its length, it is
a lone stem or sparse by nature. One or two, however long, are a hole."""
LONE_SILENCE_BINS: Final = BINS_PER_SECOND // 2
LONE_SILENCE_POWER: Final = 1e-5
"""Half a second of digital silence in one side only, between sounds over -50 dBFS, is a muted clip or a lost track;
more than `SILENCE_PAUSES` of them are how a sparse side is."""
IMBALANCE_WARN_DB, IMBALANCE_FAIL_DB = 3.0, 9.0
"""3 dB off a centre of sound is seen on any meter; 9 is a gain or a cable."""
DEAD_DBFS: Final = -90.0
"""What a channel of 16 bits holds that is fed with nothing."""
LFE_ABOVE_WARN_DB, LFE_ABOVE_FAIL_DB = -15.0, -6.0
"""Of its power, from 200 Hz to 4 kHz, by a filter of fourth order at the lower edge: a tone of 130 Hz reads -15 dB. An
LFE ends at 120 Hz (ITU-R BS.775-3 Annex 7; Dolby encoders cut there)."""

_HEARD_IN_BAND: Final = frozenset((*FRONT, "LFE"))
"""Channels whose power in the band of speech is judged."""
_OF_A = [COLUMNS.index(name) for name in ("sum_a", "aa", "k_aa", "s_aa")]
_OF_B = [COLUMNS.index(name) for name in ("sum_b", "bb", "k_bb", "s_bb")]


class QcWatch:
    """Looks for faults in a file of one layout, in one pass; memory does not grow with length.

    Takes blocks of any size, zero included, and finds the same for all of them. NaN and infinity are to be kept out.
    """

    def __init__(
        self,
        rate_hz: int,
        layout: Layout,
        dialogue: Sequence[tuple[int, int]] = (),
        kind: Literal["mix", "part", "unknown"] = "unknown",
    ) -> None:
        """`dialogue`: spans in samples in which somebody speaks, in order; the fold-down of all speech-band sound is
        judged where none are given. A `mix` has no digital silence that is not faded into, while what is `unknown` may
        be a stem and have pauses. Of a `part` of a mix only the faults of its samples are looked for: its pauses, its
        empty channels and its one side are as its stems are.
        """
        self._rate_hz = rate_hz
        self._layout = layout
        self._kind = kind
        self._frames = 0
        self._bins = 0
        channels = layout.channels
        self._samples = SampleWatch(rate_hz, channels, KEPT_SPANS, _GAP_S)
        self._rows = np.zeros((channels, self._samples.before + edge_of(_PIECE_BINS, rate_hz) + 1))
        self._waiting = 0
        self._judged = 0
        self._sums = np.zeros((_BATCH_BINS, channels, 4))
        self._picture_sums = np.zeros((_BATCH_BINS, len(COLUMNS)))
        self._pairs = [(c, min(c + 1, channels - 1)) for c in range(0, channels, 2)]
        in_band = [any(layout.labels[c] in _HEARD_IN_BAND for c in pair) for pair in self._pairs]
        self._meters = [PairBins(rate_hz, in_band=is_judged) for is_judged in in_band]
        self._totals = np.zeros((channels, 4))  # sum, power, K-weighted power, power in the band of speech
        self._picture = Picture(rate_hz, layout, np.array(dialogue, np.int64).reshape(-1, 2))
        self._dc_windows = Sliding(WINDOW, channels)
        lasting = round(_DC_LASTS_S * BINS_PER_SECOND)
        self._dc = [(spells_of(lasting), spells_of(lasting)) for _ in range(channels)]
        self._lfe = spells_of(_SHORTEST_LFE_BINS)
        self._lfe_windows = Sliding(WINDOW, 2)
        self._worst_lfe_db = SILENCE_DB
        labels = layout.labels
        self._sides = {
            label: LoneSilences(LONE_SILENCE_BINS, LONE_SILENCE_POWER, JUDGED_POWER, KEPT_SPANS)
            for label in labels
            if _opposite(label) != label and _opposite(label) in labels
        }
        self._findings: list[Finding] | None = None

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        if block.ndim != 2 or block.shape[1] != self._layout.channels:
            raise ValueError(f"qc: a block of shape {block.shape} is not (frames, {self._layout.channels})")
        if self._findings is not None:
            raise ValueError("qc: the findings have been told already")
        block = np.ascontiguousarray(block, np.float64)
        while len(block):
            wanted = edge_of(self._bins + _PIECE_BINS, self._rate_hz) - self._frames - self._waiting
            part, block = block[:wanted], block[wanted:]
            take_in(part, self._samples.before + self._waiting, self._rows)
            self._waiting += len(part)
            if len(part) == wanted:
                self._look()

    def findings(self) -> list[Finding]:
        """What was found in all that was heard; the sound ends with it."""
        if self._findings is None:
            if self._waiting:
                self._look()
            self._judge()
            self._samples.finish(self._rows)
            for spells in (self._lfe, *(one for two in self._dc for one in two)):
                spells.finish()
            self._findings = list(self._all_findings())
        return self._findings

    # ------------------------------------------------------------------------------------------------------- looking

    def _look(self) -> None:
        """One piece: `_PIECE_BINS` bins, fewer at the end."""
        begin, count = self._frames, self._waiting
        before, rows = self._samples.before, self._rows
        self._samples.process(rows, count)
        numbers = np.arange(self._bins + 1, self._bins + _PIECE_BINS + 1)
        ends = numbers * self._rate_hz // BINS_PER_SECOND - begin
        ends = ends[ends <= count] + before
        if len(ends):
            self._add_up(rows, ends)
        self._frames += count
        self._bins += len(ends)
        self._waiting = 0
        rows[:, :before] = rows[:, count : count + before].copy()
        if self._bins - self._judged == _BATCH_BINS:
            self._judge()

    def _add_up(self, rows: Floats, ends: NDArray[np.int64]) -> None:
        """Sums of the bins of one piece."""
        start = self._samples.before
        at = self._bins - self._judged
        sums = self._sums[at : at + len(ends)]
        if self._kind == "part":
            sums[:, :, 0] = sums_of_bins(rows, start, ends)
            return
        pair = None
        for (a, b), meter in zip(self._pairs, self._meters, strict=True):
            bins = meter.process(rows, a, b, start, ends)
            pair = bins if pair is None else pair
            sums[:, a] = bins[:, _OF_A]
            if b != a:
                sums[:, b] = bins[:, _OF_B]
        folded = self._picture.sums_of_fold(rows, start, ends)
        self._picture_sums[at : at + len(ends)] = pair if folded is None else folded

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
        if self._kind == "part":
            return
        for label, silences in self._sides.items():
            side, opposite = (self._layout.labels.index(name) for name in (label, _opposite(label)))
            silences.process(sums[:, side, 1] / lengths, sums[:, opposite, 1] / lengths)
        if "LFE" in self._layout.labels:
            self._look_at_lfe(sums[:, self._layout.labels.index("LFE")])
        self._picture.process(self._picture_sums[:count], sums[:, :, 3], edges[1:])

    def _look_at_dc(self, sums: Floats, lengths: Floats) -> None:
        window = WINDOW_S * self._rate_hz
        means = self._dc_windows.process(sums) / window
        for c, two in enumerate(self._dc):
            for sign, spells in zip((1.0, -1.0), two, strict=True):
                spells.process(sign * means[:, c] > DC_WARN, sign * sums[:, c] - DC_WARN * lengths)

    def _look_at_lfe(self, lfe: Floats) -> None:
        sums = self._lfe_windows.process(lfe[:, [1, 3]])
        loud = sums[:, 0] > JUDGED_POWER * WINDOW_S * self._rate_hz
        share = np.divide(sums[:, 1], sums[:, 0], out=np.zeros(len(sums)), where=loud)
        limit = 10 ** (LFE_ABOVE_WARN_DB / 10)
        self._worst_lfe_db = max(self._worst_lfe_db, db_from_power(float(share.max(initial=0.0))))
        self._lfe.process(share > limit, lfe[:, 3] - limit * lfe[:, 1])

    # ------------------------------------------------------------------------------------------------------ findings

    def _all_findings(self) -> Iterable[Finding]:
        yield self._clipping()
        yield self._overs()
        yield self._dc_offset()
        yield from self._breaks()
        if self._kind == "part":
            return
        yield self._silence()
        if self._layout != MONO:
            yield self._channels()
        if "LFE" in self._layout.labels:
            yield self._lfe_content()
        yield from self._picture.findings()

    @property
    def _whole(self) -> Spans:
        return seconds_of([(0, self._frames)], self._rate_hz)

    def _clipping(self) -> Finding:
        seen = self._samples
        tops, level, places = seen.flat_tops
        if seen.clipped_runs:
            is_heard = seen.clipped_runs >= CLIPPED_RUNS_FAIL or seen.longest_clip >= CLIPPED_SAMPLES_FAIL
            text = (
                f"{many(seen.clipped_runs, 'run')} of 3 samples or more at full scale, the longest of "
                f"{seen.longest_clip}; {CLIPPED_RUNS_FAIL} runs, or one of {CLIPPED_SAMPLES_FAIL} samples, are a fault"
            )
            verdict: Verdict = "fail" if is_heard else "warn"
            where = seconds_of(seen.clipped.spans, self._rate_hz)
            return finding("clipping", verdict, text, seen.clipped_runs, CLIPPED_RUNS_FAIL, where)
        if tops >= FLAT_TOPS_WARN:
            text = (
                f"{tops} peaks are cut flat at {db_from_gain(level):.2f} dBFS, as of what was clipped and then turned "
                f"down; {FLAT_TOPS_WARN} are no chance"
            )
            return finding("clipping", "warn", text, tops, FLAT_TOPS_WARN, seconds_of(places, self._rate_hz))
        return finding("clipping", "pass", "no run of samples at full scale", 0, CLIPPED_RUNS_FAIL)

    def _overs(self) -> Finding:
        over = self._samples.over
        if over <= 1.0:
            return finding("overs", "pass", "nothing over 0 dBTP", None, OVERS_WARN_DBTP)
        count = self._samples.overs.count
        text = f"true peaks over 0 dBTP in {many(count, 'place')}, the highest {db_from_gain(over):+.2f} dBTP"
        where = seconds_of(self._samples.overs.spans, self._rate_hz)
        verdict: Verdict = "fail" if self._samples.peaks.max() > 1.0 else "warn"
        text += ", and samples over full scale" if verdict == "fail" else ""
        return finding("overs", verdict, text, db_from_gain(over), OVERS_WARN_DBTP, where)

    def _dc_offset(self) -> Finding:
        means = self._totals[:, 0] / max(edge_of(self._bins, self._rate_hz), 1)
        worst = int(np.argmax(np.abs(means)))
        offset = abs(float(means[worst]))
        spans = [span for two in self._dc for one in two for span in one.spans]
        level_db = db_from_gain(offset)
        text = (
            f"{self._layout.labels[worst]} is off zero by {means[worst]:+.5f} of full scale ({level_db:.1f} dBFS) over "
            f"the whole length, allowed {DC_WARN:g}"
        )
        if spans and offset < DC_WARN:
            text += f"; but a channel is further off for {_DC_LASTS_S:g} s or more"
        verdict: Verdict = "fail" if offset >= DC_FAIL else "warn" if offset >= DC_WARN or spans else "pass"
        where = places_of(spans, self._rate_hz) or (self._whole if offset >= DC_WARN else ())
        return finding("dc", verdict, text, level_db, db_from_gain(DC_WARN), where)

    def _breaks(self) -> Iterable[Finding]:
        verdict: Verdict
        for check, places, name, verdict in (
            ("dropout", self._samples.holes, "hole where sound breaks off and goes on", "fail"),
            ("click", self._samples.jumps, "lone break of the waveform, as of a lost block or a bad edit", "warn"),
        ):
            text = f"{name}: {many(places.count, 'time')}" if places.count else f"no {name}"
            where = seconds_of(places.spans, self._rate_hz)
            yield finding(check, verdict if places.count else "pass", text, places.count, 0, where)

    def _silence(self) -> Finding:
        if not self._samples.peaks.any():
            return finding("silence", "warn", "digital silence from beginning to end", at_s=self._whole)
        pauses, silent_s = self._samples.pauses, self._samples.silent_frames / self._rate_hz
        share = self._samples.silent_frames / max(self._frames, 1)
        text = f"{silent_s:.1f} s of digital silence inside of sound, in {many(pauses, 'pause')} of 0.5 s or more"
        if not pauses:
            return finding("silence", "pass", "no digital silence of 0.5 s or more inside of sound", 0, 0)
        many_pauses = pauses > SILENCE_PAUSES or (pauses >= FEWEST_PAUSES and share > SILENCE_SHARE)
        if self._kind != "mix" and many_pauses:
            return finding("silence", "pass", f"{text}: no mix, but a lone stem or sparse by nature", silent_s)
        if not self._samples.cuts.count:
            return finding("silence", "pass", f"{text}: faded into and out of", silent_s)
        where = seconds_of(self._samples.cuts.spans, self._rate_hz)
        return finding("silence", "warn", f"{text}, not faded into or out of", silent_s, 0, where)

    def _channels(self) -> Finding:
        """Dead ones first, then sides that differ."""
        labels = self._layout.labels
        peaks = {label: db_from_gain(float(peak)) for label, peak in zip(labels, self._samples.peaks, strict=True)}
        dead = [label for label in labels if label != "LFE" and peaks[label] <= DEAD_DBFS]
        if not self._samples.peaks.any():
            return finding("channels", "pass", "all channels are silent")
        if dead:
            halves = [label for label in dead if (other := _opposite(label)) in labels and other not in dead]
            text = f"nothing in {', '.join(dead)} of {self._layout.name}, over {DEAD_DBFS:g} dBFS at least"
            return finding("channels", "fail" if halves else "warn", text, peaks[dead[0]], DEAD_DBFS, self._whole)
        if lone := {label: its for label, its in self._sides.items() if 0 < its.count <= SILENCE_PAUSES}:
            told = ", ".join(f"{label} {many(its.count, 'time')}" for label, its in lone.items())
            where = places_of([span for its in lone.values() for span in its.spans], self._rate_hz)
            count = sum(its.count for its in lone.values())
            return finding("channels", "fail", f"falls silent while its other side sounds: {told}", count, 0, where)
        power = {label: float(row[2]) for label, row in zip(labels, self._totals, strict=True)}
        lefts = [label for label in labels if label[0] == "L" and _opposite(label) in labels]
        uneven = {label: db_from_power(power[label]) - db_from_power(power[_opposite(label)]) for label in lefts}
        worst = max(uneven, key=lambda label: abs(uneven[label]))
        # surrounds and heights carry what happens to be on one side
        limits = (IMBALANCE_WARN_DB, IMBALANCE_FAIL_DB) if worst == "L" else (IMBALANCE_FAIL_DB, np.inf)
        told = f"{abs(uneven[worst]):.1f} dB {'over' if uneven[worst] > 0 else 'under'} {_opposite(worst)}"
        return graded("channels", worst, f"is {told} over the whole length", abs(uneven[worst]), limits, self._whole)

    def _lfe_content(self) -> Finding:
        lfe = self._layout.labels.index("LFE")
        if db_from_gain(float(self._samples.peaks[lfe])) <= DEAD_DBFS:
            return finding("lfe", "pass", "LFE is silent, which is allowed: nothing went to it")
        return graded(
            "lfe",
            "LFE",
            f"has {self._worst_lfe_db:.1f} dB of its power above 200 Hz at most over 3 s",
            self._worst_lfe_db,
            (LFE_ABOVE_WARN_DB, LFE_ABOVE_FAIL_DB),
            places_of(self._lfe.spans, self._rate_hz),
            self._lfe.spans,
        )


def _opposite(label: str) -> str:
    """The label on the other side.

    >>> _opposite("Ls"), _opposite("Rtf")
    ('Rs', 'Ltf')
    """
    return {"L": "R", "R": "L"}.get(label[0], label[0]) + label[1:]
