"""Decisions, made once: a plan is a function of the project, of what was heard and of the method, and is remembered as
such."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import ValidationError

from stemmix.files.cache import Cache
from stemmix.files.documents import canonical, canonical_pieces
from stemmix.machine import made_by
from stemmix.model.plan import Plan
from stemmix.model.project import Project
from stemmix.planning.decide import decide
from stemmix.planning.passages import HeardStem

KIND = "plans"


class Decision(NamedTuple):
    """What was decided."""

    plan: Plan
    text: bytes | None
    """The plan as it is written, where that is known: to lay it out takes longer than to read it."""


def decided(project: Project, stems: Sequence[HeardStem], frames: int, cache: Cache | None) -> Decision:
    """The plan for a programme of `frames` samples, as `decide` makes it: remembered, or made and kept.

    It is kept, in its canonical text, by all that it depends on, the program's own code among it, so that no other plan
    can be met.
    """
    if cache is None:
        return Decision(decide(project, stems, frames), None)
    # what was never heard was never decided on; its hash is taken meanwhile
    key = _key(project, stems, frames) if all(stem.seen_before for stem in stems) else None
    if key is not None and (body := cache.read(KIND, key)) is not None:
        try:
            return Decision(Plan.model_validate_json(body), body)
        except ValidationError:
            pass  # sound, and yet no plan: it is made anew
    plan = decide(project, stems, frames)
    key = key or _key(project, stems, frames)
    if key is None:
        return Decision(plan, None)
    text = canonical(plan).encode()
    cache.write(KIND, key, text)
    return Decision(plan, text)


def _key(project: Project, stems: Sequence[HeardStem], frames: int) -> str | None:
    """Of everything that decisions hear of; None where that cannot be told."""
    by = made_by()
    marks = [stem.identified().mark for stem in stems]
    if by is None or None in marks:
        return None
    told = hashlib.sha256(f"{by}\n{frames}\n".encode())
    for piece in canonical_pieces(project):
        told.update(piece.encode())
    for stem, mark in zip(stems, marks, strict=True):
        heard = (stem.id, stem.role.value, stem.priority, stem.protection, stem.at, stem.lag, stem.inverted)
        told.update(f"{heard} {mark}\n".encode())
    return told.hexdigest()[:40]
