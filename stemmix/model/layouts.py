"""Channel layouts as values: labels, loudness weights, WAVE speaker masks, fold-down matrices.

Channels are known by label, never by index; a layout travels beside the samples and is never guessed from a shape.
Sources: ITU-R BS.1770-5 (weights), ITU-R BS.775-3 and EBU Tech 3343 section 7.1 (Lo/Ro), WAVEFORMATEXTENSIBLE (masks).
"""

from __future__ import annotations

from dataclasses import dataclass

MINUS_3_DB = 0.5**0.5

_SIDE_WEIGHT = 1.41
"""BS.1770-5: |elevation| < 30 degrees and 60 <= |azimuth| <= 120 degrees. Everything else 1, LFE 0."""

LOUDNESS_WEIGHT = {
    "M": 1.0,
    "L": 1.0,
    "R": 1.0,
    "C": 1.0,
    "LFE": 0.0,
    "Ls": _SIDE_WEIGHT,
    "Rs": _SIDE_WEIGHT,
    "Lss": _SIDE_WEIGHT,
    "Rss": _SIDE_WEIGHT,
    "Lrs": 1.0,
    "Rrs": 1.0,
    "Ltf": 1.0,
    "Rtf": 1.0,
    "Ltr": 1.0,
    "Rtr": 1.0,
}


@dataclass(frozen=True)
class Layout:
    """A named order of labelled channels, in WAVE order."""

    name: str
    labels: tuple[str, ...]
    masks: tuple[int, ...]
    """WAVE speaker masks that mean this layout; the first is the one written."""

    @property
    def channels(self) -> int:
        return len(self.labels)

    @property
    def weights(self) -> tuple[float, ...]:
        """BS.1770-5 channel weights, in order."""
        return tuple(LOUDNESS_WEIGHT[label] for label in self.labels)


MONO = Layout("1.0", ("M",), (0x4,))
STEREO = Layout("2.0", ("L", "R"), (0x3,))
SURROUND_3_0 = Layout("3.0", ("L", "R", "C"), (0x7,))
SURROUND_5_0 = Layout("5.0", ("L", "R", "C", "Ls", "Rs"), (0x607, 0x37))
SURROUND_5_1 = Layout("5.1", ("L", "R", "C", "LFE", "Ls", "Rs"), (0x60F, 0x3F))
SURROUND_7_1 = Layout("7.1", ("L", "R", "C", "LFE", "Lrs", "Rrs", "Lss", "Rss"), (0x63F,))
SURROUND_7_1_4 = Layout(
    "7.1.4", ("L", "R", "C", "LFE", "Lrs", "Rrs", "Lss", "Rss", "Ltf", "Rtf", "Ltr", "Rtr"), (0x2D63F,)
)

LAYOUTS = {
    layout.name: layout
    for layout in (MONO, STEREO, SURROUND_3_0, SURROUND_5_0, SURROUND_5_1, SURROUND_7_1, SURROUND_7_1_4)
}

_TO_STEREO: dict[str, dict[str, tuple[float, float]]] = {
    "1.0": {"M": (MINUS_3_DB, MINUS_3_DB)},
    "2.0": {"L": (1.0, 0.0), "R": (0.0, 1.0)},
    "5.1": {
        "L": (1.0, 0.0),
        "R": (0.0, 1.0),
        "C": (MINUS_3_DB, MINUS_3_DB),
        "LFE": (0.0, 0.0),
        "Ls": (MINUS_3_DB, 0.0),
        "Rs": (0.0, MINUS_3_DB),
    },
}


def layout_of_mask(mask: int, channels: int) -> Layout | None:
    """The layout that a WAVE speaker mask names, or None."""
    for layout in LAYOUTS.values():
        if mask in layout.masks and layout.channels == channels:
            return layout
    return None


def fold_matrix(source: Layout, target: Layout) -> tuple[tuple[float, ...], ...] | None:
    """Rows are the target's channels, columns the source's; None where no fold is defined.

    Mono stands in the centre at constant power (-3 dB a side). 5.1 folds Lo/Ro: L and R at 0 dB, C, Ls and Rs at
    -3 dB, LFE left out, nothing normalised (ITU-R BS.775-3; EBU Tech 3343 section 7.1).

    >>> fold_matrix(STEREO, STEREO)
    ((1.0, 0.0), (0.0, 1.0))
    """
    if source == target:
        return tuple(tuple(float(row == column) for column in source.labels) for row in target.labels)
    if target != STEREO or source.name not in _TO_STEREO:
        return None
    shares = [_TO_STEREO[source.name][label] for label in source.labels]
    return tuple(tuple(share[side] for share in shares) for side in (0, 1))
