"""Conflicts and moves as markers that a mixer walks in a workstation: REAPER, Audacity, and edit decision lists.

Names are short, and hold what tells one marker from the next at a glance; whatever else there is to say stands in the
note, where the format has a place for it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final, Literal, NamedTuple

from stemmix.model.moves import Scene, StaticEq, Unmask
from stemmix.model.plan import Conflict, Line, Move, Plan, PlannedScene
from stemmix.model.timecode import is_drop_frame, timecode_from_frames
from stemmix.report.masking import BECAUSE_OF, bands_moved, cut_in_words, deepest_db, in_words, purpose
from stemmix.report.tables import change

Kind = Literal["conflict", "move", "line", "scene"]

KINDS: Final[dict[str, Kind]] = {"conflicts": "conflict", "moves": "move", "lines": "line", "scenes": "scene"}
"""What can be marked. Conflicts are those of lines: about others nothing is done."""

DEFAULT_FRAME_RATE: Final = "25"
"""Of an edit decision list whose plan has no picture."""

CLASSIC_EVENTS: Final = 999
"""As many as three digits number in CMX 3600."""

_TITLE_LENGTH: Final = 70
"""Of an edit decision list, in CMX 3600."""


class _Colour(NamedTuple):
    rgb: str
    resolve: str
    avid: str


_COLOURS: Final[dict[Kind, _Colour]] = {
    "conflict": _Colour("E03C31", "ResolveColorRed", "RED"),
    "move": _Colour("2E86DE", "ResolveColorBlue", "BLUE"),
    "line": _Colour("27AE60", "ResolveColorGreen", "GREEN"),
    "scene": _Colour("8E44AD", "ResolveColorPurple", "MAGENTA"),
}
"""In the order in which markers of one time stand."""

_ORDER: Final = tuple(_COLOURS)


@dataclass(frozen=True)
class Marker:
    """One place of the programme."""

    kind: Kind
    start: int
    end: int
    """In samples of the programme."""
    name: str
    note: str = ""
    band_hz: tuple[float, float] | None = None
    """Of what is there, or done, in a range of bands only."""


class Listing(NamedTuple):
    """Markers, in order of time, as a text, and what a person should know of it."""

    text: str
    notes: tuple[str, ...] = ()


def markers_of(plan: Plan, kinds: Collection[str]) -> list[Marker]:
    """The markers of a plan in order of time, of the `kinds` (keys of `KINDS`) that are asked for; of one time,
    conflicts first, and the largest of them."""
    found: list[Marker] = []
    if "conflicts" in kinds:
        found += [
            _of_conflict(one)
            for one in sorted(plan.conflicts, key=lambda one: -one.size_before)
            if one.line is not None
        ]
    if "moves" in kinds:
        found += map(_of_move, sorted(plan.moves, key=lambda one: one.start - one.end))
    if "lines" in kinds:
        found += map(_of_line, plan.lines)
    if "scenes" in kinds:
        found += map(_of_scene, plan.scenes)
    return sorted(found, key=lambda one: (one.start, _ORDER.index(one.kind)))


def _of_conflict(conflict: Conflict) -> Marker:
    band_hz = conflict.low_hz, conflict.high_hz
    return Marker(
        "conflict",
        conflict.start,
        conflict.end,
        f"{conflict.masker} hides {conflict.target} {_in_hz(*band_hz)} at {round(conflict.snr_db):+d} dB",
        f"hidden: {conflict.size_before:.3f} band-seconds as it came, {conflict.size_after:.3f} in the mix "
        f"({conflict.importance:.0%} of what matters of {conflict.target} lies there); {conflict.id}",
        band_hz,
    )


def _of_move(move: Move) -> Marker:
    made_for = purpose(move)
    name = f"{move.stem} {_done(move)} for {_PURPOSES.get(made_for, made_for)}"
    said = [in_words(move)]
    if move.evidence is not None:
        said.append(f"clarity {move.evidence.sii_before:.2f} to {move.evidence.sii_after:.2f}")
    if move.stopped_by is not None:
        said.append(f"no more because {BECAUSE_OF[move.stopped_by]}")
    if move.because:
        said.append(f"because of {', '.join(move.because)}")
    return Marker("move", move.start, move.end, name, "; ".join(said), _band_of(move))


_PURPOSES: Final = {"scene": "the scene", "pin": "a pin", "all": "the whole programme"}


def _done(move: Move) -> str:
    """What a move does, as everywhere, in as few words as can be."""
    match move.action:
        case Unmask() | Scene() as cut:
            return f"{cut_in_words(cut)} at {_in_hz(*bands_moved(deepest_db(cut)))}"
        case StaticEq(gain_db=classic_db):
            return f"seven-band equaliser, down to {change(min(classic_db))} dB"
        case _:
            return in_words(move)


def _band_of(move: Move) -> tuple[float, float] | None:
    match move.action:
        case Unmask() | Scene() as cut:
            return bands_moved(deepest_db(cut))
        case _:
            return None


def _of_line(line: Line) -> Marker:
    return Marker(
        "line",
        line.start,
        line.end,
        f"{line.id} clarity {line.clarity_before:.2f} to {line.clarity_after:.2f}",
        f"line of {line.target}; no more was done because {BECAUSE_OF[line.stopped_by]}",
    )


def _of_scene(scene: PlannedScene) -> Marker:
    name = f"scene {scene.id}"
    if scene.clarity_before is not None and scene.clarity_after is not None:
        name += f" clarity {scene.clarity_before:.2f} to {scene.clarity_after:.2f}"
    return Marker("scene", scene.start, scene.end, name)


def _in_hz(low_hz: float, high_hz: float) -> str:
    """A range of bands, short.

    >>> _in_hz(656.1, 4008.2), _in_hz(1008.0, 2800.3)
    ('656-4008 Hz', '1.0-2.8 kHz')
    """
    return f"{low_hz:.0f}-{high_hz:.0f} Hz" if low_hz < 1000 else f"{low_hz / 1000:.1f}-{high_hz / 1000:.1f} kHz"


# ----------------------------------------------------------------------------------------------------------- as texts


def reaper_listing(plan: Plan, markers: Sequence[Marker]) -> Listing:
    """The CSV of REAPER's Region/Marker Manager: conflicts are markers, places to go to; what lasts is a region.

    Times count from the programme's beginning, as H:MM:SS and microseconds: with colons, so that REAPER takes them for
    time whether its ruler shows minutes or measures. Colours are RRGGBB.
    """
    out = StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["#", "Name", "Start", "End", "Length", "Color"])
    numbers = {"M": 0, "R": 0}
    for marker in markers:
        start, end = (_microseconds(sample, plan.sample_rate) for sample in (marker.start, marker.end))
        letter = "M" if marker.kind == "conflict" else "R"
        numbers[letter] += 1
        lasting = [_hours(end), _hours(end - start)] if letter == "R" else ["", ""]
        name, colour = plain(marker.name), _COLOURS[marker.kind].rgb
        write([f"{letter}{numbers[letter]}", name, _hours(start), *lasting, colour])
    return Listing(out.getvalue())


def audacity_listing(plan: Plan, markers: Sequence[Marker]) -> Listing:
    """Audacity's label track: start, end and name; a second line has the range of frequencies of what has bands.

    Times are seconds and microseconds from the programme's beginning, frequencies hertz.
    """
    lines = []
    for marker in markers:
        start, end = (_seconds(_microseconds(sample, plan.sample_rate)) for sample in (marker.start, marker.end))
        lines.append(f"{start}\t{end}\t{plain(marker.name)}\n")
        if marker.band_hz is not None:
            low_hz, high_hz = marker.band_hz
            lines.append(f"\\\t{low_hz:.6f}\t{high_hz:.6f}\n")
    return Listing("".join(lines))


def edl_listing(plan: Plan, markers: Sequence[Marker]) -> Listing:
    """An edit decision list after CMX 3600 whose events are markers: each of one frame, on the programme's timecode.

    Below an event stands what DaVinci Resolve reads of its own (`note |C:colour |M:name |D:frames`), and a locator of
    Avid's kind for each marker (`* LOC: timecode COLOUR name`). A frame has one event, as a timeline has one marker on
    a frame: of several that begin in it one names it, a conflict if there is one, the longest says how long it is, and
    the note has all.
    Events are numbered past 999, as longer dialects of the format do.
    """
    rate = plan.frame_rate or DEFAULT_FRAME_RATE
    clock = plan.clock
    by_frame: dict[int, list[Marker]] = {}
    for marker in markers:
        by_frame.setdefault(clock.frame(marker.start, rate), []).append(marker)
    title = plain(plan.title)[:_TITLE_LENGTH].rstrip()
    lines = [f"TITLE: {title}", f"FCM: {'' if is_drop_frame(rate) else 'NON-'}DROP FRAME", ""]
    for number, (frame, here) in enumerate(by_frame.items(), 1):
        here.sort(key=lambda one: _ORDER.index(one.kind))
        first, *others = here
        name = _apart(first.name) + (f" (+{len(others)})" if others else "")
        note = "together: " + "; ".join(one.name for one in here) if others else first.note
        frames = max(1, *(clock.frame(one.end, rate) - frame for one in here))
        at, after = timecode_from_frames(frame, rate), timecode_from_frames(frame + 1, rate)
        lines += [
            f"{number:03}  001      V     C        {at} {after} {at} {after}",
            f"{_apart(note)} |C:{_COLOURS[first.kind].resolve} |M:{name} |D:{frames}",
            *(f"* LOC: {at} {_COLOURS[one.kind].avid:7} {_apart(one.name)}" for one in here),
            "",
        ]
    notes = []
    if plan.frame_rate is None:
        begins = timecode_from_frames(clock.frame(0, rate), rate)
        notes.append(f"the project has no frame_rate: timecode is counted at {rate} frames a second from {begins}")
    if len(by_frame) > CLASSIC_EVENTS:
        notes.append(
            f"the list has {len(by_frame)} events, and CMX 3600 numbers {CLASSIC_EVENTS}: those after them have longer "
            "numbers, which some readers do not take; --of and --stem make it shorter"
        )
    return Listing("\n".join([*lines, ""]), tuple(notes))


LISTINGS: Final[dict[str, Callable[[Plan, Sequence[Marker]], Listing]]] = {
    "reaper": reaper_listing,
    "audacity": audacity_listing,
    "edl": edl_listing,
}
"""By the name of the format."""


def plain(text: str) -> str:
    """A text in one line that holds nothing but signs and single spaces.

    >>> plain("Harbour,\\n\\treel 3")
    'Harbour, reel 3'
    """
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _apart(text: str) -> str:
    """Without what parts the fields of a marker from each other."""
    return plain(text).replace("|", "/")


def _microseconds(sample: int, rate_hz: int) -> int:
    """The nearest one, in whole numbers; a half goes up."""
    return (2_000_000 * sample + rate_hz) // (2 * rate_hz)


def _seconds(microseconds: int) -> str:
    """
    >>> _seconds(83_500_001)
    '83.500001'
    """
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06}"


def _hours(microseconds: int) -> str:
    """
    >>> _hours(3_683_500_001)
    '1:01:23.500001'
    """
    minutes, rest = divmod(microseconds, 60_000_000)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 1_000_000:02}.{rest % 1_000_000:06}"
