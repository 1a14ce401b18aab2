"""What a mix read before its gain, read once: a function of the stems, of what is done to them and of the program, and
remembered as such, whatever is made of the mix."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from stemmix.engine.gauge import Programme
from stemmix.files.cache import Cache
from stemmix.machine import made_by
from stemmix.sources import Source

KIND = "mixes"


@dataclass(frozen=True)
class MixMemory:
    """What is kept of one mix; an `engine.bus.Memory`."""

    cache: Cache
    mix: str
    """What tells it from any other."""
    sources: Sequence[Source]

    def read(self, what: str) -> bytes | None:
        """What was kept under a name; None where there is nothing, or nothing to be believed."""
        return self.cache.read(KIND, self._key(what))

    def write(self, what: str, body: bytes) -> None:
        """Keep it, if that can be. A StemError where a file is not the one any more that the mix is named by."""
        for source in self.sources:
            source.refuse_change()
        if all(source.untouched for source in self.sources):
            self.cache.write(KIND, self._key(what), body)

    def _key(self, what: str) -> str:
        return hashlib.sha256(f"{self.mix} {what}".encode()).hexdigest()[:40]


def memory_of_mix(
    cache: Cache | None, sources: Sequence[Source], plan_sha256: str, programme: Programme
) -> MixMemory | None:
    """The memory for the mix of stems by a plan; None where nothing is kept, or where it cannot be told what is mixed.

    Of all that its samples depend on, the program's own code among it, and of what of them counts. The plan says how
    every stem stood for it; where it is stale, they stand otherwise.
    """
    if cache is None or (by := made_by()) is None:  # to tell takes as long as to read all sources
        return None
    told = hashlib.sha256(f"{by}\n{plan_sha256}\n{programme}\n".encode())
    for source in sources:
        timeline = source.timeline
        stands = (source.stem.id, source.sha256, source.gain_db, source.stem.pan, source.lag, source.inverted)
        told.update(f"{stands} {timeline.at} {timeline.rate_hz} {timeline.audio.labels}\n".encode())
    return MixMemory(cache, told.hexdigest(), sources)
