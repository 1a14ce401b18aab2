"""Excerpts to listen to: places of the programme as the stems came, and as they are mixed.

Both go through the strips of a render, once without moves, are added and folded to stereo, and stand at one gain: the
difference that is heard is the difference that was made. Files are read, and stems cut, only around the places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stemmix.crew import Crew
from stemmix.dsp.true_peak import highest_between, highest_sample
from stemmix.engine.mixer import bus_of, folded, mixed_passages
from stemmix.files.encoded import to_listen
from stemmix.files.stems import RateConverter
from stemmix.files.timeline import Ramp
from stemmix.listening import THREADS
from stemmix.model.encodings import CODINGS
from stemmix.model.excerpts import Excerpt, Place
from stemmix.model.layouts import STEREO
from stemmix.model.plan import Plan
from stemmix.model.project import Project
from stemmix.sources import Source
from stemmix.stopping import Pool
from stemmix.units import db_from_gain, gain_from_db, samples_from_seconds

Floats = NDArray[np.float64]

FADE_S: Final = 0.015
"""At both ends, so that nothing clicks."""
CEILING_DBTP: Final = -1.0
"""What is decoded may peak higher than what was encoded, and players clip it."""


def excerpts_of(
    project: Project,
    plan: Plan,
    sources: Sequence[Source],
    places: Sequence[Place],
    gain_db: float,
    *,
    threads: int = THREADS,
    told: Callable[[int], None] | None = None,
) -> list[Excerpt]:
    """The places as they came and as they are mixed, encoded; in their order. No two places may overlap.

    `sources` are in line, as the plan was made for them. `gain_db` is that of the master. `told` hears how many more
    samples of the programme are done. StemError where a file cannot be read.
    """
    order = sorted(range(len(places)), key=lambda number: places[number].start)
    spans = [(places[number].start, places[number].end) for number in order]
    coming: dict[int, Future[Excerpt]] = {}

    def made(place: Place, heard: tuple[Floats, Floats]) -> Excerpt:
        excerpt = _encoded(place, heard, gain_db, project.sample_rate)
        if told is not None:
            told(place.end - place.start)
        return excerpt

    with Pool(threads, "encode") as pool:
        for at, heard in enumerate(mixed_at(project, plan, sources, spans, threads)):
            if at > threads:  # no more wait to be encoded than there are threads
                coming[order[at - threads - 1]].result()
            coming[order[at]] = pool.submit(made, places[order[at]], heard)
        return [coming[number].result() for number in range(len(places))]


def mixed_at(
    project: Project, plan: Plan, sources: Sequence[Source], spans: Sequence[tuple[int, int]], threads: int = THREADS
) -> Iterator[tuple[Floats, Floats]]:
    """Of spans [first, after) in order of time: (n, 2) as the stems came and as they are mixed, before any gain.

    The second is to the bit what a render has there; of stems from another rate to 180 dB under full scale.
    """
    every = frozenset(move.id for move in plan.moves)
    stems = [source.mixed(plan, project.layout, without) for without in (every, frozenset()) for source in sources]
    with Crew(threads, "mix") as crew:
        blocks = mixed_passages(stems, spans, project.sample_rate, crew)
        for first, after in spans:
            before, mixed = np.empty((2, after - first, STEREO.channels))
            at = 0
            while at < after - first:
                heard = next(blocks)
                here = slice(at, at + len(heard[0]))
                before[here] = folded(bus_of(heard[: len(sources)]), project.layout, STEREO)
                mixed[here] = folded(bus_of(heard[len(sources) :]), project.layout, STEREO)
                at = here.stop
            yield before, mixed


def _encoded(place: Place, heard: Sequence[Floats], wanted_db: float, rate_hz: int) -> Excerpt:
    playable_hz = _playable_hz(rate_hz)
    sounds = [_faded(_at_rate(sound, rate_hz, playable_hz), playable_hz) for sound in heard]
    highest = gain_from_db(CEILING_DBTP - wanted_db)
    peak = max(highest, *map(highest_sample, sounds))
    for sound in sounds:
        peak = highest_between(sound, highest_sample(sound), peak)
    lowered_db = math.ceil(100.0 * db_from_gain(peak / highest)) / 100.0
    gain_db = round(wanted_db - lowered_db, 4)
    before, after = (to_listen(sound * gain_from_db(gain_db), playable_hz) for sound in sounds)
    return Excerpt(
        place=place,
        before=before,
        after=after,
        sample_rate=playable_hz,
        frames=len(sounds[0]),
        gain_db=gain_db,
        lowered_db=lowered_db,
    )


def _playable_hz(rate_hz: int) -> int:
    """The rate itself where MP3 has it, else the one of its family."""
    if rate_hz in (CODINGS["mp3"].rates_hz or ()):
        return rate_hz
    return 44_100 if rate_hz % 11_025 == 0 else 48_000


def _at_rate(sound: Floats, rate_hz: int, wanted_hz: int) -> Floats:
    if rate_hz == wanted_hz:
        return sound
    converter = RateConverter(Fraction(rate_hz, wanted_hz), sound.shape[1])
    return np.concatenate((converter.process(sound), converter.flush()))


def _faded(sound: Floats, rate_hz: int) -> Floats:
    """In place, in and out."""
    samples = min(samples_from_seconds(FADE_S, rate_hz), len(sound) // 2)
    gains = Ramp(samples, "s_curve").gains(0, samples)[:, None]
    sound[:samples] *= gains
    sound[len(sound) - samples :] *= gains[::-1]
    return sound
