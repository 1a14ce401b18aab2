"""Many projects, each a render of its own: one bad reel never stops the rest.

What is to be done of a project is a `Task`, what came of it an `Outcome`; both go from process to process. A `Runner`
has tasks done: `local` in processes of this machine, `cluster` on the workers of a scheduler. Whatever a task meets
comes back as an outcome, so that no runner takes a bad reel for a bad worker.
"""

from __future__ import annotations

import logging
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stemmix import __version__
from stemmix.destinations import folder_of, receipt_path_of, refuse_clashes
from stemmix.errors import ClusterError, OutputError, ProjectError, StemmixError
from stemmix.files.cache import user_cache
from stemmix.files.claims import claimed, remove_stray_lock
from stemmix.files.folders import folder_for_files, missing_of, remove_empty
from stemmix.files.hashes import Hashes, Stamp, stamp_of
from stemmix.files.parts import remove_strays
from stemmix.files.paths import absolute
from stemmix.files.projects import read_project
from stemmix.model.batch import BATCH_SCHEMA, Batch, Came, Outcome, worst
from stemmix.model.project import Project
from stemmix.model.receipt import Receipt
from stemmix.pipeline import render
from stemmix.resume import proof_of
from stemmix.stopping import StoppedError


@dataclass(frozen=True)
class Task:
    """One project that is to be rendered; its paths are absolute."""

    named: str
    """The project as it was given."""
    project: Path
    out: Path | None
    gain_from: Path | None
    resume: bool
    """Whether what its receipt proves done is left as it is."""
    use_cache: bool
    threads: int
    before: Stamp | None
    """Of the receipt that stood there when it was asked for."""
    version: str = __version__
    """Of the stemmix that asks for it."""
    new_folders: tuple[Path, ...] = ()
    """What was not there yet, when it was asked for, of the folder that it goes to; the outermost last."""


class Runner(Protocol):
    """Has tasks done, some at once."""

    def outcomes(
        self, tasks: Sequence[Task], begun: Callable[[Task], None], announced: Callable[[str], None]
    ) -> Generator[Outcome]:
        """What comes of each, as it comes; `begun` is told of each that is taken up (again of one whose worker
        died, or that is given to another), and `announced` at once what any of them says it will take its time over.

        Closed before its end, by an error or a signal, nothing of it runs on, and no part file is left.
        """
        ...

    def threads(self, tasks: int) -> int:
        """How many threads each of so many tasks should use."""
        ...


def render_many(
    paths: Sequence[Path],
    out: Path | None,
    runner: Runner,
    *,
    gain_from: Path | None = None,
    resume: bool = False,
    use_cache: bool = True,
    begun: Callable[[str], None],
    ended: Callable[[Outcome], None],
    announced: Callable[[str], None],
) -> Batch:
    """Render every project into its folder, or all into `out`; `begun` and `ended` hear of each as it is given.

    `announced` hears at once, and once, that kernels are compiled: all wait for it together.

    Raises ProjectError where two would write the same file, before anything is begun, and ClusterError where a runner
    has nothing to run on. What else happens to a project is its outcome.
    """
    began_s = time.monotonic()
    outcomes: dict[str, Outcome] = {}
    tasks: list[Task] = []
    projects: list[Project] = []
    threads = runner.threads(len(paths))
    where = None if out is None else absolute(out)
    gains = None if gain_from is None else absolute(gain_from)

    def end(outcome: Outcome) -> None:
        outcomes[outcome.project] = outcome
        ended(outcome)

    said: list[str] = []

    def announce(text: str) -> None:
        if not said:  # whoever comes second finds kernels that the first is about to keep, and says less
            said.append(text)
            announced(text)

    unreadable = []
    for path in paths:
        try:
            projects.append(read_project(path))
        except ProjectError as fault:
            unreadable.append(_failed(str(path), fault.exit_code, str(fault)))
        else:
            place = absolute(path)
            before = stamp_of(receipt_path_of(place, where))
            new = missing_of(folder_of(place, where))
            task = Task(str(path), place, where, gains, resume, use_cache, threads, before, new_folders=new)
            tasks.append(task)
    refuse_clashes([task.project for task in tasks], projects, where)
    for outcome in unreadable:
        end(outcome)
    with _folders(tasks), closing(runner.outcomes(tasks, lambda task: begun(task.named), announce)) as coming:
        for outcome in coming:
            end(outcome)
    return _summed([outcomes[str(path)] for path in paths], time.monotonic() - began_s)


@contextmanager
def _folders(tasks: Sequence[Task]) -> Iterator[None]:
    """The folders of all tasks, there before any begins: one that fails takes away a folder that it made, and another
    one may be about to write there. In the end they are clear of what killed workers left, and gone if nothing came."""
    with ExitStack() as made:
        for folder in dict.fromkeys(folder_of(task.project, task.out) for task in tasks):
            with suppress(OSError):  # said by whoever writes there
                made.enter_context(folder_for_files(folder))
        try:
            yield
        finally:
            for task in tasks:
                folder = folder_of(task.project, task.out)
                remove_stray_lock(folder, task.project.stem)
                remove_strays(folder)


