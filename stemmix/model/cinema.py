"""How loud a calibrated cinema replays each channel, for Leq(m)."""

from __future__ import annotations

from stemmix.model.layouts import Layout

REPLAY_DB_SPL = {
    **dict.fromkeys(("M", "L", "R", "C"), 85.0),
    **dict.fromkeys(("Ls", "Rs", "Lss", "Rss", "Lrs", "Rrs"), 82.0),
    "LFE": 95.0,
}
"""dB SPL (C) that the reference of -20 dBFS makes: ISO 21727:2016 table 2; 7.1's surrounds as those of 5.1, mono in
the centre. The standard knows no heights."""


def replay_db_spl(layout: Layout) -> tuple[float, ...] | None:
    """Of each channel in order; None where the standard leaves one out."""
    levels = [REPLAY_DB_SPL.get(label) for label in layout.labels]
    known = [level for level in levels if level is not None]
    return tuple(known) if len(known) == len(levels) else None
