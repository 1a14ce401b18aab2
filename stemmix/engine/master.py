"""Printmasters and fold-downs: the bus brought to its specification by one linear gain and, at its ceiling, a limiter.

Gain is linear, always, and found by the method that the specification names. Where peaks would pass the ceiling the
limiter takes them down, and the gain is mended for what that costs in loudness, in at most `ROUNDS` rounds; a target
that is still missed is said, never forced. Reels of one programme are measured as one and share one gain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stemmix.crew import Crew, Hearers
from stemmix.dsp.limiter import TruePeakLimiter
from stemmix.engine.bus import Bus, Job
from stemmix.engine.gauge import Asked, Gauge, at_gain, loudness_at_gain, pooled
from stemmix.engine.output import Output, opened
from stemmix.engine.readings import Read
from stemmix.engine.specification import LOUDNESS_ERROR_LU, READINGS, TRUE_PEAK_ERROR_DB, Aim, gain_for
from stemmix.model.deliverables import FoldDown, Printmaster
from stemmix.model.encodings import CODINGS
from stemmix.model.layouts import LAYOUTS, Layout
from stemmix.model.presets import Method, Specification
from stemmix.model.receipt import UNMEASURED, Finding, Limiting, Measured, WrittenFile
from stemmix.units import gain_from_db

Floats = NDArray[np.float64]

ROUNDS = 6
"""The first, and five mends: three are enough for 9 dB over the ceiling."""
LEAST_WORTH = 0.1
"""LU that each dB of drive is to bring, or it is not made; what brings next to nothing is free."""
LEAST_YIELD = 0.25
LOSS_EXPONENT = 3.0
"""Of loudness lost by the deepest reduction: 2.2 to 3.4 where speech, music and battle are driven 4 to 11 dB over. A
round less."""
MOST_MENDED_DB = 6.0
"""Over the linear gain: what a limiter is driven by beyond flattens, and makes nothing louder."""
CLOSE_ENOUGH_LU = 0.01
LOSSY_ENOUGH_LU = 0.04
"""What a codec takes or adds, a little at every encoding: no more than is judged."""
LOSSY_ROUNDS = 5
"""The first, and four lower ones, each by twice the share of what it was over: a limiter that is driven harder flattens
what is encoded, and a codec may add as much to that as the ceiling has come down."""
LOSSY_MARGIN_DB = 0.03
"""Under what a decoded file was over its ceiling: the next encoding is another."""


class Given(NamedTuple):
    """A gain that a master takes as it is."""

    gain_db: float
    why: str
    """Where it comes from."""
    ceiling_dbtp: float | None = None
    """What its limiter is set to, where that is known too; else it is found."""


@dataclass(frozen=True)
class _Take:
    """One reel's master at some gain."""

    output: Output
    gauge: Gauge | None
    """What was put into the file, where a limiter has changed it."""
    limiter: TruePeakLimiter | None


@dataclass(frozen=True)
class _Settled:
    """All reels' masters at the gain that they are left at."""

    takes: Sequence[_Take]
    gain_db: float
    ceiling_dbtp: float
    missing: float
    """How much more there should be, in LU or dB."""


def mastered(
    buses: Sequence[Bus],
    wanted: Printmaster | FoldDown,
    specification: Specification,
    heard: Sequence[Read],
    given: Given | None,
    cleaning: ExitStack,
    *,
    last: bool,
) -> list[Output]:
    """The master of every reel, written and not yet judged, all at one gain.

    `heard`: what was measured on each bus in the master's layout. After the `last` master the buses may be gone.
    Raises OutputError where a file cannot be written.
    """
    aim = gain_for(specification, pooled(heard)) if given is None else Aim(given.gain_db, None, None, None, given.why)
    mastering = _Mastering(buses, wanted, specification, heard, aim, cleaning, last)
    known_dbtp = None if given is None else given.ceiling_dbtp
    settled = mastering.under(specification.ceiling_dbtp if known_dbtp is None else known_dbtp)
    if mastering.is_lossy and known_dbtp is None:
        for lowered in range(LOSSY_ROUNDS - 1):
            over_db = mastering.over_db(settled)
            if over_db <= TRUE_PEAK_ERROR_DB:
                break
            mastering.drop(settled.takes)
            settled = mastering.under(settled.ceiling_dbtp - 2**lowered * (over_db + LOSSY_MARGIN_DB))
    for take, bus in zip(settled.takes, buses, strict=True):
        _tell(take, settled, specification, aim, bus.job.project.max_limiting_db(wanted))
    return [take.output for take in settled.takes]


