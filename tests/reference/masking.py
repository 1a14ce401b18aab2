"""Readable twin of the masking kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence


def snr_db(
    target: Sequence[float],
    maskers: Sequence[Sequence[float]],
    gains: Sequence[Sequence[float]],
    spread: Sequence[Sequence[float]],
) -> list[float]:
    """SNR in dB of each band of one frame: the target's power over what all maskers, at their gains, excite there."""
    bands = range(len(target))
    power = [sum(masker[k] * gain[k] for masker, gain in zip(maskers, gains, strict=True)) for k in bands]
    excited = [sum(spread[b][k] * power[k] for k in bands) for b in bands]
    return [10 * math.log10((target[b] + 1e-14) / (excited[b] + 1e-14)) for b in bands]
