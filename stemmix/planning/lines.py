"""What is to be heard, and when: the lines of every target, and the scenes they stand in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stemmix.bands import BAND_COUNT
from stemmix.dsp.running import running_mean
from stemmix.dsp.spectrum import HOPS_PER_SECOND
from stemmix.model.features import AHEAD
from stemmix.model.plan import PlannedScene
from stemmix.model.profiles import HITS, SPEECH, TALK, Role
from stemmix.model.project import UNTOLD_SCENE, Project
from stemmix.planning.ids import begin, distinct, joined
from stemmix.planning.passages import ALL_BANDS, HeardStem
from stemmix.planning.pins import Pins, bands_of
from stemmix.units import samples_from_seconds

SCENE_PAUSE_S = 5.0
"""A longer pause of the dialogue parts two scenes, where none are given."""

LONGEST_S = 12.0
"""A longer run of a target that is no dialogue is decided in pieces."""

LONGEST_SPEECH_S = 6.0
"""The same of dialogue, which over room tone may run on for a minute: a mean over so much would hide a lost phrase."""

HIT_DB = 6.0
"""Onsets that are weaker are no hits."""
HIT_S = 0.2
"""An effect may be shorter than any speech: so long from its onset it is there to be heard."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A line: targets that are to be heard as one, over a span, against everything of lower priority."""

    id: str
    """Of the target that begins it, and when: `DX-0083.5`; of what a pin raised `FX-0083.5-raised`."""
    targets: tuple[HeardStem, ...]
    voices: tuple[HeardStem, ...]
    """Of them, those that have something to be heard in it: of two actors' stems mostly one."""
    priority: int
    start: int
    end: int
    """Programme frames."""
    own_priority: int
    """Without the pins that lower it."""
    bands: frozenset[int]
    """Those that are to be heard."""
    raised: bool = False
    """Whether a pin made it a line."""

    @property
    def is_speech(self) -> bool:
        """Whether the bands of speech matter, or all that the target fills."""
        return all(stem.role in SPEECH for stem in self.targets)

    @property
    def in_time(self) -> tuple[int, int, int, str, bool]:
        """Lines sorted by this stand in order of time."""
        return self.start, self.end, -self.priority, self.targets[0].id, self.raised


SILENT_POWER = 1e-9
"""-90 dBFS, of all bands together: what a cue over it gives is no line, for nothing is there to be heard."""

PAUSE_S = 0.3
"""A longer pause in a stretch that is given parts two lines: in the mean of both no phrase could be lost, or clear."""
PAUSE_DB = 25.0
"""Below the stretch's own loud frames."""
FLOOR_DB, FLOOR_S = 4.0, 7.5
"""So far over the faintest of what is around is the room."""


def goals_of(project: Project, stems: Sequence[HeardStem], hop: int, frames: int) -> list[Goal]:
    """Every line that is to be cleared, highest priority first, then in the profile's order, then in time.

    The profile names the roles that are cleared; a pin that raises a stem over its role makes its span a line too, in
    the bands that it names. One that lowers a target over all of a line lowers the line, or takes bands out of it.
    """
    pins = Pins(project, frames)
    found: list[tuple[int, Goal]] = []
    for order, role in enumerate(project.defaults.targets):
        targets = tuple(stem for stem in stems if stem.role is role)
        if not targets:
            continue
        own = max(stem.priority for stem in targets)
        longest = _longest(role, project.sample_rate, hop)
        heard = {stem.id: spans_of(project, (stem,), hop, frames) for stem in targets}
        for start, end in spans_of(project, targets, hop, frames, longest):
            ranks = _ranks(pins, targets, own, start * hop, end * hop)
            for priority, (together, bands) in ranks.items():
                if len(ranks) == 1 or any(_is_heard(heard[stem.id], start, end) for stem in together):
                    name = joined(_first_of(together, heard, start, end), begin(start * hop, project.sample_rate))
                    voices = tuple(stem for stem in together if _is_heard(heard[stem.id], start, end)) or together
                    found.append((order, Goal(name, together, voices, priority, start, end, own, bands)))
    found += [(-1, goal) for goal in _raised(project, stems, hop, frames)]
    found.sort(key=lambda one: (-one[1].priority, one[0], [stem.id for stem in one[1].targets], one[1].in_time))
    ids = distinct([(goal.id, (goal.in_time, sorted(goal.bands))) for _, goal in found])
    return [replace(goal, id=id_) for (_, goal), id_ in zip(found, ids, strict=True)]


