"""Quality control of audio as it was written: what a person at a QC station would stop the tape for.

`QcWatch` looks while samples go by, at the whole file and not at its loudness alone. Every limit stands with its reason
where it is judged: here, in `bins`, or in `picture`. A `fail` is a fault by any standard; a `warn` is for a person to
hear; what is looked at and in order is a `pass`, so that a receipt tells what was looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.watching import SampleWatch
from stemmix.engine.bins import BinWatch, opposite
from stemmix.engine.findings import (
    KEPT_SPANS,
    Spans,
    edge_of,
    finding,
    graded,
    many,
    places_of,
    seconds_of,
)
from stemmix.engine.pieces import Pieces
from stemmix.engine.specification import TRUE_PEAK_ERROR_DB
from stemmix.model.layouts import MONO, Layout
from stemmix.model.receipt import Finding, Verdict
from stemmix.units import db_from_gain, db_from_power, gain_from_db

Floats = NDArray[np.float64]

_GAP_S: Final = 0.1
"""Faults nearer than this are one place."""
CLIPPED_RUNS_FAIL: Final = 10
"""A run or two is a peak that just reaches full scale."""
CLIPPED_SAMPLES_FAIL: Final = 10
"""0.2 ms: heard as a crackle by itself."""
FLAT_TOPS_WARN: Final = 10
"""As many peaks of one height, each with corners, are no chance."""
OVERS_WARN_DBTP: Final = 0.0
"""Full scale, over which a converter or a codec clips (BS.1770-5 Annex 2); samples that are over it themselves are a
fault of any file. A specification's ceiling is judged apart."""
SILENCE_PAUSES: Final = 5
FEWEST_PAUSES: Final = 3
SILENCE_SHARE: Final = 0.02
"""A mix with air in it is never digitally silent; with more pauses than 5, or 3 that are over 2 % of its length, it is
a lone stem or sparse by nature. One or two, however long, are a hole."""
IMBALANCE_WARN_DB, IMBALANCE_FAIL_DB = 3.0, 9.0
"""3 dB off a centre of sound is seen on any meter; 9 is a gain or a cable."""
DEAD_DBFS: Final = -90.0
"""What a channel of 16 bits holds that is fed with nothing."""


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
        self._samples = SampleWatch(rate_hz, layout.channels, KEPT_SPANS, _GAP_S)
        self._pieces = Pieces(rate_hz, layout.channels, self._samples.before)
        self._bins = BinWatch(rate_hz, layout, dialogue, is_part=kind == "part")
        self._findings: list[Finding] | None = None

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples."""
        for lane in self.lanes:
            lane(block)

    @property
    def lanes(self) -> tuple[Callable[[Floats], None], ...]:
        """`process` in two parts that share nothing: threads may run them side by side.

        Each is to hear every block, in order; what is found is the same.
        """
        return self._hear_bins, self._hear_samples

    def _hear_bins(self, block: Floats) -> None:
        self._bins.process(self._taken(block))

    def _hear_samples(self, block: Floats) -> None:
        for count in self._pieces.of(self._taken(block)):
            self._look(count)

    def _taken(self, block: Floats) -> Floats:
        if block.ndim != 2 or block.shape[1] != self._layout.channels:
            raise ValueError(f"qc: a block of shape {block.shape} is not (frames, {self._layout.channels})")
        if self._findings is not None:
            raise ValueError("qc: the findings have been told already")
        return np.ascontiguousarray(block, np.float64)

    def _look(self, count: int) -> None:
        self._samples.process(self._pieces.rows, count)
        self._frames += count

    def findings(self) -> list[Finding]:
        """What was found in all that was heard; the sound ends with it."""
        if self._findings is None:
            for count in self._pieces.left():
                self._look(count)
            self._samples.finish(self._pieces.rows)
            self._bins.finish()
            self._findings = list(self._all_findings())
        return self._findings

    def _all_findings(self) -> Iterable[Finding]:
        yield self._clipping()
        yield self._overs()
        yield self._bins.dc_offset(self._whole)
        yield from self._breaks()
        if self._kind == "part":
            return
        yield self._silence()
        if self._layout != MONO:
            yield self._channels()
        if "LFE" in self._layout.labels:
            yield self._lfe()
        yield from self._bins.of_picture()

    @property
    def _whole(self) -> Spans:
        return seconds_of([(0, self._frames)], self._rate_hz)

    def _clipping(self) -> Finding:
        seen = self._samples
        tops, level, places = seen.flat_tops
        if seen.clipped_runs:
            is_heard = seen.clipped_runs >= CLIPPED_RUNS_FAIL or seen.longest_clip >= CLIPPED_SAMPLES_FAIL
            text = (
                f"{many(seen.clipped_runs, 'run')} of 3 samples or more at full scale, the longest "
                f"{seen.longest_clip}; {CLIPPED_RUNS_FAIL} runs, or one of {CLIPPED_SAMPLES_FAIL} samples, are a fault"
            )
            verdict: Verdict = "fail" if is_heard else "warn"
            where = seconds_of(seen.clipped.spans, self._rate_hz)
            return finding("clipping", verdict, text, seen.clipped_runs, CLIPPED_RUNS_FAIL, where)
        if tops >= FLAT_TOPS_WARN:
            text = (
                f"{tops} peaks are cut flat at {db_from_gain(level):.2f} dBFS, as if clipped and then turned "
                f"down; {FLAT_TOPS_WARN} or more are not chance"
            )
            return finding("clipping", "warn", text, tops, FLAT_TOPS_WARN, seconds_of(places, self._rate_hz))
        return finding("clipping", "pass", "no run of samples at full scale", 0, CLIPPED_RUNS_FAIL)

    def _overs(self) -> Finding:
        over = self._samples.over
        if over <= gain_from_db(OVERS_WARN_DBTP + TRUE_PEAK_ERROR_DB) and self._samples.peaks.max() <= 1.0:
            return finding("overs", "pass", "nothing over 0 dBTP", None, OVERS_WARN_DBTP)
        count = self._samples.overs.count
        text = f"true peaks over 0 dBTP in {many(count, 'place')}, the highest {db_from_gain(over):+.2f} dBTP"
        where = seconds_of(self._samples.overs.spans, self._rate_hz)
        verdict: Verdict = "fail" if self._samples.peaks.max() > 1.0 else "warn"
        text += ", and samples over full scale" if verdict == "fail" else ""
        return finding("overs", verdict, text, db_from_gain(over), OVERS_WARN_DBTP, where)

    def _breaks(self) -> Iterable[Finding]:
        """Sound that breaks off on a beat is meant to, though nobody but a person can tell; a fault has none."""
        is_even = self._samples.are_holes_even
        verdict: Verdict
        for check, places, name, told, verdict in (
            (
                "dropout",
                self._samples.holes,
                "hole where sound stops or freezes, and then goes on",
                ", evenly spaced, as a gate or a Morse key makes them" if is_even else "",
                "warn" if is_even else "fail",
            ),
            (
                "click",
                self._samples.jumps,
                "isolated break in the waveform, as from a lost block or a bad edit",
                "",
                "warn",
            ),
        ):
            text = f"{name}: {many(places.count, 'time')}{told}" if places.count else f"no {name}"
            where = seconds_of(places.spans, self._rate_hz)
            yield finding(check, verdict if places.count else "pass", text, places.count, 0, where)

    def _silence(self) -> Finding:
        if not self._samples.peaks.any():
            return finding("silence", "warn", "digital silence from beginning to end", at_s=self._whole)
        pauses, silent_s = self._samples.pauses, self._samples.silent_frames / self._rate_hz
        share = self._samples.silent_frames / max(self._frames, 1)
        text = f"{silent_s:.1f} s of digital silence within the sound, in {many(pauses, 'pause')} of 0.5 s or more"
        if not pauses:
            return finding("silence", "pass", "no digital silence of 0.5 s or more within the sound", 0, 0)
        many_pauses = pauses > SILENCE_PAUSES or (pauses >= FEWEST_PAUSES and share > SILENCE_SHARE)
        if self._kind != "mix" and many_pauses:
            return finding("silence", "pass", f"{text}: not a mix, but a single stem, or sparse by nature", silent_s)
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
            halves = [label for label in dead if (other := opposite(label)) in labels and other not in dead]
            text = f"nothing above {DEAD_DBFS:g} dBFS in {', '.join(dead)} of {self._layout.name}"
            return finding("channels", "fail" if halves else "warn", text, peaks[dead[0]], DEAD_DBFS, self._whole)
        if lost := self._lost():
            return lost
        power = {label: float(power) for label, power in zip(labels, self._bins.power, strict=True)}
        lefts = [label for label in labels if label[0] == "L" and opposite(label) in labels]
        uneven = {label: db_from_power(power[label]) - db_from_power(power[opposite(label)]) for label in lefts}
        worst = max(uneven, key=lambda label: abs(uneven[label]))
        # surrounds and heights carry what happens to be on one side
        limits = (IMBALANCE_WARN_DB, IMBALANCE_FAIL_DB) if worst == "L" else (IMBALANCE_FAIL_DB, np.inf)
        told = f"{abs(uneven[worst]):.1f} dB {'above' if uneven[worst] > 0 else 'below'} {opposite(worst)}"
        return graded("channels", worst, f"is {told} over the whole length", abs(uneven[worst]), limits, self._whole)

    def _lost(self) -> Finding | None:
        """Channels that fall silent while what is beside them sounds, if that is nobody's pause.

        Sound that is cut off is lost, also where it is not heard again. Sides that soften into their silences and take
        turns are two people, a centre that does is one; one side alone may be either.
        """
        cut: dict[str, list[tuple[int, int]]] = {}
        soft: dict[str, list[tuple[int, int]]] = {}
        for label, its in self._bins.lone.items():
            cuts = self._samples.cuts_of[self._layout.labels.index(label)].spans
            ending = () if its.ending is None else (its.ending,)
            spans = [span for span in (*its.spans, *ending) if self._is_in(span, cuts)]
            if spans and (its.count <= SILENCE_PAUSES or (label == "C" and len(spans) <= SILENCE_PAUSES)):
                cut[label] = spans
            elif label != "C" and 0 < its.count <= SILENCE_PAUSES and not self._bins.lone[opposite(label)].count:
                soft[label] = its.spans
        if not (lone := cut or soft):
            return None
        told = ", ".join(f"{label} {many(len(spans), 'time')}" for label, spans in lone.items())
        how = "a channel is cut off" if cut else "a channel falls silent"
        what = "while the channels beside it sound" if "C" in lone else "while its other side sounds"
        spans = [span for its in lone.values() for span in its]
        where = places_of(spans, self._rate_hz)
        return finding("channels", "fail" if cut else "warn", f"{how} {what}: {told}", len(spans), 0, where)

    def _is_in(self, bins: tuple[int, int], spans: Iterable[tuple[float, float]]) -> bool:
        """Whether one of the spans, in frames, reaches into the middle of bins."""
        middle = edge_of(sum(bins) // 2, self._rate_hz)
        return any(begin <= middle < end for begin, end in spans)

    def _lfe(self) -> Finding:
        if db_from_gain(float(self._samples.peaks[self._layout.labels.index("LFE")])) <= DEAD_DBFS:
            return finding("lfe", "pass", "LFE is silent, which is allowed: nothing went to it")
        return self._bins.lfe_content()
