"""Compiled code: arrays in, arrays out; a readable twin of each kernel stands in `tests/reference/`.

No fastmath (it deletes isnan, and gives other bits on other processors), no prange (threads over stems and nogil
instead), no closures (they are never cached). A division by zero is infinite, as numpy has it: the check that Python
asks for keeps a loop from being vectorised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np
from numba.core import event

from stemmix.dsp.kernel_store import KernelStore
from stemmix.stopping import heed


class _EndBetweenPasses(event.Listener):
    """Compiling a kernel takes a second, and the next one another: who asks for an end gets it after this pass."""

    def on_start(self, event: event.Event) -> None:
        heed()

    def on_end(self, event: event.Event) -> None:
        pass


event.register("numba:run_pass", _EndBetweenPasses())


def compiled(function: Callable[..., Any]) -> Any:
    """A kernel: compiled when it is first called with arguments of new types, and kept (`kernel_store`)."""
    kernel: Any = nb.njit(nogil=True, fastmath=False, error_model="numpy")(function)
    kernel._cache = KernelStore(function)
    return kernel


# ---- samples in files ------------------------------------------------------------------------------------------------


@compiled
def unpack_integers(packed, scale, out):
    """Scale (n,) integers of any width to (n,) float64: exact, as `scale` is a power of two."""
    for i in range(out.size):
        out[i] = packed[i] * scale


@compiled
def unpack_pcm24(packed, out):
    """Little-endian 24-bit PCM, (3n,) uint8 at an address that four divides, to (n,) float64 of full scale 1.

    Twelve bytes at a time as three words, which compiles to vectors; each sample is brought to the top of a word, so
    that its sign needs no care.
    """
    whole = out.size // 4
    words = packed[: 12 * whole].view(np.uint32)
    scale = 1.0 / 2147483648.0
    for i in range(whole):
        a, b, c = words[3 * i], words[3 * i + 1], words[3 * i + 2]
        out[4 * i] = np.int32(a << np.uint32(8)) * scale
        out[4 * i + 1] = np.int32(((a >> np.uint32(16)) & np.uint32(0xFF00)) | (b << np.uint32(16))) * scale
        out[4 * i + 2] = np.int32(((b >> np.uint32(8)) & np.uint32(0xFFFF00)) | (c << np.uint32(24))) * scale
        out[4 * i + 3] = np.int32(c & np.uint32(0xFFFFFF00)) * scale
    for i in range(4 * whole, out.size):
        word = np.uint32(packed[3 * i]) << np.uint32(8)
        word |= np.uint32(packed[3 * i + 1]) << np.uint32(16)
        word |= np.uint32(packed[3 * i + 2]) << np.uint32(24)
        out[i] = np.int32(word) * scale


@compiled
def pack_pcm24(samples, packed):
    """(n,) int32 of full scale 2^23 to (3n,) uint8, little-endian; False where a sample did not fit."""
    beyond = 0
    for i in range(samples.size):
        sample = samples[i]
        beyond |= (sample + 0x800000) >> 24
        packed[3 * i] = sample & 0xFF
        packed[3 * i + 1] = (sample >> 8) & 0xFF
        packed[3 * i + 2] = (sample >> 16) & 0xFF
    return beyond == 0


@compiled
def pack_pcm16(samples, packed):
    """(n,) int32 of full scale 2^15 to (n,) int16; False where a sample did not fit."""
    beyond = 0
    for i in range(samples.size):
        beyond |= (samples[i] + 0x8000) >> 16
        packed[i] = samples[i]
    return beyond == 0


@compiled
def mix_channels(block, matrix, out):
    """out (n, rows) gets of block (n, columns) what a matrix (rows, columns) takes of each channel, added in order."""
    rows, columns = matrix.shape
    for n in range(len(block)):
        for row in range(rows):
            total = 0.0
            for column in range(columns):
                share = matrix[row, column]
                if share != 0.0:
                    total += block[n, column] * share
            out[n, row] = total


@compiled
def watch(block, full_scale, shortest, frames_before, last, run, sums, found):
    """Sum (n, channels) samples and count runs of `shortest` equal samples at full scale, carried over blocks.

    last, run and sums are (channels,): the sample before, its run so far, the sum so far; found is (2,) int64: runs so
    far, and the frame at which the first began (-1 if none).
    """
    frames, channels = block.shape
    for c in range(channels):
        total, before, length = sums[c], last[c], run[c]
        for i in range(frames):
            sample = block[i, c]
            total += sample
            if abs(sample) < full_scale:
                length = 0
            elif sample == before:
                length += 1
                if length == shortest:
                    found[0] += 1
                    began = frames_before + i - shortest + 1
                    if found[1] < 0 or began < found[1]:
                        found[1] = began
            else:
                length = 1
            before = sample
        sums[c] = total
        last[c], run[c] = before, length


@compiled
def first_beyond(samples, limit):
    """Index of the first of (n,) samples that is NaN or larger than `limit` in magnitude, or -1.

    Counted first, as a loop that may leave early does not compile to vectors.
    """
    beyond = 0
    for i in range(samples.size):
        beyond += not abs(samples[i]) <= limit
    if beyond:
        for i in range(samples.size):
            if not abs(samples[i]) <= limit:
                return i
    return -1


# ---- K-weighting and loudness ----------------------------------------------------------------------------------------


@compiled
def window_sums(values, width, out):
    """out[i] = values[i] + ... + values[i + width - 1], each summed afresh: a running sum would drift after a peak."""
    for i in range(len(out)):
        total = 0.0
        for k in range(i, i + width):
            total += values[k]
        out[i] = total


# ---- true peak -------------------------------------------------------------------------------------------------------


@compiled
def symmetric_fir(x, start, count, taps, out):
    """out[i] = sum over k of taps[k] * (x[start + i - k] + x[start + i + 1 + k]): a value halfway between two samples.

    The number of taps is a multiple of 4.
    """
    for i in range(count):
        out[i] = 0.0
    for k in range(0, len(taps), 4):
        h0, h1, h2, h3 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
        left = x[start - k - 3 : start - k + count]
        right = x[start + 1 + k : start + 4 + k + count]
        for i in range(count):
            out[i] += (
                h0 * (left[i + 3] + right[i])
                + h1 * (left[i + 2] + right[i + 1])
                + h2 * (left[i + 1] + right[i + 2])
                + h3 * (left[i] + right[i + 3])
            )


@compiled
def _twelve_taps(far, near, count, taps, out):
    """FIR over the 2x sequence far[0] near[0] far[1] near[1] ..., one value per pair, six pairs long."""
    t0, t1, t2, t3, t4, t5 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
    t6, t7, t8, t9, t10, t11 = taps[6], taps[7], taps[8], taps[9], taps[10], taps[11]
    for i in range(count):
        out[i] = (
            t0 * far[i]
            + t1 * near[i]
            + t2 * far[i + 1]
            + t3 * near[i + 1]
            + t4 * far[i + 2]
            + t5 * near[i + 2]
            + t6 * far[i + 3]
            + t7 * near[i + 3]
            + t8 * far[i + 4]
            + t9 * near[i + 4]
            + t10 * far[i + 5]
            + t11 * near[i + 5]
        )


@compiled
def _raise_to_magnitude(values, count, out):
    """out[i] = max(out[i], |values[i]|)."""
    for i in range(count):
        out[i] = max(out[i], abs(values[i]))


@compiled
def _refined(before, here, after):
    """Height of the parabola through three neighbours of which the middle is a local maximum of the magnitude.

    A cosine of half the sample rate on the 8x grid rises no more than 1 / cos(pi / 16) over its highest point.
    """
    sign = 1.0 if here >= 0.0 else -1.0
    down_left = abs(here) - sign * before
    down_right = abs(here) - sign * after
    if down_left < 0.0 or down_right < 0.0 or down_left + down_right <= 0.0:
        return abs(here)
    rise = (down_left - down_right) * (down_left - down_right) / (8.0 * (down_left + down_right))
    return min(abs(here) + rise, abs(here) * 1.02)


@compiled
def peaks_of_cell(x, start, count, threshold, half_taps, quarter_taps, quarter_bound, half, grid, top, out):
    """Peaks of the intervals [n, n + 1), n from start on, on the 8x grid: out[i] is raised where over the threshold.

    Row j of grid (8, cell + 2) holds the values at n + j / 8, its first column those of the frame before. Returns the
    highest.
    """
    symmetric_fir(x, start - 4, count + 7, half_taps, half)
    highest = 0.0
    for i in range(count + 7):
        highest = max(highest, abs(half[i]), abs(x[start - 3 + i]))
    if highest * quarter_bound <= threshold:
        return 0.0
    for i in range(count + 2):
        grid[0, i] = x[start - 1 + i]
    for i in range(count + 1):
        grid[4, i] = half[i + 3]
    for j in range(3):
        _twelve_taps(half, x[start - 3 :], count + 1, quarter_taps[j], grid[1 + j])
        _twelve_taps(x[start - 3 :], half[1:], count + 1, quarter_taps[j], grid[5 + j])
    for i in range(count + 1):
        top[i] = 0.0
    for j in range(8):
        _raise_to_magnitude(grid[j], count + 1, top)
    highest = 0.0
    for i in range(count):
        if top[i + 1] * 1.02 > threshold:
            peak = max(
                _refined(grid[7, i], grid[0, i + 1], grid[1, i + 1]),
                _refined(grid[6, i + 1], grid[7, i + 1], grid[0, i + 2]),
            )
            for j in range(1, 7):
                peak = max(peak, _refined(grid[j - 1, i + 1], grid[j, i + 1], grid[j + 1, i + 1]))
            if peak > threshold:
                out[i] = max(out[i], peak)
                highest = max(highest, peak)
    return highest


@compiled
def peaks_above(x, start, count, threshold, rising, half_taps, quarter_taps, bounds, out):
    """Peaks between samples, over a threshold; nothing is computed where none can be.

    x (frames,), of which `start` and what follows are to have 67 samples on either side; out[i] is raised to the peak
    of [start + i, start + i + 1) where that is over the threshold. With `rising` the threshold follows the highest
    peak found. half_taps a multiple of 4; quarter_taps (3, 12); bounds: how far a value on the grid may exceed the
    samples around it, and the 2x samples around it. Returns the highest peak found, 0 where none is over it.
    """
    cell = 128
    half, grid, top = np.empty(cell + 7), np.empty((8, cell + 2)), np.empty(cell + 2)
    highest = 0.0
    levels = np.zeros(len(x) // cell + 1)
    for i in range(len(levels)):
        level = 0.0
        for k in range(i * cell, min(i * cell + cell, len(x))):
            level = max(level, abs(x[k]))
        levels[i] = level
    for offset in range(0, count, cell):
        first = start + offset
        size = min(cell, count - offset)
        level = 0.0
        for i in range((first - 67) // cell, (first + size + 66) // cell + 1):
            level = max(level, levels[i])
        if level * bounds[0] <= threshold:
            continue
        found = peaks_of_cell(
            x, first, size, threshold, half_taps, quarter_taps, bounds[1], half, grid, top, out[offset:]
        )
        highest = max(highest, found)
        if rising:
            threshold = max(threshold, found)
    return highest


# ---- limiter ---------------------------------------------------------------------------------------------------------


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


@compiled
def apply_reduction(samples, reduction, out):
    """out[i, c] = samples[i, c] * (1 - reduction[i])."""
    frames, channels = out.shape
    for i in range(frames):
        gain = 1.0 - reduction[i]
        for c in range(channels):
            out[i, c] = samples[i, c] * gain


# ---- dither ----------------------------------------------------------------------------------------------------------


@compiled
def splitmix64(state):
    """The output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, figure 17): 64 bits in, 64 bits out."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def quantise_with_dither(block, start, streams, bits, out):
    """Round to integers of `bits` bits with triangular dither of +-1 step; returns how many were clipped.

    block (n, channels) float64; start uint64, the absolute number of its first frame; streams (channels,) uint64; out
    (n, channels) int32. Frame n of channel c takes its dither from the two halves of
    splitmix64(streams[c] + n * golden). A sample that is exactly 0 stays 0.
    """
    frames, channels = block.shape
    golden = np.uint64(0x9E3779B97F4A7C15)
    scale = 2.0 ** (bits - 1)
    overs = 0
    for c in range(channels):
        counter = streams[c] + start * golden
        for i in range(frames):
            random = splitmix64(counter + np.uint64(i) * golden)
            dither = np.int64(random >> np.uint64(32)) - np.int64(random & np.uint64(0xFFFFFFFF))
            sample = block[i, c]
            rounded = np.floor(sample * scale + dither * 2.0**-32 + 0.5)
            rounded = 0.0 if sample == 0.0 else rounded
            held = min(max(rounded, -scale), scale - 1.0)
            overs += 1 if held != rounded else 0
            out[i, c] = np.int32(held)
    return overs
