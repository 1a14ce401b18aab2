"""Synthesis of the conformance signals from their table: (frames, channels) float64 at 48 kHz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATE_HZ = 48000
_LONG_SIGNAL_S = 3.2
_FADE_S = 0.01


def synthesise(case: Mapping[str, Any], labels: Sequence[str]) -> Floats:
    """The signal of one case, channels in the order of `labels`."""
    if "tones" in case:
        return _tones(case["tones"] * case.get("times", 1), labels)
    mono = _sine(**case["sine"]) if "sine" in case else _burst(**case["burst"])
    return np.tile(mono[:, None], len(labels))


def _tones(tones: Sequence[Sequence[Any]], labels: Sequence[str]) -> Floats:
    """Sines one after the other; edges at the rounded sum of the times, so that a long list does not drift."""
    edges = np.rint(np.cumsum([0.0, *(tone[0] for tone in tones)]) * RATE_HZ).astype(int)
    signal = np.zeros((edges[-1], len(labels)))
    for begin, end, (_, frequency_hz, levels) in zip(edges[:-1], edges[1:], tones, strict=True):
        wave = np.sin(np.arange(end - begin) * (2.0 * np.pi * frequency_hz / RATE_HZ))
        for label, level_dbfs in levels.items():
            signal[begin:end, labels.index(label)] = wave * 10.0 ** (level_dbfs / 20.0)
    return signal


def _sine(samples_a_period: int, amplitude: float, phase_deg: float) -> Floats:
    """Tech 3341 cases 15 to 19: the phase hides the peak between samples."""
    frames = np.arange(round(_LONG_SIGNAL_S * RATE_HZ))
    return amplitude * np.sin(2.0 * np.pi * frames / samples_a_period + np.deg2rad(phase_deg)) * _fade(len(frames), 1)


def _burst(offset_quarters: int) -> Floats:
    """Tech 3341 cases 20 to 23: in a sine of 0.5 at fs/6 one period of a full-scale sine at fs/4, continuous in phase.

    Made at 4 fs, brought to fs by keeping the spectrum to 0.45 fs whole and rolling it off to nothing at fs/2, and
    every fourth sample from `offset_quarters` on.
    """
    size = round(_LONG_SIGNAL_S * RATE_HZ) * 4
    begin = size // 2 // 24 * 24
    signal = 0.5 * np.sin(2.0 * np.pi * (np.arange(size) - begin) / 24)
    signal[begin : begin + 16] = np.sin(2.0 * np.pi * np.arange(16) / 16)
    signal[begin + 16 :] = 0.5 * np.sin(2.0 * np.pi * np.arange(size - begin - 16) / 24)
    spectrum = np.fft.rfft(signal * _fade(size, 4))
    cycles = np.arange(len(spectrum)) / size * 4.0
    spectrum *= 0.5 + 0.5 * np.cos(np.pi * np.clip((cycles - 0.45) / 0.05, 0.0, 1.0))
    return np.fft.irfft(spectrum, size)[offset_quarters::4]


def _fade(size: int, oversampling: int) -> Floats:
    ramp = np.arange(size) / (_FADE_S * RATE_HZ * oversampling)
    return np.clip(np.minimum(ramp, ramp[::-1]), 0.0, 1.0)
