"""The decisions: every move with its reasons. Rendering from a stored plan needs no analysis.

Times are samples of the programme; levels are rounded to 0.01 dB, so that a diff between two plans means something.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from stemmix.model.document import Document, broken_rule, item, unknown
from stemmix.model.layouts import LayoutName, Order
from stemmix.model.moves import Action, Presence, Ride, gains_of
from stemmix.model.profiles import Method, ProfileName, Role
from stemmix.model.timecode import Clock, FrameRate, Time, broken_time

PLAN_SCHEMA: Final = "stemmix.plan/1"

MAX_MOVES = 200_000

PINNED = "pin"
"""What the id of a move that a pin holds begins with."""

Sample = Annotated[int, Field(ge=0, le=2**48)]
Seconds = Annotated[float, Field(ge=0, le=60)]

StoppedBy = Literal["clear", "goal", "cap", "benefit", "protection", "pin", "nothing to cut", "rule"]
"""`rule`: of moves over the whole programme, which no line stops, but the rule by which they are made."""


@item
class Evidence:
    """What a move bought, by the numbers of its line; of a move that is made for several, the mean over them."""

    snr_before_db: float
    """Level of the line over the maskers as the stems came, weighted with importance, each band within +-15 dB."""
    snr_after_db: float
    """The same in the mix, with every move."""
    sii_before: float
    """Audibility index of the line, 0 to 1, as the stems came."""
    sii_after: float
    """The same in the mix."""
    bought: float
    """Audibility that would go if this move alone were taken back."""
    per_db: float
    """The same for each dB of the move at its deepest."""


@item
class Move:
    """One thing that is done to one stem over one span."""

    id: str
    stem: str
    line: str | None = None
    """The line it is made for; none for a move of a scene, of a pin, or of the whole programme."""
    start: Sample
    end: Sample
    """The span that is meant; look-ahead, hold and ramps lie outside it."""
    action: Action
    because: tuple[str, ...] = ()
    """Ids of the conflicts that caused it; of a move that a pin holds, those that it bears on. Of it, and
    of one over the whole programme, only the largest."""
    evidence: Evidence | None = None
    """None where it reaches no line, as a pin's may."""
    stopped_by: StoppedBy | None = None
    """What kept it from going further."""

    @property
    def of_pin(self) -> bool:
        """Whether a pin holds it as it is. A line's may begin alike, where a stem is named so."""
        return self.line is None and self.id.startswith(f"{PINNED}-")


class Layer(NamedTuple):
    """One stem's moves of one kind."""

    of_voice: bool
    """Whether they are made to a line itself, not for it: they keep to its span."""
    cuts: list[tuple[int, int, tuple[float, ...]]]
    """Spans of samples, and 72 gains for each."""


def layers_of(moves: Iterable[Move]) -> list[Layer]:
    """One stem's moves as layers, one for each kind, which add up in dB.

    Within a layer the gain furthest from 0 holds where spans overlap: neighbouring lines share a dip, they do not
    double it.
    """
    layers: dict[str, Layer] = {}
    for move in moves:
        layer = layers.setdefault(move.action.kind, Layer(isinstance(move.action, Ride | Presence), []))
        layer.cuts.append((move.start, move.end, gains_of(move.action)))
    return [layers[kind] for kind in sorted(layers)]


@item
class Conflict:
    """A masker hides a target in a range of bands over a range of time."""

    id: str
    target: str
    masker: str
    line: str | None = None
    """The line that is hidden; none where nothing is done for the target."""
    low_hz: float
    high_hz: float
    importance: Annotated[float, Field(ge=0, le=1)]
    """How much of all that matters of the target lies in this range of bands."""
    start: Sample
    end: Sample
    snr_db: float
    """Mean level of the target over the spread level of all maskers, weighted with importance, where it is masked."""
    size_before: float
    """Importance-weighted masked band-seconds that this masker answers for, as the stems came."""
    size_after: float
    """The same in the mix."""


@item
class Line:
    """A stretch of speech and what became of it."""

    id: str
    target: str
    start: Sample
    end: Sample
    clarity_before: float
    """Audibility index from 0 to 1, as the stems came."""
    clarity_after: float
    """The same in the mix."""
    snr_before_db: float
    snr_after_db: float
    """Level of the line over the maskers, weighted with importance."""
    stopped_by: StoppedBy
    """Why no more was done: clear as it came, goal reached, the caps (of frequency-based mixing: all that its curves
    give), more would buy next to nothing, a pin, or nothing that may be cut masks it."""


class Edge(Document):
    """How much of one stem another hides, over the programme or the span of it that is looked at: every ordered pair
    has one."""

    target: str
    """Id of the stem that is hidden."""
    masker: str
    """Id of the stem that hides it."""
    size_before: float
    """Importance-weighted masked band-seconds that the masker answers for, as the stems came."""
    size_after: float
    """The same in the mix."""


class PlannedScene(Document):
    """A stretch of the programme that hangs together."""

    id: str
    start: Sample
    end: Sample
    clarity_before: float | None = None
    """Mean audibility of the lines of speech that begin in it, as the stems came; None without any."""
    clarity_after: float | None = None
    """The same in the mix."""
    loudness_before_lufs: float | None = None
    """K-weighted mean level of all stems together, in stereo and ungated, before any master gain, told from features;
    None where all are silent."""
    loudness_after_lufs: float | None = None
    """The same in the mix."""


