"""Whole numbers with dither, compiled."""

from __future__ import annotations

import numpy as np

from stemmix.dsp.compiling import compiled


@compiled
def splitmix64(state):
    """The output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, figure 17): 64 bits in, 64 bits out."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


_DITHERED_FRAMES = 64


@compiled
def quantise_with_dither(block, start, streams, bits, out):
    """Round to integers of `bits` bits with triangular dither of +-1 step; returns how many were clipped.

    block (n, channels) float64, C-contiguous; start uint64, the absolute number of its first frame; streams (channels,)
    uint64; out (n, channels) int32. Frame n of channel c takes its dither from the two halves of
    splitmix64(streams[c] + n * golden). A sample that is exactly 0 stays 0. The counters of some frames stand beside
    each other as their samples do, so that all channels compile to vectors.
    """
    channels = block.shape[1]
    golden = np.uint64(0x9E3779B97F4A7C15)
    counters = np.empty(_DITHERED_FRAMES * channels, np.uint64)
    for i in range(_DITHERED_FRAMES):
        for c in range(channels):
            counters[i * channels + c] = streams[c] + np.uint64(i) * golden
    samples, told = block.reshape(-1), out.reshape(-1)
    scale = 2.0 ** (bits - 1)
    overs = 0
    for first in range(0, len(samples), len(counters)):
        passed = (start + np.uint64(first // channels)) * golden
        given, taken = samples[first : first + len(counters)], told[first : first + len(counters)]
        for i in range(len(given)):
            random = splitmix64(counters[i] + passed)
            dither = np.int64(random >> np.uint64(32)) - np.int64(random & np.uint64(0xFFFFFFFF))
            sample = given[i]
            rounded = np.floor(sample * scale + dither * 2.0**-32 + 0.5)
            rounded = 0.0 if sample == 0.0 else rounded
            held = min(max(rounded, -scale), scale - 1.0)
            overs += 1 if held != rounded else 0
            taken[i] = np.int32(held)
    return overs
