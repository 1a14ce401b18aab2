"""The steps of a limiter, compiled: one big kernel of many arrays would not be made of vectors."""

from __future__ import annotations

from stemmix.dsp.compiling import compiled
from stemmix.dsp.peak_kernels import symmetric_fir


@compiled
def release(wanted, last, decay, out):
    """Reduction that follows `wanted` up at once and falls from it exponentially, to nothing below 1e-9.

    out[i] = max(wanted[i], decay * out[i - 1]), out[-1] being `last`.
    """
    for i in range(len(wanted)):
        last *= decay
        if last < 1e-9:
            last = 0.0
        last = max(last, wanted[i])
        out[i] = last


_SMOOTHED_AT_ONCE = 1 << 10


@compiled
def smoothed(released, window, out):
    """out (n,) of a symmetric window over released (n + 2 * taps - 1,), at least 0; window (taps,): one half of it.

    In pieces that every tap passes over in the nearest cache; where nothing is in reach of one it is exactly 0.
    """
    around = len(window) - 1
    for begin in range(0, len(out), _SMOOTHED_AT_ONCE):
        part = out[begin : begin + _SMOOTHED_AT_ONCE]
        heard = released[begin : begin + len(part) + 2 * around + 1]
        at_work = 0
        for i in range(len(heard)):
            at_work += heard[i] > 0.0
        if at_work:
            symmetric_fir(heard, around, len(part), window, part)
        else:
            part[:] = 0.0


@compiled
def apply_reduction(samples, reduction, out):
    """out[i, c] = samples[i, c] * (1 - reduction[i])."""
    frames, channels = out.shape
    for i in range(frames):
        gain = 1.0 - reduction[i]
        for c in range(channels):
            out[i, c] = samples[i, c] * gain
