"""The stems of a project as files: looked at before anything is done, and held against the plan that is to mix them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from stemmix.errors import ProjectError, StemError
from stemmix.files.audio import AudioFile, inspect, inspect_discrete, sha256_of_stem
from stemmix.files.documents import stem_paths
from stemmix.files.faults import none_of
from stemmix.model.layouts import LAYOUTS, MONO, STEREO, Layout, Matrix, chained, fold_matrix, placing_matrix
from stemmix.model.plan import Plan
from stemmix.model.project import Project, Stem
from stemmix.planning.evidence import HeardStem
from stemmix.units import samples_from_seconds


@dataclass(frozen=True)
class Source:
    """A stem that is heard, and its file or files."""

    stem: Stem
    audio: AudioFile
    sha256: str
    hashes: tuple[str, ...]
    """Of each of its files."""
    at: int
    """Where it begins, in samples of the programme."""
    warnings: tuple[str, ...]

    def fold(self, bus: Layout) -> Matrix:
        """What listeners in stereo get of it: its place on the bus, folded. Decisions are made on that."""
        return chained(placing_matrix(self.audio.layout, bus, self.stem.pan), fold_matrix(bus, STEREO))

    def with_warnings(self, heard: HeardStem) -> Source:
        """With what the scan found besides."""
        found = tuple(f"{self.audio.path}: {warning}" for warning in heard.facts.warnings)
        return replace(self, warnings=self.warnings + found)


def open_stems(project_path: Path, project: Project, threads: int = 2) -> list[Source]:
    """Look at every stem that is heard, and take its hash; a StemError names all that cannot be used.

    ProjectError where one that is not mono has a pan.
    """

    def opened(stem: Stem) -> Source | StemError:
        paths = stem_paths(project_path, stem)
        whole = paths.get(None)
        try:
            if whole is None:
                audio = inspect_discrete({label: path for label, path in paths.items() if label is not None})
            else:
                audio = inspect(whole, None if stem.layout is None else LAYOUTS[stem.layout], stem.order)
            sha256, hashes = sha256_of_stem(audio)
        except StemError as fault:
            return fault
        if stem.pan and audio.layout != MONO:
            has = f"has {audio.layout.channels} channels ({audio.layout.name})"
            raise ProjectError(f"{project_path}: stem {stem.id!r}: pan: is for mono stems, and {audio.path} {has}")
        at = samples_from_seconds(stem.at, project.sample_rate)
        return Source(stem, audio, sha256, hashes, at, audio.warnings)

    with ThreadPoolExecutor(threads, "open") as pool:
        found = list(pool.map(opened, project.heard))
    if faults := [str(fault) for fault in found if isinstance(fault, StemError)]:
        raise StemError("\n".join(faults))
    return [source for source in found if isinstance(source, Source)]


def refuse_unheard(project_path: Path, project: Project, stem: str) -> None:
    """A ProjectError where a stem, by its id, is not of the project or is muted."""
    known = [one.id for one in project.heard]
    if stem in known:
        return
    if any(one.id == stem for one in project.stems):
        raise ProjectError(f"{project_path}: stem {stem!r} is muted: it is not listened to")
    raise ProjectError(f"{project_path}: stem {none_of(stem, known)}")


def refuse_stale(plan_path: Path, plan: Plan, project: Project, sources: Sequence[Source]) -> None:
    """A ProjectError where the plan was made for other stems than these, saying in what they differ."""
    reasons = []
    length = max((stem.at + stem.frames for stem in plan.stems), default=0)
    if plan.frames != length:
        reasons.append(f"it is {plan.frames} samples long, its stems end after {length}")
    if plan.sample_rate != project.sample_rate:
        reasons.append(f"it is for {plan.sample_rate} Hz, the project for {project.sample_rate} Hz")
    planned, present = {stem.id: stem for stem in plan.stems}, {source.stem.id: source for source in sources}
    reasons += [f"stem {name} is not in it" for name in present if name not in planned]
    reasons += [f"its stem {name} is not in the project, or is muted" for name in planned if name not in present]
    for name, source in present.items():
        if name in planned and planned[name].sha256 != source.sha256:
            reasons.append(f"{source.audio.path} of stem {name} has changed since")
        if name in planned and planned[name].at != source.at:
            reasons.append(f"stem {name} has been moved")
        if name in planned and planned[name].gain_db != source.stem.gain_db:
            reasons.append(f"the fader of stem {name} has been moved from {planned[name].gain_db:g} dB")
        if name in planned and planned[name].pan != source.stem.pan:
            reasons.append(f"the pan of stem {name} has been moved from {planned[name].pan:g}")
        if name in planned and (planned[name].layout, planned[name].order) != (source.stem.layout, source.stem.order):
            reasons.append(f"the channels of stem {name} were said to be others")
        if name in planned and planned[name].role is not source.stem.role:
            reasons.append(f"stem {name} was {planned[name].role.value} then")
    conflicts = {conflict.id for conflict in plan.conflicts}
    reasons += [
        f"its move {move.id} is made because of {because}, which it does not list"
        for move in plan.moves
        for because in move.because
        if because not in conflicts
    ][:3]
    if reasons:
        raise ProjectError(f"{plan_path}: the plan is stale: {'; '.join(reasons)}")
