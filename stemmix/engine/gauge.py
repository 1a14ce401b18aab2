"""What is measured for a specification: on the bus before it has a gain, on what a limiter gives, on written files.

Leader, 2-pop and tail are left out where the project says where the action begins and ends. Dialogue is measured where
the plan's lines are, by the dialogue stems' own activity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.meters import Meter, gated_loudness, loudness_range
from stemmix.engine.readings import Read
from stemmix.engine.specification import READINGS
from stemmix.model.cinema import replay_db_spl
from stemmix.model.layouts import Layout
from stemmix.model.presets import Method, Specification
from stemmix.model.receipt import UNMEASURED, Measured

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Programme:
    """What of a file counts, in samples from its beginning."""

    first: int
    after: int
    speech: tuple[tuple[int, int], ...]
    """Where dialogue speaks."""

    @cached_property
    def speech_inside(self) -> tuple[tuple[int, int], ...]:
        """The same counted from `first`, and none of what lies outside."""
        cut = [(max(start, self.first), min(end, self.after)) for start, end in self.speech]
        return tuple((start - self.first, end - self.first) for start, end in cut if end > start)

    def inside(self, at: int, block: Floats) -> Floats:
        """Of (n, channels) samples that begin at `at`, those that count."""
        return block[min(max(self.first - at, 0), len(block)) : min(max(self.after - at, 0), len(block))]


@dataclass(frozen=True)
class Asked:
    """What is to be read of a stream; loudness, its range and RMS always are. The rest costs time."""

    peaks: bool = True
    dialogue: bool = False
    leq_m: bool = False
    noise_floor: bool = False
    psr: bool = False

    @classmethod
    def for_gain(cls, specification: Specification) -> Self:
        """Of a bus: whatever its gain may be set by, and whether that will need a limiter."""
        method = None if specification.loudness is None else specification.loudness.method
        return cls(dialogue=method == "dialogue", leq_m=method == "leq_m")

    @classmethod
    def by(cls, method: Method | None) -> Self:
        """Of what comes out of a limiter: how far it is from its aim."""
        return cls(peaks=False, dialogue=method == "dialogue", leq_m=method == "leq_m")

    @classmethod
    def of_master(cls, specification: Specification) -> Self:
        """Of a written master: all that a receipt tells, and all that it is judged by."""
        method = None if specification.loudness is None else specification.loudness.method
        has_floor = specification.noise_floor_dbfs is not None
        return cls(dialogue=True, leq_m=method == "leq_m", noise_floor=has_floor, psr=True)


class Gauge:
    """Reads one stream; hears its blocks in order, and may be read at any time."""

    def __init__(self, rate_hz: int, layout: Layout, programme: Programme, asked: Asked) -> None:
        self._meter = Meter(
            rate_hz,
            layout.weights,
            noise_floor=asked.noise_floor,
            psr=asked.psr,
            replay_db_spl=replay_db_spl(layout) if asked.leq_m else None,
            spans=programme.speech_inside if asked.dialogue else (),
        )
        energy, peaks = self._meter.lanes
        self._hears = [energy, peaks] if asked.peaks else [energy]
        self._asked = asked
        self._programme = programme
        self._at = 0

    def process(self, block: Floats) -> None:
        """Hear (n, channels) samples of the file."""
        for part in self.parts(block):
            part()

    def parts(self, block: Floats) -> list[Callable[[], None]]:
        """`process` in parts that share nothing, to be done side by side before the next block's."""
        inside = self._programme.inside(self._at, block)
        self._at += len(block)
        return [partial(hear, inside) for hear in self._hears]

    @property
    def frames(self) -> int:
        """How much of the programme has been heard."""
        return max(min(self._at, self._programme.after) - self._programme.first, 0)

    @property
    def gating_energies(self) -> Floats:
        """As of `LoudnessMeter`; reels pool theirs."""
        return self._meter.loudness.gating_energies()

    @property
    def short_term_energies(self) -> Floats:
        """As of `LoudnessMeter`; reels pool theirs."""
        return self._meter.loudness.short_term_energies()

    def read(self) -> Measured:
        """The reading so far; what was not asked for is null without a reason."""
        measured = Measured.of(self._meter.read())
        if not self._asked.dialogue:
            return measured
        spoken = self._meter.loudness.inside()
        reasons = dict(measured.reasons)
        if spoken.reason is not None:
            reasons["dialogue_lufs"] = spoken.reason
        return _with_ratio(
            measured.model_copy(
                update={"dialogue_lufs": spoken.loudness_lufs, "speech_share": spoken.share, "reasons": reasons}
            )
        )


