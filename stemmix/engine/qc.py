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

from stemmix.dsp.crest import LOUDNESS_OFFSET_DB
from stemmix.dsp.spells import Sliding, Spells
from stemmix.dsp.watching import PairBins, SampleWatch
from stemmix.dsp.watching_kernels import COLUMNS
from stemmix.model.layouts import MONO, STEREO, Layout, fold_matrix
from stemmix.model.receipt import Finding
from stemmix.units import POWER_FLOOR, SILENCE_DB, db_from_gain, db_from_power

Floats = NDArray[np.float64]

KEPT_SPANS: Final = 20
_GAP_S: Final = 0.1
"""Faults nearer than this are one place."""
_BINS_PER_SECOND: Final = 50
"""A fault is found to 20 ms, less than a frame of picture."""
_PIECE_BINS: Final = 25
_WINDOW_S: Final = 3.0
"""EBU Tech 3341's short-term window, as long as a correlation meter takes to be believed."""
_WINDOW: Final = round(_WINDOW_S * _BINS_PER_SECOND)
_SHORTEST_LFE_BINS: Final = 5
_SUSTAINED_S: Final = 3.0
"""What passes sooner is an effect; what lasts longer is how the mix stands."""
_JUDGED_POWER: Final = 10 ** (-50 / 10)
"""-50 dBFS: what is softer is air, whose phase nobody hears."""

CLIPPED_RUNS_FAIL: Final = 10
"""A run or two is a peak that just reaches full scale."""
CLIPPED_SAMPLES_FAIL: Final = 10
"""0.2 ms: heard as a crackle by itself."""
FLAT_TOPS_WARN: Final = 10
"""As many peaks of one height, each with corners, are no chance."""
OVERS_WARN_DBTP: Final = 0.0
"""Full scale, over which a converter or a codec clips (BS.1770-5 Annex 2). A specification's ceiling is judged apart."""
DC_WARN, DC_FAIL = 0.003, 0.01
"""-50 dBFS, what stems are warned of; -40 dBFS eats a tenth of a dB of headroom, and clicks at every edit."""
_DC_LASTS_S: Final = 10.0
"""No sound's own waves lean to one side for so long."""
SILENCE_PAUSES: Final = 5
SILENCE_SHARE: Final = 0.02
"""A mix with air in it is never digitally silent; with more pauses than 5, or over 2 % of its length, it is a lone stem
or made so."""
CORRELATION_WARN, CORRELATION_FAIL = -0.4, -0.8
"""Wide ambience wanders around 0; polarity reversed on one side stands near -1."""
MONO_LOSS_WARN_DB, MONO_LOSS_FAIL_DB = 6.0, 12.0
"""Sides without correlation lose 3 dB in mono; half the level again is lost to cancellation."""
FOLD_LOSS_WARN_DB, FOLD_LOSS_FAIL_DB = 3.0, 6.0
"""The front keeps its power in Lo/Ro (BS.775-3: C at -3 dB on either side): what is lost was cancelled. Half of the
power is twice the 1.5 dB by which a line is heard to be softer."""
PSR_WARN_DB: Final = 8.0
"""Under 8 dB music is heard as squashed (Shepherd, Grimm, Tapper and Kahsnitz, AES e-Brief 373, 2017; MeterPlugs,
Dynameter). Peaks are the samples', which may be some tenths lower than true ones."""
PSR_LASTS_S: Final = 30.0
PSR_LASTS_SHARE: Final = 0.25
"""A loud chorus may be dense; a quarter of the programme is how it was mastered."""
PSR_LOUDEST_DB: Final = 3.0
"""Squashed by a limiter: the peaks are near the highest there are. A soft organ's are not."""
IMBALANCE_WARN_DB, IMBALANCE_FAIL_DB = 3.0, 9.0
"""3 dB off a centre of sound is seen on any meter; 9 is a gain or a cable."""
DEAD_DBFS: Final = -90.0
"""What a channel of 16 bits holds that is fed with nothing."""
LFE_ABOVE_WARN_DB, LFE_ABOVE_FAIL_DB = -15.0, -6.0
"""Of its power, above 200 Hz by a filter of fourth order: a tone of 130 Hz reads -15 dB. An LFE ends at 120 Hz (ITU-R
BS.775-3 Annex 7; Dolby encoders cut there)."""

