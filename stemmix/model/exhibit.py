"""All that a report's page shows of a project: what was heard and decided, over time, and what a render made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stemmix.model.evidence import Evidence
from stemmix.model.excerpts import Excerpt
from stemmix.model.overview import Overview
from stemmix.model.presets import Level
from stemmix.model.receipt import Receipt

EXCERPTS: Final = 6
"""Places to listen to where nobody says how many: half a minute, twice, about 1 MB of a page."""


@dataclass(frozen=True)
class MasterAim:
    """What a master is to come out at."""

    level: Level | None
    """Which of what its specification asks holds for it; None where no loudness is asked for."""
    gain_db: float | None
    """What gain is to be expected of a render; None where nothing tells it before there is one."""


@dataclass(frozen=True, eq=False)
class Exhibit:
    """Everything at hand."""

    evidence: Evidence
    overview: Overview
    aims: Mapping[str, MasterAim]
    """Of each master that a render makes, by its name, in the project's order."""
    receipt: Receipt | None = None
    """Of the last render into the project's folder."""
    outdated: str | None = None
    """Why the receipt is of another mix than the one that is decided now; one sentence without a beginning."""
    excerpts: tuple[Excerpt, ...] = ()
    """Places to listen to, the worst first, where they are asked for."""