def loudness_at_gain(gauges: Sequence[Read], method: Method | None, gain_db: float) -> float | None:
    """What `specification.READINGS` of a method reads of several reels as of one programme, all at a linear gain.

    Energies are scaled before they are gated: a gate looks at levels as they are after the gain.
    """
    if method is None:
        return None
    if READINGS[method] == "integrated_lufs":
        return gated_loudness(np.concatenate([gauge.gating_energies for gauge in gauges]) * 10.0 ** (gain_db / 10.0))
    level: float | None = getattr(pooled(gauges), READINGS[method])
    return None if level is None else level + gain_db


def at_gain(gauge: Read, gain_db: float) -> Measured:
    """What a linear gain makes of the reading of one stream: loudness, its range and the highest values, which a file
    says of itself; nothing else."""
    heard, gain = gauge.read(), 10.0 ** (gain_db / 10.0)
    levels = {name: getattr(heard, name) for name in ("true_peak_dbtp", "momentary_max_lufs", "short_term_max_lufs")}
    return UNMEASURED.model_copy(
        update={
            "integrated_lufs": gated_loudness(gauge.gating_energies * gain),
            "lra_lu": loudness_range(gauge.short_term_energies * gain),
            **{name: None if level is None else level + gain_db for name, level in levels.items()},
        }
    )


def pooled(gauges: Sequence[Read]) -> Measured:
    """One reading of several reels as of one programme, put end to end.

    Gating blocks and short-term values are pooled (BS.1770 and Tech 3342 gate by the programme); levels without gates
    are means of power by length; of peaks and maxima the highest counts, of floors and ratios to peaks the lowest.
    """
    readings = [gauge.read() for gauge in gauges]
    if len(readings) == 1:
        return readings[0]
    frames = [gauge.frames for gauge in gauges]
    spoken = [n * (reading.speech_share or 0.0) for n, reading in zip(frames, readings, strict=True)]
    has_speech = all(reading.speech_share is not None for reading in readings)
    values: dict[str, float | None] = {
        "integrated_lufs": gated_loudness(np.concatenate([gauge.gating_energies for gauge in gauges])),
        "lra_lu": loudness_range(np.concatenate([gauge.short_term_energies for gauge in gauges])),
        "dialogue_lufs": _mean_db([reading.dialogue_lufs for reading in readings], spoken),
        "rms_dbfs": _mean_db([reading.rms_dbfs for reading in readings], frames),
        "leq_m_db": _mean_db([reading.leq_m_db for reading in readings], frames),
        "speech_share": sum(spoken) / max(sum(frames), 1) if has_speech else None,
        **{name: max(_read(readings, name), default=None) for name in _HIGHEST},
        **{name: min(_read(readings, name), default=None) for name in ("noise_floor_dbfs", "psr_db")},
    }
    peak_dbtp, loudness_lufs = values["true_peak_dbtp"], values["integrated_lufs"]
    values["plr_db"] = None if peak_dbtp is None or loudness_lufs is None else peak_dbtp - loudness_lufs
    reasons = {name: why for reading in readings for name, why in reading.reasons.items() if values.get(name) is None}
    return _with_ratio(Measured.model_validate(values | {"reasons": reasons}))


_HIGHEST = ("true_peak_dbtp", "sample_peak_dbfs", "short_term_max_lufs", "momentary_max_lufs")


def _with_ratio(measured: Measured) -> Measured:
    """With the loudness-to-dialogue ratio, where dialogue was asked for (EBU R 128 s4)."""
    reasons = {name: why for name, why in measured.reasons.items() if name != "ldr_lu"}
    ldr_lu = None
    if measured.speech_share is not None and measured.dialogue_lufs is None:
        reasons["ldr_lu"] = reasons["dialogue_lufs"]
    elif measured.dialogue_lufs is not None and measured.integrated_lufs is None:
        reasons["ldr_lu"] = "the programme has no loudness"
    elif measured.dialogue_lufs is not None and measured.integrated_lufs is not None:
        ldr_lu = measured.integrated_lufs - measured.dialogue_lufs
    return measured.model_copy(update={"ldr_lu": ldr_lu, "reasons": reasons})


def _read(readings: Sequence[Measured], name: str) -> list[float]:
    return [value for reading in readings if (value := getattr(reading, name)) is not None]


def _mean_db(levels: Sequence[float | None], lengths: Sequence[float]) -> float | None:
    """Mean of powers by length, in dB; digital silence, which has no level, has no power.

    None where nothing has a level.
    """
    powers = [0.0 if level is None else 10.0 ** (level / 10.0) * n for level, n in zip(levels, lengths, strict=True)]
    return 10.0 * math.log10(sum(powers) / sum(lengths)) if sum(powers) else None
