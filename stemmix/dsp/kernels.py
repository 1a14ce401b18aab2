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
from numba.core import cgutils, event, types
from numba.extending import intrinsic

from stemmix.dsp.kernel_store import KernelStore
from stemmix.dsp.vector_code import VectorCode
from stemmix.stopping import heed, shielded


class _EndBetweenPasses(event.Listener):
    """Compiling a kernel takes a second, and the next one another: who asks for an end gets it after this pass."""

    def on_start(self, event: event.Event) -> None:
        heed()

    def on_end(self, event: event.Event) -> None:
        pass


event.register("numba:run_pass", _EndBetweenPasses())


def compiled(function: Callable[..., Any]) -> Any:
    """A kernel: compiled when it is first called with arguments of new types, and kept (`kernel_store`).

    What numpy does to whole arrays may take longer to compile than all the rest of a kernel: a slice that is assigned
    to most, then a search, a sum or a maximum. Loops take nothing.
    """
    # nobody calls it from C: a tenth of compiling went into that
    options: Any = {"nogil": True, "fastmath": False, "error_model": "numpy", "no_cfunc_wrapper": True}
    kernel: Any = nb.njit(**options)(function)
    kernel._cache = KernelStore(function)
    compile_or_load = kernel.compile

    def unbroken(types_of_arguments: Any) -> Any:
        """LLVM calls back into Python: what is raised there ends in a crash. Between passes an end is heeded."""
        with shielded():
            return compile_or_load(types_of_arguments)

    kernel.compile = unbroken
    called = kernel.get_call_template

    def called_with_any(args: Any, kws: Any) -> Any:
        """A kernel that calls it with a constant gets no kernel of its own for that number: once is long enough."""
        return called(tuple(map(types.unliteral, args)), {name: types.unliteral(kws[name]) for name in kws})

    kernel.get_call_template = called_with_any
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


_EIGHTHS_AT_ONCE = 64


@compiled
def watch(block, full_scale, shortest, frames_before, last, run, sums, found):
    """Sum (n, channels) samples and count runs of `shortest` equal samples at full scale, carried over blocks.

    last and run are (channels,): the sample before, its run so far. sums (8, channels): of every eighth frame, so that
    an addition does not wait for the one before. found (2,) int64: runs so far, and the frame at which the first began
    (-1 if none).
    """
    frames, channels = block.shape
    if not frames:
        return
    samples = block.reshape(-1)
    loud = 0
    for i in range(len(samples)):
        loud += not abs(samples[i]) < full_scale
    for c in range(channels):
        if loud:
            _count_runs(block[:, c], full_scale, shortest, frames_before, last[c], run[c : c + 1], found)
        else:
            run[c] = 0
        last[c] = block[frames - 1, c]
    _add_eighths(samples, channels, frames_before % 8, sums.reshape(-1))


@compiled
def _count_runs(channel, full_scale, shortest, frames_before, before, run, found):
    length = run[0]
    for i in range(len(channel)):
        sample = channel[i]
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
    run[0] = length


def _adding(typing, sums, place, samples, at, count, distance):
    """sums[place : place + 8] += samples[at : at + 8], and as many more of `count` in all, each `distance` further."""

    def code_of(context, builder, signature, values):
        code = VectorCode(context, builder, types.float64)
        sums, samples = (code.elements(signature.args[i], values[i]) for i in (0, 2))
        place = values[1]
        at, count, distance = values[3:6]
        total = cgutils.alloca_once_value(builder, code.load(sums, place))
        with cgutils.for_range(builder, count) as loop:
            here = builder.add(at, builder.mul(loop.index, distance))
            builder.store(builder.fadd(builder.load(total), code.load(samples, here)), total)
        code.store(builder.load(total), sums, place)
        return context.get_dummy_value()

    counts = (types.intp, types.intp, types.intp)
    return types.void(sums, types.intp, samples, *counts), code_of


_added: Any = intrinsic(_adding)


@compiled
def _add_eighths(samples, channels, phase, sums):
    """Add samples of frames one after another, the first number `phase` of eight, to sums (8 * channels,)."""
    width = 8 * channels
    first = min(-phase % 8 * channels, len(samples))
    count = (len(samples) - first) // width
    for i in range(first):
        sums[phase * channels + i] += samples[i]
    # in pieces that stay in the processor's nearest cache
    for begin in range(0, count, _EIGHTHS_AT_ONCE):
        for place in range(0, width, 8):
            at = first + begin * width + place
            _added(sums, place, samples, at, min(_EIGHTHS_AT_ONCE, count - begin), width)
    whole = first + count * width
    for i in range(whole, len(samples)):
        sums[i - whole] += samples[i]


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


# ---- the bus ---------------------------------------------------------------------------------------------------------


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


# ---- K-weighting and loudness ----------------------------------------------------------------------------------------


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


# ---- filters ---------------------------------------------------------------------------------------------------------


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


# ---- dither ----------------------------------------------------------------------------------------------------------


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
