"""What is to be said of requests that hold other than their writer may think, or do not hold at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from stemmix.bands import BAND_COUNT
from stemmix.model.encodings import CODINGS
from stemmix.model.moves import gains_of
from stemmix.model.project import Project
from stemmix.model.requests import Pin, Stretch
from stemmix.model.timecode import Time, as_typed
from stemmix.planning.lines import Goal, sounds
from stemmix.planning.passages import HeardStem
from stemmix.planning.pins import Pins, bands_of, forbidden
from stemmix.planning.rules import Rules

_LONG_TAIL_S = 60.0
"""Black and a tail may follow the last sound, not as much again and a minute."""


def notes_of_requests(
    project: Project, rules: Rules, stems: Sequence[HeardStem], goals: Sequence[Goal], hop: int, frames: int
) -> list[str]:
    """Of solos and mutes, then masters, pins, cues, scenes and the action's end, in this order, each by its id or its
    number in the file.

    `frames` are the programme's samples, a goal counts in steps of `hop` samples.
    """
    asked = _Asked(project, rules, stems, goals, hop, frames)
    return [
        *_of_unheard(project),
        *_of_masters(project),
        *asked.of_pins(),
        *asked.of_cues(),
        *asked.of_scenes(),
        *asked.of_action(),
    ]


def _of_unheard(project: Project) -> Iterator[str]:
    """Solo and mute are for listening: left in a project by mistake, they take stems out of a delivery."""
    silenced = {group.id for group in project.groups if group.mute}
    alone = [group.id for group in project.groups if group.solo] + [stem.id for stem in project.stems if stem.solo]
    muted = [stem.id for stem in project.stems if stem.mute or stem.group in silenced]
    left_out = [stem.id for stem in project.stems if stem not in project.heard and stem.id not in muted]
    if alone and left_out:
        yield f"{_are(alone)} soloed: {_are(left_out)} left out"
    if muted:
        yield f"{_are(muted)} muted: neither heard, printed nor checked"


def _of_masters(project: Project) -> Iterator[str]:
    """Those that will miss their specification whatever is heard: better known before an hour's render."""
    for master in project.masters:
        if (wanted := project.specification(master).container) is not None:
            bits = CODINGS[master.format].stored_bits
            for _, is_met, text in wanted.answers(master.layout, project.sample_rate, bits):
                if not is_met:
                    misses = "may miss" if wanted.confidence == "low" else "will miss"
                    yield f"{master.name} {misses} its specification, {master.preset or project.profile}: {text}"


def _are(ids: Sequence[str]) -> str:
    return f"{', '.join(ids)} {'is' if len(ids) == 1 else 'are'}"


