"""A job of several stages as one share of all its work, so that a bar moves as time does, and only forward."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from stemmix.model.deliverables import GROUPS, PrintedStems
from stemmix.model.layouts import LAYOUTS
from stemmix.model.progress import Progress, Stage, Step
from stemmix.model.project import Project


@dataclass
class _Work:
    """One stage of a job."""

    weight: float
    """How long it takes, beside others."""
    expected: float = 0.0
    """How much there is to do, in its own unit."""
    done: float = 0.0

    @property
    def share(self) -> float:
        """How much is done; never more than all, though a limiter may need another round."""
        return min(self.done / self.expected, 1.0) if self.expected else 0.0


@dataclass
class _Whole:
    """What the stages of a job have in common."""

    progress: Progress
    stages: dict[Stage, _Work]
    reels: int
    audio_s: float | None = None
    share: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Steps:
    """Counts what is done in each stage, in the stage's own unit (mostly samples), and tells the share of all work."""

    def __init__(self, progress: Progress, work: Mapping[Stage, float], reels: int = 1) -> None:
        """`work`: how long each stage takes beside the others, in any unit. What is not in it is not counted."""
        self._whole = _Whole(progress, {stage: _Work(weight) for stage, weight in work.items()}, reels)
        self._reel = 1

    def of_reel(self, number: int) -> Steps:
        """The same job, as one of its reels (from 1) tells of it."""
        its = Steps.__new__(Steps)
        its._whole, its._reel = self._whole, number
        return its

    def expect(self, stage: Stage, amount: float) -> None:
        """So much (more) is to be done in a stage; said before it begins."""
        if (work := self._whole.stages.get(stage)) is not None:
            work.expected += amount

    def lasts(self, seconds: float) -> None:
        """So much (more) audio is worked on."""
        self._whole.audio_s = (self._whole.audio_s or 0.0) + seconds

    def skip(self, stage: Stage, amount: float) -> None:
        """So much of what was expected need not be done: it counts as no work."""
        with self._whole.lock:
            work = self._whole.stages.get(stage)
            if work is not None and work.expected:
                less = min(amount, work.expected)
                work.weight *= 1.0 - less / work.expected
                work.expected -= less

    def join(self, stage: Stage, other: Stage, amount: float) -> None:
        """So much of what was expected of a stage is done as part of another, which takes as much longer."""
        with self._whole.lock:
            work, its = self._whole.stages.get(stage), self._whole.stages.get(other)
            if work is not None and its is not None and work.expected:
                less = min(amount, work.expected)
                moved = work.weight * less / work.expected
                work.weight, its.weight = work.weight - moved, its.weight + moved
                work.expected -= less

    def advance(self, stage: Stage, amount: float) -> None:
        """So much more is done in a stage; nothing at all says that it begins."""
        whole = self._whole
        with whole.lock:
            if stage in whole.stages:
                whole.stages[stage].done += amount
            self._tell(stage)

    def end(self, stage: Stage) -> None:
        """Everything is done, whatever was expected; `stage` was the last."""
        with self._whole.lock:
            self._whole.share = 1.0
            self._tell(stage)

    def _tell(self, stage: Stage) -> None:
        whole = self._whole
        total = sum(work.weight for work in whole.stages.values())
        if total:
            done = sum(work.weight * work.share for work in whole.stages.values()) / total
            whole.share = min(max(whole.share, done), 1.0)
        whole.progress(Step(stage, whole.share, whole.audio_s, self._reel, whole.reels))


def part_of(progress: Progress, first: float, last: float) -> Progress:
    """Progress of a job that is from `first` to `last` of a larger one."""
    return lambda step: progress(step._replace(share=first + (last - first) * step.share))


def reading(progress: Progress) -> Callable[[float], None]:
    """For files that are only read: takes shares of all of them."""
    steps = Steps(progress, {"read": 1.0})
    steps.expect("read", 1.0)
    return lambda share: steps.advance("read", share)


# What stages take beside each other: seconds for 20 minutes of one stereo stem, or of a stereo file that is written.
_OF_STEM: Mapping[Stage, float] = {"open": 0.15, "align": 0.6, "listen": 1.6, "decide": 0.6, "mix": 1.5}
_OF_FILE: Mapping[Stage, float] = {"write": 1.5, "print": 2.0, "examine": 2.3}


def work_of(
    projects: Sequence[Project], *, listens: bool, looks: bool = False, mixes: bool = True
) -> dict[Stage, float]:
    """How long the stages of a job take beside each other.

    It `listens` unless a plan is stored, `looks` for offsets in every group, and `mixes` unless it ends with decisions.
    """
    stems = sum(len(project.heard) for project in projects)
    work: dict[Stage, float] = {"open": _OF_STEM["open"] * stems}
    if listens:
        grouped = [
            stem
            for project in projects
            for group in project.groups
            for stem in project.heard
            if stem.group == group.id and (group.align or looks)
        ]
        work |= {"align": _OF_STEM["align"] * len(grouped)} if grouped else {}
        work |= {stage: _OF_STEM[stage] * stems for stage in ("listen", "decide")}
    if mixes:
        masters = sum(LAYOUTS[one.layout].channels / 2 for project in projects for one in project.masters)
        parts = sum(files_of_parts(project) * project.layout.channels / 2 for project in projects)
        work |= {"mix": _OF_STEM["mix"] * stems, "write": _OF_FILE["write"] * masters}
        work |= {"print": _OF_FILE["print"] * parts} if parts else {}
        work |= {"examine": _OF_FILE["examine"] * (masters + parts)}
    return work


def files_of_parts(project: Project) -> int:
    """How many files are printed at a master's gain."""
    stems, groups = len(project.heard), len({GROUPS[stem.role] for stem in project.heard})
    of_stems = {"stem": stems, "group": groups}
    return sum(of_stems[part.by] if isinstance(part, PrintedStems) else 1 for part in project.parts)
