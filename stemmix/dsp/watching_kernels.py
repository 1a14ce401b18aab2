"""Compiled code that looks for faults in samples that go by; readable twins stand in `tests/reference/watching.py`.

The rules of `kernels` hold. What a kernel carries from piece to piece is in the arrays it is given.
"""

from __future__ import annotations

from stemmix.dsp.kernels import compiled

COLUMNS = ("sum_a", "sum_b", "aa", "bb", "ab", "k_aa", "k_bb", "k_ab", "s_aa", "s_bb", "s_ab", "peak")
"""What `pair_bins` adds up in each bin, of channels a and b: the samples, their products, products after K-weighting
and in the band of speech, and the highest magnitude."""


@compiled
def flat_runs(piece, first_frame, shortest, full_scale, lowest, corner, state, tops, events):
    """Runs of `shortest` or more equal samples at full scale, or cut flat where a channel is highest.

    piece (n, channels); state (channels, 4): the sample of the run, its length so far, its first frame, the sample
    before it; tops (channels, 2): the highest magnitude so far, below zero and above. A flat top is at the highest
    magnitude of its side so far, `lowest` or more, and both its neighbours are lower by more than `corner`: a smooth
    wave's top may be flat by rounding, and has no corners. events (m, 4), m enough for all: channel, first frame, end,
    level, ordered by channel. Returns how many.
    """
    frames, channels = piece.shape
    count = 0
    for c in range(channels):
        level, length, began, before = state[c, 0], state[c, 1], state[c, 2], state[c, 3]
        low, high = tops[c, 0], tops[c, 1]
        for i in range(frames):
            sample = piece[i, c]
            if sample == level:
                length += 1
                continue
            if length >= shortest:
                size = abs(level)
                drop = size - max(before, sample) if level > 0.0 else size + min(before, sample)
                top = high if level > 0.0 else low
                if size >= full_scale or (size >= lowest and size >= top and drop > corner):
                    events[count, 0], events[count, 1] = c, began
                    events[count, 2], events[count, 3] = first_frame + i, level
                    count += 1
            before, level, length, began = level, sample, 1, first_frame + i
            low, high = max(low, -sample), max(high, sample)
        state[c, 0], state[c, 1], state[c, 2], state[c, 3] = level, length, began, before
        tops[c, 0], tops[c, 1] = low, high
    return count


@compiled
def holes(heard, start, first_frame, quiet, shortest, longest, near, around, loud, alike, step, state, events):
    """Sound that breaks off, and goes on as it was: quiet runs with a sharp edge on either side.

    heard (start + n, channels), of which `start` frames were there before: at least shortest + around. A run of
    `shortest` to `longest` samples up to `quiet` in magnitude is a hole where one of the `near` samples before it, and
    one of those after it, is `loud`, the highest of the `around` samples on either side are no further apart than the
    factor `alike`, and one of its two neighbours is at least `step`: a wave that is soft for a while falls and rises
    smoothly. state (channels, 9): length of the run, highest `around` before it (0 if not `loud`
    nearby); of the one that what follows decides on: samples since it, highest of them, its end, its length, highest
    before it; the last sample before a run, the higher neighbour of that one.
    Another that ends meanwhile is part of what follows. events (m, 3): channel, first frame, end. Returns how
    many.
    """
    count = 0
    for c in range(heard.shape[1]):
        length, before, since, after, end = state[c, 0], state[c, 1], state[c, 2], state[c, 3], state[c, 4]
        held, kept, last, fall = state[c, 5], state[c, 6], state[c, 7], state[c, 8]
        for i in range(start, len(heard)):
            size = abs(heard[i, c])
            frame = first_frame + i - start
            if since > 0:  # a hole is behind us: what follows decides
                after = max(after, size)
                since += 1
                if since >= near and after < loud:
                    since = 0
                elif since >= around:
                    if after <= alike * kept and kept <= alike * after and fall >= step:
                        events[count, 0], events[count, 1], events[count, 2] = c, end - held, end
                        count += 1
                    since = 0
            if size <= quiet:
                length += 1
                if length == shortest:
                    edge = i - shortest + 1
                    sharp, before, last = 0.0, 0.0, abs(heard[edge - 1, c])
                    for k in range(edge - around, edge):
                        before = max(before, abs(heard[k, c]))
                    for k in range(edge - near, edge):
                        sharp = max(sharp, abs(heard[k, c]))
                    if sharp < loud:
                        before = 0.0
            elif length > 0:
                if length >= shortest and since == 0 and length <= longest and before > 0.0:
                    since, after, end, held, kept, fall = 1, size, frame, length, before, max(last, size)
                length = 0
        state[c, 0], state[c, 1], state[c, 2], state[c, 3], state[c, 4] = length, before, since, after, end
        state[c, 5], state[c, 6], state[c, 7], state[c, 8] = held, kept, last, fall
    return count


