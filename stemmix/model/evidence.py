"""What a report shows: the stems as they were heard, and the plan that was made of it."""

from __future__ import annotations

from stemmix.model.document import Document
from stemmix.model.features import StemFacts, Tonal
from stemmix.model.plan import Plan
from stemmix.model.profiles import Role


class HeardFacts(Document):
    """A stem of the project and what is heard in it."""

    id: str
    role: Role
    file: str
    """As the project gives it."""
    priority: int
    gain_db: float
    at: int
    """Where it begins, in samples of the programme."""
    facts: StemFacts
    warnings: tuple[str, ...]
    tonal: Tonal | None = None


class AppliedGains(Document):
    """What is done to a stem at one moment, all moves and their ramps together; its fader comes besides."""

    stem: str
    mid_db: tuple[float, ...]
    """36 gains."""
    side_db: tuple[float, ...]


class Evidence(Document):
    """Everything up to the decisions."""

    stems: tuple[HeardFacts, ...]
    plan: Plan
    files: tuple[str, ...] = ()
    """Names of the files that a render writes."""
