"""What has to be known of a mix before it has a gain, heard while the strips run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.dialogue import SpanLoudness
from stemmix.engine.bus import Job
from stemmix.engine.gauge import Asked, Gauge
from stemmix.engine.mixer import bus_of, folded
from stemmix.engine.room_tone import RoomTone
from stemmix.model.deliverables import GROUPS, MusicAndEffects
from stemmix.model.layouts import LAYOUTS, STEREO, Layout
from stemmix.model.profiles import Role
from stemmix.model.receipt import Finding

Floats = NDArray[np.float64]


class Hearing:
    """Every master's layout for its gain; the dialogue stems by themselves; the room that an M&E would lack."""

    def __init__(self, job: Job) -> None:
        project, rate, programme = job.project, job.project.sample_rate, job.programme
        self._job = job
        self._at = 0
        self._layouts = {wanted.layout: LAYOUTS[wanted.layout] for wanted in project.masters}
        self._keys = {
            wanted.name: (wanted.layout, Asked.for_gain(project.specification(wanted))) for wanted in project.masters
        }
        # masters of one layout mostly ask for the same
        self._gauges = {
            (name, asked): Gauge(rate, self._layouts[name], programme, asked) for name, asked in self._keys.values()
        }
        self._dialogue = [number for number, stem in enumerate(project.heard) if GROUPS[stem.role] == "D"]
        self._others = [number for number in range(len(project.heard)) if number not in self._dialogue]
        spans = programme.speech_inside if self._dialogue else ()
        self._own = {layout: SpanLoudness(rate, layout.weights, spans) for layout in self._layouts.values() if spans}
        wants_m_and_e = any(isinstance(one, MusicAndEffects) for one in project.deliverables)
        # a narrator's booth is no room of the picture
        on_set = [number for number in self._dialogue if project.heard[number].role is Role.DIALOGUE]
        self._on_set = on_set if wants_m_and_e and self._others else []
        self._room_tone = RoomTone(rate, programme)

    def parts(self, stems: list[Floats], bus: Floats) -> list[Callable[[], None]]:
        """What there is to hear in (n, channels of the bus) samples of every stem, and their sum.

        In parts that share nothing, to be done side by side, each after that of the block before.
        """
        layout = self._job.layout
        mixes = {name: folded(bus, layout, its) for name, its in self._layouts.items()}
        parts = [part for (name, _), gauge in self._gauges.items() for part in gauge.parts(mixes[name])]
        inside = [self._job.programme.inside(self._at, stem) for stem in stems]
        self._at += len(bus)
        if self._own:
            parts.append(partial(self._hear_dialogue, [inside[number] for number in self._dialogue]))
        if self._on_set:
            on_set, others = ([inside[number] for number in these] for these in (self._on_set, self._others))
            parts.append(partial(self._hear_room, on_set, others))
        return parts

    def _hear_dialogue(self, stems: list[Floats]) -> None:
        spoken = bus_of(stems)
        for its, meter in self._own.items():
            meter.process(folded(spoken, self._job.layout, its))

    def _hear_room(self, on_set: list[Floats], others: list[Floats]) -> None:
        room, rest = (folded(bus_of(stems), self._job.layout, STEREO) for stems in (on_set, others))
        self._room_tone.process(room, rest)

    def of(self, master: str) -> Gauge:
        """What a master's gain is found by."""
        return self._gauges[self._keys[master]]

    def own_lufs(self, layout: Layout) -> float | None:
        """Loudness of the dialogue stems by themselves while they speak; None where they do not."""
        meter = self._own.get(layout)
        return None if meter is None else meter.read().loudness_lufs

    def hole(self, gain_db: float) -> Finding | None:
        """What is to be said of an M&E at this gain, where muting the dialogue leaves a hole."""
        return self._room_tone.finding(gain_db)
