"""Designs of the fixed filters: K-weighting, and the interpolators that look between samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Shelf, then high-pass, each b0 b1 b2 a1 a2 (a0 is 1). 48 kHz as printed in ITU-R BS.1770-5 Annex 1, tables 1 and 2;
# the others are the same analogue prototype at their rate, as `design_k_weighting` gives it.
_K_WEIGHTING = {
    44100: (
        (1.5308412300498355, -2.6509799951536985, 1.1690790799210682, -1.6636551132560204, 0.7125954280732254),
        (1.0, -2.0, 1.0, -1.9891696736297957, 0.9891990357870394),
    ),
    48000: (
        (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585),
        (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621),
    ),
    88200: (
        (1.5575153755790945, -2.905627079925223, 1.3613339774716493, -1.8309199879623321, 0.8441422610878528),
        (1.0, -2.0, 1.0, -1.9945775154503445, 0.9945848758780549),
    ),
    96000: (
        (1.559714228975233, -2.926741578249952, 1.3782612023152518, -1.8446094698901085, 0.8558433229306414),
        (1.0, -2.0, 1.0, -1.9950175447247156, 0.9950237590409233),
    ),
    176400: (
        (1.5711153177412616, -3.036544502403482, 1.4688716119891758, -1.9153293168330516, 0.9187717441600075),
        (1.0, -2.0, 1.0, -1.997286922423814, 0.9972887650260682),
    ),
    192000: (
        (1.5722272150906924, -3.0472830515603757, 1.477971340979021, -1.9222022306074886, 0.925117735116826),
        (1.0, -2.0, 1.0, -1.9975072228407, 0.9975087783555097),
    ),
}


def k_weighting(rate_hz: int) -> Floats:
    """K-weighting as two biquads, (2, 5): b0 b1 b2 a1 a2 of the shelf and of the high-pass, whose b is 1 -2 1.

    Tabled for the common rates, so that no render waits for the designer; any other rate is designed.
    Source: ITU-R BS.1770-5, Annex 1, section "K-weighting".
    """
    tabled = _K_WEIGHTING.get(rate_hz)
    return np.array(tabled) if tabled else design_k_weighting(rate_hz)


@cache
def k_weighting_in_groups(rate_hz: int) -> Floats:
    """The same four samples at a time."""
    return in_groups(k_weighting(rate_hz), 4)


_LANES = 8
"""Of a register of float64."""


def in_groups(sections: Floats, group: int) -> Floats:
    """Biquads (s, 5) as columns for `weighting_kernels` and `pair_kernels`: what a lone 1 of the state before, or in
    one of the samples, gives.

    Flat: 2 s columns of state, then `group` of samples; each of `group` outputs and 2 s numbers of the state after, of
    transposed direct form II, padded to whole registers.
    """
    states = 2 * len(sections)
    width = -(-(group + states) // _LANES) * _LANES
    columns = np.zeros((states + group, width))
    for column, unit in zip(columns, np.eye(states + group).tolist(), strict=True):
        state, samples = unit[:states], unit[states:]
        for i, y in enumerate(samples):
            for k, (b0, b1, b2, a1, a2) in enumerate(sections.tolist()):
                x, y = y, b0 * y + state[2 * k]  # noqa: PLW2901 - what goes into a section, and what comes out
                state[2 * k] = b1 * x - a1 * y + state[2 * k + 1]
                state[2 * k + 1] = b2 * x - a2 * y
            column[i] = y
        column[group : group + states] = state
    return columns.ravel()


def design_k_weighting(rate_hz: int) -> Floats:
    """The same, designed by pyloudnorm: De Man's reading of the analogue prototype behind BS.1770's coefficients.

    Reproduces BS.1770's table at 48 kHz to eleven decimals.
    """
    from pyloudnorm.iirfilter import IIRfilter

    shelf = IIRfilter(3.99984385397, 0.7071752369554193, 1681.9744509555319, rate_hz, "high_shelf_DeMan")
    high_pass = IIRfilter(0.0, 0.5003270373253953, 38.13547087613982, rate_hz, "high_pass_DeMan")
    return np.array([(*section.b, *section.a[1:]) for section in (shelf, high_pass)])


_ITU_468 = (
    4.737338981378384e-24,
    1.306612257412824e-19,
    2.043828333606125e-15,
    2.118150887518656e-11,
    1.363894795463638e-7,
    5.559488023498642e-4,
    1.0,
)
"""The network of ITU-R BS.468-4: j f (in Hz) over this polynomial in j f, highest power first."""

_M_ZERO_DB_HZ = 2000.0


def m_weighting_db(frequency_hz: ArrayLike) -> Floats:
    """(n,) M-weighting at frequencies in Hz: ITU-R BS.468-4's curve, 0 dB at 2 kHz (ISO 21727:2016 table 1).

    >>> m_weighting_db([1000.0, 6300.0]).round(1).tolist()
    [-5.6, 6.6]
    """
    return np.asarray(20.0 * np.log10(_m_gain(frequency_hz) / _m_gain([_M_ZERO_DB_HZ])))


def _m_gain(frequency_hz: ArrayLike) -> Floats:
    s = 1j * np.asarray(frequency_hz, np.float64)
    return np.asarray(np.abs(s / np.polyval(_ITU_468, s)))


def m_weighting(rate_hz: int) -> Floats:
    """M-weighting as three biquads, (3, 5): b0 b1 b2 a1 a2, the last without zeros.

    Within 0.11 dB of the curve up to 0.45 of the sample rate, where a bilinear transform would lie 10 dB under it. The
    poles are the network's own. One zero is its zero at 0 Hz; three more are fitted: the power that is left for them is
    a polynomial in cos w, taken at four Chebyshev points, and its roots inside the unit circle are the zeros.
    """
    poles = np.exp(2.0 * np.pi * np.roots(_ITU_468) / rate_hz)
    points = (np.arange(4) + 0.5) * (np.pi / 4)
    z = np.exp(-1j * points)
    power = 10.0 ** (m_weighting_db(points * (rate_hz / (2.0 * np.pi))) / 10.0) / np.abs(1.0 - z) ** 2
    for pole in poles:
        power *= np.abs(1.0 - pole * z) ** 2
    cosines = np.array([0.5 * (power * np.cos(k * points)).sum() for k in range(4)]) * (0.5, 1.0, 1.0, 1.0)
    roots = np.roots(np.concatenate((cosines[:0:-1] / 2.0, cosines[:1], cosines[1:] / 2.0)))
    real, *others = sorted(roots[np.abs(roots) < 1.0], key=lambda root: abs(root.imag))
    numerators = (np.poly((1.0, real.real)), np.poly(others).real, np.array((1.0, 0.0, 0.0)))
    # two poles are real, the others stand beside their conjugates
    denominators = (np.poly(each).real for each in np.split(poles[np.argsort(np.abs(poles.imag), kind="stable")], 3))
    sections = np.array([(*b, *a[1:]) for b, a in zip(numerators, denominators, strict=True)])
    at = min(_M_ZERO_DB_HZ, rate_hz / 8)
    delay = np.exp(-2j * np.pi * at / rate_hz)
    gain = 10.0 ** (float(m_weighting_db([at])[0]) / 20.0)
    for b0, b1, b2, a1, a2 in sections:
        gain /= abs((b0 + delay * (b1 + delay * b2)) / (1.0 + delay * (a1 + delay * a2)))
    sections[0, :3] *= gain
    return sections


INTERPOLATOR_REACH = 67
"""Samples that an interpolator looks at before the interval it fills, and after it."""


@dataclass(frozen=True)
class Interpolator:
    """Eight values per sample in two stages: one halfway between samples, then three between each two of those.

    The first stage carries the sharp transition at half the sample rate and is the dear one, but has a single phase;
    the second has an octave for its transition, and bounds (below) far tighter, so that it seldom has to run.
    """

    half_taps: Floats
    """(taps,), nearest first, of a symmetric FIR; padded with zeros to a multiple of 4."""
    quarter_taps: Floats
    """(3, 12): for 1/4, 2/4 and 3/4 of the way between two values of the 2x sequence."""
    bounds: Floats
    """(4,): how far any of the eight values may exceed the samples around it, and the 2x values around it. And none is
    over the higher of the two samples that it lies between times the third, plus the highest magnitude of a second
    difference within reach times the fourth: a smooth signal leaves a line from sample to sample by little."""


@cache
def sharp_interpolator() -> Interpolator:
    """128 taps: within 0.003 dB to 0.482 of the sample rate. What a meter reads with."""
    return _interpolator(64, beta=6.8)


@cache
def gentle_interpolator() -> Interpolator:
    """20 taps, rolling off from 0.42 of the sample rate: as short converters and `scipy.signal.resample_poly` do it."""
    return _interpolator(10, beta=5.0)


def _interpolator(taps: int, beta: float) -> Interpolator:
    distance = np.arange(taps) + 0.5
    half = np.sinc(distance) * np.i0(beta * np.sqrt(1.0 - (distance / taps) ** 2)) / np.i0(beta)
    half /= 2.0 * half.sum()
    half = np.concatenate((half, np.zeros(-taps % 4)))
    quarters = np.stack([_quarter_taps(fraction) for fraction in (0.25, 0.5, 0.75)])
    halfway = np.zeros(12)
    halfway[5] = 1.0
    phases = [
        (0.5 * (starts_halfway + fraction), _over_samples(half, quarter, starts_halfway))
        for fraction, quarter in zip((0.0, 0.25, 0.5, 0.75), (halfway, *quarters), strict=True)
        for starts_halfway in (0, 1)
    ]
    sample_bound = max(float(np.abs(taps).sum()) for _, taps in phases)
    quarter_bound = float(np.abs(quarters).sum(axis=1).max())
    over_a_line = np.max([_over_a_line(fraction, taps) for fraction, taps in phases], axis=0)
    # 1.02 is what the parabola may add, the rest rounding
    return Interpolator(half, quarters, np.array((sample_bound, quarter_bound, *over_a_line)) * (1.02 * (1.0 + 1e-9)))


def _over_a_line(fraction: float, taps: Floats) -> tuple[float, float]:
    """How far the value `fraction` of the way between the two middle samples may go: see `Interpolator.bounds`.

    Less the straight line between the two, and less what is left of its slope, the taps add up to nothing twice over:
    so they are taps over second differences, added up twice.
    """
    middle = len(taps) // 2
    left = taps.copy()
    left[middle : middle + 2] -= (1.0 - fraction, fraction)
    slope = float((left * np.arange(len(taps))).sum() - left.sum() * middle)
    left[middle : middle + 2] -= (-slope, slope)
    return 1.0 + 2.0 * abs(slope), float(np.abs(np.cumsum(np.cumsum(left))).sum())


def _over_samples(half: Floats, quarter: Floats, starts_halfway: int) -> Floats:
    """Both stages as one FIR over samples, for a value in the first or in the second half of an interval."""
    size = len(half)
    taps = np.zeros(2 * size + 16)
    for k in range(12):
        sample, is_half = divmod(k - 5 + starts_halfway, 2)
        place = size + 8 + sample
        if is_half:
            taps[place - size + 1 : place + 1] += quarter[k] * half[::-1]
            taps[place + 1 : place + 1 + size] += quarter[k] * half
        else:
            taps[place] += quarter[k]
    return taps


def _quarter_taps(fraction: float) -> Floats:
    """(12,) Kaiser-windowed sinc for a value `fraction` of the way from the sixth tap to the seventh."""
    beta = 8.0
    distance = np.arange(-5, 7) - fraction
    taps = np.sinc(distance) * np.i0(beta * np.sqrt(np.maximum(1.0 - (distance / 6.0) ** 2, 0.0))) / np.i0(beta)
    return np.asarray(taps / taps.sum())


def k_weighting_power(rate_hz: int, frequency_hz: Sequence[float]) -> Floats:
    """(n,) power response of K-weighting at frequencies in Hz; that of the Nyquist frequency from there on."""
    z = np.exp(-2j * np.pi * np.minimum(np.asarray(frequency_hz), rate_hz / 2) / rate_hz)
    power = np.ones(len(z))
    for b0, b1, b2, a1, a2 in k_weighting(rate_hz):
        power *= np.abs((b0 + z * (b1 + z * b2)) / (1 + z * (a1 + z * a2))) ** 2
    return power