class _Asked:
    """The requests, and what they are held against."""

    def __init__(
        self,
        project: Project,
        rules: Rules,
        stems: Sequence[HeardStem],
        goals: Sequence[Goal],
        hop: int,
        frames: int,
    ) -> None:
        self._project, self._rules, self._goals, self._hop, self._frames = project, rules, goals, hop, frames
        self._heard = {stem.id: stem for stem in stems}
        self._pins = Pins(project, frames)
        self._numbers = {id(pin): pin.id or number for number, pin in enumerate(project.pins, 1)}
        self._end = f"the programme ends at {frames / project.sample_rate:.1f} s"

    def of_pins(self) -> Iterator[str]:
        for number, pin in enumerate(self._project.pins, 1):
            name = f"pin {pin.id or number} ({pin.stem}, {pin.told})"
            if idle := self._idle(pin.stem, pin):
                yield f"{name} has no effect: {idle}"
                continue
            stem = self._heard[pin.stem]
            if pin.source is not None and not stem.sha256.startswith(pin.source):
                yield f"{name} is stale: the file of {pin.stem} has changed since the pin was set; the pin still holds"
            if idle := self._changes_nothing(pin, stem):
                yield f"{name} {idle}"
            if pin.priority is not None and pin.priority < stem.priority and not self._lowers(pin, stem):
                yield f"{name} lowers {pin.stem} to no effect: {self._why_not_lowered(pin)}"
            if self._project.method == "frequency" and (said := self._of_a_curve(pin, stem)):
                yield f"{name} {said}: one curve holds for the whole programme"
            for held in self._rules.held_into(pin) if pin.keep or pin.max_cut_db is not None else ():
                if said := _breaks(held, pin):
                    yield f"{name} {said}: pin {self._numbers[id(held)]} reaches into it, and is applied as it stands"

    def of_cues(self) -> Iterator[str]:
        """Those of stems that are heard, but not cleared, neither by the profile nor a pin, are not used."""
        cleared = self._project.defaults.targets
        for number, cue in enumerate(self._project.cues, 1):
            name = f"cue {number} ({cue.stem}, {cue.told})"
            if idle := self._idle(cue.stem, cue):
                yield f"{name} gives no line: {idle}"
            elif not self._sounds(cue.stem, cue):
                yield f"{name} gives no line: nothing of {cue.stem} is heard there"
            elif self._heard[cue.stem].role not in cleared and not self._raised(cue.stem, cue):
                yield (
                    f"{name} is of a stem that the profile does not clear: it is not used; raise the stem with a pin"
                )

    def of_scenes(self) -> Iterator[str]:
        for number, scene in enumerate(self._project.scenes, 1):
            if self._begins(scene.start) >= self._frames:
                yield f"scene {number} ({scene.id}, from {as_typed(scene.start)}) never begins: {self._end}"

    def of_action(self) -> Iterator[str]:
        project = self._project
        ends_s = max(stem.at + stem.facts.frames for stem in self._heard.values()) / project.sample_rate
        length_s = 0.0 if project.length is None else project.clock.length(project.length) / project.sample_rate
        if project.length is not None and length_s > 2 * ends_s + _LONG_TAIL_S:
            yield (
                f"the last stem ends at {as_typed(round(ends_s, 1))}, the programme at {as_typed(round(length_s, 1))}: "
                f"length ({as_typed(project.length)}) counts from the programme's beginning"
            )
        lfoa = self._project.lfoa
        if lfoa is not None and self._begins(lfoa) > self._frames:
            yield f"lfoa ({as_typed(lfoa)}) cuts nothing off: {self._end}"

    def _idle(self, stem: str, stretch: Stretch) -> str:
        """Why nothing can come of what is asked of a stretch of a stem; empty where something can."""
        if stem not in self._heard:
            return f"{stem} {self._project.why_unheard(stem)}"
        return self._end if self._begins(stretch.start) >= self._frames else ""

    def _sounds(self, stem: str, stretch: Stretch) -> bool:
        end = min(self._begins(stretch.end), self._frames)
        return sounds(self._heard[stem], self._begins(stretch.start) // self._hop, -(-end // self._hop))

    def _begins(self, time: Time) -> int:
        return self._project.clock.position(time)

    def _raised(self, stem: str, stretch: Stretch) -> bool:
        """Whether the stem has a line in the stretch after all."""
        start, end = self._begins(stretch.start), self._begins(stretch.end)
        return any(
            goal.start * self._hop < end and goal.end * self._hop > start
            for goal in self._goals
            if any(target.id == stem for target in goal.targets)
        )

    def _changes_nothing(self, pin: Pin, stem: HeardStem) -> str:
        """How a pin asks for what is so without it, or brings nothing out; empty where it does not, and where there is
        no line at all, which is said of the whole."""
        if not self._goals:
            return ""
        if pin.priority == stem.priority:
            return f"changes nothing: {pin.priority} is the priority of {pin.stem} anyway"
        if pin.forbid:
            speaks = any(goal.is_speech and stem in goal.targets for goal in self._goals)
            if not self._rules.kinds_made(pin.stem, speaks=speaks) & set(pin.forbid):
                return f"forbids nothing: no {' or '.join(pin.forbid)} is ever made in {pin.stem}"
        raises = pin.priority is not None and pin.priority > stem.priority
        if raises and self._project.method == "multilevel" and not self._raised(pin.stem, pin):
            if self._sounds(pin.stem, pin) and any(cue.stem == pin.stem for cue in self._project.cues):
                return f"clears nothing: the cues of {pin.stem} lie elsewhere"
            return f"clears nothing: nothing of {pin.stem} is heard there"
        return ""

    def _lowers(self, pin: Pin, stem: HeardStem) -> bool:
        """Whether there is a line that is lowered, or that the stem gives way to."""
        spans = (goal for goal in self._goals if stem in goal.targets or self._project.method != "frequency")
        return any(self._pins.covers(pin, goal.start * self._hop, goal.end * self._hop) for goal in spans)

    def _why_not_lowered(self, pin: Pin) -> str:
        if any(self._pins.covers(pin, goal.start * self._hop, goal.end * self._hop) for goal in self._goals):
            return "one curve holds for the whole programme, whatever the span"
        return "it covers no line from end to end"

    def _of_a_curve(self, pin: Pin, stem: HeardStem) -> str:
        """What the pin does to the stem's curve, which knows no spans."""
        if "unmask" in forbidden(pin):
            return f"leaves {pin.stem} without any curve"
        bands = "" if len(bands_of(pin)) == BAND_COUNT else " in its bands"
        if pin.max_cut_db is not None:
            return f"limits the curve of {pin.stem}{bands} from beginning to end"
        if pin.priority is not None and pin.priority > stem.priority:
            return f"keeps {pin.stem}{bands} from being cut for what ranks below {pin.priority}, but does not clear it"
        return ""


def _breaks(held: Pin, pin: Pin) -> str:
    """How the action that one pin holds goes against a `keep` or `max_cut_db`; empty where it does not."""
    assert held.action is not None
    gains_db = np.array(gains_of(held.action)).reshape(2, BAND_COUNT)
    if pin.max_cut_db is None:
        return f"does not keep {pin.stem} as it came" if gains_db.any() else ""
    deepest = -float(gains_db[:, bands_of(pin)].min())
    return f"does not limit the cut of {pin.stem} to {pin.max_cut_db:g} dB" if deepest > pin.max_cut_db else ""