@dataclass(frozen=True)
class _Mastering:
    """One deliverable of all reels."""

    buses: Sequence[Bus]
    wanted: Printmaster | FoldDown
    specification: Specification
    heard: Sequence[Read]
    aim: Aim
    cleaning: ExitStack
    last: bool
    """Nobody needs the buses afterwards."""

    def under(self, ceiling_dbtp: float) -> _Settled:
        """The masters at the gain that reaches the aim under a ceiling."""
        linear_db = gain_db = self.aim.gain_db or 0.0
        tried: tuple[float, float] | None = None
        best = (gain_db, math.inf)
        for attempt in range(1, ROUNDS + 1):
            takes = self.at(gain_db, ceiling_dbtp)
            missing = self.missing(takes, gain_db)
            drive_lu = LEAST_WORTH * abs(gain_db - best[0])
            if abs(missing) < abs(best[1]) - max(drive_lu - CLOSE_ENOUGH_LU, 0.0):
                best = gain_db, missing
            elif missing * best[1] > 0.0:
                break  # driven further it came no nearer: peaks are flat, and gates let in what was soft
            # a gate, too, looks at levels as they are after the gain
            better_db = gain_db
            if abs(missing) > (LOSSY_ENOUGH_LU if self.is_lossy else CLOSE_ENOUGH_LU):
                mended_db = gain_db + missing / _yield_of(takes, missing, gain_db, tried)
                better_db = round(min(mended_db, linear_db + MOST_MENDED_DB), 4)
            if better_db == gain_db or attempt == ROUNDS:
                break
            self.drop(takes)
            gain_db, tried = better_db, (gain_db, missing)
        if best[0] != gain_db:
            self.drop(takes)
            gain_db, missing = best
            takes = self.at(gain_db, ceiling_dbtp)
        return _Settled(takes or self.linear(gain_db), gain_db, ceiling_dbtp, missing)

    def at(self, gain_db: float, ceiling_dbtp: float) -> list[_Take]:
        """All reels at a gain; none where nothing but that is at work: what comes out follows from what was heard."""
        limiters = [
            _limiter(bus.job, self.layout, gauge.read().true_peak_dbtp, gain_db, ceiling_dbtp)
            for bus, gauge in zip(self.buses, self.heard, strict=True)
        ]
        return self.limited(gain_db, limiters) if any(limiters) or self.is_lossy else []

    def limited(self, gain_db: float, limiters: Sequence[TruePeakLimiter | None]) -> list[_Take]:
        """All reels at a gain that a limiter or a codec has its part in; what a limiter does to any of them is heard in
        all, for they are judged as one."""
        return [
            self.take(bus, limiter, gain_db, heard=not self.is_lossy)
            for bus, limiter in zip(self.buses, limiters, strict=True)
        ]

    def linear(self, gain_db: float) -> list[_Take]:
        """All reels at the gain that they are left at, and nothing else."""
        takes = [self.take(bus, None, gain_db, last=self.last) for bus in self.buses]
        for take, gauge in zip(takes, self.heard, strict=True):
            take.output.expected = at_gain(gauge, gain_db)
        return takes

    def missing(self, takes: Sequence[_Take], gain_db: float) -> float:
        """How much more there should be, in LU or dB: by what was taken, or, of no takes, at a linear gain."""
        if takes:
            return self.aim.missing(_of_method(self.aim.method, pooled([self.reached(take) for take in takes])))
        return self.aim.missing(loudness_at_gain(self.heard, self.aim.method, gain_db))

    def take(
        self, bus: Bus, limiter: TruePeakLimiter | None, gain_db: float, *, heard: bool = False, last: bool = False
    ) -> _Take:
        """Fold, gain, limiter, dither over a whole bus.

        `heard`: what comes out is measured on the way. `last`: nobody can read the bus again.
        """
        job, layout = bus.job, self.layout
        output = self._opened(job, layout, gain_db)
        gauge = Gauge(job.project.sample_rate, layout, job.programme, Asked.by(self.aim.method)) if heard else None
        late = 0 if limiter is None else limiter.latency_samples

        with Crew(job.threads, "write") as crew:
            hearers, encoding = Hearers(crew), crew.line()

            def put(block: Floats) -> None:
                """Let it be heard and written while the next is made."""
                nonlocal late
                early, late = late, max(late - len(block), 0)
                block = block[early:]
                encoded = encoding.give(partial(output.to_write, block))
                works: list[Callable[[], None]] = [lambda: output.writer.write(encoded.result())]
                if gauge is not None:
                    works.append(partial(gauge.process, block))
                hearers.give(works, partial(job.advance, "write", len(block)))

            for block in bus.blocks(crew, layout, gain_from_db(gain_db), last=last):
                put(block if limiter is None else limiter.process(block))
            if limiter is not None:
                put(limiter.flush())
            hearers.catch_up()
        return _Take(output, gauge, limiter)

    @property
    def layout(self) -> Layout:
        return LAYOUTS[self.wanted.layout]

    @property
    def is_lossy(self) -> bool:
        return CODINGS[self.wanted.format].is_lossy

    def reached(self, take: _Take) -> Read:
        """What counts is what is heard: of a lossy file, what is decoded."""
        if self.is_lossy:
            take.output.look(take.output.job.threads)
        gauge = take.output.gauge or take.gauge
        assert gauge is not None  # a limiter was at work, and its output heard
        return gauge

    def over_db(self, settled: _Settled) -> float:
        """By how much decoded files pass the ceiling that they are judged by."""
        asked = self.specification.true_peak
        highest_dbtp = self.specification.ceiling_dbtp if asked is None else asked.highest_dbtp
        peaks_dbtp = [take.output.look(take.output.job.threads).true_peak_dbtp for take in settled.takes]
        return max((peak_dbtp - highest_dbtp for peak_dbtp in peaks_dbtp if peak_dbtp is not None), default=0.0)

    @staticmethod
    def drop(takes: Sequence[_Take]) -> None:
        """Remove files that are made again."""
        for take in takes:
            take.output.writer.abort()

    def _opened(self, job: Job, layout: Layout, gain_db: float) -> Output:
        facts = WrittenFile(
            path="",
            deliverable=self.wanted.name,
            kind=self.wanted.kind,
            layout=layout.name,
            format=self.wanted.format,
            frames=job.frames,
            gain_db=gain_db,
            sha256="",
            measured=UNMEASURED,
            specification=self.specification.name,
        )
        return opened(job, self.wanted, layout, facts, self.cleaning, specification=self.specification)


