"""What has to be known of a mix before it has a gain: heard while the strips run, or remembered of the same mix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stemmix.dsp.dialogue import SpanLoudness
from stemmix.dsp.true_peak import highest_sample
from stemmix.engine.bus import Bus, Job
from stemmix.engine.gauge import Asked, Gauge
from stemmix.engine.mixer import bus_of, folded
from stemmix.engine.readings import Readings, packed, unpacked
from stemmix.engine.room_tone import RoomTone
from stemmix.model.deliverables import GROUPS, MusicAndEffects
from stemmix.model.layouts import LAYOUTS, STEREO
from stemmix.model.profiles import Role
from stemmix.model.receipt import Finding, Measured

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HeardMix:
    """What a mix read before any gain."""

    masters: Mapping[str, Readings]
    """What every master's gain is found by, by its name."""
    own_lufs: Mapping[str, float | None]
    """By a layout's name, where dialogue speaks: loudness of its stems by themselves meanwhile; None if they are
    silent."""
    stem_peaks: Floats
    """(stems,) the highest sample of each after its strip, in any channel of the bus; of none where only masters are
    asked for."""
    room_tone: RoomTone

    def hole(self, gain_db: float) -> Finding | None:
        """What is to be said of an M&E at this gain, where muting the dialogue leaves a hole."""
        return self.room_tone.finding(gain_db)


def heard_mix(job: Job, bus: Bus) -> HeardMix:
    """What a job's mix reads: as it did when it was last made, else its bus is mixed and heard.

    Raises OutputError where that cannot be kept.
    """
    hearing = _Hearing(job)
    if job.memory is not None and (body := job.memory.read(hearing.what)) is not None:
        with suppress(ValueError, KeyError, TypeError):  # sound, and yet of another making
            return hearing.recalled(body)
    bus.mix(hearing.parts)
    if job.memory is not None:
        job.memory.write(hearing.what, hearing.told())
    return hearing.heard()


class _Hearing:
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
        self._own = {name: SpanLoudness(rate, its.weights, spans) for name, its in self._layouts.items() if spans}
        wants_m_and_e = any(isinstance(one, MusicAndEffects) for one in project.deliverables)
        # a narrator's booth is no room of the picture
        on_set = [number for number in self._dialogue if project.heard[number].role is Role.DIALOGUE]
        self._on_set = on_set if wants_m_and_e and self._others else []
        self._room_tone = RoomTone(rate, programme)
        has_parts = len(project.deliverables) > len(project.masters)
        self._peaks = np.zeros(len(project.heard) if has_parts else 0)

    @property
    def what(self) -> str:
        """What is heard, in words: of the same mix it is the same where these are."""
        return repr((self._job.layout.name, list(self._gauges), list(self._own), len(self._peaks), self._on_set))

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
        if len(self._peaks):
            parts.append(partial(self._hear_peaks, stems))
        return parts

    def _hear_dialogue(self, stems: list[Floats]) -> None:
        spoken = bus_of(stems)
        for name, meter in self._own.items():
            meter.process(folded(spoken, self._job.layout, self._layouts[name]))

    def _hear_room(self, on_set: list[Floats], others: list[Floats]) -> None:
        room, rest = (folded(bus_of(stems), self._job.layout, STEREO) for stems in (on_set, others))
        self._room_tone.process(room, rest)

    def _hear_peaks(self, stems: list[Floats]) -> None:
        for index, stem in enumerate(stems):
            self._peaks[index] = max(self._peaks[index], highest_sample(stem))

    def heard(self) -> HeardMix:
        """What was heard."""
        readings = [Readings.of(gauge) for gauge in self._gauges.values()]
        own_lufs = [meter.read().loudness_lufs for meter in self._own.values()]
        return self._heard(readings, own_lufs, self._peaks, self._room_tone)

    def told(self) -> bytes:
        """The same to be `recalled`."""
        readings = [Readings.of(gauge) for gauge in self._gauges.values()]
        said = {
            "measured": [(one.measured.model_dump_json(), one.frames) for one in readings],
            "own_lufs": [meter.read().loudness_lufs for meter in self._own.values()],
        }
        arrays = [array for one in readings for array in (one.gating_energies, one.short_term_energies)]
        return packed(said, [*arrays, self._peaks, *self._room_tone.powers])

    def recalled(self, body: bytes) -> HeardMix:
        """What was `told`; a ValueError, KeyError or TypeError where it is something else."""
        said, (*arrays, peaks, dialogue, others) = unpacked(body)
        measured = [(Measured.model_validate_json(text), frames) for text, frames in said["measured"]]
        pairs = zip(arrays[::2], arrays[1::2], strict=True)
        if len(peaks) != len(self._peaks) or len(dialogue) != len(others):
            raise ValueError("not of this mix")
        readings = [Readings(*one, *both) for one, both in zip(measured, pairs, strict=True)]
        room_tone = RoomTone(self._job.project.sample_rate, self._job.programme)
        room_tone.recall(dialogue, others)
        return self._heard(readings, said["own_lufs"], peaks, room_tone)

    def _heard(
        self, readings: Sequence[Readings], own_lufs: Sequence[float | None], peaks: Floats, room_tone: RoomTone
    ) -> HeardMix:
        """By name what stands in the order of gauges, and of layouts."""
        by_key = dict(zip(self._gauges, readings, strict=True))
        masters = {name: by_key[key] for name, key in self._keys.items()}
        return HeardMix(masters, dict(zip(self._own, own_lufs, strict=True)), peaks, room_tone)
