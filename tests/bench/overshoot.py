"""True-peak limiters driven over their ceiling, and how far over it they still are on meters that are not their own.

Material comes out of a resampler or an interpolator as a converter would play it; by how much peaks between samples
pass the ceiling then depends on the filter, so three meters read it: scipy's `resample_poly` at 16x as it comes, a
sharp filter at 32x, and ours.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.limiter import TruePeakLimiter
from stemmix.dsp.meters import LoudnessMeter
from stemmix.dsp.true_peak import TruePeakMeter
from stemmix.model.layouts import STEREO
from stemmix.units import db_from_gain, gain_from_db
from tests.bench import ffmpeg
from tests.bench.verdict import table

Floats = NDArray[np.float64]

RATE_HZ = 48_000
CEILING_DBTP = -1.0
OVER_DB = 9.0
GOAL_DB = 0.02
MARGIN = 256
"""Frames around a piece that is read by itself: more than any of the filters reaches."""


# ---- material --------------------------------------------------------------------------------------------------------


def white_noise(seconds: float) -> Floats:
    return np.random.default_rng(5).normal(0.0, 0.3, (round(seconds * RATE_HZ), 2))


def clicks(seconds: float) -> Floats:
    """Band-limited clicks, 50 a second, at all hundredths between two samples."""
    signal = np.zeros(round(seconds * RATE_HZ))
    around = np.arange(-40, 41)
    for number, start in enumerate(range(100, len(signal) - 100, RATE_HZ // 50)):
        signal[start + around] += np.sinc(0.9 * (around - number % 100 / 100)) * np.hanning(81)
    return np.stack((signal, signal), axis=1)


def sweep(seconds: float) -> Floats:
    """A sine from 20 Hz to 0.49 of the sample rate, faded at both ends."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    sine = np.sin(2 * np.pi * (20 * time_s + (0.49 * RATE_HZ - 20) * time_s**2 / (2 * seconds)))
    sine *= np.clip(np.minimum(time_s, time_s[::-1]) / 0.02, 0.0, 1.0)
    return np.stack((sine, sine), axis=1)


def square(seconds: float) -> Floats:
    wave = np.sign(np.sin(2 * np.pi * 441.3 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ))
    return np.stack((wave, wave), axis=1)


SIGNALS: dict[str, Callable[[float], Floats]] = {
    "white noise": white_noise,
    "clicks": clicks,
    "full-band sweep": sweep,
    "square wave": square,
}


def music(path: Path) -> Floats:
    """(frames, 2) of a stem at 48 kHz; mono on both sides."""
    import soundfile

    samples, rate_hz = soundfile.read(path, always_2d=True)
    if rate_hz != RATE_HZ or samples.shape[1] > 2:
        raise SystemExit(f"{path}: must be mono or stereo at {RATE_HZ} Hz")
    return samples if samples.shape[1] == 2 else samples.repeat(2, axis=1)


def driven(signal: Floats) -> Floats:
    """With its highest sample 9 dB over the ceiling."""
    return signal / np.abs(signal).max() * gain_from_db(CEILING_DBTP + OVER_DB)


# ---- limiters --------------------------------------------------------------------------------------------------------


class Limiter(ABC):
    name: str

    @abstractmethod
    def limited(self, signal: Floats) -> Floats:
        """(frames, 2) held at the ceiling; delay does not matter."""


class Ours(Limiter):
    name = "stemmix"

    def limited(self, signal: Floats) -> Floats:
        limiter = TruePeakLimiter(RATE_HZ, 2, CEILING_DBTP)
        return np.concatenate((limiter.process(signal), limiter.flush()))


class Alimiter(Limiter):
    """ffmpeg's alimiter, which looks at samples."""

    name = "alimiter"

    def limited(self, signal: Floats) -> Floats:
        return ffmpeg.filtered(signal, RATE_HZ, STEREO, self.chain)

    chain = f"alimiter=limit={gain_from_db(CEILING_DBTP):.6f}:level=disabled"


class Alimiter192(Alimiter):
    """The same between resamplers, as one makes it look between samples."""

    name = "alimiter at 192 kHz"
    chain = f"aresample=192000,{Alimiter.chain},aresample={RATE_HZ}"


class Loudnorm(Limiter):
    """ffmpeg's loudnorm in its dynamic mode, the one that limits true peaks: brought up by its own gain, as far as its
    range of targets (-5 LUFS at most) allows."""

    name = "loudnorm"

    def limited(self, signal: Floats) -> Floats:
        meter = LoudnessMeter(RATE_HZ, STEREO.weights)
        meter.process(signal)
        target_lufs = min(meter.read().integrated_lufs or -5.0, -5.0)
        chain = f"loudnorm=I={target_lufs:.2f}:TP={CEILING_DBTP}:LRA=50:linear=false"
        chain += f",aresample={RATE_HZ},aformat=channel_layouts=stereo"
        return ffmpeg.filtered(signal * gain_from_db(-OVER_DB), RATE_HZ, STEREO, chain)


def limiters() -> list[Limiter]:
    """Those that are installed, ours first."""
    return [Ours(), *([Alimiter(), Alimiter192(), Loudnorm()] if ffmpeg.is_there() else [])]


# ---- meters ----------------------------------------------------------------------------------------------------------


