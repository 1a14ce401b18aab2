"""What `stemmix report --json` prints: all of a report, for programs. Times are seconds of the programme.

Fields are added, never given another meaning: who reads it is to pass over what he does not know.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from stemmix.model.document import Document, item
from stemmix.model.moves import Action
from stemmix.model.plan import Edge, Evidence, Outcome, StoppedBy
from stemmix.model.profiles import Role
from stemmix.model.timecode import FrameRate, Time

REPORT_SCHEMA: Final = "stemmix.report/1"


class ReportedChoice(Document):
    """What of the programme the report is about."""

    start_s: float
    """Where the span begins, in seconds of the programme."""
    end_s: float
    """Where it ends."""
    start_time: str
    """Where the span begins, for people: the picture's timecode, or H:MM:SS.s where frames are not known."""
    end_time: str
    """Where it ends, for people."""
    scene: str | None
    """Id of the scene that was asked for, if one was."""
    stem: str | None
    """Id of the stem that was asked for, if one was: of pairs and conflicts those in which it hides or is hidden, of
    moves its own and those made because of these conflicts, of lines its own and those that any of them is about."""


class ReportedStem(Document):
    """A stem of the project and what is heard in it; of all of it, where nothing else is said."""

    id: str
    """As the project gives it."""
    role: Role
    """What it is for; decides who gives way to whom."""
    file: str
    """As the project gives it."""
    priority: int
    """It is only ever cut for a stem of higher priority."""
    gain_db: float
    """Its fader and its group's; loudness and peaks are those before it."""
    start_s: float
    """Where it begins, in seconds of the programme."""
    length_s: float
    """How long it is, in seconds."""
    layout: str
    """Of its file: 1.0, 2.0, 5.1 ..."""
    source_rate: int
    """Sample rate of its file, in Hz."""
    integrated_lufs: float | None
    """ITU-R BS.1770-5 integrated loudness of the stereo fold, both gates."""
    short_term_max_lufs: float | None
    """Its highest short-term loudness."""
    momentary_max_lufs: float | None
    """Its highest momentary loudness."""
    lra_lu: float | None
    """Its loudness range, EBU Tech 3342."""
    true_peak_dbtp: float | None
    """The highest peak between samples; of a layout over stereo, that of its fold."""
    sample_peak_dbfs: float | None
    """The highest sample, of the same."""
    reasons: dict[str, str]
    """Why a reading is null, by its name."""
    noise_floor_db: float
    """Level that the quietest tenth of the audible frames stays under, in dBFS."""
    active_s: float
    """How long it has something to be heard in the span that is looked at, in seconds."""
    active_share: float
    """The same as a share of the span, 0 to 1."""
    onsets: int
    """How many sudden rises of energy it has in the span."""


class ReportedScene(Document):
    """A stretch of the programme that hangs together."""

    id: str
    """What `--scene` takes."""
    start_s: float
    """Where it begins, in seconds of the programme."""
    end_s: float
    """Where it ends."""
    start_time: str
    """Where it begins, for people: the picture's timecode, or H:MM:SS.s where frames are not known."""
    end_time: str
    """Where it ends, for people."""
    lines: int
    """How many of the lines that are listed begin in it."""
    clarity_before: float | None
    """Mean audibility of all lines of speech that begin in it, 0 to 1, as the stems came."""
    clarity_after: float | None
    """The same in the mix."""
    loudness_before_lufs: float | None
    """K-weighted mean level of all stems together, in stereo, ungated, before any master gain; told from features."""
    loudness_after_lufs: float | None
    """The same in the mix."""
    reasons: dict[str, str]
    """Why a figure is null, by its name."""


@item
class Bought:
    """What all moves together make of the line that a conflict hides."""

    snr_before_db: float
    """Level of the line over all that hides it, weighted with importance, each band within +-15 dB, as it came."""
    snr_after_db: float
    """The same in the mix."""
    sii_before: float
    """Audibility index of the line, 0 to 1, as the stems came."""
    sii_after: float
    """The same in the mix."""


@item
class ReportedConflict:
    """A masker hides a target in a range of bands over a range of time."""

    id: str
    """Of the line, the masker and the bands in Hz."""
    target: str
    """Id of the stem that is hidden."""
    masker: str
    """Id of the stem that hides it."""
    line: str | None
    """Id of the line that is hidden; null where nothing is done for the target, which is no stem to be heard first."""
    scene: str | None
    """Id of the scene that it begins in; null where that is not listed."""
    start_s: float
    """Where it begins, in seconds of the programme."""
    end_s: float
    """Where it ends."""
    start_time: str
    """Where it begins, for people: the picture's timecode, or H:MM:SS.s where frames are not known."""
    end_time: str
    """Where it ends, for people."""
    low_hz: float
    """Lower edge of the bands that are hidden."""
    high_hz: float
    """Their upper edge."""
    importance: float
    """How much of all that matters of the target lies in these bands, 0 to 1."""
    snr_db: float
    """Mean level of the target over the spread level of all maskers, weighted with importance, where it is masked."""
    size_before: float
    """Importance-weighted masked band-seconds that this masker answers for, as the stems came: 1 is a second in which
    all that matters is hidden."""
    size_after: float
    """The same in the mix."""
    moves: tuple[str, ...]
    """Ids of the moves that are made because of it, and of those that are made to its masker while it stands, whatever
    for: another line, a scene, a pin, the whole programme."""
    bought: Bought | None
    """What becomes of its line; null where it has none."""