def rendered(task: Task, heed: Callable[[], None], announce: Callable[[str], None]) -> Outcome:
    """What comes of a task, whatever comes: only what ends the process, or is asked for by `heed`, is raised.

    `heed` is called all the time, from any thread, and raises StoppedError where nobody wants it any more. `announce`
    is told, from any thread, what is about to take its time; whatever else there is to say is in the outcome.
    """
    began_s = time.monotonic()
    with _said(announce) as notes:
        try:
            outcome = _rendered(task, heed)
        except StemmixError as fault:
            outcome = _failed(task.named, fault.exit_code, str(fault))
        except Exception as fault:
            notes.append(traceback.format_exc())
            outcome = _failed(task.named, 1, f"{type(fault).__name__}: {fault}")
        except StoppedError:
            # who asked for it may be gone by now, and could not while there were parts of it
            remove_empty(task.new_folders)
            raise
    return outcome.model_copy(update={"wall_s": round(time.monotonic() - began_s, 3), "notes": tuple(notes)})


def _rendered(task: Task, heed: Callable[[], None]) -> Outcome:
    if task.version != __version__:
        raise ClusterError(f"{task.named}: was sent by stemmix {task.version}, but this worker has {__version__}")
    receipt_path = receipt_path_of(task.project, task.out)
    folder = receipt_path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise OutputError(f"{folder}: cannot be made: {fault.strerror or fault}") from None
    lacks: str | None = None
    with claimed(folder, task.project.stem, heed):
        # somebody has done it since it was asked for: a worker that was taken for dead, or died before it could tell
        done_since = written_since(task)
        if task.resume or done_since:
            cache = user_cache() if task.use_cache else None
            with Hashes(cache, task.threads) as hashes:
                proved, lacks = proof_of(task.project, task.out, task.gain_from, hashes)
            if proved is not None:
                if cache is not None:
                    cache.trim()
                return _outcome(task, proved, None if done_since else "skipped")
        began_s = time.monotonic()
        (receipt,) = render(
            [task.project],
            task.out,
            gain_from=task.gain_from,
            progress=lambda step: heed(),
            use_cache=task.use_cache,
            threads=task.threads,
        )
        speed = receipt.frames / receipt.sample_rate / (time.monotonic() - began_s)
    outcome = _outcome(task, receipt)
    return outcome.model_copy(update={"speed": round(speed, 1), "not_skipped": lacks if task.resume else None})


def written_since(task: Task) -> bool:
    """Whether its receipt is there, and another one than when it was asked for: each is written anew, whatever it
    says."""
    now = stamp_of(receipt_path_of(task.project, task.out))
    return now is not None and (task.before is None or not now.same_content(task.before))


def _outcome(task: Task, receipt: Receipt, came: Came | None = None) -> Outcome:
    first = next((file for file in receipt.files if file.parent is None), None)
    missed = [f"{file.path}: {text}" for file in receipt.files for text in file.misses]
    return Outcome(
        project=task.named,
        came=came or ("done" if receipt.passed else "missed"),
        exit_code=0 if receipt.passed else 5,
        why="; ".join(missed) or None,
        receipt=str(receipt_path_of(task.project, task.out)),
        deliverable=None if first is None else first.deliverable,
        integrated_lufs=None if first is None else first.measured.integrated_lufs,
        true_peak_dbtp=None if first is None else first.measured.true_peak_dbtp,
        audio_s=round(receipt.frames / receipt.sample_rate, 3),
    )


def killed(task: Task, number: int | None) -> Outcome:
    """The outcome of a task whose second worker died, by a signal where that is known."""
    if number is None:
        return failed(task, 1, "its worker ended twice, for no known reason")
    why = ", as the system does when memory runs out" if number == signal.SIGKILL else ""
    return _failed(task.named, 128 + number, f"its worker was killed twice, now by {signal.Signals(number).name}{why}")


def failed(task: Task, exit_code: int, why: str) -> Outcome:
    """The outcome of a task that did not come to its end."""
    return _failed(task.named, exit_code, why)


def _failed(named: str, exit_code: int, why: str) -> Outcome:
    return Outcome(project=named, came="failed", exit_code=exit_code, why=why)


def _summed(outcomes: Sequence[Outcome], wall_s: float) -> Batch:
    counts = Counter(outcome.came for outcome in outcomes)
    audio_s = sum(outcome.audio_s or 0.0 for outcome in outcomes if outcome.speed is not None)
    return Batch(
        schema_=BATCH_SCHEMA,
        exit_code=worst([outcome.exit_code for outcome in outcomes]),
        done=counts["done"],
        missed=counts["missed"],
        skipped=counts["skipped"],
        failed=counts["failed"],
        wall_s=round(wall_s, 3),
        speed=round(audio_s / wall_s, 1) if audio_s else None,
        projects=tuple(outcomes),
    )


@contextmanager
def _said(announce: Callable[[str], None]) -> Iterator[list[str]]:
    """What rooms warn the logger `stemmix` of meanwhile; what they only inform it of is of use while it lasts."""
    notes: list[str] = []
    log = logging.getLogger("stemmix")

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            (announce if record.levelno < logging.WARNING else notes.append)(record.getMessage())

    said = Said()
    level_before = log.level
    log.addHandler(said)
    log.setLevel(logging.INFO)
    try:
        yield notes
    finally:
        log.removeHandler(said)
        log.setLevel(level_before)
