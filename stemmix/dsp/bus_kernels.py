"""The bus, compiled."""

from __future__ import annotations

from stemmix.dsp.compiling import compiled


@compiled
def add_up(first, second, third, fourth, count, out):
    """out gets the sum of the first `count`, two to four, of (n,) samples, added in their order; it may be `first`.

    A sum is rounded once, where out is float32.
    """
    if count == 2:
        for i in range(len(out)):
            out[i] = first[i] + second[i]
    elif count == 3:
        for i in range(len(out)):
            out[i] = first[i] + second[i] + third[i]
    else:
        for i in range(len(out)):
            out[i] = first[i] + second[i] + third[i] + fourth[i]
