"""Compiled code of the meters that few ask for; its readable twin stands in `tests/reference/leq_m.py`."""

from __future__ import annotations

from stemmix.dsp.compiling import compiled


@compiled
def _three_sections(block, first, second, start, stop, sections, state):
    """Filter two channels side by side over frames start to stop, adding their squares to column 6 of `state`.

    Transposed direct form 2; the last section has no zeros, so two of its products are left out.
    """
    b00, b01, b02, a01, a02 = sections[0, 0], sections[0, 1], sections[0, 2], sections[0, 3], sections[0, 4]
    b10, b11, b12, a11, a12 = sections[1, 0], sections[1, 1], sections[1, 2], sections[1, 3], sections[1, 4]
    b20, a21, a22 = sections[2, 0], sections[2, 3], sections[2, 4]
    p0, p1, p2, p3 = state[0, 0], state[0, 1], state[0, 2], state[0, 3]
    p4, p5, p_energy = state[0, 4], state[0, 5], state[0, 6]
    q0, q1, q2, q3 = state[1, 0], state[1, 1], state[1, 2], state[1, 3]
    q4, q5, q_energy = state[1, 4], state[1, 5], state[1, 6]
    for i in range(start, stop):
        x = block[i, first]
        y = b00 * x + p0
        p0 = b01 * x - a01 * y + p1
        p1 = b02 * x - a02 * y
        z = b10 * y + p2
        p2 = b11 * y - a11 * z + p3
        p3 = b12 * y - a12 * z
        w = b20 * z + p4
        p4 = p5 - a21 * w
        p5 = -a22 * w
        p_energy += w * w
        x = block[i, second]
        y = b00 * x + q0
        q0 = b01 * x - a01 * y + q1
        q1 = b02 * x - a02 * y
        z = b10 * y + q2
        q2 = b11 * y - a11 * z + q3
        q3 = b12 * y - a12 * z
        w = b20 * z + q4
        q4 = q5 - a21 * w
        q5 = -a22 * w
        q_energy += w * w
    state[0, 0], state[0, 1], state[0, 2], state[0, 3] = p0, p1, p2, p3
    state[0, 4], state[0, 5], state[0, 6] = p4, p5, p_energy
    state[1, 0], state[1, 1], state[1, 2], state[1, 3] = q0, q1, q2, q3
    state[1, 4], state[1, 5], state[1, 6] = q4, q5, q_energy


@compiled
def m_weighted_energy(block, first, second, ends, sections, state):
    """Add the energy of two channels of (n, channels) samples, M-weighted, to column 6 of `state` (2, 7).

    sections (3, 5): b0 b1 b2 a1 a2, the last with b1 = b2 = 0. The rest of `state` is the filters'; it is kept from
    denormal numbers, in which a filter ringing down in silence would go on slowly, before the frames `ends[:-1]`; the
    last of `ends` is n.
    """
    start = 0
    for b in range(len(ends)):
        _three_sections(block, first, second, start, ends[b], sections, state)
        if b + 1 < len(ends):
            for lane in range(2):
                for k in range(6):
                    if abs(state[lane, k]) < 1e-30:
                        state[lane, k] = 0.0
        start = ends[b]
