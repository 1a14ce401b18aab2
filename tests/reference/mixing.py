"""Twins of the kernels that take channels through a matrix, and add stems up."""

import numpy as np


def mix_channels(block, matrix):
    """(n, rows): of each row's shares, the channels times them, added one after another from 0."""
    out = np.zeros((len(block), len(matrix)))
    for row, shares in enumerate(matrix):
        for channel, share in enumerate(shares):
            if share:
                out[:, row] += block[:, channel] * share
    return out


def add_up(blocks):
    """The sum of blocks, one added after another."""
    total = blocks[0].copy()
    for block in blocks[1:]:
        total = total + block
    return total


def to_single(samples):
    """Samples as 32-bit float, and what is left of them as float64."""
    single = [np.float32(sample) for sample in samples]
    return single, [float(sample) for sample in single]
