"""What a mix read before its gain, read once: a function of the stems, of what is done to them and of the program, and
remembered as such, whatever is made of the mix."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from stemmix.engine.gauge import Programme
from stemmix.files.cache import Cache
from stemmix.files.documents import canonical_pieces
from stemmix.machine import made_by
from stemmix.model.project import Project
from stemmix.sources import Source

KIND = "mixes"


@dataclass(frozen=True)
class MixMemory:
    """What is kept of one mix; an `engine.bus.Memory`."""

    cache: Cache
    mix: str
    """What tells it from any other."""

    def read(self, what: str) -> bytes | None:
        """What was kept under a name; None where there is nothing, or nothing to be believed."""
        return self.cache.read(KIND, self._key(what))

    def write(self, what: str, body: bytes) -> None:
        """Keep it, if that can be."""
        self.cache.write(KIND, self._key(what), body)

    def _key(self, what: str) -> str:
        return hashlib.sha256(f"{self.mix} {what}".encode()).hexdigest()[:40]


def memory_of_mix(
    cache: Cache | None, project: Project, sources: Sequence[Source], plan_sha256: str, programme: Programme
) -> MixMemory | None:
    """The memory for a project's mix by a plan; None where nothing is kept, or where it cannot be told what is mixed.

    Of all that samples depend on, the program's own code among it, and of what of them counts.
    """
    by = made_by()
    if cache is None or by is None:
        return None
    told = hashlib.sha256(f"{by}\n{plan_sha256}\n{programme}\n".encode())
    for piece in canonical_pieces(project.model_copy(update={"deliverables": ()})):
        told.update(piece.encode())
    for source in sources:
        stands = (source.stem.id, source.sha256, source.at, source.gain_db, source.lag, source.inverted)
        told.update(f"{stands} {source.timeline.layout.labels}\n".encode())
    return MixMemory(cache, told.hexdigest())