class Outcome(Document):
    """What the plan does to the whole, told from features: while lines are spoken, unless it is said otherwise."""

    lines: int
    """How many lines of speech there are."""
    lines_unclear_before: int
    """How many are under the goal of clarity, as the stems came."""
    lines_unclear_after: int
    """The same in the mix."""
    clarity_before: float
    """Mean audibility of the lines, 0 to 1, as the stems came."""
    clarity_after: float
    """The same in the mix."""
    bed_loss_db: float
    """What the bed, all stems that are no line's target, loses: K-weighted, a positive number is a loss."""
    bed_sones_lost: float
    """Share of the bed's loudness in sones, summed over critical bands."""
    damage_db: float
    """Standard deviation over bands of the bed's change in dB, mean over lines."""
    outside_db: float
    """K-weighted loss of the bed more than 0.9 s away from any line; 0 where there is no such place."""


class PlannedStem(Document):
    """The stem that the plan was made for: a plan is stale when its file, channels, place, role, fader or pan has
    changed, or it was moved to lie in line and is not to be any more."""

    id: str
    sha256: str
    frames: Sample
    """Length at the programme's rate, in samples."""
    at: Sample
    role: Role
    gain_db: float = 0.0
    """Its fader and its group's: decisions were made for the stem as it stood behind them."""
    pan: float = 0.0
    layout: LayoutName | None = None
    order: Order = "wave"
    """What the project said of the file's channels."""
    lag: int = 0
    """Samples that it was moved back by, to lie in line with its group."""
    inverted: bool = False
    """Whether it was turned the other way up for that."""


class PlannedShape(Document):
    """Times of every cut, in seconds."""

    look_ahead_s: Seconds
    hold_s: Seconds
    ramp_s: Seconds
    voice_ramp_s: Seconds = 0.1
    """Of what is done to a line itself."""


class Plan(Document):
    """Everything that is done to the stems, and why."""

    schema_: Literal["stemmix.plan/1"] = Field(alias="schema")
    title: str
    profile: ProfileName
    method: Method = "multilevel"
    sample_rate: Annotated[int, Field(gt=0)]
    frames: Sample
    """Length of the programme in samples."""
    frame_rate: FrameRate | None = None
    """Of the picture, for whoever reads times out of here."""
    start: Time | None = None
    """Of the first sample, on the picture's timecode or since midnight."""
    clarity_goal: float
    stems: tuple[PlannedStem, ...]
    shape: PlannedShape
    moves: Annotated[tuple[Move, ...], Field(max_length=MAX_MOVES)]
    scenes: tuple[PlannedScene, ...] = ()
    lines: tuple[Line, ...]
    conflicts: tuple[Conflict, ...]
    edges: tuple[Edge, ...]
    outcome: Outcome | None = None
    """None where no line is spoken."""
    notes: tuple[str, ...] = ()
    """What a person should know of the material."""

    @property
    def clock(self) -> Clock:
        """What tells times of its samples."""
        return Clock(self.sample_rate, self.frame_rate, self.start)

    def reach(self, move: Move) -> tuple[float, float]:
        """From which sample to before which a move is felt: its span with look-ahead, hold and ramps."""
        shape = self.shape
        before_s, after_s = shape.look_ahead_s + shape.ramp_s, shape.hold_s + shape.ramp_s
        if isinstance(move.action, Ride | Presence):
            before_s = after_s = shape.voice_ramp_s
        return move.start - before_s * self.sample_rate, move.end + after_s * self.sample_rate

    @model_validator(mode="after")
    def _starts_at_a_time(self) -> Self:
        if fault := broken_time(self.clock, [(self.start, ("start",))], []):
            raise broken_rule(fault[0], *fault[1])
        return self

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        for field in ("stems", "moves", "scenes", "lines", "conflicts"):
            seen: set[str] = set()
            for index, one in enumerate(getattr(self, field)):
                if one.id in seen:
                    raise broken_rule(f"id {one.id!r} is given twice", field, index, "id")
                seen.add(one.id)
        return self

    @model_validator(mode="after")
    def _moves_are_of_what_there_is(self) -> Self:
        stems, lines = [stem.id for stem in self.stems], {line.id for line in self.lines}
        for index, move in enumerate(self.moves):
            if move.stem not in stems:
                raise broken_rule(unknown(move.stem, "stem of this plan", stems), "moves", index, "stem")
            if move.line is not None and move.line not in lines:
                raise broken_rule(f"{move.line!r} is not a line of this plan", "moves", index, "line")
        return self

    @model_validator(mode="after")
    def _spans_lie_in_the_programme(self) -> Self:
        for field in ("moves", "scenes", "lines", "conflicts"):
            for index, span in enumerate(getattr(self, field)):
                if span.end <= span.start:
                    raise broken_rule(f"{span.end} must lie after 'start' ({span.start})", field, index, "end")
                if span.end > self.frames:
                    said = f"{span.end} lies after the programme's end; expected at most {self.frames}"
                    raise broken_rule(said, field, index, "end")
        return self