@item
class ReportedLine:
    """A stretch of speech, or of what else is to be heard first, and what became of it."""

    id: str
    """Of the stem that begins it, and when."""
    target: str
    """Id of the stem that most of it comes from."""
    start_s: float
    """Where it begins, in seconds of the programme."""
    end_s: float
    """Where it ends."""
    start_time: str
    """Where it begins, for people: the picture's timecode, or H:MM:SS.s where frames are not known."""
    end_time: str
    """Where it ends, for people."""
    scene: str | None
    """Id of the scene that it begins in; null where that is not listed."""
    clarity_before: float
    """Audibility index from 0 to 1, as the stems came."""
    clarity_after: float
    """The same in the mix."""
    snr_before_db: float
    """Level of the line over the maskers, weighted with importance, each band within +-15 dB, as the stems came."""
    snr_after_db: float
    """The same in the mix."""
    stopped_by: StoppedBy
    """Why no more was done."""


@item
class ReportedMove:
    """One thing that is done to one stem over one span."""

    id: str
    """Of what it is made for, the stem, and the kind."""
    stem: str
    """Id of the stem that it is done to."""
    line: str | None
    """Id of the line that it is made for; null for a move of a scene, of a pin, or of the whole programme."""
    purpose: Literal["line", "scene", "pin", "programme"]
    """Which of these it is."""
    start_s: float
    """Where it begins, in seconds of the programme; look-ahead, hold and ramps lie outside."""
    end_s: float
    """Where it ends."""
    start_time: str
    """Where it begins, for people: the picture's timecode, or H:MM:SS.s where frames are not known."""
    end_time: str
    """Where it ends, for people."""
    action: Action
    """What is done, with every gain; bands are those between `band_edges_hz`."""
    what: str
    """The same in a few words."""
    low_hz: float
    """Lower edge of the bands that are moved at least half as far as the one that is moved furthest."""
    high_hz: float
    """Their upper edge."""
    furthest_db: float
    """The gain that is furthest from 0, of all bands, of middle and sides."""
    because: tuple[str, ...]
    """Ids of the conflicts that caused it, of those in the span; of a move over the whole programme or of a pin only
    the largest."""
    evidence: Evidence | None
    """What it bought; null where it reaches no line, as a pin's may."""
    stopped_by: StoppedBy | None
    """What kept it from going further; null where nothing is known to have."""


class Report(Document):
    """Who masks whom, what is done about it, and what it buys: all that `stemmix report` shows."""

    schema_: Literal["stemmix.report/1"] = Field(alias="schema")
    """What this document is."""
    title: str
    """Of the programme."""
    profile: str
    """What kind of programme it is."""
    method: str
    """How it is mixed."""
    sample_rate: int
    """Of the programme, in Hz."""
    frame_rate: FrameRate | None
    """Of the picture; null where the project gives none."""
    start: Time | None
    """Of the first sample, on the picture's timecode or since midnight; null where the project gives none."""
    duration_s: float
    """Length of the whole programme, in seconds."""
    clarity_goal: float
    """Audibility index that every line is to have."""
    band_edges_hz: tuple[float, ...]
    """37 edges of the 36 bands that moves have gains for."""
    chosen: ReportedChoice | None
    """What of the programme this report is about; null: all of it."""
    stems: tuple[ReportedStem, ...]
    """Every stem that is heard, in the project's order."""
    outcome: Outcome | None
    """What is done to all stems, over the span that is looked at; null with a reason where no line is spoken there."""
    pairs: tuple[Edge, ...]
    """How much of each stem each other one hides, over the span that is looked at; targets that are to be heard first,
    then the largest, first."""
    scenes: tuple[ReportedScene, ...]
    """Those that touch the span, in time."""
    conflicts: tuple[ReportedConflict, ...]
    """Those that touch the span, each whole: of lines before others, the largest first; the first `--top` of them."""
    conflicts_in_all: int
    """How many there are, `--top` or not."""
    lines: tuple[ReportedLine, ...]
    """Those that touch the span, in time."""
    moves: tuple[ReportedMove, ...]
    """Those that touch the span, in time; what stands longer first."""
    notes: tuple[str, ...]
    """What a person should know of the decisions."""
    warnings: tuple[str, ...]
    """What a person should know of the files."""
    reasons: dict[str, str]
    """Why a field of this object is null, by its name."""