def _limiter(
    job: Job, layout: Layout, peak_dbtp: float | None, gain_db: float, ceiling_dbtp: float
) -> TruePeakLimiter | None:
    """A limiter where it may be needed; `peak_dbtp` is that of the programme before the gain."""
    first, after = job.programme.first, job.programme.after
    # a leader is not measured, and its 2-pop may not clip all the same
    may_pop = first > 0 or after < job.frames
    if not may_pop and (peak_dbtp is None or peak_dbtp + gain_db <= ceiling_dbtp):
        return None
    return TruePeakLimiter(job.project.sample_rate, layout.channels, ceiling_dbtp, counted=(first, after))


def _of_method(method: Method | None, reached: Measured) -> float | None:
    """What a method reads."""
    value: float | None = None if method is None else getattr(reached, READINGS[method])
    return value


def _yield_of(takes: Sequence[_Take], missing_lu: float, gain_db: float, before: tuple[float, float] | None) -> float:
    """What the next dB of gain is worth in LU: the limiter takes part of every dB, the more the harder it is driven.

    `before` is what was tried last, and what was missing then: the secant. Where nothing was, what the limiter costs is
    taken to grow as the `LOSS_EXPONENT`th power of its deepest reduction.
    """
    if before is not None:
        yielded = (before[1] - missing_lu) / (gain_db - before[0])
    else:
        deepest_db = max((take.limiter.max_reduction_db for take in takes if take.limiter), default=0.0)
        yielded = 1.0 - LOSS_EXPONENT * missing_lu / deepest_db if deepest_db > 0.0 else 1.0
    return min(max(yielded, LEAST_YIELD), 1.0)


def _tell(take: _Take, settled: _Settled, specification: Specification, aim: Aim, allowed_db: float) -> None:
    """Put what was done, and what is to be said of it, into the output's facts; `allowed_db` of limiting."""
    output, limiter = take.output, take.limiter
    limiting = None
    if limiter is not None and limiter.spans:
        limiting = Limiting(
            max_reduction_db=round(limiter.max_reduction_db, 2),
            active_share=round(limiter.active_share, 4),
            spans=limiter.spans,
        )
        output.reduction_db = limiter.reduction_of_tenths_db
        output.findings.append(_limited(limiter.max_reduction_db, allowed_db))
        if settled.missing > LOUDNESS_ERROR_LU:
            text = (
                f"the ceiling of {settled.ceiling_dbtp:g} dBTP keeps it {settled.missing:.2f} LU short of its loudness"
            )
            output.findings.append(Finding(check="ceiling", verdict="warn", text=text, value=round(settled.missing, 2)))
    if settled.ceiling_dbtp < specification.ceiling_dbtp:
        text = f"was limited to {settled.ceiling_dbtp:.2f} dBTP, so that the decoded file stays under its ceiling"
        output.findings.append(Finding(check="codec", verdict="pass", text=text, value=round(settled.ceiling_dbtp, 2)))
        output.facts = output.facts.model_copy(update={"ceiling_dbtp": settled.ceiling_dbtp})
    output.facts = output.facts.model_copy(
        update={"gain_db": settled.gain_db, "gain_why": aim.why, "limiting": limiting}
    )


def _limited(reduction_db: float, allowed_db: float) -> Finding:
    """Whether the limiter took more than is allowed."""
    heavy = reduction_db > allowed_db
    text = f"is limited by up to {reduction_db:.1f} dB, allowed {allowed_db:g}"
    if heavy:
        text += ": lower its target, raise its ceiling, or allow more (max_limiting_db)"
    return Finding(
        check="limiting", verdict="fail" if heavy else "pass", text=text, value=round(reduction_db, 2), limit=allowed_db
    )
