"""Channel layouts as values: labels, loudness weights, WAVE speaker masks, and where sound goes from one to another.

Channels are known by label, never by index; a layout travels beside the samples and is never guessed from a shape.
Sources: ITU-R BS.1770-5 (weights), ITU-R BS.2051-3 (which loudspeakers there are), ITU-R BS.775-3 and EBU Tech 3343
section 7.1 (Lo/Ro), WAVEFORMATEXTENSIBLE (masks).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

MINUS_3_DB = 0.5**0.5

LayoutName = Literal["1.0", "2.0", "3.0", "5.0", "5.1", "7.1", "7.1.4"]

Order = Literal["wave", "film"]
"""How channels follow each other in a file: as the bits of a speaker mask, or as a dubbing stage lays them out."""

Matrix = tuple[tuple[float, ...], ...]
"""Rows are the channels that come out, columns those that go in."""

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

    name: LayoutName
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

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (MONO, STEREO, SURROUND_3_0, SURROUND_5_0, SURROUND_5_1, SURROUND_7_1, SURROUND_7_1_4)
}

PAIRS = (("L", "R"), ("Ls", "Rs"), ("Lrs", "Rrs"), ("Lss", "Rss"), ("Ltf", "Rtf"), ("Ltr", "Rtr"))
"""Channels that stand left and right of each other."""

_FILM_ORDER = ("M", "L", "C", "R", "Ls", "Rs", "Lss", "Rss", "Lrs", "Rrs", "LFE", "Ltf", "Rtf", "Ltr", "Rtr")

_SAME_PLACE = {"M": "C", "C": "M", "Ls": "Lss", "Lss": "Ls", "Rs": "Rss", "Rss": "Rs"}
"""One loudspeaker under two names: mono is a centre, the surrounds of 5.1 are the sides of 7.1."""

_BESIDE = {
    "M": ("L", "R"),
    "C": ("L", "R"),
    "L": ("M",),
    "R": ("M",),
    "Ls": ("L",),
    "Rs": ("R",),
    "Lss": ("L",),
    "Rss": ("R",),
    "Lrs": ("Ls",),
    "Rrs": ("Rs",),
    "Ltf": ("L",),
    "Rtf": ("R",),
    "Ltr": ("Lrs",),
    "Rtr": ("Rrs",),
    "LFE": (),
}
"""Where a channel goes, at -3 dB, where the target has no loudspeaker for it."""


def layout_of_mask(mask: int, channels: int) -> Layout | None:
    """The layout that a WAVE speaker mask names, or None."""
    for layout in LAYOUTS.values():
        if mask in layout.masks and layout.channels == channels:
            return layout
    return None


def layout_of_labels(labels: Iterable[str]) -> Layout | None:
    """The layout that has just these channels, in whatever order they are named, or None.

    >>> layout_of_labels(["R", "L"]).name
    '2.0'
    """
    wanted = set(labels)
    return next((layout for layout in LAYOUTS.values() if set(layout.labels) == wanted), None)


def widest(names: Iterable[str]) -> Layout:
    """The layout that all of these are folded from: stereo at least, as that is what decisions hear.

    >>> widest(["5.1", "2.0"]).name
    '5.1'
    """
    return max((STEREO, *(LAYOUTS[name] for name in names)), key=lambda layout: layout.channels)


def in_film_order(layout: Layout) -> Layout:
    """The same channels as a dubbing stage lays them out; without a speaker mask, which would say WAVE's order.

    >>> in_film_order(SURROUND_5_1).labels
    ('L', 'C', 'R', 'Ls', 'Rs', 'LFE')
    """
    labels = tuple(label for label in _FILM_ORDER if label in layout.labels)
    return layout if labels == layout.labels else replace(layout, labels=labels, masks=(0,))


def reordered(given: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...]:
    """Which of the `given` channels stands at each place of `wanted`: `block[:, reordered(...)]` turns a block.

    >>> reordered(("L", "C", "R"), ("L", "R", "C"))
    (0, 2, 1)
    """
    return tuple(given.index(label) for label in wanted)


def fold_matrix(source: Layout, target: Layout) -> Matrix:
    """What each channel of `target` takes of each channel of `source`; any pair of layouts, up as well as down.

    A channel goes to the loudspeaker of its name, or to the one that stands in the same place (mono and C; Ls and Lss).
    Where there is neither it goes to its neighbour at -3 dB, and from there on until there is one; nothing is
    normalised. So a fold in two steps down is the fold in one.

    - C to L and R, Ls to L, Rs to R; L and R to mono: ITU-R BS.775-3 Annex 4 table 2, whose mono of 3/2 (L and R -3 dB,
      C 0 dB, surrounds -6 dB) is the mono of its Lo/Ro. LFE is left out (ibid. Annex 7; EBU Tech 3343 section 7.1).
    - The rears of 7.1 to the surrounds of 5.1, on top of the sides, which go there at 0 dB: the ITU does not say; as
      libswresample has it. Its stereo of 7.1 takes rears at -3 dB; here it is the Lo/Ro of that 5.1, so -6 dB.
    - Heights to the loudspeaker under them: the ITU does not say; -3 dB as for everything else.

    >>> fold_matrix(STEREO, STEREO)
    ((1.0, 0.0), (0.0, 1.0))
    >>> fold_matrix(MONO, SURROUND_3_0)
    ((0.0,), (0.0,), (1.0,))
    >>> [round(20 * math.log10(share)) for share in fold_matrix(SURROUND_7_1, STEREO)[0] if share]
    [0, -3, -6, -3]
    """
    shares = [_shares(label, target.labels) for label in source.labels]
    return tuple(tuple(share.get(label, 0.0) for share in shares) for label in target.labels)


def _shares(label: str, speakers: Sequence[str]) -> dict[str, float]:
    for here in (label, _SAME_PLACE.get(label, label)):
        if here in speakers:
            return {here: 1.0}
    found: dict[str, float] = {}
    for beside in _BESIDE[label]:
        for speaker, share in _shares(beside, speakers).items():
            found[speaker] = found.get(speaker, 0.0) + MINUS_3_DB * share
    return found


def placing_matrix(source: Layout, bus: Layout, pan: float = 0.0) -> Matrix:
    """Where a stem's channels stand on a bus: `fold_matrix`, but for a mono stem that is panned off the centre.

    `pan` goes from -1, left, to 1, right, at constant power between neighbouring front speakers: L and R, or L, C and R
    where the bus has a centre (sine and cosine, so that two neighbours are at -3 dB midway). It says nothing of other
    stems than mono, and nothing on a mono bus.

    >>> [round(share, 3) for (share,) in placing_matrix(MONO, STEREO, -0.5)]
    [0.924, 0.383]
    >>> [round(share, 3) for (share,) in placing_matrix(MONO, SURROUND_3_0, 1.0)]
    [0.0, 1.0, 0.0]
    """
    if source != MONO or pan == 0.0 or "R" not in bus.labels:
        return fold_matrix(source, bus)
    outer = "L" if pan < 0 else "R"
    off = abs(pan)
    if "C" in bus.labels:
        share = {"C": _quarter_cosine(off), outer: _quarter_cosine(1.0 - off)}
    else:
        inner = "R" if pan < 0 else "L"
        share = {outer: _quarter_cosine(0.5 - 0.5 * off), inner: _quarter_cosine(0.5 + 0.5 * off)}
    return tuple((share.get(label, 0.0),) for label in bus.labels)


def _quarter_cosine(way: float) -> float:
    """From 1 to 0 on the way from 0 to 1, its square and that of the way back adding up to 1; exact at both ends."""
    return 0.0 if way == 1.0 else math.cos(0.5 * math.pi * way)


def chained(first: Matrix, then: Matrix) -> Matrix:
    """One matrix that does what two do one after the other.

    >>> chained(fold_matrix(MONO, SURROUND_5_1), fold_matrix(SURROUND_5_1, STEREO)) == fold_matrix(MONO, STEREO)
    True
    """
    columns = range(len(first[0]))
    return tuple(
        tuple(math.fsum(share * first[through][column] for through, share in enumerate(row)) for column in columns)
        for row in then
    )
