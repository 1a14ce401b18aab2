"""Twins of the strip's kernels: what gains take away of frames, and digital silence that stays silent."""

import numpy as np


def cut(heard, gain_db, window, lower_band, upper_share, shortest):
    """A copy of (n, 1 or 2) samples without what frames, half a window apart from heard[0] on, lose at (frames, 72) dB.

    The last half window of those frames lacks what frames after them would take.
    """
    hop = len(window) // 2
    pair = heard if heard.shape[1] == 2 else np.concatenate((heard, np.zeros_like(heard)), axis=1)
    packed = pair[:, 0] + 1j * pair[:, 1]
    taken = np.zeros(len(packed), complex)
    if heard.shape[1] == 1:  # a channel by itself has the mid's gains
        gain_db = np.tile(gain_db[:, :36], 2)
    for frame, gains in enumerate(gain_db):
        here = slice(frame * hop, frame * hop + len(window))
        lost = losses(np.fft.fft(packed[here] * window), gains, lower_band, upper_share)
        taken[here] += np.fft.ifft(lost) * window
    lost = np.stack((taken.real, taken.imag), axis=1)[:, : heard.shape[1]]
    return heard - keep_silent(heard, 0, shortest, lost)


def losses(spectrum, gain_db, lower_band, upper_share):
    """What mid and sides lose of the spectrum (size,) of L + jR at 72 gains in dB, told of two real channels."""
    mirrored = np.conj(np.roll(spectrum[::-1], 1))
    left, right = (spectrum + mirrored) / 2, (spectrum - mirrored) / 2j
    lost = []
    for part_db, part in ((gain_db[:36], left + right), (gain_db[36:], left - right)):
        share = shares(part_db, lower_band, upper_share)
        lost.append(np.concatenate((share, share[-2:0:-1])) * part / 2)
    return (lost[0] + lost[1]) + 1j * (lost[0] - lost[1])


def shares(gain_db, lower_band, upper_share):
    """(bins,) what is taken of a bin's magnitude at 36 gains in dB."""
    return 1 - 10 ** (((1 - upper_share) * gain_db[lower_band] + upper_share * gain_db[lower_band + 1]) / 20)


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