def peak_16x_dbtp(signal: Floats) -> float:
    """By `scipy.signal.resample_poly` with the filter it takes by itself."""
    from scipy.signal import firwin

    return _resampled_peak_db(signal, 16, firwin(2 * 10 * 16 + 1, 1 / 16, window=("kaiser", 5.0)))


def peak_32x_dbtp(signal: Floats) -> float:
    """By a filter of 128 taps a phase, flat to 0.97 of half the sample rate."""
    from scipy.signal import firwin

    return _resampled_peak_db(signal, 32, firwin(2 * 64 * 32 + 1, 1 / 32, window=("kaiser", 7.0)))


def peak_ours_dbtp(signal: Floats) -> float:
    meter = TruePeakMeter(2)
    meter.process(signal)
    return db_from_gain(meter.read())


METERS: dict[str, Callable[[Floats], float]] = {
    "16x": peak_16x_dbtp,
    "32x sharp": peak_32x_dbtp,
    "ours": peak_ours_dbtp,
}


def _resampled_peak_db(signal: Floats, factor: int, taps: Floats) -> float:
    """The highest point on the fine grid.

    Read on every fourth of a sample first, by the same filter; then on the fine grid where the highest point can be.
    What has no frequency over half the rate falls from its peak no faster than a sine of that frequency, so within an
    eighth of a sample by no more than cos(pi / 8); some more is taken, as filters let a little through.
    """
    coarse, reach = 4, 2048
    padded = np.concatenate((np.zeros((MARGIN, 2)), signal, np.zeros((MARGIN + reach, 2))))
    starts = range(0, len(signal), reach)

    def peak(start: int, oversampling: int) -> float:
        from scipy.signal import resample_poly

        step = factor // oversampling
        piece = padded[start : start + reach + 2 * MARGIN]
        fine = resample_poly(piece, oversampling, 1, axis=0, window=taps[::step] * step)
        return float(np.abs(fine[MARGIN * oversampling : (MARGIN + reach) * oversampling]).max())

    found = [peak(start, coarse) for start in starts]
    least = max(found) * (math.cos(math.pi / 8) - 0.02)
    return db_from_gain(max(peak(start, factor) for start, rough in zip(starts, found, strict=True) if rough >= least))


# ---- what is told ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """One limiter on one piece of material."""

    material: str
    limiter: str
    over_db: dict[str, float]
    """Over the ceiling, by meter."""
    taken_lu: float | None
    """By how much quieter it is than it was driven."""


def overshoot(name: str, signal: Floats, those: Sequence[Limiter]) -> list[Held]:
    hot = driven(signal)
    before = _loudness(hot)
    results = []
    for limiter in those:
        out = limiter.limited(hot)
        after = _loudness(out)
        over_db = {meter: read(out) - CEILING_DBTP for meter, read in METERS.items()}
        taken_lu = None if before is None or after is None else before - after
        results.append(Held(name, limiter.name, over_db, taken_lu))
    return results


def _loudness(signal: Floats) -> float | None:
    meter = LoudnessMeter(RATE_HZ, STEREO.weights)
    meter.process(signal)
    return meter.read().integrated_lufs


def told(results: Sequence[Held]) -> str:
    """A table: material down, limiters by meters across."""
    names = list(dict.fromkeys(one.limiter for one in results))
    heads = [f"{name}, {meter}" for name in names for meter in METERS]
    rows = [["over the ceiling, dB", *heads, *(f"{name}, taken LU" for name in names)]]
    for material in dict.fromkeys(one.material for one in results):
        by_name = {one.limiter: one for one in results if one.material == material}
        over = [f"{by_name[name].over_db[meter]:+.3f}" for name in names for meter in METERS]
        taken = [by_name[name].taken_lu for name in names]
        rows.append([material, *over, *("-" if lu is None else f"{lu:.1f}" for lu in taken)])
    return table(rows)


def told_in_short(results: Sequence[Held]) -> str:
    """The same, others on the 16x meter alone, with the loudness that it cost."""
    rivals = [name for name in dict.fromkeys(one.limiter for one in results) if name != Ours.name]
    rows = [["dB over the ceiling (LU taken)", *(f"{Ours.name}, {meter}" for meter in METERS), *rivals]]
    for material in dict.fromkeys(one.material for one in results):
        by_name = {one.limiter: one for one in results if one.material == material}
        ours = [f"{by_name[Ours.name].over_db[meter]:+.3f}" for meter in METERS]
        ours[0] += _taken(by_name[Ours.name])
        theirs = [f"{by_name[name].over_db['16x']:+.3f}{_taken(by_name[name])}" for name in rivals]
        rows.append([material, *ours, *theirs])
    told = [table(rows)]
    if Loudnorm.name in rivals:
        told.append(
            "Others are read on the 16x meter, at their default times. loudnorm sets its level by itself and aims at "
            "-5 LUFS at most: it is not driven as hard, and may stay under the ceiling for that."
        )
    return "\n\n".join(told)


def _taken(held: Held) -> str:
    return "" if held.taken_lu is None else f" ({held.taken_lu:.1f})"


def worst_db(results: Sequence[Held], meter: str = "16x") -> float:
    """Ours, on the worst material."""
    return max(one.over_db[meter] for one in results if one.limiter == Ours.name)
