"""Everything that is a sum of some of the stems, at the gain of a master: stems, groups, M&E, mix-minus.

Stems are not kept while they are mixed (hours of them would fill a disk): where any are asked for, the strips run once
more, give the same samples again, and every file takes its own sum as they go by. What would pass full scale is never
clipped: it is printed as 32-bit float, again where only the sum shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stemmix.crew import Crew, Hearers
from stemmix.engine.bus import Job
from stemmix.engine.mixer import bus_of, folded
from stemmix.engine.output import Output, opened
from stemmix.model.deliverables import GROUPS, Group, MixMinus, MusicAndEffects, PartDeliverable, PrintedStems
from stemmix.model.layouts import Layout
from stemmix.model.project import Project
from stemmix.model.receipt import UNMEASURED, Finding, Kind, WrittenFile
from stemmix.units import gain_from_db

Floats = NDArray[np.float64]

_PRINTED_AT_MOST = gain_from_db(-0.01)
"""Highest sample that is printed in whole numbers: dither may add a step or two."""


@dataclass(frozen=True)
class Parent:
    """What parts take from their master."""

    name: str
    layout: Layout
    gain_db: float


@dataclass(frozen=True)
class Part:
    """One file to be printed."""

    wanted: PartDeliverable
    kind: Kind
    label: str | None
    """The stem's id or the group, where there are several files."""
    stems: tuple[int, ...]
    """By number among those that are heard, in order."""
    undipped: bool
    parent: Parent


def parts_of(project: Project, parents: Mapping[str, Parent]) -> list[Part]:
    """Every part that a project lists, in its order; `parents` by name, the first one first."""
    everything = range(len(project.heard))
    groups: list[Group] = [GROUPS[stem.role] for stem in project.heard]
    parts: list[Part] = []
    for wanted in project.parts:
        parent = parents[wanted.parent] if wanted.parent is not None else next(iter(parents.values()))
        match wanted:
            case PrintedStems(by="stem"):
                parts += [
                    Part(wanted, "stem", stem.id, (number,), undipped=False, parent=parent)
                    for number, stem in enumerate(project.heard)
                ]
            case PrintedStems():
                for group in sorted(set(groups)):
                    members = tuple(number for number in everything if groups[number] == group)
                    parts.append(Part(wanted, "group", group, members, undipped=False, parent=parent))
            case MusicAndEffects(kind=kind):
                members = tuple(number for number in everything if groups[number] != "D")
                parts.append(Part(wanted, kind, None, members, undipped=kind == "m_and_e_undipped", parent=parent))
            case MixMinus(without=without):
                members = tuple(number for number in everything if project.heard[number].id not in without)
                parts.append(Part(wanted, "mix_minus", None, members, undipped=False, parent=parent))
    return parts


def printed(job: Job, stem_peaks: Sequence[float], parts: Sequence[Part], cleaning: ExitStack) -> list[Output]:
    """The files of parts, written and not yet measured, in order.

    `stem_peaks`: the highest sample of each stem after its strip, in any channel of the bus. Raises OutputError where a
    file cannot be written.
    """
    # one stem's peak is known; what else turns out too high is printed again
    high = [
        len(part.stems) == 1
        and not part.undipped
        and part.parent.layout == job.layout
        and stem_peaks[part.stems[0]] * gain_from_db(part.parent.gain_db) > _PRINTED_AT_MOST
        for part in parts
    ]
    outputs = [_begun(job, part, cleaning, as_float=over) for part, over in zip(parts, high, strict=True)]
    _print(job, parts, outputs)
    clipped = [number for number, output in enumerate(outputs) if output.clipped]
    for number in clipped:
        outputs[number].writer.abort()
        outputs[number] = _begun(job, parts[number], cleaning, as_float=True)
    if clipped:
        _print(job, [parts[number] for number in clipped], [outputs[number] for number in clipped])
    return outputs


def _begun(job: Job, part: Part, cleaning: ExitStack, *, as_float: bool) -> Output:
    heard = job.project.heard
    stem = heard[part.stems[0]] if part.kind == "stem" else None
    facts = WrittenFile(
        path="",
        deliverable=part.wanted.name,
        kind=part.kind,
        stem=None if stem is None else stem.id,
        stems=tuple(heard[number].id for number in part.stems),
        role=None if stem is None else stem.role.value,
        group=part.label if part.kind == "group" else None,
        parent=part.parent.name,
        layout=part.parent.layout.name,
        format=part.wanted.format,
        frames=job.frames,
        gain_db=part.parent.gain_db,
        sha256="",
        measured=UNMEASURED,
    )
    output = opened(
        job,
        part.wanted,
        part.parent.layout,
        facts,
        cleaning,
        label=part.label,
        encoding="wavfloat" if as_float else part.wanted.format,
    )
    if as_float and part.wanted.format != "wavfloat":
        text = "would exceed full scale at the master's gain: written as 32-bit float"
        output.findings.append(Finding(check="full_scale", verdict="warn", text=text))
    return output


def _print(job: Job, parts: Sequence[Part], outputs: Sequence[Output]) -> None:
    """Run the strips for all files at once."""
    for undipped in (False, True):
        files = [(part, output) for part, output in zip(parts, outputs, strict=True) if part.undipped is undipped]
        if files:
            _take_all(job, job.undipped if undipped else job.mixed, files)


def _take_all(job: Job, mixed: Callable[[Crew], Iterator[list[Floats]]], files: Sequence[tuple[Part, Output]]) -> None:
    def take(part: Part, output: Output, stems: list[Floats]) -> None:
        """The next block; a file that is clipped already is lost."""
        if output.clipped:
            return
        mix = bus_of([stems[number] for number in part.stems]) if part.stems else np.zeros_like(stems[0])
        output.put(folded(mix, job.layout, part.parent.layout) * gain_from_db(part.parent.gain_db))

    with Crew(job.threads, "print") as crew:
        hearers = Hearers(crew)
        for stems in mixed(crew):
            done = partial(job.advance, "print", len(files) * len(stems[0]))
            hearers.give([partial(take, part, output, stems) for part, output in files], done)
        hearers.catch_up()
