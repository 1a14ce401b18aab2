"""The project's pins, asked by stem and by time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stemmix.bands import CENTRE_HZ, EDGE_HZ
from stemmix.model.project import Project
from stemmix.model.requests import Pin
from stemmix.units import samples_from_seconds

TOLD_S = 0.1
"""Reports tell times to a tenth: a pin that is short of an end of a line by no more covers it."""


class Pins:
    """Who holds a pin where; times are samples of the programme, ends lie after the last.

    A pin that begins after the last of the programme's `frames` samples holds nothing.
    """

    def __init__(self, project: Project, frames: int) -> None:
        self._clock = project.clock
        self._told = samples_from_seconds(TOLD_S, project.sample_rate)
        self._of_stem: dict[str, list[tuple[int, int, Pin]]] = {}
        self._held: dict[str, list[Pin]] = {}
        for pin in project.pins:
            start, end = self.span(pin)
            if start < frames:
                self._of_stem.setdefault(pin.stem, []).append((start, end, pin))
                if pin.action is not None:
                    self._held.setdefault(pin.stem, []).append(pin)

    def of(self, stem: str) -> list[Pin]:
        """All of a stem's pins."""
        return [pin for _, _, pin in self._of_stem.get(stem, ())]

    def held(self, stem: str) -> list[Pin]:
        """Those of a stem's pins that hold an action."""
        return self._held.get(stem, [])

    def touching(self, stem: str, start: int, end: int) -> list[Pin]:
        """The stem's pins that reach into a span: what must not be done anywhere in them binds there."""
        return [pin for first, last, pin in self._of_stem.get(stem, ()) if first < end and last > start]

    def lowering(self, stem: str, priority: int, start: int, end: int) -> list[tuple[int, range]]:
        """Priorities under the stem's own that pins give it all along a span, each with its bands."""
        return [
            (pin.priority, bands_of(pin))
            for pin in self.of(stem)
            if pin.priority is not None and pin.priority < priority and self.covers(pin, start, end)
        ]

    def forbid_all_along(self, pin: Pin, kind: str) -> bool:
        """Whether another pin keeps a kind of move from the stem wherever this one would be reached into."""
        start, end = self.span(pin)
        return any(
            first <= start and last >= end and kind in forbidden(other)
            for first, last, other in self._of_stem.get(pin.stem, ())
        )

    def covers(self, pin: Pin, start: int, end: int) -> bool:
        """Whether a pin stands all along a span: a line is decided whole, and a pin on a part gives none of it away."""
        first, last = self.span(pin)
        return first - self._told <= start and last + self._told >= end

    def span(self, pin: Pin) -> tuple[int, int]:
        """A pin's first sample, and that after its last."""
        return self._clock.position(pin.start), self._clock.position(pin.end)


def forbidden(pin: Pin) -> tuple[str, ...]:
    """Kinds of moves that a pin keeps from its stem altogether."""
    return ("unmask", "duck", "ride", "presence") if pin.keep or pin.action is not None else pin.forbid or ()


def bands_of(pin: Pin) -> range:
    """The bands that a pin is meant for: every one that reaches into its range."""
    return _between(pin, EDGE_HZ[:-1], EDGE_HZ[1:])


def bands_into(pin: Pin) -> range:
    """The bands whose cuts reach into a pin's range: a curve goes from one centre to the next in a straight line."""
    return _between(pin, (0.0, *CENTRE_HZ[:-1]), (*CENTRE_HZ[1:], math.inf))


def _between(pin: Pin, firsts: Sequence[float], lasts: Sequence[float]) -> range:
    """The bands, each from its first to its last frequency, that touch a pin's range."""
    low_hz = 0.0 if pin.low_hz is None else pin.low_hz
    high_hz = math.inf if pin.high_hz is None else pin.high_hz
    inside = [
        band for band, (first, last) in enumerate(zip(firsts, lasts, strict=True)) if last > low_hz and first < high_hz
    ]
    return range(inside[0], inside[-1] + 1)
