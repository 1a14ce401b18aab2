"""Loudness meters held against the conformance signals: ours, pyloudnorm, and ffmpeg's ebur128.

A case passes where everything that the meter reads of it lies within the stated tolerance; one of which it reads
nothing does not count for it. Constant readings and running maxima are held as `tests/conformance` holds them.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.meters import Meter
from stemmix.model.layouts import Layout
from tests.bench import ffmpeg
from tests.bench.verdict import table
from tests.conformance.signals import RATE_HZ, synthesise

Floats = NDArray[np.float64]

CASES = json.loads((Path(__file__).parents[1] / "conformance" / "vectors.json").read_text("utf-8"))["cases"]
GROUPS = {
    "3341": "EBU Tech 3341",
    "3342": "EBU Tech 3342",
    "align": "EBU alignment tone",
    "bs2217": "tones after ITU-R BS.2217",
    "own": "own: 7.1, 7.1.4, mono, silence, gates",
}


@dataclass(frozen=True)
class Hearing:
    """What a meter reads of a signal: by measure, None where it says that there is no reading.

    A measure that it does not have at all is not in here; of a meter without curves they are empty.
    """

    values: Mapping[str, float | None]
    momentary_lufs: Floats = field(default_factory=lambda: np.zeros(0))
    """Ten a second, from the first full window on; entry i ends at 0.4 s + 0.1 s * i."""
    short_term_lufs: Floats = field(default_factory=lambda: np.zeros(0))
    """The same, from 3 s on."""


class Listener(ABC):
    """A meter."""

    name: str

    @abstractmethod
    def hear(self, signal: Floats, layout: Layout) -> Hearing | None:
        """Its readings of (frames, channels) at 48 kHz; None for a layout that it does not read."""


class Ours(Listener):
    name = "stemmix"

    def hear(self, signal: Floats, layout: Layout) -> Hearing:
        meter = Meter(RATE_HZ, layout.weights)
        meter.process(signal)
        reading, loudness = meter.read(), meter.loudness.read()
        return Hearing(
            {
                "I": reading.integrated_lufs,
                "M_max": reading.momentary_max_lufs,
                "S_max": reading.short_term_max_lufs,
                "LRA": reading.lra_lu,
                "TP_max": reading.true_peak_dbtp,
            },
            loudness.momentary_lufs,
            loudness.short_term_lufs,
        )


class Pyloudnorm(Listener):
    """Integrated loudness and loudness range, of five channels at most; LFE is taken out for it.

    It reads 0.042 LU less than BS.1770 of anything: its high-pass has 0.995 where the standard's table 2 has 1.
    """

    def __init__(self) -> None:
        from importlib.metadata import version

        self.name = f"pyloudnorm {version('pyloudnorm')}"

    def hear(self, signal: Floats, layout: Layout) -> Hearing | None:
        if layout.channels > 6:
            return None
        heard = np.delete(signal, layout.labels.index("LFE"), axis=1) if "LFE" in layout.labels else signal
        return Hearing({"I": self._read("integrated_loudness", heard), "LRA": self._read("loudness_range", heard)})

    @staticmethod
    def _read(measure: str, signal: Floats) -> float | None:
        import pyloudnorm

        try:
            value = float(getattr(pyloudnorm.Meter(RATE_HZ), measure)(signal))
        except ValueError:  # too short, as it says
            return None
        return value if math.isfinite(value) else None


class Ffmpeg(Listener):
    def __init__(self) -> None:
        self.name = ffmpeg.name()

    def hear(self, signal: Floats, layout: Layout) -> Hearing:
        read = ffmpeg.ebur128_of_samples(signal, RATE_HZ, layout)
        momentary, short_term = read.momentary_lufs[3:], read.short_term_lufs[29:]
        return Hearing(
            {
                "I": read.integrated_lufs,
                "M_max": float(momentary.max()) if len(momentary) else None,
                "S_max": float(short_term.max()) if len(short_term) else None,
                "LRA": read.lra_lu,
                "TP_max": read.true_peak_dbtp,
            },
            momentary,
            short_term,
        )


def listeners() -> list[Listener]:
    """Those that are installed, ours first."""
    return [Ours(), Pyloudnorm(), *([Ffmpeg()] if ffmpeg.is_there() else [])]


# ---- verdicts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """One case by one meter."""

    case: Mapping[str, Any]
    read: int
    """How many of its measures the meter has."""
    missed: Sequence[str]
    """Those that lie outside their tolerance, in words."""

    @property
    def passed(self) -> bool:
        return self.read > 0 and not self.missed


def outcome(case: Mapping[str, Any], listener: Listener, signal: Floats, layout: Layout) -> Outcome:
    def hear(piece: Floats) -> Hearing | None:
        return listener.hear(piece, layout)

    whole = hear(signal)
    read, missed = 0, []
    for expect in case["expect"] if whole is not None else []:
        found = _found(expect, signal, whole, hear)
        if found is None:
            continue
        read += 1
        below, above = expect.get("tolerance", (0.0, 0.0))
        wanted = expect["value"][1] if expect["measure"].endswith("running") else [expect["value"]] * len(found)
        for value, aim in zip(found, wanted, strict=True):
            if not _agree(value, aim, below, above):
                missed.append(f"{expect['measure']} {_shown(value)} for {_shown(aim)}")
                break
    return Outcome(case, read, missed)


def _found(
    expect: Mapping[str, Any], signal: Floats, whole: Hearing, hear: Callable[[Floats], Hearing | None]
) -> list[float | None] | None:
    """The values that are to be as expected; None where the meter does not have the measure."""
    measure = expect["measure"]
    if measure in ("M", "S"):
        # constant once the window is full, on all phases of the hop; see tests/conformance
        if not len(whole.momentary_lufs if measure == "M" else whole.short_term_lufs):
            return None
        extremes: list[float | None] = []
        for late in range(0, RATE_HZ // 10, RATE_HZ // 100):
            heard = hear(signal[late:])
            assert heard is not None
            curve = heard.momentary_lufs[6:] if measure == "M" else heard.short_term_lufs
            extremes += [float(curve.min()), float(curve.max())]
        return extremes
    if measure.endswith("_running"):
        name = measure.removesuffix("_running")
        if name not in whole.values:
            return None
        heard_so_far = [hear(signal[: round(at_s * RATE_HZ)]) for at_s in expect["value"][0]]
        return [heard.values[name] for heard in heard_so_far if heard is not None]
    return [whole.values[measure]] if measure in whole.values else None


def _agree(value: float | None, aim: float | None, below: float, above: float) -> bool:
    if value is None or aim is None:
        return value is None and aim is None
    return aim - below <= value <= aim + above


def _shown(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.2f}"


def conformity(
    cases: Sequence[Mapping[str, Any]], against: Sequence[Listener], layouts: Mapping[str, Layout]
) -> dict[str, list[Outcome]]:
    """Every case by every meter, by the meter's name."""

    def heard(case: Mapping[str, Any]) -> list[Outcome]:
        layout = layouts[case["layout"]]
        signal = synthesise(case, layout.labels)
        return [outcome(case, listener, signal, layout) for listener in against]

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(heard, cases))
    return {listener.name: list(column) for listener, column in zip(against, zip(*outcomes, strict=True), strict=True)}


def told(found: Mapping[str, Sequence[Outcome]]) -> str:
    """A table by group: cases passed, of those that the meter reads anything of."""
    first = next(iter(found.values()))
    groups = [group for group in GROUPS if any(one.case["group"] == group for one in first)]
    rows = [["signals", "cases", *found]]
    for group in [*groups, None]:
        of_group = {name: [one for one in those if group in (None, one.case["group"])] for name, those in found.items()}
        count = len(next(iter(of_group.values())))
        rows.append([GROUPS[group] if group else "all", str(count), *(_score(those) for those in of_group.values())])
    return table(rows)


def _score(outcomes: Sequence[Outcome]) -> str:
    read = sum(one.read > 0 for one in outcomes)
    passed = sum(one.passed for one in outcomes)
    return f"{passed} of {read}" if read else "-"


def misses(found: Mapping[str, Sequence[Outcome]]) -> str:
    """Which cases each meter misses, and what it reads."""
    lines = []
    for name, outcomes in found.items():
        missed = [f"{one.case['id']} ({'; '.join(one.missed)})" for one in outcomes if one.missed]
        if missed:
            lines.append(f"{name} misses {', '.join(missed)}")
    return "\n".join(lines)
