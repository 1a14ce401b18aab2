"""What a report draws over time: a whole programme on one row of cells, whatever its length.

A cell keeps the lowest and the highest of what lies in it, so that nothing short is lost where a programme is long.
Arrays, and no document: it is made anew from features and a plan, and goes into pictures only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity that changes: in each cell its lowest and its highest value, NaN where it has none."""

    lowest: Floats
    """(cells,)"""
    highest: Floats
    """(cells,)"""


@dataclass(frozen=True, eq=False)
class StemOverview:
    """One stem behind its fader."""

    id: str
    above: Floats
    """(cells,) how far samples go above zero, 1 full scale; of the stereo fold, both channels together."""
    below: Floats
    """(cells,) and below, as magnitudes."""
    spectrum_before_db: Floats
    """(36,) mean power in the bands while lines are spoken, in dBFS, as it came; -200 where there is none. Of a
    programme without lines, of all of it."""
    spectrum_after_db: Floats
    """(36,) the same in the mix."""


@dataclass(frozen=True, eq=False)
class TargetOverview:
    """Stems that are to be heard as one, and what hides them."""

    stems: tuple[str, ...]
    weight: Floats
    """(36,) what each band matters, against the one that matters most; of a target that is no speech, the mean over its
    lines."""
    hidden_before: NDArray[np.float32]
    """(cells, 36) how much of a band is hidden, 0 (15 dB over the maskers) to 1 (15 dB under them), times its weight;
    the mean over what of the cell lies in lines, NaN where none does. As the stems came."""
    hidden_after: NDArray[np.float32]
    """(cells, 36) the same in the mix."""


@dataclass(frozen=True, eq=False)
class LoudnessOverview:
    """Loudness in LUFS over time."""

    momentary: Curve
    """Over 0.4 s."""
    short_term: Curve
    """Over 3 s."""
    integrated_lufs: float | None
    """With both gates, over all that counts; None where nothing is louder than the absolute one."""
    gate_lufs: float | None
    """The relative gate; None where there is none, or nobody has kept it."""
    dialogue_lufs: float | None = None
    """While dialogue speaks, ungated; None where none does, or nobody has asked."""
    speech_share: float = 0.0
    """How much of what counts that is."""


@dataclass(frozen=True, eq=False)
class Overview:
    """A programme in cells: cell c holds its samples from c * cell_samples on, before the next cell's."""

    sample_rate: int
    frames: int
    """Length of the programme in samples."""
    cell_samples: int
    stems: tuple[StemOverview, ...]
    """Those that are heard, in the project's order."""
    targets: tuple[TargetOverview, ...]
    """In the order in which they are cleared."""
    mixed: LoudnessOverview
    """All stems together in the mix, told from features, to some tenths of a LU, before any master gain. Curves are of
    all of it, whatever is one figure of the action alone."""

    @property
    def cells(self) -> int:
        """How many there are."""
        return -(-self.frames // self.cell_samples)
