"""Lines are found in whatever dialogue comes with, pauses left alone: `tests.analysis.spoken` has the material."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from tests.analysis.spoken import MATERIALS, Spoken, figures, found_in, invented, reel

REELS = Path(__file__).resolve().parents[2] / ".." / "shared" / "reels"

MOST_FALSE_S = {"tone -20, swing 4.0": 2.0, "tone -8": 10.0, "wind, pink -12, swing 4": 3.0, "doors": 3.0}
"""Seconds a minute; 0.5 where nothing is said. A door is as loud as a line."""
BRIDGED = {"tone -8": 3}
"""Pauses that are found, where not none: so close under the voice noise is not always told from it."""
GUSTS = "wind, brown -6, swing 6"
"""Rises by 12 dB, as high as a voice over its room: its lines must be found, its gusts are."""


@lru_cache(maxsize=1)
def voice() -> Spoken:
    return invented()


def test_figures_are_what_they_say() -> None:
    spoken = voice()
    assert len(spoken.lines_s) > 10
    nothing, perfect = figures(spoken, []), figures(spoken, spoken.stretches_s)
    everything = figures(spoken, [(0.0, len(spoken.samples) / 48_000)])
    assert (nothing.hits, nothing.covered, nothing.false_s, nothing.bridged) == (0, 0.0, 0.0, 0)
    assert (perfect.hits, perfect.covered, perfect.false_s, perfect.bridged) == (perfect.lines, 1.0, 0.0, 0)
    assert everything.false_s > 5.0
    assert everything.bridged == everything.pauses >= 5


@pytest.mark.parametrize("name", MATERIALS)
def test_every_line_is_found_and_pauses_are_left_alone(name: str) -> None:
    seen = figures(voice(), found_in(MATERIALS[name](voice())))
    assert seen.hits == seen.lines
    assert seen.covered > 0.97
    assert name == GUSTS or seen.false_s <= MOST_FALSE_S.get(name, 0.5)
    assert seen.bridged <= BRIDGED.get(name, 0)


@lru_cache(maxsize=2)
def real(name: str) -> Spoken:
    if not (REELS / name).is_dir():
        pytest.skip("there is no shared/reels beside the repository")
    return reel(REELS / name)


@pytest.mark.parametrize("name", ["harbour", "siege"])
@pytest.mark.parametrize(
    "material", ["clean", "tone -20", "tone -20, swing 2.5", "tone -15, swing 2.5", "laid 2 s, -20, swing 2.5"]
)
def test_lines_of_real_voices_are_found_in_rooms_that_swing(name: str, material: str) -> None:
    seen = figures(real(name), found_in(MATERIALS[material](real(name))))
    assert seen.pauses > 3
    assert seen.hits == seen.lines
    assert seen.covered > 0.97
    assert seen.false_s < 1.5
    assert seen.bridged == 0
