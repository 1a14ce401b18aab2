"""What can be listened to: places of a programme, and how they sound before and after."""

from __future__ import annotations

from dataclasses import dataclass

from stemmix.model.plan import Conflict, Line


@dataclass(frozen=True)
class Place:
    """A stretch of the programme where conflicts are worth listening to, with air on both sides."""

    conflict: Conflict
    """The largest of them."""
    line: Line | None
    """That it hides, with its SNR and clarity before and after; None where nothing is done for its target."""
    start: int
    end: int
    """Samples of the programme, the first and the one after the last."""
    conflicts: tuple[str, ...]
    """Ids of all that it is shown for: of its line, largest first, then of lesser lines that are heard in it."""
    stems: tuple[str, ...]
    """Ids of those concerned, targets and maskers, in the plan's order."""

    @property
    def id(self) -> str:
        """The line's, else the conflict's."""
        return self.conflict.id if self.line is None else self.line.id


@dataclass(frozen=True)
class Excerpt:
    """A place to listen to, as the stems came and as they are mixed: two sounds in stereo at one and the same gain."""

    place: Place
    before: bytes
    """A whole file: the stems with their faders, pans and timelines, and no move."""
    after: bytes
    """The same with every move."""
    sample_rate: int
    frames: int
    """Of either, as it plays."""
    gain_db: float
    """That both stand at."""
    lowered_db: float = 0.0
    """How much less that is than was wanted, so that neither clips."""
    media_type: str = "audio/mpeg"

    @property
    def id(self) -> str:
        return self.place.id

    @property
    def length_s(self) -> float:
        return self.frames / self.sample_rate

    @property
    def size_bytes(self) -> int:
        """That both take in a page, which holds them as base64: four signs for three bytes."""
        return sum(4 * -(-len(sound) // 3) for sound in (self.before, self.after))