def _is_heard(spans: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Whether any of the spans, in order, reaches into one."""
    following = bisect_right(spans, start, key=lambda span: span[1])
    return following < len(spans) and spans[following][0] < end


def _first_of(
    together: Sequence[HeardStem], heard: Mapping[str, Sequence[tuple[int, int]]], start: int, end: int
) -> str:
    """Who is heard first in a span of frames; of those who begin at once, the first by name."""

    def first(stem: str) -> int:
        spans = heard[stem]
        following = bisect_right(spans, start, key=lambda span: span[1])
        return max(spans[following][0], start) if following < len(spans) else end

    return min((first(stem.id), stem.id) for stem in together)[1]


def _ranks(
    pins: Pins, targets: Sequence[HeardStem], own: int, start: int, end: int
) -> dict[int, tuple[tuple[HeardStem, ...], frozenset[int]]]:
    """What pins make of a line: its targets by the priority that is left of its own, and the bands to be heard."""
    ranks: dict[int, tuple[tuple[HeardStem, ...], frozenset[int]]] = {}
    for stem in targets:
        priority, bands = own, ALL_BANDS
        for lowered, meant in pins.lowering(stem.id, stem.priority, start, end):
            if len(meant) == BAND_COUNT:
                priority = min(priority, lowered)
            else:
                bands -= frozenset(meant)
        together, among = ranks.get(priority, ((), ALL_BANDS))
        # mostly all of them: one set for thousands of lines
        ranks[priority] = ((*together, stem), among if bands >= among else among & bands)
    return ranks


def _raised(project: Project, stems: Sequence[HeardStem], hop: int, frames: int) -> list[Goal]:
    """The lines that pins make of stems; several of one span and priority are one line of all their bands.

    None where the stem has nothing to be heard: no cut would bring it out. Its pauses are none either.
    """
    by_id = {stem.id: stem for stem in stems}
    bands: dict[tuple[str, int, int, int], frozenset[int]] = {}
    for pin in project.pins:
        stem = by_id.get(pin.stem)
        if pin.priority is None or stem is None or pin.priority <= stem.priority:
            continue
        start, end = (project.clock.position(time) for time in (pin.start, pin.end))
        longest = _longest(stem.role, project.sample_rate, hop)
        heard = spans_of(project, (stem,), hop, frames)
        phrases = _phrases(stem, start // hop, -(-min(end, frames) // hop), hop)
        for piece in (piece for phrase in phrases for piece in _pieces(phrase, longest)):
            if not any(first < piece[1] and last > piece[0] for first, last in heard):
                continue
            key = (pin.stem, pin.priority, *piece)
            bands[key] = bands.get(key, frozenset()) | frozenset(bands_of(pin))
    return [
        Goal(
            joined(stem, begin(start * hop, project.sample_rate), "raised"),
            (by_id[stem],),
            (by_id[stem],),
            priority,
            start,
            end,
            priority,
            inside,
            raised=True,
        )
        for (stem, priority, start, end), inside in bands.items()
    ]


def spans_of(
    project: Project, targets: Sequence[HeardStem], hop: int, frames: int, longest: int | None = None
) -> list[tuple[int, int]]:
    """Lines of all targets together, as programme frames (first, after the last); where they overlap they are one.

    A stem's cues stand for what would be found in it, if any lies in the programme; one over its silence is none, and
    one with pauses is as many lines as it has phrases. Runs longer than `longest` frames are cut into equal pieces.
    """
    rate, clock = project.sample_rate, project.clock
    given: dict[str, list[tuple[int, int]]] = {}
    for cue in project.cues:
        span = (clock.position(cue.start), clock.position(cue.end))
        if span[0] < frames:
            given.setdefault(cue.stem, []).append(span)
    spans = sorted(
        span
        for stem in targets
        for start, end in given.get(stem.id, _heard_in(stem, rate))
        if start < frames
        for whole in [(start // hop, -(-min(end, frames) // hop))]
        for span in (_phrases(stem, *whole, hop) if stem.id in given else [whole])
    )
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif end > start:
            merged.append((start, end))
    return [piece for span in merged for piece in _pieces(span, longest)]


def sounds(stem: HeardStem, start: int, end: int) -> bool:
    """Whether a stem has anything to be heard in programme frames from `start` to before `end`."""
    return end > start and float(_power(stem, start, end).max()) > SILENT_POWER


def _power(stem: HeardStem, start: int, end: int) -> NDArray[np.float64]:
    """(end - start,) power of all bands together; in stretches, for a cue or a pin may be as long as the programme."""
    stretches = ((at, min(at + AHEAD, end)) for at in range(start, end, AHEAD))
    return np.concatenate([stem.frames.power("total", *stretch).sum(axis=-1) for stretch in stretches])


def _phrases(stem: HeardStem, start: int, end: int, hop: int) -> list[tuple[int, int]]:
    """What of a stretch of programme frames that is given has something to be heard in it; empty over silence.

    A pause is what was not found to sound, and is far below the stretch's loud frames, or no louder than the room.
    """
    if not sounds(stem, start, end):
        return []
    margin = round(FLOOR_S * HOPS_PER_SECOND)
    low, high = max(start - margin, 0), end + margin
    around = running_mean(_power(stem, low, high), HOPS_PER_SECOND // 5, "edge")
    power = around[start - low : end - low]
    faint = power < np.percentile(power, 95) * 10.0 ** (-PAUSE_DB / 10.0)
    audible = around[around > SILENT_POWER]  # none where a click is all there is
    room = power < (np.percentile(audible, 2) if len(audible) else 0.0) * 10.0 ** (FLOOR_DB / 10.0)
    found = np.zeros(end - start, bool)
    for run in stem.facts.heard_as(stem.role):
        found[max((stem.at + run.start) // hop - start, 0) : max(-(-(stem.at + run.end) // hop) - start, 0)] = True
    heard = np.flatnonzero(found | ~(faint | room))
    if not len(heard):  # a sound that never changes is its own room
        heard = np.flatnonzero(~faint)
    pauses = np.flatnonzero(np.diff(heard) > round(PAUSE_S * HOPS_PER_SECOND))
    firsts, lasts = heard[np.r_[0, pauses + 1]], heard[np.r_[pauses, len(heard) - 1]]
    return [(start + first, start + last + 1) for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)]


def _heard_in(stem: HeardStem, rate_hz: int) -> list[tuple[int, int]]:
    """Where a stem sounds, in samples of the programme; of effects, hits that are shorter than any speech too."""
    runs = [(stem.at + run.start, stem.at + run.end) for run in stem.facts.heard_as(stem.role)]
    if stem.role not in HITS:
        return runs
    last = stem.at + stem.facts.frames
    hits = [stem.at + onset.at for onset in stem.facts.onsets if onset.strength_db >= HIT_DB]
    return runs + [(hit, min(hit + samples_from_seconds(HIT_S, rate_hz), last)) for hit in hits]


def _longest(role: Role, rate_hz: int, hop: int) -> int:
    """Of a line, in frames."""
    return round((LONGEST_SPEECH_S if role in TALK else LONGEST_S) * rate_hz / hop)


def _pieces(span: tuple[int, int], longest: int | None) -> list[tuple[int, int]]:
    """A span of frames in equal pieces, none longer than `longest`; none at all of an empty one."""
    start, length = span[0], span[1] - span[0]
    count = max(-(-length // longest) if longest else 1, 1)
    return list(pairwise(start + length * i // count for i in range(count + 1))) if length > 0 else []


def scenes_of(project: Project, goals: Sequence[Goal], hop: int, frames: int) -> tuple[PlannedScene, ...]:
    """The scenes that are given; else those that long pauses between lines part, each beginning midway in the pause."""
    if project.scenes:
        starts = sorted((project.clock.position(cue.start), cue.id) for cue in project.scenes)
        if starts[0][0] > 0:
            starts.insert(0, (0, UNTOLD_SCENE))
        named = [(min(start, frames), name) for start, name in starts]
    else:
        pause = round(SCENE_PAUSE_S * project.sample_rate / hop)
        spans = sorted((goal.start, goal.end) for goal in goals)
        cuts = [0]
        reached = spans[0][1] if spans else 0
        for start, end in spans[1:]:
            if start - reached >= pause:
                cuts.append((start + reached) // 2 * hop)
            reached = max(reached, end)
        # their begins are seconds apart, and lie between lines: a whole second tells them apart and stays
        named = [(cut, joined("S", begin(cut, project.sample_rate, decimals=0))) for cut in cuts]
    ends = [start for start, _ in named[1:]] + [frames]
    return tuple(
        PlannedScene(id=name, start=start, end=end)
        for (start, name), end in zip(named, ends, strict=True)
        if end > start
    )
