"""How what was found is told: values, limits and places, in the form that receipts keep."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from stemmix.dsp.spells import Spells
from stemmix.model.receipt import Finding, Verdict

KEPT_SPANS: Final = 20
"""The first few tell where to listen; a file that has more is broken all along."""
BINS_PER_SECOND: Final = 50
"""A fault is found to 20 ms, less than a frame of picture."""
WINDOW_S: Final = 3.0
"""EBU Tech 3341's short-term window, as long as a correlation meter takes to be believed."""
WINDOW: Final = round(WINDOW_S * BINS_PER_SECOND)
SHORTEST_WINDOW: Final = round(0.4 * BINS_PER_SECOND)
"""Of a file shorter than the window all of it is one, down to Tech 3341's momentary window: less is told by nobody."""
JUDGED_POWER: Final = 10 ** (-50 / 10)
"""-50 dBFS: what is softer is air, whose phase nobody hears."""


Spans = tuple[tuple[float, float], ...]


def edge_of(bins: int, rate_hz: int) -> int:
    """The frame at which so many bins end; no rate drifts."""
    return bins * rate_hz // BINS_PER_SECOND


def seconds_of(spans: Iterable[tuple[float, float]], rate_hz: int) -> Spans:
    """Spans in frames, in seconds, by time."""
    return tuple((round(begin / rate_hz, 4), round(end / rate_hz, 4)) for begin, end in sorted(spans))


def places_of(bins: Iterable[tuple[int, int]], rate_hz: int) -> Spans:
    """Spans in bins, in seconds, by time, each once, in however many channels it is; the first few."""
    frames = [(edge_of(begin, rate_hz), edge_of(end, rate_hz)) for begin, end in sorted(set(bins))]
    return seconds_of(frames[:KEPT_SPANS], rate_hz)


def window_of(bins: int) -> int:
    """Of a file of so many bins or more, the bins that are judged together."""
    return bins if SHORTEST_WINDOW <= bins < WINDOW else WINDOW


def spells_of(shortest: int, window: int = WINDOW) -> Spells:
    """Spells of windows, that count from `shortest` bins on, or from half of the window where that is a whole file."""
    return Spells(window, min(shortest, window // 2) if window < WINDOW else shortest, KEPT_SPANS)


def seconds_of_window(window: int) -> str:
    """For a text.

    >>> seconds_of_window(WINDOW), seconds_of_window(72)
    ('3 s', '1.4 s')
    """
    return f"{window / BINS_PER_SECOND:.2g} s"


def unjudged(check: str, name: str, bins: int, too_soft: str) -> Finding:
    """That something was not looked at in a file of so many bins, and why: it is too short, or `too_soft`."""
    why = too_soft if bins >= SHORTEST_WINDOW else f"shorter than {SHORTEST_WINDOW / BINS_PER_SECOND:g} s"
    return finding(check, "pass", f"{name}: not judged, {why}")


def many(count: int, noun: str) -> str:
    """A number of things.

    >>> many(1, "run"), many(0, "run")
    ('1 run', '0 runs')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def finding(
    check: str,
    verdict: Verdict,
    text: str,
    value: float | None = None,
    limit: float | None = None,
    at_s: Spans = (),
) -> Finding:
    """Values as documents keep them."""
    value = None if value is None else round(float(value), 2)
    limit = None if limit is None else round(float(limit), 2)
    return Finding(check=check, verdict=verdict, text=text, value=value, limit=limit, at_s=at_s)


def graded(
    check: str,
    name: str,
    told: str,
    value: float,
    limits: tuple[float, float],
    at_s: Spans,
    lasted: object = True,
) -> Finding:
    """More dB are worse: from the first limit on a warning, from the second on a fault, if it `lasted`; and where."""
    verdict: Verdict = "pass" if value <= limits[0] or not lasted else "fail" if value > limits[1] else "warn"
    limit = limits[1] if verdict == "fail" else limits[0]
    text = f"{name} {told}, allowed {limit:g} dB" + ("" if lasted or value <= limits[0] else ", but not for long")
    return finding(check, verdict, text, value, limit, () if verdict == "pass" else at_s)