@compiled
def jumps(heard, first_frame, reach, least, ratio, lowest, apart, state, events):
    """Breaks of the waveform that stand alone: a second difference far over all that is around it.

    heard (n + 2 * reach + 2, channels); the middle of it, from reach + 2 on, is looked at, and its first frame is
    first_frame. A break has a second difference of `least` or more, `ratio` times any within `reach` samples of it save
    the three next to it, and a sample of `lowest` or more on either side, so that it is inside of sound. One that has
    another within `apart` frames is a wave's own edge. state (channels, 2): frame of the last one (-apart - 1 at
    first), and whether it still waits to be alone; events (m, 2): channel, frame. Returns how many are known to be.
    """
    count = 0
    for c in range(heard.shape[1]):
        last, waiting = state[c, 0], state[c, 1]
        for i in range(reach + 2, len(heard) - reach):
            size = abs(heard[i, c] - 2.0 * heard[i - 1, c] + heard[i - 2, c])
            if size < least:
                continue
            most = size / ratio
            alone = True
            for k in range(4, reach + 1):
                right = abs(heard[i + k - 1, c] - 2.0 * heard[i + k - 2, c] + heard[i + k - 3, c])
                left = abs(heard[i - k + 1, c] - 2.0 * heard[i - k, c] + heard[i - k - 1, c])
                if right > most or left > most:
                    alone = False
                    break
            if not alone:
                continue
            left, right = 0.0, 0.0
            for k in range(4, reach + 1):
                left, right = max(left, abs(heard[i - k, c])), max(right, abs(heard[i + k - 1, c]))
            if left < lowest or right < lowest:
                continue
            frame = first_frame + i - reach - 2
            if frame - last <= 8:  # the same one, seen by the next difference
                continue
            if frame - last <= apart:
                waiting = 0
            else:
                if waiting:
                    events[count, 0], events[count, 1] = c, last
                    count += 1
                waiting = 1
            last = frame
        state[c, 0], state[c, 1] = last, waiting
    return count


@compiled
def silent_runs(heard, start, first_frame, shortest, near, state, events):
    """Runs of `shortest` or more frames that are zero in all channels, and have sound before and after them.

    heard (start + n, channels), of which `start` frames, `near` at least, were there before. state (5,): first frame
    after the last sound (-1 before any), highest magnitude of the `near` frames before that; of a run that has just
    ended its first frame and its end (-1 if none), highest magnitude since. events (m, 3): first frame, end, highest
    magnitude of the `near` frames on either side. Returns how many.
    """
    channels = heard.shape[1]
    count = 0
    after, before, begin, end, edge = state[0], state[1], state[2], state[3], state[4]
    for i in range(start, len(heard)):
        frame = first_frame + i - start
        size = 0.0
        for c in range(channels):
            size = max(size, abs(heard[i, c]))
        if end >= 0.0:
            edge = max(edge, size)
            if frame - end >= near - 1:
                events[count, 0], events[count, 1], events[count, 2] = begin, end, edge
                count += 1
                end = -1.0
        if size > 0.0:
            if after >= 0.0 and frame - after >= shortest:
                begin, end, edge = after, frame, max(before, size)
            after = frame + 1.0
        elif frame == after:
            before = 0.0
            for k in range(i - near, i):
                for c in range(channels):
                    before = max(before, abs(heard[k, c]))
    state[0], state[1], state[2], state[3], state[4] = after, before, begin, end, edge
    return count


