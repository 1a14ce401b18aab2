"""Sums and ranks in a window that moves on by one, compiled."""

from __future__ import annotations

from stemmix.dsp.compiling import compiled


@compiled
def means(padded, width, total, out):
    """The mean of each `width` values of `padded` (n + width - 1,) into `out` (n,): a sum that is carried on.

    `total` is the sum of the first `width`; that of the last is returned.
    """
    out[0] = total / width
    for i in range(1, len(out)):
        total += padded[i + width - 1] - padded[i - 1]
        out[i] = total / width
    return total


@compiled
def ranked(padded, order, rank, out):
    """What stands at place `rank` (0 the least) of each window of `padded` (n + width - 1,), into `out` (n,).

    The window is kept in `order` (width,), which comes as the first one, sorted: the value that leaves is found by
    halving, and the one that comes takes its place and moves to its own, near by where levels change slowly.
    """
    width = len(order)
    out[0] = order[rank]
    for i in range(1, len(out)):
        leaves, comes = padded[i - 1], padded[i + width - 1]
        low, high = 0, width - 1
        while low < high:
            middle = (low + high) // 2
            if order[middle] < leaves:
                low = middle + 1
            else:
                high = middle
        while low + 1 < width and order[low + 1] < comes:
            order[low] = order[low + 1]
            low += 1
        while low > 0 and order[low - 1] > comes:
            order[low] = order[low - 1]
            low -= 1
        order[low] = comes
        out[i] = order[rank]


@compiled
def window_sums(values, width, out):
    """out[i] = values[i] + ... + values[i + width - 1], each summed afresh: a running sum would drift after a peak."""
    out[:] = 0.0
    # side by side: each is added up in its own order, and none waits for another
    for k in range(width):
        for i in range(len(out)):
            out[i] += values[k + i]


@compiled
def window_means(energies, width, last, rate_hz, out):
    """Mean of the samples in windows of `width` bins of 10 ms, of the energies that the bins have: out (windows,).

    energies (windows + width - 1,); the last window ends with the stream's bin number `last`, bin n of which begins at
    frame n * rate / 100, rounded down. Returns the highest.
    """
    window_sums(energies, width, out)
    highest = 0.0
    for i in range(len(out)):
        end = last - len(out) + 1 + i
        out[i] /= end * rate_hz // 100 - (end - width) * rate_hz // 100
        highest = max(highest, out[i])
    return highest
