"""Documents of older versions, brought up to date: pure steps from dict to dict, one for each version.

A step keeps the meaning of what it changes, and passes over what it does not know: whether a document is valid is asked
of its newest form.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

Step = Callable[[dict[str, Any]], None]
"""Changes a document of its own version into the next one's, but for the `schema` field."""


def _places_stems(project: dict[str, Any]) -> None:
    """Project 1 to 2: a stem without `at` stood at the programme's beginning; now it stands where its file says."""
    stems = project.get("stems")
    for stem in stems if isinstance(stems, list) else ():
        if isinstance(stem, dict) and stem.keys() & {"file", "files"}:
            stem.setdefault("at", 0.0)


UPGRADES: Final[dict[str, tuple[Step, ...]]] = {"stemmix.project": (_places_stems,)}
"""By kind of document: the first step leads from version 1 to 2."""


def newest(kind: str) -> int:
    """The version of a kind of document that is read and written."""
    return 1 + len(UPGRADES.get(kind, ()))


def upgraded(document: dict[str, Any], kind: str, version: int) -> dict[str, Any]:
    """A document of an older version in its newest form; the one that is given stays as it is.

    >>> upgraded({"schema": "stemmix.project/1", "stems": [{"id": "DX", "file": "dx.wav"}]}, "stemmix.project", 1)
    {'schema': 'stemmix.project/2', 'stems': [{'id': 'DX', 'file': 'dx.wav', 'at': 0.0}]}
    """
    changed = deepcopy(document)
    for step in UPGRADES.get(kind, ())[version - 1 :]:
        step(changed)
    changed["schema"] = f"{kind}/{newest(kind)}"
    return changed