_SUM_A, _SUM_B, _AA, _BB, _AB, _K_AA, _K_BB, _K_AB, _S_AA, _S_BB, _S_AB, _PEAK = range(len(COLUMNS))

Verdict = Literal["pass", "warn", "fail"]


class QcWatch:
    """Looks for faults in a file of one layout, in one pass; memory does not grow with length.

    Takes blocks of any size, zero included, and finds the same for all of them. NaN and infinity are to be kept out.
    """

    def __init__(self, rate_hz: int, layout: Layout, dialogue: Sequence[tuple[int, int]] = ()) -> None:
        """`dialogue`: spans in samples in which somebody speaks, in order; the fold-down of all speech-band sound is
        judged where none are given.
        """
        self._rate_hz = rate_hz
        self._layout = layout
        self._dialogue = np.array(dialogue, np.int64).reshape(-1, 2)
        self._frames = 0
        self._bins = 0
        self._pending: list[Floats] = []
        self._pending_frames = 0
        channels = layout.channels
        self._samples = SampleWatch(rate_hz, channels, KEPT_SPANS, _GAP_S)
        self._pairs = [(c, min(c + 1, channels - 1)) for c in range(0, channels, 2)]
        self._meters = [PairBins(rate_hz) for _ in self._pairs]
        self._totals = np.zeros((channels, 4))  # sum, power, K-weighted power, power in the band of speech
        self._peaks = np.zeros(channels)
        self._fold = None if layout in {MONO, STEREO} else fold_matrix(layout, STEREO)
        self._fold_meter = PairBins(rate_hz)
        self._windows = Sliding(_WINDOW, len(COLUMNS) + 2)
        self._fronts = [layout.labels.index(label) for label in ("L", "R", "C") if label in layout.labels]
        self._dc_windows = Sliding(_WINDOW, channels)
        sustained = round(_SUSTAINED_S * _BINS_PER_SECOND)
        lasting = round(_DC_LASTS_S * _BINS_PER_SECOND)
        self._dc = [(_spells(lasting), _spells(lasting)) for _ in range(channels)]
        self._correlation, self._mono = _spells(sustained), (_spells(sustained), _spells(sustained))
        self._fold_loss, self._lfe = _spells(sustained), _spells(_SHORTEST_LFE_BINS)
        self._lfe_windows = Sliding(_WINDOW, 2)
        self._dense = DenseWindows()
        self._worst_correlation = 1.0
        self._worst_mono_db = self._worst_fold_db = 0.0
        self._worst_lfe_db = SILENCE_DB
        self._findings: list[Finding] | None = None

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        if block.ndim != 2 or block.shape[1] != self._layout.channels:
            raise ValueError(f"qc: a block of shape {block.shape} is not (frames, {self._layout.channels})")
        if self._findings is not None:
            raise ValueError("qc: the findings have been told already")
        while len(block):
            wanted = self._edge(self._bins + _PIECE_BINS) - self._edge(self._bins) - self._pending_frames
            part, block = block[:wanted], block[wanted:]
            whole = len(part) == wanted
            self._pending.append(part if whole else part.copy())
            self._pending_frames += len(part)
            if whole:
                self._look(self._take())

    def findings(self) -> list[Finding]:
        """What was found in all that was heard; the sound ends with it."""
        if self._findings is None:
            if self._pending_frames:
                self._look(self._take())
            self._samples.finish()
            mono = self._mono
            for spells in (
                self._correlation,
                *mono,
                self._fold_loss,
                self._lfe,
                *(one for two in self._dc for one in two),
            ):
                spells.finish()
            self._findings = list(self._all_findings())
        return self._findings

    # ------------------------------------------------------------------------------------------------------- looking

    def _edge(self, bins: int) -> int:
        return bins * self._rate_hz // _BINS_PER_SECOND

    def _take(self) -> Floats:
        piece = self._pending[0] if len(self._pending) == 1 else np.concatenate(self._pending)
        self._pending, self._pending_frames = [], 0
        return np.ascontiguousarray(piece)

    def _look(self, piece: Floats) -> None:
        """One piece: `_PIECE_BINS` bins, fewer at the end."""
        begin = self._frames
        self._samples.process(piece)
        self._frames += len(piece)
        numbers = np.arange(self._bins + 1, self._bins + _PIECE_BINS + 1)
        ends = numbers * self._rate_hz // _BINS_PER_SECOND - begin
        ends = ends[ends <= len(piece)]
        self._bins += len(ends)
        if not len(ends):
            return
        lengths = np.diff(ends, prepend=0).astype(np.float64)
        channels = np.zeros((len(ends), self._layout.channels, 4))
        pair = np.zeros((len(ends), len(COLUMNS)))
        for (a, b), meter in zip(self._pairs, self._meters, strict=True):
            bins = meter.process(piece, a, b, ends)
            pair = bins if a == 0 else pair
            channels[:, a] = bins[:, [_SUM_A, _AA, _K_AA, _S_AA]]
            if b != a:
                channels[:, b] = bins[:, [_SUM_B, _BB, _K_BB, _S_BB]]
        self._totals += channels.sum(axis=0)
        self._peaks = np.maximum(self._peaks, np.abs(piece).max(axis=0))
        if self._fold is not None:
            pair = self._fold_meter.process(_folded(piece, self._fold), 0, 1, ends)
        self._look_at_dc(channels[:, :, 0], lengths)
        if "LFE" in self._layout.labels:
            self._look_at_lfe(channels[:, self._layout.labels.index("LFE")])
        self._look_at_picture(pair, channels, ends + begin, lengths)

    def _look_at_dc(self, sums: Floats, lengths: Floats) -> None:
        window = _WINDOW_S * self._rate_hz
        means = self._dc_windows.process(sums) / window
        for c, two in enumerate(self._dc):
            for sign, spells in zip((1.0, -1.0), two, strict=True):
                spells.process(sign * means[:, c] > DC_WARN, sign * sums[:, c] - DC_WARN * lengths)

    def _look_at_lfe(self, lfe: Floats) -> None:
        sums = self._lfe_windows.process(lfe[:, [1, 3]])
        loud = sums[:, 0] > _JUDGED_POWER * _WINDOW_S * self._rate_hz
        share = np.divide(sums[:, 1], sums[:, 0], out=np.zeros(len(sums)), where=loud)
        limit = 10 ** (LFE_ABOVE_WARN_DB / 10)
        self._worst_lfe_db = max(self._worst_lfe_db, db_from_power(float(share.max(initial=0.0))))
        self._lfe.process(share > limit, lfe[:, 3] - limit * lfe[:, 1])

    def _look_at_picture(self, pair: Floats, channels: Floats, ends: NDArray[np.int64], lengths: Floats) -> None:
        """What the two sides, or the mono channel, say together."""
        front = channels[:, self._fronts, 3].sum(axis=1) if self._fold is not None else np.zeros(len(pair))
        if len(self._dialogue):
            front = front * self._spoken(ends)
        fold_speech = (pair[:, _S_AA] + pair[:, _S_BB]) * (front > 0.0)
        sums = self._windows.process(np.column_stack((pair, front, fold_speech)))
        is_mono = self._layout == MONO
        window = sums[:, _K_AA] if is_mono else sums[:, _K_AA] + sums[:, _K_BB]
        frames = _WINDOW_S * self._rate_hz
        self._dense.process(pair[:, _PEAK], window / frames)
        if is_mono:
            return
        with np.errstate(invalid="ignore", divide="ignore"):
            self._look_at_correlation(pair, sums, frames)
            for spells, (a, b, ab) in zip(self._mono, ((_K_AA, _K_BB, _K_AB), (_S_AA, _S_BB, _S_AB)), strict=True):
                loud = (sums[:, a] + sums[:, b]) / frames > _JUDGED_POWER
                worst = self._look_at_loss(
                    spells,
                    MONO_LOSS_WARN_DB,
                    (pair[:, a] + pair[:, b], sums[:, a] + sums[:, b], loud),
                    (_mono(pair, a, b, ab), _mono(sums, a, b, ab)),
                )
                self._worst_mono_db = max(self._worst_mono_db, worst)
            if self._fold is not None:
                window_front, window_fold = sums[:, -2], sums[:, -1]
                worst = self._look_at_loss(
                    self._fold_loss,
                    FOLD_LOSS_WARN_DB,
                    (front, window_front, window_front / frames > _JUDGED_POWER),
                    (fold_speech, window_fold),
                )
                self._worst_fold_db = max(self._worst_fold_db, worst)

    def _look_at_correlation(self, pair: Floats, sums: Floats, frames: float) -> None:
        both = np.sqrt(sums[:, _AA] * sums[:, _BB])
        loud = np.minimum(sums[:, _AA], sums[:, _BB]) / frames > _JUDGED_POWER
        correlation = np.where(loud, sums[:, _AB] / both, 1.0)
        self._worst_correlation = min(self._worst_correlation, float(correlation.min(initial=1.0)))
        excess = CORRELATION_WARN * np.sqrt(pair[:, _AA] * pair[:, _BB]) - pair[:, _AB]
        self._correlation.process(correlation < CORRELATION_WARN, excess)

    @staticmethod
    def _look_at_loss(
        spells: Spells, limit_db: float, whole: tuple[Floats, Floats, NDArray[np.bool_]], left: tuple[Floats, Floats]
    ) -> float:
        """Power of bins and windows, and what is left of it; gives the worst loss in dB."""
        share = np.where(whole[2], left[1] / whole[1], 1.0)
        limit = 10 ** (-limit_db / 10)
        spells.process(share < limit, limit * whole[0] - left[0])
        return -db_from_power(max(float(share.min(initial=1.0)), POWER_FLOOR))

    def _spoken(self, ends: NDArray[np.int64]) -> Floats:
        """1 for the bins whose end lies in dialogue, 0 for others."""
        number = np.searchsorted(self._dialogue[:, 0], ends - 1, side="right") - 1
        return ((number >= 0) & (ends - 1 < self._dialogue[number, 1])).astype(np.float64)

    # ------------------------------------------------------------------------------------------------------ findings

    def _all_findings(self) -> Iterable[Finding]:
        yield self._clipping()
        yield self._overs()
        yield self._dc_offset()
        yield from self._breaks()
        yield self._silence()
        if self._layout != MONO:
            yield self._channels()
            yield from self._phase()
        if self._fold is not None:
            yield _graded(
                "fold_down",
                "dialogue in the Lo/Ro fold-down"
                if len(self._dialogue)
                else "the band of speech in the Lo/Ro fold-down",
                f"loses {self._worst_fold_db:.1f} dB of the front at most over 3 s",
                self._worst_fold_db,
                (FOLD_LOSS_WARN_DB, FOLD_LOSS_FAIL_DB),
                "dB",
                self._spans(self._fold_loss.spans),
            )
        if "LFE" in self._layout.labels:
            yield self._lfe_content()
        yield self._compression()

    def _seconds(self, spans: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
        return tuple((round(begin / self._rate_hz, 4), round(end / self._rate_hz, 4)) for begin, end in sorted(spans))

    def _spans(self, bins: Sequence[tuple[int, int]]) -> tuple[tuple[float, float], ...]:
        return self._seconds([(self._edge(begin), self._edge(end)) for begin, end in sorted(bins)[:KEPT_SPANS]])

    def _clipping(self) -> Finding:
        seen = self._samples
        tops, level, places = seen.flat_tops
        if seen.clipped_runs:
            is_heard = seen.clipped_runs >= CLIPPED_RUNS_FAIL or seen.longest_clip >= CLIPPED_SAMPLES_FAIL
            text = (
                f"{_many(seen.clipped_runs, 'run')} of 3 samples or more at full scale, the longest of "
                f"{seen.longest_clip}; {CLIPPED_RUNS_FAIL} runs, or one of {CLIPPED_SAMPLES_FAIL} samples, are a fault"
            )
            verdict: Verdict = "fail" if is_heard else "warn"
            where = self._seconds(seen.clipped.spans)
            return _finding("clipping", verdict, text, seen.clipped_runs, CLIPPED_RUNS_FAIL, where)
        if tops >= FLAT_TOPS_WARN:
            text = (
                f"{tops} peaks are cut flat at {db_from_gain(level):.2f} dBFS, as of what was clipped and then turned "
                f"down; {FLAT_TOPS_WARN} are no chance"
            )
            return _finding("clipping", "warn", text, tops, FLAT_TOPS_WARN, self._seconds(places))
        return _finding("clipping", "pass", "no run of samples at full scale", 0, CLIPPED_RUNS_FAIL)

    def _overs(self) -> Finding:
        over = self._samples.over
        if over <= 1.0:
            return _finding("overs", "pass", "nothing over 0 dBTP", None, OVERS_WARN_DBTP)
        count = self._samples.overs.count
        text = f"true peaks over 0 dBTP in {_many(count, 'place')}, the highest {db_from_gain(over):+.2f} dBTP"
        where = self._seconds(self._samples.overs.spans)
        return _finding("overs", "warn", text, db_from_gain(over), OVERS_WARN_DBTP, where)

    def _dc_offset(self) -> Finding:
        means = self._totals[:, 0] / max(self._edge(self._bins), 1)
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
        where = self._spans(spans) or (((0.0, round(self._frames / self._rate_hz, 4)),) if offset >= DC_WARN else ())
        return _finding("dc", verdict, text, offset, DC_WARN, where)

    def _breaks(self) -> Iterable[Finding]:
        for check, places, name, verdict in (
            ("dropout", self._samples.holes, "hole where sound breaks off and goes on", "fail"),
            ("click", self._samples.jumps, "lone break of the waveform, as of a lost block or a bad edit", "warn"),
        ):
            text = f"{places.count or 'no'} {name}" if places.count < 2 else f"{places.count} times: {name}"
            found: Verdict = "pass" if not places.count else "fail" if verdict == "fail" else "warn"
            yield _finding(check, found, text, places.count, 0, self._seconds(places.spans))

    def _silence(self) -> Finding:
        if not self._peaks.any():
            whole = ((0.0, round(self._frames / self._rate_hz, 4)),)
            return _finding("silence", "warn", "digital silence from beginning to end", at_s=whole)
        pauses, silent_s = self._samples.pauses, self._samples.silent_frames / self._rate_hz
        share = self._samples.silent_frames / max(self._frames, 1)
        text = f"{silent_s:.1f} s of digital silence inside of sound, in {_many(pauses, 'pause')} of 0.5 s or more"
        if not pauses:
            return _finding("silence", "pass", "no digital silence of 0.5 s or more inside of sound", 0, 0)
        if pauses > SILENCE_PAUSES or share > SILENCE_SHARE:
            return _finding("silence", "pass", f"{text}: no mix, but a lone stem or sparse by nature", silent_s)
        if not self._samples.cuts.count:
            return _finding("silence", "pass", f"{text}: faded into and out of", silent_s)
        where = self._seconds(self._samples.cuts.spans)
        return _finding("silence", "warn", f"{text}, not faded into or out of", silent_s, 0, where)

    def _channels(self) -> Finding:
        """Dead ones first, then sides that differ."""
        labels = self._layout.labels
        peaks = {label: db_from_gain(float(peak)) for label, peak in zip(labels, self._peaks, strict=True)}
        dead = [label for label in labels if label != "LFE" and peaks[label] <= DEAD_DBFS]
        if not self._peaks.any():
            return _finding("channels", "pass", "all channels are silent")
        if dead:
            halves = [label for label in dead if (other := _opposite(label)) in labels and other not in dead]
            text = f"nothing in {', '.join(dead)} of {self._layout.name}, over {DEAD_DBFS:g} dBFS at least"
            whole = ((0.0, round(self._frames / self._rate_hz, 4)),)
            return _finding("channels", "fail" if halves else "warn", text, peaks[dead[0]], DEAD_DBFS, whole)
        power = {label: float(row[2]) for label, row in zip(labels, self._totals, strict=True)}
        uneven = {label: db_from_power(power[label]) - db_from_power(power[other])
                  for label in labels if label != "LFE" and label[0] == "L" and (other := _opposite(label)) in labels}  # fmt: skip
        worst = max(uneven, key=lambda label: abs(uneven[label]))
        # surrounds and heights carry what happens to be on one side
        limits = (IMBALANCE_WARN_DB, IMBALANCE_FAIL_DB) if worst == "L" else (IMBALANCE_FAIL_DB, np.inf)
        told = f"{abs(uneven[worst]):.1f} dB {'over' if uneven[worst] > 0 else 'under'} {_opposite(worst)}"
        whole = ((0.0, round(self._frames / self._rate_hz, 4)),)
        return _graded("channels", worst, f"is {told} over the whole length", abs(uneven[worst]), limits, "dB", whole)

    def _phase(self) -> Iterable[Finding]:
        named = "L and R" if self._fold is None else "Lo and Ro"
        text = f"correlation of {named} over 3 s falls to {self._worst_correlation:+.2f}, and is under"
        text += f" {CORRELATION_WARN:g} for {self._correlation.bins / _BINS_PER_SECOND:.1f} s in spells of 3 s or more"
        verdict: Verdict = "pass"
        if self._correlation.bins:
            verdict = "fail" if self._worst_correlation < CORRELATION_FAIL else "warn"
        where = self._spans(self._correlation.spans)
        yield _finding("phase", verdict, text, self._worst_correlation, CORRELATION_WARN, where)
        lasted = [span for spells in self._mono for span in spells.spans]
        yield _graded(
            "mono",
            "mono sum",
            f"loses {self._worst_mono_db:.1f} dB at most over 3 s, of the whole or of the band of speech",
            self._worst_mono_db if lasted else min(self._worst_mono_db, MONO_LOSS_WARN_DB),
            (MONO_LOSS_WARN_DB, MONO_LOSS_FAIL_DB),
            "dB",
            self._spans(lasted),
        )

    def _lfe_content(self) -> Finding:
        lfe = self._layout.labels.index("LFE")
        if db_from_gain(float(self._peaks[lfe])) <= DEAD_DBFS:
            return _finding("lfe", "pass", "LFE is silent, which is allowed: nothing went to it")
        return _graded(
            "lfe",
            "LFE",
            f"has {self._worst_lfe_db:.1f} dB of its power above 200 Hz at most over 3 s",
            self._worst_lfe_db,
            (LFE_ABOVE_WARN_DB, LFE_ABOVE_FAIL_DB),
            "dB",
            self._spans(self._lfe.spans),
        )

    def _compression(self) -> Finding:
        dense, judged, where = self._dense.read()
        dense_s, judged_s = dense / _BINS_PER_SECOND, judged / _BINS_PER_SECOND
        text = (
            f"peaks stand less than {PSR_WARN_DB:g} dB over the loudness of 3 s for {dense_s:.0f} of {judged_s:.0f} s, "
            f"allowed {PSR_LASTS_SHARE:.0%} or {PSR_LASTS_S:g} s"
        )
        squashed = dense_s > max(PSR_LASTS_S, PSR_LASTS_SHARE * judged_s)
        spans = self._spans(where) if squashed else ()
        limit = max(PSR_LASTS_S, PSR_LASTS_SHARE * judged_s)
        return _finding("compression", "warn" if squashed else "pass", text, dense_s, limit, spans)


class DenseWindows:
    """Windows whose peaks stand little over their loudness, near the highest peaks that there are."""

    def __init__(self) -> None:
        self._recent = np.zeros(0)
        self._bins = 0
        self._highest_db = SILENCE_DB
        self._judged = 0
        self._dense: dict[int, int] = {}
        self._spells: list[tuple[int, int, float]] = []

    def process(self, peaks: Floats, power: Floats) -> None:
        """Peaks (n,) of new bins, and K-weighted power (n,) of the windows that end with them."""
        known = np.concatenate((self._recent, peaks))
        whole = max(0, len(known) - _WINDOW + 1)
        if whole:
            highest = np.lib.stride_tricks.sliding_window_view(known, _WINDOW).max(axis=1)
            heard = power[len(power) - whole :]
            for i in np.flatnonzero(heard > _JUDGED_POWER).tolist():
                self._judged += 1
                peak_db = db_from_gain(float(highest[i]))
                self._highest_db = max(self._highest_db, peak_db)
                if peak_db - (db_from_power(float(heard[i])) + LOUDNESS_OFFSET_DB) < PSR_WARN_DB:
                    self._add(self._bins + len(peaks) - whole + i + 1, peak_db)
        self._bins += len(peaks)
        self._recent = known[max(0, len(known) - _WINDOW + 1) :]

    def read(self) -> tuple[int, int, list[tuple[int, int]]]:
        """Dense windows, windows in all, and where the dense ones stand, in bins."""
        lowest_db = self._highest_db - PSR_LOUDEST_DB
        dense = sum(count for level, count in self._dense.items() if level >= lowest_db)
        return dense, self._judged, [(begin, end) for begin, end, peak_db in self._spells if peak_db >= lowest_db]

    def _add(self, end: int, peak_db: float) -> None:
        """A dense window, by its end; whole decibels will do to tell afterwards which were near the highest."""
        level = int(np.floor(peak_db))
        self._dense[level] = self._dense.get(level, 0) + 1
        begin = end - _WINDOW
        if self._spells and begin <= self._spells[-1][1]:
            first, _, highest_db = self._spells[-1]
            self._spells[-1] = (first, end, max(highest_db, peak_db))
            return
        self._spells = [one for one in self._spells if one[2] >= self._highest_db - PSR_LOUDEST_DB]
        if len(self._spells) < KEPT_SPANS:
            self._spells.append((begin, end, peak_db))


def _spells(shortest: int) -> Spells:
    return Spells(_WINDOW, shortest, KEPT_SPANS)


def _folded(piece: Floats, matrix: Sequence[Sequence[float]]) -> Floats:
    """Explicit sums in the order of the channels: a matrix product's last bits depend on BLAS."""
    out = np.zeros((len(piece), len(matrix)))
    for target, shares in enumerate(matrix):
        for source, share in enumerate(shares):
            if share:
                out[:, target] += piece[:, source] * share
    return out


def _mono(sums: Floats, a: int, b: int, ab: int) -> Floats:
    """Power of (a + b) / sqrt 2, from sums of products: as much as of the two where they are alike."""
    return 0.5 * (sums[:, a] + sums[:, b]) + sums[:, ab]


def _opposite(label: str) -> str:
    """The label on the other side.

    >>> _opposite("Ls"), _opposite("Rtf")
    ('Rs', 'Ltf')
    """
    return {"L": "R", "R": "L"}.get(label[0], label[0]) + label[1:]


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _finding(
    check: str,
    verdict: Verdict,
    text: str,
    value: float | None = None,
    limit: float | None = None,
    at_s: tuple[tuple[float, float], ...] = (),
) -> Finding:
    """Values as documents keep them."""
    value = None if value is None else round(float(value), 5 if check == "dc" else 2)
    limit = None if limit is None else round(float(limit), 5)
    return Finding(check=check, verdict=verdict, text=text, value=value, limit=limit, at_s=at_s)


def _graded(
    check: str,
    name: str,
    told: str,
    value: float,
    limits: tuple[float, float],
    unit: str,
    at_s: tuple[tuple[float, float], ...],
) -> Finding:
    """More is worse: from the first limit on a warning, from the second on a fault; where, only of what is not well."""
    verdict: Verdict = "fail" if value > limits[1] else "warn" if value > limits[0] else "pass"
    limit = limits[1] if verdict == "fail" else limits[0]
    text = f"{name} {told}, allowed {limit:g} {unit}"
    return _finding(check, verdict, text, value, limit, () if verdict == "pass" else at_s)
