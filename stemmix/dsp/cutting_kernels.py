"""What gains take away from windowed frames: eight frames at once, one in each lane of a register."""

from __future__ import annotations

import numpy as np

from stemmix.dsp.elementary_kernels import LOG2_OF_10, exp2_of
from stemmix.dsp.fft_kernels import transform
from stemmix.dsp.kernels import compiled


@compiled
def frames_of_pair(heard, hop, window, rows, first, re, im):
    """Windowed frames of (n, 2) samples, frame `rows[first + lane]` beginning at so many hops."""
    lanes = re.shape[1]
    starts = np.empty(lanes, np.int64)
    for lane in range(lanes):
        starts[lane] = rows[min(first + lane, len(rows) - 1)] * hop
    for n in range(len(window)):
        factor = window[n]
        for lane in range(lanes):
            re[n, lane] = heard[starts[lane] + n, 0] * factor
            im[n, lane] = heard[starts[lane] + n, 1] * factor


@compiled
def losses_of(gain_db, lower_band, upper_share, own, other):
    """Of a frame's 72 gains in dB, the mid's 36 bands and the sides', what a channel loses of itself and of the other.

    With m and s what mid and sides lose of a bin: own (bins,) is (m + s) / 2, other (m - s) / 2.
    """
    bands = len(gain_db) // 2
    per_db = LOG2_OF_10 / 20.0
    for k in range(len(own)):
        band, share = lower_band[k], upper_share[k]
        own[k] = per_db * ((1.0 - share) * gain_db[band] + share * gain_db[band + 1])
        other[k] = per_db * ((1.0 - share) * gain_db[bands + band] + share * gain_db[bands + band + 1])
    for k in range(len(own)):
        mid, side = 1.0 - exp2_of(own[k]), 1.0 - exp2_of(other[k])
        own[k] = 0.5 * (mid + side)
        other[k] = 0.5 * (mid - side)


@compiled
def _spread(values, lane, out):
    """A row of values (bins,) into one lane of (bins, lanes)."""
    for k in range(len(values)):
        out[k, lane] = values[k]


@compiled
def keep_losses(re, im, own, other):
    """Leave of the spectra Z = L + jR, in place, what they lose: own and other (bins, lanes).

    Of Z the spectrum of R + jL is j conj(Z(-k)), so that one transform holds both channels.
    """
    size, lanes = re.shape
    for k in range(len(own)):
        mirror = (size - k) % size
        for lane in range(lanes):
            a, c = own[k, lane], other[k, lane]
            z_re, z_im, y_re, y_im = re[k, lane], im[k, lane], re[mirror, lane], im[mirror, lane]
            re[k, lane] = a * z_re + c * y_im
            im[k, lane] = a * z_im + c * y_re
            re[mirror, lane] = a * y_re + c * z_im
            im[mirror, lane] = a * y_im + c * z_re


@compiled
def add_frames_of_pair(re, im, hop, window, rows, first, taken):
    """Window frames once more and add them up, the inverse of `frames_of_pair`: taken (n, 2)."""
    count = min(re.shape[1], len(rows) - first)
    scale = 1.0 / len(window)
    for lane in range(count):
        start = rows[first + lane] * hop
        for n in range(len(window)):
            factor = window[n] * scale
            taken[start + n, 0] += re[n, lane] * factor
            taken[start + n, 1] += im[n, lane] * factor


@compiled
def add_losses_of_pair(
    heard, hop, window, rows, gain_db, lower_band, upper_share, radices, table, re, im, work_re, work_im, lost, taken
):
    """Add to taken (n, 2) what frames `rows` of heard (n, 2) lose at their gains (rows, 72) in dB.

    re to work_im (size, lanes) and lost (2, bins, lanes) are room to work in.
    """
    lanes = re.shape[1]
    own, other = np.empty(lost.shape[1]), np.empty(lost.shape[1])
    for first in range(0, len(rows), lanes):
        for lane in range(lanes):
            row = min(first + lane, len(rows) - 1)
            same = row > 0
            if same:
                for band in range(gain_db.shape[1]):
                    if gain_db[row, band] != gain_db[row - 1, band]:
                        same = False
                        break
            if not same:
                losses_of(gain_db[row], lower_band, upper_share, own, other)
            _spread(own, lane, lost[0])
            _spread(other, lane, lost[1])
        frames_of_pair(heard, hop, window, rows, first, re, im)
        transform(re, im, work_re, work_im, radices, table)
        keep_losses(re, im, lost[0], lost[1])
        transform(im, re, work_im, work_re, radices, table)
        add_frames_of_pair(re, im, hop, window, rows, first, taken)