@compiled
def _section(x, h, s1, s2):
    """One biquad, transposed direct form 2."""
    y = h[0] * x + s1
    return y, h[1] * x - h[3] * y + s2, h[2] * x - h[4] * y


@compiled
def _five(row):
    """A row as scalars, which registers can hold."""
    return row[0], row[1], row[2], row[3], row[4]


@compiled
def pair_bins(piece, a, b, ends, sections, state, bins):
    """Sums over bins of two channels side by side: see `COLUMNS`.

    piece (n, channels); ends (bins,): frames that bins end before; sections (5, 5): b0 b1 b2 a1 a2 of K-weighting's
    two, then of the band's three; state (2, 10): of the filters; bins (bins, 12), zero. What follows the last end is
    left out.
    """
    k0, k1, h0, h1, h2 = (
        _five(sections[0]),
        _five(sections[1]),
        _five(sections[2]),
        _five(sections[3]),
        _five(sections[4]),
    )
    p0, p1, p2, p3, p4 = state[0, 0], state[0, 1], state[0, 2], state[0, 3], state[0, 4]
    p5, p6, p7, p8, p9 = state[0, 5], state[0, 6], state[0, 7], state[0, 8], state[0, 9]
    q0, q1, q2, q3, q4 = state[1, 0], state[1, 1], state[1, 2], state[1, 3], state[1, 4]
    q5, q6, q7, q8, q9 = state[1, 5], state[1, 6], state[1, 7], state[1, 8], state[1, 9]
    start = 0
    for n in range(len(ends)):
        sum_a, sum_b, aa, bb, ab, peak = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        k_aa, k_bb, k_ab, s_aa, s_bb, s_ab = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(start, ends[n]):
            x, z = piece[i, a], piece[i, b]
            sum_a += x
            sum_b += z
            aa += x * x
            bb += z * z
            ab += x * z
            peak = max(peak, abs(x), abs(z))
        # a loop for each filter: all states and coefficients together are more than a processor has registers
        for i in range(start, ends[n]):
            u, p0, p1 = _section(piece[i, a], k0, p0, p1)
            v, q0, q1 = _section(piece[i, b], k0, q0, q1)
            u, p2, p3 = _section(u, k1, p2, p3)
            v, q2, q3 = _section(v, k1, q2, q3)
            k_aa += u * u
            k_bb += v * v
            k_ab += u * v
        for i in range(start, ends[n]):
            u, p4, p5 = _section(piece[i, a], h0, p4, p5)
            v, q4, q5 = _section(piece[i, b], h0, q4, q5)
            u, p6, p7 = _section(u, h1, p6, p7)
            v, q6, q7 = _section(v, h1, q6, q7)
            u, p8, p9 = _section(u, h2, p8, p9)
            v, q8, q9 = _section(v, h2, q8, q9)
            s_aa += u * u
            s_bb += v * v
            s_ab += u * v
        bins[n, 0], bins[n, 1], bins[n, 2], bins[n, 3], bins[n, 4] = sum_a, sum_b, aa, bb, ab
        bins[n, 5], bins[n, 6], bins[n, 7] = k_aa, k_bb, k_ab
        bins[n, 8], bins[n, 9], bins[n, 10], bins[n, 11] = s_aa, s_bb, s_ab, peak
        start = ends[n]
        if aa + bb == 0.0:  # a filter ringing down in silence would go on in slow denormal numbers
            if abs(p0) + abs(p2) + abs(p4) + abs(p6) + abs(p8) < 1e-30:
                p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            if abs(q0) + abs(q2) + abs(q4) + abs(q6) + abs(q8) < 1e-30:
                q0, q1, q2, q3, q4, q5, q6, q7, q8, q9 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    state[0, 0], state[0, 1], state[0, 2], state[0, 3], state[0, 4] = p0, p1, p2, p3, p4
    state[0, 5], state[0, 6], state[0, 7], state[0, 8], state[0, 9] = p5, p6, p7, p8, p9
    state[1, 0], state[1, 1], state[1, 2], state[1, 3], state[1, 4] = q0, q1, q2, q3, q4
    state[1, 5], state[1, 6], state[1, 7], state[1, 8], state[1, 9] = q5, q6, q7, q8, q9
