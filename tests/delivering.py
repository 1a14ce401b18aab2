"""Deliveries of made-up stems, without a plan: what the engine's tests of masters and printed parts work on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemmix.crew import Crew
from stemmix.engine.bus import Job
from stemmix.engine.deliver import deliver, publish
from stemmix.engine.gauge import Programme
from stemmix.model.project import Project
from stemmix.model.receipt import Finding, WrittenFile
from tests.material import RATE_HZ

Floats = NDArray[np.float64]

LSB = 2.0**-23


def project_of(roles: Sequence[str], *deliverables: dict[str, Any], **fields: Any) -> Project:
    document = {
        "schema": "stemmix.project/2",
        "title": "A test",
        "stems": [{"id": f"S{index}", "role": role, "file": f"{index}.wav"} for index, role in enumerate(roles)],
        "deliverables": list(deliverables) or [{"name": "mix"}, {"name": "stems", "kind": "stems"}],
    }
    return Project.model_validate_json(json.dumps(document | fields))


def job_of(
    folder: Path,
    stems: Sequence[Floats],
    *deliverables: dict[str, Any],
    roles: Sequence[str] = (),
    size: int = 10_000,
    programme: Programme | None = None,
    undipped: Sequence[Floats] | None = None,
    **fields: Any,
) -> Job:
    """A job of stems as they leave their strips, music if nothing else is said, given in blocks of `size`.

    `fields` are the job's own where it has them (`seed`, `name`, `threads` ...), the project's otherwise.
    """
    frames = len(stems[0])

    def blocks(of: Sequence[Floats]) -> Callable[[Crew], Iterator[list[Floats]]]:
        return lambda crew: ([stem[at : at + size] for stem in of] for at in range(0, frames, size))

    own = {name: fields.pop(name) for name in ("name", "seed", "threads", "advance") if name in fields}
    project = project_of(roles or ["music"] * len(stems), *deliverables, **fields)
    given: dict[str, Any] = {"name": "reel", "seed": "plan", "advance": lambda stage, count: None}
    return Job(
        project=project,
        folder=folder,
        frames=frames,
        layout=project.layout,
        mixed=blocks(stems),
        undipped=blocks(stems if undipped is None else undipped),
        programme=programme or Programme(0, frames, ()),
        **(given | own),
    )


def delivered(*jobs: Job, given: Mapping[str, tuple[float, str]] | None = None) -> dict[str, WrittenFile]:
    """By path, everything published."""
    with deliver(jobs, given) as deliveries:
        publish(deliveries)
    return {file.path: file for delivery in deliveries for file in delivery.files}


def found(file: WrittenFile, check: str) -> Finding:
    """The one finding of this check."""
    (finding,) = (finding for finding in file.findings if finding.check == check)
    return finding


def checks(file: WrittenFile) -> set[str]:
    """What was looked at in a file."""
    return {finding.check for finding in file.findings}


def peak_32x_db(signal: Floats) -> float:
    """True peak by scipy's resampling, 32x."""
    from scipy.signal import resample_poly

    padded = np.pad(signal, ((200, 200), (0, 0)))
    return float(20 * np.log10(np.abs(resample_poly(padded, 32, 1, axis=0)).max()))


def loudness_lufs(signal: Floats, rate_hz: int = RATE_HZ) -> float:
    """By pyloudnorm, which has mono and stereo right."""
    import pyloudnorm

    return float(pyloudnorm.Meter(rate_hz, filter_class="DeMan").integrated_loudness(signal))


def rms_db(signal: Floats) -> float:
    """Over all channels alike."""
    return float(10 * np.log10(np.mean(signal**2) + 1e-300))
