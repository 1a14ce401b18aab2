"""Samples as files have them, compiled: unpacked and packed, spread over channels, watched as they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic

from stemmix.dsp.compiling import compiled
from stemmix.dsp.vector_code import VectorCode


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
