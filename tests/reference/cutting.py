"""Twins of the strip's kernels: frames, what gains take away of a spectrum, and digital silence that stays silent."""

import numpy as np


def frames_of(heard, hop, window, rows):
    """(rows, window) frames of L + jR."""
    packed = heard[:, 0] + 1j * heard[:, 1]
    return np.stack([packed[row * hop : row * hop + len(window)] * window for row in rows])


def add_frames(frames, hop, window, rows, length):
    """(length, 2) sum of the frames, windowed once more."""
    taken = np.zeros((length, 2))
    for row, frame in zip(rows, frames * window, strict=True):
        taken[row * hop : row * hop + len(window), 0] += frame.real
        taken[row * hop : row * hop + len(window), 1] += frame.imag
    return taken


def keep_what_is_cut(spectra, gain_db, lower_band, upper_share):
    """What mid and sides lose, told of two real channels one by one."""
    size = spectra.shape[1]
    mirrored = np.conj(np.roll(spectra[:, ::-1], 1, axis=1))
    left, right = (spectra + mirrored) / 2, (spectra - mirrored) / 2j
    lost = []
    for part_db, part in ((gain_db[:, :36], left + right), (gain_db[:, 36:], left - right)):
        bins_db = (1 - upper_share) * part_db[:, lower_band] + upper_share * part_db[:, lower_band + 1]
        share = 1 - 10 ** (bins_db / 20)
        lost.append(np.concatenate((share, share[:, -2:0:-1]), axis=1)[:, :size] * part / 2)
    return (lost[0] + lost[1]) + 1j * (lost[0] - lost[1])


def keep_silent(heard, silent_before, shortest, taken):
    """A copy of `taken` that is 0 in runs of digital silence."""
    silent = np.concatenate((np.ones(silent_before, bool), ~heard.any(axis=1), [False]))
    out, began = taken.copy(), 0
    for index, quiet in enumerate(silent):
        if not quiet:
            if index - began >= shortest:
                out[max(began - silent_before, 0) : max(index - silent_before, 0)] = 0
            began = index + 1
    return out
