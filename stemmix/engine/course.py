"""How a master goes over time: what its meters read and its limiter took, in steps that a receipt has room for."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.meters import relative_gate
from stemmix.engine.gauge import Gauge
from stemmix.model.receipt import Course
from stemmix.units import LOUDNESS_OFFSET_DB, POWER_FLOOR

Floats = NDArray[np.float64]

MOST_STEPS = 1200
MOMENTARY_CENTRE_S, SHORT_TERM_CENTRE_S = 0.2, 1.5
"""From the beginning of a window to its middle, which is where its reading is told."""


def course_of(gauge: Gauge, reduction_db: Sequence[float], seconds: float, first_s: float = 0.0) -> Course:
    """Of a file so long, of which `gauge` has heard what lies from `first_s` on; `reduction_db` ten a second, shorter
    where there was none to the end."""
    tenths = max(ceil(round(10.0 * seconds, 6)), 1)
    together = ceil(tenths / MOST_STEPS)
    steps = ceil(tenths / together)

    def told(energies: Floats, centre_s: float) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
        """The lowest and the highest in every step, of readings ten a second."""
        at = np.floor((first_s + centre_s) * 10.0 + np.arange(len(energies)) + 1e-6).astype(np.int64) // together
        lowest, highest = np.full(steps, np.inf), np.full(steps, -np.inf)
        np.minimum.at(lowest, np.minimum(at, steps - 1), energies)
        np.maximum.at(highest, np.minimum(at, steps - 1), energies)
        return _levels(lowest), _levels(highest)

    momentary = told(gauge.gating_energies, MOMENTARY_CENTRE_S)
    gate_lufs = relative_gate(gauge.gating_energies)
    _, short_term = told(gauge.short_term_energies, SHORT_TERM_CENTRE_S)
    taken = np.zeros(steps * together)
    taken[: len(reduction_db)] = reduction_db[: len(taken)]
    return Course(
        step_s=round(0.1 * together, 1),
        momentary_lowest_lufs=momentary[0],
        momentary_highest_lufs=momentary[1],
        short_term_lufs=short_term,
        gate_lufs=None if gate_lufs is None else round(gate_lufs, 2),
        reduction_db=tuple(np.round(taken.reshape(steps, together).max(axis=1), 2).tolist()) if taken.any() else (),
    )


def _levels(energies: Floats) -> tuple[float | None, ...]:
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = LOUDNESS_OFFSET_DB + 10.0 * np.log10(energies)
    return tuple(
        round(level, 1) if POWER_FLOOR < energy < np.inf else None
        for energy, level in zip(energies.tolist(), levels.tolist(), strict=True)
    )
